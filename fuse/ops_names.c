#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/env.h"
#include "fuse/changes.h"
#include "fuse/errnos.h"
#include "fuse/file.h"
#include "fuse/links.h"
#include "fuse/nodes.h"
#include "fuse/ops.h"
#include "fuse/stats.h"
#include "fuse/users.h"

enum { NAME_BYTES_MAX = 255, MODE_MASK = 01777, ASK_MAX = 8 };

/* ---- what all calls share ---- */

static bool begin(struct call *c, fuse_req_t req, bool has_path)
{
    int rc;

    c->m = mount_of(req);
    c->err.code = ERR_NONE;
    c->err.text[0] = 0;
    c->asked = changes_now(c->m->changes);
    if (!has_path) {
        fuse_reply_err(req, ESTALE);
        return false;
    }
    rc = users_fs(c->m->users, fuse_req_ctx(req)->uid, &c->fs, &c->err);
    if (rc < 0)
        fuse_reply_err(req, errno_of(rc, &c->err));
    return rc == 0;
}

bool call_begin(struct call *c, fuse_req_t req, fuse_ino_t ino)
{
    return begin(c, req, node_path(mount_of(req)->nodes, ino, c->path));
}

bool call_begin_child(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name)
{
    int e = name_check(name);

    if (e) {
        fuse_reply_err(req, e);
        return false;
    }
    return begin(c, req, node_child(mount_of(req)->nodes, dir, name, c->path));
}

void call_end(struct call *c, fuse_req_t req, int rc)
{
    fuse_reply_err(req, errno_of_node(rc, &c->err));
}

/* The store keeps names as UTF-8 and takes no others. */
static bool is_utf8(const char *name)
{
    const unsigned char *p = (const unsigned char *)name;

    while (*p) {
        unsigned more = *p < 0x80   ? 0
                        : *p < 0xc2 ? 9
                        : *p < 0xe0 ? 1
                        : *p < 0xf0 ? 2
                        : *p < 0xf5 ? 3
                                    : 9;
        unsigned first = p[0], second = more && more < 9 ? p[1] : 0x80;

        if (more == 9 || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return false;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xc0) != 0x80)
                return false;
    }
    return true;
}

int name_check(const char *name)
{
    if (strlen(name) > NAME_BYTES_MAX)
        return ENAMETOOLONG;
    return is_utf8(name) ? 0 : EILSEQ;
}

bool entry_from(struct mount *m, fuse_ino_t dir, const char *name, const char *path,
                const struct dfs_stat *st, struct fuse_entry_param *out)
{
    *out = (struct fuse_entry_param){
        .ino = node_number(m->nodes, dir, name, path, st->inode_id),
        .attr_timeout = m->o.attr_timeout,
        .entry_timeout = m->o.entry_timeout,
    };
    if (!out->ino)
        return false;
    stat_from(m, st, out->ino, &out->attr);
    seen_length(m->seen, out->ino, (uint64_t)out->attr.st_size);
    return true;
}

static int look(struct call *c, struct dfs_stat *st)
{
    int rc;

    c->asked = changes_now(c->m->changes);
    rc = dfs_stat(c->fs, c->path, st, &c->err);
    return rc < 0 ? rc : link_resolve(c->fs, c->path, st, &c->err);
}

/* What the store said of @ino may be old: it is asked again, a few times at most. */
static bool is_overtaken(const struct call *c, fuse_ino_t ino, int tries)
{
    return tries < ASK_MAX && !node_is_past(ino) && changes_since(c->m->changes, ino, c->asked);
}

void call_answer_entry(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name,
                       struct dfs_stat *st)
{
    struct fuse_entry_param e;
    bool ok = entry_from(c->m, dir, name, c->path, st, &e);

    for (int tries = 0; ok && is_overtaken(c, e.ino, tries); tries++) {
        int rc;

        dfs_stat_done(st);
        rc = look(c, st);
        if (rc < 0) {
            call_end(c, req, rc);
            return;
        }
        ok = entry_from(c->m, dir, name, c->path, st, &e);
    }
    dfs_stat_done(st);
    if (!ok)
        fuse_reply_err(req, ENOMEM);
    else if (fuse_reply_entry(req, &e) < 0)
        node_forget(c->m->nodes, e.ino, 1);
}

/* ---- questions ---- */

