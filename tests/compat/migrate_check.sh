#!/bin/bash
# migrate_check.sh -- `dfs migrate --check` on directories that Hadoop wrote: what Ashlar lacks is named by path, and a start of ours
# keeps it for Hadoop.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "migrate_check: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
PORT=$(some_port 60)
turns_configure "$T/name" dfs.replication 1 dfs.datanode.data.dir "$T/data" dfs.datanode.address "127.0.0.1:$((PORT + 10))" \
  dfs.datanode.ipc.address "127.0.0.1:$((PORT + 11))" dfs.datanode.http.address "127.0.0.1:$((PORT + 12))" dfs.namenode.delegation.token.always-use true
keys=jceks://file$T/keys.jceks
sed -i "s|</configuration>|<property><name>hadoop.security.key.provider.path</name><value>$keys</value></property></configuration>|" "$T/conf/core-site.xml"
export HADOOP_CREDSTORE_PASSWORD=none HADOOP_KEYSTORE_PASSWORD=none
java_main org.apache.hadoop.crypto.key.KeyShell create k -size 128 -provider "$keys" > "$T/key.log" 2>&1 || fail "a key: $(tail -n 1 "$T/key.log")"
java_main org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive > "$T/format.log" 2>&1
start java || exit 1
datanode=
start_datanode() {
  java_words
  "${turns_java[@]}" org.apache.hadoop.hdfs.server.datanode.DataNode > "$T/datanode.log" 2>&1 &
  datanode=$!
}
end() {
  [ -n "$datanode" ] && kill -KILL $datanode 2> /dev/null
  turns_finish
}
trap end EXIT
start_datanode
"$dfs" -mkdir -p /ez /plain /provided
check "an encryption zone" java_main org.apache.hadoop.hdfs.tools.CryptoAdmin -createZone -keyName k -path /ez
head -c 200000 /dev/urandom > "$T/in"
until_ok 60 java_fs -put -f "$T/in" /ez/secret || fail "a file in it"
"$dfs" -put "$T/in" /plain/f
"$dfs" storagepolicies -setStoragePolicy -path /provided -policy PROVIDED > /dev/null 2>&1
check "a token" java_main org.apache.hadoop.hdfs.tools.DelegationTokenFetcher --renewer "$(id -un)" "$T/token"
stop KILL
kill $datanode
wait $datanode 2> /dev/null
datanode=

hash_of() { (cd "$1" && find . -printf '%p %s %m %T@\n' | sort && find . -type f | sort | xargs -r -d '\n' md5sum) | md5sum; }
before=$(hash_of "$T/name")$(hash_of "$T/data")
"$dfs" migrate --check "$T/name" "$T/data" > "$T/said"
rc=$?
if [ $rc = 1 ]; then pass "a store that uses what we lack is worth a look"; else fail "a store that uses what we lack is worth a look: $rc: $(tail -n 2 "$T/said")"; fi
check "the zone is named" grep -q '^LOOK: encryption zone: /ez: ' "$T/said"
check "the file in it" grep -q '^LOOK: encrypted file: /ez/secret: ' "$T/said"
check "the token" grep -q '^LOOK: delegation tokens: 1: ' "$T/said"
check "the directory with provided storage" grep -q '^LOOK: provided storage: /provided: ' "$T/said"
check "the segment that the kill left is no trouble" grep -q 'the last segment was not ended' "$T/said"
check "and the replicas are all there" grep -q '^  2 replicas, 0 being written, 400000 bytes; 0 without a block, 0 old or damaged' "$T/said"
if [ "$(hash_of "$T/name")$(hash_of "$T/data")" = "$before" ]; then pass "nothing was written"; else fail "nothing was written"; fi

# ---- kept for Hadoop ----
start ours || exit 1
"$dfs" -mkdir /by-ours
"$dfs" admin -safemode enter > /dev/null
check "ours saves it" "$dfs" admin -saveNamespace
"$dfs" admin -safemode leave > /dev/null
stop
start java || exit 1
start_datanode
zones() { java_main org.apache.hadoop.hdfs.tools.CryptoAdmin -listZones 2> /dev/null | grep -q '^/ez  *k'; }
check "Hadoop has its zone again" zones
reads() { java_fs -cat /ez/secret 2> /dev/null | cmp -s - "$T/in"; }
check "and decrypts the file in it" until_ok 60 reads
"$dfs" migrate --check "$T/name" > "$T/said" 2>&1
check "a running namenode's directory is refused" grep -q 'in use by' "$T/said"
