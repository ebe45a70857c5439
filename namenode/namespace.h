/* namespace.h -- the names, the files and their blocks: the state that the edit log describes.
 *
 * Made to be small: a file with a 20-character name, one block and three replicas takes less
 * than 100 bytes, everything counted.  The parts, each a file of its own:
 *
 *   slab.c      memory in size classes from one reserved range; 32-bit references, 8-byte grain
 *   idmap.c     a radix tree over ids that are handed out in sequence: a leaf covers 64 ids and
 *               packs the records that exist, found by the population count of a bitmap.  The id
 *               is the handle: records hold neither their own id nor pointers
 *   attr.c      (user, group, mode, replication, block size, policies) interned to a number
 *   inode.c     the 34-byte record of a file, directory or symlink
 *   dir.c       the children of a directory in the order of their names' bytes, in chunks
 *   dcache.c    a lossy cache (parent, name) -> child; entries are verified against the inode
 *               itself, so nothing ever has to be invalidated
 *   block.c     the record of a block: stamp, length, file, state, up to three storages inline
 *   lease.c     who is writing which file
 *   feature.c   what few inodes have: ACL, xattrs, quota, snapshots; by inode id
 *   tree.c      inodes with their names: making, linking, taking apart
 *   file.c      the blocks of a file
 *   resolve.c   paths
 *   apply.c     ns_apply(): carries out one edit record; apply_attr.c those about attributes
 *   ns_quota.c  what directories with a quota use
 *   ns_view.c   looking; ns_load.c images; ns_check.c what always holds
 *
 * Always true, and checked by ns_check():
 *   N1  every inode but the root has a parent that lists it once; names in a directory differ
 *   N2  every block belongs to one file that lists it; ids are below the counters
 *   N3  a file is under construction exactly when a lease holds it
 *   N4  the counts of inodes, files and blocks are those of what is there
 *
 * Thread:  every call with the namespace lock held (namenode.h), loading aside.
 * Memory:  pointers handed out are valid until the next ns_apply().
 * Design:  docs/design/namespace.md
 */
#ifndef DFS_NAMENODE_NAMESPACE_H
#define DFS_NAMENODE_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "namenode/edit_op.h"

enum {
    NS_ROOT_ID = 16385,
    NS_PATH_MAX = 8000,
    NS_DEPTH_MAX = 1000,
    NS_FIRST_GS = 1000,
    NS_FIRST_BLOCK = 1073741824, /* the last id that is not used; the first block has one more */
};

struct namespace;

enum inode_kind { INODE_NONE, INODE_FILE, INODE_DIR, INODE_SYMLINK };

/* Hadoop's BlockUCState, by its numbers. */
enum block_state {
    BLOCK_COMPLETE,
    BLOCK_UNDER_CONSTRUCTION,
    BLOCK_UNDER_RECOVERY,
    BLOCK_COMMITTED
};

/* Everything about an inode, unpacked. */
struct inode_info {
    uint64_t id, parent;
    enum inode_kind kind;
    const char *name; /* not zero-terminated */
    unsigned name_n;
    const char *user, *group;
    uint16_t mode;
    uint64_t mtime_ms, atime_ms;
    uint16_t replication; /* files */
    uint64_t block_size;
    uint8_t storage_policy, ec_policy; /* 0: none of its own */
    bool under_construction;
    bool has_acl, has_xattrs, has_quota, is_snapshottable;
    uint64_t length;      /* files: sum of the blocks' lengths, the last as far as known */
    uint32_t block_count; /* files */
    uint32_t child_count; /* directories */
    const char *target;   /* symlinks, zero-terminated */
};

struct block_info {
    uint64_t id, gs, length, file; /* file: inode id */
    enum block_state state;
    unsigned storage_count;
};

/* A path, taken apart and followed as far as it exists.  "/" has one component, the root. */
struct ns_path {
    int count;     /* components, the root included */
    int found;     /* how many exist, from the root on */
    uint64_t *ids; /* of those */
    struct ns_name {
        const char *text;
        unsigned n;
    } * names;         /* names[0] is empty */
    bool through_file; /* stopped because ids[found-1] is no directory, though more was asked */
};

