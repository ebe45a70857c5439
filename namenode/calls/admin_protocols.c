/* admin_protocols.c -- the small protocols on the RPC port: what other daemons and dfsadmin ask. */
#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "ha.pb-c.h"
#include "namenode.pb-c.h"
#include "common/log.h"
#include "namenode/namenode.h"
#include "namenode/blocks/satisfier.h"
#include "namenode/calls/users.h"
#include "proto/rpc_server.h"
#include "proto/reconfigure.h"
#include "server.pb-c.h"

/* A request of one of these protocols.  In a row of the table NULL stands for "anybody may", a text
 * for what an operation of the superuser is called. */
typedef int (*admin_fn)(struct namenode *nn, struct rpc_call *call, const void *rq, void *rs,
                        struct err *err);

static void carry_out(struct rpc_call *call, const ProtobufCMessage *rq,
                      const ProtobufCMessageDescriptor *reply, const char *super_only, admin_fn fn)
{
    struct namenode *nn = call->ctx;
    const struct user *user = users_get(nn->users, call->user);
    ProtobufCMessage *rs = arena_alloc(call->arena, reply->sizeof_message);
    struct err err;
    int rc = 0;

    if (!user || !rs) {
        err_set(&err, ERR_NOMEM, "answer");
        rpc_fail(call, &err);
        return;
    }
    protobuf_c_message_init(reply, rs);
    if (super_only && !user->is_super)
        rc = err_set(&err, ERR_ACCESS,
                     "Access denied for user %s. Superuser privilege is required for operation %s",
                     user->name, super_only);
    if (rc == 0)
        rc = fn(nn, call, rq, rs, &err);
    if (rc < 0)
        rpc_fail(call, &err);
    else
        rpc_reply(call, rs);
}

static int nomem(struct err *err)
{
    return err_set(err, ERR_NOMEM, "answer");
}

/* ---- NamenodeProtocol ---- */

enum { NAMENODE_LAYOUT = -67, INVALID_TXID = -12345 };

static Pb__StorageInfoProto *storage_info(struct namenode *nn, struct arena *arena)
{
    Pb__StorageInfoProto *s = arena_alloc(arena, sizeof *s);

    if (!s)
        return NULL;
    pb__storage_info_proto__init(s);
    s->layoutversion = (uint32_t)NAMENODE_LAYOUT;
    s->namespceid = nn->identity.namespace_id;
    s->clusterid = nn->identity.cluster_id;
    s->ctime = nn->identity.created_ms;
    return s;
}

static int version_request(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                           struct err *err)
{
    Pb__VersionResponseProto *rs = out;
    Pb__NamespaceInfoProto *i = arena_alloc(call->arena, sizeof *i);

    (void)rq;
    if (!i)
        return nomem(err);
    pb__namespace_info_proto__init(i);
    i->buildversion = "ashlar";
    i->softwareversion = "3.4.2";
    i->blockpoolid = nn->identity.pool_id;
    i->has_capabilities = i->has_state = 1;
    i->capabilities = 1; /* storage block report buffers */
    i->state = PB__NNHASTATUS_HEARTBEAT_PROTO__STATE__ACTIVE;
    i->storageinfo = storage_info(nn, call->arena);
    rs->info = i;
    return i->storageinfo ? 0 : nomem(err);
}

static int get_transaction_id(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                              struct err *err)
{
    Pbnn__GetTransactionIdResponseProto *rs = out;

    (void)call, (void)rq, (void)err;
    rs->txid = journal_durable_txid(nn->journal);
    return 0;
}

static int most_recent_checkpoint(struct namenode *nn, struct rpc_call *call, const void *rq,
                                  void *out, struct err *err)
{
    Pbnn__GetMostRecentCheckpointTxIdResponseProto *rs = out;

    (void)call, (void)rq, (void)err;
    rs->txid = name_dirs_image_txid(nn->dirs);
    return 0;
}

