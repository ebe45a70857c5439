/* rebuild.c -- block groups that lack units, or have them where they should not stay: who decodes
 * them, or copies them.
 *
 * Units that nobody has any more are decoded by the datanode that gets the first of them, out of as
 * many others as the group has data units: all of them in one go. Only then are those copied that
 * are on leaving nodes, and at last one from a crowded rack to one that has none. A group with an
 * order under way waits for its end.
 *
 * Format: docs/formats/block-report.md, "Orders to decode" */
#include "namenode/blocks/group.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "namenode/blocks/ec_message.h"

/* ---- who sends ---- */

/* Fills in who can be read from now; those whose streams are all in use are @busy. */
static void choose_sources(struct block_manager *bm, const struct group *g, int need,
                           struct rebuild *out)
{
    for (unsigned i = 0; i < GROUP_UNITS; i++) {
        const struct storage *st = storage_at(bm, g->units[i].storage);

        if (g->units[i].state < UNIT_LEFT || !st || !st->node)
            continue;
        if (!node_may_send(bm, st->node, need)) {
            out->busy |= (uint16_t)(1u << i);
            continue;
        }
        out->units[out->source_count] = (uint8_t)i;
        out->sources[out->source_count++] = st->number;
    }
}

/* ---- who receives ---- */

struct room {
    uint16_t chosen[2 * REPLICAS_MAX];
    struct datanode *excluded[3 * REPLICAS_MAX];
    struct placement p;
    int before;
};

/* True when there is a place for one at least of @count units. */
static bool find_room(struct block_manager *bm, const struct block_info *b, const struct group *g,
                      int count, struct room *out)
{
    out->p = (struct placement){.chosen = out->chosen,
                                .excluded = out->excluded,
                                .count = count,
                                .block_size = striping_unit_length(&g->s, b->length, 0),
                                .policy = ns_storage_policy(bm->ns, b->file),
                                .spread = true};
    placement_gather(bm, b->id, &out->p);
    out->before = out->p.chosen_count;
    return placement_choose(bm, &out->p) > 0;
}

static void promise(struct block_manager *bm, uint64_t block, uint16_t storage)
{
    pending_add(bm, block, storage);
    storage_at(bm, storage)->scheduled++;
}

/* ---- the three orders ---- */

static bool order_decoding(struct block_manager *bm, const struct block_info *b,
                           const struct group *g, int need)
{
    int lost = g->count[UNIT_MISSING] + g->count[UNIT_CORRUPT];
    struct rebuild r = {.group = b->id};
    struct pending *pending;
    struct datanode *node;
    struct room room;

    choose_sources(bm, g, need, &r);
    if (r.source_count < g->data_used || !find_room(bm, b, g, lost, &room))
        return false;
    r.target_count = room.p.chosen_count - room.before;
    memcpy(r.targets, room.chosen + room.before, (size_t)r.target_count * sizeof *r.targets);
    node = storage_at(bm, r.targets[0])->node;
    if (node->rebuild_count >= bm->max_streams_hard ||
        !bm_reserve(&node->rebuilds, &node->rebuild_room, node->rebuild_count, sizeof r))
        return false;
    node->rebuilds[node->rebuild_count++] = r;
    for (int i = 0; i < r.target_count; i++)
        promise(bm, b->id, r.targets[i]);
    pending = block_table_find(&bm->pending, b->id);
    if (pending)
        pending->decoding = true;
    LOG_DEBUG("nn.rebuild", "group=blk_%" PRId64 " node=%s:%u sources=%d units=%d", (int64_t)b->id,
              node->ip, node->xfer_port, r.source_count, r.target_count);
    return true;
}

static bool order_copy(struct block_manager *bm, const struct block_info *b, const struct group *g,
                       unsigned unit, uint16_t target)
{
    struct storage *from = storage_at(bm, g->units[unit].storage);
    struct transfer t = {.id = b->id + unit,
                         .gs = b->gs,
                         .length = striping_unit_length(&g->s, b->length, unit),
                         .targets = {target},
                         .target_count = 1};

    if (!queue_transfer(from->node, &t))
        return false;
    promise(bm, b->id, target);
    return true;
}

static bool order_copies_of_leaving(struct block_manager *bm, const struct block_info *b,
                                    const struct group *g, int need)
{
    struct room room;
    bool any = false;
    int n = 0;

    if (!find_room(bm, b, g, g->count[UNIT_LEAVING] + g->count[UNIT_LEFT], &room))
        return false;
    for (unsigned i = 0; i < GROUP_UNITS && room.before + n < room.p.chosen_count; i++) {
        const struct storage *st = storage_at(bm, g->units[i].storage);

        if (group_remedy(g->units[i].state) != REMEDY_COPY || !st || !st->node ||
            !node_may_send(bm, st->node, need))
            continue;
        any |= order_copy(bm, b, g, i, room.chosen[room.before + n]);
        n++;
    }
    return any;
}

