#!/usr/bin/env python3
"""put_get.py [--mib N] [--rounds R] [--dir DIR] [--fs URI --conf DIR] -- one put and one get of 1 GiB, one stream.

Wall time beside that of the same bytes over a bare loopback socket into a file (tests/bench/loopback.c), replication 1,
everything in the page cache and memory for the next file warm, the three taking turns; the best round of each counts, for other work on the machine only
ever adds. CPU is that of the client alone. Prints each figure beside its limit; exits 1 when one is over it.
"""
import argparse, os, resource, shutil, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
LIMIT = 1.3


def timed(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = time.monotonic()
    r = subprocess.run(argv, capture_output=True, text=True)
    t = time.monotonic() - t
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode:
        sys.exit("%s: %s" % (" ".join(argv), r.stderr.strip()))
    return t, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, r.stdout


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--dir", default=None, help="where the data goes (default: $TMPDIR)")
    ap.add_argument("--fs")
    ap.add_argument("--conf")
    a = ap.parse_args()
    tmp = tempfile.mkdtemp(prefix="put-get-", dir=a.dir)
    cluster = None
    try:
        if not a.fs:
            cluster = tmp + "/cluster"
            out = subprocess.run([ROOT + "/tools/cluster", "start", cluster, "--datanodes", "1", "--no-jobs"],
                                 check=True, capture_output=True, text=True).stdout
            env = dict(l.split("=", 1) for l in out.splitlines() if "=" in l)
            a.fs, a.conf = env["FS_URI"], env["HADOOP_CONF_DIR"]
        source, copy, bare = tmp + "/source", tmp + "/copy", tmp + "/bare"
        with open(source, "wb") as f:
            for _ in range(a.mib):
                f.write(os.urandom(1 << 20))
        dfs = [B + "/bin/dfs", "--config", a.conf, "-fs", a.fs, "-D", "dfs.replication=1"]
        best = {}

        def warm():
            """Memory for the next file: pages that a virtual machine's host has to find first cost more than the copy."""
            with open(tmp + "/filler", "wb") as f:
                for _ in range(a.mib + 64):
                    f.write(bytes(1 << 20))
            os.unlink(tmp + "/filler")

        def note(what, wall, cpu):
            w, c = best.get(what, (1e9, 1e9))
            best[what] = min(w, wall), min(c, cpu)
        for _ in range(a.rounds):
            for path in (copy, bare):
                if os.path.exists(path):
                    os.unlink(path)
            warm()
            wall, cpu, out = timed([B + "/tests/bench/loopback", source, bare])
            note("bare socket and file", float(out), cpu)
            warm()
            note("put", *timed(dfs + ["-put", "-f", source, "/put-get"])[:2])
            warm()
            note("get", *timed(dfs + ["-get", "/put-get", copy])[:2])
        if subprocess.run(["cmp", source, copy]).returncode:
            print("FAIL the bytes that came back are others")
            return 1
        limit, over = best["bare socket and file"][0], 0
        for what, (wall, cpu) in best.items():
            ratio = wall / limit
            print("%-22s %6.3f s wall %6.3f s CPU of the client for %d MiB: %.2f times the bare socket and file%s" %
                  (what, wall, cpu, a.mib, ratio, "" if what.startswith("bare") else " (at most %.1f)" % LIMIT))
            over += ratio > LIMIT and not what.startswith("bare")
        print("load of the machine at the end: %.1f" % os.getloadavg()[0])
        return 1 if over else 0
    finally:
        if cluster:
            subprocess.run([ROOT + "/tools/cluster", "stop", cluster], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
