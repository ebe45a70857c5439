/* replica_map.h -- every replica of a block pool, by block id, in about 36 bytes each.
 *
 * Replicas live in chunks that never move, so a pointer to one is good until it is removed.
 *
 * Thread:  under the lock of the dataset.
 */
#ifndef DFS_DATANODE_REPLICA_MAP_H
#define DFS_DATANODE_REPLICA_MAP_H

#include <stddef.h>

#include "common/err.h"
#include "datanode/replica.h"

struct replica_map;

struct replica_map *replica_map_new(void); /* NULL: out of memory */
void replica_map_free(struct replica_map *map);

struct replica *replica_map_find(const struct replica_map *map, uint64_t id);

/* A new entry with id @id and state REPLICA_NONE, all else zero; the id must not be there yet.
 * NULL: out of memory. */
struct replica *replica_map_add(struct replica_map *map, uint64_t id);
void replica_map_remove(struct replica_map *map, struct replica *r);

size_t replica_map_count(const struct replica_map *map);

/* Walks all: begin with *cursor 0; NULL at the end.  Removing the one just returned, and adding,
 * are allowed meanwhile; what was added may or may not be seen. */
struct replica *replica_map_next(const struct replica_map *map, size_t *cursor);

#endif
