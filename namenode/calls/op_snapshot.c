/* op_snapshot.c -- snapshots: who may have some, making, renaming and deleting them, which there
 * are. */
#include <stdlib.h>
#include <time.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_snapshot.h"
#include "namenode/calls/status.h"

/* ---- which directory ---- */

/* INodeDirectory.valueOf() */
static int check_dir(struct op *op, const struct place *p)
{
    if (!p->id)
        return err_set(&op->err, ERR_NOENT, "Directory does not exist: %s", p->path);
    if (p->info.kind != INODE_DIR)
        return err_set(&op->err, ERR_NOTDIR, "`%s': Is not a directory", p->path);
    return 0;
}

int op_not_snapshottable(struct op *op, uint64_t dir, const char *path)
{
    struct inode_info info;

    if (!dir || !ns_info(op->nn->ns, dir, &info))
        return err_set(&op->err, ERR_NOENT, "Directory does not exist: %s", path);
    if (info.kind != INODE_DIR)
        return err_set(&op->err, ERR_NOTDIR, "`%s': Is not a directory", path);
    return err_set(&op->err, ERR_SNAPSHOT, "Directory is not a snapshottable directory: %s", path);
}

/* The root may always have snapshots, but none until it is allowed: its quota is 0. */
static int find_root(struct op *op, const struct place *p, struct ns_snapshot_dir *out)
{
    int rc = check_dir(op, p);

    *out = (struct ns_snapshot_dir){.dir = p->id};
    if (rc < 0 || ns_snapshot_dir(op->nn->ns, p->id, out) || p->id == NS_ROOT_ID)
        return rc;
    return op_not_snapshottable(op, p->id, p->path);
}

/* A directory of the caller's own, for a change. */
static int resolve_own(struct op *op, const char *path, struct place *p)
{
    int rc = op_resolve(op, path, FOR_WRITE, p);

    if (rc == 0 && conf_bool(op->nn->conf, OPT_permissions)) {
        if (!p->id)
            return err_set(&op->err, ERR_NOENT, "Directory/File does not exist %s", p->path);
        rc = access_owner(op, p);
    }
    return rc;
}

static bool is_within(struct namespace *ns, uint64_t id, uint64_t above)
{
    while (id && id != above)
        id = ns_parent(ns, id);
    return id == above;
}

static const char *path_of(struct op *op, uint64_t id)
{
    const char *path = ns_path_of(op->nn->ns, id, op->arena);

    return path ? path : "?";
}

/* ---- what stands in the way of others ---- */

int op_check_no_snapshots(struct op *op, uint64_t top, bool *has_dirs)
{
    struct ns_snapshot_dir *dirs;
    int n = ns_snapshot_dirs(op->nn->ns, op->arena, &dirs);

    *has_dirs = false;
    for (int i = 0; i < n; i++) {
        const char *path;

        if (!is_within(op->nn->ns, dirs[i].dir, top))
            continue;
        *has_dirs = true;
        if (dirs[i].count == 0)
            continue;
        path = path_of(op, dirs[i].dir);
        return err_set(&op->err, ERR_SNAPSHOT,
                       "The directory %s cannot be deleted since %s is snapshottable and already "
                       "has snapshots",
                       path, path);
    }
    return n < 0 ? op_nomem(op) : 0;
}

uint64_t op_snapshot_root(struct op *op, uint64_t dir)
{
    struct ns_snapshot_dir found;

    while (dir && !ns_snapshot_dir(op->nn->ns, dir, &found))
        dir = ns_parent(op->nn->ns, dir);
    return dir;
}

/* ---- allowing ---- */

static int check_nested(struct op *op, const struct place *p)
{
    struct ns_snapshot_dir *dirs;
    int n = ns_snapshot_dirs(op->nn->ns, op->arena, &dirs);

    for (int i = 0; i < n; i++) {
        bool below = is_within(op->nn->ns, dirs[i].dir, p->id);

        if (dirs[i].dir == p->id || (!below && !is_within(op->nn->ns, p->id, dirs[i].dir)))
            continue;
        return err_set(&op->err, ERR_SNAPSHOT,
                       "Nested snapshottable directories not allowed: path=%s, the %s %s is "
                       "already a snapshottable directory.",
                       p->path, below ? "subdirectory" : "ancestor", path_of(op, dirs[i].dir));
    }
    return n < 0 ? op_nomem(op) : 0;
}

