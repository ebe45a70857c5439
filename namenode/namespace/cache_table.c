#include "namenode/namespace/cache_table.h"

#include <stdlib.h>
#include <string.h>

#include "fsimage.pb-c.h"
#include "namenode/namespace/dcache.h"
#include "namenode/edits/edit_codec.h"

enum { POOL_MODE = 0755, SECTION_MAX = 512 << 20 };

/* What a record has of a pool or a directive; the bits are the record's. */
enum { HAS_OWNER = 1, HAS_GROUP = 2, HAS_MODE = 4, HAS_LIMIT = 8, HAS_TTL = 16, HAS_COPIES = 32 };
enum { HAS_PATH = 1, HAS_REPLICATION = 2, HAS_POOL = 4, HAS_EXPIRY = 8 };

struct cache_table *cache_table_new(void)
{
    struct cache_table *t = calloc(1, sizeof *t);

    if (t)
        t->next_id = 1;
    return t;
}

static void free_pool(struct cache_pool *p)
{
    free(p->name);
    free(p->owner);
    free(p->group);
    free(p);
}

static void free_directive(struct cache_directive *d)
{
    free(d->path);
    free(d);
}

void cache_table_free(struct cache_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->directive_count; i++)
        free_directive(t->directives[i]);
    for (uint32_t i = 0; i < t->pool_count; i++)
        free_pool(t->pools[i]);
    free(t->directives);
    free(t->pools);
    free(t);
}

/* ---- finding ---- */

