/* rpc_conn.c -- one connection: how it opens, bytes in, frames, bytes out and their marks.
 *
 * Output is one FIFO of bytes.  Up to out.released they may be sent.  A reply with a mark that
 * isn't durable yet begins a hold; what is answered later stands behind it and waits too, so the
 * holds' marks and ends both rise, and a reply whose mark is no higher than the last hold's only
 * makes that hold longer.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net.h"
#include "proto/rpc_inner.h"
#include "rpc.pb-c.h"

#define RPC_EXCEPTION "org.apache.hadoop.ipc.RpcServerException"

enum {
    STATUS_FATAL = PB__RPC_RESPONSE_HEADER_PROTO__RPC_STATUS_PROTO__FATAL,
    INVALID_HEADER = PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__FATAL_INVALID_RPC_HEADER,
    DESERIALIZING =
        PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__FATAL_DESERIALIZING_REQUEST,
    BAD_VERSION = PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__FATAL_VERSION_MISMATCH,
    UNAUTHORIZED = PB__RPC_RESPONSE_HEADER_PROTO__RPC_ERROR_CODE_PROTO__FATAL_UNAUTHORIZED,
};

/* What a frame is answered to that no call id can be read from. */
static const struct rpc_response_head nobody = {.call_id = -1, .retry_count = RPC_NO_RETRY_COUNT};

/* ---- output ---- */

static size_t out_unsent(const struct out *o)
{
    return o->n - o->head;
}

static bool out_reserve(struct out *o, size_t n)
{
    size_t unsent = out_unsent(o), cap = o->cap ? o->cap : 16 << 10;
    uint8_t *bytes = o->bytes;

    if (o->cap - o->n >= n)
        return true;
    if (o->head < o->cap / 2 || o->cap - unsent < n) {
        while (cap - unsent < n)
            cap *= 2;
        bytes = malloc(cap);
        if (!bytes)
            return false;
        o->cap = cap;
    }
    if (unsent)
        memmove(bytes, o->bytes + o->head, unsent);
    if (bytes != o->bytes)
        free(o->bytes);
    o->bytes = bytes;
    o->head = 0;
    o->n = unsent;
    return true;
}

static bool out_push_hold(struct out *o, uint64_t mark, uint64_t end)
{
    if (o->hold_head + o->hold_n == o->hold_cap) {
        size_t cap = o->hold_n < o->hold_cap / 2 ? o->hold_cap : 2 * o->hold_cap + 16;
        struct hold *holds = malloc(cap * sizeof *holds);

        if (!holds)
            return false;
        if (o->hold_n)
            memcpy(holds, o->holds + o->hold_head, o->hold_n * sizeof *holds);
        free(o->holds);
        o->holds = holds;
        o->hold_cap = cap;
        o->hold_head = 0;
    }
    o->holds[o->hold_head + o->hold_n++] = (struct hold){.mark = mark, .end = end};
    return true;
}

/* The bytes just added, up to the end of the output, wait for @mark. */
static bool out_hold(struct out *o, uint64_t mark, uint64_t durable)
{
    uint64_t end = o->sent + out_unsent(o);
    struct hold *last = o->hold_n ? &o->holds[o->hold_head + o->hold_n - 1] : NULL;

    if (!last && mark <= durable)
        o->released = end;
    else if (last && mark <= last->mark)
        last->end = end;
    else
        return out_push_hold(o, mark, end);
    return true;
}

static void out_release(struct out *o, uint64_t durable)
{
    while (o->hold_n > 0 && o->holds[o->hold_head].mark <= durable) {
        o->released = o->holds[o->hold_head++].end;
        o->hold_n--;
    }
    if (o->hold_n == 0)
        o->hold_head = 0;
}

static void out_sent(struct out *o, size_t n)
{
    o->sent += n;
    o->head += n;
    if (o->head < o->n)
        return;
    o->head = o->n = 0;
    if (o->cap > OUT_KEEP_BYTES) {
        free(o->bytes);
        o->bytes = NULL;
        o->cap = 0;
    }
}

/* ---- life ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void listen_for(struct rpc_conn *c, int events)
{
    if (c->events == events || c->state == CONN_DEAD)
        return;
    c->events = events;
    /* With no event wanted libuv still tells of a hang-up once it listens for something. */
    if (events)
        uv_poll_start(&c->poll, events, on_event);
    else
        uv_poll_stop(&c->poll);
}

