/* cache_monitor.c -- which datanodes keep which blocks in memory, and which of them should.
 *
 * A scan goes over all directives and marks the blocks of their files; then over all blocks that are
 * marked or in some datanode's memory, and asks for what is missing or no longer wanted.  A datanode
 * hears of that with its next heartbeat and tells what it has by cache reports.  A scan holds the
 * lock in slices; one begins when directives have changed, and every
 * dfs.namenode.path.based.cache.refresh.interval.ms.
 */
#include <string.h>

#include "namenode/blocks/bm_parts.h"
#include "namenode/namespace/cache_table.h"

enum { CHILDREN = 256, COMMAND_BLOCKS_MAX = 100000 };

/* A block of which some datanode has, should have, or should no longer have a copy in memory. */
struct cached {
    struct block_entry e;
    uint64_t scan; /* the last one that found it wanted */
    uint16_t wanted;
    uint16_t in_count, coming_count, going_count;
    uint16_t in[MARKS_MAX], coming[MARKS_MAX], going[MARKS_MAX]; /* numbers of datanodes */
};

void cache_init(struct block_manager *bm)
{
    block_table_init(&bm->cache.blocks, sizeof(struct cached), TABLE_MAX);
    bm->cache.refresh_ms = (uint64_t)conf_int(bm->o.conf, OPT_cache_refresh);
    bm->cache.retry_ms = (uint64_t)conf_int(bm->o.conf, OPT_cache_retry);
    pthread_mutex_init(&bm->cache.scanning, NULL);
}

void cache_free(struct block_manager *bm)
{
    block_table_done(&bm->cache.blocks);
    pthread_mutex_destroy(&bm->cache.scanning);
}

/* ---- small sets of datanodes ---- */

static int place_in(const uint16_t *set, uint16_t count, uint16_t node)
{
    for (int i = 0; i < count; i++)
        if (set[i] == node)
            return i;
    return -1;
}

static bool put_in(uint16_t *set, uint16_t *count, uint16_t node)
{
    if (place_in(set, *count, node) >= 0 || *count == MARKS_MAX)
        return false;
    set[(*count)++] = node;
    return true;
}

static void take_from(uint16_t *set, uint16_t *count, uint16_t node)
{
    int at = place_in(set, *count, node);

    if (at >= 0)
        set[at] = set[--*count];
}

bool cache_holds(struct block_manager *bm, uint64_t block, const struct datanode *node)
{
    const struct cached *c =
        bm->cache.blocks.count ? block_table_find(&bm->cache.blocks, block) : NULL;

    return c && place_in(c->in, c->in_count, (uint16_t)node->index) >= 0;
}

/* The record of @block; a new one stands in the list that the scan still has before it. */
static struct cached *make(struct block_manager *bm, uint64_t block)
{
    bool made = false;
    struct cached *c = block_table_add(&bm->cache.blocks, block, &made);

    if (c && made && bm->cache.list != 0)
        block_table_move(&bm->cache.blocks, c, bm->cache.list);
    return c;
}

/* ---- marking: directive by directive ---- */

static uint64_t settled_length(struct block_manager *bm, const struct inode_info *file)
{
    struct block_info last;
    uint64_t id;

    if (!file->under_construction || file->block_count == 0 ||
        ns_file_blocks(bm->ns, file->id, &id, file->block_count - 1, 1) == 0 ||
        !ns_block(bm->ns, id, &last) || last.state == BLOCK_COMPLETE)
        return file->length;
    return file->length - last.length;
}

/* Bytes of one copy of @block times how many of the wanted ones are there. */
static int64_t mark_block(struct block_manager *bm, const struct cache_directive *d, uint64_t block)
{
    struct block_info b;
    struct cached *c;

    if (!ns_block(bm->ns, block, &b) || b.state != BLOCK_COMPLETE || !(c = make(bm, block)))
        return 0;
    if (c->scan != bm->cache.scan || c->wanted < d->replication)
        c->wanted = d->replication;
    c->scan = bm->cache.scan;
    return (int64_t)(c->in_count < d->replication ? c->in_count : d->replication) *
           (int64_t)b.length;
}

