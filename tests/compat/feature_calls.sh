#!/bin/bash
# feature_calls.sh -- calls that namenode_calls.sh leaves out, by Hadoop's own client: batched listings,
# open files, reserved paths, upgrades, tokens, zones, policies of erasure codes. Every answer and every
# exception's class and words are those of a real Hadoop 3.4.2 without datanodes,
# and just formatted (tests/golden/feature_calls.txt; `NAMENODE_CALLS=HOST:PORT ./feature_calls.sh capture`
# prints from one).
. "$(dirname "$0")/../lib/script.sh"
sections=${SECTIONS:-"listings open store tokens zones upgrades codes admin"}
if ! have_java || ! command -v javac > /dev/null; then
  skip "calls of Hadoop's client about features: no javac or no jars (HADOOP_LIB is not set)"
  exit 0
fi
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/NamenodeCalls.java tests/compat/FeatureCalls.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
# What differs from run to run goes: who runs it, and when.
calls() { # calls HOST:PORT
  local section user
  user=$(id -un)
  for section in $sections; do
    java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_LIB/*" FeatureCalls "$1" "$section" 2> "$T/calls.err" |
      sed -E "s/^/$section: /; s/(owner|renewer|for|:) $user /\1 SUPER /; s/(owner|renewer)=$user/\1=SUPER/g; s/for $user:/for SUPER:/; s/currentTime: .*/currentTime: NOW/"
  done
}
if [ "${1:-}" = capture ]; then
  calls "$NAMENODE_CALLS"
  exit 0
fi
start_cluster --datanodes 0 --no-jobs -D dfs.namenode.fs-limits.min-block-size=512 \
  -D 'hadoop.user.group.static.mapping.overrides=bob=staff;eve=staff,dev' -D "hadoop.proxyuser.$(id -un).hosts=*" -D "hadoop.proxyuser.$(id -un).users=joe"
calls "${FS_URI#hdfs://}" > "$T/ours"
grep -v NativeCodeLoader "$T/ours" > "$T/ours.cut"
for section in $sections; do
  grep "^$section: " tests/golden/feature_calls.txt > "$T/want"
  grep "^$section: " "$T/ours.cut" > "$T/got"
  if cmp -s "$T/want" "$T/got"; then
    pass "$section: $(wc -l < "$T/got") calls are answered as Hadoop answers them"
  else
    diff "$T/want" "$T/got" | sed -n 's/^< \(.*\)/Hadoop says: \1/p; s/^> \(.*\)/we say:      \1/p' | cut -c1-700
    fail "$section: answers differ from Hadoop's ($(diff "$T/want" "$T/got" | grep -c '^<') of $(wc -l < "$T/want"))"
  fi
done
