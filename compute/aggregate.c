#include "compute/aggregate.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/java_number.h"

enum kind {
    WHOLE_SUM,
    WHOLE_MAX,
    WHOLE_MIN,
    DOUBLE_SUM,
    STRING_MAX,
    STRING_MIN,
    UNIQ,
    HISTOGRAM,
    KINDS
};
static const char *const names[KINDS] = {"LongValueSum",   "LongValueMax",   "LongValueMin",
                                         "DoubleValueSum", "StringValueMax", "StringValueMin",
                                         "UniqValueCount", "ValueHistogram"};

struct item {
    size_t at, n; /* in `text` */
    int64_t count;
};

struct aggregate {
    enum kind kind;
    struct buf key; /* whole */
    size_t id_at;   /* behind the colon */
    int64_t sum;
    double real;
    bool any;
    struct buf text; /* the values that are remembered, one after the other */
    struct item *items;
    size_t count, cap, sorted; /* of items; how many are sorted and single */
    struct buf report;
};

/* ---- the key ---- */

static int begin(struct aggregate *a, const uint8_t *key, size_t n, struct err *err)
{
    const uint8_t *colon = memchr(key, ':', n);
    size_t k = colon ? (size_t)(colon - key) : 0;

    buf_clear(&a->key);
    buf_put(&a->key, key, n);
    a->sum = 0;
    a->real = 0;
    a->any = false;
    buf_clear(&a->text);
    a->count = a->sorted = 0;
    a->id_at = k + 1;
    for (int i = 0; colon && i < KINDS; i++)
        if (strlen(names[i]) == k && memcmp(names[i], key, k) == 0) {
            a->kind = (enum kind)i;
            return 0;
        }
    return err_set(err, ERR_REMOTE,
                   "aggregate: key \"%.*s\" does not begin with what to do with its values, "
                   "like LongValueSum:",
                   (int)(n < 60 ? n : 60), key);
}

/* ---- values ---- */

static int not_a_number(const uint8_t *v, size_t n, struct err *err)
{
    return err_set(err, ERR_REMOTE, "aggregate: value \"%.*s\" is no number",
                   (int)(n < 60 ? n : 60), v);
}

static int whole_number(const uint8_t *v, size_t n, int64_t *out, struct err *err)
{
    char text[32], *end;
    size_t i = n && (*v == '-' || *v == '+');

    if (n == i || n >= sizeof text)
        return not_a_number(v, n, err);
    for (; i < n; i++)
        if (v[i] < '0' || v[i] > '9')
            return not_a_number(v, n, err);
    memcpy(text, v, n);
    text[n] = 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno ? not_a_number(v, n, err) : 0;
}

static int real_number(const uint8_t *v, size_t n, double *out, struct err *err)
{
    char text[400], *end;

    if (n == 0 || n >= sizeof text)
        return not_a_number(v, n, err);
    memcpy(text, v, n);
    text[n] = 0;
    *out = strtod(text, &end);
    while (*end == ' ')
        end++;
    if (*end == 'd' || *end == 'f' || *end == 'D' || *end == 'F')
        end++;
    return *end ? not_a_number(v, n, err) : 0;
}

static int by_text(const void *a, const void *b, void *ctx)
{
    const struct item *x = a, *y = b;
    const uint8_t *text = ctx;

    return key_compare(text + x->at, x->n, text + y->at, y->n);
}

/* Sorts what is remembered and counts equal values together. */
static void settle(struct aggregate *a)
{
    size_t kept = 0;

    if (a->sorted == a->count)
        return;
    qsort_r(a->items, a->count, sizeof *a->items, by_text, a->text.bytes);
    for (size_t i = 1; i < a->count; i++) {
        if (by_text(&a->items[kept], &a->items[i], a->text.bytes) == 0)
            a->items[kept].count += a->items[i].count;
        else
            a->items[++kept] = a->items[i];
    }
    a->count = a->sorted = kept + 1;
}

/* The texts of values that were counted together are dropped. */
static int pack_text(struct aggregate *a, struct err *err)
{
    struct buf fresh;

    buf_init(&fresh, a->text.max);
    for (size_t i = 0; i < a->count; i++) {
        size_t at = fresh.n;

        buf_put(&fresh, a->text.bytes + a->items[i].at, a->items[i].n);
        a->items[i].at = at;
    }
    buf_done(&a->text);
    a->text = fresh;
    return fresh.bad ? err_set(err, ERR_NOMEM, "no memory to count values") : 0;
}

static int remember(struct aggregate *a, const uint8_t *v, size_t n, int64_t count, struct err *err)
{
    if (a->count == a->cap) {
        int rc;

        settle(a);
        rc = pack_text(a, err);
        if (rc < 0)
            return rc;
        if (a->count * 2 > a->cap || a->cap == 0) {
            size_t cap = a->cap ? a->cap * 2 : 1024;
            struct item *p = realloc(a->items, cap * sizeof *p);

            if (!p)
                return err_set(err, ERR_NOMEM, "no memory to count values");
            a->items = p;
            a->cap = cap;
        }
    }
    a->items[a->count++] = (struct item){.at = a->text.n, .n = n, .count = count};
    buf_put(&a->text, v, n);
    return a->text.bad ? err_set(err, ERR_NOMEM, "no memory to count values") : 0;
}

static int add_histogram(struct aggregate *a, const uint8_t *v, size_t n, uint32_t times,
                         struct err *err)
{
    const uint8_t *tab = n ? memrchr(v, '\t', n) : NULL;
    int64_t count = 1;
    int rc = tab ? whole_number(tab + 1, n - (size_t)(tab + 1 - v), &count, err) : 0;

    return rc < 0 ? rc : remember(a, v, tab ? (size_t)(tab - v) : n, count * times, err);
}

