#include "datanode/actor.h"
#include "datanode/locked.h"
#include "datanode/peer_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

enum { RETRY_MS = 1000, CALL_TIMEOUT_MS = 60000, REPORT_RETRY_MS = 3000, SLOW_MAX = 64 };
#define PROTOCOL "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol"
#define VERSION_TEXT "3.4.2" /* the protocol's: a namenode refuses datanodes that are too old */

void registration_init(struct datanode *dn, struct registration *r)
{
    const struct pool_info *pool = dataset_pool(dn->ds);

    pb__datanode_registration_proto__init(&r->proto);
    pb__datanode_idproto__init(&r->id);
    pb__storage_info_proto__init(&r->storage);
    pb__exported_block_keys_proto__init(&r->keys);
    pb__block_key_proto__init(&r->key);
    r->id.ipaddr = dn->ip;
    r->id.hostname = dn->host;
    r->id.datanodeuuid = (char *)(uintptr_t)dataset_uuid(dn->ds);
    r->id.xferport = dn->data_port;
    r->id.infoport = dn->http_port;
    r->id.ipcport = dn->ipc_port;
    r->storage.layoutversion = (uint32_t)DATANODE_LAYOUT;
    r->storage.clusterid = (char *)(uintptr_t)(pool ? pool->cluster_id : "");
    r->storage.namespceid = pool ? pool->namespace_id : 0;
    r->storage.ctime = pool ? __atomic_load_n(&pool->ctime_ms, __ATOMIC_RELAXED) : 0;
    r->keys.currentkey = &r->key;
    r->proto.datanodeid = &r->id;
    r->proto.storageinfo = &r->storage;
    r->proto.keys = &r->keys;
    r->proto.softwareversion = (char *)(uintptr_t)VERSION_TEXT;
}

/* ---- meeting ---- */

static int ask_version(struct actor *a, struct pool_info *out, struct err *err)
{
    Pb__VersionRequestProto ask = PB__VERSION_REQUEST_PROTO__INIT;
    const Pb__NamespaceInfoProto *info;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    rc = rpc_call_method(a->rpc, "versionRequest", &ask.base,
                         &pb__version_response_proto__descriptor, &arena, &m, err);
    if (rc == 0) {
        info = ((Pb__VersionResponseProto *)m)->info;
        *out = (struct pool_info){.namespace_id = info->storageinfo->namespceid,
                                  .ctime_ms = info->storageinfo->ctime};
        snprintf(out->cluster_id, sizeof out->cluster_id, "%s", info->storageinfo->clusterid);
        snprintf(out->pool_id, sizeof out->pool_id, "%s", info->blockpoolid);
        atomic_store(&a->holds, strcmp(info->buildversion, "ashlar") == 0);
        if (!out->pool_id[0] || strchr(out->pool_id, '/') ||
            strlen(info->blockpoolid) >= ID_TEXT_MAX)
            rc = err_set(err, ERR_PROTOCOL, "namenode has the block pool id \"%s\"",
                         info->blockpoolid);
    }
    arena_done(&arena);
    return rc;
}

/* Directories that belong to another cluster, or can't be used, are for a person to look at. */
static int join(struct actor *a, struct err *err)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    struct pool_info pool;
    int rc = ask_version(a, &pool, err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&one_at_a_time);
    rc = dataset_join(a->dn->ds, &pool, err);
    pthread_mutex_unlock(&one_at_a_time);
    if (rc < 0) {
        LOG_ERROR("dn.join", "namenode=%s err=\"%s\" next=\"stop\"", a->address, err->text);
        datanode_stop(a->dn, "its directories can't serve this namenode");
    }
    return rc;
}

static int do_register(struct actor *a, struct err *err)
{
    Pb__RegisterDatanodeRequestProto ask = PB__REGISTER_DATANODE_REQUEST_PROTO__INIT;
    struct registration r;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    registration_init(a->dn, &r);
    ask.registration = &r.proto;
    arena_init(&arena, 1 << 20);
    rc = rpc_call_method(a->rpc, "registerDatanode", &ask.base,
                         &pb__register_datanode_response_proto__descriptor, &arena, &m, err);
    arena_done(&arena);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&a->lock);
    actor_drop_notices_locked(a); /* the full report that follows says it all */
    a->sent = a->issued;
    a->urgent = false;
    a->full_due = true;
    a->lease = 0;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    atomic_store(&a->healthy, true);
    atomic_store(&a->registered, true);
    LOG_INFO("dn.register", "namenode=%s uuid=%s data=%s:%u ipc=%u http=%u", a->address,
             dataset_uuid(a->dn->ds), a->dn->ip, a->dn->data_port, a->dn->ipc_port,
             a->dn->http_port);
    return 0;
}

