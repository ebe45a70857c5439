/* writing.c -- blocks that are not complete: where they are being written, what was reported of
 * that, and how a block whose writer is gone is brought to an end.
 *
 * Of a block group each unit has a pipeline of its own, of one datanode: lists of storages are by
 * unit then, 0 where there is none. */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { RECOVERY_BEATS = 30 }; /* how long an attempt counts */

struct writing *writing_find(struct block_manager *bm, uint64_t block)
{
    return block_table_find(&bm->writing, block);
}

static struct writing_replica *add_replica(struct writing *w, uint16_t storage, uint8_t unit)
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
    w->replicas[w->count] = (struct writing_replica){
        .storage = storage, .state = PB__REPLICA_STATE_PROTO__RBW, .unit = unit};
    return &w->replicas[w->count++];
}

/* Will the node of @st have the replica @id again? */
static bool is_on_node_of(struct block_manager *bm, const struct storage *st, uint64_t id,
                          const uint16_t *storages, int count)
{
    for (int i = 0; i < count; i++) {
        const struct storage *other = storage_at(bm, storages[i]);

        if (other && other->node == st->node && (!id_is_striped(id) || i == id_unit(id)))
            return true;
    }
    return false;
}

/* What @node reported of the replica as it is now, when that is closed: a datanode of a pipeline that
 * was rebuilt to close the block reports before the client tells of the pipeline. */
static const struct writing_replica *closed_on(struct block_manager *bm, const struct writing *w,
                                               const struct datanode *node, uint8_t unit,
                                               uint64_t gs)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct writing_replica *r = &w->replicas[i];
        const struct storage *st = storage_at(bm, r->storage);

        if (st && st->node == node && r->unit == unit && r->gs == gs &&
            r->state == PB__REPLICA_STATE_PROTO__FINALIZED)
            return r;
    }
    return NULL;
}

/* The block has a new stamp: what was finalized before (by an append's last writer, or in a
 * pipeline that broke) is an older version.  Nodes of the new pipeline will report the new one;
 * the others' replicas go when the block is whole. */
static void age_listed(struct block_manager *bm, const struct writing *w, uint64_t gs,
                       const uint16_t *pipeline, int count)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(bm, w->e.block, storages, units);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        uint64_t id = w->e.block + units[i];

        if (st && closed_on(bm, w, st->node, units[i], gs))
            continue;
        if (st && !is_on_node_of(bm, st, id, pipeline, count) &&
            mark_add(&bm->corrupt, id, st->number, WHY_STAMP, w->gs))
            continue;
        if (ns_block_remove_storage(bm->ns, id, storages[i]) && st)
            st->block_count--;
        mark_remove(&bm->corrupt, id, storages[i]);
        mark_remove(&bm->excess, id, storages[i]);
    }
}

void bm_expect(struct block_manager *bm, uint64_t block, const uint16_t *storages, int count)
{
    bool made;
    struct writing *w = block_table_add(&bm->writing, block, &made), before;
    struct block_info b;

    if (!w || !ns_block(bm->ns, block, &b))
        return; /* the reports will tell */
    if (w->gs && w->gs != b.gs)
        age_listed(bm, w, b.gs, storages, count);
    before = *w;
    w->gs = b.gs;
    w->replicas = NULL;
    w->count = w->room = 0;
    for (int i = 0; i < count; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        uint8_t unit = id_is_striped(block) ? (uint8_t)i : 0;
        struct writing_replica *r = st ? add_replica(w, st->number, unit) : NULL;
        const struct writing_replica *closed =
            r ? closed_on(bm, &before, st->node, unit, b.gs) : NULL;

        if (closed)
            *r = *closed;
        if (r)
            st->scheduled += made;
    }
    free(before.replicas);
    redundancy_check(bm, &b, NULL, NULL); /* one that is written to again needs no copies yet */
}

int bm_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, int max)
{
    uint8_t units[REPLICAS_MAX];

    return writing_expected(bm, block, storages, units, max < REPLICAS_MAX ? max : REPLICAS_MAX);
}

int writing_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, uint8_t *units,
                     int max)
{
    const struct writing *w = writing_find(bm, block);
    int n = 0;

    for (uint32_t i = 0; w && i < w->count && n < max; i++) {
        if (!storage_at(bm, w->replicas[i].storage))
            continue;
        units[n] = w->replicas[i].unit;
        storages[n++] = w->replicas[i].storage;
    }
    return n;
}

