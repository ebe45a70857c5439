#!/bin/bash
# churn.sh -- CHURN_SECONDS (3600) of files written, read, appended to and removed end with the memory they began with: of the namenode,
# the datanodes and the gateway in them. It begins when a fifth of that time has gone by with the same work: what is kept for a set time (calls
# that may be asked again, for ten minutes) and the stacks and pieces of memory that threads keep have come to their height then.
. "$(dirname "$0")/../lib/script.sh"
seconds=${CHURN_SECONDS:-3600}
load=$ROOT/$B/tests/bench/client_load
start_cluster --datanodes 3 --no-jobs -D dfs.namenode.checkpoint.txns=20000 -D dfs.blockreport.intervalMsec=30000 -D dfs.heartbeat.interval=1
head -c 3000000 /dev/urandom > "$T/bytes"
lap() {
  "$load" files /churn 500 8 20000 > "$T/load.out" 2>&1 || echo "files: $(tail -n 1 "$T/load.out")" >> "$T/errors"
  "$load" append /churn/log 20 5000 > "$T/load.out" 2>&1 || echo "append: $(tail -n 1 "$T/load.out")" >> "$T/errors"
  "$dfs" -put -f "$T/bytes" /churn/big && "$dfs" -cat /churn/big | cmp -s - "$T/bytes" || echo "read: not equal" >> "$T/errors"
  curl -sfL "$WEBHDFS/webhdfs/v1/churn/big?op=OPEN" | cmp -s - "$T/bytes" || echo "webhdfs: not equal" >> "$T/errors"
  "$dfs" -rm -r -skipTrash /churn > /dev/null || echo "rm" >> "$T/errors"
  laps=$((laps + 1))
}
resident() { awk '/^VmRSS/ {print $2}' "/proc/$(cat "$C/$1.pid")/status"; }
settle() { sleep 5; } # deletions are carried out, what was kept for a minute stays
errors() { [ -e "$T/errors" ] && sort "$T/errors" | uniq -c | head -n 3 | tr '\n' ';'; }
laps=0
until [ $SECONDS -ge $((seconds / 5)) ]; do lap; done
settle
laps=0
declare -A before
for n in namenode datanode0 datanode1 datanode2; do before[$n]=$(resident $n); done
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ]; do lap; done
settle
if [ -z "$(errors)" ]; then pass "$laps laps of churn, and nothing failed"; else fail "churn: $(errors)"; fi
for n in namenode datanode0 datanode1 datanode2; do
  now=$(resident $n)
  echo "$n: ${before[$n]} KiB, then $now KiB" >&2
  if [ "$now" -le $((before[$n] * 11 / 10 + 4096)) ]; then pass "$n is as big as it was"; else fail "$n has grown from ${before[$n]} to $now KiB"; fi
done
