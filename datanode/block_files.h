/* block_files.h -- the open files of blocks that are read often: a small cache of descriptors.
 *
 * An entry is a finalized replica's data and meta file, open, with the meta header parsed.  Who
 * takes one holds it until he gives it back; forgetting a block only keeps others from finding
 * it.
 *
 * Thread:  any.
 */
#ifndef DFS_DATANODE_BLOCK_FILES_H
#define DFS_DATANODE_BLOCK_FILES_H

#include <stdatomic.h>

#include "proto/xfer.h"

struct block_files {
    uint64_t id, stamp;
    int data_fd, meta_fd; /* meta_fd -1: the block has no meta file */
    struct checksum sum;
    _Atomic int refs;
};

struct block_cache;

struct block_cache *block_cache_new(unsigned entries);
void block_cache_free(struct block_cache *c);

struct block_files *block_cache_take(struct block_cache *c, uint64_t id, uint64_t stamp);
/* The cache takes a reference of its own. */
void block_cache_add(struct block_cache *c, struct block_files *f);
void block_cache_forget(struct block_cache *c, uint64_t id);

struct block_files *block_files_new(uint64_t id, uint64_t stamp, int data_fd, int meta_fd,
                                    const struct checksum *sum); /* owns the descriptors */
void block_files_drop(struct block_files *f);                    /* NULL is allowed */

#endif
