/* namenode.h -- the daemon's parts, and the one lock they share.
 *
 * Only wiring.c makes and joins the parts; the methods of ClientProtocol (client_protocol.c and
 * the op_*.c that it calls) and the HTTP pages see all of them through this.
 *
 * The namespace lock is one mutex.  Whoever holds it neither waits nor does I/O.  A change is
 * checked, built as a record and given to nn_commit() under it; the reply carries the txid as
 * its mark and is sent when that is durable.  So is a reply to a question: it may show a change
 * that is not durable yet.
 */
#ifndef DFS_NAMENODE_NAMENODE_H
#define DFS_NAMENODE_NAMENODE_H

#include <pthread.h>

#include "common/conf.h"
#include "common/env.h"
#include "namenode/blocks/block_manager.h"
#include "namenode/edits/journal.h"
#include "namenode/edits/name_dir.h"
#include "namenode/namespace/namespace.h"

struct rpc_protocol;

struct namenode {
    struct env *env;
    const struct conf *conf;
    pthread_mutex_t lock;
    pthread_mutex_t turn; /* who works in slices holds it first, while it has the lock: wiring.c */
    _Atomic int waiting;  /* for the lock; not those who come with a turn */
    struct namespace *ns;
    struct name_dirs *dirs;
    struct journal *journal;
    struct edit_tail *edit_tail; /* the journal, for those who follow it */
    struct block_manager *bm;
    struct retry_cache *retry_cache;
    struct users *users; /* groups, superuser, proxy users */
    struct rpc_server *rpc;
    struct http_server *http;
    struct lease_monitor *lease_monitor;
    struct checkpointer *checkpointer;
    struct reclaim *reclaim;
    struct satisfier *satisfier; /* NULL: switched off */
    struct disk_watch *disk_watch;
    struct reconfigure *settings;        /* those that can be changed while it runs */
    struct trash_emptier *trash_emptier; /* NULL: there is no trash */
    struct name_identity identity;
    uint64_t told_not_yet; /* writers sent to sleep: op_told_not_yet(); under the lock */
    uint64_t started_ms;
    char hostname[256];    /* for people */
    char rpc_address[300]; /* the advertised host:port */
    char http_address[300];
};

static inline void nn_lock(struct namenode *nn)
{
    nn->waiting++;
    pthread_mutex_lock(&nn->lock);
    nn->waiting--;
}
static inline void nn_unlock(struct namenode *nn)
{
    pthread_mutex_unlock(&nn->lock);
}

/* Applies @op and appends it to the journal; with the lock held.  Fails as ns_apply() does, and
 * then nothing has changed. */
int nn_commit(struct namenode *nn, struct edit_op *op, struct err *err);

/* Enters the answer to the call that @op came from into the retry cache, while the log is
 * replayed: its client may still ask again. */
void nn_remember_replayed(struct namenode *nn, const struct edit_op *op);

/* The protocols of the RPC port beside DatanodeProtocol: ClientProtocol (client_protocol.c),
 * NamenodeProtocol, HAServiceProtocol and the administrator's small ones (admin_protocols.c).
 * They fill @out from the front and return how many; room for NN_PROTOCOLS_MAX. */
enum { NN_PROTOCOLS_MAX = 16 };
int nn_client_protocol(struct namenode *nn, struct rpc_protocol *out);
int nn_admin_protocols(struct namenode *nn, struct rpc_protocol *out);

#endif
