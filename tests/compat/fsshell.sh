#!/bin/bash
# Hadoop's own shell, unmodified, against an Ashlar cluster; and files that one writes and the other reads.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "Hadoop's shell against Ashlar: no jars (HADOOP_LIB is not set)"
  exit 0
fi
start_cluster --datanodes 3 --racks 2 --no-jobs
head -c 3000000 /dev/urandom > "$T/f"
j() { java_fs "$@"; }

check "-mkdir" j -mkdir -p /j/dir
check "-put" j -put "$T/f" /j/f
check "-get" j -get /j/f "$T/got"
same "the bytes that Java put come back to Java" "$T/f" "$T/got"
j -cat /j/f > "$T/got2" 2> /dev/null
same "-cat" "$T/f" "$T/got2"
"$dfs" -cat /j/f > "$T/got3"
same "Java writes, ours reads" "$T/f" "$T/got3"
"$dfs" -put "$T/f" /j/ours
rm -f "$T/got"
j -get /j/ours "$T/got" 2> /dev/null
same "ours writes, Java reads" "$T/f" "$T/got"
check "-ls -R" j -ls -R /
check "-touchz" j -touchz /j/empty
check "-chmod" j -chmod 640 /j/f
check "-chown" j -chown alice:users /j/f
j -stat '%a %u %g %o %r %b %n' /j/f > "$T/stat" 2> /dev/null
if [ "$(cat "$T/stat")" = "640 alice users 134217728 3 3000000 f" ]; then pass "-stat tells them"; else fail "-stat tells them: $(cat "$T/stat")"; fi
check "-setrep -w" j -setrep -w 2 /j/f
check "-mv" j -mv /j/f /j/dir/g
check "-du -s" j -du -s /j
check "-count" j -count -q /j
check "-df" j -df -h /
check "-tail" j -tail /j/dir/g
check "-text" j -text /j/empty
check "-appendToFile" j -appendToFile "$T/stat" /j/empty
j -cat /j/empty > "$T/got4" 2> /dev/null
same "the appended bytes are there" "$T/stat" "$T/got4"
refuse "a missing file is named as Hadoop names it" "No such file or directory" j -cat /j/nothing
refuse "-rmdir keeps a directory that is not empty" "not empty" j -rmdir /j/dir
check "-rm -r" j -rm -r -skipTrash /j
refuse "and it is gone" "No such file" j -ls /j
