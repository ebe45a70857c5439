/* A link is one connection; a lane is the place of one, which is dialed again when it was lost;
 * a waiter is one call on it, on its caller's stack.
 *
 * There is no reader thread.  Of the callers that wait, one reads (link->reading): it hands every
 * reply to its waiter, and when its own has come it wakes another to read on.  So a single
 * caller costs a send and a receive, and no switch between threads.  A call takes the lane with
 * the fewest callers, so a thread has one for itself as long as there are enough.
 *
 * Locks: lane->dialing (one thread connects) > lane->lock (everything else, never held while
 * waiting); link->sending keeps frames whole and is taken with no other lock held.
 */
#include "proto/rpc_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/env.h"
#include "common/net.h"
#include "proto/rpc_frame.h"
#include "rpc.pb-c.h"

enum {
    CONNECT_TIMEOUT_MS = 20000,
    IDLE_TIMEOUT_MS = 10000,
    CONNECT_PAUSE_MS = 1000,
    PING_MS = 60000, /* Hadoop's ipc.ping.interval: a silent server is asked whether it lives */
    IN_FIRST = 32 << 10,
    IN_KEEP = 1 << 20, /* a larger receive buffer is given back when it is empty */
    FRESH_MS = 10,     /* nobody looks whether a link was closed that short after its last use */
    LANES_MAX = 16,
};

struct waiter {
    struct waiter *next;
    int32_t call_id;
    bool done;
    struct rpc_response_head head; /* its slices point into bytes */
    uint8_t *bytes;                /* the reply's frame, malloc'd */
    struct rd body;                /* what follows the header */
    pthread_cond_t wake;
    rpc_posted *posted; /* nobody waits: malloc'd, and this is called */
    void *ctx;
};

struct link {
    struct lane *lane;
    int fd, refs;
    int patience_ms; /* a receive waits so long by itself */
    bool broken, reading;
    struct err why; /* when broken */
    struct waiter *waiting;
    uint64_t last_used_ms, last_heard_ms;
    uint8_t *in;
    size_t in_n, in_cap;
    pthread_mutex_t sending;
};

struct lane {
    struct rpc_client *client;
    struct link *link;
    _Atomic int callers;
    pthread_mutex_t lock, dialing;
};

struct rpc_client {
    struct rpc_client_options o; /* its strings are copies */
    struct net_addr to;
    uint8_t id[16];
    _Atomic uint32_t next_call;
    struct lane lanes[LANES_MAX];
    int lane_count;
};

static uint64_t now_ms(void)
{
    return env_mono_ms(env_posix());
}

static char *copy(const char *s)
{
    return s ? strdup(s) : NULL;
}

int rpc_client_new(const struct rpc_client_options *o, struct rpc_client **out, struct err *err)
{
    struct rpc_client *c;
    struct net_addr to;
    int rc = net_addr_parse(o->address, 0, &to, err);

    if (rc < 0)
        return rc;
    c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "client of %s", o->address);
    c->o = *o;
    c->o.address = copy(o->address);
    c->o.bind_host = copy(o->bind_host);
    c->o.protocol = copy(o->protocol);
    c->o.user = copy(o->user);
    c->o.real_user = copy(o->real_user);
    c->o.connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->o.idle_timeout_ms = o->idle_timeout_ms ? o->idle_timeout_ms : IDLE_TIMEOUT_MS;
    c->to = to;
    env_random(env_posix(), c->id, sizeof c->id);
    c->lane_count = o->connections < 1           ? 1
                    : o->connections < LANES_MAX ? o->connections
                                                 : LANES_MAX;
    for (int i = 0; i < c->lane_count; i++) {
        c->lanes[i].client = c;
        pthread_mutex_init(&c->lanes[i].lock, NULL);
        pthread_mutex_init(&c->lanes[i].dialing, NULL);
    }
    if (!c->o.address || !c->o.protocol || (o->user && !c->o.user)) {
        rpc_client_free(c);
        return err_set(err, ERR_NOMEM, "client of %s", o->address);
    }
    *out = c;
    return 0;
}

/* ---- the life of a link ---- */

