/* replicas.c -- what a datanode says it has of a block, and what that makes of the block. */
#include "namenode/blocks/group.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"

#define FINALIZED PB__REPLICA_STATE_PROTO__FINALIZED
#define RBW PB__REPLICA_STATE_PROTO__RBW
#define RWR PB__REPLICA_STATE_PROTO__RWR

/* ---- marks: replicas that are corrupt, or one too many ---- */

bool mark_has(const struct block_table *t, uint64_t id, uint16_t storage)
{
    const struct mark *m = block_table_find(t, id);

    for (uint32_t i = 0; m && i < m->count; i++)
        if (m->storages[i] == storage)
            return true;
    return false;
}

bool mark_add(struct block_table *t, uint64_t id, uint16_t storage, uint8_t why, uint64_t gs)
{
    struct mark *m;
    bool made;

    if (mark_has(t, id, storage))
        return false;
    m = block_table_add(t, id, &made);
    if (!m || m->count == MARKS_MAX)
        return false; /* the others first */
    m->storages[m->count] = storage;
    m->why[m->count] = why;
    m->gs[m->count++] = gs;
    return true;
}

bool mark_remove(struct block_table *t, uint64_t id, uint16_t storage)
{
    struct mark *m = block_table_find(t, id);
    uint32_t i = 0;

    if (!m)
        return false;
    while (i < m->count && m->storages[i] != storage)
        i++;
    if (i == m->count)
        return false;
    m->count--;
    m->storages[i] = m->storages[m->count];
    m->why[i] = m->why[m->count];
    m->gs[i] = m->gs[m->count];
    if (m->count == 0)
        block_table_remove(t, m);
    return true;
}

void mark_forget(struct block_table *t, uint64_t block)
{
    uint64_t end = id_is_striped(block) ? block + GROUP_UNITS : block + 1;

    for (; t->count && block < end; block++) {
        void *m = block_table_find(t, block);

        if (m)
            block_table_remove(t, m);
    }
}

/* ---- counting ---- */

static bool storage_lives(const struct storage *st)
{
    return st && !st->gone && st->node && st->node->alive;
}

void replica_count(struct block_manager *bm, uint64_t id, const struct storage *st,
                   struct counts *c)
{
    if (st && !st->gone && st->node && datanode_in_maintenance(st->node) && !id_is_striped(id) &&
        !mark_has(&bm->corrupt, id, st->number)) {
        c->away++; /* dead or alive */
        return;
    }
    if (!storage_lives(st))
        return;
    if (mark_has(&bm->corrupt, id, st->number))
        c->corrupt++;
    else if (mark_has(&bm->excess, id, st->number))
        c->excess++;
    else if (datanode_is_leaving(st->node))
        c->leaving++;
    else if (st->node->admin == ADMIN_LEFT || st->node->admin == ADMIN_AWAY)
        c->left++;
    else {
        c->live++;
        c->stale += !st->reported;
    }
}

static void count_units(struct block_manager *bm, uint64_t block, struct counts *out)
{
    struct block_info b;
    struct group g;

    if (ns_block(bm->ns, block, &b) && group_look(bm, &b, &g))
        *out = g.replicas;
}

void replicas_count(struct block_manager *bm, uint64_t block, struct counts *out)
{
    uint16_t storages[REPLICAS_MAX];
    unsigned n;

    *out = (struct counts){0};
    if (id_is_striped(block)) {
        count_units(bm, block, out);
        return;
    }
    n = listed_on(bm, block, storages);
    out->listed = (int)n;
    for (unsigned i = 0; i < n; i++)
        replica_count(bm, block, storage_at(bm, storages[i]), out);
}

bool replica_is_live(struct block_manager *bm, uint64_t id, const struct storage *st)
{
    struct counts c = {0};

    replica_count(bm, id, st, &c);
    return c.live > 0;
}

int block_min(struct block_manager *bm, const struct block_info *b)
{
    struct striping s;

    if (!id_is_striped(b->id) || !ns_striping(bm->ns, b->file, &s))
        return bm->replication_min;
    return (int)striping_data_used(&s, b->length);
}

/* ---- completing ---- */

/* Who reported another stamp or length than the writer's has no part of the block. */
static void drop_other_versions(struct block_manager *bm, const struct block_info *b)
{
    const struct writing *w = writing_find(bm, b->id);

    for (uint32_t i = 0; w && i < w->count; i++) {
        const struct writing_replica *r = &w->replicas[i];
        struct storage *st = storage_at(bm, r->storage);

        if (!st || r->gs == 0)
            continue;
        if (r->gs != b->gs && r->state == FINALIZED)
            replica_corrupt(bm, st, b, b->id + r->unit, WHY_STAMP, r->gs);
        else if (r->state == FINALIZED && r->length != group_unit_length(bm, b, b->id + r->unit))
            replica_corrupt(bm, st, b, b->id + r->unit, WHY_LENGTH, r->gs);
        w = writing_find(bm, b->id);
    }
}

