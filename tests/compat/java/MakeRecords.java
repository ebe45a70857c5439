import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.file.*;
import org.apache.avro.generic.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.*;
import org.apache.hadoop.io.SequenceFile.CompressionType;
import org.apache.hadoop.io.compress.*;
import org.apache.hadoop.util.ReflectionUtils;

/** Writes the samples of tests/golden/records: sequence files, Avro files and compressed ones. */
public class MakeRecords {
    static Configuration conf = new Configuration();
    static String dir;

    static void sequence(String name, Class<?> k, Class<?> v, CompressionType how, String codec, Object[][] rows)
            throws Exception {
        CompressionCodec c = codec == null ? null : codec(codec);
        SequenceFile.Writer.Option packed = c == null ? SequenceFile.Writer.compression(how)
                                                      : SequenceFile.Writer.compression(how, c);
        try (SequenceFile.Writer w = SequenceFile.createWriter(conf, SequenceFile.Writer.file(new Path("file://" + dir, name)),
                SequenceFile.Writer.keyClass(k), SequenceFile.Writer.valueClass(v), packed)) {
            for (int i = 0; i < rows.length; i++) {
                if (i % 100 == 50)
                    w.sync();
                w.append(rows[i][0], rows[i][1]);
            }
        }
    }

    static CompressionCodec codec(String name) throws Exception {
        return (CompressionCodec) ReflectionUtils.newInstance(
                Class.forName("org.apache.hadoop.io.compress." + name), conf);
    }

    static Object[][] texts(int n) {
        Object[][] rows = new Object[n][];
        for (int i = 0; i < n; i++)
            rows[i] = new Object[] {new LongWritable(i * 1000003L - 5), new Text("line " + i + " \u00e4\t" + "x".repeat(i % 37))};
        return rows;
    }

    static Object[] row(Writable k, Writable v) {
        return new Object[] {k, v};
    }

