#include "client/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/ack.h"
#include "client/block_map.h"
#include "client/dn_pool.h"
#include "common/env.h"
#include "common/net.h"

typedef Pb__OpWriteBlockProto__BlockConstructionStage wire_stage;
#define WIRE(name) PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__##name

enum {
    NODE_EXTRA_MS = 5000, /* each datanode behind the first may need so much longer */
    SEND_PIECES = 64,
};

void pipeline_init(struct pipeline *p, struct dfs *fs, const char *path)
{
    *p = (struct pipeline){.fs = fs, .path = path, .bad = -1};
    pb__extended_block_proto__init(&p->block);
    arena_init(&p->arena, FS_ANSWER_MAX);
    arena_init(&p->kept, FS_ANSWER_MAX);
}

void pipeline_done(struct pipeline *p)
{
    pipeline_disconnect(p);
    arena_done(&p->arena);
    arena_done(&p->kept);
}

void pipeline_disconnect(struct pipeline *p)
{
    dn_conn_close(p->conn);
    p->conn = NULL;
    p->ended = false;
    p->acks_n = 0;
}

void pipeline_end_block(struct pipeline *p)
{
    if (p->conn && p->ended && p->acks_n == 0) {
        dn_pool_give(p->fs->datanodes, p->conn);
        p->conn = NULL;
    }
    pipeline_disconnect(p);
    p->has_block = p->hflushed = p->appending = false;
    p->count = 0;
}

/* ---- what the namenode said ---- */

static int set_nodes(struct pipeline *p, const Pb__LocatedBlockProto *b, struct err *err)
{
    if (b->n_locs == 0 || b->n_locs > PIPELINE_NODES_MAX)
        return err_set(err, ERR_IO, "a pipeline of %zu datanodes", b->n_locs);
    for (size_t i = 0; i < b->n_locs; i++)
        p->nodes[i] = (struct pipeline_node){
            .info = b->locs[i],
            .storage_type =
                i < b->n_storagetypes ? b->storagetypes[i] : PB__STORAGE_TYPE_PROTO__DISK,
            .storage_id = i < b->n_storageids ? b->storageids[i] : "",
        };
    p->count = (int)b->n_locs;
    p->token = b->blocktoken;
    return 0;
}

/* The block's name is wanted after its arena is gone: the pool's name is kept, once. */
static int set_block(struct pipeline *p, const Pb__ExtendedBlockProto *b, struct err *err)
{
    if (!p->block.poolid || strcmp(p->block.poolid, b->poolid) != 0)
        p->block.poolid = arena_strndup(&p->kept, b->poolid, strlen(b->poolid));
    if (!p->block.poolid)
        return err_set(err, ERR_NOMEM, "block");
    p->block.blockid = b->blockid;
    p->block.generationstamp = b->generationstamp;
    p->block.has_numbytes = true;
    p->block.numbytes = b->numbytes;
    p->sent = b->numbytes;
    p->has_block = true;
    return 0;
}

int pipeline_adopt(struct pipeline *p, const Pb__LocatedBlockProto *b, struct err *err)
{
    int rc = set_block(p, b->b, err);
    size_t n = pb__located_block_proto__get_packed_size(b);
    uint8_t *bytes = arena_alloc(&p->arena, n);
    Pb__LocatedBlockProto *own = NULL;

    if (rc == 0 && bytes) {
        pb__located_block_proto__pack(b, bytes);
        own = pb__located_block_proto__unpack(&p->arena.pb, n, bytes);
    }
    if (rc == 0 && !own)
        rc = err_set(err, ERR_NOMEM, "block");
    p->appending = rc == 0;
    return rc < 0 ? rc : set_nodes(p, own, err);
}

int pipeline_follow(struct pipeline *p, const Pb__ExtendedBlockProto *last, struct err *err)
{
    int rc = set_block(p, last, err);

    p->has_block = false; /* it is named, not written to */
    return rc;
}

/* ---- excluded datanodes ---- */

static void exclude(struct pipeline *p, const Pb__DatanodeInfoProto *node)
{
    size_t n = pb__datanode_info_proto__get_packed_size(node);
    uint8_t *bytes = arena_alloc(&p->kept, n);
    Pb__DatanodeInfoProto *own;

    if (!bytes || p->excluded_count == PIPELINE_NODES_MAX)
        return;
    pb__datanode_info_proto__pack(node, bytes);
    own = pb__datanode_info_proto__unpack(&p->kept.pb, n, bytes);
    if (own)
        p->excluded[p->excluded_count++] = own;
}

