#include "client/locator.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAP_BLOCKS_FIRST = 10, /* blocks asked for at a time; doubles with every miss */
    DEAD_MAX = 64,
};

struct locator {
    struct dfs *fs;
    char *path;
    uint64_t length, version;
    bool version_is_whole, is_striped;
    struct stripe_policy policy;
    pthread_mutex_t lock; /* the rest */
    struct block_map *map;
    uint64_t map_bytes;
    char *dead[DEAD_MAX]; /* uuids */
    int dead_count;
};

/* A block's bytes change only with its id, its stamp or its length. */
static void set_version(struct locator *l)
{
    uint64_t v = l->map->file_length;

    for (size_t i = 0; i < l->map->blocks->n_blocks; i++) {
        const Pb__ExtendedBlockProto *b = l->map->blocks->blocks[i]->b;

        v = (v ^ b->blockid) * 0x9E3779B97F4A7C15u;
        v = (v ^ b->generationstamp) * 0x9E3779B97F4A7C15u;
        v = (v ^ (v >> 32) ^ b->numbytes) * 0x9E3779B97F4A7C15u;
    }
    l->version = v;
    l->version_is_whole = l->map->from == 0 && l->map->to >= l->length;
}

uint64_t locator_version(const struct locator *l, bool *whole)
{
    *whole = l->version_is_whole;
    return l->version;
}

int locator_open(struct dfs *fs, const char *path, struct locator **out, struct err *err)
{
    struct locator *l = calloc(1, sizeof *l);
    int rc;

    if (!l)
        return err_set(err, ERR_NOMEM, "open %s", path);
    l->fs = fs;
    pthread_mutex_init(&l->lock, NULL);
    l->path = strdup(path);
    l->map_bytes = (uint64_t)conf_int(fs->conf, OPT_block_size) * MAP_BLOCKS_FIRST;
    rc = l->path ? block_map_fetch(fs, path, 0, l->map_bytes, &l->map, err)
                 : err_set(err, ERR_NOMEM, "open %s", path);
    if (rc == 0 && l->map->blocks->ecpolicy) {
        l->is_striped = true;
        rc = stripe_policy_from(l->map->blocks->ecpolicy, &l->policy, err);
    }
    if (rc < 0) {
        locator_close(l);
        return rc;
    }
    l->length = l->map->file_length;
    set_version(l);
    *out = l;
    return 0;
}

static void forget_locked(struct locator *l)
{
    for (int i = 0; i < l->dead_count; i++)
        free(l->dead[i]);
    l->dead_count = 0;
}

void locator_forget_dead(struct locator *l)
{
    pthread_mutex_lock(&l->lock);
    forget_locked(l);
    pthread_mutex_unlock(&l->lock);
}

void locator_close(struct locator *l)
{
    if (!l)
        return;
    forget_locked(l);
    block_map_drop(l->map);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

const char *locator_path(const struct locator *l)
{
    return l->path;
}

uint64_t locator_length(const struct locator *l)
{
    return l->length;
}

const struct stripe_policy *locator_policy(const struct locator *l)
{
    return l->is_striped ? &l->policy : NULL;
}

/* A file that was coded anew, or replaced by one that is coded otherwise, can't be read on: its bytes lie
 * elsewhere. */
static int check_coding(const struct locator *l, const struct block_map *m, struct err *err)
{
    const Pb__ErasureCodingPolicyProto *now = m->blocks->ecpolicy;
    struct stripe_policy p = {0};
    int rc = now && l->is_striped ? stripe_policy_from(now, &p, err) : 0;

    if (rc < 0 || (!now == !l->is_striped && strcmp(p.name, l->policy.name) == 0))
        return rc;
    return err_set(err, ERR_IO, "%s was coded anew or replaced while it was read: open it again",
                   l->path);
}

int locator_map(struct locator *l, uint64_t offset, const struct block_map *stale,
                struct block_map **out, struct err *err)
{
    struct block_map *m = NULL;
    uint64_t span;
    int rc;

    pthread_mutex_lock(&l->lock);
    if (l->map != stale && offset >= l->map->from && offset < l->map->to)
        m = block_map_hold(l->map);
    else if (!stale && l->map_bytes < l->length)
        l->map_bytes *= 2;
    span = l->map_bytes;
    pthread_mutex_unlock(&l->lock);
    if (m) {
        *out = m;
        return 0;
    }
    rc = block_map_fetch(l->fs, l->path, offset, span, &m, err);
    if (rc < 0)
        return rc;
    if ((rc = check_coding(l, m, err)) < 0) {
        block_map_drop(m);
        return rc;
    }
    pthread_mutex_lock(&l->lock);
    block_map_drop(l->map);
    l->map = block_map_hold(m);
    pthread_mutex_unlock(&l->lock);
    *out = m;
    return 0;
}

static bool is_dead(struct locator *l, const char *uuid)
{
    bool found = false;

    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->dead_count && !found; i++)
        found = strcmp(l->dead[i], uuid) == 0;
    pthread_mutex_unlock(&l->lock);
    return found;
}

