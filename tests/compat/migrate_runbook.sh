#!/bin/bash
# migrate_runbook.sh -- docs/operate/migrate.md, its commands in their order: a Hadoop cluster becomes ours, and Hadoop's again.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "migrate_runbook: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
PORT=$(some_port 60)
turns_configure "$T/name" dfs.replication 1 dfs.datanode.data.dir "$T/data" dfs.datanode.address "127.0.0.1:$((PORT + 10))" \
  dfs.datanode.ipc.address "127.0.0.1:$((PORT + 11))" dfs.datanode.http.address "127.0.0.1:$((PORT + 12))" \
  dfs.namenode.heartbeat.recheck-interval 1000 dfs.namenode.safemode.threshold-pct 1

# A distribution's `hdfs`, of which the jars have only the classes.
mkdir -p "$T/bin" "$T/pids"
cat > "$T/bin/hdfs" << 'H'
#!/bin/bash
java=(java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*")
declare -A classes=([namenode]=server.namenode.NameNode [datanode]=server.datanode.DataNode [dfsadmin]=tools.DFSAdmin [fsck]=tools.DFSck)
case $1 in
  --daemon)
    if [ "$2" = start ]; then
      "${java[@]}" "org.apache.hadoop.hdfs.${classes[$3]}" >> "$PIDS/$3.log" 2>&1 &
      echo $! > "$PIDS/$3"
    else
      kill "$(cat "$PIDS/$3")" && tail --pid="$(cat "$PIDS/$3")" -f /dev/null
      rm "$PIDS/$3"
    fi
    ;;
  dfs) exec "${java[@]}" org.apache.hadoop.fs.FsShell "${@:2}" ;;
  *) exec "${java[@]}" "org.apache.hadoop.hdfs.${classes[$1]}" "${@:2}" ;;
esac
H
chmod +x "$T/bin/hdfs"
export PATH="$T/bin:$ROOT/$B/bin:$PATH" PIDS=$T/pids
end() {
  local f
  for f in "$T"/pids/*node "$T"/notes/*.pid; do [ -e "$f" ] && kill -KILL "$(cat "$f")" 2> /dev/null; done
  finish
}
trap end EXIT

# ---- a cluster of Hadoop's with something of each kind in it ----
java_main org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
hdfs --daemon start namenode
hdfs --daemon start datanode
until_ok 90 "$dfs" -mkdir -p /user/alice || fail "Hadoop starts: $(tail -n 1 "$T/pids/namenode.log")"
head -c 3000000 /dev/urandom > "$T/in"
until_ok 90 "$dfs" -put -f "$T/in" /user/alice/f || fail "Hadoop's datanode starts: $(tail -n 1 "$T/pids/datanode.log")"
"$dfs" -touchz /user/alice/empty
"$dfs" -mkdir /snap
"$dfs" -put "$T/conf/hdfs-site.xml" /snap/g
"$dfs" admin -allowSnapshot /snap > /dev/null
"$dfs" -createSnapshot /snap s1 > /dev/null
"$dfs" -rm -skipTrash /snap/g > /dev/null
"$dfs" -setfattr -n user.k -v v /user/alice/f

# ---- the page ----
awk '/^```sh$/ {on = 1; n++; next} /^```$/ {on = 0} /^## / {print "section=\"" substr($0, 4) "\""} on' docs/operate/migrate.md > "$T/page.sh"
if [ "$(grep -c . "$T/page.sh")" -gt 40 ]; then pass "the page has its commands"; else fail "the page has only $(grep -c . "$T/page.sh") lines of commands"; fi
{
  echo "set -e; export NAME_DIR='$T/name' DATA_DIR='$T/data' NOTES='$T/notes'"
  echo 'trap '\''rc=$?; [ $rc = 0 ] || echo "stopped in: $section"; exit $rc'\'' EXIT'
  cat "$T/page.sh"
} > "$T/run.sh"
timeout "$(patience 240)" bash "$T/run.sh" > "$T/run.log" 2>&1
rc=$?
if [ $rc = 0 ]; then pass "every command of the page succeeds, there and back"; else
  fail "the page: exit code $rc: $(tail -n 4 "$T/run.log" | tr '\n' ' ')"
fi
check "the check found nothing to see" grep -q "everything is there" "$T/notes/check"
same "what Hadoop had, it has again" "$T/notes/ls.hadoop" "$T/notes/ls.again"
"$dfs" -cat /user/alice/f > "$T/out" 2> /dev/null
same "with its bytes" "$T/in" "$T/out"
check "its snapshot" "$dfs" -test -s /snap/.snapshot/s1/g
check "and its attributes" grep -q 'user.k="v"' <("$dfs" -getfattr -n user.k /user/alice/f)
