/* short_circuit.h -- a replica on this host, read through descriptors that its datanode passed.
 *
 * The client asks on the datanode's UNIX socket (dfs.domain.socket.path) for a block; the
 * datanode checks and sends an open descriptor of the block file and one of its meta file.  The
 * bytes are then read like any file's, and checked against the meta file's checksums, with no
 * datanode in between.  Wire: docs/formats/data-transfer.md, operation 87.
 *
 * Thread:  one at a time.
 */
#ifndef DFS_CLIENT_SHORT_CIRCUIT_H
#define DFS_CLIENT_SHORT_CIRCUIT_H

#include "client/block_reader.h"

struct short_circuit;

int short_circuit_open(struct dfs *fs, const struct block_range *what, struct short_circuit **out,
                       struct err *err);

/* Verified bytes from @at on, at most to @end, good until the next call; how many, or -ERR_X. */
ssize_t short_circuit_view(struct short_circuit *s, uint64_t at, uint64_t end,
                           const uint8_t **bytes, struct err *err);
void short_circuit_close(struct short_circuit *s); /* NULL is allowed */

#endif
