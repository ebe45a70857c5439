/* remote_read.h -- a replica on another datanode (or this one), read over its data port and checked.
 *
 * Thread:  one at a time; waits no longer than the timeout for each piece.
 */
#ifndef DFS_DATANODE_REMOTE_READ_H
#define DFS_DATANODE_REMOTE_READ_H

#include "datanode/datanode.h"
#include "proto/xfer.h"

struct remote_read;

struct remote_range {
    const Pb__DatanodeInfoProto *node;
    const Pb__ExtendedBlockProto *block;
    uint64_t offset, length;
    int timeout_ms;
};

int remote_read_open(struct datanode *dn, const struct remote_range *what, struct remote_read **out,
                     struct err *err);
void remote_read_close(struct remote_read *r); /* NULL is allowed */

/* The next @n bytes, which must be in the range.  ERR_CORRUPT: they are not what was written. */
int remote_read_full(struct remote_read *r, uint8_t *to, size_t n, struct err *err);
const struct checksum *remote_read_checksum(const struct remote_read *r);

#endif
