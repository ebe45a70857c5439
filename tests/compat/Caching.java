// Caching HOST:PORT -- pools and directives of the centralized cache by Hadoop's own client: prints each answer or exception
// on a line; two namenodes which behave alike print the same. Nothing is cached while it runs: what is needed is told, no more.
import java.net.URI;
import java.security.PrivilegedExceptionAction;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsAdmin;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.protocol.CacheDirectiveInfo.Expiration;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.security.UserGroupInformation;

public class Caching {
  interface Step { Object run() throws Exception; }
  static final long MB = 1 << 20;
  static DistributedFileSystem fs, bob;
  static long first;

  static void say(String name, Step step) {
    String text;
    try {
      Object o = step.run();
      text = " = " + (o == null ? "ok" : o);
    } catch (Throwable t) {
      String c = t instanceof RemoteException ? ((RemoteException) t).getClassName() : t.getClass().getName();
      text = " ! " + c + ": " + String.valueOf(t.getMessage()).split("\n")[0];
    }
    System.out.println(name + text.replaceAll("\\b1[0-9]{12}\\b", "TIME").replaceAll("ID \\d+ found", "ID N found").replaceAll("\\b2305[0-9]{15}\\b", "NEVER"));
  }

  static Path p(String s) { return new Path(s); }

  static void write(String path, long bytes) throws Exception {
    try (FSDataOutputStream out = fs.create(p(path), true, 4096, (short) 1, MB)) { out.write(new byte[(int) bytes]); }
  }

  static Object pools(DistributedFileSystem as) throws Exception {
    StringBuilder s = new StringBuilder();
    for (RemoteIterator<CachePoolEntry> i = as.listCachePools(); i.hasNext();) {
      CachePoolEntry e = i.next();
      CachePoolInfo n = e.getInfo();
      CachePoolStats t = e.getStats();
      s.append('{').append(n.getPoolName()).append(' ').append(n.getOwnerName()).append(':').append(n.getGroupName()).append(' ').append(n.getMode())
          .append(" limit=").append(n.getLimit()).append(" rep=").append(n.getDefaultReplication()).append(" ttl=").append(n.getMaxRelativeExpiryMs())
          .append(" needed=").append(t.getBytesNeeded()).append('/').append(t.getFilesNeeded()).append(" cached=").append(t.getBytesCached())
          .append('/').append(t.getFilesCached()).append(" over=").append(t.getBytesOverlimit()).append('}');
    }
    return s;
  }

  static Object directives(DistributedFileSystem as, CacheDirectiveInfo filter) throws Exception {
    StringBuilder s = new StringBuilder();
    for (RemoteIterator<CacheDirectiveEntry> i = as.listCacheDirectives(filter); i.hasNext();) {
      CacheDirectiveEntry e = i.next();
      CacheDirectiveInfo n = e.getInfo();
      CacheDirectiveStats t = e.getStats();
      s.append('{').append(n.getId() - first).append(' ').append(n.getPath().toUri().getPath()).append(" x").append(n.getReplication()).append(' ').append(n.getPool()).append(' ')
          .append(n.getExpiration().getMillis()).append(' ').append(n.getExpiration().isRelative()).append(" needed=").append(t.getBytesNeeded()).append('/').append(t.getFilesNeeded())
          .append(" cached=").append(t.getBytesCached()).append('/').append(t.getFilesCached()).append(" expired=").append(t.hasExpired()).append('}');
    }
    return s;
  }

  static CacheDirectiveInfo.Builder at(String path, String pool) {
    CacheDirectiveInfo.Builder b = new CacheDirectiveInfo.Builder();
    if (path != null) b.setPath(p(path));
    if (pool != null) b.setPool(pool);
    return b;
  }

  static Object add(DistributedFileSystem as, CacheDirectiveInfo.Builder b, CacheFlag... flags) throws Exception {
    EnumSet<CacheFlag> f = EnumSet.noneOf(CacheFlag.class);
    f.addAll(Arrays.asList(flags));
    return as.addCacheDirective(b.build(), f) - first;
  }
  static Object modify(DistributedFileSystem as, CacheDirectiveInfo.Builder b, CacheFlag... flags) throws Exception {
    EnumSet<CacheFlag> f = EnumSet.noneOf(CacheFlag.class);
    f.addAll(Arrays.asList(flags));
    as.modifyCacheDirective(b.build(), f);
    return null;
  }

