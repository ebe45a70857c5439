#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsimage.pb-c.h"
#include "namenode/namespace/cache_table.h"
#include "namenode/image/image_loader.h"

enum {
    SMALL_SECTION_MAX = 256 << 20,
    SUM_CHUNK_BYTES = 1 << 20,
    INFO_MAX = 1 << 20,
};

/* ---- small sections ---- */

/* Unpacks the first message of a section by protobuf-c. */
int loader_read_first(struct image_reader *r, const ProtobufCMessageDescriptor *type,
                      struct arena *arena, ProtobufCMessage **out, struct err *err)
{
    struct rd m;
    int rc = image_reader_next(r, &m, err);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return image_reader_bad(r, err, "the section is missing");
    *out = protobuf_c_message_unpack(type, &arena->pb, rd_left(&m), m.at);
    return *out ? 0 : image_reader_bad(r, err, "does not parse");
}

/* NS_INFO, unpacked into @arena. */
static int read_info(const struct image_file *f, struct arena *arena, Img__NameSystemSection **out,
                     struct image_info *info, struct err *err)
{
    struct image_reader r;
    ProtobufCMessage *m = NULL;
    int rc = image_reader_open(&r, f, "NS_INFO", err);

    if (rc == 0)
        rc = loader_read_first(&r, &img__name_system_section__descriptor, arena, &m, err);
    if (rc == 0) {
        *out = (Img__NameSystemSection *)m;
        info->namespace_id = (*out)->namespaceid;
        info->txid = (*out)->transactionid;
        info->layout_version = f->layout_version;
    }
    image_reader_close(&r);
    return rc;
}

static int load_info(struct loader *l, struct err *err)
{
    struct arena arena;
    Img__NameSystemSection *s;
    int rc;

    arena_init(&arena, INFO_MAX);
    if ((rc = read_info(&l->file, &arena, &s, &l->info, err)) == 0) {
        l->gs = s->genstampv2;
        l->last_block = s->lastallocatedblockid;
        l->extras->gs_v1 = s->genstampv1;
        l->extras->gs_v1_limit = s->genstampv1limit;
        l->last_group = s->lastallocatedstripedblockid;
        ns_load_rolling_upgrade(l->ns, s->rollingupgradestarttime);
    }
    arena_done(&arena);
    return rc;
}

int image_info_read(struct env *env, const char *path, struct image_info *out, struct err *err)
{
    static const char *const needed[] = {"STRING_TABLE", "INODE", "INODE_DIR"};
    struct arena arena;
    struct image_file f;
    struct image_info info;
    Img__NameSystemSection *s;
    int rc = image_file_open(env, path, &f, err);

    if (rc < 0)
        return rc;
    arena_init(&arena, INFO_MAX);
    rc = read_info(&f, &arena, &s, &info, err);
    for (size_t i = 0; rc == 0 && i < sizeof needed / sizeof *needed; i++)
        if (!image_file_find(&f, needed[i]))
            rc = err_set(err, ERR_CORRUPT, "%s: there is no section %s", path, needed[i]);
    arena_done(&arena);
    image_file_close(&f);
    if (rc == 0)
        *out = info;
    return rc;
}

/* One entry: with mask bits the upper bits of the id tell the kind.  Without them 0 may be a string
 * too: so `hdfs oiv -p ReverseXML` numbers them. */
static int take_string(struct loader *l, struct image_reader *r, struct rd m, unsigned mask_bits,
                       struct err *err)
{
    struct pb_field f = {0};
    uint64_t id = 0;
    const char *text = "";
    struct strings *s;
    unsigned kind;

