#include "datanode/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode/remote_read.h"
#include "datanode/reports.h"
#include "datanode/throttle.h"

enum { PIECE_LEAST = 4096, PIECE_MOST = 16 << 20 };

struct source {
    const Pb__DatanodeInfoProto *node; /* NULL: nobody has the unit */
    Pb__ExtendedBlockProto block;
    uint64_t bytes;
    struct remote_read *in; /* NULL, or at the piece that comes next */
    bool lost;
    struct err why;
    uint8_t *piece;
};

struct restore {
    struct datanode *dn;
    struct restore_want want;
    struct stripe_policy policy;
    struct coder *coder;
    struct coder_plan *plan, *back; /* back: a source from what was restored; NULL: not checked */
    unsigned plan_have, units, back_unit;
    uint8_t *back_piece;
    struct checksum sum;
    uint64_t at, end;  /* the next piece; the longest wanted unit */
    uint32_t n, piece; /* of the piece at hand; at most */
    int timeout_ms;
    struct source source[CODER_UNITS_MAX];
};

/* ---- opening ---- */

static int take_sources(struct restore *r, struct err *err)
{
    for (unsigned u = 0; u < r->units; u++) {
        struct source *s = &r->source[u];

        s->block = *r->want.group;
        s->block.blockid += u;
        s->bytes = stripe_unit_bytes(&r->policy, r->want.group->numbytes, u);
        s->block.has_numbytes = 1;
        s->block.numbytes = s->bytes;
    }
    for (size_t i = 0; i < r->want.source_count; i++) {
        unsigned u = r->want.source_units[i];

        if (u >= r->units)
            return err_set(err, ERR_ARGUMENT, "unit %u of the %u of %s", u, r->units,
                           r->policy.name);
        if (r->want.units >> u & 1)
            return err_set(err, ERR_ARGUMENT, "unit %u is to be restored and is a source", u);
        if (!r->source[u].node) /* more of one unit: the first will do */
            r->source[u].node = r->want.sources[i];
    }
    return 0;
}

static int make_pieces(struct restore *r, struct err *err)
{
    int64_t piece = conf_int(r->dn->conf, OPT_dn_ec_buffer);

    r->piece = piece < PIECE_LEAST  ? PIECE_LEAST
               : piece > PIECE_MOST ? PIECE_MOST
                                    : (uint32_t)piece;
    r->piece = r->piece / PIECE_LEAST * PIECE_LEAST;
    for (unsigned u = 0; u < r->units; u++) {
        r->source[u].piece = aligned_alloc(PIECE_LEAST, r->piece);
        if (!r->source[u].piece)
            return err_set(err, ERR_NOMEM, "pieces of %u bytes", r->piece);
        if ((r->want.units >> u & 1) && r->source[u].bytes > r->end)
            r->end = r->source[u].bytes;
    }
    return 0;
}

