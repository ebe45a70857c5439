#include "common/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    static const uint8_t nothing[1]; /* what a cursor over no memory at all points to */
    const uint8_t *p = r->at;

    if (r->bad || (size_t)(r->end - r->at) < n) {
        r->bad = true;
        return NULL;
    }
    if (!p)
        return r->at = r->end = nothing;
    r->at += n;
    return p;
}

uint64_t rd_be(struct rd *r, unsigned bytes)
{
    const uint8_t *p = rd_bytes(r, bytes);

    return p ? get_be(p, bytes) : 0;
}

uint64_t rd_le(struct rd *r, unsigned bytes)
{
    const uint8_t *p = rd_bytes(r, bytes);
    uint64_t v = 0;

    for (unsigned i = 0; p && i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t rd_varint(struct rd *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = rd_bytes(r, 1);

        if (!p)
            return 0;
        if (shift < 64)
            v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80))
            return v;
    }
    r->bad = true;
    return 0;
}

int64_t rd_zigzag(struct rd *r)
{
    uint64_t v = rd_varint(r);

    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct rd rd_slice(struct rd *r, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);

    return p ? rd_of(p, n) : (struct rd){.bad = true};
}

struct rd rd_delimited(struct rd *r)
{
    uint64_t n = rd_varint(r);

    if (n > rd_left(r)) {
        r->bad = true;
        return (struct rd){.bad = true};
    }
    return rd_slice(r, n);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->bytes);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->bad = false;
}

static bool reserve(struct buf *b, size_t want)
{
    size_t cap = b->cap ? b->cap : 256;
    uint8_t *grown;

    if (want > b->max)
        return false;
    while (cap < want)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    grown = realloc(b->bytes, cap);
    if (!grown)
        return false;
    b->bytes = grown;
    b->cap = cap;
    return true;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    uint8_t *p;

    if (b->bad || n > b->max || (b->cap - b->n < n && !reserve(b, b->n + n))) {
        b->bad = true;
        return NULL;
    }
    p = b->bytes + b->n;
    b->n += n;
    return p;
}

void buf_put(struct buf *b, const void *bytes, size_t n)
{
    uint8_t *p = n ? buf_grow(b, n) : NULL;

    if (p)
        memcpy(p, bytes, n);
}

void buf_put_be(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t *p = buf_grow(b, bytes);

    if (p)
        put_be(p, v, bytes);
}

unsigned varint_put(uint8_t *out, uint64_t v)
{
    unsigned n = 0;

    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    uint8_t tmp[10];

    buf_put(b, tmp, varint_put(tmp, v));
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0) {
        /* One byte more for vsnprintf's zero, given back at once. */
        char *p = (char *)buf_grow(b, (size_t)n + 1);

        if (p) {
            vsnprintf(p, (size_t)n + 1, fmt, again);
            b->n--;
        }
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->bytes, b->bytes + n, b->n - n);
    b->n -= n;
}

char *buf_cstr(struct buf *b)
{
    uint8_t *p = buf_grow(b, 1);

    if (!p)
        return NULL;
    *p = 0;
    b->n--;
    return (char *)b->bytes;
}
