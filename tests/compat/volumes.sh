#!/bin/bash
# volumes.sh -- one data directory, by Hadoop's datanode and by ours in turns: finalized replicas and some that a kill left unfinished, another
# namenode's pool, the trash of a rolling upgrade, the scanner's cursor; who holds it; and what is wrong with it.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "volumes: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
PORT=$(some_port 60)
turns_configure "$T/name" dfs.replication 1 dfs.blocksize 1048576 dfs.datanode.data.dir "$T/data" dfs.datanode.address "127.0.0.1:$((PORT + 10))" \
  dfs.datanode.ipc.address "127.0.0.1:$((PORT + 11))" dfs.datanode.http.address "127.0.0.1:$((PORT + 12))" \
  dfs.namenode.heartbeat.recheck-interval 1000 dfs.client.block.write.replace-datanode-on-failure.policy NEVER
datanode='' writer=''
begin() { # begin ours|java
  if [ "$1" = ours ]; then
    "$B/bin/datanode" --config "$T/conf" >> "$T/datanode.log" 2>&1 &
  else
    java_words
    "${turns_java[@]}" org.apache.hadoop.hdfs.server.datanode.DataNode >> "$T/datanode.log" 2>&1 &
  fi
  datanode=$!
}
halt() { # halt SIGNAL
  [ -n "$datanode" ] || return 0
  kill "-$1" "$datanode" 2> /dev/null
  wait "$datanode" 2> /dev/null
  datanode=
}
end() {
  [ -n "$writer" ] && kill -KILL "$writer" 2> /dev/null
  halt KILL
  turns_finish
}
trap end EXIT
java_main org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
start java || exit 1
head -c 2500000 /dev/urandom > "$T/in"
head -c 200000 /dev/urandom > "$T/part"
sums() { "$dfs" -checksum /java /ours 2> /dev/null | awk '{print $1, $3}'; }
reads() { "$dfs" -cat "$1" 2> /dev/null | cmp -s - "$2"; }
flushed() { [ "$(find "$T/data/current" -path '*/rbw/blk_*' ! -name '*.meta' -size +120k | wc -l)" = 1 ]; }
leave_unfinished() { # leave_unfinished PATH: a writer that is still at it when the datanode is killed
  mkfifo "$T/pipe"
  java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" org.apache.hadoop.fs.FsShell \
    -put -d - "$1" < "$T/pipe" > "$T/writer.out" 2>&1 &
  writer=$!
  exec 9> "$T/pipe"
  timeout 30 cat "$T/part" >&9
  until_ok 40 flushed || fail "a replica is being written: $(tail -n 1 "$T/writer.out")"
  halt KILL
  kill -KILL "$writer"
  wait "$writer" 2> /dev/null
  writer=
  exec 9>&-
  rm "$T/pipe"
}
recovered() { # recovered PATH: closed, with what was on the datanode
  java_main org.apache.hadoop.hdfs.tools.DebugAdmin recoverLease -path "$1" -retries 20 > "$T/recover" 2>&1
  "$dfs" -cat "$1" > "$T/got" 2> /dev/null
  local n
  n=$(wc -c < "$T/got")
  [ "$n" -ge 131072 ] && head -c "$n" "$T/part" | cmp -s - "$T/got"
}

# ---- written by Hadoop's, then ours starts on it ----
begin java
until_ok 90 "$dfs" -put -f "$T/in" /java || fail "Hadoop's datanode starts: $(tail -n 1 "$T/datanode.log")"
leave_unfinished /left-by-java
pool=$(find "$T/data/current" -maxdepth 1 -name 'BP-*')
# What of Hadoop's lies there beside the replicas.
other=$T/data/current/BP-77-127.0.0.1-1500000000000
mkdir -p "$other/current/finalized/subdir0/subdir0" "$other/tmp" "$pool/trash/finalized/subdir0/subdir0"
sed -e 's/^namespaceID=.*/namespaceID=77/' -e 's/^blockpoolID=.*/blockpoolID=BP-77-127.0.0.1-1500000000000/' "$pool/current/VERSION" > "$other/current/VERSION"
echo of-another > "$other/current/finalized/subdir0/subdir0/blk_5"
echo copy > "$other/tmp/blk_6"
echo deleted > "$pool/trash/finalized/subdir0/subdir0/blk_7"
echo '{"lastSavedMs":1500000000000,"iterStartMs":1500000000000,"curFinalizedDir":null,"curFinalizedSubDir":null,"curEntry":null,"atEnd":false}' > "$pool/scanner.cursor"
beside() { (cd "$T/data/current" && find "$(basename "$other")" "$(basename "$pool")/trash" "$(basename "$pool")/scanner.cursor" VERSION "$(basename "$pool")/current/VERSION" -printf '%p %s %T@ %i\n' | sort && find . -path '*BP-77*' -type f -exec md5sum {} + | sort); }
beside > "$T/beside.before"

