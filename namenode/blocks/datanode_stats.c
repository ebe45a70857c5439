/* datanode_stats.c -- what operators see: totals, lists of datanodes and their storages, and what
 * there is of a block. */
#include "namenode/blocks/bm_parts.h"

#include <string.h>

static void count_admin(const struct datanode *node, struct bm_stats *out)
{
    switch (node->admin) {
    case ADMIN_LEAVING: out->decommissioning++; break;
    case ADMIN_LEFT: (*(node->alive ? &out->left_live : &out->left_dead))++; break;
    case ADMIN_ENTERING: out->entering_maintenance++; break;
    case ADMIN_AWAY: (*(node->alive ? &out->away_live : &out->away_dead))++; break;
    default: break;
    }
}

static void add_nodes(struct block_manager *bm, struct bm_stats *out)
{
    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];
        const Pb__DatanodeInfoProto *info = &datanode_card(bm, node)->info;

        count_admin(node, out);
        out->scheduled_replication += (uint64_t)node->transfer_count;
        if (!node->alive) {
            out->dead++;
            continue;
        }
        out->live++;
        out->stale += datanode_is_stale(bm, node);
        out->capacity += info->capacity;
        out->dfs_used += info->dfsused;
        out->remaining += info->remaining;
        out->non_dfs_used += info->nondfsused;
        out->pool_used += info->blockpoolused;
        out->xceivers += (int)node->xceivers;
    }
}

enum { LOST_LOOKED_AT = 10000 };

static uint64_t lost_with_one_copy(struct block_manager *bm)
{
    struct block_entry *e = block_table_first(&bm->needed, NEED_LOST);
    struct block_info b;
    uint64_t n = 0;

    for (int i = 0; e && i < LOST_LOOKED_AT; i++, e = block_table_next(&bm->needed, e))
        n += !id_is_striped(e->block) && ns_block(bm->ns, e->block, &b) &&
             block_replication(bm, &b) == 1;
    return n;
}

/* Groups with a corrupt unit: each counts with the first one that is. */
static uint64_t corrupt_groups(struct block_manager *bm)
{
    uint64_t n = 0;

    for (const struct block_entry *e = block_table_first(&bm->corrupt, 0); e;
         e = block_table_next(&bm->corrupt, e)) {
        uint64_t id = id_of_group(e->block);

        if (!id_is_striped(id))
            continue;
        while (id < e->block && !block_table_find(&bm->corrupt, id))
            id++;
        n += id == e->block;
    }
    return n;
}

static uint64_t corrupt_units(struct block_manager *bm)
{
    uint64_t n = 0;

    for (const struct block_entry *e = block_table_first(&bm->corrupt, 0); e;
         e = block_table_next(&bm->corrupt, e))
        n += id_is_striped(e->block);
    return n;
}

static void count_trouble(struct block_manager *bm, struct bm_trouble *groups,
                          struct bm_trouble *all)
{
    for (int list = 0; list < NEED_LISTS; list++)
        groups->low_redundancy += bm->needed_groups[list];
    groups->low_redundancy_highest = bm->needed_groups[NEED_HIGHEST];
    groups->missing = bm->needed_groups[NEED_LOST];
    groups->corrupt = corrupt_groups(bm);
    groups->bytes_in_future = bm->safe.striped_in_future;
    groups->pending_deletion = invalidate_count(bm, true);
    *all = (struct bm_trouble){.low_redundancy = bm->needed.count,
                               .low_redundancy_highest = bm->needed.lists[NEED_HIGHEST].count,
                               .missing = bm->needed.lists[NEED_LOST].count,
                               .corrupt = bm->corrupt.count - corrupt_units(bm) + groups->corrupt,
                               .bytes_in_future = bm->safe.bytes_in_future,
                               .pending_deletion =
                                   invalidate_count(bm, false) + groups->pending_deletion};
}

void bm_get_stats(struct block_manager *bm, struct bm_stats *out)
{
    struct bm_trouble g = {0}, all;

    count_trouble(bm, &g, &all);
    *out = (struct bm_stats){
        .groups = g,
        .replicated = {.low_redundancy = all.low_redundancy - g.low_redundancy,
                       .low_redundancy_highest =
                           all.low_redundancy_highest - g.low_redundancy_highest,
                       .missing = all.missing - g.missing,
                       .corrupt = all.corrupt - g.corrupt,
                       .bytes_in_future = all.bytes_in_future - g.bytes_in_future,
                       .pending_deletion = all.pending_deletion - g.pending_deletion},
        .under_replicated = all.low_redundancy,
        .corrupt_blocks = all.corrupt,
        .missing_blocks = all.missing,
        .missing_replication_one = lost_with_one_copy(bm),
        .pending_replication = bm->pending.count,
        .pending_deletion = all.pending_deletion,
        .bytes_in_future = all.bytes_in_future,
        .racks = bm->racks_used,
        .full_reports = bm->full_reports,
        .incremental_reports = bm->incremental_reports,
        .heartbeats = bm->heartbeats,
        .bad_replicas = bm->bad_replicas,
    };
    add_nodes(bm, out);
}

