/* data_dirs.h -- dfs.datanode.data.dir, changed while the datanode runs.
 *
 * Directories that are new in the list are opened, formatted when they are fresh, read, and serve; those that are in it no
 * more are let go with all that they hold; then the namenodes get a full report.  A directory that can't be added holds up
 * no other: what could be done is done, and the rest is told.  One that had failed is tried again when the list has it
 * still.
 *
 * Thread:  one at a time, any that may wait.
 * Design:  docs/design/datanode.md, "Directories that come and go"
 */
#ifndef DFS_DATANODE_DATA_DIRS_H
#define DFS_DATANODE_DATA_DIRS_H

#include "datanode/datanode.h"

/* @now (malloc'd): the list as it holds then.  What failed is said in the sentences of Hadoop's datanode. */
int data_dirs_change(struct datanode *dn, const char *wanted, char **now, struct err *err);

#endif
