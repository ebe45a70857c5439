/* names.c -- asking the namenode about names, and changing them: one small question each. */
#include <stdlib.h>
#include <string.h>

#include "client/fs.h"
#include "proto/stripe.h"

/* ---- stat ---- */

static char *text_of(const ProtobufCBinaryData *b)
{
    return strndup((const char *)b->data, b->len);
}

void dfs_stat_done(struct dfs_stat *st)
{
    free(st->path);
    free(st->owner);
    free(st->group);
    free(st->target);
    free(st->ec_policy);
}

/* Of Hadoop's own policies a namenode says the number alone. */
static char *policy_name(const Pb__ErasureCodingPolicyProto *from)
{
    struct stripe_policy p;

    if (from && from->name)
        return strdup(from->name);
    return from && stripe_policy_from(from, &p, NULL) == 0 ? strdup(p.name) : NULL;
}

int fs_stat_from(const Pb__HdfsFileStatusProto *from, const char *path, struct dfs_stat *out,
                 struct err *err)
{
    /* Before Hadoop 3 they stood above the bits of the mode. */
    uint32_t flags = from->has_flags ? from->flags : (from->permission->perm >> 12 & 7);
    struct dfs_stat st = {
        .path = strdup(path),
        .kind = (enum dfs_kind)from->filetype,
        .length = from->length,
        .block_size = from->blocksize,
        .mtime_ms = from->modification_time,
        .atime_ms = from->access_time,
        .inode_id = from->fileid,
        .replication = from->block_replication,
        .child_count = from->childrennum > 0 ? (uint32_t)from->childrennum : 0,
        .mode = (uint16_t)(from->permission->perm & 01777),
        .owner = strdup(from->owner),
        .group = strdup(from->group),
        .target = from->has_symlink ? text_of(&from->symlink) : NULL,
        .has_acl = flags & PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_ACL,
        .is_encrypted = flags & PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_CRYPT,
        .is_erasure_coded = flags & PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_EC,
        .is_snapshot_enabled = flags & PB__HDFS_FILE_STATUS_PROTO__FLAGS__SNAPSHOT_ENABLED,
        .ec_policy = policy_name(from->ecpolicy),
        .storage_policy = (uint8_t)from->storagepolicy,
    };

    if (!st.path || !st.owner || !st.group) {
        dfs_stat_done(&st);
        return err_set(err, ERR_NOMEM, "status of %s", path);
    }
    *out = st;
    return 0;
}

int dfs_stat(struct dfs *fs, const char *path, struct dfs_stat *out, struct err *err)
{
    Pb__GetFileInfoRequestProto req = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    Pb__GetFileInfoResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        rc = FS_ASK(fs, "getFileInfo", &req, get_file_info, &q.arena, &answer, err);
    }
    if (rc == 0 && !answer->fs)
        rc = err_set(err, ERR_NOENT, "File does not exist: %s", q.path);
    if (rc == 0)
        rc = fs_stat_from(answer->fs, q.path, out, err);
    return question_end(&q, rc);
}

/* ---- changes ---- */

static int make_dirs(struct dfs *fs, const char *path, uint16_t mode, uint16_t full_mode,
                     bool parents, struct err *err)
{
    Pb__MkdirsRequestProto req = PB__MKDIRS_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto masked = PB__FS_PERMISSION_PROTO__INIT, unmasked = masked;
    Pb__MkdirsResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        masked.perm = mode;
        unmasked.perm = full_mode;
        req.src = q.path;
        req.masked = &masked;
        req.unmasked = &unmasked;
        req.createparent = parents;
        rc = FS_ASK(fs, "mkdirs", &req, mkdirs, &q.arena, &answer, err);
    }
    if (rc == 0 && !answer->result)
        rc = err_set(err, ERR_IO, "`%s': directory was not made", q.path);
    return question_end(&q, rc);
}

int dfs_mkdirs(struct dfs *fs, const char *path, uint16_t mode, bool parents, struct err *err)
{
    uint16_t full = mode ? mode : 0777;

    return make_dirs(fs, path, (uint16_t)(full & ~fs->umask), full, parents, err);
}

int dfs_mkdir(struct dfs *fs, const char *path, uint16_t mode, uint16_t full_mode, struct err *err)
{
    return make_dirs(fs, path, mode, full_mode, false, err);
}

