#!/bin/bash
# namenode_command.sh -- the namenode's command line: formatting, refusals, exit codes.
. "$(dirname "$0")/../lib/script.sh"
nn=$ROOT/$B/bin/namenode
unset HADOOP_CONF_DIR
RPC=$(some_port 2) WEB=$((RPC + 1))
set_=(-D "dfs.namenode.name.dir=$T/name" -D "fs.defaultFS=hdfs://127.0.0.1:$RPC" -D "dfs.namenode.http-address=127.0.0.1:$WEB")
serve() { # serve [settings...]: in the background, until it answers
  "$nn" "${set_[@]}" "$@" 2> "$T/nn.log" &
  pid=$!
  until_ok 20 curl -sf "http://127.0.0.1:$WEB/health"
}
ends() { # ends CODE COMMAND...
  local want=$1 rc
  shift
  "$@" < /dev/null > "$T/out" 2>&1
  rc=$?
  [ $rc -eq "$want" ] || { echo "ended with $rc"; cat "$T/out"; return 1; }
}
says() { grep -q -- "$1" "$T/out" || { echo "said: $(cat "$T/out")"; return 1; }; }

check "--help" ends 0 "$nn" --help
check "--help-config lists the keys" ends 0 "$nn" --help-config
check "... dfs.namenode.name.dir among them" says dfs.namenode.name.dir
check "--version" ends 0 "$nn" --version
check "an unknown argument is refused with 2" ends 2 "$nn" -nonsense
check "-clusterid wants an id" ends 2 "$nn" -format -clusterid
check "a bad value is refused with 2" ends 2 "$nn" "${set_[@]}" -D dfs.replication=many
check "... and names the key" says dfs.replication
check "it does not start unformatted" ends 1 "$nn" "${set_[@]}"
check "... and says so in Hadoop's words" says "NameNode is not formatted"
check "-format" ends 0 "$nn" "${set_[@]}" -format -clusterid CID-test
check "... makes a store" grep -q CID-test "$T/name/current/VERSION"
check "-format -nonInteractive keeps what is there" ends 1 "$nn" "${set_[@]}" -format -nonInteractive
check "... with its id" grep -q CID-test "$T/name/current/VERSION"
check "-format asks, and no answer is no" ends 1 "$nn" "${set_[@]}" -format
check "-format -force makes a new one" ends 0 "$nn" "${set_[@]}" -format -force
if grep -q CID-test "$T/name/current/VERSION"; then fail "... with a new id"; else pass "... with a new id"; fi

check "it serves" serve
check "a second one is refused the directory" ends 1 "$nn" "${set_[@]}" -D "fs.defaultFS=hdfs://127.0.0.1:$(some_port)" -D dfs.namenode.http-address=127.0.0.1:0
check "... and told who has it" says "$pid"
check "formatting under it is refused" ends 1 "$nn" "${set_[@]}" -format -force
"$dfs" -fs "hdfs://127.0.0.1:$RPC" -mkdir /kept
kill "$pid"
wait "$pid"
rc=$?
if [ $rc -eq 0 ]; then pass "SIGTERM ends it with 0"; else fail "SIGTERM ends it with $rc: $(tail -n 2 "$T/nn.log")"; fi
if ls "$T"/name/current/edits_inprogress_* > /dev/null 2>&1; then fail "and its segment is closed"; else pass "and its segment is closed"; fi
check "it starts again" serve
check "and has kept what was there" "$dfs" -fs "hdfs://127.0.0.1:$RPC" -test -d /kept
kill -9 "$pid"
wait "$pid" 2> /dev/null

# A flipped bit in what it would start from is found, and named.
edits=$(find "$T/name/current" -name 'edits_0*-*' | sort | head -n 1)
cp -r "$T/name" "$T/spoilt"
python3 - "$T/spoilt/current/${edits##*/}" << 'P'
import sys
f = open(sys.argv[1], "r+b")
f.seek(40)
b = f.read(1)[0]
f.seek(40)
f.write(bytes([b ^ 1]))
P
check "it does not start from damaged edits" ends 1 "$nn" "${set_[@]}" -D "dfs.namenode.name.dir=$T/spoilt"
check "... and names the file" says "${edits##*/}"

# No configuration at all: a store under the home directory, on loopback.
if curl -s -o /dev/null http://127.0.0.1:9870/ || curl -s -o /dev/null http://127.0.0.1:8020/; then
  skip "without configuration: its ports are in use here"
else
  HOME=$T/home
  mkdir "$HOME"
  HOME=$T/home "$nn" 2> "$T/bare.log" &
  bare=$!
  if until_ok 20 curl -sf http://127.0.0.1:9870/health && [ -e "$T/home/.ashlar/dfs/name/current/VERSION" ]; then
    pass "without configuration it makes its store and serves"
  else fail "without configuration: $(tail -n 2 "$T/bare.log")"; fi
  kill $bare
  wait $bare 2> /dev/null
fi
