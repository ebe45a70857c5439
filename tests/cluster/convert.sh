#!/bin/bash
# long: 35
# convert.sh -- dfs ec convert: a tree is coded anew in place, and back; with its client or the namenode killed in the middle, files that
# are written or change meanwhile, snapshots, quotas, permissions.
. "$(dirname "$0")/../lib/script.sh"

# As many datanodes as a group has units: while one stands still, a conversion does.
start_cluster --datanodes 5 --no-jobs -D dfs.blocksize=2097152 -D dfs.heartbeat.interval=1 -D dfs.namenode.redundancy.interval.seconds=1s
P=RS-3-2-1024k
check "a policy is enabled" "$dfs" ec -enablePolicy -policy $P
head -c 15000001 /dev/urandom > "$T/data"
sizes=(0 1 1048576 6291457 15000001)
"$dfs" -mkdir -p /c/below/deep
for n in "${sizes[@]}"; do head -c "$n" "$T/data" | "$dfs" -put - /c/f"$n"; done
head -c 5000001 "$T/data" | "$dfs" -put - /c/below/deep/g
"$dfs" -chmod 640 /c/f1
"$dfs" -setfattr -n user.k -v v /c/f1

reads() { "$dfs" -cat "$1" 2> "$T/cat.err" | cmp -s - <(head -c "$2" "$T/data"); } # reads PATH BYTES
all_read() {
  local n
  for n in "${sizes[@]}"; do reads "$1/f$n" "$n" || { echo "f$n: $(cat "$T/cat.err")"; return 1; }; done
  reads "$1/below/deep/g" 5000001
}
coded() { "$dfs" -ls -R -e "$1" | grep '^-' | awk '{print $5}' | sort | uniq -c | awk '{printf "%s:%s ", $2, $1}'; } # POLICY:FILES ...
is_coded() { [ "$(coded "$1")" = "$2 " ] || { coded "$1"; return 1; }; }
no_hidden() { ! "$dfs" -ls -R /c 2>&1 | grep -F .dfs-ec-convert-; }
hidden() { "$dfs" -ls -R "$1" 2> /dev/null | grep -qF .dfs-ec-convert-; }
what() { "$dfs" -ls -R /c | grep '^-' | awk '{print $1, $3, $4, $5, $8}'; }
times() { "$dfs" -stat "%y %n" /c/f*; }
pool() { find "$C"/data/datanode* -path '*finalized*' -name 'blk_*' ! -name '*.meta' | sed 's,.*/blk_,,' | sort -u; }
no_old_blocks() { [ "$(pool | grep -vc '^-')" = 0 ]; }

what > "$T/before"
times > "$T/times"
check "a tree is converted" "$dfs" ec convert -path /c -policy $P
check "all of it" is_coded /c $P:6
check "and reads as before" all_read /c
check "nothing is left over" no_hidden
what > "$T/after"
same "modes, owners and lengths are what they were" "$T/before" "$T/after"
times > "$T/times2"
same "and times" "$T/times" "$T/times2"
check "attributes too" test "$("$dfs" -getfattr -n user.k /c/f1 | tail -n 1)" = 'user.k="v"'
check "the old blocks go" until_ok 60 no_old_blocks
check "a second time there is nothing to do" grep -q '^0 converted (0 bytes), 6 as wanted already, 0 left' <("$dfs" ec -convert /c -policy $P)
check "one file of it is replicated again" "$dfs" ec convert /c/f6291457 -replicate 2
check "twice" test "$("$dfs" -stat %r /c/f6291457)" = 2
check "to the same bytes" reads /c/f6291457 6291457
check "and coded once more" "$dfs" ec convert /c/f6291457 -policy rs-3-2-1024K
sum() { "$dfs" -D dfs.checksum.combine.mode=COMPOSITE_CRC -checksum "$1" | cut -f 3; }
"$dfs" ec convert /c/f15000001 -replicate 3 > /dev/null
before=$(sum /c/f15000001)

