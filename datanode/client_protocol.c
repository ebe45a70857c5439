/* ClientDatanodeProtocol and ReconfigurationProtocol: what clients and administrators ask. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client_datanode.pb-c.h"
#include "common/log.h"
#include "datanode/namenodes.h"
#include "datanode/rpc_methods.h"
#include "datanode/throttle.h"
#include "proto/reconfigure.h"

static bool is_superuser(struct rpc_call *call)
{
    const struct datanode *dn = call->ctx;
    struct err err;

    if (strcmp(call->user, dn->user) == 0)
        return true;
    err_set(&err, ERR_ACCESS, "Access denied for user %s. Superuser privilege is required.",
            call->user);
    rpc_fail(call, &err);
    return false;
}

static int find(struct datanode *dn, const Pb__ExtendedBlockProto *b, struct replica_facts *f,
                struct err *err)
{
    const struct pool_info *pool = dataset_pool(dn->ds);

    if (!pool || strcmp(pool->pool_id, b->poolid) != 0)
        return err_set(err, ERR_NO_REPLICA, "Replica does not exist %s:%lld", b->poolid,
                       (long long)b->blockid);
    return dataset_facts(dn->ds, b->blockid, f, err);
}

static void get_visible_length(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__ExtendedBlockProto *b = ((const Pb__GetReplicaVisibleLengthRequestProto *)m)->block;
    Pb__GetReplicaVisibleLengthResponseProto answer =
        PB__GET_REPLICA_VISIBLE_LENGTH_RESPONSE_PROTO__INIT;
    struct replica_facts f;
    struct err err;
    int rc = find(call->ctx, b, &f, &err);

    if (rc == 0 && f.block.stamp < b->generationstamp)
        rc = err_set(&err, ERR_IO,
                     "replica.getGenerationStamp() < block.getGenerationStamp(), "
                     "block=blk_%lld_%llu, replica=blk_%lld_%llu",
                     (long long)b->blockid, (unsigned long long)b->generationstamp,
                     (long long)f.block.id, (unsigned long long)f.block.stamp);
    if (rc < 0) {
        rpc_fail(call, &err);
        return;
    }
    /* A replica that waits to be recovered shows none of its bytes: -1, as Hadoop says it. */
    answer.length = f.state == REPLICA_RWR ? UINT64_MAX : f.visible;
    rpc_reply(call, &answer.base);
}

static void get_local_path(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__ExtendedBlockProto *b = ((const Pb__GetBlockLocalPathInfoRequestProto *)m)->block;
    Pb__GetBlockLocalPathInfoResponseProto answer =
        PB__GET_BLOCK_LOCAL_PATH_INFO_RESPONSE_PROTO__INIT;
    char block_path[PATH_MAX + 512], meta_path[PATH_MAX + 512];
    struct replica_facts f;
    struct err err;

    if (!is_superuser(call))
        return;
    if (find(call->ctx, b, &f, &err) < 0) {
        rpc_fail(call, &err);
        return;
    }
    volume_block_path(f.volume, f.home, f.block.id, block_path, sizeof block_path);
    volume_meta_path(f.volume, f.home, f.block.id, f.block.stamp, meta_path, sizeof meta_path);
    answer.block = (Pb__ExtendedBlockProto *)(uintptr_t)b;
    answer.localpath = block_path;
    answer.localmetapath = meta_path;
    rpc_reply(call, &answer.base);
}

