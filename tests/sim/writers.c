/* writers.c -- the clients of the simulation; see sim.h. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "namenode/edits/journal.h"

#define FINALIZED PB__REPLICA_STATE_PROTO__FINALIZED
#define RBW PB__REPLICA_STATE_PROTO__RBW

/* ---- what is safe ---- */

bool is_good(const struct copy *c, const struct safe_block *b)
{
    return !c->rotten && c->gs >= b->gs && c->length >= b->length;
}

const struct safe_block *safe_block(uint64_t id, struct file **f)
{
    for (int i = 0; i < FILES; i++)
        for (int k = 0; k < sim.files[i].safe_count; k++)
            if (sim.files[i].safe[k].id == id) {
                *f = &sim.files[i];
                return &sim.files[i].safe[k];
            }
    return NULL;
}

int good_copies(const struct safe_block *b, const struct machine *except)
{
    int n = 0;

    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &sim.machines[i];
        const struct copy *c = m == except ? NULL : machine_find(m, b->id, NULL);

        n += c && is_good(c, b);
    }
    return n;
}

/* ---- calls ---- */

/* The answer to whoever asks is given when it is durable. */
static void *call(const char *method, const void *rq)
{
    void *rs = op_world_call(&sim.o, method, rq);

    HOLDS(!rs || journal_wait(sim.o.nn.journal, journal_last_txid(sim.o.nn.journal), NULL) == 0,
          "the journal");
    return rs;
}

static Pb__ExtendedBlockProto block_of(uint64_t id, uint64_t gs, uint64_t length)
{
    Pb__ExtendedBlockProto b = PB__EXTENDED_BLOCK_PROTO__INIT;

    b.poolid = (char *)"BP-1-127.0.0.1-1";
    b.blockid = id;
    b.generationstamp = gs;
    b.has_numbytes = true;
    b.numbytes = length;
    return b;
}

static void sleep_for(struct file *f, unsigned steps)
{
    f->wake = now() + (uint64_t)(1 + chance(steps)) * STEP_MS;
}

static void vanish(struct file *f, const char *why)
{
    trace("%s vanishes: %s", f->path, why);
    f->vanished = true;
    f->vanished_ms = now();
    f->in_block = false;
    total->vanished++;
}

static void begin_file(struct file *f)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;
    const Pb__CreateResponseProto *rs;

    snprintf(f->path, sizeof f->path, "/f%d", (int)(f - sim.files));
    snprintf(f->client, sizeof f->client, "c%u", chance(1000000));
    f->replication = 2 + (int)chance(2);
    f->blocks_wanted = 1 + (int)chance(FILE_BLOCKS);
    f->made_count = f->safe_count = 0;
    perm.perm = 0644;
    rq.src = f->path;
    rq.masked = &perm;
    rq.clientname = f->client;
    rq.createflag = 1;
    rq.replication = (uint32_t)f->replication;
    rq.blocksize = BLOCK_BYTES;
    if (!(rs = call("create", &rq)))
        return;
    trace("%s created by %s", f->path, f->client);
    f->inode = rs->fs->fileid;
    f->state = WRITING;
    f->in_block = f->vanished = false;
    sleep_for(f, 3);
}

/* ---- a pipeline ---- */

static bool client_can_reach(const struct machine *m)
{
    return m->up && now() >= m->cut_until;
}

static int survivors(struct file *f)
{
    int n = 0;

    for (int i = 0; i < f->pipe_n; i++) {
        struct machine *m = &sim.machines[f->pipe[i]];
        const struct copy *c = machine_find(m, f->block, NULL);

        if (!client_can_reach(m) || m->life != f->pipe_life[i] || !c || c->gs != f->gs)
            continue;
        f->pipe[n] = f->pipe[i];
        f->pipe_life[n++] = f->pipe_life[i];
    }
    return n;
}

