/* report.c -- block reports: everything a storage holds, in slices; and what just came or went.
 *
 * There is no list from a storage to its blocks.  A full report marks the replicas it names in a
 * bitmap over block ids, and one over those of units; then all blocks are passed in review, and those that list the storage
 * without a mark are taken off it.  Between slices others get the lock: what incremental reports
 * say meanwhile is newer than the full one, so a received block is marked and a deleted one is
 * remembered.
 *
 * Format: docs/formats/block-report.md */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* ---- reading the list ---- */

struct replica_reader {
    const Pb__StorageBlockReportProto *r;
    size_t buffer; /* which of blocksBuffers */
    struct rd rd;
    uint64_t left;      /* replicas */
    size_t at;          /* old form: index into blocks */
    uint64_t finalized; /* old form: of those left, how many have three numbers */
    bool bad;
};

static void reader_init(struct replica_reader *in, const Pb__StorageBlockReportProto *r)
{
    *in = (struct replica_reader){.r = r};
    if (r->has_numberofblocks) {
        in->left = r->numberofblocks;
        return;
    }
    if (r->n_blocks == 0)
        return;
    if (r->n_blocks < 2) {
        in->bad = true;
        return;
    }
    in->finalized = r->blocks[0];
    in->left = r->blocks[0] + r->blocks[1];
    in->at = 2;
    in->bad = in->left > r->n_blocks; /* each takes three numbers at least */
}

/* A varint may begin in one buffer and end in the next. */
static uint8_t next_byte(struct replica_reader *in)
{
    while (rd_left(&in->rd) == 0) {
        if (in->buffer == in->r->n_blocksbuffers) {
            in->bad = true;
            return 0;
        }
        in->rd = rd_of(in->r->blocksbuffers[in->buffer].data, in->r->blocksbuffers[in->buffer].len);
        in->buffer++;
    }
    return *in->rd.at++;
}

static uint64_t next_varint(struct replica_reader *in)
{
    uint64_t v = 0;

    if (rd_left(&in->rd) >= 10)
        return rd_varint(&in->rd);
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = next_byte(in);

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    in->bad = true;
    return 0;
}

static void read_numbers(struct replica_reader *in, struct reported *out)
{
    const uint64_t *n = in->r->blocks + in->at;
    size_t each = in->finalized ? 3 : 4;

    if (in->r->n_blocks - in->at < each) {
        in->bad = true;
        return;
    }
    *out = (struct reported){.id = n[0],
                             .length = n[1],
                             .gs = n[2],
                             .state = in->finalized ? PB__REPLICA_STATE_PROTO__FINALIZED
                                                    : (Pb__ReplicaStateProto)n[3]};
    in->at += each;
    if (in->finalized && --in->finalized == 0)
        in->at += 3; /* three times -1 stand between the two kinds */
}

static bool reader_next(struct replica_reader *in, struct reported *out)
{
    if (in->bad || in->left == 0)
        return false;
    in->left--;
    if (!in->r->has_numberofblocks) {
        if (in->at == 2 && in->finalized == 0)
            in->at += 3;
        read_numbers(in, out);
        return !in->bad;
    }
    uint64_t id = next_varint(in);

    out->id = id >> 1 ^ -(id & 1); /* zigzag: ids of block groups are negative */
    out->length = next_varint(in);
    out->gs = next_varint(in);
    out->state = (Pb__ReplicaStateProto)next_varint(in);
    in->bad |= in->rd.bad;
    return !in->bad;
}

/* ---- a report under way ---- */

bool bits_init(struct id_bits *b, uint64_t first, uint64_t end)
{
    *b = (struct id_bits){.first = first, .end = end > first ? end : first};
    b->bits = calloc((b->end - first) / 64 + 1, sizeof *b->bits);
    return b->bits != NULL;
}

static const uint64_t FIRST_UNIT = (uint64_t)1 << 63;

