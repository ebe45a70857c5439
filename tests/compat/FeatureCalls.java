// FeatureCalls HOST:PORT SECTION -- what NamenodeCalls leaves out: batched listings, open files, reserved
// paths, events, upgrades, tokens, zones, policies of erasure codes and the administrator's protocols.
// Prints as NamenodeCalls does: one line a call, the same for namenodes that behave alike.
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.crypto.CryptoProtocolVersion;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.ha.HAServiceProtocol;
import org.apache.hadoop.hdfs.DFSClient;
import org.apache.hadoop.hdfs.NameNodeProxies;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.protocol.OpenFilesIterator.OpenFilesType;
import org.apache.hadoop.hdfs.security.token.delegation.DelegationTokenIdentifier;
import org.apache.hadoop.hdfs.protocolPB.ReconfigurationProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.protocol.*;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.erasurecode.ECSchema;
import org.apache.hadoop.ipc.*;
import org.apache.hadoop.ipc.protocolPB.*;
import org.apache.hadoop.security.*;
import org.apache.hadoop.security.authorize.RefreshAuthorizationPolicyProtocol;
import org.apache.hadoop.security.token.Token;
import org.apache.hadoop.tools.GetUserMappingsProtocol;

public class FeatureCalls {
  static final String S = NamenodeCalls.S;
  static final byte[] NONE = HdfsFileStatus.EMPTY_NAME;

  static void call(String what, String user, NamenodeCalls.Call c) throws Exception { NamenodeCalls.call(what, user, c); }
  static void call(String what, NamenodeCalls.Call c) throws Exception { NamenodeCalls.call(what, S, c); }
  static FsPermission p(int mode) { return NamenodeCalls.p(mode); }
  static void file(ClientProtocol n, String path, String who) throws Exception {
    NamenodeCalls.create(n, path, who, true, CreateFlag.CREATE);
  }
  static void closed(ClientProtocol n, String path) throws Exception {
    file(n, path, "c1");
    n.complete(path, "c1", null, 0);
  }
  static void wipe() throws Exception {
    ClientProtocol n = NamenodeCalls.nn(S);
    for (HdfsFileStatus s : n.getListing("/", NONE, false).getPartialListing()) n.delete("/" + s.getLocalName(), true);
  }

  // ---- looking ----

  static String batch(BatchedDirectoryListing b) {
    StringBuilder s = new StringBuilder();
    for (HdfsPartialListing l : b.getListings()) {
      s.append(l.getParentIdx()).append(":");
      if (l.getException() != null) {
        s.append("!").append(l.getException().getClassName()).append(": ").append(NamenodeCalls.first(l.getException().getMessage()));
      } else {
        for (HdfsFileStatus f : l.getPartialListing()) s.append(" [").append(f.getLocalName()).append(f.isDirectory() ? "/" : "").append("]");
      }
      s.append("; ");
    }
    return s + "more=" + b.hasMore() + " key=" + b.getStartAfter().length;
  }

