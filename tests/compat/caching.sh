#!/bin/bash
# caching.sh -- pools and directives of the centralized cache by Hadoop's own client: the answers, the exceptions and
# what is needed are those of a real Hadoop 3.4.2 (`caching.sh capture HOST:PORT` prints them from one).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded Caching caching.txt "cache pools and directives are those of Hadoop" --datanodes 1 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=512 -D dfs.blocksize=1048576 -D dfs.replication=1
