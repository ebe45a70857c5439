/* datanode_protocol.c -- DatanodeProtocol and DatanodeLifelineProtocol: what datanodes call. */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode_bad_blocks.pb-c.h"
#include "lifeline.pb-c.h"
#include "proto/rpc_server.h"

#define SOFTWARE_VERSION "3.4.2"

enum {
    NAMENODE_LAYOUT_VERSION = -67,
    CAPABILITY_REPORT_BUFFERS = 1 << 0, /* block reports may come as packed buffers */
    SOFTWARE_MAJOR_MIN = 3,
};

static struct block_manager *bm_of(const struct rpc_call *call)
{
    return call->ctx;
}

static Pb__StorageInfoProto storage_info(struct block_manager *bm)
{
    Pb__StorageInfoProto info = PB__STORAGE_INFO_PROTO__INIT;

    info.layoutversion = (uint32_t)NAMENODE_LAYOUT_VERSION;
    info.namespceid = bm->o.namespace_id;
    info.clusterid = bm->cluster_id;
    info.ctime = bm->o.created_ms;
    return info;
}

/* ---- who speaks ---- */

static void describe(const Pb__DatanodeRegistrationProto *reg, char *out, size_t n)
{
    const Pb__DatanodeIDProto *id = reg->datanodeid;
    const Pb__StorageInfoProto *s = reg->storageinfo;

    snprintf(out, n,
             "DatanodeRegistration(%s:%u, datanodeUuid=%s, infoPort=%u, infoSecurePort=%u, "
             "ipcPort=%u, storageInfo=lv=%d;cid=%s;nsid=%u;c=%" PRIu64 ")",
             id->ipaddr, id->xferport, id->datanodeuuid, id->infoport, id->infosecureport,
             id->ipcport, (int)s->layoutversion, s->clusterid, s->namespceid, s->ctime);
}

/* Hadoop's registration id: of one namespace, one cluster, one moment. */
static int verify_ids(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg,
                      struct err *err)
{
    const Pb__StorageInfoProto *s = reg->storageinfo;
    char who[512];

    if (s->namespceid == bm->o.namespace_id && s->ctime == bm->o.created_ms &&
        strcmp(s->clusterid, bm->cluster_id) == 0)
        return 0;
    describe(reg, who, sizeof who);
    return err_set(err, ERR_UNREGISTERED,
                   "Unregistered server: %s: the DatanodeRegistration ID is NS-%u-%s-%" PRIu64
                   " but the expected ID is NS-%u-%s-%" PRIu64,
                   who, s->namespceid, s->clusterid, s->ctime, bm->o.namespace_id, bm->cluster_id,
                   bm->o.created_ms);
}

static int verify_pool(struct block_manager *bm, const char *pool, struct err *err)
{
    if (strcmp(pool, bm->pool_id) == 0)
        return 0;
    return err_set(err, ERR_UNREGISTERED, "Block pool %s is reported, but this is block pool %s",
                   pool, bm->pool_id);
}

/* The registered node that @reg is; NULL when it has to register (again).  With the lock held. */
static struct datanode *who_is(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg)
{
    struct datanode *node = datanode_find(bm, reg->datanodeid->datanodeuuid);

    if (!node || !node->alive || node->xfer_port != reg->datanodeid->xferport)
        return NULL;
    return node;
}

static int disallowed(const Pb__DatanodeRegistrationProto *reg, struct err *err)
{
    char who[512];

    describe(reg, who, sizeof who);
    return err_set(err, ERR_DISALLOWED,
                   "Datanode denied communication with namenode because the host is not in the "
                   "include-list: %s",
                   who);
}

/* ---- joining ---- */