int restore_open(struct datanode *dn, const struct restore_want *want, struct restore **out,
                 struct err *err)
{
    struct restore *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return err_set(err, ERR_NOMEM, "restoring");
    r->dn = dn;
    r->want = *want;
    r->timeout_ms = (int)conf_int(dn->conf, OPT_dn_ec_timeout);
    rc = stripe_policy_from(want->policy, &r->policy, err);
    if (rc == 0)
        rc = coder_new(r->policy.codec, r->policy.data, r->policy.parity, &r->coder, err);
    r->units = rc == 0 ? stripe_units(&r->policy) : 0;
    if (rc == 0 && want->units >> r->units)
        rc = err_set(err, ERR_ARGUMENT, "units %#x of the %u of %s", want->units, r->units,
                     r->policy.name);
    if (rc == 0)
        rc = take_sources(r, err);
    if (rc == 0)
        rc = make_pieces(r, err);
    if (rc < 0) {
        restore_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void restore_close(struct restore *r)
{
    if (!r)
        return;
    for (unsigned u = 0; u < r->units; u++) {
        remote_read_close(r->source[u].in);
        free(r->source[u].piece);
    }
    coder_plan_free(r->plan);
    coder_plan_free(r->back);
    free(r->back_piece);
    coder_free(r->coder);
    free(r);
}

const struct stripe_policy *restore_policy(const struct restore *r)
{
    return &r->policy;
}

const struct checksum *restore_checksum(const struct restore *r)
{
    return &r->sum;
}

unsigned restore_sources(const struct restore *r)
{
    return r->policy.data;
}

uint64_t restore_unit_bytes(const struct restore *r, unsigned unit)
{
    return r->source[unit].bytes;
}

/* ---- sources ---- */

static void lose(struct restore *r, unsigned u)
{
    struct source *s = &r->source[u];

    LOG_WARN("dn.restore",
             "block=blk_%lld_%llu from=%s:%u err=\"%s\" next=\"another unit instead\"",
             (long long)s->block.blockid, (unsigned long long)s->block.generationstamp,
             s->node->id->ipaddr, s->node->id->xferport, s->why.text);
    s->lost = true;
    remote_read_close(s->in);
    s->in = NULL;
    if (s->why.code == ERR_CORRUPT)
        report_bad_remote(r->dn, &s->block, s->node);
}

/* Its piece of @n bytes from r->at; zeros from its end on.  -1: the unit is lost. */
static int read_source(struct restore *r, unsigned u, uint32_t n)
{
    struct source *s = &r->source[u];
    uint32_t there = s->bytes > r->at ? (uint32_t)(s->bytes - r->at < n ? s->bytes - r->at : n) : 0;
    struct remote_range what = {.node = s->node,
                                .block = &s->block,
                                .offset = r->at,
                                .length = s->bytes - r->at,
                                .timeout_ms = r->timeout_ms};
    int rc = 0;

    memset(s->piece + there, 0, n - there);
    if (there == 0)
        return 0;
    if (!s->in)
        rc = remote_read_open(r->dn, &what, &s->in, &s->why);
    if (rc == 0)
        rc = remote_read_full(s->in, s->piece, there, &s->why);
    if (rc < 0) {
        lose(r, u);
        return -1;
    }
    if (r->sum.bytes_per == 0)
        r->sum = *remote_read_checksum(s->in);
    throttle_pass(r->dn->ec_read, there);
    return 0;
}

/* The units that can be read; one that has no bytes from here on is zeros. */
static unsigned units_there(const struct restore *r)
{
    unsigned there = 0;

    for (unsigned u = 0; u < r->units; u++) {
        const struct source *s = &r->source[u];

        if (!(r->want.units >> u & 1) && ((s->node && !s->lost) || s->bytes == 0))
            there |= 1u << u;
    }
    return there;
}

static int too_few(const struct restore *r, struct err *err)
{
    char list[ERR_TEXT_MAX / 2];
    size_t n = 0;

    list[0] = 0;
    for (unsigned u = 0; u < r->units && n < sizeof list - 1; u++) {
        const struct source *s = &r->source[u];

        if ((!s->node || s->lost) && s->bytes > 0)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%u (%.60s)", n ? ", " : "", u,
                                  s->lost ? s->why.text : "no datanode");
    }
    return err_set(err, ERR_BLOCK_MISSING,
                   "blk_%" PRId64 "_%" PRIu64 " of %s lacks units %s: too many to restore",
                   (int64_t)r->want.group->blockid, r->want.group->generationstamp, r->policy.name,
                   list);
}

/* With dfs.datanode.ec.reconstruction.validation: the first source, from the others and a restored unit. */
static int plan_back(struct restore *r, struct err *err)
{
    unsigned sources = coder_plan_sources(r->plan), restored = r->want.units & -r->want.units;

    coder_plan_free(r->back);
    r->back = NULL;
    if (!conf_bool(r->dn->conf, OPT_dn_ec_validation))
        return 0;
    if (!r->back_piece)
        r->back_piece = aligned_alloc(PIECE_LEAST, r->piece);
    if (!r->back_piece)
        return err_set(err, ERR_NOMEM, "pieces of %u bytes", r->piece);
    r->back_unit = (unsigned)__builtin_ctz(sources);
    return coder_plan(r->coder, (sources & ~(1u << r->back_unit)) | restored, 1u << r->back_unit,
                      &r->back, err);
}

static int need_plan(struct restore *r, struct err *err)
{
    unsigned have = units_there(r);
    int rc;

    if (r->plan && r->plan_have == have)
        return 0;
    coder_plan_free(r->plan);
    r->plan = NULL;
    r->plan_have = have;
    if ((unsigned)__builtin_popcount(have) < r->policy.data)
        return too_few(r, err);
    rc = coder_plan(r->coder, have, r->want.units, &r->plan, err);
    return rc < 0 ? rc : plan_back(r, err);
}

/* ---- pieces ---- */

static bool read_sources(struct restore *r, uint32_t n)
{
    unsigned sources = coder_plan_sources(r->plan);

    for (unsigned u = 0; u < r->units; u++)
        if ((sources >> u & 1) && read_source(r, u, n) < 0)
            return false;
    return true;
}

/* A source that was at the piece already is behind when the piece is begun again. */
static void rewind_sources(struct restore *r)
{
    for (unsigned u = 0; u < r->units; u++) {
        remote_read_close(r->source[u].in);
        r->source[u].in = NULL;
    }
}

static int decode(struct restore *r, uint32_t n, struct err *err)
{
    uint8_t *pieces[CODER_UNITS_MAX];

    if (r->sum.bytes_per == 0 || r->piece % r->sum.bytes_per != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "checksums of %u bytes each do not fit into pieces of %u "
                       "(dfs.datanode.ec.reconstruction.stripedread.buffer.size)",
                       r->sum.bytes_per, r->piece);
    for (unsigned u = 0; u < r->units; u++)
        pieces[u] = r->source[u].piece;
    coder_decode(r->plan, n, pieces);
    if (!r->back)
        return 0;
    pieces[r->back_unit] = r->back_piece;
    coder_decode(r->back, n, pieces);
    if (memcmp(r->back_piece, r->source[r->back_unit].piece, n) == 0)
        return 0;
    return err_set(err, ERR_CORRUPT, "what was restored does not lead back to unit %u",
                   r->back_unit);
}

int restore_next(struct restore *r, struct err *err)
{

    r->at += r->n;
    r->n = 0;
    if (r->at >= r->end)
        return 0;
    for (;;) {
        uint32_t n = r->end - r->at < r->piece ? (uint32_t)(r->end - r->at) : r->piece;
        int rc = need_plan(r, err);

        if (rc < 0)
            return rc;
        if (!read_sources(r, n)) {
            rewind_sources(r);
            continue;
        }
        rc = decode(r, n, err);
        if (rc < 0)
            return rc;
        r->n = n;
        return 1;
    }
}

uint32_t restore_piece(const struct restore *r, unsigned unit, const uint8_t **bytes)
{
    uint64_t left = r->source[unit].bytes > r->at ? r->source[unit].bytes - r->at : 0;

    *bytes = r->source[unit].piece;
    return left < r->n ? (uint32_t)left : r->n;
}
