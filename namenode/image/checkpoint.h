/* checkpoint.h -- images of the namespace, made while it serves.
 *
 * A checkpoint ends the edit log's segment and forks, both under the namespace lock, so that the
 * child's memory is exactly the state after the segment's last record.  The child writes the
 * image; the namenode goes on meanwhile and makes the image known when the child has ended well.
 * The lock is held for as long as the fork takes.
 *
 * One is made after dfs.namenode.checkpoint.txns records, after dfs.namenode.checkpoint.period
 * when there was any, and when an administrator asks (saveNamespace).  One that a SecondaryNameNode
 * made and uploaded counts as well.
 *
 * Thread:  its own, and those that call checkpointer_run(); never with the namespace lock held.
 * Design:  docs/design/checkpoints.md
 */
#ifndef DFS_NAMENODE_CHECKPOINT_H
#define DFS_NAMENODE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct namenode;
struct checkpointer;
struct name_upload;

int checkpointer_start(struct namenode *nn, struct checkpointer **out, struct err *err);
/* Waits for one that is under way; whoever asks for one from now on is refused.  NULL is allowed. */
void checkpointer_stop(struct checkpointer *c);
void checkpointer_free(struct checkpointer *c); /* nobody asks any more */

/* Makes a checkpoint now; waits for one that is under way first. */
int checkpointer_run(struct checkpointer *c, struct err *err);
/* The same; the image is the one that a rolling upgrade goes back to. */
int checkpointer_run_rollback(struct checkpointer *c, struct err *err);

/* Makes an image that was uploaded the newest; waits for a checkpoint that is under way first. */
int checkpointer_take(struct checkpointer *c, struct name_upload *u, struct err *err);

/* Is the newest image older than @window_s, or more than @gap records behind?  Both 0: yes. */
bool checkpointer_is_due(struct checkpointer *c, uint64_t window_s, uint64_t gap);

struct checkpoint_stats {
    uint64_t done, failed, last_txid, last_ms; /* wall clock of the newest image */
    uint64_t fork_us, took_ms;                 /* of the last one */
};
void checkpointer_stats(struct checkpointer *c, struct checkpoint_stats *out);

#endif
