// BlockGroups HOST:PORT -- striped files by Hadoop's own client: how they are made, what is said of them, what is refused, a
// line each; two namenodes which behave alike print the same. Needs ten datanodes in one rack, replication 3 or less, a
// minimum block size of 64 KiB or less and ACLs.
import java.net.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.crypto.CryptoProtocolVersion;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.io.erasurecode.ECSchema;
import org.apache.hadoop.io.EnumSetWritable;
import org.apache.hadoop.ipc.RemoteException;

public class BlockGroups {
  interface Step { Object run() throws Exception; }
  static final int KB = 1 << 10, BLOCK = 64 * KB, CELL = 16 * KB;
  static DistributedFileSystem fs;
  static ClientProtocol nn;
  static Configuration conf = new Configuration();

  static void say(String name, Step step) {
    String text;
    try {
      Object o = step.run();
      text = " = " + (o == null ? "ok" : o);
    } catch (Throwable t) {
      String c = t instanceof RemoteException ? ((RemoteException) t).getClassName() : t.getClass().getName();
      text = " ! " + c + ": " + String.valueOf(t.getMessage()).split("\n")[0].replaceAll(" Datanode .* was passed over.*", "");
    }
    System.out.println(name + text.replaceAll("127\\.0\\.0\\.1:\\d+", "NN").replaceAll("127\\.\\d+\\.\\d+\\.\\d+", "IP")
        .replaceAll("DFSClient_NONMAPREDUCE_[-0-9]+_[0-9]+", "CLIENT").replaceAll("blk_-?[0-9]+_[0-9]+", "BLK")
        .replaceAll("BP-[-0-9.]+", "POOL").replaceAll("inode [0-9]+", "inode N"));
  }

  static Path p(String s) { return new Path(s); }

  static long lastGroup;
  static String block(LocatedBlock b) {
    ExtendedBlock e = b.getBlock();
    String s = b.getStartOffset() + "+" + e.getNumBytes() + (b.isCorrupt() ? " corrupt" : "") + " places " + b.getLocations().length;
    if (b.getLocations().length > 0)
      s += " ids " + new HashSet<>(Arrays.asList(b.getStorageIDs())).size() + " types " + new TreeSet<>(Arrays.asList(b.getStorageTypes()));
    if (!(b instanceof LocatedStripedBlock)) return "[" + s + "]";
    s += " units " + Arrays.toString(((LocatedStripedBlock) b).getBlockIndices()) + " tokens " + ((LocatedStripedBlock) b).getBlockTokens().length;
    s += " id " + (e.getBlockId() < 0) + "/" + (e.getBlockId() & 15) + (lastGroup == 0 ? "" : " +" + (e.getBlockId() - lastGroup));
    lastGroup = e.getBlockId();
    return "[" + s + "]";
  }

  // The datanodes' reports of the last units may still be on their way.
  static boolean allReported(LocatedBlocks all) {
    ErasureCodingPolicy p = all.getErasureCodingPolicy();
    for (LocatedBlock b : all.getLocatedBlocks()) {
      long n = p == null ? 2 : Math.min(p.getNumDataUnits(), (b.getBlockSize() + p.getCellSize() - 1) / p.getCellSize()) + p.getNumParityUnits();
      if (b.getLocations().length < n) return false;
    }
    return true;
  }

  static Object where(String path) throws Exception {
    LocatedBlocks all = fs.getClient().getLocatedBlocks(path, 0);
    for (int i = 0; i < 400 && !all.isUnderConstruction() && !allReported(all); i++, all = fs.getClient().getLocatedBlocks(path, 0)) Thread.sleep(20);
    StringBuilder s = new StringBuilder();
    lastGroup = 0;
    for (LocatedBlock b : all.getLocatedBlocks()) s.append(block(b));
    return all.getFileLength() + (all.isUnderConstruction() ? " open " : " ") + all.isLastBlockComplete() + " "
        + (all.getErasureCodingPolicy() == null ? "-" : all.getErasureCodingPolicy().getName()) + " " + s
        + (all.getLastLocatedBlock() == null ? "" : " last " + block(all.getLastLocatedBlock()));
  }

  static Object status(String path) throws Exception {
    HdfsFileStatus s = fs.getClient().getFileInfo(path);
    return s == null ? "none" : s.getLen() + " replication " + s.getReplication() + " block " + s.getBlockSize() + " " + s.isErasureCoded()
        + " " + s.getErasureCodingPolicy() + (s.isEncrypted() ? " encrypted" : "") + (s.hasAcl() ? " acl" : "") + " storage " + s.getStoragePolicy();
  }

