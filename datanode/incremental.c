/* Incremental block reports: what was received goes at once, the rest rides along. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "datanode/actor.h"

enum {
    NOTICES_MAX = 1 << 20, /* beyond this a full report is shorter */
    NOTICES_A_CALL = 10000,
    LOOK_BACK = 64,
    RETRY_MS = 1000,
};

void actor_drop_notices_locked(struct actor *a)
{
    while (a->first) {
        struct notice *n = a->first;

        a->first = n->next;
        free(n);
    }
    a->last = &a->first;
    a->notice_count = 0;
}

/* What is now said of a block stands for what was going to be said before. */
static void forget_earlier(struct actor *a, uint64_t id)
{
    struct notice **link = &a->first;

    for (int i = 0; i < LOOK_BACK && *link; i++) {
        struct notice *n = *link;

        if (n->block.id != id) {
            link = &n->next;
            continue;
        }
        *link = n->next;
        if (!*link)
            a->last = link;
        a->notice_count--;
        free(n);
        return;
    }
}

/* ---- one call ---- */

struct batch {
    Pb__StorageReceivedDeletedBlocksProto storages[VOLUMES_MAX], *list[VOLUMES_MAX];
    Pb__DatanodeStorageProto storage[VOLUMES_MAX];
    size_t storage_count;
};

static Pb__StorageReceivedDeletedBlocksProto *storage_of(struct batch *b, const struct volume *v,
                                                         size_t notices, struct arena *arena)
{
    Pb__StorageReceivedDeletedBlocksProto *s;
    size_t i = 0;

    while (i < b->storage_count && strcmp(b->storages[i].storageuuid, v->storage_id) != 0)
        i++;
    if (i < b->storage_count)
        return &b->storages[i];
    s = &b->storages[i];
    pb__storage_received_deleted_blocks_proto__init(s);
    pb__datanode_storage_proto__init(&b->storage[i]);
    s->storageuuid = b->storage[i].storageuuid = (char *)(uintptr_t)v->storage_id;
    b->storage[i].has_storagetype = 1;
    b->storage[i].storagetype = v->type;
    b->storage[i].has_state = 1;
    s->storage = &b->storage[i];
    s->blocks = arena_alloc(arena, notices * sizeof *s->blocks);
    if (!s->blocks)
        return NULL;
    b->list[i] = s;
    b->storage_count++;
    return s;
}

static int add_notice(struct batch *b, const struct notice *n, size_t notices, struct arena *arena)
{
    Pb__StorageReceivedDeletedBlocksProto *s = storage_of(b, n->volume, notices, arena);
    Pb__ReceivedDeletedBlockInfoProto *info = s ? arena_alloc(arena, sizeof *info) : NULL;
    Pb__BlockProto *block = info ? arena_alloc(arena, sizeof *block) : NULL;

    if (!block)
        return -1;
    pb__received_deleted_block_info_proto__init(info);
    pb__block_proto__init(block);
    block->blockid = n->block.id;
    block->genstamp = n->block.stamp;
    block->has_numbytes = 1;
    block->numbytes = n->block.bytes;
    info->block = block;
    info->status = (Pb__ReceivedDeletedBlockInfoProto__BlockStatus)n->kind;
    info->deletehint = n->del_hint[0] ? (char *)(uintptr_t)n->del_hint : NULL;
    s->blocks[s->n_blocks++] = info;
    return 0;
}

/* The request for so many notices, and all that it points to. */
struct report {
    Pb__BlockReceivedAndDeletedRequestProto ask;
    struct batch batch;
    struct registration registration;
    struct arena arena;
};

static int report_make(struct actor *a, const struct notice *first, size_t n, struct report **out,
                       struct err *err)
{
    struct report *r = malloc(sizeof *r);
    int rc = 0;

    if (!r)
        return err_set(err, ERR_NOMEM, "report");
    *out = r;
    r->batch.storage_count = 0;
    arena_init(&r->arena, 64 << 20);
    for (const struct notice *i = first; i && rc == 0; i = i->next)
        if (add_notice(&r->batch, i, n, &r->arena) < 0)
            rc = err_set(err, ERR_NOMEM, "report of %zu blocks", n);
    registration_init(a->dn, &r->registration);
    pb__block_received_and_deleted_request_proto__init(&r->ask);
    r->ask.registration = &r->registration.proto;
    r->ask.blockpoolid = (char *)(uintptr_t)dataset_pool(a->dn->ds)->pool_id;
    r->ask.blocks = r->batch.list;
    r->ask.n_blocks = r->batch.storage_count;
    return rc;
}

static void report_free(struct report *r)
{
    if (r)
        arena_done(&r->arena);
    free(r);
}

static int send_notices(struct actor *a, const struct notice *first, size_t n, struct err *err)
{
    struct report *r = NULL;
    ProtobufCMessage *answer;
    int rc = report_make(a, first, n, &r, err);

    if (rc == 0)
        rc = rpc_call_method(a->rpc, "blockReceivedAndDeleted", &r->ask.base,
                             &pb__block_received_and_deleted_response_proto__descriptor, &r->arena,
                             &answer, err);
    report_free(r);
    return rc;
}

/* Takes up to so many from the front of the queue. */
static struct notice *take_locked(struct actor *a, size_t *n)
{
    struct notice *list = a->first, **end = &list;

