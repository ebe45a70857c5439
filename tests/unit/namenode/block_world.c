/* block_world.c -- see block_world.h. */
#include "tests/unit/namenode/block_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/lib/suite.h"

#define CLUSTER "CID-world"

static uint64_t fake_now(struct env *e)
{
    const struct world *w = (struct world *)e;

    return 1600000000000ull + w->ms + (uint64_t)w->skew_ms;
}
static uint64_t fake_mono(struct env *e)
{
    struct world *w = (struct world *)e;
    static uint64_t extra;

    extra += w->step_ns;
    return w->ms * 1000000 + extra % 1000000000;
}

/* The same for every world: a seed replays it. */
static void fake_random(struct env *e, void *out, size_t n)
{
    (void)e;
    memset(out, 0x5a, n);
}

static void lock(void *ctx)
{
    MUST(((struct world *)ctx)->lock_depth++ == 0);
}
static void unlock(void *ctx)
{
    MUST(--((struct world *)ctx)->lock_depth == 0);
}

static int recovered(void *ctx, const struct bm_recovered *r, uint64_t *mark, struct err *err)
{
    struct world *w = ctx;
    struct edit_block block = {r->block, r->length, r->gs};
    struct edit_op op = {.code = EDIT_CLOSE, .blocks = &block, .block_count = 1, .mtime_ms = 9};
    struct arena a;
    int rc;

    w->recovered = *r;
    w->recovered_count++;
    if (w->on_recovered)
        return w->on_recovered(w->recovered_ctx, r, mark, err);
    arena_init(&a, 1 << 20);
    op.path = ns_path_of(w->ns, r->file, &a);
    *mark = 7;
    rc = r->close_file ? ns_apply(w->ns, &op, err) : 0;
    arena_done(&a);
    return rc;
}

void world_init(struct world *w)
{
    *w = (struct world){.ms = 1000000};
    log_threshold = getenv("ASHLAR_LOG") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
    w->nodes = calloc(WORLD_NODES, sizeof *w->nodes);
    world_set(w, "dfs.namenode.heartbeat.recheck-interval=15000"); /* dead after a minute */
    world_set(w, "dfs.namenode.safemode.extension=0");
}

void world_set(struct world *w, const char *key_value)
{
    MUST(w->define_count < WORLD_CONF);
    w->defines[w->define_count++] = key_value;
}

void world_open(struct world *w)
{
    struct conf_args args = {.defines = w->defines, .define_count = w->define_count};
    struct bm_options o = {.env = &w->env,
                           .pool_id = WORLD_POOL,
                           .cluster_id = CLUSTER,
                           .namespace_id = 77,
                           .created_ms = 1,
                           .lock = lock,
                           .unlock = unlock,
                           .recovered = recovered,
                           .ctx = w};

    w->ops = *env_posix()->ops;
    w->ops.now_ms = fake_now;
    w->ops.mono_ns = fake_mono;
    w->ops.random = fake_random;
    w->env.ops = &w->ops;
    CU_ASSERT_FATAL(conf_load(&args, &w->conf, &w->err) == 0);
    if (!w->ns)
        CU_ASSERT_FATAL(ns_new(NULL, &w->ns, &w->err) == 0);
    o.conf = w->conf;
    o.ns = w->ns;
    arena_init(&w->arena, 64 << 20);
    CU_ASSERT_FATAL(bm_new(&o, &w->bm, &w->err) == 0);
    bm_begin(w->bm);
}

void world_close(struct world *w)
{
    bm_check(w->bm);
    ns_check(w->ns);
    bm_free(w->bm);
    ns_free(w->ns);
    conf_free(w->conf);
    arena_done(&w->arena);
    free(w->nodes);
}

/* ---- datanodes ---- */