  static Object sums(String path) throws Exception {
    ContentSummary c = fs.getContentSummary(p(path));
    return c.getLength() + " " + c.getFileCount() + " " + c.getDirectoryCount() + " " + c.getSpaceConsumed() + " " + c.getErasureCodingPolicy() + " "
        + c.getQuota() + " " + c.getSpaceQuota() + " snapshots " + c.getSnapshotLength() + " " + c.getSnapshotFileCount() + " " + c.getSnapshotSpaceConsumed();
  }

  static Object quota(String path) throws Exception {
    QuotaUsage q = fs.getQuotaUsage(p(path));
    return q.getFileAndDirectoryCount() + " " + q.getSpaceConsumed() + " of " + q.getSpaceQuota();
  }

  static byte[] bytes(long n, int seed) {
    byte[] b = new byte[(int) n];
    new Random(seed).nextBytes(b);
    return b;
  }

  static Object write(String path, long n, String policy) throws Exception {
    DistributedFileSystem.HdfsDataOutputStreamBuilder b = fs.createFile(p(path)).blockSize(BLOCK).replication((short) 2).recursive().overwrite(true);
    if (policy != null && policy.equals("replicate")) b.replicate();
    else if (policy != null) b.ecPolicyName(policy);
    try (FSDataOutputStream out = b.build()) { out.write(bytes(n, (int) n)); }
    return check(path, n);
  }

  static Object check(String path, long n) throws Exception {
    byte[] want = bytes(n, (int) n), got = new byte[want.length];
    try (FSDataInputStream in = fs.open(p(path))) {
      in.readFully(0, got);
      return Arrays.equals(want, got) && in.read(n, new byte[1], 0, 1) == -1 ? "as written" : "other bytes";
    }
  }

  static Object create(String path, String policy, EnumSet<CreateFlag> flags, long blockSize) throws Exception {
    HdfsFileStatus s = nn.create(path, FsPermission.getFileDefault(), fs.getClient().getClientName(), new EnumSetWritable<>(flags), true,
        (short) 2, blockSize, CryptoProtocolVersion.supported(), policy, null);
    return s.getReplication() + " " + (s.getErasureCodingPolicy() == null ? "-" : s.getErasureCodingPolicy().getName());
  }

  static LocatedBlock add(String path, ExtendedBlock before, DatanodeInfo... not) throws Exception {
    return nn.addBlock(path, fs.getClient().getClientName(), before, not, HdfsConstants.GRANDFATHER_INODE_ID, null, null);
  }

