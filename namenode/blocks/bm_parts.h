/* bm_parts.h -- the block manager as its own parts see it.  Others include block_manager.h.
 *
 * One struct, one lock (the namespace's), a file for each part.  A part changes its own fields
 * and calls the others:
 *
 *   reports and heartbeats (datanode_protocol.c, report.c, datanodes.c)
 *      └─► replica added, removed, corrupt, being written (replicas.c, writing.c)
 *             └─► redundancy_check() (redundancy.c): too few, too many, or well
 *                    ├─► copies to be made (redundancy.c, placement.c)
 *                    └─► replicas to be deleted (invalidate.c, excess.c)
 *   monitor (block_manager.c): dead nodes, the sweep over all blocks (sweep.c), time-outs
 *
 * Always true, and checked by bm_check():
 *   B1  a storage number that a block lists belongs to a storage
 *   B2  storage.block_count is the number of blocks that list it
 *   B3  a block that is marked excess or corrupt on a storage is listed there
 *   B4  a block in the queue of those with too few copies exists and is complete
 *   B5  a unit that a block group lists is one that its policy has; the queues' counts of groups
 *       are right
 *
 * A replica's id is its block's; of a block group it is that of the unit (striping.h), and the
 * group's is the block. Calls say which of the two they want.
 */
#ifndef DFS_NAMENODE_BM_PARTS_H
#define DFS_NAMENODE_BM_PARTS_H

#include <pthread.h>
#include <uthash.h>

#include "datanode.pb-c.h"
#include "namenode/blocks/block_manager.h"
#include "namenode/blocks/block_table.h"
#include "namenode/blocks/hosts.h"
#include "namenode/blocks/topology.h"

enum {
    REPLICAS_MAX = 512, /* of one block; Hadoop's dfs.replication.max */
    STORAGES_MAX = 65000,
    STORAGES_PER_NODE_MAX = 256,
    MARKS_MAX = 12, /* replicas of one block that are marked at a time */
    TABLE_MAX = 1 << 28,
    CARD_LIFE_MS = 60000,
    SLICE_NS = 1000000, /* the lock is held about so long by work that goes in slices */
    SLICE_BLOCKS = 256, /* and the clock is looked at after so many blocks */
    WAITERS_MAX = 65536,
    SLOW_SHOWN_MAX = 256,
};

typedef Pb__DatanodeInfoProto__AdminState admin_state;
#define ADMIN_NORMAL PB__DATANODE_INFO_PROTO__ADMIN_STATE__NORMAL
#define ADMIN_LEAVING PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSION_INPROGRESS
#define ADMIN_LEFT PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSIONED

#define ADMIN_ENTERING PB__DATANODE_INFO_PROTO__ADMIN_STATE__ENTERING_MAINTENANCE
#define ADMIN_AWAY PB__DATANODE_INFO_PROTO__ADMIN_STATE__IN_MAINTENANCE

/* A picture of a datanode as answers show it: never changed, replaced by every heartbeat. */
struct node_card {
    Pb__DatanodeInfoProto info;
    Pb__DatanodeIDProto id;
    uint8_t *packed; /* its length and the message */
    size_t packed_n;
    /* strings and packed bytes follow */
};

/* Memory that answers may still point to: freed when it has been unused for CARD_LIFE_MS. */
struct put_away {
    struct put_away *next;
    uint64_t since_ms;
    void *memory;
};

struct storage {
    uint16_t number;
    Pb__StorageTypeProto type;
    bool read_only;
    bool failed;
    bool reported;         /* all its blocks, since the datanode registered */
    bool gone;             /* the sweep takes it off all blocks */
    uint64_t gone_sweep;   /* the first sweep that covers it */
    struct datanode *node; /* NULL: freed when the sweep has passed */
    char *uuid;
    uint64_t capacity, dfs_used, remaining, pool_used, non_dfs_used;
    uint64_t block_count;
    uint32_t scheduled, scheduled_before; /* blocks on their way here; ten minutes ago */
};

struct block_ref {
    uint64_t id, gs;
};

struct ref_queue { /* first in, first out */
    struct block_ref *refs;
    size_t head, count, room;
    size_t striped; /* how many are of units */
};

struct rebuild { /* units of a group to be decoded by one node */
    uint64_t group;
    uint16_t sources[GROUP_UNITS], targets[GROUP_UNITS]; /* the first target decodes */
    uint8_t units[GROUP_UNITS];                          /* that the sources have */
    int source_count, target_count;
    uint16_t busy; /* bits of units that are good, but whose nodes are busy */
};

