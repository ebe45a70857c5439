#include "client/shell/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/glob.h"
#include "common/env.h"

enum { COPY_BYTES = 1 << 20, LOCAL_BLOCK = 32 << 20 };

/* ---- the local disk ---- */

/* Several files may be copied at a time, and getpwnam() and its like have one answer for all threads. */
enum { ACCOUNT_BYTES = 16384 };

static char *user_name(uid_t uid)
{
    struct passwd pw, *found = NULL;
    char buf[ACCOUNT_BYTES], text[32];

    getpwuid_r(uid, &pw, buf, sizeof buf, &found);
    snprintf(text, sizeof text, "%u", uid);
    return strdup(found ? found->pw_name : text);
}

static char *group_name(gid_t gid)
{
    struct group gr, *found = NULL;
    char buf[ACCOUNT_BYTES], text[32];

    getgrgid_r(gid, &gr, buf, sizeof buf, &found);
    snprintf(text, sizeof text, "%u", gid);
    return strdup(found ? found->gr_name : text);
}

static int local_stat(void *ctx, const char *path, struct dfs_stat *out, struct err *err)
{
    struct stat st;

    (void)ctx;
    if (stat(path, &st) < 0)
        return err_sys(err, errno, "%s", path);
    *out = (struct dfs_stat){
        .path = strdup(path),
        .kind = S_ISDIR(st.st_mode) ? DFS_DIR : DFS_FILE,
        .length = (uint64_t)st.st_size,
        .block_size = LOCAL_BLOCK,
        .mtime_ms = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000,
        .atime_ms = (uint64_t)st.st_atim.tv_sec * 1000 + (uint64_t)st.st_atim.tv_nsec / 1000000,
        .replication = 1,
        .mode = st.st_mode & 01777,
        .owner = user_name(st.st_uid),
        .group = group_name(st.st_gid),
    };
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct dfs_stat *)a)->path, ((const struct dfs_stat *)b)->path);
}

static int add_entry(const char *dir, const char *name, struct dfs_stat **list, size_t *count,
                     struct err *err)
{
    char path[GLOB_PATH_MAX];
    struct dfs_stat *more = realloc(*list, (*count + 1) * sizeof *more);

    if (!more)
        return err_set(err, ERR_NOMEM, "listing of %s", dir);
    *list = more;
    snprintf(path, sizeof path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
    if (local_stat(NULL, path, &more[*count], NULL) == 0) /* one that just went is left out */
        ++*count;
    return 0;
}

static int local_list(void *ctx, const char *path, struct dfs_stat **out, size_t *count,
                      struct err *err)
{
    struct dfs_stat *list = NULL;
    size_t n = 0;
    DIR *d = opendir(path);
    struct dirent *e;
    int rc = 0;

