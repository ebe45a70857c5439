import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileChecksum;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.DatanodeInfo;
import org.apache.hadoop.hdfs.protocol.LocatedBlock;
import org.apache.hadoop.hdfs.protocol.LocatedStripedBlock;
import org.apache.hadoop.hdfs.client.HdfsDataInputStream;
import org.apache.hadoop.io.erasurecode.ECSchema;
import org.apache.hadoop.hdfs.protocol.ErasureCodingPolicy;

/**
 * Does with Hadoop's client what the lines on its input say, and answers each with a line:
 *   policy NAME DIR           enables the policy, makes the directory with it
 *   add CODEC K M CELL DIR    the same with a policy that is added first; answers its name
 *   write LOCAL N PATH        the first N bytes of a local file
 *   read LOCAL N PATH         same, or where it differs
 *   pread LOCAL N PATH AT LEN
 *   checksum PATH             as `dfs -checksum` prints it
 *   composite PATH
 *   blocks PATH               for each group its id and stamp, then index@host:port of its units
 *   delete PATH
 */
public class Striped {
  static DistributedFileSystem fs, composite;

  static byte[] local(String path, long from, int n) throws IOException {
    byte[] b = new byte[n];
    try (FileInputStream in = new FileInputStream(path)) {
      in.skip(from);
      int at = 0;
      while (at < n) {
        int k = in.read(b, at, n - at);
        if (k < 0) throw new IOException("short " + path);
        at += k;
      }
    }
    return b;
  }

  static String differs(byte[] want, byte[] got) {
    for (int i = 0; i < want.length; i++)
      if (want[i] != got[i]) return "differs at byte " + i;
    return "same";
  }

  static String read(String file, int n, Path path) throws IOException {
    byte[] want = local(file, 0, n), got = new byte[n];
    try (FSDataInputStream in = fs.open(path)) {
      in.readFully(got);
      if (in.read() >= 0) return "longer than " + n;
    }
    return differs(want, got);
  }

  static String pread(String file, Path path, int at, int n) throws IOException {
    byte[] want = local(file, at, n), got = new byte[n];
    try (FSDataInputStream in = fs.open(path)) {
      in.readFully(at, got);
    }
    return differs(want, got);
  }

  static String blocks(Path path) throws IOException {
    StringBuilder out = new StringBuilder();
    try (HdfsDataInputStream in = (HdfsDataInputStream) fs.open(path)) {
      for (LocatedBlock b : in.getAllBlocks()) {
        LocatedStripedBlock s = (LocatedStripedBlock) b;
        out.append(b.getBlock().getBlockId()).append(' ').append(b.getBlock().getGenerationStamp()).append(' ');
        DatanodeInfo[] nodes = b.getLocations();
        for (int i = 0; i < nodes.length; i++)
          out.append(i == 0 ? "" : ",").append(s.getBlockIndices()[i]).append('@').append(nodes[i].getXferAddr());
        out.append(' ');
      }
    }
    return "blocks " + out;
  }

  static String policy(String name, Path dir) throws IOException {
    fs.enableErasureCodingPolicy(name);
    fs.mkdirs(dir);
    fs.setErasureCodingPolicy(dir, name);
    return name;
  }

  static String run(String[] w) throws Exception {
    switch (w[0]) {
      case "policy": return policy(w[1], new Path(w[2]));
      case "add":
        ErasureCodingPolicy p = new ErasureCodingPolicy(
            new ECSchema(w[1], Integer.parseInt(w[2]), Integer.parseInt(w[3])), Integer.parseInt(w[4]));
        String name = fs.addErasureCodingPolicies(new ErasureCodingPolicy[] {p})[0].getPolicy().getName();
        return policy(name, new Path(w[5]));
      case "write":
        try (FSDataOutputStream out = fs.create(new Path(w[3]))) {
          out.write(local(w[1], 0, Integer.parseInt(w[2])));
        }
        return "written";
      case "read": return read(w[1], Integer.parseInt(w[2]), new Path(w[3]));
      case "pread": return pread(w[1], new Path(w[3]), Integer.parseInt(w[4]), Integer.parseInt(w[5]));
      case "checksum":
      case "composite":
        FileChecksum sum = (w[0].equals("checksum") ? fs : composite).getFileChecksum(new Path(w[1]));
        StringBuilder hex = new StringBuilder(sum.getAlgorithmName()).append(' ');
        for (int i = 0; i < sum.getLength(); i++) hex.append(String.format("%02x", sum.getBytes()[i]));
        return hex.toString();
      case "blocks": return blocks(new Path(w[1]));
      case "delete": return "" + fs.delete(new Path(w[1]), true);
      default: return "error: unknown " + w[0];
    }
  }

  public static void main(String[] args) throws Exception {
    Configuration conf = new Configuration(), other = new Configuration();
    other.set("dfs.checksum.combine.mode", "COMPOSITE_CRC");
    fs = (DistributedFileSystem) new Path("/").getFileSystem(conf);
    composite = (DistributedFileSystem) org.apache.hadoop.fs.FileSystem.newInstance(other);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String answer;
      try {
        answer = run(line.trim().split(" +"));
      } catch (Throwable t) {
        answer = "error: " + (t + "").replace('\n', ' ');
      }
      System.out.println(answer);
      System.out.flush();
    }
  }
}
