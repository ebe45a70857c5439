#!/bin/bash
# libhdfs: hedged reads beside a datanode that does not answer; files opened by a future; buffers of a pool.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 3 --no-jobs
head -c 1048576 /dev/urandom > "$T/f"
check "a file is written" "$dfs" -put "$T/f" /f
cluster pause datanode1
timeout "$(patience 60)" "$B/tests/cluster/libhdfs_calls" "$FS_URI" /f || fail "hedged reads: exit $?"
cluster resume datanode1
RESUMED=1 "$B/tests/cluster/libhdfs_calls" "$FS_URI" /f > "$T/out" || fail "reads into a pool: exit $?"
sed -n '/a block has/,$p' "$T/out" | tail -n +2
"$B/tests/cluster/libhdfs_threads" "$FS_URI" /threads
"$dfs" -mkdir /striped
"$dfs" ec -enablePolicy -policy XOR-2-1-1024k > /dev/null 2>&1
"$dfs" ec -setPolicy -path /striped -policy XOR-2-1-1024k > /dev/null 2>&1 || fail "a striped directory"
"$B/tests/cluster/libhdfs_threads" "$FS_URI" /striped 1 | sed 's/8 threads/8 threads, striped/'