static bool run_begin(struct block_manager *bm, struct report_run *run, uint16_t storage)
{
    uint64_t last = ns_last_group_id(bm->ns);

    *run = (struct report_run){.storage = storage};
    if (!bits_init(&run->blocks, NS_FIRST_BLOCK, ns_last_block_id(bm->ns) + 1) ||
        !bits_init(&run->units, FIRST_UNIT, last ? id_of_group(last) + GROUP_UNITS : FIRST_UNIT)) {
        free(run->blocks.bits);
        return false;
    }
    block_table_init(&run->others, sizeof(struct block_entry), TABLE_MAX);
    block_table_init(&run->deleted, sizeof(struct block_entry), TABLE_MAX);
    run->next = bm->runs;
    bm->runs = run;
    return true;
}

static void run_end(struct block_manager *bm, struct report_run *run)
{
    struct report_run **at = &bm->runs;

    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free(run->blocks.bits);
    free(run->units.bits);
    block_table_done(&run->others);
    block_table_done(&run->deleted);
}

static void run_mark(struct report_run *run, uint64_t id)
{
    struct id_bits *b = id_is_striped(id) ? &run->units : &run->blocks;
    bool made;

    if (id >= b->first && id < b->end)
        b->bits[(id - b->first) / 64] |= 1ull << ((id - b->first) % 64);
    else if (id < b->first)
        block_table_add(&run->others, id, &made);
}

static bool run_named(const struct report_run *run, uint64_t id)
{
    const struct id_bits *b = id_is_striped(id) ? &run->units : &run->blocks;

    if (id >= b->end)
        return true; /* newer than the report: it can't know */
    if (id >= b->first)
        return b->bits[(id - b->first) / 64] >> ((id - b->first) % 64) & 1;
    return block_table_find(&run->others, id) != NULL;
}

void report_seen(struct block_manager *bm, uint16_t storage, uint64_t id, bool deleted)
{
    bool made;

    for (struct report_run *run = bm->runs; run; run = run->next) {
        if (run->storage != storage)
            continue;
        run_mark(run, id);
        if (deleted)
            block_table_add(&run->deleted, id, &made);
    }
}

/* The storage as it was when the report began; NULL when it has gone meanwhile. */
static struct storage *still_there(struct block_manager *bm, uint16_t number, const char *node_uuid)
{
    struct storage *st = storage_at(bm, number);

    if (!st || st->gone || !st->node || !st->node->alive || strcmp(st->node->uuid, node_uuid) != 0)
        return NULL;
    return st;
}

enum { REPLICAS_A_LOOK = 64 }; /* at the clock */

/* Takes in replicas for about a slice of time; false at the end of the list. */
static bool take_some(struct block_manager *bm, struct replica_reader *in, struct storage *st,
                      struct report_run *run)
{
    uint64_t until = env_mono_ns(bm->env) + SLICE_NS;
    struct reported r;

    do {
        for (int i = 0; i < REPLICAS_A_LOOK; i++) {
            if (!reader_next(in, &r))
                return false;
            if (run->deleted.count && block_table_find(&run->deleted, r.id))
                continue;
            run_mark(run, r.id);
            replica_reported(bm, st, &r, NULL);
        }
    } while (env_mono_ns(bm->env) < until);
    return true;
}

struct review {
    struct block_manager *bm;
    const struct report_run *run;
    struct storage *st;
    uint64_t removed;
};

static void review_replica(struct review *v, uint64_t id)
{
    if (run_named(v->run, id))
        return;
    v->removed++;
    replica_removed(v->bm, v->st, id);
}

static void review_group(struct review *v, uint64_t group)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    unsigned n = units_on(v->bm, group, storages, units);

    for (unsigned i = 0; i < n; i++)
        if (storages[i] == v->st->number)
            review_replica(v, group + units[i]);
}

static void review_block(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct review *v = ctx;

    for (unsigned i = 0; i < b->storage_count; i++) {
        if (storages[i] != v->st->number)
            continue;
        if (id_is_striped(b->id))
            review_group(v, b->id);
        else
            review_replica(v, b->id);
        return;
    }
}

