/* ns_view.c -- looking at the namespace: everything that changes nothing but what datanodes say. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/cache_table.h"
#include "namenode/blocks/policy.h"
#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_quota.h"

enum { RESERVE_GIB = 32 };

int ns_new(const struct namespace_limits *limits, struct namespace **out, struct err *err)
{
    uint64_t limit = limits ? limits->memory_max_bytes : 0, reserve = (uint64_t)RESERVE_GIB << 30;
    struct new_inode root = {.id = NS_ROOT_ID,
                             .kind = INODE_DIR,
                             .mode = 0755,
                             .user = limits ? limits->root_user : NULL,
                             .group = limits ? limits->root_group : NULL};
    struct namespace *ns = calloc(1, sizeof *ns);
    int rc;

    if (!ns)
        return err_set(err, ERR_NOMEM, "namespace");
    ns->capture_open_files = limits && limits->capture_open_files;
    ns->last_inode = NS_ROOT_ID;
    ns->last_block = NS_FIRST_BLOCK;
    ns->gs = NS_FIRST_GS;
    rc = slab_init(&ns->names, 4, reserve / 2, limit, err);
    if (rc == 0)
        rc = slab_init(&ns->tree, 8, reserve, limit, err);
    if (rc == 0)
        rc = slab_init(&ns->block_slab, 8, reserve, limit, err);
    ns->attrs = attr_table_new();
    ns->ec = ec_table_new();
    ns->leases = lease_table_new();
    ns->cache = cache_table_new();
    ns->features = calloc(1, sizeof *ns->features);
    ns->finger = calloc(1, sizeof *ns->finger);
    if (rc == 0 && (!ns->attrs || !ns->ec || !ns->leases || !ns->cache || !ns->features ||
                    !ns->finger || dcache_init(&ns->dcache) < 0))
        rc = err_set(err, ERR_NOMEM, "namespace");
    idmap_init(&ns->inodes, &ns->tree, sizeof(struct inode));
    block_map_init(&ns->blocks, &ns->block_slab);
    if (rc == 0)
        rc = ns_make_inode(ns, &root, err);
    if (rc < 0)
        ns_free(ns);
    else
        *out = ns;
    return rc;
}

void ns_free(struct namespace *ns)
{
    if (!ns)
        return;
    lease_table_free(ns->leases);
    history_free_all(ns);
    snapshot_table_done(&ns->snapshots);
    cache_table_free(ns->cache);
    ec_table_free(ns->ec);
    if (ns->features)
        feature_table_done(ns->features);
    free(ns->features);
    attr_table_free(ns->attrs);
    dcache_done(&ns->dcache);
    free(ns->finger);
    slab_done(&ns->names);
    slab_done(&ns->tree);
    slab_done(&ns->block_slab);
    free(ns->gone);
    free(ns);
}

void ns_on_block_gone(struct namespace *ns, ns_block_gone fn, void *ctx)
{
    ns->on_block_gone = fn;
    ns->on_block_gone_ctx = ctx;
}

/* ---- counters ---- */

uint64_t ns_last_inode_id(const struct namespace *ns)
{
    return ns->last_inode;
}
uint64_t ns_last_block_id(const struct namespace *ns)
{
    return ns->last_block;
}
uint64_t ns_last_group_id(const struct namespace *ns)
{
    return ns->last_group;
}

uint64_t ns_gs(const struct namespace *ns)
{
    return ns->gs;
}
uint64_t ns_inode_count(const struct namespace *ns)
{
    return ns->inodes.count;
}
uint64_t ns_file_count(const struct namespace *ns)
{
    return ns->file_count;
}
uint64_t ns_open_file_count(const struct namespace *ns)
{
    return lease_count(ns->leases);
}

uint64_t ns_block_count(const struct namespace *ns)
{
    return ns->blocks.blocks.count + ns->blocks.groups.count;
}

uint64_t ns_group_count(const struct namespace *ns)
{
    return ns->blocks.groups.count;
}

struct lease_table *ns_leases(struct namespace *ns)
{
    return ns->leases;
}

/* ---- inodes ---- */

static const struct inode *live_inode(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = id >> IDMAP_ID_BITS ? NULL : ns_inode(ns, id);

    return i && ns_is_live(ns, id) ? i : NULL;
}

enum inode_kind ns_kind(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = live_inode(ns, id);

    return i ? (enum inode_kind)inode_kind_of(i) : INODE_NONE;
}

