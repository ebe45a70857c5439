#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/cache_table.h"
#include "namenode/image/image_file.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/image/image_saver.h"
#include "namenode/edits/pb_scan.h"

enum {
    FLUSH_BYTES = 1 << 20,
    BLOCK_BYTES_MAX = 40, /* tag, length, three varints with theirs */
    BLOCKS_AT_ONCE = 256,
    INODES_AT_ONCE = 4096,
    CHILDREN_AT_ONCE = 4096,
    SCRATCH_MAX = 1 << 30,
};

void saver_fail(struct saver *s, int rc)
{
    if (s->rc == 0)
        s->rc = rc;
}

static void flush(struct saver *s)
{
    if (s->rc == 0 && s->out.bad)
        saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
    if (s->rc == 0 && s->out.n > 0)
        saver_fail(s, s->sink->write(s->sink->ctx, s->out.bytes, s->out.n, s->err));
    s->at += s->out.n;
    buf_clear(&s->out);
}

static uint64_t position(const struct saver *s)
{
    return s->at + s->out.n;
}

void saver_put(struct saver *s, const struct buf *message)
{
    if (message->bad)
        saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
    buf_put_varint(&s->out, message->n);
    buf_put(&s->out, message->bytes, message->n);
    if (s->out.n >= FLUSH_BYTES)
        flush(s);
}

void saver_begin(struct saver *s)
{
    s->section_at = position(s);
}

void pb_put_number(struct buf *b, unsigned field, uint64_t v)
{
    uint8_t *p = buf_grow(b, 11), *start = p;

    if (!p)
        return;
    *p++ = (uint8_t)(field << 3 | PB_VARINT);
    p += varint_put(p, v);
    b->n -= 11 - (size_t)(p - start);
}

void pb_put_bytes(struct buf *b, unsigned field, const void *bytes, size_t n)
{
    buf_put_varint(b, field << 3 | PB_BYTES);
    buf_put_varint(b, n);
    buf_put(b, bytes, n);
}

static void put_le(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t *p = buf_grow(b, bytes);

    if (p)
        memcpy(p, &v, bytes);
}

void saver_end(struct saver *s, const char *name)
{
    struct buf entry;

    buf_init(&entry, 256);
    pb_put_bytes(&entry, 1, name, strlen(name));
    pb_put_number(&entry, 2, position(s) - s->section_at);
    pb_put_number(&entry, 3, s->section_at);
    pb_put_bytes(&s->summary, 4, entry.bytes, entry.n);
    buf_done(&entry);
}

void saver_remember(struct saver *s, struct ids *ids, uint64_t id)
{
    if (ids->count == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 256;
        uint64_t *grown = realloc(ids->list, cap * sizeof *grown);

        if (!grown) {
            saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
            return;
        }
        ids->list = grown;
        ids->cap = cap;
    }
    ids->list[ids->count++] = id;
}

/* ---- sections before the inodes ---- */

static void save_info(struct saver *s, const struct image_info *info, const struct image_extras *x)
{
    saver_begin(s);
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, info->namespace_id);
    pb_put_number(&s->body, 2, x->gs_v1);
    pb_put_number(&s->body, 3, ns_gs(s->ns));
    pb_put_number(&s->body, 4, x->gs_v1_limit);
    pb_put_number(&s->body, 5, ns_last_block_id(s->ns));
    pb_put_number(&s->body, 6, info->txid);
    if (ns_rolling_upgrade(s->ns))
        pb_put_number(&s->body, 7, ns_rolling_upgrade(s->ns));
    pb_put_number(&s->body, 8,
                  ns_last_group_id(s->ns) ? ns_last_group_id(s->ns) : (uint64_t)INT64_MIN);
    saver_put(s, &s->body);
    saver_end(s, "NS_INFO");
}

/* A section that is carried as it is; @fresh is what a new store has. */
static void save_kept(struct saver *s, const char *name, const struct buf *kept, const void *fresh,
                      size_t fresh_n)
{
    saver_begin(s);
    if (kept->n > 0)
        buf_put(&s->out, kept->bytes, kept->n);
    else
        buf_put(&s->out, fresh, fresh_n);
    saver_end(s, name);
}

static void save_cache(struct saver *s)
{
    saver_begin(s);
    cache_table_save(ns_cache(s->ns), &s->out);
    saver_end(s, "CACHE_MANAGER");
}

/* ---- inodes ---- */

