#!/bin/bash
# writers_die.sh -- libdfs writes while datanodes are killed under it, by each policy of replacing them; and is killed itself.
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
start_cluster --datanodes 5 --no-jobs -D dfs.client.socket-timeout=5000 -D dfs.namenode.fs-limits.min-block-size=1048576 \
  -D dfs.heartbeat.interval=1
head -c 3000003 /dev/urandom > "$T/f"
policy=dfs.client.block.write.replace-datanode-on-failure.policy

begin() { # begin PATH OPTION... : a writer that stands still after its first part
  local path=$1
  shift
  rm -f "$T/go" "$T/said"
  mkfifo "$T/go"
  "$probe" "$@" steps "$T/f" "$path" < "$T/go" > "$T/said" 2> "$T/steps.err" &
  writer=$!
  exec 9> "$T/go"
  go_on "flushed 1000001"
}
go_on() { # go_on WORDS : and waits until it says so
  echo go >&9
  until_ok 60 grep -q "^$1" "$T/said"
}
end() { # end SENTENCE PATH : the writer has ended well, and the file is whole
  exec 9>&-
  if ! wait $writer; then
    fail "$1: $(cat "$T/steps.err")"
  elif "$dfs" -cat "$2" > "$T/got" 2> "$T/got.err" && cmp -s "$T/f" "$T/got"; then
    pass "$1"
  else fail "$1: other bytes: $(head -n 1 "$T/got.err")"; fi
}
nodes() { "$probe" pipeline "$1" | wc -l; }
nth() { "$probe" pipeline "$1" | sed -n "$2p" | grep . || fail "a pipeline of $1 has a datanode $2"; }
nodes_are() { [ "$(nodes "$1")" = "$2" ]; }
back() { # the killed datanode serves again
  cluster restart "$1" > /dev/null
  until_ok 30 "$dfs" -D dfs.replication=5 -put -f /etc/hostname "/five"
}

for n in 1 2 3; do
  begin /streaming$n
  victim=$(nth /streaming$n $n)
  cluster kill "$victim"
  go_on "flushed 2000002"
  check "when datanode $n of a flushed pipeline dies another takes its place" nodes_are /streaming$n 3
  go_on "flushed 3000003" && go_on closed
  end "and nothing of the file is lost" /streaming$n
  back "$victim"
done

begin /never -D $policy=NEVER
victim=$(nth /never 2)
cluster kill "$victim"
go_on "flushed 2000002"
check "with NEVER a pipeline goes on with two" nodes_are /never 2
second=$(nth /never 1)
cluster kill "$second"
go_on "flushed 3000003"
check "and with one" nodes_are /never 1
go_on closed
end "and the file is whole" /never
back "$victim"
back "$second"

begin /closing
victim=$(nth /closing 1)
go_on "flushed 2000002" && go_on "flushed 3000003"
cluster kill "$victim"
go_on closed
end "a file is closed though a datanode died after the last flush" /closing
back "$victim"

"$dfs" -put -f "$T/f" /append
victim=$(nth /append 2)
cluster kill "$victim"
check "an append replaces a dead datanode" "$dfs" -appendToFile "$T/f" /append
cat "$T/f" "$T/f" > "$T/twice"
"$dfs" -cat /append > "$T/got"
same "and both parts are there" "$T/twice" "$T/got"
back "$victim"

# ---- the writer dies ----
killed() { # killed SENTENCE PATH DATANODES : with so many datanodes of its pipeline
  local n gone=()
  begin "$2"
  mapfile -t gone < <("$probe" pipeline "$2" | head -n "$3")
  kill -9 $writer
  wait $writer 2> /dev/null
  exec 9>&-
  for n in "${gone[@]}"; do cluster kill "$n"; done
  n=$(timeout "$(patience 60)" "$probe" recover "$2" 2> "$T/recover.err")
  if [ "${n:-0}" -ge 1000001 ] && "$dfs" -cat "$2" | head -c 1000001 | cmp -s - <(head -c 1000001 "$T/f"); then
    pass "$1"
  else fail "$1: ${n:-no} bytes: $(cat "$T/recover.err")"; fi
  for n in "${gone[@]}"; do back "$n"; done
}
killed "a killed writer leaves a closed file with all that it flushed" /killed0 0
killed "also when a datanode of its pipeline died with it" /killed1 1
killed "also when two did" /killed2 2
