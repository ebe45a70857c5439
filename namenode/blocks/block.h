/* block.h -- the record of a block: 25 bytes, packed.
 *
 * Replicated blocks count up from 1073741825, the groups of striped files from the lowest 64-bit
 * number in steps of 16. Either becomes a block number of 47 bits, which is what an inode keeps:
 * the id itself, or the group's place with bit 46 set. Blocks of clusters older than Hadoop 2,
 * whose ids are random 64-bit numbers, are refused.
 *
 * Up to three storages stand in the record; with more, BLOCK_MORE is set and the first four of
 * their bytes are a reference to a list. A group has a list as soon as it has one storage: of each
 * it also says which unit is there (striping.h), so a storage may stand in it once for each unit.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_BLOCK_H
#define DFS_NAMENODE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "namenode/namespace/idmap.h"
#include "namenode/namespace/namespace.h"

enum {
    BLOCK_STATE_MASK = 3,
    BLOCK_COUNT_SHIFT = 2,
    BLOCK_COUNT_MASK = 12,
    BLOCK_MORE = 16,
    BLOCK_GROUP = 32, /* a block group: the list has units */
};

struct __attribute__((packed)) block {
    uint8_t gs[6], length[6], file[6];
    uint8_t storages[6];
    uint8_t bits;
};

struct block_map {
    struct slab *slab;
    struct idmap blocks, groups;
};

static const uint64_t BLOCK_NONE = UINT64_MAX;
static const uint64_t BLOCK_GROUP_BIT = (uint64_t)1 << 46;

void block_map_init(struct block_map *m, struct slab *slab);

uint64_t block_number(uint64_t id); /* BLOCK_NONE: an id that can't be */
uint64_t block_id_of(uint64_t number);

struct block *block_get(const struct block_map *m, uint64_t number); /* NULL: none */
struct block *block_put(struct block_map *m, uint64_t number);       /* NULL: no memory */
void block_drop(struct block_map *m, uint64_t number);

unsigned block_storages(const struct block_map *m, const struct block *b, uint16_t *out,
                        unsigned max); /* returns how many there are */
/* The same of a group, and which unit each has; of others unit 0. */
unsigned block_units(const struct block_map *m, const struct block *b, uint16_t *out,
                     uint8_t *units, unsigned max);
/* @unit: of a group; else it counts for nothing. */
bool block_add_storage(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit);
bool block_remove_storage(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit);
void block_unpack(const struct block_map *m, const struct block *b, uint64_t number,
                  struct block_info *out);

#endif
