// Writing URI -- what a namenode shows of files while they are written: after each kind of flush, of files
// made with each set of flags, replication and block size. One line an answer.
import java.io.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.crypto.CryptoProtocolVersion;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream;
import org.apache.hadoop.hdfs.client.HdfsDataOutputStream.SyncFlag;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.io.EnumSetWritable;
import org.apache.hadoop.ipc.RemoteException;

public class Writing {
  static DistributedFileSystem fs;
  static ClientProtocol nn;
  static final int M = 1 << 20;

  interface Call { Object run() throws Exception; }
  static void say(String what, Object o) {
    System.out.println((what + " = " + o).replaceAll("blk_\\d+_\\d+", "blk_N").replaceAll("DFSClient_[-\\w]+", "DFSClient_N").replaceAll("127\\.[0-9.]+:\\d+", "NODE")
        .replaceAll("127\\.[0-9.]+", "HOST").replaceAll("\\d{4}-\\d\\d-\\d\\d [\\d:,]+", "DATE"));
  }
  static void call(String what, Call c) {
    try { say(what, c.run()); }
    catch (RemoteException e) { say(what + " !", e.getClassName() + ": " + e.getMessage().split("\n")[0]); }
    catch (Exception e) { say(what + " !", e.getClass().getName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]); }
  }

  static String seen(String f) throws Exception {
    LocatedBlocks b = nn.getBlockLocations(f, 0, Long.MAX_VALUE);
    StringBuilder s = new StringBuilder("length " + nn.getFileInfo(f).getLen() + ", located " + b.getFileLength() + (b.isUnderConstruction() ? " open" : "")
        + (b.isLastBlockComplete() ? " complete" : "") + ", blocks");
    for (LocatedBlock l : b.getLocatedBlocks()) s.append(" ").append(l.getStartOffset()).append("+").append(l.getBlockSize());
    LocatedBlock l = b.getLastLocatedBlock();
    if (l != null) s.append(", last ").append(l.getStartOffset()).append("+").append(l.getBlockSize());
    try (FSDataInputStream in = fs.open(new Path(f))) {
      byte[] buf = new byte[65536];
      long n = 0;
      boolean right = true;
      for (int k; (k = in.read(buf)) > 0; n += k) for (int i = 0; i < k; i++) right &= buf[i] == at(n + i);
      s.append(", reads ").append(n).append(right ? "" : " WRONG");
    }
    return s.toString();
  }
  static byte at(long i) { return (byte) (i * 31 + i / 251); }
  static long written;
  static void write(OutputStream o, int n) throws IOException {
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++) b[i] = at(written + i);
    written += n;
    o.write(b);
  }

  // ---- flushes ----
  /** How often the datanodes had their disks sync since this was last asked. */
  static long synced;
  static long syncs() throws Exception {
    long n = 0;
    Thread.sleep(Long.getLong("jmx.age", 0)); // a Hadoop's figures are up to 11 s old
    for (DatanodeInfo d : nn.getDatanodeReport(HdfsConstants.DatanodeReportType.LIVE)) {
      String u = "http://" + d.getIpAddr() + ":" + d.getInfoPort() + "/jmx?qry=Hadoop:service=DataNode,name=DataNodeActivity*";
      String t = new String(new java.net.URL(u).openStream().readAllBytes());
      java.util.regex.Matcher m = java.util.regex.Pattern.compile("\"FsyncCount\" *: *(\\d+)").matcher(t);
      if (!m.find()) throw new IOException("no FsyncCount from " + u);
      n += Long.parseLong(m.group(1));
    }
    long more = n - synced;
    synced = n;
    return more;
  }
  static void syncing(String name, EnumSet<CreateFlag> flags) throws Exception {
    syncs();
    try (HdfsDataOutputStream o = (HdfsDataOutputStream) fs.create(new Path("/w/sync-" + name), FsPermission.getFileDefault(), flags, 4096, (short) 2, M, null)) {
      written = 0;
      write(o, 1000);
      o.hflush();
      call(name + " syncs for hflush", () -> syncs());
      write(o, 10); o.hsync();
      call(name + " syncs for hsync", () -> syncs());
      o.hsync();
      call(name + " syncs for hsync of nothing", () -> syncs());
      write(o, 10); o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
      call(name + " syncs for update", () -> syncs());
      write(o, 10); o.hsync(EnumSet.of(SyncFlag.END_BLOCK));
      call(name + " syncs for end", () -> syncs());
      write(o, M); write(o, 10); o.hflush();
      call(name + " syncs for a block's worth", () -> syncs());
    }
    call(name + " syncs for close", () -> syncs());
  }
  static void flushes(String name, EnumSet<CreateFlag> flags) throws Exception {
    String f = "/w/" + name;
    written = 0;
    HdfsDataOutputStream o = (HdfsDataOutputStream) fs.create(new Path(f), FsPermission.getFileDefault(), flags, 4096, (short) 2, M, null);
    call(name + " made", () -> seen(f));
    write(o, 1000); o.hflush();
    call(name + " hflush 1000", () -> seen(f));
    write(o, 10); o.hsync();
    call(name + " hsync 1010", () -> seen(f));
    write(o, 10); o.hsync(EnumSet.noneOf(SyncFlag.class));
    call(name + " hsync without flags 1020", () -> seen(f));
    write(o, 10); o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
    call(name + " update 1030", () -> seen(f));
    write(o, 10); o.hflush();
    call(name + " hflush 1040", () -> seen(f));
    write(o, 10); o.hsync(EnumSet.of(SyncFlag.END_BLOCK));
    call(name + " end 1050", () -> seen(f));
    write(o, 10); o.hflush();
    call(name + " hflush 1060", () -> seen(f));
    write(o, 10); o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH, SyncFlag.END_BLOCK));
    call(name + " update and end 1070", () -> seen(f));
    o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH, SyncFlag.END_BLOCK));
    call(name + " again", () -> seen(f));
    write(o, M); o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
    call(name + " a block's worth", () -> seen(f));
    o.hsync(EnumSet.of(SyncFlag.END_BLOCK));
    write(o, 3 * M / 2); o.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
    call(name + " over the end of a block", () -> seen(f));
    call(name + " blocks' bytes", () -> o.getCurrentBlockReplication());
    o.close();
    call(name + " closed", () -> seen(f));
    call(name + " appends", () -> { appends(name, f); return "done"; });
  }
  static void appends(String name, String f) throws Exception {
    HdfsDataOutputStream p = (HdfsDataOutputStream) fs.append(new Path(f), EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null);
    write(p, 5); p.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
    call(name + " appended in a new block", () -> seen(f));
    write(p, 5); p.hsync(EnumSet.of(SyncFlag.END_BLOCK));
    p.close();
    call(name + " appended and closed", () -> seen(f));
    HdfsDataOutputStream q = (HdfsDataOutputStream) fs.append(new Path(f));
    write(q, 7); q.hsync(EnumSet.of(SyncFlag.UPDATE_LENGTH));
    call(name + " appended", () -> seen(f));
    q.close();
    call(name + " closed", () -> seen(f));
  }

  // ---- flags ----
  static void flags() throws Exception {
    CreateFlag[] all = {CreateFlag.CREATE, CreateFlag.OVERWRITE, CreateFlag.APPEND, CreateFlag.LAZY_PERSIST, CreateFlag.NEW_BLOCK, CreateFlag.SYNC_BLOCK,
        CreateFlag.NO_LOCAL_WRITE, CreateFlag.SHOULD_REPLICATE, CreateFlag.IGNORE_CLIENT_LOCALITY, CreateFlag.NO_LOCAL_RACK};
    List<EnumSet<CreateFlag>> sets = new ArrayList<>();
    for (int m = 0; m < 8; m++) { // what decides, together; the others one at a time
      EnumSet<CreateFlag> s = EnumSet.noneOf(CreateFlag.class);
      for (int i = 0; i < 3; i++) if ((m >> i & 1) != 0) s.add(all[i]);
      sets.add(s);
      for (int i = 3; i < all.length; i++) {
        EnumSet<CreateFlag> t = EnumSet.copyOf(s.isEmpty() ? EnumSet.noneOf(CreateFlag.class) : s);
        t.add(all[i]);
        sets.add(t);
      }
    }
    for (String f : new String[] {"/f/new", "/f/there", "/f/dir", "/f/open", "/f/none/new"})
      for (EnumSet<CreateFlag> s : sets) {
        fs.delete(new Path("/f"), true);
        fs.mkdirs(new Path("/f/dir"));
        fs.create(new Path("/f/there")).close();
        FSDataOutputStream open = fs.create(new Path("/f/open"));
        call("create " + f + " " + s, () -> {
          HdfsFileStatus st = nn.create(f, FsPermission.getFileDefault(), "me", new EnumSetWritable<>(s, CreateFlag.class), false, (short) 2, M,
              CryptoProtocolVersion.supported(), null, null);
          return st.getLen() + " " + st.getReplication() + " " + st.getBlockSize() + " policy " + st.getStoragePolicy();
        });
        if (s.size() <= 2)
          call("append " + f + " " + s, () -> {
            LastBlockWithStatus b = nn.append(f, "you", new EnumSetWritable<>(s, CreateFlag.class));
            return b.getLastBlock() + " " + b.getFileStatus().getLen();
          });
        try { open.close(); } catch (IOException e) { }
      }
    for (String policy : new String[] {null, "", "HOT", "COLD", "LAZY_PERSIST", "NONE"})
      for (String ec : new String[] {null, "", "RS-6-3-1024k", "replication", "nope"})
        for (CreateFlag x : new CreateFlag[] {CreateFlag.CREATE, CreateFlag.SHOULD_REPLICATE}) {
          fs.delete(new Path("/f"), true);
          call("create with " + policy + " and " + ec + " " + x, () -> {
            HdfsFileStatus st = nn.create("/f/x", FsPermission.getFileDefault(), "me", new EnumSetWritable<>(EnumSet.of(CreateFlag.CREATE, x), CreateFlag.class), true,
                (short) 2, M, CryptoProtocolVersion.supported(), ec, policy);
            return st.getReplication() + " policy " + st.getStoragePolicy() + " " + st.getErasureCodingPolicy();
          });
        }
    for (short r : new short[] {-1, 0, 1, 3, 512, 513, Short.MAX_VALUE})
      for (long b : new long[] {-1, 0, 1, 511, 512, 513, M}) {
        fs.delete(new Path("/f"), true);
        call("create with replication " + r + " and blocks of " + b, () -> {
          HdfsFileStatus st = nn.create("/f/x", FsPermission.getFileDefault(), "me", new EnumSetWritable<>(EnumSet.of(CreateFlag.CREATE), CreateFlag.class), true, r, b,
              CryptoProtocolVersion.supported(), null, null);
          return st.getReplication() + " " + st.getBlockSize();
        });
      }
    fs.delete(new Path("/f"), true);
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.defaultFS", a[0].contains("://") ? a[0] : "hdfs://" + a[0]);
    fs = (DistributedFileSystem) FileSystem.get(conf);
    nn = fs.getClient().getNamenode();
    fs.delete(new Path("/w"), true);
    flushes("plain", EnumSet.of(CreateFlag.CREATE));
    flushes("synced", EnumSet.of(CreateFlag.CREATE, CreateFlag.SYNC_BLOCK));
    flushes("lazy", EnumSet.of(CreateFlag.CREATE, CreateFlag.LAZY_PERSIST));
    flushes("afar", EnumSet.of(CreateFlag.CREATE, CreateFlag.NO_LOCAL_WRITE, CreateFlag.IGNORE_CLIENT_LOCALITY));
    call("lazy is", () -> { HdfsFileStatus s = nn.getFileInfo("/w/lazy"); return s.getReplication() + " policy " + s.getStoragePolicy(); });
    fs.setReplication(new Path("/w/lazy"), (short) 1);
    syncing("plain", EnumSet.of(CreateFlag.CREATE));
    syncing("synced", EnumSet.of(CreateFlag.CREATE, CreateFlag.SYNC_BLOCK));
    flags();
    System.exit(0);
  }
}