static void version_request(struct rpc_call *call, const ProtobufCMessage *request)
{
    struct block_manager *bm = bm_of(call);
    Pb__StorageInfoProto storage = storage_info(bm);
    Pb__NamespaceInfoProto info = PB__NAMESPACE_INFO_PROTO__INIT;
    Pb__VersionResponseProto out = PB__VERSION_RESPONSE_PROTO__INIT;

    (void)request;
    info.buildversion = (char *)"ashlar";
    info.blockpoolid = bm->pool_id;
    info.storageinfo = &storage;
    info.softwareversion = (char *)SOFTWARE_VERSION;
    info.has_capabilities = true;
    info.capabilities = CAPABILITY_REPORT_BUFFERS;
    info.has_state = true;
    info.state = PB__NNHASTATUS_HEARTBEAT_PROTO__STATE__ACTIVE;
    out.info = &info;
    rpc_reply(call, &out.base);
}

static int verify_software(const Pb__DatanodeRegistrationProto *reg, struct err *err)
{
    if (atoi(reg->softwareversion) >= SOFTWARE_MAJOR_MIN)
        return 0;
    return err_set(err, ERR_VERSION,
                   "The reported DataNode version is too low to communicate with NameNode. "
                   "DataNode version: '%s' Minimum DataNode version: '%d.0.0'",
                   reg->softwareversion, SOFTWARE_MAJOR_MIN);
}

int datanode_join(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg,
                  const char *ip, struct err *err)
{
    const char *place;
    int rc = verify_ids(bm, reg, err);

    if (rc == 0)
        rc = verify_software(reg, err);
    if (rc < 0)
        return rc;
    place = topology_resolve(bm->topology, ip, reg->datanodeid->hostname); /* may wait */
    bm_lock(bm);
    if (!hosts_may_join(bm->hosts, ip, reg->datanodeid->hostname,
                        (uint16_t)reg->datanodeid->xferport))
        rc = disallowed(reg, err);
    else
        rc = datanode_register(bm, reg, ip, place, err);
    bm_unlock(bm);
    return rc;
}

static void register_datanode(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__DatanodeRegistrationProto *reg =
        ((const Pb__RegisterDatanodeRequestProto *)request)->registration;
    Pb__RegisterDatanodeResponseProto out = PB__REGISTER_DATANODE_RESPONSE_PROTO__INIT;
    Pb__ExportedBlockKeysProto keys = PB__EXPORTED_BLOCK_KEYS_PROTO__INIT;
    Pb__BlockKeyProto key = PB__BLOCK_KEY_PROTO__INIT;
    struct err err;

    if (datanode_join(bm_of(call), reg, call->peer_ip, &err) < 0) {
        LOG_WARN("nn.register", "from=%s err=\"%s\" next=refused", call->peer_ip, err.text);
        rpc_fail(call, &err);
        return;
    }
    keys.currentkey = &key;
    reg->keys = &keys; /* no block tokens: empty ones */
    reg->datanodeid->ipaddr = (char *)call->peer_ip;
    out.registration = reg;
    rpc_reply(call, &out.base);
}

/* ---- heartbeats and the commands that answer them ---- */

enum { COMMANDS_MAX = 8 };

struct commands {
    struct arena *arena;
    Pb__DatanodeCommandProto *list[COMMANDS_MAX];
    size_t count;
};

static Pb__DatanodeCommandProto *command(struct commands *c, Pb__DatanodeCommandProto__Type type)
{
    static Pb__DatanodeCommandProto spare;
    Pb__DatanodeCommandProto *cmd = arena_alloc(c->arena, sizeof *cmd);

    if (!cmd || c->count == COMMANDS_MAX)
        return &spare;
    pb__datanode_command_proto__init(cmd);
    cmd->cmdtype = type;
    c->list[c->count++] = cmd;
    return cmd;
}

struct target_lists {
    Pb__DatanodeInfosProto nodes;
    Pb__StorageUuidsProto ids;
    Pb__StorageTypesProto types;
    Pb__BlockProto block;
    Pb__DatanodeInfoProto *info[MARKS_MAX];
    char *id[MARKS_MAX];
    Pb__StorageTypeProto type[MARKS_MAX];
};

static bool fill_targets(struct block_manager *bm, const struct transfer *t,
                         struct target_lists *out)
{
    size_t n = 0;