static int units_in_rack(struct block_manager *bm, const struct group *g, const char *place)
{
    int n = 0;

    for (unsigned i = 0; i < GROUP_UNITS; i++) {
        const struct storage *st = storage_at(bm, g->units[i].storage);

        n += g->units[i].state == UNIT_LIVE && strcmp(st->node->place, place) == 0;
    }
    return n;
}

/* All is there, but in too few racks: one of the fullest goes to one that has none. */
static bool order_spreading(struct block_manager *bm, const struct block_info *b,
                            const struct group *g, int need)
{
    struct room room;
    uint16_t target;
    int best = -1, most = 1;

    if (!find_room(bm, b, g, 1, &room))
        return false;
    target = room.chosen[room.before];
    if (units_in_rack(bm, g, storage_at(bm, target)->node->place) > 0)
        return false;
    for (unsigned i = 0; i < GROUP_UNITS; i++) {
        const struct storage *st = storage_at(bm, g->units[i].storage);
        int n;

        if (g->units[i].state != UNIT_LIVE || !node_may_send(bm, st->node, need))
            continue;
        n = units_in_rack(bm, g, st->node->place);
        if (n > most) {
            most = n;
            best = (int)i;
        }
    }
    return best >= 0 && order_copy(bm, b, g, (unsigned)best, target);
}

bool rebuild_order(struct block_manager *bm, const struct block_info *b, int need)
{
    struct group g;

    if (!group_look(bm, b, &g) || pending_count(bm, b->id) > 0)
        return false;
    if (g.count[UNIT_MISSING] + g.count[UNIT_CORRUPT] > 0)
        return order_decoding(bm, b, &g, need);
    if (g.count[UNIT_LEAVING] + g.count[UNIT_LEFT] > 0)
        return order_copies_of_leaving(bm, b, &g, need);
    return order_spreading(bm, b, &g, need);
}

/* ---- what is no longer wanted ---- */

/* A unit that the datanode has and that counts is spared when the order goes out (invalidate.c). */
void rebuild_cancel(struct block_manager *bm, const struct block_info *b)
{
    struct pending *p = block_table_find(&bm->pending, b->id);
    struct striping s = {0};
    bool known = ns_striping(bm->ns, b->file, &s); /* of a file that is just going it may not be */

    if (!p || !p->decoding)
        return;
    for (uint32_t i = 0; i < p->count; i++) {
        struct storage *st = storage_at(bm, p->targets[i]);

        for (unsigned u = 0; st && st->node && st->node->alive && u < GROUP_UNITS; u++)
            if (!known || (u < (unsigned)s.data + s.parity && striping_has_unit(&s, b->length, u)))
                invalidate_add(bm, st->node, b->id + u, b->gs);
    }
    LOG_INFO("nn.rebuild", "group=blk_%" PRId64 " targets=%u next=\"cancelled\"", (int64_t)b->id,
             p->count);
    block_table_remove(&bm->pending, p);
}

void rebuild_check(struct block_manager *bm, const struct block_info *b)
{
    const struct pending *p = block_table_find(&bm->pending, b->id);
    struct group g;

    if (p && p->decoding && group_look(bm, b, &g) &&
        g.count[UNIT_MISSING] + g.count[UNIT_CORRUPT] == 0)
        rebuild_cancel(bm, b);
}

/* ---- as a heartbeat's answer ---- */

Pb__ErasureCodingPolicyProto *rebuild_policy(struct block_manager *bm, uint64_t file,
                                             struct arena *arena)
{
    const struct ec_policy *p = ec_by_id(ns_ec_policies(bm->ns), ns_ec_policy(bm->ns, file));

    return p ? ec_message(p, arena) : NULL;
}

/* The message with all that it points to. */
struct info {
    Pb__BlockECReconstructionInfoProto info;
    Pb__ExtendedBlockProto block;
    Pb__DatanodeInfosProto sources, targets;
    Pb__StorageUuidsProto ids;
    Pb__StorageTypesProto types;
    Pb__DatanodeInfoProto *source[GROUP_UNITS], *target[GROUP_UNITS];
    char *id[GROUP_UNITS];
    Pb__StorageTypeProto type[GROUP_UNITS];
    uint8_t units[GROUP_UNITS], busy[GROUP_UNITS];
};

static void info_init(struct info *m)
{
    pb__block_ecreconstruction_info_proto__init(&m->info);
    pb__extended_block_proto__init(&m->block);
    pb__datanode_infos_proto__init(&m->sources);
    pb__datanode_infos_proto__init(&m->targets);
    pb__storage_uuids_proto__init(&m->ids);
    pb__storage_types_proto__init(&m->types);
    m->info.block = &m->block;
    m->info.sourcedninfos = &m->sources;
    m->info.targetdninfos = &m->targets;
    m->info.targetstorageuuids = &m->ids;
    m->info.targetstoragetypes = &m->types;
    m->sources.datanodes = m->source;
    m->targets.datanodes = m->target;
    m->ids.storageuuids = m->id;
    m->types.storagetypes = m->type;
}

