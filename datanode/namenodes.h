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
    _Atomic unsigned count; /* of those that have been started */
    _Atomic uint64_t tickets;
};

/* Fills dn->namenodes, also when it fails. */
int namenodes_start(struct datanode *dn, struct err *err);
/* Ends their threads.  What is still running may go on telling them until they are freed. */
void namenodes_stop(struct namenodes *n);
void namenodes_free(struct namenodes *n);
/* Full block reports come as often as is set now. */
void namenodes_hasten_reports(struct namenodes *n);

#endif
