#include "tests/unit/proto/rpc_raw.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/net.h"

enum { PATIENCE_MS = 60000, HELD_MAX = 5000 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct rpc_call *calls[HELD_MAX];
    int n;
    bool open;
} held = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- the server ---- */

static const char *text_of(const ProtobufCMessage *request)
{
    return ((const Pb__GetFileInfoRequestProto *)(const void *)request)->src;
}

static void reply_text(struct rpc_call *call, const char *text)
{
    Pb__GetLinkTargetResponseProto a = PB__GET_LINK_TARGET_RESPONSE_PROTO__INIT;

    a.targetpath = (char *)text;
    rpc_reply(call, &a.base);
}

static void do_echo(struct rpc_call *call, const ProtobufCMessage *request)
{
    reply_text(call, text_of(request));
}

static void do_hold(struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    pthread_mutex_lock(&held.lock);
    held.calls[held.n++] = call;
    pthread_cond_broadcast(&held.changed);
    pthread_mutex_unlock(&held.lock);
}

static void do_mark(struct rpc_call *call, const ProtobufCMessage *request)
{
    call->mark = strtoull(text_of(request), NULL, 10);
    reply_text(call, text_of(request));
}

static void do_slow(struct rpc_call *call, const ProtobufCMessage *request)
{
    pthread_mutex_lock(&held.lock);
    while (!held.open)
        pthread_cond_wait(&held.changed, &held.lock);
    pthread_mutex_unlock(&held.lock);
    reply_text(call, text_of(request));
}

static void do_who(struct rpc_call *call, const ProtobufCMessage *request)
{
    (void)request;
    reply_text(call, arena_printf(call->arena, "%s %s %s %s", call->user,
                                  call->real_user ? call->real_user : "-", call->peer_ip,
                                  call->caller_context ? call->caller_context : "-"));
}

static void do_fail(struct rpc_call *call, const ProtobufCMessage *request)
{
    struct err err;

    err_set(&err, ERR_NOENT, "no %s", text_of(request));
    rpc_fail(call, &err);
}

static void do_big(struct rpc_call *call, const ProtobufCMessage *request)
{
    size_t n = strtoull(text_of(request), NULL, 10);
    char *text = arena_zalloc(call->arena, n + 1);

    memset(text, 'x', n);
    reply_text(call, text);
}

#define METHOD(name, speed)                                                                        \
    {                                                                                              \
#name, &pb__get_file_info_request_proto__descriptor, do_##name, speed                      \
    }
static const struct rpc_method methods[] = {
    METHOD(echo, RPC_FAST), METHOD(hold, RPC_FAST), METHOD(mark, RPC_FAST), METHOD(slow, RPC_SLOW),
    METHOD(who, RPC_FAST),  METHOD(fail, RPC_FAST), METHOD(big, RPC_FAST),
};

struct rpc_server *echo_start(struct rpc_server_options o)
{
    struct rpc_protocol p = {.name = ECHO_PROTOCOL,
                             .version = ECHO_VERSION,
                             .methods = methods,
                             .method_count = sizeof methods / sizeof *methods};
    struct rpc_server *s = NULL;
    struct err err;

    held.n = 0;
    held.open = false;
    o.host = "127.0.0.1";
    o.protocols = &p;
    o.protocol_count = 1;
    if (rpc_server_start(&o, &s, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return s;
}

static struct timespec patience(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += PATIENCE_MS / 1000;
    return t;
}

int echo_held(int wanted)
{
    struct timespec until = patience();
    int n, rc = 0;

    pthread_mutex_lock(&held.lock);
    while (held.n < wanted && rc == 0)
        rc = pthread_cond_timedwait(&held.changed, &held.lock, &until);
    n = held.n;
    pthread_mutex_unlock(&held.lock);
    return n;
}

void echo_answer_held(bool newest_first)
{
    int n = echo_held(0);

    for (int i = 0; i < n; i++)
        reply_text(held.calls[newest_first ? n - 1 - i : i], "held");
    held.n = 0;
}

void echo_gate(bool open)
{
    pthread_mutex_lock(&held.lock);
    held.open = open;
    pthread_cond_broadcast(&held.changed);
    pthread_mutex_unlock(&held.lock);
}

/* ---- the client ---- */

struct raw raw_open(struct rpc_server *s)
{
    struct net_addr to = {.host = "127.0.0.1", .port = rpc_server_port(s)};
    struct raw r = {.fd = net_connect(&to, NULL, PATIENCE_MS, NULL)};

    MUST(r.fd >= 0);
    buf_init(&r.in, 64 << 20);
    return r;
}

void raw_close(struct raw *r)
{
    close(r->fd);
    buf_done(&r->in);
}

void raw_send(struct raw *r, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t k = send(r->fd, p, n, MSG_NOSIGNAL);

        if (k <= 0)
            return; /* the server has closed: the test finds out by reading */
        p += k;
        n -= (size_t)k;
    }
}

/* More bytes; 0 at the end, -1 when none come. */
static ssize_t take(struct raw *r, int timeout_ms)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    size_t had = r->in.n;
    ssize_t k;

