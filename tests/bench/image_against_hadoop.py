#!/usr/bin/env python3
"""image_against_hadoop.py [FILES] -- loading and saving an image, our namenode's and Hadoop's in the same run.

The store has FILES files (default 500000) of one block, made by image_load. CPU of each process: loading is a start on it less a
start on an empty store (so that neither pays for what else a start does), saving is `dfs admin -saveNamespace`, a forked child's
CPU counted. Limit: a fifth of Hadoop's, for each.
"""
import os, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import namenode_start as start

B, LIB, LIMIT = start.B, start.LIB, 0.2


def cpu(pid):
    """Of the process and of the children that it has waited for."""
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return sum(int(f) for f in fields[11:15]) / start.CLOCK


def ask(env, *words):
    return subprocess.run([B + "/bin/dfs", *words], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def serve(command, env, then):
    """CPU and wall seconds until the first answer, and of saving when @then is set."""
    began = time.time()
    p = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not ask(env, "-ls", "/"):
            if p.poll() is not None or time.time() - began > 900:
                sys.exit("%s does not answer" % command[0])
            time.sleep(0.1)
        loaded = cpu(p.pid), time.time() - began
        if not then:
            return loaded, None
        if not ask(env, "admin", "-safemode", "enter"):
            sys.exit("no safe mode")
        before, wall = cpu(p.pid), time.time()
        if not ask(env, "admin", "-saveNamespace"):
            sys.exit("it does not save")
        return loaded, (cpu(p.pid) - before, time.time() - wall)
    finally:
        p.kill()
        p.wait()


def main():
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 500000
    if not os.path.isdir(LIB):
        print("no Hadoop to compare with (HADOOP_LIB)")
        return 0
    work = tempfile.mkdtemp(prefix="image_against_hadoop.")
    figures = {}
    try:
        subprocess.run([B + "/tests/bench/image_load", str(files), work + "/full", "keep"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([B + "/tests/bench/image_load", "1000", work + "/empty", "keep"], check=True, stdout=subprocess.DEVNULL)
        for who in ("ours", "java"):
            got = {}
            for what in ("empty", "full"):
                name, conf, rpc = "%s/%s-%s" % (work, who, what), "%s/conf-%s-%s" % (work, who, what), start.free_port()
                shutil.copytree(work + "/" + what, name)
                start.configure(conf, name, rpc, start.free_port())
                command = [B + "/bin/namenode", "--config", conf]
                if who == "java":
                    heap = "-Xmx%dm" % (1024 + files * 600 // (1 << 20))
                    command = ["java", heap, "-cp", "%s:%s/*" % (conf, LIB), "org.apache.hadoop.hdfs.server.namenode.NameNode"]
                got[what] = serve(command, dict(os.environ, HADOOP_CONF_DIR=conf), what == "full")
            load = max(got["full"][0][0] - got["empty"][0][0], 1 / start.CLOCK)
            figures[who] = load, got["full"][1][0]
            print("%-5s %d files: load %6.2f s CPU (start %.2f s wall), save %6.2f s CPU, %.2f s wall" % (who, files, load, got["full"][0][1], *got["full"][1]), flush=True)
        load, save = (figures["ours"][i] / figures["java"][i] for i in range(2))
        print("ratio: load %.3f, save %.3f of Hadoop's CPU; limit %.2f" % (load, save, LIMIT))
        return load > LIMIT or save > LIMIT
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
