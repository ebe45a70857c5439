import java.io.IOException;
import java.net.URI;
import java.util.*;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.io.erasurecode.ECSchema;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.security.token.Token;

/**
 * RandomNamespace URI SEED ENTRIES THREADS [KIND,...]: every call that changes a namespace, by chance, until there are ENTRIES more or less;
 * what is refused is passed over. Halfway the namespace is saved, so that a start needs image and edits. Prints how often each
 * kind of call succeeded: "kind count"; each does at last, but for the KINDs named. What is open at the end stays open.
 */
public class RandomNamespace {
  static final ConcurrentSkipListMap<String, AtomicInteger> done = new ConcurrentSkipListMap<>();
  static final AtomicInteger entries = new AtomicInteger(), open = new AtomicInteger();
  static List<String> never = Collections.emptyList();
  static DistributedFileSystem fs;
  static final List<FSDataOutputStream> kept = Collections.synchronizedList(new ArrayList<>());
  static final String[] OWNERS = {"alice", "bob", "carol", "dave", "erin", "frank"}, GROUPS = {"staff", "wheel", "lab"};
  static final String[] POLICIES = {"HOT", "COLD", "WARM", "ALL_SSD", "ONE_SSD"};
  static final String[] CODES = {"XOR-2-1-1024k", "RS-3-2-1024k", "RS-6-3-1024k"};
  static final StorageType[] TYPES = {StorageType.DISK, StorageType.SSD, StorageType.ARCHIVE};

  interface Call { void run() throws Exception; }

  static class Worker extends Thread {
    final Random r;
    final String home;
    final List<String> dirs = new ArrayList<>(), files = new ArrayList<>(), full = new ArrayList<>();
    final List<String> snaps = new ArrayList<>(); // "dir name"
    final List<Long> directives = new ArrayList<>();
    Token<?> token;
    int number = 0, until;
    final int scale;

