#include "datanode/rebuild.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/crew.h"
#include "datanode/restore.h"
#include "datanode/throttle.h"
#include "proto/pb_copy.h"

enum { PACKET_BYTES = 64 << 10 };

/* ---- one target ---- */

struct target {
    const Pb__DatanodeInfoProto *node;
    Pb__StorageTypeProto type;
    char *storage_id;
    unsigned unit;
    int fd; /* -1: failed, or not yet connected */
    uint64_t at;
    int64_t seqno;
    bool failed;
};

static int begin_target(struct datanode *dn, struct target *t, const struct restore *r,
                        const Pb__ExtendedBlockProto *group, struct err *err)
{
    Pb__OpWriteBlockProto op = PB__OP_WRITE_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__ExtendedBlockProto block = *group;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;
    struct net_addr to = datanode_address(dn, t->node->id);

    t->fd = net_connect(&to, dn->bind_host, dn->socket_timeout_ms, err);
    if (t->fd < 0)
        return t->fd;
    net_timeout(t->fd, dn->write_timeout_ms);
    block.blockid += t->unit;
    block.has_numbytes = 1;
    block.numbytes = restore_unit_bytes(r, t->unit);
    base.block = &block;
    header.baseheader = &base;
    header.clientname = (char *)(uintptr_t) "";
    sum.type = restore_checksum(r)->type;
    sum.bytesperchecksum = restore_checksum(r)->bytes_per;
    op.header = &header;
    op.stage = PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__PIPELINE_SETUP_CREATE;
    op.requestedchecksum = &sum;
    op.has_storagetype = 1;
    op.storagetype = t->type;
    op.storageid = t->storage_id;
    return xfer_send_op(t->fd, XFER_WRITE_BLOCK, &op.base, err);
}

static int send_packet(struct target *t, const struct checksum *sum, const uint8_t *bytes,
                       uint32_t n, bool last, struct err *err)
{
    uint8_t head[PACKET_HEADER_MAX], sums[PACKET_BYTES / 16 * 4];
    uint32_t sums_n = (uint32_t)checksum_bytes_for(sum, n);
    struct packet_header h = {
        .offset = (int64_t)t->at, .seqno = t->seqno++, .last = last, .data_bytes = n};
    struct iovec iov[3];
    int count = 1;

    if (sums_n > sizeof sums)
        return err_set(err, ERR_PROTOCOL, "checksums of %u bytes each", sum->bytes_per);
    iov[0] = (struct iovec){head, packet_header_put(head, &h, sums_n)};
    if (sums_n > 0) {
        checksum_make(sum, bytes, n, sums);
        iov[count++] = (struct iovec){sums, sums_n};
    }
    if (n > 0)
        iov[count++] = (struct iovec){(void *)(uintptr_t)bytes, n};
    t->at += n;
    return net_writev_full(t->fd, iov, count, err);
}

/* Packets end where chunks do, but for the last. */
static int send_piece(struct datanode *dn, struct target *t, const struct checksum *sum,
                      const uint8_t *bytes, uint32_t n, struct err *err)
{
    uint32_t most = PACKET_BYTES / sum->bytes_per * sum->bytes_per;
    int rc = most ? 0 : err_set(err, ERR_PROTOCOL, "checksums of %u bytes each", sum->bytes_per);

    while (rc == 0 && n > 0) {
        uint32_t k = n < most ? n : most;

        rc = send_packet(t, sum, bytes, k, false, err);
        throttle_pass(dn->ec_write, k);
        bytes += k;
        n -= k;
    }
    return rc;
}

/* The target closes the connection when it has the unit, or will not have it; only the namenode gets to
 * know for certain, from the target itself. */
static int end_target(struct datanode *dn, struct target *t, const struct checksum *sum,
                      struct err *err)
{
    char c;
    int rc = send_packet(t, sum, NULL, 0, true, err);

    if (rc < 0)
        return rc;
    net_timeout(t->fd, dn->socket_timeout_ms);
    shutdown(t->fd, SHUT_WR);
    if (recv(t->fd, &c, 1, 0) < 0)
        return err_set(err, ERR_CLOSED, "the target closed before it had the unit");
    return 0;
}

