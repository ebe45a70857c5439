/* hdfs.h -- Hadoop's C interface, libhdfs, over libdfs: no JVM.
 *
 * The names, types and values are those of Hadoop's libhdfs, so that a program built against that
 * library runs with this one in its place, without being built again.  Calls return 0 or a
 * pointer when all went well, -1 or NULL otherwise, with errno set; what went wrong in words is
 * hdfsGetLastExceptionRootCause().
 *
 * Thread:  any; calls with the same hdfsFile wait for each other, except hdfsPread; nobody else may use one that
 *          is being closed.
 * Memory:  what a call hands out is given back with the hdfsFree... call that belongs to it.
 */
#ifndef LIBHDFS_HDFS_H
#define LIBHDFS_HDFS_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EINTERNAL
#define EINTERNAL 255
#endif

typedef int32_t tSize;   /* bytes of one read or write */
typedef int64_t tOffset; /* place in a file */
typedef time_t tTime;    /* seconds */
typedef uint16_t tPort;
typedef enum tObjectKind { kObjectKindFile = 'F', kObjectKindDirectory = 'D' } tObjectKind;

typedef struct hdfs_internal *hdfsFS;
typedef struct hdfsFile_internal *hdfsFile;
struct hdfsBuilder;
struct hdfsStreamBuilder;

/* ---- connecting ---- */

/* A builder is gone after hdfsBuilderConnect, whether that worked or not.  @nn is a host,
 * hdfs://host:port, or "default" for what the configuration says. */
struct hdfsBuilder *hdfsNewBuilder(void);
void hdfsFreeBuilder(struct hdfsBuilder *bld);
void hdfsBuilderSetForceNewInstance(struct hdfsBuilder *bld);
void hdfsBuilderSetNameNode(struct hdfsBuilder *bld, const char *nn);
void hdfsBuilderSetNameNodePort(struct hdfsBuilder *bld, tPort port);
void hdfsBuilderSetUserName(struct hdfsBuilder *bld, const char *userName);
void hdfsBuilderSetKerbTicketCachePath(struct hdfsBuilder *bld, const char *path);
int hdfsBuilderConfSetStr(struct hdfsBuilder *bld, const char *key, const char *val);
hdfsFS hdfsBuilderConnect(struct hdfsBuilder *bld);

hdfsFS hdfsConnect(const char *nn, tPort port);
hdfsFS hdfsConnectAsUser(const char *nn, tPort port, const char *user);
hdfsFS hdfsConnectNewInstance(const char *nn, tPort port);
hdfsFS hdfsConnectAsUserNewInstance(const char *nn, tPort port, const char *user);
int hdfsDisconnect(hdfsFS fs);

/* A key of the configuration files; a missing one gives NULL, or leaves *val alone. */
int hdfsConfGetStr(const char *key, char **val);
int hdfsConfGetInt(const char *key, int32_t *val);
void hdfsConfStrFree(char *val);

/* What the last failed call of this thread said; belongs to the library. */
char *hdfsGetLastExceptionRootCause(void);
char *hdfsGetLastExceptionStackTrace(void);

/* ---- files ---- */

/* O_RDONLY; O_WRONLY, which makes or empties the file; O_WRONLY | O_APPEND.  0 stands for the
 * default of the other three. */
hdfsFile hdfsOpenFile(hdfsFS fs, const char *path, int flags, int bufferSize, short replication,
                      tSize blocksize);
struct hdfsStreamBuilder *hdfsStreamBuilderAlloc(hdfsFS fs, const char *path, int flags);
void hdfsStreamBuilderFree(struct hdfsStreamBuilder *bld);
int hdfsStreamBuilderSetBufferSize(struct hdfsStreamBuilder *bld, int32_t bufferSize);
int hdfsStreamBuilderSetReplication(struct hdfsStreamBuilder *bld, int16_t replication);
int hdfsStreamBuilderSetDefaultBlockSize(struct hdfsStreamBuilder *bld, int64_t defaultBlockSize);
hdfsFile hdfsStreamBuilderBuild(struct hdfsStreamBuilder *bld); /* frees the builder */

