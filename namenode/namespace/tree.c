/* tree.c -- inodes with their names: making, linking, unlinking and taking apart. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_quota.h"

enum { LONG_NAME = 255, DELETE_AT_ONCE = 1000 };

/* ---- names ---- */

const char *name_text(const struct namespace *ns, uint32_t name, uint8_t name_n, unsigned *n)
{
    const uint8_t *at;
    uint16_t length;

    if (name_n == 0) {
        *n = 0;
        return "";
    }
    at = slab_at(&ns->names, name);
    if (name_n != LONG_NAME) {
        *n = name_n;
        return (const char *)at;
    }
    memcpy(&length, at, 2);
    *n = length;
    return (const char *)at + 2;
}

const char *inode_name(const struct namespace *ns, const struct inode *i, unsigned *n)
{
    return name_text(ns, i->name, i->name_n, n);
}

static void free_name(struct namespace *ns, struct inode *i)
{
    unsigned n;

    inode_name(ns, i, &n);
    if (i->name_n)
        slab_free(&ns->names, i->name, n + (i->name_n == LONG_NAME ? 2 : 0));
    i->name_n = 0;
}

int inode_set_name(struct namespace *ns, uint64_t id, const char *name, unsigned n, struct err *err)
{
    bool is_long = n >= LONG_NAME;
    uint16_t length = (uint16_t)n;
    struct inode *i;
    uint8_t *at;
    uint32_t ref;

    if (n > UINT16_MAX)
        return err_set(err, ERR_NAME_TOO_LONG, "name of %u bytes", n);
    ref = n ? slab_alloc(&ns->names, n + (is_long ? 2 : 0)) : 0;
    if (n && !ref)
        return err_set(err, ERR_NOMEM, "name");
    if (n) {
        at = slab_at(&ns->names, ref);
        if (is_long)
            memcpy(at, &length, 2);
        memcpy(at + (is_long ? 2 : 0), name, n);
    }
    i = ns_inode(ns, id);
    free_name(ns, i);
    i->name = ref;
    i->name_n = (uint8_t)(is_long ? LONG_NAME : n);
    return 0;
}

uint64_t ns_child_of(const struct namespace *ns, uint64_t dir, const char *name, unsigned n)
{
    uint64_t hash = dcache_hash(dir, name, n), id = dcache_guess(&ns->dcache, hash);
    const struct inode *i = id ? ns_inode(ns, id) : NULL;

    if (i && get48(i->parent) == dir && !(i->flags & INODE_PAST)) {
        unsigned have;
        const char *mine = inode_name(ns, i, &have);

        if (have == n && memcmp(mine, name, n) == 0)
            return id;
    }
    id = dir_find(ns, dir, name, n);
    if (id)
        dcache_learn(&ns->dcache, hash, id);
    return id;
}

/* ---- fields ---- */

static bool times_fit(uint64_t mtime, uint64_t atime)
{
    return mtime < U48_MAX && atime < U48_MAX;
}

uint64_t inode_mtime(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    uint64_t t = get48(i->mtime);

    return t == U48_MAX ? feature_get(ns->features, id)->mtime_ms : t;
}

uint64_t inode_atime(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    uint64_t t = get48(i->atime);

    return t == U48_MAX ? feature_get(ns->features, id)->atime_ms : t;
}

int inode_set_times(struct namespace *ns, uint64_t id, uint64_t mtime, uint64_t atime,
                    struct err *err)
{
    struct inode *i = ns_inode(ns, id);
    uint64_t m = mtime == UINT64_MAX ? inode_mtime(ns, id) : mtime;
    uint64_t a = atime == UINT64_MAX ? inode_atime(ns, id) : atime;
    struct feature *f;

