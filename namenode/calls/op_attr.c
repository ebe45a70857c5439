/* op_attr.c -- mode, owner, times, replication, quota. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_open.h"

static int nothing_there(struct op *op, const struct place *p)
{
    return err_set(&op->err, ERR_NOENT, "Directory/File does not exist %s", p->path);
}

/* Finds @src for a change of its attributes: there, and the user's own when @owner. */
static int own(struct op *op, const char *src, bool owner, struct place *p)
{
    int rc = op_resolve(op, src, FOR_WRITE, p);

    if (rc < 0 || (owner && (rc = access_owner(op, p)) < 0))
        return rc;
    return p->id ? 0 : nothing_there(op, p);
}

int op_set_permission(struct op *op, const Pb__SetPermissionRequestProto *rq,
                      Pb__SetPermissionResponseProto *rs)
{
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot set permission for %s", rq->src)) < 0 ||
        (rc = op_refuse_reserved(op, rq->src)) < 0 || (rc = own(op, rq->src, true, &p)) < 0)
        return rc;
    return op_commit(op, &(struct edit_op){.code = EDIT_SET_PERMISSIONS,
                                           .path = p.path,
                                           .mode = (uint16_t)(rq->permission->perm & 01777)});
}

/* Only the superuser gives files away; an owner may choose among its own groups. */
static int check_chown(struct op *op, const Pb__SetOwnerRequestProto *rq, const struct place *p)
{
    const char *user = rq->username, *group = rq->groupname;

    if (op->user->is_super || !conf_bool(op->nn->conf, OPT_permissions))
        return 0;
    if (user && *user && p->id && strcmp(user, op->user->name) != 0)
        return err_set(&op->err, ERR_ACCESS,
                       "User %s is not a super user (non-super user cannot change owner).",
                       op->user->name);
    if (group && *group && !user_in_group(op->user, group))
        return err_set(&op->err, ERR_ACCESS, "User %s does not belong to %s", op->user->name,
                       group);
    return 0;
}

int op_set_owner(struct op *op, const Pb__SetOwnerRequestProto *rq, Pb__SetOwnerResponseProto *rs)
{
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot set owner for %s", rq->src)) < 0 ||
        (rc = op_refuse_reserved(op, rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, &p)) < 0 || (rc = access_owner(op, &p)) < 0 ||
        (rc = check_chown(op, rq, &p)) < 0)
        return rc;
    if (!p.id)
        return nothing_there(op, &p);
    return op_commit(op, &(struct edit_op){.code = EDIT_SET_OWNER,
                                           .path = p.path,
                                           .user = rq->username,
                                           .group = rq->groupname});
}

int op_set_times(struct op *op, const Pb__SetTimesRequestProto *rq, Pb__SetTimesResponseProto *rs)
{
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot set times %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_WRITE)) < 0)
        return rc;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "File/Directory %s does not exist.", p.path);
    return op_commit(
        op, &(struct edit_op){
                .code = EDIT_TIMES, .path = p.path, .mtime_ms = rq->mtime, .atime_ms = rq->atime});
}

/* ---- replication ---- */

int op_check_replication(struct op *op, const char *src, int64_t replication, const char *client)
{
    int64_t max = conf_int(op->nn->conf, OPT_replication_max);
    int64_t min = conf_int(op->nn->conf, OPT_replication_min);

    replication = (int16_t)replication; /* a short in Hadoop, whatever the wire may hold */
    if (replication <= max && replication >= min)
        return 0;
    return err_set(&op->err, ERR_IO, "Requested replication factor of %lld %s of %lld for %s%s%s",
                   (long long)replication,
                   replication > max ? "exceeds maximum" : "is less than the required minimum",
                   (long long)(replication > max ? max : min), src, client ? ", clientName=" : "",
                   client ? client : "");
}

