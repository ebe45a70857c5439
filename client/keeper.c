#include "client/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/writer.h"

enum {
    TICK_MS = 5000,
    LEASE_MS = 30000, /* half of the soft limit after which another writer may take over */
    FILES_MAX = 65536,
};

struct keeper {
    struct dfs *fs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct writer **files;
    int count, cap;
    bool running, stop;
    bool asleep; /* until a file comes */
    pthread_t thread;
};

int keeper_new(struct dfs *fs, struct keeper **out, struct err *err)
{
    struct keeper *k = calloc(1, sizeof *k);

    if (!k)
        return err_set(err, ERR_NOMEM, "lease keeper");
    k->fs = fs;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    *out = k;
    return 0;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (k->running)
        pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k->files);
    free(k);
}

/* A failed renewal is not an error of any call: the writers find out when the namenode says so. */
static void renew(struct keeper *k)
{
    Pb__RenewLeaseRequestProto req = PB__RENEW_LEASE_REQUEST_PROTO__INIT;
    Pb__RenewLeaseResponseProto *answer;
    struct arena arena;

    arena_init(&arena, FS_ANSWER_MAX);
    req.clientname = k->fs->client_name;
    FS_ASK(k->fs, "renewLease", &req, renew_lease, &arena, &answer, NULL);
    arena_done(&arena);
}

/* After a tick that ends without any file it sleeps until there is one: files that come and go
 * between two ticks wake nobody. */
static void sleep_tick(struct keeper *k)
{
    struct timespec until;

    while (k->asleep && k->count == 0 && !k->stop)
        pthread_cond_wait(&k->changed, &k->lock);
    k->asleep = false;
    if (k->stop)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_cond_timedwait(&k->changed, &k->lock, &until);
    k->asleep = k->count == 0;
}

static void *run(void *arg)
{
    struct keeper *k = arg;
    struct timespec now;
    time_t renewed;

    clock_gettime(CLOCK_MONOTONIC, &now);
    renewed = now.tv_sec;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        sleep_tick(k);
        clock_gettime(CLOCK_MONOTONIC, &now);
        for (int i = 0; i < k->count; i++)
            writer_keep_alive(k->files[i]); /* never waits */
        if (k->count > 0 && !k->stop && now.tv_sec - renewed >= LEASE_MS / 1000) {
            pthread_mutex_unlock(&k->lock);
            renew(k);
            pthread_mutex_lock(&k->lock);
            renewed = now.tv_sec;
        }
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static int grow(struct keeper *k, struct err *err)
{
    int cap = k->cap ? k->cap * 2 : 8;
    struct writer **files =
        cap <= FILES_MAX ? realloc(k->files, (size_t)cap * sizeof *files) : NULL;

    if (!files)
        return err_set(err, cap <= FILES_MAX ? ERR_NOMEM : ERR_LIMIT, "%d files open for writing",
                       k->count);
    k->files = files;
    k->cap = cap;
    return 0;
}

int keeper_add(struct keeper *k, struct writer *w, struct err *err)
{
    int rc = 0, e;

    pthread_mutex_lock(&k->lock);
    if (k->count == k->cap)
        rc = grow(k, err);
    if (rc == 0 && !k->running) {
        e = pthread_create(&k->thread, NULL, run, k);
        if (e != 0)
            rc = err_sys(err, e, "lease keeper");
        k->running = e == 0;
    }
    if (rc == 0) {
        k->files[k->count++] = w;
        if (k->asleep)
            pthread_cond_signal(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

void keeper_remove(struct keeper *k, struct writer *w)
{
    pthread_mutex_lock(&k->lock);
    for (int i = 0; i < k->count; i++)
        if (k->files[i] == w)
            k->files[i--] = k->files[--k->count];
    pthread_mutex_unlock(&k->lock);
}
