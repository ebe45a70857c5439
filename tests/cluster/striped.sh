#!/bin/bash
# striped.sh -- striped files in a cluster of ours: put, cat, cp, checksums; units lost and damaged, datanodes killed, and
# everything restored.
. "$(dirname "$0")/../lib/script.sh"

start_cluster --datanodes 7 --no-jobs -D dfs.blocksize=2097152 -D dfs.heartbeat.interval=1 -D dfs.namenode.heartbeat.recheck-interval=1000 \
  -D dfs.namenode.redundancy.interval.seconds=1s -D dfs.namenode.reconstruction.pending.timeout-sec=5 -D dfs.namenode.fs-limits.min-block-size=1024
web() { curl -sf -X PUT "$WEBHDFS/webhdfs/v1$1" > /dev/null; }
check "a policy is enabled" web "/?op=ENABLEECPOLICY&ecpolicy=RS-3-2-1024k&user.name=$(id -un)"
"$dfs" -mkdir /s
check "and set" web "/s?op=SETECPOLICY&ecpolicy=RS-3-2-1024k&user.name=$(id -un)"

head -c 15000001 /dev/urandom > "$T/data"
reads() { "$dfs" -cat "$1" 2> "$T/cat.err" | cmp -s - <(head -c "${2:-15000001}" "$T/data"); }
sizes() {
  local n
  for n in 0 1 1048575 1048576 1048577 3145728 6291455 6291456 6291457 15000001; do
    head -c $n "$T/data" | "$dfs" -put - /s/$n || return 1
    reads /s/$n $n || { echo "$n bytes: $(cat "$T/cat.err")"; return 1; }
  done
}
check "files of every size are written and read" sizes
"$dfs" -cp /s/15000001 /s/copy
"$dfs" -cp /s/15000001 /plain
check "a copy, and one that is not striped" reads /s/copy
check "reads the same" reads /plain
sum() { "$dfs" -D dfs.checksum.combine.mode=COMPOSITE_CRC -checksum "$1" | cut -f 3; }
if [ "$(sum /s/copy)" = "$(sum /plain)" ] && [ -n "$(sum /plain)" ]; then pass "their composite checksums are one"; else fail "their composite checksums are one: $(sum /s/copy) $(sum /plain)"; fi

# Appending begins a group of its own.
appended() { # appended PATH: in three pieces, the first of which ends inside a cell
  head -c 1500001 "$T/data" | "$dfs" -put - "$1" && tail -c +1500002 "$T/data" | head -c 4000000 | "$dfs" -appendToFile -n - "$1" &&
    tail -c +5500002 "$T/data" | "$dfs" -appendToFile -n - "$1" && reads "$1"
}
check "appends begin new groups, and all is read" appended /s/appended
"$dfs" -appendToFile -n /dev/null /s/appended
check "one of nothing changes nothing" reads /s/appended
refuse "without that they are refused" 'Append on EC file without new block is not supported' "$dfs" -appendToFile /etc/hostname /s/appended
check "a replicated file takes new blocks too" appended /appended
check "each piece ends a block" test "$("$dfs" fsck /appended 2> /dev/null | awk '/Total blocks/ {print $4}')" = 8

units() { find "$C"/data/datanode"$1" -path '*finalized*' -name 'blk_-*' ! -name '*.meta'; } # units N or '*': of a datanode
# Every unit of datanode N is on another one, with the same bytes.
restored() { # restored N
  local f other
  while read -r f; do
    other=$(find "$C"/data/datanode* -path '*finalized*' -name "${f##*/}" ! -path "*/datanode$1/*" | head -n 1)
    [ -n "$other" ] && cmp "$f" "$other" || { echo "${f##*/} is not restored"; return 1; }
  done < <(units "$1")
}
for n in 0 3; do
  count=$(units $n | wc -l)
  cluster kill datanode$n
  check "with datanode $n dead all is read" reads /s/15000001
  if [ "$count" -gt 0 ] && until_ok 120 restored $n; then pass "its $count units are restored"; else fail "its $count units are restored: $(restored $n | tail -n 1)"; fi
done
cluster restart datanode0
cluster restart datanode3

# Bytes turn in a data unit: the reader finds it, and the unit is made anew.
f=$(find "$C"/data/datanode1 -path '*finalized*' -size +1k -name 'blk_-*' ! -name '*.meta' | while read -r u; do
  [ $((16#$(printf %x "${u##*_}" | tail -c 1))) -lt 3 ] && echo "$u" && break
done)
cp "$f" "$T/before"
printf '\xff\x00\xff' | dd of="$f" bs=1 seek=100 conv=notrunc 2> /dev/null
all() { local n; for n in 1 1048575 1048576 1048577 3145728 6291455 6291456 6291457 15000001; do reads /s/$n $n || return 1; done && reads /s/copy; }
check "a damaged unit is read around" all
healed() { find "$C"/data/datanode* -path '*finalized*' -name "${f##*/}" -exec cmp -s {} "$T/before" \; -print | grep -q .; }
check "and restored" until_ok 120 healed
check "all is whole at the end" all
state() { # state BEAN KEY: of the namenode
  curl -sf "$WEBHDFS/jmx?qry=Hadoop:service=NameNode,name=$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["beans"][0][sys.argv[1]])' "$2"
}
check "groups are counted in Hadoop's bean" test "$(state ECBlockGroupsState TotalECBlockGroups)" -gt 10
none_missing() { [ "$(state ECBlockGroupsState MissingECBlockGroups) $(state ECBlockGroupsState CorruptECBlockGroups)" = "0 0" ]; }
check "none is missing" until_ok 30 none_missing # a unit is on its disk before its datanode has told of it
check "which names the policies, too" grep -q RS-3-2-1024k <(state ECBlockGroupsState EnabledEcPolicies)
check "and replicated blocks in theirs" test "$(state ReplicatedBlocksState TotalReplicatedBlocks)" -gt 10
if "$dfs" -ls -e /s/copy | grep -q ' RS-3-2-1024k '; then pass "ls -e names the policy"; else fail "ls -e names the policy: $("$dfs" -ls -e /s/copy | tail -n 1)"; fi