/* Those of the pipeline that have not reported yet will: no copies are made in their stead. Not so
 * the units of a group, whose writers may have failed without a word. */
static void expect_the_rest(struct block_manager *bm, uint64_t block)
{
    const struct writing *w = id_is_striped(block) ? NULL : writing_find(bm, block);
    uint16_t storages[REPLICAS_MAX];
    unsigned n = listed_on(bm, block, storages);

    for (uint32_t i = 0; w && i < w->count; i++) {
        const struct storage *st = storage_at(bm, w->replicas[i].storage);
        bool here = false;

        for (unsigned k = 0; k < n && !here; k++) {
            const struct storage *other = storage_at(bm, storages[k]);

            here = st && other && other->node == st->node;
        }
        if (!here && storage_lives(st))
            pending_add(bm, block, st->number);
    }
}

static void settle(struct block_manager *bm, uint64_t block)
{
    if (!writing_find(bm, block))
        return;
    expect_the_rest(bm, block);
    writing_forget(bm, block);
    bm_fire_waiters(bm, block, true);
}

bool block_complete(struct block_manager *bm, uint64_t block)
{
    struct block_info b;
    struct counts c;

    if (!ns_block(bm->ns, block, &b))
        return false;
    if (b.state == BLOCK_COMPLETE) {
        settle(bm, block); /* a record may have completed it: a close that did not wait */
        return true;
    }
    if (b.state != BLOCK_COMMITTED)
        return false;
    drop_other_versions(bm, &b);
    replicas_count(bm, block, &c);
    if (c.live + c.leaving + c.left < block_min(bm, &b))
        return false;
    ns_block_set_state(bm->ns, block, BLOCK_COMPLETE);
    safe_mode_block_made(bm);
    settle(bm, block);
    if (ns_block(bm->ns, block, &b))
        redundancy_check(bm, &b, NULL, NULL);
    return true;
}

/* ---- coming and going ---- */

/* A node has one replica of a block: on another of its storages it has moved. */
static void take_off_siblings(struct block_manager *bm, const struct storage *st, uint64_t id)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(bm, id, storages, units);

    for (unsigned i = 0; i < n; i++) {
        struct storage *other = storage_at(bm, storages[i]);

        if (!other || other == st || other->node != st->node || units[i] != id_unit(id))
            continue;
        if (ns_block_remove_storage(bm->ns, id, other->number))
            other->block_count--;
        mark_remove(&bm->corrupt, id, other->number);
        mark_remove(&bm->excess, id, other->number);
    }
}

static bool list_replica(struct block_manager *bm, struct storage *st, uint64_t id)
{
    take_off_siblings(bm, st, id);
    if (!ns_block_add_storage(bm->ns, id, st->number))
        return false;
    st->block_count++;
    return true;
}

void replica_add(struct block_manager *bm, struct storage *st, const struct block_info *b,
                 uint64_t id, struct datanode *hint)
{
    struct block_info now;
    bool added = list_replica(bm, st, id);
    struct mark *m = block_table_find(&bm->corrupt, id);

    if (!added)
        for (uint32_t i = 0; m && i < m->count; i++)
            if (m->storages[i] == st->number && m->why[i] != WHY_REPORTED) {
                mark_remove(&bm->corrupt, id, st->number); /* it was put right meanwhile */
                break;
            }
    if (!added && mark_has(&bm->excess, id, st->number))
        invalidate_add(bm, st->node, id, b->gs); /* it was told to, and restarted before */
    if (added && st->scheduled > 0)
        st->scheduled--;
    pending_done(bm, b->id, st->node);
    if (added && id_is_striped(id))
        rebuild_check(bm, b);
    if (b->state == BLOCK_COMMITTED || (b->state == BLOCK_COMPLETE && bm->writing.count))
        block_complete(bm, b->id);
    safe_mode_look(bm, b->id);
    if (bm->populating && ns_block(bm->ns, b->id, &now))
        redundancy_check(bm, &now, st->node, hint);
}

void replica_removed(struct block_manager *bm, struct storage *st, uint64_t id)
{
    struct block_info b;

    mark_remove(&bm->corrupt, id, st->number);
    mark_remove(&bm->excess, id, st->number);
    if (!ns_block_remove_storage(bm->ns, id, st->number))
        return;
    st->block_count--;
    if (!ns_block(bm->ns, id, &b))
        return;
    safe_mode_look(bm, b.id);
    redundancy_check(bm, &b, NULL, NULL);
}

