import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.hdfs.server.namenode.NameNode;

/** Hadoop's namenode with symbolic links allowed, for which it has no setting; one without refuses edits that make them. */
public class LinkingNamenode {
  public static void main(String[] a) throws Exception {
    FileSystem.enableSymlinks();
    NameNode.main(a);
  }
}
