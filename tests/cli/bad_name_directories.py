#!/usr/bin/env python3
"""bad_name_directories.py -- a name directory with one thing wrong: each file cut at each boundary, a byte flipped in each part.

Of the directory that Hadoop wrote (tests/golden/name) and of one of ours. Each time: either the start finds all transactions there
are, or it fails with a message that names what is wrong, and leaves every file as it was.
"""
import hashlib, os, shutil, struct, subprocess, sys, tempfile

B = os.environ.get("B", "build")
failures = 0


def say(ok, what, why=""):
    global failures
    failures += not ok
    print(("PASS " if ok else "FAIL ") + what + ("" if ok or not why else ": " + why), flush=True)


def digest(top):
    """Every file but the lock: name, mode and bytes."""
    h = hashlib.md5()
    for at, dirs, files in sorted(os.walk(top)):
        dirs.sort()
        for f in sorted(files):
            path = os.path.join(at, f)
            if f != "in_use.lock":
                h.update(("%s %o\n" % (path[len(top):], os.stat(path).st_mode)).encode() + open(path, "rb").read())
    return h.hexdigest()


# ---- where a file may be cut ----
def varint(b, at):
    v = shift = 0
    while True:
        v |= (b[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if b[at - 1] < 128:
            return v, at


def sections(image):
    """name, offset, length of each section, and where the summary begins."""
    n = struct.unpack(">I", image[-4:])[0]
    start = at = len(image) - 4 - n
    _, at = varint(image, at)
    out = []
    while at < len(image) - 4:
        tag, at = varint(image, at)
        v, at = varint(image, at)
        if tag & 7 == 2:
            if tag >> 3 == 4:
                entry, e = image[at : at + v], 0
                fields = {}
                while e < len(entry):
                    t, e = varint(entry, e)
                    x, e = varint(entry, e)
                    if t & 7 == 2:
                        fields[t >> 3], e = entry[e : e + x].decode(), e + x
                    else:
                        fields[t >> 3] = x
                out.append((fields[1], fields.get(3, 0), fields.get(2, 0)))
            at += v
    return out, start


def records(edits):
    """Offsets of the records, the end of the last included."""
    at, out = 8, [8]
    while at + 17 <= len(edits) and edits[at] not in (0xFF,):
        at += 1 + struct.unpack(">I", edits[at + 1 : at + 5])[0] + 4
        out.append(at)
    return out


def variants(current):
    """(what, file, its new bytes) for everything that may be wrong; None: the file is gone."""
    names = sorted(os.listdir(current))
    images = [n for n in names if n.startswith("fsimage_") and not n.endswith(".md5")]
    image = images[-1]
    txid = int(image[8:])
    b = open(os.path.join(current, image), "rb").read()
    parts, summary = sections(b)
    for name, at, n in parts:
        if n:
            middle = at + n // 2
            yield "section %s with a flipped byte" % name, image, b[:middle] + bytes([b[middle] ^ 0x10]) + b[middle + 1 :]
        yield "an image cut before %s" % name, image, b[:at]
    yield "an image cut before its summary", image, b[:summary]
    yield "an image cut within its summary", image, b[: summary + 20]
    yield "an image without its last byte", image, b[:-1]
    yield "an image without a byte", image, b""
    yield "an image of another kind", image, b"HDFSIMG2" + b[8:]
    for at in (summary + 5, len(b) - 2):
        yield "a flipped byte %d from the image's end" % (len(b) - at), image, b[:at] + bytes([b[at] ^ 4]) + b[at + 1 :]
    m = open(os.path.join(current, image + ".md5"), "rb").read()
    for n in (0, 1, 16, 31):
        yield "a sum cut to %d characters" % n, image + ".md5", m[:n]
    yield "a sum of something else", image + ".md5", b"0" * 32 + m[32:]
    for n in names:
        if not n.startswith("edits_") or n.endswith(".empty"):
            continue
        e = open(os.path.join(current, n), "rb").read()
        first = int(n.split("_")[-1].split("-")[0])
        if "inprogress" not in n and int(n.split("-")[1]) <= txid:
            continue  # not wanted: the image has it all
        at = records(e)
        pick = range(len(at)) if len(at) < 40 else list(range(0, len(at) - 2, len(at) // 30)) + [len(at) - 2, len(at) - 1]
        for k in pick:
            if at[k] < at[-1]:
                yield "edits from %d cut before record %d" % (first, k), n, e[: at[k]]
                yield "edits from %d cut within record %d" % (first, k), n, e[: at[k] + 9]
                for where in (0, 3, 8, (at[k + 1] - at[k]) - 1):
                    p = at[k] + where
                    yield "edits from %d, record %d: byte %d flipped" % (first, k, where), n, e[:p] + bytes([e[p] ^ 1]) + e[p + 1 :]
        for n_bytes in (0, 3, 4, 7):
            yield "edits from %d cut to %d bytes" % (first, n_bytes), n, e[:n_bytes]
        yield "edits from %d of layout -40" % first, n, struct.pack(">i", -40) + e[4:]
        yield "edits from %d of layout -99" % first, n, struct.pack(">i", -99) + e[4:]
        yield "edits from %d that are gone" % first, n, None
    v = open(os.path.join(current, "VERSION"), "rb").read()
    lines = v.splitlines(keepends=True)
    for k, line in enumerate(lines):
        if line.startswith(b"#"):
            continue
        key = line.split(b"=")[0].decode()
        yield "VERSION cut before %s" % key, "VERSION", b"".join(lines[:k])
        yield "VERSION cut within %s" % key, "VERSION", b"".join(lines[:k]) + line[:-3]
        yield "VERSION without %s" % key, "VERSION", b"".join(lines[:k] + lines[k + 1 :])
        yield "VERSION with an empty %s" % key, "VERSION", b"".join(lines[:k]) + key.encode() + b"=\n" + b"".join(lines[k + 1 :])
    yield "VERSION of another namespace", "VERSION", v.replace(b"namespaceID=", b"namespaceID=1")
    yield "VERSION of a datanode", "VERSION", v.replace(b"NAME_NODE", b"DATA_NODE")
    yield "VERSION of zeros", "VERSION", b"\0" * len(v)
    for old in ("-40", "-60", "-68", "-99"):
        yield "VERSION of layout " + old, "VERSION", v.replace(b"layoutVersion=-67", b"layoutVersion=" + old.encode())
    for text in (b"", b"x\n", b"-5\n", b"99999999\n", b"12 monkeys\n"):
        yield "seen_txid of %r" % text.decode(), "seen_txid", text
    yield "seen_txid that is gone", "seen_txid", None


def namenode(name, conf):
    """Exit code and words of a start; one that succeeds is asked for its directory and ended."""
    os.makedirs(conf, exist_ok=True)
    p = subprocess.Popen([B + "/bin/namenode", "-D", "dfs.namenode.name.dir=" + name, "-D", "fs.defaultFS=hdfs://127.0.0.1:0",
                          "-D", "dfs.namenode.rpc-address=127.0.0.1:0", "-D", "dfs.namenode.http-address=127.0.0.1:0"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "HADOOP_CONF_DIR": conf})
    out = b""
    for line in p.stdout:
        out += line
        if b" nn.start " in line and b"ERROR" not in line:
            p.kill()
    p.wait()
    return p.returncode, out.decode(errors="replace")


def check(name):
    p = subprocess.run([B + "/bin/dfs", "migrate", "--check", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode(errors="replace")


def sweep(what, good, scratch):
    code, words = check(good)
    last = words.split("edits to ")[1].split(" ")[0] if "edits to " in words else ""
    say(code < 2 and last != "", what + ": whole, it starts", words)
    bad, refused, fine, wrong = os.path.join(scratch, "bad"), 0, 0, []
    for title, file, content in variants(os.path.join(good, "current")):
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        path = os.path.join(bad, "current", file)
        if content is None:
            os.unlink(path)
        elif content == open(path, "rb").read():
            continue
        else:
            open(path, "wb").write(content)
        before = digest(bad)
        code, words = check(bad)
        if digest(bad) != before:
            wrong.append(title + ": the check wrote")
        if code < 2 and ("edits to %s " % last in words or "inprogress" in file or "inprogress" in title or file == "seen_txid"):
            fine += 1  # harmless: nothing that was acknowledged is missing
            continue
        if code < 2:
            wrong.append("%s: starts without its last transactions: %s" % (title, words.splitlines()[1]))
            continue
        code, words = namenode(bad, os.path.join(scratch, "conf"))
        refused += 1
        told = [l for l in words.splitlines() if l.startswith("namenode: ")]
        if code != 1 or not told:
            wrong.append("%s: exit code %d: %s" % (title, code, words.strip().splitlines()[-1:]))
        elif os.path.basename(file).replace(".md5", "") not in told[0] and "transactions" not in told[0] and bad not in told[0]:
            wrong.append("%s: does not name the file: %s" % (title, told[0]))
        if digest(bad) != before:
            wrong.append(title + ": the namenode wrote")
    print("    %s: %d refused, %d harmless" % (what, refused, fine))
    for w in wrong[:10]:
        print("    " + w)
    say(not wrong, what + ": whatever is wrong is named, and nothing is written", "%d of them not" % len(wrong))
    say(refused > 60, what + ": so many were tried", str(refused))


def two_directories(good, scratch):
    """Two that should hold the same: of another cluster, pool or namespace."""
    for key in ("clusterID", "namespaceID", "blockpoolID"):
        a, b = os.path.join(scratch, "a"), os.path.join(scratch, "b")
        for d in (a, b):
            shutil.rmtree(d, ignore_errors=True)
            shutil.copytree(good, d)
        path = os.path.join(b, "current", "VERSION")
        lines = [l if not l.startswith(key) else l.rstrip("\n")[:-1] + ("1" if l.rstrip("\n")[-1] != "1" else "2") + "\n" for l in open(path)]
        open(path, "w").writelines(lines)
        before = digest(a), digest(b)
        code, words = namenode(a + "," + b, os.path.join(scratch, "conf"))
        told = [l for l in words.splitlines() if l.startswith("namenode: ")]
        say(code == 1 and told != [] and a in told[0] and b in told[0], "two directories that differ in their %s are refused, both named" % key, words[-300:])
        say((digest(a), digest(b)) == before, "and left as they were (%s)" % key)


def ours(scratch):
    """A directory that our namenode wrote and a kill left: an image, a segment that ended, one in progress."""
    out = subprocess.run(["tools/cluster", "start", os.path.join(scratch, "c"), "--datanodes", "1"], stdout=subprocess.PIPE, check=True).stdout.decode()
    env = dict(os.environ)
    for line in out.splitlines():
        key, _, value = line.replace("export ", "").partition("=")
        env[key] = value.strip("'\"")
    dfs = lambda *w: subprocess.run([B + "/bin/dfs", *w], env=env, check=True, stdout=subprocess.DEVNULL)
    dfs("-mkdir", "-p", "/a/b", "/s")
    dfs("-touchz", *["/a/f%d" % i for i in range(10)])
    dfs("admin", "-allowSnapshot", "/s")
    dfs("-createSnapshot", "/s", "one")
    dfs("admin", "-safemode", "enter")
    dfs("admin", "-saveNamespace")
    dfs("admin", "-safemode", "leave")
    dfs("-touchz", *["/a/g%d" % i for i in range(10)])
    dfs("admin", "-rollEdits")
    dfs("-mkdir", "/a/c", "/a/d")
    dfs("-chmod", "700", "/a/c")
    subprocess.run(["tools/cluster", "kill", os.path.join(scratch, "c"), "namenode"], check=True, stdout=subprocess.DEVNULL)
    for at, dirs, files in os.walk(os.path.join(scratch, "c")):
        if "seen_txid" in files:
            shutil.copytree(os.path.dirname(at), os.path.join(scratch, "ours"))
    subprocess.run(["tools/cluster", "stop", os.path.join(scratch, "c")], stdout=subprocess.DEVNULL)
    return os.path.join(scratch, "ours")


def main():
    scratch = tempfile.mkdtemp(prefix="ashlar-bad.")
    try:
        hadoops = os.path.join(scratch, "hadoops")
        shutil.copytree("tests/golden/name", hadoops)
        # Without its newest image all of Hadoop's edits count.
        for n in os.listdir(hadoops + "/current"):
            if n.startswith("fsimage_") and "0000189" in n:
                os.unlink(hadoops + "/current/" + n)
        sweep("Hadoop's directory", hadoops, scratch)
        whole = ours(scratch)
        sweep("ours", whole, scratch)
        two_directories(whole, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(failures > 0)


main()
