#include "compute/program_feed.h"

void program_feed_init(struct program_feed *f, const struct io_rule *rule, bool ignore_key)
{
    *f = (struct program_feed){.rule = rule, .ignore_key = ignore_key};
    buf_init(&f->bytes, 4 * RECORD_MAX);
}

void program_feed_done(struct program_feed *f)
{
    buf_done(&f->bytes);
}

/* As TextInputWriter: of bytes, typed or not, the bytes themselves. */
static void put_text(const struct datum *d, struct buf *b)
{
    if (d->kind == DATUM_BYTES || d->kind == DATUM_TYPED)
        buf_put(b, d->bytes, d->n);
    else
        datum_put_text(d, b);
}

int program_feed_put(struct program_feed *f, const struct datum *key, const struct datum *value,
                     struct err *err)
{
    struct buf *b = &f->bytes;

    if (f->rule->io == IO_TYPED) {
        datum_put_typed(key, b);
        datum_put_typed(value, b);
    } else if (f->rule->io == IO_RAW) {
        datum_put_raw(key, b);
        datum_put_raw(value, b);
    } else {
        if (!f->ignore_key)
            put_text(key, b);
        if (!f->ignore_key && f->rule->io == IO_TEXT)
            buf_put(b, f->rule->separator, f->rule->separator_n);
        if (f->rule->io == IO_TEXT)
            put_text(value, b);
        buf_put(b, "\n", 1);
    }
    return b->bad
               ? err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", key->n + value->n)
               : 0;
}

void record_feed_init(struct record_feed *f, const struct io_rule *rule, const struct shape *s,
                      struct record_stream *in)
{
    *f = (struct record_feed){.in = in, .key = s->map_key, .value = s->map_value};
    program_feed_init(&f->feed, rule, false);
}

void record_feed_done(struct record_feed *f)
{
    program_feed_done(&f->feed);
}

/* The record once more, or as many times as there is room for. */
static int put_again(struct record_feed *f, struct err *err)
{
    const struct datum key = {.kind = f->key, .bytes = f->r.key, .n = f->r.key_n};
    const struct datum value = {.kind = f->value, .bytes = f->r.value, .n = f->r.value_n};
    struct buf *b = &f->feed.bytes;
    size_t at = b->n, n, fit, times;
    uint8_t *p;
    int rc = program_feed_put(&f->feed, &key, &value, err);

    if (rc < 0)
        return rc;
    n = b->n - at;
    fit = b->n < FEED_CHUNK ? (FEED_CHUNK - b->n) / n : 0;
    times = fit < f->left - 1 ? fit : f->left - 1;
    if (times) {
        p = buf_grow(b, n * times);
        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", n);
        for (size_t i = 0; i < times; i++)
            memcpy(p + i * n, b->bytes + at, n);
    }
    f->left -= (uint32_t)times + 1;
    f->records += times + 1;
    return 0;
}

/* The common case in one piece: KEY TAB VALUE. */
static int put_line(struct record_feed *f, struct err *err)
{
    size_t n = f->r.key_n + f->r.value_n + 2;
    struct buf *b = &f->feed.bytes;
    size_t fit = b->n < FEED_CHUNK ? (FEED_CHUNK - b->n) / n + 1 : 1;
    size_t times = fit < f->left ? fit : f->left;
    uint8_t *p = buf_grow(b, n * times);

    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", n);
    if (f->r.key_n)
        memcpy(p, f->r.key, f->r.key_n);
    p[f->r.key_n] = (uint8_t)*f->feed.rule->separator;
    if (f->r.value_n)
        memcpy(p + f->r.key_n + 1, f->r.value, f->r.value_n);
    p[n - 1] = '\n';
    for (size_t i = 1; i < times; i++)
        memcpy(p + i * n, p, n);
    f->left -= (uint32_t)times;
    f->records += times;
    return 0;
}

/* The next record of a group that is not left out.  1; 0 at the end, or where this run shall end. */
static int next_record(struct record_feed *f, struct err *err)
{
    do {
        int rc = f->ended ? 0 : f->in->next(f->in, &f->r, err);

        if (rc <= 0)
            return rc;
        f->ended = !f->r.same && f->skip && f->groups == f->skip->limit;
        if (f->ended)
            return 0;
        if (!f->r.same) {
            f->leaves_out = f->skip && skip_has(f->skip, f->groups);
            f->skipped_groups += f->leaves_out;
            f->groups++;
        }
        f->skipped_records += f->leaves_out ? f->r.count : 0;
    } while (f->leaves_out);
    return 1;
}

int record_feed_next(struct record_feed *f, struct err *err)
{
    const struct io_rule *r = f->feed.rule;
    bool lines =
        r->io == IO_TEXT && r->separator_n == 1 && f->key == DATUM_TEXT && f->value == DATUM_TEXT;
    int rc = 0;

    buf_clear(&f->feed.bytes);
    while (rc == 0 && f->feed.bytes.n < FEED_CHUNK) {
        if (f->left == 0) {
            rc = next_record(f, err);
            if (rc <= 0)
                return rc;
            f->left = f->r.count;
        }
        rc = lines ? put_line(f, err) : put_again(f, err);
    }
    return rc;
}