/* The datanode chooses the volume: what it reports replaces what was expected of its node. */
static struct writing_replica *replica_of(struct block_manager *bm, struct writing *w,
                                          const struct storage *st, uint8_t unit)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *other = storage_at(bm, w->replicas[i].storage);

        if (other && other->node == st->node && w->replicas[i].unit == unit)
            return &w->replicas[i];
    }
    return add_replica(w, st->number, unit);
}

void writing_reported(struct block_manager *bm, uint64_t block, struct storage *st,
                      const struct reported *r)
{
    bool made;
    struct writing *w = block_table_add(&bm->writing, block, &made);
    struct writing_replica *replica = w ? replica_of(bm, w, st, id_unit(r->id)) : NULL;

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

void writing_drop_storage(struct block_manager *bm, uint64_t id, uint16_t storage)
{
    struct writing *w = writing_find(bm, id_of_group(id));

    for (uint32_t i = 0; w && i < w->count; i++)
        if (w->replicas[i].storage == storage && w->replicas[i].unit == id_unit(id)) {
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
        for (unsigned unit = 0; unit < (id_is_striped(w->e.block) ? GROUP_UNITS : 1); unit++)
            writing_drop_storage(bm, w->e.block + unit, storage);
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

bool bm_may_recover(struct block_manager *bm, uint64_t block)
{
    const struct writing *w = writing_find(bm, block);
    const struct storage *st = w ? storage_at(bm, w->primary) : NULL;

    return !w || bm_now(bm) >= w->recover_until_ms || !st || !st->node || !st->node->alive;
}

void writing_primary_gone(struct block_manager *bm, const struct datanode *node)
{
    for (struct writing *w = block_table_first(&bm->writing, 0); w;
         w = block_table_next(&bm->writing, w)) {
        const struct storage *st = w->recover_until_ms ? storage_at(bm, w->primary) : NULL;

        if (st && st->node == node)
            w->recover_until_ms = 0;
    }
}

static bool give_lead(struct datanode *node, uint64_t block)
{
    for (int i = 0; i < node->recover_count; i++)
        if (node->recover[i] == block)
            return true;
    if (!bm_reserve(&node->recover, &node->recover_room, node->recover_count, sizeof block))
        return false;
    node->recover[node->recover_count++] = block;
    return true;
}

/* The block that datanodes have while @block, the last one of a file that is being truncated, is to
 * become a copy of it; else @block itself. */
static uint64_t source_of(struct block_manager *bm, uint64_t block)
{
    struct open_file open;
    struct block_info b;

    if (!ns_block(bm->ns, block, &b) || b.state == BLOCK_COMPLETE ||
        !ns_open_file(bm->ns, b.file, &open) || !open.copied_from)
        return block;
    return open.copied_from;
}

/* Nobody was ever heard of to have any of it; of a group that nothing is known to be in, too few
 * for its data units. */
static bool nothing_to_recover(struct block_manager *bm, const struct writing *w)
{
    struct block_info b;
    struct striping s;

    if (w->count == 0 || !ns_block(bm->ns, w->e.block, &b))
        return true;
    return id_is_striped(b.id) && b.length == 0 && ns_striping(bm->ns, b.file, &s) &&
           w->count < s.data;
}

bool bm_begin_recovery(struct block_manager *bm, uint64_t block, uint64_t recovery_id)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct writing_replica *primary;
    struct datanode *node;
    struct block_info b;
    struct writing *w;
    bool made;

    w = block_table_add(&bm->writing, block, &made);
    if (!w)
        return false;
    if (w->count == 0) { /* nothing but what is stored is known: after a restart, or an append */
        unsigned n = units_on(bm, source_of(bm, block), storages, units);

        for (unsigned i = 0; i < n; i++)
            add_replica(w, storages[i], units[i]);
    }
    ns_block_set_state(bm->ns, block, BLOCK_UNDER_RECOVERY);
    if (ns_block(bm->ns, block, &b))
        redundancy_check(bm, &b, NULL, NULL);
    w->recovery_id = recovery_id;
    w->recover_until_ms = 0;
    if (nothing_to_recover(bm, w))
        return false;
    primary = choose_primary(bm, w);
    if (!primary)
        return true; /* they are away; it is tried again */
    node = storage_at(bm, primary->storage)->node;
    if (!give_lead(node, block))
        return false;
    primary->was_primary = true;
    w->primary = primary->storage;
    w->recover_until_ms = bm_now(bm) + RECOVERY_BEATS * bm->heartbeat_ms;
    LOG_INFO("nn.recover", "block=blk_%" PRId64 " id=%" PRIu64 " node=%s:%u next=\"it leads\"",
             (int64_t)block, recovery_id, node->ip, node->xfer_port);
    return true;
}

/* Those that take part: all that were heard of lately, or simply all when that leaves one. */
static unsigned participants(struct block_manager *bm, const struct writing *w, uint16_t *out,
                             uint8_t *units)
{
    unsigned n = 0, all = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *st = storage_at(bm, w->replicas[i].storage);

        if (!st || !st->node || !st->node->alive || datanode_is_stale(bm, st->node))
            continue;
        units[n] = w->replicas[i].unit;
        out[n++] = st->number;
    }
    if (n > 1)
        return n;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct storage *st = storage_at(bm, w->replicas[i].storage);

        if (!st || !st->node)
            continue;
        units[all] = w->replicas[i].unit;
        out[all++] = st->number;
    }
    return all;
}

