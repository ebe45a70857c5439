/* copies.h -- sends replicas of this datanode to others: for the namenode, or for a client whose
 * pipeline gets a new member.
 *
 * Thread:  the caller's (copy_now), or one of the crew's (copy_later).
 */
#ifndef DFS_DATANODE_COPIES_H
#define DFS_DATANODE_COPIES_H

#include "datanode/datanode.h"

struct copy_want {
    struct block block;
    Pb__DatanodeInfoProto **targets;
    size_t target_count;
    const Pb__StorageTypeProto *types; /* as many as targets, or NULL */
    char **storage_ids;                /* the same */
    const char *client;                /* "": for the namenode's sake */
};

int copy_now(struct datanode *dn, const struct copy_want *want, struct err *err);
/* Copies what @want points to; a failure is logged, and the namenode asks again. */
int copy_later(struct datanode *dn, const struct copy_want *want, struct err *err);

#endif