int model_fill_registration(struct world *w, struct model *m, Pb__DatanodeRegistrationProto *reg,
                            Pb__DatanodeIDProto *id, Pb__StorageInfoProto *s,
                            Pb__ExportedBlockKeysProto *keys, Pb__BlockKeyProto *key)
{
    (void)w;
    pb__datanode_registration_proto__init(reg);
    pb__datanode_idproto__init(id);
    pb__storage_info_proto__init(s);
    pb__exported_block_keys_proto__init(keys);
    pb__block_key_proto__init(key);
    keys->currentkey = key;
    id->ipaddr = m->ip;
    id->hostname = m->ip;
    id->datanodeuuid = m->uuid;
    id->xferport = m->port;
    id->infoport = m->port + 1;
    id->ipcport = m->port + 2;
    s->layoutversion = (uint32_t)-57;
    s->namespceid = 77;
    s->clusterid = (char *)CLUSTER;
    s->ctime = 1;
    reg->datanodeid = id;
    reg->storageinfo = s;
    reg->keys = keys;
    reg->softwareversion = (char *)"3.4.2";
    return 0;
}

struct reg_parts {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
};

static Pb__DatanodeRegistrationProto *registration(struct world *w, struct model *m,
                                                   struct reg_parts *p)
{
    model_fill_registration(w, m, &p->reg, &p->id, &p->s, &p->keys, &p->key);
    return &p->reg;
}

struct model *world_node_of(struct world *w, uint16_t storage)
{
    for (int i = 0; i < w->node_count; i++)
        if (bm_storage_number(w->bm, w->nodes[i].uuid, w->nodes[i].storage) == storage)
            return &w->nodes[i];
    CU_FAIL_FATAL("a storage of a node");
    return NULL;
}

int model_register(struct world *w, struct model *m)
{
    struct reg_parts p;

    m->told_to_register = false;
    return datanode_join(w->bm, registration(w, m, &p), m->ip, &w->err);
}

struct held *model_holds(struct model *m, uint64_t id)
{
    for (int i = 0; i < m->held_count; i++)
        if (m->held[i].id == id)
            return &m->held[i];
    return NULL;
}

void model_put(struct model *m, uint64_t id, uint64_t gs, uint64_t length)
{
    struct held *h = model_holds(m, id);

    MUST(h || m->held_count < WORLD_HELD);
    if (!h)
        h = &m->held[m->held_count++];
    *h = (struct held){id, gs, length, PB__REPLICA_STATE_PROTO__FINALIZED};
}

void model_drop(struct model *m, uint64_t id)
{
    struct held *h = model_holds(m, id);

    if (h)
        *h = m->held[--m->held_count];
}

static void tell(struct world *w, struct model *m, uint64_t id, uint64_t gs, uint64_t length,
                 Pb__ReceivedDeletedBlockInfoProto__BlockStatus status)
{
    Pb__BlockReceivedAndDeletedRequestProto r = PB__BLOCK_RECEIVED_AND_DELETED_REQUEST_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto s = PB__STORAGE_RECEIVED_DELETED_BLOCKS_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto *storages[] = {&s};
    Pb__ReceivedDeletedBlockInfoProto info = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__INIT;
    Pb__ReceivedDeletedBlockInfoProto *infos[] = {&info};
    Pb__BlockProto block = PB__BLOCK_PROTO__INIT;
    struct reg_parts p;

    block.blockid = id;
    block.genstamp = gs;
    block.has_numbytes = true;
    block.numbytes = length;
    info.block = &block;
    info.status = status;
    s.storageuuid = m->storage;
    s.blocks = infos;
    s.n_blocks = 1;
    r.registration = registration(w, m, &p);
    r.blockpoolid = (char *)WORLD_POOL;
    r.blocks = storages;
    r.n_blocks = 1;
    CU_ASSERT(datanode_received(w->bm, &r, &w->err) == 0);
}

void model_received(struct world *w, struct model *m, const struct held *h)
{
    tell(w, m, h->id, h->gs, h->length,
         h->state == PB__REPLICA_STATE_PROTO__RBW
             ? PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVING
             : PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVED);
}

void model_deleted(struct world *w, struct model *m, uint64_t id, uint64_t gs)
{
    model_drop(m, id);
    tell(w, m, id, gs, 0, PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__DELETED);
}

