#!/usr/bin/env python3
# long: begins first
"""Writers and readers on a cluster of one namenode and six datanodes, while daemons are killed and stopped, disks and
networks fail on purpose (tests/preload/faulty.c), and, twice, the power goes: what was acknowledged is there and equal
in the end, what was not is wholly there or wholly absent, and no daemon hangs or has grown.

  SEED=n makes the same faults in the same order; FAULT_SECONDS=n how long they last (CI: 12; tests/heavy/faults.sh: 600).
"""
import collections, glob, os, random, shutil, signal, subprocess, sys, tempfile, threading, time, urllib.request

ROOT = os.environ.get("ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.environ.get("B", "build")
DFS = os.path.join(ROOT, B, "bin", "dfs")
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 1 << 30))
LASTS = float(os.environ.get("FAULT_SECONDS", 12))
DATANODES, WRITERS = 6, 3
GROWTH_MAX = 96 << 20  # resident bytes that a daemon may have gained
RNG = random.Random(SEED)
PATIENCE = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
failures = 0


def say(ok, sentence, why=""):
    global failures
    failures += not ok
    print("%s %s%s" % ("PASS" if ok else "FAIL", sentence, ": " + why if why and not ok else ""), flush=True)


# ---- the cluster ----

class Cluster:
    def __init__(self, top):
        self.top, self.dir, self.faulty = top, top + "/cluster", top + "/faulty"
        os.makedirs(self.faulty)
        self.rules()
        self.env = dict(os.environ, FAULTY_DIR=self.faulty, FAULTY_SEED=str(SEED),
                        LD_PRELOAD=os.path.join(ROOT, B, "tests/preload/faulty.so"))
        settings = {"dfs.replication": 3, "dfs.heartbeat.interval": 1, "dfs.namenode.heartbeat.recheck-interval": 1000,
                    "dfs.namenode.redundancy.interval.seconds": 1, "dfs.client.socket-timeout": 4000,
                    "dfs.datanode.socket.write.timeout": 4000, "dfs.datanode.synconclose": "true", "dfs.blocksize": 1 << 20,
                    "dfs.namenode.lease-hard-limit-sec": "5s", "dfs.namenode.checkpoint.txns": 300,
                    "dfs.namenode.fs-limits.min-block-size": 1024, "ipc.client.connect.max.retries": 2,
                    "dfs.client.retry.max.attempts": 3, "ipc.client.rpc-timeout.ms": 5000, "dfs.blockreport.intervalMsec": 20000,
                    "dfs.blockreport.initialDelay": 0, "dfs.namenode.replication.pending.timeout-sec": 10}
        out = self.call("start", "--datanodes", str(DATANODES), "--racks", "3", "--no-jobs",
                        *[x for k, v in settings.items() for x in ("-D", "%s=%s" % (k, v))])
        vars_ = dict(line.split("=", 1) for line in out.split())
        self.http = vars_["WEBHDFS"]
        self.conf = vars_["HADOOP_CONF_DIR"]
        self.names = ["namenode"] + ["datanode%d" % i for i in range(DATANODES)]

    def call(self, what, *rest):
        p = subprocess.run([os.path.join(ROOT, "tools/cluster"), what, self.dir, *rest], env=self.env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode and what == "start":
            print("FAIL the cluster starts: " + p.stderr[-600:])
            sys.exit(1)
        return p.stdout

    def rules(self, *lines):
        with open(self.faulty + "/control.new", "w") as f:
            f.write("power 1 %s/data/\n%s" % (self.dir, "".join(x + "\n" for x in lines)))
        os.rename(self.faulty + "/control.new", self.faulty + "/control")

    def pid(self, name):
        try:
            pid = int(open("%s/%s.pid" % (self.dir, name)).read())
            state = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0]
            return pid if state != "Z" and ("%s/%s" % (self.dir, name)).encode() in open("/proc/%d/environ" % pid, "rb").read() else None
        except (OSError, ValueError):
            return None

    def signal(self, name, how):
        pid = self.pid(name)
        if pid:
            os.kill(pid, how)

    def kill_all(self):
        for name in self.names:
            self.signal(name, signal.SIGKILL)
        while any(self.pid(n) for n in self.names):
            time.sleep(0.02)

    def start_missing(self):
        """Starts what has ended, by a fault or by itself."""
        for name in self.names:
            if not self.pid(name):
                self.call("restart", name)

    def get(self, url, timeout=10):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=timeout * PATIENCE) as r:
            return r.read().decode()

    def metric(self, name):
        for line in self.get(self.http + "/metrics").splitlines():
            if line.startswith(name + " "):
                return int(float(line.split()[1]))
        return -1

    def wait_well(self, seconds):
        """All datanodes live, no safe mode, and no block with too few copies."""
        end = time.monotonic() + seconds * PATIENCE
        why = ""
        while time.monotonic() < end:
            try:
                self.start_missing()
                now = {n: self.metric("namenode_" + n) for n in ("live_datanodes", "safe_mode", "under_replicated_blocks", "missing_blocks")}
                why = str(now)
                if now["live_datanodes"] == DATANODES and now["safe_mode"] == 0 and now["missing_blocks"] == 0 and now["under_replicated_blocks"] == 0:
                    return ""
            except OSError as e:
                why = str(e)
            time.sleep(0.1)
        return why

    def resident(self):
        out = {}
        for name in self.names:
            for line in open("/proc/%d/status" % self.pid(name)):
                if line.startswith("VmRSS"):
                    out[name] = int(line.split()[1]) * 1024
        return out

    def dealt(self):
        count = collections.Counter()
        for path in glob.glob(self.faulty + "/dealt.*"):
            count.update(line.split(" ")[0] for line in open(path))
        return count


