#!/bin/bash
# leaving_nodes.sh -- datanodes are decommissioned, taken into maintenance and shut out by the files that name them,
# in both of Hadoop's forms: after each change reports and locations say what they say of a real Hadoop's datanodes.
# To capture: a Hadoop of six datanodes with the settings below, and
#   HOSTS_FILES="IN [EX]" tests/compat/leaving_nodes.sh capture HOST:PORT json|plain
. "$(dirname "$0")/../lib/script.sh"
. tests/lib/recorded.sh
manager=org.apache.hadoop.hdfs.server.blockmanagement.CombinedHostFileManager
settings=(--datanodes 6 --no-jobs -D dfs.replication=3 -D dfs.heartbeat.interval=200ms -D dfs.namenode.decommission.interval=1
  -D dfs.namenode.redundancy.interval.seconds=200ms -D dfs.namenode.fs-limits.min-block-size=0)
if [ -n "${CAPTURE:-}" ]; then
  read -r -a files <<< "$HOSTS_FILES"
  DRIVE_ARGS=("$3" "${files[@]}")
  recorded LeavingNodes none capture
  exit 0
fi
: > "$T/in"
: > "$T/ex"
DRIVE_ARGS=(json "$T/in")
recorded LeavingNodes leaving_json.txt "nodes leave, pause and are shut out by a JSON file as in Hadoop" \
  "${settings[@]}" -D dfs.hosts="$T/in" -D dfs.namenode.hosts.provider.classname=$manager
[ -e "$C/cluster.json" ] && tools/cluster stop "$C"
C=$T/cluster2
: > "$T/in"
DRIVE_ARGS=(plain "$T/in" "$T/ex")
recorded LeavingNodes leaving_plain.txt "nodes leave and are shut out by two lists as in Hadoop" \
  "${settings[@]}" -D dfs.hosts="$T/in" -D dfs.hosts.exclude="$T/ex"