void bm_count_replicas(struct block_manager *bm, uint64_t block, struct bm_replicas *out)
{
    struct block_info b;
    struct counts c;

    *out = (struct bm_replicas){0};
    if (!ns_block(bm->ns, block, &b))
        return;
    replicas_count(bm, block, &c);
    *out = (struct bm_replicas){.expected = block_replication(bm, &b),
                                .live = c.live,
                                .decommissioning = c.leaving,
                                .decommissioned = c.left,
                                .corrupt = c.corrupt,
                                .excess = c.excess,
                                .stale = c.stale,
                                .pending = pending_count(bm, block)};
    out->racks_enough = block_racks_enough(bm, block, out->expected);
}

/* Hadoop's CorruptReplicasMap.Reason. */
static const char *corrupt_word(const struct block_manager *bm, uint64_t block, uint16_t storage)
{
    static const char *const words[] = {[WHY_UNKNOWN] = "ANY",
                                        [WHY_STAMP] = "GENSTAMP_MISMATCH",
                                        [WHY_LENGTH] = "SIZE_MISMATCH",
                                        [WHY_STATE] = "INVALID_STATE",
                                        [WHY_REPORTED] = "CORRUPTION_REPORTED"};
    const struct mark *m = block_table_find(&bm->corrupt, block);

    for (uint32_t i = 0; m && i < m->count; i++)
        if (m->storages[i] == storage)
            return words[m->why[i]];
    return NULL;
}

int bm_list_replicas(struct block_manager *bm, uint64_t block, struct bm_replica *out, int max)
{
    uint16_t storages[REPLICAS_MAX];
    int n = bm_expected(bm, block, storages, REPLICAS_MAX), count = 0;

    if (n == 0)
        n = (int)listed_on(bm, block, storages);
    for (int i = 0; i < n && count < max; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->gone || !st->node || !st->node->alive)
            continue;
        out[count++] = (struct bm_replica){.node = &datanode_card(bm, st->node)->info,
                                           .storage_id = st->uuid,
                                           .type = st->type,
                                           .corrupt = corrupt_word(bm, block, storages[i]),
                                           .excess = mark_has(&bm->excess, block, storages[i]),
                                           .stale_node = datanode_is_stale(bm, st->node),
                                           .stale_storage = !st->reported};
    }
    return count;
}

bool bm_racks_of(struct block_manager *bm, uint64_t block, int wanted, int *used, int *all)
{
    const char *seen[REPLICAS_MAX];
    struct bm_replica r[REPLICAS_MAX];
    int n = bm_list_replicas(bm, block, r, REPLICAS_MAX), count = 0, at;

    for (int i = 0; i < n; i++) {
        if (r[i].corrupt)
            continue;
        for (at = 0; at < count && strcmp(seen[at], r[i].node->location) != 0; at++)
            ;
        if (at == count)
            seen[count++] = r[i].node->location;
    }
    *used = count;
    *all = bm->racks_used;
    return !bm->was_multi_rack || count >= (wanted < 2 ? wanted : 2) || count >= bm->racks_used;
}

/* The queue is in no order of ids: keeps the @max smallest ones above @after. */
int bm_missing_blocks(struct block_manager *bm, uint64_t after, uint64_t *ids, int max)
{
    int n = 0;

    for (struct block_entry *e = block_table_first(&bm->needed, NEED_LOST); e;
         e = block_table_next(&bm->needed, e)) {
        int at = n;

        if (e->block <= after || (n == max && (max == 0 || e->block >= ids[n - 1])))
            continue;
        if (n == max)
            at = --n;
        for (; at > 0 && ids[at - 1] > e->block; at--)
            ids[at] = ids[at - 1];
        ids[at] = e->block;
        n++;
    }
    return n;
}

/* ---- reports ---- */

/* Who may no longer join is not shown at all. */
static bool is_of_type(struct block_manager *bm, const struct datanode *node,
                       Pb__DatanodeReportTypeProto type)
{
    if (!hosts_may_join(bm->hosts, node->ip, node->name, (uint16_t)node->xfer_port))
        return false;
    switch (type) {
    case PB__DATANODE_REPORT_TYPE_PROTO__ALL: return true;
    case PB__DATANODE_REPORT_TYPE_PROTO__LIVE: return node->alive;
    case PB__DATANODE_REPORT_TYPE_PROTO__DEAD: return !node->alive;
    case PB__DATANODE_REPORT_TYPE_PROTO__DECOMMISSIONING: return node->admin == ADMIN_LEAVING;
    case PB__DATANODE_REPORT_TYPE_PROTO__ENTERING_MAINTENANCE: return node->admin == ADMIN_ENTERING;
    case PB__DATANODE_REPORT_TYPE_PROTO__IN_MAINTENANCE: return node->admin == ADMIN_AWAY;
    default: return false;
    }
}

static bool has_registered(struct block_manager *bm, const struct host_entry *e)
{
    for (int i = 0; i < bm->node_count; i++) {
        const struct datanode *node = bm->nodes[i];

        if (e->port && e->port != node->xfer_port)
            continue;
        if (strcmp(node->ip, e->ip) == 0 || strcmp(node->ip, e->name) == 0 ||
            strcasecmp(node->name, e->name) == 0)
            return true;
    }
    return false;
}

