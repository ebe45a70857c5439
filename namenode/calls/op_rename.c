/* op_rename.c -- moving: rename answers yes or no, rename2 says why not. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_snapshot.h"

struct move {
    struct place src, dst;
    bool has_snapshot_dirs; /* the source: some that may have snapshots, and have none */
};

/* Is @path inside the tree at @dir (or that itself)? */
static bool is_under(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (path[n] == '/' || n == 1);
}

static int check_rights(struct op *op, const struct move *m)
{
    int rc = access_check(op, &m->src, &(struct access){.parent = MAY_WRITE});

    return rc < 0 ? rc : access_check(op, &m->dst, &(struct access){.ancestor = MAY_WRITE});
}

static int check_new_name(struct op *op, const struct move *m)
{
    struct place as_new = m->dst;

    if (as_new.at.found == as_new.at.count)
        as_new.at.found--; /* it will be replaced */
    /* in the same directory nothing is added to it */
    if (m->dst.id || (m->src.id && place_parent(&m->src) == place_parent(&m->dst)))
        return place_name(&m->dst)->n <= (unsigned)conf_int(op->nn->conf, OPT_component_max) ||
                       conf_int(op->nn->conf, OPT_component_max) == 0
                   ? 0
                   : op_check_limits(op, &as_new);
    return op_check_limits(op, &as_new);
}

/* Directories that may have snapshots can't be one below another. */
static int check_nesting(struct op *op, const struct move *m)
{
    uint64_t dir = place_parent(&m->dst);

    if (!m->has_snapshot_dirs || !op_snapshot_root(op, dir))
        return 0;
    return err_set(&op->err, ERR_SNAPSHOT,
                   "Unable to rename because %s has snapshottable descendant directories and %s "
                   "is a descent of a snapshottable directory, and HDFS does not support nested "
                   "snapshottable directory.",
                   m->src.path, place_prefix(op, &m->dst, m->dst.at.count - 1));
}

/* ---- rename: yes or no ---- */

static bool old_rename_fits(struct op *op, const struct move *m)
{
    if (!m->src.id || m->src.id == NS_ROOT_ID || m->dst.id)
        return false;
    if (is_under(m->dst.path, m->src.path))
        return false;
    return m->dst.at.found == m->dst.at.count - 1 &&
           ns_kind(op->nn->ns, place_parent(&m->dst)) == INODE_DIR;
}

/* An existing directory as the target means: into it. */
static int into_directory(struct op *op, struct move *m)
{
    const struct ns_name *name = place_name(&m->src);
    char *path;

    if (!m->dst.id || m->dst.info.kind != INODE_DIR)
        return 0;
    path = arena_printf(op->arena, "%s/%.*s", m->dst.id == NS_ROOT_ID ? "" : m->dst.path,
                        (int)name->n, name->text);
    if (!path)
        return op_nomem(op);
    return op_resolve(op, path, FOR_CREATE_LINK, &m->dst);
}

int op_rename(struct op *op, const Pb__RenameRequestProto *rq, Pb__RenameResponseProto *rs)
{
    struct move m;
    int rc;

    if ((rc = op_check_path_length(op, "rename", rq->dst)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot rename %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE_LINK, &m.src)) < 0 ||
        (rc = op_resolve(op, rq->dst, FOR_CREATE_LINK, &m.dst)) < 0)
        return rc;
    if (strcmp(m.src.path, m.dst.path) != 0 && (rc = into_directory(op, &m)) < 0)
        return rc;
    if ((rc = check_rights(op, &m)) < 0)
        return rc;
    if (m.src.id && m.src.id != NS_ROOT_ID &&
        (rc = op_check_no_snapshots(op, m.src.id, &m.has_snapshot_dirs)) < 0)
        return rc;
    if (m.src.id && m.src.id != NS_ROOT_ID && m.src.id == m.dst.id) {
        rs->result = m.src.info.kind != INODE_DIR || strcmp(rq->src, rq->dst) != 0;
        return 0;
    }
    if (!old_rename_fits(op, &m))
        return 0;
    if ((rc = check_nesting(op, &m)) < 0 || (rc = check_new_name(op, &m)) < 0)
        return rc;
    rc = op_commit(op, &(struct edit_op){.code = EDIT_RENAME_OLD,
                                         .path = m.src.path,
                                         .path2 = m.dst.path,
                                         .mtime_ms = op->now_ms});
    rs->result = rc == 0;
    return rc;
}

