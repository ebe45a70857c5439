#include "compute/local_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/commit.h"
#include "compute/native.h"
#include "compute/job_dir.h"

enum { THREADS_MAX = 64 };

struct run {
    struct local_job *job;
    char base[512];
    struct task_id id;    /* of the job */
    const char *part_uri; /* of a single task; NULL: into the job's output */
    struct counters *counters;
    char (*map_dirs)[1024]; /* where each map left its output */

    pthread_mutex_t lock; /* of what follows */
    bool is_reduce;
    uint32_t next, count, done;
    uint32_t first; /* index of the first task of this round */
    uint32_t given_up[2];
    bool failed;
    struct err err;
};

/* ---- one task ---- */

static int fetch_here(struct task *t, struct spill_reader *readers, uint32_t *opened,
                      struct err *err)
{
    struct run *r = t->owner;

    for (uint32_t i = 0; i < t->maps; i++) {
        struct spill_run *runs;
        uint32_t count;
        char path[1100];
        int rc;

        snprintf(path, sizeof path, "%s/output", r->map_dirs[i]);
        rc = spill_read_index(t->env, path, &runs, &count, err);
        if (rc < 0)
            return rc;
        MUST(t->id.index < count);
        counter_add(&t->counters, C_REDUCE_SHUFFLE_BYTES, (int64_t)runs[t->id.index].bytes);
        rc = spill_reader_open(&readers[i], t->env, path, &runs[t->id.index], err);
        free(runs);
        if (rc < 0)
            return rc;
        *opened = i + 1;
        counter_add(&t->counters, C_SHUFFLED_MAPS, 1);
    }
    return 0;
}

static int prepare(struct run *r, struct task *t, struct err *err)
{
    int rc = job_dir_task(r->base, &t->id, t->dir, sizeof t->dir, err);

    if (rc < 0)
        return rc;
    if (r->part_uri) {
        snprintf(t->part_uri, sizeof t->part_uri, "%s", r->part_uri);
        return 0;
    }
    return commit_part_uri(t->spec, &t->id, t->part_uri, sizeof t->part_uri, err);
}

static int explain(const struct task *t, int rc, struct err *err)
{
    char name[TASK_NAME_MAX];
    const char *tail = t->child.tail;

    task_name(&t->id, name, sizeof name);
    err_wrap(err, rc, "%s", name);
    if (t->child.tail_n > 600)
        tail += t->child.tail_n - 600;
    if (*tail) {
        size_t n = strlen(err->text);

        snprintf(err->text + n, sizeof err->text - n, "\nIts last words:\n%s", tail);
    }
    return rc;
}

/* Whether the job can do without one more task of this kind. */
static bool may_give_up(struct run *r)
{
    int64_t percent = spec_int(r->job->spec,
                               r->is_reduce ? "mapreduce.reduce.failures.maxpercent"
                                            : "mapreduce.map.failures.maxpercent",
                               0);
    bool may;

    pthread_mutex_lock(&r->lock);
    may = !r->part_uri && (int64_t)(r->given_up[r->is_reduce] + 1) * 100 <= percent * r->count;
    r->given_up[r->is_reduce] += may;
    pthread_mutex_unlock(&r->lock);
    return may;
}

static int run_task(struct run *r, uint32_t index, struct err *err)
{
    struct local_job *j = r->job;
    struct task t = {.id = r->id,
                     .spec = j->spec,
                     .maps = (uint32_t)j->split_count,
                     .reduces = j->spec->reduces,
                     .store = j->store,
                     .env = env_posix(),
                     .conf = j->conf,
                     .fetch = fetch_here,
                     .only_attempt = true,
                     .owner = r};
    int rc;

    task_init(&t);
    t.id.index = index;
    t.id.is_reduce = r->is_reduce;
    if (!r->is_reduce)
        t.split = j->splits[index];
    rc = prepare(r, &t, err);
    if (rc == 0 && native_wanted(t.spec))
        rc = r->is_reduce ? native_reduce_run(&t, err) : native_map_run(&t, err);
    else if (rc == 0)
        rc = r->is_reduce ? reduce_task_run(&t, err) : map_task_run(&t, err);
    if (rc < 0 && may_give_up(r) && !atomic_load(&t.cancelled))
        rc = task_give_nothing(&t, err);
    if (rc < 0)
        explain(&t, rc, err);
    if (rc == 0 && !r->is_reduce)
        memcpy(r->map_dirs[index], t.dir, sizeof t.dir);
    pthread_mutex_lock(&r->lock);
    for (int i = 0; rc == 0 && i < C_COUNT; i++)
        counter_add(r->counters, (enum counter_id)i, t.counters.fixed[i]);
    for (int i = 0; rc == 0 && i < t.counters.named_count; i++)
        counters_add_named(r->counters, t.counters.named[i].group, t.counters.named[i].name,
                           t.counters.named[i].value);
    pthread_mutex_unlock(&r->lock);
    task_done(&t);
    return rc;
}

