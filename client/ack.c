#include "client/ack.h"

#include "common/bytes.h"

enum { ACK_MAX = 2048, TAG_SEQNO = 1 << 3, TAG_REPLY = 2 << 3, TAG_REPLIES = 2 << 3 | 2 };

static void add_status(struct ack *a, uint64_t status)
{
    if (a->count < ACK_NODES_MAX)
        a->status[a->count++] = (uint8_t)status;
}

static void skip_field(struct rd *r, unsigned wire)
{
    switch (wire) {
    case 0: rd_varint(r); break;
    case 1: rd_bytes(r, 8); break;
    case 2: rd_delimited(r); break;
    case 5: rd_bytes(r, 4); break;
    default: r->bad = true;
    }
}

int ack_parse(const uint8_t *bytes, size_t n, struct ack *out, size_t *used, struct err *err)
{
    struct rd r = rd_of(bytes, n), body;
    struct ack a = {0};
    uint64_t len = rd_varint(&r);

    if (!r.bad && len > ACK_MAX)
        return err_set(err, ERR_PROTOCOL, "acknowledgement of %llu bytes", (unsigned long long)len);
    body = rd_slice(&r, len);
    if (r.bad)
        return n < 10 + ACK_MAX ? 0 : err_set(err, ERR_PROTOCOL, "acknowledgement without end");
    while (!body.bad && rd_left(&body) > 0) {
        uint64_t tag = rd_varint(&body);

        if (tag == TAG_SEQNO) {
            a.seqno = rd_zigzag(&body);
        } else if (tag == TAG_REPLY) {
            add_status(&a, rd_varint(&body));
        } else if (tag == TAG_REPLIES) {
            struct rd list = rd_delimited(&body);

            while (rd_left(&list) > 0)
                add_status(&a, rd_varint(&list));
        } else {
            skip_field(&body, tag & 7);
        }
    }
    if (body.bad)
        return err_set(err, ERR_PROTOCOL, "acknowledgement that does not parse");
    *out = a;
    *used = (size_t)(r.at - bytes);
    return 1;
}
