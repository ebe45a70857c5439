#!/bin/bash
# striped_away.sh -- a writer of a striped file is killed while three of its five units are away: nothing is given up until they are back,
# however often the recovery is tried. Then what compat/striped_recovery.sh leaves out: one datanode dies with the writer.
. "$(dirname "$0")/../lib/script.sh"
. tests/lib/java_namenode.sh
. tests/lib/striped.sh
P=RS-3-2-1024k STRIPE=3145728
head -c 30000000 /dev/urandom > "$T/data"
NAMENODE=ours java_namenode "$(some_port 30)" dfs.blocksize 4194304 dfs.namenode.redundancy.interval.seconds 3600
for i in {0..5}; do ours "$i"; done
wait_live 6
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /$P
"$dfs" ec -setPolicy -path /$P -policy $P > /dev/null
write_and_die /$P/away 30000000
mapfile -t away < <(newest_holders)
for n in "${away[@]:0:3}"; do stop "ours$n" KILL; done
"$probe" recover /$P/away > "$T/away" 2> "$T/recover.err" &
recovering=$!
until_ok 120 grep -q 'too few to recover' "$T"/ours*.log || fail "a recovery finds too few units"
check "three units away: the file stays as it is" kill -0 $recovering
for n in "${away[@]:0:3}"; do ours "$n"; done
wait $recovering
n=$(cat "$T/away")
if [ "${n:-0}" -ge $((2 * STRIPE)) ] && ours_reads "$n" /$P/away; then pass "and ends well when they are back"; else fail "and ends well when they are back: \"$n\" $(cat "$T/recover.err" "$T/cat.err")"; fi
for name in "${!pid[@]}"; do stop "$name" KILL; done
STRIPED_LOST=1 tests/compat/striped_recovery.sh || failures=$((failures + 1))
