/* LeavingNodes.java -- datanodes are emptied, taken into maintenance, and shut out, by the files that name them:
 * after each change, what the reports of datanodes and the locations of blocks say.
 *
 *   LeavingNodes HOST:PORT json FILE              dfs.hosts=FILE, read by CombinedHostFileManager
 *   LeavingNodes HOST:PORT plain INCLUDE EXCLUDE  the two old files
 *
 * Six datanodes; they are called dn0 to dn5 in the order of their addresses. Lines are the same for every store that
 * does as Hadoop does. */
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.*;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.DatanodeReportType;

public class LeavingNodes {
  static DistributedFileSystem fs;
  static String[] files;
  static boolean json;
  static final TreeMap<String, String> names = new TreeMap<>(); // address -> dn0...
  static final Map<String, String> wanted = new HashMap<>();    // dn0 -> a line of the JSON file, or a word

  static DatanodeInfo[] report(DatanodeReportType t) throws Exception { return fs.getDataNodeStats(t); }

  static String name(DatanodeInfo d) {
    String n = names.get(d.getXferAddr());
    return n == null ? "another" : n;
  }

  static void write() throws Exception {
    StringBuilder in = new StringBuilder(), ex = new StringBuilder(), j = new StringBuilder("[");
    for (Map.Entry<String, String> e : names.entrySet()) {
      String w = wanted.getOrDefault(e.getValue(), "NORMAL"), at = e.getKey();
      if (w.equals("ABSENT")) continue;
      int c = at.lastIndexOf(':');
      j.append(j.length() > 1 ? ",\n" : "").append("{\"hostName\": \"" + at.substring(0, c) + "\", \"port\": " + at.substring(c + 1));
      if (!w.equals("NORMAL")) j.append(", " + w);
      j.append("}");
      in.append(at).append("\n");
      if (w.contains("DECOMMISSIONED")) ex.append(at).append("\n");
    }
    if (wanted.containsKey("ghost")) {
      j.append(", {\"hostName\": \"127.0.0.1\", \"port\": 1}, {\"hostName\": \"127.0.0.1\", \"port\": 2, \"adminState\": \"DECOMMISSIONED\"}");
      in.append("127.0.0.1:1 # never seen\n127.0.0.1:2\n");
      ex.append("127.0.0.1:2\n");
    }
    Files.write(Paths.get(files[0]), (json ? j.append("]\n").toString() : in.toString()).getBytes());
    if (!json) Files.write(Paths.get(files[1]), ex.toString().getBytes());
    fs.refreshNodes();
  }

  static void want(String node, String what) throws Exception {
    wanted.put(node, what);
    write();
  }

  static final String OUT = "\"adminState\": \"DECOMMISSIONED\"";
  static String maintenance(long until) { return "\"adminState\": \"IN_MAINTENANCE\", \"maintenanceExpireTimeInMS\": " + until; }

  static void until(String what, Callable<Boolean> c) throws Exception {
    long end = System.nanoTime() + 60_000_000_000L;
    while (!c.call()) {
      if (System.nanoTime() > end) {
        System.out.println("gave up on: " + what);
        return;
      }
      Thread.sleep(50);
    }
    System.out.println(what);
  }

  static String state(String node) throws Exception {
    for (DatanodeInfo d : report(DatanodeReportType.ALL))
      if (name(d).equals(node)) return d.getAdminState().toString();
    return "none";
  }

  static void untilState(String node, String state) throws Exception {
    until(node + " is " + state, () -> state(node).equals(state));
  }

  static void reports(String when) throws Exception {
    for (DatanodeReportType t : DatanodeReportType.values()) {
      List<String> all = new ArrayList<>();
      for (DatanodeInfo d : report(t)) all.add(name(d) + "=" + d.getAdminState());
      Collections.sort(all);
      System.out.println(when + ": " + t + " " + all);
    }
  }

  static List<DatanodeInfo> where(String path) throws Exception {
    LocatedBlock b = fs.getClient().getLocatedBlocks(path, 0, Long.MAX_VALUE).get(0);
    return Arrays.asList(b.getLocations());
  }

  /* How many of each state, in the order of the answer: the live ones come first. */
  static String places(String path) throws Exception {
    StringBuilder b = new StringBuilder();
    for (DatanodeInfo d : where(path)) b.append(b.length() > 0 ? ", " : "").append(d.getAdminState());
    return "[" + b + "]";
  }

  static boolean has(String path, String node) throws Exception {
    for (DatanodeInfo d : where(path))
      if (name(d).equals(node)) return true;
    return false;
  }

  static void untilPlaces(String path, String want) throws Exception {
    until(path + " is on " + want, () -> places(path).equals(want));
  }

  static void put(String path, int copies, int... nodes) throws Exception {
    InetSocketAddress[] at = new InetSocketAddress[nodes.length];
    List<String> all = new ArrayList<>(names.keySet());
    for (int i = 0; i < nodes.length; i++) {
      int c = all.get(nodes[i]).lastIndexOf(':');
      at[i] = new InetSocketAddress(all.get(nodes[i]).substring(0, c), Integer.parseInt(all.get(nodes[i]).substring(c + 1)));
    }
    try (FSDataOutputStream o = fs.create(new Path(path), FsPermission.getFileDefault(), true, 4096, (short) copies, 1 << 20, null, at)) {
      o.write(new byte[1000]);
    }
    untilPlaces(path, "[" + String.join(", ", Collections.nCopies(copies, "In Service")) + "]");
    for (int n : nodes) System.out.println(path + " on its favored dn" + n + ": " + has(path, "dn" + n));
  }

