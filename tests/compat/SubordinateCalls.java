import java.net.URI;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.NameNodeProxies;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.NamenodeRole;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.NodeType;
import org.apache.hadoop.hdfs.server.common.StorageInfo;
import org.apache.hadoop.hdfs.server.namenode.CheckpointSignature;
import org.apache.hadoop.hdfs.server.protocol.*;
import org.apache.hadoop.ipc.RemoteException;

/** What a CheckpointNode and a SecondaryNameNode ask a namenode, one line of answer each: SubordinateCalls HDFS_URI. */
public class SubordinateCalls {
    static void say(String what, Callable<Object> call) {
        try {
            System.out.println(what + ": " + call.call());
        } catch (RemoteException e) {
            System.out.println(what + ": " + e.getClassName() + ": " + e.getMessage().split("\n")[0]);
        } catch (Exception e) {
            System.out.println(what + ": " + e);
        }
    }

    static NamenodeRegistration node(NamenodeRole role, StorageInfo s) {
        return new NamenodeRegistration("127.0.0.1:1", "127.0.0.1:2", s, role);
    }

    public static void main(String[] args) throws Exception {
        NamenodeProtocol nn = NameNodeProxies
            .createNonHAProxy(new Configuration(), org.apache.hadoop.net.NetUtils.createSocketAddr(URI.create(args[0]).getAuthority()), NamenodeProtocol.class,
                org.apache.hadoop.security.UserGroupInformation.getCurrentUser(), false)
            .getProxy();
        NamespaceInfo i = nn.versionRequest();
        StorageInfo ours = new StorageInfo(i.getLayoutVersion(), i.getNamespaceID(), i.getClusterID(), i.getCTime(), NodeType.NAME_NODE);
        StorageInfo other = new StorageInfo(i.getLayoutVersion(), i.getNamespaceID() + 1, i.getClusterID(), i.getCTime(), NodeType.NAME_NODE);
        StorageInfo old = new StorageInfo(-40, i.getNamespaceID(), i.getClusterID(), i.getCTime(), NodeType.NAME_NODE);
        say("register", () -> nn.registerSubordinateNamenode(node(NamenodeRole.CHECKPOINT, ours)).getRole());
        say("register of another", () -> nn.registerSubordinateNamenode(node(NamenodeRole.CHECKPOINT, other)).getRole());
        say("register of another layout", () -> nn.registerSubordinateNamenode(node(NamenodeRole.CHECKPOINT, old)).getRole());
        say("register a backup", () -> nn.registerSubordinateNamenode(node(NamenodeRole.BACKUP, ours)).getRole());
        NamenodeCommand[] c = new NamenodeCommand[1];
        say("start", () -> (c[0] = nn.startCheckpoint(node(NamenodeRole.CHECKPOINT, ours))).getAction());
        say("start of another", () -> nn.startCheckpoint(node(NamenodeRole.CHECKPOINT, other)).getAction());
        say("start of a namenode", () -> nn.startCheckpoint(node(NamenodeRole.NAMENODE, ours)).getAction());
        CheckpointSignature s = ((CheckpointCommand)c[0]).getSignature();
        say("needs the image", () -> ((CheckpointCommand)c[0]).needToReturnImage());
        say("its pool", () -> s.getBlockpoolID().equals(i.getBlockPoolID()));
        say("end", () -> { nn.endCheckpoint(node(NamenodeRole.CHECKPOINT, ours), s); return "ok"; });
        s.setBlockpoolID("BP-1-127.0.0.1-1");
        say("end of another", () -> { nn.endCheckpoint(node(NamenodeRole.CHECKPOINT, ours), s); return "ok"; });
        say("error", () -> { nn.errorReport(node(NamenodeRole.CHECKPOINT, ours), NamenodeProtocol.NOTIFY, "why"); return "ok"; });
        say("finalized", () -> nn.isUpgradeFinalized());
        say("rolling", () -> nn.isRollingUpgrade());
        say("keys", () -> nn.getBlockKeys().isBlockTokenEnabled());
        say("transaction", () -> nn.getTransactionID() > nn.getMostRecentCheckpointTxId());
        say("segments", () -> nn.getEditLogManifest(1).getLogs().size() > 0);
    }
}
