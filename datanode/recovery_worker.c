/* Leading the recovery of a block whose writer died: asks all datanodes that have it, chooses the
 * length that all good replicas have, has them take it, and tells the namenode.  Of a block group each
 * datanode has a unit; what stays are the whole stripes that can be read or decoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode/actor.h"
#include "datanode/crew.h"
#include "datanode/reports.h"
#include "inter_datanode.pb-c.h"
#include "proto/pb_copy.h"
#include "proto/stripe.h"

enum { SITES_MAX = 32, CALL_TIMEOUT_MS = 60000 };
#define PROTOCOL "org.apache.hadoop.hdfs.server.protocol.InterDatanodeProtocol"

/* One datanode that has, or should have, a replica. */
struct site {
    const Pb__DatanodeInfoProto *info;
    unsigned unit; /* of a group; else 0 */
    bool here, answered, found, done;
    uint64_t keep; /* bytes that it is to have */
    struct block replica;
    enum replica_state state;
    char storage[ID_TEXT_MAX];
};

struct recovery {
    struct actor *actor;
    Pb__RecoveringBlockProto *order; /* our own copy */
    struct site sites[SITES_MAX];
    unsigned count;
    unsigned silent; /* sites that did not answer; of a group: units of which nobody said a word */
    struct block block;
    uint64_t id; /* the recovery's, which becomes the new stamp */
    bool is_group;
    struct stripe_policy policy;
};

/* What @s has of the block: the whole, or a unit. */
static struct block block_at(const struct recovery *r, const struct site *s)
{
    return (struct block){r->block.id + s->unit, r->block.stamp, r->block.bytes};
}

static int open_client(struct recovery *r, const struct site *s, char *address, size_t n,
                       struct rpc_client **out, struct err *err)
{
    struct datanode *dn = r->actor->dn;
    struct rpc_client_options o = {.address = address,
                                   .bind_host = dn->bind_host,
                                   .protocol = PROTOCOL,
                                   .version = 1,
                                   .user = dn->user,
                                   .connect_timeout_ms = 10000,
                                   .call_timeout_ms = CALL_TIMEOUT_MS};

    snprintf(address, n, "%s:%u", s->info->id->ipaddr, s->info->id->ipcport);
    return rpc_client_new(&o, out, err);
}

static int call_site(struct recovery *r, const struct site *s, const char *method,
                     const ProtobufCMessage *ask, const ProtobufCMessageDescriptor *type,
                     struct arena *arena, ProtobufCMessage **answer, struct err *err)
{
    char address[NET_HOST_MAX + 8];
    struct rpc_client *client;
    int rc = open_client(r, s, address, sizeof address, &client, err);

    if (rc < 0)
        return rc;
    rc = rpc_call_method(client, method, ask, type, arena, answer, err);
    rpc_client_free(client);
    return rc;
}

/* ---- asking ---- */

static int ask_here(struct recovery *r, struct site *s, struct err *err)
{
    struct replica_facts f;
    struct block own = block_at(r, s);
    int rc = dataset_init_recovery(r->actor->dn->ds, &own, r->id, &f, err);

    if (rc < 0)
        return rc == -ERR_NO_REPLICA ? 0 : rc;
    s->found = true;
    s->replica = f.block;
    s->state = f.state;
    return 0;
}

static int ask_there(struct recovery *r, struct site *s, struct err *err)
{
    Pb__InitReplicaRecoveryRequestProto ask = PB__INIT_REPLICA_RECOVERY_REQUEST_PROTO__INIT;
    const Pb__InitReplicaRecoveryResponseProto *answer;
    Pb__RecoveringBlockProto order = *r->order;
    Pb__LocatedBlockProto located = *order.block;
    Pb__ExtendedBlockProto own = *located.b;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    own.blockid = block_at(r, s).id;
    located.b = &own;
    order.block = &located;
    order.has_blockindices = false;
    order.ecpolicy = NULL;
    arena_init(&arena, 1 << 20);
    ask.block = &order;
    rc = call_site(r, s, "initReplicaRecovery", &ask.base,
                   &pb__init_replica_recovery_response_proto__descriptor, &arena, &m, err);
    answer = rc == 0 ? (Pb__InitReplicaRecoveryResponseProto *)m : NULL;
    if (answer && answer->replicafound && answer->block && answer->has_state) {
        s->found = true;
        s->replica = (struct block){answer->block->blockid, answer->block->genstamp,
                                    answer->block->numbytes};
        s->state = (enum replica_state)answer->state;
    }
    arena_done(&arena);
    return rc;
}

