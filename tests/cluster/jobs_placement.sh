#!/bin/bash
# Slow attempts, queues, machines that fail tasks and machines that leave, with real daemons; the decisions one by one are
# in tests/unit/compute/test_sched.c.
. "$(dirname "$0")/../lib/script.sh"
: > "$T/exclude"
start_cluster --datanodes 3 --workers 3 --racks 3 -D dfs.replication=3 -D ashlar.worker.slots=2 -D dfs.hosts.exclude="$T/exclude" \
  -D ashlar.scheduler.speculative.min=500 -D ashlar.scheduler.preemption.wait=500 -D ashlar.scheduler.locality.wait=100 \
  -D dfs.namenode.decommission.interval=1s
run() { timeout "$(patience 100)" "$job" run "$@"; }
job_id() { grep -oE 'job_[0-9]+_[0-9]+' "$1" | head -n 1; }
said() { # said SENTENCE PATTERN FILE
  if grep -qE -- "$2" "$3"; then pass "$1"; else fail "$1: no \"$2\" in: $(tail -n 6 "$3" | tr '\n' ' ')"; fi
}
seq 1 60000 > "$T/numbers"
check "a file is put" "$dfs" -put "$T/numbers" /numbers

# ---- a slow attempt ----
cat > "$T/slow.sh" << 'S'
#!/bin/sh
case $mapreduce_task_attempt_id in *_m_000002_0) sleep 1000 ;; esac
cat
S
run -input /numbers -output /slow -mapper slow.sh -reducer NONE -file "$T/slow.sh" -D mapreduce.job.maps=5 > "$T/slow.out" 2>&1 &&
  pass "a job does not wait for an attempt that hangs" || fail "a job does not wait for an attempt that hangs: $(tail -n 3 "$T/slow.out")"
"$job" logs "$(job_id "$T/slow.out")" > "$T/logs"
said "a second one was begun elsewhere" '_m_000002_1 succeeded on .*speculative: its other attempt is slower' "$T/logs"
said "and the first ended" '_m_000002_0 killed' "$T/logs"
"$dfs" -cat '/slow/part-*' | tr -d '\t' | LC_ALL=C sort > "$T/got"
LC_ALL=C sort "$T/numbers" > "$T/want"
same "each line came out once" "$T/want" "$T/got"
if until_ok 10 sh -c '! pgrep -f "^sleep 1000"'; then pass "its program is gone"; else fail "its program is gone"; fi

# ---- a queue that has waited for its share gets it ----
cat > "$T/wait.sh" << S
#!/bin/sh
until [ -e "$T/go" ]; do sleep 0.05; done
cat
S
hold() { # hold QUEUE OUTPUT
  run -input /numbers -output "$2" -mapper wait.sh -reducer NONE -file "$T/wait.sh" -D mapreduce.job.maps=12 -D mapreduce.job.queuename="$1" \
    -D mapreduce.map.speculative=false > "$T/$1.out" 2>&1 &
}
running() { "$job" logs "$(job_id "$T/$1.out")" | grep -c ' running on '; }
has() { [ "$(running "$1")" = "$2" ]; }
hold batch /batch
batch=$!
until_ok 20 has batch 6 && pass "a queue that is alone has all slots" || fail "a queue that is alone has all slots: $(running batch)"
hold prod /prod
prod=$!
if until_ok 30 has prod 3 && has batch 3; then pass "a second one gets its half"; else fail "a second one gets its half: $(running prod) and $(running batch)"; fi
"$job" explain "$(job_id "$T/batch.out")" > "$T/explain"
said "who had to give way is told why" 'its place was taken for the queue prod' "$T/explain"
touch "$T/go"
if wait $batch && wait $prod; then pass "both end well"; else fail "both end well"; fi
said "the ended attempts are counted" 'Killed map tasks=3' "$T/batch.out"

# ---- a machine that fails tasks ----
cat > "$T/bad.sh" << 'S'
#!/bin/sh
case $PWD in */worker0/*) echo "no such luck here" >&2; exit 3 ;; esac
sleep 0.2
cat
S
run -input /numbers -output /bad -mapper bad.sh -reducer NONE -file "$T/bad.sh" -D mapreduce.job.maps=24 > "$T/bad.out" 2>&1 &&
  pass "a job ends well though one machine fails its tasks" || fail "a job ends well though one machine fails its tasks: $(tail -n 3 "$T/bad.out")"
failed=$("$job" logs "$(job_id "$T/bad.out")" | grep -c ' failed on 127.0.0.11')
[ "$failed" -ge 3 ] && [ "$failed" -le 6 ] && pass "after a few failures that machine is left out" || fail "after a few failures that machine is left out: $failed"
rm -f "$T/go"
run -input /numbers -output /after -mapper cat -reducer NONE -D mapreduce.job.maps=12 > "$T/after.out" 2>&1
"$job" logs "$(job_id "$T/after.out")" > "$T/logs"
grep -q ' on 127.0.0.11' "$T/logs" && fail "by the next job, too" || pass "by the next job, too"

# ---- a machine that leaves ----
echo "127.0.0.12" > "$T/exclude"
check "a datanode is to leave" "$dfs" admin -refreshNodes
leaving() { # a job keeps the scheduler looking; the last one had nobody there
  run -input /numbers -output "/leave$SECONDS$RANDOM" -mapper 'sh -c "cat; sleep 1"' -reducer NONE -D mapreduce.job.maps=6 > "$T/leave.out" 2>&1
  "$job" logs "$(job_id "$T/leave.out")" > "$T/logs"
  ! grep -q ' on 127.0.0.12' "$T/logs" && grep -q 'succeeded on 127.0.0.13' "$T/logs"
}
if until_ok 40 leaving; then pass "its worker gets no new tasks"; else fail "its worker gets no new tasks: $(grep -oE 'on 127[0-9.]+' "$T/logs" | sort | uniq -c | tr '\n' ' ')"; fi
