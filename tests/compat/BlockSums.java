/* BlockSums.java -- checksums of files by Hadoop's client: files of many lengths, block sizes and kinds of checksum; each
 * line is the same for every store that makes them as Hadoop does.
 *
 *   BlockSums HOST:PORT [write]     write: only makes the files; else makes them and prints */
import java.net.URI;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.DistributedFileSystem;

public class BlockSums {
  static final int BLOCK = 4096;
  static final long[] LENGTHS = {0, 1, 511, 512, 513, 1023, 4095, 4096, 4097, 4608, 8191, 8192, 8193, 12288, 20000, 70000};

  static byte[] bytes(long n) {
    byte[] b = new byte[(int) n];
    long x = 88172645463325252L + n;
    for (int i = 0; i < n; i++) {
      x ^= x << 13; x ^= x >>> 7; x ^= x << 17;
      b[i] = (byte) x;
    }
    return b;
  }

  static DistributedFileSystem open(String at, String... settings) throws Exception {
    Configuration c = new Configuration();
    c.setInt("dfs.blocksize", BLOCK);
    c.setInt("dfs.replication", 1);
    for (int i = 0; i < settings.length; i += 2) c.set(settings[i], settings[i + 1]);
    return (DistributedFileSystem) FileSystem.newInstance(new URI("hdfs://" + at), c);
  }

  static String sum(DistributedFileSystem fs, Path p, long n) {
    try {
      FileChecksum s = n < 0 ? fs.getFileChecksum(p) : fs.getFileChecksum(p, n);
      if (s == null) return "none";
      StringBuilder b = new StringBuilder(s.getAlgorithmName() + " ");
      for (byte x : s.getBytes()) b.append(String.format("%02x", x));
      return b.toString();
    } catch (Exception e) {
      return e.getClass().getName();
    }
  }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.LogManager.getRootLogger().setLevel(org.apache.log4j.Level.OFF);
    boolean print = a.length < 2;
    DistributedFileSystem md5 = open(a[0], "dfs.checksum.combine.mode", "MD5MD5CRC");
    DistributedFileSystem crc = open(a[0], "dfs.checksum.combine.mode", "COMPOSITE_CRC");
    for (String kind : new String[] {"CRC32C", "CRC32"})
      for (String per : new String[] {"512", "256"}) {
        DistributedFileSystem w = open(a[0], "dfs.checksum.type", kind, "dfs.bytes-per-checksum", per);
        for (long n : LENGTHS) {
          Path p = new Path("/sums/" + kind + "-" + per + "-" + n);
          try (FSDataOutputStream o = w.create(p)) { o.write(bytes(n)); }
          if (!print) continue;
          System.out.println(p + " md5 " + sum(md5, p, -1));
          System.out.println(p + " crc " + sum(crc, p, -1));
          if (!per.equals("512")) continue;
          TreeSet<Long> cuts = new TreeSet<>(Arrays.asList(0L, 1L, 511L, 512L, 513L, 4095L, 4096L, 4097L, n - 1, n, n + 1));
          for (long cut : cuts)
            if (cut >= 0 && cut <= n + 1) {
              System.out.println(p + " to " + cut + " md5 " + sum(md5, p, cut));
              System.out.println(p + " to " + cut + " crc " + sum(crc, p, cut));
            }
        }
      }
    /* Two kinds in one file. */
    Path p = new Path("/sums/mixed");
    try (FSDataOutputStream o = open(a[0], "dfs.checksum.type", "CRC32").create(p)) { o.write(bytes(5000)); }
    try (FSDataOutputStream o = open(a[0], "dfs.checksum.type", "CRC32C").append(p, EnumSet.of(CreateFlag.APPEND, CreateFlag.NEW_BLOCK), 4096, null)) { o.write(bytes(5000)); }
    if (!print) return;
    System.out.println(p + " md5 " + sum(md5, p, -1));
    System.out.println(p + " crc " + sum(crc, p, -1));
    System.out.println("nothing there: md5 " + sum(md5, new Path("/sums/none"), -1));
    System.out.println("a directory: crc " + sum(crc, new Path("/sums"), -1));
  }
}
