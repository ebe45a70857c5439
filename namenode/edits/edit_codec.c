#include "namenode/edits/edit_codec.h"

#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/edits/pb_scan.h"

/* How a field is written. */
enum kind {
    K_END,
    K_STRING,     /* 2-byte length, UTF8 */
    K_U64,        /* 8 bytes */
    K_U16,        /* 2 bytes */
    K_U8,         /* 1 byte */
    K_BOOL,       /* 1 byte */
    K_TYPE,       /* a storage type in 4 bytes, by Java's ordinal */
    K_PERMISSION, /* user and group as Text, 2-byte mode */
    K_BLOCKS,     /* 4-byte count; id, length, stamp of 8 bytes each */
    K_COMPACT,    /* vint count; 8-byte id, length and stamp as vlong differences */
    K_ACL,        /* 4-byte count; type, scope and permissions in a byte, name */
    K_XATTRS,     /* delimited XAttrEditLogProto without a path */
    K_ACL_PB,     /* delimited AclEditLogProto */
    K_XATTR_PB,   /* delimited XAttrEditLogProto */
    K_SOURCES,    /* 4-byte count, strings */
    K_OPTIONS,    /* 4-byte count, a byte for each rename option */
    K_RPC,        /* 2-byte length, client id; 4-byte call id */
    K_MTIME2,     /* the mtime once more, in the place of an atime */
    K_OPAQUE,     /* everything to the end */
    K_OPAQUE_STRING,
    K_OPAQUE_U64,
    K_DIRECTIVE, /* opaque, CacheDirectiveInfo */
    K_POOL,      /* opaque, CachePoolInfo */
    K_EC_POLICY, /* codec, data and parity units, cell size; 4-byte count, options as pairs */
};

struct field {
    enum kind kind;
    uint16_t at;   /* offset in struct edit_op */
    int16_t since; /* the first layout that has it; 0: all */
};

enum { FIELDS_MAX = 16 };

struct record {
    const char *name;
    struct field fields[FIELDS_MAX];
};

#define F(kind, member)                                                                            \
    {                                                                                              \
        kind, offsetof(struct edit_op, member), 0                                                  \
    }
#define F_SINCE(kind, member, layout)                                                              \
    {                                                                                              \
        kind, offsetof(struct edit_op, member), layout                                             \
    }
#define F_WHOLE(kind)                                                                              \
    {                                                                                              \
        kind, 0, 0                                                                                 \
    }

