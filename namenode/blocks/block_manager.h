/* block_manager.h -- where the replicas are, and getting them where they should be.
 *
 * Knows datanodes and their storages, takes reports and heartbeats, chooses targets, keeps the
 * queues of what is missing, too many or to be deleted, and the safe mode.  Its parts:
 *
 *   topology.c     racks: script, table or /default-rack
 *   datanodes.c    registered datanodes, their storages (16-bit numbers), who is stale or dead
 *   placement.c    choosing targets; when none is found it says why, node by node
 *   redundancy.c   queues by urgency, pending copies, work for datanodes
 *   group.c, rebuild.c  units of block groups: their states, and orders to decode or copy them
 *   invalidate.c   replicas to be deleted
 *   report.c       full and incremental block reports, in slices
 *   safemode.c     when writing may begin
 *   cache_monitor.c  which blocks datanodes are to keep in memory
 *   hosts.c        include and exclude files
 *   datanode_protocol.c  the RPC methods that datanodes call
 *
 * Nothing here is in the edit log: after a restart the datanodes tell it again.
 *
 * Thread:  with the namespace lock held, unless said.
 * Design:  docs/design/blocks.md, block-groups.md
 */
#ifndef DFS_NAMENODE_BLOCK_MANAGER_H
#define DFS_NAMENODE_BLOCK_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/conf.h"
#include "common/env.h"
#include "common/err.h"
#include "client_namenode.pb-c.h"
#include "hdfs.pb-c.h"
#include "namenode/namespace/cache_table.h"
#include "namenode/namespace/namespace.h"

struct block_manager;

/* How the recovery of a block ended (commitBlockSynchronization). */
struct bm_recovered {
    uint64_t block, file;
    uint64_t gs, length; /* the new ones */
    bool delete_block;   /* no datanode had any of it: take it out of the file */
    bool close_file;
};

struct bm_options {
    struct env *env;
    const struct conf *conf;
    struct namespace *ns;
    const char *pool_id, *cluster_id;
    uint32_t namespace_id;
    uint64_t created_ms;
    /* Takes and gives back the namespace lock, for work that goes in slices. */
    void (*lock)(void *ctx);
    void (*unlock)(void *ctx);
    /* Gives it back between two slices and takes it again when those who wait have had it.  NULL: gives
     * it back for a moment. */
    void (*let_others)(void *ctx);
    /* The recovery of a block has ended as @r says: put it into records (UPDATE_BLOCKS, CLOSE) and
     * commit them; with the lock held.  *mark gets the txid that the datanode's answer waits for. */
    int (*recovered)(void *ctx, const struct bm_recovered *r, uint64_t *mark, struct err *err);
    uint64_t (*last_txid)(void *ctx); /* told to datanodes; with the lock held.  May be NULL */
    bool (*upgrade_is_final)(
        void *ctx); /* whether there is no `previous` to go back to.  NULL: none */
    void *ctx;
};

int bm_new(const struct bm_options *o, struct block_manager **out, struct err *err);
void bm_free(struct block_manager *bm);
/* Reads its settings again, as they are now; takes the lock. */
void bm_read_settings(struct block_manager *bm, const struct conf *conf);
void bm_start(struct block_manager *bm); /* after loading: safe mode begins, the monitor runs */
void bm_stop(struct block_manager *bm);  /* without the lock */
/* One round of the monitor, as its thread does it several times a second: dead nodes, queues,
 * time-outs.  Without the lock.  For the simulator and tests, which do not bm_start the thread
 * but say when (bm_begin instead). */
void bm_tick(struct block_manager *bm);
void bm_begin(struct block_manager *bm); /* bm_start() without the thread */

/* ---- for clients ---- */

struct bm_target_request {
    const char *path;        /* for the message; NULL: none */
    const char *writer_host; /* address of the writer; NULL: anywhere */
    int count;               /* how many are wanted */
    uint64_t block_size;
    uint8_t storage_policy;      /* 0: HOT */
    const char *const *excluded; /* datanode UUIDs */
    int excluded_count;
    const char *const *chosen; /* UUIDs that the block is on already (getAdditionalDatanode) */
    int chosen_count;
    const char *const *favored; /* host:port */
    int favored_count;
    bool no_local_write; /* not on the writer's own, if there are others enough */
    /* The units of a block group: over as many racks as there are, and this many at least.  NULL:
     * a replicated block. */
    const struct ec_policy *coded;
};

