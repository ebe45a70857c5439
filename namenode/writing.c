/* writing.c -- blocks that are not complete: where they are being written, what was reported of
 * that, and how a block whose writer is gone is brought to an end. */
#include "namenode/bm_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct writing *writing_find(struct block_manager *bm, uint64_t block)
{
    return block_table_find(&bm->writing, block);
}

static struct writing_replica *add_replica(struct writing *w, uint16_t storage)
{
    if (w->count == w->room) {
        uint32_t room = w->room ? w->room * 2 : 4;
        struct writing_replica *grown;

        if (w->count >= REPLICAS_MAX)
            return NULL;
        grown = realloc(w->replicas, room * sizeof *grown);
        if (!grown)
            return NULL;
        w->replicas = grown;
        w->room = room;
    }
    w->replicas[w->count] =
        (struct writing_replica){.storage = storage, .state = PB__REPLICA_STATE_PROTO__RBW};
    return &w->replicas[w->count++];
}

static bool is_on_node_of(struct block_manager *bm, const struct storage *st,
                          const uint16_t *storages, int count)
{
    for (int i = 0; i < count; i++) {
        const struct storage *other = storage_at(bm, storages[i]);

        if (other && other->node == st->node)
            return true;
    }
    return false;
}

/* The block has a new stamp: what was finalized before (by an append's last writer, or in a
 * pipeline that broke) is an older version.  Nodes of the new pipeline will report the new one;
 * the others' replicas go when the block is whole. */
static void age_listed(struct block_manager *bm, uint64_t block, uint64_t old_gs,
                       const uint16_t *pipeline, int count)
{
    uint16_t storages[REPLICAS_MAX];
    unsigned n = listed_on(bm, block, storages);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (st && !is_on_node_of(bm, st, pipeline, count) &&
            mark_add(&bm->corrupt, block, st->number, WHY_STAMP, old_gs))
            continue;
        if (ns_block_remove_storage(bm->ns, block, storages[i]) && st)
            st->block_count--;
        mark_remove(&bm->corrupt, block, storages[i]);
        mark_remove(&bm->excess, block, storages[i]);
    }
}

void bm_expect(struct block_manager *bm, uint64_t block, const uint16_t *storages, int count)
{
    bool made;
    struct writing *w = block_table_add(&bm->writing, block, &made);
    struct block_info b;

    if (!w || !ns_block(bm->ns, block, &b))
        return; /* the reports will tell */
    if (w->gs && w->gs != b.gs)
        age_listed(bm, block, w->gs, storages, count);
    w->gs = b.gs;
    w->count = 0;
    for (int i = 0; i < count; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || !add_replica(w, st->number))
            continue;
        st->scheduled += made;
    }
}

int bm_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, int max)
{
    const struct writing *w = writing_find(bm, block);
    int n = 0;

    for (uint32_t i = 0; w && i < w->count && n < max; i++)
        if (storage_at(bm, w->replicas[i].storage))
            storages[n++] = w->replicas[i].storage;
    return n;
}

/* The datanode chooses the volume: what it reports replaces what was expected of its node. */
static struct writing_replica *replica_of(struct block_manager *bm, struct writing *w,
                                          const struct storage *st)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *other = storage_at(bm, w->replicas[i].storage);

        if (other && other->node == st->node)
            return &w->replicas[i];
    }
    return add_replica(w, st->number);
}

void writing_reported(struct block_manager *bm, uint64_t block, struct storage *st,
                      const struct reported *r)
{
    bool made;
    struct writing *w = block_table_add(&bm->writing, block, &made);
    struct writing_replica *replica = w ? replica_of(bm, w, st) : NULL;

    if (!replica)
        return;
    replica->storage = st->number;
    replica->state = (uint8_t)r->state;
    replica->gs = r->gs;
    replica->length = r->length;
}

void writing_forget(struct block_manager *bm, uint64_t block)
{
    struct writing *w = writing_find(bm, block);

    if (!w)
        return;
    free(w->replicas);
    block_table_remove(&bm->writing, w);
}

void writing_drop_storage(struct block_manager *bm, uint64_t block, uint16_t storage)
{
    struct writing *w = writing_find(bm, block);

    for (uint32_t i = 0; w && i < w->count; i++)
        if (w->replicas[i].storage == storage) {
            memmove(&w->replicas[i], &w->replicas[i + 1], (w->count - i - 1) * sizeof *w->replicas);
            w->count--;
            return;
        }
}

/* Its number will be another's. */
void writing_forget_storage(struct block_manager *bm, uint16_t storage)
{
    for (struct writing *w = block_table_first(&bm->writing, 0); w;
         w = block_table_next(&bm->writing, w))
        writing_drop_storage(bm, w->e.block, storage);
}

