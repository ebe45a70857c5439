#include "namenode/client_protocol.h"

#include <stdatomic.h>

#include "namenode/retry_cache.h"

enum {
#define RPC(method, Stem, stem, lock, cached, speed, text) ROW_##method,
#include "namenode/client_protocol.def"
#undef RPC
    ROW_COUNT
};

/* Each handler with the type that fits a table. */
#define RPC(method, Stem, stem, lock, cached, speed, text)                                         \
    static int run_##method(struct op *op, const void *rq, void *rs)                               \
    {                                                                                              \
        return op_##stem(op, rq, rs);                                                              \
    }
#include "namenode/client_protocol.def"
#undef RPC

static const struct op_row rows[ROW_COUNT] = {
#define RPC(method_, Stem, stem, lock_, cached_, speed, text)                                      \
    [ROW_##method_] = {.method = #method_,                                                         \
                       .reply = &pb__##stem##_response_proto__descriptor,                          \
                       .handle = run_##method_,                                                    \
                       .lock = OP_##lock_,                                                         \
                       .cached = cached_},
#include "namenode/client_protocol.def"
#undef RPC
};

static struct {
    _Atomic uint64_t calls, failures;
} counts[ROW_COUNT];

int op_counts(struct op_count *out, int max)
{
    int n = max < ROW_COUNT ? max : ROW_COUNT;

    for (int i = 0; i < n; i++)
        out[i] = (struct op_count){rows[i].method, counts[i].calls, counts[i].failures};
    return n;
}

/* ---- answering ---- */

struct op *op_later(struct op *op)
{
    struct op *copy = arena_alloc(op->arena, sizeof *copy);

    if (copy)
        memcpy(copy, op, offsetof(struct op, err));
    return copy;
}

/* A repeated call gets this answer again. */
static void remember(struct op *op, int rc)
{
    if (op->row->cached && op->call->has_client_id)
        retry_cache_finish(op->nn->retry_cache, op->call->client_id, op->call->call_id, rc == 0,
                           rc == 0 ? op->reply : NULL);
}

static void answer(struct op *op, int rc)
{
    if (rc == 0) {
        rpc_reply(op->call, op->reply);
        return;
    }
    atomic_fetch_add_explicit(&counts[op->row - rows].failures, 1, memory_order_relaxed);
    rpc_fail(op->call, &op->err);
}

void op_finish(struct op *op, int rc)
{
    remember(op, rc);
    op->call->mark = journal_last_txid(op->nn->journal);
    answer(op, rc);
}

/* ---- waiting for datanodes ---- */

enum { WAIT_MS = 3000 };

static void again(void *ctx, bool ok)
{
    struct op *op = ctx;
    int rc;

    op->now_ms = env_now_ms(op->nn->env);
    op->wait_over = !ok || op->now_ms >= op->wait_until_ms;
    protobuf_c_message_init(op->row->reply, op->reply);
    rc = op->row->handle(op, op->request, op->reply);
    if (rc <= 0)
        op_finish(op, rc);
}

int op_wait_block(struct op *op, uint64_t block)
{
    struct op *later = op->wait_until_ms ? op : op_later(op);

    if (!later)
        return op_nomem(op);
    if (!later->wait_until_ms)
        later->wait_until_ms = op->now_ms + WAIT_MS;
    bm_wait_complete(op->nn->bm, block, (int)(later->wait_until_ms - op->now_ms), again, later);
    return OP_LATER;
}

/* A call that was carried out before, or is being carried out, is not carried out again. */
static bool answered_before(struct op *op)
{
    switch (retry_cache_begin(op->nn->retry_cache, op->call)) {
    case RETRY_NEW: return false;
    default: return true;
    }
}

static void dispatch(struct rpc_call *call, const ProtobufCMessage *request, int row)
{
    struct namenode *nn = call->ctx;
    struct op op;
    int rc;

    op.nn = nn;
    op.call = call;
    op.row = &rows[row];
    op.arena = call->arena;
    op.request = request;
    op.now_ms = env_now_ms(nn->env);
    op.wait_until_ms = 0;
    op.wait_over = false;
    atomic_fetch_add_explicit(&counts[row].calls, 1, memory_order_relaxed);
    op.user = users_get(nn->users, call->user);
    op.reply = arena_alloc(op.arena, op.row->reply->sizeof_message);
    if (!op.user || !op.reply) {
        answer(&op, op_nomem(&op));
        return;
    }
    protobuf_c_message_init(op.row->reply, op.reply);

    if (op.row->lock == OP_FREE) {
        rc = op.row->handle(&op, request, op.reply);
        if (rc <= 0)
            answer(&op, rc);
        return;
    }
    nn_lock(nn);
    if (op.row->cached && call->has_client_id && answered_before(&op)) {
        nn_unlock(nn);
        return;
    }
    rc = op.row->handle(&op, request, op.reply);
    if (rc <= 0) {
        remember(&op, rc);
        call->mark = journal_last_txid(nn->journal);
    }
    nn_unlock(nn);
    if (rc <= 0)
        answer(&op, rc);
}

#define RPC(method, Stem, stem, lock, cached, speed, text)                                         \
    static void call_##method(struct rpc_call *call, const ProtobufCMessage *request)              \
    {                                                                                              \
        dispatch(call, request, ROW_##method);                                                     \
    }
#include "namenode/client_protocol.def"
#undef RPC

static const struct rpc_method methods[ROW_COUNT] = {
#define RPC(method_, Stem, stem, lock, cached, speed_, text)                                       \
    {.name = #method_,                                                                             \
     .request = &pb__##stem##_request_proto__descriptor,                                           \
     .handle = call_##method_,                                                                     \
     .speed = RPC_##speed_},
#include "namenode/client_protocol.def"
#undef RPC
};

int nn_client_protocol(struct namenode *nn, struct rpc_protocol *out)
{
    out[0] = (struct rpc_protocol){.name = "org.apache.hadoop.hdfs.protocol.ClientProtocol",
                                   .version = 1,
                                   .methods = methods,
                                   .method_count = ROW_COUNT,
                                   .ctx = nn};
    return 1;
}
