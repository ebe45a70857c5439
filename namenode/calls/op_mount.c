/* op_mount.c -- calls that Hadoop has not: what a mount, or a conversion to another erasure code, changes in
 * one step. */
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_replace.h"
#include "namenode/calls/op_snapshot.h"
#include "namenode/calls/status.h"
#include "namenode/namespace/access.h"

/* ---- spliceFile ---- */

static int find_file(struct op *op, const char *src, unsigned want, struct place *p)
{
    int rc;

    if ((rc = op_resolve(op, src, FOR_WRITE, p)) < 0 || (rc = access_target(op, p, want)) < 0)
        return rc;
    if (!p->id)
        return op_no_such_file(op, p->path);
    if (p->info.kind != INODE_FILE)
        return err_set(&op->err, ERR_NOENT, "Path is not a file: %s", p->path);
    if (p->info.under_construction)
        return err_set(&op->err, ERR_WRITER, "spliceFile: %s is being written", p->path);
    return 0;
}

static int find_source(struct op *op, const char *src, const struct place *target, bool take_layout,
                       struct place *out)
{
    int rc = find_file(op, src, MAY_READ, out);

    if (rc < 0 || (rc = access_check(op, out, &(struct access){.parent = MAY_WRITE})) < 0)
        return rc;
    if (out->id == target->id)
        return err_set(&op->err, ERR_HADOOP_ARG, "spliceFile: %s is its own source", src);
    if (!take_layout && out->info.ec_policy != target->info.ec_policy)
        return err_set(&op->err, ERR_HADOOP_ARG, "spliceFile: %s is coded otherwise than %s", src,
                       target->path);
    if (ns_is_in_snapshot(op->nn->ns, out->id)) /* a later try has another source */
        return err_set(&op->err, ERR_INVALID_REQUEST, "spliceFile: %s is in snapshot", src);
    return 0;
}

/* The blocks of a file with lengths and stamps. */
static struct edit_block *blocks_of(struct op *op, const struct place *p, uint32_t *n)
{
    uint64_t *ids;
    struct edit_block *out;

    *n = ns_file_blocks(op->nn->ns, p->id, NULL, 0, 0);
    ids = arena_alloc(op->arena, ((size_t)*n + 1) * sizeof *ids);
    out = arena_alloc(op->arena, ((size_t)*n + 1) * sizeof *out);
    if (!ids || !out)
        return NULL;
    ns_file_blocks(op->nn->ns, p->id, ids, 0, *n);
    for (uint32_t k = 0; k < *n; k++) {
        struct block_info b = {0};

        MUST(ns_block(op->nn->ns, ids[k], &b));
        out[k] = (struct edit_block){.id = ids[k], .length = b.length, .gs = b.gs};
    }
    return out;
}

/* The new list; fails when the file has not the blocks that the caller wants to replace. */
static int weave(struct op *op, const Pb__SpliceFileRequestProto *rq, const struct edit_block *have,
                 uint32_t have_n, const struct edit_block *given, uint32_t given_n,
                 struct edit_op *e)
{
    struct edit_block *out = arena_alloc(op->arena, ((size_t)have_n + given_n + 1) * sizeof *out);
    uint32_t at = 0, taken = 0, seen = 0;
    bool fits = rq->blockcount == have_n;
    int n = 0;

    if (!out)
        return op_nomem(op);
    for (size_t i = 0; i < rq->n_runs && fits; i++) {
        const Pb__SpliceRunProto *r = rq->runs[i];

        fits = r->at >= at && r->at <= have_n && r->drop <= have_n - r->at &&
               r->take <= given_n - taken && r->drop <= rq->n_replaced - seen;
        while (fits && at < r->at)
            out[n++] = have[at++];
        for (uint32_t k = 0; fits && k < r->drop; k++, at++, seen++)
            fits = rq->replaced[seen]->blockid == have[at].id &&
                   rq->replaced[seen]->genstamp == have[at].gs &&
                   rq->replaced[seen]->numbytes == have[at].length;
        for (uint32_t k = 0; fits && k < r->take; k++)
            out[n++] = given[taken++];
    }
    while (fits && at < have_n)
        out[n++] = have[at++];
    if (!fits || taken != given_n)
        return err_set(&op->err, ERR_INVALID_REQUEST,
                       "spliceFile: %s has not the blocks that are to be replaced", rq->src);
    e->blocks = out;
    e->block_count = n;
    return 0;
}

