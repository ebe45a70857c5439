#include "client/group_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/packet.h"
#include "client/pipeline.h"
#include "common/env.h"
#include "proto/stripe.h"

enum {
    WINDOW_CELLS = 2,        /* of a unit: sent and not acknowledged, at most */
    BATCH_BYTES = 256 << 10, /* gathered before a send */
};

/* One unit of the group at hand. */
struct stream {
    struct pipeline pipe; /* has_block: connected to once */
    struct packet_queue queue;
    Pb__LocatedBlockProto block; /* the internal block; no location: it was given none */
    Pb__ExtendedBlockProto name;
    uint64_t bytes; /* in sealed packets */
    int64_t next_seqno;
    bool failed;
};

struct group_writer {
    struct dfs *fs;
    struct group_writer_options o;
    struct stripe_policy policy;
    struct coder *coder;
    uint64_t group_max;
    unsigned units, slices; /* packets of a cell */
    int window, batch;      /* in packets */

    struct arena arena;           /* of the group: its locations */
    struct arena kept;            /* of the file */
    Pb__ExtendedBlockProto group; /* numbytes: bytes that were given to it */
    bool is_open;
    struct stream stream[CODER_UNITS_MAX];
    unsigned failed, failed_known; /* streams: now, and when the namenode was last told */
    Pb__DatanodeInfoProto *excluded[PIPELINE_NODES_MAX];
    size_t excluded_count;

    struct packet *current, *spare;
    unsigned unit, slice;   /* which current is, or the next will be */
    struct packet **stripe; /* [unit * slices + slice]: data packets that wait to be encoded */
    uint8_t *zeros;
};

/* ---- made and gone ---- */

static int check_options(const struct group_writer *g, struct err *err)
{
    uint32_t cell = g->policy.cell_bytes, per = g->o.checksum.bytes_per;

    if (cell % per != 0)
        return err_set(err, ERR_HADOOP_ARG,
                       "Invalid values: dfs.bytes-per-checksum (=%u) must divide cell size (=%u).",
                       per, cell);
    if (g->o.block_size < cell)
        return err_set(err, ERR_IO,
                       "Specified block size (%" PRIu64
                       ") is less than the cell size (%u) of the erasure coding policy (%s).",
                       g->o.block_size, cell, g->policy.name);
    return 0;
}

int group_writer_new(struct dfs *fs, const struct group_writer_options *o,
                     struct group_writer **out, struct err *err)
{
    struct group_writer *g = calloc(1, sizeof *g);
    int rc;

    if (!g)
        return err_set(err, ERR_NOMEM, "%s", o->path);
    g->fs = fs;
    g->o = *o;
    arena_init(&g->arena, FS_ANSWER_MAX);
    arena_init(&g->kept, FS_ANSWER_MAX);
    pb__extended_block_proto__init(&g->group);
    rc = stripe_policy_from(o->policy, &g->policy, err);
    if (rc == 0)
        rc = check_options(g, err);
    if (rc == 0)
        rc = coder_new(g->policy.codec, g->policy.data, g->policy.parity, &g->coder, err);
    if (rc < 0) {
        group_writer_free(g);
        return rc;
    }
    g->units = stripe_units(&g->policy);
    g->slices = (g->policy.cell_bytes + o->packet_bytes - 1) / o->packet_bytes;
    g->window = (int)(g->slices * WINDOW_CELLS > 2 ? g->slices * WINDOW_CELLS : 2);
    g->batch = (int)(BATCH_BYTES / o->packet_bytes > 1 ? BATCH_BYTES / o->packet_bytes : 1);
    g->group_max = o->block_size / g->policy.cell_bytes * stripe_bytes(&g->policy);
    for (unsigned u = 0; u < g->units; u++)
        pipeline_init(&g->stream[u].pipe, fs, o->path);
    g->stripe = calloc((size_t)g->policy.data * g->slices, sizeof *g->stripe);
    g->zeros = calloc(1, o->packet_bytes);
    if (!g->stripe || !g->zeros) {
        group_writer_free(g);
        return err_set(err, ERR_NOMEM, "%s", o->path);
    }
    *out = g;
    return 0;
}

