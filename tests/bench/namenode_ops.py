#!/usr/bin/env python3
"""namenode_ops.py [--n N] [--rounds R] [--dir DIR] [--ops a,b] [--alone] -- what an operation costs the namenode.

CPU of the namenode's process (user and system, kernel's share of the network included) for each operation, 4 connections with 64
calls in flight each, beside a real Hadoop's in the same run: the same load generator (peers/nnload.c), the two taking turns at each
operation, each warmed up first, the best of R rounds for both. Then changes a second with one call in flight, every one of them
fsynced, in the same way, the best of many short rounds.

Needs $ASHLAR_SHARED (default ../shared) and $HADOOP_LIB; without the jars, or with --alone, our figures are printed without limits.
Each line: what, figure, limit, and PASS or FAIL. The last line counts.
"""
import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
SHARED = os.environ.get("ASHLAR_SHARED", os.path.join(ROOT, "..", "shared"))
LIB = os.environ.get("HADOOP_LIB", "")
# operation: (name, our share of Hadoop's CPU at most)
SHARES = [("create", "create+complete", 5), ("stat", "getFileInfo", 10), ("open", "getBlockLocations", 10),
          ("mkdirs", "mkdirs", 5), ("rename", "rename2", 5), ("delete", "delete", 5)]
SYNCED = ["create", "mkdirs", "rename", "delete"]


def free_port(count=1):
    """A port with COUNT free ones behind it."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port + count < 60000:
            return port


class Server:
    def __init__(self, name, port, pid):
        self.name, self.port, self.pid = name, port, pid


def wait_port(port, process):
    for _ in range(6000):  # an image of ten million files takes its time
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                sys.exit("namenode ended with %d" % process.returncode)
            time.sleep(0.05)
    sys.exit("port %d did not open" % port)


def start_ours(work):
    port, web = free_port(), free_port()
    args = [B + "/bin/namenode", "-D", "fs.defaultFS=hdfs://127.0.0.1:%d" % port, "-D",
            "dfs.namenode.http-address=127.0.0.1:%d" % web, "-D", "dfs.namenode.name.dir=" + work + "/ours"]
    log = open(work + "/ours.log", "wb")
    subprocess.run(args + ["-format", "-nonInteractive"], check=True, stdout=log, stderr=log)
    process = subprocess.Popen(args, stdout=log, stderr=log)
    wait_port(port, process)
    return Server("ashlar", port, process.pid), process.terminate


def start_hadoop(work):
    script, d = SHARED + "/peers/hadoop-cluster", work + "/hadoop"
    env = dict(os.environ, PEERS_TMP=os.environ.get("PEERS_TMP", work))
    base = free_port(130) - 20
    subprocess.run([script, "start", d, "--datanodes", "0", "--port", str(base)], check=True, env=env,
                   stdout=subprocess.DEVNULL)
    server = Server("hadoop", base + 20, int(open(d + "/nn.pid").read()))
    return server, lambda: subprocess.run([script, "stop", d], env=env, stdout=subprocess.DEVNULL, check=False)


def nnload(binary, server, op, n, conns, window, directory):
    """CPU microseconds of the namenode for an operation, and operations a second."""
    r = subprocess.run([binary, "127.0.0.1", str(server.port), op, str(n), str(conns), str(window), directory,
                        str(server.pid)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    m = re.search(r"sec=([\d.]+) .*srv_cpu_us_op=([\d.]+) errors=(\d+)", r.stdout)
    if not m or m.group(3) != "0":
        sys.exit("%s on %s: %s" % (op, server.name, r.stdout))
    return float(m.group(2)), n / float(m.group(1))


def in_turn(servers, ops, rounds, measure):
    """Calls measure(server, op, round); the servers take turns at each operation, and at going first."""
    for r in range(rounds):
        for k, (op, _, _) in enumerate(ops):
            for s in servers if (r + k) % 2 else servers[::-1]:
                measure(s, op, r)


def cpu_rounds(binary, servers, ops, n, rounds):
    """{server: {op: best CPU}}"""
    best = {s.name: {} for s in servers}

    def measure(s, op, r):
        us, _ = nnload(binary, s, op, n, 4, 64, "/cpu-%d" % r)
        if r and op in ops:  # round 0 warms up
            best[s.name][op] = min(us, best[s.name].get(op, us))

    in_turn(servers, SHARES, rounds + 1, measure)  # all of them: stat needs what create made
    return best


def synced_rounds(binary, servers, n, rounds):
    """{server: {op: best rate}} of many short rounds, since the disk's own rate wanders."""
    best = {s.name: {} for s in servers}

    def measure(s, op, r):
        _, rate = nnload(binary, s, op, n, 1, 1, "/sync-%d" % r)
        best[s.name][op] = max(rate, best[s.name].get(op, 0))

    in_turn(servers, [row for row in SHARES if row[0] in SYNCED], rounds, measure)
    return best