/* The last step of a conversion. It is the same file, so its time stays. */
static int take_layout(struct op *op, const struct place *target, const struct place *source,
                       struct edit_op *e)
{
    if (target->info.length != source->info.length)
        return err_set(&op->err, ERR_INVALID_REQUEST, "spliceFile: %s has %llu bytes, %s has %llu",
                       source->path, (unsigned long long)source->info.length, target->path,
                       (unsigned long long)target->info.length);
    if (ns_is_in_snapshot(op->nn->ns, target->id))
        return op_replace_file(op, target, source);
    e->mtime_ms = target->info.mtime_ms;
    return op_commit(op, e);
}

int op_splice_file(struct op *op, const Pb__SpliceFileRequestProto *rq,
                   Pb__SpliceFileResponseProto *rs)
{
    struct edit_op e = {.code = EDIT_SPLICE, .mtime_ms = op->now_ms};
    bool layout = rq->has_takelayout && rq->takelayout;
    const struct edit_block *have, *given = NULL;
    uint32_t have_n, given_n = 0;
    struct place t, s;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot splice %s", rq->src)) < 0 ||
        (rc = find_file(op, rq->src, MAY_WRITE, &t)) < 0 ||
        (rq->source && (rc = find_source(op, rq->source, &t, layout, &s)) < 0))
        return rc;
    if (layout && !rq->source)
        return err_set(&op->err, ERR_HADOOP_ARG, "spliceFile: no source to take the layout of");
    have = blocks_of(op, &t, &have_n);
    given = rq->source ? blocks_of(op, &s, &given_n) : have;
    if (!have || !given)
        return op_nomem(op);
    rc = weave(op, rq, have, have_n, given, given_n, &e);
    if (rc < 0)
        return rc;
    if (layout && (uint32_t)e.block_count != given_n)
        return err_set(&op->err, ERR_INVALID_REQUEST,
                       "spliceFile: %s would keep blocks of another layout", rq->src);
    e.path = t.path;
    e.sources = &s.path;
    e.source_count = rq->source != NULL;
    rc = layout ? take_layout(op, &t, &s, &e) : op_commit(op, &e);
    if (rc == 0)
        bm_check_file(op->nn->bm, layout && !ns_info(op->nn->ns, t.id, &t.info) ? s.id : t.id);
    return rc;
}

/* ---- exchange ---- */

static int find_name(struct op *op, const char *src, struct place *p)
{
    bool has_dirs = false;
    int rc = op_resolve(op, src, FOR_WRITE_LINK, p);

    if (rc < 0 || (rc = access_check(op, p, &(struct access){.parent = MAY_WRITE})) < 0)
        return rc;
    if (!p->id)
        return err_set(&op->err, ERR_NOENT, "exchange: %s is not found", p->path);
    if (p->id == NS_ROOT_ID)
        return err_set(&op->err, ERR_HADOOP_ARG, "exchange: the root keeps its place");
    if ((rc = op_check_no_snapshots(op, p->id, &has_dirs)) < 0)
        return rc;
    return has_dirs ? err_set(&op->err, ERR_SNAPSHOT, "exchange: %s has snapshottable directories",
                              p->path)
                    : 0;
}

int op_exchange(struct op *op, const Pb__ExchangeRequestProto *rq, Pb__ExchangeResponseProto *rs)
{
    struct place a, b;
    size_t a_n, b_n;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot exchange %s", rq->src)) < 0 ||
        (rc = find_name(op, rq->src, &a)) < 0 || (rc = find_name(op, rq->dst, &b)) < 0)
        return rc;
    if (a.id == b.id)
        return 0;
    a_n = strlen(a.path), b_n = strlen(b.path);
    if ((strncmp(a.path, b.path, b_n) == 0 && a.path[b_n] == '/') ||
        (strncmp(b.path, a.path, a_n) == 0 && b.path[a_n] == '/'))
        return err_set(&op->err, ERR_HADOOP_ARG, "exchange: one of %s and %s is below the other",
                       a.path, b.path);
    return op_commit(
        op, &(struct edit_op){
                .code = EDIT_EXCHANGE, .path = a.path, .path2 = b.path, .mtime_ms = op->now_ms});
}
