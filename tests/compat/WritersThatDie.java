// WritersThatDie CLUSTER URI [NAME] -- Hadoop's own client writes while datanodes, and writers, are killed: by
// `tools/cluster kill CLUSTER datanodeN`, at moments that the pipeline itself shows. One PASS or FAIL line for each
// promise; NAME runs only the promises whose words hold it.
//   WritersThatDie write URI PATH N    a child: writes N bytes, flushes, says so, and then never ends by itself
import java.io.*;
import java.lang.reflect.Field;
import java.net.URI;
import java.util.*;
import java.util.concurrent.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream;
import org.apache.hadoop.hdfs.protocol.*;

public class WritersThatDie {
  static String cluster, uri, only = "";
  static final String POLICY = "dfs.client.block.write.replace-datanode-on-failure.policy";
  static Set<Integer> dead = new TreeSet<>();
  static int failures;

  interface Promise { void keep() throws Exception; }

  static void promise(String what, Promise p) throws Exception {
    if (!what.contains(only)) return;
    try {
      p.keep();
      System.out.println("PASS " + what);
    } catch (Throwable t) {
      failures++;
      StackTraceElement at = null;
      for (StackTraceElement e : t.getStackTrace()) if (at == null && e.getClassName().startsWith("WritersThatDie")) at = e;
      System.out.println("FAIL " + what + ": " + String.valueOf(t).split("\n")[0] + " at line " + (at == null ? 0 : at.getLineNumber()));
    } finally {
      revive();
    }
  }

  static void hold(boolean promise, String what) { if (!promise) throw new AssertionError(what); }

  // ---- the cluster ----

  static void run(String... command) throws Exception {
    Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(p.getInputStream().readAllBytes());
    hold(p.waitFor() == 0, String.join(" ", command) + ": " + said);
  }
  static void tell(String what, int node) throws Exception { run("tools/cluster", what, cluster, "datanode" + node); }
  static void kill(int node) throws Exception { tell("kill", node); dead.add(node); }
  static int node(DatanodeInfo d) { return Integer.parseInt(d.getIpAddr().split("\\.")[3]) - 11; }

  static void revive() throws Exception {
    if (dead.isEmpty()) return;
    DistributedFileSystem fs = open();
    for (int n : dead) tell("restart", n);
    dead.clear();
    await("all datanodes are back", () -> {
      Set<Integer> there = new TreeSet<>();
      long now = System.currentTimeMillis();
      for (DatanodeInfo d : fs.getClient().datanodeReport(HdfsConstants.DatanodeReportType.LIVE)) {
        try (java.net.Socket s = new java.net.Socket(d.getIpAddr(), d.getXferPort())) {
          if (now - d.getLastUpdate() < 30000) there.add(node(d));
        } catch (IOException e) { }
      }
      return there.size() == 5;
    });
  }

  static void await(String what, Callable<Boolean> c) throws Exception {
    long end = System.nanoTime() + 60_000_000_000L;
    while (!c.call()) {
      hold(System.nanoTime() < end, "not within 60 s: " + what);
      Thread.sleep(20);
    }
  }

  // ---- files ----

