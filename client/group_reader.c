#include "client/group_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCATIONS_MAX = 64,
    PIECE = 64 << 10, /* of every unit, fetched and decoded while it is in the processor's cache */
};

#define NO_STRIPE UINT64_MAX

struct unit {
    Pb__LocatedBlockProto block; /* the internal block, as the protocol tells of any block */
    Pb__ExtendedBlockProto name;
    uint64_t bytes; /* of the internal block */
    bool lost;
    struct err why;
    struct block_reader *in; /* NULL, or at byte at of the internal block */
    size_t location;         /* that in reads from */
    uint64_t at;
    uint8_t *cell;   /* of the gathered stripe; NULL until the first */
    uint32_t lo, hi; /* bytes [lo, hi) of it are there */
};

struct group_reader {
    struct dfs *fs;
    struct group_range what;
    unsigned units;
    uint64_t at;
    uint64_t tried;    /* locations that failed, by their bits */
    uint64_t gathered; /* the stripe whose cells are in the buffers, or NO_STRIPE */
    struct coder_plan *plan;
    unsigned plan_have, plan_want;
    unsigned viewed; /* the unit, or units when it was decoded */
    struct unit unit[CODER_UNITS_MAX];
};

/* ---- opening ---- */

static void name_unit(struct group_reader *g, unsigned u)
{
    const Pb__LocatedBlockProto *group = g->what.group;
    struct unit *unit = &g->unit[u];

    unit->name = *group->b;
    unit->name.blockid += u;
    unit->bytes = stripe_unit_bytes(g->what.policy, g->what.length, u);
    unit->name.has_numbytes = true;
    unit->name.numbytes = unit->bytes;
    unit->block = *group;
    unit->block.b = &unit->name;
    unit->block.has_blockindices = false;
    unit->block.blockindices.len = 0;
    unit->block.n_blocktokens = 0;
    unit->block.blocktokens = NULL;
}

int group_reader_open(struct dfs *fs, const struct group_range *what, struct group_reader **out,
                      struct err *err)
{
    struct group_reader *g;

    if (!what->group->has_blockindices || what->group->blockindices.len != what->group->n_locs ||
        what->group->n_locs > LOCATIONS_MAX)
        return err_set(
            err, ERR_PROTOCOL, "block group blk_%" PRId64 " of %zu datanodes with %zu indices",
            (int64_t)what->group->b->blockid, what->group->n_locs, what->group->blockindices.len);
    g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, ERR_NOMEM, "block group");
    g->fs = fs;
    g->what = *what;
    g->units = stripe_units(what->policy);
    g->at = what->from;
    g->gathered = NO_STRIPE;
    g->viewed = g->units;
    for (unsigned u = 0; u < g->units; u++)
        name_unit(g, u);
    *out = g;
    return 0;
}

static void close_unit(struct unit *unit)
{
    block_reader_close(unit->in);
    unit->in = NULL;
}

void group_reader_close(struct group_reader *g)
{
    if (!g)
        return;
    for (unsigned u = 0; u < g->units; u++) {
        close_unit(&g->unit[u]);
        free(g->unit[u].cell);
    }
    coder_plan_free(g->plan);
    free(g);
}

/* ---- one unit ---- */

/* A location of @u that did not fail, or -1. */
static int pick_location(struct group_reader *g, unsigned u)
{
    const Pb__LocatedBlockProto *group = g->what.group;

    for (size_t i = 0; i < group->n_locs; i++) {
        if (stripe_unit_of(g->what.policy, group, i) != (int)u || g->tried >> i & 1)
            continue;
        if (!locator_is_dead(g->what.where, group->locs[i]))
            return (int)i;
        err_set(&g->unit[u].why, ERR_CONNECT, "%s:%u failed before", group->locs[i]->id->ipaddr,
                group->locs[i]->id->xferport);
    }
    return -1;
}

/* The datanode at @i could not give the unit.  That it has no good replica says nothing of others that
 * it has, so only one that can't be talked to is left alone from now on. */
static void blame(struct group_reader *g, unsigned u, size_t i)
{
    struct unit *unit = &g->unit[u];

    g->tried |= 1ull << i;
    locator_blame_unit(g->what.where, &unit->block, g->what.group->locs[i], unit->why.code);
    close_unit(unit);
}

