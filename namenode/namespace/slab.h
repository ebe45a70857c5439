/* slab.h -- memory for millions of small things, known by 32-bit references.
 *
 * One range of addresses is reserved when a slab is made and becomes present as it is used, so a
 * reference is an offset, counted in grains of 4 or 8 bytes, and nothing ever moves. The range is
 * cut into runs of 64 KiB. A run holds objects of one size; when the last of them is freed the
 * run serves any other size, so memory freed in one shape is not lost for another. Objects above
 * SLAB_SMALL_MAX have runs of their own.
 *
 * The size is said again when an object is freed: nothing is stored beside it.
 *
 * A change that needs several objects calls slab_reserve() first: what it then takes can't fail,
 * and so it is never left half done.
 *
 * Always true, and checked by slab_check():
 *   S1  a run is free, of one size, or part of one large object
 *   S2  the counts of objects and bytes are those of the runs
 *
 * Thread:  one at a time.
 * Memory:  the range, and a table with 24 bytes for each run of it that was ever used.
 * Errors:  0 when the range, or the limit given, is used up.
 */
#ifndef DFS_NAMENODE_SLAB_H
#define DFS_NAMENODE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { SLAB_RUN_BYTES = 64 << 10, SLAB_SMALL_MAX = 8 << 10, SLAB_SPARE_RUNS = 64 };

struct slab_run;

struct slab {
    uint8_t *base;
    unsigned grain_shift;        /* references count units of 1 << grain_shift bytes */
    uint32_t run_max, run_limit; /* what the range holds; how many may be used at once */
    uint32_t top, present;       /* runs ever used; runs that may be touched */
    uint32_t runs_used;
    uint32_t free_hint; /* no free run below it; 0: none free */
    uint64_t used;      /* bytes of objects alive, as rounded to grains */
    uint64_t objects;
    struct slab_run *runs;
    uint64_t *free_bits; /* runs below top that are free */
    uint32_t *partial;   /* by size in grains: a run of that size that has room, or 0 */
};

/* Reserves @reserve bytes of addresses (at most 2^32 grains); @limit 0: all of them. */
int slab_init(struct slab *s, unsigned grain_bytes, uint64_t reserve, uint64_t limit,
              struct err *err);
void slab_done(struct slab *s);

/* Makes sure that objects which need at most @bytes of new runs can be had; else ERR_NOMEM. */
int slab_reserve(struct slab *s, size_t bytes, struct err *err);

/* Not zeroed. @bytes is not 0. */
uint32_t slab_alloc(struct slab *s, size_t bytes);
void slab_free(struct slab *s, uint32_t ref, size_t bytes); /* @bytes as when it was allocated */

/* For the smaller copy of an object that is freed right after: may use what lies beyond the limit,
 * so that shrinking never fails. */
uint32_t slab_alloc_spare(struct slab *s, size_t bytes);

/* Gives the pages of free runs back to the system. */
void slab_trim(struct slab *s);

void slab_check(const struct slab *s);

static inline void *slab_at(const struct slab *s, uint32_t ref)
{
    return s->base + ((uint64_t)ref << s->grain_shift);
}

#endif
