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

static inline uint64_t key_prefix(const uint8_t *key, size_t n)
{
    uint64_t v = 0;

    if (n >= 8) {
        memcpy(&v, key, 8);
        return (__builtin_bswap64(v) & ~(uint64_t)0xff) | 8;
    }
    memcpy(&v, key, n);
    return __builtin_bswap64(v) | n;
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
