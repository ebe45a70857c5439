/* op_write.c -- the blocks of a file that is being written. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/lease.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/calls/op_open.h"
#include "namenode/calls/op_ec.h"
#include "namenode/calls/status.h"

enum { TARGETS_MAX = 512 };

/* ---- whose file it is ---- */

static const char *lease_words(struct op *op, const char *path, uint64_t id, const char *holder)
{
    uint64_t ids[100];
    int files = lease_files(ns_leases(op->nn->ns), holder, 0, ids, 100);
    const char *s;

    if (files)
        s = arena_printf(op->arena, "%s (inode %lld) [Lease.  Holder: %s, pending creates: %d]",
                         path, (long long)id, holder, files);
    else
        s = arena_printf(op->arena, "%s (inode %lld) Holder %s does not have any open files.", path,
                         (long long)id, holder);
    return s ? s : path;
}

int op_check_lease(struct op *op, const struct place *p, const char *holder, uint64_t file_id)
{
    struct open_file open;

    if (!p->id)
        return err_set(&op->err, ERR_NOENT, "File does not exist: %s",
                       lease_words(op, p->path, file_id, holder));
    if (p->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_LEASE, "INode is not a regular file: %s",
                       lease_words(op, p->path, file_id, holder));
    if (!ns_open_file(op->nn->ns, p->id, &open))
        return err_set(&op->err, ERR_LEASE, "File is not open for writing: %s",
                       lease_words(op, p->path, file_id, holder));
    if (strcmp(open.client_name, holder) != 0)
        return err_set(&op->err, ERR_LEASE, "Client (=%s) is not the lease owner (=%s: %s", holder,
                       open.client_name, lease_words(op, p->path, file_id, holder));
    return 0;
}

int op_commit_last(struct op *op, const struct inode_info *file, const Pb__ExtendedBlockProto *b)
{
    struct block_info last;

    if (!b || !last_block_of(op->nn->ns, file, &last) || last.state == BLOCK_COMPLETE ||
        last.state == BLOCK_COMMITTED)
        return 0;
    if (last.id != b->blockid)
        return err_set(&op->err, ERR_IO,
                       "Trying to commit inconsistent block: id = %lld, expected id = %lld",
                       (long long)b->blockid, (long long)last.id);
    if (last.state == BLOCK_UNDER_RECOVERY)
        return err_set(&op->err, ERR_IO,
                       "Commit or complete block %s, whereas it is under recovery.",
                       op_block_name(op, last.id, last.gs));
    if (last.gs != b->generationstamp)
        return err_set(
            &op->err, ERR_IO, "Commit block with mismatching GS. NN has %s, client submits %s",
            op_block_name(op, last.id, last.gs), op_block_name(op, b->blockid, b->generationstamp));
    if (b->numbytes < last.length)
        return err_set(&op->err, ERR_IO,
                       "commitBlock length is less than the stored one %llu vs. %llu",
                       (unsigned long long)b->numbytes, (unsigned long long)last.length);
    ns_block_commit(op->nn->ns, last.id, b->numbytes, b->generationstamp);
    bm_is_complete_enough(op->nn->bm, last.id);
    return 0;
}

bool op_block_is_settled(struct op *op, const struct inode_info *file, int from_end, uint64_t *id)
{
    struct block_info b;

    if (file->block_count <= (uint32_t)from_end)
        return true;
    ns_file_blocks(op->nn->ns, file->id, id, file->block_count - 1 - (uint32_t)from_end, 1);
    if (!ns_block(op->nn->ns, *id, &b) || b.state == BLOCK_COMPLETE)
        return true;
    return b.state == BLOCK_COMMITTED && bm_is_complete_enough(op->nn->bm, *id);
}

/* ---- addBlock ---- */

static bool is_block(const Pb__ExtendedBlockProto *b, const struct block_info *stored)
{
    if (!b || !stored)
        return !b && !stored;
    return b->blockid == stored->id && b->generationstamp == stored->gs;
}

/* The client says what it thinks is the last block.  When it is the one before the last, the
 * answer to an earlier addBlock was lost: *retry, and the last block is given again. */