/* Ends the segment, and says of what an image could be made now. */
static int rolled_signature(struct namenode *nn, struct arena *arena,
                            Pb__CheckpointSignatureProto **out, struct err *err)
{
    Pb__CheckpointSignatureProto *s = arena_alloc(arena, sizeof *s);
    uint64_t first;
    int rc;

    if (!s)
        return nomem(err);
    if ((rc = journal_roll(nn->journal, &first, err)) < 0)
        return rc;
    pb__checkpoint_signature_proto__init(s);
    s->blockpoolid = nn->identity.pool_id;
    s->mostrecentcheckpointtxid = name_dirs_image_txid(nn->dirs);
    s->cursegmenttxid = first;
    s->storageinfo = storage_info(nn, arena);
    *out = s;
    return s->storageinfo ? 0 : nomem(err);
}

static int roll_edit_log(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                         struct err *err)
{
    (void)rq;
    return rolled_signature(nn, call->arena, &((Pbnn__RollEditLogResponseProto *)out)->signature,
                            err);
}

/* Ended segments from @since on, each once, though every directory has it. */
static int get_manifest(struct namenode *nn, struct rpc_call *call, const void *request,
                        void *reply, struct err *err)
{
    const Pbnn__GetEditLogManifestRequestProto *rq = request;
    Pbnn__GetEditLogManifestResponseProto *rs = reply;
    Pb__RemoteEditLogManifestProto *m = arena_alloc(call->arena, sizeof *m);
    struct name_segment *list;
    int n, rc = name_dirs_segments(nn->dirs, rq->sincetxid, call->arena, &list, &n, err);

    if (rc < 0)
        return rc;
    if (!m)
        return nomem(err);
    pb__remote_edit_log_manifest_proto__init(m);
    m->has_committedtxnid = 1;
    m->committedtxnid = (uint64_t)INVALID_TXID;
    m->logs = arena_alloc(call->arena, ((size_t)n + 1) * sizeof *m->logs);
    for (int i = 0; i < n && m->logs; i++) {
        Pb__RemoteEditLogProto *log = arena_alloc(call->arena, sizeof *log);

        if (!log)
            return nomem(err);
        pb__remote_edit_log_proto__init(log);
        log->starttxid = list[i].first;
        log->endtxid = list[i].last;
        m->logs[m->n_logs++] = log;
    }
    rs->manifest = m;
    return m->logs ? 0 : nomem(err);
}

/* Without security there are no tokens, and the keys are Hadoop's "none". */
static int get_block_keys(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                          struct err *err)
{
    Pbnn__GetBlockKeysResponseProto *rs = out;
    Pb__ExportedBlockKeysProto *keys = arena_alloc(call->arena, sizeof *keys);
    Pb__BlockKeyProto *none = arena_alloc(call->arena, sizeof *none);

    (void)nn, (void)rq;
    if (!keys || !none)
        return nomem(err);
    pb__exported_block_keys_proto__init(keys);
    pb__block_key_proto__init(none);
    keys->currentkey = none;
    rs->keys = keys;
    return 0;
}

static int next_sps_path(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                         struct err *err)
{
    Pbnn__GetNextSPSPathResponseProto *rs = out;

    (void)call, (void)rq;
    if (!nn->satisfier)
        return err_set(err, ERR_IO,
                       "SPS service mode is NONE, so external SPS service is not allowed to fetch "
                       "the path Ids");
    nn_lock(nn);
    rs->spspath = satisfier_next(nn->satisfier, nn->ns);
    nn_unlock(nn);
    rs->has_spspath = rs->spspath != 0;
    return 0;
}

static int is_upgrade_finalized(struct namenode *nn, struct rpc_call *call, const void *rq,
                                void *out, struct err *err)
{
    (void)call, (void)rq, (void)err;
    ((Pbnn__IsUpgradeFinalizedResponseProto *)out)->isupgradefinalized =
        !name_dirs_has_previous(nn->dirs);
    return 0;
}

static int is_rolling_upgrade(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                              struct err *err)
{
    (void)call, (void)rq, (void)err;
    nn_lock(nn);
    ((Pbnn__IsRollingUpgradeResponseProto *)out)->isrollingupgrade =
        ns_rolling_upgrade(nn->ns) != 0;
    nn_unlock(nn);
    return 0;
}

/* ---- a CheckpointNode's, which asks before and after ---- */

enum { ACT_SHUTDOWN = 50, ACT_CHECKPOINT = 51, FATAL_ERROR = 1 };