void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
    struct call c;
    struct dfs_stat st;
    int rc;

    if (name_check(name) == EILSEQ) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    if (!call_begin_child(&c, req, dir, name))
        return;
    rc = look(&c, &st);
    if (rc == 0)
        call_answer_entry(&c, req, dir, name, &st);
    else if (rc == -ERR_NOENT && errno_of_node(rc, &c.err) == ENOENT && c.m->o.negative_timeout > 0)
        fuse_reply_entry(req, &(struct fuse_entry_param){.entry_timeout = c.m->o.negative_timeout});
    else
        call_end(&c, req, rc);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t times)
{
    node_forget(mount_of(req)->nodes, ino, times);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        node_forget(mount_of(req)->nodes, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* Somebody else made the file longer: the kernel's last page of it ends in zeros that are bytes now. */
static void drop_last_page(struct call *c, fuse_ino_t ino, uint64_t before)
{
    fuse_lowlevel_notify_inval_inode(c->m->session, ino, (off_t)(before & ~(uint64_t)4095), 0);
}

static void answer_attr(struct call *c, fuse_req_t req, fuse_ino_t ino)
{
    struct dfs_stat st;
    struct stat attr;
    uint64_t before, length;
    struct file *f;
    int tries = 0;

    do {
        int rc = look(c, &st);

        if (rc < 0) {
            call_end(c, req, rc);
            return;
        }
        stat_from(c->m, &st, ino, &attr);
        dfs_stat_done(&st);
    } while (is_overtaken(c, ino, tries++));
    length = (uint64_t)attr.st_size;
    before = seen_length(c->m->seen, ino, length);
    f = before < length && S_ISREG(attr.st_mode) ? files_find(c->m->files, ino) : NULL;
    if (f) {
        bool ours = file_is_written(f);

        files_close(f);
        if (!ours)
            drop_last_page(c, ino, before);
    }
    fuse_reply_attr(req, &attr, c->m->o.attr_timeout);
}

/* A hidden file, too, is known by its number. */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct call c;

    (void)fi;
    if (call_begin(&c, req, ino))
        answer_attr(&c, req, ino);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct call c;
    struct dfs_stat st;
    int rc;

    if (!call_begin(&c, req, ino))
        return;
    rc = look(&c, &st);
    if (rc < 0) {
        call_end(&c, req, rc);
        return;
    }
    if (st.kind == DFS_SYMLINK)
        fuse_reply_readlink(req, st.target);
    else
        fuse_reply_err(req, EINVAL);
    dfs_stat_done(&st);
}

void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
    struct call c;

    if (!call_begin(&c, req, ino))
        return;
    if ((mask & W_OK) && node_is_past(ino))
        fuse_reply_err(req, EROFS);
    else
        call_end(&c, req, dfs_access(c.fs, c.path, (unsigned)mask & 7, &c.err));
}

/* A directory with a quota is as large as that, as df shows it elsewhere. */
void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    enum { BLOCK = 4096 };
    struct dfs_space space;
    struct call c;
    int rc;

    if (!call_begin(&c, req, ino))
        return;
    rc = dfs_space(c.fs, &space, &c.err);
    if (rc < 0) {
        call_end(&c, req, rc);
        return;
    }
    fuse_reply_statfs(req, &(struct statvfs){
                               .f_bsize = BLOCK,
                               .f_frsize = BLOCK,
                               .f_blocks = space.capacity / BLOCK,
                               .f_bfree = space.remaining / BLOCK,
                               .f_bavail = space.remaining / BLOCK,
                               .f_files = (fsfilcnt_t)1 << 31,
                               .f_ffree = (fsfilcnt_t)1 << 31,
                               .f_favail = (fsfilcnt_t)1 << 31,
                               .f_namemax = NAME_BYTES_MAX,
                           });
}

/* ---- attributes ---- */

static int64_t ms_of(const struct timespec *t)
{
    int64_t ms = t->tv_sec * 1000 + t->tv_nsec / 1000000;

    return ms < 0 ? 0 : ms; /* HDFS counts from 1970, and -1 says "as it is" */
}