int op_allow_snapshot(struct op *op, const Pb__AllowSnapshotRequestProto *rq,
                      Pb__AllowSnapshotResponseProto *rs)
{
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, "allowSnapshot")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot allow snapshot for %s", rq->snapshotroot)) < 0 ||
        (rc = op_resolve(op, rq->snapshotroot, FOR_WRITE, &p)) < 0 ||
        (rc = check_dir(op, &p)) < 0 || (rc = check_nested(op, &p)) < 0)
        return rc;
    return op_commit(op, &(struct edit_op){.code = EDIT_ALLOW_SNAPSHOT, .path = p.path});
}

int op_disallow_snapshot(struct op *op, const Pb__DisallowSnapshotRequestProto *rq,
                         Pb__DisallowSnapshotResponseProto *rs)
{
    struct ns_snapshot_dir dir;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, "disallowSnapshot")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot disallow snapshot for %s", rq->snapshotroot)) < 0 ||
        (rc = op_resolve(op, rq->snapshotroot, FOR_WRITE, &p)) < 0 || (rc = check_dir(op, &p)) < 0)
        return rc;
    if (ns_snapshot_dir(op->nn->ns, p.id, &dir) && dir.count > 0)
        return err_set(&op->err, ERR_SNAPSHOT,
                       "The directory %s has snapshot(s). Please redo the operation after removing "
                       "all the snapshots.",
                       p.path);
    return op_commit(op, &(struct edit_op){.code = EDIT_DISALLOW_SNAPSHOT, .path = p.path});
}

/* ---- making ---- */

/* s20260131-235959.123, by the host's clock and zone. */
static char *default_name(struct op *op)
{
    time_t seconds = (time_t)(op->now_ms / 1000);
    struct tm tm;
    char text[32];

    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "s%Y%m%d-%H%M%S", &tm);
    return arena_printf(op->arena, "%s.%03u", text, (unsigned)(op->now_ms % 1000));
}

static bool is_component(const char *name)
{
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strcmp(name, ".snapshot") != 0 && !strpbrk(name, "/:");
}

static int check_name(struct op *op, const char *name, const char *dir)
{
    int64_t max = conf_int(op->nn->conf, OPT_component_max);

    if (strchr(name, '/'))
        return err_set(&op->err, ERR_HADOOP_ARG, "Snapshot name cannot contain \"/\"");
    if (strcmp(name, ".snapshot") == 0)
        return err_set(&op->err, ERR_HADOOP_ARG, "\".snapshot\" is a reserved name.");
    if (max && strlen(name) > (size_t)max)
        return err_set(&op->err, ERR_NAME_TOO_LONG,
                       "The maximum path component name limit of %s in directory %s is exceeded: "
                       "limit=%lld length=%zu",
                       name, dir, (long long)max, strlen(name));
    return 0;
}

static int over_limit(struct op *op, uint32_t have, const char *what, int64_t limit)
{
    return err_set(&op->err, ERR_SNAPSHOT,
                   "Failed to create snapshot: there are already %u snapshot(s) and the %s "
                   "snapshot limit is %lld",
                   have, what, (long long)limit);
}

static int check_count(struct op *op, const struct ns_snapshot_dir *dir)
{
    int64_t each = conf_int(op->nn->conf, OPT_snapshot_max);
    int64_t all = conf_int(op->nn->conf, OPT_snapshot_fs_max);
    uint32_t have = ns_snapshot_count(op->nn->ns);

    if (ns_next_snapshot_id(op->nn->ns) >= SNAPSHOT_ID_MAX)
        return err_set(&op->err, ERR_SNAPSHOT,
                       "Failed to create the snapshot. The FileSystem has run out of snapshot IDs "
                       "and ID rollover is not supported and the max snapshot limit is: %d",
                       SNAPSHOT_ID_MAX);
    if (have + 1 > all)
        return over_limit(op, have, "file system", all);
    if (dir->count + 1 > dir->quota)
        return err_set(&op->err, ERR_SNAPSHOT,
                       "Failed to add snapshot: there are already %u snapshot(s) and the snapshot "
                       "quota is %u",
                       dir->count, dir->quota);
    return dir->count + 1 > each ? over_limit(op, dir->count, "per directory", each) : 0;
}

