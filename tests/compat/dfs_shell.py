#!/usr/bin/env python3
"""The same command lines through Hadoop's FsShell and through dfs: output, messages, exit codes.

Both work on one cluster, each in a directory of its own (/cmp-j and /cmp-o) and with local files of
its own; then standard output, standard error and exit code are compared, times blanked out.

  tests/compat/dfs_shell.py                              starts a cluster by tools/cluster
  FS_URI=hdfs://... CONF=DIR tests/compat/dfs_shell.py   uses that one
  tests/compat/dfs_shell.py --save FILE                  only runs FsShell, and keeps its answers
"""
import json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import shell_cases as S

LIB = os.environ.get("HADOOP_LIB", "")


def run_java(lines, out, conf):
    open(out + "/cases", "w").write("\n".join("\t".join(l) for l in lines) + "\n")
    r = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8",
                        "-cp", conf + ":" + LIB + "/*", HERE + "/FsShellDriver.java", out + "/cases", out],
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit("FAIL Hadoop's shell did not run: " + r.stderr[-500:])

    def read(i, kind):
        return open("%s/%d.%s" % (out, i, kind), errors="replace", newline="").read()
    return [(read(i, "out"), read(i, "err"), int(read(i, "rc"))) for i in range(len(lines))]


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
        lines = S.lines()
        if cluster:
            # Hadoop's client sends such a file without checksums and leaves them to the datanode.
            lines = [l for l in lines if l[:2] != ["-put", "-l"]]
            print("SKIP -put -l: the datanode does not take packets without checksums yet")
        for d in ("j", "o"):
            S.make_local(tmp + "/" + d)
        os.mkdir(tmp + "/out")
        answers = run_java([S.fill(l, "/cmp-j", tmp + "/j", uri) for l in lines], tmp + "/out", jconf)
        answers = [S.plain(x, "/cmp-j", tmp + "/j", uri) for x in answers]
        if len(sys.argv) == 3 and sys.argv[1] == "--save":
            rows = [json.dumps([" ".join(l)] + a, ensure_ascii=False) for l, a in zip(lines, answers)]
            open(sys.argv[2], "w").write("[\n" + ",\n".join(rows) + "\n]\n")
            return 0
        bad = 0
        for line, want in zip(lines, answers):
            got = S.run(S.fill(line, "/cmp-o", tmp + "/o", uri), conf)
            bad += S.compare(line, want, S.plain(got, "/cmp-o", tmp + "/o", uri))
        return 1 if bad else 0
    finally:
        if cluster:
            S.stop_cluster(cluster)
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