    if (times_fit(m, a)) {
        put48(i->mtime, m);
        put48(i->atime, a);
        return 0;
    }
    f = feature_make(ns->features, id);
    if (!f)
        return err_set(err, ERR_NOMEM, "times");
    i->flags |= INODE_FEATURE;
    f->has_times = true;
    f->mtime_ms = m;
    f->atime_ms = a;
    put48(i->mtime, U48_MAX);
    put48(i->atime, U48_MAX);
    return 0;
}

int inode_set_attr(struct namespace *ns, uint64_t id, const struct attr *a, struct err *err)
{
    uint32_t number = attr_hold(ns->attrs, a);

    if (!number)
        return err_set(err, ERR_NOMEM, "attributes");
    attr_drop(ns->attrs, ns_inode(ns, id)->attr);
    ns_inode(ns, id)->attr = number;
    return 0;
}

/* ---- making ---- */

static uint32_t attr_of_new(struct namespace *ns, const struct new_inode *in)
{
    struct attr a = {.user = attr_name_number(ns->attrs, in->user ? in->user : ""),
                     .group = attr_name_number(ns->attrs, in->group ? in->group : ""),
                     .mode = in->mode,
                     .replication = in->replication,
                     .storage_policy = in->storage_policy,
                     .ec_policy = in->ec_policy,
                     .block_size = in->block_size};

    return a.user && a.group ? attr_hold(ns->attrs, &a) : 0;
}

/* A symlink's target stands among the names, its length in front. */
static uint32_t put_target(struct namespace *ns, const char *target)
{
    size_t n = strlen(target);
    uint16_t length = (uint16_t)n;
    uint32_t ref = n <= UINT16_MAX - 3 ? slab_alloc(&ns->names, n + 3) : 0;

    if (ref) {
        memcpy(slab_at(&ns->names, ref), &length, 2);
        memcpy((char *)slab_at(&ns->names, ref) + 2, target, n + 1);
    }
    return ref;
}

int ns_make_inode(struct namespace *ns, const struct new_inode *in, struct err *err)
{
    uint32_t attr, target = 0;
    struct inode *i;
    int rc;

    if (in->id >> IDMAP_ID_BITS || in->id < NS_ROOT_ID)
        return err_set(err, ERR_INCONSISTENT, "inode id %llu is out of bounds",
                       (unsigned long long)in->id);
    if (ns_inode(ns, in->id))
        return err_set(err, ERR_INCONSISTENT, "inode %llu is there already",
                       (unsigned long long)in->id);
    attr = attr_of_new(ns, in);
    if (!attr)
        return err_set(err, ERR_NOMEM, "attributes");
    if (in->target && !(target = put_target(ns, in->target))) {
        attr_drop(ns->attrs, attr);
        return err_set(err, ERR_NOMEM, "symlink");
    }
    i = idmap_put(&ns->inodes, in->id);
    if (!i) {
        attr_drop(ns->attrs, attr);
        if (target)
            slab_free(&ns->names, target, strlen(in->target) + 3);
        return err_set(err, ERR_NOMEM, "inode");
    }
    i->flags = (uint8_t)in->kind;
    i->attr = attr;
    put48(i->data, target);
    rc = inode_set_times(ns, in->id, in->mtime_ms, in->atime_ms, err);
    if (rc < 0) {
        ns_drop_inode(ns, in->id);
        return rc;
    }
    if (in->kind == INODE_FILE)
        ns->file_count++;
    if (in->id > ns->last_inode)
        ns->last_inode = in->id;
    return 0;
}

void ns_drop_inode(struct namespace *ns, uint64_t id)
{
    struct inode *i = ns_inode(ns, id);

    if (inode_kind_of(i) == INODE_FILE) {
        for (uint32_t k = file_block_count(ns, i); k > 0; k--)
            file_forget_block(ns, file_block_number(ns, i, k - 1));
        file_free_list(ns, i);
    }
    if (inode_kind_of(i) == INODE_SYMLINK && get48(i->data)) {
        uint16_t n;

        memcpy(&n, slab_at(&ns->names, (uint32_t)get48(i->data)), 2);
        slab_free(&ns->names, (uint32_t)get48(i->data), n + 3u);
    }
    if (i->flags & INODE_FEATURE) {
        ns->quota_dirs -= feature_get(ns->features, id)->is_counted;
        feature_drop(ns->features, id);
    }
    free_name(ns, i);
    attr_drop(ns->attrs, i->attr);
    idmap_remove(&ns->inodes, id);
}

