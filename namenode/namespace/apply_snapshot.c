/* apply_snapshot.c -- records about snapshots. */
#include <stdlib.h>

#include "namenode/namespace/apply.h"
#include "namenode/namespace/dir.h"

static int find_dir(struct namespace *ns, const struct edit_op *op, uint64_t *dir, struct err *err)
{
    int rc = apply_find(ns, op, op->path, dir, err);

    if (rc == 0 && ns_kind(ns, *dir) != INODE_DIR)
        return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s: not a directory",
                       (unsigned long long)op->txid, op->code, op->path);
    return rc;
}

/* The directory that may have snapshots, and its snapshot @name, or NULL. */
static int find(struct namespace *ns, const struct edit_op *op, const char *name,
                struct snapshot_dir **dir, struct snapshot **s, struct err *err)
{
    uint64_t id;
    int rc = find_dir(ns, op, &id, err);

    if (rc < 0)
        return rc;
    *dir = snapshot_dir_get(&ns->snapshots, id);
    if (!*dir || !name)
        return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s can't have snapshots",
                       (unsigned long long)op->txid, op->code, op->path);
    *s = snapshot_by_name(*dir, name, (unsigned)strlen(name));
    return 0;
}

static int no_such(const struct edit_op *op, struct err *err)
{
    return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s: no snapshot %s",
                   (unsigned long long)op->txid, op->code, op->path, op->snapshot);
}

int apply_allow_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t dir;
    int rc = find_dir(ns, op, &dir, err);

    if (rc == 0)
        snapshot_dir_allow(&ns->snapshots, dir);
    return rc;
}

int apply_disallow_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    const struct snapshot_dir *d;
    uint64_t dir;
    int rc = find_dir(ns, op, &dir, err);

    if (rc < 0)
        return rc;
    d = snapshot_dir_get(&ns->snapshots, dir);
    if (d && d->n > 0)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s has snapshots",
                       (unsigned long long)op->txid, op->path);
    snapshot_dir_disallow(&ns->snapshots, dir);
    return 0;
}

/* The directory changed at @when, which no snapshot needs to know. */
static int touch(struct namespace *ns, uint64_t dir, uint64_t when, struct err *err)
{
    if (when == UINT64_MAX || inode_mtime(ns, dir) >= when)
        return 0;
    return inode_set_times(ns, dir, when, UINT64_MAX, err);
}

/* Files that are being written below @dir: the snapshot that was just made keeps their lengths. */
static void capture_open_files(struct namespace *ns, uint64_t dir)
{
    int max = (int)lease_count(ns->leases), n;
    uint64_t *ids = malloc(((size_t)max + 1) * sizeof *ids);

    MUST(ids);
    n = lease_files(ns->leases, NULL, 0, ids, max);
    for (int i = 0; i < n; i++)
        if (ns_is_within(ns, ids[i], dir))
            history_touch(ns, ids[i]);
    free(ids);
}

/* Logs older than Hadoop 3.3 do not say when: then it is the directory's own time. */
int apply_create_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct snapshot_dir *dir;
    struct snapshot *s;
    struct diff *d;
    int rc = find(ns, op, op->snapshot, &dir, &s, err), id = ns->snapshots.next_id;

    if (rc < 0)
        return rc;
    if (s || id > SNAPSHOT_ID_MAX || dir->n >= dir->quota)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s can't have a snapshot %s",
                       (unsigned long long)op->txid, op->path, op->snapshot);
    rc = touch(ns, dir->dir, op->mtime_ms, err);
    if (rc < 0)
        return rc;
    snapshot_add(&ns->snapshots, dir, id, op->snapshot);
    d = history_add(ns, dir->dir, id);
    diff_keep_attrs(ns, d, dir->dir);
    if (op->mtime_ms)
        d->attrs->mtime_ms = op->mtime_ms;
    if (ns->capture_open_files)
        capture_open_files(ns, dir->dir);
    return 0;
}

int apply_delete_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct snapshot_dir *dir;
    struct snapshot *s;
    uint64_t id;
    int rc = find(ns, op, op->snapshot, &dir, &s, err);

    if (rc == 0 && !s)
        return no_such(op, err);
    if (rc < 0)
        return rc;
    id = dir->dir;
    snapshot_hide(dir, s);
    history_delete_snapshot(ns, s);
    return touch(ns, id, op->mtime_ms, err);
}

int apply_rename_snapshot(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct snapshot_dir *dir;
    struct snapshot *s, *taken = NULL;
    int rc = find(ns, op, op->snapshot, &dir, &s, err);

    if (rc == 0 && !s)
        return no_such(op, err);
    if (rc == 0)
        rc = find(ns, op, op->snapshot2, &dir, &taken, err);
    if (rc < 0 || taken == s)
        return rc;
    if (taken)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s has a snapshot %s already",
                       (unsigned long long)op->txid, op->path, op->snapshot2);
    snapshot_rename(dir, s, op->snapshot2);
    if (op->mtime_ms)
        history_diff(ns, dir->dir, s->id)->attrs->mtime_ms = op->mtime_ms;
    return 0;
}
