/* machines.c -- the datanodes of the simulation; see sim.h. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINALIZED PB__REPLICA_STATE_PROTO__FINALIZED
#define RBW PB__REPLICA_STATE_PROTO__RBW
#define RWR PB__REPLICA_STATE_PROTO__RWR
#define RECEIVED PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVED
#define RECEIVING PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVING
#define DELETED PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__DELETED
static const char POOL[] = "BP-1-127.0.0.1-1";

enum task_kind { COPY, REMOVE, RECOVER, FIND_ROT };
struct task {
    enum task_kind kind;
    uint64_t at, id, gs, new_gs, cut;
    struct machine *m;
    int life;
    char targets[8][40];
    int target_count;
};
static struct task tasks[TASKS];
static int task_count, named;

/* ---- what is on the disks ---- */

struct copy *machine_find(struct machine *m, uint64_t id, int *disk)
{
    for (int d = 0; d < DISKS; d++)
        for (int i = 0; i < m->disks[d].n; i++)
            if (m->disks[d].at[i].id == id) {
                if (disk)
                    *disk = d;
                return &m->disks[d].at[i];
            }
    return NULL;
}

static uint64_t used(const struct disk *d)
{
    uint64_t sum = 0;

    for (int i = 0; i < d->n; i++)
        sum += d->at[i].length;
    return sum;
}

static uint64_t room(const struct disk *d)
{
    uint64_t n = used(d);

    return d->full || n >= ROOM_BYTES ? 0 : ROOM_BYTES - n;
}

struct copy *machine_put(struct machine *m, uint64_t id, uint64_t gs, uint64_t length,
                         Pb__ReplicaStateProto state)
{
    struct copy *c = machine_find(m, id, NULL);

    for (int d = (int)chance(DISKS), k = 0; !c && k < DISKS; k++, d = (d + 1) % DISKS) {
        struct disk *disk = &m->disks[d];

        if (room(disk) >= BLOCK_BYTES && disk->n < COPIES)
            c = &disk->at[disk->n++];
    }
    if (c)
        *c = (struct copy){id, gs, length, state, false};
    return c;
}

struct machine *machine_of(const char *uuid)
{
    for (int i = 0; i < MACHINES; i++)
        if (strcmp(sim.machines[i].uuid, uuid) == 0)
            return &sim.machines[i];
    return NULL; /* one that was replaced */
}

bool machine_hears(const struct machine *m)
{
    return m->up && sim.namenode_up && now() >= m->mute_until && now() >= m->cut_until;
}

/* Racks that are cut off reach themselves. */
bool machine_can_reach(const struct machine *a, const struct machine *b)
{
    bool cut = now() < a->cut_until || now() < b->cut_until;

    return a->up && b->up && (!cut || a->rack == b->rack);
}

/* ---- telling ---- */

static void enqueue(struct machine *m, const struct message *msg)
{
    HOLDS(m->queued < MESSAGES, "%s has too many messages", m->uuid);
    m->queue[m->queued++] = *msg;
}

void machine_tell(struct machine *m, uint64_t id)
{
    int disk = 0;
    const struct copy *c = machine_find(m, id, &disk);

    if (c)
        enqueue(m, &(struct message){.disk = disk,
                                     .what = c->state == FINALIZED ? RECEIVED : RECEIVING,
                                     .copy = *c});
}

void machine_drop(struct machine *m, uint64_t id, bool tell)
{
    int d;
    struct copy *c = machine_find(m, id, &d);

    if (!c)
        return;
    if (tell)
        enqueue(m, &(struct message){.disk = d, .what = DELETED, .copy = *c});
    *c = m->disks[d].at[--m->disks[d].n];
}

static void queue_full(struct machine *m)
{
    for (int d = 0; d < DISKS; d++) {
        struct message msg = {.disk = d, .full = true, .n = m->disks[d].n};

        msg.all = malloc(((size_t)msg.n + 1) * sizeof *msg.all);
        memcpy(msg.all, m->disks[d].at, (size_t)msg.n * sizeof *msg.all);
        enqueue(m, &msg);
    }
    m->next_report = now() + 3600 * 1000 + chance(3600 * 1000);
}