static const struct record records[] = {
    [EDIT_ADD] = {"OP_ADD",
                  {F(K_U64, inode_id), F(K_STRING, path), F(K_U16, replication), F(K_U64, mtime_ms),
                   F(K_U64, atime_ms), F(K_U64, block_size), F_WHOLE(K_BLOCKS),
                   F_WHOLE(K_PERMISSION), F_WHOLE(K_ACL), F_WHOLE(K_XATTRS),
                   F(K_STRING, client_name), F(K_STRING, client_machine), F(K_BOOL, overwrite),
                   F(K_U8, storage_policy), F_SINCE(K_U8, ec_policy, -64), F_WHOLE(K_RPC)}},
    [EDIT_CLOSE] = {"OP_CLOSE",
                    {F(K_U64, inode_id), F(K_STRING, path), F(K_U16, replication),
                     F(K_U64, mtime_ms), F(K_U64, atime_ms), F(K_U64, block_size),
                     F_WHOLE(K_BLOCKS), F_WHOLE(K_PERMISSION)}},
    [EDIT_APPEND] = {"OP_APPEND",
                     {F(K_STRING, path), F(K_STRING, client_name), F(K_STRING, client_machine),
                      F_SINCE(K_BOOL, new_block, -62), F_WHOLE(K_RPC)}},
    [EDIT_ADD_BLOCK] = {"OP_ADD_BLOCK", {F(K_STRING, path), F_WHOLE(K_COMPACT), F_WHOLE(K_RPC)}},
    [EDIT_UPDATE_BLOCKS] = {"OP_UPDATE_BLOCKS",
                            {F(K_STRING, path), F_WHOLE(K_COMPACT), F_WHOLE(K_RPC)}},
    [EDIT_TRUNCATE] = {"OP_TRUNCATE",
                       {F(K_STRING, path), F(K_STRING, client_name), F(K_STRING, client_machine),
                        F(K_U64, new_length), F(K_U64, mtime_ms), F_WHOLE(K_COMPACT)}},
    [EDIT_SET_REPLICATION] = {"OP_SET_REPLICATION", {F(K_STRING, path), F(K_U16, replication)}},
    [EDIT_CONCAT_DELETE] = {"OP_CONCAT_DELETE",
                            {F(K_STRING, path), F_WHOLE(K_SOURCES), F(K_U64, mtime_ms),
                             F_WHOLE(K_RPC)}},
    [EDIT_RENAME_OLD] = {"OP_RENAME_OLD",
                         {F(K_STRING, path), F(K_STRING, path2), F(K_U64, mtime_ms),
                          F_WHOLE(K_RPC)}},
    [EDIT_RENAME] = {"OP_RENAME",
                     {F(K_STRING, path), F(K_STRING, path2), F(K_U64, mtime_ms), F_WHOLE(K_OPTIONS),
                      F_WHOLE(K_RPC)}},
    [EDIT_DELETE] = {"OP_DELETE", {F(K_STRING, path), F(K_U64, mtime_ms), F_WHOLE(K_RPC)}},
    [EDIT_MKDIR] = {"OP_MKDIR",
                    {F(K_U64, inode_id), F(K_STRING, path), F(K_U64, mtime_ms), F_WHOLE(K_MTIME2),
                     F_WHOLE(K_PERMISSION), F_WHOLE(K_ACL), F_WHOLE(K_XATTRS)}},
    [EDIT_SYMLINK] = {"OP_SYMLINK",
                      {F(K_U64, inode_id), F(K_STRING, path), F(K_STRING, path2),
                       F(K_U64, mtime_ms), F(K_U64, atime_ms), F_WHOLE(K_PERMISSION),
                       F_WHOLE(K_RPC)}},
    [EDIT_SET_GENSTAMP_V1] = {"OP_SET_GENSTAMP_V1", {F(K_U64, gs)}},
    [EDIT_SET_GENSTAMP_V2] = {"OP_SET_GENSTAMP_V2", {F(K_U64, gs)}},
    [EDIT_ALLOCATE_BLOCK_ID] = {"OP_ALLOCATE_BLOCK_ID", {F(K_U64, block_id)}},
    [EDIT_SET_PERMISSIONS] = {"OP_SET_PERMISSIONS", {F(K_STRING, path), F(K_U16, mode)}},
    [EDIT_SET_OWNER] = {"OP_SET_OWNER", {F(K_STRING, path), F(K_STRING, user), F(K_STRING, group)}},
    [EDIT_SET_NS_QUOTA] = {"OP_SET_NS_QUOTA", {F(K_STRING, path), F(K_U64, ns_quota)}},
    [EDIT_CLEAR_NS_QUOTA] = {"OP_CLEAR_NS_QUOTA", {F(K_STRING, path)}},
    [EDIT_SET_QUOTA] = {"OP_SET_QUOTA",
                        {F(K_STRING, path), F(K_U64, ns_quota), F(K_U64, ds_quota)}},
    [EDIT_SET_QUOTA_BY_STORAGETYPE] = {"OP_SET_QUOTA_BY_STORAGETYPE",
                                       {F(K_STRING, path), F(K_TYPE, storage_type),
                                        F(K_U64, ds_quota)}},
    [EDIT_TIMES] = {"OP_TIMES", {F(K_STRING, path), F(K_U64, mtime_ms), F(K_U64, atime_ms)}},
    [EDIT_SET_STORAGE_POLICY] = {"OP_SET_STORAGE_POLICY",
                                 {F(K_STRING, path), F(K_U8, storage_policy)}},
    [EDIT_REASSIGN_LEASE] = {"OP_REASSIGN_LEASE",
                             {F(K_STRING, client_name), F(K_STRING, path),
                              F(K_STRING, new_holder)}},
    [EDIT_SET_ACL] = {"OP_SET_ACL", {F_WHOLE(K_ACL_PB)}},
    [EDIT_SET_XATTR] = {"OP_SET_XATTR", {F_WHOLE(K_XATTR_PB), F_WHOLE(K_RPC)}},
    [EDIT_REMOVE_XATTR] = {"OP_REMOVE_XATTR", {F_WHOLE(K_XATTR_PB), F_WHOLE(K_RPC)}},
    [EDIT_CREATE_SNAPSHOT] = {"OP_CREATE_SNAPSHOT",
                              {F(K_STRING, path), F(K_STRING, snapshot),
                               F_SINCE(K_U64, mtime_ms, -66), F_WHOLE(K_RPC)}},
    [EDIT_DELETE_SNAPSHOT] = {"OP_DELETE_SNAPSHOT",
                              {F(K_STRING, path), F(K_STRING, snapshot),
                               F_SINCE(K_U64, mtime_ms, -66), F_WHOLE(K_RPC)}},
    [EDIT_RENAME_SNAPSHOT] = {"OP_RENAME_SNAPSHOT",
                              {F(K_STRING, path), F(K_STRING, snapshot), F(K_STRING, snapshot2),
                               F_SINCE(K_U64, mtime_ms, -66), F_WHOLE(K_RPC)}},
    [EDIT_ALLOW_SNAPSHOT] = {"OP_ALLOW_SNAPSHOT", {F(K_STRING, path)}},
    [EDIT_DISALLOW_SNAPSHOT] = {"OP_DISALLOW_SNAPSHOT", {F(K_STRING, path)}},
    [EDIT_ROLLING_UPGRADE_START] = {"OP_ROLLING_UPGRADE_START", {F(K_U64, mtime_ms)}},
    [EDIT_ROLLING_UPGRADE_FINALIZE] = {"OP_ROLLING_UPGRADE_FINALIZE", {F(K_U64, mtime_ms)}},
    [EDIT_START_LOG_SEGMENT] = {"OP_START_LOG_SEGMENT", {{0}}},
    [EDIT_END_LOG_SEGMENT] = {"OP_END_LOG_SEGMENT", {{0}}},
    [EDIT_GET_DELEGATION_TOKEN] = {"OP_GET_DELEGATION_TOKEN", {F_WHOLE(K_OPAQUE)}},
    [EDIT_RENEW_DELEGATION_TOKEN] = {"OP_RENEW_DELEGATION_TOKEN", {F_WHOLE(K_OPAQUE)}},
    [EDIT_CANCEL_DELEGATION_TOKEN] = {"OP_CANCEL_DELEGATION_TOKEN", {F_WHOLE(K_OPAQUE)}},
    [EDIT_UPDATE_MASTER_KEY] = {"OP_UPDATE_MASTER_KEY", {F_WHOLE(K_OPAQUE)}},
    [EDIT_ADD_CACHE_DIRECTIVE] = {"OP_ADD_CACHE_DIRECTIVE", {F_WHOLE(K_DIRECTIVE), F_WHOLE(K_RPC)}},
    [EDIT_MODIFY_CACHE_DIRECTIVE] = {"OP_MODIFY_CACHE_DIRECTIVE",
                                     {F_WHOLE(K_DIRECTIVE), F_WHOLE(K_RPC)}},
    [EDIT_REMOVE_CACHE_DIRECTIVE] = {"OP_REMOVE_CACHE_DIRECTIVE",
                                     {F_WHOLE(K_OPAQUE_U64), F_WHOLE(K_RPC)}},
    [EDIT_ADD_CACHE_POOL] = {"OP_ADD_CACHE_POOL", {F_WHOLE(K_POOL), F_WHOLE(K_RPC)}},
    [EDIT_MODIFY_CACHE_POOL] = {"OP_MODIFY_CACHE_POOL", {F_WHOLE(K_POOL), F_WHOLE(K_RPC)}},
    [EDIT_REMOVE_CACHE_POOL] = {"OP_REMOVE_CACHE_POOL", {F_WHOLE(K_OPAQUE_STRING), F_WHOLE(K_RPC)}},
    [EDIT_ADD_EC_POLICY] = {"OP_ADD_ERASURE_CODING_POLICY", {F_WHOLE(K_EC_POLICY), F_WHOLE(K_RPC)}},
    [EDIT_ENABLE_EC_POLICY] = {"OP_ENABLE_ERASURE_CODING_POLICY",
                               {F(K_STRING, ec_name), F_WHOLE(K_RPC)}},
    [EDIT_DISABLE_EC_POLICY] = {"OP_DISABLE_ERASURE_CODING_POLICY",
                                {F(K_STRING, ec_name), F_WHOLE(K_RPC)}},
    [EDIT_REMOVE_EC_POLICY] = {"OP_REMOVE_ERASURE_CODING_POLICY",
                               {F(K_STRING, ec_name), F_WHOLE(K_RPC)}},
    [EDIT_SPLICE] = {"OP_ASHLAR_SPLICE",
                     {F(K_STRING, path), F_WHOLE(K_SOURCES), F(K_U64, mtime_ms), F_WHOLE(K_COMPACT),
                      F_WHOLE(K_RPC)}},
    [EDIT_EXCHANGE] = {"OP_ASHLAR_EXCHANGE",
                       {F(K_STRING, path), F(K_STRING, path2), F(K_U64, mtime_ms), F_WHOLE(K_RPC)}},
};

