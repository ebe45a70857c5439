/* cache_table.h -- pools and directives of the centralized cache: which paths datanodes are to keep in
 * memory, and on whose account.
 *
 * Part of the namespace: changed by records alone (cache_apply()), saved in the image.  What the
 * monitor (cache_monitor.c) counted stands beside it and is not part of the state.
 *
 * Always true: pools are sorted by name, directives by id; each directive has a pool.
 *
 * Thread:  namespace lock.
 * Memory:  malloc; what is handed out is valid until the next record.
 * Format:  docs/formats/edits.md, fsimage.md
 */
#ifndef DFS_NAMENODE_CACHE_TABLE_H
#define DFS_NAMENODE_CACHE_TABLE_H

#include "client_namenode.pb-c.h"
#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "namenode/edits/edit_op.h"

static const int64_t CACHE_NEVER = INT64_MAX / 4; /* Hadoop's longest time to live, in ms */

struct cache_stats {
    int64_t bytes_needed, bytes_cached, files_needed, files_cached;
};

struct cache_pool {
    char *name, *owner, *group;
    uint16_t mode;
    int64_t limit_bytes, ttl_max_ms;
    uint16_t replication; /* of directives that name none */
    struct cache_stats stats;
};

struct cache_directive {
    uint64_t id;
    char *path;
    uint16_t replication;
    struct cache_pool *pool;
    int64_t expires_ms; /* since 1970 */
    struct cache_stats stats;
};

struct cache_table {
    struct cache_pool **pools;
    uint32_t pool_count, pool_room;
    struct cache_directive **directives;
    uint32_t directive_count, directive_room;
    uint64_t next_id;
};

struct cache_table *cache_table_new(void); /* NULL: no memory */
void cache_table_free(struct cache_table *t);
uint64_t cache_table_digest(const struct cache_table *t);

struct cache_pool *cache_pool_find(const struct cache_table *t, const char *name); /* NULL: none */
uint32_t cache_pool_after(const struct cache_table *t, const char *name); /* index; "": the first */
struct cache_directive *cache_directive_find(const struct cache_table *t, uint64_t id);
uint32_t cache_directive_from(const struct cache_table *t, uint64_t id); /* index of the first */

/* ---- records ---- */

/* Carries out a record of a pool or a directive.  One that names what is not there is
 * ERR_INCONSISTENT, and changes nothing. */
int cache_apply(struct cache_table *t, const struct edit_op *op, struct err *err);

/* The records' own bytes, for edit_op.opaque: what @info has, and no more.  The expiry is a time
 * since 1970 already. */
void cache_put_pool(struct buf *out, const Pb__CachePoolInfoProto *info);
void cache_put_directive(struct buf *out, const Pb__CacheDirectiveInfoProto *info);
void cache_put_name(struct buf *out, const char *pool);

/* ---- the image's section ---- */

int cache_table_load(struct cache_table *t, struct rd section, struct err *err);
void cache_table_save(const struct cache_table *t, struct buf *out);

#endif
