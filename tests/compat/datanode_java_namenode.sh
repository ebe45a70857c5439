#!/bin/bash
# datanode_java_namenode.sh -- our datanodes serve an unmodified Hadoop namenode and its shell; a
# data directory goes from our datanode to Hadoop's and back.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "datanode_java_namenode: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi

PORT=${JAVA_NAMENODE_PORT:-$(some_port 200)}
HADOOP_CONF_DIR=$T/conf
export HADOOP_CONF_DIR
declare -A pid
mkdir -p "$T/conf"

property() { echo "<property><name>$1</name><value>$2</value></property>"; }
{
  echo "<configuration>"
  property fs.defaultFS "hdfs://127.0.0.1:$PORT"
  property hadoop.tmp.dir "$T/tmp"
  echo "</configuration>"
} > "$T/conf/core-site.xml"
write_conf() { # write_conf DIR: for the Java datanode too
  {
    echo "<configuration>"
    property dfs.replication 3
    property dfs.blocksize 1048576
    property dfs.namenode.name.dir "$T/name"
    property dfs.namenode.http-address 127.0.0.1:$((PORT + 1))
    property dfs.heartbeat.interval 1
    property dfs.namenode.heartbeat.recheck-interval 1000
    property dfs.namenode.redundancy.interval.seconds 1s
    property dfs.namenode.reconstruction.pending.timeout-sec 3
    property dfs.client.socket-timeout 10000
    property dfs.datanode.data.dir "$T/d0"
    property dfs.datanode.address "127.0.0.1:$((PORT + 10))"
    property dfs.datanode.ipc.address "127.0.0.1:$((PORT + 11))"
    property dfs.datanode.http.address "127.0.0.1:$((PORT + 12))"
    echo "</configuration>"
  } > "$T/conf/hdfs-site.xml"
}
write_conf
java_exec() { exec java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" "$@"; }
java_main() { (java_exec "$@"); }
cat > "$T/conf/log4j.properties" << 'L'
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
L

stop() { # stop NAME [SIGNAL]
  [ -n "${pid[$1]:-}" ] || return 0
  kill "-${2:-TERM}" "${pid[$1]}" 2> /dev/null
  wait "${pid[$1]}" 2> /dev/null
  unset "pid[$1]"
}
cleanup() {
  for name in "${!pid[@]}"; do stop "$name" KILL; done
  rm -rf "$T"
}
trap cleanup EXIT

ours() { # ours N: starts our datanode N
  local p=$((PORT + 10 + 10 * $1))
  "$ROOT/$B/bin/datanode" -D dfs.datanode.data.dir="$T/d$1" -D dfs.datanode.address=127.0.0.1:$p \
    -D dfs.datanode.ipc.address=127.0.0.1:$((p + 1)) -D dfs.datanode.http.address=127.0.0.1:$((p + 2)) \
    >> "$T/ours$1.log" 2>&1 &
  pid[ours$1]=$!
}
live() { # live N: so many datanodes are alive, and all that they hold is known
  java_main org.apache.hadoop.hdfs.tools.DFSAdmin -report -live 2> /dev/null | grep -q "Live datanodes ($1)"
}
reads() { # reads SENTENCE PATH FILE
  java_fs -cat "$2" > "$T/got" 2> "$T/got.err"
  same "$1" "$3" "$T/got"
}

ours 0 # before the namenode is there
java_main org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
java_exec org.apache.hadoop.hdfs.server.namenode.NameNode > "$T/nn.log" 2>&1 &
pid[nn]=$!
ours 1
ours 2
if ! until_ok 60 live 3; then
  fail "three datanodes register with a Java namenode: $(tail -n 3 "$T/nn.log" "$T/ours0.log")"
  exit 1
fi
pass "three datanodes register with a Java namenode, one having waited for it"

head -c 5300000 /dev/urandom > "$T/f"
head -c 3000 /dev/urandom > "$T/g"
check "Java puts a file of six blocks, three copies each" java_fs -put "$T/f" /f
reads "and reads it back" /f "$T/f"
check "Java appends inside a chunk" java_fs -appendToFile "$T/g" /f
cat "$T/f" "$T/g" > "$T/fg"
reads "and reads what is there now" /f "$T/fg"
copies=$(find "$T"/d? -path '*finalized*' -name 'blk_*' ! -name '*.meta' | wc -l)
if [ "$copies" = 18 ]; then pass "every block has three copies"; else fail "every block has three copies: $copies files"; fi
check "our client, whose wish for a block with the file Hadoop's namenode does not know, puts one" "$dfs" -put "$T/f" /by-ours
reads "and it is whole" /by-ours "$T/f"
"$dfs" -rm -skipTrash /by-ours > /dev/null
one=$(java_fs -checksum /f 2> /dev/null | awk '{print $3}')
two=$(java_main org.apache.hadoop.fs.FsShell -D dfs.checksum.combine.mode=COMPOSITE_CRC -checksum /f 2> /dev/null | awk '{print $3}')
want=$(python3 - "$T/fg" << 'P'
import sys
table = []
for i in range(256):
    c = i
    for _ in range(8):
        c = c >> 1 ^ (0x82f63b78 if c & 1 else 0)
    table.append(c)
c = 0xffffffff
for b in open(sys.argv[1], "rb").read():
    c = c >> 8 ^ table[(c ^ b) & 255]
print("%08x" % (c ^ 0xffffffff))
P
)
if [ ${#one} = 56 ] && [ "${two#*:}" = "$want" ]; then
  pass "the composite checksum is the CRC32C of the bytes"
else fail "the composite checksum is the CRC32C of the bytes: $two, $want expected; $one"; fi

# A datanode dies; a client goes on with the two that are left.
stop ours2 KILL
check "an append goes on when a datanode has died" java_fs \
  -D dfs.client.block.write.replace-datanode-on-failure.policy=NEVER -appendToFile "$T/g" /f
cat "$T/fg" "$T/g" > "$T/fgg"
reads "and the bytes are there" /f "$T/fgg"
ours 2
check "the dead one comes back and gets its copies" until_ok 60 live 3
check "-setrep -w 3" timeout "$(patience 120)" java -Xmx256m -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" \
  org.apache.hadoop.fs.FsShell -setrep -w 3 /f
check "-rm frees the blocks" java_fs -rm -skipTrash /f
no_blocks() { [ -z "$(find "$T"/d? -path '*finalized*' -name 'blk_*')" ]; }
until_ok 30 no_blocks
check "a file for the change of hands" java_fs -D dfs.replication=1 -put "$T/f" /h

# The directory of datanode 0 goes to a Java datanode: what it holds is served, and back again.
stop ours1
stop ours2
until_ok 60 live 1
check "a file of one copy on datanode 0" java_fs -D dfs.replication=1 -put "$T/f" /only0
stop ours0
java_exec org.apache.hadoop.hdfs.server.datanode.DataNode > "$T/javadn.log" 2>&1 &
pid[javadn]=$!
until_ok 60 live 1
until_ok 60 java_fs -test -s /only0
reads "a Java datanode serves our directory" /only0 "$T/f"
check "it appends to our block" java_fs -appendToFile "$T/g" /only0
mkdir "$T/few"
for i in $(seq 40); do head -c $((i * 500)) "$T/f" > "$T/few/$i"; done
check "our client writes small files to a Java datanode, which closes after each" "$dfs" -D dfs.replication=1 -put -t 2 "$T/few" /few
check "and reads them back" "$dfs" -get /few "$T/few2"
check "as they were" diff -r "$T/few" "$T/few2"
"$dfs" -rm -r -skipTrash /few > /dev/null
stop javadn
ours 0
reported() { tail -n 2 "$T/ours0.log" | grep -q 'dn.report.*replicas=[1-9]'; }
until_ok 30 reported
reads "and we serve its directory" /only0 "$T/fg"

# A directory of another cluster is refused, with both ids.
stop ours0
sed -i 's/^clusterID=.*/clusterID=CID-somebody-else/' "$T/d0/current/VERSION"
refuse "another cluster's directory is refused with both ids" \
  "namenode clusterID = CID-.*datanode clusterID = CID-somebody-else" \
  timeout "$(patience 60)" "$ROOT/$B/bin/datanode" -D dfs.datanode.data.dir="$T/d0" \
  -D dfs.datanode.address=127.0.0.1:0 -D dfs.datanode.ipc.address=127.0.0.1:0 \
  -D dfs.datanode.http.address=127.0.0.1:0
