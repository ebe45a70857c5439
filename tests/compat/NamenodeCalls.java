// NamenodeCalls HOST:PORT -- makes the same calls of ClientProtocol to any namenode and prints each
// answer or exception on a line. What differs from run to run (times, ids, ports) is left out, so
// that two namenodes which behave alike print the same.
import java.net.URI;
import java.security.PrivilegedExceptionAction;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.crypto.CryptoProtocolVersion;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.DFSClient;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.io.EnumSetWritable;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.security.UserGroupInformation;

public class NamenodeCalls {
  interface Call { Object run(ClientProtocol nn) throws Exception; }
  static Map<String, ClientProtocol> as = new HashMap<>();
  static String uri, superuser;
  static Configuration conf = new Configuration();

  static ClientProtocol nn(String user) throws Exception {
    if (!as.containsKey(user)) {
      UserGroupInformation u = UserGroupInformation.createRemoteUser(user);
      as.put(user, u.doAs((PrivilegedExceptionAction<ClientProtocol>) () ->
          new DFSClient(new URI("hdfs://" + uri), conf).getNamenode()));
    }
    return as.get(user);
  }

  static String show(Object o) {
    if (o == null) return "null";
    if (o instanceof HdfsFileStatus) {
      HdfsFileStatus s = (HdfsFileStatus) o;
      String t = "[" + s.getLocalName() + (s.isDirectory() ? " dir" : s.isSymlink() ? " link" : " file")
          + " len=" + s.getLen() + " rep=" + s.getReplication() + " bs=" + s.getBlockSize() + " " + s.getOwner() + ":"
          + s.getGroup() + " " + s.getPermission() + " ext=" + s.getPermission().toExtendedShort() + " kids=" + s.getChildrenNum() + " policy=" + s.getStoragePolicy()
          + " acl=" + s.hasAcl() + " atime=" + (s.getAccessTime() == 0 ? "0" : "set") + "]";
      if (o instanceof HdfsLocatedFileStatus) t += show(((HdfsLocatedFileStatus) o).getLocatedBlocks());
      return t;
    }
    if (o instanceof LocatedBlocks) {
      LocatedBlocks b = (LocatedBlocks) o;
      return "{len=" + b.getFileLength() + " uc=" + b.isUnderConstruction() + " n=" + b.locatedBlockCount() + " lastComplete="
          + b.isLastBlockComplete() + " last=" + show(b.getLastLocatedBlock()) + " all=" + show(b.getLocatedBlocks().toArray()) + "}";
    }
    if (o instanceof LocatedBlock) {
      LocatedBlock b = (LocatedBlock) o;
      return "(off=" + b.getStartOffset() + " size=" + b.getBlockSize() + " locs=" + b.getLocations().length + " types="
          + Arrays.toString(b.getStorageTypes()) + " corrupt=" + b.isCorrupt() + " token=" + b.getBlockToken().getKind() + ")";
    }
    if (o instanceof DirectoryListing) {
      DirectoryListing d = (DirectoryListing) o;
      return show(d.getPartialListing()) + " more=" + d.getRemainingEntries();
    }
    if (o instanceof LastBlockWithStatus) {
      LastBlockWithStatus l = (LastBlockWithStatus) o;
      return show(l.getLastBlock()) + show(l.getFileStatus());
    }
    if (o instanceof Object[]) {
      StringBuilder s = new StringBuilder();
      for (Object e : (Object[]) o) s.append(show(e)).append(' ');
      return s.toString().trim();
    }
    if (o instanceof long[]) return Arrays.toString((long[]) o);
    if (o instanceof ContentSummary) {
      ContentSummary c = (ContentSummary) o;
      return "len=" + c.getLength() + " files=" + c.getFileCount() + " dirs=" + c.getDirectoryCount() + " space=" + c.getSpaceConsumed()
          + " q=" + c.getQuota() + " sq=" + c.getSpaceQuota() + " ec=" + c.getErasureCodingPolicy() + " snap=" + c.getSnapshotFileCount();
    }
    return o.toString().replaceAll("blk_\\d+_\\d+", "blk_N").replaceAll("BP-[-0-9.]+", "BP-N");
  }

  static String owner(String m) {
    return m.replace(superuser + ":supergroup", "SUPER:supergroup").replace("owner: " + superuser, "owner: SUPER");
  }

