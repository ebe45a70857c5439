/* striping.h -- how the bytes of a striped file's block group lie in its units.
 *
 * A group is one block of the namespace and up to 16 units on datanodes, the data first, then the
 * parity: Hadoop calls them internal blocks. Bytes go to the data units in turn, a cell to each;
 * parity has the length of the first unit. A unit's block id is that of the group and its index:
 *
 *   63 62         4 3     0
 *   1  number of    index       groups are 16 apart, from the lowest signed 64-bit number on
 *      the group
 *
 * Thread:  any; nothing here has a state.
 * Design:  docs/design/block-groups.md
 */
#ifndef DFS_NAMENODE_STRIPING_H
#define DFS_NAMENODE_STRIPING_H

#include <stdbool.h>
#include <stdint.h>

enum { GROUP_UNITS = 16 };

static inline bool id_is_striped(uint64_t block)
{
    return block >> 63;
}

/* Of a unit or a group; a replicated block is its own. */
static inline uint64_t id_of_group(uint64_t block)
{
    return id_is_striped(block) ? block & ~(uint64_t)(GROUP_UNITS - 1) : block;
}

/* 0 for a replicated block. */
static inline uint8_t id_unit(uint64_t block)
{
    return id_is_striped(block) ? (uint8_t)(block & (GROUP_UNITS - 1)) : 0;
}

struct striping {
    uint8_t data, parity;
    uint32_t cell_bytes;
};

/* Bytes of the unit @index in a group of @length bytes. */
uint64_t striping_unit_length(const struct striping *s, uint64_t length, unsigned index);
/* Bytes of all units: what the group takes on datanodes. */
uint64_t striping_space(const struct striping *s, uint64_t length);
/* How many data units there are: those that have bytes, and one at least. */
unsigned striping_data_used(const struct striping *s, uint64_t length);
/* Is there a unit @index in a group of @length bytes? */
bool striping_has_unit(const struct striping *s, uint64_t length, unsigned index);

#endif