static void mark_file(struct block_manager *bm, struct cache_directive *d,
                      const struct inode_info *file)
{
    int64_t needed = (int64_t)settled_length(bm, file) * d->replication, cached = 0;
    uint64_t ids[CHILDREN];

    d->stats.files_needed++;
    d->stats.bytes_needed += needed;
    d->pool->stats.files_needed++;
    d->pool->stats.bytes_needed += needed;
    if (d->pool->stats.bytes_needed > d->pool->limit_bytes)
        return;
    for (uint32_t from = 0; from < file->block_count; from += CHILDREN) {
        uint32_t n = ns_file_blocks(bm->ns, file->id, ids, from, CHILDREN);

        for (uint32_t k = from; k < n && k - from < CHILDREN; k++)
            cached += mark_block(bm, d, ids[k - from]);
    }
    d->stats.bytes_cached += cached;
    d->stats.files_cached += cached == needed;
    d->pool->stats.bytes_cached += cached;
    d->pool->stats.files_cached += cached == needed;
}

/* Some of the files in @dir, those after @name; false when there are no more. */
static bool mark_children(struct block_manager *bm, struct cache_directive *d, uint64_t dir,
                          char name[256], unsigned *name_n)
{
    uint64_t ids[CHILDREN];
    int n = ns_children(bm->ns, dir, *name_n ? name : NULL, *name_n, ids, CHILDREN);

    for (int i = 0; i < n; i++) {
        struct inode_info info;

        MUST(ns_info(bm->ns, ids[i], &info));
        if (info.kind == INODE_FILE)
            mark_file(bm, d, &info);
        *name_n = info.name_n < 256 ? info.name_n : 255;
        memcpy(name, info.name, *name_n);
    }
    return n == CHILDREN;
}

/* What its path stands for: a file, or the files that are straight in a directory.  The lock is
 * given away between pieces of a directory; the directive may be gone then. */
static void mark_directive(struct block_manager *bm, uint64_t id)
{
    struct cache_directive *d = cache_directive_find(ns_cache(bm->ns), id);
    uint64_t now = env_now_ms(bm->env), inode = ns_lookup(bm->ns, d->path);
    struct inode_info info;
    char name[256];
    unsigned name_n = 0;

    if (d->expires_ms > 0 && d->expires_ms <= (int64_t)now)
        return;
    if (!inode || !ns_info(bm->ns, inode, &info))
        return;
    if (info.kind == INODE_FILE)
        mark_file(bm, d, &info);
    if (info.kind != INODE_DIR)
        return;
    while (mark_children(bm, d, inode, name, &name_n)) {
        bm_breathe(bm);
        d = cache_directive_find(ns_cache(bm->ns), id);
        if (!d || ns_kind(bm->ns, inode) != INODE_DIR)
            return;
    }
}

static void mark_all(struct block_manager *bm)
{
    struct cache_table *t = ns_cache(bm->ns);
    uint64_t id = 0;

    for (uint32_t i = 0; i < t->pool_count; i++)
        t->pools[i]->stats = (struct cache_stats){0};
    for (uint32_t i = 0; i < t->directive_count; i++)
        t->directives[i]->stats = (struct cache_stats){0};
    for (uint32_t i; (i = cache_directive_from(t, id + 1)) < t->directive_count;) {
        id = t->directives[i]->id;
        mark_directive(bm, id);
        if (id % 64 == 0)
            bm_breathe(bm);
    }
}

/* ---- asking datanodes: block by block ---- */

static struct datanode *node_at(struct block_manager *bm, uint16_t number)
{
    return number < bm->node_count ? bm->nodes[number] : NULL;
}

static int64_t room_of(const struct datanode *node)
{
    return (int64_t)node->cache_capacity - (int64_t)node->cache_used -
           (int64_t)node->cache_promised;
}

static void want_told(struct block_manager *bm, uint16_t number)
{
    struct datanode *node = node_at(bm, number);

    if (node)
        node->cache_news = true;
}

/* One more datanode with a good replica and room, by chance, those with more room sooner. */
static struct datanode *choose(struct block_manager *bm, const struct cached *c,
                               const struct block_info *b)
{
    uint16_t storages[REPLICAS_MAX];
    unsigned n = listed_on(bm, b->id, storages);
    struct datanode *best = NULL;
    uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);
        uint32_t percent;

        if (!replica_is_live(bm, b->id, st) || !datanode_in_service(st->node) ||
            datanode_is_stale(bm, st->node) || room_of(st->node) < (int64_t)b->length ||
            place_in(c->in, c->in_count, (uint16_t)st->node->index) >= 0 ||
            place_in(c->coming, c->coming_count, (uint16_t)st->node->index) >= 0)
            continue;
        percent = (uint32_t)(room_of(st->node) * 100 / (int64_t)st->node->cache_capacity) + 1;
        sum += percent;
        if (bm_random(bm, (uint32_t)sum) < percent)
            best = st->node;
    }
    return best;
}

