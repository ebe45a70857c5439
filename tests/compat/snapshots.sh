#!/bin/bash
# snapshots.sh -- a name directory with snapshots, renames across them among them, served by our namenode
# and by Hadoop's in turns: each shows what the other showed, and Hadoop's viewer reads our image.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/name_dir.sh"
name_dir "snapshots in a name directory" "$T/name"
save() { "$dfs" admin -safemode enter && "$dfs" admin -saveNamespace && "$dfs" admin -safemode leave; }
everything() { # names, modes, owners, sizes and times, now and in each snapshot given
  for d in / "$@"; do "$dfs" -ls -R "$d" | sed 's/  */ /g'; done
}

"$B"/bin/namenode --config "$T/conf" -format -force > "$T/format" 2>&1 || fail "formats: $(tail -n 2 "$T/format")"
start_ours
"$dfs" -mkdir -p /a/sub /b /c
"$dfs" -touchz /a/f /a/sub/g /a/sub/h /b/f "/a/ä"
"$dfs" admin -allowSnapshot /a > /dev/null && "$dfs" admin -allowSnapshot /b > /dev/null
"$dfs" -createSnapshot /a s1 > /dev/null
"$dfs" -mv /a/f /c/moved && "$dfs" -mv /a/sub /b/sub && "$dfs" -touchz /a/f /a/new "/a/ö"
"$dfs" -chmod 600 /b/sub/g && "$dfs" -rm -skipTrash "/a/ä" > /dev/null
"$dfs" -createSnapshot /b s2 > /dev/null
"$dfs" -rm -skipTrash /b/sub/h > /dev/null && "$dfs" -mv /b/sub/g /c/g && "$dfs" -createSnapshot /a s3 > /dev/null
"$dfs" -rm -r -skipTrash /b/sub > /dev/null && "$dfs" -chmod 700 /a
all=(/a/.snapshot/s1 /b/.snapshot/s2 /a/.snapshot/s3)
everything "${all[@]}" > "$T/ours" 2>&1
check "our namenode saves its snapshots" save
stop
image=$(find "$T/name/current" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1)
check "Hadoop's viewer reads the image" "${java[@]}" org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$image" -o "$T/image.xml"
check "with its three snapshots" grep -q '<numSnapshots>3</numSnapshots>' "$T/image.xml"

start_java
everything "${all[@]}" > "$T/java" 2>&1
same "Hadoop's namenode shows the same names in the present and in each snapshot" "$T/ours" "$T/java"
"$dfs" -mv /c/g /a/back && "$dfs" -deleteSnapshot /a s1 > /dev/null && "$dfs" -rm -skipTrash /c/moved > /dev/null
"$dfs" -createSnapshot /b s4 > /dev/null && "$dfs" -touchz /b/late
all=(/b/.snapshot/s2 /a/.snapshot/s3 /b/.snapshot/s4)
everything "${all[@]}" > "$T/java" 2>&1
stop
start_ours
everything "${all[@]}" > "$T/ours" 2>&1
same "ours goes on with Hadoop's edits, a deleted snapshot among them" "$T/java" "$T/ours"
stop
start_java
check "Hadoop's namenode saves" save
stop
start_ours
everything "${all[@]}" > "$T/ours" 2>&1
same "ours reads Hadoop's image" "$T/java" "$T/ours"
for s in "/b s2" "/a s3" "/b s4"; do
  # shellcheck disable=SC2086 # two words
  "$dfs" -deleteSnapshot $s > /dev/null || fail "deletes $s"
done
everything > "$T/ours" 2>&1
check "and saves it without them" save
stop
start_java
everything > "$T/java" 2>&1
same "Hadoop's namenode shows the same when all snapshots are gone" "$T/ours" "$T/java"
