/* op_look.c -- what is at a path: status, listings, where the blocks are. */
#include <stdlib.h>

#include "namenode/access.h"
#include "namenode/client_protocol.h"
#include "namenode/status.h"

/* ---- one path ---- */

static int look(struct op *op, const char *src, enum path_use use, Pb__HdfsFileStatusProto **out)
{
    struct place p;
    int rc = op_resolve(op, src, use, &p);

    if (rc == -ERR_ACCESS && op->user->is_super)
        return 0; /* only a file on the way can have stopped it: nothing is there */
    if (rc < 0 || !p.id)
        return rc;
    *out = status_of(op, &p.info, "", 0);
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
    int rc = file_at(op, rq->src, &p);

    rs->result = rc == 0 && !p.info.under_construction;
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

    if (precision == 0 || op->now_ms <= p->info.atime_ms + precision || bm_in_safe_mode(op->nn->bm))
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

/* ---- listings ---- */

struct page {
    Pb__HdfsFileStatusProto **entries;
    size_t count;
    uint32_t remaining;
};

/* A listing with locations stops early when it has shown enough replicas. */
static int list_entry(struct op *op, uint64_t id, bool locations, int64_t *budget, struct page *out)
{
    struct inode_info info;
    Pb__HdfsFileStatusProto *s;

    MUST(ns_info(op->nn->ns, id, &info));
    if (!(s = status_of(op, &info, info.name, info.name_n)))
        return op_nomem(op);
    if (locations && info.kind == INODE_FILE) {
        if (!(s->locations = status_locate(op, &info, 0, UINT64_MAX)))
            return op_nomem(op);
        *budget -= (int64_t)info.block_count * info.replication;
    }
    out->entries[out->count++] = s;
    return 0;
}

enum { COUNT_MAX = 4096 };

/* How many entries come after @after, or COUNT_MAX for so many and more: from the second page
 * on clients only ask whether there are any. */
static uint32_t count_after(struct op *op, uint64_t dir, const char *after, unsigned after_n)
{
    uint64_t ids[512];
    uint32_t total = 0;
    struct inode_info last = {.name = after, .name_n = after_n};
    int n;

    while (total < COUNT_MAX &&
           (n = ns_children(op->nn->ns, dir, last.name, last.name_n, ids, 512)) > 0) {
        total += (uint32_t)n;
        if (n < 512 || !ns_info(op->nn->ns, ids[n - 1], &last))
            break;
    }
    return total;
}

static int list_dir(struct op *op, const struct inode_info *dir, const char *after,
                    unsigned after_n, bool locations, struct page *out)
{
    int limit = (int)conf_int(op->nn->conf, OPT_ls_limit), n;
    int64_t budget = limit;
    uint64_t *ids = arena_alloc(op->arena, ((size_t)limit + 1) * sizeof *ids);

    if (!ids)
        return op_nomem(op);
    n = ns_children(op->nn->ns, dir->id, after, after_n, ids, limit + 1);
    out->entries = arena_alloc(op->arena, ((size_t)n + 1) * sizeof *out->entries);
    if (!out->entries)
        return op_nomem(op);
    for (int i = 0; i < n && i < limit && budget > 0; i++) {
        int rc = list_entry(op, ids[i], locations, &budget, out);

        if (rc < 0)
            return rc;
    }
    if ((size_t)n <= out->count)
        return 0;
    if (after_n == 0) {
        out->remaining = dir->child_count - (uint32_t)out->count;
    } else {
        const Pb__HdfsFileStatusProto *last = out->entries[out->count - 1];

        out->remaining =
            count_after(op, dir->id, (const char *)last->path.data, (unsigned)last->path.len);
    }
    return 0;
}

/* startAfter may be /.reserved/.inodes/ID: the entry with that id. */
static int start_after(struct op *op, const ProtobufCBinaryData *given, const char **name,
                       unsigned *n)
{
    static const char prefix[] = "/.reserved/.inodes/";
    char *text;
    struct inode_info info;

    *name = (const char *)given->data;
    *n = (unsigned)given->len;
    if (given->len < sizeof prefix || memcmp(given->data, prefix, sizeof prefix - 1) != 0)
        return 0;
    text = arena_strndup(op->arena, (const char *)given->data, given->len);
    if (!text)
        return op_nomem(op);
    if (!ns_info(op->nn->ns, strtoull(text + sizeof prefix - 1, NULL, 10), &info))
        return err_set_class(&op->err, ERR_NOENT,
                             "org.apache.hadoop.fs.DirectoryListingStartAfterNotFoundException",
                             "Can't find startAfter %s", text);
    *name = arena_strndup(op->arena, info.name, info.name_n);
    *n = info.name_n;
    return *name ? 0 : op_nomem(op);
}

/* *found: false when there is nothing at @src. */
static int list_path(struct op *op, const char *src, const ProtobufCBinaryData *after,
                     bool locations, struct page *out, bool *found)
{
    struct place p;
    const char *name;
    unsigned name_n;
    int64_t budget = INT64_MAX;
    int rc;

    *found = false;
    if ((rc = start_after(op, after, &name, &name_n)) < 0 ||
        (rc = op_resolve(op, src, FOR_READ, &p)) < 0 || !p.id)
        return rc;
    *found = true;
    if (p.info.kind == INODE_DIR) {
        if ((rc = access_target(op, &p, MAY_READ | MAY_EXECUTE)) < 0)
            return rc;
        return list_dir(op, &p.info, name_n ? name : NULL, name_n, locations, out);
    }
    if (!(out->entries = arena_alloc(op->arena, sizeof *out->entries)))
        return op_nomem(op);
    rc = list_entry(op, p.id, locations, &budget, out);
    if (rc == 0)
        out->entries[0]->path.len = 0; /* a file lists itself, under no name */
    return rc;
}

int op_get_listing(struct op *op, const Pb__GetListingRequestProto *rq,
                   Pb__GetListingResponseProto *rs)
{
    struct page page = {0};
    bool found;
    int rc = list_path(op, rq->src, &rq->startafter, rq->needlocation, &page, &found);

    if (rc < 0 || !found)
        return rc;
    if (!(rs->dirlist = arena_alloc(op->arena, sizeof *rs->dirlist)))
        return op_nomem(op);
    pb__directory_listing_proto__init(rs->dirlist);
    rs->dirlist->partiallisting = page.entries;
    rs->dirlist->n_partiallisting = page.count;
    rs->dirlist->remainingentries = page.remaining;
    return 0;
}