uint64_t ns_parent(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = live_inode(ns, id);

    return i ? get48(i->parent) : 0;
}

uint64_t ns_child(const struct namespace *ns, uint64_t dir, const char *name, unsigned n)
{
    return ns_kind(ns, dir) == INODE_DIR ? ns_child_of(ns, dir, name, n) : 0;
}

struct cache_table *ns_cache(const struct namespace *ns)
{
    return ns->cache;
}

/* Policies that mix kinds of storage count as none for a striped file, as in Hadoop. */
uint8_t ns_storage_policy(const struct namespace *ns, uint64_t id)
{
    bool striped = ns_ec_policy(ns, id) != 0;
    const struct inode *i;

    for (; id && (i = ns_inode(ns, id)) != NULL; id = get48(i->parent)) {
        uint8_t own = inode_kind_of(i) == INODE_SYMLINK ? 0 : ns_attr(ns, i)->storage_policy;

        if (own)
            return striped && !policy_suits_groups(own) ? 0 : own;
    }
    return 0;
}

int ns_children(const struct namespace *ns, uint64_t dir, const char *after, unsigned after_n,
                uint64_t *ids, int max)
{
    return ns_kind(ns, dir) == INODE_DIR ? dir_list(ns, dir, after, after_n, ids, max) : 0;
}

static uint64_t length_of(const struct namespace *ns, const struct inode *i, uint32_t *count)
{
    uint64_t sum = 0;

    *count = file_block_count(ns, i);
    for (uint32_t k = 0; k < *count; k++)
        sum += get48(block_get(&ns->blocks, file_block_number(ns, i, k))->length);
    return sum;
}

static void add_features(const struct feature *f, struct inode_info *out)
{
    if (!f)
        return;
    out->has_acl = f->acl_count > 0;
    out->has_xattrs = f->xattr_count > 0;
    out->has_quota = f->has_quota;
    if (f->has_times && out->mtime_ms == U48_MAX)
        out->mtime_ms = f->mtime_ms;
    if (f->has_times && out->atime_ms == U48_MAX)
        out->atime_ms = f->atime_ms;
}

static void put_attr(const struct namespace *ns, const struct attr *a, struct inode_info *out)
{
    out->user = attr_name(ns->attrs, a->user);
    out->group = attr_name(ns->attrs, a->group);
    out->mode = a->mode;
    out->replication = a->replication;
    out->block_size = a->block_size;
    out->storage_policy = a->storage_policy;
    out->ec_policy = a->ec_policy;
}

static void unpack(const struct namespace *ns, uint64_t id, const struct inode *i,
                   struct inode_info *out)
{
    *out = (struct inode_info){.id = id,
                               .parent = get48(i->parent),
                               .snapshot = SNAPSHOT_NOW,
                               .kind = (enum inode_kind)inode_kind_of(i),
                               .mtime_ms = get48(i->mtime),
                               .atime_ms = get48(i->atime),
                               .under_construction = (i->flags & INODE_OPEN) != 0};
    put_attr(ns, ns_attr(ns, i), out);
    out->name = inode_name(ns, i, &out->name_n);
    switch (out->kind) {
    case INODE_FILE: out->length = length_of(ns, i, &out->block_count); break;
    case INODE_DIR: out->child_count = dir_count(ns, id); break;
    case INODE_SYMLINK:
        out->target = (const char *)slab_at(&ns->names, (uint32_t)get48(i->data)) + 2;
        break;
    case INODE_NONE: break;
    }
    if (i->flags & INODE_FEATURE)
        add_features(feature_get(ns->features, id), out);
    if (out->kind == INODE_DIR && ns->snapshots.dirs)
        out->is_snapshottable = snapshot_dir_get(&ns->snapshots, id) != NULL;
}

bool ns_info(const struct namespace *ns, uint64_t id, struct inode_info *out)
{
    const struct inode *i = live_inode(ns, id);

    if (!i)
        return false;
    unpack(ns, id, i, out);
    return true;
}

/* ---- as of a snapshot ---- */

static void view_attrs(const struct namespace *ns, const struct past_attrs *past,
                       struct inode_info *out)
{
    put_attr(ns, attr_get(ns->attrs, past->attr), out);
    out->has_acl = out->has_xattrs = out->has_quota = false;
    add_features(past->more, out);
    out->mtime_ms = past->mtime_ms;
    out->atime_ms = past->atime_ms;
}

