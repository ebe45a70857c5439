#include "compute/field_selection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "compute/record.h"
#include "compute/task.h"

enum { FIELDS_MAX = 1024, LINE_FIELDS_MAX = 4096 };

struct pick {
    int list[FIELDS_MAX];
    int count;
    int rest; /* all from here on; -1: not */
};

struct field_selection {
    const char *separator;
    bool reduce, ignore_key;
    struct pick key, value;
    struct buf whole, out_key, out_value;
    struct datum fields[LINE_FIELDS_MAX];
    int field_count;
};

/* One of 2, 4-6, -3 and 7-. */
static bool parse_one(const char *p, size_t n, struct pick *out)
{
    const char *dash = memchr(p, '-', n);
    int from = 0, to;

    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)p[i]) && p[i] != '-')
            return false;
    if (n == 0)
        return true;
    if (dash != p)
        from = atoi(p);
    if (dash == p + n - 1) {
        out->rest = from;
        return true;
    }
    to = dash ? atoi(dash + 1) : from;
    for (int i = from; i <= to; i++) {
        if (out->count == FIELDS_MAX)
            return false;
        out->list[out->count++] = i;
    }
    return true;
}

static bool parse_list(const char *p, size_t n, struct pick *out)
{
    const char *end = p + n;

    out->rest = -1;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));

        if (!parse_one(p, (size_t)((comma ? comma : end) - p), out))
            return false;
        p = comma ? comma + 1 : end;
    }
    return true;
}

int field_selection_new(const Pb__JobSpecProto *spec, enum input_kind input, bool reduce,
                        struct field_selection **out, struct err *err)
{
    const char *key = reduce ? "mapreduce.fieldsel.reduce.output.key.value.fields.spec"
                             : "mapreduce.fieldsel.map.output.key.value.fields.spec";
    const char *text = spec_text(spec, key, "0-:"), *colon = strchr(text, ':');
    struct field_selection *f = calloc(1, sizeof *f);

    if (!f)
        return err_set(err, ERR_NOMEM, "no memory to pick fields");
    f->separator = spec_text(spec, "mapreduce.fieldsel.data.field.separator", "\t");
    f->reduce = reduce;
    f->ignore_key = !reduce && input == INPUT_TEXT;
    buf_init(&f->whole, 2 * RECORD_MAX);
    buf_init(&f->out_key, 2 * RECORD_MAX);
    buf_init(&f->out_value, 2 * RECORD_MAX);
    if (!parse_list(text, colon ? (size_t)(colon - text) : strlen(text), &f->key) ||
        !parse_list(colon ? colon + 1 : "", colon ? strlen(colon + 1) : 0, &f->value)) {
        field_selection_free(f);
        return err_set(err, ERR_ARGUMENT, "%s=%s: KEY:VALUE is expected, each like 0,3-5,7-", key,
                       text);
    }
    f->key.rest = -1; /* as in Hadoop, only a value takes the rest */
    *out = f;
    return 0;
}

void field_selection_free(struct field_selection *f)
{
    if (!f)
        return;
    buf_done(&f->whole);
    buf_done(&f->out_key);
    buf_done(&f->out_value);
    free(f);
}

/* Empty fields at the end don't count, as in Java's split(). */
static void cut(struct field_selection *f)
{
    size_t k = strlen(f->separator), n = f->whole.n;
    const uint8_t *p = f->whole.bytes;

    f->field_count = 0;
    for (;;) {
        const uint8_t *sep = n && k ? memmem(p, n, f->separator, k) : NULL;
        size_t field_n = sep ? (size_t)(sep - p) : n;

        f->fields[f->field_count++] = datum_text(p, field_n);
        if (!sep || f->field_count == LINE_FIELDS_MAX)
            break;
        p = sep + k;
        n -= field_n + k;
    }
    while (f->field_count > 1 && f->fields[f->field_count - 1].n == 0)
        f->field_count--;
}

/* False when nothing was asked for. */
static bool choose(struct field_selection *f, const struct pick *p, struct buf *out)
{
    size_t k = strlen(f->separator);

    buf_clear(out);
    for (int i = 0; i < p->count; i++) {
        if (p->list[i] < f->field_count)
            buf_put(out, f->fields[p->list[i]].bytes, f->fields[p->list[i]].n);
        buf_put(out, f->separator, k);
    }
    for (int i = p->rest; i >= 0 && i < f->field_count; i++) {
        buf_put(out, f->fields[i].bytes, f->fields[i].n);
        buf_put(out, f->separator, k);
    }
    if (out->n)
        out->n--;
    return p->count > 0 || p->rest >= 0;
}

static struct datum datum_of(const struct buf *b, bool there)
{
    return datum_text(b->bytes ? b->bytes : (const uint8_t *)"", there ? b->n : 0);
}

int field_selection_apply(struct field_selection *f, struct datum *key, struct datum *value,
                          struct err *err)
{
    bool has_key, has_value;

    buf_clear(&f->whole);
    if (!f->ignore_key)
        datum_put_text(key, &f->whole);
    if (f->reduce)
        buf_puts(&f->whole, f->separator);
    datum_put_text(value, &f->whole);
    cut(f);
    has_key = choose(f, &f->key, &f->out_key);
    has_value = choose(f, &f->value, &f->out_value);
    if (f->whole.bad || f->out_key.bad || f->out_value.bad)
        return err_set(err, ERR_NOMEM, "no memory for a record");
    *key = datum_of(&f->out_key, has_key);
    *value = datum_of(&f->out_value, has_value);
    if (!f->reduce && !has_key) {
        *key = *value;
        *value = datum_text("", 0);
    }
    return 0;
}