static int set_pool(struct group_writer *g, const char *pool, struct err *err)
{
    if (!g->group.poolid || strcmp(g->group.poolid, pool) != 0)
        g->group.poolid = arena_strndup(&g->kept, pool, strlen(pool));
    return g->group.poolid ? 0 : err_set(err, ERR_NOMEM, "block group");
}

int group_writer_follow(struct group_writer *g, const Pb__ExtendedBlockProto *last, struct err *err)
{
    g->group.blockid = last->blockid;
    g->group.generationstamp = last->generationstamp;
    g->group.has_numbytes = true;
    g->group.numbytes = last->numbytes;
    return set_pool(g, last->poolid, err);
}

/* A packet is held by its stream's queue and by the stripe that is to be encoded. */
static void let_go(struct group_writer *g, struct packet *p)
{
    if (!p || --p->holds > 0)
        return;
    p->next = g->spare;
    g->spare = p;
}

static void let_go_all(struct group_writer *g, struct packet *p)
{
    while (p) {
        struct packet *next = p->next;

        let_go(g, p);
        p = next;
    }
}

static void drop_stripe(struct group_writer *g)
{
    for (size_t i = 0; g->stripe && i < (size_t)g->policy.data * g->slices; i++) {
        let_go(g, g->stripe[i]);
        g->stripe[i] = NULL;
    }
}

static void drop_queue(struct group_writer *g, struct stream *s)
{
    let_go_all(g, s->queue.head);
    s->queue = (struct packet_queue){0};
}

void group_writer_free(struct group_writer *g)
{
    if (!g)
        return;
    drop_stripe(g);
    for (unsigned u = 0; u < g->units; u++) {
        drop_queue(g, &g->stream[u]);
        pipeline_done(&g->stream[u].pipe);
    }
    packet_free(g->current);
    packet_free_list(g->spare);
    free(g->stripe);
    free(g->zeros);
    coder_free(g->coder);
    arena_done(&g->arena);
    arena_done(&g->kept);
    free(g);
}

void group_writer_disconnect(struct group_writer *g)
{
    for (unsigned u = 0; u < g->units; u++)
        pipeline_disconnect(&g->stream[u].pipe);
}

const Pb__ExtendedBlockProto *group_writer_last(const struct group_writer *g)
{
    return g->group.poolid ? &g->group : NULL;
}

/* ---- failures ---- */

static void exclude(struct group_writer *g, const Pb__DatanodeInfoProto *node)
{
    size_t n = pb__datanode_info_proto__get_packed_size(node);
    uint8_t *bytes = arena_alloc(&g->kept, n);
    Pb__DatanodeInfoProto *own;

    if (!bytes || g->excluded_count == PIPELINE_NODES_MAX)
        return;
    pb__datanode_info_proto__pack(node, bytes);
    own = pb__datanode_info_proto__unpack(&g->kept.pb, n, bytes);
    if (own)
        g->excluded[g->excluded_count++] = own;
}

/* Gives a stream up.  0 when the file can do without it. */
static int give_up(struct group_writer *g, struct stream *s, const struct err *why, struct err *err)
{
    s->failed = true;
    g->failed++;
    pipeline_disconnect(&s->pipe);
    drop_queue(g, s);
    if (s->block.n_locs)
        exclude(g, s->block.locs[0]);
    if (g->failed <= g->policy.parity)
        return 0;
    return err_set(err, ERR_IO,
                   "Failed: the number of failed blocks = %u > the number of parity blocks = %u; "
                   "the last is %s:blk_%" PRId64 ": %.600s",
                   g->failed, g->policy.parity, g->group.poolid, (int64_t)s->name.blockid,
                   why->text);
}

/* ---- one stream ---- */

