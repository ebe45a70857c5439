/* redundancy.c -- has each block the copies it should, on enough racks?  If not, who makes them.
 *
 * The queues are Hadoop's: a block with one copy left first, then very few, few, all in one rack;
 * those without any are kept apart, for nothing can be done about them.  A copy that was asked
 * for is pending until its datanode reports it, or its time is over. */
#include "namenode/blocks/group.h"

#include <string.h>

#include "common/log.h"

/* Of a group: its units. */
int block_replication(struct block_manager *bm, const struct block_info *b)
{
    int replication;
    struct group g;

    if (id_is_striped(b->id) && group_look(bm, b, &g))
        return g.wanted;
    replication = ns_replication(bm->ns, b->file);

    return replication ? replication : bm->replication_min;
}

/* ---- pending copies ---- */

void pending_add(struct block_manager *bm, uint64_t block, uint16_t storage)
{
    bool made;
    struct pending *p = block_table_add(&bm->pending, block, &made);

    if (!p || p->count == MARKS_MAX)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->targets[i] == storage)
            return;
    p->targets[p->count++] = storage;
    p->since_ms = bm_now(bm);
    block_table_move(&bm->pending, p, 0); /* the list stays in the order of time */
}

void pending_done(struct block_manager *bm, uint64_t block, const struct datanode *node)
{
    struct pending *p = block_table_find(&bm->pending, block);

    for (uint32_t i = 0; p && i < p->count; i++) {
        const struct storage *st = storage_at(bm, p->targets[i]);

        if (st && st->node != node)
            continue;
        p->targets[i] = p->targets[--p->count];
        break;
    }
    if (p && p->count == 0)
        block_table_remove(&bm->pending, p);
}

void pending_forget_storage(struct block_manager *bm, uint16_t storage)
{
    struct pending *p = block_table_first(&bm->pending, 0), *next;

    for (; p; p = next) {
        next = block_table_next(&bm->pending, p);
        for (uint32_t i = 0; i < p->count; i++)
            if (p->targets[i] == storage)
                p->targets[i--] = p->targets[--p->count];
        if (p->count == 0)
            block_table_remove(&bm->pending, p);
    }
}

int pending_count(struct block_manager *bm, uint64_t block)
{
    const struct pending *p = block_table_find(&bm->pending, block);
    int n = 0;

    for (uint32_t i = 0; p && i < p->count; i++) {
        const struct storage *st = storage_at(bm, p->targets[i]);

        n += st && !st->gone && st->node;
    }
    return n;
}

void redundancy_timeouts(struct block_manager *bm)
{
    uint64_t now = bm_now(bm);
    struct block_info b;
    struct pending *p;

    while ((p = block_table_first(&bm->pending, 0)) && now - p->since_ms > bm->pending_ms) {
        uint64_t block = p->e.block;

        block_table_remove(&bm->pending, p);
        if (ns_block(bm->ns, block, &b))
            redundancy_check(bm, &b, NULL, NULL);
    }
}

/* ---- what a block needs ---- */

/* Of a block group all units: what is in maintenance is made anew. */
int block_live_wanted(struct block_manager *bm, uint64_t block, int wanted, const struct counts *c)
{
    int least = bm->maintenance_min < wanted ? bm->maintenance_min : wanted;

    if (id_is_striped(block))
        return wanted;
    return wanted - c->away > least ? wanted - c->away : least;
}

/* For racks a copy that is back soon counts too. */
static bool counts_for_racks(struct block_manager *bm, uint64_t id, const struct storage *st)
{
    return replica_is_live(bm, id, st) ||
           (st && !st->gone && st->node && datanode_in_maintenance(st->node));
}

/* How many racks hold good replicas, counted up to @enough. */
static int racks_of(struct block_manager *bm, uint64_t block, int enough)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    const char *racks[REPLICAS_MAX];
    unsigned n = units_on(bm, block, storages, units);
    int count = 0;

    for (unsigned i = 0; i < n && count < enough; i++) {
        const struct storage *st = storage_at(bm, storages[i]);
        int k = 0;

        if (!counts_for_racks(bm, block + units[i], st))
            continue;
        while (k < count && strcmp(racks[k], st->node->place) != 0)
            k++;
        racks[k] = st->node->place;
        count += k == count;
    }
    return count;
}

/* Two racks are enough for a replicated block; a group is on as many as there are. */
bool block_racks_enough(struct block_manager *bm, uint64_t block, int wanted)
{
    int racks = 2;

    if (bm->racks_used <= 1 || wanted <= 1)
        return true;
    if (id_is_striped(block))
        racks = wanted < bm->racks_used ? wanted : bm->racks_used;
    return racks_of(bm, block, racks) >= racks;
}

static int priority(const struct counts *c, int wanted)
{
    if (c->live >= wanted)
        return NEED_RACKS;
    if (c->live == 0)
        return c->leaving + c->left + c->away > 0 ? NEED_HIGHEST : NEED_LOST;
    if (c->live == 1)
        return NEED_HIGHEST;
    return c->live * 3 < wanted ? NEED_VERY_LOW : NEED_LOW;
}

