#!/bin/bash
# striped_all.sh -- every combination of up to as many lost units as there are parities, of every policy, gone and with a bit
# flipped, written by Java and by us in turn, read by both; the large policies of compat/striped.sh are there tried by chance alone.
# STRIPED_SETS: so many of the 1470 of RS-10-4, by chance; STRIPED_POLICIES: not all of them; NAMENODE=ours: not under Java's namenode.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "striped_all: no Java or no Hadoop jars (HADOOP_LIB)"
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
for p in ${STRIPED_POLICIES:-XOR-2-1-1024k RS-3-2-1024k RS-6-3-1024k RS-LEGACY-6-3-1024k RS-10-4-1024k}; do
  lose_and_read "$p" "${STRIPED_SETS:-1500}"
done
