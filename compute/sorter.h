/* sorter.h -- map output, sorted by partition and key, within a bounded memory.
 *
 * Records are copied into one block of memory; when it is full they are sorted and spilled to a
 * file; at the end the spills are merged into one.  A combiner sees each partition of each
 * spill as it is sorted and writes what shall be kept instead.
 *
 * The sort is a radix sort of 16-byte entries (partition, first bytes of the key, place), which
 * falls back on more of the key only where keys agree in their first seven bytes.  It is stable.
 *
 * Thread:  one at a time.
 * Memory:  what is added is copied.  About `memory_bytes` are used, half as much again while
 *          sorting short records.
 * Errors:  those of spill.h; ERR_LIMIT for a record above RECORD_MAX.  After an error only
 *          sorter_free may be called.
 */
#ifndef DFS_COMPUTE_SORTER_H
#define DFS_COMPUTE_SORTER_H

#include "compute/spill.h"

struct sorter;

/* Reads @in and adds what is to be kept to @out, by spill_add. */
struct combiner {
    int (*combine)(void *ctx, uint32_t partition, struct record_stream *in,
                   struct spill_writer *out, struct err *err);
    void *ctx;
};

struct sorter_options {
    struct env *env;
    const char *dir;     /* spills are dir/spill-N; the caller removes the directory */
    uint32_t partitions; /* at least one */
    size_t memory_bytes;
    int merge_factor;
    const struct combiner *combiner; /* NULL: none */
    enum codec codec;                /* that packs what is written */
};

int sorter_new(const struct sorter_options *o, struct sorter **out, struct err *err);
int sorter_add(struct sorter *s, uint32_t partition, const uint8_t *key, size_t key_n,
               const uint8_t *value, size_t value_n, struct err *err);
/* The same for who knows key_prefix() and key_hash() of the key already. */
struct sort_record {
    const uint8_t *key, *value;
    size_t key_n, value_n;
    uint64_t prefix;
    uint32_t hash, partition;
};
int sorter_put(struct sorter *s, const struct sort_record *r, struct err *err);
/* Everything that was added, as one spill file at @path. */
int sorter_finish(struct sorter *s, const char *path, struct err *err);
void sorter_free(struct sorter *s); /* NULL is allowed; removes what was spilled */

uint64_t sorter_spilled_records(const struct sorter *s);

#endif
