#!/bin/bash
# replica_states.sh -- replicas that are finalized, being written (RBW), waiting to be recovered (RWR) and under recovery
# (RUR), one by one: a datanode answers each question of a recovery as a real Hadoop 3.4.2's does
# (`replica_states.sh capture HOST:PORT KILL START` prints that of one with one datanode).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
if [ -n "${CAPTURE:-}" ]; then
  DRIVE_ARGS=("$3" "$4")
else
  DRIVE_ARGS=("tools/cluster kill $C datanode0" "tools/cluster restart $C datanode0")
fi
recorded ReplicaStates replica_states.txt "replicas of every state are recovered as in Hadoop" --datanodes 1 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=0