/* A replica counts when it is not older than the namenode knows, and has bytes. */
static int ask_all(struct recovery *r, struct err *err)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct site *s = &r->sites[i];
        struct err why;
        int rc = s->here ? ask_here(r, s, &why) : ask_there(r, s, &why);

        if (rc == -ERR_RECOVERING) {
            *err = why;
            return rc;
        }
        s->answered = rc == 0;
        if (rc < 0) {
            r->silent++;
            LOG_WARN("dn.recover", "block=blk_%lld_%llu at=%s err=\"%s\" next=\"go on without it\"",
                     (long long)r->block.id, (unsigned long long)r->block.stamp,
                     s->info->id->ipaddr, why.text);
            *err = why;
        }
        s->found = s->found && s->replica.stamp >= r->block.stamp && s->replica.bytes > 0 &&
                   s->state <= REPLICA_RWR;
    }
    return r->silent == r->count && r->silent ? -(int)err->code : 0;
}

/* ---- choosing ---- */

/* Closed replicas decide when there are any; else the best kind of open ones, the shortest. */
static int choose_length(struct recovery *r, uint64_t *out, unsigned *takers, struct err *err)
{
    enum replica_state best = REPLICA_NONE;
    uint64_t length = UINT64_MAX;

    *takers = 0;
    for (unsigned i = 0; i < r->count; i++)
        if (r->sites[i].found && r->sites[i].state < best)
            best = r->sites[i].state;
    for (unsigned i = 0; i < r->count; i++) {
        const struct site *s = &r->sites[i];

        if (!s->found || s->state != best)
            continue;
        if (best == REPLICA_FINALIZED && length != UINT64_MAX && s->replica.bytes != length)
            return err_set(err, ERR_IO,
                           "Inconsistent size of finalized replicas of blk_%lld: %llu and %llu",
                           (long long)r->block.id, (unsigned long long)length,
                           (unsigned long long)s->replica.bytes);
        length = s->replica.bytes < length ? s->replica.bytes : length;
    }
    for (unsigned i = 0; i < r->count; i++) {
        struct site *s = &r->sites[i];

        s->found = s->found &&
                   (s->state == best || (best == REPLICA_FINALIZED && s->state == REPLICA_RBW &&
                                         s->replica.bytes == length));
        s->keep = length;
        *takers += s->found;
    }
    *out = length;
    return 0;
}

/* Of several replicas of a unit the longest stays. */
static void choose_one_of_each(struct recovery *r)
{
    for (unsigned i = 0; i < r->count; i++)
        for (unsigned k = 0; k < r->count; k++) {
            struct site *a = &r->sites[i], *b = &r->sites[k];

            if (i != k && a->found && b->found && a->unit == b->unit)
                (a->replica.bytes < b->replica.bytes ? a : b)->found = false;
        }
}

/* A datanode that is away may not even be named in the order. */
static unsigned silent_units(const struct recovery *r)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < r->count; i++)
        answered |= r->sites[i].answered ? 1u << r->sites[i].unit : 0;
    return stripe_units(&r->policy) - (unsigned)__builtin_popcount(answered);
}

/* The whole stripes that as many units have as there are data units: those can be read, and nothing behind them was
 * ever safe.  No takers: there is none, whatever the silent datanodes may have. */
static int choose_stripes(struct recovery *r, uint64_t *out, unsigned *takers, struct err *err)
{
    unsigned with_some = 0, most = 0;
    uint64_t stripes = 0;

    choose_one_of_each(r);
    r->silent = silent_units(r);
    for (unsigned i = 0; i < r->count; i++) {
        uint64_t cells = r->sites[i].replica.bytes / r->policy.cell_bytes;
        unsigned as_many = 0;

        if (!r->sites[i].found || cells == 0)
            continue;
        with_some++;
        for (unsigned k = 0; k < r->count; k++)
            as_many +=
                r->sites[k].found && r->sites[k].replica.bytes / r->policy.cell_bytes >= cells;
        if (as_many >= r->policy.data && cells > stripes)
            stripes = cells;
        most = as_many > most ? as_many : most;
    }
    *takers = 0;
    *out = stripes * stripe_bytes(&r->policy);
    if (stripes == 0 && with_some + r->silent >= r->policy.data)
        return err_set(
            err, ERR_IO,
            "blk_%lld: %u internal blocks of %u, of %u more nothing is known: too few to "
            "recover",
            (long long)r->block.id, most, r->policy.data, r->silent);
    for (unsigned i = 0; i < r->count; i++) {
        struct site *s = &r->sites[i];

        s->keep = stripes * r->policy.cell_bytes;
        s->found = s->found && stripes > 0 && s->replica.bytes >= s->keep;
        *takers += s->found;
    }
    return 0;
}

