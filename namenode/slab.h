/* slab.h -- memory for millions of small things, known by 32-bit references.
 *
 * One range of addresses is reserved when a slab is made and becomes present as it is used, so a
 * reference is an offset and nothing ever moves. Objects are handed out one after the other, each
 * as long as asked for, rounded up to the grain; what is freed goes to the list of its size and
 * is handed out again from there. Sizes above SLAB_EXACT_MAX are rounded up by at most a quarter.
 *
 * Always true: a reference that was handed out is never 0, and its object does not overlap
 * another; used + free + rounding is what has been handed out of the range.
 *
 * Thread:  one at a time.
 * Errors:  0 when the range, or the limit given, is used up.
 */
#ifndef DFS_NAMENODE_SLAB_H
#define DFS_NAMENODE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { SLAB_EXACT_MAX = 4096, SLAB_LARGE_CLASSES = 64 };

struct slab {
    uint8_t *base;
    unsigned grain_shift; /* references count units of 1 << grain_shift bytes */
    uint64_t next, end;   /* in bytes from base: first never used, first not reserved */
    uint64_t limit;       /* in bytes: where slab_alloc gives up */
    uint64_t used;        /* bytes of objects alive, as rounded */
    uint32_t *exact;      /* freed objects by rounded size: exact[size >> grain_shift] */
    uint32_t large[SLAB_LARGE_CLASSES];
};

/* Reserves @reserve bytes of addresses (at most 2^32 grains); @limit 0: all of them. */
int slab_init(struct slab *s, unsigned grain_bytes, uint64_t reserve, uint64_t limit,
              struct err *err);
void slab_done(struct slab *s);

/* Not zeroed. @bytes is not 0. */
uint32_t slab_alloc(struct slab *s, size_t bytes);
void slab_free(struct slab *s, uint32_t ref, size_t bytes); /* @bytes as when it was allocated */

/* How many bytes slab_alloc(@bytes) really takes: what an object may grow to in place. */
size_t slab_rounded(const struct slab *s, size_t bytes);

static inline void *slab_at(const struct slab *s, uint32_t ref)
{
    return s->base + ((uint64_t)ref << s->grain_shift);
}

#endif
