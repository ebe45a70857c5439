#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/changes.h"
#include "fuse/errnos.h"
#include "fuse/file.h"
#include "fuse/nodes.h"
#include "fuse/ops.h"
#include "fuse/stats.h"

enum { MODE_MASK = 01777, ZEROS_MAX = 64 << 20, ASK_MAX = 8 };

static pthread_key_t buffers; /* frees what op_read() made when its thread ends */

__attribute__((constructor)) static void make_key(void)
{
    pthread_key_create(&buffers, free);
}

static struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

static bool writes(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- opening ---- */

/* The kernel's pages stay when the file is what they were read from. It may believe in another length,
 * for a while: it is told. */
static void check_pages(struct mount *m, fuse_ino_t ino, const struct dfs_file *reader,
                        uint64_t length, struct fuse_file_info *fi)
{
    bool whole = false;
    uint64_t version = reader ? dfs_version(reader, &whole) : 0;

    fi->keep_cache = seen_version(m->seen, ino, whole ? version : 0);
    if (seen_last_length(m->seen, ino) != length)
        fuse_lowlevel_notify_inval_inode(m->session, ino, -1, 0);
}

/* What the store says to an opening: may they, and how long is it. */
static int ask_once(struct call *c, int flags, struct dfs_file **reader, uint64_t *length)
{
    struct dfs_stat st;
    int rc = 0;

    *reader = NULL;
    c->asked = changes_now(c->m->changes);
    if (writes(flags))
        rc = dfs_access(c->fs, c->path, (flags & O_ACCMODE) == O_RDWR ? 6 : 2, &c->err);
    if (rc < 0)
        return rc;
    if ((flags & O_ACCMODE) != O_WRONLY) {
        rc = dfs_open(c->fs, c->path, reader, &c->err);
        if (rc == 0)
            *length = dfs_length(*reader);
        return rc;
    }
    rc = dfs_stat(c->fs, c->path, &st, &c->err);
    if (rc == 0) {
        *length = st.length;
        dfs_stat_done(&st);
    }
    return rc;
}

/* Again when it was changed through this mount meanwhile: a reader made before sees too little. */
static int ask_store(struct call *c, fuse_ino_t ino, int flags, struct dfs_file **reader,
                     uint64_t *length)
{
    int rc = ask_once(c, flags, reader, length);

    for (int i = 0; i < ASK_MAX && rc == 0 && changes_since(c->m->changes, ino, c->asked); i++) {
        dfs_close(*reader, NULL);
        rc = ask_once(c, flags, reader, length);
    }
    return rc;
}

/* A handle into @fi.  Takes @reader. */
static int give_handle(struct call *c, fuse_ino_t ino, uint64_t length, struct dfs_file *reader,
                       struct fuse_file_info *fi)
{
    struct handle *h;
    struct file *f;
    int rc = files_open(c->m->files, ino, c->fs, length, c->asked, &f, &c->err);

    if (rc < 0) {
        dfs_close(reader, NULL);
        return rc;
    }
    if (file_is_written(f) || changes_since(c->m->changes, ino, c->asked)) {
        dfs_close(reader, NULL); /* what it sees is not all */
        reader = NULL;
        fi->keep_cache = 1;
    } else {
        check_pages(c->m, ino, reader, length, fi);
    }
    rc = handle_new(f, c->fs, fi->flags, reader, &h, &c->err);
    if (rc < 0) {
        dfs_close(reader, NULL);
        files_close(f);
        return rc;
    }
    fi->fh = (uintptr_t)h;
    return 0;
}

static void drop_handle(struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct file *f = h->f;

    handle_free(h);
    files_close(f);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct dfs_file *reader = NULL;
    uint64_t length = 0;
    struct call c;
    int rc;

    if (!call_begin(&c, req, ino))
        return;
    if (writes(fi->flags) && (node_is_past(ino) || c.m->o.readonly)) {
        fuse_reply_err(req, EROFS);
        return;
    }
    rc = ask_store(&c, ino, fi->flags, &reader, &length);
    if (rc == 0)
        rc = give_handle(&c, ino, length, reader, fi);
    if (rc == 0 && (fi->flags & O_TRUNC))
        rc = file_truncate(handle_of(fi)->f, c.fs, 0, &c.err);
    if (rc < 0)
        call_end(&c, req, rc);
    else if (fuse_reply_open(req, fi) < 0)
        drop_handle(fi);
}

static void fill_how(const struct call *c, fuse_req_t req, mode_t mode, struct dfs_stat *made,
                     struct dfs_create *how)
{
    (void)c;
    *how =
        (struct dfs_create){.exact_mode = true, .by_id = true, .made = made, .sync = DFS_SYNC_FULL};
    how->full_mode = (uint16_t)(mode & MODE_MASK);
    how->mode = (uint16_t)(how->full_mode & ~fuse_req_ctx(req)->umask);
}

static void answer_created(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name,
                           struct dfs_stat *made, struct fuse_file_info *fi)
{
    struct fuse_entry_param e;
    bool ok = entry_from(c->m, dir, name, c->path, made, &e);

    dfs_stat_done(made);
    if (ok && fuse_reply_create(req, &e, fi) == 0)
        return;
    if (!ok)
        fuse_reply_err(req, ENOMEM);
    drop_handle(fi);
}

/* It is there after all, and that is no error without O_EXCL: an open of it. */
static void open_existing(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name,
                          struct fuse_file_info *fi)
{
    struct dfs_file *reader = NULL;
    uint64_t length = 0;
    struct dfs_stat st;
    int rc = ask_once(c, fi->flags, &reader, &length);

    if (rc == 0 && (rc = dfs_stat(c->fs, c->path, &st, &c->err)) < 0)
        dfs_close(reader, NULL);
    if (rc == 0 && (rc = give_handle(c, st.inode_id, length, reader, fi)) < 0)
        dfs_stat_done(&st);
    if (rc == 0 && (fi->flags & O_TRUNC))
        rc = file_truncate(handle_of(fi)->f, c->fs, 0, &c->err);
    if (rc < 0)
        call_end(c, req, rc);
    else
        answer_created(c, req, dir, name, &st, fi);
}

void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct dfs_file *writer;
    struct dfs_create how;
    struct dfs_stat made;
    struct call c;
    int rc;

    if (!call_begin_child(&c, req, dir, name))
        return;
    if (name_is_past(dir, name) || c.m->o.readonly) {
        fuse_reply_err(req, EROFS);
        return;
    }
    fill_how(&c, req, mode, &made, &how);
    rc = dfs_create(c.fs, c.path, &how, &writer, &c.err);
    changes_touch(c.m->changes, dir);
    if (errno_of(rc, &c.err) == EEXIST && !(fi->flags & O_EXCL)) {
        open_existing(&c, req, dir, name, fi);
        return;
    }
    if (rc < 0) {
        call_end(&c, req, rc);
        return;
    }
    rc = give_handle(&c, made.inode_id, 0, NULL, fi);
    if (rc < 0) {
        dfs_abandon(writer);
        dfs_stat_done(&made);
        call_end(&c, req, rc);
        return;
    }
    file_made(handle_of(fi)->f, writer);
    answer_created(&c, req, dir, name, &made, fi);
}

