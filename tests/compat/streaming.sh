#!/bin/bash
# long: The same jobs by Hadoop's own Streaming (its LocalJobRunner, all in one virtual machine) and by `job run --local`, over
# the same files: part for part and byte for byte the same. Values of one key have no order in Hadoop: where a job
# prints them, its lines are sorted before they are compared. What is packed is compared unpacked.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "jobs give the bytes that Hadoop Streaming gives: HADOOP_LIB names no jars"
  exit 0
fi
unset HADOOP_CONF_DIR

mkdir -p "$T/in" "$T/dir/sub" "$T/bin" "$T/jobs" "$T/run" "$T/classes"
I=$T/in
printf 'a\tb\tc\nplain\n\tempty key\ndos\r\nlone\rmac\nlast' > "$I/tabs"
printf '\xef\xbb\xbfmark\nsecond\n' > "$I/bom"
: > "$I/empty"
printf 'bytes \xff\xfe\x80\x00 end\n\xc3\xa9t\xc3\xa9\n' > "$I/binary"
python3 - "$I" << 'P'
import bz2, gzip, random, struct, sys, zlib
d = sys.argv[1] + "/"
random.seed(5)
words = "".join(" ".join("w%d" % int(random.paretovariate(0.8)) for _ in range(random.randint(0, 12))) + "\n" for _ in range(4000))
open(d + "words", "w").write(words)
rows = "".join("%s.%s\t%d\t%s\n" % (random.choice("abcdeé"), random.choice("xyz"), random.randint(-50, 5000), "v%d" % i) for i in range(1500))
open(d + "rows", "w").write(rows)
open(d + "numbers", "w").write("".join("%s %d\n" % (random.choice(["-", ""]) + "%d.%d" % (random.randint(0, 2000), random.randint(0, 99)), i) for i in range(800)))
open(d + "nosep", "w").write("k=v=w\nno separator\n=x\nlast=\n")
open(d + "records", "w").write("one;two\nstill two;three;;four")
open(d + "page.xml", "w").write("<list>\n" + "".join("<item n='%d'>text %d\nmore</item> between " % (i, i) for i in range(300)) + "</list>\n")
part = ["<item n='%d'>text %d\nmore</item> between ", "<![CDATA[ <item n='%d'> %d </item> ]]>\n", "<item n='%d'>a<![CDATA[ </item> %d ]]> b</item>", "<item n='%d' more>%d</item>"]
open(d + "cdata.xml", "w").write("<list>\n" + "".join(part[random.randrange(4)] % (i, i) for i in range(400)) + "</list>\n")
open(d + "late.xml", "w").write("".join("<item n='%d'>x</item>" % i for i in range(50)) + "<![CDATA[ <item></item> ]]><item>one</item> ]]> <item>two</item>")
open(d + "words.gz", "wb").write(gzip.compress(words[:20000].encode()) + gzip.compress(words[20000:].encode()))
open(d + "words.deflate", "wb").write(zlib.compress(words.encode()))
# Small blocks, so that a small file has many of them.
big = "".join("%d %s\n" % (i, "".join(random.choice("abcdefghij") for _ in range(random.randint(5, 90)))) for i in range(60000))
# Sequence files: records of (class, bytes), a mark every so often.
def vint(n):
    if -112 <= n <= 127: return struct.pack("b", n)
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return struct.pack("b", -112 - len(b)) + b
def text(t): t = t.encode(); return vint(len(t)) + t
def sequence(name, key, value, records):
    mark = bytes(range(16))
    out = b"SEQ\6" + text("org.apache.hadoop.io." + key) + text("org.apache.hadoop.io." + value) + b"\0\0" + struct.pack(">i", 0) + mark
    for n, (k, v) in enumerate(records):
        if n % 20 == 19: out += b"\xff\xff\xff\xff" + mark
        out += struct.pack(">ii", len(k) + len(v), len(k)) + k + v
    open(d + name, "wb").write(out)
