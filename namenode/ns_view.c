/* ns_view.c -- looking at the namespace: everything that changes nothing but what datanodes say. */
#include <stdlib.h>
#include <string.h>

#include "namenode/dir.h"
#include "namenode/ns_quota.h"

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
    ns->last_inode = NS_ROOT_ID;
    ns->last_block = NS_FIRST_BLOCK;
    ns->gs = NS_FIRST_GS;
    rc = slab_init(&ns->names, 4, reserve / 2, limit, err);
    if (rc == 0)
        rc = slab_init(&ns->tree, 8, reserve, limit, err);
    if (rc == 0)
        rc = slab_init(&ns->block_slab, 8, reserve, limit, err);
    ns->attrs = attr_table_new();
    ns->leases = lease_table_new();
    ns->features = calloc(1, sizeof *ns->features);
    if (rc == 0 && (!ns->attrs || !ns->leases || !ns->features || dcache_init(&ns->dcache) < 0))
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
    if (ns->features)
        feature_table_done(ns->features);
    free(ns->features);
    attr_table_free(ns->attrs);
    dcache_done(&ns->dcache);
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

static void add_features(const struct namespace *ns, struct inode_info *out)
{
    const struct feature *f = feature_get(ns->features, out->id);

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

static void unpack(const struct namespace *ns, uint64_t id, const struct inode *i,
                   struct inode_info *out)
{
    const struct attr *a = ns_attr(ns, i);

    *out = (struct inode_info){.id = id,
                               .parent = get48(i->parent),
                               .kind = (enum inode_kind)inode_kind_of(i),
                               .user = attr_name(ns->attrs, a->user),
                               .group = attr_name(ns->attrs, a->group),
                               .mode = a->mode,
                               .mtime_ms = get48(i->mtime),
                               .atime_ms = get48(i->atime),
                               .replication = a->replication,
                               .block_size = a->block_size,
                               .storage_policy = a->storage_policy,
                               .ec_policy = a->ec_policy,
                               .under_construction = (i->flags & INODE_OPEN) != 0};
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
        add_features(ns, out);
}

bool ns_info(const struct namespace *ns, uint64_t id, struct inode_info *out)
{
    const struct inode *i = live_inode(ns, id);

    if (!i)
        return false;
    unpack(ns, id, i, out);
    return true;
}

uint16_t ns_replication(const struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);

    return i ? ns_attr(ns, i)->replication : 0;
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

int ns_acl(const struct namespace *ns, uint64_t id, struct arena *arena,
           struct edit_acl_entry **out)
{
    const struct feature *f = feature_get(ns->features, id);

    (void)arena;
    *out = f ? f->acl : NULL;
    return f ? f->acl_count : 0;
}

int ns_xattrs(const struct namespace *ns, uint64_t id, struct arena *arena, struct edit_xattr **out)
{
    const struct feature *f = feature_get(ns->features, id);

    (void)arena;
    *out = f ? f->xattrs : NULL;
    return f ? f->xattr_count : 0;
}

bool ns_quota(const struct namespace *ns, uint64_t id, int64_t *names, int64_t *space)
{
    const struct feature *f = feature_get(ns->features, id);

    if (!f || !f->has_quota)
        return false;
    *names = f->ns_quota;
    *space = f->ds_quota;
    return true;
}

bool ns_type_quotas(const struct namespace *ns, uint64_t id, int64_t out[NS_STORAGE_TYPES])
{
    const struct feature *f = feature_get(ns->features, id);
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

    if (!holder)
        return false;
    *out = (struct open_file){inode, holder, lease_machine(ns->leases, inode)};
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

bool ns_block_add_storage(struct namespace *ns, uint64_t block, uint16_t storage)
{
    struct block *b = block_by_id(ns, block);

    return b && block_add_storage(&ns->blocks, b, storage);
}

bool ns_block_remove_storage(struct namespace *ns, uint64_t block, uint16_t storage)
{
    struct block *b = block_by_id(ns, block);

    return b && block_remove_storage(&ns->blocks, b, storage);
}

static bool is_counted(const struct namespace *ns, const struct block *b)
{
    return ns->quota_dirs > 0 && ns_kind(ns, get48(b->file)) == INODE_FILE;
}

static uint64_t space_if_counted(const struct namespace *ns, const struct block *b)
{
    return is_counted(ns, b) ? ns_file_space(ns, get48(b->file)) : 0;
}

/* The file of @b took @before; what it takes now differs when @b is its last block. */
static void charge_change(struct namespace *ns, const struct block *b, uint64_t before)
{
    uint64_t file = get48(b->file);

    if (is_counted(ns, b))
        quota_charge(ns, ns_parent(ns, file), 0, (int64_t)(ns_file_space(ns, file) - before));
}

void ns_block_set_state(struct namespace *ns, uint64_t block, enum block_state state)
{
    struct block *b = block_by_id(ns, block);
    uint64_t before;

    if (!b)
        return;
    before = space_if_counted(ns, b);
    b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | state);
    charge_change(ns, b, before);
}

void ns_block_commit(struct namespace *ns, uint64_t block, uint64_t length, uint64_t gs)
{
    struct block *b = block_by_id(ns, block);
    uint64_t before;

    if (!b || length > U48_MAX || gs > U48_MAX)
        return;
    before = space_if_counted(ns, b);
    put48(b->length, length);
    put48(b->gs, gs);
    b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | BLOCK_COMMITTED);
    charge_change(ns, b, before);
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
