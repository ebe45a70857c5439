// ReplicaStates URI KILL START -- has a replica of each state recovered, by InterDatanodeProtocol, and prints what the
// datanode answers: stamps and ids counted from the block's first one. KILL and START are commands of the shell that kill
// the store's only datanode and start it again.
import java.io.*;
import java.net.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hdfs.*;
import org.apache.hadoop.hdfs.protocol.*;
import org.apache.hadoop.hdfs.protocolPB.InterDatanodeProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.protocol.BlockRecoveryCommand.RecoveringBlock;
import org.apache.hadoop.hdfs.server.protocol.*;
import org.apache.hadoop.ipc.RemoteException;
import org.apache.hadoop.net.NetUtils;
import org.apache.hadoop.security.UserGroupInformation;

public class ReplicaStates {
  static Configuration conf = new Configuration();
  static DistributedFileSystem fs;
  static String kill, start;
  static long stamp; // of the block when it was made
  static ExtendedBlock block;
  static DatanodeInfo node;
  static InterDatanodeProtocolTranslatorPB inter;
  static ClientDatanodeProtocol client;

  interface Call { Object run() throws Exception; }
  static void call(String what, Call c) {
    String s;
    try { s = what + " = " + c.run(); }
    catch (RemoteException e) { s = what + " ! " + e.getClassName() + ": " + e.getMessage().split("\n")[0]; }
    catch (Exception e) { s = what + " ! " + e.getClass().getName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]; }
    for (long g = stamp + 30; g >= stamp - 30; g--) s = s.replaceAll("\\b" + g + "\\b|(?<=_)" + g + "\\b", "S" + (g < stamp ? "" : "+") + (g - stamp));
    s = s.replaceAll("blk_-?\\d+", "blk_N").replaceAll("BP-[-0-9.]+", "POOL").replaceAll("\\b\\d{8,}\\b", "N").replaceAll("DS-[-0-9a-f]+", "DS").replaceAll("127\\.[0-9.]+:\\d+", "NODE");
    // where Hadoop keeps it is not for others to know
    s = s.replaceAll("(?s),?\\s+getNumBytes.*|FsVolume.*|\\s+getVolume.*|, (FinalizedReplica|ReplicaBeingWritten|ReplicaWaitingToBeRecovered|ReplicaUnderRecovery|ReplicaInPipeline|LocalReplica).*", "");
    System.out.println(s);
  }
  static void sh(String c) throws Exception {
    Process p = new ProcessBuilder("sh", "-c", c).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    if (p.waitFor() != 0) throw new IOException(c);
  }
  static void connect() throws Exception {
    InetSocketAddress a = NetUtils.createSocketAddr(node.getIpAddr() + ":" + node.getIpcPort());
    inter = new InterDatanodeProtocolTranslatorPB(a, UserGroupInformation.getCurrentUser(), conf, NetUtils.getDefaultSocketFactory(conf), 20000);
    client = DFSUtilClient.createClientDatanodeProtocolProxy(node, conf, 20000, false);
  }
  static void restart() throws Exception {
    sh(kill);
    sh(start);
    for (int i = 0; i < 600; i++) {
      Thread.sleep(100);
      try {
        connect();
        inter.initReplicaRecovery(new RecoveringBlock(new ExtendedBlock(block.getBlockPoolId(), 1, 1, 1), new DatanodeInfo[] {node}, 2));
        client.getReplicaVisibleLength(new ExtendedBlock(block.getBlockPoolId(), 1, 1, 1));
      } catch (RemoteException e) {
        if (e.getClassName().contains("ReplicaNotFound")) return;
      } catch (IOException e) { }
    }
    throw new IOException("the datanode does not come back");
  }
  static FSDataOutputStream made(String name, int n, boolean close) throws Exception {
    Path p = new Path("/r/" + name);
    FSDataOutputStream o = fs.create(p, true, 4096, (short) 1, 1 << 20);
    o.write(new byte[n]);
    o.hflush();
    if (close) o.close();
    LocatedBlock l = fs.getClient().getLocatedBlocks(p.toUri().getPath(), 0).get(0);
    block = l.getBlock();
    node = l.getLocations()[0];
    stamp = block.getGenerationStamp();
    connect();
    return o;
  }
  static ExtendedBlock with(long length, long gs) { return new ExtendedBlock(block.getBlockPoolId(), block.getBlockId(), length, gs); }
  static void init(String what, long length, long gs, long id) {
    call(what + ": init(" + length + ", S+" + gs + ", S+" + id + ")", () -> {
      ReplicaRecoveryInfo r = inter.initReplicaRecovery(new RecoveringBlock(with(length, stamp + gs), new DatanodeInfo[] {node}, stamp + id));
      return r == null ? "none" : r.getOriginalReplicaState() + " " + r.getNumBytes() + " " + r.getGenerationStamp();
    });
  }
  static void update(String what, long gs, long id, long newId, long length) {
    call(what + ": update(S+" + gs + ", S+" + id + ", +" + newId + ", " + length + ")", () -> {
      String storage = inter.updateReplicaUnderRecovery(with(50000, stamp + gs), stamp + id, block.getBlockId() + newId, length);
      return storage != null && storage.startsWith("DS-") ? "stored" : storage;
    });
  }
  static void visible(String what, long gs) {
    call(what + ": visible(S+" + gs + ")", () -> client.getReplicaVisibleLength(with(50000, stamp + gs)));
  }
  /** (A Hadoop that refuses while somebody writes does not come back to it.) */
  static void refused(String what) {
    init(what, 50000, 0, 0);
    init(what, 50000, 0, -1);
    init(what, 50000, 5, 6);
    init(what, 50000, 5, 3);
    init(what, 60000, 0, 1);
    update(what + " not asked before", 0, 1, 0, 50000);
  }
  /** Each question about a replica in some state of 50000 bytes; with @refused those that it refuses first. */
  static void ask(String what, boolean refused) {
    visible(what, 0);
    if (refused) refused(what);
    init(what, 50000, 0, 4);
    visible(what + " in recovery", 0);
    init(what + " in recovery, again", 50000, 0, 4);
    init(what + " in recovery, older", 50000, 0, 3);
    update(what + " in recovery, another id", 0, 5, 0, 50000);
    init(what + " in recovery, newer", 50000, 0, 6);
    update(what + " in recovery, the older id", 0, 4, 0, 50000);
    update(what + " in recovery, too long", 0, 6, 0, 50001);
    update(what + " in recovery, another stamp", 1, 6, 0, 50000);
    update(what + " in recovery", 0, 6, 0, 40000);
    visible(what + " recovered", 0);
    visible(what + " recovered", 6);
    init(what + " recovered, the same id", 40000, 6, 6);
    init(what + " recovered", 40000, 6, 8);
    update(what + " to nothing", 6, 8, 0, 0);
    visible(what + " of nothing", 8);
  }

  public static void main(String[] a) throws Exception {
    org.apache.log4j.LogManager.getRootLogger().setLevel(org.apache.log4j.Level.OFF);
    conf.set("fs.defaultFS", a[0].contains("://") ? a[0] : "hdfs://" + a[0]);
    conf.set("dfs.client.block.write.replace-datanode-on-failure.policy", "NEVER");
    fs = (DistributedFileSystem) FileSystem.get(conf);
    kill = a[1];
    start = a[2];
    made("final", 50000, true);
    ask("finalized", true);
    made("rbw", 50000, false);
    ask("rbw", false);
    made("rwr", 50000, false);
    restart();
    ask("rwr", true);
    made("rur", 50000, false);
    init("rbw", 50000, 0, 3);
    restart();
    ask("rur after a restart", true);
    made("gone", 10, true);
    block = new ExtendedBlock(block.getBlockPoolId(), block.getBlockId() + 1000, 10, stamp);
    ask("no replica", true);
    made("copied", 50000, true);
    init("finalized", 50000, 0, 2);
    update("to a copy", 0, 2, 500000, 7000);
    visible("what was copied", 0);
    block = new ExtendedBlock(block.getBlockPoolId(), block.getBlockId() + 500000, 7000, stamp + 2);
    visible("the copy", 2);
    made("rbw2", 50000, false);
    init("rbw", 50000, 0, 2);
    update("rbw to a copy", 0, 2, 600000, 7000);
    visible("rbw that was copied", 0);
    // as a writer that lost its block
    FSDataOutputStream o = made("writer", 50000, false);
    init("under its writer", 50000, 0, 2);
    call("the writer goes on", () -> { o.write(new byte[10]); o.hflush(); return "acknowledged"; });
    Runtime.getRuntime().halt(0); // the writers have nobody left to write to
  }
}