/* A file's length then, and as many blocks as that takes. */
static void view_file(const struct namespace *ns, int snapshot, struct inode_info *out)
{
    const struct diff *d = history_file(ns, out->id, snapshot);
    uint64_t number, sum = 0;
    uint32_t n = history_blocks(ns, out->id, snapshot, NULL, 0, 0), k = 0;

    if (d)
        out->length = d->length;
    for (; k < n && sum < out->length; k++) {
        history_blocks(ns, out->id, snapshot, &number, k, 1);
        sum += get48(block_get(&ns->blocks, number)->length);
    }
    out->block_count = k;
    out->under_construction = false;
}

bool ns_info_at(const struct namespace *ns, uint64_t id, int snapshot, struct inode_info *out)
{
    const struct past_attrs *past;
    const struct history *h;

    if (!ns_info(ns, id, out))
        return false;
    if (snapshot == SNAPSHOT_NOW)
        return true;
    out->snapshot = snapshot;
    out->is_snapshottable = false;
    past = history_attrs(ns, id, snapshot);
    if (past)
        view_attrs(ns, past, out);
    if (out->kind == INODE_FILE)
        view_file(ns, snapshot, out);
    h = history_get(ns, id);
    if (out->kind == INODE_DIR)
        for (uint32_t k = history_first(h, snapshot); h && k < h->n; k++)
            out->child_count += h->diffs[k]->lost.n - h->diffs[k]->gained.n;
    return true;
}

bool ns_path_info(const struct namespace *ns, const struct ns_path *p, int index,
                  struct inode_info *out)
{
    bool past = p->snapshot_at > 0 && index > p->snapshot_at;

    return ns_info_at(ns, p->ids[index], past ? p->snapshot : SNAPSHOT_NOW, out);
}

uint16_t ns_replication(const struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);
    const struct history *h = i ? history_get(ns, file) : NULL;
    uint16_t most = i ? ns_attr(ns, i)->replication : 0;

    for (uint32_t k = 0; h && k < h->n; k++) {
        const struct past_attrs *past = h->diffs[k]->attrs;
        uint16_t then = past ? attr_get(ns->attrs, past->attr)->replication : 0;

        most = then > most ? then : most;
    }
    return most;
}

uint64_t ns_inode_scan(const struct namespace *ns, uint64_t from, int max,
                       void (*visit)(void *ctx, const struct inode_info *info), void *ctx)
{
    struct inode *i;
    uint64_t id = from;

    for (int n = 0; (i = idmap_next(&ns->inodes, &id)) != NULL; n++, id++) {
        struct inode_info info;

        if (n == max)
            return id;
        if (!ns_is_live(ns, id))
            continue;
        unpack(ns, id, i, &info);
        visit(ctx, &info);
    }
    return 0;
}

/* The row of an inode as of the view that @info is of. */
static const struct feature *features_of(const struct namespace *ns, const struct inode_info *info)
{
    const struct past_attrs *past = history_attrs(ns, info->id, info->snapshot);

    return past ? past->more : feature_get(ns->features, info->id);
}

int ns_acl(const struct namespace *ns, const struct inode_info *info, struct edit_acl_entry **out)
{
    const struct feature *f = features_of(ns, info);

    *out = f ? f->acl : NULL;
    return f ? f->acl_count : 0;
}

int ns_xattrs(const struct namespace *ns, const struct inode_info *info, struct edit_xattr **out)
{
    const struct feature *f = features_of(ns, info);

    *out = f ? f->xattrs : NULL;
    return f ? f->xattr_count : 0;
}

void ns_each_xattr(const struct namespace *ns, const struct edit_xattr *x,
                   void (*visit)(void *ctx, uint64_t inode), void *ctx)
{
    struct feature *f, *next;

    HASH_ITER(hh, ns->features->rows, f, next)
    {
        for (int i = 0; i < f->xattr_count; i++)
            if (f->xattrs[i].ns == x->ns && strcmp(f->xattrs[i].name, x->name) == 0 &&
                history_is_present(ns, f->inode))
                visit(ctx, f->inode);
    }
}

bool ns_quota(const struct namespace *ns, const struct inode_info *info, int64_t *names,
              int64_t *space)
{
    const struct feature *f = features_of(ns, info);

    if (!f || !f->has_quota)
        return false;
    *names = f->ns_quota;
    *space = f->ds_quota;
    return true;
}

