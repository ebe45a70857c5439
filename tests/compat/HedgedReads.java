// HedgedReads CLUSTER URI -- Hadoop's own client reads by position from a file whose datanodes fall silent one by one
// (`tools/cluster pause CLUSTER datanodeN`), by hedged reads; one PASS or FAIL line for each promise.
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsClientConfigKeys;

public class HedgedReads {
  static int failures;
  static void tell(boolean good, String what, String else_) {
    System.out.println((good ? "PASS " : "FAIL ") + what + (good ? "" : ": " + else_));
    if (!good) failures++;
  }
  static void cluster(String dir, String what, int node) throws Exception {
    new ProcessBuilder("tools/cluster", what, dir, "datanode" + node).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
  }
  static DFSHedgedReadMetrics metrics(DFSClient c) throws Exception { // which is not for everybody
    java.lang.reflect.Method m = DFSClient.class.getDeclaredMethod("getHedgedReadMetrics");
    m.setAccessible(true);
    return (DFSHedgedReadMetrics) m.invoke(c);
  }
  static byte at(long i) { return (byte) (i * 31 + i / 251); }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.LogManager.getRootLogger().setLevel(org.apache.log4j.Level.OFF);
    Configuration hedged = new Configuration();
    hedged.set("dfs.client.socket-timeout", "60000"); // so long a read of a silent one would take
    hedged.setInt(HdfsClientConfigKeys.HedgedRead.THREADPOOL_SIZE_KEY, 8);
    hedged.setLong(HdfsClientConfigKeys.HedgedRead.THRESHOLD_MILLIS_KEY, 200);
    DistributedFileSystem fs = (DistributedFileSystem) FileSystem.newInstance(new URI(a[1]), hedged);
    int n = 3 << 20;
    byte[] all = new byte[n];
    for (int i = 0; i < n; i++) all[i] = at(i);
    Path f = new Path("/hedged");
    try (FSDataOutputStream o = fs.create(f, true, 4096, (short) 3, 1 << 20)) { o.write(all); }
    for (int silent = 0; silent < 3; silent++) {
      DFSHedgedReadMetrics m = metrics(fs.getClient());
      long ops = m.getHedgedReadOps(), wins = m.getHedgedReadWins(), began = System.nanoTime();
      cluster(a[0], "pause", silent);
      boolean right = true;
      int reads = 0;
      byte[] b = new byte[5000];
      for (; reads < 12 || (m.getHedgedReadWins() == wins && reads < 200); reads++) {
        long at = (reads * 262147L) % (n - b.length);
        try (FSDataInputStream in = fs.open(f)) { in.readFully(at, b); } // opened anew: replicas come in another order
        for (int i = 0; i < b.length; i++) right &= b[i] == at(at + i);
      }
      double s = (System.nanoTime() - began) / 1e9;
      tell(right && s < 55, "hedged reads get by datanode " + silent + " that is silent", reads + " reads in " + s + " s, bytes right: " + right);
      tell(m.getHedgedReadOps() > ops && m.getHedgedReadWins() > wins, "another datanode won over datanode " + silent,
          (m.getHedgedReadOps() - ops) + " second reads, " + (m.getHedgedReadWins() - wins) + " won");
      cluster(a[0], "resume", silent);
    }
    System.exit(failures > 0 ? 1 : 0);
  }
}
