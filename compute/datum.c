#include "compute/datum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/java_number.h"
#include "compute/partition.h"

enum { DEPTH_MAX = 32, ELEMENTS_MAX = 1 << 20 };
enum typed {
    TYPED_BYTES,
    TYPED_BYTE,
    TYPED_BOOL,
    TYPED_INT,
    TYPED_LONG,
    TYPED_FLOAT,
    TYPED_DOUBLE,
    TYPED_STRING,
    TYPED_VECTOR,
    TYPED_LIST,
    TYPED_MAP,
    TYPED_OWN = 50, /* up to 200: an application's, a length and bytes */
    TYPED_OWN_LAST = 200,
    TYPED_MARKER = 255,
};

static const struct {
    const char *class;
    uint8_t size; /* of those with one */
    uint8_t typed;
} kinds[DATUM_KINDS] = {
    [DATUM_TEXT] = {"org.apache.hadoop.io.Text", 0, TYPED_STRING},
    [DATUM_BYTES] = {"org.apache.hadoop.io.BytesWritable", 0, TYPED_BYTES},
    [DATUM_TYPED] = {"org.apache.hadoop.typedbytes.TypedBytesWritable", 0, TYPED_BYTES},
    [DATUM_LONG] = {"org.apache.hadoop.io.LongWritable", 8, TYPED_LONG},
    [DATUM_INT] = {"org.apache.hadoop.io.IntWritable", 4, TYPED_INT},
    [DATUM_NULL] = {"org.apache.hadoop.io.NullWritable", 0, TYPED_OWN},
    [DATUM_BOOLEAN] = {"org.apache.hadoop.io.BooleanWritable", 1, TYPED_BOOL},
    [DATUM_BYTE] = {"org.apache.hadoop.io.ByteWritable", 1, TYPED_BYTE},
    [DATUM_SHORT] = {"org.apache.hadoop.io.ShortWritable", 2, TYPED_OWN},
    [DATUM_FLOAT] = {"org.apache.hadoop.io.FloatWritable", 4, TYPED_FLOAT},
    [DATUM_DOUBLE] = {"org.apache.hadoop.io.DoubleWritable", 8, TYPED_DOUBLE},
    [DATUM_VINT] = {"org.apache.hadoop.io.VIntWritable", 0, TYPED_INT},
    [DATUM_VLONG] = {"org.apache.hadoop.io.VLongWritable", 0, TYPED_LONG},
};

struct datum datum_long(int64_t v, uint8_t room[8])
{
    put_be(room, (uint64_t)v, 8);
    return (struct datum){.kind = DATUM_LONG, .bytes = room, .n = 8};
}

const char *datum_class(enum datum_kind kind)
{
    return kinds[kind].class;
}

bool datum_kind_of_class(const char *name, enum datum_kind *out)
{
    for (int i = 0; i < DATUM_KINDS; i++)
        if (strcmp(kinds[i].class, name) == 0) {
            *out = (enum datum_kind)i;
            return true;
        }
    return false;
}

/* ---- numbers of variable length ---- */

void vlong_put(struct buf *out, int64_t v)
{
    uint64_t rest = v < 0 ? ~(uint64_t)v : (uint64_t)v;
    unsigned n = 0;

    if (v >= -112 && v <= 127) {
        buf_put_be(out, (uint8_t)v, 1);
        return;
    }
    while (n < 8 && (n == 0 || rest >> (8 * n)))
        n++;
    buf_put_be(out, (uint8_t)((v < 0 ? -120 : -112) - (int)n), 1);
    buf_put_be(out, rest, n);
}

int64_t rd_vlong(struct rd *r)
{
    int8_t first = (int8_t)rd_be(r, 1);
    unsigned n;
    uint64_t v;

    if (first >= -112)
        return first;
    n = (unsigned)(first < -120 ? -120 - first : -112 - first);
    v = rd_be(r, n);
    return first < -120 ? (int64_t)~v : (int64_t)v;
}

static uint64_t number_of(const struct datum *d)
{
    struct rd r = rd_of(d->bytes, d->n);

    if (d->kind == DATUM_VINT || d->kind == DATUM_VLONG)
        return (uint64_t)rd_vlong(&r);
    return rd_be(&r, (unsigned)d->n);
}

