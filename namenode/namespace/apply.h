/* apply.h -- what the files that carry out records share; for apply*.c only. */
#ifndef DFS_NAMENODE_APPLY_H
#define DFS_NAMENODE_APPLY_H

#include "namenode/namespace/ns_state.h"

int apply_find(const struct namespace *ns, const struct edit_op *op, const char *path,
               uint64_t *out, struct err *err);
int apply_find_file(const struct namespace *ns, const struct edit_op *op, const char *path,
                    uint64_t *out, struct err *err);

/* Gives an inode this ACL (the whole of it, as a record has it) or these attributes; a count of 0
 * changes nothing. */
int apply_acl(struct namespace *ns, uint64_t id, const struct edit_acl_entry *acl, int count,
              struct err *err);
int apply_xattrs(struct namespace *ns, uint64_t id, const struct edit_xattr *xattrs, int count,
                 struct err *err);

/* Replication, mode, owner or storage policy. */
int apply_attributes(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_times(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_set_acl(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_set_xattr(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_remove_xattr(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_quota(struct namespace *ns, const struct edit_op *op, struct err *err);

/* A directory changed at @when. */
int apply_touch_dir(struct namespace *ns, uint64_t dir, uint64_t when, struct err *err);
/* Moves @id below @dir under a new name; puts it back where memory is short. */
int apply_move(struct namespace *ns, uint64_t id, uint64_t dir, const char *name, unsigned n,
               struct err *err);

/* The mount's own: apply_mount.c. */
int apply_splice(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_exchange(struct namespace *ns, const struct edit_op *op, struct err *err);

/* Snapshots: apply_snapshot.c. */
int apply_allow_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_disallow_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_create_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_delete_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err);
int apply_rename_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err);

#endif
