#!/bin/bash
# hdfs-native, a client in Rust with no Java in it, by its Python interface.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
if ! venv hdfs-native==0.14.7 fsspec==2026.9.0; then
  skip "hdfs-native: $why"
  exit 0
fi
start_cluster --datanodes 3 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0
timeout "$(patience 300)" "$PY" tests/compat/clients/native.py "$FS_URI" 2> "$T/err" || fail "hdfs-native: exit $?: $(tail -n 4 "$T/err" | tr '\n' ' ')"
