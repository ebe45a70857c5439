#include "proto/xfer.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/net.h"
#include "proto/pb_enums.h"

/* The six bytes before every packet: docs/formats/data-transfer.md, "Packets". */
int packet_lens_parse(struct rd *r, struct packet_lens *out, struct err *err)
{
    uint32_t counted = (uint32_t)rd_be(r, 4); /* counts its own four bytes too */
    uint16_t header = (uint16_t)rd_be(r, 2);

    if (r->bad)
        return err_set(err, ERR_PROTOCOL, "packet lengths cut short");
    if (counted < 4 || counted - 4 > PACKET_DATA_MAX)
        return err_set(err, ERR_PROTOCOL, "packet of %u bytes, from 4 to %u expected", counted,
                       PACKET_DATA_MAX + 4);
    *out = (struct packet_lens){.payload = counted - 4, .header = header};
    return 0;
}

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };

static uint64_t field_value(struct rd *r, unsigned wire)
{
    switch (wire) {
    case WIRE_VARINT: return rd_varint(r);
    case WIRE_FIXED64: return rd_le(r, 8);
    case WIRE_FIXED32: return rd_le(r, 4);
    case WIRE_BYTES: rd_delimited(r); return 0;
    default: r->bad = true; return 0;
    }
}

/* PacketHeaderProto by hand: one comes with every packet, and needs no memory this way. */
int packet_header_parse(struct rd *r, struct packet_header *out, struct err *err)
{
    struct packet_header h = {0};
    unsigned seen = 0;

    while (!r->bad && r->at < r->end) {
        uint64_t tag = rd_varint(r), value = field_value(r, tag & 7);

        switch (tag) {
        case 1 << 3 | WIRE_FIXED64: h.offset = (int64_t)value; break;
        case 2 << 3 | WIRE_FIXED64: h.seqno = (int64_t)value; break;
        case 3 << 3 | WIRE_VARINT: h.last = value != 0; break;
        case 4 << 3 | WIRE_FIXED32: h.data_bytes = (uint32_t)value; break;
        case 5 << 3 | WIRE_VARINT: h.sync = value != 0; continue;
        default: continue;
        }
        seen |= 1u << (tag >> 3);
    }
    if (r->bad || seen != 0x1e)
        return err_set(err, ERR_PROTOCOL, "packet header that does not parse");
    if (h.data_bytes > PACKET_DATA_MAX || h.offset < 0)
        return err_set(err, ERR_PROTOCOL, "packet of %u bytes at %lld", h.data_bytes,
                       (long long)h.offset);
    *out = h;
    return 0;
}

static uint8_t *put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
    return p + bytes;
}

unsigned packet_header_put(uint8_t *out, const struct packet_header *h, uint32_t checksum_bytes)
{
    uint8_t *p = out + PACKET_LENS_BYTES;

    *p++ = 1 << 3 | WIRE_FIXED64;
    p = put_le(p, (uint64_t)h->offset, 8);
    *p++ = 2 << 3 | WIRE_FIXED64;
    p = put_le(p, (uint64_t)h->seqno, 8);
    *p++ = 3 << 3 | WIRE_VARINT;
    *p++ = h->last;
    *p++ = 4 << 3 | WIRE_FIXED32;
    p = put_le(p, h->data_bytes, 4);
    if (h->sync) {
        *p++ = 5 << 3 | WIRE_VARINT;
        *p++ = 1;
    }
    put_be(out, 4 + (uint64_t)checksum_bytes + h->data_bytes, 4);
    put_be(out + 4, (uint64_t)(p - out - PACKET_LENS_BYTES), 2);
    return (unsigned)(p - out);
}

struct tail {
    const struct iovec *pieces;
    int count;
};

/* Sends @head_n bytes of @head (three at most), the delimited message and what follows in one
 * write. */
static int send_with(int fd, const uint8_t *head, size_t head_n, const ProtobufCMessage *message,
                     struct tail tail, struct err *err)
{
    struct iovec all[XFER_PIECES_MAX + 1];
    uint8_t small[4096], *bytes = small;
    size_t n = protobuf_c_message_get_packed_size(message), at = head_n;
    int rc;

    if (n > XFER_MESSAGE_MAX)
        return err_set(err, ERR_LIMIT, "message of %zu bytes", n);
    if (n + 16 > sizeof small) {
        bytes = malloc(n + 16);
        if (!bytes)
            return err_set(err, ERR_NOMEM, "message of %zu bytes", n);
    }
    memcpy(bytes, head, head_n);
    at += varint_put(bytes + at, n);
    at += protobuf_c_message_pack(message, bytes + at);
    all[0] = (struct iovec){.iov_base = bytes, .iov_len = at};
    for (int i = 0; i < tail.count; i++)
        all[i + 1] = tail.pieces[i];
    rc = net_writev_full(fd, all, tail.count + 1, err);
    if (bytes != small)
        free(bytes);
    return rc;
}

int xfer_send_op_and(int fd, enum xfer_op op, const ProtobufCMessage *message,
                     const struct iovec *more, int more_count, struct err *err)
{
    const uint8_t head[3] = {0, XFER_VERSION, (uint8_t)op};

    MUST(more_count <= XFER_PIECES_MAX);
    return send_with(fd, head, sizeof head, message, (struct tail){more, more_count}, err);
}

