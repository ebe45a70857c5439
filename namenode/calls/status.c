#include "namenode/calls/status.h"

#include "namenode/calls/op_ec.h"

uint8_t status_policy(struct op *op, const struct inode_info *info)
{
    return ns_storage_policy(op->nn->ns, info->id);
}

static Pb__HdfsFileStatusProto__FileType type_of(enum inode_kind kind)
{
    switch (kind) {
    case INODE_DIR: return PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR;
    case INODE_SYMLINK: return PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_SYMLINK;
    default: return PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_FILE;
    }
}

static uint32_t flags_of(const struct inode_info *info)
{
    return (info->has_acl ? PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_ACL : 0) |
           (info->is_snapshottable || (info->id == NS_ROOT_ID && info->snapshot == SNAPSHOT_NOW)
                ? PB__HDFS_FILE_STATUS_PROTO__FLAGS__SNAPSHOT_ENABLED
                : 0);
}

/* The message and its parts in one piece of memory. */
struct status {
    Pb__HdfsFileStatusProto status;
    Pb__FsPermissionProto permission;
    char text[];
};

static char *put(char **at, const char *s, size_t n)
{
    char *p = *at;

    memcpy(p, s, n);
    p[n] = 0;
    *at += n + 1;
    return p;
}

Pb__HdfsFileStatusProto *status_of(struct op *op, const struct inode_info *info, const char *name,
                                   unsigned name_n)
{
    size_t user_n = strlen(info->user), group_n = strlen(info->group);
    size_t target_n = info->target ? strlen(info->target) : 0;
    struct status *s = arena_alloc(op->arena, sizeof *s + user_n + group_n + name_n + target_n + 4);
    const struct ec_policy *policy;
    Pb__HdfsFileStatusProto *out;
    char *at;

    if (!s)
        return NULL;
    at = s->text;
    out = &s->status;
    pb__hdfs_file_status_proto__init(out);
    pb__fs_permission_proto__init(&s->permission);
    s->permission.perm = info->mode;
    out->filetype = type_of(info->kind);
    out->permission = &s->permission;
    out->owner = put(&at, info->user, user_n);
    out->group = put(&at, info->group, group_n);
    out->path.data = (uint8_t *)put(&at, name, name_n);
    out->path.len = name_n;
    out->modification_time = info->mtime_ms;
    out->access_time = info->atime_ms;
    if (info->kind == INODE_FILE) {
        out->length = info->length;
        out->block_replication = info->replication;
        out->blocksize = info->block_size;
    }
    if (info->kind == INODE_SYMLINK && info->target) {
        out->has_symlink = 1;
        out->symlink.data = (uint8_t *)put(&at, info->target, target_n);
        out->symlink.len = target_n;
    }
    out->has_block_replication = out->has_blocksize = 1;
    out->has_fileid = 1;
    out->fileid = info->id;
    out->has_childrennum = 1;
    out->childrennum = info->kind == INODE_DIR ? (int32_t)info->child_count : 0;
    out->has_storagepolicy = 1;
    out->storagepolicy =
        info->kind == INODE_SYMLINK || info->id == UINT64_MAX ? 0 : status_policy(op, info);
    out->has_flags = 1;
    out->flags = flags_of(info);
    if ((policy = op_ec_in_force(op, info)) != NULL) {
        out->flags |= PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_EC;
        if (!(out->ecpolicy = op_ec_message(op, policy)))
            return NULL;
    }
    return out;
}

Pb__HdfsFileStatusProto *status_of_dot_snapshot(struct op *op)
{
    const struct inode_info nothing = {.kind = INODE_DIR,
                                       .id = UINT64_MAX,
                                       .snapshot = SNAPSHOT_NOW,
                                       .mode = 0777,
                                       .user = "",
                                       .group = "",
                                       .storage_policy = 0};

    return status_of(op, &nothing, "", 0);
}

/* ---- where blocks are ---- */

uint64_t status_settled_length(struct namespace *ns, const struct inode_info *file)
{
    struct block_info last;

    if (file->under_construction && last_block_of(ns, file, &last) && last.state != BLOCK_COMPLETE)
        return file->length - last.length;
    return file->length;
}

static Pb__LocatedBlockProto *locate(struct op *op, const struct block_info *b, uint64_t offset)
{
    Pb__LocatedBlockProto *lb = arena_alloc(op->arena, sizeof *lb);

    if (lb) {
        pb__located_block_proto__init(lb);
        bm_locate_packed(op->nn->bm, b, offset, op->call->peer_ip, op->arena, lb);
    }
    return lb;
}

/* Fills @out with the blocks that overlap the range; false for want of memory. */
static bool locate_range(struct op *op, const struct inode_info *file, uint64_t offset,
                         uint64_t end, Pb__LocatedBlocksProto *out)
{
    struct namespace *ns = op->nn->ns;
    uint64_t ids[128], at = 0;
    uint32_t from = 0, total = file->block_count;

    out->blocks = arena_alloc(op->arena, (total + 1) * sizeof *out->blocks);
    if (!out->blocks)
        return false;
    while (from < total && (at < end || out->n_blocks == 0)) {
        uint32_t n = total - from < 128 ? total - from : 128;

        ns_file_blocks_at(ns, file, ids, from, n);
        for (uint32_t i = 0; i < n; i++) {
            struct block_info b;

            if (out->n_blocks > 0 && at >= end)
                return true;
            if (!ns_block(ns, ids[i], &b))
                continue;
            if (at + b.length > offset || out->n_blocks > 0 || (from + i == 0 && b.length == 0))
                if (!(out->blocks[out->n_blocks++] = locate(op, &b, at)))
                    return false;
            at += b.length;
        }
        from += n;
    }
    return true;
}

/* Where the last block begins, by the lengths of those before it. */
static uint64_t start_of_last(struct namespace *ns, const struct inode_info *file)
{
    struct block_info b;
    uint64_t id, sum = 0;

    for (uint32_t k = 0; k + 1 < file->block_count; k++) {
        ns_file_blocks_at(ns, file, &id, k, 1);
        sum += ns_block(ns, id, &b) ? b.length : 0;
    }
    return sum;
}

Pb__LocatedBlocksProto *status_locate(struct op *op, const struct inode_info *file, uint64_t offset,
                                      uint64_t length)
{
    Pb__LocatedBlocksProto *out = arena_alloc(op->arena, sizeof *out);
    uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    const struct ec_policy *coded = op_ec_in_force(op, file);
    struct block_info last;

    if (!out)
        return NULL;
    pb__located_blocks_proto__init(out);
    if (coded && !(out->ecpolicy = op_ec_message(op, coded)))
        return NULL;
    out->underconstruction = file->under_construction;
    if (file->block_count == 0)
        return out;
    out->filelength = status_settled_length(op->nn->ns, file);
    if (file->snapshot != SNAPSHOT_NOW && end > file->length)
        end = file->length; /* later bytes of its last block are no part of it */
    if (!locate_range(op, file, offset, end, out))
        return NULL;
    if (last_block_of(op->nn->ns, file, &last)) {
        bool complete = last.state == BLOCK_COMPLETE || file->snapshot != SNAPSHOT_NOW;
        uint64_t at =
            last.state == BLOCK_COMPLETE ? out->filelength - last.length : out->filelength;

        if (file->snapshot != SNAPSHOT_NOW)
            at = start_of_last(op->nn->ns, file);
        out->islastblockcomplete = complete;
        if (!(out->lastblock = locate(op, &last, at)))
            return NULL;
    }
    return out;
}