int op_create_snapshot(struct op *op, const Pb__CreateSnapshotRequestProto *rq,
                       Pb__CreateSnapshotResponseProto *rs)
{
    const char *name = rq->snapshotname;
    struct ns_snapshot_dir dir;
    struct place p;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot create snapshot for %s", rq->snapshotroot)) < 0 ||
        (rc = resolve_own(op, rq->snapshotroot, &p)) < 0)
        return rc;
    if ((!name || !*name) && !(name = default_name(op)))
        return op_nomem(op);
    if (!is_component(name))
        return err_set(&op->err, ERR_INVALID_PATH, "Invalid path name Invalid snapshot name: %s",
                       name);
    if ((rc = check_name(op, name, p.path)) < 0 || (rc = find_root(op, &p, &dir)) < 0 ||
        (rc = check_count(op, &dir)) < 0)
        return rc;
    if (ns_snapshot_named(op->nn->ns, p.id, name) != SNAPSHOT_NONE)
        return err_set(&op->err, ERR_SNAPSHOT,
                       "Failed to add snapshot: there is already a snapshot with the same name "
                       "\"%s\".",
                       name);
    rs->snapshotpath =
        arena_printf(op->arena, "%s%s.snapshot/%s", p.path, p.id == NS_ROOT_ID ? "" : "/", name);
    if (!rs->snapshotpath)
        return op_nomem(op);
    return op_commit(op, &(struct edit_op){.code = EDIT_CREATE_SNAPSHOT,
                                           .path = p.path,
                                           .snapshot = name,
                                           .mtime_ms = op->now_ms});
}

/* ---- changing ---- */

int op_rename_snapshot(struct op *op, const Pb__RenameSnapshotRequestProto *rq,
                       Pb__RenameSnapshotResponseProto *rs)
{
    const char *from = rq->snapshotoldname, *to = rq->snapshotnewname;
    struct ns_snapshot_dir dir;
    struct place p;
    int rc;

    (void)rs;
    if (!*to)
        return err_set(&op->err, ERR_IO, "The new snapshot name is null or empty.");
    if ((rc = op_check_safe_mode(op, "Cannot rename snapshot for %s", rq->snapshotroot)) < 0 ||
        (rc = resolve_own(op, rq->snapshotroot, &p)) < 0 || (rc = check_name(op, to, p.path)) < 0 ||
        (rc = find_root(op, &p, &dir)) < 0)
        return rc;
    if (ns_snapshot_named(op->nn->ns, p.id, from) == SNAPSHOT_NONE)
        return err_set(&op->err, ERR_SNAPSHOT, "The snapshot %s does not exist for directory %s",
                       from, p.path);
    if (strcmp(from, to) == 0)
        return 0;
    if (ns_snapshot_named(op->nn->ns, p.id, to) != SNAPSHOT_NONE)
        return err_set(&op->err, ERR_SNAPSHOT, "The snapshot %s already exists for directory %s",
                       to, p.path);
    return op_commit(op, &(struct edit_op){.code = EDIT_RENAME_SNAPSHOT,
                                           .path = p.path,
                                           .snapshot = from,
                                           .snapshot2 = to,
                                           .mtime_ms = op->now_ms});
}

int op_delete_snapshot(struct op *op, const Pb__DeleteSnapshotRequestProto *rq,
                       Pb__DeleteSnapshotResponseProto *rs)
{
    struct ns_snapshot_dir dir;
    struct place p;
    int rc;

    (void)rs;
    if (!*rq->snapshotname)
        return err_set(&op->err, ERR_IO, "The snapshot name is null or empty.");
    if ((rc = op_check_safe_mode(op, "Cannot delete snapshot for %s", rq->snapshotroot)) < 0 ||
        (rc = resolve_own(op, rq->snapshotroot, &p)) < 0 || (rc = find_root(op, &p, &dir)) < 0)
        return rc;
    if (ns_snapshot_named(op->nn->ns, p.id, rq->snapshotname) == SNAPSHOT_NONE)
        return err_set(&op->err, ERR_SNAPSHOT,
                       "Cannot delete snapshot %s from path %s: the snapshot does not exist.",
                       rq->snapshotname, p.path);
    return op_commit(op, &(struct edit_op){.code = EDIT_DELETE_SNAPSHOT,
                                           .path = p.path,
                                           .snapshot = rq->snapshotname,
                                           .mtime_ms = op->now_ms});
}

/* ---- listings ---- */

static int put_bytes(struct op *op, const char *text, ProtobufCBinaryData *out)
{
    out->len = text ? strlen(text) : 0;
    out->data = (uint8_t *)arena_strndup(op->arena, text ? text : "", out->len);
    return out->data ? 0 : op_nomem(op);
}

/* These listings tell nothing of a directory's flags and policies. */
static Pb__HdfsFileStatusProto *plain_status(struct op *op, const struct inode_info *info)
{
    Pb__HdfsFileStatusProto *s = status_of(op, info, info->name, info->name_n);

    if (s)
        s->storagepolicy = s->flags = 0;
    return s;
}

