#!/bin/bash
# The trash: what is deleted waits, becomes a checkpoint, and goes, by the namenode's own clock.
. "$(dirname "$0")/../lib/script.sh"
# In minutes: a checkpoint every two seconds, which goes after four.
start_cluster --datanodes 1 --no-jobs -D fs.trash.interval=0.0667 -D fs.trash.checkpoint.interval=0.0333
trash=/user/$(id -un)/.Trash
count() { "$dfs" -ls -C "$trash" 2> /dev/null | wc -l; }
moves() { "$dfs" -touchz /a && "$dfs" -rm /a; }
check "a deleted file is moved" moves
refuse "and is not where it was" "No such file" "$dfs" -ls /a
is_checkpoint() { "$dfs" -ls -C "$trash" | grep -q '/[0-9]\{12\}$' && ! "$dfs" -test -d "$trash/Current"; }
check "the namenode makes a checkpoint of it" until_ok 20 is_checkpoint
check "what is in it has its whole path" "$dfs" -test -e "$("$dfs" -ls -C "$trash" | head -n 1)/a"
is_empty() { [ "$(count)" = 0 ]; }
check "and deletes it when it is old" until_ok 20 is_empty
