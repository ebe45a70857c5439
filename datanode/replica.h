/* replica.h -- one copy of a block on this datanode, as small as it can be kept in memory.
 *
 * Its files are told by its fields: volume, home (which directory of the volume), id, stamp.
 * What only a replica has that is being written or recovered stands in its draft (draft.h).
 *
 * Always true, checked by replica_check():
 *   R1  a FINALIZED replica is at home in finalized/, RBW and RWR in rbw/, TEMPORARY in tmp/
 *   R2  a replica under recovery (RUR) is where it was before, and has a draft
 *   R3  RBW and TEMPORARY have a draft; FINALIZED and RWR have none
 *
 * Thread:  under the lock of the dataset.
 * Design:  docs/design/datanode.md
 */
#ifndef DFS_DATANODE_REPLICA_H
#define DFS_DATANODE_REPLICA_H

#include <stdint.h>

/* The numbers are the wire's: block reports and InterDatanodeProtocol say them. */
enum replica_state {
    REPLICA_FINALIZED,
    REPLICA_RBW,       /* being written */
    REPLICA_RWR,       /* was being written when the datanode stopped: waits to be recovered */
    REPLICA_RUR,       /* under recovery */
    REPLICA_TEMPORARY, /* a copy being made for another reason than a client's writing */
    REPLICA_NONE,      /* not there: only as the start or end of a move */
};

enum replica_home { HOME_FINALIZED, HOME_RBW, HOME_TMP };

enum { VOLUMES_MAX = 255 };

struct replica {
    uint64_t id;
    uint64_t stamp;
    uint64_t bytes : 48; /* of FINALIZED and RWR, all of it; of others see the draft */
    uint64_t volume : 8;
    uint64_t state : 3;
    uint64_t home : 2;
    uint32_t next;  /* replica_map.c's chain */
    uint32_t draft; /* draft_table's number; 0: none */
};

const char *replica_state_name(enum replica_state s);
/* "FinalizedReplica, blk_17_1003, FINALIZED": how Hadoop's messages tell of one. */
enum { REPLICA_TEXT_MAX = 120 };
const char *replica_text(const struct replica *r, char *out);
const char *replica_move_reason(enum replica_state from, enum replica_state to); /* NULL: no move */

/* Changes the state; a move that the table does not have stops the process. */
void replica_move(struct replica *r, enum replica_state to);
void replica_check(const struct replica *r);

#endif
