import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.tools.*;
import org.apache.hadoop.util.*;

/**
 * Runs many command lines through Hadoop's administration tools in one JVM.
 *
 * AdminDriver CASES DIR: each line of CASES is one command line, its words separated by tabs, the first
 * of them the tool. Line N's output goes to DIR/N.out, DIR/N.err and DIR/N.rc.
 */
public class AdminDriver {
    static Tool tool(String name) throws IOException {
        Configuration conf = new Configuration();
        switch (name) {
        case "fsck": return new DFSck(conf);
        case "ec": return new ECAdmin(conf);
        case "storagepolicies": return new StoragePolicyAdmin(conf);
        case "cacheadmin": return new CacheAdmin(conf);
        default: return new DFSAdmin(conf);
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out, err = System.err;
        List<String> lines = Files.readAllLines(Paths.get(args[0]), StandardCharsets.UTF_8);
        for (int i = 0; i < lines.size(); i++) {
            String[] words = lines.get(i).split("\t", -1);
            File base = new File(args[1], Integer.toString(i));
            int rc;
            try (PrintStream o = new PrintStream(new FileOutputStream(base + ".out"));
                    PrintStream e = new PrintStream(new FileOutputStream(base + ".err"))) {
                System.setOut(o);
                System.setErr(e);
                rc = ToolRunner.run(tool(words[0]), Arrays.copyOfRange(words, 1, words.length)) & 255;
            } finally {
                System.setOut(out);
                System.setErr(err);
            }
            Files.write(Paths.get(base + ".rc"), Integer.toString(rc).getBytes());
        }
    }
}
