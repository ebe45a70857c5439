#!/bin/bash
# fsck.sh -- `hdfs fsck`, Hadoop's DFSck and ours, on a store with all that can be wrong in it: what they print, and
# how they end, is what a real Hadoop's namenode has them print (tests/golden/fsck.txt). What differs from run to
# run is taken out: ids of blocks are numbered as they appear, nodes and times have no name.
#
#   fsck.sh capture DIR   prints the golden file, from the Hadoop that hadoop-cluster started in DIR with two datanodes,
#                         blocks of 1024 bytes and two copies of each; with `ours` after DIR, by our dfs instead of DFSck
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
mkdir "$T/classes"
compiled AdminDriver || exit 0

if [ -n "${CAPTURE:-}" ]; then
  FS_URI=$(cat "$CAPTURE/fs") HADOOP_CONF_DIR=$CAPTURE/conf homes=("$CAPTURE"/dn0 "$CAPTURE"/dn1)
  export FS_URI HADOOP_CONF_DIR
  restart_without() { # restart_without DATANODE FILES...
    "$SHARED/peers/hadoop-cluster" kill-dn "$CAPTURE" "$1"
    rm -f "${@:2}"
    "$SHARED/peers/hadoop-cluster" start-dn "$CAPTURE" "$1"
  }
else
  start_cluster --datanodes 2 --no-jobs -D dfs.blocksize=1024 -D dfs.namenode.fs-limits.min-block-size=16 -D net.topology.table.file.name=
  homes=("$C"/data/datanode0 "$C"/data/datanode1)
  restart_without() {
    cluster kill "datanode$1"
    rm -f "${@:2}"
    cluster restart "datanode$1"
  }
fi