/* Fills storages[] (room for count), in the order of the pipeline, and returns how many.  Fewer
 * than dfs.namenode.replication.min is -ERR_IO with Hadoop's whole sentence ("File /x could only
 * be written to 0 of the 1 minReplication nodes. There are ...") and, after it, each datanode
 * that was passed over and why: hand it on as it is.  For a block group it is fewer than it has data
 * units.  With chosen[] one more node is enough, and
 * none is 0. */
int bm_choose_targets(struct block_manager *bm, const struct bm_target_request *r,
                      uint16_t *storages, struct err *err);

/* The block is being written to these storages (addBlock, updatePipeline): the list replaces the
 * one before.  Of a block group it is by unit, 0 where a unit has none (any more). */
void bm_expect(struct block_manager *bm, uint64_t block, const uint16_t *storages, int count);
int bm_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, int max); /* no 0 */

/* Enough replicas are finalized for the file to be closed (dfs.namenode.replication.min)?  To be
 * asked after ns_block_commit(): a committed block with enough of them becomes BLOCK_COMPLETE
 * here, and replicas of another stamp or length are put aside. */
bool bm_is_complete_enough(struct block_manager *bm, uint64_t block);

/* Calls @fn once, with the lock held: soon as the block is complete enough (ok), or after
 * @timeout_ms (not ok).  For holding the answer to complete() and addBlock(). */
typedef void (*bm_waiter)(void *ctx, bool ok);
void bm_wait_complete(struct block_manager *bm, uint64_t block, int timeout_ms, bm_waiter fn,
                      void *ctx);

/* May the recovery of @block begin?  Not while a datanode that is alive leads one: those who ask
 * again and again (HBase's recoverLease) would else put every answer out of date.  Such an attempt
 * counts for thirty heartbeats, as in Hadoop. */
bool bm_may_recover(struct block_manager *bm, uint64_t block);

/* Starts the recovery of a block whose writer is gone, or that is to be cut (struct open_file): it
 * becomes BLOCK_UNDER_RECOVERY, and the next heartbeat of one of its datanodes carries the command.
 * @recovery_id is a fresh stamp.  False when no datanode was ever heard of that has any of it (then
 * the caller deletes the block if it is empty).  bm_options.recovered hears of the end. */
bool bm_begin_recovery(struct block_manager *bm, uint64_t block, uint64_t recovery_id);

/* The file was closed, or its replication changed: look at its blocks. */
void bm_check_file(struct block_manager *bm, uint64_t file);

/* LocatedBlock of @block at @offset in its file, sorted by distance to @reader_host. */
void bm_locate(struct block_manager *bm, const struct block_info *block, uint64_t offset,
               const char *reader_host, struct arena *arena, Pb__LocatedBlockProto *out);
/* The same for replies that are only packed, not looked at: locs are put in as bytes that were
 * packed when the datanode last spoke (unknown fields of tag 3), so that it costs a copy. */
void bm_locate_packed(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                      const char *reader_host, struct arena *arena, Pb__LocatedBlockProto *out);
/* LocatedBlock of a block that is to be written to @storages, in that order; of a block group they
 * are by unit, and 0 is nobody. */
void bm_located_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                        const uint16_t *storages, int count, struct arena *arena,
                        Pb__LocatedBlockProto *out);

/* LocatedBlock of a block that is being written, where bm_expect() was told that it is. */
void bm_located_expected(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                         struct arena *arena, Pb__LocatedBlockProto *out);
/* LocatedBlock without a place, for a new stamp: of a block group it still says which units are
 * being written. */
void bm_located_stamp(struct block_manager *bm, const struct block_info *block, struct arena *arena,
                      Pb__LocatedBlockProto *out);

/* Storage of a datanode by UUIDs, or -1. */
int bm_storage_number(struct block_manager *bm, const char *datanode_uuid, const char *storage_id);

/* Whose storage it is; NULL when nobody's.  Like the datanodes in every answer of this file, it
 * is a picture that nobody changes, kept for a minute after the lock was given back. */
const Pb__DatanodeInfoProto *bm_storage_datanode(struct block_manager *bm, uint16_t storage);
const char *bm_storage_id(struct block_manager *bm, uint16_t storage);

void bm_report_bad(struct block_manager *bm, uint64_t block, const char *datanode_uuid,
                   const char *storage_id, const char *why);