/* Hadoop's openFile(): Must() answers NULL for a key that is not one of its standard options.  The
 * builder is freed by the caller, also after Build(). */
typedef struct hdfsOpenFileBuilder hdfsOpenFileBuilder;
typedef struct hdfsOpenFileFuture hdfsOpenFileFuture;
typedef enum javaConcurrentTimeUnit {
    jNanoseconds,
    jMicroseconds,
    jMilliseconds,
    jSeconds,
    jMinutes,
    jHours,
    jDays,
} javaConcurrentTimeUnit;
hdfsOpenFileBuilder *hdfsOpenFileBuilderAlloc(hdfsFS fs, const char *path);
hdfsOpenFileBuilder *hdfsOpenFileBuilderMust(hdfsOpenFileBuilder *builder, const char *key,
                                             const char *value);
hdfsOpenFileBuilder *hdfsOpenFileBuilderOpt(hdfsOpenFileBuilder *builder, const char *key,
                                            const char *value);
hdfsOpenFileFuture *hdfsOpenFileBuilderBuild(hdfsOpenFileBuilder *builder);
void hdfsOpenFileBuilderFree(hdfsOpenFileBuilder *builder);
hdfsFile hdfsOpenFileFutureGet(hdfsOpenFileFuture *future);
hdfsFile hdfsOpenFileFutureGetWithTimeout(hdfsOpenFileFuture *future, int64_t timeout,
                                          javaConcurrentTimeUnit timeUnit);
int hdfsOpenFileFutureCancel(hdfsOpenFileFuture *future, int mayInterruptIfRunning);
void hdfsOpenFileFutureFree(hdfsOpenFileFuture *future);

/* Whole and counted only when this returned 0; the handle is gone either way. */
int hdfsCloseFile(hdfsFS fs, hdfsFile file);
int hdfsFileIsOpenForRead(hdfsFile file);
int hdfsFileIsOpenForWrite(hdfsFile file);

tSize hdfsRead(hdfsFS fs, hdfsFile file, void *buffer, tSize length); /* 0: end of file */
tSize hdfsPread(hdfsFS fs, hdfsFile file, tOffset position, void *buffer, tSize length);
int hdfsPreadFully(hdfsFS fs, hdfsFile file, tOffset position, void *buffer, tSize length);
tSize hdfsWrite(hdfsFS fs, hdfsFile file, const void *buffer, tSize length);
int hdfsFlush(hdfsFS fs, hdfsFile file);
int hdfsHFlush(hdfsFS fs, hdfsFile file); /* new readers see it */
int hdfsHSync(hdfsFS fs, hdfsFile file);  /* it is on the disks */
int hdfsSeek(hdfsFS fs, hdfsFile file, tOffset desiredPos);
tOffset hdfsTell(hdfsFS fs, hdfsFile file);
int hdfsAvailable(hdfsFS fs, hdfsFile file);
int hdfsUnbufferFile(hdfsFile file);

struct hdfsReadStatistics {
    uint64_t totalBytesRead;
    uint64_t totalLocalBytesRead;
    uint64_t totalShortCircuitBytesRead;
    uint64_t totalZeroCopyBytesRead;
};
int hdfsFileGetReadStatistics(hdfsFile file, struct hdfsReadStatistics **stats);
int64_t hdfsReadStatisticsGetRemoteBytesRead(const struct hdfsReadStatistics *stats);
int hdfsFileClearReadStatistics(hdfsFile file);
void hdfsFileFreeReadStatistics(struct hdfsReadStatistics *stats);

