/* fsck_file.c -- one file: how its blocks are, counted and, when asked, shown. */
#include <inttypes.h>
#include <stdlib.h>

#include "namenode/blocks/policy.h"
#include "namenode/calls/op_ec.h"
#include "namenode/calls/status.h"
#include "namenode/http/fsck.h"
#include "namenode/namespace/access.h"

enum { REPLICAS = 512, SLICE = 512, FILE_ARENA_MAX = 64 << 20, REPORT_MAX = 256 << 20 };

/* The file while its blocks are gone through. */
struct look {
    struct fsck *f;
    struct op *op;
    struct place at;
    const char *path;
    const struct ec_policy *ec; /* NULL: replicated */
    struct fsck_result *sum;
    struct buf report; /* the blocks, with -blocks */
    uint64_t missing, missing_bytes, corrupt, corrupt_bytes, number;
    uint64_t too_few, misplaced;
    struct fsck_piece *pieces; /* with -move */
    size_t piece_count;
};

static bool is_open(const struct look *l)
{
    return l->at.info.under_construction && l->at.info.snapshot == SNAPSHOT_NOW;
}

/* ---- a block's replicas ---- */

/* The first that is true of it. */
static const char *detail_of(const struct fsck *f, const struct bm_replica *r)
{
    switch (r->node->adminstate) {
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSIONED: return "DECOMMISSIONED";
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSION_INPROGRESS: return "DECOMMISSIONING";
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__ENTERING_MAINTENANCE:
        if (fsck_asks(f, FSCK_MAINTENANCE))
            return "ENTERING MAINTENANCE";
        break;
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__IN_MAINTENANCE:
        if (fsck_asks(f, FSCK_MAINTENANCE))
            return "IN MAINTENANCE";
        break;
    default: break;
    }
    return r->corrupt         ? "CORRUPT"
           : r->excess        ? "EXCESS"
           : r->stale_node    ? "STALE_NODE"
           : r->stale_storage ? "STALE_BLOCK_CONTENT"
                              : "LIVE";
}

static void put_replica(struct look *l, const struct bm_replica *r)
{
    const struct fsck *f = l->f;
    const Pb__DatanodeIDProto *id = r->node->id;

    if (fsck_asks(f, FSCK_RACKS))
        buf_printf(&l->report, "%s/%s:%u", r->node->location, id->ipaddr, id->xferport);
    else
        buf_printf(&l->report, "DatanodeInfoWithStorage[%s:%u,%s,%s]", id->ipaddr, id->xferport,
                   r->storage_id, policy_type_name((int)r->type - 1));
    if (fsck_asks(f, FSCK_DOMAINS))
        buf_printf(&l->report, "(ud=%s)",
                   r->node->upgradedomain ? r->node->upgradedomain : "undefined");
    if (fsck_asks(f, FSCK_DETAILS))
        buf_printf(&l->report, "(%s)", detail_of(f, r));
}

static void put_replicas(struct look *l, uint64_t block)
{
    struct bm_replica all[REPLICAS];
    int n;

    if (!fsck_asks(l->f, FSCK_LOCATIONS | FSCK_RACKS | FSCK_DETAILS | FSCK_DOMAINS))
        return;
    n = bm_list_replicas(l->op->nn->bm, block, all, REPLICAS);
    buf_puts(&l->report, "  [");
    for (int i = 0; i < n; i++) {
        buf_puts(&l->report, i ? ", " : "");
        put_replica(l, &all[i]);
    }
    buf_puts(&l->report, "]");
}

static void put_name(struct buf *out, const struct look *l, const struct block_info *b)
{
    buf_printf(out, "%s:blk_%" PRId64 "_%" PRIu64, l->op->nn->identity.pool_id, (int64_t)b->id,
               b->gs);
}

/* ---- what is wrong with a block ---- */

/* How many copies a block needs to be read, and should have.  Of a group of striped blocks: as many of
 * its blocks as there are bytes for. */
