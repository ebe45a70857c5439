#!/bin/bash
# client_hbase_wal.sh -- HBase's own writer of its write-ahead log (FanOutOneBlockAsyncDFSOutput) on our store.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java || ! command -v javac mvn > /dev/null; then
  skip "HBase's log writer: no Java, no Maven or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ashlar/hbase-asyncfs-2.6.1
if [ ! -s "$cache/classpath" ]; then
  mkdir -p "$cache"
  cat > "$cache/pom.xml" <<'X'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>ashlar</groupId><artifactId>wal</artifactId>
<version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.hbase</groupId><artifactId>hbase-asyncfs</artifactId><version>2.6.1-hadoop3</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-client</artifactId><version>3.4.2</version></dependency>
</dependencies></project>
X
  maven_in_turn
  if ! (cd "$cache" && mvn -q dependency:build-classpath -Dmdep.outputFile=cp.tmp > mvn.log 2>&1 && mv cp.tmp classpath); then
    skip "HBase's log writer: Maven has not its jars: $(grep -m 1 ERROR "$cache/mvn.log")"
    exit 0
  fi
fi
CP=$(cat "$cache/classpath")
javac -nowarn -cp "$CP" -d "$T/classes" tests/compat/clients/WalByFanOut.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
start_cluster --datanodes 4 --no-jobs -D dfs.namenode.fs-limits.min-block-size=0 -D dfs.heartbeat.interval=1
java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$CP" WalByFanOut "$C" "$FS_URI" > "$T/out" 2> "$T/err"
rc=$?
grep -E '^(PASS|FAIL) ' "$T/out"
failures=$(grep -c '^FAIL' "$T/out")
if [ $rc -ne 0 ] && [ "$failures" -eq 0 ]; then fail "the driver ends well: $(tail -n 2 "$T/err")"; fi