  static void listings() throws Exception {
    call("trees", n -> {
      for (String d : new String[] {"/l/a", "/l/b", "/l/empty"}) n.mkdirs(d, p(0755), true);
      for (int i = 0; i < 5; i++) { closed(n, "/l/a/f" + i); n.mkdirs("/l/b/d" + i, p(0755), true); }
      n.mkdirs("/l/secret", p(0700), true);
      return "ok";
    });
    call("batch of two", n -> batch(n.getBatchedListing(new String[] {"/l/a", "/l/b"}, NONE, false)));
    call("batch of a file", n -> batch(n.getBatchedListing(new String[] {"/l/a/f1"}, NONE, false)));
    call("batch with an empty directory", n -> batch(n.getBatchedListing(new String[] {"/l/empty", "/l/a"}, NONE, false)));
    call("batch with nothing there", n -> batch(n.getBatchedListing(new String[] {"/l/none", "/l/a"}, NONE, false)));
    call("batch with a bad path", n -> batch(n.getBatchedListing(new String[] {"/l/a/f1/x", "/l/a"}, NONE, false)));
    call("batch with a closed directory", "bob", n -> batch(n.getBatchedListing(new String[] {"/l/secret", "/l/empty", "/l/b"}, NONE, true)));
    call("batch of nothing", n -> batch(n.getBatchedListing(new String[] {}, NONE, false)));
    call("batch with locations", n -> batch(n.getBatchedListing(new String[] {"/l/a"}, NONE, true)));
    call("batch of 101", n -> { String[] many = new String[101]; Arrays.fill(many, "/l/a"); return batch(n.getBatchedListing(many, NONE, false)); });
    call("batch of 100", n -> { String[] many = new String[100]; Arrays.fill(many, "/l/a"); return batch(n.getBatchedListing(many, NONE, false)); });
    call("batch with a wrong key", n -> batch(n.getBatchedListing(new String[] {"/l/a"}, new byte[] {1, 2, 3}, false)));
    call("batch in pages", n -> {
      n.mkdirs("/big", p(0755), true);
      for (int i = 0; i < 1200; i++) n.mkdirs("/big/" + String.format("%04d", i), p(0755), true);
      String[] dirs = {"/l/a", "/big", "/l/b", "/big"};
      StringBuilder s = new StringBuilder();
      byte[] key = NONE;
      BatchedDirectoryListing b;
      do {
        b = n.getBatchedListing(dirs, key, false);
        for (HdfsPartialListing l : b.getListings()) s.append(l.getParentIdx()).append("x").append(l.getPartialListing().size()).append(" ");
        s.append("| ");
        key = b.getStartAfter();
      } while (b.hasMore());
      return s.toString();
    });
    call("batch with another's key", n -> {
      byte[] key = n.getBatchedListing(new String[] {"/l/a", "/big"}, NONE, false).getStartAfter();
      return key.length + " " + batch(n.getBatchedListing(new String[] {"/big", "/l/a"}, key, false));
    });

    // reserved names
    call("list /.reserved", n -> n.getListing("/.reserved", NONE, false));
    call("info /.reserved", n -> n.getFileInfo("/.reserved"));
    call("list /.reserved/.inodes", n -> n.getListing("/.reserved/.inodes", NONE, false));
    call("info /.reserved/.inodes", n -> n.getFileInfo("/.reserved/.inodes"));
    call("info /.reserved/raw", n -> n.getFileInfo("/.reserved/raw"));
    call("list /.reserved/raw", n -> n.getListing("/.reserved/raw", NONE, false).getPartialListing().length > 0);
    call("info raw", n -> n.getFileInfo("/.reserved/raw/l/a"));
    call("info raw by bob", "bob", n -> n.getFileInfo("/.reserved/raw/l/a"));
    call("list raw by bob", "bob", n -> n.getListing("/.reserved/raw/l", NONE, false));
    call("raw of nothing", n -> n.getFileInfo("/.reserved/raw/none"));
    call("info /.reserved/other", n -> n.getFileInfo("/.reserved/other"));
    call("list /.reserved/other", n -> n.getListing("/.reserved/other", NONE, false));
    call("mkdirs raw", n -> n.mkdirs("/.reserved/raw/l/raw", p(0755), true));
    call("made below", n -> n.getFileInfo("/l/raw"));
    call("create raw", n -> NamenodeCalls.create(n, "/.reserved/raw/l/rawfile", "c1", true, CreateFlag.CREATE));
    call("create raw under /.reserved", n -> NamenodeCalls.create(n, "/.reserved/x/y", "c1", true, CreateFlag.CREATE));
    call("delete /.reserved", n -> n.delete("/.reserved", true));
    call("delete /.reserved/.inodes", n -> n.delete("/.reserved/.inodes", true));
    call("delete /.reserved/raw", n -> n.delete("/.reserved/raw", true));
    call("rename /.reserved", n -> n.rename("/.reserved", "/x"));
    call("rename to /.reserved", n -> n.rename("/l/empty", "/.reserved/x"));
    call("chmod /.reserved", n -> { n.setPermission("/.reserved", p(0755)); return "ok"; });
    call("chmod /.reserved/.inodes", n -> { n.setPermission("/.reserved/.inodes", p(0755)); return "ok"; });
    call("by id", n -> { long id = n.getFileInfo("/l/a").getFileId(); return n.getFileInfo("/.reserved/.inodes/" + id + "/f1"); });
    call("list by id", n -> { long id = n.getFileInfo("/l/a").getFileId(); return n.getListing("/.reserved/.inodes/" + id, NONE, false).getPartialListing().length; });
    call("root by id", n -> n.getFileInfo("/.reserved/.inodes/16385/l/a"));
    call("root id alone", n -> n.getFileInfo("/.reserved/.inodes/16385"));
    call("parent by id", n -> { long id = n.getFileInfo("/l/a").getFileId(); return n.getFileInfo("/.reserved/.inodes/" + id + "/.."); });
    call("no id", n -> n.getFileInfo("/.reserved/.inodes/x"));
    call("id 0", n -> n.getFileInfo("/.reserved/.inodes/0"));
    call("negative id", n -> n.getFileInfo("/.reserved/.inodes/-1"));
    call("delete by id", n -> { n.mkdirs("/l/gone", p(0755), true); long id = n.getFileInfo("/l/gone").getFileId(); return n.delete("/.reserved/.inodes/" + id, true); });
    call("rename by id", n -> { n.mkdirs("/l/mv", p(0755), true); long id = n.getFileInfo("/l/mv").getFileId(); return n.rename("/.reserved/.inodes/" + id, "/l/moved") + "" + (n.getFileInfo("/l/moved") != null); });
    call("mkdirs by id", n -> { long id = n.getFileInfo("/l/a").getFileId(); return n.mkdirs("/.reserved/.inodes/" + id + "/sub", p(0755), true) + "" + (n.getFileInfo("/l/a/sub") != null); });
    call("chmod by id", n -> { long id = n.getFileInfo("/l/a").getFileId(); n.setPermission("/.reserved/.inodes/" + id, p(0711)); return n.getFileInfo("/l/a"); });

    call("reserved numbers", n -> { HdfsFileStatus r = n.getFileInfo("/.reserved"); String s = r.getFileId() + " " + r.getModificationTime(); for (HdfsFileStatus f : n.getListing("/.reserved", NONE, false).getPartialListing()) s += " " + f.getFileId() + " " + (f.getModificationTime() > 0) + " " + (f.getModificationTime() == f.getAccessTime()); return s; });
    call("list after .inodes", n -> n.getListing("/.reserved", ".inodes".getBytes(), false).getPartialListing().length);
    call("list /.reserved/", n -> n.getListing("/.reserved/", NONE, false));
    call("mkdirs raw by bob", "bob", n -> n.mkdirs("/.reserved/raw/l/bob", p(0755), true));
    call("create raw by bob", "bob", n -> NamenodeCalls.create(n, "/.reserved/raw/l/bob", "c1", true, CreateFlag.CREATE));
    call("delete raw by bob", "bob", n -> n.delete("/.reserved/raw/l/b", true));
    call("chmod raw by bob", "bob", n -> { n.setPermission("/.reserved/raw/l/b", p(0755)); return "ok"; });
    call("chown /.reserved", n -> { n.setOwner("/.reserved", "x", null); return "ok"; });
    call("touch /.reserved", n -> { n.setTimes("/.reserved", 1, 1); return "ok"; });
    call("replicate /.reserved", n -> n.setReplication("/.reserved", (short) 1));
    call("locate /.reserved", n -> n.getBlockLocations("/.reserved", 0, 1));
    call("sum up /.reserved", n -> n.getContentSummary("/.reserved"));
    call("locate /.reserved/raw", n -> n.getBlockLocations("/.reserved/raw/l/a/f1", 0, 1));
    call("set a raw attribute", n -> { n.setXAttr("/l/b", org.apache.hadoop.hdfs.XAttrHelper.buildXAttr("raw.x", new byte[] {1}), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });
    call("set a raw attribute below raw", n -> { n.setXAttr("/.reserved/raw/l/b", org.apache.hadoop.hdfs.XAttrHelper.buildXAttr("raw.x", new byte[] {1}), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });
    call("set a raw attribute by bob", "bob", n -> { n.setXAttr("/.reserved/raw/l/b", org.apache.hadoop.hdfs.XAttrHelper.buildXAttr("raw.y", new byte[] {1}), EnumSet.of(XAttrSetFlag.CREATE)); return "ok"; });
    call("attributes", n -> n.getXAttrs("/l/b", null));
    call("attributes below raw", n -> n.getXAttrs("/.reserved/raw/l/b", null));
    call("attributes below raw by bob", "bob", n -> n.getXAttrs("/.reserved/raw/l/b", null));
    call("a raw attribute", n -> n.getXAttrs("/l/b", Arrays.asList(org.apache.hadoop.hdfs.XAttrHelper.buildXAttr("raw.x"))));
    call("names of attributes below raw", n -> n.listXAttrs("/.reserved/raw/l/b").size() + " " + n.listXAttrs("/l/b").size());
    call("rename from raw to not raw", n -> n.rename("/.reserved/raw/l/empty", "/l/empty2"));
    call("rename below raw", n -> n.rename("/.reserved/raw/l/empty2", "/.reserved/raw/l/empty") + "" + (n.getFileInfo("/l/empty") != null));

    // links, access
    call("link info of a file", n -> n.getFileLinkInfo("/l/a/f1"));
    call("link info of nothing", n -> n.getFileLinkInfo("/l/none"));
    call("link info of a bad path", n -> n.getFileLinkInfo("l/a"));
    call("link target of a file", n -> n.getLinkTarget("/l/a/f1"));
    call("link target by bob", "bob", n -> n.getLinkTarget("/l/secret/x"));
    call("symlink by bob", "bob", n -> { n.createSymlink("/l/a", "/l/link", p(0755), false); return "ok"; });
    call("access", "bob", n -> { n.checkAccess("/l/b", FsAction.READ_EXECUTE); return "ok"; });
    call("no access", "bob", n -> { n.checkAccess("/l/b", FsAction.WRITE); return "ok"; });
    call("access on the way", "bob", n -> { n.checkAccess("/l/secret/x", FsAction.READ); return "ok"; });
    call("access to nothing", "bob", n -> { n.checkAccess("/l/none", FsAction.READ); return "ok"; });
    call("access under a file", "bob", n -> { n.checkAccess("/l/a/f1/x", FsAction.READ); return "ok"; });
    call("access to none", "bob", n -> { n.checkAccess("/l/b", FsAction.NONE); return "ok"; });
    call("enclosing root", n -> n.getEnclosingRoot("/l/a"));
    call("enclosing root of nothing", n -> n.getEnclosingRoot("/l/none/x"));
    call("enclosing root of a bad path", n -> n.getEnclosingRoot("l"));
    call("msync", n -> { n.msync(); return "ok"; });
    call("ha", "bob", n -> n.getHAServiceState());
  }

  // ---- open files ----

  static String open(BatchedRemoteIterator.BatchedEntries<OpenFileEntry> b) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < b.size(); i++) s.append(b.get(i).getFilePath()).append("=").append(b.get(i).getClientName()).append(" ");
    return s + "more=" + b.hasMore();
  }