/* ---- building ---- */

static wire_stage stage_on_wire(enum pipeline_stage s, bool recovery)
{
    switch (s) {
    case STAGE_CREATE: return WIRE(PIPELINE_SETUP_CREATE);
    case STAGE_APPEND:
        return recovery ? WIRE(PIPELINE_SETUP_APPEND_RECOVERY) : WIRE(PIPELINE_SETUP_APPEND);
    case STAGE_STREAMING: return WIRE(PIPELINE_SETUP_STREAMING_RECOVERY);
    case STAGE_CLOSE: return WIRE(PIPELINE_CLOSE_RECOVERY);
    }
    return WIRE(PIPELINE_SETUP_CREATE);
}

static int connect_first(struct pipeline *p, bool fresh, struct err *err)
{
    struct net_addr to;

    replica_address(p->fs, p->nodes[0].info->id, &to);
    p->acks_n = 0;
    return dn_pool_take(p->fs->datanodes, &to, fresh, NODE_EXTRA_MS * p->count, &p->conn, err);
}

/* Up to so many unsent packets, now sent. */
static int take_unsent(struct pipeline *p, struct packet_queue *q, struct iovec *iov, int max)
{
    struct packet *stop = q->unsent;
    int n = 0;

    for (; stop && n < max; stop = stop->next) {
        iov[n++] = (struct iovec){.iov_base = stop->wire, .iov_len = stop->wire_n};
        if (stop->offset + stop->n > p->sent)
            p->sent = stop->offset + stop->n;
    }
    q->unsent = stop;
    q->unsent_count -= n;
    return n;
}

/* The request, and with it the packets of @whole, if any. */
static int send_setup(struct pipeline *p, wire_stage stage, uint64_t new_gs,
                      struct packet_queue *whole, struct err *err)
{
    Pb__OpWriteBlockProto op = PB__OP_WRITE_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__CachingStrategyProto caching = PB__CACHING_STRATEGY_PROTO__INIT;
    Pb__ChecksumProto checksum = PB__CHECKSUM_PROTO__INIT;
    Pb__ExtendedBlockProto block = p->block;
    Pb__DatanodeInfoProto *targets[PIPELINE_NODES_MAX];
    Pb__StorageTypeProto types[PIPELINE_NODES_MAX];
    protobuf_c_boolean pinnings[PIPELINE_NODES_MAX] = {0};
    char *ids[PIPELINE_NODES_MAX];
    struct iovec packets[WHOLE_PACKETS_MAX];

    for (int i = 1; i < p->count; i++) {
        targets[i - 1] = p->nodes[i].info;
        types[i - 1] = p->nodes[i].storage_type;
        ids[i - 1] = p->nodes[i].storage_id;
    }
    block.numbytes = p->block_size; /* what the replica may grow to */
    base.block = &block;
    base.token = p->token;
    header.baseheader = &base;
    header.clientname = p->fs->client_name;
    checksum.type = p->checksum.type;
    checksum.bytesperchecksum = p->checksum.bytes_per;
    op.header = &header;
    op.targets = targets;
    op.targetstoragetypes = types;
    op.targetstorageids = ids;
    op.targetpinnings = pinnings;
    op.n_targets = op.n_targetstoragetypes = op.n_targetstorageids = op.n_targetpinnings =
        (size_t)p->count - 1;
    op.stage = stage;
    op.pipelinesize = (uint32_t)p->count;
    op.minbytesrcvd = p->block.numbytes;
    op.maxbytesrcvd = p->sent;
    op.latestgenerationstamp = new_gs;
    op.requestedchecksum = &checksum;
    op.cachingstrategy = &caching;
    op.has_storagetype = true;
    op.storagetype = p->nodes[0].storage_type;
    op.storageid = p->nodes[0].storage_id;
    return xfer_send_op_and(p->conn->fd, XFER_WRITE_BLOCK, &op.base, packets,
                            whole ? take_unsent(p, whole, packets, WHOLE_PACKETS_MAX) : 0, err);
}

/* The pipeline's member at "ip:port"; the first one when there is no such, for it is the one that
 * answered. */