    pb__datanode_infos_proto__init(&out->nodes);
    pb__storage_uuids_proto__init(&out->ids);
    pb__storage_types_proto__init(&out->types);
    pb__block_proto__init(&out->block);
    for (int i = 0; i < t->target_count; i++) {
        struct storage *st = storage_at(bm, t->targets[i]);

        if (!st || !st->node || !st->node->alive)
            continue;
        out->info[n] = (Pb__DatanodeInfoProto *)&datanode_card(bm, st->node)->info;
        out->id[n] = st->uuid;
        out->type[n++] = st->type;
    }
    out->nodes.datanodes = out->info;
    out->ids.storageuuids = out->id;
    out->types.storagetypes = out->type;
    out->nodes.n_datanodes = out->ids.n_storageuuids = out->types.n_storagetypes = n;
    out->block.blockid = t->id;
    out->block.genstamp = t->gs;
    out->block.has_numbytes = true;
    out->block.numbytes = t->length;
    return n > 0;
}

/* Copies to make: as many as the node has streams left for. */
static Pb__BlockCommandProto *take_transfers(struct block_manager *bm, struct datanode *node,
                                             struct arena *arena)
{
    size_t max = (size_t)node->transfer_count, n = 0;
    struct target_lists *lists = arena_alloc(arena, max * sizeof *lists + 1);
    Pb__BlockCommandProto *cmd = arena_alloc(arena, sizeof *cmd);
    void **arrays = arena_alloc(arena, 4 * max * sizeof *arrays + 1);
    struct block_info b;

    if (max == 0 || !lists || !cmd || !arrays)
        return NULL;
    pb__block_command_proto__init(cmd);
    cmd->action = PB__BLOCK_COMMAND_PROTO__ACTION__TRANSFER;
    cmd->blockpoolid = bm->pool_id;
    cmd->blocks = (void *)arrays;
    cmd->targets = (void *)(arrays + max);
    cmd->targetstorageuuids = (void *)(arrays + 2 * max);
    cmd->targetstoragetypes = (void *)(arrays + 3 * max);
    for (size_t i = 0; i < max; i++) {
        const struct transfer *t = &node->transfers[i];

        if (!ns_block(bm->ns, t->id, &b) || !fill_targets(bm, t, &lists[n]))
            continue;
        cmd->blocks[n] = &lists[n].block;
        cmd->targets[n] = &lists[n].nodes;
        cmd->targetstorageuuids[n] = &lists[n].ids;
        cmd->targetstoragetypes[n] = &lists[n].types;
        n++;
    }
    node->transfer_count = 0;
    cmd->n_blocks = cmd->n_targets = cmd->n_targetstorageuuids = cmd->n_targetstoragetypes = n;
    return n ? cmd : NULL;
}

static void add_commands(struct block_manager *bm, struct datanode *node, struct commands *c)
{
    Pb__BlockRecoveryCommandProto *recovery = writing_recoveries(bm, node, c->arena);
    Pb__BlockCommandProto *copy = take_transfers(bm, node, c->arena);
    Pb__BlockECReconstructionCommandProto *rebuild = rebuild_take(bm, node, c->arena);
    Pb__BlockCommandProto *drop = invalidate_take(bm, node, c->arena);
    Pb__BlockIdCommandProto *in, *out;

    if (recovery)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockRecoveryCommand)->recoverycmd = recovery;
    if (copy)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockCommand)->blkcmd = copy;
    if (rebuild)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockECReconstructionCommand)
            ->blkecreconstructioncmd = rebuild;
    if (drop)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockCommand)->blkcmd = drop;
    cache_commands(bm, node, c->arena, &in, &out);
    if (in)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockIdCommand)->blkidcmd = in;
    if (out)
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BlockIdCommand)->blkidcmd = out;
    if (node->bandwidth) {
        Pb__BalancerBandwidthCommandProto *b = arena_alloc(c->arena, sizeof *b);

        if (!b)
            return;
        pb__balancer_bandwidth_command_proto__init(b);
        b->bandwidth = node->bandwidth;
        node->bandwidth = 0;
        command(c, PB__DATANODE_COMMAND_PROTO__TYPE__BalancerBandwidthCommand)->balancercmd = b;
    }
}