  static void openFiles() throws Exception {
    EnumSet<OpenFilesType> all = EnumSet.of(OpenFilesType.ALL_OPEN_FILES), blocking = EnumSet.of(OpenFilesType.BLOCKING_DECOMMISSION);
    call("no open files", n -> open(n.listOpenFiles(0, all, "/")));
    call("open", n -> { for (String f : new String[] {"/o/a/1", "/o/a/2", "/o/ab/3", "/o/b/4"}) file(n, f, "w" + f.charAt(f.length() - 1)); return "ok"; });
    call("all", n -> open(n.listOpenFiles(0, all, "/")));
    call("all by bob", "bob", n -> open(n.listOpenFiles(0, all, "/")));
    call("below", n -> open(n.listOpenFiles(0, all, "/o/a")));
    call("below with slash", n -> open(n.listOpenFiles(0, all, "/o/a/")));
    call("one file", n -> open(n.listOpenFiles(0, all, "/o/b/4")));
    call("below nothing", n -> open(n.listOpenFiles(0, all, "/none")));
    call("no path", n -> open(n.listOpenFiles(0, all, "")));
    call("after", n -> { long id = n.getFileInfo("/o/a/2").getFileId(); return open(n.listOpenFiles(id, all, "/")); });
    call("blocking", n -> open(n.listOpenFiles(0, blocking, "/")));
    call("both", n -> open(n.listOpenFiles(0, EnumSet.of(OpenFilesType.ALL_OPEN_FILES, OpenFilesType.BLOCKING_DECOMMISSION), "/")));
    call("no type", n -> open(n.listOpenFiles(0, EnumSet.noneOf(OpenFilesType.class), "/")));
    call("in pages", n -> {
      for (int i = 0; i < 1100; i++) file(n, "/many/" + i, "w");
      BatchedRemoteIterator.BatchedEntries<OpenFileEntry> b = n.listOpenFiles(0, all, "/");
      String s = b.size() + " " + b.hasMore();
      b = n.listOpenFiles(b.get(b.size() - 1).getId(), all, "/");
      s += " " + b.size() + " " + b.hasMore();
      n.delete("/many", true);
      return s;
    });
    call("after all", n -> open(n.listOpenFiles(Long.MAX_VALUE - 1, all, "/")));
    call("negative", n -> open(n.listOpenFiles(-5, all, "/")));
    call("deleted", n -> { n.delete("/o", true); return open(n.listOpenFiles(0, all, "/")); });
  }