static struct model *by_uuid(struct world *w, const char *uuid)
{
    for (int i = 0; i < w->node_count; i++)
        if (strcmp(w->nodes[i].uuid, uuid) == 0)
            return &w->nodes[i];
    return NULL;
}

static void carry_out(struct world *w, struct model *m, const Pb__BlockCommandProto *c)
{
    for (size_t i = 0; i < c->n_blocks; i++) {
        struct held *h = model_holds(m, c->blocks[i]->blockid);

        if (c->action == PB__BLOCK_COMMAND_PROTO__ACTION__INVALIDATE) {
            if (h && h->gs == c->blocks[i]->genstamp) {
                m->deletions++;
                model_deleted(w, m, h->id, h->gs);
            }
            m->cancelled += !h;
            continue;
        }
        if (!h || h->gs != c->blocks[i]->genstamp) { /* lost, and noticed now */
            model_deleted(w, m, c->blocks[i]->blockid, c->blocks[i]->genstamp);
            continue;
        }
        for (size_t k = 0; h && k < c->targets[i]->n_datanodes; k++) {
            struct model *to = by_uuid(w, c->targets[i]->datanodes[k]->id->datanodeuuid);

            CU_ASSERT_FATAL(to != NULL);
            if (!to->up)
                continue;
            model_put(to, h->id, h->gs, h->length);
            model_received(w, to, model_holds(to, h->id));
            m->copies++;
        }
    }
}

/* As a datanode finds out what to decode: units that are neither among the sources nor excluded, one
 * for each target. */
static void rebuild(struct world *w, struct model *m, const Pb__BlockECReconstructionInfoProto *r)
{
    struct block_info b;
    struct striping s;
    unsigned skip = 0;
    size_t next = 0;

    m->orders++;
    if (m->never_done)
        return;
    CU_ASSERT_FATAL(ns_block(w->ns, r->block->blockid, &b) && ns_striping(w->ns, b.file, &s));
    CU_ASSERT(r->block->blockid == b.id && r->block->numbytes == b.length);
    CU_ASSERT(r->liveblockindices.len == r->sourcedninfos->n_datanodes);
    CU_ASSERT((int)r->liveblockindices.len >= (int)striping_data_used(&s, b.length));
    for (size_t i = 0; i < r->liveblockindices.len; i++) {
        const struct model *from = by_uuid(w, r->sourcedninfos->datanodes[i]->id->datanodeuuid);

        skip |= 1u << r->liveblockindices.data[i];
        CU_ASSERT(model_holds((struct model *)from, b.id + r->liveblockindices.data[i]) != NULL);
    }
    for (size_t i = 0; i < r->excludereconstructedindices.len; i++)
        skip |= 1u << r->excludereconstructedindices.data[i];
    for (unsigned u = 0; u < GROUP_UNITS && next < r->targetdninfos->n_datanodes; u++) {
        struct model *to;

        if (skip >> u & 1 || !striping_has_unit(&s, b.length, u))
            continue;
        to = by_uuid(w, r->targetdninfos->datanodes[next++]->id->datanodeuuid);
        CU_ASSERT_FATAL(to != NULL);
        if (!to->up)
            continue;
        model_put(to, b.id + u, b.gs, striping_unit_length(&s, b.length, u));
        model_received(w, to, model_holds(to, b.id + u));
        m->rebuilt++;
    }
}