enum { CODES = sizeof records / sizeof *records };
enum { CALL_ID_NONE = -2, PADDING = 0xff };

const char *edit_name(unsigned code)
{
    return code < CODES ? records[code].name : NULL;
}

/* ---- writing ---- */

/* A character beyond the 16-bit plane takes four bytes in UTF-8 and six in the log. */
static void put_utf8(struct buf *out, const char *s)
{
    size_t start = out->n;

    buf_put_be(out, 0, 2);
    while (s && *s) {
        size_t plain = 0;

        while (s[plain] && (uint8_t)s[plain] < 0xf0)
            plain++;
        buf_put(out, s, plain);
        s += plain;
        if (!*s)
            break;
        if ((uint8_t)*s > 0xf4 || !s[1] || !s[2] || !s[3]) {
            buf_put(out, s++, 1); /* no UTF-8: kept as it is */
            continue;
        }
        uint32_t c = ((uint32_t)s[0] & 7) << 18 | ((uint32_t)s[1] & 63) << 12 |
                     ((uint32_t)s[2] & 63) << 6 | ((uint32_t)s[3] & 63);
        uint32_t high = 0xd800 + ((c - 0x10000) >> 10), low = 0xdc00 + ((c - 0x10000) & 0x3ff);
        uint8_t pair[6] = {0xe0 | high >> 12, 0x80 | (high >> 6 & 63), 0x80 | (high & 63),
                           0xe0 | low >> 12,  0x80 | (low >> 6 & 63),  0x80 | (low & 63)};

        buf_put(out, pair, sizeof pair);
        s += 4;
    }
    if (out->bad)
        return;
    if (out->n - start - 2 > EDIT_STRING_MAX)
        out->bad = true;
    else
        put_be(out->bytes + start, out->n - start - 2, 2);
}