/* Sends what is unsent; its pipeline is built for the first packet. */
static int send_stream(struct group_writer *g, struct stream *s, struct err *err)
{
    struct err why;
    int rc = 0;

    if (s->failed || !s->queue.unsent)
        return 0;
    if (!s->pipe.has_block)
        rc = pipeline_start(&s->pipe, &s->block, &why);
    if (rc == 0)
        rc = pipeline_send(&s->pipe, &s->queue, &why);
    return rc < 0 ? give_up(g, s, &why, err) : 0;
}

/* Sends, and hears until at most @left packets are unacknowledged. */
static int drive_stream(struct group_writer *g, struct stream *s, int left, struct err *err)
{
    int rc = send_stream(g, s, err);

    while (rc == 0 && !s->failed && s->queue.count > 0) {
        bool wait = s->queue.count > left;
        struct packet *done = NULL;
        struct err why;
        int n = pipeline_acks(&s->pipe, &s->queue, &done, wait, &why);

        let_go_all(g, done);
        if (n < 0)
            rc = give_up(g, s, &why, err);
        else if (n == 0 && !wait)
            break;
    }
    return rc;
}

static int drive_all(struct group_writer *g, int left, struct err *err)
{
    int rc = 0;

    for (unsigned u = 0; u < g->units && rc == 0; u++)
        rc = send_stream(g, &g->stream[u], err);
    for (unsigned u = 0; u < g->units && rc == 0; u++)
        rc = drive_stream(g, &g->stream[u], left, err);
    return rc;
}

static struct packet *take_packet(struct group_writer *g, struct err *err)
{
    struct packet *p = g->spare;

    if (p)
        g->spare = p->next;
    else
        p = packet_new(&g->o.checksum, g->o.packet_bytes);
    if (!p) {
        err_set(err, ERR_NOMEM, "packet");
        return NULL;
    }
    p->next = NULL;
    p->n = p->flushed = 0;
    p->last = p->sync = false;
    p->holds = 1;
    return p;
}

/* Puts a packet at the end of a stream, which holds it from now on. */
static void push(struct group_writer *g, struct stream *s, struct packet *p)
{
    p->offset = s->bytes;
    s->bytes += p->n;
    if (s->failed) {
        let_go(g, p);
        return;
    }
    packet_seal(p, &g->o.checksum, s->next_seqno++);
    packet_queue_push(&s->queue, p);
}

/* ---- the group's generation stamp ---- */

static int ask_new_stamp(struct group_writer *g, Pb__LocatedBlockProto **out, struct err *err)
{
    Pb__UpdateBlockForPipelineRequestProto req = PB__UPDATE_BLOCK_FOR_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdateBlockForPipelineResponseProto *answer;
    int rc;

    req.block = &g->group;
    req.clientname = g->fs->client_name;
    rc = FS_ASK_PATIENTLY(g->fs, "updateBlockForPipeline", &req, update_block_for_pipeline,
                          &g->arena, &answer, err);
    if (rc == 0)
        *out = answer->block;
    return rc;
}

/* Those that have nothing of the group are named by Hadoop's empty id. */
static int tell_namenode(struct group_writer *g, uint64_t stamp, struct err *err)
{
    Pb__UpdatePipelineRequestProto req = PB__UPDATE_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdatePipelineResponseProto *answer;
    Pb__ExtendedBlockProto now = g->group;
    Pb__DatanodeIDProto none = PB__DATANODE_IDPROTO__INIT, *nodes[CODER_UNITS_MAX];
    char *ids[CODER_UNITS_MAX];
    int rc;

    none.ipaddr = none.hostname = none.datanodeuuid = (char *)(uintptr_t) "null";
    for (unsigned u = 0; u < g->units; u++) {
        const struct stream *s = &g->stream[u];
        bool there = !s->failed && s->pipe.has_block;

        nodes[u] = there ? s->pipe.nodes[0].info->id : &none;
        ids[u] = there ? s->pipe.nodes[0].storage_id : (char *)(uintptr_t) "";
    }
    now.generationstamp = stamp;
    req.clientname = g->fs->client_name;
    req.oldblock = &g->group;
    req.newblock = &now;
    req.newnodes = nodes;
    req.storageids = ids;
    req.n_newnodes = req.n_storageids = g->units;
    rc = FS_ASK_PATIENTLY(g->fs, "updatePipeline", &req, update_pipeline, &g->arena, &answer, err);
    if (rc == 0)
        g->group.generationstamp = stamp;
    return rc;
}

