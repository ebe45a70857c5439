#!/bin/bash
# striped.sh -- striped files of every policy, written by Java and by us, read by the other, whole and with units lost; a
# Java namenode, our datanodes.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "striped: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
. tests/lib/striped.sh

java_namenode "${JAVA_NAMENODE_PORT:-$(some_port 100)}" dfs.blocksize 2097152 \
  dfs.namenode.redundancy.considerLoad false dfs.namenode.redundancy.interval.seconds 3600
for i in {0..13}; do ours "$i"; done
head -c 50000000 /dev/urandom > "$T/data"
wait_live 14
java_driver tests/compat/Striped.java
start_policies "${!K[@]}"

for p in "${!K[@]}"; do
  # shellcheck disable=SC2046
  write_and_read "$p" $(sizes_of "${K[$p]}")
done
lose_and_read XOR-2-1-1024k
lose_and_read RS-3-2-1024k
lose_and_read RS-6-3-1024k 4
lose_and_read RS-LEGACY-6-3-1024k 4
lose_and_read RS-10-4-1024k 4

# More lost than parity tells: an error that says which, whoever reads.
head -c 5000000 "$T/data" > "$T/f"
check "a file for what can't be read" "$dfs" -put "$T/f" /RS-3-2-1024k/toomany
units_of /RS-3-2-1024k/toomany
damage gone "${GROUPS_OF[0]}" 0 2 4
refuse "three of five units lost: an error that lists them" \
  "3 missing blocks, of RS-3-2-1024k 2 may be missing; .*units 0 (.*), 2 (.*), 4 (.*)" "$dfs" -cat /RS-3-2-1024k/toomany

# A policy of an administrator's own, whose cells are small.
if ask add rs 4 2 65536 /own && ask write "$T/data" 3000001 /own/java; then
  head -c 3000001 "$T/data" | "$dfs" -put - /own/ours
  WHY=
  if both_read 3000001 /own/java && both_read 3000001 /own/ours; then
    pass "an added policy: both read what both wrote"
  else fail "an added policy: $WHY"; fi
else fail "a policy is added: $REPLY"; fi

# Ranges: of every kind of edge, whole and with a unit lost.
"$dfs" -put "$T/data" /RS-6-3-1024k/ranges
ranges() {
  local at n
  while read -r at n; do
    cmp -s <("$ROOT/$B/tests/cluster/libdfs_probe" range /RS-6-3-1024k/ranges "$at" "$n") <(tail -c +$((at + 1)) "$T/data" | head -c "$n") || {
      echo "bytes $at to $((at + n)) differ"
      return 1
    }
  done << 'R'
0 1
0 1048576
1048575 2
1048000 3000000
6291455 2
6291456 1048577
12582911 2
12000000 13000000
49999999 1
100 49999900
R
}
check "ranges of every kind" ranges
units_of /RS-6-3-1024k/ranges
for g in "${GROUPS_OF[@]}"; do damage gone "$g" 1 8; done
check "ranges with units lost" ranges
