#include "common/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static uint64_t posix_now_ms(struct env *e)
{
    struct timespec ts;

    (void)e;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t posix_mono_ns(struct env *e)
{
    struct timespec ts;

    (void)e;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void posix_random(struct env *e, void *out, size_t n)
{
    (void)e;
    for (size_t got = 0; got < n;) {
        ssize_t k = getrandom((char *)out + got, n - got, 0);

        MUST(k > 0 || errno == EINTR);
        got += k > 0 ? (size_t)k : 0;
    }
}

static int posix_open(struct env *e, const char *path, int flags, mode_t mode, struct err *err)
{
    int fd = open(path, flags | O_CLOEXEC, mode);

    (void)e;
    return fd < 0 ? err_sys(err, errno, "open %s", path) : fd;
}

static int posix_close(struct env *e, int fd, struct err *err)
{
    (void)e;
    return close(fd) < 0 ? err_sys(err, errno, "close") : 0;
}

static ssize_t posix_pread(struct env *e, int fd, void *buf, size_t n, uint64_t at, struct err *err)
{
    size_t got = 0;

    (void)e;
    while (got < n) {
        ssize_t k = pread(fd, (char *)buf + got, n - got, (off_t)(at + got));

        if (k == 0)
            break;
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "read at byte %llu", (unsigned long long)at);
        got += (size_t)k;
    }
    return (ssize_t)got;
}

static int posix_pwrite(struct env *e, int fd, const void *buf, size_t n, uint64_t at,
                        struct err *err)
{
    size_t put = 0;

    (void)e;
    while (put < n) {
        ssize_t k = pwrite(fd, (const char *)buf + put, n - put, (off_t)(at + put));

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write at byte %llu", (unsigned long long)at);
        put += (size_t)k;
    }
    return 0;
}

static int posix_pwritev(struct env *e, int fd, struct iovec *iov, int n, uint64_t at,
                         struct err *err)
{
    (void)e;
    while (n > 0) {
        ssize_t k = pwritev(fd, iov, n < IOV_MAX ? n : IOV_MAX, (off_t)at);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write at byte %llu", (unsigned long long)at);
        at += (uint64_t)k;
        for (; n > 0 && (size_t)k >= iov->iov_len; iov++, n--)
            k -= (ssize_t)iov->iov_len;
        if (n > 0) {
            iov->iov_base = (char *)iov->iov_base + k;
            iov->iov_len -= (size_t)k;
        }
    }
    return 0;
}

static int posix_sync(struct env *e, int fd, struct err *err)
{
    (void)e;
    return fdatasync(fd) < 0 ? err_sys(err, errno, "sync") : 0;
}

static int posix_sync_dir(struct env *e, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    (void)e;
    if (fd < 0)
        return err_sys(err, errno, "open %s", path);
    if (fsync(fd) < 0)
        rc = err_sys(err, errno, "sync %s", path);
    close(fd);
    return rc;
}

static int posix_truncate(struct env *e, int fd, uint64_t size, struct err *err)
{
    (void)e;
    return ftruncate(fd, (off_t)size) < 0 ? err_sys(err, errno, "truncate") : 0;
}

static int posix_rename(struct env *e, const char *from, const char *to, struct err *err)
{
    (void)e;
    return rename(from, to) < 0 ? err_sys(err, errno, "rename %s to %s", from, to) : 0;
}

static int posix_unlink(struct env *e, const char *path, struct err *err)
{
    (void)e;
    return unlink(path) < 0 ? err_sys(err, errno, "remove %s", path) : 0;
}

static int posix_link(struct env *e, const char *from, const char *to, struct err *err)
{
    (void)e;
    return link(from, to) < 0 ? err_sys(err, errno, "link %s to %s", from, to) : 0;
}

static int posix_mkdir(struct env *e, const char *path, mode_t mode, struct err *err)
{
    (void)e;
    return mkdir(path, mode) < 0 ? err_sys(err, errno, "make directory %s", path) : 0;
}

static int posix_stat(struct env *e, const char *path, struct env_stat *out, struct err *err)
{
    struct stat st;

    (void)e;
    if (stat(path, &st) < 0)
        return err_sys(err, errno, "stat %s", path);
    *out = (struct env_stat){.size_bytes = (uint64_t)st.st_size,
                             .mtime_ms = (uint64_t)st.st_mtim.tv_sec * 1000 +
                                         (uint64_t)st.st_mtim.tv_nsec / 1000000,
                             .links = (uint32_t)st.st_nlink,
                             .is_dir = S_ISDIR(st.st_mode)};
    return 0;
}

static int posix_rmdir(struct env *e, const char *path, struct err *err)
{
    (void)e;
    return rmdir(path) < 0 ? err_sys(err, errno, "remove directory %s", path) : 0;
}

static int posix_list(struct env *e, const char *path, env_visit visit, void *ctx, struct err *err)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    int saved;

    (void)e;
    if (!dir)
        return err_sys(err, errno, "open %s", path);
    while (errno = 0, (d = readdir(dir)) != NULL)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            visit(ctx, d->d_name);
    saved = errno;
    closedir(dir);
    return saved ? err_sys(err, saved, "read %s", path) : 0;
}

