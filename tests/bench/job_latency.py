#!/usr/bin/env python3
"""job_latency.py [--rounds R] -- `job run` on a one-line input, submit to done.

Map and reduce by cat, and the tutorial's word count, whose Python starts up three times; the median of the rounds. Prints each
figure beside its limit, and what the programs alone take in a bare pipeline; exits 1 when one is over it. With $HADOOP_LIB and
$ASHLAR_SHARED the same job by cat on a YARN of one node beside it.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/lib")
from yarn import Yarn, there
BIN = os.path.join(ROOT, os.environ.get("B", "build"), "bin")
EX = ROOT + "/docs/examples/"
LIMITS = {"cat": 0.2, "wordcount": 0.3}


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


def bare(script):
    t = time.monotonic()
    subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - t


def hadoop(tmp):
    """Seconds of Hadoop's own job on one line, once it has run before."""
    with Yarn(tmp + "/h") as y:
        y.shell("-put", tmp + "/one", "/one")
        for n in range(2):
            t, _, _ = y.run("org.apache.hadoop.streaming.HadoopStreaming", "-D", "mapreduce.job.maps=1", "-input", "/one", "-output", "/o%d" % n,
                            "-mapper", "cat", "-reducer", "cat")
        return t


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--hadoop", action="store_true", default=there())
    ap.add_argument("--rounds", type=int, default=7)
    a = ap.parse_args()
    os.environ.pop("PYTHONUNBUFFERED", None)
    os.environ["PATH"] = "/usr/bin:/bin:" + os.environ["PATH"]  # Python itself, not a version manager's script around it
    tmp, over = tempfile.mkdtemp(prefix="job-latency-"), False
    try:
        start(tmp)
        with open(tmp + "/one", "w") as f:
            f.write("one line\n")
        subprocess.run([BIN + "/dfs", "-put", tmp + "/one", "/one"], check=True)
        jobs = {"cat": ["-mapper", "cat", "-reducer", "cat"],
                "wordcount": ["-mapper", "mapper.py", "-reducer", "reducer.py", "-file", EX + "mapper.py", "-file", EX + "reducer.py"]}
        alone = {"cat": "cat %s/one | cat | cat" % tmp,
                 "wordcount": "%smapper.py < %s/one | sort | %sreducer.py" % (EX, tmp, EX)}
        for name, options in jobs.items():
            pairs = [(one(name, n, *options), bare(alone[name])) for n in range(a.rounds)]
            times = [p[0] for p in pairs]
            median = statistics.median(times)
            over |= median > LIMITS[name]
            print("job_latency job=%s median_s=%.3f best_s=%.3f worst_s=%.3f limit_s=%.1f bare_pipeline_median_s=%.3f %s"
                  % (name, median, min(times), max(times), LIMITS[name], statistics.median(p[1] for p in pairs),
                     "over" if median > LIMITS[name] else "ok"))
            if name == "cat":
                cat = median
        if not a.hadoop:
            print("SKIP Hadoop beside it: $HADOOP_LIB and $ASHLAR_SHARED are not set")
        if a.hadoop:
            h = hadoop(tmp)
            print("job_latency hadoop_s=%.2f faster=%.0f" % (h, h / cat))
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/cluster"], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)
    sys.exit(over)


main()
