/* block_manager.h -- where the replicas are, and getting them where they should be.
 *
 * Knows datanodes and their storages, takes reports and heartbeats, chooses targets, keeps the
 * queues of what is missing, too many or to be deleted, and the safe mode.  Its parts:
 *
 *   topology.c     racks: script, table or /default-rack
 *   datanodes.c    registered datanodes, their storages (16-bit numbers), who is stale or dead
 *   placement.c    choosing targets; when none is found it says why, node by node
 *   redundancy.c   queues by urgency, pending copies, work for datanodes
 *   invalidate.c   replicas to be deleted
 *   report.c       full and incremental block reports, in slices
 *   safemode.c     when writing may begin
 *   hosts.c        include and exclude files, decommissioning
 *
 * Nothing here is in the edit log: after a restart the datanodes tell it again.
 *
 * Thread:  with the namespace lock held, unless said.
 * Design:  docs/design/blocks.md
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
#include "namenode/namespace.h"

struct block_manager;

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
    void *ctx;
};

int bm_new(const struct bm_options *o, struct block_manager **out, struct err *err);
void bm_free(struct block_manager *bm);
void bm_start(struct block_manager *bm); /* after loading: safe mode begins, the monitor runs */
void bm_stop(struct block_manager *bm);  /* without the lock */

/* ---- for clients ---- */

struct bm_target_request {
    const char *writer_host;      /* address of the writer; NULL: anywhere */
    int count;                    /* how many are wanted */
    uint64_t block_size;
    uint8_t storage_policy;       /* 0: HOT */
    const char *const *excluded;  /* datanode UUIDs */
    int excluded_count;
    const char *const *chosen;    /* UUIDs that the block is on already (getAdditionalDatanode) */
    int chosen_count;
    const char *const *favored;   /* host:port */
    int favored_count;
    bool no_local_write;
};

/* Fills storages[] (room for count) and returns how many: at least one, or -ERR_IO with Hadoop's
 * sentence and, after it, each datanode that was passed over and why. */
int bm_choose_targets(struct block_manager *bm, const struct bm_target_request *r,
                      uint16_t *storages, struct err *err);

/* The block is being written to these storages. */
void bm_expect(struct block_manager *bm, uint64_t block, const uint16_t *storages, int count);
int bm_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, int max);

/* Enough replicas are finalized for the file to be closed (dfs.namenode.replication.min)? */
bool bm_is_complete_enough(struct block_manager *bm, uint64_t block);

/* Calls @fn once, with the lock held: soon as the block is complete enough (ok), or after
 * @timeout_ms (not ok).  For holding the answer to complete() and addBlock(). */
typedef void (*bm_waiter)(void *ctx, bool ok);
void bm_wait_complete(struct block_manager *bm, uint64_t block, int timeout_ms, bm_waiter fn,
                      void *ctx);

/* The file was closed, or its replication changed: look at its blocks. */
void bm_check_file(struct block_manager *bm, uint64_t file);

/* LocatedBlock of @block at @offset in its file, sorted by distance to @reader_host. */
void bm_locate(struct block_manager *bm, const struct block_info *block, uint64_t offset,
               const char *reader_host, struct arena *arena, Pb__LocatedBlockProto *out);
/* LocatedBlock of a block that is to be written to @storages, in that order. */
void bm_located_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                        const uint16_t *storages, int count, struct arena *arena,
                        Pb__LocatedBlockProto *out);

/* Storage of a datanode by UUIDs, or -1. */
int bm_storage_number(struct block_manager *bm, const char *datanode_uuid, const char *storage_id);

void bm_report_bad(struct block_manager *bm, uint64_t block, const char *datanode_uuid,
                   const char *storage_id, const char *why);

/* ---- for operators ---- */
struct bm_stats {
    uint64_t capacity, dfs_used, remaining, non_dfs_used, pool_used;
    uint64_t under_replicated, corrupt_blocks, missing_blocks, missing_replication_one;
    uint64_t pending_replication, pending_deletion, scheduled_replication, bytes_in_future;
    uint64_t low_redundancy_highest;
    int live, dead, stale, decommissioning, in_maintenance, xceivers;
    uint64_t full_reports, incremental_reports, heartbeats, bad_replicas;
};
void bm_get_stats(struct block_manager *bm, struct bm_stats *out);
void bm_datanode_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                        struct arena *arena, Pb__DatanodeInfoProto ***out, size_t *count);
void bm_storage_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                       struct arena *arena, Pb__DatanodeStorageReportProto ***out, size_t *count);
int bm_refresh_nodes(struct block_manager *bm, struct err *err); /* may wait; takes the lock itself */

/* ---- safe mode ---- */
bool bm_in_safe_mode(struct block_manager *bm);
void bm_enter_safe_mode(struct block_manager *bm, bool manual);
void bm_leave_safe_mode(struct block_manager *bm, bool force);
void bm_safe_mode_tip(struct block_manager *bm, char *out, size_t n); /* Hadoop's sentence */

/* ---- DatanodeProtocol: the methods' table, with @bm as ctx; they take the lock themselves ---- */
struct rpc_protocol;
void bm_datanode_protocol(struct block_manager *bm, struct rpc_protocol *out);

#endif
