/* libhdfs_calls URI FILE: the calls of libhdfs that a program seldom makes, on a FILE of at least 1 MiB that
 * lies in the store; the first datanode of its blocks does not answer.  Prints PASS and FAIL lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/hdfs.h"

enum { BYTES = 1 << 20, QUICK_S = 10, TRIES = 200 };

static int failures;

static void check(const char *what, int truth)
{
    printf("%s libhdfs: %s\n", truth ? "PASS" : "FAIL", what);
    failures += !truth;
}

static hdfsFS connect_hedged(const char *uri)
{
    struct hdfsBuilder *b = hdfsNewBuilder();

    hdfsBuilderSetNameNode(b, uri);
    hdfsBuilderConfSetStr(b, "dfs.client.hedged.read.threadpool.size", "4");
    hdfsBuilderConfSetStr(b, "dfs.client.hedged.read.threshold.millis", "100");
    return hdfsBuilderConnect(b);
}

static void open_by_future(hdfsFS fs, const char *path, char *expected)
{
    hdfsOpenFileBuilder *b = hdfsOpenFileBuilderAlloc(fs, path);
    hdfsOpenFileFuture *future;
    hdfsFile f;

    check("a standard option may be mandatory",
          hdfsOpenFileBuilderMust(b, "fs.option.openfile.read.policy", "random") == b);
    check("any option may be given as a hint", hdfsOpenFileBuilderOpt(b, "some.thing", "x") == b);
    check("an unknown mandatory one is refused",
          !hdfsOpenFileBuilderMust(b, "some.thing", "x") && errno == EINVAL);
    future = hdfsOpenFileBuilderBuild(b);
    hdfsOpenFileBuilderFree(b);
    f = hdfsOpenFileFutureGetWithTimeout(future, 5, jSeconds);
    check("a future has the open file", f && hdfsPread(fs, f, 0, expected, BYTES) == BYTES);
    check("and has it once", !hdfsOpenFileFutureGet(future));
    check("what is open can't be cancelled", hdfsOpenFileFutureCancel(future, 1) != 0);
    hdfsOpenFileFutureFree(future);
    hdfsCloseFile(fs, f);
    b = hdfsOpenFileBuilderAlloc(fs, "/no/such/file");
    future = hdfsOpenFileBuilderBuild(b);
    hdfsOpenFileBuilderFree(b);
    check("a future tells why there is no file", !hdfsOpenFileFutureGet(future) && errno == ENOENT);
    hdfsOpenFileFutureFree(future);
}

/* The namenode's order of equally near datanodes is another each time: the one that does not answer is
 * the first sooner or later. */
static void read_hedged(hdfsFS fs, const char *path, const char *expected)
{
    struct hdfsHedgedReadMetrics *m;
    uint64_t wins = 0;
    int same = 1;

    for (int i = 0; i < TRIES && wins == 0; i++) {
        hdfsFile f = hdfsOpenFile(fs, path, O_RDONLY, 0, 0, 0);
        char part[1000];

        same = same && hdfsPread(fs, f, 5000, part, sizeof part) == sizeof part &&
               memcmp(part, expected + 5000, sizeof part) == 0;
        hdfsCloseFile(fs, f);
        if (hdfsGetHedgedReadMetrics(fs, &m) == 0)
            wins = m->hedgedReadOpsWin;
        hdfsFreeHedgedReadMetrics(m);
    }
    check("hedged reads give the same bytes", same);
    check("when the first datanode does not answer, the second wins", wins > 0);
}

static void read_into_pool(hdfsFS fs, const char *path, const char *expected)
{
    struct hadoopRzOptions *o = hadoopRzOptionsAlloc();
    hdfsFile f = hdfsOpenFile(fs, path, O_RDONLY, 0, 0, 0);
    struct hadoopRzBuffer *b;

    check("without a pool there is no such read",
          !hadoopReadZero(f, o, 100) && errno == EOPNOTSUPP);
    check("an unknown pool is refused", hadoopRzOptionsSetByteBufferPool(o, "a/b/C") < 0);
    hadoopRzOptionsSetSkipChecksum(o, 1);
    check("Hadoop's pool is known",
          hadoopRzOptionsSetByteBufferPool(o, ELASTIC_BYTE_BUFFER_POOL_CLASS) == 0);
    hdfsSeek(fs, f, BYTES - 100);
    b = hadoopReadZero(f, o, 1000);
    check("a buffer of the pool has the bytes",
          b && hadoopRzBufferLength(b) == 100 &&
              memcmp(hadoopRzBufferGet(b), expected + BYTES - 100, 100) == 0);
    hadoopRzBufferFree(f, b);
    b = hadoopReadZero(f, o, 1000);
    check("at the end there is an empty one", b && !hadoopRzBufferGet(b));
    hadoopRzBufferFree(f, b);
    hadoopRzOptionsFree(o);
    hdfsCloseFile(fs, f);
}

static void ask_hosts(hdfsFS fs, const char *path)
{
    char ***hosts = hdfsGetHosts(fs, path, 0, BYTES);

    check("a block has three hosts", hosts && hosts[0] && hosts[0][2] && !hosts[0][3] && !hosts[1]);
    hdfsFreeHosts(hosts);
}

int main(int argc, char **argv)
{
    time_t begin = time(NULL);
    char *expected = malloc(BYTES);
    hdfsFS fs = argc == 3 && expected ? connect_hedged(argv[1]) : NULL;

    if (!fs) {
        printf("FAIL libhdfs: connecting\n");
        return 1;
    }
    open_by_future(fs, argv[2], expected);
    if (!getenv("RESUMED"))
        read_hedged(fs, argv[2], expected);
    check("a paused datanode costs a hedged reader nothing much", time(NULL) - begin < QUICK_S);
    hdfsDisconnect(fs);
    check("and ending does not wait for it", time(NULL) - begin < QUICK_S);
    fs = hdfsConnect(argv[1], 0);
    ask_hosts(fs, argv[2]);
    if (getenv("RESUMED"))
        read_into_pool(fs, argv[2], expected);
    hdfsDisconnect(fs);
    free(expected);
    return failures > 0;
}
