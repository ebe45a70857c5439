import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;

/** FlushLoad URI PATH hflush|append N BYTES: what client_load does with Hadoop's client; microseconds of each. */
public class FlushLoad {
    public static void main(String[] a) throws Exception {
        Configuration conf = new Configuration();
        conf.set("dfs.client.block.write.replace-datanode-on-failure.policy", "NEVER");
        FileSystem fs = FileSystem.get(java.net.URI.create(a[0]), conf);
        Path path = new Path(a[1]);
        boolean reopen = a[2].equals("append");
        int n = Integer.parseInt(a[3]), warm = n / 3;
        byte[] bytes = new byte[Integer.parseInt(a[4])];
        double[] us = new double[n];
        FSDataOutputStream out = fs.create(path, true);
        out.write(bytes);
        if (reopen)
            out.close();
        for (int i = -warm; i < n; i++) {
            long begin = System.nanoTime();
            if (reopen)
                out = fs.append(path);
            out.write(bytes);
            out.hflush();
            if (reopen)
                out.close();
            if (i >= 0)
                us[i] = (System.nanoTime() - begin) / 1e3;
        }
        if (!reopen)
            out.close();
        Arrays.sort(us);
        System.out.printf("n=%d median_us=%.1f p99_us=%.1f%n", n, us[n / 2], us[n * 99 / 100]);
    }
}
