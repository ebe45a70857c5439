#include "datanode/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { STACK_BYTES = 256 << 10, PARKED_S = 60 };

struct hand {
    struct hand *next; /* parked below this one */
    struct crew *crew;
    pthread_cond_t called;
    void (*job)(void *arg);
    void *arg;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t done;
    struct hand *parked; /* the one parked last is warmest: it goes first */
    int threads, busy, max;
    bool stop;
};

struct crew *crew_new(int threads_max)
{
    struct crew *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->done, NULL);
    c->max = threads_max;
    return c;
}

void crew_set_max(struct crew *c, int threads_max)
{
    pthread_mutex_lock(&c->lock);
    c->max = threads_max;
    pthread_mutex_unlock(&c->lock);
}

static void unpark(struct crew *c, struct hand *h)
{
    struct hand **link = &c->parked;

    while (*link && *link != h)
        link = &(*link)->next;
    if (*link)
        *link = h->next;
}

/* Under the lock: waits for a job; false when it is time to go. */
static bool wait_for_job(struct crew *c, struct hand *h)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PARKED_S;
    h->next = c->parked;
    c->parked = h;
    while (!h->job && !c->stop && rc == 0)
        rc = pthread_cond_timedwait(&h->called, &c->lock, &until);
    if (!h->job)
        unpark(c, h);
    return h->job != NULL;
}

static void *work(void *arg)
{
    struct hand *h = arg;
    struct crew *c = h->crew;

    pthread_mutex_lock(&c->lock);
    do {
        pthread_mutex_unlock(&c->lock);
        h->job(h->arg);
        pthread_mutex_lock(&c->lock);
        h->job = NULL;
        if (--c->busy == 0)
            pthread_cond_broadcast(&c->done);
    } while (wait_for_job(c, h));
    c->threads--;
    pthread_cond_broadcast(&c->done);
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&h->called);
    free(h);
    return NULL;
}

static int start_thread(struct crew *c, struct hand *h, struct err *err)
{
    pthread_attr_t attr;
    pthread_t thread;
    int e;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    e = pthread_create(&thread, &attr, work, h);
    pthread_attr_destroy(&attr);
    if (e != 0)
        return err_set(err, ERR_LIMIT, "no more threads: %d run", c->threads);
    return 0;
}

int crew_run(struct crew *c, void (*job)(void *arg), void *arg, struct err *err)
{
    struct hand *h;
    int rc = 0;

    pthread_mutex_lock(&c->lock);
    h = c->parked;
    if (h) {
        c->parked = h->next;
        h->job = job;
        h->arg = arg;
        c->busy++;
        pthread_cond_signal(&h->called);
    } else if (c->threads >= c->max || c->stop) {
        rc = err_set(err, ERR_LIMIT, "all %d threads are busy", c->max);
    } else if (!(h = calloc(1, sizeof *h))) {
        rc = err_set(err, ERR_NOMEM, "thread");
    } else {
        *h = (struct hand){.crew = c, .job = job, .arg = arg};
        pthread_cond_init(&h->called, NULL);
        rc = start_thread(c, h, err);
        if (rc == 0) {
            c->threads++;
            c->busy++;
        } else {
            free(h);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

bool crew_rest(struct crew *c, int timeout_ms)
{
    struct timespec until;
    bool rests;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&c->lock);
    while (c->busy > 0 && rc == 0)
        rc = pthread_cond_timedwait(&c->done, &c->lock, &until);
    rests = c->busy == 0;
    pthread_mutex_unlock(&c->lock);
    return rests;
}

void crew_free(struct crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    for (struct hand *h = c->parked; h; h = h->next)
        pthread_cond_signal(&h->called);
    while (c->threads > 0)
        pthread_cond_wait(&c->done, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->done);
    free(c);
}
