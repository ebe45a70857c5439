import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.*;

/**
 * Does with Hadoop's client what the lines on its input say, and answers each with a line:
 *   orders N COPIES       writes up to N files until every order of the two kinds of datanodes (J at a port of the list, else O) has been a
 *                         pipeline; answers the orders seen, "=JJO,JOJ,..." when all
 *   kinds PORT,...        which data ports are of Java's datanodes
 *   open PATH BYTES       writes and flushes; answers the ports of the pipeline in their order
 *   more PATH BYTES       goes on, flushes
 *   close PATH            closes
 *   check PATH BYTES      reads it all; "same" when it is what was written
 *   recover PATH          recovers the lease of a file that another client left; answers the length when it is closed
 *   where PATH            for each block the ports of its replicas
 */
public class MixedCluster {
  static DistributedFileSystem fs;
  static final Map<String, FSDataOutputStream> open = new HashMap<>();
  static final Set<Integer> java = new HashSet<>();

  static byte[] bytes(long from, int n) {
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++) b[i] = (byte) ((from + i) * 31 + ((from + i) >> 9));
    return b;
  }
  static DatanodeInfo[] pipeline(FSDataOutputStream o) throws Exception {
    Method m = o.getWrappedStream().getClass().getDeclaredMethod("getPipeline");
    m.setAccessible(true);
    return (DatanodeInfo[]) m.invoke(o.getWrappedStream());
  }
  static void write(FSDataOutputStream o, int n) throws IOException {
    o.write(bytes(o.getPos(), n));
    o.hflush();
  }
  static String order(DatanodeInfo[] p) {
    StringBuilder s = new StringBuilder();
    for (DatanodeInfo d : p) s.append(java.contains(d.getXferPort()) ? 'J' : 'O');
    return s.toString();
  }
  static String orders(int n, int copies) throws Exception {
    Set<String> seen = new TreeSet<>();
    for (int i = 0; i < n && seen.size() < 6; i++) {
      Path p = new Path("/orders/" + i);
      FSDataOutputStream o = fs.create(p, true, 4096, (short) copies, 1 << 20);
      write(o, 150000);
      seen.add(order(pipeline(o)));
      write(o, 3000);
      o.close();
      String c = check(p.toString(), 153000);
      if (!c.equals("same")) return "error " + p + ": " + c;
    }
    return (seen.size() == 6 ? "=" : "") + String.join(",", seen);
  }
  static String check(String path, int n) throws IOException {
    byte[] want = bytes(0, n), got = new byte[n];
    try (FSDataInputStream in = fs.open(new Path(path))) {
      in.readFully(got);
      if (in.read() >= 0) return "longer";
    }
    return Arrays.equals(want, got) ? "same" : "differs";
  }
  static String where(String path) throws IOException {
    StringBuilder s = new StringBuilder();
    for (LocatedBlock b : fs.getClient().getLocatedBlocks(path, 0, Long.MAX_VALUE).getLocatedBlocks()) {
      Set<Integer> ports = new TreeSet<>();
      for (DatanodeInfo d : b.getLocations()) ports.add(d.getXferPort());
      s.append(s.length() == 0 ? "" : " ").append(ports.toString().replaceAll("[\\[\\] ]", ""));
    }
    return s.toString();
  }
  static String one(String[] w) throws Exception {
    switch (w[0]) {
      case "kinds":
        for (String p : w[1].split(",")) java.add(Integer.parseInt(p));
        return "ok";
      case "orders": return orders(Integer.parseInt(w[1]), Integer.parseInt(w[2]));
      case "open": {
        FSDataOutputStream o = fs.create(new Path(w[1]), true, 4096, (short) 3, 8 << 20);
        open.put(w[1], o);
        write(o, Integer.parseInt(w[2]));
        StringBuilder s = new StringBuilder();
        for (DatanodeInfo d : pipeline(o)) s.append(s.length() == 0 ? "" : " ").append(d.getXferPort());
        return s.toString();
      }
      case "more": write(open.get(w[1]), Integer.parseInt(w[2])); return "ok";
      case "close": open.remove(w[1]).close(); return "ok";
      case "check": return check(w[1], Integer.parseInt(w[2]));
      case "recover": {
        for (int i = 0; i < 60; i++) {
          if (fs.recoverLease(new Path(w[1]))) return "" + fs.getFileStatus(new Path(w[1])).getLen();
          Thread.sleep(500);
        }
        return "error not closed";
      }
      case "where": return where(w[1]);
      default: return "error what is " + w[0] + "?";
    }
  }
  public static void main(String[] a) throws Exception {
    Configuration c = new Configuration();
    c.setInt("dfs.client.socket-timeout", 10000);
    c.setBoolean("fs.hdfs.impl.disable.cache", true);
    fs = (DistributedFileSystem) FileSystem.get(c);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null;) {
      String answer;
      try {
        answer = one(line.split(" "));
      } catch (Throwable t) {
        answer = "error " + t.toString().split("\n")[0];
      }
      System.out.println(answer);
      System.out.flush();
    }
    Runtime.getRuntime().halt(0);
  }
}