struct transfer {
    uint64_t id, gs, length; /* of a replica */
    uint16_t targets[MARKS_MAX];
    int target_count;
};

struct rack {
    const char *place;
    struct datanode **nodes; /* alive */
    int count, room;
};

struct host {
    UT_hash_handle hh;
    struct datanode *first;
    char ip[];
};

struct datanode {
    UT_hash_handle hh; /* by uuid */
    char *uuid, *ip, *name, *software;
    uint32_t xfer_port, info_port, ipc_port, info_secure_port;
    const char *place;
    struct rack *rack; /* while alive */
    struct host *host;
    struct datanode *next_on_host;
    struct storage *storages[STORAGES_PER_NODE_MAX];
    int storage_count;
    bool alive, disallowed, registered;
    bool stale_counted;
    admin_state admin;
    uint64_t insufficient;      /* blocks that keep a leaving node from going */
    bool counted;               /* by the sweep that runs */
    uint64_t away_until_ms;     /* wall clock: the end of its maintenance */
    const char *upgrade_domain; /* the hosts file's; NULL: none */
    bool slow;                  /* others say so */
    uint64_t heard_ms, heard_wall_ms, report_ms, report_wall_ms; /* ms: monotonic */
    uint32_t xceivers, xmits, failed_volumes;
    uint64_t cache_capacity, cache_used, cache_promised, cache_told_ms;
    bool cache_news; /* for its next heartbeat */
    bool has_failures;
    struct node_card *card;
    struct transfer *transfers;
    int transfer_count, transfer_room;
    struct rebuild *rebuilds;
    int rebuild_count, rebuild_room;
    uint64_t *recover; /* blocks whose recovery it leads */
    int recover_count, recover_room;
    struct ref_queue invalidate;
    uint64_t lease_id, lease_until_ms;
    uint64_t bandwidth; /* to be told; 0: nothing */
    uint64_t accounted_xceivers;
    bool accounted;
    int index; /* in nodes[] */
};

struct writing_replica {
    uint16_t storage;
    uint8_t state; /* Pb__ReplicaStateProto */
    bool was_primary;
    uint8_t unit;        /* of a group */
    uint64_t gs, length; /* as last reported; 0: nothing was */
};
struct writing { /* a block that is not complete yet */
    struct block_entry e;
    struct writing_replica *replicas;
    uint32_t count, room;
    uint64_t recovery_id;
    uint64_t recover_until_ms; /* no other attempt before that; 0: none runs */
    uint16_t primary;          /* storage of the datanode that leads it */
    uint64_t gs; /* of the block when the pipeline was made; 0: it was only reported */
};

struct mark { /* by replica id */
    struct block_entry e;
    uint32_t count;
    uint16_t storages[MARKS_MAX];
    uint8_t why[MARKS_MAX];
    uint64_t gs[MARKS_MAX]; /* that the replica has: the datanode deletes no other */
};

struct pending {
    struct block_entry e;
    uint64_t since_ms;
    uint32_t count;
    bool decoding; /* units of a group, by rebuild.c */
    uint16_t targets[MARKS_MAX];
};

/* Lists of the table of blocks with too few copies: Hadoop's priorities. */
enum {
    NEED_HIGHEST,
    NEED_VERY_LOW,
    NEED_LOW,
    NEED_RACKS,
    NEED_LOST,
    NEED_LISTS,
};

enum corrupt_why { WHY_UNKNOWN, WHY_STAMP, WHY_LENGTH, WHY_STATE, WHY_REPORTED };

/* Replicas of a block by what they are worth; of a group live, leaving and left are units. */
struct counts {
    int live, stale, leaving, left, away, corrupt, excess;
    int duplicate; /* good replicas of units that are live without them */
    int listed;
};

struct waiter {
    uint64_t block, due_ms;
    bm_waiter fn;
    void *ctx;
};

enum safe_status { SAFE_OFF, SAFE_PENDING, SAFE_EXTENSION };
struct id_bits {
    uint64_t first, end; /* ids that it covers */
    uint64_t *bits;
};

