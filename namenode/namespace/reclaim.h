/* reclaim.h -- gives the memory of deleted trees back, a slice at a time.
 *
 * A deleted tree leaves the namespace at once; its inodes and blocks are freed by a thread of
 * their own that holds the namespace lock for about a millisecond at a time.
 *
 * Thread:  starting and stopping from one.
 */
#ifndef DFS_NAMENODE_RECLAIM_H
#define DFS_NAMENODE_RECLAIM_H

#include "common/err.h"

struct namenode;
struct reclaim;

int reclaim_start(struct namenode *nn, struct reclaim **out, struct err *err);
void reclaim_stop(struct reclaim *r); /* NULL is allowed */

#endif