static int node_at(const struct pipeline *p, const char *address)
{
    for (int i = 0; address && i < p->count; i++) {
        char text[FS_URI_MAX];

        snprintf(text, sizeof text, "%s:%u", p->nodes[i].info->id->ipaddr,
                 p->nodes[i].info->id->xferport);
        if (strcmp(text, address) == 0)
            return i;
    }
    return 0;
}

/* Receives what has come, behind the acknowledgements that are here; waits for something. */
static int recv_more(struct pipeline *p, int flags, struct err *err)
{
    ssize_t n;

    do
        n = recv(p->conn->fd, p->acks + p->acks_n, sizeof p->acks - p->acks_n, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN && flags)
        return 0;
    if (n < 0)
        return err_sys(err, errno, "waiting for the pipeline");
    if (n == 0)
        return err_set(err, ERR_CLOSED, "the pipeline closed");
    p->acks_n += (size_t)n;
    return (int)n;
}

static int take_setup(struct pipeline *p, struct rd body, struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    struct arena arena;
    int rc = 0;

    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    answer = pb__block_op_response_proto__unpack(&arena.pb, rd_left(&body), body.at);
    if (!answer)
        rc = err_set(err, ERR_PROTOCOL, "an answer that does not parse");
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS) {
        p->bad = node_at(p, answer->firstbadlink);
        rc = xfer_status_err(err, answer->status, answer->message);
    }
    arena_done(&arena);
    return rc;
}

/* Acknowledgements may have come right behind the answer: they are kept. */
static int recv_setup(struct pipeline *p, struct err *err)
{
    struct rd r, body;
    int rc;

    do {
        rc = recv_more(p, 0, err);
        if (rc < 0)
            return rc;
        r = rd_of(p->acks, p->acks_n);
        body = rd_delimited(&r);
    } while (r.bad && p->acks_n < sizeof p->acks);
    if (r.bad)
        return err_set(err, ERR_PROTOCOL, "an answer without end");
    rc = take_setup(p, body, err);
    p->acks_n = rd_left(&r);
    memmove(p->acks, r.at, p->acks_n);
    return rc;
}

static int request(struct pipeline *p, wire_stage stage, uint64_t new_gs,
                   struct packet_queue *whole, struct err *err)
{
    int rc = send_setup(p, stage, new_gs, whole, err);

    if (rc == 0 || rc == -ERR_CLOSED) /* one that did not take it all may have said why */
        rc = recv_setup(p, err);
    return rc;
}

/* Connects and sends the request for the pipeline; with all packets of the block, if @whole is not
 * NULL.  On failure p->bad tells who failed.  An idle connection may have been closed just now: that
 * is worth a second, fresh one. */
static int setup(struct pipeline *p, wire_stage stage, uint64_t new_gs, struct packet_queue *whole,
                 struct err *err)
{
    int rc = connect_first(p, false, err);

    p->bad = 0;
    if (rc == 0)
        rc = request(p, stage, new_gs, whole, err);
    if (rc == -ERR_CLOSED && p->conn && p->conn->used_before && p->acks_n == 0) {
        pipeline_disconnect(p);
        if (whole)
            packet_queue_rewind(whole);
        rc = connect_first(p, true, err);
        if (rc == 0)
            rc = request(p, stage, new_gs, whole, err);
    }
    if (rc < 0) {
        pipeline_disconnect(p);
        return err_wrap(err, rc, "pipeline through %s:%u", p->nodes[p->bad].info->id->ipaddr,
                        p->nodes[p->bad].info->id->xferport);
    }
    p->bad = -1;
    p->last_send_ms = env_mono_ms(env_posix());
    return 0;
}

/* ---- a new block ---- */

static void pause_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&ts, NULL);
}

/* The namenode gives the next block only when the one before it has enough replicas: that may
 * take a moment longer than the datanodes' acknowledgements. */
int pipeline_ask_block(struct dfs *fs, const Pb__AddBlockRequestProto *req, struct arena *arena,
                       Pb__LocatedBlockProto **out, struct err *err)
{
    Pb__AddBlockResponseProto *answer;
    int64_t tries = conf_int(fs->conf, OPT_client_complete_retries);
    int64_t pause = conf_int(fs->conf, OPT_client_complete_delay);
    struct err why;

    for (;;) {
        int rc = FS_ASK_PATIENTLY(fs, "addBlock", req, add_block, arena, &answer, &why);

        if (rc == 0) {
            *out = answer->block;
            return 0;
        }
        if (why.code != ERR_NOT_REPLICATED || tries-- <= 0) {
            if (err)
                *err = why;
            return rc;
        }
        pause_ms(pause);
        pause *= 2;
    }
}

