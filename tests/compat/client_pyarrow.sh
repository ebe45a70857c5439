#!/bin/bash
# pyarrow's HadoopFileSystem and Parquet over our libhdfs.so, with no Java to be found.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
if ! venv pyarrow==17.0.0; then
  skip "pyarrow: $why"
  exit 0
fi
start_cluster --datanodes 3 --no-jobs
# What the environment has of Java and Hadoop is left out; PATH has a directory with nothing in it.
mkdir "$T/empty"
lib=$ROOT/$B/lib
timeout "$(patience 300)" env -i HOME="$HOME" PATH="$T/empty" HADOOP_CONF_DIR="$HADOOP_CONF_DIR" HADOOP_USER_NAME=root \
  JAVA_HOME="$lib" ARROW_LIBHDFS_DIR="$lib" "$PY" tests/compat/clients/arrow.py "$FS_URI" 2> "$T/err" ||
  fail "pyarrow: exit $?: $(tail -n 4 "$T/err" | tr '\n' ' ')"
