# turns.sh -- sourced after script.sh: one store, served by Hadoop's namenode and by ours in turns.
#
#   turns_configure NAME_DIR [KEY VALUE]...   HADOOP_CONF_DIR and FS_URI are then set; PORT is chosen the first time
#   start ours|java [OPTION...]               starts that namenode and waits until it answers; false when it ends
#                                             JAVA_NAMENODE names another class with such a main()
#   stop [SIGNAL]                             ends it
#   turns_datanodes N                         starts N of our datanodes, which keep their data in $T/dN
#   java_main CLASS WORD..., admin WORD...    Hadoop's tools
#   java_build FILE...                        compiles into $T/classes, from where java_main takes it
#   newest_image NAME_DIR, image_xml IMAGE FILE
# shellcheck shell=bash
HADOOP_CONF_DIR=$T/conf
export HADOOP_CONF_DIR
turns_pid='' turns_nodes=()
JAVA_HEAP=${JAVA_HEAP:-512m}

java_words() { turns_java=(java "-Xmx$JAVA_HEAP" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:${HADOOP_LIB:-}/*"); }
java_main() {
  java_words
  "${turns_java[@]}" "$@"
}
admin() { java_main org.apache.hadoop.hdfs.tools.DFSAdmin "$@" 2>&1; }
java_build() {
  mkdir -p "$T/classes"
  javac -nowarn -d "$T/classes" -cp "$HADOOP_LIB/*" "$@" 2> "$T/javac.err" && return
  fail "javac: $(grep -m 1 error "$T/javac.err")"
  exit 1
}

turns_site() { # turns_site KEY VALUE...: a configuration file
  echo "<configuration>"
  while [ $# -gt 1 ]; do
    echo "<property><name>$1</name><value>$2</value></property>"
    shift 2
  done
  echo "</configuration>"
}
turns_configure() { # turns_configure NAME_DIR [KEY VALUE]...
  local dir=$1
  shift
  PORT=${PORT:-$(some_port 60)}
  FS_URI=hdfs://127.0.0.1:$PORT
  export FS_URI
  mkdir -p "$T/conf"
  turns_site fs.defaultFS "$FS_URI" hadoop.tmp.dir "$T/tmp" > "$T/conf/core-site.xml"
  turns_site dfs.namenode.name.dir "$dir" dfs.namenode.http-address "127.0.0.1:$((PORT + 1))" \
    dfs.namenode.safemode.extension 0 dfs.namenode.safemode.threshold-pct 0 dfs.namenode.fs-limits.min-block-size 1 \
    dfs.heartbeat.interval 1 "$@" > "$T/conf/hdfs-site.xml"
  printf '%s\n' log4j.rootLogger=WARN,console log4j.appender.console=org.apache.log4j.ConsoleAppender \
    log4j.appender.console.target=System.err log4j.appender.console.layout=org.apache.log4j.PatternLayout \
    'log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n' > "$T/conf/log4j.properties"
}

answers() { "$dfs" -ls /; }
ended() { ! kill -0 "$turns_pid" 2> /dev/null; }
answers_or_ended() { ended || answers; }
start() { # start ours|java [OPTION...]
  local kind=$1
  shift
  if [ "$kind" = ours ]; then
    "$ROOT/$B/bin/namenode" --config "$T/conf" "$@" > "$T/ours.log" 2>&1 &
  else
    java_words
    "${turns_java[@]}" "${JAVA_NAMENODE:-org.apache.hadoop.hdfs.server.namenode.NameNode}" "$@" > "$T/java.log" 2>&1 &
  fi
  turns_pid=$!
  until_ok "${START_SECONDS:-90}" answers_or_ended
  if ended || ! answers > /dev/null 2>&1; then
    fail "the namenode ($kind) starts: $(grep -m 1 -E 'ERROR|Exception|namenode: ' "$T/$kind.log" | cut -c1-300)"
    return 1
  fi
}
# shellcheck disable=SC2120 # callers give one
stop() { # stop [SIGNAL]
  [ -n "$turns_pid" ] || return 0
  kill "-${1:-TERM}" "$turns_pid" 2> /dev/null
  wait "$turns_pid" 2> /dev/null
  turns_pid=
}
turns_datanodes() { # turns_datanodes N
  local i p
  for ((i = 0; i < $1; i++)); do
    p=$((PORT + 10 + 3 * i))
    "$ROOT/$B/bin/datanode" --config "$T/conf" -D dfs.datanode.data.dir="$T/d$i" -D dfs.datanode.address=127.0.0.1:"$p" \
      -D dfs.datanode.ipc.address=127.0.0.1:$((p + 1)) -D dfs.datanode.http.address=127.0.0.1:$((p + 2)) > "$T/datanode$i.log" 2>&1 &
    turns_nodes+=("$!")
  done
}
turns_end_datanodes() {
  local p
  for p in "${turns_nodes[@]}"; do kill -KILL "$p" 2> /dev/null; done
  wait "${turns_nodes[@]}" 2> /dev/null
  turns_nodes=()
}
turns_finish() {
  stop KILL
  turns_end_datanodes
  finish
}
trap turns_finish EXIT

newest_image() { find "$1/current" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1; }
image_xml() { java_main org.apache.hadoop.hdfs.tools.offlineImageViewer.OfflineImageViewerPB -p XML -i "$1" -o "$2" 2> "$T/oiv.log" > /dev/null; }
