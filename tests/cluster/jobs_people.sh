#!/bin/bash
# What people and programs see of jobs: JSON, the pages, word of the end by URL, and what the store keeps of jobs when the
# scheduler and its disk are gone.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --workers 2 --racks 2 -D dfs.replication=1 -D ashlar.worker.slots=2 -D dfs.blocksize=1m
run() { timeout "$(patience 100)" "$job" run "$@"; }
job_id() { grep -oE 'job_[0-9]+_[0-9]+' "$1" | head -n 1; }
said() { # said SENTENCE PATTERN FILE
  if grep -qE -- "$2" "$3"; then pass "$1"; else fail "$1: no \"$2\" in: $(tail -n 6 "$3" | tr '\n' ' ')"; fi
}
seq 1 100000 > "$T/numbers"
check "a file is put" "$dfs" -put "$T/numbers" /numbers

# ---- word of the end ----
cat > "$T/listen.py" << 'P'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    first = True
    def do_GET(self):
        with open(sys.argv[1] + "/heard", "a") as f:
            f.write(self.path + "\n")
        code, H.first = (500 if H.first else 200), False
        self.send_response(code)
        self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
with open(sys.argv[1] + "/port.new", "w") as f:
    f.write(str(s.server_port))
import os
os.rename(sys.argv[1] + "/port.new", sys.argv[1] + "/port")
s.serve_forever()
P
python3 "$T/listen.py" "$T" &
listener=$!
until_ok 10 test -e "$T/port"
url="http://127.0.0.1:$(cat "$T/port")/done?id=\$jobId&how=\$jobStatus"
run -input /numbers -output /out -mapper cat -reducer cat -numReduceTasks 2 -D mapreduce.job.maps=6 -D mapreduce.job.name='a <name> & more' \
  -D mapreduce.job.end-notification.url="$url" -D mapreduce.job.end-notification.retry.attempts=3 \
  -D mapreduce.job.end-notification.retry.interval=100 > "$T/out" 2>&1
id=$(job_id "$T/out")
said "progress is told on the terminal" 'map 100% reduce' "$T/out"
until_ok 10 sh -c "[ \"\$(wc -l < '$T/heard')\" = 2 ]"
echo "/done?id=$id&how=SUCCEEDED" > "$T/want"
echo "/done?id=$id&how=SUCCEEDED" >> "$T/want"
same "a URL hears of the end, again when it did not take it" "$T/want" "$T/heard"
run -input /numbers -output /bad -mapper false -reducer NONE -D mapreduce.map.maxattempts=1 -D mapreduce.job.end-notification.url="$url" > "$T/bad.out" 2>&1
bad=$(job_id "$T/bad.out")
until_ok 10 grep -q "$bad" "$T/heard"
said "and of a failure" "id=$bad&how=FAILED" "$T/heard"
kill $listener

# ---- JSON and pages ----
check "a job's status is there as JSON" "$job" status -json "$id"
cat > "$T/look.py" << 'P'
import json, sys
j = json.load(open(sys.argv[1]))
want = dict(id=sys.argv[2], name="a <name> & more", state="SUCCEEDED", maps=j["maps"], mapsDone=j["maps"], reduces=2, reducesDone=2)
assert j["maps"] >= 6 and all(j[k] == v for k, v in want.items()), j
c = j["counters"]["Job Counters"]
assert c["Data-local map tasks"] + c.get("Rack-local map tasks", 0) + c.get("Other local map tasks", 0) == c["Launched map tasks"] == j["maps"], c
P
"$job" status -json "$id" > "$T/json"
check "with what belongs into it" python3 "$T/look.py" "$T/json" "$id"
curl -sf "$SCHEDULER_HTTP/" > "$T/page"
said "the page leads to each job" "href=\"show\?id=$id\"" "$T/page"
curl -sf "$SCHEDULER_HTTP/show?id=$id" > "$T/page"
bars=$(grep -c '<rect' "$T/page")
attempts=$("$job" logs "$id" | grep -c '^== ')
[ "$bars" = "$attempts" ] && pass "a picture shows every attempt" || fail "a picture shows every attempt: $bars of $attempts"
said "coloured by how near its input was" 'fill="#3a9d4f"><title>map [0-9.]+ on [0-9.]+, data-local' "$T/page"
said "and names are no markup" 'a &lt;name> &amp; more' "$T/page"
curl -s -o "$T/page" -w '%{http_code}' "$SCHEDULER_HTTP/show?id=nonsense" > "$T/code"
said "a job that is none is refused" '400' "$T/code"
curl -sf "$SCHEDULER_HTTP/metrics" > "$T/metrics"
said "metrics count tasks" '^scheduler_tasks_done_total [1-9]' "$T/metrics"
"$job" explain "$id" > "$T/explain"
said "job explain tells where the input is" 'its input is on 127.0.0.1[12].*\(/rack' "$T/explain"
said "and why a task ran where it ran" 'attempt 0 on 127.0.0.1[12].*data-local: a replica of its block is here; waited [0-9.]+ s; succeeded after' "$T/explain"

