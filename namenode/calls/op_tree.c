/* op_tree.c -- making and removing names. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_new.h"
#include "namenode/calls/op_snapshot.h"
#include "namenode/calls/status.h"

/* ---- mkdirs ---- */

/* The directory above @p exists, or the answer says that it does not. */
int op_check_parent(struct op *op, const struct place *p)
{
    if (p->at.count >= 2 && p->at.found < p->at.count - 1)
        return err_set(&op->err, ERR_NOENT, "Parent directory doesn't exist: %s",
                       place_prefix(op, p, p->at.count - 1));
    if (p->at.count >= 2 && ns_kind(op->nn->ns, place_parent(p)) != INODE_DIR)
        return err_set(&op->err, ERR_PARENT_NOTDIR, "Parent path is not a directory: %s",
                       place_prefix(op, p, p->at.count - 1));
    return 0;
}

static int make_dir(struct op *op, const char *path, const struct new_mode *mode, uint64_t parent)
{
    struct inode_info above;
    struct edit_op e = {.code = EDIT_MKDIR,
                        .path = path,
                        .inode_id = ns_last_inode_id(op->nn->ns) + 1,
                        .mtime_ms = op->now_ms,
                        .atime_ms = op->now_ms,
                        .user = op->user->name};
    int rc;

    MUST(ns_info(op->nn->ns, parent, &above));
    e.group = op_copy(op, above.group);
    if ((rc = op_new_acl(op, &above, mode, true, &e)) < 0)
        return rc;
    return op_commit(op, &e);
}

int op_make_parents(struct op *op, const struct place *p, unsigned mode, uint64_t *parent)
{
    const struct new_mode m = {.masked = mode | 0300, .unmasked = mode | 0300, .parents = true};

    *parent = p->at.ids[p->at.found < p->at.count ? p->at.found - 1 : p->at.count - 2];
    for (int n = p->at.found + 1; n < p->at.count; n++) {
        int rc = make_dir(op, place_prefix(op, p, n), &m, *parent);

        if (rc < 0)
            return rc;
        *parent = ns_last_inode_id(op->nn->ns);
    }
    return 0;
}

int op_mkdirs(struct op *op, const Pb__MkdirsRequestProto *rq, Pb__MkdirsResponseProto *rs)
{
    const struct new_mode mode = {.masked = rq->masked->perm & 01777,
                                  .unmasked =
                                      (rq->unmasked ? rq->unmasked : rq->masked)->perm & 01777,
                                  .has_unmasked = rq->unmasked != NULL};
    struct place p;
    uint64_t parent;
    int rc;

    if ((rc = op_check_path_length(op, "mkdirs", rq->src)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot create directory %s", rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_CREATE, &p)) < 0)
        return rc;
    rs->result = 1;
    if (p.id && p.info.kind != INODE_DIR)
        return err_set(&op->err, ERR_EXISTS, "Path is not a directory: %s", p.path);
    if (p.id)
        return 0;
    if ((rc = access_check(op, &p, &(struct access){.ancestor = MAY_WRITE})) < 0 ||
        (!rq->createparent && (rc = op_check_parent(op, &p)) < 0) ||
        (rc = op_check_limits(op, &p)) < 0 ||
        (rc = op_make_parents(op, &p, mode.masked, &parent)) < 0)
        return rc;
    return make_dir(op, p.path, &mode, parent);
}

/* ---- delete ---- */

int op_delete(struct op *op, const Pb__DeleteRequestProto *rq, Pb__DeleteResponseProto *rs)
{
    struct place p;
    bool has_dirs;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot delete %s", rq->src)) < 0 ||
        (rc = op_refuse_reserved(op, rq->src)) < 0 ||
        (rc = op_resolve(op, rq->src, FOR_WRITE_LINK, &p)) < 0)
        return rc;
    rc = access_check(op, &p,
                      &(struct access){.parent = MAY_WRITE,
                                       .subtree = rq->recursive ? MAY_ALL : 0,
                                       .ignore_empty = true});
    if (rc < 0)
        return rc;
    if (p.id && !rq->recursive && p.info.kind == INODE_DIR && p.info.child_count > 0)
        return err_set(&op->err, ERR_NOTEMPTY, "`%s is non empty': Directory is not empty", p.path);
    if (!p.id || p.id == NS_ROOT_ID)
        return 0; /* the answer is "no" */
    if ((rc = op_check_no_snapshots(op, p.id, &has_dirs)) < 0)
        return rc;
    rc = op_commit(op,
                   &(struct edit_op){.code = EDIT_DELETE, .path = p.path, .mtime_ms = op->now_ms});
    rs->result = rc == 0;
    return rc;
}

/* ---- concat ---- */

static int concat_source(struct op *op, const char *src, const struct place *target,
                         struct place *out)
{
    int rc = op_resolve(op, src, FOR_WRITE, out);

    if (rc < 0 ||
        (rc = access_check(op, out, &(struct access){.parent = MAY_WRITE, .target = MAY_READ})) < 0)
        return rc;
    if (!out->id)
        return op_no_such_file(op, out->path);
    if (out->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", out->path);
    if (out->info.parent != target->info.parent)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "Source file %s is not in the same directory with the target %s", src,
                       target->path);
    if (ns_is_in_snapshot(op->nn->ns, out->id))
        return err_set(&op->err, ERR_SNAPSHOT, "Concat: the source file %s is in snapshot", src);
    if (out->id == target->id)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "concat: the src file %s is the same with the target file %s", src,
                       target->path);
    if (out->info.under_construction || out->info.block_count == 0)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "concat: source file %s is invalid or empty or underConstruction", src);
    if (out->info.ec_policy != target->info.ec_policy)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "Source file %s and target file %s have different erasure coding policy",
                       src, target->path);
    if (out->info.block_size > target->info.block_size)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "concat: source file %s has preferred block size %llu which is greater than "
                       "the target file's preferred block size %llu",
                       src, (unsigned long long)out->info.block_size,
                       (unsigned long long)target->info.block_size);
    return 0;
}

