#include "client/block_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/block_map.h"
#include "client/dn_pool.h"
#include "client/short_circuit.h"
#include "common/net.h"
#include "datatransfer.pb-c.h"
#include "proto/xfer.h"

enum { PIECE_LEAST = 64 << 10 };

struct block_reader {
    struct dfs *fs;
    struct dn_conn *conn;
    struct short_circuit *local; /* instead of conn */
    struct read_cut *cut;
    struct checksum checksum;
    enum block_reader_kind kind;
    uint64_t at, end;     /* positions in the block: next byte for the caller, end of the range */
    uint64_t chunk_at;    /* where the next unverified byte is: at first up to a chunk before at */
    int64_t seqno;        /* of the next packet */
    uint32_t packet_left; /* bytes of the packet at hand that were not verified yet */
    uint8_t *sums;        /* its checksums, and the next of them */
    size_t sums_cap, sums_at;
    const uint8_t *bytes; /* viewed and not used */
    size_t left;
    bool finished; /* the empty last packet was read, and the status sent */
};

/* ---- asking for the range ---- */

static int send_request(struct dfs *fs, struct dn_conn *c, const struct block_range *what,
                        struct err *err)
{
    Pb__OpReadBlockProto op = PB__OP_READ_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__CachingStrategyProto caching = PB__CACHING_STRATEGY_PROTO__INIT;

    base.block = what->block->b;
    base.token = what->block->blocktoken;
    header.baseheader = &base;
    header.clientname = fs->client_name;
    op.header = &header;
    op.offset = what->offset;
    op.len = what->length;
    op.has_sendchecksums = true;
    op.sendchecksums = true;
    op.cachingstrategy = &caching;
    return xfer_send_op(c->fd, XFER_READ_BLOCK, &op.base, err);
}

/* ---- being cut off ---- */

void read_cut_init(struct read_cut *c)
{
    *c = (struct read_cut){.fd = -1};
    pthread_mutex_init(&c->lock, NULL);
}

void read_cut_done(struct read_cut *c)
{
    pthread_mutex_destroy(&c->lock);
}

void read_cut_now(struct read_cut *c)
{
    pthread_mutex_lock(&c->lock);
    c->cut = true;
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&c->lock);
}

/* Says which connection the read waits on; -1 before that one is given away. */
static int set_cut(struct read_cut *c, int fd, struct err *err)
{
    bool cut;

    if (!c)
        return 0;
    pthread_mutex_lock(&c->lock);
    c->fd = fd;
    cut = c->cut;
    pthread_mutex_unlock(&c->lock);
    return cut && fd >= 0 ? err_set(err, ERR_INTERRUPTED, "another datanode was faster") : 0;
}

/* A delimited message out of the connection's buffer. */
static int recv_answer(struct dn_conn *c, struct arena *arena, Pb__BlockOpResponseProto **out,
                       struct err *err)
{
    for (size_t need = 1;; need++) {
        int rc = dn_conn_need(c, need, err);
        struct rd r, message;
        uint64_t n;

        if (rc < 0)
            return rc;
        r = rd_of(c->buf + c->at, c->end - c->at);
        n = rd_varint(&r);
        if (r.bad && need <= 10)
            continue;
        if (r.bad || n > XFER_MESSAGE_MAX)
            return err_set(err, ERR_PROTOCOL, "answer that does not parse");
        need = (size_t)(r.at - (c->buf + c->at)) + n;
        rc = dn_conn_need(c, need, err);
        if (rc < 0)
            return rc;
        r = rd_of(c->buf + c->at, need);
        message = rd_delimited(&r);
        c->at += need;
        *out = pb__block_op_response_proto__unpack(&arena->pb, rd_left(&message), message.at);
        return *out ? 0 : err_set(err, ERR_PROTOCOL, "answer that does not parse");
    }
}

static int take_answer(struct block_reader *r, const Pb__BlockOpResponseProto *answer,
                       struct err *err)
{
    const Pb__ReadOpChecksumInfoProto *sums = answer->readopchecksuminfo;

    if (answer->status != PB__STATUS__SUCCESS)
        return xfer_status_err(err, answer->status, answer->message);
    if (!sums)
        return err_set(err, ERR_PROTOCOL, "answer to a read without its checksum's type");
    if (sums->checksum->type > PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C)
        return err_set(err, ERR_PROTOCOL, "checksums of an unknown kind %d", sums->checksum->type);
    r->checksum = (struct checksum){sums->checksum->type, sums->checksum->bytesperchecksum};
    if (r->checksum.bytes_per == 0 && checksum_size(&r->checksum) > 0)
        return err_set(err, ERR_PROTOCOL, "checksums of no bytes each");
    if (r->checksum.bytes_per == 0)
        r->checksum.bytes_per = 512;
    if (sums->chunkoffset > r->at || r->at - sums->chunkoffset >= r->checksum.bytes_per)
        return err_set(err, ERR_PROTOCOL, "asked for byte %" PRIu64 ", offered %" PRIu64, r->at,
                       sums->chunkoffset);
    r->chunk_at = sums->chunkoffset;
    return 0;
}