struct safe_mode {
    enum safe_status status;
    bool manual; /* by an operator */
    bool low;    /* too little room for the edits: disk_watch.h */
    double threshold;
    uint64_t block_total, block_threshold, block_safe;
    int node_threshold, replication;
    uint64_t extension_ms, reached_ms, started_ms, told_ms;
    uint64_t bytes_in_future, striped_in_future; /* the second is part of the first */
    /* Which blocks make up block_safe, until safe mode is left: of groups the number of the group, and
     * ids from before Hadoop counted them up, which can be anything. */
    struct id_bits safe_blocks, safe_groups;
    struct block_table safe_others;
};

/* One full report being taken in: which replicas it named, so that the rest can be taken off. */
struct report_run {
    struct report_run *next;
    uint16_t storage;
    struct id_bits blocks, units;
    struct block_table others;  /* named ids below them */
    struct block_table deleted; /* reported as deleted since it began */
};

struct sweep {
    bool wanted, wanted_all;
    bool all;     /* the one that runs */
    uint64_t seq; /* of the one that runs or ran last */
    uint64_t decommission_due_ms;
};

struct block_manager {
    struct bm_options o;
    struct env *env;
    struct namespace *ns;
    char pool_id[128], cluster_id[128];
    struct topology *topology;
    struct hosts *hosts;

    int replication_min, replication_max, max_streams, max_streams_hard, work_multiplier;
    uint64_t dead_after_ms, stale_after_ms, recheck_ms, redundancy_ms, pending_ms, heartbeat_ms;
    bool avoid_slow_write;
    uint64_t slow_interval_ms; /* 0: who is slow is not asked */
    int slow_shown, slow_avoided;
    struct slow_peer *slow_peers; /* by address */
    bool avoid_stale_read, avoid_stale_write, avoid_slow_read, read_by_load, read_by_type;
    int maintenance_min, default_replication;
    int invalidate_limit, leases_max;
    uint64_t lease_ms, leaving_ms;
    double load_factor; /* 0: load does not matter */

    struct datanode *by_uuid;
    struct host *by_ip;
    struct datanode **nodes; /* all that registered */
    int node_count, node_room;
    struct datanode **live;
    int live_count, live_room;
    struct rack **racks;
    int rack_count, rack_room;
    int racks_used; /* with a live node */
    bool was_multi_rack;
    struct storage **storages; /* by number; 0 is nobody's */
    uint32_t storage_end, storage_room;
    struct put_away *away_first, *away_last;
    uint64_t xceivers_in_service;
    int in_service;
    uint64_t dead_checked_ms;

    struct block_table writing, corrupt, excess, needed, pending;
    uint32_t needed_groups[NEED_LISTS]; /* of those in @needed */
    struct block_table postponed;       /* too many, but some datanode has not reported */
    bool populating;                    /* the queues are being kept: not during start */
    uint64_t redundancy_due_ms, roll_due_ms;

    struct {
        struct block_table blocks;
        pthread_mutex_t scanning; /* taken before the lock */
        bool changed;             /* directives, since the last scan */
        uint64_t due_ms, refresh_ms, retry_ms, scan;
        uint32_t list; /* where new records of @blocks go */
    } cache;

    struct waiter *waiters;
    int waiter_count, waiter_room;
    struct report_run *runs;
    struct safe_mode safe;
    struct sweep sweep;
    uint64_t random_state;

    uint64_t full_reports, incremental_reports, heartbeats, bad_replicas;

    pthread_t thread;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    bool thread_runs, stopping;
};

static inline void bm_lock(struct block_manager *bm)
{
    bm->o.lock(bm->o.ctx);
}
static inline void bm_unlock(struct block_manager *bm)
{
    bm->o.unlock(bm->o.ctx);
}
static inline uint64_t bm_now(struct block_manager *bm)
{
    return env_mono_ms(bm->env);
}
uint32_t bm_random(struct block_manager *bm, uint32_t below);
/* The storages that list @block; @out has room for REPLICAS_MAX. */
static inline unsigned listed_on(struct block_manager *bm, uint64_t block, uint16_t *out)
{
    unsigned n = ns_block_storages(bm->ns, block, out, REPLICAS_MAX);

    return n < REPLICAS_MAX ? n : REPLICAS_MAX;
}
/* The same, and which unit each has (0 of a replicated block): @block and the unit is the
 * replica's id. */
