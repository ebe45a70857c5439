#!/bin/bash
# java_datanodes.sh -- unmodified Hadoop datanodes serve our namenode.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "java_datanodes: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi

PORT=${JAVA_DATANODES_PORT:-$(some_port 200)}
NODES=3
FS_URI=hdfs://127.0.0.1:$PORT
HADOOP_CONF_DIR=$T/conf
export FS_URI HADOOP_CONF_DIR
mkdir -p "$T/conf"
declare -A pid

property() { echo "<property><name>$1</name><value>$2</value></property>"; }

write_conf() { # write_conf DIR [extra properties]: the same for everybody but for their own
  mkdir -p "$1"
  {
    echo "<configuration>"
    property fs.defaultFS "$FS_URI"
    property hadoop.tmp.dir "$T/tmp"
    echo "</configuration>"
  } > "$1/core-site.xml"
  {
    echo "<configuration>"
    property dfs.replication 2
    property dfs.blocksize 1048576
    property dfs.namenode.name.dir "$T/name"
    property dfs.namenode.http-address 127.0.0.1:$((PORT + 1))
    property dfs.heartbeat.interval 1
    property dfs.namenode.heartbeat.recheck-interval 1000
    property dfs.namenode.redundancy.interval.seconds 1s
    property dfs.namenode.safemode.extension 0
    property dfs.datanode.max.locked.memory 0
    echo "$2"
    echo "</configuration>"
  } > "$1/hdfs-site.xml"
  printf 'log4j.rootLogger=INFO,console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\nlog4j.appender.console.target=System.err\nlog4j.appender.console.layout=org.apache.log4j.PatternLayout\nlog4j.appender.console.layout.ConversionPattern=%%d{ISO8601} %%p %%c: %%m%%n\n' > "$1/log4j.properties"
}

start_namenode() {
  "$B/bin/namenode" --config "$T/conf" >> "$T/namenode.log" 2>&1 &
  pid[nn]=$!
  until_ok 10 "$dfs" -ls / || fail "namenode starts: $(tail -n 2 "$T/namenode.log")"
}

start_datanode() { # start_datanode I
  local p=$((PORT + 100 + 10 * $1))
  write_conf "$T/conf-dn$1" "$(
    property dfs.datanode.data.dir "$T/dn$1"
    property dfs.datanode.address 127.0.0.1:$p
    property dfs.datanode.http.address 127.0.0.1:$((p + 1))
    property dfs.datanode.ipc.address 127.0.0.1:$((p + 2))
  )"
  java -Xmx160m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/conf-dn$1:$HADOOP_LIB/*" \
    org.apache.hadoop.hdfs.server.datanode.DataNode >> "$T/dn$1.log" 2>&1 &
  pid[dn$1]=$!
}

end() { # end NAME SIGNAL
  kill "-$2" "${pid[$1]}" 2> /dev/null
  wait "${pid[$1]}" 2> /dev/null
  unset "pid[$1]"
}

end_all() {
  for name in "${!pid[@]}"; do kill -9 "${pid[$name]}" 2> /dev/null; done
  wait 2> /dev/null
  finish
}
trap end_all EXIT

metric() { curl -s "http://127.0.0.1:$((PORT + 1))/jmx?qry=$1" | grep -o "\"$2\" *: *[0-9]*" | grep -o '[0-9]*$'; }
live_is() { [ "$(metric 'Hadoop:service=NameNode,name=FSNamesystemState' NumLiveDataNodes)" = "$1" ]; }
replicas() { find "$T"/dn[0-9]*/current -path '*/finalized/*' -name "$1" ! -name '*.meta' 2> /dev/null | wc -l; }
replicas_are() { [ "$(replicas "$1")" = "$2" ]; }
block_files() { find "$T"/dn[0-9]*/current -path '*/finalized/*' -name 'blk_*' ! -name '*.meta' -printf '%f\n' | sort -u; }

write_conf "$T/conf" ""
"$B/bin/namenode" --config "$T/conf" -format > "$T/format.log" 2>&1
start_namenode
for i in $(seq 0 $((NODES - 1))); do start_datanode "$i"; done
if until_ok 60 live_is $NODES; then
  pass "three Java datanodes register"
