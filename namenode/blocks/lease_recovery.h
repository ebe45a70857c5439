/* lease_recovery.h -- what becomes of a file whose writer is gone, or should be.
 *
 * A file that is being written can be closed at once when all its blocks are complete; else its
 * last block goes through recovery: a fresh stamp, the file's lease to another holder, and a
 * command to one of the block's datanodes; when they agree on a length, the file is closed
 * (lease_recovered).
 *
 * The monitor looks every two seconds for holders that were silent for longer than
 * dfs.namenode.lease-hard-limit-sec and starts the recovery of all their files.
 *
 * Thread:  with the namespace lock held, but for starting and stopping the monitor.
 * Design:  docs/design/leases.md
 */
#ifndef DFS_NAMENODE_LEASE_RECOVERY_H
#define DFS_NAMENODE_LEASE_RECOVERY_H

#include "namenode/calls/op.h"

/* What the caller wants the file for; the words go into the answer. */
#define WANTS_CREATE "CREATE_FILE"
#define WANTS_APPEND "APPEND_FILE"
#define WANTS_TRUNCATE "TRUNCATE_FILE"
#define WANTS_RECOVER "RECOVER_LEASE"

/* 0: nobody writes the file now (*closed says whether that is so); else
 * AlreadyBeingCreatedException or RecoveryInProgressException.  @force takes the file from its
 * writer whoever that is (recoverLease); then *closed may be false: recovery has begun. */
int lease_take_over(struct op *op, const struct place *file, const char *wants, const char *holder,
                    bool force, bool *closed);

/* Closes @file, or begins the recovery of its last block for @new_holder.  *closed tells. */
int lease_release(struct namenode *nn, uint64_t file, const char *new_holder, struct arena *arena,
                  bool *closed, struct err *err);

/* Writes the CLOSE record of a file whose blocks are complete. */
int lease_close_file(struct namenode *nn, uint64_t file, struct arena *arena, struct err *err);

/* The records of blocks that a file has now, for ADD_BLOCK, UPDATE_BLOCKS and CLOSE. */
struct edit_block *lease_file_blocks(struct namespace *ns, const struct inode_info *file,
                                     uint32_t from, struct arena *arena);

struct bm_recovered;
/* bm_options.recovered, with the namenode as its ctx. */
int lease_recovered(void *namenode, const struct bm_recovered *r, uint64_t *mark, struct err *err);

/* One round of the monitor, as its thread does it every two seconds; takes the lock.  For tests. */
void lease_monitor_round(struct namenode *nn);

struct lease_monitor;
int lease_monitor_start(struct namenode *nn, struct lease_monitor **out, struct err *err);
void lease_monitor_stop(struct lease_monitor *m); /* NULL is allowed */

#endif
