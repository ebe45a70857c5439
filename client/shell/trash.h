/* trash.h -- where deleted files wait: /user/NAME/.Trash/Current, and older checkpoints beside it.
 *
 * What is moved there keeps its whole path below Current.  A checkpoint is Current renamed to
 * the time (yyMMddHHmmss); it goes away when it is older than the interval.
 */
#ifndef DFS_CLIENT_SHELL_TRASH_H
#define DFS_CLIENT_SHELL_TRASH_H

#include "client/shell/shell.h"

/* How long things stay: the namenode's word, else the configuration's; 0: there is no trash. */
int trash_interval(struct shell *sh, struct store *s, uint64_t *keep_ms, struct err *err);

/* *moved false: there is no trash for it, and it can be deleted. */
int trash_move(struct shell *sh, struct item *it, bool *moved, struct err *err);

#endif
