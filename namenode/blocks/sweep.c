/* sweep.c -- a walk over all blocks, in slices: takes storages that went off their blocks, looks
 * again at what every block needs, and finds out whether nodes that leave may go. */
#include "namenode/blocks/bm_parts.h"

#include <string.h>

void sweep_want(struct block_manager *bm, bool all)
{
    bm->sweep.wanted = true;
    bm->sweep.wanted_all |= all;
}

static bool take_off_gone(struct block_manager *bm, const struct block_info *b,
                          const uint16_t *storages)
{
    uint16_t listed[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    bool any = false;

    if (id_is_striped(b->id))
        units_on(bm, b->id, listed, units);
    for (unsigned i = 0; i < b->storage_count; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        uint64_t id = id_is_striped(b->id) ? b->id + units[i] : b->id;

        if (st && !st->gone)
            continue;
        any = true;
        if (st)
            replica_removed(bm, st, id);
        else
            ns_block_remove_storage(bm->ns, id, storages[i]);
    }
    return any;
}

static void visit(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct block_manager *bm = ctx;
    uint16_t copy[REPLICAS_MAX];
    unsigned n = b->storage_count < REPLICAS_MAX ? b->storage_count : REPLICAS_MAX;
    struct block_info now = *b;
    bool gone;

    now.storage_count = n;
    memcpy(copy, storages, n * sizeof *copy); /* @storages goes stale with the first removal */
    gone = take_off_gone(bm, &now, copy);
    if (!bm->sweep.all && !gone)
        return;
    if (gone && !ns_block(bm->ns, b->id, &now))
        return;
    redundancy_check(bm, &now, NULL, NULL);
    leaving_count_block(bm, &now, copy, n);
}

static void begin(struct block_manager *bm)
{
    bm->sweep.all = bm->sweep.wanted_all;
    bm->sweep.wanted = bm->sweep.wanted_all = false;
    bm->sweep.seq++;
    leaving_count_begin(bm);
}

void sweep_run(struct block_manager *bm)
{
    uint64_t from = 0, until;

    bm_lock(bm);
    if (!bm->sweep.wanted) {
        bm_unlock(bm);
        return;
    }
    begin(bm);
    for (;;) {
        until = env_mono_ns(bm->env) + SLICE_NS;
        do
            from = ns_block_scan(bm->ns, from, SLICE_BLOCKS, visit, bm);
        while (from && env_mono_ns(bm->env) < until);
        if (!from || bm->stopping)
            break;
        bm_breathe(bm);
    }
    if (!from) {
        storages_after_sweep(bm, bm->sweep.seq);
        leaving_count_end(bm);
    }
    bm_unlock(bm);
}
