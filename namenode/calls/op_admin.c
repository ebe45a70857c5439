/* op_admin.c -- the store as a whole: capacity, nodes, safe mode, checkpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "namenode/image/checkpoint.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/blocks/policy.h"

/* ---- what clients should assume ---- */

static Pb__ChecksumTypeProto checksum_type(const struct conf *conf)
{
    const char *t = conf_text(conf, OPT_checksum_type);

    if (strcmp(t, "CRC32") == 0)
        return PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32;
    if (strcmp(t, "NULL") == 0)
        return PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL;
    return PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C;
}

int op_get_server_defaults(struct op *op, const Pb__GetServerDefaultsRequestProto *rq,
                           Pb__GetServerDefaultsResponseProto *rs)
{
    Pb__FsServerDefaultsProto *d = arena_alloc(op->arena, sizeof *d);
    const struct conf *conf = op->nn->conf;

    (void)rq;
    if (!d)
        return op_nomem(op);
    pb__fs_server_defaults_proto__init(d);
    d->blocksize = (uint64_t)conf_int(conf, OPT_block_size);
    d->bytesperchecksum = (uint32_t)conf_int(conf, OPT_bytes_per_checksum);
    d->writepacketsize = (uint32_t)conf_int(conf, OPT_packet_size);
    d->replication = (uint32_t)conf_int(conf, OPT_replication);
    d->filebuffersize = 4096;
    d->has_encryptdatatransfer = d->has_trashinterval = d->has_checksumtype = 1;
    d->trashinterval = (uint64_t)conf_float(conf, OPT_trash_interval);
    d->checksumtype = checksum_type(conf);
    d->keyprovideruri = "";
    d->has_policyid = d->has_snapshottrashrootenabled = 1;
    d->policyid = POLICY_HOT;
    rs->serverdefaults = d;
    return 0;
}

/* ---- numbers ---- */

int op_get_fs_stats(struct op *op, const Pb__GetFsStatsRequestProto *rq,
                    Pb__GetFsStatsResponseProto *rs)
{
    struct bm_stats s;

    (void)rq;
    bm_get_stats(op->nn->bm, &s);
    rs->capacity = s.capacity;
    rs->used = s.dfs_used;
    rs->remaining = s.remaining;
    rs->under_replicated = s.under_replicated;
    rs->corrupt_blocks = s.corrupt_blocks;
    rs->missing_blocks = s.missing_blocks;
    rs->has_missing_repl_one_blocks = rs->has_blocks_in_future = rs->has_pending_deletion_blocks =
        1;
    rs->missing_repl_one_blocks = s.missing_replication_one;
    rs->blocks_in_future = s.bytes_in_future;
    rs->pending_deletion_blocks = s.pending_deletion;
    return 0;
}

int op_get_fs_replicated_block_stats(struct op *op,
                                     const Pb__GetFsReplicatedBlockStatsRequestProto *rq,
                                     Pb__GetFsReplicatedBlockStatsResponseProto *rs)
{
    struct bm_stats s;

    (void)rq;
    bm_get_stats(op->nn->bm, &s);
    rs->low_redundancy = s.replicated.low_redundancy;
    rs->corrupt_blocks = s.replicated.corrupt;
    rs->missing_blocks = s.replicated.missing;
    rs->missing_repl_one_blocks = s.missing_replication_one;
    rs->blocks_in_future = s.replicated.bytes_in_future;
    rs->pending_deletion_blocks = s.replicated.pending_deletion;
    rs->has_highest_prio_low_redundancy_blocks = 1;
    rs->highest_prio_low_redundancy_blocks = s.replicated.low_redundancy_highest;
    return 0;
}

int op_get_fs_ecblock_group_stats(struct op *op, const Pb__GetFsECBlockGroupStatsRequestProto *rq,
                                  Pb__GetFsECBlockGroupStatsResponseProto *rs)
{
    struct bm_stats s;

    (void)rq;
    bm_get_stats(op->nn->bm, &s);
    rs->low_redundancy = s.groups.low_redundancy;
    rs->corrupt_blocks = s.groups.corrupt;
    rs->missing_blocks = s.groups.missing;
    rs->blocks_in_future = s.groups.bytes_in_future;
    rs->pending_deletion_blocks = s.groups.pending_deletion;
    rs->has_highest_prio_low_redundancy_blocks = 1;
    rs->highest_prio_low_redundancy_blocks = s.groups.low_redundancy_highest;
    return 0;
}

int op_get_datanode_report(struct op *op, const Pb__GetDatanodeReportRequestProto *rq,
                           Pb__GetDatanodeReportResponseProto *rs)
{
    int rc = op_check_super(op, "datanodeReport");

    if (rc == 0)
        bm_datanode_report(op->nn->bm, rq->type, op->arena, &rs->di, &rs->n_di);
    return rc;
}

int op_get_datanode_storage_report(struct op *op,
                                   const Pb__GetDatanodeStorageReportRequestProto *rq,
                                   Pb__GetDatanodeStorageReportResponseProto *rs)
{
    int rc = op_check_super(op, "getDatanodeStorageReport");

    if (rc == 0)
        bm_storage_report(op->nn->bm, rq->type, op->arena, &rs->datanodestoragereports,
                          &rs->n_datanodestoragereports);
    return rc;
}

