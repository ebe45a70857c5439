#!/bin/bash
# mixed_cluster_ours.sh -- mixed_cluster.sh under our namenode.
# long: begins first
NAMENODE=ours . "$(dirname "$0")/mixed_cluster.sh"