int model_beat(struct world *w, struct model *m)
{
    Pb__HeartbeatRequestProto r = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__HeartbeatResponseProto out = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__StorageReportProto report = PB__STORAGE_REPORT_PROTO__INIT, *reports[] = {&report};
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    struct reg_parts p;
    int rc;

    storage.storageuuid = report.storageuuid = m->storage;
    report.storage = &storage;
    report.capacity = m->capacity;
    report.remaining = m->remaining;
    report.dfsused = m->capacity - m->remaining;
    r.registration = registration(w, m, &p);
    r.reports = reports;
    r.n_reports = 1;
    r.xceivercount = m->xceivers;
    arena_reset(&w->arena);
    rc = datanode_heartbeat(w->bm, &r, &w->arena, &out, &w->err);
    for (size_t i = 0; rc == 0 && i < out.n_cmds; i++) {
        if (out.cmds[i]->blkcmd)
            carry_out(w, m, out.cmds[i]->blkcmd);
        for (size_t k = 0; out.cmds[i]->blkecreconstructioncmd &&
                           k < out.cmds[i]->blkecreconstructioncmd->n_blockecreconstructioninfo;
             k++)
            rebuild(w, m, out.cmds[i]->blkecreconstructioncmd->blockecreconstructioninfo[k]);
        m->told_to_register |= out.cmds[i]->registercmd != NULL;
        if (out.cmds[i]->recoverycmd) {
            const Pb__RecoveringBlockProto *order = out.cmds[i]->recoverycmd->blocks[0];

            m->recoveries += (int)out.cmds[i]->recoverycmd->n_blocks;
            m->recovery_id = order->newgenstamp;
            m->recover = order->block->b->blockid;
            m->cut_to = order->truncateblock ? order->truncateblock->numbytes : 0;
            m->copy_to = order->truncateblock ? order->truncateblock->blockid : 0;
            m->recovery_units = order->blockindices.len;
        }
    }
    return rc;
}

int model_end_recovery(struct world *w, struct model *m, const struct held *h, uint64_t *mark)
{
    Pb__CommitBlockSynchronizationRequestProto r =
        PB__COMMIT_BLOCK_SYNCHRONIZATION_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto eb = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__DatanodeIDProto id = PB__DATANODE_IDPROTO__INIT, *ids[] = {&id};
    char *storages[] = {m->storage};

    eb.poolid = (char *)WORLD_POOL;
    eb.blockid = h->id;
    r.block = &eb;
    r.newgenstamp = h->gs;
    r.newlength = h->length;
    r.closefile = true;
    id.ipaddr = m->ip;
    id.datanodeuuid = m->uuid;
    id.hostname = m->ip;
    r.newtaragets = ids;
    r.n_newtaragets = 1;
    r.newtargetstorages = storages;
    r.n_newtargetstorages = 1;
    return writing_synchronized(w->bm, &r, mark, &w->err);
}

static int send_report(struct world *w, struct model *m, Pb__StorageBlockReportProto *s)
{
    Pb__BlockReportRequestProto r = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__BlockReportResponseProto out = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    Pb__StorageBlockReportProto *reports[] = {s};
    struct reg_parts p;
    int rc;

    storage.storageuuid = m->storage;
    s->storage = &storage;
    r.registration = registration(w, m, &p);
    r.blockpoolid = (char *)WORLD_POOL;
    r.reports = reports;
    r.n_reports = 1;
    rc = datanode_block_report(w->bm, &r, &w->arena, &out, &w->err);
    m->finalized += rc == 0 && out.cmd && out.cmd->finalizecmd;
    return rc;
}

/* Two buffers, cut at a place where a number is not at its end. */
int model_report(struct world *w, struct model *m)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    ProtobufCBinaryData halves[2];
    struct buf b;
    int rc;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < m->held_count; i++) {
        buf_put_varint(&b, m->held[i].id << 1 ^ -(m->held[i].id >> 63));
        buf_put_varint(&b, m->held[i].length);
        buf_put_varint(&b, m->held[i].gs);
        buf_put_varint(&b, m->held[i].state);
    }
    halves[0] = (ProtobufCBinaryData){.data = b.bytes, .len = b.n / 2};
    halves[1] = (ProtobufCBinaryData){.data = b.bytes + b.n / 2, .len = b.n - b.n / 2};
    s.has_numberofblocks = true;
    s.numberofblocks = (uint64_t)m->held_count;
    s.blocksbuffers = halves;
    s.n_blocksbuffers = 2;
    rc = send_report(w, m, &s);
    buf_done(&b);
    return rc;
}