/* Has every stream that is left take the new stamp. */
static int restamp_streams(struct group_writer *g, const Pb__LocatedBlockProto *fresh,
                           struct err *err)
{
    int rc = 0;

    for (unsigned u = 0; u < g->units && rc == 0; u++) {
        struct stream *s = &g->stream[u];
        struct err why;

        if (s->failed || !s->pipe.has_block)
            continue;
        for (size_t i = 0; i < fresh->n_blocktokens; i++)
            if (stripe_unit_of(&g->policy, fresh, i) == (int)u)
                s->pipe.token = fresh->blocktokens[i];
        if (pipeline_restart(&s->pipe, fresh->b->generationstamp, &why) < 0)
            rc = give_up(g, s, &why, err);
    }
    return rc;
}

/* After streams failed: everything that is left is acknowledged, and under a new stamp. */
static int restamp(struct group_writer *g, struct err *err)
{
    int rc;

    if (g->failed == g->failed_known)
        return 0;
    rc = drive_all(g, 0, err);
    while (rc == 0 && g->failed != g->failed_known) {
        Pb__LocatedBlockProto *fresh = NULL;

        g->failed_known = g->failed;
        rc = ask_new_stamp(g, &fresh, err);
        if (rc == 0)
            rc = restamp_streams(g, fresh, err);
        if (rc < 0 || g->failed != g->failed_known)
            continue;
        rc = tell_namenode(g, fresh->b->generationstamp, err);
        for (unsigned u = 0; u < g->units && rc == 0; u++)
            g->stream[u].pipe.block.generationstamp = fresh->b->generationstamp;
    }
    return rc;
}

/* ---- a new group ---- */

static int ask_group(struct group_writer *g, Pb__LocatedBlockProto **out, struct err *err)
{
    Pb__AddBlockRequestProto req = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    int rc;

    req.src = (char *)(uintptr_t)g->o.path;
    req.clientname = g->fs->client_name;
    req.previous = g->group.poolid ? &g->group : NULL;
    req.has_fileid = true;
    req.fileid = g->o.file_id;
    req.excludenodes = g->excluded;
    req.n_excludenodes = g->excluded_count;
    rc = pipeline_ask_block(g->fs, &req, &g->arena, out, err);
    if (rc == -ERR_IO && g->excluded_count > 0) { /* too few without them: perhaps they are well */
        g->excluded_count = req.n_excludenodes = 0;
        rc = pipeline_ask_block(g->fs, &req, &g->arena, out, err);
    }
    return rc;
}

/* What the namenode gave to unit @u, as a block of one datanode. */
static void set_stream(struct group_writer *g, unsigned u, Pb__LocatedBlockProto *b)
{
    struct stream *s = &g->stream[u];

    s->name = *b->b;
    s->name.blockid += u;
    s->name.has_numbytes = true;
    s->name.numbytes = 0;
    s->block = *b;
    s->block.b = &s->name;
    s->block.n_locs = s->block.n_storagetypes = s->block.n_storageids = 0;
    s->block.n_blocktokens = 0;
    s->block.has_blockindices = false;
    s->bytes = 0;
    s->next_seqno = 0;
    s->failed = false;
    s->pipe.checksum = g->o.checksum;
    s->pipe.block_size = g->o.block_size;
    s->pipe.file_id = g->o.file_id;
    s->pipe.replication = 1;
    for (size_t i = 0; i < b->n_locs; i++) {
        if (stripe_unit_of(&g->policy, b, i) != (int)u)
            continue;
        s->block.locs = &b->locs[i];
        s->block.n_locs = 1;
        s->block.storagetypes = i < b->n_storagetypes ? &b->storagetypes[i] : NULL;
        s->block.n_storagetypes = i < b->n_storagetypes;
        s->block.storageids = i < b->n_storageids ? &b->storageids[i] : NULL;
        s->block.n_storageids = i < b->n_storageids;
        if (i < b->n_blocktokens)
            s->block.blocktoken = b->blocktokens[i];
        return;
    }
}