static int open_on(struct block_reader *r, const struct block_range *what, bool fresh,
                   struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    struct net_addr to;
    struct arena arena;
    int rc;

    replica_address(r->fs, what->node->id, &to);
    rc = dn_pool_take(r->fs->datanodes, &to, fresh, 0, &r->conn, err);
    if (rc < 0)
        return rc;
    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    rc = set_cut(r->cut, r->conn->fd, err);
    if (rc == 0)
        rc = send_request(r->fs, r->conn, what, err);
    if (rc == 0)
        rc = recv_answer(r->conn, &arena, &answer, err);
    if (rc == 0)
        rc = take_answer(r, answer, err);
    arena_done(&arena);
    return rc;
}

/* An idle connection may have been closed just now: that is worth a second, fresh one. */
static int open_remote(struct block_reader *r, const struct block_range *what, struct err *err)
{
    int rc = open_on(r, what, false, err);

    if (rc < 0 && r->conn && r->conn->used_before) {
        set_cut(r->cut, -1, NULL);
        dn_conn_close(r->conn);
        r->conn = NULL;
        rc = open_on(r, what, true, err);
    }
    return rc;
}

int block_reader_open(struct dfs *fs, const struct block_range *what, struct block_reader **out,
                      struct err *err)
{
    struct block_reader *r = calloc(1, sizeof *r);
    bool is_local = fs_ip_is_local(fs, what->node->id->ipaddr);
    int rc = -1;

    if (!r)
        return err_set(err, ERR_NOMEM, "block reader");
    r->fs = fs;
    r->cut = what->cut;
    r->at = what->offset;
    r->end = what->offset + what->length;
    r->kind = is_local ? READER_LOCAL_SOCKET : READER_REMOTE;
    if (is_local && conf_bool(fs->conf, OPT_client_short_circuit))
        rc = short_circuit_open(fs, what, &r->local, NULL);
    if (rc == 0)
        r->kind = READER_SHORT_CIRCUIT;
    else
        rc = open_remote(r, what, err);
    if (rc < 0) {
        block_reader_close(r);
        return err_wrap(err, rc, "blk_%" PRIu64 " from %s:%u", what->block->b->blockid,
                        what->node->id->ipaddr, what->node->id->xferport);
    }
    *out = r;
    return 0;
}

enum block_reader_kind block_reader_kind(const struct block_reader *r)
{
    return r->kind;
}

/* ---- packets ---- */

/* Lengths and header; what follows them is not waited for. */
static int next_header(struct dn_conn *c, struct packet_lens *lens, struct packet_header *h,
                       struct err *err)
{
    int rc = dn_conn_need(c, PACKET_LENS_BYTES, err);
    struct rd r;

    if (rc < 0)
        return rc;
    r = rd_of(c->buf + c->at, PACKET_LENS_BYTES);
    rc = packet_lens_parse(&r, lens, err);
    if (rc == 0)
        rc = dn_conn_need(c, PACKET_LENS_BYTES + (size_t)lens->header, err);
    if (rc < 0)
        return rc;
    r = rd_of(c->buf + c->at + PACKET_LENS_BYTES, lens->header);
    rc = packet_header_parse(&r, h, err);
    if (rc == 0)
        c->at += PACKET_LENS_BYTES + (size_t)lens->header;
    return rc;
}

/* A packet must go on where the last one ended, and its checksums must be those of its data. */
static int check_packet(struct block_reader *r, const struct packet_lens *lens,
                        const struct packet_header *h, struct err *err)
{
    if (h->seqno != r->seqno)
        return err_set(err, ERR_PROTOCOL, "packet number %" PRId64 ", %" PRId64 " expected",
                       h->seqno, r->seqno);
    r->seqno++;
    if (h->data_bytes == 0 || h->last)
        return err_set(err, ERR_PROTOCOL, "the last packet at byte %" PRIu64 " of %" PRIu64,
                       r->chunk_at, r->end);
    if ((uint64_t)h->offset != r->chunk_at)
        return err_set(err, ERR_PROTOCOL, "packet at byte %" PRId64 ", %" PRIu64 " expected",
                       h->offset, r->chunk_at);
    if (lens->payload != h->data_bytes + checksum_bytes_for(&r->checksum, h->data_bytes))
        return err_set(err, ERR_PROTOCOL, "packet of %u bytes with %u of data", lens->payload,
                       h->data_bytes);
    return 0;
}

