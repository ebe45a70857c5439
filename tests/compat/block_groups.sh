#!/bin/bash
# block_groups.sh -- striped files made, read and refused by Hadoop's own client, and what is said of them: the answers and
# exceptions are those of a real Hadoop 3.4.2 (`block_groups.sh capture HOST:PORT` prints them from one). Then Hadoop's
# viewers read the edits and the image, and its namenode takes them over and gives them back.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded BlockGroups block_groups.txt "striped files are those of Hadoop" --datanodes 10 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.replication=2 -D dfs.heartbeat.interval=1
[ -z "${CAPTURE:-}" ] && [ -e "$C/cluster.json" ] || exit

java_main() { exec java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" "$@"; }
admin() { (java_main org.apache.hadoop.hdfs.tools.DFSAdmin "$@" 2>&1); }
name=$(grep -o '<name>dfs.namenode.name.dir</name><value>[^<]*' "$HADOOP_CONF_DIR/hdfs-site.xml" | sed 's/.*<value>//;s|^file://||')
newest() { find "$name/current" -name "$1" ! -name '*.md5' | sort | tail -n 1; }
state() { # state: of the name directory, by whoever wrote it
  "$B/tests/cluster/name_digest" "$name" 2>&1 | sed 's/.*replayed=[0-9]* //'
}

"$dfs" admin -rollEdits > /dev/null
(java_main org.apache.hadoop.hdfs.tools.offlineEditsViewer.OfflineEditsViewer -i "$(newest 'edits_0*-*')" -o "$T/edits.xml") > "$T/oev.out" 2>&1
groups=$(grep -c '<BLOCK_ID>-92' "$T/edits.xml")
if [ "$groups" -gt 30 ]; then pass "Hadoop's viewer reads the edits, $groups times of a group"; else fail "oev: $groups groups: $(tail -n 1 "$T/oev.out")"; fi
cluster kill namenode
before=$(state)
java_main org.apache.hadoop.hdfs.server.namenode.NameNode > "$T/java.log" 2>&1 &
java=$!
trap 'kill -9 $java 2> /dev/null; finish' EXIT
if until_ok 60 "$dfs" -ls /; then pass "Hadoop's namenode starts from the edits"; else fail "Java's namenode: $(grep -m 1 -E 'Exception|ERROR' "$T/java.log")"; fi
admin -safemode enter > "$T/admin.out"
check "and saves them" admin -saveNamespace
kill -9 $java
wait $java 2> /dev/null
image=$(newest 'fsimage_*')
(java_main org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$image" -o "$T/image.xml") > "$T/oiv.out" 2>&1
striped=$(grep -o '<blockType>STRIPED</blockType>' "$T/image.xml" | wc -l)
if [ "$striped" -gt 15 ]; then pass "its image has $striped striped files"; else fail "oiv: $striped striped files: $(tail -n 1 "$T/oiv.out")"; fi
after=$(state)
if [ "$before" = "$after" ] && [ "${before#*digest=}" != "$before" ]; then pass "which are what we wrote: $after"; else fail "we wrote $before, Hadoop saved $after"; fi

cluster restart namenode
check "our namenode starts from that" until_ok 20 "$dfs" -ls /
"$dfs" admin -safemode leave > /dev/null
"$dfs" admin -safemode enter > /dev/null
check "and saves an image" "$dfs" admin -saveNamespace
(java_main org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$(newest 'fsimage_*')" -o "$T/ours.xml") > "$T/oiv.out" 2>&1
inodes() { grep -o '<inode><id>.*</inode>' "$1" | sed 's/<\/inode>/&\n/g' | grep STRIPED | sort; }
inodes "$T/image.xml" > "$T/hadoop.inodes"
inodes "$T/ours.xml" > "$T/our.inodes"
if [ -s "$T/our.inodes" ]; then same "in which Hadoop's viewer sees the same striped files" "$T/hadoop.inodes" "$T/our.inodes"; else fail "oiv of ours: $(tail -n 1 "$T/oiv.out")"; fi