static struct link *link_new(struct lane *lane, int fd)
{
    int limit_ms = lane->client->o.call_timeout_ms;
    struct link *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->lane = lane;
    l->fd = fd;
    l->patience_ms = limit_ms > 0 && limit_ms / 2 < PING_MS ? limit_ms / 2 + 1 : PING_MS;
    net_timeout(fd, l->patience_ms);
    l->refs = 1;
    l->last_used_ms = l->last_heard_ms = now_ms();
    pthread_mutex_init(&l->sending, NULL);
    return l;
}

static void link_unref_locked(struct link *l)
{
    if (!l || --l->refs > 0)
        return;
    close(l->fd);
    free(l->in);
    pthread_mutex_destroy(&l->sending);
    free(l);
}

static void waiter_remove(struct link *l, struct waiter *w)
{
    struct waiter **at = &l->waiting;

    while (*at && *at != w)
        at = &(*at)->next;
    if (*at)
        *at = w->next;
}

static void posted_end_locked(struct link *l, struct waiter *w, int rc, const struct err *err)
{
    waiter_remove(l, w);
    w->posted(w->ctx, rc, err);
    free(w);
}

/* Nothing more comes over this link: everybody who waits on it is told why. */
static void link_break_locked(struct link *l, const struct err *why)
{
    if (l->broken)
        return;
    l->broken = true;
    l->why = *why;
    shutdown(l->fd, SHUT_RDWR);
    for (struct waiter *w = l->waiting, *next; w; w = next) {
        next = w->next;
        if (w->posted)
            posted_end_locked(l, w, -(int)why->code, why);
        else
            pthread_cond_signal(&w->wake);
    }
    if (l->lane->link == l) {
        l->lane->link = NULL;
        link_unref_locked(l);
    }
}

static void link_break(struct link *l, const struct err *why)
{
    pthread_mutex_lock(&l->lane->lock);
    link_break_locked(l, why);
    pthread_mutex_unlock(&l->lane->lock);
}

void rpc_client_free(struct rpc_client *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->lane_count; i++) {
        if (c->lanes[i].link)
            link_break_locked(c->lanes[i].link, &(struct err){.code = ERR_CLOSED});
        pthread_mutex_destroy(&c->lanes[i].lock);
        pthread_mutex_destroy(&c->lanes[i].dialing);
    }
    free((char *)c->o.address);
    free((char *)c->o.bind_host);
    free((char *)c->o.protocol);
    free((char *)c->o.user);
    free((char *)c->o.real_user);
    free(c);
}

const char *rpc_client_address(const struct rpc_client *c)
{
    return c->o.address;
}

/* Sends all of it, or fails; -1 is no deadline. */
static int send_all(int fd, const uint8_t *p, size_t n, uint64_t deadline_ms, struct err *err)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (k >= 0) {
            p += k;
            n -= (size_t)k;
        } else if (errno == EAGAIN) {
            struct pollfd pf = {.fd = fd, .events = POLLOUT};
            uint64_t now = now_ms();

            if (now >= deadline_ms)
                return err_set(err, ERR_TIMEOUT, "timed out while sending");
            poll(&pf, 1, deadline_ms - now < 1000 ? (int)(deadline_ms - now) : 1000);
        } else if (errno != EINTR) {
            return err_sys(err, errno, "send");
        }
    }
    return 0;
}

static int say_hello(struct rpc_client *c, int fd, struct err *err)
{
    struct buf hello;
    int rc;

    buf_init(&hello, 64 << 10);
    rpc_put_hello(&hello, c->id, c->o.protocol, c->o.user, c->o.real_user);
    if (hello.bad)
        rc = err_set(err, ERR_NOMEM, "connection context");
    else
        rc = send_all(fd, hello.bytes, hello.n, now_ms() + (uint64_t)c->o.connect_timeout_ms, err);
    buf_done(&hello);
    return rc;
}

static int dial_once(struct lane *lane, struct link **out, struct err *err)
{
    struct rpc_client *c = lane->client;
    int rc, fd = net_connect(&c->to, c->o.bind_host, c->o.connect_timeout_ms, err);

    if (fd < 0)
        return fd;
    rc = say_hello(c, fd, err);
    if (rc == 0) {
        *out = link_new(lane, fd);
        if (!*out)
            rc = err_set(err, ERR_NOMEM, "connection");
    }
    if (rc < 0)
        close(fd);
    return rc;
}