static void put_block(struct block_manager *bm, const struct block_info *b, struct info *m)
{
    m->block.poolid = bm->pool_id;
    m->block.blockid = b->id;
    m->block.generationstamp = b->gs;
    m->block.has_numbytes = 1;
    m->block.numbytes = b->length;
}

/* Those that still have their unit; how many. */
static int put_sources(struct block_manager *bm, const struct rebuild *r, const struct group *g,
                       struct info *m)
{
    size_t n = 0;

    for (int i = 0; i < r->source_count; i++) {
        const struct unit *u = &g->units[r->units[i]];
        const struct storage *st = storage_at(bm, u->storage);

        if (u->state < UNIT_LEFT || !st || !st->node)
            continue;
        m->source[n] = (Pb__DatanodeInfoProto *)&datanode_card(bm, st->node)->info;
        m->units[n++] = r->units[i];
    }
    m->sources.n_datanodes = n;
    m->info.liveblockindices = (ProtobufCBinaryData){.len = n, .data = m->units};
    return (int)n;
}

static int put_targets(struct block_manager *bm, const struct rebuild *r, struct info *m)
{
    size_t n = 0;

    for (int i = 0; i < r->target_count; i++) {
        const struct storage *st = storage_at(bm, r->targets[i]);

        if (!st || !st->node || !st->node->alive)
            continue;
        m->target[n] = (Pb__DatanodeInfoProto *)&datanode_card(bm, st->node)->info;
        m->id[n] = st->uuid;
        m->type[n++] = st->type;
    }
    m->targets.n_datanodes = m->ids.n_storageuuids = m->types.n_storagetypes = n;
    return (int)n;
}

static void put_busy(const struct rebuild *r, struct info *m)
{
    size_t n = 0;

    for (unsigned i = 0; i < GROUP_UNITS; i++)
        if (r->busy >> i & 1)
            m->busy[n++] = (uint8_t)i;
    m->info.has_excludereconstructedindices = 1;
    m->info.excludereconstructedindices = (ProtobufCBinaryData){.len = n, .data = m->busy};
}

/* NULL when it is no longer wanted: units came back, or too few are left. */
static Pb__BlockECReconstructionInfoProto *order_message(struct block_manager *bm,
                                                         const struct rebuild *r,
                                                         struct arena *arena)
{
    struct info *m = arena_zalloc(arena, sizeof *m);
    struct block_info b;
    struct group g;

    if (!m || !ns_block(bm->ns, r->group, &b) || !group_look(bm, &b, &g))
        return NULL;
    if (g.count[UNIT_MISSING] + g.count[UNIT_CORRUPT] == 0)
        return NULL;
    info_init(m);
    put_block(bm, &b, m);
    put_busy(r, m);
    if (put_sources(bm, r, &g, m) < g.data_used || put_targets(bm, r, m) == 0 ||
        !(m->info.ecpolicy = rebuild_policy(bm, b.file, arena)))
        return NULL;
    return &m->info;
}

/* What was not taken up is asked for anew when its time is over, or now if nothing is pending. */
static void let_go(struct block_manager *bm, const struct rebuild *r)
{
    struct block_info b;

    for (int i = 0; i < r->target_count; i++) {
        const struct storage *st = storage_at(bm, r->targets[i]);

        if (st && st->node)
            pending_done(bm, r->group, st->node);
    }
    if (ns_block(bm->ns, r->group, &b))
        redundancy_check(bm, &b, NULL, NULL);
}

/* As many as the node has streams left for. */
Pb__BlockECReconstructionCommandProto *rebuild_take(struct block_manager *bm, struct datanode *node,
                                                    struct arena *arena)
{
    Pb__BlockECReconstructionCommandProto *cmd;
    int taken = 0, max = bm->max_streams_hard - (int)node->xmits;

    if (node->rebuild_count == 0 || max <= 0)
        return NULL;
    if (max > node->rebuild_count)
        max = node->rebuild_count;
    cmd = arena_alloc(arena, sizeof *cmd);
    if (!cmd)
        return NULL;
    pb__block_ecreconstruction_command_proto__init(cmd);
    cmd->blockecreconstructioninfo =
        arena_alloc(arena, (size_t)max * sizeof *cmd->blockecreconstructioninfo);
    if (!cmd->blockecreconstructioninfo)
        return NULL;
    for (; taken < max; taken++) {
        struct rebuild r = node->rebuilds[taken];
        Pb__BlockECReconstructionInfoProto *m = order_message(bm, &r, arena);

        if (m)
            cmd->blockecreconstructioninfo[cmd->n_blockecreconstructioninfo++] = m;
        else
            let_go(bm, &r);
    }
    node->rebuild_count -= taken;
    memmove(node->rebuilds, node->rebuilds + taken,
            (size_t)node->rebuild_count * sizeof *node->rebuilds);
    return cmd->n_blockecreconstructioninfo ? cmd : NULL;
}