static void ask_to_register(struct commands *c)
{
    static Pb__RegisterCommandProto again = PB__REGISTER_COMMAND_PROTO__INIT;

    command(c, PB__DATANODE_COMMAND_PROTO__TYPE__RegisterCommand)->registercmd = &again;
}

/* A full report costs: only a few nodes at a time may send one, and each has its lease for it. */
static uint64_t give_lease(struct block_manager *bm, struct datanode *node)
{
    uint64_t now = bm_now(bm);
    int given = 0;

    for (int i = 0; i < bm->node_count; i++)
        given +=
            bm->nodes[i] != node && bm->nodes[i]->lease_id && bm->nodes[i]->lease_until_ms > now;
    if (given >= bm->leases_max)
        return 0;
    node->lease_id = ((uint64_t)bm_random(bm, UINT32_MAX) << 20 | bm_random(bm, 1 << 20)) + 1;
    node->lease_until_ms = now + bm->lease_ms;
    return node->lease_id;
}

static bool has_lease(struct block_manager *bm, const struct datanode *node,
                      const Pb__BlockReportContextProto *context)
{
    uint64_t id = context && context->has_leaseid ? context->leaseid : 0;

    return id == 0 || (id == node->lease_id && bm_now(bm) < node->lease_until_ms);
}

static int beat(struct block_manager *bm, const Pb__HeartbeatRequestProto *r, struct commands *c,
                Pb__HeartbeatResponseProto *out, struct err *err)
{
    struct datanode *node = who_is(bm, r->registration);

    bm->heartbeats++;
    out->hastatus->txid = bm->o.last_txid ? bm->o.last_txid(bm->o.ctx) : 0;
    if (node && node->disallowed) {
        datanode_dies(bm, node, "it is no longer listed");
        return disallowed(r->registration, err);
    }
    if (!node) {
        ask_to_register(c);
        return 0;
    }
    datanode_beat(bm, node, r);
    if (!bm_in_safe_mode(bm))
        add_commands(bm, node, c);
    if (r->requestfullblockreportlease) {
        out->has_fullblockreportleaseid = true;
        out->fullblockreportleaseid = give_lease(bm, node);
    }
    return 0;
}

/* Datanodes put what is deleted aside while a rolling upgrade is under way, and let it go when they
 * hear that it is over; that only the newer field says. */
static int tell_upgrade(struct block_manager *bm, struct arena *arena,
                        Pb__HeartbeatResponseProto *out, struct err *err)
{
    bool runs = ns_rolling_upgrade(bm->ns) != 0;
    Pb__RollingUpgradeStatusProto *s;

    if (!runs && !ns_rolling_upgrade_is_over(bm->ns))
        return 0;
    if (!(s = arena_alloc(arena, sizeof *s)))
        return err_set(err, ERR_NOMEM, "heartbeat");
    pb__rolling_upgrade_status_proto__init(s);
    s->blockpoolid = (char *)(uintptr_t)bm->o.pool_id;
    s->has_finalized = 1;
    s->finalized = !runs;
    out->rollingupgradestatusv2 = s;
    out->rollingupgradestatus = runs ? s : NULL;
    return 0;
}

int datanode_heartbeat(struct block_manager *bm, const Pb__HeartbeatRequestProto *r,
                       struct arena *arena, Pb__HeartbeatResponseProto *out, struct err *err)
{
    Pb__NNHAStatusHeartbeatProto *ha = arena_alloc(arena, sizeof *ha);
    struct commands *c = arena_zalloc(arena, sizeof *c);
    int rc = verify_ids(bm, r->registration, err);

