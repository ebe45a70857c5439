/* actor.h -- this datanode toward one namenode: registration, heartbeats, reports, orders.
 *
 * An actor never gives up: a namenode that is not there yet, restarts or moves to another
 * address is tried again for ever.  It has two threads: one for registration, heartbeats, full
 * reports and orders, and one that only sends incremental reports, at once.
 *
 * A namenode that holds the answer to `complete` until the block was reported (ours does) is told
 * of a received block by the thread that received it, which does not wait for the answer either
 * when the block has this one replica.  Of several replicas the namenode must know all before the
 * client hears the last acknowledgement: an append would begin without those that it does not.
 *
 * Thread:  as said at each call.
 * Design:  docs/design/datanode.md, "Toward the namenode"
 */
#ifndef DFS_DATANODE_ACTOR_H
#define DFS_DATANODE_ACTOR_H

#include <pthread.h>

#include "common/arena.h"
#include "datanode.pb-c.h"
#include "datanode/datanode.h"
#include "proto/rpc_client.h"

enum report_kind { REPORT_RECEIVING = 1, REPORT_RECEIVED = 2, REPORT_DELETED = 3 }; /* the wire's */

/* A block that a namenode is to hear of. */
struct notice {
    struct notice *next;
    const struct volume *volume;
    struct block block;
    enum report_kind kind;
    bool alone; /* received, and no other datanode has it: nobody waits */
    char del_hint[ID_TEXT_MAX];
};

struct actor {
    struct datanode *dn;
    char address[NET_HOST_MAX + 8];
    struct rpc_client *rpc;
    pthread_t thread, notice_thread;

    pthread_mutex_t lock;
    uint64_t next_slow_ms; /* when slow peers are told again; the actor's thread alone */
    pthread_cond_t changed;
    _Atomic bool stop; /* set under the lock */
    bool kick;         /* a heartbeat is wanted now */

    /* Under the lock: incremental reports. */
    struct notice *first, **last;
    size_t notice_count;
    bool urgent;
    uint64_t issued, sent; /* tickets */

    pthread_mutex_t posting; /* before @lock: reports leave in the order of their notices */

    /* Under the lock: full reports. */
    bool full_due;
    uint64_t next_full_ms, lease;
    uint64_t next_cache_ms; /* the thread's alone */

    _Atomic bool registered, healthy, active;
    _Atomic bool holds; /* the answer to `complete`, until a report comes */
    _Atomic uint64_t last_heartbeat_ms;
};

int actor_start(struct datanode *dn, const char *address, struct actor **out, struct err *err);
/* Ends its threads; notices may still be given to it, and go nowhere, until it is freed. */
void actor_stop(struct actor *a);
void actor_free(struct actor *a); /* NULL is allowed */

/* Any thread: hands over a notice (malloc'd, owned by the actor from now on). */
void actor_notice(struct actor *a, struct notice *n, uint64_t ticket);
void actor_wait(struct actor *a, uint64_t ticket, uint64_t until_ms, bool alone);
/* Any thread: a report is wanted now. */
void actor_trigger(struct actor *a, bool incremental);

/* Builds the registration that goes with each call; @parts must outlive the call. */
struct registration {
    Pb__DatanodeRegistrationProto proto;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto storage;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
};
void registration_init(struct datanode *dn, struct registration *r);

/* incremental.c: the thread that sends notices. */
void *actor_send_notices(void *arg);
void actor_drop_notices_locked(struct actor *a);

/* block_report.c: sends all replicas, split by volume; an order may answer it. */
int actor_full_report(struct actor *a, uint64_t lease, struct err *err);

/* commands.c: does what the namenode says; true when it says to register again. */
bool actor_obey(struct actor *a, Pb__DatanodeCommandProto *const *commands, size_t n);

/* recovery_worker.c: leads the recovery of a block, on a thread of the crew. */
int recover_later(struct actor *a, const Pb__RecoveringBlockProto *block, struct err *err);

#endif
