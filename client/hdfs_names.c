/* hdfs_names.c -- libhdfs: names, attributes, places. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hdfs_internal.h"

enum { COPY_BYTES = 1 << 20 };

int hdfs_path(struct hdfs_internal *fs, const char *path, char *out)
{
    int n;

    if (!fs || !path || !*path)
        return hdfs_failed_errno(EINVAL, "Can not create a Path from an empty string");
    if (path[0] == '/' || strncmp(path, "hdfs:", 5) == 0) {
        n = snprintf(out, HDFS_PATH_MAX, "%s", path);
    } else {
        pthread_mutex_lock(&fs->lock);
        n = snprintf(out, HDFS_PATH_MAX, "%s/%s", fs->cwd, path);
        pthread_mutex_unlock(&fs->lock);
    }
    return n < HDFS_PATH_MAX ? 0 : hdfs_failed_errno(ENAMETOOLONG, "path too long");
}

static int done(int rc, const struct err *err)
{
    return rc < 0 ? hdfs_failed(err) : 0;
}

/* ---- asking ---- */

static int fill(const struct hdfs_internal *fs, const struct dfs_stat *st, hdfsFileInfo *out)
{
    size_t n = strlen(dfs_uri(fs->dfs)) + strlen(st->path) + 1;
    char *name = malloc(n);

    if (!name)
        return hdfs_failed_errno(ENOMEM, "out of memory");
    snprintf(name, n, "%s%s", dfs_uri(fs->dfs), st->path);
    *out = (hdfsFileInfo){
        .mKind = st->kind == DFS_DIR ? kObjectKindDirectory : kObjectKindFile,
        .mName = name,
        .mLastMod = (tTime)(st->mtime_ms / 1000),
        .mSize = (tOffset)st->length,
        .mReplication = (short)st->replication,
        .mBlockSize = (tOffset)st->block_size,
        .mOwner = strdup(st->owner),
        .mGroup = strdup(st->group),
        .mPermissions = (short)st->mode,
        .mLastAccess = (tTime)(st->atime_ms / 1000),
    };
    return 0;
}

int hdfsExists(hdfsFS fs, const char *path)
{
    char full[HDFS_PATH_MAX];
    struct dfs_stat st;
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (dfs_stat(fs->dfs, full, &st, &err) < 0)
        return hdfs_failed(&err);
    dfs_stat_done(&st);
    return 0;
}

hdfsFileInfo *hdfsGetPathInfo(hdfsFS fs, const char *path)
{
    char full[HDFS_PATH_MAX];
    hdfsFileInfo *info;
    struct dfs_stat st;
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return NULL;
    if (dfs_stat(fs->dfs, full, &st, &err) < 0) {
        hdfs_failed(&err);
        return NULL;
    }
    info = calloc(1, sizeof *info);
    if (info && fill(fs, &st, info) < 0) {
        free(info);
        info = NULL;
    }
    dfs_stat_done(&st);
    return info;
}

hdfsFileInfo *hdfsListDirectory(hdfsFS fs, const char *path, int *numEntries)
{
    char full[HDFS_PATH_MAX];
    hdfsFileInfo *infos = NULL;
    struct dfs_stat *list;
    struct err err;
    size_t count;
    int n = 0;

    if (hdfs_path(fs, path, full) < 0)
        return NULL;
    if (dfs_list(fs->dfs, full, &list, &count, &err) < 0) {
        hdfs_failed(&err);
        return NULL;
    }
    errno = 0;
    if (count > 0 && !(infos = calloc(count, sizeof *infos)))
        hdfs_failed_errno(ENOMEM, "out of memory");
    while (infos && n < (int)count && fill(fs, &list[n], &infos[n]) == 0)
        n++;
    if (infos && n < (int)count) {
        hdfsFreeFileInfo(infos, n);
        infos = NULL;
    }
    dfs_stats_free(list, count);
    *numEntries = infos ? n : 0;
    return infos;
}

void hdfsFreeFileInfo(hdfsFileInfo *infos, int numEntries)
{
    for (int i = 0; infos && i < numEntries; i++) {
        free(infos[i].mName);
        free(infos[i].mOwner);
        free(infos[i].mGroup);
    }
    free(infos);
}

/* The struct, whose layout is fixed, has no room for it; encryption isn't there yet. */
int hdfsFileIsEncrypted(hdfsFileInfo *info)
{
    (void)info;
    return 0;
}

/* ---- changing ---- */

