import java.io.*;
import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.ipc.RemoteException;

/**
 * What an application does with a store, by whatever release of Hadoop's client is on the class path, from 2.10 on:
 * HadoopClient hdfs://host:port. A line PASS or FAIL for each thing, and the release in the first.
 */
public class HadoopClient {
    interface Step { void run() throws Exception; }

    static DistributedFileSystem fs;

    static void step(String what, Step s) {
        try {
            s.run();
            System.out.println("PASS " + what);
        } catch (Throwable t) {
            System.out.println("FAIL " + what + ": " + String.valueOf(t).split("\n")[0]);
        }
    }

    static void must(boolean ok, String why) {
        if (!ok)
            throw new AssertionError(why);
    }

    static byte[] bytes(int n, int seed) {
        byte[] b = new byte[n];
        new Random(seed).nextBytes(b);
        return b;
    }

    static void write(Path p, byte[] b) throws IOException {
        try (FSDataOutputStream out = fs.create(p, true)) {
            out.write(b);
        }
    }

    static byte[] read(Path p) throws IOException {
        byte[] b = new byte[(int) fs.getFileStatus(p).getLen()];
        try (FSDataInputStream in = fs.open(p)) {
            in.readFully(0, b);
        }
        return b;
    }

    static void refused(String message, Class<?> expected, Step s) throws Exception {
        try {
            s.run();
        } catch (Exception e) {
            Throwable t = e instanceof RemoteException ? ((RemoteException) e).unwrapRemoteException() : e;
            must(expected.isInstance(t), "expected " + expected.getSimpleName() + ", got " + t);
            must(String.valueOf(t.getMessage()).contains(message), "said " + t.getMessage());
            return;
        }
        throw new AssertionError("not refused");
    }

    static void names() {
        step("directories are made and listed", () -> {
            must(fs.mkdirs(new Path("/c/a/b")), "mkdirs");
            for (int i = 0; i < 25; i++)
                write(new Path("/c/a/f" + i), bytes(i, i));
            must(fs.listStatus(new Path("/c/a")).length == 26, "listStatus");
            int n = 0;
            for (RemoteIterator<LocatedFileStatus> it = fs.listFiles(new Path("/c"), true); it.hasNext(); n++)
                it.next();
            must(n == 25, "listFiles: " + n);
            must(fs.globStatus(new Path("/c/a/f1*")).length == 11, "globStatus");
        });
        step("a file is renamed, a directory too, and onto another with Rename.OVERWRITE", () -> {
            must(fs.rename(new Path("/c/a/f1"), new Path("/c/a/g1")), "rename");
            must(fs.rename(new Path("/c/a"), new Path("/c/z")), "rename of a directory");
            must(!fs.exists(new Path("/c/a")) && fs.exists(new Path("/c/z/g1")), "names");
            FileContext fc = FileContext.getFileContext(fs.getUri(), fs.getConf());
            fc.rename(new Path("/c/z/g1"), new Path("/c/z/f2"), Options.Rename.OVERWRITE);
            must(fs.getFileStatus(new Path("/c/z/f2")).getLen() == 1, "overwritten");
        });
        step("modes, owners, times and replication are changed", () -> {
            Path p = new Path("/c/z/f3");
            fs.setPermission(p, new FsPermission((short) 0640));
            fs.setOwner(p, "carol", "staff");
            fs.setTimes(p, 1000000, 2000000);
            must(fs.setReplication(p, (short) 2), "setReplication");
            FileStatus st = fs.getFileStatus(p);
            must(st.getPermission().toShort() == 0640 && st.getOwner().equals("carol") && st.getGroup().equals("staff") &&
                     st.getModificationTime() == 1000000 && st.getReplication() == 2, st.toString());
        });
        step("ACLs and extended attributes are kept", () -> {
            Path p = new Path("/c/z/f4");
            fs.modifyAclEntries(p, AclEntry.parseAclSpec("user:dave:rw-", true));
            must(fs.getAclStatus(p).getEntries().size() == 2, "getAclStatus");
            fs.setXAttr(p, "user.k", "v".getBytes());
            must(new String(fs.getXAttr(p, "user.k")).equals("v"), "getXAttr");
            fs.removeXAttr(p, "user.k");
            must(fs.listXAttrs(p).isEmpty(), "listXAttrs");
        });
        step("what is not there, or not empty, is refused by the right exception", () -> {
            refused("/c/none", FileNotFoundException.class, () -> fs.open(new Path("/c/none")));
            refused("is non empty", IOException.class, () -> fs.delete(new Path("/c/z"), false));
            refused("/c/z/f5", FileAlreadyExistsException.class, () -> fs.create(new Path("/c/z/f5"), false).close());
            must(!fs.delete(new Path("/c/none"), true), "delete of nothing");
        });
    }