/* Reads that were asked of a second datanode as well, and those that it won, since connecting. */
struct hdfsHedgedReadMetrics {
    uint64_t hedgedReadOps;
    uint64_t hedgedReadOpsWin;
    uint64_t hedgedReadOpsInCurThread;
};
int hdfsGetHedgedReadMetrics(hdfsFS fs, struct hdfsHedgedReadMetrics **metrics);
void hdfsFreeHedgedReadMetrics(struct hdfsHedgedReadMetrics *metrics);

/* ---- buffers of the library's own ---- */

#define ELASTIC_BYTE_BUFFER_POOL_CLASS "org/apache/hadoop/io/ElasticByteBufferPool"

struct hadoopRzOptions;
struct hadoopRzBuffer;
struct hadoopRzOptions *hadoopRzOptionsAlloc(void);
int hadoopRzOptionsSetSkipChecksum(struct hadoopRzOptions *opts, int skip);
int hadoopRzOptionsSetByteBufferPool(struct hadoopRzOptions *opts, const char *className);
void hadoopRzOptionsFree(struct hadoopRzOptions *opts);
struct hadoopRzBuffer *hadoopReadZero(hdfsFile file, struct hadoopRzOptions *opts,
                                      int32_t maxLength);
int32_t hadoopRzBufferLength(const struct hadoopRzBuffer *buffer);
const void *hadoopRzBufferGet(const struct hadoopRzBuffer *buffer); /* NULL: end of file */
void hadoopRzBufferFree(hdfsFile file, struct hadoopRzBuffer *buffer);

/* ---- names ---- */

typedef struct {
    tObjectKind mKind;
    char *mName; /* with scheme and authority */
    tTime mLastMod;
    tOffset mSize;
    short mReplication;
    tOffset mBlockSize;
    char *mOwner;
    char *mGroup;
    short mPermissions;
    tTime mLastAccess;
} hdfsFileInfo;

int hdfsExists(hdfsFS fs, const char *path); /* 0: it does */
hdfsFileInfo *hdfsGetPathInfo(hdfsFS fs, const char *path);
/* NULL with errno 0 for an empty directory. */
hdfsFileInfo *hdfsListDirectory(hdfsFS fs, const char *path, int *numEntries);
void hdfsFreeFileInfo(hdfsFileInfo *infos, int numEntries);
int hdfsFileIsEncrypted(hdfsFileInfo *info);

int hdfsDelete(hdfsFS fs, const char *path, int recursive);
int hdfsRename(hdfsFS fs, const char *oldPath, const char *newPath);
int hdfsCreateDirectory(hdfsFS fs, const char *path); /* with its parents */
int hdfsSetReplication(hdfsFS fs, const char *path, int16_t replication);
int hdfsChown(hdfsFS fs, const char *path, const char *owner, const char *group);
int hdfsChmod(hdfsFS fs, const char *path, short mode);
int hdfsUtime(hdfsFS fs, const char *path, tTime mtime, tTime atime); /* -1: unchanged */
/* 1: done; 0: the last block is still being cut; -1. */
int hdfsTruncateFile(hdfsFS fs, const char *path, tOffset newlength);
int hdfsCopy(hdfsFS srcFS, const char *src, hdfsFS dstFS, const char *dst);
int hdfsMove(hdfsFS srcFS, const char *src, hdfsFS dstFS, const char *dst);
char *hdfsGetWorkingDirectory(hdfsFS fs, char *buffer, size_t bufferSize);
int hdfsSetWorkingDirectory(hdfsFS fs, const char *path);

/* For each block of the range the names of its hosts; both levels end with NULL. */
char ***hdfsGetHosts(hdfsFS fs, const char *path, tOffset start, tOffset length);
void hdfsFreeHosts(char ***blockHosts);

tOffset hdfsGetDefaultBlockSize(hdfsFS fs);
tOffset hdfsGetDefaultBlockSizeAtPath(hdfsFS fs, const char *path);
tOffset hdfsGetCapacity(hdfsFS fs);
tOffset hdfsGetUsed(hdfsFS fs);

#ifdef __cplusplus
}
#endif

#endif
