/* sched_finish.c -- the end of a job: its output is committed or cleared away.
 *
 * A thread for each job that ends, for this talks to the store and may have to wait for it.
 * COMMITTING is on disk before the first rename: a scheduler that dies in between commits
 * again when it is back, and nothing is run twice.
 */
#include "compute/sched.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/commit.h"

enum { TRIES_MAX = 240, PAUSE_MS = 500 };

struct finish {
    struct sched *s;
    struct job *j;
    struct task_id *winners;
    size_t parts, count; /* the first of them have a part each */
};

/* The store is away or not ready: worth waiting for. */
static bool passes(int rc)
{
    return rc == -ERR_CONNECT || rc == -ERR_CLOSED || rc == -ERR_TIMEOUT || rc == -ERR_SAFEMODE ||
           rc == -ERR_RETRIABLE || rc == -ERR_STANDBY || rc == -ERR_HOST ||
           rc == -ERR_NOT_REPLICATED;
}

static int once(const struct finish *f, struct store *store, bool commit, struct err *err)
{
    const Pb__JobSpecProto *spec = f->j->submit->spec;

    return commit ? commit_job(store, spec, f->winners, f->parts, f->count, err)
                  : commit_abort(store, spec->output, err);
}

static int patiently(const struct finish *f, bool commit, struct err *err)
{
    const Pb__JobSpecProto *spec = f->j->submit->spec;
    struct store *store = NULL;
    int rc = store_new(f->s->conf, NULL, spec->user, &store, err);

    if (rc < 0)
        return rc;
    rc = once(f, store, commit, err);
    for (int i = 0; i < TRIES_MAX && passes(rc) && !f->s->stopping; i++) {
        usleep(PAUSE_MS * 1000);
        rc = once(f, store, commit, err);
    }
    if (spec->staging)
        store_delete(store, spec->staging, true, NULL);
    store_free(store);
    return rc;
}

static int commit(const struct finish *f, struct err *err)
{
    int rc = journal_state(f->s, f->j, PB__JOB_STATE_PROTO__COMMITTING, err);

    return rc < 0 ? rc : patiently(f, true, err);
}

static void end(struct finish *f, Pb__JobStateProto state, const struct err *why)
{
    struct job *j = f->j;
    struct sched *s = f->s;
    char *history;

    pthread_mutex_lock(&f->s->lock);
    j->state = state;
    j->finished_ms = env_now_ms(f->s->env);
    if (why) {
        free(j->failure);
        j->failure = strdup(why->text);
    }
    if (journal_state(f->s, j, state, NULL) < 0)
        LOG_WARN("scheduler.journal", "job=%u next=\"a restart ends it again\"", j->id.job);
    if (j->journal_fd >= 0)
        env_close(f->s->env, j->journal_fd, NULL);
    j->journal_fd = -1;
    f->s->jobs_done++;
    sched_forget_everywhere(f->s, j);
    sched_job_changed(j);
    LOG_INFO("scheduler.job_end", "job=%u state=%d ms=%llu", j->id.job, (int)state,
             (unsigned long long)(j->finished_ms - j->submitted_ms));
    sched_wake(s);
    history = sched_history_text(j);
    pthread_mutex_unlock(&s->lock);
    sched_history_write(s, &j->id, history);
    sched_notify(s, j);
    free(history);
    pthread_mutex_lock(&s->lock);
    j->finishing = false; /* from here on it may be dropped */
    s->finishers--;
    pthread_mutex_unlock(&s->lock);
}

static void *finish(void *ctx)
{
    struct finish *f = ctx;
    struct err err = {0};
    Pb__JobStateProto state = f->j->state;

    if (state == PB__JOB_STATE_PROTO__COMMITTING) {
        if (commit(f, &err) == 0) {
            end(f, PB__JOB_STATE_PROTO__SUCCEEDED, NULL);
        } else {
            LOG_WARN("scheduler.commit", "job=%u err=\"%s\" next=\"fail the job\"", f->j->id.job,
                     err.text);
            patiently(f, false, NULL);
            end(f, PB__JOB_STATE_PROTO__FAILED, &err);
        }
    } else {
        patiently(f, false, NULL);
        end(f, state, NULL);
    }
    free(f->winners);
    free(f);
    return NULL;
}

static void add_winners(struct finish *f, const struct sched_task *tasks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (tasks[i].winner)
            sched_attempt_id(tasks[i].winner, &f->winners[f->count++]);
}

static int choose_parts(struct finish *f)
{
    struct job *j = f->j;
    uint32_t n = j->reduce_count ? j->reduce_count : j->map_count;

    f->winners = calloc((size_t)j->map_count + j->reduce_count + 1, sizeof *f->winners);
    if (!f->winners)
        return -1;
    add_winners(f, j->reduce_count ? j->reduces : j->maps, n);
    f->parts = f->count;
    if (j->reduce_count)
        add_winners(f, j->maps, j->map_count);
    return j->state != PB__JOB_STATE_PROTO__COMMITTING || f->parts == n ? 0 : -1;
}

void sched_finish(struct sched *s, struct job *j)
{
    struct finish *f;
    pthread_t thread;

    if (s->loading || j->finishing)
        return;
    f = calloc(1, sizeof *f);
    MUST(f);
    f->s = s;
    f->j = j;
    MUST(choose_parts(f) == 0);
    j->finishing = true;
    s->finishers++;
    MUST(pthread_create(&thread, NULL, finish, f) == 0);
    pthread_detach(thread);
}
