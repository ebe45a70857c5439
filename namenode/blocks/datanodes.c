/* datanodes.c -- who registered, with which storages, and who still lives. */
#include "namenode/blocks/bm_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct datanode *datanode_find(struct block_manager *bm, const char *uuid)
{
    struct datanode *node;

    HASH_FIND_STR(bm->by_uuid, uuid, node);
    return node;
}

/* One of the live datanodes with this address; several share one only in test clusters. */
struct datanode *datanode_on_host(struct block_manager *bm, const char *ip)
{
    struct datanode *node, *found = NULL;
    struct host *host;
    uint32_t n = 0;

    if (!ip)
        return NULL;
    HASH_FIND_STR(bm->by_ip, ip, host);
    for (node = host ? host->first : NULL; node; node = node->next_on_host)
        if (node->alive && bm_random(bm, ++n) == 0)
            found = node;
    return found;
}

struct storage *storage_at(struct block_manager *bm, uint16_t number)
{
    return number < bm->storage_end ? bm->storages[number] : NULL;
}

struct storage *storage_find(struct datanode *node, const char *uuid)
{
    for (int i = 0; i < node->storage_count; i++)
        if (strcmp(node->storages[i]->uuid, uuid) == 0)
            return node->storages[i];
    return NULL;
}

bool datanode_is_stale(struct block_manager *bm, const struct datanode *node)
{
    return bm_now(bm) - node->heard_ms >= bm->stale_after_ms;
}

bool datanode_in_service(const struct datanode *node)
{
    return node->alive && node->admin == ADMIN_NORMAL && !node->disallowed;
}

/* ---- cards ---- */

static char *card_string(char **at, const char *s)
{
    char *copy = *at;

    *at = stpcpy(copy, s) + 1;
    return copy;
}

static void fill_card(struct block_manager *bm, const struct datanode *node, struct node_card *c,
                      char *strings)
{
    uint64_t blocks = 0;

    pb__datanode_idproto__init(&c->id);
    c->id.ipaddr = card_string(&strings, node->ip);
    c->id.hostname = card_string(&strings, node->name);
    c->id.datanodeuuid = card_string(&strings, node->uuid);
    c->id.xferport = node->xfer_port;
    c->id.infoport = node->info_port;
    c->id.ipcport = node->ipc_port;
    c->id.has_infosecureport = true;
    c->id.infosecureport = node->info_secure_port;

    pb__datanode_info_proto__init(&c->info);
    c->info.id = &c->id;
    c->info.location = card_string(&strings, node->place);
    c->info.has_capacity = c->info.has_dfsused = c->info.has_remaining = true;
    c->info.has_blockpoolused = c->info.has_nondfsused = c->info.has_xceivercount = true;
    for (int i = 0; i < node->storage_count; i++) {
        const struct storage *st = node->storages[i];

        c->info.capacity += st->capacity;
        c->info.dfsused += st->dfs_used;
        c->info.remaining += st->remaining;
        c->info.blockpoolused += st->pool_used;
        c->info.nondfsused += st->non_dfs_used;
        blocks += st->block_count;
    }
    c->info.xceivercount = node->xceivers;
    c->info.has_lastupdate = c->info.has_lastupdatemonotonic = true;
    c->info.lastupdate = node->alive ? node->heard_wall_ms : 0;
    c->info.lastupdatemonotonic = node->alive ? node->heard_ms : 0;
    c->info.has_adminstate = true;
    c->info.adminstate = node->admin;
    c->info.has_cachecapacity = c->info.has_cacheused = true;
    c->info.cachecapacity = node->cache_capacity;
    c->info.cacheused = node->cache_used;
    c->info.has_lastblockreporttime = c->info.has_lastblockreportmonotonic = true;
    c->info.lastblockreporttime = node->report_wall_ms;
    c->info.lastblockreportmonotonic = node->report_ms;
    c->info.has_numblocks = true;
    c->info.numblocks = (uint32_t)blocks;
    if (node->upgrade_domain)
        c->info.upgradedomain = card_string(&strings, node->upgrade_domain);
    (void)bm;
}

static void put_away(struct block_manager *bm, void *memory)
{
    struct put_away *a;

    if (!memory)
        return;
    a = malloc(sizeof *a);
    MUST(a != NULL);
    *a = (struct put_away){.since_ms = bm_now(bm), .memory = memory};
    *(bm->away_last ? &bm->away_last->next : &bm->away_first) = a;
    bm->away_last = a;
}

