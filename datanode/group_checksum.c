/* BLOCK_GROUP_CHECKSUM: one checksum for a striped group, made of those of its data units.
 *
 * Each data unit's datanode is asked for its own; a unit that nobody has, or whose datanode fails, is restored
 * and summed here, without being kept.  The MD5 kind digests the units' MD5s in the order of the units; Hadoop digests the
 * whole buffer that it gathered them in, unused zeros included.  The composite kind asks for a CRC of each cell, and joins
 * the cells in the order of the file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/md5.h"
#include "datanode/restore.h"
#include "datanode/xceiver.h"
#include "proto/crc_join.h"

enum { GATHER_FIRST = 32, UNIT_SUMS_MAX = 16 << 20 };

struct group_sum {
    struct xceiver *x;
    const Pb__OpBlockGroupChecksumProto *op;
    struct stripe_policy policy;
    Pb__ExtendedBlockProto group; /* numbytes: those that are asked for */
    bool composite;
    struct checksum sum; /* of unit 0 */
    uint64_t crc_per_block;
    bool has_sum;
    struct buf units[CODER_UNITS_MAX]; /* of each data unit its MD5, or its cells' CRCs */
};

/* ---- a unit that a datanode has ---- */

static int ask_unit(struct group_sum *g, unsigned u, const Pb__DatanodeInfoProto *node,
                    struct arena *arena, Pb__OpBlockChecksumResponseProto **out, struct err *err)
{
    struct datanode *dn = g->x->dn;
    Pb__OpBlockChecksumProto op = PB__OP_BLOCK_CHECKSUM_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__BlockChecksumOptionsProto options = PB__BLOCK_CHECKSUM_OPTIONS_PROTO__INIT;
    Pb__ExtendedBlockProto block = g->group;
    Pb__BlockOpResponseProto *answer = NULL;
    struct net_addr to = datanode_address(dn, node->id);
    int fd = net_connect(&to, dn->bind_host, (int)conf_int(dn->conf, OPT_ec_checksum_timeout), err),
        rc;

    if (fd < 0)
        return fd;
    block.blockid += u;
    block.numbytes = stripe_unit_bytes(&g->policy, g->group.numbytes, u);
    base.block = &block;
    options.has_blockchecksumtype = 1;
    options.blockchecksumtype = g->composite ? PB__BLOCK_CHECKSUM_TYPE_PROTO__COMPOSITE_CRC
                                             : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    options.has_stripelength = g->composite;
    options.stripelength = g->policy.cell_bytes;
    op.header = &base;
    op.blockchecksumoptions = &options;
    rc = xfer_send_op(fd, XFER_BLOCK_CHECKSUM, &op.base, err);
    if (rc == 0)
        rc = xfer_recv_message(fd, &pb__block_op_response_proto__descriptor, arena,
                               (ProtobufCMessage **)&answer, err);
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, answer->status, answer->message);
    if (rc == 0 && !answer->checksumresponse)
        rc = err_set(err, ERR_PROTOCOL, "answer without a checksum");
    close(fd);
    if (rc == 0)
        *out = answer->checksumresponse;
    return rc;
}

/* All units must have been summed alike; the first one's numbers stand for the group's. */
static int agree(struct group_sum *g, const struct checksum *sum, uint64_t crcs, struct err *err)
{
    if (!g->has_sum) {
        g->sum = *sum;
        g->crc_per_block = crcs;
        g->has_sum = true;
    }
    if (sum->bytes_per != g->sum.bytes_per)
        return err_set(err, ERR_IO, "Byte-per-checksum not matched: bpc=%u but bytesPerCRC=%u",
                       sum->bytes_per, g->sum.bytes_per);
    if (sum->type != g->sum.type && g->composite)
        return err_set(err, ERR_IO,
                       "BlockChecksumType COMPOSITE_CRC doesn't support MIXED underlying types");
    return 0;
}

static int take_unit(struct group_sum *g, unsigned u, const Pb__OpBlockChecksumResponseProto *r,
                     struct err *err)
{
    uint64_t bytes = stripe_unit_bytes(&g->policy, g->group.numbytes, u),
             cell = g->policy.cell_bytes;
    uint64_t want = g->composite ? (bytes + cell - 1) / cell * 4 : MD5_BYTES;
    struct checksum sum = {r->has_crctype ? r->crctype : PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C,
                           r->bytespercrc};

    if (r->blockchecksum.len != want)
        return err_set(err, ERR_PROTOCOL, "checksum of %zu bytes, %" PRIu64 " expected",
                       r->blockchecksum.len, want);
    buf_put(&g->units[u], r->blockchecksum.data, r->blockchecksum.len);
    return agree(g, &sum, r->crcperblock, err);
}

/* ---- a unit that has to be restored ---- */

struct fresh_sum {
    struct md5 *md5; /* or */
    uint32_t crc;    /* of the cell at hand, in_cell bytes so far */
    uint64_t in_cell;
};

static void end_cell(struct group_sum *g, unsigned u, struct fresh_sum *f)
{
    buf_put_be(&g->units[u], f->crc, 4);
    f->crc = 0;
    f->in_cell = 0;
}

