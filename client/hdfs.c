/* hdfs.c -- libhdfs: connections and open files.  The rest is in hdfs_names.c. */
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hdfs_internal.h"

enum { BUILDER_KEYS_MAX = 256 };

/* ---- failing ---- */

static _Thread_local char last_error[ERR_TEXT_MAX + ERR_CLASS_MAX + 4];

int hdfs_failed(const struct err *err)
{
    snprintf(last_error, sizeof last_error, "%s: %s", err_java_class(err), err->text);
    errno = err_to_errno(err->code);
    return -1;
}

int hdfs_failed_errno(int e, const char *why)
{
    snprintf(last_error, sizeof last_error, "%s", why);
    errno = e;
    return -1;
}

char *hdfsGetLastExceptionRootCause(void)
{
    return last_error[0] ? last_error : NULL;
}

/* There is no stack of Java calls: the words are all there is. */
char *hdfsGetLastExceptionStackTrace(void)
{
    return hdfsGetLastExceptionRootCause();
}

/* ---- builder ---- */

struct hdfsBuilder {
    const char *namenode, *user;
    tPort port;
    const char *keys[BUILDER_KEYS_MAX], *values[BUILDER_KEYS_MAX];
    int key_count;
};

struct hdfsBuilder *hdfsNewBuilder(void)
{
    struct hdfsBuilder *b = calloc(1, sizeof *b);

    if (!b)
        hdfs_failed_errno(ENOMEM, "out of memory");
    return b;
}

void hdfsFreeBuilder(struct hdfsBuilder *bld)
{
    free(bld);
}

/* Every connection is a new one here. */
void hdfsBuilderSetForceNewInstance(struct hdfsBuilder *bld)
{
    (void)bld;
}

void hdfsBuilderSetNameNode(struct hdfsBuilder *bld, const char *nn)
{
    bld->namenode = nn;
}

void hdfsBuilderSetNameNodePort(struct hdfsBuilder *bld, tPort port)
{
    bld->port = port;
}

void hdfsBuilderSetUserName(struct hdfsBuilder *bld, const char *userName)
{
    bld->user = userName;
}

void hdfsBuilderSetKerbTicketCachePath(struct hdfsBuilder *bld, const char *path)
{
    hdfsBuilderConfSetStr(bld, "hadoop.security.kerberos.ticket.cache.path", path);
}

int hdfsBuilderConfSetStr(struct hdfsBuilder *bld, const char *key, const char *val)
{
    if (bld->key_count == BUILDER_KEYS_MAX)
        return ENOMEM;
    if (!val)
        return 0;
    bld->keys[bld->key_count] = key;
    bld->values[bld->key_count++] = val;
    return 0;
}

/* "default" and what has no host is left to the configuration. */
static int uri_of(const struct hdfsBuilder *b, char *out, size_t n)
{
    const char *nn = b->namenode;

    if (!nn || strncmp(nn, "file:", 5) == 0)
        return hdfs_failed_errno(ENOTSUP, "the local file system is not served by this library");
    out[0] = 0;
    if (strcmp(nn, "default") == 0)
        return 0;
    if (b->port)
        snprintf(out, n, "%s%s:%u", strstr(nn, "://") ? "" : "hdfs://", nn, b->port);
    else
        snprintf(out, n, "%s%s", strstr(nn, "://") ? "" : "hdfs://", nn);
    return 0;
}

static int load_conf(const struct hdfsBuilder *b, struct conf **out, struct err *err)
{
    struct conf_args args = {0};
    int rc = conf_load(&args, out, err);

    for (int i = 0; rc == 0 && i < b->key_count; i++)
        rc = conf_set(*out, b->keys[i], b->values[i], err);
    return rc;
}

static int open_fs(const struct hdfsBuilder *b, struct hdfs_internal *fs)
{
    char uri[512];
    struct err err;
    int rc = uri_of(b, uri, sizeof uri);

    if (rc < 0)
        return rc;
    rc = load_conf(b, &fs->conf, &err);
    if (rc == 0)
        rc = dfs_connect(fs->conf, uri[0] ? uri : NULL, b->user, &fs->dfs, &err);
    if (rc < 0)
        return hdfs_failed(&err);
    pthread_mutex_init(&fs->lock, NULL);
    snprintf(fs->cwd, sizeof fs->cwd, "/user/%s", dfs_user(fs->dfs));
    return 0;
}

