#!/bin/bash
# full_disk.sh -- disks that are really full, under a datanode and under the namenode: small file systems of our own.
# They are mounted in a namespace of this script alone, so that nothing is left of them however it ends.
# long: begins first
if [ -z "${FULL_DISK_INSIDE:-}" ]; then
  if [ "$(id -u)" = 0 ] && unshare -m true 2> /dev/null; then
    FULL_DISK_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
  fi
  echo "SKIP full disks: mounting needs root"
  exit 0
fi
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
MB=1048576
head -c $((40 * MB)) /dev/urandom > "$T/f40"
head -c $((3 * MB)) /dev/urandom > "$T/f3"

small_disk() { # small_disk DIR MEGABYTES
  mkdir -p "$1"
  mount -t tmpfs -o "size=$2m" none "$1" || { fail "a small file system can be mounted"; exit 1; }
}
free_bytes() { df -B1 --output=avail "$1" | tail -n 1; }
fill() { # fill DIR [LEAVE_BYTES]: by somebody else's file
  local n=$(($(free_bytes "$1") - ${2:-0}))
  head -c $n /dev/zero > "$1/filler" 2> /dev/null
}
empty() { rm -f "$1/filler"; }
nn_metric() { curl -sf "$WEBHDFS/metrics" | sed -n "s/^$1 //p"; }
nn_metric_is() { [ "$(nn_metric "$1")" = "$2" ]; }
http_of() { tr '\0' '\n' < "/proc/$(cat "$C/$1.pid")/cmdline" | sed -n 's/^dfs.datanode.http.address=//p'; }
dn_metric() { curl -sf "http://$(http_of "$1")/metrics" | sed -n "s/^$2 //p"; }
gets() { # gets SENTENCE PATH FILE
  "$dfs" -cat "$2" > "$T/got" 2> "$T/got.err"
  same "$1" "$3" "$T/got"
}
replicas_on() { # replicas_on NODE PATH: how many of its blocks' files are there
  local n=0 b
  for b in $("$probe" blocks "$2"); do n=$((n + $(find "$C/data/$1" -name "$b" -path '*finalized*' | wc -l))); done
  echo $n
}
end_cluster() {
  tools/cluster stop "$C"
  mount | awk -v d="$C/" 'index($3, d) == 1 {print $3}' | while read -r m; do umount "$m"; done
  rm -rf "$C"
}

# ---- a datanode's disk fills up under a writer ----
small_disk "$C/data/datanode0" 80
start_cluster --datanodes 4 --no-jobs -D dfs.replication=3 -D dfs.heartbeat.interval=1 -D dfs.blocksize=$((40 * MB)) \
  -D dfs.client.block.write.replace-datanode-on-failure.policy=ALWAYS -D dfs.namenode.redundancy.interval.seconds=1
check "a file with a replica on each disk" "$dfs" -D dfs.replication=4 -D dfs.blocksize=$((3 * MB)) -put "$T/f3" /before
on_first=
for i in 1 2 3 4 5 6 7 8; do # until the small one is in the pipeline
  "$probe" slow "$T/f40" /w$i 3000 > "$T/started" 2> "$T/writer.err" &
  writer=$!
  until_ok 20 grep -q started "$T/started"
  if find "$C/data/datanode0" -path '*rbw*' -name 'blk_*' ! -name '*.meta' | grep -q .; then
    on_first=/w$i
    break
  fi
  wait $writer
  "$dfs" -rm -skipTrash /w$i > /dev/null
done
fill "$C/data/datanode0"
if [ -n "$on_first" ] && wait $writer; then pass "a writer goes on when a disk of its pipeline is full"; else
  fail "a writer goes on when a disk of its pipeline is full: ${on_first:-the small disk was never chosen} $(tail -n 1 "$T/writer.err")"