  static DistributedFileSystem open(String... settings) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.defaultFS", uri);
    conf.set("dfs.replication", "3");
    conf.set("dfs.client.socket-timeout", "5000");
    for (int i = 0; i < settings.length; i += 2) conf.set(settings[i], settings[i + 1]);
    return (DistributedFileSystem) FileSystem.newInstance(new URI(uri), conf);
  }
  static byte at(long i) { return (byte) (i * 31 + i / 251 + i / 65537); }
  static byte[] bytes(long from, int n) {
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++) b[i] = at(from + i);
    return b;
  }
  static void write(OutputStream o, long from, long to) throws IOException {
    for (; from < to; from += 50000) o.write(bytes(from, (int) Math.min(50000, to - from)));
  }
  /** Reads it all: how long it is, or -1 - i when byte i is wrong. */
  static long read(FileSystem fs, String path) throws IOException {
    byte[] b = new byte[65536];
    long n = 0;
    try (FSDataInputStream in = fs.open(new Path(path))) {
      for (int k; (k = in.read(b)) > 0; n += k)
        for (int i = 0; i < k; i++) if (b[i] != at(n + i)) return -1 - (n + i);
    }
    return n;
  }
  static void isWhole(FileSystem fs, String path, long n) throws IOException {
    long got = read(fs, path);
    hold(got == n, path + " reads as " + got + ", not " + n);
    hold(fs.getFileStatus(new Path(path)).getLen() == n, path + " has the wrong length");
  }
  static HdfsDataOutputStream create(FileSystem fs, String path) throws IOException {
    return (HdfsDataOutputStream) fs.create(new Path(path), true, 4096, (short) 3, 64 << 20);
  }
  static DatanodeInfo[] pipeline(HdfsDataOutputStream o) throws Exception {
    return ((DFSOutputStream) o.getWrappedStream()).getPipeline();
  }
  static int copies(FileSystem fs, String path) throws IOException {
    return fs.getFileBlockLocations(new Path(path), 0, 1)[0].getHosts().length;
  }
  static Object field(Object o, String name) throws Exception {
    for (Class<?> c = o.getClass(); c != null; c = c.getSuperclass())
      try {
        Field f = c.getDeclaredField(name);
        f.setAccessible(true);
        return f.get(o);
      } catch (NoSuchFieldException e) { }
    throw new NoSuchFieldException(name);
  }

  // ---- promises ----

  /** The @nth datanode of the pipeline dies between two writes. */
  static void streaming(int nth, int copiesThen, String policy) throws Exception {
    DistributedFileSystem fs = open(POLICY, policy);
    String path = "/streaming-" + nth + policy;
    HdfsDataOutputStream o = create(fs, path);
    write(o, 0, 1000003);
    o.hflush();
    kill(node(pipeline(o)[nth]));
    write(o, 1000003, 3000000);
    o.hflush();
    hold(o.getCurrentBlockReplication() == copiesThen, "pipeline of " + o.getCurrentBlockReplication());
    write(o, 3000000, 3000100);
    o.close();
    isWhole(fs, path, 3000100);
  }

  static void unflushed(String policy, int copiesThen) throws Exception {
    DistributedFileSystem fs = open(POLICY, policy);
    HdfsDataOutputStream o = create(fs, "/unflushed-" + policy);
    DFSOutputStream d = (DFSOutputStream) o.getWrappedStream();
    write(o, 0, 4000000);
    await("a pipeline stands", () -> pipeline(o) != null);
    kill(node(pipeline(o)[1]));
    write(o, 4000000, 8000000);
    o.hflush();
    hold(o.getCurrentBlockReplication() == copiesThen, "pipeline of " + o.getCurrentBlockReplication());
    o.close();
    isWhole(fs, "/unflushed-" + policy, 8000000);
  }

  static void setUp() throws Exception {
    DistributedFileSystem fs = open();
    kill(1);
    for (int i = 0; i < 6; i++) {
      try (HdfsDataOutputStream o = create(fs, "/setup-" + i)) { write(o, 0, 300000); }
      isWhole(fs, "/setup-" + i, 300000);
      for (String h : fs.getFileBlockLocations(new Path("/setup-" + i), 0, 1)[0].getNames())
        hold(!h.startsWith("127.0.0.12"), "a dead datanode has a copy");
    }
  }

  /** A datanode falls silent, the client ends the block, and then the silent one dies. */
  static void closing(int nth) throws Exception {
    DistributedFileSystem fs = open();
    String path = "/closing-" + nth;
    HdfsDataOutputStream o = create(fs, path);
    write(o, 0, 1519 * 512); // whole chunks: the last packet goes alone
    o.hflush();
    int victim = node(pipeline(o)[nth]);
    tell("pause", victim);
    dead.add(victim); // whatever happens
    FutureTask<Void> close = new FutureTask<>(() -> { o.close(); return null; });
    new Thread(close).start();
    Object streamer = field(o.getWrappedStream(), "streamer");
    await("the last packet is out", () -> String.valueOf(field(streamer, "stage")).equals("PIPELINE_CLOSE"));
    kill(victim);
    close.get();
    isWhole(fs, path, 1519 * 512);
  }

  static void allDie() throws Exception {
    DistributedFileSystem fs = open(POLICY, "NEVER");
    HdfsDataOutputStream o = create(fs, "/alldie");
    write(o, 0, 100000);
    o.hflush();
    for (DatanodeInfo d : pipeline(o)) kill(node(d));
    try {
      write(o, 100000, 200000);
      o.hflush();
      hold(false, "it went on");
    } catch (IOException e) {
      hold(e.getMessage().contains("are bad. Aborting..."), e.getMessage());
    }
  }

  static void appending() throws Exception {
    DistributedFileSystem fs = open();
    try (HdfsDataOutputStream o = create(fs, "/append")) { write(o, 0, 1234567); }
    String host = fs.getFileBlockLocations(new Path("/append"), 0, 1)[0].getNames()[1];
    kill(Integer.parseInt(host.split(":")[0].split("\\.")[3]) - 11);
    try (FSDataOutputStream o = fs.append(new Path("/append"))) {
      write(o, 1234567, 2000000);
      o.hflush();
      hold(((HdfsDataOutputStream) o).getCurrentBlockReplication() == 3, "the dead one was not replaced");
    }
    isWhole(fs, "/append", 2000000);
  }

  static Process child(String path, int n) throws Exception {
    Process p = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp",
        System.getProperty("java.class.path"), "WritersThatDie", "write", uri, path, "" + n).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    BufferedReader said = new BufferedReader(new InputStreamReader(p.getInputStream()));
    String line;
    do line = said.readLine(); while (line != null && line.contains("WARN"));
    hold("flushed".equals(line), "the writer said " + line);
    return p;
  }
  static void childWrite(String path, int n) throws Exception {
    HdfsDataOutputStream o = create(open(), path);
    write(o, 0, n);
    o.hflush();
    o.write(bytes(n, 10)); // never flushed: may be there, or not
    System.out.println("flushed");
    while (System.in.read() >= 0) { }
    Runtime.getRuntime().halt(1); // whoever started it is gone
  }
  /** As HBase and Flink do it. */
  static void recover(DistributedFileSystem fs, String path) throws Exception {
    await("the lease of " + path + " is recovered", () -> fs.recoverLease(new Path(path)) || fs.isFileClosed(new Path(path)));
  }

  /** A writer is killed, then @die of its datanodes; @restart: all of them come back with what is on their disks. */
  static void killed(int die, boolean restart) throws Exception {
    DistributedFileSystem fs = open();
    String path = "/killed-" + die + restart;
    Process p = child(path, 2345678);
    List<Integer> nodes = new ArrayList<>();
    for (DatanodeInfo d : fs.getClient().getLocatedBlocks(path, 0).get(0).getLocations()) nodes.add(node(d));
    p.destroyForcibly().waitFor();
    for (int i = 0; i < die; i++) kill(nodes.get(i));
    if (restart) revive();
    recover(fs, path);
    long n = read(fs, path);
    hold(n >= 2345678 && n <= 2345688, "reads as " + n);
    isWhole(fs, path, n);
    try (FSDataOutputStream o = fs.append(new Path(path))) { write(o, n, n + 1000); }
    isWhole(fs, path, n + 1000);
  }

  /** What a reader beside the writer sees only grows, holds all that was flushed, and nothing of it goes again. */
  static void beside() throws Exception {
    DistributedFileSystem fs = open(), other = open();
    HdfsDataOutputStream o = create(fs, "/beside");
    long[] flushed = {0};
    boolean[] over = {false};
    FutureTask<Long> reader = new FutureTask<>(() -> {
      long seen = 0;
      while (!over[0]) {
        long before = flushed[0];
        if (before == 0) continue;
        long n = read(other, "/beside");
        hold(n >= before, "reads as " + n + " after " + before + " were flushed");
        hold(n >= seen, "reads as " + n + ", was " + seen);
        seen = n;
      }
      return seen;
    });
    Thread t = new Thread(reader);
    for (int i = 0; i < 60; i++) {
      write(o, i * 10007L, (i + 1) * 10007L);
      o.hflush();
      flushed[0] = (i + 1) * 10007L;
      if (i == 0) t.start();
      if (i == 20 || i == 40) kill(node(pipeline(o)[i == 20 ? 0 : 1]));
    }
    over[0] = true;
    hold(reader.get(60, TimeUnit.SECONDS) > 0, "the reader saw nothing");
    o.close();
    isWhole(fs, "/beside", 600420);
  }

  /** A writer goes on after its lease was taken: it is told, and what it adds is not there. */
  static void deposed() throws Exception {
    DistributedFileSystem fs = open(), other = open();
    HdfsDataOutputStream o = create(fs, "/deposed");
    write(o, 0, 50000);
    o.hflush();
    recover(other, "/deposed");
    isWhole(other, "/deposed", 50000);
    try {
      write(o, 50000, 100000);
      o.hflush();
      o.close();
      hold(false, "it went on");
    } catch (IOException e) { }
    isWhole(other, "/deposed", 50000);
  }

  public static void main(String[] a) throws Exception {
    if (a[0].equals("write")) {
      uri = a[1];
      childWrite(a[2], Integer.parseInt(a[3]));
      return;
    }
    cluster = a[0];
    uri = a[1];
    if (a.length > 2) only = a[2];
    for (int i = 0; i < 3; i++) {
      int nth = i;
      promise("a flushed pipeline whose datanode " + nth + " dies gets another", () -> streaming(nth, 3, "DEFAULT"));
    }
    promise("with NEVER it goes on with two", () -> streaming(1, 2, "NEVER"));
    promise("with ALWAYS an unflushed one gets another, too", () -> unflushed("ALWAYS", 3));
    promise("with DEFAULT an unflushed one goes on with two", () -> unflushed("DEFAULT", 2));
    promise("a dead datanode is left out when pipelines are set up", () -> setUp());
    for (int i = 0; i < 3; i++) {
      int nth = i;
      promise("a block is closed though its datanode " + nth + " dies at the last packet", () -> closing(nth));
    }
    promise("a writer without datanodes is told so", () -> allDie());
    promise("an append replaces a dead datanode", () -> appending());
    promise("a killed writer leaves a closed file with all that it flushed", () -> killed(0, false));
    promise("also when a datanode died with it", () -> killed(1, false));
    promise("also when two did", () -> killed(2, false));
    promise("also when all did, once they are back", () -> killed(3, true));
    promise("a reader beside the writer sees all that is flushed, for good, while datanodes die", () -> beside());
    promise("a writer whose lease was taken is stopped", () -> deposed());
    System.exit(failures > 0 ? 1 : 0);
  }
}
