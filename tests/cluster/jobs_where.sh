#!/bin/bash
# Maps beside what is not a plain replica: copies in memory, and the cells of striped files; `job explain` says so.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 5 --workers 5 --racks 1 -D dfs.replication=3 -D dfs.blocksize=2097152 -D dfs.namenode.fs-limits.min-block-size=512 \
  -D ashlar.worker.slots=2 -D ashlar.scheduler.locality.wait=600000 -D dfs.heartbeat.interval=1 -D dfs.datanode.max.locked.memory=4194304 \
  -D dfs.cachereport.intervalMsec=200 -D dfs.namenode.path.based.cache.refresh.interval.ms=300
run() { timeout "$(patience 100)" "$job" run "$@"; }
job_id() { grep -oE 'job_[0-9]+_[0-9]+' "$1" | head -n 1; }
explained() { # explained OUT: what `job explain` says of the job that printed OUT
  "$job" explain "$(job_id "$1")" > "$T/explain" 2>&1
}
ran_on() { # ran_on MAP: the machine of its only attempt
  awk -v name="_m_$(printf '%06d' "$1")" 'index($1, name) { mine = 1; next } /^task_/ { mine = 0 } mine && /attempt 0 on / { print $4; exit }' "$T/explain"
}

# ---- a replica in memory ----
seq 1000000 1099999 > "$T/small"
"$dfs" -mkdir /c && "$dfs" -put "$T/small" /c/f
check "a pool is made" "$dfs" cacheadmin -addPool p
check "one of three replicas is to be cached" "$dfs" cacheadmin -addDirective -path /c/f -pool p -replication 1
cached() { "$dfs" cacheadmin -listPools -stats p | awk 'NR == 3 { good = $9 == 800000 && $12 == 1 } END { exit !good }'; }
if until_ok 60 cached; then pass "it is"; else fail "it is: $("$dfs" cacheadmin -listPools -stats p | tail -n 1)"; fi
for n in 0 1 2 3 4; do
  grep -q '/blk_' "/proc/$(cat "$C/datanode$n.pid")/maps" && owner=127.0.0.$((11 + n))
done
for n in 1 2 3; do
  run -input /c/f -output "/c$n" -mapper cat -reducer NONE -D mapreduce.job.maps=1 > "$T/c.out" 2>&1
  explained "$T/c.out"
  if [ "$(ran_on 0)" = "${owner:-none}" ] && grep -q 'data-local: a replica of its block is here, in memory' "$T/explain"; then
    pass "the map runs where it is, time $n"
  else fail "the map runs where it is (${owner:-none}), time $n: $(cat "$T/explain")"; fi
done

# ---- cells ----
seq 1000000 1786431 > "$T/data" # 6 MiB: two stripes of three cells
"$dfs" ec -enablePolicy -policy RS-3-2-1024k > "$T/ec" 2>&1 && "$dfs" -mkdir /s && "$dfs" ec -setPolicy -path /s -policy RS-3-2-1024k >> "$T/ec" 2>&1
check "a striped file is put" "$dfs" -put "$T/data" /s/f
run -input /s/f -output /cells -mapper cat -reducer NONE -D mapreduce.job.maps=6 -D mapreduce.input.fileinputformat.split.maxsize=1048576 > "$T/s.out" 2>&1
explained "$T/s.out"
for m in 0 1 2 3 4 5; do
  holder=none
  while read -r f; do # units of group: the first cell of one is at its start, the second 1 MiB on
    cmp -s -n 1048576 -i "$((m / 3 * 1048576)):$((m * 1048576))" "$f" "$T/data" && holder=$f
  done < <(find "$C"/data/datanode* -path '*finalized*' -name 'blk_-*' ! -name '*.meta')
  n=$(grep -oE 'datanode[0-9]+' <<< "$holder" | tail -n 1)
  want=127.0.0.$((11 + ${n#datanode}))
  [ "$(ran_on $m)" = "$want" ] && pass "map $m runs at the node that has its cell" || fail "map $m runs at the node that has its cell ($want): $(grep -A 3 "_m_00000$m" "$T/explain")"
done
if grep -q 'Data-local map tasks=6' "$T/s.out" && grep -q 'maps: 6 data-local, 0 rack-local, 0 off-rack' "$T/explain"; then pass "all count as data-local"; else
  fail "all count as data-local: $(grep -E 'local|rack' "$T/s.out" "$T/explain" | tr '\n' ' ')"; fi
"$dfs" -cat '/cells/part-*' | tr -d '\t' > "$T/got"
same "each line came out once" "$T/data" "$T/got"

# ---- files that a task writes beside its part ----
cat > "$T/aside.sh" << S
#!/bin/sh
# The first attempt of each map writes and fails.
wc -l > lines
"$dfs" -put lines "\$mapreduce_task_output_dir/aside-\$mapreduce_task_partition" || exit 4
"$dfs" -mkdir -p "\$mapred_work_output_dir/more" && "$dfs" -put lines "\$mapred_work_output_dir/more/\$mapreduce_task_partition" || exit 5
case \$mapreduce_task_attempt_id in *_0) "$dfs" -put lines "\$mapreduce_task_output_dir/of-the-failed"; exit 3 ;; esac
S
if run -input /c/f -output /aside -mapper aside.sh -reducer NONE -file "$T/aside.sh" -D mapreduce.job.maps=2 > "$T/a.out" 2>&1; then pass "tasks write files of their own"; else
  fail "tasks write files of their own: $(tail -n 5 "$T/a.out" | tr '\n' ' ')"; fi
"$dfs" -ls -R /aside | awk '{ print $NF }' | sed 's,.*/aside/,,' | LC_ALL=C sort > "$T/got"
printf '%s\n' _SUCCESS aside-0 aside-1 more more/0 more/1 part-00000 part-00001 > "$T/want"
same "these are in the output, once, and none of attempts that failed" "$T/want" "$T/got"
[ "$("$dfs" -cat '/aside/aside-*' | awk '{ n += $1 } END { print n }')" = 100000 ] && pass "with what was written" || fail "with what was written"