static int abandon_block(struct pipeline *p, Pb__ExtendedBlockProto *b, struct err *err)
{
    Pb__AbandonBlockRequestProto req = PB__ABANDON_BLOCK_REQUEST_PROTO__INIT;
    Pb__AbandonBlockResponseProto *answer;

    req.b = b;
    req.src = (char *)(uintptr_t)p->path;
    req.holder = p->fs->client_name;
    req.has_fileid = true;
    req.fileid = p->file_id;
    p->has_block = false;
    return FS_ASK(p->fs, "abandonBlock", &req, abandon_block, &p->arena, &answer, err);
}

int pipeline_decline(struct pipeline *p, struct err *err)
{
    Pb__LocatedBlockProto *b = p->offered;

    p->offered = NULL;
    return b ? abandon_block(p, b->b, err) : 0;
}

/* A try at the block that p->block names by now. */
static int write_whole(struct pipeline *p, struct packet_queue *q, struct packet **done,
                       struct err *err)
{
    struct packet *acked = NULL;
    int rc = setup(p, WIRE(PIPELINE_SETUP_CREATE), 0, q, err);

    while (rc >= 0 && q->count > 0)
        rc = pipeline_acks(p, q, &acked, true, err);
    if (rc >= 0) {
        *done = acked;
        return 0;
    }
    pipeline_disconnect(p);
    packet_queue_take_back(q, acked);
    if (p->bad < 0)
        p->bad = 0; /* without a word, it is the one that we talk to */
    return rc;
}

static int add_block(struct pipeline *p, struct packet_queue *whole, struct packet **done,
                     struct err *err)
{
    Pb__ExtendedBlockProto previous = p->block;
    bool has_previous = p->block.poolid != NULL;
    int64_t tries = conf_int(p->fs->conf, OPT_client_write_retries);
    int rc;

    if (!p->offered)
        arena_reset(&p->arena);
    for (;;) {
        Pb__AddBlockRequestProto req = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
        Pb__LocatedBlockProto *b = p->offered;

        req.src = (char *)(uintptr_t)p->path;
        req.clientname = p->fs->client_name;
        req.previous = has_previous ? &previous : NULL;
        req.excludenodes = p->excluded;
        req.n_excludenodes = (size_t)p->excluded_count;
        req.has_fileid = true;
        req.fileid = p->file_id;
        p->offered = NULL;
        rc = b ? 0 : pipeline_ask_block(p->fs, &req, &p->arena, &b, err);
        if (rc == 0)
            rc = set_nodes(p, b, err);
        if (rc == 0)
            rc = set_block(p, b->b, err);
        if (rc < 0)
            return rc;
        p->block.numbytes = p->sent = 0;
        rc = whole ? write_whole(p, whole, done, err)
                   : setup(p, WIRE(PIPELINE_SETUP_CREATE), 0, NULL, err);
        if (rc == 0)
            return 0;
        abandon_block(p, &p->block, NULL);
        exclude(p, p->nodes[p->bad].info);
        p->block = previous;
        if (tries-- <= 0)
            return err_wrap(err, rc, "Unable to create new block");
    }
}

int pipeline_add_block(struct pipeline *p, struct err *err)
{
    return add_block(p, NULL, NULL, err);
}

int pipeline_write_block(struct pipeline *p, struct packet_queue *q, struct packet **done,
                         struct err *err)
{
    MUST(q->count <= WHOLE_PACKETS_MAX && q->unsent_count == q->count);
    return add_block(p, q, done, err);
}

/* ---- recovery ---- */

static int all_bad(struct pipeline *p, struct err *err)
{
    const struct pipeline_node *n = &p->nodes[0];

    return err_set(err, ERR_IO,
                   "All datanodes [DatanodeInfoWithStorage[%s:%u,%s,DISK]] are bad. Aborting...",
                   n->info->id->ipaddr, n->info->id->xferport, n->storage_id);
}

