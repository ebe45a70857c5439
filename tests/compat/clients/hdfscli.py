"""hdfscli.py HOST:PORT: PyPI's hdfs does everything that its client has. Prints PASS and FAIL lines."""
import io, os, random, sys, tempfile, threading

from hdfs import InsecureClient
from hdfs.util import HdfsError

url = "http://" + sys.argv[1]
c = InsecureClient(url, user="root")
failed = 0


def check(what, truth, more=""):
    global failed
    failed += not truth
    print(("PASS " if truth else "FAIL ") + "hdfs: " + what + (": %s" % (more,) if not truth else ""), flush=True)


def refused(what, words, f):
    try:
        f()
    except HdfsError as e:
        check(what, words in str(e), str(e))
    else:
        check(what, False, "nothing raised")


random.seed(11)
c.makedirs("/h/dir", permission=750)
check("a directory has the mode it was made with", c.status("/h/dir")["permission"] == "750")
for size in (0, 1, 513, 65536, 3000001):
    data = random.randbytes(size)
    c.write("/h/f%d" % size, data)
    with c.read("/h/f%d" % size) as r:
        check("%d bytes come back" % size, r.read() == data)
check("a length in the status", c.status("/h/f3000001")["length"] == 3000001)
check("nothing there is None when not strict", c.status("/h/none", strict=False) is None)
refused("... and FileNotFoundException when strict", "File does not exist: /h/none", lambda: c.status("/h/none"))
check("names of a directory", sorted(c.list("/h")) == ["dir", "f0", "f1", "f3000001", "f513", "f65536"])
check("... with their status", dict(c.list("/h", status=True))["f513"]["length"] == 513)

with c.read("/h/f3000001", offset=1000000, length=1000) as r:
    check("a part of a file", r.read() == data[1000000:1001000])
with c.read("/h/f3000001", chunk_size=100000) as chunks:
    check("... in pieces", b"".join(chunks) == data)
with c.write("/h/gen", encoding="utf-8") as w:
    for i in range(1000):
        w.write("line %d \u00e9\n" % i)
with c.read("/h/gen", encoding="utf-8", delimiter="\n") as lines:
    check("lines are written and read", sum(1 for l in lines if l) == 1000)
refused("a file is not written over by chance", "already exists", lambda: c.write("/h/gen", b"x"))
c.write("/h/gen", b"over", overwrite=True)
c.write("/h/gen", b" and out", append=True)
with c.read("/h/gen") as r:
    check("overwrite and append", r.read() == b"over and out")
c.write("/h/small", b"z" * 5000, blocksize=1024, replication=2, permission=600)
s = c.status("/h/small")
check("block size, replication and mode", (s["blockSize"], s["replication"], s["permission"]) == (1024, 2, "600"), s)

c.rename("/h/gen", "/h/dir/moved")
check("rename", c.status("/h/dir/moved")["length"] == 12)
check("delete", c.delete("/h/dir/moved") is True and c.delete("/h/dir/moved") is False)
refused("a full directory stays", "non empty", lambda: c.delete("/h"))
c.set_owner("/h/f1", owner="alice", group="staff")
c.set_permission("/h/f1", "640")
c.set_times("/h/f1", access_time=1000, modification_time=2000)
c.set_replication("/h/f1", 3)
s = c.status("/h/f1")
check("owner, group, mode, times and replication are as set",
      (s["owner"], s["group"], s["permission"], s["accessTime"], s["modificationTime"], s["replication"]) ==
      ("alice", "staff", "640", 1000, 2000, 3), s)
content = c.content("/h")
check("content summary", content["fileCount"] == 6 and content["length"] == 3000001 + 65536 + 513 + 1 + 5000, content)
check("checksum", c.checksum("/h/f513")["algorithm"].startswith("MD5-of-"))
check("resolve and home", InsecureClient(url, user="root", root="/h").resolve("f1") == "/h/f1")

c.set_acl("/h/f513", "user::rw-,user:bob:r--,group::r--,mask::r--,other::---")
check("ACL", "user:bob:r--" in c.acl_status("/h/f513")["entries"], c.acl_status("/h/f513"))
c.remove_acl("/h/f513")
check("... and none", c.acl_status("/h/f513")["entries"] == [])

with tempfile.TemporaryDirectory() as d:
    for i in range(20):
        os.makedirs(d + "/up/%d" % (i % 4), exist_ok=True)
        open(d + "/up/%d/%d" % (i % 4, i), "wb").write(random.randbytes(50000))
    c.upload("/h/up", d + "/up", n_threads=8)
    c.download("/h/up", d + "/down", n_threads=8)
    same = all(open(d + "/up/%d/%d" % (i % 4, i), "rb").read() == open(d + "/down/%d/%d" % (i % 4, i), "rb").read()
               for i in range(20))
    check("a tree goes up and comes down", same)
walked = sum(len(files) for _, _, files in c.walk("/h/up"))
check("walk", walked == 20, walked)

bob = InsecureClient(url, user="bob")
refused("another user may not write", "Permission denied: user=bob", lambda: bob.write("/h/bob", b"x"))
refused("... nor read what is not theirs", "Permission denied: user=bob", lambda: bob.read("/h/small").__enter__())
proxy = InsecureClient(url, user="root", proxy="bob")
refused("a proxy user is the other one", "Permission denied: user=bob", lambda: proxy.write("/h/bob", b"x"))
for name in ("a b", "plus+", "per%cent", "\u3042", "q?x&y=#", "semi;c"):
    c.write("/h/names/" + name, name.encode())
    with c.read("/h/names/" + name) as r:
        check("a file named %r" % name, r.read() == name.encode())
check("... and their listing", sorted(c.list("/h/names")) == sorted(["a b", "plus+", "per%cent", "\u3042", "q?x&y=#", "semi;c"]))


def many(i, bad):
    try:
        mine = InsecureClient(url, user="root")
        mine.write("/h/many/%d" % i, b"%d" % i * 1000)
        with mine.read("/h/many/%d" % i) as r:
            if r.read() != b"%d" % i * 1000:
                bad.append(i)
    except Exception as e:
        bad.append((i, repr(e)))


bad = []
threads = [threading.Thread(target=many, args=(i, bad)) for i in range(100)]
[t.start() for t in threads]
[t.join() for t in threads]
check("a hundred clients at once", not bad, bad[:3])
sys.exit(1 if failed else 0)
