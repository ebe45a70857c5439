// HostileCalls HOST:PORT [METHOD] -- every method of ClientProtocol with arguments that make no sense: paths of all wrong
// kinds, absurd numbers, blocks of other pools and stamps, others' leases. Prints a line for each call; what differs from run
// to run is left out, so that two namenodes which behave alike print the same.
//   HostileCalls HOST:PORT parallel N   N clients at a time, each with a connection of its own
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.crypto.CryptoProtocolVersion;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DFSClient;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.protocol.proto.ClientNamenodeProtocolProtos.ClientNamenodeProtocol;
import org.apache.hadoop.hdfs.protocolPB.ClientNamenodeProtocolPB;
import org.apache.hadoop.io.EnumSetWritable;
import org.apache.hadoop.ipc.*;
import org.apache.hadoop.net.NetUtils;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.thirdparty.protobuf.*;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.FieldDescriptor;

public class HostileCalls {
  static InetSocketAddress at;
  static Configuration conf = new Configuration();
  static ClientProtocol nn;
  static String pool = "";
  static LocatedBlock open;

  static class Variant {
    String name, path = "/h/file", client = "c1", user = null, text = "x";
    byte[] raw;
    long number = 0;
    boolean yes = false, optional = false, wrongPool = false;
    long stamp = 0;
    Variant(String name) { this.name = name; }
  }

