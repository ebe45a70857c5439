#!/bin/bash
# Jobs on a cluster: what their programs are told and say, what fails and how it is told, damage and
# loss on the way. (main_job.sh kills each daemon in turn.)
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --racks 1 --workers 2 -D dfs.blocksize=1m -D dfs.replication=1 \
  -D ashlar.scheduler.worker.timeout=3000 -D ashlar.scheduler.locality.wait=300
unset PYTHONUNBUFFERED

seq 1 200000 > "$T/numbers"
echo "one line" > "$T/line"
"$dfs" -put "$T/numbers" /numbers && "$dfs" -put "$T/line" /line && "$dfs" -touchz /empty
run() { timeout "$(patience 100)" "$job" run "$@"; }
part() { "$dfs" -cat "$1" 2> /dev/null; }
said() { # said SENTENCE PATTERN FILE
  if grep -qE -- "$2" "$3"; then pass "$1"; else fail "$1: no \"$2\" in: $(tail -n 6 "$3" | tr '\n' ' ')"; fi
}
job_id() { grep -oE 'job_[0-9]+_[0-9]+' "$1" | head -n 1; }

# ---- what works ----
check "a map alone" run -input /numbers -output /m -mapper cat -reducer NONE
part '/m/part-*' | tr -d '\t' | LC_ALL=C sort > "$T/got"
LC_ALL=C sort "$T/numbers" > "$T/want"
same "its parts hold every line once" "$T/want" "$T/got"
check "an empty input" run -input /empty -output /e -mapper cat
[ "$(part /e/part-00000 | wc -c)" = 0 ] && pass "makes an empty part" || fail "makes an empty part"

cat > "$T/tell.sh" << 'S'
#!/bin/sh
echo "reporter:counter:Mine,lines,$(wc -l | tr -d ' ')" >&2
echo "reporter:status:nearly there" >&2
echo "a word on standard error" >&2
S
run -input /numbers -output /c -mapper tell.sh -reducer NONE -file "$T/tell.sh" -D mapreduce.job.name="my name" > "$T/c.out" 2>&1
said "counters that a program reports are summed" 'lines=200000' "$T/c.out"
id=$(job_id "$T/c.out")
"$job" status "$id" > "$T/status" 2>&1
said "job status names the job" 'Name: my name' "$T/status"
said "job status shows the counters" 'lines=200000' "$T/status"
"$job" logs "$id" > "$T/logs" 2>&1
said "job logs show what tasks said" 'a word on standard error' "$T/logs"
said "job logs show why a task ran where it ran" 'data-local \(a replica of its block is here\)' "$T/logs"
"$job" list > "$T/list" 2>&1
said "job list knows it" "$id +SUCCEEDED" "$T/list"
curl -sf "$SCHEDULER_HTTP/jobs" > "$T/json"
if python3 -c 'import json,sys; j=json.load(open(sys.argv[1]))["jobs"]; sys.exit(not any(x["id"]==sys.argv[2] and x["counters"]["Mine"]["lines"]==200000 for x in j))' "$T/json" "$id"
then pass "the page has it as JSON"; else fail "the page has it as JSON"; fi
check "the page is there for people" grep -q "$id" <(curl -sf "$SCHEDULER_HTTP/")
head -c 6000000 /dev/zero | tr '\0' 'z' > "$T/large-file"
check "a large shipped file goes through the store" run -input /line -output /big -mapper 'sh -c "wc -c < large-file"' \
  -reducer NONE -file "$T/large-file"
[ "$(part /big/part-00000 | tr -d '\t')" = 6000000 ] && pass "and arrives whole" || fail "and arrives whole: $(part '/big/part-*')"
"$dfs" -ls -R "/user/$(id -un)/.staging" 2> /dev/null | grep -q large && fail "and is cleared away" || pass "and is cleared away"

# ---- what fails says why ----
cat > "$T/bad.sh" << 'S'
#!/bin/sh
cat > /dev/null
echo "these are my last words" >&2
exit 7
S
run -input /line -output /f -mapper bad.sh -reducer NONE -file "$T/bad.sh" > "$T/f.out" 2>&1
[ $? = 1 ] && pass "a failing job ends with 1" || fail "a failing job ends with 1"
said "its code is told" 'failed with code 7' "$T/f.out"
said "so are its last words" 'these are my last words' "$T/f.out"
said "and its task and how often it was tried" 'task_[0-9]+_[0-9]+_m_[0-9]+ failed 4 times' "$T/f.out"
said "and its split" 'hdfs://.*/line:[0-9]+\+[0-9]+' "$T/f.out"
said "and how to run it again" 'job rerun-task attempt_' "$T/f.out"
"$dfs" -ls /f 2> /dev/null | grep -q . && fail "and nothing is left in the output" || pass "and nothing is left in the output"
attempt=$(grep -oE 'attempt_[0-9a-z_]+' "$T/f.out" | head -n 1)
if "$job" rerun-task "$attempt" "$T/again" > "$T/again.out" 2>&1; then fail "rerun-task fails as the task did"; else
  said "rerun-task fails as the task did" 'these are my last words' "$T/again.out"
