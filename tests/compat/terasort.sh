#!/bin/bash
# long: three runs of Hadoop's own programs
# The sort benchmark beside Hadoop's: the same rows from TeraGen, and TeraValidate finds our sorted parts in order, with
# the same checksum as ours.
. "$(dirname "$0")/../lib/script.sh"
have_java || { skip "the sort benchmark beside Hadoop's: no jars (HADOOP_LIB) or no java"; exit 0; }
start_cluster --datanodes 1 --workers 1 -D dfs.blocksize=1m
x=$ROOT/$B/examples
hadoop_local() { # hadoop_local CLASS ARGS... : in one process, over this machine's files
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_LIB/*" "org.apache.hadoop.examples.$1" \
    -D fs.defaultFS=file:/// -D mapreduce.framework.name=local -D hadoop.tmp.dir="$T/tmp" "${@:2}"
}
check "our rows are made" "$job" run -native "$x/teragen.so" -D teragen.rows=70001 -D mapreduce.job.maps=3 -numReduceTasks 0 -output /rows
check "Hadoop's rows are made" hadoop_local terasort.TeraGen 70001 "file://$T/rows"
cat "$T"/rows/part-m-* > "$T/want"
"$dfs" -cat '/rows/part-*' > "$T/got" 2> /dev/null
same "they are the same bytes" "$T/want" "$T/got"
check "our rows are sorted" "$job" run -native "$x/terasort.so" -input /rows -output /sorted -numReduceTasks 3
check "and found in order" "$job" run -native "$x/teravalidate.so" -input /sorted -output /report
mkdir "$T/sorted"
for i in 0 1 2; do "$dfs" -cat "/sorted/part-0000$i" > "$T/sorted/part-r-0000$i"; done
check "Hadoop's TeraValidate reads them" hadoop_local terasort.TeraValidate "file://$T/sorted" "file://$T/report"
"$dfs" -cat '/report/part-*' > "$T/got" 2> /dev/null
cat "$T"/report/part-r-* > "$T/want"
same "and says what ours says" "$T/want" "$T/got"
check "a word count of Hadoop's" hadoop_local WordCount "file://$ROOT/docs/design/jobs.md" "file://$T/words"
"$dfs" -put docs/design/jobs.md /text
check "and ours in C" "$job" run -native "$x/wordcount.so" -input /text -output /words
"$dfs" -cat /words/part-00000 > "$T/got" 2> /dev/null
same "give the same bytes" "$T/words/part-r-00000" "$T/got"