static int dial(struct lane *lane, struct link **out, struct err *err)
{
    const struct rpc_client_options *o = &lane->client->o;
    struct timespec pause = {.tv_sec = CONNECT_PAUSE_MS / 1000};
    int rc = dial_once(lane, out, err);

    for (int i = 0; rc < 0 && i < o->connect_retries; i++) {
        nanosleep(&pause, NULL);
        rc = dial_once(lane, out, err);
    }
    return rc < 0 ? err_wrap(err, rc, "%s", o->address) : 0;
}

/* ---- reading ---- */

/* The exception of an error reply; its stack trace is of no use here. */
static int remote_error(const struct rpc_response_head *h, struct err *err)
{
    char class[ERR_CLASS_MAX], text[ERR_TEXT_MAX], *stack;
    size_t n = h->message.n < sizeof text - 1 ? h->message.n : sizeof text - 1;

    snprintf(class, sizeof class, "%.*s", (int)h->exception.n, (const char *)h->exception.at);
    memcpy(text, h->message.at ? (const char *)h->message.at : "", n);
    text[n] = 0;
    stack = strstr(text, "\n\tat ");
    if (stack)
        *stack = 0;
    n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = 0;
    return err_from_java(err, class, text);
}

/* A reply that is for the whole connection, and the last one: call ids below zero. */
static void break_by_reply(struct link *l, const struct rpc_response_head *h)
{
    char class[ERR_CLASS_MAX], text[ERR_TEXT_MAX];
    struct err why;

    snprintf(class, sizeof class, "%.*s", (int)h->exception.n, (const char *)h->exception.at);
    snprintf(text, sizeof text, "%.*s", (int)(h->message.n < 900 ? h->message.n : 900),
             (const char *)h->message.at);
    err_from_java(&why, class, text);
    link_break_locked(l, &why);
}

/* Gives one whole frame to whoever waits for it.  An answer nobody waits for came too late. */
static int deliver(struct link *l, const uint8_t *frame, size_t n, struct err *err)
{
    struct rpc_response_head h;
    struct rd r = rd_of(frame, n);
    struct waiter *w = l->waiting;
    int rc = rpc_response_head_parse(&r, &h, err);

    if (rc < 0)
        return rc;
    if (h.call_id < 0 && h.status) {
        break_by_reply(l, &h);
        return 0;
    }
    while (w && (w->call_id != h.call_id || w->done))
        w = w->next;
    if (!w)
        return 0;
    if (w->posted) {
        struct err why = {0};

        posted_end_locked(l, w, h.status ? remote_error(&h, &why) : 0, &why);
        return 0;
    }
    w->bytes = malloc(n + 1);
    if (!w->bytes)
        return err_set(err, ERR_NOMEM, "reply of %zu bytes", n);
    memcpy(w->bytes, frame, n);
    w->body = rd_of(w->bytes, n);
    rpc_response_head_parse(&w->body, &w->head, NULL);
    w->done = true;
    pthread_cond_signal(&w->wake);
    return 0;
}

/* Takes the whole frames off the front of what was received. */
static int deliver_all(struct link *l, struct err *err)
{
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && l->in_n - at >= 4) {
        size_t n = get_be(l->in + at, 4);

        if (n > RPC_FRAME_MAX)
            return err_set(err, ERR_PROTOCOL, "reply of %zu bytes", n);
        if (l->in_n - at < 4 + n)
            break;
        rc = deliver(l, l->in + at + 4, n, err);
        at += 4 + n;
    }
    l->in_n -= at;
    memmove(l->in, l->in + at, l->in_n);
    if (l->in_n == 0 && l->in_cap > IN_KEEP) {
        free(l->in);
        l->in = NULL;
        l->in_cap = 0;
    }
    return rc;
}

/* Room for more.  What a length announces is believed only as far as bytes have come. */
static int in_reserve(struct link *l, struct err *err)
{
    size_t cap = l->in_cap ? l->in_cap * 2 : IN_FIRST;
    uint8_t *grown;

    if (l->in_cap - l->in_n >= l->in_cap / 4 + 1)
        return 0;
    grown = realloc(l->in, cap);
    if (!grown)
        return err_set(err, ERR_NOMEM, "reply of over %zu bytes", l->in_n);
    l->in = grown;
    l->in_cap = cap;
    return 0;
}