struct namespace_limits {               /* what the simulator and tests make smaller */
    uint64_t memory_max_bytes;          /* 0: what the address space holds */
    const char *root_user, *root_group; /* of an empty namespace; NULL: "" */
};

int ns_new(const struct namespace_limits *limits, struct namespace **out, struct err *err);
void ns_free(struct namespace *ns);
void ns_check(const struct namespace *ns); /* MUSTs; slow */

/* A number over all of the state that records describe: equal for equal states, whatever way they
 * came about. Replicas and the states of blocks are not in it. */
uint64_t ns_digest(const struct namespace *ns);

/* Called for each block that ceases to exist, before its record goes: the block manager deletes
 * the replicas. */
typedef void (*ns_block_gone)(void *ctx, const struct block_info *block, const uint16_t *storages);
void ns_on_block_gone(struct namespace *ns, ns_block_gone fn, void *ctx);

/* ---- changing: records only ---- */

/* Carries out @op.  A record that does not fit the state (a damaged log, or a caller that did
 * not check first) fails with ERR_INCONSISTENT and changes nothing; so does one for which there is
 * no memory (ERR_NOMEM, ERR_LIMIT), but what frees memory goes on when there is none.
 *
 * Snapshots (CREATE_, DELETE_, RENAME_, ALLOW_ and DISALLOW_SNAPSHOT) are ERR_UNSUPPORTED: to pass
 * over them would lose what they keep.  Delegation tokens, cache pools and directives, erasure
 * coding policies and rolling upgrades are accepted and change nothing here. */
int ns_apply(struct namespace *ns, const struct edit_op *op, struct err *err);

/* A deleted tree leaves the namespace at once and its memory in slices: frees up to @max inodes
 * of what ns_apply() unlinked; true while there is more.  ns_apply() does small trees itself. */
bool ns_reclaim(struct namespace *ns, int max);

/* ---- counters that records carry ---- */
uint64_t ns_last_inode_id(const struct namespace *ns);
uint64_t ns_last_block_id(const struct namespace *ns);
uint64_t ns_last_group_id(const struct namespace *ns); /* of striped files; 0: none yet */
uint64_t ns_gs(const struct namespace *ns);            /* the last one handed out */
uint64_t ns_inode_count(const struct namespace *ns);
uint64_t ns_file_count(const struct namespace *ns);
uint64_t ns_block_count(const struct namespace *ns);
uint64_t ns_open_file_count(const struct namespace *ns);

/* ---- looking ---- */
bool ns_info(const struct namespace *ns, uint64_t id, struct inode_info *out); /* false: none */
uint16_t ns_replication(const struct namespace *ns, uint64_t file); /* alone, and fast; 0: none */
enum inode_kind ns_kind(const struct namespace *ns, uint64_t id);
uint64_t ns_parent(const struct namespace *ns, uint64_t id);

/* Follows @path (absolute; empty components and a trailing slash do not count, "." and ".." are
 * ERR_INVALID_PATH).  /.reserved/.inodes/ID starts at that inode. */
int ns_resolve(const struct namespace *ns, const char *path, struct arena *arena,
               struct ns_path *out, struct err *err);
/* The inode at @path, or 0 when there is none or @path is malformed. */
uint64_t ns_lookup(const struct namespace *ns, const char *path);
uint64_t ns_child(const struct namespace *ns, uint64_t dir, const char *name, unsigned n);
char *ns_path_of(const struct namespace *ns, uint64_t id, struct arena *arena);

/* Children in byte order of their names, from the first one after @after (n 0: from the first):
 * fills up to @max ids, returns how many. */
int ns_children(const struct namespace *ns, uint64_t dir, const char *after, unsigned after_n,
                uint64_t *ids, int max);

/* ACL entries, xattrs and quotas of an inode, when ns_info() says that it has them. */
int ns_acl(const struct namespace *ns, uint64_t id, struct arena *arena,
           struct edit_acl_entry **out);
int ns_xattrs(const struct namespace *ns, uint64_t id, struct arena *arena,
              struct edit_xattr **out);