    while (pb_next(&m, &f)) {
        if (f.number == 1)
            id = (uint32_t)f.v;
        else if (f.number == 2)
            text =
                arena_strndup(&l->strings_arena, rd_left(&f.slice) ? (const char *)f.slice.at : "",
                              rd_left(&f.slice));
    }
    kind = mask_bits ? (unsigned)(id >> (32 - mask_bits)) : STRING_ANY;
    id = mask_bits ? id & (((uint64_t)1 << (32 - mask_bits)) - 1) : id;
    if (m.bad || kind >= STRING_KINDS || (id == 0 && mask_bits) || id >= STRINGS_MAX)
        return image_reader_bad(r, err, "an impossible string");
    s = &l->strings[kind];
    if (id >= s->count) {
        uint32_t count = id < 1024 ? 1024 : (uint32_t)id * 2;
        const char **grown = realloc(s->list, count * sizeof *grown);

        if (!grown)
            return err_set(err, ERR_NOMEM, "%s", l->file.path);
        memset(grown + s->count, 0, (count - s->count) * sizeof *grown);
        s->list = grown;
        s->count = count;
    }
    if (!text)
        return err_set(err, ERR_NOMEM, "%s", l->file.path);
    s->list[id] = text;
    return 0;
}

static int load_strings(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct pb_field f = {0};
    struct rd m = {0};
    uint64_t mask_bits = 0;
    int rc = image_reader_open(&r, &l->file, "STRING_TABLE", err);

    if (rc == 0)
        rc = image_reader_next(&r, &m, err);
    while (rc == 1 && pb_next(&m, &f))
        if (f.number == 2)
            mask_bits = f.v;
    if (rc == 1 && (m.bad || mask_bits > 8))
        rc = image_reader_bad(&r, err, "does not parse");
    l->split = mask_bits != 0;
    while (rc > 0 && (rc = image_reader_next(&r, &m, err)) == 1) {
        rc = take_string(l, &r, m, (unsigned)mask_bits, err);
        rc = rc < 0 ? rc : 1;
    }
    image_reader_close(&r);
    return rc;
}

/* The string of an id; NULL for one that is not in the table, as 0 mostly is not. */
static const char *string_of(const struct loader *l, enum string_kind kind, uint64_t id)
{
    const struct strings *s = &l->strings[l->split ? kind : STRING_ANY];

    return id < s->count ? s->list[id] : NULL;
}

/* Keeps a section's bytes as they are. */
static int keep_section(struct loader *l, const char *name, struct buf *out, struct err *err)
{
    const struct image_section *s = image_file_find(&l->file, name);
    uint8_t *to;
    ssize_t got;

    buf_clear(out);
    if (!s || s->n == 0)
        return 0;
    if (s->n > SMALL_SECTION_MAX)
        return err_set(err, ERR_LIMIT, "%s: section %s of %" PRIu64 " bytes", l->file.path, name,
                       s->n);
    to = buf_grow(out, s->n);
    if (!to)
        return err_set(err, ERR_NOMEM, "%s", l->file.path);
    got = env_pread(l->file.env, l->file.fd, to, s->n, s->at, err);
    if (got >= 0 && (uint64_t)got < s->n)
        return err_set(err, ERR_CORRUPT, "%s: section %s is cut short", l->file.path, name);
    return got < 0 ? (int)got : 0;
}

static int load_ec_policies(struct loader *l, struct err *err)
{
    struct buf section;
    int rc;

    buf_init(&section, SMALL_SECTION_MAX);
    rc = keep_section(l, "ERASURE_CODING", &section, err);
    if (rc == 0)
        rc = ns_load_ec_policies(l->ns, section.bytes, section.n, err);
    buf_done(&section);
    return rc < 0 ? err_wrap(err, rc, "%s", l->file.path) : 0;
}

/* ---- inodes ---- */

/* user << 40 | group << 16 | mode */
static bool take_permission(const struct loader *l, uint64_t v, struct inode_info *out)
{
    out->user = string_of(l, STRING_USER, v >> 40);
    out->group = string_of(l, STRING_GROUP, v >> 16 & 0xffffff);
    out->mode = (uint16_t)v;
    return out->user && out->group;
}