static int list_root(struct op *op, const struct ns_snapshot_dir *dir,
                     Pb__SnapshottableDirectoryStatusProto **out)
{
    Pb__SnapshottableDirectoryStatusProto *s = arena_alloc(op->arena, sizeof *s);
    struct inode_info info;
    uint64_t above = ns_parent(op->nn->ns, dir->dir);

    if (!s)
        return op_nomem(op);
    MUST(ns_info(op->nn->ns, dir->dir, &info));
    pb__snapshottable_directory_status_proto__init(s);
    if (!(s->dirstatus = plain_status(op, &info)))
        return op_nomem(op);
    s->snapshot_quota = dir->quota;
    s->snapshot_number = dir->count;
    *out = s;
    return put_bytes(op, above ? path_of(op, above) : NULL, &s->parent_fullpath);
}

static int compare_bytes(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int by_path(const void *a, const void *b)
{
    const Pb__SnapshottableDirectoryStatusProto *x = *(void *const *)a, *y = *(void *const *)b;
    int order = compare_bytes(&x->parent_fullpath, &y->parent_fullpath);

    return order ? order : compare_bytes(&x->dirstatus->path, &y->dirstatus->path);
}

/* Those of the caller, or all for the superuser. */
int op_get_snapshottable_dir_listing(struct op *op,
                                     const Pb__GetSnapshottableDirListingRequestProto *rq,
                                     Pb__GetSnapshottableDirListingResponseProto *rs)
{
    Pb__SnapshottableDirectoryListingProto *list = arena_alloc(op->arena, sizeof *list);
    struct ns_snapshot_dir *dirs;
    int n = ns_snapshot_dirs(op->nn->ns, op->arena, &dirs), rc = 0;

    (void)rq;
    if (!list || n < 0)
        return op_nomem(op);
    if (n == 0)
        return 0;
    pb__snapshottable_directory_listing_proto__init(list);
    list->snapshottabledirlisting =
        arena_alloc(op->arena, (size_t)n * sizeof *list->snapshottabledirlisting);
    if (!list->snapshottabledirlisting)
        return op_nomem(op);
    for (int i = 0; i < n && rc == 0; i++) {
        struct inode_info info;

        MUST(ns_info(op->nn->ns, dirs[i].dir, &info));
        if (op->user->is_super || strcmp(info.user, op->user->name) == 0)
            rc = list_root(op, &dirs[i],
                           &list->snapshottabledirlisting[list->n_snapshottabledirlisting++]);
    }
    if (rc == 0)
        qsort(list->snapshottabledirlisting, list->n_snapshottabledirlisting,
              sizeof *list->snapshottabledirlisting, by_path);
    rs->snapshottabledirlist = list;
    return rc;
}

static int list_one(struct op *op, const struct inode_info *info, const char *parent,
                    Pb__SnapshotStatusProto **out)
{
    Pb__SnapshotStatusProto *s = arena_alloc(op->arena, sizeof *s);

    if (!s)
        return op_nomem(op);
    pb__snapshot_status_proto__init(s);
    if (!(s->dirstatus = plain_status(op, info)))
        return op_nomem(op);
    s->snapshotid = (uint32_t)info->snapshot;
    *out = s;
    return put_bytes(op, parent, &s->parent_fullpath);
}

int op_get_snapshot_listing(struct op *op, const Pb__GetSnapshotListingRequestProto *rq,
                            Pb__GetSnapshotListingResponseProto *rs)
{
    Pb__SnapshotListingProto *list = arena_alloc(op->arena, sizeof *list);
    struct ns_snapshot_dir dir;
    struct inode_info info;
    struct place p;
    int rc;

    if (!list)
        return op_nomem(op);
    if ((rc = op_resolve(op, rq->snapshotroot, FOR_READ, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_READ)) < 0 || (rc = find_root(op, &p, &dir)) < 0)
        return rc;
    pb__snapshot_listing_proto__init(list);
    list->snapshotlisting = arena_alloc(op->arena, (dir.count + 1) * sizeof *list->snapshotlisting);
    if (!list->snapshotlisting)
        return op_nomem(op);
    for (uint32_t k = 0; rc == 0 && ns_snapshot(op->nn->ns, p.id, k, &info); k++)
        rc = list_one(op, &info, p.path, &list->snapshotlisting[list->n_snapshotlisting++]);
    rs->snapshotlist = list;
    return rc;
}