else
  fail "three Java datanodes register: $(grep -h -E 'ERROR|FATAL|WARN' "$T"/dn0.log | tail -n 3)"
  exit 1
fi

# a file of three blocks, each way
head -c 3000000 /dev/urandom > "$T/in"
check "our client writes to them" "$dfs" -put "$T/in" /ours
check "Java's client writes to them" java_fs -put "$T/in" /java
"$dfs" -cat /java > "$T/out1"
java_fs -cat /ours > "$T/out2" 2> "$T/java.err"
same "our client reads what Java's wrote" "$T/in" "$T/out1"
same "Java's client reads what ours wrote" "$T/in" "$T/out2"
check "each block is on two datanodes" until_ok 15 replicas_are 'blk_*' 12

# more and fewer copies
"$dfs" -setrep 3 /ours > /dev/null
check "a third copy of three blocks is made" until_ok 30 replicas_are 'blk_*' 15
"$dfs" -setrep 1 /ours > /dev/null
check "two copies of three blocks are deleted" until_ok 30 replicas_are 'blk_*' 9
"$dfs" -setrep 2 /ours > /dev/null
check "and made again" until_ok 30 replicas_are 'blk_*' 12

# a datanode dies
end dn0 9
check "the dead datanode is noticed" until_ok 30 live_is 2
healed() { # every block on both others
  local b
  for b in $(block_files); do
    [ "$(find "$T"/dn[12]/current -path '*/finalized/*' -name "$b" | wc -l)" = 2 ] || return 1
  done
}
check "its blocks are copied elsewhere" until_ok 40 healed
start_datanode 0
check "it comes back" until_ok 60 live_is 3
check "what is then too much is deleted" until_ok 60 replicas_are 'blk_*' 12

# a replica rots: the reader notices, tells, and it is replaced
victim=$(find "$T"/dn1/current -path '*/finalized/*' -name 'blk_*' ! -name '*.meta' | head -n 1)
name=$(basename "$victim")
printf 'rot' | dd of="$victim" bs=1 seek=100 conv=notrunc 2> /dev/null
cp "$victim" "$T/rotten"
read_all() { for _ in 1 2 3 4 5 6; do java_fs -cat /ours /java > /dev/null 2>&1; done; }
is_replaced() {
  [ "$(replicas "$name")" = 2 ] || return 1
  ! find "$T"/dn[0-9]/current -path '*/finalized/*' -name "$name" -exec cmp -s {} "$T/rotten" \; -print | grep -q .
}
try_heal() { read_all && is_replaced; }
check "a rotten replica is replaced" until_ok 60 try_heal
"$dfs" -cat /ours > "$T/out3"
same "and nobody read it" "$T/in" "$T/out3"

# the namenode restarts
end nn 9
start_namenode
check "after a restart of the namenode all report again" until_ok 60 live_is 3
whole() { "$dfs" -cat /java > "$T/out4" && cmp -s "$T/in" "$T/out4"; }
check "and every file is there" until_ok 30 whole

# files that are deleted leave the datanodes
"$dfs" -rm -skipTrash /ours /java > /dev/null
check "deleted files leave the datanodes' disks" until_ok 60 replicas_are 'blk_*' 0
if [ "$(replicas 'blk_*')" != 0 ]; then # which, and what both sides know of them
  find "$T"/dn[0-9]/current -name 'blk_*' | sed "s|^$T/||" | cut -c1-120 | sort
  echo "pending deletion: $(metric 'Hadoop:service=NameNode,name=FSNamesystem' PendingDeletionBlocks)"
  for b in $(block_files); do grep -h "$b" "$T"/dn[0-9].log | tail -n 3 | cut -c1-200; done
  grep -h -i 'report' "$T"/dn[0-9].log | tail -n 3 | cut -c1-200
fi >&2

# who belongs to another cluster
end dn2 15
sed -i 's/^clusterID=.*/clusterID=CID-another/' "$T"/dn2/current/VERSION
start_datanode 2
refused() { grep -q "Incompatible clusterIDs" "$T/dn2.log"; }
check "a datanode of another cluster stays out, and says why" until_ok 60 refused
