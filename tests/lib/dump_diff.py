#!/usr/bin/env python3
"""dump_diff.py HADOOPS OURS -- two outputs of java/NamespaceDump.java: the lines in which they differ, but for what is known.

Known, and counted (docs/design/snapshots.md, "As Hadoop does it"):
  quota      what a quota counts of names that were moved out of a snapshot's sight, and of what was deleted below them
  closed     a snapshot's time of a file that was closed later: Hadoop itself shows another one once it has replayed that
  empty      a block that Hadoop lists for a file that is empty in a snapshot
  changed    a snapshot report's "M" of an inode whose only change is one to what it was before
  moved      a rename in Hadoop's report to where the later snapshot has nothing (that is looked up), a deletion in ours; and names
             below what is deleted
  reopened   an open file of Hadoop's whose path is not there: it was deleted, and is in a snapshot
Exit code 1 when lines are left.
"""
import collections
import re
import sys


def lines(path):
    return open(path, encoding="utf-8", errors="surrogateescape").read().splitlines()


hadoops, ours = (collections.Counter(lines(p)) for p in sys.argv[1:3])
only_h, only_o = list((hadoops - ours).elements()), list((ours - hadoops).elements())
known = collections.Counter()


def loose(line):
    """What is left of a line without what may differ, and why it may."""
    if is_astray(line):
        return "", "moved"
    was_open = re.match(r"^\*open (.*) \d+ \S+ \S+$", line)
    if was_open and was_open[1] not in paths:
        return "", "reopened"
    f = line.split("|")
    if re.match(r"^\*diff \S+ \S* ?M\t", line) or re.match(r"^\*diff .*? M\t", line):
        return "", "changed"
    if len(f) > 7 and f[2] == "d" and " used " in line:
        return re.sub(r" used \d+( \d+)?", "", line), "quota"
    if len(f) > 10 and f[2] == "f" and "/.snapshot/" in f[0]:
        if f[10] == "0" and f[-1] != "b closed":
            return "|".join(f[:6] + f[7:-1] + ["b closed"]), "closed"
        return "|".join(f[:6] + f[7:]), "closed"
    return line, ""


paths = {line.split("|")[0] for line in ours}
REPORTED = re.compile(r"^\*diff (\S+) (\S*?)\.\.(\S+) (\S)\t(.*)$")
astray = set()  # (root, before, after, path)
for line in only_h:
    m = REPORTED.match(line)
    if m and m[4] == "R":
        path, target = m[5].split(" -> ")
        if m[1] + "/.snapshot/" + m[3] + target[1:] not in paths:
            astray.add((m[1], m[2], m[3], path))
gone = {(m[1], m[2], m[3], m[5]) for m in map(REPORTED.match, ours) if m and m[4] == "-"}


def is_astray(line):
    """Is it about what went astray in Hadoop's report, or about something below that?"""
    m = REPORTED.match(line)
    path = m and m[5].split(" -> ")[0]
    if path and (m[1], m[2], m[3], path) in astray:
        return True
    while path:
        path = path.rpartition("/")[0]
        if (m[1], m[2], m[3], path) in astray or (m[1], m[2], m[3], path) in gone:
            return True
    return False


pairs = collections.defaultdict(list)
for line in only_o:
    pairs[loose(line)].append(line)
left = []
for line in only_h:
    key = loose(line)
    why = key[1]
    if why in ("changed", "moved", "reopened"):
        known[why] += 1
    elif why and pairs[key]:
        known["empty" if pairs[key].pop().split("|")[-1] != line.split("|")[-1] else why] += 1
    else:
        left.append("< " + line)
for (_, why), rest in pairs.items():
    for line in rest:
        if why in ("changed", "moved", "reopened"):
            known[why] += 1
        else:
            left.append("> " + line)
sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
print("    %d lines alike%s" % (sum((hadoops & ours).values()), "".join(", %d %s" % (n, w) for w, n in sorted(known.items()))))
print("\n".join(sorted(left, key=lambda l: (l[2:].split("|")[0], l))))
alike = sum((hadoops & ours).values())
if sum(known.values()) > max(20, alike // 50):
    sys.exit("too many of them are known to differ")
sys.exit(bool(left))
