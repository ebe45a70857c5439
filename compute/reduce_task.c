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

struct reduce {
    struct task *t;
    struct spill_reader *readers;
    uint32_t opened;
    struct merge *merge;
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

static int fetch_and_merge(struct reduce *m, struct err *err)
{
    struct record_stream **streams;
    int rc = m->t->fetch(m->t, m->readers, &m->opened, err);

    if (rc < 0)
        return rc;
    streams = calloc(m->opened + 1, sizeof *streams);
    if (!streams)
        return err_set(err, ERR_NOMEM, "no memory to merge %u map outputs", m->opened);
    for (uint32_t i = 0; i < m->opened; i++) {
        streams[i] = &m->readers[i].stream;
        m->total += m->readers[i].left;
    }
    rc = merge_new(streams, m->opened, &m->merge, err);
    free(streams);
    return rc;
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
    counter_add(c, C_REDUCE_INPUT_GROUPS, (int64_t)m->feed.groups);
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
    if (step == STEP_COMMAND)
        return through_reducer(m, err);
    if (step == STEP_AGGREGATE)
        return aggregate_run(m->in, false, aggregated, m, &m->feed.records, &m->feed.groups, err);
    return copy_through(m, err);
}

int reduce_task_run(struct task *t, struct err *err)
{
    struct reduce m = {.t = t, .readers = calloc(t->maps + 1, sizeof *m.readers)};
    int rc = m.readers ? 0 : err_set(err, ERR_NOMEM, "no memory for %u map outputs", t->maps);

    if (rc == 0)
        rc = shape_make(t->spec, &t->shape, err);
    if (rc == 0)
        rc = fetch_and_merge(&m, err);
    if (rc == 0)
        rc = part_output_open(&m.part, t->store, t->part_uri, &t->shape, err);
    if (rc == 0)
        rc = run_reducer(&m, err);
    if (rc < 0)
        debug_script_run(t);
    if (rc == 0) {
        rc = part_output_close(&m.part, err);
        count(&m, m.part.records, m.part.bytes);
    }
    part_output_abandon(&m.part);
    kv_lines_done(&m.out);
    record_feed_done(&m.feed);
    merge_free(m.merge);
    for (uint32_t i = 0; i < m.opened; i++)
        spill_reader_done(&m.readers[i]);
    free(m.readers);
    return rc;
}