static int analyze(struct op *op, const Pb__AddBlockRequestProto *rq, const struct place *p,
                   bool *retry)
{
    struct block_info last_info, before_info, *last, *before = NULL;
    uint64_t id;

    last = last_block_of(op->nn->ns, &p->info, &last_info);
    *retry = false;
    if (is_block(rq->previous, last))
        return 0;
    if (p->info.block_count >= 2) {
        ns_file_blocks(op->nn->ns, p->id, &id, p->info.block_count - 2, 1);
        before = ns_block(op->nn->ns, id, &before_info) ? &before_info : NULL;
    }
    if (!rq->previous && last && last->length >= p->info.block_size &&
        last->state == BLOCK_COMPLETE)
        return 0; /* an append that begins with a new block */
    if (last && is_block(rq->previous, before)) {
        if (last->length != 0 || last->state == BLOCK_COMPLETE)
            return err_set(&op->err, ERR_IO,
                           "Request looked like a retry to allocate block %s but it already "
                           "contains %llu bytes",
                           op_block_name(op, last->id, last->gs), (unsigned long long)last->length);
        *retry = true;
        return 0;
    }
    return err_set(&op->err, ERR_IO,
                   "Cannot allocate block in %s: passed 'previous' block %s does not match actual "
                   "last block in file %s",
                   p->path, op_eblock_name(op, rq->previous),
                   last ? op_block_name(op, last->id, last->gs) : "null");
}

static int choose(struct op *op, const Pb__AddBlockRequestProto *rq, const struct place *p,
                  uint16_t *storages)
{
    struct bm_target_request r = {.path = p->path,
                                  .writer_host = op->call->peer_ip,
                                  .count = p->info.replication,
                                  .block_size = p->info.block_size,
                                  .storage_policy = status_policy(op, &p->info),
                                  .favored = (const char *const *)rq->favorednodes,
                                  .favored_count = (int)rq->n_favorednodes};
    const struct ec_policy *coded = op_ec_in_force(op, &p->info);
    const char **excluded = arena_alloc(op->arena, (rq->n_excludenodes + 1) * sizeof *excluded);

    if (!excluded)
        return op_nomem(op);
    for (size_t i = 0; i < rq->n_excludenodes; i++)
        excluded[i] = rq->excludenodes[i]->id->datanodeuuid;
    r.excluded = excluded;
    r.excluded_count = (int)rq->n_excludenodes;
    for (size_t i = 0; i < rq->n_flags; i++) {
        r.no_local_write |= rq->flags[i] == PB__ADD_BLOCK_FLAG_PROTO__NO_LOCAL_WRITE;
        if (rq->flags[i] == PB__ADD_BLOCK_FLAG_PROTO__IGNORE_CLIENT_LOCALITY)
            r.writer_host = NULL;
    }
    if (coded) {
        r.coded = coded;
        r.count = (int)(coded->data_units + coded->parity_units);
    }
    if (r.count > TARGETS_MAX)
        r.count = TARGETS_MAX;
    return bm_choose_targets(op->nn->bm, &r, storages, &op->err);
}

/* Groups are 16 ids apart, one for each unit, from the lowest number on that Java has. */
static uint64_t next_id(const struct namespace *ns, const struct inode_info *file)
{
    uint64_t last = ns_last_group_id(ns);

    if (!file->ec_policy)
        return ns_last_block_id(ns) + 1;
    return (last ? id_of_group(last) : (uint64_t)INT64_MIN) + GROUP_UNITS;
}

/* A new block with the next id and stamp at the end of the file: three records, as in Hadoop. */
static int append_block(struct op *op, const struct place *p, struct block_info *out)
{
    struct namespace *ns = op->nn->ns;
    struct edit_block blocks[2];
    struct block_info last;
    int n = 0, rc;

    if (last_block_of(ns, &p->info, &last))
        blocks[n++] = (struct edit_block){last.id, last.length, last.gs};
    blocks[n++] = (struct edit_block){.id = next_id(ns, &p->info), .gs = ns_gs(ns) + 1};
    if ((rc = op_commit(op, &(struct edit_op){.code = EDIT_ALLOCATE_BLOCK_ID,
                                              .block_id = blocks[n - 1].id})) < 0 ||
        (rc = op_commit(
             op, &(struct edit_op){.code = EDIT_SET_GENSTAMP_V2, .gs = blocks[n - 1].gs})) < 0 ||
        (rc = op_commit(op, &(struct edit_op){.code = EDIT_ADD_BLOCK,
                                              .path = p->path,
                                              .blocks = blocks,
                                              .block_count = n})) < 0)
        return rc;
    MUST(ns_block(ns, blocks[n - 1].id, out));
    return 0;
}