/* Hadoop's vlong: one byte from -112 to 127, else a byte that says sign and size, then the size. */
static void put_vlong(struct buf *out, int64_t v)
{
    uint64_t magnitude = v < 0 ? ~(uint64_t)v : (uint64_t)v;
    unsigned n = 0;

    if (v >= -112 && v <= 127) {
        buf_put_be(out, (uint8_t)v, 1);
        return;
    }
    while (n < 8 && magnitude >> (8 * n))
        n++;
    buf_put_be(out, (uint8_t)((v < 0 ? -120 : -112) - (int)n), 1);
    buf_put_be(out, magnitude, n);
}

static void put_text(struct buf *out, const char *s)
{
    size_t n = s ? strlen(s) : 0;

    put_vlong(out, (int64_t)n);
    buf_put(out, s, n);
}

static void put_blocks(struct buf *out, const struct edit_op *op)
{
    buf_put_be(out, (uint32_t)op->block_count, 4);
    for (int i = 0; i < op->block_count; i++) {
        buf_put_be(out, op->blocks[i].id, 8);
        buf_put_be(out, op->blocks[i].length, 8);
        buf_put_be(out, op->blocks[i].gs, 8);
    }
}

static void put_compact(struct buf *out, const struct edit_op *op)
{
    uint64_t length = 0, gs = 0;

    put_vlong(out, op->block_count);
    for (int i = 0; i < op->block_count; i++) {
        buf_put_be(out, op->blocks[i].id, 8);
        put_vlong(out, (int64_t)(op->blocks[i].length - length));
        put_vlong(out, (int64_t)(op->blocks[i].gs - gs));
        length = op->blocks[i].length;
        gs = op->blocks[i].gs;
    }
}

static void put_acl(struct buf *out, const struct edit_op *op)
{
    buf_put_be(out, (uint32_t)op->acl_count, 4);
    for (int i = 0; i < op->acl_count; i++) {
        const struct edit_acl_entry *e = &op->acl[i];

        buf_put_be(
            out, (uint64_t)(e->scope << 5 | e->type << 3 | e->permissions | (e->name ? 1 << 6 : 0)),
            1);
        if (e->name)
            put_utf8(out, e->name);
    }
}

/* Protobuf: a field of @n bytes, and how many bytes that is with its tag and length. */
static void put_pb_bytes(struct buf *out, unsigned field, const void *bytes, size_t n)
{
    buf_put_varint(out, field << 3 | 2);
    buf_put_varint(out, n);
    buf_put(out, bytes, n);
}

static size_t pb_bytes_size(size_t n)
{
    return 1 + varint_size(n) + n;
}

static size_t acl_entry_size(const struct edit_acl_entry *e)
{
    return 6 + (e->name ? pb_bytes_size(strlen(e->name)) : 0);
}

static void put_acl_pb(struct buf *out, const struct edit_op *op)
{
    size_t n = op->path ? pb_bytes_size(strlen(op->path)) : 0;

    for (int i = 0; i < op->acl_count; i++)
        n += pb_bytes_size(acl_entry_size(&op->acl[i]));
    buf_put_varint(out, n);
    if (op->path)
        put_pb_bytes(out, 1, op->path, strlen(op->path));
    for (int i = 0; i < op->acl_count; i++) {
        const struct edit_acl_entry *e = &op->acl[i];
        uint8_t fixed[6] = {1 << 3, e->type, 2 << 3, e->scope, 3 << 3, e->permissions};

        buf_put_varint(out, 2 << 3 | 2);
        buf_put_varint(out, acl_entry_size(e));
        buf_put(out, fixed, sizeof fixed);
        if (e->name)
            put_pb_bytes(out, 4, e->name, strlen(e->name));
    }
}

static size_t xattr_size(const struct edit_xattr *x)
{
    return 2 + pb_bytes_size(strlen(x->name)) + (x->value ? pb_bytes_size(x->value_n) : 0);
}

static void put_xattrs(struct buf *out, const char *path, const struct edit_op *op)
{
    size_t n = path ? pb_bytes_size(strlen(path)) : 0;

    for (int i = 0; i < op->xattr_count; i++)
        n += pb_bytes_size(xattr_size(&op->xattrs[i]));
    buf_put_varint(out, n);
    if (path)
        put_pb_bytes(out, 1, path, strlen(path));
    for (int i = 0; i < op->xattr_count; i++) {
        const struct edit_xattr *x = &op->xattrs[i];

        buf_put_varint(out, 2 << 3 | 2);
        buf_put_varint(out, xattr_size(x));
        buf_put_be(out, 1 << 3, 1);
        buf_put_be(out, x->ns, 1);
        put_pb_bytes(out, 2, x->name, strlen(x->name));
        if (x->value)
            put_pb_bytes(out, 3, x->value, x->value_n);
    }
}

/* DISK, SSD, ARCHIVE, RAM_DISK, PROVIDED, NVDIMM: where Java's enum has them. */
static const uint8_t java_types[] = {2, 1, 3, 0, 4, 5};

