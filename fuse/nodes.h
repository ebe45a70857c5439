/* nodes.h -- the kernel's inode numbers, and the paths by which the store knows them.
 *
 * The store numbers its inodes itself and takes "/.reserved/.inodes/NUMBER" for a path. So the
 * number that the kernel gets is the store's, nothing is kept for it here, however many names the
 * kernel has in its cache, and a rename, by whomever, changes nothing.
 *
 * What is in a snapshot has the number of what it was made of, so it gets one of ours, with the
 * highest bit set, and its path is kept until the kernel forgets it.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_NODES_H
#define DFS_FUSE_NODES_H

#include "fuse/mount.h"

struct nodes;

/* @top: the path that was mounted, and the number of that directory. */
int nodes_new(const char *top, uint64_t top_id, struct nodes **out, struct err *err);
void nodes_free(struct nodes *n);

/* The path of a node, or of a name in it, into @out of PATH_TEXT_MAX.  False: a node that nobody
 * remembers, or a path that is too long. */
bool node_path(struct nodes *n, fuse_ino_t ino, char *out);
bool node_child(struct nodes *n, fuse_ino_t dir, const char *name, char *out);

/* Whether it is in a snapshot; those can't be written. */
bool node_is_past(fuse_ino_t ino);
bool name_is_past(fuse_ino_t dir, const char *name);

/* The number for what was found as @name in @dir, whose path is @path and whose inode is @id.  One that is
 * in a snapshot is remembered, once more for each call; 0: no memory. */
fuse_ino_t node_number(struct nodes *n, fuse_ino_t dir, const char *name, const char *path,
                       uint64_t id);
void node_forget(struct nodes *n, fuse_ino_t ino, uint64_t times);

/* The store's number of a live node. */
uint64_t node_id(const struct nodes *n, fuse_ino_t ino);

#endif