/* ---- heartbeats ---- */

struct beat {
    Pb__StorageReportProto reports[VOLUMES_MAX], *list[VOLUMES_MAX];
    Pb__DatanodeStorageProto storages[VOLUMES_MAX];
    Pb__VolumeFailureSummaryProto failures;
    char *failed[VOLUMES_MAX];
    unsigned report_count, failed_count;
};

static void add_volume(struct beat *b, struct volume *v)
{
    Pb__StorageReportProto *r = &b->reports[b->report_count];
    Pb__DatanodeStorageProto *s = &b->storages[b->report_count];
    struct volume_room room;

    if (!volume_serves(v) && !volume_failed(v))
        return;
    if (volume_failed(v)) {
        b->failed[b->failed_count++] = v->root;
        b->failures.estimatedcapacitylosttotal += v->failed_capacity;
        if (v->failed_ms > b->failures.lastvolumefailuredate)
            b->failures.lastvolumefailuredate = v->failed_ms;
        return;
    }
    volume_room(v, &room);
    pb__storage_report_proto__init(r);
    pb__datanode_storage_proto__init(s);
    s->storageuuid = r->storageuuid = v->storage_id;
    s->has_storagetype = 1;
    s->storagetype = v->type;
    s->has_state = 1;
    r->storage = s;
    r->has_capacity = r->has_dfsused = r->has_remaining = r->has_blockpoolused = 1;
    r->capacity = room.capacity;
    r->dfsused = r->blockpoolused = room.used;
    r->remaining = room.available;
    r->has_nondfsused = 1;
    r->nondfsused = room.other;
    r->has_failed = 1;
    b->list[b->report_count++] = r;
}

/* Only the active namenode knows; none said: as it was. */
static void hear_of_upgrade(struct actor *a, const Pb__HeartbeatResponseProto *answer)
{
    const Pb__RollingUpgradeStatusProto *s = answer->rollingupgradestatusv2;
    const struct pool_info *pool = dataset_pool(a->dn->ds);

    if (!s)
        s = answer
                ->rollingupgradestatus; /* of a namenode that sends it only while one is under way */
    if (s && pool && strcmp(s->blockpoolid, pool->pool_id) == 0 && atomic_load(&a->active))
        dataset_rolling_upgrade(a->dn->ds, !s->finalized);
}