static void send_ping(struct link *l)
{
    struct buf ping;

    buf_init(&ping, 256);
    rpc_put_request(&ping, &(struct rpc_request_frame){.call_id = RPC_CALL_PING,
                                                       .retry_count = RPC_NO_RETRY_COUNT,
                                                       .client_id = l->lane->client->id});
    /* Somebody who is sending shows that the link lives as well as a ping does. */
    if (!ping.bad && pthread_mutex_trylock(&l->sending) == 0) {
        send_all(l->fd, ping.bytes, ping.n, now_ms() + 1000, NULL);
        pthread_mutex_unlock(&l->sending);
    }
    buf_done(&ping);
}

/* Waits for bytes and takes them in.  Returns 0 also when the deadline came first. */
static int read_some(struct link *l, uint64_t deadline_ms, struct err *err)
{
    struct pollfd pf = {.fd = l->fd, .events = POLLIN};
    int rc = in_reserve(l, err);
    uint64_t spent_ms = 0;
    ssize_t k;

    if (rc < 0)
        return rc;
    for (;;) {
        uint64_t now = now_ms(), left = deadline_ms > now ? deadline_ms - now : 0;
        bool patient = left > (uint64_t)l->patience_ms; /* then the receive itself may wait */

        k = recv(l->fd, l->in + l->in_n, l->in_cap - l->in_n, patient ? 0 : MSG_DONTWAIT);
        if (k >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
        if (left == 0)
            return 0;
        if (!patient)
            poll(&pf, 1, (int)left);
        spent_ms += now_ms() - now;
        if (spent_ms >= PING_MS) {
            send_ping(l);
            spent_ms = 0;
        }
    }
    if (k < 0)
        return err_sys(err, errno, "receive");
    if (k == 0)
        return err_set(err, ERR_CLOSED, "the server closed the connection");
    l->in_n += (size_t)k;
    return 0;
}

/* One turn as the reader, with the lock held at both ends. */
static void read_turn(struct link *l, uint64_t deadline_ms)
{
    size_t had = l->in_n;
    struct err err;
    int rc;

    l->reading = true;
    pthread_mutex_unlock(&l->lane->lock);
    rc = read_some(l, deadline_ms, &err);
    pthread_mutex_lock(&l->lane->lock);
    l->reading = false;
    if (rc == 0 && l->in_n > had) {
        l->last_heard_ms = now_ms();
        rc = deliver_all(l, &err);
    }
    if (rc < 0)
        link_break_locked(l, &err);
}

static void wait_turn(struct link *l, struct waiter *w, uint64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};

    if (deadline_ms == UINT64_MAX)
        pthread_cond_wait(&w->wake, &l->lane->lock);
    else
        pthread_cond_timedwait(&w->wake, &l->lane->lock, &until);
}

/* Lets one of the others read, now that this one won't. */
static void pass_on(struct link *l)
{
    struct waiter *w = l->waiting;

    while (w && (w->done || w->posted))
        w = w->next;
    if (w && !l->reading)
        pthread_cond_signal(&w->wake);
}

/* Takes in what has come for posted calls. */
static void hear_posted(struct lane *lane)
{
    struct link *l = lane->link;

    if (!l || !l->waiting || l->reading)
        return;
    l->refs++;
    read_turn(l, 0);
    pass_on(l);
    link_unref_locked(l);
}