/* Keeps the checksums that stand in front of the data. */
static int keep_sums(struct block_reader *r, size_t n, struct err *err)
{
    int rc = dn_conn_need(r->conn, n, err);

    if (rc < 0)
        return rc;
    if (n > r->sums_cap) {
        uint8_t *more = realloc(r->sums, n);

        if (!more)
            return err_set(err, ERR_NOMEM, "checksums");
        r->sums = more;
        r->sums_cap = n;
    }
    if (n > 0) /* none of a block without checksums */
        memcpy(r->sums, r->conn->buf + r->conn->at, n);
    r->conn->at += n;
    r->sums_at = 0;
    return 0;
}

static int next_packet(struct block_reader *r, struct err *err)
{
    struct packet_lens lens;
    struct packet_header h;
    int rc = next_header(r->conn, &lens, &h, err);

    if (rc == 0)
        rc = check_packet(r, &lens, &h, err);
    if (rc == 0)
        rc = keep_sums(r, lens.payload - h.data_bytes, err);
    if (rc == 0)
        r->packet_left = h.data_bytes;
    return rc;
}

/* Verifies as much of the packet as has come, in pieces that stay in the cache between being
 * received, verified and used. */
static int next_piece(struct block_reader *r, struct err *err)
{
    struct dn_conn *c = r->conn;
    uint32_t per = r->checksum.bytes_per, want, n;
    uint64_t skip, end;
    int rc = r->packet_left == 0 ? next_packet(r, err) : 0;

    if (rc < 0)
        return rc;
    want = PIECE_LEAST > per ? PIECE_LEAST : per;
    rc = dn_conn_need(c, r->packet_left < want ? r->packet_left : want, err);
    if (rc < 0)
        return rc;
    n = c->end - c->at < r->packet_left ? (uint32_t)(c->end - c->at) / per * per : r->packet_left;
    r->bytes = c->buf + c->at;
    rc = checksum_verify(&r->checksum, r->bytes, n, r->sums + r->sums_at, r->chunk_at, err);
    if (rc < 0)
        return rc;
    c->at += n;
    r->sums_at += checksum_bytes_for(&r->checksum, n);
    r->packet_left -= n;
    skip = r->at > r->chunk_at ? r->at - r->chunk_at : 0; /* of the first chunk */
    end = r->chunk_at + n;
    r->chunk_at = end;
    if (end <= r->at)
        return err_set(err, ERR_PROTOCOL, "data before the range");
    r->bytes += skip;
    r->left = (end < r->end ? end : r->end) - r->at;
    return 0;
}

/* After the last byte comes an empty packet; then the datanode wants to hear how it was. */
static int finish(struct block_reader *r, struct err *err)
{
    Pb__ClientReadStatusProto status = PB__CLIENT_READ_STATUS_PROTO__INIT;
    struct packet_lens lens;
    struct packet_header h;
    int rc = next_header(r->conn, &lens, &h, err);

    if (rc < 0)
        return rc;
    if (!h.last || h.data_bytes != 0 || lens.payload != 0 || r->packet_left != 0)
        return err_set(err, ERR_PROTOCOL, "data after the end of the range");
    status.status = checksum_size(&r->checksum) ? PB__STATUS__CHECKSUM_OK : PB__STATUS__SUCCESS;
    rc = xfer_send_message(r->conn->fd, &status.base, err);
    r->finished = rc == 0;
    return rc;
}

ssize_t block_reader_view(struct block_reader *r, const uint8_t **bytes, struct err *err)
{
    int rc = 0;

    if (r->at == r->end)
        return 0;
    if (r->left == 0 && r->local) {
        ssize_t n = short_circuit_view(r->local, r->at, r->end, &r->bytes, err);

        rc = n < 0 ? (int)n : 0;
        r->left = n < 0 ? 0 : (size_t)n;
    } else if (r->left == 0) {
        rc = next_piece(r, err);
    }
    if (rc < 0)
        return rc;
    *bytes = r->bytes;
    return (ssize_t)r->left;
}

void block_reader_use(struct block_reader *r, size_t n)
{
    MUST(n <= r->left);
    r->bytes += n;
    r->left -= n;
    r->at += n;
}

void block_reader_close(struct block_reader *r)
{
    if (!r)
        return;
    if (r->conn && r->end > 0 && r->at == r->end && r->checksum.bytes_per && !r->finished)
        finish(r, NULL);
    set_cut(r->cut, -1, NULL);
    if (r->conn && r->finished)
        dn_pool_give(r->fs->datanodes, r->conn);
    else
        dn_conn_close(r->conn);
    short_circuit_close(r->local);
    free(r->sums);
    free(r);
}