static bool same_store(const struct namenode *nn, const Pb__StorageInfoProto *s)
{
    return s->namespceid == nn->identity.namespace_id && s->ctime == nn->identity.created_ms &&
           strcmp(s->clusterid, nn->identity.cluster_id) == 0;
}

static const char *role_name(const Pb__NamenodeRegistrationProto *r)
{
    switch (r->role) {
    case PB__NAMENODE_REGISTRATION_PROTO__NAMENODE_ROLE_PROTO__BACKUP: return "Backup Node";
    case PB__NAMENODE_REGISTRATION_PROTO__NAMENODE_ROLE_PROTO__CHECKPOINT: return "Checkpoint Node";
    default: return "NameNode";
    }
}

static int must_be_ours(const struct namenode *nn, const Pb__NamenodeRegistrationProto *r,
                        struct err *err)
{
    if (same_store(nn, r->storageinfo))
        return 0;
    return err_set(err, ERR_UNREGISTERED, "Unregistered server: NamenodeRegistration(%s, role=%s)",
                   r->rpcaddress, role_name(r));
}

/* Nothing is streamed to a BackupNode: one that expects it must not believe that it is up to date. */
static int register_subordinate(struct namenode *nn, struct rpc_call *call, const void *request,
                                void *reply, struct err *err)
{
    const Pb__NamenodeRegistrationProto *r =
        ((const Pbnn__RegisterRequestProto *)request)->registration;
    Pbnn__RegisterResponseProto *rs = reply;
    Pb__NamenodeRegistrationProto *me;

    if ((int32_t)r->storageinfo->layoutversion != NAMENODE_LAYOUT)
        return err_set(err, ERR_VERSION,
                       "Unexpected version of data node. Reported: %d. Expecting = %d.",
                       (int32_t)r->storageinfo->layoutversion, NAMENODE_LAYOUT);
    if (r->storageinfo->namespceid != nn->identity.namespace_id)
        return err_set(
            err, ERR_IO,
            "Incompatible namespaceIDs:  Namenode namespaceID = %u; %s node namespaceID = %u",
            nn->identity.namespace_id, role_name(r), r->storageinfo->namespceid);
    if (r->role == PB__NAMENODE_REGISTRATION_PROTO__NAMENODE_ROLE_PROTO__BACKUP)
        return err_set(err, ERR_UNSUPPORTED,
                       "the edit log is not streamed to a BackupNode; a SecondaryNameNode or a "
                       "CheckpointNode can be had");
    if (!(me = arena_alloc(call->arena, sizeof *me)))
        return nomem(err);
    pb__namenode_registration_proto__init(me);
    me->rpcaddress = nn->rpc_address;
    me->httpaddress = nn->http_address;
    me->has_role = 1;
    me->role = PB__NAMENODE_REGISTRATION_PROTO__NAMENODE_ROLE_PROTO__NAMENODE;
    rs->registration = me;
    return (me->storageinfo = storage_info(nn, call->arena)) ? 0 : nomem(err);
}

static int start_checkpoint(struct namenode *nn, struct rpc_call *call, const void *request,
                            void *reply, struct err *err)
{
    const Pb__NamenodeRegistrationProto *r =
        ((const Pbnn__StartCheckpointRequestProto *)request)->registration;
    Pbnn__StartCheckpointResponseProto *rs = reply;
    Pb__NamenodeCommandProto *command = arena_alloc(call->arena, sizeof *command);
    Pb__CheckpointCommandProto *c = arena_alloc(call->arena, sizeof *c);
    int rc = must_be_ours(nn, r, err);

    if (rc < 0)
        return rc;
    if (!command || !c)
        return nomem(err);
    pb__namenode_command_proto__init(command);
    rs->command = command;
    if (r->role == PB__NAMENODE_REGISTRATION_PROTO__NAMENODE_ROLE_PROTO__NAMENODE) {
        command->action = ACT_SHUTDOWN;
        command->type = PB__NAMENODE_COMMAND_PROTO__TYPE__NamenodeCommand;
        return 0;
    }
    pb__checkpoint_command_proto__init(c);
    command->action = ACT_CHECKPOINT;
    command->type = PB__NAMENODE_COMMAND_PROTO__TYPE__CheckPointCommand;
    command->checkpointcmd = c;
    c->needtoreturnimage = 1;
    return rolled_signature(nn, call->arena, &c->signature, err);
}

