#!/bin/bash
# satisfier.sh -- files move from DISK to ARCHIVE when their policy says so and somebody asks for it, on real datanodes.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 3 --no-jobs --storage DISK,ARCHIVE -D dfs.storage.policy.satisfier.mode=external \
  -D dfs.blocksize=1048576 -D dfs.namenode.fs-limits.min-block-size=512
head -c 2500000 /dev/urandom > "$T/f"

blocks_in() { # blocks_in disk|archive: block files on that kind of storage
  find "$C"/data/datanode*/"$1" -path '*finalized*' -name 'blk_*' ! -name '*.meta' | wc -l
}
all_moved() { [ "$(blocks_in archive)" = "$1" ] && [ "$(blocks_in disk)" = "$2" ]; }
unmarked() { ! "$dfs" -getfattr -d "$1" 2> /dev/null | grep -q sps; }

"$dfs" -mkdir -p /cold/sub /warm
"$dfs" -put "$T/f" /cold/a
"$dfs" -put "$T/f" /cold/sub/b
"$dfs" -put "$T/f" /warm/c
check "all blocks begin on DISK" all_moved 0 27
"$dfs" storagepolicies -setStoragePolicy -path /cold -policy COLD > /dev/null
"$dfs" storagepolicies -setStoragePolicy -path /warm -policy WARM > /dev/null
refuse "who is no superuser does not fetch paths" "Superuser privilege" env HADOOP_USER_NAME=bob "$dfs" sps -once
"$dfs" storagepolicies -satisfyStoragePolicy -path /cold > "$T/out" 2>&1
check "a directory is marked" grep -q Scheduled "$T/out"
refuse "and marked once" "already called for satisfying" "$dfs" storagepolicies -satisfyStoragePolicy -path /cold
cluster restart namenode
check "dfs sps moves what was asked for before a restart" "$dfs" sps -once
if until_ok 30 all_moved 18 9; then pass "both files of the tree are on ARCHIVE, whole"; else
  fail "both files of the tree are on ARCHIVE, whole: $(blocks_in archive) there, $(blocks_in disk) on DISK"; fi
check "the mark is gone" unmarked /cold
"$dfs" -get /cold/sub/b "$T/got"
same "the bytes are the same" "$T/f" "$T/got"
if [ "$("$dfs" fsck / 2> /dev/null | grep -c HEALTHY)" = 1 ] || "$dfs" admin -report | grep -q 'Missing blocks: 0'; then pass "and nothing is missing"; else fail "and nothing is missing"; fi