  static List<Variant> variants() {
    List<Variant> all = new ArrayList<>();
    String[][] paths = {{"file", "/h/file"}, {"none", "/h/none"}, {"directory", "/h/dir"}, {"root", "/"}, {"relative", "h"}, {"empty", ""},
        {"dots", "/h/../h"}, {"dot", "/h/./file"}, {"double", "/h//file"}, {"below a file", "/h/file/x"}, {"colon", "/h/a:b"}, {"NUL", "/h/a\0b"},
        {"long", "/h/" + "n".repeat(7998)}, {"longer", "/" + "abcdefgh/".repeat(1000)}, {"deep", "/h" + "/a".repeat(1001)}, {"name", "/h/" + "n".repeat(256)},
        {"reserved", "/.reserved"}, {"reserved inode", "/.reserved/.inodes/1"}, {"snapshot", "/h/.snapshot/s"}};
    for (String[] p : paths) {
      Variant v = new Variant(p[0]);
      v.path = p[1];
      v.number = 1;
      all.add(v);
    }
    Variant v = new Variant("invalid UTF-8");
    v.raw = new byte[] {'/', 'h', '/', (byte) 0xff, (byte) 0xc0, 'x', (byte) 0xed, (byte) 0xa0, (byte) 0x80};
    all.add(v);
    for (long n : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 40}) {
      v = new Variant("number " + n);
      v.number = n;
      v.optional = true;
      all.add(v);
    }
    v = new Variant("yes to all");
    v.yes = v.optional = true;
    v.number = 3;
    all.add(v);
    v = new Variant("bob");
    v.user = "bob";
    v.number = 1;
    all.add(v);
    v = new Variant("another's lease");
    v.path = "/h/open";
    v.client = "c2";
    all.add(v);
    v = new Variant("stale stamp");
    v.path = "/h/open";
    v.stamp = -1;
    all.add(v);
    v = new Variant("future stamp");
    v.path = "/h/open";
    v.stamp = 1000;
    all.add(v);
    v = new Variant("another pool");
    v.path = "/h/open";
    v.wrongPool = true;
    all.add(v);
    return all;
  }

  static final Set<String> LEFT = new TreeSet<>(Arrays.asList("setSafeMode", "saveNamespace", "rollEdits", "restoreFailedStorage", "refreshNodes",
      "finalizeUpgrade", "rollingUpgrade", "metaSave", "setBalancerBandwidth", "getDatanodeReport", "getDatanodeStorageReport", "getFsStats", "getEditsFromTxid",
      "getDataEncryptionKey", "getDelegationToken", "getSlowDatanodeReport", "getSnapshottableDirListing", "getFsECBlockGroupStats", "getFsReplicatedBlockStats", "getServerDefaults",
      "getCurrentEditLogTxid", "listCacheDirectives", "listCachePools", "addCacheDirective", "removeCacheDirective", "modifyCacheDirective", "addCachePool",
      "modifyCachePool", "removeCachePool", "msync", "getHAServiceState", "getErasureCodingPolicies", "addErasureCodingPolicies", "enableErasureCodingPolicy",
      "disableErasureCodingPolicy", "removeErasureCodingPolicy", "getErasureCodingCodecs", "getECTopologyResultForPolicies", "cancelDelegationToken", "renewDelegationToken"));

  // ---- requests ----

  static boolean isPath(String n) {
    n = n.toLowerCase();
    return n.contains("path") || n.equals("src") || n.equals("srcs") || n.equals("trg") || n.equals("dst") || n.equals("target") || n.equals("link") || n.endsWith("root") || n.equals("srcpath");
  }
  static boolean isClient(String n) { n = n.toLowerCase(); return n.equals("clientname") || n.equals("holder") || n.equals("client"); }

  static Object value(FieldDescriptor f, Message.Builder b, Variant v, int depth) {
    String n = f.getName();
    switch (f.getJavaType()) {
      case STRING: return isPath(n) ? v.path : isClient(n) ? v.client : n.equals("poolId") ? v.wrongPool ? "BP-another" : pool : v.text;
      case BOOLEAN: return v.yes;
      case INT: return (int) v.number;
      case LONG:
        if (n.equalsIgnoreCase("generationStamp") && open != null) return open.getBlock().getGenerationStamp() + v.stamp;
        if (n.equalsIgnoreCase("blockId") && open != null) return open.getBlock().getBlockId();
        return v.number;
      case ENUM: return f.getEnumType().getValues().get(0);
      case BYTE_STRING: return ByteString.copyFromUtf8(v.text);
      case MESSAGE: return fill(b.newBuilderForField(f), v, depth + 1);
      default: return 0;
    }
  }
  static Message fill(Message.Builder b, Variant v, int depth) {
    UnknownFieldSet.Builder raw = UnknownFieldSet.newBuilder();
    for (FieldDescriptor f : b.getDescriptorForType().getFields()) {
      if (depth > 4 && !f.isRequired()) continue;
      if (f.isRepeated()) {
        if (isPath(f.getName()) || v.optional) b.addRepeatedField(f, value(f, b, v, depth));
      } else if (v.raw != null && f.getJavaType() == FieldDescriptor.JavaType.STRING && isPath(f.getName()) && f.isRequired()) {
        raw.mergeField(f.getNumber(), UnknownFieldSet.Field.newBuilder().addLengthDelimited(ByteString.copyFrom(v.raw)).build());
      } else if (f.isRequired() || v.optional || f.getName().equals("previous") || f.getName().equals("last")) {
        b.setField(f, value(f, b, v, depth));
      }
    }
    if (v.raw != null) b.setUnknownFields(raw.build());
    return v.raw != null ? b.buildPartial() : b.build();
  }

  // ---- answers ----

  static String plain(String s) {
    s = s.split("\n\tat")[0].replace("\n", "\\n");
    return s.replaceAll("n{50,}", "n..").replaceAll("(abcdefgh/){5,}", "abcdefgh/..").replaceAll("(/a){50,}", "/a..").replaceAll("blk_-?\\d+_-?\\d+", "blk_N").replaceAll("BP-[-0-9.]+", "BP-N")
        .replaceAll("inode \\d+", "inode N").replaceAll("\\d{6,}", "N").replaceAll("NamenodeHostName:\\S*", "NamenodeHostName:H").replaceAll("(fileId|id|generationStamp): -?\\d+", "$1: N")
        .replaceAll("txid: -?\\d+", "txid: N").replaceAll("(?i)(holder|owner|user)(: |=)\"?root\"?", "$1$2SUPER").replaceAll(" Datanode \\S+ was passed over.*", "");
  }
  static String show(Message m) {
    String s = m.toString().contains("locs {") ? "located blocks" : plain(TextFormat.printer().escapingNonAscii(true).shortDebugString(m));
    return s.length() > 400 ? s.substring(0, 400) : s;
  }

  static ClientNamenodeProtocolPB proxy(String user) throws Exception {
    UserGroupInformation u = user == null ? UserGroupInformation.getCurrentUser() : UserGroupInformation.createRemoteUser(user);
    return RPC.getProtocolProxy(ClientNamenodeProtocolPB.class, RPC.getProtocolVersion(ClientNamenodeProtocolPB.class), at, u, conf,
        NetUtils.getDefaultSocketFactory(conf), 30000, null).getProxy();
  }
  static String call(Object p, Method m, Variant v) throws Exception {
    try {
      Message.Builder b = (Message.Builder) m.getParameterTypes()[1].getMethod("newBuilder").invoke(null);
      return "= " + show((Message) m.invoke(p, null, fill(b, v, 0)));
    } catch (InvocationTargetException e) {
      Throwable c = e.getCause();
      if (c.getCause() instanceof RemoteException) {
        RemoteException r = (RemoteException) c.getCause();
        return "! " + r.getClassName() + ": " + plain(String.valueOf(r.getMessage()));
      }
      return "?! " + (c.getCause() == null ? c : c.getCause()).getClass().getName();
    } catch (Throwable t) {
      return "(not sent: " + t.getClass().getName() + ")";
    }
  }

  static void prepare() throws Exception {
    nn.delete("/h", true);
    nn.mkdirs("/h/dir/sub", new FsPermission((short) 0755), true);
    EnumSetWritable<CreateFlag> f = new EnumSetWritable<>(EnumSet.of(CreateFlag.CREATE), CreateFlag.class);
    for (String s : new String[] {"/h/file", "/h/open"})
      nn.create(s, new FsPermission((short) 0644), "c1", f, true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), null, null);
    nn.complete("/h/file", "c1", null, 0);
    open = nn.addBlock("/h/open", "c1", null, null, 0, null, null);
    pool = open.getBlock().getBlockPoolId();
  }

  // ---- many at a time ----

  static void parallel(int n) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(n);
    AtomicInteger good = new AtomicInteger();
    ConcurrentHashMap<String, Integer> bad = new ConcurrentHashMap<>();
    CountDownLatch ready = new CountDownLatch(n);
    nn.delete("/many", true);
    nn.mkdirs("/many", new FsPermission((short) 0777), true);
    for (int i = 0; i < n; i++) {
      int k = i;
      pool.submit(() -> {
        try {
          Configuration own = new Configuration(conf);
          ClientProtocol c = UserGroupInformation.createRemoteUser("user" + k).doAs((java.security.PrivilegedExceptionAction<ClientProtocol>) () ->
              new DFSClient(new URI("hdfs://" + at.getHostString() + ":" + at.getPort()), own).getNamenode());
          c.getFileInfo("/many");
          ready.countDown();
          ready.await();
          for (int r = 0; r < 5; r++) {
            c.mkdirs("/many/" + k, new FsPermission((short) 0755), true);
            c.mkdirs("/many/" + k + "/" + r, new FsPermission((short) 0755), true);
            c.rename2("/many/" + k + "/" + r, "/many/" + k + "/x" + r);
            if (c.getFileInfo("/many/" + k + "/x" + r).isDirectory()) good.incrementAndGet();
          }
        } catch (Throwable t) {
          bad.merge(String.valueOf(t).split("\n")[0], 1, Integer::sum);
          ready.countDown();
        }
      });
    }
    pool.shutdown();
    pool.awaitTermination(240, TimeUnit.SECONDS);
    System.out.println(n + " clients: " + good + " of " + 5 * n + " rounds well, " + nn.getFileInfo("/many").getChildrenNum() + " directories " + (bad.isEmpty() ? "" : bad.toString()));
    nn.delete("/many", true);
    System.exit(good.get() == 5 * n && bad.isEmpty() ? 0 : 1);
  }

  public static void main(String[] a) throws Exception {
    String[] hp = a[0].split(":");
    at = new InetSocketAddress(hp[0], Integer.parseInt(hp[1]));
    conf.set("fs.defaultFS", "hdfs://" + a[0]);
    conf.setInt("ipc.client.connect.max.retries", 2);
    conf.setInt("ipc.maximum.data.length", 64 << 20);
    RPC.setProtocolEngine(conf, ClientNamenodeProtocolPB.class, ProtobufRpcEngine2.class);
    nn = new DFSClient(new URI("hdfs://" + a[0]), conf).getNamenode();
    if (a.length > 2) parallel(Integer.parseInt(a[2]));
    try { nn.unsetErasureCodingPolicy("/"); } catch (Exception e) { }
    nn.setQuota("/", Long.MAX_VALUE - 1, HdfsConstants.QUOTA_RESET, null);
    Map<String, ClientNamenodeProtocolPB> as = new HashMap<>();
    as.put(null, proxy(null));
    as.put("bob", proxy("bob"));
    Method[] methods = ClientNamenodeProtocol.BlockingInterface.class.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::getName));
    for (Method m : methods) {
      if (LEFT.contains(m.getName()) || (a.length > 1 && m.getName().compareTo(a[1]) < 0)) continue;
      for (Variant v : variants()) {
        // of the root they would see, or leave behind, what other runs did
        if (v.path.equals("/") && (m.getName().matches("get.*|allowSnapshot|disallowSnapshot|createSnapshot|renameSnapshot|deleteSnapshot|setQuota|setErasureCodingPolicy"))) continue;
        prepare();
        System.out.println(m.getName() + " [" + v.name + "] " + call(as.get(v.user), m, v));
      }
    }
    nn.delete("/h", true);
    System.exit(0);
  }
}