/* name << 6 | scope << 5 | type << 3 | permissions, four bytes each */
static bool take_acl(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    struct edit_acl_entry *list;
    size_t count;

    while (pb_next(&m, &f))
        if (f.number == 2)
            break;
    count = m.bad || f.number != 2 ? 0 : rd_left(&f.slice) / 4;
    list = arena_alloc(&l->inode_arena, count * sizeof *list + 1);
    if (!list || m.bad)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t v = (uint32_t)rd_le(&f.slice, 4);
        unsigned type = v >> 3 & 3;

        list[i] = (struct edit_acl_entry){
            .permissions = v & 7,
            .type = (uint8_t)type,
            .scope = v >> 5 & 1,
            .name = string_of(l, type == 0 ? STRING_USER : STRING_GROUP, v >> 6 & 0xffffff)};
        if (list[i].name && !*list[i].name)
            list[i].name = NULL; /* as Hadoop takes it, too */
    }
    in->acl = list;
    in->acl_count = (int)count;
    in->info.has_acl = count > 0;
    return true;
}

/* ns << 30 | name << 6 | the third bit of ns << 5 */
static bool take_xattr(const struct loader *l, struct rd m, struct edit_xattr *out)
{
    struct pb_field f = {0};

    while (pb_next(&m, &f)) {
        if (f.number == 1) {
            out->ns = (uint8_t)(f.v >> 30 & 3) | (uint8_t)((f.v >> 5 & 1) << 2);
            out->name = string_of(l, STRING_XATTR, f.v >> 6 & 0xffffff);
        } else if (f.number == 2) {
            out->value = f.slice.at;
            out->value_n = (uint32_t)rd_left(&f.slice);
        }
    }
    return !m.bad && out->name;
}

static bool take_xattrs(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    struct edit_xattr *list;
    int count = 0;

    for (struct rd r = m; pb_next(&r, &f);)
        count += f.number == 1;
    list = arena_zalloc(&l->inode_arena, (size_t)count * sizeof *list + 1);
    count = 0;
    while (list && pb_next(&m, &f))
        if (f.number == 1 && !take_xattr(l, f.slice, &list[count++]))
            return false;
    in->xattrs = list;
    in->xattr_count = count;
    in->info.has_xattrs = count > 0;
    return list && !m.bad;
}

bool loader_take_block(struct rd m, struct edit_block *out)
{
    struct pb_field f = {0};

    *out = (struct edit_block){0};
    while (pb_next(&m, &f)) {
        switch (f.number) {
        case 1: out->id = f.v; break;
        case 2: out->gs = f.v; break;
        case 3: out->length = f.v; break;
        default: break;
        }
    }
    return !m.bad;
}

/* The blocks of a file follow one another; @m begins behind the first one's tag and length. */
static bool take_blocks(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    struct edit_block *list;
    int count = 0, i = 0;

    for (struct rd r = m; pb_next(&r, &f);)
        count += f.number == 6;
    list = arena_alloc(&l->inode_arena, (size_t)count * sizeof *list + 1);
    while (list && pb_next(&m, &f))
        if (f.number == 6 && !loader_take_block(f.slice, &list[i++]))
            return false;
    in->blocks = list;
    in->block_count = i;
    return list && !m.bad;
}

static const char *take_chars(struct loader *l, struct rd m)
{
    return arena_strndup(&l->inode_arena, rd_left(&m) ? (const char *)m.at : "", rd_left(&m));
}

static bool take_cut_source(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct edit_block *b = arena_alloc(&l->inode_arena, sizeof *b);

    in->copied_from = b;
    return b && loader_take_block(m, b);
}

static bool take_writer(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};

    in->client_name = in->client_machine = "";
    while (pb_next(&m, &f)) {
        if (f.number == 1)
            in->client_name = take_chars(l, f.slice);
        else if (f.number == 2)
            in->client_machine = take_chars(l, f.slice);
        else if (f.number == IMAGE_CUT_TO)
            in->cut_to = f.v;
        else if (f.number == IMAGE_CUT_SOURCE && !take_cut_source(l, f.slice, in))
            return false;
    }
    in->info.under_construction = true;
    return !m.bad && in->client_name && in->client_machine;
}

