#!/usr/bin/env python3
"""Who reads from a datanode that lies: never wrong bytes, another replica where there is one, else an error that says why.

The lies, and what must come of each, are a table in tests/lib/lying_datanode.py; tests/compat/lying_datanode.py is the same for
Hadoop's client.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from lying_datanode import B, LIES, World, result
import rpc_hostile


def read_all(w, directory, to):
    os.mkdir(to)
    w.dfs("-get", directory + "/*", to)
    return {n: open(to + "/" + n, "rb").read() for n in os.listdir(to)}


def positional(w):
    """Reads of pieces here and there, each of which finds its own datanode."""
    wrong = []
    for name in w.names:
        p = subprocess.run([os.path.join(B, "tests/cluster/libdfs_probe"), "preads", "/pieces/" + name, w.work + "/in/" + name],
                           env=w.env, capture_output=True, text=True, timeout=120)
        if p.returncode:
            wrong.append("%s: %s" % (name, (p.stdout + p.stderr)[-200:]))
        elif not w.asked("/pieces/" + name):
            wrong.append("%s: the liar was not asked" % name)
    result(not wrong, "positional reads too", "; ".join(wrong))


def alone(w):
    """Nobody else has it: an error that names block and reason, and on standard output at most what is right. Where a part
    is true each time, they may add up to the whole."""
    wrong = []
    for name in LIES:
        if name == "silence":
            continue
        p = w.dfs("-cat", "/one/" + name)
        said = p.stderr.decode()
        if p.returncode == 0 and p.stdout == w.bytes and w.asked("/one/" + name) > 1:
            continue
        if p.returncode != 1:
            wrong.append("%s: ended with %d" % (name, p.returncode))
        elif not w.bytes.startswith(p.stdout) or len(p.stdout) == len(w.bytes):
            wrong.append("%s: %d bytes that are not those of the file" % (name, len(p.stdout)))
        elif not re.search(r"Could not obtain block: BP-\S+:blk_%d_\d+ file=\S+: \S.{8}" % w.blocks["/one/" + name], said):
            wrong.append("%s: said %r" % (name, said[-300:]))
        elif os.environ.get("VERBOSE"):
            print("%-34s %s" % (name, said.strip().split(": ", 4)[-1]))
    result(not wrong, "where only the liar has it: an error that names block and reason, and not one wrong byte", "; ".join(wrong))
    p = w.dfs("-cat", "/one/the-truth")
    result(p.stdout == w.bytes, "and what it is honest about is read from it", p.stderr.decode()[-300:])


def main():
    w = World()
    try:
        for directory, copies in (("/three", 3), ("/pieces", 3), ("/one", 1)):
            w.put(directory, copies)
        w.begin_lying("/three", "/pieces", "/one")
        w.judge("our client", read_all(w, "/three", w.work + "/out"), "/three")
        positional(w)
        alone(w)
    finally:
        w.close()
    return rpc_hostile.failures > 0


if __name__ == "__main__":
    sys.exit(main())