int hdfsDelete(hdfsFS fs, const char *path, int recursive)
{
    char full[HDFS_PATH_MAX];
    struct err err;
    bool was_there = false;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (dfs_delete(fs->dfs, full, recursive != 0, &was_there, &err) < 0)
        return hdfs_failed(&err);
    return was_there ? 0 : hdfs_failed_errno(EIO, "nothing was deleted");
}

int hdfsRename(hdfsFS fs, const char *oldPath, const char *newPath)
{
    char from[HDFS_PATH_MAX], to[HDFS_PATH_MAX];
    struct err err;
    bool moved = false;

    if (hdfs_path(fs, oldPath, from) < 0 || hdfs_path(fs, newPath, to) < 0)
        return -1;
    if (dfs_rename_into(fs->dfs, from, to, &moved, &err) < 0)
        return hdfs_failed(&err);
    return moved ? 0 : hdfs_failed_errno(EIO, "nothing was renamed");
}

int hdfsCreateDirectory(hdfsFS fs, const char *path)
{
    char full[HDFS_PATH_MAX];
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    return done(dfs_mkdirs(fs->dfs, full, 0777, true, &err), &err);
}

int hdfsSetReplication(hdfsFS fs, const char *path, int16_t replication)
{
    char full[HDFS_PATH_MAX];
    struct err err;
    bool is_file = false;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (replication < 1)
        return hdfs_failed_errno(EINVAL, "replication must be >= 1");
    if (dfs_setrep(fs->dfs, full, (uint32_t)replication, &is_file, &err) < 0)
        return hdfs_failed(&err);
    return is_file ? 0 : hdfs_failed_errno(EIO, "no file");
}

int hdfsChown(hdfsFS fs, const char *path, const char *owner, const char *group)
{
    char full[HDFS_PATH_MAX];
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (!owner && !group)
        return 0;
    return done(dfs_chown(fs->dfs, full, owner, group, &err), &err);
}

int hdfsChmod(hdfsFS fs, const char *path, short mode)
{
    char full[HDFS_PATH_MAX];
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    return done(dfs_chmod(fs->dfs, full, (uint16_t)mode, &err), &err);
}

int hdfsUtime(hdfsFS fs, const char *path, tTime mtime, tTime atime)
{
    char full[HDFS_PATH_MAX];
    struct err err;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    return done(dfs_utimes(fs->dfs, full, mtime == -1 ? -1 : mtime * 1000,
                           atime == -1 ? -1 : atime * 1000, &err),
                &err);
}

int hdfsTruncateFile(hdfsFS fs, const char *path, tOffset newlength)
{
    char full[HDFS_PATH_MAX];
    struct err err;
    bool finished = false;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (newlength < 0)
        return hdfs_failed_errno(EINVAL, "negative length");
    if (dfs_truncate(fs->dfs, full, (uint64_t)newlength, &finished, &err) < 0)
        return hdfs_failed(&err);
    return finished;
}

/* ---- copying ---- */

static int pour(struct dfs_file *from, struct dfs_file *to, struct err *err)
{
    uint8_t *buf = malloc(COPY_BYTES);
    ssize_t n = buf ? 1 : err_set(err, ERR_NOMEM, "copy");
    int rc = 0;

    while (rc == 0 && n > 0) {
        n = dfs_read(from, buf, COPY_BYTES, err);
        if (n > 0)
            rc = dfs_write(to, buf, (size_t)n, err);
    }
    free(buf);
    return n < 0 ? (int)n : rc;
}

static int copy_file(struct dfs *from_fs, const char *from, struct dfs *to_fs, const char *to,
                     struct err *err)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct dfs_file *in, *out;
    int rc = dfs_open(from_fs, from, &in, err);

    if (rc < 0)
        return rc;
    rc = dfs_create(to_fs, to, &how, &out, err);
    if (rc == 0) {
        rc = pour(in, out, err);
        if (rc == 0)
            rc = dfs_close(out, err);
        else
            dfs_abandon(out);
    }
    dfs_close(in, NULL);
    return rc;
}

static int copy_tree(struct dfs *from_fs, const char *from, struct dfs *to_fs, const char *to,
                     struct err *err)
{
    struct dfs_stat st, *list;
    size_t count;
    int rc = dfs_stat(from_fs, from, &st, err);

    if (rc < 0)
        return rc;
    dfs_stat_done(&st);
    if (st.kind != DFS_DIR)
        return copy_file(from_fs, from, to_fs, to, err);
    rc = dfs_mkdirs(to_fs, to, 0777, true, err);
    if (rc == 0)
        rc = dfs_list(from_fs, from, &list, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char target[HDFS_PATH_MAX];

        if (snprintf(target, sizeof target, "%s%s", to, strrchr(list[i].path, '/')) >=
            (int)sizeof target)
            rc = err_set(err, ERR_NAME_TOO_LONG, "path too long");
        else
            rc = copy_tree(from_fs, list[i].path, to_fs, target, err);
    }
    dfs_stats_free(list, count);
    return rc;
}

