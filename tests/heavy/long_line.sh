#!/bin/bash
# heavy: One line of 1 GiB through a job: into a mapper, out of it, through sort and reducer.
. "$(dirname "$0")/../lib/script.sh"
unset HADOOP_CONF_DIR
head -c 1073741824 /dev/zero | tr '\0' x > "$T/line"
run() { timeout "$(patience 200)" "$job" run --local -D mapreduce.input.fileinputformat.split.minsize=2000000000 -input "$T/line" "$@"; }
check "a line of 1 GiB goes into a mapper" run -mapper 'wc -c' -reducer NONE -output "$T/in"
[ "$(tr -d '\t' < "$T/in/part-00000")" = 1073741825 ] && pass "whole" || fail "whole: $(cat "$T/in/part-00000")"
check "and through sort and reducer" run -mapper cat -reducer 'wc -c' -output "$T/through"
[ "$(tr -d '\t' < "$T/through/part-00000")" = 1073741826 ] && pass "whole, and with its tab" || fail "whole, and with its tab: $(cat "$T/through/part-00000")"
printf '%s' x >> "$T/line"
head -c 1073741824 /dev/zero | tr '\0' x >> "$T/line"
refuse "a longer one than that is refused, and why is told" 'has more than 1073741824 bytes: does it end its lines?' run -mapper cat -reducer cat -output "$T/longer"
