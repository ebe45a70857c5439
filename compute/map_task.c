/* map_task.c -- a split through the mapper: into sorted runs, or straight into a part. */
#include "compute/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "compute/kv_lines.h"
#include "compute/lines.h"
#include "compute/partition.h"
#include "compute/sorter.h"

struct map {
    struct task *t;
    struct store_file *in;
    struct lines lines;
    struct kv_lines out;
    struct sorter *sorter; /* NULL: there are no reducers */
    struct text_output part;
};

static ssize_t read_split(void *ctx, void *buf, size_t n, struct err *err)
{
    return store_read(ctx, buf, n, err);
}

static int give_lines(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct map *m = ctx;
    const Pb__SplitProto *s = m->t->split;
    int rc = lines_next(&m->lines, bytes, n, err);
    uint64_t done = m->lines.pos - s->start;

    if (rc < 0)
        return err_wrap(err, rc, "read %s", s->path);
    atomic_store(&m->t->permille,
                 s->length ? (uint32_t)((done > s->length ? s->length : done) * 1000 / s->length)
                           : 1000);
    return 0;
}

static int to_sorter(void *ctx, const struct kv_line *l, struct err *err)
{
    struct map *m = ctx;

    counter_add(&m->t->counters, C_MAP_OUTPUT_BYTES, (int64_t)(l->key_n + l->value_n));
    return sorter_add(m->sorter, key_partition(l->hash, m->t->reduces), l->key, l->key_n, l->value,
                      l->value_n, err);
}

static int to_part(void *ctx, const struct kv_line *l, struct err *err)
{
    struct map *m = ctx;

    return text_output_add(&m->part, l->key, l->key_n, l->value, l->value_n, err);
}

static int output_room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    return kv_lines_room(&((struct map *)ctx)->out, at, n, err);
}

static int output_took(void *ctx, size_t n, struct err *err)
{
    return kv_lines_took(&((struct map *)ctx)->out, n, err);
}

static void reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct map *)ctx)->t, text, n);
}

static void alive(void *ctx)
{
    task_alive(((struct map *)ctx)->t);
}

/* ---- combiner ---- */

struct combine {
    struct task *t;
    struct spill_writer *w;
    struct kv_lines out;
    struct line_feed feed;
    uint8_t *last; /* the key written last */
    size_t last_n;
    bool any;
};

static int combine_input(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct combine *c = ctx;
    uint64_t before = c->feed.records;
    int rc = line_feed_next(&c->feed, err);

    counter_add(&c->t->counters, C_COMBINE_INPUT_RECORDS, (int64_t)(c->feed.records - before));
    *bytes = c->feed.lines.bytes;
    *n = c->feed.lines.n;
    return rc;
}

static int combine_line(void *ctx, const struct kv_line *l, struct err *err)
{
    struct combine *c = ctx;
    struct record r = {
        .key = l->key, .key_n = l->key_n, .value = l->value, .value_n = l->value_n, .count = 1};
    int order = c->any ? key_compare(c->last, c->last_n, l->key, l->key_n) : -1;

    counter_add(&c->t->counters, C_COMBINE_OUTPUT_RECORDS, 1);
    if (order > 0)
        return err_set(err, ERR_REMOTE,
                       "the combiner \"%s\" printed key \"%.*s\" after \"%.*s\": it must keep the "
                       "order of its input",
                       c->t->spec->combiner, (int)(l->key_n < 60 ? l->key_n : 60), l->key,
                       (int)(c->last_n < 60 ? c->last_n : 60), c->last);
    r.same = order == 0;
    if (!r.same) {
        uint8_t *p = realloc(c->last, l->key_n + 1);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key");
        memcpy(p, l->key, l->key_n);
        c->last = p;
        c->last_n = l->key_n;
        c->any = true;
    }
    return spill_add(c->w, &r, err);
}

static int combine_room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    return kv_lines_room(&((struct combine *)ctx)->out, at, n, err);
}

static int combine_took(void *ctx, size_t n, struct err *err)
{
    return kv_lines_took(&((struct combine *)ctx)->out, n, err);
}

static void combine_reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct combine *)ctx)->t, text, n);
}

static void combine_alive(void *ctx)
{
    task_alive(((struct combine *)ctx)->t);
}

/* One run of the combiner: over one partition of one spill. */
static int combine(void *ctx, uint32_t partition, struct record_stream *in, struct spill_writer *w,
                   struct err *err)
{
    struct combine c = {.t = ctx, .w = w};
    const struct child_io io = {.input = combine_input,
                                .room = combine_room,
                                .output = combine_took,
                                .reporter = combine_reporter,
                                .alive = combine_alive,
                                .ctx = &c};
    struct child_result mappers = c.t->child; /* the mapper's own report is kept */
    int rc = kv_lines_init(&c.out, combine_line, &c, err);

