#!/bin/bash
# long: 30
# striped_faults.sh -- a striped file is written and read while the first, the second, ... n-th call on a socket fails: what was said to be
# written is there, what is read is right, and an error is said. Every SWEEP_STEPth call (3), in a random phase.
. "$(dirname "$0")/../lib/script.sh"

start_cluster --datanodes 4 --no-jobs -D dfs.blocksize=1048576 -D dfs.client.socket-timeout=5000
P=XOR-2-1-1024k STEP=${SWEEP_STEP:-3}
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /s
"$dfs" ec -setPolicy -path /s -policy $P > /dev/null
head -c 3500001 /dev/urandom > "$T/data"
"$dfs" -put "$T/data" /s/whole
# shellcheck disable=SC2086
${CC:-cc} -shared -fPIC -O1 -o "$T/fail_nth.so" tests/lib/preload/fail_nth.c -ldl 2> "$T/cc.err" || { fail "fail_nth.c compiles: $(cat "$T/cc.err")"; exit 1; }
with_fault() { # with_fault N COMMAND...
  local n=$1
  shift
  rm -f "$T/fired"
  timeout "$(patience 60)" env LD_PRELOAD="$T/fail_nth.so" FAIL_NTH="$n" FAIL_FIRED="$T/fired" "$@"
}
sweep() { # sweep SENTENCE FUNCTION: the function gets N, and says in WHY what is wrong
  local n=$((RANDOM % STEP + 1)) count=0 WHY=
  while :; do
    "$2" $n || { fail "$1: call $n fails: $WHY"; return; }
    [ -e "$T/fired" ] || break
    n=$((n + STEP)) count=$((count + 1))
  done
  if [ $count -ge 5 ]; then pass "$1: $count calls of $n failed, one at a time"; else fail "$1: only $count calls failed"; fi
}
write_with() {
  with_fault "$1" "$dfs" -put -f "$T/data" /s/f 2> "$T/err"
  local rc=$?
  if [ $rc = 124 ]; then WHY="it hangs"; return 1; fi
  if [ $rc != 0 ]; then
    WHY="nothing is said"
    [ -s "$T/err" ]
    return
  fi
  WHY="what was acknowledged is not there: $(head -n 1 "$T/err")"
  "$dfs" -cat /s/f 2>> "$T/err" | cmp -s - "$T/data"
}
read_with() {
  with_fault "$1" "$dfs" -cat /s/whole > "$T/got" 2> "$T/err"
  local rc=$?
  if [ $rc = 124 ]; then WHY="it hangs"; return 1; fi
  WHY="other bytes"
  if [ $rc = 0 ]; then cmp -s "$T/got" "$T/data"; else
    cmp -s "$T/got" <(head -c "$(stat -c %s "$T/got")" "$T/data") && WHY="nothing is said" && [ -s "$T/err" ]
  fi
}
degraded_with() { # with a data unit of each group gone
  read_with "$1"
}
sweep "writing" write_with
sweep "reading" read_with
find "$C"/data/datanode* -path '*/finalized/*' -name 'blk_-*' ! -name '*.meta' | while read -r f; do
  [ $((16#$(printf %x "${f##*_}" | tail -c 1))) != 1 ] || rm -f "$f"
done
sweep "reading what has to be decoded" degraded_with