static int set_times(struct call *c, fuse_ino_t ino, const struct stat *attr, int set)
{
    int64_t now = (int64_t)env_now_ms(env_posix()), mtime = -1, atime = -1;
    struct file *f = files_find(c->m->files, ino);
    bool waits;
    int rc;

    if (set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
        mtime = set & FUSE_SET_ATTR_MTIME_NOW ? now : ms_of(&attr->st_mtim);
    if (set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
        atime = set & FUSE_SET_ATTR_ATIME_NOW ? now : ms_of(&attr->st_atim);
    waits = f && file_set_times(f, mtime, atime);
    if (f)
        files_close(f);
    rc = waits ? 0 : dfs_utimes(c->fs, c->path, mtime, atime, &c->err);
    /* now is anybody's who may write, a time of one's own only the owner's */
    if (rc == -ERR_ACCESS && (set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME)) &&
        !(set & FUSE_SET_ATTR_MTIME_NOW))
        rc = err_set(&c->err, ERR_DISALLOWED, "only the owner sets times");
    return rc;
}

static int set_size(struct call *c, fuse_ino_t ino, uint64_t size, struct fuse_file_info *fi)
{
    struct handle *h = fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
    struct dfs_space space;
    struct file *f;
    struct dfs_stat st;
    int rc = dfs_stat(c->fs, c->path, &st, &c->err);

    if (rc < 0)
        return rc;
    if (!h)
        rc = dfs_access(c->fs, c->path, 2, &c->err);
    if (rc == 0)
        rc = files_open(c->m->files, ino, c->fs, st.length, c->asked, &f, &c->err);
    if (rc == 0) {
        /* zeros are bytes, too: of more than there is room for the answer is no, now */
        if (size > file_size(f) + (64 << 20) && dfs_space(c->fs, &space, NULL) == 0 &&
            size - file_size(f) > space.remaining)
            rc = err_set(&c->err, ERR_NO_DISK, "no room for %" PRIu64 " bytes", size);
        if (rc == 0)
            rc = file_truncate(f, h ? h->fs : c->fs, size, &c->err);
        if (rc == 0 && !h)
            rc = file_flush(f, &c->err);
        files_close(f);
    }
    dfs_stat_done(&st);
    return rc;
}

static int set_owner(struct call *c, const struct stat *attr, int set)
{
    char owner[NAME_TEXT_MAX], group[NAME_TEXT_MAX];

    if (set & FUSE_SET_ATTR_UID)
        users_name(c->m->users, attr->st_uid, owner);
    if (set & FUSE_SET_ATTR_GID)
        users_group_name(c->m->users, attr->st_gid, group);
    return dfs_chown(c->fs, c->path, set & FUSE_SET_ATTR_UID ? owner : NULL,
                     set & FUSE_SET_ATTR_GID ? group : NULL, &c->err);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set,
                struct fuse_file_info *fi)
{
    struct call c;
    int rc = 0;

    if (!call_begin(&c, req, ino))
        return;
    if (node_is_past(ino)) {
        fuse_reply_err(req, EROFS);
        return;
    }
    if ((set & FUSE_SET_ATTR_MODE) && (attr->st_mode & 06000)) { /* HDFS has no such bits */
        fuse_reply_err(req, EPERM);
        return;
    }
    if (set & FUSE_SET_ATTR_SIZE)
        rc = set_size(&c, ino, (uint64_t)attr->st_size, fi);
    if (rc == 0 && (set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
        rc = set_owner(&c, attr, set);
    if (rc == 0 && (set & FUSE_SET_ATTR_MODE))
        rc = dfs_chmod(c.fs, c.path, attr->st_mode & MODE_MASK, &c.err);
    if (rc == 0 && (set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME_NOW |
                           FUSE_SET_ATTR_ATIME_NOW)))
        rc = set_times(&c, ino, attr, set);
    changes_touch(c.m->changes, ino);
    if (rc < 0)
        call_end(&c, req, rc);
    else
        answer_attr(&c, req, ino);
}

/* ---- making ---- */

/* Answers a call that made @name: as it is now. */
static void answer_made(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name, int rc)
{
    struct dfs_stat st;

    changes_touch(c->m->changes, dir);
    if (rc == 0)
        rc = look(c, &st);
    if (rc < 0)
        call_end(c, req, rc);
    else
        call_answer_entry(c, req, dir, name, &st);
}

/* Answers a call that took a name away, or tried to: listings begun before are old. */
static void end_change(struct call *c, fuse_req_t req, fuse_ino_t dir, int rc)
{
    changes_touch(c->m->changes, dir);
    call_end(c, req, rc);
}

static bool begin_change(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name)
{
    if (!call_begin_child(c, req, dir, name))
        return false;
    if (!name_is_past(dir, name))
        return true;
    fuse_reply_err(req, EROFS);
    return false;
}

void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
    mode_t full = mode & MODE_MASK, masked = full & ~fuse_req_ctx(req)->umask;
    struct dfs_stat st;
    struct call c;
    int rc;

    if (!begin_change(&c, req, dir, name))
        return;
    rc = dfs_stat(c.fs, c.path, &st, &c.err); /* the store finds a second mkdir in order */
    if (rc == 0) {
        dfs_stat_done(&st);
        fuse_reply_err(req, EEXIST);
        return;
    }
    rc = rc == -ERR_NOENT ? dfs_mkdir(c.fs, c.path, (uint16_t)masked, (uint16_t)full, &c.err) : rc;
    answer_made(&c, req, dir, name, rc);
}

void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t dev)
{
    struct dfs_create how = {.exact_mode = true, .stays_empty = true};
    struct dfs_file *f;
    struct call c;
    int rc;

    (void)dev;
    if (!begin_change(&c, req, dir, name))
        return;
    if (!S_ISREG(mode)) { /* neither devices nor pipes nor sockets */
        fuse_reply_err(req, EPERM);
        return;
    }
    how.full_mode = (uint16_t)(mode & MODE_MASK);
    how.mode = (uint16_t)(how.full_mode & ~fuse_req_ctx(req)->umask);
    rc = dfs_create(c.fs, c.path, &how, &f, &c.err);
    if (rc == 0)
        rc = dfs_close(f, &c.err);
    answer_made(&c, req, dir, name, rc);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
    struct call c;

    if (begin_change(&c, req, dir, name))
        answer_made(&c, req, dir, name, link_make(c.fs, c.path, target, &c.err));
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name)
{
    (void)ino, (void)dir, (void)name;
    fuse_reply_err(req, EPERM); /* what POSIX has for file systems without */
}

