#!/usr/bin/env python3
"""dn_io: what a datanode costs, beside its limits.

  dn_io.py memory [REPLICAS]   resident memory and start with so many replicas (200,000)
  dn_io.py io [MIB]            CPU per GiB read and written, per 4 KiB read, beside Hadoop's in the same run, ten
                               minutes at most (needs HADOOP_LIB and ASHLAR_SHARED's peers)
"""
import os, re, subprocess, sys, tempfile, time, shutil

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUNDS_S, CASE_S = 480, 240  # no round begins after, and no case is waited for longer
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


def warm(mib):
    """Memory for the next file: pages that a virtual machine's host has to find first cost more than the copy."""
    filler = tempfile.mkdtemp(prefix="ashlar-dn-")
    with open(filler + "/filler", "wb") as f:
        for _ in range(mib):
            f.write(bytes(1 << 20))
    shutil.rmtree(filler)


def bench_io(fs, nn_pid, dn_pids, mib, copies, best):
    """One file written and read, and at one copy pieces of it; the least that each has cost goes into best."""
    warm(mib * copies + 256)
    try:
        out = subprocess.run([SHARED + "/peers/bench-io", "run", "--fs", fs, "--nn-pid", str(nn_pid), "--dn-pids", ",".join(map(str, dn_pids)),
                              "--mib", str(mib), "--cases", "r%d" % copies, "--streams", "1"] + ["--preads"] * (copies == 1),
                             stdout=subprocess.PIPE, text=True, timeout=CASE_S).stdout
    except subprocess.TimeoutExpired:
        return
    for l in out.splitlines():
        f = dict(w.split("=", 1) for w in l.split() if "=" in w)
        if "op" in f:
            key = f["op"], copies, f.get("threads", "1")
            cost = float(f.get("dn_cpu_s_GiB") or f.get("dn_cpu_us_op") or 0)
            best[key] = min(best.get(key, cost), cost)


def io(mib, rounds=3):
    """Ours and Hadoop take turns, each with warm memory; other work on the machine only ever adds, so the best round counts."""
    if not os.environ.get("HADOOP_LIB") or not os.path.exists(SHARED + "/peers/bench-io"):
        print("SKIP dn_io io: no Hadoop to compare with (HADOOP_LIB, ASHLAR_SHARED)")
        return
    work = tempfile.mkdtemp(prefix="ashlar-dn-")
    peers = SHARED + "/peers/hadoop-cluster"
    try:
        v = cluster("start", work + "/ours", "--datanodes", "3", "--no-jobs")
        uri = subprocess.run([peers, "start", work + "/java", "--datanodes", "3", "--port", os.environ.get("DN_IO_PORT", "27700")],
                             stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        pid = lambda n: open("%s/java/%s.pid" % (work, n)).read().strip()
        sides = {"ours": (v["FS_URI"], v["PID_namenode"], [v["PID_datanode%d" % i] for i in range(3)]),
                 "java": (uri, pid("nn"), [pid("dn%d" % i) for i in range(3)])}
        best = {"ours": {}, "java": {}}
        until = time.monotonic() + ROUNDS_S
        for _ in range(rounds):
            for copies in (1, 3):
                if time.monotonic() > until:
                    break
                for side, where in sides.items():
                    bench_io(*where, mib, copies, best[side])
        ours, theirs = best["ours"], best["java"]
        for what, key, share in (("read, CPU s/GiB", ("get", 1, "1"), 3), ("written, 1 copy, CPU s/GiB", ("put", 1, "1"), 3),
                                 ("written, 3 copies, CPU s/GiB", ("put", 3, "1"), 3), ("4 KiB read, CPU us", ("pread4k", 1, "1"), 5),
                                 ("4 KiB read, 8 threads, CPU us", ("pread4k", 1, "8"), 5)):
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
    io(number or 512)
