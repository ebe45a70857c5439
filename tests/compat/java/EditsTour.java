import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.io.erasurecode.ECSchema;

public class EditsTour {
  static DistributedFileSystem fs;
  static Path p(String s) { return new Path(s); }
  static void put(String s, int n) throws Exception {
    try (FSDataOutputStream o = fs.create(p(s), true, 4096, (short) 1, 1024 * 1024)) { o.write(new byte[n]); }
  }
  static void snapshots() throws Exception {
    fs.mkdirs(p("/snap/d")); put("/snap/d/f", 9); put("/snap/g", 8);
    fs.allowSnapshot(p("/snap")); fs.createSnapshot(p("/snap"), "s1");
    put("/snap/d/h", 4); fs.delete(p("/snap/g"), false); fs.rename(p("/snap/d/f"), p("/snap/moved"));
    fs.createSnapshot(p("/snap"), "s2"); fs.renameSnapshot(p("/snap"), "s2", "s3");
      fs.deleteSnapshot(p("/snap"), "s3"); fs.deleteSnapshot(p("/snap"), "s1"); fs.disallowSnapshot(p("/snap"));
    fs.delete(p("/snap"), true);
  }
  public static void main(String[] a) throws Exception {
    Configuration c = new Configuration();
    c.set("fs.defaultFS", a[0]);
    FileSystem.enableSymlinks();
    fs = (DistributedFileSystem) FileSystem.get(URI.create(a[0]), c);
    HdfsAdmin admin = new HdfsAdmin(URI.create(a[0]), c);
    for (int i = 0; i < 100 && fs.getDataNodeStats(HdfsConstants.DatanodeReportType.LIVE).length == 0; i++) Thread.sleep(200);
    Thread.sleep(4000);
    if (a.length > 1 && a[1].equals("snapshots")) { snapshots(); return; }
    fs.mkdirs(p("/dir/a/b"));
    fs.mkdirs(p("/dir/\u00fcml\u00e4ut \ud83d\ude00"), new FsPermission((short) 01777));
    put("/dir/f1", 100);
    put("/dir/f2", 2500000);
    put("/dir/f1", 200);                       // overwrite
    try (FSDataOutputStream o = fs.append(p("/dir/f1"))) { o.write(new byte[50]); o.hflush(); o.write(1); o.hsync(); }
    try (FSDataOutputStream o = fs.append(p("/dir/f1"), EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) { o.write(new byte[70]); }
    fs.rename(p("/dir/f2"), p("/dir/a/f2"));   // old rename
    put("/dir/f3", 10); put("/dir/f4", 11);
    fs.rename(p("/dir/f3"), p("/dir/f4"), Options.Rename.OVERWRITE);
    fs.rename(p("/dir/f4"), p("/dir/f5"), Options.Rename.NONE);
    fs.rename(p("/dir/f5"), p("/dir/f6"), Options.Rename.TO_TRASH);
    put("/dir/gone", 5); fs.delete(p("/dir/gone"), false);
    fs.mkdirs(p("/tree/x/y")); put("/tree/x/1", 1); fs.delete(p("/tree"), true);
    fs.setPermission(p("/dir/f1"), new FsPermission((short) 0640));
    fs.setOwner(p("/dir/f1"), "alice", "staff");
    fs.setOwner(p("/dir/a"), "bob", null);
    fs.setOwner(p("/dir/a"), null, "wheel");
    fs.setReplication(p("/dir/f1"), (short) 3);
    fs.setTimes(p("/dir/f1"), 1500000000123L, 1600000000456L);
    fs.setTimes(p("/dir/f1"), -1, 1600000000789L);
    fs.setTimes(p("/dir/a"), 1500000000000L, -1);
    put("/dir/c0", 1024 * 1024); put("/dir/c1", 1024 * 1024); put("/dir/c2", 77);
    fs.concat(p("/dir/c0"), new Path[] {p("/dir/c1"), p("/dir/c2")});
    fs.createSymlink(p("/dir/f1"), p("/dir/link"), false);
    fs.truncate(p("/dir/a/f2"), 1024 * 1024);       // on a block's border
    for (int i = 0; i < 3; i++) { put("/dir/t" + i, 3000); }
    if (!fs.truncate(p("/dir/t0"), 1234)) { for (int i = 0; i < 100 && !fs.isFileClosed(p("/dir/t0")); i++) Thread.sleep(100); }
    List<AclEntry> acl = AclEntry.parseAclSpec("user::rwx,user:carol:r-x,group::r--,group:devs:rw-,mask::rwx,other::---,default:user::rwx,default:user:dave:rwx,default:group::r-x,default:other::--x", true);
    fs.setAcl(p("/dir/a"), acl);
    put("/dir/a/inherits", 3); fs.mkdirs(p("/dir/a/inheritsdir"));
    fs.modifyAclEntries(p("/dir/f6"), AclEntry.parseAclSpec("user:erin:rw-", true));
    fs.removeAclEntries(p("/dir/a"), AclEntry.parseAclSpec("user:carol:", false));
    fs.removeDefaultAcl(p("/dir/a/inheritsdir"));
    fs.removeAcl(p("/dir/a/inheritsdir"));
    fs.setXAttr(p("/dir/f6"), "user.colour", "blue".getBytes());
    fs.setXAttr(p("/dir/f6"), "user.empty", null);
    fs.setXAttr(p("/dir/f6"), "trusted.t", new byte[] {0, 1, (byte) 0xff});
    fs.setXAttr(p("/dir/f6"), "user.colour", "red".getBytes(), EnumSet.of(XAttrSetFlag.REPLACE));
    fs.removeXAttr(p("/dir/f6"), "user.empty");
    fs.setXAttr(p("/dir"), "user.dirattr", "x".getBytes());
    fs.setQuota(p("/dir/a"), 100, 1L << 40);
    fs.setQuotaByStorageType(p("/dir/a"), StorageType.SSD, 1L << 30);
    fs.mkdirs(p("/q")); fs.setQuota(p("/q"), 5, HdfsConstants.QUOTA_DONT_SET); fs.setQuota(p("/q"), HdfsConstants.QUOTA_RESET, HdfsConstants.QUOTA_DONT_SET);
    fs.setStoragePolicy(p("/dir/a"), "WARM"); fs.setStoragePolicy(p("/dir/f1"), "ONE_SSD"); fs.setStoragePolicy(p("/q"), "COLD");
    fs.unsetStoragePolicy(p("/q"));
    fs.addCachePool(new CachePoolInfo("pool1").setOwnerName("alice").setGroupName("staff").setMode(new FsPermission((short) 0755)).setLimit(1000L).setMaxRelativeExpiryMs(100000L));
    fs.modifyCachePool(new CachePoolInfo("pool1").setLimit(1L << 30));
    fs.addCachePool(new CachePoolInfo("pool2"));
    long id = fs.addCacheDirective(new CacheDirectiveInfo.Builder().setPath(p("/dir/f6")).setPool("pool1").setReplication((short) 1).build());
    long id2 = fs.addCacheDirective(new CacheDirectiveInfo.Builder().setPath(p("/dir/c0")).setPool("pool1").build());
    fs.modifyCacheDirective(new CacheDirectiveInfo.Builder().setId(id).setReplication((short) 2).build());
    fs.removeCacheDirective(id2); fs.removeCachePool("pool2");
    fs.enableErasureCodingPolicy("XOR-2-1-1024k");
    Map<String, String> extra = new HashMap<>(); extra.put("note", "test");
    fs.addErasureCodingPolicies(new ErasureCodingPolicy[] {new ErasureCodingPolicy(new ECSchema("rs", 4, 2, extra), 65536)});
    fs.enableErasureCodingPolicy("RS-4-2-64k"); fs.disableErasureCodingPolicy("RS-4-2-64k"); fs.removeErasureCodingPolicy("RS-4-2-64k");
    fs.mkdirs(p("/ec")); fs.setErasureCodingPolicy(p("/ec"), "XOR-2-1-1024k");
    try { fs.create(p("/ec/striped"), true).close(); } catch (Exception e) { System.out.println("ec " + e.getMessage()); }
    // left open: under construction, one with a hflushed block
    FSDataOutputStream open1 = fs.create(p("/dir/open1"), true, 4096, (short) 1, 1024 * 1024); open1.write(new byte[1100000]); open1.hflush();
    FSDataOutputStream open2 = fs.create(p("/dir/open2"));
    // lease recovery of a file whose writer is gone (REASSIGN_LEASE)
    FSDataOutputStream open3 = fs.create(p("/dir/open3")); open3.write(5); open3.hflush();
    DistributedFileSystem fs2 = (DistributedFileSystem) FileSystem.newInstance(URI.create(a[0]), c);
    for (int i = 0; i < 50 && !fs2.recoverLease(p("/dir/open3")); i++) Thread.sleep(200);
    { org.apache.hadoop.security.token.Token<?> t = fs2.getDelegationToken("root"); t.renew(c); t.cancel(c); fs2.getDelegationToken("yarn"); }
    System.out.println("done");
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }
}
