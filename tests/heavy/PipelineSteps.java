// PipelineSteps URI -- Hadoop's own client, a step at a time.  Each line on its input is a step, each line on its output what came of it:
//   create PATH POLICY BEST_EFFORT     a new file of three copies
//   write N | hflush | close           of that file
//   pipeline                           the addresses of its datanodes, first to last
import java.io.*;
import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.DFSOutputStream;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;

public class PipelineSteps {
  static final String KEY = "dfs.client.block.write.replace-datanode-on-failure.";
  static HdfsDataOutputStream out;

  static FileSystem open(String uri, String policy, String bestEffort) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.defaultFS", uri);
    conf.set("dfs.client.socket-timeout", "5000");
    conf.set(KEY + "policy", policy);
    conf.set(KEY + "best-effort", bestEffort);
    return FileSystem.newInstance(new URI(uri), conf);
  }

  static String step(String uri, String[] w) throws Exception {
    switch (w[0]) {
      case "create":
        out = (HdfsDataOutputStream) open(uri, w[2], w[3]).create(new Path(w[1]), true, 4096, (short) 3, 64 << 20);
        return "";
      case "write": out.write(new byte[Integer.parseInt(w[1])]); return "";
      case "hflush": out.hflush(); return "";
      case "close": out.close(); return "";
      default:
        StringBuilder s = new StringBuilder();
        java.lang.reflect.Method m = DFSOutputStream.class.getDeclaredMethod("getPipeline");
        m.setAccessible(true);
        for (DatanodeInfo d : (DatanodeInfo[]) m.invoke(out.getWrappedStream())) s.append(' ').append(d.getIpAddr());
        return s.toString();
    }
  }

  public static void main(String[] a) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String said;
      try {
        said = "OK" + step(a[0], line.split(" "));
      } catch (Throwable t) {
        said = "ERR " + String.valueOf(t).split("\n")[0];
      }
      System.out.println("> " + said);
    }
    Runtime.getRuntime().halt(0); // streams that failed do not close
  }
}