static void copies_of(const struct look *l, const struct block_info *b, int *min, int *wanted)
{
    *min = (int)conf_int(l->op->nn->conf, OPT_replication_min);
    *wanted = l->at.info.replication;
    if (l->ec) {
        uint64_t cells = (b->length + l->ec->cell_bytes - 1) / l->ec->cell_bytes;

        *min = (int)(cells < l->ec->data_units ? cells : l->ec->data_units);
        *wanted = *min + (int)l->ec->parity_units;
    }
}

/* "/f: " in front of what is wrong with it, unless its line has begun. */
static void name_file(struct look *l)
{
    if (!fsck_asks(l->f, FSCK_FILES))
        buf_printf(&l->f->out, "\n%s: ", l->path);
}

static void too_few(struct look *l, const struct block_info *b, const struct bm_replicas *r,
                    int there, int wanted)
{
    struct buf *out = &l->f->out;

    l->sum->missing_replicas += (uint64_t)(wanted - there);
    l->sum->under_replicated++;
    l->too_few++;
    name_file(l);
    buf_puts(out, " Under replicated ");
    put_name(out, l, b);
    buf_printf(out,
               ". Target Replicas is %d but found %d live replica(s), %d decommissioned "
               "replica(s), %d decommissioning replica(s)",
               wanted, r->live, r->decommissioned, r->decommissioning);
    if (fsck_asks(l->f, FSCK_MAINTENANCE))
        buf_printf(out, "%d, entering maintenance replica(s) and %d in maintenance replica(s)", 0,
                   r->in_maintenance);
    buf_puts(out, ".\n");
}

static void check_racks(struct look *l, const struct block_info *b, int wanted)
{
    struct buf *out = &l->f->out;
    int used, all;

    if (bm_racks_of(l->op->nn->bm, b->id, wanted, &used, &all))
        return;
    l->sum->misplaced++;
    l->misplaced++;
    if (!fsck_asks(l->f, FSCK_FILES))
        buf_printf(out, "%s%s: ", l->too_few ? "" : "\n", l->path);
    buf_puts(out, " Replica placement policy is violated for ");
    put_name(out, l, b);
    buf_printf(out,
               ". Block should be additionally replicated on %d more rack(s). Total number of "
               "racks in the cluster: %d\n",
               (wanted < 2 ? wanted : 2) - used, all);
    if (fsck_asks(l->f, FSCK_REPLICATE)) {
        bm_check_file(l->op->nn->bm, l->at.id);
        l->sum->queued++;
    }
}

static void count_policy(struct look *l, const struct block_info *b)
{
    struct bm_replica all[REPLICAS];
    uint8_t types[REPLICAS];
    int n = bm_list_replicas(l->op->nn->bm, b->id, all, REPLICAS), good = 0;

    for (int i = 0; i < n; i++)
        if (!all[i].corrupt)
            types[good++] = (uint8_t)all[i].type;
    for (int i = 0; good == 0 && i < n; i++) /* nothing but corrupt ones: those */
        types[i] = (uint8_t)all[i].type;
    fsck_add_combination(l->f->policies, status_policy(l->op, &l->at.info), types, good ? good : n);
}

static void report_block(struct look *l, const struct block_info *b, bool missing, int live)
{
    if (!fsck_asks(l->f, FSCK_BLOCKS))
        return;
    buf_printf(&l->report, "%" PRIu64 ". ", l->number);
    put_name(&l->report, l, b);
    buf_printf(&l->report, " len=%" PRIu64, b->length);
    if (missing)
        buf_puts(&l->report, " MISSING!");
    if (!missing || l->ec) {
        buf_printf(&l->report, " Live_repl=%d", live);
        put_replicas(l, b->id);
    }
    buf_puts(&l->report, "\n");
}

