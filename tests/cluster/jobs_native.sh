#!/bin/bash
# Jobs in C (compute/job.h): the examples, chains of jobs, and what happens when the code of one is bad.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --workers 2 -D dfs.blocksize=1m -D dfs.replication=1
unset PYTHONUNBUFFERED
x=$ROOT/$B/examples
run() { timeout "$(patience 100)" "$job" run "$@"; }
parts() { "$dfs" -cat "$1/part-*" 2> /dev/null; }

# ---- word count: as the streaming one ----
python3 - > "$T/text" << 'P'
import random
random.seed(5)
for _ in range(60000):
    print(" ".join("w%d" % int(random.paretovariate(0.7)) for _ in range(random.randint(0, 12))))
print("no newline at the end", end="")
P
tr -s ' ' '\n' < "$T/text" | grep -v '^$' | LC_ALL=C sort | uniq -c | awk '{print $2 "\t" $1}' | LC_ALL=C sort > "$T/want"
"$dfs" -put "$T/text" /text
check "a word count in C runs" run -native "$x/wordcount.so" -input /text -output /wc -numReduceTasks 2
cp "$T/check.out" "$T/wc.out"
parts /wc | LC_ALL=C sort > "$T/got"
same "its counts are right, also across the borders of blocks" "$T/want" "$T/got"
records=$(($(wc -l < "$T/text") + 1))
grep -q "Map input records=$records" "$T/wc.out" && pass "its records are counted" || fail "its records are counted: $(grep -i records "$T/wc.out" | tr '\n' ' ')"
grep -qE 'Combine input records=[1-9]' "$T/wc.out" && pass "its combiner ran" || fail "its combiner ran"
check "it runs without scheduler and workers, too" "$job" run --local -native "$x/wordcount.so" -input "file:$T/text" -output "file:$T/wc-local"
LC_ALL=C sort "$T/wc-local/part-00000" > "$T/got"
same "with the same counts" "$T/want" "$T/got"

# ---- a chain ----
cat > "$T/count.job" << J
# what a pattern matches
-native $x/grep.so -jobconf grep.pattern=w[12][0-9]*
-input /text -output /counts
J
echo "-native $x/grep_sort.so -input /counts -output /sorted-counts" > "$T/sort.job"
check "a chain of jobs runs" run "$T/count.job" "$T/sort.job"
grep -oE 'w[12][0-9]*' "$T/text" | LC_ALL=C sort | uniq -c | awk '{print $1 "\t" $2}' | LC_ALL=C sort -s -k1,1nr | cut -f 1 > "$T/want-counts"
parts /sorted-counts | cut -f 1 > "$T/got"
same "the most frequent first" "$T/want-counts" "$T/got"
echo "-native $x/grep.so -input /text -output /bad1" > "$T/bad.job"
refuse "a chain ends where a job fails" "bad.job failed, so .*sort.job was not begun" run "$T/bad.job" "$T/sort.job"
run -background -native "$x/wordcount.so" -input /text -output /first > "$T/first.id" 2> /dev/null
check "a job waits for another one" run -after "$(cat "$T/first.id")" -native "$x/grep_sort.so" -input /first -output /second -jobconf mapreduce.job.name=after
refuse "and does not begin when that failed" 'did not succeed' run -after "$("$job" list | awk '$2 == "FAILED" {print $1; exit}')" -native "$x/wordcount.so" -input /text -output /third

