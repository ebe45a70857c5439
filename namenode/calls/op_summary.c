/* op_summary.c -- counting trees: getContentSummary, getQuotaUsage.
 *
 * A tree is counted in slices of dfs.content-summary.limit inodes: between two of them others get
 * the lock, and then the walk goes on where it was, by path of inode ids.  What moves meanwhile
 * may be counted twice or not at all, as in Hadoop.
 *
 * What the present has not any more but a snapshot keeps is counted, too, and told apart: a name
 * that was deleted as it left, one that was moved away as the snapshot sees it, even if what it was
 * is counted where it is now. That is Hadoop's sum.
 */
#include <stdlib.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_ec.h"
#include "namenode/blocks/policy.h"
#include "namenode/calls/status.h"

struct sums {
    uint64_t length, files, dirs, symlinks, space;
    uint64_t types[NS_STORAGE_TYPES]; /* of files whose storage policy is set */
};

/* The quotas of a directory, -1: none. */
struct quotas {
    int64_t names, space, types[NS_STORAGE_TYPES];
};

/* One directory being walked: the last name that was seen of it. */
struct level {
    uint64_t dir;
    int snapshot;   /* that it is seen in */
    uint8_t policy; /* that files in it have if they have none of their own */
    unsigned after_n, after_room;
    char *after;
};

/* What a directory lost, to be counted when its present has been. */
struct lost {
    uint64_t inode;
    int snapshot;
    uint8_t policy;
};

struct walk {
    struct op *op;
    struct sums sums, past; /* past: the part that only snapshots have */
    struct lost *lost;
    size_t lost_n, lost_room;
    uint8_t lost_policy; /* of the directory that is being asked */
    bool in_past, no_memory;
    struct level *levels;
    int depth, room;
    int64_t left; /* of this slice */
    bool check;   /* permissions of the directories */
};

static void count_file(struct namespace *ns, struct sums *s, const struct inode_info *i,
                       uint8_t policy)
{
    const struct storage_policy *p = policy && !i->ec_policy ? policy_by_id(policy) : NULL;
    unsigned per_type[POLICY_TYPES];

    s->files++;
    s->length += i->length;
    s->space += ns_file_space(ns, i);
    if (!p)
        return;
    policy_spread(p, i->replication, per_type);
    for (int t = 0; t < NS_STORAGE_TYPES; t++)
        s->types[t] += i->length * per_type[t];
}

static void count_in(struct namespace *ns, struct sums *s, const struct inode_info *i,
                     uint8_t above)
{
    switch (i->kind) {
    case INODE_DIR: s->dirs++; break;
    case INODE_SYMLINK: s->symlinks++; break;
    default: count_file(ns, s, i, i->storage_policy ? i->storage_policy : above);
    }
}

static void count(struct walk *w, const struct inode_info *i, uint8_t above)
{
    count_in(w->op->nn->ns, &w->sums, i, above);
    if (w->in_past)
        count_in(w->op->nn->ns, &w->past, i, above);
}

static void note_lost(void *ctx, uint64_t inode, int snapshot)
{
    struct walk *w = ctx;

    if (w->lost_n == w->lost_room) {
        size_t room = w->lost_room * 2 + 16;
        struct lost *more = realloc(w->lost, room * sizeof *more);

        if (!more) {
            w->no_memory = true;
            return;
        }
        w->lost = more;
        w->lost_room = room;
    }
    w->lost[w->lost_n++] = (struct lost){inode, snapshot, w->lost_policy};
}

/* A directory has been counted: what it lost is still to be. */
static int look_back(struct walk *w, const struct inode_info *dir, uint8_t above)
{
    if (dir->snapshot != SNAPSHOT_NOW)
        return 0;
    w->lost_policy = dir->storage_policy ? dir->storage_policy : above;
    ns_each_lost(w->op->nn->ns, dir->id, note_lost, w);
    return w->no_memory ? op_nomem(w->op) : 0;
}

static int enter(struct walk *w, const struct inode_info *dir, uint8_t above)
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
    w->levels[w->depth++] =
        (struct level){.dir = dir->id,
                       .snapshot = dir->snapshot,
                       .policy = dir->storage_policy ? dir->storage_policy : above};
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

