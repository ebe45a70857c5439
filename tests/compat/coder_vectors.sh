#!/bin/bash
# coder_vectors.sh -- tests/golden/erasure/coders.txt is what Hadoop's coders write.
. "$(dirname "$0")/../lib/script.sh"

if ! have_java; then
  skip "coder_vectors: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_LIB/*" tests/compat/java/CoderVectors.java 2> "$T/err" |
  grep -v ' WARN ' > "$T/vectors"
same "Hadoop's coders write the golden vectors" tests/golden/erasure/coders.txt "$T/vectors"
