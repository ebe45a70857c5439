#!/bin/bash
# long: 60
# all_at_once.sh -- what a store does by itself (checkpoints, scanning, moving, caching, converting, new settings, a disk that fails)
# happens while many threads write, read and list through every door it has; nothing is lost, mixed or in the way.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 3 --workers 2 --storage DISK,ARCHIVE -D dfs.replication=2 -D dfs.blocksize=1048576 \
  -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.heartbeat.interval=1 -D dfs.namenode.redundancy.interval.seconds=1s \
  -D dfs.namenode.checkpoint.txns=100 -D dfs.storage.policy.satisfier.mode=external \
  -D internal.dfs.datanode.scan.period.ms.key=500 -D dfs.datanode.directoryscan.interval=1s \
  -D dfs.datanode.max.locked.memory=2097152 -D dfs.cachereport.intervalMsec=200 -D dfs.namenode.path.based.cache.refresh.interval.ms=300 \
  -D dfs.datanode.failed.volumes.tolerated=1 -D dfs.blockreport.intervalMsec=1000 -D ashlar.worker.slots=2
end=$((SECONDS + $(patience "${ALL_AT_ONCE:-12}")))
more() { [ $SECONDS -lt $end ]; }

mkdir "$T/tree" "$T/tree/deep"
for i in {1..12}; do
  head -c $((i * i * 20000)) /dev/urandom > "$T/tree/$i"
  head -c $((i * 1000)) /dev/urandom > "$T/tree/deep/$i"
done
seq 1 20000 > "$T/numbers"
"$dfs" -mkdir -p /plain /striped /cold /cached /jobs /web /threads
"$dfs" -put "$T/numbers" /jobs/numbers
"$dfs" -put "$T/tree" /cold/tree
"$dfs" ec -enablePolicy -policy XOR-2-1-1024k > /dev/null 2>&1
check "a directory is striped" "$dfs" ec -setPolicy -path /striped -policy XOR-2-1-1024k
http_of() { tr ',' '\n' < "$C/cluster.json" | grep -o 'dfs.datanode.http.address=[0-9.:]*' | cut -d= -f2; }

# ---- clients ----
# Each ends with the word "well", or with what went wrong.
trees() { # trees DIR: by four threads to the store, within it, and back
  local n=0
  while more; do
    n=$((n + 1))
    "$dfs" put -t 4 -q 2 "$T/tree" "$1/a$n" && "$dfs" cp -t 4 -q 2 "$1/a$n" "$1/b$n" && "$dfs" get -t 4 -q 2 "$1/b$n" "$T/got${1//\//-}" &&
      diff -r "$T/tree" "$T/got${1//\//-}" && "$dfs" rm -r -skipTrash "$1/a$n" "$1/b$n" > /dev/null && rm -r "$T/got${1//\//-}" || return
  done
  echo well
}
web_file() { # web_file NUMBER: there and back through whichever datanode is named
  curl -sfL --noproxy '*' -T "$T/tree/$1" "$WEBHDFS/webhdfs/v1/web/$1?op=CREATE&overwrite=true&user.name=root" &&
    curl -sfL --noproxy '*' "$WEBHDFS/webhdfs/v1/web/$1?op=OPEN&user.name=root" | cmp - "$T/tree/$1" || echo "web file $1"
}
web() {
  local i
  while more; do
    for i in {1..12}; do web_file "$i" & [ $((i % 6)) != 0 ] || wait; done > "$T/web.bad"
    [ ! -s "$T/web.bad" ] || { cat "$T/web.bad"; return; }
  done
  echo well
}
pages() {
  local at page
  while more; do
    for at in "${WEBHDFS#http://}" "$SCHEDULER_HTTP" $(http_of); do
      for page in metrics jmx conf; do curl -s --noproxy '*' -o "$T/null" "http://${at#http://}/$page" & done
    done
    wait
  done
  echo well
}
jobs_run() {
  local n=0 a b
  while more; do
    n=$((n + 1))
    "$job" run -input /jobs/numbers -output "/jobs/a$n" -mapper cat -reducer 'sort -n' -D mapreduce.job.reduces=2 > "$T/job.a" 2>&1 & a=$!
    "$job" run -input /jobs/numbers -output "/jobs/b$n" -mapper 'grep 7' -reducer NONE > "$T/job.b" 2>&1 & b=$!
    if ! wait $a || ! wait $b; then tail -n 3 "$T/job.a" "$T/job.b"; return; fi
    [ "$("$dfs" -cat "/jobs/a$n/part-*" "/jobs/b$n/part-*" | wc -l)" = $((20000 + $(grep -c 7 "$T/numbers"))) ] || { echo "output of job $n"; return; }
  done
  echo well
}
threads() {
  while more; do "$B/tests/cluster/libhdfs_threads" "$FS_URI" /threads 1 | grep '^FAIL' && return; done
  echo well
}
mounted() {
  local i
  mkdir "$T/m"
  "$B/bin/dfs-fuse" "$T/m" || return
  mkdir "$T/m/mounted"
  while more; do
    for i in {1..8}; do
      (cp "$T/tree/$i" "$T/m/mounted/.$i" && cmp "$T/tree/$i" "$T/m/mounted/.$i" && mv "$T/m/mounted/.$i" "$T/m/mounted/$i" &&
        printf x >> "$T/m/mounted/$i" && ls "$T/m/mounted" > "$T/null" && cmp -n "$(stat -c %s "$T/tree/$i")" "$T/tree/$i" "$T/m/mounted/$i" || echo "mounted file $i") &
    done > "$T/mounted.bad" 2>&1
    wait
    [ ! -s "$T/mounted.bad" ] || { cat "$T/mounted.bad"; return; }
  done
  echo well
}

