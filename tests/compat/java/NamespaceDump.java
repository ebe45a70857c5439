import java.io.*;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;

/**
 * NamespaceDump URI FILE: all that a client can learn of each entry, now and in every snapshot, a line each, in no order: id, kind, mode,
 * owner, times, size, blocks, policies, links, ACL, extended attributes, quotas and what is used of them. After them the store's own
 * tables: snapshots and what changed between them, open files, erasure coding policies, cache pools and directives.
 */
public class NamespaceDump {
  static DistributedFileSystem fs;
  static DFSClient dfs;
  static PrintWriter out;
  static final ForkJoinPool pool = new ForkJoinPool(4);

  static String blocks(LocatedBlocks l) {
    if (l == null) return "-";
    StringBuilder s = new StringBuilder();
    for (LocatedBlock b : l.getLocatedBlocks())
      s.append(b.getBlock().getBlockId()).append('_').append(b.getBlock().getGenerationStamp()).append(':').append(b.getBlock().getNumBytes()).append('@').append(b.getStartOffset()).append(',');
    return s + (l.isUnderConstruction() ? "open" : "closed");
  }
  static String xattrs(String p) throws IOException {
    StringBuilder s = new StringBuilder();
    for (Map.Entry<String, byte[]> e : new TreeMap<>(dfs.getXAttrs(p)).entrySet())
      s.append(e.getKey()).append('=').append(e.getValue() == null ? "null" : Base64.getEncoder().encodeToString(e.getValue())).append(',');
    return s.toString();
  }
  static String quota(String p) throws IOException {
    QuotaUsage q = fs.getQuotaUsage(new Path(p));
    StringBuilder s = new StringBuilder().append(q.getQuota()).append(' ').append(q.getSpaceQuota());
    if (q.getQuota() >= 0 || q.getSpaceQuota() >= 0) s.append(" used ").append(q.getFileAndDirectoryCount()).append(' ').append(q.getSpaceConsumed());
    for (StorageType t : StorageType.getTypesSupportingQuota())
      if (q.getTypeQuota(t) >= 0) s.append(' ').append(t).append(' ').append(q.getTypeQuota(t)).append(" used ").append(q.getTypeConsumed(t));
    return s.toString();
  }
  static void entry(String p, HdfsFileStatus s, LocatedBlocks b) throws IOException {
    StringBuilder l = new StringBuilder(p).append('|').append(s.getFileId()).append('|').append(s.isDirectory() ? 'd' : s.isSymlink() ? 'l' : 'f');
    l.append('|').append(String.format("%o", s.getPermission().toShort())).append('|').append(s.getOwner()).append('|').append(s.getGroup());
    l.append('|').append(s.getModificationTime()).append('|').append(s.getAccessTime()).append('|').append(s.getReplication());
    l.append('|').append(s.getBlockSize()).append('|').append(s.getLen()).append("|policy ").append(s.getStoragePolicy());
    l.append("|ec ").append(s.getErasureCodingPolicy() == null ? "-" : s.getErasureCodingPolicy().getName());
    l.append('|').append(s.getChildrenNum()).append('|').append(s.isEncrypted()).append(s.isSnapshotEnabled());
    if (s.isSymlink()) {
      l.append("|-> ").append(new String(s.getSymlinkInBytes(), StandardCharsets.UTF_8));
    } else {
      if (s.hasAcl()) {
        AclStatus a = dfs.getAclStatus(p);
        l.append("|acl ").append(a.getPermission()).append(a.isStickyBit()).append(a.getEntries());
      }
      l.append("|x ").append(xattrs(p));
      if (s.isDirectory() && !p.contains("/.snapshot/")) l.append("|q ").append(quota(p));
    }
    if (b != null) l.append("|b ").append(blocks(b));
    out.println(l.toString().replace("\n", "\\n"));
  }

  static class Walk extends RecursiveAction {
    final String dir;
    Walk(String dir) { this.dir = dir; }
    protected void compute() {
      List<Walk> below = new ArrayList<>();
      try {
        byte[] after = HdfsFileStatus.EMPTY_NAME;
        DirectoryListing l;
        do {
          l = dfs.listPaths(dir, after, true);
          if (l == null) return;
          for (HdfsFileStatus s : l.getPartialListing()) {
            String p = s.getFullName(dir);
            entry(p, s, s instanceof HdfsLocatedFileStatus ? ((HdfsLocatedFileStatus) s).getLocatedBlocks() : null);
            if (s.isDirectory()) below.add(new Walk(p));
          }
          after = l.getLastName();
        } while (l.hasMore());
      } catch (IOException e) {
        out.println(dir + "| can't be read: " + e);
      }
      invokeAll(below);
    }
  }
  static void tree(String p) throws IOException {
    HdfsFileStatus s = dfs.getFileInfo(p);
    entry(p, s, null);
    pool.invoke(new Walk(p));
  }
  static void snapshots() throws IOException {
    SnapshottableDirectoryStatus[] dirs = fs.getSnapshottableDirListing();
    if (dirs == null) return;
    for (SnapshottableDirectoryStatus d : dirs) {
      String root = d.getFullPath().toString(), before = "";
      out.println("*snapshottable " + root + " " + d.getSnapshotNumber() + " of " + d.getSnapshotQuota());
      SnapshotStatus[] all = dfs.getSnapshotListing(root);
      Arrays.sort(all, Comparator.comparingInt(SnapshotStatus::getSnapshotID));
      for (SnapshotStatus s : all) {
        String name = s.getFullPath().getName();
        out.println("*snapshot " + root + " " + name + " " + s.getSnapshotID() + " " + s.isDeleted() + " " + s.getDirStatus().getModificationTime());
        tree(s.getFullPath().toString());
        SnapshotDiffReport diff = fs.getSnapshotDiffReport(new Path(root), before.isEmpty() ? name : before, before.isEmpty() ? "" : name);
        List<String> lines = new ArrayList<>();
        for (SnapshotDiffReport.DiffReportEntry e : diff.getDiffList()) lines.add(e.toString());
        for (String l : new TreeSet<>(lines)) out.println("*diff " + root + " " + before + ".." + name + " " + l);
        before = name;
      }
    }
  }
  static void tables() throws IOException {
    for (RemoteIterator<OpenFileEntry> i = fs.listOpenFiles(EnumSet.of(OpenFilesIterator.OpenFilesType.ALL_OPEN_FILES), "/"); i.hasNext();) {
      OpenFileEntry e = i.next();
      out.println("*open " + e.getFilePath() + " " + e.getId() + " " + e.getClientName() + " " + e.getClientMachine());
    }
    for (ErasureCodingPolicyInfo p : fs.getAllErasureCodingPolicies()) out.println("*ec " + p);
    for (RemoteIterator<CachePoolEntry> i = fs.listCachePools(); i.hasNext();) out.println("*pool " + i.next().getInfo());
    for (RemoteIterator<CacheDirectiveEntry> i = fs.listCacheDirectives(null); i.hasNext();) out.println("*directive " + i.next().getInfo());
  }
  public static void main(String[] a) throws Exception {
    Configuration c = new Configuration();
    fs = (DistributedFileSystem) FileSystem.get(URI.create(a[0]), c);
    dfs = fs.getClient();
    out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(new FileOutputStream(a[1]), StandardCharsets.UTF_8)));
    tree("/");
    snapshots();
    tables();
    out.close();
    System.exit(0);
  }
}
