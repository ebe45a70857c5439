/* block_manager.c -- makes the parts, and runs the monitor that looks after them. */
#include "namenode/blocks/bm_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

enum {
    TICK_MS = 100,
    CHECK_DEAD_MS = 1000,
    ROLL_MS = 600000, /* what was promised to a storage and did not come is forgotten */
};

uint32_t bm_random(struct block_manager *bm, uint32_t below)
{
    bm->random_state ^= bm->random_state << 13;
    bm->random_state ^= bm->random_state >> 7;
    bm->random_state ^= bm->random_state << 17;
    return below ? (uint32_t)((bm->random_state >> 32) * below >> 32) : 0;
}

bool bm_reserve(void *array_at, int *room, int count, size_t each)
{
    void *grown;

    if (count < *room)
        return true;
    grown = realloc(*(void **)array_at, (size_t)(*room ? *room * 2 : 8) * each);
    if (!grown)
        return false;
    *(void **)array_at = grown;
    *room = *room ? *room * 2 : 8;
    return true;
}

/* A mutex is not fair: who takes it again at once keeps it.  The pause lets a waiter wake up. */
void bm_breathe(struct block_manager *bm)
{
    static const struct timespec pause = {.tv_nsec = 20000};

    if (bm->o.let_others) {
        bm->o.let_others(bm->o.ctx);
        return;
    }
    bm_unlock(bm);
    nanosleep(&pause, NULL);
    bm_lock(bm);
}

/* ---- making ---- */

static void read_settings(struct block_manager *bm, const struct conf *c)
{
    bm->heartbeat_ms = (uint64_t)conf_int(c, OPT_heartbeat);
    bm->recheck_ms = (uint64_t)conf_int(c, OPT_heartbeat_recheck);
    bm->dead_after_ms = 2 * bm->recheck_ms + 10 * bm->heartbeat_ms;
    bm->stale_after_ms = (uint64_t)conf_int(c, OPT_stale);
    bm->avoid_stale_read = conf_bool(c, OPT_avoid_stale_read);
    bm->avoid_stale_write = conf_bool(c, OPT_avoid_stale_write);
    bm->avoid_slow_read = conf_bool(c, OPT_avoid_slow_read);
    bm->avoid_slow_write = conf_bool(c, OPT_avoid_slow_write);
    if (conf_bool(c, OPT_dn_peer_stats))
        bm->slow_interval_ms = (uint64_t)conf_int(c, OPT_dn_peer_interval);
    bm->slow_shown = (int)conf_int(c, OPT_slow_shown);
    bm->slow_avoided = (int)conf_int(c, OPT_slow_avoided);
    bm->read_by_load = conf_bool(c, OPT_read_load);
    bm->read_by_type = conf_bool(c, OPT_read_storage_type);
    bm->maintenance_min = (int)conf_int(c, OPT_maintenance_min);
    bm->default_replication = (int)conf_int(c, OPT_replication);
    bm->redundancy_ms = (uint64_t)conf_int(c, OPT_redundancy_interval);
    bm->pending_ms = (uint64_t)conf_int(c, OPT_repl_pending_timeout) * 1000;
    bm->replication_min = (int)conf_int(c, OPT_replication_min);
    bm->replication_max = (int)conf_int(c, OPT_replication_max);
    bm->max_streams = (int)conf_int(c, OPT_repl_max_streams);
    bm->max_streams_hard = (int)conf_int(c, OPT_repl_streams_hard);
    bm->load_factor = conf_bool(c, OPT_consider_load) ? conf_float(c, OPT_consider_load_factor) : 0;
    bm->leases_max = (int)conf_int(c, OPT_report_leases);
    bm->lease_ms = (uint64_t)conf_int(c, OPT_report_lease_ms);
    bm->leaving_ms = (uint64_t)conf_int(c, OPT_decommission_interval);
    bm->work_multiplier = (int)conf_int(c, OPT_repl_work_multiplier);
    bm->invalidate_limit = (int)conf_int(c, OPT_invalidate_limit);
    if (bm->invalidate_limit < (int)(20 * bm->heartbeat_ms / 1000))
        bm->invalidate_limit = (int)(20 * bm->heartbeat_ms / 1000);
    bm->safe.threshold = conf_float(c, OPT_safemode_threshold);
    bm->safe.node_threshold = (int)conf_int(c, OPT_safemode_min_dns);
    bm->safe.extension_ms = (uint64_t)conf_int(c, OPT_safemode_extension);
    bm->safe.replication = (int)conf_int(c, OPT_safemode_repl_min);
    if (bm->safe.replication == 0)
        bm->safe.replication = bm->replication_min;
}

