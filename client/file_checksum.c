/* file_checksum.c -- the checksum of a whole file, put together from those of its blocks.
 *
 * Each block's datanode gives the MD5 of the block's stored checksums; the file's is the MD5 of
 * those.  Hadoop digests the whole buffer it gathered them in, unused zeros included: 32 bytes at
 * first, doubled whenever it overflows.  So do we, for the same answer.
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
#include "proto/xfer.h"

enum { MD5_BYTES = 16, GATHER_FIRST = 32 };

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

static int ask_node(struct dfs *fs, const Pb__LocatedBlockProto *b,
                    const Pb__DatanodeInfoProto *node, struct arena *arena,
                    Pb__BlockOpResponseProto **out, struct err *err)
{
    Pb__OpBlockChecksumProto op = PB__OP_BLOCK_CHECKSUM_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    struct net_addr to;
    int fd, rc;

    datanode_address(fs, node->id, &to);
    fd = net_connect(&to, fs->bind_host, (int)conf_int(fs->conf, OPT_client_timeout), err);
    if (fd < 0)
        return fd;
    base.block = b->b;
    base.token = b->blocktoken;
    op.header = &base;
    rc = xfer_send_op(fd, XFER_BLOCK_CHECKSUM, &op.base, err);
    if (rc == 0)
        rc = xfer_recv_message(fd, &pb__block_op_response_proto__descriptor, arena,
                               (ProtobufCMessage **)out, err);
    if (rc == 0 && (*out)->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, (*out)->status, (*out)->message);
    if (rc == 0 &&
        (!(*out)->checksumresponse || (*out)->checksumresponse->blockchecksum.len != MD5_BYTES))
        rc = err_set(err, ERR_PROTOCOL, "answer without a checksum");
    close(fd);
    return rc;
}

/* Any replica will do. */
static int ask_block(struct dfs *fs, const Pb__LocatedBlockProto *b, struct arena *arena,
                     Pb__OpBlockChecksumResponseProto **out, struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    int rc = err_set(err, ERR_BLOCK_MISSING, "blk_%" PRIu64 " has no datanode", b->b->blockid);

    for (size_t i = 0; i < b->n_locs; i++) {
        rc = ask_node(fs, b, b->locs[i], arena, &answer, err);
        if (rc == 0) {
            *out = answer->checksumresponse;
            return 0;
        }
    }
    return err_wrap(err, rc, "Fail to get block checksum for blk_%" PRIu64, b->b->blockid);
}

/* ---- the file ---- */

struct sums {
    uint8_t *bytes;
    size_t n, cap;
    uint32_t bytes_per_crc;
    uint64_t crc_per_block;
    Pb__ChecksumTypeProto type;
};

static int add_sum(struct sums *s, const Pb__OpBlockChecksumResponseProto *r, bool first,
                   struct err *err)
{
    if (first) {
        s->bytes_per_crc = r->bytespercrc;
        s->crc_per_block = r->crcperblock;
        s->type = r->has_crctype ? r->crctype : PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32;
    } else if (s->bytes_per_crc != r->bytespercrc) {
        return err_set(err, ERR_IO, "Byte-per-checksum not matched: bpc=%u but bytesPerCRC=%u",
                       r->bytespercrc, s->bytes_per_crc);
    }
    if (s->n + MD5_BYTES > s->cap) {
        uint8_t *more = realloc(s->bytes, s->cap * 2);

        if (!more)
            return err_set(err, ERR_NOMEM, "checksum");
        memset(more + s->cap, 0, s->cap);
        s->bytes = more;
        s->cap *= 2;
    }
    memcpy(s->bytes + s->n, r->blockchecksum.data, MD5_BYTES);
    s->n += MD5_BYTES;
    return 0;
}

static int gather(struct dfs *fs, const struct block_map *m, struct sums *s, struct err *err)
{
    struct arena arena;
    int rc = 0;

    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    for (size_t i = 0; i < m->blocks->n_blocks && rc == 0; i++) {
        Pb__OpBlockChecksumResponseProto *r = NULL;

        arena_reset(&arena);
        rc = ask_block(fs, m->blocks->blocks[i], &arena, &r, err);
        if (rc == 0)
            rc = add_sum(s, r, i == 0, err);
    }
    arena_done(&arena);
    return rc;
}

int dfs_file_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out, struct err *err)
{
    struct sums s = {.cap = GATHER_FIRST};
    struct dfs_checksum sum = {.n = 4 + 8 + MD5_BYTES};
    struct block_map *m;
    int rc = block_map_fetch(fs, path, 0, INT64_MAX, &m, err);

    if (rc < 0)
        return rc;
    s.bytes = calloc(1, s.cap);
    rc = s.bytes ? gather(fs, m, &s, err) : err_set(err, ERR_NOMEM, "checksum");
    if (rc == 0 && m->blocks->n_blocks == 1)
        s.crc_per_block = 0;
    if (rc == 0)
        rc = md5(s.bytes, s.cap, sum.bytes + 12, err);
    if (rc == 0) {
        put_be(sum.bytes, s.bytes_per_crc, 4);
        put_be(sum.bytes + 4, s.crc_per_block, 8);
        snprintf(sum.algorithm, sizeof sum.algorithm, "MD5-of-%" PRIu64 "MD5-of-%uCRC32%s",
                 s.crc_per_block, s.bytes_per_crc,
                 s.type == PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C ? "C" : "");
        *out = sum;
    }
    free(s.bytes);
    block_map_drop(m);
    return rc;
}
