#!/bin/bash
# Where maps run on eight nodes in three racks, each a network namespace with a link of 1 Gbit/s: with delay scheduling under
# load, and anywhere, which is random placement, beside it. Root only; --mib N of input (default 512).
. "$(dirname "$0")/../lib/script.sh"
[ "$(id -u)" = 0 ] || { skip "locality on eight nodes: network namespaces need root"; exit 0; }
mib=512
[ "${1:-}" = --mib ] && mib=$2
start_cluster --netns --datanodes 8 --workers 8 --racks 3 -D dfs.blocksize=4m -D dfs.replication=3 -D ashlar.worker.slots=2 \
  -D ashlar.scheduler.locality.wait=1000
for ns in $(ip netns list | awk '{print $1}'); do # ours: those on the cluster's bridge
  grep -q "\"$ns\"" "$C/cluster.json" || continue
  ip netns exec "$ns" tc qdisc add dev eth0 root tbf rate 1gbit burst 256kb latency 50ms || skip "tc tbf in $ns"
done
for veth in $(python3 -c 'import json,sys; print(*json.load(open(sys.argv[1]))["network"]["veths"])' "$C/cluster.json"); do
  tc qdisc add dev "$veth" root tbf rate 1gbit burst 256kb latency 50ms
done
python3 - "$T/text" "$mib" << 'P'
import random, sys
random.seed(9)
block = "".join(" ".join("w%d" % random.randrange(9999) for _ in range(12)) + "\n" for _ in range(16000)).encode()
with open(sys.argv[1], "wb") as f:
    left = int(sys.argv[2]) << 20
    while left > 0:
        left -= f.write(block[:left])
P
"$dfs" -mkdir /in
for i in $(seq 1 8); do # written from each node in turn, so that first replicas spread
  ns=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["network"]["namespaces"][int(sys.argv[2])])' "$C/cluster.json" $((i - 1)))
  split -n "l/$i/8" "$T/text" | ip netns exec "$ns" "$dfs" -put - "/in/part$i" || fail "a part is put from $ns"
done
cat > "$T/work.sh" << 'S'
#!/bin/sh
wc -w
sleep 0.2
S
share() { # share FILE : of its maps, in percent, data-local; and the counters
  awk -F= '/Data-local map/ {d=$2} /Rack-local map/ {r=$2} /Other local map/ {o=$2} /Launched map/ {n=$2} /Other hosts \(bytes\)/ {b=$2}
    END {printf "%d %d %d %d %d\n", 100 * d / n, d, r, o, b}' "$1"
}
# Two jobs at a time are the load: each sees the other's tasks in the slots that it wants.
two() { # two NAME OPTIONS...
  local name=$1
  shift
  for k in 1 2; do
    "$job" run -input /in -output "/$name$k" -mapper work.sh -reducer NONE -file "$T/work.sh" "$@" > "$T/$name$k.out" 2>&1 &
    eval "p$k=$!"
  done
  wait "$p1" && wait "$p2" || fail "the jobs of $name end well: $(tail -n 2 "$T/${name}1.out")"
}
two delay
two random -D ashlar.scheduler.locality.ignore=true
for name in delay1 delay2 random1 random2; do
  read -r percent node rack other remote <<< "$(share "$T/$name.out")"
  echo "jobs_locality job=$name maps=$((node + rack + other)) data_local=$node rack_local=$rack off_rack=$other data_local_percent=$percent bytes_from_other_hosts=$remote"
  case $name in
    delay*) [ "$percent" -ge 95 ] && pass "at least 95 % of the maps of $name run beside their block" || fail "at least 95 % of the maps of $name run beside their block: $percent %" ;;
    random*) [ "$percent" -lt 80 ] && pass "at random, far fewer do ($name: $percent %)" || fail "at random, far fewer do ($name): $percent %" ;;
  esac
done
id=$(grep -oE 'job_[0-9]+_[0-9]+' "$T/delay1.out" | head -n 1)
"$job" explain "$id" | tail -n 1