static unsigned java_type(uint8_t type)
{
    return type < sizeof java_types ? java_types[type] : type;
}

static void put_options(struct buf *out, uint32_t options)
{
    uint8_t bytes[2];
    unsigned n = 0;

    if (options & RENAME_OVERWRITE)
        bytes[n++] = 1;
    if (options & RENAME_TO_TRASH)
        bytes[n++] = 2;
    if (n == 0)
        bytes[n++] = 0;
    buf_put_be(out, n, 4);
    buf_put(out, bytes, n);
}

static void put_rpc(struct buf *out, const struct edit_op *op)
{
    if (op->has_client_id) {
        buf_put_be(out, sizeof op->client_id, 2);
        buf_put(out, op->client_id, sizeof op->client_id);
        buf_put_be(out, (uint32_t)op->call_id, 4);
    } else {
        buf_put_be(out, 0, 2);
        buf_put_be(out, (uint32_t)CALL_ID_NONE, 4);
    }
}

static void put_ec_policy(struct buf *out, const struct edit_ec_policy *p)
{
    put_utf8(out, p->codec);
    buf_put_be(out, p->data_units, 4);
    buf_put_be(out, p->parity_units, 4);
    buf_put_be(out, p->cell_bytes, 4);
    buf_put_be(out, (uint32_t)p->option_count, 4);
    for (int i = 0; i < p->option_count; i++) {
        put_utf8(out, p->options[i].key);
        put_utf8(out, p->options[i].value);
    }
}

static void put_field(struct buf *out, const struct field *f, const struct edit_op *op)
{
    const void *p = (const char *)op + f->at;

    switch (f->kind) {
    case K_END: break;
    case K_STRING: put_utf8(out, *(const char *const *)p); break;
    case K_U64: buf_put_be(out, *(const uint64_t *)p, 8); break;
    case K_U16: buf_put_be(out, *(const uint16_t *)p, 2); break;
    case K_U8: buf_put_be(out, *(const uint8_t *)p, 1); break;
    case K_BOOL: buf_put_be(out, *(const bool *)p, 1); break;
    case K_TYPE: buf_put_be(out, java_type(*(const uint8_t *)p), 4); break;
    case K_MTIME2: buf_put_be(out, op->mtime_ms, 8); break;
    case K_PERMISSION:
        put_text(out, op->user);
        put_text(out, op->group);
        buf_put_be(out, op->mode, 2);
        break;
    case K_BLOCKS: put_blocks(out, op); break;
    case K_COMPACT: put_compact(out, op); break;
    case K_ACL: put_acl(out, op); break;
    case K_XATTRS: put_xattrs(out, NULL, op); break;
    case K_ACL_PB: put_acl_pb(out, op); break;
    case K_XATTR_PB: put_xattrs(out, op->path, op); break;
    case K_SOURCES:
        buf_put_be(out, (uint32_t)op->source_count, 4);
        for (int i = 0; i < op->source_count; i++)
            put_utf8(out, op->sources[i]);
        break;
    case K_OPTIONS: put_options(out, op->rename_options); break;
    case K_RPC: put_rpc(out, op); break;
    case K_OPAQUE:
    case K_OPAQUE_STRING:
    case K_OPAQUE_U64:
    case K_DIRECTIVE:
    case K_POOL: buf_put(out, op->opaque, op->opaque_n); break;
    case K_EC_POLICY: put_ec_policy(out, op->ec); break;
    }
}

int edit_encode(struct buf *out, const struct edit_op *op, struct err *err)
{
    size_t start = out->n, n;

    MUST(edit_name(op->code) != NULL && !out->bad);
    buf_put_be(out, op->code, 1);
    buf_put_be(out, 0, 4);
    buf_put_be(out, op->txid, 8);
    for (int i = 0; i < FIELDS_MAX; i++)
        put_field(out, &records[op->code].fields[i], op);
    n = out->n - start;
    if (out->bad || n > EDIT_BYTES_MAX - 4) {
        out->n = start;
        out->bad = false;
        return err_set(err, ERR_LIMIT, "%s of %s does not fit an edit record", edit_name(op->code),
                       op->path ? op->path : "the store");
    }
    put_be(out->bytes + start + 1, n - 1, 4);
    buf_put_be(out, crc32_gzip_refl(0, out->bytes + start, n), 4);
    if (out->bad) {
        out->n = start;
        out->bad = false;
        return err_set(err, ERR_NOMEM, "edit record of %zu bytes", n);
    }
    return 0;
}

/* ---- reading ---- */

enum edit_found edit_frame(struct rd *r, struct edit_frame *out, struct err *err)
{
    const uint8_t *p = r->at;
    size_t left = rd_left(r);
    uint64_t n;
    uint32_t sum;

