/* satisfier.h -- paths whose blocks are to follow their storage policy, for the satisfier to fetch.
 *
 * satisfyStoragePolicy marks a file or a directory with the extended attribute user.hdfs.sps and
 * puts it into this queue.  The satisfier (`dfs sps`, or Hadoop's) takes one after the other by
 * NamenodeProtocol.getNextSPSPath, has the datanodes move the blocks, and takes the mark away.
 * After a restart everything that is marked is in the queue again.
 *
 * There is one when dfs.storage.policy.satisfier.mode is "external".
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_SATISFIER_H
#define DFS_NAMENODE_SATISFIER_H

#include "common/conf.h"
#include "namenode/namespace/namespace.h"

struct satisfier;

extern const struct edit_xattr satisfier_mark;
bool satisfier_is_mark(const struct edit_xattr *x);

/* *out is NULL when the mode is "none", which is the default; what @ns has marked is queued. */
int satisfier_new(const struct conf *conf, const struct namespace *ns, struct satisfier **out,
                  struct err *err);
void satisfier_free(struct satisfier *s);

/* ERR_IO with Hadoop's sentence when dfs.storage.policy.satisfier.queue.limit paths wait. */
int satisfier_has_room(const struct satisfier *s, struct err *err);
void satisfier_add(struct satisfier *s, uint64_t inode);
/* Takes the first one that is still there; 0: none. */
uint64_t satisfier_next(struct satisfier *s, const struct namespace *ns);

#endif
