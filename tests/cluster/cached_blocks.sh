#!/bin/bash
# cached_blocks.sh -- blocks that a directive names get into the memory of datanodes and out of it again; readers are told where.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --no-jobs -D dfs.blocksize=1048576 -D dfs.namenode.fs-limits.min-block-size=512 \
  -D dfs.datanode.max.locked.memory=4194304 -D dfs.cachereport.intervalMsec=200 -D dfs.heartbeat.interval=1 \
  -D dfs.namenode.path.based.cache.refresh.interval.ms=300
head -c 2500000 /dev/urandom > "$T/f"
"$dfs" -mkdir /c
"$dfs" -put "$T/f" /c/f

pids() { cat "$C/datanode0.pid" "$C/datanode1.pid"; }
if grep -qaE '__(a|t)san_init' "$B/bin/datanode"; then
  locked_kb() { # a sanitizer leaves mlock() out: the pages that are mapped for it, then
    local range sum=0
    while read -r range _; do sum=$((sum + 16#${range#*-} - 16#${range%-*})); done < \
      <(for pid in $(pids); do grep '/blk_' "/proc/$pid/maps"; done)
    echo $((sum / 1024))
  }
else
  locked_kb() { for pid in $(pids); do cat "/proc/$pid/status"; done | awk '/^VmLck/ { sum += $2 } END { print sum }'; }
fi
cached() { # cached BYTES FILES: what the directives of pool p have in memory
  "$dfs" cacheadmin -listPools -stats p | awk -v b="$1" -v f="$2" 'NR == 3 { good = $9 == b && $12 == f } END { exit !good }'
}
locks() { [ "$(locked_kb)" = "$1" ]; }

check "a pool is made" "$dfs" cacheadmin -addPool p
check "a directory is to be cached on both datanodes" "$dfs" cacheadmin -addDirective -path /c -pool p -replication 2
if until_ok 60 cached 5000000 1; then pass "both copies of its three blocks are cached, and told"; else
  fail "both copies of its three blocks are cached, and told: $("$dfs" cacheadmin -listPools -stats p | tail -n 1)"; fi
check "they are locked in memory: two times 611 pages" locks 4888
if "$dfs" admin -report | grep -q 'Cache Used: 2502656 '; then pass "the report of datanodes says so"; else
  fail "the report of datanodes says so: $("$dfs" admin -report | grep 'Cache Used')"; fi
"$dfs" -put "$T/f" /c/g
too_much() { "$dfs" cacheadmin -listPools -stats p | tail -n 1 | awk '{ exit !($8 == 10000000 && $9 < 10000000) }'; }
if until_ok 60 too_much; then pass "more than fits is needed, and not cached"; else
  fail "more than fits is needed, and not cached: $("$dfs" cacheadmin -listPools -stats p | tail -n 1)"; fi
"$dfs" -rm -skipTrash /c/f /c/g > /dev/null
if until_ok 60 locks 0; then pass "deleted blocks leave the memory"; else fail "deleted blocks leave the memory: $(locked_kb) KiB are locked"; fi
"$dfs" -put "$T/f" /c/h
if until_ok 60 cached 5000000 1; then pass "a new file in the directory is cached"; else fail "a new file in the directory is cached"; fi
cluster restart namenode
if until_ok 60 cached 5000000 1; then pass "after a restart of the namenode it knows again"; else fail "after a restart of the namenode it knows again"; fi
check "the pool is removed" "$dfs" cacheadmin -removePool p
if until_ok 60 locks 0; then pass "what no directive names leaves the memory"; else fail "what no directive names leaves the memory: $(locked_kb) KiB are locked"; fi