/* Opens @u at byte @at; @end is how far it may be read without asking again. */
static int open_unit(struct group_reader *g, unsigned u, uint64_t at, uint64_t end)
{
    struct unit *unit = &g->unit[u];

    close_unit(unit);
    for (;;) {
        int i = pick_location(g, u);
        struct block_range what = {.block = &unit->block, .offset = at, .length = end - at};

        if (i < 0) {
            unit->lost = true;
            return -ERR_BLOCK_MISSING;
        }
        if ((size_t)i < g->what.group->n_blocktokens)
            unit->block.blocktoken = g->what.group->blocktokens[i];
        what.node = g->what.group->locs[i];
        unit->location = (size_t)i;
        if (block_reader_open(g->fs, &what, &unit->in, &unit->why) == 0) {
            unit->at = at;
            return 0;
        }
        unit->in = NULL;
        blame(g, u, (size_t)i);
    }
}

/* How far a unit will be read: to the end of its own part of the range, or, once stripes are gathered,
 * as far as any unit is. */
static uint64_t reach(const struct group_reader *g, unsigned u, uint64_t at)
{
    const struct stripe_policy *p = g->what.policy;
    uint64_t last = (g->what.to - 1) / stripe_bytes(p), base = last * stripe_bytes(p);
    uint64_t from = g->what.from > base ? g->what.from - base : 0, to = g->what.to - base, end;

    if (g->gathered == NO_STRIPE)
        end = stripe_unit_bytes(p, g->what.to, u);
    else if (from / p->cell_bytes == (to - 1) / p->cell_bytes)
        end = last * p->cell_bytes + (to - 1) % p->cell_bytes + 1;
    else
        end = (last + 1) * p->cell_bytes;
    if (end > g->unit[u].bytes)
        end = g->unit[u].bytes;
    return end > at ? end : at;
}

/* Bytes of @u at @at, up to @least at least being asked for; at least one, or -ERR_BLOCK_MISSING when the
 * unit is lost. */
static ssize_t view_unit(struct group_reader *g, unsigned u, uint64_t at, uint64_t least,
                         const uint8_t **bytes)
{
    struct unit *unit = &g->unit[u];

    while (!unit->lost) {
        uint64_t end = reach(g, u, at);
        ssize_t n = 0;

        if (end < least)
            end = least;
        if ((!unit->in || unit->at != at) && open_unit(g, u, at, end) < 0)
            break;
        n = block_reader_view(unit->in, bytes, &unit->why);
        if (n > 0)
            return n;
        if (n == 0) { /* it was asked for less: ask again */
            if (open_unit(g, u, at, end) < 0)
                break;
            n = block_reader_view(unit->in, bytes, &unit->why);
            if (n > 0)
                return n;
            if (n == 0)
                err_set(&unit->why, ERR_CLOSED, "short block");
        }
        blame(g, u, unit->location);
    }
    return -ERR_BLOCK_MISSING;
}

static void use_unit(struct unit *unit, size_t n)
{
    block_reader_use(unit->in, n);
    unit->at += n;
}

/* ---- gathering a stripe ---- */

struct span {
    uint32_t lo, hi; /* empty when lo >= hi */
};