/* ---- bytes ---- */

/* Each thread's own, for as long as it lives. */
static _Thread_local char *read_buffer;

static char *buffer_for(size_t size)
{
    if (size > REQUEST_MAX)
        return NULL;
    if (!read_buffer)
        read_buffer = malloc(REQUEST_MAX);
    if (read_buffer)
        pthread_setspecific(buffers, read_buffer);
    return read_buffer;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    char *buf = buffer_for(size);
    struct err err;
    ssize_t n;

    (void)ino;
    if (!buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    n = file_read(h, buf, size, (uint64_t)at, &err);
    if (n < 0)
        fuse_reply_err(req, errno_of((int)n, &err));
    else
        fuse_reply_buf(req, buf, (size_t)n);
}

/* A write that failed where the store has no room for a block failed of that, whichever datanode said
 * what about its disk. */
static int write_errno(const struct handle *h, int rc, const struct err *err)
{
    const struct mount *m = h->f->m;
    struct dfs_space space;
    int e = errno_of(rc, err);

    if (e == EIO && dfs_space(m->own, &space, NULL) == 0 && space.capacity > 0 &&
        space.remaining < (uint64_t)conf_int(m->conf, OPT_block_size))
        return ENOSPC;
    return e;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t n, off_t at,
              struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct err err;
    /* a page of a mapping that is written back has its place, whichever handle it comes by */
    bool append = (h->flags & O_APPEND) && !fi->writepage;
    int rc = file_write(h->f, h->fs, bytes, n, (uint64_t)at, append, &err);

    if (rc < 0) {
        fuse_reply_err(req, write_errno(h, rc, &err));
        return;
    }
    seen_length(h->f->m->seen, ino, file_size(h->f));
    fuse_reply_write(req, n);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct err err;
    int rc;

    (void)ino;
    if (!writes(h->flags)) {
        fuse_reply_err(req, 0);
        return;
    }
    rc = file_flush(h->f, &err);
    fuse_reply_err(req, rc < 0 ? write_errno(h, rc, &err) : 0);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    drop_handle(fi);
    fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct err err;
    int rc = file_sync(h->f, writes(h->flags), &err);

    (void)ino, (void)datasync;
    fuse_reply_err(req, rc < 0 ? write_errno(h, rc, &err) : 0);
}

/* Every change of names is durable when it is answered. */
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino, (void)datasync, (void)fi;
    fuse_reply_err(req, 0);
}

/* ---- room and holes ---- */

/* The store has no holes and keeps no room for later: what can be had is zeros. */
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t n,
                  struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    uint64_t end = (uint64_t)at + (uint64_t)n, size = file_size(h->f);
    bool keeps_size = mode & FALLOC_FL_KEEP_SIZE;
    struct dfs_space space;
    struct err err;
    int rc = 0;

    (void)ino;
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    if (end > size && !(mode & FALLOC_FL_PUNCH_HOLE)) {
        rc = end - size > ZEROS_MAX ? dfs_space(h->fs, &space, &err) : 0;
        if (rc == 0 && end - size > ZEROS_MAX && end - size > space.remaining)
            rc = err_set(&err, ERR_NO_DISK, "no room");
    }
    if (rc == 0 && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
        rc = file_zero(h->f, h->fs, (uint64_t)at, end, &err);
    if (rc == 0 && end > size && !keeps_size)
        rc = file_truncate(h->f, h->fs, end, &err);
    fuse_reply_err(req, rc < 0 ? errno_of(rc, &err) : 0);
}
