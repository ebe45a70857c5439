"""spark.py URI: a Spark session in this process does what batch and streaming jobs do. Prints PASS and FAIL lines."""
import sys, time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

uri = sys.argv[1]
failed = 0


def check(what, truth, more=""):
    global failed
    failed += not truth
    print(("PASS " if truth else "FAIL ") + "Spark: " + what + (": %s" % (more,) if not truth else ""), flush=True)


def session():
    return (SparkSession.builder.master("local[2]").appName("ashlar").config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "700m").config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.hadoop.fs.defaultFS", uri).config("spark.eventLog.enabled", "true")
            .config("spark.eventLog.dir", uri + "/spark/events").getOrCreate())


spark = session()
spark.sparkContext.setLogLevel("ERROR")
rows = 50000
df = spark.range(rows).withColumn("part", F.col("id") % 4).withColumn("text", F.concat(F.lit("row "), F.col("id").cast("string")))
df.write.partitionBy("part").parquet(uri + "/spark/table")
back = spark.read.parquet(uri + "/spark/table")
check("Parquet, partitioned, comes back whole", back.count() == rows and back.agg(F.sum("id")).first()[0] == rows * (rows - 1) // 2)
check("a filter reads its partition alone", back.where("part = 3 and id > 49000").count() == 250)
df.limit(1000).write.mode("overwrite").parquet(uri + "/spark/over")
df.limit(10).write.mode("overwrite").parquet(uri + "/spark/over")
check("overwriting a table", spark.read.parquet(uri + "/spark/over").count() == 10)
try:
    df.limit(1).write.parquet(uri + "/spark/over")
    check("a table that exists is refused", False)
except Exception as e:
    check("a table that exists is refused", "PATH_ALREADY_EXISTS" in str(e) or "already exists" in str(e), e)
df.select("text").write.option("compression", "gzip").text(uri + "/spark/text")
check("compressed text", spark.read.text(uri + "/spark/text").count() == rows)
words = spark.sparkContext.textFile(uri + "/spark/text").flatMap(lambda l: l.split()).filter(lambda w: w == "row").count()
check("an RDD over it", words == rows)

schema = spark.read.parquet(uri + "/spark/table").schema


def stream():
    q = (spark.readStream.schema(schema).parquet(uri + "/spark/in").writeStream.format("parquet")
         .option("checkpointLocation", uri + "/spark/checkpoint").option("path", uri + "/spark/out").trigger(availableNow=True).start())
    q.awaitTermination(120)
    return q


back.limit(100).write.mode("append").parquet(uri + "/spark/in")
stream()
first = spark.read.parquet(uri + "/spark/out").count()
back.limit(50).write.mode("append").parquet(uri + "/spark/in")
stream()
check("a stream goes on from its checkpoint, each row once", (first, spark.read.parquet(uri + "/spark/out").count()) == (100, 150),
      (first, spark.read.parquet(uri + "/spark/out").count()))
spark.stop()
sys.exit(failed > 0)
