/* placement.c -- which datanodes a block goes to: Hadoop's default policy, and for block groups its
 * rack-fault-tolerant one, which has as many units in one rack as in any other.
 *
 * The first copy on the writer's node (or in its rack), the second in another rack, the third in
 * the rack of the second, the rest anywhere; no rack gets more than its share.  A node is passed
 * over when it is not in service, silent, busy beyond twice the mean, or short of space; when
 * nobody is left the same is asked without the storage types that ran out, then without minding
 * silence. */
#include "namenode/blocks/bm_parts.h"
#include "namenode/blocks/policy.h"

#include <stdio.h>
#include <string.h>

enum { TYPES_END = 8, RANDOM_TRIES = 6, RACKS_TRIED = 4, XCEIVERS_FEW = 8 };

struct search {
    struct block_manager *bm;
    struct placement *p;
    int total; /* copies in the end, those chosen before included */
    int max_per_rack;
    bool avoid_stale;
    uint8_t need[TYPES_END]; /* how many of each storage type are still wanted */
};

/* ---- one node ---- */

static bool is_in(struct datanode *const *nodes, int count, const struct datanode *node)
{
    for (int i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

static bool is_chosen(struct block_manager *bm, const struct placement *p,
                      const struct datanode *node)
{
    for (int i = 0; i < p->chosen_count; i++) {
        const struct storage *st = storage_at(bm, p->chosen[i]);

        if (st && st->node == node)
            return true;
    }
    return false;
}

static int chosen_in_rack(struct block_manager *bm, const struct placement *p, const char *place)
{
    int n = 0;

    for (int i = 0; i < p->chosen_count; i++) {
        const struct storage *st = storage_at(bm, p->chosen[i]);

        n += st && st->node && strcmp(st->node->place, place) == 0;
    }
    return n;
}

/* Hadoop's rule by itself takes one reader in an idle cluster for a load, and gives a file that wants
 * three copies two. So a few connections are no load here. */
static bool is_busy(struct block_manager *bm, const struct datanode *node)
{
    double mean = bm->in_service ? (double)bm->xceivers_in_service / bm->in_service : 0;

    return mean * bm->load_factor > 0 && node->xceivers > XCEIVERS_FEW &&
           node->xceivers > bm->load_factor * mean;
}

static bool has_type(const struct datanode *node, Pb__StorageTypeProto type)
{
    for (int i = 0; i < node->storage_count; i++)
        if (node->storages[i]->type == type && !node->storages[i]->failed)
            return true;
    return false;
}

/* A storage of @type with room for the block and what is on its way to the node; one of several
 * at random. */
static struct storage *with_room(struct block_manager *bm, const struct placement *p,
                                 const struct datanode *node, Pb__StorageTypeProto type)
{
    uint64_t room = 0, promised = 0;
    struct storage *best = NULL;
    uint32_t n = 0;

    for (int i = 0; i < node->storage_count; i++) {
        struct storage *st = node->storages[i];

        if (st->type != type || st->failed || st->gone || st->read_only)
            continue;
        promised += st->scheduled * p->block_size;
        if (st->remaining < p->block_size || st->remaining == 0)
            continue;
        room += st->remaining;
        if (bm_random(bm, ++n) == 0)
            best = st;
    }
    return room >= promised && room - promised >= p->block_size ? best : NULL;
}

/* NULL when nothing speaks against it but, maybe, its storages. */
static const char *unfit(const struct search *s, const struct datanode *node, bool local)
{
    struct block_manager *bm = s->bm;

    if (!node->alive)
        return "it is dead";
    if (!datanode_in_service(node))
        return "it is not in service";
    if (is_in(s->p->excluded, s->p->excluded_count, node))
        return "it is excluded";
    if (s->p->no_local_write && node == s->p->writer)
        return "it is the writer's own";
    if (is_chosen(bm, s->p, node))
        return "it has been chosen";
    if (s->avoid_stale && datanode_is_stale(bm, node))
        return "it is stale";
    if (bm->avoid_slow_write && node->slow)
        return "it is slow";
    if (!local && is_busy(bm, node))
        return "it is too busy";
    if (chosen_in_rack(bm, s->p, node->place) >= s->max_per_rack)
        return "its rack has too many chosen nodes";
    return NULL;
}

/* Takes @node if it fits. */
static bool take(struct search *s, struct datanode *node, bool local)
{
    if (unfit(s, node, local))
        return false;
    for (int type = 0; type < TYPES_END; type++) {
        struct storage *st =
            s->need[type] ? with_room(s->bm, s->p, node, (Pb__StorageTypeProto)type) : NULL;

        if (!st)
            continue;
        s->need[type]--;
        s->p->chosen[s->p->chosen_count++] = st->number;
        return true;
    }
    return false;
}

/* ---- one of many ---- */

static bool take_random(struct search *s, struct datanode **nodes, int count, const char *not_in)
{
    uint32_t start;

    if (count == 0)
        return false;
    for (int i = 0; i < RANDOM_TRIES; i++) { /* nearly always the first one does */
        struct datanode *node = nodes[bm_random(s->bm, (uint32_t)count)];

        if ((!not_in || strcmp(node->place, not_in) != 0) && take(s, node, false))
            return true;
    }
    start = bm_random(s->bm, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        struct datanode *node = nodes[(start + (uint32_t)i) % (uint32_t)count];

        if ((!not_in || strcmp(node->place, not_in) != 0) && take(s, node, false))
            return true;
    }
    return false;
}

static bool take_anywhere(struct search *s)
{
    return take_random(s, s->bm->live, s->bm->live_count, NULL);
}

static bool take_in_rack(struct search *s, const char *place)
{
    for (int i = 0; place && i < s->bm->rack_count; i++)
        if (strcmp(s->bm->racks[i]->place, place) == 0)
            return take_random(s, s->bm->racks[i]->nodes, s->bm->racks[i]->count, NULL);
    return false;
}

static bool take_outside(struct search *s, const char *place)
{
    return take_random(s, s->bm->live, s->bm->live_count, place);
}

static const char *place_of(struct search *s, int chosen)
{
    const struct storage *st = storage_at(s->bm, s->p->chosen[chosen]);

    return st && st->node ? st->node->place : DEFAULT_RACK;
}

/* In the rack of @place, else in that of another copy, else anywhere. */
static bool take_near(struct search *s, const char *place)
{
    if (take_in_rack(s, place))
        return true;
    for (int i = 0; i < s->p->chosen_count; i++)
        if (!place || strcmp(place_of(s, i), place) != 0) {
            if (take_in_rack(s, place_of(s, i)))
                return true;
            break;
        }
    return take_anywhere(s);
}

static bool take_first(struct search *s)
{
    const struct placement *p = s->p;

    if (p->writer && take(s, p->writer, true))
        return true;
    return take_near(s, p->writer ? p->writer->place : p->writer_place);
}

static bool take_next(struct search *s)
{
    const struct placement *p = s->p;

    switch (p->chosen_count) {
    case 0: return take_first(s);
    case 1: return take_outside(s, place_of(s, 0)) || take_in_rack(s, place_of(s, 0));
    case 2:
        if (strcmp(place_of(s, 0), place_of(s, 1)) == 0)
            return take_outside(s, place_of(s, 0)) || take_in_rack(s, place_of(s, 0));
        if (p->new_block || !p->writer)
            return take_near(s, place_of(s, 1));
        return take_near(s, p->writer->place);
    default: return take_anywhere(s);
    }
}

/* ---- storage types ---- */

/* The first of the kinds @fallback that is to be had; 0: none. */
static uint8_t stand_in(const char *fallback, uint32_t unavailable)
{
    for (; *fallback; fallback++)
        if (!(unavailable & 1u << policy_kind(*fallback)))
            return (uint8_t)policy_kind(*fallback);
    return 0;
}

/* What the policy wants of the copies still missing, @unavailable types replaced. */
static void set_needs(struct search *s, uint32_t unavailable)
{
    const struct storage_policy *set = policy_by_id(s->p->policy);
    const struct storage_policy *policy = set ? set : policy_by_id(POLICY_HOT);
    const char *kind = policy->creation; /* of this copy; the last one for all further copies */
    uint8_t had[TYPES_END] = {0};

    memset(s->need, 0, sizeof s->need);
    for (int i = 0; i < s->p->chosen_count; i++) {
        const struct storage *st = storage_at(s->bm, s->p->chosen[i]);

        if (st)
            had[st->type]++;
    }
    for (int i = 0; i < s->total; i++, kind += kind[1] ? 1 : 0) {
        uint8_t type = (uint8_t)policy_kind(*kind);

        if (had[type]) {
            had[type]--;
            continue;
        }
        if (unavailable & 1u << type)
            type =
                stand_in(s->p->new_block ? policy->creation_fallback : policy->replication_fallback,
                         unavailable);
        if (type)
            s->need[type]++;
    }
}

/* The racks are filled evenly: no rack gets another unit while one with fewer can take it. */
static void choose_spread(struct search *s)
{
    int racks = s->bm->racks_used > 0 ? s->bm->racks_used : 1;
    struct placement *p = s->p;
    int even = s->total / racks;

    for (s->max_per_rack = even ? even : 1; s->max_per_rack <= s->total; s->max_per_rack++) {
        if (p->chosen_count == 0 && p->writer)
            take(s, p->writer, true);
        while (p->chosen_count < s->total && take_anywhere(s))
            ;
    }
}

static void choose_all(struct search *s)
{
    if (s->p->spread)
        choose_spread(s);
    else
        while (s->p->chosen_count < s->total && take_next(s))
            ;
}

static void limit_per_rack(struct search *s)
{
    int nodes = s->bm->live_count, racks = s->bm->racks_used;

    if (s->total > nodes)
        s->total = nodes;
    s->max_per_rack = s->total;
    if (racks <= 1 || s->total <= 1 || s->p->spread)
        return;
    s->max_per_rack = (s->total - 1) / racks + 2;
    if (s->max_per_rack == s->total)
        s->max_per_rack--;
}

/* ---- the order of the pipeline: from the writer on, always to the nearest that is left ---- */

static int steps(const struct datanode *from, const char *from_place, const struct datanode *to)
{
    if (from == to)
        return -1;
    return from_place ? topology_distance(from_place, to->place) : 0;
}

static void order_pipeline(struct search *s, int from)
{
    struct placement *p = s->p;
    const struct datanode *at = p->writer;
    const char *place = at ? at->place : p->writer_place;

    for (int i = from; i < p->chosen_count; i++) {
        int best = i;

        for (int k = i + 1; k < p->chosen_count; k++)
            if (steps(at, place, storage_at(s->bm, p->chosen[k])->node) <
                steps(at, place, storage_at(s->bm, p->chosen[best])->node))
                best = k;
        uint16_t number = p->chosen[best];
        p->chosen[best] = p->chosen[i];
        p->chosen[i] = number;
        at = storage_at(s->bm, number)->node;
        place = at->place;
    }
}

/* All that are wanted, as far as they can be had: stale ones, and other types, when it must be. */
static void fill(struct search *s)
{
    struct placement *p = s->p;
    uint32_t unavailable = 0;

    s->avoid_stale = s->bm->avoid_stale_write;
    set_needs(s, 0);
    for (int i = 0; i < p->favored_count && p->chosen_count < s->total; i++)
        take(s, p->favored[i], true);
    for (int tries = 0; tries < TYPES_END; tries++) {
        uint32_t missing = 0;

        choose_all(s);
        if (p->chosen_count >= s->total)
            break;
        for (int type = 0; type < TYPES_END; type++)
            missing |= (uint32_t)(s->need[type] > 0) << type;
        if (!s->avoid_stale && (missing & ~unavailable) == 0)
            break;
        if (!s->avoid_stale)
            unavailable |= missing;
        s->avoid_stale = false;
        set_needs(s, unavailable);
    }
}

int placement_choose(struct block_manager *bm, struct placement *p)
{
    struct search s = {.bm = bm, .p = p, .total = p->chosen_count + p->count};
    int before = p->chosen_count;

    limit_per_rack(&s);
    fill(&s);
    if (p->chosen_count < s.total && p->no_local_write) {
        p->no_local_write = false; /* better there than nowhere: all anew */
        p->chosen_count = before;
        fill(&s);
    }
    order_pipeline(&s, before);
    return p->chosen_count - before;
}

const char *placement_why_not(struct block_manager *bm, const struct placement *p,
                              struct datanode *node)
{
    struct placement copy = *p;
    struct search s = {.bm = bm, .p = &copy, .total = p->chosen_count + p->count};
    const char *why;
    bool any = false;

    limit_per_rack(&s);
    why = unfit(&s, node, false);
    if (why)
        return why;
    set_needs(&s, 0);
    for (int type = 0; type < TYPES_END; type++) {
        if (!s.need[type] || !has_type(node, (Pb__StorageTypeProto)type))
            continue;
        any = true;
        if (with_room(bm, p, node, (Pb__StorageTypeProto)type))
            return NULL;
    }
    return any ? "it has not enough space" : "it has no storage of the type wanted";
}

/* ---- for the methods of ClientProtocol ---- */

static struct datanode *favored_node(struct block_manager *bm, const char *host_port)
{
    const char *colon = strrchr(host_port, ':');
    size_t n = colon ? (size_t)(colon - host_port) : strlen(host_port);

    for (int i = 0; i < bm->live_count; i++) {
        struct datanode *node = bm->live[i];
        char port[16];

        snprintf(port, sizeof port, ":%u", node->xfer_port);
        if (colon && strcmp(colon, port) != 0)
            continue;
        if ((strlen(node->name) == n && strncmp(node->name, host_port, n) == 0) ||
            (strlen(node->ip) == n && strncmp(node->ip, host_port, n) == 0))
            return node;
    }
    return NULL;
}

/* How many it takes, in Hadoop's words. */
static const char *needed_nodes(struct block_manager *bm, const struct bm_target_request *r,
                                char out[EC_NAME_MAX + 64])
{
    if (r->coded)
        snprintf(out, EC_NAME_MAX + 64, "%u required nodes for %s", r->coded->data_units,
                 r->coded->name);
    else
        snprintf(out, EC_NAME_MAX + 64, "%d minReplication nodes", bm->replication_min);
    return out;
}

/* Hadoop's sentence, and then the reasons; as many as the message holds. */
static int no_targets(struct block_manager *bm, const struct bm_target_request *r,
                      const struct placement *p, int got, struct err *err)
{
    char why[ERR_TEXT_MAX] = "", needed[EC_NAME_MAX + 64];
    int excluded = p->excluded_count;
    size_t at = 0;

    for (int i = 0; i < bm->node_count && at < sizeof why; i++) {
        struct datanode *node = bm->nodes[i];
        const char *reason = placement_why_not(bm, p, node);

        excluded += node->alive && !is_in(p->excluded, p->excluded_count, node);
        if (reason)
            at += (size_t)snprintf(why + at, sizeof why - at, "%s %s:%u was passed over: %s",
                                   at ? ";" : " Datanode", node->ip, node->xfer_port, reason);
    }
    return err_set(err, ERR_IO,
                   "File %s could only be written to %d of the %s. There are "
                   "%d datanode(s) running and %d node(s) are excluded in this operation.%s",
                   r->path ? r->path : "", got, needed_nodes(bm, r, needed), bm->live_count,
                   excluded, why);
}

static void look_up(struct block_manager *bm, const char *const *uuids, int count,
                    struct datanode **out, int *out_count, int max)
{
    for (int i = 0; i < count && *out_count < max; i++) {
        struct datanode *node = datanode_find(bm, uuids[i]);

        if (node)
            out[(*out_count)++] = node;
    }
}

enum { EXCLUDED_MAX = 1024, FAVORED_MAX = 64 };

int bm_choose_targets(struct block_manager *bm, const struct bm_target_request *r,
                      uint16_t *storages, struct err *err)
{
    struct datanode *excluded[EXCLUDED_MAX], *favored[FAVORED_MAX], *there[REPLICAS_MAX];
    uint16_t chosen[2 * REPLICAS_MAX];
    int there_count = 0;
    struct placement p = {.count = r->count > REPLICAS_MAX ? REPLICAS_MAX : r->count,
                          .block_size = r->block_size,
                          .policy = r->storage_policy,
                          .chosen = chosen,
                          .excluded = excluded,
                          .favored = favored,
                          .no_local_write = r->no_local_write,
                          .spread = r->coded != NULL,
                          .new_block = r->chosen_count == 0};
    int n, min = r->coded ? (int)r->coded->data_units : bm->replication_min;

    look_up(bm, r->excluded, r->excluded_count, excluded, &p.excluded_count, EXCLUDED_MAX);
    look_up(bm, r->chosen, r->chosen_count, there, &there_count, REPLICAS_MAX);
    for (int i = 0; i < there_count; i++)
        if (there[i]->storage_count > 0)
            chosen[p.chosen_count++] = there[i]->storages[0]->number;
    for (int i = 0; i < r->favored_count && p.favored_count < FAVORED_MAX; i++) {
        favored[p.favored_count] = favored_node(bm, r->favored[i]);
        p.favored_count += favored[p.favored_count] != NULL;
    }
    p.writer = datanode_on_host(bm, r->writer_host);
    if (!p.writer && r->writer_host)
        p.writer_place = topology_known(bm->topology, r->writer_host);
    there_count = p.chosen_count;
    n = placement_choose(bm, &p);
    if (n < min && r->chosen_count == 0)
        return no_targets(bm, r, &p, n, err);
    memcpy(storages, chosen + there_count, (size_t)n * sizeof *storages);
    return n;
}
