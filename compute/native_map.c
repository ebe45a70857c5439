/* native_map.c -- a native map: records of its split through the object's map, into sorted output or a part. */
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "compute/lines.h"
#include "compute/native_task.h"
#include "compute/split_source.h"

/* ---- the input of who has no read of its own: lines ---- */

struct text_input {
    struct native_task *n;
    struct split_source *in;
    struct lines lines;
    const uint8_t *p;
    size_t left;
    struct buf part; /* of a line that lies over more than one chunk */
};

static int text_open(struct text_input *in, struct err *err)
{
    const struct job_split *s = &in->n->task.split;
    int rc = source_open(in->n->store, s->path, s->start, s->length, &in->in, err);

    return rc < 0 ? rc : lines_of_source(&in->lines, in->in, err);
}

/* The line up to @end, with what came before it in other chunks. */
static void text_line(struct text_input *in, const uint8_t *end, struct job_record *out)
{
    size_t n = (size_t)(end - in->p);

    *out = (struct job_record){.key = "", .value = in->p, .value_n = n};
    if (in->part.n) {
        buf_put(&in->part, in->p, n);
        out->value = in->part.bytes;
        out->value_n = in->part.n;
    }
    in->p += n + 1;
    in->left -= n + 1;
}

static int text_next(struct text_input *in, struct job_record *out, struct err *err)
{
    in->part.n = 0;
    for (;;) {
        const uint8_t *end = in->left ? memchr(in->p, '\n', in->left) : NULL;
        int rc;

        if (end) {
            text_line(in, end, out);
            return in->part.bad
                       ? err_set(err, ERR_LIMIT, "a line of more than %zu bytes", RECORD_MAX)
                       : 1;
        }
        buf_put(&in->part, in->p, in->left);
        rc = lines_next(&in->lines, &in->p, &in->left, err);
        in->n->task.consumed = source_done(in->in);
        if (rc < 0 || !in->left)
            return rc < 0 ? rc : 0; /* every line ends in a newline, the last too */
    }
}

/* ---- combining ---- */

struct combine_values {
    struct job_values v;
    struct native_task *n;
    struct record_stream *in;
    struct record r; /* the one that is being given out: `left` more times */
    uint32_t left;
    bool pending; /* r is the first of the next key */
    bool end;
    uint8_t *key;
    size_t key_n, key_cap;
};

static int next_value(struct job_values *v, const void **value, size_t *value_n)
{
    struct combine_values *c = (struct combine_values *)v;
    struct err err = {0};
    int rc;

    if (!c->left) {
        if (c->pending || c->end)
            return 0;
        rc = c->in->next(c->in, &c->r, &err);
        if (rc < 0)
            return native_task_fail(c->n, rc, &err);
        c->end = rc == 0;
        c->pending = rc > 0 && !c->r.same;
        if (c->end || c->pending)
            return 0;
        c->left = c->r.count;
    }
    c->left--;
    c->n->combine_in++;
    *value = c->r.value;
    *value_n = c->r.value_n;
    return 1;
}

/* The first record of the next key is in c->r. */
static int begin_key(struct combine_values *c)
{
    if (c->r.key_n + 1 > c->key_cap) {
        uint8_t *p = realloc(c->key, c->r.key_n + 256);
        struct err err = {0};

        if (!p)
            return native_task_fail(c->n, err_set(&err, ERR_NOMEM, "no memory for a key"), &err);
        c->key = p;
        c->key_cap = c->r.key_n + 256;
    }
    memcpy(c->key, c->r.key, c->r.key_n);
    c->key_n = c->r.key_n;
    c->left = c->r.count;
    c->pending = false;
    return 0;
}

static int combine_run(void *ctx, uint32_t partition, struct record_stream *in,
                       struct spill_writer *out, struct err *err)
{
    struct native_task *n = ctx;
    struct combine_values c = {.v = {next_value}, .n = n, .in = in};
    const void *value;
    size_t value_n;
    int rc = in->next(in, &c.r, err);