/* ---- as text ---- */

static void put_hex(const uint8_t *p, size_t n, const char *between, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%02x", i ? between : "", p[i]);
}

static void put_float(uint32_t bits, struct buf *out)
{
    char text[JAVA_NUMBER_MAX];
    float v;

    memcpy(&v, &bits, sizeof v);
    java_float(v, text);
    buf_puts(out, text);
}

static void put_double(uint64_t bits, struct buf *out)
{
    char text[JAVA_NUMBER_MAX];
    double v;

    memcpy(&v, &bits, sizeof v);
    java_double(v, text);
    buf_puts(out, text);
}

static void put_typed_text(struct rd *r, struct buf *out, int depth);

static void put_list(struct rd *r, bool counted, struct buf *out, int depth)
{
    uint64_t left = counted ? rd_be(r, 4) : UINT64_MAX;

    buf_puts(out, "[");
    for (bool first = true; left > 0 && !r->bad; left--, first = false) {
        if (!counted && rd_left(r) && *r->at == TYPED_MARKER) {
            rd_be(r, 1);
            break;
        }
        if (!first)
            buf_puts(out, ", ");
        put_typed_text(r, out, depth + 1);
    }
    buf_puts(out, "]");
}

struct map_row {
    struct rd key, value;
};

/* Java's map is in the order of its keys; these are strings or numbers of one kind. */
static int by_key(const void *a, const void *b)
{
    const struct map_row *x = a, *y = b;
    size_t xn = rd_left(&x->key), yn = rd_left(&y->key);
    bool number = xn > 0 && *x->key.at != TYPED_STRING && *x->key.at != TYPED_BYTES && xn == yn;
    int c;

    if (number && (*x->key.at == TYPED_INT || *x->key.at == TYPED_LONG || *x->key.at == 1)) {
        int8_t xs = (int8_t)x->key.at[1], ys = (int8_t)y->key.at[1];

        if (xs != ys)
            return xs < ys ? -1 : 1;
    }
    if (!number && xn > 5 && yn > 5) { /* behind the code and the length */
        c = memcmp(x->key.at + 5, y->key.at + 5, xn < yn ? xn - 5 : yn - 5);
        return c ? c : (xn > yn) - (xn < yn);
    }
    c = memcmp(x->key.at, y->key.at, xn < yn ? xn : yn);
    return c ? c : (xn > yn) - (xn < yn);
}

static struct rd take_typed(struct rd *r)
{
    bool bad = false;
    size_t n = typed_length(*r, &bad);

    r->bad |= bad || n == 0;
    return rd_slice(r, n);
}

static void put_map(struct rd *r, struct buf *out, int depth)
{
    uint64_t n = rd_be(r, 4), kept = 0;
    struct map_row *rows = n <= ELEMENTS_MAX ? calloc(n + 1, sizeof *rows) : NULL;

    if (!rows) {
        r->bad = true;
        return;
    }
    for (; kept < n && !r->bad; kept++) {
        rows[kept].key = take_typed(r);
        rows[kept].value = take_typed(r);
    }
    if (!r->bad)
        qsort(rows, kept, sizeof *rows, by_key);
    buf_puts(out, "{");
    for (uint64_t i = 0; i < kept && !r->bad; i++) {
        if (i)
            buf_puts(out, ", ");
        put_typed_text(&rows[i].key, out, depth + 1);
        buf_puts(out, "=");
        put_typed_text(&rows[i].value, out, depth + 1);
    }
    buf_puts(out, "}");
    free(rows);
}

static void put_typed_text(struct rd *r, struct buf *out, int depth)
{
    uint8_t code = (uint8_t)rd_be(r, 1);
    size_t n;
    const uint8_t *p;

    if (r->bad || depth > DEPTH_MAX) {
        r->bad = true;
        return;
    }
    switch (code) {
    case TYPED_BYTE: buf_printf(out, "%d", (int8_t)rd_be(r, 1)); return;
    case TYPED_BOOL: buf_puts(out, rd_be(r, 1) ? "true" : "false"); return;
    case TYPED_INT: buf_printf(out, "%" PRId32, (int32_t)rd_be(r, 4)); return;
    case TYPED_LONG: buf_printf(out, "%" PRId64, (int64_t)rd_be(r, 8)); return;
    case TYPED_FLOAT: put_float((uint32_t)rd_be(r, 4), out); return;
    case TYPED_DOUBLE: put_double(rd_be(r, 8), out); return;
    case TYPED_VECTOR: put_list(r, true, out, depth); return;
    case TYPED_LIST: put_list(r, false, out, depth); return;
    case TYPED_MAP: put_map(r, out, depth); return;
    default: break;
    }
    n = (size_t)rd_be(r, 4);
    p = rd_bytes(r, n);
    if (p && code == TYPED_STRING)
        buf_put(out, p, n);
    else if (p)
        put_hex(p, n, "", out);
}