int xfer_send_op(int fd, enum xfer_op op, const ProtobufCMessage *message, struct err *err)
{
    return xfer_send_op_and(fd, op, message, NULL, 0, err);
}

int xfer_send_message(int fd, const ProtobufCMessage *message, struct err *err)
{
    return send_with(fd, (const uint8_t *)"", 0, message, (struct tail){0}, err);
}

/* Looks at what has arrived, waiting for at least @least bytes of it; takes nothing. */
static ssize_t peek(int fd, uint8_t *out, size_t n, struct err *err)
{
    for (;;) {
        ssize_t k = recv(fd, out, n, MSG_PEEK);

        if (k > 0)
            return k;
        if (k == 0)
            return err_set(err, ERR_CLOSED, "connection closed");
        if (errno != EINTR)
            return err_sys(err, errno, "read");
    }
}

/* The length before a message, read byte by byte: only when it came in pieces. */
static int recv_length(int fd, uint64_t *out, struct err *err)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b;
        int rc = net_read_full(fd, &b, 1, err);

        if (rc < 0)
            return rc;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return 0;
        }
    }
    return err_set(err, ERR_PROTOCOL, "message length that does not end");
}

/* One look usually shows the whole message, and one read takes it. */
int xfer_recv_message(int fd, const ProtobufCMessageDescriptor *type, struct arena *arena,
                      ProtobufCMessage **out, struct err *err)
{
    uint8_t seen[512], *bytes;
    uint64_t n = 0;
    struct rd r;
    ssize_t k = peek(fd, seen, sizeof seen, err);
    int rc;

    if (k < 0)
        return (int)k;
    r = rd_of(seen, (size_t)k);
    n = rd_varint(&r);
    rc = r.bad ? recv_length(fd, &n, err) : net_read_full(fd, seen, (size_t)(r.at - seen), err);
    if (rc < 0)
        return rc;
    if (n > XFER_MESSAGE_MAX)
        return err_set(err, ERR_PROTOCOL, "message of %llu bytes, at most %u expected",
                       (unsigned long long)n, XFER_MESSAGE_MAX);
    bytes = arena_alloc(arena, n + 1);
    if (!bytes)
        return err_set(err, ERR_NOMEM, "message of %llu bytes", (unsigned long long)n);
    rc = net_read_full(fd, bytes, n, err);
    if (rc < 0)
        return rc;
    ProtobufCMessage *m = protobuf_c_message_unpack(type, &arena->pb, n, bytes);
    if (!m)
        return err_set(err, ERR_PROTOCOL, "%s that does not parse", type->short_name);
    /* In an acknowledgement the place of a status counts, so none may be dropped. */
    const char *unknown =
        type == &pb__pipeline_ack_proto__descriptor ? NULL : pb_drop_unknown_enums(m);
    if (unknown)
        return err_set(err, ERR_PROTOCOL, "%s with an unknown %s", type->short_name, unknown);
    *out = m;
    return 0;
}

uint32_t checksum_of(const struct checksum *c, const void *data, size_t n)
{
    switch (c->type) {
    case PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C:
        return ~crc32_iscsi((unsigned char *)(uintptr_t)data, (int)n, ~0u);
    case PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32: return crc32_gzip_refl(0, data, n);
    default: return 0;
    }
}

void checksum_make(const struct checksum *c, const uint8_t *data, size_t n, uint8_t *out)
{
    if (checksum_size(c) == 0)
        return;
    while (n > 0) {
        size_t k = n < c->bytes_per ? n : c->bytes_per;

        put_be(out, checksum_of(c, data, k), 4);
        out += 4;
        data += k;
        n -= k;
    }
}

int checksum_verify(const struct checksum *c, const uint8_t *data, size_t n, const uint8_t *sums,
                    uint64_t at, struct err *err)
{
    if (checksum_size(c) == 0)
        return 0;
    while (n > 0) {
        size_t k = n < c->bytes_per ? n : c->bytes_per;
        uint32_t want = (uint32_t)get_be(sums, 4), got = checksum_of(c, data, k);

        if (want != got)
            return err_set(err, ERR_CORRUPT, "checksum error at byte %llu: expected %08x, got %08x",
                           (unsigned long long)at, want, got);
        sums += 4;
        data += k;
        at += k;
        n -= k;
    }
    return 0;
}

int xfer_status_err(struct err *err, Pb__Status status, const char *message)
{
    static const struct {
        Pb__Status status;
        enum err_code code;
    } rows[] = {
        {PB__STATUS__ERROR_CHECKSUM, ERR_CORRUPT},
        {PB__STATUS__ERROR_INVALID, ERR_ARGUMENT},
        {PB__STATUS__ERROR_EXISTS, ERR_REPLICA_EXISTS},
        {PB__STATUS__ERROR_ACCESS_TOKEN, ERR_TOKEN},
        {PB__STATUS__ERROR_UNSUPPORTED, ERR_UNSUPPORTED},
    };
    const ProtobufCEnumValue *name =
        protobuf_c_enum_descriptor_get_value(&pb__status__descriptor, (int)status);
    enum err_code code = ERR_IO;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            code = rows[i].code;
    return err_set(err, code, "status %s%s%s", name ? name->name : "unknown",
                   message && *message ? ": " : "", message ? message : "");
}
