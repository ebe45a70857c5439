#!/bin/bash
# rolling_upgrade.sh -- a rolling upgrade that is prepared on our namenode by Hadoop's dfsadmin: it outlives
# kill -9, Hadoop's namenode goes on with it, and goes back by it (-rollingUpgrade rollback).
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/name_dir.sh"
name_dir "a rolling upgrade" "$T/name"
says() { # says PATTERN COMMAND...
  local pattern=$1
  shift
  "$@" > "$T/said" 2>&1
  grep -q -- "$pattern" "$T/said" || { tail -n 3 "$T/said"; return 1; }
}

"$B"/bin/namenode --config "$T/conf" -format -nonInteractive > "$T/format.log" 2>&1 || fail "formats: $(tail -n 2 "$T/format.log")"
start_ours
check "a directory before the upgrade" "$dfs" -mkdir /before
check "no upgrade is under way" says "There is no rolling upgrade in progress" admin -rollingUpgrade query
refuse "preparing wants safe mode" "Safe mode should be turned ON" admin -rollingUpgrade prepare
admin -safemode enter > /dev/null
check "Hadoop's dfsadmin prepares" says "Preparing for upgrade\|PREPARE rolling upgrade" admin -rollingUpgrade prepare
check "it can be gone back to" says "Proceed with rolling upgrade" admin -rollingUpgrade query
admin -safemode leave > /dev/null
check "a directory after it" "$dfs" -mkdir /after
stop KILL
start_ours
check "the upgrade outlives kill -9" says "Proceed with rolling upgrade" admin -rollingUpgrade query
stop
cp -r "$T/name" "$T/copy"
start_java -rollingUpgrade started
check "Hadoop's namenode goes on with it" says "Proceed with rolling upgrade" admin -rollingUpgrade query
check "it has both directories" "$dfs" -test -d /after
stop
rm -rf "$T/name"
cp -r "$T/copy" "$T/name"
start_java -rollingUpgrade rollback
check "Hadoop's namenode goes back: what was there is there" "$dfs" -test -d /before
if "$dfs" -test -d /after; then fail "what came after is gone"; else pass "what came after is gone"; fi
stop
rm -rf "$T/name"
cp -r "$T/copy" "$T/name"
start_ours
check "Hadoop's dfsadmin finalizes" says "FINALIZE rolling upgrade\|Rolling upgrade is finalized" admin -rollingUpgrade finalize
check "the image has an ordinary name" test -z "$(find "$T/name/current" -name 'fsimage_rollback_*')"
stop KILL
start_java
check "Hadoop's namenode finds no upgrade" says "There is no rolling upgrade in progress" admin -rollingUpgrade query
check "and everything" "$dfs" -test -d /after
stop
