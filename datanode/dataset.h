/* dataset.h -- all replicas of this datanode, on all its volumes.
 *
 * Looking up, creating, closing and deleting replicas, and the rules under which a writer gets
 * one.  Bytes are read and written by sender.c and receiver.c through the descriptors that they
 * get here.
 *
 * A replica that somebody changes has a draft.  A draft has at most one writer.  Taking a draft
 * over stops the writer before: its connection is shut down, and it is waited for.
 *
 * Always true:
 *   D1  a replica is in the map exactly once, and its files are where its fields say, but for
 *       the moment between the two renames of a move (readers look twice)
 *   D2  acked <= received, and all bytes received are in the file and in the meta file
 *   D3  what is acknowledged is found again after a kill at any time
 *
 * Thread:  any that may wait.  One lock for the map and the drafts; no disk I/O under it.
 * Design:  docs/design/datanode.md
 */
#ifndef DFS_DATANODE_DATASET_H
#define DFS_DATANODE_DATASET_H

#include <pthread.h>

#include "datanode/block_files.h"
#include "datanode/volume.h"

struct dataset;

struct block {
    uint64_t id, stamp, bytes;
};

/* A replica that is being written, copied or recovered. */
struct draft {
    uint64_t id;
    struct volume *volume;
    int data_fd, meta_fd; /* the writer's; -1 when there is no writer */
    struct checksum sum;  /* of the meta file */
    uint64_t allocated;   /* bytes of the file that the disk has room for already */
    bool synced;          /* once, for the writer: it is durable when it is closed, too */
    uint64_t synced_to;   /* bytes of it that were there then */

    /* Under lock: */
    pthread_mutex_t lock;
    uint64_t received, acked;
    uint8_t last_sum[4]; /* of the chunk that byte received - 1 is in; for readers of the tail */
    bool has_last_sum;

    /* dataset.c's, under the dataset's lock: */
    uint32_t number, refs;
    enum replica_home home;
    uint64_t stamp;
    int64_t promised, counted; /* of the volume's promised and used */
    int writer_fd;
    bool writing, dead;
    struct draft *next_dying; /* in the dataset's list, while its writer holds it still */
    uint64_t recovery_id;
    enum replica_state recovered_from;
};

/* How a writer wants its replica. */
struct write_want {
    struct block block;
    uint64_t new_stamp, min_bytes, max_bytes; /* of an append or a recovery */
    Pb__StorageTypeProto type;
    struct checksum sum;
    bool temporary;
    int conn_fd; /* shut down to stop this writer */
};

struct dataset_options {
    struct env *env;
    char *const *dirs;
    int dir_count;
    uint64_t reserve_bytes;
    int failures_tolerated;
    bool sync_on_close;
    bool roll_back; /* to what was kept before an upgrade, when the pool is joined */
    /* What became of replicas on its own: for the namenode and the counters. */
    void (*deleted)(void *ctx, const struct volume *v, const struct block *b);
    void (*changed)(void *ctx, uint64_t id); /* under the lock; deleted, appended to, moved */
    /* One of a volume that was taken out; its files are still there. */
    void (*forgotten)(void *ctx, const struct volume *v, const struct block *b);
    void (*volume_failed)(void *ctx, const struct volume *v, const char *why);
    void *ctx;
};

/* Opens and locks the directories; one that can't be is left out, if so many may fail. */
int dataset_open(const struct dataset_options *o, struct dataset **out, struct err *err);
void dataset_close(struct dataset *ds);

/* Gives the directories to the pool (formatting fresh ones) and finds what replicas they hold.
 * A second call with the same pool does nothing; with another it is ERR_BAD_POOL. */
int dataset_join(struct dataset *ds, const struct pool_info *pool, struct err *err);
const struct pool_info *dataset_pool(const struct dataset *ds); /* NULL before joining */
const char *dataset_uuid(const struct dataset *ds);

/* All volumes that there were since the start; see volume_serves(). */
unsigned dataset_volume_count(const struct dataset *ds);
struct volume *dataset_volume(const struct dataset *ds, unsigned i);
size_t dataset_block_count(struct dataset *ds);

/* Something on @v failed with @rc: a full disk is nothing, else the volume is tried and, when
 * it is broken, dropped with all its replicas.  True when it was dropped. */
bool dataset_disk_error(struct dataset *ds, struct volume *v, int rc);

/* What a namenode says of upgrades (upgrade.h), to every volume; of rolling ones with every heartbeat. */
void dataset_rolling_upgrade(struct dataset *ds, bool under_way);
void dataset_finalize_upgrade(struct dataset *ds);

/* ---- volumes that come and go while all else goes on ---- */

/* Opens @spec's directory, gives it to the pool, formatting it when it is fresh, and finds what replicas it holds;
 * then it serves.  On failure nothing has changed but for what was formatted. */
int dataset_add_volume(struct dataset *ds, const char *spec, struct err *err);