static inline unsigned units_on(struct block_manager *bm, uint64_t block, uint16_t *out,
                                uint8_t *units)
{
    unsigned n = ns_block_units(bm->ns, block, out, units, REPLICAS_MAX);

    return n < REPLICAS_MAX ? n : REPLICAS_MAX;
}
/* Gives the lock back for a moment, so that others get it. */
void bm_breathe(struct block_manager *bm);
bool bm_reserve(void *array_at, int *room, int count, size_t each); /* room for one more */
void bm_check(struct block_manager *bm);                            /* MUSTs; slow */
void bm_fire_waiters(struct block_manager *bm, uint64_t block, bool ok);

/* ---- datanodes.c ---- */
struct datanode *datanode_find(struct block_manager *bm, const char *uuid);
struct datanode *datanode_on_host(struct block_manager *bm, const char *ip);
struct storage *storage_at(struct block_manager *bm, uint16_t number); /* NULL: none */
struct storage *storage_find(struct datanode *node, const char *uuid);
bool datanode_is_stale(struct block_manager *bm, const struct datanode *node);
bool datanode_in_service(const struct datanode *node);
const struct node_card *datanode_card(struct block_manager *bm, struct datanode *node);
void datanodes_check(struct block_manager *bm); /* who is dead? */
void datanodes_free_put_away(struct block_manager *bm, bool all);
void datanodes_free(struct block_manager *bm);
void datanode_dies(struct block_manager *bm, struct datanode *node, const char *why);
void datanode_goes_off(struct block_manager *bm, struct datanode *node); /* its replicas do */
void datanode_account(struct block_manager *bm, struct datanode *node);
void datanode_new_card(struct block_manager *bm, struct datanode *node);
void storages_after_sweep(struct block_manager *bm, uint64_t seq);
/* Registers who says @reg from @ip, in @place; what it replaces is dropped. */
int datanode_register(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg,
                      const char *ip, const char *place, struct err *err);
int datanode_beat(struct block_manager *bm, struct datanode *node,
                  const Pb__HeartbeatRequestProto *beat);
/* Finds or makes the storage; NULL when there are too many. */
struct storage *datanode_storage(struct block_manager *bm, struct datanode *node, const char *uuid,
                                 const Pb__DatanodeStorageProto *told);

/* ---- slow_peers.c: who is slow, as other datanodes tell ---- */
void slow_peers_reported(struct block_manager *bm, const struct datanode *by,
                         Pb__SlowPeerReportProto *const *reports, size_t n);
/* Those that most complain of, at most @max and SLOW_SHOWN_MAX; returns how many. */
int slow_peers_worst(struct block_manager *bm, struct datanode **out, int max);
void slow_peers_mark(struct block_manager *bm); /* sets datanode.slow */
void slow_peers_free(struct block_manager *bm);

/* ---- leaving.c: nodes that are emptied, in maintenance or shut out ---- */
static inline bool datanode_is_leaving(const struct datanode *n)
{
    return n->admin == ADMIN_LEAVING || n->admin == ADMIN_ENTERING;
}
static inline bool datanode_in_maintenance(const struct datanode *n)
{
    return n->admin == ADMIN_ENTERING || n->admin == ADMIN_AWAY;
}
void datanode_set_admin(struct block_manager *bm, struct datanode *node, admin_state admin);
/* What the hosts files want of it begins, or ends. */
void leaving_follow_hosts(struct block_manager *bm, struct datanode *node);
void leaving_watch(struct block_manager *bm, uint64_t now); /* asks for sweeps while nodes leave */
/* A sweep over all blocks finds out which of them hold a leaving node back: those that would be
 * too short without it. */
void leaving_count_begin(struct block_manager *bm);
void leaving_count_block(struct block_manager *bm, const struct block_info *b,
                         const uint16_t *storages, unsigned n);
void leaving_count_end(struct block_manager *bm);

/* ---- replicas.c: what a datanode has of a block ---- */
struct reported {
    uint64_t id, gs, length;
    Pb__ReplicaStateProto state;
};
void replica_reported(struct block_manager *bm, struct storage *st, const struct reported *r,
                      struct datanode *hint);
void replica_removed(struct block_manager *bm, struct storage *st, uint64_t id);
void replica_add(struct block_manager *bm, struct storage *st, const struct block_info *b,
                 uint64_t id, struct datanode *hint);
void replica_corrupt(struct block_manager *bm, struct storage *st, const struct block_info *b,
                     uint64_t id, enum corrupt_why why, uint64_t reported_gs);
