/* excess.c -- a block has more copies than it should: which of them go.
 *
 * None while a node that holds one has not reported all its blocks: its copy may be gone, and
 * then another would be deleted in its stead.  Such a block waits.  Of a block group each unit
 * that is there twice is looked at by itself; it is the group's racks that count. */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"

struct candidates {
    struct storage *of[REPLICAS_MAX];
    int count;
    struct storage *others[REPLICAS_MAX]; /* with the other units of the group */
    int other_count;
    bool some_stale;
};

static void gather(struct block_manager *bm, uint64_t id, struct candidates *out)
{
    uint64_t block = id_of_group(id);
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(bm, block, storages, units);

    out->count = out->other_count = 0;
    out->some_stale = false;
    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!replica_is_live(bm, block + units[i], st))
            continue;
        out->some_stale |= !st->reported;
        if (units[i] != id_unit(id))
            out->others[out->other_count++] = st;
        else if (!st->read_only)
            out->of[out->count++] = st;
    }
}

static bool shares_rack(const struct candidates *c, const struct storage *st)
{
    for (int i = 0; i < c->count; i++)
        if (c->of[i] != st && strcmp(c->of[i]->node->place, st->node->place) == 0)
            return true;
    for (int i = 0; i < c->other_count; i++)
        if (strcmp(c->others[i]->node->place, st->node->place) == 0)
            return true;
    return false;
}

static bool shares_rack_with(const struct candidates *c, const struct datanode *node)
{
    for (int i = 0; i < c->count; i++)
        if (c->of[i]->node == node)
            return shares_rack(c, c->of[i]);
    return false;
}

/* A node not heard of for a while first, then the fullest. */
static bool goes_before(struct block_manager *bm, const struct storage *a, const struct storage *b)
{
    uint64_t silence = bm_now(bm) - 4 * bm->heartbeat_ms;
    bool a_late = a->node->heard_ms < silence, b_late = b->node->heard_ms < silence;

    if (a_late || b_late)
        return a->node->heard_ms < b->node->heard_ms;
    return a->remaining < b->remaining;
}

static struct storage *choose_one(struct block_manager *bm, const struct candidates *c)
{
    struct storage *best = NULL;
    bool crowded = false;

    for (int i = 0; i < c->count; i++) {
        struct storage *st = c->of[i];
        bool shared = shares_rack(c, st);

        if (crowded && !shared)
            continue; /* racks with one copy are left alone while others have two */
        if (!best || (shared && !crowded) || goes_before(bm, st, best))
            best = st;
        crowded |= shared;
    }
    return best;
}

/* A balancer's move: the copy it came from goes, unless that costs a rack. */
static struct storage *hinted(const struct candidates *c, const struct datanode *added,
                              const struct datanode *hint)
{
    for (int i = 0; hint && i < c->count; i++)
        if (c->of[i]->node == hint &&
            (shares_rack(c, c->of[i]) || (added && !shares_rack_with(c, added))))
            return c->of[i];
    return NULL;
}

static void remove_candidate(struct candidates *c, const struct storage *st)
{
    for (int i = 0; i < c->count; i++)
        if (c->of[i] == st) {
            c->of[i] = c->of[--c->count];
            return;
        }
}

/* False when the block has to wait. */
static bool choose_from(struct block_manager *bm, const struct block_info *b, uint64_t id,
                        int wanted, struct datanode *added, struct datanode *hint)
{
    struct candidates c;

    gather(bm, id, &c);
    if (c.some_stale)
        return false;
    while (c.count > wanted && c.count > 1) {
        struct storage *st = hinted(&c, added, hint);

        hint = NULL;
        if (!st)
            st = choose_one(bm, &c);
        if (!st || !mark_add(&bm->excess, id, st->number, WHY_UNKNOWN, b->gs))
            return true;
        invalidate_add(bm, st->node, id, b->gs);
        LOG_DEBUG("nn.excess", "block=blk_%" PRId64 " node=%s:%u next=delete", (int64_t)id,
                  st->node->ip, st->node->xfer_port);
        remove_candidate(&c, st);
    }
    return true;
}

void excess_choose(struct block_manager *bm, const struct block_info *b, int wanted,
                   struct datanode *added, struct datanode *hint)
{
    uint64_t end = id_is_striped(b->id) ? b->id + GROUP_UNITS : b->id + 1;
    bool made;

    for (uint64_t id = b->id; id < end; id++)
        if (!choose_from(bm, b, id, wanted, added, hint)) {
            block_table_add(&bm->postponed, b->id, &made);
            return;
        }
}

void excess_recheck_postponed(struct block_manager *bm)
{
    uint32_t tries = bm->postponed.count;
    struct block_entry *e;
    struct block_info b;

    if (tries > 10000)
        tries = 10000; /* as many as one hold of the lock bears */
    while (tries-- > 0 && (e = block_table_first(&bm->postponed, 0))) {
        uint64_t block = e->block;

        block_table_remove(&bm->postponed, e);
        if (ns_block(bm->ns, block, &b))
            redundancy_check(bm, &b, NULL, NULL); /* comes back here if it must wait on */
    }
}