/* Sums of whole chunks, the last of the unit perhaps a short one. */
static void feed(struct group_sum *g, unsigned u, struct fresh_sum *f, const struct checksum *sum,
                 const uint8_t *bytes, uint32_t n)
{
    while (n > 0) {
        uint32_t k = n < sum->bytes_per ? n : sum->bytes_per;
        uint8_t crc[4];

        put_be(crc, checksum_of(sum, bytes, k), 4);
        if (f->md5) {
            md5_add(f->md5, crc, 4);
        } else {
            f->crc = crc_join(sum, f->crc, (uint32_t)get_be(crc, 4), crc_shift(sum, k));
            f->in_cell += k;
            if (f->in_cell == g->policy.cell_bytes)
                end_cell(g, u, f);
        }
        bytes += k;
        n -= k;
    }
}

static int sum_restored(struct group_sum *g, unsigned u, struct restore *r, struct fresh_sum *f,
                        struct err *err)
{
    uint64_t left = stripe_unit_bytes(&g->policy, g->group.numbytes, u), all = left;
    uint8_t md5[MD5_BYTES];
    int rc;

    while (left > 0 && (rc = restore_next(r, err)) != 0) {
        const uint8_t *bytes;
        uint32_t n;

        if (rc < 0)
            return rc;
        if (restore_checksum(r)->bytes_per == 0 || checksum_size(restore_checksum(r)) == 0)
            return err_set(err, ERR_IO, "the sources have no checksums");
        n = restore_piece(r, u, &bytes);
        n = left < n ? (uint32_t)left : n;
        feed(g, u, f, restore_checksum(r), bytes, n);
        left -= n;
    }
    if (f->md5) {
        md5_end(f->md5, md5);
        buf_put(&g->units[u], md5, sizeof md5);
    } else if (f->in_cell > 0) {
        end_cell(g, u, f);
    }
    return agree(g, restore_checksum(r),
                 (all + restore_checksum(r)->bytes_per - 1) / restore_checksum(r)->bytes_per, err);
}

static int restore_unit(struct group_sum *g, unsigned u, struct err *err)
{
    const Pb__OpBlockGroupChecksumProto *op = g->op;
    uint8_t units[CODER_UNITS_MAX];
    Pb__DatanodeInfoProto *nodes[CODER_UNITS_MAX];
    struct restore_want want = {.group = op->header->block,
                                .policy = op->ecpolicy,
                                .sources = nodes,
                                .source_units = units,
                                .units = 1u << u};
    struct fresh_sum f = {0};
    struct restore *r;
    int rc;

    for (size_t i = 0; i < op->n_blockindices && want.source_count < CODER_UNITS_MAX; i++)
        if (op->blockindices[i] != u && op->blockindices[i] < stripe_units(&g->policy)) {
            units[want.source_count] = (uint8_t)op->blockindices[i];
            nodes[want.source_count++] = op->datanodes->datanodes[i];
        }
    rc = restore_open(g->x->dn, &want, &r, err);
    if (rc < 0)
        return rc;
    if (!g->composite)
        f.md5 = md5_new();
    rc = g->composite || f.md5 ? sum_restored(g, u, r, &f, err) : err_set(err, ERR_NOMEM, "digest");
    md5_free(f.md5);
    restore_close(r);
    return rc;
}

/* ---- the group ---- */

static int sum_unit(struct group_sum *g, unsigned u, struct err *err)
{
    const Pb__DatanodeInfoProto *node = NULL;
    struct arena arena;
    struct err why = {0};
    int rc = -1;

    for (size_t i = 0; i < g->op->n_blockindices && !node; i++)
        node = g->op->blockindices[i] == u ? g->op->datanodes->datanodes[i] : NULL;
    if (node) {
        Pb__OpBlockChecksumResponseProto *r = NULL;

        arena_init(&arena, UNIT_SUMS_MAX);
        rc = ask_unit(g, u, node, &arena, &r, &why);
        if (rc == 0)
            rc = take_unit(g, u, r, &why);
        arena_done(&arena);
        if (rc < 0)
            LOG_WARN(
                "dn.groupsum", "block=blk_%lld from=%s:%u err=\"%s\" next=\"restore the unit\"",
                (long long)(g->group.blockid + u), node->id->ipaddr, node->id->xferport, why.text);
    }
    if (rc < 0) {
        buf_clear(&g->units[u]);
        rc = restore_unit(g, u, err);
    }
    return rc == 0 && g->units[u].bad ? err_set(err, ERR_NOMEM, "checksums of a unit") : rc;
}

/* Hadoop's buffer doubles, or is just enough when that is more. */
static int join_md5(struct group_sum *g, uint8_t out[MD5_BYTES], struct err *err)
{
    static const uint8_t zeros[GATHER_FIRST];
    size_t n = 0, cap = GATHER_FIRST;
    struct md5 *md5 = md5_new();

    if (!md5)
        return err_set(err, ERR_NOMEM, "digest");
    for (unsigned u = 0; u < g->policy.data; u++) {
        md5_add(md5, g->units[u].bytes, g->units[u].n);
        n += g->units[u].n;
        while (n > cap)
            cap *= 2;
    }
    for (; n < cap; n++)
        md5_add(md5, zeros, 1);
    md5_end(md5, out);
    md5_free(md5);
    return 0;
}

