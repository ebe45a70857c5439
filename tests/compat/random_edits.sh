#!/bin/bash
# Random calls on a real Hadoop: replaying its edits must lead to its image, bit for bit.
# HADOOP_LIB names the jars, ASHLAR_SHARED the folder with peers/hadoop-cluster; SEED, CALLS, PORT.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cluster=${ASHLAR_SHARED:-$root/../shared}/peers/hadoop-cluster
B=${B:-build} seed=${SEED:-1} calls=${CALLS:-250} port=${PORT:-}
. "$root/tests/lib/ports.sh"
. "$root/tests/lib/patience.sh"
[ -n "$port" ] || port=$(some_port 200)
test=random_edits
if [ -z "${HADOOP_LIB:-}" ] || [ ! -x "$cluster" ] || ! command -v javac > /dev/null; then
    echo "SKIP $test: no Hadoop here"
    exit 0
fi
dir=$(mktemp -d)
trap '"$cluster" stop "$dir/hadoop" > /dev/null 2>&1; rm -rf "$dir"' EXIT
fail() {
    echo "FAIL $test: SEED=$seed: $1"
    exit 1
}

mkdir -p "$dir/classes"
javac -nowarn -d "$dir/classes" -cp "$HADOOP_LIB/*" "$here/java/RandomEdits.java" || fail "javac"
"$cluster" start "$dir/hadoop" --datanodes 2 --port "$port" --nn-heap 512m --dn-heap 256m \
    -D dfs.namenode.fs-limits.min-block-size=1 -D dfs.namenode.acls.enabled=true \
    > "$dir/start.log" 2>&1 || fail "Hadoop did not start: $(tail -1 "$dir/start.log")"
fs=hdfs://127.0.0.1:$((port + 20))
run=(java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$dir/classes:$dir/hadoop/conf:$HADOOP_LIB/*")
timeout "$(patience 400)" "${run[@]}" RandomEdits "$fs" "$seed" "$calls" 2> "$dir/java.log" ||
    fail "the calls: $(tail -1 "$dir/java.log")"
for step in "-safemode enter" "-saveNamespace"; do
    # shellcheck disable=SC2086
    "${run[@]}" org.apache.hadoop.hdfs.tools.DFSAdmin -fs "$fs" $step > "$dir/admin.log" 2>&1 ||
        fail "$step: $(tail -1 "$dir/admin.log")"
done
"$cluster" stop "$dir/hadoop" > /dev/null 2>&1

# One directory with the last image alone, one with the first image and the edits up to the last.
mkdir -p "$dir/image/current" "$dir/edits/current"
now=$dir/hadoop/name/current
last=$(cd "$now" && printf "%s\n" fsimage_*[0-9] | grep -v md5 | sort | tail -1)
[ "$last" != fsimage_0000000000000000000 ] || fail "no image was saved"
cp "$now/VERSION" "$now/$last" "$now/$last.md5" "$dir/image/current/"
cp "$now/VERSION" "$now"/fsimage_0000000000000000000* "$now"/edits_*-* "$dir/edits/current/"
echo $((10#${last#fsimage_})) > "$dir/image/current/seen_txid"
cp "$dir/image/current/seen_txid" "$dir/edits/current/"
by_image=$("$root/$B/tests/cluster/name_digest" "$dir/image" 2>&1) || fail "the image: $by_image"
by_edits=$("$root/$B/tests/cluster/name_digest" "$dir/edits" 2>&1) || fail "the edits: $by_edits"
echo "    by image: $by_image"
echo "    by edits: $by_edits"
[ -z "${KEEP:-}" ] || cp -r "$dir" "$KEEP"
if [ "${by_image##*digest=}" = "${by_edits##*digest=}" ]; then
    echo "PASS $test"
else
    fail "Hadoop's edits and its image differ"
fi
