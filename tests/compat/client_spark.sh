#!/bin/bash
# Spark in local mode over Ashlar, with the Hadoop client that it ships: Parquet, a streaming checkpoint, an event log.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
if ! command -v java > /dev/null; then
  skip "Spark: no Java here"
  exit 0
fi
if ! venv pyspark==3.5.3; then
  skip "Spark: $why"
  exit 0
fi
start_cluster --datanodes 3 --no-jobs
"$dfs" -mkdir -p /spark/events
if ! SPARK_LOCAL_DIRS=$T PYSPARK_PYTHON=$PY timeout "$(patience 400)" "$PY" tests/compat/clients/spark.py "$FS_URI" 2> "$T/err"; then
  fail "Spark ends well: $(grep -vE 'WARN|INFO' "$T/err" | tail -n 4 | tr '\n' ' ')"
fi
check "the event log is closed and readable" sh -c "'$dfs' -cat '/spark/events/*' | grep -q SparkListenerApplicationEnd"
check "a Parquet file has its magic at both ends" sh -c "'$dfs' -cat \$('$dfs' -ls -C /spark/table/part=0/ | grep parquet | head -n 1) | tail -c 4 | grep -q PAR1"
refuse "no temporary files are left behind" "No such file" "$dfs" -ls /spark/table/_temporary
