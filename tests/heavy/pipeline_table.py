#!/usr/bin/env python3
"""pipeline_table.py [WORD...] -- a datanode of a pipeline dies: at each stage (set-up, streaming, close), at each place, with each policy of
replacing datanodes, with and without best effort, with and without another datanode.  Hadoop's own client does each row, and then libhdfs:
both go on, or both give up, and what is closed has as many bytes.  WORD...: only the rows whose words hold all of them.
HADOOP_LIB names Hadoop's jars."""
import ctypes, glob, itertools, os, socket, subprocess, sys, tempfile, shutil, time

ROOT = os.environ.get("ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
KEY = "dfs.client.block.write.replace-datanode-on-failure."
FIRST, MORE = 1519 * 512, 1000003  # whole chunks: what is written first leaves nothing for close to send but the last packet


def libhdfs_steps(uri):
    """The steps of PipelineSteps.java, by libhdfs."""
    lib = ctypes.CDLL(os.path.join(B, "lib/libhdfs.so"), use_errno=True)
    lib.hdfsNewBuilder.restype = lib.hdfsBuilderConnect.restype = lib.hdfsOpenFile.restype = ctypes.c_void_p
    fs = file = None
    for line in sys.stdin:
        w = line.split()
        if w[0] == "create":
            b = ctypes.c_void_p(lib.hdfsNewBuilder())
            where = ctypes.c_char_p(uri.encode())
            settings = ((KEY + "policy", w[2]), (KEY + "best-effort", w[3]), ("dfs.client.socket-timeout", "5000"))
            kept = [[ctypes.c_char_p(x.encode()) for x in kv] for kv in settings]  # the builder keeps no copies
            lib.hdfsBuilderSetNameNode(b, where)
            for k, v in kept:
                lib.hdfsBuilderConfSetStr(b, k, v)
            fs = ctypes.c_void_p(lib.hdfsBuilderConnect(b))
            file = ctypes.c_void_p(lib.hdfsOpenFile(fs, w[1].encode(), os.O_WRONLY, 0, ctypes.c_short(3), ctypes.c_int32(64 << 20)))
            good = bool(file)
        elif w[0] == "write":
            n = int(w[1])
            good = lib.hdfsWrite(fs, file, b"\0" * n, ctypes.c_int32(n)) == n
        elif w[0] == "hflush":
            good = lib.hdfsHFlush(fs, file) == 0
        else:
            good = lib.hdfsCloseFile(fs, file) == 0
        print("> " + ("OK" if good else "ERR " + os.strerror(ctypes.get_errno())), flush=True)
    os._exit(0)


class Client:
    def __init__(self, command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        for said in self.p.stdout:
            if said.startswith("> "):
                return said[2:].strip()
        return "ERR it ended"

    def end(self):
        self.p.stdin.close()
        self.p.wait(60)


def connected(pid, nodes, but):
    """The datanode that the process has a connection to, by its address."""
    said = subprocess.run(["ss", "-tnpH", "state", "established"], capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        if "pid=%d," % pid in line:
            to = line.split()[3]
            if to in nodes and nodes[to] not in but:
                return nodes[to]
    return None


class Cluster:
    def __init__(self, scratch, count):
        self.dir, self.count = os.path.join(scratch, "c%d" % count), count
        said = self.tell("start", "--datanodes", str(count), "--no-jobs", "-D", "dfs.heartbeat.interval=1", "-D", "dfs.namenode.fs-limits.min-block-size=0")
        self.env = dict(l.replace("export ", "").split("=", 1) for l in said.splitlines() if "=" in l)
        self.env = {k: v.strip("'\"") for k, v in self.env.items()}
        self.uri = self.env["FS_URI"]
        self.find()

    def tell(self, what, *more):
        return subprocess.run([os.path.join(ROOT, "tools/cluster"), what, self.dir, *more], capture_output=True, text=True, check=True).stdout

    def find(self):
        """Which datanode listens where, and its process."""
        said = subprocess.run(["ss", "-tlnpH"], capture_output=True, text=True, check=True).stdout
        self.nodes, self.pids = {}, {}
        for line in said.splitlines():
            at, who = line.split()[3], line.rsplit("pid=", 1)
            if at.startswith("127.0.0.1") and not at.startswith("127.0.0.1:") and '"datanode"' in line:
                k = int(at.split(":")[0].split(".")[3]) - 11
                pid = int(who[1].split(",")[0])
                if self.dir in open("/proc/%d/cmdline" % pid).read().replace("\0", " "):
                    self.nodes[at], self.pids[k] = k, pid

    def pipeline(self, client, java):
        if java:
            return [int(a.split(".")[3]) - 11 for a in client.ask("pipeline").split()[1:]]
        order = [connected(client.p.pid, self.nodes, [])]
        while len(order) < 3 and order[-1] is not None:
            order.append(connected(self.pids[order[-1]], self.nodes, order))
        return order

    def revive(self, k):
        self.tell("restart", "datanode%d" % k)
        time.sleep(1.5)  # two heartbeats
        self.find()


def row(cluster, command, java, stage, place, policy, effort):
    """What came of it: closed with so many bytes, or given up; and words for the reader."""
    path = "/%s-%s-%d-%s-%s" % ("java" if java else "ours", stage, place, policy, effort)
    client = Client(command)
    victim = None
    try:
        if stage == "set-up":
            victim = place
            cluster.tell("kill", "datanode%d" % victim)
            steps = ["create %s %s %s" % (path, policy, effort), "write %d" % FIRST, "hflush", "write %d" % MORE, "hflush"]
        else:
            for s in ("create %s %s %s" % (path, policy, effort), "write %d" % FIRST, "hflush"):
                said = client.ask(s)
                if said != "OK":
                    return "no file", said
            order = cluster.pipeline(client, java)
            if len(order) != 3 or None in order:
                return "no pipeline", str(order)
            victim = order[place]
            cluster.tell("kill", "datanode%d" % victim)
            steps = ["write %d" % MORE, "hflush"] if stage == "streaming" else []
        for s in steps + ["close"]:
            said = client.ask(s)
            if said != "OK":
                return "given up", "%s: %s" % (s.split()[0], said)
        dfs = [os.path.join(B, "bin/dfs"), "-stat", "%b", path]
        size = subprocess.run(dfs, env=dict(os.environ, **cluster.env), capture_output=True, text=True).stdout.strip()
        wanted = FIRST + (0 if stage == "close" else MORE)
        return ("closed, whole" if size == str(wanted) else "closed with %s bytes of %d" % (size, wanted)), ""
    finally:
        client.end()
        if victim is not None:
            cluster.revive(victim)


def main(words):
    lib = os.environ.get("HADOOP_LIB")
    if not lib or not shutil.which("javac"):
        print("SKIP pipeline table: no Java or no Hadoop jars (HADOOP_LIB)")
        return 0
    scratch = tempfile.mkdtemp(prefix="pipeline-table-")
    try:
        return table(words, lib, scratch)
    finally:
        shutil.rmtree(scratch)


def table(words, lib, scratch):
    classes = os.path.join(scratch, "classes")
    os.mkdir(classes)
    subprocess.run(["javac", "-nowarn", "-cp", lib + "/*", "-d", classes, os.path.join(ROOT, "tests/heavy/PipelineSteps.java")], check=True)
    failures = 0
    for count in (5, 3):
        rows = []
        for r in itertools.product(("set-up", "streaming", "close"), range(3), ("NEVER", "DEFAULT", "ALWAYS"), ("false", "true")):
            name = "%s, datanode %d dies, %s, best effort %s, %s" % (r[0], r[1] + 1, r[2], r[3], "another" if count > 3 else "no other")
            if all(w in name for w in words):
                rows.append((name, r))
        if not rows:
            continue
        cluster = Cluster(scratch, count)
        try:
            for name, r in rows:
                java = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes + ":" + lib + "/*", "PipelineSteps", cluster.uri]
                (want, why), (got, what) = row(cluster, java, True, *r), row(cluster, [sys.executable, __file__, "steps", cluster.uri], False, *r)
                good = want == got and want in ("given up", "closed, whole")
                failures += not good
                print("%s %s: %s" % ("PASS" if good else "FAIL", name, want if good else "Hadoop's: %s %s; libhdfs: %s %s" % (want, why, got, what)), flush=True)
        finally:
            cluster.tell("stop")
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["steps"]:
        libhdfs_steps(sys.argv[2])
    sys.exit(main(sys.argv[1:]))
