#include "namenode/blocks/group.h"

static const struct {
    bool readable;
    enum unit_remedy remedy;
} states[UNIT_STATES] = {
    [UNIT_NONE] = {false, REMEDY_NOTHING},   [UNIT_MISSING] = {false, REMEDY_DECODE},
    [UNIT_CORRUPT] = {false, REMEDY_DECODE}, [UNIT_LEFT] = {true, REMEDY_COPY},
    [UNIT_LEAVING] = {true, REMEDY_COPY},    [UNIT_LIVE] = {true, REMEDY_NOTHING},
};

/* What one replica makes of its unit. */
static enum unit_state state_of(const struct counts *one)
{
    if (one->live)
        return UNIT_LIVE;
    if (one->leaving)
        return UNIT_LEAVING;
    if (one->left)
        return UNIT_LEFT;
    return one->corrupt ? UNIT_CORRUPT : UNIT_MISSING;
}

static void take_in(struct group *g, struct unit *u, uint16_t storage, const struct counts *one)
{
    enum unit_state state = state_of(one);

    u->live += one->live;
    g->replicas.duplicate += one->live && u->live > 1;
    g->replicas.corrupt += one->corrupt;
    g->replicas.excess += one->excess;
    g->replicas.stale += one->stale;
    if (state > u->state || (state == u->state && !u->storage)) {
        u->state = state;
        u->storage = state == UNIT_MISSING ? 0 : storage;
    }
}

bool group_look(struct block_manager *bm, const struct block_info *b, struct group *out)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    bool whole = b->state == BLOCK_COMPLETE || b->state == BLOCK_COMMITTED;
    unsigned n;

    *out = (struct group){0};
    if (!ns_striping(bm->ns, b->file, &out->s))
        return false;
    /* how many units there will be is not known while the group is being written */
    out->data_used = whole ? (int)striping_data_used(&out->s, b->length) : out->s.data;
    out->wanted = out->data_used + out->s.parity;
    for (unsigned i = 0; i < (unsigned)out->s.data + out->s.parity; i++)
        if (!whole || striping_has_unit(&out->s, b->length, i))
            out->units[i].state = UNIT_MISSING;
    n = units_on(bm, b->id, storages, units);
    out->replicas.listed = (int)n;
    for (unsigned i = 0; i < n; i++) {
        struct counts one = {0};

        if (out->units[units[i]].state == UNIT_NONE)
            continue; /* a unit that the group has not: nobody's */
        replica_count(bm, b->id + units[i], storage_at(bm, storages[i]), &one);
        take_in(out, &out->units[units[i]], storages[i], &one);
    }
    for (int i = 0; i < GROUP_UNITS; i++)
        out->count[out->units[i].state]++;
    out->replicas.live = out->count[UNIT_LIVE];
    out->replicas.leaving = out->count[UNIT_LEAVING];
    out->replicas.left = out->count[UNIT_LEFT];
    return true;
}

int group_readable(const struct group *g)
{
    int n = 0;

    for (int state = 0; state < UNIT_STATES; state++)
        n += states[state].readable ? g->count[state] : 0;
    return n;
}

enum unit_remedy group_remedy(enum unit_state state)
{
    return states[state].remedy;
}

int group_priority(const struct group *g)
{
    int live = g->count[UNIT_LIVE], spare = live - g->data_used;

    if (live >= g->wanted)
        return NEED_RACKS;
    if (group_readable(g) < g->data_used)
        return NEED_LOST;
    if (spare <= 0)
        return NEED_HIGHEST;
    return spare * 3 < g->s.parity + 1 ? NEED_VERY_LOW : NEED_LOW;
}

uint64_t group_unit_length(const struct block_manager *bm, const struct block_info *b, uint64_t id)
{
    struct striping s;

    if (!id_is_striped(id) || !ns_striping(bm->ns, b->file, &s))
        return b->length;
    return striping_unit_length(&s, b->length, id_unit(id));
}