fi
gets "nothing of it is lost" "$on_first" "$T/f40"
if [ "$(dn_metric datanode0 datanode_no_space_total)" -ge 1 ]; then pass "the datanode has counted it"; else fail "the datanode counted $(dn_metric datanode0 datanode_no_space_total)"; fi
elsewhere() { [ $(($(replicas_on datanode1 "$on_first") + $(replicas_on datanode2 "$on_first") + $(replicas_on datanode3 "$on_first"))) = 3 ]; }
check "another datanode has taken its place" until_ok 30 elsewhere
check "writers after it are sent elsewhere" "$dfs" -put "$T/f3" /during
gets "and their bytes are whole" /during "$T/f3"
for n in 1 2 3; do cluster pause datanode$n; done
gets "what the full disk held is still served from it" /before "$T/f3"
for n in 1 2 3; do cluster resume datanode$n; done
failed=$(curl -sf "$WEBHDFS/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" | sed -n 's/.*"VolumeFailuresTotal" *: *\([0-9]*\).*/\1/p')
if [ "${failed:-0}" = 0 ] && [ -n "$(dn_metric datanode0 datanode_no_space_total)" ]; then pass "a full disk is not a broken one: the volume stays"; else fail "the volume was given up: $failed failures"; fi
empty "$C/data/datanode0"
again() { "$dfs" -D dfs.replication=4 -D dfs.blocksize=$((3 * MB)) -put -f "$T/f3" /after && [ "$(replicas_on datanode0 /after)" = 1 ]; }
check "when there is room again it is written to again" until_ok 30 again
end_cluster

# ---- no other datanode to go to ----
small_disk "$C/data/datanode0" 60
start_cluster --datanodes 1 --no-jobs -D dfs.heartbeat.interval=1 -D dfs.blocksize=$((40 * MB))
check "a file while there is room" "$dfs" -D dfs.blocksize=$((3 * MB)) -put "$T/f3" /before
"$probe" slow "$T/f40" /w 2000 > "$T/started" 2> "$T/writer.err" &
writer=$!
until_ok 20 grep -q started "$T/started"
fill "$C/data/datanode0"
if wait $writer; then fail "a writer without any room is told so"; else
  if grep -qiE 'space|All datanodes.*are bad|datanode' "$T/writer.err"; then pass "a writer without any room is told so"; else
    fail "a writer without any room was told \"$(tail -n 1 "$T/writer.err")\""
  fi
fi
refuse "a new file is refused in Hadoop's words" "could only be written to 0 of the 1 minReplication nodes. There are 1 datanode(s) running" "$dfs" -put "$T/f3" /no
refuse "and leaves nothing behind" "No such file" "$dfs" -ls /no
if [ -e /dev/fuse ]; then
  mkdir "$T/m"
  "$ROOT/$B/bin/dfs-fuse" "$T/m"
  refuse "through a mount it is the errno of a full disk" "No space left on device" cp "$T/f3" "$T/m/no"
  refuse "for room that is asked for, too" "No space left on device" fallocate -l 1g "$T/m/room"
  rm -f "$T/m/room"
  umount "$T/m"
else
  skip "the errno of a full disk through a mount: no /dev/fuse"
fi
gets "what was acknowledged is whole" /before "$T/f3"
empty "$C/data/datanode0"
check "with room again it is written to" until_ok 30 "$dfs" -D dfs.blocksize=$((3 * MB)) -put -f "$T/f3" /after
gets "whole" /after "$T/f3"
end_cluster

# ---- the namenode's disk: low, and then there is none ----
small_disk "$C/data/name" 24
start_cluster --datanodes 1 --no-jobs -D dfs.namenode.resource.du.reserved=8m -D dfs.namenode.resource.check.interval=100
name=$C/data/name
check "a name" "$dfs" -mkdir /kept
fill "$name" $((4 * MB))
check "with too little room for edits the namenode goes into safe mode" until_ok 10 nn_metric_is namenode_safe_mode 1
refuse "and says why in Hadoop's words" "Name node is in safe mode" "$dfs" -mkdir /no
why() { curl -sf "$WEBHDFS/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo" | grep -q 'Resources are low on NN. Please add or free up more resources'; }
check "... in full where there is room for it" why
check "a gauge shows it" nn_metric_is namenode_resources_low 1
check "it still answers readers" "$dfs" -test -d /kept
"$dfs" admin -safemode leave > /dev/null 2>&1
check "an operator's leave does not last" until_ok 10 nn_metric_is namenode_safe_mode 1
empty "$name"
check "with room again it leaves safe mode by itself" until_ok 10 nn_metric_is namenode_safe_mode 0
check "and takes changes" "$dfs" -mkdir /kept/again
end_cluster