hdfsFS hdfsBuilderConnect(struct hdfsBuilder *bld)
{
    struct hdfs_internal *fs = calloc(1, sizeof *fs);
    int rc = fs ? open_fs(bld, fs) : hdfs_failed_errno(ENOMEM, "out of memory");

    hdfsFreeBuilder(bld);
    if (rc == 0)
        return fs;
    if (fs)
        conf_free(fs->conf);
    free(fs);
    return NULL;
}

hdfsFS hdfsConnectAsUser(const char *nn, tPort port, const char *user)
{
    struct hdfsBuilder *b = hdfsNewBuilder();

    if (!b)
        return NULL;
    hdfsBuilderSetNameNode(b, nn);
    hdfsBuilderSetNameNodePort(b, port);
    hdfsBuilderSetUserName(b, user);
    return hdfsBuilderConnect(b);
}

hdfsFS hdfsConnect(const char *nn, tPort port)
{
    return hdfsConnectAsUser(nn, port, NULL);
}

hdfsFS hdfsConnectAsUserNewInstance(const char *nn, tPort port, const char *user)
{
    return hdfsConnectAsUser(nn, port, user);
}

hdfsFS hdfsConnectNewInstance(const char *nn, tPort port)
{
    return hdfsConnectAsUser(nn, port, NULL);
}

int hdfsDisconnect(hdfsFS fs)
{
    if (!fs)
        return hdfs_failed_errno(EBADF, "no connection");
    dfs_disconnect(fs->dfs);
    conf_free(fs->conf);
    pthread_mutex_destroy(&fs->lock);
    free(fs);
    return 0;
}

/* ---- configuration ---- */

int hdfsConfGetStr(const char *key, char **val)
{
    struct hdfsBuilder none = {0};
    struct conf *conf = NULL;
    struct err err;
    const char *found;

    if (load_conf(&none, &conf, &err) < 0) {
        hdfs_failed(&err);
        return errno;
    }
    found = conf_get(conf, key);
    *val = found ? strdup(found) : NULL;
    conf_free(conf);
    return 0;
}

int hdfsConfGetInt(const char *key, int32_t *val)
{
    char *text, *end;
    int rc = hdfsConfGetStr(key, &text);
    long v;

    if (rc != 0 || !text)
        return rc;
    v = strtol(text, &end, 10);
    if (*end || end == text || v > INT32_MAX || v < INT32_MIN)
        rc = EINVAL;
    else
        *val = (int32_t)v;
    free(text);
    return rc;
}

void hdfsConfStrFree(char *val)
{
    free(val);
}

/* ---- open files ---- */

struct hdfsFile_internal {
    struct dfs_file *file;
    pthread_mutex_t lock; /* calls that move a reader wait for each other; writers have a lock */
    int writing;
    struct dfs_read_stats cleared; /* what had been read at hdfsFileClearReadStatistics */
};

struct hdfsStreamBuilder {
    hdfsFS fs;
    char *path;
    int flags;
    int16_t replication;
    int64_t block_size;
};

