#!/bin/bash
# mixed_cluster.sh -- two of Hadoop's datanodes and two of ours under one namenode (Hadoop's; ours in mixed_cluster_ours.sh): pipelines
# through both kinds in every order, kill -9 of either in a write, copies, block recovery, decommission.
# long: begins first
. "$(dirname "${BASH_SOURCE[0]}")/../lib/script.sh"
if ! have_java || ! command -v javac > /dev/null; then
  skip "mixed_cluster: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/java_namenode.sh
: > "$T/exclude"
java_namenode "$(some_port 60)" dfs.replication 3 dfs.namenode.fs-limits.min-block-size 1 dfs.hosts.exclude "$T/exclude" \
  dfs.namenode.decommission.interval 1 dfs.client.block.write.replace-datanode-on-failure.policy NEVER
java_datanode 0
java_datanode 1
ours 2
ours 3
wait_live 4
java_driver tests/compat/MixedCluster.java
ask kinds "$(datanode_port 0),$(datanode_port 1)"
kind_of() { if [ "$1" -le "$(datanode_port 1)" ]; then echo java; else echo ours; fi; }
number_of() { echo $((($1 - PORT - 10) / 3)); }

# ---- pipelines ----
ask orders 80 3
if [ "${REPLY#=}" != "$REPLY" ]; then pass "pipelines of three in every order of the kinds: ${REPLY#=}"; else fail "pipelines in every order: $REPLY"; fi
"$dfs" -cat /orders/0 > "$T/zero" 2> /dev/null
if [ "$(wc -c < "$T/zero")" = 153000 ]; then pass "our client reads them too"; else fail "our client reads them too"; fi

# ---- kill -9 of either, in the middle of a write ----
dies() { # dies KIND: the first of that kind in the pipeline of a file that is being written
  local p n kind=$1 path=/dies-$1 victim=
  ask open "$path" 300000 || { fail "a write with a $kind datanode killed: $REPLY"; return; }
  for p in $REPLY; do if [ -z "$victim" ] && [ "$(kind_of "$p")" = "$kind" ]; then victim=$(number_of "$p"); fi; done
  n=$victim
  stop "$kind$n" KILL
  ask more "$path" 200000 && ask more "$path" 100000 && ask close "$path" && ask check "$path" 600000
  if [ "$REPLY" = same ]; then pass "kill -9 of a $kind datanode in a write: it goes on, and every byte is there"; else
    fail "kill -9 of a $kind datanode in a write: $REPLY"
  fi
  if [ "$kind" = java ]; then java_datanode "$n"; else ours "$n"; fi
  wait_live 4
}
dies java
dies ours
three() { ask where "$1" && [ "$(tr -cd , <<< "$REPLY" | wc -c)" -ge 2 ]; }
check "the copies that were lost are made again, whoever has to" until_ok 90 three /dies-java
check "for both" until_ok 90 three /dies-ours

# ---- more and fewer copies ----
everywhere() { ask where /orders/1 && [ "$REPLY" = "$(datanode_port 0),$(datanode_port 1),$(datanode_port 2),$(datanode_port 3)" ]; }
"$dfs" -setrep 4 /orders/1 > /dev/null
check "four copies are on all four" until_ok 90 everywhere
one() { ask where /orders/1 && [ -n "$REPLY" ] && [ "${REPLY#*,}" = "$REPLY" ]; }
"$dfs" -setrep 1 /orders/1 > /dev/null
check "then one is left" until_ok 90 one
ask check /orders/1 153000
if [ "$REPLY" = same ]; then pass "which is good"; else fail "which is good: $REPLY"; fi

# ---- a writer that vanishes: block recovery, both kinds among the replicas ----
stop driver
another_driver() { # the pipes are there
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" MixedCluster < "$T/ask" > "$T/answer" 2> "$T/driver.err" &
  pid[driver]=$!
  exec 7> "$T/ask" 8< "$T/answer"
}
recovered=0
for i in 1 2 3; do
  another_driver
  ask open "/left$i" $((100000 + i * 777)) || fail "a file to leave: $REPLY"
  stop driver KILL
  exec 7>&- 8<&-
  another_driver
  ask recover "/left$i" && [ "$REPLY" = $((100000 + i * 777)) ] && ask check "/left$i" $((100000 + i * 777)) && [ "$REPLY" = same ] && recovered=$((recovered + 1))
  [ "$i" = 3 ] || { stop driver KILL; exec 7>&- 8<&-; }
done
if [ $recovered = 3 ]; then pass "files that their writers left are recovered, flushed bytes and all"; else fail "files that their writers left are recovered: $recovered of 3; $REPLY"; fi

# ---- one of each kind leaves ----
leaves() { # leaves N: is decommissioned; nothing is on it alone then
  local p
  p=$(datanode_port "$1")
  echo "127.0.0.1:$p" > "$T/exclude"
  "$dfs" admin -refreshNodes > /dev/null 2>&1
  gone() { "$dfs" admin -report 2> /dev/null | grep -A 4 "^Name: 127.0.0.1:$p " | grep -q 'Decommission Status : Decommissioned'; }
  until_ok 120 gone
}
check "a Java datanode is decommissioned" leaves 1
check "one of ours" leaves 3
: > "$T/exclude"
"$dfs" admin -refreshNodes > /dev/null
ask check /dies-java 600000
if [ "$REPLY" = same ]; then pass "and all is there"; else fail "and all is there: $REPLY"; fi
