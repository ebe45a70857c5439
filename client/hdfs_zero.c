/* hdfs_zero.c -- libhdfs: reads into buffers of the library's own.
 *
 * Hadoop maps a local replica into memory when it may, and else fills a buffer of the pool that the
 * caller named.  Here it is always the buffer; without a pool the answer is EOPNOTSUPP, as it is in
 * Hadoop when a replica can't be mapped.
 */
#include <stdlib.h>
#include <string.h>

#include "client/hdfs_internal.h"

struct hadoopRzOptions {
    int has_pool;
};

struct hadoopRzBuffer {
    void *bytes; /* NULL: end of file */
    int32_t length;
};

struct hadoopRzOptions *hadoopRzOptionsAlloc(void)
{
    struct hadoopRzOptions *o = calloc(1, sizeof *o);

    if (!o)
        hdfs_failed_errno(ENOMEM, "out of memory");
    return o;
}

/* Checksums are always verified. */
int hadoopRzOptionsSetSkipChecksum(struct hadoopRzOptions *opts, int skip)
{
    (void)opts;
    (void)skip;
    return 0;
}

int hadoopRzOptionsSetByteBufferPool(struct hadoopRzOptions *opts, const char *className)
{
    if (className && strcmp(className, ELASTIC_BYTE_BUFFER_POOL_CLASS) != 0)
        return hdfs_failed_errno(EINVAL,
                                 "java.lang.ClassNotFoundException: no such pool of buffers");
    opts->has_pool = className != NULL;
    return 0;
}

void hadoopRzOptionsFree(struct hadoopRzOptions *opts)
{
    free(opts);
}

struct hadoopRzBuffer *hadoopReadZero(hdfsFile file, struct hadoopRzOptions *opts,
                                      int32_t maxLength)
{
    struct hadoopRzBuffer *b;

    if (!opts->has_pool || maxLength < 0) {
        hdfs_failed_errno(maxLength < 0 ? EINVAL : EOPNOTSUPP,
                          "java.lang.UnsupportedOperationException: zero-copy reads were not "
                          "available, and you did not provide a fallback ByteBufferPool.");
        return NULL;
    }
    b = calloc(1, sizeof *b);
    if (b)
        b->bytes = malloc((size_t)maxLength + 1);
    if (!b || !b->bytes) {
        free(b);
        hdfs_failed_errno(ENOMEM, "out of memory");
        return NULL;
    }
    b->length = hdfsRead(NULL, file, b->bytes, maxLength);
    if (b->length <= 0) {
        free(b->bytes);
        b->bytes = NULL;
    }
    if (b->length < 0) {
        free(b);
        return NULL;
    }
    return b;
}

int32_t hadoopRzBufferLength(const struct hadoopRzBuffer *buffer)
{
    return buffer->length;
}

const void *hadoopRzBufferGet(const struct hadoopRzBuffer *buffer)
{
    return buffer->bytes;
}

void hadoopRzBufferFree(hdfsFile file, struct hadoopRzBuffer *buffer)
{
    (void)file;
    if (buffer)
        free(buffer->bytes);
    free(buffer);
}