    if (rc < 0)
        return rc;
    if (!ha || !c)
        return err_set(err, ERR_NOMEM, "heartbeat");
    pb__nnhastatus_heartbeat_proto__init(ha);
    ha->state = PB__NNHASTATUS_HEARTBEAT_PROTO__STATE__ACTIVE;
    out->hastatus = ha;
    c->arena = arena;
    bm_lock(bm);
    rc = beat(bm, r, c, out, err);
    if (rc == 0)
        rc = tell_upgrade(bm, arena, out, err);
    bm_unlock(bm);
    out->cmds = c->list;
    out->n_cmds = c->count;
    return rc;
}

static void send_heartbeat(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__HeartbeatResponseProto out = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    struct err err;

    if (datanode_heartbeat(bm_of(call), (const Pb__HeartbeatRequestProto *)request, call->arena,
                           &out, &err) < 0) {
        rpc_fail(call, &err);
        return;
    }
    /* What is deleted or copied follows from changes that may not be durable yet: no datanode hears
     * of them before they are. */
    if (out.n_cmds > 0 && out.hastatus)
        call->mark = out.hastatus->txid;
    rpc_reply(call, &out.base);
}

static void send_lifeline(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__HeartbeatRequestProto *r = (const Pb__HeartbeatRequestProto *)request;
    Pb__LifelineResponseProto out = PB__LIFELINE_RESPONSE_PROTO__INIT;
    struct block_manager *bm = bm_of(call);
    struct datanode *node;
    struct err err;
    int rc = verify_ids(bm, r->registration, &err);

    if (rc == 0) {
        bm_lock(bm);
        node = who_is(bm, r->registration); /* who is not registered has no life to save */
        if (node && !node->disallowed)
            datanode_beat(bm, node, r);
        bm_unlock(bm);
    }
    if (rc < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, &out.base);
}

/* ---- reports ---- */

/* Hadoop's last word to a node that has told everything: what was kept for a rollback may go.  Not while there is
 * something that the namenode can be taken back to. */
static Pb__DatanodeCommandProto *finalize_command(struct block_manager *bm, struct datanode *node,
                                                  struct arena *arena)
{
    Pb__FinalizeCommandProto *f = arena_alloc(arena, sizeof *f);
    struct commands c = {.arena = arena};
    Pb__DatanodeCommandProto *cmd;

    if (ns_rolling_upgrade(bm->ns) != 0 ||
        (bm->o.upgrade_is_final && !bm->o.upgrade_is_final(bm->o.ctx)))
        return NULL;
    for (int i = 0; i < node->storage_count; i++)
        if (!node->storages[i]->reported && !node->storages[i]->failed)
            return NULL;
    if (!f)
        return NULL;
    pb__finalize_command_proto__init(f);
    f->blockpoolid = bm->pool_id;
    cmd = command(&c, PB__DATANODE_COMMAND_PROTO__TYPE__FinalizeCommand);
    cmd->finalizecmd = f;
    return cmd;
}

/* 1: go on; 0: it has to register again.  Who is refused for its lease asks for another; told nothing, it would take
   its report for done and be silent for hours. */
static int may_report(struct block_manager *bm, const Pb__BlockReportRequestProto *r,
                      struct commands *c, struct err *err)
{
    struct datanode *node = who_is(bm, r->registration);

    if (!node) {
        ask_to_register(c);
        return 0;
    }
    if (!has_lease(bm, node, r->context)) {
        LOG_WARN("nn.report", "node=%s:%u err=\"block report without a lease\" next=\"ask again\"",
                 node->ip, node->xfer_port);
        return err_set(err, ERR_REPORT_LEASE,
                       "Block report 0x%" PRIx64 " was rejected as lease 0x%" PRIx64 " is invalid",
                       (uint64_t)r->context->id, (uint64_t)r->context->leaseid);
    }
    return 1;
}

static void after_report(struct block_manager *bm, const Pb__BlockReportRequestProto *r,
                         struct arena *arena, Pb__BlockReportResponseProto *out)
{
    struct datanode *node = who_is(bm, r->registration);
    bool last = !r->context || r->context->currpc >= r->context->totalrpcs - 1;

