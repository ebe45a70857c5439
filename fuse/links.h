/* links.h -- symbolic links.
 *
 * HDFS has none.  One made here is an empty file of mode 01777 with its target in the extended
 * attribute user.ashlar.symlink: nothing but names is needed for it, every mount shows it as a link,
 * and other clients see an empty file. A status alone nearly always tells that something is no link.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_LINKS_H
#define DFS_FUSE_LINKS_H

#include "fuse/mount.h"

/* Makes @path a link to @target, or fails with nothing made. */
int link_make(struct dfs *fs, const char *path, const char *target, struct err *err);
/* If @st, of @path, is a link it becomes one: kind DFS_SYMLINK, with its target. */
int link_resolve(struct dfs *fs, const char *path, struct dfs_stat *st, struct err *err);

#endif
