#!/bin/bash
# block_sums.sh -- checksums of files of many lengths, with CRC32 and CRC32C, whole and of their first bytes, as MD5 of
# MD5s and as one CRC: by Hadoop's client they are those of a real Hadoop's datanodes, and so are libdfs's.
. "$(dirname "$0")/../lib/script.sh"
. tests/lib/recorded.sh
recorded BlockSums block_sums.txt "Hadoop's client gets the checksums that it gets from Hadoop's datanodes" \
  --datanodes 1 --no-jobs -D dfs.replication=1 -D dfs.namenode.fs-limits.min-block-size=0
[ -n "${CAPTURE:-}" ] || [ ! -e "$C/cluster.json" ] && exit 0
# "/sums/CRC32-512-513 to 511 md5 ALGORITHM HEX" is what Hadoop said; a reason for there being none is not compared.
grep -E '(md5|crc) (MD5-of|COMPOSITE)' tests/golden/block_sums.txt | sed '/ MD5-of/s/00000000$//' > "$T/said" # Java's buffer is longer
"$B/tests/cluster/libdfs_probe" sums < "$T/said" > "$T/libdfs" 2> "$T/libdfs.err"
if [ -s "$T/said" ] && cmp -s "$T/said" "$T/libdfs"; then pass "libdfs gets the same ($(wc -l < "$T/said") sums)"; else
  fail "libdfs gets the same: $(diff "$T/said" "$T/libdfs" | head -n 4 | tr '\n' ' ') $(head -n 1 "$T/libdfs.err")"
fi
