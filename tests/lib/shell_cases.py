"""Command lines for the shell, and how to run and compare them; used by tests/cli and tests/compat."""
import os, re, shlex, subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DFS = os.path.join(ROOT, os.environ.get("B", "build"), "bin", "dfs")

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


def norm(text, base, local, uri):
    text = USAGE.sub("<usage of all commands>\n", text).replace(uri, "URI").replace(base, "@").replace(local, "%").replace(base[1:], "@")
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


USAGE = re.compile(r"Usage: hadoop fs \[generic options\]\n\t\[-appendToFile.*?\[commandOptions\]\n\n", re.S)


def lines():
    return [shlex.split(l.replace("\\u00e4", "\u00e4")) for l in CASES.strip().split("\n")]


def run(words, conf):
    stdin = subprocess.DEVNULL
    if words[0].startswith("<"):
        stdin = open(words[0][1:])
        words = words[1:]
    r = subprocess.run([DFS, "--config", conf] + words, stdin=stdin, capture_output=True)
    return r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace"), r.returncode


def plain(answer, base, local, uri):
    """What two runs have in common: without times, names of clients, directories and addresses."""
    out, err, rc = answer
    return [norm(out, base, local, uri), norm(err, base, local, uri), rc]


def compare(words, want, got):
    """Prints PASS or FAIL; returns whether they differ."""
    name = " ".join(words)
    if list(want) == list(got):
        print("PASS " + name)
        return False
    print("FAIL %s: differs from Hadoop" % name)
    for what, w, g in zip(("stdout", "stderr", "exit"), want, got):
        if w != g:
            print("  %s Hadoop: %.600r\n  %s ours:   %.600r" % (what, w, " " * len(what), g))
    return True


def start_cluster(directory):
    """A cluster of tools/cluster; its address and its configuration directory."""
    out = subprocess.run([ROOT + "/tools/cluster", "start", directory, "--datanodes", "3", "--no-jobs"],
                         check=True, capture_output=True, text=True).stdout
    env = dict(l.split("=", 1) for l in out.splitlines() if "=" in l)
    return env["FS_URI"], env["HADOOP_CONF_DIR"]


def stop_cluster(directory):
    subprocess.run([ROOT + "/tools/cluster", "stop", directory], capture_output=True)
