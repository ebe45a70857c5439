#!/bin/bash
# lease_limits.sh -- a writer's process stands still: what others are told until its lease may be taken (the soft limit, 60 s),
# and that the namenode closes its files by itself (the hard limit, here 90 s), as of a real Hadoop 3.4.2
# (`lease_limits.sh capture HOST:PORT` prints what one says that has the same hard limit).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded LeaseLimits lease_limits.txt "a lease lasts as long as in Hadoop" --datanodes 1 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=0 -D dfs.namenode.lease-hard-limit-sec=90
