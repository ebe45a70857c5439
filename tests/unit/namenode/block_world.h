/* block_world.h -- a namespace, a block manager and modelled datanodes, in one thread, with a
 * clock that only moves when it is told to.
 *
 * A modelled datanode has one storage.  It registers, beats, carries out what it is told (copies
 * arrive at once, deletions too) and reports; what it holds is plain to see and to change.
 */
#ifndef TESTS_UNIT_NAMENODE_BLOCK_WORLD_H
#define TESTS_UNIT_NAMENODE_BLOCK_WORLD_H

#include "common/conf.h"
#include "namenode/blocks/bm_parts.h"

#define WORLD_POOL "BP-1-127.0.0.1-1"

enum { WORLD_NODES = 12, WORLD_HELD = 4096, WORLD_CONF = 32 };

struct held {
    uint64_t id, gs, length;
    Pb__ReplicaStateProto state;
};

struct model {
    char uuid[40], ip[20], storage[40];
    uint32_t port;
    bool up;
    uint64_t capacity, remaining;
    uint32_t xceivers;
    struct held held[WORLD_HELD];
    int held_count;
    int copies, deletions, recoveries, finalized; /* commands carried out */
    int orders, rebuilt;                          /* to decode units, and how many those were */
    bool never_done;                              /* with what it is to decode */
    int cancelled;                /* units that it was told to delete and has not got */
    size_t recovery_units;        /* of the last order to recover: a group's */
    uint64_t recovery_id, cut_to; /* of the last order to recover; 0: not to cut */
    uint64_t recover, copy_to;    /* the block that it names, the id of the cut */
    bool told_to_register;
};

struct world {
    struct env env; /* first */
    struct env_ops ops;
    uint64_t ms, step_ns; /* step: the clock moves so much with every look */
    int64_t skew_ms;      /* of the clock on the wall */
    struct conf *conf;
    struct namespace *ns;
    struct block_manager *bm;
    struct arena arena;
    struct model *nodes;
    int node_count, lock_depth;
    const char *defines[WORLD_CONF];
    int define_count;
    char table[300];
    struct bm_recovered recovered;
    int recovered_count;
    /* When set, does what the namenode does with a recovered block. */
    int (*on_recovered)(void *ctx, const struct bm_recovered *r, uint64_t *mark, struct err *err);
    void *recovered_ctx;
    struct err err;
};

/* Before world_open(): a setting. */
void world_set(struct world *w, const char *key_value);
void world_init(struct world *w);
void world_open(struct world *w);  /* the namespace is there, the block manager begins */
void world_close(struct world *w); /* checks, frees */

/* Before world_open(): the i-th node will be in the rack /r and the i-th letter. */
void world_racks(struct world *w, const char *letters);
struct model *world_node(struct world *w); /* registers, reports, beats */
struct model *world_node_of(struct world *w, uint16_t storage);
int model_register(struct world *w, struct model *m);
int model_beat(struct world *w, struct model *m);
int model_report(struct world *w, struct model *m);         /* everything, as packed buffers */
int model_report_numbers(struct world *w, struct model *m); /* in the old form */
void model_received(struct world *w, struct model *m, const struct held *h);
void model_deleted(struct world *w, struct model *m, uint64_t id, uint64_t gs);
/* commitBlockSynchronization by the one that led: it alone has the block, as @h says. */
int model_end_recovery(struct world *w, struct model *m, const struct held *h, uint64_t *mark);
struct held *model_holds(struct model *m, uint64_t id);
void model_put(struct model *m, uint64_t id, uint64_t gs, uint64_t length);
void model_drop(struct model *m, uint64_t id);
int model_fill_registration(struct world *w, struct model *m, Pb__DatanodeRegistrationProto *reg,
                            Pb__DatanodeIDProto *id, Pb__StorageInfoProto *s,
                            Pb__ExportedBlockKeysProto *keys, Pb__BlockKeyProto *key);

/* Moves the clock, all living datanodes beat every three seconds, the monitor ticks. */
void world_pass(struct world *w, uint64_t ms);

/* Files of one block.  Returns the block. */
uint64_t world_begin_file(struct world *w, const char *path, int replication, const char *writer);
/* A file of one block group: unit i on a node of its own. */
uint64_t world_begin_striped(struct world *w, const char *path, const char *policy);
uint64_t world_striped(struct world *w, const char *path, const char *policy, uint64_t length);
struct model *world_holder(struct world *w, uint64_t id); /* one that is up and has it, or NULL */
void world_finish_file(struct world *w, const char *path, uint64_t block, uint64_t length);
uint64_t world_file(struct world *w, const char *path, int replication, uint64_t length);
void world_set_replication(struct world *w, const char *path, int replication);
void world_delete(struct world *w, const char *path);
int world_live(struct world *w, uint64_t block); /* good replicas, by the block manager */
int world_held(struct world *w, uint64_t block); /* replicas on living datanodes */

/* All at once: racks (a letter each; NULL: one rack), the manager, and @nodes datanodes. */
void world_start(struct world *w, int nodes, const char *racks);

#endif