int ns_link(struct namespace *ns, uint64_t dir, uint64_t id, const char *name, unsigned n,
            struct err *err)
{
    int rc = inode_set_name(ns, id, name, n, err);

    if (rc == 0)
        rc = dir_insert(ns, dir, id, err);
    if (rc < 0)
        return rc;
    put48(ns_inode(ns, id)->parent, dir);
    dcache_learn(&ns->dcache, dcache_hash(dir, name, n), id); /* it will be asked for soon */
    return 0;
}

void ns_unlink(struct namespace *ns, uint64_t id)
{
    dir_remove(ns, get48(ns_inode(ns, id)->parent), id);
    put48(ns_inode(ns, id)->parent, 0);
}

bool ns_is_within(const struct namespace *ns, uint64_t id, uint64_t ancestor)
{
    while (id && id != ancestor) {
        const struct inode *i = ns_inode(ns, id);

        id = i ? get48(i->parent) : 0;
    }
    return id == ancestor;
}

bool ns_is_live(const struct namespace *ns, uint64_t id)
{
    if (ns->gone_count == 0)
        return true;
    for (const struct inode *i; id && (i = ns_inode(ns, id)); id = get48(i->parent))
        if (i->flags & INODE_GONE)
            return false;
    return true;
}

/* ---- taking apart ---- */

static void count_drop(struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);

    if (inode_kind_of(i) == INODE_FILE)
        ns->file_count--;
    if (i->flags & INODE_OPEN) {
        file_end_cut(ns, id);
        lease_end(ns->leases, id);
    }
    if (i->flags & INODE_HISTORY)
        history_forget(ns, id);
    ns_drop_inode(ns, id);
}

/* Frees up to @max inodes from the bottom of the tree at @root; true when all of it is gone.
 * The last child is taken first: that is where a directory shrinks cheapest. */
static bool take_apart(struct namespace *ns, uint64_t root, int *max)
{
    uint64_t at = root;

    while (*max > 0) {
        uint64_t child = inode_kind_of(ns_inode(ns, at)) == INODE_DIR ? dir_last(ns, at) : 0;
        uint64_t parent;

        if (child && history_is_held(ns, child)) {
            dir_remove(ns, at, child);
            history_detach(ns, child);
            continue;
        }
        if (child) {
            at = child;
            continue;
        }
        parent = at == root ? 0 : get48(ns_inode(ns, at)->parent);
        if (parent)
            dir_remove(ns, parent, at);
        count_drop(ns, at);
        (*max)--;
        if (!parent)
            return true;
        at = parent;
    }
    return false;
}

void ns_destroy(struct namespace *ns, uint64_t id)
{
    int max = INT32_MAX;

    while (!take_apart(ns, id, &max))
        max = INT32_MAX;
}

struct deleted {
    struct namespace *ns;
    uint64_t top;
};

/* There are few open files beside those of a large tree, so each is asked. */
static bool is_deleted(void *ctx, uint64_t file)
{
    struct deleted *d = ctx;

    if (!ns_is_within(d->ns, file, d->top))
        return false;
    file_end_cut(d->ns, file);
    ns_inode(d->ns, file)->flags &= (uint8_t)~INODE_OPEN;
    return true;
}

void ns_end_leases(struct namespace *ns, uint64_t top)
{
    if (lease_count(ns->leases) > 0)
        lease_end_where(ns->leases, is_deleted, &(struct deleted){ns, top});
}

