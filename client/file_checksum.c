/* file_checksum.c -- the checksum of a whole file, put together from those of its blocks.
 *
 * Each block's datanode gives the MD5 of the block's stored checksums; the file's is the MD5 of
 * those.  Hadoop digests the whole buffer it gathered them in, unused zeros included: 32 bytes at
 * first, doubled whenever it overflows.  So do we, for the same answer.
 *
 * With dfs.checksum.combine.mode=COMPOSITE_CRC a datanode gives the CRC of the block's bytes, and the
 * file's is that of all its bytes: the same for the same bytes, however they are cut into blocks.
 *
 * Of a striped file one datanode of each group is asked, which asks the others.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/block_map.h"
#include "common/net.h"
#include "datatransfer.pb-c.h"
#include "proto/crc_join.h"
#include "proto/xfer.h"

enum { MD5_BYTES = 16, CRC_BYTES = 4, GATHER_FIRST = 32 };

/* MD5 is needed here alone: its library is loaded when it is, for loading it costs more than most
 * commands take in all. */
static int md5(const void *bytes, size_t n, uint8_t out[MD5_BYTES], struct err *err)
{
    typedef int (*digest_fn)(void *ctx, const char *name, const char *props, const void *data,
                             size_t len, unsigned char *md, size_t *md_len);
    void *lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    digest_fn digest = lib ? (digest_fn)(uintptr_t)dlsym(lib, "EVP_Q_digest") : NULL;
    size_t out_n = MD5_BYTES;

    if (!digest || digest(NULL, "MD5", NULL, bytes, n, out, &out_n) != 1)
        return err_set(err, ERR_UNSUPPORTED, "libcrypto.so.3 gives no MD5");
    return 0;
}

/* ---- one block ---- */

struct sums {
    const Pb__ErasureCodingPolicyProto *policy; /* NULL: not striped */
    bool composite;
    uint8_t *bytes;
    size_t n, cap;
    uint32_t bytes_per_crc;
    uint64_t crc_per_block;
    Pb__ChecksumTypeProto type;
    bool mixed; /* blocks of several types */
};

static size_t sum_bytes(const struct sums *s)
{
    return s->composite ? CRC_BYTES : MD5_BYTES;
}

static int ask_group(const struct sums *s, int fd, const Pb__LocatedBlockProto *b,
                     Pb__BaseHeaderProto *base, Pb__BlockChecksumOptionsProto *options,
                     struct err *err)
{
    Pb__OpBlockGroupChecksumProto op = PB__OP_BLOCK_GROUP_CHECKSUM_PROTO__INIT;
    Pb__DatanodeInfosProto nodes = PB__DATANODE_INFOS_PROTO__INIT;
    uint32_t indices[UINT8_MAX];

    if (!b->has_blockindices || b->blockindices.len != b->n_locs || b->n_locs > UINT8_MAX)
        return err_set(err, ERR_PROTOCOL, "a group of %zu datanodes with %zu indices", b->n_locs,
                       b->blockindices.len);
    for (size_t i = 0; i < b->n_locs; i++)
        indices[i] = b->blockindices.data[i];
    nodes.datanodes = b->locs;
    nodes.n_datanodes = b->n_locs;
    op.header = base;
    op.datanodes = &nodes;
    op.blocktokens = b->blocktokens;
    op.n_blocktokens = b->n_blocktokens;
    op.ecpolicy = (Pb__ErasureCodingPolicyProto *)(uintptr_t)s->policy;
    op.blockindices = indices;
    op.n_blockindices = b->n_locs;
    op.requestednumbytes = b->b->numbytes;
    op.blockchecksumoptions = options;
    return xfer_send_op(fd, XFER_BLOCK_GROUP_CHECKSUM, &op.base, err);
}

static int send_question(const struct sums *s, int fd, const Pb__LocatedBlockProto *b,
                         struct err *err)
{
    Pb__OpBlockChecksumProto op = PB__OP_BLOCK_CHECKSUM_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__BlockChecksumOptionsProto options = PB__BLOCK_CHECKSUM_OPTIONS_PROTO__INIT;