/* ---- removing ---- */

/* A file that is open gets a name nobody sees until it is closed. True: it had to, or failed with *rc. */
static bool hide(struct call *c, fuse_ino_t dir, const char *path, const struct dfs_stat *st,
                 int *rc)
{
    char name[64], to[PATH_TEXT_MAX];
    struct file *f = st->kind == DFS_FILE ? files_find(c->m->files, st->inode_id) : NULL;

    if (!f)
        return false;
    snprintf(name, sizeof name, FILE_HIDDEN "%016" PRIx64, env_random_u64(env_posix()));
    node_child(c->m->nodes, dir, name, to);
    *rc = dfs_rename(c->fs, path, to, false, &c->err);
    if (*rc == 0)
        file_hide(f, c->fs, to);
    files_close(f);
    return true;
}

void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
    struct dfs_stat st;
    bool was_there = false, hidden = false;
    struct call c;
    int rc = 0;

    if (!begin_change(&c, req, dir, name))
        return;
    /* the kernel has seen that it is no directory; which one it is matters if it may be open */
    if (files_any(c.m->files)) {
        rc = dfs_stat(c.fs, c.path, &st, &c.err);
        if (rc == 0) {
            hidden = hide(&c, dir, c.path, &st, &rc);
            dfs_stat_done(&st);
        }
    }
    if (rc == 0 && !hidden) {
        rc = dfs_delete(c.fs, c.path, false, &was_there, &c.err);
        if (rc == 0 && !was_there)
            rc = err_set(&c.err, ERR_NOENT, "no such file");
    }
    end_change(&c, req, dir, rc);
}

/* All that a directory has left are files that were removed while open: they move up. */
static bool move_hidden_up(struct call *c, const struct dfs_stat *dir)
{
    struct dfs_stat *list;
    size_t count;
    char to[PATH_TEXT_MAX];
    bool all = true;

    (void)dir;
    if (dfs_list(c->fs, c->path, &list, &count, NULL) < 0)
        return false;
    for (size_t i = 0; i < count && all; i++) {
        const char *base = strrchr(list[i].path, '/') + 1;

        all = strncmp(base, FILE_HIDDEN, sizeof FILE_HIDDEN - 1) == 0;
    }
    for (size_t i = 0; i < count && all; i++) {
        struct file *f = files_find(c->m->files, list[i].inode_id);
        const char *base = strrchr(list[i].path, '/');
        size_t up = (size_t)(strrchr(c->path, '/') - c->path);

        snprintf(to, sizeof to, "%.*s%s", (int)up, c->path, base);
        all = f && file_is_hidden(f) && dfs_rename(c->fs, list[i].path, to, false, NULL) == 0;
        if (all)
            file_hide(f, NULL, to);
        if (f)
            files_close(f);
    }
    dfs_stats_free(list, count);
    return all && count > 0;
}

