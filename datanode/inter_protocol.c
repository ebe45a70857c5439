/* InterDatanodeProtocol: what another datanode that leads a block's recovery asks. */
#include <string.h>

#include "common/log.h"
#include "datanode/reports.h"
#include "datanode/rpc_methods.h"
#include "inter_datanode.pb-c.h"

static int check_pool(struct datanode *dn, const char *pool_id, struct err *err)
{
    const struct pool_info *pool = dataset_pool(dn->ds);

    if (pool && strcmp(pool->pool_id, pool_id) == 0)
        return 0;
    return err_set(err, ERR_NO_REPLICA, "block pool %s is not served here", pool_id);
}

static void init_replica_recovery(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__InitReplicaRecoveryRequestProto *ask = (const Pb__InitReplicaRecoveryRequestProto *)m;
    const Pb__ExtendedBlockProto *b = ask->block->block->b;
    Pb__InitReplicaRecoveryResponseProto answer = PB__INIT_REPLICA_RECOVERY_RESPONSE_PROTO__INIT;
    Pb__BlockProto block = PB__BLOCK_PROTO__INIT;
    struct datanode *dn = call->ctx;
    struct replica_facts f;
    struct err err;
    int rc = check_pool(dn, b->poolid, &err);

    if (rc == 0)
        rc = dataset_init_recovery(dn->ds, &(struct block){b->blockid, b->generationstamp, 0},
                                   ask->block->newgenstamp, &f, &err);
    if (rc < 0 && rc != -ERR_NO_REPLICA) {
        rpc_fail(call, &err);
        return;
    }
    answer.replicafound = rc == 0;
    if (rc == 0) {
        block.blockid = f.block.id;
        block.genstamp = f.block.stamp;
        block.has_numbytes = 1;
        block.numbytes = f.block.bytes;
        answer.block = &block;
        answer.has_state = 1;
        answer.state = (Pb__ReplicaStateProto)f.state;
    }
    rpc_reply(call, &answer.base);
}

static void update_replica(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__UpdateReplicaUnderRecoveryRequestProto *ask =
        (const Pb__UpdateReplicaUnderRecoveryRequestProto *)m;
    Pb__UpdateReplicaUnderRecoveryResponseProto answer =
        PB__UPDATE_REPLICA_UNDER_RECOVERY_RESPONSE_PROTO__INIT;
    const struct block b = {ask->block->blockid, ask->block->generationstamp,
                            ask->block->has_numbytes ? ask->block->numbytes : 0};
    struct datanode *dn = call->ctx;
    struct replica_facts f;
    struct err err;
    int rc = check_pool(dn, ask->block->poolid, &err);

    if (rc == 0)
        rc = dataset_finish_recovery(dn->ds, &b, ask->recoveryid,
                                     ask->has_newblockid ? ask->newblockid : 0, ask->newlength, &f,
                                     &err);
    if (rc < 0) {
        LOG_WARN("dn.recover",
                 "block=blk_%lld id=%llu err=\"%s\" next=\"the leader goes on without\"",
                 (long long)b.id, (unsigned long long)ask->recoveryid, err.text);
        rpc_fail(call, &err);
        return;
    }
    report_received(dn, &f, NULL);
    answer.storageuuid = f.volume->storage_id;
    rpc_reply(call, &answer.base);
}

const struct rpc_protocol *inter_datanode_protocols(struct datanode *dn, int *count)
{
    static const struct rpc_method methods[] = {
        {"initReplicaRecovery", &pb__init_replica_recovery_request_proto__descriptor,
         init_replica_recovery, RPC_SLOW},
        {"updateReplicaUnderRecovery", &pb__update_replica_under_recovery_request_proto__descriptor,
         update_replica, RPC_SLOW},
    };
    static struct rpc_protocol protocol = {
        .name = "org.apache.hadoop.hdfs.server.protocol.InterDatanodeProtocol",
        .version = 1,
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods};

    protocol.ctx = dn;
    *count = 1;
    return &protocol;
}
