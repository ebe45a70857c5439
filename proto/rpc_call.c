/* rpc_call.c -- one call: from its frame to its handler, and its answer back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pb_enums.h"
#include "proto/pb_text.h"
#include "proto/rpc_inner.h"
#include "rpc.pb-c.h"

#define INVALID_MESSAGE "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException"

/* ---- calls and their memory ---- */

static struct call *call_new(struct loop *l)
{
    struct call *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    arena_init(&k->arena, ARENA_BASE_BYTES);
    k->pub.arena = &k->arena;
    k->all_next = l->all_calls;
    if (l->all_calls)
        l->all_calls->all_prev = k;
    l->all_calls = k;
    return k;
}

static void call_destroy(struct loop *l, struct call *k)
{
    if (k->all_prev)
        k->all_prev->all_next = k->all_next;
    else
        l->all_calls = k->all_next;
    if (k->all_next)
        k->all_next->all_prev = k->all_prev;
    free(k->late);
    arena_done(&k->arena);
    free(k);
}

void call_free_all(struct loop *l)
{
    while (l->all_calls)
        call_destroy(l, l->all_calls);
    l->free_calls = NULL;
}

static struct call *call_get(struct loop *l)
{
    struct call *k = l->free_calls;

    if (!k)
        return call_new(l);
    l->free_calls = k->next;
    l->free_count--;
    return k;
}

/* The answer is in the connection's output, or the connection is gone. */
static void call_end(struct call *k)
{
    struct rpc_conn *c = k->pub.conn;
    struct loop *l = c->loop;

    count(&l->counts.in_flight, (uint64_t)-1);
    if (k->failed)
        count(&l->counts.failures, 1);
    c->calls--;
    if (c->state == CONN_DEAD) {
        if (c->calls == 0 && c->handle_closed)
            conn_free(c);
    } else {
        conn_dirty(c);
    }
    arena_reset(&k->arena);
    if (k->arena.total > ARENA_KEEP_BYTES)
        arena_done(&k->arena);
    free(k->late);
    k->late = NULL;
    if (l->free_count >= CALLS_KEEP) {
        call_destroy(l, k);
        return;
    }
    k->next = l->free_calls;
    l->free_calls = k;
    l->free_count++;
}

/* ---- answers ---- */

static struct rpc_response_head answer_head(const struct call *k)
{
    return (struct rpc_response_head){
        .call_id = k->pub.call_id, .retry_count = k->pub.retry_count, .client_id = k->client_id};
}

/* Room for a whole frame: in the connection's output when this is its thread, else in memory
 * that goes to that thread.  NULL: the connection is gone, or there is no memory. */
static uint8_t *frame_room(struct call *k, size_t n, bool here)
{
    struct rpc_conn *c = k->pub.conn;

    if (here)
        return c->state == CONN_DEAD ? NULL : conn_out(c, n, k->pub.mark);
    k->late = malloc(n);
    k->late_n = k->late ? n : 0;
    return k->late;
}

static void deliver(struct call *k, bool here)
{
    struct loop *l = k->pub.conn->loop;
    struct call *first;

    if (here) {
        call_end(k);
        return;
    }
    first = atomic_load(&l->inbox);
    do
        k->next = first;
    while (!atomic_compare_exchange_weak(&l->inbox, &first, k));
    if (!first)
        loop_wake(l);
}

/* The frame up to its message: length, header, and the message's own length. */
static uint8_t *put_frame_start(uint8_t *at, size_t frame_n, size_t head_n,
                                const struct rpc_response_head *h)
{
    put_be(at, frame_n, 4);
    at += 4;
    at += varint_put(at, head_n);
    return rpc_response_head_put(at, h);
}

/* Starts the frame of a good answer with a message of @n bytes; where the message goes. */
static uint8_t *success_frame(struct call *k, size_t n, bool here)
{
    struct rpc_response_head h = answer_head(k);
    size_t head_n = rpc_response_head_size(&h);
    size_t frame_n = varint_size(head_n) + head_n + varint_size(n) + n;
    uint8_t *at = frame_room(k, 4 + frame_n, here);

    if (!at)
        return NULL;
    at = put_frame_start(at, frame_n, head_n, &h);
    return at + varint_put(at, n);
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *message)
{
    struct call *k = (struct call *)call;
    bool here = loop_here() == call->conn->loop;
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *at = success_frame(k, n, here);

    if (at)
        MUST(protobuf_c_message_pack(message, at) == n);
    deliver(k, here);
}

void rpc_reply_bytes(struct rpc_call *call, const void *message, size_t n)
{
    struct call *k = (struct call *)call;
    bool here = loop_here() == call->conn->loop;
    uint8_t *at = success_frame(k, n, here);

    if (at && n)
        memcpy(at, message, n);
    deliver(k, here);
}

