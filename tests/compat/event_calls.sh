#!/bin/bash
# event_calls.sh -- the events of the namespace as Hadoop's HdfsAdmin reads them (getInotifyEventStream):
# of every change, from a number on, across a roll and a checkpoint. The golden file is a real Hadoop
# 3.4.2's (`FS=hdfs://HOST:PORT tests/compat/event_calls.sh capture`).
. "$(dirname "$0")/../lib/script.sh"
if ! have_java || ! command -v javac > /dev/null; then
  skip "events by Hadoop's client: no javac or no jars (HADOOP_LIB is not set)"
  exit 0
fi
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/EventCalls.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
events() { # events FS_URI
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_LIB/*" EventCalls "$1" 2> "$T/events.err" | grep -v NativeCodeLoader
}
if [ "${1:-}" = capture ]; then
  events "$FS"
  exit 0
fi
start_cluster --datanodes 1 --no-jobs
events "$FS_URI" > "$T/ours"
if cmp -s "$T/ours" tests/golden/event_calls.txt; then
  pass "$(wc -l < "$T/ours") lines of events are Hadoop's"
else
  diff tests/golden/event_calls.txt "$T/ours" | sed -n 's/^< /Hadoop says: /p; s/^> /we say:      /p'
  fail "events are Hadoop's: $(tail -n 2 "$T/events.err" | tr '\n' ' ')"
fi
