import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * Rows of HBase: who wrote one and was told so must find it again.
 *
 *   create                    the table
 *   write FROM UPTO           puts rows one by one; prints a row's number once its put has returned
 *   flush                     memory into a file of the store
 *   check FILE                every number in FILE is a row with its value; prints how many
 */
public class HBaseRows {
    static final TableName NAME = TableName.valueOf("rows");
    static final byte[] FAMILY = Bytes.toBytes("f"), COLUMN = Bytes.toBytes("c");

    static byte[] key(long i) {
        return Bytes.toBytes(String.format("row%08d", i));
    }

    static byte[] value(long i) {
        StringBuilder s = new StringBuilder();
        for (int k = 0; k < 40; k++)
            s.append(i * 31 + k).append(',');
        return Bytes.toBytes(s.toString());
    }

    static void write(Table t, long from, long upto) throws Exception {
        for (long i = from; i < upto; i++) {
            t.put(new Put(key(i)).addColumn(FAMILY, COLUMN, value(i)));
            System.out.println(i);
        }
    }

    static void check(Table t, Path acknowledged) throws Exception {
        long good = 0;
        List<String> lost = new ArrayList<>();

        for (String line : Files.readAllLines(acknowledged)) {
            long i = Long.parseLong(line.trim());
            Result r = t.get(new Get(key(i)));
            if (!r.isEmpty() && Bytes.equals(r.getValue(FAMILY, COLUMN), value(i)))
                good++;
            else
                lost.add(line);
        }
        System.out.println(good);
        if (!lost.isEmpty()) {
            System.err.println("lost: " + lost);
            System.exit(1);
        }
    }

    public static void main(String[] a) throws Exception {
        Configuration conf = HBaseConfiguration.create();

        try (Connection c = ConnectionFactory.createConnection(conf); Admin admin = c.getAdmin()) {
            if (a[0].equals("create"))
                admin.createTable(TableDescriptorBuilder.newBuilder(NAME)
                        .setColumnFamily(ColumnFamilyDescriptorBuilder.of(FAMILY)).build());
            if (a[0].equals("flush"))
                admin.flush(NAME);
            try (Table t = c.getTable(NAME)) {
                if (a[0].equals("write"))
                    write(t, Long.parseLong(a[1]), Long.parseLong(a[2]));
                if (a[0].equals("check"))
                    check(t, Path.of(a[1]));
            }
        }
    }
}