    (void)ctx;
    if (!d)
        return err_sys(err, errno, "%s", path);
    while (rc == 0 && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = add_entry(path, e->d_name, &list, &n, err);
    closedir(d);
    if (rc < 0) {
        dfs_stats_free(list, n);
        return rc;
    }
    if (n > 1)
        qsort(list, n, sizeof *list, by_path);
    *out = list;
    *count = n;
    return 0;
}

static int local_delete(const char *path, bool recursive, struct err *err)
{
    struct dfs_stat *list;
    struct stat st;
    size_t n;
    int rc;

    if (lstat(path, &st) < 0)
        return err_sys(err, errno, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return unlink(path) < 0 ? err_sys(err, errno, "%s", path) : 0;
    if (recursive) {
        rc = local_list(NULL, path, &list, &n, err);
        if (rc < 0)
            return rc;
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = local_delete(list[i].path, true, err);
        dfs_stats_free(list, n);
        if (rc < 0)
            return rc;
    }
    return rmdir(path) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int local_chown(const char *path, const char *owner, const char *group, struct err *err)
{
    struct passwd pw, *user = NULL;
    struct group gr, *its = NULL;
    char user_buf[ACCOUNT_BYTES], group_buf[ACCOUNT_BYTES];
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;

    if (owner) {
        getpwnam_r(owner, &pw, user_buf, sizeof user_buf, &user);
        if (!user)
            return err_set(err, ERR_ARGUMENT, "chown: invalid user: '%s'", owner);
        uid = user->pw_uid;
    }
    if (group) {
        getgrnam_r(group, &gr, group_buf, sizeof group_buf, &its);
        if (!its)
            return err_set(err, ERR_ARGUMENT, "chown: invalid group: '%s'", group);
        gid = its->gr_gid;
    }
    if (chown(path, uid, gid) < 0)
        return err_sys(err, errno, "%s", path);
    return 0;
}

static struct timespec time_from(int64_t ms)
{
    if (ms < 0)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

static int local_utimes(const char *path, int64_t mtime_ms, int64_t atime_ms, struct err *err)
{
    struct timespec times[2] = {time_from(atime_ms), time_from(mtime_ms)};

    return utimensat(AT_FDCWD, path, times, 0) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int local_content(const char *path, struct dfs_content *sum, struct err *err)
{
    struct dfs_stat *list;
    struct stat st;
    size_t n;
    int rc;

    if (stat(path, &st) < 0)
        return err_sys(err, errno, "%s", path);
    if (!S_ISDIR(st.st_mode)) {
        sum->file_count++;
        sum->length += (uint64_t)st.st_size;
        return 0;
    }
    sum->dir_count++;
    rc = local_list(NULL, path, &list, &n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = local_content(list[i].path, sum, err);
    dfs_stats_free(list, n);
    return rc;
}

/* ---- either ---- */

int store_content(struct store *s, const char *path, struct dfs_content *out, struct err *err)
{
    int rc;

    if (s->dfs)
        return dfs_content(s->dfs, path, out, err);
    *out = (struct dfs_content){.quota = -1, .space_quota = -1};
    rc = local_content(path, out, err);
    out->space = out->length;
    return rc;
}

int store_stat(struct store *s, const char *path, struct dfs_stat *out, struct err *err)
{
    return s->dfs ? dfs_stat(s->dfs, path, out, err) : local_stat(s, path, out, err);
}

int store_list(struct store *s, const char *path, struct dfs_stat **out, size_t *count,
               struct err *err)
{
    return s->dfs ? dfs_list(s->dfs, path, out, count, err) : local_list(s, path, out, count, err);
}

int store_glob(struct store *s, const char *pattern, struct dfs_stat **out, size_t *count,
               struct err *err)
{
    static const struct glob_source local = {.stat = local_stat, .list = local_list};

    return s->dfs ? dfs_glob(s->dfs, pattern, out, count, err)
                  : glob_paths(&local, pattern, out, count, err);
}

int store_mkdirs(struct store *s, const char *path, struct err *err)
{
    return s->dfs ? dfs_mkdirs(s->dfs, path, 0777, true, err)
                  : env_mkdirs(env_posix(), path, 0777, err);
}

int store_delete(struct store *s, const char *path, bool recursive, bool *was_there,
                 struct err *err)
{
    int rc;

    if (s->dfs)
        return dfs_delete(s->dfs, path, recursive, was_there, err);
    rc = local_delete(path, recursive, err);
    *was_there = rc != -ERR_NOENT;
    return rc == -ERR_NOENT ? 0 : rc;
}

int store_replace(struct store *s, const char *from, const char *to, struct err *err)
{
    if (s->dfs)
        return dfs_rename(s->dfs, from, to, true, err);
    return rename(from, to) < 0 ? err_sys(err, errno, "%s", to) : 0;
}

int store_rename(struct store *s, const char *from, const char *to, bool *moved, struct err *err)
{
    if (s->dfs)
        return dfs_rename_into(s->dfs, from, to, moved, err);
    *moved = rename(from, to) == 0;
    return 0;
}

int store_chmod(struct store *s, const char *path, uint16_t mode, struct err *err)
{
    if (s->dfs)
        return dfs_chmod(s->dfs, path, mode, err);
    return chmod(path, mode) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

int store_chown(struct store *s, const char *path, const char *owner, const char *group,
                struct err *err)
{
    return s->dfs ? dfs_chown(s->dfs, path, owner, group, err)
                  : local_chown(path, owner, group, err);
}

int store_utimes(struct store *s, const char *path, int64_t mtime_ms, int64_t atime_ms,
                 struct err *err)
{
    return s->dfs ? dfs_utimes(s->dfs, path, mtime_ms, atime_ms, err)
                  : local_utimes(path, mtime_ms, atime_ms, err);
}

/* ---- streams ---- */

int store_open(struct store *s, const char *path, struct stream *out, struct err *err)
{
    *out = (struct stream){.fd = -1};
    if (s->dfs)
        return dfs_open(s->dfs, path, &out->file, err);
    out->fd = open(path, O_RDONLY | O_CLOEXEC);
    return out->fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

/* The directories above a local file; a file that stands in the way is named as Java names it. */
static int make_parents(const char *path, struct err *err)
{
    char parent[GLOB_PATH_MAX];
    struct stat st;

    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash; (slash = strrchr(parent, '/')) && slash > parent;) {
        *slash = 0;
        if (stat(parent, &st) == 0)
            break;
    }
    if (stat(parent, &st) == 0 && !S_ISDIR(st.st_mode) && strcmp(parent, path) != 0)
        return err_set(err, ERR_NOTDIR, "Destination exists and is not a directory: %s", parent);
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    return parent[0] ? env_mkdirs(env_posix(), parent, 0777, err) : 0;
}

int store_create(struct store *s, const char *path, const struct dfs_create *how,
                 struct stream *out, struct err *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (how->append ? O_APPEND : O_TRUNC);

    *out = (struct stream){.fd = -1};
    if (s->dfs)
        return dfs_create(s->dfs, path, how, &out->file, err);
    if (make_parents(path, err) < 0)
        return -err->code;
    out->fd = open(path, flags, 0666);
    return out->fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

ssize_t stream_read(struct stream *st, void *buf, size_t n, struct err *err)
{
    ssize_t k;

    if (st->file)
        return dfs_read(st->file, buf, n, err);
    do
        k = read(st->fd, buf, n);
    while (k < 0 && errno == EINTR);
    return k < 0 ? err_sys(err, errno, "read") : k;
}

int stream_write(struct stream *st, const void *buf, size_t n, struct err *err)
{
    if (st->file)
        return dfs_write(st->file, buf, n, err);
    while (n > 0) {
        ssize_t k = write(st->fd, buf, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write");
        buf = (const char *)buf + k;
        n -= (size_t)k;
    }
    return 0;
}

int stream_close(struct stream *st, struct err *err)
{
    free(st->buf);
    st->buf = NULL;
    if (st->file)
        return dfs_close(st->file, err);
    return close(st->fd) < 0 ? err_sys(err, errno, "close") : 0;
}

void stream_abandon(struct stream *st)
{
    free(st->buf);
    st->buf = NULL;
    if (st->file)
        dfs_abandon(st->file);
    else if (st->fd >= 0)
        close(st->fd);
}

ssize_t stream_move(struct stream *from, struct stream *to, size_t n, struct err *err)
{
    ssize_t k;
    int rc;

    if (from->file && !to->file)
        return dfs_read_to_fd(from->file, to->fd, n, err);
    if (!from->file && to->file)
        return dfs_write_from_fd(to->file, from->fd, n, err);
    if (!from->buf && !(from->buf = malloc(COPY_BYTES)))
        return err_set(err, ERR_NOMEM, "copy");
    k = stream_read(from, from->buf, n < COPY_BYTES ? n : COPY_BYTES, err);
    rc = k > 0 ? stream_write(to, from->buf, (size_t)k, err) : 0;
    return rc < 0 ? rc : k;
}
