/* idmap.h -- records by an id that is handed out in sequence: the id is the handle.
 *
 * A radix tree over the id. A leaf covers 64 ids; it has a bitmap of those that exist and keeps
 * only their records, packed, in the order of the ids: a record's place is the number of bits
 * set below its own. So a record costs its own size and an eighth of a byte, needs no hash table
 * beside it, and a scan goes through memory in the order of the ids.
 *
 * Always true: a leaf holds as many records as its bitmap has bits; an empty leaf or node does
 * not exist.
 *
 * Thread:  one at a time.
 * Memory:  a pointer to a record is valid until the next put or remove.
 */
#ifndef DFS_NAMENODE_IDMAP_H
#define DFS_NAMENODE_IDMAP_H

#include <stdint.h>

#include "namenode/namespace/slab.h"

struct idmap {
    struct slab *slab;
    unsigned stride; /* bytes of a record */
    unsigned height; /* nodes above the leaves; 0: the root is a leaf, or nothing */
    uint32_t root;
    uint64_t count;
};

enum { IDMAP_ID_BITS = 46 };

void idmap_init(struct idmap *m, struct slab *slab, unsigned stride);

void *idmap_get(const struct idmap *m, uint64_t id); /* NULL: there is none */
/* A new record, zeroed; NULL when memory is short, and then nothing has changed. The id must be
 * free and below 2^46. */
void *idmap_put(struct idmap *m, uint64_t id);
void idmap_remove(struct idmap *m, uint64_t id); /* must be there */

/* The first record at or after *id, which is set to its id; NULL at the end. */
void *idmap_next(const struct idmap *m, uint64_t *id);

void idmap_check(const struct idmap *m);

#endif