/* The first pool whose name is not before @name; @equal says whether it is that. */
static uint32_t pool_place(const struct cache_table *t, const char *name, bool *equal)
{
    uint32_t low = 0, high = t->pool_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (strcmp(t->pools[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *equal = low < t->pool_count && strcmp(t->pools[low]->name, name) == 0;
    return low;
}

struct cache_pool *cache_pool_find(const struct cache_table *t, const char *name)
{
    bool equal;
    uint32_t at = pool_place(t, name, &equal);

    return equal ? t->pools[at] : NULL;
}

uint32_t cache_pool_after(const struct cache_table *t, const char *name)
{
    bool equal;
    uint32_t at = pool_place(t, name, &equal);

    return equal ? at + 1 : at;
}

uint32_t cache_directive_from(const struct cache_table *t, uint64_t id)
{
    uint32_t low = 0, high = t->directive_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (t->directives[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct cache_directive *cache_directive_find(const struct cache_table *t, uint64_t id)
{
    uint32_t at = cache_directive_from(t, id);

    return at < t->directive_count && t->directives[at]->id == id ? t->directives[at] : NULL;
}

/* ---- changing; the process stops without memory, as for all that ns_apply() keeps by malloc ---- */

static void *zeroed(size_t n)
{
    void *p = calloc(1, n);

    MUST(p);
    return p;
}

static void set_text(char **to, const char *text)
{
    char *copy = strdup(text);

    MUST(copy);
    free(*to);
    *to = copy;
}

static void *insert(void *list, uint32_t *count, uint32_t *room, uint32_t at, void *what)
{
    void **p = list;

    if (*count == *room) {
        *room = *room * 2 + 16;
        p = realloc(p, *room * sizeof *p);
        MUST(p);
    }
    memmove(p + at + 1, p + at, (*count - at) * sizeof *p);
    p[at] = what;
    ++*count;
    return p;
}

static void take_out(void *list, uint32_t *count, uint32_t at)
{
    void **p = list;

    --*count;
    memmove(p + at, p + at + 1, (*count - at) * sizeof *p);
}

static struct cache_pool *make_pool(struct cache_table *t, const char *name)
{
    struct cache_pool *p = zeroed(sizeof *p);

    set_text(&p->name, name);
    set_text(&p->owner, "");
    set_text(&p->group, "");
    p->mode = POOL_MODE;
    p->limit_bytes = INT64_MAX;
    p->ttl_max_ms = CACHE_NEVER;
    p->replication = 1;
    t->pools = insert(t->pools, &t->pool_count, &t->pool_room, cache_pool_after(t, name), p);
    return p;
}

static void drop_pool(struct cache_table *t, struct cache_pool *p)
{
    uint32_t kept = 0;
    bool equal;

    for (uint32_t i = 0; i < t->directive_count; i++) {
        struct cache_directive *d = t->directives[i];

        if (d->pool == p)
            free_directive(d);
        else
            t->directives[kept++] = d;
    }
    t->directive_count = kept;
    take_out(t->pools, &t->pool_count, pool_place(t, p->name, &equal));
    free_pool(p);
}

static struct cache_directive *make_directive(struct cache_table *t, uint64_t id, const char *path,
                                              struct cache_pool *pool)
{
    struct cache_directive *d = zeroed(sizeof *d);

    d->id = id;
    set_text(&d->path, path);
    d->pool = pool;
    d->replication = 1;
    t->directives = insert(t->directives, &t->directive_count, &t->directive_room,
                           cache_directive_from(t, id), d);
    if (t->next_id <= id)
        t->next_id = id + 1;
    return d;
}

/* ---- records ---- */

static int misfit(struct err *err, const struct edit_op *op, const char *why)
{
    return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s", (unsigned long long)op->txid,
                   op->code, why);
}

static void read_pool(struct rd *r, struct cache_pool *p, struct arena *arena)
{
    uint64_t has = rd_be(r, 4);

    if (has & HAS_OWNER)
        set_text(&p->owner, edit_read_string(r, arena));
    if (has & HAS_GROUP)
        set_text(&p->group, edit_read_string(r, arena));
    if (has & HAS_MODE)
        p->mode = (uint16_t)rd_be(r, 2);
    if (has & HAS_LIMIT)
        p->limit_bytes = (int64_t)rd_be(r, 8);
    if (has & HAS_TTL)
        p->ttl_max_ms = (int64_t)rd_be(r, 8);
    if (has & HAS_COPIES)
        p->replication = (uint16_t)rd_be(r, 2);
}

static int apply_pool(struct cache_table *t, const struct edit_op *op, struct arena *arena,
                      struct err *err)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);
    const char *name = edit_read_string(&r, arena);
    struct cache_pool *p;

    if (r.bad)
        return misfit(err, op, "a cache pool that does not parse");
    p = cache_pool_find(t, name);
    if (op->code == EDIT_ADD_CACHE_POOL ? p != NULL : p == NULL)
        return misfit(err, op, p ? "a cache pool that is there already" : "no such cache pool");
    if (op->code == EDIT_REMOVE_CACHE_POOL) {
        drop_pool(t, p);
        return 0;
    }
    read_pool(&r, p ? p : make_pool(t, name), arena);
    return 0;
}

struct directive_record {
    uint64_t id, has;
    const char *path, *pool;
    uint16_t replication;
    int64_t expires_ms;
};

static bool read_directive(const struct edit_op *op, struct arena *arena,
                           struct directive_record *out)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);

    *out = (struct directive_record){.id = rd_be(&r, 8)};
    if (op->code == EDIT_REMOVE_CACHE_DIRECTIVE)
        return !r.bad;
    out->has = rd_be(&r, 4);
    if (out->has & HAS_PATH)
        out->path = edit_read_string(&r, arena);
    if (out->has & HAS_REPLICATION)
        out->replication = (uint16_t)rd_be(&r, 2);
    if (out->has & HAS_POOL)
        out->pool = edit_read_string(&r, arena);
    if (out->has & HAS_EXPIRY)
        out->expires_ms = (int64_t)rd_be(&r, 8);
    return !r.bad;
}

static int apply_directive(struct cache_table *t, const struct edit_op *op, struct arena *arena,
                           struct err *err)
{
    struct directive_record rec;
    struct cache_directive *d;
    struct cache_pool *pool;

    if (!read_directive(op, arena, &rec))
        return misfit(err, op, "a cache directive that does not parse");
    d = cache_directive_find(t, rec.id);
    pool = rec.has & HAS_POOL ? cache_pool_find(t, rec.pool) : d ? d->pool : NULL;
    if (op->code == EDIT_ADD_CACHE_DIRECTIVE ? d || !(rec.has & HAS_PATH) : !d)
        return misfit(err, op,
                      d ? "a cache directive that is there already or has no path"
                        : "no such cache directive");
    if (op->code == EDIT_REMOVE_CACHE_DIRECTIVE) {
        take_out(t->directives, &t->directive_count, cache_directive_from(t, d->id));
        free_directive(d);
        return 0;
    }
    if (!pool)
        return misfit(err, op, "no such cache pool");
    if (!d)
        d = make_directive(t, rec.id, rec.path, pool);
    d->pool = pool;
    if (rec.has & HAS_PATH)
        set_text(&d->path, rec.path);
    if (rec.has & HAS_REPLICATION)
        d->replication = rec.replication;
    if (rec.has & HAS_EXPIRY)
        d->expires_ms = rec.expires_ms;
    return 0;
}

int cache_apply(struct cache_table *t, const struct edit_op *op, struct err *err)
{
    bool of_pool = op->code == EDIT_ADD_CACHE_POOL || op->code == EDIT_MODIFY_CACHE_POOL ||
                   op->code == EDIT_REMOVE_CACHE_POOL;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    rc = of_pool ? apply_pool(t, op, &arena, err) : apply_directive(t, op, &arena, err);
    arena_done(&arena);
    return rc;
}

/* Text with two bytes of length, as edits have it. */
void cache_put_name(struct buf *out, const char *text)
{
    size_t n = strlen(text);

    buf_put_be(out, n, 2);
    buf_put(out, text, n);
}

void cache_put_pool(struct buf *out, const Pb__CachePoolInfoProto *info)
{
    uint64_t has = (info->ownername ? HAS_OWNER : 0) | (info->groupname ? HAS_GROUP : 0) |
                   (info->has_mode ? HAS_MODE : 0) | (info->has_limit ? HAS_LIMIT : 0) |
                   (info->has_maxrelativeexpiry ? HAS_TTL : 0) |
                   (info->has_defaultreplication ? HAS_COPIES : 0);

    cache_put_name(out, info->poolname);
    buf_put_be(out, has, 4);
    if (info->ownername)
        cache_put_name(out, info->ownername);
    if (info->groupname)
        cache_put_name(out, info->groupname);
    if (info->has_mode)
        buf_put_be(out, (uint16_t)info->mode, 2);
    if (info->has_limit)
        buf_put_be(out, (uint64_t)info->limit, 8);
    if (info->has_maxrelativeexpiry)
        buf_put_be(out, (uint64_t)info->maxrelativeexpiry, 8);
    if (info->has_defaultreplication)
        buf_put_be(out, info->defaultreplication & 0xffff, 2);
}

void cache_put_directive(struct buf *out, const Pb__CacheDirectiveInfoProto *info)
{
    uint64_t has = (info->path ? HAS_PATH : 0) | (info->has_replication ? HAS_REPLICATION : 0) |
                   (info->pool ? HAS_POOL : 0) | (info->expiration ? HAS_EXPIRY : 0);

    buf_put_be(out, (uint64_t)info->id, 8);
    buf_put_be(out, has, 4);
    if (info->path)
        cache_put_name(out, info->path);
    if (info->has_replication)
        buf_put_be(out, info->replication & 0xffff, 2);
    if (info->pool)
        cache_put_name(out, info->pool);
    if (info->expiration)
        buf_put_be(out, (uint64_t)info->expiration->millis, 8);
}

/* ---- the image's section: a head, the pools, the directives ---- */

static void *next_message(struct rd *r, const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    struct rd m = rd_delimited(r);

    return r->bad || m.bad ? NULL : protobuf_c_message_unpack(type, &arena->pb, rd_left(&m), m.at);
}

static bool load_pool(struct cache_table *t, const Pb__CachePoolInfoProto *in)
{
    struct cache_pool *p;

    if (!in || !in->poolname || cache_pool_find(t, in->poolname))
        return false;
    p = make_pool(t, in->poolname);
    if (in->ownername)
        set_text(&p->owner, in->ownername);
    if (in->groupname)
        set_text(&p->group, in->groupname);
    if (in->has_mode)
        p->mode = (uint16_t)in->mode;
    if (in->has_limit)
        p->limit_bytes = in->limit;
    if (in->has_maxrelativeexpiry)
        p->ttl_max_ms = in->maxrelativeexpiry;
    if (in->has_defaultreplication)
        p->replication = (uint16_t)in->defaultreplication;
    return true;
}

static bool load_directive(struct cache_table *t, const Pb__CacheDirectiveInfoProto *in)
{
    struct cache_pool *pool = in && in->pool ? cache_pool_find(t, in->pool) : NULL;
    struct cache_directive *d;

    if (!pool || !in->path || in->id <= 0 || cache_directive_find(t, (uint64_t)in->id))
        return false;
    d = make_directive(t, (uint64_t)in->id, in->path, pool);
    d->replication = (uint16_t)in->replication;
    d->expires_ms = in->expiration ? in->expiration->millis : CACHE_NEVER;
    return true;
}

int cache_table_load(struct cache_table *t, struct rd section, struct err *err)
{
    Img__CacheManagerSection *head;
    struct arena arena;
    bool good;

    arena_init(&arena, SECTION_MAX);
    head = next_message(&section, &img__cache_manager_section__descriptor, &arena);
    good = head != NULL;
    for (uint32_t i = 0; good && i < head->numpools; i++)
        good = load_pool(t, next_message(&section, &pb__cache_pool_info_proto__descriptor, &arena));
    for (uint32_t i = 0; good && i < head->numdirectives; i++)
        good = load_directive(
            t, next_message(&section, &pb__cache_directive_info_proto__descriptor, &arena));
    if (good && head->nextdirectiveid > t->next_id)
        t->next_id = head->nextdirectiveid;
    arena_done(&arena);
    return good ? 0 : err_set(err, ERR_CORRUPT, "cache pools and directives that do not parse");
}

static void put_message(struct buf *out, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p;

    buf_put_varint(out, n);
    p = buf_grow(out, n);
    if (p)
        protobuf_c_message_pack(m, p);
}

static void save_pool(const struct cache_pool *p, struct buf *out)
{
    Pb__CachePoolInfoProto m = PB__CACHE_POOL_INFO_PROTO__INIT;

    m.poolname = p->name;
    m.ownername = p->owner;
    m.groupname = p->group;
    m.has_mode = m.has_limit = m.has_maxrelativeexpiry = 1;
    m.mode = p->mode;
    m.limit = p->limit_bytes;
    m.maxrelativeexpiry = p->ttl_max_ms;
    m.has_defaultreplication = p->replication != 1;
    m.defaultreplication = p->replication;
    put_message(out, &m.base);
}

static void save_directive(const struct cache_directive *d, struct buf *out)
{
    Pb__CacheDirectiveInfoExpirationProto e = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__CacheDirectiveInfoProto m = PB__CACHE_DIRECTIVE_INFO_PROTO__INIT;

    e.millis = d->expires_ms;
    m.has_id = m.has_replication = 1;
    m.id = (int64_t)d->id;
    m.path = d->path;
    m.replication = d->replication;
    m.pool = d->pool->name;
    m.expiration = &e;
    put_message(out, &m.base);
}

void cache_table_save(const struct cache_table *t, struct buf *out)
{
    Img__CacheManagerSection head = IMG__CACHE_MANAGER_SECTION__INIT;

    head.nextdirectiveid = t->next_id;
    head.numpools = t->pool_count;
    head.numdirectives = t->directive_count;
    put_message(out, &head.base);
    for (uint32_t i = 0; i < t->pool_count; i++)
        save_pool(t->pools[i], out);
    for (uint32_t i = 0; i < t->directive_count; i++)
        save_directive(t->directives[i], out);
}

/* ---- digest ---- */

static uint64_t mix_text(uint64_t h, const char *s)
{
    return dcache_mix(h, dcache_hash(strlen(s), s, (unsigned)strlen(s)));
}

uint64_t cache_table_digest(const struct cache_table *t)
{
    uint64_t h = t->next_id;

    for (uint32_t i = 0; i < t->pool_count; i++) {
        const struct cache_pool *p = t->pools[i];

        h = mix_text(mix_text(mix_text(h, p->name), p->owner), p->group);
        h = dcache_mix(dcache_mix(h, p->mode), (uint64_t)p->limit_bytes);
        h = dcache_mix(h, (uint64_t)p->ttl_max_ms);
    }
    for (uint32_t i = 0; i < t->directive_count; i++) {
        const struct cache_directive *d = t->directives[i];

        h = mix_text(mix_text(dcache_mix(h, d->id), d->path), d->pool->name);
        h = dcache_mix(dcache_mix(h, d->replication), (uint64_t)d->expires_ms);
    }
    return h;
}