void conn_open(struct loop *l, int fd)
{
    struct rpc_conn *c = calloc(1, sizeof *c);
    int one = 1;

    if (!c || uv_poll_init(&l->uv, &c->poll, fd) != 0) {
        free(c);
        close(fd);
        atomic_fetch_sub(&l->server->open, 1);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->loop = l;
    c->fd = fd;
    c->poll.data = c;
    c->last_ms = uv_now(&l->uv);
    buf_init(&c->in, (size_t)l->server->o.frame_max_bytes + READ_BYTES);
    net_peer_ip(fd, c->ip, sizeof c->ip);
    c->next = l->conns;
    if (l->conns)
        l->conns->prev = c;
    l->conns = c;
    listen_for(c, UV_READABLE);
}

void conn_free(struct rpc_conn *c)
{
    struct loop *l = c->loop;

    if (c->prev)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    buf_done(&c->in);
    free(c->out.bytes);
    free(c->out.holds);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct rpc_conn *c = h->data;

    c->handle_closed = true;
    if (c->calls == 0)
        conn_free(c);
}

static void unlink_dirty(struct rpc_conn *c)
{
    struct rpc_conn **at = &c->loop->dirty;

    while (c->dirty && *at != c)
        at = &(*at)->next_dirty;
    if (c->dirty)
        *at = c->next_dirty;
    c->dirty = false;
}

static void unlink_held(struct rpc_conn *c)
{
    struct rpc_conn **at = &c->loop->held;

    while (c->held && *at != c)
        at = &(*at)->next_held;
    if (c->held)
        *at = c->next_held;
    c->held = false;
}

void conn_close(struct rpc_conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    unlink_dirty(c);
    unlink_held(c);
    c->state = CONN_DEAD;
    uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
    atomic_fetch_sub(&c->loop->server->open, 1);
}

void conn_dirty(struct rpc_conn *c)
{
    if (c->dirty || c->state == CONN_DEAD)
        return;
    c->dirty = true;
    c->next_dirty = c->loop->dirty;
    c->loop->dirty = c;
}

/* ---- answers of the connection itself ---- */

uint8_t *conn_out(struct rpc_conn *c, size_t n, uint64_t mark)
{
    struct out *o = &c->out;
    uint8_t *at;

    if (!out_reserve(o, n))
        goto no_memory;
    at = o->bytes + o->n;
    o->n += n;
    if (!out_hold(o, mark, atomic_load_explicit(&c->loop->server->durable, memory_order_relaxed)))
        goto no_memory;
    if (o->hold_n > 0)
        c->loop->unpublished = true;
    if (o->hold_n > 0 && !c->held) {
        c->held = true;
        c->next_held = c->loop->held;
        c->loop->held = c;
    }
    conn_dirty(c);
    return at;
no_memory:
    conn_close(c);
    return NULL;
}

static void put_raw(struct rpc_conn *c, const void *bytes, size_t n)
{
    uint8_t *at = conn_out(c, n, 0);

    if (at)
        memcpy(at, bytes, n);
}

static void put_head(struct rpc_conn *c, const struct rpc_response_head *h,
                     const ProtobufCMessage *message)
{
    size_t head_n = rpc_response_head_size(h);
    size_t n = message ? protobuf_c_message_get_packed_size(message) : 0;
    size_t frame_n = varint_size(head_n) + head_n + (message ? varint_size(n) + n : 0);
    uint8_t *at = conn_out(c, 4 + frame_n, 0);

    if (!at)
        return;
    put_be(at, frame_n, 4);
    at += 4;
    at += varint_put(at, head_n);
    at = rpc_response_head_put(at, h);
    if (message) {
        at += varint_put(at, n);
        protobuf_c_message_pack(message, at);
    }
}

/* Nothing more is read; what is in the output goes, then the connection. */
static void end_after_output(struct rpc_conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_ENDING;
    buf_done(&c->in);
    conn_dirty(c);
}

static void bad_frame(struct rpc_conn *c)
{
    count(&c->loop->counts.bad_frames, 1);
}

void conn_fatal(struct rpc_conn *c, const struct rpc_response_head *to, uint32_t detail,
                const char *java_class, const char *text)
{
    struct rpc_response_head h = *to;

    h.status = STATUS_FATAL;
    h.error_detail = detail;
    h.exception = (struct rpc_slice){.at = (const uint8_t *)java_class, .n = strlen(java_class)};
    h.message = (struct rpc_slice){.at = (const uint8_t *)text, .n = strlen(text)};
    bad_frame(c);
    put_head(c, &h, NULL);
    end_after_output(c);
}

/* Hadoop answers what isn't a call, and a call it refuses, without the client's id. */
static struct rpc_response_head answer_out_of_band(int32_t call_id)
{
    return (struct rpc_response_head){.call_id = call_id, .retry_count = RPC_NO_RETRY_COUNT};
}

static void refuse(struct rpc_conn *c, const struct rpc_request_head *to, const char *text)
{
    struct rpc_response_head h = {.call_id = to->call_id, .retry_count = to->retry_count};

    conn_fatal(c, &h, INVALID_HEADER, RPC_EXCEPTION, text);
}

static void refuse_opening(struct rpc_conn *c, int32_t call_id, uint32_t detail,
                           const char *java_class, const char *text)
{
    struct rpc_response_head h = answer_out_of_band(call_id);

    conn_fatal(c, &h, detail, java_class, text);
}

/* ---- how a connection opens ---- */

/* Versions 3 to 8 got call id, status, class and text, each string with its length in front. */
static void answer_old_version(struct rpc_conn *c, const char *class, const char *text)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_put_be(&b, 0xffffffff, 4);
    buf_put_be(&b, 0xffffffff, 4);
    buf_put_be(&b, strlen(class), 4);
    buf_puts(&b, class);
    buf_put_be(&b, strlen(text), 4);
    buf_puts(&b, text);
    if (!b.bad)
        put_raw(c, b.bytes, b.n);
    buf_done(&b);
}

