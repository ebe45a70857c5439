#!/bin/bash
# The same jobs by Hadoop's own Streaming (its LocalJobRunner) and by `job run --local`, over the
# same files: part for part and byte for byte the same. Values of one key have no order in Hadoop:
# where a job prints them, its lines are sorted before they are compared.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "jobs give the bytes that Hadoop Streaming gives: HADOOP_LIB names no jars"
  exit 0
fi
unset HADOOP_CONF_DIR

mkdir -p "$T/in" "$T/dir/sub" "$T/bin"
printf 'a\tb\tc\nplain\n\tempty key\ndos\r\nlone\rmac\nlast' > "$T/in/tabs"
printf '\xef\xbb\xbfmark\nsecond\n' > "$T/in/bom"
: > "$T/in/empty"
printf 'bytes \xff\xfe\x80\x00 end\n\xc3\xa9t\xc3\xa9\n' > "$T/in/binary"
python3 - > "$T/in/words" << 'P'
import random
random.seed(5)
for _ in range(4000):
    print(" ".join("w%d" % int(random.paretovariate(0.8)) for _ in range(random.randint(0, 12))))
P
cp "$T/in/tabs" "$T/dir/seen"
cp "$T/in/tabs" "$T/dir/_hidden"
cp "$T/in/tabs" "$T/dir/.hidden"
rmdir "$T/dir/sub"
cat > "$T/bin/env.sh" << 'S'
#!/bin/bash
cat > /dev/null
for v in mapreduce_map_input_file map_input_file mapreduce_map_input_start mapreduce_job_reduces mapreduce_task_ismap mapreduce_task_partition my_own_setting FROM_CMDENV; do
  echo "$v=${!v-unset}"
done
S
chmod +x "$T/bin/env.sh"
mkdir "$T/run"
export PYTHONUNBUFFERED=

hadoop_job() {
  (cd "$T/run" && exec java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_LIB/*" \
    org.apache.hadoop.streaming.HadoopStreaming -D mapreduce.framework.name=local -D fs.defaultFS=file:/// \
    -D hadoop.tmp.dir="$T/hadoop" "$@") > "$T/hadoop.log" 2>&1
}

both() { # both SENTENCE sorted|exact OPTIONS... : the parts are the same
  local what=$1 how=$2 a b part
  shift 2
  rm -rf "$T/theirs" "$T/ours"
  hadoop_job "$@" -output "$T/theirs" || { fail "$what: Hadoop: $(grep -v INFO "$T/hadoop.log" | tail -n 3 | tr '\n' ' ')"; return; }
  (cd "$T/run" && "$job" run --local "$@" -output "$T/ours") > "$T/ours.log" 2>&1 ||
    { fail "$what: $(tail -n 3 "$T/ours.log" | tr '\n' ' ')"; return; }
  a=$(cd "$T/theirs" && ls) b=$(cd "$T/ours" && ls)
  [ "$a" = "$b" ] || { fail "$what: files $a, ours $b"; return; }
  for part in "$T"/theirs/part-*; do
    if [ "$how" = sorted ]; then
      cmp -s <(LC_ALL=C sort "$part") <(LC_ALL=C sort "$T/ours/${part##*/}")
    else cmp -s "$part" "$T/ours/${part##*/}"; fi || { fail "$what: ${part##*/} differs"; return; }
  done
  pass "$what"
}
M=$ROOT/docs/examples/mapper.py R=$ROOT/docs/examples/reducer.py

both "a map alone prints its lines, each with a tab" exact -input "$T/in/tabs" -mapper cat -reducer NONE
both "no reducer is the identity" exact -input "$T/in/tabs" -mapper cat
both "keys go to the parts that Hadoop gives them" exact -input "$T/in/tabs" -mapper cat -reducer cat -numReduceTasks 3
both "a mark at the start of a file is dropped" exact -input "$T/in/bom" -mapper cat -reducer NONE
both "an empty file is a map without lines" exact -input "$T/in/empty" -mapper wc -reducer NONE
both "bytes that are no text pass" exact -input "$T/in/binary" -mapper cat -reducer cat
both "the tutorial's word count" exact -input "$T/in/words" -mapper mapper.py -reducer reducer.py -file "$M" -file "$R" -numReduceTasks 3
both "a combiner changes nothing" exact -input "$T/in/words" -mapper mapper.py -combiner reducer.py -reducer reducer.py \
  -file "$M" -file "$R" -numReduceTasks 2
both "splits smaller than a block give every line once" sorted -D mapreduce.input.fileinputformat.split.maxsize=1000 \
  -D mapreduce.job.maps=7 -input "$T/in/words" -mapper cat -reducer cat -numReduceTasks 2
both "hidden files of a directory are no input" exact -input "$T/dir" -mapper cat -reducer cat
both "several inputs and globs" sorted -input "$T/in/{tabs,bom}" -input "$T/in/w*" -mapper cat -reducer cat
both "a program finds the job in its environment" exact -D my.own.setting=42 -cmdenv FROM_CMDENV=yes \
  -input "$T/in/tabs" -mapper "$T/bin/env.sh" -reducer NONE
both "a shipped program named by its path runs" exact -input "$T/in/tabs" -mapper "$T/bin/env.sh" -file "$T/bin/env.sh" -reducer NONE
both "a reducer that is given nothing says nothing" exact -input "$T/in/empty" -mapper cat -reducer wc -numReduceTasks 2
both "quotes in a command" exact -input "$T/in/tabs" -mapper 'sed "s/a b/x/;s/l/L L/"' -reducer NONE

# What fails there fails here.
fails_too() {
  local what=$1
  shift
  rm -rf "$T/theirs" "$T/ours"
  if hadoop_job "$@" -output "$T/theirs"; then fail "$what: Hadoop does it"
  elif "$job" run --local "$@" -output "$T/ours" > "$T/ours.log" 2>&1; then fail "$what: we do it"
  elif [ -e "$T/ours/_SUCCESS" ] || ls "$T"/ours/part-* > /dev/null 2>&1; then fail "$what: but something is left"
  else pass "$what"; fi
}
fails_too "a mapper that ends with an error fails the job" -input "$T/in/tabs" -mapper false -reducer NONE
fails_too "a mapper that is not there fails the job" -input "$T/in/tabs" -mapper no-such-program -reducer NONE
fails_too "a reducer that ends with an error fails the job" -input "$T/in/tabs" -mapper cat -reducer 'sh -c "cat;exit 3"'
fails_too "an input that is not there fails the job" -input "$T/in/nowhere" -mapper cat -reducer NONE
