#include "compute/task.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/sorter.h"

/* ---- ids ---- */

void task_job_name(const struct task_id *id, char *out, size_t n)
{
    snprintf(out, n, "job_%" PRIu64 "_%04u", id->epoch, id->job);
}

void task_name(const struct task_id *id, char *out, size_t n)
{
    snprintf(out, n, "task_%" PRIu64 "_%04u_%c_%06u", id->epoch, id->job, id->is_reduce ? 'r' : 'm',
             id->index);
}

void task_attempt_name(const struct task_id *id, char *out, size_t n)
{
    snprintf(out, n, "attempt_%" PRIu64 "_%04u_%c_%06u_%u", id->epoch, id->job,
             id->is_reduce ? 'r' : 'm', id->index, id->attempt);
}

bool task_attempt_parse(const char *text, struct task_id *out)
{
    struct task_id id = {0};
    char kind, more;

    /* A task's name is its first attempt's, for people who type. */
    if (sscanf(text, "attempt_%" SCNu64 "_%u_%c_%u_%u%c", &id.epoch, &id.job, &kind, &id.index,
               &id.attempt, &more) != 5 &&
        sscanf(text, "task_%" SCNu64 "_%u_%c_%u%c", &id.epoch, &id.job, &kind, &id.index, &more) !=
            4)
        return false;
    if (kind != 'm' && kind != 'r')
        return false;
    id.is_reduce = kind == 'r';
    *out = id;
    return true;
}

bool task_job_parse(const char *text, struct task_id *out)
{
    struct task_id id = {0};
    char more;

    if (sscanf(text, "job_%" SCNu64 "_%u%c", &id.epoch, &id.job, &more) != 2)
        return false;
    *out = id;
    return true;
}

void task_id_from(const Pb__AttemptIdProto *p, struct task_id *out)
{
    *out = (struct task_id){.epoch = p->epoch,
                            .job = p->job,
                            .index = p->task,
                            .attempt = p->attempt,
                            .is_reduce = p->kind == PB__TASK_KIND_PROTO__REDUCE};
}

bool task_id_equal(const struct task_id *a, const struct task_id *b)
{
    return a->epoch == b->epoch && a->job == b->job && a->index == b->index &&
           a->attempt == b->attempt && a->is_reduce == b->is_reduce;
}

/* ---- the task ---- */

int task_give_nothing(struct task *t, struct err *err)
{
    struct sorter_options o = {.env = t->env,
                               .dir = t->dir,
                               .partitions = t->reduces,
                               .memory_bytes = 1 << 20,
                               .merge_factor = 2};
    struct sorter *s;
    char path[1100];
    int rc;

    if (t->id.is_reduce || !t->reduces)
        return 0;
    rc = sorter_new(&o, &s, err);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "%s/output", t->dir);
    rc = sorter_finish(s, path, err);
    sorter_free(s);
    return rc;
}

void task_init(struct task *t)
{
    pthread_mutex_init(&t->lock, NULL);
    counters_init(&t->counters);
}

void task_done(struct task *t)
{
    counters_done(&t->counters);
    pthread_mutex_destroy(&t->lock);
}

void task_alive(void *ctx)
{
    struct task *t = ctx;

    atomic_fetch_add_explicit(&t->alive, 1, memory_order_relaxed);
}

void task_reporter(void *ctx, const char *text, size_t n)
{
    struct task *t = ctx;
    static const char counter[] = "counter:", status[] = "status:";

    pthread_mutex_lock(&t->lock);
    if (n > sizeof counter - 1 && memcmp(text, counter, sizeof counter - 1) == 0) {
        counters_parse(&t->counters, text + sizeof counter - 1, n - (sizeof counter - 1));
    } else if (n >= sizeof status - 1 && memcmp(text, status, sizeof status - 1) == 0) {
        const char *p = text + sizeof status - 1;
        int k = (int)(n - (sizeof status - 1));

        while (k && isspace((unsigned char)*p))
            p++, k--;
        snprintf(t->status, sizeof t->status, "%.*s", k, p);
    }
    pthread_mutex_unlock(&t->lock);
}

int task_run_command(struct task *t, const char *command, const struct child_io *io,
                     struct err *err)
{
    char **env = task_environment(t, err), log[1100];
    struct child_spec spec = {
        .command = command,
        .dir = t->dir,
        .env = env,
        .log_path = log,
        .timeout_ms = (int)spec_int(t->spec, "mapreduce.task.timeout",
                                    t->conf ? conf_int(t->conf, OPT_task_timeout) : 600000),
        .may_leave_input = spec_bool(t->spec, "ashlar.job.unread-input.allowed", false),
        .any_exit = !spec_bool(t->spec, "stream.non.zero.exit.is.failure", true),
        .cancelled = &t->cancelled,
        .bounds = &t->bounds,
    };
    int rc;

    if (!env)
        return -ERR_NOMEM;
    snprintf(log, sizeof log, "%s.stderr", t->dir);
    rc = child_run(&spec, io, &t->child, err);
    counter_add(&t->counters, C_CPU_MS, (int64_t)t->child.cpu_ms);
    free(env);
    return rc;
}

uint64_t task_skip_max(const struct task *t, const char *key)
{
    int64_t max = spec_int(t->spec, key, 0);
    int64_t after = spec_int(t->spec, "mapreduce.task.skip.start.attempts", 2);

    return max > 0 && (t->only_attempt || t->id.attempt >= after) ? (uint64_t)max : 0;
}

void task_forget_counters(struct task *t, const int64_t *kept)
{
    pthread_mutex_lock(&t->lock);
    counters_done(&t->counters);
    for (int i = 0; kept && i < C_COUNT; i++)
        counter_add(&t->counters, (enum counter_id)i, kept[i]);
    pthread_mutex_unlock(&t->lock);
}

void task_rerun_line(const struct task *t, char *out, size_t n)
{
    char name[TASK_NAME_MAX];

    task_attempt_name(&t->id, name, sizeof name);
    snprintf(out, n, "job rerun-task %s", name);
}