void bm_read_settings(struct block_manager *bm, const struct conf *c)
{
    bm_lock(bm);
    read_settings(bm, c);
    bm_unlock(bm);
}

static void make_tables(struct block_manager *bm)
{
    block_table_init(&bm->writing, sizeof(struct writing), TABLE_MAX);
    block_table_init(&bm->corrupt, sizeof(struct mark), TABLE_MAX);
    block_table_init(&bm->excess, sizeof(struct mark), TABLE_MAX);
    block_table_init(&bm->needed, sizeof(struct block_entry), TABLE_MAX);
    block_table_init(&bm->pending, sizeof(struct pending), TABLE_MAX);
    block_table_init(&bm->postponed, sizeof(struct block_entry), TABLE_MAX);
    cache_init(bm);
}

int bm_new(const struct bm_options *o, struct block_manager **out, struct err *err)
{
    struct block_manager *bm = calloc(1, sizeof *bm);
    int rc;

    if (!bm)
        return err_set(err, ERR_NOMEM, "block manager");
    bm->o = *o;
    bm->env = o->env;
    bm->ns = o->ns;
    snprintf(bm->pool_id, sizeof bm->pool_id, "%s", o->pool_id);
    snprintf(bm->cluster_id, sizeof bm->cluster_id, "%s", o->cluster_id);
    bm->random_state = env_random_u64(o->env) | 1;
    pthread_mutex_init(&bm->wake_lock, NULL);
    pthread_cond_init(&bm->wake, NULL);
    make_tables(bm);
    read_settings(bm, o->conf);
    rc = topology_new(o->env, o->conf, &bm->topology, err);
    if (rc == 0)
        rc = hosts_load(o->env, o->conf, &bm->hosts, err);
    if (rc < 0) {
        bm_free(bm);
        return rc;
    }
    ns_on_block_gone(bm->ns, block_gone, bm);
    *out = bm;
    return 0;
}

void bm_free(struct block_manager *bm)
{
    if (!bm)
        return;
    if (bm->ns)
        ns_on_block_gone(bm->ns, NULL, NULL);
    slow_peers_free(bm);
    datanodes_free(bm);
    writing_free(bm);
    block_table_done(&bm->corrupt);
    block_table_done(&bm->excess);
    block_table_done(&bm->needed);
    block_table_done(&bm->pending);
    block_table_done(&bm->postponed);
    safe_mode_free(bm);
    cache_free(bm);
    hosts_free(bm->hosts);
    topology_free(bm->topology);
    free(bm->waiters);
    pthread_cond_destroy(&bm->wake);
    pthread_mutex_destroy(&bm->wake_lock);
    free(bm);
}

/* ---- waiting for a block to be whole ---- */

bool bm_is_complete_enough(struct block_manager *bm, uint64_t block)
{
    return block_complete(bm, block);
}

void bm_wait_complete(struct block_manager *bm, uint64_t block, int timeout_ms, bm_waiter fn,
                      void *ctx)
{
    struct waiter w = {block, bm_now(bm) + (uint64_t)timeout_ms, fn, ctx};

    if (block_complete(bm, block)) {
        fn(ctx, true);
        return;
    }
    if (timeout_ms <= 0 || bm->waiter_count >= WAITERS_MAX ||
        !bm_reserve(&bm->waiters, &bm->waiter_room, bm->waiter_count, sizeof w)) {
        fn(ctx, false);
        return;
    }
    bm->waiters[bm->waiter_count++] = w;
}