/* Takes @v out: its writers are stopped, its replicas forgotten and told, its files left as they are, and its
 * directory is let go.  ERR_TIMEOUT: a writer does not end; all but the last has been done then. */
int dataset_remove_volume(struct dataset *ds, struct volume *v, struct err *err);

/* ---- reading ---- */

struct reading {
    struct block_files *files;
    struct volume *volume;
    enum replica_state state;
    uint64_t stamp, visible, on_disk;
    bool has_last_sum;
    uint8_t last_sum[4];
};

/* Opens @b for reading; a newer stamp than asked for is fine, an older one is not. */
int dataset_read(struct dataset *ds, const struct block *b, struct reading *out, struct err *err);
void reading_done(struct reading *r);

/* Copy of the replica's fields, its length being the visible one; ERR_NO_REPLICA. */
struct replica_facts {
    struct block block;
    enum replica_state state;
    struct volume *volume;
    enum replica_home home;
    uint64_t visible;
};
int dataset_facts(struct dataset *ds, uint64_t id, struct replica_facts *out, struct err *err);

/* ---- files in finalized/ that no replica knows of ---- */

enum { STRAYS_MAX = 256 }; /* at a time; the rest are found at the next look */

struct stray {
    uint64_t id, stamp; /* stamp 0: no meta file */
    bool has_block, has_meta;
    char *dir;
};
struct strays {
    struct stray list[STRAYS_MAX];
    unsigned count;
};
int dataset_find_strays(struct dataset *ds, struct volume *v, struct strays *out, struct err *err);
void strays_done(struct strays *s);

/* Makes a finalized replica of a block file that is still a stray; @out is what it is. A meta file
 * without a block is removed. ERR_NO_REPLICA: it is none any more. */
int dataset_take_stray(struct dataset *ds, struct volume *v, const struct stray *b,
                       struct replica_facts *out);

/* Walks over all replicas in slices: fills @out with up to @max, begin with *cursor 0. */
int dataset_list(struct dataset *ds, size_t *cursor, struct replica_facts *out, int max);

/* ---- writing: each gives the caller a draft to write, ended by close or abandon ---- */

int dataset_create(struct dataset *ds, const struct write_want *w, struct draft **out,
                   struct err *err);
int dataset_append(struct dataset *ds, const struct write_want *w, struct draft **out,
                   struct err *err);
int dataset_recover_append(struct dataset *ds, const struct write_want *w, struct draft **out,
                           struct err *err);
int dataset_recover_rbw(struct dataset *ds, const struct write_want *w, struct draft **out,
                        struct err *err);

/* The block was closed by its writer, but not all got to know: takes the new stamp, closes. */
int dataset_recover_close(struct dataset *ds, const struct write_want *w, struct replica_facts *out,
                          struct err *err);

/* What was written is on disk, and found there under its name. */
int dataset_sync(struct dataset *ds, struct draft *d, struct err *err);

/* Ends writing: the replica is FINALIZED, or (a copy for a pipeline) RBW with all bytes acked. */
int dataset_finalize(struct dataset *ds, struct draft *d, struct replica_facts *out,
                     struct err *err);
int dataset_to_rbw(struct dataset *ds, struct draft *d, struct err *err);

/* Gives the draft back.  Unfinished, a TEMPORARY replica goes away, and so does one of which
 * nothing is acked when @discard; others stay for a recovery. */
void dataset_release(struct dataset *ds, struct draft *d, bool discard);

/* Has the disk find room in big pieces, ahead of what is written up to @upto: on ext4 that makes
 * writing several times cheaper.  What is not used is given back when the writer ends. */
void draft_make_room(struct draft *d, uint64_t upto);

/* Counts @n bytes just written to the draft's files. */
void dataset_count_written(struct dataset *ds, struct draft *d, uint64_t n);

/* Shuts down the connections of all writers. */
void dataset_stop_writers(struct dataset *ds);

/* ---- recovery between datanodes ---- */

int dataset_init_recovery(struct dataset *ds, const struct block *b, uint64_t recovery_id,
                          struct replica_facts *out, struct err *err);
int dataset_finish_recovery(struct dataset *ds, const struct block *b, uint64_t recovery_id,
                            uint64_t new_id, uint64_t new_bytes, struct replica_facts *out,
                            struct err *err);

/* ---- to another kind of storage ---- */

/* Copies a finalized replica to a volume of @type, lets it stand there, and has the old files
 * removed; readers that have those open go on with them.  ERR_REPLICA_EXISTS when it is on @type
 * already, ERR_NO_REPLICA when it is not finalized or changes meanwhile; nothing has changed then. */
int dataset_change_storage(struct dataset *ds, const struct block *b, Pb__StorageTypeProto type,
                           struct replica_facts *out, struct err *err);

/* ---- deleting ---- */

/* Takes the replica out of the map at once and lets its files be removed behind. */
int dataset_delete(struct dataset *ds, const struct block *b, struct err *err);

/* Deletes of the same block pool still waiting for the disk. */
size_t dataset_deletes_pending(struct dataset *ds);

#endif