int op_set_replication(struct op *op, const Pb__SetReplicationRequestProto *rq,
                       Pb__SetReplicationResponseProto *rs)
{
    struct place p;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot set replication for %s", rq->src)) < 0 ||
        (rc = op_check_replication(op, rq->src, rq->replication, NULL)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_WRITE)) < 0)
        return rc;
    if (!p.id || p.info.kind != INODE_FILE || p.info.ec_policy)
        return 0; /* the answer is "no" */
    rs->result = 1;
    rc = op_commit(op, &(struct edit_op){.code = EDIT_SET_REPLICATION,
                                         .path = p.path,
                                         .replication = (uint16_t)rq->replication});
    if (rc == 0 && rq->replication != p.info.replication)
        bm_check_file(op->nn->bm, p.id);
    return rc;
}

/* ---- quota ---- */

static const int64_t QUOTA_KEEP = INT64_MAX, QUOTA_NONE = -1;

static bool quota_is_legal(int64_t q)
{
    return q >= 0 || q == QUOTA_NONE;
}

/* What the log of an administrator calls it. */
static const char *quota_operation(int64_t names, int64_t space)
{
    if (names == QUOTA_NONE && space == QUOTA_KEEP)
        return "clearQuota";
    if (names == QUOTA_KEEP && space == QUOTA_NONE)
        return "clearSpaceQuota";
    return space == QUOTA_KEEP ? "setQuota" : "setSpaceQuota";
}

/* A quota of one storage type comes alone, and not for RAM. */
static int check_type_quota(struct op *op, const Pb__SetQuotaRequestProto *rq)
{
    bool enabled = conf_bool(op->nn->conf, OPT_type_quotas);

    if (!rq->has_storagetype || (enabled && (int64_t)rq->namespacequota == QUOTA_KEEP))
        return 0;
    return err_set(&op->err, ERR_UNSUPPORTED_ACTION,
                   "Failed to set quota by storage type because either"
                   "dfs.quota.by.storage.type.enabled is set to %s or nsQuota value is illegal "
                   "%lld",
                   enabled ? "true" : "false", (long long)rq->namespacequota);
}

/* Hadoop's root has a quota of names that nobody can reach, and gets that back. */
static int64_t settle(int64_t wanted, int64_t now)
{
    return wanted == QUOTA_KEEP ? now : wanted;
}

int op_set_quota(struct op *op, const Pb__SetQuotaRequestProto *rq, Pb__SetQuotaResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_SET_QUOTA,
                        .ns_quota = (int64_t)rq->namespacequota,
                        .ds_quota = (int64_t)rq->storagespacequota};
    int64_t names = QUOTA_NONE, space = QUOTA_NONE, types[NS_STORAGE_TYPES];
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, quota_operation(e.ns_quota, e.ds_quota))) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot set quota on %s", rq->path)) < 0 ||
        (rc = op_resolve(op, rq->path, FOR_WRITE, &p)) < 0)
        return rc;
    if (!quota_is_legal(e.ns_quota) || !quota_is_legal(e.ds_quota))
        return err_set(&op->err, ERR_ARGUMENT,
                       "Illegal value for nsQuota or ssQuota : %lld and %lld",
                       (long long)e.ns_quota, (long long)e.ds_quota);
    if ((rc = check_type_quota(op, rq)) < 0)
        return rc;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "Directory does not exist: %s", p.path);
    if (p.info.kind != INODE_DIR)
        return err_set(&op->err, ERR_NOTDIR, "`%s': Is not a directory", p.path);
    ns_quota(op->nn->ns, &p.info, &names, &space);
    e.path = p.path;
    if (rq->has_storagetype) {
        unsigned type = (unsigned)rq->storagetype - 1;
        bool any = ns_type_quotas(op->nn->ns, &p.info, types);

        if (type >= NS_STORAGE_TYPES)
            return err_set(&op->err, ERR_ARGUMENT, "storage type %u", type + 1);
        e.code = EDIT_SET_QUOTA_BY_STORAGETYPE;
        e.storage_type = (uint8_t)type;
        e.ds_quota = settle(e.ds_quota, space);
        if (e.ds_quota == (any ? types[type] : QUOTA_NONE))
            return 0;
        return op_commit(op, &e);
    }
    e.ns_quota = settle(e.ns_quota, names);
    e.ds_quota = settle(e.ds_quota, space);
    if (e.ns_quota == names && e.ds_quota == space)
        return 0;
    return op_commit(op, &e);
}
