#!/usr/bin/env python3
"""dn_io: what a datanode costs, beside its limits.

  dn_io.py memory [REPLICAS]   resident memory and start with so many replicas (200,000)
  dn_io.py io [MIB]            CPU per GiB read and written, per 4 KiB read, beside Hadoop's in the same run
                               (needs HADOOP_LIB and ASHLAR_SHARED's peers)
"""
import os, re, subprocess, sys, tempfile, time, shutil

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("ASHLAR_SHARED", os.path.join(ROOT, "..", "shared"))


def cluster(verb, where, *more):
    out = subprocess.run([ROOT + "/tools/cluster", verb, where, *more], stdout=subprocess.PIPE, text=True)
    return dict(line.split("=", 1) for line in out.stdout.splitlines() if "=" in line)


def line(what, figure, limit, unit):
    print("%-44s %10.3f %-8s at most %g  %s" % (what, figure, unit, limit, "ok" if figure <= limit else "OVER"), flush=True)


def memory(count):
    work = tempfile.mkdtemp(prefix="ashlar-dn-")
    try:
        # The namenode never heard of these blocks and will have them deleted, a thousand with each heartbeat.
        v = cluster("start", work, "--datanodes", "0", "--no-jobs")
        data = work + "/dn"
        argv = [ROOT + "/build/bin/datanode", "--config", v["HADOOP_CONF_DIR"], "-D", "dfs.datanode.data.dir=" + data]
        for key in ("address", "ipc.address", "http.address"):
            argv += ["-D", "dfs.datanode.%s=127.0.0.1:0" % key]

        def run(until):
            log = open(work + "/dn.log", "w")
            p = subprocess.Popen(argv, stderr=log, stdout=log)
            for _ in range(600):
                time.sleep(0.1)
                if until in open(work + "/dn.log").read():
                    return p
            sys.exit("dn_io: the datanode did not say %s: %s" % (until, open(work + "/dn.log").read()))
        p = run("dn.report")
        p.terminate()
        p.wait()
        pool = [d for d in os.listdir(data + "/current") if d.startswith("BP-")][0]
        meta = bytes([0, 1, 2, 0, 0, 2, 0]) + bytes(4)
        for i in range(count):
            block = 1073741825 + i
            d = "%s/current/%s/current/finalized/subdir%d/subdir%d" % (data, pool, block >> 16 & 31, block >> 8 & 31)
            if i == 0 or block & 255 == 0:
                os.makedirs(d, exist_ok=True)
            with open("%s/blk_%d" % (d, block), "wb") as f:
                f.write(b"x")
            with open("%s/blk_%d_%d.meta" % (d, block, 1001 + i), "wb") as f:
                f.write(meta)
        p = run("dn.report")
        time.sleep(0.2)
        status = open("/proc/%d/status" % p.pid).read()
        log = open(work + "/dn.log").read()
        p.terminate()
        p.wait()
        found = int(re.search(r"dn.scan .*replicas=(\d+)", log).group(1))
        if found != count:
            sys.exit("dn_io: %d replicas found, %d expected" % (found, count))
        line("resident memory, %d replicas" % count, int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024, 40, "MB")
        print("%-44s %10.3f s" % ("finding them at the start", int(re.search(r"dn.scan .*ms=(\d+)", log).group(1)) / 1000))
    finally:
        cluster("stop", work)
        shutil.rmtree(work, ignore_errors=True)


def bench_io(fs, nn_pid, dn_pids, mib):
    out = subprocess.run([SHARED + "/peers/bench-io", "run", "--fs", fs, "--nn-pid", str(nn_pid), "--dn-pids", ",".join(map(str, dn_pids)),
                          "--mib", str(mib), "--cases", "r1,r3", "--streams", "1", "--preads"], stdout=subprocess.PIPE, text=True).stdout
    figures = {}
    for l in out.splitlines():
        f = dict(w.split("=", 1) for w in l.split() if "=" in w)
        if "op" in f:
            figures[f["op"], f.get("repl", "").lstrip("r"), f.get("threads", "1")] = float(f.get("dn_cpu_s_GiB") or f.get("dn_cpu_us_op") or 0)
    return figures


def io(mib):
    if not os.environ.get("HADOOP_LIB") or not os.path.exists(SHARED + "/peers/bench-io"):
        print("SKIP dn_io io: no Hadoop to compare with (HADOOP_LIB, ASHLAR_SHARED)")
        return
    work = tempfile.mkdtemp(prefix="ashlar-dn-")
    peers = SHARED + "/peers/hadoop-cluster"
    try:
        v = cluster("start", work + "/ours", "--datanodes", "3", "--no-jobs")
        ours = bench_io(v["FS_URI"], v["PID_namenode"], [v["PID_datanode%d" % i] for i in range(3)], mib)
        cluster("stop", work + "/ours")
        uri = subprocess.run([peers, "start", work + "/java", "--datanodes", "3", "--port", os.environ.get("DN_IO_PORT", "27700")],
                             stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        pid = lambda n: open("%s/java/%s.pid" % (work, n)).read().strip()
        theirs = bench_io(uri, pid("nn"), [pid("dn%d" % i) for i in range(3)], mib)
        for what, key, share in (("read, CPU s/GiB", ("get", "1", "1"), 3), ("written, 1 copy, CPU s/GiB", ("put", "1", "1"), 3),
                                 ("written, 3 copies, CPU s/GiB", ("put", "3", "1"), 3), ("4 KiB read, CPU us", ("pread4k", "1", "1"), 5),
                                 ("4 KiB read, 8 threads, CPU us", ("pread4k", "1", "8"), 5)):
            if key in ours and key in theirs:
                line("%s (Hadoop: %.2f)" % (what, theirs[key]), ours[key], theirs[key] / share, "")
    finally:
        subprocess.run([peers, "stop", work + "/java"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cluster("stop", work + "/ours")
        shutil.rmtree(work, ignore_errors=True)


what = sys.argv[1] if len(sys.argv) > 1 else "all"
number = int(sys.argv[2]) if len(sys.argv) > 2 else None
if what in ("memory", "all"):
    memory(number or 200000)
if what in ("io", "all"):
    io(number or 1024)