sequence("ints.seq", "IntWritable", "Text", [(struct.pack(">i", random.randint(-500, 500)), text("é %d" % i)) for i in range(3000)])
sequence("bytes.seq", "BytesWritable", "DoubleWritable", [(struct.pack(">i", 3) + bytes([i % 256, 255, 9]), struct.pack(">d", i / 8)) for i in range(500)])
sequence("limits.seq", "Text", "NullWritable", [(text(k), b"") for k in ("b.x", "c", "dz", "e.z")])
c = bz2.BZ2Compressor(1)
open(d + "blocks.bz2", "wb").write(c.compress(big.encode()) + c.flush())
P
cat > "$I/spec.xml" << 'S2'
<configuration><property><name>my.own.setting</name><value>of the file</value></property>
<property><name>stream.num.map.output.key.fields</name><value>3</value></property><property><name>mapreduce.job.name</name><value>specified</value></property></configuration>
S2
cp "$I/tabs" "$T/dir/seen"
cp "$I/tabs" "$T/dir/_hidden"
cp "$I/tabs" "$T/dir/.hidden"
rmdir "$T/dir/sub"
mkdir "$T/many"
for i in 1 2 3 4 5 6; do sed -n "$((i * 40)),$((i * 40 + 30))p" "$I/words" > "$T/many/f$i"; done
cat > "$T/bin/env.sh" << 'S2'
#!/bin/bash
cat > /dev/null
for v in mapreduce_map_input_file map_input_file mapreduce_map_input_start mapreduce_job_reduces mapreduce_task_ismap mapreduce_task_partition my_own_setting FROM_CMDENV \
  mapreduce_job_name stream_num_map_output_key_fields mapreduce_partition_keypartitioner_options; do
  echo "$v=${!v-unset}"
done
S2
cat > "$T/bin/agg.py" << 'S2'
#!/usr/bin/env python3
import sys
for line in sys.stdin:
    f = line.rstrip("\n").split("\t")
    print("LongValueSum:%s\t%s" % (f[0], f[1]))
    print("LongValueMax:max %s\t%s" % (f[0], f[1]))
    print("LongValueMin:min %s\t%s" % (f[0], f[1]))
    print("DoubleValueSum:real %s\t%s.25" % (f[0], f[1]))
    print("StringValueMax:smax %s\t%s" % (f[0], f[2]))
    print("StringValueMin:smin %s\t%s" % (f[0], f[2]))
    print("UniqValueCount:uniq %s\t%d" % (f[0], int(f[1]) % 7))
    print("ValueHistogram:hist %s\t%d" % (f[0], int(f[1]) % 11))
S2
cat > "$T/bin/typed.py" << 'S2'
#!/usr/bin/env python3
# Reads pairs of typed bytes; writes a number for each word of the value, and things of other types.
import struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
def string(s): s = s.encode(); return b"\7" + struct.pack(">i", len(s)) + s
def value():
    c = i.read(1)
    if not c: return None
    n = {1: 1, 2: 1, 3: 4, 4: 8, 5: 4, 6: 8}.get(c[0])
    if n: return c, i.read(n)
    n = struct.unpack(">i", i.read(4))[0]
    return c, i.read(n)
while True:
    k = value()
    if k is None: break
    v = value()
    for w in v[1].decode("utf-8", "replace").split():
        if len(sys.argv) > 1: # the reducer
            continue
        o.write(string(w) + b"\3" + struct.pack(">i", len(w)))
    if len(sys.argv) > 1:
        o.write(k[0] + (struct.pack(">i", len(k[1])) if k[0][0] in (0, 7) else b"") + k[1])
        o.write(b"\x08" + struct.pack(">i", 4) + b"\4" + struct.pack(">q", -5) + b"\6" + struct.pack(">d", 2.5) + b"\2\1" + b"\0" + struct.pack(">i", 2) + b"\x0a\xff")
S2
cat > "$T/bin/raw.py" << 'S2'
#!/usr/bin/env python3
import struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
while True:
    n = i.read(4)
    if not n: break
    k = i.read(struct.unpack(">i", n)[0])
    v = i.read(struct.unpack(">i", i.read(4))[0])
    for p in (v[1:4], k + v): o.write(struct.pack(">i", len(p)) + p)
