/* record.h -- a key and a value, and a stream of them in the order of their keys.
 *
 * Keys order as memcmp does, a prefix before what it begins; equal keys keep the order in which
 * they came.  key_prefix() packs a key's first seven bytes and how many of the key they are
 * into a number that orders the same way: two different numbers decide, and two equal ones mean equal keys when the
 * key ends inside them (the last byte is 7 or less).
 *
 * The same key with the same value, again and again, is what counting jobs are made of: such records
 * travel as one with a count, from the sort to the reducer's input.
 *
 * Memory:  what a stream gives lives until its next call.
 */
#ifndef DFS_COMPUTE_RECORD_H
#define DFS_COMPUTE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"

enum { KEY_PREFIX_BYTES = 7 };
#define RECORD_MAX ((size_t)1 << 30) /* bytes of one key and value together */

struct record {
    const uint8_t *key, *value;
    size_t key_n, value_n;
    bool same;      /* the key equals that of the record before */
    uint32_t count; /* how many times this record comes, one after the other; at least 1 */
};

struct record_stream {
    int (*next)(struct record_stream *s, struct record *out, struct err *err); /* 1; 0: end */
};

/* Fewer than eight bytes as a number, the first byte lowest: by loads that overlap, since a copy of
 * a length only known at run time costs more than all the rest of taking in a record. */
static inline uint64_t short_key(const uint8_t *key, size_t n)
{
    uint32_t first, last;

    if (n < 4)
        return n == 0 ? 0
                      : key[0] | (uint64_t)key[n / 2] << (8 * (n / 2)) |
                            (uint64_t)key[n - 1] << (8 * (n - 1));
    memcpy(&first, key, 4);
    memcpy(&last, key + n - 4, 4);
    return first | (uint64_t)last << (8 * (n - 4));
}

/* The same of a key behind which (or in which) eight bytes can be read: without a branch, which
 * keys of all lengths would have the processor guess wrong. */
static inline uint64_t key_prefix_of_eight(const uint8_t *key, size_t n)
{
    unsigned bits = 8 * (unsigned)(n < KEY_PREFIX_BYTES ? n : KEY_PREFIX_BYTES);
    uint64_t v;

    memcpy(&v, key, 8);
    return (__builtin_bswap64(v) & ~(~(uint64_t)0 >> bits)) | (n < 8 ? n : 8);
}

static inline uint64_t key_prefix(const uint8_t *key, size_t n)
{
    uint64_t v;

    if (n < 8)
        return __builtin_bswap64(short_key(key, n)) | n;
    memcpy(&v, key, 8);
    return (__builtin_bswap64(v) & ~(uint64_t)0xff) | 8;
}
static inline bool key_prefix_is_whole(uint64_t prefix)
{
    return (prefix & 0xff) <= KEY_PREFIX_BYTES;
}

static inline int key_compare(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
    int c = memcmp(a, b, an < bn ? an : bn);

    return c ? c : (an > bn) - (an < bn);
}

#endif