/* Of a group the order says which unit each has, and how they lie. */
static bool group_order(struct block_manager *bm, const struct block_info *b, const uint8_t *units,
                        unsigned n, Pb__RecoveringBlockProto *r, struct arena *arena)
{
    uint8_t *copy;

    if (!id_is_striped(b->id))
        return true;
    copy = arena_alloc(arena, n + 1);
    r->ecpolicy = rebuild_policy(bm, b->file, arena);
    if (!copy || !r->ecpolicy)
        return false;
    memcpy(copy, units, n);
    r->has_blockindices = 1;
    r->blockindices = (ProtobufCBinaryData){.len = n, .data = copy};
    return true;
}

/* Is the block to be cut, or to be made by a copy?  Then the order says so, and how long it will be.
 */
static bool cut_order(struct block_manager *bm, const struct block_info *b,
                      Pb__RecoveringBlockProto *r, struct arena *arena)
{
    struct open_file open;

    if (!ns_open_file(bm->ns, b->file, &open) || !open.cut_to)
        return true;
    r->truncateblock = arena_alloc(arena, sizeof *r->truncateblock);
    if (!r->truncateblock)
        return false;
    pb__block_proto__init(r->truncateblock);
    r->truncateblock->blockid = b->id;
    r->truncateblock->genstamp = r->newgenstamp;
    r->truncateblock->has_numbytes = 1;
    r->truncateblock->numbytes = open.cut_to;
    return true;
}

static Pb__RecoveringBlockProto *recovering(struct block_manager *bm, uint64_t block,
                                            struct arena *arena)
{
    Pb__RecoveringBlockProto *r = arena_zalloc(arena, sizeof *r);
    Pb__LocatedBlockProto *located = arena_zalloc(arena, sizeof *located);
    const struct writing *w = writing_find(bm, block);
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct block_info b, source;
    unsigned n;

    if (!r || !located || !w || !ns_block(bm->ns, block, &b) || b.state != BLOCK_UNDER_RECOVERY ||
        !ns_block(bm->ns, source_of(bm, block), &source))
        return NULL;
    n = participants(bm, w, storages, units);
    pb__recovering_block_proto__init(r);
    pb__located_block_proto__init(located);
    locate_targets(bm, &source, UINT64_MAX, storages, units, (int)n, arena, located);
    r->newgenstamp = w->recovery_id;
    r->block = located;
    return cut_order(bm, &b, r, arena) && group_order(bm, &b, units, n, r, arena) ? r : NULL;
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
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(bm, b->id, storages, units);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        bool stays = false;

        for (int k = 0; k < kept_count; k++)
            stays |= kept[k] == storages[i] && (!id_is_striped(b->id) || k == units[i]);
        if (!st || stays)
            continue;
        if (st->node && st->node->alive)
            invalidate_add(bm, st->node, b->id + units[i], b->gs);
        replica_removed(bm, st, b->id + units[i]);
    }
}

/* Of a group by unit, 0 where nobody has it. */
static int new_targets(struct block_manager *bm,
                       const Pb__CommitBlockSynchronizationRequestProto *r, bool striped,
                       uint16_t *out)
{
    int n = 0;

    for (size_t i = 0; i < r->n_newtaragets && i < r->n_newtargetstorages && n < REPLICAS_MAX;
         i++) {
        int number =
            bm_storage_number(bm, r->newtaragets[i]->datanodeuuid, r->newtargetstorages[i]);

        if (number > 0 || striped)
            out[n++] = number > 0 ? (uint16_t)number : 0;
    }
    return striped && n > GROUP_UNITS ? GROUP_UNITS : n;
}

