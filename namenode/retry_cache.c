/* The entries are a ring, oldest first: all live equally long, so what is to be forgotten is
 * always at the tail.  Beside it a hash of chains through the ring's slots. */
#include "namenode/retry_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES_DEFAULT = 16 << 20,
    ANSWER_GUESS = 64, /* bytes of an answer on average: how many entries fit */
    WAITERS_MAX = 16,  /* callers that may wait for one call */
    NOWHERE = UINT32_MAX,
};

enum entry_state { FREE, IN_WORK, ANSWERED };

struct waiting {
    struct rpc_call *calls[WAITERS_MAX];
    int n;
};

struct entry {
    uint8_t client_id[RPC_CLIENT_ID_BYTES];
    int32_t call_id;
    uint32_t next; /* in its chain */
    uint64_t expires_ms, mark;
    enum entry_state state;
    uint32_t n;
    uint8_t *bytes; /* the answer */
    struct waiting *waiting;
};

struct retry_cache {
    pthread_mutex_t lock;
    struct entry *ring;
    uint32_t *chains, mask;  /* as many slots in both */
    uint64_t oldest, newest; /* counters; slot = counter & mask */
    uint64_t expiry_ms;
    size_t bytes, bytes_max; /* of answers */
    struct retry_cache_stats stats;
};

struct retry_cache *retry_cache_new(uint64_t expiry_ms, size_t bytes_max)
{
    struct retry_cache *c = calloc(1, sizeof *c);
    size_t slots = 16;

    if (!c)
        return NULL;
    if (bytes_max == 0)
        bytes_max = BYTES_DEFAULT;
    while (2 * slots * (sizeof *c->ring + sizeof *c->chains + ANSWER_GUESS) <= bytes_max)
        slots *= 2;
    c->ring = calloc(slots, sizeof *c->ring);
    c->chains = malloc(slots * sizeof *c->chains);
    if (!c->ring || !c->chains) {
        free(c->ring);
        free(c->chains);
        free(c);
        return NULL;
    }
    memset(c->chains, 0xff, slots * sizeof *c->chains);
    c->mask = (uint32_t)slots - 1;
    c->expiry_ms = expiry_ms;
    c->bytes_max = slots * ANSWER_GUESS;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void retry_cache_free(struct retry_cache *c)
{
    if (!c)
        return;
    for (uint64_t i = c->oldest; i < c->newest; i++) {
        free(c->ring[i & c->mask].bytes);
        free(c->ring[i & c->mask].waiting);
    }
    pthread_mutex_destroy(&c->lock);
    free(c->ring);
    free(c->chains);
    free(c);
}

/* ---- finding, making, forgetting; with the lock held ---- */

static uint32_t *chain_of(struct retry_cache *c, const uint8_t *client_id, int32_t call_id)
{
    uint64_t h;

    memcpy(&h, client_id, sizeof h); /* random bytes already */
    h = (h ^ (uint64_t)(uint32_t)call_id) * 0x9e3779b97f4a7c15u;
    return &c->chains[(h >> 32) & c->mask];
}

static struct entry *find(struct retry_cache *c, const uint8_t *client_id, int32_t call_id)
{
    for (uint32_t i = *chain_of(c, client_id, call_id); i != NOWHERE; i = c->ring[i].next)
        if (c->ring[i].call_id == call_id &&
            memcmp(c->ring[i].client_id, client_id, RPC_CLIENT_ID_BYTES) == 0)
            return &c->ring[i];
    return NULL;
}

static void clear(struct retry_cache *c, struct entry *e)
{
    uint32_t *at = chain_of(c, e->client_id, e->call_id), slot = (uint32_t)(e - c->ring);

    while (*at != slot)
        at = &c->ring[*at].next;
    *at = e->next;
    c->bytes -= e->n;
    free(e->bytes);
    free(e->waiting);
    *e = (struct entry){.state = FREE};
}

/* The oldest goes; false when it is in work. */
static bool forget_oldest(struct retry_cache *c)
{
    struct entry *e = &c->ring[c->oldest & c->mask];

    if (e->state == IN_WORK)
        return false;
    if (e->state == ANSWERED)
        clear(c, e);
    c->oldest++;
    return true;
}

static void forget_expired(struct retry_cache *c, uint64_t now_ms)
{
    while (c->oldest < c->newest) {
        const struct entry *e = &c->ring[c->oldest & c->mask];

        if (e->state == IN_WORK || (e->state == ANSWERED && e->expires_ms > now_ms))
            return;
        forget_oldest(c);
    }
}

/* A new entry, in work; NULL when everything old is in work too. */
static struct entry *enter(struct retry_cache *c, const uint8_t *client_id, int32_t call_id,
                           uint64_t now_ms)
{
    struct entry *e;
    uint32_t *chain;

    forget_expired(c, now_ms);
    if (c->newest - c->oldest > c->mask) {
        if (!forget_oldest(c)) {
            c->stats.unentered++;
            return NULL;
        }
        c->stats.forgotten_early++;
    }
    chain = chain_of(c, client_id, call_id);
    e = &c->ring[c->newest & c->mask];
    *e = (struct entry){
        .call_id = call_id, .next = *chain, .expires_ms = now_ms + c->expiry_ms, .state = IN_WORK};
    memcpy(e->client_id, client_id, RPC_CLIENT_ID_BYTES);
    *chain = (uint32_t)(c->newest++ & c->mask);
    return e;
}

/* Keeps @bytes (handed over) as the answer; without room for them the entry is forgotten. */
static void settle(struct retry_cache *c, struct entry *e, uint8_t *bytes, size_t n, uint64_t mark)
{
    e->state = ANSWERED;
    e->mark = mark;
    e->bytes = bytes;
    e->n = (uint32_t)n;
    c->bytes += n;
    while (c->bytes > c->bytes_max && forget_oldest(c))
        c->stats.forgotten_early++;
    if (c->bytes > c->bytes_max && e->state == ANSWERED)
        clear(c, e);
}

/* ---- calls ---- */

/* Has the call wait with the one in work; false when too many do. */
static bool join(struct entry *e, struct rpc_call *call)
{
    if (!e->waiting)
        e->waiting = calloc(1, sizeof *e->waiting);
    if (!e->waiting || e->waiting->n == WAITERS_MAX)
        return false;
    e->waiting->calls[e->waiting->n++] = call;
    return true;
}

bool retry_cache_begin(struct retry_cache *c, struct rpc_call *call, uint64_t now_ms)
{
    enum { ENTERED, COPIED, JOINED, NEITHER } what = ENTERED;
    uint8_t *bytes = NULL;
    struct entry *e;
    uint32_t n = 0;

    if (!c || !call->has_client_id)
        return true;
    pthread_mutex_lock(&c->lock);
    forget_expired(c, now_ms);
    e = find(c, call->client_id, call->call_id);
    if (!e) {
        enter(c, call->client_id, call->call_id, now_ms);
    } else if (e->state == IN_WORK) {
        what = join(e, call) ? JOINED : NEITHER;
        c->stats.waited++;
    } else {
        n = e->n;
        bytes = arena_alloc(call->arena, n ? n : 1);
        what = bytes ? COPIED : NEITHER;
        if (bytes && n)
            memcpy(bytes, e->bytes, n);
        call->mark = e->mark;
        c->stats.hits++;
    }
    pthread_mutex_unlock(&c->lock);
    if (what == COPIED)
        rpc_reply_bytes(call, bytes, n);
    if (what == NEITHER) {
        struct err err;

        err_set(&err, ERR_RETRIABLE, "the same call is being worked on");
        rpc_fail(call, &err);
    }
    return what == ENTERED;
}

/* Takes those who wait for @call; NULL when nobody does. */
static struct waiting *take_waiting(struct entry *e)
{
    struct waiting *w = e->waiting;

