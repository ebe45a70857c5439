/* redundancy.c -- has each block the copies it should, on enough racks?  If not, who makes them.
 *
 * The queues are Hadoop's: a block with one copy left first, then very few, few, all in one rack;
 * those without any are kept apart, for nothing can be done about them.  A copy that was asked
 * for is pending until its datanode reports it, or its time is over. */
#include "namenode/bm_parts.h"

#include <string.h>

#include "common/log.h"

int block_replication(struct block_manager *bm, const struct block_info *b)
{
    int replication = ns_replication(bm->ns, b->file);

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

bool block_racks_enough(struct block_manager *bm, uint64_t block, int wanted)
{
    uint16_t storages[REPLICAS_MAX];
    const char *first = NULL;
    unsigned n;

    if (bm->racks_used <= 1 || wanted <= 1)
        return true;
    n = listed_on(bm, block, storages);
    for (unsigned i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!replica_is_live(bm, block, st))
            continue;
        if (!first)
            first = st->node->place;
        else if (strcmp(first, st->node->place) != 0)
            return true;
    }
    return false;
}

static int priority(const struct counts *c, int wanted)
{
    if (c->live >= wanted)
        return NEED_RACKS;
    if (c->live == 0)
        return c->leaving + c->left > 0 ? NEED_HIGHEST : NEED_LOST;
    if (c->live == 1)
        return NEED_HIGHEST;
    return c->live * 3 < wanted ? NEED_VERY_LOW : NEED_LOW;
}

bool redundancy_is_short(struct block_manager *bm, const struct block_info *b)
{
    struct counts c;
    int wanted = block_replication(bm, b);

    replicas_count(bm, b->id, &c);
    if (b->state != BLOCK_COMPLETE)
        return c.live < bm->replication_min;
    return c.live < wanted || !block_racks_enough(bm, b->id, wanted);
}

static bool is_needed(struct block_manager *bm, uint64_t block, const struct counts *c, int wanted)
{
    int pending = pending_count(bm, block);

    if (c->live + pending < wanted)
        return true;
    return pending == 0 && !block_racks_enough(bm, block, wanted);
}

static void drop_corrupt(struct block_manager *bm, uint64_t block)
{
    struct mark *m;

    while ((m = block_table_find(&bm->corrupt, block))) {
        struct storage *st = storage_at(bm, m->storages[0]);

        if (!st || !st->node) {
            mark_remove(&bm->corrupt, block, m->storages[0]);
            continue;
        }
        invalidate_add(bm, st->node, block, m->gs[0]);
        mark_remove(&bm->corrupt, block, st->number);
        mark_remove(&bm->excess, block, st->number); /* it may have been that before */
        if (ns_block_remove_storage(bm->ns, block, st->number))
            st->block_count--;
    }
}

static void set_need(struct block_manager *bm, uint64_t block, int need)
{
    struct block_entry *e = block_table_find(&bm->needed, block);
    bool made = false;

    if (need < 0) {
        if (e)
            block_table_remove(&bm->needed, e);
        return;
    }
    if (!e)
        e = block_table_add(&bm->needed, block, &made);
    if (e && (e->list != (uint32_t)need || made))
        block_table_move(&bm->needed, e, (uint32_t)need);
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

/* A node that is being emptied serves no writers: it goes first.  The last copy of a block may
 * go out by more streams than others. */
static struct storage *choose_source(struct block_manager *bm, const uint16_t *storages, unsigned n,
                                     uint64_t block, int need)
{
    uint32_t max = (uint32_t)(need == NEED_HIGHEST ? bm->max_streams_hard : bm->max_streams);
    struct storage *best = NULL;
    uint32_t seen = 0;

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->gone || !st->node || !st->node->alive ||
            mark_has(&bm->corrupt, block, st->number) || mark_has(&bm->excess, block, st->number))
            continue;
        if (st->node->admin != ADMIN_LEAVING &&
            (uint32_t)st->node->transfer_count + st->node->xmits >= max)
            continue;
        if ((uint32_t)st->node->transfer_count + st->node->xmits >= (uint32_t)bm->max_streams_hard)
            continue;
        if (best && best->node->admin == ADMIN_LEAVING && st->node->admin != ADMIN_LEAVING)
            continue;
        if (!best || (st->node->admin == ADMIN_LEAVING && best->node->admin != ADMIN_LEAVING))
            seen = 0;
        if (bm_random(bm, ++seen) == 0)
            best = st;
    }
    return best;
}

static bool queue_transfer(struct datanode *node, const struct block_info *b,
                           const uint16_t *targets, int count)
{
    struct transfer *t;

    if (!bm_reserve(&node->transfers, &node->transfer_room, node->transfer_count, sizeof *t))
        return false;
    t = &node->transfers[node->transfer_count++];
    *t = (struct transfer){.id = b->id, .gs = b->gs, .length = b->length, .target_count = count};
    memcpy(t->targets, targets, (size_t)count * sizeof *targets);
    return true;
}

/* The nodes that have the block, or will: @chosen counts for racks, @excluded just must not get
 * another one. */
static void gather_holders(struct block_manager *bm, uint64_t block, const uint16_t *storages,
                           unsigned n, struct placement *p)
{
    const struct pending *pending = block_table_find(&bm->pending, block);

    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || !st->node)
            continue;
        p->excluded[p->excluded_count++] = st->node;
        if (replica_is_live(bm, block, st))
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

/* Its own, or that of the nearest directory above that has one. */
static uint8_t policy_of_file(struct block_manager *bm, uint64_t inode)
{
    struct inode_info info;

    for (; inode && ns_info(bm->ns, inode, &info); inode = info.parent)
        if (info.storage_policy)
            return info.storage_policy;
    return 0;
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

    if (!source)
        return false;
    replicas_count(bm, b->id, &c);
    p.count = wanted - c.live - pending_count(bm, b->id);
    if (p.count <= 0)
        p.count = 1; /* it is the racks */
    if (p.count > MARKS_MAX)
        p.count = MARKS_MAX;
    p.policy = policy_of_file(bm, b->file);
    p.writer = source->node;
    gather_holders(bm, b->id, storages, n, &p);
    before = p.chosen_count;
    if (placement_choose(bm, &p) <= 0 || !helps(bm, &p, before, need) ||
        !queue_transfer(source->node, b, chosen + before, p.chosen_count - before))
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
            block_table_remove(&bm->needed, e);
            continue;
        }
        block_table_move(&bm->needed, e, list);
        redundancy_check(bm, &b, NULL, NULL); /* is it still so? */
        e = block_table_find(&bm->needed, block);
        if (e && e->list != NEED_LOST && order_copies(bm, &b, (int)e->list))
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