  static void leaving() throws Exception {
    put("/three", 3, 0, 1, 2);
    put("/one", 1, 0);
    want("dn0", OUT);
    untilState("dn0", "Decommissioned");
    untilPlaces("/three", "[In Service, In Service, In Service, Decommissioned]");
    untilPlaces("/one", "[In Service, Decommissioned]");
    reports("dn0 is out");
    want("dn0", "NORMAL");
    untilState("dn0", "In Service");
    untilPlaces("/three", "[In Service, In Service, In Service]");
    untilPlaces("/one", "[In Service]");
    if (!json) return;
    put("/six", 6);
    want("dn5", OUT); // more copies than dfs.replication do not hold it up
    untilState("dn5", "Decommissioned");
    untilPlaces("/six", "[In Service, In Service, In Service, In Service, In Service, Decommissioned]");
    want("dn4", OUT);
    untilState("dn4", "Decommissioned");
    want("dn3", OUT);
    untilState("dn3", "Decommissioned");
    want("dn2", OUT); // two are left
    untilState("dn2", "Decommission In Progress");
    untilPlaces("/six", "[In Service, In Service, Decommission In Progress, Decommissioned, Decommissioned, Decommissioned]");
    reports("too few are left");
    for (int i = 2; i < 6; i++) wanted.put("dn" + i, "NORMAL");
    write();
    untilPlaces("/six", "[In Service, In Service, In Service, In Service, In Service, In Service]");
    reports("all are back");
    fs.delete(new Path("/six"), false);
  }

  static void maintenance() throws Exception {
    long later = System.currentTimeMillis() + 3600_000;
    put("/pair", 3, 0, 1, 2);
    put("/single", 1, 1);
    want("dn1", maintenance(1)); // over before it began
    System.out.println("dn1 is " + state("dn1"));
    want("dn1", maintenance(later));
    untilState("dn1", "In Maintenance");
    untilPlaces("/pair", "[In Service, In Service]");
    untilPlaces("/single", "[In Service]");
    System.out.println("/pair shows dn1: " + has("/pair", "dn1") + ", /single shows dn1: " + has("/single", "dn1"));
    reports("dn1 is away");
    want("dn1", "NORMAL");
    untilState("dn1", "In Service");
    untilPlaces("/pair", "[In Service, In Service, In Service]");
    want("dn1", maintenance(System.currentTimeMillis() + 2500));
    untilState("dn1", "In Maintenance");
    untilState("dn1", "In Service"); // its time is over
    put("/all", 6); // so that none of them may go
    for (int i = 1; i < 6; i++) wanted.put("dn" + i, OUT);
    write();
    put("/alone", 1, 0);
    want("dn0", maintenance(later)); // nobody could take its blocks
    untilState("dn0", "Entering Maintenance");
    untilPlaces("/alone", "[Entering Maintenance]");
    reports("none is left");
    for (int i = 0; i < 6; i++) wanted.put("dn" + i, "NORMAL");
    write();
    untilState("dn0", "In Service");
    untilPlaces("/pair", "[In Service, In Service, In Service]");
  }

  static void strangers() throws Exception {
    wanted.put("ghost", "");
    write();
    reports("two that never came");
    want("dn2", "ABSENT");
    until("dn2 is not shown", () -> state("dn2").equals("none"));
    untilPlaces("/three", "[In Service, In Service, In Service]");
    until("five are live", () -> report(DatanodeReportType.LIVE).length == 5);
    reports("dn2 is shut out");
  }

  /* Of bad JSON Hadoop says nothing, and lets everybody in; we refuse it (unit tests). */
  static void bad() throws Exception {
    Files.write(Paths.get(files[0]), "127.0.0.1:many\n".getBytes());
    try {
      fs.refreshNodes();
      System.out.println("a bad file is taken");
    } catch (Exception e) {
      System.out.println("a bad file: " + e.getClass().getName());
    }
    reports("after it");
  }

  public static void main(String[] a) throws Exception {
    json = a[1].equals("json");
    files = Arrays.copyOfRange(a, 2, a.length);
    Configuration c = new Configuration();
    c.setBoolean("dfs.client.block.write.replace-datanode-on-failure.best-effort", true);
    fs = (DistributedFileSystem) FileSystem.newInstance(new URI("hdfs://" + a[0]), c);
    until("six are live", () -> report(DatanodeReportType.LIVE).length == 6);
    List<DatanodeInfo> all = new ArrayList<>(Arrays.asList(report(DatanodeReportType.LIVE)));
    all.sort(Comparator.comparing(DatanodeInfo::getXferAddr));
    for (int i = 0; i < all.size(); i++) names.put(all.get(i).getXferAddr(), "dn" + i);
    write();
    reports("at first");
    leaving();
    if (json) maintenance();
    strangers();
    if (!json) bad();
  }
}
