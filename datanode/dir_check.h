/* dir_check.h -- are the files of the finalized replicas still there, and as long as they were?  And
 * are there others?
 *
 * Every dfs.datanode.directoryscan.interval, and for a replica whose files a reader could not open.
 * A replica whose block file is gone is forgotten, and the namenode told that it is deleted. One
 * whose meta file is gone, or whose block file has another length, is reported bad: it may be the
 * last copy, so the namenode decides when its remains go.
 *
 * A block file that no replica knows of becomes one; a meta file without a block is removed. Of such
 * blocks the namenode is told the first dfs.datanode.directoryscan.max.notify.count at once, of the
 * rest by the next full report.
 *
 * Only names and lengths are looked at; contents are the scanner's affair.
 *
 * Thread:  one of its own; dir_check_replica from any that may wait.
 */
#ifndef DFS_DATANODE_DIR_CHECK_H
#define DFS_DATANODE_DIR_CHECK_H

#include "datanode/datanode.h"

struct dir_check;

/* @interval_ms 0: only those that dir_check_replica() is called for. */
int dir_check_start(struct datanode *dn, uint64_t interval_ms, struct dir_check **out,
                    struct err *err);
void dir_check_stop(struct dir_check *c); /* NULL is allowed */

/* Takes in what lies on all volumes now and still lies there after @settle_ms. */
void dir_check_strays(struct datanode *dn, unsigned settle_ms, unsigned notify_max);

/* Looks at one replica now; false when something was wrong and has been told. */
bool dir_check_replica(struct datanode *dn, uint64_t id);

#endif
