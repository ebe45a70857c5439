#!/bin/bash
# secondary.sh -- Hadoop's SecondaryNameNode merges the edits of our namenode into an image and uploads it;
# our namenode starts from that.  Uploads that are not what they say are refused, and change nothing.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/name_dir.sh"
PORT=$(some_port 8)
name_dir secondary "$T/name,$T/name2" dfs.namenode.acls.enabled true dfs.namenode.secondary.http-address "127.0.0.1:$((PORT + 2))" \
  dfs.namenode.checkpoint.dir "$T/second"
cat > "$T/conf/log4j.properties" << 'L'
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
L
HTTP=http://127.0.0.1:$((PORT + 1))
mkdir -p "$T/name" "$T/name2"
cp -r tests/golden/name/current "$T/name"

secondary() { java_main org.apache.hadoop.hdfs.server.namenode.SecondaryNameNode "$@" > "$T/second.log" 2>&1; }
newest() { find "$T/name/current" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1; }
newest_txid() { basename "$(newest)" | sed 's/fsimage_0*//'; }
changes() { # changes NAME: of every kind
  "$dfs" -mkdir -p "/two/$1/a/b" && "$dfs" -touchz "/two/$1/f" "/two/$1/g" && "$dfs" -chmod 751 "/two/$1/a" && "$dfs" -mv "/two/$1/g" "/two/$1/a/ä" &&
    "$dfs" -setfacl -m user:dave:rw- "/two/$1/f" && "$dfs" -setfattr -n user.k -v v "/two/$1/f" && "$dfs" admin -allowSnapshot "/two/$1" &&
    "$dfs" -createSnapshot "/two/$1" s && "$dfs" -rm -skipTrash "/two/$1/f" && "$dfs" admin -setQuota 100 "/two/$1"
}
digest() { "$B/tests/cluster/name_digest" "$1" list 2>&1 | sed '$s/ \(replayed\|digest\)=[0-9a-f]*//g'; }
tree() { "$dfs" -ls -R / && "$dfs" -ls -R /two/one/.snapshot && "$dfs" -count -q /two/one; }
# What a start from the image makes of it, and what one from the image before and the edits does.
same_without_image() { # same_without_image SENTENCE IMAGE
  rm -rf "$T/before"
  mkdir "$T/before"
  cp -r "$T/name/current" "$T/before"
  rm "$T/before/current/$2" "$T/before/current/$2.md5"
  digest "$T/before" > "$T/before.list"
  digest "$T/name" > "$T/after.list"
  same "$1" "$T/before.list" "$T/after.list"
}

# ---- a SecondaryNameNode ----
start_ours
check "changes of every kind" changes one
old=$(newest_txid)
check "a SecondaryNameNode makes a checkpoint" secondary -checkpoint force
image=$(newest)
if [ "$(newest_txid)" -gt "$old" ] && cmp -s "$image" "$T/second/current/$(basename "$image")"; then pass "and its image is our namenode's newest"; else
  fail "the newest image is $image: $(grep -E 'ERROR|Exception|Image upload' "$T/second.log" | tail -n 3 | tr '\n' ' ')"
fi
same "in every directory" "$image" "$T/name2/current/$(basename "$image")"
(cd "$T/name/current" && check "with its sum beside it" md5sum -c "$image.md5")
check "the namenode tells of it" grep -q 'nn.upload tx=' "$T/ours.log"
check "edits since the last one are counted" secondary -geteditsize
tree > "$T/tree.before"
stop KILL
same_without_image "a start from it makes what one from the edits makes" "$(basename "$image")"
start_ours
check "our namenode starts from it" grep -q "image_tx=$(newest_txid) " <(tail -n 5 "$T/ours.log")
tree > "$T/tree.after"
same "and has what was there" "$T/tree.before" "$T/tree.after"
check "with snapshots" grep -q '/two/one/.snapshot/s/a/ä' "$T/tree.after"

check "it goes on" changes two
check "a second checkpoint is made of the first and what came since" secondary -checkpoint force
check "and there is nothing to do for a third without force" secondary -checkpoint
if [ "$(find "$T/name/current" -name 'fsimage_*' ! -name '*.md5' | wc -l)" = 2 ]; then pass "old images are dropped"; else fail "old images are dropped: $(ls "$T/name/current")"; fi

# As a daemon it sees by itself that there is something to do.
changes three > /dev/null
old=$(newest_txid)
mkdir "$T/eager"
cp "$T/conf/core-site.xml" "$T/conf/log4j.properties" "$T/eager"
sed 's|</configuration>|<property><name>dfs.namenode.checkpoint.txns</name><value>5</value></property><property><name>dfs.namenode.checkpoint.check.period</name><value>1</value></property>&|' \
  "$T/conf/hdfs-site.xml" > "$T/eager/hdfs-site.xml"
