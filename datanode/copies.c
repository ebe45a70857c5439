#include "datanode/copies.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/actor.h"
#include "datanode/crew.h"
#include "datanode/reports.h"
#include "datanode/sender.h"
#include "proto/xfer.h"

#define STAGE(name) PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__##name

/* The operation that begins the copy: a write of which the first target is the receiver. */
static int send_write_op(struct datanode *dn, const struct copy_want *want, const struct sender *s,
                         int fd, struct err *err)
{
    Pb__OpWriteBlockProto op = PB__OP_WRITE_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;
    Pb__DatanodeInfoProto source = PB__DATANODE_INFO_PROTO__INIT;
    struct registration self;
    bool is_rbw = s->reading.state == REPLICA_RBW;

    block.poolid = (char *)(uintptr_t)dataset_pool(dn->ds)->pool_id;
    block.blockid = want->block.id;
    block.generationstamp = s->reading.stamp;
    block.has_numbytes = 1;
    block.numbytes = s->end;
    base.block = &block;
    header.baseheader = &base;
    header.clientname = (char *)(uintptr_t)want->client;
    sum.type = s->sum.type;
    sum.bytesperchecksum = s->sum.bytes_per;
    op.header = &header;
    registration_init(dn, &self);
    source.id = &self.id;
    op.source = &source; /* whom the receiver blames for bytes that do not match their sums */
    op.targets = want->targets + 1;
    op.n_targets = want->target_count - 1;
    op.stage = !want->client[0] ? STAGE(PIPELINE_SETUP_CREATE)
               : is_rbw         ? STAGE(TRANSFER_RBW)
                                : STAGE(TRANSFER_FINALIZED);
    op.requestedchecksum = &sum;
    if (want->types) {
        op.has_storagetype = 1;
        op.storagetype = want->types[0];
        op.targetstoragetypes = (Pb__StorageTypeProto *)(uintptr_t)want->types + 1;
        op.n_targetstoragetypes = want->target_count - 1;
    }
    if (want->storage_ids) {
        op.storageid = want->storage_ids[0];
        op.targetstorageids = want->storage_ids + 1;
        op.n_targetstorageids = want->target_count - 1;
    }
    return xfer_send_op(fd, XFER_WRITE_BLOCK, &op.base, err);
}

/* A receiver that works for a client says when it has all. */
static int hear_receiver(int fd, struct err *err)
{
    struct arena arena;
    ProtobufCMessage *m;
    int rc;

    arena_init(&arena, 1 << 16);
    rc = xfer_recv_message(fd, &pb__dntransfer_ack_proto__descriptor, &arena, &m, err);
    if (rc == 0 && ((Pb__DNTransferAckProto *)m)->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, ((Pb__DNTransferAckProto *)m)->status, "Bad connect ack");
    arena_done(&arena);
    return rc;
}

static int send_to_first(struct datanode *dn, const struct copy_want *want, struct sender *s,
                         struct err *err)
{
    struct net_addr to = datanode_address(dn, want->targets[0]->id);
    int fd = net_connect(&to, dn->bind_host, dn->socket_timeout_ms, err), rc;

    if (fd < 0)
        return fd;
    net_timeout(fd, dn->write_timeout_ms);
    rc = send_write_op(dn, want, s, fd, err);
    if (rc == 0)
        rc = sender_run(s, dn->env, fd, NULL, 0, err);
    net_timeout(fd, dn->socket_timeout_ms);
    if (rc == 0 && want->client[0])
        rc = hear_receiver(fd, err);
    close(fd);
    return rc;
}

