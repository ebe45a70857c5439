/* ns_state.h -- what a namespace is made of; for the files behind namespace.h only.
 *
 * Memory:  three slabs: names in grains of 4 bytes, the others in grains of 8. Pointers to
 *          records are valid until the next record of their kind is put or removed.
 */
#ifndef DFS_NAMENODE_NS_STATE_H
#define DFS_NAMENODE_NS_STATE_H

#include "namenode/namespace/attr.h"
#include "namenode/blocks/block.h"
#include "namenode/namespace/dcache.h"
#include "namenode/namespace/ec_policy.h"
#include "namenode/namespace/feature.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/idmap.h"
#include "namenode/namespace/inode.h"
#include "namenode/namespace/lease.h"
#include "namenode/namespace/namespace.h"

/* Between which children of a directory something was last looked for, inserted or removed.  A
 * guess: whoever uses it compares with the names that stand there now. */
struct dir_finger {
    uint64_t dir;
    uint32_t chunk, at;
};

struct namespace
{
    struct slab names, tree, block_slab;
    struct idmap inodes;
    struct block_map blocks;
    struct attr_table *attrs;
    struct dcache dcache;
    struct dir_finger *finger; /* behind a pointer: a search of a const namespace moves it */
    struct feature_table *features;
    struct lease_table *leases;
    struct snapshot_table snapshots;
    struct history_table histories;
    bool capture_open_files; /* struct namespace_limits */
    struct cache_table *cache;

    struct ec_table *ec;
    uint64_t rolling_upgrade_ms;  /* when it began; 0: there is none */
    bool rolling_upgrade_is_over; /* in this life: datanodes are told; not part of the state */
    bool has_coded_dirs;          /* since some directory was given a policy */

    uint64_t last_inode, last_block, last_group, gs, gs_v1;
    uint64_t quota_dirs; /* that are counted */
    uint64_t file_count; /* symlinks and directories are the rest */

    /* Roots of deleted trees that are still being taken apart, one after the other. */
    uint64_t *gone;
    uint32_t gone_count, gone_cap;
    size_t longest_list; /* bytes of the longest list of chunks or blocks there ever was */

    ns_block_gone on_block_gone;
    void *on_block_gone_ctx;
};

static inline struct inode *ns_inode(const struct namespace *ns, uint64_t id)
{
    return idmap_get(&ns->inodes, id);
}

static inline const struct attr *ns_attr(const struct namespace *ns, const struct inode *i)
{
    return attr_get(ns->attrs, i->attr);
}

/* tree.c */
const char *inode_name(const struct namespace *ns, const struct inode *i, unsigned *n);
/* The same from the inode's fields alone. */
const char *name_text(const struct namespace *ns, uint32_t name, uint8_t name_n, unsigned *n);
int inode_set_name(struct namespace *ns, uint64_t id, const char *name, unsigned n,
                   struct err *err);
uint64_t ns_child_of(const struct namespace *ns, uint64_t dir, const char *name, unsigned n);

/* What a new inode starts with; its name is linked by ns_link(). */
struct new_inode {
    uint64_t id;
    enum inode_kind kind;
    const char *user, *group;
    uint16_t mode, replication;
    uint64_t block_size, mtime_ms, atime_ms;
    uint8_t storage_policy, ec_policy;
    const char *target;
};
int ns_make_inode(struct namespace *ns, const struct new_inode *in, struct err *err);
void ns_drop_inode(struct namespace *ns, uint64_t id); /* with its name, blocks and features */
int ns_link(struct namespace *ns, uint64_t dir, uint64_t id, const char *name, unsigned n,
            struct err *err);
void ns_unlink(struct namespace *ns, uint64_t id); /* stays, without a parent */
/* Unlinks the tree at @id and takes it apart, at once when it is small; what snapshots see of it
 * stays. */
void ns_delete_tree(struct namespace *ns, uint64_t id);
void ns_destroy(struct namespace *ns, uint64_t id); /* unlinked, and nothing keeps it: all of it */
void ns_end_leases(struct namespace *ns, uint64_t top); /* of files in that tree */
bool ns_is_within(const struct namespace *ns, uint64_t id, uint64_t ancestor);

uint64_t inode_mtime(const struct namespace *ns, uint64_t id);
uint64_t inode_atime(const struct namespace *ns, uint64_t id);
int inode_set_times(struct namespace *ns, uint64_t id, uint64_t mtime, uint64_t atime,
                    struct err *err); /* UINT64_MAX: unchanged */
int inode_set_attr(struct namespace *ns, uint64_t id, const struct attr *a, struct err *err);

/* Not in a tree that was deleted and is still being taken apart. */
bool ns_is_live(const struct namespace *ns, uint64_t id);

/* file.c: the blocks of a file */
uint32_t file_block_count(const struct namespace *ns, const struct inode *i);
uint64_t file_block_number(const struct namespace *ns, const struct inode *i, uint32_t k);
int file_add_block(struct namespace *ns, uint64_t file, uint64_t number, struct err *err);
/* The record too, unless a snapshot, or the truncate that copies it, needs it. */
void file_drop_last_block(struct namespace *ns, uint64_t file);
int file_set_blocks(struct namespace *ns, uint64_t file, const uint64_t *numbers, uint32_t n,
                    struct err *err); /* only the list; records are the caller's */
void file_free_list(struct namespace *ns, struct inode *i);
int file_make_block(struct namespace *ns, uint64_t file, const struct edit_block *b,
                    enum block_state state, struct err *err);
void file_forget_block(struct namespace *ns, uint64_t number); /* tells on_block_gone first */
/* Does something beside the present list of blocks need this one? */
bool file_keeps_block(const struct namespace *ns, uint64_t file, uint64_t number);
/* The lease is about to end: a block that only its truncate kept goes. */
void file_end_cut(struct namespace *ns, uint64_t file);

#endif