int model_report_numbers(struct world *w, struct model *m)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    uint64_t *n = calloc((size_t)m->held_count * 4 + 5, sizeof *n);
    int rc;

    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < m->held_count; i++) {
            const struct held *h = &m->held[i];

            if ((h->state != PB__REPLICA_STATE_PROTO__FINALIZED) != pass)
                continue;
            if (s.n_blocks < 2)
                s.n_blocks = 2;
            n[pass]++;
            n[s.n_blocks++] = h->id;
            n[s.n_blocks++] = h->length;
            n[s.n_blocks++] = h->gs;
            if (pass)
                n[s.n_blocks++] = h->state;
        }
        if (s.n_blocks < 2)
            s.n_blocks = 2;
        for (int i = 0; i < 3 && pass == 0; i++)
            n[s.n_blocks++] = UINT64_MAX;
    }
    s.blocks = n;
    rc = send_report(w, m, &s);
    free(n);
    return rc;
}

void world_racks(struct world *w, const char *letters)
{
    char path[256], text[1024];
    size_t n = 0;

    snprintf(path, sizeof path, "%s/racks", suite_tmp_dir());
    for (int i = 0; letters[i]; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "10.0.0.%d /r%c\n", i + 1, letters[i]);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, text, n, &w->err) == 0);
    snprintf(w->table, sizeof w->table, "net.topology.table.file.name=%s", path);
    world_set(w, w->table);
}

struct model *world_node(struct world *w)
{
    struct model *m = &w->nodes[w->node_count];
    int i = w->node_count++;

    MUST(i < WORLD_NODES);
    snprintf(m->uuid, sizeof m->uuid, "node-%d", i);
    snprintf(m->ip, sizeof m->ip, "10.0.0.%d", i + 1);
    snprintf(m->storage, sizeof m->storage, "DS-%d", i);
    m->port = 9866;
    m->up = true;
    m->capacity = m->remaining = 100ull << 30;
    CU_ASSERT(model_register(w, m) == 0);
    CU_ASSERT(model_beat(w, m) == 0);
    CU_ASSERT(model_report(w, m) == 0);
    return m;
}

void world_pass(struct world *w, uint64_t ms)
{
    uint64_t until = w->ms + ms;

    while (w->ms < until) {
        w->ms += 1000;
        for (int i = 0; i < w->node_count; i++) {
            struct model *m = &w->nodes[i];

            if (!m->up || w->ms / 1000 % 3 != 0)
                continue;
            model_beat(w, m);
            if (m->told_to_register) {
                CU_ASSERT(model_register(w, m) == 0);
                CU_ASSERT(model_report(w, m) == 0);
            }
        }
        bm_tick(w->bm);
    }
}

/* ---- files ---- */

static uint64_t begin(struct world *w, const char *path, int replication, const char *writer,
                      const struct ec_policy *coded)
{
    struct edit_op add = {.code = EDIT_ADD,
                          .path = path,
                          .inode_id = ns_last_inode_id(w->ns) + 1,
                          .user = "u",
                          .group = "g",
                          .mode = 0644,
                          .mtime_ms = 5,
                          .atime_ms = 5,
                          .replication = (uint16_t)replication,
                          .ec_policy = coded ? coded->id : 0,
                          .block_size = 1 << 20,
                          .client_name = "c",
                          .client_machine = "h"};
    struct edit_block block = {ns_last_block_id(w->ns) + 1, 0, ns_gs(w->ns) + 1};
    struct edit_op add_block = {
        .code = EDIT_ADD_BLOCK, .path = path, .blocks = &block, .block_count = 1};
    struct bm_target_request r = {
        .path = path, .writer_host = writer, .count = replication, .block_size = 1 << 20};
    uint16_t storages[REPLICAS_MAX];
    int n;

    if (coded) {
        r.coded = coded;
        r.count = (int)(coded->data_units + coded->parity_units);
        block.id = ns_last_group_id(w->ns) ? ns_last_group_id(w->ns) + GROUP_UNITS
                                           : (uint64_t)INT64_MIN + GROUP_UNITS;
    }
    CU_ASSERT_FATAL(ns_apply(w->ns, &add, &w->err) == 0);
    lock(w);
    n = bm_choose_targets(w->bm, &r, storages, &w->err);
    CU_ASSERT_FATAL(n > 0);
    CU_ASSERT_FATAL(ns_apply(w->ns, &add_block, &w->err) == 0);
    bm_expect(w->bm, block.id, storages, n);
    unlock(w);
    return block.id;
}

