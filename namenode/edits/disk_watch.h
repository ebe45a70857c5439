/* disk_watch.h -- is there room left for the edits?
 *
 * Every dfs.namenode.resource.check.interval the file systems of the edit directories are asked for
 * their free space, and those of dfs.namenode.resource.checked.volumes. When less than
 * dfs.namenode.resource.checked.volumes.minimum of the former or not all of the latter have
 * dfs.namenode.resource.du.reserved bytes left, the namenode goes into safe mode: better than to
 * run on until the log itself fails and the process with it. When there is room again it leaves
 * by itself, as Hadoop 3.4 does; unlike there, neither an operator's safe mode nor that of the start
 * ends with it.
 *
 * Thread:  its own; it takes the namespace lock only to enter and to leave.
 */
#ifndef DFS_NAMENODE_DISK_WATCH_H
#define DFS_NAMENODE_DISK_WATCH_H

#include <stdbool.h>

#include "common/conf.h"
#include "common/env.h"

struct disk_watch;
struct namenode;

struct disk_watch_options {
    struct env *env;
    const struct conf *conf;
    char *const *edits_dirs;
    int edits_dir_count;
};
/* Fails with ERR_NOENT when a directory that is to be watched is not there. */
int disk_watch_new(const struct disk_watch_options *o, struct disk_watch **out, struct err *err);
void disk_watch_free(struct disk_watch *w); /* NULL is allowed; ends its thread first */

/* Asks the disks now.  May wait: never under the namespace lock. */
bool disk_watch_has_room(struct disk_watch *w);
/* From here on it looks by itself. */
int disk_watch_start(struct disk_watch *w, struct namenode *nn, struct err *err);

#endif
