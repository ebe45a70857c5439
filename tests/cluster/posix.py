#!/usr/bin/env python3
"""What programs ask of a file system (tests/lib/posix_cases.py), of a mount and of a local directory: both say the same, but for
what tests/golden/posix_differ.txt lists with its reason. Root only: some cases are other users.
"""
import os, shutil, signal, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get("B", "build"))
sys.path.insert(0, ROOT + "/tests/lib")
from posix_cases import CASES  # noqa: E402


def known():
    """sentence: reason"""
    out = {}
    with open(ROOT + "/tests/golden/posix_differ.txt", encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, _, why = line.strip().partition(": ")
                out[name] = why
    return out


def said(case, d):
    os.mkdir(d)
    os.chmod(d, 0o755)
    try:
        return repr(case(d)).replace(d, "D")
    except Exception as e:  # what nobody expected is an answer, too
        return "%s: %s" % (type(e).__name__, str(e).replace(d, "D"))


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    if os.geteuid() or not os.path.exists("/dev/fuse"):
        print("SKIP calls of a file system: needs root and /dev/fuse")
        return 0
    tmp = tempfile.mkdtemp(prefix="ashlar-posix.")
    os.chmod(tmp, 0o755)
    mnt, local, cluster = tmp + "/mnt", tmp + "/local", tmp + "/cluster"
    failed, differ = 0, known()
    try:
        out = subprocess.run([ROOT + "/tools/cluster", "start", cluster, "--datanodes", "1", "--no-jobs"], check=True,
                             capture_output=True, text=True).stdout
        env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        os.mkdir(mnt)
        os.mkdir(local)
        subprocess.run([B + "/bin/dfs-fuse", "--config", env["HADOOP_CONF_DIR"], "-o", "allow_other", mnt], check=True)
        for case in CASES:
            name = case.__name__.replace("_", " ")
            if only not in name:
                continue
            want, got = said(case, local + "/" + case.__name__), said(case, mnt + "/" + case.__name__)
            if (got == want) == (name not in differ):
                print("PASS %s%s" % (name, " (differs: %s)" % differ[name] if name in differ else ""))
            elif got == want:
                failed += 1
                print("FAIL %s: it no longer differs; take it out of posix_differ.txt" % name)
            else:
                failed += 1
                print("FAIL %s: said %s, a local file system %s" % (name, got, want))
    finally:
        subprocess.run(["umount", "-l", mnt], stderr=subprocess.DEVNULL)
        subprocess.run([ROOT + "/tools/cluster", "stop", cluster], stdout=subprocess.DEVNULL)
        shutil.rmtree(tmp, ignore_errors=True)
    return 1 if failed else 0


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
sys.exit(main())
