#!/usr/bin/env python3
"""job_wordcount.py [--mib N] -- the tutorial's word count on one worker with two slots, beside a bare shell pipeline.

The pipeline runs the same mapper over the same splits, two at a time, into nothing, and then the same reducer over what a sort
of the mappers' output gives, in the same two parts, at the same time. Its time is that of the programs alone: sorting is
not in it. A second figure has the sort in it (mapper | sort, then sort -m | reducer), as people would do it. The first limit is for CPU
seconds beside the programs alone: two slots on two cores are bound by them, and wall time says little on a machine with other work. The
second is for wall time beside the pipeline with its sort. With $HADOOP_LIB and $ASHLAR_SHARED the same job by Hadoop's Streaming on a
YARN of one node comes last; its counts are compared with ours.
"""
import argparse, os, random, resource, shutil, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/lib")
from yarn import Yarn, there
BIN = os.path.join(ROOT, os.environ.get("B", "build"), "bin")
EX = ROOT + "/docs/examples/"
LIMIT, PIPELINE, FASTER = 1.15, 1.1, 2.0
BLOCK = 128 << 20


def make_text(path, mib):
    rnd = random.Random(3)
    words = ["".join(rnd.choice("etaoinshrdlucmfw") for _ in range(rnd.randint(2, 11))) for _ in range(50000)]
    lines = [" ".join(words[min(int(rnd.paretovariate(0.6)) - 1, 49999)] for _ in range(rnd.randint(4, 14))) for _ in range(60000)]
    block = ("\n".join(lines) + "\n").encode()
    with open(path, "wb") as f:
        left = mib << 20
        while left > 0:
            left -= f.write(block[:left])


def cut(text, tmp):
    """The splits as files, cut at the ends of lines behind each block."""
    names = []
    with open(text, "rb") as f:
        size = os.path.getsize(text)
        while f.tell() < size:
            names.append("%s/split%03d" % (tmp, len(names)))
            with open(names[-1], "wb") as out:
                left = BLOCK
                while left > 0:
                    piece = f.read(min(left, 8 << 20))
                    if not piece:
                        break
                    out.write(piece)
                    left -= len(piece)
                out.write(f.readline())
    return names


def timed(script):
    before, t = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["bash", "-c", "set -e -o pipefail; export LC_ALL=C; " + script], check=True)
    t, after = time.monotonic() - t, resource.getrusage(resource.RUSAGE_CHILDREN)
    return t, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def worker_cpu(pid):
    f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in f[11:15]) / os.sysconf("SC_CLK_TCK")


def pipelines(tmp, splits):
    listed = "printf '%s\\n' " + " ".join(splits)
    maps = timed("%s | xargs -P 2 -I{} sh -c '%smapper.py < {} > /dev/null'" % (listed, EX))
    with_sort = timed("%s | xargs -P 2 -I{} sh -c '%smapper.py < {} | sort -S 100M > {}.sorted'" % (listed, EX))
    merged = timed("sort -m %s > %s/merged" % (" ".join(s + ".sorted" for s in splits), tmp))
    subprocess.run(["bash", "-c", "awk -v half=$(( $(wc -l < {0}/merged) / 2 )) 'NR > half && $1 != k {{ second = 1 }} "
                    "{{ k = $1; print > (\"{0}/half\" (second ? 2 : 1)) }}' {0}/merged".format(tmp)], check=True)
    reduces = timed("(%sreducer.py < %s/half1 > /dev/null) & %sreducer.py < %s/half2 > /dev/null; wait" % (EX, tmp, EX, tmp))
    add = lambda *parts: tuple(map(sum, zip(*parts)))
    return add(maps, reduces), add(with_sort, merged, reduces)


def hadoop(tmp):
    """Wall and CPU seconds of the same job by Hadoop, and its counts."""
    with Yarn(tmp + "/h", "--block-size", str(BLOCK)) as y:
        y.shell("-put", tmp + "/text", "/text")
        os.unlink(tmp + "/text")
        t, cpu, _ = y.run("org.apache.hadoop.streaming.HadoopStreaming", "-files", EX + "mapper.py," + EX + "reducer.py", "-D", "mapreduce.job.reduces=2",
                          "-input", "/text", "-output", "/out", "-mapper", "mapper.py", "-reducer", "reducer.py")
        return t, cpu, counts(y.shell("-cat", "/out/part-*"))


def counts(text):
    return sorted(line for line in text.splitlines() if "\t" in line)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--dir", default=None)
    ap.add_argument("--hadoop", action="store_true", default=there())
    a = ap.parse_args()
    os.environ.pop("PYTHONUNBUFFERED", None)
    os.environ["PATH"] = "/usr/bin:/bin:" + os.environ["PATH"]  # Python itself, not a version manager's script around it
    tmp = tempfile.mkdtemp(prefix="job-wordcount-", dir=a.dir)
    try:
        make_text(tmp + "/text", a.mib)
        out = subprocess.run([ROOT + "/tools/cluster", "start", tmp + "/cluster", "--datanodes", "1", "--workers", "1",
                              "-D", "ashlar.worker.slots=2", "-D", "dfs.blocksize=%d" % BLOCK],
                             check=True, capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        os.environ["HADOOP_CONF_DIR"] = env["HADOOP_CONF_DIR"]
        subprocess.run([BIN + "/dfs", "-put", tmp + "/text", "/text"], check=True)
        pid, cpu, t = env["PID_worker0"], worker_cpu(env["PID_worker0"]), time.monotonic()
        r = subprocess.run([BIN + "/job", "run", "-input", "/text", "-output", "/out", "-mapper", "mapper.py", "-reducer", "reducer.py",
                            "-numReduceTasks", "2", "-file", EX + "mapper.py", "-file", EX + "reducer.py"], capture_output=True, text=True)
        t = time.monotonic() - t
        if r.returncode:
            sys.exit("job_wordcount: " + r.stderr)
        job = t, worker_cpu(pid) - cpu
        mine = counts(subprocess.run([BIN + "/dfs", "-cat", "/out/part-*"], capture_output=True, text=True).stdout)
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/cluster"], capture_output=True)
        bare, sorting = pipelines(tmp, cut(tmp + "/text", tmp))
        print("job_wordcount mib=%d job_wall_s=%.1f job_cpu_s=%.1f programs_wall_s=%.1f programs_cpu_s=%.1f "
              "sorting_pipeline_wall_s=%.1f sorting_pipeline_cpu_s=%.1f" % (a.mib, *job, *bare, *sorting))
        over = job[1] / bare[1] > LIMIT or job[0] / sorting[0] > PIPELINE
        print("job_wordcount wall_over_programs=%.2f cpu_over_programs=%.2f limit=%.2f wall_over_sorting_pipeline=%.2f limit=%.2f"
              % (job[0] / bare[0], job[1] / bare[1], LIMIT, job[0] / sorting[0], PIPELINE))
        if a.hadoop:
            subprocess.run("rm -rf %s/cluster %s/split* %s/merged %s/half*" % ((tmp,) * 4), shell=True)
            h = hadoop(tmp)
            same = h[2] == mine
            over |= h[0] / job[0] < FASTER or not same
            print("job_wordcount hadoop_wall_s=%.1f hadoop_cpu_s=%.1f faster=%.1f limit=%.1f same_counts=%s" % (*h[:2], h[0] / job[0], FASTER, same))
        else:
            print("SKIP Hadoop beside it: $HADOOP_LIB and $ASHLAR_SHARED are not set")
        print("job_wordcount %s" % ("over" if over else "ok"))
        sys.exit(over)
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", tmp + "/cluster"], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)


main()
