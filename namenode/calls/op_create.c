/* op_create.c -- opening a file for writing: create, append, recoverLease. */
#include <strings.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/lease.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/calls/op_ec.h"
#include "namenode/calls/op_new.h"
#include "namenode/calls/op_open.h"
#include "namenode/blocks/policy.h"
#include "namenode/calls/status.h"

enum {
    FLAG_CREATE = PB__CREATE_FLAG_PROTO__CREATE,
    FLAG_OVERWRITE = PB__CREATE_FLAG_PROTO__OVERWRITE,
    FLAG_NEW_BLOCK = PB__CREATE_FLAG_PROTO__NEW_BLOCK,
    FLAG_LAZY_PERSIST = PB__CREATE_FLAG_PROTO__LAZY_PERSIST,
    FLAG_SHOULD_REPLICATE = PB__CREATE_FLAG_PROTO__SHOULD_REPLICATE,
    FLAG_FIRST_BLOCK = PB__OWN_CREATE_FLAG_PROTO__FIRST_BLOCK,
};

/* ---- create ---- */

static int check_block_size(struct op *op, uint64_t block_size)
{
    int64_t min = conf_int(op->nn->conf, OPT_block_size_min);

    if ((int64_t)block_size >= min)
        return 0;
    return err_set(&op->err, ERR_IO,
                   "Specified block size %lld is less than configured minimum value "
                   "dfs.namenode.fs-limits.min-block-size=%lld",
                   (long long)block_size, (long long)min);
}

/* HDFS keeps "/.reserved" and names directly under it to itself. */
static bool is_reserved(const char *path)
{
    return strncmp(path, "/.reserved", 10) == 0 && (path[10] == 0 || path[10] == '/') &&
           strncmp(path, "/.reserved/raw/", 15) != 0 &&
           strncmp(path, "/.reserved/.inodes/", 19) != 0;
}

static int check_request(struct op *op, const Pb__CreateRequestProto *rq)
{
    int rc;

    if ((rc = op_check_path_length(op, "create", rq->src)) < 0)
        return rc;
    if (!op_name_is_valid(rq->src) || is_reserved(rq->src))
        return err_set(&op->err, ERR_INVALID_PATH, "Invalid path name %s", rq->src);
    if ((rc = check_block_size(op, rq->blocksize)) < 0)
        return rc;
    if (rq->ecpolicyname && *rq->ecpolicyname && (rq->createflag & FLAG_SHOULD_REPLICATE))
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "SHOULD_REPLICATE flag and ecPolicyName are exclusive parameters. Set both "
                       "is not allowed!");
    return op_check_safe_mode(op, "Cannot create file%s", rq->src);
}

/* The place is such that a file may be there. */
static int check_place(struct op *op, const Pb__CreateRequestProto *rq, const struct place *p)
{
    int rc = access_check(op, p, &(struct access){.ancestor = MAY_WRITE});

    if (rc < 0)
        return rc;
    if (!p->id) {
        if (!rq->createparent && (rc = op_check_parent(op, p)) < 0)
            return rc;
        if (!(rq->createflag & FLAG_CREATE))
            return err_set(&op->err, ERR_NOENT, "Can't overwrite non-existent %s", p->path);
        return op_check_limits(op, p);
    }
    if (p->info.kind == INODE_DIR)
        return err_set(&op->err, ERR_EXISTS, "%s already exists as a directory", p->path);
    return rq->createflag & FLAG_OVERWRITE ? access_target(op, p, MAY_WRITE) : 0;
}

/* It is free, or may be overwritten. */
static int check_free(struct op *op, const Pb__CreateRequestProto *rq, const struct place *p)
{
    bool closed;
    int rc;

    if (!p->id || (rq->createflag & FLAG_OVERWRITE))
        return 0;
    if ((rc = lease_take_over(op, p, WANTS_CREATE, rq->clientname, false, &closed)) < 0)
        return rc;
    return err_set(&op->err, ERR_EXISTS, "%s for client %s already exists", p->path,
                   op->call->peer_ip);
}

/* The policy that the file will be striped by: the one asked for, else that of the directory; NULL:
 * it will be replicated. */
static int pick_coding(struct op *op, const Pb__CreateRequestProto *rq, uint64_t above,
                       const struct ec_policy **out)
{
    const struct ec_table *all = ns_ec_policies(op->nn->ns);
    char name[EC_NAME_MAX];
    int rc;

    *out = NULL;
    if (rq->ecpolicyname && *rq->ecpolicyname) {
        if ((rc = op_ec_check_enabled(op, rq->ecpolicyname)) < 0)
            return rc;
        if (strcasecmp(rq->ecpolicyname, EC_REPLICATION) != 0)
            *out = ec_by_name(all, rq->ecpolicyname);
    } else if (!(rq->createflag & FLAG_SHOULD_REPLICATE) &&
               ns_dir_ec_policy(op->nn->ns, above, true, name)) {
        *out = ec_by_name(all, name); /* enabled or not; none is called "replication" */
    }
    return 0;
}