void datanode_new_card(struct block_manager *bm, struct datanode *node)
{
    size_t strings_n = strlen(node->ip) + strlen(node->name) + strlen(node->uuid) +
                       strlen(node->place) + 4 +
                       (node->upgrade_domain ? strlen(node->upgrade_domain) + 1 : 0);
    enum { NUMBERS_MAX = 17 * 12 + 5 * 12 }; /* tags and varints of all the numbers */
    struct node_card *c = malloc(sizeof *c + 2 * strings_n + NUMBERS_MAX);
    size_t n;

    if (!c)
        return; /* the old picture stays */
    *c = (struct node_card){0};
    fill_card(bm, node, c, (char *)(c + 1));
    c->packed = (uint8_t *)(c + 1) + strings_n;
    n = pb__datanode_info_proto__get_packed_size(&c->info);
    c->packed_n = varint_put(c->packed, n);
    MUST(c->packed_n + n <= strings_n + NUMBERS_MAX);
    c->packed_n += pb__datanode_info_proto__pack(&c->info, c->packed + c->packed_n);
    put_away(bm, node->card);
    node->card = c;
}

const struct node_card *datanode_card(struct block_manager *bm, struct datanode *node)
{
    if (!node->card)
        datanode_new_card(bm, node);
    return node->card;
}

void datanodes_free_put_away(struct block_manager *bm, bool all)
{
    uint64_t now = bm_now(bm);

    while (bm->away_first && (all || now - bm->away_first->since_ms > CARD_LIFE_MS)) {
        struct put_away *a = bm->away_first;

        bm->away_first = a->next;
        if (!bm->away_first)
            bm->away_last = NULL;
        free(a->memory);
        free(a);
    }
}

/* ---- the live ones, and their racks ---- */

static struct rack *rack_of(struct block_manager *bm, const char *place)
{
    struct rack *r;

    for (int i = 0; i < bm->rack_count; i++)
        if (bm->racks[i]->place == place || strcmp(bm->racks[i]->place, place) == 0)
            return bm->racks[i];
    r = calloc(1, sizeof *r);
    MUST(r && bm_reserve(&bm->racks, &bm->rack_room, bm->rack_count, sizeof(struct rack *)));
    r->place = place;
    bm->racks[bm->rack_count++] = r;
    return r;
}

static void put_in_rack(struct block_manager *bm, struct datanode *node)
{
    struct rack *r = rack_of(bm, node->place);

    MUST(bm_reserve(&r->nodes, &r->room, r->count, sizeof(struct datanode *)));
    r->nodes[r->count++] = node;
    bm->racks_used += r->count == 1;
    node->rack = r;
    if (bm->racks_used > 1 && !bm->was_multi_rack) {
        bm->was_multi_rack = true; /* blocks that were well in one rack are not in two */
        sweep_want(bm, true);
    }
}

static void take_from(struct datanode **nodes, int *count, const struct datanode *node)
{
    for (int i = 0; i < *count; i++)
        if (nodes[i] == node) {
            nodes[i] = nodes[--*count];
            return;
        }
}

static void set_alive(struct block_manager *bm, struct datanode *node, bool alive)
{
    if (node->alive && node->rack) {
        take_from(bm->live, &bm->live_count, node);
        take_from(node->rack->nodes, &node->rack->count, node);
        bm->racks_used -= node->rack->count == 0;
        node->rack = NULL;
    }
    node->alive = alive;
    if (alive) {
        MUST(bm_reserve(&bm->live, &bm->live_room, bm->live_count, sizeof(struct datanode *)));
        bm->live[bm->live_count++] = node;
        put_in_rack(bm, node);
    }
}

/* The load that placement compares with is the mean of the nodes in service. */
void datanode_account(struct block_manager *bm, struct datanode *node)
{
    if (node->accounted) {
        bm->in_service--;
        bm->xceivers_in_service -= node->accounted_xceivers;
    }
    node->accounted = datanode_in_service(node);
    if (node->accounted) {
        bm->in_service++;
        bm->xceivers_in_service += node->accounted_xceivers = node->xceivers;
    }
}