    base.block = b->b;
    base.token = b->blocktoken;
    options.has_blockchecksumtype = true;
    options.blockchecksumtype = s->composite ? PB__BLOCK_CHECKSUM_TYPE_PROTO__COMPOSITE_CRC
                                             : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    if (s->policy)
        return ask_group(s, fd, b, &base, &options, err);
    op.header = &base;
    op.blockchecksumoptions = &options;
    return xfer_send_op(fd, XFER_BLOCK_CHECKSUM, &op.base, err);
}

static int ask_node(struct dfs *fs, const struct sums *s, const Pb__LocatedBlockProto *b,
                    const Pb__DatanodeInfoProto *node, struct arena *arena,
                    Pb__BlockOpResponseProto **out, struct err *err)
{
    struct net_addr to;
    int fd, rc;

    replica_address(fs, node->id, &to);
    fd = net_connect(&to, fs->bind_host, (int)conf_int(fs->conf, OPT_client_timeout), err);
    if (fd < 0)
        return fd;
    rc = send_question(s, fd, b, err);
    if (rc == 0)
        rc = xfer_recv_message(fd, &pb__block_op_response_proto__descriptor, arena,
                               (ProtobufCMessage **)out, err);
    if (rc == 0 && (*out)->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, (*out)->status, (*out)->message);
    if (rc == 0 &&
        (!(*out)->checksumresponse || (*out)->checksumresponse->blockchecksum.len != sum_bytes(s)))
        rc = err_set(err, ERR_PROTOCOL, "answer without a checksum");
    close(fd);
    return rc;
}

/* Any replica will do, and any unit's datanode. */
static int ask_block(struct dfs *fs, const struct sums *s, const Pb__LocatedBlockProto *b,
                     struct arena *arena, Pb__OpBlockChecksumResponseProto **out, struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    int rc = err_set(err, ERR_BLOCK_MISSING, "blk_%" PRIu64 " has no datanode", b->b->blockid);

    for (size_t i = 0; i < b->n_locs; i++) {
        rc = ask_node(fs, s, b, b->locs[i], arena, &answer, err);
        if (rc == 0) {
            *out = answer->checksumresponse;
            return 0;
        }
    }
    return err_wrap(err, rc, "Fail to get block checksum for blk_%" PRIu64, b->b->blockid);
}

/* ---- the file ---- */

static int add_sum(struct sums *s, const Pb__OpBlockChecksumResponseProto *r, bool first,
                   struct err *err)
{
    if (first) {
        s->bytes_per_crc = r->bytespercrc;
        s->crc_per_block = r->crcperblock;
        s->type = r->has_crctype ? r->crctype : PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32;
    }
    s->mixed |= r->has_crctype && r->crctype != s->type;
    if (s->composite && s->mixed) {
        return err_set(err, ERR_IO, "DataChecksum.Type.MIXED is not supported for COMPOSITE_CRC");
    } else if (s->bytes_per_crc != r->bytespercrc && !s->composite) {
        return err_set(err, ERR_IO, "Byte-per-checksum not matched: bpc=%u but bytesPerCRC=%u",
                       r->bytespercrc, s->bytes_per_crc);
    }
    if (s->n + sum_bytes(s) > s->cap) {
        uint8_t *more = realloc(s->bytes, s->cap * 2);

        if (!more)
            return err_set(err, ERR_NOMEM, "checksum");
        memset(more + s->cap, 0, s->cap);
        s->bytes = more;
        s->cap *= 2;
    }
    memcpy(s->bytes + s->n, r->blockchecksum.data, sum_bytes(s));
    s->n += sum_bytes(s);
    return 0;
}

