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
/* Closes the door; who is inside goes on, until nobody has it any more and it is freed. NULL is allowed. */
void short_circuit_stop(struct short_circuit *sc);
void short_circuit_free(struct short_circuit *sc);

/* The block is gone, or not what it was: clients that hold it through a slot are told.  @sc may be
 * NULL in all of these. */
void short_circuit_forget(struct short_circuit *sc, uint64_t block_id);

/* The block is in memory: clients may anchor their slots, and read without looking at checksums. */
void short_circuit_pin(struct short_circuit *sc, uint64_t block_id);
/* From now on no client gets an anchor any more.  True while one still holds one. */
bool short_circuit_unpin(struct short_circuit *sc, uint64_t block_id);

#endif
