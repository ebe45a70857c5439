#!/usr/bin/env python3
"""WebHDFS under load and from the wrong side: long files, clients that leave, many at once, browsers."""
import hashlib, http.client, json, os, random, shutil, socket, sys, tempfile, threading, time, urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import webhdfs_cases as W

failures = 0


def check(what, truth, more=""):
    global failures
    failures += not truth
    print(("PASS " if truth else "FAIL ") + what + (": %s" % (more,) if not truth else ""), flush=True)


def hwm_kib(pid):
    return int([l for l in open("/proc/%s/status" % pid) if l.startswith("VmHWM")][0].split()[1])


def located(store, method, target):
    """The datanode's address for a request, as netloc and target."""
    status, headers, body = store.ask(store.web, method, "/webhdfs/v1" + target, None)
    at = urllib.parse.urlsplit(headers.get("location", ""))
    return at.netloc, at.path + "?" + at.query


def get(store, target):
    where, rest = located(store, "GET", target)
    return store.ask(where, "GET", rest, None)


def info(store, path):
    return json.loads(store.ask(store.web, "GET", "/webhdfs/v1%s?op=GETFILESTATUS" % path, None)[2]).get("FileStatus", {})


def long_file(store, pids, mib):
    """Through the datanode and back, in a constant amount of memory."""
    piece = random.randbytes(1 << 20)
    where, rest = located(store, "PUT", "/long?op=CREATE&user.name=root&replication=1&blocksize=134217728")
    before = {n: hwm_kib(p) for n, p in pids.items()}
    c = http.client.HTTPConnection(where, timeout=300)
    c.putrequest("PUT", rest)
    c.putheader("Content-Length", str(mib << 20))
    c.endheaders()
    sent = hashlib.md5()
    for i in range(mib):
        data = i.to_bytes(8, "big") + piece[8:]
        sent.update(data)
        c.send(data)
    r = c.getresponse()
    check("a file of %d MiB is created" % mib, r.status == 201, r.status)
    c.close()
    where, rest = located(store, "GET", "/long?op=OPEN&user.name=root")
    c = http.client.HTTPConnection(where, timeout=300)
    c.request("GET", rest)
    r, got = c.getresponse(), hashlib.md5()
    while True:
        data = r.read(1 << 20)
        if not data:
            break
        got.update(data)
    c.close()
    check("... and the same bytes come back", got.digest() == sent.digest())
    grown = {n: hwm_kib(p) - before[n] for n, p in pids.items()}
    check("... in less than 64 MiB more of memory: %s KiB" % grown, max(grown.values()) < 65536, grown)


def raw(store, where, head, body, then=None):
    host, port = where.split(":")
    s = socket.create_connection((host, int(port)), 30)
    s.sendall(head.encode() + body)
    if then == "leave":
        s.close()
        return b""
    s.settimeout(30)
    out = b""
    try:
        while True:
            data = s.recv(65536)
            if not data:
                break
            out += data
    except OSError:
        pass
    s.close()
    return out


