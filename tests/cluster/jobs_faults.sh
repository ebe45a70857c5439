#!/bin/bash
# Jobs while daemons die: what is run again and what is not, what goes on, and that output appears once and whole.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 3 --workers 3 --racks 3 -D dfs.blocksize=1m -D dfs.replication=3 -D ashlar.worker.slots=2 \
  -D ashlar.scheduler.worker.timeout=3000 -D ashlar.scheduler.locality.wait=100
run() { timeout "$(patience 100)" "$job" run "$@"; }
job_id() { grep -oE 'job_[0-9]+_[0-9]+' "$1" | head -n 1; }
logs() { "$job" logs "$(job_id "$1")"; }
said() { # said SENTENCE PATTERN FILE
  if grep -qE -- "$2" "$3"; then pass "$1"; else fail "$1: no \"$2\" in: $(tail -n 6 "$3" | tr '\n' ' ')"; fi
}
seq 1 150000 > "$T/numbers"
check "a file is put" "$dfs" -put "$T/numbers" /numbers
[ $failures = 0 ] || exit 1
LC_ALL=C sort "$T/numbers" > "$T/want"
whole() { # whole SENTENCE OUTPUT : every line once, in order over each part, no trace of attempts
  "$dfs" -cat "$2/part-*" 2> /dev/null | tr -d '\t' | LC_ALL=C sort > "$T/got"
  same "$1" "$T/want" "$T/got"
  "$dfs" -ls "$2" 2> /dev/null | awk '{print $NF}' | sed 's|.*/||' | grep -v '^items$' | LC_ALL=C sort | tr '\n' ' ' > "$T/names"
  if [ "$(cat "$T/names")" = "_SUCCESS part-00000 part-00001 " ]; then pass "and nothing else is there"; else fail "and nothing else is there: $(cat "$T/names")"; fi
}

# Maps note that they began; the last ones and the reducers wait for a file, so that a test can strike in between.
mkdir "$T/began"
cat > "$T/map.sh" << S
#!/bin/sh
: > "$T/began/\$mapreduce_task_attempt_id"
[ "\$mapreduce_task_partition" -lt 4 ] || until [ -e "$T/go-maps" ]; do sleep 0.05; done
cat
S
cat > "$T/reduce.sh" << S
#!/bin/sh
: > "$T/began/\$mapreduce_task_attempt_id"
until [ -e "$T/go-reduces" ]; do sleep 0.05; done
cat
S
begin() { # begin OUTPUT OPTIONS... : in the background, as $runner; news in $T/job.out
  rm -rf "$T/began" "$T/go-maps" "$T/go-reduces"
  mkdir "$T/began"
  run -input /numbers -output "$1" -mapper map.sh -reducer reduce.sh -file "$T/map.sh" -file "$T/reduce.sh" -numReduceTasks 2 \
    -D mapreduce.job.maps=8 -D mapreduce.map.speculative=false "${@:2}" > "$T/job.out" 2>&1 &
  runner=$!
}
maps_done() { [ "$(logs "$T/job.out" | grep -c '_m_.* succeeded')" -ge "$1" ]; }
began() { find "$T/began" -type f -name "*_$1_*" -printf '%f\n' | LC_ALL=C sort; }
reduces_began() { [ "$(began r | wc -l)" -ge "$1" ]; }
ends_well() { if wait $runner; then pass "$1"; else fail "$1: $(tail -n 4 "$T/job.out" | tr '\n' ' ')"; fi; }

# ---- a worker is lost with finished map output: only what it had is made again ----
begin /lost
until_ok 30 maps_done 4
logs "$T/job.out" > "$T/before"
victim=$(awk '/_m_.* succeeded/ {sub(/,$/, "", $5); print $5; exit}' "$T/before")
n=$((${victim##*.} - 11))
cluster kill "worker$n"
touch "$T/go-maps" "$T/go-reduces"
ends_well "a job survives the loss of a worker with finished map output"
whole "its output is right" /lost
logs "$T/job.out" > "$T/after"
awk -v w="$victim" '/_m_.* succeeded/ && index($5, w) == 1 {print $2}' "$T/before" | LC_ALL=C sort > "$T/had"
grep -oE '[a-z0-9_]+_m_[0-9]+_0 lost' "$T/after" | cut -d ' ' -f 1 | LC_ALL=C sort > "$T/lost"
[ -s "$T/had" ] && [ -z "$(LC_ALL=C comm -23 "$T/had" "$T/lost")" ] && pass "what only it had was lost" || fail "what only it had was lost: $(diff "$T/had" "$T/lost" | tr '\n' ' ')"
again=$(grep -cE '_m_[0-9]+_[1-9] ' "$T/after")
gone=$(grep -cE '_m_[0-9]+_0 lost' "$T/after")
[ "$again" = "$gone" ] && pass "and just that was made again" || fail "and just that was made again: $again for $gone"
cluster restart "worker$n"

# ---- when reducers have fetched everything, nothing is made again ----
begin /late
touch "$T/go-maps"
until_ok 30 reduces_began 2
logs "$T/job.out" | awk '/_r_.* running/ {sub(/,$/, "", $5); print $5}' > "$T/reducers"
for n in 0 1 2; do grep -q "^127.0.0.$((11 + n))" "$T/reducers" || break; done
cluster kill "worker$n"
sleep 4 # longer than ashlar.scheduler.worker.timeout
touch "$T/go-reduces"
ends_well "a worker that is lost after the shuffle costs nothing"
whole "the output is right" /late
cluster restart "worker$n"

# ---- the scheduler is killed: what runs goes on and is found again, what is done stays done ----
begin /away
until_ok 30 maps_done 4
logs "$T/job.out" | grep -oE '[a-z0-9_]+ succeeded' | LC_ALL=C sort > "$T/before"
began m > "$T/began-before"
cluster kill scheduler
sleep 1
cluster restart scheduler
touch "$T/go-maps" "$T/go-reduces"
ends_well "a job goes on when its scheduler is back"
whole "with the right output" /away
began m > "$T/began-after"
LC_ALL=C comm -23 "$T/began-before" "$T/began-after" > "$T/lost"
if [ ! -s "$T/lost" ] && ! grep -qE '_m_[0-9]+_[1-9]' "$T/began-after"; then pass "no map began twice"; else fail "no map began twice: $(tr '\n' ' ' < "$T/began-after")"; fi

# ---- each daemon in turn, while maps run and while reducers run ----
for victim in namenode datanode0 worker0 scheduler; do
  begin "/turn-$victim"
  until_ok 30 maps_done 1
  cluster kill $victim
  touch "$T/go-maps"
  cluster restart $victim
  until_ok 30 reduces_began 2
  cluster kill $victim
  touch "$T/go-reduces"
  cluster restart $victim
  ends_well "a job survives the death of the $victim, twice"
  whole "its output is there once" "/turn-$victim"
done

# ---- a scheduler that dies while it commits ----
for round in 1 2; do
  begin "/commit$round"
  touch "$T/go-maps"
  until_ok 30 reduces_began 2
  touch "$T/go-reduces"
  until_ok 20 "$dfs" -test -e "/commit$round/part-00000" || until_ok 1 "$dfs" -test -e "/commit$round/_SUCCESS"
  cluster kill scheduler
  cluster restart scheduler
  ends_well "a commit that was cut off ends well ($round)"
  whole "and once" "/commit$round"
done
