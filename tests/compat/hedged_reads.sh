#!/bin/bash
# hedged_reads.sh -- Hadoop's own client hedges its reads: a datanode of ours that stands still does not hold it up.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
compiled HedgedReads || exit 0
start_cluster --datanodes 3 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0
DRIVE_ARGS=("$FS_URI")
drive HedgedReads "$C" > "$T/out"
rc=${PIPESTATUS[0]}
grep -E '^(PASS|FAIL) ' "$T/out"
failures=$(grep -c '^FAIL' "$T/out")
if [ "$rc" -ne 0 ] && [ "$failures" -eq 0 ]; then fail "the driver ends well: $(tail -n 2 "$T/drive.err")"; fi
[ "$(grep -c '^PASS' "$T/out")" = 6 ] || fail "all is tried: $(tail -n 2 "$T/drive.err")"
