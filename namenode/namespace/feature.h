/* feature.h -- what only few inodes have: ACLs, extended attributes, quotas, odd times.
 *
 * By inode id; an inode with a row here has INODE_FEATURE set. Rows own copies of all they hold.
 *
 * Thread:  namespace lock.
 * Memory:  malloc.
 */
#ifndef DFS_NAMENODE_FEATURE_H
#define DFS_NAMENODE_FEATURE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "namenode/edits/edit_op.h"

enum { STORAGE_TYPES = 6 };

struct feature {
    uint64_t inode;
    struct edit_acl_entry *acl;
    int acl_count;
    struct edit_xattr *xattrs;
    int xattr_count;
    bool has_quota;
    int64_t ns_quota, ds_quota;        /* -1: none */
    int64_t type_quota[STORAGE_TYPES]; /* by StorageTypeProto less 1; -1: none */
    bool is_counted; /* has a quota of any kind: what its tree uses is kept here */
    int64_t names_used, space_used;
    int64_t type_used[STORAGE_TYPES]; /* of files whose storage policy is set */
    bool has_times;
    uint64_t mtime_ms, atime_ms; /* in place of the record's, when they don't fit into it */
    UT_hash_handle hh;
};

struct feature_table {
    struct feature *rows;
};

struct feature *feature_get(struct feature_table *t, uint64_t inode);  /* NULL: none */
struct feature *feature_make(struct feature_table *t, uint64_t inode); /* NULL: no memory */
void feature_drop(struct feature_table *t, uint64_t inode);
/* A copy of a row that is in no table; NULL: no memory. */
struct feature *feature_copy(const struct feature *f);
void feature_free(struct feature *f); /* such a copy, or NULL */
bool feature_is_empty(const struct feature *f);
void feature_table_done(struct feature_table *t);

/* Copies in place of what the row has; false when memory is short, and nothing has changed. */
bool feature_set_acl(struct feature *f, const struct edit_acl_entry *acl, int count);
bool feature_set_xattrs(struct feature *f, const struct edit_xattr *xattrs, int count);

#endif
