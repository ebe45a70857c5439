/* op_cache.c -- pools and directives of the centralized cache.
 *
 * What is needed and what is cached is counted by the cache monitor; a question, and a directive that
 * must fit its pool, has it count first when something has changed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "namenode/namespace/access.h"
#include "namenode/namespace/cache_table.h"
#include "namenode/calls/client_protocol.h"

enum { FLAG_FORCE = 1 };

/* ---- who may ---- */

static bool may(const struct op *op, const struct cache_pool *p, int want)
{
    bool owner = strcmp(op->user->name, p->owner) == 0, group = user_in_group(op->user, p->group);

    if (op->user->is_super)
        return true;
    if (owner && (p->mode >> 6 & want) == want)
        return true;
    if (group && (p->mode >> 3 & want) == want)
        return true;
    return !owner && !group && (p->mode & want) == want;
}

static int check_write(struct op *op, const struct cache_pool *p)
{
    if (may(op, p, MAY_WRITE))
        return 0;
    return err_set(&op->err, ERR_ACCESS,
                   "Permission denied while accessing pool %s: user %s does not have WRITE "
                   "permissions.",
                   p->name, op->user->name);
}

/* ---- records ---- */

/* A record whose own bytes @put wrote; they are the call's. */
static int commit(struct op *op, enum edit_code code, struct buf *bytes)
{
    struct edit_op e = {.code = code};
    int rc;

    e.opaque = bytes->bytes;
    e.opaque_n = (uint32_t)bytes->n;
    rc = bytes->bad ? op_nomem(op) : op_commit(op, &e);
    if (rc == 0)
        bm_cache_changed(op->nn->bm);
    buf_done(bytes);
    return rc;
}

static int commit_pool(struct op *op, enum edit_code code, const Pb__CachePoolInfoProto *info)
{
    struct buf bytes;

    buf_init(&bytes, 1 << 20);
    cache_put_pool(&bytes, info);
    return commit(op, code, &bytes);
}

static int commit_directive(struct op *op, enum edit_code code,
                            const Pb__CacheDirectiveInfoProto *info)
{
    struct buf bytes;

    buf_init(&bytes, 1 << 20);
    cache_put_directive(&bytes, info);
    return commit(op, code, &bytes);
}

/* Takes the lock around a method that is called without; the answer waits for what it did. */
#define LOCKED(op, rc, work)                                                                       \
    do {                                                                                           \
        nn_lock((op)->nn);                                                                         \
        (rc) = (work);                                                                             \
        (op)->call->mark = journal_last_txid((op)->nn->journal);                                   \
        nn_unlock((op)->nn);                                                                       \
    } while (0)

/* ---- pools ---- */

static int check_pool_name(struct op *op, const char *name)
{
    return name && *name ? 0 : err_set(&op->err, ERR_IO, "invalid empty cache pool name");
}

static int check_pool_info(struct op *op, const Pb__CachePoolInfoProto *info)
{
    if (info->has_limit && info->limit < 0)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Limit is negative.");
    if (info->has_defaultreplication && (int32_t)info->defaultreplication < 0)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Default Replication is negative");
    if (info->has_maxrelativeexpiry && info->maxrelativeexpiry < 0)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Max relative expiry is negative.");
    if (info->has_maxrelativeexpiry && info->maxrelativeexpiry > CACHE_NEVER)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Max relative expiry is too big.");
    return check_pool_name(op, info->poolname);
}