/* ---- telling ---- */

static int finish_here(struct recovery *r, struct site *s, uint64_t new_id, struct err *err)
{
    struct replica_facts f;
    int rc =
        dataset_finish_recovery(r->actor->dn->ds, &s->replica, r->id, new_id, s->keep, &f, err);

    if (rc < 0)
        return rc;
    snprintf(s->storage, sizeof s->storage, "%s", f.volume->storage_id);
    report_received(r->actor->dn, &f, NULL);
    return 0;
}

static int finish_there(struct recovery *r, struct site *s, uint64_t new_id, struct err *err)
{
    Pb__UpdateReplicaUnderRecoveryRequestProto ask =
        PB__UPDATE_REPLICA_UNDER_RECOVERY_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    const Pb__UpdateReplicaUnderRecoveryResponseProto *answer;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    block.poolid = r->order->block->b->poolid;
    block.blockid = s->replica.id;
    block.generationstamp = s->replica.stamp;
    block.has_numbytes = 1;
    block.numbytes = s->replica.bytes;
    ask.block = &block;
    ask.recoveryid = r->id;
    ask.newlength = s->keep;
    ask.has_newblockid = 1;
    ask.newblockid = new_id;
    arena_init(&arena, 1 << 20);
    rc = call_site(r, s, "updateReplicaUnderRecovery", &ask.base,
                   &pb__update_replica_under_recovery_response_proto__descriptor, &arena, &m, err);
    answer = rc == 0 ? (Pb__UpdateReplicaUnderRecoveryResponseProto *)m : NULL;
    if (answer)
        snprintf(s->storage, sizeof s->storage, "%s",
                 answer->storageuuid ? answer->storageuuid : "");
    arena_done(&arena);
    return rc;
}

/* Those that have it now.  Of a group: one for each unit, Hadoop's empty one where there is none. */
static void name_targets(struct recovery *r, Pb__CommitBlockSynchronizationRequestProto *ask,
                         Pb__DatanodeIDProto *none)
{
    size_t n = r->is_group ? stripe_units(&r->policy) : 0;

    none->ipaddr = none->hostname = (char *)(uintptr_t) "null";
    none->datanodeuuid = (char *)(uintptr_t) "";
    for (size_t u = 0; u < n; u++) {
        ask->newtaragets[u] = none;
        ask->newtargetstorages[u] = (char *)(uintptr_t) "";
    }
    for (unsigned i = 0; i < r->count; i++) {
        struct site *s = &r->sites[i];
        size_t at = r->is_group ? s->unit : n;

        if (!s->done)
            continue;
        ask->newtaragets[at] = s->info->id;
        ask->newtargetstorages[at] = s->storage;
        n += !r->is_group;
    }
    ask->n_newtaragets = ask->n_newtargetstorages = n;
}

static int commit(struct recovery *r, uint64_t bytes, bool delete_block, struct err *err)
{
    Pb__CommitBlockSynchronizationRequestProto ask =
        PB__COMMIT_BLOCK_SYNCHRONIZATION_REQUEST_PROTO__INIT;
    Pb__DatanodeIDProto *ids[SITES_MAX], none = PB__DATANODE_IDPROTO__INIT;
    char *storages[SITES_MAX];
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    ask.newtaragets = ids;
    ask.newtargetstorages = storages;
    if (!delete_block)
        name_targets(r, &ask, &none);
    ask.block = r->order->block->b;
    ask.newgenstamp = r->id;
    ask.newlength = bytes;
    ask.closefile = 1;
    ask.deleteblock = delete_block;
    arena_init(&arena, 1 << 20);
    rc = rpc_call_method(r->actor->rpc, "commitBlockSynchronization", &ask.base,
                         &pb__commit_block_synchronization_response_proto__descriptor, &arena, &m,
                         err);
    arena_done(&arena);
    return rc;
}

