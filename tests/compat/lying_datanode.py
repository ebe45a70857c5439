#!/usr/bin/env python3
"""Hadoop's own client reads from a datanode that lies (tests/lib/lying_datanode.py): never wrong bytes, and the namenode, ours,
is told of what does not match its checksums."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from lying_datanode import ROOT, World
import rpc_hostile

LIB = os.environ.get("HADOOP_LIB", "")


# Where Hadoop's client does not go on with another datanode but ends with an error: an exception that its code does not expect.
ENDS_WITH = {"no-kind-of-checksum", "checksums-of-no-bytes", "checksums-of-two-gigabytes", "data-of-negative-length", "too-few-checksums",
             "no-checksums"}
# What it believes: it skips to the place that a packet names, and compares with no place of its own.
BELIEVES = {"a-packet-at-a-negative-place"}
# What it takes for a bad replica.
ALSO_TOLD = {"checksums-of-other-chunks", "less-data-than-its-packet"}


def java(w, *words):
    return subprocess.run(["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
                           "%s/classes:%s:%s/*" % (w.work, w.env["HADOOP_CONF_DIR"], LIB), *words], env=w.env, timeout=400,
                          stderr=open(w.work + "/java.log", "wb"))


def read_all(w, directory, to):
    """Each file by a command of its own, all in one JVM."""
    os.mkdir(to)
    subprocess.run(["javac", "-nowarn", "-cp", LIB + "/*", "-d", w.work + "/classes", ROOT + "/tests/compat/FsShellDriver.java"], check=True)
    with open(w.work + "/cases", "w") as f:
        f.writelines("-cat\t%s/%s\n" % (directory, name) for name in w.names)
    java(w, "FsShellDriver", w.work + "/cases", to)
    return {name: open("%s/%d.out" % (to, n), "rb").read() for n, name in enumerate(w.names)}


def main():
    if not os.path.isdir(LIB) or not shutil.which("javac"):
        print("SKIP lies to Hadoop's client: no javac or no Hadoop jars (HADOOP_LIB)")
        return 0
    w = World()
    try:
        w.put("/three", 3)
        w.begin_lying("/three")
        w.judge("Hadoop's client", read_all(w, "/three", w.work + "/out"), "/three",
                ENDS_WITH, BELIEVES, ALSO_TOLD)
    finally:
        w.close()
    return rpc_hostile.failures > 0


if __name__ == "__main__":
    sys.exit(main())
