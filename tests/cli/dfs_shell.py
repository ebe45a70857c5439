#!/usr/bin/env python3
"""dfs against what Hadoop's FsShell 3.4.2 answered to the same command lines, as kept in tests/golden/fsshell.

  tests/cli/dfs_shell.py [SUBJECT...]      the lines of tests/cli/fsshell/SUBJECT.cases, or all of them

`tests/compat/dfs_shell.py --save` asks a real Hadoop again (with replication 3).
"""
import json, os, shutil, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import shell_cases as S


def run(subject, tmp, uri, conf):
    """How many of a subject's lines are answered otherwise."""
    local = "%s/%s/o" % (tmp, subject)
    with open("%s/%s.json" % (S.GOLDEN, subject)) as f:
        kept = json.load(f)
    lines = S.lines(subject)
    if [k[0] for k in kept] != [" ".join(l) for l in lines]:
        print("FAIL the kept answers are to other lines than those of %s.cases" % subject)
        return 1
    S.make_local(local, subject)
    S.run(["-rm", "-r", "-f", "-skipTrash", "/cmp-o"], conf)
    bad = 0
    for line, (name, *want) in zip(lines, kept):
        got = S.run(S.fill(line, "/cmp-o", local, uri), conf, local)
        bad += S.compare(line, want, S.plain(got, "/cmp-o", local, uri))
    return bad


def main():
    tmp = tempfile.mkdtemp(prefix="dfs-cli-")
    try:
        uri, conf = S.start_cluster(tmp + "/cluster")
        return 1 if sum(run(subject, tmp, uri, conf) for subject in sys.argv[1:] or S.subjects()) else 0
    finally:
        S.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