static void refresh_namenodes(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__RefreshNamenodesResponseProto answer = PB__REFRESH_NAMENODES_RESPONSE_PROTO__INIT;

    (void)m;
    if (is_superuser(call)) /* which ones there are is read at the start */
        rpc_reply(call, &answer.base);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int has_block(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    return kind == FTW_F && strncmp(path + ftw->base, "blk_", 4) == 0;
}

static int delete_pool(struct datanode *dn, const char *pool_id, bool force, struct err *err)
{
    const struct pool_info *pool = dataset_pool(dn->ds);
    char path[PATH_MAX];

    if (strncmp(pool_id, "BP-", 3) != 0 || strchr(pool_id, '/'))
        return err_set(err, ERR_ARGUMENT, "%s is no block pool id", pool_id);
    if (!pool || strcmp(pool->pool_id, pool_id) == 0)
        return err_set(err, ERR_IO,
                       "The block pool is still running. First do a refreshNamenodes to shutdown "
                       "the block pool service");
    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++) {
        if (!volume_serves(dataset_volume(dn->ds, i)))
            continue;
        snprintf(path, sizeof path, "%s/current/%s", dataset_volume(dn->ds, i)->root, pool_id);
        if (!force && nftw(path, has_block, 16, FTW_PHYS) == 1)
            return err_set(err, ERR_NOTEMPTY,
                           "Cannot delete block pool, it contains some block files");
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    return 0;
}

static void delete_block_pool(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__DeleteBlockPoolRequestProto *ask = (const Pb__DeleteBlockPoolRequestProto *)m;
    Pb__DeleteBlockPoolResponseProto answer = PB__DELETE_BLOCK_POOL_RESPONSE_PROTO__INIT;
    struct err err;

    if (!is_superuser(call))
        return;
    if (delete_pool(call->ctx, ask->blockpool, ask->force, &err) < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, &answer.base);
}

static void shutdown_datanode(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__ShutdownDatanodeResponseProto answer = PB__SHUTDOWN_DATANODE_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;

    (void)m;
    if (!is_superuser(call))
        return;
    rpc_reply(call, &answer.base);
    datanode_stop(dn, "an administrator asks for it");
}

static void evict_writers(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__EvictWritersResponseProto answer = PB__EVICT_WRITERS_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;

    (void)m;
    if (!is_superuser(call))
        return;
    dataset_stop_writers(dn->ds);
    rpc_reply(call, &answer.base);
}

static void get_datanode_info(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__GetDatanodeInfoResponseProto answer = PB__GET_DATANODE_INFO_RESPONSE_PROTO__INIT;
    Pb__DatanodeLocalInfoProto info = PB__DATANODE_LOCAL_INFO_PROTO__INIT;
    struct datanode *dn = call->ctx;

    (void)m;
    info.softwareversion = (char *)(uintptr_t) "3.4.2";
    info.configversion = (char *)(uintptr_t) "core-3.0.0,hdfs-1";
    info.uptime = (env_now_ms(dn->env) - dn->started_ms) / 1000;
    answer.localinfo = &info;
    rpc_reply(call, &answer.base);
}

static void get_volume_report(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__GetVolumeReportResponseProto answer = PB__GET_VOLUME_REPORT_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;
    unsigned n = dataset_volume_count(dn->ds);
    Pb__DatanodeVolumeInfoProto *rows = arena_alloc(call->arena, n * sizeof *rows);
    Pb__DatanodeVolumeInfoProto **list = arena_alloc(call->arena, n * sizeof *list);

    (void)m;
    if (!rows || !list) {
        rpc_fail(call, &(struct err){.code = ERR_NOMEM, .text = "volume report"});
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        struct volume *v = dataset_volume(dn->ds, i);
        int64_t promised = atomic_load(&v->promised);
        struct volume_room room;

        if (!volume_serves(v))
            continue;
        volume_room(v, &room);
        pb__datanode_volume_info_proto__init(&rows[i]);
        rows[i].path = v->root;
        rows[i].storagetype = v->type;
        rows[i].usedspace = room.used;
        rows[i].freespace = room.available;
        rows[i].reservedspace = v->reserve_bytes;
        rows[i].reservedspaceforreplicas = promised > 0 ? (uint64_t)promised : 0;
        rows[i].numblocks = (uint64_t)atomic_load(&v->blocks);
        list[answer.n_volumeinfo++] = &rows[i];
    }
    answer.volumeinfo = list;
    rpc_reply(call, &answer.base);
}

static void trigger_block_report(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__TriggerBlockReportRequestProto *ask = (const Pb__TriggerBlockReportRequestProto *)m;
    Pb__TriggerBlockReportResponseProto answer = PB__TRIGGER_BLOCK_REPORT_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;

    if (!is_superuser(call))
        return;
    for (unsigned i = 0; i < dn->namenodes->count; i++)
        if (!ask->nnaddress || strcmp(ask->nnaddress, dn->namenodes->actors[i]->address) == 0)
            actor_trigger(dn->namenodes->actors[i], ask->incremental);
    rpc_reply(call, &answer.base);
}

static void get_bandwidth(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__GetBalancerBandwidthResponseProto answer = PB__GET_BALANCER_BANDWIDTH_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;

    (void)m;
    answer.bandwidth = throttle_rate(dn->balance);
    rpc_reply(call, &answer.base);
}

/* The answer that @fill makes of what is known about settings that can change. */
#define ANSWER(name, type, init, fill)                                                             \
    static void name(struct rpc_call *call, const ProtobufCMessage *m)                             \
    {                                                                                              \
        struct datanode *dn = call->ctx;                                                           \
        type answer = init;                                                                        \
        struct err err;                                                                            \
                                                                                                   \
        (void)m;                                                                                   \
        if (!is_superuser(call))                                                                   \
            return;                                                                                \
        if (fill(dn->settings, call->arena, &answer, &err) < 0)                                    \
            rpc_fail(call, &err);                                                                  \
        else                                                                                       \
            rpc_reply(call, &answer.base);                                                         \
    }
ANSWER(reconfiguration_status, Pb__GetReconfigurationStatusResponseProto,
       PB__GET_RECONFIGURATION_STATUS_RESPONSE_PROTO__INIT, reconfigure_status)
ANSWER(list_reconfigurable, Pb__ListReconfigurablePropertiesResponseProto,
       PB__LIST_RECONFIGURABLE_PROPERTIES_RESPONSE_PROTO__INIT, reconfigure_list)
#undef ANSWER

static void start_reconfiguration(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__StartReconfigurationResponseProto answer = PB__START_RECONFIGURATION_RESPONSE_PROTO__INIT;
    struct datanode *dn = call->ctx;
    struct err err;

    (void)m;
    if (!is_superuser(call))
        return;
    if (reconfigure_start(dn->settings, &err) < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, &answer.base);
}

#define METHOD(name, type, fn, speed)                                                              \
    {                                                                                              \
        name, &pb__##type##_request_proto__descriptor, fn, speed                                   \
    }
static const struct rpc_method client_methods[] = {
    METHOD("getReplicaVisibleLength", get_replica_visible_length, get_visible_length, RPC_FAST),
    METHOD("getBlockLocalPathInfo", get_block_local_path_info, get_local_path, RPC_FAST),
    METHOD("refreshNamenodes", refresh_namenodes, refresh_namenodes, RPC_FAST),
    METHOD("deleteBlockPool", delete_block_pool, delete_block_pool, RPC_SLOW),
    METHOD("shutdownDatanode", shutdown_datanode, shutdown_datanode, RPC_FAST),
    METHOD("evictWriters", evict_writers, evict_writers, RPC_FAST),
    METHOD("getDatanodeInfo", get_datanode_info, get_datanode_info, RPC_FAST),
    METHOD("getVolumeReport", get_volume_report, get_volume_report, RPC_SLOW),
    METHOD("triggerBlockReport", trigger_block_report, trigger_block_report, RPC_FAST),
    METHOD("getBalancerBandwidth", get_balancer_bandwidth, get_bandwidth, RPC_FAST),
    METHOD("getReconfigurationStatus", get_reconfiguration_status, reconfiguration_status,
           RPC_FAST),
    METHOD("listReconfigurableProperties", list_reconfigurable_properties, list_reconfigurable,
           RPC_FAST),
    METHOD("startReconfiguration", start_reconfiguration, start_reconfiguration, RPC_SLOW),
};

const struct rpc_protocol *client_datanode_protocols(struct datanode *dn, int *count)
{
    static struct rpc_protocol protocols[] = {
        {.name = "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol", .version = 1},
        {.name = "org.apache.hadoop.hdfs.protocol.ReconfigurationProtocol", .version = 1},
    };

    *count = sizeof protocols / sizeof *protocols;
    for (int i = 0; i < *count; i++) {
        protocols[i].methods = client_methods;
        protocols[i].method_count = sizeof client_methods / sizeof *client_methods;
        protocols[i].ctx = dn;
    }
    return protocols;
}