int hdfsCopy(hdfsFS srcFS, const char *src, hdfsFS dstFS, const char *dst)
{
    char from[HDFS_PATH_MAX], to[HDFS_PATH_MAX];
    struct err err;

    if (hdfs_path(srcFS, src, from) < 0 || hdfs_path(dstFS, dst, to) < 0)
        return -1;
    return done(copy_tree(srcFS->dfs, from, dstFS->dfs, to, &err), &err);
}

int hdfsMove(hdfsFS srcFS, const char *src, hdfsFS dstFS, const char *dst)
{
    return hdfsCopy(srcFS, src, dstFS, dst) < 0 ? -1 : hdfsDelete(srcFS, src, 1);
}

/* ---- working directory ---- */

char *hdfsGetWorkingDirectory(hdfsFS fs, char *buffer, size_t bufferSize)
{
    int n;

    pthread_mutex_lock(&fs->lock);
    n = snprintf(buffer, bufferSize, "%s%s", dfs_uri(fs->dfs), fs->cwd);
    pthread_mutex_unlock(&fs->lock);
    if (n < (int)bufferSize)
        return buffer;
    hdfs_failed_errno(ENAMETOOLONG, "the buffer is too short");
    return NULL;
}

int hdfsSetWorkingDirectory(hdfsFS fs, const char *path)
{
    char full[HDFS_PATH_MAX], *at = full;

    if (hdfs_path(fs, path, full) < 0)
        return -1;
    if (strncmp(at, "hdfs://", 7) == 0)
        at += 7 + strcspn(at + 7, "/");
    if (strlen(at) >= sizeof fs->cwd)
        return hdfs_failed_errno(ENAMETOOLONG, "path too long");
    pthread_mutex_lock(&fs->lock);
    snprintf(fs->cwd, sizeof fs->cwd, "%.*s", (int)sizeof fs->cwd - 1, at);
    pthread_mutex_unlock(&fs->lock);
    return 0;
}

/* ---- places and sizes ---- */

static char **names_of(const struct dfs_block *b)
{
    char **names = calloc((size_t)b->host_count + 1, sizeof *names);

    for (int i = 0; names && i < b->host_count; i++)
        names[i] = strdup(b->hosts[i].name);
    return names;
}

char ***hdfsGetHosts(hdfsFS fs, const char *path, tOffset start, tOffset length)
{
    char full[HDFS_PATH_MAX], ***hosts;
    struct dfs_block *blocks;
    struct err err;
    size_t count;

    if (hdfs_path(fs, path, full) < 0)
        return NULL;
    if (start < 0 || length < 0) {
        hdfs_failed_errno(EINVAL, "negative start or length");
        return NULL;
    }
    if (dfs_blocks(fs->dfs, full, (uint64_t)start, (uint64_t)length, &blocks, &count, &err) < 0) {
        hdfs_failed(&err);
        return NULL;
    }
    hosts = calloc(count + 1, sizeof *hosts);
    for (size_t i = 0; hosts && i < count; i++)
        hosts[i] = names_of(&blocks[i]);
    dfs_blocks_free(blocks, count);
    return hosts;
}

void hdfsFreeHosts(char ***blockHosts)
{
    for (size_t i = 0; blockHosts && blockHosts[i]; i++) {
        for (size_t k = 0; blockHosts[i][k]; k++)
            free(blockHosts[i][k]);
        free(blockHosts[i]);
    }
    free(blockHosts);
}

tOffset hdfsGetDefaultBlockSize(hdfsFS fs)
{
    return conf_int(fs->conf, OPT_block_size);
}

tOffset hdfsGetDefaultBlockSizeAtPath(hdfsFS fs, const char *path)
{
    (void)path;
    return hdfsGetDefaultBlockSize(fs);
}

tOffset hdfsGetCapacity(hdfsFS fs)
{
    struct dfs_space s;
    struct err err;

    return dfs_space(fs->dfs, &s, &err) < 0 ? hdfs_failed(&err) : (tOffset)s.capacity;
}

tOffset hdfsGetUsed(hdfsFS fs)
{
    struct dfs_space s;
    struct err err;

    return dfs_space(fs->dfs, &s, &err) < 0 ? hdfs_failed(&err) : (tOffset)s.used;
}