static void put_on_host(struct block_manager *bm, struct datanode *node)
{
    struct host *host;

    HASH_FIND_STR(bm->by_ip, node->ip, host);
    if (!host) {
        host = calloc(1, sizeof *host + strlen(node->ip) + 1);
        MUST(host != NULL);
        strcpy(host->ip, node->ip);
        HASH_ADD_KEYPTR(hh, bm->by_ip, host->ip, strlen(host->ip), host);
    }
    node->host = host;
    node->next_on_host = host->first;
    host->first = node;
}

static void take_off_host(struct datanode *node)
{
    struct datanode **at;

    if (!node->host)
        return;
    for (at = &node->host->first; *at != node; at = &(*at)->next_on_host)
        ;
    *at = node->next_on_host;
    node->host = NULL;
}

/* ---- storages ---- */

static uint16_t free_number(struct block_manager *bm)
{
    for (uint32_t i = 1; i < bm->storage_end; i++)
        if (!bm->storages[i])
            return (uint16_t)i;
    if (bm->storage_end >= STORAGES_MAX)
        return 0;
    if (bm->storage_end == bm->storage_room) {
        uint32_t room = bm->storage_room ? bm->storage_room * 2 : 64;
        struct storage **grown = realloc(bm->storages, room * sizeof *grown);

        if (!grown)
            return 0;
        bm->storages = grown;
        bm->storage_room = room;
    }
    if (bm->storage_end == 0)
        bm->storages[bm->storage_end++] = NULL;
    bm->storages[bm->storage_end] = NULL;
    return (uint16_t)bm->storage_end++;
}

/* Its replicas are no longer there: the sweep takes it off the blocks. */
static void storage_goes(struct block_manager *bm, struct storage *st)
{
    if (st->gone)
        return;
    st->gone = true;
    st->reported = false;
    st->scheduled = 0;
    st->gone_sweep = bm->sweep.seq + 1;
    sweep_want(bm, false);
}

void datanode_goes_off(struct block_manager *bm, struct datanode *node)
{
    for (int i = 0; i < node->storage_count; i++)
        storage_goes(bm, node->storages[i]);
}

struct storage *datanode_storage(struct block_manager *bm, struct datanode *node, const char *uuid,
                                 const Pb__DatanodeStorageProto *told)
{
    struct storage *st = storage_find(node, uuid);

    if (!st) {
        uint16_t number = 0;

        if (node->storage_count < STORAGES_PER_NODE_MAX)
            number = free_number(bm);
        st = number ? calloc(1, sizeof *st) : NULL;
        if (!st)
            return NULL;
        st->number = number;
        st->node = node;
        st->uuid = strdup(uuid);
        MUST(st->uuid != NULL);
        st->type = PB__STORAGE_TYPE_PROTO__DISK;
        bm->storages[number] = st;
        node->storages[node->storage_count++] = st;
    }
    if (told) {
        st->type = told->storagetype;
        st->read_only = told->state == PB__DATANODE_STORAGE_PROTO__STORAGE_STATE__READ_ONLY_SHARED;
    }
    return st;
}

static void free_storage(struct block_manager *bm, struct storage *st)
{
    if (st->node) {
        struct datanode *node = st->node;

        for (int i = 0; i < node->storage_count; i++)
            if (node->storages[i] == st) {
                node->storages[i] = node->storages[--node->storage_count];
                break;
            }
    }
    writing_forget_storage(bm, st->number);
    pending_forget_storage(bm, st->number);
    bm->storages[st->number] = NULL;
    put_away(bm, st->uuid);
    free(st);
}

/* A storage that no block lists any more loses its number, unless its node may come back. */
void storages_after_sweep(struct block_manager *bm, uint64_t seq)
{
    for (uint32_t i = 1; i < bm->storage_end; i++) {
        struct storage *st = bm->storages[i];

        if (!st || !st->gone || st->gone_sweep > seq)
            continue;
        MUST(st->block_count == 0);
        if (!st->node || (st->node->alive && st->failed))
            free_storage(bm, st);
    }
}

/* ---- life and death ---- */

static void free_node(struct datanode *node)
{
    free(node->uuid);
    free(node->ip);
    free(node->name);
    free(node->software);
    free(node->transfers);
    free(node->rebuilds);
    free(node->recover);
    free(node->invalidate.refs);
    free(node);
}

static void drop_queues(struct datanode *node)
{
    node->transfer_count = 0;
    node->rebuild_count = 0;
    node->recover_count = 0;
    invalidate_forget(node);
    node->lease_id = 0;
}

