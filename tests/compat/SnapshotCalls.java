// SnapshotCalls HOST:PORT SEED... -- for each seed carries out a random walk of changes under a directory with snapshots and
// prints what every call about snapshots answers, names and numbers without times: two stores that behave alike print
// the same.
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.ipc.RemoteException;
public class SnapshotCalls {
  static final String TOP = "/snap";
  static DistributedFileSystem fs;
  static ClientProtocol nn;
  static Random chance;
  static int made;
  static List<String> snapshots = new ArrayList<>();
  static boolean told; // every change and what became of it
  interface Call { Object run() throws Exception; }

  static String say(Call c) {
    try { return String.valueOf(c.run()); }
    catch (RemoteException e) { return "! " + e.getClassName() + ": " + e.getMessage().split("\n\tat")[0]; }
    catch (Exception e) { return "?! " + e.getClass().getName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]; }
  }
  static void ask(String what, Call c) { System.out.println(what + " = " + say(c)); }
  static void change(String what, Call c) {
    String s = say(c);
    if (told) System.out.println("  " + what + (s.startsWith("!") || s.startsWith("?") ? " " + s : ""));
  }

  /** Everything below @dir of the present, directories with a slash at the end. */
  static void walk(String dir, List<String> out) throws Exception {
    out.add(dir + "/");
    for (FileStatus s : fs.listStatus(new Path(dir)))
      if (s.isDirectory()) walk(dir + "/" + s.getPath().getName(), out); else out.add(dir + "/" + s.getPath().getName());
  }
  static String any(List<String> all, boolean dir, boolean file) {
    List<String> some = new ArrayList<>();
    for (String s : all) if (s.endsWith("/") ? dir : file) some.add(s);
    if (some.isEmpty()) return TOP + "/none";
    String s = some.get(chance.nextInt(some.size()));
    return s.endsWith("/") ? s.substring(0, s.length() - 1) : s;
  }
  static String name() { return chance.nextInt(3) == 0 ? "n" + chance.nextInt(6) : "x" + made++; }
  static Object write(String path, int bytes, boolean append) throws Exception {
    try (FSDataOutputStream o = append ? fs.append(new Path(path)) : fs.create(new Path(path), true, 4096, (short) (1 + chance.nextInt(3)), 1024)) {
      o.write(new byte[bytes]);
    }
    return "";
  }

  static void step() throws Exception {
    List<String> all = new ArrayList<>();
    walk(TOP, all);
    int kind = chance.nextInt(12), n = chance.nextInt(2500);
    String file = any(all, false, true), dir = any(all, true, false), thing = any(all, true, true), to = any(all, true, false) + "/" + name();
    switch (kind) {
      case 0: case 1: change("mkdir " + to, () -> nn.mkdirs(to, new FsPermission((short) 0755), false)); break;
      case 2: case 3: change("write " + to, () -> write(to, n, false)); break;
      case 4: change("append " + file + " " + n, () -> write(file, n, true)); break;
      case 5: change("delete " + thing, () -> thing.equals(TOP) ? "" : nn.delete(thing, true)); break;
      case 6: case 7: change("move " + thing + " " + to, () -> nn.rename(thing, to)); break;
      case 8: change("replace " + thing + " " + to, () -> { nn.rename2(thing, to, Options.Rename.OVERWRITE); return ""; }); break;
      case 9: change("chmod " + thing, () -> { nn.setPermission(thing, new FsPermission((short) (0700 + made++ % 64))); return ""; }); break;
      case 10: change("setrep " + file, () -> nn.setReplication(file, (short) (1 + n % 3))); break;
      default:
        change("truncate " + file + " " + n, () -> nn.truncate(file, Math.min(n, nn.getFileInfo(file).getLen()), "c"));
        for (int i = 0; i < 3000 && !closed(file); i++) Thread.sleep(10);
    }
  }
  static boolean closed(String file) { try { return nn.isFileClosed(file); } catch (Exception e) { return true; } }

  static String report(String dir, String from, String to) throws Exception {
    StringBuilder t = new StringBuilder();
    for (SnapshotDiffReport.DiffReportEntry e : nn.getSnapshotDiffReport(dir, from, to).getDiffList()) t.append("\n    ").append(e);
    return t.toString();
  }
  /** By pages, as DistributedFileSystem puts them together. */
  static String listing(String dir, String from, String to) throws Exception {
    StringBuilder t = new StringBuilder();
    for (RemoteIterator<SnapshotDiffReportListing> i = fs.snapshotDiffReportListingRemoteIterator(new Path(dir), from, to); i.hasNext();) {
      SnapshotDiffReportListing l = i.next();
      for (SnapshotDiffReportListing.DiffReportListingEntry e : l.getModifyList()) t.append("\n    M ").append(text(e));
      for (SnapshotDiffReportListing.DiffReportListingEntry e : l.getCreateList()) t.append("\n    + ").append(text(e));
      for (SnapshotDiffReportListing.DiffReportListingEntry e : l.getDeleteList()) t.append("\n    - ").append(text(e));
    }
    return t.toString();
  }
  static String text(SnapshotDiffReportListing.DiffReportListingEntry e) {
    return path(e.getSourcePath()) + (e.getTargetPath() == null ? "" : " -> " + path(e.getTargetPath()));
  }
  static String path(byte[][] p) {
    StringBuilder t = new StringBuilder();
    for (byte[] b : p) t.append('/').append(new String(b));
    return t.toString();
  }
  static String summary(String path) throws Exception {
    ContentSummary s = nn.getContentSummary(path);
    return s.getLength() + " " + s.getFileCount() + " " + s.getDirectoryCount() + " " + s.getSpaceConsumed() + " past " +
      s.getSnapshotLength() + " " + s.getSnapshotFileCount() + " " + s.getSnapshotDirectoryCount() + " " + s.getSnapshotSpaceConsumed();
  }
  static String tree(String dir) throws Exception {
    StringBuilder t = new StringBuilder();
    for (HdfsFileStatus s : nn.getListing(dir, HdfsFileStatus.EMPTY_NAME, true).getPartialListing()) {
      t.append("\n    ").append(dir.substring(TOP.length())).append('/').append(s.getLocalName()).append(' ').append(s.getPermission()).append(' ').append(s.getLen())
        .append(' ').append(s.getReplication()).append(' ').append(s.getChildrenNum());
      if (s.isDirectory()) t.append(tree(dir + "/" + s.getLocalName()));
    }
    return t.toString();
  }

  static void ask() throws Exception {
    ask("directories", () -> {
      String t = "";
      for (SnapshottableDirectoryStatus s : nn.getSnapshottableDirListing()) t += s.getFullPath() + " " + s.getSnapshotNumber() + " " + s.getSnapshotQuota() + " " + s.getDirStatus().getChildrenNum() + " ";
      return t;
    });
    ask("snapshots", () -> {
      String t = "";
      for (SnapshotStatus s : nn.getSnapshotListing(TOP)) t += new String(s.getParentFullPath()) + " " + s.getDirStatus().getLocalName() + " " + s.getSnapshotID() + " " + s.isDeleted() + " " + s.getDirStatus().getChildrenNum() + "; ";
      return t;
    });
    List<String> views = new ArrayList<>(snapshots), all = new ArrayList<>();
    views.add("");
    walk(TOP, all);
    for (String from : views)
      for (String to : views) {
        ask("report " + from + " " + to, () -> report(TOP, from, to));
        ask("listing " + from + " " + to, () -> listing(TOP, from, to));
      }
    String below = any(all, true, false);
    if (views.size() > 2) ask("report of " + below, () -> report(below, views.get(0), views.get(views.size() - 2)));
    for (String s : snapshots) {
      ask("tree " + s, () -> tree(TOP + "/.snapshot/" + s));
      ask("summary " + s, () -> summary(TOP + "/.snapshot/" + s));
    }
    for (String s : all) ask("summary " + s, () -> summary(s));

  }

  static void one(long seed) throws Exception {
    System.out.println("---- " + seed);
    chance = new Random(seed);
    made = 0;
    snapshots.clear();
    if (fs.exists(new Path(TOP))) throw new Exception(TOP + " is there already");
    fs.mkdirs(new Path(TOP));
    nn.setQuota(TOP, 100000, 1L << 40, null);
    ask("early", () -> nn.createSnapshot(TOP, "s"));
    nn.allowSnapshot(TOP);
    for (int round = 0; round < 4; round++) {
      for (int i = 0; i < 12; i++) step();
      String s = "s" + round;
      ask("make " + s, () -> nn.createSnapshot(TOP, s));
      snapshots.add(s);
      if (round == 2) {
        String gone = snapshots.remove(chance.nextInt(snapshots.size()));
        ask("let go of " + gone, () -> { nn.deleteSnapshot(TOP, gone); return ""; });
        ask("again", () -> { nn.deleteSnapshot(TOP, gone); return ""; });
        String from = snapshots.get(0);
        ask("rename", () -> { nn.renameSnapshot(TOP, from, "r" + from); return ""; });
        ask("rename to itself", () -> { nn.renameSnapshot(TOP, "none", "none"); return ""; });
        snapshots.set(0, "r" + from);
      }
    }
    for (int i = 0; i < 4; i++) step();
    ask();
    ask("same name", () -> nn.createSnapshot(TOP, snapshots.get(0)));
    ask("in use", () -> { nn.disallowSnapshot(TOP); return ""; });
    ask("delete", () -> nn.delete(TOP, true));
    while (!snapshots.isEmpty()) {
      String s = snapshots.remove(chance.nextInt(snapshots.size()));
      nn.deleteSnapshot(TOP, s);
      ask("summary without " + s, () -> summary(TOP));
  
    }
    nn.disallowSnapshot(TOP);
    ask("delete", () -> nn.delete(TOP, true));
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.defaultFS", "hdfs://" + a[0]);
    fs = (DistributedFileSystem) FileSystem.get(conf);
    nn = fs.getClient().getNamenode();
    told = System.getProperty("told") != null;
    for (int i = 1; i < a.length; i++) one(Long.parseLong(a[i]));
  }
}