void writing_free(struct block_manager *bm)
{
    for (struct writing *w = block_table_first(&bm->writing, 0); w;
         w = block_table_next(&bm->writing, w))
        free(w->replicas);
    block_table_done(&bm->writing);
}

/* ---- recovery ---- */

/* The one heard of last among those that have not led yet; all anew when each has. */
static struct writing_replica *choose_primary(struct block_manager *bm, struct writing *w)
{
    struct writing_replica *best = NULL;
    uint64_t best_ms = 0;

    for (int round = 0; round < 2 && !best; round++) {
        for (uint32_t i = 0; i < w->count; i++) {
            struct writing_replica *r = &w->replicas[i];
            const struct storage *st = storage_at(bm, r->storage);

            if (round > 0)
                r->was_primary = false;
            if (!st || !st->node || !st->node->alive || r->was_primary)
                continue;
            if (!best || st->node->heard_ms > best_ms) {
                best = r;
                best_ms = st->node->heard_ms;
            }
        }
    }
    return best;
}

bool bm_begin_recovery(struct block_manager *bm, uint64_t block, uint64_t recovery_id)
{
    uint16_t storages[REPLICAS_MAX];
    struct writing_replica *primary;
    struct datanode *node;
    struct writing *w;
    bool made;

    w = block_table_add(&bm->writing, block, &made);
    if (!w)
        return false;
    if (w->count == 0) { /* nothing but what is stored is known: after a restart, or an append */
        unsigned n = listed_on(bm, block, storages);

        for (unsigned i = 0; i < n; i++)
            add_replica(w, storages[i]);
    }
    ns_block_set_state(bm->ns, block, BLOCK_UNDER_RECOVERY);
    w->recovery_id = recovery_id;
    primary = choose_primary(bm, w);
    if (!primary)
        return w->count > 0; /* they are away; it is tried again */
    node = storage_at(bm, primary->storage)->node;
    for (int i = 0; i < node->recover_count; i++)
        if (node->recover[i] == block)
            return true;
    if (!bm_reserve(&node->recover, &node->recover_room, node->recover_count, sizeof block))
        return false;
    node->recover[node->recover_count++] = block;
    primary->was_primary = true;
    LOG_INFO("nn.recover", "block=blk_%" PRIu64 " id=%" PRIu64 " node=%s:%u next=\"it leads\"",
             block, recovery_id, node->ip, node->xfer_port);
    return true;
}

/* Those that take part: all that were heard of lately, or simply all when that leaves one. */
static unsigned participants(struct block_manager *bm, const struct writing *w, uint16_t *out)
{
    unsigned n = 0, all = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *st = storage_at(bm, w->replicas[i].storage);

        if (st && st->node && st->node->alive && !datanode_is_stale(bm, st->node))
            out[n++] = st->number;
    }
    if (n > 1)
        return n;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *st = storage_at(bm, w->replicas[i].storage);

        if (st && st->node)
            out[all++] = st->number;
    }
    return all;
}

static Pb__RecoveringBlockProto *recovering(struct block_manager *bm, uint64_t block,
                                            struct arena *arena)
{
    Pb__RecoveringBlockProto *r = arena_zalloc(arena, sizeof *r);
    Pb__LocatedBlockProto *located = arena_zalloc(arena, sizeof *located);
    const struct writing *w = writing_find(bm, block);
    uint16_t storages[REPLICAS_MAX];
    struct block_info b;
    unsigned n;

    if (!r || !located || !w || !ns_block(bm->ns, block, &b) || b.state != BLOCK_UNDER_RECOVERY)
        return NULL;
    n = participants(bm, w, storages);
    pb__recovering_block_proto__init(r);
    pb__located_block_proto__init(located);
    bm_located_targets(bm, &b, UINT64_MAX, storages, (int)n, arena, located);
    r->newgenstamp = w->recovery_id;
    r->block = located;
    return r;
}

Pb__BlockRecoveryCommandProto *writing_recoveries(struct block_manager *bm, struct datanode *node,
                                                  struct arena *arena)
{
    Pb__BlockRecoveryCommandProto *cmd;

    if (node->recover_count == 0)
        return NULL;
    cmd = arena_alloc(arena, sizeof *cmd);
    if (!cmd)
        return NULL;
    pb__block_recovery_command_proto__init(cmd);
    cmd->blocks = arena_alloc(arena, (size_t)node->recover_count * sizeof *cmd->blocks);
    if (!cmd->blocks)
        return NULL;
    for (int i = 0; i < node->recover_count; i++) {
        Pb__RecoveringBlockProto *r = recovering(bm, node->recover[i], arena);

        if (r)
            cmd->blocks[cmd->n_blocks++] = r;
    }
    node->recover_count = 0;
    return cmd->n_blocks ? cmd : NULL;
}

