/* ns_load.c -- putting an image's inodes in, without records. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/apply.h"
#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_quota.h"

/* The root is there from the start; an image says what it is like. */
static int load_root(struct namespace *ns, const struct inode_info *in, struct err *err)
{
    struct attr a = {.user = attr_name_number(ns->attrs, in->user),
                     .group = attr_name_number(ns->attrs, in->group),
                     .mode = in->mode,
                     .storage_policy = in->storage_policy};
    int rc;

    if (!a.user || !a.group)
        return err_set(err, ERR_NOMEM, "root");
    rc = inode_set_attr(ns, NS_ROOT_ID, &a, err);
    return rc == 0 ? inode_set_times(ns, NS_ROOT_ID, in->mtime_ms, in->atime_ms, err) : rc;
}

/* The block that is copied is not among the file's. */
static int load_cut(struct namespace *ns, const struct ns_load_inode *in, struct err *err)
{
    struct lease_cut cut = {.length = in->block_count ? in->cut_to : 0};
    int rc = 0;

    if (cut.length && in->copied_from) {
        cut.source = block_number(in->copied_from->id);
        rc = file_make_block(ns, in->info.id, in->copied_from, BLOCK_COMPLETE, err);
    }
    if (rc == 0)
        lease_set_cut(ns->leases, in->info.id, cut);
    return rc;
}

static int load_blocks(struct namespace *ns, const struct ns_load_inode *in, struct err *err)
{
    uint64_t file = in->info.id;
    int rc = 0;

    for (int k = 0; k < in->block_count && rc == 0; k++) {
        bool open_end = in->info.under_construction && k == in->block_count - 1;

        rc = file_make_block(ns, file, &in->blocks[k],
                             open_end ? BLOCK_UNDER_CONSTRUCTION : BLOCK_COMPLETE, err);
        if (rc == 0)
            rc = file_add_block(ns, file, block_number(in->blocks[k].id), err);
    }
    if (rc == 0 && in->info.under_construction) {
        rc = lease_give(ns->leases, file, in->client_name ? in->client_name : "",
                        in->client_machine, err);
        if (rc == 0) {
            ns_inode(ns, file)->flags |= INODE_OPEN;
            rc = load_cut(ns, in, err);
        }
    }
    return rc;
}

/* An image keeps what is beyond the mode, not a whole ACL: it goes in as it is. */
static int load_features(struct namespace *ns, const struct ns_load_inode *in, struct err *err)
{
    bool quota = in->info.kind == INODE_DIR && (in->ns_quota >= 0 || in->ds_quota >= 0);
    struct feature *f;

    if (!in->acl_count && !in->xattr_count && !quota && !in->has_type_quotas)
        return 0;
    f = feature_make(ns->features, in->info.id);
    if (!f || !feature_set_acl(f, in->acl, in->acl_count) ||
        !feature_set_xattrs(f, in->xattrs, in->xattr_count))
        return err_set(err, ERR_NOMEM, "features");
    ns_inode(ns, in->info.id)->flags |= INODE_FEATURE;
    for (int k = 0; k < in->xattr_count && in->info.kind == INODE_DIR; k++)
        ns->has_coded_dirs |=
            in->xattrs[k].ns == EC_XATTR_NS && strcmp(in->xattrs[k].name, EC_XATTR_NAME) == 0;
    if (in->has_type_quotas)
        memcpy(f->type_quota, in->type_quotas, sizeof f->type_quota);
    f->has_quota = quota;
    if (quota) {
        f->ns_quota = in->ns_quota;
        f->ds_quota = in->ds_quota;
    }
    return 0;
}

int ns_load_inode(struct namespace *ns, const struct ns_load_inode *in, struct err *err)
{
    const struct inode_info *i = &in->info;
    struct new_inode made = {.id = i->id,
                             .kind = i->kind,
                             .user = i->user,
                             .group = i->group,
                             .mode = i->mode,
                             .replication = i->replication,
                             .block_size = i->block_size,
                             .mtime_ms = i->mtime_ms,
                             .atime_ms = i->atime_ms,
                             .storage_policy = i->storage_policy,
                             .ec_policy = i->ec_policy,
                             .target =
                                 i->kind == INODE_SYMLINK ? (i->target ? i->target : "") : NULL};
    int rc;

    if (i->kind == INODE_NONE || (i->id == NS_ROOT_ID && i->kind != INODE_DIR) ||
        (i->kind != INODE_FILE && (in->block_count || i->under_construction)))
        return err_set(err, ERR_INCONSISTENT, "inode %llu can't be of kind %d",
                       (unsigned long long)i->id, i->kind);
    rc = i->id == NS_ROOT_ID ? load_root(ns, i, err) : ns_make_inode(ns, &made, err);

    if (rc == 0 && i->name_n && i->id != NS_ROOT_ID)
        rc = inode_set_name(ns, i->id, i->name, i->name_n, err);
    if (rc == 0)
        rc = load_blocks(ns, in, err);
    return rc == 0 ? load_features(ns, in, err) : rc;
}

