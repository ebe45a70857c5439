#!/bin/bash
# data_dirs.sh -- dfs.datanode.data.dir of a running datanode changes, of Hadoop's and of ours: what is said, what is on disk, what the
# namenode knows then, step by step the same.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "data_dirs: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
java_namenode "$(some_port 60)" dfs.replication 1 dfs.blocksize 1048576 dfs.namenode.fs-limits.min-block-size 1 \
  dfs.client.block.write.replace-datanode-on-failure.policy NEVER
until_ok 60 "$dfs" -ls / || fail "the namenode starts: $(tail -n 2 "$T/nn.log")"
head -c 900000 /dev/urandom > "$T/in"

dirs() { # dirs NUMBER LIST: in the datanode's file
  sed -i "/<name>dfs.datanode.data.dir</d; s|</configuration>|<property><name>dfs.datanode.data.dir</name><value>$2</value></property>\n</configuration>|" \
    "$T/conf$1/hdfs-site.xml"
}
plain() { # the words without what differs from run to run
  sed -E "s/at [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [A-Z]+ [0-9]{4}/at DATE/g; s/127[0-9.:]+/NODE/g; s|$D|DIR|g; s/CID-[-0-9a-z]+/CID/g" | while IFS= read -r line; do
    case $line in # in no order there
      *From:*) echo "$line" | tr -d '\t"' | sed 's/From: //' | tr , '\n' | sort | paste -sd, | sed 's/^/\tFrom: "/; s/$/"/' ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}
ipc() { echo "127.0.0.1:$(($(datanode_port "$1") + 1))"; }
status() { "$dfs" admin -reconfig datanode "$(ipc "$1")" status 2>&1; }
finished() { status "$N" | grep -q 'and finished at\|no task'; }
step() { # step SENTENCE LIST
  echo "== $1"
  dirs "$N" "$2"
  "$dfs" admin -reconfig datanode "$(ipc "$N")" start 2>&1 | plain
  until_ok 60 finished
  status "$N" | plain
}
known() { # known N: the namenode knows so many volumes of it with any room
  "$dfs" admin -getVolumeReport "$(ipc "$N")" 2>&1 | grep -c 'Directory:'
}
types() { "$dfs" admin -getVolumeReport "$(ipc "$N")" 2>&1 | grep -E 'Directory:|StorageType' | plain | paste - - | sort; }
missing() { [ "$("$dfs" fsck / 2>/dev/null | sed -n 's/^ *Missing blocks:[^0-9]*//p' | tail -n 1)" = "$1" ]; }
blocks_in() { find "$1" -path '*finalized*' -name 'blk_*' ! -name '*.meta' 2> /dev/null | wc -l; }
scenario() { # scenario java|ours N
  local who=$1 d p
  N=$2
  D=$T/$who
  mkdir -p "$D" "$T/conf$N"
  p=$(datanode_port "$N")
  cp "$T/conf/core-site.xml" "$T/conf/log4j.properties" "$T/conf$N"
  site "${conf_pairs[@]}" dfs.datanode.data.dir "$D/a" dfs.datanode.address "127.0.0.1:$p" \
    dfs.datanode.ipc.address "127.0.0.1:$((p + 1))" dfs.datanode.http.address "127.0.0.1:$((p + 2))" > "$T/conf$N/hdfs-site.xml"
  if [ "$who" = java ]; then
    HADOOP_CONF_DIR=$T/conf$N java_exec org.apache.hadoop.hdfs.server.datanode.DataNode > "$T/java$N.log" 2>&1 &
  else
    "$ROOT/$B/bin/datanode" --config "$T/conf$N" > "$T/ours$N.log" 2>&1 &
  fi
  pid[$who$N]=$!
  until_ok 90 "$dfs" -put -f "$T/in" "/$who-1" || echo "no put"
  "$dfs" admin -reconfig datanode "$(ipc "$N")" properties 2>&1 | sed -n '2p'
  step "one more" "$D/a,$D/b"
  sed -E 's/=.*//; /^#/d' "$D/b/current/VERSION" | sort
  ls "$D/b/current"/BP-*/
  for d in 2 3 4 5; do "$dfs" -put "$T/in" "/$who-$d"; done
  echo "there: $(blocks_in "$D/a") $(blocks_in "$D/b"), known volumes: $(known "$N")"
  step "the same again" "$D/a,$D/b"
  : > "$D/file"
  step "a file among them" "$D/a,$D/b,$D/file/x,$D/c"
  echo "known volumes: $(known "$N")"
  step "another type" "$D/a,[SSD]$D/b,$D/c"
  types
  step "all others, none of which can be" "$D/file/x"
  echo "known volumes: $(known "$N")"
  mkdir -p "$D/other/current"
  sed 's/^clusterID=.*/clusterID=CID-x/' "$D/b/current/VERSION" > "$D/other/current/VERSION"
  step "of another cluster" "$D/a,$D/b,$D/c,$D/other"
  step "one with blocks is taken out" "$D/b,$D/c"
  until_ok 30 missing "$(blocks_in "$D/a")" && echo "as many are missing as were there"
  echo "there: $([ "$(blocks_in "$D/a")" -gt 0 ] && echo still), known volumes: $(known "$N")"
  for d in 1 2 3 4 5; do "$dfs" -cat "/$who-$d" 2> /dev/null | cmp -s - "$T/in" || echo gone; done | wc -l
  step "and comes back" "$D/b,$D/a"
  until_ok 30 missing 0 && echo "none is missing"
  for d in 1 2 3 4 5; do "$dfs" -cat "/$who-$d" 2> /dev/null | cmp -s - "$T/in" || echo gone; done | wc -l
  ls "$D/c"
  "$dfs" -rm -skipTrash "/$who-*" > /dev/null 2>&1 # the next one's are all there are then
  stop "$who$N"
}
scenario java 1 > "$T/java.out" 2>&1
scenario ours 2 > "$T/ours.out" 2>&1
check "all were gone through" grep -q '^none is missing' "$T/java.out"
if diff "$T/java.out" "$T/ours.out" > "$T/diff"; then pass "all steps say and do the same"; else fail "a step differs: $(cat "$T/diff")"; fi
