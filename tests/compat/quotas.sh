#!/bin/bash
# quotas.sh -- quotas of names, space and storage types, set and exceeded by Hadoop's own client: the answers, the
# exceptions and the sums are those of a real Hadoop 3.4.2 (`quotas.sh capture HOST:PORT` prints them from one).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded Quotas quotas.txt "quotas hold and are told as Hadoop does" --datanodes 2 --no-jobs \
  --storage DISK,SSD,ARCHIVE -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.blocksize=1048576 -D dfs.replication=1
