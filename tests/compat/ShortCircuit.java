/* ShortCircuit.java -- Hadoop's own client reads our datanodes' files through passed descriptors.
 *
 *   ShortCircuit FS_URI SOCKET      SOCKET: dfs.domain.socket.path
 *
 * Needs libhadoop.so (-Djava.library.path). Prints PASS and FAIL lines. */
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsDataInputStream;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.shortcircuit.*;
import org.apache.hadoop.io.ElasticByteBufferPool;
import org.apache.hadoop.net.unix.DomainSocket;

public class ShortCircuit {
  static DistributedFileSystem fs;
  static int failures;

  static void check(String what, boolean good) {
    System.out.println((good ? "PASS " : "FAIL ") + what);
    if (!good) failures++;
  }

  static boolean until(Callable<Boolean> c) throws Exception {
    long end = System.nanoTime() + 60_000_000_000L;
    while (!c.call()) {
      if (System.nanoTime() > end) return false;
      Thread.sleep(20);
    }
    return true;
  }

  static byte[] bytes(int n) {
    byte[] b = new byte[n];
    new Random(n).nextBytes(b);
    return b;
  }

  static Path put(String name, byte[] b) throws Exception {
    Path p = new Path(name);
    try (FSDataOutputStream o = fs.create(p)) { o.write(b); }
    return p;
  }

  static ShortCircuitCache cache() { return fs.getClient().getClientContext().getShortCircuitCache(0); }

  /* Slots of every segment that the client has. */
  static List<ShortCircuitShm.Slot> slots() throws Exception {
    List<ShortCircuitShm.Slot> all = new ArrayList<>();
    cache().getDfsClientShmManager().visit(info -> {
      for (DfsClientShmManager.PerDatanodeVisitorInfo i : info.values()) {
        List<DfsClientShm> shms = new ArrayList<>(i.full.values());
        shms.addAll(i.notFull.values());
        for (DfsClientShm s : shms)
          for (Iterator<ShortCircuitShm.Slot> it = s.slotIterator(); it.hasNext();) all.add(it.next());
      }
    });
    return all;
  }

  static long shortCircuitBytes(HdfsDataInputStream in) { return in.getReadStatistics().getTotalShortCircuitBytesRead(); }

  static void whole(byte[] b, Path p) throws Exception {
    try (FSDataInputStream f = fs.open(p)) {
      byte[] got = new byte[b.length];
      f.readFully(0, got, 0, 1000);
      f.readFully(got);
      check("a file of several blocks is read through descriptors",
          Arrays.equals(got, b) && shortCircuitBytes((HdfsDataInputStream) f) >= b.length);
    }
    check("the client has slots in shared memory", slots().size() > 0);
  }