static int end_checkpoint(struct namenode *nn, struct rpc_call *call, const void *request,
                          void *reply, struct err *err)
{
    const Pbnn__EndCheckpointRequestProto *rq = request;
    const Pb__CheckpointSignatureProto *s = rq->signature;
    int rc = must_be_ours(nn, rq->registration, err);

    (void)call, (void)reply;
    if (rc < 0)
        return rc;
    if (same_store(nn, s->storageinfo) && strcmp(s->blockpoolid, nn->identity.pool_id) == 0)
        return 0;
    return err_set(
        err, ERR_IO,
        "Inconsistent checkpoint fields.\nnamespaceID = %u cTime = %llu ; clusterId = %s "
        "; blockpoolId = %s.\nExpecting respectively: %u; %llu; %s; %s.",
        s->storageinfo->namespceid, (unsigned long long)s->storageinfo->ctime,
        s->storageinfo->clusterid, s->blockpoolid, nn->identity.namespace_id,
        (unsigned long long)nn->identity.created_ms, nn->identity.cluster_id, nn->identity.pool_id);
}

static int error_report(struct namenode *nn, struct rpc_call *call, const void *request,
                        void *reply, struct err *err)
{
    const Pbnn__ErrorReportRequestProto *rq = request;
    int rc = must_be_ours(nn, rq->registration, err);

    (void)call, (void)reply;
    if (rc < 0)
        return rc;
    LOG_WARN("nn.subordinate", "from=%s fatal=%d err=\"%s\" next=\"nothing depends on it\"",
             rq->registration->rpcaddress, rq->errorcode == FATAL_ERROR, rq->msg);
    return 0;
}

/* getBlocks: what the balancer may move from a datanode. */
struct picked {
    struct namenode *nn;
    struct arena *arena;
    const Pbnn__GetBlocksRequestProto *rq;
    uint16_t storages[256];
    int storage_count;
    uint64_t bytes;
    Pb__BlocksWithLocationsProto *out;
    size_t room;
    bool failed;
};

static bool is_on(const struct picked *p, const struct block_info *b, const uint16_t *storages)
{
    for (unsigned i = 0; i < b->storage_count; i++) {
        const Pb__DatanodeInfoProto *dn = bm_storage_datanode(p->nn->bm, storages[i]);

        if (dn && strcmp(dn->id->datanodeuuid, p->rq->datanode->datanodeuuid) == 0)
            return true;
    }
    return false;
}

/* Of a block group which unit each datanode has, in the order of the datanodes. */
static bool put_units(struct picked *p, const struct block_info *b, Pb__BlockWithLocationsProto *m)
{
    struct block_manager *bm = p->nn->bm;
    size_t n = b->storage_count, count = 0;
    uint16_t *storages = arena_alloc(p->arena, n * sizeof *storages + 1);
    uint8_t *units = arena_alloc(p->arena, n + 1);
    struct striping s;

    if (!ns_striping(p->nn->ns, b->file, &s))
        return true;
    if (!storages || !units)
        return false;
    ns_block_units(p->nn->ns, b->id, storages, units, (unsigned)n);
    for (size_t i = 0; i < n; i++)
        if (bm_storage_datanode(bm, storages[i]) && bm_storage_id(bm, storages[i]))
            units[count++] = units[i];
    m->has_indices = m->has_datablocknum = m->has_cellsize = 1;
    m->indices = (ProtobufCBinaryData){.len = count, .data = units};
    m->datablocknum = s.data;
    m->cellsize = s.cell_bytes;
    return true;
}

