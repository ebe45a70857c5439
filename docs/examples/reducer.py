#!/usr/bin/env python3
"""Sums the numbers of equal words, which come one after the other: word<TAB>total."""
import sys

out = sys.stdout.buffer
word, total = None, 0
for line in sys.stdin.buffer:
    key, count = line.split(b"\t", 1)
    if key != word:
        if word is not None:
            out.write(b"%s\t%d\n" % (word, total))
        word, total = key, 0
    total += int(count)
if word is not None:
    out.write(b"%s\t%d\n" % (word, total))