    if (!node)
        return;
    if (last)
        node->lease_id = 0;
    out->cmd = finalize_command(bm, node, arena);
}

int datanode_block_report(struct block_manager *bm, const Pb__BlockReportRequestProto *r,
                          struct arena *arena, Pb__BlockReportResponseProto *out, struct err *err)
{
    struct commands c = {.arena = arena};
    int rc = verify_ids(bm, r->registration, err), go_on;

    if (rc == 0)
        rc = verify_pool(bm, r->blockpoolid, err);
    if (rc < 0)
        return rc;
    bm_lock(bm);
    go_on = may_report(bm, r, &c, err);
    bm_unlock(bm);
    if (go_on < 0)
        return go_on;
    if (c.count)
        out->cmd = c.list[0];
    for (size_t i = 0; go_on && rc == 0 && i < r->n_reports; i++)
        rc = report_full(bm, r->registration->datanodeid->datanodeuuid, r->reports[i], err);
    if (go_on && rc == 0) {
        bm_lock(bm);
        after_report(bm, r, arena, out);
        bm_unlock(bm);
    }
    return rc;
}

static void block_report(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__BlockReportResponseProto out = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    struct err err;

    if (datanode_block_report(bm_of(call), (const Pb__BlockReportRequestProto *)request,
                              call->arena, &out, &err) < 0) {
        LOG_WARN("nn.report", "from=%s err=\"%s\" next=\"what was read counts\"", call->peer_ip,
                 err.text);
        rpc_fail(call, &err);
    } else {
        rpc_reply(call, &out.base);
    }
}

int datanode_received(struct block_manager *bm, const Pb__BlockReceivedAndDeletedRequestProto *r,
                      struct err *err)
{
    struct datanode *node;
    int rc = verify_ids(bm, r->registration, err);

    if (rc == 0)
        rc = verify_pool(bm, r->blockpoolid, err);
    if (rc < 0)
        return rc;
    bm_lock(bm);
    node = who_is(bm, r->registration);
    if (!node)
        rc = err_set(err, ERR_UNREGISTERED,
                     "Unregistered server: %s:%u has to register before it reports",
                     r->registration->datanodeid->ipaddr, r->registration->datanodeid->xferport);
    for (size_t i = 0; node && i < r->n_blocks; i++)
        report_incremental(bm, node, r->blocks[i]);
    bm->incremental_reports++;
    bm_unlock(bm);
    return rc;
}

static void received_and_deleted(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__BlockReceivedAndDeletedResponseProto out =
        PB__BLOCK_RECEIVED_AND_DELETED_RESPONSE_PROTO__INIT;
    struct err err;

    if (datanode_received(bm_of(call), (const Pb__BlockReceivedAndDeletedRequestProto *)request,
                          &err) < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, &out.base);
}

static void cache_report(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__CacheReportRequestProto *r = (const Pb__CacheReportRequestProto *)request;
    Pb__CacheReportResponseProto out = PB__CACHE_REPORT_RESPONSE_PROTO__INIT;
    struct block_manager *bm = bm_of(call);
    struct datanode *node;
    struct err err;

    bm_lock(bm);
    node = who_is(bm, r->registration);
    if (node)
        cache_reported(bm, node, r->blocks, r->n_blocks);
    bm_unlock(bm);
    if (node) {
        rpc_reply(call, &out.base);
        return;
    }
    err_set(&err, ERR_IO, "processCacheReport from dead or unregistered datanode: %s",
            r->registration->datanodeid->datanodeuuid);
    rpc_fail(call, &err);
}

/* ---- trouble ---- */