static int remember(struct op *op, struct level *l, const struct ns_entry *entry)
{
    if (entry->name_n > l->after_room) {
        char *more = realloc(l->after, entry->name_n + 64);

        if (!more)
            return op_nomem(op);
        l->after = more;
        l->after_room = entry->name_n + 64;
    }
    memcpy(l->after, entry->name, entry->name_n);
    l->after_n = entry->name_n;
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
    struct ns_entry entries[64];
    int n = 0, rc = 0;

    if (ns_kind(ns, l->dir) == INODE_DIR)
        n = ns_list_at(ns, l->dir, l->snapshot, l->after_n ? l->after : NULL, l->after_n, entries,
                       64);
    for (int i = 0; i < n && rc == 0; i++) {
        struct inode_info info;
        int depth = w->depth;

        MUST(ns_info_at(ns, entries[i].id, l->snapshot, &info));
        count(w, &info, l->policy);
        w->left--;
        if ((rc = remember(w->op, l, &entries[i])) < 0)
            return rc;
        if (info.kind == INODE_DIR && (rc = look_back(w, &info, l->policy)) < 0)
            return rc;
        if (info.kind == INODE_DIR && info.child_count > 0)
            rc = enter(w, &info, l->policy);
        else if (info.kind == INODE_DIR && w->check)
            rc = access_inode(w->op, &info, MAY_READ | MAY_EXECUTE,
                              w->op->user->is_super ? "" : ns_path_of(ns, info.id, w->op->arena));
        if (w->depth > depth)
            return rc;
    }
    if (n < 64 && rc == 0)
        leave(w);
    return rc;
}

static int walk_tree(struct walk *w, const struct inode_info *top, uint8_t above)
{
    int rc = 0;

    count(w, top, above);
    if (top->kind == INODE_DIR && (rc = look_back(w, top, above)) == 0)
        rc = enter(w, top, above);
    while (rc == 0 && w->depth > 0) {
        give_way(w);
        rc = step(w);
    }
    while (w->depth > 0)
        leave(w);
    return rc;
}

/* With the lock held at begin and end, given away between. */
static int sum_up(struct op *op, const struct inode_info *top, bool check, struct sums *out,
                  struct sums *past)
{
    struct walk w = {.op = op, .check = check, .left = 1};
    int rc = walk_tree(&w, top, ns_storage_policy(op->nn->ns, top->id));

    w.check = false; /* Hadoop does not ask who may see what is gone */
    w.in_past = true;
    while (rc == 0 && w.lost_n > 0) {
        struct lost lost = w.lost[--w.lost_n];
        struct inode_info info;

        give_way(&w);
        if (ns_info_at(op->nn->ns, lost.inode, lost.snapshot, &info))
            rc = walk_tree(&w, &info, lost.policy);
        w.left--;
    }
    free(w.lost);
    free(w.levels);
    *out = w.sums;
    *past = w.past;
    return rc;
}

/* ---- the methods ---- */

/* @what: how the exception calls that which is not there. */
static int find_quotas(struct op *op, const char *what, const char *path, struct place *p,
                       struct quotas *q)
{
    int rc = op_resolve(op, path, FOR_READ_LINK, p);

    if (rc < 0)
        return rc;
    if (!p->id)
        return err_set(&op->err, ERR_NOENT, "%s does not exist: %s", what, p->path);
    q->names = q->space = -1;
    for (int t = 0; t < NS_STORAGE_TYPES; t++)
        q->types[t] = -1;
    ns_quota(op->nn->ns, &p->info, &q->names, &q->space);
    ns_type_quotas(op->nn->ns, &p->info, q->types);
    if (p->id == NS_ROOT_ID && q->names < 0)
        q->names = INT64_MAX;
    return 0;
}

