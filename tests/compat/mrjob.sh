#!/bin/bash
# long: mrjob's own example jobs, unmodified, by `-r hadoop` through tools/compat/bin/hadoop: what they print is what mrjob's
# own runner in one process prints. Before that the tutorial's word count as people type it.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
start_cluster --datanodes 2 --workers 2 -D dfs.replication=2
export HADOOP_HOME=$ROOT/tools/compat ASHLAR_BIN=$ROOT/$B/bin
PATH=$HADOOP_HOME/bin:$PATH

# ---- the tutorial ----
printf 'the cat sat\non the mat\n' > "$T/book.txt"
cp docs/examples/mapper.py docs/examples/reducer.py "$T/"
cat > "$T/tutorial.sh" << 'S2'
set -e
hadoop fs -mkdir -p /user/me/books
hadoop fs -put book.txt /user/me/books
hadoop jar $HADOOP_HOME/share/hadoop/tools/lib/hadoop-streaming*.jar -D mapred.reduce.tasks=1 -file mapper.py -mapper mapper.py \
  -file reducer.py -reducer reducer.py -input /user/me/books/* -output /user/me/counts
S2
(cd "$T" && bash tutorial.sh) > "$T/tutorial.out" 2> "$T/tutorial.err" && pass "the tutorial's lines run" ||
  fail "the tutorial's lines run: $(tail -n 4 "$T/tutorial.err" | tr '\n' ' ')"
hadoop fs -cat /user/me/counts/part-00000 > "$T/got" 2> /dev/null
printf 'cat\t1\nmat\t1\non\t1\nsat\t1\nthe\t2\n' > "$T/want"
same "and count words" "$T/want" "$T/got"
line() { # line SENTENCE PATTERN
  if grep -qE -- "$2" "$T/tutorial.err"; then pass "$1"; else fail "$1: no \"$2\" in $(tail -n 5 "$T/tutorial.err" | tr '\n' ' ')"; fi
}
when='^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8},[0-9]{3} INFO'
line "the job is named as Hadoop's log names it" "$when mapreduce.Job: Running job: job_[0-9]+_[0-9]{4}\$"
line "progress is told as Hadoop tells it" "$when mapreduce.Job:  map 100% reduce [0-9]+%\$"
line "so are counters" "$when mapreduce.Job: Counters: [0-9]+\$"
line "so is the output" "$when streaming.StreamJob: Output directory: /user/me/counts|$when streaming.StreamJob: Output directory: hdfs:"
hadoop version > "$T/version"
check "hadoop version names a version of Hadoop" grep -qE '^Hadoop 3\.[0-9]+\.[0-9]+$' "$T/version"
check "hdfs dfs is the shell" hdfs dfs -test -e /user/me/counts/_SUCCESS
check "hdfs dfsadmin is there" hdfs dfsadmin -report
check "hdfs fsck is there" hdfs fsck /
check "mapred job -list is there" mapred job -list
refuse "a jar that is not there" "JAR does not exist" hadoop jar /nowhere/x.jar
refuse "an output that exists fails as in Hadoop" "Streaming Command Failed!" hadoop jar hadoop-streaming-3.4.2.jar -input /user/me/books \
  -output /user/me/counts -mapper cat

# ---- mrjob ----
if ! venv mrjob==0.7.4 setuptools==65.5.0; then
  skip "mrjob: $why"
  exit 0
fi
unset PYTHONUNBUFFERED
examples=$("$PY" -c 'import mrjob.examples; print(mrjob.examples.__path__[0])')
python3 -c 'for i in range(300): print(" ".join("%s%d" % (w, i % k) for w, k in (("you", 3), ("went", 7), ("up", 2), ("555-01", 90))))' > "$T/text"
printf 'a lamb\nMary had a little lamb\nits fleece was white as snow\n' > "$T/lamb"
echo 'snow and fleece, fleece and snow: as white as Mary, her fleece' > "$T/lamb2"
reference=inline
# As a person would: in an environment that has mrjob, with python3 meaning that one's, on the workers too.
mrjob() { timeout "$(patience 60)" "$PY" "$examples/$1" --no-conf -r "$2" "${@:3}" > "$T/$2.out" 2> "$T/$2.err"; }
both() { # both SENTENCE EXAMPLE INPUTS AND OPTIONS...
  local what=$1
  shift
  mrjob "$1" $reference "${@:2}" || { fail "$what: in one process: $(tail -n 3 "$T/$reference.err" | tr '\n' ' ')"; return; }
  mrjob "$1" hadoop "${@:2}" || { fail "$what: $(grep -v '^ *$' "$T/hadoop.err" | tail -n 5 | tr '\n' ' ')"; return; }
  LC_ALL=C sort "$T/$reference.out" | sed 's/\t$//;s#"file:/*[^"]*/#"#;s#"hdfs:/*[^"]*/#"#' > "$T/want"
  LC_ALL=C sort "$T/hadoop.out" | sed 's/\t$//;s#"file:/*[^"]*/#"#;s#"hdfs:/*[^"]*/#"#' > "$T/got"
  same "$what" "$T/want" "$T/got"
}
both "mrjob's word count" mr_word_freq_count.py "$T/text" "$T/lamb"
check "mrjob reads the counters" grep -q 'Reduce output records=' "$T/hadoop.err"
both "mrjob's word count of two steps" mr_most_used_word.py "$T/lamb" "$T/lamb2"
both "mrjob's next words, which sorts and parts by fields" mr_next_word_stats.py "$T/lamb"
both "mrjob's lines by file" mr_count_lines_by_file.py "$T/lamb"
reference=local # which can run commands
both "mrjob's words with a u, found by grep" mr_words_containing_u_freq_count.py "$T/text"
mrjob mr_grep.py hadoop -e fleece "$T/lamb"
sed 's/\t$//' "$T/hadoop.out" > "$T/got"
echo 'its fleece was white as snow' > "$T/want"
same "mrjob's grep, whose mapper is a command line" "$T/want" "$T/got"
if mrjob mr_boom.py hadoop "$T/lamb"; then fail "a job that fails fails"; else
  check "a job that fails is explained by mrjob" grep -qE 'Step 1 of 1 failed' "$T/hadoop.err"
fi