static struct span hull(struct span a, struct span b)
{
    if (a.lo >= a.hi)
        return b;
    if (b.lo >= b.hi)
        return a;
    return (struct span){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

/* What of the cell of data unit @u in @stripe is still to be handed out. */
static struct span wanted(const struct group_reader *g, uint64_t stripe, unsigned u)
{
    const struct stripe_policy *p = g->what.policy;
    uint64_t begin = stripe * stripe_bytes(p) + (uint64_t)u * p->cell_bytes;
    uint64_t from = g->at > begin ? g->at : begin;
    uint64_t to = g->what.to < begin + p->cell_bytes ? g->what.to : begin + p->cell_bytes;

    if (u >= p->data || from >= to)
        return (struct span){0, 0};
    return (struct span){(uint32_t)(from - begin), (uint32_t)(to - begin)};
}

static int make_room(struct group_reader *g, unsigned u, struct err *err)
{
    if (!g->unit[u].cell)
        g->unit[u].cell = aligned_alloc(64, (g->what.policy->cell_bytes + 63u) / 64 * 64);
    return g->unit[u].cell
               ? 0
               : err_set(err, ERR_NOMEM, "cell of %u bytes", g->what.policy->cell_bytes);
}

/* Has bytes @s of the cell of @u in its buffer, with those that are there already when they touch; beyond
 * the cell's end they are zeros.
 * -ERR_BLOCK_MISSING: the unit is lost. */
static int fetch(struct group_reader *g, uint64_t stripe, unsigned u, struct span s,
                 struct err *err)
{
    struct unit *unit = &g->unit[u];
    uint64_t begin = stripe * g->what.policy->cell_bytes;
    uint32_t there = stripe_cell_bytes(g->what.policy, g->what.length, stripe, u), at;
    int rc = make_room(g, u, err);

    if (rc < 0)
        return rc;
    if (unit->lo <= s.lo && s.hi <= unit->hi)
        return 0;
    if (s.lo < unit->lo || s.lo > unit->hi)
        unit->lo = unit->hi = s.lo;
    for (at = unit->hi; at < s.hi && at < there; unit->hi = at) {
        const uint8_t *bytes;
        uint32_t end = s.hi < there ? s.hi : there;
        ssize_t n = view_unit(g, u, begin + at, begin + end, &bytes);

        if (n < 0)
            return (int)n;
        if ((size_t)n > end - at)
            n = end - at;
        memcpy(unit->cell + at, bytes, (size_t)n);
        use_unit(unit, (size_t)n);
        at += (uint32_t)n;
    }
    if (at < s.hi)
        memset(unit->cell + at, 0, s.hi - at);
    unit->hi = s.hi;
    return 0;
}

/* The units that are there; one without bytes in this stripe is zeros and always there. */
static unsigned units_there(const struct group_reader *g, uint64_t stripe)
{
    unsigned there = 0;

    for (unsigned u = 0; u < g->units; u++)
        if (!g->unit[u].lost || stripe_cell_bytes(g->what.policy, g->what.length, stripe, u) == 0)
            there |= 1u << u;
    return there;
}

static int too_many(const struct group_reader *g, unsigned there, struct err *err)
{
    char list[ERR_TEXT_MAX];
    size_t n = 0;

    list[0] = 0;
    for (unsigned u = 0; u < g->units && n < sizeof list - 1; u++)
        if (!(there >> u & 1))
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%u (%.60s)", n ? ", " : "", u,
                                  g->unit[u].why.code ? g->unit[u].why.text : "no datanode");
    return err_set_class(err, ERR_BLOCK_MISSING, "org.apache.hadoop.hdfs.BlockMissingException",
                         "%d missing blocks, of %s %u may be missing; block group %s:blk_%" PRId64
                         " file=%s, units %s",
                         (int)g->units - __builtin_popcount(there), g->what.policy->name,
                         g->what.policy->parity, g->what.group->b->poolid,
                         (int64_t)g->what.group->b->blockid, locator_path(g->what.where), list);
}

static int need_plan(struct group_reader *g, unsigned have, unsigned want, struct err *err)
{
    int rc;

    if (g->plan && g->plan_have == have && g->plan_want == want)
        return 0;
    coder_plan_free(g->plan);
    g->plan = NULL;
    if ((unsigned)__builtin_popcount(have) < g->what.policy->data)
        return too_many(g, have, err);
    rc = coder_plan(g->what.coder, have, want, &g->plan, err);
    g->plan_have = have;
    g->plan_want = want;
    return rc;
}

/* The data units that must be decoded in @stripe, and which of their bytes. */
static unsigned to_decode(const struct group_reader *g, uint64_t stripe, struct span *out)
{
    unsigned want = 0;

    *out = (struct span){0, 0};
    for (unsigned u = 0; u < g->what.policy->data; u++) {
        struct span s = wanted(g, stripe, u);

        if (s.lo < s.hi && g->unit[u].lost) {
            want |= 1u << u;
            *out = hull(*out, s);
        }
    }
    return want;
}

static struct span within(struct span s, uint32_t lo, uint32_t hi)
{
    return (struct span){s.lo > lo ? s.lo : lo, s.hi < hi ? s.hi : hi};
}

/* Gets what is needed of bytes [lo, hi) of every unit's cell; -ERR_BLOCK_MISSING when one was lost over it. */
static int fetch_all(struct group_reader *g, uint64_t stripe, struct span decode, uint32_t lo,
                     uint32_t hi, struct err *err)
{
    unsigned sources = coder_plan_sources(g->plan);
    int rc = 0;

    for (unsigned u = 0; u < g->units && rc == 0; u++) {
        struct span s = g->unit[u].lost ? (struct span){0, 0} : wanted(g, stripe, u);

        if (sources >> u & 1)
            s = hull(s, decode);
        s = within(s, lo, hi);
        if (s.lo < s.hi)
            rc = fetch(g, stripe, u, s, err);
    }
    return rc;
}

static void decode_span(struct group_reader *g, struct span s)
{
    uint8_t *cells[CODER_UNITS_MAX];

    for (unsigned u = 0; u < g->units; u++)
        cells[u] = g->unit[u].cell ? g->unit[u].cell + s.lo : NULL;
    coder_decode(g->plan, s.hi - s.lo, cells);
}

/* Fetches and decodes bytes @s of the units that @want says, and fetches what is wanted of the others. */
static int gather_pieces(struct group_reader *g, uint64_t stripe, unsigned want, struct span s,
                         struct err *err)
{
    uint32_t cell = g->what.policy->cell_bytes;
    int rc = 0;

