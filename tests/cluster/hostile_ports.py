#!/usr/bin/env python3
"""Every port of every daemon, and whoever comes there by mistake or means no good.

Below are two tables: the ports, and the attacks by what a port speaks. Each attack goes to each port that it is meant for:
every connection of it ends in time, with the answer that the protocol has for it where there is one; what is counted is
counted; and then an honest client is served at once. At the end no daemon has grown, or kept descriptors or threads.
tests/cluster/rpc_hostile.py is the sibling for messages that are well formed and mean nothing.  SEED=N makes other garbage.
"""
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rpc_hostile import B, CLIENT, ROOT, bytes_field, fields_of, frame, number, request_head, result, varint, zigzag
import rpc_hostile

SEED = int(os.environ.get("SEED", 1))
SANITIZED = "-san" in B
SLOW = 10 if SANITIZED else 1
END_S = 15 * SLOW         # a connection that has said everything ends within
HONEST_S = 5 * SLOW       # and an honest one is served within
GROWTH_MAX = 64 << 20     # resident bytes that a daemon may have gained in the end
RNG = random.Random(SEED)


# ---- talking ----

def connect(at, timeout=END_S):
    """To a host and port, or to a path."""
    if isinstance(at, str):
        s = socket.socket(socket.AF_UNIX)
        s.connect(at)
    else:
        s = socket.create_connection(at, timeout)
    s.settimeout(timeout)
    return s


def converse(at, payload, close=True):
    """Sends, says that this was all, and reads to the end; an honest error of the socket is an end too."""
    got = b""
    with connect(at) as s:
        try:
            if isinstance(payload, Passing):
                socket.send_fds(s, [payload.first], payload.descriptors())
                payload = payload.rest
            s.sendall(payload)
            if close:
                s.shutdown(socket.SHUT_WR)
            while len(got) < 1 << 22:
                more = s.recv(1 << 16)
                if not more:
                    break
                got += more
        except TimeoutError:
            raise TimeoutError("the connection hangs after %d bytes of answer" % len(got)) from None
        except OSError:
            pass  # it had heard enough
    return got


class Passing:
    """Bytes, the first of which come with descriptors that nobody asked for."""

    def __init__(self, payload, count):
        self.first, self.rest, self.count = payload[:5], payload[5:], count

    def descriptors(self):
        return [sys.stdin.fileno()] * self.count


def garbage(n):
    return bytes(RNG.randrange(256) for _ in range(n))


# ---- what RPC speaks ----

HELLO = b"hrpc\x09\0\0"
ID = b"0123456789abcdef"
CONTEXT = frame(request_head(-3, ID), bytes_field(2, bytes_field(1, b"root")) + bytes_field(3, CLIENT.encode()))
OPENED = HELLO + CONTEXT
NO_METHOD = frame(request_head(1, ID), bytes_field(1, b"noSuchMethod") + bytes_field(2, CLIENT.encode()) + number(3, 1), b"")
LOOKUP = frame(request_head(2, ID), bytes_field(1, b"getFileInfo") + bytes_field(2, CLIENT.encode()) + number(3, 1), bytes_field(1, b"/"))


def nested(depth):
    """Messages in messages."""
    b = b""
    for _ in range(depth):
        b = bytes_field(2, b)
    return b


def cuts(whole, step=7):
    return [whole[:n] for n in range(1, len(whole), step)]


# ---- what a data port speaks ----

def exact(b):
    return varint(len(b)) + b


def base_header(block):
    return bytes_field(1, block)


