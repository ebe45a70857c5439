// LeaseLimits URI -- a writer in a process of its own falls silent (SIGSTOP); what others are told while its lease lasts, when
// the soft limit of 60 s is over, and when the hard limit is, which the store's dfs.namenode.lease-hard-limit-sec sets to 90 s.
//   LeaseLimits write URI     the writer: /l/a, /l/b and /l/c with 1000 bytes flushed each
import java.io.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.ipc.RemoteException;

public class LeaseLimits {
  interface Call { Object run() throws Exception; }
  static long began;
  static double now() { return (System.nanoTime() - began) / 1e9; }
  static String said(Call c) {
    String s;
    try { return String.valueOf(c.run()); }
    catch (RemoteException e) { s = e.getClassName() + ": " + e.getMessage().split("\n")[0]; }
    catch (Exception e) { s = e.getClass().getName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]; }
    return s.replaceAll("DFSClient_[-\\w]+", "CLIENT").replaceAll("127\\.[0-9.]+", "HOST");
  }
  static DistributedFileSystem open(String uri) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.defaultFS", uri.contains("://") ? uri : "hdfs://" + uri);
    conf.set("dfs.client.block.write.replace-datanode-on-failure.policy", "NEVER");
    return (DistributedFileSystem) FileSystem.newInstance(conf);
  }
  static void signal(Process p, String s) throws Exception { new ProcessBuilder("kill", "-" + s, "" + p.pid()).start().waitFor(); }

  static void write(String uri) throws Exception {
    DistributedFileSystem fs = open(uri);
    List<FSDataOutputStream> out = new ArrayList<>();
    for (String f : "a b c".split(" ")) {
      FSDataOutputStream o = fs.create(new Path("/l/" + f), true, 4096, (short) 1, 1 << 20);
      o.write(new byte[1000]);
      o.hflush();
      out.add(o);
    }
    System.out.println("flushed");
    System.in.read();
    for (FSDataOutputStream o : out)
      System.out.println(said(() -> { o.write(new byte[10]); o.hflush(); o.close(); return "written"; }).equals("written") ? "written" : "refused");
    Runtime.getRuntime().halt(0);
  }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.LogManager.getRootLogger().setLevel(org.apache.log4j.Level.OFF);
    if (a[0].equals("write")) { write(a[1]); return; }
    DistributedFileSystem fs = open(a[0]);
    fs.delete(new Path("/l"), true);
    Process p = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx128m", "-cp", System.getProperty("java.class.path"), "LeaseLimits", "write", a[0])
        .redirectError(ProcessBuilder.Redirect.DISCARD).start();
    BufferedReader child = new BufferedReader(new InputStreamReader(p.getInputStream()));
    while (!"flushed".equals(child.readLine())) { }
    signal(p, "STOP");
    began = System.nanoTime();
    Path f = new Path("/l/a"), g = new Path("/l/b"), h = new Path("/l/c");
    System.out.println("append at once: " + said(() -> { fs.append(f).close(); return "done"; }));
    System.out.println("create at once: " + said(() -> { fs.create(g, false).close(); return "done"; }));
    System.out.println("truncate at once: " + said(() -> fs.truncate(f, 10)));
    System.out.println("concat at once: " + said(() -> { fs.concat(f, new Path[] {g}); return "done"; }));
    System.out.println("setReplication at once: " + said(() -> fs.setReplication(f, (short) 1)));
    String last = "";
    List<String> told = new ArrayList<>();
    double done = 0;
    while (now() < 85) { // what an append is told, each answer once
      String s = said(() -> { fs.append(f).close(); return "done"; });
      // a recovery may be over before anybody asks during it; the writer is the holder till then
      if (!s.equals(last) && !s.contains("another recovery is in progress by CLIENT on HOST")) told.add(s);
      last = s;
      if (s.equals("done")) { done = now(); break; }
      Thread.sleep(1000);
    }
    System.out.println("append, again and again: " + told);
    System.out.println("it comes after the soft limit: " + (done >= 50 && done < 80 ? "yes" : "at " + done));
    System.out.println("its bytes: " + said(() -> fs.getFileStatus(f).getLen()));
    System.out.println("create over another of its files: " + said(() -> { fs.create(g, true).close(); return "done"; }));
    System.out.println("the third is still open: " + said(() -> !fs.isFileClosed(h)));
    double from = done; // the recovery of the first renewed the lease of all
    while (now() < from + 130 && !fs.isFileClosed(h)) Thread.sleep(500);
    done = now() - from;
    System.out.println("the namenode closes it when the hard limit is over from then: " + (done >= 80 && done < 125 ? "yes" : "after " + done));
    System.out.println("its bytes: " + said(() -> fs.getFileStatus(h).getLen()));
    signal(p, "CONT");
    p.getOutputStream().close();
    System.out.println("and the writer is " + child.readLine() + ", " + child.readLine() + ", " + child.readLine());
    p.destroyForcibly();
    System.exit(0);
  }
}
