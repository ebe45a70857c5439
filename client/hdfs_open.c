/* hdfs_open.c -- libhdfs: files opened by a builder and a future, as Hadoop's openFile().
 *
 * The file is opened when the future is made: one question to the namenode, nothing to wait for later.
 * What went wrong then is told when the file is asked for, as Java's future does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hdfs_internal.h"

struct hdfsOpenFileBuilder {
    hdfsFS fs;
    char *path;
};

struct hdfsOpenFileFuture {
    hdfsFile file; /* NULL: it failed, was taken or cancelled */
    hdfsFS fs;
    int failed; /* errno */
    char *why;
};

hdfsOpenFileBuilder *hdfsOpenFileBuilderAlloc(hdfsFS fs, const char *path)
{
    hdfsOpenFileBuilder *b = calloc(1, sizeof *b);

    if (b)
        b->path = strdup(path);
    if (!b || !b->path) {
        free(b);
        hdfs_failed_errno(ENOMEM, "out of memory");
        return NULL;
    }
    b->fs = fs;
    return b;
}

/* Hadoop's standard options are hints, and none of them changes how this library reads. */
hdfsOpenFileBuilder *hdfsOpenFileBuilderMust(hdfsOpenFileBuilder *builder, const char *key,
                                             const char *value)
{
    static const char standard[] = "fs.option.openfile.";
    char why[512];

    (void)value;
    if (strncmp(key, standard, sizeof standard - 1) == 0)
        return builder;
    snprintf(why, sizeof why,
             "java.lang.IllegalArgumentException: unknown mandatory key \"%.400s\"", key);
    hdfs_failed_errno(EINVAL, why);
    return NULL;
}

hdfsOpenFileBuilder *hdfsOpenFileBuilderOpt(hdfsOpenFileBuilder *builder, const char *key,
                                            const char *value)
{
    (void)key;
    (void)value;
    return builder;
}

void hdfsOpenFileBuilderFree(hdfsOpenFileBuilder *builder)
{
    if (builder)
        free(builder->path);
    free(builder);
}

hdfsOpenFileFuture *hdfsOpenFileBuilderBuild(hdfsOpenFileBuilder *builder)
{
    hdfsOpenFileFuture *f = calloc(1, sizeof *f);

    if (!f) {
        hdfs_failed_errno(ENOMEM, "out of memory");
        return NULL;
    }
    f->fs = builder->fs;
    f->file = hdfsOpenFile(builder->fs, builder->path, O_RDONLY, 0, 0, 0);
    if (!f->file) {
        f->failed = errno;
        f->why = strdup(hdfsGetLastExceptionRootCause());
    }
    return f;
}

hdfsFile hdfsOpenFileFutureGet(hdfsOpenFileFuture *future)
{
    hdfsFile file = future->file;

    if (!file && future->failed)
        hdfs_failed_errno(future->failed, future->why ? future->why : "the file was not opened");
    else if (!file)
        hdfs_failed_errno(ECANCELED, "the file was taken already, or the opening cancelled");
    future->file = NULL;
    return file;
}

hdfsFile hdfsOpenFileFutureGetWithTimeout(hdfsOpenFileFuture *future, int64_t timeout,
                                          javaConcurrentTimeUnit timeUnit)
{
    (void)timeout;
    (void)timeUnit;
    return hdfsOpenFileFutureGet(future);
}

/* As Java's: what is done can't be cancelled. */
int hdfsOpenFileFutureCancel(hdfsOpenFileFuture *future, int mayInterruptIfRunning)
{
    (void)future;
    (void)mayInterruptIfRunning;
    return hdfs_failed_errno(ECANCELED, "the file is open already");
}

void hdfsOpenFileFutureFree(hdfsOpenFileFuture *future)
{
    if (!future)
        return;
    if (future->file)
        hdfsCloseFile(future->fs, future->file);
    free(future->why);
    free(future);
}
