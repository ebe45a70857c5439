#!/bin/bash
# namenode_web.sh -- the namenode's pages: for people, for Prometheus, for Hadoop's tools.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2 --racks 2 --no-jobs
web=${WEBHDFS%/webhdfs*}
"$dfs" -mkdir -p '/d/a <b>&c' && head -c 300000 /dev/urandom | "$dfs" -put - /d/f
"$dfs" -mkdir /closed && "$dfs" -chmod 700 /closed
get() { curl -sf "$web$1" > "$T/page"; }
holds() { grep -q -- "$1" "$T/page" || { echo "not on the page: $1"; return 1; }; }

check "/health" get /health
check "/ shows the store" get /
check "... its datanodes" holds /rack2
check "... and leads to the tree" holds 'href="/browse/"'
check "/browse lists a directory" get /browse/d/
check "... a file with its size" holds '300000'
check "... names are quoted" holds 'a &lt;b&gt;&amp;c'
check "... and so are links" holds '/browse/d/a%20%3Cb%3E%26c/'
check "a quoted link works" get /browse/d/a%20%3Cb%3E%26c/
code() { [ "$(curl -s -o "$T/page" -w '%{http_code}' "$web$1")" = "$2" ] || { head -c 200 "$T/page"; return 1; }; }
check "what is not there is 404" code /browse/none 404
check "what the page's user may not see is 403" code /browse/closed/ 403
check "... in the words of the exception" holds 'Permission denied: user=dr.who'
check "/metrics" get /metrics
check "... counts calls by method" holds 'namenode_client_calls_total{method="mkdirs"}'
check "... live datanodes" holds '^namenode_live_datanodes 2$'
python3 - "$web" > "$T/jmx" 2>&1 << 'P'
import json, sys, urllib.request
def beans(q=""):
    return {b["name"]: b for b in json.load(urllib.request.urlopen(sys.argv[1] + "/jmx" + q))["beans"]}
all_ = beans()
info = all_["Hadoop:service=NameNode,name=NameNodeInfo"]
assert len(json.loads(info["LiveNodes"])) == 2, info["LiveNodes"]
node = list(json.loads(info["LiveNodes"]).values())[0]
assert node["capacity"] > 0 and node["adminState"] == "In Service", node
assert json.loads(info["NameDirStatuses"])["active"], info
assert info["Safemode"] == "", info["Safemode"]
state = all_["Hadoop:service=NameNode,name=FSNamesystemState"]
assert state["FSState"] == "Operational" and state["NumLiveDataNodes"] == 2 and state["BlocksTotal"] == 1, state
one = beans("?qry=Hadoop:service=NameNode,name=NameNodeStatus")
assert list(one) == ["Hadoop:service=NameNode,name=NameNodeStatus"] and list(one.values())[0]["State"] == "active", one
assert all_["Hadoop:service=NameNode,name=FSNamesystem"]["tag.HAState"] == "active"
print("ok")
P
if [ "$(cat "$T/jmx")" = ok ]; then pass "/jmx has Hadoop's beans"; else fail "/jmx has Hadoop's beans: $(tail -n 1 "$T/jmx")"; fi

# WebHDFS: what moves no data is answered here, the rest by a datanode.
rest() { curl -s -X "$1" -o "$T/page" -w '%{http_code}' "$web/webhdfs/v1$2" > "$T/code"; }
check "WebHDFS says what is at a path" rest GET '/d/f?op=GETFILESTATUS'
check "... in JSON" holds '"length":300000'
check "... and makes directories" rest PUT "/made?op=MKDIRS&user.name=$(id -un)"
check "... that are there then" "$dfs" -test -d /made
rest GET '/none?op=LISTSTATUS'
check "what is missing is a RemoteException" holds '"javaClassName":"java.io.FileNotFoundException"'
check "... with status 404" grep -qx 404 "$T/code"
rest GET '/d/f?op=OPEN&noredirect=true'
check "bytes are a datanode's business" holds '"Location":"http://.*/webhdfs/v1/d/f?op=OPEN&namenoderpcaddress='

# ---- how much is logged ----
dn_web=$(tr ',' '\n' < "$C/cluster.json" | grep -o 'dfs.datanode.http.address=[0-9.:]*' | head -n 1 | cut -d= -f2)
check "/logLevel tells the level" get "/logLevel?log=nn.lease"
check "... which is INFO" holds '^<!-- OUTPUT -->Effective Level: <b>INFO</b>'
check "... and sets it" get "/logLevel?log=nn.%3Clease%3E&level=debug"
check "... to DEBUG" holds '^<!-- OUTPUT -->Effective Level: <b>DEBUG</b>'
check "... with names quoted" holds 'Submitted Class Name: <b>nn.&lt;lease&gt;</b>'
"$dfs" -setrep 2 /d/f > /dev/null && "$dfs" -setrep 1 /d/f > /dev/null
check "then more is logged" until_ok 20 grep -q ' DEBUG nn\.' "$C/namenode.log"
check "a level that there is not" get "/logLevel?log=x&level=loud"
check "... changes nothing" holds 'Effective Level: <b>DEBUG</b>'
if have_java; then
  loglevel() { java -Xmx256m -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" org.apache.hadoop.log.LogLevel "$@" 2>&1 | grep -v WARN; }
  loglevel -setlevel "$dn_web" org.apache.hadoop.hdfs.server.datanode.DataNode ERROR > "$T/level"
  check "Hadoop's daemonlog sets a datanode's" grep -q '^Effective Level: ERROR' "$T/level"
  loglevel -getlevel "$dn_web" org.apache.hadoop.hdfs.server.datanode.DataNode > "$T/level"
  check "... and asks for it" grep -q '^Effective Level: ERROR' "$T/level"
fi
