#include "client/hedge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct hedge {
    struct dfs *fs;
    int threads_max;
    long threshold_ms;
    pthread_mutex_t lock; /* all below, and what changes in races and their tries */
    pthread_cond_t changed;
    int running;
    bool closing;
    struct race *races;
    struct dfs_hedge_stats stats;
};

struct race {
    struct hedge *hedge;
    struct block_map *map;
    const Pb__LocatedBlockProto *block;
    uint64_t offset, length;
    int refs; /* the caller, and each try that runs */
    int count, running;
    struct race_try tries[RACE_TRIES_MAX];
    struct race *next, **at; /* in hedge->races */
};

int hedge_new(struct dfs *fs, struct hedge **out, struct err *err)
{
    int threads = (int)conf_int(fs->conf, OPT_hedged_threads);
    pthread_condattr_t clock;
    struct hedge *h;

    *out = NULL;
    if (threads == 0)
        return 0;
    h = calloc(1, sizeof *h);
    if (!h)
        return err_set(err, ERR_NOMEM, "hedged reads");
    h->fs = fs;
    h->threads_max = threads;
    h->threshold_ms = (long)conf_int(fs->conf, OPT_hedged_threshold);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &clock);
    pthread_condattr_destroy(&clock);
    *out = h;
    return 0;
}

static void cut_all(struct race *r)
{
    for (int i = 0; i < r->count; i++)
        if (!r->tries[i].ended)
            read_cut_now(&r->tries[i].cut);
}

void hedge_free(struct hedge *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->closing = true;
    for (struct race *r = h->races; r; r = r->next)
        cut_all(r);
    while (h->running > 0)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    MUST(!h->races);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void hedge_stats(struct hedge *h, struct dfs_hedge_stats *out)
{
    pthread_mutex_lock(&h->lock);
    *out = h->stats;
    pthread_mutex_unlock(&h->lock);
}

long hedge_threshold_ms(const struct hedge *h)
{
    return h->threshold_ms;
}

/* ---- a race ---- */

int race_new(struct hedge *h, struct block_map *map, const Pb__LocatedBlockProto *block,
             uint64_t offset, uint64_t length, struct race **out, struct err *err)
{
    struct race *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(err, ERR_NOMEM, "hedged read");
    r->hedge = h;
    r->map = block_map_hold(map);
    r->block = block;
    r->offset = offset;
    r->length = length;
    r->refs = 1;
    pthread_mutex_lock(&h->lock);
    r->next = h->races;
    r->at = &h->races;
    if (r->next)
        r->next->at = &r->next;
    h->races = r;
    pthread_mutex_unlock(&h->lock);
    *out = r;
    return 0;
}

static void unref_locked(struct race *r)
{
    if (--r->refs > 0)
        return;
    *r->at = r->next;
    if (r->next)
        r->next->at = r->at;
    for (int i = 0; i < r->count; i++) {
        free(r->tries[i].bytes);
        read_cut_done(&r->tries[i].cut);
    }
    block_map_drop(r->map);
    free(r);
}

void race_drop(struct race *r)
{
    struct hedge *h = r->hedge;

    pthread_mutex_lock(&h->lock);
    cut_all(r);
    unref_locked(r);
    pthread_mutex_unlock(&h->lock);
}

static int read_all(struct race_try *t)
{
    struct race *r = t->race;
    struct block_range what = {
        .block = r->block,
        .node = t->node,
        .offset = r->offset,
        .length = r->length,
        .cut = &t->cut,
    };
    struct block_reader *b = NULL;
    int rc = block_reader_open(r->hedge->fs, &what, &b, &t->err);

    for (uint64_t got = 0; rc == 0 && got < r->length;) {
        const uint8_t *bytes;
        ssize_t k = block_reader_view(b, &bytes, &t->err);

        rc = k < 0 ? (int)k : k == 0 ? err_set(&t->err, ERR_CLOSED, "short block") : 0;
        if (rc < 0)
            break;
        memcpy(t->bytes + got, bytes, (size_t)k);
        block_reader_use(b, (size_t)k);
        got += (uint64_t)k;
    }
    if (rc == 0)
        t->kind = block_reader_kind(b);
    block_reader_close(b);
    return rc;
}

static void *run(void *arg)
{
    struct race_try *t = arg;
    struct race *r = t->race;
    struct hedge *h = r->hedge;
    int rc = read_all(t);

    pthread_mutex_lock(&h->lock);
    t->rc = rc;
    t->ended = true;
    r->running--;
    h->running--;
    unref_locked(r);
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* Whether a thread of the pool took it. */
static bool start_thread(struct race_try *t, bool may)
{
    pthread_attr_t detached;
    pthread_t thread;
    bool started;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    started = may && pthread_create(&thread, &detached, run, t) == 0;
    pthread_attr_destroy(&detached);
    return started;
}

bool race_start(struct race *r, const Pb__DatanodeInfoProto *node)
{
    struct hedge *h = r->hedge;
    struct race_try *t = &r->tries[r->count];
    bool room, is_second = r->count > 0;

    if (r->count == RACE_TRIES_MAX)
        return false;
    *t = (struct race_try){.race = r, .node = node, .bytes = malloc(r->length + 1)};
    if (!t->bytes)
        return false;
    read_cut_init(&t->cut);
    pthread_mutex_lock(&h->lock);
    r->count++;
    r->refs++;
    r->running++;
    room = h->running < h->threads_max;
    h->running++;
    h->stats.reads += is_second;
    h->stats.in_caller += !room;
    pthread_mutex_unlock(&h->lock);
    if (!start_thread(t, room))
        run(t);
    return true;
}

bool race_has(const struct race *r, const Pb__DatanodeInfoProto *node)
{
    for (int i = 0; i < r->count; i++)
        if (r->tries[i].node == node)
            return true;
    return false;
}

static struct race_try *ended_try(struct race *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->tries[i].ended && !r->tries[i].told) {
            r->tries[i].told = true;
            return &r->tries[i];
        }
    return NULL;
}

struct race_try *race_wait(struct race *r, long ms)
{
    struct hedge *h = r->hedge;
    struct race_try *t;
    struct timespec end;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&h->lock);
    while (!(t = ended_try(r)) && r->running > 0 && rc == 0)
        rc = ms < 0 ? pthread_cond_wait(&h->changed, &h->lock)
                    : pthread_cond_timedwait(&h->changed, &h->lock, &end);
    pthread_mutex_unlock(&h->lock);
    return t;
}

void race_won(struct race *r, const struct race_try *t)
{
    if (t == &r->tries[0])
        return;
    pthread_mutex_lock(&r->hedge->lock);
    r->hedge->stats.wins++;
    pthread_mutex_unlock(&r->hedge->lock);
}
