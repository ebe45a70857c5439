/* The entries are a ring, oldest first: all live equally long, so what is to be forgotten is
 * always at the tail.
 *
 * Beside it an index: a table of hash and slot, probed linearly, never more than half full.  Eight
 * call ids in a row of one client lie side by side in it, for that is how they come and go, and
 * a miss of the processor's cache is what an entry mostly costs.  For the same reason an answer
 * that is not long lies in its entry. */
#include "namenode/calls/retry_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES_DEFAULT = 16 << 20,
    WAITERS_MAX = 16, /* callers that may wait for one call */
    INLINE_MAX = 136, /* makes an entry three cache lines */
    LONG_GUESS = 16,  /* bytes of longer answers for each entry */
};

enum entry_state { FREE, IN_WORK, ANSWERED };

struct waiting {
    struct rpc_call *calls[WAITERS_MAX];
    int n;
};

struct entry {
    uint8_t client_id[RPC_CLIENT_ID_BYTES];
    int32_t call_id;
    uint32_t state : 2, n : 30; /* n: of the answer */
    uint64_t expires_ms, mark;
    union {
        struct waiting *waiting; /* IN_WORK; NULL: nobody */
        uint8_t *longer;         /* ANSWERED, n > INLINE_MAX */
    };
    uint8_t answer[INLINE_MAX];
};

/* hash's low bits are where it belongs. */
struct index_cell {
    uint32_t hash, slot_plus_1; /* 0: empty */
};

struct retry_cache {
    pthread_mutex_t lock;
    struct entry *ring;
    struct index_cell *index;
    uint32_t ring_mask, index_mask;
    uint64_t oldest, newest; /* counters; slot = counter & ring_mask */
    uint64_t expiry_ms;
    size_t long_bytes, long_max; /* of answers outside their entries */
    struct retry_cache_stats stats;
};

struct retry_cache *retry_cache_new(uint64_t expiry_ms, size_t bytes_max)
{
    const size_t each = sizeof(struct entry) + 2 * sizeof(struct index_cell) + LONG_GUESS;
    struct retry_cache *c = calloc(1, sizeof *c);
    size_t slots = 16;

    if (!c)
        return NULL;
    if (bytes_max == 0)
        bytes_max = BYTES_DEFAULT;
    while (2 * slots * each <= bytes_max)
        slots *= 2;
    c->ring = calloc(slots, sizeof *c->ring);
    c->index = calloc(2 * slots, sizeof *c->index);
    if (!c->ring || !c->index) {
        free(c->ring);
        free(c->index);
        free(c);
        return NULL;
    }
    c->ring_mask = (uint32_t)slots - 1;
    c->index_mask = 2 * (uint32_t)slots - 1;
    c->expiry_ms = expiry_ms;
    c->long_max = slots * LONG_GUESS;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void drop_answer(struct retry_cache *c, struct entry *e)
{
    if (e->state == IN_WORK) {
        free(e->waiting);
    } else if (e->state == ANSWERED && e->n > INLINE_MAX) {
        c->long_bytes -= e->n;
        free(e->longer);
    }
}

void retry_cache_free(struct retry_cache *c)
{
    if (!c)
        return;
    for (uint64_t i = c->oldest; i < c->newest; i++)
        drop_answer(c, &c->ring[i & c->ring_mask]);
    pthread_mutex_destroy(&c->lock);
    free(c->ring);
    free(c->index);
    free(c);
}

/* ---- the index; with the lock held ---- */

static uint32_t hash_of(const uint8_t *client_id, int32_t call_id)
{
    uint64_t h;

    memcpy(&h, client_id, sizeof h); /* random bytes already */
    h = (h ^ (uint64_t)((uint32_t)call_id >> 3)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) << 3 | ((uint32_t)call_id & 7);
}

static struct entry *find(struct retry_cache *c, const uint8_t *client_id, int32_t call_id)
{
    uint32_t hash = hash_of(client_id, call_id);

