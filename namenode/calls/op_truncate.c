/* op_truncate.c -- making a file shorter.
 *
 * On a block's boundary the blocks behind it go, and that is all. Elsewhere the datanodes have to
 * cut the last block that stays, and do so as they end the block of a writer who vanished: the file
 * is opened for the client, its last block goes into recovery under a fresh stamp, and the
 * recovery's order names the length to cut to. Until that is done the answer is "not yet", the
 * file keeps the block's old length, and the client asks isFileClosed.
 *
 * A block that a snapshot needs is not cut: the datanodes make a copy of it, as long as it is to be
 * and with an id of its own, which takes its place at once; so the file has its new length already
 * while it is made. So it is in a rolling upgrade, too, which may be undone.
 */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/lease.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/calls/op_open.h"
#include "namenode/blocks/policy.h"
#include "namenode/calls/status.h"

static int find_for_truncate(struct op *op, const Pb__TruncateRequestProto *rq, struct place *p)
{
    int rc;

    if ((int64_t)rq->newlength < 0)
        return err_set(&op->err, ERR_HADOOP_ARG, "Cannot truncate to a negative file size: %lld.",
                       (long long)rq->newlength);
    if ((rc = op_check_safe_mode(op, "Cannot truncate for %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE, p)) < 0 ||
        (rc = access_target(op, p, MAY_WRITE)) < 0)
        return rc;
    if (!p->id)
        return op_no_such_file(op, p->path);
    if (p->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", p->path);
    if (p->info.ec_policy)
        return err_set(&op->err, ERR_UNSUPPORTED, "Cannot truncate file with striped block %s",
                       p->path);
    if (p->info.storage_policy == POLICY_LAZY_PERSIST)
        return err_set(&op->err, ERR_UNSUPPORTED, "Cannot truncate lazy persist file %s", p->path);
    return 0;
}

/* The file is being cut already: asking for the same once more is no fault. (While a block is being
 * copied "the same" is, as in Hadoop, the length that the file had.) */
static int check_cutting(struct op *op, const Pb__TruncateRequestProto *rq, const struct place *p,
                         bool *asked_before)
{
    struct block_info last, source = {0};
    struct open_file open;
    uint64_t at;

    *asked_before = false;
    if (!ns_open_file(op->nn->ns, p->id, &open) || !open.cut_to ||
        !last_block_of(op->nn->ns, &p->info, &last) || last.state != BLOCK_UNDER_RECOVERY)
        return 0;
    if (open.copied_from)
        MUST(ns_block(op->nn->ns, open.copied_from, &source));
    at = p->info.length - last.length;
    *asked_before = rq->newlength == at + (open.copied_from ? source.length : open.cut_to);
    if (*asked_before)
        return 0;
    return err_set(&op->err, ERR_WRITER,
                   "Failed to %s %s for %s on %s because %s is being truncated.", WANTS_TRUNCATE,
                   p->path, rq->clientname, op->call->peer_ip, p->path);
}

/* Which block @length falls into; false: it is where a block ends. */
static bool block_to_cut(struct op *op, const struct inode_info *file, uint64_t length,
                         struct block_info *out, bool *copy)
{
    struct namespace *ns = op->nn->ns;
    uint64_t id, at = 0;
    uint32_t i = 0;

    for (; i < file->block_count && at < length; i++) {
        ns_file_blocks(ns, file->id, &id, i, 1);
        MUST(ns_block(ns, id, out));
        at += out->length;
    }
    *copy = ns_rolling_upgrade(ns) || (i > 0 && ns_snapshot_needs_block(ns, file->id, i - 1));
    return at > length;
}

/* The records, Hadoop's, and then the recovery that cuts, or copies. */
static int cut_block(struct op *op, const struct edit_op *asked, const struct block_info *b,
                     bool copy)
{
    struct namespace *ns = op->nn->ns;
    struct edit_op e = *asked;
    struct edit_block last = {.id = b->id, .length = b->length, .gs = ns_gs(ns) + 1};
    struct edit_op new_id = {.code = EDIT_ALLOCATE_BLOCK_ID, .block_id = ns_last_block_id(ns) + 1};
    int rc = 0;

    if (copy) {
        last = (struct edit_block){.id = new_id.block_id, .gs = last.gs};
        rc = op_commit(op, &new_id);
    }
    e.blocks = &last;
    e.block_count = 1;
    if (rc < 0 ||
        (rc = op_commit(op, &(struct edit_op){.code = EDIT_SET_GENSTAMP_V2, .gs = last.gs})) < 0 ||
        (rc = op_commit(op, &e)) < 0)
        return rc;
    lease_renew(ns_leases(ns), e.client_name, env_mono_ms(op->nn->env));
    bm_begin_recovery(op->nn->bm, last.id, last.gs);
    return 0;
}

int op_truncate(struct op *op, const Pb__TruncateRequestProto *rq, Pb__TruncateResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_TRUNCATE,
                        .client_name = rq->clientname,
                        .client_machine = op->call->peer_ip,
                        .new_length = rq->newlength,
                        .mtime_ms = op->now_ms};
    struct block_info b;
    struct place p;
    bool closed, asked_before, copy;
    int rc;

    if ((rc = find_for_truncate(op, rq, &p)) < 0 ||
        (rc = check_cutting(op, rq, &p, &asked_before)) < 0 || asked_before)
        return rc;
    if ((rc = lease_take_over(op, &p, WANTS_TRUNCATE, rq->clientname, false, &closed)) < 0)
        return rc;
    if (!ns_info(op->nn->ns, p.id, &p.info))
        return op_no_such_file(op, p.path);
    if (p.info.length == rq->newlength) {
        rs->result = 1;
        return 0;
    }
    if (p.info.length < rq->newlength)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "Cannot truncate to a larger file size. Current size: %llu, truncate size: "
                       "%llu.",
                       (unsigned long long)p.info.length, (unsigned long long)rq->newlength);
    e.path = p.path;
    if (block_to_cut(op, &p.info, rq->newlength, &b, &copy))
        return cut_block(op, &e, &b, copy);
    rc = op_commit(op, &e);
    rs->result = rc == 0;
    return rc;
}