/* A waiter may ask anew from its own call: it has left the list before. */
static void fire(struct block_manager *bm, int index, bool ok)
{
    struct waiter w = bm->waiters[index];

    bm->waiters[index] = bm->waiters[--bm->waiter_count];
    w.fn(w.ctx, ok);
}

void bm_fire_waiters(struct block_manager *bm, uint64_t block, bool ok)
{
    for (int i = bm->waiter_count - 1; i >= 0; i--)
        if (i < bm->waiter_count && bm->waiters[i].block == block)
            fire(bm, i, ok);
}

static void fire_late_waiters(struct block_manager *bm)
{
    uint64_t now = bm_now(bm);

    for (int i = bm->waiter_count - 1; i >= 0; i--)
        if (i < bm->waiter_count && now >= bm->waiters[i].due_ms)
            fire(bm, i, false);
}

/* ---- what callers ask for ---- */

void bm_check_file(struct block_manager *bm, uint64_t file)
{
    enum { BATCH = 256 };
    uint64_t ids[BATCH];
    struct block_info b;
    uint32_t all = 1;

    for (uint32_t from = 0; from < all; from += BATCH) {
        all = ns_file_blocks(bm->ns, file, ids, from, BATCH);
        for (uint32_t i = 0; i < BATCH && from + i < all; i++)
            if (ns_block(bm->ns, ids[i], &b)) {
                block_complete(bm, b.id);
                redundancy_check(bm, &b, NULL, NULL);
            }
    }
}

void bm_report_bad(struct block_manager *bm, uint64_t block, const char *datanode_uuid,
                   const char *storage_id, const char *why)
{
    struct datanode *node = datanode_find(bm, datanode_uuid);
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct block_info b;
    unsigned n;

    (void)storage_id; /* a datanode has one replica of a block */
    if (!node || !ns_block(bm->ns, block, &b))
        return;
    n = units_on(bm, block, storages, units);
    for (unsigned i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->node != node || units[i] != id_unit(block))
            continue;
        LOG_WARN("nn.corrupt", "block=blk_%lld node=%s:%u why=\"%s\" next=\"avoid it\"",
                 (long long)block, node->ip, node->xfer_port, why ? why : "");
        replica_corrupt(bm, st, &b, block, WHY_REPORTED, b.gs);
        return;
    }
}

void bm_set_balancer_bandwidth(struct block_manager *bm, uint64_t bytes_per_s)
{
    for (int i = 0; i < bm->node_count; i++)
        bm->nodes[i]->bandwidth = bytes_per_s;
}

/* ---- the monitor ---- */

static void roll_scheduled(struct block_manager *bm)
{
    for (uint32_t i = 1; i < bm->storage_end; i++) {
        struct storage *st = bm->storages[i];

        if (!st)
            continue;
        st->scheduled -=
            st->scheduled < st->scheduled_before ? st->scheduled : st->scheduled_before;
        st->scheduled_before = st->scheduled;
    }
}

void bm_tick(struct block_manager *bm)
{
    uint64_t now;

    bm_lock(bm);
    now = bm_now(bm);
    fire_late_waiters(bm);
    if (now >= bm->dead_checked_ms + CHECK_DEAD_MS) {
        bm->dead_checked_ms = now;
        datanodes_check(bm);
        slow_peers_mark(bm);
        safe_mode_check(bm);
        redundancy_timeouts(bm);
        datanodes_free_put_away(bm, false);
    }
    if (now >= bm->redundancy_due_ms) {
        bm->redundancy_due_ms = now + bm->redundancy_ms;
        leaving_watch(bm, now);
        if (!bm_in_safe_mode(bm))
            redundancy_work(bm);
    }
    if (now >= bm->roll_due_ms) {
        bm->roll_due_ms = now + ROLL_MS;
        roll_scheduled(bm);
    }
    bm_unlock(bm);
    topology_resolve_wanted(bm->topology);
    sweep_run(bm);
    cache_tick(bm);
}

