#!/bin/bash
# slow_datanodes.sh -- a datanode whose link is slow is found slow by those that hand packets on to it, and the namenode tells who it is.
. "$(dirname "$0")/../lib/script.sh"
if [ "$(id -u)" != 0 ]; then
  skip "slow datanodes: a slow link needs network namespaces, and they need root"
  exit 0
fi
# Two copies: with a third behind it, who sends to a good one would wait for the slow one, too.
start_cluster --datanodes 4 --no-jobs --netns -D dfs.replication=2 -D dfs.datanode.peer.stats.enabled=true -D dfs.heartbeat.interval=1 \
  -D dfs.datanode.peer.metrics.min.outlier.detection.samples=20 -D dfs.datanode.min.outlier.detection.nodes=2 \
  -D dfs.datanode.outliers.report.interval=1s -D dfs.datanode.slowpeer.low.threshold.ms=1
check "at first none is slow" sh -c "'$dfs' admin -report -slownodes | grep -q '^Slow datanodes (0):'"
# shellcheck disable=SC2154 # PID_datanode2 comes with the cluster
ns=$(ip netns identify "$PID_datanode2")
address=$(ip -n "$ns" -4 -o addr show eth0 | grep -oE '([0-9]+\.){3}[0-9]+' | head -n 1)
check "its link becomes slow" tc qdisc add dev "${ns%n*}v${ns##*n}" root tbf rate 40mbit burst 128kb latency 50ms
head -c 8000000 /dev/urandom > "$T/f"
found() {
  "$dfs" -put -f "$T/f" /f && "$dfs" admin -report -slownodes > "$T/slow" && grep -q '^Slow datanodes (1):' "$T/slow" &&
    grep -q "^Name: $address:" "$T/slow"
}
check "it is found slow" until_ok 60 found
check "a full report has it too" sh -c "'$dfs' admin -report | sed -n '/^Slow/,\$p' | grep -q '^Name: $address:'"
