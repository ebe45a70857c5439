#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/changes.h"
#include "fuse/errnos.h"
#include "fuse/file.h"
#include "fuse/links.h"
#include "fuse/nodes.h"
#include "fuse/ops.h"
#include "fuse/stats.h"

/* An open directory: the store's listing, read in batches, and where it is.  An offset is a number
 * of entries; going back begins anew. */
struct listing {
    pthread_mutex_t lock;
    struct dfs *fs;
    char path[PATH_TEXT_MAX];
    struct dfs_dir *dir;
    off_t at;                     /* entries that were handed out */
    const struct dfs_stat *entry; /* one that did not fit; NULL: none */
    uint64_t asked;               /* when it was begun: changes.h */
};

/* What one answer is made of. */
struct filling {
    char *bytes;
    size_t n, cap;
};

static struct listing *listing_of(const struct fuse_file_info *fi)
{
    return (struct listing *)(uintptr_t)fi->fh;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct listing *l;
    struct call c;
    int rc;

    if (!call_begin(&c, req, ino))
        return;
    l = calloc(1, sizeof *l);
    if (!l) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    l->asked = c.asked;
    rc = dfs_opendir(c.fs, c.path, &l->dir, &c.err);
    if (rc < 0) {
        free(l);
        call_end(&c, req, rc);
        return;
    }
    l->fs = c.fs;
    strcpy(l->path, c.path);
    pthread_mutex_init(&l->lock, NULL);
    fi->fh = (uintptr_t)l;
    if (fuse_reply_open(req, fi) < 0) {
        dfs_closedir(l->dir);
        free(l);
    }
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct listing *l = listing_of(fi);

    (void)ino;
    dfs_closedir(l->dir);
    pthread_mutex_destroy(&l->lock);
    free(l);
    fuse_reply_err(req, 0);
}

enum { DOTS = 2 }; /* "." and ".." come first */

static int again(struct mount *m, struct listing *l, struct err *err)
{
    uint64_t now = changes_now(m->changes);
    struct dfs_dir *dir;
    int rc = dfs_opendir(l->fs, l->path, &dir, err);

    if (rc < 0)
        return rc;
    l->asked = now;
    dfs_closedir(l->dir);
    l->dir = dir;
    l->entry = NULL;
    l->at = 0;
    return 0;
}

/* The entry at l->at; 1, or 0 at the end. */
static int next_entry(struct listing *l, const struct dfs_stat **out, struct err *err)
{
    int rc = 1;

    while (!l->entry && rc > 0) {
        rc = dfs_readdir(l->dir, &l->entry, err);
        if (rc > 0 &&
            strncmp(strrchr(l->entry->path, '/') + 1, FILE_HIDDEN, sizeof FILE_HIDDEN - 1) == 0)
            l->entry = NULL;
    }
    if (rc > 0)
        *out = l->entry;
    return rc;
}

static int go_to(struct mount *m, struct listing *l, off_t at, struct err *err)
{
    const struct dfs_stat *st;
    int rc = at < l->at ? again(m, l, err) : 0;

    while (rc == 0 && l->at < at) {
        if (l->at >= DOTS) {
            rc = next_entry(l, &st, err);
            if (rc <= 0)
                return rc;
            l->entry = NULL;
            rc = 0;
        }
        l->at++;
    }
    return rc;
}

static bool put_dot(struct filling *out, fuse_req_t req, fuse_ino_t ino, off_t at, bool plus)
{
    static const char *const names[DOTS] = {".", ".."};
    struct fuse_entry_param e = {.attr = {.st_ino = ino, .st_mode = S_IFDIR}};
    size_t room = out->cap - out->n, n;

    /* an entry without an inode number is only a name to the kernel */
    n = plus ? fuse_add_direntry_plus(req, out->bytes + out->n, room, names[at], &e, at + 1)
             : fuse_add_direntry(req, out->bytes + out->n, room, names[at], &e.attr, at + 1);
    if (n > room)
        return false;
    out->n += n;
    return true;
}

/* With attributes the kernel remembers the entry; one that did not fit it never saw. What may have changed since
 * the listing was begun is only a name to it. */
static bool put_entry(struct filling *out, fuse_req_t req, fuse_ino_t dir,
                      const struct dfs_stat *st, const struct listing *l, bool plus)
{
    off_t at = l->at;
    struct mount *m = mount_of(req);
    const char *name = strrchr(st->path, '/') + 1;
    size_t room = out->cap - out->n, n;

    if (plus) {
        struct fuse_entry_param e;

        if (fuse_add_direntry_plus(req, NULL, 0, name, NULL, 0) > room ||
            !entry_from(m, dir, name, st->path, st, &e))
            return false;
        if (!name_is_past(dir, name) && (changes_since(m->changes, dir, l->asked) ||
                                         changes_since(m->changes, e.ino, l->asked)))
            e.ino = 0;
        n = fuse_add_direntry_plus(req, out->bytes + out->n, room, name, &e, at + 1);
    } else {
        struct stat attr = {.st_ino = name_is_past(dir, name) ? 0xffffffffu : st->inode_id,
                            .st_mode = st->kind == DFS_DIR       ? S_IFDIR
                                       : st->kind == DFS_SYMLINK ? S_IFLNK
                                                                 : S_IFREG};

        n = fuse_add_direntry(req, out->bytes + out->n, room, name, &attr, at + 1);
        if (n > room)
            return false;
    }
    out->n += n;
    return true;
}

static int fill(struct listing *l, fuse_req_t req, fuse_ino_t ino, struct filling *out, bool plus,
                struct err *err)
{
    for (;;) {
        struct dfs_stat st;
        const struct dfs_stat *entry;
        int rc;

        if (l->at < DOTS) {
            if (!put_dot(out, req, ino, l->at, plus))
                return 0;
            l->at++;
            continue;
        }
        rc = next_entry(l, &entry, err);
        if (rc <= 0)
            return rc;
        st = *entry; /* a link is one only in this answer */
        st.target = NULL;
        rc = link_resolve(l->fs, entry->path, &st, err);
        if (rc < 0)
            return rc;
        rc = put_entry(out, req, ino, &st, l, plus);
        free(st.target);
        if (!rc)
            return 0;
        l->entry = NULL;
        l->at++;
    }
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi,
                 bool plus)
{
    struct listing *l = listing_of(fi);
    struct filling out = {.bytes = malloc(size), .cap = size};
    struct mount *m = mount_of(req);
    struct err err;
    int rc;

    if (!out.bytes) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    pthread_mutex_lock(&l->lock);
    rc = at == 0 && (l->at > 0 || changes_since(m->changes, ino, l->asked)) ? again(m, l, &err)
                                                                            : go_to(m, l, at, &err);
    if (rc == 0 && l->at == at)
        rc = fill(l, req, ino, &out, plus, &err);
    pthread_mutex_unlock(&l->lock);
    if (rc < 0 && out.n == 0)
        fuse_reply_err(req, errno_of(rc, &err));
    else
        fuse_reply_buf(req, out.bytes, out.n);
    free(out.bytes);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi)
{
    list(req, ino, size, at, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                    struct fuse_file_info *fi)
{
    list(req, ino, size, at, fi, true);
}