/* Replicas that took no part stay behind with the old stamp: they go. */
static void drop_old_replicas(struct block_manager *bm, const struct block_info *b,
                              const uint16_t *kept, int kept_count)
{
    uint16_t storages[REPLICAS_MAX];
    unsigned n = listed_on(bm, b->id, storages);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        bool stays = false;

        for (int k = 0; k < kept_count; k++)
            stays |= kept[k] == storages[i];
        if (!st || stays)
            continue;
        if (st->node && st->node->alive)
            invalidate_add(bm, st->node, b->id, b->gs);
        replica_removed(bm, st, b->id);
    }
}

static int new_targets(struct block_manager *bm,
                       const Pb__CommitBlockSynchronizationRequestProto *r, uint16_t *out)
{
    int n = 0;

    for (size_t i = 0; i < r->n_newtaragets && i < r->n_newtargetstorages && n < REPLICAS_MAX;
         i++) {
        int number =
            bm_storage_number(bm, r->newtaragets[i]->datanodeuuid, r->newtargetstorages[i]);

        if (number > 0)
            out[n++] = (uint16_t)number;
    }
    return n;
}

/* The block is as recovery left it: @kept have it whole. */
static void take_outcome(struct block_manager *bm, const struct block_info *before,
                         const struct bm_recovered *out, const uint16_t *kept, int kept_count)
{
    struct block_info b;

    if (out->delete_block || !ns_block(bm->ns, out->block, &b))
        return;
    if (out->close_file)
        drop_old_replicas(bm, before, kept, kept_count);
    bm_expect(bm, out->block, kept, kept_count);
    if (!out->close_file)
        return;
    for (int i = 0; i < kept_count; i++) {
        struct storage *st = storage_at(bm, kept[i]);

        if (st && !st->gone && ns_block_add_storage(bm->ns, out->block, st->number))
            st->block_count++;
    }
    if (b.state != BLOCK_COMPLETE)
        ns_block_commit(bm->ns, out->block, out->length, out->gs);
    block_complete(bm, out->block);
    if (ns_block(bm->ns, out->block, &b) && b.state == BLOCK_COMPLETE)
        writing_forget(bm, out->block);
    bm_check_file(bm, out->file);
}

int writing_synchronized(struct block_manager *bm,
                         const Pb__CommitBlockSynchronizationRequestProto *r, uint64_t *mark,
                         struct err *err)
{
    uint16_t kept[REPLICAS_MAX];
    const struct writing *w;
    struct bm_recovered out = {.block = r->block->blockid,
                               .gs = r->newgenstamp,
                               .length = r->newlength,
                               .delete_block = r->deleteblock,
                               .close_file = r->closefile};
    struct block_info b;
    char tip[1024];
    int n, rc;

    if (bm_in_safe_mode(bm)) {
        bm_safe_mode_tip(bm, tip, sizeof tip);
        return err_set(err, ERR_SAFEMODE,
                       "Cannot commitBlockSynchronization while in safe mode. Name node is in safe "
                       "mode.\n%s",
                       tip);
    }
    if (!ns_block(bm->ns, out.block, &b)) {
        if (r->deleteblock)
            return 0; /* asked again for what was done */
        return err_set(err, ERR_IO, "Block (=%s:blk_%" PRIu64 "_%" PRIu64 ") not found",
                       r->block->poolid, r->block->blockid, r->block->generationstamp);
    }
    if (b.state == BLOCK_COMPLETE)
        return 0;
    w = writing_find(bm, out.block);
    if (!w || w->recovery_id != r->newgenstamp)
        return err_set(err, ERR_IO,
                       "The recovery id %" PRIu64 " does not match current recovery id %" PRIu64
                       " for block %s:blk_%" PRIu64 "_%" PRIu64,
                       r->newgenstamp, w ? w->recovery_id : 0, r->block->poolid, r->block->blockid,
                       r->block->generationstamp);
    if (!bm->o.recovered)
        return err_set(err, ERR_UNSUPPORTED, "block recovery is not served here");
    out.file = b.file;
    n = new_targets(bm, r, kept);
    rc = bm->o.recovered(bm->o.ctx, &out, mark, err);
    if (rc < 0)
        return rc;
    take_outcome(bm, &b, &out, kept, n);
    LOG_INFO("nn.recover",
             "block=blk_%" PRIu64 " gs=%" PRIu64 " length=%" PRIu64 " targets=%d next=\"%s\"",
             out.block, out.gs, out.length, n, out.close_file ? "file closed" : "file goes on");
    return 0;
}