  // ---- the store ----

  static void store() throws Exception {
    call("txid", n -> n.getCurrentEditLogTxid() > 0);
    call("txid by bob", "bob", n -> n.getCurrentEditLogTxid() > 0);
    call("corrupt", n -> { CorruptFileBlocks c = n.listCorruptFileBlocks("/", null); return c.getFiles().length + " " + c.getCookie(); });
    call("corrupt by bob", "bob", n -> n.listCorruptFileBlocks("/", null).getFiles().length);
    call("corrupt with a cookie", n -> { CorruptFileBlocks c = n.listCorruptFileBlocks("/", "5"); return c.getFiles().length + " " + c.getCookie(); });
    call("corrupt with a bad cookie", n -> { CorruptFileBlocks c = n.listCorruptFileBlocks("/", "x"); return c.getFiles().length + " " + c.getCookie(); });
    call("slow", n -> n.getSlowDatanodeReport().length);
    call("slow by bob", "bob", n -> n.getSlowDatanodeReport().length);
    call("storages by bob", "bob", n -> n.getDatanodeStorageReport(HdfsConstants.DatanodeReportType.ALL).length);
    call("upgrade status by bob", "bob", n -> n.upgradeStatus());
    call("finalize", n -> { n.finalizeUpgrade(); return "ok"; });
    call("finalize by bob", "bob", n -> { n.finalizeUpgrade(); return "ok"; });
    call("restore?", n -> n.restoreFailedStorage("check"));
    call("restore by bob", "bob", n -> n.restoreFailedStorage("check"));
    call("restore on", n -> n.restoreFailedStorage("true"));
    call("restore on?", n -> n.restoreFailedStorage("check"));
    call("restore off", n -> n.restoreFailedStorage("false"));
    call("restore something", n -> n.restoreFailedStorage("x"));
    call("bandwidth by bob", "bob", n -> { n.setBalancerBandwidth(1); return "ok"; });
    call("bandwidth negative", n -> { n.setBalancerBandwidth(-1); return "ok"; });
    call("bandwidth too much", n -> { n.setBalancerBandwidth(Long.MAX_VALUE); return "ok"; });
    call("metasave by bob", "bob", n -> { n.metaSave("x"); return "ok"; });
  }

  static String rolling(RollingUpgradeInfo i) {
    return i == null ? "null" : (i.isStarted() ? "started " : "not started ") + (i.isFinalized() ? "finalized" : "not finalized") + " images=" + i.createdRollbackImages();
  }