void datanode_dies(struct block_manager *bm, struct datanode *node, const char *why)
{
    if (!node->alive)
        return;
    LOG_WARN("nn.datanode", "node=%s:%u uuid=%s why=\"%s\" next=\"copy its blocks elsewhere\"",
             node->ip, node->xfer_port, node->uuid, why);
    set_alive(bm, node, false);
    datanode_account(bm, node);
    drop_queues(node);
    writing_primary_gone(bm, node);
    cache_node_gone(bm, node);
    if (!datanode_in_maintenance(node)) /* else it comes back, and its copies count meanwhile */
        datanode_goes_off(bm, node);
    datanode_new_card(bm, node);
    safe_mode_check(bm);
}

/* Another datanode serves its address now: it is no more. */
static void wipe(struct block_manager *bm, struct datanode *node)
{
    datanode_dies(bm, node, "another one registered at its address");
    datanode_goes_off(bm, node);
    for (int i = 0; i < node->storage_count; i++)
        node->storages[i]->node = NULL;
    node->storage_count = 0;
    take_off_host(node);
    HASH_DEL(bm->by_uuid, node);
    /* It gets another number: what it has in memory it tells again soon. */
    cache_node_gone(bm, bm->nodes[bm->node_count - 1]);
    bm->nodes[node->index] = bm->nodes[--bm->node_count];
    bm->nodes[node->index]->index = node->index;
    put_away(bm, node->card);
    free_node(node);
}

static void replace(char **at, const char *with)
{
    char *copy = strdup(with);

    MUST(copy != NULL);
    free(*at);
    *at = copy;
}

static struct datanode *new_node(struct block_manager *bm, const char *uuid)
{
    struct datanode *node = calloc(1, sizeof *node);

    MUST(node && bm_reserve(&bm->nodes, &bm->node_room, bm->node_count, sizeof node));
    replace(&node->uuid, uuid);
    node->index = bm->node_count;
    bm->nodes[bm->node_count++] = node;
    HASH_ADD_KEYPTR(hh, bm->by_uuid, node->uuid, strlen(node->uuid), node);
    return node;
}

static void take_identity(struct datanode *node, const Pb__DatanodeRegistrationProto *reg,
                          const char *ip, const char *place)
{
    replace(&node->ip, ip);
    replace(&node->name, reg->datanodeid->hostname);
    replace(&node->software, reg->softwareversion);
    node->xfer_port = reg->datanodeid->xferport;
    node->info_port = reg->datanodeid->infoport;
    node->ipc_port = reg->datanodeid->ipcport;
    node->info_secure_port = reg->datanodeid->infosecureport;
    node->place = place;
}

static struct datanode *node_at(struct block_manager *bm, const char *ip, uint32_t port)
{
    struct datanode *node;
    struct host *host;

    HASH_FIND_STR(bm->by_ip, ip, host);
    for (node = host ? host->first : NULL; node; node = node->next_on_host)
        if (node->xfer_port == port)
            return node;
    return NULL;
}

/* After a restart of the datanode its storages are as they were, until its report says more. */
static void come_back(struct datanode *node)
{
    for (int i = 0; i < node->storage_count; i++) {
        node->storages[i]->gone = false;
        node->storages[i]->failed = false;
        node->storages[i]->reported = false;
        node->storages[i]->scheduled = 0;
    }
}

int datanode_register(struct block_manager *bm, const Pb__DatanodeRegistrationProto *reg,
                      const char *ip, const char *place, struct err *err)
{
    const char *uuid = reg->datanodeid->datanodeuuid;
    struct datanode *node = datanode_find(bm, uuid);
    struct datanode *there = node_at(bm, ip, reg->datanodeid->xferport);

    if (!uuid[0])
        return err_set(err, ERR_ARGUMENT, "a datanode without a UUID at %s", ip);
    if (there && there != node)
        wipe(bm, there);
    if (node && there != node)
        LOG_INFO("nn.datanode", "uuid=%s was=%s:%u next=\"served at %s:%u\"", uuid, node->ip,
                 node->xfer_port, ip, reg->datanodeid->xferport);
    if (!node)
        node = new_node(bm, uuid);
    if (node->alive)
        set_alive(bm, node, false);
    take_off_host(node);
    drop_queues(node);
    writing_primary_gone(bm, node);
    come_back(node);
    take_identity(node, reg, ip, place);
    put_on_host(bm, node);
    node->disallowed = false;
    node->heard_ms = node->report_ms = bm_now(bm);
    node->report_ms = 0;
    node->heard_wall_ms = env_now_ms(bm->env);
    set_alive(bm, node, true);
    datanode_account(bm, node);
    datanode_new_card(bm, node);
    LOG_INFO("nn.datanode", "node=%s:%u uuid=%s place=%s next=\"expect its block report\"", ip,
             node->xfer_port, uuid, place);
    leaving_follow_hosts(bm, node);
    safe_mode_check(bm);
    return 0;
}

