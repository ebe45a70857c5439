#!/bin/bash
# balancer_mixed.sh -- Hadoop's Balancer moves blocks between a datanode of Hadoop's and one of ours, from either to the other, under our
# namenode and under Hadoop's. Data directories are small file systems, mounted in a namespace of this script alone.
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIP Hadoop's balancer between both kinds: mounting needs root"
  exit 0
fi
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
. "$(dirname "$0")/../lib/script.sh"
have_java || { skip "Hadoop's balancer between both kinds: no Java or no Hadoop jars (HADOOP_LIB)"; exit 0; }
. tests/lib/java_namenode.sh

balance() { # in rounds: Hadoop 3.4.2's can't begin a second one in one process
  local i
  for i in 1 2 3 4 5; do
    timeout "$(patience 120)" java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" \
      org.apache.hadoop.hdfs.server.balancer.Balancer -threshold 10 > "$T/balancer" 2> "$T/balancer.err" && return
    grep -q 'Metrics source Balancer.* already exists' "$T/balancer.err" || return
  done
}
used() { du -sb "$T/d$1" | cut -f1; }
start_kind() { if [ "$1" = java ]; then java_datanode "$2"; else ours "$2"; fi; }
both_ways() { # both_ways NAMENODE FULL EMPTY
  local i before what="$2 to $3 under the namenode of $1"
  for i in 0 1; do
    mkdir -p "$T/d$i"
    mount -t tmpfs -o size=192m none "$T/d$i" || { fail "a small file system can be mounted"; return; }
  done
  rm -rf "$T/name"
  NAMENODE=$1 java_namenode "$(some_port 60)" dfs.replication 1 dfs.blocksize 1048576 dfs.datanode.du.reserved 0 dfs.balancer.getBlocks.min-block-size 1 \
    dfs.balancer.getBlocks.hot-time-interval 0 dfs.balancer.block-move.timeout 60000 dfs.datanode.balance.bandwidthPerSec 100m \
    dfs.datanode.round-robin-volume-choosing-policy.additional-available-space 0
  start_kind "$2" 0
  wait_live 1
  head -c 80000000 /dev/urandom > "$T/big"
  until_ok 60 "$dfs" -put -f "$T/big" /big || fail "$what: a file for the one datanode"
  start_kind "$3" 1
  wait_live 2
  before=$(used 0)
  balance
  if [ "$(used 1)" -gt 8000000 ] && [ "$(used 0)" -lt "$before" ]; then pass "$what: $(($(used 1) >> 20)) MiB have moved"; else
    fail "$what: $before bytes before, $(used 0) and $(used 1) after: $(grep -h -m 2 -E 'ERROR|Exception' "$T/balancer" "$T/balancer.err" | cut -c1-300)"
  fi
  "$dfs" -cat /big > "$T/back"
  same "$what: the file is whole" "$T/big" "$T/back"
  for i in "${!pid[@]}"; do stop "$i" KILL; done
  for i in 0 1; do umount -l "$T/d$i"; done
}
both_ways ours java ours
both_ways ours ours java
both_ways java java ours
both_ways java ours java