void datum_put_text(const struct datum *d, struct buf *out)
{
    struct rd r = rd_of(d->bytes, d->n);

    switch (d->kind) {
    case DATUM_TEXT: buf_put(out, d->bytes, d->n); break;
    case DATUM_BYTES: put_hex(d->bytes, d->n, " ", out); break;
    case DATUM_TYPED: put_typed_text(&r, out, 0); break;
    case DATUM_NULL: buf_puts(out, "(null)"); break;
    case DATUM_BOOLEAN: buf_puts(out, number_of(d) ? "true" : "false"); break;
    case DATUM_BYTE: buf_printf(out, "%d", (int8_t)number_of(d)); break;
    case DATUM_SHORT: buf_printf(out, "%d", (int16_t)number_of(d)); break;
    case DATUM_INT: buf_printf(out, "%" PRId32, (int32_t)number_of(d)); break;
    case DATUM_FLOAT: put_float((uint32_t)number_of(d), out); break;
    case DATUM_DOUBLE: put_double(number_of(d), out); break;
    default: buf_printf(out, "%" PRId64, (int64_t)number_of(d)); break;
    }
}

/* ---- as typed bytes ---- */

static void put_with_length(const uint8_t *p, size_t n, struct buf *out)
{
    buf_put_be(out, n, 4);
    buf_put(out, p, n);
}

void datum_put_typed(const struct datum *d, struct buf *out)
{
    unsigned size = d->kind == DATUM_VINT ? 4 : d->kind == DATUM_VLONG ? 8 : (unsigned)d->n;

    if (d->kind == DATUM_TYPED) {
        buf_put(out, d->bytes, d->n);
        return;
    }
    buf_put_be(out, kinds[d->kind].typed, 1);
    if (d->kind == DATUM_TEXT || d->kind == DATUM_BYTES) {
        put_with_length(d->bytes, d->n, out);
    } else if (kinds[d->kind].typed == TYPED_OWN) { /* its class, and what that writes */
        size_t name = strlen(datum_class(d->kind));

        buf_put_be(out, 2 + name + d->n, 4);
        buf_put_be(out, name, 2);
        buf_puts(out, datum_class(d->kind));
        buf_put(out, d->bytes, d->n);
    } else {
        buf_put_be(out, number_of(d), size);
    }
}

static size_t list_length(struct rd r, uint64_t left, bool *bad, int depth);

static size_t value_length(struct rd r, bool *bad, int depth)
{
    size_t all = rd_left(&r), n;
    uint8_t code = (uint8_t)rd_be(&r, 1);
    static const uint8_t sizes[] = {[TYPED_BYTE] = 1, [TYPED_BOOL] = 1,  [TYPED_INT] = 4,
                                    [TYPED_LONG] = 8, [TYPED_FLOAT] = 4, [TYPED_DOUBLE] = 8};

    if (r.bad)
        return 0;
    if (depth > DEPTH_MAX || (code > TYPED_MAP && (code < TYPED_OWN || code > TYPED_OWN_LAST))) {
        *bad = true;
        return 0;
    }
    if (code >= TYPED_BYTE && code <= TYPED_DOUBLE)
        return all > sizes[code] ? (size_t)sizes[code] + 1 : 0;
    if (code == TYPED_LIST) {
        n = list_length(r, UINT64_MAX, bad, depth);
        return n ? n + 1 : 0;
    }
    n = (size_t)rd_be(&r, 4);
    if (r.bad)
        return 0;
    if (code == TYPED_VECTOR || code == TYPED_MAP) {
        size_t body = n ? list_length(r, code == TYPED_MAP ? 2 * n : n, bad, depth) : 0;

        return body || n == 0 ? body + 5 : 0;
    }
    return n <= rd_left(&r) ? n + 5 : 0;
}

