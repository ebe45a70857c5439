#!/bin/bash
# hostile_calls.sh -- every method of ClientProtocol with arguments that make no sense, two thousand calls by Hadoop's own
# client: the same answers, the same classes and words of exceptions as of a real Hadoop 3.4.2 (tests/golden/hostile_calls.txt,
# which `hostile_calls.sh capture HOST:PORT` prints). tests/golden/hostile_calls_differ.txt lists the calls that are known to be
# answered in another way; a call that is not on it may not be. And a thousand clients at a time.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java || ! command -v javac > /dev/null; then
  skip "hostile calls: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/HostileCalls.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
calls() { # calls HOST:PORT [...]; of a path that is too long, and of long answers, the beginning counts
  java -Xmx512m -Xss256k -XX:TieredStopAtLevel=1 -cp "$T/classes:$HADOOP_LIB/*" HostileCalls "$@" 2> "$T/calls.err" |
    grep -a -v NativeCodeLoader |
    python3 -c '
import re, sys
for line in open(0, errors="replace"):
    line = line.rstrip("\n")
    at = line.find("] ") + 1
    answer = line[at + 1:]
    if re.search(r"\[(long|longer|deep|name)\]", line[:at]):
        answer = answer.split(": ")[0]
    print(line[:at], answer[:120])'
}
if [ "${1:-}" = capture ]; then
  calls "$2"
  exit 0
fi
start_cluster --datanodes 3 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0
calls "${FS_URI#hdfs://}" > "$T/ours"
wanted=$(wc -l < tests/golden/hostile_calls.txt) made=$(wc -l < "$T/ours")
[ "$made" -eq "$wanted" ] || fail "all calls are made: $made of $wanted: $(tail -n 2 "$T/calls.err")"
while IFS= read -r line; do
  grep -q -x -F -- "${line%%] *}]" tests/golden/hostile_calls_differ.txt || fail "Hadoop says: $line"
done < <(diff -a tests/golden/hostile_calls.txt "$T/ours" | sed -n 's/^< //p')
same=$(comm -12 <(sort tests/golden/hostile_calls.txt) <(sort "$T/ours") | wc -l)
[ $failures -gt 0 ] || pass "$same of $wanted hostile calls are answered as Hadoop answers them, the others as is known"
if java -Xmx1g -Xss256k -XX:TieredStopAtLevel=1 -cp "$T/classes:$HADOOP_LIB/*" HostileCalls "${FS_URI#hdfs://}" parallel "${CLIENTS:-1000}" \
  > "$T/parallel" 2> "$T/parallel.err"; then
  pass "$(grep -a ' clients: ' "$T/parallel")"
else
  fail "a thousand clients at a time: $(grep -a ' clients: ' "$T/parallel" | cut -c1-300) $(grep -v WARN "$T/parallel.err" | tail -n 1)"
fi