# ---- killed in the middle ----
stalled() { # stalled PATH: a conversion of it that does not come to its end while datanode 0 stands still
  cluster pause datanode0
  "$dfs" ec convert "$1" -policy $P > "$T/convert.out" 2>&1 &
  converter=$!
  until_ok 30 hidden "${1%/*}" || fail "a conversion of $1 begins: $(cat "$T/convert.out")"
}
stalled /c/f15000001
kill -KILL $converter
wait $converter 2> /dev/null
cluster resume datanode0
check "a client killed in the middle leaves the file" reads /c/f15000001 15000001
check "coded as it was" test "$("$dfs" -ls -e /c/f15000001 | awk '{print $5}')" = Replicated
check "what it left is found" hidden /c
check "the next run does it" "$dfs" ec convert /c -policy $P
check "and leaves nothing" no_hidden
check "the CRC of the bytes is what it was" test "$before" = "$(sum /c/f15000001)"
"$dfs" ec convert /c/f15000001 -replicate 3 > /dev/null
stalled /c/f15000001
cluster kill namenode
cluster resume datanode0
cluster restart namenode
wait $converter
check "with the namenode killed in the middle it is done all the same" grep -q '^1 converted' "$T/convert.out"
check "to the right bytes" reads /c/f15000001 15000001
cluster kill namenode
cluster restart namenode
check "a namenode killed after it knows" until_ok 60 is_coded /c $P:6
check "and all reads" until_ok 60 all_read /c

# ---- what others do ----
"$dfs" ec convert /c/f15000001 -replicate 3 > /dev/null
stalled /c/f15000001
check "a file is cut meanwhile" "$dfs" -truncate 4194304 /c/f15000001
cluster resume datanode0
wait $converter
check "it is begun again" grep -q '^1 converted (' "$T/convert.out"
check "and is what it was cut to" reads /c/f15000001 4194304
check "coded" is_coded /c/f15000001 $P:1

mkfifo "$T/slow"
"$dfs" -put - /c/below/open < "$T/slow" &
writer=$!
exec 9> "$T/slow"
head -c 3000000 "$T/data" >&9
until_ok 30 "$dfs" -test -e /c/below/open._COPYING_
"$dfs" ec convert /c/below/deep/g -replicate 2 > /dev/null
refuse "a file that is being written is left alone" 'open._COPYING_: left as it is: is being written' "$dfs" ec convert /c/below -policy $P
exec 9>&-
wait $writer
check "its writer does not notice" reads /c/below/open 3000000
check "the others were converted" is_coded /c/below/deep $P:1

"$dfs" admin -allowSnapshot /c > /dev/null
"$dfs" -createSnapshot /c s1 > /dev/null
check "where a snapshot has the files" "$dfs" ec convert /c -replicate 2
check "they are as wanted" is_coded /c Replicated:7
check "the snapshot has them as they were" is_coded /c/.snapshot/s1 "$P:6 Replicated:1"
"$dfs" -cat /c/.snapshot/s1/f6291457 > "$T/past"
check "with the same bytes" cmp -s "$T/past" <(head -c 6291457 "$T/data")
check "mode and attributes are what they were" test "$("$dfs" -stat %a /c/f1) $("$dfs" -getfattr -n user.k /c/f1 | tail -n 1)" = '640 user.k="v"'

# ---- what is refused ----
"$dfs" -mkdir /q
head -c 4194304 "$T/data" | "$dfs" -put - /q/f
"$dfs" admin -setSpaceQuota 13m /q > /dev/null
refuse "a quota with no room for both is said" 'q/f: left as it is: The DiskSpace quota of /q is exceeded' "$dfs" ec convert /q -policy $P
check "and the file stays" reads /q/f 4194304
check "with nothing beside it" test "$("$dfs" -ls /q | grep -c /q/)" = 1
"$dfs" admin -clrSpaceQuota /q > /dev/null
refuse "a policy that is disabled" "Policy 'RS-10-4-1024k' is not enabled" "$dfs" ec convert /q -policy RS-10-4-1024k
refuse "a path that is not there" 'does not exist' "$dfs" ec convert /none -policy $P
refuse "no policy" 'either -policy or -replicate' "$dfs" ec convert /q
"$dfs" -chmod 755 /q
refuse "somebody who may not write there" 'q/f: left as it is: Permission denied' env HADOOP_USER_NAME=mallory "$dfs" ec convert /q -policy $P
check "the store is healthy" grep -q 'is HEALTHY' <("$dfs" fsck /)
