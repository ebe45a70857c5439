#!/usr/bin/env python3
"""namenode_locations.py [--calls N] [--rounds R] [--alone] -- what finding a file and its blocks costs the namenode.

CPU of the namenode's process for getBlockLocations on files of one and of ten blocks with three replicas each, and for getFileInfo
twelve directories deep, beside a real Hadoop's in the same run: 4 connections with 64 calls in flight each (tests/bench/path_load), the two
taking turns, each warmed up first, the best of R rounds for both. The datanodes exist on the wire only
(tests/bench/fake_datanodes). Limit: a tenth of Hadoop's CPU.

Needs $ASHLAR_SHARED (default ../shared) and $HADOOP_LIB; without the jars, or with --alone, our figures are printed without limits.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import namenode_ops
from namenode_ops import B, LIB, Count

SHARE = 10
FILES = 50
DEEP = "/deep" + "".join("/directory-%d" % i for i in range(11))
CASES = [("one", "getBlockLocations", "/one/f", "getBlockLocations, 1 block"),
         ("ten", "getBlockLocations", "/ten/f", "getBlockLocations, 10 blocks"),
         ("deep", "getFileInfo", DEEP + "/f", "getFileInfo, 12 directories deep"),
         ("flat", "getFileInfo", "/one/f", "getFileInfo of a file with a block")]


def cpu_us(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def make_files(server):
    for directory, blocks in (("/one", 1), ("/ten", 10), (DEEP, 1)):
        subprocess.run([B + "/tests/bench/fake_datanodes", "127.0.0.1:%d" % server.port, "3", "1", "files", directory,
                        str(FILES), str(blocks)], check=True)


def load(server, method, prefix, calls):
    """CPU microseconds of the namenode for a call, and what was printed about the answers."""
    before = cpu_us(server.pid)
    r = subprocess.run([B + "/tests/bench/path_load", "127.0.0.1", str(server.port), method, prefix, str(FILES), str(calls)],
                       text=True, stdout=subprocess.PIPE, check=True)
    return (cpu_us(server.pid) - before) / calls, r.stdout.strip()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--calls", type=int, default=100000)
    ap.add_argument("--rounds", type=int, default=4)
    ap.add_argument("--alone", action="store_true", help="no Hadoop beside it")
    a = ap.parse_args()
    work = tempfile.mkdtemp(prefix="ashlar-bench-")
    stops, servers, best, said = [], [], {}, {}
    try:
        starters = [namenode_ops.start_ours]
        if not a.alone and os.path.isdir(LIB):
            starters.append(namenode_ops.start_hadoop)
        for start in starters:
            server, stop = start(work)
            servers.append(server)
            stops.append(stop)
            make_files(server)

        def measure(s, case, r):
            _, method, prefix, _ = next(c for c in CASES if c[0] == case)
            us, said[s.name, case] = load(s, method, prefix, a.calls)
            if r:  # round 0 warms up
                best[s.name, case] = min(us, best.get((s.name, case), us))

        namenode_ops.in_turn(servers, [(c[0], None, None) for c in CASES], a.rounds + 1, measure)
    finally:
        for stop in stops:
            stop()
        shutil.rmtree(work, ignore_errors=True)
    count = Count()
    for case, _, _, name in CASES:
        ours, theirs = best["ashlar", case], best.get(("hadoop", case))
        count.line("CPU of " + name, "%.2f us" % ours,
                   theirs and "%.2f us (1/%d of Hadoop's %.1f)" % (theirs / SHARE, SHARE, theirs),
                   not theirs or ours <= theirs / SHARE)
        print("     " + "; ".join("%s: %s" % (s.name, said[s.name, case]) for s in servers))
    print("load average %.1f; %d passed, %d failed" % (os.getloadavg()[0], count.passed, count.failed))
    return count.failed > 0


if __name__ == "__main__":
    sys.exit(main())
