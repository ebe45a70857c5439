#!/bin/bash
# policies.sh -- storage policies set, inherited and unset by Hadoop's own client, and the kinds of storage that blocks
# go to: the answers and exceptions are those of a real Hadoop 3.4.2 (`policies.sh capture HOST:PORT` prints them from one).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded Policies policies.txt "storage policies are those of Hadoop" --datanodes 2 --no-jobs \
  --storage DISK,SSD,ARCHIVE -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.blocksize=1048576 -D dfs.replication=1
