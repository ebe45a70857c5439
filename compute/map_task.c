/* map_task.c -- a split through the mapper: into sorted runs, or straight into a part. */
#include "compute/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "compute/combine.h"
#include "compute/debug_script.h"
#include "compute/field_selection.h"
#include "compute/kv_lines.h"
#include "compute/lines.h"
#include "compute/order.h"
#include "compute/part_output.h"
#include "compute/partition.h"
#include "compute/partitioner.h"
#include "compute/program_feed.h"
#include "compute/skip.h"
#include "compute/sorter.h"
#include "compute/split_source.h"

struct map {
    struct task *t;
    const struct shape *shape;
    /* Input: lines as they are, or records. */
    struct split_source *in;
    struct lines lines;
    struct record_input *records;
    struct program_feed feed;
    uint64_t record_count, skipped;
    const struct skip *skip;
    /* Output */
    struct kv_lines out;
    struct sorter *sorter; /* NULL: there are no reducers */
    struct partitioner *partitioner;
    struct order_wrap wrap;
    uint64_t bytes; /* of keys and values, not yet counted */
    uint64_t pairs; /* that came from the mapper */
    struct part_output part;
};

/* ---- input ---- */

static uint64_t split_length(const Pb__SplitProto *s)
{
    uint64_t n = s->length;

    for (size_t i = 0; i < s->n_more; i++)
        n += s->more[i]->length;
    return n;
}

static void progress(struct map *m, uint64_t done)
{
    uint64_t length = split_length(m->t->split);

    atomic_store(&m->t->permille,
                 length ? (uint32_t)((done > length ? length : done) * 1000 / length) : 1000);
}

static int give_lines(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct map *m = ctx;
    int rc = lines_next(&m->lines, bytes, n, err);

    if (rc < 0)
        return err_wrap(err, rc, "read %s", m->t->split->path);
    progress(m, source_done(m->in));
    return 0;
}

static int next_record(struct map *m, struct datum *key, struct datum *value, struct err *err)
{
    int rc;

    if (m->record_count >= m->skip->limit)
        return 0;
    rc = record_input_next(m->records, key, value, err);
    while (rc == 1 && skip_has(m->skip, m->record_count)) {
        m->record_count++;
        m->skipped++;
        rc = record_input_next(m->records, key, value, err);
    }
    m->record_count += rc == 1;
    return rc;
}

static int give_records(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct map *m = ctx;
    struct datum key, value;
    int rc = 1;

    buf_clear(&m->feed.bytes);
    while (m->feed.bytes.n < FEED_CHUNK && (rc = next_record(m, &key, &value, err)) == 1)
        if ((rc = program_feed_put(&m->feed, &key, &value, err)) < 0)
            break;
    if (rc < 0)
        return rc;
    progress(m, record_input_done(m->records));
    *bytes = m->feed.bytes.bytes;
    *n = m->feed.bytes.n;
    return 0;
}

/* ---- output ---- */

static int to_sorter(void *ctx, const struct kv_line *l, struct err *err)
{
    struct map *m = ctx;

    const struct sort_record r = {.key = l->key,
                                  .key_n = l->key_n,
                                  .value = l->value,
                                  .value_n = l->value_n,
                                  .prefix = l->prefix,
                                  .hash = l->hash,
                                  .partition = key_partition(l->hash, m->t->reduces)};

    m->bytes += l->key_n + l->value_n;
    return sorter_put(m->sorter, &r, err);
}

static int wrong_class(const char *what, enum datum_kind want, enum datum_kind got, struct err *err)
{
    return err_set(err, ERR_ARGUMENT,
                   "Type mismatch in %s from map: expected %s, received %s; set "
                   "mapreduce.map.output.%s.class",
                   what, datum_class(want), datum_class(got), what);
}

static int sort_pair(struct map *m, const struct datum *key, const struct datum *value,
                     struct err *err)
{
    uint32_t partition = m->partitioner ? partitioner_find(m->partitioner, key) : 0;
    int rc;

    if (key->kind != m->shape->map_key)
        return wrong_class("key", m->shape->map_key, key->kind, err);
    if (value->kind != m->shape->map_value)
        return wrong_class("value", m->shape->map_value, value->kind, err);
    m->bytes += key->n + value->n;
    if (!order_is_wrapped(m->shape))
        return sorter_add(m->sorter, partition, key->bytes, key->n, value->bytes, value->n, err);
    rc = order_wrap(&m->wrap, m->shape, key, value, err);
    return rc < 0 ? rc
                  : sorter_add(m->sorter, partition, m->wrap.key.bytes, m->wrap.key.n,
                               m->wrap.value.bytes, m->wrap.value.n, err);
}