bool loader_take_file(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct rd whole = m;
    struct pb_field f = {0};
    int blocks = 0;
    bool good = true;

    in->info.kind = INODE_FILE;
    in->info.replication = 1; /* a striped file has none of its own */
    while (good && pb_next(&m, &f)) {
        switch (f.number) {
        case 1: in->info.replication = (uint16_t)f.v; break;
        case 2: in->info.mtime_ms = f.v; break;
        case 3: in->info.atime_ms = f.v; break;
        case 4: in->info.block_size = f.v; break;
        case 5: good = take_permission(l, f.v, &in->info); break;
        case 6: blocks++; break;
        case 7: good = take_writer(l, f.slice, in); break;
        case 8: good = take_acl(l, f.slice, in); break;
        case 9: good = take_xattrs(l, f.slice, in); break;
        case 10: in->info.storage_policy = (uint8_t)f.v; break;
        case 12: in->info.ec_policy = (uint8_t)f.v; break;
        default: break;
        }
    }
    if (blocks && good && !m.bad)
        good = take_blocks(l, whole, in);
    return good && !m.bad && in->info.user;
}

/* A directory's storage policy stands among its xattrs, as one byte. */
static void take_policy(struct ns_load_inode *in)
{
    struct edit_xattr *list = (struct edit_xattr *)(uintptr_t)in->xattrs;

    for (int i = 0; i < in->xattr_count; i++) {
        if (list[i].ns != IMAGE_POLICY_NS || strcmp(list[i].name, IMAGE_POLICY_NAME) != 0 ||
            list[i].value_n != 1)
            continue;
        in->info.storage_policy = list[i].value[0];
        list[i] = list[--in->xattr_count];
        in->info.has_xattrs = in->xattr_count > 0;
        return;
    }
}

static bool take_type_quotas(struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};

    for (int i = 0; i < NS_STORAGE_TYPES; i++)
        in->type_quotas[i] = -1;
    while (pb_next(&m, &f)) {
        struct pb_field e = {0};
        uint64_t type = 0, quota = 0;

        if (f.number != 1)
            continue;
        while (pb_next(&f.slice, &e)) {
            if (e.number == 1)
                type = e.v;
            else if (e.number == 2)
                quota = e.v;
        }
        if (f.slice.bad || type < 1 || type > NS_STORAGE_TYPES)
            return false;
        in->type_quotas[type - 1] = (int64_t)quota;
        in->has_type_quotas = true;
    }
    return !m.bad;
}

bool loader_take_directory(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    bool good = true;

    in->info.kind = INODE_DIR;
    while (good && pb_next(&m, &f)) {
        switch (f.number) {
        case 1: in->info.mtime_ms = f.v; break;
        case 2: in->ns_quota = (int64_t)f.v; break;
        case 3: in->ds_quota = (int64_t)f.v; break;
        case 4: good = take_permission(l, f.v, &in->info); break;
        case 5: good = take_acl(l, f.slice, in); break;
        case 6: good = take_xattrs(l, f.slice, in); break;
        case 7: good = take_type_quotas(f.slice, in); break;
        default: break;
        }
    }
    take_policy(in);
    /* Quotas of storage types alone: Hadoop's loader gives such a directory one of names, the highest number. */
    if (in->has_type_quotas && in->ns_quota < 0 && in->ds_quota < 0)
        in->ns_quota = INT64_MAX;
    /* The root's "no quota" is the highest number. */
    if (in->info.id == NS_ROOT_ID && in->ns_quota == INT64_MAX)
        in->ns_quota = -1;
    in->info.has_quota = in->ns_quota >= 0 || in->ds_quota >= 0;
    return good && !m.bad && in->info.user;
}

