#!/bin/bash
# long: What is wrong with a job is told in words: which job, which task, and what helps; and nothing half-done is left.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 1 --workers 1 -D dfs.replication=1 -D dfs.blocksize=1m
unset PYTHONUNBUFFERED

echo "one line" > "$T/line"
printf 'bytes \xff\xfe\x80\x00 end\n\xc3\xa9t\xc3\xa9\n' > "$T/binary"
seq 1 50000 > "$T/numbers"
"$dfs" -put "$T/line" "$T/binary" "$T/numbers" / && "$dfs" -mkdir /zero /dir && "$dfs" -touchz /zero/a /zero/b /zero/c
run() { timeout "$(patience 60)" "$job" run -D mapreduce.job.maps=1 -D mapreduce.map.maxattempts=1 -D mapreduce.reduce.maxattempts=1 "$@"; }
n=0
bad() { # bad SENTENCE PATTERN... -- OPTIONS... : the job fails, says each PATTERN, and leaves no part
  local what=$1 patterns=()
  shift
  while [ "$1" != -- ]; do
    patterns+=("$1")
    shift
  done
  shift
  n=$((n + 1))
  if run "$@" -output "/bad$n" > "$T/out" 2>&1; then fail "$what: succeeded"; return; fi
  for p in "${patterns[@]}"; do
    grep -qE -- "$p" "$T/out" || { fail "$what: no \"$p\" in: $(tail -n 5 "$T/out" | tr '\n' ' ')"; return; }
  done
  if "$dfs" -ls -R "/bad$n" 2> /dev/null | grep -qE 'part-|_SUCCESS'; then fail "$what: something is left"; else pass "$what"; fi
}
good() { # good SENTENCE WANT OPTIONS... : the parts are the bytes of file WANT
  local what=$1 want=$2
  shift 2
  n=$((n + 1))
  run "$@" -output "/good$n" > "$T/out" 2>&1 || { fail "$what: $(tail -n 3 "$T/out" | tr '\n' ' ')"; return; }
  "$dfs" -cat "/good$n/part-*" > "$T/got" 2> /dev/null
  same "$what" "$want" "$T/got"
}
name='Job job_[0-9]+_[0-9]+ failed' task='task_[0-9]+_[0-9]+_[mr]_[0-9]+ failed' again='job rerun-task attempt_'

# ---- refused before anything runs ----
"$dfs" -mkdir /there
refuse "an output that exists" 'Output path already exists : .*/there.*remove it (dfs rm -r) or name another' run -input /line -mapper cat -output /there
run -input /line -mapper cat -output /there > "$T/out" 2>&1
[ $? = 4 ] && pass "ends with 4, as Hadoop's Streaming does" || fail "ends with 4, as Hadoop's Streaming does"
bad "an input that is not there" 'Input path does not exist: hdfs://.*/nowhere' -- -input /nowhere -mapper cat
bad "a glob that matches nothing" 'Input Pattern .*/no\* matches 0 files' -- -input '/no*' -mapper cat
bad "a file to ship that is not there" 'File: /nowhere.py does not exist' -- -input /line -mapper cat -file /nowhere.py
bad "a format that is not there" '-inputformat com.acme.Format: class not found; there are TextInputFormat' -- -input /line -mapper cat -inputformat com.acme.Format
bad "a partitioner that is not there" '-partitioner com.acme.P: class not found' -- -input /line -mapper cat -partitioner com.acme.P
bad "a codec that is not there" 'com.acme.Codec: no codec that is known' -- -input /line -mapper cat -D mapred.output.compress=true -D mapred.output.compression.codec=com.acme.Codec
bad "a class of Java's" "Java classes can't run here" -- -input /line -mapper org.apache.hadoop.mapred.lib.TokenCountMapper
bad "fields that make no sense" '-kx: a field like 1' -- -input /line -mapper cat -D mapred.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator \
  -D mapred.text.key.comparator.options=-kx
bad "a way to talk that is none" 'typedbytes, rawbytes or keyonlytext is expected' -- -input /line -mapper cat -io morse

