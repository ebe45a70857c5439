#!/usr/bin/env python3
"""striped_io [MIB]: what a striped file at RS-3-2 costs, beside Hadoop's in the same run (HADOOP_LIB, ASHLAR_SHARED's peers).

Written: CPU of client and datanodes, at most a third of Hadoop's with the Java client and Java datanodes. Read with a data unit of
every group lost, beside whole: at least 0.8 of its speed, by time and by the CPU of client and datanodes. A Java namenode in both,
whose CPU does not count. The best of some rounds: other work on the machine only ever adds.
"""
import glob, os, re, shutil, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("ASHLAR_SHARED", os.path.join(ROOT, "..", "shared"))
BIN = os.path.join(ROOT, os.environ.get("B", "build"), "bin")
PORT = int(os.environ.get("STRIPED_IO_PORT", "27600"))
ROUNDS, UNITS, HZ = 3, 5, os.sysconf("SC_CLK_TCK")


def cpu(pids):
    total = 0
    for p in pids:
        f = open("/proc/%d/stat" % p).read().rsplit(")", 1)[1].split()
        total += int(f[11]) + int(f[12])
    return total / HZ


def run(argv, pids, **more):
    """Seconds, and CPU seconds of the command and of pids."""
    before, t = cpu(pids), time.time()
    p = subprocess.Popen(argv, **more)
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit("striped_io: %s ended with %d" % (" ".join(argv), status))
    return time.time() - t, usage.ru_utime + usage.ru_stime + cpu(pids) - before


def hadoop(*argv):
    return subprocess.run([SHARED + "/peers/hadoop-cluster", *argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def policy(where):
    hadoop("exec", where, "org.apache.hadoop.hdfs.tools.ECAdmin", "-enablePolicy", "-policy", "RS-3-2-1024k")
    hadoop("exec", where, "org.apache.hadoop.fs.FsShell", "-mkdir", "/s")
    hadoop("exec", where, "org.apache.hadoop.hdfs.tools.ECAdmin", "-setPolicy", "-path", "/s", "-policy", "RS-3-2-1024k")


def our_datanodes(work, uri):
    started = []
    for i in range(UNITS):
        argv = [BIN + "/datanode", "-D", "fs.defaultFS=" + uri, "-D", "dfs.datanode.data.dir=%s/d%d" % (work, i)]
        for key in ("address", "ipc.address", "http.address"):
            argv += ["-D", "dfs.datanode.%s=127.0.0.1:0" % key]
        started.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=open("%s/d%d.log" % (work, i), "w"), env=dict(os.environ, HADOOP_CONF_DIR=work)))
    for i in range(600):
        if all("dn.report" in open("%s/d%d.log" % (work, n)).read() for n in range(UNITS)):
            return started
        time.sleep(0.1)
    sys.exit("striped_io: our datanodes do not register")


def lose_unit(work, unit):
    for f in glob.glob(work + "/d*/current/BP-*/current/finalized/**/blk_-*", recursive=True):
        m = re.match(r"blk_(-\d+)$", os.path.basename(f))
        if m and int(m.group(1)) % 16 == unit:
            os.unlink(f)


def ours(work, mib):
    uri = "hdfs://127.0.0.1:%d" % (PORT + 20)
    dfs = [BIN + "/dfs", "-D", "fs.defaultFS=" + uri]
    best, dns = {}, []

    def keep(what, figures):
        best[what] = tuple(min(a, b) for a, b in zip(best.get(what, (1e9, 1e9)), figures))
    try:
        hadoop("start", work + "/nn", "--datanodes", "0", "--port", str(PORT), "-D", "dfs.namenode.redundancy.interval.seconds=3600")
        dns = our_datanodes(work, uri)
        pids = [p.pid for p in dns]
        policy(work + "/nn")
        for i in range(ROUNDS):
            if i:
                subprocess.run(dfs + ["-rm", "-skipTrash", "/s/f"], stdout=subprocess.DEVNULL, check=True)
            keep("put", run(dfs + ["-put", work + "/data", "/s/f"], pids))
        for what in ("whole", "degraded"):
            if what == "degraded":
                lose_unit(work, 0)
            for _ in range(ROUNDS):
                keep(what, run(dfs + ["-cat", "/s/f"], pids, stdout=subprocess.DEVNULL))
    finally:
        for p in dns:
            p.terminate()
            p.wait()
        hadoop("stop", work + "/nn")
    return best


def theirs(work, mib):
    """CPU seconds for a GiB, client and datanodes."""
    pid = lambda n: open("%s/java/%s.pid" % (work, n)).read().strip()
    best = 1e9
    try:
        started = hadoop("start", work + "/java", "--datanodes", str(UNITS), "--port", str(PORT)).split()
        if not started:
            sys.exit("striped_io: Hadoop does not start: %s/java" % work)
        for _ in range(ROUNDS):
            out = subprocess.run([SHARED + "/peers/bench-io", "run", "--fs", started[-1], "--nn-pid", pid("nn"), "--dn-pids", ",".join(pid("dn%d" % i) for i in range(UNITS)),
                                  "--mib", str(mib), "--cases", "RS-3-2-1024k", "--streams", "1"], stdout=subprocess.PIPE, text=True).stdout
            for l in out.splitlines():
                f = dict(w.split("=", 1) for w in l.split() if "=" in w)
                if f.get("op") == "put":
                    best = min(best, float(f["client_cpu_s_GiB"]) + float(f["dn_cpu_s_GiB"]))
    finally:
        hadoop("stop", work + "/java")
    return best


def line(what, figure, limit, unit, good):
    print("%-60s %8.3f %-8s limit %.3f  %s" % (what, figure, unit, limit, "ok" if good else "OVER"), flush=True)
    return good


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    if not os.environ.get("HADOOP_LIB") or not os.path.exists(SHARED + "/peers/bench-io"):
        print("SKIP striped_io: no Hadoop to compare with (HADOOP_LIB, ASHLAR_SHARED)")
        return
    work = tempfile.mkdtemp(prefix="ashlar-striped-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        with open(work + "/data", "wb") as f:
            for _ in range(mib):
                f.write(os.urandom(1 << 20))
        best = ours(work, mib)
        for d in glob.glob(work + "/d[0-9]*"):
            shutil.rmtree(d, ignore_errors=True)
        java = theirs(work, mib)
        put = best["put"][1] * 1024 / mib
        good = line("1 GiB written at RS-3-2, CPU s (Hadoop: %.2f)" % java, put, java / 3, "s/GiB", put <= java / 3)
        for i, what in ((0, "time"), (1, "CPU")):
            speed = best["whole"][i] / best["degraded"][i]
            good = line("degraded read beside whole, by %s" % what, speed, 0.8, "", speed >= 0.8) and good
        sys.exit(not good)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