    e->waiting = NULL;
    return w;
}

void retry_cache_reply(struct retry_cache *c, struct rpc_call *call,
                       const ProtobufCMessage *message)
{
    struct waiting *w = NULL;
    uint64_t mark = call->mark;
    struct entry *e;
    uint8_t *bytes;
    size_t n;

    if (!c || !call->has_client_id) {
        rpc_reply(call, message);
        return;
    }
    n = protobuf_c_message_get_packed_size(message);
    bytes = malloc(n ? n : 1);
    if (!bytes) {
        rpc_reply(call, message); /* a retry will be worked on again */
        return;
    }
    protobuf_c_message_pack(message, bytes);
    pthread_mutex_lock(&c->lock);
    e = find(c, call->client_id, call->call_id);
    if (e && e->state == IN_WORK)
        w = take_waiting(e);
    for (int i = 0; w && i < w->n; i++)
        w->calls[i]->mark = mark;
    /* Copies its bytes before the cache may forget them. */
    rpc_reply_bytes(call, bytes, n);
    for (int i = 0; w && i < w->n; i++)
        rpc_reply_bytes(w->calls[i], bytes, n);
    if (e && e->state == IN_WORK)
        settle(c, e, bytes, n, mark);
    else
        free(bytes);
    pthread_mutex_unlock(&c->lock);
    free(w);
}

void retry_cache_fail(struct retry_cache *c, struct rpc_call *call, const struct err *err)
{
    struct waiting *w = NULL;

    if (c && call->has_client_id) {
        struct entry *e;

        pthread_mutex_lock(&c->lock);
        e = find(c, call->client_id, call->call_id);
        if (e && e->state == IN_WORK) {
            w = take_waiting(e);
            clear(c, e);
        }
        pthread_mutex_unlock(&c->lock);
    }
    for (int i = 0; w && i < w->n; i++) {
        w->calls[i]->mark = call->mark;
        rpc_fail(w->calls[i], err);
    }
    free(w);
    rpc_fail(call, err);
}

void retry_cache_put(struct retry_cache *c, const uint8_t client_id[RPC_CLIENT_ID_BYTES],
                     int32_t call_id, const ProtobufCMessage *message, uint64_t now_ms)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = c ? malloc(n ? n : 1) : NULL;
    struct entry *e = NULL;

    if (!bytes)
        return;
    protobuf_c_message_pack(message, bytes);
    pthread_mutex_lock(&c->lock);
    if (!find(c, client_id, call_id))
        e = enter(c, client_id, call_id, now_ms);
    if (e)
        settle(c, e, bytes, n, 0);
    pthread_mutex_unlock(&c->lock);
    if (!e)
        free(bytes);
}

void retry_cache_stats(struct retry_cache *c, struct retry_cache_stats *out)
{
    *out = (struct retry_cache_stats){0};
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    for (uint64_t i = c->oldest; i < c->newest; i++)
        out->entries += c->ring[i & c->mask].state != FREE;
    out->bytes = c->bytes + (c->mask + (size_t)1) * (sizeof *c->ring + sizeof *c->chains);
    pthread_mutex_unlock(&c->lock);
}