/* The pipeline goes on with those that are left, under a fresh stamp. */
static bool rebuild(struct file *f)
{
    Pb__UpdateBlockForPipelineRequestProto ask = PB__UPDATE_BLOCK_FOR_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdatePipelineRequestProto update = PB__UPDATE_PIPELINE_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto old = block_of(f->block, f->gs, f->base), fresh = old;
    const Pb__UpdateBlockForPipelineResponseProto *stamp;
    Pb__DatanodeIDProto ids[8], *id_list[8];
    char *storages[8];

    ask.block = &old;
    ask.clientname = update.clientname = f->client;
    if (!(stamp = call("updateBlockForPipeline", &ask)))
        return false;
    fresh.generationstamp = stamp->block->b->generationstamp;
    for (int i = 0; i < f->pipe_n; i++) {
        struct machine *m = &sim.machines[f->pipe[i]];
        int disk;
        struct copy *c = machine_find(m, f->block, &disk);

        c->gs = fresh.generationstamp;
        c->state = RBW;
        pb__datanode_idproto__init(&ids[i]);
        ids[i].ipaddr = ids[i].hostname = m->ip;
        ids[i].datanodeuuid = m->uuid;
        id_list[i] = &ids[i];
        storages[i] = m->disks[disk].id;
    }
    f->gs = fresh.generationstamp;
    update.oldblock = &old;
    update.newblock = &fresh;
    update.newnodes = id_list;
    update.storageids = storages;
    update.n_newnodes = update.n_storageids = (size_t)f->pipe_n;
    return call("updatePipeline", &update) != NULL;
}

static void abandon(struct file *f)
{
    Pb__AbandonBlockRequestProto rq = PB__ABANDON_BLOCK_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto b = block_of(f->block, f->gs, 0);

    rq.b = &b;
    rq.src = f->path;
    rq.holder = f->client;
    call("abandonBlock", &rq);
    f->in_block = false;
}

static void begin_block(struct file *f)
{
    Pb__AddBlockRequestProto rq = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto before;
    const Pb__AddBlockResponseProto *rs;
    const Pb__LocatedBlockProto *lb;

    sleep_for(f, 6);
    if (f->made_count == f->blocks_wanted) {
        f->state = CLOSING;
        return;
    }
    rq.src = f->path;
    rq.clientname = f->client;
    if (f->made_count > 0) {
        const struct safe_block *last = &f->made[f->made_count - 1];

        before = block_of(last->id, last->gs, last->length);
        rq.previous = &before;
    }
    if (!(rs = call("addBlock", &rq)))
        return;
    lb = rs->block;
    f->block = lb->b->blockid;
    f->gs = lb->b->generationstamp;
    f->base = f->length = 0;
    f->pipe_n = 0;
    f->in_block = true;
    for (size_t i = 0; i < lb->n_locs && i < 8; i++) {
        struct machine *m = machine_of(lb->locs[i]->id->datanodeuuid);

        if (!m || !client_can_reach(m) || machine_find(m, f->block, NULL) ||
            !machine_put(m, f->block, f->gs, 0, RBW))
            continue;
        machine_tell(m, f->block);
        f->pipe[f->pipe_n] = (int)(m - sim.machines);
        f->pipe_life[f->pipe_n++] = m->life;
    }
    if (f->pipe_n == 0)
        abandon(f);
    else if (f->pipe_n < (int)lb->n_locs && !rebuild(f))
        vanish(f, "its first pipeline");
}

static void end_block(struct file *f)
{
    int left = survivors(f);

    if (left < f->pipe_n) {
        f->pipe_n = left;
        if (left == 0 || !rebuild(f)) {
            vanish(f, "nobody of its pipeline is left");
            return;
        }
    }
    f->length = f->base + 1 + chance((unsigned)(BLOCK_BYTES - f->base));
    for (int i = 0; i < f->pipe_n; i++) {
        struct machine *m = &sim.machines[f->pipe[i]];

        *machine_find(m, f->block, NULL) =
            (struct copy){f->block, f->gs, f->length, FINALIZED, false};
        machine_tell(m, f->block);
    }
    f->made[f->made_count++] = (struct safe_block){f->block, f->gs, f->length};
    f->in_block = false;
    total->written++;
    total->bytes += f->length - f->base;
    sleep_for(f, 2);
}

static void close_file(struct file *f)
{
    Pb__CompleteRequestProto rq = PB__COMPLETE_REQUEST_PROTO__INIT;
    const struct safe_block *last = &f->made[f->made_count - 1];
    Pb__ExtendedBlockProto b;
    const Pb__CompleteResponseProto *rs;

    rq.src = f->path;
    rq.clientname = f->client;
    if (f->made_count) {
        b = block_of(last->id, last->gs, last->length);
        rq.last = &b;
    }
    rs = call("complete", &rq);
    if (!rs || !rs->result)
        return;
    trace("%s closed: %d blocks", f->path, f->made_count);
    memcpy(f->safe, f->made, sizeof f->safe);
    f->safe_count = f->made_count;
    f->state = CLOSED;
}