/* @left values, or up to the marker; 0 when cut. */
static size_t list_length(struct rd r, uint64_t left, bool *bad, int depth)
{
    size_t all = 0;

    for (; left > 0; left--) {
        size_t n;

        if (left > UINT32_MAX && rd_left(&r) && *r.at == TYPED_MARKER)
            return all + 1;
        n = value_length(r, bad, depth + 1);
        if (n == 0)
            return 0;
        rd_bytes(&r, n);
        all += n;
    }
    return all;
}

size_t typed_length(struct rd r, bool *bad)
{
    return value_length(r, bad, 0);
}

/* ---- as the class writes it ---- */

void datum_put_writable(const struct datum *d, struct buf *out)
{
    if (d->kind == DATUM_TEXT) {
        vlong_put(out, (int64_t)d->n);
        buf_put(out, d->bytes, d->n);
    } else if (d->kind == DATUM_BYTES || d->kind == DATUM_TYPED) {
        put_with_length(d->bytes, d->n, out);
    } else {
        buf_put(out, d->bytes, d->n);
    }
}

struct datum datum_read_writable(enum datum_kind kind, struct rd *r)
{
    struct datum d = {.kind = kind, .bytes = r->at};

    if (kind == DATUM_TEXT) {
        int64_t n = rd_vlong(r);

        d.n = n < 0 ? SIZE_MAX : (size_t)n;
        d.bytes = rd_bytes(r, d.n);
    } else if (kind == DATUM_BYTES || kind == DATUM_TYPED) {
        d.n = (size_t)rd_be(r, 4);
        d.bytes = rd_bytes(r, d.n);
    } else if (kind == DATUM_VINT || kind == DATUM_VLONG) {
        rd_vlong(r);
        d.n = (size_t)(r->at - d.bytes);
    } else {
        d.n = kinds[kind].size;
        rd_bytes(r, d.n);
    }
    return d;
}

void datum_put_raw(const struct datum *d, struct buf *out)
{
    size_t at = out->n;

    if (d->kind == DATUM_BYTES || d->kind == DATUM_TYPED) {
        put_with_length(d->bytes, d->n, out);
        return;
    }
    buf_put_be(out, 0, 4);
    datum_put_writable(d, out);
    if (!out->bad)
        put_be(out->bytes + at, out->n - at - 4, 4);
}

/* ---- hash and order ---- */

int32_t datum_hash(const struct datum *d)
{
    uint64_t v;

    switch (d->kind) {
    case DATUM_TEXT:
    case DATUM_BYTES:
    case DATUM_TYPED: return (int32_t)key_hash(d->bytes, d->n);
    case DATUM_NULL: return 0;
    case DATUM_BOOLEAN: return number_of(d) ? 0 : 1;
    case DATUM_DOUBLE: v = number_of(d); return (int32_t)(v ^ v >> 32);
    case DATUM_BYTE: return (int8_t)number_of(d);
    case DATUM_SHORT: return (int16_t)number_of(d);
    default: return (int32_t)number_of(d);
    }
}

bool datum_is_in_order(enum datum_kind kind)
{
    return kind == DATUM_TEXT || kind == DATUM_BYTES || kind == DATUM_TYPED || kind == DATUM_NULL ||
           kind == DATUM_BOOLEAN;
}

void datum_put_order(const struct datum *d, struct buf *out)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t v;

    if (datum_is_in_order(d->kind)) {
        buf_put(out, d->bytes, d->n);
        return;
    }
    v = number_of(d);
    if (d->kind == DATUM_FLOAT)
        v <<= 32;
    if (d->kind == DATUM_FLOAT || d->kind == DATUM_DOUBLE) {
        v = v & sign ? ~v : v | sign;
    } else {
        unsigned unused = d->kind == DATUM_VINT || d->kind == DATUM_VLONG
                              ? 0
                              : 64 - 8 * (unsigned)d->n; /* the sign of a short number, made long */

        v = (uint64_t)((int64_t)(v << unused) >> unused) ^ sign;
    }
    buf_put_be(out, v, 8);
}
