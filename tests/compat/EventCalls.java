// EventCalls FS_URI -- changes names in many ways and prints what HdfsAdmin's stream of events says about
// it: one batch a line, without the times and owners that differ from run to run.
import java.net.URI;
import java.util.*;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.client.HdfsAdmin;
import org.apache.hadoop.hdfs.inotify.*;

public class EventCalls {
  static DistributedFileSystem fs;

  static Path p(String s) { return new Path("/ev/" + s); }
  static void write(String name, int n) throws Exception {
    try (FSDataOutputStream out = fs.create(p(name), FsPermission.getFileDefault(), true, 4096, (short) 1, 1 << 20, null)) { out.write(new byte[n]); }
  }

  static void change() throws Exception {
    fs.mkdirs(p("d/e"));
    write("d/f", 0);
    write("d/g", 1000);
    write("d/g", 2000); // over what is there
    try (FSDataOutputStream out = fs.append(p("d/g"))) { out.write(new byte[10]); }
    try (FSDataOutputStream out = fs.append(p("d/g"), EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) { out.write(new byte[10]); }
    fs.rename(p("d/f"), p("d/e"));
    fs.rename(p("d/e/f"), p("d/h"), Options.Rename.OVERWRITE);
    fs.setPermission(p("d/h"), new FsPermission((short) 0600));
    fs.setOwner(p("d/h"), "alice", null);
    fs.setOwner(p("d/h"), null, "staff");
    fs.setTimes(p("d/h"), 1234567890123L, -1);
    fs.setTimes(p("d/h"), -1, 1234567890456L);
    fs.setReplication(p("d/g"), (short) 2);
    fs.setReplication(p("d/g"), (short) 1);
    fs.modifyAclEntries(p("d"), AclEntry.parseAclSpec("user:bob:r-x,default:user:eve:rwx", true));
    fs.removeAcl(p("d"));
    fs.setXAttr(p("d"), "user.a", "value".getBytes());
    fs.removeXAttr(p("d"), "user.a");
    fs.setQuota(p("d"), 1000, HdfsConstantsQuota);
    fs.setStoragePolicy(p("d"), "COLD");
    fs.unsetStoragePolicy(p("d"));
    write("d/c1", 1 << 20);
    write("d/c2", 500);
    fs.concat(p("d/c1"), new Path[] {p("d/c2")});
    fs.truncate(p("d/c1"), 1 << 20);
    fs.delete(p("d/g"), false);
    fs.delete(p("d"), true);
  }
  static final long HdfsConstantsQuota = Long.MAX_VALUE;

  static String event(Event e) {
    switch (e.getEventType()) {
      case CREATE: {
        Event.CreateEvent c = (Event.CreateEvent) e;
        return "create " + c.getiNodeType() + " " + c.getPath() + " " + c.getPerms() + " rep=" + c.getReplication() + " bs=" + c.getDefaultBlockSize()
            + " over=" + c.getOverwrite() + " coded=" + c.isErasureCoded() + " link=" + c.getSymlinkTarget() + " time=" + (c.getCtime() > 1600000000000L) + " group=" + c.getGroupName() + " own=" + c.getOwnerName().equals(System.getProperty("user.name"));
      }
      case CLOSE: { Event.CloseEvent c = (Event.CloseEvent) e; return "close " + c.getPath() + " " + c.getFileSize() + " " + (c.getTimestamp() > 1600000000000L); }
      case APPEND: { Event.AppendEvent a = (Event.AppendEvent) e; return "append " + a.getPath() + " new=" + a.toNewBlock(); }
      case RENAME: { Event.RenameEvent r = (Event.RenameEvent) e; return "rename " + r.getSrcPath() + " " + r.getDstPath() + " " + (r.getTimestamp() > 1600000000000L); }
      case UNLINK: { Event.UnlinkEvent u = (Event.UnlinkEvent) e; return "unlink " + u.getPath() + " " + (u.getTimestamp() > 1600000000000L); }
      case TRUNCATE: { Event.TruncateEvent t = (Event.TruncateEvent) e; return "truncate " + t.getPath() + " " + t.getFileSize() + " " + (t.getTimestamp() > 1600000000000L); }
      case METADATA: {
        Event.MetadataUpdateEvent m = (Event.MetadataUpdateEvent) e;
        return "metadata " + m.getMetadataType() + " " + m.getPath() + " mtime=" + m.getMtime() + " atime=" + (m.getAtime() > 1600000000000L ? "now" : "" + m.getAtime()) + " rep=" + m.getReplication() + " owner=" + m.getOwnerName()
            + " group=" + m.getGroupName() + " perms=" + m.getPerms() + " acls=" + m.getAcls() + " xattrs=" + m.getxAttrs() + " removed=" + m.isxAttrsRemoved();
      }
      default: return "? " + e;
    }
  }

  static String batch(EventBatch b) {
    StringBuilder s = new StringBuilder();
    for (Event e : b.getEvents()) s.append(event(e)).append("; ");
    return s.toString();
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = new Configuration();
    URI uri = new URI(a[0]);
    fs = (DistributedFileSystem) FileSystem.get(uri, conf);
    HdfsAdmin admin = new HdfsAdmin(uri, conf);
    fs.delete(new Path("/ev"), true);
    long before = fs.getClient().getNamenode().getCurrentEditLogTxid();
    DFSInotifyEventInputStream live = admin.getInotifyEventStream();
    change();
    EventBatch b;
    long last = 0;
    boolean rising = true;
    while ((b = live.poll(2, TimeUnit.SECONDS)) != null) {
      System.out.println(batch(b));
      rising &= b.getTxid() > last;
      last = b.getTxid();
    }
    System.out.println("numbers rise: " + rising);
    int again = 0;
    DFSInotifyEventInputStream old = admin.getInotifyEventStream(before);
    while ((b = old.poll()) != null) again++;
    System.out.println("read again from a number: " + again);
    fs.getClient().getNamenode().rollEdits();
    fs.mkdirs(new Path("/ev/after/roll"));
    System.out.println("across a roll: " + batch(live.take()));
    int both = 0;
    old = admin.getInotifyEventStream(before);
    while ((b = old.poll()) != null) both++;
    System.out.println("read again across the roll: " + both);
    fs.setSafeMode(SafeModeAction.ENTER);
    fs.saveNamespace();
    fs.setSafeMode(SafeModeAction.LEAVE);
    fs.mkdirs(new Path("/ev/after/save"));
    System.out.println("across a checkpoint: " + batch(live.take()));
    try {
      conf.set("hadoop.job.ugi", "bob");
      org.apache.hadoop.security.UserGroupInformation.createRemoteUser("bob").doAs((java.security.PrivilegedExceptionAction<Object>) () ->
          new HdfsAdmin(uri, conf).getInotifyEventStream(1).poll());
      System.out.println("bob reads");
    } catch (Exception e) {
      System.out.println("bob: " + e.getClass().getName() + ": " + e.getMessage().split("\n")[0]);
    }
    System.out.println("txids in order: " + (last > before));
    System.exit(0);
  }
}