S2
printf '#!/bin/sh\necho $# >> %s\n' "$T/looked" > "$T/bin/looks"
chmod +x "$T"/bin/*
mkdir -p "$T/tree/below"
echo "from an archive" > "$T/tree/below/file"
(cd "$T" && tar czf tree.tgz tree && python3 -c 'import shutil; shutil.make_archive("tree", "zip", ".", "tree")')
# What we write, for Hadoop to read.
before() { (cd "$T/run" && exec "$job" run --local -input "$I/words" -mapper cat -reducer cat -D mapred.output.compress=true "$@") > "$T/before.log" 2>&1 ||
  fail "something for Hadoop to read: $(tail -n 2 "$T/before.log" | tr '\n' ' ')"; }
before -output "$T/snappy" -D mapred.output.compression.codec=org.apache.hadoop.io.compress.SnappyCodec
before -output "$T/bzip2" -D mapred.output.compression.codec=org.apache.hadoop.io.compress.BZip2Codec
before -output "$T/blocks" -D mapred.output.compression.type=BLOCK -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat
before -output "$T/packed" -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat
before -output "$T/typed" -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -io typedbytes -mapper typed.py -reducer 'typed.py r' -file "$T/bin/typed.py"
export PYTHONUNBUFFERED=

# ---- the list of jobs ----
jobs=0 sentences=() hows=()
both() { # both SENTENCE exact|sorted|fails OPTIONS... : the parts are the same
  sentences[jobs]=$1 hows[jobs]=$2
  shift 2
  printf '%s\0' "$@" > "$T/jobs/$jobs"
  jobs=$((jobs + 1))
}
M=$ROOT/docs/examples/mapper.py R=$ROOT/docs/examples/reducer.py
lib=org.apache.hadoop.mapred.lib
both "a map alone prints its lines, each with a tab" exact -input "$I/tabs" -mapper cat -reducer NONE
both "no reducer is the identity" exact -input "$I/tabs" -mapper cat
both "keys go to the parts that Hadoop gives them" exact -input "$I/tabs" -mapper cat -reducer cat -numReduceTasks 3
both "a mark at the start of a file is dropped" exact -input "$I/bom" -mapper cat -reducer NONE
both "an empty file is a map without lines" exact -input "$I/empty" -mapper wc -reducer NONE
both "bytes that are no text pass" exact -input "$I/binary" -mapper cat -reducer cat
both "the tutorial's word count" exact -input "$I/words" -mapper mapper.py -reducer reducer.py -file "$M" -file "$R" -numReduceTasks 3
both "a combiner changes nothing" exact -input "$I/words" -mapper mapper.py -combiner reducer.py -reducer reducer.py \
  -file "$M" -file "$R" -numReduceTasks 2
both "splits smaller than a block give every line once" sorted -D mapreduce.input.fileinputformat.split.maxsize=1000 \
  -D mapreduce.job.maps=7 -input "$I/words" -mapper cat -reducer cat -numReduceTasks 2
both "hidden files of a directory are no input" exact -input "$T/dir" -mapper cat -reducer cat
both "several inputs and globs" sorted -input "$I/{tabs,bom}" -input "$I/w*s" -mapper cat -reducer cat
both "a program finds the job in its environment" exact -D my.own.setting=42 -cmdenv FROM_CMDENV=yes -D mapreduce.job.name=named \
  -D stream.num.map.output.key.fields=2 -D mapred.text.key.partitioner.options=-k1,2 -input "$I/tabs" -mapper "$T/bin/env.sh" -reducer NONE
both "a shipped program named by its path runs" exact -D mapred.job.name=other -input "$I/tabs" -mapper "$T/bin/env.sh" -file "$T/bin/env.sh" -reducer NONE
both "a reducer that is given nothing says nothing" exact -input "$I/empty" -mapper cat -reducer wc -numReduceTasks 2
both "quotes in a command" exact -input "$I/tabs" -mapper 'sed "s/a b/x/;s/l/L L/"' -reducer NONE

# input formats
both "offsets are the keys of text without a mapper" exact -input "$I/tabs" -reducer NONE
both "and sort as numbers" exact -input "$I/words" -reducer org.apache.hadoop.mapred.lib.IdentityReducer -numReduceTasks 3
both "offsets go to the mapper when asked for" exact -D stream.map.input.ignoreKey=false -input "$I/bom" -mapper cat -reducer NONE
both "KeyValueTextInputFormat: lines without a tab get one" exact -inputformat KeyValueTextInputFormat -input "$I/tabs" -mapper cat -reducer NONE
both "its separator" exact -inputformat org.apache.hadoop.mapred.KeyValueTextInputFormat -D key.value.separator.in.input.line== \
  -input "$I/nosep" -mapper $lib.IdentityMapper -reducer cat
both "NLineInputFormat: so many lines a map" exact -inputformat $lib.NLineInputFormat -D mapreduce.input.lineinputformat.linespermap=3 -input "$I/tabs" \
  -mapper cat -reducer NONE
both "and without keys" exact -inputformat $lib.NLineInputFormat -D mapred.line.input.format.linespermap=700 -D stream.map.input.ignoreKey=true \
  -input "$I/words" -mapper cat -reducer NONE
both "CombineTextInputFormat: small files in one map" sorted -inputformat $lib.CombineTextInputFormat -input "$T/many" -mapper 'cut -f2' -reducer cat
both "records that end in a word of their own" exact -D 'textinputformat.record.delimiter=;' -input "$I/records" -mapper cat -reducer NONE
both "such records in small splits" sorted -D textinputformat.record.delimiter=w1 -D mapreduce.job.maps=9 -input "$I/words" -mapper cat -reducer cat
both "StreamXmlRecord" exact -inputreader 'StreamXmlRecordReader,begin=<item,end=</item>' -input "$I/page.xml" -mapper cat -reducer NONE

both "slowmatch: the words are expressions, and none within CDATA counts" exact \
  -inputreader 'StreamXmlRecordReader,begin=<item[^>]*>,end=</item>,slowmatch=true' -input "$I/cdata.xml" -mapper cat -reducer NONE
both "and where there is no CDATA" exact -inputreader "StreamXmlRecordReader,begin=<item n='[0-9]+0',end=</(item|list)>,slowmatch=true" -input "$I/page.xml" -mapper cat -reducer NONE
both "in small splits" sorted -D mapreduce.job.maps=7 -inputreader 'StreamXmlRecordReader,begin=<item n,end=</item>,slowmatch=true' -input "$I/page.xml" -mapper cat -reducer cat
both "a file that begins without CDATA and has some later" exact -inputreader 'StreamXmlRecordReader,begin=<item,end=</item>,slowmatch=true,maxrec=600' \
  -input "$I/late.xml" -mapper cat -reducer NONE
both "-additionalconfspec: more settings, and -D over them" exact -D my.own.setting=given -additionalconfspec "$I/spec.xml" -input "$I/tabs" -mapper "$T/bin/env.sh" -reducer NONE
both "SequenceFileAsTextInputFormat" exact -inputformat SequenceFileAsTextInputFormat -input "$I/ints.seq" -mapper cat -reducer NONE
both "and in pieces" sorted -inputformat SequenceFileAsTextInputFormat -D mapreduce.job.maps=6 -input "$I/ints.seq" -mapper cat -reducer cat
both "SequenceFileInputFormat: numbers sort as numbers" sorted -inputformat SequenceFileInputFormat -D mapreduce.job.output.key.class=org.apache.hadoop.io.IntWritable \
  -input "$I/ints.seq" -reducer org.apache.hadoop.mapred.lib.IdentityReducer -numReduceTasks 3
both "bytes and fractions of a sequence file" exact -inputformat SequenceFileInputFormat -input "$I/bytes.seq" -mapper cat -reducer NONE
both "AutoInputFormat finds out what a file is" sorted -inputformat org.apache.hadoop.streaming.AutoInputFormat -input "$I/ints.seq" -input "$I/tabs" -mapper cat -reducer cat
for it in snappy bzip2; do both "Hadoop reads $it that we wrote" exact -input "$T/$it" -mapper cat -reducer NONE; done
for it in blocks packed typed; do
  both "Hadoop reads a sequence file that we wrote ($it)" exact -inputformat SequenceFileAsTextInputFormat -input "$T/$it" -mapper cat -reducer NONE
done
both "an archive is unpacked beside the task" exact -archives "$T/tree.tgz#t,$T/tree.zip" -input "$I/tabs" -mapper 'sh -c "cat > /dev/null; cat t/tree/below/file tree.zip/tree/below/file"' -reducer NONE
both "a file gets another name" exact -files "$I/bom#named" -input "$I/tabs" -mapper 'sh -c "cat > /dev/null; cat named"' -reducer NONE

# separators and key fields
both "keys of two fields" sorted -D stream.num.map.output.key.fields=2 -input "$I/rows" -mapper cat -reducer cat -numReduceTasks 2
both "another separator" exact -D stream.map.output.field.separator=. -D stream.num.map.output.key.fields=2 -input "$I/rows" -mapper cat -reducer cat
both "separators on all sides" exact -D stream.map.output.field.separator== -D stream.reduce.input.field.separator=: -D stream.reduce.output.field.separator=v \
  -D mapred.textoutputformat.separator=@@ -input "$I/nosep" -mapper cat -reducer cat
both "and a separator of input" exact -inputformat KeyValueTextInputFormat -D stream.map.input.field.separator=@ -input "$I/rows" -mapper cat -reducer NONE

# partitions and order
both "KeyFieldBasedPartitioner by one of three fields" exact -D stream.map.output.field.separator=. -D stream.num.map.output.key.fields=2 \
  -D map.output.key.field.separator=. -D mapreduce.partition.keypartitioner.options=-k1,1 -partitioner $lib.KeyFieldBasedPartitioner \
  -input "$I/rows" -mapper cat -reducer cat -numReduceTasks 4
both "KeyFieldBasedPartitioner without fields" exact -partitioner $lib.KeyFieldBasedPartitioner -input "$I/rows" -mapper cat -numReduceTasks 4 -reducer 'cut -f1'
both "num.key.fields.for.partition" exact -D num.key.fields.for.partition=1 -D map.output.key.field.separator=. -partitioner $lib.KeyFieldBasedPartitioner \
  -input "$I/rows" -mapper cat -numReduceTasks 3 -reducer 'cut -f1'
both "KeyFieldBasedComparator: numbers backwards" exact -D mapreduce.job.output.key.comparator.class=$lib.KeyFieldBasedComparator \
  -D mapreduce.partition.keycomparator.options=-nr -input "$I/numbers" -mapper 'cut -d " " -f1' -reducer cat
both "by the second field as numbers, then the first backwards" exact -D mapred.output.key.comparator.class=$lib.KeyFieldBasedComparator \
  -D stream.num.map.output.key.fields=3 -D 'mapred.text.key.comparator.options=-k2,2n -k1,1r -k3' -input "$I/rows" -mapper cat -reducer cat
both "by letters inside of a field" exact -D mapreduce.job.output.key.comparator.class=$lib.KeyFieldBasedComparator \
  -D stream.num.map.output.key.fields=3 -D 'mapreduce.partition.keycomparator.options=-k1.3,1.3 -k3.2nr' -input "$I/rows" -mapper cat -reducer cat -numReduceTasks 2
both "a secondary sort" exact -D mapreduce.job.output.key.comparator.class=$lib.KeyFieldBasedComparator -D stream.num.map.output.key.fields=2 \
  -D mapreduce.partition.keypartitioner.options=-k1,1 -D 'mapreduce.partition.keycomparator.options=-k1,1 -k2,2nr' \
  -partitioner $lib.KeyFieldBasedPartitioner -input "$I/rows" -mapper 'cut -f1,2' -reducer cat -numReduceTasks 3

both "TotalOrderPartitioner" exact -D mapreduce.totalorderpartitioner.path="$I/limits.seq" -D stream.num.map.output.key.fields=3 -partitioner $lib.TotalOrderPartitioner \
  -input "$I/rows" -mapper cat -reducer cat -numReduceTasks 5
both "and in an order of its own" exact -D mapreduce.totalorderpartitioner.path="$I/limits.seq" -D mapreduce.totalorderpartitioner.naturalorder=false \
  -D mapreduce.job.output.key.comparator.class=$lib.KeyFieldBasedComparator -D stream.num.map.output.key.fields=3 -partitioner $lib.TotalOrderPartitioner \
  -input "$I/rows" -mapper cat -reducer cat -numReduceTasks 5

# classes that need no program
both "aggregate: sums, greatest, least, different values, histograms" exact -input "$I/rows" -mapper agg.py -file "$T/bin/agg.py" -reducer aggregate -numReduceTasks 2
both "aggregate over several maps" exact -D mapreduce.job.maps=5 -input "$I/rows" -mapper agg.py -file "$T/bin/agg.py" -reducer aggregate
both "fields picked by the mapper" exact -D mapreduce.fieldsel.data.field.separator=v -D mapreduce.fieldsel.map.output.key.value.fields.spec=1,0:0- \
  -input "$I/rows" -mapper $lib.FieldSelectionMapReduce -reducer NONE
both "and by the reducer" exact -D mapreduce.job.output.key.class=org.apache.hadoop.io.Text -D mapreduce.fieldsel.map.output.key.value.fields.spec=0,2:1 -D mapreduce.fieldsel.reduce.output.key.value.fields.spec=2:0-1 \
  -input "$I/rows" -mapper $lib.FieldSelectionMapReduce -reducer $lib.FieldSelectionMapReduce

# how programs talk
both "typed bytes" exact -io typedbytes -input "$I/words" -mapper typed.py -reducer 'typed.py r' -file "$T/bin/typed.py"
both "raw bytes" sorted -io rawbytes -input "$I/tabs" -mapper raw.py -reducer raw.py -file "$T/bin/raw.py"
both "typed bytes of the mapper alone" exact -D stream.map.input=typedbytes -D stream.map.output=typedbytes -input "$I/rows" -mapper typed.py -file "$T/bin/typed.py" \
  -reducer 'cut -f1'
both "text that is all key" exact -D stream.map.output=keyonlytext -D stream.reduce.input=keyonlytext -D stream.reduce.output=keyonlytext -input "$I/tabs" \
  -mapper cat -reducer cat

# packed
both "gzip, of several pieces" exact -input "$I/words.gz" -mapper cat -reducer NONE
both "deflate" exact -input "$I/words.deflate" -mapper cat -reducer NONE
both "bzip2 in one piece" exact -input "$I/blocks.bz2" -mapper cat -reducer NONE
both "bzip2 in many" sorted -D mapreduce.job.maps=8 -input "$I/blocks.bz2" -mapper cat -reducer cat
both "output packed with gzip" exact -D mapreduce.output.fileoutputformat.compress=true \
  -D mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec -input "$I/words" -mapper cat -reducer cat -numReduceTasks 2
both "with bzip2, and no reducer" exact -D mapred.output.compress=true -D mapred.output.compression.codec=org.apache.hadoop.io.compress.BZip2Codec \
  -input "$I/words" -mapper cat -reducer NONE
both "with what Hadoop packs by default" exact -D mapred.output.compress=true -input "$I/words" -mapper cat -reducer cat
both "with snappy" exact -D mapred.output.compress=true -D mapred.output.compression.codec=org.apache.hadoop.io.compress.SnappyCodec -input "$I/words" -mapper cat -reducer cat
both "map output packed" exact -D mapreduce.map.output.compress=true -D mapreduce.task.io.sort.mb=1 -input "$I/words" -mapper mapper.py -reducer reducer.py \
  -file "$M" -file "$R" -numReduceTasks 2

# output formats
both "SequenceFileOutputFormat" exact -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -input "$I/words" -mapper cat -reducer cat
both "a sequence file of packed records" sorted -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -D mapred.output.compress=true -input "$I/rows" \
  -mapper cat -reducer cat
both "a sequence file of packed blocks" sorted -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -D mapred.output.compress=true \
  -D mapred.output.compression.type=BLOCK -input "$I/rows" -mapper cat -reducer cat
both "a sequence file of numbers" exact -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -input "$I/rows" -reducer NONE
both "a sequence file of typed bytes" exact -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -io typedbytes -input "$I/words" -mapper typed.py -reducer 'typed.py r' -file "$T/bin/typed.py"
both "-lazyOutput: no parts that would be empty" exact -lazyOutput -input "$I/bom" -mapper cat -reducer cat -numReduceTasks 9
both "NullOutputFormat" exact -outputformat $lib.NullOutputFormat -input "$I/bom" -mapper cat -reducer cat

# ---- what fails there fails here, and leaves nothing ----
both "a mapper that ends with an error fails the job" fails -input "$I/tabs" -mapper false -reducer NONE
both "a mapper that is not there fails the job" fails -input "$I/tabs" -mapper no-such-program -reducer NONE
both "a reducer that ends with an error fails the job" fails -input "$I/tabs" -mapper cat -reducer 'sh -c "cat;exit 3"'
both "an input that is not there fails the job" fails -input "$I/nowhere" -mapper cat -reducer NONE
both "keys of the wrong class fail the job" fails -input "$I/tabs" -mapper $lib.IdentityMapper -reducer cat
both "aggregate without its words fails the job" fails -input "$I/tabs" -mapper cat -reducer aggregate

both "a job with debug scripts fails as one without" fails -input "$I/tabs" -mapper cat -reducer 'sh -c "cat;exit 3"' -reducedebug "$T/bin/looks" -mapdebug "$T/bin/looks"

# ---- Hadoop's turn ----
for ((j = 0; j < jobs; j++)); do
  mapfile -d '' -t words < "$T/jobs/$j"
  # Generic options come first, as Hadoop wants it.
  generic=() rest=()
  for ((i = 0; i < ${#words[@]}; i++)); do
    case ${words[i]} in
      -D | -files | -archives) generic+=("${words[i]}" "${words[i + 1]}") && i=$((i + 1)) ;;
      *) rest+=("${words[i]}") ;;
    esac
  done
  printf '%s\n' -D mapreduce.framework.name=local -D fs.defaultFS=file:/// -D hadoop.tmp.dir="$T/hadoop" \
    -D mapreduce.client.completion.pollinterval=20 -D mapreduce.client.progressmonitor.pollinterval=20 "${generic[@]}" "${rest[@]}" \
    -output "$T/theirs/$j" --
done > "$T/list"
javac -d "$T/classes" -cp "$HADOOP_LIB/*" tests/compat/StreamingJobs.java > "$T/javac" 2>&1 || { fail "the Java half compiles: $(tail -n 3 "$T/javac")"; exit; }
printf 'log4j.rootLogger=WARN,c\nlog4j.appender.c=org.apache.log4j.ConsoleAppender\nlog4j.appender.c.target=System.err\nlog4j.appender.c.layout=org.apache.log4j.SimpleLayout\n' > "$T/classes/log4j.properties"
(cd "$T/run" && exec timeout "$(patience 300)" java -Xmx700m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j.configuration=file:"$T/classes/log4j.properties" \
  -cp "$T/classes:$HADOOP_LIB/*" StreamingJobs "$T/list") > "$T/codes" 2> "$T/hadoop.log"
[ -z "${VERBOSE:-}" ] || echo "Hadoop: $SECONDS s"

[ -e "$T/looked" ] && fail "Hadoop's own runner calls no debug script: $(head -n 1 "$T/looked")" || pass "Hadoop's own runner calls no debug script"

# ---- ours, and the comparison ----
plain() { # plain FILE : unpacked; a sequence file as text
  case $1 in
    *.gz | *.bz2 | *.deflate | *.snappy) "$dfs" -fs file:/// -text "$1" ;;
    *) if [ "$(head -c 3 "$1" | tr -d '\0')" = SEQ ]; then "$dfs" -fs file:/// -text "$1"; else cat "$1"; fi ;;
  esac
}
compare() { # compare WHAT HOW THEIRS OURS
  local a b part
  a=$(cd "$3" && ls) b=$(cd "$4" && ls)
  [ "$a" = "$b" ] || { fail "$1: files $a, ours $b"; return; }
  for part in "$3"/part-*; do
    [ -e "$part" ] || continue
    plain "$part" > "$T/want" 2>&1
    plain "$4/${part##*/}" > "$T/got" 2>&1
    if [ "$2" = sorted ]; then
      LC_ALL=C sort -o "$T/want" "$T/want"
      LC_ALL=C sort -o "$T/got" "$T/got"
    fi
    cmp -s "$T/want" "$T/got" || { fail "$1: ${part##*/} differs: $(diff <(head -c 20000 "$T/want") <(head -c 20000 "$T/got") | head -n 4 | tr '\n' ' ')"; return; }
  done
  pass "$1"
}
why_theirs() { grep -vE '^\s+at |^WARN' "$T/hadoop.log" | tail -n 4 | tr '\n' ' '; }
for ((j = 0; j < jobs; j++)); do
  what=${sentences[j]} how=${hows[j]} code=$(awk -v j="$j" '$1 == j {print $2}' "$T/codes")
  mapfile -d '' -t words < "$T/jobs/$j"
  (cd "$T/run" && exec timeout "$(patience 60)" "$job" run --local "${words[@]}" -output "$T/ours/$j") > "$T/ours.log" 2>&1
  ours=$?
  if [ "$how" = fails ]; then
    if [ "${code:-none}" = 0 ] || [ "${code:-none}" = none ]; then fail "$what: Hadoop: ${code:-did not get there}"
    elif [ $ours = 0 ]; then fail "$what: we do it"
    elif [ -e "$T/ours/$j/_SUCCESS" ] || ls "$T/ours/$j"/part-* > /dev/null 2>&1; then fail "$what: but something is left"
    else pass "$what"; fi
  elif [ "${code:-none}" != 0 ]; then fail "$what: Hadoop: ${code:-did not get there}: $(why_theirs)"
  elif [ $ours != 0 ]; then fail "$what: $(tail -n 3 "$T/ours.log" | tr '\n' ' ')"
  else compare "$what" "$how" "$T/theirs/$j" "$T/ours/$j"; fi