/* ---- files that are there ---- */

static void append_to(struct file *f)
{
    Pb__AppendRequestProto rq = PB__APPEND_REQUEST_PROTO__INIT;
    const Pb__AppendResponseProto *rs;

    snprintf(f->client, sizeof f->client, "a%u", chance(1000000));
    rq.src = f->path;
    rq.clientname = f->client;
    if (!(rs = call("append", &rq)))
        return;
    total->appended++;
    trace("%s appended to by %s", f->path, f->client);
    f->state = WRITING;
    f->vanished = f->in_block = false;
    memcpy(f->made, f->safe, sizeof f->made);
    f->made_count = f->safe_count;
    if (f->blocks_wanted < f->made_count || f->blocks_wanted < FILE_BLOCKS)
        f->blocks_wanted = f->made_count;
    if (!rs->block)
        return;
    f->made_count--;
    f->block = rs->block->b->blockid;
    f->gs = rs->block->b->generationstamp;
    f->base = f->safe[f->safe_count - 1].length;
    f->pipe_n = 0;
    for (size_t i = 0; i < rs->block->n_locs && i < 8; i++) {
        struct machine *m = machine_of(rs->block->locs[i]->id->datanodeuuid);
        const struct copy *c = m ? machine_find(m, f->block, NULL) : NULL;

        if (!c || !client_can_reach(m) || c->rotten || c->gs != f->gs || c->length != f->base ||
            c->state != FINALIZED)
            continue;
        f->pipe[f->pipe_n] = (int)(m - sim.machines);
        f->pipe_life[f->pipe_n++] = m->life;
    }
    if (f->pipe_n == 0 || !rebuild(f)) {
        vanish(f, "no pipeline to append");
        return;
    }
    f->in_block = true;
    sleep_for(f, 6);
}

static void delete_file(struct file *f)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    const Pb__DeleteResponseProto *rs;

    rq.src = f->path;
    f->safe_count = 0; /* from now on nothing is promised */
    if (!(rs = call("delete", &rq)))
        return;
    HOLDS(rs->result, "%s was not there to be deleted", f->path);
    trace("%s deleted", f->path);
    total->deleted++;
    f->state = IDLE;
}

static void set_replication(struct file *f)
{
    Pb__SetReplicationRequestProto rq = PB__SET_REPLICATION_REQUEST_PROTO__INIT;
    const Pb__SetReplicationResponseProto *rs;
    int n = 2 + (int)chance(3);

    rq.src = f->path;
    rq.replication = (uint32_t)n;
    if (!(rs = call("setReplication", &rq)))
        return;
    HOLDS(rs->result, "%s was not there", f->path);
    trace("%s: %d copies", f->path, n);
    f->replication = n;
}

static bool is_closed(const struct file *f)
{
    struct inode_info in;

    HOLDS(ns_info(sim.o.nn.ns, f->inode, &in), "%s is not there", f->path);
    return !in.under_construction;
}

/* Nobody writes any more: sooner or later the namenode closes it. */
static void wait_for_close(struct file *f)
{
    if (!is_closed(f))
        return;
    trace("%s was closed by the namenode", f->path);
    f->state = CLOSED;
    f->vanished = false;
}

static void renew(struct file *f)
{
    Pb__RenewLeaseRequestProto rq = PB__RENEW_LEASE_REQUEST_PROTO__INIT;

    rq.clientname = f->client;
    call("renewLease", &rq);
}

static void live(struct file *f)
{
    if (sim.calm)
        return;
    if (chance(120) == 0)
        delete_file(f);
    else if (chance(60) == 0 && f->safe_count > 0)
        append_to(f);
    else if (chance(90) == 0)
        set_replication(f);
}

void files_step(void)
{
    for (int i = 0; i < FILES; i++) {
        struct file *f = &sim.files[i];

        if ((f->state == WRITING || f->state == CLOSING) && !f->vanished) {
            renew(f);
            if (chance(150) == 0)
                vanish(f, "by chance");
        }
        if (now() < f->wake)
            continue;
        if (f->vanished)
            wait_for_close(f);
        else if (f->state == IDLE && !sim.calm && chance(20) == 0)
            begin_file(f);
        else if (f->state == WRITING && f->in_block)
            end_block(f);
        else if (f->state == WRITING)
            begin_block(f);
        else if (f->state == CLOSING)
            close_file(f);
        else if (f->state == CLOSED)
            live(f);
    }
}
