# name_dir.sh -- sourced after script.sh: one name directory, served by our namenode and by Hadoop's in turns. Ends the
# script with a skip where Java or Hadoop's jars are missing.
#
#   name_dir SENTENCE DIR [KEY VALUE]...   writes the configuration; FS_URI and HADOOP_CONF_DIR are then set
#   start_ours, start_java [OPTION]...     until it serves
#   stop [SIGNAL]                          whichever runs
#   admin WORD...                          Hadoop's dfsadmin
# shellcheck shell=bash
pid=
name_dir() {
  local what=$1 dir=$2
  shift 2
  have_java || { skip "$what: no Java or no Hadoop jars (HADOOP_LIB)"; exit 0; }
  PORT=${PORT:-$(some_port 2)}
  FS_URI=hdfs://127.0.0.1:$PORT
  HADOOP_CONF_DIR=$T/conf
  export FS_URI HADOOP_CONF_DIR
  java=(java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*")
  mkdir -p "$T/conf"
  site fs.defaultFS "$FS_URI" hadoop.tmp.dir "$T/tmp" > "$T/conf/core-site.xml"
  site dfs.namenode.name.dir "$dir" dfs.namenode.http-address "127.0.0.1:$((PORT + 1))" \
    dfs.namenode.safemode.extension 0 dfs.namenode.safemode.threshold-pct 0 "$@" > "$T/conf/hdfs-site.xml"
  trap 'stop KILL; finish' EXIT
}
site() { # site KEY VALUE...: a configuration file
  echo "<configuration>"
  while [ $# -gt 1 ]; do
    echo "<property><name>$1</name><value>$2</value></property>"
    shift 2
  done
  echo "</configuration>"
}
java_main() { "${java[@]}" "$@"; }
admin() { java_main org.apache.hadoop.hdfs.tools.DFSAdmin "$@" 2>&1; }
start_ours() {
  "$B"/bin/namenode --config "$T/conf" >> "$T/ours.log" 2>&1 &
  pid=$!
  until_ok 20 "$dfs" -ls / || fail "our namenode starts: $(tail -n 3 "$T/ours.log" | tr '\n' ' ')"
}
start_java() {
  "${java[@]}" org.apache.hadoop.hdfs.server.namenode.NameNode "$@" > "$T/java.log" 2>&1 &
  pid=$!
  until_ok 90 "$dfs" -ls / || fail "Java's namenode starts: $(grep -m 1 -E 'Exception|ERROR' "$T/java.log")"
}
stop() {
  [ -n "$pid" ] || return 0
  kill "-${1:-TERM}" "$pid" 2> /dev/null
  wait "$pid" 2> /dev/null
  pid=
}
