// Quotas HOST:PORT -- sets and exceeds quotas of names, space and storage types by Hadoop's own client, and prints each
// answer or exception on a line; two namenodes which behave alike print the same. Needs two datanodes that have DISK,
// SSD and ARCHIVE storage, a block size of 1 MiB and replication 1.
import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream.SyncFlag;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.ipc.RemoteException;

public class Quotas {
  interface Step { Object run() throws Exception; }
  static final long KEEP = HdfsConstants.QUOTA_DONT_SET, NONE = HdfsConstants.QUOTA_RESET, MB = 1 << 20;
  static DistributedFileSystem fs;

  static void say(String name, Step step) {
    String text;
    try {
      Object o = step.run();
      text = " = " + (o == null ? "ok" : o);
    } catch (Throwable t) {
      String c = t instanceof RemoteException ? ((RemoteException) t).getClassName() : t.getClass().getName();
      text = " ! " + c + ": " + String.valueOf(t.getMessage()).split("\n")[0];
    }
    System.out.println(name + text);
  }

  static Path p(String s) { return new Path(s); }

  static String types(QuotaUsage u) {
    StringBuilder s = new StringBuilder();
    for (StorageType t : StorageType.getTypesSupportingQuota())
      s.append(' ').append(t).append('=').append(u.getTypeConsumed(t)).append('/').append(u.getTypeQuota(t));
    return s.toString();
  }

  static Object usage(String path) throws Exception {
    QuotaUsage u = fs.getQuotaUsage(p(path));
    return "names=" + u.getFileAndDirectoryCount() + "/" + u.getQuota() + " space=" + u.getSpaceConsumed() + "/"
        + u.getSpaceQuota() + types(u);
  }

  static Object summary(String path) throws Exception {
    ContentSummary c = fs.getContentSummary(p(path));
    return "len=" + c.getLength() + " files=" + c.getFileCount() + " dirs=" + c.getDirectoryCount() + " names/" + c.getQuota()
        + " space=" + c.getSpaceConsumed() + "/" + c.getSpaceQuota() + types(c);
  }

  /* After an append Hadoop goes on counting on DISK what was only set aside: without the storage types, then. */
  static Object plain(String path) throws Exception {
    return (usage(path) + " | " + summary(path)).replaceAll(" SSD=\\S+ DISK=\\S+ ARCHIVE=\\S+ PROVIDED=\\S+ NVDIMM=\\S+", "");
  }

  static Object both(String path) throws Exception { return usage(path) + " | " + summary(path); }

  static Object write(String path, long bytes, int replication) throws Exception {
    try (FSDataOutputStream out = fs.create(p(path), true, 4096, (short) replication, MB)) {
      out.write(new byte[(int) bytes]);
    } catch (Exception e) {
      fs.delete(p(path), false);
      throw e;
    }
    return null;
  }

  static Object quota(String path, long names, long space) throws Exception {
    fs.setQuota(p(path), names, space);
    return null;
  }
  static Object quota(String path, StorageType type, long space) throws Exception {
    fs.setQuotaByStorageType(p(path), type, space);
    return null;
  }

  static void names() {
    say("mkdir", () -> fs.mkdirs(p("/n/a")));
    say("usage without quota", () -> usage("/n"));
    say("names 3", () -> quota("/n", 3, KEEP));
    say("one more", () -> fs.mkdirs(p("/n/b")));
    say("one too many", () -> fs.mkdirs(p("/n/c")));
    say("a file too many", () -> write("/n/f", 0, 1));
    say("usage", () -> both("/n"));
    say("rename in", () -> fs.mkdirs(p("/m/x/y")) && fs.rename(p("/m"), p("/n/a/m")));
    say("names 1", () -> quota("/n", 1, KEEP));
    say("below what is there", () -> both("/n"));
    say("rename within", () -> fs.rename(p("/n/b"), p("/n/a/b")));
    say("names 0", () -> quota("/n", 0, KEEP));
    say("names -2", () -> quota("/n", -2, KEEP));
    say("space -2", () -> quota("/n", KEEP, -2));
    say("cleared", () -> quota("/n", NONE, KEEP));
    say("usage when cleared", () -> both("/n"));
    say("of a file", () -> { write("/n/f", 10, 1); return quota("/n/f", 5, KEEP); });
    say("of nothing", () -> quota("/n/none", 5, KEEP));
    say("keep both", () -> quota("/n", KEEP, KEEP));
    say("root 1000", () -> quota("/", 1000, KEEP));
    say("root usage", () -> fs.getQuotaUsage(p("/")).getQuota());
    say("root cleared", () -> quota("/", NONE, KEEP));
    say("root after", () -> fs.getQuotaUsage(p("/")).getQuota() + " " + fs.getContentSummary(p("/")).getQuota());
    say("root space", () -> quota("/", KEEP, 1L << 40));
    say("root space usage", () -> fs.getQuotaUsage(p("/")).getSpaceQuota());
    say("root space cleared", () -> quota("/", KEEP, NONE));
  }

