"""arrow.py URI: pyarrow's file system and Parquet over libhdfs.so. Prints PASS and FAIL lines."""
import datetime, os, random, sys
from urllib.parse import urlparse

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

uri = urlparse(sys.argv[1])
h = fs.HadoopFileSystem(uri.hostname, uri.port)
failed = 0


def check(what, truth, more=""):
    global failed
    failed += not truth
    print(("PASS " if truth else "FAIL ") + "pyarrow: " + what + (": %s" % (more,) if not truth else ""), flush=True)


def raises(what, kind, f):
    try:
        f()
    except kind:
        check(what, True)
    except Exception as e:
        check(what, False, repr(e))
    else:
        check(what, False, "nothing raised")


def info(path):
    return h.get_file_info([path])[0]


maps = open("/proc/self/maps").read()
check("the libhdfs.so is ours", os.path.dirname(os.environ["ARROW_LIBHDFS_DIR"]) in maps and "libdfs.so" in maps)
check("no Java virtual machine is in the process", "libjava" not in maps)

# names
h.create_dir("/pa/a/b", recursive=True)
check("a directory is there", info("/pa/a/b").type == fs.FileType.Directory)
check("what is not there is not found", info("/pa/none").type == fs.FileType.NotFound)
with h.open_output_stream("/pa/f") as f:
    f.write(b"hello\n")
i = info("/pa/f")
check("a file has its size and time", i.type == fs.FileType.File and i.size == 6 and
      abs(i.mtime - datetime.datetime.now(datetime.timezone.utc)).total_seconds() < 60, i)
with h.open_append_stream("/pa/f") as f:
    f.write(b"more\n")
with h.open_input_stream("/pa/f") as f:
    check("what was appended is behind what was written", f.read() == b"hello\nmore\n")
h.move("/pa/f", "/pa/a/g")
check("a file is moved", info("/pa/f").type == fs.FileType.NotFound and info("/pa/a/g").size == 11)
h.copy_file("/pa/a/g", "/pa/a/copy")
with h.open_input_file("/pa/a/copy") as f:
    check("a file is copied", f.read() == b"hello\nmore\n")
listed = h.get_file_info(fs.FileSelector("/pa", recursive=True))
check("a listing goes all the way down", sorted(i.path for i in listed) == ["/pa/a", "/pa/a/b", "/pa/a/copy", "/pa/a/g"],
      [i.path for i in listed])
raises("a directory that is not there can't be listed", FileNotFoundError, lambda: h.get_file_info(fs.FileSelector("/pa/none")))
check("unless that is allowed", h.get_file_info(fs.FileSelector("/pa/none", allow_not_found=True)) == [])
raises("a file that is not there can't be opened", FileNotFoundError, lambda: h.open_input_file("/pa/none"))
raises("a file that is not there can't be deleted", OSError, lambda: h.delete_file("/pa/none"))
h.delete_file("/pa/a/copy")
h.delete_dir("/pa/a/b")
h.delete_dir_contents("/pa/a")
check("a directory is emptied", h.get_file_info(fs.FileSelector("/pa/a")) == [])

# bytes
random.seed(5)
for size in (0, 1, 65536, 3000001):
    data = random.randbytes(size)
    with h.open_output_stream("/pa/bytes", buffer_size=size % 4096) as f:
        for at in range(0, size, 300007):
            f.write(data[at:at + 300007])
    with h.open_input_file("/pa/bytes") as f:
        ok = f.size() == size and f.read() == data
        for _ in range(20 if size else 0):
            at = random.randrange(size)
            n = random.randrange(size - at + 1)
            ok = ok and f.read_at(n, at) == data[at:at + n]
            f.seek(at)
            ok = ok and f.tell() == at and f.read(100) == data[at:at + 100]
    check("%d bytes come back, from any place" % size, ok)

# Parquet, many row groups; a dataset in directories by a column's value
n = 200000
t = pa.table({"id": pa.array(range(n), pa.int64()), "part": pa.array(["p%d" % (i % 4) for i in range(n)]),
              "x": pa.array([random.random() for _ in range(n)])})
pq.write_table(t, "/pa/t.parquet", filesystem=h, row_group_size=20000, compression="zstd")
check("a Parquet file comes back", pq.read_table("/pa/t.parquet", filesystem=h).equals(t))
some = pq.ParquetFile("/pa/t.parquet", filesystem=h)
check("one column of one row group is read alone",
      some.read_row_group(3, columns=["id"]).column("id").to_pylist() == list(range(60000, 80000)))
with pq.ParquetWriter("/pa/w.parquet", t.schema, filesystem=h) as w:
    for k in range(0, n, 50000):
        w.write_table(t.slice(k, 50000))
check("a Parquet file written in pieces comes back", pq.read_table("/pa/w.parquet", filesystem=h).equals(t))
pq.write_to_dataset(t, "/pa/ds", partition_cols=["part"], filesystem=h)
back = ds.dataset("/pa/ds", filesystem=h, partitioning="hive").to_table(filter=ds.field("part") == "p2")
check("a dataset is read by partition, in parallel", sorted(back.column("id").to_pylist()) == list(range(2, n, 4)))
with h.open_output_stream("/pa/t.csv.gz", compression="gzip") as f:
    pa.csv.write_csv(t.slice(0, 1000), f)
with h.open_input_stream("/pa/t.csv.gz", compression="gzip") as f:
    check("a packed CSV file comes back", pa.csv.read_csv(f).num_rows == 1000)
h.delete_dir("/pa")
check("all of it is deleted", info("/pa").type == fs.FileType.NotFound)
sys.exit(1 if failed else 0)