int dfs_rename(struct dfs *fs, const char *from, const char *to, bool overwrite, struct err *err)
{
    Pb__Rename2RequestProto req = PB__RENAME2_REQUEST_PROTO__INIT;
    Pb__Rename2ResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, from, err);

    if (rc == 0)
        rc = fs_path(fs, to, &q.arena, &req.dst, err);
    if (rc == 0) {
        req.src = q.path;
        req.overwritedest = overwrite;
        rc = FS_ASK(fs, "rename2", &req, rename2, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_rename_into(struct dfs *fs, const char *from, const char *to, bool *moved, struct err *err)
{
    Pb__RenameRequestProto req = PB__RENAME_REQUEST_PROTO__INIT;
    Pb__RenameResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, from, err);

    if (rc == 0)
        rc = fs_path(fs, to, &q.arena, &req.dst, err);
    if (rc == 0) {
        req.src = q.path;
        rc = FS_ASK(fs, "rename", &req, rename, &q.arena, &answer, err);
    }
    if (rc == 0)
        *moved = answer->result;
    return question_end(&q, rc);
}

int dfs_delete(struct dfs *fs, const char *path, bool recursive, bool *was_there, struct err *err)
{
    Pb__DeleteRequestProto req = PB__DELETE_REQUEST_PROTO__INIT;
    Pb__DeleteResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.recursive = recursive;
        rc = FS_ASK(fs, "delete", &req, delete, &q.arena, &answer, err);
    }
    if (rc == 0 && was_there)
        *was_there = answer->result;
    return question_end(&q, rc);
}