# ---- clients, and what they were told ----

def content(name, size):
    return random.Random(name).randbytes(size)


class Books:
    """What was acknowledged: path → size of its content, or None when it is gone; what is in doubt: path → what it may be."""
    def __init__(self):
        self.lock = threading.Lock()
        self.sure, self.doubt = {}, {}
        self.tried = self.yes = self.bytes = self.read = 0

    def settle(self, path, size, ok, before):
        with self.lock:
            self.tried += 1
            if ok:
                self.yes += 1
                self.bytes += size or 0
                self.doubt.pop(path, None)
                self.sure[path] = size
            else:
                self.doubt[path] = self.doubt.get(path, {before}) | {before, size}
                self.sure.pop(path, None)


def dfs(cluster, *args, data=None, seconds=60):
    env = dict(os.environ, HADOOP_CONF_DIR=cluster.conf)
    env.pop("LD_PRELOAD", None)
    try:
        return subprocess.run([DFS, *args], env=env, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds * PATIENCE)
    except subprocess.TimeoutExpired as e:
        return subprocess.CompletedProcess(args, 124, b"", b"it hangs: " + (e.stderr or b""))


class Writer(threading.Thread):
    """Writes, reads, moves and removes in a directory of its own."""
    def __init__(self, cluster, books, number, stop):
        super().__init__(daemon=True)
        self.c, self.books, self.stop, self.dir = cluster, books, stop, "/w%d" % number
        self.rng, self.count, self.hung, self.wrong = random.Random(SEED * 100 + number), 0, "", ""

    def ask(self, *args, data=None):
        p = dfs(self.c, *args, data=data)
        if p.returncode == 124:
            self.hung = "dfs %s: %s" % (" ".join(args), p.stderr.decode()[-300:])
        return p

    def run(self):
        while not self.stop.is_set():
            mine = [p for p in self.books.sure if p.startswith(self.dir + "/") and self.books.sure[p] is not None]
            what = self.rng.random()
            if what < 0.5 or not mine:
                self.count += 1
                path, size = "%s/f%d" % (self.dir, self.count), self.rng.choice([0, 1, 700, 40000, 900000, 1 << 20, 1500000])
                ok = self.ask("-put", "-", path, data=content(path, size)).returncode == 0
                self.books.settle(path, size, ok, None)
                continue
            path = self.rng.choice(mine)
            size = self.books.sure[path]
            if what < 0.8:
                p = self.ask("-cat", path)
                self.books.read += p.returncode == 0
                if p.returncode == 0 and p.stdout != content(path.split("#")[0], size):
                    self.wrong = "%s: %d bytes read, of %d, and not those" % (path, len(p.stdout), size)
            elif what < 0.9:
                ok = self.ask("-rm", "-skipTrash", path).returncode == 0
                self.books.settle(path, None, ok, size)
            else:  # the name before '#' says what is in it
                self.count += 1
                to = "%s#%d" % (path.split("#")[0], self.count)
                ok = self.ask("-mv", path, to).returncode == 0
                self.books.settle(path, None, ok, size)
                self.books.settle(to, size, ok, None)


