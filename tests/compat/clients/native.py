"""native.py URI: hdfs-native does everything that its interface has. Prints PASS and FAIL lines."""
import os, random, sys, threading

from hdfs_native import Client, WriteOptions
from hdfs_native import AclEntry

uri = sys.argv[1]
c = Client(uri)
failed = 0


def check(what, truth, more=""):
    global failed
    failed += not truth
    print(("PASS " if truth else "FAIL ") + "hdfs-native: " + what + (": %s" % (more,) if not truth else ""), flush=True)


def raises(what, kind, f):
    try:
        f()
    except kind as e:
        check(what, True)
        return e
    except Exception as e:
        check(what, False, repr(e))
    else:
        check(what, False, "nothing raised")


def write(path, data, **options):
    with c.create(path, WriteOptions(**options)) as f:
        for i in range(0, len(data), 300001):
            f.write(data[i:i + 300001])


random.seed(7)
c.mkdirs("/n/dir", 0o755, True)
for size in (0, 1, 511, 512, 513, 65535, 65536, 1048576, 3000001):
    data = random.randbytes(size)
    write("/n/f%d" % size, data)
    with c.read("/n/f%d" % size) as f:
        check("%d bytes come back" % size, f.read(-1) == data)
data = random.randbytes(5 << 20)
write("/n/blocks", data, block_size=1 << 20, replication=2)
s = c.get_file_info("/n/blocks")
check("block size, replication and length are kept", (s.blocksize, s.replication, s.length) == (1 << 20, 2, len(data)), s)
with c.read("/n/blocks") as f:
    for _ in range(30):
        at = random.randrange(len(data))
        n = random.randrange(1, 200000)
        got = f.read_range(at, min(n, len(data) - at))
        if got != data[at:at + n]:
            check("a range comes back", False, (at, n))
            break
    else:
        check("thirty ranges over several blocks come back", True)
    f.seek(1234567)
    check("it seeks", f.read(99) == data[1234567:1234666])
with c.append("/n/blocks") as f:
    f.write(b"tail" * 1000)
    f.hsync() if hasattr(f, "hsync") else None
with c.read("/n/blocks") as f:
    check("an append to a partly filled block", f.read(-1) == data + b"tail" * 1000)
raises("a missing file is FileNotFoundError", FileNotFoundError, lambda: c.get_file_info("/n/none"))
raises("creating what exists is FileExistsError", FileExistsError, lambda: write("/n/f1", b"x"))
write("/n/f1", b"over", overwrite=True)
with c.read("/n/f1") as f:
    check("overwriting", f.read(-1) == b"over")
c.rename("/n/f1", "/n/dir/g", False)
raises("rename over a file without overwrite", Exception, lambda: c.rename("/n/f0", "/n/dir/g", False))
c.rename("/n/f0", "/n/dir/g", True)
check("rename with overwrite", c.get_file_info("/n/dir/g").length == 0)
c.set_times("/n/dir/g", 1600000000000, 1500000000000)
c.set_owner("/n/dir/g", "alice", "staff")
c.set_permission("/n/dir/g", 0o640)
check("replication is set", c.set_replication("/n/dir/g", 2))
s = c.get_file_info("/n/dir/g")
check("times, owner, group, mode, replication", (s.modification_time, s.access_time, s.owner, s.group, s.permission, s.replication) ==
      (1600000000000, 1500000000000, "alice", "staff", 0o640, 2), s)
many = ["/n/many/%04d" % i for i in range(1500)]
c.mkdirs("/n/many", 0o755, True)


def make(part):
    mine = Client(uri)
    for p in part:
        with mine.create(p, WriteOptions()) as f:
            f.write(p.encode())


threads = [threading.Thread(target=make, args=(many[i::4],)) for i in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
check("1,500 files made by four threads are listed in order", [x.path for x in c.list_status("/n/many", False)] == many)
check("globs", len(list(c.glob_status("/n/many/00[0-4]?"))) == 50)
summary = c.get_content_summary("/n")
check("content summary", summary.file_count == 1500 + 10 - 1 and summary.directory_count == 3, (summary.file_count, summary.directory_count))
entries = [AclEntry("user", "access", "rwx", "bob")]
c.modify_acl_entries("/n/dir", entries)
acl = c.get_acl_status("/n/dir")
check("an ACL entry is kept", any(e.name == "bob" and e.permissions == "rwx" for e in acl.entries), acl)
c.remove_acl("/n/dir")
check("and removed", not c.get_acl_status("/n/dir").entries)
check("recursive delete", c.delete("/n/many", True) and not c.delete("/n/many", True))
raises("deleting a full directory without recursion", Exception, lambda: c.delete("/n", False))

try:
    from hdfs_native.fsspec import HdfsFileSystem
    host, port = uri.split("/")[2].split(":")
    fs = HdfsFileSystem(host=host, port=int(port))
    with fs.open("/n/spec", "wb") as f:
        f.write(data[:2000000])
    check("fsspec over it: cat", fs.cat("/n/spec") == data[:2000000])
    check("fsspec over it: info and ls", fs.info("/n/spec")["size"] == 2000000 and any(p.endswith("/n/spec") for p in fs.ls("/n", detail=False)))
    with fs.open("/n/spec", "rb") as f:
        check("fsspec over it: small reads", b"".join(iter(lambda: f.read(100007), b"")) == data[:2000000])
except Exception as e:
    check("fsspec over it", False, repr(e))
sys.exit(failed > 0)
