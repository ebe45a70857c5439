#!/usr/bin/env python3
"""The same requests to a real Hadoop's WebHDFS and to ours: status, headers, JSON.

  tests/compat/webhdfs.py                starts both, and compares their answers
  tests/compat/webhdfs.py --save FILE    only asks Hadoop, and keeps its answers
"""
import json, os, shutil, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import webhdfs_cases as W

def main():
    if not os.path.isdir(os.environ.get("HADOOP_LIB", "")) or not os.path.exists(W.PEERS + "/hadoop-cluster"):
        print("SKIP webhdfs: no Hadoop to compare with (HADOOP_LIB, ASHLAR_SHARED)")
        return 0
    tmp = tempfile.mkdtemp(prefix="webhdfs-")
    try:
        answers = list(W.run(W.start_hadoop(tmp + "/peer")))
        W.stop_hadoop(tmp + "/peer")
        if len(sys.argv) == 3 and sys.argv[1] == "--save":
            rows = [json.dumps([line, a], ensure_ascii=False) for line, a in answers]
            open(sys.argv[2], "w").write("[\n" + ",\n".join(rows) + "\n]\n")
            return 0
        store = W.start_cluster(tmp + "/cluster")
        ours = list(W.run(store))
        missing = W.missing_features(ours)
        bad = sum(W.compare(line, want, got, missing) for (line, want), (_, got) in zip(answers, ours))
        return 1 if bad else 0
    finally:
        W.stop_hadoop(tmp + "/peer")
        W.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