/* ---- one group ---- */

struct job {
    struct datanode *dn;
    const Pb__BlockECReconstructionInfoProto *order;
    struct restore *restore;
    struct target targets[CODER_UNITS_MAX];
    unsigned target_count, failed;
    const atomic_bool *cancelled; /* NULL: it can't be */
};

static void fail_target(struct job *j, struct target *t, const struct err *why)
{
    LOG_WARN("dn.rebuild", "block=blk_%lld to=%s:%u err=\"%s\" next=\"go on without it\"",
             (long long)(j->order->block->blockid + t->unit), t->node->id->ipaddr,
             t->node->id->xferport, why->text);
    t->failed = true;
    j->failed++;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

/* Units that there are not, have bytes, and are not left out, in turn to the targets. */
static unsigned assign_targets(struct job *j, const struct stripe_policy *p)
{
    const Pb__BlockECReconstructionInfoProto *o = j->order;
    unsigned skip = 0, wanted = 0;

    for (size_t i = 0; i < o->liveblockindices.len; i++)
        if (o->liveblockindices.data[i] < CODER_UNITS_MAX)
            skip |= 1u << o->liveblockindices.data[i];
    for (size_t i = 0; o->has_excludereconstructedindices && i < o->excludereconstructedindices.len;
         i++)
        if (o->excludereconstructedindices.data[i] < CODER_UNITS_MAX)
            skip |= 1u << o->excludereconstructedindices.data[i];
    for (unsigned u = 0; u < stripe_units(p) && j->target_count < o->targetdninfos->n_datanodes;
         u++) {
        unsigned i = j->target_count;

        if (skip >> u & 1 || stripe_unit_bytes(p, o->block->numbytes, u) == 0)
            continue;
        wanted |= 1u << u;
        j->targets[j->target_count++] = (struct target){
            .node = o->targetdninfos->datanodes[i],
            .type = i < o->targetstoragetypes->n_storagetypes
                        ? o->targetstoragetypes->storagetypes[i]
                        : PB__STORAGE_TYPE_PROTO__DISK,
            .storage_id = i < o->targetstorageuuids->n_storageuuids
                              ? o->targetstorageuuids->storageuuids[i]
                              : (char *)(uintptr_t) "",
            .unit = u,
            .fd = -1,
        };
    }
    return wanted;
}

static void send_to_all(struct job *j)
{
    const struct checksum *sum = restore_checksum(j->restore);

    for (unsigned i = 0; i < j->target_count; i++) {
        struct target *t = &j->targets[i];
        const uint8_t *bytes;
        uint32_t n = restore_piece(j->restore, t->unit, &bytes);
        struct err why;
        int rc = 0;

        if (t->failed)
            continue;
        if (t->fd < 0) /* only now it is known which checksums the sources have */
            rc = begin_target(j->dn, t, j->restore, j->order->block, &why);
        if (rc == 0)
            rc = send_piece(j->dn, t, sum, bytes, n, &why);
        if (rc < 0)
            fail_target(j, t, &why);
    }
}

static void end_all(struct job *j)
{
    for (unsigned i = 0; i < j->target_count; i++) {
        struct target *t = &j->targets[i];
        struct err why;

        if (t->failed)
            continue;
        if (end_target(j->dn, t, restore_checksum(j->restore), &why) < 0) {
            fail_target(j, t, &why);
            continue;
        }
        count(COUNT_units_restored, 1);
        count(COUNT_bytes_restored, (int64_t)t->at);
    }
}

static int check_order(struct datanode *dn, const Pb__BlockECReconstructionInfoProto *o,
                       struct err *err)
{
    const struct pool_info *pool = dataset_pool(dn->ds);

    if (!pool || strcmp(o->block->poolid, pool->pool_id) != 0)
        return err_set(err, ERR_BAD_POOL, "block pool %s is not served here", o->block->poolid);
    if (o->liveblockindices.len != o->sourcedninfos->n_datanodes)
        return err_set(err, ERR_ARGUMENT, "%zu sources with %zu indices",
                       o->sourcedninfos->n_datanodes, o->liveblockindices.len);
    return 0;
}

static int run_pieces(struct job *j, struct err *err)
{
    int rc;

    while ((rc = restore_next(j->restore, err)) > 0) {
        send_to_all(j);
        if (j->failed == j->target_count)
            return err_set(err, ERR_IO, "no target is left");
        if (atomic_load(&j->dn->stopping))
            return err_set(err, ERR_INTERRUPTED, "the datanode stops");
        if (j->cancelled && atomic_load(j->cancelled))
            return err_set(err, ERR_INTERRUPTED, "cancelled: its units are not wanted any more");
    }
    return rc;
}

static int rebuild(struct datanode *dn, const Pb__BlockECReconstructionInfoProto *order,
                   const atomic_bool *cancelled, struct err *err)
{
    struct job j = {.dn = dn, .order = order, .cancelled = cancelled};
    struct restore_want want = {.group = order->block,
                                .policy = order->ecpolicy,
                                .sources = order->sourcedninfos->datanodes,
                                .source_units = order->liveblockindices.data,
                                .source_count = order->liveblockindices.len};
    struct stripe_policy policy;
    int rc = check_order(dn, order, err);

    if (rc == 0)
        rc = stripe_policy_from(order->ecpolicy, &policy, err);
    if (rc < 0)
        return rc;
    want.units = assign_targets(&j, &policy);
    if (want.units == 0)
        return err_set(err, ERR_ARGUMENT, "no unit is to be restored");
    rc = restore_open(dn, &want, &j.restore, err);
    if (rc == 0)
        rc = run_pieces(&j, err);
    if (rc == 0)
        end_all(&j);
    for (unsigned i = 0; i < j.target_count; i++)
        if (j.targets[i].fd >= 0)
            close(j.targets[i].fd);
    restore_close(j.restore);
    if (rc == 0 && j.failed == j.target_count)
        rc = err_set(err, ERR_IO, "no target is left");
    return rc;
}

int rebuild_now(struct datanode *dn, const Pb__BlockECReconstructionInfoProto *order,
                struct err *err)
{
    return rebuild(dn, order, NULL, err);
}

/* ---- many ---- */

struct waiting {
    struct waiting *next;
    Pb__BlockECReconstructionInfoProto *order;
    int weight;
    atomic_bool cancelled;
};

struct rebuilder {
    struct datanode *dn;
    int running_max;
    double weight;
    pthread_mutex_t lock; /* the rest */
    struct waiting *first, **last;
    struct waiting *at_work; /* those that run */
    int running;
};

struct rebuilder *rebuilder_new(struct datanode *dn)
{
    struct rebuilder *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->dn = dn;
    b->running_max = (int)conf_int(dn->conf, OPT_dn_ec_threads);
    b->weight = conf_float(dn->conf, OPT_dn_ec_weight);
    b->last = &b->first;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

static void drop_waiting(struct rebuilder *b, struct waiting *w)
{
    atomic_fetch_sub(&b->dn->copies, w->weight);
    pb__block_ecreconstruction_info_proto__free_unpacked(w->order, NULL);
    free(w);
}

void rebuilder_free(struct rebuilder *b)
{
    if (!b)
        return;
    while (b->first) {
        struct waiting *w = b->first;

        b->first = w->next;
        drop_waiting(b, w);
    }
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static void do_one(struct rebuilder *b, struct waiting *w)
{
    const Pb__ExtendedBlockProto *g = w->order->block;
    struct err err;
    int rc = atomic_load(&w->cancelled) ? 0 : rebuild(b->dn, w->order, &w->cancelled, &err);

    if (atomic_load(&w->cancelled))
        LOG_INFO("dn.rebuild", "group=blk_%lld_%llu next=\"cancelled: not wanted any more\"",
                 (long long)g->blockid, (unsigned long long)g->generationstamp);
    else if (rc < 0)
        LOG_WARN("dn.rebuild", "group=blk_%lld_%llu err=\"%s\" next=\"the namenode asks again\"",
                 (long long)g->blockid, (unsigned long long)g->generationstamp, err.text);
    else
        LOG_INFO("dn.rebuild", "group=blk_%lld_%llu", (long long)g->blockid,
                 (unsigned long long)g->generationstamp);
}

static void run_jobs(void *arg)
{
    struct rebuilder *b = arg;
    struct waiting **link;

    pthread_mutex_lock(&b->lock);
    while (b->first && !atomic_load(&b->dn->stopping)) {
        struct waiting *w = b->first;

        b->first = w->next;
        if (!b->first)
            b->last = &b->first;
        w->next = b->at_work;
        b->at_work = w;
        pthread_mutex_unlock(&b->lock);
        do_one(b, w);
        pthread_mutex_lock(&b->lock);
        for (link = &b->at_work; *link != w; link = &(*link)->next)
            ;
        *link = w->next;
        drop_waiting(b, w);
    }
    b->running--;
    pthread_mutex_unlock(&b->lock);
}

/* As Hadoop weighs: the most of sources and targets, times the weight, at least 1. */
static int weigh(const struct rebuilder *b, const Pb__BlockECReconstructionInfoProto *o)
{
    struct stripe_policy p;
    size_t n = o->targetdninfos->n_datanodes;

    if (stripe_policy_from(o->ecpolicy, &p, NULL) == 0 && p.data > n)
        n = p.data;
    return (int)((double)n * b->weight) > 1 ? (int)((double)n * b->weight) : 1;
}

static bool is_listed(unsigned unit, const ProtobufCBinaryData *units)
{
    return memchr(units->data ? units->data : (const uint8_t *)"", (int)unit, units->len) != NULL;
}

static bool restores(const Pb__BlockECReconstructionInfoProto *o, uint64_t unit_id, uint64_t stamp)
{
    uint64_t unit = unit_id - o->block->blockid;

    return unit < CODER_UNITS_MAX && o->block->generationstamp == stamp &&
           !is_listed((unsigned)unit, &o->liveblockindices) &&
           !(o->has_excludereconstructedindices &&
             is_listed((unsigned)unit, &o->excludereconstructedindices));
}

static void cancel_in(struct waiting *list, uint64_t unit_id, uint64_t stamp)
{
    for (struct waiting *w = list; w; w = w->next)
        if (restores(w->order, unit_id, stamp))
            atomic_store(&w->cancelled, true);
}

void rebuilder_cancel(struct rebuilder *b, uint64_t unit_id, uint64_t stamp)
{
    pthread_mutex_lock(&b->lock);
    cancel_in(b->first, unit_id, stamp);
    cancel_in(b->at_work, unit_id, stamp);
    pthread_mutex_unlock(&b->lock);
}

/* With the lock. */
static bool has_order(const struct waiting *list, const Pb__ExtendedBlockProto *group)
{
    for (const struct waiting *w = list; w; w = w->next)
        if (w->order->block->blockid == group->blockid && !atomic_load(&w->cancelled) &&
            w->order->block->generationstamp == group->generationstamp)
            return true;
    return false;
}

int rebuild_later(struct rebuilder *b, const Pb__BlockECReconstructionInfoProto *order,
                  struct err *err)
{
    struct waiting *w = calloc(1, sizeof *w);
    bool start;
    int rc = 0;

    if (w)
        w->order = pb_copy(&order->base);
    if (!w || !w->order) {
        free(w);
        return err_set(err, ERR_NOMEM, "order to restore units");
    }
    w->weight = weigh(b, order);
    atomic_fetch_add(&b->dn->copies, w->weight);
    pthread_mutex_lock(&b->lock);
    if (has_order(b->first, order->block) || has_order(b->at_work, order->block)) {
        pthread_mutex_unlock(&b->lock);
        drop_waiting(b, w);
        return 0;
    }
    *b->last = w;
    b->last = &w->next;
    start = b->running < b->running_max;
    b->running += start;
    pthread_mutex_unlock(&b->lock);
    if (start)
        rc = crew_run(b->dn->crew, run_jobs, b, err);
    if (rc < 0) { /* it waits for one that runs, or for the next order */
        pthread_mutex_lock(&b->lock);
        b->running--;
        pthread_mutex_unlock(&b->lock);
    }
    return rc;
}