(exec java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/eager:$HADOOP_LIB/*" org.apache.hadoop.hdfs.server.namenode.SecondaryNameNode) > "$T/second.log" 2>&1 &
second=$!
is_newer() { [ "$(newest_txid)" -gt "$old" ]; }
if until_ok 60 is_newer; then pass "a SecondaryNameNode that runs makes one when it is time"; else fail "no new image: $(tail -n 3 "$T/second.log" | tr '\n' ' ')"; fi
kill "$second"
wait "$second" 2> /dev/null

# ---- fetching ----
mkdir "$T/by-java" "$T/by-ours"
check "hdfs dfsadmin -fetchImage fetches it" admin -fetchImage "$T/by-java"
check "dfs admin -fetchImage too" "$dfs" admin -fetchImage "$T/by-ours"
same "both have its bytes" "$(newest)" "$T/by-java/$(basename "$(newest)")"
same "the one and the other" "$(newest)" "$T/by-ours/$(basename "$(newest)")"

# ---- uploads that are refused ----
cp "$(newest)" "$T/image"
version() { grep "^$1=" "$T/name/current/VERSION" | cut -d= -f2; }
store="$(version layoutVersion):$(version namespaceID):$(version cTime):$(version clusterID)"
state() { (cd "$T/name/current" && find . -type f -exec md5sum {} + | sort -k 2; cd "$T/name2/current" && find . -type f -exec md5sum {} + | sort -k 2); }
put() { # put FILE TXID [STORE] [MD5] [LENGTH]
  curl -s --noproxy '*' -o "$T/said" -w '%{http_code}' -X PUT -T "$1" -H "X-MD5-Digest: ${4:-$(md5sum "$1" | cut -c1-32)}" -H 'Expect:' \
    "$HTTP/imagetransfer?txid=$2&storageInfo=${3:-$store}&File-Length=${5:-$(stat -c %s "$1")}&imageFile=IMAGE"
}
refused() { # refused SENTENCE STATUS WORDS PUT...
  local what=$1 status=$2 words=$3 got
  shift 3
  state > "$T/state.before"
  got=$(put "$@")
  state > "$T/state.after"
  if [ "$got" != "$status" ] || ! grep -q -- "$words" "$T/said"; then fail "$what: $got $(cat "$T/said")"; else same "$what" "$T/state.before" "$T/state.after"; fi
}
"$dfs" -mkdir /more
txid=$(newest_txid)
head -c 1000 "$T/image" > "$T/short"
head -c 100000 /dev/urandom > "$T/noise"
refused "an image of another cluster is refused" 403 'This namenode has storage info' "$T/image" $((txid + 1)) "${store%:*}:CID-other"
refused "one with the sum of another" 410 'does not match advertised digest' "$T/image" $((txid + 1)) '' 00112233445566778899aabbccddeeff
refused "one that is cut short" 410 'is not of the advertised size' "$T/short" $((txid + 1)) '' '' "$(stat -c %s "$T/image")"
refused "one that is longer than it says" 410 'more bytes than' "$T/image" $((txid + 1)) '' '' 1000
refused "one that was cut before it was summed" 410 'fsimage' "$T/short" $((txid + 1))
refused "noise" 410 'this is no fsimage' "$T/noise" $((txid + 1))
refused "the one that is there" 409 'already uploaded' "$T/image" "$txid"
refused "one that is older" 409 'already uploaded' "$T/image" 5
refused "one that says another transaction" 410 'was said to be of' "$T/image" $((txid + 1))
refused "one of what has not happened" 410 'the last one is' "$T/image" 100000000
refused "a sum that is none" 410 'Invalid MD5 header' "$T/image" $((txid + 1)) '' xyz
refused "a length that is none" 410 'Illegal parameters' "$T/image" $((txid + 1)) '' '' x
if [ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "$HTTP/imagetransfer?getimage=1&txid=$txid&storageInfo=${store%:*}:CID-other")" = 403 ]; then
  pass "nor is one given to another cluster"
else fail "an image is given to another cluster"; fi

# ---- the calls of those who make checkpoints ----
mkdir "$T/classes"
check "SubordinateCalls compiles" javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/SubordinateCalls.java
calls() {
  java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" SubordinateCalls "$FS_URI" 2> "$T/calls.err" |
    sed 's/ = [0-9-]*/ = N/g; s/BP-[0-9.-]*/BP/g; s/Reported: -[0-9]*/Reported: N/'
}
calls > "$T/calls.ours"
stop
start_java
calls > "$T/calls.java"
# A BackupNode's registration is the one thing that ours refuses.
grep -v '^register a backup' "$T/calls.java" > "$T/calls.want"
grep -v '^register a backup' "$T/calls.ours" > "$T/calls.got"
if [ "$(wc -l < "$T/calls.got")" = 16 ] && cmp -s "$T/calls.want" "$T/calls.got"; then pass "a CheckpointNode's calls are answered as by Hadoop's namenode, which serves that directory too"; else
  fail "a CheckpointNode's calls: $(diff "$T/calls.want" "$T/calls.got")"
fi
check "a BackupNode is told that it can't be had" grep -q '^register a backup: .*not streamed to a BackupNode' "$T/calls.ours"
