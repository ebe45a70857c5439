#!/usr/bin/env python3
"""job_tasks.py [--tasks N] [--workers W] [--slots S] -- how fast tasks that do nothing go through, and what each costs the scheduler.

A file of N lines of one byte, cut into N splits; the mapper is cat, so each task starts a program. Its output goes to one reducer, so that
the namenode has one part to make, not N. Prints tasks a second by the wall clock and the scheduler's CPU for each task,
which says more on a busy machine; exits 1 when one misses its limit.
"""
import argparse, os, shutil, subprocess, sys, time

from bench_dir import bench_dir

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, os.environ.get("B", "build"), "bin")
RATE, CPU_US = 1000, 100


def cpu(pid):
    f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--tasks", type=int, default=10000)
    ap.add_argument("--workers", type=int, default=4)
    ap.add_argument("--slots", type=int, default=4)
    ap.add_argument("--reduces", type=int, default=1)
    ap.add_argument("--mapper", default="cat")
    ap.add_argument("--keep", action="store_true")
    a = ap.parse_args()
    tmp = bench_dir("job-tasks-")
    try:
        out = subprocess.run([ROOT + "/tools/cluster", "start", tmp + "/c", "--datanodes", str(a.workers), "--workers", str(a.workers),
                              "-D", "ashlar.worker.slots=%d" % a.slots, "-D", "dfs.replication=1"],
                             check=True, capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        os.environ["HADOOP_CONF_DIR"] = env["HADOOP_CONF_DIR"]
        with open(tmp + "/lines", "w") as f:
            f.write("x\n" * a.tasks)
        subprocess.run([BIN + "/dfs", "-put", tmp + "/lines", "/lines"], check=True)
        pids = {n: env["PID_" + n] for n in ["scheduler", "namenode"] + ["worker%d" % i for i in range(a.workers)]}
        before, t = {n: cpu(p) for n, p in pids.items()}, time.monotonic()
        r = subprocess.run([BIN + "/job", "run", "-input", "/lines", "-output", "/out", "-mapper", a.mapper,
                            "-numReduceTasks", str(a.reduces), "-jobconf", "mapreduce.job.maps=%d" % a.tasks,
                            "-jobconf", "mapreduce.job.reduce.slowstart.completedmaps=1"], capture_output=True, text=True)
        t = time.monotonic() - t
        if r.returncode:
            sys.exit("job_tasks: " + r.stderr[-3000:])
        launched = int(r.stderr.split("Launched map tasks=")[1].split()[0])
        used = {n: cpu(p) - before[n] for n, p in pids.items()}
        rate, each = launched / t, used["scheduler"] * 1e6 / launched
        over = rate < RATE or each > CPU_US
        print("job_tasks tasks=%d wall_s=%.2f tasks_per_s=%.0f limit_per_s=%d scheduler_cpu_us_per_task=%.0f limit_us=%d worker_cpu_us_per_task=%.0f namenode_cpu_s=%.2f %s"
              % (launched, t, rate, RATE, each, CPU_US, sum(v for n, v in used.items() if n.startswith("worker")) * 1e6 / launched,
                 used["namenode"], "over" if over else "ok"))
        sys.exit(over)
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/c"], capture_output=True)
        if not a.keep:
            shutil.rmtree(tmp, ignore_errors=True)


main()