    for (uint32_t lo = 0; lo < cell && rc == 0; lo += PIECE) {
        uint32_t hi = lo + PIECE < cell ? lo + PIECE : cell;
        struct span piece = within(s, lo, hi);

        rc = fetch_all(g, stripe, s, lo, hi, err);
        if (rc == 0 && piece.lo < piece.hi)
            decode_span(g, piece);
    }
    for (unsigned u = 0; u < g->units && rc == 0; u++)
        if (want >> u & 1) {
            g->unit[u].lo = s.lo;
            g->unit[u].hi = s.hi;
        }
    return rc;
}

/* When a unit is lost meanwhile it begins again; what of the others is there stays. */
static int gather(struct group_reader *g, uint64_t stripe, struct err *err)
{
    for (unsigned u = 0; u < g->units; u++)
        g->unit[u].lo = g->unit[u].hi = 0;
    g->gathered = stripe;
    for (;;) {
        struct span s;
        unsigned want = to_decode(g, stripe, &s);
        int rc = need_plan(g, units_there(g, stripe), want, err);

        for (unsigned u = 0; u < g->units && rc == 0; u++)
            rc = want >> u & 1 ? make_room(g, u, err) : 0;
        if (rc < 0)
            return rc;
        rc = gather_pieces(g, stripe, want, s, err);
        if (rc != -ERR_BLOCK_MISSING)
            return rc;
    }
}

/* ---- viewing ---- */

/* Whether a unit that has bytes to hand out in this stripe is known to be lost. */
static bool is_broken(const struct group_reader *g, uint64_t stripe)
{
    struct span s;

    return to_decode(g, stripe, &s) != 0;
}

ssize_t group_reader_view(struct group_reader *g, const uint8_t **bytes, struct err *err)
{
    const struct stripe_policy *p = g->what.policy;
    uint64_t stripe = g->at / stripe_bytes(p), in_stripe = g->at % stripe_bytes(p);
    unsigned u = (unsigned)(in_stripe / p->cell_bytes);
    uint32_t in_cell = (uint32_t)(in_stripe % p->cell_bytes);
    struct span s = wanted(g, stripe, u);
    ssize_t n = -1;
    int rc;

    if (g->at >= g->what.to)
        return 0;
    if (g->gathered != stripe && !is_broken(g, stripe)) {
        n = view_unit(g, u, stripe * p->cell_bytes + in_cell, 0, bytes);
        g->viewed = u;
        if (n > 0)
            return n < s.hi - s.lo ? n : (ssize_t)(s.hi - s.lo);
    }
    if (g->gathered != stripe) {
        rc = gather(g, stripe, err);
        if (rc < 0) {
            g->gathered = NO_STRIPE;
            return rc;
        }
    }
    MUST(g->unit[u].lo <= s.lo && s.hi <= g->unit[u].hi);
    g->viewed = g->units;
    *bytes = g->unit[u].cell + in_cell;
    return s.hi - s.lo;
}

void group_reader_use(struct group_reader *g, size_t n)
{
    if (g->viewed < g->units)
        use_unit(&g->unit[g->viewed], n);
    g->at += n;
}

enum block_reader_kind group_reader_kind(const struct group_reader *g)
{
    return g->viewed < g->units ? block_reader_kind(g->unit[g->viewed].in) : READER_REMOTE;
}
