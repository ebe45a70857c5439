// Truncating HOST:PORT PID... -- truncates files, also while the datanodes (those pids) stand still, and prints what a
// client sees at each step; stamps as newer or not, so that two stores which behave alike print the same.
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.ipc.RemoteException;
public class Truncating {
  static long newest;
  interface Call { Object run() throws Exception; }
  static List<String> pids = new ArrayList<>();
  static void signal(String s) throws Exception { for (String p : pids) new ProcessBuilder("kill", "-" + s, p).start().waitFor(); }
  static String show(Object o) {
    if (o instanceof LocatedBlocks) {
      LocatedBlocks b = (LocatedBlocks) o;
      String t = "{len=" + b.getFileLength() + " uc=" + b.isUnderConstruction() + " lastComplete=" + b.isLastBlockComplete();
      for (LocatedBlock l : b.getLocatedBlocks()) t += " " + l.getStartOffset() + "+" + l.getBlockSize() + (l.getBlock().getGenerationStamp() > newest ? " newer" : "");
      LocatedBlock l = b.getLastLocatedBlock();
      if (l != null) t += " last " + l.getStartOffset() + "+" + l.getBlockSize() + "";
      for (LocatedBlock x : b.getLocatedBlocks()) newest = Math.max(newest, x.getBlock().getGenerationStamp());
      return t + "}";
    }
    return String.valueOf(o);
  }
  static void say(String s) {
    System.out.println(s.replaceAll("blk_\\d+_\\d+", "blk_N").replaceAll("DFSClient_[-\\w]+", "DFSClient_N"));
  }
  static void call(String what, Call c) {
    try { say(what + " = " + show(c.run())); }
    catch (RemoteException e) { say(what + " ! " + e.getClassName() + ": " + e.getMessage().split("\n\tat")[0]); }
    catch (Exception e) { say(what + " ?! " + e.getClass().getName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]); }
  }
  static void state(String when, ClientProtocol nn, String f) {
    call(when + " len", () -> nn.getFileInfo(f).getLen());
    call(when + " closed", () -> nn.isFileClosed(f));
    call(when + " blocks", () -> nn.getBlockLocations(f, 0, Long.MAX_VALUE));
    call(when + " summary", () -> { ContentSummary s = nn.getContentSummary(f); return s.getLength() + " " + s.getSpaceConsumed(); });
    call(when + " qsummary", () -> { ContentSummary s = nn.getContentSummary("/q"); return s.getLength() + " " + s.getSpaceConsumed(); });
  }
  static void write(FileSystem fs, String f, int n, int bs) throws Exception {
    byte[] b = new byte[n]; for (int i = 0; i < n; i++) b[i] = (byte) (i * 31 + i / 251);
    try (FSDataOutputStream o = fs.create(new Path(f), true, 4096, (short) 3, bs)) { o.write(b); }
  }
  static boolean same(FileSystem fs, String f, int n) throws Exception {
    try (FSDataInputStream in = fs.open(new Path(f))) {
      byte[] b = new byte[n + 1]; int got = 0, r; while (got < b.length && (r = in.read(b, got, b.length - got)) > 0) got += r;
      if (got != n) return false;
      for (int i = 0; i < n; i++) if (b[i] != (byte) (i * 31 + i / 251)) return false;
      return true;
    }
  }
  /** Blocks of the last write that are the same in two views of a file: "=" for each, "x" for one that is not. */
  static String common(ClientProtocol nn, String f, String g) throws Exception {
    List<LocatedBlock> a = nn.getBlockLocations(f, 0, Long.MAX_VALUE).getLocatedBlocks(), b = nn.getBlockLocations(g, 0, Long.MAX_VALUE).getLocatedBlocks();
    String t = a.size() + " and " + b.size() + " blocks ";
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) t += a.get(i).getBlock().getBlockId() == b.get(i).getBlock().getBlockId() ? "=" : "x";
    return t;
  }
  static void closed(ClientProtocol nn, String f) throws Exception {
    for (long t = System.currentTimeMillis(); !nn.isFileClosed(f) && System.currentTimeMillis() < t + 150000;) Thread.sleep(50);
  }
  static void both(String when, DistributedFileSystem fs, ClientProtocol nn, String f, int n, String g, int m) {
    state(when, nn, f);
    call(when + " common", () -> common(nn, f, g));
    call(when + " bytes", () -> same(fs, f, n));
    call(when + " past bytes", () -> same(fs, g, m));
  }
  /** A file that snapshots hold: what is cut inside a block goes on in a copy of it. */
  static void underSnapshots(DistributedFileSystem fs, ClientProtocol nn) throws Exception {
    int M = 1 << 20;
    String f = "/q/d/f", s0 = "/q/d/.snapshot/s0/f", s1 = "/q/d/.snapshot/s1/f";
    fs.mkdirs(new Path("/q/d")); fs.allowSnapshot(new Path("/q/d"));
    write(fs, f, 5 * M / 2, M);
    fs.createSnapshot(new Path("/q/d"), "s0");
    signal("STOP");
    call("s truncate", () -> nn.truncate(f, 11 * M / 5, "c1"));
    state("s during", nn, f);
    state("s0 during", nn, s0);
    call("s common during", () -> common(nn, f, s0));
    call("s again same", () -> nn.truncate(f, 11 * M / 5, "c1"));
    call("s again old length", () -> nn.truncate(f, 5 * M / 2, "c1"));
    call("s again other", () -> nn.truncate(f, 100, "c1"));
    call("s append", () -> nn.append(f, "c2", new org.apache.hadoop.io.EnumSetWritable<>(EnumSet.of(CreateFlag.APPEND), CreateFlag.class)));
    signal("CONT");
    closed(nn, f);
    both("s cut", fs, nn, f, 11 * M / 5, s0, 5 * M / 2);
    call("s cut again", () -> nn.truncate(f, 21 * M / 10, "c1"));
    closed(nn, f);
    both("s cut again", fs, nn, f, 21 * M / 10, s0, 5 * M / 2);
    call("s first block", () -> nn.truncate(f, M / 2, "c1"));
    closed(nn, f);
    both("s first block", fs, nn, f, M / 2, s0, 5 * M / 2);
    fs.createSnapshot(new Path("/q/d"), "s1");
    call("s append", () -> { try (FSDataOutputStream o = fs.append(new Path(f))) { byte[] b = new byte[5000]; for (int i = 0; i < 5000; i++) { int k = i + M / 2; b[i] = (byte) (k * 31 + k / 251); } o.write(b); } return "ok"; });
    both("s appended", fs, nn, f, M / 2 + 5000, s1, M / 2);
    call("s behind the snapshot's end", () -> nn.truncate(f, M / 2 + 100, "c1"));
    closed(nn, f);
    both("s behind the snapshot's end", fs, nn, f, M / 2 + 100, s1, M / 2);
    signal("STOP");
    call("s truncate", () -> nn.truncate(f, M / 3, "c1"));
    call("s deleteSnapshot", () -> { nn.deleteSnapshot("/q/d", "s1"); return 1; });
    signal("CONT");
    closed(nn, f);
    both("s1 went meanwhile", fs, nn, f, M / 3, s0, 5 * M / 2);
    call("s to nothing", () -> nn.truncate(f, 0, "c1"));
    both("s to nothing", fs, nn, f, 0, s0, 5 * M / 2);
    fs.deleteSnapshot(new Path("/q/d"), "s0");
    state("s without snapshots", nn, f);
    fs.disallowSnapshot(new Path("/q/d"));
  }
  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration(); conf.set("fs.defaultFS", "hdfs://" + a[0]);
    for (int i = 1; i < a.length; i++) pids.add(a[i]);
    DistributedFileSystem fs = (DistributedFileSystem) FileSystem.get(conf);
    ClientProtocol nn = fs.getClient().getNamenode();
    fs.delete(new Path("/q"), true); fs.mkdirs(new Path("/q"));
    nn.setQuota("/q", 1000, 1L << 40, null);
    String f = "/q/t"; int M = 1 << 20;
    write(fs, f, 5 * M / 2, M);
    state("before", nn, f);
    signal("STOP");
    call("truncate", () -> nn.truncate(f, 6 * M / 5, "c1"));
    state("during", nn, f);
    call("again same", () -> nn.truncate(f, 6 * M / 5, "c1"));
    call("again other", () -> nn.truncate(f, 100, "c1"));
    call("again other client", () -> nn.truncate(f, 100, "c2"));
    call("append", () -> nn.append(f, "c2", new org.apache.hadoop.io.EnumSetWritable<>(EnumSet.of(CreateFlag.APPEND), CreateFlag.class)));
    call("append self", () -> nn.append(f, "c1", new org.apache.hadoop.io.EnumSetWritable<>(EnumSet.of(CreateFlag.APPEND), CreateFlag.class)));
    call("create self", () -> nn.create(f, new org.apache.hadoop.fs.permission.FsPermission((short)0644), "c1", new org.apache.hadoop.io.EnumSetWritable<>(EnumSet.of(CreateFlag.CREATE), CreateFlag.class), true, (short)1, M, org.apache.hadoop.crypto.CryptoProtocolVersion.supported(), null, null));
    call("complete", () -> nn.complete(f, "c1", null, 0));
    call("addBlock", () -> nn.addBlock(f, "c1", null, null, 0, null, null));
    call("fsync", () -> {nn.fsync(f, 0, "c1", 5); return 1;});
    call("setrep", () -> nn.setReplication(f, (short) 2));
    call("recoverLease", () -> nn.recoverLease(f, "c2"));
    call("recoverLease", () -> nn.recoverLease(f, "c2"));
    state("after recoverLease", nn, f);
    call("truncate after recoverLease", () -> nn.truncate(f, 6 * M / 5, "c1"));
    call("concat", () -> {nn.concat(f, new String[]{"/q/nonesuch"}); return 1;});
    signal("CONT");
    long t = System.currentTimeMillis();
    while (!nn.isFileClosed(f) && System.currentTimeMillis() < t + 150000) Thread.sleep(50);
    state("after", nn, f);
    call("same bytes", () -> same(fs, f, 6 * M / 5));
    call("truncate unaligned", () -> nn.truncate(f, 100003, "c1"));
    while (!nn.isFileClosed(f)) Thread.sleep(50);
    state("after unaligned", nn, f);
    call("same bytes", () -> same(fs, f, 100003));
    call("append", () -> { try (FSDataOutputStream o = fs.append(new Path(f))) { byte[] b = new byte[5000]; for (int i = 0; i < 5000; i++) { int k = i + 100003; b[i] = (byte) (k * 31 + k / 251); } o.write(b); } return "ok"; });
    call("same bytes", () -> same(fs, f, 105003));
    call("truncate 0", () -> nn.truncate(f, 0, "c1"));
    state("after 0", nn, f);
    call("truncate while written", () -> { FSDataOutputStream o = fs.create(new Path("/q/open"), true, 4096, (short) 3, M); o.write(new byte[1000]); o.hflush(); try { return nn.truncate("/q/open", 10, "c7"); } finally { o.close(); } });
    underSnapshots(fs, nn);
  }
}
