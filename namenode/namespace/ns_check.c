/* ns_check.c -- everything that always holds, looked at; and a digest of the whole state. */
#include <string.h>

#include "namenode/namespace/cache_table.h"
#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_quota.h"

static void check_usage(const struct namespace *ns, uint64_t dir)
{
    struct ns_usage kept;

    if (ns_is_live(ns, dir) && ns_quota_usage(ns, dir, &kept)) {
        struct quota_use use = quota_count(ns, dir);

        MUST(kept.names == use.names && kept.space == use.space);
        MUST(memcmp(kept.types, use.types, sizeof kept.types) == 0);
    }
}

/* How many blocks an open file has that neither it nor a snapshot lists. */
static unsigned held_by_cut(const struct namespace *ns, uint64_t file)
{
    uint64_t source = lease_cut(ns->leases, file).source;
    const struct block *b = source ? block_get(&ns->blocks, source) : NULL;

    MUST(!source || (b && get48(b->file) == file));
    return source && !history_has_block(ns, file, source);
}

static void check_inode(const struct namespace *ns, uint64_t id, const struct inode *i,
                        uint64_t *files, uint64_t *open)
{
    bool is_open = (i->flags & INODE_OPEN) != 0;
    uint32_t n;

    MUST(id <= ns->last_inode);
    MUST(((i->flags & INODE_FEATURE) != 0) == (feature_get(ns->features, id) != NULL));
    MUST(is_open == (lease_holder(ns->leases, id) != NULL));
    *open += is_open;
    if (id == NS_ROOT_ID)
        MUST(get48(i->parent) == 0);
    else if (!(i->flags & (INODE_GONE | INODE_PAST)))
        MUST(ns_inode(ns, get48(i->parent)) &&
             inode_kind_of(ns_inode(ns, get48(i->parent))) == INODE_DIR);
    if (inode_kind_of(i) == INODE_DIR) {
        dir_check(ns, id);
        check_usage(ns, id);
    }
    if (inode_kind_of(i) != INODE_FILE)
        return;
    (*files)++;
    n = file_block_count(ns, i);
    for (uint32_t k = 0; k < n; k++) {
        const struct block *b = block_get(&ns->blocks, file_block_number(ns, i, k));

        MUST(b && get48(b->file) == id);
        MUST(k == n - 1 || get48(b->gs) <= ns->gs);
    }
}

void ns_check(const struct namespace *ns)
{
    uint64_t files = 0, open = 0, blocks = 0, listed = 1, id = 0;
    const struct inode *i;

    idmap_check(&ns->inodes);
    idmap_check(&ns->blocks.blocks);
    idmap_check(&ns->blocks.groups);
    lease_check(ns->leases);
    attr_check(ns->attrs, ns->inodes.count + history_count(ns).attrs);
    snapshot_check(&ns->snapshots);
    history_check(ns);
    slab_check(&ns->names);
    slab_check(&ns->tree);
    slab_check(&ns->block_slab);
    for (; (i = idmap_next(&ns->inodes, &id)) != NULL; id++) {
        check_inode(ns, id, i, &files, &open);
        if (inode_kind_of(i) == INODE_DIR)
            listed += dir_count(ns, id);
        else if (inode_kind_of(i) == INODE_FILE)
            blocks += file_block_count(ns, i) + held_by_cut(ns, id);
    }
    MUST(files == ns->file_count);
    MUST(open == lease_count(ns->leases));
    MUST(blocks + history_count(ns).blocks == ns_block_count(ns));
    MUST(listed + ns->gone_count + history_count(ns).inodes == ns->inodes.count);
}

/* ---- digest ---- */

static uint64_t mix_bytes(uint64_t h, const void *bytes, size_t n)
{
    return dcache_mix(h, dcache_hash(n, bytes, (unsigned)n));
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    return mix_bytes(h, s ? s : "", s ? strlen(s) : 0);
}

uint64_t digest_features(const struct feature *f, uint64_t h)
{
    if (!f)
        return h;
    for (int k = 0; k < f->acl_count; k++) {
        const struct edit_acl_entry *e = &f->acl[k];

        h = dcache_mix(h, (uint64_t)e->type << 16 | (uint64_t)e->scope << 8 | e->permissions);
        h = mix_text(h, e->name);
    }
    for (int k = 0; k < f->xattr_count; k++) {
        h = mix_text(dcache_mix(h, f->xattrs[k].ns), f->xattrs[k].name);
        h = mix_bytes(h, f->xattrs[k].value, f->xattrs[k].value_n);
    }
    h = dcache_mix(h, (uint64_t)f->ns_quota);
    h = dcache_mix(h, (uint64_t)f->ds_quota);
    return mix_bytes(h, f->type_quota, sizeof f->type_quota);
}

static uint64_t digest_inode(const struct namespace *ns, uint64_t id, uint64_t h)
{
    struct lease_cut cut = lease_cut(ns->leases, id);
    struct inode_info in;

    ns_info(ns, id, &in);
    h = dcache_mix(dcache_mix(h, id), in.parent);
    h = dcache_mix(h, ns_inode(ns, id)->flags & INODE_PAST);
    h = mix_bytes(h, in.name, in.name_n);
    h = mix_text(mix_text(h, in.user), in.group);
    h = dcache_mix(h, (uint64_t)in.kind << 48 | (uint64_t)in.mode << 32 | in.replication);
    /* An image has no access time of a directory: setTimes() sets one that lasts till a restart. */
    h = dcache_mix(dcache_mix(h, in.mtime_ms), in.kind == INODE_DIR ? 0 : in.atime_ms);
    h = dcache_mix(h, in.block_size);
    h = dcache_mix(h, (uint64_t)in.storage_policy << 8 | in.ec_policy);
    h = mix_text(h, in.target);
    h = mix_text(h, lease_holder(ns->leases, id));
    h = mix_text(h, lease_machine(ns->leases, id));
    h = dcache_mix(dcache_mix(h, cut.length), cut.source);
    for (uint32_t k = 0; k < in.block_count; k++) {
        uint64_t number = file_block_number(ns, ns_inode(ns, id), k);
        const struct block *b = block_get(&ns->blocks, number);

        h = dcache_mix(dcache_mix(h, number), get48(b->gs));
        h = dcache_mix(h, get48(b->length));
    }
    h = digest_features(feature_get(ns->features, id), h);
    return history_digest(ns, id, h);
}

static uint64_t digest_policies(const struct namespace *ns, uint64_t h)
{
    struct buf section;

    buf_init(&section, SIZE_MAX);
    ec_save(ns->ec, &section);
    h = mix_bytes(h, section.bytes, section.n);
    buf_done(&section);
    return h;
}

uint64_t ns_digest(const struct namespace *ns)
{
    uint64_t h = dcache_mix(ns->last_inode, ns->last_block), id = 0;
    const struct inode *i;

    h = dcache_mix(dcache_mix(h, ns->gs), ns->last_group);
    h = dcache_mix(h, cache_table_digest(ns->cache));
    h = dcache_mix(digest_policies(ns, h), ns->rolling_upgrade_ms);
    h = history_digest_snapshots(ns, h);
    for (; (i = idmap_next(&ns->inodes, &id)) != NULL; id++)
        if (ns_is_live(ns, id))
            h = digest_inode(ns, id, h);
    return h;
}