    if (left == 0 || p[0] == PADDING)
        return EDIT_END;
    if (left < EDIT_FRAME_MIN) {
        err_set(err, ERR_CORRUPT, "record cut short after %zu bytes", left);
        return EDIT_BAD;
    }
    n = 1 + get_be(p + 1, 4) + 4;
    if (n < EDIT_FRAME_MIN || n > EDIT_BYTES_MAX) {
        err_set(err, ERR_CORRUPT, "record of %" PRIu64 " bytes", n);
        return EDIT_BAD;
    }
    if (n > left) {
        err_set(err, ERR_CORRUPT, "record of %" PRIu64 " bytes cut short after %zu", n, left);
        return EDIT_BAD;
    }
    sum = crc32_gzip_refl(0, (unsigned char *)(uintptr_t)p, n - 4);
    if (sum != get_be(p + n - 4, 4)) {
        err_set(err, ERR_CORRUPT, "record of %" PRIu64 " bytes has sum %08x, its bytes give %08x",
                n, (unsigned)get_be(p + n - 4, 4), sum);
        return EDIT_BAD;
    }
    *out = (struct edit_frame){.code = p[0],
                               .txid = get_be(p + 5, 8),
                               .fields = rd_of(p + 13, n - 17),
                               .total_bytes = (uint32_t)n};
    r->at += n;
    return EDIT_RECORD;
}

static bool is_surrogate(const uint8_t *p, uint8_t low)
{
    return p[0] == 0xed && (p[1] & 0xf0) == low;
}

/* The other way round than put_utf8(); shorter or as long as what was read. */
static size_t join_surrogates(char *out, const uint8_t *p, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n;) {
        if (i + 6 <= n && is_surrogate(p + i, 0xa0) && is_surrogate(p + i + 3, 0xb0)) {
            uint32_t high = ((uint32_t)p[i + 1] & 15) << 6 | (p[i + 2] & 63);
            uint32_t low = ((uint32_t)p[i + 4] & 15) << 6 | (p[i + 5] & 63);
            uint32_t c = 0x10000 + (high << 10 | low);

            out[at++] = (char)(0xf0 | c >> 18);
            out[at++] = (char)(0x80 | (c >> 12 & 63));
            out[at++] = (char)(0x80 | (c >> 6 & 63));
            out[at++] = (char)(0x80 | (c & 63));
            i += 6;
        } else {
            out[at++] = (char)p[i++];
        }
    }
    return at;
}

const char *edit_read_string(struct rd *r, struct arena *arena)
{
    size_t n = rd_be(r, 2);
    const uint8_t *p = rd_bytes(r, n);
    char *s = p ? arena_alloc(arena, n + 1) : NULL;

    if (!s || memchr(p, 0, n)) {
        r->bad = true;
        return "";
    }
    if (memchr(p, 0xed, n)) {
        n = join_surrogates(s, p, n);
    } else {
        memcpy(s, p, n);
    }
    s[n] = 0;
    return s;
}

static const char *get_chars(struct rd *r, size_t n, struct arena *arena)
{
    const uint8_t *p = rd_bytes(r, n);
    char *s = p && !memchr(p, 0, n) ? arena_strndup(arena, (const char *)p, n) : NULL;

    if (!s)
        r->bad = true;
    return s ? s : "";
}

int64_t edit_read_vlong(struct rd *r)
{
    int first = (int8_t)rd_be(r, 1);
    uint64_t v;

    if (first >= -112)
        return first;
    v = rd_be(r, (unsigned)(first < -120 ? -120 - first : -112 - first));
    return first < -120 ? (int64_t)~v : (int64_t)v;
}

const char *edit_read_text(struct rd *r, struct arena *arena)
{
    int64_t n = edit_read_vlong(r);

    if (n < 0) {
        r->bad = true;
        return "";
    }
    return get_chars(r, (size_t)n, arena);
}

/* Room for @count things of @size bytes, each of which takes at least @min bytes of what is left:
 * a lying count is found out before memory is asked for. */
static void *get_list(struct rd *r, int64_t count, size_t min, size_t size, struct arena *arena)
{
    void *list = NULL;

    if (count >= 0 && (uint64_t)count <= rd_left(r) / min)
        list = arena_zalloc(arena, (size_t)count * size + 1);
    if (!list)
        r->bad = true;
    return list;
}

static void get_blocks(struct rd *r, struct arena *arena, struct edit_op *op)
{
    int64_t count = (int32_t)rd_be(r, 4);
    struct edit_block *b = get_list(r, count, 24, sizeof *b, arena);

    for (int64_t i = 0; b && i < count; i++) {
        b[i].id = rd_be(r, 8);
        b[i].length = rd_be(r, 8);
        b[i].gs = rd_be(r, 8);
    }
    op->blocks = b;
    op->block_count = b ? (int)count : 0;
}

static void get_compact(struct rd *r, struct arena *arena, struct edit_op *op)
{
    int64_t count = edit_read_vlong(r);
    struct edit_block *b = get_list(r, count, 10, sizeof *b, arena);
    uint64_t length = 0, gs = 0;

    for (int64_t i = 0; b && i < count; i++) {
        b[i].id = rd_be(r, 8);
        b[i].length = length += (uint64_t)edit_read_vlong(r);
        b[i].gs = gs += (uint64_t)edit_read_vlong(r);
    }
    op->blocks = b;
    op->block_count = b ? (int)count : 0;
}