static uint64_t permission(struct saver *s, const struct inode_info *i)
{
    uint64_t user = image_strings_number(&s->strings, STRING_USER, i->user);
    uint64_t group = image_strings_number(&s->strings, STRING_GROUP, i->group);

    return user << 40 | group << 16 | i->mode;
}

static void put_permission(struct saver *s, unsigned field, const struct inode_info *i)
{
    uint8_t tag = (uint8_t)(field << 3 | PB_FIXED64);

    buf_put(&s->body, &tag, 1);
    put_le(&s->body, permission(s, i), 8);
}

static void put_acl(struct saver *s, unsigned field, const struct inode_info *i)
{
    struct edit_acl_entry *list;
    int count = i->has_acl ? ns_acl(s->ns, i, &list) : 0;

    if (count <= 0)
        return;
    buf_clear(&s->part);
    buf_put_varint(&s->part, 2 << 3 | PB_BYTES);
    buf_put_varint(&s->part, (uint64_t)count * 4);
    for (int k = 0; k < count; k++) {
        const struct edit_acl_entry *e = &list[k];
        uint32_t name =
            image_strings_number(&s->strings, e->type == 0 ? STRING_USER : STRING_GROUP, e->name);

        put_le(&s->part,
               name << 6 | (uint32_t)e->scope << 5 | (uint32_t)e->type << 3 | e->permissions, 4);
    }
    pb_put_bytes(&s->body, field, s->part.bytes, s->part.n);
}

static void put_xattr(struct saver *s, unsigned ns, const char *name, const void *value, size_t n)
{
    uint32_t number = image_strings_number(&s->strings, STRING_XATTR, name);
    size_t size = 5 + 1 + varint_size(n) + n;

    buf_put_varint(&s->part, 1 << 3 | PB_BYTES);
    buf_put_varint(&s->part, size);
    buf_put_varint(&s->part, 1 << 3 | PB_FIXED32);
    put_le(&s->part, (uint32_t)(ns & 3) << 30 | number << 6 | (ns >> 2 & 1) << 5, 4);
    pb_put_bytes(&s->part, 2, value, n);
}

static void put_xattrs(struct saver *s, unsigned field, const struct inode_info *i)
{
    struct edit_xattr *list;
    int count = i->has_xattrs ? ns_xattrs(s->ns, i, &list) : 0;

    buf_clear(&s->part);
    for (int k = 0; k < count; k++)
        put_xattr(s, list[k].ns, list[k].name, list[k].value, list[k].value_n);
    if (i->kind == INODE_DIR && i->storage_policy)
        put_xattr(s, IMAGE_POLICY_NS, IMAGE_POLICY_NAME, &i->storage_policy, 1);
    if (s->part.n > 0)
        pb_put_bytes(&s->body, field, s->part.bytes, s->part.n);
}

/* In the order of Hadoop's storage types, fast ones first, so that both save the same bytes. */
static void put_type_quotas(struct saver *s, unsigned field, const struct inode_info *i)
{
    static const uint8_t in_order[NS_STORAGE_TYPES] = {
        PB__STORAGE_TYPE_PROTO__RAM_DISK, PB__STORAGE_TYPE_PROTO__SSD,
        PB__STORAGE_TYPE_PROTO__DISK,     PB__STORAGE_TYPE_PROTO__ARCHIVE,
        PB__STORAGE_TYPE_PROTO__PROVIDED, PB__STORAGE_TYPE_PROTO__NVDIMM,
    };
    int64_t quotas[NS_STORAGE_TYPES];

    if (!ns_type_quotas(s->ns, i, quotas))
        return;
    buf_clear(&s->part);
    for (unsigned k = 0; k < NS_STORAGE_TYPES; k++) {
        int64_t quota = quotas[in_order[k] - 1];

        if (quota < 0)
            continue;
        buf_put_varint(&s->part, 1 << 3 | PB_BYTES);
        buf_put_varint(&s->part, 3 + varint_size((uint64_t)quota));
        pb_put_number(&s->part, 1, in_order[k]);
        pb_put_number(&s->part, 2, (uint64_t)quota);
    }
    pb_put_bytes(&s->body, field, s->part.bytes, s->part.n);
}