static int take_answer(struct actor *a, const Pb__HeartbeatResponseProto *answer)
{
    atomic_store(&a->active,
                 answer->hastatus->state == PB__NNHASTATUS_HEARTBEAT_PROTO__STATE__ACTIVE);
    atomic_store(&a->healthy, true);
    pthread_mutex_lock(&a->lock);
    if (answer->has_fullblockreportleaseid && answer->fullblockreportleaseid)
        a->lease = answer->fullblockreportleaseid;
    if (a->notice_count) { /* beginnings and deletions go along now */
        a->urgent = true;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    atomic_store(&a->last_heartbeat_ms, env_mono_ms(a->dn->env));
    count(COUNT_heartbeats, 1);
    hear_of_upgrade(a, answer);
    if (actor_obey(a, answer->cmds, answer->n_cmds))
        atomic_store(&a->registered, false);
    return 0;
}

/* Which other datanodes are slow, every now and then. */
static void add_slow_peers(struct actor *a, Pb__HeartbeatRequestProto *ask, struct arena *arena)
{
    uint64_t now = env_mono_ms(a->dn->env);
    struct slow_peer slow[SLOW_MAX];
    size_t n;

    if (!a->dn->peers || now < a->next_slow_ms)
        return;
    a->next_slow_ms = now + (uint64_t)conf_int(a->dn->conf, OPT_dn_peer_interval);
    n = peer_stats_slow(a->dn->peers, slow, SLOW_MAX);
    ask->slowpeers = arena_alloc(arena, n * sizeof *ask->slowpeers + 1);
    for (size_t i = 0; ask->slowpeers && i < n; i++) {
        Pb__SlowPeerReportProto *p = arena_alloc(arena, sizeof *p);

        if (!p)
            return;
        pb__slow_peer_report_proto__init(p);
        p->datanodeid = arena_strndup(arena, slow[i].name, strlen(slow[i].name));
        p->has_aggregatelatency = p->has_median = p->has_mad = p->has_upperlimitlatency = 1;
        p->aggregatelatency = slow[i].average_ms;
        p->median = slow[i].median_ms;
        p->mad = slow[i].deviation_ms;
        p->upperlimitlatency = slow[i].limit_ms;
        ask->slowpeers[ask->n_slowpeers++] = p;
    }
}

static int heartbeat(struct actor *a, bool want_lease, struct err *err)
{
    Pb__HeartbeatRequestProto ask = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    struct beat *b = calloc(1, sizeof *b);
    struct registration r;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    if (!b)
        return err_set(err, ERR_NOMEM, "heartbeat");
    pb__volume_failure_summary_proto__init(&b->failures);
    for (unsigned i = 0; i < dataset_volume_count(a->dn->ds); i++)
        add_volume(b, dataset_volume(a->dn->ds, i));
    registration_init(a->dn, &r);
    ask.registration = &r.proto;
    ask.reports = b->list;
    ask.n_reports = b->report_count;
    ask.has_xmitsinprogress = ask.has_xceivercount = ask.has_failedvolumes = 1;
    ask.xmitsinprogress = (uint32_t)atomic_load(&a->dn->copies);
    ask.xceivercount = (uint32_t)atomic_load(&a->dn->xceivers);
    ask.failedvolumes = b->failed_count;
    ask.has_cachecapacity = ask.has_cacheused = 1;
    ask.cachecapacity = locked_bytes_max(a->dn->locked);
    ask.cacheused = locked_bytes_used(a->dn->locked);
    ask.has_requestfullblockreportlease = 1;
    ask.requestfullblockreportlease = want_lease;
    if (b->failed_count) {
        b->failures.failedstoragelocations = b->failed;
        b->failures.n_failedstoragelocations = b->failed_count;
        ask.volumefailuresummary = &b->failures;
    }
    arena_init(&arena, 64 << 20);
    add_slow_peers(a, &ask, &arena);
    rc = rpc_call_method(a->rpc, "sendHeartbeat", &ask.base,
                         &pb__heartbeat_response_proto__descriptor, &arena, &m, err);
    if (rc == 0)
        rc = take_answer(a, (Pb__HeartbeatResponseProto *)m);
    arena_done(&arena);
    free(b);
    return rc;
}

static void full_report_if_leased(struct actor *a)
{
    uint64_t lease;
    struct err err;
    bool due;

    pthread_mutex_lock(&a->lock);
    due = a->full_due;
    lease = a->lease;
    a->lease = 0;
    pthread_mutex_unlock(&a->lock);
    if (!due || !lease)
        return;
    if (actor_full_report(a, lease, &err) < 0) {
        count(COUNT_rpc_failures, 1);
        LOG_WARN("dn.report", "namenode=%s err=\"%s\" next=\"again with another lease\"",
                 a->address, err.text);
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->full_due = false;
    a->next_full_ms =
        env_mono_ms(a->dn->env) + (uint64_t)conf_int(a->dn->conf, OPT_dn_block_report);
    pthread_mutex_unlock(&a->lock);
}

/* All that is in memory, every now and then. */
static void cache_report_if_due(struct actor *a)
{
    Pb__CacheReportRequestProto ask = PB__CACHE_REPORT_REQUEST_PROTO__INIT;
    const struct pool_info *pool = dataset_pool(a->dn->ds);
    uint64_t now = env_mono_ms(a->dn->env);
    struct registration r;
    ProtobufCMessage *m;
    struct arena arena;
    struct err err;

    if (!a->dn->locked || !pool || now < a->next_cache_ms)
        return;
    a->next_cache_ms = now + (uint64_t)conf_int(a->dn->conf, OPT_dn_cache_report);
    registration_init(a->dn, &r);
    ask.registration = &r.proto;
    ask.blockpoolid = (char *)pool->pool_id;
    ask.n_blocks = locked_list(a->dn->locked, &ask.blocks);
    arena_init(&arena, 64 << 20);
    if (rpc_call_method(a->rpc, "cacheReport", &ask.base,
                        &pb__cache_report_response_proto__descriptor, &arena, &m, &err) < 0) {
        count(COUNT_rpc_failures, 1);
        LOG_WARN("dn.report", "namenode=%s call=cacheReport err=\"%s\" next=\"again later\"",
                 a->address, err.text);
    }
    arena_done(&arena);
    free(ask.blocks);
}

/* ---- the thread ---- */

static void pause_for(struct actor *a, uint64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000 * 1000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&a->lock);
    while (!a->stop && !a->kick)
        if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != 0)
            break;
    a->kick = false;
    pthread_mutex_unlock(&a->lock);
}