static uint32_t detail_of(enum err_code code)
{
    switch (code) {
    case ERR_NO_METHOD:
        return PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__ERROR_NO_SUCH_METHOD;
    case ERR_NO_PROTOCOL:
        return PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__ERROR_NO_SUCH_PROTOCOL;
    case ERR_RPC_VERSION:
        return PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__ERROR_RPC_VERSION_MISMATCH;
    default: return PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__ERROR_APPLICATION;
    }
}

static struct rpc_slice of_string(const char *s)
{
    return (struct rpc_slice){.at = (const uint8_t *)s, .n = strlen(s)};
}

void rpc_fail(struct rpc_call *call, const struct err *err)
{
    struct call *k = (struct call *)call;
    bool here = loop_here() == call->conn->loop;
    struct rpc_response_head h = answer_head(k);
    size_t head_n, frame_n;
    uint8_t *at;

    h.status = PB__RPC_RESPONSE_HEADER_PROTO__RPC_STATUS_PROTO__ERROR;
    h.error_detail = detail_of(err->code);
    h.exception = of_string(err_java_class(err));
    h.message = of_string(err->text);
    head_n = rpc_response_head_size(&h);
    frame_n = varint_size(head_n) + head_n;
    at = frame_room(k, 4 + frame_n, here);
    if (at)
        put_frame_start(at, frame_n, head_n, &h);
    k->failed = true;
    deliver(k, here);
}

/* An answer that another thread gave, now on the connection's own. */
static void take_late(struct call *k)
{
    struct rpc_conn *c = k->pub.conn;

    if (c->state != CONN_DEAD) {
        uint8_t *at = k->late ? conn_out(c, k->late_n, k->pub.mark) : NULL;

        if (at)
            memcpy(at, k->late, k->late_n);
        else
            conn_close(c); /* better no connection than a call without an answer */
    }
    call_end(k);
}

void call_drain_inbox(struct loop *l)
{
    struct call *k = atomic_exchange(&l->inbox, NULL), *in_order = NULL;

    while (k) {
        struct call *next = k->next;

        k->next = in_order;
        in_order = k;
        k = next;
    }
    while (in_order) {
        k = in_order;
        in_order = k->next;
        take_late(k);
    }
}

/* ---- requests ---- */

static int look_up(const struct rpc_server *s, struct rpc_slice head,
                   const struct method_slot **out, struct err *err)
{
    const struct rpc_protocol *protocol;
    const struct method_slot *slot;
    struct rpc_method_head h;
    int rc = rpc_method_head_parse(head, &h, err);

    if (rc < 0)
        return rc;
    protocol = server_protocol(s, h.protocol);
    if (!protocol)
        return err_set(err, ERR_NO_PROTOCOL, "Unknown protocol: %.*s",
                       (int)(h.protocol.n < 500 ? h.protocol.n : 500), h.protocol.at);
    if (protocol->version != h.version)
        return err_set(
            err, ERR_RPC_VERSION, "Protocol %s version mismatch. (client = %llu, server = %llu)",
            protocol->name, (unsigned long long)h.version, (unsigned long long)protocol->version);
    slot = server_method(s, protocol, h.method);
    if (!slot)
        return err_set(err, ERR_NO_METHOD, "Unknown method %.*s called on %s protocol.",
                       (int)(h.method.n < 500 ? h.method.n : 500), h.method.at, protocol->name);
    *out = slot;
    return 0;
}

/* Finds the method.  A connection asks for the same few again and again, so the header's bytes
 * are compared before they are read. */
static int find_method(struct rpc_conn *c, struct rpc_slice head, const struct method_slot **out,
                       struct err *err)
{
    struct method_memo *m = &c->memo[head.n % METHOD_MEMOS];
    int rc;

    if (m->slot && m->n == head.n && memcmp(m->bytes, head.at, head.n) == 0) {
        *out = m->slot;
        return 0;
    }
    rc = look_up(c->loop->server, head, out, err);
    if (rc == 0 && head.n <= sizeof m->bytes) {
        memcpy(m->bytes, head.at, head.n);
        m->n = (uint16_t)head.n;
        m->slot = *out;
    }
    return rc;
}

/* Names the required fields that a message lacks, as Hadoop does; false when it lacks none or is
 * no message. */