static Pb__BlockWithLocationsProto *block_with_locations(struct picked *p,
                                                         const struct block_info *b,
                                                         const uint16_t *storages)
{
    Pb__BlockWithLocationsProto *m = arena_alloc(p->arena, sizeof *m);
    size_t n = b->storage_count;

    if (!m)
        return NULL;
    pb__block_with_locations_proto__init(m);
    m->block = arena_alloc(p->arena, sizeof *m->block);
    m->datanodeuuids = arena_alloc(p->arena, (n + 1) * sizeof(char *));
    m->storageuuids = arena_alloc(p->arena, (n + 1) * sizeof(char *));
    m->storagetypes = arena_alloc(p->arena, (n + 1) * sizeof *m->storagetypes);
    if (!m->block || !m->datanodeuuids || !m->storageuuids || !m->storagetypes)
        return NULL;
    pb__block_proto__init(m->block);
    m->block->blockid = b->id;
    m->block->genstamp = b->gs;
    m->block->has_numbytes = 1;
    m->block->numbytes = b->length;
    for (size_t i = 0; i < n; i++) {
        const Pb__DatanodeInfoProto *dn = bm_storage_datanode(p->nn->bm, storages[i]);
        const char *id = bm_storage_id(p->nn->bm, storages[i]);

        if (!dn || !id)
            continue;
        m->datanodeuuids[m->n_datanodeuuids++] =
            arena_strndup(p->arena, dn->id->datanodeuuid, strlen(dn->id->datanodeuuid));
        m->storageuuids[m->n_storageuuids++] = arena_strndup(p->arena, id, strlen(id));
        m->storagetypes[m->n_storagetypes++] = PB__STORAGE_TYPE_PROTO__DISK;
    }
    return put_units(p, b, m) ? m : NULL;
}

static void pick(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct picked *p = ctx;

    if (p->bytes >= p->rq->size || p->failed || b->state != BLOCK_COMPLETE ||
        b->length < p->rq->minblocksize || !is_on(p, b, storages))
        return;
    if (p->out->n_blocks == p->room) {
        size_t room = p->room ? p->room * 2 : 256;
        void *more = arena_alloc(p->arena, room * sizeof *p->out->blocks);

        if (!more) {
            p->failed = true;
            return;
        }
        if (p->out->n_blocks)
            memcpy(more, p->out->blocks, p->out->n_blocks * sizeof *p->out->blocks);
        p->out->blocks = more;
        p->room = room;
    }
    p->out->blocks[p->out->n_blocks] = block_with_locations(p, b, storages);
    p->failed = !p->out->blocks[p->out->n_blocks];
    p->out->n_blocks += !p->failed;
    p->bytes += b->length;
}

static int get_blocks(struct namenode *nn, struct rpc_call *call, const void *request, void *reply,
                      struct err *err)
{
    const Pbnn__GetBlocksRequestProto *rq = request;
    Pbnn__GetBlocksResponseProto *rs = reply;
    struct picked p = {.nn = nn, .arena = call->arena, .rq = rq};
    uint64_t from = 1;

    if ((int64_t)rq->size <= 0)
        return err_set(err, ERR_ARGUMENT, "Unexpected not positive size: %lld",
                       (long long)rq->size);
    if (!(p.out = arena_alloc(call->arena, sizeof *p.out)))
        return nomem(err);
    pb__blocks_with_locations_proto__init(p.out);
    while (from && p.bytes < rq->size && !p.failed) {
        nn_lock(nn);
        from = ns_block_scan(nn->ns, from, 2000, pick, &p);
        nn_unlock(nn);
    }
    rs->blocks = p.out;
    return p.failed ? nomem(err) : 0;
}

/* ---- HAServiceProtocol ---- */

static int monitor_health(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                          struct err *err)
{
    (void)nn, (void)call, (void)rq, (void)out, (void)err;
    return 0;
}

static int not_ha(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                  struct err *err)
{
    (void)nn, (void)call, (void)rq, (void)out;
    return err_set_class(err, ERR_UNSUPPORTED, "org.apache.hadoop.ha.ServiceFailedException",
                         "HA for namenode is not enabled");
}

/* ---- the administrator's refreshes ---- */

static int refresh_groups(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                          struct err *err)
{
    (void)call, (void)rq, (void)out, (void)err;
    users_refresh(nn->users);
    return 0;
}

static int refresh_proxies(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                           struct err *err)
{
    (void)call, (void)rq, (void)out;
    return users_reload_proxies(nn->users, err);
}

static int refresh_nothing(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                           struct err *err)
{
    (void)nn, (void)call, (void)rq, (void)out, (void)err;
    return 0;
}

static int refresh_service_acl(struct namenode *nn, struct rpc_call *call, const void *rq,
                               void *out, struct err *err)
{
    (void)nn, (void)call, (void)rq, (void)out;
    return err_set(err, ERR_AUTHORIZE, "Service Level Authorization not enabled!\n");
}

