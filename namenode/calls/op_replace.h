/* op_replace.h -- a file takes another's place and is like it in all but its blocks.
 *
 * What a snapshot has of a file must stay coded as it is: Hadoop's image has one policy for a file and all of
 * its past.  So such a file is not given other blocks; the source gets its owner, mode, ACL, attributes,
 * times and storage policy, and is renamed over it.  These are records of Hadoop's; the last one is the step that
 * counts, and before it nothing of the target has changed.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_OP_REPLACE_H
#define DFS_NAMENODE_OP_REPLACE_H

#include "namenode/calls/op.h"

/* @source, closed and in no snapshot, is found under the name of @target from now on.  On failure it may have got
 * some of what @target has. */
int op_replace_file(struct op *op, const struct place *target, const struct place *source);

#endif
