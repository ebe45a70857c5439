#!/bin/bash
# striped_rebuild.sh -- datanodes of both kinds restore the units that a lost datanode had, at a Java namenode's order: byte for
# byte what was lost; and work out checksums of groups, whole and with units lost.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "striped_rebuild: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
. tests/lib/striped.sh

java_namenode "${JAVA_NAMENODE_PORT:-$(some_port 100)}" dfs.blocksize 1048576 \
  dfs.namenode.redundancy.considerLoad false dfs.namenode.replication.max-streams 20
for i in {0..4}; do ours "$i"; done
for i in 5 6; do java_datanode "$i"; done
head -c 20000000 /dev/urandom > "$T/data"
wait_live 7
java_driver tests/compat/Striped.java
start_policies RS-3-2-1024k XOR-2-1-1024k
ask add rs-legacy 3 2 65536 /legacy || fail "a policy is added: $REPLY"

# ---- checksums ----
"$dfs" -put "$T/data" /RS-3-2-1024k/ours
ask write "$T/data" 20000000 /RS-3-2-1024k/java
"$dfs" -put "$T/data" /plain
head -c 1000 "$T/data" | "$dfs" -put - /RS-3-2-1024k/small
head -c 1000 "$T/data" | "$dfs" -put - /plain-small
head -c 3145728 "$T/data" | "$dfs" -put - /RS-3-2-1024k/stripe
"$dfs" -touchz /RS-3-2-1024k/empty
sums() {
  local f
  for f in ours java stripe empty; do one_checksum /RS-3-2-1024k/$f || return 1; done
  one_checksum /RS-3-2-1024k/ours /plain && one_checksum /RS-3-2-1024k/small /plain-small
}
if sums; then pass "checksums: Java and ours say the same, and the composite one is that of a replicated copy"; else fail "checksums: $WHY"; fi
ask checksum /RS-3-2-1024k/java
whole=$REPLY
ask checksum /RS-3-2-1024k/ours
if [ "$REPLY" = "$whole" ]; then pass "and the same whoever wrote"; else fail "and the same whoever wrote: $REPLY, $whole"; fi

# ---- a datanode of ours is lost, then one of Java's ----
for f in {0..7}; do
  head -c $((f * 700000 + 900000)) "$T/data" | "$dfs" -put - "/XOR-2-1-1024k/$f"
  head -c $((f * 700000 + 900000)) "$T/data" | "$dfs" -put - "/legacy/$f"
done
lost_blocks() { find "$T/d$1/current" -path '*finalized*' -name 'blk_-*' ! -name '*.meta'; }
# Every unit that datanode N had is somewhere else, and has the same bytes and sums.
restored() { # restored N
  local f id other
  while read -r f; do
    id=${f##*/}
    other=$(find "$T"/d*/current -path '*finalized*' -name "$id" ! -path "$T/d$1/*" | head -n 1)
    [ -n "$other" ] || { echo "$id is not restored"; return 1; }
    cmp "$f" "$other" || return 1
    cmp "$f"_*.meta "$other"_*.meta || return 1
  done < <(lost_blocks "$1")
}
for n in 1 6; do
  [ "$n" = 1 ] && kind=ours || kind=java
  count=$(lost_blocks "$n" | wc -l)
  stop $kind$n KILL
  if until_ok 120 restored "$n"; then
    pass "the $count units of a lost datanode ($kind) are restored, byte for byte"
  else fail "the $count units of a lost datanode ($kind) are restored: $(restored "$n" 2>&1 | tail -n 1)"; fi
done
if grep -q 'dn.rebuild group=' "$T"/ours*.log; then pass "our datanodes restored some"; else fail "our datanodes restored some: none did"; fi
mbean() { # what a Java datanode counted
  python3 - "$@" << 'P'
import json, sys, urllib.request
total = 0
for port in sys.argv[1:]:
    try:
        u = "http://127.0.0.1:%s/jmx?qry=Hadoop:service=DataNode,name=DataNodeActivity*" % port
        total += json.load(urllib.request.urlopen(u, timeout=10))["beans"][0]["EcReconstructionTasks"]
    except OSError:
        pass
sys.exit(total == 0)
P
}
check "and Java's some" mbean $(($(datanode_port 5) + 2))
WHY=
if both_read 20000000 /RS-3-2-1024k/ours && both_read 20000000 /RS-3-2-1024k/java && both_read 5800000 /legacy/7; then
  pass "and everything is read"
else fail "and everything is read: $WHY"; fi

# ---- checksums with a unit lost ----
units_of /RS-3-2-1024k/java
for g in "${GROUPS_OF[@]}"; do damage gone "$g" 1; done
ask checksum /RS-3-2-1024k/java
mine=$("$dfs" -checksum /RS-3-2-1024k/java 2>&1 | cut -f 2,3 | tr '\t' ' ')
if [ "$REPLY" = "$whole" ] && [ "$mine" = "$whole" ]; then
  pass "the checksum is the same with a unit of each group lost"
else fail "the checksum is the same with a unit of each group lost: $REPLY, $mine, $whole"; fi
WHY=
if one_checksum /RS-3-2-1024k/java /plain; then pass "and so is the composite one"; else fail "and so is the composite one: $WHY"; fi