void saver_put_block(struct buf *to, unsigned field, const struct block_info *b)
{
    uint8_t *p = buf_grow(to, BLOCK_BYTES_MAX), *start = p;

    if (!p)
        return;
    *p++ = (uint8_t)(field << 3 | PB_BYTES);
    *p++ = (uint8_t)(3 + varint_size(b->id) + varint_size(b->gs) + varint_size(b->length));
    *p++ = 1 << 3;
    p += varint_put(p, b->id);
    *p++ = 2 << 3;
    p += varint_put(p, b->gs);
    *p++ = 3 << 3;
    p += varint_put(p, b->length);
    to->n -= BLOCK_BYTES_MAX - (size_t)(p - start);
}

static void put_blocks(struct saver *s, const struct inode_info *i)
{
    uint64_t ids[BLOCKS_AT_ONCE];
    struct block_info b;

    for (uint32_t from = 0; from < i->block_count; from += BLOCKS_AT_ONCE) {
        uint32_t all = ns_file_blocks(s->ns, i->id, ids, from, BLOCKS_AT_ONCE);

        MUST(all == i->block_count);
        for (uint32_t k = from; k < all && k - from < BLOCKS_AT_ONCE; k++) {
            MUST(ns_block(s->ns, ids[k - from], &b));
            saver_put_block(&s->body, 6, &b);
        }
    }
}

static void put_writer(struct saver *s, const struct inode_info *i)
{
    struct block_info source;
    struct open_file w;

    if (!i->under_construction || !ns_open_file(s->ns, i->id, &w))
        return;
    buf_clear(&s->part);
    pb_put_bytes(&s->part, 1, w.client_name, strlen(w.client_name));
    pb_put_bytes(&s->part, 2, w.client_machine, strlen(w.client_machine));
    if (w.cut_to)
        pb_put_number(&s->part, IMAGE_CUT_TO, w.cut_to);
    if (w.copied_from && ns_block(s->ns, w.copied_from, &source))
        saver_put_block(&s->part, IMAGE_CUT_SOURCE, &source);
    pb_put_bytes(&s->body, 7, s->part.bytes, s->part.n);
    saver_remember(s, &s->open_files, i->id);
}

static void make_file(struct saver *s, const struct inode_info *i)
{
    put_blocks(s, i);
    put_writer(s, i);
    saver_make_file(s, i);
}

void saver_make_file(struct saver *s, const struct inode_info *i)
{
    if (!i->ec_policy)
        pb_put_number(&s->body, 1, i->replication);
    pb_put_number(&s->body, 2, i->mtime_ms);
    pb_put_number(&s->body, 3, i->atime_ms);
    pb_put_number(&s->body, 4, i->block_size);
    put_permission(s, 5, i);
    put_acl(s, 8, i);
    put_xattrs(s, 9, i);
    pb_put_number(&s->body, 10, i->storage_policy);
    pb_put_number(&s->body, 11, i->ec_policy ? 1 : 0);
    if (i->ec_policy)
        pb_put_number(&s->body, 12, i->ec_policy);
}

void saver_make_directory(struct saver *s, const struct inode_info *i)
{
    int64_t names = -1, space = -1;

    if (i->has_quota)
        ns_quota(s->ns, i, &names, &space);
    if (i->id == NS_ROOT_ID && names < 0)
        names = INT64_MAX; /* Hadoop's root always has one */
    pb_put_number(&s->body, 1, i->mtime_ms);
    pb_put_number(&s->body, 2, (uint64_t)names);
    pb_put_number(&s->body, 3, (uint64_t)space);
    put_permission(s, 4, i);
    put_acl(s, 5, i);
    put_xattrs(s, 6, i);
    put_type_quotas(s, 7, i);
}

static void make_symlink(struct saver *s, const struct inode_info *i)
{
    put_permission(s, 1, i);
    pb_put_bytes(&s->body, 2, i->target, strlen(i->target));
    pb_put_number(&s->body, 3, i->mtime_ms);
    pb_put_number(&s->body, 4, i->atime_ms);
}

/* The message of one kind of inode: its field in INode, and its number among the types. */
static const struct {
    void (*make)(struct saver *s, const struct inode_info *i);
    unsigned field, type;
} kinds[] = {
    [INODE_FILE] = {make_file, 4, 1},
    [INODE_DIR] = {saver_make_directory, 5, 2},
    [INODE_SYMLINK] = {make_symlink, 6, 3},
};

static bool is_wide(const char *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (s[i] & 0x80)
            return true;
    return false;
}

