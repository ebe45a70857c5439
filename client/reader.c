#include "client/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/block_map.h"
#include "client/block_reader.h"

enum {
    MAP_BLOCKS_FIRST = 10, /* blocks asked for at a time; doubles with every miss */
    DEAD_MAX = 64,
    SKIP_MAX = 256 << 10, /* a short way forward is read over rather than reconnected */
};

/* Where a try at a byte of the file reads from.  The map is held. */
struct place {
    struct block_map *map;
    const Pb__LocatedBlockProto *block;
    const Pb__DatanodeInfoProto *node;
    int rounds; /* times that the namenode was asked again */
    struct err why;
};

struct reader {
    struct dfs *fs;
    char *path;
    pthread_mutex_t lock; /* map, map_bytes, dead, dead_count */
    struct block_map *map;
    uint64_t map_bytes, length;
    char *dead[DEAD_MAX]; /* uuids of datanodes that failed */
    int dead_count;
    uint64_t at;
    struct block_reader *block; /* the sequential stream: open at byte block_at of the file */
    uint64_t block_at, block_end;
    struct place place; /* where that stream comes from, or last came from */
    atomic_ulong local_bytes, remote_bytes, short_circuit_bytes;
};

/* ---- opening ---- */

int reader_open(struct dfs *fs, const char *path, struct reader **out, struct err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return err_set(err, ERR_NOMEM, "open %s", path);
    r->fs = fs;
    pthread_mutex_init(&r->lock, NULL);
    r->path = strdup(path);
    r->map_bytes = (uint64_t)conf_int(fs->conf, OPT_block_size) * MAP_BLOCKS_FIRST;
    rc = r->path ? block_map_fetch(fs, path, 0, r->map_bytes, &r->map, err)
                 : err_set(err, ERR_NOMEM, "open %s", path);
    if (rc < 0) {
        reader_close(r);
        return rc;
    }
    r->length = r->map->file_length;
    *out = r;
    return 0;
}

static void forget_dead(struct reader *r)
{
    for (int i = 0; i < r->dead_count; i++)
        free(r->dead[i]);
    r->dead_count = 0;
}

static void close_block(struct reader *r)
{
    block_reader_close(r->block);
    r->block = NULL;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    close_block(r);
    forget_dead(r);
    block_map_drop(r->place.map);
    block_map_drop(r->map);
    pthread_mutex_destroy(&r->lock);
    free(r->path);
    free(r);
}

/* ---- which block, from where ---- */

/* A map that covers @offset, held for the caller.  @stale is a map that failed the caller: any
 * other than that will do. */
static int get_map(struct reader *r, uint64_t offset, const struct block_map *stale,
                   struct block_map **out, struct err *err)
{
    struct block_map *m = NULL;
    uint64_t span;
    int rc;

    pthread_mutex_lock(&r->lock);
    if (r->map != stale && offset >= r->map->from && offset < r->map->to)
        m = block_map_hold(r->map);
    else if (!stale && r->map_bytes < r->length)
        r->map_bytes *= 2;
    span = r->map_bytes;
    pthread_mutex_unlock(&r->lock);
    if (m) {
        *out = m;
        return 0;
    }
    rc = block_map_fetch(r->fs, r->path, offset, span, &m, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&r->lock);
    block_map_drop(r->map);
    r->map = block_map_hold(m);
    pthread_mutex_unlock(&r->lock);
    *out = m;
    return 0;
}

static bool is_dead(struct reader *r, const char *uuid)
{
    bool found = false;

    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->dead_count && !found; i++)
        found = strcmp(r->dead[i], uuid) == 0;
    pthread_mutex_unlock(&r->lock);
    return found;
}

static void add_dead(struct reader *r, const char *uuid)
{
    if (is_dead(r, uuid))
        return;
    pthread_mutex_lock(&r->lock);
    if (r->dead_count < DEAD_MAX && (r->dead[r->dead_count] = strdup(uuid)))
        r->dead_count++;
    pthread_mutex_unlock(&r->lock);
}

static const Pb__DatanodeInfoProto *pick_node(struct reader *r, const Pb__LocatedBlockProto *b)
{
    for (size_t i = 0; i < b->n_locs; i++)
        if (!is_dead(r, b->locs[i]->id->datanodeuuid))
            return b->locs[i];
    return NULL;
}

/* Tells the namenode which replica does not match its checksums; that it can't be told is no
 * reason not to read on. */