static bool is_needed(struct block_manager *bm, uint64_t block, const struct counts *c, int wanted)
{
    int pending = pending_count(bm, block);

    if (c->live + pending < block_live_wanted(bm, block, wanted, c))
        return true;
    return pending == 0 && !block_racks_enough(bm, block, wanted);
}

static void drop_corrupt(struct block_manager *bm, uint64_t id)
{
    struct mark *m;

    while ((m = block_table_find(&bm->corrupt, id))) {
        struct storage *st = storage_at(bm, m->storages[0]);

        if (!st || !st->node) {
            mark_remove(&bm->corrupt, id, m->storages[0]);
            continue;
        }
        invalidate_add(bm, st->node, id, m->gs[0]);
        mark_remove(&bm->corrupt, id, st->number);
        mark_remove(&bm->excess, id, st->number); /* it may have been that before */
        if (ns_block_remove_storage(bm->ns, id, st->number))
            st->block_count--;
    }
}

/* Those of units that are live again. */
static void drop_corrupt_units(struct block_manager *bm, const struct group *g, uint64_t block)
{
    for (unsigned i = 0; i < GROUP_UNITS; i++)
        if (g->units[i].live > 0)
            drop_corrupt(bm, block + i);
}

static void need_remove(struct block_manager *bm, struct block_entry *e)
{
    bm->needed_groups[e->list] -= id_is_striped(e->block);
    block_table_remove(&bm->needed, e);
}

static void set_need(struct block_manager *bm, uint64_t block, int need)
{
    struct block_entry *e = block_table_find(&bm->needed, block);
    bool made = false;

    if (need < 0) {
        if (e)
            need_remove(bm, e);
        return;
    }
    if (!e)
        e = block_table_add(&bm->needed, block, &made);
    if (!e || (e->list == (uint32_t)need && !made))
        return;
    if (id_is_striped(block)) {
        bm->needed_groups[e->list] -= !made;
        bm->needed_groups[need]++;
    }
    block_table_move(&bm->needed, e, (uint32_t)need);
}

static void check_group(struct block_manager *bm, const struct block_info *b,
                        struct datanode *added, struct datanode *hint)
{
    struct group g;
    bool made;

    if (!group_look(bm, b, &g))
        return;
    set_need(bm, b->id, is_needed(bm, b->id, &g.replicas, g.wanted) ? group_priority(&g) : -1);
    if (g.replicas.duplicate > 0)
        excess_choose(bm, b, 1, added, hint);
    if (g.replicas.corrupt == 0)
        return;
    if (g.replicas.stale == 0)
        drop_corrupt_units(bm, &g, b->id);
    else
        block_table_add(&bm->postponed, b->id, &made);
}

void redundancy_check(struct block_manager *bm, const struct block_info *b, struct datanode *added,
                      struct datanode *hint)
{
    struct counts c;
    bool made;
    int wanted;

    if (!bm->populating)
        return;
    if (b->state != BLOCK_COMPLETE) {
        set_need(bm, b->id, -1);
        return;
    }
    if (id_is_striped(b->id)) {
        check_group(bm, b, added, hint);
        return;
    }
    wanted = block_replication(bm, b);
    replicas_count(bm, b->id, &c);
    set_need(bm, b->id, is_needed(bm, b->id, &c, wanted) ? priority(&c, wanted) : -1);
    if (c.live > wanted)
        excess_choose(bm, b, wanted, added, hint);
    if (c.corrupt > 0 && c.live >= wanted) {
        if (c.stale == 0)
            drop_corrupt(bm, b->id);
        else
            block_table_add(&bm->postponed, b->id, &made);
    }
}

void redundancy_forget(struct block_manager *bm, uint64_t block)
{
    void *p = block_table_find(&bm->pending, block);
    void *late = block_table_find(&bm->postponed, block);

    set_need(bm, block, -1);
    if (p)
        block_table_remove(&bm->pending, p);
    if (late)
        block_table_remove(&bm->postponed, late);
}

/* ---- who copies ---- */

/* Not while it sends as many as it may. A node that is being emptied may send more, and so may who
 * has the last copy. */
bool node_may_send(struct block_manager *bm, const struct datanode *node, int need)
{
    uint32_t runs = (uint32_t)(node->transfer_count + node->rebuild_count) + node->xmits;
    bool hard = need == NEED_HIGHEST || datanode_is_leaving(node);

    return runs < (uint32_t)(hard ? bm->max_streams_hard : bm->max_streams);
}

