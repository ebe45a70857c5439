/* op_new.h -- what making a file and making a directory share.
 *
 * A new inode belongs to the caller and to its directory's group.  When the directory has a
 * default ACL, the new one inherits it, and the mode then comes from what the client asked for
 * before its umask.
 *
 * Thread:  with the namespace lock held.
 */
#ifndef DFS_NAMENODE_OP_NEW_H
#define DFS_NAMENODE_OP_NEW_H

#include "namenode/calls/op.h"

struct new_mode {
    unsigned masked, unmasked; /* after the client's umask, before it */
    bool has_unmasked;
    bool parents; /* a directory made on the way: its owner may always enter and write */
};

/* Sets @e's mode, and its ACL when @parent has one to inherit. */
int op_new_acl(struct op *op, const struct inode_info *parent, const struct new_mode *mode,
               bool is_dir, struct edit_op *e);

/* FileNotFoundException or ParentNotDirectoryException when the directory above is missing. */
int op_check_parent(struct op *op, const struct place *p);

/* Makes the missing directories above @p; *parent is the one that @p belongs into. */
int op_make_parents(struct op *op, const struct place *p, unsigned mode, uint64_t *parent);

/* All entries that hold for an inode with an ACL, those that its mode stands for included: what a record of an
 * ACL has (op_acl.c).  In the call's arena. */
int op_whole_acl(struct op *op, const struct inode_info *inode, struct edit_op *out);

#endif