  static void space() {
    say("mkdir", () -> fs.mkdirs(p("/s")));
    say("space 4m", () -> quota("/s", KEEP, 4 * MB));
    say("two blocks", () -> write("/s/two", 2 * MB, 1));
    say("usage", () -> plain("/s"));
    say("three more", () -> write("/s/three", 3 * MB, 1));
    say("two copies of one", () -> write("/s/one", MB / 2, 2));
    say("usage", () -> plain("/s"));
    say("a small one more", () -> write("/s/small", 10, 1));
    say("two small copies", () -> write("/s/small2", 10, 2));
    say("usage", () -> plain("/s"));
    say("more copies", () -> fs.setReplication(p("/s/two"), (short) 2));
    say("append", () -> { try (FSDataOutputStream o = fs.append(p("/s/one"))) { o.write(1); } return null; });
    say("append small", () -> { try (FSDataOutputStream o = fs.append(p("/s/small"))) { o.write(1); } return null; });
    say("usage", () -> plain("/s"));
    say("space 100m", () -> quota("/s", KEEP, 100 * MB));
    say("open file", () -> {
      FSDataOutputStream o = fs.create(p("/s/open"), true, 4096, (short) 2, MB);
      o.write(new byte[1000]);
      ((HdfsDataOutputStream) o).hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
      String s = String.valueOf(plain("/s"));
      o.close();
      return s;
    });
    say("closed", () -> plain("/s"));
    say("few copies", () -> fs.setReplication(p("/s/open"), (short) 1));
    say("usage", () -> plain("/s"));
    say("rename out", () -> fs.rename(p("/s/two"), p("/two")));
    say("usage", () -> plain("/s"));
    say("space 1m", () -> quota("/s", KEEP, MB));
    say("rename in", () -> fs.rename(p("/two"), p("/s/two")));
    say("rename over", () -> { fs.rename(p("/two"), p("/s/one"), Options.Rename.OVERWRITE); return null; });
    say("space 3g", () -> quota("/s", KEEP, 3L << 30));
    say("concat", () -> {
      write("/s/c1", MB, 2); write("/s/c2", MB, 1); write("/s/c3", MB / 2, 1);
      quota("/s", KEEP, 5 * MB);
      fs.concat(p("/s/c1"), new Path[] {p("/s/c2"), p("/s/c3")});
      return null;
    });
    say("concat with room", () -> {
      quota("/s", KEEP, 50 * MB);
      fs.concat(p("/s/c1"), new Path[] {p("/s/c2"), p("/s/c3")});
      return plain("/s");
    });
    say("delete", () -> fs.delete(p("/s/c1"), false));
    say("usage", () -> plain("/s"));
  }

  static void types() {
    say("mkdir", () -> fs.mkdirs(p("/t/d")));
    say("policy", () -> { fs.setStoragePolicy(p("/t"), "ONE_SSD"); return null; });
    say("names with a type", () -> { fs.getClient().getNamenode().setQuota("/t", 5, MB, StorageType.SSD); return null; });
    say("ram", () -> quota("/t", StorageType.RAM_DISK, MB));
    say("ssd 2m", () -> quota("/t", StorageType.SSD, 2 * MB));
    say("usage", () -> both("/t"));
    say("one block", () -> write("/t/d/one", MB, 2));
    say("half a block", () -> write("/t/d/half", MB / 2, 2));
    say("usage", () -> both("/t"));
    say("too much", () -> write("/t/d/more", MB, 1));
    say("disk 1m", () -> quota("/t", StorageType.DISK, 3 * MB / 2));
    say("usage", () -> both("/t"));
    say("more copies", () -> fs.setReplication(p("/t/d/one"), (short) 3));
    say("append", () -> { try (FSDataOutputStream o = fs.append(p("/t/d/half"))) { o.write(1); } return null; });
    say("rename in", () -> { write("/out", 2 * MB, 1); return fs.rename(p("/out"), p("/t/d/in")); });
    say("rename in with a policy", () -> { fs.setStoragePolicy(p("/out"), "COLD"); return fs.rename(p("/out"), p("/t/d/in")); });
    say("usage", () -> both("/t"));
    say("usage below", () -> both("/t/d"));
    say("policy of a file", () -> { fs.setStoragePolicy(p("/t/d/one"), "COLD"); return summary("/t"); });
    say("cleared", () -> quota("/t", StorageType.SSD, NONE));
    say("cleared too", () -> quota("/t", StorageType.DISK, NONE));
    say("summary", () -> summary("/t"));
    say("keep", () -> quota("/t", StorageType.SSD, KEEP));
    say("-5", () -> quota("/t", StorageType.SSD, -5));
    say("0", () -> quota("/t", StorageType.SSD, 0));
    say("null", () -> quota("/t", null, 5));
    say("without a policy", () -> { fs.mkdirs(p("/u")); quota("/u", StorageType.DISK, 10); write("/u/f", MB, 1); return both("/u"); });
    say("cleared", () -> { quota("/t", NONE, NONE); quota("/t", StorageType.DISK, NONE); return summary("/t"); });
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration();
    conf.set("dfs.client.block.write.replace-datanode-on-failure.policy", "NEVER");
    conf.setInt("dfs.client.block.write.locateFollowingBlock.retries", 2);
    fs = (DistributedFileSystem) FileSystem.get(new URI("hdfs://" + a[0]), conf);
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    names();
    space();
    types();
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    System.exit(0);
  }
}