def until(seconds, truth):
    end = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def bodies(store):
    where, rest = located(store, "PUT", "/half?op=CREATE&user.name=root")
    raw(store, where, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" % rest, b"x" * 400, "leave")
    check("a client that leaves in its body leaves a file of what came", until(20, lambda: info(store, "/half").get("length") == 400))
    check("... that is closed", until(20, lambda: b'"isUnderConstruction":false' in store.ask(
        store.web, "GET", "/webhdfs/v1/half?op=GET_BLOCK_LOCATIONS", None)[2]))
    where, rest = located(store, "PUT", "/chunked?op=CREATE&user.name=root")
    out = raw(store, where, "PUT %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" % rest,
              b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    check("a chunked body", b" 201 " in out.split(b"\r\n")[0] + b" " and get(store, "/chunked?op=OPEN")[2] == b"hello world", out)
    where, rest = located(store, "PUT", "/expects?op=CREATE&user.name=root")
    out = raw(store, where, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n" % rest, b"ok")
    check("a body that is waited for", out.startswith(b"HTTP/1.1 100") and b"HTTP/1.1 201" in out, out)
    where, rest = located(store, "PUT", "/empty?op=CREATE&user.name=root")
    out = raw(store, where, "PUT %s HTTP/1.1\r\nHost: x\r\n\r\n" % rest, b"")
    check("no body at all is an empty file", b"HTTP/1.1 201" in out and info(store, "/empty").get("length") == 0, out)


def wrong(store):
    def status(where, method, target):
        return store.ask(where, method, target, None)[0]
    long_name = "/" + "/".join(["d" * 200] * 39) + "/" + "e" * 100
    check("a path of %d characters is made" % len(long_name), status(store.web, "PUT", "/webhdfs/v1%s?op=MKDIRS&user.name=root" % long_name) == 200)
    where, rest = located(store, "PUT", "%s/f?op=CREATE&user.name=root" % long_name)
    check("... and a file in it", store.ask(where, "PUT", rest, b"deep")[0] == 201 and get(store, long_name + "/f?op=OPEN")[2] == b"deep")
    check("a head of 100 KB is refused", status(store.web, "GET", "/webhdfs/v1/?op=GETFILESTATUS&x=" + "y" * 100000) in (0, 400, 413, 414, 431))
    for what in (b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff" * 500, b"GET /webhdfs/v1/?op=LISTSTATUS HTTP/9.9\r\n\r\n",
                 b"PUT /webhdfs/v1/x?op=MKDIRS HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                 b"PUT /webhdfs/v1/x?op=MKDIRS HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"):
        out = answer_to(store.web, what)
        check("%r is refused" % what[:40], not out.startswith(b"HTTP/1.1 200"), out[:100])
    rng = random.Random(5)
    words = ["op=OPEN", "op=CREATE", "op=LISTSTATUS", "offset=-9", "length=x", "user.name=%00", "%", "&&&", "=", "op", "doas=a", "\xff", "noredirect=true",
             "permission=99", "xattr.name=user.a", "aclspec=::::", "startafter=%ff", "namenoderpcaddress=:0", "namenoderpcaddress=127.0.0.1:1x"]
    bad = []
    for i in range(300):
        q = "&".join(rng.sample(words, rng.randrange(1, 6)))
        path = "/" + "".join(rng.choice("ab/%.;:~ \\") for _ in range(rng.randrange(12)))
        where = store.web if i % 2 else store.dn
        r = answer_to(where, ("%s /webhdfs/v1%s?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                              % (rng.choice(["GET", "PUT", "POST", "DELETE"]), path.replace(" ", "%20"), q)).encode("latin-1"))
        if not r.startswith(b"HTTP/1.") or r[9:12] == b"500" and b"RemoteException" not in r and b"Null" not in r:
            bad.append((path, q, r[:80]))
    check("three hundred senseless requests are each answered", not bad, bad[:2])
    check("... and both daemons live", status(store.web, "GET", "/webhdfs/v1/?op=GETFILESTATUS") == 200 and status(store.dn, "GET", "/metrics") == 200)


def answer_to(where, request):
    host, port = where.split(":")
    s = socket.create_connection((host, int(port)), 30)
    s.settimeout(30)
    out = b""
    try:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        while len(out) < 4096:
            data = s.recv(4096)
            if not data:
                break
            out += data
    except OSError:
        pass
    s.close()
    return out


def many(store):
    bad = []

    def one(i):
        data = b"%d," % i * 3000
        where, rest = located(store, "PUT", "/many/%d?op=CREATE&user.name=root" % i)
        r = store.ask(where, "PUT", rest, data)
        if r[0] != 201 or get(store, "/many/%d?op=OPEN&user.name=root" % i)[2] != data:
            bad.append((i, r[0], r[2][:100]))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    check("two hundred writers and readers at once", not bad, bad[:3])
    names = json.loads(store.ask(store.web, "GET", "/webhdfs/v1/many?op=LISTSTATUS", None)[2])
    check("... and all are listed", len(names["FileStatuses"]["FileStatus"]) == 200)


def browsers(store):
    def ask(where, method, target, **headers):
        c = http.client.HTTPConnection(where, timeout=30)
        c.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        out = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        c.close()
        return out
    put = "/webhdfs/v1/browser?op=MKDIRS&user.name=root"
    fox = "Mozilla/5.0 (X11)"
    check("a browser's PUT without the header is refused", ask(store.web, "PUT", put, User_Agent=fox)[0] == 400)
    check("... with it, it is done", ask(store.web, "PUT", put, User_Agent=fox, X_XSRF_HEADER="1")[0] == 200)
    check("... and so is that of another program", ask(store.web, "PUT", put, User_Agent="curl/8")[0] == 200)
    check("... and a browser's GET", ask(store.web, "GET", "/webhdfs/v1/?op=LISTSTATUS", User_Agent=fox)[0] == 200)
    check("a datanode refuses likewise", ask(store.dn, "PUT", "/webhdfs/v1/x?op=CREATE", User_Agent=fox)[0] == 400)
    got = ask(store.web, "GET", "/webhdfs/v1/?op=LISTSTATUS", Origin="http://good.example")[1]
    check("an origin that is allowed is told so", got.get("access-control-allow-origin") == "http://good.example"
          and got.get("access-control-allow-methods") == "GET,POST,HEAD" and got.get("access-control-max-age") == "1800", got)
    got = ask(store.web, "GET", "/webhdfs/v1/?op=LISTSTATUS", Origin="http://bad.example")[1]
    check("another is not", "access-control-allow-origin" not in got, got)
    got = ask(store.web, "OPTIONS", "/webhdfs/v1/?op=LISTSTATUS", Origin="http://a.wild.example", Access_Control_Request_Method="GET")[1]
    check("a pattern of origins", got.get("access-control-allow-origin") == "http://a.wild.example", got)
    got = ask(store.web, "OPTIONS", "/webhdfs/v1/?op=LISTSTATUS", Origin="http://good.example", Access_Control_Request_Method="DELETE")[1]
    check("a method that is not allowed", "access-control-allow-origin" not in got, got)
    check("frames", got.get("x-frame-options") == "DENY", got)


def main():
    tmp = tempfile.mkdtemp(prefix="webhdfs-hostile-")
    try:
        store = W.start_cluster(tmp + "/cluster", "-D", "dfs.webhdfs.rest-csrf.enabled=true", "-D", "hadoop.http.cross-origin.enabled=true",
                                "-D", "hadoop.http.cross-origin.allowed-origins=http://good.example,http://*.wild.example",
                                "-D", "dfs.xframe.value=DENY")
        pids = {n: open("%s/cluster/%s.pid" % (tmp, n)).read().strip() for n in ("namenode", "datanode0")}
        bodies(store)
        wrong(store)
        many(store)
        browsers(store)
        long_file(store, pids, int(os.environ.get("WEBHDFS_MIB", "1024")))
    finally:
        W.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