static bool take_symlink(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    bool good = true;

    in->info.kind = INODE_SYMLINK;
    while (good && pb_next(&m, &f)) {
        switch (f.number) {
        case 1: good = take_permission(l, f.v, &in->info); break;
        case 2: in->info.target = take_chars(l, f.slice); break;
        case 3: in->info.mtime_ms = f.v; break;
        case 4: in->info.atime_ms = f.v; break;
        default: break;
        }
    }
    return good && !m.bad && in->info.user && in->info.target;
}

static bool has_wide(const char *s, unsigned n)
{
    uint64_t word;

    for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
        memcpy(&word, s, sizeof word);
        if (word & 0x8080808080808080)
            return true;
    }
    for (unsigned i = 0; i < n; i++)
        if (s[i] & 0x80)
            return true;
    return false;
}

bool loader_take_inode(struct loader *l, struct rd m, struct ns_load_inode *in)
{
    struct pb_field f = {0};
    bool good = true;

    *in = (struct ns_load_inode){.ns_quota = -1, .ds_quota = -1};
    while (good && pb_next(&m, &f)) {
        switch (f.number) {
        case 2: in->info.id = f.v; break;
        case 3:
            in->info.name = (const char *)f.slice.at;
            in->info.name_n = (unsigned)rd_left(&f.slice);
            break;
        case 4: good = loader_take_file(l, f.slice, in); break;
        case 5: good = loader_take_directory(l, f.slice, in); break;
        case 6: good = take_symlink(l, f.slice, in); break;
        default: break;
        }
    }
    if (!l->wide_names && has_wide(in->info.name, in->info.name_n))
        l->wide_names = true;
    return good && !m.bad && in->info.kind != INODE_NONE && in->info.id != 0;
}

static int load_inodes(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct ns_load_inode in;
    struct pb_field f = {0};
    struct rd m;
    uint64_t want = 0, got = 0;
    int rc = image_reader_open(&r, &l->file, "INODE", err);

    if (rc == 0 && (rc = image_reader_next(&r, &m, err)) == 0)
        rc = image_reader_bad(&r, err, "the section is missing");
    while (rc == 1 && pb_next(&m, &f)) {
        if (f.number == 1)
            l->last_inode = f.v;
        else if (f.number == 2)
            want = f.v;
    }
    while (rc == 1 && (rc = image_reader_next(&r, &m, err)) == 1) {
        if (!loader_take_inode(l, m, &in))
            rc = image_reader_bad(&r, err, "an inode that does not parse");
        else if ((rc = ns_load_inode(l->ns, &in, err)) < 0)
            rc = err_wrap(err, rc, "%s: INODE: inode %" PRIu64, l->file.path, in.info.id);
        else
            rc = 1;
        arena_reset(&l->inode_arena);
        got++;
    }
    if (rc == 0 && got != want)
        rc = err_set(err, ERR_CORRUPT, "%s: INODE: %" PRIu64 " inodes, %" PRIu64 " were announced",
                     l->file.path, got, want);
    image_reader_close(&r);
    return rc;
}

/* ---- directories ---- */

struct children {
    uint64_t parent, *ids;
    uint32_t count, cap;
    bool referred; /* some came by reference */
};

static bool add_child(struct children *c, uint64_t id)
{
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 1024;
        uint64_t *grown = realloc(c->ids, cap * sizeof *grown);

        if (!grown)
            return false;
        c->ids = grown;
        c->cap = cap;
    }
    c->ids[c->count++] = id;
    return true;
}

static bool take_children(const struct loader *l, struct rd m, struct children *c)
{
    struct pb_field f = {0};
    bool good = true;

    c->count = 0;
    c->parent = 0;
    c->referred = false;
    while (good && pb_next(&m, &f)) {
        if (f.number == 1) {
            c->parent = f.v;
        } else if (f.number == 2) {
            while (good && f.slice.at < f.slice.end && !f.slice.bad)
                good = add_child(c, pb_varint(&f.slice));
        } else if (f.number == 3) {
            c->referred = true;
            while (good && f.slice.at < f.slice.end && !f.slice.bad) {
                uint64_t i = pb_varint(&f.slice);

                good = i < l->reference_count && add_child(c, l->references[i].id);
            }
        }
        good = good && !f.slice.bad;
    }
    return good && !m.bad;
}

