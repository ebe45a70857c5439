#!/usr/bin/env python3
"""small_files.py [SECONDS] -- 10 KiB files from the stock Java client with its default settings, files a second.

One thread and eight, replication 1, three datanodes: ours and a real Hadoop take turns in the same run, so many seconds (8) each after
five in which the client warms up, two rounds, the best of both. Limits: fifty times Hadoop's with one thread, twenty with eight. And
`complete` must never have been answered false: a client told so sleeps for 400 ms.

Beside each rate: what the client's own CPU was for each file, and the daemons'; how long a file took to be created, and to be
written and closed. With eight threads the client's CPU bounds the rate.

Needs $ASHLAR_SHARED (default ../shared) and $HADOOP_LIB; skipped without.
"""
import os
import shutil
import subprocess
import sys
import urllib.request

from bench_dir import bench_dir
from namenode_ops import LIB, ROOT, SHARED, Count, free_port

TIMES = {1: 50, 8: 20}
WARM_S = 5


def start_ours(work):
    out = subprocess.run([ROOT + "/tools/cluster", "start", work + "/ours", "--datanodes", "3", "--no-jobs"],
                         stdout=subprocess.PIPE, text=True, check=True)
    v = dict(line.split("=", 1) for line in out.stdout.splitlines() if "=" in line)
    return {"fs": v["FS_URI"], "nn": v["PID_namenode"], "dns": [v["PID_datanode%d" % i] for i in range(3)],
            "metrics": v["WEBHDFS"].replace("webhdfs", "http").split("/webhdfs")[0] + "/metrics"}


def start_hadoop(work):
    for _ in range(3):  # on a busy machine its datanodes may not be there in the time that the script gives them
        out = subprocess.run([SHARED + "/peers/hadoop-cluster", "start", work + "/java", "--datanodes", "3", "--port",
                              str(free_port(150))], stdout=subprocess.PIPE, text=True)
        if out.returncode == 0:
            break
        subprocess.run([SHARED + "/peers/hadoop-cluster", "stop", work + "/java"], stdout=subprocess.DEVNULL)
        shutil.rmtree(work + "/java", ignore_errors=True)
    else:
        sys.exit("small_files: Hadoop's cluster does not start")
    pid = lambda name: open("%s/java/%s.pid" % (work, name)).read().strip()
    return {"fs": out.stdout.split()[-1], "nn": pid("nn"), "dns": [pid("dn%d" % i) for i in range(3)]}


def cpu_us(pids):
    total = 0
    for pid in pids:
        f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
        total += int(f[11]) + int(f[12])
    return total * 1e6 / os.sysconf("SC_CLK_TCK")


def measure(side, threads, seconds, turn):
    """The figures of one run of the Java client; none when it does not end in time."""
    before = cpu_us([side["nn"]]), cpu_us(side["dns"])
    try:
        out = subprocess.run(["java", "-Xmx512m", "-cp", LIB + "/*", ROOT + "/tests/bench/SmallFiles.java", side["fs"], "/small%d" % turn,
                              str(threads), "10240", str(WARM_S), str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, timeout=60 + 4 * (WARM_S + seconds)).stdout
    except subprocess.TimeoutExpired:
        return {"per_s": 0}
    f = {k: float(v) for k, v in (w.split("=", 1) for w in out.split() if "=" in w)}
    every = max(f.get("all", 0), 1)
    f["namenode_us"] = (cpu_us([side["nn"]]) - before[0]) / every
    f["datanodes_us"] = (cpu_us(side["dns"]) - before[1]) / every
    return f


def told_not_yet(url):
    with urllib.request.urlopen(url) as f:
        return sum(float(line.split()[1]) for line in f.read().decode().splitlines()
                   if line.startswith("namenode_told_not_yet_total"))


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    turn = 0
    if not os.path.isdir(LIB) or not os.path.exists(SHARED + "/peers/hadoop-cluster"):
        print("SKIP small_files: no Hadoop to compare with (HADOOP_LIB, ASHLAR_SHARED)")
        return 0
    work, best = bench_dir("ashlar-small-"), {}
    try:
        sides = {"ours": start_ours(work), "hadoop": start_hadoop(work)}
        for _ in range(2):
            for threads in TIMES:
                for name, side in sides.items():
                    turn += 1
                    f = measure(side, threads, seconds, turn)
                    print("     %-6s %d threads: %s" % (name, threads, " ".join("%s=%.0f" % kv for kv in f.items())), flush=True)
                    best[name, threads] = max(f.get("per_s", 0), best.get((name, threads), 0))
        held = told_not_yet(sides["ours"]["metrics"])
    finally:
        subprocess.run([SHARED + "/peers/hadoop-cluster", "stop", work + "/java"], stdout=subprocess.DEVNULL)
        subprocess.run([ROOT + "/tools/cluster", "stop", work + "/ours"], stdout=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)
    count = Count()
    for threads, times in TIMES.items():
        ours, theirs = best["ours", threads], best["hadoop", threads]
        count.line("10 KiB files, %d threads" % threads, "%.0f /s" % ours,
                   "%.0f /s (%d times Hadoop's %.1f)" % (times * theirs, times, theirs), theirs > 0 and ours >= times * theirs)
    count.line("answers that send a writer to sleep", "%.0f" % held, "0", held == 0)
    print("load average %.1f; %d passed, %d failed" % (os.getloadavg()[0], count.passed, count.failed))
    return count.failed > 0


if __name__ == "__main__":
    sys.exit(main())
