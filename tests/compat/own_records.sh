#!/bin/bash
# own_records.sh -- what the calls that Hadoop has not leave behind is Hadoop's: after files were converted to and from an erasure code, changed
# in the middle and exchanged, and the namespace was saved, Java's namenode serves it with our datanodes.  And it goes through
# records that it would not have written itself.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "own_records: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh

NAMENODE=ours java_namenode "${OWN_RECORDS_PORT:-$(some_port 30)}" dfs.blocksize 1048576 dfs.namenode.safemode.extension 0
for i in {0..5}; do ours "$i"; done
wait_live 6
P=RS-3-2-1024k
probe=$ROOT/$B/tests/cluster/libdfs_probe
head -c 7000001 /dev/urandom > "$T/data"
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /c /s
for f in /c/a /c/b /s/old /s/new; do "$dfs" -put "$T/data" $f; done
"$dfs" -setfattr -n user.k -v v /s/old
"$dfs" -setfacl -m user:dave:rw- /s/old
"$dfs" admin -allowSnapshot /s > /dev/null
"$dfs" -createSnapshot /s s1 > /dev/null
check "files are coded anew" "$dfs" ec convert /c -policy $P
check "and one of them is replicated again" "$dfs" ec convert /c/b -replicate 2
check "one that a snapshot has is coded" "$dfs" ec convert /s/old -policy $P
cp "$T/data" "$T/changed"
printf 'in the middle' | dd of="$T/changed" bs=1 seek=2500000 conv=notrunc 2> /dev/null
tail -c +2097153 "$T/changed" | head -c 1048576 > "$T/third"
"$dfs" -put "$T/third" /c/.third
check "a block of a replicated file is replaced" "$probe" splice /c/b 2 /c/.third
"$dfs" ec convert /s/new -policy $P > /dev/null
check "two names change places" "$probe" exchange /c/a /s/new

reads() { # reads HOW: every file, by the shell that HOW is
  local f
  for f in /c/a /s/old /s/new /s/.snapshot/s1/old /s/.snapshot/s1/new; do
    "$1" -cat $f 2> "$T/cat.err" | cmp -s - "$T/data" || { echo "$f: $(tail -n 1 "$T/cat.err")"; return 1; }
  done
  "$1" -cat /c/b 2> "$T/cat.err" | cmp -s - "$T/changed" || { echo "/c/b: $(tail -n 1 "$T/cat.err")"; return 1; }
}
ours_fs() { "$dfs" "$@"; }
look() { "$dfs" -ls -R -e /c /s /s/.snapshot/s1 | grep '^-'; "$dfs" -getfattr -d /s/old; "$dfs" -getfacl /s/old; }
check "all reads" reads ours_fs
look > "$T/ours"
"$dfs" admin -safemode enter > /dev/null
check "the namespace is saved" "$dfs" admin -saveNamespace
"$dfs" admin -safemode leave > /dev/null
# Hadoop's own namenode answers "Failed to locate entry" to the last of these, and would stop at its record.
for pool in p1 p2; do "$dfs" cacheadmin -addPool $pool > /dev/null; done
for pool in p1 p2 p1; do "$dfs" cacheadmin -addDirective -path /s -pool $pool -force > /dev/null; done
"$dfs" cacheadmin -removePool p1 > /dev/null
check "a directive whose path a pool that went had too is removed" "$dfs" cacheadmin -removeDirective 2
stop nn
java_exec org.apache.hadoop.hdfs.server.namenode.NameNode > "$T/nn.log" 2>&1 &
pid[nn]=$!
wait_live 6
check "Java's namenode serves it" until_ok 60 reads ours_fs
look > "$T/java"
same "and shows what ours showed" "$T/ours" "$T/java"
check "Java's client reads it" reads java_fs
check "and finds it healthy" grep -q 'is HEALTHY' <(java_exec org.apache.hadoop.hdfs.tools.DFSck / 2> /dev/null)
