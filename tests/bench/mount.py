#!/usr/bin/env python3
"""mount.py [--mib N] [--files N] [--rounds R] [--dir DIR] -- dfs-fuse beside a libfuse passthrough, MooseFS and the bare directory.

Sequential reading and writing of one file at replication 1, 4 KiB reads at random from pages that the kernel has, and creating,
stating and deleting small files; on the same disk, taking turns, the best round of each counts, for other work on the machine only ever
adds. The passthrough (tests/bench/fuse_passthrough.c) is the limit of anything that goes through FUSE. MooseFS runs when
Debian's packages and peers/moosefs-cluster ($ASHLAR_SHARED) are there. Prints each figure beside its limit; exits 1 when one
is missed. Root, for mounts.
"""
import argparse, os, random, shutil, signal, subprocess, sys, time

from bench_dir import bench_dir

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
SHARED = os.environ.get("ASHLAR_SHARED", ROOT + "/../shared")
READ, WRITE, CACHED, FILES, MEMORY_KIB = 0.8, 0.7, 0.9, 2.0, 256 << 10
CHUNK = os.urandom(1 << 20)


def timed(f, *args):
    t = time.monotonic()
    f(*args)
    return time.monotonic() - t


def write_file(path, mib):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for _ in range(mib):
        view = memoryview(CHUNK)
        while view:
            view = view[os.write(fd, view):]
    os.fsync(fd)
    os.close(fd)


def read_file(path):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(fd, 1 << 20):
        pass
    os.close(fd)


def read_cached(path, mib):
    fd = os.open(path, os.O_RDONLY)
    at = random.Random(7)
    for _ in range(200000):
        os.pread(fd, 4096, at.randrange(mib << 8) << 12)
    os.close(fd)


def small_files(d, n):
    os.mkdir(d)
    for i in range(n):
        fd = os.open("%s/%d" % (d, i), os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"x" * 1000)
        os.close(fd)
    for i in range(n):
        os.stat("%s/%d" % (d, i))
    for i in range(n):
        os.unlink("%s/%d" % (d, i))
    os.rmdir(d)


def memory_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int([line for line in f if line.startswith("VmHWM")][0].split()[1])


class Sides:
    """Name to directory, and what has to be ended."""
    def __init__(self, tmp, replication=1):
        self.tmp, self.where, self.ends, self.pid = tmp, {}, [], None
        os.mkdir(tmp + "/bare")
        self.where["bare"] = tmp + "/bare"
        self.passthrough()
        self.ashlar(replication)
        self.moosefs()

    def passthrough(self):
        os.mkdir(self.tmp + "/under")
        os.mkdir(self.tmp + "/passthrough")
        subprocess.run([B + "/tests/bench/fuse_passthrough", self.tmp + "/under", self.tmp + "/passthrough"], check=True)
        self.ends.append(["umount", "-l", self.tmp + "/passthrough"])
        self.where["passthrough"] = self.tmp + "/passthrough"

    def ashlar(self, replication):
        cluster, mnt = self.tmp + "/cluster", self.tmp + "/ashlar"
        out = subprocess.run([ROOT + "/tools/cluster", "start", cluster, "--datanodes", "1", "--no-jobs"], check=True,
                             capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        self.ends.append([ROOT + "/tools/cluster", "stop", cluster])
        os.mkdir(mnt)
        subprocess.run([B + "/bin/dfs-fuse", "--config", env["HADOOP_CONF_DIR"], "-D", "dfs.client.read.shortcircuit=true",
                        "-D", "dfs.domain.socket.path=" + cluster + "/dn0.sock", mnt], check=True)
        self.ends.append(["umount", "-l", mnt])
        self.pid = int(subprocess.run(["pgrep", "-f", "dfs-fuse .* %s$" % mnt], capture_output=True, text=True).stdout.split()[0])
        self.where["ashlar"] = mnt

    def moosefs(self):
        script = SHARED + "/peers/moosefs-cluster"
        if not os.path.exists(script) or not shutil.which("mfsmaster"):
            print("SKIP MooseFS: its packages or peers/moosefs-cluster are not there")
            return
        d = self.tmp + "/moosefs"
        os.mkdir(d)
        self.ends.append([script, "stop", d])
        r = subprocess.run([script, "start", d, "1", "27850", "1"], capture_output=True, text=True)
        if not os.path.ismount(d + "/mnt"):
            print("SKIP MooseFS: did not start: " + r.stderr.strip()[-200:])
            return
        self.where["moosefs"] = d + "/mnt"

    def end(self):
        for argv in reversed(self.ends):
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mib", type=int, default=512)
    ap.add_argument("--files", type=int, default=20000)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--dir")
    a = ap.parse_args()
    if os.geteuid() or not os.path.exists("/dev/fuse"):
        print("SKIP mounts: need root and /dev/fuse")
        return 0
    tmp = bench_dir("bench-mount-", a.dir)
    best, sides, over = {}, None, 0

    def note(what, side, seconds):
        best[what, side] = min(best.get((what, side), 1e9), seconds)
    try:
        sides = Sides(tmp)
        for r in range(a.rounds):
            for side, d in sides.where.items():
                note("write", side, timed(write_file, d + "/big", a.mib))
                note("read", side, timed(read_file, d + "/big"))
                read_file(d + "/big")
                note("cached", side, timed(read_cached, d + "/big", a.mib))
                os.unlink(d + "/big")
            for side, d in sides.where.items():
                if r == 0 or side in ("ashlar", "moosefs"):
                    note("files", side, timed(small_files, d + "/small", a.files))
        for what, limit in (("read", READ), ("write", WRITE), ("cached", CACHED)):
            p = best[what, "passthrough"]
            for side in sides.where:
                ratio = p / best[what, side]
                amount = "200,000 of 4 KiB" if what == "cached" else "%d MiB" % a.mib
                print("%-7s %-12s %7.2f s for %s: %.2f of the passthrough%s" % (
                    what, side, best[what, side], amount, ratio, " (at least %.1f)" % limit if side == "ashlar" else ""))
                over += side == "ashlar" and ratio < limit
        for side in sides.where:
            print("files   %-12s %7.2f s for creating, stating and deleting %d" % (side, best["files", side], a.files))
        if "moosefs" in sides.where:
            ratio = best["files", "moosefs"] / best["files", "ashlar"]
            print("files   %.2f times as fast as MooseFS (at least %.1f)" % (ratio, FILES))
            over += ratio < FILES
        kib = memory_kib(sides.pid)
        print("memory  %d KiB at most (limit %d)" % (kib, MEMORY_KIB))
        over += kib > MEMORY_KIB
        print("load of the machine at the end: %.1f" % os.getloadavg()[0])
        return 1 if over else 0
    finally:
        if sides:
            sides.end()
        shutil.rmtree(tmp, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
sys.exit(main())
