/* op_open.h -- what the calls on an open file share.
 *
 * Thread:  with the namespace lock held.
 */
#ifndef DFS_NAMENODE_OP_OPEN_H
#define DFS_NAMENODE_OP_OPEN_H

#include "namenode/calls/op.h"

/* @holder writes the file at @p; else LeaseExpiredException or FileNotFoundException. */
int op_check_lease(struct op *op, const struct place *p, const char *holder, uint64_t file_id);

/* The writer says what its last block became. */
int op_commit_last(struct op *op, const struct inode_info *file, const Pb__ExtendedBlockProto *b);

/* The block @from_end places before the end is complete, or there is none; else *id is it. */
bool op_block_is_settled(struct op *op, const struct inode_info *file, int from_end, uint64_t *id);

/* The first block of the empty file at @p, as addBlock would give it. */
int op_first_block(struct op *op, const struct place *p, Pb__LocatedBlockProto **out);

/* dfs.namenode.replication.min to dfs.replication.max.  @client is named when not NULL. */
int op_check_replication(struct op *op, const char *src, int64_t replication, const char *client);

#endif