  static void upgrades() throws Exception {
    call("query", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.QUERY)));
    call("query by bob", "bob", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.QUERY)));
    call("prepare by bob", "bob", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.PREPARE)));
    call("finalize nothing", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.FINALIZE)));
    call("finalize by bob", "bob", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.FINALIZE)));
    call("prepare outside safe mode", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.PREPARE)));
    call("safe mode", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER, false));
    call("prepare", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.PREPARE)));
    call("prepared", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.QUERY)));
    call("prepare again", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.PREPARE)));
    call("upgrade status", n -> n.upgradeStatus());
    call("finalize an upgrade meanwhile", n -> { n.finalizeUpgrade(); return "ok"; });
    call("finalize in safe mode", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.FINALIZE)));
    call("leave", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE, false));
    call("finalize rolling", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.FINALIZE)));
    call("query after", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.QUERY)));
    call("finalize again", n -> rolling(n.rollingUpgrade(HdfsConstants.RollingUpgradeAction.FINALIZE)));
  }

  // ---- tokens and keys ----

  static Token<DelegationTokenIdentifier> token(String owner, String renewer) {
    DelegationTokenIdentifier id = new DelegationTokenIdentifier(new Text(owner), new Text(renewer), null);
    id.setSequenceNumber(7);
    id.setMasterKeyId(2);
    return new Token<>(id.getBytes(), new byte[] {1, 2, 3}, DelegationTokenIdentifier.HDFS_DELEGATION_KIND, new Text(""));
  }

  static void tokens() throws Exception {
    call("get", n -> n.getDelegationToken(new Text("bob")));
    call("get by bob", "bob", n -> n.getDelegationToken(new Text("")));
    call("renew", n -> n.renewDelegationToken(token(S, S)));
    call("renew by another", "bob", n -> n.renewDelegationToken(token(S, S)));
    call("cancel", n -> { n.cancelDelegationToken(token(S, S)); return "ok"; });
    call("cancel by another", "bob", n -> { n.cancelDelegationToken(token(S, S)); return "ok"; });
    call("renew garbage", n -> n.renewDelegationToken(new Token<DelegationTokenIdentifier>(new byte[] {9, 9}, new byte[0], new Text("x"), new Text(""))));
    call("cancel garbage", n -> { n.cancelDelegationToken(new Token<DelegationTokenIdentifier>(new byte[] {9, 9}, new byte[0], new Text("x"), new Text(""))); return "ok"; });
    call("renew nothing", n -> n.renewDelegationToken(new Token<DelegationTokenIdentifier>(new byte[0], new byte[0], new Text("x"), new Text(""))));
    call("data key", "bob", n -> n.getDataEncryptionKey());
    call("in safe mode", n -> { n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER, false); return n.getDelegationToken(new Text("bob")); });
    call("renew in safe mode", n -> n.renewDelegationToken(token(S, S)));
    call("cancel in safe mode", n -> { n.cancelDelegationToken(token(S, S)); return "ok"; });
    call("leave", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE, false));
  }

  // ---- encryption zones where there are none ----

  static void zones() throws Exception {
    call("a directory", n -> n.mkdirs("/z/secret", p(0700), true));
    call("zone of a path", "bob", n -> n.getEZForPath("/z"));
    call("zone of nothing", "bob", n -> n.getEZForPath("/z/none"));
    call("zone out of reach", "bob", n -> n.getEZForPath("/z/secret/x"));
    call("zone unreadable", "bob", n -> n.getEZForPath("/z/secret"));
    call("zone of a bad path", n -> n.getEZForPath("z"));
    call("zones", n -> { BatchedRemoteIterator.BatchedEntries<EncryptionZone> b = n.listEncryptionZones(0); return b.size() + " " + b.hasMore(); });
    call("zones by bob", "bob", n -> n.listEncryptionZones(0).size());
    call("create a zone", n -> { n.createEncryptionZone("/z", "key"); return "ok"; });
    call("create a zone without a key", n -> { n.createEncryptionZone("/z", ""); return "ok"; });
    call("create a zone by bob", "bob", n -> { n.createEncryptionZone("/z", "key"); return "ok"; });
    call("create a zone of nothing", n -> { n.createEncryptionZone("/z/none", "key"); return "ok"; });
    call("re-encrypt", n -> { n.reencryptEncryptionZone("/z", HdfsConstants.ReencryptAction.START); return "ok"; });
    call("re-encrypt stop", n -> { n.reencryptEncryptionZone("/z", HdfsConstants.ReencryptAction.CANCEL); return "ok"; });
    call("re-encrypt by bob", "bob", n -> { n.reencryptEncryptionZone("/z", HdfsConstants.ReencryptAction.START); return "ok"; });
    call("re-encryptions", n -> { BatchedRemoteIterator.BatchedEntries<ZoneReencryptionStatus> b = n.listReencryptionStatus(0); return b.size() + " " + b.hasMore(); });
    call("re-encryptions by bob", "bob", n -> n.listReencryptionStatus(0).size());
  }

  // ---- policies of erasure codes ----

  static String policies(ClientProtocol n) throws Exception {
    StringBuilder s = new StringBuilder();
    for (ErasureCodingPolicyInfo i : n.getErasureCodingPolicies()) s.append(i.getPolicy()).append("=").append(i.getState()).append("; ");
    return s.toString();
  }
  static String policy(ErasureCodingPolicy e) { return e == null ? "null" : e.toString(); }
  static String added(AddErasureCodingPolicyResponse[] all) {
    StringBuilder s = new StringBuilder();
    for (AddErasureCodingPolicyResponse r : all) s.append(r.isSucceed()).append(" ").append(r.getPolicy()).append(" ").append(r.getErrorMsg()).append("; ");
    return s.toString();
  }
  static ErasureCodingPolicy made(String codec, int d, int q, int cell) { return new ErasureCodingPolicy(new ECSchema(codec, d, q), cell); }
  static Object ok(Object ignored) { return "ok"; }

  static void codes() throws Exception {
    call("codecs", n -> new TreeMap<>(n.getErasureCodingCodecs()));
    call("codecs by bob", "bob", n -> n.getErasureCodingCodecs().size());
    call("policies", n -> policies(n));
    call("policies by bob", "bob", n -> n.getErasureCodingPolicies().length);
    call("directories", n -> { n.mkdirs("/ec/in", p(0755), true); n.mkdirs("/ec/secret", p(0700), true); closed(n, "/ec/file"); return "ok"; });
    call("of a directory", "bob", n -> policy(n.getErasureCodingPolicy("/ec")));
    call("of a file", "bob", n -> policy(n.getErasureCodingPolicy("/ec/file")));
    call("of nothing", "bob", n -> policy(n.getErasureCodingPolicy("/ec/none")));
    call("out of reach", "bob", n -> policy(n.getErasureCodingPolicy("/ec/secret/x")));
    call("set one that is off", n -> { n.setErasureCodingPolicy("/ec", "RS-3-2-1024k"); return "ok"; });
    call("set an unknown one", n -> { n.setErasureCodingPolicy("/ec", "NOPE"); return "ok"; });
    call("set on nothing", n -> { n.setErasureCodingPolicy("/ec/none", "RS-6-3-1024k"); return "ok"; });
    call("set on a file", n -> { n.setErasureCodingPolicy("/ec/file", "RS-6-3-1024k"); return "ok"; });
    call("set by bob", "bob", n -> { n.setErasureCodingPolicy("/ec", "RS-6-3-1024k"); return "ok"; });
    call("unset where there is none", n -> { n.unsetErasureCodingPolicy("/ec"); return "ok"; });
    call("unset of nothing", n -> { n.unsetErasureCodingPolicy("/ec/none"); return "ok"; });
    call("unset of a file", n -> { n.unsetErasureCodingPolicy("/ec/file"); return "ok"; });
    call("unset by bob", "bob", n -> { n.unsetErasureCodingPolicy("/ec"); return "ok"; });
    call("set", n -> { n.setErasureCodingPolicy("/ec", "RS-6-3-1024k"); return policy(n.getErasureCodingPolicy("/ec")); });
    call("set the default", n -> { n.setErasureCodingPolicy("/ec/in", null); return policy(n.getErasureCodingPolicy("/ec/in")); });
    call("info", n -> policy(n.getFileInfo("/ec/in").getErasureCodingPolicy()) + " " + n.getFileInfo("/ec").isErasureCoded() + n.getFileInfo("/ec/file").isErasureCoded());
    call("listed", n -> { StringBuilder s = new StringBuilder(); for (HdfsFileStatus f : n.getListing("/ec", NONE, false).getPartialListing()) s.append(f.getLocalName()).append("=").append(policy(f.getErasureCodingPolicy())).append(" "); return s; });
    call("attributes", n -> n.listXAttrs("/ec").size());
    call("inherited", n -> { n.mkdirs("/ec/deep/er", p(0755), true); return policy(n.getErasureCodingPolicy("/ec/deep/er")); });
    call("summary", n -> n.getContentSummary("/ec"));
    call("summary of a file", n -> n.getContentSummary("/ec/file"));
    call("replication on a directory", n -> { n.setErasureCodingPolicy("/ec/deep", "replication"); return policy(n.getErasureCodingPolicy("/ec/deep/er")) + " " + policy(n.getErasureCodingPolicy("/ec/deep")); });
    call("summary of replication", n -> n.getContentSummary("/ec/deep"));
    call("replicated file below", n -> { closed(n, "/ec/deep/f"); return policy(n.getErasureCodingPolicy("/ec/deep/f")); });
    call("unset in a tree", n -> { n.unsetErasureCodingPolicy("/ec/deep"); return policy(n.getErasureCodingPolicy("/ec/deep")); });
    call("unset inherited", n -> { n.unsetErasureCodingPolicy("/ec/deep"); return "ok"; });
    call("enable", n -> { n.enableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("enable again", n -> { n.enableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("enable the default", n -> { n.enableErasureCodingPolicy("RS-6-3-1024k"); return "ok"; });
    call("enable an unknown one", n -> { n.enableErasureCodingPolicy("NOPE"); return "ok"; });
    call("enable by bob", "bob", n -> { n.enableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("change it", n -> { n.setErasureCodingPolicy("/ec", "RS-3-2-1024k"); return policy(n.getErasureCodingPolicy("/ec")); });
    call("disable", n -> { n.disableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("disable again", n -> { n.disableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("disable an unknown one", n -> { n.disableErasureCodingPolicy("NOPE"); return "ok"; });
    call("disable by bob", "bob", n -> { n.disableErasureCodingPolicy("RS-6-3-1024k"); return "ok"; });
    call("disabled one stays in force", n -> policy(n.getErasureCodingPolicy("/ec")));
    call("policies after", n -> policies(n));
    call("add", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 4, 2, 65536), made("nope", 4, 2, 65536), made("rs", 6, 3, 1048576), made("xor", 3, 1, 8 << 20)})));
    call("add an odd cell", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 4, 2, 1000)})));
    call("add again", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 4, 2, 65536)})));
    call("add by bob", "bob", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 5, 2, 65536)})));
    call("add nothing", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {})));
    call("too large a cell", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 4, 2, 1 << 30)})));
    call("enable an own one", n -> { n.enableErasureCodingPolicy("RS-4-2-64k"); n.setErasureCodingPolicy("/ec/in", "RS-4-2-64k"); return policy(n.getErasureCodingPolicy("/ec/in")); });
    call("remove a system one", n -> { n.removeErasureCodingPolicy("RS-6-3-1024k"); return "ok"; });
    call("remove an unknown one", n -> { n.removeErasureCodingPolicy("NOPE"); return "ok"; });
    call("remove by bob", "bob", n -> { n.removeErasureCodingPolicy("RS-4-2-64k"); return "ok"; });
    call("remove", n -> { n.removeErasureCodingPolicy("RS-4-2-64k"); return policies(n); });
    call("removed one stays in force", n -> policy(n.getErasureCodingPolicy("/ec/in")));
    call("set a removed one", n -> { n.setErasureCodingPolicy("/ec/deep", "RS-4-2-64k"); return "ok"; });
    call("add a removed one", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 4, 2, 65536)})));
    call("enable a removed one", n -> { n.enableErasureCodingPolicy("RS-4-2-64k"); return policies(n); });
    call("fit", n -> { ECTopologyVerifierResult r = n.getECTopologyResultForPolicies("RS-6-3-1024k"); return r.isSupported() + " " + r.getResultMessage(); });
    call("fit unknown", n -> { ECTopologyVerifierResult r = n.getECTopologyResultForPolicies("NOPE"); return r.isSupported() + " " + r.getResultMessage(); });
    call("fit all", n -> { ECTopologyVerifierResult r = n.getECTopologyResultForPolicies(); return r.isSupported() + " " + r.getResultMessage(); });
    call("fit by bob", "bob", n -> { ECTopologyVerifierResult r = n.getECTopologyResultForPolicies("RS-6-3-1024k", "RS-3-2-1024k"); return r.isSupported() + " " + r.getResultMessage(); });
    call("create replicated in a coded directory", n -> { n.create("/ec/repl", p(0644), "c1", NamenodeCalls.flags(CreateFlag.CREATE, CreateFlag.SHOULD_REPLICATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), null, null); return policy(n.getErasureCodingPolicy("/ec/repl")); });
    call("create with both", n -> { n.create("/ec/both", p(0644), "c1", NamenodeCalls.flags(CreateFlag.CREATE, CreateFlag.SHOULD_REPLICATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), "RS-6-3-1024k", null); return "ok"; });
    call("create with a disabled one", n -> { n.create("/ec/x1", p(0644), "c1", NamenodeCalls.flags(CreateFlag.CREATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), "RS-3-2-1024k", null); return "ok"; });
    call("create with an unknown one", n -> { n.create("/ec/x2", p(0644), "c1", NamenodeCalls.flags(CreateFlag.CREATE), true, (short) 1, 1 << 20, CryptoProtocolVersion.supported(), "NOPE", null); return "ok"; });
    call("in safe mode", n -> { n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER, false); return "ok"; });
    call("set in safe mode", n -> { n.setErasureCodingPolicy("/ec", "RS-6-3-1024k"); return "ok"; });
    call("unset in safe mode", n -> { n.unsetErasureCodingPolicy("/ec"); return "ok"; });
    call("enable in safe mode", n -> { n.enableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("disable in safe mode", n -> { n.disableErasureCodingPolicy("RS-3-2-1024k"); return "ok"; });
    call("remove in safe mode", n -> { n.removeErasureCodingPolicy("RS-4-2-64k"); return "ok"; });
    call("add in safe mode", n -> added(n.addErasureCodingPolicies(new ErasureCodingPolicy[] {made("rs", 7, 2, 65536)})));
    call("leave", n -> n.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE, false));
  }

  // ---- the other protocols of the namenode's port ----

  interface Admin<T> { Object run(T p) throws Exception; }
  static <T> void ask(Class<T> protocol, String what, String user, Admin<T> c) throws Exception {
    T proxy = UserGroupInformation.createRemoteUser(user).doAs((java.security.PrivilegedExceptionAction<T>) () ->
        NameNodeProxies.createProxy(NamenodeCalls.conf, new URI("hdfs://" + NamenodeCalls.uri), protocol).getProxy());
    NamenodeCalls.call(protocol.getSimpleName() + ": " + what, user, n -> {
      try { return c.run(proxy); } catch (java.lang.reflect.UndeclaredThrowableException e) { throw (Exception) e.getCause(); }
    });
  }

  static <T> T as(String user, java.security.PrivilegedExceptionAction<T> make) throws Exception { return UserGroupInformation.createRemoteUser(user).doAs(make); }

  static void admin() throws Exception {
    InetSocketAddress address = new InetSocketAddress(NamenodeCalls.uri.split(":")[0], Integer.parseInt(NamenodeCalls.uri.split(":")[1]));
    Configuration conf = NamenodeCalls.conf;
    RPC.setProtocolEngine(conf, GenericRefreshProtocolPB.class, ProtobufRpcEngine2.class);
    for (String user : new String[] {S, "bob"}) {
      ask(RefreshUserMappingsProtocol.class, "groups", user, p -> { p.refreshUserToGroupsMappings(); return "ok"; });
      ask(RefreshUserMappingsProtocol.class, "superusers", user, p -> { p.refreshSuperUserGroupsConfiguration(); return "ok"; });
      ask(RefreshAuthorizationPolicyProtocol.class, "acl", user, p -> { p.refreshServiceAcl(); return "ok"; });
      ask(RefreshCallQueueProtocol.class, "queue", user, p -> { p.refreshCallQueue(); return "ok"; });
      ask(GetUserMappingsProtocol.class, "groups of eve", user, p -> Arrays.toString(p.getGroupsForUser("eve")));
      ask(GetUserMappingsProtocol.class, "groups of nobody there", user, p -> Arrays.toString(p.getGroupsForUser("no-such-user")));
      ask(NamenodeProtocol.class, "txid", user, p -> p.getTransactionID() > 0);
      ask(NamenodeProtocol.class, "checkpoint", user, p -> p.getMostRecentCheckpointTxId() >= 0);
      ask(NamenodeProtocol.class, "keys", user, p -> p.getBlockKeys().isBlockTokenEnabled());
      ask(NamenodeProtocol.class, "finalized", user, p -> p.isUpgradeFinalized());
      ask(NamenodeProtocol.class, "rolling", user, p -> p.isRollingUpgrade());
      ask(NamenodeProtocol.class, "version", user, p -> { NamespaceInfo i = p.versionRequest(); return i.getSoftwareVersion() + " " + i.getLayoutVersion() + " " + i.getState(); });
      ask(NamenodeProtocol.class, "roll", user, p -> p.rollEditLog().getCurSegmentTxId() > 0);
      ask(NamenodeProtocol.class, "manifest", user, p -> { RemoteEditLogManifest m = p.getEditLogManifest(1); long at = 0; for (RemoteEditLog l : m.getLogs()) { if (l.getStartTxId() <= at || l.isInProgress()) return "out of order " + m; at = l.getEndTxId(); } return "from " + m.getLogs().get(0).getStartTxId() + " upwards"; });
      ask(NamenodeProtocol.class, "manifest of the future", user, p -> p.getEditLogManifest(1L << 40).getLogs().size());
      HAServiceProtocol ha = as(user, () -> new org.apache.hadoop.ha.protocolPB.HAServiceProtocolClientSideTranslatorPB(address, conf));
      GenericRefreshProtocol generic = as(user, () -> new GenericRefreshProtocolClientSideTranslatorPB(RPC.getProxy(GenericRefreshProtocolPB.class, RPC.getProtocolVersion(GenericRefreshProtocolPB.class), address, conf)));
      call("HAServiceProtocol: status", user, n -> ha.getServiceStatus());
      call("HAServiceProtocol: health", user, n -> { ha.monitorHealth(); return "ok"; });
      call("HAServiceProtocol: active", user, n -> { ha.transitionToActive(new HAServiceProtocol.StateChangeRequestInfo(HAServiceProtocol.RequestSource.REQUEST_BY_USER)); return "ok"; });
      call("HAServiceProtocol: standby", user, n -> { ha.transitionToStandby(new HAServiceProtocol.StateChangeRequestInfo(HAServiceProtocol.RequestSource.REQUEST_BY_USER)); return "ok"; });
      call("GenericRefreshProtocol: unknown", user, n -> { StringBuilder b = new StringBuilder(); for (RefreshResponse r : generic.refresh("no-such-thing", new String[] {"a"})) b.append(r.getReturnCode()).append(" ").append(r.getSenderName()).append(" ").append(r.getMessage()).append("; "); return b; });
      ReconfigurationProtocol r = as(user, () -> new ReconfigurationProtocolTranslatorPB(address, UserGroupInformation.getCurrentUser(), conf, org.apache.hadoop.net.NetUtils.getDefaultSocketFactory(conf)));
      if (!user.equals(S)) call("reconfigurable", user, n -> r.listReconfigurableProperties().contains("dfs.heartbeat.interval"));
      call("reconfiguration", user, n -> { org.apache.hadoop.conf.ReconfigurationTaskStatus s = r.getReconfigurationStatus(); return s.hasTask() + " " + s.stopped(); });
      if (!user.equals(S)) call("reconfigure", user, n -> { r.startReconfiguration(); return "ok"; });
    }
    // impersonation: root may be joe, from anywhere
    for (String who : new String[] {"joe", "eve"}) {
      UserGroupInformation u = UserGroupInformation.createProxyUser(who, UserGroupInformation.createRemoteUser(S));
      call("as " + who, n -> u.doAs((java.security.PrivilegedExceptionAction<Object>) () -> new DFSClient(new URI("hdfs://" + NamenodeCalls.uri), NamenodeCalls.conf).getNamenode().getFileInfo("/") != null));
    }
  }

  public static void main(String[] a) throws Exception {
    NamenodeCalls.uri = a[0];
    NamenodeCalls.superuser = S;
    NamenodeCalls.conf.set("fs.defaultFS", "hdfs://" + a[0]);
    NamenodeCalls.conf.setInt("ipc.client.connect.max.retries", 2);
    wipe();
    switch (a[1]) {
      case "listings": listings(); break;
      case "open": openFiles(); break;
      case "store": store(); break;
      case "upgrades": upgrades(); break;
      case "tokens": tokens(); break;
      case "zones": zones(); break;
      case "codes": codes(); break;
      case "admin": admin(); break;
      default: throw new IllegalArgumentException(a[1]);
    }
    System.exit(0);
  }
}