  static void poolCalls() {
    say("none", () -> pools(fs));
    say("add", () -> { fs.addCachePool(new CachePoolInfo("p1")); return null; });
    say("add again", () -> { fs.addCachePool(new CachePoolInfo("p1")); return null; });
    say("add empty", () -> { fs.addCachePool(new CachePoolInfo("")); return null; });
    say("add whole", () -> { fs.addCachePool(new CachePoolInfo("p2").setOwnerName("bob").setGroupName("staff").setMode(new FsPermission((short) 0700)).setLimit(5 * MB).setMaxRelativeExpiryMs(3600000L).setDefaultReplication((short) 2)); return null; });
    say("add negative limit", () -> { fs.addCachePool(new CachePoolInfo("p3").setLimit(-1L)); return null; });
    say("add negative ttl", () -> { fs.addCachePool(new CachePoolInfo("p3").setMaxRelativeExpiryMs(-1L)); return null; });
    say("add long ttl", () -> { fs.addCachePool(new CachePoolInfo("p3").setMaxRelativeExpiryMs(Long.MAX_VALUE)); return null; });
    say("add zero replication", () -> { fs.addCachePool(new CachePoolInfo("p3").setDefaultReplication((short) 0)); return null; });
    say("add as bob", () -> { bob.addCachePool(new CachePoolInfo("p3")); return null; });
    say("list", () -> pools(fs));
    say("list as bob", () -> pools(bob));
    say("modify", () -> { fs.modifyCachePool(new CachePoolInfo("p1").setMode(new FsPermission((short) 0755)).setLimit(3 * MB)); return null; });
    say("modify nothing", () -> { fs.modifyCachePool(new CachePoolInfo("p1")); return null; });
    say("modify unknown", () -> { fs.modifyCachePool(new CachePoolInfo("p9").setLimit(1L)); return null; });
    say("modify as bob", () -> { bob.modifyCachePool(new CachePoolInfo("p2").setLimit(1L)); return null; });
    say("modify owner", () -> { fs.modifyCachePool(new CachePoolInfo("p1").setOwnerName("eve").setGroupName("thieves").setMaxRelativeExpiryMs(86400000L)); return null; });
    say("list", () -> pools(fs));
    say("remove unknown", () -> { fs.removeCachePool("p9"); return null; });
    say("remove empty", () -> { fs.removeCachePool(""); return null; });
    say("remove as bob", () -> { bob.removeCachePool("p2"); return null; });
  }

