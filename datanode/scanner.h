/* scanner.h -- reads every block now and then and checks it, slowly, in the background.
 *
 * A block that somebody had trouble with is checked first.  What is found corrupt is reported to
 * the namenode, which has a good copy made and this one deleted.
 *
 * Thread:  one of its own; scanner_suspect from any.
 */
#ifndef DFS_DATANODE_SCANNER_H
#define DFS_DATANODE_SCANNER_H

#include "datanode/datanode.h"

/* @period_hours 0: Hadoop's three weeks; negative: only suspects are checked. */
int scanner_start(struct datanode *dn, int64_t period_hours, uint64_t bytes_per_s,
                  struct scanner **out, struct err *err);
void scanner_stop(struct scanner *s);                       /* NULL is allowed */
void scanner_suspect(struct scanner *s, uint64_t block_id); /* NULL is allowed */

#endif
