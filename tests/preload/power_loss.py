#!/usr/bin/env python3
"""power_loss.py DIR ROOT [SEED]: does to the files below ROOT what a power cut would do: of what was not synced, by
the notes of faulty.c in DIR/undo.*, some is kept, some is torn, the rest is as it was before. The daemons must have
ended (kill -9). Prints what was undone."""
import collections, os, random, sys


def parse(path):
    data = open(path, "rb").read()
    at, out = 0, []
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            break
        words = data[at:end].decode().split(" ")
        at = end + 1
        if words[0] in "WT":
            n = int(words[4])
            out.append((words[0], int(words[1]), int(words[2]), int(words[3]), data[at:at + n]))
            at += n
        elif words[0] == "S":
            out.append(("S", int(words[1])))
        else:
            out.append(tuple(words))
    return out


def pending(entries):
    """What was not made durable: writes by inode, and changes of names in their order."""
    writes, names = collections.defaultdict(list), []
    for e in entries:
        if e[0] in "WT":
            writes[e[1]].append(e)
        elif e[0] == "S":
            writes.pop(e[1], None)
        elif e[0] == "Y":
            names = [x for x in names if all(os.path.dirname(p) != e[1] for p in touched(x))]
        else:
            names.append(e)
    return writes, names


def touched(e):
    return (e[1], e[3]) if e[0] == "R" else (e[1],)


def undo_writes(path, list_, rng):
    """Keeps the first few, tears the next, undoes the rest."""
    keep = rng.choice([0, len(list_), rng.randint(0, len(list_))])
    undone = 0
    with open(path, "r+b") as f:
        for i in range(len(list_) - 1, keep - 1, -1):
            _, _, at, size, old = list_[i]
            tear = len(old) // 2 if i == keep and rng.random() < 0.5 else 0
            f.seek(at + tear)
            f.write(old[tear:])
            if tear == 0 or list_[i][0] == "T":
                f.truncate(size)
            undone += 1
    return undone


def undo_name(e):
    try:
        if e[0] == "C" and os.path.lexists(e[1]):
            os.unlink(e[1])
        elif e[0] == "U" and e[2] != "-" and not os.path.lexists(e[1]):
            os.link(e[2], e[1])
        elif e[0] == "R" and os.path.lexists(e[3]):
            os.rename(e[3], e[1])
            if e[2] != "-":
                os.link(e[2], e[3])
        elif e[0] == "M":
            os.rmdir(e[1])
    except OSError:
        return 0  # it had not been done yet
    return 1


def main():
    where, root, rng = sys.argv[1], os.path.abspath(sys.argv[2]), random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    undone = named = 0
    by_inode = {}
    for top, _, files in os.walk(root):
        for name in files:
            by_inode[os.lstat(os.path.join(top, name)).st_ino] = os.path.join(top, name)
    for name in sorted(os.listdir(where)):
        if not name.startswith("undo."):
            continue
        path = os.path.join(where, name)
        writes, names = pending(parse(path))
        for inode, list_ in sorted(writes.items()):
            if inode in by_inode:
                undone += undo_writes(by_inode[inode], list_, rng)
        for e in reversed(names[rng.randint(0, len(names)):]):  # a file system keeps them in order
            named += undo_name(e)
        os.truncate(path, 0)
    for name in os.listdir(where):
        if name.startswith("saved."):
            os.unlink(os.path.join(where, name))
    print("%d writes and %d changes of names undone" % (undone, named))


if __name__ == "__main__":
    main()
