#!/bin/bash
# upgrade_layout.sh -- upgrades that can be gone back from (current, previous), begun, gone back from and finalized by Hadoop's namenode and by
# ours in turns: either goes on with what the other left.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "upgrade_layout: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
turns_configure "$T/name"
hash_of() { (cd "$1" && find . -type f -exec md5sum {} + | sort) | md5sum; }
goes_back() { # goes_back ours|java
  if [ "$1" = ours ]; then echo Y | "$B/bin/namenode" --config "$T/conf" -rollback; else echo Y | java_main org.apache.hadoop.hdfs.server.namenode.NameNode -rollback; fi
}
upgrade_by() { # upgrade_by WHO OTHER: WHO begins one, OTHER goes on and leaves it alone, each goes back
  local who=$1 other=$2 back was
  rm -rf "$T/name"
  "$B/bin/namenode" --config "$T/conf" -format -force > "$T/format.log" 2>&1
  start ours || return
  "$dfs" -mkdir /before
  stop
  start "$who" -upgrade || return
  "$dfs" -mkdir /during
  stop
  check "an upgrade by $who keeps what was" test -e "$T/name/previous/VERSION"
  was=$(hash_of "$T/name/previous")
  start "$other" || return
  check "$other goes on with it" "$dfs" -test -d /during
  "$dfs" -mkdir /after
  "$dfs" admin -safemode enter > /dev/null
  "$dfs" admin -saveNamespace > /dev/null
  "$dfs" admin -upgrade query > "$T/query" 2>&1
  if [ "$other" = ours ]; then check "and says that it is not finalized" grep -q "Upgrade not finalized" "$T/query"; fi
  stop
  if [ "$(hash_of "$T/name/previous")" = "$was" ]; then pass "and leaves alone what was"; else fail "$other leaves alone what was"; fi
  "$dfs" migrate --check "$T/name" > "$T/said"
  check "the check names it" grep -q "an upgrade that was not finalized: $T/name/previous" "$T/said"
  refuse "a second upgrade is refused while there is a previous one" "previous fs state should not exist during upgrade" \
    timeout "$(patience 60)" "$B/bin/namenode" --config "$T/conf" -upgrade
  cp -a "$T/name" "$T/kept"
  for back in "$who" "$other"; do
    rm -rf "$T/name"
    cp -a "$T/kept" "$T/name"
    goes_back "$back" > "$T/back.log" 2>&1
    [ ! -e "$T/name/previous" ] || fail "$back goes back: $(tail -n 1 "$T/back.log")"
    start "$([ "$back" = ours ] && echo java || echo ours)" || return
    if "$dfs" -test -d /before && ! "$dfs" -test -d /during; then pass "gone back by $back, the other has what was before, and no more"; else
      fail "gone back by $back: $("$dfs" -ls / 2>&1 | tail -n 3 | tr '\n' ' ')"
    fi
    stop
  done
  rm -rf "$T/name"
  mv "$T/kept" "$T/name"
  start "$other" || return
  "$dfs" admin -finalizeUpgrade > "$T/finalize" 2>&1
  check "finalized by $other there is nothing to go back to" until_ok 30 test ! -e "$T/name/previous"
  check "and all is there" "$dfs" -test -d /after
  stop
  refuse "so going back is refused" "None of the storage directories contain previous" "$B/bin/namenode" --config "$T/conf" -rollback -force
}
upgrade_by java ours
upgrade_by ours java

# ---- our datanode serves on ----
turns_datanodes 1
"$B/bin/namenode" --config "$T/conf" -format -force > "$T/format.log" 2>&1
start ours
until_ok 40 "$dfs" -put -f "$T/conf/hdfs-site.xml" /f || fail "a file"
stop
start ours -upgrade
reads() { "$dfs" -cat /f | cmp -s - "$T/conf/hdfs-site.xml"; }
check "a datanode of ours that was running meanwhile serves the upgraded store" until_ok 60 reads
stop
turns_end_datanodes
rm -rf "$T/name"

# ---- crashes in between ----
"$B/bin/namenode" --config "$T/conf" -format -force > "$T/format.log" 2>&1
start ours
"$dfs" -mkdir /before
stop
crashed() { # crashed SENTENCE: it starts and has what was
  if start ours && "$dfs" -test -d /before; then pass "$1"; else fail "$1"; fi
  stop
  [ -z "$(find "$T/name" -maxdepth 1 -name '*.tmp')" ] || fail "$1: $(ls "$T/name")"
}
mv "$T/name/current" "$T/name/previous.tmp"
crashed "a crash before the new current was made"
mv "$T/name/current" "$T/name/previous.tmp"
mkdir "$T/name/current"
echo 5 > "$T/name/current/seen_txid"
crashed "a crash before the new current was whole"
cp -a "$T/name/current" "$T/name/previous.tmp"
crashed "a crash before previous got its name"
check "which it has then" test -e "$T/name/previous/VERSION"
rm -rf "$T/name/previous"
mv "$T/name/current" "$T/name/removed.tmp"
crashed "a crash while going back, before there was a current"
cp -a "$T/name/current" "$T/name/removed.tmp"
crashed "and after"
