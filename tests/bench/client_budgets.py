#!/usr/bin/env python3
"""client_budgets.py [small|list|flush...] -- what a program can expect of libdfs, beside its limits.

  small   10,000 files of 10 KiB from 8 threads, replication 1, three datanodes: at least 5,000 a second
  list    a directory of one million entries: at least 500,000 entries a second
  flush   1 KiB written and hflushed at replication 3, into a file that stays open, and into one that is opened for
          append each time: at most half of what Hadoop's client needs with Hadoop's daemons, the two taking turns

Beside each rate stands the CPU that it cost: client, namenode and datanodes together, and the rate that two cores would give if
nothing else ran. Best of the rounds. `flush` needs $ASHLAR_SHARED (default ../shared) and $HADOOP_LIB; skipped without.
"""
import os
import resource
import shutil
import subprocess
import sys

from bench_dir import bench_dir
from namenode_ops import LIB, ROOT, SHARED, Count, free_port

LOAD = os.path.join(ROOT, os.environ.get("B", "build"), "tests/bench/client_load")
TICKS = os.sysconf("SC_CLK_TCK")
FILES, ENTRIES, ROUNDS = 10000, 1000000, 3


class Ours:
    def __init__(self, work):
        self.dir = work + "/ours"
        out = subprocess.run([ROOT + "/tools/cluster", "start", self.dir, "--datanodes", "3", "--no-jobs"],
                             stdout=subprocess.PIPE, text=True, check=True)
        v = dict(line.split("=", 1) for line in out.stdout.splitlines() if "=" in line)
        self.conf, self.pids = v["HADOOP_CONF_DIR"], [v["PID_namenode"]] + [v["PID_datanode%d" % i] for i in range(3)]

    def stop(self):
        subprocess.run([ROOT + "/tools/cluster", "stop", self.dir], capture_output=True)

    def daemons_cpu(self):
        total = 0
        for pid in self.pids:
            f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
            total += int(f[11]) + int(f[12])
        return total / TICKS

    def load(self, *words, replication=1):
        """The program's figures; with cpu, in seconds, of client and daemons."""
        before, mine = self.daemons_cpu(), resource.getrusage(resource.RUSAGE_CHILDREN)
        r = subprocess.run([LOAD, "--config", self.conf, "-Ddfs.replication=%d" % replication] + [str(w) for w in words],
                           capture_output=True, text=True)
        if r.returncode:
            sys.exit("client_load %s: %s" % (" ".join(map(str, words)), r.stderr.strip()))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        fields = {k: float(v) for k, v in (w.split("=") for w in r.stdout.split())}
        fields["client_cpu"] = after.ru_utime + after.ru_stime - mine.ru_utime - mine.ru_stime
        fields["cpu"] = fields["client_cpu"] + self.daemons_cpu() - before
        return fields


def small(ours, count):
    best, cpu = 0, 1e9
    for i in range(ROUNDS):
        f = ours.load("files", "/small%d" % i, FILES, 8, 10240)
        best, cpu = max(best, f["per_s"]), min(cpu, f["cpu"])
    count.line("files of 10 KiB, 8 threads", "%.0f /s" % best, "5000 /s; %.0f us of CPU a file: two cores alone would give %.0f /s"
               % (cpu / FILES * 1e6, 2 * FILES / cpu), best >= 5000)


def listing(ours, count):
    ours.load("fill", "/million", ENTRIES, 8)
    best, cpu = 0, 1e9
    for _ in range(ROUNDS):
        f = ours.load("list", "/million")
        if f["entries"] != ENTRIES:
            sys.exit("%d entries instead of %d" % (f["entries"], ENTRIES))
        best, cpu = max(best, f["per_s"]), min(cpu, f["cpu"])
    count.line("entries of a directory of a million", "%.0f /s" % best, "500000 /s; %.2f us of CPU an entry" % (cpu / ENTRIES * 1e6),
               best >= 500000)


def java_flush(uri, conf, how, n):
    out = subprocess.run(["java", "-Xmx256m", "-cp", conf + ":" + LIB + "/*", ROOT + "/tests/bench/FlushLoad.java",
                          uri, "/flush-" + how, how, str(n), "1024"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return {k: float(v) for k, v in (w.split("=") for w in out.stdout.split() if "=" in w)}


def flush(ours, count, work):
    if not os.path.isdir(LIB) or not os.path.exists(SHARED + "/peers/hadoop-cluster"):
        print("SKIP flush: no Hadoop (HADOOP_LIB, ASHLAR_SHARED)")
        return
    java = work + "/java"
    try:
        uri = subprocess.run([SHARED + "/peers/hadoop-cluster", "start", java, "--datanodes", "3", "--replication", "3",
                              "--port", str(free_port(150))], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
        for how, n in (("hflush", 1000), ("append", 100)):
            a = b = 1e9
            for _ in range(ROUNDS):
                a = min(a, ours.load(how, "/" + how, n, 1024, replication=3)["median_us"])
                b = min(b, java_flush(uri, java + "/conf", how, n)["median_us"])
            what = "1 KiB, hflush" if how == "hflush" else "append, 1 KiB, hflush, close"
            count.line(what, "%.0f us" % a, "%.0f us (half of Hadoop's %.0f)" % (b / 2, b), a <= b / 2)
    finally:
        subprocess.run([SHARED + "/peers/hadoop-cluster", "stop", java], capture_output=True)


def main():
    wanted = sys.argv[1:] or ["small", "list", "flush"]
    work = bench_dir("client-budgets-")
    count, ours = Count(), None
    try:
        ours = Ours(work)
        if "small" in wanted:
            small(ours, count)
        if "list" in wanted:
            listing(ours, count)
        if "flush" in wanted:
            flush(ours, count, work)
    finally:
        if ours:
            ours.stop()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if count.failed else 0


sys.exit(main())
