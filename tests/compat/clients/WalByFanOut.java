// WalByFanOut CLUSTER URI -- HBase's own writer of its write-ahead log: no pipeline, but a connection to each of a block's
// three datanodes. PASS or FAIL lines.
//   WalByFanOut write URI PATH N    a child: writes N records, says "flushed", never ends by itself
import java.io.*;
import java.net.URI;
import java.util.*;
import java.util.concurrent.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hbase.io.asyncfs.*;
import org.apache.hadoop.hbase.io.asyncfs.monitor.StreamSlowMonitor;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;
import org.apache.hbase.thirdparty.io.netty.channel.EventLoopGroup;
import org.apache.hbase.thirdparty.io.netty.channel.nio.NioEventLoopGroup;
import org.apache.hbase.thirdparty.io.netty.channel.socket.nio.NioSocketChannel;

public class WalByFanOut {
  static final int RECORD = 1000;
  static EventLoopGroup loop = new NioEventLoopGroup(1);
  static Configuration conf = new Configuration();
  static DistributedFileSystem fs;
  static String cluster;
  static int failures;

  interface Promise { void keep() throws Exception; }
  static void promise(String what, Promise p) {
    try {
      p.keep();
      System.out.println("PASS " + what);
    } catch (Throwable t) {
      failures++;
      System.out.println("FAIL " + what + ": " + String.valueOf(t).split("\n")[0]);
      t.printStackTrace();
    }
  }
  static void hold(boolean promise, String what) { if (!promise) throw new AssertionError(what); }

  static byte[] record(int i) {
    byte[] b = new byte[RECORD];
    Arrays.fill(b, (byte) (i * 7 + 1));
    return b;
  }
  static AsyncFSOutput open(String path) throws Exception {
    return AsyncFSOutputHelper.createOutput(fs, new Path(path), true, false, (short) 3, 64 << 20, loop, NioSocketChannel.class,
        StreamSlowMonitor.create(conf, "wal"), true);
  }
  static void append(AsyncFSOutput o, int from, int to, boolean sync) throws Exception {
    for (int i = from; i < to; i++) {
      o.write(record(i));
      long at = o.flush(sync && i % 10 == 0).get(30, TimeUnit.SECONDS);
      hold(at == (long) (i + 1) * RECORD, "flushed to " + at);
    }
  }
  static void reads(String path, int records) throws Exception {
    byte[] b = new byte[RECORD];
    try (FSDataInputStream in = fs.open(new Path(path))) {
      for (int i = 0; i < records; i++) {
        in.readFully(b);
        hold(Arrays.equals(b, record(i)), "record " + i + " is another");
      }
    }
  }
  static void recover(String path) throws Exception {
    long end = System.nanoTime() + 60_000_000_000L;
    while (!fs.recoverLease(new Path(path)) && !fs.isFileClosed(new Path(path))) {
      hold(System.nanoTime() < end, "the lease was not recovered in a minute");
      Thread.sleep(50);
    }
  }
  static void cluster(String what, int node) throws Exception {
    hold(new ProcessBuilder("tools/cluster", what, cluster, "datanode" + node).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0, what);
  }

  static void rolls() throws Exception {
    AsyncFSOutput o = open("/wal-1");
    append(o, 0, 300, true);
    reads("/wal-1", 300); // beside the writer
    int victim = Integer.parseInt(o.getPipeline()[1].getIpAddr().split("\\.")[3]) - 11;
    cluster("kill", victim);
    boolean failed = false;
    try {
      append(o, 300, 310, false);
    } catch (ExecutionException | IOException e) { failed = true; }
    hold(failed, "it did not notice that a datanode died");
    o.recoverAndClose(null);
    hold(fs.isFileClosed(new Path("/wal-1")), "the broken log was not closed");
    reads("/wal-1", 300);
    AsyncFSOutput next = open("/wal-2");
    append(next, 0, 100, true);
    next.close();
    reads("/wal-2", 100);
    cluster("restart", victim);
  }

  static void killed() throws Exception {
    Process p = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp",
        System.getProperty("java.class.path"), "WalByFanOut", "write", fs.getUri().toString(), "/wal-3", "200").redirectError(ProcessBuilder.Redirect.DISCARD).start();
    BufferedReader said = new BufferedReader(new InputStreamReader(p.getInputStream()));
    String line;
    do line = said.readLine(); while (line != null && !line.equals("flushed"));
    hold(line != null, "the writer did not write");
    p.destroyForcibly().waitFor();
    recover("/wal-3");
    reads("/wal-3", 200);
    hold(fs.getFileStatus(new Path("/wal-3")).getLen() >= 200 * RECORD, "it is too short");
  }

  public static void main(String[] a) throws Exception {
    conf.set("fs.defaultFS", a[1]);
    fs = (DistributedFileSystem) FileSystem.get(new URI(a[1]), conf);
    if (a[0].equals("write")) {
      append(open(a[2]), 0, Integer.parseInt(a[3]), false);
      System.out.println("flushed");
      while (System.in.read() >= 0) { }
      Runtime.getRuntime().halt(1);
    }
    cluster = a[0];
    promise("HBase's writer flushes a log of a thousand records to three datanodes", () -> {
      AsyncFSOutput o = open("/wal-0");
      hold(o.getPipeline().length == 3, "datanodes: " + o.getPipeline().length);
      append(o, 0, 1000, true);
      o.close();
      hold(fs.getFileStatus(new Path("/wal-0")).getLen() == 1000 * RECORD, "it has the wrong length");
      reads("/wal-0", 1000);
    });
    promise("it notices a datanode's death, closes the log and begins another", () -> rolls());
    promise("killed, it leaves all that it flushed to whoever recovers the lease", () -> killed());
    System.exit(failures > 0 ? 1 : 0);
  }
}
