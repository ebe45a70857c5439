#!/bin/bash
# name_directory.sh -- one name directory, served by Hadoop's namenode and by ours in turns; Hadoop's own
# viewers read what ours wrote.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/name_dir.sh"
oev() { java_main org.apache.hadoop.hdfs.tools.offlineEditsViewer.OfflineEditsViewer -i "$1" -o "$2"; }
oiv() { java_main org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$1" -o "$2"; }
configure() { # configure NAME_DIRECTORY
  name_dir name_directory "$1" dfs.namenode.acls.enabled true dfs.namenode.delegation.token.always-use true
}
listing() { java_fs -ls -R / 2> /dev/null | grep '^[-dl]' | sed 's/  */ /g' | sort; }

newest_image() { find "$1/current" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1; }

# What may differ between the two images of the same state: the transaction that they stand for.
normal() { # normal XML
  python3 - "$1" << 'PY'
import re, sys
s = open(sys.argv[1]).read()
s = re.sub(r"<txid>\d+</txid>|<oivRevision>.*?</oivRevision>|<version>.*?</version>", "", s, flags=re.S)
inodes = sorted(re.findall(r"<inode><id>\d+</id><type>.*?</inode>", s, flags=re.S))
dirs = sorted(re.findall(r"<directory><parent>.*?</directory>", s, flags=re.S))
rest = re.sub(r"<INodeSection>.*?</INodeSection>|<INodeDirectorySection>.*?</INodeDirectorySection>", "", s, flags=re.S)
rest = re.sub(r"<INodeReferenceSection>.*?</INodeReferenceSection>", "", rest, flags=re.S)
print("\n".join(inodes + dirs) + rest)
PY
}

# ---- a directory that Hadoop wrote ----
mkdir "$T/a"
cp -r tests/golden/name/current "$T/a/"
configure "$T/a"
start_ours
admin -safemode enter > /dev/null
check "our namenode saves the namespace of Hadoop's directory" admin -saveNamespace
admin -safemode leave > /dev/null
image=$(newest_image "$T/a")
if [ "$image" != "$T/a/current/fsimage_0000000000000000189" ]; then
  check "Hadoop's viewer reads our image" oiv "$image" "$T/ours.xml"
  normal "$T/ours.xml" > "$T/ours.normal"
  normal tests/golden/tour.xml > "$T/hadoop.normal"
  same "it shows in it what it shows in Hadoop's own" "$T/hadoop.normal" "$T/ours.normal"
  diff "$T/hadoop.normal" "$T/ours.normal" >&2
else
  fail "our namenode wrote no image"
fi

# ---- an image that Hadoop's viewer made out of XML: it numbers strings from 0 ----
# Pools are left out, which the viewer writes and does not read again.
no_pools='<CacheManagerSection><nextDirectiveId>1</nextDirectiveId><numDirectives>0</numDirectives><numPools>0</numPools></CacheManagerSection>'
perl -0pe "s|<CacheManagerSection>.*</CacheManagerSection>|$no_pools|s" tests/golden/tour.xml > "$T/tour.xml"
mkdir -p "$T/reversed/current" "$T/golden"
cp -r tests/golden/name/current "$T/golden/"
cp tests/golden/name/current/{VERSION,seen_txid} "$T/reversed/current"
check "Hadoop's viewer makes an image of XML" java_main org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p ReverseXML \
  -i "$T/tour.xml" -o "$T/reversed/current/fsimage_0000000000000000189"
for d in reversed golden; do "$B/tests/cluster/name_digest" "$T/$d" list 2>&1 | sed '$s/ digest=.*//' > "$T/$d.list"; done
same "ours reads in it what it reads in the one that the XML was made of" "$T/golden.list" "$T/reversed.list"

# ---- changes of every kind by Hadoop's shell, then a kill ----
javac -d "$T/classes" -cp "$HADOOP_LIB/*" tests/compat/FsShellDriver.java || exit 1
shells() { # shells < LINES: each line, its words separated by blanks, through Hadoop's shell; all in one JVM
  local n=0 line
  rm -rf "$T/shells"
  mkdir "$T/shells"
  tr ' ' '\t' > "$T/shells.in"
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" FsShellDriver "$T/shells.in" "$T/shells" > "$T/shells.out" 2>&1
  while IFS= read -r line; do
    [ "$(cat "$T/shells/$n.rc" 2> /dev/null)" = 0 ] || fail "fs $line: $(tail -n 1 "$T/shells/$n.err")"
    n=$((n + 1))
  done < "$T/shells.in"
}
shells << 'EOS'
-mkdir -p /n/a/b
-touchz /n/f /n/g /n/h
-chmod 751 /n/a
-chown carol:staff /n/f
-setrep 2 /n/g
-mv /n/h /n/a/h
-mv /n/g /n/a/ä😀
-setfacl -m user:dave:rw- /n/f
-setfacl -m default:user:erin:r-x /n/a
-setfattr -n user.k -v v /n/f
-mkdir /n/gone
-rm -r -skipTrash /n/gone
EOS
stop KILL
start_ours
listing > "$T/ours.ls"
check "what was acknowledged is there after a kill" grep -q ' /n/a/ä😀$' "$T/ours.ls"
stop

count=0
for f in "$T"/a/current/edits_0*-*; do
  first=$(basename "$f" | sed 's/edits_0*\([0-9]*\)-.*/\1/')
  [ "$first" -ge 190 ] || continue
  if oev "$f" "$T/edits.xml" > "$T/oev.out" 2>&1; then
    count=$((count + $(grep -c '<OPCODE>' "$T/edits.xml")))
  else
    fail "Hadoop's viewer reads $(basename "$f"): $(tail -n 1 "$T/oev.out")"
  fi
done
if [ "$count" -gt 15 ]; then pass "Hadoop's viewer reads the edits that we wrote"; else fail "only $count records in the edits that we wrote"; fi

start_java
listing > "$T/java.ls"
same "Java's namenode starts from our directory and lists the same" "$T/ours.ls" "$T/java.ls"
if java_fs -getfacl /n/f 2> /dev/null | grep -q 'user:dave:rw-' && java_fs -getfattr -n user.k /n/f 2> /dev/null | grep -q 'user.k="v"'; then
  pass "with ACLs and attributes"
else
  fail "ACLs or attributes are not there"
fi
"$B"/bin/dfs -mkdir /n/by-java
admin -safemode enter > /dev/null
check "Java saves it" admin -saveNamespace
admin -safemode leave > /dev/null
"$B"/bin/dfs -mkdir /n/by-java/after
stop KILL
start_ours
listing > "$T/ours2.ls"
check "and ours starts from Java's again, killed as it was" grep -q ' /n/by-java/after$' "$T/ours2.ls"

# ---- one at a time ----
"${java[@]}" org.apache.hadoop.hdfs.server.namenode.NameNode -D "dfs.namenode.rpc-address=127.0.0.1:$((PORT + 5))" \
  -D "dfs.namenode.http-address=127.0.0.1:$((PORT + 6))" > "$T/second.log" 2>&1 &
second=$!
if wait $second; then fail "two namenodes on one directory"; elif grep -q -i "lock" "$T/second.log"; then pass "Java's namenode is kept out of a directory that ours holds"; else fail "Java's namenode ended for another reason: $(grep -m 1 Exception "$T/second.log")"; fi
stop
start_java
"$B"/bin/namenode --config "$T/conf" -D "dfs.namenode.rpc-address=127.0.0.1:$((PORT + 5))" > "$T/second.log" 2>&1 &
second=$!
if wait $second; then fail "two namenodes on one directory"; elif grep -q "in use by [0-9]*@" "$T/second.log"; then pass "and ours out of one that Java holds, by name"; else fail "our namenode ended for another reason: $(tail -n 1 "$T/second.log")"; fi
stop

# ---- a directory that we format ----
configure "$T/fresh"
check "our namenode formats" "$B"/bin/namenode --config "$T/conf" -format
start_java
check "Java's namenode starts from what we formatted" "$B"/bin/dfs -mkdir /x
stop
start_ours
check "and ours goes on with that" "$B"/bin/dfs -test -d /x
stop