bool replica_is_live(struct block_manager *bm, uint64_t id, const struct storage *st);
/* Adds one replica to @c. */
void replica_count(struct block_manager *bm, uint64_t id, const struct storage *st,
                   struct counts *c);
void replicas_count(struct block_manager *bm, uint64_t block, struct counts *out);
/* How many replicas make a block whole: dfs.namenode.replication.min, or a group's data units. */
int block_min(struct block_manager *bm, const struct block_info *b);
bool mark_has(const struct block_table *t, uint64_t id, uint16_t storage);
bool mark_add(struct block_table *t, uint64_t id, uint16_t storage, uint8_t why, uint64_t gs);
bool mark_remove(struct block_table *t, uint64_t id, uint16_t storage);
void mark_forget(struct block_table *t, uint64_t block); /* of a group those of all units */
/* Completes a committed block that has enough; true when it is complete. */
bool block_complete(struct block_manager *bm, uint64_t block);
void block_gone(void *bm, const struct block_info *b, const uint16_t *storages);

/* ---- writing.c: blocks under construction ---- */
struct writing *writing_find(struct block_manager *bm, uint64_t block);
void writing_reported(struct block_manager *bm, uint64_t block, struct storage *st,
                      const struct reported *r);
/* bm_expected(), and of a group which unit each is to have. */
int writing_expected(struct block_manager *bm, uint64_t block, uint16_t *storages, uint8_t *units,
                     int max);
void writing_forget(struct block_manager *bm, uint64_t block);
void writing_drop_storage(struct block_manager *bm, uint64_t id, uint16_t storage);
void writing_forget_storage(struct block_manager *bm, uint16_t storage);
/* Whoever leads recoveries on @node will not end them: others may. */
void writing_primary_gone(struct block_manager *bm, const struct datanode *node);
void writing_free(struct block_manager *bm);
/* Recovery commands for @node's heartbeat; NULL when there are none. */
Pb__BlockRecoveryCommandProto *writing_recoveries(struct block_manager *bm, struct datanode *node,
                                                  struct arena *arena);
int writing_synchronized(struct block_manager *bm,
                         const Pb__CommitBlockSynchronizationRequestProto *r, uint64_t *mark,
                         struct err *err);

/* ---- redundancy.c ---- */
struct placement;
void redundancy_check(struct block_manager *bm, const struct block_info *b, struct datanode *added,
                      struct datanode *hint);
void redundancy_forget(struct block_manager *bm, uint64_t block);
void redundancy_work(struct block_manager *bm);
void redundancy_timeouts(struct block_manager *bm);
void pending_add(struct block_manager *bm, uint64_t block, uint16_t storage);
void pending_done(struct block_manager *bm, uint64_t block, const struct datanode *node);
void pending_forget_storage(struct block_manager *bm, uint16_t storage);
int pending_count(struct block_manager *bm, uint64_t block);
/* Units of a group are no longer wanted: those that were to get them are told to delete them, which stops who makes
 * them. */
void rebuild_cancel(struct block_manager *bm, const struct block_info *b);
/* The same, when all that was missing is there. */
void rebuild_check(struct block_manager *bm, const struct block_info *b);
int block_replication(struct block_manager *bm, const struct block_info *b);
/* Copies that must be there and in service: fewer while some are in maintenance. */
int block_live_wanted(struct block_manager *bm, uint64_t block, int wanted, const struct counts *c);
bool block_racks_enough(struct block_manager *bm, uint64_t block, int wanted);

/* Has it a stream left for a block of that list of needs? */
bool node_may_send(struct block_manager *bm, const struct datanode *node, int need);
bool queue_transfer(struct datanode *node, const struct transfer *t);
/* Nodes that have the block, or will, are passed over; good replicas count for their racks. */
void placement_gather(struct block_manager *bm, uint64_t block, struct placement *p);

/* ---- rebuild.c: block groups that lack units ---- */
bool rebuild_order(struct block_manager *bm, const struct block_info *b, int need);
Pb__ErasureCodingPolicyProto *rebuild_policy(struct block_manager *bm, uint64_t file,
                                             struct arena *arena); /* NULL: no memory */
Pb__BlockECReconstructionCommandProto *rebuild_take(struct block_manager *bm, struct datanode *node,
                                                    struct arena *arena);

/* ---- excess.c ---- */
void excess_choose(struct block_manager *bm, const struct block_info *b, int wanted,
                   struct datanode *added, struct datanode *hint);
void excess_recheck_postponed(struct block_manager *bm);