static int emit(void *ctx, const struct datum *key, const struct datum *value, struct err *err)
{
    struct map *m = ctx;

    m->pairs++;
    return m->sorter ? sort_pair(m, key, value, err) : part_output_add(&m->part, key, value, err);
}

/* What the mapper printed, when it is not simply sorted as text. */
static int one_pair(void *ctx, const struct kv_line *l, struct err *err)
{
    struct map *m = ctx;
    enum stream_io io = m->shape->map_out.io;
    enum datum_kind kind = io == IO_TYPED ? DATUM_TYPED : io == IO_RAW ? DATUM_BYTES : DATUM_TEXT;
    const struct datum key = {.kind = kind, .bytes = l->key, .n = l->key_n};
    const struct datum value = {
        .kind = io == IO_KEY_ONLY ? DATUM_NULL : kind, .bytes = l->value, .n = l->value_n};

    return emit(m, &key, &value, err);
}

static int output_room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    return kv_lines_room(&((struct map *)ctx)->out, at, n, err);
}

static void count_bytes(struct map *m)
{
    counter_add(&m->t->counters, C_MAP_OUTPUT_BYTES, (int64_t)m->bytes);
    m->bytes = 0;
}

static int output_took(void *ctx, size_t n, struct err *err)
{
    struct map *m = ctx;
    int rc = kv_lines_took(&m->out, n, err);

    count_bytes(m);
    return rc;
}

static void reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct map *)ctx)->t, text, n);
}

static void alive(void *ctx)
{
    task_alive(((struct map *)ctx)->t);
}

/* ---- the whole ---- */

static int open_input(struct map *m, struct err *err)
{
    const Pb__SplitProto *s = m->t->split;
    int rc;

    program_feed_init(&m->feed, &m->shape->map_in, m->shape->ignore_key);
    if (!m->shape->raw_lines || s->n_more)
        return record_input_open(m->t->store, m->t->spec, m->shape->input, s, &m->records, err);
    rc = source_open(m->t->store, s->path, s->start, s->length, &m->in, err);
    if (rc < 0)
        return err_wrap(err, rc, "open %s", s->path);
    return lines_of_source(&m->lines, m->in, err);
}

static int open_sorter(struct map *m, struct err *err)
{
    struct task *t = m->t;
    struct combiner combiner = {combine_partition, t};
    struct sorter_options o = {
        .env = t->env,
        .dir = t->dir,
        .partitions = t->reduces,
        .memory_bytes = (size_t)spec_int(t->spec, "mapreduce.task.io.sort.mb",
                                         t->conf ? conf_int(t->conf, OPT_sort_mb) : 100)
                        << 20,
        .merge_factor = (int)spec_int(t->spec, "mapreduce.task.io.sort.factor",
                                      t->conf ? conf_int(t->conf, OPT_sort_factor) : 64),
        .combiner = m->shape->combiner != STEP_NONE ? &combiner : NULL,
        .codec = m->shape->map_output_codec,
    };
    int rc = t->reduces > 1 ? partitioner_new(t->spec, m->shape, t->store, t->dir, t->reduces,
                                              &m->partitioner, err)
                            : 0;

    return rc < 0 ? rc : sorter_new(&o, &m->sorter, err);
}

static int open_output(struct map *m, struct err *err)
{
    bool plain = m->t->reduces && m->shape->simple;
    int rc = kv_lines_init(&m->out, plain ? to_sorter : one_pair, m, err);

    if (rc < 0)
        return rc;
    kv_lines_set_rule(&m->out, &m->shape->map_out);
    if (m->t->reduces)
        return open_sorter(m, err);
    return part_output_open(&m->part, m->t->store, m->t->part_uri, m->shape, err);
}