static bool has_unit(struct block_manager *bm, const struct block_info *b, uint64_t id)
{
    struct striping s;

    return !ns_striping(bm->ns, b->file, &s) || id_unit(id) < s.data + s.parity;
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
        uint64_t id = out->block + (id_is_striped(out->block) ? (unsigned)i : 0);

        if (st && !st->gone && has_unit(bm, &b, id) && ns_block_add_storage(bm->ns, id, st->number))
            st->block_count++;
    }
    if (b.state != BLOCK_COMPLETE)
        ns_block_commit(bm->ns, out->block, out->length, out->gs);
    block_complete(bm, out->block);
    if (ns_block(bm->ns, out->block, &b) && b.state == BLOCK_COMPLETE)
        writing_forget(bm, out->block);
    bm_check_file(bm, out->file);
}

/* The last block of @file, which becomes a copy of another: the datanodes name that one. */
static uint64_t copy_of_file(struct block_manager *bm, uint64_t file, struct block_info *out)
{
    struct inode_info info;
    uint64_t id;

    MUST(ns_info(bm->ns, file, &info) && info.block_count > 0);
    ns_file_blocks(bm->ns, file, &id, info.block_count - 1, 1);
    MUST(ns_block(bm->ns, id, out));
    return id;
}

/* Nobody who was asked has any of a block whose bytes were acknowledged once: by a file that was closed and
 * appended to, or a sync. Whoever was not asked (silent, or shut down) may have them all the same, so the
 * block stays as it is known, without a copy for now; Hadoop takes it out of the file. */
static int keep_without_copy(struct block_manager *bm, const struct block_info *b,
                             struct bm_recovered *out, uint64_t *mark, struct err *err)
{
    int rc;

    out->delete_block = false;
    out->gs = b->gs;
    out->length = b->length;
    if ((rc = bm->o.recovered(bm->o.ctx, out, mark, err)) < 0)
        return rc;
    block_complete(bm, b->id);
    bm_check_file(bm, b->file);
    LOG_WARN(
        "nn.recover",
        "block=blk_%" PRIu64 " gs=%" PRIu64 " length=%" PRIu64
        " err=\"no datanode that was asked has it\" next=\"file closed, its block is missing\"",
        b->id, b->gs, b->length);
    return 0;
}

int writing_synchronized(struct block_manager *bm,
                         const Pb__CommitBlockSynchronizationRequestProto *r, uint64_t *mark,
                         struct err *err)
{
    uint16_t kept[REPLICAS_MAX];
    const struct writing *w;
    struct bm_recovered out = {.block = id_of_group(r->block->blockid),
                               .gs = r->newgenstamp,
                               .length = r->newlength,
                               .delete_block = r->deleteblock,
                               .close_file = r->closefile};
    struct open_file open;
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
        return err_set(err, ERR_IO, "Block (=%s:blk_%" PRId64 "_%" PRIu64 ") not found",
                       r->block->poolid, (int64_t)r->block->blockid, r->block->generationstamp);
    }
    if (ns_open_file(bm->ns, b.file, &open) && open.copied_from == out.block)
        out.block = copy_of_file(bm, b.file, &b);
    if (b.state == BLOCK_COMPLETE)
        return 0;
    if (out.block != r->block->blockid && r->deleteblock)
        return err_set(err, ERR_IO, "blk_%" PRId64 " can't be copied: no datanode has it",
                       (int64_t)r->block->blockid);
    w = writing_find(bm, out.block);
    if (!w || w->recovery_id != r->newgenstamp)
        return err_set(err, ERR_IO,
                       "The recovery id %" PRIu64 " does not match current recovery id %" PRIu64
                       " for block %s:blk_%" PRId64 "_%" PRIu64,
                       r->newgenstamp, w ? w->recovery_id : 0, r->block->poolid,
                       (int64_t)r->block->blockid, r->block->generationstamp);
    if (!bm->o.recovered)
        return err_set(err, ERR_UNSUPPORTED, "block recovery is not served here");
    out.file = b.file;
    if (r->deleteblock && b.length > 0) {
        if (ns_open_file(bm->ns, b.file, &open) && open.cut_to)
            return err_set(err, ERR_IO, "blk_%" PRIu64 " can't be cut: no datanode has it", b.id);
        return keep_without_copy(bm, &b, &out, mark, err);
    }
    n = new_targets(bm, r, id_is_striped(out.block), kept);
    rc = bm->o.recovered(bm->o.ctx, &out, mark, err);
    if (rc < 0)
        return rc;
    take_outcome(bm, &b, &out, kept, n);
    LOG_INFO("nn.recover",
             "block=blk_%" PRId64 " gs=%" PRIu64 " length=%" PRIu64 " targets=%d next=\"%s\"",
             (int64_t)out.block, out.gs, out.length, n,
             out.close_file ? "file closed" : "file goes on");
    return 0;
}
