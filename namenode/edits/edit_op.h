/* edit_op.h -- one change of the namespace, as a record.
 *
 * The namespace is a deterministic state machine: every change is one of these records, and
 * ns_apply() is the only code that carries one out, whether a client just asked for it or the
 * edit log is being replayed.  The codes are Hadoop's (FSEditLogOpCodes).
 *
 * The record is flat: each code uses the fields that Hadoop's record of that code has (the table
 * in edit_codec.c names them in order) and leaves the others zero.
 *
 * Memory:  strings and arrays are borrowed; they live as long as the caller says (a request's
 *          arena, or the arena of the reader that decoded the record).
 * Format:  docs/formats/edits.md
 */
#ifndef DFS_NAMENODE_EDIT_OP_H
#define DFS_NAMENODE_EDIT_OP_H

#include <stdbool.h>
#include <stdint.h>

enum edit_code {
    EDIT_ADD = 0,
    EDIT_RENAME_OLD = 1,
    EDIT_DELETE = 2,
    EDIT_MKDIR = 3,
    EDIT_SET_REPLICATION = 4,
    EDIT_SET_PERMISSIONS = 7,
    EDIT_SET_OWNER = 8,
    EDIT_CLOSE = 9,
    EDIT_SET_GENSTAMP_V1 = 10,
    EDIT_SET_NS_QUOTA = 11,
    EDIT_CLEAR_NS_QUOTA = 12,
    EDIT_TIMES = 13,
    EDIT_SET_QUOTA = 14,
    EDIT_RENAME = 15,
    EDIT_CONCAT_DELETE = 16,
    EDIT_SYMLINK = 17,
    EDIT_GET_DELEGATION_TOKEN = 18,
    EDIT_RENEW_DELEGATION_TOKEN = 19,
    EDIT_CANCEL_DELEGATION_TOKEN = 20,
    EDIT_UPDATE_MASTER_KEY = 21,
    EDIT_REASSIGN_LEASE = 22,
    EDIT_END_LOG_SEGMENT = 23,
    EDIT_START_LOG_SEGMENT = 24,
    EDIT_UPDATE_BLOCKS = 25,
    EDIT_CREATE_SNAPSHOT = 26,
    EDIT_DELETE_SNAPSHOT = 27,
    EDIT_RENAME_SNAPSHOT = 28,
    EDIT_ALLOW_SNAPSHOT = 29,
    EDIT_DISALLOW_SNAPSHOT = 30,
    EDIT_SET_GENSTAMP_V2 = 31,
    EDIT_ALLOCATE_BLOCK_ID = 32,
    EDIT_ADD_BLOCK = 33,
    EDIT_ADD_CACHE_DIRECTIVE = 34,
    EDIT_REMOVE_CACHE_DIRECTIVE = 35,
    EDIT_ADD_CACHE_POOL = 36,
    EDIT_MODIFY_CACHE_POOL = 37,
    EDIT_REMOVE_CACHE_POOL = 38,
    EDIT_MODIFY_CACHE_DIRECTIVE = 39,
    EDIT_SET_ACL = 40,
    EDIT_ROLLING_UPGRADE_START = 41,
    EDIT_ROLLING_UPGRADE_FINALIZE = 42,
    EDIT_SET_XATTR = 43,
    EDIT_REMOVE_XATTR = 44,
    EDIT_SET_STORAGE_POLICY = 45,
    EDIT_TRUNCATE = 46,
    EDIT_APPEND = 47,
    EDIT_SET_QUOTA_BY_STORAGETYPE = 48,
    EDIT_ADD_EC_POLICY = 49,
    EDIT_ENABLE_EC_POLICY = 50,
    EDIT_DISABLE_EC_POLICY = 51,
    EDIT_REMOVE_EC_POLICY = 52,
    /* Ashlar's own, far from Hadoop's: in the log only when somebody asked for it. */
    EDIT_SPLICE = 112,
    EDIT_EXCHANGE = 113,
};

struct edit_block {
    uint64_t id, length, gs;
};

/* An entry of an ACL, as the wire's AclEntryProto: numbers are those of its enums. */
struct edit_acl_entry {
    uint8_t type, scope, permissions;
    const char *name; /* NULL: the owner, the group, mask, other */
};

struct edit_xattr {
    uint8_t ns; /* XAttrProto.XAttrNamespaceProto */
    const char *name;
    const uint8_t *value; /* NULL with value_n 0: none */
    uint32_t value_n;
};

/* A policy of erasure codes (ec_policy.h). */
struct edit_ec_option {
    const char *key, *value;
};
struct edit_ec_policy {
    const char *codec;
    uint32_t data_units, parity_units, cell_bytes;
    const struct edit_ec_option *options;
    int option_count;
};

enum { RENAME_OVERWRITE = 1, RENAME_TO_TRASH = 2 };

struct edit_op {
    enum edit_code code;
    uint64_t txid; /* given by the journal */

    /* The call that asked, for the retry cache; -2 stands for none (RpcConstants). */
    uint8_t client_id[16];
    int32_t call_id;
    bool has_client_id;

    const char *path, *path2; /* source; target of a rename or link */
    const char **sources;     /* CONCAT_DELETE, SPLICE */
    int source_count;

    uint64_t inode_id;
    uint64_t mtime_ms, atime_ms; /* the record's time stamps; atime -1 as UINT64_MAX: unchanged */
    const char *user, *group;    /* "" or NULL in SET_OWNER: unchanged */
    uint16_t mode;
    uint16_t replication;
    uint64_t block_size;
    uint8_t storage_policy, ec_policy;
    bool overwrite;          /* ADD */
    bool new_block;          /* APPEND */
    uint32_t rename_options; /* RENAME */

    const struct edit_block *blocks; /* ADD, CLOSE, UPDATE_BLOCKS, ADD_BLOCK, TRUNCATE, SPLICE */
    int block_count;

    const char *client_name, *client_machine, *new_holder; /* leases */
    uint64_t gs, block_id;                                 /* SET_GENSTAMP, ALLOCATE_BLOCK_ID */
    int64_t ns_quota, ds_quota;
    uint8_t storage_type; /* StorageTypeProto less 1 */
    uint64_t new_length;  /* TRUNCATE */

    const struct edit_acl_entry *acl;
    int acl_count;
    const struct edit_xattr *xattrs;
    int xattr_count;

    const char *snapshot, *snapshot2;

    const struct edit_ec_policy *ec; /* ADD_EC_POLICY */
    const char *ec_name;             /* ENABLE_, DISABLE_, REMOVE_EC_POLICY */

    /* What Ashlar does not act on yet is carried whole, so that nothing read is lost. */
    const uint8_t *opaque;
    uint32_t opaque_n;
};

#endif