    if (poll(&p, 1, timeout_ms) <= 0)
        return -1;
    k = recv(r->fd, buf_grow(&r->in, 65536), 65536, 0);
    r->in.n = had + (k > 0 ? (size_t)k : 0);
    return k < 0 ? 0 : k;
}

bool raw_ended(struct raw *r)
{
    ssize_t k;

    do
        k = take(r, PATIENCE_MS);
    while (k > 0);
    return k == 0;
}

static void to_text(struct rpc_slice s, char *out, size_t n)
{
    snprintf(out, n, "%.*s", (int)s.n, s.n ? (const char *)s.at : "");
}

static void parse_reply(struct rd frame, struct raw_reply *out)
{
    struct rpc_response_head h;
    struct rd body;
    struct rpc_field f;

    *out = (struct raw_reply){0};
    if (rpc_response_head_parse(&frame, &h, NULL) < 0)
        return;
    out->call_id = h.call_id;
    out->status = h.status;
    out->detail = h.error_detail;
    to_text(h.exception, out->class, sizeof out->class);
    to_text(h.message, out->text, sizeof out->text);
    body = rd_delimited(&frame);
    if (!h.status && rpc_next_field(&body, &f) && f.type == 2)
        to_text(f.bytes, out->text, sizeof out->text);
}

bool raw_reply(struct raw *r, struct raw_reply *out)
{
    size_t n;

    while (r->in.n < 4 || r->in.n < 4 + (n = get_be(r->in.bytes, 4)))
        if (take(r, PATIENCE_MS) <= 0)
            return false;
    n = get_be(r->in.bytes, 4);
    parse_reply(rd_of(r->in.bytes + 4, n), out);
    buf_consume(&r->in, 4 + n);
    return true;
}

/* Another connection's answer comes from the same loops, a while after ours was taken in. */
bool raw_silent(struct raw *r)
{
    return r->in.n == 0 && take(r, 50) < 0;
}

void put_hello(struct buf *b, const char *user, const char *real_user)
{
    rpc_put_hello(b, (const uint8_t *)"0123456789abcdef", ECHO_PROTOCOL, user, real_user);
}

void put_call(struct buf *b, int32_t id, const char *method, const char *text)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;

    q.src = (char *)text;
    rpc_put_request(b, &(struct rpc_request_frame){.call_id = id,
                                                   .client_id = (const uint8_t *)"0123456789abcdef",
                                                   .method = method,
                                                   .protocol = ECHO_PROTOCOL,
                                                   .version = ECHO_VERSION,
                                                   .message = &q.base});
}

void raw_hello(struct raw *r)
{
    struct buf b;

    buf_init(&b, 4096);
    put_hello(&b, "alice", NULL);
    raw_send(r, b.bytes, b.n);
    buf_done(&b);
}

void raw_call(struct raw *r, int32_t id, const char *method, const char *text)
{
    struct buf b;

    buf_init(&b, 4096);
    put_call(&b, id, method, text);
    raw_send(r, b.bytes, b.n);
    buf_done(&b);
}

bool doc_sample(const char *page, const char *name, struct buf *out)
{
    char path[600], line[1024], wanted[100];
    const char *root = getenv("ROOT");
    FILE *f;
    int where = 0; /* 1: past the marker, 2: in the block */

    snprintf(path, sizeof path, "%s/docs/formats/%s", root ? root : ".", page);
    snprintf(wanted, sizeof wanted, "<!-- sample: %s -->", name);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        unsigned byte;
        int used;

        if (strncmp(line, wanted, strlen(wanted)) == 0)
            where = 1;
        else if (where > 0 && strncmp(line, "```", 3) == 0 && where++ == 2)
            break;
        else if (where == 2)
            for (char *p = line; sscanf(p, "%2x%n", &byte, &used) == 1; p += used)
                buf_put_be(out, byte, 1);
    }
    if (f)
        fclose(f);
    return out->n > 0 && !out->bad;
}