static void check_block(struct look *l, const struct block_info *b, uint64_t offset)
{
    struct fsck_result *sum = l->sum;
    struct bm_replicas r;
    int min, wanted, there;
    bool missing, corrupt;

    bm_count_replicas(l->op->nn->bm, b->id, &r);
    copies_of(l, b, &min, &wanted);
    there = r.live + r.decommissioned + r.decommissioning + r.in_maintenance;
    corrupt = r.corrupt > 0 && there + r.excess == 0;
    missing = l->ec ? there < min : there == 0;
    sum->decommissioned += (uint64_t)r.decommissioned;
    sum->decommissioning += (uint64_t)r.decommissioning;
    sum->in_maintenance += (uint64_t)r.in_maintenance;
    sum->replicas += (uint64_t)there;
    sum->expected += (uint64_t)wanted;
    sum->under_min += there < min;
    sum->min_replicated += there >= min;
    sum->over_replicated += r.live > wanted;
    if (corrupt) {
        sum->corrupt_blocks++;
        sum->corrupt_bytes += b->length;
        l->corrupt++;
        l->corrupt_bytes += b->length;
        buf_printf(&l->f->out, "\n%s: CORRUPT blockpool %s block blk_%" PRId64 "\n", l->path,
                   l->op->nn->identity.pool_id, (int64_t)b->id);
    }
    if (there < wanted && !missing)
        too_few(l, b, &r, there, wanted);
    check_racks(l, b, wanted);
    if (l->f->policies)
        count_policy(l, b);
    missing = missing && !corrupt;
    if (missing) {
        sum->missing_blocks++;
        sum->missing_bytes += b->length;
        l->missing++;
        l->missing_bytes += b->length;
    }
    report_block(l, b, missing, r.live);
    l->number++;
    if (l->pieces)
        l->pieces[l->piece_count++] = (struct fsck_piece){offset, b->length, !missing};
}

/* ---- all of them ---- */

/* The blocks that the file's length covers, in slices: others want the lock too. */
static int check_blocks(struct look *l, const struct block_info *unfinished)
{
    struct namenode *nn = l->op->nn;
    uint64_t ids[SLICE], at = 0;

    for (uint32_t from = 0; from < l->at.info.block_count && at < l->at.info.length;) {
        uint32_t left = l->at.info.block_count - from, n = left < SLICE ? left : SLICE;

        ns_file_blocks_at(nn->ns, &l->at.info, ids, from, n);
        for (uint32_t i = 0; i < n && at < l->at.info.length; i++) {
            struct block_info b;

            if (!ns_block(nn->ns, ids[i], &b))
                continue;
            if (!unfinished || unfinished->id != b.id)
                check_block(l, &b, at);
            at += b.length;
        }
        from += n;
        if (from == l->at.info.block_count)
            break;
        nn_unlock(nn);
        nn_lock(nn);
        if (!ns_info_at(nn->ns, l->at.id, l->at.info.snapshot, &l->at.info))
            break;
    }
    return l->report.bad ? err_set(&l->f->err, ERR_NOMEM, "%s: too many blocks", l->path) : 0;
}

static void report_unfinished(struct look *l, const struct block_info *b)
{
    uint16_t storages[REPLICAS];

    if (!fsck_asks(l->f, FSCK_BLOCKS))
        return;
    buf_printf(&l->report, "\nUnder Construction Block:\n%" PRIu64 ". ", l->number);
    put_name(&l->report, l, b);
    buf_printf(&l->report, " len=%" PRIu64 " Expected_repl=%d", b->length,
               bm_expected(l->op->nn->bm, b->id, storages, REPLICAS));
    put_replicas(l, b->id);
}

/* ---- the file ---- */

static uint64_t blocks_covered(const struct look *l)
{
    struct block_info last;

    if (!is_open(l) || !last_block_of(l->op->nn->ns, &l->at.info, &last))
        return l->at.info.block_count;
    return l->at.info.block_count - (last.state != BLOCK_COMPLETE && last.length == 0);
}

/* Counts it, and begins its line; false: it is open, and open files are not asked for. */
static bool count_file(struct look *l)
{
    struct fsck *f = l->f;
    uint64_t blocks = blocks_covered(l);

    if (is_open(l) && !fsck_asks(f, FSCK_OPEN)) {
        l->sum->open_bytes += l->at.info.length;
        l->sum->open_blocks += blocks;
        l->sum->open_files++;
        return false;
    }
    l->sum->files++;
    l->sum->bytes += l->at.info.length;
    l->sum->blocks += blocks;
    if (is_open(l) || fsck_asks(f, FSCK_FILES)) {
        buf_printf(&f->out, "%s %" PRIu64 " bytes, ", l->path, l->at.info.length);
        if (l->ec)
            buf_printf(&f->out, "erasure-coded: policy=%s,", l->ec->name);
        else
            buf_printf(&f->out, "replicated: replication=%u,", l->at.info.replication);
        buf_printf(&f->out, " %" PRIu64 " block(s)%s: ", blocks,
                   is_open(l) ? ", OPENFORWRITE" : "");
    } else if (l->sum->files % 100 == 0) {
        buf_puts(&f->out, ".");
    }
    return true;
}

