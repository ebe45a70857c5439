#!/usr/bin/env python3
"""Hadoop's own FsShell over webhdfs://, against a real Hadoop and against ours: output, messages, exit codes.

The client is Hadoop's unmodified WebHdfsFileSystem; the two stores begin empty and get the same command lines.
"""
import os, re, shlex, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../lib")
import webhdfs_cases as W

LIB = os.environ.get("HADOOP_LIB", "")

# % is a directory of local files: f, of 30 bytes, and g, of 3 MiB.
LINES = """
-mkdir /d
-mkdir /d
-mkdir -p /d/e/f
-put %/f /d/f
-put %/f /d/f
-put -f %/g /d/g
-put %/f /nodir/f
<%/f -put - /d/stdin
-cat /d/f
-cat /d/none
-cat /d
-tail /d/g
-head /d/f
-text /d/f
-ls /
-ls /d
-ls -R /d
-ls /none
-ls -d /d
-stat "%F %n %r %u %g %a %b %o" /d/f /d
-test -e /d/f
-test -e /none
-test -d /d
-test -f /d
-test -z /d/f
-appendToFile %/f /d/f
-cat /d/f
-appendToFile %/f /d/new
-get /d/g %/back
-get /d/g %/back
-checksum /d/f
-checksum /d/none
-cp /d/f /d/copy
-cp /d/f /d/copy
-cp -f /d/f /d/copy
-mv /d/copy /d/e
-mv /d/none /d/x
-mv /d/e/copy /d/f
-chmod 640 /d/f
-chmod -R u+x,o= /d/e
-chown alice:staff /d/f
-chgrp users /d/f
-setrep 2 /d/f
-touchz /d/empty
-touch -m -t 20240102:030405 /d/empty
-stat %y /d/empty
-count /d
-count -q /d
-count -u /d
-du /d
-du -s /d
-df /
-find /d -name "f*"
-getfacl /d/f
-setfacl -m user:bob:rw- /d/f
-getfacl /d/f
-ls /d/f
-setfacl -m default:user:bob:r-x /d/e
-getfacl /d/e
-setfacl -x user:bob /d/f
-setfacl -b /d/f
-setfacl -m user:bob:rwx /none
-getfacl /d/f
-setfattr -n user.a -v text /d/f
-setfattr -n user.b -v 0x0102 /d/f
-setfattr -n bad -v 1 /d/f
-getfattr -d /d/f
-getfattr -n user.a -e hex /d/f
-getfattr -n user.none /d/f
-setfattr -x user.a /d/f
-setfattr -x user.a /d/f
-truncate 10 /d/new
-concat /d/f /d/new
-getmerge /d/e %/merged
-rmdir /d
-rmdir /d/e/f
-rm /d/none
-rm /d
-rm /d/g
-rm -r -skipTrash /d/e
-mkdir "/d/sp ace+plus%25"
-put %/f "/d/sp ace+plus%25/a;b?c#d"
-ls "/d/sp ace+plus%25"
-cat "/d/sp ace+plus%25/*"
-rm -r /d
-ls /
"""


def make_local(d):
    os.mkdir(d)
    open(d + "/f", "w").write("thirty bytes of local contents\n"[:30])
    open(d + "/g", "wb").write(bytes(range(256)) * 12288)


def plain(text, local):
    text = text.replace(local, "%")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", text)
    text = re.sub(r"webhdfs://[0-9.]+:\d+", "URI", text)
    text = re.sub(r"(?m)^(URI|Filesystem).*", "ROOM", text) if "Filesystem" in text else text
    text = re.sub(r"\b(localhost|127\.0\.0\.\d+)(:\d+)?", "HOST", text)
    return re.sub(r"DFSClient_\S+|_\d{10,}\b", "CLIENT", text)


def run(web, tmp):
    """Every line's output, errors and exit code."""
    local, conf, out = tmp + "/local", tmp + "/conf", tmp + "/out"
    make_local(local)
    os.mkdir(out)
    os.mkdir(conf)
    open(conf + "/core-site.xml", "w").write(
        "<configuration><property><name>fs.defaultFS</name><value>webhdfs://%s</value></property></configuration>" % web)
    open(conf + "/hdfs-site.xml", "w").write(
        "<configuration><property><name>dfs.replication</name><value>1</value></property></configuration>")
    open(conf + "/log4j.properties", "w").write("log4j.rootLogger=OFF\n")
    lines = [shlex.split(l.replace("%/", local + "/")) for l in LINES.strip().split("\n")]
    open(tmp + "/cases", "w").write("\n".join("\t".join(l) for l in lines) + "\n")
    subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", conf + ":" + LIB + "/*",
                    HERE + "/FsShellDriver.java", tmp + "/cases", out], check=True, stdout=subprocess.DEVNULL)

    def read(i, kind):
        return plain(open("%s/%d.%s" % (out, i, kind), errors="replace").read(), local)
    answers = [(read(i, "out"), read(i, "err"), read(i, "rc")) for i in range(len(lines))]
    same = os.path.exists(local + "/back") and open(local + "/g", "rb").read() == open(local + "/back", "rb").read()
    return answers, same


def main():
    if not os.path.isdir(LIB) or not os.path.exists(W.PEERS + "/hadoop-cluster"):
        print("SKIP webhdfs_fsshell: no Hadoop (HADOOP_LIB, ASHLAR_SHARED)")
        return 0
    tmp = tempfile.mkdtemp(prefix="webhdfs-fsshell-")
    bad = 0
    try:
        for side in ("hadoop", "ours"):
            os.mkdir(tmp + "/" + side)
        want, _ = run(W.start_hadoop(tmp + "/peer").web, tmp + "/hadoop")
        W.stop_hadoop(tmp + "/peer")
        got, same = run(W.start_cluster(tmp + "/cluster").web, tmp + "/ours")
        for line, w, g in zip(LINES.strip().split("\n"), want, got):
            bad += w != g
            print("PASS " + line if w == g else "FAIL %s\n  Hadoop: %.500r\n  ours:   %.500r" % (line, w, g))
        bad += not same
        print("PASS" if same else "FAIL", "3 MiB come back over webhdfs://")
    finally:
        W.stop_hadoop(tmp + "/peer")
        W.stop_cluster(tmp + "/cluster")
        shutil.rmtree(tmp, ignore_errors=True)
    return 1 if bad else 0


sys.exit(main())