/* Whether the other end has closed it (or spoken when nobody asked) while nobody looked. */
static bool link_is_stale(const struct link *l)
{
    uint64_t unused_ms = now_ms() - l->last_used_ms;
    char byte;

    if (l->waiting || l->reading || unused_ms < FRESH_MS)
        return false;
    if (unused_ms > (uint64_t)l->lane->client->o.idle_timeout_ms)
        return true;
    return recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* The present link when it is good, with a reference for the caller. */
static struct link *link_good(struct lane *lane)
{
    static const struct err idle = {.code = ERR_CLOSED, .text = "connection was idle"};
    struct link *l;

    pthread_mutex_lock(&lane->lock);
    hear_posted(lane);
    l = lane->link;
    if (l && link_is_stale(l)) {
        link_break_locked(l, &idle);
        l = NULL;
    }
    if (l)
        l->refs++;
    pthread_mutex_unlock(&lane->lock);
    return l;
}

static int link_get(struct lane *lane, struct link **out, struct err *err)
{
    struct link *l = link_good(lane);
    int rc = 0;

    if (!l) {
        pthread_mutex_lock(&lane->dialing);
        l = link_good(lane); /* another thread may have been faster */
        if (!l && (rc = dial(lane, &l, err)) == 0) {
            pthread_mutex_lock(&lane->lock);
            lane->link = l;
            l->refs++;
            pthread_mutex_unlock(&lane->lock);
        }
        pthread_mutex_unlock(&lane->dialing);
    }
    if (rc == 0)
        *out = l;
    return rc;
}

static int wait_reply(struct link *l, struct waiter *w, uint64_t sent_ms, uint64_t deadline_ms,
                      struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&l->lane->lock);
    while (!w->done && !l->broken && now_ms() < deadline_ms) {
        if (l->reading)
            wait_turn(l, w, deadline_ms);
        else
            read_turn(l, deadline_ms);
    }
    if (!w->done && !l->broken) {
        rc =
            err_set(err, ERR_TIMEOUT, "no answer within %d ms", l->lane->client->o.call_timeout_ms);
        /* A server that said nothing at all in that time may be gone: the next call finds out
         * on a new connection. */
        if (l->last_heard_ms < sent_ms)
            link_break_locked(l, err ? err : &(struct err){.code = ERR_TIMEOUT});
    } else if (!w->done) {
        rc = -(int)l->why.code;
        if (err)
            *err = l->why;
    }
    waiter_remove(l, w);
    l->last_used_ms = now_ms();
    pass_on(l);
    pthread_mutex_unlock(&l->lane->lock);
    return rc;
}

/* ---- calls ---- */

static int unpack(struct waiter *w, const ProtobufCMessageDescriptor *type, struct arena *arena,
                  ProtobufCMessage **answer, struct err *err)
{
    struct rd body;
    ProtobufCMessage *m;

    if (w->head.status)
        return remote_error(&w->head, err);
    body = rd_delimited(&w->body);
    if (body.bad)
        return err_set(err, ERR_PROTOCOL, "reply cut short");
    m = protobuf_c_message_unpack(type, &arena->pb, rd_left(&body), body.at);
    if (!m)
        return err_set(err, ERR_PROTOCOL, "reply is no %s", type->name);
    *answer = m;
    return 0;
}

static int send_call(struct link *l, const struct buf *frame, uint64_t deadline_ms, struct err *err)
{
    struct err why;
    int rc;

    pthread_mutex_lock(&l->sending);
    rc = send_all(l->fd, frame->bytes, frame->n, deadline_ms, &why);
    pthread_mutex_unlock(&l->sending);
    if (rc < 0) {
        link_break(l, &why); /* part of a frame may have gone */
        if (err)
            *err = why;
    }
    return rc;
}

static void waiter_init(struct waiter *w, int32_t call_id)
{
    pthread_condattr_t attr;

    *w = (struct waiter){.call_id = call_id};
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
}

static void waiter_done(struct waiter *w)
{
    pthread_cond_destroy(&w->wake);
    free(w->bytes);
}

static int exchange(struct lane *lane, struct waiter *w, const struct buf *frame, struct err *err)
{
    uint64_t sent_ms, deadline_ms = UINT64_MAX;
    struct link *l = NULL;
    int rc = link_get(lane, &l, err);

    if (rc < 0)
        return rc;
    sent_ms = now_ms();
    if (lane->client->o.call_timeout_ms > 0)
        deadline_ms = sent_ms + (uint64_t)lane->client->o.call_timeout_ms;
    pthread_mutex_lock(&lane->lock);
    w->next = l->waiting;
    l->waiting = w;
    pthread_mutex_unlock(&lane->lock);
    send_call(l, frame, deadline_ms, NULL); /* a failure broke the link: wait_reply says so */
    rc = wait_reply(l, w, sent_ms, deadline_ms, err);
    pthread_mutex_lock(&lane->lock);
    if (rc == 0 && w->head.status == PB__RPC_RESPONSE_HEADER_PROTO__RPC_STATUS_PROTO__FATAL)
        link_break_locked(l, &(struct err){.code = ERR_CLOSED, .text = "fatal answer"});
    link_unref_locked(l);
    pthread_mutex_unlock(&lane->lock);
    return rc;
}

