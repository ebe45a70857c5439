#include "datanode/reaper.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/log.h"

struct waiting {
    struct waiting *next;
    struct corpse corpse;
};

struct reaper {
    struct env *env;
    void (*removed)(void *ctx, const struct corpse *c);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    struct waiting *first, **last;
    size_t pending;
    bool stop;
};

static void remove_files(struct reaper *r, const struct corpse *c)
{
    char path[PATH_MAX + 512];
    struct err err;

    volume_block_path(c->volume, c->home, c->id, path, sizeof path);
    if (env_unlink(r->env, path, &err) < 0 && err.code != ERR_NOENT)
        LOG_WARN("dn.delete", "block=blk_%lld_%llu err=\"%s\" next=\"found again at a restart\"",
                 (long long)c->id, (unsigned long long)c->stamp, err.text);
    volume_meta_path(c->volume, c->home, c->id, c->stamp, path, sizeof path);
    env_unlink(r->env, path, NULL);
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
        r->first = w->next;
        if (!r->first)
            r->last = &r->first;
        pthread_mutex_unlock(&r->lock);
        remove_files(r, &w->corpse);
        free(w);
        pthread_mutex_lock(&r->lock);
        r->pending--;
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
    free(r);
}

/* Out of memory the files stay, and are found and deleted again after a restart. */
void reaper_add(struct reaper *r, const struct corpse *c)
{
    struct waiting *w = malloc(sizeof *w);

    if (!w)
        return;
    *w = (struct waiting){.corpse = *c};
    pthread_mutex_lock(&r->lock);
    *r->last = w;
    r->last = &w->next;
    r->pending++;
    pthread_cond_signal(&r->more);
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
