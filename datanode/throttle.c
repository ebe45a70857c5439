#include "datanode/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct throttle {
    struct env *env;
    pthread_mutex_t lock;
    uint64_t rate;    /* bytes a second */
    uint64_t free_ns; /* when the bytes passed so far are paid for */
};

struct throttle *throttle_new(struct env *env, uint64_t bytes_per_s)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->env = env;
    t->rate = bytes_per_s;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void throttle_set(struct throttle *t, uint64_t bytes_per_s)
{
    pthread_mutex_lock(&t->lock);
    t->rate = bytes_per_s;
    pthread_mutex_unlock(&t->lock);
}

uint64_t throttle_rate(struct throttle *t)
{
    uint64_t rate;

    pthread_mutex_lock(&t->lock);
    rate = t->rate;
    pthread_mutex_unlock(&t->lock);
    return rate;
}

void throttle_pass(struct throttle *t, uint64_t n)
{
    uint64_t now, wait_ns = 0;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    if (t->rate > 0) {
        now = env_mono_ns(t->env);
        if (t->free_ns < now)
            t->free_ns = now;
        wait_ns = t->free_ns - now;
        t->free_ns += n * 1000000000 / t->rate;
    }
    pthread_mutex_unlock(&t->lock);
    if (wait_ns > 0)
        nanosleep(&(struct timespec){.tv_sec = (time_t)(wait_ns / 1000000000),
                                     .tv_nsec = (long)(wait_ns % 1000000000)},
                  NULL);
}