/* Version 2 got a call id, a byte that says "error", class and text. */
static void answer_oldest_version(struct rpc_conn *c, const char *class, const char *text)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_put_be(&b, 0, 4);
    buf_put_be(&b, 1, 1);
    buf_put_be(&b, strlen(class), 4);
    buf_puts(&b, class);
    buf_put_be(&b, strlen(text), 4);
    buf_puts(&b, text);
    if (!b.bad)
        put_raw(c, b.bytes, b.n);
    buf_done(&b);
}

static void wrong_version(struct rpc_conn *c, int8_t version)
{
    static const char class[] = "org.apache.hadoop.ipc.RPC$VersionMismatch";
    char text[100];

    snprintf(text, sizeof text, "Server IPC version %d cannot communicate with client version %d",
             RPC_VERSION, version);
    if (version >= RPC_VERSION) {
        conn_fatal(c, &nobody, BAD_VERSION, class, text);
        return;
    }
    if (version >= 3)
        answer_old_version(c, class, text);
    else if (version == 2)
        answer_oldest_version(c, class, text);
    bad_frame(c);
    end_after_output(c);
}

static void answer_http(struct rpc_conn *c)
{
    static const char text[] =
        "HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n"
        "It looks like you are making an HTTP request to a Hadoop IPC port. This is not the "
        "correct port for the web interface on this daemon.\r\n";

    put_raw(c, text, sizeof text - 1);
    bad_frame(c);
    end_after_output(c);
}

static void take_hello(struct rpc_conn *c, const uint8_t *p)
{
    char text[60];

    if (memcmp(p, "GET ", 4) == 0) {
        answer_http(c);
    } else if (memcmp(p, "hrpc", 4) != 0 || p[4] != RPC_VERSION) {
        wrong_version(c, (int8_t)p[4]);
    } else if (p[6] != RPC_AUTH_SIMPLE && p[6] != RPC_AUTH_SASL) {
        snprintf(text, sizeof text, "Unknown auth protocol:%d", (int8_t)p[6]);
        conn_fatal(c, &nobody, UNAUTHORIZED, "org.apache.hadoop.ipc.IpcException", text);
    } else {
        c->sasl = p[6] == RPC_AUTH_SASL;
        c->state = CONN_OPENING;
    }
}

