/* op_policy.c -- storage policies: setting, asking, and having the blocks follow. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/blocks/policy.h"
#include "namenode/blocks/satisfier.h"
#include "namenode/calls/status.h"

static int find_target(struct op *op, const char *src, struct place *p)
{
    int rc = op_resolve(op, src, FOR_WRITE, p);

    if (rc < 0 || (rc = access_target(op, p, MAY_WRITE)) < 0)
        return rc;
    return p->id ? 0 : err_set(&op->err, ERR_NOENT, "File/Directory does not exist: %s", p->path);
}

/* A file is made for LAZY_PERSIST, or it never is. */
static int check_file_policy(struct op *op, const struct place *p, uint8_t policy)
{
    if (p->info.kind == INODE_DIR)
        return 0;
    if (p->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "%s is not a file or directory", p->path);
    if (policy == POLICY_LAZY_PERSIST)
        return err_set(&op->err, ERR_HADOOP_ARG, "Policy %s cannot be set after file creation.",
                       policy_text(policy_by_id(policy), op->arena));
    if (p->info.storage_policy == POLICY_LAZY_PERSIST)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "Existing policy %s cannot be changed after file creation.",
                       policy_by_id(POLICY_LAZY_PERSIST)->name);
    return 0;
}

static int set_policy(struct op *op, const char *what, const char *src, uint8_t policy)
{
    struct place p;
    int rc;

    if (!conf_bool(op->nn->conf, OPT_storage_policies))
        return err_set(&op->err, ERR_IO,
                       "Failed to set storage policy since dfs.storage.policy.enabled is set to "
                       "false.");
    if ((rc = op_check_safe_mode(op, "Cannot %s storage policy for %s", what, src)) < 0 ||
        (rc = find_target(op, src, &p)) < 0 || (rc = check_file_policy(op, &p, policy)) < 0)
        return rc;
    return op_commit(op, &(struct edit_op){.code = EDIT_SET_STORAGE_POLICY,
                                           .path = p.path,
                                           .storage_policy = policy});
}

int op_set_storage_policy(struct op *op, const Pb__SetStoragePolicyRequestProto *rq,
                          Pb__SetStoragePolicyResponseProto *rs)
{
    const struct storage_policy *policy = policy_by_name(rq->policyname);

    (void)rs;
    if (!policy)
        return err_set(&op->err, ERR_HADOOP_ARG, "Cannot find a block policy with the name %s",
                       rq->policyname);
    return set_policy(op, "set", rq->src, policy->id);
}

int op_unset_storage_policy(struct op *op, const Pb__UnsetStoragePolicyRequestProto *rq,
                            Pb__UnsetStoragePolicyResponseProto *rs)
{
    (void)rs;
    return set_policy(op, "unset", rq->src, 0);
}

int op_get_storage_policy(struct op *op, const Pb__GetStoragePolicyRequestProto *rq,
                          Pb__GetStoragePolicyResponseProto *rs)
{
    struct place p;
    int rc;
    uint8_t id;

    if ((rc = op_resolve(op, rq->path, FOR_READ_LINK, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_READ)) < 0)
        return rc;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "File/Directory does not exist: %s", p.path);
    id = status_policy(op, &p.info);
    rs->storagepolicy = policy_message(policy_by_id(id ? id : POLICY_HOT), op->arena);
    return rs->storagepolicy ? 0 : op_nomem(op);
}

int op_get_storage_policies(struct op *op, const Pb__GetStoragePoliciesRequestProto *rq,
                            Pb__GetStoragePoliciesResponseProto *rs)
{
    (void)rq;
    rs->policies = arena_alloc(op->arena, POLICY_COUNT * sizeof *rs->policies);
    if (!rs->policies)
        return op_nomem(op);
    for (int i = 0; i < POLICY_COUNT; i++)
        if (!(rs->policies[rs->n_policies++] = policy_message(policy_at(i), op->arena)))
            return op_nomem(op);
    return 0;
}

/* ---- having blocks follow ---- */

static int check_not_asked(struct op *op, const struct place *p)
{
    struct edit_xattr *list;
    int n = p->info.has_xattrs ? ns_xattrs(op->nn->ns, &p->info, &list) : 0;

    for (int i = 0; i < n; i++)
        if (satisfier_is_mark(&list[i]))
            return err_set(&op->err, ERR_IO,
                           "Cannot request to call satisfy storage policy on path %s, as this "
                           "file/dir was already called for satisfying storage policy.",
                           p->path);
    return 0;
}

int op_satisfy_storage_policy(struct op *op, const Pb__SatisfyStoragePolicyRequestProto *rq,
                              Pb__SatisfyStoragePolicyResponseProto *rs)
{
    struct satisfier *s = op->nn->satisfier;
    struct place p;
    int rc;

    (void)rs;
    if (!s)
        return err_set(&op->err, ERR_UNSUPPORTED_ACTION,
                       "Cannot request to satisfy storage policy when storage policy satisfier "
                       "feature has been disabled by admin. Seek for an admin help to enable it or "
                       "use Mover tool.");
    if ((rc = satisfier_has_room(s, &op->err)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot satisfy storage policy for %s", rq->src)) < 0 ||
        (rc = find_target(op, rq->src, &p)) < 0 || (rc = check_not_asked(op, &p)) < 0)
        return rc;
    if (p.info.kind == INODE_DIR ? p.info.child_count == 0 : p.info.block_count == 0)
        return 0; /* nothing to move */
    rc = op_commit(op, &(struct edit_op){.code = EDIT_SET_XATTR,
                                         .path = p.path,
                                         .xattrs = &satisfier_mark,
                                         .xattr_count = 1});
    if (rc == 0)
        satisfier_add(s, p.id);
    return rc;
}
