/* op_snapshot.h -- what other calls ask about snapshots.
 *
 * Thread:  with the namespace lock held.
 */
#ifndef DFS_NAMENODE_OP_SNAPSHOT_H
#define DFS_NAMENODE_OP_SNAPSHOT_H

#include "namenode/calls/op.h"

/* SnapshotException when the tree at @top has a directory with snapshots: it can be neither
 * deleted nor moved.  *has_dirs: it has one that may have some. */
int op_check_no_snapshots(struct op *op, uint64_t top, bool *has_dirs);
/* The directory at or above @dir that may have snapshots; 0: none. */
uint64_t op_snapshot_root(struct op *op, uint64_t dir);
/* "Directory is not a snapshottable directory", or none, or no directory at all. */
int op_not_snapshottable(struct op *op, uint64_t dir, const char *path);

#endif