static int open_group(struct group_writer *g, struct err *err)
{
    static const struct err nowhere = {.code = ERR_IO, .text = "Failed to get parity block"};
    Pb__LocatedBlockProto *b = NULL;
    int rc;

    arena_reset(&g->arena);
    rc = ask_group(g, &b, err);
    if (rc < 0)
        return rc;
    if ((rc = set_pool(g, b->b->poolid, err)) < 0)
        return rc;
    g->group.blockid = b->b->blockid;
    g->group.generationstamp = b->b->generationstamp;
    g->group.has_numbytes = true;
    g->group.numbytes = 0;
    g->failed = g->unit = g->slice = 0;
    for (unsigned u = 0; u < g->units; u++)
        set_stream(g, u, b);
    for (unsigned u = 0; u < g->units && rc == 0; u++)
        if (g->stream[u].block.n_locs == 0)
            rc = give_up(g, &g->stream[u], &nowhere, err);
    g->failed_known = g->failed; /* the namenode knows where it gave none */
    g->is_open = rc == 0;
    return rc;
}

/* ---- stripes ---- */

/* Slice @j of data unit @u, zeros from its end to @n. */
static const uint8_t *slice_bytes(const struct group_writer *g, unsigned u, unsigned j, uint32_t n)
{
    struct packet *p = g->stripe[u * g->slices + j];

    if (!p)
        return g->zeros;
    if (p->n < n)
        memset(p->data + p->n, 0, n - p->n);
    return p->data;
}

/* Slice @j of the parity units, @n bytes each. */
static int encode_slice(struct group_writer *g, unsigned j, uint32_t n, struct err *err)
{
    struct packet *parity[CODER_UNITS_MAX] = {0};
    const uint8_t *from[CODER_UNITS_MAX];
    uint8_t *to[CODER_UNITS_MAX];

    for (unsigned u = 0; u < g->policy.data; u++)
        from[u] = slice_bytes(g, u, j, n);
    for (unsigned i = 0; i < g->policy.parity; i++) {
        parity[i] = take_packet(g, err);
        if (!parity[i]) {
            while (i-- > 0)
                let_go(g, parity[i]);
            return -ERR_NOMEM;
        }
        parity[i]->n = n;
        to[i] = parity[i]->data;
    }
    coder_encode(g->coder, n, from, to);
    for (unsigned i = 0; i < g->policy.parity; i++)
        push(g, &g->stream[g->policy.data + i], parity[i]);
    return 0;
}

static bool has_parity(const struct group_writer *g)
{
    for (unsigned u = g->policy.data; u < g->units; u++)
        if (!g->stream[u].failed)
            return true;
    return false;
}

/* The data of a stripe is complete, its first cell having @n bytes: its parity goes out. */
static int end_stripe(struct group_writer *g, uint32_t n, struct err *err)
{
    int rc = 0;

    for (unsigned j = 0; rc == 0 && n > 0 && has_parity(g); j++) {
        uint32_t k = n < g->o.packet_bytes ? n : g->o.packet_bytes;

        rc = encode_slice(g, j, k, err);
        n -= k;
    }
    drop_stripe(g);
    g->unit = g->slice = 0;
    if (rc == 0)
        rc = drive_all(g, g->window, err);
    return rc < 0 ? rc : restamp(g, err);
}

/* Bytes of the first cell of the stripe at hand, which is not complete; 0 when there are none. */
static uint32_t first_cell(const struct group_writer *g)
{
    uint64_t n = g->group.numbytes % stripe_bytes(&g->policy);

    return n < g->policy.cell_bytes ? (uint32_t)n : g->policy.cell_bytes;
}

