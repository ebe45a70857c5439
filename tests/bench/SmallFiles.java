import java.lang.management.ManagementFactory;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;

/**
 * SmallFiles URI DIR THREADS BYTES WARM_S S: files of BYTES each, created, written and closed by THREADS with one file system, WARM_S
 * seconds so that the code is compiled and then S seconds that count. Files a second, the client's CPU for each, and
 * the median of what create() and of what write() and close() took.
 */
public class SmallFiles {
    static FileSystem fs;
    static byte[] bytes;
    static long begin, end;
    static final List<long[]> done = Collections.synchronizedList(new ArrayList<>()); // create, write and close, in ns
    static int all;

    static void write(String dir) throws Exception {
        for (int i = 0; System.nanoTime() < end; i++) {
            long t = System.nanoTime(), created, closed;
            FSDataOutputStream out = fs.create(new Path(dir + "/f" + i));
            created = System.nanoTime();
            out.write(bytes);
            out.close();
            closed = System.nanoTime();
            if (t >= begin && closed <= end)
                done.add(new long[] {created - t, closed - created});
            synchronized (SmallFiles.class) {
                all++;
            }
        }
    }

    static double median(int which) {
        long[] ns = done.stream().mapToLong(d -> d[which]).sorted().toArray();
        return ns.length == 0 ? 0 : ns[ns.length / 2] / 1e3;
    }

    static double cpu() {
        return ((com.sun.management.OperatingSystemMXBean)ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e3;
    }

    public static void main(String[] a) throws Exception {
        Configuration conf = new Configuration();
        conf.setInt("dfs.replication", 1);
        fs = FileSystem.get(java.net.URI.create(a[0]), conf);
        bytes = new byte[Integer.parseInt(a[3])];
        long now = System.nanoTime(), second = 1000000000L;
        begin = now + Long.parseLong(a[4]) * second;
        end = begin + Long.parseLong(a[5]) * second;
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(a[2]); i++) {
            String dir = a[1] + "/t" + i;
            Thread t = new Thread(() -> {
                try {
                    write(dir);
                } catch (Exception e) {
                    e.printStackTrace();
                    System.exit(1);
                }
            });
            threads.add(t);
            t.start();
        }
        Thread.sleep((begin - System.nanoTime()) / 1000000);
        double cpu = cpu();
        for (Thread t : threads)
            t.join();
        cpu = cpu() - cpu;
        System.out.printf("files=%d all=%d per_s=%.1f client_us=%.0f create_us=%.0f close_us=%.0f%n", done.size(), all,
                          done.size() / Double.parseDouble(a[5]), cpu / Math.max(done.size(), 1), median(0), median(1));
    }
}
