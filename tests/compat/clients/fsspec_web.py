"""fsspec_web.py HOST:PORT: fsspec's webhdfs file system. Prints PASS and FAIL lines."""
import random, sys

import fsspec
import requests

host, port = sys.argv[1].split(":")
fs = fsspec.filesystem("webhdfs", host=host, port=int(port), user="root")
failed = 0


def check(what, truth, more=""):
    global failed
    failed += not truth
    print(("PASS " if truth else "FAIL ") + "fsspec: " + what + (": %s" % (more,) if not truth else ""), flush=True)


random.seed(13)
fs.mkdirs("/q/d", exist_ok=True)
data = random.randbytes(5000000)
try:
    with fs.open("/q/f", "wb", block_size=1 << 20) as f:
        for i in range(0, len(data), 700001):
            f.write(data[i:i + 700001])
except requests.exceptions.HTTPError as e:
    check("a file is written in several appends", False, e.response.text)
    raise
check("a file in several appends comes back", fs.cat("/q/f") == data)
with fs.open("/q/f", "rb", block_size=65536) as f:
    ok = True
    for _ in range(40):
        at = random.randrange(len(data))
        f.seek(at)
        ok = ok and f.read(5000) == data[at:at + 5000]
check("forty reads here and there", ok)
check("info", fs.info("/q/f")["size"] == len(data) and fs.info("/q/f")["type"] == "file")
check("ls", sorted(e["name"] for e in fs.ls("/q", detail=True)) == ["/q/d", "/q/f"])
check("exists", fs.exists("/q/f") and not fs.exists("/q/none"))
try:
    fs.info("/q/none")
    check("what is missing raises FileNotFoundError", False)
except FileNotFoundError:
    check("what is missing raises FileNotFoundError", True)
try:
    fsspec.filesystem("webhdfs", host=host, port=int(port), user="bob").mkdir("/q/bob")
    check("what is not allowed raises PermissionError", False)
except PermissionError:
    check("what is not allowed raises PermissionError", True)
try:
    fs._call("FOO")
    check("an unknown operation raises ValueError", False)
except ValueError:
    check("an unknown operation raises ValueError", True)
fs.mv("/q/f", "/q/d/g")
fs.pipe("/q/small", b"hello")
fs.copy("/q/small", "/q/copy")
check("copy and cat", fs.cat("/q/copy") == b"hello")
check("find", sorted(fs.find("/q")) == ["/q/copy", "/q/d/g", "/q/small"])
check("content summary and checksum", fs.content_summary("/q")["fileCount"] == 3 and fs.ukey("/q/d/g")["length"] == 28)
check("home", fs.home_directory() == "/user/root")
fs.set_replication("/q/small", 2)
fs.chmod("/q/small", "600")
fs.chown("/q/small", owner="alice")
i = fs.info("/q/small")
check("chmod, chown, replication", (i["permission"], i["owner"], i["replication"]) == ("600", "alice", 2), i)
with fs.transaction:
    with fs.open("/q/late", "wb") as f:
        f.write(b"x")
check("a transaction's file is there afterwards", fs.cat("/q/late") == b"x")
fs.rm("/q", recursive=True)
check("rm", not fs.exists("/q"))
sys.exit(1 if failed else 0)