    Worker(int n, long seed, int scale) {
      r = new Random(seed * 1000 + n);
      home = "/w" + n;
      this.scale = scale;
    }
    String name() {
      String s = "entry-" + r.nextInt(1000) + "-" + number++;
      switch (r.nextInt(20)) {
        case 0: return "ä" + s;
        case 1: return s + "😀";
        case 2: return s + " with &<>\"' marks";
        default: return s;
      }
    }
    String any(List<String> l) { return l.isEmpty() ? home : l.get(r.nextInt(l.size())); }
    String dir() { return r.nextInt(50) == 0 ? "/shared" : any(dirs); }
    Path file() { return new Path(any(files)); }
    Path data() { return new Path(any(full)); }
    Path entry() { return new Path(any(r.nextInt(4) == 0 ? dirs : files)); }
    void one(String what, Call c) {
      try {
        c.run();
        done.computeIfAbsent(what, k -> new AtomicInteger()).incrementAndGet();
      } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException | UnsupportedOperationException e) {
        done.computeIfAbsent(what, k -> new AtomicInteger());
        if (System.getenv("WHY") != null) System.err.println(what + ": " + String.valueOf(e.getMessage()).split("\n")[0]);
      } catch (Exception e) {
        throw new RuntimeException(e);
      }
    }
    void create(String p, int size, boolean keep) throws Exception {
      FSDataOutputStream o = fs.create(new Path(p), FsPermission.getFileDefault(), EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE), 4096,
          (short) (1 + r.nextInt(2)), 1024, null);
      if (size > 0) o.write(new byte[size]);
      if (keep) {
        if (size > 0) o.hflush();
        kept.add(o);
      } else {
        o.close();
      }
      entries.incrementAndGet();
      (size > 0 ? full : files).add(p);
    }
    String pool() { return "p" + r.nextInt(3) + home.substring(1); }
    FsPermission mode() { return new FsPermission((short) (r.nextInt(01000) | (r.nextInt(10) == 0 ? 01000 : 0))); }
    List<AclEntry> acl(boolean whole) {
      String s = whole ? "user::rwx,group::r-x,other::---," : "";
      s += r.nextBoolean() ? "user:" + OWNERS[r.nextInt(6)] + ":r-x" : "group:" + GROUPS[r.nextInt(3)] + ":rw-";
      if (r.nextInt(3) == 0) s += ",default:user:" + OWNERS[r.nextInt(6)] + ":rw-";
      return AclEntry.parseAclSpec(s, true);
    }
    void moved(String from, String to) {
      List<String> l = dirs.contains(from) ? dirs : full.contains(from) ? full : files;
      l.remove(from);
      l.add(to);
    }
    void rename(int how) throws Exception {
      String from = entry().toString(), to = r.nextInt(12) == 0 ? data().toString() : dir() + "/" + name();
      if (from.equals(home) || from.endsWith("/snap")) return;
      switch (how) {
        case 0: if (!fs.rename(new Path(from), new Path(to))) throw new IOException("false"); break;
        case 1: fs.rename(new Path(from), new Path(to), Rename.NONE); break;
        case 2: fs.rename(new Path(from), new Path(to), Rename.OVERWRITE); break;
        default: fs.getClient().rename(from, to, Rename.TO_TRASH); break;
      }
      moved(from, to);
    }
    void delete() throws Exception {
      Path p = r.nextInt(6) == 0 ? data() : entry();
      if (p.toString().equals(home) || p.toString().endsWith("/snap")) return;
      if (!fs.delete(p, r.nextInt(8) == 0)) throw new IOException("false");
      files.remove(p.toString());
      full.remove(p.toString());
      dirs.remove(p.toString());
    }
    void snapshot() throws Exception {
      String d = home + "/snap";
      switch (r.nextInt(snaps.size() > 4 ? 6 : 5)) {
        case 0: case 1: case 2: one("createSnapshot", () -> {
          String n = "s" + number++;
          fs.createSnapshot(new Path(d), n);
          snaps.add(n);
        }); break;
        case 3: one("renameSnapshot", () -> {
          String n = any(snaps), to = "r" + number++;
          fs.renameSnapshot(new Path(d), n, to);
          snaps.remove(n);
          snaps.add(to);
        }); break;
        default: one("deleteSnapshot", () -> {
          String n = any(snaps);
          fs.deleteSnapshot(new Path(d), n);
          snaps.remove(n);
        }); break;
      }
    }
    void rare() throws Exception {
      switch (r.nextInt(9)) {
        case 0: one("addCachePool", () -> fs.addCachePool(new CachePoolInfo(pool()).setOwnerName(OWNERS[r.nextInt(6)])
            .setMode(mode()).setLimit(1000000L + r.nextInt(1000)).setMaxRelativeExpiryMs(1000000000L))); break;
        case 1: one("modifyCachePool", () -> fs.modifyCachePool(new CachePoolInfo(pool()).setLimit(2000000L + r.nextInt(9))
            .setGroupName(GROUPS[r.nextInt(3)]))); break;
        case 2: one("removeCachePool", () -> fs.removeCachePool(pool())); break;
        case 3: case 4: one("addCacheDirective", () -> directives.add(fs.addCacheDirective(new CacheDirectiveInfo.Builder().setPath(new Path(any(dirs)))
            .setPool(pool()).setReplication((short) (1 + r.nextInt(3))).build(), EnumSet.of(CacheFlag.FORCE)))); break;
        case 5: one("modifyCacheDirective", () -> fs.modifyCacheDirective(new CacheDirectiveInfo.Builder().setId(directives.get(0))
            .setReplication((short) 2).setExpiration(CacheDirectiveInfo.Expiration.newRelative(900000000L)).build(), EnumSet.of(CacheFlag.FORCE))); break;
        case 6: one("removeCacheDirective", () -> fs.removeCacheDirective(directives.remove(directives.size() - 1))); break;
        case 7: one("token", () -> {
          token = fs.getDelegationToken(System.getProperty("user.name"));
          if (token == null) throw new IOException("none");
        }); break;
        case 8: one("token-renew-cancel", () -> {
          if (token == null) throw new IOException("none");
          if (r.nextBoolean()) token.renew(fs.getConf()); else token.cancel(fs.getConf());
        }); break;
      }
    }
    void codes() throws Exception {
      switch (r.nextInt(5)) {
        case 0: one("addErasureCodingPolicy", () -> {
          ErasureCodingPolicy p = new ErasureCodingPolicy(new ECSchema("rs", 4 + r.nextInt(2), 2), 65536);
          if (!fs.addErasureCodingPolicies(new ErasureCodingPolicy[] {p})[0].isSucceed()) throw new IOException("no");
        }); break;
        case 1: one("removeErasureCodingPolicy", () -> fs.removeErasureCodingPolicy("RS-" + (4 + r.nextInt(2)) + "-2-64k")); break;
        case 2: one("disableErasureCodingPolicy", () -> fs.disableErasureCodingPolicy(CODES[1 + r.nextInt(2)])); break;
        default: one("enableErasureCodingPolicy", () -> fs.enableErasureCodingPolicy(CODES[r.nextInt(3)])); break;
      }
    }
    void striped() throws Exception {
      String d = home + "/ec" + r.nextInt(3);
      if (r.nextInt(3) == 0) one("setErasureCodingPolicy", () -> {
        fs.mkdirs(new Path(d));
        fs.setErasureCodingPolicy(new Path(d), CODES[r.nextInt(3)]);
        if (!dirs.contains(d)) dirs.add(d);
      });
      else if (r.nextInt(6) == 0) one("unsetErasureCodingPolicy", () -> fs.unsetErasureCodingPolicy(new Path(d)));
      else one("createStriped", () -> {
        String p = d + "/" + name();
        FSDataOutputStream o = fs.createFile(new Path(p)).ecPolicyName("XOR-2-1-1024k").recursive().build();
        o.write(new byte[r.nextInt(3000)]);
        o.close();
        files.add(p);
        entries.incrementAndGet();
      });
    }
    void concat() throws Exception {
      String d = any(dirs), a = d + "/" + name(), b = d + "/" + name(), c = d + "/" + name();
      for (String p : new String[] {a, b, c}) {
        FSDataOutputStream o = fs.create(new Path(p), true, 4096, (short) 1, 1024);
        o.write(new byte[1024 * (1 + r.nextInt(2))]);
        o.close();
      }
      fs.concat(new Path(a), new Path[] {new Path(b), new Path(c)});
      full.add(a);
      entries.incrementAndGet();
    }
    void bytes() throws Exception {
      switch (r.nextInt(8)) {
        case 0: case 1: one("create-data", () -> create(dir() + "/" + name(), 1 + r.nextInt(3000), false)); break;
        case 2: if (open.incrementAndGet() <= 60) one("create-open", () -> create(dir() + "/" + name(), r.nextBoolean() ? 1 + r.nextInt(2000) : 0, true)); break;
        case 3: one("append", () -> {
          try (FSDataOutputStream o = r.nextBoolean() ? fs.append(data()) : fs.append(data(), EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) {
            o.write(new byte[1 + r.nextInt(1500)]);
          }
        }); break;
        case 4: one("truncate", () -> {
          if (!fs.truncate(data(), r.nextInt(2) * 1024)) throw new IOException("later");
        }); break;
        case 5: one("truncate-inside", () -> {
          Path p = data();
          if (fs.truncate(p, 1 + r.nextInt(900))) throw new IOException("at a boundary");
          cut.add(p);
        }); break;
        case 6: one("concat", this::concat); break;
        default: one("recoverLease", () -> {
          if (!kept.isEmpty() && r.nextInt(4) == 0) fs.recoverLease(new Path(any(full)));
        }); break;
      }
    }
    void attributes() throws Exception {
      switch (r.nextInt(16)) {
        case 0: one("setReplication", () -> fs.setReplication(r.nextBoolean() ? data() : file(), (short) (1 + r.nextInt(3)))); break;
        case 1: case 2: one("setPermission", () -> fs.setPermission(entry(), mode())); break;
        case 3: one("setOwner", () -> fs.setOwner(entry(), r.nextBoolean() ? OWNERS[r.nextInt(6)] : null, GROUPS[r.nextInt(3)])); break;
        case 4: one("setTimes", () -> fs.setTimes(entry(), r.nextInt(5) == 0 ? -1 : 1000000000000L + r.nextInt(), r.nextBoolean() ? -1 : r.nextInt(1 << 30))); break;
        case 5: one("modifyAcl", () -> fs.modifyAclEntries(entry(), acl(false))); break;
        case 6: one("setAcl", () -> fs.setAcl(entry(), acl(true))); break;
        case 7: one("removeAclEntries", () -> fs.removeAclEntries(entry(), AclEntry.parseAclSpec("user:" + OWNERS[r.nextInt(6)], false))); break;
        case 8: one("removeAcl", () -> {
          if (r.nextBoolean()) fs.removeAcl(entry()); else fs.removeDefaultAcl(new Path(dir()));
        }); break;
        case 9: case 10: one("setXAttr", () -> {
          byte[] v = new byte[r.nextInt(30)];
          r.nextBytes(v);
          fs.setXAttr(entry(), (r.nextBoolean() ? "user.x" : "trusted.t") + r.nextInt(3), v);
        }); break;
        case 11: one("removeXAttr", () -> {
          Path p = entry();
          fs.removeXAttr(p, fs.listXAttrs(p).get(0));
        }); break;
        case 12: one("setQuota", () -> fs.setQuota(new Path(any(dirs)), r.nextBoolean() ? -1 : scale + r.nextInt(1000),
            r.nextBoolean() ? -1 : (1L << 33) + r.nextInt(1 << 20))); break;
        case 13: one("setQuotaByStorageType", () -> fs.setQuotaByStorageType(new Path(any(dirs)), TYPES[r.nextInt(3)], r.nextInt(4) == 0 ? -1 : (1L << 33) + r.nextInt(99))); break;
        case 14: one("setStoragePolicy", () -> fs.setStoragePolicy(entry(), POLICIES[r.nextInt(5)])); break;
        default: one("unsetStoragePolicy", () -> fs.unsetStoragePolicy(entry())); break;
      }
    }
    void step() throws Exception {
      int n = r.nextInt(1000);
      if (n < (scale < 10000 ? 480 : 520)) one("create", () -> create(dir() + "/" + name(), 0, false));
      else if (n < 640) one("mkdir", () -> {
        String p = dir() + "/" + name();
        if (p.length() > 200) p = home + "/" + name();
        fs.mkdirs(new Path(p), mode());
        dirs.add(p);
        entries.incrementAndGet();
      });
      else if (n < 760) attributes();
      else if (n < 815) {
        int how = r.nextInt(4);
        one(how == 0 ? "rename" : how == 3 ? "rename-to-trash" : how == 2 ? "rename-over" : "rename-none", () -> rename(how));
      } else if (n < 845) one("delete", this::delete);
      else if (n < 865) one("createSymlink", () -> {
        fs.createSymlink(entry(), new Path(dir() + "/" + name()), false);
        entries.incrementAndGet();
      });
      else if (n < 865 + Math.min(70, Math.max(4, 60000 / scale))) bytes();
      else if (n < 935) one("create", () -> create(dir() + "/" + name(), 0, false));
      else if (n < 950) { if (r.nextInt(Math.max(1, scale / 3000)) == 0) snapshot(); }
      else if (n < 970) rare();
      else if (n < 975) codes();
      else if (n < 980 && r.nextInt(Math.max(1, scale / 20000)) == 0) striped();
      else if (n < 982) one("allow-disallow-snapshot", () -> {
        Path p = new Path(home + "/" + name());
        fs.mkdirs(p);
        fs.allowSnapshot(p);
        if (r.nextBoolean()) fs.disallowSnapshot(p);
        dirs.add(p.toString());
      });
    }
    /** What has never succeeded is tried until it does. */
    void rest() throws Exception {
      for (int i = 0; i < 1000 && done.entrySet().stream().anyMatch(e -> e.getValue().get() == 0 && !never.contains(e.getKey())); i++) {
        rare();
        codes();
        striped();
        snapshot();
        attributes();
        bytes();
        step();
      }
    }
    void begin() throws Exception {
      fs.mkdirs(new Path(home + "/snap"));
      fs.allowSnapshot(new Path(home + "/snap"));
      dirs.add(home);
      dirs.add(home + "/snap");
      for (int i = 0; i < 3; i++) {
        fs.mkdirs(new Path(home + "/snap/d" + i));
        dirs.add(home + "/snap/d" + i);
      }
    }
    public void run() {
      try {
        if (dirs.isEmpty()) begin();
        while (entries.get() < until) step();
      } catch (Exception e) {
        e.printStackTrace();
        System.exit(1);
      }
    }
  }

  static final Set<Path> cut = java.util.concurrent.ConcurrentHashMap.newKeySet();

  static boolean anyOpen() {
    for (Path p : cut)
      try {
        if (!fs.isFileClosed(p)) return true;
      } catch (IOException gone) {
        cut.remove(p);
      }
    return false;
  }

  public static void main(String[] a) throws Exception {
    FileSystem.enableSymlinks();
    Configuration c = new Configuration();
    c.setInt("dfs.client.block.write.locateFollowingBlock.initial.delay.ms", 20);
    c.setInt("dfs.client.block.write.retries", 1);
    UserGroupInformation.setConfiguration(c);
    fs = (DistributedFileSystem) FileSystem.get(URI.create(a[0]), c);
    if (a.length > 4) never = Arrays.asList(a[4].split(","));
    int want = Integer.parseInt(a[2]), threads = Integer.parseInt(a[3]);
    for (int i = 0; i < 300 && fs.getDataNodeStats(HdfsConstants.DatanodeReportType.LIVE).length == 0; i++) Thread.sleep(200);
    fs.mkdirs(new Path("/shared"));
    fs.enableErasureCodingPolicy("XOR-2-1-1024k");
    Worker[] w = new Worker[threads];
    for (int i = 0; i < threads; i++) w[i] = new Worker(i, Long.parseLong(a[1]), want);
    for (int half = 1; half <= 2; half++) {
      Thread[] t = new Thread[threads];
      for (int i = 0; i < threads; i++) {
        w[i].until = want / 2 * half;
        t[i] = new Thread(w[i]::run);
        t[i].start();
      }
      for (Thread x : t) x.join();
      if (half == 2) w[0].rest();
      if (half == 2) break;
      fs.setSafeMode(SafeModeAction.ENTER);
      fs.saveNamespace();
      fs.setSafeMode(SafeModeAction.LEAVE);
      done.computeIfAbsent("saveNamespace", k -> new AtomicInteger()).incrementAndGet();
    }
    // A cut that is under way when the namenode is killed Ashlar takes up again at once, Hadoop when the lease is over: with a stamp more.
    for (int i = 0; i < 100 && anyOpen(); i++) Thread.sleep(50);
    done.forEach((k, v) -> System.out.println(k + " " + v));
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }
}
