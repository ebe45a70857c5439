import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.erasurecode.CodecUtil;
import org.apache.hadoop.io.erasurecode.ErasureCoderOptions;
import org.apache.hadoop.io.erasurecode.rawcoder.RawErasureDecoder;
import org.apache.hadoop.io.erasurecode.rawcoder.RawErasureEncoder;

/**
 * Prints what Hadoop's own coders make of units with known bytes, a line for each:
 *   codec  data units  parity units  bytes of a unit  parity, one unit after the other, in hexadecimal
 * and has its decoder find every combination of lost units again, before it prints.
 * Byte i of data unit u is the high byte of the low half of (i * 16 + u + 1) * 2654435761.
 */
public class CoderVectors {
  static final String[][] CODERS = {
      {"rs", "6", "3"}, {"rs", "3", "2"}, {"rs", "10", "4"}, {"xor", "2", "1"}, {"rs-legacy", "6", "3"},
      {"rs", "1", "1"}, {"rs", "8", "8"}, {"rs-legacy", "3", "2"}, {"rs-legacy", "10", "4"}, {"xor", "5", "1"}};
  static final int[] SIZES = {1, 31, 64, 200};

  static byte[] unit(int u, int n) {
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++)
      b[i] = (byte) (((i * 16 + u + 1) * 2654435761L & 0xffffffffL) >> 24);
    return b;
  }

  static void decodeAll(Configuration conf, String codec, int k, int m, byte[][] all) throws Exception {
    RawErasureDecoder decoder = CodecUtil.createRawDecoder(conf, codec, new ErasureCoderOptions(k, m));
    for (int lost = 1; lost < 1 << (k + m); lost++) {
      int count = Integer.bitCount(lost);
      if (count > m || (k + m > 14 && count > 2)) continue;
      byte[][] inputs = new byte[k + m][], outputs = new byte[count][all[0].length];
      int[] erased = new int[count];
      for (int u = 0, e = 0; u < k + m; u++)
        if ((lost >> u & 1) != 0) erased[e++] = u;
        else inputs[u] = all[u].clone();
      decoder.decode(inputs, erased, outputs);
      for (int e = 0; e < count; e++)
        if (!Arrays.equals(outputs[e], all[erased[e]]))
          throw new IllegalStateException(codec + " " + k + " " + m + " does not find " + lost);
    }
  }

  public static void main(String[] args) throws Exception {
    Configuration conf = new Configuration(false);
    for (String[] c : CODERS) {
      int k = Integer.parseInt(c[1]), m = Integer.parseInt(c[2]);
      for (int n : SIZES) {
        RawErasureEncoder encoder = CodecUtil.createRawEncoder(conf, c[0], new ErasureCoderOptions(k, m));
        byte[][] data = new byte[k][], parity = new byte[m][n], all = new byte[k + m][];
        for (int u = 0; u < k; u++) {
          all[u] = unit(u, n);
          data[u] = all[u].clone();
        }
        encoder.encode(data, parity);
        System.arraycopy(parity, 0, all, k, m);
        decodeAll(conf, c[0], k, m, all);
        StringBuilder hex = new StringBuilder();
        for (byte[] p : parity) for (byte b : p) hex.append(String.format("%02x", b));
        System.out.println(String.join(" ", c) + " " + n + " " + hex);
      }
    }
  }
}