static void report_bad(struct reader *r, const Pb__LocatedBlockProto *b,
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
    FS_ASK(r->fs, "reportBadBlocks", &req, report_bad_blocks, &arena, &answer, NULL);
    arena_done(&arena);
}

/* A replica failed: blame it, so that the next try takes another. */
static void blame(struct reader *r, const Pb__LocatedBlockProto *b,
                  const Pb__DatanodeInfoProto *node, enum err_code code)
{
    add_dead(r, node->id->datanodeuuid);
    if (code == ERR_CORRUPT)
        report_bad(r, b, node);
}

static int no_node(const struct reader *r, const Pb__LocatedBlockProto *b, const struct err *why,
                   struct err *err)
{
    return err_set_class(err, ERR_BLOCK_MISSING, "org.apache.hadoop.hdfs.BlockMissingException",
                         "Could not obtain block: %s:blk_%" PRIu64 "_%" PRIu64 " file=%s%s%.500s",
                         b->b->poolid, b->b->blockid, b->b->generationstamp, r->path,
                         why->text[0] ? ": " : "", why->text);
}

static void pause_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&ts, NULL);
}

/* The next datanode worth a try.  When all of them failed, they all get another chance with fresh
 * locations, dfs.client.max.block.acquire.failures times. */
static int find_place(struct reader *r, uint64_t offset, struct place *p, struct err *err)
{
    int rounds_max = (int)conf_int(r->fs->conf, OPT_client_acquire);

    if (p->map && (offset < p->map->from || offset >= p->map->to)) {
        block_map_drop(p->map);
        p->map = NULL;
    }
    for (;;) {
        struct block_map *stale;
        int rc;

        if (!p->map) {
            rc = get_map(r, offset, NULL, &p->map, err);
            if (rc < 0)
                return rc;
        }
        p->block = block_map_find(p->map, offset);
        p->node = p->block ? pick_node(r, p->block) : NULL;
        if (p->node)
            return 0;
        if (p->rounds++ >= rounds_max)
            return p->block
                       ? no_node(r, p->block, &p->why, err)
                       : err_set(err, ERR_IO, "%s: no block holds byte %" PRIu64, r->path, offset);
        pthread_mutex_lock(&r->lock);
        forget_dead(r);
        pthread_mutex_unlock(&r->lock);
        if (p->rounds > 1)
            pause_ms(300L << (p->rounds < 6 ? p->rounds : 6));
        stale = p->map;
        p->map = NULL;
        rc = get_map(r, offset, stale, &p->map, err);
        block_map_drop(stale);
        if (rc < 0)
            return rc;
    }
}

/* ---- the sequential stream ---- */

static int open_block(struct reader *r)
{
    struct place *p = &r->place;
    struct block_range what = {
        .block = p->block,
        .node = p->node,
        .offset = r->at - p->block->offset,
        .length = block_map_length(p->map, p->block) - (r->at - p->block->offset),
    };

    r->block_at = r->at;
    r->block_end = r->at + what.length;
    return block_reader_open(r->fs, &what, &r->block, &p->why);
}

