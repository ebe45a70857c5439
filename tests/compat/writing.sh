#!/bin/bash
# writing.sh -- files under Hadoop's own client while it writes them: after every kind of flush, with every set of flags,
# the namenode shows what a real Hadoop 3.4.2 shows
# (`JAVA_TOOL_OPTIONS=-Djmx.age=11500 writing.sh capture HOST:PORT` prints it from one with 3 datanodes).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/recorded.sh"
recorded Writing writing.txt "flushes and flags do what they do in Hadoop" --datanodes 3 --no-jobs \
  -D dfs.namenode.fs-limits.min-block-size=0 -D dfs.replication=3