fi
refuse "a mapper that is not there" "ship it with -file" run -input /line -output /f2 -mapper nowhere.py -reducer NONE
printf 'no interpreter' > "$T/nobang"
refuse "a file that is no program" 'Cannot run program.*nobang' run -input /line -output /f3 -mapper nobang -reducer NONE -file "$T/nobang"
refuse "a signal is told" 'signal 11' run -input /line -output /f4 -mapper "sh -c 'kill -SEGV \$\$'" -reducer NONE
refuse "a reducer that stops reading" 'before it had read all its input' run -input /numbers -input /numbers -output /f5 -mapper cat -reducer 'head -n 1'
check "which may be allowed" run -D ashlar.job.unread-input.allowed=true -input /numbers -input /numbers -output /f6 -mapper cat -reducer 'head -n 1'
check "a flood on standard error is no harm" run -input /line -output /f7 -mapper 'sh -c "cat; seq 1 400000 >&2"' -reducer NONE
refuse "a task that is silent too long" 'mapreduce.task.timeout' run -D mapreduce.task.timeout=500 -D mapreduce.map.maxattempts=1 \
  -input /line -output /f8 -mapper 'sleep 100' -reducer NONE
refuse "a class of Java's says so" "Java classes can't run here" run -input /line -output /f9 -mapper org.apache.hadoop.mapred.lib.TokenCountMapper

# ---- job kill ----
run -input /line -output /k -mapper 'sleep 1000' -reducer NONE > "$T/k.out" 2>&1 &
runner=$!
until_ok 10 grep -q 'Running job' "$T/k.out"
until_ok 10 pgrep -f 'sleep 1000'
check "a job can be killed" "$job" kill "$(job_id "$T/k.out")"
wait $runner && fail "its client ends with an error" || pass "its client ends with an error"
said "and says so" 'was killed' "$T/k.out"
if until_ok 10 sh -c '! pgrep -f "^sleep 1000"'; then pass "its programs are gone"; else fail "its programs are gone"; fi

# ---- a flipped bit in map output: the map is run again, the output is right ----
cat > "$T/slow.sh" << S
#!/bin/sh
# The last split waits: map output lies about until it has been spoilt.
[ "\$mapreduce_task_partition" = 0 ] || until [ -e "$T/spoilt" ]; do sleep 0.05; done
cat
S
run -input /numbers -output /flip -mapper slow.sh -reducer cat -file "$T/slow.sh" -D mapreduce.job.reduce.slowstart.completedmaps=1 > "$T/flip.out" 2>&1 &
runner=$!
first_map_done() { "$job" logs "$(job_id "$T/flip.out")" | grep -q '_m_000000_0 succeeded'; }
if until_ok 30 first_map_done; then
  victim=$(ls "$C"/data/worker*/job_*/attempt_*_m_000000_0/output)
  python3 - "$victim" << 'P'
import sys
f = open(sys.argv[1], "r+b"); f.seek(5000); b = f.read(1); f.seek(5000); f.write(bytes([b[0] ^ 16])); f.close()
P
fi
touch "$T/spoilt"
wait $runner && pass "a job survives a flipped bit in map output" || fail "a job survives a flipped bit in map output: $(tail -n 3 "$T/flip.out")"
part '/flip/part-*' | tr -d '\t' > "$T/got"
same "and its output is right" "$T/want" "$T/got"
"$job" logs "$(job_id "$T/flip.out")" > "$T/logs"
said "the map was run again" '_m_000000_1 succeeded' "$T/logs"

# ---- a worker is lost with finished map output ----
run -input /numbers -output /lost -mapper slow.sh -reducer cat -file "$T/slow.sh" -D mapreduce.job.reduce.slowstart.completedmaps=1 > "$T/lost.out" 2>&1 &
runner=$!
if until_ok 10 sh -c "ls $C/data/worker*/job_*/attempt_*_m_000000_0/output"; then
  victim=$(printf '%s\n' "$C"/data/worker*/job_*/attempt_*_m_000000_0 | grep -oE 'worker[0-9]+')
  cluster kill "$victim"
fi
wait $runner && pass "a job survives the loss of finished map output" || fail "a job survives the loss of finished map output: $(tail -n 3 "$T/lost.out")"
part '/lost/part-*' | tr -d '\t' > "$T/got"
same "and its output is right, too" "$T/want" "$T/got"
cluster restart "${victim:-worker0}"

# ---- a scheduler that was killed and started again ----
run -input /numbers -output /back -mapper slow.sh -reducer cat -file "$T/slow.sh" > "$T/back.out" 2>&1 &
runner=$!
until_ok 10 grep -qE 'map [1-9]' "$T/back.out"
cluster kill scheduler
sleep 0.5
cluster restart scheduler
wait $runner && pass "a job goes on when its scheduler is back" || fail "a job goes on when its scheduler is back: $(tail -n 3 "$T/back.out")"
part '/back/part-*' | tr -d '\t' > "$T/got"
same "with the right output" "$T/want" "$T/got"
"$job" list > "$T/list" 2>&1
said "jobs from before are remembered" "$id +SUCCEEDED" "$T/list"

# ---- a disk that fills up under a spill ----
mkdir "$T/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1m tmpfs "$T/small" 2> /dev/null; then
  "$ROOT/$B/bin/worker" -D ashlar.worker.dir="$T/small" -D ashlar.worker.address=127.0.0.77:0 \
    -D ashlar.worker.shuffle-address=127.0.0.77:0 -D ashlar.worker.hostname=small > "$T/small.log" 2>&1 &
  small=$!
  cluster kill worker0 && cluster kill worker1
  refuse "a full disk is told, and what helps" 'No space left.*ashlar.worker.dir' run -input /numbers -output /full -mapper 'sh -c "cat;seq 1000000 1400000"' -D mapreduce.map.maxattempts=2
  "$dfs" -ls /full 2> /dev/null | grep -q . && fail "and leaves nothing" || pass "and leaves nothing"
  kill $small && wait $small
  umount "$T/small"
else
  skip "a full disk is told: a small file system needs root"
fi
