#include "datanode/remote_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote_read {
    int fd;
    struct checksum sum;
    uint64_t at, chunk_at; /* the next byte for the caller, and of the stream */
    uint8_t *packet;       /* checksums and data */
    size_t cap;
    const uint8_t *bytes; /* checked and not taken */
    size_t left;
};

static int ask(struct remote_read *r, const struct remote_range *what, struct err *err)
{
    Pb__OpReadBlockProto op = PB__OP_READ_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__CachingStrategyProto caching = PB__CACHING_STRATEGY_PROTO__INIT;

    base.block = (Pb__ExtendedBlockProto *)(uintptr_t)what->block;
    header.baseheader = &base;
    header.clientname = (char *)(uintptr_t) "";
    op.header = &header;
    op.offset = what->offset;
    op.len = what->length;
    op.has_sendchecksums = 1;
    op.sendchecksums = 1;
    op.cachingstrategy = &caching;
    return xfer_send_op(r->fd, XFER_READ_BLOCK, &op.base, err);
}

static int hear(struct remote_read *r, struct err *err)
{
    const Pb__ReadOpChecksumInfoProto *sums;
    Pb__BlockOpResponseProto *answer;
    struct arena arena;
    int rc;

    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    rc = xfer_recv_message(r->fd, &pb__block_op_response_proto__descriptor, &arena,
                           (ProtobufCMessage **)&answer, err);
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, answer->status, answer->message);
    sums = rc == 0 ? answer->readopchecksuminfo : NULL;
    if (rc == 0 && (!sums || sums->checksum->bytesperchecksum == 0 || sums->chunkoffset > r->at))
        rc = err_set(err, ERR_PROTOCOL, "answer to a read without the checksums that were wanted");
    if (rc == 0) {
        r->sum = (struct checksum){sums->checksum->type, sums->checksum->bytesperchecksum};
        r->chunk_at = sums->chunkoffset;
    }
    arena_done(&arena);
    return rc;
}

int remote_read_open(struct datanode *dn, const struct remote_range *what, struct remote_read **out,
                     struct err *err)
{
    struct net_addr to = datanode_address(dn, what->node->id);
    struct remote_read *r = calloc(1, sizeof *r);
    int rc = 0;

    if (!r)
        return err_set(err, ERR_NOMEM, "remote read");
    r->at = what->offset;
    r->fd = net_connect(&to, dn->bind_host, what->timeout_ms, err);
    if (r->fd < 0)
        rc = r->fd;
    if (rc == 0)
        rc = ask(r, what, err);
    if (rc == 0)
        rc = hear(r, err);
    if (rc < 0) {
        remote_read_close(r);
        return err_wrap(err, rc, "blk_%" PRId64 " from %s:%u", (int64_t)what->block->blockid,
                        to.host, to.port);
    }
    *out = r;
    return 0;
}

void remote_read_close(struct remote_read *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r->packet);
    free(r);
}

const struct checksum *remote_read_checksum(const struct remote_read *r)
{
    return &r->sum;
}

static int read_head(struct remote_read *r, struct packet_lens *lens, struct packet_header *h,
                     struct err *err)
{
    uint8_t bytes[UINT16_MAX];
    struct rd rd = rd_of(bytes, PACKET_LENS_BYTES);
    int rc = net_read_full(r->fd, bytes, PACKET_LENS_BYTES, err);

    if (rc == 0)
        rc = packet_lens_parse(&rd, lens, err);
    if (rc == 0)
        rc = net_read_full(r->fd, bytes, lens->header, err);
    rd = rd_of(bytes, rc == 0 ? lens->header : 0);
    return rc == 0 ? packet_header_parse(&rd, h, err) : rc;
}

static int need_packet(struct remote_read *r, size_t n, struct err *err)
{
    uint8_t *more = n > r->cap ? realloc(r->packet, n) : r->packet;

    if (!more)
        return err_set(err, ERR_NOMEM, "packet of %zu bytes", n);
    r->packet = more;
    r->cap = n > r->cap ? n : r->cap;
    return 0;
}

static int next_packet(struct remote_read *r, struct err *err)
{
    struct packet_lens lens;
    struct packet_header h;
    uint64_t sums, skip;
    int rc = read_head(r, &lens, &h, err);

    if (rc < 0)
        return rc;
    sums = checksum_bytes_for(&r->sum, h.data_bytes);
    if (h.data_bytes == 0 || (uint64_t)h.offset != r->chunk_at ||
        lens.payload != sums + h.data_bytes)
        return err_set(err, ERR_PROTOCOL, "packet of %u bytes at %" PRId64 ", %" PRIu64 " expected",
                       h.data_bytes, h.offset, r->chunk_at);
    rc = need_packet(r, lens.payload, err);
    if (rc == 0)
        rc = net_read_full(r->fd, r->packet, lens.payload, err);
    if (rc == 0)
        rc = checksum_verify(&r->sum, r->packet + sums, h.data_bytes, r->packet, r->chunk_at, err);
    if (rc < 0)
        return rc;
    skip = r->at > r->chunk_at ? r->at - r->chunk_at : 0;
    if (skip >= h.data_bytes)
        return err_set(err, ERR_PROTOCOL, "data before the range");
    r->bytes = r->packet + sums + skip;
    r->left = h.data_bytes - skip;
    r->chunk_at += h.data_bytes;
    return 0;
}

int remote_read_full(struct remote_read *r, uint8_t *to, size_t n, struct err *err)
{
    while (n > 0) {
        size_t k;
        int rc = r->left == 0 ? next_packet(r, err) : 0;

        if (rc < 0)
            return rc;
        k = n < r->left ? n : r->left;
        memcpy(to, r->bytes, k);
        r->bytes += k;
        r->left -= k;
        r->at += k;
        to += k;
        n -= k;
    }
    return 0;
}
