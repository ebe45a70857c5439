#!/bin/bash
# namenode_kill.sh -- a namenode that is killed at any moment has kept all that it said yes to.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 1 --no-jobs -D dfs.replication=1 -D dfs.namenode.checkpoint.txns=400 -D dfs.namenode.lease-hard-limit-sec=3s -D dfs.namenode.safemode.extension=0

writer() { # writer ID: makes, moves and removes names until it is told to stop; writes down each yes
  local i=0 d=/w$1
  "$dfs" -mkdir "$d" || return
  while [ ! -e "$T/stop" ]; do
    i=$((i + 1))
    "$dfs" -mkdir "$d/dir$i" 2> /dev/null && echo "$d/dir$i" >> "$T/yes.$1"
    echo "$d file $i" | "$dfs" -put - "$d/file$i" 2> /dev/null && echo "$d/file$i" >> "$T/yes.$1"
    if [ $((i % 3)) -eq 0 ]; then
      "$dfs" -mv "$d/dir$i" "$d/moved$i" 2> /dev/null && { echo "$d/moved$i" >> "$T/yes.$1"; echo "$d/dir$i" >> "$T/gone.$1"; }
    fi
    if [ $((i % 5)) -eq 0 ]; then
      "$dfs" -rm -skipTrash "$d/file$i" > /dev/null 2>&1 && echo "$d/file$i" >> "$T/gone.$1"
    fi
  done
}

for round in 1 2; do
  rm -f "$T/stop" "$T"/yes.* "$T"/gone.*
  for w in 1 2 3; do writer "$round$w" & done
  sleep "$round.3" # the moment of the kill, another one each round
  cluster kill namenode
  touch "$T/stop"
  cluster restart namenode > /dev/null # before the writers give up, which takes them long
  wait
  until_ok 30 "$dfs" -mkdir "/served$round" || fail "round $round: it serves again"
  "$dfs" -ls -R / 2> "$T/ls.err" | awk '{print $NF}' | sort > "$T/there"
  cat "$T"/gone.* 2> /dev/null | sort > "$T/gone"
  cat "$T"/yes.* | sort | comm -23 - "$T/gone" > "$T/kept"
  lost=$(comm -23 "$T/kept" "$T/there" | head -n 3)
  back=$(comm -12 "$T/gone" "$T/there" | head -n 3)
  n=$(wc -l < "$T/kept")
  if [ -z "$lost" ] && [ -z "$back" ] && [ "$n" -gt 5 ]; then
    pass "round $round: after kill -9 all $n names are there, and what was removed or moved is not"
  else fail "round $round: lost \"$lost\", came back \"$back\", of $n"; fi
  bad=0
  for f in $(grep /file "$T/kept" | head -n 40); do
    [ "$("$dfs" -cat "$f" 2> /dev/null)" = "${f%/*} file ${f##*file}" ] || bad=$((bad + 1))
  done
  if [ $bad -eq 0 ]; then pass "round $round: files that were closed are whole"; else fail "round $round: $bad files are not whole"; fi
done

# The files that the killed writers left open are closed by the namenode itself.
open_files() { curl -sf "$WEBHDFS_HTTP/metrics" | sed -n 's/^namenode_open_files //p'; }
WEBHDFS_HTTP=${WEBHDFS%/webhdfs*}
none_open() { [ "$(open_files)" = 0 ]; }
if until_ok 60 none_open; then pass "files of writers that are gone are closed"; else fail "files of writers that are gone are closed: $(open_files) are open"; fi