static void take_report(struct storage *st, const Pb__StorageReportProto *r)
{
    st->capacity = r->capacity;
    st->dfs_used = r->dfsused;
    st->remaining = r->remaining;
    st->pool_used = r->blockpoolused;
    st->non_dfs_used = r->nondfsused;
    if (!r->has_nondfsused)
        st->non_dfs_used =
            r->capacity > r->dfsused + r->remaining ? r->capacity - r->dfsused - r->remaining : 0;
}

/* A storage that is no longer reported, or reported as failed, is a volume that went. */
static void drop_unreported(struct block_manager *bm, struct datanode *node, const bool *seen)
{
    for (int i = 0; i < node->storage_count; i++) {
        struct storage *st = node->storages[i];

        if (seen[i] || st->gone)
            continue;
        LOG_WARN("nn.datanode",
                 "node=%s:%u storage=%s blocks=%llu err=\"volume lost\" "
                 "next=\"copy its blocks elsewhere\"",
                 node->ip, node->xfer_port, st->uuid, (unsigned long long)st->block_count);
        st->failed = true;
        st->capacity = st->dfs_used = st->remaining = st->pool_used = st->non_dfs_used = 0;
        storage_goes(bm, st);
    }
}

int datanode_beat(struct block_manager *bm, struct datanode *node,
                  const Pb__HeartbeatRequestProto *beat)
{
    bool seen[STORAGES_PER_NODE_MAX] = {0};

    for (size_t i = 0; i < beat->n_reports; i++) {
        const Pb__StorageReportProto *r = beat->reports[i];
        struct storage *st = datanode_storage(
            bm, node, r->storage ? r->storage->storageuuid : r->storageuuid, r->storage);

        if (!st || r->failed)
            continue;
        if (st->gone && st->failed) /* the volume is back */
            st->gone = st->failed = false;
        for (int k = 0; k < node->storage_count; k++)
            seen[k] |= node->storages[k] == st;
        take_report(st, r);
    }
    if (beat->n_reports > 0)
        drop_unreported(bm, node, seen);
    slow_peers_reported(bm, node, beat->slowpeers, beat->n_slowpeers);
    node->heard_ms = bm_now(bm);
    node->heard_wall_ms = env_now_ms(bm->env);
    node->xceivers = beat->xceivercount;
    node->xmits = beat->xmitsinprogress;
    node->failed_volumes = beat->failedvolumes;
    node->cache_capacity = beat->cachecapacity;
    node->cache_used = beat->cacheused;
    datanode_account(bm, node);
    datanode_new_card(bm, node);
    return 0;
}

void datanodes_check(struct block_manager *bm)
{
    uint64_t now = bm_now(bm);

    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        if (node->alive && now - node->heard_ms > bm->dead_after_ms)
            datanode_dies(bm, node, "no heartbeat");
    }
}

void datanodes_free(struct block_manager *bm)
{
    struct datanode *node, *next;
    struct host *host, *next_host;

    HASH_ITER(hh, bm->by_uuid, node, next)
    {
        HASH_DEL(bm->by_uuid, node);
        free(node->card);
        free_node(node);
    }
    HASH_ITER(hh, bm->by_ip, host, next_host)
    {
        HASH_DEL(bm->by_ip, host);
        free(host);
    }
    for (uint32_t i = 1; i < bm->storage_end; i++)
        if (bm->storages[i]) {
            free(bm->storages[i]->uuid);
            free(bm->storages[i]);
        }
    for (int i = 0; i < bm->rack_count; i++) {
        free(bm->racks[i]->nodes);
        free(bm->racks[i]);
    }
    free(bm->storages);
    free(bm->nodes);
    free(bm->live);
    free(bm->racks);
    datanodes_free_put_away(bm, true);
}