static int check_coding(struct op *op, const Pb__CreateRequestProto *rq, const struct place *p,
                        const struct ec_policy **out)
{
    int rc = pick_coding(op, rq, p->at.ids[p->id ? p->at.found - 2 : p->at.found - 1], out);

    if (rc < 0)
        return rc;
    if (!*out)
        return op_check_replication(op, rq->src, rq->replication, op->call->peer_ip);
    if (rq->blocksize >= (*out)->cell_bytes)
        return 0;
    return err_set(&op->err, ERR_IO,
                   "Specified block size (%llu) is less than the cell size (%u) of the erasure "
                   "coding policy (%s).",
                   (unsigned long long)rq->blocksize, (*out)->cell_bytes, op_ec_text(op, *out));
}

/* A file in a directory for memory keeps that policy when it is moved elsewhere. */
static int pick_policy(struct op *op, const Pb__CreateRequestProto *rq, uint64_t above,
                       uint8_t *out)
{
    const struct storage_policy *policy;

    if (rq->createflag & FLAG_LAZY_PERSIST ||
        ns_storage_policy(op->nn->ns, above) == POLICY_LAZY_PERSIST)
        *out = POLICY_LAZY_PERSIST;
    if (!rq->storagepolicy || !*rq->storagepolicy)
        return 0;
    if (!(policy = policy_by_name(rq->storagepolicy)))
        return err_set(&op->err, ERR_HADOOP_ARG, "Cannot find a block policy with the name %s",
                       rq->storagepolicy);
    *out = policy->id;
    return 0;
}

static int add_file(struct op *op, const Pb__CreateRequestProto *rq, const struct place *p,
                    const struct ec_policy *coding)
{
    const struct new_mode mode = {.masked = rq->masked->perm & 01777,
                                  .unmasked =
                                      (rq->unmasked ? rq->unmasked : rq->masked)->perm & 01777,
                                  .has_unmasked = rq->unmasked != NULL};
    struct edit_op e = {.code = EDIT_ADD,
                        .path = p->path,
                        .mtime_ms = op->now_ms,
                        .atime_ms = op->now_ms,
                        .replication = coding ? 1 : (uint16_t)rq->replication,
                        .ec_policy = coding ? coding->id : 0,
                        .block_size = rq->blocksize ? rq->blocksize : 1, /* as Hadoop */
                        .user = op->user->name,
                        .client_name = rq->clientname,
                        .client_machine = op->call->peer_ip,
                        .overwrite = rq->createflag & FLAG_OVERWRITE};
    struct inode_info above;
    uint64_t parent;
    int rc;

    MUST(ns_info(op->nn->ns, p->at.ids[p->id ? p->at.found - 2 : p->at.found - 1], &above));
    if ((rc = pick_policy(op, rq, above.id, &e.storage_policy)) < 0 ||
        (rc = op_make_parents(op, p, above.mode & 0777, &parent)) < 0)
        return rc;
    MUST(ns_info(op->nn->ns, parent, &above));
    e.group = op_copy(op, above.group);
    e.inode_id = ns_last_inode_id(op->nn->ns) + 1;
    if ((rc = op_new_acl(op, &above, &mode, false, &e)) < 0)
        return rc;
    return op_commit(op, &e);
}

/* The client will write at once, and asks for the first block with the file.  When there is none to be had
 * it is to hear of that when it asks again. */
static int give_first_block(struct op *op, const struct inode_info *file, const char *path,
                            Pb__HdfsFileStatusProto *answer)
{
    struct place p = {.path = path, .id = file->id, .info = *file};
    Pb__LocatedBlocksProto *all = arena_alloc(op->arena, sizeof *all);
    Pb__LocatedBlockProto **list = arena_alloc(op->arena, sizeof *list);

    if (!all || !list)
        return op_nomem(op);
    if (op_first_block(op, &p, list) < 0) {
        err_clear(&op->err);
        return 0;
    }
    pb__located_blocks_proto__init(all);
    all->blocks = list;
    all->n_blocks = 1;
    all->underconstruction = true;
    answer->locations = all;
    return 0;
}

int op_create(struct op *op, const Pb__CreateRequestProto *rq, Pb__CreateResponseProto *rs)
{
    const struct ec_policy *coding;
    struct inode_info info;
    struct place p;
    int rc;

    if ((rc = check_request(op, rq)) < 0 || (rc = op_resolve(op, rq->src, FOR_CREATE, &p)) < 0 ||
        (rc = check_place(op, rq, &p)) < 0 || (rc = check_coding(op, rq, &p, &coding)) < 0 ||
        (rc = check_free(op, rq, &p)) < 0 || (rc = add_file(op, rq, &p, coding)) < 0)
        return rc;
    MUST(ns_info(op->nn->ns, ns_last_inode_id(op->nn->ns), &info));
    lease_renew(ns_leases(op->nn->ns), rq->clientname, env_mono_ms(op->nn->env));
    rs->fs = status_of(op, &info, "", 0);
    if (!rs->fs)
        return op_nomem(op);
    return rq->createflag & FLAG_FIRST_BLOCK && !coding
               ? give_first_block(op, &info, p.path, rs->fs)
               : 0;
}

