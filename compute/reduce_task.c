/* reduce_task.c -- a partition of every map's output, merged, through the reducer, into a part. */
#include "compute/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "compute/aggregate.h"
#include "compute/debug_script.h"
#include "compute/field_selection.h"
#include "compute/kv_lines.h"
#include "compute/merge.h"
#include "compute/order.h"
#include "compute/part_output.h"
#include "compute/program_feed.h"
#include "compute/skip.h"

struct reduce {
    struct task *t;
    struct spill_reader *readers;
    uint32_t opened;
    struct record_stream **streams;
    struct merge *merge;
    const struct skip *skip;
    struct kv_lines out;
    struct order_unwrap unwrap;
    struct record_stream *in; /* the merged records */
    struct part_output part;
    struct record_feed feed;
    uint64_t total;
};

static void progress(struct reduce *m)
{
    uint64_t left = 0;

    for (uint32_t i = 0; i < m->opened; i++)
        left += m->readers[i].left;
    /* Hadoop's thirds: fetching, merging, reducing; merging is part of reducing here. */
    if (m->total)
        atomic_store(&m->t->permille, 333 + (uint32_t)((m->total - left) * 667 / m->total));
}

static int give_lines(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct reduce *m = ctx;
    int rc = record_feed_next(&m->feed, err);

    progress(m);
    *bytes = m->feed.feed.bytes.bytes;
    *n = m->feed.feed.bytes.n;
    return rc;
}

static int to_part(void *ctx, const struct kv_line *l, struct err *err)
{
    struct reduce *m = ctx;
    enum stream_io io = m->t->shape.reduce_out.io;
    enum datum_kind kind = io == IO_TYPED ? DATUM_TYPED : io == IO_RAW ? DATUM_BYTES : DATUM_TEXT;
    const struct datum key = {.kind = kind, .bytes = l->key, .n = l->key_n};
    const struct datum value = {
        .kind = io == IO_KEY_ONLY ? DATUM_NULL : kind, .bytes = l->value, .n = l->value_n};

    if (m->total == 0)
        return 0; /* as Hadoop: what a reducer says of no input at all is not kept */
    return part_output_add(&m->part, &key, &value, err);
}

static int output_room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    return kv_lines_room(&((struct reduce *)ctx)->out, at, n, err);
}

static int output_took(void *ctx, size_t n, struct err *err)
{
    return kv_lines_took(&((struct reduce *)ctx)->out, n, err);
}

static void reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct reduce *)ctx)->t, text, n);
}

static void alive(void *ctx)
{
    task_alive(((struct reduce *)ctx)->t);
}

static int fetch(struct reduce *m, struct err *err)
{
    int rc = m->t->fetch(m->t, m->readers, &m->opened, err);

    if (rc < 0)
        return rc;
    m->streams = calloc(m->opened + 1, sizeof *m->streams);
    if (!m->streams)
        return err_set(err, ERR_NOMEM, "no memory to merge %u map outputs", m->opened);
    for (uint32_t i = 0; i < m->opened; i++) {
        m->streams[i] = &m->readers[i].stream;
        m->total += m->readers[i].left;
    }
    return 0;
}

static int pause_between(struct reduce *m, struct err *err)
{
    progress(m);
    task_alive(m->t);
    return atomic_load(&m->t->cancelled) ? err_set(err, ERR_INTERRUPTED, "killed on request") : 0;
}

/* No program: the merged records are the output, as they are or their fields rearranged. */
static int copy_through(struct reduce *m, struct err *err)
{
    struct field_selection *f = NULL;
    struct record r;
    int rc = m->t->shape.reducer == STEP_FIELDS
                 ? field_selection_new(m->t->spec, m->t->shape.input, true, &f, err)
                 : 0;

    while (rc == 0 && (rc = m->in->next(m->in, &r, err)) > 0) {
        rc = 0;
        m->feed.groups += !r.same;
        for (uint32_t i = 0; i < r.count && rc == 0; i++) {
            struct datum key = {.kind = m->t->shape.map_key, .bytes = r.key, .n = r.key_n};
            struct datum value = {.kind = m->t->shape.map_value, .bytes = r.value, .n = r.value_n};

            if (++m->feed.records % 4096 == 0)
                rc = pause_between(m, err);
            if (rc == 0 && f)
                rc = field_selection_apply(f, &key, &value, err);
            if (rc == 0)
                rc = part_output_add(&m->part, &key, &value, err);
        }
    }
    field_selection_free(f);
    return rc;
}

static int aggregated(void *ctx, const struct datum *key, const struct datum *value,
                      struct err *err)
{
    struct reduce *m = ctx;
    int rc = m->part.records % 4096 == 0 ? pause_between(m, err) : 0;

    return rc < 0 ? rc : part_output_add(&m->part, key, value, err);
}