  static void directiveCalls() {
    say("add", () -> { first = fs.addCacheDirective(at("/c/f", "p1").build(), EnumSet.noneOf(CacheFlag.class)); return null; });
    say("add the same", () -> add(fs, at("/c/f", "p1")));
    say("add a directory", () -> add(fs, at("/c", "p2").setReplication((short) 1)));
    say("default replication", () -> add(fs, at("/c/none", "p2")));
    say("no pool", () -> add(fs, at("/c/f", null)));
    say("empty pool", () -> add(fs, at("/c/f", "")));
    say("unknown pool", () -> add(fs, at("/c/f", "p9")));
    say("no path", () -> add(fs, at(null, "p1")));
    say("bad path", () -> add(fs, at("/c:d", "p1")));
    say("zero replication", () -> add(fs, at("/c/f", "p1").setReplication((short) 0)));
    say("negative replication", () -> add(fs, at("/c/f", "p1").setReplication((short) -1)));
    say("over the limit", () -> add(fs, at("/c/big", "p1")));
    say("over the limit by force", () -> add(fs, at("/c/big", "p1"), CacheFlag.FORCE));
    say("over by replication", () -> add(fs, at("/c/f", "p1").setReplication((short) 9)));
    say("negative expiry", () -> add(fs, at("/c/f", "p1").setExpiration(Expiration.newRelative(-5))));
    say("expiry beyond the pool's", () -> add(fs, at("/c/f", "p2").setExpiration(Expiration.newRelative(7200000))));
    say("expiry far away", () -> add(fs, at("/c/f", "p1").setExpiration(Expiration.newRelative(Long.MAX_VALUE / 3))));
    say("expiry never", () -> add(fs, at("/c/f", "p1").setExpiration(Expiration.NEVER)));
    say("expires soon", () -> add(fs, at("/c/f", "p1").setExpiration(Expiration.newRelative(60000))));
    say("expired", () -> add(fs, at("/c/f", "p1").setExpiration(Expiration.newAbsolute(1000000000000L))));
    say("with an id", () -> add(fs, at("/c/f", "p1").setId(77L)));
    say("add as bob", () -> add(bob, at("/c/f", "p1")));
    say("add as bob, own pool", () -> add(bob, at("/c/f", "p2")));
    say("list", () -> directives(fs, null));
    say("list as bob", () -> directives(bob, null));
    say("list by path", () -> directives(fs, at("/c/f", null).build()));
    say("list by pool", () -> directives(fs, at(null, "p2").build()));
    say("list by both", () -> directives(fs, at("/c", "p2").build()));
    say("list by id", () -> directives(fs, new CacheDirectiveInfo.Builder().setId(first).build()));
    say("list by an unknown id", () -> directives(fs, new CacheDirectiveInfo.Builder().setId(99999L).build()));
    say("list by replication", () -> directives(fs, new CacheDirectiveInfo.Builder().setReplication((short) 1).build()));
    say("list by unknown pool", () -> directives(fs, at(null, "p9").build()));
    say("pools", () -> pools(fs));
    say("modify", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(first).setReplication((short) 2), CacheFlag.FORCE));
    say("modify over the limit", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(first).setReplication((short) 5)));
    say("modify pool", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(first).setPool("p2")));
    say("modify path", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(first).setPath(p("/c/g")), CacheFlag.FORCE));
    say("modify unknown pool", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(first).setPool("p9")));
    say("modify without id", () -> modify(fs, new CacheDirectiveInfo.Builder().setPool("p1")));
    say("modify id 0", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(0L).setPool("p1")));
    say("modify unknown id", () -> modify(fs, new CacheDirectiveInfo.Builder().setId(99999L).setPool("p1")));
    say("modify as bob", () -> modify(bob, new CacheDirectiveInfo.Builder().setId(first + 1).setReplication((short) 1)));
    say("list", () -> directives(fs, null));
    say("remove", () -> { fs.removeCacheDirective(first); return null; });
    say("remove again", () -> { fs.removeCacheDirective(first); return "removed"; });
    say("remove 0", () -> { fs.removeCacheDirective(0); return null; });
    say("remove -1", () -> { fs.removeCacheDirective(-1); return null; });
    say("remove as bob", () -> { bob.removeCacheDirective(first + 1); return null; });
    say("list", () -> directives(fs, null));
    say("many", () -> {
      for (int i = 0; i < 250; i++) add(fs, at("/many/" + i, "p2"));
      int n = 0;
      for (RemoteIterator<CacheDirectiveEntry> i = fs.listCacheDirectives(at(null, "p2").build()); i.hasNext(); i.next()) n++;
      return n;
    });
    say("many pools", () -> {
      for (int i = 0; i < 120; i++) fs.addCachePool(new CachePoolInfo("q" + i));
      int n = 0;
      for (RemoteIterator<CachePoolEntry> i = fs.listCachePools(); i.hasNext(); i.next()) n++;
      for (int i = 0; i < 120; i++) fs.removeCachePool("q" + i);
      return n;
    });
    say("remove pool", () -> { fs.removeCachePool("p2"); return null; });
    say("its directives are gone", () -> directives(fs, null));
    say("remove pool", () -> { fs.removeCachePool("p1"); return null; });
    say("pools", () -> pools(fs));
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration();
    URI uri = new URI("hdfs://" + a[0]);
    fs = (DistributedFileSystem) FileSystem.get(uri, conf);
    bob = UserGroupInformation.createRemoteUser("bob").doAs((PrivilegedExceptionAction<DistributedFileSystem>) () ->
        (DistributedFileSystem) FileSystem.get(uri, conf));
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    for (RemoteIterator<CachePoolEntry> i = fs.listCachePools(); i.hasNext();) fs.removeCachePool(i.next().getInfo().getPoolName());
    write("/c/f", MB + 5);
    write("/c/g", 100);
    write("/c/big", 4 * MB);
    fs.mkdirs(p("/c/d"));
    poolCalls();
    directiveCalls();
    for (FileStatus s : fs.listStatus(p("/"))) fs.delete(s.getPath(), true);
    System.exit(0);
  }
}