    for (*n = 0; *end && *n < NOTICES_A_CALL; (*n)++)
        end = &(*end)->next;
    a->first = *end;
    *end = NULL;
    if (!a->first)
        a->last = &a->first;
    a->notice_count -= *n;
    return list;
}

static void put_back_locked(struct actor *a, struct notice *list, size_t n)
{
    struct notice **end = &list;

    while (*end)
        end = &(*end)->next;
    *end = a->first;
    if (!a->first)
        a->last = end;
    a->first = list;
    a->notice_count += n;
}

static void pause_locked(struct actor *a, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

static void free_list(struct notice *list)
{
    while (list) {
        struct notice *next = list->next;

        free(list);
        list = next;
    }
}

/* ---- posted reports ---- */

struct posted {
    struct actor *actor;
    struct notice *list;
    size_t n;
};

/* What failed is said again after the next heartbeat.  Something newer may have been said of the
 * same blocks meanwhile: the full report that is asked for then sets all right. */
static void posted_failed(struct posted *p, const struct err *err)
{
    struct actor *a = p->actor;

    count(COUNT_rpc_failures, 1);
    LOG_WARN("dn.incremental", "namenode=%s blocks=%zu err=\"%s\" next=\"with the next heartbeat\"",
             a->address, p->n, err->text);
    atomic_store(&a->healthy, false);
    pthread_mutex_lock(&a->lock);
    put_back_locked(a, p->list, p->n);
    a->full_due = a->kick = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void on_posted(void *ctx, int rc, const struct err *err)
{
    struct posted *p = ctx;

    if (rc < 0) {
        posted_failed(p, err);
    } else {
        count(COUNT_incremental, 1);
        free_list(p->list);
    }
    free(p);
}

/* Sends all that there is to say, and goes on. */
static void post_notices(struct actor *a)
{
    struct posted *p = malloc(sizeof *p);
    struct report *r = NULL;
    struct err err = {.code = ERR_NOMEM};
    int rc = p ? 0 : -ERR_NOMEM;

    pthread_mutex_lock(&a->posting);
    pthread_mutex_lock(&a->lock);
    if (p) {
        p->actor = a;
        p->list = take_locked(a, &p->n);
    }
    pthread_mutex_unlock(&a->lock);
    if (rc == 0 && p->list && (rc = report_make(a, p->list, p->n, &r, &err)) == 0)
        rpc_post(a->rpc, "blockReceivedAndDeleted", &r->ask.base, on_posted, p);
    else if (p)
        on_posted(p, rc, &err);
    pthread_mutex_unlock(&a->posting);
    report_free(r);
}

static bool may_post(const struct actor *a)
{
    return atomic_load(&a->holds) && atomic_load(&a->registered) && atomic_load(&a->healthy);
}

void actor_notice(struct actor *a, struct notice *n, uint64_t ticket)
{
    bool at_once = n->alone && may_post(a);

    pthread_mutex_lock(&a->lock);
    forget_earlier(a, n->block.id);
    if (a->notice_count >= NOTICES_MAX) {
        actor_drop_notices_locked(a);
        a->full_due = true;
    }
    n->next = NULL;
    *a->last = n;
    a->last = &n->next;
    a->notice_count++;
    a->issued = ticket;
    at_once = at_once && !a->stop && !a->urgent; /* what somebody waits for goes by the thread */
    if (n->kind == REPORT_RECEIVED && !at_once && !a->urgent) {
        a->urgent = true;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    if (at_once)
        post_notices(a);
}

void actor_wait(struct actor *a, uint64_t ticket, uint64_t until_ms, bool alone)
{
    pthread_mutex_lock(&a->lock);
    while (a->sent < ticket && !(alone && may_post(a)) && atomic_load(&a->registered) &&
           atomic_load(&a->healthy) && atomic_load(&a->active) && !a->stop) {
        uint64_t now = env_mono_ms(a->dn->env);
        struct timespec until;

        if (now >= until_ms)
            break;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)((until_ms - now) / 1000);
        until.tv_nsec += (long)((until_ms - now) % 1000 * 1000000);
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    pthread_mutex_unlock(&a->lock);
}

/* ---- the thread's ---- */

static void send_some_locked(struct actor *a)
{
    uint64_t ticket = a->issued;
    struct err err;
    size_t n;
    struct notice *list = take_locked(a, &n);
    bool all = a->first == NULL;
    int rc;

    a->urgent = !all;
    pthread_mutex_unlock(&a->lock);
    rc = n ? send_notices(a, list, n, &err) : 0;
    pthread_mutex_lock(&a->lock);
    if (rc == 0) {
        count(COUNT_incremental, n > 0);
        a->sent = all ? ticket : a->sent;
        pthread_cond_broadcast(&a->changed);
        free_list(list);
        return;
    }
    count(COUNT_rpc_failures, 1);
    atomic_store(&a->healthy, false);
    pthread_cond_broadcast(&a->changed);
    LOG_WARN("dn.incremental", "namenode=%s blocks=%zu err=\"%s\" next=\"again in a second\"",
             a->address, n, err.text);
    put_back_locked(a, list, n);
    a->urgent = true;
    a->kick = true;
    if (!a->stop)
        pause_locked(a, RETRY_MS);
}

void *actor_send_notices(void *arg)
{
    struct actor *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        if (a->urgent && atomic_load(&a->registered) && (may_post(a) || !atomic_load(&a->holds))) {
            send_some_locked(a);
        } else {
            pthread_cond_wait(&a->changed, &a->lock);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}