  static String first(String m) {
    if (m == null) return "null";
    m = m.split("\n\tat")[0].replace("\n", "\\n");
    return m.replaceAll("blk_\\d+_\\d+", "blk_N").replaceAll("BP-[-0-9.]+", "BP-N").replaceAll("\\(inode \\d+\\)", "(inode N)")
        .replaceAll("NamenodeHostName:\\S*", "NamenodeHostName:H").replaceAll("inode \\d+", "inode N");
  }

  static void call(String what, String user, Call c) throws Exception {
    ClientProtocol p = nn(user);
    try {
      System.out.println(what + " [" + (user.equals(superuser) ? "super" : user) + "] = " + owner(show(c.run(p))));
    } catch (RemoteException e) {
      System.out.println(what + " [" + (user.equals(superuser) ? "super" : user) + "] ! " + e.getClassName() + ": " + owner(first(e.getMessage())));
    } catch (Exception e) {
      System.out.println(what + " [" + (user.equals(superuser) ? "super" : user) + "] ?! " + e.getClass().getName() + ": " + first(e.getMessage()));
    }
  }

  static FsPermission p(int mode) { return new FsPermission((short) mode); }
  static EnumSetWritable<CreateFlag> flags(CreateFlag... f) {
    return new EnumSetWritable<>(EnumSet.copyOf(Arrays.asList(f)), CreateFlag.class);
  }
  static Object create(ClientProtocol n, String path, String who, boolean parent, CreateFlag... f) throws Exception {
    return n.create(path, p(0644), who, flags(f), parent, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), null, null);
  }
  static String repeat(String s, int n) { StringBuilder b = new StringBuilder(); while (n-- > 0) b.append(s); return b.toString(); }
  static final String S = System.getProperty("user.name");

  public static void main(String[] a) throws Exception {
    uri = a[0];
    superuser = S;
    conf.set("fs.defaultFS", "hdfs://" + uri);
    conf.setInt("ipc.client.connect.max.retries", 2);
    final byte[] none = HdfsFileStatus.EMPTY_NAME;
    call("wipe", S, n -> { for (HdfsFileStatus s : n.getListing("/", none, false).getPartialListing()) n.delete("/" + s.getLocalName(), true); return "ok"; });
    call("root info", S, n -> n.getFileInfo("/"));
    call("defaults", S, n -> { FsServerDefaults d = n.getServerDefaults(); return d.getBlockSize() + " " + d.getBytesPerChecksum() + " " + d.getWritePacketSize() + " " + d.getFileBufferSize() + " " + d.getEncryptDataTransfer() + " " + d.getTrashInterval() + " " + d.getChecksumType() + " " + d.getKeyProviderUri() + " " + d.getDefaultStoragePolicyId() + " " + d.getSnapshotTrashRootEnabled(); });

    // directories
    call("mkdirs /d/e/f", S, n -> n.mkdirs("/d/e/f", p(0750), true));
    call("mkdirs again", S, n -> n.mkdirs("/d/e/f", p(0750), true));
    for (String d : new String[] {"/d", "/d/e", "/d/e/f", "/none", "/d/none", "/d/e/"}) call("info " + d, S, n -> n.getFileInfo(d));
    call("mkdirs no parent", S, n -> n.mkdirs("/x/y/z", p(0755), false));
    call("mkdirs bad name", S, n -> n.mkdirs("/x/a:b", p(0755), true));
    call("mkdirs dots", S, n -> n.mkdirs("/x/../b", p(0755), true));
    call("mkdirs relative", S, n -> n.mkdirs("x", p(0755), true));
    call("mkdirs double slash", S, n -> n.mkdirs("/x//b", p(0755), true));
    call("mkdirs trailing slash", S, n -> n.mkdirs("/x/b/", p(0755), true));
    call("mkdirs long name", S, n -> n.mkdirs("/" + repeat("n", 256), p(0755), true));
    call("mkdirs long path", S, n -> n.mkdirs(repeat("/abcdefgh", 900), p(0755), true));
    call("mkdirs deep path", S, n -> n.mkdirs(repeat("/a", 1001), p(0755), true));
    call("mkdirs as bob in /", "bob", n -> n.mkdirs("/bob", p(0755), true));
    call("mkdirs sticky", S, n -> n.mkdirs("/tmp", p(01777), true));
    call("info /tmp", S, n -> n.getFileInfo("/tmp"));
    call("mkdirs as bob in /tmp", "bob", n -> n.mkdirs("/tmp/bob", p(0755), true));
    call("info", S, n -> n.getFileInfo("/tmp/bob"));
    call("get relative", S, n -> n.getFileInfo("d"));
    call("get dots", S, n -> n.getFileInfo("/d/../d"));
    call("reserved root", S, n -> n.mkdirs("/.reserved", p(0755), true));
    call("reserved below", S, n -> n.mkdirs("/.reserved/a", p(0755), true));

    // files
    call("create", S, n -> create(n, "/d/file", "c1", true, CreateFlag.CREATE));
    call("create again same client", S, n -> create(n, "/d/file", "c1", true, CreateFlag.CREATE));
    call("create again other client", S, n -> create(n, "/d/file", "c2", true, CreateFlag.CREATE));
    call("append while open", S, n -> n.append("/d/file", "c2", flags(CreateFlag.APPEND)));
    call("info open", S, n -> n.getFileInfo("/d/file"));
    call("closed?", S, n -> n.isFileClosed("/d/file"));
    call("locations of empty", S, n -> n.getBlockLocations("/d/file", 0, 100));
    call("complete by other", S, n -> n.complete("/d/file", "c9", null, 0));
    call("complete", S, n -> n.complete("/d/file", "c1", null, 0));
    call("complete again", S, n -> n.complete("/d/file", "c1", null, 0));
    call("complete none", S, n -> n.complete("/d/nofile", "c1", null, 0));
    call("complete dir", S, n -> n.complete("/d", "c1", null, 0));
    call("closed?", S, n -> n.isFileClosed("/d/file"));
    call("create exists", S, n -> create(n, "/d/file", "c1", true, CreateFlag.CREATE));
    call("create overwrite", S, n -> create(n, "/d/file", "c3", true, CreateFlag.CREATE, CreateFlag.OVERWRITE));
    call("complete overwritten", S, n -> n.complete("/d/file", "c3", null, 0));
    call("create over dir", S, n -> create(n, "/d/e", "c1", true, CreateFlag.CREATE, CreateFlag.OVERWRITE));
    call("create overwrite nothing", S, n -> create(n, "/d/nothing", "c1", true, CreateFlag.OVERWRITE));
    call("create no parent", S, n -> create(n, "/no/such/file", "c1", false, CreateFlag.CREATE));
    call("create under file", S, n -> create(n, "/d/file/x", "c1", true, CreateFlag.CREATE));
    call("mkdirs under file", S, n -> n.mkdirs("/d/file/x", p(0755), true));
    call("mkdirs over file", S, n -> n.mkdirs("/d/file", p(0755), true));
    call("info under file", S, n -> n.getFileInfo("/d/file/x"));
    call("locations under file", S, n -> n.getBlockLocations("/d/file/x", 0, 1));
    call("locations none", S, n -> n.getBlockLocations("/none", 0, 1));
    call("locations dir", S, n -> n.getBlockLocations("/d", 0, 1));
    call("locations negative", S, n -> n.getBlockLocations("/d/file", -1, 1));
    call("create small block", S, n -> n.create("/d/sb", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 1, 100, CryptoProtocolVersion.supported(), null, null));
    call("create replication 0", S, n -> n.create("/d/r0", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 0, 1 << 20, CryptoProtocolVersion.supported(), null, null));
    call("create replication 600", S, n -> n.create("/d/r6", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 600, 1 << 20, CryptoProtocolVersion.supported(), null, null));
    call("create with parents", S, n -> create(n, "/p/q/r", "c1", true, CreateFlag.CREATE));
    call("info /p", S, n -> n.getFileInfo("/p"));
    call("create unknown policy", S, n -> n.create("/d/pol", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), null, "NOPE"));
    call("create policy", S, n -> n.create("/d/pol", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), null, "COLD"));
    call("create ec", S, n -> n.create("/d/ec", p(0644), "c1", flags(CreateFlag.CREATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), "NOPE", null));
    call("create root", S, n -> create(n, "/", "c1", true, CreateFlag.CREATE));
    call("create reserved", S, n -> create(n, "/.reserved/x", "c1", true, CreateFlag.CREATE));
    call("create bad", S, n -> create(n, "/d/./x", "c1", true, CreateFlag.CREATE));
    call("block size", S, n -> n.getPreferredBlockSize("/d/file"));
    call("block size none", S, n -> n.getPreferredBlockSize("/none"));
    call("closed none", S, n -> n.isFileClosed("/none"));
    call("closed dir", S, n -> n.isFileClosed("/d"));

    // blocks of an open file
    call("create w", S, n -> create(n, "/w", "w1", true, CreateFlag.CREATE));
    call("addBlock wrong client", S, n -> n.addBlock("/w", "w2", null, null, 0, null, null));
    call("addBlock no file", S, n -> n.addBlock("/nofile", "w1", null, null, 0, null, null));
    call("addBlock closed file", S, n -> n.addBlock("/d/file", "w1", null, null, 0, null, null));
    call("addBlock dir", S, n -> n.addBlock("/d", "w1", null, null, 0, null, null));
    final LocatedBlock[] lb = new LocatedBlock[2];
    call("addBlock", S, n -> lb[0] = n.addBlock("/w", "w1", null, null, 0, null, null));
    call("addBlock retried", S, n -> { lb[1] = n.addBlock("/w", "w1", null, null, 0, null, null); return show(lb[1]) + lb[0].getBlock().equals(lb[1].getBlock()); });
    call("addBlock wrong previous", S, n -> n.addBlock("/w", "w1", new ExtendedBlock(lb[0].getBlock().getBlockPoolId(), 77, 1, 1), null, 0, null, null));
    call("addBlock wrong pool", S, n -> n.addBlock("/w", "w1", new ExtendedBlock("BP-wrong", 77, 1, 1), null, 0, null, null));
    call("addBlock none left", S, n -> n.addBlock("/w", "w1", lb[0].getBlock(), lb[0].getLocations(), 0, null, null).getBlock().toString().length() > 0);
    call("locations open", S, n -> n.getBlockLocations("/w", 0, 100));
    call("updateBlock wrong client", S, n -> n.updateBlockForPipeline(lb[0].getBlock(), "w2"));
    call("updateBlock unknown", S, n -> n.updateBlockForPipeline(new ExtendedBlock(lb[0].getBlock().getBlockPoolId(), 77, 1, 1), "w1"));
    final LocatedBlock[] up = new LocatedBlock[1];
    call("updateBlock", S, n -> up[0] = n.updateBlockForPipeline(lb[0].getBlock(), "w1"));
    call("updatePipeline old stamp", S, n -> { n.updatePipeline("w1", lb[0].getBlock(), lb[0].getBlock(), lb[0].getLocations(), lb[0].getStorageIDs()); return "ok"; });
    call("updatePipeline", S, n -> { n.updatePipeline("w1", lb[0].getBlock(), up[0].getBlock(), lb[0].getLocations(), lb[0].getStorageIDs()); return "ok"; });
    call("fsync", S, n -> { n.fsync("/w", 0, "w1", 5); return "ok"; });
    call("fsync wrong", S, n -> { n.fsync("/w", 0, "w2", 5); return "ok"; });
    call("info open written", S, n -> n.getFileInfo("/w"));
    call("locations open written", S, n -> n.getBlockLocations("/w", 0, 100));
    call("abandon wrong client", S, n -> { n.abandonBlock(up[0].getBlock(), 0, "/w", "w2"); return "ok"; });
    call("abandon", S, n -> { n.abandonBlock(up[0].getBlock(), 0, "/w", "w1"); return "ok"; });
    call("abandon again", S, n -> { n.abandonBlock(up[0].getBlock(), 0, "/w", "w1"); return "ok"; });
    call("complete after abandon", S, n -> n.complete("/w", "w1", null, 0));
    call("renewLease", S, n -> { n.renewLease("w1", null); return "ok"; });
    call("recoverLease closed", S, n -> n.recoverLease("/w", "w5"));
    call("recoverLease open", S, n -> n.recoverLease("/p/q/r", "w5"));
    call("recoverLease none", S, n -> n.recoverLease("/none", "w5"));
    call("recoverLease dir", S, n -> n.recoverLease("/d", "w5"));

    // append
    call("append none", S, n -> n.append("/none", "c1", flags(CreateFlag.APPEND)));
    call("append dir", S, n -> n.append("/d", "c1", flags(CreateFlag.APPEND)));
    call("append empty", S, n -> n.append("/d/file", "c1", flags(CreateFlag.APPEND)));
    call("append again", S, n -> n.append("/d/file", "c1", flags(CreateFlag.APPEND)));
    call("complete", S, n -> n.complete("/d/file", "c1", null, 0));

    // attributes
    call("chmod", S, n -> { n.setPermission("/d/file", p(01600)); return n.getFileInfo("/d/file"); });
    call("chmod none", S, n -> { n.setPermission("/none", p(0600)); return "ok"; });
    call("chmod not owner", "bob", n -> { n.setPermission("/d", p(0777)); return "ok"; });
    call("chown", S, n -> { n.setOwner("/d/file", "bob", null); return n.getFileInfo("/d/file"); });
    call("chown none", S, n -> { n.setOwner("/none", "bob", null); return "ok"; });
    call("chown not super", "bob", n -> { n.setOwner("/tmp/bob", "eve", null); return "ok"; });
    call("chgrp not member", "bob", n -> { n.setOwner("/tmp/bob", null, "wheel2"); return "ok"; });
    call("chown not owner", "bob", n -> { n.setOwner("/d", "bob", null); return "ok"; });
    call("times", S, n -> { n.setTimes("/d/file", 1000, 2000); HdfsFileStatus s = n.getFileInfo("/d/file"); return s.getModificationTime() + " " + s.getAccessTime(); });
    call("times keep", S, n -> { n.setTimes("/d/file", -1, 3000); HdfsFileStatus s = n.getFileInfo("/d/file"); return s.getModificationTime() + " " + s.getAccessTime(); });
    call("times dir", S, n -> { n.setTimes("/d", 1000, 2000); HdfsFileStatus s = n.getFileInfo("/d"); return s.getModificationTime() + " " + s.getAccessTime(); });
    call("times none", S, n -> { n.setTimes("/none", 1, 2); return "ok"; });
    call("setrep", S, n -> n.setReplication("/d/file", (short) 5));
    call("setrep 0", S, n -> n.setReplication("/d/file", (short) 0));
    call("setrep big", S, n -> n.setReplication("/d/file", (short) 1000));
    call("setrep dir", S, n -> n.setReplication("/d", (short) 2));
    call("setrep none", S, n -> n.setReplication("/none", (short) 2));
    call("policy", S, n -> { n.setStoragePolicy("/d", "warm"); return n.getFileInfo("/d/file"); });
    call("policy of child", S, n -> n.getStoragePolicy("/d/file"));
    call("policy of root", S, n -> n.getStoragePolicy("/"));
    call("policy bad", S, n -> { n.setStoragePolicy("/d", "NOPE"); return "ok"; });
    call("policy none", S, n -> { n.setStoragePolicy("/none", "HOT"); return "ok"; });
    call("policy unset", S, n -> { n.unsetStoragePolicy("/d"); return n.getStoragePolicy("/d"); });
    call("policies", S, n -> n.getStoragePolicies());
    call("xattr set", S, n -> { n.setXAttr("/d", new XAttr.Builder().setName("k").setValue("v".getBytes()).build(), EnumSet.of(XAttrSetFlag.CREATE)); return n.getXAttrs("/d", null); });
    call("xattr create again", S, n -> { n.setXAttr("/d", new XAttr.Builder().setName("k").setValue("v".getBytes()).build(), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });
    call("xattr replace none", S, n -> { n.setXAttr("/d", new XAttr.Builder().setName("z").setValue("v".getBytes()).build(), EnumSet.of(XAttrSetFlag.REPLACE)); return "ok"; });
    call("xattr list", S, n -> n.listXAttrs("/d"));
    call("xattr remove", S, n -> { n.removeXAttr("/d", new XAttr.Builder().setName("k").build()); return n.listXAttrs("/d"); });
    call("xattr remove again", S, n -> { n.removeXAttr("/d", new XAttr.Builder().setName("k").build()); return "ok"; });
    call("xattr get missing", S, n -> n.getXAttrs("/d", Arrays.asList(new XAttr.Builder().setName("q").build())));
    call("xattr none", S, n -> n.getXAttrs("/none", null));
    call("xattr trusted by bob", "bob", n -> { n.setXAttr("/tmp/bob", new XAttr.Builder().setNameSpace(XAttr.NameSpace.TRUSTED).setName("k").build(), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });
    call("xattr on other's", "bob", n -> { n.setXAttr("/d", new XAttr.Builder().setName("k").build(), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });

    // ACLs
    call("acl none yet", S, n -> n.getAclStatus("/d"));
    call("acl modify", S, n -> { n.modifyAclEntries("/d", AclEntry.parseAclSpec("user:bob:rwx,default:user:eve:r-x", true)); return n.getAclStatus("/d"); });
    call("acl status flag", S, n -> n.getFileInfo("/d"));
    call("acl inherits dir", S, n -> { n.mkdirs("/d/inh", FsCreateModes.create(p(0755), p(0777)), true); return n.getAclStatus("/d/inh") + show(n.getFileInfo("/d/inh")); });
    call("acl inherits file", S, n -> { create(n, "/d/inhf", "c1", true, CreateFlag.CREATE); n.complete("/d/inhf", "c1", null, 0); return n.getAclStatus("/d/inhf") + show(n.getFileInfo("/d/inhf")); });
    call("acl remove entry", S, n -> { n.removeAclEntries("/d", AclEntry.parseAclSpec("user:bob", false)); return n.getAclStatus("/d"); });
    call("acl remove default", S, n -> { n.removeDefaultAcl("/d"); return n.getAclStatus("/d"); });
    call("acl set", S, n -> { n.setAcl("/d", AclEntry.parseAclSpec("user::rwx,user:bob:---,group::r-x,other::r-x", true)); return n.getAclStatus("/d") + show(n.getFileInfo("/d")); });
    call("acl set incomplete", S, n -> { n.setAcl("/d", AclEntry.parseAclSpec("user:bob:---", true)); return "ok"; });
    call("acl denies bob", "bob", n -> n.getFileInfo("/d/file"));
    call("acl remove mask", S, n -> { n.removeAclEntries("/d", AclEntry.parseAclSpec("mask:", false)); return "ok"; });
    call("acl remove all", S, n -> { n.removeAcl("/d"); return n.getAclStatus("/d"); });
    call("acl default on file", S, n -> { n.modifyAclEntries("/d/file", AclEntry.parseAclSpec("default:user:eve:r-x", true)); return "ok"; });
    call("acl none", S, n -> n.getAclStatus("/none"));
    call("acl not owner", "eve", n -> { n.removeAcl("/d"); return "ok"; });

    // listings
    call("list /", S, n -> n.getListing("/", none, false));
    call("list after", S, n -> n.getListing("/", "d".getBytes(), false));
    call("list file", S, n -> n.getListing("/d/file", none, false));
    call("list file located", S, n -> n.getListing("/d/file", none, true));
    call("list none", S, n -> n.getListing("/none", none, false));
    call("list under file", S, n -> n.getListing("/d/file/x", none, false));
    call("list located", S, n -> n.getListing("/d", none, true));
    call("summary /", S, n -> n.getContentSummary("/"));
    call("summary file", S, n -> n.getContentSummary("/d/file"));
    call("summary none", S, n -> n.getContentSummary("/none"));
    call("quota set", S, n -> { n.setQuota("/d", 100, 1000000, null); return n.getContentSummary("/d"); });
    call("quota usage", S, n -> n.getQuotaUsage("/d").getQuota() + " " + n.getQuotaUsage("/d").getSpaceQuota() + " " + n.getQuotaUsage("/d").getFileAndDirectoryCount());
    call("quota illegal", S, n -> { n.setQuota("/d", 0, 1, null); return "ok"; });
    call("quota on file", S, n -> { n.setQuota("/d/file", 5, 1, null); return "ok"; });
    call("quota none", S, n -> { n.setQuota("/none", 5, 1, null); return "ok"; });
    call("quota clear", S, n -> { n.setQuota("/d", -1, -1, null); return n.getContentSummary("/d"); });
    call("quota by bob", "bob", n -> { n.setQuota("/tmp/bob", 5, 5, null); return "ok"; });
    call("quota small", S, n -> { n.mkdirs("/quo", p(0777), true); n.setQuota("/quo", 2, HdfsConstants.QUOTA_DONT_SET, null); n.mkdirs("/quo/a", p(0755), true); return "ok"; });
    call("quota exceeded", S, n -> n.mkdirs("/quo/b", p(0755), true));

    // renames
    call("rename none", S, n -> n.rename("/none", "/d/x"));
    call("rename file", S, n -> n.rename("/d/file", "/d/file2"));
    call("rename into dir", S, n -> n.rename("/d/file2", "/d/e"));
    call("rename over file", S, n -> { create(n, "/d/o", "c1", true, CreateFlag.CREATE); n.complete("/d/o", "c1", null, 0); return n.rename("/d/o", "/d/e/file2"); });
    call("rename to self", S, n -> n.rename("/d/o", "/d/o"));
    call("rename dir to self", S, n -> n.rename("/d/e", "/d/e"));
    call("rename under itself", S, n -> n.rename("/d", "/d/e/d"));
    call("rename no parent", S, n -> n.rename("/d/o", "/nodir/o"));
    call("rename parent file", S, n -> n.rename("/d/e", "/d/o/x"));
    call("rename root", S, n -> n.rename("/", "/d/root"));
    call("rename bad", S, n -> n.rename("/d/o", "/d/a:b"));
    call("rename by bob", "bob", n -> n.rename("/d/o", "/tmp/o"));
    call("rename2 none", S, n -> { n.rename2("/none", "/d/x"); return "ok"; });
    call("rename2 same", S, n -> { n.rename2("/d/o", "/d/o"); return "ok"; });
    call("rename2 exists", S, n -> { n.rename2("/d/o", "/d/e/file2"); return "ok"; });
    call("rename2 file over dir", S, n -> { n.rename2("/d/o", "/d/e", Options.Rename.OVERWRITE); return "ok"; });
    call("rename2 dir over file", S, n -> { n.rename2("/d/e/f", "/d/o", Options.Rename.OVERWRITE); return "ok"; });
    call("rename2 dir over full dir", S, n -> { n.rename2("/d/e/f", "/tmp", Options.Rename.OVERWRITE); return "ok"; });
    call("rename2 under itself", S, n -> { n.rename2("/d", "/d/e/d"); return "ok"; });
    call("rename2 no parent", S, n -> { n.rename2("/d/o", "/nodir/o"); return "ok"; });
    call("rename2 parent file", S, n -> { n.rename2("/d/e", "/d/o/x"); return "ok"; });
    call("rename2 root", S, n -> { n.rename2("/", "/d/root"); return "ok"; });
    call("rename2 to root", S, n -> { n.rename2("/d/o", "/"); return "ok"; });
    call("rename2 overwrite", S, n -> { n.rename2("/d/o", "/d/e/file2", Options.Rename.OVERWRITE); return n.getFileInfo("/d/e/file2"); });
    call("rename2 empty dir over empty dir", S, n -> { n.mkdirs("/d/m1", p(0755), true); n.mkdirs("/d/m2", p(0755), true); n.rename2("/d/m1", "/d/m2", Options.Rename.OVERWRITE); return n.getListing("/d", none, false).getPartialListing().length; });

    // deletes
    call("delete none", S, n -> n.delete("/none", false));
    call("delete full dir", S, n -> n.delete("/d", false));
    call("delete root", S, n -> n.delete("/", true));
    call("delete by bob", "bob", n -> n.delete("/d/e", true));
    call("delete in sticky by eve", "eve", n -> n.delete("/tmp/bob", true));
    call("delete under file", S, n -> n.delete("/d/e/file2/x", true));
    call("delete file", S, n -> n.delete("/d/e/file2", false));
    call("delete tree", S, n -> n.delete("/d", true));
    call("info deleted", S, n -> n.getFileInfo("/d"));

    // permissions on the way
    call("private", S, n -> n.mkdirs("/priv/in", p(0700), true));
    call("bob looks", "bob", n -> n.getFileInfo("/priv/in"));
    call("bob looks at none", "bob", n -> n.getFileInfo("/priv/none"));
    call("bob lists", "bob", n -> n.getListing("/priv", none, false));
    call("bob creates", "bob", n -> create(n, "/priv/x", "b", true, CreateFlag.CREATE));
    call("bob sums up", "bob", n -> n.getContentSummary("/"));
    call("bob checks", "bob", n -> { n.checkAccess("/priv", FsAction.READ); return "ok"; });
    call("bob may", "bob", n -> { n.checkAccess("/tmp", FsAction.ALL); return "ok"; });
    call("bob deletes tree", "bob", n -> { n.mkdirs("/tmp/bob/t", p(0755), true); return n.delete("/tmp/bob", true); });
    call("check none", S, n -> { n.checkAccess("/none", FsAction.READ); return "ok"; });

    // concat, truncate
    call("concat none", S, n -> { n.concat("/none", new String[] {"/a"}); return "ok"; });
    call("concat empty list", S, n -> { n.concat("/w", new String[] {}); return "ok"; });
    call("concat itself", S, n -> { n.concat("/w", new String[] {"/w"}); return "ok"; });
    call("concat empty file", S, n -> { create(n, "/w2", "c1", true, CreateFlag.CREATE); n.complete("/w2", "c1", null, 0); n.concat("/w", new String[] {"/w2"}); return "ok"; });
    call("truncate none", S, n -> n.truncate("/none", 0, "c1"));
    call("truncate dir", S, n -> n.truncate("/tmp", 0, "c1"));
    call("truncate longer", S, n -> n.truncate("/w", 5, "c1"));
    call("truncate same", S, n -> n.truncate("/w", 0, "c1"));
    call("truncate negative", S, n -> n.truncate("/w", -1, "c1"));

    // the store
    call("stats", S, n -> n.getStats().length);
    call("datanodes", S, n -> n.getDatanodeReport(HdfsConstants.DatanodeReportType.LIVE).length);
    call("datanodes by bob", "bob", n -> n.getDatanodeReport(HdfsConstants.DatanodeReportType.LIVE).length);
    call("storages", S, n -> n.getDatanodeStorageReport(HdfsConstants.DatanodeReportType.LIVE).length);
    call("ec policies", S, n -> n.getErasureCodingPolicies().length >= 0);
    call("ec policy", S, n -> n.getErasureCodingPolicy("/tmp"));
    call("ec policy none", S, n -> n.getErasureCodingPolicy("/none"));
    call("ez", S, n -> n.getEZForPath("/tmp"));
    call("ez none", S, n -> n.getEZForPath("/none"));
    call("key", S, n -> n.getDataEncryptionKey());
    call("snapshottable", S, n -> n.getSnapshottableDirListing());
    call("ha", S, n -> n.getHAServiceState());
    call("link target", S, n -> n.getLinkTarget("/tmp"));
    call("link target none", S, n -> n.getLinkTarget("/none"));
    call("symlink", S, n -> { n.createSymlink("/tmp", "/link", p(0755), true); return "ok"; });
    call("token", S, n -> n.getDelegationToken(new org.apache.hadoop.io.Text("x")));
    call("rolling", S, n -> n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.QUERY));
    call("upgrade", S, n -> n.upgradeStatus());
    call("save outside safe mode", S, n -> n.saveNamespace(0, 0));
    call("safe mode by bob", "bob", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER, false));
    call("safe mode?", "bob", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_GET, false));
    call("safe mode on", S, n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER, false));
    call("mkdirs in safe mode", S, n -> n.mkdirs("/sm", p(0755), true));
    call("create in safe mode", S, n -> create(n, "/smf", "c1", true, CreateFlag.CREATE));
    call("delete in safe mode", S, n -> n.delete("/tmp", true));
    call("rename in safe mode", S, n -> n.rename("/tmp", "/tmp2"));
    call("info in safe mode", S, n -> n.getFileInfo("/tmp"));
    call("renew in safe mode", S, n -> { n.renewLease("c1", null); return "ok"; });
    call("save by bob", "bob", n -> n.saveNamespace(0, 0));
    call("save", S, n -> n.saveNamespace(0, 0));
    call("safe mode off", S, n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE, false));
    call("roll", S, n -> n.rollEdits() > 0);
    call("roll by bob", "bob", n -> n.rollEdits());
    call("refresh by bob", "bob", n -> { n.refreshNodes(); return "ok"; });
    call("refresh", S, n -> { n.refreshNodes(); return "ok"; });
    call("bandwidth", S, n -> { n.setBalancerBandwidth(1 << 20); return "ok"; });
    call("open files", S, n -> { n.delete("/p", true); create(n, "/open1", "c1", true, CreateFlag.CREATE); return n.listOpenFiles(0, EnumSet.of(OpenFilesIterator.OpenFilesType.ALL_OPEN_FILES), "/").size(); });
    call("corrupt files", S, n -> n.listCorruptFileBlocks("/", null).getFiles().length);
    call("inode path", S, n -> { long id = n.getFileInfo("/tmp").getFileId(); return n.getFileInfo("/.reserved/.inodes/" + id); });
    call("inode path none", S, n -> n.getFileInfo("/.reserved/.inodes/999999999"));
    System.exit(0);
  }
}
