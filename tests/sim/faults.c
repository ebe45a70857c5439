/* faults.c -- what goes wrong in the simulation; see sim.h. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

enum { DOWN_MAX = 3, EVERY_STEPS = 25 };

static uint64_t back_at[MACHINES];
static bool back_old[MACHINES];

static uint64_t in_steps(unsigned max)
{
    return now() + (uint64_t)(1 + chance(max)) * STEP_MS;
}

/* The namenode takes a copy of it for good that is not. */
static bool has_hidden_loss(const struct safe_block *b)
{
    uint16_t storages[64];
    unsigned n = sim.namenode_up ? ns_block_storages(sim.o.nn.ns, b->id, storages, 64) : 0;

    for (int i = 0; i < MACHINES; i++) {
        const struct copy *c = machine_find(&sim.machines[i], b->id, NULL);

        if (c && c->rotten)
            return true;
    }
    for (unsigned i = 0; i < n; i++) {
        const Pb__DatanodeInfoProto *node = bm_storage_datanode(sim.o.w.bm, storages[i]);
        struct machine *m = node ? machine_of(node->id->datanodeuuid) : NULL;
        const struct copy *c = m ? machine_find(m, b->id, NULL) : NULL;

        if (!c || !is_good(c, b))
            return true;
    }
    return false;
}

/* One that is acknowledged, or will be before the client learns of a loss. */
static const struct safe_block *promised_block(uint64_t id, struct file **f)
{
    static struct safe_block in_work;

    for (int i = 0; i < FILES; i++) {
        struct file *w = *f = &sim.files[i];

        for (int k = 0; k < w->made_count && (w->state == WRITING || w->state == CLOSING); k++)
            if (w->made[k].id == id)
                return &w->made[k];
        in_work = (struct safe_block){w->block, w->gs, w->base};
        if (w->in_block && w->block == id)
            return &in_work;
    }
    return safe_block(id, f);
}

/* May @m lose its copy? Two others that nobody was told to delete must be there, and none that is only
 * believed to be. */
static bool is_spare(const struct machine *m, const struct copy *c)
{
    struct file *f;
    const struct safe_block *b = promised_block(c->id, &f);
    struct block_info is;
    int others = 0;

    if (!b || !is_good(c, b))
        return true;
    if (!sim.namenode_up || !ns_block(sim.o.nn.ns, c->id, &is))
        return false;
    for (int i = 0; i < MACHINES; i++) {
        struct machine *o = &sim.machines[i];
        const struct copy *k = o == m ? NULL : machine_find(o, c->id, NULL);

        /* what an append has left behind is of no use once it goes on */
        others += k && is_good(k, b) && k->gs >= is.gs && !machine_will_drop(o, c->id);
    }
    return others >= 2 && !has_hidden_loss(b);
}

static bool disk_is_spare(const struct machine *m, const struct disk *d)
{
    for (int i = 0; i < d->n; i++)
        if (!is_spare(m, &d->at[i]))
            return false;
    return true;
}

static bool machine_is_spare(const struct machine *m)
{
    bool is = true;

    for (int d = 0; d < DISKS; d++)
        is &= disk_is_spare(m, &m->disks[d]);
    return is;
}

static int down_count(void)
{
    int n = 0;

    for (int i = 0; i < MACHINES; i++)
        n += !sim.machines[i].up;
    return n;
}

static void crash(struct machine *m, bool old)
{
    machine_stop(m);
    back_at[m - sim.machines] = in_steps(360);
    back_old[m - sim.machines] = old;
}

static void rot(struct machine *m)
{
    struct disk *d = &m->disks[chance(DISKS)];
    struct copy *c = d->n ? &d->at[chance((unsigned)d->n)] : NULL;

    if (!c || c->state != PB__REPLICA_STATE_PROTO__FINALIZED || !is_spare(m, c))
        return;
    c->rotten = true;
    total->faults[FAULT_ROT]++;
}

static void stop_namenode(void)
{
    sim.namenode_up = false;
    sim.namenode_down_until = in_steps(30);
}

static void deal(enum fault what, struct machine *m)
{
    switch (what) {
    case FAULT_CRASH:
    case FAULT_OLD_STATE:
        if (!m->up || down_count() >= DOWN_MAX)
            return;
        crash(m, what == FAULT_OLD_STATE);
        break;
    case FAULT_MUTE: m->mute_until = in_steps(120); break;
    case FAULT_LATE: m->late_until = in_steps(180); break;
    case FAULT_DESTROYED:
        if (!m->up || !machine_is_spare(m))
            return;
        machine_replace(m);
        machine_start(m);
        break;
    case FAULT_DISK: {
        int d = (int)chance(DISKS);

        if (!disk_is_spare(m, &m->disks[d]))
            return;
        machine_forget_disk(m, d);
        break;
    }
    case FAULT_FULL: {
        struct disk *d = &m->disks[chance(DISKS)];

        d->full = !d->full;
        break;
    }
    case FAULT_ROT: rot(m); return;
    case FAULT_PARTITION: {
        uint64_t until = in_steps(90);

        for (int i = 0; i < MACHINES; i++)
            if (sim.machines[i].rack == m->rack)
                sim.machines[i].cut_until = until;
        break;
    }
    case FAULT_CLOCK: sim.o.w.skew_ms += (int64_t)chance(7200001) - 3600000; break;
    case FAULT_NAMENODE:
        if (!sim.namenode_up || chance(3))
            return;
        stop_namenode();
        break;
    default: return;
    }
    trace("fault %d on %s", what, m->uuid);
    total->faults[what]++;
}

/* With what it has, or with what it had once. */
static void come_back(struct machine *m, bool old)
{
    if (old && m->has_past && machine_is_spare(m)) {
        memcpy(m->disks, m->past, sizeof m->disks);
        machine_stop(m); /* what was being written is not any more */
        total->faults[FAULT_OLD_STATE]++;
    }
    machine_start(m);
}

void faults_step(void)
{
    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &sim.machines[i];

        if (!m->up && now() >= back_at[i])
            come_back(m, back_old[i]);
        if (chance(1000) == 0)
            machine_save_past(m);
    }
    if (!sim.calm && chance(EVERY_STEPS) == 0)
        deal((enum fault)chance(FAULTS), &sim.machines[chance(MACHINES)]);
}

void faults_end(void)
{
    sim.calm = true;
    sim.namenode_down_until = 0;
    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &sim.machines[i];

        if (!m->up)
            machine_start(m);
        m->mute_until = m->late_until = m->cut_until = 0;
        for (int d = 0; d < DISKS; d++)
            m->disks[d].full = false;
    }
}
