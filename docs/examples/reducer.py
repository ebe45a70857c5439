#!/usr/bin/env python3
"""Sums the numbers of equal words, which come one after the other: word<TAB>total."""
import sys

for stream in (sys.stdin, sys.stdout):
    stream.reconfigure(errors="surrogateescape")  # bytes that are no UTF-8 pass through

word, total = None, 0
for line in sys.stdin:
    key, count = line.rstrip("\n").split("\t", 1)
    if key != word:
        if word is not None:
            print(word, total, sep="\t")
        word, total = key, 0
    total += int(count)
if word is not None:
    print(word, total, sep="\t")