# ---- what goes on beside them ----
beside() {
  local n=0 key=dfs.datanode.max.transfer.threads
  while more; do
    n=$((n + 1))
    "$dfs" storagepolicies -setStoragePolicy -path /cold -policy WARM > "$T/null"
    "$dfs" storagepolicies -satisfyStoragePolicy -path /cold > "$T/null" 2>&1
    "$dfs" sps -once > "$T/null" 2>&1
    "$dfs" storagepolicies -setStoragePolicy -path /cold -policy HOT > "$T/null"
    "$dfs" ec convert -path /cold/tree -policy XOR-2-1-1024k > "$T/convert.out" 2>&1 || { cat "$T/convert.out"; return; }
    "$dfs" ec convert /cold/tree -replicate 2 > "$T/convert.out" 2>&1 || { cat "$T/convert.out"; return; }
    sed -i "/<name>$key</d; s|</configuration>|<property><name>$key</name><value>$((1000 + n))</value></property>\n</configuration>|" "$C/conf/hdfs-site.xml"
    "$dfs" admin -reconfig datanode livenodes start > "$T/null" 2>&1
    "$dfs" admin -createSnapshot /cold "s$n" > "$T/null" 2>&1
    "$dfs" admin -report > "$T/null" || { echo "report"; return; }
    "$dfs" fsck / -files -blocks -locations > "$T/null" 2>&1
    "$dfs" cacheadmin -addDirective -path /cold -pool p > "$T/null" 2>&1 && "$dfs" cacheadmin -removeDirectives -path /cold > "$T/null" 2>&1
    "$dfs" -deleteSnapshot /cold "s$n" > "$T/null" 2>&1
    rm -rf "$C/data/datanode2/archive" # the disk of a datanode goes away, once
  done
  echo well
}
"$dfs" admin -allowSnapshot /cold > "$T/null"
"$dfs" cacheadmin -addPool p > "$T/null"
doing=("trees /plain" "trees /striped" web pages jobs_run threads beside)
[ -e /dev/fuse ] && [ "$(id -u)" = 0 ] && doing+=(mounted)
for what in "${doing[@]}"; do $what > "$T/is-${what//[ \/]/_}" 2>&1 & done
wait
[ -d "$T/m" ] && umount "$T/m"
for what in "${doing[@]}"; do
  said=$T/is-${what//[ \/]/_}
  if [ "$(cat "$said")" = well ]; then pass "at the same time as all else: $what"; else fail "at the same time as all else: $what: $(tail -n 4 "$said" | tr '\n' ' ')"; fi
done

# ---- afterwards ----
"$dfs" -get /cold/tree "$T/got"
check "what was moved and converted meanwhile is what it was" diff -r "$T/tree" "$T/got"
healthy() { "$dfs" fsck / 2> /dev/null | grep -q 'is HEALTHY'; }
check "everything is healthy in the end" until_ok 60 healthy
all_run() { ! tools/cluster status "$C" | grep 'not running'; }
check "every daemon still runs" all_run
