#!/bin/bash
# truncate.sh -- Hadoop's own client truncates files, also while no datanode can carry it out: at each step it sees what
# it sees of a real Hadoop 3.4.2 (tests/golden/truncating.txt, which `truncate.sh capture HOST:PORT PID...` prints of one).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
[ -n "${CAPTURE:-}" ] && DRIVE_ARGS=("${@:3}")
# shellcheck disable=SC2154 # the pids come with the cluster
started() { DRIVE_ARGS=("$PID_datanode0" "$PID_datanode1" "$PID_datanode2"); }
recorded Truncating truncating.txt "looks at files that are truncated show what Hadoop shows" --datanodes 3 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=0