static void count_bytes(struct reader *r, enum block_reader_kind kind, size_t n)
{
    atomic_ulong *counter = kind == READER_SHORT_CIRCUIT ? &r->short_circuit_bytes
                            : kind == READER_REMOTE      ? &r->remote_bytes
                                                         : &r->local_bytes;

    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Bytes at the position, from whichever replica is good; 0 at the end of the file. */
static ssize_t view(struct reader *r, const uint8_t **bytes, struct err *err)
{
    struct place *p = &r->place;

    if (r->at >= r->length)
        return 0;
    for (;;) {
        ssize_t n = 0;

        if (r->block && (r->block_at != r->at || r->at == r->block_end))
            close_block(r);
        if (!r->block) {
            int rc = find_place(r, r->at, p, err);

            if (rc < 0)
                return rc;
            n = open_block(r);
        }
        if (n == 0)
            n = block_reader_view(r->block, bytes, &p->why);
        if (n > 0) {
            p->rounds = 0;
            return n;
        }
        blame(r, p->block, p->node, n == 0 ? ERR_CLOSED : p->why.code);
        close_block(r);
    }
}

static void use(struct reader *r, size_t n)
{
    count_bytes(r, block_reader_kind(r->block), n);
    block_reader_use(r->block, n);
    r->at += n;
    r->block_at += n;
}

ssize_t reader_read(struct reader *r, void *buf, size_t n, struct err *err)
{
    size_t got = 0;

    while (got < n) {
        const uint8_t *bytes;
        ssize_t k = view(r, &bytes, err);

        if (k < 0)
            return got > 0 ? (ssize_t)got : k;
        if (k == 0)
            break;
        if ((size_t)k > n - got)
            k = (ssize_t)(n - got);
        memcpy((char *)buf + got, bytes, (size_t)k);
        use(r, (size_t)k);
        got += (size_t)k;
    }
    return (ssize_t)got;
}

ssize_t reader_copy_out(struct reader *r, int fd, size_t n, struct err *err)
{
    size_t done = 0;

    while (done < n) {
        const uint8_t *bytes;
        ssize_t k = view(r, &bytes, err), w;

        if (k < 0)
            return k;
        if (k == 0)
            break;
        w = write(fd, bytes, (size_t)k < n - done ? (size_t)k : n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(err, errno, "write");
        use(r, (size_t)w);
        done += (size_t)w;
    }
    return (ssize_t)done;
}

/* Reads over the bytes up to @offset when that is shorter than a new connection. */
static void skip_to(struct reader *r, uint64_t offset)
{
    while (r->block && r->at < offset) {
        const uint8_t *bytes;
        ssize_t n = block_reader_view(r->block, &bytes, NULL);

        if (n <= 0) {
            close_block(r);
            return;
        }
        if ((uint64_t)n > offset - r->at)
            n = (ssize_t)(offset - r->at);
        block_reader_use(r->block, (size_t)n);
        r->at += (uint64_t)n;
        r->block_at += (uint64_t)n;
    }
}

int reader_seek(struct reader *r, uint64_t offset, struct err *err)
{
    if (offset > r->length)
        return err_set(err, ERR_ARGUMENT, "Cannot seek after EOF: %" PRIu64 " of %" PRIu64, offset,
                       r->length);
    if (r->block && r->block_at == r->at && offset > r->at && offset - r->at <= SKIP_MAX &&
        offset < r->block_end)
        skip_to(r, offset);
    r->at = offset;
    return 0;
}

/* ---- positional reads ---- */

/* Reads inside one block, from whichever replica is good. */
static ssize_t read_in_block(struct reader *r, uint8_t *buf, size_t n, uint64_t offset,
                             struct err *err)
{
    struct place p = {.map = NULL};
    size_t got = 0;
    int rc = 0;

    do {
        struct block_reader *b = NULL;

        rc = find_place(r, offset, &p, err);
        if (rc < 0)
            break;
        uint64_t in_block = offset - p.block->offset,
                 left = block_map_length(p.map, p.block) - in_block;
        struct block_range what = {
            .block = p.block,
            .node = p.node,
            .offset = in_block,
            .length = n < left ? n : left,
        };
        rc = block_reader_open(r->fs, &what, &b, &p.why);
        for (got = 0; rc == 0 && got < what.length;) {
            const uint8_t *bytes;
            ssize_t k = block_reader_view(b, &bytes, &p.why);

            rc = k < 0 ? (int)k : k == 0 ? err_set(&p.why, ERR_CLOSED, "short block") : 0;
            if (rc < 0)
                break;
            memcpy(buf + got, bytes, (size_t)k);
            block_reader_use(b, (size_t)k);
            got += (size_t)k;
        }
        if (rc == 0)
            count_bytes(r, block_reader_kind(b), got);
        else
            blame(r, p.block, p.node, p.why.code);
        block_reader_close(b);
    } while (rc < 0);
    block_map_drop(p.map);
    return rc < 0 ? rc : (ssize_t)got;
}

ssize_t reader_pread(struct reader *r, void *buf, size_t n, uint64_t offset, struct err *err)
{
    size_t got = 0;

    if (offset >= r->length)
        return 0;
    if (n > r->length - offset)
        n = (size_t)(r->length - offset);
    while (got < n) {
        ssize_t k = read_in_block(r, (uint8_t *)buf + got, n - got, offset + got, err);

        if (k < 0)
            return got > 0 ? (ssize_t)got : k;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

uint64_t reader_tell(const struct reader *r)
{
    return r->at;
}

uint64_t reader_length(const struct reader *r)
{
    return r->length;
}

void reader_stats(const struct reader *r, struct dfs_read_stats *out)
{
    out->local_bytes = atomic_load(&r->local_bytes);
    out->remote_bytes = atomic_load(&r->remote_bytes);
    out->short_circuit_bytes = atomic_load(&r->short_circuit_bytes);
}