int op_add_cache_pool(struct op *op, const Pb__AddCachePoolRequestProto *rq,
                      Pb__AddCachePoolResponseProto *rs)
{
    Pb__CachePoolInfoProto info = *rq->info;
    const char *name = info.poolname ? info.poolname : "";
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, "addCachePool")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot add cache pool%s", name)) < 0 ||
        (rc = check_pool_info(op, &info)) < 0)
        return rc;
    if (cache_pool_find(ns_cache(op->nn->ns), name))
        return err_set(&op->err, ERR_INVALID_REQUEST, "Cache pool %s already exists.", name);
    if (!info.ownername)
        info.ownername = (char *)op->user->name;
    if (!info.groupname)
        info.groupname = op->user->group_count ? (char *)op->user->groups[0] : "";
    if (!info.has_mode)
        info.mode = 0755;
    if (!info.has_limit)
        info.limit = INT64_MAX;
    if (!info.has_maxrelativeexpiry)
        info.maxrelativeexpiry = CACHE_NEVER;
    if (!info.has_defaultreplication)
        info.defaultreplication = 1;
    info.has_mode = info.has_limit = info.has_maxrelativeexpiry = info.has_defaultreplication = 1;
    return commit_pool(op, EDIT_ADD_CACHE_POOL, &info);
}

int op_modify_cache_pool(struct op *op, const Pb__ModifyCachePoolRequestProto *rq,
                         Pb__ModifyCachePoolResponseProto *rs)
{
    const char *name = rq->info->poolname ? rq->info->poolname : "";
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, "modifyCachePool")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot modify cache pool%s", name)) < 0 ||
        (rc = check_pool_info(op, rq->info)) < 0)
        return rc;
    if (!cache_pool_find(ns_cache(op->nn->ns), name))
        return err_set(&op->err, ERR_INVALID_REQUEST, "Cache pool %s does not exist.", name);
    return commit_pool(op, EDIT_MODIFY_CACHE_POOL, rq->info);
}

static bool path_is_shared(const struct cache_table *t, const struct cache_directive *d)
{
    for (uint32_t i = 0; i < t->directive_count; i++)
        if (t->directives[i]->pool != d->pool && strcmp(t->directives[i]->path, d->path) == 0)
            return true;
    return false;
}

/* Hadoop's namenode, when it replays the end of a pool, forgets the paths of its directives for other
 * pools' directives too, and stops at the next record of one of those.  So those that share a path
 * end by records of their own before; these have no caller: a retry finds the pool's record alone. */
static int end_shared_directives(struct op *op, const char *pool)
{
    const struct cache_table *t = ns_cache(op->nn->ns);
    int rc = 0;

    for (uint32_t i = t->directive_count; i-- > 0 && rc == 0;) {
        const struct cache_directive *d = t->directives[i];
        struct edit_op e = {.code = EDIT_REMOVE_CACHE_DIRECTIVE, .call_id = -2};
        struct buf bytes;

        if (strcmp(d->pool->name, pool) != 0 || !path_is_shared(t, d))
            continue;
        buf_init(&bytes, 64);
        buf_put_be(&bytes, d->id, 8);
        e.opaque = bytes.bytes;
        e.opaque_n = (uint32_t)bytes.n;
        rc = bytes.bad ? op_nomem(op) : nn_commit(op->nn, &e, &op->err);
        buf_done(&bytes);
    }
    return rc;
}