static int through_reducer(struct reduce *m, struct err *err)
{
    const struct child_io io = {.input = give_lines,
                                .room = output_room,
                                .output = output_took,
                                .reporter = reporter,
                                .alive = alive,
                                .ctx = m};
    int rc = kv_lines_init(&m->out, to_part, m, err);

    kv_lines_set_rule(&m->out, &m->t->shape.reduce_out);
    if (rc == 0)
        rc = task_run_command(m->t, m->t->spec->reducer, &io, err);
    return rc < 0 ? rc : kv_lines_end(&m->out, err);
}

static void count(struct reduce *m, uint64_t records, uint64_t bytes)
{
    struct counters *c = &m->t->counters;

    counter_add(c, C_REDUCE_INPUT_RECORDS, (int64_t)m->feed.records);
    counter_add(c, C_REDUCE_INPUT_GROUPS, (int64_t)(m->feed.groups - m->feed.skipped_groups));
    counter_add(c, C_REDUCE_SKIPPED_GROUPS, (int64_t)m->feed.skipped_groups);
    counter_add(c, C_REDUCE_SKIPPED_RECORDS, (int64_t)m->feed.skipped_records);
    counter_add(c, C_REDUCE_OUTPUT_RECORDS, (int64_t)records);
    counter_add(c, C_BYTES_WRITTEN, (int64_t)bytes);
}

static int run_reducer(struct reduce *m, struct err *err)
{
    enum step step = m->t->shape.reducer;

    m->in = merge_stream(m->merge);
    if (order_is_wrapped(&m->t->shape)) {
        order_unwrap_init(&m->unwrap, m->in);
        m->in = &m->unwrap.stream;
    }
    record_feed_init(&m->feed, &m->t->shape.reduce_in, &m->t->shape, m->in);
    m->feed.skip = m->skip->max ? m->skip : NULL;
    if (step == STEP_COMMAND)
        return through_reducer(m, err);
    if (step == STEP_AGGREGATE)
        return aggregate_run(m->in, false, aggregated, m, &m->feed.records, &m->feed.groups, err);
    return copy_through(m, err);
}

/* The reducer over all that was fetched, but for what is to be left out. */
static int run_once(struct reduce *m, struct err *err)
{
    struct task *t = m->t;
    int rc = merge_new(m->streams, m->opened, &m->merge, err);

    if (rc == 0)
        rc = part_output_open(&m->part, t->store, t->part_uri, &t->shape, err);
    if (rc == 0)
        rc = run_reducer(m, err);
    if (rc == 0)
        rc = part_output_close(&m->part, err);
    if (rc == 0)
        count(m, m->part.records, m->part.bytes);
    part_output_abandon(&m->part);
    kv_lines_done(&m->out);
    record_feed_done(&m->feed);
    merge_free(m->merge);
    m->merge = NULL;
    return rc;
}

/* Whether to run again, with other groups left out; everything is at its start then. */
static bool again(struct reduce *m, struct skip *skip, bool went_well, const int64_t *kept)
{
    struct task *t = m->t;
    uint64_t done =
        (uint64_t)counters_get(&t->counters, "SkippingTaskCounters", "ReduceProcessedGroups");

    if (!(went_well || t->child.blamed) || atomic_load(&t->cancelled) ||
        !skip_after(skip, went_well, m->feed.groups, done))
        return false;
    task_forget_counters(t, kept);
    for (uint32_t i = 0; i < m->opened; i++)
        spill_reader_rewind(&m->readers[i]);
    return true;
}

static int run(struct reduce *m, struct err *err)
{
    struct task *t = m->t;
    int64_t kept[C_COUNT]; /* what fetching counted */
    struct skip skip;
    int rc;

    skip_init(&skip, t->shape.reducer == STEP_COMMAND
                         ? task_skip_max(t, "mapreduce.reduce.skip.maxgroups")
                         : 0);
    m->skip = &skip;
    for (int i = 0; i < C_COUNT; i++)
        kept[i] = atomic_load(&t->counters.fixed[i]);
    do
        rc = run_once(m, err);
    while (again(m, &skip, rc == 0, kept));
    return rc;
}

int reduce_task_run(struct task *t, struct err *err)
{
    struct reduce m = {.t = t, .readers = calloc(t->maps + 1, sizeof *m.readers)};
    int rc = m.readers ? 0 : err_set(err, ERR_NOMEM, "no memory for %u map outputs", t->maps);

    if (rc == 0)
        rc = shape_make(t->spec, &t->shape, err);
    if (rc == 0)
        rc = fetch(&m, err);
    if (rc == 0)
        rc = run(&m, err);
    if (rc < 0)
        debug_script_run(t);
    for (uint32_t i = 0; i < m.opened; i++)
        spill_reader_done(&m.readers[i]);
    free(m.streams);
    free(m.readers);
    return rc;
}