# ---- programs ----
bad "a mapper that is not there" "$name" "$task" 'Cannot run program "nowhere.py": no such file.*ship it with -file' "$again" -- -input /line -mapper nowhere.py
printf 'echo no interpreter\n' > "$T/nobang"
printf '#!/no/such/interpreter\n' > "$T/badbang"
printf '#!/bin/sh\ncat\n' > "$T/notexec"
chmod 644 "$T/notexec"
bad "a script without its first line" "$name" "$task" 'a script needs a #! line' -- -input /line -mapper nobang -file "$T/nobang"
bad "an interpreter that is not there" "$name" "$task" 'its interpreter.*does not exist here' -- -input /line -mapper badbang -file "$T/badbang"
bad "a program on the worker's machine that is not executable" "$name" "$task" 'ermission denied.*chmod \+x' -- -input /line -mapper "$T/notexec"
bad "a directory as a program" "$name" "$task" 'Cannot run program.*directory' -- -input /line -mapper /usr
echo "one line	" > "$T/want"
good "a shipped program need not be executable" "$T/want" -input /line -mapper notexec -file "$T/notexec" -reducer NONE
bad "an archive that is none" 'line: ' "$task" -- -input /line -mapper cat -archives "$T/line"

# ---- what programs do ----
printf 'no newline\t' > "$T/want"
printf 'no newline\t\n' > "$T/want"
good "a mapper that writes no end of line" "$T/want" -input /line -mapper 'sh -c "cat > /dev/null; printf no\ newline"' -reducer NONE
printf 'bytes \xff\xfe\x80\x00 end\t\n\xc3\xa9t\xc3\xa9\t\n' > "$T/want"
good "bytes that are no text, and UTF-8 that is none" "$T/want" -input /binary -mapper cat -reducer cat
: > "$T/want"
good "files of length zero" "$T/want" -input /zero -mapper cat -reducer cat
good "a directory without files" "$T/want" -input /dir -mapper cat -reducer cat
bad "a reducer that stops reading" "$name" 'task_[0-9]+_[0-9]+_r_000000 failed' 'before it had read all its input' 'ashlar.job.unread-input.allowed=true' -- \
  -input /numbers -input /numbers -input /numbers -input /numbers -input /numbers -mapper cat -reducer 'head -n 1'
bad "typed bytes that are none" "$name" "$task" 'is no pair of typed bytes: is -io what the program speaks' -- -input /line -mapper 'sh -c "cat > /dev/null; echo zzzzzzzzzz"' -io typedbytes
bad "a combiner that loses the order" "$name" "$task" 'the combiner .* printed key .* after .*must keep the order' -- -input /numbers -mapper cat -combiner 'sort -rn' -reducer cat
bad "a signal" "$name" "$task" 'ended by signal 11 \(Segmentation fault\)' -- -input /line -mapper "sh -c 'kill -SEGV \$\$'"
bad "a debug script has its say" "$name" "$task" 'oops' '\[debug script\]' 'looked at by 4' -- -input /line -mapper 'sh -c "echo oops >&2; exit 3"' \
  -mapdebug "sh -c 'echo looked at by \$#' x"
bad "also one of a reducer's" "$name" 'task_[0-9]+_[0-9]+_r_000000 failed' 'oh dear' '\[debug script\]' 'its reducer: 4, oh dear' -- -input /line -mapper cat \
  -reducer 'sh -c "cat > /dev/null; echo oh dear >&2; exit 3"' -reducedebug "sh -c 'echo its reducer: \$#, \$(cat \$2)' x" -mapdebug "sh -c 'echo not this one'"
seq 1 300000 | sed 's/$/\t/' > "$T/want"
good "a flood on standard error" "$T/want" -input /line -mapper 'sh -c "cat > /dev/null; seq 1 300000; seq 1 900000 >&2"' -reducer NONE