/* ---- rename2: done, or why not ---- */

static int check_pair(struct op *op, const struct move *m)
{
    const char *src = m->src.path, *dst = m->dst.path;

    if (strcmp(src, dst) == 0)
        return err_set(&op->err, ERR_EXISTS, "The source %s and destination %s are the same", src,
                       dst);
    if (m->src.info.kind == INODE_SYMLINK && strcmp(m->src.info.target, dst) == 0)
        return err_set(&op->err, ERR_EXISTS, "Cannot rename symlink %s to its target %s", src, dst);
    if (is_under(dst, src))
        return err_set(&op->err, ERR_IO,
                       "Rename destination %s is a directory or file under source %s", dst, src);
    if (strncmp(src, "/.reserved", 10) == 0 || strncmp(dst, "/.reserved", 10) == 0)
        return err_set(&op->err, ERR_INVALID_PATH,
                       "Invalid path name Cannot rename to or from /.reserved");
    return 0;
}

static int check_overwrite(struct op *op, const struct move *m, bool overwrite)
{
    bool src_dir = m->src.info.kind == INODE_DIR, dst_dir = m->dst.info.kind == INODE_DIR;

    if (src_dir != dst_dir)
        return err_set(&op->err, ERR_IO, "Source %s and destination %s must both be directories",
                       m->src.path, m->dst.path);
    if (!overwrite)
        return err_set(&op->err, ERR_EXISTS, "rename destination %s already exists", m->dst.path);
    if (dst_dir && m->dst.info.child_count > 0)
        return err_set(&op->err, ERR_IO, "rename destination directory is not empty: %s",
                       m->dst.path);
    return 0;
}

static int check_target(struct op *op, const struct move *m, bool overwrite)
{
    if (m->dst.at.count == 1)
        return err_set(&op->err, ERR_IO, "rename destination cannot be the root");
    if (m->dst.id)
        return check_overwrite(op, m, overwrite);
    if (m->dst.at.found < m->dst.at.count - 1)
        return err_set(&op->err, ERR_NOENT, "rename destination parent %s not found.", m->dst.path);
    if (ns_kind(op->nn->ns, place_parent(&m->dst)) != INODE_DIR)
        return err_set(&op->err, ERR_PARENT_NOTDIR, "rename destination parent %s is a file.",
                       m->dst.path);
    return 0;
}

int op_rename2(struct op *op, const Pb__Rename2RequestProto *rq, Pb__Rename2ResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_RENAME, .mtime_ms = op->now_ms};
    struct move m;
    bool dst_dirs;
    int rc;

    (void)rs;
    if ((rc = op_check_path_length(op, "rename", rq->dst)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot rename %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE_LINK, &m.src)) < 0 ||
        (rc = op_resolve(op, rq->dst, FOR_CREATE_LINK, &m.dst)) < 0 ||
        (rc = check_rights(op, &m)) < 0)
        return rc;
    if (!m.src.id)
        return err_set(&op->err, ERR_NOENT, "rename source %s is not found.", m.src.path);
    if (m.src.id == NS_ROOT_ID)
        return err_set(&op->err, ERR_IO, "rename source cannot be the root");
    if ((rc = op_check_no_snapshots(op, m.src.id, &m.has_snapshot_dirs)) < 0 ||
        (rc = check_pair(op, &m)) < 0 || (rc = check_target(op, &m, rq->overwritedest)) < 0 ||
        (m.dst.id && (rc = op_check_no_snapshots(op, m.dst.id, &dst_dirs)) < 0) ||
        (rc = check_nesting(op, &m)) < 0 || (rc = check_new_name(op, &m)) < 0)
        return rc;
    e.path = m.src.path;
    e.path2 = m.dst.path;
    e.rename_options = (rq->overwritedest ? RENAME_OVERWRITE : 0) |
                       (rq->has_movetotrash && rq->movetotrash ? RENAME_TO_TRASH : 0);
    return op_commit(op, &e);
}
