#!/bin/bash
# distcp.sh -- Hadoop's DistCp, unmodified, copies between two of our clusters: everything, with all attributes; then
# by the differences of two snapshots (-diff), and back again (-rdiff). Its map tasks run in its own process.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
have_java || { skip "distcp: no Java or no Hadoop jars (HADOOP_LIB)"; exit 0; }
jars distcp org.apache.hadoop:hadoop-distcp:3.4.2 || { skip "distcp: $why"; exit 0; }

start_cluster --datanodes 1 --no-jobs -D dfs.namenode.acls.enabled=true
two=$T/two
trap 'tools/cluster stop "$two" > /dev/null 2>&1; finish' EXIT
there=$(tools/cluster start "$two" --datanodes 1 --no-jobs -D dfs.namenode.acls.enabled=true 2> "$T/start.err" | sed -n 's/^FS_URI=//p')
[ -n "$there" ] || { fail "a second cluster starts: $(tail -n 3 "$T/start.err")"; exit 1; }
here=$FS_URI
b() { "$dfs" -D "fs.defaultFS=$there" "$@"; }

distcp() {
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$JARS/*:$HADOOP_LIB/*" \
    org.apache.hadoop.tools.DistCp -D mapreduce.framework.name=local -D "hadoop.tmp.dir=$T/tmp" \
    -D mapreduce.job.maps=2 "$@"
}
# Names, kinds, lengths and checksums below a directory.
contents() { # contents FS DIRECTORY
  "$dfs" -D "fs.defaultFS=$1" -ls -R "$2" | awk -v d="$2" '{print substr($1, 1, 1), $1 ~ /^d/ ? 0 : $5, substr($8, length(d) + 1)}' | sort
  "$dfs" -D "fs.defaultFS=$1" -find "$2" -type f 2> /dev/null | sort | xargs -r "$dfs" -D "fs.defaultFS=$1" -checksum | awk -v d="$2" '{print substr($1, length(d) + 1), $2, $3}'
}
# What -p keeps besides.
attributes() { # attributes FS DIRECTORY
  "$dfs" -D "fs.defaultFS=$1" -ls -R "$2" | awk -v d="$2" '{print $1, $2, $3, $4, $1 ~ /^d/ ? "" : $6 " " $7, substr($8, length(d) + 1)}'
  "$dfs" -D "fs.defaultFS=$1" -getfacl -R "$2" | sed "s|file: $2|file: |"
  "$dfs" -D "fs.defaultFS=$1" -getfattr -R -d "$2" | sed "s|file: $2|file: |"
}

head -c 300000 /dev/urandom > "$T/bytes"
"$dfs" -mkdir -p /src/a/b /src/c /src/empty
"$dfs" -put "$T/bytes" /src/a/one
"$dfs" -put "$T/bytes" /src/a/b/two
echo three | "$dfs" -put - "/src/c/drei ä"
echo four | "$dfs" -put - /src/c/four
echo five | "$dfs" -put - /src/c/five
"$dfs" -touchz /src/c/nothing
"$dfs" -chmod 640 /src/c/four
"$dfs" -setfacl -m user:dave:rw- /src/c/five
"$dfs" -setfattr -n user.k -v v /src/a
"$dfs" admin -allowSnapshot /src > /dev/null
"$dfs" -createSnapshot /src s1 > /dev/null

check "DistCp copies a snapshot with all its attributes" distcp -update -pbugpcaxtr "$here/src/.snapshot/s1" "$there/dst"
contents "$here" /src > "$T/want"
contents "$there" /dst > "$T/got"
same "the copy has the same files" "$T/want" "$T/got"
attributes "$here" /src/.snapshot/s1 > "$T/want"
attributes "$there" /dst > "$T/got"
same "with their modes, owners, times, ACLs and attributes" "$T/want" "$T/got"
b admin -allowSnapshot /dst > /dev/null
b -createSnapshot /dst s1 > /dev/null

"$dfs" -mv /src/a/b /src/moved                           # a directory to elsewhere
"$dfs" -mv "/src/c/drei ä" /src/moved/vier                # a file into it
"$dfs" -mv /src/c/four /src/c/tmp && "$dfs" -mv /src/c/five /src/c/four && "$dfs" -mv /src/c/tmp /src/c/five # names exchanged
"$dfs" -rm -r -skipTrash /src/empty /src/c/nothing > /dev/null
echo more | "$dfs" -appendToFile - /src/moved/two
echo other | "$dfs" -put -f - /src/a/one
"$dfs" -mkdir -p /src/new/deep
echo new | "$dfs" -put - /src/new/deep/file
"$dfs" -createSnapshot /src s2 > /dev/null
check "DistCp -update -diff carries the changes over" distcp -update -diff s1 s2 "$here/src" "$there/dst"
contents "$here" /src > "$T/want"
contents "$there" /dst > "$T/got"
same "renames, deletions, changes and additions are there" "$T/want" "$T/got"

b -createSnapshot /dst s2 > /dev/null
check "DistCp -update -rdiff brings the copy back to where it was" distcp -update -rdiff s2 s1 "$here/src" "$there/dst"
contents "$here" /src/.snapshot/s1 > "$T/want"
contents "$there" /dst > "$T/got"
same "it is what the first snapshot has" "$T/want" "$T/got"