void replica_corrupt(struct block_manager *bm, struct storage *st, const struct block_info *b,
                     uint64_t id, enum corrupt_why why, uint64_t reported_gs)
{
    static const char *const texts[] = {"unknown", "generation stamp", "length", "state",
                                        "reported by a reader"};
    struct counts c;
    int wanted = block_replication(bm, b);
    bool old;

    list_replica(bm, st, id); /* it counts as there, and as corrupt */
    if (!mark_add(&bm->corrupt, id, st->number, (uint8_t)why, reported_gs))
        return;
    bm->bad_replicas++;
    safe_mode_look(bm, b->id);
    replicas_count(bm, b->id, &c);
    /* left over from an earlier version, while the block as it is now is safe elsewhere */
    old = why == WHY_STAMP && reported_gs < b->gs && c.live >= block_min(bm, b);
    LOG_WARN("nn.corrupt",
             "block=blk_%" PRId64 "_%" PRIu64 " node=%s:%u why=\"%s\" live=%d "
             "wanted=%d next=\"%s\"",
             (int64_t)id, b->gs, st->node->ip, st->node->xfer_port, texts[why], c.live, wanted,
             c.live >= wanted || old ? "delete it" : "copy a good one first");
    if (old && c.stale == 0) {
        invalidate_add(bm, st->node, id, reported_gs);
        replica_removed(bm, st, id);
        return;
    }
    redundancy_check(bm, b, NULL, NULL);
}

/* ---- reports ---- */

/* Hadoop's table of what makes a reported replica corrupt; @length: that it should have. */
static bool is_corrupt(const struct block_info *b, const struct reported *r, uint64_t length,
                       enum corrupt_why *why)
{
    bool done = b->state == BLOCK_COMPLETE || b->state == BLOCK_COMMITTED;

    *why = WHY_STAMP;
    switch (r->state) {
    case FINALIZED:
        if (done && b->gs == r->gs && length != r->length)
            *why = WHY_LENGTH;
        return (done && (b->gs != r->gs || length != r->length)) ||
               (b->state == BLOCK_UNDER_CONSTRUCTION && b->gs > r->gs);
    case RBW: /* of a complete block with this stamp: the report is older than its end */
        return b->state == BLOCK_COMPLETE && b->gs != r->gs;
    case RWR:
        if (b->gs == r->gs)
            *why = WHY_STATE;
        return b->state == BLOCK_COMPLETE;
    default: *why = WHY_STATE; return true;
    }
}

/* A unit that the group's policy has not. */
static bool is_stray_unit(struct block_manager *bm, const struct block_info *b, uint64_t id)
{
    struct striping s;

    if (!id_is_striped(id) || !ns_striping(bm->ns, b->file, &s))
        return false;
    return id_unit(id) >= s.data + s.parity;
}

static bool is_being_written(const struct block_info *b, const struct reported *r)
{
    if (r->state == FINALIZED)
        return b->state == BLOCK_UNDER_CONSTRUCTION || b->state == BLOCK_UNDER_RECOVERY;
    return b->state != BLOCK_COMPLETE;
}

void replica_reported(struct block_manager *bm, struct storage *st, const struct reported *r,
                      struct datanode *hint)
{
    struct block_info b;
    enum corrupt_why why;

    if (st->gone || !st->node)
        return;
    if (!ns_block(bm->ns, r->id, &b) || is_stray_unit(bm, &b, r->id)) {
        safe_mode_future(bm, r);
        invalidate_add(bm, st->node, r->id, r->gs);
        return;
    }
    if (is_corrupt(&b, r, group_unit_length(bm, &b, r->id), &why)) {
        replica_corrupt(bm, st, &b, r->id, why, r->gs);
        return;
    }
    if (is_being_written(&b, r))
        writing_reported(bm, b.id, st, r);
    if (r->state == FINALIZED)
        replica_add(bm, st, &b, r->id, hint);
}

/* The namespace lets go of a block: so do we, and its datanodes. */
void block_gone(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct block_manager *bm = ctx;
    const struct writing *w = writing_find(bm, b->id);
    uint16_t listed[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];

    if (id_is_striped(b->id))
        units_on(bm, b->id, listed, units);
    for (unsigned i = 0; i < b->storage_count; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        uint64_t id = id_is_striped(b->id) ? b->id + units[i] : b->id;

        if (!st)
            continue;
        st->block_count--;
        if (storage_lives(st) && !mark_has(&bm->excess, id, st->number))
            invalidate_add(bm, st->node, id, b->gs);
        if (w)
            writing_drop_storage(bm, id, st->number);
    }
    for (uint32_t i = 0; w && i < w->count; i++) {
        const struct writing_replica *r = &w->replicas[i];
        struct storage *st = storage_at(bm, r->storage);

        if (storage_lives(st))
            invalidate_add(bm, st->node, b->id + r->unit, r->gs ? r->gs : b->gs);
        if (st && st->scheduled > 0 && r->state != PB__REPLICA_STATE_PROTO__FINALIZED)
            st->scheduled--; /* it will not come */
    }
    safe_mode_block_gone(bm, b);
    writing_forget(bm, b->id);
    if (id_is_striped(b->id))
        rebuild_cancel(bm, b);
    redundancy_forget(bm, b->id);
    mark_forget(&bm->corrupt, b->id);
    mark_forget(&bm->excess, b->id);
    bm_fire_waiters(bm, b->id, false);
}