static int drop_bad(struct pipeline *p, struct err *err)
{
    if (p->bad < 0)
        return 0;
    if (p->count <= 1)
        return all_bad(p, err);
    exclude(p, p->nodes[p->bad].info);
    memmove(&p->nodes[p->bad], &p->nodes[p->bad + 1],
            sizeof p->nodes[0] * (size_t)(p->count - p->bad - 1));
    p->count--;
    p->bad = -1;
    return 0;
}

/* Hadoop's replace-datanode-on-failure policy; it holds at every stage, closing included. */
static bool wants_replacement(const struct pipeline *p)
{
    const char *policy = conf_text(p->fs->conf, OPT_client_replace_policy);
    int r = (int)p->replication;

    if (!conf_bool(p->fs->conf, OPT_client_replace) || p->count >= r ||
        strcmp(policy, "NEVER") == 0)
        return false;
    if (strcmp(policy, "ALWAYS") == 0)
        return true;
    return r >= 3 && (p->count <= r / 2 || p->appending || p->hflushed);
}

/* Has @from copy what it has of the block to the node at @to. */
static int copy_replica(struct pipeline *p, int from, int to, struct err *err)
{
    Pb__OpTransferBlockProto op = PB__OP_TRANSFER_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__BlockOpResponseProto *answer;
    struct net_addr at;
    struct arena arena;
    int fd, rc;

    replica_address(p->fs, p->nodes[from].info->id, &at);
    fd = net_connect(&at, p->fs->bind_host, (int)conf_int(p->fs->conf, OPT_client_timeout), err);
    if (fd < 0)
        return fd;
    base.block = &p->block;
    base.token = p->token;
    header.baseheader = &base;
    header.clientname = p->fs->client_name;
    op.header = &header;
    op.targets = &p->nodes[to].info;
    op.targetstoragetypes = &p->nodes[to].storage_type;
    op.targetstorageids = &p->nodes[to].storage_id;
    op.n_targets = op.n_targetstoragetypes = op.n_targetstorageids = 1;
    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    rc = xfer_send_op(fd, XFER_TRANSFER_BLOCK, &op.base, err);
    if (rc == 0)
        rc = xfer_recv_message(fd, &pb__block_op_response_proto__descriptor, &arena,
                               (ProtobufCMessage **)&answer, err);
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, answer->status, answer->message);
    arena_done(&arena);
    close(fd);
    return rc;
}

/* Which node of the new pipeline was not in the old one. */
static int new_node(const struct pipeline *p, const struct pipeline_node *old, int old_count)
{
    for (int i = 0; i < p->count; i++) {
        bool known = false;

        for (int k = 0; k < old_count && !known; k++)
            known = strcmp(p->nodes[i].info->id->datanodeuuid, old[k].info->id->datanodeuuid) == 0;
        if (!known)
            return i;
    }
    return -1;
}

static int ask_additional(struct pipeline *p, Pb__LocatedBlockProto **out, struct err *err)
{
    Pb__GetAdditionalDatanodeRequestProto req = PB__GET_ADDITIONAL_DATANODE_REQUEST_PROTO__INIT;
    Pb__GetAdditionalDatanodeResponseProto *answer;
    Pb__DatanodeInfoProto *existing[PIPELINE_NODES_MAX];
    char *ids[PIPELINE_NODES_MAX];
    int rc;

    for (int i = 0; i < p->count; i++) {
        existing[i] = p->nodes[i].info;
        ids[i] = p->nodes[i].storage_id;
    }
    req.src = (char *)(uintptr_t)p->path;
    req.blk = &p->block;
    req.existings = existing;
    req.existingstorageuuids = ids;
    req.n_existings = req.n_existingstorageuuids = (size_t)p->count;
    req.excludes = p->excluded;
    req.n_excludes = (size_t)p->excluded_count;
    req.numadditionalnodes = 1;
    req.clientname = p->fs->client_name;
    req.has_fileid = true;
    req.fileid = p->file_id;
    rc = FS_ASK_PATIENTLY(p->fs, "getAdditionalDatanode", &req, get_additional_datanode, &p->arena,
                          &answer, err);
    if (rc == 0)
        *out = answer->block;
    return rc;
}

