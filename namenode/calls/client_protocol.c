#include "namenode/calls/client_protocol.h"

#include <stdatomic.h>

#include "namenode/calls/retry_cache.h"
#include "namenode/calls/status.h"

enum {
#define RPC(method, Stem, stem, lock, cached, speed, text) ROW_##method,
#include "namenode/calls/client_protocol.def"
#undef RPC
    ROW_COUNT
};

/* Each handler with the type that fits a table. */
#define RPC(method, Stem, stem, lock, cached, speed, text)                                         \
    static int run_##method(struct op *op, const void *rq, void *rs)                               \
    {                                                                                              \
        return op_##stem(op, rq, rs);                                                              \
    }
#include "namenode/calls/client_protocol.def"
#undef RPC

static const struct op_row rows[ROW_COUNT] = {
#define RPC(method_, Stem, stem, lock_, cached_, speed, text)                                      \
    [ROW_##method_] = {.method = #method_,                                                         \
                       .reply = &pb__##stem##_response_proto__descriptor,                          \
                       .handle = run_##method_,                                                    \
                       .lock = OP_##lock_,                                                         \
                       .cached = cached_},
#include "namenode/calls/client_protocol.def"
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

/* With the answer of a call that may not be made twice the retry cache is told. */
static void answer(struct op *op, int rc)
{
    if (rc < 0)
        atomic_fetch_add_explicit(&counts[op->row - rows].failures, 1, memory_order_relaxed);
    // cppcheck-suppress ctuuninitvar
    if (op->row->cached && rc == 0)
        retry_cache_reply(op->nn->retry_cache, op->call, op->reply);
    else if (op->row->cached)
        retry_cache_fail(op->nn->retry_cache, op->call, &op->err);
    else if (rc == 0)
        rpc_reply(op->call, op->reply);
    else
        rpc_fail(op->call, &op->err);
}

void op_finish(struct op *op, int rc)
{
    if (op->done) {
        op->done(op, rc);
        return;
    }
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

void op_told_not_yet(struct op *op)
{
    op->nn->told_not_yet++;
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
    op.done = NULL;
    atomic_fetch_add_explicit(&counts[row].calls, 1, memory_order_relaxed);
    op.user = users_get(nn->users, call->user);
    op.reply = arena_alloc(op.arena, op.row->reply->sizeof_message);
    if (op.row->cached && !retry_cache_begin(nn->retry_cache, call, op.now_ms))
        return; /* carried out before, or being carried out */
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
    rc = op.row->handle(&op, request, op.reply);
    if (rc <= 0)
        call->mark = journal_last_txid(nn->journal);
    nn_unlock(nn);
    if (rc <= 0)
        answer(&op, rc);
}

#define RPC(method, Stem, stem, lock, cached, speed, text)                                         \
    static void call_##method(struct rpc_call *call, const ProtobufCMessage *request)              \
    {                                                                                              \
        dispatch(call, request, ROW_##method);                                                     \
    }
#include "namenode/calls/client_protocol.def"
#undef RPC

static const struct rpc_method methods[ROW_COUNT] = {
#define RPC(method_, Stem, stem, lock, cached, speed_, text)                                       \
    {.name = #method_,                                                                             \
     .request = &pb__##stem##_request_proto__descriptor,                                           \
     .handle = call_##method_,                                                                     \
     .speed = RPC_##speed_},
#include "namenode/calls/client_protocol.def"
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

/* ---- calls from inside ---- */

static const struct op_row *row_named(const char *method)
{
    for (int i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].method, method) == 0)
            return &rows[i];
    return NULL;
}

int op_call(const struct op_inside *in, const void *request, void **reply, struct err *err)
{
    struct rpc_call *call = arena_zalloc(in->arena, sizeof *call);
    struct op *op = arena_zalloc(in->arena, sizeof *op);
    const struct op_row *row = row_named(in->method);
    int rc;

    if (!row)
        return err_set(err, ERR_NO_METHOD,
                       "Unknown method %s called on "
                       "org.apache.hadoop.hdfs.protocol.ClientProtocol protocol.",
                       in->method);
    if (!call || !op)
        return err_set(err, ERR_NOMEM, "%s", in->method);
    call->user = in->user;
    call->peer_ip = in->peer_ip ? in->peer_ip : "127.0.0.1";
    call->arena = in->arena;
    *op = (struct op){.nn = in->nn,
                      .call = call,
                      .row = row,
                      .arena = in->arena,
                      .user = users_get(in->nn->users, in->user),
                      .now_ms = env_now_ms(in->nn->env),
                      .request = request,
                      .wait_over = !in->done,
                      .done = in->done,
                      .done_ctx = in->done_ctx};
    op->reply = arena_alloc(in->arena, op->row->reply->sizeof_message);
    if (!op->user || !op->reply)
        return err_set(err, ERR_NOMEM, "%s", in->method);
    protobuf_c_message_init(op->row->reply, op->reply);
    if (op->row->lock != OP_FREE)
        nn_lock(in->nn);
    rc = op->row->handle(op, request, op->reply);
    if (op->row->lock != OP_FREE)
        nn_unlock(in->nn);
    *reply = op->reply;
    if (rc < 0 && err)
        *err = op->err;
    return rc;
}

/* ---- answers of an earlier life ---- */

static const ProtobufCMessage *answer_of(struct namenode *nn, const struct edit_op *e,
                                         struct arena *arena)
{
    static Pb__DeleteResponseProto deleted = PB__DELETE_RESPONSE_PROTO__INIT;
    static Pb__RenameResponseProto renamed = PB__RENAME_RESPONSE_PROTO__INIT;
    static const Pb__Rename2ResponseProto done = PB__RENAME2_RESPONSE_PROTO__INIT;
    static Pb__CreateResponseProto created = PB__CREATE_RESPONSE_PROTO__INIT;
    static Pb__CreateSnapshotResponseProto snapshot = PB__CREATE_SNAPSHOT_RESPONSE_PROTO__INIT;
    struct op op = {.nn = nn, .arena = arena};
    struct inode_info info;

    deleted.result = renamed.result = 1;
    switch (e->code) {
    case EDIT_DELETE: return &deleted.base;
    case EDIT_RENAME_OLD: return &renamed.base;
    case EDIT_RENAME:
    case EDIT_CONCAT_DELETE:
    case EDIT_SPLICE:
    case EDIT_EXCHANGE:
    case EDIT_UPDATE_BLOCKS: /* updatePipeline */
    case EDIT_RENAME_SNAPSHOT:
    case EDIT_DELETE_SNAPSHOT:
    case EDIT_SET_XATTR:
    case EDIT_REMOVE_XATTR:
    case EDIT_ENABLE_EC_POLICY:
    case EDIT_DISABLE_EC_POLICY:
    case EDIT_REMOVE_EC_POLICY: return &done.base; /* all of them answer an empty message */
    case EDIT_CREATE_SNAPSHOT:
        snapshot.snapshotpath = arena_printf(arena, "%s%s.snapshot/%s", e->path,
                                             strcmp(e->path, "/") == 0 ? "" : "/", e->snapshot);
        return snapshot.snapshotpath ? &snapshot.base : NULL;
    case EDIT_ADD:
        if (!ns_info(nn->ns, e->inode_id, &info) || !(created.fs = status_of(&op, &info, "", 0)))
            return NULL;
        return &created.base;
    default: return NULL;
    }
}

void nn_remember_replayed(struct namenode *nn, const struct edit_op *e)
{
    const ProtobufCMessage *message;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    if ((message = answer_of(nn, e, &arena)))
        retry_cache_put(nn->retry_cache, e->client_id, e->call_id, message, env_now_ms(nn->env));
    arena_done(&arena);
}
