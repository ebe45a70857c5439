/* op_upgrade.c -- upgrades: the ordinary one, begun by `namenode -upgrade` (name_upgrade.c), and the rolling one.
 *
 * A rolling upgrade is prepared in safe mode: an image is made that can be gone back to
 * (name_rollback.c), and a record says that the upgrade has begun.  Datanodes hear of it with every
 * heartbeat, and Hadoop's then put deleted blocks aside instead of deleting them.  Finalizing is a
 * record too, and the image becomes one like another.
 */
#include "namenode/image/checkpoint.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/edits/name_dir.h"

int op_finalize_upgrade(struct op *op, const Pb__FinalizeUpgradeRequestProto *rq,
                        Pb__FinalizeUpgradeResponseProto *rs)
{
    int rc = op_check_super(op, "finalizeUpgrade");

    (void)rq, (void)rs;
    return rc < 0 ? rc : name_dirs_finalize(op->nn->dirs, &op->err);
}

int op_upgrade_status(struct op *op, const Pb__UpgradeStatusRequestProto *rq,
                      Pb__UpgradeStatusResponseProto *rs)
{
    (void)rq;
    rs->upgradefinalized = !name_dirs_has_previous(op->nn->dirs);
    return 0; /* a question that anybody may ask */
}

/* ---- rolling ---- */

struct upgrade {
    uint64_t began_ms, ended_ms;
    bool has_image;
};

static int tell(struct op *op, const struct upgrade *u, Pb__RollingUpgradeResponseProto *rs)
{
    Pb__RollingUpgradeInfoProto *m = arena_alloc(op->arena, sizeof *m);
    Pb__RollingUpgradeStatusProto *s = arena_alloc(op->arena, sizeof *s);

    if (!m || !s)
        return op_nomem(op);
    pb__rolling_upgrade_status_proto__init(s);
    s->blockpoolid = op->nn->identity.pool_id;
    s->has_finalized = 1;
    s->finalized = u->ended_ms != 0;
    pb__rolling_upgrade_info_proto__init(m);
    m->status = s;
    m->starttime = u->began_ms;
    m->finalizetime = u->ended_ms;
    m->createdrollbackimages = u->has_image;
    rs->rollingupgradeinfo = m;
    return 0;
}

static int query(struct op *op, Pb__RollingUpgradeResponseProto *rs)
{
    struct upgrade u = {0};
    int rc = op_check_super(op, "queryRollingUpgrade");

    if (rc < 0)
        return rc;
    nn_lock(op->nn);
    u.began_ms = ns_rolling_upgrade(op->nn->ns);
    nn_unlock(op->nn);
    if (!u.began_ms)
        return 0;
    u.has_image = name_dirs_has_rollback(op->nn->dirs);
    return tell(op, &u, rs);
}

/* One record; the answer waits for it. */
static int commit(struct op *op, enum edit_code code)
{
    int rc;

    nn_lock(op->nn);
    rc = op_commit(op, &(struct edit_op){.code = code, .mtime_ms = op->now_ms});
    op_unlock(op);
    return rc;
}

static int start(struct op *op, Pb__RollingUpgradeResponseProto *rs)
{
    struct upgrade u = {.began_ms = 0, .has_image = true};
    int rc = op_check_super(op, "startRollingUpgrade");
    bool safe;

    if (rc < 0)
        return rc;
    nn_lock(op->nn);
    u.began_ms = ns_rolling_upgrade(op->nn->ns);
    safe = bm_in_safe_mode(op->nn->bm);
    nn_unlock(op->nn);
    if (u.began_ms)
        return tell(op, &u, rs);
    if (!safe)
        return err_set(&op->err, ERR_IO,
                       "Safe mode should be turned ON in order to create namespace image.");
    u.began_ms = op->now_ms;
    if ((rc = checkpointer_run_rollback(op->nn->checkpointer, &op->err)) < 0 ||
        (rc = commit(op, EDIT_ROLLING_UPGRADE_START)) < 0)
        return rc;
    return tell(op, &u, rs);
}

/* The image changes its name after the record is durable: else a crash could leave an upgrade that
 * is under way without what it goes back to. */
static int finalize(struct op *op, Pb__RollingUpgradeResponseProto *rs)
{
    struct upgrade u = {.ended_ms = op->now_ms};
    int rc = op_check_super(op, "finalizeRollingUpgrade");

    if (rc < 0)
        return rc;
    nn_lock(op->nn);
    u.began_ms = ns_rolling_upgrade(op->nn->ns);
    nn_unlock(op->nn);
    if (!u.began_ms)
        return 0;
    if ((rc = commit(op, EDIT_ROLLING_UPGRADE_FINALIZE)) < 0 ||
        (rc = journal_wait(op->nn->journal, op->call->mark, &op->err)) < 0 ||
        (rc = name_dirs_rollback_end(op->nn->dirs, &op->err)) < 0)
        return rc;
    return tell(op, &u, rs);
}

int op_rolling_upgrade(struct op *op, const Pb__RollingUpgradeRequestProto *rq,
                       Pb__RollingUpgradeResponseProto *rs)
{
    switch (rq->action) {
    case PB__ROLLING_UPGRADE_ACTION_PROTO__START: return start(op, rs);
    case PB__ROLLING_UPGRADE_ACTION_PROTO__FINALIZE: return finalize(op, rs);
    default: return query(op, rs);
    }
}
