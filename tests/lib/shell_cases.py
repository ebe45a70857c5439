"""Command lines for the shell, and how to run and compare them; used by tests/cli and tests/compat."""
import os, re, shlex, shutil, subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DFS = os.path.join(ROOT, os.environ.get("B", "build"), "bin", "dfs")

# The lines are in tests/cli/fsshell, one file a subject; each begins with an empty @.
# @ is the directory in the store, % the local one, URI the store's address; \\@ and \\% are the signs themselves.
CASES = ROOT + "/tests/cli/fsshell"
GOLDEN = ROOT + "/tests/golden/fsshell"


def norm(text, base, local, uri):
    text = USAGE.sub("<usage of all commands>\n", text).replace(uri, "URI").replace(base, "@").replace(local, "%").replace(base[1:], "@")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "DATE", text)
    # the size of a local directory is its file system's affair
    text = re.sub(r"(?m)^(d[rwxtT-]{9}.*?)( +[1-9]\d*)(?= DATE )", lambda m: m.group(1) + "4096".rjust(len(m.group(2))), text)
    if "\n\tat " in text:  # where Java was
        text = re.sub(r"(?m)^(\tat .*|\t\.\.\. \d+ more|Caused by: .*|)\n", "", text)
    text = re.sub(r"\.+ done", "... done", text)
    text = re.sub(r"DFSClient_NONMAPREDUCE_-?\d+_\d+", "CLIENT", text)
    return text


def fill(words, base, local, uri):
    return [w.replace("URI", uri).replace("@", base).replace("%/", local + "/") if w != "%"
            else local for w in
            [re.sub(r"(^|//|<)%(?=$|/)", lambda m: m.group(1) + local, w) for w in words]]


def make_local(d, subject):
    os.makedirs(d + "/dir")
    open(d + "/f", "w").write("hello\n" * 5)
    open(d + "/g", "w").write("".join("line %d\n" % i for i in range(1000)))
    open(d + "/dir/a", "w").write("aaa\n")
    open(d + "/dir/b", "w").write("bbb\n")
    subprocess.run("echo zipped | gzip -n > %s/z.gz; echo more | gzip -n >> %s/z.gz" % (d, d), shell=True, check=True)
    for f in ("f", "g", "dir/a", "dir/b"):
        os.utime(d + "/" + f, (1600000000, 1600000000))
    if subject == "text":
        make_records(d)


def make_records(d):
    """The local files of the subject text: what Hadoop packed, and what only looks like that."""
    shutil.copytree(ROOT + "/tests/golden/records", d + "/more/records")
    for name, text in (("SEQ", "SEQ"), ("SEx", "SExyz\n"), ("Obj", "Obj"), ("Obx", "Obxyz\n"), ("one", "1")):
        open(d + "/more/" + name, "w").write(text)


USAGE = re.compile(r"Usage: hadoop fs \[generic options\]\n\t\[-appendToFile.*?\[commandOptions\]\n\n", re.S)


def subjects():
    return sorted(f[:-6] for f in os.listdir(CASES) if f.endswith(".cases"))


def lines(subject):
    with open("%s/%s.cases" % (CASES, subject), encoding="utf-8") as f:
        return [shlex.split(l) for l in f if l.strip()]


def run(words, conf, cwd=None):
    stdin = subprocess.DEVNULL
    if words[0].startswith("<"):
        stdin = open(words[0][1:])
        words = words[1:]
    r = subprocess.run([DFS, "--config", conf] + words, stdin=stdin, capture_output=True, cwd=cwd)
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
