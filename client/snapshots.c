/* snapshots.c -- libdfs: directories that may have snapshots, and the snapshots. */
#include <stdlib.h>
#include <string.h>

#include "client/dfs.h"
#include "client/fs.h"

int dfs_allow_snapshot(struct dfs *fs, const char *dir, bool allow, struct err *err)
{
    Pb__AllowSnapshotRequestProto yes = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__DisallowSnapshotRequestProto no = PB__DISALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__AllowSnapshotResponseProto *allowed;
    Pb__DisallowSnapshotResponseProto *disallowed;
    struct path_question q;
    int rc = question_begin(&q, fs, dir, err);

    if (rc < 0)
        return question_end(&q, rc);
    yes.snapshotroot = no.snapshotroot = q.path;
    rc = allow ? FS_ASK(fs, "allowSnapshot", &yes, allow_snapshot, &q.arena, &allowed, err)
               : FS_ASK(fs, "disallowSnapshot", &no, disallow_snapshot, &q.arena, &disallowed, err);
    return question_end(&q, rc);
}

int dfs_create_snapshot(struct dfs *fs, const char *dir, const char *name, char **path,
                        struct err *err)
{
    Pb__CreateSnapshotRequestProto req = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__CreateSnapshotResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, dir, err);

    if (rc == 0) {
        req.snapshotroot = q.path;
        req.snapshotname = (char *)(uintptr_t)name;
        rc = FS_ASK(fs, "createSnapshot", &req, create_snapshot, &q.arena, &answer, err);
    }
    if (rc == 0 && path && !(*path = strdup(answer->snapshotpath)))
        rc = err_set(err, ERR_NOMEM, "snapshot");
    return question_end(&q, rc);
}

int dfs_delete_snapshot(struct dfs *fs, const char *dir, const char *name, struct err *err)
{
    Pb__DeleteSnapshotRequestProto req = PB__DELETE_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__DeleteSnapshotResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, dir, err);

    if (rc == 0) {
        req.snapshotroot = q.path;
        req.snapshotname = (char *)(uintptr_t)name;
        rc = FS_ASK(fs, "deleteSnapshot", &req, delete_snapshot, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_rename_snapshot(struct dfs *fs, const char *dir, const char *from, const char *to,
                        struct err *err)
{
    Pb__RenameSnapshotRequestProto req = PB__RENAME_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__RenameSnapshotResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, dir, err);

    if (rc == 0) {
        req.snapshotroot = q.path;
        req.snapshotoldname = (char *)(uintptr_t)from;
        req.snapshotnewname = (char *)(uintptr_t)to;
        rc = FS_ASK(fs, "renameSnapshot", &req, rename_snapshot, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}