static void forget_messages(struct machine *m)
{
    for (int i = 0; i < m->queued; i++)
        free(m->queue[i].all);
    m->queued = 0;
}

struct reg_parts {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
    struct model as;
};

static Pb__DatanodeRegistrationProto *registration(struct machine *m, struct reg_parts *p)
{
    static struct model as; /* large, and only names are looked at */

    snprintf(as.uuid, sizeof as.uuid, "%s", m->uuid);
    snprintf(as.ip, sizeof as.ip, "%s", m->ip);
    as.port = m->port;
    model_fill_registration(&sim.o.w, &as, &p->reg, &p->id, &p->s, &p->keys, &p->key);
    return &p->reg;
}

/* A full report, whole or cut short in its middle; false: the namenode did not take it. */
static bool deliver_full(struct machine *m, const struct message *msg, bool cut)
{
    Pb__BlockReportRequestProto r = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__BlockReportResponseProto out = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT, *reports[] = {&s};
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    static struct reg_parts p;
    ProtobufCBinaryData bytes;
    struct buf b;
    int rc;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < msg->n; i++) {
        buf_put_varint(&b, msg->all[i].id << 1);
        buf_put_varint(&b, msg->all[i].length);
        buf_put_varint(&b, msg->all[i].gs);
        buf_put_varint(&b, msg->all[i].state);
    }
    bytes = (ProtobufCBinaryData){.data = b.bytes, .len = cut ? b.n / 2 : b.n};
    s.has_numberofblocks = true;
    s.numberofblocks = (uint64_t)msg->n;
    s.blocksbuffers = &bytes;
    s.n_blocksbuffers = 1;
    storage.storageuuid = m->disks[msg->disk].id;
    s.storage = &storage;
    r.registration = registration(m, &p);
    r.blockpoolid = (char *)POOL;
    r.reports = reports;
    r.n_reports = 1;
    rc = datanode_block_report(sim.o.w.bm, &r, &sim.o.w.arena, &out, &sim.o.w.err);
    HOLDS(!cut || msg->n < 2 || rc < 0, "a report that was cut short was taken");
    buf_done(&b);
    return rc == 0;
}

static bool deliver(struct machine *m, const struct message *msg)
{
    Pb__BlockReceivedAndDeletedRequestProto r = PB__BLOCK_RECEIVED_AND_DELETED_REQUEST_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto s = PB__STORAGE_RECEIVED_DELETED_BLOCKS_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto *storages[] = {&s};
    Pb__ReceivedDeletedBlockInfoProto info = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__INIT;
    Pb__ReceivedDeletedBlockInfoProto *infos[] = {&info};
    Pb__BlockProto block = PB__BLOCK_PROTO__INIT;
    static struct reg_parts p;

    if (msg->full)
        return deliver_full(m, msg, false);
    block.blockid = msg->copy.id;
    block.genstamp = msg->copy.gs;
    block.has_numbytes = true;
    block.numbytes = msg->copy.length;
    info.block = &block;
    info.status = msg->what;
    s.storageuuid = m->disks[msg->disk].id;
    s.blocks = infos;
    s.n_blocks = 1;
    r.registration = registration(m, &p);
    r.blockpoolid = (char *)POOL;
    r.blocks = storages;
    r.n_blocks = 1;
    return datanode_received(sim.o.w.bm, &r, &sim.o.w.err) == 0;
}

/* In their order; some arrive twice, the second time after those that followed. */
static void deliver_all(struct machine *m)
{
    struct message again[4];
    int n = 0, twice = 0;

    if (now() < m->late_until)
        return;
    for (; n < m->queued; n++) {
        struct message *msg = &m->queue[n];

        if (msg->full && !sim.calm && chance(40) == 0) {
            total->faults[FAULT_CUT_SHORT]++;
            deliver_full(m, msg, true);
        }
        if (!deliver(m, msg))
            break;
        if (!msg->full && !sim.calm && twice < 4 && chance(60) == 0) {
            total->faults[FAULT_TWICE]++;
            again[twice++] = *msg;
        }
        free(msg->all);
    }
    memmove(m->queue, m->queue + n, (size_t)(m->queued - n) * sizeof *m->queue);
    m->queued -= n;
    if (m->queued) {
        m->registered = false;
        return;
    }
    while (twice > 0) {
        deliver(m, &again[--twice]);
        /* as a datanode that did not hear the answer would soon set right */
        if (machine_find(m, again[twice].copy.id, NULL))
            machine_tell(m, again[twice].copy.id);
        else
            enqueue(m, &(struct message){
                           .disk = again[twice].disk, .what = DELETED, .copy = again[twice].copy});
    }
}

