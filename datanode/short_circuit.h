/* short_circuit.h -- blocks read by a client on the same host, through descriptors passed over a
 * UNIX socket, with no datanode in between.
 *
 * A client may ask for a shared memory segment first; each block that it then gets has a slot of
 * it, and when the block is deleted here the slot says so.
 *
 * Thread:  any.
 * Format:  docs/formats/data-transfer.md, "Short-circuit reads"
 */
#ifndef DFS_DATANODE_SHORT_CIRCUIT_H
#define DFS_DATANODE_SHORT_CIRCUIT_H

#include "datanode/datanode.h"

/* Listens on @path, in which _PORT stands for the data port. */
int short_circuit_start(struct datanode *dn, const char *path, struct short_circuit **out,
                        struct err *err);
void short_circuit_stop(struct short_circuit *sc); /* NULL is allowed */

/* The block is gone: clients that hold it through a slot are told. */
void short_circuit_forget(struct short_circuit *sc, uint64_t block_id); /* NULL is allowed */

#endif