/* ---- all tasks of a kind ---- */

static bool next_task(struct run *r, uint32_t *index)
{
    bool any;

    pthread_mutex_lock(&r->lock);
    any = !r->failed && r->next < r->count;
    if (any)
        *index = r->first + r->next++;
    pthread_mutex_unlock(&r->lock);
    return any;
}

static void finished(struct run *r, int rc, const struct err *err)
{
    uint32_t permille;

    pthread_mutex_lock(&r->lock);
    if (rc < 0 && !r->failed) {
        r->failed = true;
        r->err = *err;
    }
    r->done += rc == 0;
    permille = r->done * 1000 / r->count;
    if (rc == 0 && r->job->progress)
        r->job->progress(r->job->ctx, r->is_reduce ? 1000 : permille, r->is_reduce ? permille : 0);
    pthread_mutex_unlock(&r->lock);
}

static void *work(void *ctx)
{
    struct run *r = ctx;
    uint32_t index;

    while (next_task(r, &index)) {
        struct err err = {0};

        finished(r, run_task(r, index, &err), &err);
    }
    return NULL;
}

static int run_round(struct run *r, bool is_reduce, uint32_t first, uint32_t count, struct err *err)
{
    int n = r->job->threads ? r->job->threads : (int)sysconf(_SC_NPROCESSORS_ONLN), started = 0;
    pthread_t threads[THREADS_MAX];

    r->is_reduce = is_reduce;
    r->first = first;
    r->count = count;
    r->next = r->done = 0;
    n = n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
    while (started < n && started < (int)count &&
           pthread_create(&threads[started], NULL, work, r) == 0)
        started++;
    if (started == 0 && count)
        return err_set(err, ERR_NOMEM, "can't start a thread");
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (r->failed) {
        *err = r->err;
        return -(int)r->err.code;
    }
    return 0;
}

/* ---- a job ---- */

static int begin(struct run *r, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    struct local_job *j = r->job;

    snprintf(r->base, sizeof r->base, "%.300s/ashlar-job.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(r->base))
        return err_set(err, ERR_IO, "can't make a directory %s; set TMPDIR", r->base);
    r->map_dirs = calloc(j->split_count + 1, sizeof *r->map_dirs);
    if (!r->map_dirs)
        return err_set(err, ERR_NOMEM, "no memory for %zu maps", j->split_count);
    return job_dir_make(r->base, &r->id, j->spec, j->store, err);
}

static void end(struct run *r)
{
    free(r->map_dirs);
    job_dir_remove(r->base, NULL);
    pthread_mutex_destroy(&r->lock);
}

static int commit(struct run *r, struct err *err)
{
    struct local_job *j = r->job;
    uint32_t reduces = j->spec->reduces, maps = (uint32_t)j->split_count, count = reduces + maps;
    struct task_id *ids = calloc((size_t)count + 1, sizeof *ids);
    int rc;

    if (!ids)
        return err_set(err, ERR_NOMEM, "no memory to commit %u parts", count);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = r->id;
        ids[i].index = i < reduces ? i : i - reduces;
        ids[i].is_reduce = i < reduces;
    }
    rc = commit_job(j->store, j->spec, ids, reduces ? reduces : maps, count, err);
    free(ids);
    return rc;
}

int local_run(struct local_job *j, struct counters *counters, struct err *err)
{
    struct run r = {.job = j,
                    .counters = counters,
                    .id = {.epoch = (uint64_t)getpid(), .job = 1},
                    .lock = PTHREAD_MUTEX_INITIALIZER};
    int rc = begin(&r, err);

    if (rc == 0)
        rc = commit_prepare(j->store, j->spec->output, err);
    if (rc == 0)
        rc = run_round(&r, false, 0, (uint32_t)j->split_count, err);
    if (rc == 0 && j->spec->reduces)
        rc = run_round(&r, true, 0, j->spec->reduces, err);
    if (rc == 0)
        rc = commit(&r, err);
    else
        commit_abort(j->store, j->spec->output, NULL);
    end(&r);
    return rc;
}

int local_rerun(struct local_job *j, const struct task_id *id, const char *part_uri,
                struct counters *counters, struct err *err)
{
    struct run r = {.job = j,
                    .counters = counters,
                    .id = {.epoch = id->epoch, .job = id->job, .attempt = id->attempt},
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .part_uri = part_uri};
    int rc = begin(&r, err);

    if (rc == 0 && id->is_reduce)
        rc = run_round(&r, false, 0, (uint32_t)j->split_count, err);
    if (rc == 0)
        rc = run_round(&r, id->is_reduce, id->index, 1, err);
    end(&r);
    return rc;
}