small_disk "$C/data/name" 24
start_cluster --datanodes 1 --no-jobs -D dfs.namenode.resource.du.reserved=0
name=$C/data/name
fill "$name"
long=$(head -c 200 /dev/zero | tr '\0' n)
for i in $(seq 1 8000); do echo "/$long$i"; done > "$T/wanted"
until_dead() { # names, each acknowledged one written down, until the namenode is gone
  local base=0
  while kill -0 "$(cat "$C/namenode.pid")" 2> /dev/null && [ $base -lt 8000 ]; do
    sed -n "$((base + 1)),$((base + 200))p" "$T/wanted" > "$T/some"
    # shellcheck disable=SC2046
    timeout "$(patience 20)" "$dfs" -D ipc.client.connect.max.retries=0 -mkdir $(cat "$T/some") 2> /dev/null || break
    cat "$T/some" >> "$T/yes"
    base=$((base + 200))
  done
}
: > "$T/yes"
until_dead
gone() { ! kill -0 "$(cat "$C/namenode.pid")" 2> /dev/null; }
if until_ok 20 gone && grep -q 'nn.journal.*No space left on device' "$C/namenode.log"; then
  pass "a namenode that can't write its log stops, and says so ($(wc -l < "$T/yes") names acknowledged)"
else fail "a namenode that can't write its log stops: $(tail -n 2 "$C/namenode.log")"; fi
: > "$C/namenode.log"
cluster restart namenode
if until_ok 20 gone && grep -q 'No space left on device' "$C/namenode.log"; then pass "it does not start on the full disk, and says why"; else fail "on the full disk: $(tail -n 1 "$C/namenode.log")"; fi
empty "$name"
cluster restart namenode
check "with room it starts" until_ok 30 "$dfs" -ls /
"$dfs" -ls -C / | sort > "$T/there"
sort "$T/yes" > "$T/yes.sorted"
lost=$(comm -23 "$T/yes.sorted" "$T/there" | wc -l)
if [ "$lost" = 0 ] && [ -s "$T/yes" ]; then pass "every name that was acknowledged is there"; else fail "$lost of $(wc -l < "$T/yes") acknowledged names are lost"; fi

# ---- a checkpoint without room ----
while read -r -a names; do "$dfs" -mkdir -p "${names[@]}"; done < <(xargs -n 400 < "$T/wanted")
"$dfs" -ls -C / | sort > "$T/there"
"$dfs" admin -safemode enter > /dev/null
ls "$name/current" > "$T/ls.before"
fill "$name" $((MB + 400000)) # enough for another segment, not for an image
refuse "an image that does not fit is an error" "No space left on device" "$dfs" admin -saveNamespace
if [ "$(nn_metric namenode_checkpoints_failed_total)" -ge 1 ]; then pass "it is counted"; else fail "it is not counted"; fi
ls "$name/current" > "$T/ls.after"
if [ -z "$(diff "$T/ls.before" "$T/ls.after" | grep '^[<>]' | grep fsimage)" ]; then pass "the old image stays, nothing of the new one is left"; else fail "left behind: $(diff "$T/ls.before" "$T/ls.after" | grep fsimage | tr '\n' ' ')"; fi
cluster kill namenode
empty "$name"
cluster restart namenode
check "killed after that, it starts" until_ok 30 "$dfs" -ls /
"$dfs" -ls -C / | sort > "$T/there.now"
same "with all its names" "$T/there" "$T/there.now"
"$dfs" admin -safemode enter > /dev/null
check "and with room the image is made" "$dfs" admin -saveNamespace
end_cluster

# ---- two name directories, one of them full ----
small_disk "$C/data/name2" 24
start_cluster --datanodes 1 --no-jobs -D dfs.namenode.resource.du.reserved=0 -D "dfs.namenode.name.dir=$C/data/name,$C/data/name2"
fill "$C/data/name2"
: > "$T/yes"
until_dead
if nn_metric_is namenode_edit_failed_dirs 1 && [ "$(wc -l < "$T/yes")" = 8000 ]; then pass "one full directory of two is left out, and counted; the namenode goes on"; else
  fail "one full directory of two: failed $(nn_metric namenode_edit_failed_dirs), $(wc -l < "$T/yes") names: $(tail -n 1 "$C/namenode.log")"
fi
cluster kill namenode
cluster restart namenode > /dev/null
n=0
if until_ok 30 "$dfs" -ls /; then n=$("$dfs" -ls -C / | wc -l); else cluster status; fi
empty "$C/data/name2"
if [ "$n" != 8000 ]; then
  cluster restart namenode
  until_ok 30 "$dfs" -ls / && n=$("$dfs" -ls -C / | wc -l)
  if [ "$n" = 8000 ]; then pass "started when there is room, it takes the directory that has everything"; else fail "restarted: $n names of 8000: $(tail -n 1 "$C/namenode.log")"; fi
else pass "killed and started on the full one, it takes the directory that has everything"; fi
end_cluster