class Count:
    passed = failed = 0

    def line(self, what, figure, limit, good):
        if limit is None:
            print("%-34s %10s" % (what, figure))
            return
        self.passed += good
        self.failed += not good
        print("%s %-34s %10s   limit %s" % ("PASS" if good else "FAIL", what, figure, limit))


def report(count, ops, cpu, synced):
    for op, name, share in SHARES:
        if op not in ops:
            continue
        ours, theirs = cpu["ashlar"][op], cpu.get("hadoop", {}).get(op)
        limit = theirs and theirs / share
        count.line("CPU of %s" % name, "%.2f us" % ours,
                   limit and "%.2f us (1/%d of Hadoop's %.1f)" % (limit, share, theirs), not limit or ours <= limit)
    for op in SYNCED if synced else []:
        ours, theirs = synced["ashlar"][op], synced.get("hadoop", {}).get(op)
        count.line("fsynced %s, one in flight" % op, "%.0f /s" % ours, theirs and "%.0f /s (Hadoop's)" % theirs,
                   not theirs or ours >= theirs)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--n", type=int, default=100000)
    ap.add_argument("--n-synced", type=int, default=500)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--rounds-synced", type=int, default=10)
    ap.add_argument("--ops", default=",".join(op for op, _, _ in SHARES))
    ap.add_argument("--dir", help="where both keep their names (default: a new directory under TMPDIR)")
    ap.add_argument("--alone", action="store_true", help="no Hadoop beside it")
    a = ap.parse_args()
    if not os.path.exists(SHARED + "/peers/nnload.c"):
        print("SKIP namenode_ops: no peers/nnload.c (set ASHLAR_SHARED)")
        return 0
    work = tempfile.mkdtemp(prefix="ashlar-bench-", dir=a.dir)
    binary, stops, servers = work + "/nnload", [], []
    subprocess.run(["gcc", "-O2", "-w", "-pthread", "-o", binary, SHARED + "/peers/nnload.c"], check=True)
    try:
        server, stop = start_ours(work)
        servers.append(server)
        stops.append(stop)
        if not a.alone and os.path.isdir(LIB):
            server, stop = start_hadoop(work)
            servers.append(server)
            stops.append(stop)
        elif not a.alone:
            print("SKIP Hadoop's side: no jars (set HADOOP_LIB)")
        cpu = cpu_rounds(binary, servers, a.ops.split(","), a.n, a.rounds)
        synced = synced_rounds(binary, servers, a.n_synced, a.rounds_synced) if a.n_synced else None
    finally:
        for stop in stops:
            stop()
        shutil.rmtree(work, ignore_errors=True)
    count = Count()
    report(count, a.ops.split(","), cpu, synced)
    print("load average %.1f; %d passed, %d failed" % (os.getloadavg()[0], count.passed, count.failed))
    return count.failed > 0


if __name__ == "__main__":
    sys.exit(main())