/* ---- for operators ---- */
struct bm_trouble { /* of replicated blocks, or of block groups */
    uint64_t low_redundancy, low_redundancy_highest, corrupt, missing;
    uint64_t bytes_in_future, pending_deletion;
};
struct bm_stats {
    uint64_t capacity, dfs_used, remaining, non_dfs_used, pool_used;
    struct bm_trouble replicated, groups;
    /* of both together */
    uint64_t under_replicated, corrupt_blocks, missing_blocks, missing_replication_one;
    uint64_t pending_replication, pending_deletion, scheduled_replication, bytes_in_future;
    int live, dead, stale, xceivers;
    int decommissioning, left_live, left_dead, entering_maintenance, away_live, away_dead;
    int racks; /* with a live datanode */
    uint64_t full_reports, incremental_reports, heartbeats, bad_replicas;
};
/* What there is of a block, as fsck counts it. */
struct bm_replicas {
    int expected, live, decommissioning, decommissioned, in_maintenance, corrupt, excess, stale;
    int pending;
    bool racks_enough;
};
void bm_count_replicas(struct block_manager *bm, uint64_t block, struct bm_replicas *out);
/* One of them, as fsck shows it. */
struct bm_replica {
    const Pb__DatanodeInfoProto *node; /* a picture, as that of bm_storage_datanode() */
    const char *storage_id;
    Pb__StorageTypeProto type;
    const char *corrupt; /* why, in Hadoop's word; NULL: it is well */
    bool excess, stale_node, stale_storage;
};
/* Fills @out with the replicas on live nodes, or with those that are being written; how many. */
int bm_list_replicas(struct block_manager *bm, uint64_t block, struct bm_replica *out, int max);
/* On how many racks the good ones are, of how many; true: as many as @wanted copies should be on. */
bool bm_racks_of(struct block_manager *bm, uint64_t block, int wanted, int *used, int *all);
/* Blocks without a good replica, by id from @after on; returns how many were written to @ids. */
int bm_missing_blocks(struct block_manager *bm, uint64_t after, uint64_t *ids, int max);

void bm_get_stats(struct block_manager *bm, struct bm_stats *out);
void bm_datanode_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                        struct arena *arena, Pb__DatanodeInfoProto ***out, size_t *count);
void bm_storage_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                       struct arena *arena, Pb__DatanodeStorageReportProto ***out, size_t *count);
/* The datanodes that others find slow; false for want of memory. */
bool bm_slow_datanodes(struct block_manager *bm, struct arena *arena, Pb__DatanodeInfoProto ***out,
                       size_t *count);
int bm_refresh_nodes(struct block_manager *bm,
                     struct err *err); /* may wait; takes the lock itself */

void bm_set_balancer_bandwidth(struct block_manager *bm, uint64_t bytes_per_s);

/* ---- the centralized cache ---- */

/* Has everything counted anew when directives have changed.  Without the lock; may take a while. */
void bm_cache_rescan(struct block_manager *bm);
void bm_cache_changed(struct block_manager *bm);
/* Bytes of one copy of what @path stands for: a file, or the files straight in a directory. */
struct cache_stats bm_cache_need(struct block_manager *bm, const char *path);

/* ---- safe mode ---- */
bool bm_in_safe_mode(struct block_manager *bm);
void bm_enter_safe_mode(struct block_manager *bm); /* an operator wants it */
/* Too little room for the edits, or enough again: disk_watch.h. It has no say over the other
 * reasons for safe mode; an operator's leave ends this one too, until the next look. */
void bm_set_low_on_resources(struct block_manager *bm, bool low);
bool bm_is_low_on_resources(struct block_manager *bm);
bool bm_in_startup_safe_mode(struct block_manager *bm); /* not the operator's */
/* False when it would lose blocks that datanodes have with stamps from the future; @force does. */
bool bm_leave_safe_mode(struct block_manager *bm, bool force);
void bm_safe_mode_tip(struct block_manager *bm, char *out, size_t n); /* Hadoop's sentence */

/* ---- DatanodeProtocol: the methods' table, with @bm as ctx; they take the lock themselves ---- */
struct rpc_protocol;
void bm_datanode_protocol(struct block_manager *bm, struct rpc_protocol *out);
void bm_lifeline_protocol(struct block_manager *bm, struct rpc_protocol *out);

#endif