static void add_dead(struct locator *l, const char *uuid)
{
    if (is_dead(l, uuid))
        return;
    pthread_mutex_lock(&l->lock);
    if (l->dead_count < DEAD_MAX && (l->dead[l->dead_count] = strdup(uuid)))
        l->dead_count++;
    pthread_mutex_unlock(&l->lock);
}

/* Tells the namenode which replica does not match its checksums; that it can't be told is no
 * reason not to read on. */
static void report_bad(struct locator *l, const Pb__LocatedBlockProto *b,
                       const Pb__DatanodeInfoProto *node)
{
    Pb__ReportBadBlocksRequestProto req = PB__REPORT_BAD_BLOCKS_REQUEST_PROTO__INIT;
    Pb__ReportBadBlocksResponseProto *answer;
    Pb__LocatedBlockProto bad = *b, *list[1] = {&bad};
    Pb__DatanodeInfoProto *nodes[1] = {(Pb__DatanodeInfoProto *)(uintptr_t)node};
    struct arena arena;

    for (size_t i = 0; i < b->n_locs; i++) {
        if (b->locs[i] != node)
            continue;
        bad.storagetypes = b->n_storagetypes > i ? &b->storagetypes[i] : NULL;
        bad.n_storagetypes = b->n_storagetypes > i;
        bad.storageids = b->n_storageids > i ? &b->storageids[i] : NULL;
        bad.n_storageids = b->n_storageids > i;
    }
    bad.locs = nodes;
    bad.n_locs = 1;
    bad.n_iscached = 0;
    req.blocks = list;
    req.n_blocks = 1;
    arena_init(&arena, FS_ANSWER_MAX);
    FS_ASK(l->fs, "reportBadBlocks", &req, report_bad_blocks, &arena, &answer, NULL);
    arena_done(&arena);
}

void locator_blame(struct locator *l, const Pb__LocatedBlockProto *block,
                   const Pb__DatanodeInfoProto *node, enum err_code code)
{
    add_dead(l, node->id->datanodeuuid);
    if (code == ERR_CORRUPT)
        report_bad(l, block, node);
}

void locator_blame_unit(struct locator *l, const Pb__LocatedBlockProto *unit,
                        const Pb__DatanodeInfoProto *node, enum err_code code)
{
    if (code == ERR_CONNECT || code == ERR_HOST || code == ERR_TIMEOUT)
        add_dead(l, node->id->datanodeuuid);
    if (code == ERR_CORRUPT)
        report_bad(l, unit, node);
}

bool locator_is_dead(struct locator *l, const Pb__DatanodeInfoProto *node)
{
    return is_dead(l, node->id->datanodeuuid);
}

void locator_pause(int round)
{
    long ms = 300L << (round < 6 ? round : 6);
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (round > 1)
        nanosleep(&ts, NULL);
}