/* " MISSING 1 blocks of total size 10 B" behind the file's line, or on one of its own. */
static void put_lost(struct look *l, const char *what, uint64_t blocks, uint64_t bytes)
{
    bool shown = fsck_asks(l->f, FSCK_FILES);

    if (blocks == 0)
        return;
    if (!shown)
        buf_printf(&l->f->out, "\n%s:", l->path);
    buf_printf(&l->f->out, " %s %" PRIu64 " blocks of total size %" PRIu64 " B%s", what, blocks,
               bytes, shown ? "\n" : ".");
}

static void end_file(struct look *l)
{
    struct buf *out = &l->f->out;

    put_lost(l, "MISSING", l->missing, l->missing_bytes);
    put_lost(l, "CORRUPT", l->corrupt, l->corrupt_bytes);
    l->sum->corrupt_files += l->missing > 0 || l->corrupt > 0;
    if (!fsck_asks(l->f, FSCK_FILES))
        return;
    if (l->missing + l->corrupt + l->too_few + l->misplaced == 0)
        buf_puts(out, " OK\n");
    if (fsck_asks(l->f, FSCK_BLOCKS)) {
        buf_put(out, l->report.bytes, l->report.n);
        buf_puts(out, "\n");
    }
}

/* With the lock held. */
static int look_at(struct look *l)
{
    struct block_info last;
    const struct block_info *unfinished = NULL;
    struct fsck *f = l->f;
    int rc = op_resolve(l->op, l->path, FOR_READ, &l->at);

    if (rc == 0 && l->at.id && l->at.info.kind == INODE_FILE)
        rc = access_target(l->op, &l->at, MAY_READ);
    if (rc < 0)
        return rc;
    if (!l->at.id || l->at.info.kind != INODE_FILE)
        return 0; /* it went meanwhile */
    l->ec = op_ec_in_force(l->op, &l->at.info);
    l->sum = l->ec ? &f->coded : &f->replicated;
    if (!count_file(l))
        return 0;
    if (is_open(l) && last_block_of(l->op->nn->ns, &l->at.info, &last) &&
        last.state != BLOCK_COMPLETE)
        unfinished = &last;
    if (fsck_asks(f, FSCK_MOVE) && !is_open(l) &&
        !(l->pieces = arena_alloc(l->op->arena, (l->at.info.block_count + 1) * sizeof *l->pieces)))
        return op_nomem(l->op);
    if ((rc = check_blocks(l, unfinished)) < 0)
        return rc;
    if (unfinished)
        report_unfinished(l, unfinished);
    end_file(l);
    return 0;
}

int fsck_file(struct fsck *f, const char *path)
{
    struct look l = {.f = f, .path = path};
    struct arena arena;
    int rc = -ERR_NOMEM;

    arena_init(&arena, FILE_ARENA_MAX);
    buf_init(&l.report, REPORT_MAX);
    if ((l.op = fsck_op(f, &arena))) {
        nn_lock(f->nn);
        rc = look_at(&l);
        nn_unlock(f->nn);
        if (rc < 0 && l.op->err.code)
            f->err = l.op->err;
        if (rc == 0 && l.missing + l.corrupt > 0 && !is_open(&l)) {
            if (fsck_asks(f, FSCK_MOVE))
                fsck_move(f, path, l.at.info.mode, l.pieces, l.piece_count);
            if (fsck_asks(f, FSCK_DELETE))
                fsck_delete(f, path);
        }
    }
    buf_done(&l.report);
    arena_done(&arena);
    return rc;
}