static void ask_more(struct block_manager *bm, struct cached *c, const struct block_info *b,
                     int more)
{
    struct datanode *node;

    for (; more > 0 && (node = choose(bm, c, b)) != NULL; more--) {
        if (!put_in(c->coming, &c->coming_count, (uint16_t)node->index))
            return;
        node->cache_promised += b->length;
        node->cache_news = true;
    }
}

static void ask_fewer(struct block_manager *bm, struct cached *c, int fewer)
{
    for (int i = 0; i < c->in_count && fewer > 0; i++)
        if (put_in(c->going, &c->going_count, c->in[i])) {
            want_told(bm, c->in[i]);
            fewer--;
        }
}

/* False when there is nothing left to do about the block. */
static bool look_after(struct block_manager *bm, struct cached *c)
{
    struct block_info b;
    bool good = ns_block(bm->ns, c->e.block, &b) && b.state == BLOCK_COMPLETE;
    int wanted = good && c->scan == bm->cache.scan ? c->wanted : 0;

    for (int i = c->going_count - 1; i >= 0; i--)
        if (place_in(c->in, c->in_count, c->going[i]) < 0)
            take_from(c->going, &c->going_count, c->going[i]);
    if (c->in_count >= wanted)
        c->coming_count = 0;
    if (c->in_count < wanted)
        c->going_count = 0;
    if (c->in_count > wanted + c->going_count)
        ask_fewer(bm, c, c->in_count - wanted - c->going_count);
    else if (wanted > c->in_count + c->coming_count)
        ask_more(bm, c, &b, wanted - c->in_count - c->coming_count);
    return wanted > 0 || c->in_count + c->coming_count + c->going_count > 0;
}

static void look_after_all(struct block_manager *bm)
{
    uint32_t from = bm->cache.list, to = 1 - from;
    struct cached *c;

    for (int i = 0; i < bm->node_count; i++)
        bm->nodes[i]->cache_promised = 0;
    bm->cache.list = to; /* what is reported from now on is for the next scan */
    for (int n = 1; (c = block_table_first(&bm->cache.blocks, from)) != NULL; n++) {
        if (look_after(bm, c))
            block_table_move(&bm->cache.blocks, c, to);
        else
            block_table_remove(&bm->cache.blocks, c);
        if (n % SLICE_BLOCKS == 0)
            bm_breathe(bm);
    }
}

/* Without the lock. */
static void scan(struct block_manager *bm)
{
    pthread_mutex_lock(&bm->cache.scanning);
    bm_lock(bm);
    if (bm->cache.changed || bm_now(bm) >= bm->cache.due_ms) {
        bm->cache.changed = false;
        bm->cache.due_ms = bm_now(bm) + bm->cache.refresh_ms;
        if (ns_cache(bm->ns)->directive_count > 0 || bm->cache.blocks.count > 0 ||
            ns_cache(bm->ns)->pool_count > 0) {
            bm->cache.scan++;
            mark_all(bm);
            look_after_all(bm);
        }
    }
    bm_unlock(bm);
    pthread_mutex_unlock(&bm->cache.scanning);
}

void cache_tick(struct block_manager *bm)
{
    scan(bm);
}

/* Also waits for a scan that is under way: its sums are not whole yet. */
void bm_cache_rescan(struct block_manager *bm)
{
    scan(bm);
}

void bm_cache_changed(struct block_manager *bm)
{
    bm->cache.changed = true;
}

struct cache_stats bm_cache_need(struct block_manager *bm, const char *path)
{
    uint64_t inode = ns_lookup(bm->ns, path), ids[CHILDREN];
    struct cache_stats need = {0};
    struct inode_info info;
    char name[256];
    unsigned name_n = 0;
    int n;

