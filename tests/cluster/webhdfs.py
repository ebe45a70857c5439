#!/usr/bin/env python3
"""WebHDFS against what Hadoop 3.4.2 answered to the same requests, as kept in tests/golden/webhdfs.json.

`tests/compat/webhdfs.py --save tests/golden/webhdfs.json` asks a real Hadoop again.
"""
import json, os, shutil, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import webhdfs_cases as W


def main():
    kept = json.load(open(W.ROOT + "/tests/golden/webhdfs.json"))
    tmp = tempfile.mkdtemp(prefix="webhdfs-")
    try:
        store = W.start_cluster(tmp + "/cluster")
        answers = list(W.run(store))
        if [line for line, _ in answers] != [line for line, _ in kept]:
            print("FAIL the kept answers are to other requests")
            return 1
        missing = W.missing_features(answers)
        bad = sum(W.compare(line, want, got, missing) for (line, got), (_, want) in zip(answers, kept))
        return 1 if bad or not kept else 0
    finally:
        W.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
