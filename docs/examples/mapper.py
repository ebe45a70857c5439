#!/usr/bin/env python3
"""Prints each word of its input with a one behind it: word<TAB>1."""
import sys

for stream in (sys.stdin, sys.stdout):
    stream.reconfigure(errors="surrogateescape")  # bytes that are no UTF-8 pass through

for line in sys.stdin:
    for word in line.split():
        print(word, 1, sep="\t")
