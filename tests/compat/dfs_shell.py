#!/usr/bin/env python3
"""The same command lines through Hadoop's FsShell and through dfs: output, messages, exit codes.

Both work on one cluster, each in a directory of its own (/cmp-j and /cmp-o) and with local files of
its own; then standard output, standard error and exit code are compared, times blanked out.

  tests/compat/dfs_shell.py            starts a cluster by tools/cluster
  FS_URI=hdfs://... CONF=DIR tests/compat/dfs_shell.py   uses that one
"""
import os, re, shlex, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
DFS = os.path.join(B, "bin", "dfs")
LIB = os.environ.get("HADOOP_LIB", "")
HERE = os.path.dirname(os.path.abspath(__file__))

# @ is the directory in the store, % the local one, URI the store's address.
# A line that begins with ! compares the exit code and whether there was output on stderr only.
CASES = """
-mkdir @
-mkdir @/a/b/c
-mkdir @
-mkdir -p @/d1/d2
-put %/nope @/x
-put %/f @/f1
-put %/g %/f @/d1
-put %/g %/f @/d1
-put %/f @/f1
-put -f %/g @/f1
-put -f %/f @/f1
-put %/g %/f @/nodir
-put %/f @/nodir/x
-put %/f @/newdir/
-put -p %/f @/kept
-stat "%y %x %a" @/kept
-put -d %/f @/direct
-put -l %/f @/lazy
<%/f -put - @/stdin
<%/f -put - @/d1
-cat @/stdin
-touchz @/empty
-touchz @/f1
-touchz @/d1
-touchz @/nodir/x
-count @
-count -q @
-count -q -h -v @
-count -u -v @ /nope
-count -h -v @
-count -t -v @
-count -q -t SSD,DISK -v @
-count -e @
-count -e -v @ @/f1
-count -x -v @
-df @/nope
-du @
-du -s -h @
-du -v @
-du -h @ /nope
-du -s @/f1
-du -x @ @/d1
-stat "%b %F %g %n %o %r %u %a %A %%" @/f1 @
-stat "%b %F %g %n %o %r %u %a %A" /nope
-stat "%q x" @
-stat @
-help nope
-usage ls nope
-usage ls
-usage
-ls
-ls -h @
-ls -R @
-ls -C @
-ls -C -R @
-ls -d @
-ls -r @
-ls -S @/d1
-ls -S -r -h @/d1
-ls -t @/kept
-ls -u @/f1
-ls -e @
-ls -d @/*
-ls @/*
-ls @/z*
-ls @/
-ls @/../@
-ls @/[df]1
-ls -d @/{d1,nope,f1}
-ls -d @/{d,f}1
-ls -d @/?1
-ls -d @/[^f]*
-ls -d @/[a-e]*
-ls URI@
-ls hdfs://@
-ls URI@/d*
-ls file://%
-ls nofile://x/
-ls @/f1 @/nope @/d1
-ls -z /
ls-foo
-foo
-cat @
-cat @/f1
-cat /nope
-cat @/empty /nope @/f1
-cat @/d*
-cat file://%/f
-text @
-text /nope
-text @/empty @/f1
-put %/z.gz @/z.gz
-text @/z.gz
-text @/z*
-head @
-head /nope
-head @/d1/g
-tail @/d1/g
-tail @
-tail /nope
-tail @ @
-checksum @/f1 @/d1/g @/empty
-checksum -v @/f1
-checksum @ /nope
-rm @
-rm /nope
-rm -f /nope @/nope*
-rm @/nope*
-rm -r /nope @/d1/g
-rm -f @/direct @/lazy
-rmdir @
-rmdir /nope
-rmdir @/empty
-rmdir --ignore-fail-on-non-empty @
-mkdir @/e1 @/e2
-rmdir @/e1 @/e2
-mv /nope @
-mv @/f1 @/nodir/x
-mv @/f1 @/empty
-mv @/f1 @/d1
-mv @/f1 @/d1/d2
-ls -R @
-mv @/d1/d2/f1 @
-mv @/f1 @/empty /nope
-mv @/d1 @/d1/d2
-mv @/f1 @/f1
-mv @/d1 @/f1
-cp @/f1 @/f2
-cp @/f1 @/f2
-cp -f @/f1 @/f2
-cp @/d1 @/d3
-cp @/d1 @/d3
-cp @/d1 @/d1/d2
-cp /nope @
-cp @/f1 @/nodir/x
-cp -p @/f1 @/fp
-cp @/f1 @/f1
-cp @/f1 @/f2 @/f3
-cp @/f1 @/kept @/d3
-ls -R -C @
-touch @/new
-touch -c @/new2
-touch -t 20200101:101010 @/new
-stat "%y %x" @/new
-touch -t 2020 @/new
-touch -a -t 20210101:101010 @/new
-stat "%y %x" @/new
-touch @/nodir/x
-chmod 640 @/f1
-chmod 999 @/f1
-chmod 1777 @/d1
-chmod u+x,g-r @/f1 /nope
-chmod a=rX @/f2
-chmod +w @/f2
-chmod u= @/f2
-ls @
-chmod -R a+rX @
-chmod -R o-t @
-ls -R @
-chown alice @/f1
-chown alice:bob @/f1
-chown :users @/f1 /nope
-chown a?b @/f1
-chown : @/f1
-chgrp g1 @/f1
-chgrp -R g2 @
-chgrp a:b @
-ls -R @
-setrep 1 @/f1
-setrep 0 @/f1
-setrep x @/f1
-setrep 1 /nope
-setrep -R 1 @
-setrep 2 @
-test -e @
-test -e /nope
-test -d @
-test -d @/f1
-test -f @
-test -f @/f1
-test -z @/empty
-test -z @/f1
-test -s @/f1
-test -s @/empty
-test -r @/f1
-test -w @/f1
-test @
-test -e -d @
-test -e
-test -q @
-find @
-find @ -name f*
-find @ -iname F* -print
-find @ -name f* -a -name *2
-find @ @/d1 -name d*
-find @ -print0
-find /nope
-find @ -foo
-getmerge @/d3 %/merged
-cat file://%/merged
-getmerge -nl @/f1 @/empty %/merged
-cat file://%/merged
-getmerge -nl -skip-empty-file @/f1 @/empty %/merged
-cat file://%/merged
-getmerge /nope %/merged
-getmerge @/f1 %
-get @/f1 %/g1
-get @/f1 %/g1
-get -f @/kept %/g1
-cat file://%/g1
-get /nope %/g2
-get @/d1 %/gd
-get @/d1 %/gd
-get @/f1 %/nodir/x
-get @/f1 @/d1 %/nodir
-get @/f* %/gd
-ls -R -C file://%/gd
-copyToLocal @/f1 %/ctl
-moveToLocal @/f1 %/x
-copyFromLocal %/f @/cfl
-copyFromLocal -f %/f @/cfl
-moveFromLocal %/g1 @/mfl
-moveFromLocal %/g1 @/mfl
-appendToFile %/f @/mfl
-appendToFile %/f %/g @/mfl
-appendToFile %/nope @/mfl
-appendToFile %/f @/made
-cat @/made
<%/f -appendToFile - @/made
-cat @/made
-appendToFile %/f @/d1
-appendToFile %/dir @/mfl
-tail @/mfl
-truncate 100 @/nope
-truncate x @/mfl
-truncate 10 @
-truncate 10000000 @/mfl
-concat @/f1 @/f2
-concat @/f1
-put %/dir @/loc
-put %/dir @/loc
-ls -R @/loc
-put %/dir/ @/loc2/
-cat @/loc/a @/loc/b
-mkdir @/loc/a/x
-mkdir -p @/loc/a/x
-mkdir @/loc/a
-mkdir -p @/loc/a
-put %/f @/loc/a/x
-ls @/loc/a/x
-cat @/loc/a/
-rmdir @/loc/a
-mkdir "@/sp ace" @/per%cent "@/uml\u00e4ut"
-put %/f "@/sp ace/f i"
-ls -R "@/sp ace" @/per%cent
-ls "@/sp ace/f i"
-ls -R "@/s* *"
-ls -q @
-cp file://%/f @/fromlocal
-cp @/fromlocal file://%/tolocal
-mv file://%/tolocal @/x
-dus @
-lsr @/loc
-rmr @/loc2
-rmr @/loc
-ls -R
-mkdir
-mkdir -p
-cat
-put
-get
-mv /a
-rm
-rm -r
-setrep
-tail
-chmod 644
-chown
-touchz
-stat
-du -z @
-df -x
-count
-cp /a
-rm -R @/d3
-rm -r -skipTrash @/d1 @/f2
-rm -r -f @/nope @/empty
-rm -r @/fp*
-rm -r /
-rm -r @/*
-ls @
-expunge
-rm -r -f @
"""


