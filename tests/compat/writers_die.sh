#!/bin/bash
# writers_die.sh -- Hadoop's own client writes to our datanodes while these, and writers, are killed at each stage of a
# pipeline: nothing that was flushed is lost, and every policy of replacing datanodes does what it says.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java || ! command -v javac > /dev/null; then
  skip "writers that die: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/WritersThatDie.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
start_cluster --datanodes 5 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0 -D dfs.heartbeat.interval=1 \
  -D dfs.client.socket-timeout=5000
java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_LIB/*" WritersThatDie "$C" "$FS_URI" "$@" \
  > "$T/out" 2> "$T/err"
rc=$?
grep -E '^(PASS|FAIL) ' "$T/out"
failures=$(grep -c '^FAIL' "$T/out")
if [ $rc -ne 0 ] && [ "$failures" -eq 0 ]; then fail "the driver ends well: $(tail -n 2 "$T/err")"; fi