uint64_t world_begin_file(struct world *w, const char *path, int replication, const char *writer)
{
    return begin(w, path, replication, writer, NULL);
}

uint64_t world_begin_striped(struct world *w, const char *path, const char *policy)
{
    return begin(w, path, 1, NULL, ec_by_name(ns_ec_policies(w->ns), policy));
}

void world_finish_file(struct world *w, const char *path, uint64_t block, uint64_t length)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    struct block_info b;
    struct edit_block eb;
    struct striping s;
    struct edit_op op = {
        .code = EDIT_CLOSE, .path = path, .blocks = &eb, .block_count = 1, .mtime_ms = 9};
    int n = writing_expected(w->bm, block, storages, units, REPLICAS_MAX);
    bool striped;

    CU_ASSERT_FATAL(ns_block(w->ns, block, &b));
    striped = ns_striping(w->ns, b.file, &s);
    for (int i = 0; i < n; i++) {
        struct model *m = by_uuid(w, storage_at(w->bm, storages[i])->node->uuid);
        uint64_t id = block + units[i];

        if (striped && !striping_has_unit(&s, length, units[i]))
            continue;
        model_put(m, id, b.gs, striped ? striping_unit_length(&s, length, units[i]) : length);
        model_received(w, m, model_holds(m, id));
    }
    ns_block_commit(w->ns, block, length, b.gs);
    CU_ASSERT(bm_is_complete_enough(w->bm, block));
    eb = (struct edit_block){block, length, b.gs};
    CU_ASSERT_FATAL(ns_apply(w->ns, &op, &w->err) == 0);
    bm_check_file(w->bm, b.file);
}

uint64_t world_striped(struct world *w, const char *path, const char *policy, uint64_t length)
{
    uint64_t group = world_begin_striped(w, path, policy);

    world_finish_file(w, path, group, length);
    return group;
}

uint64_t world_file(struct world *w, const char *path, int replication, uint64_t length)
{
    uint64_t block = world_begin_file(w, path, replication, NULL);

    world_finish_file(w, path, block, length);
    return block;
}

void world_set_replication(struct world *w, const char *path, int replication)
{
    struct edit_op op = {
        .code = EDIT_SET_REPLICATION, .path = path, .replication = (uint16_t)replication};

    CU_ASSERT_FATAL(ns_apply(w->ns, &op, &w->err) == 0);
    bm_check_file(w->bm, ns_lookup(w->ns, path));
}

void world_delete(struct world *w, const char *path)
{
    struct edit_op op = {.code = EDIT_DELETE, .path = path, .mtime_ms = 9};

    CU_ASSERT_FATAL(ns_apply(w->ns, &op, &w->err) == 0);
    while (ns_reclaim(w->ns, 1000))
        ;
}

int world_live(struct world *w, uint64_t block)
{
    struct bm_replicas r;

    bm_count_replicas(w->bm, block, &r);
    return r.live;
}

struct model *world_holder(struct world *w, uint64_t id)
{
    for (int i = 0; i < w->node_count; i++)
        if (w->nodes[i].up && model_holds(&w->nodes[i], id))
            return &w->nodes[i];
    return NULL;
}

int world_held(struct world *w, uint64_t block)
{
    int n = 0;

    for (int i = 0; i < w->node_count; i++)
        n += w->nodes[i].up && model_holds(&w->nodes[i], block);
    return n;
}

void world_start(struct world *w, int nodes, const char *racks)
{
    world_init(w);
    if (racks)
        world_racks(w, racks);
    world_open(w);
    for (int i = 0; i < nodes; i++)
        world_node(w);
}
