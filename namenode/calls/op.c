#include "namenode/calls/op.h"

#include <stdio.h>
#include <stdlib.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"

int op_nomem(struct op *op)
{
    return err_set(&op->err, ERR_NOMEM, "answer too large");
}

void op_unlock(struct op *op)
{
    op->call->mark = journal_last_txid(op->nn->journal);
    nn_unlock(op->nn);
}

int op_no_such_file(struct op *op, const char *path)
{
    return err_set(&op->err, ERR_NOENT, "File does not exist: %s", path);
}

int op_cannot_find(struct op *op, const char *path)
{
    return err_set(&op->err, ERR_NOENT, "cannot find %s", path);
}

/* ---- names ---- */

bool op_name_is_valid(const char *path)
{
    if (*path != '/')
        return false;
    for (const char *p = path + 1; *p;) {
        size_t n = strcspn(p, "/");

        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.') ||
            memchr(p, ':', n))
            return false;
        p += n + (p[n] == '/');
    }
    return true;
}

int op_check_path_length(struct op *op, const char *what, const char *path)
{
    int depth = 0;

    if (!*path)
        return err_set_class(&op->err, ERR_ARGUMENT, "java.lang.IllegalArgumentException",
                             "Can not create a Path from an empty string");
    for (const char *p = path; *p; p++)
        depth += *p == '/' && p[1] && p[1] != '/';
    if (strlen(path) <= NS_PATH_MAX && depth <= NS_DEPTH_MAX)
        return 0;
    return err_set(&op->err, ERR_IO, "%s: Pathname too long.  Limit 8000 characters, 1000 levels.",
                   what);
}

const char *place_prefix(struct op *op, const struct place *p, int components)
{
    size_t n = 0;
    char *out, *at;

    if (components <= 1)
        return "/";
    for (int i = 1; i < components; i++)
        n += p->at.names[i].n + 1;
    if (!(out = at = arena_alloc(op->arena, n + 1)))
        return "?";
    for (int i = 1; i < components; i++) {
        *at++ = '/';
        memcpy(at, p->at.names[i].text, p->at.names[i].n);
        at += p->at.names[i].n;
    }
    *at = 0;
    return out;
}

/* Whatever @src means, it is not there. */
static int nothing_there(struct op *op, const char *src, struct place *out)
{
    int rc = ns_resolve(op->nn->ns, "/\x01", op->arena, &out->at, &op->err);

    out->at.found = 1;
    out->id = 0;
    out->path = src;
    return rc;
}

/* ns_resolve() with what a malformed path means to a question: nothing is there. */
static int follow(struct op *op, const char *src, struct place *out)
{
    int rc = ns_resolve(op->nn->ns, src, op->arena, &out->at, &op->err);
    size_t n = 0;

    if (rc == -ERR_INVALID_PATH && *src == '/')
        return nothing_there(op, src, out);
    if (rc < 0)
        return rc;
    out->id = out->at.found == out->at.count ? out->at.ids[out->at.count - 1] : 0;
    if (place_is_dot_snapshot(out) ||
        (out->id && !ns_path_info(op->nn->ns, &out->at, out->at.count - 1, &out->info)))
        out->id = 0;
    for (int i = 1; i < out->at.count; i++)
        n += out->at.names[i].n + 1;
    out->path =
        n == strlen(src) || (n == 0 && src[1] == 0) ? src : place_prefix(op, out, out->at.count);
    return 0;
}

static int not_absolute(struct op *op, const char *src)
{
    return err_set_class(&op->err, ERR_ARGUMENT, "java.lang.AssertionError",
                         "Absolute path required, but got '%s'", src);
}

int op_resolve(struct op *op, const char *src, enum path_use use, struct place *out)
{
    bool create = use == FOR_CREATE || use == FOR_CREATE_LINK;
    bool link = use == FOR_READ_LINK || use == FOR_WRITE_LINK || use == FOR_CREATE_LINK;
    int rc;

    if (create && !op_name_is_valid(src))
        return err_set(&op->err, ERR_INVALID_PATH, "Invalid path name Invalid file name: %s", src);
    if (*src != '/')
        return not_absolute(op, src);
    if (src[1] == '.' && (rc = op_unreserve(op, &src, use)) < 0)
        return rc;
    if ((rc = follow(op, src, out)) < 0)
        return rc;
    op->view = out->at.snapshot_at > 0 ? out->at : (struct ns_path){0};
    rc = access_traverse(op, out, !link);
    if (rc == 0 && out->at.snapshot_at > 0 && use != FOR_READ && use != FOR_READ_LINK)
        return err_set(&op->err, ERR_SNAP_ACCESS,
                       "Modification on a read-only snapshot is disallowed");
    if (rc == -ERR_PARENT_NOTDIR && !create) {
        op->err.code = ERR_ACCESS;
        rc = -ERR_ACCESS;
    }
    return rc;
}