static void join_cells(struct group_sum *g, uint8_t out[4])
{
    uint32_t crc = 0, whole = crc_shift(&g->sum, g->policy.cell_bytes);
    uint64_t left = g->group.numbytes;

    for (uint64_t i = 0; left > 0; i++) {
        const struct buf *unit = &g->units[i % g->policy.data];
        uint64_t n = left < g->policy.cell_bytes ? left : g->policy.cell_bytes;
        uint32_t shift = n == g->policy.cell_bytes ? whole : crc_shift(&g->sum, n);

        crc = crc_join(&g->sum, crc, (uint32_t)get_be(unit->bytes + i / g->policy.data * 4, 4),
                       shift);
        left -= n;
    }
    put_be(out, crc, 4);
}

static int answer_sum(struct group_sum *g, struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    Pb__OpBlockChecksumResponseProto sums = PB__OP_BLOCK_CHECKSUM_RESPONSE_PROTO__INIT;
    Pb__BlockChecksumOptionsProto options = PB__BLOCK_CHECKSUM_OPTIONS_PROTO__INIT;
    uint8_t bytes[MD5_BYTES];
    int rc = 0;

    if (g->composite)
        join_cells(g, bytes);
    else
        rc = join_md5(g, bytes, err);
    if (rc < 0)
        return rc;
    options.has_blockchecksumtype = 1;
    options.blockchecksumtype = g->composite ? PB__BLOCK_CHECKSUM_TYPE_PROTO__COMPOSITE_CRC
                                             : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    sums.bytespercrc = g->sum.bytes_per;
    sums.crcperblock = g->crc_per_block;
    sums.blockchecksum = (ProtobufCBinaryData){.data = bytes, .len = g->composite ? 4 : MD5_BYTES};
    sums.has_crctype = 1;
    sums.crctype = g->sum.type;
    sums.blockchecksumoptions = &options;
    answer.status = PB__STATUS__SUCCESS;
    answer.checksumresponse = &sums;
    return xfer_send_message(g->x->fd, &answer.base, err);
}

static int check_op(struct group_sum *g, struct err *err)
{
    const Pb__OpBlockGroupChecksumProto *op = g->op;
    struct block b;
    int rc = xceiver_block(g->x, op->header->block, &b, err);

    if (rc == 0)
        rc = stripe_policy_from(op->ecpolicy, &g->policy, err);
    if (rc == 0 && op->n_blockindices != op->datanodes->n_datanodes)
        rc = err_set(err, ERR_ARGUMENT, "%zu datanodes with %zu indices",
                     op->datanodes->n_datanodes, op->n_blockindices);
    if (rc == 0 && op->requestednumbytes > b.bytes)
        rc = err_set(err, ERR_ARGUMENT, "checksum of %" PRIu64 " bytes of a group of %" PRIu64,
                     op->requestednumbytes, b.bytes);
    return rc;
}

static int sum_group(struct group_sum *g, struct err *err)
{
    int rc = check_op(g, err);

    if (rc < 0)
        return rc;
    g->group = *g->op->header->block;
    g->group.has_numbytes = 1;
    g->group.numbytes = g->op->requestednumbytes;
    for (unsigned u = 0; u < g->policy.data && rc == 0; u++)
        if (stripe_unit_bytes(&g->policy, g->group.numbytes, u) > 0)
            rc = sum_unit(g, u, err);
    if (rc == 0 && !g->has_sum)
        rc = err_set(err, ERR_ARGUMENT, "checksum of no bytes");
    return rc == 0 ? answer_sum(g, err) : rc;
}

int op_block_group_checksum(struct xceiver *x, const Pb__OpBlockGroupChecksumProto *op,
                            struct err *err)
{
    struct group_sum g = {.x = x, .op = op};
    char why[ERR_TEXT_MAX + 64];
    int rc;

    g.composite =
        op->blockchecksumoptions && op->blockchecksumoptions->has_blockchecksumtype &&
        op->blockchecksumoptions->blockchecksumtype == PB__BLOCK_CHECKSUM_TYPE_PROTO__COMPOSITE_CRC;
    for (unsigned u = 0; u < CODER_UNITS_MAX; u++)
        buf_init(&g.units[u], UNIT_SUMS_MAX);
    count(COUNT_ops_checksum, 1);
    rc = sum_group(&g, err);
    for (unsigned u = 0; u < CODER_UNITS_MAX; u++)
        buf_done(&g.units[u]);
    if (rc == 0 || rc == -ERR_CLOSED)
        return rc;
    java_text(err, why, sizeof why);
    xceiver_answer(x, PB__STATUS__ERROR, why, NULL);
    x->keep = false;
    return rc;
}