static bool missing_fields(const ProtobufCMessageDescriptor *type, struct rd body, char *out,
                           size_t room)
{
    bool seen[512] = {false};
    struct rd r = body;
    size_t n = 0;

    for (struct rpc_field f; rpc_next_field(&r, &f);)
        if (f.number < 512)
            seen[f.number] = true;
    for (unsigned i = 0; !r.bad && i < type->n_fields && n < room; i++)
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && type->fields[i].id < 512 &&
            !seen[type->fields[i].id])
            n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "", type->fields[i].name);
    return n > 0;
}

static int truncated(struct err *err)
{
    return err_set_class(err, ERR_RPC, INVALID_MESSAGE,
                         "While parsing a protocol message, the input ended unexpectedly in the "
                         "middle of a field.  This could mean either that the input has been "
                         "truncated or that an embedded message misreported its own length.");
}

static int unpack_request(struct call *k, struct rd *rest, bool has_enums, struct err *err)
{
    struct rd body = rd_delimited(rest);
    const ProtobufCMessageDescriptor *type = k->pub.method->request;
    const char *unknown = NULL;
    ProtobufCMessage *m;
    char missing[512];

    if (body.bad)
        return truncated(err);
    m = protobuf_c_message_unpack(type, &k->arena.pb, rd_left(&body), body.at);
    if (!m && !missing_fields(type, body, missing, sizeof missing))
        return truncated(err);
    if (m && pb_text_has_zero(type, body))
        return err_set(err, ERR_INVALID_PATH, "Invalid path name: a text with a zero byte in it");
    if (m && has_enums)
        unknown = pb_drop_unknown_enums(m);
    if (!m || unknown)
        return err_set_class(err, ERR_RPC, INVALID_MESSAGE, "Message missing required fields: %s",
                             unknown ? unknown : missing);
    k->request = m;
    return 0;
}

/* Everything of the call but its method and request. */
static int fill(struct rpc_conn *c, const struct rpc_request_head *head, struct call *k)
{
    struct rpc_call *p = &k->pub;

    p->conn = c;
    p->method = NULL;
    p->ctx = NULL;
    p->user = c->user;
    p->real_user = c->real_user[0] ? c->real_user : NULL;
    p->peer_ip = c->ip;
    p->caller_context = NULL;
    p->call_id = head->call_id;
    p->retry_count = head->retry_count;
    p->has_client_id = head->client_id.n == RPC_CLIENT_ID_BYTES;
    p->mark = 0;
    k->failed = false;
    k->request = NULL;
    k->client_id = (struct rpc_slice){.at = p->client_id, .n = head->client_id.n};
    if (p->has_client_id) {
        memcpy(p->client_id, head->client_id.at, RPC_CLIENT_ID_BYTES);
    } else if (head->client_id.n) {
        k->client_id.at = (uint8_t *)arena_strndup(&k->arena, (const char *)head->client_id.at,
                                                   head->client_id.n);
        if (!k->client_id.at)
            return -ERR_NOMEM;
    }
    if (head->caller_context.n) {
        p->caller_context =
            arena_strndup(&k->arena, (const char *)head->caller_context.at, head->caller_context.n);
        if (!p->caller_context)
            return -ERR_NOMEM;
    }
    return 0;
}

static int decode(struct rpc_conn *c, struct call *k, struct rd *rest, struct err *err)
{
    struct rd head = rd_delimited(rest);
    const struct method_slot *slot = NULL;
    int rc;

    if (head.bad)
        return truncated(err);
    rc = find_method(c, (struct rpc_slice){.at = head.at, .n = rd_left(&head)}, &slot, err);
    if (rc < 0)
        return rc;
    k->pub.method = slot->method;
    k->pub.ctx = slot->protocol->ctx;
    return unpack_request(k, rest, slot->has_enums, err);
}

void call_begin(struct rpc_conn *c, const struct rpc_request_head *head, struct rd *rest)
{
    struct loop *l = c->loop;
    struct call *k = call_get(l);
    struct err err;

    if (!k) {
        conn_close(c);
        return;
    }
    c->calls++;
    count(&l->counts.calls, 1);
    count(&l->counts.in_flight, 1);
    k->arena.max = ARENA_BASE_BYTES + 4 * rd_left(rest);
    if (fill(c, head, k) < 0) {
        k->client_id.n = 0;
        err_set(&err, ERR_NOMEM, "no memory for the call");
        rpc_fail(&k->pub, &err);
    } else if (decode(c, k, rest, &err) < 0) {
        rpc_fail(&k->pub, &err);
    } else if (k->pub.method->speed == RPC_FAST) {
        k->pub.method->handle(&k->pub, k->request);
    } else if (!server_queue_slow(l->server, k)) {
        err_set(&err, ERR_RETRIABLE, "Server is too busy: %d calls are waiting", SLOW_QUEUE_MAX);
        rpc_fail(&k->pub, &err);
    }
}
