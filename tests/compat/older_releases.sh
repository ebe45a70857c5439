#!/bin/bash
# older_releases.sh -- name directories of Hadoop 2.10, 3.1 and 3.3, written by their own unmodified namenodes, image and edits as a
# kill left them: ours starts on them and shows what they showed.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
. "$(dirname "$0")/../lib/turns.sh"
command -v javac > /dev/null || { skip "older releases: no Java"; exit 0; }
PORT=$(some_port 60)
turns_configure "$T/name" dfs.namenode.acls.enabled true dfs.namenode.accesstime.precision 3600000

old_exec() { # old_exec CLASS WORD...: a class of the release in $JARS
  exec java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC --add-opens java.base/java.lang=ALL-UNNAMED --add-opens java.base/java.util=ALL-UNNAMED \
    -cp "$T/classes:$HADOOP_CONF_DIR:$JARS/*" "$@"
}
old() { (old_exec "$@"); }
everything() { "$dfs" -ls -R / && "$dfs" -ls -R /s/.snapshot/one && "$dfs" -getfacl -R /a && "$dfs" -getfattr -R -d /a && "$dfs" -count -q /a /s && "$dfs" lsSnapshottableDir; }

check_release() { # check_release VERSION LAYOUT
  local release=$1 layout=$2
  jars "hadoop-server-$release" "org.apache.hadoop:hadoop-hdfs:$release" "org.apache.hadoop:hadoop-common:$release" "org.apache.hadoop:hadoop-client:$release" ||
    { skip "Hadoop $release: $why"; return; }
  rm -rf "$T/name" "$T/classes"
  mkdir -p "$T/classes/webapps/hdfs" # a distribution's, which is not in the jars
  javac -nowarn -d "$T/classes" -cp "$JARS/*" tests/compat/FsShellDriver.java 2> "$T/javac.err" || { fail "$release: the driver compiles"; return; }
  old org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
  old_exec org.apache.hadoop.hdfs.server.namenode.NameNode > "$T/java.log" 2>&1 &
  turns_pid=$!
  until_ok 60 answers_or_ended
  if ended || ! answers > /dev/null 2>&1; then
    skip "Hadoop $release does not run here: $(grep -m 1 -E 'Exception|Error' "$T/java.log" | cut -c1-150)"
    stop KILL
    return
  fi
  printf '%s\n' "-mkdir -p /a/b/ä /s" "-touchz /a/f /a/b/g /s/h" "-chmod 751 /a/b" "-chown carol:staff /a/f" "-setfacl -m user:dave:rw- /a/f" \
    "-setfacl -m default:user:erin:r-x /a/b" "-setfattr -n user.k -v v /a/f" "-setrep 2 /a/b/g" | tr ' ' '\t' > "$T/before.in"
  printf '%s\n' "-mv /a/f /a/moved" "-createSnapshot /s one" "-rm -skipTrash /s/h" "-touchz /s/later /a/b/last" "-mkdir /a/c" "-rm -r -skipTrash /a/b/ä" \
    "-setfattr -x user.k /a/moved" "-setfattr -n user.l -v w /a/moved" | tr ' ' '\t' > "$T/after.in"
  old FsShellDriver "$T/before.in" "$T" > "$T/shell.out" 2>&1
  "$dfs" admin -allowSnapshot /s > /dev/null
  "$dfs" admin -setQuota 100 /a
  "$dfs" admin -setSpaceQuota 1g /a
  { "$dfs" admin -safemode enter && "$dfs" admin -saveNamespace && "$dfs" admin -safemode leave; } > "$T/save.out" 2>&1 || fail "$release: saves: $(tail -n 1 "$T/save.out")"
  old FsShellDriver "$T/after.in" "$T" > "$T/shell.out" 2>&1
  everything > "$T/theirs-$release" 2>&1
  stop KILL
  "$dfs" migrate --check "$T/name" > "$T/said" 2>&1
  check "Hadoop $release: the check names its layout" grep -q "layout $layout, " "$T/said"
  start ours || return
  everything > "$T/ours-$release" 2>&1
  same "Hadoop $release: ours shows what it showed" "$T/theirs-$release" "$T/ours-$release"
  [ "$(wc -l < "$T/theirs-$release")" -gt 60 ] || fail "Hadoop $release: it showed only $(wc -l < "$T/theirs-$release") lines: $(tail -n 1 "$T/shell.out")"
  check "Hadoop $release: and goes on with it" "$dfs" -mkdir /a/by-ours
  { "$dfs" admin -safemode enter && "$dfs" admin -saveNamespace; } > "$T/save.out" 2>&1
  check "Hadoop $release: a checkpoint makes it today's layout" grep -q '^layoutVersion=-67' "$T/name/current/VERSION"
  stop
}
for release in ${RELEASES:-2.10.2:-63 3.1.4:-64 3.3.6:-66}; do check_release "${release%%:*}" "${release#*:}"; done
