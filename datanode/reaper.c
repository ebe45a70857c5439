#include "datanode/reaper.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/log.h"
#include "datanode/upgrade.h"

enum { BUCKETS = 4096 };

struct waiting {
    struct waiting *next, **at;        /* in turn */
    struct waiting *alike, **alike_at; /* those whose ids fall into one bucket */
    struct corpse corpse;
};

struct reaper {
    struct env *env;
    void (*removed)(void *ctx, const struct corpse *c);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    pthread_t thread;
    struct waiting *first, **last, *buckets[BUCKETS];
    size_t pending;
    uint64_t busy_with; /* an id */
    bool busy, stop;
};

static struct waiting **bucket_of(struct reaper *r, uint64_t id)
{
    return &r->buckets[id % BUCKETS];
}

static void take_out_locked(struct reaper *r, struct waiting *w)
{
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    else
        r->last = w->at;
    *w->alike_at = w->alike;
    if (w->alike)
        w->alike->alike_at = w->alike_at;
}

static int remove_file(struct reaper *r, const struct corpse *c, const char *path, struct err *err)
{
    if (c->home != HOME_TMP && upgrade_keeps_deleted(c->volume))
        return upgrade_keep_deleted(c->volume, path, err);
    return env_unlink(r->env, path, err);
}

static void remove_files(struct reaper *r, const struct corpse *c)
{
    char path[PATH_MAX + 512];
    struct err err;

    volume_block_path(c->volume, c->home, c->id, path, sizeof path);
    if (remove_file(r, c, path, &err) < 0 && err.code != ERR_NOENT)
        LOG_WARN("dn.delete", "block=blk_%lld_%llu err=\"%s\" next=\"found again at a restart\"",
                 (long long)c->id, (unsigned long long)c->stamp, err.text);
    volume_meta_path(c->volume, c->home, c->id, c->stamp, path, sizeof path);
    remove_file(r, c, path, NULL);
    atomic_fetch_sub(&c->volume->used, c->counted);
    if (c->announce)
        r->removed(r->ctx, c);
}

static void *run(void *arg)
{
    struct reaper *r = arg;

    pthread_mutex_lock(&r->lock);
    while (!r->stop || r->first) {
        struct waiting *w = r->first;

        if (!w) {
            pthread_cond_wait(&r->more, &r->lock);
            continue;
        }
        take_out_locked(r, w);
        r->busy = true;
        r->busy_with = w->corpse.id;
        pthread_mutex_unlock(&r->lock);
        remove_files(r, &w->corpse);
        free(w);
        pthread_mutex_lock(&r->lock);
        r->busy = false;
        r->pending--;
        pthread_cond_broadcast(&r->done);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct reaper *reaper_new(struct env *env, void (*removed)(void *ctx, const struct corpse *c),
                          void *ctx)
{
    struct reaper *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->env = env;
    r->removed = removed;
    r->ctx = ctx;
    r->last = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);
    pthread_cond_init(&r->done, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        free(r);
        return NULL;
    }
    return r;
}

void reaper_free(struct reaper *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->more);
    pthread_cond_destroy(&r->done);
    free(r);
}

/* Out of memory the files stay, and are found and deleted again after a restart. */
void reaper_add(struct reaper *r, const struct corpse *c)
{
    struct waiting *w = malloc(sizeof *w), **bucket = bucket_of(r, c->id);

    if (!w)
        return;
    *w = (struct waiting){.corpse = *c};
    pthread_mutex_lock(&r->lock);
    w->at = r->last;
    *r->last = w;
    r->last = &w->next;
    w->alike = *bucket;
    w->alike_at = bucket;
    if (w->alike)
        w->alike->alike_at = &w->alike;
    *bucket = w;
    r->pending++;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

static struct waiting *find_locked(struct reaper *r, uint64_t id)
{
    struct waiting *w = *bucket_of(r, id);

    while (w && w->corpse.id != id)
        w = w->alike;
    return w;
}

void reaper_finish(struct reaper *r, uint64_t id)
{
    struct waiting *w;

    pthread_mutex_lock(&r->lock);
    while ((w = find_locked(r, id)) || (r->busy && r->busy_with == id)) {
        if (!w) {
            pthread_cond_wait(&r->done, &r->lock);
            continue;
        }
        take_out_locked(r, w);
        pthread_mutex_unlock(&r->lock);
        remove_files(r, &w->corpse);
        free(w);
        pthread_mutex_lock(&r->lock);
        r->pending--;
    }
    pthread_mutex_unlock(&r->lock);
}

size_t reaper_pending(struct reaper *r)
{
    size_t n;

    pthread_mutex_lock(&r->lock);
    n = r->pending;
    pthread_mutex_unlock(&r->lock);
    return n;
}
