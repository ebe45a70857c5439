import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.streaming.StreamJob;
import org.apache.hadoop.util.ToolRunner;

/**
 * Runs Streaming jobs in one virtual machine, each as Hadoop's command would.
 *
 * <p>The file given holds one word of a command line a line; a line "--" ends a job. Prints the number and the exit
 * code of each. A job waits most of its time, so several run at once; but those that ship files, which this
 * runner links into the process's own directory, run one after the other.
 */
public class StreamingJobs {
  private static void run(int n, String[] words) {
    int rc;
    try {
      rc = ToolRunner.run(new Configuration(), new StreamJob(), words);
    } catch (Throwable t) {
      t.printStackTrace();
      rc = 255;
    }
    synchronized (System.out) {
      System.out.println(n + " " + rc);
      System.out.flush();
    }
  }

  public static void main(String[] args) throws Exception {
    ExecutorService several = Executors.newFixedThreadPool(5);
    ExecutorService one = Executors.newFixedThreadPool(1);
    List<String> words = new ArrayList<>();
    int n = 0;
    for (String line : Files.readAllLines(new File(args[0]).toPath(), StandardCharsets.UTF_8)) {
      if (!line.equals("--")) {
        words.add(line);
        continue;
      }
      final int job = n++;
      boolean ships = words.contains("-file") || words.contains("-files") || words.contains("-archives");
      final String[] command = words.toArray(new String[0]);
      (ships ? one : several).execute(() -> run(job, command));
      words.clear();
    }
    for (ExecutorService e : List.of(several, one)) {
      e.shutdown();
      e.awaitTermination(1, TimeUnit.HOURS);
    }
    System.exit(0);
  }
}
