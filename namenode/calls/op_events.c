/* op_events.c -- getEditsFromTxid: the events of the edit log, for a client that follows it. */
#include "namenode/calls/client_protocol.h"
#include "namenode/edits/edit_tail.h"
#include "namenode/edits/events.h"

struct gathering {
    struct op *op;
    Pb__EventsListProto *list;
    size_t events, events_max;
    uint64_t last; /* what is known to be durable */
};

static int see(void *ctx, const struct edit_op *record, struct err *err)
{
    struct gathering *g = ctx;
    Pb__EventBatchProto *batch;
    int rc = event_batch(record, g->op->arena, &batch, err);

    if (rc < 0)
        return rc;
    if (g->list->firsttxid < 0)
        g->list->firsttxid = (int64_t)record->txid;
    g->list->lasttxid = (int64_t)record->txid;
    if (batch) {
        g->list->batch[g->list->n_batch++] = batch;
        g->events += batch->n_events;
    }
    return g->events >= g->events_max || record->txid == g->last;
}

int op_get_edits_from_txid(struct op *op, const Pb__GetEditsFromTxidRequestProto *rq,
                           Pb__GetEditsFromTxidResponseProto *rs)
{
    struct gathering g = {.op = op, .events_max = (size_t)conf_int(op->nn->conf, OPT_inotify_max)};
    int rc = op_check_super(op, "getEditsFromTxid");

    if (rc < 0)
        return rc;
    g.last = journal_durable_txid(op->nn->journal);
    g.list = arena_alloc(op->arena, sizeof *g.list);
    if (!g.list)
        return op_nomem(op);
    pb__events_list_proto__init(g.list);
    g.list->firsttxid = g.list->lasttxid = -1;
    g.list->synctxid = (int64_t)g.last;
    g.list->batch = arena_alloc(op->arena, (g.events_max + 1) * sizeof *g.list->batch);
    if (!g.list->batch)
        return op_nomem(op);
    rs->eventslist = g.list;
    if (rq->txid > 0 && (uint64_t)rq->txid > g.last)
        return 0; /* nothing yet */
    return edit_tail_read(op->nn->edit_tail, rq->txid > 0 ? (uint64_t)rq->txid : 1, g.last, see, &g,
                          &op->err);
}
