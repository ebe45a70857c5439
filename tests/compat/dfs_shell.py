#!/usr/bin/env python3
"""The same command lines through Hadoop's FsShell and through dfs: output, messages, exit codes.

Both work on one cluster, each in a directory of its own (/cmp-j and /cmp-o) and with local files of
its own; then standard output, standard error and exit code are compared, times blanked out.

  tests/compat/dfs_shell.py                              starts a cluster by tools/cluster
  FS_URI=hdfs://... CONF=DIR tests/compat/dfs_shell.py   uses that one
  tests/compat/dfs_shell.py --save [SUBJECT...]          only runs FsShell, and keeps its answers in tests/golden/fsshell
"""
import json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import shell_cases as S

LIB = os.environ.get("HADOOP_LIB", "")


def run_java(lines, out, conf, cwd):
    open(out + "/cases", "w").write("\n".join("\t".join(l) for l in lines) + "\n")
    r = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8",
                        "-cp", conf + ":" + LIB + "/*", HERE + "/FsShellDriver.java", out + "/cases", out],
                       cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit("FAIL Hadoop's shell did not run: " + r.stderr[-500:])

    def read(i, kind):
        return open("%s/%d.%s" % (out, i, kind), errors="replace", newline="").read()
    return [(read(i, "out"), read(i, "err"), int(read(i, "rc"))) for i in range(len(lines))]


def ask(subject, tmp, uri, conf, jconf):
    """The lines of a subject through both, or with --save through FsShell alone; how many differ."""
    save = len(sys.argv) > 1 and sys.argv[1] == "--save"
    work = tmp + "/" + subject
    for d in ("j", "o"):
        S.make_local(work + "/" + d, subject)
    os.mkdir(work + "/out")
    lines = S.lines(subject)
    S.run(["-rm", "-r", "-f", "-skipTrash", "/cmp-j", "/cmp-o"], conf)
    answers = run_java([S.fill(l, "/cmp-j", work + "/j", uri) for l in lines], work + "/out", jconf, work + "/j")
    answers = [S.plain(x, "/cmp-j", work + "/j", uri) for x in answers]
    if save:
        rows = [json.dumps([" ".join(l)] + a, ensure_ascii=False) for l, a in zip(lines, answers)]
        with open("%s/%s.json" % (S.GOLDEN, subject), "w") as f:
            f.write("[\n" + ",\n".join(rows) + "\n]\n")
        return 0
    bad = 0
    for line, want in zip(lines, answers):
        got = S.run(S.fill(line, "/cmp-o", work + "/o", uri), conf, work + "/o")
        bad += S.compare(line, want, S.plain(got, "/cmp-o", work + "/o", uri))
    return bad


def main():
    if not LIB or not os.path.isdir(LIB):
        print("SKIP dfs_shell: no Hadoop to compare with (HADOOP_LIB)")
        return 0
    tmp = tempfile.mkdtemp(prefix="dfs-shell-")
    cluster = None
    try:
        uri, conf = os.environ.get("FS_URI"), os.environ.get("CONF")
        if not uri:
            cluster = tmp + "/cluster"
            uri, conf = S.start_cluster(cluster)
        jconf = tmp + "/conf"
        shutil.copytree(conf, jconf)
        open(jconf + "/log4j.properties", "w").write("log4j.rootLogger=OFF\n")
        bad = 0
        for subject in sys.argv[2:] or S.subjects():
            bad += ask(subject, tmp, uri, conf, jconf)
        return 1 if bad else 0
    finally:
        if cluster:
            S.stop_cluster(cluster)
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
