/* apply_attr.c -- records that change what an inode is like, not where it is. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/apply.h"
#include "namenode/namespace/ns_quota.h"

/* Hadoop's numbers: AclEntryTypeProto and AclEntryScopeProto. */
enum { ACL_USER, ACL_GROUP, ACL_MASK, ACL_OTHER };
enum { SCOPE_ACCESS, SCOPE_DEFAULT };

/* The row of @id, with its flag set. */
static struct feature *make_row(struct namespace *ns, uint64_t id)
{
    struct feature *f = feature_make(ns->features, id);

    if (f)
        ns_inode(ns, id)->flags |= INODE_FEATURE;
    return f;
}

static void drop_row_if_empty(struct namespace *ns, uint64_t id)
{
    struct feature *f = feature_get(ns->features, id);

    if (!f || !feature_is_empty(f))
        return;
    feature_drop(ns->features, id);
    ns_inode(ns, id)->flags &= (uint8_t)~INODE_FEATURE;
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "attributes");
}

/* ---- ACLs ---- */

static bool is_plain(const struct edit_acl_entry *e)
{
    return !e->name || !e->name[0];
}

/* The permission bits that an access ACL stands for: owner, mask (or group) and other. */
static uint16_t mode_of(uint16_t mode, const struct edit_acl_entry *acl, int count)
{
    unsigned owner = mode >> 6 & 7, group = mode >> 3 & 7, other = mode & 7;
    bool masked = false;

    for (int k = 0; k < count; k++) {
        const struct edit_acl_entry *e = &acl[k];

        if (e->scope != SCOPE_ACCESS)
            continue;
        if (e->type == ACL_USER && is_plain(e))
            owner = e->permissions & 7u;
        if (e->type == ACL_OTHER)
            other = e->permissions & 7u;
        if (e->type == ACL_MASK) {
            group = e->permissions & 7u;
            masked = true;
        }
        if (e->type == ACL_GROUP && is_plain(e) && !masked)
            group = e->permissions & 7u;
    }
    return (uint16_t)((mode & ~0777) | owner << 6 | group << 3 | other);
}

/* What of an ACL is not in the mode: with a mask, the group's own entry and the named ones; and
 * all default entries. */
static int beyond_mode(const struct edit_acl_entry *acl, int count, struct edit_acl_entry *out)
{
    bool masked = false;
    int n = 0;

    for (int k = 0; k < count; k++)
        masked |= acl[k].scope == SCOPE_ACCESS && acl[k].type == ACL_MASK;
    for (int k = 0; k < count; k++) {
        const struct edit_acl_entry *e = &acl[k];
        bool in_mode =
            (e->type == ACL_USER && is_plain(e)) || e->type == ACL_MASK || e->type == ACL_OTHER;

        if (e->scope == SCOPE_DEFAULT || (masked && !in_mode))
            out[n++] = *e;
    }
    return n;
}

static int set_acl(struct namespace *ns, uint64_t id, const struct edit_acl_entry *acl, int count,
                   struct err *err)
{
    struct edit_acl_entry *kept = calloc((size_t)count + 1, sizeof *kept);
    struct attr a = *ns_attr(ns, ns_inode(ns, id));
    int n, rc = 0;

    if (!kept)
        return no_memory(err);
    history_touch(ns, id);
    n = beyond_mode(acl, count, kept);
    a.mode = mode_of(a.mode, acl, count);
    if (n > 0) {
        struct feature *f = make_row(ns, id);

        if (!f || !feature_set_acl(f, kept, n))
            rc = no_memory(err);
    } else {
        struct feature *f = feature_get(ns->features, id);

        if (f)
            feature_set_acl(f, NULL, 0);
    }
    if (rc == 0)
        rc = inode_set_attr(ns, id, &a, err);
    drop_row_if_empty(ns, id);
    free(kept);
    return rc;
}

int apply_acl(struct namespace *ns, uint64_t id, const struct edit_acl_entry *acl, int count,
              struct err *err)
{
    return count ? set_acl(ns, id, acl, count, err) : 0;
}

/* Without an ACL the group's bits are those of its own entry again, not the mask's. */
static uint16_t mode_without_acl(const struct namespace *ns, uint64_t id, uint16_t mode)
{
    const struct feature *f = feature_get(ns->features, id);

    for (int k = 0; f && k < f->acl_count; k++)
        if (f->acl[k].scope == SCOPE_ACCESS && f->acl[k].type == ACL_GROUP && is_plain(&f->acl[k]))
            return (uint16_t)((mode & ~070) | (f->acl[k].permissions & 7) << 3);
    return mode;
}

static bool has_acl(const struct namespace *ns, uint64_t id)
{
    const struct feature *f = feature_get(ns->features, id);

    return f && f->acl_count > 0;
}

int apply_set_acl(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct attr a;
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err);

    if (rc < 0)
        return rc;
    if (op->acl_count)
        return set_acl(ns, id, op->acl, op->acl_count, err);
    if (!has_acl(ns, id)) /* nothing to remove, and nothing for a snapshot to remember */
        return 0;
    a = *ns_attr(ns, ns_inode(ns, id));
    a.mode = mode_without_acl(ns, id, a.mode);
    rc = set_acl(ns, id, NULL, 0, err);
    return rc == 0 ? inode_set_attr(ns, id, &a, err) : rc;
}

/* ---- extended attributes ---- */