/* ---- append ---- */

static int find_for_append(struct op *op, const Pb__AppendRequestProto *rq, struct place *p)
{
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot append to file%s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, p)) < 0)
        return rc;
    if (p->id && p->info.kind == INODE_DIR)
        return err_set(&op->err, ERR_EXISTS,
                       "Cannot append to directory %s; already exists as a directory.", p->path);
    if ((rc = access_target(op, p, MAY_WRITE)) < 0)
        return rc;
    if (!p->id)
        return err_set(&op->err, ERR_NOENT,
                       "Failed to append to non-existent file %s for client %s", p->path,
                       op->call->peer_ip);
    if (p->info.storage_policy == POLICY_LAZY_PERSIST)
        return err_set(&op->err, ERR_UNSUPPORTED, "Cannot append to lazy persist file %s", p->path);
    if (p->info.ec_policy && !(rq->has_flag && (rq->flag & FLAG_NEW_BLOCK)))
        return err_set(&op->err, ERR_UNSUPPORTED,
                       "Append on EC file without new block is not supported. Use NEW_BLOCK create "
                       "flag while appending file.");
    return 0;
}

/* The last block must be on enough datanodes before more is written behind it. */
static int check_last_block(struct op *op, const struct place *p)
{
    struct block_info last;

    if (!last_block_of(op->nn->ns, &p->info, &last))
        return 0;
    if (last.state == BLOCK_COMMITTED && !bm_is_complete_enough(op->nn->bm, last.id))
        return err_set(&op->err, ERR_RETRIABLE,
                       "append: lastBlock=%s of src=%s is COMMITTED but not yet COMPLETE.",
                       op_block_name(op, last.id, last.gs), p->path);
    if (last.state == BLOCK_COMPLETE && !bm_is_complete_enough(op->nn->bm, last.id))
        return err_set(&op->err, ERR_IO,
                       "append: lastBlock=%s of src=%s is not sufficiently replicated yet.",
                       op_block_name(op, last.id, last.gs), p->path);
    return 0;
}

/* A partly filled last block goes on being written where it is. A client that wants a new block is
 * told the last one all the same, but not where it is: its addBlock names it as the one before. */
static int reopen_last_block(struct op *op, const struct inode_info *file, bool new_block,
                             Pb__LocatedBlockProto **out)
{
    uint16_t storages[512];
    struct block_info last;
    unsigned n;

    if (!last_block_of(op->nn->ns, file, &last) || (!new_block && last.length >= file->block_size))
        return 0;
    n = new_block ? 0 : ns_block_storages(op->nn->ns, last.id, storages, 512);
    if (!new_block)
        bm_expect(op->nn->bm, last.id, storages, (int)n);
    if (!(*out = arena_alloc(op->arena, sizeof **out)))
        return op_nomem(op);
    pb__located_block_proto__init(*out);
    bm_located_targets(op->nn->bm, &last, file->length - last.length, storages, (int)n, op->arena,
                       *out);
    return 0;
}

int op_append(struct op *op, const Pb__AppendRequestProto *rq, Pb__AppendResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_APPEND,
                        .client_name = rq->clientname,
                        .client_machine = op->call->peer_ip,
                        .new_block = rq->has_flag && (rq->flag & FLAG_NEW_BLOCK)};
    struct inode_info info;
    struct place p;
    bool closed;
    int rc;

    if ((rc = find_for_append(op, rq, &p)) < 0 ||
        (rc = lease_take_over(op, &p, WANTS_APPEND, rq->clientname, false, &closed)) < 0)
        return rc;
    if (!ns_info(op->nn->ns, p.id, &p.info) || (rc = check_last_block(op, &p)) < 0)
        return rc;
    e.path = p.path;
    if ((rc = op_commit(op, &e)) < 0)
        return rc;
    MUST(ns_info(op->nn->ns, p.id, &info));
    lease_renew(ns_leases(op->nn->ns), rq->clientname, env_mono_ms(op->nn->env));
    if ((rc = reopen_last_block(op, &info, e.new_block, &rs->block)) < 0)
        return rc;
    rs->stat = status_of(op, &info, "", 0);
    return rs->stat ? 0 : op_nomem(op);
}

/* ---- recoverLease ---- */

int op_recover_lease(struct op *op, const Pb__RecoverLeaseRequestProto *rq,
                     Pb__RecoverLeaseResponseProto *rs)
{
    struct place p;
    bool closed = true;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot recover the lease of %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, &p)) < 0)
        return rc;
    if (!p.id)
        return op_no_such_file(op, p.path);
    if (p.info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", p.path);
    rs->result = 1;
    if (!p.info.under_construction)
        return 0;
    if ((rc = access_target(op, &p, MAY_WRITE)) < 0)
        return rc;
    rc = lease_take_over(op, &p, WANTS_RECOVER, rq->clientname, true, &closed);
    rs->result = closed;
    return rc;
}