static int by_name(const void *a, const void *b, void *ns)
{
    struct inode_info x = {0}, y = {0};
    unsigned n;
    int c;

    ns_info(ns, *(const uint64_t *)a, &x);
    ns_info(ns, *(const uint64_t *)b, &y);
    n = x.name_n < y.name_n ? x.name_n : y.name_n;
    c = n ? memcmp(x.name, y.name, n) : 0;
    return c ? c : (x.name_n > y.name_n) - (x.name_n < y.name_n);
}

static int load_directories(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct children c = {0};
    struct rd m;
    int rc = image_reader_open(&r, &l->file, "INODE_DIR", err);

    while (rc >= 0 && (rc = image_reader_next(&r, &m, err)) == 1) {
        if (!take_children(l, m, &c)) {
            rc = image_reader_bad(&r, err, "a directory that does not parse");
            break;
        }
        if (c.count > 1 && (l->wide_names || c.referred))
            qsort_r(c.ids, c.count, sizeof *c.ids, by_name, l->ns);
        rc = ns_load_children(l->ns, c.parent, c.ids, c.count, err);
        if (rc < 0)
            rc = err_wrap(err, rc, "%s: INODE_DIR: directory %" PRIu64, l->file.path, c.parent);
    }
    free(c.ids);
    image_reader_close(&r);
    return rc;
}

/* ---- the sum, by a thread of its own ---- */

struct sum_job {
    struct env *env;
    const char *path;
    uint8_t sum[MD5_BYTES];
    bool stop; /* atomic */
    int rc;
    struct err err;
};

static void *run_sum(void *arg)
{
    struct sum_job *job = arg;
    struct md5 *m = md5_new();
    uint8_t *chunk = malloc(SUM_CHUNK_BYTES);
    int fd = env_open(job->env, job->path, O_RDONLY, 0, &job->err);
    uint64_t at = 0;
    ssize_t got = 1;

    if (fd < 0)
        job->rc = fd;
    else if (!m || !chunk)
        job->rc = err_set(&job->err, ERR_NOMEM, "%s", job->path);
    while (job->rc == 0 && got > 0 && !__atomic_load_n(&job->stop, __ATOMIC_RELAXED)) {
        got = env_pread(job->env, fd, chunk, SUM_CHUNK_BYTES, at, &job->err);
        if (got < 0) {
            job->rc = err_wrap(&job->err, (int)got, "%s", job->path);
        } else {
            md5_add(m, chunk, (size_t)got);
            at += (uint64_t)got;
        }
    }
    if (job->rc == 0)
        md5_end(m, job->sum);
    if (fd >= 0)
        env_close(job->env, fd, NULL);
    free(chunk);
    md5_free(m);
    return NULL;
}

static int compare_sum(const struct sum_job *job, const uint8_t *want, struct err *err)
{
    if (job->rc < 0) {
        if (err)
            *err = job->err;
        return job->rc;
    }
    if (memcmp(job->sum, want, MD5_BYTES) != 0)
        return err_set(err, ERR_CORRUPT, "%s: its bytes do not give the MD5 sum in %s.md5",
                       job->path, job->path);
    return 0;
}

int image_md5_check(struct env *env, const char *image_path, struct err *err)
{
    struct sum_job job = {.env = env, .path = image_path};
    uint8_t want[MD5_BYTES];
    int rc = image_md5_read(env, image_path, want, err);

    if (rc < 0)
        return rc;
    run_sum(&job);
    return compare_sum(&job, want, err);
}