/* ---- being told ---- */

static struct task *later(struct machine *m, enum task_kind kind, uint64_t id, uint64_t gs)
{
    HOLDS(task_count < TASKS, "too many tasks");
    tasks[task_count] = (struct task){.kind = kind,
                                      .at = now() + chance(6) * STEP_MS,
                                      .id = id,
                                      .gs = gs,
                                      .m = m,
                                      .life = m->life};
    return &tasks[task_count++];
}

/* Nobody is told to delete what is still needed: what the namenode knows must be as many as it wants,
 * and what there is in truth at least one. */
static void check_condemned(struct machine *m, uint64_t id, uint64_t gs)
{
    struct file *f;
    const struct safe_block *b = safe_block(id, &f);
    const struct copy *c = machine_find(m, id, NULL);
    struct block_info now_is;
    struct bm_replicas r;

    if (!b || !c || c->gs != gs || !is_good(c, b))
        return;
    HOLDS(good_copies(b, m) > 0, "%s is told to delete the last good copy of blk_%llu_%llu of %s",
          m->uuid, (unsigned long long)id, (unsigned long long)gs, f->path);
    if (!ns_block(sim.o.nn.ns, id, &now_is) || now_is.gs != gs)
        return; /* of an older version */
    bm_count_replicas(sim.o.w.bm, id, &r);
    HOLDS(f->state != CLOSED || r.live >= f->replication,
          "%s is told to delete blk_%llu_%llu of %s, of which only %d of %d are live", m->uuid,
          (unsigned long long)id, (unsigned long long)gs, f->path, r.live, f->replication);
}

static void take_command(struct machine *m, const Pb__DatanodeCommandProto *cmd)
{
    const Pb__BlockCommandProto *c = cmd->blkcmd;

    for (size_t i = 0; c && i < c->n_blocks; i++) {
        uint64_t id = c->blocks[i]->blockid, gs = c->blocks[i]->genstamp;
        struct task *t;

        if (c->action == PB__BLOCK_COMMAND_PROTO__ACTION__INVALIDATE) {
            check_condemned(m, id, gs);
            later(m, REMOVE, id, gs);
            continue;
        }
        t = later(m, COPY, id, gs);
        for (size_t k = 0; k < c->targets[i]->n_datanodes && k < 8; k++)
            snprintf(t->targets[t->target_count++], sizeof t->targets[0], "%s",
                     c->targets[i]->datanodes[k]->id->datanodeuuid);
    }
    for (size_t i = 0; cmd->recoverycmd && i < cmd->recoverycmd->n_blocks; i++) {
        const Pb__RecoveringBlockProto *r = cmd->recoverycmd->blocks[i];
        struct task *t = later(m, RECOVER, r->block->b->blockid, r->block->b->generationstamp);

        t->new_gs = r->newgenstamp;
        for (size_t k = 0; k < r->block->n_locs && k < 8; k++)
            snprintf(t->targets[t->target_count++], sizeof t->targets[0], "%s",
                     r->block->locs[k]->id->datanodeuuid);
    }
    if (cmd->registercmd)
        m->registered = false;
}

static void join(struct machine *m)
{
    static struct reg_parts p;

    if (datanode_join(sim.o.w.bm, registration(m, &p), m->ip, &sim.o.w.err) < 0)
        return;
    m->registered = true;
    queue_full(m);
}