/* The part of a principal that is a user's name here. */
static bool short_name(const char *full, char *out)
{
    size_t n = full ? strcspn(full, "/@") : 0;

    if (n >= RPC_USER_MAX)
        return false;
    memcpy(out, full ? full : "", n);
    out[n] = 0;
    return true;
}

static void authorize(struct rpc_conn *c, const char *effective, const char *real)
{
    const struct rpc_server_options *o = &c->loop->server->o;
    struct err err;
    int rc = 0;

    if (!short_name(effective, c->user) || !short_name(real, c->real_user)) {
        refuse_opening(c, RPC_CALL_CONTEXT, UNAUTHORIZED, RPC_EXCEPTION, "user name too long");
        return;
    }
    if (!c->user[0])
        strcpy(c->user, "nobody");
    if (real && !o->may_impersonate)
        rc = err_set(&err, ERR_AUTHORIZE, "User: %s is not allowed to impersonate %s", c->real_user,
                     c->user);
    else if (real)
        rc = o->may_impersonate(o->impersonate_ctx, c->real_user, c->user, c->ip, &err);
    if (rc < 0)
        refuse_opening(c, RPC_CALL_CONTEXT, UNAUTHORIZED, err_java_class(&err), err.text);
    else
        c->state = CONN_OPEN;
    if (strcmp(c->user, c->real_user) == 0)
        c->real_user[0] = 0;
}

static void take_context(struct rpc_conn *c, struct rd *rest)
{
    struct rd body = rd_delimited(rest);
    Pb__IpcConnectionContextProto *m;

    if (c->state == CONN_OPEN) {
        refuse_opening(c, RPC_CALL_CONTEXT, INVALID_HEADER, RPC_EXCEPTION,
                       "Connection context already processed");
        return;
    }
    if (c->sasl) {
        refuse_opening(c, RPC_CALL_CONTEXT, INVALID_HEADER, RPC_EXCEPTION,
                       "Connection header sent during SASL negotiation");
        return;
    }
    m = body.bad ? NULL : pb__ipc_connection_context_proto__unpack(NULL, rd_left(&body), body.at);
    if (!m) {
        refuse_opening(c, RPC_CALL_CONTEXT, DESERIALIZING, RPC_EXCEPTION,
                       "Error decoding IpcConnectionContextProto: org.apache.hadoop.thirdparty."
                       "protobuf.InvalidProtocolBufferException: While parsing a protocol message, "
                       "the input ended unexpectedly in the middle of a field.  This could mean "
                       "either that the input has been truncated or that an embedded message "
                       "misreported its own length.");
        return;
    }
    authorize(c, m->userinfo ? m->userinfo->effectiveuser : NULL,
              m->userinfo ? m->userinfo->realuser : NULL);
    pb__ipc_connection_context_proto__free_unpacked(m, NULL);
}

/* A server without security answers a negotiation with SUCCESS and nothing to negotiate; the
 * client then goes on as with simple authentication. */
static void sasl_switch_to_simple(struct rpc_conn *c)
{
    struct rpc_response_head h = answer_out_of_band(RPC_CALL_SASL);
    Pb__RpcSaslProto answer = PB__RPC_SASL_PROTO__INIT;

    answer.state = PB__RPC_SASL_PROTO__SASL_STATE__SUCCESS;
    put_head(c, &h, &answer.base);
    c->sasl = false;
}

static void take_sasl(struct rpc_conn *c, struct rd *rest)
{
    struct rd body = rd_delimited(rest);
    Pb__RpcSaslProto *m;

    if (!c->sasl) {
        refuse_opening(c, RPC_CALL_SASL, INVALID_HEADER, RPC_EXCEPTION,
                       "SASL protocol not requested by client");
        return;
    }
    m = body.bad ? NULL : pb__rpc_sasl_proto__unpack(NULL, rd_left(&body), body.at);
    if (!m)
        refuse_opening(c, RPC_CALL_SASL, DESERIALIZING, RPC_EXCEPTION,
                       "Error decoding RpcSaslProto");
    else if (m->state == PB__RPC_SASL_PROTO__SASL_STATE__NEGOTIATE)
        sasl_switch_to_simple(c);
    else if (m->state == PB__RPC_SASL_PROTO__SASL_STATE__INITIATE && m->n_auths != 1)
        refuse_opening(c, RPC_CALL_SASL, UNAUTHORIZED, "javax.security.sasl.SaslException",
                       "Client mechanism is malformed");
    else
        refuse_opening(c, RPC_CALL_SASL, UNAUTHORIZED,
                       "org.apache.hadoop.security.AccessControlException",
                       "SASL authentication is not enabled.  Available:[SIMPLE]");
    if (m)
        pb__rpc_sasl_proto__free_unpacked(m, NULL);
}