    static void bytesOfFiles() {
        byte[] b = bytes(3 << 20, 7);
        Path p = new Path("/c/big");
        step("a file of several blocks is written, and read in order and out of it", () -> {
            write(p, b);
            must(Arrays.equals(read(p), b), "contents");
            try (FSDataInputStream in = fs.open(p)) {
                byte[] part = new byte[1000];
                in.readFully(1048576 - 500, part);
                must(Arrays.equals(part, Arrays.copyOfRange(b, 1048576 - 500, 1048576 + 500)), "across blocks");
                in.seek(3000000);
                must(in.read() == (b[3000000] & 255), "after seek");
            }
            must(fs.getFileBlockLocations(fs.getFileStatus(p), 0, b.length).length == 3, "blocks");
            must(fs.getFileChecksum(p) != null, "checksum");
        });
        step("an open file is flushed, synced and seen", () -> {
            Path w = new Path("/c/wal");
            try (FSDataOutputStream out = fs.create(w)) {
                out.write(b, 0, 1000);
                out.hflush();
                try (FSDataInputStream in = fs.open(w)) {
                    in.readFully(0, new byte[1000]);
                }
                out.write(b, 1000, 1000);
                ((org.apache.hadoop.hdfs.client.HdfsDataOutputStream) out)
                    .hsync(EnumSet.of(org.apache.hadoop.hdfs.client.HdfsDataOutputStream.SyncFlag.UPDATE_LENGTH));
                must(fs.getFileStatus(w).getLen() == 2000, "length");
            }
            must(Arrays.equals(read(w), Arrays.copyOf(b, 2000)), "contents");
        });
        step("a file is appended to, truncated and concatenated", () -> {
            Path w = new Path("/c/wal");
            try (FSDataOutputStream out = fs.append(w)) {
                out.write(b, 2000, 500);
            }
            must(Arrays.equals(read(w), Arrays.copyOf(b, 2500)), "appended");
            boolean done = fs.truncate(w, 1234);
            for (int i = 0; !done && i < 200 && !(done = fs.isFileClosed(w)); i++)
                Thread.sleep(50);
            must(done && Arrays.equals(read(w), Arrays.copyOf(b, 1234)), "truncated");
            Path one = new Path("/c/one"), two = new Path("/c/two");
            write(one, Arrays.copyOf(b, 1 << 20));
            write(two, Arrays.copyOfRange(b, 1 << 20, 2 << 20));
            fs.concat(one, new Path[] {two});
            must(Arrays.equals(read(one), Arrays.copyOf(b, 2 << 20)) && !fs.exists(two), "concatenated");
        });
        step("another's lease is recovered", () -> {
            Path w = new Path("/c/lease");
            FSDataOutputStream out = fs.create(w);
            out.write(b, 0, 700);
            out.hflush();
            DistributedFileSystem other = (DistributedFileSystem) FileSystem.newInstance(fs.getUri(), fs.getConf());
            boolean closed = other.recoverLease(w);
            for (int i = 0; !closed && i < 200 && !(closed = other.isFileClosed(w)); i++)
                Thread.sleep(50);
            must(closed && Arrays.equals(read(w), Arrays.copyOf(b, 700)), "recovered");
            other.close();
        });
    }

    static void rest() {
        step("quotas and content summaries are told", () -> {
            Path d = new Path("/c/quota");
            fs.mkdirs(d);
            fs.setQuota(d, 2, HdfsConstants.QUOTA_DONT_SET);
            write(new Path(d, "f"), bytes(10, 1));
            refused("quota", org.apache.hadoop.hdfs.protocol.NSQuotaExceededException.class, () -> write(new Path(d, "g"), bytes(1, 1)));
            ContentSummary s = fs.getContentSummary(d);
            must(s.getLength() == 10 && s.getQuota() == 2, s.toString());
        });
        step("snapshots are made, compared, renamed and deleted", () -> {
            Path d = new Path("/c/snap");
            fs.mkdirs(d);
            fs.allowSnapshot(d);
            write(new Path(d, "f"), bytes(10, 1));
            fs.createSnapshot(d, "s1");
            fs.delete(new Path(d, "f"), false);
            must(fs.exists(new Path("/c/snap/.snapshot/s1/f")), "in the snapshot");
            must(fs.getSnapshotDiffReport(d, "s1", "").getDiffList().size() == 2, "diff");
            fs.renameSnapshot(d, "s1", "s2");
            fs.deleteSnapshot(d, "s2");
            fs.disallowSnapshot(d);
        });
        step("the store tells about itself", () -> {
            must(fs.getStatus().getCapacity() > 0, "getStatus");
            must(fs.getDataNodeStats().length == 1, "getDataNodeStats");
            must(fs.getServerDefaults().getBlockSize() > 0, "getServerDefaults");
            must(!fs.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_GET), "safe mode");
        });
        step("a tree is deleted", () -> must(fs.delete(new Path("/c"), true) && !fs.exists(new Path("/c")), "delete"));
    }

    public static void main(String[] args) throws Exception {
        Configuration conf = new Configuration();
        conf.set("dfs.blocksize", "1048576");
        conf.set("dfs.replication", "1");
        fs = (DistributedFileSystem) FileSystem.get(new URI(args[0]), conf);
        System.out.println("release " + org.apache.hadoop.util.VersionInfo.getVersion());
        names();
        bytesOfFiles();
        rest();
        fs.close();
    }
}
