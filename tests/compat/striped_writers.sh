#!/bin/bash
# striped_writers.sh -- datanodes die under a writer of a striped file: it goes on while parity tells, and says so when it does not.
# A Java namenode, our datanodes.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "striped_writers: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
. tests/lib/striped.sh

java_namenode "${JAVA_NAMENODE_PORT:-$(some_port 100)}" dfs.blocksize 4194304 \
  dfs.namenode.redundancy.considerLoad false dfs.namenode.redundancy.interval.seconds 3600
for i in {0..8}; do ours "$i"; done
head -c 30000000 /dev/urandom > "$T/data"
wait_live 9
java_driver tests/compat/Striped.java
start_policies RS-3-2-1024k

# The datanodes, by number, that the newest group is being written to: what died with an older one is still there.
writing() {
  find "$T"/d*/current -path '*rbw*' -name 'blk_-*' ! -name '*.meta' | python3 -c '
import re, sys
units = [tuple(map(int, re.search(r"/d(\d+)/.*blk_(-\d+)$", line).groups())) for line in sys.stdin]
newest = max((b >> 4 for _, b in units), default=0)
for n in sorted({n for n, b in units if b >> 4 == newest}):
    print(n)'
}
# A third of the file is in its first group when so many of that one's datanodes die; then the rest is written.
write_and_kill() { # write_and_kill PATH HOW-MANY: the writer's end in STATUS
  local probe n pids=() out in
  coproc PROBE { "$ROOT/$B/tests/cluster/libdfs_probe" steps "$T/data" "$1" 2> "$T/probe.err"; }
  probe=$PROBE_PID in=${PROBE[1]} out=${PROBE[0]}
  echo go >&"$in"
  read -r -t 120 -u "$out" || fail "a third is written: $(cat "$T/probe.err")"
  EXPIRED=$(expired)
  KILLED=$(writing | sed -n "1,$2p")
  for n in $KILLED; do pids+=("${pid[ours$n]}"); done
  kill -KILL "${pids[@]}" # all at once: in one group
  for n in $KILLED; do stop "ours$n" KILL; done
  printf 'go\ngo\nclose\n' >&"$in"
  wait "$probe"
  STATUS=$?
}
revive() {
  for n in $KILLED; do ours "$n"; done
  wait_live 9
}
# How many datanodes the namenode has taken off its map: a moment after they no longer count as alive, and only then are they chosen no more.
expired() {
  python3 - "$((PORT + 1))" << 'P'
import json, sys, urllib.request
u = "http://127.0.0.1:%s/jmx?qry=Hadoop:service=NameNode,name=FSNamesystem" % sys.argv[1]
print(json.load(urllib.request.urlopen(u, timeout=5))["beans"][0]["ExpiredHeartbeats"])
P
}
buried() { # buried HOW-MANY LIVE
  [ $(($(expired) - EXPIRED)) -ge "$1" ] && is_live "$2"
}

for dead in 1 2; do
  write_and_kill /RS-3-2-1024k/dead$dead $dead
  WHY="the write ended with $STATUS: $(cat "$T/probe.err")"
  if [ $STATUS = 0 ] && both_read 30000000 /RS-3-2-1024k/dead$dead; then
    pass "$dead of five datanodes die: the file is whole"
  else fail "$dead of five datanodes die: the file is whole: $WHY"; fi
  # What the dead ones kept of the group is stale, and must not be taken for a unit of it.
  revive
  if both_read 30000000 /RS-3-2-1024k/dead$dead; then pass "and still is when they come back"; else fail "and still is when they come back: $WHY"; fi
done
write_and_kill /RS-3-2-1024k/dead3 3
if [ $STATUS != 0 ] && grep -q 'the number of failed blocks = 3 > the number of parity blocks = 2' "$T/probe.err"; then
  pass "three die: the writer is told"
else fail "three die: the writer is told: ended with $STATUS: $(cat "$T/probe.err")"; fi
check "and no later group is placed on the dead" until_ok 120 buried 3 6

# ---- what a writer is told, and odd sizes ----
append() { echo more | "$dfs" -appendToFile - "$1"; }
refuse "an append is refused in Hadoop's words" "Append on EC file without new block is not supported. Use NEW_BLOCK create flag" append /RS-3-2-1024k/dead1
tail -c +10000001 "$T/data" > "$T/rest"
head -c 10000000 "$T/data" | "$dfs" -put - /RS-3-2-1024k/longer
WHY=''
if "$dfs" -appendToFile -n "$T/rest" /RS-3-2-1024k/longer 2> "$T/cat.err" && both_read 30000000 /RS-3-2-1024k/longer; then
  pass "and done with a new block"
else fail "and done with a new block: $WHY $(tail -n 1 "$T/cat.err")"; fi
refuse "checksums that do not divide a cell are refused" "dfs.bytes-per-checksum (=768) must divide cell size (=1048576)" \
  "$dfs" -D dfs.bytes-per-checksum=768 -D dfs.blocksize=3145728 -put "$T/data" /RS-3-2-1024k/odd
odd() { # odd KEY=VALUE: the file is written so, and read by both
  "$dfs" -D "$1" -put -f "$T/data" /RS-3-2-1024k/odd 2> "$T/cat.err" && both_read 30000000 /RS-3-2-1024k/odd
}
for kv in dfs.blocksize=3000320 dfs.client-write-packet-size=100000 dfs.client-write-packet-size=4000000; do
  WHY=''
  if odd $kv; then pass "a file written with $kv"; else fail "a file written with $kv: $WHY $(tail -n 1 "$T/cat.err")"; fi
done
# Four datanodes are left: the fifth unit has no place, and the file does without.
left=0
for n in {0..8}; do
  [ -n "${pid[ours$n]:-}" ] || continue
  left=$((left + 1))
  [ $left -le 4 ] || stop "ours$n" KILL
done
wait_live 4
"$dfs" -put "$T/data" /RS-3-2-1024k/four 2> "$T/cat.err"
WHY=''
if both_read 30000000 /RS-3-2-1024k/four; then pass "four datanodes for five units: the file is whole"; else fail "four datanodes for five units: the file is whole: $WHY"; fi