/* A listed host that was never heard of is shown among the dead, with the usual ports. */
static Pb__DatanodeInfoProto *unheard_of(struct block_manager *bm, const struct host_entry *e,
                                         struct arena *arena)
{
    Pb__DatanodeInfoProto *info = arena_alloc(arena, sizeof *info);
    Pb__DatanodeIDProto *id = arena_alloc(arena, sizeof *id);

    if (!info || !id)
        return NULL;
    pb__datanode_info_proto__init(info);
    pb__datanode_idproto__init(id);
    id->ipaddr = arena_strndup(arena, e->ip, strlen(e->ip));
    id->hostname = arena_strndup(arena, e->name, strlen(e->name));
    id->datanodeuuid = (char *)"";
    id->xferport = e->port ? e->port : 9866;
    id->infoport = 9864;
    id->ipcport = 9867;
    id->has_infosecureport = true;
    id->infosecureport = 9865;
    info->id = id;
    info->location = (char *)DEFAULT_RACK;
    info->has_adminstate = true;
    if (hosts_excluded(bm->hosts, e->ip, e->name, e->port))
        info->adminstate = ADMIN_LEFT;
    return id->ipaddr && id->hostname ? info : NULL;
}

void bm_datanode_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                        struct arena *arena, Pb__DatanodeInfoProto ***out, size_t *count)
{
    const struct host_entry *e;
    size_t n = 0, room = (size_t)bm->node_count;

    for (int i = 0; hosts_included_at(bm->hosts, i); i++)
        room++;
    *count = 0;
    *out = arena_alloc(arena, room * sizeof **out + 1);
    if (!*out)
        return;
    for (int i = 0; i < bm->node_count; i++)
        if (is_of_type(bm, bm->nodes[i], type))
            (*out)[n++] = (Pb__DatanodeInfoProto *)&datanode_card(bm, bm->nodes[i])->info;
    if (type == PB__DATANODE_REPORT_TYPE_PROTO__ALL || type == PB__DATANODE_REPORT_TYPE_PROTO__DEAD)
        for (int i = 0; (e = hosts_included_at(bm->hosts, i)); i++) {
            if (has_registered(bm, e))
                continue;
            (*out)[n] = unheard_of(bm, e, arena);
            n += (*out)[n] != NULL;
        }
    *count = n;
}

static void fill_storage(const struct storage *st, Pb__StorageReportProto *r,
                         Pb__DatanodeStorageProto *s)
{
    pb__storage_report_proto__init(r);
    pb__datanode_storage_proto__init(s);
    s->storageuuid = r->storageuuid = st->uuid;
    s->has_state = s->has_storagetype = true;
    s->state = st->read_only ? PB__DATANODE_STORAGE_PROTO__STORAGE_STATE__READ_ONLY_SHARED
                             : PB__DATANODE_STORAGE_PROTO__STORAGE_STATE__NORMAL;
    s->storagetype = st->type;
    r->storage = s;
    r->has_failed = r->has_capacity = r->has_dfsused = r->has_remaining = true;
    r->has_blockpoolused = r->has_nondfsused = true;
    r->failed = st->failed;
    r->capacity = st->capacity;
    r->dfsused = st->dfs_used;
    r->remaining = st->remaining;
    r->blockpoolused = st->pool_used;
    r->nondfsused = st->non_dfs_used;
}

static Pb__DatanodeStorageReportProto *storages_of(struct block_manager *bm, struct datanode *node,
                                                   struct arena *arena)
{
    size_t n = (size_t)node->storage_count;
    Pb__DatanodeStorageReportProto *out = arena_alloc(arena, sizeof *out);
    Pb__StorageReportProto *reports = arena_alloc(arena, n * sizeof *reports + 1);
    Pb__DatanodeStorageProto *storages = arena_alloc(arena, n * sizeof *storages + 1);

    if (!out || !reports || !storages)
        return NULL;
    pb__datanode_storage_report_proto__init(out);
    out->datanodeinfo = (Pb__DatanodeInfoProto *)&datanode_card(bm, node)->info;
    out->storagereports = arena_alloc(arena, n * sizeof *out->storagereports + 1);
    if (!out->storagereports)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        fill_storage(node->storages[i], &reports[i], &storages[i]);
        out->storagereports[i] = &reports[i];
    }
    out->n_storagereports = n;
    return out;
}

void bm_storage_report(struct block_manager *bm, Pb__DatanodeReportTypeProto type,
                       struct arena *arena, Pb__DatanodeStorageReportProto ***out, size_t *count)
{
    size_t n = 0;

    *count = 0;
    *out = arena_alloc(arena, (size_t)bm->node_count * sizeof **out + 1);
    if (!*out)
        return;
    for (int i = 0; i < bm->node_count; i++)
        if (is_of_type(bm, bm->nodes[i], type)) {
            (*out)[n] = storages_of(bm, bm->nodes[i], arena);
            n += (*out)[n] != NULL;
        }
    *count = n;
}