static int give_block(struct op *op, const struct block_info *b, uint64_t offset,
                      const uint16_t *storages, int count, Pb__LocatedBlockProto **out)
{
    if (!(*out = arena_alloc(op->arena, sizeof **out)))
        return op_nomem(op);
    pb__located_block_proto__init(*out);
    bm_located_targets(op->nn->bm, b, offset, storages, count, op->arena, *out);
    return 0;
}

static int give_last_again(struct op *op, const struct place *p, Pb__LocatedBlockProto **out)
{
    struct block_info last;

    MUST(last_block_of(op->nn->ns, &p->info, &last));
    if (!(*out = arena_alloc(op->arena, sizeof **out)))
        return op_nomem(op);
    pb__located_block_proto__init(*out);
    bm_located_expected(op->nn->bm, &last, p->info.length - last.length, op->arena, *out);
    return 0;
}

static int check_block_count(struct op *op, const struct inode_info *file)
{
    int64_t max = conf_int(op->nn->conf, OPT_blocks_per_file_max);

    if (file->block_count < max)
        return 0;
    return err_set(&op->err, ERR_IO,
                   "File has reached the limit on maximum number of blocks "
                   "(dfs.namenode.fs-limits.max-blocks-per-file): %u >= %lld",
                   file->block_count, (long long)max);
}

int op_first_block(struct op *op, const struct place *p, Pb__LocatedBlockProto **out)
{
    const Pb__AddBlockRequestProto plain = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    uint16_t storages[TARGETS_MAX];
    struct block_info block;
    int n = choose(op, &plain, p, storages), rc;

    if (n < 0 || (rc = append_block(op, p, &block)) < 0)
        return n < 0 ? n : rc;
    bm_expect(op->nn->bm, block.id, storages, n);
    return give_block(op, &block, 0, storages, n, out);
}

int op_add_block(struct op *op, const Pb__AddBlockRequestProto *rq, Pb__AddBlockResponseProto *rs)
{
    uint16_t storages[TARGETS_MAX];
    struct block_info block;
    struct place p;
    uint64_t waiting;
    bool retry;
    int rc, n;

    if ((rc = op_check_pool(op, rq->previous)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot add block to %s", rq->src)) < 0 ||
        (rc = op_resolve_file(op, rq->src, rq->fileid, &p)) < 0 ||
        (rc = op_check_lease(op, &p, rq->clientname, rq->fileid)) < 0 ||
        (rc = analyze(op, rq, &p, &retry)) < 0)
        return rc;
    if (retry)
        return give_last_again(op, &p, &rs->block);
    if ((rc = check_block_count(op, &p.info)) < 0)
        return rc;
    if (!op_block_is_settled(op, &p.info, 1, &waiting)) {
        if (!op->wait_over)
            return op_wait_block(op, waiting);
        op_told_not_yet(op);
        return err_set(&op->err, ERR_NOT_REPLICATED, "Not replicated yet: %s", p.path);
    }
    if ((n = choose(op, rq, &p, storages)) < 0 ||
        (rc = op_commit_last(op, &p.info, rq->previous)) < 0)
        return n < 0 ? n : rc;
    MUST(ns_info(op->nn->ns, p.id, &p.info));
    if ((rc = append_block(op, &p, &block)) < 0)
        return rc;
    bm_expect(op->nn->bm, block.id, storages, n);
    return give_block(op, &block, p.info.length, storages, n, &rs->block);
}

/* ---- other datanodes, another stamp ---- */

int op_get_additional_datanode(struct op *op, const Pb__GetAdditionalDatanodeRequestProto *rq,
                               Pb__GetAdditionalDatanodeResponseProto *rs)
{
    const char **chosen = arena_alloc(op->arena, (rq->n_existings + 1) * sizeof *chosen);
    const char **excluded = arena_alloc(op->arena, (rq->n_excludes + 1) * sizeof *excluded);
    struct bm_target_request r = {.count = (int)rq->numadditionalnodes,
                                  .writer_host = op->call->peer_ip};
    struct block_info block = {
        .id = rq->blk->blockid, .gs = rq->blk->generationstamp, .length = rq->blk->numbytes};
    uint16_t storages[TARGETS_MAX];
    struct place p;
    int rc, n, existing = 0;

    if (!chosen || !excluded)
        return op_nomem(op);
    if ((rc = op_check_pool(op, rq->blk)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot add datanode; src=%s, blk=%s", rq->src,
                                 op_eblock_name(op, rq->blk))) < 0 ||
        (rc = op_resolve_file(op, rq->src, rq->fileid, &p)) < 0 ||
        (rc = op_check_lease(op, &p, rq->clientname, rq->fileid)) < 0)
        return rc;
    for (size_t i = 0; i < rq->n_existings; i++)
        chosen[i] = rq->existings[i]->id->datanodeuuid;
    for (size_t i = 0; i < rq->n_excludes; i++)
        excluded[i] = rq->excludes[i]->id->datanodeuuid;
    r.path = p.path;
    r.chosen = chosen;
    r.chosen_count = (int)rq->n_existings;
    r.excluded = excluded;
    r.excluded_count = (int)rq->n_excludes;
    r.block_size = p.info.block_size;
    r.storage_policy = status_policy(op, &p.info);
    if (r.count < 0 || r.count > TARGETS_MAX)
        r.count = TARGETS_MAX;
    if (rq->n_existings + (size_t)r.count > TARGETS_MAX)
        return err_set(&op->err, ERR_ARGUMENT, "a pipeline of %zu datanodes", rq->n_existings);
    /* The answer is the whole pipeline: those that are in it, then the new ones. */
    for (size_t i = 0; i < rq->n_existings; i++) {
        const char *storage = i < rq->n_existingstorageuuids ? rq->existingstorageuuids[i] : "";
        int s = bm_storage_number(op->nn->bm, chosen[i], storage);

        if (s >= 0)
            storages[existing++] = (uint16_t)s;
    }
    if ((n = bm_choose_targets(op->nn->bm, &r, storages + existing, &op->err)) < 0)
        return n;
    return give_block(op, &block, UINT64_MAX, storages, existing + n, &rs->block);
}

