#!/bin/bash
# striped_soak.sh -- datanodes are killed and paused and bytes of units turn, while striped files are written, read and restored; at the
# end every file whose writing was acknowledged has every byte. SOAK_ROUNDS rounds (40), SOAK_SEED for the same dice.
. "$(dirname "$0")/../lib/script.sh"

SEED=${SOAK_SEED:-$RANDOM}
RANDOM=$SEED
NODES=9
start_cluster --datanodes $NODES --no-jobs -D dfs.blocksize=2097152 -D dfs.heartbeat.interval=1 -D dfs.namenode.heartbeat.recheck-interval=1000 \
  -D dfs.namenode.redundancy.interval.seconds=1s -D dfs.namenode.reconstruction.pending.timeout-sec=10 -D dfs.client.socket-timeout=4000
curl -sf -X PUT "$WEBHDFS/webhdfs/v1/?op=ENABLEECPOLICY&ecpolicy=RS-3-2-1024k&user.name=$(id -un)" > /dev/null
"$dfs" -mkdir /s
curl -sf -X PUT "$WEBHDFS/webhdfs/v1/s?op=SETECPOLICY&ecpolicy=RS-3-2-1024k&user.name=$(id -un)" > /dev/null
head -c 12000000 /dev/urandom > "$T/data"

declare -A acked=() # path: bytes
bytes_of() { tail -c +$(($1 % 1000 + 1)) "$T/data" | head -c "$1"; } # a file's bytes follow from its length
good() { "$dfs" -cat "$1" 2> "$T/cat.err" | cmp -s - <(bytes_of "${acked[$1]}"); }
any_file() { local all=("${!acked[@]}"); echo "${all[RANDOM % ${#all[@]}]}"; }
data_units() { # of at least 1 KiB, of files that are acknowledged or not
  find "$C"/data/datanode* -path '*finalized*' -size +1k -name 'blk_-*' ! -name '*.meta' | while read -r u; do
    [ $((16#$(printf %x "${u##*_}" | tail -c 1))) -lt 3 ] && echo "$u"
  done
}
healed() { find "$C"/data/datanode* -path '*finalized*' -name "${1##*/}" -exec cmp -s {} "$T/before" \; -print | grep -q .; }
# One unit at a time: it is read, found and made anew before the next.
turn_bytes() {
  local u f
  u=$(data_units | sort -R --random-source=<(yes "$RANDOM") | head -n 1)
  [ -n "$u" ] || return 0
  cp "$u" "$T/before" 2> /dev/null || return 0
  printf '\xff\x00\xff\x00' | dd of="$u" bs=1 seek=$((RANDOM % 1000)) conv=notrunc 2> /dev/null
  for f in "${!acked[@]}"; do good "$f" || { echo "$f with a unit damaged: $(cat "$T/cat.err")"; return 1; }; done
  cmp -s "$u" "$T/before" || until_ok 120 healed "$u" || { echo "${u##*/} is not restored"; return 1; }
}

bad='' wrote=0 refused=0
for round in $(seq "${SOAK_ROUNDS:-40}"); do
  n=$((RANDOM % NODES)) m=$(((n + 1 + RANDOM % (NODES - 1)) % NODES)) size=$((RANDOM * 300 + RANDOM % 1000 + 1))
  bytes_of $size | "$dfs" -put - "/s/f$round" 2> "$T/put.err" &
  writer=$!
  cluster kill datanode$n
  [ $((RANDOM % 2)) = 0 ] && cluster pause datanode$m && paused=1 || paused=
  if [ ${#acked[@]} -gt 0 ]; then
    for _ in 1 2; do
      f=$(any_file)
      good "$f" || bad="round $round, datanodes $n and $m away: $f: $(cat "$T/cat.err")"
    done
  fi
  if wait $writer; then
    acked[/s/f$round]=$size
    wrote=$((wrote + 1))
  else refused=$((refused + 1)); fi
  [ -z "$paused" ] || cluster resume datanode$m
  cluster restart datanode$n
  if [ -z "$bad" ] && [ $((round % 3)) = 0 ]; then bad=$(turn_bytes); fi
  [ -z "$bad" ] || break
done
for f in "${!acked[@]}"; do [ -n "$bad" ] || good "$f" || bad="at the end, $f: $(cat "$T/cat.err")"; done
if [ -z "$bad" ] && [ $wrote -gt 0 ]; then
  pass "$wrote files were acknowledged ($refused not), and all their bytes are there (seed $SEED)"
else fail "what was acknowledged is there (seed $SEED): $bad"; fi