static int finish_all(struct recovery *r, uint64_t bytes, struct err *err)
{
    const Pb__BlockProto *cut = r->order->truncateblock;
    unsigned done = 0, needed = r->is_group ? r->policy.data : 1;

    if (cut)
        bytes = cut->numbytes;
    for (unsigned i = 0; i < r->count; i++) {
        struct site *s = &r->sites[i];
        uint64_t new_id = cut ? cut->blockid : block_at(r, s).id;
        struct err why;
        int rc;

        if (!s->found)
            continue;
        if (cut)
            s->keep = bytes;
        rc = s->here ? finish_here(r, s, new_id, &why) : finish_there(r, s, new_id, &why);
        s->done = rc == 0;
        done += s->done;
        if (rc < 0) {
            LOG_WARN("dn.recover", "block=blk_%lld at=%s err=\"%s\" next=\"leave it out\"",
                     (long long)r->block.id, s->info->id->ipaddr, why.text);
            *err = why;
        }
    }
    if (done < needed)
        return -(int)err->code;
    return commit(r, bytes, false, err);
}

static int recover(struct recovery *r, struct err *err)
{
    uint64_t bytes = 0;
    unsigned takers = 0;
    int rc = ask_all(r, err);

    if (rc == 0)
        rc = r->is_group ? choose_stripes(r, &bytes, &takers, err)
                         : choose_length(r, &bytes, &takers, err);
    if (rc < 0)
        return rc;
    if (takers == 0) /* nobody has a byte of it: the block never was */
        return commit(r, 0, true, err);
    return finish_all(r, bytes, err);
}

static void run(void *arg)
{
    struct recovery *r = arg;
    struct err err = {0};

    count(COUNT_recoveries, 1);
    if (recover(r, &err) < 0)
        LOG_WARN("dn.recover",
                 "block=blk_%lld_%llu id=%llu err=\"%s\" next=\"the namenode asks again\"",
                 (long long)r->block.id, (unsigned long long)r->block.stamp,
                 (unsigned long long)r->id, err.text);
    else
        LOG_INFO("dn.recover", "block=blk_%lld_%llu id=%llu", (long long)r->block.id,
                 (unsigned long long)r->block.stamp, (unsigned long long)r->id);
    pb__recovering_block_proto__free_unpacked(r->order, NULL);
    free(r);
}

/* Which datanode has which unit. */
static int read_group(struct recovery *r, struct err *err)
{
    const Pb__RecoveringBlockProto *o = r->order;
    int rc = stripe_policy_from(o->ecpolicy, &r->policy, err);

    if (rc < 0)
        return rc;
    if (!o->has_blockindices || o->blockindices.len < r->count)
        return err_set(err, ERR_PROTOCOL, "recovery of a group of %u datanodes with %zu indices",
                       r->count, o->has_blockindices ? o->blockindices.len : 0);
    for (unsigned i = 0; i < r->count; i++) {
        r->sites[i].unit = o->blockindices.data[i];
        if (r->sites[i].unit >= stripe_units(&r->policy))
            return err_set(err, ERR_PROTOCOL, "unit %u of %s", r->sites[i].unit, r->policy.name);
    }
    r->is_group = true;
    return 0;
}

int recover_later(struct actor *a, const Pb__RecoveringBlockProto *order, struct err *err)
{
    struct recovery *r = calloc(1, sizeof *r);
    int rc;

    if (!r || !(r->order = pb_copy(&order->base))) {
        free(r);
        return err_set(err, ERR_NOMEM, "recovery");
    }
    r->actor = a;
    r->id = order->newgenstamp;
    r->block = (struct block){r->order->block->b->blockid, r->order->block->b->generationstamp,
                              r->order->block->b->numbytes};
    for (size_t i = 0; i < r->order->block->n_locs && r->count < SITES_MAX; i++) {
        const Pb__DatanodeInfoProto *info = r->order->block->locs[i];

        r->sites[r->count++] = (struct site){
            .info = info, .here = strcmp(info->id->datanodeuuid, dataset_uuid(a->dn->ds)) == 0};
    }
    rc = r->order->ecpolicy ? read_group(r, err) : 0;
    if (rc == 0)
        rc = crew_run(a->dn->crew, run, r, err);
    if (rc < 0) {
        pb__recovering_block_proto__free_unpacked(r->order, NULL);
        free(r);
    }
    return rc;
}
