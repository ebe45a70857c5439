/* dataset_parts.h -- what the files that make up the dataset know of each other.
 *
 *   dataset.c       lookups, reading, deleting       drafts.c          who may write what
 *   dataset_volumes.c  volumes that come and go
 *   replica_scan.c  finding replicas at the start    replica_recovery.c   agreeing after a failure
 *   reaper.c        removing files behind the map    change_storage.c  to another kind of storage
 *
 * Lock order: dataset.volumes_lock, then dataset.lock, then draft.lock.
 */
#ifndef DFS_DATANODE_DATASET_PARTS_H
#define DFS_DATANODE_DATASET_PARTS_H

#include "datanode/dataset.h"
#include "datanode/meta_file.h"
#include "datanode/reaper.h"
#include "datanode/replica_map.h"

enum { REPLICA_PATH_MAX = PATH_MAX + 512 };

struct dataset {
    struct env *env;
    struct dataset_options options;
    pthread_mutex_t
        volumes_lock; /* of joining, adding and removing: disk calls are made under it */
    pthread_mutex_t lock;
    pthread_cond_t writer_gone;
    struct volume *volumes[VOLUMES_MAX]; /* of all that there were since the start */
    unsigned volume_count, next_volume;
    struct replica_map *map;
    struct draft **drafts; /* by number; slot 0 stays empty */
    uint32_t drafts_max;
    struct draft *dying; /* of deleted replicas, whose writers have not left yet */
    struct block_cache *files;
    struct reaper *reaper;
    struct pool_info pool;
    _Atomic bool joined; /* set when all of @pool is: transfers are served before */
    char uuid[ID_TEXT_MAX];
};

static inline struct draft *draft_of(const struct dataset *ds, const struct replica *r)
{
    return r->draft ? ds->drafts[r->draft] : NULL;
}

/* The replica's files are not what they were: nobody shall find them open, or in memory. */
static inline void dataset_changed(struct dataset *ds, uint64_t id)
{
    block_cache_forget(ds->files, id);
    if (ds->options.changed)
        ds->options.changed(ds->options.ctx, id);
}

/* Under the lock: the replica, or NULL with ERR_NO_REPLICA said to @err. */
struct replica *dataset_find_locked(struct dataset *ds, uint64_t id, struct err *err);

void facts_of(const struct dataset *ds, const struct replica *r, struct replica_facts *out);

/* drafts.c, under the lock: a draft for @r; NULL when out of memory.  Then one reference less. */
struct draft *draft_attach_locked(struct dataset *ds, struct replica *r);
void draft_unref_locked(struct dataset *ds, struct draft *d);
/* Takes the draft from the replica, which goes on without. */
void draft_detach_locked(struct dataset *ds, struct replica *r);

/* Stops the draft's writer, if it has one, and waits until it is gone; the lock is let go
 * meanwhile, so the caller looks the replica up again.  ERR_TIMEOUT when it doesn't go. */
int draft_stop_writer_locked(struct dataset *ds, struct draft *d, struct err *err);

/* drafts.c, under the lock: round robin over the volumes of the type that have room for the block;
 * NULL with ERR_NO_DISK said. */
struct volume *volume_for_locked(struct dataset *ds, Pb__StorageTypeProto type, uint64_t bytes,
                                 struct err *err);

/* Moves a replica's files from one home and stamp to another.  No lock held. */
struct replica_place {
    enum replica_home home;
    uint64_t stamp;
};
int replica_relocate(struct volume *v, uint64_t id, struct replica_place from,
                     struct replica_place to, struct err *err);
/* The same, on the disk for good when it is to be @durable; nothing to do when they are there.  On failure
 * they are where they were, unless not even that could be done. */
int replica_move_files(struct volume *v, uint64_t id, struct replica_place from,
                       struct replica_place to, bool durable, struct err *err);

/* dataset_volumes.c: the directories of the options, and the uuid that they agree on. */
int dataset_open_volumes(struct dataset *ds, struct err *err);

/* replica_scan.c: puts what the volume holds into the map; empties tmp/. */
int replica_scan(struct dataset *ds, struct volume *v, struct err *err);

#endif