static int get_groups(struct namenode *nn, struct rpc_call *call, const void *request, void *reply,
                      struct err *err)
{
    const Pb__GetGroupsForUserRequestProto *rq = request;
    Pb__GetGroupsForUserResponseProto *rs = reply;
    const struct user *user = users_get(nn->users, rq->user);

    if (!user ||
        !(rs->groups = arena_alloc(call->arena, ((size_t)user->group_count + 1) * sizeof(char *))))
        return nomem(err);
    for (int i = 0; i < user->group_count; i++) {
        const char *g = user->groups[i];

        if (!(rs->groups[rs->n_groups++] = arena_strndup(call->arena, g, strlen(g))))
            return nomem(err);
    }
    return 0;
}

static int generic_refresh(struct namenode *nn, struct rpc_call *call, const void *request,
                           void *reply, struct err *err)
{
    const Pb__GenericRefreshRequestProto *rq = request;

    (void)nn, (void)call, (void)reply;
    return err_set(err, ERR_ARGUMENT,
                   "Identifier '%s' does not exist in RefreshRegistry. Valid options are: ",
                   rq->identifier ? rq->identifier : "");
}

static int reconfiguration_status(struct namenode *nn, struct rpc_call *call, const void *rq,
                                  void *out, struct err *err)
{
    (void)rq;
    return reconfigure_status(nn->settings, call->arena, out, err);
}

static int reconfigure(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                       struct err *err)
{
    (void)call, (void)rq, (void)out;
    return reconfigure_start(nn->settings, err);
}

static int reconfigurable(struct namenode *nn, struct rpc_call *call, const void *rq, void *out,
                          struct err *err)
{
    (void)rq;
    return reconfigure_list(nn->settings, call->arena, out, err);
}

/* ---- tables ---- */

#define METHODS(X)                                                                                 \
    X(namenode, versionRequest, pb__version, SLOW, NULL, version_request)                          \
    X(namenode, getTransactionId, pbnn__get_transaction_id, SLOW, "getTransactionID",              \
      get_transaction_id)                                                                          \
    X(namenode, getMostRecentCheckpointTxId, pbnn__get_most_recent_checkpoint_tx_id, SLOW,         \
      "getMostRecentCheckpointTxId", most_recent_checkpoint)                                       \
    X(namenode, rollEditLog, pbnn__roll_edit_log, SLOW, "rollEditLog", roll_edit_log)              \
    X(namenode, getEditLogManifest, pbnn__get_edit_log_manifest, SLOW, "getEditLogManifest",       \
      get_manifest)                                                                                \
    X(namenode, getBlockKeys, pbnn__get_block_keys, SLOW, "getBlockKeys", get_block_keys)          \
    X(namenode, getBlocks, pbnn__get_blocks, SLOW, "getBlocks", get_blocks)                        \
    X(namenode, getNextSPSPath, pbnn__get_next_spspath, SLOW, "getNextSPSPath", next_sps_path)     \
    X(namenode, isUpgradeFinalized, pbnn__is_upgrade_finalized, SLOW, "isUpgradeFinalized",        \
      is_upgrade_finalized)                                                                        \
    X(namenode, isRollingUpgrade, pbnn__is_rolling_upgrade, SLOW, "isRollingUpgrade",              \
      is_rolling_upgrade)                                                                          \
    X(namenode, registerSubordinateNamenode, pbnn__register, SLOW, "registerSubordinateNamenode",  \
      register_subordinate)                                                                        \
    X(namenode, startCheckpoint, pbnn__start_checkpoint, SLOW, "startCheckpoint",                  \
      start_checkpoint)                                                                            \
    X(namenode, endCheckpoint, pbnn__end_checkpoint, SLOW, "endCheckpoint", end_checkpoint)        \
    X(namenode, errorReport, pbnn__error_report, SLOW, "errorReport", error_report)                \
    X(ha, getServiceStatus, pb__get_service_status, FAST, NULL, not_ha)                            \
    X(ha, monitorHealth, pb__monitor_health, FAST, "monitorHealth", monitor_health)                \
    X(ha, transitionToActive, pb__transition_to_active, FAST, "transitionToActive", not_ha)        \
    X(ha, transitionToStandby, pb__transition_to_standby, FAST, "transitionToStandby", not_ha)     \
    X(ha, transitionToObserver, pb__transition_to_observer, FAST, "transitionToObserver", not_ha)  \
    X(mappings, refreshUserToGroupsMappings, pb__refresh_user_to_groups_mappings, SLOW, NULL,      \
      refresh_groups)                                                                              \
    X(mappings, refreshSuperUserGroupsConfiguration, pb__refresh_super_user_groups_configuration,  \
      SLOW, NULL, refresh_proxies)                                                                 \
    X(policy, refreshServiceAcl, pb__refresh_service_acl, FAST, NULL, refresh_service_acl)         \
    X(queue, refreshCallQueue, pb__refresh_call_queue, FAST, NULL, refresh_nothing)                \
    X(groups, getGroupsForUser, pb__get_groups_for_user, SLOW, NULL, get_groups)                   \
    X(reconfiguration, startReconfiguration, pb__start_reconfiguration, SLOW,                      \
      "startNamenodeReconfiguration", reconfigure)                                                 \
    X(reconfiguration, getReconfigurationStatus, pb__get_reconfiguration_status, FAST,             \
      "getNamenodeReconfigurationStatus", reconfiguration_status)                                  \
    X(reconfiguration, listReconfigurableProperties, pb__list_reconfigurable_properties, FAST,     \
      "listNamenodeReconfigurableProperties", reconfigurable)

