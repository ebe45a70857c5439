/* group.h -- what there is of a block group's units, and what is to be done about each.
 *
 * Every unit is in one state, that of its best replica; the table in group.c says for each state
 * whether readers get the unit and what brings it back to where it should be:
 *
 *   state     its best replica                      readable   is brought back by
 *   NONE      the group is too short to have it     no         -
 *   MISSING   there is none                         no         decoding
 *   CORRUPT   is corrupt                            no         decoding
 *   LEFT      on a node that has left the service   yes        a copy
 *   LEAVING   on a node that is being emptied       yes        a copy
 *   LIVE      is good, on a node in service         yes        -
 *
 * A group can be read while as many units are readable as it has data units with bytes.
 *
 * Thread:  namespace lock.
 * Design:  docs/design/block-groups.md
 */
#ifndef DFS_NAMENODE_GROUP_H
#define DFS_NAMENODE_GROUP_H

#include "namenode/blocks/bm_parts.h"

enum unit_state {
    UNIT_NONE,
    UNIT_MISSING,
    UNIT_CORRUPT,
    UNIT_LEFT,
    UNIT_LEAVING,
    UNIT_LIVE,
    UNIT_STATES
};
enum unit_remedy { REMEDY_NOTHING, REMEDY_COPY, REMEDY_DECODE };

struct unit {
    enum unit_state state;
    uint16_t storage; /* of the best replica, whatever its state; 0: none */
    int live;         /* good replicas on nodes in service: one too many with each above 1 */
};

struct group {
    struct striping s;
    int data_used; /* data units that have bytes: as many suffice to read the group */
    int wanted;    /* units that there should be */
    int count[UNIT_STATES];
    struct counts replicas; /* live, leaving and left: distinct units, the best state of each */
    struct unit units[GROUP_UNITS];
};

/* False when the file of @b is not striped. */
bool group_look(struct block_manager *bm, const struct block_info *b, struct group *out);
/* Readable units. */
int group_readable(const struct group *g);
enum unit_remedy group_remedy(enum unit_state state);
/* How urgent: Hadoop's priority, a list of the table of needs. */
int group_priority(const struct group *g);
/* Bytes of the unit that @id names, as long as the group is now. */
uint64_t group_unit_length(const struct block_manager *bm, const struct block_info *b, uint64_t id);

#endif
