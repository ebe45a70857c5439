#include "tests/lib/fault_env.h"

#include <errno.h>

static struct env *real(void)
{
    return env_posix();
}

/* Counts a call; true when it is the one to fail. */
static bool fails(struct env *e)
{
    struct fault_env *w = (struct fault_env *)e;

    if (w->fired && w->dead)
        return true;
    if (w->nth < 0 || w->calls++ != w->nth)
        return false;
    w->fired = true;
    return true;
}

static int refuse(struct err *err)
{
    return err_sys(err, EIO, "injected fault");
}

static uint64_t f_now_ms(struct env *e)
{
    (void)e;
    return env_now_ms(real());
}
static uint64_t f_mono_ns(struct env *e)
{
    (void)e;
    return env_mono_ns(real());
}
static void f_random(struct env *e, void *out, size_t n)
{
    (void)e;
    env_random(real(), out, n);
}

static int f_open(struct env *e, const char *path, int flags, mode_t mode, struct err *err)
{
    return fails(e) ? refuse(err) : env_open(real(), path, flags, mode, err);
}

static int f_close(struct env *e, int fd, struct err *err)
{
    (void)e; /* a descriptor is gone whatever close says */
    return env_close(real(), fd, err);
}

static ssize_t f_pread(struct env *e, int fd, void *buf, size_t n, uint64_t at, struct err *err)
{
    return fails(e) ? refuse(err) : env_pread(real(), fd, buf, n, at, err);
}

static int f_pwrite(struct env *e, int fd, const void *buf, size_t n, uint64_t at, struct err *err)
{
    if (!fails(e))
        return env_pwrite(real(), fd, buf, n, at, err);
    if (((struct fault_env *)e)->torn)
        env_pwrite(real(), fd, buf, n / 2, at, NULL);
    return refuse(err);
}

/* Nobody pulls the plug on a test: the page cache is as good as the disk, and a sweep that waited
 * for the disk would take minutes. */
static int f_sync(struct env *e, int fd, struct err *err)
{
    (void)fd;
    return fails(e) ? refuse(err) : 0;
}

static int f_sync_dir(struct env *e, const char *path, struct err *err)
{
    (void)path;
    return fails(e) ? refuse(err) : 0;
}

static int f_truncate(struct env *e, int fd, uint64_t size, struct err *err)
{
    return fails(e) ? refuse(err) : env_truncate(real(), fd, size, err);
}

static int f_rename(struct env *e, const char *from, const char *to, struct err *err)
{
    return fails(e) ? refuse(err) : env_rename(real(), from, to, err);
}

static int f_unlink(struct env *e, const char *path, struct err *err)
{
    return fails(e) ? refuse(err) : env_unlink(real(), path, err);
}

static int f_link(struct env *e, const char *from, const char *to, struct err *err)
{
    return fails(e) ? refuse(err) : env_link(real(), from, to, err);
}

static int f_mkdir(struct env *e, const char *path, mode_t mode, struct err *err)
{
    return fails(e) ? refuse(err) : env_mkdir(real(), path, mode, err);
}

static int f_stat(struct env *e, const char *path, struct env_stat *out, struct err *err)
{
    return fails(e) ? refuse(err) : env_stat(real(), path, out, err);
}

static int f_rmdir(struct env *e, const char *path, struct err *err)
{
    return fails(e) ? refuse(err) : env_rmdir(real(), path, err);
}

static int f_list(struct env *e, const char *path, env_visit visit, void *ctx, struct err *err)
{
    return fails(e) ? refuse(err) : env_list(real(), path, visit, ctx, err);
}

static int f_room(struct env *e, const char *path, struct env_room *out, struct err *err)
{
    return fails(e) ? refuse(err) : env_room(real(), path, out, err);
}

void fault_env_init(struct fault_env *w, int nth)
{
    static const struct env_ops ops = {
        .now_ms = f_now_ms,
        .mono_ns = f_mono_ns,
        .random = f_random,
        .open = f_open,
        .close = f_close,
        .pread = f_pread,
        .pwrite = f_pwrite,
        .sync = f_sync,
        .rename = f_rename,
        .sync_dir = f_sync_dir,
        .truncate = f_truncate,
        .unlink = f_unlink,
        .link = f_link,
        .mkdir = f_mkdir,
        .stat = f_stat,
        .rmdir = f_rmdir,
        .list = f_list,
        .room = f_room,
    };

    *w = (struct fault_env){.env = {&ops}, .nth = nth};
}