int op_get_slow_datanode_report(struct op *op, const Pb__GetSlowDatanodeReportRequestProto *rq,
                                Pb__GetSlowDatanodeReportResponseProto *rs)
{
    (void)rq;
    return bm_slow_datanodes(op->nn->bm, op->arena, &rs->datanodeinfoproto,
                             &rs->n_datanodeinfoproto)
               ? 0
               : op_nomem(op);
}

int op_list_corrupt_file_blocks(struct op *op, const Pb__ListCorruptFileBlocksRequestProto *rq,
                                Pb__ListCorruptFileBlocksResponseProto *rs)
{
    enum { MAX = 100 };
    Pb__CorruptFileBlocksProto *out = arena_alloc(op->arena, sizeof *out);
    const char *cookie = rq->cookie ? rq->cookie : "0";
    uint64_t ids[MAX], after = strtoull(cookie, NULL, 10);
    size_t prefix_n = strlen(rq->path);
    int rc, n;

    if (!out)
        return op_nomem(op);
    if ((rc = op_check_super(op, "listCorruptFileBlocks")) < 0)
        return rc;
    pb__corrupt_file_blocks_proto__init(out);
    out->files = arena_alloc(op->arena, MAX * sizeof *out->files);
    if (!out->files)
        return op_nomem(op);
    nn_lock(op->nn);
    n = bm_missing_blocks(op->nn->bm, after, ids, MAX);
    for (int i = 0; i < n; i++) {
        struct block_info b;
        char *path;

        after = ids[i];
        if (!ns_block(op->nn->ns, ids[i], &b) ||
            !(path = ns_path_of(op->nn->ns, b.file, op->arena)) ||
            strncmp(path, rq->path, prefix_n) != 0)
            continue;
        out->files[out->n_files++] = path;
    }
    nn_unlock(op->nn);
    out->cookie = n > 0 ? arena_printf(op->arena, "%llu", (unsigned long long)after)
                        : op_copy(op, cookie); /* as it came, even when it is no number */
    rs->corrupt = out;
    return out->cookie ? 0 : op_nomem(op);
}

/* ---- safe mode ---- */

int op_set_safe_mode(struct op *op, const Pb__SetSafeModeRequestProto *rq,
                     Pb__SetSafeModeResponseProto *rs)
{
    struct block_manager *bm = op->nn->bm;
    static const char *const operations[] = {"", "safemode_leave", "safemode_enter", "safemode_get",
                                             "safemode_force_exit"};
    int rc = rq->action == PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_GET
                 ? 0
                 : op_check_super(op, operations[(unsigned)rq->action % 5]);

    if (rc < 0)
        return rc;
    switch (rq->action) {
    case PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_ENTER: bm_enter_safe_mode(bm); break;
    case PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_LEAVE: bm_leave_safe_mode(bm, false); break;
    case PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_FORCE_EXIT: bm_leave_safe_mode(bm, true); break;
    default: break;
    }
    rs->result = bm_in_safe_mode(bm);
    return 0;
}

/* ---- edits and images ---- */

int op_save_namespace(struct op *op, const Pb__SaveNamespaceRequestProto *rq,
                      Pb__SaveNamespaceResponseProto *rs)
{
    int rc = op_check_super(op, "saveNamespace");
    bool safe;

    if (rc < 0)
        return rc;
    nn_lock(op->nn);
    safe = bm_in_safe_mode(op->nn->bm);
    nn_unlock(op->nn);
    if (!safe)
        return err_set(&op->err, ERR_IO,
                       "Safe mode should be turned ON in order to create namespace image.");
    rs->has_saved = rs->saved = 1;
    if (!checkpointer_is_due(op->nn->checkpointer, rq->has_timewindow ? rq->timewindow : 0,
                             rq->has_txgap ? rq->txgap : 0)) {
        rs->saved = 0;
        return 0;
    }
    return checkpointer_run(op->nn->checkpointer, &op->err);
}

int op_roll_edits(struct op *op, const Pb__RollEditsRequestProto *rq,
                  Pb__RollEditsResponseProto *rs)
{
    uint64_t first;
    int rc;

    (void)rq;
    if ((rc = op_check_super(op, "rollEditLog")) < 0)
        return rc;
    nn_lock(op->nn);
    rc = op_check_safe_mode(op, "Log not rolled");
    nn_unlock(op->nn);
    if (rc < 0 || (rc = journal_roll(op->nn->journal, &first, &op->err)) < 0)
        return rc;
    rs->newsegmenttxid = first;
    return 0;
}

int op_get_current_edit_log_txid(struct op *op, const Pb__GetCurrentEditLogTxidRequestProto *rq,
                                 Pb__GetCurrentEditLogTxidResponseProto *rs)
{
    (void)rq;
    rs->txid = (int64_t)journal_last_txid(op->nn->journal);
    return op_check_super(op, "getCurrentEditLogTxid");
}

