import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.util.ToolRunner;

/**
 * Runs many command lines through Hadoop's FsShell in one JVM.
 *
 * FsShellDriver CASES DIR: each line of CASES is one command line, its words separated by tabs; a
 * first word "&lt;FILE" makes FILE its standard input. Line N's output goes to DIR/N.out,
 * DIR/N.err and DIR/N.rc.
 */
public class FsShellDriver {
    public static void main(String[] args) throws Exception {
        PrintStream out = System.out, err = System.err;
        InputStream in = System.in;
        List<String> lines = Files.readAllLines(Paths.get(args[0]), StandardCharsets.UTF_8);
        for (int i = 0; i < lines.size(); i++) {
            String[] words = lines.get(i).split("\t", -1);
            File base = new File(args[1], Integer.toString(i));
            InputStream from = new ByteArrayInputStream(new byte[0]);
            if (words[0].startsWith("<")) {
                from = new FileInputStream(words[0].substring(1));
                words = Arrays.copyOfRange(words, 1, words.length);
            }
            int rc;
            try (PrintStream o = new PrintStream(new FileOutputStream(base + ".out"));
                    PrintStream e = new PrintStream(new FileOutputStream(base + ".err"))) {
                System.setOut(o);
                System.setErr(e);
                System.setIn(from);
                rc = ToolRunner.run(new FsShell(new Configuration()), words) & 255;
            } finally {
                System.setOut(out);
                System.setErr(err);
                System.setIn(in);
            }
            Files.write(Paths.get(base + ".rc"), Integer.toString(rc).getBytes());
        }
    }
}