  static void threads(byte[] b, Path p) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Boolean>> all = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      int seed = t;
      all.add(pool.submit(() -> {
        Random r = new Random(seed);
        try (FSDataInputStream f = fs.open(p)) {
          for (int i = 0; i < 200; i++) {
            int at = r.nextInt(b.length), n = Math.min(r.nextInt(5000), b.length - at);
            byte[] got = new byte[n];
            f.readFully(at, got);
            if (!Arrays.equals(got, Arrays.copyOfRange(b, at, at + n))) return false;
          }
          return shortCircuitBytes((HdfsDataInputStream) f) > 0;
        }
      }));
    }
    boolean good = true;
    for (Future<Boolean> f : all) good &= f.get();
    pool.shutdown();
    check("eight threads read pieces through descriptors", good);
  }

  static void vectored(byte[] b, Path p) throws Exception {
    try (FSDataInputStream f = fs.open(p)) {
      List<FileRange> ranges = new ArrayList<>();
      for (int at : new int[] {5, 70000, 262140, 600000, 1000000}) ranges.add(FileRange.createFileRange(at, 3000));
      f.readVectored(ranges, ByteBuffer::allocate);
      boolean good = true;
      for (FileRange r : ranges) {
        ByteBuffer got = r.getData().get(60, TimeUnit.SECONDS);
        byte[] is = new byte[got.remaining()];
        got.get(is);
        good &= Arrays.equals(is, Arrays.copyOfRange(b, (int) r.getOffset(), (int) r.getOffset() + 3000));
      }
      check("a vectored read gives its ranges", good);
    }
  }

  static boolean zeroCopy(byte[] b, Path p, EnumSet<ReadOption> how, boolean mapped) throws Exception {
    ElasticByteBufferPool pool = new ElasticByteBufferPool();
    try (HdfsDataInputStream f = (HdfsDataInputStream) fs.open(p)) {
      ByteBuffer got = f.read(pool, 4096, how);
      byte[] is = new byte[got.remaining()];
      got.get(is);
      boolean good = is.length > 0 && Arrays.equals(is, Arrays.copyOf(b, is.length));
      good &= (f.getReadStatistics().getTotalZeroCopyBytesRead() > 0) == mapped;
      f.releaseBuffer(got);
      return good;
    }
  }

  static List<ShortCircuitReplica> held() throws Exception {
    List<ShortCircuitReplica> all = new ArrayList<>();
    cache().accept((mmaps, replicas, failed, evictable, evictableMapped) -> all.addAll(replicas.values()));
    return all;
  }

  static ShortCircuitReplica replicaOf(Path p) throws Exception {
    ExtendedBlock b = fs.getClient().getLocatedBlocks(p.toString(), 0).get(0).getBlock();
    for (ShortCircuitReplica r : held())
      if (r.toString().contains("" + b.getBlockId())) return r;
    return null;
  }

  static ShortCircuitShm.Slot slotOf(ShortCircuitReplica r) throws Exception {
    for (ShortCircuitShm.Slot s : slots())
      if (r != null && s.getBlockId() != null && r.toString().contains("" + s.getBlockId().getBlockId())) return s;
    return null;
  }

  static void cached() throws Exception {
    byte[] b = bytes(300000);
    Path p = put("/cached", b);
    check("zero-copy reads without checksums map the file", zeroCopy(b, p, EnumSet.of(ReadOption.SKIP_CHECKSUMS), true));
    check("with checksums a block that is not in memory is copied", zeroCopy(b, p, EnumSet.noneOf(ReadOption.class), false));
    ShortCircuitShm.Slot slot = slotOf(replicaOf(p));
    check("its slot takes no anchor", slot != null && slot.isValid() && !slot.isAnchorable());
    fs.addCachePool(new CachePoolInfo("pool"));
    long id = fs.addCacheDirective(new CacheDirectiveInfo.Builder().setPath(p).setPool("pool").build());
    check("its slot takes anchors once the block is locked in memory", until(() -> slot.isAnchorable()));
    check("then with checksums too it is mapped", zeroCopy(b, p, EnumSet.noneOf(ReadOption.class), true));
    ElasticByteBufferPool pool = new ElasticByteBufferPool();
    try (HdfsDataInputStream f = (HdfsDataInputStream) fs.open(p)) {
      ByteBuffer got = f.read(pool, 4096, EnumSet.noneOf(ReadOption.class));
      fs.removeCacheDirective(id);
      check("a block that is to leave the memory gives no more anchors", until(() -> !slot.isAnchorable()));
      check("and stays while a client has one", fs.getClient().datanodeReport(HdfsConstants.DatanodeReportType.LIVE)[0].getCacheUsed() > 0);
      f.releaseBuffer(got);
    }
    check("and goes when that is given back",
        until(() -> fs.getClient().datanodeReport(HdfsConstants.DatanodeReportType.LIVE)[0].getCacheUsed() == 0));
  }

  static void revoked() throws Exception {
    Path p = put("/gone", bytes(100000));
    try (FSDataInputStream f = fs.open(p)) {
      f.read(new byte[1000]);
      ShortCircuitReplica r = replicaOf(p);
      ShortCircuitShm.Slot slot = slotOf(r);
      fs.delete(p, false);
      check("the slot of a deleted block is no longer valid", slot != null && until(() -> !slot.isValid()));
      check("what was open is read to its end all the same", f.read(new byte[50000]) > 0);
    }
    byte[] b = bytes(100000);
    Path q = put("/longer", b);
    try (FSDataInputStream f = fs.open(q)) {
      f.read(new byte[1000]);
      ShortCircuitShm.Slot slot = slotOf(replicaOf(q));
      try (FSDataOutputStream o = fs.append(q)) { o.write(b); }
      check("the slot of a block that was appended to is no longer valid", slot != null && !slot.isValid());
    }
    try (FSDataInputStream f = fs.open(q)) {
      byte[] got = new byte[200000];
      f.readFully(got);
      check("and the longer block is read through new descriptors", Arrays.equals(Arrays.copyOf(got, 100000), b)
          && Arrays.equals(Arrays.copyOfRange(got, 100000, 200000), b) && shortCircuitBytes((HdfsDataInputStream) f) >= 200000);
    }
  }

  static void writing() throws Exception {
    Path p = new Path("/open");
    byte[] b = bytes(70001);
    try (FSDataOutputStream o = fs.create(p)) {
      o.write(b);
      o.hflush();
      try (FSDataInputStream f = fs.open(p)) {
        byte[] got = new byte[b.length];
        f.readFully(got);
        check("a block that is being written is read", Arrays.equals(got, b));
      }
    }
  }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.LogManager.getRootLogger().setLevel(org.apache.log4j.Level.ERROR);
    if (DomainSocket.getLoadingFailureReason() != null) {
      System.out.println("SKIP short-circuit reads by Hadoop's client: " + DomainSocket.getLoadingFailureReason());
      return;
    }
    Configuration c = new Configuration();
    c.setBoolean("dfs.client.read.shortcircuit", true);
    c.set("dfs.domain.socket.path", a[1]);
    c.setInt("dfs.blocksize", 262144);
    c.setInt("dfs.replication", 1);
    fs = (DistributedFileSystem) FileSystem.newInstance(new URI(a[0]), c);
    byte[] b = bytes(1234567);
    Path p = put("/several", b);
    whole(b, p);
    threads(b, p);
    vectored(b, p);
    cached();
    revoked();
    writing();
    fs.close();
    System.exit(failures > 0 ? 1 : 0);
  }
}