int copy_now(struct datanode *dn, const struct copy_want *want, struct err *err)
{
    struct send_want send = {.block = want->block, .length = SEND_ALL, .sums = true};
    struct replica_facts f;
    struct sender s;
    int rc = dataset_facts(dn->ds, want->block.id, &f, err);

    if (rc == 0 && want->target_count == 0)
        rc = err_set(err, ERR_ARGUMENT, "copy of blk_%lld to nobody", (long long)want->block.id);
    if (rc == 0 && f.state == REPLICA_RBW)
        send.length = f.visible;
    if (rc == 0)
        rc = sender_open(dn, &send, &s, err);
    if (rc < 0)
        return rc;
    atomic_fetch_add(&dn->copies, 1);
    rc = send_to_first(dn, want, &s, err);
    atomic_fetch_sub(&dn->copies, 1);
    sender_close(&s);
    if (rc == 0)
        count(COUNT_blocks_copied, 1);
    return rc;
}

struct copy_job {
    struct datanode *dn;
    struct copy_want want;
    Pb__DatanodeInfosProto *targets;
};

static void free_job(struct copy_job *job)
{
    for (size_t i = 0; job->want.storage_ids && i < job->want.target_count; i++)
        free(job->want.storage_ids[i]);
    free(job->want.storage_ids);
    free((void *)(uintptr_t)job->want.types);
    if (job->targets)
        pb__datanode_infos_proto__free_unpacked(job->targets, NULL);
    free(job);
}

static void run_job(void *arg)
{
    struct copy_job *job = arg;
    const struct block *b = &job->want.block;
    struct err err;

    if (copy_now(job->dn, &job->want, &err) < 0) {
        LOG_WARN("dn.copy",
                 "block=blk_%lld_%llu to=%s:%u err=\"%s\" next=\"the namenode asks again\"",
                 (long long)b->id, (unsigned long long)b->stamp, job->want.targets[0]->id->ipaddr,
                 job->want.targets[0]->id->xferport, err.text);
    } else {
        LOG_INFO("dn.copy", "block=blk_%lld_%llu to=%s:%u", (long long)b->id,
                 (unsigned long long)b->stamp, job->want.targets[0]->id->ipaddr,
                 job->want.targets[0]->id->xferport);
    }
    free_job(job);
}

/* The targets are copied by packing and unpacking them. */
static Pb__DatanodeInfosProto *clone_targets(const struct copy_want *want)
{
    Pb__DatanodeInfosProto all = PB__DATANODE_INFOS_PROTO__INIT, *copy = NULL;
    uint8_t *bytes;
    size_t n;

    all.datanodes = want->targets;
    all.n_datanodes = want->target_count;
    n = pb__datanode_infos_proto__get_packed_size(&all);
    bytes = malloc(n + 1);
    if (bytes) {
        pb__datanode_infos_proto__pack(&all, bytes);
        copy = pb__datanode_infos_proto__unpack(NULL, n, bytes);
    }
    free(bytes);
    return copy;
}

static int fill_job(struct copy_job *job, const struct copy_want *want)
{
    size_t n = want->target_count;

    job->want.block = want->block;
    job->want.client = "";
    job->targets = clone_targets(want);
    if (!job->targets)
        return -1;
    job->want.targets = job->targets->datanodes;
    job->want.target_count = n;
    if (want->types) {
        Pb__StorageTypeProto *types = malloc(n * sizeof *types);

        if (!types)
            return -1;
        memcpy(types, want->types, n * sizeof *types);
        job->want.types = types;
    }
    if (want->storage_ids) {
        job->want.storage_ids = calloc(n, sizeof(char *));
        for (size_t i = 0; job->want.storage_ids && i < n; i++)
            if (!(job->want.storage_ids[i] = strdup(want->storage_ids[i])))
                return -1;
        if (!job->want.storage_ids)
            return -1;
    }
    return 0;
}

int copy_later(struct datanode *dn, const struct copy_want *want, struct err *err)
{
    struct copy_job *job = want->target_count ? calloc(1, sizeof *job) : NULL;
    int rc;

    if (!job)
        return err_set(err, ERR_NOMEM, "copy");
    job->dn = dn;
    rc = fill_job(job, want) < 0 ? err_set(err, ERR_NOMEM, "copy")
                                 : crew_run(dn->crew, run_job, job, err);
    if (rc < 0)
        free_job(job);
    return rc;
}