# ---- the sort benchmark: checksums that Hadoop's programs gave for the same rows ----
check "rows are made" run -native "$x/teragen.so" -D teragen.rows=100000 -D mapreduce.job.maps=3 -numReduceTasks 0 -output /rows
parts /rows | md5sum | cut -c -32 > "$T/got"
echo bd1e8efdc9dfb0303cb68bdd8e9c505e > "$T/want"
same "the very bytes of Hadoop's TeraGen" "$T/want" "$T/got"
check "rows are sorted" run -native "$x/terasort.so" -input /rows -output /sorted -numReduceTasks 3
parts /rows > "$T/rows" && parts /sorted > "$T/sorted"
python3 - "$T/rows" "$T/want" << 'P'
import sys
b = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(b"".join(sorted((b[i:i + 100] for i in range(0, len(b), 100)), key=lambda r: r[:10])))
P
same "all of them, in order over the parts" "$T/want" "$T/sorted"
for n in 0 1 2; do "$dfs" -cat "/sorted/part-0000$n" | wc -c; done > "$T/sizes"
awk '$1 < 2000000 {exit 1}' "$T/sizes" && pass "in parts of about one size" || fail "in parts of about one size: $(tr '\n' ' ' < "$T/sizes")"
check "what is sorted is found in order" run -native "$x/teravalidate.so" -input /sorted -output /report
parts /report > "$T/got"
printf 'checksum\tc327a1c42c28\n' > "$T/want"
same "with the checksum of Hadoop's TeraValidate" "$T/want" "$T/got"
check "what is not sorted" run -native "$x/teravalidate.so" -input /rows -output /report2
parts /report2 > "$T/got"
grep -q 'misorder in part-00000 between 88 2a 02 c3 15 36 2b 60 76 5f and 5c 90 ab 38 ae 52 89 62 15 d7' "$T/got" &&
  pass "is told as Hadoop tells it" || fail "is told as Hadoop tells it: $(head -n 2 "$T/got")"

# ---- small files into large ones ----
mkdir "$T/small"
for i in $(seq -w 1 60); do seq 1 "$((10#$i * 50))" > "$T/small/f$i"; done
: > "$T/small/empty"
"$dfs" -put "$T/small" /small
check "small files are packed" run -native "$x/pack.so" -D pack.from=/small -D pack.bytes=200000 -numReduceTasks 0 -output /packed
python3 - "$T/small" << 'P' > "$T/want"
import os, sys
for n in sorted(os.listdir(sys.argv[1])):
    print(n + "\t" + " ".join("%02x" % b for b in open(sys.argv[1] + "/" + n, "rb").read()))
P
"$dfs" -text '/packed/part-*' > "$T/got" 2> "$T/text.err"
same "and come out of SequenceFiles as they were" "$T/want" "$T/got"
[ "$("$dfs" -ls /packed | grep -c part-)" -gt 1 ] && pass "by runs of about a size" || fail "by runs of about a size"

# ---- bad code ----
cat > "$T/crash.c" << 'S'
#include <compute/job.h>
static int map(struct job_task *t, const struct job_record *r) { (void)t; (void)r; *(volatile int *)8 = 1; return 0; }
const struct job_native job_native = {.version = JOB_VERSION, .map = map};
S
cat > "$T/says.c" << 'S'
#include <compute/job.h>
static int map(struct job_task *t, const struct job_record *r) { return t->host->fail(t, "I can't read \"%.*s\"", (int)r->value_n, (const char *)r->value); }
const struct job_native job_native = {.version = JOB_VERSION, .map = map};
S
echo 'int job_native_not_here;' > "$T/none.c"
sed 's/JOB_VERSION/99/' "$T/says.c" > "$T/old.c"
for n in crash says none old; do cc -I. -shared -fPIC -o "$T/$n.so" "$T/$n.c" || fail "cc $n.c"; done
echo "one line" > "$T/line"
"$dfs" -put "$T/line" /line
refuse "a crash is told with its signal" 'signal 11' run -native "$T/crash.so" -input /line -output /b1 -D mapreduce.map.maxattempts=2
refuse "what the code says of its failure is told" "I can't read \"one line\"" run -native "$T/says.so" -input /line -output /b2
refuse "an object without a table is refused at once" 'exports no job_native' run -native "$T/none.so" -input /line -output /b3
refuse "one of another version, too" 'version 99' run -native "$T/old.so" -input /line -output /b4
refuse "one that is not there, too" 'nowhere.so' run -native nowhere.so -input /line -output /b5
refuse "what prepare says is told" 'teragen.rows' run -native "$x/teragen.so" -numReduceTasks 0 -output /b6
"$dfs" -ls /b1 2> /dev/null | grep -q . && fail "nothing is left of a failed job" || pass "nothing is left of a failed job"