void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
    struct dfs_stat st;
    bool was_there = false;
    struct call c;
    int rc;

    if (!begin_change(&c, req, dir, name))
        return;
    rc = dfs_stat(c.fs, c.path, &st, &c.err);
    if (rc < 0) {
        call_end(&c, req, rc);
        return;
    }
    if (st.kind != DFS_DIR)
        rc = err_set(&c.err, ERR_NOTDIR, "not a directory");
    else
        rc = dfs_delete(c.fs, c.path, false, &was_there, &c.err);
    if (rc == -ERR_NOTEMPTY && move_hidden_up(&c, &st))
        rc = dfs_delete(c.fs, c.path, false, &was_there, &c.err);
    if (rc == 0 && !was_there)
        rc = err_set(&c.err, ERR_NOENT, "no such directory");
    dfs_stat_done(&st);
    end_change(&c, req, dir, rc);
}

/* ---- moving ---- */

/* What is in the way of a rename goes by it; one that is open has to be kept. */
static int make_way(struct call *c, fuse_ino_t dir, const char *to, const struct dfs_stat *from,
                    const struct dfs_stat *old, bool *swapped)
{
    int rc = 0;

    if (from->kind == DFS_DIR && old->kind != DFS_DIR)
        return err_set(&c->err, ERR_NOTDIR, "not a directory");
    if (from->kind != DFS_DIR && old->kind == DFS_DIR)
        return err_set(&c->err, ERR_ISDIR, "is a directory");
    *swapped = false;
    if (old->kind == DFS_FILE && c->m->can_splice) {
        struct file *f = files_find(c->m->files, old->inode_id);

        if (!f)
            return 0;
        files_close(f);
        rc = dfs_exchange(c->fs, c->path, to, &c->err);
        *swapped = rc == 0;
        if (rc == 0)
            hide(c, dir, c->path, old, &rc);
        return rc;
    }
    hide(c, dir, to, old, &rc);
    return rc;
}

static int move(struct call *c, fuse_ino_t dir, const char *to, unsigned flags)
{
    struct dfs_stat from, old;
    bool there, swapped = false;
    int rc = dfs_stat(c->fs, c->path, &from, &c->err);

    if (rc < 0)
        return rc;
    rc = dfs_stat(c->fs, to, &old, &c->err);
    there = rc == 0;
    if (rc == -ERR_NOENT)
        rc = 0;
    if (rc == 0 && there && (flags & RENAME_NOREPLACE))
        rc = err_set(&c->err, ERR_EXISTS, "is there already");
    else if (rc == 0 && there && from.inode_id != old.inode_id)
        rc = make_way(c, dir, to, &from, &old, &swapped);
    if (rc == 0 && !swapped && !(there && from.inode_id == old.inode_id))
        rc = dfs_rename(c->fs, c->path, to, !(flags & RENAME_NOREPLACE), &c->err);
    if (there)
        dfs_stat_done(&old);
    dfs_stat_done(&from);
    return rc;
}

void op_rename(fuse_req_t req, fuse_ino_t from_dir, const char *from, fuse_ino_t to_dir,
               const char *to, unsigned flags)
{
    char path[PATH_TEXT_MAX];
    struct call c;
    int e = name_check(to), rc;

    if (e || (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))) {
        fuse_reply_err(req, e ? e : EINVAL);
        return;
    }
    if (!begin_change(&c, req, from_dir, from))
        return;
    if (name_is_past(to_dir, to)) {
        fuse_reply_err(req, EROFS);
        return;
    }
    if (!node_child(c.m->nodes, to_dir, to, path)) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    rc = flags & RENAME_EXCHANGE ? dfs_exchange(c.fs, c.path, path, &c.err)
                                 : move(&c, to_dir, path, flags);
    changes_touch(c.m->changes, to_dir);
    end_change(&c, req, from_dir, rc);
}
