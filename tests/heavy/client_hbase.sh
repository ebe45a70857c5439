#!/bin/bash
# HBase over Ashlar, its write-ahead log by its own writer (one connection to each datanode): kill -9, recovery, and
# no acknowledged row lost. HBase runs as one process with a ZooKeeper inside, and the Hadoop 3.3 client that it ships.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
if ! command -v java > /dev/null; then
  skip "HBase: no Java here"
  exit 0
fi
if ! jars hbase org.apache.hbase:hbase-server:2.6.1-hadoop3 org.apache.hbase:hbase-client:2.6.1-hadoop3; then
  skip "HBase: $why"
  exit 0
fi
start_cluster --datanodes 3 --no-jobs
mkdir -p "$T/conf" "$T/classes"
port=$(some_port 200)
{
  echo '<configuration>'
  while read -r key value; do
    echo "<property><name>$key</name><value>$value</value></property>"
  done << END
hbase.rootdir $FS_URI/hbase
hbase.cluster.distributed false
hbase.unsafe.stream.capability.enforce true
hbase.wal.provider asyncfs
hbase.tmp.dir $T/tmp
hbase.zookeeper.property.dataDir $T/zookeeper
hbase.zookeeper.property.clientPort $port
hbase.zookeeper.quorum 127.0.0.1
hbase.localcluster.assign.random.ports true
hbase.master.info.port -1
hbase.regionserver.info.port -1
hbase.master.ipc.address 127.0.0.1
hbase.regionserver.ipc.address 127.0.0.1
hbase.client.retries.number 8
dfs.replication 3
END
  echo '</configuration>'
} > "$T/conf/hbase-site.xml"
cp "$HADOOP_CONF_DIR/core-site.xml" "$T/conf/" 2> /dev/null
cat > "$T/conf/log4j.properties" << 'END'
log4j.rootLogger=INFO,c
log4j.appender.c=org.apache.log4j.ConsoleAppender
log4j.appender.c.target=System.err
log4j.appender.c.layout=org.apache.log4j.PatternLayout
log4j.appender.c.layout.ConversionPattern=%d %p %c{1}: %m%n
END
javac -nowarn -cp "$JARS/*" -d "$T/classes" tests/compat/clients/HBaseRows.java || exit 1

opens= # what HBase's own script opens of Java 17
for package in nio util lang lang.reflect util.concurrent; do opens="$opens --add-opens java.base/java.$package=ALL-UNNAMED"; done
opens="$opens --add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.base/jdk.internal.ref=ALL-UNNAMED"
opens="$opens --add-exports java.base/jdk.internal.misc=ALL-UNNAMED"

server=
start_hbase() {
  HBASE_LOG=$T/hbase-$1.log
  # shellcheck disable=SC2086
  java $opens -Xmx700m -XX:+UseSerialGC -cp "$T/conf:$JARS/*" org.apache.hadoop.hbase.master.HMaster start > "$HBASE_LOG" 2>&1 &
  server=$!
  disown "$server"
}
serves() { grep -q "Master has completed initialization" "$HBASE_LOG"; }
wait_hbase() {
  until_ok 120 serves && return
  fail "HBase serves ($1): $(grep -E 'ERROR|FATAL|Exception' "$HBASE_LOG" | tail -n 3)"
  exit 1
}
rows() { java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$T/conf:$T/classes:$JARS/*" HBaseRows "$@" 2> "$T/rows.err"; }
end_hbase() { [ -n "$server" ] && kill -"$1" "$server" 2> /dev/null && until_ok 60 sh -c "! kill -0 $server 2> /dev/null"; }
trap 'end_hbase 9; finish' EXIT

start_hbase 1
wait_hbase first
check "a table is made" rows create
: > "$T/acked"
rows write 0 2000 >> "$T/acked"
check "rows are written" test "$(wc -l < "$T/acked")" = 2000
check "the log goes straight to each datanode" grep -q "AsyncFSWAL" "$HBASE_LOG"
check "memory becomes a file" rows flush

rows write 2000 1000000 >> "$T/acked" &
writer=$!
enough() { [ "$(wc -l < "$T/acked")" -gt "$1" ]; }
check "more rows are written" until_ok 60 enough 4000
check "a datanode dies meanwhile" cluster kill datanode1
check "rows go on being written" until_ok 90 enough $(($(wc -l < "$T/acked") + 1000))
check "it comes back" cluster restart datanode1
end_hbase 9
kill "$writer" 2> /dev/null
wait "$writer" 2> /dev/null
head -n -1 "$T/acked" > "$T/acked.whole" # a number cut short by the kill proves nothing
start_hbase 2
wait_hbase "after kill -9"
found=$(rows check "$T/acked.whole")
check "every acknowledged row is there after kill -9: $found of $(wc -l < "$T/acked.whole")" sh -c "[ $found -gt 4000 ] && [ $found = $(wc -l < "$T/acked.whole") ]"
[ "$found" = "$(wc -l < "$T/acked.whole")" ] || tail -n 3 "$T/rows.err" >&2
check "the dead server's log was recovered" grep -qE "Recover(ed)? lease|recoverLease" "$HBASE_LOG"

rows write 2000000 2000500 > "$T/more"
cluster kill namenode > /dev/null
cluster restart namenode > /dev/null
rows write 2000500 2001000 >> "$T/more"
check "rows are written through a restart of the namenode" test "$(wc -l < "$T/more")" = 1000
found=$(rows check "$T/more")
check "and are there" test "$found" = 1000
end_hbase TERM
check "HBase stops in good order" sh -c "! kill -0 $server 2> /dev/null"
server=
