#!/usr/bin/env python3
"""namenode_memory.py [FILES] -- resident memory of a whole namenode for each file, everything counted.

A namenode starts on an image of FILES files (default ten million; names of 20 characters, one block, replication three), three
datanodes of twelve volumes register over RPC and report every block (tests/bench/fake_datanodes), and it leaves safe mode. Its
resident set, less that of a namenode that has just been formatted, divided by the files. Limit: 100 bytes. Then the files that a client sees
and the blocks in trouble are asked for, so that it is known that all reports have arrived.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import namenode_ops

B = namenode_ops.B
LIMIT_BYTES = 100
FIRST_BLOCK = 1073741825
NODES, VOLUMES = 3, 12


class Daemon:
    def __init__(self, name_dir, log):
        self.port, self.web = namenode_ops.free_port(), namenode_ops.free_port()
        self.args = [B + "/bin/namenode", "-D", "fs.defaultFS=hdfs://127.0.0.1:%d" % self.port,
                     "-D", "dfs.namenode.http-address=127.0.0.1:%d" % self.web, "-D", "dfs.namenode.name.dir=" + name_dir,
                     "-D", "dfs.namenode.safemode.extension=0"]
        self.log = open(log, "ab")

    def format(self):
        subprocess.run(self.args + ["-format", "-nonInteractive"], check=True, stdout=self.log, stderr=self.log)
        return self

    def start(self):
        self.process = subprocess.Popen(self.args, stdout=self.log, stderr=self.log)
        namenode_ops.wait_port(self.port, self.process)
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def resident(self):
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def metric(self, name):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.web) as f:
            for line in f.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        return None


def report_all(daemon, files):
    subprocess.run([B + "/tests/bench/fake_datanodes", "127.0.0.1:%d" % daemon.port, str(NODES), str(VOLUMES), "report",
                    str(FIRST_BLOCK), str(files)], check=True)
    for _ in range(3000):  # the last safe mode check comes within a second
        if not daemon.metric("namenode_safe_mode"):
            return
        time.sleep(0.1)
    sys.exit("still in safe mode")


def main():
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 10000000
    work = tempfile.mkdtemp(prefix="namenode_memory.")
    try:
        empty = Daemon(work + "/empty", work + "/log").format().start()
        base = empty.resident()
        empty.stop()
        subprocess.run([B + "/tests/bench/image_load", str(files), work + "/full", "keep"], check=True,
                       stdout=subprocess.DEVNULL)
        full = Daemon(work + "/full", work + "/log").start()
        try:
            loaded = full.resident()
            report_all(full, files)
            reported = full.resident()
            missing = full.metric("namenode_missing_blocks")
            low = full.metric("namenode_under_replicated_blocks")
        finally:
            full.stop()
        print("empty %.1f MB, loaded %.1f, all replicas reported %.1f; %s blocks missing, %s with too few replicas" %
              (base / 1e6, loaded / 1e6, reported / 1e6, missing, low))
        each = (reported - base) / files
        good = each <= LIMIT_BYTES and not missing and not low
        print("%s %.1f bytes of resident memory for each of %d files, limit %d" %
              ("PASS" if good else "FAIL", each, files, LIMIT_BYTES))
        return not good
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
