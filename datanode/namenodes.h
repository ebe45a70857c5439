/* namenodes.h -- the namenodes that this datanode serves: one, or the members of one nameservice.
 *
 * Thread:  started and stopped by one; asked by any.
 */
#ifndef DFS_DATANODE_NAMENODES_H
#define DFS_DATANODE_NAMENODES_H

#include "datanode/actor.h"

enum { NAMENODES_MAX = 8 };

struct namenodes {
    struct datanode *dn;
    struct actor *actors[NAMENODES_MAX];
    unsigned count;
    _Atomic uint64_t tickets;
};

int namenodes_start(struct datanode *dn, struct namenodes **out, struct err *err);
void namenodes_stop(struct namenodes *n);

#endif