    (void)partition;
    if (rc < 0)
        return rc;
    c.end = rc == 0;
    c.pending = rc > 0;
    n->combined = out;
    n->any_combined = false;
    rc = 0;
    while (rc == 0 && c.pending) {
        rc = begin_key(&c);
        if (rc == 0)
            rc = n->ops->combine(&n->task, c.key, c.key_n, &c.v);
        while (rc == 0 && (rc = next_value(&c.v, &value, &value_n)) > 0)
            rc = 0; /* what it did not look at */
    }
    n->combined = NULL;
    free(c.key);
    if (rc < 0 || n->rc < 0) {
        *err = n->err;
        return n->rc < 0 ? n->rc : err_set(err, ERR_REMOTE, "the combiner failed");
    }
    return 0;
}

/* ---- the map ---- */

static int open_output(struct native_task *n, const struct combiner *combiner, struct err *err)
{
    const struct sorter_options o = {.env = env_posix(),
                                     .dir = n->order->dir,
                                     .partitions = n->task.reduces,
                                     .memory_bytes = n->order->sortbytes,
                                     .merge_factor = (int)n->order->sortfactor,
                                     .combiner = n->ops->combine ? combiner : NULL};

    if (n->task.reduces)
        return sorter_new(&o, &n->sorter, err);
    return native_part_open(&n->part, n->store, n->order->parturi, n->ops->flags & JOB_OUTPUT_BYTES,
                            err);
}

static int finish_output(struct native_task *n, struct err *err)
{
    char path[1100];
    struct env_stat st;
    int rc;

    if (!n->task.reduces) {
        native_tell_count("File Output Format Counters", "Bytes Written", (int64_t)n->part.bytes);
        return native_part_close(&n->part, err);
    }
    snprintf(path, sizeof path, "%s/output", n->order->dir);
    rc = sorter_finish(n->sorter, path, err);
    if (rc == 0)
        rc = env_stat(env_posix(), path, &st, err);
    if (rc < 0)
        return rc;
    native_tell_count("Map-Reduce Framework", "Spilled Records",
                      (int64_t)sorter_spilled_records(n->sorter));
    native_tell_count("Map-Reduce Framework", "Map output materialized bytes",
                      (int64_t)st.size_bytes);
    native_tell_count("Map-Reduce Framework", "Map output bytes", (int64_t)n->emitted_bytes);
    if (n->ops->combine) {
        native_tell_count("Map-Reduce Framework", "Combine input records", (int64_t)n->combine_in);
        native_tell_count("Map-Reduce Framework", "Combine output records",
                          (int64_t)n->combine_out);
    }
    return 0;
}

static int one(struct native_task *n, const struct job_record *r)
{
    if (n->ops->map)
        return n->ops->map(&n->task, r);
    return n->task.host->emit(&n->task, r->key, r->key_n, r->value, r->value_n);
}

static int all_records(struct native_task *n, struct text_input *in, uint64_t *records)
{
    struct err err = {0};
    struct job_record r;
    int rc;

    for (;;) {
        rc = n->ops->read ? n->ops->read(&n->task, &r) : text_next(in, &r, &err);
        if (rc < 0)
            return native_task_fail(n, rc, &err);
        if (rc == 0)
            return 0;
        if (++*records % 4096 == 0)
            native_tell_progress(n, n->task.consumed, n->task.split.length);
        rc = one(n, &r);
        if (rc < 0 || n->rc < 0)
            return n->rc < 0 ? n->rc : native_task_fail(n, rc, &err);
    }
}

int native_map_main(struct native_task *n)
{
    struct text_input in = {.n = n, .p = (const uint8_t *)""};
    const struct combiner combiner = {combine_run, n};
    struct err err = {0};
    uint64_t records = 0;
    int rc;

    buf_init(&in.part, RECORD_MAX);
    rc = n->ops->read ? 0 : text_open(&in, &err);

    if (rc == 0)
        rc = open_output(n, &combiner, &err);
    if (rc < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0 && n->ops->open && (rc = n->ops->open(&n->task)) < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0)
        all_records(n, &in, &records);
    if (n->rc == 0 && n->ops->close && (rc = n->ops->close(&n->task)) < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0 && (rc = finish_output(n, &err)) < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0) {
        native_tell_count("Map-Reduce Framework", "Map input records", (int64_t)records);
        native_tell_count("Map-Reduce Framework", "Map output records", (int64_t)n->emitted);
        native_tell_count("File Input Format Counters", "Bytes Read", (int64_t)n->task.consumed);
    }
    sorter_free(n->sorter);
    if (!n->ops->read)
        lines_done(&in.lines);
    source_close(in.in);
    buf_done(&in.part);
    return n->rc;
}
