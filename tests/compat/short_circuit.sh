#!/bin/bash
# short_circuit.sh -- Hadoop's own client, with its own native library, reads our datanodes' files through passed
# descriptors: shared memory slots, anchors of blocks in memory, revocation. The library is the one that Trino's
# build of Hadoop carries; Hadoop's jars have none.
. "$(dirname "$0")/../lib/script.sh"
. tests/lib/foreign.sh
what="short-circuit reads by Hadoop's client"
have_java && command -v javac > /dev/null || { skip "$what: no Java or no Hadoop jars (HADOOP_LIB)"; exit 0; }
jars trino io.trino.hadoop:hadoop-apache:3.3.5-3 || { skip "$what: $why"; exit 0; }
python3 - "$JARS" "$T" << 'END' || { skip "$what: no libhadoop.so for this machine"; exit 0; }
import glob, platform, sys, zipfile
arch = {"x86_64": "amd64"}.get(platform.machine(), platform.machine())
with zipfile.ZipFile(glob.glob(sys.argv[1] + "/hadoop-apache-*.jar")[0]) as z, open(sys.argv[2] + "/libhadoop.so", "wb") as f:
    f.write(z.read("nativelib/Linux-%s/libhadoop.so" % arch))
END
javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/ShortCircuit.java 2> "$T/javac.err" ||
  { fail "the driver compiles: $(tail -n 3 "$T/javac.err")"; exit 1; }
start_cluster --datanodes 1 --no-jobs -D dfs.replication=1 -D dfs.heartbeat.interval=200ms \
  -D dfs.datanode.max.locked.memory=4194304 -D dfs.cachereport.intervalMsec=200 -D dfs.datanode.cache.revocation.polling.ms=50 \
  -D dfs.namenode.path.based.cache.refresh.interval.ms=200 -D dfs.namenode.fs-limits.min-block-size=0
java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.library.path="$T" -cp "$T/classes:$HADOOP_LIB/*" ShortCircuit "$FS_URI" \
  "$C/dn0.sock" > "$T/out" 2> "$T/err"
rc=$?
grep -E '^(PASS|FAIL|SKIP) ' "$T/out"
failures=$(grep -c '^FAIL' "$T/out")
if [ $rc -ne 0 ] && [ "$failures" -eq 0 ]; then fail "the driver ends well: $(grep -v Native "$T/err" | grep -m 2 Exception)"; fi
