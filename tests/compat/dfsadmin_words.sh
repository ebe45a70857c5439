#!/bin/bash
# dfsadmin_words.sh -- dfs admin beside Hadoop's dfsadmin, word for word; the image that -fetchImage gets, and what
# else operators ask a namenode's web server.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/admin_words.sh"
start_cluster --datanodes 1 --no-jobs
dn=$(tr ',' '\n' < "$C/cluster.json" | grep -o 'dfs.datanode.ipc.address=[0-9.:]*' | cut -d= -f2)
fill() {
  mkdir -p "$T/images" && rm -f "$T"/images/*
  "$dfs" -mkdir -p /s /t /q
  "$dfs" admin -allowSnapshot /s && "$dfs" admin -allowSnapshot /t
} > /dev/null
reset_store() {
  "$dfs" admin -safemode leave
  for d in /s /t; do "$dfs" admin -disallowSnapshot $d; done
  "$dfs" -rm -r -skipTrash /s /t /q && fill
} > /dev/null 2>&1
sed "s|DN|$dn|g; s|IMAGES|$T/images|g" << 'CASES' | tr ' ' '\t' > "$T/cases"
admin -getDatanodeInfo
admin -getDatanodeInfo bad
admin -getVolumeReport
admin -getBalancerBandwidth
admin -setBalancerBandwidth 1048576
admin -setBalancerBandwidth -1
admin -setBalancerBandwidth x
admin -setBalancerBandwidth
admin -refreshNamenodes DN
admin -refreshNamenodes
admin -triggerBlockReport DN
admin -triggerBlockReport -incremental DN
admin -triggerBlockReport -incremental
admin -triggerBlockReport
admin -triggerBlockReport DN DN2
admin -evictWriters DN
admin -deleteBlockPool DN BP-none
admin -deleteBlockPool DN
admin -deleteBlockPool DN BP-none forced
admin -shutdownDatanode
admin -shutdownDatanode DN now
admin -restoreFailedStorage check
admin -restoreFailedStorage true
admin -restoreFailedStorage false
admin -restoreFailedStorage maybe
admin -restoreFailedStorage
admin -metasave meta.txt
admin -metasave
admin -finalizeUpgrade
admin -upgrade query
admin -upgrade finalize
admin -upgrade no
admin -upgrade
admin -rollingUpgrade
admin -rollingUpgrade query
admin -rollingUpgrade no
admin -refreshServiceAcl
admin -refreshServiceAcl x
admin -refreshUserToGroupsMappings
admin -refreshSuperUserGroupsConfiguration
admin -refreshCallQueue
admin -refreshNodes
admin -refreshNodes x
admin -rollEdits x
admin -saveNamespace
admin -safemode get
admin -safemode
admin -safemode no
admin -safemode enter
admin -saveNamespace
admin -safemode leave
admin -fetchImage IMAGES
admin -fetchImage
admin -allowSnapshot /q
admin -disallowSnapshot /q
admin -allowSnapshot /none
admin -allowSnapshot
admin -provisionSnapshotTrash /s
admin -provisionSnapshotTrash /s
admin -provisionSnapshotTrash /q
admin -provisionSnapshotTrash /none
admin -provisionSnapshotTrash
admin -listOpenFiles
admin -listOpenFiles -path /s
admin -listOpenFiles -blockingDecommission
admin -reconfig datanode DN properties
admin -reconfig datanode DN status
admin -reconfig datanode DN no
admin -reconfig journal DN start
admin -reconfig datanode DN
admin -reconfig namenode livenodes start
admin -bogus
admin
admin -help reconfig
admin -help fetchImage
CASES
fill
words_of "$T/cases" "a namenode and datanodes are administered in Hadoop's words"

# ---- what has no fixed words ----
check "getDatanodeInfo tells about a datanode" sh -c "'$dfs' admin -getDatanodeInfo $dn | grep -q '^Uptime: [0-9]*, Software version: 3.4.2, Config version: core-'"
check "getVolumeReport lists its volumes" sh -c "'$dfs' admin -getVolumeReport $dn | grep -A9 '^Active Volumes : 1' | grep -q '^StorageType: DISK'"
set_to() { "$dfs" admin -getBalancerBandwidth "$dn" | grep -q '^Balancer bandwidth is 2097152 bytes per second.$'; }
"$dfs" admin -setBalancerBandwidth 2m > /dev/null
check "a datanode hears of the balancer's bandwidth" until_ok 20 set_to
image=$(find "$T/images" -name 'fsimage_*')
check "the image that was fetched is the namenode's newest" cmp "$image" "$C/data/name/current/$(basename "$image")"
get() { curl -s --noproxy '*' -H "Accept: ${2:-text/plain}" "$WEBHDFS/$1"; }
check "/topology shows the racks" sh -c "$(declare -f get); WEBHDFS=$WEBHDFS; get topology | grep -q '^Rack: /rack1' && get topology application/json | grep -q '/rack1'"
check "/conf shows a setting" sh -c "$(declare -f get); WEBHDFS=$WEBHDFS; get 'conf?name=dfs.replication' | grep -q '<name>dfs.replication</name><value>1</value>'"
check "/startupProgress is at its end" sh -c "$(declare -f get); WEBHDFS=$WEBHDFS; get startupProgress | grep -q '\"percentComplete\": *1.0'"
check "/isActive says so" sh -c "$(declare -f get); WEBHDFS=$WEBHDFS; get isActive | grep -q 'I am Active!'"
check "shutdownDatanode ends a datanode" "$dfs" admin -shutdownDatanode "$dn"
gone() { ! kill -0 "$PID_datanode0"; }
check "it is gone" until_ok 20 gone