int op_remove_cache_pool(struct op *op, const Pb__RemoveCachePoolRequestProto *rq,
                         Pb__RemoveCachePoolResponseProto *rs)
{
    struct buf bytes;
    int rc;

    (void)rs;
    if ((rc = op_check_super(op, "removeCachePool")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot modify cache pool%s", rq->poolname)) < 0 ||
        (rc = check_pool_name(op, rq->poolname)) < 0)
        return rc;
    if (!cache_pool_find(ns_cache(op->nn->ns), rq->poolname))
        return err_set(&op->err, ERR_INVALID_REQUEST, "Cannot remove non-existent cache pool %s",
                       rq->poolname);
    if ((rc = end_shared_directives(op, rq->poolname)) < 0)
        return rc;
    buf_init(&bytes, 1 << 20);
    cache_put_name(&bytes, rq->poolname);
    return commit(op, EDIT_REMOVE_CACHE_POOL, &bytes);
}

struct pool_entry {
    Pb__CachePoolEntryProto entry;
    Pb__CachePoolInfoProto info;
    Pb__CachePoolStatsProto stats;
};

/* Who may not read a pool learns its name. */
static Pb__CachePoolEntryProto *tell_pool(struct op *op, const struct cache_pool *p)
{
    struct pool_entry *e = arena_alloc(op->arena, sizeof *e);

    if (!e)
        return NULL;
    pb__cache_pool_entry_proto__init(&e->entry);
    pb__cache_pool_info_proto__init(&e->info);
    pb__cache_pool_stats_proto__init(&e->stats);
    e->entry.info = &e->info;
    e->entry.stats = &e->stats;
    if (!(e->info.poolname = op_copy(op, p->name)))
        return NULL;
    if (!may(op, p, MAY_READ))
        return &e->entry;
    e->info.ownername = op_copy(op, p->owner);
    e->info.groupname = op_copy(op, p->group);
    e->info.has_mode = e->info.has_limit = e->info.has_maxrelativeexpiry = 1;
    e->info.mode = p->mode;
    e->info.limit = p->limit_bytes;
    e->info.maxrelativeexpiry = p->ttl_max_ms;
    e->info.has_defaultreplication = 1;
    e->info.defaultreplication = p->replication;
    e->stats.bytesneeded = p->stats.bytes_needed;
    e->stats.bytescached = p->stats.bytes_cached;
    e->stats.filesneeded = p->stats.files_needed;
    e->stats.filescached = p->stats.files_cached;
    if (p->stats.bytes_needed > p->limit_bytes)
        e->stats.bytesoverlimit = p->stats.bytes_needed - p->limit_bytes;
    return &e->entry;
}

static int list_pools(struct op *op, const char *after, Pb__ListCachePoolsResponseProto *rs)
{
    const struct cache_table *t = ns_cache(op->nn->ns);
    size_t max = (size_t)conf_int(op->nn->conf, OPT_cache_pools_listed);
    uint32_t at = cache_pool_after(t, after);

    if (max > t->pool_count)
        max = t->pool_count;
    if (!(rs->entries = arena_alloc(op->arena, (max + 1) * sizeof *rs->entries)))
        return op_nomem(op);
    for (; at < t->pool_count && rs->n_entries < max; at++)
        if (!(rs->entries[rs->n_entries++] = tell_pool(op, t->pools[at])))
            return op_nomem(op);
    rs->hasmore = at < t->pool_count;
    return 0;
}

int op_list_cache_pools(struct op *op, const Pb__ListCachePoolsRequestProto *rq,
                        Pb__ListCachePoolsResponseProto *rs)
{
    int rc;

    bm_cache_rescan(op->nn->bm);
    LOCKED(op, rc, list_pools(op, rq->prevpoolname, rs));
    return rc;
}

/* ---- directives: what they may be ---- */

static int find_pool(struct op *op, const char *name, struct cache_pool **out)
{
    if (!name)
        return err_set(&op->err, ERR_INVALID_REQUEST, "No pool specified.");
    if (!*name)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Invalid empty pool name.");
    *out = cache_pool_find(ns_cache(op->nn->ns), name);
    return *out ? 0 : err_set(&op->err, ERR_INVALID_REQUEST, "Unknown pool %s", name);
}

static int check_path(struct op *op, const char *path)
{
    if (!path)
        return err_set(&op->err, ERR_INVALID_REQUEST, "No path specified.");
    if (!op_name_is_valid(path))
        return err_set(&op->err, ERR_INVALID_REQUEST, "Invalid path '%s'.", path);
    return 0;
}

static int check_replication(struct op *op, int32_t replication)
{
    if (replication > 0)
        return 0;
    return err_set(&op->err, ERR_INVALID_REQUEST, "Invalid replication factor %d <= 0",
                   replication);
}

static const char *expiry_text(struct op *op, const Pb__CacheDirectiveInfoExpirationProto *e)
{
    int64_t ms = e->millis, s = ms / 1000;
    time_t at = (time_t)s;
    char text[64] = "";
    struct tm tm;

    if (e->isrelative)
        return arena_printf(op->arena, "%03" PRId64 ":%02d:%02d:%02d.%03d", s / 86400,
                            (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60),
                            (int)(ms % 1000));
    if (localtime_r(&at, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &tm);
    return op_copy(op, text);
}

/* *out: when it expires, since 1970. Without an expiry of its own, after the pool's longest. */
static int check_expiry(struct op *op, const Pb__CacheDirectiveInfoExpirationProto *e,
                        const struct cache_pool *pool, int64_t *out)
{
    int64_t now = (int64_t)op->now_ms, relative;

    if (!e) {
        *out = now + pool->ttl_max_ms;
        return 0;
    }
    if (e->millis < 0)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Cannot set a negative expiration: %" PRId64,
                       e->millis);
    relative = e->isrelative ? e->millis : e->millis - now;
    if (relative > CACHE_NEVER)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Expiration %s is too far in the future!",
                       expiry_text(op, e));
    if (relative > pool->ttl_max_ms)
        return err_set(&op->err, ERR_INVALID_REQUEST,
                       "Expiration %s exceeds the max relative expiration time of %" PRId64 " ms.",
                       expiry_text(op, e), pool->ttl_max_ms);
    *out = now + relative;
    return 0;
}