static void get_acl(struct rd *r, struct arena *arena, struct edit_op *op)
{
    int64_t count = (int32_t)rd_be(r, 4);
    struct edit_acl_entry *e = get_list(r, count, 1, sizeof *e, arena);

    for (int64_t i = 0; e && i < count; i++) {
        unsigned v = (unsigned)rd_be(r, 1);

        e[i] =
            (struct edit_acl_entry){.permissions = v & 7, .type = v >> 3 & 3, .scope = v >> 5 & 1};
        if (v & 1 << 6)
            e[i].name = edit_read_string(r, arena);
    }
    op->acl = e;
    op->acl_count = e ? (int)count : 0;
}

/* How often field 2, the list of both messages, occurs. */
static int64_t pb_count(struct rd r)
{
    struct pb_field f;
    int64_t count = 0;

    while (pb_next(&r, &f))
        count += f.number == 2;
    return count;
}

static const char *get_pb_chars(struct pb_field *f, struct rd *r, struct arena *arena)
{
    const char *s = get_chars(&f->slice, rd_left(&f->slice), arena);

    r->bad |= f->slice.bad;
    return s;
}

static void get_acl_entry(struct rd *r, struct arena *arena, struct edit_acl_entry *out)
{
    struct pb_field f = {0};

    while (pb_next(r, &f)) {
        if (f.number <= 3 && f.v > 7)
            r->bad = true;
        switch (f.number) {
        case 1: out->type = (uint8_t)f.v; break;
        case 2: out->scope = (uint8_t)f.v; break;
        case 3: out->permissions = (uint8_t)f.v; break;
        case 4: out->name = get_pb_chars(&f, r, arena); break;
        default: break;
        }
    }
}

static void get_acl_pb(struct rd *r, struct arena *arena, struct edit_op *op)
{
    struct rd message = rd_delimited(r);
    int64_t count = pb_count(message);
    struct edit_acl_entry *e = get_list(&message, count, 2, sizeof *e, arena);
    struct pb_field f = {0};

    op->acl = e;
    while (e && pb_next(&message, &f)) {
        if (f.number == 1)
            op->path = get_pb_chars(&f, &message, arena);
        else if (f.number == 2)
            get_acl_entry(&f.slice, arena, &e[op->acl_count++]);
        message.bad |= f.slice.bad;
    }
    r->bad |= message.bad;
}

static void get_xattr(struct rd *r, struct arena *arena, struct edit_xattr *out)
{
    struct pb_field f = {0};

    while (pb_next(r, &f)) {
        switch (f.number) {
        case 1:
            r->bad |= f.v > 4;
            out->ns = (uint8_t)f.v;
            break;
        case 2: out->name = get_pb_chars(&f, r, arena); break;
        case 3:
            out->value_n = (uint32_t)rd_left(&f.slice);
            out->value = f.slice.at;
            break;
        default: break;
        }
    }
    r->bad |= !out->name;
}

static void get_xattrs(struct rd *r, struct arena *arena, struct edit_op *op)
{
    struct rd message = rd_delimited(r);
    int64_t count = pb_count(message);
    struct edit_xattr *x = get_list(&message, count, 2, sizeof *x, arena);
    struct pb_field f = {0};

    op->xattrs = x;
    while (x && pb_next(&message, &f)) {
        if (f.number == 1)
            op->path = get_pb_chars(&f, &message, arena);
        else if (f.number == 2)
            get_xattr(&f.slice, arena, &x[op->xattr_count++]);
        message.bad |= f.slice.bad;
    }
    r->bad |= message.bad;
}

static void get_sources(struct rd *r, struct arena *arena, struct edit_op *op)
{
    int64_t count = (int32_t)rd_be(r, 4);
    const char **list = get_list(r, count, 2, sizeof *list, arena);

    for (int64_t i = 0; list && i < count; i++)
        list[i] = edit_read_string(r, arena);
    op->sources = list;
    op->source_count = list ? (int)count : 0;
}

static void get_options(struct rd *r, struct edit_op *op)
{
    struct rd bytes = rd_slice(r, rd_be(r, 4));

    while (rd_left(&bytes)) {
        uint64_t v = rd_be(&bytes, 1);

        if (v == 1)
            op->rename_options |= RENAME_OVERWRITE;
        else if (v == 2)
            op->rename_options |= RENAME_TO_TRASH;
        else if (v != 0)
            r->bad = true;
    }
}

static void get_rpc(struct rd *r, struct edit_op *op)
{
    size_t n = rd_be(r, 2);
    const uint8_t *id = rd_bytes(r, n);

    op->call_id = (int32_t)rd_be(r, 4);
    op->has_client_id = n == sizeof op->client_id;
    if (id && op->has_client_id)
        memcpy(op->client_id, id, n);
    else if (n != 0)
        r->bad = true;
}

static void skip_string(struct rd *r)
{
    rd_bytes(r, rd_be(r, 2));
}

