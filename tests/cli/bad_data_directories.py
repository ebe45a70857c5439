#!/usr/bin/env python3
"""bad_data_directories.py -- a datanode's directory with things wrong: each file cut at each boundary, a byte flipped in each part.

A VERSION that is wrong is refused by a message that names the directory, and nothing is written. A replica that is wrong is found without a
reader, is never served as anything but what was stored, and no other replica suffers for it: many of them in one start. In the end the
directory as it was before serves everything.
"""
import hashlib, json, os, re, shutil, subprocess, sys, tempfile, time

B = os.environ.get("B", "build")
C = T = ""
env = dict(os.environ)
failures = 0
PATIENCE = 60 * float(os.environ.get("PATIENCE", "1"))


def say(ok, what, why=""):
    global failures
    failures += not ok
    print(("PASS " if ok else "FAIL ") + what + ("" if ok or not why else ": " + str(why)[-600:]), flush=True)


def until(true, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def cluster(*words):
    subprocess.run(["tools/cluster", words[0], C, *words[1:]], stdout=subprocess.DEVNULL, check=True)


def dfs(*words):
    return subprocess.run([B + "/bin/dfs", "-D", "dfs.client.max.block.acquire.failures=0", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def digest(top):
    """Every file and directory but the lock: name, mode and bytes."""
    h = hashlib.md5()
    for at, dirs, files in sorted(os.walk(top)):
        dirs.sort()
        h.update(at[len(top):].encode())
        for f in sorted(files):
            path = os.path.join(at, f)
            if f != "in_use.lock":
                h.update(("%s %o\n" % (path[len(top):], os.stat(path).st_mode)).encode() + open(path, "rb").read())
    return h.hexdigest()


def stamps(top):
    """Every file but the lock, and when it was last written: quicker."""
    found = []
    for at, dirs, files in os.walk(top):
        found += [(at, n) for n in dirs]
        for n in files:
            st = os.stat(os.path.join(at, n))
            found += [(at, n, st.st_mode, st.st_size, st.st_ino, st.st_ctime_ns)] * (n != "in_use.lock")
    return sorted(found)


def flip(b, at, bit=1):
    return b[:at] + bytes([b[at] ^ bit]) + b[at + 1:]


# ---- replicas ----
SIZES = (2000, 70000)


def damages(data, meta):
    """(what, block file, meta file) of a replica; None: there is no such file."""
    for k in range(0, len(data), max(512, len(data) // 4 // 512 * 512)):
        yield "block cut before byte %d" % k, data[:k], meta
        yield "block cut at byte %d" % (k + 1), data[: k + 1], meta
        yield "byte %d of the block flipped" % k, flip(data, k), meta
    yield "the block's last byte flipped", flip(data, len(data) - 1), meta
    yield "a block without its last byte", data[:-1], meta
    yield "a block with a byte too many", data + b"x", meta
    yield "a block of zeros", bytes(len(data)), meta
    yield "no block file", None, meta
    for n in (0, 1, 2, 3, 6, 7, 8, 11, len(meta) - 4, len(meta) - 1):
        yield "meta file cut to %d bytes" % n, data, meta[:n]
    for at in range(7):
        for bit in (1, 2, 0x80):
            yield "byte %d of the meta file's header with bit %d flipped" % (at, bit), data, flip(meta, at, bit)
    for at in range(7, len(meta), max(4, (len(meta) - 7) // 4 // 4 * 4)):
        yield "byte %d of the meta file flipped" % at, data, flip(meta, at)
    yield "the meta file's last byte flipped", data, flip(meta, len(meta) - 1)
    yield "no meta file", data, None
    yield "a meta file of zeros", data, bytes(len(meta))


def pool_of(top):
    return [os.path.join(top, "current", n) for n in os.listdir(top + "/current") if n.startswith("BP-")][0]


def replicas(top):
    """{length: [(block file, meta file)...]}"""
    found = {}
    for at, _, files in os.walk(os.path.join(pool_of(top), "current/finalized")):
        for n in files:
            if n.endswith(".meta"):
                block = os.path.join(at, n.rsplit("_", 1)[0])
                found.setdefault(os.path.getsize(block), []).append((block, os.path.join(at, n)))
    return found


def put(path, content):
    if os.path.exists(path):
        os.unlink(path)
    if content is not None:
        open(path, "wb").write(content)


def damage_all(top, names):
    """Another block for each damage, in order of their names: [(the file, what, block)]."""
    done = []
    rbw = os.path.join(pool_of(top), "current/rbw")
    for size, pairs in sorted(replicas(top).items()):
        pairs.sort()
        kinds = len(list(damages(b"x" * size, b"y" * os.path.getsize(pairs[0][1]))))
        for k in list(range(kinds)) + [-k for k in range(1, kinds, 3)]:
            unfinished = k < 0
            b, m = pairs.pop()
            what, data, sums = list(damages(open(b, "rb").read(), open(m, "rb").read()))[abs(k)]
            put(b, data)
            put(m, sums)
            for f in (b, m):
                if unfinished and os.path.exists(f):
                    os.rename(f, os.path.join(rbw, os.path.basename(f)))
            block = os.path.basename(b)
            done.append((names[block], "%d bytes, %s%s" % (size, "unfinished, " if unfinished else "", what), block))
    return done


def fsck():
    """{block: what the namenode says of it}, {block: its file}"""
    said, names, name = {}, {}, ""
    for line in dfs("fsck", "/d", "-files", "-blocks", "-replicaDetails").stdout.decode().splitlines():
        if line.startswith("/d/"):
            name = line.split()[0][3:]
        block = re.search(r"(blk_\d+)_\d+ ", line)
        if block:
            said[block.group(1)], names[block.group(1)] = line, name
    return said, names


def read_back(stored, to):
    """Names of the files that are whole; of those whose bytes are wrong; the words."""
    os.mkdir(to)
    words = dfs("-get", "/d/*", to).stderr.decode(errors="replace")
    got = {n: open(os.path.join(to, n), "rb").read() for n in os.listdir(to)}
    shutil.rmtree(to)
    whole = {n for n, b in got.items() if b == stored.get(n)}
    return whole, set(got) - whole, words


def bad_replicas(top, stored):
    _, names = fsck()
    port = datanode_port(0)
    cluster("kill", "datanode0")
    cluster("kill", "datanode1")
    shutil.copytree(top, T + "/good", symlinks=True)
    other = digest(C + "/data/datanode1")
    bad = damage_all(top, names)
    # What else may lie there.
    pool = pool_of(top)
    for path, content in (("scanner.cursor", b'{"lastSavedMs":15000'), ("current/dfsUsed", b"-17 x"), ("current/replicas", b"\0\1\2"),
                          ("current/finalized/blk_", b"x"), ("current/finalized/blk_1_", b"x"), ("current/finalized/blk_x_1.meta", b"x"),
                          ("current/finalized/blk_99999999999999999999999_1.meta", b""), ("current/rbw/blk_12_1001.meta", b"\0\1"), ("tmp/blk_13", b"x")):
        open(os.path.join(pool, path), "wb").write(content)
    os.makedirs(pool + "/current/finalized/subdir99/subdir-1/subdir3")
    os.mkdir(pool + "/current/finalized/blk_77")
    open(top + "/in_use.lock", "wb").write(b"4711@elsewhere\0\n")
    cluster("restart", "datanode0")
    say(until(lambda: live(port)), "a datanode starts on a directory with %d damaged replicas" % len(bad), open(C + "/datanode0.log").read())
    damaged = {n for n, _, _ in bad}
    titles = {n: what for n, what, _ in bad}
    well = set(stored) - damaged
    last = [set(), set(), ""]

    def others_are_served():
        last[:] = read_back(stored, T + "/got")
        return well <= last[0] or last[1]

    say(until(others_are_served) and well <= last[0], "the %d that are well are served by it" % len(well), sorted(well - last[0])[:5] + [last[2]])
    say(not last[1], "no wrong byte is", [titles.get(n, n) for n in last[1]][:8])
    say(not last[0] & damaged, "and no damaged one as if it were well", [titles[n] for n in last[0] & damaged][:8])
    cluster("restart", "datanode1")
    unknown = []

    def all_known():
        said, _ = fsck()
        unknown[:] = ["%s: %s" % (what, said.get(block)) for _, what, block in bad
                      if re.search(r"127\.0\.0\.11:\d+,[^]]*\]\(LIVE\)", said.get(block, "127.0.0.11:1,](LIVE)")) or "127.0.0.12" not in said.get(block, "")]
        return not unknown

    say(until(all_known), "the namenode knows of each: corrupt, or not there", "%d of them not: " % len(unknown) + "; ".join(unknown[:4]))
    whole, wrong, words = read_back(stored, T + "/got")
    say(whole == set(stored) and not wrong, "with the other datanode everything is read", words)
    for n in (0, 1):
        cluster("kill", "datanode%d" % n)
    say(other == digest(C + "/data/datanode1"), "whose directory is as it was")


def datanode_port(n):
    return int(re.search(r":(\d+)", next(w for w in argv(n) if w.startswith("dfs.datanode.address="))).group(1))


def live(port):
    return (":%d" % port).encode() in dfs("admin", "-report", "-live").stdout


# ---- VERSION ----
def argv(n):
    return json.load(open(C + "/cluster.json"))["daemons"]["datanode%d" % n]["argv"]


def datanode(to_its_end):
    """Exit code (0: it joined; 1: it is stopping) and words of a start, which is ended as soon as it has decided, or seen to its end."""
    p = subprocess.Popen(argv(0), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    out = b""
    for line in p.stdout:
        out += line
        joined, stops = b"INFO dn.register" in line, b" dn.stop" in line
        if joined or (stops and not to_its_end):
            p.kill()
            p.wait()
            return (0 if joined else 1), out.decode(errors="replace")
    p.wait()
    return p.returncode, out.decode(errors="replace")


def versions(path):
    """(what, the file's new bytes)"""
    v = open(path, "rb").read()
    lines = v.splitlines(keepends=True)
    for k, line in enumerate(lines):
        if line.startswith(b"#"):
            continue
        key, value = line.rstrip(b"\n").split(b"=")
        key = key.decode()
        if k > 1:
            yield "cut before " + key, b"".join(lines[:k])
        yield "cut within " + key, b"".join(lines[:k]) + line[: len(key) // 2]
        yield "cut within the value of " + key, b"".join(lines[:k]) + line[:-2]
        yield "without " + key, b"".join(lines[:k] + lines[k + 1:])
        yield "with an empty " + key, b"".join(lines[:k]) + key.encode() + b"=\n" + b"".join(lines[k + 1:])
        for at in (0, len(value) - 1) if len(value) > 1 else (0,):
            yield "with a flipped byte %d in the value of %s" % (at, key), b"".join(lines[:k]) + flip(line, len(key) + 1 + at, 4) + b"".join(lines[k + 1:])
    yield "of zeros", bytes(len(v))
    yield "of a namenode", v.replace(b"DATA_NODE", b"NAME_NODE")
    for layout in ("-40", "-90", "57", "-57x", "x"):
        yield "of layout " + layout, v.replace(b"layoutVersion=-57", b"layoutVersion=" + layout.encode())
    yield "that is gone", None


def bad_versions(top):
    for name, where in (("the directory's VERSION", top + "/current"), ("the pool's VERSION", pool_of(top) + "/current")):
        path = where + "/VERSION"
        good, wrong, refused, fine = open(path, "rb").read(), [], 0, []
        for what, content in versions(path):
            if content == good:
                continue
            put(path, content)
            before = stamps(top)
            code, words = datanode(what == "of zeros")
            if code == 0:
                fine.append(what)
            else:
                refused += 1
                if code != 1 or not [l for l in words.splitlines() if " ERROR dn." in l and top in l]:
                    wrong.append("%s: exit code %d: %s" % (what, code, words.strip().splitlines()[-1:]))
                if stamps(top) != before:
                    wrong.append(what + ": refused, but written")
            put(path, good)
        print("    %s: %d refused; starts nevertheless: %s" % (name, refused, ", ".join(fine)))
        for w in wrong[:10]:
            print("    " + w)
        say(not wrong and refused > 15, name + ": what is wrong is named, and nothing is written", "%d of them not" % len(wrong))


def two_on_one(top):
    cluster("restart", "datanode0")
    until(lambda: live(datanode_port(0)))
    before = digest(top)
    lock = open(top + "/in_use.lock", "rb").read()
    p = subprocess.run([w if not re.search(r"address=", w) else re.sub(r":\d+$", ":0", w) for w in argv(0)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, env=env)
    say(p.returncode == 1 and ("Cannot lock storage " + top).encode() in p.stdout, "a second datanode on it is refused", p.stdout)
    say(digest(top) == before and open(top + "/in_use.lock", "rb").read() == lock, "and has written nothing")


def main():
    global C, T
    T = tempfile.mkdtemp(prefix="ashlar-bad.")
    C = T + "/c"
    env["HADOOP_CONF_DIR"] = ""
    try:
        out = subprocess.run(["tools/cluster", "start", C, "--datanodes", "2", "--no-jobs", "-D", "dfs.replication=2", "-D", "dfs.heartbeat.interval=1",
                              "-D", "internal.dfs.datanode.scan.period.ms.key=500", "-D", "dfs.datanode.directoryscan.interval=1s",
                              "-D", "dfs.block.scanner.volume.bytes.per.second=100000000"], stdout=subprocess.PIPE, check=True).stdout.decode()
        for line in out.splitlines():
            key, _, value = line.replace("export ", "").partition("=")
            env[key] = value.strip("'\"")
        os.mkdir(T + "/d")
        stored = {}
        for size in SIZES:
            for k in range(100):
                stored["f%d.%d" % (size, k)] = os.urandom(size)
        for n, b in stored.items():
            open(T + "/d/" + n, "wb").write(b)
        p = dfs("-put", T + "/d", "/d")
        say(p.returncode == 0, "two datanodes with %d replicas each" % len(stored), p.stderr)
        top = C + "/data/datanode0"
        bad_replicas(top, stored)
        shutil.rmtree(top)
        shutil.copytree(T + "/good", top, symlinks=True)
        bad_versions(top)
        cluster("restart", "namenode")
        two_on_one(top)
        last = []

        def all_served():
            last[:] = read_back(stored, T + "/got")
            return last[0] == set(stored)

        say(until(all_served), "the directory as it was before serves everything", last[2])
    finally:
        subprocess.run(["tools/cluster", "stop", C], stdout=subprocess.DEVNULL)
        if not (failures and os.environ.get("KEEP")):
            shutil.rmtree(T, ignore_errors=True)
    sys.exit(failures > 0)


main()