    for (uint32_t at = hash;; at++) {
        const struct index_cell *cell = &c->index[at & c->index_mask];
        struct entry *e;

        if (cell->slot_plus_1 == 0)
            return NULL;
        e = &c->ring[cell->slot_plus_1 - 1];
        if (cell->hash == hash && e->call_id == call_id &&
            memcmp(e->client_id, client_id, RPC_CLIENT_ID_BYTES) == 0)
            return e;
    }
}

static void index_add(struct retry_cache *c, const struct entry *e)
{
    uint32_t hash = hash_of(e->client_id, e->call_id), at = hash & c->index_mask;

    while (c->index[at].slot_plus_1)
        at = (at + 1) & c->index_mask;
    c->index[at] = (struct index_cell){.hash = hash, .slot_plus_1 = (uint32_t)(e - c->ring) + 1};
}

/* Empties the entry's cell, and moves up into it what was pushed behind it. */
static void index_remove(struct retry_cache *c, const struct entry *e)
{
    uint32_t gap = hash_of(e->client_id, e->call_id) & c->index_mask;

    while (c->index[gap].slot_plus_1 != (uint32_t)(e - c->ring) + 1)
        gap = (gap + 1) & c->index_mask;
    for (uint32_t at = (gap + 1) & c->index_mask; c->index[at].slot_plus_1;
         at = (at + 1) & c->index_mask) {
        uint32_t from_home = (at - c->index[at].hash) & c->index_mask;

        if (from_home < ((at - gap) & c->index_mask))
            continue; /* it belongs behind the gap */
        c->index[gap] = c->index[at];
        gap = at;
    }
    c->index[gap].slot_plus_1 = 0;
}

/* ---- entries; with the lock held ---- */

static void clear(struct retry_cache *c, struct entry *e)
{
    index_remove(c, e);
    drop_answer(c, e);
    e->state = FREE;
}

/* The oldest goes; false when it is in work. */
static bool forget_oldest(struct retry_cache *c)
{
    struct entry *e = &c->ring[c->oldest & c->ring_mask];

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
        const struct entry *e = &c->ring[c->oldest & c->ring_mask];

        if (e->state == IN_WORK || (e->state == ANSWERED && e->expires_ms > now_ms))
            return;
        forget_oldest(c);
    }
}

/* A new entry, in work; NULL when there is no room and the oldest is in work too. */
static struct entry *enter(struct retry_cache *c, const uint8_t *client_id, int32_t call_id,
                           uint64_t now_ms)
{
    struct entry *e;

    forget_expired(c, now_ms);
    if (c->newest - c->oldest > c->ring_mask) {
        if (!forget_oldest(c)) {
            c->stats.unentered++;
            return NULL;
        }
        c->stats.forgotten_early++;
    }
    e = &c->ring[c->newest++ & c->ring_mask];
    memcpy(e->client_id, client_id, RPC_CLIENT_ID_BYTES);
    e->call_id = call_id;
    e->expires_ms = now_ms + c->expiry_ms;
    e->state = IN_WORK;
    e->waiting = NULL;
    index_add(c, e);
    return e;
}

/* Keeps the answer; without room for it the entry is forgotten.  Who waited was taken before. */
static void settle(struct retry_cache *c, struct entry *e, const uint8_t *bytes, size_t n,
                   uint64_t mark)
{
    uint8_t *to = e->answer;

    if (n > INLINE_MAX) {
        while (c->long_bytes + n > c->long_max && forget_oldest(c))
            c->stats.forgotten_early++;
        to = c->long_bytes + n > c->long_max ? NULL : malloc(n);
        if (!to) {
            clear(c, e);
            return;
        }
        c->long_bytes += n;
        e->longer = to;
    }
    if (n)
        memcpy(to, bytes, n);
    e->n = (uint32_t)n;
    e->mark = mark;
    e->state = ANSWERED;
}

static const uint8_t *answer_of(const struct entry *e)
{
    return e->n > INLINE_MAX ? e->longer : e->answer;
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
            memcpy(bytes, answer_of(e), n);
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

/* Takes those who wait for the entry; NULL when nobody does. */
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
    uint8_t *bytes = NULL;
    size_t n = 0;

    if (c && call->has_client_id) {
        n = protobuf_c_message_get_packed_size(message);
        bytes = arena_alloc(call->arena, n ? n : 1);
    }
    if (!bytes) {
        rpc_reply(call, message); /* without memory: a retry will be worked on again */
        return;
    }
    protobuf_c_message_pack(message, bytes);
    pthread_mutex_lock(&c->lock);
    e = find(c, call->client_id, call->call_id);
    if (e && e->state == IN_WORK) {
        w = take_waiting(e);
        settle(c, e, bytes, n, mark);
    }
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; w && i < w->n; i++) {
        w->calls[i]->mark = mark;
        rpc_reply_bytes(w->calls[i], bytes, n);
    }
    free(w);
    rpc_reply_bytes(call, bytes, n); /* last: the bytes are in its arena */
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
        out->entries += c->ring[i & c->ring_mask].state != FREE;
    out->bytes = c->long_bytes + (c->ring_mask + (size_t)1) * sizeof *c->ring +
                 (c->index_mask + (size_t)1) * sizeof *c->index;
    pthread_mutex_unlock(&c->lock);
}