static const char *state_name(enum block_state s)
{
    static const char *const names[] = {"COMPLETE", "UNDER_CONSTRUCTION", "UNDER_RECOVERY",
                                        "COMMITTED"};
    return names[s];
}

/* @b is being written, by @holder. */
static int check_written_block(struct op *op, const Pb__ExtendedBlockProto *b, const char *holder,
                               struct block_info *block)
{
    struct open_file open;
    int rc;

    if ((rc = op_check_safe_mode(
             op, "Cannot get a new generation stamp and an access token for block %s",
             op_eblock_name(op, b))) < 0)
        return rc;
    if (!ns_block(op->nn->ns, b->blockid, block))
        return err_set(&op->err, ERR_IO, "%s does not exist.", op_eblock_name(op, b));
    if (block->state != BLOCK_UNDER_CONSTRUCTION)
        return err_set(&op->err, ERR_IO, "Unexpected BlockUCState: %s is %s but not %s",
                       op_eblock_name(op, b), state_name(block->state), "UNDER_CONSTRUCTION");
    if (!ns_open_file(op->nn->ns, block->file, &open))
        return err_set(&op->err, ERR_IO,
                       "The file %s belonged to does not exist or it is not under construction.",
                       op_block_name(op, block->id, block->gs));
    if (strcmp(open.client_name, holder) != 0)
        return err_set(&op->err, ERR_LEASE,
                       "Lease mismatch: %s is accessed by a non lease holder %s",
                       op_eblock_name(op, b), holder);
    return 0;
}

int op_update_block_for_pipeline(struct op *op, const Pb__UpdateBlockForPipelineRequestProto *rq,
                                 Pb__UpdateBlockForPipelineResponseProto *rs)
{
    struct block_info block;
    uint64_t gs;
    int rc = check_written_block(op, rq->block, rq->clientname, &block);

    if (rc < 0)
        return rc;
    gs = ns_gs(op->nn->ns) + 1;
    if ((rc = op_commit(op, &(struct edit_op){.code = EDIT_SET_GENSTAMP_V2, .gs = gs})) < 0)
        return rc;
    block.gs = gs;
    block.length = rq->block->numbytes;
    if (!(rs->block = arena_alloc(op->arena, sizeof *rs->block)))
        return op_nomem(op);
    pb__located_block_proto__init(rs->block);
    bm_located_stamp(op->nn->bm, &block, op->arena, rs->block);
    return 0;
}

/* The file's blocks as they are now, but for the last, into the log. */
static int record_blocks(struct op *op, uint64_t file, const struct edit_block *last, int drop)
{
    struct edit_op e = {.code = EDIT_UPDATE_BLOCKS};
    struct edit_block *blocks;
    struct inode_info info;

    MUST(ns_info(op->nn->ns, file, &info));
    if (!(blocks = lease_file_blocks(op->nn->ns, &info, 0, op->arena)) ||
        !(e.path = ns_path_of(op->nn->ns, file, op->arena)))
        return op_nomem(op);
    e.blocks = blocks;
    e.block_count = (int)info.block_count - drop;
    if (last && e.block_count > 0)
        blocks[e.block_count - 1] = *last;
    return op_commit(op, &e);
}

