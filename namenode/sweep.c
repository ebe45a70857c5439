/* sweep.c -- a walk over all blocks, in slices: takes storages that went off their blocks, looks
 * again at what every block needs, and finds out whether nodes that leave may go. */
#include "namenode/bm_parts.h"

#include <string.h>

#include "common/log.h"

void sweep_want(struct block_manager *bm, bool all)
{
    bm->sweep.wanted = true;
    bm->sweep.wanted_all |= all;
}

static bool take_off_gone(struct block_manager *bm, const struct block_info *b,
                          const uint16_t *storages)
{
    bool any = false;

    for (unsigned i = 0; i < b->storage_count; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (st && !st->gone)
            continue;
        any = true;
        if (st)
            replica_removed(bm, st, b->id);
        else
            ns_block_remove_storage(bm->ns, b->id, storages[i]);
    }
    return any;
}

static void count_for_leaving(struct block_manager *bm, const struct block_info *b,
                              const uint16_t *storages, unsigned n)
{
    bool asked = false, is_short = false;

    for (unsigned i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || !st->node || !st->node->counted)
            continue;
        if (!asked)
            is_short = redundancy_is_short(bm, b);
        asked = true;
        st->node->insufficient += is_short;
    }
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
    count_for_leaving(bm, &now, copy, n);
}

static void begin(struct block_manager *bm)
{
    bm->sweep.all = bm->sweep.wanted_all;
    bm->sweep.wanted = bm->sweep.wanted_all = false;
    bm->sweep.seq++;
    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        node->counted = bm->sweep.all && node->admin == ADMIN_LEAVING;
        if (node->counted)
            node->insufficient = 0;
    }
}

static bool has_reported(const struct datanode *node)
{
    for (int i = 0; i < node->storage_count; i++)
        if (!node->storages[i]->reported && !node->storages[i]->failed)
            return false;
    return node->storage_count > 0;
}

static void let_go(struct block_manager *bm)
{
    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        if (node->counted && node->admin == ADMIN_LEAVING && node->insufficient == 0 &&
            (!node->alive || has_reported(node)))
            datanode_set_admin(bm, node, ADMIN_LEFT);
        node->counted = false;
    }
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
        let_go(bm);
    }
    bm_unlock(bm);
}
