/* op_open_files.c -- files that are being written, for the administrator. */
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/lease.h"

enum { SLICE = 512 };

/* What is asked for. */
struct wanted {
    const char *under;  /* this path and what is below it */
    bool blocking_only; /* those that keep a datanode from leaving */
    size_t max;
};

static bool has_type(const Pb__ListOpenFilesRequestProto *rq, Pb__OpenFilesTypeProto type)
{
    for (size_t i = 0; i < rq->n_types; i++)
        if (rq->types[i] == type)
            return true;
    return false;
}

/* @path is @under or below it; a slash at the end of @under does not count. */
static bool is_under(const char *path, const char *under)
{
    size_t n = strlen(under);

    while (n > 0 && under[n - 1] == '/')
        n--;
    return strncmp(path, under, n) == 0 && (path[n] == '/' || !path[n]);
}

static bool is_leaving(struct op *op, uint16_t storage)
{
    const Pb__DatanodeInfoProto *dn = bm_storage_datanode(op->nn->bm, storage);

    return dn && (dn->adminstate == PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSION_INPROGRESS ||
                  dn->adminstate == PB__DATANODE_INFO_PROTO__ADMIN_STATE__ENTERING_MAINTENANCE);
}

/* A datanode may leave when the blocks it has are elsewhere; those of an open file are not moved:
 * neither what was reported nor what is still being written. */
static bool block_keeps(struct op *op, uint64_t block)
{
    enum { MAX = 64 };
    uint16_t storages[2 * MAX];
    int n = bm_expected(op->nn->bm, block, storages, MAX);
    unsigned stored = ns_block_storages(op->nn->ns, block, storages + n, MAX);

    n += (int)(stored < MAX ? stored : MAX);
    for (int i = 0; i < n; i++)
        if (is_leaving(op, storages[i]))
            return true;
    return false;
}

static bool is_blocking(struct op *op, uint64_t file)
{
    struct inode_info info;
    uint64_t ids[SLICE];
    uint32_t total = ns_info(op->nn->ns, file, &info) ? info.block_count : 0;

    for (uint32_t from = 0; from < total; from += SLICE) {
        uint32_t n = total - from < SLICE ? total - from : SLICE;

        ns_file_blocks(op->nn->ns, file, ids, from, n);
        for (uint32_t i = 0; i < n; i++)
            if (block_keeps(op, ids[i]))
                return true;
    }
    return false;
}

static int put_file(struct op *op, uint64_t id, const char *path,
                    Pb__ListOpenFilesResponseProto *rs)
{
    Pb__OpenFilesBatchResponseProto *e = arena_alloc(op->arena, sizeof *e);
    struct open_file open;

    if (!e)
        return op_nomem(op);
    MUST(ns_open_file(op->nn->ns, id, &open));
    pb__open_files_batch_response_proto__init(e);
    e->id = (int64_t)id;
    e->path = (char *)(uintptr_t)path;
    e->clientname = op_copy(op, open.client_name);
    e->clientmachine = op_copy(op, open.client_machine);
    if (!e->clientname || !e->clientmachine)
        return op_nomem(op);
    rs->entries[rs->n_entries++] = e;
    return 0;
}

/* Files with ids above @after, until there are enough of them. */
static int list(struct op *op, const struct wanted *w, uint64_t after,
                Pb__ListOpenFilesResponseProto *rs)
{
    uint64_t ids[SLICE];
    int n;

    while ((n = lease_files(ns_leases(op->nn->ns), NULL, after + 1, ids, SLICE)) > 0) {
        for (int i = 0; i < n; i++) {
            const char *path;
            int rc;

            if (rs->n_entries == w->max) {
                rs->hasmore = 1;
                return 0;
            }
            after = ids[i];
            if (!(path = ns_path_of(op->nn->ns, after, op->arena)))
                continue; /* in a tree that is deleted */
            if (!is_under(path, w->under) || (w->blocking_only && !is_blocking(op, after)))
                continue;
            if ((rc = put_file(op, after, path, rs)) < 0)
                return rc;
        }
    }
    return 0;
}

int op_list_open_files(struct op *op, const Pb__ListOpenFilesRequestProto *rq,
                       Pb__ListOpenFilesResponseProto *rs)
{
    bool all = has_type(rq, PB__OPEN_FILES_TYPE_PROTO__ALL_OPEN_FILES);
    bool blocking = has_type(rq, PB__OPEN_FILES_TYPE_PROTO__BLOCKING_DECOMMISSION);
    struct wanted w = {.under = rq->path ? rq->path : "/",
                       .blocking_only = !all,
                       .max = (size_t)conf_int(op->nn->conf, OPT_list_open_limit)};
    int rc = op_check_super(op, "listOpenFiles");

    if (rc < 0)
        return rc;
    if (*w.under != '/')
        return err_set_class(&op->err, ERR_ARGUMENT, "java.lang.AssertionError",
                             "Absolute path required, but got '%s'", w.under);
    if (!all && !blocking)
        return err_set(&op->err, ERR_ARGUMENT, "Unknown OpenFileType: []");
    rs->entries = arena_alloc(op->arena, w.max * sizeof *rs->entries);
    rs->types = arena_alloc(op->arena, (rq->n_types + 1) * sizeof *rs->types);
    if (!rs->entries || !rs->types)
        return op_nomem(op);
    for (size_t i = 0; i < rq->n_types; i++)
        rs->types[rs->n_types++] = rq->types[i];
    return list(op, &w, rq->id < 0 ? 0 : (uint64_t)rq->id, rs);
}