int image_md5_read(struct env *env, const char *image_path, uint8_t md5[MD5_BYTES], struct err *err)
{
    char path[PATH_MAX], *text;
    int rc;

    snprintf(path, sizeof path, "%s.md5", image_path);
    rc = env_read_file(env, path, 4096, &text, NULL, err);
    if (rc < 0)
        return rc;
    for (int i = 0; rc == 0 && i < MD5_BYTES; i++) {
        unsigned byte;

        if (sscanf(text + (size_t)i * 2, "%2x", &byte) != 1 || strlen(text) < 2 * MD5_BYTES)
            rc = err_set(err, ERR_CORRUPT, "%s holds no MD5 sum", path);
        else
            md5[i] = (uint8_t)byte;
    }
    free(text);
    return rc;
}

/* ---- the cache ---- */

static int load_cache(struct loader *l, struct err *err)
{
    struct buf bytes;
    int rc;

    buf_init(&bytes, SMALL_SECTION_MAX);
    rc = keep_section(l, "CACHE_MANAGER", &bytes, err);
    if (rc == 0 && bytes.n > 0 &&
        (rc = cache_table_load(ns_cache(l->ns), rd_of(bytes.bytes, bytes.n), err)) < 0)
        err_wrap(err, rc, "%s", l->file.path);
    buf_done(&bytes);
    return rc;
}

/* ---- all of it ---- */

static int load_sections(struct loader *l, struct err *err)
{
    int rc = load_info(l, err);

    if (rc == 0)
        rc = load_strings(l, err);
    if (rc == 0)
        rc = loader_references(l, err);
    if (rc == 0)
        rc = keep_section(l, "SECRET_MANAGER", &l->extras->secret_manager, err);
    if (rc == 0)
        rc = load_cache(l, err);
    if (rc == 0)
        rc = load_ec_policies(l, err);
    if (rc == 0)
        rc = load_inodes(l, err);
    if (rc == 0)
        rc = load_directories(l, err);
    if (rc == 0)
        rc = loader_past(l, err);
    if (rc == 0)
        ns_load_counters(l->ns, l->last_inode, l->last_block, l->gs);
    /* The lowest number is Hadoop's "none yet". */
    if (rc == 0 && l->last_group != (uint64_t)INT64_MIN && l->last_group >> 63)
        ns_load_counters(l->ns, l->last_inode, l->last_group, l->gs);
    return rc;
}

static void loader_done(struct loader *l)
{
    for (int i = 0; i < STRING_KINDS; i++)
        free(l->strings[i].list);
    free(l->references);
    arena_done(&l->strings_arena);
    arena_done(&l->inode_arena);
    arena_done(&l->names_arena);
    image_file_close(&l->file);
}

int image_load(struct env *env, const char *path, const uint8_t *md5, struct namespace *ns,
               struct image_extras *extras, struct image_info *out, struct err *err)
{
    struct loader l = {.ns = ns, .extras = extras};
    struct sum_job job = {.env = env, .path = path};
    pthread_t thread;
    int rc = image_file_open(env, path, &l.file, err);

    if (rc < 0)
        return rc;
    arena_init(&l.strings_arena, (size_t)1 << 30);
    arena_init(&l.inode_arena, 512 << 20);
    arena_init(&l.names_arena, (size_t)1 << 30);
    if (md5 && (rc = pthread_create(&thread, NULL, run_sum, &job)) != 0) {
        rc = err_sys(err, rc, "start a thread");
        md5 = NULL;
    }
    if (rc == 0)
        rc = load_sections(&l, err);
    if (md5) {
        __atomic_store_n(&job.stop, rc < 0, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
        if (rc == 0)
            rc = compare_sum(&job, md5, err);
    }
    /* Only once the sum is known to be right: what is wrong then is our mistake, not the disk's. */
    if (rc == 0)
        rc = ns_load_done(ns, err);
    if (rc == 0)
        *out = l.info;
    loader_done(&l);
    return rc;
}

void image_extras_init(struct image_extras *x)
{
    *x = (struct image_extras){.gs_v1 = NS_FIRST_GS};
    buf_init(&x->secret_manager, SMALL_SECTION_MAX);
}

void image_extras_done(struct image_extras *x)
{
    buf_done(&x->secret_manager);
}
