#!/bin/bash
# data_dirs.sh -- dfs.datanode.data.dir of a running datanode changes: a directory comes, a bad one fails alone, one goes while somebody
# writes there, and comes back. The words, and what follows, are those of Hadoop's datanode (tests/compat/data_dirs.sh).
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 1 --no-jobs -D dfs.replication=2 -D dfs.namenode.redundancy.interval.seconds=1s
P=$(some_port 3) D=$T/d
dn=127.0.0.1:$((P + 1)) mine=''
mkdir -p "$D"
cp -r "$HADOOP_CONF_DIR" "$T/mine" # another datanode, with files of its own
dirs() { # dirs LIST
  sed -i "/<name>dfs.datanode.data.dir</d; s|</configuration>|<property><name>dfs.datanode.data.dir</name><value>$1</value></property>\n</configuration>|" \
    "$T/mine/hdfs-site.xml"
}
end() {
  [ -n "$mine" ] && kill -TERM "$mine" 2> /dev/null
  wait "$mine" 2> /dev/null
  finish
}
trap end EXIT
dirs "$D/a"
"$B/bin/datanode" --config "$T/mine" -D dfs.datanode.address=127.0.0.1:"$P" -D dfs.datanode.ipc.address="$dn" \
  -D dfs.datanode.http.address=127.0.0.1:$((P + 2)) > "$T/mine.log" 2>&1 &
mine=$!
live() { "$dfs" admin -report -live | grep -q '^Live datanodes (2):'; }
until_ok 30 live || fail "two datanodes: $(tail -n 1 "$T/mine.log")"

status() { "$dfs" admin -reconfig datanode "$dn" status 2>&1; }
finished() { status | grep -q 'finished at'; }
changes() { # changes SENTENCE LIST EXPECTED
  dirs "$2"
  "$dfs" admin -reconfig datanode "$dn" start > /dev/null 2>&1
  until_ok 30 finished
  status | sed "1d; s|$D|DIR|g" > "$T/said"
  printf '%s\n' "$3" > "$T/expected"
  same "$1" "$T/expected" "$T/said" || cat "$T/said"
}
volumes() { "$dfs" admin -getVolumeReport "$dn" | sed -n "s|^Directory: $D/||p" | sort | paste -sd ' '; }
has() { [ "$(volumes)" = "$1" ]; }
files() { find "$D/$1" -path "*$2*" -name 'blk_*' ! -name '*.meta' 2> /dev/null | wc -l; }
healthy() { "$dfs" fsck / > "$T/fsck" && ! grep -q 'Under replicated\|MISSING' "$T/fsck"; }

head -c 300000 /dev/urandom > "$T/in"
for i in 1 2 3 4; do "$dfs" -put "$T/in" /before-$i; done
changes "a directory comes" "$D/a,$D/b" 'SUCCESS: Changed property dfs.datanode.data.dir
	From: "DIR/a"
	To: "DIR/a,DIR/b"'
check "and serves" has "a b"
: > "$D/file"
changes "a bad one fails alone" "$D/a,$D/b,$D/file/x,$D/c" 'FAILED: Change property dfs.datanode.data.dir
	From: "[DISK]file:DIR/a,[DISK]file:DIR/b"
	To: "DIR/a,DIR/b,DIR/file/x,DIR/c"
	Error: FAILED TO ADD: [DISK]file:DIR/file/x: Cannot create directory DIR/file/x
.'
check "the other came" has "a b c"
changes "a list that makes no sense changes nothing" "$D/a,[FOO]$D/c" 'FAILED: Change property dfs.datanode.data.dir
	From: "[DISK]file:DIR/a,[DISK]file:DIR/b,[DISK]file:DIR/c"
	To: "DIR/a,[FOO]DIR/c"
	Error: dfs.datanode.data.dir: [FOO]DIR/c: storage type is none of DISK, SSD, ARCHIVE, RAM_DISK, NVDIMM.'
check "all are there" has "a b c"
for i in 5 6 7; do "$dfs" -put "$T/in" /after-$i; done
if [ "$(files b finalized)" -gt 0 ] && [ "$(files c finalized)" -gt 0 ]; then pass "blocks go to the new ones"; else fail "blocks go to the new ones"; fi

# ---- one goes, and somebody writes there ----
mkfifo "$T/pipe"
"$dfs" -put - /slow < "$T/pipe" 2> "$T/writer.log" &
writer=$!
exec 9> "$T/pipe"
timeout 30 cat "$T/in" >&9
written() { for d in a b c; do [ "$(files $d rbw)" = 1 ] && echo $d; done; }
begun() { [ -n "$(written)" ]; }
until_ok 30 begun || fail "a writer has begun"
gone=$(written) left=$(printf '%s\n' a b c | grep -v "^$(written)\$" | sed "s|^|$D/|" | paste -sd,)
was=$(files "$gone" finalized)
dirs "$left"
"$dfs" admin -reconfig datanode "$dn" start > /dev/null
until_ok 60 finished
check "the directory that was written to goes" grep -q '^SUCCESS' <(status)
timeout 30 cat "$T/in" >&9
exec 9>&-
wait $writer
is=$?
if [ $is = 0 ] && "$dfs" -cat /slow | cmp -s - <(cat "$T/in" "$T/in"); then pass "its writer goes on with the other datanode"; else
  fail "its writer goes on with the other datanode: $is, $(tail -n 1 "$T/writer.log")"
fi
reads=0
for f in /before-1 /before-2 /before-3 /before-4 /after-5 /after-6 /after-7; do "$dfs" -cat $f | cmp -s - "$T/in" && reads=$((reads + 1)); done
if [ $reads = 7 ]; then pass "every file is read as before"; else fail "every file is read as before: $reads of 7"; fi
check "what was lost with it is copied again, to those that stayed" until_ok 60 healthy
if [ "$(files "$gone" finalized)" = "$was" ] && [ "$was" -gt 0 ]; then pass "its own files are left as they were"; else fail "its own files are left as they were"; fi
lock() { python3 -c "import fcntl,sys; fcntl.lockf(open(sys.argv[1],'r+'), fcntl.LOCK_EX|fcntl.LOCK_NB)" "$D/$1/in_use.lock"; }
check "and others may have it" lock "$gone"
for d in a b c; do [ $d = "$gone" ] || refuse "but not one that stayed" "BlockingIOError" lock $d; done

# ---- and comes back ----
dirs "$D/a,$D/b,$D/c"
"$dfs" admin -reconfig datanode "$dn" start > /dev/null
until_ok 30 finished
check "it comes back" has "a b c"
refuse "and is locked again" "BlockingIOError" lock "$gone"
check "and all is well" until_ok 60 healthy
