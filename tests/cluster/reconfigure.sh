#!/bin/bash
# reconfigure.sh -- settings of a namenode and of datanodes change while these run, and do what they say; a bad value fails
# alone. The words are those of Hadoop's dfsadmin.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --no-jobs
nn=${FS_URI#hdfs://}
cp -r "$HADOOP_CONF_DIR" "$T/client" # for the commands: theirs stays as it is
export HADOOP_CONF_DIR=$T/client
dn=$(tr ',' '\n' < "$C/cluster.json" | grep -o 'dfs.datanode.ipc.address=[0-9.:]*' | head -n 1 | cut -d= -f2)
set_to() { # set_to KEY VALUE: in the files, in place of what was there
  sed -i "/<name>$1</d; s|</configuration>|<property><name>$1</name><value>$2</value></property>\n</configuration>|" "$C/conf/hdfs-site.xml"
}
says() { # says SENTENCE EXPECTED WORDS...: times as DATE
  local what=$1 expected=$2
  shift 2
  "$dfs" admin "$@" 2>&1 | sed -E "s/at [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [A-Z]+ [0-9]{4}/at DATE/g; s/127[0-9.:]+/NODE/g" > "$T/said"
  printf '%s\n' "$expected" > "$T/expected"
  same "$what" "$T/expected" "$T/said"
}
says "at first nothing was done" "Reconfiguring status for node [NODE]: no task was found." -reconfig namenode "$nn" status
"$dfs" admin -reconfig namenode "$nn" properties > "$T/listed"
for key in dfs.heartbeat.interval dfs.namenode.heartbeat.recheck-interval dfs.block.invalidate.limit dfs.namenode.replication.max-streams; do
  check "$key can be changed" grep -q "^$key\$" "$T/listed"
done
set_to dfs.heartbeat.interval 1
set_to dfs.namenode.heartbeat.recheck-interval 500
set_to dfs.namenode.replication.max-streams abc
says "it starts" "Started reconfiguration task on node [NODE]." -reconfig namenode "$nn" start
says "a bad value fails alone" 'Reconfiguring status for node [NODE]: started at DATE and finished at DATE.
SUCCESS: Changed property dfs.heartbeat.interval
	From: "3s"
	To: "1"
SUCCESS: Changed property dfs.namenode.heartbeat.recheck-interval
	From: "300000"
	To: "500"
FAILED: Change property dfs.namenode.replication.max-streams
	From: "2"
	To: "abc"
	Error: '"$C/conf/hdfs-site.xml"': dfs.namenode.replication.max-streams is "abc", expected a whole number from 0 to 10000.' \
  -reconfig namenode "$nn" status
set_to dfs.namenode.replication.max-streams 7
"$dfs" admin -reconfig namenode "$nn" start > /dev/null
says "what has been changed is not changed again" 'Reconfiguring status for node [NODE]: started at DATE and finished at DATE.
SUCCESS: Changed property dfs.namenode.replication.max-streams
	From: "2"
	To: "7"' -reconfig namenode "$nn" status
cluster kill datanode1
dead() { "$dfs" admin -report -dead | grep -q '^Dead datanodes (1):'; }
check "a datanode that is silent for eleven seconds is dead now" until_ok 30 dead

reports() { curl -s --noproxy '*' "http://$http/metrics" | sed -n 's/^datanode_block_reports_total //p'; }
http=$(tr ',' '\n' < "$C/cluster.json" | grep -o 'dfs.datanode.http.address=[0-9.:]*' | head -n 1 | cut -d= -f2)
before=$(reports)
set_to dfs.blockreport.intervalMsec 300
set_to dfs.datanode.max.transfer.threads 99
says "it starts on all datanodes" "Started reconfiguration task on node [NODE].
Starting of reconfiguration task successful on 1 nodes, failed on 0 nodes." -reconfig datanode livenodes start
says "a datanode has changed" 'Reconfiguring status for node [NODE]: started at DATE and finished at DATE.
SUCCESS: Changed property dfs.blockreport.intervalMsec
	From: "21600000"
	To: "300"
SUCCESS: Changed property dfs.datanode.max.transfer.threads
	From: "4096"
	To: "99"' -reconfig datanode "$dn" status
more() { [ "$(reports)" -ge $((before + 3)) ]; }
check "its full reports come more often" until_ok 30 more
echo '<configuration' > "$C/conf/hdfs-site.xml"
refuse "a file that does not parse changes nothing" "hdfs-site.xml" "$dfs" admin -reconfig namenode "$nn" start
