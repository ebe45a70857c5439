/* trash_emptier.h -- empties everybody's trash, as Hadoop's TrashPolicyDefault does.
 *
 * Every fs.trash.checkpoint.interval (0, or more than that: every fs.trash.interval), at whole multiples of it
 * since 1970, each /user/NAME/.Trash is gone through: checkpoints older than fs.trash.interval are deleted,
 * and "Current" becomes a checkpoint.  What is no checkpoint moves into the trash of the namenode's own user.
 * With fs.trash.interval 0 there is no trash.
 *
 * It makes a client's calls as the superuser, so that what it does is checked, logged and durable as anybody's.
 *
 * Thread:  its own; holds no lock but what its calls take.
 */
#ifndef DFS_NAMENODE_TRASH_EMPTIER_H
#define DFS_NAMENODE_TRASH_EMPTIER_H

#include "namenode/namenode.h"

struct trash_emptier;

int trash_emptier_start(struct namenode *nn, struct trash_emptier **out, struct err *err);
void trash_emptier_stop(struct trash_emptier *e); /* NULL is allowed */

/* One round: what the thread does when its time has come, and what a test calls. */
void trash_emptier_round(struct namenode *nn, uint64_t now_ms);

#endif
