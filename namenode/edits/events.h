/* events.h -- what an edit record means to a client that follows the namespace (inotify).
 *
 * Hadoop makes events of some records and keeps silent about the others: blocks, leases, quotas,
 * storage policies, snapshots.  One record makes one batch; only concat makes several events.
 *
 * Thread:  any.
 * Memory:  everything is in the arena.
 */
#ifndef DFS_NAMENODE_EVENTS_H
#define DFS_NAMENODE_EVENTS_H

#include "common/arena.h"
#include "common/err.h"
#include "inotify.pb-c.h"
#include "namenode/edits/edit_op.h"

/* *out is NULL for a record that clients do not hear of. */
int event_batch(const struct edit_op *op, struct arena *arena, Pb__EventBatchProto **out,
                struct err *err);

#endif
