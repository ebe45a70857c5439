#!/bin/bash
# ec_words.sh -- dfs ec beside Hadoop's tool, word for word.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/admin_words.sh"
start_cluster --datanodes 1 --no-jobs
cat > "$T/policies.xml" << 'XML'
<?xml version="1.0"?>
<configuration>
<layoutversion>1</layoutversion>
<schemas>
  <schema id="XORk2m1"><codec>xor</codec><k>2</k><m>1</m></schema>
  <schema id="RSk12m4"><codec>rs</codec><k>12</k><m>4</m></schema>
</schemas>
<policies>
  <policy><schema>XORk2m1</schema><cellsize>131072</cellsize></policy>
  <policy><schema>RSk12m4</schema><cellsize>262144</cellsize></policy>
</policies>
</configuration>
XML
sed 's|<m>1</m>|<m>1</m><options/>|' "$T/policies.xml" > "$T/no_value.xml"
sed 's|262144|1000|' "$T/policies.xml" > "$T/odd.xml"
fill() { "$dfs" -mkdir -p /d/sub /full /empty && "$dfs" -touchz /full/f; }
# Policies can't be taken back wholly: their states are put as they were, and the added ones stay.
reset_store() {
  "$dfs" -rm -r -skipTrash /d /full /empty > /dev/null && fill
  "$dfs" ec -disablePolicy -policy RS-3-2-1024k > /dev/null 2>&1
  "$dfs" ec -disablePolicy -policy XOR-2-1-128k > /dev/null 2>&1
}
sed "s|POLICIES|$T/policies.xml|g" << 'CASES' | tr ' ' '\t' > "$T/cases"
ec -addPolicies
ec -getPolicy -path /d
ec -getPolicy -path /none
ec -getPolicy
ec -getPolicy -path /d more
ec -setPolicy -path /d
ec -getPolicy -path /d
ec -getPolicy -path /d/sub
ec -setPolicy -path /d -policy RS-3-2-1024k
ec -enablePolicy -policy RS-3-2-1024k
ec -setPolicy -path /d -policy RS-3-2-1024k
ec -getPolicy -path /d
ec -setPolicy -path /d/sub -replicate
ec -getPolicy -path /d/sub
ec -setPolicy -path /d -policy RS-3-2-1024k -replicate
ec -setPolicy -path /full
ec -setPolicy -path /full/f
ec -setPolicy -path /none
ec -setPolicy -policy RS-3-2-1024k
ec -setPolicy -path /d -policy NONE-1-1-1k
ec -unsetPolicy -path /d
ec -unsetPolicy -path /full
ec -unsetPolicy -path /none
ec -unsetPolicy -path /full/f
ec -unsetPolicy
ec -getPolicy -path /d
ec -listCodecs
ec -listCodecs x
ec -listPolicies x
ec -enablePolicy -policy NONE-1-1-1k
ec -enablePolicy
ec -enablePolicy -policy RS-3-2-1024k x
ec -disablePolicy -policy RS-3-2-1024k
ec -disablePolicy -policy RS-3-2-1024k
ec -disablePolicy
ec -disablePolicy -policy NONE-1-1-1k
ec -removePolicy -policy RS-3-2-1024k
ec -removePolicy -policy NONE-1-1-1k
ec -removePolicy
ec -verifyClusterSetup
ec -verifyClusterSetup x
ec -verifyClusterSetup -policy RS-6-3-1024k
ec -verifyClusterSetup -policy RS-6-3-1024k XOR-2-1-1024k
ec -verifyClusterSetup -policy NONE-1-1-1k
ec -verifyClusterSetup -policy
ec
ec -help
ec -help setPolicy
ec -help bogus
ec -bogus
ec listPolicies
CASES
fill
words_of "$T/cases" "policies of erasure codes are shown and set in Hadoop's words"

# What is added stays: each tool asks a store of its own.
printf '%s\n' "ec -addPolicies -policyFile $T/policies.xml" "ec -addPolicies -policyFile $T/policies.xml x" \
  "ec -addPolicies -policyFile $T/odd.xml" "ec -addPolicies -policyFile $T/no_value.xml" "ec -addPolicies -policyFile $T/policies.xml" 'ec -listPolicies' \
  'ec -enablePolicy -policy XOR-2-1-128k' 'ec -removePolicy -policy XOR-2-1-128k' 'ec -listPolicies' | tr ' ' '\t' > "$T/cases"
reset_store() {
  cluster stop && rm -rf "$C"
  start_cluster --datanodes 1 --no-jobs
}
cluster stop && rm -rf "$C" "$T/theirs" "$T/mine"
start_cluster --datanodes 1 --no-jobs
words_of "$T/cases" "policies of one's own are added from a file, and removed"
