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

/* A round over all blocks begins at once, and again @period_ms after its begin; 0: only suspects are
 * checked. */
int scanner_start(struct datanode *dn, uint64_t period_ms, uint64_t bytes_per_s,
                  struct scanner **out, struct err *err);
/* What the configuration says of that. */
uint64_t scanner_period_ms(const struct conf *conf);
void scanner_stop(struct scanner *s);                       /* NULL is allowed */
void scanner_suspect(struct scanner *s, uint64_t block_id); /* NULL is allowed */

#endif