def verify(cluster, books, sentence):
    """Everything that was acknowledged is there and equal; what is in doubt is one of what it may be."""
    listed = {}
    p = dfs(cluster, "-ls", "-R", "/")
    for line in p.stdout.decode().splitlines():
        words = line.split()
        if len(words) == 8 and words[0][0] == "-" and not words[7].endswith("._COPYING_"):
            listed[words[7]] = int(words[4])
    lost = [q for q, size in books.sure.items() if size is not None and listed.get(q) != size]
    back = [q for q, size in books.sure.items() if size is None and q in listed]
    half = [q for q, may in books.doubt.items() if listed.get(q) not in may]
    there = sorted(q for q in listed if q in books.sure or q in books.doubt)
    bad = []
    for i in range(0, len(there), 40):
        p = dfs(cluster, "-cat", *there[i:i + 40], seconds=120)
        want = b"".join(content(q.split("#")[0], listed[q]) for q in there[i:i + 40])
        if p.returncode or p.stdout != want:
            bad += [q for q in there[i:i + 40] if dfs(cluster, "-cat", q).stdout != content(q.split("#")[0], listed[q])]
    say(not (lost or back or half or bad or p.returncode), "%s: all that was acknowledged is there and equal, and nothing is there in part" % sentence,
        "lost %s, came back %s, in part %s, not equal %s of %d %s" % (lost[:4], back[:4], half[:4], bad[:4], len(there), p.stderr.decode()[-300:]))
    with books.lock:  # now it is known
        for q in books.doubt:
            books.sure[q] = listed.get(q)
        books.doubt.clear()
    return len(there)


# ---- what goes wrong ----

def some_datanode():
    return "datanode%d" % RNG.randrange(DATANODES)


def deal(cluster, paused, counts):
    """One fault; disks and network fail on two datanodes at a time at most, so that the third copy can be written."""
    what = RNG.choice(["kill", "kill", "kill namenode", "pause", "pause", "resume", "disk", "disk", "disk", "flip", "net", "net", "quiet"])
    counts[what] += 1
    if what == "kill":
        cluster.signal(some_datanode(), signal.SIGKILL)
    elif what == "kill namenode":
        cluster.signal("namenode", signal.SIGKILL)
    elif what == "pause" and len(paused) < 2:
        name = some_datanode()
        cluster.signal(name, signal.SIGSTOP)
        paused.add(name)
    elif what == "resume":
        while paused:
            cluster.signal(paused.pop(), signal.SIGCONT)
    elif what == "disk":
        node = some_datanode()
        kind = RNG.choice(["eio-read", "eio-write", "enospc", "short", "eio-sync", "erofs"])
        cluster.rules("%s %d /data/%s/" % (kind, RNG.choice([1, 4, 20]), node))
    elif what == "flip":
        cluster.rules("flip 8 /data/%s/" % some_datanode())
    elif what == "net":
        cluster.rules("%s %d %s" % (RNG.choice(["reset", "hole"]), RNG.choice([20, 100]), RNG.choice(["datanode", some_datanode(), "namenode"])))
    elif what == "quiet":
        cluster.rules()
    cluster.start_missing()


