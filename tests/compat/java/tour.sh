#!/bin/bash
# tour.sh DIR PORT: every client operation once against a real Hadoop; leaves the golden samples in DIR/samples.
# Wants HADOOP_LIB (the jars) and ASHLAR_SHARED (peers/hadoop-cluster is there).
set -e
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 port=$2 cluster=${ASHLAR_SHARED:-$here/../../../../shared}/peers/hadoop-cluster
: "${HADOOP_LIB:?}"
classes=$(mktemp -d)
trap '"$cluster" stop "$dir"; rm -rf "$classes"' EXIT
javac -d "$classes" -cp "$HADOOP_LIB/*" "$here"/EditsTour.java "$here"/LinkNN.java
"$cluster" start "$dir" --datanodes 1 --port "$port" -D dfs.namenode.acls.enabled=true \
  -D dfs.namenode.fs-limits.min-block-size=1 -D dfs.namenode.delegation.token.always-use=true --nn-heap 512m --dn-heap 256m
# Symlinks are off in a namenode as it comes: one is started that has them on.
"$cluster" kill-nn "$dir"
run=(java -Xmx512m -XX:TieredStopAtLevel=1 -cp "$classes:$dir/conf:$HADOOP_LIB/*")
setsid java -Xmx512m -Dproc=nn -cp "$classes:$dir/conf:$HADOOP_LIB/*" LinkNN > "$dir/nn.log" 2>&1 < /dev/null &
echo $! > "$dir/nn.pid"
fs=hdfs://127.0.0.1:$((port + 20))
admin() { "${run[@]}" org.apache.hadoop.hdfs.tools.DFSAdmin -fs "$fs" "$@"; }
for _ in $(seq 60); do admin -safemode wait > /dev/null 2>&1 && break; sleep 0.5; done
admin -rollEdits
"${run[@]}" EditsTour "$fs"
admin -rollEdits
admin -safemode enter; admin -saveNamespace; admin -safemode leave
mkdir -p "$dir/samples"
cp "$dir"/name/current/fsimage_* "$dir"/name/current/VERSION "$dir/samples/"
admin -rollEdits
"${run[@]}" EditsTour "$fs" snapshots
admin -safemode enter; admin -rollingUpgrade prepare; admin -safemode leave
admin -rollEdits
admin -rollingUpgrade finalize
admin -rollEdits
cp "$dir"/name/current/edits_*-* "$dir/samples/"
for image in "$dir"/samples/fsimage_*[0-9]; do :; done # the last one
"${run[@]}" org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$image" -o "$dir/samples/tour.xml"
