/* reduce_task.c -- a partition of every map's output, merged, through the reducer, into a part. */
#include "compute/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "compute/kv_lines.h"
#include "compute/lines.h"
#include "compute/merge.h"

struct reduce {
    struct task *t;
    struct spill_reader *readers;
    uint32_t opened;
    struct merge *merge;
    struct kv_lines out;
    struct text_output part;
    struct line_feed feed;
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
    int rc = line_feed_next(&m->feed, err);

    progress(m);
    *bytes = m->feed.lines.bytes;
    *n = m->feed.lines.n;
    return rc;
}

static int to_part(void *ctx, const struct kv_line *l, struct err *err)
{
    struct reduce *m = ctx;

    if (m->total == 0)
        return 0; /* as Hadoop: what a reducer says of no input at all is not kept */
    return text_output_add(&m->part, l->key, l->key_n, l->value, l->value_n, err);
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

/* No reducer: the merged records are the output. */
static int copy_through(struct reduce *m, struct err *err)
{
    struct record_stream *in = merge_stream(m->merge);
    struct record r;
    int rc;

    while ((rc = in->next(in, &r, err)) > 0) {
        m->feed.groups += !r.same;
        for (uint32_t i = 0; i < r.count; i++) {
            if (++m->feed.records % 4096 == 0) {
                progress(m);
                task_alive(m->t);
                if (atomic_load(&m->t->cancelled))
                    return err_set(err, ERR_INTERRUPTED, "killed on request");
            }
            if ((rc = text_output_add(&m->part, r.key, r.key_n, r.value, r.value_n, err)) < 0)
                return rc;
        }
    }
    return rc;
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

    m->feed.in = merge_stream(m->merge);
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

int reduce_task_run(struct task *t, struct err *err)
{
    struct reduce m = {.t = t, .readers = calloc(t->maps + 1, sizeof *m.readers)};
    int rc = m.readers ? 0 : err_set(err, ERR_NOMEM, "no memory for %u map outputs", t->maps);

    line_feed_init(&m.feed, NULL);
    if (rc == 0)
        rc = fetch_and_merge(&m, err);
    if (rc == 0)
        rc = text_output_open(&m.part, t->store, t->part_uri, err);
    if (rc == 0)
        rc = t->spec->reducer ? through_reducer(&m, err) : copy_through(&m, err);
    if (rc == 0) {
        uint64_t records = m.part.records, bytes = m.part.bytes;

        rc = text_output_close(&m.part, err);
        count(&m, records, bytes);
    }
    if (m.part.file)
        text_output_abandon(&m.part);
    kv_lines_done(&m.out);
    merge_free(m.merge);
    for (uint32_t i = 0; i < m.opened; i++)
        spill_reader_done(&m.readers[i]);
    free(m.readers);
    line_feed_done(&m.feed);
    return rc;
}
