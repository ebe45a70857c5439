#!/bin/bash
# small_files.sh -- while the datanodes are well no writer is told "not yet", which would make it sleep for 400 ms:
# the reports of a file's last block are in before complete is answered. By libdfs, and by Hadoop's own client.
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
start_cluster --datanodes 3 --racks 2 --no-jobs
head -c 10240 /dev/urandom > "$T/f"
metric() { curl -sf "$WEBHDFS/metrics" | sed -n "s/^$1 //p"; }
calls() { curl -sf "$WEBHDFS/metrics" | sed -n "s/^namenode_client_calls_total{method=\"$1\"} //p"; }
never_not_yet() { # never_not_yet SENTENCE FILES
  local told n
  told=$(metric namenode_told_not_yet_total) n=$(calls complete)
  if [ "$told" = 0 ] && [ "$n" = "$2" ]; then pass "$1"; else fail "$1: told \"not yet\" $told times; $n calls of complete for $2 files"; fi
}

added=$(calls addBlock) gone=$(calls abandonBlock)
check "3000 small files by eight threads of libdfs, each read back" "$probe" small "$T/f" /ours 3000
never_not_yet "complete was asked once for each of them and never answered false" 3000
if [ "$(calls addBlock)" = "$added" ] && [ "$(calls abandonBlock)" = "$gone" ]; then pass "their blocks came with them"; else fail "$(calls addBlock) calls of addBlock, $(calls abandonBlock) of abandonBlock"; fi
check "a file of which nothing is written" "$dfs" -put /dev/null /empty
if [ "$("$dfs" -stat "%b %r" /empty)" = "0 3" ] && "$dfs" fsck /empty -files 2> /dev/null | grep -q "/empty.* 0 block(s)"; then pass "gives its block back"; else fail "it did not give its block back: $("$dfs" fsck /empty -files -blocks)"; fi
head -c 20000000 /dev/urandom > "$T/blocks"
before=$(calls addBlock)
check "a file of twenty blocks" "$dfs" -D dfs.blocksize=1048576 -put "$T/blocks" /blocks
told=$(metric namenode_told_not_yet_total) asked=$(($(calls addBlock) - before))
if [ "$told" = 0 ] && [ "$asked" = 19 ]; then pass "addBlock was asked once for each block but the first, which comes with the file"; else fail "addBlock was asked $asked times for 20 blocks, told \"not yet\" $told times"; fi

if have_java; then
  mkdir "$T/many"
  for i in $(seq 1000); do ln "$T/f" "$T/many/$i"; done
  before=$(calls complete)
  check "1000 small files by eight threads of Hadoop's shell" java_fs -put -t 8 "$T/many" /java
  never_not_yet "nor was Hadoop's client told to wait" $((before + 1000))
else
  skip "the same by Hadoop's client: no jars (HADOOP_LIB is not set)"
fi

mkdir "$T/few"
for i in $(seq 30); do head -c $((i * 9000)) "$T/blocks" > "$T/few/$i"; done
cluster kill datanode1
"$dfs" -mkdir /left
check "30 files go to the datanodes that are left when one has just died" "$dfs" -D dfs.replication=1 -put "$T/few" /left
"$dfs" -get /left/few "$T/back"
check "and nothing of them is lost" diff -r "$T/few" "$T/back"
