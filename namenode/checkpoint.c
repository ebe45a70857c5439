#include "namenode/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
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

/* ---- the child ---- */

/* The child has one thread and a copy of everything; what it learns it says through @out. */
static void child(struct namenode *nn, uint64_t txid, int out)
{
    struct err err;
    int rc;

    /* What is left of deleted trees is no part of the image, nor of the counts in it. */
    ns_on_block_gone(nn->ns, NULL, NULL);
    while (ns_reclaim(nn->ns, INT32_MAX))
        ;
    rc = name_dirs_save_image(nn->dirs, nn->ns, txid, &err);
    if (rc < 0 && write(out, &err, sizeof err) != (ssize_t)sizeof err)
        _exit(2);
    _exit(rc < 0 ? 1 : 0);
}

static int wait_for(pid_t pid, int in, struct err *err)
{
    struct err said;
    size_t have = 0;
    ssize_t n;
    int status;

    while ((n = read(in, (char *)&said + have, sizeof said - have)) > 0 ||
           (n < 0 && errno == EINTR))
        have += n > 0 ? (size_t)n : 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(err, errno, "child that writes the image");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (have != sizeof said)
        return err_set(err, ERR_IO, "child that writes the image ended by %s %d",
                       WIFSIGNALED(status) ? "signal" : "exit",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (err)
        *err = said;
    return -(int)said.code;
}

/* ---- the parent ---- */

/* Under the lock: the segment ends, and the child begins with the state that it ended with. */
static pid_t fork_at_roll(struct namenode *nn, int pipe_fds[2], uint64_t *first, uint64_t *fork_us)
{
    uint64_t began;
    pid_t pid = -1;

    nn_lock(nn);
    began = env_mono_ns(nn->env);
    *first = journal_roll_begin(nn->journal);
    if (*first) {
        pid = fork();
        if (pid == 0) {
            close(pipe_fds[0]);
            child(nn, *first - 1, pipe_fds[1]);
        }
    }
    *fork_us = (env_mono_ns(nn->env) - began) / 1000;
    nn_unlock(nn);
    return pid;
}

static int make_image(struct checkpointer *c, uint64_t *txid, uint64_t *fork_us, struct err *err)
{
    struct namenode *nn = c->nn;
    int fds[2], rc, saved;
    uint64_t first;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe to the child that writes the image");
    pid = fork_at_roll(nn, fds, &first, fork_us);
    saved = errno;
    close(fds[1]);
    if (first == 0)
        rc = err_set(err, ERR_RETRIABLE, "the edit log's segment is being changed just now");
    else if (pid < 0)
        rc = err_sys(err, saved, "fork");
    else
        rc = wait_for(pid, fds[0], err);
    close(fds[0]);
    if (rc < 0)
        return rc;
    *txid = first - 1;
    if ((rc = journal_wait(nn->journal, first, err)) < 0)
        return rc;
    return name_dirs_image_done(nn->dirs, *txid, (int)conf_int(nn->conf, OPT_nn_retained_images),
                                (uint64_t)conf_int(nn->conf, OPT_nn_retained_edits), err);
}

int checkpointer_run(struct checkpointer *c, struct err *err)
{
    uint64_t began = env_mono_ms(c->nn->env), txid = 0, fork_us = 0;
    struct err mine;
    int rc;

    pthread_mutex_lock(&c->lock);
    while (c->running)
        pthread_cond_wait(&c->wake, &c->lock);
    c->running = true;
    pthread_mutex_unlock(&c->lock);

    rc = make_image(c, &txid, &fork_us, &mine);

    pthread_mutex_lock(&c->lock);
    c->running = false;
    c->stats.fork_us = fork_us;
    c->stats.took_ms = env_mono_ms(c->nn->env) - began;
    if (rc < 0) {
        c->stats.failed++;
    } else {
        c->stats.done++;
        c->stats.last_txid = txid;
        c->stats.last_ms = env_now_ms(c->nn->env);
    }
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);

    if (rc < 0) {
        LOG_WARN("nn.checkpoint", "err=\"%s\" next=\"the edits stay, tried again later\"",
                 mine.text);
        if (err)
            *err = mine;
    } else {
        LOG_INFO("nn.checkpoint", "tx=%llu fork_us=%llu ms=%llu next=\"old edits go\"",
                 (unsigned long long)txid, (unsigned long long)fork_us,
                 (unsigned long long)c->stats.took_ms);
    }
    return rc;
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
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
