/* tree.h -- whole files and directories of a volume: copied, linked, moved, removed.
 *
 * Thread:  any that may wait for the disk.
 * Errors:  the first that came; what was done before it stays done, and may be asked for again.
 */
#ifndef DFS_DATANODE_TREE_H
#define DFS_DATANODE_TREE_H

#include "common/env.h"

/* Copies a file over what is at @to, and syncs the copy; adds its length to *bytes when that is not NULL. */
int tree_copy_file(struct env *env, const char *from, const char *to, uint64_t *bytes,
                   struct err *err);

/* @to becomes a directory whose block and meta files are those of @from, by other names; durable. Nothing is
 * done when @from is not there. */
int tree_link(struct env *env, const char *from, const char *to, struct err *err);

/* Moves all files below @from to the same places below @to, but for those that have a longer or an equal one there, and
 * removes @from; *moved counts up. */
int tree_move(struct env *env, const char *from, const char *to, uint64_t *moved, struct err *err);

int tree_remove(struct env *env, const char *path,
                struct err *err); /* what is not there is removed */
/* The same on a thread of its own, of which nobody hears again. */
void tree_remove_later(struct env *env, const char *path);

#endif
