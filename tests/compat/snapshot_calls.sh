#!/bin/bash
# snapshot_calls.sh -- random walks of changes under a directory with snapshots, and every call about snapshots asked by
# Hadoop's client: each answer is that of a real Hadoop 3.4.2 (tests/golden/snapshot_calls.txt, which
# `snapshot_calls.sh capture HOST:PORT SEED...` prints of one).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
if [ -n "${CAPTURE:-}" ]; then
  DRIVE_ARGS=("${@:3}")
else
  mapfile -t DRIVE_ARGS < <(sed -n 's/^---- //p' tests/golden/snapshot_calls.txt)
fi
recorded SnapshotCalls snapshot_calls.txt "calls about snapshots are answered as by Hadoop" --datanodes 3 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=0
