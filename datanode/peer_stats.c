#include "datanode/peer_stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { WINDOWS = 36, PEERS_MAX = 10000 };
#define MEDIANS_ABOVE 3.0
#define DEVIATIONS_ABOVE 3.0
#define DEVIATION_SCALE 1.4826 /* makes the median deviation of normal values their standard one */

struct window {
    uint64_t number; /* of the stretch of time that it counts */
    uint64_t samples, took_ns;
};

struct peer {
    UT_hash_handle hh;
    struct window windows[WINDOWS];
    char name[];
};

struct peer_stats {
    struct env *env;
    uint64_t window_ms, samples_min;
    size_t peers_min;
    double low_ms;
    struct peer *peers;
    pthread_mutex_t lock;
};

struct peer_stats *peer_stats_new(struct env *env, const struct conf *conf)
{
    struct peer_stats *s = conf_bool(conf, OPT_dn_peer_stats) ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->env = env;
    s->window_ms = (uint64_t)conf_int(conf, OPT_dn_peer_window);
    pthread_mutex_init(&s->lock, NULL);
    peer_stats_read_settings(s, conf);
    return s;
}

void peer_stats_read_settings(struct peer_stats *s, const struct conf *conf)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->samples_min = (uint64_t)conf_int(conf, OPT_dn_peer_samples);
    s->peers_min = (size_t)conf_int(conf, OPT_dn_peer_nodes);
    s->low_ms = (double)conf_int(conf, OPT_dn_peer_low);
    pthread_mutex_unlock(&s->lock);
}

void peer_stats_free(struct peer_stats *s)
{
    struct peer *p, *next;

    if (!s)
        return;
    HASH_ITER(hh, s->peers, p, next)
    {
        HASH_DEL(s->peers, p);
        free(p);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static uint64_t window_now(const struct peer_stats *s)
{
    return env_mono_ms(s->env) / s->window_ms + 1;
}

void peer_stats_add(struct peer_stats *s, const char *name, uint64_t took_ns)
{
    struct peer *p;
    struct window *w;

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    HASH_FIND_STR(s->peers, name, p);
    if (!p && HASH_COUNT(s->peers) < PEERS_MAX &&
        (p = calloc(1, sizeof *p + strlen(name) + 1)) != NULL) {
        strcpy(p->name, name);
        HASH_ADD_KEYPTR(hh, s->peers, p->name, strlen(p->name), p);
    }
    if (p) {
        uint64_t number = window_now(s);

        w = &p->windows[number % WINDOWS];
        if (w->number != number)
            *w = (struct window){.number = number};
        w->samples++;
        w->took_ns += took_ns;
    }
    pthread_mutex_unlock(&s->lock);
}

/* False when there are too few samples to tell. */
static bool average(const struct peer_stats *s, const struct peer *p, double *ms)
{
    uint64_t now = window_now(s), samples = 0, took_ns = 0;

    for (int i = 0; i < WINDOWS; i++)
        if (p->windows[i].number + WINDOWS > now) {
            samples += p->windows[i].samples;
            took_ns += p->windows[i].took_ns;
        }
    if (samples == 0 || samples < s->samples_min)
        return false;
    *ms = (double)took_ns / 1e6 / (double)samples;
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double max(double a, double b)
{
    return a > b ? a : b;
}

/* What tells the slow from the others, by the averages of them all. */
static struct slow_peer limits(const struct peer_stats *s, double *averages, size_t n)
{
    struct slow_peer l = {.median_ms = median(averages, n)};

    for (size_t i = 0; i < n; i++)
        averages[i] =
            averages[i] > l.median_ms ? averages[i] - l.median_ms : l.median_ms - averages[i];
    l.deviation_ms = DEVIATION_SCALE * median(averages, n);
    l.limit_ms = max(s->low_ms, max(MEDIANS_ABOVE * l.median_ms,
                                    l.median_ms + DEVIATIONS_ABOVE * l.deviation_ms));
    return l;
}

size_t peer_stats_slow(struct peer_stats *s, struct slow_peer *out, size_t most)
{
    double *averages, ms;
    size_t n = 0, found = 0;
    struct slow_peer l;

    if (!s)
        return 0;
    pthread_mutex_lock(&s->lock);
    averages = malloc((HASH_COUNT(s->peers) + 1) * sizeof *averages);
    for (struct peer *p = s->peers; p && averages; p = p->hh.next)
        n += average(s, p, &averages[n]);
    if (averages && n > 0 && n >= s->peers_min) {
        l = limits(s, averages, n);
        for (struct peer *p = s->peers; p && found < most; p = p->hh.next) {
            if (!average(s, p, &ms) || ms <= l.limit_ms)
                continue;
            out[found] = l;
            out[found].average_ms = ms;
            strncpy(out[found++].name, p->name, sizeof out->name - 1);
        }
    }
    free(averages);
    pthread_mutex_unlock(&s->lock);
    return found;
}