    (void)partition;
    line_feed_init(&c.feed, in);
    if (rc == 0)
        rc = task_run_command(c.t, c.t->spec->combiner, &io, err);
    if (rc == 0)
        rc = kv_lines_end(&c.out, err);
    kv_lines_done(&c.out);
    line_feed_done(&c.feed);
    free(c.last);
    if (rc < 0)
        return err_wrap(err, rc, "combiner");
    c.t->child = mappers;
    return 0;
}

/* ---- the whole ---- */

static int open_input(struct map *m, struct err *err)
{
    const Pb__SplitProto *s = m->t->split;
    int rc = store_open(m->t->store, s->path, s->start, &m->in, err);

    if (rc < 0)
        return err_wrap(err, rc, "open %s", s->path);
    return lines_init(&m->lines, (struct byte_source){read_split, m->in}, s->start, s->length, err);
}

static int open_output(struct map *m, struct err *err)
{
    struct task *t = m->t;
    struct combiner combiner = {combine, t};
    struct sorter_options o = {
        .env = t->env,
        .dir = t->dir,
        .partitions = t->reduces,
        .memory_bytes = (size_t)spec_int(t->spec, "mapreduce.task.io.sort.mb",
                                         t->conf ? conf_int(t->conf, OPT_sort_mb) : 100)
                        << 20,
        .merge_factor = (int)spec_int(t->spec, "mapreduce.task.io.sort.factor",
                                      t->conf ? conf_int(t->conf, OPT_sort_factor) : 64),
        .combiner = t->spec->combiner ? &combiner : NULL,
    };
    int rc = kv_lines_init(&m->out, t->reduces ? to_sorter : to_part, m, err);

    if (rc < 0)
        return rc;
    if (t->reduces)
        return sorter_new(&o, &m->sorter, err);
    return text_output_open(&m->part, t->store, t->part_uri, err);
}

static int finish_output(struct map *m, struct err *err)
{
    struct task *t = m->t;
    char path[1100];
    struct env_stat st;
    int rc;

    if (!t->reduces) {
        uint64_t bytes = m->part.bytes;

        rc = text_output_close(&m->part, err);
        counter_add(&t->counters, C_BYTES_WRITTEN, (int64_t)bytes);
        return rc;
    }
    snprintf(path, sizeof path, "%s/output", t->dir);
    rc = sorter_finish(m->sorter, path, err);
    counter_add(&t->counters, C_SPILLED_RECORDS, (int64_t)sorter_spilled_records(m->sorter));
    if (rc == 0)
        rc = env_stat(t->env, path, &st, err);
    if (rc == 0)
        counter_add(&t->counters, C_MAP_OUTPUT_FILE_BYTES, (int64_t)st.size_bytes);
    return rc;
}

static void count(struct map *m)
{
    struct counters *c = &m->t->counters;
    struct dfs_read_stats s = {0};

    store_read_stats(m->in, &s);
    counter_add(c, C_MAP_INPUT_RECORDS, (int64_t)m->lines.records);
    counter_add(c, C_MAP_OUTPUT_RECORDS, (int64_t)m->out.lines);
    counter_add(c, C_BYTES_READ, (int64_t)(m->lines.pos - m->t->split->start));
    counter_add(c, C_LOCAL_BYTES, (int64_t)s.local_bytes);
    counter_add(c, C_SHORT_CIRCUIT_BYTES, (int64_t)s.short_circuit_bytes);
    counter_add(c, C_REMOTE_BYTES, (int64_t)s.remote_bytes);
}

int map_task_run(struct task *t, struct err *err)
{
    struct map m = {.t = t};
    const struct child_io io = {.input = give_lines,
                                .room = output_room,
                                .output = output_took,
                                .reporter = reporter,
                                .alive = alive,
                                .ctx = &m};
    int rc = open_input(&m, err);

    if (rc == 0)
        rc = open_output(&m, err);
    if (rc == 0)
        rc = task_run_command(t, t->spec->mapper, &io, err);
    if (rc == 0)
        rc = kv_lines_end(&m.out, err);
    if (rc == 0)
        rc = finish_output(&m, err);
    if (rc == 0)
        count(&m);
    if (rc < 0 && m.part.file)
        text_output_abandon(&m.part);
    sorter_free(m.sorter);
    kv_lines_done(&m.out);
    lines_done(&m.lines);
    store_close_reader(m.in);
    return rc;
}
