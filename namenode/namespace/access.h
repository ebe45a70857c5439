/* access.h -- who may do what: mode bits, sticky bit, ACLs, the superuser.
 *
 * The rules and their order are Hadoop's (FSPermissionChecker), and so is every word of the
 * answer: scripts read it.
 *
 * Thread:  with the namespace lock held.
 */
#ifndef DFS_NAMENODE_ACCESS_H
#define DFS_NAMENODE_ACCESS_H

#include "namenode/calls/op.h"

enum { MAY_EXECUTE = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_ALL = 7 };

/* What is asked for; 0 and false: not asked. */
struct access {
    bool owner;        /* to own it */
    int ancestor;      /* of the deepest directory that exists above it */
    int parent;        /* of its parent */
    int target;        /* of itself */
    int subtree;       /* of every directory under it */
    bool ignore_empty; /* ... that is not empty */
};

/* The directories on the way to @place exist as such and may be passed. */
int access_traverse(struct op *op, const struct place *p, bool follow_link);
int access_check(struct op *op, const struct place *p, const struct access *want);
/* May the user do @want with this one inode?  @path is for the answer. */
int access_inode(struct op *op, const struct inode_info *info, int want, const char *path);

static inline int access_target(struct op *op, const struct place *p, int want)
{
    return access_check(op, p, &(struct access){.target = want});
}
static inline int access_owner(struct op *op, const struct place *p)
{
    return access_check(op, p, &(struct access){.owner = true});
}

#endif
