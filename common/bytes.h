/* bytes.h -- reading bytes from strangers, and making bytes for them.
 *
 * struct rd is a cursor that can't run over its end: read the fields in a row, ask once whether
 * it went bad.  A bad cursor answers zeros and empty slices.
 *
 * struct buf is a byte string that grows up to a maximum given when it is made.  Running into
 * the maximum, or out of memory, makes it bad; everything after that is dropped.
 *
 * Thread:  any; each belongs to its caller.
 * Memory:  rd borrows; buf owns its bytes until buf_done().
 */
#ifndef DFS_COMMON_BYTES_H
#define DFS_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct rd rd_of(const void *bytes, size_t n)
{
    /* NULL with n 0 is an empty message's; adding to that is undefined */
    return (struct rd){.at = bytes, .end = n ? (const uint8_t *)bytes + n : bytes};
}
static inline size_t rd_left(const struct rd *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->at);
}

uint64_t rd_be(struct rd *r, unsigned bytes); /* big-endian, 1 to 8 bytes */
uint64_t rd_le(struct rd *r, unsigned bytes);
uint64_t rd_varint(struct rd *r); /* protobuf's, at most 10 bytes */
int64_t rd_zigzag(struct rd *r);
const uint8_t *rd_bytes(struct rd *r, size_t n); /* NULL when bad */
struct rd rd_slice(struct rd *r, size_t n);      /* the next @n bytes as a cursor of their own */
struct rd rd_delimited(struct rd *r);            /* varint length, then that many bytes */

struct buf {
    uint8_t *bytes;
    size_t n, cap, max;
    bool bad;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b); /* leaves an empty buffer with the same maximum */
void buf_clear(struct buf *b);
uint8_t *buf_grow(struct buf *b,
                  size_t n); /* room for @n more, counted as written; NULL when bad */
void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_put_be(struct buf *b, uint64_t v, unsigned bytes);
void buf_put_varint(struct buf *b, uint64_t v);
void buf_puts(struct buf *b, const char *s); /* without its zero */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t n); /* drops the first @n bytes */
char *buf_cstr(struct buf *b);             /* zero-terminated view; NULL when bad */

static inline unsigned varint_size(uint64_t v)
{
    return (unsigned)(70 - __builtin_clzll(v | 1)) / 7;
}
unsigned varint_put(uint8_t *out, uint64_t v); /* at most 10 bytes; returns how many */

static inline void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}
static inline uint64_t get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

#endif