static int check_limit(struct op *op, const struct cache_pool *pool, const char *path,
                       uint16_t replication)
{
    struct cache_stats need = bm_cache_need(op->nn->bm, path);

    if (pool->limit_bytes == INT64_MAX ||
        pool->stats.bytes_needed + need.bytes_needed * replication <= pool->limit_bytes)
        return 0;
    return err_set(&op->err, ERR_INVALID_REQUEST,
                   "Caching path %s of size %" PRId64 " bytes at replication %u would exceed pool "
                   "%s's remaining capacity of %" PRId64 " bytes.",
                   path, need.bytes_needed, replication, pool->name,
                   pool->limit_bytes - pool->stats.bytes_needed);
}

/* ---- directives ---- */

/* The pool's sum is right again only after the next count; until then it is about so. */
static void count_new(struct op *op, uint64_t id)
{
    struct cache_directive *d = cache_directive_find(ns_cache(op->nn->ns), id);
    struct cache_stats need = bm_cache_need(op->nn->bm, d->path);

    d->stats.bytes_needed += need.bytes_needed;
    d->pool->stats.bytes_needed += need.bytes_needed;
}

static int add_directive(struct op *op, const Pb__CacheDirectiveInfoProto *info, bool force,
                         int64_t *id)
{
    Pb__CacheDirectiveInfoExpirationProto expiry = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__CacheDirectiveInfoProto whole = *info;
    struct cache_pool *pool;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot add cache directive")) < 0)
        return rc;
    if (info->has_id)
        return err_set(&op->err, ERR_IO,
                       "addDirective: you cannot specify an ID for this operation.");
    if ((rc = find_pool(op, info->pool, &pool)) < 0 || (rc = check_write(op, pool)) < 0 ||
        (rc = check_path(op, info->path)) < 0)
        return rc;
    if (!whole.has_replication)
        whole.replication = pool->replication;
    if ((rc = check_replication(op, (int32_t)whole.replication)) < 0 ||
        (rc = check_expiry(op, info->expiration, pool, &expiry.millis)) < 0 ||
        (!force && (rc = check_limit(op, pool, info->path, (uint16_t)whole.replication)) < 0))
        return rc;
    whole.has_id = whole.has_replication = 1;
    whole.id = (int64_t)ns_cache(op->nn->ns)->next_id;
    whole.expiration = &expiry;
    if ((rc = commit_directive(op, EDIT_ADD_CACHE_DIRECTIVE, &whole)) < 0)
        return rc;
    count_new(op, (uint64_t)whole.id);
    *id = whole.id;
    return 0;
}