static void beat(struct machine *m)
{
    Pb__HeartbeatRequestProto r = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__HeartbeatResponseProto out = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__StorageReportProto reports[DISKS], *list[DISKS];
    Pb__DatanodeStorageProto storages[DISKS];
    static struct reg_parts p;
    int rc;

    for (int d = 0; d < DISKS; d++) {
        pb__storage_report_proto__init(&reports[d]);
        pb__datanode_storage_proto__init(&storages[d]);
        storages[d].storageuuid = reports[d].storageuuid = m->disks[d].id;
        reports[d].storage = &storages[d];
        reports[d].has_capacity = reports[d].has_remaining = reports[d].has_dfsused = true;
        reports[d].capacity = ROOM_BYTES;
        reports[d].remaining = room(&m->disks[d]);
        reports[d].dfsused = used(&m->disks[d]);
        list[d] = &reports[d];
    }
    r.registration = registration(m, &p);
    r.reports = list;
    r.n_reports = DISKS;
    arena_reset(&sim.o.w.arena);
    rc = datanode_heartbeat(sim.o.w.bm, &r, &sim.o.w.arena, &out, &sim.o.w.err);
    if (rc < 0)
        m->registered = false;
    for (size_t i = 0; rc == 0 && i < out.n_cmds; i++)
        take_command(m, out.cmds[i]);
}

void machine_step(struct machine *m)
{
    if (!machine_hears(m))
        return;
    if (m->registered)
        beat(m);
    if (!m->registered)
        join(m);
    if (m->registered && now() >= m->next_report)
        queue_full(m);
    if (m->registered)
        deliver_all(m);
}

/* ---- doing ---- */

static void copy_now(const struct task *t)
{
    int disk;
    struct copy *c = machine_find(t->m, t->id, &disk);

    if (!c || c->gs != t->gs || c->state != FINALIZED) {
        if (!c)
            enqueue(t->m, &(struct message){.what = DELETED, .copy = {.id = t->id, .gs = t->gs}});
        return;
    }
    if (c->rotten) { /* whoever reads it sees that */
        if (machine_hears(t->m))
            bm_report_bad(sim.o.w.bm, t->id, t->m->uuid, t->m->disks[disk].id, "rotten");
        return;
    }
    for (int k = 0; k < t->target_count; k++) {
        struct machine *to = machine_of(t->targets[k]);

        if (!to || !machine_can_reach(t->m, to) || machine_find(to, t->id, NULL))
            continue;
        if (machine_put(to, t->id, c->gs, c->length, FINALIZED)) {
            machine_tell(to, t->id);
            total->copies++;
        }
    }
}

static void remove_now(const struct task *t)
{
    const struct copy *c = machine_find(t->m, t->id, NULL);

    if (c && c->gs == t->gs) {
        machine_drop(t->m, t->id, true);
        total->deletions++;
    }
}

/* Those that have the block at the stamp that the order names, or a later one, agree on how long it is: as
 * long as one that is finalized, else as the shortest. */
static int agree(const struct task *t, struct machine **who, uint64_t *length, bool *all_answered)
{
    bool finalized = false;
    int n = 0;

    *length = UINT64_MAX;
    *all_answered = true;
    for (int k = 0; k < t->target_count; k++) {
        struct machine *m = machine_of(t->targets[k]);
        const struct copy *c = m ? machine_find(m, t->id, NULL) : NULL;

        *all_answered &= m && machine_can_reach(t->m, m);
        if (!c || !machine_can_reach(t->m, m) || c->rotten || c->length == 0 || c->gs < t->gs ||
            c->gs >= t->new_gs)
            continue;
        if (finalized && c->state != FINALIZED)
            continue;
        if (c->state == FINALIZED && !finalized) {
            finalized = true;
            n = 0;
            *length = c->length;
        }
        if (finalized && c->length != *length)
            continue;
        if (c->length < *length)
            *length = c->length;
        who[n++] = m;
    }
    return n;
}

