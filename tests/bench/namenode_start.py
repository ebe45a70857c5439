#!/usr/bin/env python3
"""namenode_start.py [FILES] -- from starting a namenode to its first answer, ours and Hadoop's.

The store is one of FILES files (default 1000000) of one block, made by image_load; each namenode
starts from a directory of its own copy. Prints wall and CPU seconds; limit: a fifth of Hadoop's.
Without the jars (HADOOP_LIB) only ours is measured.
"""
import os, shutil, socket, subprocess, sys, tempfile, time

B = os.environ.get("B", "build")
LIB = os.environ.get("HADOOP_LIB", "")
LIMIT = 0.2
CLOCK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def configure(conf, name, rpc, http):
    os.makedirs(conf)
    keys = {
        "core-site.xml": {"fs.defaultFS": "hdfs://127.0.0.1:%d" % rpc, "hadoop.tmp.dir": conf + "/tmp"},
        "hdfs-site.xml": {"dfs.namenode.name.dir": name, "dfs.namenode.http-address": "127.0.0.1:%d" % http},
    }
    for file, pairs in keys.items():
        with open("%s/%s" % (conf, file), "w") as f:
            f.write("<configuration>")
            for k, v in pairs.items():
                f.write("<property><name>%s</name><value>%s</value></property>" % (k, v))
            f.write("</configuration>")


def cpu_seconds(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def measure(what, command, env, port):
    """Wall and CPU seconds until `dfs -ls /` is answered."""
    start = time.time()
    p = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            if p.poll() is not None:
                sys.exit("%s ended with %d" % (what, p.returncode))
            if time.time() - start > 600:
                sys.exit("%s does not answer" % what)
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
                continue
            if subprocess.run([B + "/bin/dfs", "-ls", "/"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                return time.time() - start, cpu_seconds(p.pid)
    finally:
        p.kill()
        p.wait()


def main():
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    work = tempfile.mkdtemp(prefix="namenode_start.")
    try:
        subprocess.run([B + "/tests/bench/image_load", str(files), work + "/ours", "keep"], check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(work + "/ours", work + "/java")
        results = {}
        for who in ["ours"] + (["java"] if os.path.isdir(LIB) else []):
            rpc, conf = free_port(), "%s/conf-%s" % (work, who)
            configure(conf, "%s/%s" % (work, who), rpc, free_port())
            env = dict(os.environ, HADOOP_CONF_DIR=conf)
            command = [B + "/bin/namenode", "--config", conf]
            if who == "java":
                heap = "-Xmx%dm" % (1024 + files * 600 // (1 << 20))
                command = ["java", heap, "-cp", "%s:%s/*" % (conf, LIB), "org.apache.hadoop.hdfs.server.namenode.NameNode"]
            results[who] = measure(who, command, env, rpc)
            print("%-5s %d files: %6.2f s wall, %6.2f s CPU" % (who, files, *results[who]))
        if "java" not in results:
            print("no Hadoop to compare with (HADOOP_LIB)")
            return 0
        wall, cpu = (results["ours"][i] / results["java"][i] for i in range(2))
        print("ratio: %.3f of the wall time, %.3f of the CPU; limit %.2f" % (wall, cpu, LIMIT))
        return wall > LIMIT
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