    if (!inode || !ns_info(bm->ns, inode, &info) || info.kind == INODE_SYMLINK)
        return need;
    if (info.kind == INODE_FILE)
        return (struct cache_stats){.bytes_needed = (int64_t)info.length, .files_needed = 1};
    do {
        n = ns_children(bm->ns, inode, name_n ? name : NULL, name_n, ids, CHILDREN);
        for (int i = 0; i < n; i++) {
            MUST(ns_info(bm->ns, ids[i], &info));
            need.files_needed++;
            if (info.kind == INODE_FILE)
                need.bytes_needed += (int64_t)info.length;
            name_n = info.name_n < 256 ? info.name_n : 255;
            memcpy(name, info.name, name_n);
        }
    } while (n == CHILDREN);
    return need;
}

/* ---- datanodes ---- */

static void forget_reported(struct block_manager *bm, uint16_t number)
{
    for (uint32_t list = 0; list < 2; list++)
        for (struct cached *c = block_table_first(&bm->cache.blocks, list); c;
             c = block_table_next(&bm->cache.blocks, c))
            take_from(c->in, &c->in_count, number);
}

void cache_reported(struct block_manager *bm, struct datanode *node, const uint64_t *blocks,
                    size_t count)
{
    uint16_t number = (uint16_t)node->index;

    if (bm->cache.blocks.count > 0)
        forget_reported(bm, number);
    for (size_t i = 0; i < count; i++) {
        struct block_info b;
        struct cached *c;

        if (!ns_block(bm->ns, blocks[i], &b) || b.state != BLOCK_COMPLETE ||
            !(c = make(bm, blocks[i])))
            continue;
        put_in(c->in, &c->in_count, number);
        take_from(c->coming, &c->coming_count, number);
    }
}

/* What has not come in yet will not come from a datanode that died. */
void cache_node_gone(struct block_manager *bm, struct datanode *node)
{
    uint16_t number = (uint16_t)node->index;

    for (uint32_t list = 0; list < 2; list++)
        for (struct cached *c = block_table_first(&bm->cache.blocks, list); c;
             c = block_table_next(&bm->cache.blocks, c)) {
            take_from(c->in, &c->in_count, number);
            take_from(c->coming, &c->coming_count, number);
            take_from(c->going, &c->going_count, number);
        }
}

static Pb__BlockIdCommandProto *make_command(struct block_manager *bm, struct arena *arena,
                                             Pb__BlockIdCommandProto__Action action, size_t max)
{
    Pb__BlockIdCommandProto *cmd = arena_alloc(arena, sizeof *cmd);

    if (!cmd)
        return NULL;
    pb__block_id_command_proto__init(cmd);
    cmd->action = action;
    cmd->blockpoolid = bm->pool_id;
    cmd->blockids = arena_alloc(arena, max * sizeof *cmd->blockids + 1);
    return cmd->blockids ? cmd : NULL;
}

void cache_commands(struct block_manager *bm, struct datanode *node, struct arena *arena,
                    Pb__BlockIdCommandProto **in, Pb__BlockIdCommandProto **out)
{
    uint16_t number = (uint16_t)node->index;
    size_t max = bm->cache.blocks.count;

    *in = *out = NULL;
    if (max == 0 || (!node->cache_news && bm_now(bm) - node->cache_told_ms < bm->cache.retry_ms))
        return;
    if (max > COMMAND_BLOCKS_MAX)
        max = COMMAND_BLOCKS_MAX;
    *in = make_command(bm, arena, PB__BLOCK_ID_COMMAND_PROTO__ACTION__CACHE, max);
    *out = make_command(bm, arena, PB__BLOCK_ID_COMMAND_PROTO__ACTION__UNCACHE, max);
    for (uint32_t list = 0; *in && *out && list < 2; list++)
        for (struct cached *c = block_table_first(&bm->cache.blocks, list); c;
             c = block_table_next(&bm->cache.blocks, c)) {
            if ((*in)->n_blockids < max && place_in(c->coming, c->coming_count, number) >= 0)
                (*in)->blockids[(*in)->n_blockids++] = c->e.block;
            if ((*out)->n_blockids < max && place_in(c->going, c->going_count, number) >= 0)
                (*out)->blockids[(*out)->n_blockids++] = c->e.block;
        }
    if (*in && (*in)->n_blockids == 0)
        *in = NULL;
    if (*out && (*out)->n_blockids == 0)
        *out = NULL;
    node->cache_news = false;
    node->cache_told_ms = bm_now(bm);
}
