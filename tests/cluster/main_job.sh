#!/bin/bash
# The main job: a text goes in, its words are counted next to its blocks, the counts are right;
# and whichever daemon is killed during it, the job still finishes and every file is whole.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 3 --racks 2 --workers 3 -D dfs.blocksize=1m

# A text of a few blocks whose lines straddle their boundaries.
python3 - > "$T/text" << 'P'
import random
random.seed(7)
words = ["w%d" % int(random.paretovariate(0.7)) for _ in range(200)] + ["é", "naïve", "x" * 300]
n = 0
while n < 5 << 20:
    line = " ".join(random.choice(words) for _ in range(random.randint(0, 30)))
    print(line)
    n += len(line) + 1
P
tr -s ' ' '\n' < "$T/text" | grep -v '^$' | LC_ALL=C sort | uniq -c | awk '{print $2 "\t" $1}' > "$T/expected"

check "a text is put" "$dfs" -put "$T/text" /text
"$dfs" -cat /text > "$T/back" 2> /dev/null
same "the same bytes come back" "$T/text" "$T/back"

count() { # count OUTPUT
  "$job" run -input /text -output "$1" -mapper mapper.py -reducer reducer.py -numReduceTasks 2 \
    -file docs/examples/mapper.py -file docs/examples/reducer.py
}
collect() { "$dfs" -cat "$1/part-*" | LC_ALL=C sort > "$2"; }

check "a word count runs" count /out
cp "$T/check.out" "$T/job.out"
collect /out "$T/got"
same "its counts are those of sort and uniq" "$T/expected" "$T/got"
check "it says that it is done" "$dfs" -test -e /out/_SUCCESS
if grep -qiE 'data-local map tasks=[1-9]' "$T/job.out"; then pass "maps ran next to their blocks"; else
  fail "maps ran next to their blocks: $(grep -i local "$T/job.out" | tr '\n' ' ')"
fi
refuse "an output that exists is refused before anything runs" "already exists" count /out
refuse "an input that is missing is named" "/nowhere" "$job" run -input /nowhere -output /o2 -mapper cat

n=0
for victim in namenode datanode1 worker1 scheduler; do
  n=$((n + 1))
  count "/killed$n" > "$T/killed.out" 2>&1 &
  runner=$!
  # Strike when the job is under way.
  until_ok 20 grep -qE 'map [0-9]+%|Running job|job_' "$T/killed.out"
  cluster kill $victim
  cluster restart $victim
  if wait $runner; then
    collect "/killed$n" "$T/got"
    same "the job finishes although $victim was killed" "$T/expected" "$T/got"
  else
    fail "the job finishes although $victim was killed: $(tail -n 4 "$T/killed.out" | tr '\n' ' ')"
  fi
done
"$dfs" -cat /text > "$T/back" 2> /dev/null
same "after all that the text is whole" "$T/text" "$T/back"