class Data:
    """Operations on the one replica that the honest client put; and about others that do not exist."""

    def __init__(self, pool, block_id, stamp, length):
        self.pool, self.id, self.stamp, self.length = pool, block_id, stamp, length

    def block(self, **other):
        f = dict(pool=self.pool, id=self.id, stamp=self.stamp, length=self.length)
        f.update(other)
        return bytes_field(1, f["pool"]) + number(2, f["id"]) + number(3, f["stamp"]) + number(4, f["length"])

    def op(self, code, message, version=28):
        return struct.pack(">HB", version, code) + exact(message)

    def header(self, block):
        return bytes_field(1, bytes_field(1, block)) + bytes_field(2, b"hostile")

    def read(self, offset=0, length=None, **other):
        return self.op(81, bytes_field(1, self.header(self.block(**other))) + number(2, offset) +
                       number(3, self.length if length is None else length))

    def target(self, host, port):
        ident = (bytes_field(1, host) + bytes_field(2, host) + bytes_field(3, b"00000000-0000-0000-0000-000000000000") +
                 number(4, port) + number(5, port) + number(6, port))
        return bytes_field(2, bytes_field(1, ident))

    def write(self, stage=6, checksum=(2, 512), size=1, targets=b"", **other):
        block = self.block(**dict(dict(id=1 << 40 | RNG.randrange(1 << 30), length=0), **other))
        return self.op(80, bytes_field(1, self.header(block)) + targets + number(4, stage) + number(5, size) + number(6, 0) +
                       number(7, 0) + number(8, self.stamp) + bytes_field(9, number(1, checksum[0]) + number(2, checksum[1])))

    @staticmethod
    def slot(index, hi=1, lo=2):
        return bytes_field(1, number(1, hi) + number(2, lo)) + number(2, index)

    def fds(self, version=1, slot=b"", receipt=0, **other):
        return self.op(87, bytes_field(1, bytes_field(1, self.block(**other))) + number(2, version) +
                       (bytes_field(3, slot) if slot else b"") + number(4, receipt))

    def release(self, slot):
        return self.op(88, bytes_field(1, slot))

    def segment(self, name=b"hostile"):
        return self.op(89, bytes_field(1, name))

    @staticmethod
    def packet(data_len, seqno=0, offset=0, last=False, sums=None, data=None, plen=None, hlen=None):
        header = (varint(1 << 3 | 1) + struct.pack("<q", offset) + varint(2 << 3 | 1) + struct.pack("<q", seqno) +
                  number(3, last) + varint(4 << 3 | 5) + struct.pack("<i", data_len))
        n = max(0, data_len)
        data = bytes(min(n, 1 << 16)) if data is None else data
        sums = bytes(4 * (min(n, 1 << 16) // 512 + (n % 512 > 0))) if sums is None else sums
        return struct.pack(">IH", len(sums) + len(data) + 4 if plen is None else plen, len(header) if hlen is None else hlen) + header + sums + data

    def written(self, *packets, **how):
        return self.write(**how) + b"".join(packets)


# ---- the attacks ----

class Attack:
    def __init__(self, kinds, what, payloads, answer=None, counted=False, close=True):
        self.kinds, self.what, self.payloads, self.answer, self.counted, self.close = kinds, what, payloads, answer, counted, close


ALL = ("rpc", "http", "data")


def attacks(data):
    big = 1 << 31
    p = data.packet
    return [
        Attack(ALL, "nothing at all", [b""]),
        Attack(ALL, "one byte", [b"\0", b"G", b"h"]),
        Attack(ALL, "garbage", [garbage(n) for n in (7, 64, 1000, 70000)]),
        Attack(ALL, "zeros and ones", [bytes(200000), b"\xff" * 200000]),
        Attack(ALL, "a TLS hello", [bytes.fromhex("16030100a5010000a10303") + garbage(160)]),
        Attack(ALL, "lines of text without end", [b"help\n" * 50000]),

        Attack(("rpc",), "an opening cut short anywhere", cuts(OPENED + LOOKUP, 3), counted=True),
        Attack(("rpc",), "a browser", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], rb"HTTP request to a Hadoop IPC port", True),
        Attack(("rpc",), "other versions of RPC", [b"hrpc" + bytes([v, 0, 0]) for v in (2, 3, 8, 10, 127, 255)],
               rb"Server IPC version 9 cannot communicate|^$", True),
        Attack(("rpc",), "an unknown way to authenticate", [b"hrpc\x09\0\x55"], rb"Unknown auth protocol:85", True),
        Attack(("rpc",), "lengths that lie", [OPENED + struct.pack(">I", n) + b"x" * 100
                                              for n in (0xffffffff, 0x80000000, 0x7fffffff, (128 << 20) + 1)], counted=True),
        Attack(("rpc",), "an empty frame", [OPENED + struct.pack(">I", 0)], rb"RpcServerException", True),
        Attack(("rpc",), "a header longer than its frame", [OPENED + frame(b"")[:4] + b"\xff" * 1,
                                                            OPENED + struct.pack(">I", 6) + varint(1 << 30) + b"x"], counted=True),
        Attack(("rpc",), "garbage in a frame", [OPENED + struct.pack(">I", n) + garbage(n) for n in (1, 2, 30, 5000)], rb"Exception|^$", True),
        Attack(("rpc",), "a call before the context", [HELLO + NO_METHOD], rb"Connection context not established", True),
        Attack(("rpc",), "a context twice", [OPENED + CONTEXT], rb"Connection context already processed", True),
        Attack(("rpc",), "a context of garbage", [HELLO + frame(request_head(-3, ID), garbage(500))], rb"Error decoding IpcConnectionContextProto", True),
        Attack(("rpc",), "a user with a name of 100,000 characters", [HELLO + frame(request_head(-3, ID), bytes_field(2, bytes_field(1, b"u" * 100000)))],
               rb"user name too long", True),
        Attack(("rpc",), "an unknown out-of-band call", [OPENED + frame(request_head(-77, ID))], rb"Unknown out of band call #-77", True),
        Attack(("rpc",), "an unknown protocol", [OPENED + frame(request_head(1, ID), bytes_field(1, b"x") + bytes_field(2, b"no.Such") + number(3, 1), b"")],
               rb"RpcNoSuchProtocolException"),
        Attack(("rpc",), "messages 100,000 deep", [OPENED + frame(request_head(1, ID), bytes_field(1, b"getFileInfo") + bytes_field(2, CLIENT.encode()) +
                                                                  number(3, 1), nested(20000)),
                                                   OPENED + frame(nested(20000))], rb"Exception"),
        Attack(("rpc",), "groups, the wire type that nobody uses", [OPENED + frame(b"\x0b" * 3000), OPENED + frame(request_head(1, ID) + b"\x3b" * 3000, b"")],
               rb"Exception", True),
        Attack(("rpc",), "a thousand calls of what does not exist", [OPENED + NO_METHOD * 1000], rb"(Exception.*){3}"),
        Attack(("rpc",), "ten thousand pings", [OPENED + frame(request_head(-4, ID)) * 10000]),

        Attack(("http",), "requests that are none", [b"GET\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b" / HTTP/1.1\r\n\r\n",
                                                     b"GET http:// HTTP/1.1\r\n\r\n", b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n"],
               rb"^HTTP/\d.\d [45]|^$", True),
        Attack(("http",), "a request cut short anywhere", cuts(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", 5)),
        Attack(("http",), "a header of 100,000 bytes", [b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100000 + b"\r\n\r\n"], rb"^HTTP/1.[01] 4|^$", True),
        Attack(("http",), "a thousand headers", [b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: x\r\n" % i for i in range(1000)) + b"\r\n"]),
        Attack(("http",), "a path of 60,000 bytes", [b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"], rb"^HTTP/1.[01] 4|^$", True),
        Attack(("http",), "paths that climb", [b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                               for path in (b"/../../../etc/passwd", b"/browse/../../../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd",
                                                            b"/browse/%00", b"/browse/%ff%fe", b"//etc/passwd", b"/%2fetc%2fpasswd",
                                                            b"/shuffle?map=../../../../etc/passwd&reduce=0", b"/shuffle?map=%00&reduce=99999999999999999999",
                                                            b"/shuffle?reduce=-1", b"/jmx?qry=" + b"%25" * 3000, b"/jobs/../../etc/passwd", b"/job?id=../../x")],
               rb"^HTTP/1.[01] (?!200.*root:x:0)"),
        Attack(("http",), "lengths that lie", [b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + n + b"\r\n\r\nxyz"
                                               for n in (b"-1", b"99999999999999999999", b"9223372036854775807", b"0x10", b"abc", b"3, 4")]),
        Attack(("http",), "chunks that are none", [b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + c
                                                   for c in (b"ffffffffffffffff\r\nx", b"zz\r\n", b"-5\r\nx", b"5\r\nab")]),
        Attack(("http",), "two hundred requests at once on one connection", [b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * 200]),

        Attack(("data",), "another version", [data.op(81, b"", v) for v in (0, 17, 27, 29, 0xffff)], counted=True),
        Attack(("data",), "unknown operations", [data.op(c, b"") for c in (0, 1, 79, 91, 128, 255)], counted=True),
        Attack(("data",), "a message whose length lies", [b"\0\x1c" + bytes([c]) + varint(n) + b"x" * 50
                                                          for c in (80, 81, 85, 87) for n in (1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 40)], counted=True),
        Attack(("data",), "a length without end", [b"\0\x1c\x51" + b"\xff" * 5000], counted=True),
        Attack(("data",), "an operation cut short anywhere", cuts(data.read(), 5), counted=True),
        Attack(("data",), "messages that don't parse", [data.op(c, garbage(300)) for c in (80, 81, 83, 84, 85, 86, 87, 88, 89)], counted=True),
        Attack(("data",), "messages 20,000 deep", [data.op(81, nested(20000))], counted=True),
        Attack(("data",), "reads of what is not there", [data.read(offset=o, length=n) for o, n in ((data.length + 1, 1), (1 << 62, 1 << 62), ((1 << 64) - 1, 10),
                                                                                                 (10, data.length), (0, (1 << 63) - 1))], rb"Exception"),
        Attack(("data",), "a length below zero, which means all of it", [data.read(length=(1 << 64) - 1), data.read(length=1 << 63)], rb"^.\x08\0"),
        Attack(("data",), "reads of other blocks, pools and stamps", [data.read(id=7), data.read(pool=b"BP-1-1-1"), data.read(stamp=data.stamp + 1),
                                                                     data.read(pool=b"../../etc"), data.read(id=(1 << 64) - 1)], rb"Replica|replica"),
        Attack(("data",), "writes over what is there", [data.write(id=data.id, stage=s, stamp=g) for s in (0, 1, 2, 3, 4, 5, 6, 7, 8)
                                                        for g in (data.stamp, data.stamp + 5)], rb"Exception|^$"),
        Attack(("data",), "checksums of no kind", [data.write(checksum=c) for c in ((0, 0), (2, 0), (2, 1 << 31), (1, (1 << 32) - 1), (9, 512), (2, 1 << 26))]),
        Attack(("data",), "a pipeline to nowhere", [data.write(targets=data.target(b"127.0.0.1", 1)), data.write(targets=data.target(b"127.0.0.1", 70000)),
                                                    data.write(targets=data.target(b"no.such.host.invalid", 9866))], rb".", ),
        Attack(("data",), "a pipeline of ten thousand", [data.write(targets=data.target(b"127.0.0.1", 1) * 10000, size=10000)]),
        Attack(("data",), "packets whose lengths lie", [data.written(x) for x in (
            p(1024, plen=3), p(1024, plen=0), p(1024, plen=0xffffffff), p(1024, plen=big), p(1024, hlen=0), p(1024, hlen=0xffff), p(-1), p(-big), p(big - 1),
            p(1024, sums=b""), p(1024, sums=bytes(4)), p(1024, data=b""), p(1024, data=bytes(2000)), p(100 << 20), p(17 << 20))], counted=True),
        Attack(("data",), "packets out of order", [data.written(p(512, seqno=5, offset=0)), data.written(p(512, seqno=0, offset=4096)), data.written(p(512, offset=-512)),
                                                   data.written(p(0, last=True), p(512, seqno=1)), data.written(p(512, seqno=-big))]),
        Attack(("data",), "checksums that do not fit", [data.written(p(1024, sums=b"\1\2\3\4\5\6\7\x08"))]),
        Attack(("data",), "a packet cut short anywhere", [data.written(p(1024)[:n]) for n in range(1, 1090, 90)]),
        Attack(("unix",), "descriptors cut short anywhere", cuts(data.fds(), 5) + cuts(data.segment(), 3) + cuts(data.release(data.slot(1)), 3), counted=True),
        Attack(("unix",), "descriptors of what is not there", [data.fds(id=7), data.fds(stamp=data.stamp + 9), data.fds(pool=b"../..")], rb"Replica|replica|pool"),
        Attack(("unix",), "versions of descriptors that there are not", [data.fds(version=0)], rb"version"),
        Attack(("unix",), "slots of no segment", [data.fds(slot=data.slot(n)) for n in (0, 127, 128, (1 << 31) - 1, (1 << 64) - 1)], rb"slot"),
        Attack(("unix",), "slots given back that nobody has", [data.release(data.slot(n)) for n in (0, 128, (1 << 64) - 1)], rb"slot"),
        Attack(("unix",), "descriptors and no receipt for them", [data.fds(receipt=1)] * 20),
        Attack(("unix",), "segments that nobody uses", [data.segment()] * 40 + [data.segment(b"x" * 100000)]),
        Attack(("unix",), "segments, garbage after them", [data.segment() + garbage(5000)]),
        Attack(("unix",), "descriptors that nobody wanted", [Passing(data.fds(), 1), Passing(data.read(), 200), Passing(garbage(100), 250),
                                                            Passing(data.segment(), 50), Passing(b"\0\x1c\x57", 3)]),
        Attack(("data",), "copies and checksums of what is not there", [
            data.op(84, bytes_field(1, bytes_field(1, data.block(id=7)))), data.op(85, bytes_field(1, bytes_field(1, data.block(id=7)))),
            data.op(83, bytes_field(1, bytes_field(1, data.block(id=7))) + bytes_field(2, b"x") + data.target(b"127.0.0.1", 1)[1:])]),
    ]


# ---- the cluster and what it says of itself ----

class Process:
    def __init__(self, name, pid):
        self.name, self.pid = name, pid
        self.before = self.sizes()

    def alive(self):
        try:
            return open("/proc/%d/stat" % self.pid).read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    def sizes(self):
        d = "/proc/%d/" % self.pid
        status = dict(line.split(":", 1) for line in open(d + "status"))
        return {"resident": int(status["VmRSS"].split()[0]) << 10, "descriptors": len(os.listdir(d + "fd")), "threads": int(status["Threads"])}


def get(url, timeout=HONEST_S):
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=timeout).read().decode()


def counters(url):
    return dict(line.rsplit(" ", 1) for line in get(url + "/metrics").splitlines() if line and line[0] != "#")


class Port:
    def __init__(self, name, kind, at, process, web, counted, honest):
        self.name, self.kind, self.at, self.process, self.web = name, kind, at, process, web
        self.names, self.honest = counted, honest

    def count(self):
        c = counters(self.web)
        return sum(int(float(c.get(n, 0))) for n in self.names)


def rpc_answers(at, protocol, method, body):
    """A call on a connection of its own; its status: 0 is success."""
    with connect(at, HONEST_S) as s:
        s.sendall(OPENED + frame(request_head(1, ID), bytes_field(1, method) + bytes_field(2, protocol) + number(3, 1), body))
        got = b""
        while len(got) < 4 or len(got) < 4 + struct.unpack(">I", got[:4])[0]:
            more = s.recv(65536)
            if not more:
                return -1
            got += more
    n = got[4]
    return fields_of(got[5:5 + n])[2]


def settings(argv):
    out = {}
    for a in argv:
        k, eq, v = a.partition("=")
        if eq:
            out[k] = v
    return out


def start(work):
    out = subprocess.run([ROOT + "/tools/cluster", "start", work, "--datanodes", "2", "--workers", "1", "-D", "dfs.replication=2",
                          "-D", "dfs.client.socket-timeout=3000"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines())


def address(text):
    host, port = text.rsplit("/", 1)[-1].rsplit(":", 1)
    return host, int(port)


def ports_of(vars_, work, processes):
    daemons = json.load(open(work + "/cluster.json"))["daemons"]
    dn, worker = settings(daemons["datanode0"]["argv"]), settings(daemons["worker0"]["argv"])
    nn_web, sched_web = vars_["WEBHDFS"].split("/webhdfs")[0], vars_["SCHEDULER_HTTP"]
    dn_web, shuffle = "http://" + dn["dfs.datanode.http.address"], "http://" + worker["ashlar.worker.shuffle-address"]
    http = ["http_malformed_total", "http_errors_total"]
    expected = open(work + "/honest", "rb").read()
    dfs = [os.path.join(B, "bin", "dfs"), "-cat", "/honest"]
    env = dict(os.environ, HADOOP_CONF_DIR=vars_["HADOOP_CONF_DIR"])

    def cat():
        return subprocess.run(dfs, env=env, capture_output=True, timeout=HONEST_S * 2).stdout == expected

    def page(url):
        return lambda: "process_cpu_seconds_total" in get(url + "/metrics")

    nn, dn_data, dn_ipc = address(vars_["FS_URI"]), address(dn["dfs.datanode.address"]), address(dn["dfs.datanode.ipc.address"])
    sched = address(vars_["SCHEDULER"])
    return [
        Port("the namenode's RPC port", "rpc", nn, processes["namenode"], nn_web, ["namenode_rpc_bad_frames_total"],
             lambda: rpc_answers(nn, CLIENT.encode(), b"getFileInfo", bytes_field(1, b"/honest")) == 0),
        Port("the datanode's RPC port", "rpc", dn_ipc, processes["datanode0"], dn_web, ["datanode_rpc_bad_frames_total"],
             lambda: rpc_answers(dn_ipc, b"org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol", b"getDatanodeInfo", b"") == 0),
        Port("the scheduler's RPC port", "rpc", sched, processes["scheduler"], sched_web, ["scheduler_rpc_bad_frames_total"],
             lambda: rpc_answers(sched, b"ashlar.JobProtocol", b"listJobs", b"") == 0),
        Port("the datanode's data port", "data", dn_data, processes["datanode0"], dn_web, ["datanode_bad_input_total", "datanode_op_errors_total"], cat),
        Port("the datanode's UNIX socket", "unix", dn["dfs.domain.socket.path"], processes["datanode0"], dn_web,
             ["datanode_bad_input_total", "datanode_op_errors_total"], cat),
        Port("the namenode's HTTP port", "http", address(nn_web), processes["namenode"], nn_web, http, page(nn_web)),
        Port("the datanode's HTTP port", "http", address(dn_web), processes["datanode0"], dn_web, http, page(dn_web)),
        Port("the scheduler's HTTP port", "http", address(sched_web), processes["scheduler"], sched_web, http, page(sched_web)),
        Port("the worker's shuffle port", "http", address(shuffle), processes["worker0"], shuffle, http, page(shuffle)),
    ]


# ---- one attack on one port ----

def is_served(port):
    try:
        return port.honest()
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as e:
        print("    honest client: %s" % e)
        return False


def carry_out(attack, port):
    """What was wrong with it, or None."""
    before = port.count() if attack.counted else 0
    for i, payload in enumerate(attack.payloads):
        try:
            got = converse(port.at, payload, attack.close)
        except OSError as e:
            return "no. %d: %s" % (i, e)
        if attack.answer and not re.search(attack.answer, got, re.S):
            return "no. %d was answered %r" % (i, got[:200])
    if not port.process.alive():
        return "the daemon is gone"
    if attack.counted and port.count() <= before:
        return "it was not counted in %s" % " or ".join(port.names)
    return None if is_served(port) else "an honest client is not served"


def crowd(port, count, payload):
    """Connections that say half of something and stay."""
    held = []
    try:
        for _ in range(count):
            s = connect(port.at)
            s.sendall(payload)
            held.append(s)
        if port.kind == "http":
            return None  # a thread each: they are served when these have timed out, see below
        return None if is_served(port) else "an honest client is not served beside them"
    except OSError as e:
        return str(e)
    finally:
        for s in held:
            s.close()


CROWDS = {
    "rpc": ("two hundred that announce 120 MiB and send a little", 200, OPENED + struct.pack(">I", 120 << 20) + b"x" * 100),
    "http": ("ten that never finish their request", 10, b"GET /metrics HTTP/1.1\r\nHost"),
    "unix": ("two hundred that say half of an operation", 200, b"\0\x1c\x57" + varint(1000) + b"x" * 50),
    "data": ("two hundred that say half of an operation", 200, b"\0\x1c\x51" + varint(1000) + b"x" * 50),
}


def until(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def settled(process):
    """Sizes that are back where they were. A thread that served one of a crowd is parked for a minute, so it may still be there."""
    now = process.sizes()
    return now["descriptors"] <= process.before["descriptors"] + 24 and now["threads"] <= process.before["threads"] + 230


def block_of(vars_, work):
    probe = subprocess.run([os.path.join(B, "tests/cluster/libdfs_probe"), "blocks", "/honest"], capture_output=True, text=True,
                           env=dict(os.environ, HADOOP_CONF_DIR=vars_["HADOOP_CONF_DIR"]), check=True).stdout.split()[0]
    for d, _, files in os.walk(work + "/data/datanode0"):
        for f in files:
            m = re.fullmatch(probe + r"_(\d+)\.meta", f)
            if m:
                pool = re.search(r"BP-[^/]*", d).group(0)
                return pool.encode(), int(probe[4:]), int(m.group(1))
    raise LookupError("no replica of /honest on datanode0")


def sweep(work):
    vars_ = start(work)
    with open(work + "/honest", "wb") as f:
        f.write(garbage(100000))
    subprocess.run([os.path.join(B, "bin", "dfs"), "-put", work + "/honest", "/honest"], check=True,
                   env=dict(os.environ, HADOOP_CONF_DIR=vars_["HADOOP_CONF_DIR"]))
    processes = {n[4:]: Process(n[4:], int(pid)) for n, pid in vars_.items() if n.startswith("PID_")}
    ports = ports_of(vars_, work, processes)
    table = attacks(Data(*block_of(vars_, work), 100000))
    for port in ports:
        wrong, done = [], 0
        for attack in table:
            if port.kind not in attack.kinds and not (port.kind == "unix" and "data" in attack.kinds):
                continue
            done += 1
            why = carry_out(attack, port)
            if why:
                wrong.append("%s: %s" % (attack.what, why))
        what, count, payload = CROWDS[port.kind]
        why = crowd(port, count, payload) or (None if until(END_S, lambda: is_served(port)) else "an honest client is not served after them")
        if why:
            wrong.append("%s: %s" % (what, why))
        result(not wrong, "%s holds out: %d kinds of bad input (SEED=%d)" % (port.name, done + 1, SEED), "; ".join(wrong)[:2000])
    for p in processes.values():
        if not p.alive():
            result(False, "%s is alive" % p.name, open(work + "/%s.log" % p.name, errors="replace").read()[-1500:])
            continue
        until(END_S, lambda p=p: settled(p))
        now = p.sizes()
        grown = now["resident"] - p.before["resident"]
        result(settled(p) and (SANITIZED or grown < GROWTH_MAX), "%s has kept nothing of it" % p.name,
               "before %s, after %s" % (p.before, now))
        log = open(work + "/%s.log" % p.name, errors="replace").read()
        bad = re.findall(r".*(?:Sanitizer|runtime error|must=).*", log)
        result(not bad, "%s's log shows no broken invariant" % p.name, " | ".join(bad[:3]))


def main():
    work = tempfile.mkdtemp(prefix="ashlar-ports-")
    try:
        sweep(work)
    finally:
        subprocess.run([ROOT + "/tools/cluster", "stop", work])
        if rpc_hostile.failures and os.environ.get("KEEP"):
            print("kept: " + work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    return rpc_hostile.failures > 0


if __name__ == "__main__":
    sys.exit(main())