# ---- a store in which much is wrong ----
bytes() { head -c "$1" /dev/zero | tr '\0' x; }
file() { bytes "$3" | "$dfs" -D "dfs.replication=$2" -put - "$1"; } # file PATH COPIES BYTES
block_of() { "$dfs" fsck "$1" -files -blocks 2> /dev/null | grep -o 'blk_[0-9]*' | sed -n "${2}p"; } # block_of PATH NUMBER
data_of() { find "${homes[@]}" -name "$(block_of "$1" "$2")"; }
node_of() { if [[ $1 == "${homes[0]}"/* ]]; then echo 0; else echo 1; fi; }
rot() { printf '\377' | dd of="$1" conv=notrunc bs=1 count=1 2> /dev/null; }

"$dfs" -mkdir -p /f/dir /m /s /p
file /f/good 2 2500
file /f/single 1 100
file /f/three 3 100
file /f/half 2 100
file /f/rotten 1 1500
file /f/lost 1 2500
file /m/lost 1 2500
file /m/whole 2 10
file /s/kept 2 10
file /p/secret 2 10
"$dfs" -touchz /f/empty
"$dfs" -chmod 700 /p
"$dfs" admin -allowSnapshot /s > /dev/null
"$dfs" -createSnapshot /s s1 > /dev/null
"$dfs" -rm -skipTrash /s/kept > /dev/null
mkfifo "$T/open"
exec 7<> "$T/open"
"$dfs" -put -d - /f/open < "$T/open" 7>&- &
writer=$!
bytes 2500 >&7

# The replica that is listed first, for how it ends is told by the last one.
first=$([ -n "${CAPTURE:-}" ] || "$dfs" fsck -blockId "$(block_of /f/half 1)" 2> /dev/null | grep -m 1 -oE 'datanode/rack: 127\.0\.0\.1[12]' | grep -oE '[0-9]$')
first=$((${first:-1} - 1))
rot "$(data_of /f/half 1 | grep "^${homes[first]}/")"
rot "$(data_of /f/rotten 1)"
for n in 1 2 3 4 5 6; do # by a client beside that datanode; where all are on one address, some time it is that one
  "$dfs" -D dfs.client.local.interfaces=127.0.0.1$((first + 1)) -cat /f/half > /dev/null
done
"$dfs" -cat /f/rotten > /dev/null 2>&1
for path in /f/lost /m/lost; do # their second blocks go
  data=$(data_of $path 2)
  restart_without "$(node_of "$data")" "$data" "$data"_*.meta
done
settled() {
  "$dfs" fsck / -openforwrite 2> /dev/null > "$T/now"
  grep -q $'^ Number of data-nodes:\t2' "$T/now" && grep -q $'MISSING BLOCKS:\t2' "$T/now" && grep -q $'CORRUPT BLOCKS: \t1' "$T/now" &&
    grep -q $'^ Under-replicated blocks:\t2' "$T/now" &&
    ! "$dfs" fsck / -files -blocks -replicaDetails 2> /dev/null | grep -q STALE
}
until_ok 60 settled || fail "the store gets into the state that it should: $(grep -e MISSING -e CORRUPT -e Under -e data-nodes "$T/now" | tr '\n' ' ')"

# ---- what is asked of it ----
# Cases below the line change what they look at: only one of the two tools can ask them.
cat > "$T/cases" << 'CASES'
/f/good
/f/dir
/f -files
/f -files -blocks
/f/good -files -blocks -locations
/f/half -files -blocks -replicaDetails
/f/good -files -blocks -racks
/f/good -files -blocks -upgradedomains
/f/good -files -blocks -racks -replicaDetails -maintenance
/f
/f -openforwrite
/f/open -openforwrite -files -blocks -locations
/f/open -files
/f/three -files
/f/three
/f/three -maintenance
/f/lost -files -blocks
/f/lost
/f/rotten -files -blocks -locations
/f/rotten
/f/none
/f -list-corruptfileblocks
/f/good -list-corruptfileblocks
/ -list-corruptfileblocks
/f/none -list-corruptfileblocks
/s -files -includeSnapshots
/ -files -includeSnapshots -blocks
/s/.snapshot/s1/kept -files
/f/good -storagepolicies
/ -storagepolicies
/f/good -showprogress
/f/good -replicate
/f/good -nonsense
/f/good /f/half
-blockId BLOCK:/f/good:1
-blockId BLOCK:/f/half:1
-blockId BLOCK:/f/rotten:1
-blockId BLOCK:/f/lost:2 -maintenance
-blockId BLOCK:/f/good:1 BLOCK:/f/good:2 blk_17
-blockId 17
-blockId blk_x
-blockId
f/good
----
/m -move
/m -move
/m -delete
/m
/f -delete -openforwrite
/f
/ -files
CASES
while IFS= read -r line; do
  while [[ $line =~ BLOCK:([^:]*):([0-9]) ]]; do
    line=${line/"${BASH_REMATCH[0]}"/$(block_of "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}")}
  done
  echo "$line"
done < "$T/cases" > "$T/lines"
sed '/^----$/,$d' "$T/lines" > "$T/looks"
sed '1,/^----$/d' "$T/lines" > "$T/changes"

# answers CASES DIR: what was said to each, in one text. Names that differ from run to run are taken out; what
# Hadoop's client logs is none of it.
cat > "$T/answers.py" << 'PY'
import os, re, string, sys

def nameless(text):
    seen, lost, out = {}, [], []
    def block(m):
        return "blk_" + seen.setdefault(m.group(1), string.ascii_letters[len(seen)])
    for line in text.split("\n")[:None if text and text[-1] != "\n" else -1]:
        if re.search("NativeCodeLoader|^[0-9-]+ [0-9:,]+ (WARN|INFO)", line):
            continue
        line = re.sub(r"BP-[0-9.-]+", "BP", line)
        line = re.sub(r"blk_(\d{5,})(_\d+)?", block, line)
        line = re.sub(r"DS-[0-9a-f-]{36}", "DS", line)
        line = re.sub(r"http://[0-9.]+:\d+", "http://NAMENODE", line)
        line = re.sub(r"/?127\.0\.0\.\d+:\d+", "NODE", line)
        line = re.sub(r"datanode/rack: [^/]*/", "datanode/rack: HOST/", line)
        line = re.sub(r" at \w{3} \w{3} .*? \d{4}", " at DATE", line)
        line = re.sub(r"in \d+ milliseconds", "in N milliseconds", line)
        line = re.sub(r"\[((?:Datanode|NODE|/).*)\]$", lambda m: "[%s]" % ", ".join(sorted(m.group(1).split(", "))), line)
        if re.match(r"blk_\S+\t", line):  # these come in no order
            lost.append("blk\t" + line.split("\t", 1)[1])
            continue
        out += sorted(lost) + [line]
        lost = []
    return out

for n, line in enumerate(open(sys.argv[1]).read().splitlines()):
    print("=== " + line)
    for kind in ("err", "out"):
        for said in nameless(open(os.path.join(sys.argv[2], "%d.%s" % (n, kind))).read()):
            print(kind + "|" + said)
    print("rc|" + open(os.path.join(sys.argv[2], "%d.rc" % n)).read())
PY
answers() { python3 "$T/answers.py" "$1" "$2"; }
java_asks() { # java_asks LINES DIR
  mkdir -p "$2"
  sed 's/^/fsck /; s/ /\t/g' "$1" > "$2/cases"
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" AdminDriver "$2/cases" "$2" 2> "$2/driver.err"
}
dfs_asks() { # dfs_asks LINES DIR
  local n=0 line
  mkdir -p "$2"
  while IFS= read -r line; do
    read -r -a words <<< "$line"
    "$dfs" fsck "${words[@]}" > "$2/$n.out" 2> "$2/$n.err"
    echo -n $? > "$2/$n.rc"
    n=$((n + 1))
  done < "$1"
}
of_all() { # of_all TOOL: everything that it is told, and what is there at the end
  "$1" "$T/looks" "$T/$1.looks"
  sed '/^----$/,$d; s/^/fsck /' "$T/cases" > "$T/cases.looks"
  answers "$T/cases.looks" "$T/$1.looks"
}
changing() {
  java_asks "$T/changes" "$T/changed"
  sed '1,/^----$/d; s/^/fsck /' "$T/cases" > "$T/cases.changes"
  answers "$T/cases.changes" "$T/changed"
  echo "=== the store"
  "$dfs" -ls -R / 2> /dev/null | awk '{print $1, $5, $8}' | grep -v 'open'
  for f in 0 1; do "$dfs" -cat "/lost+found/m/lost/$f" 2> /dev/null | wc -c; done
}
by_http() { # what others than the superuser are told
  local n=0 q
  mkdir -p "$T/http"
  printf '%s\n' 'path=/p' 'path=/p/secret' 'path=/p&listcorruptfileblocks=1' 'blockId=blk_1+' 'path=/f&move=1' 'path=/&includeSnapshots=1&files=1' > "$T/http/cases"
  while IFS= read -r q; do
    curl -s --noproxy '*' "$HTTP/fsck?ugi=joe&$q" > "$T/http/$n.out" 2> "$T/http/$n.err"
    echo -n $? > "$T/http/$n.rc"
    n=$((n + 1))
  done < "$T/http/cases"
  answers "$T/http/cases" "$T/http"
}
if [ -n "${CAPTURE:-}" ]; then HTTP=http://$(grep -A1 dfs.namenode.http-address "$CAPTURE/conf/hdfs-site.xml" | grep -o '[0-9.]*:[0-9]*' | head -n 1); else HTTP=$WEBHDFS; fi

close_writer() {
  exec 7>&-
  wait $writer
}
if [ -n "${CAPTURE:-}" ] && [ "${3:-}" = ours ]; then
  of_all dfs_asks
  close_writer
  exit
fi
everything() { of_all java_asks; by_http; changing; }
if [ -n "${CAPTURE:-}" ]; then
  everything
  close_writer
  exit
fi

alike() { # alike SENTENCE WANT GOT: the first difference is shown
  if cmp -s "$2" "$3"; then pass "$1 ($(grep -c '^===' "$2") questions)"; else
    fail "$1: $(diff -U 6 "$2" "$3" | head -n 25)"
  fi
}
of_all dfs_asks > "$T/ours"
everything > "$T/theirs"
sed '/^=== path/,$d' tests/golden/fsck.txt > "$T/golden.looks"
alike "dfs fsck prints what Hadoop's fsck prints" "$T/golden.looks" "$T/ours"
alike "Hadoop's fsck hears from our namenode what it hears from Hadoop's" tests/golden/fsck.txt "$T/theirs"
close_writer
