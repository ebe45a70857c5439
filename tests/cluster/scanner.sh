#!/bin/bash
# scanner.sh -- what only the datanode's own looks find: a flipped bit that nobody reads, files that come, go and come back.
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
start_cluster --datanodes 4 --no-jobs -D dfs.replication=3 -D dfs.heartbeat.interval=1 -D dfs.namenode.redundancy.interval.seconds=1s \
  -D internal.dfs.datanode.scan.period.ms.key=500 -D dfs.datanode.directoryscan.interval=1s
head -c 700001 /dev/urandom > "$T/f"
"$dfs" -put "$T/f" /f
"$dfs" -D dfs.replication=1 -put "$T/f" /one
b=$("$probe" blocks /f) one=$("$probe" blocks /one)

files() { find "$C/data" -name "$1" -path '*finalized*'; }
metas() { find "$C/data" -name "$1_*.meta" -path '*finalized*'; }
flip() { # flip FILE AT: one bit
  python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(-1, 1); f.write(bytes([b ^ 4]))' "$1" "$2"
}
all_whole() { # three copies, each as it was, with the same sums
  [ "$(files "$b" | wc -l)" = 3 ] && [ "$(metas "$b" | wc -l)" = 3 ] && [ "$(metas "$b" | xargs sha1sum | cut -c1-40 | sort -u | wc -l)" = 1 ] || return 1
  while read -r f; do cmp -s "$f" "$T/f" || return 1; done < <(files "$b")
}
counted() { # counted NAME : over all datanodes
  for n in 0 1 2 3; do
    curl -s "http://$(grep -o "dfs.datanode.http.address=[^\"]*" "$C/cluster.json" | sed -n "$((n + 1))s/.*=//p")/metrics"
  done | awk -v n="$1" '$1 == n {s += $2} END {print s + 0}'
}
at_least() { [ "$(counted "$1")" -ge "$2" ]; }

check "three whole copies" all_whole
read_before=$(counted datanode_blocks_read_total)
flip "$(files "$b" | head -n 1)" 300000
check "the scanner meets a bit that was flipped in a block" until_ok 30 at_least datanode_blocks_corrupt_total 1
check "and it heals" until_ok 60 all_whole
flip "$(metas "$b" | head -n 1)" 400
check "it meets one in the sums" until_ok 30 at_least datanode_blocks_corrupt_total 2
check "and it heals too" until_ok 60 all_whole
# A copy is read by who makes it: as many reads as copies were made, and not one more.
made=$(counted datanode_blocks_replicated_total) reads=$(($(counted datanode_blocks_read_total) - read_before))
if [ "$reads" -le "$made" ]; then pass "nobody had read it"; else fail "nobody had read it: $reads reads, $made copies made"; fi

where=$(dirname "$(files "$one")")
mkdir "$T/away"
mv "$where/$one" "$where/${one}"_*.meta "$T/away"
gone() { ! "$dfs" -D dfs.client.max.block.acquire.failures=0 -cat /one > /dev/null 2>&1; }
reads_well() { "$dfs" -cat /one 2> /dev/null | cmp -s - "$T/f"; }
forgotten() { at_least datanode_files_lost_total 1 && gone; }
check "a block whose files went away is missing" until_ok 30 forgotten
mv "$T/away"/* "$where"
check "they come back, and it is served again" until_ok 30 reads_well
found=$(counted datanode_files_found_total)
touch "$where/blk_4711_1001.meta"
orphan_gone() { [ ! -e "$where/blk_4711_1001.meta" ]; }
check "a meta file without a block is removed" until_ok 30 orphan_gone
check "both were counted" at_least datanode_files_found_total $((found + 1))
