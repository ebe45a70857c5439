"""yarn.py -- a real Hadoop with YARN on this machine, for measurements: one datanode, one NodeManager.

`with Yarn(DIR, "-D", "dfs.blocksize=…") as y: seconds, cpu, text = y.run(CLASS, WORDS…)`. It is $ASHLAR_SHARED's peers/hadoop-cluster with the jars of
$HADOOP_LIB, on ports from the start of $ASHLAR_PORTS. Tasks are Hadoop's defaults: 1 GiB for each, as many side by side as 4 cores and 6 GiB take.
"""
import glob, os, subprocess, sys, time


def there():
    return "HADOOP_LIB" in os.environ and "ASHLAR_SHARED" in os.environ


class Yarn:
    def __init__(self, directory, *options):
        self.dir, self.options = directory, options
        self.program = os.environ["ASHLAR_SHARED"] + "/peers/hadoop-cluster"
        self.env = dict(os.environ, HADOOP_CONF_DIR=directory + "/conf")

    def call(self, *words):
        r = subprocess.run([self.program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env)
        if r.returncode:
            sys.exit("Hadoop: %s: %s" % (" ".join(words), r.stdout[-3000:]))
        return r.stdout

    def __enter__(self):
        port = os.environ.get("ASHLAR_PORTS", "22000-").split("-")[0]
        try:
            self.call("start", self.dir, "--datanodes", "1", "--yarn", "--port", port, "-D", "dfs.datanode.hostname=localhost", *self.options)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run([self.program, "stop", self.dir], capture_output=True, env=self.env)

    def cpu(self):
        """Seconds of its daemons and of all that they started and has ended."""
        total = 0
        for f in glob.glob(self.dir + "/*.pid"):
            try:
                fields = open("/proc/%s/stat" % open(f).read().strip()).read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += sum(int(x) for x in fields[11:15])
        return total / os.sysconf("SC_CLK_TCK")

    def run(self, main, *words):
        """Wall seconds, CPU seconds of daemons and tasks and client, and what was printed."""
        own = os.times()
        before, t = self.cpu(), time.monotonic()
        text = self.call("exec", self.dir, main, *words)
        t, client = time.monotonic() - t, os.times()
        time.sleep(3)  # containers end a little after the client
        return t, self.cpu() - before + client[2] + client[3] - own[2] - own[3], text

    def shell(self, *words):
        return self.call("exec", self.dir, "org.apache.hadoop.fs.FsShell", *words)
