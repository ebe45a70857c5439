/* op_close.c -- closing a file, and keeping it open. */
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/lease.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/calls/op_open.h"
#include "namenode/calls/status.h"

/* The file was closed already, and the client did not hear of it. */
static bool closed_before(struct op *op, const struct place *p, const Pb__ExtendedBlockProto *last)
{
    struct block_info b;

    if (!p->id || p->info.kind != INODE_FILE || p->info.under_construction)
        return false;
    if (!last_block_of(op->nn->ns, &p->info, &b))
        return last == NULL;
    return last && last->blockid == b.id && last->generationstamp == b.gs;
}

/* "No" makes a client sleep and ask again, so the answer is held until the datanodes' reports are
 * in; only after three seconds is it no. */
static int hold_answer(struct op *op, uint64_t waiting)
{
    if (!op->wait_over)
        return op_wait_block(op, waiting);
    op_told_not_yet(op);
    return 0;
}

int op_complete(struct op *op, const Pb__CompleteRequestProto *rq, Pb__CompleteResponseProto *rs)
{
    struct place p;
    uint64_t waiting;
    int rc;

    if ((rc = op_check_pool(op, rq->last)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot complete file %s", rq->src)) < 0 ||
        (rc = op_resolve_file(op, rq->src, rq->fileid, &p)) < 0)
        return rc;
    if ((rc = op_check_lease(op, &p, rq->clientname, rq->fileid)) < 0) {
        rs->result = rc == -ERR_LEASE && closed_before(op, &p, rq->last);
        return rs->result ? 0 : rc;
    }
    if (!op_block_is_settled(op, &p.info, 1, &waiting))
        return hold_answer(op, waiting);
    if ((rc = op_commit_last(op, &p.info, rq->last)) < 0)
        return rc;
    if (!op_block_is_settled(op, &p.info, 0, &waiting))
        return hold_answer(op, waiting);
    rc = lease_close_file(op->nn, p.id, op->arena, &op->err);
    rs->result = rc == 0;
    return rc;
}

int op_renew_lease(struct op *op, const Pb__RenewLeaseRequestProto *rq,
                   Pb__RenewLeaseResponseProto *rs)
{
    int rc = op_check_safe_mode(op, "Cannot renew lease for %s", rq->clientname);

    (void)rs;
    if (rq->n_namespaces > 0)
        return err_set(&op->err, ERR_IO, "namespaces([%s]) should be null or empty",
                       rq->namespaces[0]);
    if (rc == 0)
        lease_renew(ns_leases(op->nn->ns), rq->clientname, env_mono_ms(op->nn->env));
    return rc;
}