int ns_load_children(struct namespace *ns, uint64_t dir, const uint64_t *ids, uint32_t count,
                     struct err *err)
{
    if (ns_kind(ns, dir) != INODE_DIR)
        return err_set(err, ERR_INCONSISTENT, "inode %llu has children and is no directory",
                       (unsigned long long)dir);
    for (uint32_t k = 0; k < count; k++) {
        struct inode *i = ids[k] >> IDMAP_ID_BITS ? NULL : ns_inode(ns, ids[k]);
        unsigned n;
        const char *name;
        int rc;

        if (!i || get48(i->parent) || ids[k] == NS_ROOT_ID)
            return err_set(err, ERR_INCONSISTENT, "child %llu of inode %llu is %s",
                           (unsigned long long)ids[k], (unsigned long long)dir,
                           i ? "listed twice" : "missing");
        name = inode_name(ns, i, &n);
        if (n == 0 || dir_find(ns, dir, name, n))
            return err_set(err, ERR_INCONSISTENT, "inode %llu has two children of one name",
                           (unsigned long long)dir);
        rc = dir_insert(ns, dir, ids[k], err);
        if (rc < 0)
            return rc;
        put48(ns_inode(ns, ids[k])->parent, dir);
    }
    return 0;
}

void ns_load_counters(struct namespace *ns, uint64_t last_inode, uint64_t last_block, uint64_t gs)
{
    if (last_inode > ns->last_inode)
        ns->last_inode = last_inode;
    if (last_block >> 63)
        ns->last_group = last_block;
    else if (last_block > ns->last_block)
        ns->last_block = last_block;
    if (gs > ns->gs)
        ns->gs = gs;
}

/* Every inode must hang on the root: no orphan, no circle. Parents were set once each, so it is
 * enough that all but the root have one and that as many can be reached as there are. */
int ns_load_ec_policies(struct namespace *ns, const void *bytes, size_t n, struct err *err)
{
    return ec_load(ns->ec, bytes, n, err);
}

void ns_load_rolling_upgrade(struct namespace *ns, uint64_t began_ms)
{
    ns->rolling_upgrade_ms = began_ms;
}

/* Hadoop's image says of a file that was deleted while it was written, and is in a snapshot, who wrote it: nobody does
 * any more. */
static bool is_not_present(void *ctx, uint64_t file)
{
    struct namespace *ns = ctx;

    if (history_is_present(ns, file))
        return false;
    file_end_cut(ns, file);
    ns_inode(ns, file)->flags &= (uint8_t)~INODE_OPEN;
    return true;
}

int ns_load_done(struct namespace *ns, struct err *err)
{
    uint64_t id = 0;
    const struct inode *i;

    for (; (i = idmap_next(&ns->inodes, &id)) != NULL; id++) {
        uint64_t up = id;
        int depth = 0;

        if (inode_kind_of(i) != INODE_DIR && (get48(i->parent) || i->flags & INODE_PAST))
            continue;
        while (up != NS_ROOT_ID && depth++ <= NS_DEPTH_MAX * 10) {
            const struct inode *at = ns_inode(ns, up);

            up = get48(at->parent);
            if (!up && at->flags & INODE_PAST)
                up = NS_ROOT_ID; /* only moved names keep it */
            if (!up)
                return err_set(err, ERR_INCONSISTENT, "inode %llu is in no directory",
                               (unsigned long long)id);
        }
        if (up != NS_ROOT_ID)
            return err_set(err, ERR_INCONSISTENT, "inode %llu is below itself",
                           (unsigned long long)id);
    }
    for (id = 0; (i = idmap_next(&ns->inodes, &id)) != NULL; id++)
        if (i->flags & INODE_FEATURE && inode_kind_of(i) == INODE_DIR)
            quota_begin_or_end(ns, id);
    lease_end_where(ns->leases, is_not_present, ns);
    return 0;
}
