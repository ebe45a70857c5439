#include "proto/rpc_frame.h"

#include <string.h>

#include "rpc.pb-c.h"

#define TRUNCATED                                                                                  \
    "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException: While parsing a "       \
    "protocol message, the input ended unexpectedly in the middle of a field.  This could mean "   \
    "either that the input has been truncated or that an embedded message misreported its own "    \
    "length."
#define MISSING                                                                                    \
    "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException: Message missing "       \
    "required fields: "

/* Most varints of a header are one byte. */
static inline uint64_t varint(struct rd *r)
{
    if (!r->bad && r->at < r->end && *r->at < 0x80)
        return *r->at++;
    return rd_varint(r);
}

static inline int32_t unzigzag(uint64_t v)
{
    return (int32_t)((uint32_t)v >> 1) ^ -(int32_t)(v & 1);
}

static inline uint32_t zigzag(int32_t v)
{
    return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

/* The next @n bytes, or an empty slice and a bad cursor. */
static inline struct rpc_slice slice(struct rd *r, uint64_t n)
{
    struct rpc_slice s = {.at = r->at, .n = (size_t)n};

    if (r->bad || n > (size_t)(r->end - r->at)) {
        r->bad = true;
        return (struct rpc_slice){0};
    }
    r->at += n;
    return s;
}

bool rpc_next_field(struct rd *r, struct rpc_field *f)
{
    uint64_t tag;

    if (r->bad || r->at == r->end)
        return false;
    tag = varint(r);
    *f = (struct rpc_field){.number = (uint32_t)(tag >> 3), .type = tag & 7};
    switch (f->type) {
    case 0: f->value = varint(r); break;
    case 1: f->value = rd_le(r, 8); break;
    case 2: f->bytes = slice(r, varint(r)); break;
    case 5: f->value = rd_le(r, 4); break;
    default: r->bad = true;
    }
    if (f->number == 0 || tag > UINT32_MAX)
        r->bad = true;
    return !r->bad;
}

/* The first message of a frame, as a cursor of its own. */
static struct rd first_message(struct rd *frame)
{
    struct rpc_slice s = slice(frame, varint(frame));

    if (frame->bad)
        return (struct rd){.bad = true};
    return rd_of(s.at, s.n);
}

/* RPCCallerContextProto: only the text is of use to us. */
static struct rpc_slice caller_context(struct rpc_slice bytes)
{
    struct rd r = rd_of(bytes.at, bytes.n);
    struct rpc_slice text = {0};

    for (struct rpc_field f; rpc_next_field(&r, &f);)
        if (f.number == 1 && f.type == 2)
            text = f.bytes;
    return text;
}

int rpc_request_head_parse(struct rd *frame, struct rpc_request_head *out, struct err *err)
{
    struct rpc_request_head h = {.retry_count = RPC_NO_RETRY_COUNT, .kind = -1, .op = -1};
    struct rd r = first_message(frame);
    bool has_call = false, has_client = false;

    for (struct rpc_field f; rpc_next_field(&r, &f);) {
        if (f.number == 1 && f.type == 0) {
            h.kind = f.value <= 2 ? (int)f.value : -1;
        } else if (f.number == 2 && f.type == 0) {
            h.op = f.value <= 2 ? (int)f.value : -1;
        } else if (f.number == 3 && f.type == 0) {
            h.call_id = unzigzag(f.value);
            has_call = true;
        } else if (f.number == 4 && f.type == 2) {
            h.client_id = f.bytes;
            has_client = true;
        } else if (f.number == 5 && f.type == 0) {
            h.retry_count = unzigzag(f.value);
        } else if (f.number == 7 && f.type == 2) {
            h.caller_context = caller_context(f.bytes);
        }
    }
    if (r.bad)
        return err_set(err, ERR_RPC, "Error decoding RpcRequestHeaderProto: " TRUNCATED);
    if (!has_call || !has_client)
        return err_set(err, ERR_RPC, "Error decoding RpcRequestHeaderProto: " MISSING "%s",
                       !has_call && !has_client ? "callId, clientId"
                       : has_call               ? "clientId"
                                                : "callId");
    *out = h;
    return 0;
}

int rpc_method_head_parse(struct rpc_slice bytes, struct rpc_method_head *out, struct err *err)
{
    struct rpc_method_head h = {0};
    struct rd r = rd_of(bytes.at, bytes.n);
    bool has_version = false;

    for (struct rpc_field f; rpc_next_field(&r, &f);) {
        if (f.number == 1 && f.type == 2) {
            h.method = f.bytes;
        } else if (f.number == 2 && f.type == 2) {
            h.protocol = f.bytes;
        } else if (f.number == 3 && f.type == 0) {
            h.version = f.value;
            has_version = true;
        }
    }
    if (r.bad)
        return err_set(err, ERR_RPC, "Error decoding RequestHeaderProto: " TRUNCATED);
    if (!h.method.at || !h.protocol.at || !has_version)
        return err_set(err, ERR_RPC, "Error decoding RequestHeaderProto: " MISSING "%s",
                       !h.method.at     ? "methodName"
                       : !h.protocol.at ? "declaringClassProtocolName"
                                        : "clientProtocolVersion");
    *out = h;
    return 0;
}

int rpc_response_head_parse(struct rd *frame, struct rpc_response_head *out, struct err *err)
{
    struct rpc_response_head h = {.retry_count = RPC_NO_RETRY_COUNT};
    struct rd r = first_message(frame);
    bool has_call = false, has_status = false;

    for (struct rpc_field f; rpc_next_field(&r, &f);) {
        if (f.number == 1 && f.type == 0) {
            h.call_id = (int32_t)f.value;
            has_call = true;
        } else if (f.number == 2 && f.type == 0) {
            h.status = (uint32_t)f.value;
            has_status = true;
        } else if (f.number == 4 && f.type == 2) {
            h.exception = f.bytes;
        } else if (f.number == 5 && f.type == 2) {
            h.message = f.bytes;
        } else if (f.number == 6 && f.type == 0) {
            h.error_detail = (uint32_t)f.value;
        } else if (f.number == 7 && f.type == 2) {
            h.client_id = f.bytes;
        } else if (f.number == 8 && f.type == 0) {
            h.retry_count = unzigzag(f.value);
        }
    }
    if (r.bad)
        return err_set(err, ERR_PROTOCOL, "header of a reply doesn't parse");
    if (!has_call || !has_status)
        return err_set(err, ERR_PROTOCOL, "header of a reply without call id or status");
    *out = h;
    return 0;
}

static size_t bytes_field_size(struct rpc_slice s)
{
    return 1 + varint_size(s.n) + s.n;
}

size_t rpc_response_head_size(const struct rpc_response_head *h)
{
    size_t n = 1 + varint_size((uint32_t)h->call_id) + 2 + 2;

    if (h->status) {
        n += bytes_field_size(h->exception) + bytes_field_size(h->message);
        n += 1 + varint_size(h->error_detail);
    }
    return n + bytes_field_size(h->client_id) + 1 + varint_size(zigzag(h->retry_count));
}

static uint8_t *put_number(uint8_t *at, uint32_t field, uint32_t v)
{
    *at++ = (uint8_t)(field << 3);
    return at + varint_put(at, v);
}

static uint8_t *put_bytes(uint8_t *at, uint32_t field, struct rpc_slice s)
{
    *at++ = (uint8_t)(field << 3 | 2);
    at += varint_put(at, s.n);
    if (s.n)
        memcpy(at, s.at, s.n);
    return at + s.n;
}

uint8_t *rpc_response_head_put(uint8_t *at, const struct rpc_response_head *h)
{
    at = put_number(at, 1, (uint32_t)h->call_id);
    at = put_number(at, 2, h->status);
    at = put_number(at, 3, RPC_VERSION);
    if (h->status) {
        at = put_bytes(at, 4, h->exception);
        at = put_bytes(at, 5, h->message);
        at = put_number(at, 6, h->error_detail);
    }
    at = put_bytes(at, 7, h->client_id);
    return put_number(at, 8, zigzag(h->retry_count));
}

static struct rpc_slice of_string(const char *s)
{
    return (struct rpc_slice){.at = (const uint8_t *)s, .n = strlen(s)};
}

static uint8_t *put_request_head(uint8_t *at, const struct rpc_request_frame *f)
{
    struct rpc_slice id = {.at = f->client_id, .n = f->client_id ? 16 : 0};

    at = put_number(at, 1, PB__RPC_KIND_PROTO__RPC_PROTOCOL_BUFFER);
    at = put_number(at, 2, PB__RPC_REQUEST_HEADER_PROTO__OPERATION_PROTO__RPC_FINAL_PACKET);
    at = put_number(at, 3, zigzag(f->call_id));
    at = put_bytes(at, 4, id);
    return put_number(at, 5, zigzag(f->retry_count));
}

static void put_method_head(struct buf *out, const struct rpc_request_frame *f)
{
    struct rpc_slice method = of_string(f->method), protocol = of_string(f->protocol);
    size_t n = bytes_field_size(method) + bytes_field_size(protocol) + 1 + varint_size(f->version);
    uint8_t *at;

    buf_put_varint(out, n);
    at = buf_grow(out, n);
    if (!at)
        return;
    at = put_bytes(at, 1, method);
    at = put_bytes(at, 2, protocol);
    *at++ = 3 << 3;
    varint_put(at, f->version);
}

void rpc_put_request(struct buf *out, const struct rpc_request_frame *f)
{
    uint8_t head[64];
    size_t start = out->n, head_n = (size_t)(put_request_head(head, f) - head);

    buf_put_be(out, 0, 4);
    buf_put_varint(out, head_n);
    buf_put(out, head, head_n);
    if (f->method)
        put_method_head(out, f);
    if (f->message) {
        size_t n = protobuf_c_message_get_packed_size(f->message);
        uint8_t *at;

        buf_put_varint(out, n);
        at = buf_grow(out, n);
        if (at)
            protobuf_c_message_pack(f->message, at);
    }
    if (!out->bad)
        put_be(out->bytes + start, out->n - start - 4, 4);
}

void rpc_put_hello(struct buf *out, const uint8_t *client_id, const char *protocol,
                   const char *user, const char *real_user)
{
    Pb__UserInformationProto who = PB__USER_INFORMATION_PROTO__INIT;
    Pb__IpcConnectionContextProto context = PB__IPC_CONNECTION_CONTEXT_PROTO__INIT;

    who.effectiveuser = (char *)user;
    who.realuser = (char *)real_user;
    context.userinfo = &who;
    context.protocol = (char *)protocol;
    buf_put(out, "hrpc", 4);
    buf_put_be(out, RPC_VERSION, 1);
    buf_put_be(out, 0, 1);
    buf_put_be(out, RPC_AUTH_SIMPLE, 1);
    rpc_put_request(out, &(struct rpc_request_frame){.call_id = RPC_CALL_CONTEXT,
                                                     .retry_count = RPC_NO_RETRY_COUNT,
                                                     .client_id = client_id,
                                                     .message = &context.base});
}
