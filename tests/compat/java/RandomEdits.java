import java.io.IOException;
import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;

/** RandomEdits URI SEED COUNT: random calls on a small tree; what is refused is passed over. */
public class RandomEdits {
  static Random r;
  static String name() { return "" + "abcd".charAt(r.nextInt(4)) + "xyz".charAt(r.nextInt(3)); }
  static Path path() {
    StringBuilder s = new StringBuilder();
    for (int depth = 1 + r.nextInt(3); depth > 0; depth--) s.append('/').append(name());
    return new Path(s.toString());
  }
  static final List<FSDataOutputStream> open = new ArrayList<>();

  static void create(FileSystem fs, boolean keep) throws IOException {
    int size = r.nextInt(3) == 0 ? r.nextInt(3000) : 0;
    FSDataOutputStream o = fs.create(path(), r.nextInt(3) > 0, 4096, (short) (1 + r.nextInt(2)), 1024);
    o.write(new byte[size]);
    if (size > 0 && r.nextBoolean()) o.hflush();
    if (keep && open.size() < 20) open.add(o); else o.close();
  }
  static void one(DistributedFileSystem fs) throws Exception {
    switch (r.nextInt(22)) {
      case 0: case 1: case 2: fs.mkdirs(path(), new FsPermission((short) r.nextInt(01000))); break;
      case 3: case 4: case 5: create(fs, false); break;
      case 6: create(fs, true); break;
      case 7: fs.rename(path(), path()); break;
      case 8: fs.rename(path(), path(), Options.Rename.OVERWRITE); break;
      case 9: fs.rename(path(), path(), Options.Rename.NONE); break;
      case 10: fs.delete(path(), r.nextBoolean()); break;
      case 11: fs.setTimes(path(), r.nextInt(5) == 0 ? -1 : System.currentTimeMillis() + r.nextInt(100000) - 50000,
          r.nextBoolean() ? -1 : r.nextInt(1000000)); break;
      case 12: fs.setReplication(path(), (short) (1 + r.nextInt(3))); break;
      case 13: fs.setOwner(path(), r.nextBoolean() ? "u" + r.nextInt(3) : null, "g" + r.nextInt(3)); break;
      case 14: try (FSDataOutputStream o = fs.append(path())) { o.write(new byte[r.nextInt(1500)]); } break;
      case 15: fs.truncate(path(), r.nextInt(2500)); break;
      case 16: fs.concat(path(), new Path[] {path(), path()}); break;
      case 17: fs.setQuota(path(), r.nextBoolean() ? -1 : 1 + r.nextInt(9), r.nextBoolean() ? -1 : 1 + r.nextInt(1 << 20)); break;
      case 18: fs.setXAttr(path(), "user.x" + r.nextInt(3), new byte[] {(byte) r.nextInt()}); break;
      case 19: fs.removeXAttr(path(), "user.x" + r.nextInt(3)); break;
      case 20: fs.modifyAclEntries(path(), AclEntry.parseAclSpec(r.nextBoolean() ? "user:q:r-x" : "default:group:h:rw-", true)); break;
      case 21: if (r.nextBoolean()) fs.removeAcl(path()); else fs.setStoragePolicy(path(), r.nextBoolean() ? "HOT" : "COLD"); break;
    }
    if (!open.isEmpty() && r.nextInt(30) == 0) open.remove(r.nextInt(open.size())).close();
  }
  public static void main(String[] a) throws Exception {
    Configuration c = new Configuration();
    c.setInt("dfs.client.block.write.locateFollowingBlock.initial.delay.ms", 20);
    DistributedFileSystem fs = (DistributedFileSystem) FileSystem.get(URI.create(a[0]), c);
    r = new Random(Long.parseLong(a[1]));
    for (int i = 0; i < 100 && fs.getDataNodeStats(HdfsConstants.DatanodeReportType.LIVE).length == 0; i++) Thread.sleep(200);
    int done = 0;
    for (int i = 0; i < Integer.parseInt(a[2]); i++)
      try { one(fs); done++; } catch (IOException | IllegalArgumentException e) { /* refused */ }
    System.out.println("calls=" + a[2] + " done=" + done + " open=" + open.size());
    System.out.flush();
    Runtime.getRuntime().halt(0); // what is open stays open
  }
}