int op_add_cache_directive(struct op *op, const Pb__AddCacheDirectiveRequestProto *rq,
                           Pb__AddCacheDirectiveResponseProto *rs)
{
    bool force = rq->has_cacheflags && rq->cacheflags & FLAG_FORCE;
    int rc;

    if (!force)
        bm_cache_rescan(op->nn->bm);
    LOCKED(op, rc, add_directive(op, rq->info, force, &rs->id));
    return rc;
}

static int find_directive(struct op *op, int64_t id, struct cache_directive **out)
{
    if (id <= 0)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Invalid negative ID.");
    *out = cache_directive_find(ns_cache(op->nn->ns), (uint64_t)id);
    if (*out)
        return 0;
    return err_set(&op->err, ERR_INVALID_REQUEST, "No directive with ID %" PRId64 " found.", id);
}

/* The limit is asked only of a pool that it comes to: one that was forced in may be changed. */
static int check_destination(struct op *op, const struct cache_directive *d,
                             const Pb__CacheDirectiveInfoProto *info, bool force,
                             struct cache_pool **out)
{
    const char *path = info->path ? info->path : d->path;
    uint16_t replication = info->has_replication ? (uint16_t)info->replication : d->replication;
    int rc = find_pool(op, info->pool ? info->pool : d->pool->name, out);

    if (rc < 0 || *out == d->pool)
        return rc;
    if ((rc = check_write(op, *out)) < 0)
        return rc;
    return force ? 0 : check_limit(op, *out, path, replication);
}

static int modify_directive(struct op *op, const Pb__CacheDirectiveInfoProto *info, bool force)
{
    Pb__CacheDirectiveInfoExpirationProto expiry = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__CacheDirectiveInfoExpirationProto kept = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__CacheDirectiveInfoProto whole = *info;
    struct cache_directive *d;
    struct cache_pool *pool;
    int rc;

    if ((rc = op_check_safe_mode(op, "Cannot add cache directive")) < 0)
        return rc;
    if (!info->has_id)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Must supply an ID.");
    if ((rc = find_directive(op, info->id, &d)) < 0 || (rc = check_write(op, d->pool)) < 0 ||
        (info->path && (rc = check_path(op, info->path)) < 0) ||
        (info->has_replication && (rc = check_replication(op, (int32_t)info->replication)) < 0) ||
        (rc = check_destination(op, d, info, force, &pool)) < 0)
        return rc;
    kept.millis = d->expires_ms;
    if ((rc = check_expiry(op, info->expiration ? info->expiration : &kept, pool, &expiry.millis)) <
        0)
        return rc;
    if (info->expiration)
        whole.expiration = &expiry;
    return commit_directive(op, EDIT_MODIFY_CACHE_DIRECTIVE, &whole);
}

int op_modify_cache_directive(struct op *op, const Pb__ModifyCacheDirectiveRequestProto *rq,
                              Pb__ModifyCacheDirectiveResponseProto *rs)
{
    bool force = rq->has_cacheflags && rq->cacheflags & FLAG_FORCE;
    int rc;

    (void)rs;
    if (!force)
        bm_cache_rescan(op->nn->bm);
    LOCKED(op, rc, modify_directive(op, rq->info, force));
    return rc;
}

int op_remove_cache_directive(struct op *op, const Pb__RemoveCacheDirectiveRequestProto *rq,
                              Pb__RemoveCacheDirectiveResponseProto *rs)
{
    struct cache_directive *d;
    struct buf bytes;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot remove cache directives")) < 0 ||
        (rc = find_directive(op, rq->id, &d)) < 0 || (rc = check_write(op, d->pool)) < 0)
        return rc;
    buf_init(&bytes, 64);
    buf_put_be(&bytes, (uint64_t)rq->id, 8);
    return commit(op, EDIT_REMOVE_CACHE_DIRECTIVE, &bytes);
}

