#!/bin/bash
# balancer.sh -- Hadoop's own Balancer moves blocks from a full datanode of ours to an empty one: it asks our namenode for
# blocks (NamenodeProtocol) and tells our datanodes to replace them. Data directories are small file systems of their own,
# mounted in a namespace of this script alone, so that a few blocks fill them.
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIP Hadoop's balancer: mounting needs root"
  exit 0
fi
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
. "$(dirname "$0")/../lib/script.sh"
have_java || { skip "Hadoop's balancer: no Java or no Hadoop jars (HADOOP_LIB)"; exit 0; }
for i in 0 1; do
  mkdir -p "$C/data/datanode$i"
  mount -t tmpfs -o size=192m none "$C/data/datanode$i" || { fail "a small file system can be mounted"; exit 1; }
done
start_cluster --datanodes 2 --no-jobs -D dfs.replication=1 -D dfs.blocksize=1048576 -D dfs.heartbeat.interval=500ms \
  -D dfs.datanode.du.reserved=0 -D dfs.balancer.getBlocks.min-block-size=1 -D dfs.balancer.getBlocks.hot-time-interval=0 \
  -D dfs.balancer.block-move.timeout=60000 -D dfs.datanode.balance.bandwidthPerSec=100m
used() { # used N: bytes in the directory of datanode N
  du -sb "$C/data/datanode$1" | cut -f1
}
cluster kill datanode1
until_ok 30 sh -c "'$dfs' admin -report 2> /dev/null | grep -q 'Dead datanodes (1)'" || true
head -c 80000000 /dev/urandom > "$T/big"
check "a file goes to the one datanode that is there" "$dfs" -put "$T/big" /big
cluster restart datanode1
until_ok 30 sh -c "'$dfs' admin -report 2> /dev/null | grep -q 'Live datanodes (2)'"
before=$(used 0)
# Hadoop 3.4.2's balancer can't begin a second round in one process ("Metrics source ... already exists!"): it is started anew.
rounds=0
balance() {
  rounds=$((rounds + 1))
  timeout 120 java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" \
    org.apache.hadoop.hdfs.server.balancer.Balancer -threshold 10 > "$T/balancer" 2> "$T/balancer.err"
}
until balance || [ $rounds -ge 5 ] || ! grep -q 'Metrics source Balancer.* already exists' "$T/balancer.err"; do :; done
if grep -q 'The cluster is balanced' "$T/balancer"; then pass "Hadoop's balancer says that the cluster is balanced"; else
  fail "Hadoop's balancer ends well: $(grep -h -E 'ERROR|Exception' "$T/balancer" "$T/balancer.err" | tail -n 3 | cut -c1-400)"
fi
moved=$(used 1)
if [ "$moved" -gt 8000000 ] && [ "$(used 0)" -lt "$before" ]; then pass "and $((moved >> 20)) MiB have moved"; else
  fail "blocks have moved: $before bytes before, $(used 0) and $moved after"
fi
"$dfs" -cat /big > "$T/back"
same "the file is whole" "$T/big" "$T/back"
for i in 0 1; do cluster kill datanode$i; done
for i in 0 1; do umount -l "$C/data/datanode$i"; done