/* ---- invalidate.c ---- */
void invalidate_add(struct block_manager *bm, struct datanode *node, uint64_t id, uint64_t gs);
void invalidate_forget(struct datanode *node);
uint64_t invalidate_count(struct block_manager *bm, bool striped);
Pb__BlockCommandProto *invalidate_take(struct block_manager *bm, struct datanode *node,
                                       struct arena *arena);

/* ---- placement.c ---- */
struct placement {
    struct datanode *writer;  /* NULL: not a datanode */
    const char *writer_place; /* NULL: unknown */
    int count;
    uint64_t block_size;
    uint8_t policy;
    uint16_t *chosen; /* those already there, then the new ones; room for all */
    int chosen_count;
    struct datanode **excluded; /* room for as many as there are nodes */
    int excluded_count;
    struct datanode *const *favored;
    int favored_count;
    bool no_local_write, new_block;
    bool spread; /* over as many racks as there are: block groups */
};
int placement_choose(struct block_manager *bm, struct placement *p); /* how many were added */
/* Why @node was not taken; NULL when it could have been. */
const char *placement_why_not(struct block_manager *bm, const struct placement *p,
                              struct datanode *node);
bool storage_policy_allows(uint8_t policy, Pb__StorageTypeProto type, bool new_block);

/* ---- locate.c ---- */
/* bm_located_targets(), but of a group the units are as told. */
void locate_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                    const uint16_t *storages, const uint8_t *units, int count, struct arena *arena,
                    Pb__LocatedBlockProto *out);

/* ---- report.c ---- */
int report_full(struct block_manager *bm, const char *node_uuid,
                const Pb__StorageBlockReportProto *r, struct err *err); /* without the lock */
void report_incremental(struct block_manager *bm, struct datanode *node,
                        const Pb__StorageReceivedDeletedBlocksProto *r);
void report_seen(struct block_manager *bm, uint16_t storage, uint64_t id, bool deleted);

bool bits_init(struct id_bits *b, uint64_t first, uint64_t end); /* all 0; false: no memory */

/* ---- datanode_protocol.c: the methods without the wire; they take the lock ---- */
int datanode_join(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg,
                  const char *ip, struct err *err);
int datanode_heartbeat(struct block_manager *bm, const Pb__HeartbeatRequestProto *r,
                       struct arena *arena, Pb__HeartbeatResponseProto *out, struct err *err);
int datanode_block_report(struct block_manager *bm, const Pb__BlockReportRequestProto *r,
                          struct arena *arena, Pb__BlockReportResponseProto *out, struct err *err);
int datanode_received(struct block_manager *bm, const Pb__BlockReceivedAndDeletedRequestProto *r,
                      struct err *err);

/* ---- cache_monitor.c ---- */
void cache_init(struct block_manager *bm);
void cache_free(struct block_manager *bm);
void cache_tick(struct block_manager *bm); /* without the lock */
bool cache_holds(struct block_manager *bm, uint64_t block, const struct datanode *node);
void cache_reported(struct block_manager *bm, struct datanode *node, const uint64_t *blocks,
                    size_t count);
void cache_node_gone(struct block_manager *bm, struct datanode *node);
/* What @node is to take into memory, and out of it; NULL: nothing, or told just before. */
void cache_commands(struct block_manager *bm, struct datanode *node, struct arena *arena,
                    Pb__BlockIdCommandProto **in, Pb__BlockIdCommandProto **out);

/* ---- sweep.c ---- */
/* Once more over all blocks: to take gone storages off (those alone are looked at then), or to
 * look at every one again (@all). */
void sweep_want(struct block_manager *bm, bool all);
void sweep_run(struct block_manager *bm); /* without the lock; all of it, in slices */

/* ---- safemode.c ---- */
void safe_mode_begin(struct block_manager *bm);
/* @b has @live replicas since one came or went. */
void safe_mode_free(struct block_manager *bm);
/* What there is of the block has changed: is it safe? Asking twice is asking once. */
void safe_mode_look(struct block_manager *bm, uint64_t block);
void safe_mode_block_made(struct block_manager *bm); /* one more is complete */
void safe_mode_block_gone(struct block_manager *bm, const struct block_info *b);
int safe_mode_needs(struct block_manager *bm, const struct block_info *b);
void safe_mode_future(struct block_manager *bm, const struct reported *r);
void safe_mode_check(struct block_manager *bm);

#endif