/* ---- listing directives ---- */

struct directive_entry {
    Pb__CacheDirectiveEntryProto entry;
    Pb__CacheDirectiveInfoProto info;
    Pb__CacheDirectiveInfoExpirationProto expiry;
    Pb__CacheDirectiveStatsProto stats;
};

static Pb__CacheDirectiveEntryProto *tell_directive(struct op *op, const struct cache_directive *d)
{
    struct directive_entry *e = arena_alloc(op->arena, sizeof *e);

    if (!e)
        return NULL;
    pb__cache_directive_entry_proto__init(&e->entry);
    pb__cache_directive_info_proto__init(&e->info);
    pb__cache_directive_info_expiration_proto__init(&e->expiry);
    pb__cache_directive_stats_proto__init(&e->stats);
    e->entry.info = &e->info;
    e->entry.stats = &e->stats;
    e->info.has_id = e->info.has_replication = 1;
    e->info.id = (int64_t)d->id;
    e->info.path = op_copy(op, d->path);
    e->info.replication = d->replication;
    e->info.pool = op_copy(op, d->pool->name);
    e->info.expiration = &e->expiry;
    e->expiry.millis = d->expires_ms;
    e->stats.bytesneeded = d->stats.bytes_needed;
    e->stats.bytescached = d->stats.bytes_cached;
    e->stats.filesneeded = d->stats.files_needed;
    e->stats.filescached = d->stats.files_cached;
    e->stats.hasexpired = d->expires_ms < (int64_t)op->now_ms;
    return e->info.path && e->info.pool ? &e->entry : NULL;
}

static bool matches(struct op *op, const Pb__CacheDirectiveInfoProto *filter,
                    const struct cache_directive *d)
{
    return (!filter->pool || strcmp(filter->pool, d->pool->name) == 0) &&
           (!filter->path || strcmp(filter->path, d->path) == 0) && may(op, d->pool, MAY_READ);
}

static int list_directives(struct op *op, const Pb__ListCacheDirectivesRequestProto *rq,
                           Pb__ListCacheDirectivesResponseProto *rs)
{
    const struct cache_table *t = ns_cache(op->nn->ns);
    const Pb__CacheDirectiveInfoProto *filter = rq->filter;
    size_t max = (size_t)conf_int(op->nn->conf, OPT_cache_directives_listed);
    uint32_t at = cache_directive_from(t, rq->previd < 0 ? 0 : (uint64_t)rq->previd + 1);
    int rc;

    if (filter->path && (rc = check_path(op, filter->path)) < 0)
        return rc;
    if (filter->has_replication)
        return err_set(&op->err, ERR_INVALID_REQUEST, "Filtering by replication is unsupported.");
    if (filter->has_id && !cache_directive_find(t, (uint64_t)filter->id))
        return err_set(&op->err, ERR_INVALID_REQUEST, "Did not find requested id %" PRId64,
                       filter->id);
    if (filter->has_id)
        at = cache_directive_from(t, (uint64_t)filter->id);
    if (max > t->directive_count)
        max = t->directive_count;
    if (!(rs->elements = arena_alloc(op->arena, (max + 1) * sizeof *rs->elements)))
        return op_nomem(op);
    for (; at < t->directive_count; at++) {
        const struct cache_directive *d = t->directives[at];

        if (filter->has_id && d->id != (uint64_t)filter->id)
            break;
        if ((rs->hasmore = rs->n_elements >= max))
            break;
        if (matches(op, filter, d) && !(rs->elements[rs->n_elements++] = tell_directive(op, d)))
            return op_nomem(op);
    }
    return 0;
}

int op_list_cache_directives(struct op *op, const Pb__ListCacheDirectivesRequestProto *rq,
                             Pb__ListCacheDirectivesResponseProto *rs)
{
    int rc;

    bm_cache_rescan(op->nn->bm);
    LOCKED(op, rc, list_directives(op, rq, rs));
    return rc;
}