/* Free is what those without privileges may take, as df says. */
static int posix_room(struct env *e, const char *path, struct env_room *out, struct err *err)
{
    struct statvfs v;
    struct stat st;

    (void)e;
    if (statvfs(path, &v) < 0 || stat(path, &st) < 0)
        return err_sys(err, errno, "room at %s", path);
    *out = (struct env_room){.total_bytes = (uint64_t)v.f_blocks * v.f_frsize,
                             .free_bytes = (uint64_t)v.f_bavail * v.f_frsize,
                             .device = st.st_dev};
    return 0;
}

struct env *env_posix(void)
{
    static const struct env_ops ops = {
        .now_ms = posix_now_ms,
        .mono_ns = posix_mono_ns,
        .random = posix_random,
        .open = posix_open,
        .close = posix_close,
        .pread = posix_pread,
        .pwrite = posix_pwrite,
        .pwritev = posix_pwritev,
        .sync = posix_sync,
        .sync_dir = posix_sync_dir,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .link = posix_link,
        .truncate = posix_truncate,
        .mkdir = posix_mkdir,
        .stat = posix_stat,
        .rmdir = posix_rmdir,
        .list = posix_list,
        .room = posix_room,
    };
    static struct env env = {&ops};

    return &env;
}

int env_pwritev(struct env *e, int fd, struct iovec *iov, int n, uint64_t at, struct err *err)
{
    int rc = 0;

    if (e->ops->pwritev)
        return e->ops->pwritev(e, fd, iov, n, at, err);
    for (int i = 0; i < n && rc == 0; i++) {
        rc = env_pwrite(e, fd, iov[i].iov_base, iov[i].iov_len, at, err);
        at += iov[i].iov_len;
    }
    return rc;
}

uint64_t env_random_u64(struct env *e)
{
    uint64_t v;

    env_random(e, &v, sizeof v);
    return v;
}

int env_mkdirs(struct env *e, const char *path, mode_t mode, struct err *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n >= sizeof part)
        return err_set(err, ERR_NAME_TOO_LONG, "make directory: path of %zu bytes", n);
    for (size_t i = 1; i <= n; i++) {
        int rc;

        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        rc = env_mkdir(e, part, mode, err);
        if (rc < 0 && rc != -ERR_EXISTS)
            return rc;
    }
    return 0;
}

int env_read_file(struct env *e, const char *path, size_t max, char **out, size_t *n,
                  struct err *err)
{
    struct env_stat st;
    char *bytes = NULL;
    ssize_t got;
    int fd, rc = env_stat(e, path, &st, err);

    if (rc < 0)
        return rc;
    if (st.size_bytes > max)
        return err_set(err, ERR_LIMIT, "%s: %llu bytes, at most %zu expected", path,
                       (unsigned long long)st.size_bytes, max);
    fd = env_open(e, path, O_RDONLY, 0, err);
    if (fd < 0)
        return fd;
    bytes = malloc(st.size_bytes + 1);
    if (!bytes) {
        rc = err_set(err, ERR_NOMEM, "%s", path);
        goto out;
    }
    got = env_pread(e, fd, bytes, st.size_bytes, 0, err);
    if (got < 0) {
        rc = err_wrap(err, (int)got, "%s", path);
        goto out;
    }
    bytes[got] = 0;
    *out = bytes;
    if (n)
        *n = (size_t)got;
    bytes = NULL;
out:
    free(bytes);
    env_close(e, fd, NULL);
    return rc;
}

int env_write_file(struct env *e, const char *path, const void *bytes, size_t n, struct err *err)
{
    char tmp[PATH_MAX], dir[PATH_MAX];
    int fd, rc;

    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return err_set(err, ERR_NAME_TOO_LONG, "%s", path);
    fd = env_open(e, tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
    if (fd < 0)
        return fd;
    rc = env_pwrite(e, fd, bytes, n, 0, err);
    if (rc == 0)
        rc = env_sync(e, fd, err);
    if (env_close(e, fd, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = -ERR_IO;
    if (rc == 0)
        rc = env_rename(e, tmp, path, err);
    if (rc < 0) {
        env_unlink(e, tmp, NULL);
        return err_wrap(err, rc, "write %s", path);
    }
    snprintf(dir, sizeof dir, "%s", path);
    return env_sync_dir(e, dirname(dir), err);
}
