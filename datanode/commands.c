/* What a namenode orders in its answers. */
#include <string.h>

#include "common/log.h"
#include "datanode/actor.h"
#include "datanode/copies.h"
#include "datanode/locked.h"
#include "datanode/rebuild.h"
#include "datanode/short_circuit.h"
#include "datanode/throttle.h"

static void transfer(struct actor *a, const Pb__BlockCommandProto *c)
{
    for (size_t i = 0; i < c->n_blocks && i < c->n_targets; i++) {
        const Pb__BlockProto *b = c->blocks[i];
        struct copy_want want = {
            .block = {.id = b->blockid, .stamp = b->genstamp, .bytes = b->numbytes},
            .targets = c->targets[i]->datanodes,
            .target_count = c->targets[i]->n_datanodes,
            .client = ""};
        struct err err;

        if (i < c->n_targetstoragetypes &&
            c->targetstoragetypes[i]->n_storagetypes == want.target_count)
            want.types = c->targetstoragetypes[i]->storagetypes;
        if (i < c->n_targetstorageuuids &&
            c->targetstorageuuids[i]->n_storageuuids == want.target_count)
            want.storage_ids = c->targetstorageuuids[i]->storageuuids;
        if (copy_later(a->dn, &want, &err) < 0)
            LOG_WARN("dn.copy", "block=blk_%lld_%llu err=\"%s\" next=\"the namenode asks again\"",
                     (long long)b->blockid, (unsigned long long)b->genstamp, err.text);
    }
}

static void invalidate(struct actor *a, const Pb__BlockCommandProto *c)
{
    for (size_t i = 0; i < c->n_blocks; i++) {
        const Pb__BlockProto *b = c->blocks[i];
        struct err err;

        rebuilder_cancel(a->dn->rebuilder, b->blockid, b->genstamp);
        if (dataset_delete(a->dn->ds, &(struct block){.id = b->blockid, .stamp = b->genstamp},
                           &err) < 0)
            LOG_INFO("dn.delete", "block=blk_%lld_%llu err=\"%s\" next=\"nothing to do\"",
                     (long long)b->blockid, (unsigned long long)b->genstamp, err.text);
    }
}

static void obey_block(struct actor *a, const Pb__BlockCommandProto *c)
{
    const struct pool_info *pool = dataset_pool(a->dn->ds);

    if (!pool || strcmp(c->blockpoolid, pool->pool_id) != 0) {
        LOG_WARN("dn.order", "namenode=%s pool=%s next=\"ignore it: it is not ours\"", a->address,
                 c->blockpoolid);
        return;
    }
    switch (c->action) {
    case PB__BLOCK_COMMAND_PROTO__ACTION__TRANSFER: transfer(a, c); break;
    case PB__BLOCK_COMMAND_PROTO__ACTION__INVALIDATE: invalidate(a, c); break;
    case PB__BLOCK_COMMAND_PROTO__ACTION__SHUTDOWN:
        datanode_stop(a->dn, "the namenode says so");
        break;
    default:
        LOG_WARN("dn.order", "namenode=%s action=%d next=\"ignore it: unknown\"", a->address,
                 c->action);
    }
}

static void recover(struct actor *a, const Pb__BlockRecoveryCommandProto *c)
{
    for (size_t i = 0; i < c->n_blocks; i++) {
        struct err err;

        if (recover_later(a, c->blocks[i], &err) < 0)
            LOG_WARN("dn.recover", "err=\"%s\" next=\"the namenode asks again\"", err.text);
    }
}

static void rebuild(struct actor *a, const Pb__BlockECReconstructionCommandProto *c)
{
    for (size_t i = 0; i < c->n_blockecreconstructioninfo; i++) {
        struct err err;

        if (rebuild_later(a->dn->rebuilder, c->blockecreconstructioninfo[i], &err) < 0)
            LOG_WARN("dn.rebuild", "err=\"%s\" next=\"the namenode asks again\"", err.text);
    }
}

static void obey_ids(struct actor *a, const Pb__BlockIdCommandProto *c)
{
    const struct pool_info *pool = dataset_pool(a->dn->ds);

    if (!pool || strcmp(c->blockpoolid, pool->pool_id) != 0)
        return;
    if (c->action == PB__BLOCK_ID_COMMAND_PROTO__ACTION__CACHE)
        locked_want(a->dn->locked, c->blockids, c->n_blockids);
    else
        locked_drop(a->dn->locked, c->blockids, c->n_blockids);
}

static void finalize(struct actor *a, const Pb__FinalizeCommandProto *c)
{
    const struct pool_info *pool = dataset_pool(a->dn->ds);

    if (pool && strcmp(c->blockpoolid, pool->pool_id) == 0)
        dataset_finalize_upgrade(a->dn->ds);
}

#define TYPE(name) PB__DATANODE_COMMAND_PROTO__TYPE__##name

static bool obey_one(struct actor *a, const Pb__DatanodeCommandProto *c)
{
    switch (c->cmdtype) {
    case TYPE(RegisterCommand): return true;
    case TYPE(BlockCommand):
        if (c->blkcmd)
            obey_block(a, c->blkcmd);
        return false;
    case TYPE(BlockRecoveryCommand):
        if (c->recoverycmd)
            recover(a, c->recoverycmd);
        return false;
    case TYPE(BalancerBandwidthCommand):
        if (c->balancercmd && c->balancercmd->bandwidth > 0) {
            throttle_set(a->dn->balance, c->balancercmd->bandwidth);
            LOG_INFO("dn.order", "balancer_bytes_per_s=%llu",
                     (unsigned long long)c->balancercmd->bandwidth);
        }
        return false;
    case TYPE(BlockIdCommand):
        if (c->blkidcmd)
            obey_ids(a, c->blkidcmd);
        return false;
    case TYPE(BlockECReconstructionCommand):
        if (c->blkecreconstructioncmd)
            rebuild(a, c->blkecreconstructioncmd);
        return false;
    case TYPE(FinalizeCommand):
        if (c->finalizecmd)
            finalize(a, c->finalizecmd);
        return false;
    case TYPE(KeyUpdateCommand): /* no block tokens */
    case TYPE(NullDatanodeCommand): return false;
    default:
        LOG_WARN("dn.order", "namenode=%s type=%d next=\"ignore it: not known here\"", a->address,
                 c->cmdtype);
        return false;
    }
}

bool actor_obey(struct actor *a, Pb__DatanodeCommandProto *const *commands, size_t n)
{
    bool again = false;

    for (size_t i = 0; i < n; i++)
        again = obey_one(a, commands[i]) || again;
    return again;
}
