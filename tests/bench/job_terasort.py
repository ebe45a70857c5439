#!/usr/bin/env python3
"""job_terasort.py [--mib N] [--rounds R] -- the sort benchmark in C on one worker with two slots, beside GNU sort with two threads.

Both sort the same bytes, teragen's rows: the job from the store into the store, `sort` from a file into a file, with as much memory as
the job's sorters have. A row holds a zero byte but seldom a newline, so `sort -z` has about one line a row, and the plain `sort`, printed
too, only one for 25. Rounds alternate; the limit is for the ratio of the best wall times (or, when the machine has other
work, of CPU seconds, which is printed too). With $HADOOP_LIB and $ASHLAR_SHARED Hadoop's TeraSort on YARN beside them.
"""
import argparse, os, resource, shutil, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/lib")
from yarn import Yarn, there
B = os.path.join(ROOT, os.environ.get("B", "build"))
LIMIT, FASTER = 1.5, 4.0


def cpu(pids):
    total = 0
    for p in pids:
        f = open("/proc/%s/stat" % p).read().rsplit(")", 1)[1].split()
        total += sum(int(x) for x in f[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def timed(argv, **more):
    before, t = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    r = subprocess.run(argv, capture_output=True, text=True, **more)
    t, after = time.monotonic() - t, resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode:
        sys.exit("job_terasort: %s: %s" % (argv[0], r.stderr[-2000:]))
    return t, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hadoop(tmp, rows):
    """Hadoop's TeraSort of as many rows on a YARN of one node."""
    driver = "org.apache.hadoop.examples.ExampleDriver"
    with Yarn(tmp + "/h") as y:
        y.run(driver, "teragen", "-Dmapreduce.job.maps=2", str(rows), "/rows")
        return y.run(driver, "terasort", "-Dmapreduce.job.reduces=2", "/rows", "/sorted")[:2]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--rounds", type=int, default=2)
    ap.add_argument("--hadoop", action="store_true", default=there())
    a = ap.parse_args()
    tmp, rows = tempfile.mkdtemp(prefix="job-terasort-"), (a.mib << 20) // 100
    job = [B + "/bin/job", "run", "-native"]
    try:
        out = subprocess.run([ROOT + "/tools/cluster", "start", tmp + "/c", "--datanodes", "1", "--workers", "1",
                              "-D", "ashlar.worker.slots=2", "-D", "dfs.blocksize=134217728", "-D", "mapreduce.task.io.sort.mb=256"],
                             check=True, capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        os.environ["HADOOP_CONF_DIR"] = env["HADOOP_CONF_DIR"]
        pids = [env["PID_" + n] for n in ("worker0", "datanode0", "namenode", "scheduler")]
        timed(job + [B + "/examples/teragen.so", "-D", "teragen.rows=%d" % rows, "-D", "mapreduce.job.maps=2", "-numReduceTasks", "0", "-output", "/rows"])
        with open(tmp + "/rows", "wb") as f:
            subprocess.run([B + "/bin/dfs", "-cat", "/rows/part-*"], stdout=f, check=True)
        ours, sort, plain = [], [], []
        for n in range(a.rounds):
            before = cpu(pids)
            t, c = timed(job + [B + "/examples/terasort.so", "-input", "/rows", "-output", "/sorted%d" % n, "-numReduceTasks", "2"])
            ours.append((t, c + cpu(pids) - before))
            for kind, more in (sort, ["-z"]), (plain, []):
                kind.append(timed(["sort", *more, "-S", "512M", "--parallel=2", "-T", tmp, "-o", tmp + "/sorted", tmp + "/rows"],
                                  env=dict(os.environ, LC_ALL="C")))
                os.unlink(tmp + "/sorted")
            timed([B + "/bin/dfs", "-rm", "-r", "-skipTrash", "/sorted%d" % n]) if n + 1 < a.rounds else None
        timed(job + [B + "/examples/teravalidate.so", "-input", "/sorted%d" % (a.rounds - 1), "-output", "/report"])
        report = subprocess.run([B + "/bin/dfs", "-cat", "/report/part-*"], capture_output=True, text=True).stdout
        wall, used = min(ours)[0] / min(sort)[0], min(o[1] for o in ours) / min(s[1] for s in sort)
        over = min(wall, used) > LIMIT or "error" in report
        print("job_terasort mib=%d job_wall_s=%.1f job_cpu_s=%.1f sort_wall_s=%.1f sort_cpu_s=%.1f plain_sort_wall_s=%.1f wall_over_sort=%.2f cpu_over_sort=%.2f limit=%.2f in_order=%s"
              % (a.mib, *min(ours), *min(sort), min(plain)[0], wall, used, LIMIT, "error" not in report))
        if a.hadoop:
            subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/c"], capture_output=True)
            os.unlink(tmp + "/rows")
            h = hadoop(tmp, rows)
            over |= h[0] / min(ours)[0] < FASTER
            print("job_terasort hadoop_wall_s=%.1f hadoop_cpu_s=%.1f faster=%.1f limit=%.1f" % (*h, h[0] / min(ours)[0], FASTER))
        else:
            print("SKIP Hadoop beside it: $HADOOP_LIB and $ASHLAR_SHARED are not set")
        print("job_terasort %s" % ("over" if over else "ok"))
        sys.exit(over)
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/c"], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)


main()
