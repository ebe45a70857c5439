# java_namenode.sh -- sourced after script.sh: an unmodified Hadoop namenode, and datanodes of both kinds.
#
#   java_namenode PORT [KEY VALUE]...   formats it under $T, starts it; HADOOP_CONF_DIR and FS_URI are then set; with
#                                       NAMENODE=ours it is ours after all
#   ours N, java_datanode N             starts datanode N, which keeps its data in $T/dN
#   stop NAME [SIGNAL]                  nn, ours3, java4
#   wait_live N                         until so many datanodes are alive
#   java_driver CLASS                   starts a Java program that is told what to do, a line at a time; `ask` has it do one
# shellcheck shell=bash
declare -A pid
HADOOP_CONF_DIR=$T/conf
export HADOOP_CONF_DIR

property() { echo "<property><name>$1</name><value>$2</value></property>"; }
site() { # site KEY VALUE...: a configuration file
  echo "<configuration>"
  while [ $# -gt 1 ]; do
    property "$1" "$2"
    shift 2
  done
  echo "</configuration>"
}
java_exec() { exec java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" "$@"; }

stop() { # stop NAME [SIGNAL]
  [ -n "${pid[$1]:-}" ] || return 0
  kill "-${2:-TERM}" "${pid[$1]}" 2> /dev/null
  wait "${pid[$1]}" 2> /dev/null
  unset "pid[$1]"
}
cleanup() {
  for name in "${!pid[@]}"; do stop "$name" KILL; done
  if [ $failures -gt 0 ] && [ -n "${KEEP:-}" ]; then echo "kept: $T"; else rm -rf "$T"; fi
  exit $((failures > 0))
}
trap cleanup EXIT

java_namenode() { # java_namenode PORT [KEY VALUE]...
  PORT=$1
  shift
  FS_URI=hdfs://127.0.0.1:$PORT
  mkdir -p "$T/conf"
  site fs.defaultFS "$FS_URI" hadoop.tmp.dir "$T/tmp" > "$T/conf/core-site.xml"
  conf_pairs=(dfs.namenode.name.dir "$T/name" dfs.namenode.http-address "127.0.0.1:$((PORT + 1))"
    dfs.heartbeat.interval 1 dfs.namenode.heartbeat.recheck-interval 1000 dfs.namenode.redundancy.interval.seconds 1s
    dfs.namenode.reconstruction.pending.timeout-sec 5 dfs.client.socket-timeout 20000 "$@")
  site "${conf_pairs[@]}" > "$T/conf/hdfs-site.xml"
  cat > "$T/conf/log4j.properties" << 'L'
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
L
  if [ "${NAMENODE:-java}" = ours ]; then
    "$ROOT/$B/bin/namenode" --config "$T/conf" -format > "$T/format.log" 2>&1
    "$ROOT/$B/bin/namenode" --config "$T/conf" > "$T/nn.log" 2>&1 &
  else
    (java_exec org.apache.hadoop.hdfs.server.namenode.NameNode -format -nonInteractive) > "$T/format.log" 2>&1
    java_exec org.apache.hadoop.hdfs.server.namenode.NameNode > "$T/nn.log" 2>&1 &
  fi
  pid[nn]=$!
}
datanode_port() { echo $((PORT + 10 + 3 * $1)); }
ours() { # ours N [KEY=VALUE]...
  local n=$1 p o=()
  p=$(datanode_port "$n")
  shift
  for kv in "$@"; do o+=(-D "$kv"); done
  "$ROOT/$B/bin/datanode" -D dfs.datanode.data.dir="$T/d$n" -D dfs.datanode.address=127.0.0.1:"$p" \
    -D dfs.datanode.ipc.address=127.0.0.1:$((p + 1)) -D dfs.datanode.http.address=127.0.0.1:$((p + 2)) "${o[@]}" \
    >> "$T/ours$n.log" 2>&1 &
  pid[ours$n]=$!
}
java_datanode() { # java_datanode N
  local n=$1 p
  p=$(datanode_port "$n")
  mkdir -p "$T/conf$n"
  cp "$T/conf/core-site.xml" "$T/conf/log4j.properties" "$T/conf$n"
  site "${conf_pairs[@]}" dfs.datanode.data.dir "$T/d$n" dfs.datanode.address "127.0.0.1:$p" \
    dfs.datanode.ipc.address "127.0.0.1:$((p + 1))" dfs.datanode.http.address "127.0.0.1:$((p + 2))" > "$T/conf$n/hdfs-site.xml"
  HADOOP_CONF_DIR=$T/conf$n java_exec org.apache.hadoop.hdfs.server.datanode.DataNode > "$T/java$n.log" 2>&1 &
  pid[java$n]=$!
}
live_count() {
  python3 - "$((PORT + 1))" << 'P' 2> /dev/null
import json, sys, urllib.request
u = "http://127.0.0.1:%s/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" % sys.argv[1]
print(json.load(urllib.request.urlopen(u, timeout=5))["beans"][0]["NumLiveDataNodes"])
P
}
is_live() { [ "$(live_count)" = "$1" ]; }
wait_live() { # wait_live N
  until_ok 120 is_live "$1" && return 0
  fail "$1 datanodes register with a Java namenode: $(tail -n 3 "$T/nn.log" | tr '\n' ' ')"
  exit 1
}

java_driver() { # java_driver FILE.java: compiled, started, fed by `ask`
  mkdir -p "$T/classes"
  javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" "$1" 2> "$T/javac.err" || { fail "$1 compiles: $(cat "$T/javac.err")"; exit 1; }
  mkfifo "$T/ask" "$T/answer"
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" \
    "$(basename "$1" .java)" < "$T/ask" > "$T/answer" 2> "$T/driver.err" &
  pid[driver]=$!
  exec 7> "$T/ask" 8< "$T/answer"
}
ask() { # ask WORD...: the answer's line in REPLY; false when it begins with "error"
  local line
  printf '%s\n' "$*" >&7
  read -r -t 300 line <&8 || { REPLY="error: no answer; $(tail -n 2 "$T/driver.err")"; return 1; }
  REPLY=$line
  [ "${line#error}" = "$line" ]
}