int op_update_pipeline(struct op *op, const Pb__UpdatePipelineRequestProto *rq,
                       Pb__UpdatePipelineResponseProto *rs)
{
    const Pb__ExtendedBlockProto *from = rq->oldblock, *to = rq->newblock;
    uint16_t storages[TARGETS_MAX];
    struct block_info block;
    int n = 0, rc;

    (void)rs;
    if (to->blockid != from->blockid)
        return err_set(&op->err, ERR_IO, "updatePipeline: %s => %s has different block identifier",
                       op_eblock_name(op, from), op_eblock_name(op, to));
    if ((rc = check_written_block(op, from, rq->clientname, &block)) < 0)
        return rc;
    if (to->generationstamp <= block.gs)
        return err_set(
            &op->err, ERR_IO,
            "Update %s but the new block %s does not have a larger generation stamp than "
            "the last block %s",
            op_eblock_name(op, from), op_eblock_name(op, to),
            op_block_name(op, block.id, block.gs));
    if (to->numbytes < block.length)
        return err_set(&op->err, ERR_IO,
                       "Update %s (size=%llu) to a smaller size block %s (size=%llu)",
                       op_eblock_name(op, from), (unsigned long long)block.length,
                       op_eblock_name(op, to), (unsigned long long)to->numbytes);
    rc = record_blocks(op, block.file,
                       &(struct edit_block){block.id, to->numbytes, to->generationstamp}, 0);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < rq->n_newnodes && i < rq->n_storageids && n < TARGETS_MAX; i++) {
        int s = bm_storage_number(op->nn->bm, rq->newnodes[i]->datanodeuuid, rq->storageids[i]);

        if (s >= 0)
            storages[n++] = (uint16_t)s;
        else if (id_is_striped(block.id))
            storages[n++] = 0; /* a unit whose writer failed */
    }
    bm_expect(op->nn->bm, block.id, storages, n);
    return 0;
}

/* ---- abandonBlock, fsync, reportBadBlocks ---- */

int op_abandon_block(struct op *op, const Pb__AbandonBlockRequestProto *rq,
                     Pb__AbandonBlockResponseProto *rs)
{
    struct block_info last;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot abandon block %s for file%s",
                                 op_eblock_name(op, rq->b), rq->src)) < 0 ||
        (rc = op_resolve_file(op, rq->src, rq->fileid, &p)) < 0 ||
        (rc = op_check_lease(op, &p, rq->holder, rq->fileid)) < 0)
        return rc;
    if (!last_block_of(op->nn->ns, &p.info, &last) || last.id != rq->b->blockid ||
        last.state == BLOCK_COMPLETE)
        return 0; /* given back before */
    return record_blocks(op, p.id, NULL, 1);
}

int op_fsync(struct op *op, const Pb__FsyncRequestProto *rq, Pb__FsyncResponseProto *rs)
{
    struct block_info last;
    struct edit_block longer;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot fsync file %s", rq->src)) < 0 ||
        (rc = op_resolve_file(op, rq->src, rq->fileid, &p)) < 0 ||
        (rc = op_check_lease(op, &p, rq->client, rq->fileid)) < 0)
        return rc;
    if (!last_block_of(op->nn->ns, &p.info, &last))
        return 0;
    longer = (struct edit_block){last.id, last.length, last.gs};
    if (rq->lastblocklength > 0 && last.state != BLOCK_COMPLETE)
        longer.length = (uint64_t)rq->lastblocklength;
    return record_blocks(op, p.id, &longer, 0);
}

int op_report_bad_blocks(struct op *op, const Pb__ReportBadBlocksRequestProto *rq,
                         Pb__ReportBadBlocksResponseProto *rs)
{
    (void)rs;
    for (size_t i = 0; i < rq->n_blocks; i++) {
        const Pb__LocatedBlockProto *lb = rq->blocks[i];

        for (size_t k = 0; k < lb->n_locs; k++)
            bm_report_bad(op->nn->bm, lb->b->blockid, lb->locs[k]->id->datanodeuuid,
                          k < lb->n_storageids ? lb->storageids[k] : "",
                          "client machine reported it");
    }
    return 0;
}