/* Asks for the sums of the first @length bytes, block by block; shortens the last block to that. */
static int gather(struct dfs *fs, const struct block_map *m, struct sums *s, uint64_t length,
                  struct err *err)
{
    struct arena arena;
    int rc = 0;

    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    for (size_t i = 0; i < m->blocks->n_blocks && rc == 0 && length > 0; i++) {
        const Pb__LocatedBlockProto *b = m->blocks->blocks[i];
        uint64_t has = block_map_length(m, b);
        Pb__OpBlockChecksumResponseProto *r = NULL;

        arena_reset(&arena);
        if (has > length)
            b->b->numbytes = has = length;
        length -= has;
        rc = ask_block(fs, s, b, &arena, &r, err);
        if (rc == 0)
            rc = add_sum(s, r, i == 0, err);
    }
    arena_done(&arena);
    return rc;
}

static const char *castagnoli(const struct sums *s)
{
    return s->type == PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C ? "C" : "";
}

static int md5_result(struct sums *s, size_t blocks, struct dfs_checksum *out, struct err *err)
{
    int rc;

    if (s->mixed) {
        snprintf(out->algorithm, sizeof out->algorithm, "NONE");
        return 0;
    }
    if (blocks == 1)
        s->crc_per_block = 0;
    rc = md5(s->bytes, s->cap, out->bytes + 12, err);
    if (rc < 0)
        return rc;
    put_be(out->bytes, s->bytes_per_crc, 4);
    put_be(out->bytes + 4, s->crc_per_block, 8);
    out->n = 4 + 8 + MD5_BYTES;
    snprintf(out->algorithm, sizeof out->algorithm, "MD5-of-%" PRIu64 "MD5-of-%uCRC32%s",
             s->crc_per_block, s->bytes_per_crc, castagnoli(s));
    return 0;
}

static void composite_result(const struct sums *s, const struct block_map *m, uint64_t length,
                             struct dfs_checksum *out)
{
    struct checksum c = {.type = s->type};
    uint32_t crc = 0;

    for (size_t i = 0; i < s->n / CRC_BYTES; i++) {
        uint64_t has = block_map_length(m, m->blocks->blocks[i]);

        has = has < length ? has : length;
        length -= has;
        crc = crc_join(&c, crc, (uint32_t)get_be(s->bytes + i * CRC_BYTES, CRC_BYTES),
                       crc_shift(&c, has));
    }
    put_be(out->bytes, crc, CRC_BYTES);
    out->n = CRC_BYTES;
    snprintf(out->algorithm, sizeof out->algorithm, "COMPOSITE-CRC32%s", castagnoli(s));
}

static int sum_file(struct dfs *fs, const char *path, uint64_t length, bool composite,
                    struct dfs_checksum *out, struct err *err)
{
    struct sums s = {.cap = GATHER_FIRST};
    struct dfs_checksum sum = {.n = 0};
    struct block_map *m;
    int rc = block_map_fetch(fs, path, 0, length < INT64_MAX ? length : INT64_MAX, &m, err);

    if (rc < 0)
        return rc;
    s.policy = m->blocks->ecpolicy;
    s.composite = composite && m->blocks->n_blocks > 0 && length > 0;
    s.bytes = calloc(1, s.cap);
    rc = s.bytes ? gather(fs, m, &s, length, err) : err_set(err, ERR_NOMEM, "checksum");
    if (rc == 0 && s.composite)
        composite_result(&s, m, length, &sum);
    else if (rc == 0)
        rc = md5_result(&s, m->blocks->n_blocks, &sum, err);
    if (rc == 0)
        *out = sum;
    free(s.bytes);
    block_map_drop(m);
    return rc;
}

int dfs_file_checksum_to(struct dfs *fs, const char *path, uint64_t length,
                         struct dfs_checksum *out, struct err *err)
{
    bool composite = strcmp(conf_text(fs->conf, OPT_checksum_combine), "COMPOSITE_CRC") == 0;

    return sum_file(fs, path, length, composite, out, err);
}

int dfs_composite_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out,
                           struct err *err)
{
    return sum_file(fs, path, INT64_MAX, true, out, err);
}

int dfs_file_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out, struct err *err)
{
    return dfs_file_checksum_to(fs, path, INT64_MAX, out, err);
}
