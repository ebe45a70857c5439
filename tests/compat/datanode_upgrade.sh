#!/bin/bash
# datanode_upgrade.sh -- what a datanode keeps while an upgrade may still be gone back from, by Hadoop's datanode and by ours in turns, under
# Hadoop's namenode and under ours: `previous` of an upgrade, `trash` of a rolling one. Either goes back with what the other kept.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "datanode_upgrade: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
PORT=$(some_port 60)
turns_configure "$T/name" dfs.replication 1 dfs.blocksize 1048576 dfs.datanode.data.dir "$T/data" dfs.datanode.address "127.0.0.1:$((PORT + 10))" \
  dfs.datanode.ipc.address "127.0.0.1:$((PORT + 11))" dfs.datanode.http.address "127.0.0.1:$((PORT + 12))" \
  dfs.namenode.heartbeat.recheck-interval 1000 dfs.blockreport.intervalMsec 3000 dfs.blockreport.initialDelay 0
datanode=''
begin() { # begin ours|java [OPTION]
  local kind=$1
  shift
  if [ "$kind" = ours ]; then
    "$B/bin/datanode" --config "$T/conf" "$@" >> "$T/datanode.log" 2>&1 &
  else
    java_words
    "${turns_java[@]}" org.apache.hadoop.hdfs.server.datanode.DataNode "$@" >> "$T/datanode.log" 2>&1 &
  fi
  datanode=$!
}
halt() {
  [ -n "$datanode" ] || return 0
  kill -TERM "$datanode" 2> /dev/null
  wait "$datanode" 2> /dev/null
  datanode=
}
end() {
  halt
  turns_finish
}
trap end EXIT
head -c 2500000 /dev/urandom > "$T/in"
head -c 70000 /dev/urandom > "$T/more"
reads() { "$dfs" -cat "$1" 2> /dev/null | cmp -s - "$T/in"; }
fresh() { # fresh NAMENODE DATANODE: an empty store that they serve
  rm -rf "$T/name" "$T/data"
  java_main org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
  start "$1" || return
  begin "$2"
  until_ok 90 "$dfs" -put -f "$T/in" /gone || { fail "$2 under $1 starts: $(tail -n 1 "$T/datanode.log")"; return 1; }
  "$dfs" -put "$T/in" /kept
  pool=$(find "$T/data/current" -maxdepth 1 -name 'BP-*')
}
blocks_in() { find "$pool/$1" -name 'blk_*' ! -name '*.meta' 2> /dev/null | wc -l; }
has_blocks() { [ "$(blocks_in "$1")" = "$2" ]; }
# The files of before, from the disk: their checks are read, too.
as_before() { until_ok 60 reads /gone && until_ok 60 reads /kept && ! "$dfs" -test -e /later; }

# ---- rolling ----
rolling() { # rolling NAMENODE KEEPER ITS-SUCCESSOR RETURNER: the successors go back
  local what="a rolling upgrade under the namenode of $1"
  fresh "$1" "$2" || return
  "$dfs" admin -safemode enter > /dev/null
  admin -rollingUpgrade prepare > "$T/prepare" 2>&1
  "$dfs" admin -safemode leave > /dev/null
  check "$what is marked by $2" until_ok 30 test -e "$pool/RollingUpgradeInProgress"
  "$dfs" -rm -skipTrash /gone > /dev/null
  "$dfs" -put "$T/more" /later
  check "what is deleted goes to the trash" until_ok 60 has_blocks trash 3
  halt
  stop
  start "$3" -rollingUpgrade rollback || return
  begin "$4" -rollback
  if as_before; then pass "$4 goes back with what $2 kept, under $3, and all is as it was"; else fail "$4 goes back with what $2 kept: $(tail -n 2 "$T/datanode.log")"; fi
  check "and the trash is empty" has_blocks trash 0
  halt
  stop
}
rolling ours ours ours ours
rolling java java java ours
rolling java ours ours java
rolling ours java java ours
fresh java ours && {
  "$dfs" admin -safemode enter > /dev/null
  admin -rollingUpgrade prepare > "$T/prepare" 2>&1
  "$dfs" admin -safemode leave > /dev/null
  until_ok 30 test -e "$pool/RollingUpgradeInProgress"
  "$dfs" -rm -skipTrash /gone > /dev/null
  until_ok 60 has_blocks trash 3
  admin -rollingUpgrade finalize > "$T/finalize" 2>&1
  check "final, there is no trash" until_ok 30 test ! -e "$pool/trash"
  check "nor the mark" until_ok 30 test ! -e "$pool/RollingUpgradeInProgress"
  check "and what was not deleted is there" reads /kept
  halt
  stop
}

# ---- with previous ----
goes_back() { # goes_back ours|java: the name directory
  if [ "$1" = ours ]; then echo Y | "$B/bin/namenode" --config "$T/conf" -rollback; else echo Y | java_main org.apache.hadoop.hdfs.server.namenode.NameNode -rollback; fi
}
upgrade() { # upgrade NAMENODE KEEPER RETURNER
  local what="an upgrade under the namenode of $1"
  fresh "$1" "$2" || return
  halt
  stop
  start "$1" -upgrade || return
  begin "$2"
  until_ok 60 reads /gone || fail "$2 serves in $what"
  check "$what is kept by $2" test -e "$pool/previous/VERSION"
  "$dfs" -rm -skipTrash /gone > /dev/null
  until_ok 60 "$dfs" -appendToFile "$T/more" /kept
  "$dfs" -put "$T/more" /later
  until_ok 60 has_blocks current/finalized 4 || fail "$what: $(blocks_in current/finalized) blocks"
  check "what was is still there" has_blocks previous/finalized 6
  halt
  stop
  goes_back "$1" > "$T/back.log" 2>&1
  start "$1" || return
  begin "$3" -rollback
  if as_before; then pass "$3 goes back to what $2 kept, and all is as it was"; else fail "$3 goes back to what $2 kept: $(tail -n 2 "$T/datanode.log")"; fi
  check "and there is nothing left to go back to" test ! -e "$pool/previous"
  halt
  stop
}
upgrade java java ours
upgrade java ours java
upgrade ours ours ours
finalized() { # finalized NAMENODE KEEPER OTHER: the other is told that it is final
  fresh "$1" "$2" || return
  halt
  stop
  start "$1" -upgrade || return
  begin "$2"
  until_ok 60 reads /gone
  halt
  begin "$3"
  until_ok 60 reads /gone
  check "$3 leaves what $2 kept while the upgrade is not final" has_blocks previous/finalized 6
  "$dfs" admin -finalizeUpgrade > "$T/finalize" 2>&1
  check "and removes it then" until_ok 60 test ! -e "$pool/previous"
  check "with all there" reads /kept
  halt
  stop
}
finalized java java ours
finalized ours ours java
