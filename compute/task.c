#include "compute/task.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/lines.h"

enum { OUTPUT_BYTES = 512 << 10 };

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

/* ---- settings ---- */

static const struct {
    const char *now, *before;
} old_names[] = {
    {"mapreduce.job.reduces", "mapred.reduce.tasks"},
    {"mapreduce.job.maps", "mapred.map.tasks"},
    {"mapreduce.job.name", "mapred.job.name"},
    {"mapreduce.task.io.sort.mb", "io.sort.mb"},
    {"mapreduce.task.io.sort.factor", "io.sort.factor"},
    {"mapreduce.task.timeout", "mapred.task.timeout"},
    {"mapreduce.map.maxattempts", "mapred.map.max.attempts"},
    {"mapreduce.reduce.maxattempts", "mapred.reduce.max.attempts"},
    {"mapreduce.input.fileinputformat.split.minsize", "mapred.min.split.size"},
    {"mapreduce.input.fileinputformat.split.maxsize", "mapred.max.split.size"},
    {"mapreduce.job.reduce.slowstart.completedmaps", "mapred.reduce.slowstart.completed.maps"},
};

static const char *find_pair(const Pb__JobSpecProto *spec, const char *key)
{
    for (size_t i = spec->n_conf; i-- > 0;)
        if (strcmp(spec->conf[i]->key, key) == 0)
            return spec->conf[i]->value;
    return NULL;
}

const char *spec_get(const Pb__JobSpecProto *spec, const char *key)
{
    const char *value = find_pair(spec, key);

    for (size_t i = 0; !value && i < sizeof old_names / sizeof *old_names; i++)
        if (strcmp(old_names[i].now, key) == 0)
            value = find_pair(spec, old_names[i].before);
    return value;
}

int64_t spec_int(const Pb__JobSpecProto *spec, const char *key, int64_t otherwise)
{
    const char *value = spec_get(spec, key);
    char *end;
    long long v;

    if (!value || !*value)
        return otherwise;
    v = strtoll(value, &end, 10);
    return *end ? otherwise : v;
}

bool spec_bool(const Pb__JobSpecProto *spec, const char *key, bool otherwise)
{
    const char *value = spec_get(spec, key);

    return value ? strcmp(value, "true") == 0 : otherwise;
}

/* ---- the task ---- */

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

void line_feed_init(struct line_feed *f, struct record_stream *in)
{
    *f = (struct line_feed){.in = in};
    buf_init(&f->lines, RECORD_MAX + LINES_CHUNK + 2);
}

void line_feed_done(struct line_feed *f)
{
    buf_done(&f->lines);
}

/* The record once more, or as many times as there is room for. */
static int put_lines(struct line_feed *f, struct err *err)
{
    size_t n = f->r.key_n + f->r.value_n + 2;
    size_t fit = f->lines.n < LINES_CHUNK ? (LINES_CHUNK - f->lines.n) / n + 1 : 1;
    size_t times = fit < f->left ? fit : f->left;
    uint8_t *p = buf_grow(&f->lines, n * times);

    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", n);
    memcpy(p, f->r.key, f->r.key_n);
    p[f->r.key_n] = '\t';
    memcpy(p + f->r.key_n + 1, f->r.value, f->r.value_n);
    p[n - 1] = '\n';
    for (size_t i = 1; i < times; i++)
        memcpy(p + i * n, p, n);
    f->left -= (uint32_t)times;
    f->records += times;
    return 0;
}

int line_feed_next(struct line_feed *f, struct err *err)
{
    int rc = 0;

    buf_clear(&f->lines);
    while (rc == 0 && f->lines.n < LINES_CHUNK) {
        if (f->left == 0) {
            rc = f->in->next(f->in, &f->r, err);
            if (rc <= 0)
                return rc;
            f->left = f->r.count;
            f->groups += !f->r.same;
        }
        rc = put_lines(f, err);
    }
    return rc;
}

void task_rerun_line(const struct task *t, char *out, size_t n)
{
    char name[TASK_NAME_MAX];

    task_attempt_name(&t->id, name, sizeof name);
    snprintf(out, n, "job rerun-task %s", name);
}

/* ---- a part of the output ---- */

int text_output_open(struct text_output *o, struct store *s, const char *uri, struct err *err)
{
    *o = (struct text_output){.buf = malloc(OUTPUT_BYTES)};
    if (!o->buf)
        return err_set(err, ERR_NOMEM, "no memory for output");
    return store_create(s, uri, &o->file, err);
}

static int put(struct text_output *o, const uint8_t *bytes, size_t n, struct err *err)
{
    int rc;

    if (n > OUTPUT_BYTES - o->n) {
        rc = store_write(o->file, o->buf, o->n, err);
        if (rc < 0)
            return rc;
        o->n = 0;
        if (n > OUTPUT_BYTES)
            return store_write(o->file, bytes, n, err);
    }
    if (n)
        memcpy(o->buf + o->n, bytes, n);
    o->n += n;
    return 0;
}

int text_output_add(struct text_output *o, const uint8_t *key, size_t key_n, const uint8_t *value,
                    size_t value_n, struct err *err)
{
    int rc;

    o->records++;
    o->bytes += key_n + value_n + 2;
    if (value == key + key_n + 1) { /* as it was printed: the tab lies between them */
        rc = put(o, key, key_n + 1 + value_n, err);
    } else {
        rc = put(o, key, key_n, err);
        if (rc == 0)
            rc = put(o, (const uint8_t *)"\t", 1, err);
        if (rc == 0)
            rc = put(o, value, value_n, err);
    }
    return rc < 0 ? rc : put(o, (const uint8_t *)"\n", 1, err);
}

int text_output_close(struct text_output *o, struct err *err)
{
    int rc = store_write(o->file, o->buf, o->n, err);

    if (rc < 0)
        return rc;
    rc = store_close_writer(o->file, err);
    o->file = NULL;
    free(o->buf);
    o->buf = NULL;
    return rc;
}

void text_output_abandon(struct text_output *o)
{
    store_abandon(o->file);
    free(o->buf);
    *o = (struct text_output){0};
}