begin ours
check "ours serves what Hadoop's finalized" until_ok 60 reads /java "$T/in"
check "what Hadoop's had not finished is recovered from it" recovered /left-by-java
check "ours writes there" "$dfs" -put "$T/in" /ours
sums > "$T/sums.ours"
beside > "$T/beside.after"
same "both VERSIONs, another namenode's pool, the trash and the cursor are left alone" "$T/beside.before" "$T/beside.after"

# ---- one at a time ----
java_words
sed -e "s/:$((PORT + 10))</:0</; s/:$((PORT + 11))</:0</; s/:$((PORT + 12))</:0</" "$T/conf/hdfs-site.xml" > "$T/second.xml"
mkdir "$T/second"
cp "$T/conf"/* "$T/second"
cp "$T/second.xml" "$T/second/hdfs-site.xml"
java_second() { timeout "$(patience 60)" java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/second:$HADOOP_LIB/*" org.apache.hadoop.hdfs.server.datanode.DataNode; }
ours_second() { timeout "$(patience 60)" "$B/bin/datanode" --config "$T/second"; }
java_second > "$T/second.log" 2>&1
check "Hadoop's datanode is kept out of a directory that ours holds" grep -q "Cannot lock storage $T/data" "$T/second.log"
refuse "and a second one of ours" "Cannot lock storage $T/data. The directory is already locked" ours_second

# ---- back ----
leave_unfinished /left-by-ours
begin java
check "Hadoop's datanode serves what ours finalized" until_ok 90 reads /ours "$T/in"
reads /java "$T/in" || fail "and what it had written itself"
check "what ours had not finished is recovered from it" recovered /left-by-ours
sums > "$T/sums.java"
same "the checksums are the same" "$T/sums.ours" "$T/sums.java"
refuse "ours is kept out of a directory that Hadoop's holds" "Cannot lock storage $T/data. The directory is already locked" ours_second
halt TERM

# ---- what is wrong with it ----
hash_of() { (cd "$T/data" && find . ! -name in_use.lock -printf '%p %s %m\n' | sort && find . -type f ! -name in_use.lock -exec md5sum {} + | sort) | md5sum; }
cp -a "$T/data" "$T/good"
damaged() { # damaged SENTENCE PATTERN FILE SED: ours refuses it, saying that, and writes nothing
  rm -rf "$T/data"
  cp -a "$T/good" "$T/data"
  sed -i "$4" "$T/data/current/$3"
  local before
  before=$(hash_of)
  refuse "$1" "$2" ours_second
  [ "$(hash_of)" = "$before" ] || fail "$1: it was changed"
}
in_pool=$(basename "$pool")/current/VERSION
damaged "another cluster's VERSION is refused with both ids" "namenode clusterID = CID-.*datanode clusterID = CID-another" VERSION 's/^clusterID=.*/clusterID=CID-another/'
damaged "a VERSION that is empty" "VERSION\|Reported: none" VERSION d
damaged "a layout too old" "Reported: -40. Expecting = -57" VERSION 's/^layoutVersion=.*/layoutVersion=-40/'
damaged "a layout too new" "Reported: -90. Expecting = -57" VERSION 's/^layoutVersion=.*/layoutVersion=-90/'
damaged "a namenode's VERSION" "storageType is NAME_NODE" VERSION 's/^storageType=.*/storageType=NAME_NODE/'
damaged "a VERSION without the storage's id" "no storageID" VERSION '/^storageID/d'
damaged "a VERSION without the cluster's id" "clusterID" VERSION '/^clusterID/d'
damaged "a VERSION without a layout" "Reported: none" VERSION '/^layoutVersion/d'
damaged "the pool of another namespace" "namespaceID" "$in_pool" 's/^namespaceID=.*/namespaceID=1/'
damaged "a pool that says it is another" "blockpoolID" "$in_pool" 's/^blockpoolID=.*/blockpoolID=BP-1-1-1/'
damaged "a pool of a layout too new" "Reported: -90" "$in_pool" 's/^layoutVersion=.*/layoutVersion=-90/'
damaged "a pool's VERSION that is empty" "Reported: none" "$in_pool" d