/* The namenode knew no other. With enough of them the pipeline goes on as it is. */
static int none_offered(struct pipeline *p, struct err *err)
{
    int64_t enough = conf_int(p->fs->conf, OPT_client_replace_min);
    const char *policy = conf_text(p->fs->conf, OPT_client_replace_policy);

    if (enough > 0 && p->count >= enough)
        return 0;
    return err_set(err, ERR_IO,
                   "Failed to replace a bad datanode on the existing pipeline due to no more good "
                   "datanodes being available to try. (%d in the pipeline.) The current failed "
                   "datanode replacement policy is %s, and a client may configure this via "
                   "'dfs.client.block.write.replace-datanode-on-failure.policy' in its "
                   "configuration.",
                   p->count, policy);
}

static int add_node(struct pipeline *p, struct err *err)
{
    struct pipeline_node old[PIPELINE_NODES_MAX];
    Pb__TokenProto *old_token = p->token;
    int old_count = p->count, rc = 0;

    memcpy(old, p->nodes, sizeof old);
    for (int tries = 0; tries < PIPELINE_REPLACE_TRIES; tries++) {
        Pb__LocatedBlockProto *b;
        int added;

        rc = ask_additional(p, &b, err);
        if (rc == 0)
            rc = set_nodes(p, b, err);
        if (rc < 0)
            break;
        added = new_node(p, old, old_count);
        if (added < 0)
            return none_offered(p, err);
        if (p->block.numbytes > 0)
            rc = copy_replica(p, added == 0 ? 1 : added - 1, added, err);
        if (rc == 0)
            return 0;
        exclude(p, p->nodes[added].info);
        memcpy(p->nodes, old, sizeof old);
        p->count = old_count;
        p->token = old_token;
    }
    memcpy(p->nodes, old, sizeof old);
    p->count = old_count;
    p->token = old_token;
    return rc;
}

static int replace_node(struct pipeline *p, struct err *err)
{
    int rc;

    if (!wants_replacement(p))
        return 0;
    rc = add_node(p, err);
    return rc < 0 && conf_bool(p->fs->conf, OPT_client_replace_best_effort) ? 0 : rc;
}

static int ask_new_stamp(struct pipeline *p, uint64_t *gs, struct err *err)
{
    Pb__UpdateBlockForPipelineRequestProto req = PB__UPDATE_BLOCK_FOR_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdateBlockForPipelineResponseProto *answer;
    int rc;

    req.block = &p->block;
    req.clientname = p->fs->client_name;
    rc = FS_ASK_PATIENTLY(p->fs, "updateBlockForPipeline", &req, update_block_for_pipeline,
                          &p->arena, &answer, err);
    if (rc < 0)
        return rc;
    *gs = answer->block->b->generationstamp;
    p->token = answer->block->blocktoken;
    return 0;
}

static int tell_namenode(struct pipeline *p, uint64_t gs, struct err *err)
{
    Pb__UpdatePipelineRequestProto req = PB__UPDATE_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdatePipelineResponseProto *answer;
    Pb__ExtendedBlockProto now = p->block;
    Pb__DatanodeIDProto *nodes[PIPELINE_NODES_MAX];
    char *ids[PIPELINE_NODES_MAX];
    int rc;

    for (int i = 0; i < p->count; i++) {
        nodes[i] = p->nodes[i].info->id;
        ids[i] = p->nodes[i].storage_id;
    }
    now.generationstamp = gs;
    req.clientname = p->fs->client_name;
    req.oldblock = &p->block;
    req.newblock = &now;
    req.newnodes = nodes;
    req.storageids = ids;
    req.n_newnodes = req.n_storageids = (size_t)p->count;
    rc = FS_ASK_PATIENTLY(p->fs, "updatePipeline", &req, update_pipeline, &p->arena, &answer, err);
    if (rc == 0)
        p->block.generationstamp = gs;
    return rc;
}

int pipeline_rebuild(struct pipeline *p, enum pipeline_stage stage, struct err *err)
{
    bool recovery = stage != STAGE_APPEND || p->bad >= 0;
    uint64_t gs = 0;
    int rc;

    pipeline_disconnect(p);
    for (;;) {
        rc = drop_bad(p, err);
        if (rc == 0)
            rc = replace_node(p, err);
        if (rc == 0)
            rc = ask_new_stamp(p, &gs, err);
        if (rc < 0)
            return rc;
        rc = setup(p, stage_on_wire(stage, recovery), gs, NULL, err);
        if (rc == 0)
            return tell_namenode(p, gs, err);
        recovery = true; /* setup marked who is to blame; each round has one node less */
    }
}

