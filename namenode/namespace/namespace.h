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
 *   cache_table.c  pools and directives of the centralized cache
 *   feature.c   what few inodes have: ACL, xattrs, quota, snapshots; by inode id
 *   snapshot.c  which snapshots there are; history.c, history_record.c, history_view.c and
 *               history_clean.c what inodes were like then
 *   tree.c      inodes with their names: making, linking, taking apart
 *   file.c      the blocks of a file
 *   resolve.c   paths
 *   apply.c     ns_apply(): carries out one edit record; apply_attr.c those about attributes,
 *               apply_snapshot.c those about snapshots
 *   ns_quota.c  what directories with a quota use
 *   ns_view.c, ns_snapshot.c, ns_diff.c looking; ns_load.c images; ns_check.c what always holds
 *
 * Always true, and checked by ns_check():
 *   N1  every inode but the root has a parent that lists it once, or only snapshots keep it;
 *       names in a directory differ
 *   N2  every block belongs to one file that lists it, now or in a snapshot; ids are below the
 *       counters
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
#include "namenode/namespace/ec_policy.h"
#include "namenode/edits/edit_op.h"
#include "namenode/namespace/snapshot.h"

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

/* Everything about an inode, unpacked, as of a snapshot or the present. */
struct inode_info {
    uint64_t id, parent;
    int snapshot; /* SNAPSHOT_NOW: the present */
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
    uint64_t id, gs, length, file; /* file: inode id; of a unit all this is its group's */
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
    int snapshot_at;   /* /a/.snapshot/s: the index of ".snapshot"; 0: the path is in the present.
                        * From there on ids are those of @snapshot; that of ".snapshot" itself
                        * is the directory's. */
    int snapshot;
};

/* A name in a directory, as of some snapshot: the inode may be called otherwise now. */
struct ns_entry {
    uint64_t id;
    const char *name;
    unsigned name_n;
};

