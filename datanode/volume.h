/* volume.h -- one data directory: whose it is, where its files lie, how much room it has.
 *
 * A volume is opened (locked against other processes), then given to a cluster and a block pool:
 * a fresh directory is formatted, one of another cluster or pool is refused with both ids in the
 * text.  A VERSION file is written last, in one rename: what has none is not formatted yet.
 *
 * Layout:  docs/formats/block-files.md
 * Thread:  opened by one; then paths and room from any.
 */
#ifndef DFS_DATANODE_VOLUME_H
#define DFS_DATANODE_VOLUME_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/env.h"
#include "datanode/replica.h"
#include "hdfs.pb-c.h"

enum { DATANODE_LAYOUT = -57, ID_TEXT_MAX = 128 };

/* What does not SERVE is chosen for nothing and reported as nothing but, once FAILED, lost.  The struct of one that
 * was REMOVED stays for whoever still reads from it. */
enum volume_stage { VOLUME_COMING, VOLUME_SERVES, VOLUME_FAILED, VOLUME_REMOVED };

/* What a namenode has said of rolling upgrades. */
enum volume_rolling { ROLLING_UNKNOWN, ROLLING_UNDER_WAY, ROLLING_OVER };

struct volume {
    struct env *env;
    unsigned index;
    Pb__StorageTypeProto type;
    char root[PATH_MAX - 512];
    char pool_dir[PATH_MAX - 256]; /* root/current/BP-...; empty until joined */
    char storage_id[ID_TEXT_MAX];
    uint64_t reserve_bytes; /* dfs.datanode.du.reserved */
    int lock_fd;
    _Atomic int64_t used;     /* bytes of block and meta files of the pool */
    _Atomic int64_t promised; /* room that blocks being written may still take */
    _Atomic int64_t blocks;
    _Atomic int stage;
    _Atomic int rolling; /* upgrade.c's */
    _Atomic bool shares; /* files with `previous`: there is one */
    bool roll_back;      /* to what was kept, when it is given to the pool */
    unsigned writers;    /* the dataset's, under its lock */
    uint64_t failed_ms, failed_capacity;
    _Atomic uint64_t df_at_ms, df_total, df_free; /* what env_room() said last */
};

/* What a datanode and its namenode must agree upon. */
struct pool_info {
    char cluster_id[ID_TEXT_MAX];
    char pool_id[ID_TEXT_MAX];
    uint32_t namespace_id;
    uint64_t ctime_ms;
};

struct volume_room {
    uint64_t capacity, used, available, other; /* other: used by what isn't ours */
};

static inline bool volume_serves(const struct volume *v)
{
    return atomic_load(&v->stage) == VOLUME_SERVES;
}

static inline bool volume_failed(const struct volume *v)
{
    return atomic_load(&v->stage) == VOLUME_FAILED;
}

/* @spec is a directory with an optional "[SSD]" in front and an optional "file:" scheme; @path is a part of it. */
int volume_spec_parse(const char *spec, Pb__StorageTypeProto *type, const char **path,
                      struct err *err);

int volume_open(struct env *env, unsigned index, const char *spec, uint64_t reserve_bytes,
                struct volume **out, struct err *err);
void volume_unlock(struct volume *v); /* others may have the directory */
void volume_close(struct volume *v);

/* The uuid of the datanode that the directory says it belongs to; "" when it is fresh. */
int volume_owner(struct volume *v, char uuid[ID_TEXT_MAX], struct err *err);

int volume_join(struct volume *v, const struct pool_info *pool, const char *datanode_uuid,
                struct err *err);

/* Paths: of a block file, and of its meta file. */
void volume_block_path(const struct volume *v, enum replica_home home, uint64_t id, char *out,
                       size_t n);
void volume_meta_path(const struct volume *v, enum replica_home home, uint64_t id, uint64_t stamp,
                      char *out, size_t n);

/* Renames, making the directory of @to when it is missing. */
int volume_rename(struct volume *v, const char *from, const char *to, struct err *err);

/* Makes what replica @id is called in @home durable, its directories' own names too. */
int volume_sync_names(struct volume *v, enum replica_home home, uint64_t id, struct err *err);

void volume_room(struct volume *v, struct volume_room *out);
uint64_t volume_available(struct volume *v); /* for choosing: a second old at most */

/* Whether a small file can be written, synced and removed; else the disk counts as broken. */
int volume_probe(struct volume *v, struct err *err);

const char *storage_type_name(Pb__StorageTypeProto type);

#endif
