/* op_look.c -- what is at a path: status, listings, where the blocks are. */
#include <stdlib.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/status.h"

/* ---- one path ---- */

static int look(struct op *op, const char *src, enum path_use use, Pb__HdfsFileStatusProto **out)
{
    struct place p;
    int rc;

    if (op_is_reserved(src)) {
        *out = op_reserved_status(op);
        return *out ? 0 : op_nomem(op);
    }
    rc = op_resolve(op, src, use, &p);
    if (rc == -ERR_ACCESS && op->user->is_super)
        return 0; /* only a file on the way can have stopped it: nothing is there */
    if (rc < 0 || (!p.id && !place_is_dot_snapshot(&p)))
        return rc;
    *out = p.id ? status_of(op, &p.info, "", 0) : status_of_dot_snapshot(op);
    return *out ? 0 : op_nomem(op);
}

int op_get_file_info(struct op *op, const Pb__GetFileInfoRequestProto *rq,
                     Pb__GetFileInfoResponseProto *rs)
{
    return look(op, rq->src, FOR_READ, &rs->fs);
}

int op_get_file_link_info(struct op *op, const Pb__GetFileLinkInfoRequestProto *rq,
                          Pb__GetFileLinkInfoResponseProto *rs)
{
    return look(op, rq->src, FOR_READ_LINK, &rs->fs);
}

int op_get_located_file_info(struct op *op, const Pb__GetLocatedFileInfoRequestProto *rq,
                             Pb__GetLocatedFileInfoResponseProto *rs)
{
    struct place p;
    int rc = op_resolve(op, rq->src ? rq->src : "", FOR_READ, &p);

    if (rc < 0 || !p.id)
        return rc;
    if (rq->needblocktoken && (rc = access_target(op, &p, MAY_READ)) < 0)
        return rc;
    if (!(rs->fs = status_of(op, &p.info, "", 0)))
        return op_nomem(op);
    if (p.info.kind == INODE_FILE &&
        !(rs->fs->locations = status_locate(op, &p.info, 0, UINT64_MAX)))
        return op_nomem(op);
    return 0;
}

/* The file at @src: FileNotFoundException with the words for nothing and for a directory. */
static int file_at(struct op *op, const char *src, struct place *p)
{
    int rc = op_resolve(op, src, FOR_READ, p);

    if (rc < 0)
        return rc;
    if (!p->id)
        return op_no_such_file(op, p->path);
    if (p->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", p->path);
    return 0;
}

int op_is_file_closed(struct op *op, const Pb__IsFileClosedRequestProto *rq,
                      Pb__IsFileClosedResponseProto *rs)
{
    struct place p;
    struct open_file open; /* in the present, also of a path in a snapshot */
    int rc = file_at(op, rq->src, &p);

    rs->result = rc == 0 && !ns_open_file(op->nn->ns, p.id, &open);
    return rc;
}

int op_get_preferred_block_size(struct op *op, const Pb__GetPreferredBlockSizeRequestProto *rq,
                                Pb__GetPreferredBlockSizeResponseProto *rs)
{
    struct place p;
    int rc = file_at(op, rq->filename, &p);

    rs->bsize = rc == 0 ? p.info.block_size : 0;
    return rc;
}

int op_get_link_target(struct op *op, const Pb__GetLinkTargetRequestProto *rq,
                       Pb__GetLinkTargetResponseProto *rs)
{
    struct place p;
    int rc = op_resolve(op, rq->path, FOR_READ_LINK, &p);

    if (rc < 0)
        return rc;
    if (!p.id)
        return op_no_such_file(op, rq->path);
    if (p.info.kind != INODE_SYMLINK)
        return err_set(&op->err, ERR_IO, "Path %s is not a symbolic link", rq->path);
    rs->targetpath = op_copy(op, p.info.target);
    return rs->targetpath ? 0 : op_nomem(op);
}

int op_check_access(struct op *op, const Pb__CheckAccessRequestProto *rq,
                    Pb__CheckAccessResponseProto *rs)
{
    struct place p;
    int rc = op_resolve(op, rq->path, FOR_READ, &p);

    (void)rs;
    if (rc < 0)
        return rc;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "Path not found: %s", p.path);
    return access_target(op, &p, (int)rq->mode & MAY_ALL);
}

/* ---- locations ---- */

/* Reading a file is remembered, as exactly as dfs.namenode.accesstime.precision asks. */
static int touch(struct op *op, const struct place *p)
{
    uint64_t precision = (uint64_t)conf_int(op->nn->conf, OPT_atime_precision);

    if (precision == 0 || p->at.snapshot_at > 0 || op->now_ms <= p->info.atime_ms + precision ||
        bm_in_safe_mode(op->nn->bm))
        return 0;
    return op_commit(op, &(struct edit_op){.code = EDIT_TIMES,
                                           .path = p->path,
                                           .mtime_ms = UINT64_MAX,
                                           .atime_ms = op->now_ms});
}

int op_get_block_locations(struct op *op, const Pb__GetBlockLocationsRequestProto *rq,
                           Pb__GetBlockLocationsResponseProto *rs)
{
    struct place p;
    int rc;

    if ((int64_t)rq->offset < 0)
        return err_set(&op->err, ERR_ARGUMENT, "Negative offset is not supported. File: %s",
                       rq->src);
    if ((int64_t)rq->length < 0)
        return err_set(&op->err, ERR_ARGUMENT, "Negative length is not supported. File: %s",
                       rq->src);
    if ((rc = file_at(op, rq->src, &p)) < 0 || (rc = access_target(op, &p, MAY_READ)) < 0)
        return rc;
    if (!(rs->locations = status_locate(op, &p.info, rq->offset, rq->length)))
        return op_nomem(op);
    return touch(op, &p);
}
