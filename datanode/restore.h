/* restore.h -- lost units of a block group, computed from units that other datanodes have.
 *
 * Reads as many sources as the policy needs, a piece of each at a time, and decodes the piece of the
 * wanted units.  A source that can't be read, or is not what was written, is left out and another takes
 * its place from there on; the namenode is told of a corrupt one.  With too few left it fails, and
 * says which were lost.
 *
 * A piece holds whole checksum chunks: sources whose chunks do not fit into it are ERR_UNSUPPORTED.
 *
 * Thread:  one at a time; waits for the network.
 * Memory:  a piece for each unit.
 * Design:  docs/design/erasure-coding.md, "Restoring"
 */
#ifndef DFS_DATANODE_RESTORE_H
#define DFS_DATANODE_RESTORE_H

#include "datanode/datanode.h"
#include "proto/stripe.h"
#include "proto/xfer.h"

struct restore;

struct restore_want {
    const Pb__ExtendedBlockProto *group; /* all outlive the restoring */
    const Pb__ErasureCodingPolicyProto *policy;
    Pb__DatanodeInfoProto *const *sources;
    const uint8_t *source_units; /* which unit each has */
    size_t source_count;
    unsigned units; /* wanted, by their bits */
};

/* ERR_ARGUMENT: indices that the policy does not have, or twice the same, or one that is wanted too. */
int restore_open(struct datanode *dn, const struct restore_want *want, struct restore **out,
                 struct err *err);
void restore_close(struct restore *r); /* NULL is allowed */

const struct stripe_policy *restore_policy(const struct restore *r);
const struct checksum *restore_checksum(const struct restore *r); /* that of the sources */
unsigned restore_sources(const struct restore *r);                /* how many are read */
uint64_t restore_unit_bytes(const struct restore *r, unsigned unit);

/* The next piece: 1, or 0 at the end.  A unit's bytes may end inside of it, or before. */
int restore_next(struct restore *r, struct err *err);
/* Of that piece, what is @unit's: its bytes, and how many. */
uint32_t restore_piece(const struct restore *r, unsigned unit, const uint8_t **bytes);

#endif