/* Moves over one of the things that are carried without being understood. */
static void skip_opaque(struct rd *r, enum kind kind)
{
    uint64_t flags;

    switch (kind) {
    case K_OPAQUE_STRING: skip_string(r); break;
    case K_OPAQUE_U64: rd_be(r, 8); break;
    case K_DIRECTIVE: /* id, flags; path, replication, pool, expiry */
        rd_be(r, 8);
        flags = rd_be(r, 4);
        if (flags & 1)
            skip_string(r);
        if (flags & 2)
            rd_be(r, 2);
        if (flags & 4)
            skip_string(r);
        if (flags & 8)
            rd_be(r, 8);
        break;
    case K_POOL: /* name, flags; owner, group, mode, limit, longest expiry, replication */
        skip_string(r);
        flags = rd_be(r, 4);
        for (unsigned bit = 0; bit < 2; bit++)
            if (flags & 1u << bit)
                skip_string(r);
        rd_bytes(r, (flags & 4 ? 2 : 0) + (flags & 8 ? 8 : 0) + (flags & 16 ? 8 : 0) +
                        (flags & 32 ? 2 : 0));
        break;
    default: rd_bytes(r, rd_left(r));
    }
}

static void get_ec_policy(struct rd *r, struct arena *arena, struct edit_op *op)
{
    struct edit_ec_policy *p = arena_zalloc(arena, sizeof *p);
    struct edit_ec_option *options;
    int64_t count;

    if (!p) {
        r->bad = true;
        return;
    }
    p->codec = edit_read_string(r, arena);
    p->data_units = (uint32_t)rd_be(r, 4);
    p->parity_units = (uint32_t)rd_be(r, 4);
    p->cell_bytes = (uint32_t)rd_be(r, 4);
    count = (int32_t)rd_be(r, 4);
    options = get_list(r, count, 4, sizeof *options, arena);
    for (int64_t i = 0; options && i < count; i++) {
        options[i].key = edit_read_string(r, arena);
        options[i].value = edit_read_string(r, arena);
    }
    p->options = options;
    p->option_count = options ? (int)count : 0;
    op->ec = p;
}

static void get_field(struct rd *r, const struct field *f, struct arena *arena, struct edit_op *op)
{
    void *p = (char *)op + f->at;
    uint64_t type;

    switch (f->kind) {
    case K_END: break;
    case K_STRING: *(const char **)p = edit_read_string(r, arena); break;
    case K_U64: *(uint64_t *)p = rd_be(r, 8); break;
    case K_U16: *(uint16_t *)p = (uint16_t)rd_be(r, 2); break;
    case K_U8: *(uint8_t *)p = (uint8_t)rd_be(r, 1); break;
    case K_BOOL: *(bool *)p = rd_be(r, 1) != 0; break;
    case K_TYPE:
        type = rd_be(r, 4);
        r->bad |= type >= sizeof java_types;
        for (unsigned i = 0; i < sizeof java_types; i++)
            if (java_types[i] == type)
                *(uint8_t *)p = (uint8_t)i;
        break;
    case K_MTIME2: rd_be(r, 8); break;
    case K_PERMISSION:
        op->user = edit_read_text(r, arena);
        op->group = edit_read_text(r, arena);
        op->mode = (uint16_t)rd_be(r, 2);
        break;
    case K_BLOCKS: get_blocks(r, arena, op); break;
    case K_COMPACT: get_compact(r, arena, op); break;
    case K_ACL: get_acl(r, arena, op); break;
    case K_ACL_PB: get_acl_pb(r, arena, op); break;
    case K_XATTRS:
    case K_XATTR_PB: get_xattrs(r, arena, op); break;
    case K_SOURCES: get_sources(r, arena, op); break;
    case K_OPTIONS: get_options(r, op); break;
    case K_RPC: get_rpc(r, op); break;
    case K_OPAQUE:
    case K_OPAQUE_STRING:
    case K_OPAQUE_U64:
    case K_DIRECTIVE:
    case K_POOL:
        op->opaque = r->at;
        skip_opaque(r, f->kind);
        op->opaque_n = r->bad ? 0 : (uint32_t)(r->at - op->opaque);
        break;
    case K_EC_POLICY: get_ec_policy(r, arena, op); break;
    }
}

int edit_decode(const struct edit_frame *f, int layout, struct arena *arena, struct edit_op *out,
                struct err *err)
{
    struct edit_op op = {.txid = f->txid, .call_id = CALL_ID_NONE};
    struct rd r = f->fields;

    if (!edit_name(f->code))
        return err_set(err, ERR_CORRUPT, "record with the unknown code %u", f->code);
    op.code = (enum edit_code)f->code;
    for (int i = 0; i < FIELDS_MAX; i++) {
        const struct field *field = &records[f->code].fields[i];

        if (field->since == 0 || layout <= field->since)
            get_field(&r, field, arena, &op);
    }
    if (r.bad)
        return err_set(err, ERR_CORRUPT, "%s does not parse", edit_name(f->code));
    if (rd_left(&r))
        return err_set(err, ERR_CORRUPT, "%s has %zu bytes too many", edit_name(f->code),
                       rd_left(&r));
    *out = op;
    return 0;
}