int op_concat(struct op *op, const Pb__ConcatRequestProto *rq, Pb__ConcatResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_CONCAT_DELETE, .mtime_ms = op->now_ms};
    uint64_t *ids = arena_alloc(op->arena, (rq->n_srcs + 1) * sizeof *ids);
    struct place t, s;
    int rc;

    (void)rs;
    if (!*rq->trg)
        return err_set(&op->err, ERR_ARGUMENT, "Target file name is empty");
    if (rq->n_srcs == 0)
        return err_set(&op->err, ERR_ARGUMENT, "No sources given");
    if ((rc = op_check_safe_mode(op, "Cannot concat %s", rq->trg)) < 0 ||
        (rc = op_resolve(op, rq->trg, FOR_WRITE, &t)) < 0 ||
        (rc = access_target(op, &t, MAY_WRITE)) < 0)
        return rc;
    if (!t.id)
        return op_no_such_file(op, t.path);
    if (t.info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", t.path);
    if (t.info.under_construction)
        return err_set(&op->err, ERR_HADOOP_ARG, "concat: target file %s is under construction",
                       t.path);
    e.path = t.path;
    e.sources = arena_alloc(op->arena, rq->n_srcs * sizeof *e.sources);
    if (!ids || !e.sources)
        return op_nomem(op);
    for (size_t i = 0; i < rq->n_srcs; i++) {
        if ((rc = concat_source(op, rq->srcs[i], &t, &s)) < 0)
            return rc;
        for (size_t k = 0; k < i; k++)
            if (ids[k] == s.id)
                return err_set(&op->err, ERR_HADOOP_ARG,
                               "concat: at least two of the source files are the same");
        ids[i] = s.id;
        e.sources[i] = s.path;
    }
    e.source_count = (int)rq->n_srcs;
    rc = op_commit(op, &e);
    if (rc == 0)
        bm_check_file(op->nn->bm, t.id);
    return rc;
}

int op_create_symlink(struct op *op, const Pb__CreateSymlinkRequestProto *rq,
                      Pb__CreateSymlinkResponseProto *rs)
{
    (void)rq, (void)rs;
    return err_set(&op->err, ERR_UNSUPPORTED, "Symlinks not supported");
}