/* The lane with the fewest callers, counted in. */
static struct lane *enter_lane(struct rpc_client *c)
{
    struct lane *best = &c->lanes[0];

    for (int i = 1; i < c->lane_count && atomic_load(&best->callers) > 0; i++)
        if (atomic_load(&c->lanes[i].callers) < atomic_load(&best->callers))
            best = &c->lanes[i];
    atomic_fetch_add(&best->callers, 1);
    return best;
}

static void put_call(struct rpc_client *c, struct buf *frame, int32_t call_id, int retry_count,
                     const char *method, const ProtobufCMessage *request)
{
    rpc_put_request(frame, &(struct rpc_request_frame){.call_id = call_id,
                                                       .retry_count = retry_count,
                                                       .client_id = c->id,
                                                       .method = method,
                                                       .protocol = c->o.protocol,
                                                       .version = c->o.version,
                                                       .message = request});
}

int rpc_call_again(struct rpc_client *c, int32_t call_id, int retry_count, const char *method,
                   const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer_type,
                   struct arena *arena, ProtobufCMessage **answer, struct err *err)
{
    struct lane *lane = enter_lane(c);
    struct waiter w;
    struct buf frame;
    int rc;

    waiter_init(&w, call_id);
    buf_init(&frame, RPC_FRAME_MAX);
    put_call(c, &frame, call_id, retry_count, method, request);
    if (frame.bad)
        rc = err_set(err, ERR_LIMIT, "request over %d bytes", RPC_FRAME_MAX);
    else
        rc = exchange(lane, &w, &frame, err);
    atomic_fetch_sub(&lane->callers, 1);
    if (rc == 0)
        rc = unpack(&w, answer_type, arena, answer, err);
    buf_done(&frame);
    waiter_done(&w);
    return rc;
}

/* Into the link's line of waiters; false, and ended, when the link is broken by now. */
static bool line_up(struct link *l, struct waiter *w)
{
    bool whole;

    pthread_mutex_lock(&l->lane->lock);
    w->next = l->waiting;
    l->waiting = w;
    l->last_used_ms = now_ms();
    whole = !l->broken;
    if (!whole)
        posted_end_locked(l, w, -(int)l->why.code, &l->why);
    pthread_mutex_unlock(&l->lane->lock);
    return whole;
}

void rpc_post(struct rpc_client *c, const char *method, const ProtobufCMessage *request,
              rpc_posted *done, void *ctx)
{
    struct waiter *w = malloc(sizeof *w);
    struct err err = {.code = ERR_NOMEM};
    struct link *l = NULL;
    struct buf frame;

    buf_init(&frame, RPC_FRAME_MAX);
    if (w) {
        *w = (struct waiter){.call_id = rpc_client_call_id(c), .posted = done, .ctx = ctx};
        put_call(c, &frame, w->call_id, 0, method, request);
    }
    if (!w || frame.bad || link_get(&c->lanes[0], &l, &err) < 0) {
        done(ctx, -(int)err.code, &err);
        free(w);
    } else {
        if (line_up(l, w)) /* a failure to send breaks the link: that ends it, too */
            send_call(l, &frame, now_ms() + (uint64_t)c->o.connect_timeout_ms, NULL);
        pthread_mutex_lock(&l->lane->lock);
        link_unref_locked(l);
        pthread_mutex_unlock(&l->lane->lock);
    }
    buf_done(&frame);
}

int32_t rpc_client_call_id(struct rpc_client *c)
{
    return (int32_t)(atomic_fetch_add(&c->next_call, 1) & INT32_MAX);
}

int rpc_call_method(struct rpc_client *c, const char *method, const ProtobufCMessage *request,
                    const ProtobufCMessageDescriptor *answer_type, struct arena *arena,
                    ProtobufCMessage **answer, struct err *err)
{
    return rpc_call_again(c, rpc_client_call_id(c), 0, method, request, answer_type, arena, answer,
                          err);
}