def norm(text, base, local):
    text = text.replace(base, "@").replace(local, "%").replace(base[1:], "@")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "DATE", text)
    text = re.sub(r"DFSClient_NONMAPREDUCE_-?\d+_\d+", "CLIENT", text)
    return text


def fill(words, base, local, uri):
    return [w.replace("URI", uri).replace("@", base).replace("%/", local + "/") if w != "%"
            else local for w in
            [re.sub(r"(^|//|<)%(?=$|/)", lambda m: m.group(1) + local, w) for w in words]]


def make_local(d):
    os.makedirs(d + "/dir")
    open(d + "/f", "w").write("hello\n" * 5)
    open(d + "/g", "w").write("".join("line %d\n" % i for i in range(1000)))
    open(d + "/dir/a", "w").write("aaa\n")
    open(d + "/dir/b", "w").write("bbb\n")
    subprocess.run("echo zipped | gzip -n > %s/z.gz; echo more | gzip -n >> %s/z.gz" % (d, d), shell=True, check=True)
    for f in ("f", "g", "dir/a", "dir/b"):
        os.utime(d + "/" + f, (1600000000, 1600000000))


def run_java(lines, out, conf):
    open(out + "/cases", "w").write("\n".join("\t".join(l) for l in lines) + "\n")
    r = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", conf + ":" + LIB + "/*",
                        HERE + "/FsShellDriver.java", out + "/cases", out],
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit("FAIL Hadoop's shell did not run: " + r.stderr[-500:])

    def read(i, kind):
        return open("%s/%d.%s" % (out, i, kind), errors="replace", newline="").read()
    return [(read(i, "out"), read(i, "err"), int(read(i, "rc"))) for i in range(len(lines))]


def run_ours(words, conf):
    stdin = subprocess.DEVNULL
    if words[0].startswith("<"):
        stdin = open(words[0][1:])
        words = words[1:]
    r = subprocess.run([DFS, "--config", conf] + words, stdin=stdin, capture_output=True)
    return r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace"), r.returncode


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
            out = subprocess.run([ROOT + "/tools/cluster", "start", cluster, "--datanodes", "3", "--no-jobs"],
                                 check=True, capture_output=True, text=True).stdout
            env = dict(l.split("=", 1) for l in out.splitlines() if "=" in l and not l.startswith("PID"))
            uri, conf = (env[k].strip("'\"") for k in ("FS_URI", "HADOOP_CONF_DIR"))
        jconf = tmp + "/conf"
        shutil.copytree(conf, jconf)
        open(jconf + "/log4j.properties", "w").write("log4j.rootLogger=OFF\n")
        lines = [shlex.split(l.encode().decode("unicode_escape").encode("latin1").decode("latin1"))
                 for l in CASES.strip().split("\n")]
        for d in ("j", "o"):
            make_local(tmp + "/" + d)
        os.mkdir(tmp + "/out")
        java = run_java([fill(l, "/cmp-j", tmp + "/j", uri) for l in lines], tmp + "/out", jconf)
        bad = 0
        for line, want in zip(lines, java):
            name = " ".join(line)
            got = run_ours(fill(line, "/cmp-o", tmp + "/o", uri), conf)
            want = (norm(want[0], "/cmp-j", tmp + "/j"), norm(want[1], "/cmp-j", tmp + "/j"), want[2])
            got = (norm(got[0], "/cmp-o", tmp + "/o"), norm(got[1], "/cmp-o", tmp + "/o"), got[2])
            if want == got:
                print("PASS " + name)
                continue
            bad += 1
            print("FAIL %s: differs from Hadoop" % name)
            for what, w, g in zip(("stdout", "stderr", "exit"), want, got):
                if w != g:
                    print("  %s Hadoop: %.600r\n  %s ours:   %.600r" % (what, w, " " * len(what), g))
        return 1 if bad else 0
    finally:
        if cluster:
            subprocess.run([ROOT + "/tools/cluster", "stop", cluster], capture_output=True)
        shutil.rmtree(tmp, ignore_errors=True)


sys.exit(main())
