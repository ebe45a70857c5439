#include "namenode/image/checkpoint.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "namenode/edits/name_upload.h"
#include "namenode/image/image_fork.h"
#include "namenode/namenode.h"

enum { ROUND_S = 1 };

struct checkpointer {
    struct namenode *nn;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stopping, running;
    struct checkpoint_stats stats;
};

/* Under the lock: the segment ends, and the child begins with the state that it ended with. */
static int fork_at_roll(struct namenode *nn, struct image_fork **out, uint64_t *fork_us,
                        struct err *err)
{
    struct image_fork_options o = {
        .env = nn->env, .dirs = nn->dirs, .ns = nn->ns, .journal = nn->journal};
    uint64_t began;
    int rc;

    nn_lock(nn);
    began = env_mono_ns(nn->env);
    rc = image_fork_begin(&o, out, err);
    *fork_us = (env_mono_ns(nn->env) - began) / 1000;
    nn_unlock(nn);
    return rc;
}

static int make_image(struct checkpointer *c, bool rollback, uint64_t *txid, uint64_t *fork_us,
                      struct err *err)
{
    struct namenode *nn = c->nn;
    struct image_fork *f;
    int rc = fork_at_roll(nn, &f, fork_us, err);

    if (rc < 0)
        return rc;
    *txid = image_fork_txid(f);
    rc = image_fork_wait(f, err);
    if (rc == 0 && rollback)
        rc = name_dirs_rollback_done(nn->dirs, *txid, err);
    else if (rc == 0)
        rc = name_dirs_image_done(nn->dirs, *txid, (int)conf_int(nn->conf, OPT_nn_retained_images),
                                  (uint64_t)conf_int(nn->conf, OPT_nn_retained_edits), err);
    image_fork_free(f);
    return rc;
}

/* One thing at a time changes which image is the newest; none does when the namenode is being stopped. */
static int begin_one(struct checkpointer *c, struct err *err)
{
    bool stopping;

    pthread_mutex_lock(&c->lock);
    while (c->running)
        pthread_cond_wait(&c->wake, &c->lock);
    stopping = c->stopping;
    c->running = !stopping;
    pthread_mutex_unlock(&c->lock);
    return stopping ? err_set(err, ERR_IO, "no checkpoint: the namenode is being stopped") : 0;
}

static void end_one(struct checkpointer *c, int rc, uint64_t txid)
{
    pthread_mutex_lock(&c->lock);
    c->running = false;
    if (rc < 0) {
        c->stats.failed++;
    } else {
        c->stats.done++;
        c->stats.last_txid = txid;
        c->stats.last_ms = env_now_ms(c->nn->env);
    }
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

static int run_one(struct checkpointer *c, bool rollback, struct err *err)
{
    uint64_t began = env_mono_ms(c->nn->env), txid = 0, fork_us = 0, took_ms;
    struct err mine;
    int rc;

    rc = begin_one(c, err);
    if (rc < 0)
        return rc;
    rc = make_image(c, rollback, &txid, &fork_us, &mine);
    took_ms = env_mono_ms(c->nn->env) - began;
    pthread_mutex_lock(&c->lock);
    c->stats.fork_us = fork_us;
    c->stats.took_ms = took_ms;
    pthread_mutex_unlock(&c->lock);
    end_one(c, rc, txid);

    if (rc < 0) {
        LOG_WARN("nn.checkpoint", "err=\"%s\" next=\"the edits stay, tried again later\"",
                 mine.text);
        if (err)
            *err = mine;
    } else {
        LOG_INFO("nn.checkpoint", "tx=%llu fork_us=%llu ms=%llu next=\"old edits go\"",
                 (unsigned long long)txid, (unsigned long long)fork_us,
                 (unsigned long long)took_ms);
    }
    return rc;
}

int checkpointer_take(struct checkpointer *c, struct name_upload *u, struct err *err)
{
    const struct conf *conf = c->nn->conf;
    int rc;

    rc = begin_one(c, err);
    if (rc < 0)
        return rc;
    rc = name_upload_take(u, (int)conf_int(conf, OPT_nn_retained_images),
                          (uint64_t)conf_int(conf, OPT_nn_retained_edits), err);
    end_one(c, rc, name_upload_txid(u));
    return rc;
}

int checkpointer_run(struct checkpointer *c, struct err *err)
{
    return run_one(c, false, err);
}

int checkpointer_run_rollback(struct checkpointer *c, struct err *err)
{
    return run_one(c, true, err);
}

bool checkpointer_is_due(struct checkpointer *c, uint64_t window_s, uint64_t gap)
{
    uint64_t last = journal_last_txid(c->nn->journal), now = env_now_ms(c->nn->env);
    bool due;

    pthread_mutex_lock(&c->lock);
    due = (window_s == 0 && gap == 0) || now >= c->stats.last_ms + window_s * 1000 ||
          last >= c->stats.last_txid + gap;
    pthread_mutex_unlock(&c->lock);
    return due;
}

void checkpointer_stats(struct checkpointer *c, struct checkpoint_stats *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    pthread_mutex_unlock(&c->lock);
}

/* ---- by itself ---- */

/* The records of a roll alone (END and START of a segment) are no reason for an image. */
static bool wants_one(struct checkpointer *c)
{
    const struct conf *conf = c->nn->conf;
    uint64_t period_ms = (uint64_t)conf_int(conf, OPT_nn_checkpoint_period);
    uint64_t behind = journal_last_txid(c->nn->journal) - c->stats.last_txid;

    return behind >= (uint64_t)conf_int(conf, OPT_nn_checkpoint_txns) ||
           (behind > 2 && env_now_ms(c->nn->env) >= c->stats.last_ms + period_ms);
}

static void *run(void *arg)
{
    struct checkpointer *c = arg;
    int rest = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ROUND_S;
        pthread_cond_timedwait(&c->wake, &c->lock, &until);
        if (c->stopping || c->running || (rest > 0 && rest-- > 0) || !wants_one(c))
            continue;
        pthread_mutex_unlock(&c->lock);
        rest = checkpointer_run(c, NULL) < 0 ? 60 : 0;
        pthread_mutex_lock(&c->lock);
    }
    while (c->running)
        pthread_cond_wait(&c->wake, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int checkpointer_start(struct namenode *nn, struct checkpointer **out, struct err *err)
{
    struct checkpointer *c = calloc(1, sizeof *c);
    pthread_condattr_t attr;
    int e;

    if (!c)
        return err_set(err, ERR_NOMEM, "checkpoints");
    c->nn = nn;
    c->stats.last_txid = name_dirs_image_txid(nn->dirs);
    c->stats.last_ms = env_now_ms(nn->env);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    if ((e = pthread_create(&c->thread, NULL, run, c)) != 0) {
        free(c);
        return err_sys(err, e, "thread of the checkpoints");
    }
    *out = c;
    return 0;
}

void checkpointer_stop(struct checkpointer *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}

void checkpointer_free(struct checkpointer *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
