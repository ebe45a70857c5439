#!/usr/bin/env python3
"""job_latency.py [--rounds R] -- `job run` on a one-line input, submit to done.

Map and reduce by cat, and the tutorial's word count, whose Python starts up three times; the median of the rounds. Prints each
figure beside its limit; exits 1 when one is over it.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, os.environ.get("B", "build"), "bin")
EX = ROOT + "/docs/examples/"
LIMIT = 0.3


def start(tmp):
    out = subprocess.run([ROOT + "/tools/cluster", "start", tmp + "/cluster", "--datanodes", "2", "--workers", "2"],
                         check=True, capture_output=True, text=True).stdout
    env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    os.environ["HADOOP_CONF_DIR"] = env["HADOOP_CONF_DIR"]


def one(name, n, *options):
    t = time.monotonic()
    r = subprocess.run([BIN + "/job", "run", "-input", "/one", "-output", "/%s%d" % (name, n), *options],
                       capture_output=True, text=True)
    t = time.monotonic() - t
    if r.returncode:
        sys.exit("job_latency: " + r.stderr)
    return t


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--rounds", type=int, default=7)
    a = ap.parse_args()
    os.environ.pop("PYTHONUNBUFFERED", None)
    tmp, over = tempfile.mkdtemp(prefix="job-latency-"), False
    try:
        start(tmp)
        with open(tmp + "/one", "w") as f:
            f.write("one line\n")
        subprocess.run([BIN + "/dfs", "-put", tmp + "/one", "/one"], check=True)
        jobs = {"cat": ["-mapper", "cat", "-reducer", "cat"],
                "wordcount": ["-mapper", "mapper.py", "-reducer", "reducer.py", "-file", EX + "mapper.py", "-file", EX + "reducer.py"]}
        for name, options in jobs.items():
            times = [one(name, n, *options) for n in range(a.rounds)]
            median = statistics.median(times)
            over |= median > LIMIT
            print("job_latency job=%s median_s=%.3f best_s=%.3f worst_s=%.3f limit_s=%.1f %s"
                  % (name, median, min(times), max(times), LIMIT, "over" if median > LIMIT else "ok"))
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/cluster"], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)
    sys.exit(over)


main()
