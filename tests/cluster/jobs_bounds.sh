#!/bin/bash
# A worker that is root runs programs as the job's user, and bounds their memory and processor where it can.
. "$(dirname "$0")/../lib/script.sh"
[ "$(id -u)" = 0 ] || { skip "programs run as the job's user: that needs root"; exit 0; }
mkdir -p "$C/data"
chmod 755 "$T" "$C" "$C/data" # another user must get to the worker's directories
# A group for attempts: of version 2 one that is handed memory and processor, of version 1 the worker's own does.
cgroup="" version=""
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  cgroup=$(awk -F: '$1 == 0 {print $3}' /proc/self/cgroup)/ashlar-test-$$
  cgroup=/${cgroup##/}
  if mkdir "/sys/fs/cgroup$cgroup" 2> /dev/null && echo "+memory +cpu" 2> /dev/null > "/sys/fs/cgroup$cgroup/cgroup.subtree_control"; then version=2
  else rmdir "/sys/fs/cgroup$cgroup" 2> /dev/null; cgroup=""; fi
elif group=/sys/fs/cgroup/memory$(awk -F: '$2 == "memory" {print $3}' /proc/self/cgroup)/ashlar-test-$$; mkdir "$group" 2> /dev/null; then
  rmdir "$group"
  version=1
fi
start_cluster --datanodes 1 --workers 1 -D dfs.permissions.enabled=false -D ashlar.worker.memory-mb=1000 -D ashlar.worker.cgroup="$cgroup"
run() { timeout "$(patience 100)" "$job" run "$@"; }
echo "one line" > "$T/line"
"$dfs" -put "$T/line" /line
cat > "$T/who.sh" << 'S'
#!/bin/sh
cat > /dev/null
id -un; id -gn; touch mine && stat -c %U mine; cat secret
S
chmod 700 "$T/who.sh"
echo "shipped" > "$T/secret"
chmod 600 "$T/secret"
as() { HADOOP_USER_NAME=$1 run -D mapreduce.job.maps=1 -input /line -output "$2" -mapper who.sh -reducer NONE -file "$T/who.sh" -file "$T/secret"; }
check "a job of a user of this machine runs" as daemon /d
"$dfs" -cat /d/part-00000 | tr -d '\t' > "$T/got"
printf 'daemon\ndaemon\ndaemon\nshipped\n' > "$T/want"
same "as that user, who can write there and read what was shipped" "$T/want" "$T/got"
check "a job of somebody whom this machine does not know runs" as stranger-from-afar /s
"$dfs" -cat /s/part-00000 | head -n 1 | tr -d '\t' > "$T/got"
echo nobody > "$T/want"
same "as nobody" "$T/want" "$T/got"
HADOOP_USER_NAME=daemon check "a job in C, too" run -native "$ROOT/$B/examples/wordcount.so" -input /line -output /n
[ "$("$dfs" -cat /n/part-00000 | wc -l)" = 2 ] && pass "with the right output" || fail "with the right output"

# ---- memory and processor ----
if [ -n "$version" ]; then
  refuse "who wants more memory than the job said is ended, and told so (control groups, version $version)" 'mapreduce.map.memory.mb allows' \
    run -input /line -output /m -reducer NONE -mapper 'python3 -c "b=bytearray(300<<20); print(len(b))"' -D mapreduce.map.memory.mb=64 -D mapreduce.map.maxattempts=1
  check "who keeps to it is not" run -input /line -output /m2 -reducer NONE -mapper 'python3 -c "b=bytearray(20<<20); print(len(b))"' -D mapreduce.map.memory.mb=64
  refuse "a reducer has a limit of its own" 'mapreduce.reduce.memory.mb allows' run -input /line -output /m3 -mapper cat \
    -reducer 'python3 -c "b=bytearray(300<<20); print(len(b))"' -D mapreduce.map.memory.mb=500 -D mapreduce.reduce.memory.mb=64 -D mapreduce.reduce.maxattempts=1
  cat > "$T/quota.sh" << 'S'
#!/bin/sh
cat > /dev/null
cat "/sys/fs/cgroup/cpu$(awk -F: '$2 ~ /^cpu(,|$)/ {print $3}' /proc/self/cgroup)/cpu.cfs_quota_us" "/sys/fs/cgroup$(awk -F: '$1 == 0 {print $3}' /proc/self/cgroup)/cpu.max" 2> /dev/null
exit 0
S
  chmod +x "$T/quota.sh"
  run -input /line -output /q -reducer NONE -mapper quota.sh -file "$T/quota.sh" -D mapreduce.map.cpu.vcores=1 -D mapreduce.job.maps=1 > "$T/q.out" 2>&1
  quota=$("$dfs" -cat /q/part-00000 | tr -d '\t' | cut -d' ' -f1)
  [ "$quota" = 100000 ] && pass "the processor is bounded" || fail "the processor is bounded: $quota $(tail -n 2 "$T/q.out")"
  find /sys/fs/cgroup -maxdepth 6 -name "ashlar-$PID_worker0-*" > "$T/left" 2> /dev/null
  [ -s "$T/left" ] && fail "no group is left: $(head -n 1 "$T/left")" || pass "no group is left"
else
  skip "memory and processor are bounded: no control group with both can be made here"
fi
[ "$version" = 2 ] || skip "the same with version 2 of control groups: this machine's memory and processor are not under it (tests/unit/compute/test_bounds.c has the files)"

# ---- a disk that takes nothing any more ----
mkdir "$T/disk"
if mount -t tmpfs -o size=8m tmpfs "$T/disk" 2> /dev/null; then
  "$ROOT/$B/bin/worker" -D ashlar.worker.dir="$T/disk" -D ashlar.worker.address=127.0.0.77:0 -D ashlar.worker.shuffle-address=127.0.0.77:0 \
    -D ashlar.worker.hostname=127.0.0.77 > "$T/disk.log" 2>&1 &
  other=$!
  there() { curl -sf "$SCHEDULER_HTTP/metrics" | grep -q '^scheduler_workers_live 2'; }
  until_ok 20 there
  cat /dev/zero > "$T/disk/full" 2> /dev/null
  until_ok 10 grep -q 'worker.disk' "$T/disk.log" && pass "a worker notices that its disk is bad" || fail "a worker notices that its disk is bad"
  seq 1 20000 > "$T/numbers"
  "$dfs" -put "$T/numbers" /numbers
  check "jobs run elsewhere" run -input /numbers -output /elsewhere -mapper cat -D mapreduce.job.maps=8 -D ashlar.scheduler.locality.ignore=true -D mapreduce.map.maxattempts=1
  "$job" logs "$("$job" list | awk '/^job_/ {id = $1} END {print id}')" > "$T/logs"
  grep -q ' succeeded on 127.0.0.77' "$T/logs" && fail "and not there" || pass "and not there"
  rm "$T/disk/full"
  until_ok 10 grep -q 'take tasks again' "$T/disk.log" && pass "and it is used again when it is well" || fail "and it is used again when it is well"
  kill $other && wait $other
  umount "$T/disk"
else
  skip "a worker notices that its disk is bad: no file system can be mounted here"
fi
if [ -n "$cgroup" ]; then
  cluster stop
  rmdir "/sys/fs/cgroup$cgroup" && pass "the group that was made for this is empty in the end" || fail "the group that was made for this is empty in the end"
fi
