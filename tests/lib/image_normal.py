#!/usr/bin/env python3
"""image_normal.py XML -- what `hdfs oiv -p XML` says of an image, in an order of its own: two images of one state print the same.

Left out: the transaction, references, the lists of what snapshots saw (java/NamespaceDump.java shows what they mean), and what the viewer
says of itself.
"""
import re
import sys

text = open(sys.argv[1], encoding="utf-8", errors="surrogateescape").read()
text = re.sub(r"<txid>\d+</txid>|<oivRevision>.*?</oivRevision>|<version>.*?</version>|<\?xml.*?\?>", "", text, flags=re.S)
out = []


def take(pattern):
    """Takes out of the text all that matches, to be printed in order."""
    global text
    found = re.findall(pattern, text, flags=re.S)
    text = re.sub(pattern, "", text, flags=re.S)
    return found


def in_order(line, element):
    """The elements of a kind inside a line, sorted where they stand."""
    found = re.findall("<%s>.*?</%s>" % (element, element), line, flags=re.S)
    if len(found) < 2:
        return line
    at = line.index(found[0])
    for f in found:
        line = line.replace(f, "", 1)
    return line[:at] + "".join(sorted(found)) + line[at:]


# What is in the present: a deleted file that a snapshot keeps may still be an open one for Hadoop.
referred = re.findall(r"<ref><referredId>(\d+)</referredId>", text)
below = {}
for d in re.findall(r"<directory><parent>.*?</directory>", text, flags=re.S):
    children = re.findall(r"<(?:child|inode)>(\d+)</", d) + [referred[int(r)] for r in re.findall(r"<refChild>(\d+)</", d)]
    below[re.match(r"<directory><parent>(\d+)", d)[1]] = children
present, todo = set(), ["16385"]
while todo:
    at = todo.pop()
    present.add(at)
    todo += below.get(at, [])
open_files = {i for i in re.findall(r"<inode><id>(\d+)</id><path>", text) if i in present}
out += [e for e in take(r"<inode><id>\d+</id><path>.*?</inode>") if re.match(r"<inode><id>(\d+)", e)[1] in present]
for inode in take(r"<inode><id>\d+</id><type>.*?</inode>"):
    if re.match(r"<inode><id>(\d+)", inode)[1] not in open_files:  # of a deleted one that a snapshot keeps Hadoop remembers the writer
        inode = re.sub(r"<file-under-construction>.*?</file-under-construction>\s*", "", inode, flags=re.S)
    out.append(in_order(inode, "xattr"))
# A directory has a child by itself or by reference: Hadoop keeps a reference when what needed it is gone, Ashlar does not.
take(r"<ref>.*?</ref>")
take(r"<directory><parent>.*?</directory>")
out += ["children of %s: %s" % (d, " ".join(sorted(c))) for d, c in below.items()]
for kind in ("pool", "directive", "delegationKey", "token", "erasureCodingPolicy", "snapshot"):
    out += take(r"<%s>.*?</%s>" % (kind, kind))
sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
out += take(r"<dir>\d+</dir>")
take(r"<SnapshotDiffSection>.*?</SnapshotDiffSection>")  # what it means is what the dump of the snapshots shows
print("\n".join(sorted(out)))
print("\n".join(line for line in text.splitlines() if line.strip()))
