#include "client/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/block_reader.h"
#include "client/group_reader.h"
#include "client/hedge.h"

enum {
    STRIPED_ROUNDS_MAX = 1, /* fresh locations, once: units come back slowly */
    SKIP_MAX = 256 << 10,   /* a short way forward is read over rather than reconnected */
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
    struct locator *where;
    struct coder *coder; /* NULL: not striped */
    uint64_t at;
    struct block_reader *block; /* the sequential stream: open at byte block_at of the file */
    struct group_reader *group; /* instead, when striped */
    uint64_t block_at, block_end;
    struct place place; /* where that stream comes from, or last came from */
    atomic_ulong local_bytes, remote_bytes, short_circuit_bytes;
};

/* ---- opening ---- */

int reader_open(struct dfs *fs, const char *path, struct reader **out, struct err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    const struct stripe_policy *p;
    int rc;

    if (!r)
        return err_set(err, ERR_NOMEM, "open %s", path);
    r->fs = fs;
    rc = locator_open(fs, path, &r->where, err);
    p = rc == 0 ? locator_policy(r->where) : NULL;
    if (p)
        rc = coder_new(p->codec, p->data, p->parity, &r->coder, err);
    if (rc < 0) {
        reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

static void close_block(struct reader *r)
{
    block_reader_close(r->block);
    group_reader_close(r->group);
    r->block = NULL;
    r->group = NULL;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    close_block(r);
    block_map_drop(r->place.map);
    locator_close(r->where);
    coder_free(r->coder);
    free(r);
}

/* ---- which block, from where ---- */

static const Pb__DatanodeInfoProto *pick_node(struct reader *r, const Pb__LocatedBlockProto *b)
{
    for (size_t i = 0; i < b->n_locs; i++)
        if (!locator_is_dead(r->where, b->locs[i]))
            return b->locs[i];
    return NULL;
}

static int no_node(const struct reader *r, const Pb__LocatedBlockProto *b, const struct err *why,
                   struct err *err)
{
    return err_set_class(err, ERR_BLOCK_MISSING, "org.apache.hadoop.hdfs.BlockMissingException",
                         "Could not obtain block: %s:blk_%" PRIu64 "_%" PRIu64 " file=%s%s%.500s",
                         b->b->poolid, b->b->blockid, b->b->generationstamp, locator_path(r->where),
                         why->text[0] ? ": " : "", why->text);
}

/* Lets go of a map that does not hold @offset, and sees to it that there is one. */
static int need_map(struct reader *r, uint64_t offset, struct place *p, struct err *err)
{
    if (p->map && (offset < p->map->from || offset >= p->map->to)) {
        block_map_drop(p->map);
        p->map = NULL;
    }
    return p->map ? 0 : locator_map(r->where, offset, NULL, &p->map, err);
}

/* All failed: they get another chance, with fresh locations. */
static int renew_map(struct reader *r, uint64_t offset, struct place *p, struct err *err)
{
    struct block_map *stale = p->map;
    int rc;

    locator_forget_dead(r->where);
    locator_pause(p->rounds);
    p->map = NULL;
    rc = locator_map(r->where, offset, stale, &p->map, err);
    block_map_drop(stale);
    return rc;
}

static int no_block(const struct reader *r, uint64_t offset, struct err *err)
{
    return err_set(err, ERR_IO, "%s: no block holds byte %" PRIu64, locator_path(r->where), offset);
}

/* The next datanode worth a try.  When all of them failed, they all get another chance with fresh
 * locations, dfs.client.max.block.acquire.failures times. */
static int find_place(struct reader *r, uint64_t offset, struct place *p, struct err *err)
{
    int rounds_max = (int)conf_int(r->fs->conf, OPT_client_acquire);

    for (;;) {
        int rc = need_map(r, offset, p, err);

        if (rc < 0)
            return rc;
        p->block = block_map_find(p->map, offset);
        p->node = p->block ? pick_node(r, p->block) : NULL;
        if (p->node)
            return 0;
        if (p->rounds++ >= rounds_max)
            return p->block ? no_node(r, p->block, &p->why, err) : no_block(r, offset, err);
        rc = renew_map(r, offset, p, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- block groups ---- */

/* Opens @offset to the end of its group, or @n bytes of it, whatever is less. */
static int open_group(struct reader *r, uint64_t offset, uint64_t n, struct place *p,
                      struct group_reader **out, struct err *err)
{
    struct group_range what = {
        .where = r->where, .policy = locator_policy(r->where), .coder = r->coder};
    int rc = need_map(r, offset, p, err);

    if (rc < 0)
        return rc;
    p->block = block_map_find(p->map, offset);
    if (!p->block)
        return no_block(r, offset, err);
    what.group = p->block;
    what.length = block_map_length(p->map, p->block);
    what.from = offset - p->block->offset;
    what.to = n < what.length - what.from ? what.from + n : what.length;
    return group_reader_open(r->fs, &what, out, err);
}

/* After a group could not be read (p->why): 0 when it is worth another try. */
static int group_failed(struct reader *r, uint64_t offset, struct place *p, struct err *err)
{
    if (p->why.code == ERR_BLOCK_MISSING && p->rounds++ < STRIPED_ROUNDS_MAX)
        return renew_map(r, offset, p, err);
    if (err)
        *err = p->why;
    return -(int)p->why.code;
}

static ssize_t view_group(struct reader *r, const uint8_t **bytes, struct err *err)
{
    struct place *p = &r->place;

    for (;;) {
        ssize_t n;
        int rc = 0;

        if (r->group && (r->block_at != r->at || r->at == r->block_end))
            close_block(r);
        if (!r->group) {
            rc = open_group(r, r->at, UINT64_MAX, p, &r->group, err);
            if (rc < 0)
                return rc;
            r->block_at = r->at;
            r->block_end = p->block->offset + block_map_length(p->map, p->block);
        }
        n = group_reader_view(r->group, bytes, &p->why);
        if (n > 0) {
            p->rounds = 0;
            return n;
        }
        close_block(r);
        rc = group_failed(r, r->at, p, err);
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

    if (r->at >= locator_length(r->where))
        return 0;
    if (r->coder)
        return view_group(r, bytes, err);
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
        locator_blame(r->where, p->block, p->node, n == 0 ? ERR_CLOSED : p->why.code);
        close_block(r);
    }
}

static void use(struct reader *r, size_t n)
{
    count_bytes(r, r->group ? group_reader_kind(r->group) : block_reader_kind(r->block), n);
    if (r->group)
        group_reader_use(r->group, n);
    else
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
    if (offset > locator_length(r->where))
        return err_set(err, ERR_ARGUMENT, "Cannot seek after EOF: %" PRIu64 " of %" PRIu64, offset,
                       locator_length(r->where));
    if (r->block && r->block_at == r->at && offset > r->at && offset - r->at <= SKIP_MAX &&
        offset < r->block_end)
        skip_to(r, offset);
    r->at = offset;
    return 0;
}

/* ---- positional reads ---- */

/* The next datanode that is not in the race yet. */
static const Pb__DatanodeInfoProto *pick_other(struct reader *r, const Pb__LocatedBlockProto *b,
                                               const struct race *race)
{
    for (size_t i = 0; i < b->n_locs; i++)
        if (!locator_is_dead(r->where, b->locs[i]) && !race_has(race, b->locs[i]))
            return b->locs[i];
    return NULL;
}

/* The first try that came out well; NULL when all failed, and have been blamed. */
static struct race_try *run_race(struct reader *r, struct place *p, struct race *race)
{
    long ms = hedge_threshold_ms(r->fs->hedge);
    struct race_try *t = NULL;
    bool more = race_start(race, p->node);

    for (;;) {
        t = race_wait(race, more ? ms : -1);
        if (t && t->rc == 0)
            return t;
        if (!t && !more)
            return NULL; /* none runs any more, and there is nobody left to ask */
        if (t) {
            p->why = t->err;
            locator_blame(r->where, p->block, t->node, t->err.code);
        }
        p->node = pick_other(r, p->block, race);
        more = p->node && race_start(race, p->node);
    }
}

/* As read_in_block(), but the next datanode is asked as well when the first is slow. */
static ssize_t read_hedged(struct reader *r, uint8_t *buf, size_t n, uint64_t offset,
                           struct err *err)
{
    struct place p = {.map = NULL};
    struct race_try *won = NULL;
    size_t length = 0;
    int rc = 0;

    while (rc == 0 && !won) {
        struct race *race;
        uint64_t in_block, left;

        rc = find_place(r, offset, &p, err);
        if (rc < 0)
            break;
        in_block = offset - p.block->offset;
        left = block_map_length(p.map, p.block) - in_block;
        length = n < left ? n : (size_t)left;
        rc = race_new(r->fs->hedge, p.map, p.block, in_block, length, &race, err);
        if (rc < 0)
            break;
        won = run_race(r, &p, race);
        if (won) {
            memcpy(buf, won->bytes, length);
            count_bytes(r, won->kind, length);
            race_won(race, won);
        }
        race_drop(race);
    }
    block_map_drop(p.map);
    return rc < 0 ? rc : (ssize_t)length;
}

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
            locator_blame(r->where, p.block, p.node, p.why.code);
        block_reader_close(b);
    } while (rc < 0);
    block_map_drop(p.map);
    return rc < 0 ? rc : (ssize_t)got;
}

/* Reads inside one block group. */
static ssize_t read_in_group(struct reader *r, uint8_t *buf, size_t n, uint64_t offset,
                             struct err *err)
{
    struct place p = {.map = NULL};
    struct group_reader *g = NULL;
    size_t got = 0;
    int rc = open_group(r, offset, n, &p, &g, err);

    while (rc == 0) {
        const uint8_t *bytes;
        ssize_t k = group_reader_view(g, &bytes, &p.why);

        if (k == 0)
            break;
        if (k < 0) {
            rc = group_failed(r, offset + got, &p, err);
            group_reader_close(g);
            g = NULL;
            rc = rc < 0 ? rc : open_group(r, offset + got, n - got, &p, &g, err);
            continue;
        }
        memcpy(buf + got, bytes, (size_t)k);
        count_bytes(r, group_reader_kind(g), (size_t)k);
        group_reader_use(g, (size_t)k);
        got += (size_t)k;
    }
    group_reader_close(g);
    block_map_drop(p.map);
    return rc < 0 && got == 0 ? rc : (ssize_t)got;
}

ssize_t reader_pread(struct reader *r, void *buf, size_t n, uint64_t offset, struct err *err)
{
    size_t got = 0;

    if (offset >= locator_length(r->where))
        return 0;
    if (n > locator_length(r->where) - offset)
        n = (size_t)(locator_length(r->where) - offset);
    while (got < n) {
        uint8_t *to = (uint8_t *)buf + got;
        ssize_t k = r->coder       ? read_in_group(r, to, n - got, offset + got, err)
                    : r->fs->hedge ? read_hedged(r, to, n - got, offset + got, err)
                                   : read_in_block(r, to, n - got, offset + got, err);

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
    return locator_length(r->where);
}

uint64_t reader_version(const struct reader *r, bool *whole)
{
    return locator_version(r->where, whole);
}

void reader_stats(const struct reader *r, struct dfs_read_stats *out)
{
    out->local_bytes = atomic_load(&r->local_bytes);
    out->remote_bytes = atomic_load(&r->remote_bytes);
    out->short_circuit_bytes = atomic_load(&r->short_circuit_bytes);
}