done

printf '4\n' > "$T/want"
same "ours calls that of the reducer once, with the four files that the manual tells" "$T/want" "$T/looked"

# ---- codecs that this Hadoop has no library for: what was packed comes out again ----
for it in ZStandardCodec:zst Lz4Codec:lz4; do
  (cd "$T/run" && "$job" run --local -D mapred.output.compress=true -D mapred.output.compression.codec=org.apache.hadoop.io.compress.${it%:*} \
    -D mapreduce.map.output.compress=true -D mapreduce.map.output.compress.codec=org.apache.hadoop.io.compress.${it%:*} -input "$I/words" -mapper cat -reducer cat \
    -output "$T/${it#*:}" && "$job" run --local -input "$T/${it#*:}" -mapper cat -reducer NONE -output "$T/${it#*:}-again") > "$T/codec.log" 2>&1 ||
    fail "output packed with ${it%:*}: $(tail -n 2 "$T/codec.log" | tr '\n' ' ')"
  LC_ALL=C sed 's/$/\t/' "$I/words" | LC_ALL=C sort > "$T/want"
  same "input and output packed with ${it%:*}" "$T/want" "$T/${it#*:}-again/part-00000"
done
if command -v zstd > /dev/null; then
  zstd -dc "$T/zst/part-00000.zst" > "$T/got" 2> /dev/null
  same "zstd reads what we packed" "$T/want" "$T/got"
  zstd -q -c "$I/words" > "$T/cli.zst"
  "$job" run --local -input "$T/cli.zst" -mapper cat -reducer cat -output "$T/cli" > "$T/codec.log" 2>&1
  same "and we what zstd packed" "$T/want" "$T/cli/part-00000"
else skip "zstd reads what we packed: there is no zstd here"; fi
