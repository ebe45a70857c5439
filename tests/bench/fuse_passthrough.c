/* fuse_passthrough.c -- fuse_passthrough DIRECTORY MOUNTPOINT: a local directory through libfuse and nothing else, which is
 * as fast as a mount can be.  Options as those of dfs-fuse where both have them: the same sizes of requests, pages
 * kept, attributes for a second.
 */
#define FUSE_USE_VERSION 312
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 20 };

static int top; /* the directory */

static const char *below(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int result(int rc)
{
    return rc < 0 ? -errno : 0;
}

static void *pt_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
    conn->max_write = conn->max_read = REQUEST_MAX;
    conn->max_readahead = REQUEST_MAX;
    conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    cfg->kernel_cache = 1;
    cfg->use_ino = 1;
    cfg->nullpath_ok = 0;
    cfg->attr_timeout = cfg->entry_timeout = 1;
    return NULL;
}

static int pt_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    return result(fi ? fstat((int)fi->fh, st) : fstatat(top, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int pt_open(const char *path, struct fuse_file_info *fi)
{
    int fd = openat(top, below(path), fi->flags & ~O_NOFOLLOW);

    fi->fh = (uint64_t)fd;
    return result(fd);
}

static int pt_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    int fd = openat(top, below(path), fi->flags, mode);

    fi->fh = (uint64_t)fd;
    return result(fd);
}

static int pt_read(const char *path, struct fuse_bufvec **out, size_t n, off_t at,
                   struct fuse_file_info *fi)
{
    struct fuse_bufvec *v = malloc(sizeof *v);

    (void)path;
    if (!v)
        return -ENOMEM;
    *v = FUSE_BUFVEC_INIT(n);
    v->buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    v->buf[0].fd = (int)fi->fh;
    v->buf[0].pos = at;
    *out = v;
    return 0;
}

static int pt_write(const char *path, struct fuse_bufvec *from, off_t at, struct fuse_file_info *fi)
{
    struct fuse_bufvec to = FUSE_BUFVEC_INIT(fuse_buf_size(from));

    (void)path;
    to.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    to.buf[0].fd = (int)fi->fh;
    to.buf[0].pos = at;
    return (int)fuse_buf_copy(&to, from, FUSE_BUF_SPLICE_NONBLOCK);
}

static int pt_release(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    return result(close((int)fi->fh));
}

static int pt_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
    (void)path;
    return result(datasync ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static int pt_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    int fd = fi ? (int)fi->fh : openat(top, below(path), O_WRONLY), rc;

    rc = fd < 0 ? -errno : result(ftruncate(fd, size));
    if (!fi && fd >= 0)
        close(fd);
    return rc;
}

static int pt_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    int fd = openat(top, below(path), O_RDONLY | O_DIRECTORY);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    (void)at, (void)fi, (void)flags;
    if (!d)
        return -errno;
    while ((e = readdir(d)))
        fill(buf, e->d_name, &(struct stat){.st_ino = e->d_ino, .st_mode = DTTOIF(e->d_type)}, 0,
             0);
    closedir(d);
    return 0;
}

static int pt_mkdir(const char *path, mode_t mode)
{
    return result(mkdirat(top, below(path), mode));
}

static int pt_unlink(const char *path)
{
    return result(unlinkat(top, below(path), 0));
}

static int pt_rmdir(const char *path)
{
    return result(unlinkat(top, below(path), AT_REMOVEDIR));
}

static int pt_rename(const char *from, const char *to, unsigned flags)
{
    return result(renameat2(top, below(from), top, below(to), flags));
}

static int pt_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    return result(fstatvfs(top, st));
}

int main(int argc, char **argv)
{
    static const struct fuse_operations ops = {
        .init = pt_init,
        .getattr = pt_getattr,
        .open = pt_open,
        .create = pt_create,
        .read_buf = pt_read,
        .write_buf = pt_write,
        .release = pt_release,
        .fsync = pt_fsync,
        .truncate = pt_truncate,
        .readdir = pt_readdir,
        .mkdir = pt_mkdir,
        .unlink = pt_unlink,
        .rmdir = pt_rmdir,
        .rename = pt_rename,
        .statfs = pt_statfs,
    };
    char *args[] = {argv[0], argc > 2 ? argv[2] : NULL, "-omax_read=1048576", NULL};

    if (argc != 3 || (top = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0) {
        fputs("fuse_passthrough DIRECTORY MOUNTPOINT\n", stderr);
        return 2;
    }
    umask(0);
    return fuse_main(3, args, &ops, NULL);
}
