#!/bin/bash
# long: 40
# striped_recovery.sh -- a writer of a striped file is killed: the file is closed with the whole stripes that its units have, and reads as far as
# that. Under a Java namenode with datanodes of both kinds, either of which may lead, and under ours. With STRIPED_LOST a unit is lost as well (heavy/striped_away.sh).
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "striped_recovery: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
. tests/lib/striped.sh
P=RS-3-2-1024k STRIPE=3145728
head -c 33000000 /dev/urandom > "$T/data"
conf=(dfs.blocksize 4194304 dfs.namenode.redundancy.considerLoad false dfs.namenode.redundancy.interval.seconds 3600)

# Whole stripes of what was sent, one less at most: the last may have been on its way.
ends_well() { # ends_well SENTENCE PATH SENT
  local n whole=$(($3 / STRIPE))
  n=$(recover "$2")
  if [ -z "$n" ] || [ $((n % STRIPE)) != 0 ] || [ "$n" -gt $((whole * STRIPE)) ] || [ "$n" -lt $(((whole - 1) * STRIPE)) ]; then
    fail "$1: closed with \"$n\" of $3 bytes: $(cat "$T/recover.err")"
  elif ! ours_reads "$n" "$2"; then
    fail "$1: ours reads $n bytes: $(cat "$T/cat.err")"
  elif [ -n "${pid[driver]:-}" ] && ! java_reads "$n" "$2"; then
    fail "$1: Java reads $n bytes: $REPLY"
  else pass "$1"; fi
}
scenes() { # scenes WHOSE
  write_and_die /$P/one 30000000
  ends_well "$1: a writer killed in its first group" /$P/one 10000000
  write_and_die /$P/two 99000000
  ends_well "$1: and in its third" /$P/two 33000000
  write_and_die /$P/less 3000000
  check "$1: with less than a stripe nothing was safe" test "$(recover /$P/less)" = 0
  [ -n "${STRIPED_LOST:-}" ] || return 0 # the dead one may be asked to lead first, which takes its time
  write_and_die /$P/lost 30000000
  mapfile -t holders < <(newest_holders)
  n=${holders[0]}
  stop "ours$n" KILL
  stop "java$n" KILL
  ends_well "$1: a datanode of the group is dead as well" /$P/lost 10000000
  [ -n "${pid[java$n]:-}" ] || ours "$n"
}

# ---- Java's namenode ----
java_namenode "$(some_port 30)" "${conf[@]}"
for i in 0 1 2 3; do ours $i; done
java_datanode 4
java_datanode 5
wait_live 6
java_driver tests/compat/Striped.java
start_policies $P
head -c 99000000 /dev/zero | cat "$T/data" - | head -c 99000000 > "$T/long" && mv "$T/long" "$T/data"
scenes "Java's namenode"
for name in "${!pid[@]}"; do stop "$name" KILL; done
exec 7>&- 8<&-
rm -rf "$T"/d[0-9]* "$T/name"

# ---- ours ----
NAMENODE=ours java_namenode "$PORT" "${conf[@]}"
for i in {0..5}; do ours "$i"; done
wait_live 6
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /$P
"$dfs" ec -setPolicy -path /$P -policy $P > /dev/null
scenes "our namenode"
