#!/bin/bash
# fsshell_1g.sh -- 1 GiB through Hadoop's shell and through dfs, each read back by both. Prints MiB a second.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "1 GiB through Hadoop's shell: no jars (tools/hadoop-jars)"
  exit 0
fi
start_cluster --datanodes 3 --racks 2 --no-jobs -D dfs.replication=2
size=${SIZE:-1073741824}
# Not the same at any two places, and made at the speed of the disk.
openssl enc -aes-128-ctr -pass pass:ashlar -nosalt -pbkdf2 -iter 1 < /dev/zero 2> /dev/null | head -c "$size" > "$T/f"
sum() { sha256sum | cut -c1-64; }
want=$(sum < "$T/f")

timed() { # timed SENTENCE COMMAND... : PASS with the figure
  local what=$1 start end
  shift
  start=$(date +%s%N)
  if ! "$@" > "$T/timed.out" 2> "$T/timed.err"; then
    fail "$what: $(grep -v WARN "$T/timed.err" | tail -n 2 | tr '\n' ' ')"
    return
  fi
  end=$(date +%s%N)
  pass "$what ($((size * 1000 / 1048576 * 1000000 / (end - start + 1))) MiB/s)"
}
is_whole() { # is_whole SENTENCE COMMAND... : its output is the file
  local what=$1 got
  shift
  got=$("$@" 2> "$T/err" | sum)
  if [ "$got" = "$want" ]; then pass "$what"; else fail "$what: other bytes; $(grep -v WARN "$T/err" | tail -n 1)"; fi
}
gets() { # gets SENTENCE PATH COMMAND... : -get brings the file
  local what=$1 path=$2
  shift 2
  rm -f "$T/got"
  timed "$what" "$@" -get "$path" "$T/got"
  is_whole "... and its bytes are the same" cat "$T/got"
  rm -f "$T/got"
}

timed "Hadoop's -put of 1 GiB" java_fs -put "$T/f" /by-java
timed "our -put of it" "$dfs" -put "$T/f" /by-ours
for by in java ours; do
  gets "Hadoop's -get of what $by wrote" /by-$by java_fs
  gets "our -get of what $by wrote" /by-$by "$dfs"
  is_whole "Hadoop's -cat of what $by wrote" java_fs -cat /by-$by
  is_whole "our -cat of what $by wrote" "$dfs" -cat /by-$by
done
java_sum=$(java_fs -checksum /by-java 2> /dev/null | awk '{print $2, $3}') our_sum=$("$dfs" -checksum /by-ours | awk '{print $2, $3}')
if [ -n "$java_sum" ] && [ "$java_sum" = "$our_sum" ]; then pass "their checksums are the same"; else fail "their checksums: $java_sum, ours $our_sum"; fi
