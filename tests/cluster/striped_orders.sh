#!/bin/bash
# long: 30
# striped_orders.sh -- restoring units: no faster than it may, and ended when its units come back or the file is deleted; a corrupt unit
# stays as long as no datanode is there to take a good one.
. "$(dirname "$0")/../lib/script.sh"

# 4 MiB a unit at 512 KiB a second: eight seconds, unless it is cancelled.
start_cluster --datanodes 6 --no-jobs -D dfs.blocksize=4194304 -D dfs.heartbeat.interval=1 -D dfs.namenode.heartbeat.recheck-interval=1000 \
  -D dfs.namenode.redundancy.interval.seconds=1s -D dfs.datanode.ec.reconstruct.write.bandwidthPerSec=524288
P=RS-3-2-1024k
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /s
"$dfs" ec -setPolicy -path /s -policy $P > /dev/null
head -c 12582912 /dev/urandom > "$T/data"
units() { find "$C"/data/datanode* -path "*/BP-*/$1/*" -name 'blk_-*' ! -name '*.meta'; } # finalized, tmp or rbw
restoring() { units tmp | grep -q . || units rbw | grep -q .; }
idle() { ! restoring; }
said() { grep -q "$1" "$C"/datanode*.log 2> /dev/null; }
victim() { # the number of a datanode that has a unit
  units finalized | sed -E 's,.*/datanode([0-9]+)/.*,\1,' | sort -u | head -n 1
}
"$dfs" -put "$T/data" /s/f
n=$(victim)
cluster kill datanode"$n"
check "a lost unit is being restored" until_ok 60 restoring
start=$SECONDS
until_ok 60 eval '[ "$(units finalized | grep -v "/datanode$n/" | wc -l)" = 5 ]' || fail "it is restored"
if [ $((SECONDS - start)) -ge 4 ]; then pass "no faster than it may"; else fail "no faster than it may: in $((SECONDS - start)) s"; fi
check "to the right bytes" cmp -s "$T/data" <("$dfs" -cat /s/f)
cluster restart datanode"$n"
check "what is there twice goes" until_ok 60 eval '[ "$(units finalized | wc -l)" = 5 ]'

n=$(victim)
cluster kill datanode"$n"
check "another is being restored" until_ok 60 restoring
cluster restart datanode"$n"
check "its datanode comes back: that ends" until_ok 60 said 'cancelled: not wanted'
check "and leaves nothing behind" until_ok 30 idle
check "every unit is there once" until_ok 60 eval '[ "$(units finalized | wc -l)" = 5 ]'
check "and the file is whole" cmp -s "$T/data" <("$dfs" -cat /s/f)

n=$(victim)
cluster kill datanode"$n"
check "a third is being restored" until_ok 60 restoring
before=$(grep -h 'cancelled: not wanted' "$C"/datanode*.log 2> /dev/null | wc -l)
"$dfs" -rm -skipTrash /s/f > /dev/null
cancelled_again() { [ "$(grep -h 'cancelled: not wanted' "$C"/datanode*.log 2> /dev/null | wc -l)" -gt "$before" ]; }
check "its file is deleted: that ends" until_ok 60 cancelled_again
check "and leaves nothing behind" until_ok 30 idle

# Five datanodes for five units: the good one of a corrupt unit has no place to go.
"$dfs" -put "$T/data" /s/g
u=$(units finalized | grep -v "/datanode$n/" | while read -r f; do [ $((16#$(printf %x "${f##*_}" | tail -c 1))) -lt 3 ] && echo "$f"; done | head -n 1) # of data
printf '\xff\x00\xff' | dd of="$u" bs=1 seek=1000 conv=notrunc 2> /dev/null
check "a corrupt unit is read around" cmp -s "$T/data" <("$dfs" -cat /s/g)
group_state() { curl -sf "$WEBHDFS/jmx?qry=Hadoop:service=NameNode,name=ECBlockGroupsState" | grep -q "\"$1\": $2"; }
check "and known" until_ok 60 group_state LowRedundancyECBlockGroups 1
check "with no other datanode the corrupt one stays" test -e "$u"
cluster restart datanode"$n"
check "with one it is made anew" until_ok 90 group_state LowRedundancyECBlockGroups 0
check "and the file is whole" cmp -s "$T/data" <("$dfs" -cat /s/g)
