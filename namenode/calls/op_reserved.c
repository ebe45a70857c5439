/* op_reserved.c -- names below /.reserved: inodes by their number, and paths as they are.
 *
 *   /.reserved/.inodes/ID/rest   starts at the inode with that number; "ID/.." is its parent
 *   /.reserved/raw/rest          /rest, with extended attributes of the namespace RAW; only the
 *                                superuser changes anything by such a name
 *
 * /.reserved itself exists for questions alone: a directory of nobody with two entries.
 */
#include <stdlib.h>

#include "namenode/calls/client_protocol.h"
#include "namenode/calls/status.h"

static const char RESERVED[] = "/.reserved";
static const char INODES[] = "/.reserved/.inodes/";
static const char RAW[] = "/.reserved/raw";

bool op_is_reserved(const char *src)
{
    return strcmp(src, RESERVED) == 0;
}

bool op_is_reserved_listing(const char *src)
{
    return op_is_reserved(src) || strcmp(src, "/.reserved/") == 0;
}

int op_refuse_reserved(struct op *op, const char *src)
{
    if (!op_is_reserved(src))
        return 0;
    return err_set(&op->err, ERR_INVALID_PATH, "Invalid path name %s", src);
}

bool op_is_raw(const char *src)
{
    size_t n = sizeof RAW - 1;

    return strncmp(src, RAW, n) == 0 && (src[n] == '/' || !src[n]);
}

/* ---- as ordinary paths ---- */

/* Hadoop asks for the superuser before it has looked at more than the name; create() has not said
 * yet what it is called. */
static int may_use_raw(struct op *op, enum path_use use)
{
    const char *method = op->row->method;

    if (use == FOR_READ || use == FOR_READ_LINK)
        return 0;
    return op_check_super(op, strcmp(method, "create") == 0 ? "null" : method);
}

/* "ID/..", for NFS: the directory above, and whatever follows is not looked at. */
static uint64_t above(struct op *op, uint64_t id)
{
    uint64_t parent = id == NS_ROOT_ID ? 0 : ns_parent(op->nn->ns, id);

    return parent ? parent : NS_ROOT_ID;
}

static int by_id(struct op *op, const char **src)
{
    const char *p = *src + sizeof INODES - 1, *real;
    char *rest;
    int64_t id = strtoll(p, &rest, 10);

    if (rest == p || (*rest && *rest != '/'))
        return err_set(&op->err, ERR_NOENT, "Invalid inode path: %s", *src);
    if (id <= 0 || ns_kind(op->nn->ns, (uint64_t)id) == INODE_NONE)
        return err_set(&op->err, ERR_NOENT, "File for given inode path does not exist: %s", *src);
    if (strncmp(rest, "/..", 3) == 0 && (!rest[3] || rest[3] == '/')) {
        id = (int64_t)above(op, (uint64_t)id);
        rest = "";
    }
    real = ns_path_of(op->nn->ns, (uint64_t)id, op->arena);
    if (real && *rest)
        real = arena_printf(op->arena, "%s%s", real[1] ? real : "", rest);
    if (!real)
        return err_set(&op->err, ERR_NOENT, "File for given inode path does not exist: %s", *src);
    *src = real;
    return 0;
}

int op_unreserve(struct op *op, const char **src, enum path_use use)
{
    if (op_is_raw(*src)) {
        int rc = may_use_raw(op, use);

        *src += sizeof RAW - 1;
        if (!**src)
            *src = "/";
        return rc;
    }
    if (strncmp(*src, INODES, sizeof INODES - 1) == 0 && (*src)[sizeof INODES - 1])
        return by_id(op, src);
    return 0;
}

/* ---- as a directory ---- */

Pb__HdfsFileStatusProto *op_reserved_status(struct op *op)
{
    const struct inode_info info = {
        .id = UINT64_MAX, .kind = INODE_DIR, .user = "", .group = "", .mode = 01770};

    return status_of(op, &info, "", 0);
}

int op_reserved_listing(struct op *op, Pb__DirectoryListingProto *out)
{
    static const char *const names[] = {".inodes", "raw"};
    uint64_t made = op->nn->identity.created_ms;
    struct inode_info info = {.id = UINT64_MAX,
                              .kind = INODE_DIR,
                              .user = "",
                              .group = users_supergroup(op->nn->users),
                              .mode = 0770,
                              .mtime_ms = made,
                              .atime_ms = made};

    out->partiallisting = arena_alloc(op->arena, 2 * sizeof *out->partiallisting);
    if (!out->partiallisting)
        return op_nomem(op);
    for (int i = 0; i < 2; i++) {
        Pb__HdfsFileStatusProto *s = status_of(op, &info, names[i], (unsigned)strlen(names[i]));

        if (!s)
            return op_nomem(op);
        out->partiallisting[out->n_partiallisting++] = s;
    }
    return 0;
}