static void error_report(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__ErrorReportRequestProto *r = (const Pb__ErrorReportRequestProto *)request;
    Pb__ErrorReportResponseProto out = PB__ERROR_REPORT_RESPONSE_PROTO__INIT;
    struct block_manager *bm = bm_of(call);
    struct datanode *node;

    LOG_WARN("nn.datanode", "node=%s:%u code=%u err=\"%s\" next=\"%s\"",
             r->registartion->datanodeid->ipaddr, r->registartion->datanodeid->xferport,
             r->errorcode, r->msg,
             r->errorcode == PB__ERROR_REPORT_REQUEST_PROTO__ERROR_CODE__FATAL_DISK_ERROR
                 ? "count it as dead"
                 : "-");
    if (r->errorcode == PB__ERROR_REPORT_REQUEST_PROTO__ERROR_CODE__FATAL_DISK_ERROR) {
        bm_lock(bm);
        node = who_is(bm, r->registartion);
        if (node)
            datanode_dies(bm, node, "it has no disk left");
        bm_unlock(bm);
    }
    rpc_reply(call, &out.base);
}

static void report_bad_blocks(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pbdn__ReportBadBlocksRequestProto *r = (const Pbdn__ReportBadBlocksRequestProto *)request;
    Pbdn__ReportBadBlocksResponseProto out = PBDN__REPORT_BAD_BLOCKS_RESPONSE_PROTO__INIT;
    struct block_manager *bm = bm_of(call);

    bm_lock(bm);
    for (size_t i = 0; i < r->n_blocks; i++) {
        const Pb__LocatedBlockProto *b = r->blocks[i];

        for (size_t k = 0; k < b->n_locs; k++)
            bm_report_bad(bm, b->b->blockid, b->locs[k]->id->datanodeuuid,
                          k < b->n_storageids ? b->storageids[k] : NULL, "told by a datanode");
    }
    bm_unlock(bm);
    rpc_reply(call, &out.base);
}

static void commit_block_synchronization(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__CommitBlockSynchronizationResponseProto out =
        PB__COMMIT_BLOCK_SYNCHRONIZATION_RESPONSE_PROTO__INIT;
    struct block_manager *bm = bm_of(call);
    struct err err;
    int rc;

    bm_lock(bm);
    rc = writing_synchronized(bm, (const Pb__CommitBlockSynchronizationRequestProto *)request,
                              &call->mark, &err);
    bm_unlock(bm);
    if (rc < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, &out.base);
}

#define ROW(name, type, handler, speed)                                                            \
    {                                                                                              \
        name, &pb__##type##__descriptor, handler, speed                                            \
    }

static const struct rpc_method methods[] = {
    ROW("versionRequest", version_request_proto, version_request, RPC_FAST),
    ROW("registerDatanode", register_datanode_request_proto, register_datanode, RPC_SLOW),
    ROW("sendHeartbeat", heartbeat_request_proto, send_heartbeat, RPC_FAST),
    ROW("blockReport", block_report_request_proto, block_report, RPC_SLOW),
    ROW("cacheReport", cache_report_request_proto, cache_report, RPC_FAST),
    ROW("blockReceivedAndDeleted", block_received_and_deleted_request_proto, received_and_deleted,
        RPC_FAST),
    ROW("errorReport", error_report_request_proto, error_report, RPC_FAST),
    {"reportBadBlocks", &pbdn__report_bad_blocks_request_proto__descriptor, report_bad_blocks,
     RPC_FAST},
    ROW("commitBlockSynchronization", commit_block_synchronization_request_proto,
        commit_block_synchronization, RPC_FAST),
};

static const struct rpc_method lifeline_methods[] = {
    ROW("sendLifeline", heartbeat_request_proto, send_lifeline, RPC_FAST),
};

void bm_datanode_protocol(struct block_manager *bm, struct rpc_protocol *out)
{
    *out = (struct rpc_protocol){.name = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol",
                                 .version = 1,
                                 .methods = methods,
                                 .method_count = sizeof methods / sizeof *methods,
                                 .ctx = bm};
}

void bm_lifeline_protocol(struct block_manager *bm, struct rpc_protocol *out)
{
    *out = (struct rpc_protocol){
        .name = "org.apache.hadoop.hdfs.server.protocol.DatanodeLifelineProtocol",
        .version = 1,
        .methods = lifeline_methods,
        .method_count = sizeof lifeline_methods / sizeof *lifeline_methods,
        .ctx = bm};
}