int op_resolve_file(struct op *op, const char *src, uint64_t file_id, struct place *out)
{
    const char *path;

    if (!file_id || *src != '/')
        return op_resolve(op, src, FOR_WRITE, out);
    if (ns_kind(op->nn->ns, file_id) == INODE_NONE)
        return nothing_there(op, src, out);
    path = ns_path_of(op->nn->ns, file_id, op->arena);
    return path ? follow(op, path, out) : nothing_there(op, src, out); /* only snapshots see it */
}

/* ---- checks ---- */

int op_check_safe_mode(struct op *op, const char *fmt, ...)
{
    char what[512], tip[1024];
    va_list ap;

    if (!bm_in_safe_mode(op->nn->bm))
        return 0;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    bm_safe_mode_tip(op->nn->bm, tip, sizeof tip);
    return err_set(&op->err, ERR_SAFEMODE,
                   "%.300s. Name node is in safe mode.\n%.500s NamenodeHostName:%s", what, tip,
                   op->nn->hostname);
}

int op_check_super(struct op *op, const char *operation)
{
    if (op->user->is_super || !conf_bool(op->nn->conf, OPT_permissions))
        return 0;
    return err_set(&op->err, ERR_ACCESS,
                   "Access denied for user %s. Superuser privilege is required for operation %s",
                   op->user->name, operation);
}

/* Names that mean something of their own. */
static int check_reserved(struct op *op, const struct place *p, int index)
{
    const struct ns_name *name = &p->at.names[index];

    if (name->n == 9 && memcmp(name->text, ".snapshot", 9) == 0)
        return err_set(&op->err, ERR_HADOOP_ARG, "\".snapshot\" is a reserved name.");
    if (index == 1 && name->n == 9 && memcmp(name->text, ".reserved", 9) == 0)
        return err_set(
            &op->err, ERR_HADOOP_ARG,
            "File name \".reserved\" is reserved and cannot be created. If this is during "
            "upgrade change the name of the existing file or directory to another name "
            "before upgrading to the new release.");
    return 0;
}

int op_check_limits(struct op *op, const struct place *p)
{
    int64_t name_max = conf_int(op->nn->conf, OPT_component_max);
    int64_t items_max = conf_int(op->nn->conf, OPT_dir_items_max);
    int first_new = p->at.found < p->at.count ? p->at.found : p->at.count - 1;
    struct inode_info dir;
    int rc;

    for (int i = first_new; i < p->at.count; i++) {
        if ((rc = check_reserved(op, p, i)) < 0)
            return rc;
        if (name_max && p->at.names[i].n > name_max)
            return err_set(&op->err, ERR_NAME_TOO_LONG,
                           "The maximum path component name limit of %.*s in directory %s is "
                           "exceeded: limit=%lld length=%u",
                           (int)p->at.names[i].n, p->at.names[i].text, place_prefix(op, p, i),
                           (long long)name_max, p->at.names[i].n);
    }
    if (ns_info(op->nn->ns, p->at.ids[first_new - 1], &dir) && dir.child_count >= items_max)
        return err_set(&op->err, ERR_DIR_FULL,
                       "The directory item limit of %s is exceeded: limit=%lld items=%u",
                       place_prefix(op, p, first_new), (long long)items_max, dir.child_count + 1);
    return 0;
}

int op_commit(struct op *op, struct edit_op *e)
{
    int rc = ns_check_quota(op->nn->ns, e, &op->err);

    if (rc < 0)
        return rc;
    if (op->row->cached && op->call->has_client_id) {
        memcpy(e->client_id, op->call->client_id, sizeof e->client_id);
        e->call_id = op->call->call_id;
        e->has_client_id = true;
    } else {
        e->call_id = -2;
    }
    return nn_commit(op->nn, e, &op->err);
}

/* ---- blocks' names ---- */

const char *op_block_name(struct op *op, uint64_t id, uint64_t gs)
{
    const char *s = arena_printf(op->arena, "blk_%lld_%llu", (long long)id, (unsigned long long)gs);

    return s ? s : "blk_?";
}

const char *op_eblock_name(struct op *op, const Pb__ExtendedBlockProto *b)
{
    const char *s;

    if (!b)
        return "null";
    s = arena_printf(op->arena, "%s:blk_%lld_%llu", b->poolid, (long long)b->blockid,
                     (unsigned long long)b->generationstamp);
    return s ? s : "blk_?";
}

int op_check_pool(struct op *op, const Pb__ExtendedBlockProto *b)
{
    const char *pool = op->nn->identity.pool_id;

    if (!b || strcmp(b->poolid, pool) == 0)
        return 0;
    return err_set(&op->err, ERR_IO, "Unexpected BlockPoolId %s - expected %s", b->poolid, pool);
}
