/* env.h -- the one door to clock, chance and disk.
 *
 * A module that keeps something durable takes a struct env and reaches the world only through
 * it.  env_posix() is the real world.  A test wraps it: tests/lib/fault_env.h lets the n-th
 * call fail or tears a write; the simulator has one in memory.
 *
 * Every call that can fail returns -ERR_X and fills @err.
 *
 * Thread:  env_posix() any thread.
 */
#ifndef DFS_COMMON_ENV_H
#define DFS_COMMON_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/err.h"

struct env;

struct env_stat {
    uint64_t size_bytes, mtime_ms;
    uint32_t links; /* names that the file has */
    bool is_dir;
};

/* Of the file system that a path is on; @device tells one file system from another. */
struct env_room {
    uint64_t total_bytes, free_bytes, device;
};

/* One name in a directory; "." and ".." are left out. */
typedef void (*env_visit)(void *ctx, const char *name);

struct env_ops {
    uint64_t (*now_ms)(struct env *);  /* wall clock, since 1970 */
    uint64_t (*mono_ns)(struct env *); /* never goes back */
    void (*random)(struct env *, void *out, size_t n);
    int (*open)(struct env *, const char *path, int flags, mode_t mode, struct err *);
    int (*close)(struct env *, int fd, struct err *);
    ssize_t (*pread)(struct env *, int fd, void *buf, size_t n, uint64_t at, struct err *);
    int (*pwrite)(struct env *, int fd, const void *buf, size_t n, uint64_t at, struct err *);
    /* May be missing: pieces are then written one by one. */
    int (*pwritev)(struct env *, int fd, struct iovec *iov, int n, uint64_t at, struct err *);
    int (*sync)(struct env *, int fd, struct err *);               /* fdatasync */
    int (*sync_dir)(struct env *, const char *path, struct err *); /* makes names durable */
    int (*truncate)(struct env *, int fd, uint64_t size, struct err *);
    int (*rename)(struct env *, const char *from, const char *to, struct err *);
    int (*unlink)(struct env *, const char *path, struct err *);
    int (*link)(struct env *, const char *from, const char *to, struct err *);
    int (*mkdir)(struct env *, const char *path, mode_t mode, struct err *);
    int (*stat)(struct env *, const char *path, struct env_stat *out, struct err *);
    int (*rmdir)(struct env *, const char *path, struct err *);
    int (*list)(struct env *, const char *path, env_visit visit, void *ctx, struct err *);
    int (*room)(struct env *, const char *path, struct env_room *out, struct err *);
};

struct env {
    const struct env_ops *ops;
};

struct env *env_posix(void);

static inline uint64_t env_now_ms(struct env *e)
{
    return e->ops->now_ms(e);
}
static inline uint64_t env_mono_ns(struct env *e)
{
    return e->ops->mono_ns(e);
}
static inline uint64_t env_mono_ms(struct env *e)
{
    return e->ops->mono_ns(e) / 1000000;
}
static inline void env_random(struct env *e, void *out, size_t n)
{
    e->ops->random(e, out, n);
}
uint64_t env_random_u64(struct env *e);

/* A descriptor, or -ERR_X; always close-on-exec. */
static inline int env_open(struct env *e, const char *path, int flags, mode_t mode, struct err *err)
{
    return e->ops->open(e, path, flags, mode, err);
}
static inline int env_close(struct env *e, int fd, struct err *err)
{
    return e->ops->close(e, fd, err);
}
/* Reads up to @n bytes; fewer only at the end of the file.  Returns how many, or -ERR_X. */
static inline ssize_t env_pread(struct env *e, int fd, void *buf, size_t n, uint64_t at,
                                struct err *err)
{
    return e->ops->pread(e, fd, buf, n, at, err);
}
/* Writes all @n bytes or fails; a failed write may have written some. */
static inline int env_pwrite(struct env *e, int fd, const void *buf, size_t n, uint64_t at,
                             struct err *err)
{
    return e->ops->pwrite(e, fd, buf, n, at, err);
}
/* The same with @n pieces, one after another in the file; changes @iov. */
int env_pwritev(struct env *e, int fd, struct iovec *iov, int n, uint64_t at, struct err *err);
static inline int env_sync(struct env *e, int fd, struct err *err)
{
    return e->ops->sync(e, fd, err);
}
static inline int env_sync_dir(struct env *e, const char *path, struct err *err)
{
    return e->ops->sync_dir(e, path, err);
}
static inline int env_truncate(struct env *e, int fd, uint64_t size, struct err *err)
{
    return e->ops->truncate(e, fd, size, err);
}
static inline int env_rename(struct env *e, const char *from, const char *to, struct err *err)
{
    return e->ops->rename(e, from, to, err);
}
static inline int env_unlink(struct env *e, const char *path, struct err *err)
{
    return e->ops->unlink(e, path, err);
}
/* @to becomes another name of the file @from. */
static inline int env_link(struct env *e, const char *from, const char *to, struct err *err)
{
    return e->ops->link(e, from, to, err);
}
static inline int env_mkdir(struct env *e, const char *path, mode_t mode, struct err *err)
{
    return e->ops->mkdir(e, path, mode, err);
}
static inline int env_stat(struct env *e, const char *path, struct env_stat *out, struct err *err)
{
    return e->ops->stat(e, path, out, err);
}

static inline int env_rmdir(struct env *e, const char *path, struct err *err)
{
    return e->ops->rmdir(e, path, err);
}
/* Shows the names in @path, in no order. */
static inline int env_list(struct env *e, const char *path, env_visit visit, void *ctx,
                           struct err *err)
{
    return e->ops->list(e, path, visit, ctx, err);
}

static inline int env_room(struct env *e, const char *path, struct env_room *out, struct err *err)
{
    return e->ops->room(e, path, out, err);
}

/* Makes @path and its missing parents. */
int env_mkdirs(struct env *e, const char *path, mode_t mode, struct err *err);

/* The whole file, zero-terminated, in malloc'd memory; ERR_LIMIT when longer than @max. */
int env_read_file(struct env *e, const char *path, size_t max, char **out, size_t *n,
                  struct err *err);

/* Replaces @path durably: new file beside it, sync, rename, sync of the directory. */
int env_write_file(struct env *e, const char *path, const void *bytes, size_t n, struct err *err);

#endif