/* In the order of Hadoop's StorageType, without RAM_DISK; NULL when there is nothing to tell. */
static int tell_types(struct op *op, const struct quotas *q, const uint64_t used[NS_STORAGE_TYPES],
                      Pb__StorageTypeQuotaInfosProto **out)
{
    static const uint8_t order[] = {5, 1, 0, 2, 4};
    enum { COUNT = sizeof order };
    struct {
        Pb__StorageTypeQuotaInfosProto list;
        Pb__StorageTypeQuotaInfoProto *at[COUNT], rows[COUNT];
    } * m;
    bool any = false;

    for (int k = 0; k < COUNT; k++)
        any |= q->types[order[k]] > 0 || used[order[k]] > 0;
    if (!any)
        return 0;
    if (!(m = arena_alloc(op->arena, sizeof *m)))
        return op_nomem(op);
    pb__storage_type_quota_infos_proto__init(&m->list);
    for (int k = 0; k < COUNT; k++) {
        pb__storage_type_quota_info_proto__init(&m->rows[k]);
        m->rows[k].has_type = 1;
        m->rows[k].type = (Pb__StorageTypeProto)(order[k] + 1);
        m->rows[k].quota = (uint64_t)q->types[order[k]];
        m->rows[k].consumed = used[order[k]];
        m->at[k] = &m->rows[k];
    }
    m->list.typequotainfo = m->at;
    m->list.n_typequotainfo = COUNT;
    *out = &m->list;
    return 0;
}

static int fill_summary(struct op *op, const char *path, Pb__ContentSummaryProto *out)
{
    struct quotas q;
    struct sums sums, past;
    struct place p;
    int rc = find_quotas(op, "File", path, &p, &q);

    if (rc < 0 || (rc = sum_up(op, &p.info, true, &sums, &past)) < 0)
        return rc;
    pb__content_summary_proto__init(out);
    out->length = sums.length;
    out->filecount = sums.files + sums.symlinks;
    out->directorycount = sums.dirs;
    out->spaceconsumed = sums.space;
    out->quota = (uint64_t)q.names;
    out->spacequota = (uint64_t)q.space;
    out->has_snapshotlength = out->has_snapshotfilecount = 1;
    out->has_snapshotdirectorycount = out->has_snapshotspaceconsumed = 1;
    out->snapshotlength = past.length;
    out->snapshotfilecount = past.files;
    out->snapshotdirectorycount = past.dirs;
    out->snapshotspaceconsumed = past.space;
    out->erasurecodingpolicy = (char *)(uintptr_t)op_ec_summary_name(op, &p.info);
    if (!out->erasurecodingpolicy)
        return op_nomem(op);
    return tell_types(op, &q, sums.types, &out->typequotainfos);
}

int op_get_content_summary(struct op *op, const Pb__GetContentSummaryRequestProto *rq,
                           Pb__GetContentSummaryResponseProto *rs)
{
    int rc;

    if (!(rs->summary = arena_alloc(op->arena, sizeof *rs->summary)))
        return op_nomem(op);
    nn_lock(op->nn);
    rc = fill_summary(op, rq->path, rs->summary);
    op_unlock(op);
    return rc;
}

/* What a directory with a quota uses is known; else it is counted. */
static int fill_usage(struct op *op, const char *path, Pb__QuotaUsageProto *out)
{
    struct ns_usage known;
    struct quotas q;
    struct sums sums, past;
    struct place p;
    int rc = find_quotas(op, "File/Directory", path, &p, &q);

    if (rc < 0)
        return rc;
    pb__quota_usage_proto__init(out);
    out->quota = (uint64_t)q.names;
    out->spacequota = (uint64_t)q.space;
    if (ns_quota_usage(op->nn->ns, p.id, &known)) {
        if ((rc = access_target(op, &p, MAY_READ | MAY_EXECUTE)) < 0)
            return rc;
        out->fileanddirectorycount = (uint64_t)known.names;
        out->spaceconsumed = (uint64_t)known.space;
        for (int t = 0; t < NS_STORAGE_TYPES; t++)
            sums.types[t] = (uint64_t)known.types[t];
    } else {
        if ((rc = sum_up(op, &p.info, true, &sums, &past)) < 0)
            return rc;
        out->fileanddirectorycount = sums.files + sums.dirs + sums.symlinks;
        out->spaceconsumed = sums.space;
    }
    return tell_types(op, &q, sums.types, &out->typequotainfos);
}

int op_get_quota_usage(struct op *op, const Pb__GetQuotaUsageRequestProto *rq,
                       Pb__GetQuotaUsageResponseProto *rs)
{
    int rc;

    if (!(rs->usage = arena_alloc(op->arena, sizeof *rs->usage)))
        return op_nomem(op);
    nn_lock(op->nn);
    rc = fill_usage(op, rq->path, rs->usage);
    op_unlock(op);
    return rc;
}