bool ns_type_quotas(const struct namespace *ns, const struct inode_info *info,
                    int64_t out[NS_STORAGE_TYPES])
{
    const struct feature *f = features_of(ns, info);
    bool any = false;

    for (int i = 0; f && i < NS_STORAGE_TYPES; i++) {
        out[i] = f->type_quota[i];
        any |= out[i] >= 0;
    }
    return any;
}

bool ns_open_file(const struct namespace *ns, uint64_t inode, struct open_file *out)
{
    const char *holder = lease_holder(ns->leases, inode);
    struct lease_cut cut = lease_cut(ns->leases, inode);

    if (!holder)
        return false;
    *out = (struct open_file){.inode = inode,
                              .client_name = holder,
                              .client_machine = lease_machine(ns->leases, inode),
                              .cut_to = cut.length,
                              .copied_from = cut.source ? block_id_of(cut.source) : 0};
    return true;
}

/* ---- blocks ---- */

uint32_t ns_file_blocks(const struct namespace *ns, uint64_t file, uint64_t *ids, uint32_t from,
                        uint32_t max)
{
    const struct inode *i = live_inode(ns, file);
    uint32_t n = i && inode_kind_of(i) == INODE_FILE ? file_block_count(ns, i) : 0;

    for (uint32_t k = from; k < n && k - from < max; k++)
        ids[k - from] = block_id_of(file_block_number(ns, i, k));
    return n;
}

uint32_t ns_file_blocks_at(const struct namespace *ns, const struct inode_info *file, uint64_t *ids,
                           uint32_t from, uint32_t max)
{
    if (file->snapshot == SNAPSHOT_NOW)
        return ns_file_blocks(ns, file->id, ids, from, max);
    history_blocks(ns, file->id, file->snapshot, ids, from, max);
    for (uint32_t k = from; k < file->block_count && k - from < max; k++)
        ids[k - from] = block_id_of(ids[k - from]);
    return file->block_count;
}

static struct block *block_by_id(const struct namespace *ns, uint64_t id)
{
    return block_get(&ns->blocks, block_number(id));
}

bool ns_block(const struct namespace *ns, uint64_t block, struct block_info *out)
{
    const struct block *b = block_by_id(ns, block);

    if (!b)
        return false;
    block_unpack(&ns->blocks, b, block_number(block), out);
    return true;
}

unsigned ns_block_storages(const struct namespace *ns, uint64_t block, uint16_t *out, unsigned max)
{
    const struct block *b = block_by_id(ns, block);

    return b ? block_storages(&ns->blocks, b, out, max) : 0;
}

unsigned ns_block_units(const struct namespace *ns, uint64_t block, uint16_t *out, uint8_t *units,
                        unsigned max)
{
    const struct block *b = block_by_id(ns, block);

    return b ? block_units(&ns->blocks, b, out, units, max) : 0;
}

uint8_t ns_ec_policy(const struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);

    return i && inode_kind_of(i) == INODE_FILE ? ns_attr(ns, i)->ec_policy : 0;
}

bool ns_striping(const struct namespace *ns, uint64_t file, struct striping *out)
{
    uint8_t policy = ns_ec_policy(ns, file);

    return policy && ec_striping(ns->ec, policy, out);
}

bool ns_block_add_storage(struct namespace *ns, uint64_t block, uint16_t storage)
{
    struct block *b = block_by_id(ns, block);

    return b && block_add_storage(&ns->blocks, b, storage, id_unit(block));
}

bool ns_block_remove_storage(struct namespace *ns, uint64_t block, uint16_t storage)
{
    struct block *b = block_by_id(ns, block);

    return b && block_remove_storage(&ns->blocks, b, storage, id_unit(block));
}

static bool is_counted(const struct namespace *ns, const struct block *b)
{
    return ns->quota_dirs > 0 && ns_kind(ns, get48(b->file)) == INODE_FILE;
}

static struct quota_use use_if_counted(const struct namespace *ns, const struct block *b)
{
    return is_counted(ns, b) ? quota_of_file(ns, get48(b->file)) : (struct quota_use){0};
}