/* A mapper that is no program: each record, as it is or its fields rearranged. */
static int without_program(struct map *m, struct err *err)
{
    struct field_selection *f = NULL;
    struct datum key, value;
    int rc = m->shape->mapper == STEP_FIELDS
                 ? field_selection_new(m->t->spec, m->shape->input, false, &f, err)
                 : 0;

    while (rc == 0 && (rc = next_record(m, &key, &value, err)) == 1) {
        rc = f ? field_selection_apply(f, &key, &value, err) : 0;
        if (rc == 0)
            rc = emit(m, &key, &value, err);
        if (m->record_count % 4096 != 0)
            continue;
        progress(m, record_input_done(m->records));
        count_bytes(m);
        task_alive(m->t);
        if (atomic_load(&m->t->cancelled))
            rc = err_set(err, ERR_INTERRUPTED, "killed on request");
    }
    field_selection_free(f);
    return rc;
}

static int through_program(struct map *m, struct err *err)
{
    const struct child_io io = {.input = m->records ? give_records : give_lines,
                                .room = output_room,
                                .output = output_took,
                                .reporter = reporter,
                                .alive = alive,
                                .ctx = m};
    int rc = task_run_command(m->t, m->t->spec->mapper, &io, err);

    return rc < 0 ? rc : kv_lines_end(&m->out, err);
}

static int finish_output(struct map *m, struct err *err)
{
    struct task *t = m->t;
    char path[1100];
    struct env_stat st;
    int rc;

    if (!t->reduces) {
        rc = part_output_close(&m->part, err);
        counter_add(&t->counters, C_BYTES_WRITTEN, (int64_t)m->part.bytes);
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

    if (m->records)
        record_input_read_stats(m->records, &s);
    else
        source_read_stats(m->in, &s);
    counter_add(c, C_MAP_INPUT_RECORDS,
                (int64_t)(m->records ? m->record_count - m->skipped : m->lines.records));
    counter_add(c, C_MAP_SKIPPED_RECORDS, (int64_t)m->skipped);
    counter_add(c, C_MAP_OUTPUT_RECORDS,
                (int64_t)(m->shape->mapper == STEP_COMMAND ? m->out.lines : m->pairs));
    counter_add(c, C_BYTES_READ,
                m->records ? (int64_t)record_input_done(m->records) : (int64_t)source_done(m->in));
    counter_add(c, C_LOCAL_BYTES, (int64_t)s.local_bytes);
    counter_add(c, C_SHORT_CIRCUIT_BYTES, (int64_t)s.short_circuit_bytes);
    counter_add(c, C_REMOTE_BYTES, (int64_t)s.remote_bytes);
}

/* The mapper over the whole split, but for what is to be left out.  *fed learns how many records it read. */
static int run_once(struct task *t, const struct skip *skip, uint64_t *fed, struct err *err)
{
    struct map m = {.t = t, .shape = &t->shape, .skip = skip};
    int rc = open_input(&m, err);

    order_wrap_init(&m.wrap);
    if (rc == 0)
        rc = open_output(&m, err);
    if (rc == 0)
        rc = m.shape->mapper == STEP_COMMAND ? through_program(&m, err) : without_program(&m, err);
    count_bytes(&m);
    *fed = m.record_count;
    if (rc == 0)
        rc = finish_output(&m, err);
    if (rc == 0)
        count(&m);
    part_output_abandon(&m.part);
    sorter_free(m.sorter);
    partitioner_free(m.partitioner);
    order_wrap_done(&m.wrap);
    kv_lines_done(&m.out);
    program_feed_done(&m.feed);
    lines_done(&m.lines);
    source_close(m.in);
    record_input_close(m.records);
    return rc;
}

int map_task_run(struct task *t, struct err *err)
{
    struct skip skip;
    uint64_t fed = 0, done;
    bool again;
    int rc = shape_make(t->spec, &t->shape, err);

    if (rc < 0)
        return rc;
    skip_init(&skip, t->shape.mapper == STEP_COMMAND
                         ? task_skip_max(t, "mapreduce.map.skip.maxrecords")
                         : 0);
    t->shape.raw_lines = t->shape.raw_lines && skip.max == 0;
    do {
        rc = run_once(t, &skip, &fed, err);
        done = (uint64_t)counters_get(&t->counters, "SkippingTaskCounters", "MapProcessedRecords");
        again = (rc == 0 || t->child.blamed) && !atomic_load(&t->cancelled) &&
                skip_after(&skip, rc == 0, fed, done);
        if (again)
            task_forget_counters(t, NULL);
    } while (again);
    if (rc < 0)
        debug_script_run(t);
    return rc;
}