    static void avro(String name, CodecFactory codec, int n) throws Exception {
        Schema s = new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a.b\",\"fields\":["
            + "{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"l\",\"type\":\"long\"},"
            + "{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"b\",\"type\":\"boolean\"},"
            + "{\"name\":\"n\",\"type\":\"null\"},{\"name\":\"y\",\"type\":\"bytes\"},"
            + "{\"name\":\"u\",\"type\":[\"null\",\"string\",{\"type\":\"record\",\"name\":\"In\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}]},"
            + "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
            + "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
            + "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"long\",\"In\"]}},"
            + "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}}]}");
        try (DataFileWriter<GenericRecord> w = new DataFileWriter<>(new GenericDatumWriter<>(s))) {
            if (codec != null)
                w.setCodec(codec);
            w.create(s, new File(dir, name));
            for (int i = 0; i < n; i++) {
                GenericRecord in = new GenericData.Record(s.getField("u").schema().getTypes().get(2));
                in.put("x", -i);
                GenericRecord r = new GenericData.Record(s);
                r.put("s", "text \"" + i + "\" \u00e4\\\n\u0001/");
                r.put("i", i * 7 - 3);
                r.put("l", i * 10000000000L);
                r.put("f", i / 3f);
                r.put("d", i == 5 ? Double.NaN : i == 6 ? Double.NEGATIVE_INFINITY : i * 1e10 / 7);
                r.put("b", i % 2 == 0);
                r.put("y", ByteBuffer.wrap(new byte[] {(byte) i, 'x', '"', (byte) 200}));
                r.put("u", i % 3 == 0 ? null : i % 3 == 1 ? "u" + i : in);
                r.put("e", new GenericData.EnumSymbol(s.getField("e").schema(), i % 2 == 0 ? "A" : "B"));
                r.put("a", i == 1 ? Collections.emptyList() : Arrays.asList(1, -2, i));
                Map<String, Object> m = new LinkedHashMap<>();
                if (i > 1)
                    m.put("in", in);
                if (i > 0)
                    m.put("k", (long) i);
                r.put("m", m);
                r.put("x", new GenericData.Fixed(s.getField("x").schema(), new byte[] {'a', 0, (byte) 255}));
                w.append(r);
                if (i % 5 == 4)
                    w.sync();
            }
        }
    }

    static void packed(String name, String codec, byte[] bytes) throws Exception {
        CompressionCodec c = codec(codec);
        try (OutputStream o = c.createOutputStream(new FileOutputStream(new File(dir, name)))) {
            o.write(bytes);
        }
    }

    public static void main(String[] args) throws Exception {
        dir = args[0];
        sequence("text.seq", LongWritable.class, Text.class, CompressionType.NONE, null, texts(300));
        sequence("record.seq", LongWritable.class, Text.class, CompressionType.RECORD, "DefaultCodec", texts(20));
        sequence("block.seq", LongWritable.class, Text.class, CompressionType.BLOCK, "DefaultCodec", texts(300));
        sequence("bzip2.seq", LongWritable.class, Text.class, CompressionType.BLOCK, "BZip2Codec", texts(30));
        sequence("snappy.seq", LongWritable.class, Text.class, CompressionType.BLOCK, "SnappyCodec", texts(300));
        sequence("empty.seq", Text.class, Text.class, CompressionType.NONE, null, new Object[0][]);
        double[] ds = {0, -0.0, 1, 0.1, 100, 1e7, 9999999, 12345678.9, 1e-3, 9.99e-4, 1e21, Math.PI, -1 / 3.0, 4.9e-324,
                       Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY, 2e-3, 2.2250738585072014E-308};
        Object[][] rows = new Object[ds.length][];
        for (int i = 0; i < ds.length; i++)
            rows[i] = row(new DoubleWritable(ds[i]), new FloatWritable((float) ds[i]));
        sequence("real.seq", DoubleWritable.class, FloatWritable.class, CompressionType.NONE, null, rows);
        sequence("bytes.seq", BytesWritable.class, NullWritable.class, CompressionType.NONE, null, new Object[][] {
            row(new BytesWritable(new byte[] {1, (byte) 200, 0x0f}), NullWritable.get()),
            row(new BytesWritable(), NullWritable.get())});
        long[] ls = {0, 1, -1, 127, 128, -112, -113, 255, 65535, -70000, Integer.MAX_VALUE, Integer.MIN_VALUE};
        rows = new Object[ls.length][];
        for (int i = 0; i < ls.length; i++)
            rows[i] = row(new VIntWritable((int) ls[i]), new VLongWritable(ls[i] * 3000000000L));
        sequence("vint.seq", VIntWritable.class, VLongWritable.class, CompressionType.NONE, null, rows);
        sequence("small.seq", BooleanWritable.class, ByteWritable.class, CompressionType.NONE, null, new Object[][] {
            row(new BooleanWritable(true), new ByteWritable((byte) -3)), row(new BooleanWritable(false), new ByteWritable((byte) 9))});
        sequence("int.seq", IntWritable.class, ShortWritable.class, CompressionType.NONE, null, new Object[][] {
            row(new IntWritable(-7), new ShortWritable((short) -300)), row(new IntWritable(1 << 30), new ShortWritable((short) 5))});
        sequence("md5.seq", MD5Hash.class, Text.class, CompressionType.NONE, null, new Object[][] {
            row(MD5Hash.digest("a"), new Text("a")), row(MD5Hash.digest(""), new Text(""))});
        avro("null.avro", null, 12);
        avro("deflate.avro", CodecFactory.deflateCodec(6), 12);
        avro("bzip2.avro", CodecFactory.bzip2Codec(), 12);
        avro("snappy.avro", CodecFactory.snappyCodec(), 12);
        avro("none.avro", null, 0);
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 3000; i++)
            b.append("line ").append(i * 7919 % 1000).append('\n');
        byte[] text = b.toString().getBytes("UTF-8");
        packed("t.bz2", "BZip2Codec", text);
        packed("t.deflate", "DefaultCodec", text);
        packed("t.snappy", "SnappyCodec", text);
    }
}