/* A namenode that was there and went away is said to be away once, not every second. */
static void note_failure(struct actor *a, const char *what, const struct err *err, bool *quiet)
{
    count(COUNT_rpc_failures, 1);
    atomic_store(&a->healthy, false);
    if (!*quiet)
        LOG_WARN("dn.namenode", "namenode=%s call=%s err=\"%s\" next=\"try again for ever\"",
                 a->address, what, err->text);
    *quiet = true;
}

static int meet(struct actor *a, struct err *err)
{
    int rc = join(a, err);

    return rc < 0 ? rc : do_register(a, err);
}

static uint64_t beat_once(struct actor *a, bool *quiet)
{
    uint64_t began = env_mono_ms(a->dn->env), period, spent;
    bool want_lease;
    struct err err;
    int rc;

    pthread_mutex_lock(&a->lock);
    a->full_due = a->full_due || (a->next_full_ms && began >= a->next_full_ms);
    want_lease = a->full_due;
    pthread_mutex_unlock(&a->lock);
    rc = heartbeat(a, want_lease, &err);
    if (rc < 0) {
        note_failure(a, "sendHeartbeat", &err, quiet);
        if (rc == -ERR_UNREGISTERED || rc == -ERR_DISALLOWED)
            atomic_store(&a->registered, false);
        return RETRY_MS;
    }
    *quiet = false;
    full_report_if_leased(a);
    cache_report_if_due(a);
    period = (uint64_t)conf_int(a->dn->conf, OPT_heartbeat);
    spent = env_mono_ms(a->dn->env) - began;
    if (!atomic_load(&a->registered))
        return 0;
    return spent < period ? period - spent : 0;
}

static void *run(void *arg)
{
    struct actor *a = arg;
    bool quiet = false;

    while (!a->stop) {
        uint64_t wait_ms = RETRY_MS;
        struct err err;

        if (!atomic_load(&a->registered)) {
            if (meet(a, &err) < 0)
                note_failure(a, "registerDatanode", &err, &quiet);
            else
                wait_ms = 0;
        } else {
            wait_ms = beat_once(a, &quiet);
        }
        if (wait_ms)
            pause_for(a, wait_ms);
    }
    return NULL;
}

void actor_trigger(struct actor *a, bool incremental)
{
    pthread_mutex_lock(&a->lock);
    if (incremental) {
        a->urgent = true;
    } else {
        a->full_due = true;
        a->kick = true;
    }
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

int actor_start(struct datanode *dn, const char *address, struct actor **out, struct err *err)
{
    struct actor *a = calloc(1, sizeof *a);
    struct rpc_client_options o = {.address = a ? a->address : NULL,
                                   .bind_host = dn->bind_host,
                                   .protocol = PROTOCOL,
                                   .version = 1,
                                   .user = dn->user,
                                   .connect_timeout_ms = 10000,
                                   .call_timeout_ms = CALL_TIMEOUT_MS,
                                   .idle_timeout_ms = 60000};
    int rc;

    if (!a)
        return err_set(err, ERR_NOMEM, "namenode %s", address);
    a->dn = dn;
    a->last = &a->first;
    snprintf(a->address, sizeof a->address, "%s", address);
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->posting, NULL);
    pthread_cond_init(&a->changed, NULL);
    rc = rpc_client_new(&o, &a->rpc, err);
    if (rc < 0) {
        free(a);
        return rc;
    }
    MUST(pthread_create(&a->notice_thread, NULL, actor_send_notices, a) == 0);
    MUST(pthread_create(&a->thread, NULL, run, a) == 0);
    *out = a;
    return 0;
}

void actor_stop(struct actor *a)
{
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_join(a->notice_thread, NULL);
}

void actor_free(struct actor *a)
{
    if (!a)
        return;
    rpc_client_free(a->rpc);
    actor_drop_notices_locked(a);
    free(a);
}