/* ---- one unit of a block group ---- */

int pipeline_start(struct pipeline *p, const Pb__LocatedBlockProto *b, struct err *err)
{
    int rc = set_nodes(p, b, err);

    if (rc == 0)
        rc = set_block(p, b->b, err);
    if (rc == 0)
        rc = setup(p, WIRE(PIPELINE_SETUP_CREATE), 0, NULL, err);
    if (rc < 0)
        p->has_block = false;
    return rc;
}

int pipeline_restart(struct pipeline *p, uint64_t gs, struct err *err)
{
    pipeline_disconnect(p);
    return setup(p, WIRE(PIPELINE_SETUP_STREAMING_RECOVERY), gs, NULL, err);
}

/* ---- packets and acknowledgements ---- */

int pipeline_send(struct pipeline *p, struct packet_queue *q, struct err *err)
{
    while (q->unsent) {
        struct iovec iov[SEND_PIECES];
        struct packet_queue before = *q;
        int rc = net_writev_full(p->conn->fd, iov, take_unsent(p, q, iov, SEND_PIECES), err);

        if (rc < 0) {
            q->unsent = before.unsent;
            q->unsent_count = before.unsent_count;
            return rc;
        }
    }
    p->last_send_ms = env_mono_ms(env_posix());
    return 0;
}

int pipeline_send_heartbeat(struct pipeline *p, struct err *err)
{
    uint8_t bytes[PACKET_HEADER_MAX];
    struct packet_header h = {.seqno = HEARTBEAT_SEQNO};
    unsigned n = packet_header_put(bytes, &h, 0);

    p->last_send_ms = env_mono_ms(env_posix());
    return net_write_full(p->conn->fd, bytes, n, err);
}

/* The datanode farthest down that did not succeed is the one to leave out. */
static int check_ack(struct pipeline *p, const struct ack *a, struct err *err)
{
    for (int i = a->count - 1; i >= 0; i--)
        if (i < p->count && a->status[i] != PB__STATUS__SUCCESS) {
            p->bad = i;
            return err_set(err, ERR_IO, "datanode %s:%u answered %d to packet %" PRId64,
                           p->nodes[i].info->id->ipaddr, p->nodes[i].info->id->xferport,
                           a->status[i], a->seqno);
        }
    return 0;
}

static int take_ack(struct pipeline *p, const struct ack *a, struct packet_queue *q,
                    struct packet **done, struct err *err)
{
    struct packet *packet;
    int rc = check_ack(p, a, err);

    if (rc < 0 || a->seqno == HEARTBEAT_SEQNO)
        return rc;
    if (!q->head || q->head == q->unsent || q->head->seqno != a->seqno) {
        p->bad = 0;
        return err_set(err, ERR_PROTOCOL, "acknowledgement of packet %" PRId64 ", not %" PRId64,
                       a->seqno, q->head ? q->head->seqno : -1);
    }
    packet = packet_queue_pop(q);
    p->ended = packet->last;
    if (packet->offset + packet->n > p->block.numbytes)
        p->block.numbytes = packet->offset + packet->n;
    packet->next = *done;
    *done = packet;
    return 1;
}

/* Takes whole acknowledgements out of the bytes that have come. */
static int parse_acks(struct pipeline *p, struct packet_queue *q, struct packet **done,
                      struct err *err)
{
    size_t used = 0;
    int taken = 0, rc = 0;

    while (rc >= 0) {
        struct ack a;
        size_t n;

        rc = ack_parse(p->acks + used, p->acks_n - used, &a, &n, err);
        if (rc <= 0)
            break;
        used += n;
        rc = take_ack(p, &a, q, done, err);
        taken += rc > 0;
    }
    memmove(p->acks, p->acks + used, p->acks_n - used);
    p->acks_n -= used;
    return rc < 0 ? rc : taken;
}

int pipeline_acks(struct pipeline *p, struct packet_queue *q, struct packet **done, bool wait,
                  struct err *err)
{
    int taken = p->acks_n > 0 ? parse_acks(p, q, done, err) : 0;

    while (taken == 0) {
        int rc = recv_more(p, wait ? 0 : MSG_DONTWAIT, err);

        if (rc <= 0)
            return rc;
        taken = parse_acks(p, q, done, err);
    }
    return taken;
}