int dfs_chmod(struct dfs *fs, const char *path, uint16_t mode, struct err *err)
{
    Pb__SetPermissionRequestProto req = PB__SET_PERMISSION_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto permission = PB__FS_PERMISSION_PROTO__INIT;
    Pb__SetPermissionResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        permission.perm = mode;
        req.src = q.path;
        req.permission = &permission;
        rc = FS_ASK(fs, "setPermission", &req, set_permission, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_chown(struct dfs *fs, const char *path, const char *owner, const char *group,
              struct err *err)
{
    Pb__SetOwnerRequestProto req = PB__SET_OWNER_REQUEST_PROTO__INIT;
    Pb__SetOwnerResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.username = (char *)(uintptr_t)owner;
        req.groupname = (char *)(uintptr_t)group;
        rc = FS_ASK(fs, "setOwner", &req, set_owner, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_utimes(struct dfs *fs, const char *path, int64_t mtime_ms, int64_t atime_ms,
               struct err *err)
{
    Pb__SetTimesRequestProto req = PB__SET_TIMES_REQUEST_PROTO__INIT;
    Pb__SetTimesResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.mtime = (uint64_t)mtime_ms;
        req.atime = (uint64_t)atime_ms;
        rc = FS_ASK(fs, "setTimes", &req, set_times, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_setrep(struct dfs *fs, const char *path, uint32_t replication, bool *is_file,
               struct err *err)
{
    Pb__SetReplicationRequestProto req = PB__SET_REPLICATION_REQUEST_PROTO__INIT;
    Pb__SetReplicationResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.replication = replication;
        rc = FS_ASK(fs, "setReplication", &req, set_replication, &q.arena, &answer, err);
    }
    if (rc == 0 && is_file)
        *is_file = answer->result;
    return question_end(&q, rc);
}

int dfs_truncate(struct dfs *fs, const char *path, uint64_t length, bool *done, struct err *err)
{
    Pb__TruncateRequestProto req = PB__TRUNCATE_REQUEST_PROTO__INIT;
    Pb__TruncateResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.newlength = length;
        req.clientname = fs->client_name;
        rc = FS_ASK(fs, "truncate", &req, truncate, &q.arena, &answer, err);
    }
    if (rc == 0)
        *done = answer->result;
    return question_end(&q, rc);
}

int dfs_concat(struct dfs *fs, const char *target, const char *const *sources, size_t count,
               struct err *err)
{
    Pb__ConcatRequestProto req = PB__CONCAT_REQUEST_PROTO__INIT;
    Pb__ConcatResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, target, err);
    char **list = rc == 0 ? arena_alloc(&q.arena, (count + 1) * sizeof *list) : NULL;

    if (rc == 0 && !list)
        rc = err_set(err, ERR_NOMEM, "concat of %zu files", count);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = fs_path(fs, sources[i], &q.arena, &list[i], err);
    if (rc == 0) {
        req.trg = q.path;
        req.srcs = list;
        req.n_srcs = count;
        rc = FS_ASK(fs, "concat", &req, concat, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_access(struct dfs *fs, const char *path, unsigned bits, struct err *err)
{
    Pb__CheckAccessRequestProto req = PB__CHECK_ACCESS_REQUEST_PROTO__INIT;
    Pb__CheckAccessResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.path = q.path;
        req.mode = (Pb__AclEntryProto__FsActionProto)bits;
        rc = FS_ASK(fs, "checkAccess", &req, check_access, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_is_closed(struct dfs *fs, const char *path, bool *closed, struct err *err)
{
    Pb__IsFileClosedRequestProto req = PB__IS_FILE_CLOSED_REQUEST_PROTO__INIT;
    Pb__IsFileClosedResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        rc = FS_ASK(fs, "isFileClosed", &req, is_file_closed, &q.arena, &answer, err);
    }
    if (rc == 0)
        *closed = answer->result;
    return question_end(&q, rc);
}

int dfs_recover_lease(struct dfs *fs, const char *path, bool *closed, struct err *err)
{
    Pb__RecoverLeaseRequestProto req = PB__RECOVER_LEASE_REQUEST_PROTO__INIT;
    Pb__RecoverLeaseResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        req.clientname = fs->client_name;
        rc = FS_ASK(fs, "recoverLease", &req, recover_lease, &q.arena, &answer, err);
    }
    if (rc == 0)
        *closed = answer->result;
    return question_end(&q, rc);
}

/* ---- sums ---- */

int dfs_content(struct dfs *fs, const char *path, struct dfs_content *out, struct err *err)
{
    Pb__GetContentSummaryRequestProto req = PB__GET_CONTENT_SUMMARY_REQUEST_PROTO__INIT;
    Pb__GetContentSummaryResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.path = q.path;
        rc = FS_ASK(fs, "getContentSummary", &req, get_content_summary, &q.arena, &answer, err);
    }
    if (rc == 0) {
        const Pb__ContentSummaryProto *s = answer->summary;

        *out = (struct dfs_content){
            .length = s->length,
            .file_count = s->filecount,
            .dir_count = s->directorycount,
            .space = s->spaceconsumed,
            .quota = (int64_t)s->quota,
            .space_quota = (int64_t)s->spacequota,
            .snapshot_length = s->snapshotlength,
            .snapshot_file_count = s->snapshotfilecount,
            .snapshot_dir_count = s->snapshotdirectorycount,
            .snapshot_space = s->snapshotspaceconsumed,
            .ec_policy = s->erasurecodingpolicy ? strdup(s->erasurecodingpolicy) : NULL,
        };
    }
    return question_end(&q, rc);
}

int dfs_quota(struct dfs *fs, const char *path, struct dfs_quota *out, struct err *err)
{
    Pb__GetQuotaUsageRequestProto req = PB__GET_QUOTA_USAGE_REQUEST_PROTO__INIT;
    Pb__GetQuotaUsageResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.path = q.path;
        rc = FS_ASK(fs, "getQuotaUsage", &req, get_quota_usage, &q.arena, &answer, err);
    }
    if (rc == 0) {
        const Pb__QuotaUsageProto *u = answer->usage;

        *out = (struct dfs_quota){
            .names_used = u->fileanddirectorycount,
            .space_used = u->spaceconsumed,
            .names = (int64_t)u->quota,
            .space = (int64_t)u->spacequota,
        };
        memset(out->type, -1, sizeof out->type);
        for (size_t i = 0; u->typequotainfos && i < u->typequotainfos->n_typequotainfo; i++) {
            const Pb__StorageTypeQuotaInfoProto *t = u->typequotainfos->typequotainfo[i];

            if ((unsigned)t->type < DFS_STORAGE_TYPES) {
                out->type[t->type] = (int64_t)t->quota;
                out->type_used[t->type] = t->consumed;
            }
        }
    }
    return question_end(&q, rc);
}

int dfs_space(struct dfs *fs, struct dfs_space *out, struct err *err)
{
    Pb__GetFsStatusRequestProto req = PB__GET_FS_STATUS_REQUEST_PROTO__INIT;
    Pb__GetFsStatsResponseProto *answer;
    struct arena arena;
    int rc;

    arena_init(&arena, FS_ANSWER_MAX);
    rc = FS_ASK(fs, "getFsStats", &req, get_fs_stats, &arena, &answer, err);
    if (rc == 0)
        *out = (struct dfs_space){
            .capacity = answer->capacity,
            .used = answer->used,
            .remaining = answer->remaining,
            .under_replicated = answer->under_replicated,
            .corrupt = answer->corrupt_blocks,
            .missing = answer->missing_blocks,
        };
    arena_done(&arena);
    return rc;
}

int dfs_server_defaults(struct dfs *fs, struct dfs_server_defaults *out, struct err *err)
{
    Pb__GetServerDefaultsRequestProto req = PB__GET_SERVER_DEFAULTS_REQUEST_PROTO__INIT;
    Pb__GetServerDefaultsResponseProto *answer;
    struct arena arena;
    int rc;

    arena_init(&arena, FS_ANSWER_MAX);
    rc = FS_ASK(fs, "getServerDefaults", &req, get_server_defaults, &arena, &answer, err);
    if (rc == 0)
        *out = (struct dfs_server_defaults){
            .block_size = answer->serverdefaults->blocksize,
            .replication = answer->serverdefaults->replication,
            .trash_interval_min = answer->serverdefaults->trashinterval,
        };
    arena_done(&arena);
    return rc;
}
