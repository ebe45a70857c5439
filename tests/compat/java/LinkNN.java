public class LinkNN {
  public static void main(String[] a) throws Exception {
    org.apache.hadoop.fs.FileSystem.enableSymlinks();
    org.apache.hadoop.hdfs.server.namenode.NameNode.main(a);
  }
}
