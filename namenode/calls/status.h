/* status.h -- what clients are told of an inode: HdfsFileStatusProto and LocatedBlocksProto.
 *
 * Thread:  with the namespace lock held.
 * Memory:  everything is copied into the call's arena.
 */
#ifndef DFS_NAMENODE_STATUS_H
#define DFS_NAMENODE_STATUS_H

#include "namenode/calls/op.h"

/* @name is the entry's name in a listing; empty when the caller knows the path. */
Pb__HdfsFileStatusProto *status_of(struct op *op, const struct inode_info *info, const char *name,
                                   unsigned name_n);

/* Locations of the blocks in [offset, offset + length), and always of the last block. */
Pb__LocatedBlocksProto *status_locate(struct op *op, const struct inode_info *file, uint64_t offset,
                                      uint64_t length);

/* What "/a/.snapshot" is said to be. */
Pb__HdfsFileStatusProto *status_of_dot_snapshot(struct op *op);

/* The storage policy in force for an inode: its own or the nearest one above; 0: none. */
uint8_t status_policy(struct op *op, const struct inode_info *info);

/* The length of a file's blocks but the last when that is being written. */
uint64_t status_settled_length(struct namespace *ns, const struct inode_info *file);

static inline struct block_info *last_block_of(struct namespace *ns, const struct inode_info *file,
                                               struct block_info *out)
{
    uint64_t id;

    if (file->block_count == 0 || ns_file_blocks_at(ns, file, &id, file->block_count - 1, 1) == 0)
        return NULL;
    return ns_block(ns, id, out) ? out : NULL;
}

#endif
