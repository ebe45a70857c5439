/* op_summary.c -- counting trees: getContentSummary, getQuotaUsage.
 *
 * A tree is counted in slices of dfs.content-summary.limit inodes: between two of them others get
 * the lock, and then the walk goes on where it was, by path of inode ids.  What moves meanwhile
 * may be counted twice or not at all, as in Hadoop.
 */
#include <stdlib.h>

#include "namenode/access.h"
#include "namenode/client_protocol.h"
#include "namenode/status.h"

struct sums {
    uint64_t length, files, dirs, symlinks, space;
};

/* One directory being walked: the last name that was seen of it. */
struct level {
    uint64_t dir;
    unsigned after_n, after_room;
    char *after;
};

struct walk {
    struct op *op;
    struct sums sums;
    struct level *levels;
    int depth, room;
    int64_t left; /* of this slice */
    bool check;   /* permissions of the directories */
};

static void count(struct sums *s, const struct inode_info *i)
{
    switch (i->kind) {
    case INODE_DIR: s->dirs++; break;
    case INODE_SYMLINK: s->symlinks++; break;
    default:
        s->files++;
        s->length += i->length;
        s->space += i->length * i->replication;
    }
}

static int enter(struct walk *w, const struct inode_info *dir)
{
    if (w->depth == w->room) {
        int room = w->room ? w->room * 2 : 16;
        struct level *more = realloc(w->levels, (size_t)room * sizeof *more);

        if (!more)
            return op_nomem(w->op);
        w->levels = more;
        w->room = room;
    }
    if (w->check && !w->op->user->is_super) {
        int rc = access_inode(w->op, dir, MAY_READ | MAY_EXECUTE,
                              ns_path_of(w->op->nn->ns, dir->id, w->op->arena));

        if (rc < 0)
            return rc;
    }
    w->levels[w->depth++] = (struct level){.dir = dir->id};
    return 0;
}

static void give_way(struct walk *w)
{
    if (w->left > 0)
        return;
    nn_unlock(w->op->nn);
    nn_lock(w->op->nn);
    w->left = conf_int(w->op->nn->conf, OPT_content_limit);
    if (w->left == 0)
        w->left = INT64_MAX;
}

static int remember(struct op *op, struct level *l, const struct inode_info *info)
{
    if (info->name_n > l->after_room) {
        char *more = realloc(l->after, info->name_n + 64);

        if (!more)
            return op_nomem(op);
        l->after = more;
        l->after_room = info->name_n + 64;
    }
    memcpy(l->after, info->name, info->name_n);
    l->after_n = info->name_n;
    return 0;
}

static void leave(struct walk *w)
{
    free(w->levels[--w->depth].after);
}

/* Some entries of the deepest directory; it is left when there are none. */
static int step(struct walk *w)
{
    struct level *l = &w->levels[w->depth - 1];
    struct namespace *ns = w->op->nn->ns;
    uint64_t ids[64];
    int n = 0, rc = 0;

    if (ns_kind(ns, l->dir) == INODE_DIR)
        n = ns_children(ns, l->dir, l->after_n ? l->after : NULL, l->after_n, ids, 64);
    for (int i = 0; i < n && rc == 0; i++) {
        struct inode_info info;
        int depth = w->depth;

        MUST(ns_info(ns, ids[i], &info));
        count(&w->sums, &info);
        w->left--;
        if ((rc = remember(w->op, l, &info)) < 0)
            return rc;
        if (info.kind == INODE_DIR && info.child_count > 0)
            rc = enter(w, &info);
        else if (info.kind == INODE_DIR && w->check)
            rc = access_inode(w->op, &info, MAY_READ | MAY_EXECUTE,
                              w->op->user->is_super ? "" : ns_path_of(ns, ids[i], w->op->arena));
        if (w->depth > depth)
            return rc;
    }
    if (n < 64 && rc == 0)
        leave(w);
    return rc;
}

/* With the lock held at begin and end, given away between. */
static int sum_up(struct op *op, const struct inode_info *top, bool check, struct sums *out)
{
    struct walk w = {.op = op, .check = check, .left = 1};
    int rc = 0;

    count(&w.sums, top);
    if (top->kind == INODE_DIR)
        rc = enter(&w, top);
    while (rc == 0 && w.depth > 0) {
        give_way(&w);
        rc = step(&w);
    }
    while (w.depth > 0)
        leave(&w);
    free(w.levels);
    *out = w.sums;
    return rc;
}

/* ---- the methods ---- */

static int summarize(struct op *op, const char *path, bool check, struct place *p,
                     struct sums *sums, int64_t quota[2])
{
    int rc = op_resolve(op, path, FOR_READ_LINK, p);

    if (rc < 0)
        return rc;
    if (!p->id)
        return op_no_such_file(op, p->path);
    quota[0] = quota[1] = -1;
    if (p->info.has_quota)
        ns_quota(op->nn->ns, p->id, &quota[0], &quota[1]);
    if (p->id == NS_ROOT_ID && quota[0] < 0)
        quota[0] = INT64_MAX;
    return sum_up(op, &p->info, check, sums);
}

int op_get_content_summary(struct op *op, const Pb__GetContentSummaryRequestProto *rq,
                           Pb__GetContentSummaryResponseProto *rs)
{
    Pb__ContentSummaryProto *out = arena_alloc(op->arena, sizeof *out);
    struct sums sums;
    struct place p;
    int64_t quota[2];
    int rc;

    if (!out)
        return op_nomem(op);
    nn_lock(op->nn);
    rc = summarize(op, rq->path, true, &p, &sums, quota);
    op->call->mark = journal_last_txid(op->nn->journal);
    nn_unlock(op->nn);
    if (rc < 0)
        return rc;
    pb__content_summary_proto__init(out);
    out->length = sums.length;
    out->filecount = sums.files;
    out->directorycount = sums.dirs;
    out->spaceconsumed = sums.space;
    out->quota = (uint64_t)quota[0];
    out->spacequota = (uint64_t)quota[1];
    out->has_snapshotlength = out->has_snapshotfilecount = 1;
    out->has_snapshotdirectorycount = out->has_snapshotspaceconsumed = 1;
    out->erasurecodingpolicy = p.info.kind == INODE_FILE ? "Replicated" : "";
    rs->summary = out;
    return 0;
}

int op_get_quota_usage(struct op *op, const Pb__GetQuotaUsageRequestProto *rq,
                       Pb__GetQuotaUsageResponseProto *rs)
{
    Pb__QuotaUsageProto *out = arena_alloc(op->arena, sizeof *out);
    struct sums sums;
    struct place p;
    int64_t quota[2];
    int rc;

    if (!out)
        return op_nomem(op);
    nn_lock(op->nn);
    rc = summarize(op, rq->path, true, &p, &sums, quota);
    op->call->mark = journal_last_txid(op->nn->journal);
    nn_unlock(op->nn);
    if (rc < 0)
        return rc;
    pb__quota_usage_proto__init(out);
    out->fileanddirectorycount = sums.files + sums.dirs + sums.symlinks;
    out->spaceconsumed = sums.space;
    out->quota = (uint64_t)quota[0];
    out->spacequota = (uint64_t)quota[1];
    rs->usage = out;
    return 0;
}
