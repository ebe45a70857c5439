#include "namenode/calls/op_replace.h"

#include "namenode/calls/op_new.h"

static int give(struct op *op, struct edit_op *e)
{
    e->call_id = -2; /* the last record alone answers a call that is tried again */
    return nn_commit(op->nn, e, &op->err);
}

static int give_owner(struct op *op, const struct inode_info *from, const char *path)
{
    int rc = give(
        op, &(struct edit_op){
                .code = EDIT_SET_OWNER, .path = path, .user = from->user, .group = from->group});

    if (rc == 0)
        rc = give(
            op, &(struct edit_op){.code = EDIT_SET_PERMISSIONS, .path = path, .mode = from->mode});
    if (rc == 0 && from->storage_policy)
        rc = give(op, &(struct edit_op){.code = EDIT_SET_STORAGE_POLICY,
                                        .path = path,
                                        .storage_policy = from->storage_policy});
    return rc;
}

static int give_features(struct op *op, const struct inode_info *from, const char *path)
{
    struct edit_op acl = {.code = EDIT_SET_ACL, .path = path},
                   xattrs = {.code = EDIT_SET_XATTR, .path = path};
    struct edit_xattr *list;
    int rc = 0;

    if (from->has_acl) {
        rc = op_whole_acl(op, from, &acl);
        rc = rc == 0 ? give(op, &acl) : rc;
    }
    if (rc == 0 && from->has_xattrs) {
        xattrs.xattr_count = ns_xattrs(op->nn->ns, from, &list);
        xattrs.xattrs = list;
        rc = give(op, &xattrs);
    }
    return rc;
}

int op_replace_file(struct op *op, const struct place *target, const struct place *source)
{
    struct edit_op rename = {.code = EDIT_RENAME,
                             .path = source->path,
                             .path2 = target->path,
                             .rename_options = RENAME_OVERWRITE,
                             .mtime_ms = op->now_ms};
    int rc = ns_check_quota(op->nn->ns, &rename, &op->err);

    if (rc == 0)
        rc = give_owner(op, &target->info, source->path);
    if (rc == 0)
        rc = give_features(op, &target->info, source->path);
    if (rc == 0)
        rc = give(op, &(struct edit_op){.code = EDIT_TIMES,
                                        .path = source->path,
                                        .mtime_ms = target->info.mtime_ms,
                                        .atime_ms = target->info.atime_ms});
    return rc == 0 ? op_commit(op, &rename) : rc;
}