bool ns_quota(const struct namespace *ns, uint64_t id, int64_t *names, int64_t *space);
/* What the tree of a directory with a quota uses: names, itself included, and bytes on datanodes,
 * a block that is being written as a whole one. Kept up by every change; false: no quota. */
bool ns_quota_usage(const struct namespace *ns, uint64_t id, int64_t *names, int64_t *space);
/* Would carrying out @op exceed a quota of names or space? ERR_NS_QUOTA or ERR_DS_QUOTA with
 * Hadoop's sentence. ns_apply() does not ask: what is in the log has been admitted. */
int ns_check_quota(const struct namespace *ns, const struct edit_op *op, struct err *err);
uint64_t ns_file_space(const struct namespace *ns, uint64_t file); /* bytes on datanodes */
/* Quotas of space by storage type, in the order of StorageTypeProto, -1: none; false: no quota. */
enum { NS_STORAGE_TYPES = 6 };
bool ns_type_quotas(const struct namespace *ns, uint64_t id, int64_t out[NS_STORAGE_TYPES]);

/* Files that are being written. */
struct open_file {
    uint64_t inode;
    const char *client_name, *client_machine;
};
bool ns_open_file(const struct namespace *ns, uint64_t inode, struct open_file *out);

/* ---- files and blocks ---- */
uint32_t ns_file_blocks(const struct namespace *ns, uint64_t file, uint64_t *ids, uint32_t from,
                        uint32_t max); /* returns how many there are in all */
bool ns_block(const struct namespace *ns, uint64_t block, struct block_info *out);
unsigned ns_block_storages(const struct namespace *ns, uint64_t block, uint16_t *out, unsigned max);

/* What datanodes told us is not in the log: replicas, and a block's way from committed to
 * complete.  Adding twice or removing what is not there changes nothing; returns whether it did. */
bool ns_block_add_storage(struct namespace *ns, uint64_t block, uint16_t storage);
bool ns_block_remove_storage(struct namespace *ns, uint64_t block, uint16_t storage);
void ns_block_set_state(struct namespace *ns, uint64_t block, enum block_state state);
/* A writer says how long its block became; recorded with the next record of that file. */
void ns_block_commit(struct namespace *ns, uint64_t block, uint64_t length, uint64_t gs);

/* Visits blocks in the order of their ids from @from on, at most @max of them; returns the id to
 * go on with, or 0 at the end.  @visit may add and remove storages of the block it is shown. */
typedef void (*ns_block_visit)(void *ctx, const struct block_info *b, const uint16_t *storages);
uint64_t ns_block_scan(struct namespace *ns, uint64_t from, int max, ns_block_visit visit,
                       void *ctx);

/* ---- leases (see lease.h; times are not part of the state) ---- */
struct lease_table *ns_leases(struct namespace *ns);

/* ---- loading an image: puts inodes in without records; then ns_load_done() checks ---- */
struct ns_load_inode {
    struct inode_info info; /* name and parent may come later, by ns_load_child */
    const struct edit_block *blocks;
    int block_count;
    const char *client_name, *client_machine; /* under construction */
    const struct edit_acl_entry *acl;
    int acl_count;
    const struct edit_xattr *xattrs;
    int xattr_count;
    int64_t ns_quota, ds_quota; /* -1: none */
    bool has_type_quotas;
    int64_t type_quotas[NS_STORAGE_TYPES];
};
int ns_load_inode(struct namespace *ns, const struct ns_load_inode *in, struct err *err);
int ns_load_children(struct namespace *ns, uint64_t dir, const uint64_t *ids, uint32_t count,
                     struct err *err); /* in the order of their names */
void ns_load_counters(struct namespace *ns, uint64_t last_inode, uint64_t last_block, uint64_t gs);
int ns_load_done(struct namespace *ns, struct err *err);

/* Visits every inode, in the order of ids, for saving; the namespace must not change meanwhile
 * (a forked child's does not). */
uint64_t ns_inode_scan(const struct namespace *ns, uint64_t from, int max,
                       void (*visit)(void *ctx, const struct inode_info *info), void *ctx);

#endif