/* ---- frames ---- */

static bool check_head(struct rpc_conn *c, const struct rpc_request_head *h)
{
    static const char *const ops[] = {"RPC_FINAL_PACKET", "RPC_CONTINUATION_PACKET",
                                      "RPC_CLOSE_CONNECTION"};
    char text[100];

    if (h->op < 0) {
        refuse(c, h, " IPC Server: No rpc op in rpcRequestHeader");
    } else if (h->op != 0) {
        snprintf(text, sizeof text, "IPC Server does not implement rpc header operation%s",
                 ops[h->op]);
        refuse(c, h, text);
    } else if (h->kind < 0) {
        refuse(c, h, " IPC Server: No rpc kind in rpcRequestHeader");
    } else {
        return true;
    }
    return false;
}

static void take_out_of_band(struct rpc_conn *c, const struct rpc_request_head *h, struct rd *rest)
{
    char text[60];

    switch (h->call_id) {
    case RPC_CALL_CONTEXT: take_context(c, rest); break;
    case RPC_CALL_SASL: take_sasl(c, rest); break;
    case RPC_CALL_PING: break; /* having read it is all it wants */
    default:
        snprintf(text, sizeof text, "Unknown out of band call #%d", h->call_id);
        refuse(c, h, text);
    }
}

static void take_frame(struct rpc_conn *c, const uint8_t *bytes, size_t n)
{
    static const char *const kinds[] = {"RPC_BUILTIN", "RPC_WRITABLE", "RPC_PROTOCOL_BUFFER"};
    struct rpc_request_head h;
    struct rd r = rd_of(bytes, n);
    struct err err;
    char text[60];

    if (rpc_request_head_parse(&r, &h, &err) < 0) {
        conn_fatal(c, &nobody, DESERIALIZING, RPC_EXCEPTION, err.text);
    } else if (!check_head(c, &h)) {
        return;
    } else if (h.call_id < 0) {
        take_out_of_band(c, &h, &r);
    } else if (c->state != CONN_OPEN) {
        refuse(c, &h, "Connection context not established");
    } else if (h.kind != PB__RPC_KIND_PROTO__RPC_PROTOCOL_BUFFER) {
        snprintf(text, sizeof text, "Unknown rpc kind in rpc header%s", kinds[h.kind]);
        refuse(c, &h, text);
    } else {
        call_begin(c, &h, &r);
    }
}

static bool takes_frames(const struct rpc_conn *c)
{
    return c->state <= CONN_OPEN;
}

/* Whether it has asked enough until some of its answers are gone. */
static bool is_full(const struct rpc_conn *c)
{
    return c->calls >= CALLS_PER_CONN_MAX || out_unsent(&c->out) > OUT_PAUSE_BYTES;
}

/* Takes whole frames off the front of @bytes; returns how much was used. */
static size_t take_bytes(struct rpc_conn *c, const uint8_t *bytes, size_t n)
{
    size_t at = 0;

    if (c->state == CONN_HELLO && n >= RPC_PREAMBLE_BYTES) {
        take_hello(c, bytes);
        at = RPC_PREAMBLE_BYTES;
    }
    while (takes_frames(c) && c->state != CONN_HELLO && n - at >= 4) {
        uint32_t frame_n = (uint32_t)get_be(bytes + at, 4);

        if (frame_n > c->loop->server->o.frame_max_bytes) {
            bad_frame(c);
            conn_close(c);
            break;
        }
        if (n - at < 4 + (size_t)frame_n)
            break;
        if (is_full(c)) {
            c->paused = true;
            break;
        }
        take_frame(c, bytes + at + 4, frame_n);
        at += 4 + (size_t)frame_n;
    }
    return at;
}

