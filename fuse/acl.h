/* acl.h -- POSIX ACLs in the form that the kernel's extended attributes have, and the store's.
 *
 *   4 bytes   version, 2
 *   8 bytes   for each entry: tag (2), permissions (2), id (4); all little-endian
 *
 * The kernel's form has the entries of the mode too (owner, group, other, mask); HDFS keeps the
 * first three in the mode, and hands out those beyond.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_ACL_H
#define DFS_FUSE_ACL_H

#include "fuse/mount.h"

enum { ACL_TEXT_MAX = 4 + 8 * 64 };

/* The ACL of @path as the kernel wants it; 0: it has none beyond its mode.  Bytes, or -ERR_X. */
ssize_t acl_get(struct mount *m, struct dfs *fs, const char *path, bool is_default,
                uint8_t out[ACL_TEXT_MAX], struct err *err);
/* @n 0: takes it away. */
int acl_set(struct mount *m, struct dfs *fs, const char *path, bool is_default,
            const uint8_t *bytes, size_t n, struct err *err);

#endif