int op_restore_failed_storage(struct op *op, const Pb__RestoreFailedStorageRequestProto *rq,
                              Pb__RestoreFailedStorageResponseProto *rs)
{
    int rc = op_check_super(op, "checkRestoreFailedStorage");

    if (rc < 0)
        return rc;
    if (strcmp(rq->arg, "check") != 0)
        journal_restore(op->nn->journal, strcmp(rq->arg, "true") == 0);
    rs->result = journal_restores(op->nn->journal);
    return 0;
}

/* ---- nodes ---- */

int op_refresh_nodes(struct op *op, const Pb__RefreshNodesRequestProto *rq,
                     Pb__RefreshNodesResponseProto *rs)
{
    int rc = op_check_super(op, "refreshNodes");

    (void)rq, (void)rs;
    return rc < 0 ? rc : bm_refresh_nodes(op->nn->bm, &op->err);
}

int op_set_balancer_bandwidth(struct op *op, const Pb__SetBalancerBandwidthRequestProto *rq,
                              Pb__SetBalancerBandwidthResponseProto *rs)
{
    int rc = op_check_super(op, "setBalancerBandwidth");

    (void)rs;
    if (rc < 0)
        return rc;
    if (rq->bandwidth > 1099511627776)
        return err_set(&op->err, ERR_ARGUMENT,
                       "Bandwidth should not exceed maximum limit 1099511627776 bytes per second");
    nn_lock(op->nn);
    bm_set_balancer_bandwidth(op->nn->bm, (uint64_t)rq->bandwidth);
    nn_unlock(op->nn);
    return 0;
}

/* ---- metasave ---- */

static void meta_text(struct op *op, struct buf *out)
{
    struct namenode *nn = op->nn;
    struct bm_stats s;
    uint64_t missing[256];
    int n;

    bm_get_stats(nn->bm, &s);
    buf_printf(out, "%llu files and directories, %llu blocks = %llu total filesystem objects\n",
               (unsigned long long)ns_inode_count(nn->ns),
               (unsigned long long)ns_block_count(nn->ns),
               (unsigned long long)(ns_inode_count(nn->ns) + ns_block_count(nn->ns)));
    buf_printf(out, "Live Datanodes: %d\nDead Datanodes: %d\n", s.live, s.dead);
    buf_printf(out, "Metasave: Blocks waiting for reconstruction: %llu\n",
               (unsigned long long)s.under_replicated);
    buf_printf(out, "Metasave: Blocks currently missing: %llu\n",
               (unsigned long long)s.missing_blocks);
    n = bm_missing_blocks(nn->bm, 0, missing, 256);
    for (int i = 0; i < n; i++) {
        struct block_info b;
        struct bm_replicas r;

        if (!ns_block(nn->ns, missing[i], &b))
            continue;
        bm_count_replicas(nn->bm, b.id, &r);
        buf_printf(out, "%s: blk_%lld_%llu MISSING (replicas: live: %d corrupt: %d excess: %d)\n",
                   ns_path_of(nn->ns, b.file, op->arena), (long long)b.id, (unsigned long long)b.gs,
                   r.live, r.corrupt, r.excess);
    }
    buf_printf(out, "Corrupt Blocks: %llu\n", (unsigned long long)s.corrupt_blocks);
}

/* Into hadoop.log.dir, or the first name directory: by its last component alone, so that a
 * client can't choose the place. */
int op_meta_save(struct op *op, const Pb__MetaSaveRequestProto *rq, Pb__MetaSaveResponseProto *rs)
{
    const char *dir = conf_get(op->nn->conf, "hadoop.log.dir");
    const char *name = strrchr(rq->filename, '/');
    struct buf text;
    char path[4096];
    int rc = op_check_super(op, "metaSave");

    (void)rs;
    if (rc < 0)
        return rc;
    name = name ? name + 1 : rq->filename;
    if (!*name || *name == '.')
        return err_set(&op->err, ERR_ARGUMENT, "\"%s\" is no file name", rq->filename);
    if (dir)
        snprintf(path, sizeof path, "%s/%s", dir, name);
    else
        conf_default_dir(op->nn->conf, name, path, sizeof path);
    buf_init(&text, 16 << 20);
    nn_lock(op->nn);
    meta_text(op, &text);
    nn_unlock(op->nn);
    rc = text.bad ? op_nomem(op) : env_write_file(op->nn->env, path, text.bytes, text.n, &op->err);
    buf_done(&text);
    return rc;
}

/* ---- high availability ---- */

int op_msync(struct op *op, const Pb__MsyncRequestProto *rq, Pb__MsyncResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0; /* the answer waits for the log, which is what was asked */
}

int op_haservice_state(struct op *op, const Pb__HAServiceStateRequestProto *rq,
                       Pb__HAServiceStateResponseProto *rs)
{
    (void)rq, (void)rs;
    return err_set_class(&op->err, ERR_UNSUPPORTED, "org.apache.hadoop.ha.ServiceFailedException",
                         "HA for namenode is not enabled");
}