static uint64_t review_some(struct block_manager *bm, struct review *v, uint64_t from)
{
    uint64_t until = env_mono_ns(bm->env) + SLICE_NS;

    do
        from = ns_block_scan(bm->ns, from, SLICE_BLOCKS, review_block, v);
    while (from && env_mono_ns(bm->env) < until);
    return from;
}

static void report_done(struct block_manager *bm, struct storage *st)
{
    st->reported = true;
    st->node->report_ms = bm_now(bm);
    st->node->report_wall_ms = env_now_ms(bm->env);
    datanode_new_card(bm, st->node);
    excess_recheck_postponed(bm);
}

static int take_report(struct block_manager *bm, const char *node_uuid, struct storage *st,
                       const Pb__StorageBlockReportProto *r, struct err *err)
{
    bool had_some = st->block_count > 0;
    uint16_t number = st->number;
    struct replica_reader in;
    struct report_run run;
    struct review v = {.bm = bm, .run = &run};
    uint64_t from = 0;
    int rc = 0;

    if (!run_begin(bm, &run, number))
        return err_set(err, ERR_NOMEM, "block report of %s", st->uuid);
    reader_init(&in, r);
    while (take_some(bm, &in, st, &run)) {
        bm_breathe(bm);
        st = still_there(bm, number, node_uuid);
        if (!st)
            break;
    }
    if (st && in.bad) /* what it did name is true; what it did not is unknown */
        rc = err_set(err, ERR_PROTOCOL, "block report of %s is cut short or malformed", st->uuid);
    while (st && rc == 0 && had_some) {
        v.st = st;
        from = review_some(bm, &v, from);
        if (!from)
            break;
        bm_breathe(bm);
        st = still_there(bm, number, node_uuid);
    }
    if (!st)
        rc = err_set(err, ERR_UNREGISTERED, "datanode %s went while it reported", node_uuid);
    if (rc == 0)
        report_done(bm, st);
    if (v.removed)
        LOG_INFO("nn.report", "storage=%s missing=%" PRIu64 " next=\"copy them elsewhere\"",
                 r->storage->storageuuid, v.removed);
    run_end(bm, &run);
    return rc;
}

int report_full(struct block_manager *bm, const char *node_uuid,
                const Pb__StorageBlockReportProto *r, struct err *err)
{
    struct datanode *node;
    struct storage *st = NULL;
    int rc;

    bm_lock(bm);
    node = datanode_find(bm, node_uuid);
    if (node && node->alive)
        st = datanode_storage(bm, node, r->storage->storageuuid, r->storage);
    if (!st)
        rc = err_set(err, ERR_UNREGISTERED, "no such datanode or storage: %s, %s", node_uuid,
                     r->storage->storageuuid);
    else
        rc = take_report(bm, node_uuid, st, r, err);
    bm->full_reports++;
    bm_unlock(bm);
    return rc;
}

/* ---- what just came or went ---- */

void report_incremental(struct block_manager *bm, struct datanode *node,
                        const Pb__StorageReceivedDeletedBlocksProto *r)
{
    struct storage *st = datanode_storage(
        bm, node, r->storage ? r->storage->storageuuid : r->storageuuid, r->storage);

    for (size_t i = 0; st && i < r->n_blocks; i++) {
        const Pb__ReceivedDeletedBlockInfoProto *info = r->blocks[i];
        struct reported one = {.id = info->block->blockid,
                               .gs = info->block->genstamp,
                               .length = info->block->numbytes,
                               .state = PB__REPLICA_STATE_PROTO__FINALIZED};

        switch (info->status) {
        case PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__DELETED:
            report_seen(bm, st->number, one.id, true);
            replica_removed(bm, st, one.id);
            break;
        case PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVING:
            one.state = PB__REPLICA_STATE_PROTO__RBW;
            replica_reported(bm, st, &one, NULL);
            break;
        default:
            report_seen(bm, st->number, one.id, false);
            replica_reported(bm, st, &one,
                             info->deletehint ? datanode_find(bm, info->deletehint) : NULL);
        }
    }
}