/* ---- input ---- */

/* Receives once; 0 when there is nothing now, -1 when the connection is gone (and closed). */
static ssize_t receive(struct rpc_conn *c, uint8_t *to, size_t n)
{
    ssize_t k = recv(c->fd, to, n, MSG_DONTWAIT);

    if (k < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (k <= 0) {
        if (k == 0 && c->in.n > 0)
            bad_frame(c); /* cut short */
        conn_close(c);
        return -1;
    }
    count(&c->loop->counts.bytes_in, (uint64_t)k);
    c->last_ms = uv_now(&c->loop->uv);
    return k;
}

/* Takes what it can of the connection's own buffer. */
static void take_own(struct rpc_conn *c)
{
    size_t used = take_bytes(c, c->in.bytes, c->in.n);

    if (!takes_frames(c))
        return;
    buf_consume(&c->in, used);
    if (c->in.n == 0 && c->in.cap > IN_KEEP_BYTES)
        buf_done(&c->in);
}

/* The usual way: what is left from before and what comes now, side by side in the loop's buffer. */
static void read_into_loop(struct rpc_conn *c)
{
    uint8_t *buf = c->loop->read_buf;
    size_t had = c->in.n, used;
    ssize_t k = receive(c, buf + had, READ_BYTES - had);

    if (k <= 0)
        return;
    if (had)
        memcpy(buf, c->in.bytes, had);
    buf_clear(&c->in);
    used = take_bytes(c, buf, had + (size_t)k);
    if (!takes_frames(c))
        return;
    buf_put(&c->in, buf + used, had + (size_t)k - used);
    if (c->in.bad)
        conn_close(c);
}

/* A frame longer than the loop's buffer is put together in the connection's own, which grows as
 * bytes come and not as the length announces. */
static void read_into_own(struct rpc_conn *c)
{
    size_t had = c->in.n;
    uint8_t *to = buf_grow(&c->in, READ_BYTES);
    ssize_t k;

    if (!to) {
        bad_frame(c);
        conn_close(c);
        return;
    }
    k = receive(c, to, READ_BYTES);
    if (k < 0)
        return;
    c->in.n = had + (size_t)k;
    if (c->in.n >= 4 + get_be(c->in.bytes, 4))
        take_own(c);
}

/* ---- events ---- */

static int wanted_events(const struct rpc_conn *c)
{
    bool sendable = c->out.released > c->out.sent;
    bool reads = c->state == CONN_LINGER || (takes_frames(c) && !c->paused);

    return (reads ? UV_READABLE : 0) | (sendable ? UV_WRITABLE : 0);
}

/* All is said: lets the peer read it before the socket goes (closing with input unread would
 * throw the answer away). */
static void end_if_sent(struct rpc_conn *c)
{
    if (c->state == CONN_ENDING && out_unsent(&c->out) == 0) {
        shutdown(c->fd, SHUT_WR);
        c->state = CONN_LINGER;
        c->last_ms = uv_now(&c->loop->uv);
    }
}

/* Sends what is released, as far as the socket takes it; false when the connection is broken. */
static bool send_released(struct rpc_conn *c)
{
    struct out *o = &c->out;

    while (o->released > o->sent) {
        size_t n = (size_t)(o->released - o->sent);
        ssize_t k = send(c->fd, o->bytes + o->head, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno == EAGAIN;
        count(&c->loop->counts.bytes_out, (uint64_t)k);
        out_sent(o, (size_t)k);
    }
    return true;
}

static void flush(struct rpc_conn *c)
{
    uint64_t before = c->out.sent;

    if (!send_released(c)) {
        conn_close(c);
        return;
    }
    if (c->out.sent > before)
        c->last_ms = uv_now(&c->loop->uv);
    end_if_sent(c);
    if (c->paused && !is_full(c)) {
        c->paused = false;
        take_own(c);
    }
    if (c->state != CONN_DEAD)
        listen_for(c, wanted_events(c));
}

static void flush_dirty(struct loop *l)
{
    while (l->dirty) {
        struct rpc_conn *c = l->dirty;

        l->dirty = c->next_dirty;
        c->dirty = false;
        flush(c);
    }
}

static void discard_input(struct rpc_conn *c)
{
    ssize_t k = recv(c->fd, c->loop->read_buf, READ_BYTES, MSG_DONTWAIT);

    if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
        conn_close(c);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct rpc_conn *c = poll->data;
    struct loop *l = c->loop;

    loop_own(l);
    if (status < 0) {
        conn_close(c);
    } else {
        if (events & UV_WRITABLE)
            conn_dirty(c);
        if (!(events & UV_READABLE))
            ;
        else if (c->state == CONN_LINGER)
            discard_input(c);
        else if (takes_frames(c) && c->in.n < READ_BYTES / 2)
            read_into_loop(c);
        else if (takes_frames(c))
            read_into_own(c);
    }
    conn_settle(l);
}

/* ---- marks ---- */

/* Publishes what the loop waits for, then looks again: rpc_server_durable() does the same two
 * steps the other way round, so that one of the two sees the other. */
static void publish_waiting(struct loop *l)
{
    uint64_t lowest = UINT64_MAX;

    for (struct rpc_conn *c = l->held; c; c = c->next_held)
        if (c->out.holds[c->out.hold_head].mark < lowest)
            lowest = c->out.holds[c->out.hold_head].mark;
    if (lowest != atomic_load_explicit(&l->waiting_mark, memory_order_relaxed))
        atomic_store(&l->waiting_mark, lowest);
}

static void release_up_to(struct loop *l, uint64_t durable)
{
    struct rpc_conn **at = &l->held;

    while (*at) {
        struct rpc_conn *c = *at;
        uint64_t before = c->out.released;

        out_release(&c->out, durable);
        if (c->out.released != before)
            conn_dirty(c);
        if (c->out.hold_n == 0) {
            *at = c->next_held;
            c->held = false;
        } else {
            at = &c->next_held;
        }
    }
}

/* What is left for the loop is marked dirty: a socket that is full or broken, a connection that
 * paused or is to end. */
static bool release_one(struct rpc_conn *c, uint64_t durable)
{
    out_release(&c->out, durable);
    if (send_released(c) && c->out.released == c->out.sent && !c->paused && c->state == CONN_OPEN)
        return true;
    conn_dirty(c);
    return false;
}

bool conn_release_for(struct loop *l, uint64_t durable)
{
    struct rpc_conn **at = &l->held;
    bool done = true;
    int n = 0;

    for (struct rpc_conn *c = l->held; c; c = c->next_held)
        n++;
    if (n > HELD_FOR_OTHERS || l->dirty)
        return false;
    while (*at) {
        struct rpc_conn *c = *at;

        done = release_one(c, durable) && done;
        if (c->out.hold_n == 0) {
            *at = c->next_held;
            c->held = false;
        } else {
            at = &c->next_held;
        }
    }
    publish_waiting(l);
    return done;
}

static void release_held(struct loop *l)
{
    uint64_t durable, again;

    l->unpublished = false;
    if (!l->held && atomic_load_explicit(&l->waiting_mark, memory_order_relaxed) == UINT64_MAX)
        return;
    again = atomic_load(&l->server->durable);
    do {
        durable = again;
        release_up_to(l, durable);
        publish_waiting(l);
        again = atomic_load(&l->server->durable);
    } while (again != durable);
}

/* Sending makes room, room lets held-up calls in, and their answers may wait for new marks. */
void conn_settle(struct loop *l)
{
    do {
        release_held(l);
        flush_dirty(l);
    } while (l->unpublished);
}

/* ---- time ---- */

/* Whether the time has come to close it. */
static bool is_over(const struct rpc_conn *c, uint64_t quiet_ms)
{
    int idle_ms = c->loop->server->o.idle_timeout_ms;

    if (c->state == CONN_LINGER)
        return quiet_ms >= LINGER_MS;
    if (c->out.released > c->out.sent)
        return quiet_ms >= STALL_MS;
    return idle_ms > 0 && c->calls == 0 && out_unsent(&c->out) == 0 &&
           quiet_ms >= (uint64_t)idle_ms;
}

void conn_sweep(struct loop *l)
{
    uint64_t now = uv_now(&l->uv);

    for (struct rpc_conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        if (is_over(c, now - c->last_ms))
            conn_close(c);
    }
}
