#!/bin/bash
# mount_long.sh -- what takes long in a mount: random operations by several processes (FSX_OPERATIONS each, 60000, from FSX_SEED on), a directory of
# a million names (MOUNT_NAMES), 20000 small files; the daemon's memory all the while.
. "$(dirname "$0")/../lib/script.sh"
if [ ! -e /dev/fuse ] || [ "$(id -u)" != 0 ]; then
  skip "long runs in a mount: need root and /dev/fuse"
  exit 0
fi
fsx=$ROOT/$B/tests/cluster/fsx
M=$T/m OPERATIONS=${FSX_OPERATIONS:-60000} NAMES=${MOUNT_NAMES:-1000000} SEED=${FSX_SEED:-$RANDOM}
mkdir -p "$M" "$T/stage"
end() {
  [ -z "${watcher:-}" ] || kill "$watcher"
  umount -l "$M" 2> /dev/null
  finish
}
trap end EXIT
start_cluster --datanodes 3 --no-jobs -D dfs.replication=2 -D dfs.blocksize=4194304 -D dfs.namenode.fs-limits.min-block-size=65536
check "a mount starts" "$ROOT/$B/bin/dfs-fuse" -o stage_dir="$T/stage" "$M"
daemon=$(pgrep -f "dfs-fuse .* $M\$")
# Resident memory of its own, in KiB: what it can give back to nobody.
memory() { awk '/^RssAnon/ {print $2}' "/proc/$daemon/status"; }
while kill -0 "$daemon" 2> /dev/null; do
  memory >> "$T/memory"
  sleep 1
done 2> /dev/null &
watcher=$!

echo "seed $SEED, $OPERATIONS operations each"
pids=()
mkdir "$M/fsx"
for i in 0 1 2 3 4; do
  "$fsx" "$M/fsx/$i" "$T/fsx$i" "$OPERATIONS" $((SEED + i)) 2> "$T/fsx$i.err" &
  pids+=($!)
done
for i in 0 1 2 3 4; do
  if wait "${pids[i]}"; then pass "$OPERATIONS random operations, seed $((SEED + i))"; else fail "random operations: $(head -n 3 "$T/fsx$i.err" | tr '\n' ' ')"; fi
done

"$dfs" -mkdir /many
"$ROOT/$B/tests/cluster/libdfs_probe" names /many "$NAMES" || fail "$NAMES names are made"
count() { find "$M/many" -mindepth 1 -maxdepth 1 | sort -u | wc -l; }
check "a directory of $NAMES names is listed, each once" test "$(count)" = "$NAMES"
check "and again" test "$(count)" = "$NAMES"
check "the last one is found" test -d "$M/many/entry$(printf %07d $((NAMES - 1)))"
rmdir "$M/many/entry0000000"
check "one less" test "$(count)" = $((NAMES - 1))

files() { # make, stat, read back, delete
  mkdir "$M/small" && python3 - "$M/small" 20000 << 'P'
import concurrent.futures, os, sys
d, n = sys.argv[1], int(sys.argv[2])
def make(i):
    with open("%s/%d" % (d, i), "w") as f:
        f.write("file %d\n" % i)
def look(i):
    p = "%s/%d" % (d, i)
    assert os.stat(p).st_size == len("file %d\n" % i)
    assert open(p).read() == "file %d\n" % i
with concurrent.futures.ThreadPoolExecutor(8) as e:
    list(e.map(make, range(n)))
    list(e.map(look, range(n)))
    assert sorted(map(int, os.listdir(d))) == list(range(n))
    list(e.map(lambda i: os.unlink("%s/%d" % (d, i)), range(n)))
assert os.listdir(d) == []
P
}
check "20000 small files are made, read back and deleted" files
most=$(sort -n "$T/memory" | tail -n 1)
if [ "$most" -lt 262144 ]; then pass "the daemon never took more than 256 MiB ($((most / 1024)) MiB)"; else fail "the daemon took $((most / 1024)) MiB"; fi