static void recover_now(const struct task *t)
{
    Pb__CommitBlockSynchronizationRequestProto r =
        PB__COMMIT_BLOCK_SYNCHRONIZATION_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto eb = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__DatanodeIDProto ids[8], *id_list[8];
    char *storages[8];
    struct machine *who[8];
    uint64_t length, mark = 0;
    bool all_answered;
    int n = agree(t, who, &length, &all_answered);

    if ((n == 0 && !all_answered) || !machine_hears(t->m))
        return;
    if (n == 0)
        length = 0; /* it never was */
    eb.poolid = (char *)POOL;
    eb.blockid = t->id;
    eb.generationstamp = t->gs;
    r.block = &eb;
    r.newgenstamp = t->new_gs;
    r.newlength = length;
    r.closefile = true;
    r.deleteblock = length == 0;
    for (int k = 0; k < n && length > 0; k++) {
        int disk;
        struct copy *c = machine_find(who[k], t->id, &disk);

        *c = (struct copy){t->id, t->new_gs, length, FINALIZED, false};
        machine_tell(who[k], t->id);
        pb__datanode_idproto__init(&ids[k]);
        ids[k].ipaddr = ids[k].hostname = who[k]->ip;
        ids[k].datanodeuuid = who[k]->uuid;
        id_list[k] = &ids[k];
        storages[k] = who[k]->disks[disk].id;
        r.n_newtaragets = r.n_newtargetstorages = (size_t)k + 1;
    }
    r.newtaragets = id_list;
    r.newtargetstorages = storages;
    if (writing_synchronized(sim.o.w.bm, &r, &mark, &sim.o.w.err) == 0)
        total->recoveries++;
}

bool machine_will_drop(const struct machine *m, uint64_t id)
{
    for (int i = 0; i < task_count; i++)
        if (tasks[i].kind == REMOVE && tasks[i].m == m && tasks[i].life == m->life &&
            tasks[i].id == id)
            return true;
    return false;
}

static void find_rot(const struct task *t)
{
    int disk;
    const struct copy *c = machine_find(t->m, t->id, &disk);

    if (c && c->rotten && machine_hears(t->m))
        bm_report_bad(sim.o.w.bm, t->id, t->m->uuid, t->m->disks[disk].id, "rotten");
}

void machines_do_tasks(void)
{
    static void (*const run[])(const struct task *) = {copy_now, remove_now, recover_now, find_rot};

    for (int i = 0; i < task_count;) {
        struct task t = tasks[i];

        if (t.at > now()) {
            i++;
            continue;
        }
        tasks[i] = tasks[--task_count];
        if (t.m->up && t.life == t.m->life)
            run[t.kind](&t);
    }
    /* the scanner comes by now and then */
    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &sim.machines[i];
        const struct disk *d = &m->disks[chance(DISKS)];
        const struct copy *c = d->n ? &d->at[chance((unsigned)d->n)] : NULL;

        if (m->up && c && c->rotten)
            later(m, FIND_ROT, c->id, 0);
    }
}

/* ---- coming and going ---- */

static void name_disks(struct machine *m, int from)
{
    for (int d = from; d < DISKS; d++)
        snprintf(m->disks[d].id, sizeof m->disks[d].id, "DS-%d", ++named);
}

void machine_start(struct machine *m)
{
    m->up = true;
    m->registered = false;
    m->life++;
}

void machine_stop(struct machine *m)
{
    m->up = false;
    m->life++;
    forget_messages(m);
    for (int d = 0; d < DISKS; d++)
        for (int i = 0; i < m->disks[d].n; i++)
            if (m->disks[d].at[i].state == RBW)
                m->disks[d].at[i].state = RWR;
}

void machine_forget_disk(struct machine *m, int d)
{
    m->disks[d].n = 0;
    m->disks[d].full = false;
    snprintf(m->disks[d].id, sizeof m->disks[d].id, "DS-%d", ++named);
    m->has_past = false;
}

void machine_replace(struct machine *m)
{
    machine_stop(m);
    for (int d = 0; d < DISKS; d++)
        m->disks[d].n = 0;
    name_disks(m, 0);
    m->has_past = false;
    snprintf(m->uuid, sizeof m->uuid, "machine-%s-%d", m->ip, ++named);
}

void machine_save_past(struct machine *m)
{
    memcpy(m->past, m->disks, sizeof m->past);
    m->has_past = true;
}

void machines_init(void)
{
    sim.machines = calloc(MACHINES, sizeof *sim.machines);
    task_count = named = 0;
    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &sim.machines[i];

        snprintf(m->ip, sizeof m->ip, "10.0.0.%d", i + 1);
        snprintf(m->uuid, sizeof m->uuid, "machine-%d", i);
        m->port = 9866;
        m->rack = (char)('a' + i % 3);
        name_disks(m, 0);
        machine_start(m);
    }
}

void machines_done(void)
{
    for (int i = 0; i < MACHINES; i++)
        forget_messages(&sim.machines[i]);
    free(sim.machines);
}