/* Every stream that has bytes gets the packet that ends its block.  One that fails now has them all the
 * same, or is one of those that the file can do without. */
static int end_streams(struct group_writer *g, struct err *err)
{
    int rc = drive_all(g, 0, err);

    if (rc == 0)
        rc = restamp(g, err);
    for (unsigned u = 0; u < g->units && rc == 0; u++) {
        struct stream *s = &g->stream[u];
        struct packet *p;

        if (s->failed || s->bytes == 0)
            continue;
        p = take_packet(g, err);
        if (!p)
            return -ERR_NOMEM;
        p->last = true;
        p->sync = g->o.sync;
        push(g, s, p);
    }
    if (rc == 0)
        rc = drive_all(g, 0, err);
    for (unsigned u = 0; u < g->units; u++)
        pipeline_end_block(&g->stream[u].pipe);
    return rc;
}

static int end_group(struct group_writer *g, struct err *err)
{
    uint32_t n = first_cell(g);
    int rc = n > 0 ? end_stripe(g, n, err) : 0;

    if (rc == 0)
        rc = end_streams(g, err);
    g->is_open = false;
    return rc;
}

/* ---- bytes ---- */

static int begin_packet(struct group_writer *g, struct err *err)
{
    uint32_t left = g->policy.cell_bytes - g->slice * g->o.packet_bytes;

    g->current = take_packet(g, err);
    if (!g->current)
        return -ERR_NOMEM;
    g->current->cap = left < g->o.packet_bytes ? left : g->o.packet_bytes;
    return 0;
}

int group_writer_room(struct group_writer *g, uint8_t **at, size_t *n, struct err *err)
{
    int rc = g->current ? 0 : begin_packet(g, err);

    if (rc < 0)
        return rc;
    *at = g->current->data + g->current->n;
    *n = g->current->cap - g->current->n;
    return 0;
}

/* Gives the packet at hand to its stream and to the stripe. */
static int push_current(struct group_writer *g, struct err *err)
{
    struct stream *s = &g->stream[g->unit];
    struct packet *p = g->current;
    bool cell_full = (uint64_t)g->slice * g->o.packet_bytes + p->n == g->policy.cell_bytes;
    int rc = 0;

    g->current = NULL;
    g->stripe[g->unit * g->slices + g->slice] = p;
    p->holds++;
    push(g, s, p);
    g->slice++;
    if (cell_full || s->queue.unsent_count >= g->batch)
        rc = send_stream(g, s, err);
    if (rc == 0 && cell_full) {
        g->unit++;
        g->slice = 0;
        if (g->unit == g->policy.data)
            rc = end_stripe(g, g->policy.cell_bytes, err);
    }
    if (rc == 0 && g->group.numbytes == g->group_max)
        rc = end_group(g, err);
    return rc;
}

int group_writer_filled(struct group_writer *g, size_t n, struct err *err)
{
    int rc = g->is_open ? 0 : open_group(g, err); /* not before there are bytes for it */

    if (rc < 0)
        return rc;
    g->current->n += (uint32_t)n;
    g->group.numbytes += n;
    return g->current->n == g->current->cap ? push_current(g, err) : 0;
}

int group_writer_finish(struct group_writer *g, struct err *err)
{
    int rc = 0;

    if (g->current && g->current->n > 0)
        rc = push_current(g, err);
    return rc == 0 && g->is_open ? end_group(g, err) : rc;
}

void group_writer_keep_alive(struct group_writer *g, uint64_t silent_ms)
{
    uint64_t now = env_mono_ms(env_posix());

    for (unsigned u = 0; u < g->units; u++) {
        struct pipeline *p = &g->stream[u].pipe;

        if (p->conn && now - p->last_send_ms >= silent_ms)
            pipeline_send_heartbeat(p, NULL); /* a failure shows at the next packet */
    }
}