static int keep_string(struct aggregate *a, const uint8_t *v, size_t n, struct err *err)
{
    int order = a->any ? key_compare(v, n, a->text.bytes, a->text.n) : 1;

    if (a->any && (a->kind == STRING_MAX ? order <= 0 : order >= 0))
        return 0;
    buf_clear(&a->text);
    buf_put(&a->text, v, n);
    a->any = true;
    return a->text.bad ? err_set(err, ERR_NOMEM, "no memory for a value") : 0;
}

static int add(struct aggregate *a, const uint8_t *v, size_t n, uint32_t times, struct err *err)
{
    int64_t number = 0;
    double real = 0;
    int rc = 0;

    switch (a->kind) {
    case WHOLE_SUM:
    case WHOLE_MAX:
    case WHOLE_MIN: rc = whole_number(v, n, &number, err); break;
    case DOUBLE_SUM: rc = real_number(v, n, &real, err); break;
    case STRING_MAX:
    case STRING_MIN: return keep_string(a, v, n, err);
    case UNIQ: return remember(a, v, n, 1, err);
    default: return add_histogram(a, v, n, times, err);
    }
    if (rc < 0)
        return rc;
    if (a->kind == WHOLE_SUM)
        a->sum += (int64_t)((uint64_t)number * times);
    else if (a->kind != DOUBLE_SUM &&
             (!a->any || (a->kind == WHOLE_MAX ? number > a->sum : number < a->sum)))
        a->sum = number;
    for (uint32_t i = 0; a->kind == DOUBLE_SUM && i < times; i++)
        a->real += real;
    a->any = true;
    return 0;
}

/* ---- reports ---- */

static int by_count(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return (x->count > y->count) - (x->count < y->count);
}

static void put_double(struct buf *out, double v)
{
    char text[JAVA_NUMBER_MAX];

    java_double(v, text);
    buf_puts(out, text);
}

static void report_histogram(struct aggregate *a)
{
    double sum = 0, mean, spread = 0;
    int64_t total = 0;

    buf_printf(&a->report, "%zu", a->count);
    if (a->count == 0)
        return;
    qsort(a->items, a->count, sizeof *a->items, by_count);
    for (size_t i = 0; i < a->count; i++)
        total += a->items[i].count;
    sum = (double)total;
    mean = sum / (double)a->count;
    for (size_t i = 0; i < a->count; i++)
        spread += ((double)a->items[i].count - mean) * ((double)a->items[i].count - mean);
    buf_printf(&a->report, "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t", a->items[0].count,
               a->items[a->count / 2].count, a->items[a->count - 1].count);
    put_double(&a->report, mean);
    buf_puts(&a->report, "\t");
    put_double(&a->report, sqrt(spread / (double)a->count));
}

static void report(struct aggregate *a)
{
    buf_clear(&a->report);
    settle(a);
    switch (a->kind) {
    case WHOLE_SUM:
    case WHOLE_MAX:
    case WHOLE_MIN: buf_printf(&a->report, "%" PRId64, a->sum); break;
    case DOUBLE_SUM: put_double(&a->report, a->real); break;
    case STRING_MAX:
    case STRING_MIN: buf_put(&a->report, a->text.bytes, a->text.n); break;
    case UNIQ: buf_printf(&a->report, "%zu", a->count); break;
    default: report_histogram(a); break;
    }
}

static struct datum datum_of(const struct buf *b, size_t from)
{
    return datum_text(b->bytes ? b->bytes + from : (const uint8_t *)"", b->n - from);
}

/* As the combiner: the key stays, and what it gives can be added again. */
static int end_partial(struct aggregate *a, aggregate_out out, void *ctx, struct err *err)
{
    struct datum key = datum_of(&a->key, 0), value;
    int rc = 0;

    if (a->kind != UNIQ && a->kind != HISTOGRAM) {
        report(a);
        value = datum_of(&a->report, 0);
        return out(ctx, &key, &value, err);
    }
    settle(a);
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        buf_clear(&a->report);
        buf_put(&a->report, a->text.bytes + a->items[i].at, a->items[i].n);
        if (a->kind == HISTOGRAM)
            buf_printf(&a->report, "\t%" PRId64, a->items[i].count);
        value = datum_of(&a->report, 0);
        rc = out(ctx, &key, &value, err);
    }
    return rc;
}

static int end(struct aggregate *a, bool partial, aggregate_out out, void *ctx, struct err *err)
{
    struct datum key, value;

    if (partial)
        return end_partial(a, out, ctx, err);
    report(a);
    key = datum_of(&a->key, a->id_at);
    value = datum_of(&a->report, 0);
    return out(ctx, &key, &value, err);
}

int aggregate_run(struct record_stream *in, bool partial, aggregate_out out, void *ctx,
                  uint64_t *records, uint64_t *groups, struct err *err)
{
    struct aggregate a = {0};
    struct record r;
    bool open = false;
    int rc;

    buf_init(&a.key, RECORD_MAX);
    buf_init(&a.text, 16 * RECORD_MAX);
    buf_init(&a.report, 2 * RECORD_MAX);
    while ((rc = in->next(in, &r, err)) > 0) {
        *records += r.count;
        if (!open || !r.same) {
            rc = open ? end(&a, partial, out, ctx, err) : 0;
            ++*groups;
            if (rc == 0)
                rc = begin(&a, r.key, r.key_n, err);
            open = true;
        }
        if (rc >= 0)
            rc = add(&a, r.value, r.value_n, r.count, err);
        if (rc < 0)
            break;
    }
    if (rc == 0 && open)
        rc = end(&a, partial, out, ctx, err);
    buf_done(&a.key);
    buf_done(&a.text);
    buf_done(&a.report);
    free(a.items);
    return rc;
}
