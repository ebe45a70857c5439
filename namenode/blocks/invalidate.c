/* invalidate.c -- replicas to be deleted, by datanode, in the order they were condemned. */
#include "namenode/blocks/bm_parts.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct ref_queue *q)
{
    size_t room = q->room ? q->room * 2 : 64;
    struct block_ref *refs = malloc(room * sizeof *refs);

    if (!refs)
        return false;
    for (size_t i = 0; i < q->count; i++)
        refs[i] = q->refs[(q->head + i) & (q->room - 1)];
    free(q->refs);
    q->refs = refs;
    q->room = room;
    q->head = 0;
    return true;
}

/* Out of memory loses nothing: the next full report names the replica again. */
void invalidate_add(struct block_manager *bm, struct datanode *node, uint64_t id, uint64_t gs)
{
    struct ref_queue *q = &node->invalidate;

    (void)bm;
    if (q->count == q->room && !grow(q))
        return;
    q->striped += id_is_striped(id);
    q->refs[(q->head + q->count++) & (q->room - 1)] = (struct block_ref){id, gs};
}

void invalidate_forget(struct datanode *node)
{
    free(node->invalidate.refs);
    node->invalidate = (struct ref_queue){0};
}

uint64_t invalidate_count(struct block_manager *bm, bool striped)
{
    uint64_t n = 0;

    for (int i = 0; i < bm->node_count; i++) {
        const struct ref_queue *q = &bm->nodes[i]->invalidate;

        n += striped ? q->striped : q->count - q->striped;
    }
    return n;
}

/* One too many when it was condemned, and needed now: others are gone since, or more are wanted. */
static bool is_needed_again(struct block_manager *bm, const struct block_info *b, uint64_t id,
                            const struct storage *st)
{
    struct counts c;

    if (id_is_striped(id) || !mark_has(&bm->excess, id, st->number) ||
        mark_has(&bm->corrupt, id, st->number))
        return false;
    replicas_count(bm, id, &c);
    if (c.live >= block_replication(bm, b))
        return false;
    mark_remove(&bm->excess, id, st->number);
    redundancy_check(bm, b, NULL, NULL);
    return true;
}

/* A replica that came back to life (its report was late, or the stamp is a new one's) is spared. */
static bool still_condemned(struct block_manager *bm, struct datanode *node,
                            const struct block_ref *ref)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct block_info b;
    unsigned n;

    if (!ns_block(bm->ns, ref->id, &b) || b.gs != ref->gs)
        return true;
    n = units_on(bm, ref->id, storages, units);
    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (st && st->node == node && units[i] == id_unit(ref->id))
            return !is_needed_again(bm, &b, ref->id, st) &&
                   (mark_has(&bm->excess, ref->id, st->number) ||
                    mark_has(&bm->corrupt, ref->id, st->number));
    }
    return true;
}

Pb__BlockCommandProto *invalidate_take(struct block_manager *bm, struct datanode *node,
                                       struct arena *arena)
{
    struct ref_queue *q = &node->invalidate;
    size_t max = (size_t)bm->invalidate_limit, n = 0;
    Pb__BlockCommandProto *cmd = arena_alloc(arena, sizeof *cmd);
    Pb__BlockProto *blocks;

    if (q->count < max)
        max = q->count;
    blocks = arena_alloc(arena, max * sizeof *blocks + 1);
    if (max == 0 || !cmd || !blocks)
        return NULL;
    pb__block_command_proto__init(cmd);
    cmd->blocks = arena_alloc(arena, max * sizeof *cmd->blocks);
    if (!cmd->blocks)
        return NULL;
    for (; max > 0; max--) {
        struct block_ref ref = q->refs[q->head];

        q->head = (q->head + 1) & (q->room - 1);
        q->count--;
        q->striped -= id_is_striped(ref.id);
        if (!still_condemned(bm, node, &ref))
            continue;
        pb__block_proto__init(&blocks[n]);
        blocks[n].blockid = ref.id;
        blocks[n].genstamp = ref.gs;
        cmd->blocks[n] = &blocks[n];
        n++;
    }
    if (n == 0)
        return NULL;
    cmd->action = PB__BLOCK_COMMAND_PROTO__ACTION__INVALIDATE;
    cmd->blockpoolid = bm->pool_id;
    cmd->n_blocks = n;
    if (q->count == 0)
        invalidate_forget(node);
    return cmd;
}
