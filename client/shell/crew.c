#include "client/shell/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct crew {
    void (*work)(void *job);
    pthread_mutex_t lock;
    pthread_cond_t more, idle;
    void **queue; /* a ring */
    int queue_max, first, queued, busy;
    bool ending;
    int count;
    pthread_t threads[];
};

static void *work_off(void *arg)
{
    struct crew *c = arg;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->queued == 0 && !c->ending)
            pthread_cond_wait(&c->more, &c->lock);
        if (c->queued == 0)
            break;
        void *job = c->queue[c->first];

        c->first = (c->first + 1) % c->queue_max;
        c->queued--;
        c->busy++;
        pthread_mutex_unlock(&c->lock);
        c->work(job);
        pthread_mutex_lock(&c->lock);
        c->busy--;
        if (c->queued == 0 && c->busy == 0)
            pthread_cond_signal(&c->idle);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct crew *crew_new(int threads, int queue_max, void (*work)(void *job))
{
    struct crew *c = calloc(1, sizeof *c + (size_t)threads * sizeof c->threads[0]);

    if (!c)
        return NULL;
    c->work = work;
    c->queue_max = queue_max;
    c->queue = calloc((size_t)queue_max, sizeof(void *));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    pthread_cond_init(&c->idle, NULL);
    while (c->queue && c->count < threads &&
           pthread_create(&c->threads[c->count], NULL, work_off, c) == 0)
        c->count++;
    if (c->count > 0)
        return c;
    crew_free(c);
    return NULL;
}

void crew_give(struct crew *c, void *job)
{
    bool full;

    pthread_mutex_lock(&c->lock);
    full = c->queued == c->queue_max;
    if (!full) {
        c->queue[(c->first + c->queued++) % c->queue_max] = job;
        pthread_cond_signal(&c->more);
    }
    pthread_mutex_unlock(&c->lock);
    if (full)
        c->work(job);
}

void crew_wait(struct crew *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->queued > 0 || c->busy > 0)
        pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void crew_free(struct crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    pthread_cond_broadcast(&c->more);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->count; i++)
        pthread_join(c->threads[i], NULL);
    pthread_cond_destroy(&c->idle);
    pthread_cond_destroy(&c->more);
    pthread_mutex_destroy(&c->lock);
    free(c->queue);
    free(c);
}