static void *monitor(void *arg)
{
    struct block_manager *bm = arg;
    struct timespec until;

    pthread_mutex_lock(&bm->wake_lock);
    while (!bm->stopping) {
        pthread_mutex_unlock(&bm->wake_lock);
        bm_tick(bm);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&bm->wake_lock);
        if (!bm->stopping)
            pthread_cond_timedwait(&bm->wake, &bm->wake_lock, &until);
    }
    pthread_mutex_unlock(&bm->wake_lock);
    return NULL;
}

void bm_begin(struct block_manager *bm)
{
    bm_lock(bm);
    bm->redundancy_due_ms = bm_now(bm) + bm->redundancy_ms;
    bm->roll_due_ms = bm_now(bm) + ROLL_MS;
    safe_mode_begin(bm);
    bm_unlock(bm);
}

void bm_start(struct block_manager *bm)
{
    bm_begin(bm);
    MUST(pthread_create(&bm->thread, NULL, monitor, bm) == 0);
    bm->thread_runs = true;
}

void bm_stop(struct block_manager *bm)
{
    if (!bm->thread_runs)
        return;
    pthread_mutex_lock(&bm->wake_lock);
    bm->stopping = true;
    pthread_cond_signal(&bm->wake);
    pthread_mutex_unlock(&bm->wake_lock);
    pthread_join(bm->thread, NULL);
    bm->thread_runs = false;
}

/* ---- B1 to B5 ---- */

struct check {
    struct block_manager *bm;
    uint64_t *counts;
};

static void check_block(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct check *c = ctx;
    uint16_t listed[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct striping s;

    for (unsigned i = 0; i < b->storage_count; i++) {
        MUST(storage_at(c->bm, storages[i]) != NULL);
        c->counts[storages[i]]++;
    }
    if (!id_is_striped(b->id))
        return;
    MUST(ns_striping(c->bm->ns, b->file, &s));
    MUST(units_on(c->bm, b->id, listed, units) == b->storage_count);
    for (unsigned i = 0; i < b->storage_count; i++) {
        MUST(units[i] < s.data + s.parity);
        for (unsigned k = 0; k < i; k++)
            MUST(listed[k] != listed[i] || units[k] != units[i]);
    }
}

static void check_marks(struct block_manager *bm, const struct block_table *t)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];

    for (const struct mark *m = block_table_first(t, 0); m; m = block_table_next(t, m)) {
        unsigned n = units_on(bm, m->e.block, storages, units);

        for (uint32_t i = 0; i < m->count; i++) {
            bool listed = false;

            for (unsigned k = 0; k < n; k++)
                listed |= storages[k] == m->storages[i] && units[k] == id_unit(m->e.block);
            MUST(listed);
        }
    }
}

static void check_needed(struct block_manager *bm)
{
    struct block_info b;

    for (uint32_t list = 0; list < NEED_LISTS; list++) {
        uint32_t groups = 0;

        for (const struct block_entry *e = block_table_first(&bm->needed, list); e;
             e = block_table_next(&bm->needed, e)) {
            MUST(ns_block(bm->ns, e->block, &b));
            MUST(b.state == BLOCK_COMPLETE && b.id == e->block);
            groups += id_is_striped(b.id);
        }
        MUST(groups == bm->needed_groups[list]);
    }
}

void bm_check(struct block_manager *bm)
{
    struct check c = {bm, calloc(STORAGES_MAX, sizeof *c.counts)};
    uint64_t from = 0;

    MUST(c.counts != NULL);
    do
        from = ns_block_scan(bm->ns, from, 4096, check_block, &c);
    while (from);
    for (uint32_t i = 1; i < bm->storage_end; i++)
        if (bm->storages[i])
            MUST(bm->storages[i]->block_count == c.counts[i]);
    free(c.counts);
    block_table_check(&bm->needed);
    block_table_check(&bm->pending);
    check_marks(bm, &bm->corrupt);
    check_marks(bm, &bm->excess);
    check_needed(bm);
}
