#!/bin/bash
# libdfs against a cluster: flushes, appends, positional reads, and what it does when something dies.
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
start_cluster --datanodes 4 --no-jobs -D dfs.client.socket-timeout=5000 -D dfs.namenode.fs-limits.min-block-size=1048576 \
  -D dfs.namenode.safemode.extension=1000 -D dfs.heartbeat.interval=1 -D dfs.namenode.heartbeat.recheck-interval=1000
head -c 5000003 /dev/urandom > "$T/f"
head -c 150000000 /dev/urandom > "$T/big"
get_same() { # get_same SENTENCE PATH FILE
  rm -f "$T/got"
  if "$dfs" get "$2" "$T/got" 2> "$T/got.err"; then same "$1" "$3" "$T/got"; else fail "$1: $(head -n 1 "$T/got.err")"; fi
}
stored() { # the files of a path's blocks, on all datanodes
  local block
  for block in $("$probe" blocks "$1"); do find "$C/data" -name "$block"; done
}

check "flushed bytes are visible to readers while the file is open" "$probe" flushes "$T/f" /flushes
get_same "a file written with flushes in the middle of chunks is whole" /flushes "$T/f"
check "and with blocks of 1 MiB" "$probe" -D dfs.blocksize=1048576 flushes "$T/f" /flushes1
get_same "that one is whole too" /flushes1 "$T/f"
check "appends go on where the file ends" "$probe" appends "$T/f" /appends
get_same "a file made by appends is whole" /appends "$T/f"
check "appends across blocks" "$probe" -D dfs.blocksize=1048576 appends "$T/f" /appends1
get_same "whole as well" /appends1 "$T/f"
check "positional reads by four threads" "$probe" preads /flushes1 "$T/f"
check "seeks to and fro" "$probe" seeks /flushes1 "$T/f"
check "the last block of a file of one block, too" "$probe" seeks /appends "$T/f"
for type in CRC32 NULL; do
  "$dfs" -D dfs.checksum.type=$type put "$T/f" "/sum-$type"
  get_same "checksums of type $type" "/sum-$type" "$T/f"
done
check "an empty file" "$dfs" put /dev/null /empty
"$B/tests/cluster/libhdfs_probe" || failures=$((failures + 1))

# ---- put -t copies several files at a time: one thread would wait for the first pipe ----
mkdir "$T/pipes"
mkfifo "$T/pipes/"{1,2,3}
"$dfs" put -t 3 "$T/pipes" /pipes &
putter=$!
for i in 3 2 1; do timeout "$(patience 20)" sh -c 'echo "$1" > "$2"' - "$i" "$T/pipes/$i"; done
if wait $putter && [ "$("$dfs" cat "/pipes/*" | tr -d '\n')" = 123 ]; then pass "put -t 3 copies three files at a time"; else fail "put -t 3: $("$dfs" ls -R /pipes)"; fi

# ---- cp -t copies within the store, each file through bytes of its own ----
mkdir "$T/apart"
for i in {1..8}; do head -c $((i * 300000)) /dev/urandom > "$T/apart/$i"; done
"$dfs" put -t 4 "$T/apart" /apart
check "cp -t 4 goes on" "$dfs" cp -t 4 /apart /again
check "put, cp and get of eight files, four at a time" "$dfs" get -t 4 /again "$T/again"
check "mix none of them" diff -r "$T/apart" "$T/again"

# ---- a flipped bit: another replica is read, and the namenode hears of it ----
"$dfs" -D dfs.replication=2 put "$T/f" /flip
victim=$(stored /flip | head -n 1)
printf 'X' | dd of="$victim" bs=1 seek=1000000 conv=notrunc 2> /dev/null
for _ in 1 2 3 4 5 6; do get_same "a flipped bit does not reach the reader" /flip "$T/f"; done
healed() { cmp -s "$T/f" "$(stored /flip | head -n 1)" && cmp -s "$T/f" "$(stored /flip | tail -n 1)" && [ "$(stored /flip | wc -l)" = 2 ]; }
if until_ok 40 healed; then pass "the bad replica was reported and replaced by a good one"; else fail "the bad replica is still there: $(stored /flip | tr '\n' ' ')"; fi

# ---- a datanode dies under a writer, and another under a reader ----
"$probe" slow "$T/big" /killed 3000 > "$T/started" &
writer=$!
until_ok 10 grep -q started "$T/started"
node=$("$probe" first /killed)
cluster kill "$node"
if wait $writer; then pass "a write survives the death of its first datanode ($node)"; else fail "a write died with $node"; fi
get_same "nothing of it is lost" /killed "$T/big"
cluster restart "$node" > /dev/null
"$probe" slow "$T/big" /paused 2000 > "$T/started" &
writer=$!
until_ok 10 grep -q started "$T/started"
node=$("$probe" first /paused)
cluster pause "$node"
if wait $writer; then pass "a write survives a datanode that falls silent ($node)"; else fail "a write died with silent $node"; fi
get_same "nothing of that is lost either" /paused "$T/big"
cluster resume "$node"

# ---- the namenode restarts under a writer ----
"$probe" slow "$T/big" /restarted 3000 > "$T/started" &
writer=$!
until_ok 10 grep -q started "$T/started"
cluster restart namenode > /dev/null
if wait $writer; then pass "a write survives a restart of the namenode"; else fail "a write died with the namenode"; fi
get_same "and is whole" /restarted "$T/big"