#define HANDLER(protocol, method, stem, speed_, super_only, fn)                                    \
    static void call_##method(struct rpc_call *call, const ProtobufCMessage *rq)                   \
    {                                                                                              \
        carry_out(call, rq, &stem##_response_proto__descriptor, super_only, fn);                   \
    }
METHODS(HANDLER)

static void call_refresh(struct rpc_call *call, const ProtobufCMessage *rq)
{
    carry_out(call, rq, &pb__generic_refresh_response_collection_proto__descriptor, NULL,
              generic_refresh);
}

#define ROW(protocol_, method, stem, speed_, super_only, fn)                                       \
    {#protocol_,                                                                                   \
     {.name = #method,                                                                             \
      .request = &stem##_request_proto__descriptor,                                                \
      .handle = call_##method,                                                                     \
      .speed = RPC_##speed_}},

static const struct {
    const char *protocol;
    struct rpc_method method;
} all_rows[] = {
    METHODS(ROW){"refresh",
                 {.name = "refresh",
                  .request = &pb__generic_refresh_request_proto__descriptor,
                  .handle = call_refresh,
                  .speed = RPC_FAST}},
};
enum { ALL_ROWS = sizeof all_rows / sizeof all_rows[0] };

static const struct {
    const char *key, *name;
} names[] = {
    {"namenode", "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol"},
    {"ha", "org.apache.hadoop.ha.HAServiceProtocol"},
    {"mappings", "org.apache.hadoop.security.RefreshUserMappingsProtocol"},
    {"policy", "org.apache.hadoop.security.authorize.RefreshAuthorizationPolicyProtocol"},
    {"queue", "org.apache.hadoop.ipc.RefreshCallQueueProtocol"},
    {"groups", "org.apache.hadoop.tools.GetUserMappingsProtocol"},
    {"reconfiguration", "org.apache.hadoop.hdfs.protocol.ReconfigurationProtocol"},
    {"refresh", "org.apache.hadoop.ipc.GenericRefreshProtocol"},
};

/* The rows of one protocol stand together; a table of methods is a run of them. */
static struct rpc_method methods[ALL_ROWS];

int nn_admin_protocols(struct namenode *nn, struct rpc_protocol *out)
{
    int count = 0;

    for (int i = 0; i < ALL_ROWS; i++)
        methods[i] = all_rows[i].method;
    for (size_t p = 0; p < sizeof names / sizeof names[0]; p++) {
        int first = 0, n = 0;

        while (first < ALL_ROWS && strcmp(all_rows[first].protocol, names[p].key) != 0)
            first++;
        while (first + n < ALL_ROWS && strcmp(all_rows[first + n].protocol, names[p].key) == 0)
            n++;
        MUST(n > 0);
        out[count++] = (struct rpc_protocol){.name = names[p].name,
                                             .version = 1,
                                             .methods = &methods[first],
                                             .method_count = n,
                                             .ctx = nn};
    }
    return count;
}