/* The file of @b took @before; what it takes now differs when @b is its last block. */
static void charge_change(struct namespace *ns, const struct block *b,
                          const struct quota_use *before)
{
    uint64_t file = get48(b->file);
    struct quota_use now;

    if (!is_counted(ns, b))
        return;
    now = quota_of_file(ns, file);
    quota_charge(ns, ns_parent(ns, file), &now, before);
}

void ns_block_set_state(struct namespace *ns, uint64_t block, enum block_state state)
{
    struct block *b = block_by_id(ns, block);
    struct quota_use before;

    if (!b)
        return;
    before = use_if_counted(ns, b);
    b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | state);
    charge_change(ns, b, &before);
}

void ns_block_commit(struct namespace *ns, uint64_t block, uint64_t length, uint64_t gs)
{
    struct block *b = block_by_id(ns, block);
    struct quota_use before;

    if (!b || length > U48_MAX || gs > U48_MAX)
        return;
    before = use_if_counted(ns, b);
    put48(b->length, length);
    put48(b->gs, gs);
    b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | BLOCK_COMMITTED);
    charge_change(ns, b, &before);
}

uint64_t ns_block_scan(struct namespace *ns, uint64_t from, int max, ns_block_visit visit,
                       void *ctx)
{
    uint64_t number = from ? block_number(from) : 0;

    for (int n = 0;; n++) {
        bool groups = (number & BLOCK_GROUP_BIT) != 0;
        uint64_t at = number & ~BLOCK_GROUP_BIT;
        struct block *b = idmap_next(groups ? &ns->blocks.groups : &ns->blocks.blocks, &at);
        uint16_t storages[1024];
        struct block_info info;

        if (!b && groups)
            return 0;
        if (!b) {
            number = BLOCK_GROUP_BIT; /* the replicated ones are through */
            n--;
            continue;
        }
        number = at | (groups ? BLOCK_GROUP_BIT : 0);
        if (n >= max)
            return block_id_of(number);
        block_unpack(&ns->blocks, b, number, &info);
        block_storages(&ns->blocks, b, storages, 1024);
        visit(ctx, &info, storages);
        number++;
    }
}

/* ---- policies of erasure codes, upgrades ---- */

const struct ec_table *ns_ec_policies(const struct namespace *ns)
{
    return ns->ec;
}

/* The value of EC_XATTR_NAME is a Java string: its length in four bytes, its bytes. */
static bool own_ec_policy(const struct feature *f, char out[EC_NAME_MAX])
{
    for (int k = 0; f && k < f->xattr_count; k++) {
        const struct edit_xattr *x = &f->xattrs[k];

        if (x->ns != EC_XATTR_NS || strcmp(x->name, EC_XATTR_NAME) != 0 || x->value_n < 4 ||
            x->value_n - 4 >= EC_NAME_MAX)
            continue;
        memcpy(out, x->value + 4, x->value_n - 4);
        out[x->value_n - 4] = 0;
        return true;
    }
    return false;
}

bool ns_dir_ec_policy(const struct namespace *ns, uint64_t dir, bool inherited,
                      char out[EC_NAME_MAX])
{
    if (!ns->has_coded_dirs)
        return false;
    for (uint64_t id = dir; id; id = id == NS_ROOT_ID ? 0 : ns_parent(ns, id)) {
        if (own_ec_policy(feature_get(ns->features, id), out))
            return true;
        if (!inherited)
            return false;
    }
    return false;
}

bool ns_ec_policy_at(const struct namespace *ns, const struct inode_info *dir,
                     const struct ns_path *way, char out[EC_NAME_MAX])
{
    struct inode_info at = {.id = dir->id, .snapshot = dir->snapshot};

    if (at.snapshot == SNAPSHOT_NOW)
        return ns_dir_ec_policy(ns, at.id, true, out);
    if (!ns->has_coded_dirs)
        return false;
    if (ns_inode(ns, at.id) && own_ec_policy(features_of(ns, &at), out))
        return true;
    for (int k = way->found - 1; k >= 0; k--) {
        at.id = way->ids[k];
        if (at.id && ns_inode(ns, at.id) && own_ec_policy(features_of(ns, &at), out))
            return true;
    }
    return false;
}

uint64_t ns_rolling_upgrade(const struct namespace *ns)
{
    return ns->rolling_upgrade_ms;
}

bool ns_rolling_upgrade_is_over(const struct namespace *ns)
{
    return ns->rolling_upgrade_is_over;
}