# ---- files that are damaged ----
head -c 3000 /dev/urandom > "$T/noise.gz"
gzip -c "$T/numbers" | head -c 20000 > "$T/cut.gz"
bzip2 -c "$T/numbers" 2> /dev/null | head -c 20000 > "$T/cut.bz2"
printf 'SEQ\6garbage' > "$T/cut.seq"
"$dfs" -put "$T/noise.gz" "$T/cut.gz" "$T/cut.seq" /
bad "a file that is packed by its name only" "$task" 'noise.gz.*not a gzip file' -- -input /noise.gz -mapper cat
bad "a packed file that was cut" "$task" 'cut.gz.*Unexpected end of ZLIB input stream' -- -input /cut.gz -mapper cat
if [ -s "$T/cut.bz2" ] && "$dfs" -put "$T/cut.bz2" /; then bad "a file of bzip2 that was cut" "$task" 'cut.bz2.*unexpected end of stream' -- -input /cut.bz2 -mapper cat
else skip "a file of bzip2 that was cut: there is no bzip2 here"; fi
bad "a sequence file that was cut" "$task" 'cut.seq.*makes no sense, at byte' -- -input /cut.seq -inputformat SequenceFileAsTextInputFormat -mapper cat

# ---- a share of tasks may fail ----
printf '#!/bin/sh\ncase $mapreduce_map_input_file in *binary) exit 9 ;; esac\ncat\n' > "$T/picky"
seq 1 50000 | sed 's/$/\t/' | LC_ALL=C sort > "$T/want"
good "a task that fails too often is left out when the job allows it" "$T/want" -D mapreduce.map.failures.maxpercent=50 -D mapreduce.job.maps=1 -input /numbers -input /binary \
  -mapper picky -file "$T/picky" -reducer cat
good "also without reducers" <(seq 1 50000 | sed 's/$/\t/') -D mapred.max.map.failures.percent=50 -D mapreduce.job.maps=1 -input /numbers -input /binary \
  -mapper picky -file "$T/picky" -reducer NONE
bad "but not when too many do" "$name" "$task" -- -D mapreduce.map.failures.maxpercent=10 -D mapreduce.job.maps=1 -input /numbers -input /binary -mapper picky \
  -file "$T/picky" -reducer cat

# ---- and a few records may be left out ----
printf '#!/bin/sh\nwhile read -r l; do case $l in *13) exit 5 ;; esac; echo "$l"; done\n' > "$T/superstitious"
seq 1 40 > "$T/forty"
"$dfs" -put "$T/forty" /
seq 1 40 | grep -v 13 | sed 's/$/\t/' > "$T/want"
good "records that a mapper can't take are left out when the job allows it" "$T/want" -D mapreduce.map.skip.maxrecords=1 -D mapreduce.task.skip.start.attempts=0 -input /forty \
  -mapper superstitious -file "$T/superstitious" -reducer NONE
check "and counted" grep -q 'Map skipped records=1' "$T/out"
printf '#!/bin/sh\nwhile read -r l; do case $l in *3*) exit 5 ;; esac; echo "$l"; done\n' > "$T/groups"
(seq 1 40; seq 1 40) | sed 's/$/\t/' | grep -v 3 | LC_ALL=C sort > "$T/want"
good "keys that a reducer can't take are left out, too" "$T/want" -D mapreduce.reduce.skip.maxgroups=1 -D mapreduce.task.skip.start.attempts=0 -input /forty -input /forty \
  -mapper cat -reducer groups -file "$T/groups"
check "and counted" grep -q 'Reduce skipped groups=13' "$T/out"
check "with their values" grep -q 'Reduce skipped records=26' "$T/out"
check "and the others, too" grep -q 'Reduce input groups=27' "$T/out"
check "once each" grep -q 'Reduce input records=54' "$T/out"
bad "but not more around each than the job allows" "$name" 'task_[0-9]+_[0-9]+_r_000000 failed' 'failed with code 5' -- -input /forty -mapper cat -reducer groups -file "$T/groups"
bad "a reducer that fails anyway fails" "$name" 'task_[0-9]+_[0-9]+_r_000000 failed' 'failed with code 1' -- -D mapred.skip.reduce.max.skip.groups=5 \
  -D mapreduce.task.skip.start.attempts=0 -input /forty -mapper cat -reducer false
bad "a mapper that fails anyway fails" "$name" "$task" 'failed with code 1' -- -D mapreduce.map.skip.maxrecords=5 -D mapred.skip.attempts.to.start.skipping=0 -input /forty \
  -mapper false
