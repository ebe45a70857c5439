// Policies HOST:PORT -- sets storage policies by Hadoop's own client and prints what they are and which kinds of storage
// blocks go to, a line each; two namenodes which behave alike print the same. Needs two datanodes that have DISK, SSD and
// ARCHIVE storage, a block size of 1 MiB and replication 1; the satisfier is off.
import java.net.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.security.UserGroupInformation;

public class Policies {
  interface Step { Object run() throws Exception; }
  static final long MB = 1 << 20;
  static DistributedFileSystem fs;
  static Configuration conf = new Configuration();

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

  static Object types(String path) throws Exception {
    List<String> all = new ArrayList<>();
    for (LocatedBlock b : fs.getClient().getLocatedBlocks(path, 0).getLocatedBlocks()) {
      String[] names = new String[b.getStorageTypes().length];
      Set<String> ids = new HashSet<>(Arrays.asList(b.getStorageIDs()));
      for (int i = 0; i < names.length; i++) names[i] = b.getStorageTypes()[i].toString();
      Arrays.sort(names);
      all.add(String.join("+", names) + (ids.size() == names.length ? "" : " ids " + ids));
    }
    return all + " policy " + fs.getFileStatus(p(path)).isFile() + " " + fs.getStoragePolicy(p(path)).getName() + " "
        + ((HdfsFileStatus) fs.getClient().getFileInfo(path)).getStoragePolicy();
  }

  static Object write(String path, long bytes, int replication) throws Exception {
    try (FSDataOutputStream out = fs.create(p(path), true, 4096, (short) replication, MB)) {
      out.write(new byte[(int) bytes]);
    } catch (Exception e) {
      fs.delete(p(path), false);
      throw e;
    }
    return types(path);
  }

  static Object create(String path, String policy) throws Exception {
    fs.createFile(p(path)).recursive().storagePolicyName(policy).build().close();
    return types(path);
  }

  static Object set(String path, String policy) throws Exception {
    fs.setStoragePolicy(p(path), policy);
    return fs.getStoragePolicy(p(path)).getName();
  }

  static Object unset(String path) throws Exception {
    fs.unsetStoragePolicy(p(path));
    return fs.getStoragePolicy(p(path)).getName();
  }

  public static void main(String[] a) throws Exception {
    conf.setInt("dfs.client.block.write.locateFollowingBlock.retries", 7);
    fs = (DistributedFileSystem) FileSystem.get(new URI("hdfs://" + a[0]), conf);
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    for (BlockStoragePolicySpi s : fs.getAllStoragePolicies())
      say("policy", () -> s + " " + s.isCopyOnCreateFile() + " " + Arrays.asList(s.getStorageTypes()) + Arrays.asList(s.getCreationFallbacks())
          + Arrays.asList(s.getReplicationFallbacks()));
    say("unset", () -> fs.mkdirs(p("/d/e")) + " " + fs.getStoragePolicy(p("/d/e")).getName());
    say("set", () -> set("/d", "COLD"));
    say("inherited", () -> fs.getStoragePolicy(p("/d/e")).getName());
    say("own", () -> set("/d/e", "warm"));
    say("own unset", () -> unset("/d/e"));
    say("unset again", () -> unset("/d/e"));
    say("of nothing", () -> set("/none", "COLD"));
    say("get of nothing", () -> fs.getStoragePolicy(p("/none")));
    say("unset of nothing", () -> unset("/none"));
    say("unknown", () -> set("/d", "TEPID"));
    say("empty", () -> set("/d", ""));
    for (String s : "HOT WARM COLD ALL_SSD ONE_SSD ALL_NVDIMM LAZY_PERSIST PROVIDED".split(" ")) {
      say(s + " dir", () -> fs.mkdirs(p("/" + s)) + " " + set("/" + s, s));
      say(s + " two", () -> write("/" + s + "/two", 100, 2));
      say(s + " one", () -> write("/" + s + "/one", MB + 1, 1));
    }
    say("lazy on a file", () -> set("/HOT/two", "LAZY_PERSIST"));
    say("off a lazy file", () -> set("/LAZY_PERSIST/two", "HOT"));
    say("unset a lazy file", () -> unset("/LAZY_PERSIST/two"));
    say("provided on a file", () -> set("/HOT/one", "PROVIDED"));
    say("cold on a file", () -> set("/HOT/two", "COLD"));
    say("types stay", () -> types("/HOT/two"));
    say("create with", () -> create("/c/cold", "COLD"));
    say("create with lazy", () -> create("/c/lazy", "LAZY_PERSIST"));
    say("lazy policy off", () -> set("/c/lazy", "HOT"));
    say("create with none", () -> create("/c/none", ""));
    say("create with unknown", () -> create("/c/unknown", "TEPID"));
    say("rename keeps", () -> fs.rename(p("/c/cold"), p("/d/cold2")) + " " + types("/d/cold2"));
    say("rename inherits", () -> fs.rename(p("/c/none"), p("/d/none")) + " " + types("/d/none"));
    say("xattrs", () -> fs.getXAttrs(p("/d")).keySet());
    say("raw xattrs", () -> fs.getXAttrs(p("/.reserved/raw/d")).keySet());
    say("satisfy", () -> { fs.satisfyStoragePolicy(p("/d")); return null; });
    say("satisfy nothing", () -> { fs.satisfyStoragePolicy(p("/nothing")); return null; });
    say("favored", () -> {
      InetSocketAddress[] at = new InetSocketAddress[] {null};
      String first = null;
      for (DatanodeInfo d : fs.getDataNodeStats()) if (first == null || d.getXferAddr().compareTo(first) > 0) first = d.getXferAddr();
      int colon = first.lastIndexOf(':');
      at[0] = new InetSocketAddress(first.substring(0, colon), Integer.parseInt(first.substring(colon + 1)));
      for (int i = 0; i < 8; i++) {
        try (FSDataOutputStream o = fs.create(p("/fav" + i), FsPermission.getFileDefault(), true, 4096, (short) 1, MB, null, at)) { o.write(1); }
        String where = fs.getClient().getLocatedBlocks("/fav" + i, 0).get(0).getLocations()[0].getXferAddr();
        if (!where.equals(first)) return "elsewhere";
      }
      return "there";
    });
    FileSystem bob = UserGroupInformation.createRemoteUser("bob").doAs((java.security.PrivilegedExceptionAction<FileSystem>) () ->
        FileSystem.get(new URI("hdfs://" + a[0]), conf));
    say("as bob", () -> { bob.setStoragePolicy(p("/d"), "HOT"); return null; });
    say("unset as bob", () -> { bob.unsetStoragePolicy(p("/d")); return null; });
    say("get as bob", () -> bob.getStoragePolicy(p("/d")).getName());
    say("satisfy as bob", () -> { bob.satisfyStoragePolicy(p("/d")); return null; });
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    System.exit(0);
  }
}