static int find_xattr(const struct edit_xattr *list, int count, const struct edit_xattr *x)
{
    for (int k = 0; k < count; k++)
        if (list[k].ns == x->ns && strcmp(list[k].name, x->name) == 0)
            return k;
    return -1;
}

int apply_xattrs(struct namespace *ns, uint64_t id, const struct edit_xattr *xattrs, int count,
                 struct err *err)
{
    struct feature *f;
    struct edit_xattr *all;
    int n;
    bool ok;

    if (!count)
        return 0;
    for (int k = 0; k < count; k++)
        ns->has_coded_dirs |=
            xattrs[k].ns == EC_XATTR_NS && strcmp(xattrs[k].name, EC_XATTR_NAME) == 0;
    history_touch(ns, id);
    f = make_row(ns, id);
    all = f ? calloc((size_t)(f->xattr_count + count), sizeof *all) : NULL;
    if (!all)
        return no_memory(err);
    /* In Hadoop's order: those that are set, then the others. */
    memcpy(all, xattrs, (size_t)count * sizeof *all);
    n = count;
    for (int k = 0; k < f->xattr_count; k++)
        if (find_xattr(xattrs, count, &f->xattrs[k]) < 0)
            all[n++] = f->xattrs[k];
    ok = feature_set_xattrs(f, all, n);
    free(all);
    drop_row_if_empty(ns, id);
    return ok ? 0 : no_memory(err);
}

int apply_set_xattr(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err);

    return rc == 0 ? apply_xattrs(ns, id, op->xattrs, op->xattr_count, err) : rc;
}

int apply_remove_xattr(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct edit_xattr *left;
    struct feature *f;
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err), n = 0;

    if (rc < 0)
        return rc;
    f = feature_get(ns->features, id);
    if (!f || !f->xattr_count)
        return 0;
    left = calloc((size_t)f->xattr_count, sizeof *left);
    if (!left)
        return no_memory(err);
    history_touch(ns, id);
    for (int k = 0; k < f->xattr_count; k++)
        if (find_xattr(op->xattrs, op->xattr_count, &f->xattrs[k]) < 0)
            left[n++] = f->xattrs[k];
    if (!feature_set_xattrs(f, left, n))
        rc = no_memory(err);
    free(left);
    drop_row_if_empty(ns, id);
    return rc;
}

/* ---- owner, mode, replication, policy, times ---- */

/* Hadoop keeps a directory's policy among its extended attributes, and one without any has nothing to lose: that
 * is no change that a snapshot would have to remember the directory for. */
static bool has_policy_to_change(const struct namespace *ns, uint64_t id, const struct attr *now)
{
    struct inode_info was;

    return ns_kind(ns, id) != INODE_DIR || now->storage_policy ||
           (ns_info(ns, id, &was) && (was.storage_policy || was.has_xattrs));
}

int apply_attributes(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct attr a;
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err);

    if (rc < 0)
        return rc;
    a = *ns_attr(ns, ns_inode(ns, id));
    switch (op->code) {
    case EDIT_SET_REPLICATION: a.replication = a.ec_policy ? a.replication : op->replication; break;
    case EDIT_SET_PERMISSIONS: a.mode = op->mode; break;
    case EDIT_SET_STORAGE_POLICY: a.storage_policy = op->storage_policy; break;
    case EDIT_SET_OWNER:
        if (op->user && op->user[0])
            a.user = attr_name_number(ns->attrs, op->user);
        if (op->group && op->group[0])
            a.group = attr_name_number(ns->attrs, op->group);
        break;
    default: MUST(!"a record of attributes");
    }
    if (!a.user || !a.group)
        return no_memory(err);
    if (op->code != EDIT_SET_STORAGE_POLICY || has_policy_to_change(ns, id, &a))
        history_touch(ns, id);
    return inode_set_attr(ns, id, &a, err);
}

int apply_times(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err);

    if (rc < 0 || (op->mtime_ms == UINT64_MAX && op->atime_ms == UINT64_MAX))
        return rc; /* neither is set */
    history_touch(ns, id);
    return inode_set_times(ns, id, op->mtime_ms, op->atime_ms, err);
}

/* ---- quotas ---- */

/* Hadoop's "leave it as it is"; -1 (QUOTA_RESET) takes a quota away. */
static const int64_t QUOTA_DONT_SET = INT64_MAX;

int apply_quota(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct feature *f;
    uint64_t id;
    int rc = apply_find(ns, op, op->path, &id, err);

    if (rc < 0)
        return rc;
    if (ns_kind(ns, id) != INODE_DIR)
        return err_set(err, ERR_INCONSISTENT, "record %llu: quota on %s, which is no directory",
                       (unsigned long long)op->txid, op->path);
    history_touch(ns, id);
    f = make_row(ns, id);
    if (!f)
        return no_memory(err);
    if (op->code == EDIT_SET_QUOTA_BY_STORAGETYPE) {
        if (op->storage_type < STORAGE_TYPES)
            f->type_quota[op->storage_type] = op->ds_quota;
    } else {
        int64_t names = op->code == EDIT_CLEAR_NS_QUOTA ? -1 : op->ns_quota;

        if (names != QUOTA_DONT_SET)
            f->ns_quota = names;
        if (op->code == EDIT_SET_QUOTA && op->ds_quota != QUOTA_DONT_SET)
            f->ds_quota = op->ds_quota;
    }
    f->has_quota = f->ns_quota >= 0 || f->ds_quota >= 0;
    quota_begin_or_end(ns, id);
    drop_row_if_empty(ns, id);
    return 0;
}
