"""A datanode that lies to who reads from it, and a cluster in which it is the nearest.

Liar takes the place of a real datanode that was killed: its address, and its replicas, about which it lies in one of the
ways of LIES. World makes the cluster: for each lie the files /three/LIE, which two honest datanodes have too, and /one/LIE,
which only the liar has; and tells which were asked for.  docs/formats/data-transfer.md has the bytes.
"""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from rpc_hostile import B, ROOT, bytes_field, fields_of, number, result, varint

META_HEAD = 7  # version, checksum's type, bytes for each
PER = 512
PACKET = 16384  # of data
TIMEOUT_MS = 4000


class Request:
    """What was asked: @at .. @end of a replica with @data and @sums, from the chunk's begin on."""

    def __init__(self, data, sums, offset, length):
        self.data, self.sums = data, sums
        self.at = offset // PER * PER
        self.end = min(len(data), (offset + length + PER - 1) // PER * PER)

    def answer(self, type_=2, per=PER, at=None, status=0):
        sums = bytes_field(1, number(1, type_) + number(2, per)) + number(2, self.at if at is None else at)
        m = number(1, status) + bytes_field(4, sums)
        return varint(len(m)) + m

    def head(self, at, seq, n, last=False, payload=0, plen=None, hlen=None):
        h = (varint(1 << 3 | 1) + struct.pack("<q", at) + varint(2 << 3 | 1) + struct.pack("<q", seq) + number(3, last) +
             varint(4 << 3 | 5) + struct.pack("<i", n))
        return struct.pack(">iH", payload + 4 if plen is None else plen, len(h) if hlen is None else hlen) + h

    def packet(self, at, seq, data=None, sums=None, says=None, offset=None, **how):
        end = min(at + PACKET, self.end)
        data = self.data[at:end] if data is None else data
        sums = self.sums[at // PER * 4:(end + PER - 1) // PER * 4] if sums is None else sums
        return self.head(at if offset is None else offset, seq, len(data) if says is None else says,
                         payload=len(data) + len(sums), **how) + sums + data

    def packets(self):
        return [self.packet(at, seq) for seq, at in enumerate(range(self.at, self.end, PACKET))]

    def end_packet(self):
        return self.head(self.end, len(self.packets()), 0, last=True)

    def stream(self):
        return self.answer() + b"".join(self.packets()) + self.end_packet()

    def second(self, **lie):
        """True but for its second packet (the only one of a short range)."""
        p = self.packets()
        k = 1 if len(p) > 1 else 0
        p[k] = self.packet(self.at + k * PACKET, lie.pop("seq", k), **lie)
        return self.answer() + b"".join(p) + self.end_packet()


def until(seconds, true):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def flipped(b, at):
    b = bytearray(b)
    b[at] ^= 4
    return bytes(b)


def part(r):
    k = 1 if len(r.packets()) > 1 else 0
    at = r.at + k * PACKET
    end = min(at + PACKET, r.end)
    return r.data[at:end], r.sums[at // PER * 4:(end + PER - 1) // PER * 4]


def cut(b, share):
    return b[:int(len(b) * share)]


SILENT = object()   # says nothing, and stays
CORRUPT = True      # who reads must tell the namenode of it

# name: (what is sent for a request, whether it is the replica that must be reported bad)
LIES = {
    "an-error": (lambda r: (lambda m: varint(len(m)) + m)(number(1, 1) + bytes_field(5, b"no, I am lying")), False),
    "no-answer-at-all": (lambda r: b"", False),
    "silence": (lambda r: SILENT, False),
    "an-answer-without-end": (lambda r: b"\xff" * 40, False),
    "an-answer-of-a-gigabyte": (lambda r: varint(1 << 30) + b"x" * 100, False),
    "an-answer-that-is-garbage": (lambda r: varint(50) + b"\xde\xad" * 25, False),
    "no-kind-of-checksum": (lambda r: varint(2) + number(1, 0), False),
    "an-unknown-kind-of-checksum": (lambda r: r.answer(type_=77) + r.stream()[len(r.answer()):], False),
    "checksums-of-no-bytes": (lambda r: r.answer(per=0) + r.stream()[len(r.answer()):], False),
    "checksums-of-two-gigabytes": (lambda r: r.answer(per=1 << 31) + r.stream()[len(r.answer()):], False),
    "checksums-of-other-chunks": (lambda r: r.answer(per=1024) + r.stream()[len(r.answer()):], False),
    "a-start-beyond-what-was-asked": (lambda r: r.answer(at=r.at + 4096) + r.stream()[len(r.answer()):], False),
    "a-start-of-eight-exabytes": (lambda r: r.answer(at=(1 << 63) - 1) + r.stream()[len(r.answer()):], False),
    "a-packet-of-negative-length": (lambda r: r.second(plen=-5), False),
    "a-packet-of-two-gigabytes": (lambda r: r.second(plen=0x7fffffff), False),
    "a-packet-of-no-length": (lambda r: r.second(plen=0), False),
    "a-header-of-64-kilobytes": (lambda r: r.second(hlen=65535), False),
    "a-header-of-no-bytes": (lambda r: r.second(hlen=0), False),
    "more-data-than-its-packet": (lambda r: r.second(says=PACKET * 4), False),
    "data-of-negative-length": (lambda r: r.second(says=-1), False),
    "less-data-than-its-packet": (lambda r: r.second(says=100), False),
    "a-packet-that-skips": (lambda r: r.second(offset=r.at + PACKET * 2), False),
    "a-packet-that-comes-again": (lambda r: r.answer() + r.packets()[0] + r.packets()[0] + b"".join(r.packets()[1:]) + r.end_packet(), False),
    "a-packet-left-out": (lambda r: r.answer() + b"".join(r.packets()[1:]) + r.end_packet(), False),
    "a-packet-with-another-number": (lambda r: r.second(seq=40), False),
    "a-packet-at-a-negative-place": (lambda r: r.second(offset=-512), False),
    "too-few-checksums": (lambda r: r.second(sums=part(r)[1][:-4]), False),
    "no-checksums": (lambda r: r.second(sums=b""), False),
    "too-many-checksums": (lambda r: r.second(sums=part(r)[1] + b"more"), False),
    "an-end-too-early": (lambda r: r.answer() + r.packets()[0] + r.head(r.at + PACKET, 1, 0, last=True), False),
    "an-end-at-once": (lambda r: r.answer() + r.head(r.at, 0, 0, last=True), False),
    "cut-in-the-answer": (lambda r: r.answer()[:-3], False),
    "cut-in-a-header": (lambda r: r.answer() + r.packets()[0][:9], False),
    "cut-in-the-checksums": (lambda r: r.answer() + r.packets()[0][:60], False),
    "cut-in-the-data": (lambda r: cut(r.stream(), .7), False),
    "cut-between-packets": (lambda r: r.answer() + r.packets()[0], False),
    "a-flipped-bit": (lambda r: r.second(data=flipped(part(r)[0], 77)), CORRUPT),
    "a-flipped-bit-in-a-checksum": (lambda r: r.second(sums=flipped(part(r)[1], 5)), CORRUPT),
    "zeros": (lambda r: r.second(data=bytes(len(part(r)[0]))), CORRUPT),
    "another-blocks-bytes": (lambda r: r.second(data=bytes(b ^ 0x5a for b in part(r)[0])), CORRUPT),
}


class Liar(threading.Thread):
    """Listens where the killed datanode did; @lie_of: block's id → name of a lie, or None: the truth."""

    def __init__(self, at, directory, lie_of):
        super().__init__(daemon=True)
        self.directory, self.lie_of = directory, lie_of
        self.asked = {}  # block's id → times
        self.lock = threading.Lock()
        self.listener = socket.create_server(at, backlog=64)
        self.held = []
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def close(self):
        self.listener.close()
        for s in self.held:
            s.close()

    def replica(self, block):
        for d, _, files in os.walk(self.directory):
            for f in files:
                if re.fullmatch(r"blk_%d_\d+\.meta" % block, f):
                    with open(os.path.join(d, f), "rb") as meta, open(os.path.join(d, "blk_%d" % block), "rb") as data:
                        return data.read(), meta.read()[META_HEAD:]
        raise LookupError("no replica of blk_%d" % block)

    def serve(self, s):
        try:
            s.settimeout(60)
            while self.answer(s):
                pass
        except OSError:
            pass
        if s not in self.held:
            s.close()

    def answer(self, s):
        f = s.makefile("rb", buffering=0)
        head = f.read(3)
        if not head or len(head) < 3 or head[2] != 81:
            return False
        size = shift = 0
        while True:
            b = f.read(1)[0]
            size |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        message = b""
        while len(message) < size:
            message += f.read(size - len(message))
        op = fields_of(message)
        block = fields_of(fields_of(fields_of(op[1])[1])[1])[2]
        with self.lock:
            self.asked[block] = self.asked.get(block, 0) + 1
        data, sums = self.replica(block)
        request = Request(data, sums, op.get(2, 0), op.get(3, 0))
        lie = self.lie_of.get(block)
        sent = LIES[lie][0](request) if lie else request.stream()
        if sent is SILENT:
            self.held.append(s)
            return False
        s.sendall(sent)
        if lie:
            # So that what was sent arrives: a socket closed with unread bytes resets.
            s.shutdown(socket.SHUT_WR)
            while f.read(4096):
                pass
            return False
        f.read(1)
        n = f.read(64)
        return bool(n)


class World:
    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="ashlar-liar-")
        self.liar = None
        with open(self.work + "/racks", "w") as f:
            f.write("127.0.0.1 /near\n127.0.0.11 /near\n127.0.0.12 /far\n127.0.0.13 /far\n")
        out = subprocess.run([ROOT + "/tools/cluster", "start", self.work + "/c", "--datanodes", "3", "--no-jobs",
                              "-D", "net.topology.table.file.name=" + self.work + "/racks",
                              "-D", "dfs.client.socket-timeout=%d" % TIMEOUT_MS, "-D", "dfs.client.retry.window.base=10",
                              "-D", "dfs.client.max.block.acquire.failures=1"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        self.vars = dict(line.split("=", 1) for line in out.splitlines())
        self.env = dict(os.environ, HADOOP_CONF_DIR=self.vars["HADOOP_CONF_DIR"])
        self.bytes = os.urandom(PACKET * 3 + 1000)
        os.mkdir(self.work + "/in")
        self.names = list(LIES) + ["the-truth"]
        for name in self.names:
            with open(self.work + "/in/" + name, "wb") as f:
                f.write(self.bytes)

    def dfs(self, *words):
        return subprocess.run([os.path.join(B, "bin", "dfs"), *words], env=self.env, capture_output=True, timeout=120)

    def must(self, *words):
        p = self.dfs(*words)
        if p.returncode:
            raise RuntimeError("dfs %s: %s" % (" ".join(words[:3]), p.stderr.decode()[-500:]))
        return p

    def put(self, directory, copies):
        """The same bytes for every lie; with one copy, the liar's alone: the writer is on its host then."""
        self.must("-mkdir", "-p", directory)
        self.must("-D", "dfs.replication=%d" % copies, "-D", "dfs.client.local.interfaces=127.0.0.11", "-put",
                  *[self.work + "/in/" + n for n in self.names], directory)

    def block(self, path):
        out = subprocess.run([os.path.join(B, "tests/cluster/libdfs_probe"), "blocks", path], env=self.env,
                             capture_output=True, text=True, check=True).stdout
        return int(out.split()[0][4:])

    def begin_lying(self, *directories):
        lie_of, self.blocks = {}, {}
        for d in directories:
            for name in self.names:
                block = self.blocks[d + "/" + name] = self.block(d + "/" + name)
                lie_of[block] = name if name in LIES else None
        argv = json.load(open(self.work + "/c/cluster.json"))["daemons"]["datanode0"]["argv"]
        at = [w.split("=", 1)[1] for w in argv if w.startswith("dfs.datanode.address=")][0]
        subprocess.run([ROOT + "/tools/cluster", "kill", self.work + "/c", "datanode0"], check=True)
        host, port = at.rsplit(":", 1)
        self.liar = Liar((host, int(port)), self.work + "/c/data/datanode0", lie_of)

    def asked(self, path):
        return self.liar.asked.get(self.blocks[path], 0)

    def hosts(self, path):
        url = "%s/webhdfs/v1%s?op=GETFILEBLOCKLOCATIONS&user.name=root" % (self.vars["WEBHDFS"].split("/webhdfs")[0], path)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as r:
            return json.load(r)["BlockLocations"]["BlockLocation"][0]["hosts"]

    def judge(self, who, got, directory, may_end=(), may_believe=(), may_tell=()):
        """What @who read of the files of @directory, three copies each: {lie: bytes}. It may end with an error instead, be taken
        in, or take a replica for bad, where that is said of it."""
        wrong, unasked = [], []
        for name in self.names:
            if name in may_believe or name in may_end and self.bytes.startswith(got[name]):
                continue
            if got.get(name) != self.bytes:
                wrong.append("%s: %s bytes" % (name, len(got[name]) if name in got else "no"))
            if not self.asked(directory + "/" + name):
                unasked.append(name)
        result(not wrong, "%s reads the right bytes whatever the nearest datanode says: %d lies" % (who, len(LIES) - len(may_end) - len(may_believe)),
               "; ".join(wrong))
        result(not unasked, "and had asked it each time", " ".join(unasked))
        wrong = ["%s: %s" % (name, "not told" if bad else "told") for name, (_, bad) in LIES.items()
                 if name not in may_tell and not until(5 if bad else 0, lambda name=name, bad=bad: bad == ("127.0.0.11" not in self.hosts(directory + "/" + name)))]
        result(not wrong, "the namenode was told of the replicas that do not match their checksums, and of no other", "; ".join(wrong))

    def close(self):
        if self.liar:
            self.liar.close()
        subprocess.run([ROOT + "/tools/cluster", "stop", self.work + "/c"])
        if os.environ.get("KEEP"):
            print("kept: " + self.work)
        else:
            shutil.rmtree(self.work, ignore_errors=True)
