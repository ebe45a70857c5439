#!/usr/bin/env python3
"""dfs against what Hadoop's FsShell 3.4.2 answered to the same command lines, as kept in tests/golden/fsshell.json.

`tests/compat/dfs_shell.py --save tests/golden/fsshell.json` asks a real Hadoop again (with replication 3).
"""
import json, os, shutil, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import shell_cases as S


def main():
    kept = json.load(open(S.ROOT + "/tests/golden/fsshell.json"))
    tmp = tempfile.mkdtemp(prefix="dfs-cli-")
    try:
        uri, conf = S.start_cluster(tmp + "/cluster")
        S.make_local(tmp + "/o")
        bad = 0
        for line, (name, out, err, rc) in zip(S.lines(), kept):
            if name != " ".join(line):
                print("FAIL the kept answers are to other lines: %s, %s" % (name, " ".join(line)))
                return 1
            got = S.run(S.fill(line, "/cmp-o", tmp + "/o", uri), conf)
            bad += S.compare(line, (out, err, rc), S.plain(got, "/cmp-o", tmp + "/o", uri))
        return 1 if bad or not kept else 0
    finally:
        S.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
