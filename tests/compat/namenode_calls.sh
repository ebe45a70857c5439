#!/bin/bash
# namenode_calls.sh -- 260 calls of ClientProtocol by Hadoop's own client: every answer and every
# exception's class and words are those of a real Hadoop 3.4.2 (tests/golden/namenode_calls.txt,
# which `NAMENODE_CALLS=HOST:PORT tests/compat/namenode_calls.sh capture` prints from one).
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "calls of Hadoop's client: no jars (HADOOP_LIB is not set)"
  exit 0
fi
if ! command -v javac > /dev/null; then
  skip "calls of Hadoop's client: no javac"
  exit 0
fi
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/NamenodeCalls.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
calls() { # calls HOST:PORT
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_LIB/*" NamenodeCalls "$1" 2> "$T/calls.err" | grep -v NativeCodeLoader
}
if [ "${1:-}" = capture ]; then
  calls "$NAMENODE_CALLS"
  exit 0
fi
start_cluster --datanodes 1 --no-jobs -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.replication=3 -D dfs.blocksize=134217728
calls "${FS_URI#hdfs://}" > "$T/ours"
# A refused addBlock goes on to say why each datanode was passed over; that is more than Hadoop says.
sed -E 's/ Datanode [^ ]+ was passed over.*//' "$T/ours" > "$T/ours.cut"
differences=0
while IFS= read -r -u 3 expected; do
  name=${expected%% \[*}
  got=$(grep -F -m 1 -- "$name [" "$T/ours.cut" | grep -F -- "${expected%%]*}]")
  if [ "$expected" != "$got" ]; then
    fail "$name: Hadoop says \"$expected\", we say \"$got\""
    differences=$((differences + 1))
  fi
done 3< <(diff "$T/ours.cut" tests/golden/namenode_calls.txt | sed -n 's/^> //p')
lines=$(wc -l < "$T/ours.cut") want=$(wc -l < tests/golden/namenode_calls.txt)
if [ "$lines" -ne "$want" ]; then fail "all calls are made: $lines answers of $want: $(tail -n 2 "$T/calls.err")"; fi
if [ $differences -eq 0 ] && [ "$lines" -eq "$want" ]; then pass "$lines calls are answered as Hadoop answers them"; fi