# ---- long logs ----
run -input /numbers -output /loud -mapper 'sh -c "cat > /dev/null; seq 1 20000 >&2"' -reducer NONE -D mapreduce.job.maps=1 > "$T/loud.out" 2>&1
loud=$(job_id "$T/loud.out")
"$job" logs "$loud" > "$T/log"
seq 1 20000 > "$T/want"
grep -E '^[0-9]+$' "$T/log" | head -n 20000 > "$T/got"
same "a long log is kept in the store, whole" "$T/want" "$T/got"

# ---- the scheduler's disk is lost while a job runs ----
cat > "$T/map.sh" << S
#!/bin/sh
echo "\$mapreduce_task_attempt_id" >> "$T/began"
[ "\$mapreduce_task_partition" -lt 3 ] || until [ -e "$T/go" ]; do sleep 0.05; done
cat
S
run -input /numbers -output /kept -mapper map.sh -reducer cat -file "$T/map.sh" -D mapreduce.job.maps=6 -D mapreduce.map.speculative=false > "$T/kept.out" 2>&1 &
runner=$!
until_ok 20 grep -q 'Running job' "$T/kept.out"
kept=$(job_id "$T/kept.out")
three_done() { [ "$("$job" logs "$kept" | grep -c '_m_.* succeeded')" -ge 3 ]; }
until_ok 30 three_done
copied() { # the copy has grown to the length of the journal
  local n
  n=$("$dfs" -cat "/tmp/ashlar/scheduler/state/$kept/*" 2> /dev/null | wc -c)
  [ "$n" -gt 0 ] && [ "$n" = "$(wc -c < "$C/data/scheduler/$kept.log")" ]
}
if until_ok 20 copied; then pass "the state of a running job is copied into the store"; else fail "the state of a running job is copied into the store"; fi
cluster kill scheduler
rm -r "$C/data/scheduler"
cluster restart scheduler
touch "$T/go"
if wait $runner; then pass "a scheduler with a new disk goes on with the job"; else fail "a scheduler with a new disk goes on with the job: $(tail -n 4 "$T/kept.out" | tr '\n' ' ')"; fi
"$dfs" -cat /kept/part-00000 2> /dev/null | tr -d '\t' > "$T/got"
LC_ALL=C sort "$T/numbers" > "$T/want"
same "its output is right" "$T/want" "$T/got"
[ "$(wc -l < "$T/began")" = "$(sort -u "$T/began" | wc -l)" ] && ! grep -qE '_m_[0-9]+_[1-9]$' "$T/began" &&
  pass "no map began twice" || fail "no map began twice: $(tr '\n' ' ' < "$T/began")"
gone() { ! "$dfs" -test -e "/tmp/ashlar/scheduler/state/$kept"; }
if until_ok 20 gone; then pass "and its state is cleared away"; else fail "and its state is cleared away"; fi

# ---- what it has forgotten is in the history ----
"$job" status -json "$id" > "$T/json2"
check "the history knows jobs that the scheduler has forgotten" python3 "$T/look.py" "$T/json2" "$id"
same "as they were" "$T/json" "$T/json2"
"$job" logs "$bad" > "$T/log" 2>&1
said "and what their tasks said and why they failed" 'failure: .*code 1' "$T/log"
refuse "a job that never was is named" 'neither the scheduler nor the store knows it' "$job" status job_1_0001
