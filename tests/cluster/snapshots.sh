#!/bin/bash
# Snapshots, with real bytes: what a snapshot shows survives changes, moves and restarts.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 1 --no-jobs -D dfs.replication=1
yes one | head -c 100000 > "$T/one"
yes two | head -c 50000 > "$T/two"
"$dfs" -mkdir -p /d/sub /out
"$dfs" -put "$T/one" /d/grows && "$dfs" -put "$T/one" /d/sub/goes && "$dfs" -put "$T/one" /d/moves
refuse "a directory must be allowed to have snapshots" "not a snapshottable directory" "$dfs" -createSnapshot /d s1
check "the superuser allows it" "$dfs" admin -allowSnapshot /d
said() { [ "$("$dfs" -createSnapshot /d s1)" = "Created snapshot /d/.snapshot/s1" ]; }
check "a snapshot is made" said
"$dfs" -appendToFile "$T/two" /d/grows
"$dfs" -rm -skipTrash /d/sub/goes > /dev/null
"$dfs" -mv /d/moves /out/moved
shows() { # what the snapshot holds
  for f in grows sub/goes moves; do "$dfs" -cat "/d/.snapshot/s1/$f" | cmp - "$T/one" || return 1; done
}
check "an appended, a deleted and a moved file are read as they were" shows
now() { cat "$T/one" "$T/two" | cmp - <("$dfs" -cat /d/grows) && "$dfs" -cat /out/moved | cmp - "$T/one"; }
check "and as they are" now
check "a file that a snapshot has is cut" "$dfs" -truncate -w 1000 /d/grows
cut_off() { head -c 1000 "$T/one" | cmp - <("$dfs" -cat /d/grows) && shows; }
check "to that length, and not in the snapshot" cut_off
refuse "a snapshot can't be written to" "read-only snapshot" "$dfs" -rm -skipTrash /d/.snapshot/s1/grows
refuse "its directory can't be deleted" "already has snapshots" "$dfs" -rm -r -skipTrash /d
"$dfs" snapshotDiff /d s1 . > "$T/diff"
printf 'Difference between snapshot s1 and current directory under directory /d:\nM\t.\n-\t./moves\nM\t./grows\nM\t./sub\n-\t./sub/goes\n\n' > "$T/want"
same "what changed since is told" "$T/want" "$T/diff"
lists() { "$dfs" lsSnapshot /d | grep -q ' ACTIVE /d/.snapshot/s1$' && "$dfs" lsSnapshottableDir | grep -q ' 1 65536 /d$'; }
check "snapshots and their directories are listed" lists
check "the namenode restarts from its log" tools/cluster restart "$C" namenode
check "and the snapshot is the same" until_ok 20 shows
check "a checkpoint is made" eval '"$dfs" admin -safemode enter && "$dfs" admin -saveNamespace && "$dfs" admin -safemode leave'
check "the namenode restarts from that" tools/cluster restart "$C" namenode
check "and the snapshot is the same again" until_ok 20 shows
"$dfs" -renameSnapshot /d s1 s2 > /dev/null
check "it goes under another name" "$dfs" -test -e /d/.snapshot/s2/sub/goes
check "it is deleted" "$dfs" -deleteSnapshot /d s2
check "the moved file is still there" eval '"$dfs" -cat /out/moved | cmp - "$T/one"'
check "then the directory may go" eval '"$dfs" admin -disallowSnapshot /d && "$dfs" -rm -r -skipTrash /d'
