/* stats.h -- the store's status as the kernel wants it, and what the kernel was told last.
 *
 * What HDFS does not have: a number of links (1), a time of change (the time of modification is
 * shown), access times of directories (the same), parts of a millisecond.
 *
 * A small table remembers the length and the version of files that the kernel was told of: when a
 * file that is opened is still the same its pages in the kernel stay. What falls out of the
 * table is only read again.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_STATS_H
#define DFS_FUSE_STATS_H

#include "fuse/mount.h"

/* What a program sees of @st under the number @ino; a file that is being written through this
 * mount has the length and the times that its writer sees. */
void stat_from(struct mount *m, const struct dfs_stat *st, fuse_ino_t ino, struct stat *out);

/* Is it how symbolic links are kept?  (links.h) */
bool stat_may_be_link(const struct dfs_stat *st);

int seen_new(struct seen **out, struct err *err);
void seen_free(struct seen *s);

/* The kernel hears that file @ino is @length long.  Returns the length it had heard before, when that
 * is known to be another; else @length. */
uint64_t seen_length(struct seen *s, fuse_ino_t ino, uint64_t length);
/* The length that the kernel believes in; UINT64_MAX: not known. */
uint64_t seen_last_length(struct seen *s, fuse_ino_t ino);
/* The kernel's pages are from now on of @version; true when they were already.  0: of none. */
bool seen_version(struct seen *s, fuse_ino_t ino, uint64_t version);

#endif
