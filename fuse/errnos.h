/* errnos.h -- what an error of the store is to a program.
 *
 * common/errors.def has an errno for each error; a program that works on a file system expects others
 * for some, and Hadoop has one class for several of them: then its sentence tells which it is. One
 * table in errnos.c has the differences.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_ERRNOS_H
#define DFS_FUSE_ERRNOS_H

#include "common/err.h"

/* @rc: 0 or -ERR_X, with @err filled; returns 0 or an errno. */
int errno_of(int rc, const struct err *err);

/* For what was asked by the number of an inode: one that is not there any more is ESTALE, and the
 * kernel looks its name up again. */
int errno_of_node(int rc, const struct err *err);

#endif