struct namespace_limits {               /* what the simulator and tests make smaller */
    uint64_t memory_max_bytes;          /* 0: what the address space holds */
    const char *root_user, *root_group; /* of an empty namespace; NULL: "" */
    /* A snapshot keeps the lengths that files being written have when it is made, not those that
     * they have at their next close. As in Hadoop no record says so: a replay must be told, too. */
    bool capture_open_files;
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
 * Delegation tokens are accepted and change nothing here. */
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
uint64_t ns_block_count(const struct namespace *ns); /* with groups */
uint64_t ns_group_count(const struct namespace *ns);
uint64_t ns_open_file_count(const struct namespace *ns);

/* ---- looking ---- */
bool ns_info(const struct namespace *ns, uint64_t id, struct inode_info *out); /* false: none */
bool ns_info_at(const struct namespace *ns, uint64_t id, int snapshot, struct inode_info *out);
uint16_t ns_replication(const struct namespace *ns, uint64_t file); /* the most that any view of
                                                                     * it asks for; 0: none */
enum inode_kind ns_kind(const struct namespace *ns, uint64_t id);
uint64_t ns_parent(const struct namespace *ns, uint64_t id);
/* The storage policy of @id, or of the nearest directory above that has one; 0: none has. */
uint8_t ns_storage_policy(const struct namespace *ns, uint64_t id);

/* Follows @path (absolute; empty components and a trailing slash do not count, "." and ".." are
 * ERR_INVALID_PATH).  /.reserved/.inodes/ID starts at that inode. */
int ns_resolve(const struct namespace *ns, const char *path, struct arena *arena,
               struct ns_path *out, struct err *err);
bool ns_path_info(const struct namespace *ns, const struct ns_path *p, int index,
                  struct inode_info *out); /* index below found */
/* The inode at @path in the present, or 0 when there is none or @path is malformed. */
uint64_t ns_lookup(const struct namespace *ns, const char *path);
uint64_t ns_child(const struct namespace *ns, uint64_t dir, const char *name, unsigned n);
char *ns_path_of(const struct namespace *ns, uint64_t id, struct arena *arena);

/* Children in byte order of their names, from the first one after @after (n 0: from the first):
 * fills up to @max ids, returns how many. */
int ns_children(const struct namespace *ns, uint64_t dir, const char *after, unsigned after_n,
                uint64_t *ids, int max);
int ns_list_at(const struct namespace *ns, uint64_t dir, int snapshot, const char *after,
               unsigned after_n, struct ns_entry *out, int max);

/* ACL entries, xattrs and quotas of an inode, when ns_info() says that it has them. */
int ns_acl(const struct namespace *ns, const struct inode_info *info, struct edit_acl_entry **out);
int ns_xattrs(const struct namespace *ns, const struct inode_info *info, struct edit_xattr **out);
/* Every inode that has the attribute @x, whatever its value. */
void ns_each_xattr(const struct namespace *ns, const struct edit_xattr *x,
                   void (*visit)(void *ctx, uint64_t inode), void *ctx);
bool ns_quota(const struct namespace *ns, const struct inode_info *info, int64_t *names,
              int64_t *space);
/* What the tree of a directory with a quota uses: names, itself included, bytes on datanodes, a
 * block that is being written as a whole one, and the same on each kind of storage, in the order of
 * StorageTypeProto, for files whose storage policy is set. Kept up by every change; false: no
 * quota. */
enum { NS_STORAGE_TYPES = 6 };
struct ns_usage {
    int64_t names, space, types[NS_STORAGE_TYPES];
};
bool ns_quota_usage(const struct namespace *ns, uint64_t id, struct ns_usage *out);
/* Would carrying out @op exceed a quota? ERR_NS_QUOTA, ERR_DS_QUOTA or ERR_TYPE_QUOTA with
 * Hadoop's sentence. ns_apply() does not ask: what is in the log has been admitted. */
int ns_check_quota(const struct namespace *ns, const struct edit_op *op, struct err *err);
/* Bytes on datanodes for a content summary: a block that is not complete, be it only committed, is
 * a whole one there, and in the present blocks that only snapshots need count, too. */
uint64_t ns_file_space(const struct namespace *ns, const struct inode_info *info);
/* Quotas of space by storage type, -1: none; false: no quota. */
bool ns_type_quotas(const struct namespace *ns, const struct inode_info *info,
                    int64_t out[NS_STORAGE_TYPES]);

/* ---- snapshots ---- */
struct ns_snapshot_dir {
    uint64_t dir;
    uint32_t count, quota;
};
bool ns_snapshot_dir(const struct namespace *ns, uint64_t dir, struct ns_snapshot_dir *out);
int ns_snapshot_dirs(const struct namespace *ns, struct arena *arena, struct ns_snapshot_dir **out);
/* A directory's snapshots in the order of their names' bytes; info is that of the directory then,
 * under the snapshot's name, but (as in Hadoop) with as many children as it has now. */
bool ns_snapshot(const struct namespace *ns, uint64_t dir, uint32_t index, struct inode_info *out);
int ns_snapshot_named(const struct namespace *ns, uint64_t dir, const char *name); /* or NONE */
int ns_next_snapshot_id(const struct namespace *ns);
uint32_t ns_snapshot_count(const struct namespace *ns);
/* A snapshot sees the file where it is, or where it once was. */
bool ns_is_in_snapshot(const struct namespace *ns, uint64_t id);
/* A snapshot shows bytes of the file's block number @index of the present. */
bool ns_snapshot_needs_block(const struct namespace *ns, uint64_t file, uint32_t index);

/* Visits what a directory lost while a snapshot saw it there.  What was
 * deleted is shown as it left (SNAPSHOT_NOW), what was moved as that snapshot sees it. */
void ns_each_lost(const struct namespace *ns, uint64_t dir,
                  void (*visit)(void *ctx, uint64_t inode, int snapshot), void *ctx);

/* Files that are being written. */
struct open_file {
    uint64_t inode;
    const char *client_name, *client_machine;
    uint64_t cut_to;      /* being truncated: how long its last block will be; else 0 */
    uint64_t copied_from; /* then: the id of the block that the last one is a copy of, or 0 */
};
bool ns_open_file(const struct namespace *ns, uint64_t inode, struct open_file *out);

/* Policies of erasure codes (ec_policy.h).  The name of the one that a directory has, of its own or
 * from above; false: none. */
const struct ec_table *ns_ec_policies(const struct namespace *ns);
bool ns_dir_ec_policy(const struct namespace *ns, uint64_t dir, bool inherited,
                      char out[EC_NAME_MAX]);
/* Its own or from above in the view, maybe of a snapshot, that @dir is of: there the directories of @way
 * count, which led to it, for it may be elsewhere by now. */
bool ns_ec_policy_at(const struct namespace *ns, const struct inode_info *dir,
                     const struct ns_path *way, char out[EC_NAME_MAX]);

/* When the rolling upgrade that is under way began; 0: there is none. */
uint64_t ns_rolling_upgrade(const struct namespace *ns);
bool ns_rolling_upgrade_is_over(const struct namespace *ns); /* one has ended since the start */

/* ---- files and blocks ---- */
uint32_t ns_file_blocks(const struct namespace *ns, uint64_t file, uint64_t *ids, uint32_t from,
                        uint32_t max); /* returns how many there are in all */
uint32_t ns_file_blocks_at(const struct namespace *ns, const struct inode_info *file, uint64_t *ids,
                           uint32_t from, uint32_t max);
bool ns_block(const struct namespace *ns, uint64_t block, struct block_info *out);
/* Of the file that a block belongs to; false: it is not striped. */
bool ns_striping(const struct namespace *ns, uint64_t file, struct striping *out);
uint8_t ns_ec_policy(const struct namespace *ns, uint64_t file); /* its number; 0: not striped */
unsigned ns_block_storages(const struct namespace *ns, uint64_t block, uint16_t *out, unsigned max);

/* The same of a group, and which of its units each storage has; of others unit 0. */
unsigned ns_block_units(const struct namespace *ns, uint64_t block, uint16_t *out, uint8_t *units,
                        unsigned max);

/* What datanodes told us is not in the log: replicas, and a block's way from committed to
 * complete.  Of a group the id is that of the unit (striping.h).  Adding twice or removing what is not there changes nothing; returns whether it did. */
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

/* ---- pools and directives of the centralized cache: cache_table.h ---- */
struct cache_table *ns_cache(const struct namespace *ns);

/* ---- leases (see lease.h; times are not part of the state) ---- */
struct lease_table *ns_leases(struct namespace *ns);

/* ---- loading an image: puts inodes in without records; then ns_load_done() checks ---- */
struct ns_load_inode {
    struct inode_info info; /* name and parent may come later, by ns_load_child */
    const struct edit_block *blocks;
    int block_count;
    const char *client_name, *client_machine; /* under construction */
    uint64_t cut_to;                          /* as in struct open_file */
    const struct edit_block *copied_from;     /* the same, NULL: cut in place */
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
int ns_load_ec_policies(struct namespace *ns, const void *bytes, size_t n, struct err *err);
void ns_load_rolling_upgrade(struct namespace *ns, uint64_t began_ms);
int ns_load_done(struct namespace *ns, struct err *err);

/* Visits every inode, in the order of ids, for saving; the namespace must not change meanwhile
 * (a forked child's does not). */
uint64_t ns_inode_scan(const struct namespace *ns, uint64_t from, int max,
                       void (*visit)(void *ctx, const struct inode_info *info), void *ctx);

#endif
