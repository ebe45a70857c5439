/* block_map.h -- where the blocks of a range of a file are, as the namenode said at one time.
 *
 * A map never changes after it was fetched; readers share it by counting references, and replace
 * it by a newer one when it turned out to be stale.
 *
 * Thread:  block_map_hold and _drop any thread; the rest reads only.
 * Memory:  everything found in a map lives as long as the map.
 */
#ifndef DFS_CLIENT_BLOCK_MAP_H
#define DFS_CLIENT_BLOCK_MAP_H

#include <stdatomic.h>

#include "client/fs.h"

struct block_map {
    atomic_int refs;
    struct arena arena;
    const Pb__LocatedBlocksProto *blocks;
    uint64_t from, to;     /* the bytes of the file that it covers */
    uint64_t file_length;  /* with what is visible of a last block still being written */
    uint64_t last_visible; /* bytes of that last block; 0 when the file is closed */
};

int block_map_fetch(struct dfs *fs, const char *path, uint64_t offset, uint64_t length,
                    struct block_map **out, struct err *err);
struct block_map *block_map_hold(struct block_map *m);
void block_map_drop(struct block_map *m); /* NULL is allowed */

/* The block with byte @offset, or NULL. */
const Pb__LocatedBlockProto *block_map_find(const struct block_map *m, uint64_t offset);

/* Readable bytes of a block of this map. */
uint64_t block_map_length(const struct block_map *m, const Pb__LocatedBlockProto *b);

/* host:port of a datanode's data server, as this client is told to reach it. */
struct net_addr;
void replica_address(const struct dfs *fs, const Pb__DatanodeIDProto *id, struct net_addr *out);

#endif
