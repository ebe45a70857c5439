/* reference.h -- a namespace as simple as can be: a tree of nodes, and a copy of a tree for each snapshot.
 *
 * What the calls of ClientProtocol answer is written down here once more, with no thought of memory or
 * speed: the same requests go to a namenode and to this, and replies and trees are compared.  The
 * caller is the superuser; clients differ in their names.
 *
 * Each ref_*() returns 0 or the enum err_code that the call must fail with; *yes is the answer of those
 * that say yes or no.
 */
#ifndef TESTS_MODEL_REFERENCE_H
#define TESTS_MODEL_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum {
    REF_KIDS = 8,
    REF_BLOCKS = 6,
    REF_XATTRS = 3,
    REF_SNAPSHOTS = 4,
    REF_PATH = 64,
    REF_NAMED = 2, /* users that an ACL may name */
    REF_BLOCK_BYTES = 1000,
};

/* The entries that the model's ACLs have; permissions, or -1: no such entry. */
struct ref_acl {
    bool there;
    int named[REF_NAMED], group;
};

struct ref_node {
    char name[4];
    bool dir;
    uint64_t id, mtime, atime;
    unsigned mode, replication, policy;
    char group[12];
    struct ref_acl acl;
    struct {
        char name[4], value[4];
    } xattrs[REF_XATTRS];
    int xattr_count;
    /* files */
    uint64_t lengths[REF_BLOCKS];
    int blocks;
    char writer[4];   /* who writes it, or empty */
    bool last_open;   /* the last block is being written: its length is what is known of it */
    uint64_t written; /* how long it will be */
    /* directories */
    struct ref_node *up, *kids[REF_KIDS];
    int n;
    int64_t ns_quota, ds_quota;
    bool snapshottable;
};

struct ref_snapshot {
    uint64_t dir;
    char name[4];
    struct ref_node *tree;
};

struct ref {
    struct ref_node *root;
    struct ref_snapshot snapshots[REF_SNAPSHOTS];
    int snapshot_count;
    uint64_t last_id, now;
};

/* One call's parameters; those that it has. */
struct ref_call {
    const char *path, *path2, *client, *name, *value;
    bool flag, flag2; /* recursive, createParent, overwrite… */
    unsigned number;
    uint64_t length, mtime, atime;
    int64_t ns_quota, ds_quota;
};

void ref_init(struct ref *r);
void ref_done(struct ref *r);
struct ref_node *ref_find(const struct ref *r, const char *path); /* in snapshots, too */
bool ref_is_within(const struct ref_node *n, const struct ref_node *top);
void ref_path(const struct ref_node *n, char out[REF_PATH]);
uint64_t ref_length(const struct ref_node *file);
struct ref_usage {
    int64_t files, dirs, length, space;
};
void ref_count(const struct ref_node *n, struct ref_usage *add);

int ref_look(const struct ref *r,
             const char *path); /* how any call that reads a path fails on it */
int ref_mkdirs(struct ref *r, const struct ref_call *c);
int ref_create(struct ref *r, const struct ref_call *c);
int ref_add_block(struct ref *r, const struct ref_call *c);
int ref_complete(struct ref *r, const struct ref_call *c);
int ref_append(struct ref *r, const struct ref_call *c);
int ref_truncate(struct ref *r, const struct ref_call *c, bool *yes);
int ref_concat(struct ref *r, const struct ref_call *c);
int ref_delete(struct ref *r, const struct ref_call *c, bool *yes);
int ref_rename(struct ref *r, const struct ref_call *c, bool *yes);
int ref_rename2(struct ref *r, const struct ref_call *c);
int ref_set_permission(struct ref *r, const struct ref_call *c);
int ref_set_owner(struct ref *r, const struct ref_call *c);
int ref_set_times(struct ref *r, const struct ref_call *c);
int ref_set_replication(struct ref *r, const struct ref_call *c, bool *yes);
int ref_set_policy(struct ref *r, const struct ref_call *c);
int ref_set_quota(struct ref *r, const struct ref_call *c);
int ref_set_xattr(struct ref *r, const struct ref_call *c);
int ref_remove_xattr(struct ref *r, const struct ref_call *c);
int ref_set_acl(struct ref *r, const struct ref_call *c); /* number: six bits of named, group */
int ref_modify_acl(struct ref *r, const struct ref_call *c);
int ref_remove_acl(struct ref *r, const struct ref_call *c);
int ref_allow_snapshot(struct ref *r, const struct ref_call *c);
int ref_disallow_snapshot(struct ref *r, const struct ref_call *c);
int ref_create_snapshot(struct ref *r, const struct ref_call *c);
int ref_rename_snapshot(struct ref *r, const struct ref_call *c);
int ref_delete_snapshot(struct ref *r, const struct ref_call *c);

#endif