  static ExtendedBlock open(String path, String policy) throws Exception {
    create(path, policy, EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE), BLOCK);
    return add(path, null).getBlock();
  }

  static Object topology(String... names) throws Exception {
    ECTopologyVerifierResult r = nn.getECTopologyResultForPolicies(names);
    return r.isSupported() + " " + r.getResultMessage();
  }

  static DatanodeInfo[] someNodes(int n) throws Exception { return Arrays.copyOf(fs.getDataNodeStats(), n); }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.Logger.getRootLogger().setLevel(org.apache.log4j.Level.OFF);
    conf.setInt("dfs.client.block.write.locateFollowingBlock.retries", 7);
    conf.setInt("dfs.bytes-per-checksum", 512);
    fs = (DistributedFileSystem) FileSystem.get(new URI("hdfs://" + a[0]), conf);
    nn = fs.getClient().getNamenode();
    for (FileStatus s : fs.listStatus(p("/"))) {
      for (SnapshotStatus t : s.isDirectory() && ((HdfsFileStatus) fs.getClient().getFileInfo(s.getPath().toUri().getPath())).isSnapshotEnabled()
          ? fs.getClient().getSnapshotListing(s.getPath().toUri().getPath()) : new SnapshotStatus[0])
        fs.deleteSnapshot(s.getPath(), t.getFullPath().getName());
      fs.delete(s.getPath(), true);
    }
    String[] system = {"RS-6-3-1024k", "RS-3-2-1024k", "XOR-2-1-1024k", "RS-LEGACY-6-3-1024k"};
    for (ErasureCodingPolicyInfo i : fs.getAllErasureCodingPolicies()) fs.disableErasureCodingPolicy(i.getPolicy().getName());

    say("not enabled", () -> create("/f", "RS-6-3-1024k", EnumSet.of(CreateFlag.CREATE), 1 << 20));
    for (String name : system) fs.enableErasureCodingPolicy(name);
    fs.enableErasureCodingPolicy("RS-10-4-1024k");
    say("own", () -> fs.addErasureCodingPolicies(new ErasureCodingPolicy[] {new ErasureCodingPolicy(new ECSchema("rs", 3, 2), CELL),
        new ErasureCodingPolicy(new ECSchema("xor", 2, 1), CELL)})[0].isSucceed());
    fs.enableErasureCodingPolicy("RS-3-2-16k");
    fs.enableErasureCodingPolicy("XOR-2-1-16k");
    say("unknown", () -> create("/f", "RS-9-9-9k", EnumSet.of(CreateFlag.CREATE), 1 << 20));
    say("both", () -> create("/f", "RS-6-3-1024k", EnumSet.of(CreateFlag.CREATE, CreateFlag.SHOULD_REPLICATE), 1 << 20));
    say("small blocks", () -> create("/f", "RS-6-3-1024k", EnumSet.of(CreateFlag.CREATE), BLOCK));
    say("small blocks, own", () -> create("/f", "RS-3-2-16k", EnumSet.of(CreateFlag.CREATE), 1 << 13));
    say("by name", () -> create("/named", "RS-6-3-1024k", EnumSet.of(CreateFlag.CREATE), 1 << 20));
    say("open and empty", () -> status("/named") + " " + where("/named"));
    say("replication", () -> create("/plain", "replication", EnumSet.of(CreateFlag.CREATE), 1 << 20));
    say("replication", () -> nn.complete("/plain", fs.getClient().getClientName(), null, HdfsConstants.GRANDFATHER_INODE_ID) + " " + status("/plain"));

    say("directory", () -> fs.mkdirs(p("/d/e")));
    fs.setErasureCodingPolicy(p("/d"), "RS-3-2-16k");
    say("directory", () -> status("/d") + " " + sums("/d"));
    say("below", () -> status("/d/e") + " " + sums("/d/e") + " " + fs.getErasureCodingPolicy(p("/d/e")));
    for (int n : new int[] {0, 1, CELL - 1, CELL, CELL + 1, 3 * CELL - 1, 3 * CELL, 3 * CELL + 1, 3 * BLOCK - 1, 3 * BLOCK, 3 * BLOCK + 1, 8 * BLOCK + 77}) {
      say("write " + n, () -> write("/d/e/f" + n, n, null));
      say("status", () -> status("/d/e/f" + n));
      say("where", () -> where("/d/e/f" + n));
      say("sums", () -> sums("/d/e/f" + n));
    }
    say("part", () -> { LocatedBlocks l = nn.getBlockLocations("/d/e/f" + (8 * BLOCK + 77), 3 * BLOCK + 5, 10); lastGroup = 0; return l.getFileLength() + " " + block(l.get(0)) + l.locatedBlockCount(); });
    say("all below", () -> sums("/d"));
    say("replicate", () -> write("/d/r", 100, "replicate"));
    say("replicate", () -> status("/d/r") + " " + where("/d/r") + " " + sums("/d/r"));
    say("another", () -> write("/d/x", 3 * BLOCK, "XOR-2-1-16k"));
    say("another", () -> where("/d/x") + " " + sums("/d/x"));
    say("not empty", () -> { fs.setErasureCodingPolicy(p("/d"), "XOR-2-1-16k"); return fs.getErasureCodingPolicy(p("/d")).getName() + " " + fs.getErasureCodingPolicy(p("/d/e/f1")).getName(); });
    fs.setErasureCodingPolicy(p("/d"), "RS-3-2-16k");
    say("a file's", () -> { fs.setErasureCodingPolicy(p("/d/r"), "RS-3-2-16k"); return null; });
    fs.disableErasureCodingPolicy("RS-3-2-16k");
    say("disabled", () -> write("/d/late", 5, null) + " " + where("/d/late"));
    say("disabled", () -> write("/late", 5, "RS-3-2-16k"));
    fs.enableErasureCodingPolicy("RS-3-2-16k");
    for (String name : system) {
      say(name, () -> { try (FSDataOutputStream out = fs.createFile(p("/s/" + name)).blockSize(1 << 20).ecPolicyName(name).recursive().build()) { out.write(bytes(3000000, 7)); } return null; });
      say(name, () -> status("/s/" + name) + " " + where("/s/" + name) + " " + sums("/s/" + name));
    }

    say("setReplication", () -> fs.setReplication(p("/d/e/f1"), (short) 5) + " " + status("/d/e/f1"));
    say("truncate", () -> fs.truncate(p("/d/e/f1"), 0));
    say("append", () -> { fs.append(p("/d/e/f1")).close(); return null; });
    say("append, new block", () -> { try (FSDataOutputStream out = fs.append(p("/d/e/f1"), EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) { out.write(bytes(9, 9)); } return where("/d/e/f1") + " " + status("/d/e/f1"); });
    write("/d/c0", 3 * BLOCK, null);
    write("/d/c1", 100, null);
    say("concat, another kind", () -> { fs.concat(p("/d/c0"), new Path[] {p("/d/r")}); return null; });
    say("concat", () -> { fs.concat(p("/d/c0"), new Path[] {p("/d/c1")}); return where("/d/c0"); });
    say("move out", () -> { fs.rename(p("/d/c0"), p("/out")); return status("/out"); });
    say("storage policy", () -> { fs.setStoragePolicy(p("/out"), "ONE_SSD"); return status("/out"); });

    say("quota", () -> { fs.mkdirs(p("/q")); fs.setErasureCodingPolicy(p("/q"), "RS-3-2-16k"); fs.setQuota(p("/q"), 100, 5 * BLOCK + 200); return write("/q/f", 100, null) + " " + quota("/q") + " " + sums("/q"); });
    say("over quota", () -> write("/q/g", 100, null));
    say("over quota", () -> quota("/q"));
    say("room", () -> { fs.setQuota(p("/q"), 100, 20 * BLOCK); return write("/q/g", 3 * BLOCK + 1, null) + " " + quota("/q"); });
    say("moved in", () -> { write("/in", 3 * BLOCK + 1, "XOR-2-1-16k"); fs.rename(p("/in"), p("/q/in")); return quota("/q"); });
    say("freed", () -> { fs.delete(p("/q/g"), false); return quota("/q"); });

    say("snapshot", () -> { fs.allowSnapshot(p("/q")); fs.createSnapshot(p("/q"), "s"); fs.delete(p("/q/f"), false); return status("/q/.snapshot/s/f") + " " + where("/q/.snapshot/s/f") + " " + quota("/q"); });
    say("snapshot", () -> check("/q/.snapshot/s/f", 100));
    say("snapshot", () -> { fs.deleteSnapshot(p("/q"), "s"); return quota("/q"); });

    say("being written", () -> { open("/w", "RS-3-2-16k"); return where("/w") + " " + status("/w") + " " + sums("/w"); });
    say("add again", () -> { lastGroup = 0; return block(add("/w", null)); });
    say("another stamp", () -> {
      LocatedBlock b = add("/w", null), n = nn.updateBlockForPipeline(b.getBlock(), fs.getClient().getClientName());
      lastGroup = 0;
      return (n.getBlock().getGenerationStamp() > b.getBlock().getGenerationStamp()) + " " + block(n); });
    say("fewer", () -> {
      LocatedBlock b = add("/w", null);
      DatanodeInfo[] all = b.getLocations();
      DatanodeID[] ids = {all[0], DatanodeID.EMPTY_DATANODE_ID, all[2], all[3], DatanodeID.EMPTY_DATANODE_ID};
      String[] s = b.getStorageIDs(), storages = {s[0], "", s[2], s[3], ""};
      ExtendedBlock later = nn.updateBlockForPipeline(b.getBlock(), fs.getClient().getClientName()).getBlock();
      nn.updatePipeline(fs.getClient().getClientName(), b.getBlock(), later, ids, storages);
      return where("/w"); });
    say("complete", () -> nn.complete("/w", fs.getClient().getClientName(), add("/w", null).getBlock(), HdfsConstants.GRANDFATHER_INODE_ID));
    say("too few", () -> { create("/few", "RS-6-3-1024k", EnumSet.of(CreateFlag.CREATE), 1 << 20); return block(add("/few", null, someNodes(5))); });
    say("just enough", () -> { lastGroup = 0; return block(add("/few", null, someNodes(4))); });
    say("topology", () -> topology());
    say("topology", () -> topology("RS-6-3-1024k"));
    say("topology", () -> topology("RS-10-4-1024k"));
    say("stats", () -> nn.getStats().length + " " + nn.getECBlockGroupStats().toString().replaceAll("PendingDeletionBlocks=[0-9]+, ", ""));
  }
}
