#!/bin/bash
# client_hadoop2.sh -- clients of older Hadoop releases, 2.10 and 3.2, unmodified, do against us what applications do.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
command -v javac > /dev/null || { skip "clients of older releases: no javac"; exit 0; }
start_cluster --datanodes 1 --no-jobs -D dfs.namenode.acls.enabled=true -D dfs.namenode.fs-limits.min-block-size=1024

run() { # run RELEASE: all that HadoopClient does
  jars "hadoop-$1" "org.apache.hadoop:hadoop-client:$1" || { skip "the client of Hadoop $1: $why"; return; }
  rm -rf "$T/classes"
  mkdir "$T/classes"
  javac -nowarn -cp "$JARS/*" -d "$T/classes" tests/compat/HadoopClient.java 2> "$T/javac.err" ||
    { fail "$1: HadoopClient compiles: $(grep -m 1 error "$T/javac.err")"; return; }
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC --add-opens java.base/java.lang=ALL-UNNAMED \
    -cp "$T/classes:$JARS/*" HadoopClient "$FS_URI" > "$T/out" 2> "$T/err"
  grep -q "^release $1$" "$T/out" || fail "Hadoop $1 runs: $(tail -n 2 "$T/err" | tr '\n' ' ')"
  while read -r verdict words; do
    if [ "$verdict" = FAIL ]; then fail "Hadoop $1: $words"; else pass "Hadoop $1: $words"; fi
  done < <(grep -E '^(PASS|FAIL) ' "$T/out")
  [ "$(grep -c -E '^(PASS|FAIL) ' "$T/out")" -eq 13 ] || fail "Hadoop $1: all is asked: $(tail -n 1 "$T/err")"
}
run 2.10.2
run 3.2.4
