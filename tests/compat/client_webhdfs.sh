#!/bin/bash
# Clients of WebHDFS in Python: hdfs (HdfsCLI's InsecureClient) and fsspec's webhdfs.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
if ! venv hdfs==2.7.3 fsspec==2026.9.0 requests; then
  skip "hdfs and fsspec: $why"
  exit 0
fi
export HADOOP_USER_NAME=root
start_cluster --datanodes 3 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0 \
  -D 'hadoop.proxyuser.root.hosts=*' -D 'hadoop.proxyuser.root.groups=*'
for client in hdfscli fsspec_web; do
  timeout "$(patience 300)" "$PY" "tests/compat/clients/$client.py" "${WEBHDFS#http://}" 2> "$T/err" ||
    fail "$client: exit $?: $(tail -n 4 "$T/err" | tr '\n' ' ')"
done