def heal(cluster, paused):
    cluster.rules()
    while paused:
        cluster.signal(paused.pop(), signal.SIGCONT)
    time.sleep(0.2)
    cluster.start_missing()


def power_cut(cluster):
    cluster.kill_all()
    p = subprocess.run([sys.executable, os.path.join(ROOT, "tests/preload/power_loss.py"), cluster.faulty, cluster.dir + "/data", str(RNG.randrange(1 << 30))],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.returncode:
        say(False, "the power can be cut", p.stderr[-500:])
    cluster.rules()
    cluster.start_missing()
    return p.stdout.strip()


def main():
    if "-san" in B:
        print("SKIP faults of disks and networks: a sanitizer's library has to be the first")
        return 0
    print("SEED=%d" % SEED, file=sys.stderr)
    top = tempfile.mkdtemp(prefix="ashlar-faults.")
    cluster = Cluster(top)
    books, paused, counts = Books(), set(), collections.Counter()
    try:
        for number in range(WRITERS):
            dfs(cluster, "-mkdir", "/w%d" % number)
        for lap in range(2):
            stop = threading.Event()
            writers = [Writer(cluster, books, lap * WRITERS + i, stop) for i in range(WRITERS)]
            for w in writers:
                dfs(cluster, "-mkdir", "-p", w.dir)
                w.start()
            if lap == 0:
                time.sleep(1)
                before = cluster.resident()
            end = time.monotonic() + LASTS / 2
            while time.monotonic() < end:
                deal(cluster, paused, counts)
                time.sleep(RNG.choice([0.2, 0.5, 1.0]))
            if lap == 1:
                heal(cluster, paused)
            stop.set()
            undone = ""
            if lap == 0:  # with writers in the middle of it
                for name in list(paused):
                    paused.discard(name)
                undone = power_cut(cluster)
                counts["power"] += 1
            for w in writers:
                w.join()
            wrong = [w.wrong for w in writers if w.wrong] + [w.hung for w in writers if w.hung]
            say(not wrong, "lap %d: no reader got other bytes, no client hung" % lap, "; ".join(wrong))
            heal(cluster, paused)
            why = cluster.wait_well(90)
            say(not why, "lap %d: every daemon is back and every block has its copies" % lap, why)
            n = verify(cluster, books, "lap %d%s" % (lap, ", after the power was cut" if lap == 0 else ""))
            print("lap %d: %d files; %s" % (lap, n, undone), file=sys.stderr)
        undone = power_cut(cluster)
        why = cluster.wait_well(90)
        say(not why, "after a power cut at rest every daemon is back and every block has its copies", why)
        verify(cluster, books, "after a power cut at rest")
        hung = []
        for name in cluster.names:
            try:
                cluster.get(cluster.http + "/metrics")
                os.kill(cluster.pid(name), 0)
            except (OSError, TypeError) as e:
                hung.append("%s: %s" % (name, e))
        say(not hung, "no daemon hangs", "; ".join(hung))
        grown = {n: r - before[n] for n, r in cluster.resident().items() if r - before.get(n, 0) > GROWTH_MAX}
        say(not grown, "no daemon is bigger than it was", str(grown))
        dealt = cluster.dealt()
        print("operations tried %d, acknowledged %d, read %d; bytes acknowledged %d; faults %s; dealt by the library %s; %s"
              % (books.tried, books.yes, books.read, books.bytes, dict(counts), dict(dealt), undone), file=sys.stderr)
        say(books.yes > 20 and sum(dealt.values()) > 0, "there was work, and it was disturbed", "%d %s" % (books.yes, dealt))
    finally:
        for name in paused:
            cluster.signal(name, signal.SIGCONT)
        cluster.call("stop")
        if failures and os.environ.get("KEEP"):
            print("kept: " + top, file=sys.stderr)
        else:
            shutil.rmtree(top, ignore_errors=True)
    if failures:
        print("SEED=%d deals the same faults" % SEED)
    return 1 if failures else 0


sys.exit(main())