static void strip_one(struct namespace *ns, uint64_t id, uint64_t top)
{
    const struct inode *i = ns_inode(ns, id);

    if (!i || !(i->flags & INODE_HISTORY) || i->flags & INODE_PAST)
        return; /* gone with another */
    if (id != top && history_is_held(ns, id)) {
        dir_remove(ns, get48(i->parent), id);
        history_detach(ns, id);
    } else {
        history_forget(ns, id);
    }
}

/* What is taken apart later must have no history: when that goes must not depend on time. */
static void strip_histories(struct namespace *ns, uint64_t top)
{
    uint32_t all = HASH_COUNT(ns->histories.rows), n = 0;
    uint64_t *ids = all ? malloc(all * sizeof *ids) : NULL;
    struct history *h, *next;

    MUST(ids || all == 0);
    HASH_ITER(hh, ns->histories.rows, h, next)
    {
        if (ns_is_within(ns, h->inode, top))
            ids[n++] = h->inode;
    }
    for (uint32_t k = 0; k < n; k++)
        strip_one(ns, ids[k], top);
    free(ids);
}

/* Directories that are deleted can't be snapshottable any more; they have no snapshots. */
static void disallow_within(struct namespace *ns, uint64_t top)
{
    struct snapshot_dir *d, *next;

    HASH_ITER(hh, ns->snapshots.dirs, d, next)
    {
        if (ns_is_within(ns, d->dir, top))
            snapshot_dir_disallow(&ns->snapshots, d->dir);
    }
}

/* A snapshot sees the tree, here or where it was before: it only leaves the present. */
static void delete_kept(struct namespace *ns, uint64_t id, bool here)
{
    dir_remove(ns, get48(ns_inode(ns, id)->parent), id);
    ns_inode(ns, id)->flags |= INODE_PAST;
    if (here) {
        history_clean(ns, id);
        return;
    }
    quota_charge_tree(ns, id, get48(ns_inode(ns, id)->parent), -1);
    history_detach(ns, id);
}

void ns_delete_tree(struct namespace *ns, uint64_t id)
{
    int at_once = DELETE_AT_ONCE;
    uint64_t *gone;
    bool kept;

    disallow_within(ns, id);
    kept = history_lose(ns, id, false);
    if (kept || history_is_held(ns, id)) {
        delete_kept(ns, id, kept);
        return;
    }
    quota_charge_tree(ns, id, get48(ns_inode(ns, id)->parent), -1);
    ns_unlink(ns, id);
    if (take_apart(ns, id, &at_once))
        return;
    ns_end_leases(ns, id);
    strip_histories(ns, id);
    if (ns->gone_count == ns->gone_cap) {
        gone = realloc(ns->gone, ((size_t)ns->gone_cap * 2 + 8) * sizeof *gone);
        if (!gone) { /* no memory to remember it: then at once after all */
            ns_destroy(ns, id);
            return;
        }
        ns->gone = gone;
        ns->gone_cap = ns->gone_cap * 2 + 8;
    }
    ns_inode(ns, id)->flags |= INODE_GONE;
    ns->gone[ns->gone_count++] = id;
}

/* Pages are given back when they are many: most deletes are followed by creates. */
static void trim_if_worth(struct slab *s)
{
    uint32_t unused = s->top - s->runs_used;

    if (unused > 1024 && unused > s->runs_used / 4)
        slab_trim(s);
}

bool ns_reclaim(struct namespace *ns, int max)
{
    bool had = ns->gone_count > 0;

    while (ns->gone_count > 0 && max > 0)
        if (take_apart(ns, ns->gone[ns->gone_count - 1], &max))
            ns->gone_count--;
    if (had && ns->gone_count == 0) {
        trim_if_worth(&ns->names);
        trim_if_worth(&ns->tree);
        trim_if_worth(&ns->block_slab);
    }
    return ns->gone_count > 0;
}
