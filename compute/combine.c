#include "compute/combine.h"

#include <stdlib.h>

#include "compute/aggregate.h"
#include "compute/kv_lines.h"
#include "compute/order.h"
#include "compute/program_feed.h"

struct combine {
    struct task *t;
    struct spill_writer *w;
    struct kv_lines out;
    struct record_feed feed;
    struct order_unwrap unwrap;
    struct order_wrap wrap;
    uint8_t *last; /* the key written last, as it is sorted */
    size_t last_n;
    bool any;
};

static int input(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct combine *c = ctx;
    uint64_t before = c->feed.records;
    int rc = record_feed_next(&c->feed, err);

    counter_add(&c->t->counters, C_COMBINE_INPUT_RECORDS, (int64_t)(c->feed.records - before));
    *bytes = c->feed.feed.bytes.bytes;
    *n = c->feed.feed.bytes.n;
    return rc;
}

static int out_of_order(const struct combine *c, const struct record *r, struct err *err)
{
    return err_set(err, ERR_REMOTE,
                   "the combiner \"%s\" printed key \"%.*s\" after \"%.*s\": it must keep the "
                   "order of its input",
                   c->t->spec->combiner, (int)(r->key_n < 60 ? r->key_n : 60), r->key,
                   (int)(c->last_n < 60 ? c->last_n : 60), c->last);
}

static int keep(struct combine *c, struct record *r, struct err *err)
{
    int order = c->any ? key_compare(c->last, c->last_n, r->key, r->key_n) : -1;

    counter_add(&c->t->counters, C_COMBINE_OUTPUT_RECORDS, 1);
    if (order > 0)
        return out_of_order(c, r, err);
    r->same = order == 0;
    if (!r->same) {
        uint8_t *p = realloc(c->last, r->key_n + 1);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key");
        if (r->key_n)
            memcpy(p, r->key, r->key_n);
        c->last = p;
        c->last_n = r->key_n;
        c->any = true;
    }
    return spill_add(c->w, r, err);
}

static int keep_pair(void *ctx, const struct datum *key, const struct datum *value, struct err *err)
{
    struct combine *c = ctx;
    struct record r = {
        .key = key->bytes, .key_n = key->n, .value = value->bytes, .value_n = value->n, .count = 1};
    int rc;

    if (order_is_wrapped(&c->t->shape)) {
        rc = order_wrap(&c->wrap, &c->t->shape, key, value, err);
        if (rc < 0)
            return rc;
        r.key = c->wrap.key.bytes;
        r.key_n = c->wrap.key.n;
        r.value = c->wrap.value.bytes;
        r.value_n = c->wrap.value.n;
    }
    return keep(c, &r, err);
}

static int one_line(void *ctx, const struct kv_line *l, struct err *err)
{
    struct combine *c = ctx;
    const struct datum key = {.kind = c->t->shape.map_key, .bytes = l->key, .n = l->key_n};
    const struct datum value = {.kind = c->t->shape.map_value, .bytes = l->value, .n = l->value_n};

    return keep_pair(c, &key, &value, err);
}

static int room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    return kv_lines_room(&((struct combine *)ctx)->out, at, n, err);
}

static int took(void *ctx, size_t n, struct err *err)
{
    return kv_lines_took(&((struct combine *)ctx)->out, n, err);
}

static void reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct combine *)ctx)->t, text, n);
}

static void alive(void *ctx)
{
    task_alive(((struct combine *)ctx)->t);
}

static int by_command(struct combine *c, struct record_stream *in, struct err *err)
{
    const struct child_io io = {.input = input,
                                .room = room,
                                .output = took,
                                .reporter = reporter,
                                .alive = alive,
                                .ctx = c};
    struct child_result mappers = c->t->child; /* the mapper's own report is kept */
    int rc = kv_lines_init(&c->out, one_line, c, err);

    kv_lines_set_rule(&c->out, &c->t->shape.reduce_out);
    record_feed_init(&c->feed, &c->t->shape.reduce_in, &c->t->shape, in);
    if (rc == 0)
        rc = task_run_command(c->t, c->t->spec->combiner, &io, err);
    if (rc == 0)
        rc = kv_lines_end(&c->out, err);
    kv_lines_done(&c->out);
    record_feed_done(&c->feed);
    if (rc == 0)
        c->t->child = mappers;
    return rc;
}

int combine_partition(void *task, uint32_t partition, struct record_stream *in,
                      struct spill_writer *out, struct err *err)
{
    struct combine c = {.t = task, .w = out};
    uint64_t records = 0, groups = 0;
    int rc;

    (void)partition;
    order_wrap_init(&c.wrap);
    if (order_is_wrapped(&c.t->shape)) {
        order_unwrap_init(&c.unwrap, in);
        in = &c.unwrap.stream;
    }
    if (c.t->shape.combiner == STEP_AGGREGATE) {
        rc = aggregate_run(in, true, keep_pair, &c, &records, &groups, err);
        counter_add(&c.t->counters, C_COMBINE_INPUT_RECORDS, (int64_t)records);
    } else {
        rc = by_command(&c, in, err);
    }
    order_wrap_done(&c.wrap);
    free(c.last);
    return rc < 0 ? err_wrap(err, rc, "combiner") : 0;
}
