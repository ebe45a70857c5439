/* facl.h -- the whole access control list of a path, as getfacl shows it and cp -pa copies it.
 *
 * The namenode tells only what the mode does not say; the rest is made of the mode here.
 */
#ifndef DFS_CLIENT_SHELL_FACL_H
#define DFS_CLIENT_SHELL_FACL_H

#include "client/shell/shell.h"

/* Access entries first, then default ones, each in Hadoop's order; dfs_acl_free() takes them. */
int acl_whole(const struct item *it, struct dfs_acl_entry **out, size_t *count, struct err *err);

#endif