static hdfsFile open_stream(const struct hdfsStreamBuilder *b)
{
    struct hdfsFile_internal *f = calloc(1, sizeof *f);
    int access = b->flags & O_ACCMODE, rc;
    char path[HDFS_PATH_MAX];
    struct err err;
    struct dfs_create how = {
        .overwrite = true,
        .make_parents = true,
        .append = b->flags & O_APPEND,
        .replication = b->replication > 0 ? (uint32_t)b->replication : 0,
        .block_size = b->block_size > 0 ? (uint64_t)b->block_size : 0,
    };

    if (!f) {
        hdfs_failed_errno(ENOMEM, "out of memory");
        return NULL;
    }
    if (access == O_RDWR || (b->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        rc = hdfs_failed_errno(ENOTSUP, "files are read or written, not both; O_EXCL is not known");
    else
        rc = hdfs_path(b->fs, b->path, path);
    if (rc == 0) {
        f->writing = access == O_WRONLY;
        rc = f->writing ? dfs_create(b->fs->dfs, path, &how, &f->file, &err)
                        : dfs_open(b->fs->dfs, path, &f->file, &err);
        if (rc < 0)
            hdfs_failed(&err);
    }
    if (rc < 0) {
        free(f);
        return NULL;
    }
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

hdfsFile hdfsOpenFile(hdfsFS fs, const char *path, int flags, int bufferSize, short replication,
                      tSize blocksize)
{
    struct hdfsStreamBuilder b = {
        .fs = fs,
        .path = (char *)(uintptr_t)path,
        .flags = flags,
        .replication = replication,
        .block_size = blocksize,
    };

    (void)bufferSize;
    return open_stream(&b);
}

struct hdfsStreamBuilder *hdfsStreamBuilderAlloc(hdfsFS fs, const char *path, int flags)
{
    struct hdfsStreamBuilder *b = calloc(1, sizeof *b);

    if (b)
        b->path = strdup(path);
    if (!b || !b->path) {
        free(b);
        hdfs_failed_errno(ENOMEM, "out of memory");
        return NULL;
    }
    b->fs = fs;
    b->flags = flags;
    return b;
}

void hdfsStreamBuilderFree(struct hdfsStreamBuilder *bld)
{
    if (bld)
        free(bld->path);
    free(bld);
}

int hdfsStreamBuilderSetBufferSize(struct hdfsStreamBuilder *bld, int32_t bufferSize)
{
    (void)bld;
    (void)bufferSize; /* sizes are chosen here */
    return 0;
}

int hdfsStreamBuilderSetReplication(struct hdfsStreamBuilder *bld, int16_t replication)
{
    if ((bld->flags & O_ACCMODE) != O_WRONLY)
        return hdfs_failed_errno(EINVAL, "replication is for files that are written");
    bld->replication = replication;
    return 0;
}

int hdfsStreamBuilderSetDefaultBlockSize(struct hdfsStreamBuilder *bld, int64_t defaultBlockSize)
{
    if ((bld->flags & O_ACCMODE) != O_WRONLY)
        return hdfs_failed_errno(EINVAL, "block sizes are for files that are written");
    bld->block_size = defaultBlockSize;
    return 0;
}

hdfsFile hdfsStreamBuilderBuild(struct hdfsStreamBuilder *bld)
{
    hdfsFile f = open_stream(bld);

    hdfsStreamBuilderFree(bld);
    return f;
}

int hdfsCloseFile(hdfsFS fs, hdfsFile file)
{
    struct err err;
    int rc;

    (void)fs;
    if (!file)
        return hdfs_failed_errno(EBADF, "no file");
    rc = dfs_close(file->file, &err);
    pthread_mutex_destroy(&file->lock);
    free(file);
    return rc < 0 ? hdfs_failed(&err) : 0;
}

int hdfsFileIsOpenForRead(hdfsFile file)
{
    return file && !file->writing;
}

int hdfsFileIsOpenForWrite(hdfsFile file)
{
    return file && file->writing;
}

/* Calls with a file of the wrong kind get what Hadoop's give: EINVAL. */
static int check(hdfsFile file, int writing)
{
    if (!file)
        return hdfs_failed_errno(EBADF, "no file");
    if (file->writing != writing)
        return hdfs_failed_errno(EINVAL, writing ? "the file is not open for writing"
                                                 : "the file is not open for reading");
    return 0;
}

tSize hdfsRead(hdfsFS fs, hdfsFile file, void *buffer, tSize length)
{
    struct err err;
    ssize_t n;

    (void)fs;
    if (check(file, 0) < 0)
        return -1;
    if (length < 0)
        return hdfs_failed_errno(EINVAL, "negative length");
    pthread_mutex_lock(&file->lock);
    n = dfs_read(file->file, buffer, (size_t)length, &err);
    pthread_mutex_unlock(&file->lock);
    return n < 0 ? hdfs_failed(&err) : (tSize)n;
}

tSize hdfsPread(hdfsFS fs, hdfsFile file, tOffset position, void *buffer, tSize length)
{
    struct err err;
    ssize_t n;

    (void)fs;
    if (check(file, 0) < 0)
        return -1;
    if (length < 0 || position < 0)
        return hdfs_failed_errno(EINVAL, "negative length or position");
    n = dfs_pread(file->file, buffer, (size_t)length, (uint64_t)position, &err);
    return n < 0 ? hdfs_failed(&err) : (tSize)n;
}

int hdfsPreadFully(hdfsFS fs, hdfsFile file, tOffset position, void *buffer, tSize length)
{
    tSize n = hdfsPread(fs, file, position, buffer, length);

    if (n < 0)
        return -1;
    return n == length ? 0 : hdfs_failed_errno(EINTERNAL, "java.io.EOFException: end of file");
}

tSize hdfsWrite(hdfsFS fs, hdfsFile file, const void *buffer, tSize length)
{
    struct err err;

    (void)fs;
    if (check(file, 1) < 0)
        return -1;
    if (length < 0)
        return hdfs_failed_errno(EINVAL, "negative length");
    return dfs_write(file->file, buffer, (size_t)length, &err) < 0 ? hdfs_failed(&err) : length;
}

/* Hadoop's flush promises nothing to anybody but the writer; neither does this one. */
int hdfsFlush(hdfsFS fs, hdfsFile file)
{
    (void)fs;
    return check(file, 1);
}

int hdfsHFlush(hdfsFS fs, hdfsFile file)
{
    struct err err;

    (void)fs;
    if (check(file, 1) < 0)
        return -1;
    return dfs_hflush(file->file, &err) < 0 ? hdfs_failed(&err) : 0;
}

int hdfsHSync(hdfsFS fs, hdfsFile file)
{
    struct err err;

    (void)fs;
    if (check(file, 1) < 0)
        return -1;
    return dfs_hsync(file->file, &err) < 0 ? hdfs_failed(&err) : 0;
}

int hdfsSeek(hdfsFS fs, hdfsFile file, tOffset desiredPos)
{
    struct err err;
    int rc;

    (void)fs;
    if (check(file, 0) < 0)
        return -1;
    if (desiredPos < 0)
        return hdfs_failed_errno(EINVAL, "negative position");
    pthread_mutex_lock(&file->lock);
    rc = dfs_seek(file->file, (uint64_t)desiredPos, &err);
    pthread_mutex_unlock(&file->lock);
    return rc < 0 ? hdfs_failed(&err) : 0;
}

static uint64_t tell(hdfsFile file)
{
    uint64_t at;

    pthread_mutex_lock(&file->lock);
    at = dfs_tell(file->file);
    pthread_mutex_unlock(&file->lock);
    return at;
}

tOffset hdfsTell(hdfsFS fs, hdfsFile file)
{
    (void)fs;
    return file ? (tOffset)tell(file) : hdfs_failed_errno(EBADF, "no file");
}

int hdfsAvailable(hdfsFS fs, hdfsFile file)
{
    uint64_t left;

    (void)fs;
    if (check(file, 0) < 0)
        return -1;
    left = dfs_length(file->file) - tell(file);
    return left > INT_MAX ? INT_MAX : (int)left;
}

int hdfsUnbufferFile(hdfsFile file)
{
    return check(file, 0) < 0 ? ENOTSUP : 0;
}

/* ---- statistics ---- */

int hdfsFileGetReadStatistics(hdfsFile file, struct hdfsReadStatistics **stats)
{
    struct hdfsReadStatistics *s;
    struct dfs_read_stats now;

    if (check(file, 0) < 0)
        return -1;
    s = calloc(1, sizeof *s);
    if (!s)
        return hdfs_failed_errno(ENOMEM, "out of memory");
    pthread_mutex_lock(&file->lock);
    dfs_file_read_stats(file->file, &now);
    s->totalShortCircuitBytesRead = now.short_circuit_bytes - file->cleared.short_circuit_bytes;
    s->totalLocalBytesRead =
        now.local_bytes - file->cleared.local_bytes + s->totalShortCircuitBytesRead;
    s->totalBytesRead = now.remote_bytes - file->cleared.remote_bytes + s->totalLocalBytesRead;
    pthread_mutex_unlock(&file->lock);
    *stats = s;
    return 0;
}

int64_t hdfsReadStatisticsGetRemoteBytesRead(const struct hdfsReadStatistics *stats)
{
    return (int64_t)(stats->totalBytesRead - stats->totalLocalBytesRead);
}

int hdfsFileClearReadStatistics(hdfsFile file)
{
    if (check(file, 0) < 0)
        return EINVAL;
    pthread_mutex_lock(&file->lock);
    dfs_file_read_stats(file->file, &file->cleared);
    pthread_mutex_unlock(&file->lock);
    return 0;
}

void hdfsFileFreeReadStatistics(struct hdfsReadStatistics *stats)
{
    free(stats);
}

int hdfsGetHedgedReadMetrics(hdfsFS fs, struct hdfsHedgedReadMetrics **metrics)
{
    struct hdfsHedgedReadMetrics *m = calloc(1, sizeof *m);
    struct dfs_hedge_stats now;

    if (!m)
        return hdfs_failed_errno(ENOMEM, "out of memory");
    dfs_hedge_stats(fs->dfs, &now);
    m->hedgedReadOps = now.reads;
    m->hedgedReadOpsWin = now.wins;
    m->hedgedReadOpsInCurThread = now.in_caller;
    *metrics = m;
    return 0;
}

void hdfsFreeHedgedReadMetrics(struct hdfsHedgedReadMetrics *metrics)
{
    free(metrics);
}