static void save_inode(void *ctx, const struct inode_info *i)
{
    struct saver *s = ctx;
    uint8_t head[32], *p = head;
    unsigned field = kinds[i->kind].field;

    if (s->rc < 0)
        return;
    s->inodes++;
    buf_clear(&s->body);
    kinds[i->kind].make(s, i);
    *p++ = 1 << 3;
    *p++ = (uint8_t)kinds[i->kind].type;
    *p++ = 2 << 3;
    p += varint_put(p, i->id);
    *p++ = 3 << 3 | PB_BYTES;
    p += varint_put(p, i->name_n);
    buf_put_varint(&s->out,
                   (uint64_t)(p - head) + i->name_n + 1 + varint_size(s->body.n) + s->body.n);
    buf_put(&s->out, head, (size_t)(p - head));
    buf_put(&s->out, i->name, i->name_n);
    pb_put_bytes(&s->out, field, s->body.bytes, s->body.n);
    if (s->body.bad || s->part.bad)
        saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
    if (is_wide(i->name, i->name_n))
        saver_remember(s, &s->wide_dirs, i->parent);
    if (s->arena.used > 0)
        arena_reset(&s->arena);
    if (s->out.n >= FLUSH_BYTES)
        flush(s);
}

static void save_inodes(struct saver *s)
{
    uint64_t id = 0;

    saver_begin(s);
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, ns_last_inode_id(s->ns));
    pb_put_number(&s->body, 2, ns_inode_count(s->ns));
    saver_put(s, &s->body);
    do
        id = ns_inode_scan(s->ns, id, INODES_AT_ONCE, save_inode, s);
    while (id != 0 && s->rc == 0);
    if (s->rc == 0 && s->inodes != ns_inode_count(s->ns))
        saver_fail(s, err_set(s->err, ERR_STATE, "deleted inodes are still there"));
    saver_end(s, "INODE");
}

/* ---- directories ---- */

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Java compares names as signed bytes and finds children by bisection: this order matters. */
int saver_order(const char *a, unsigned a_n, const char *b, unsigned b_n)
{
    for (unsigned i = 0; i < a_n && i < b_n; i++)
        if (a[i] != b[i])
            return (signed char)a[i] < (signed char)b[i] ? -1 : 1;
    return (a_n > b_n) - (a_n < b_n);
}

static int by_signed_name(const void *a, const void *b, void *ns)
{
    struct inode_info x = {0}, y = {0};

    MUST(ns_info(ns, *(const uint64_t *)a, &x) && ns_info(ns, *(const uint64_t *)b, &y));
    return saver_order(x.name, x.name_n, y.name, y.name_n);
}

static bool has_wide_names(struct saver *s, uint64_t dir)
{
    return s->wide_dirs.count > 0 &&
           bsearch(&dir, s->wide_dirs.list, s->wide_dirs.count, sizeof dir, by_id) != NULL;
}

static void get_children(struct saver *s, const struct inode_info *dir, struct ids *out)
{
    uint64_t ids[CHILDREN_AT_ONCE];
    struct inode_info last = {0};
    int got;

    out->count = 0;
    do {
        got = ns_children(s->ns, dir->id, last.name, last.name_n, ids, CHILDREN_AT_ONCE);
        for (int i = 0; i < got; i++)
            saver_remember(s, out, ids[i]);
        if (got > 0)
            MUST(ns_info(s->ns, ids[got - 1], &last));
    } while (got == CHILDREN_AT_ONCE && s->rc == 0);
    if (has_wide_names(s, dir->id))
        qsort_r(out->list, out->count, sizeof *out->list, by_signed_name, (void *)(uintptr_t)s->ns);
}

struct dir_saver {
    struct saver *s;
    struct ids children;
};

static void save_directory(void *ctx, const struct inode_info *i)
{
    struct dir_saver *d = ctx;
    struct saver *s = d->s;

    if (i->kind != INODE_DIR || i->child_count == 0 || s->rc < 0)
        return;
    get_children(s, i, &d->children);
    buf_clear(&s->part);
    for (size_t k = 0; k < d->children.count; k++)
        if (!saver_is_referred(s, d->children.list[k]))
            buf_put_varint(&s->part, d->children.list[k]);
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, i->id);
    pb_put_bytes(&s->body, 2, s->part.bytes, s->part.n);
    buf_clear(&s->part);
    for (size_t k = 0; k < d->children.count; k++)
        if (saver_is_referred(s, d->children.list[k]))
            buf_put_varint(&s->part, saver_refer(s, d->children.list[k], NULL, 0));
    if (s->part.n > 0)
        pb_put_bytes(&s->body, 3, s->part.bytes, s->part.n);
    saver_put(s, &s->body);
}