/* A node that is being emptied serves no writers: it goes first. */
static struct storage *choose_source(struct block_manager *bm, const uint16_t *storages, unsigned n,
                                     uint64_t block, int need)
{
    struct storage *best = NULL;
    uint32_t seen = 0;

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->gone || !st->node || !st->node->alive || st->node->admin == ADMIN_AWAY ||
            mark_has(&bm->corrupt, block, st->number) || mark_has(&bm->excess, block, st->number))
            continue;
        if (!node_may_send(bm, st->node, need))
            continue;
        if (best && datanode_is_leaving(best->node) && !datanode_is_leaving(st->node))
            continue;
        if (!best || (datanode_is_leaving(st->node) && !datanode_is_leaving(best->node)))
            seen = 0;
        if (bm_random(bm, ++seen) == 0)
            best = st;
    }
    return best;
}

bool queue_transfer(struct datanode *node, const struct transfer *t)
{
    if (!bm_reserve(&node->transfers, &node->transfer_room, node->transfer_count, sizeof *t))
        return false;
    node->transfers[node->transfer_count++] = *t;
    return true;
}

void placement_gather(struct block_manager *bm, uint64_t block, struct placement *p)
{
    const struct pending *pending = block_table_find(&bm->pending, block);
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(bm, block, storages, units);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || !st->node)
            continue;
        p->excluded[p->excluded_count++] = st->node;
        if (replica_is_live(bm, block + units[i], st))
            p->chosen[p->chosen_count++] = st->number;
    }
    for (uint32_t i = 0; pending && i < pending->count; i++) {
        struct storage *st = storage_at(bm, pending->targets[i]);

        if (!st || !st->node)
            continue;
        p->excluded[p->excluded_count++] = st->node;
        p->chosen[p->chosen_count++] = st->number;
    }
}

/* All copies are there but in one rack: only a target in another one helps. */
static bool helps(struct block_manager *bm, const struct placement *p, int before, int need)
{
    if (need != NEED_RACKS)
        return true;
    for (int i = 0; i < before; i++)
        if (strcmp(storage_at(bm, p->chosen[i])->node->place,
                   storage_at(bm, p->chosen[before])->node->place) == 0)
            return false;
    return true;
}

/* True when a datanode was told to copy. */
static bool order_copies(struct block_manager *bm, const struct block_info *b, int need)
{
    uint16_t storages[REPLICAS_MAX], chosen[2 * REPLICAS_MAX];
    unsigned n = listed_on(bm, b->id, storages);
    struct datanode *excluded[3 * REPLICAS_MAX];
    int wanted = block_replication(bm, b), before;
    struct storage *source = choose_source(bm, storages, n, b->id, need);
    struct counts c;
    struct placement p = {.chosen = chosen, .excluded = excluded, .block_size = b->length};
    struct transfer t = {.id = b->id, .gs = b->gs, .length = b->length};

    if (!source)
        return false;
    replicas_count(bm, b->id, &c);
    p.count = block_live_wanted(bm, b->id, wanted, &c) - c.live - pending_count(bm, b->id);
    if (p.count <= 0)
        p.count = 1; /* it is the racks */
    if (p.count > MARKS_MAX)
        p.count = MARKS_MAX;
    p.policy = ns_storage_policy(bm->ns, b->file);
    p.writer = source->node;
    placement_gather(bm, b->id, &p);
    before = p.chosen_count;
    if (placement_choose(bm, &p) <= 0 || !helps(bm, &p, before, need))
        return false;
    t.target_count = p.chosen_count - before;
    memcpy(t.targets, chosen + before, (size_t)t.target_count * sizeof *t.targets);
    if (!queue_transfer(source->node, &t))
        return false;
    for (int i = before; i < p.chosen_count; i++) {
        pending_add(bm, b->id, chosen[i]);
        storage_at(bm, chosen[i])->scheduled++;
    }
    LOG_DEBUG("nn.copy", "block=blk_%llu from=%s:%u copies=%d", (unsigned long long)b->id,
              source->node->ip, source->node->xfer_port, p.chosen_count - before);
    return true;
}

/* Looks after the first blocks of each queue; what can't be helped now goes to the end. */
static void work_on_list(struct block_manager *bm, uint32_t list, int *budget)
{
    uint32_t tries = bm->needed.lists[list].count;
    struct block_entry *e;
    struct block_info b;

    while (*budget > 0 && tries-- > 0 && (e = block_table_first(&bm->needed, list))) {
        uint64_t block = e->block;

        --*budget;
        if (!ns_block(bm->ns, block, &b)) {
            need_remove(bm, e);
            continue;
        }
        block_table_move(&bm->needed, e, list);
        redundancy_check(bm, &b, NULL, NULL); /* is it still so? */
        e = block_table_find(&bm->needed, block);
        if (e && e->list != NEED_LOST &&
            (id_is_striped(block) ? rebuild_order : order_copies)(bm, &b, (int)e->list))
            redundancy_check(bm, &b, NULL, NULL);
    }
}

void redundancy_work(struct block_manager *bm)
{
    int budget = bm->live_count * bm->work_multiplier;

    if (!bm->populating)
        return;
    for (uint32_t list = 0; list < NEED_LOST && budget > 0; list++)
        work_on_list(bm, list, &budget);
}