static void save_directories(struct saver *s)
{
    struct dir_saver d = {.s = s};
    uint64_t id = 0;

    if (s->wide_dirs.count > 0)
        qsort(s->wide_dirs.list, s->wide_dirs.count, sizeof *s->wide_dirs.list, by_id);
    saver_begin(s);
    do
        id = ns_inode_scan(s->ns, id, INODES_AT_ONCE, save_directory, &d);
    while (id != 0 && s->rc == 0);
    saver_end(s, "INODE_DIR");
    free(d.children.list);
}

/* ---- sections after them ---- */

static void save_open_files(struct saver *s)
{
    saver_begin(s);
    for (size_t i = 0; i < s->open_files.count && s->rc == 0; i++) {
        const char *path = ns_path_of(s->ns, s->open_files.list[i], &s->arena);

        if (!path) {
            saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
            break;
        }
        buf_clear(&s->body);
        pb_put_number(&s->body, 1, s->open_files.list[i]);
        pb_put_bytes(&s->body, 2, path, strlen(path));
        saver_put(s, &s->body);
        arena_reset(&s->arena);
    }
    saver_end(s, "FILES_UNDERCONSTRUCTION");
}

static void save_strings(struct saver *s)
{
    saver_begin(s);
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, s->strings.count);
    pb_put_number(&s->body, 2, STRING_MASK_BITS);
    saver_put(s, &s->body);
    for (uint32_t i = 0; i < s->strings.cap; i++) {
        const struct image_string *e = &s->strings.slots[i];

        if (!e->text)
            continue;
        buf_clear(&s->body);
        pb_put_number(&s->body, 1, (uint32_t)e->kind << (32 - STRING_MASK_BITS) | e->number);
        pb_put_bytes(&s->body, 2, e->text, strlen(e->text));
        saver_put(s, &s->body);
    }
    if (s->strings.bad)
        saver_fail(s, err_set(s->err, ERR_LIMIT, "more than %d users, groups or names of xattrs",
                              STRINGS_MAX));
    saver_end(s, "STRING_TABLE");
}

/* Where the sections are; and how long this is, so that a reader finds it from the end. */
static void save_summary(struct saver *s)
{
    size_t n;

    buf_clear(&s->body);
    pb_put_number(&s->body, 1, 1);
    pb_put_number(&s->body, 2, (uint32_t)EDIT_LAYOUT);
    buf_put(&s->body, s->summary.bytes, s->summary.n);
    n = varint_size(s->body.n) + s->body.n;
    saver_put(s, &s->body);
    buf_put_be(&s->out, n, 4);
    flush(s);
}

int image_save(const struct namespace *ns, const struct image_info *info,
               const struct image_extras *extras, const struct image_sink *sink, struct err *err)
{
    /* What the section holds in a store that is new: no keys and tokens. */
    static const uint8_t no_secrets[] = {8, 0x08, 0, 0x10, 0, 0x18, 0, 0x20, 0};
    struct saver s = {.ns = ns, .sink = sink, .err = err};

    buf_init(&s.out, SCRATCH_MAX);
    buf_init(&s.body, SCRATCH_MAX);
    buf_init(&s.part, SCRATCH_MAX);
    buf_init(&s.summary, 64 << 10);
    arena_init(&s.arena, SCRATCH_MAX);
    image_strings_init(&s.strings);

    buf_puts(&s.out, "HDFSIMG1");
    save_info(&s, info, extras);
    saver_begin(&s);
    ec_save(ns_ec_policies(ns), &s.out);
    saver_end(&s, "ERASURE_CODING");
    save_inodes(&s);
    save_directories(&s);
    save_open_files(&s);
    saver_save_past(&s);
    save_kept(&s, "SECRET_MANAGER", &extras->secret_manager, no_secrets, sizeof no_secrets);
    save_cache(&s);
    save_strings(&s);
    save_summary(&s);

    image_strings_done(&s.strings);
    arena_done(&s.arena);
    buf_done(&s.out);
    buf_done(&s.body);
    buf_done(&s.part);
    buf_done(&s.summary);
    free(s.open_files.list);
    free(s.references);
    free(s.wide_dirs.list);
    return s.rc;
}
