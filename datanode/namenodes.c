#include "datanode/namenodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode_bad_blocks.pb-c.h"
#include "datanode/reports.h"
#include "proto/xfer.h"

static const char *suffixed(const struct datanode *dn, const char *fmt, const char *a,
                            const char *b)
{
    char key[256];

    snprintf(key, sizeof key, fmt, a, b);
    return conf_get(dn->conf, key);
}

/* dfs.nameservices and dfs.ha.namenodes.NS name them; else there is one. */
static int find_addresses(struct datanode *dn, char addresses[][NET_HOST_MAX + 8], struct err *err)
{
    const char *services = conf_get(dn->conf, "dfs.nameservices");
    char *service[1], *ids[NAMENODES_MAX];
    const char *members;
    int found = 0, n;

    if (!services || !*services || conf_list(services, service, 1) < 1) {
        conf_namenode(dn->conf, addresses[0], NET_HOST_MAX + 8);
        return 1;
    }
    members = suffixed(dn, "dfs.ha.namenodes.%s%s", service[0], "");
    n = members ? conf_list(members, ids, NAMENODES_MAX) : 0;
    for (int i = 0; i < n; i++) {
        const char *at = suffixed(dn, "dfs.namenode.rpc-address.%s.%s", service[0], ids[i]);

        if (at)
            snprintf(addresses[found++], NET_HOST_MAX + 8, "%s", at);
        free(ids[i]);
    }
    if (found == 0) {
        const char *at = suffixed(dn, "dfs.namenode.rpc-address.%s%s", service[0], "");

        if (at)
            snprintf(addresses[found++], NET_HOST_MAX + 8, "%s", at);
    }
    if (found == 0)
        err_set(err, ERR_CONFIG,
                "dfs.nameservices is %s, but no dfs.namenode.rpc-address.%s is set", services,
                service[0]);
    free(service[0]);
    return found ? found : -ERR_CONFIG;
}

int namenodes_start(struct datanode *dn, struct err *err)
{
    char addresses[NAMENODES_MAX][NET_HOST_MAX + 8];
    struct namenodes *n;
    int found = find_addresses(dn, addresses, err), rc = 0;

    if (found < 0)
        return found;
    n = calloc(1, sizeof *n);
    if (!n)
        return err_set(err, ERR_NOMEM, "namenodes");
    n->dn = dn;
    dn->namenodes = n;
    for (int i = 0; i < found && rc == 0; i++) {
        rc = actor_start(dn, addresses[i], &n->actors[n->count], err);
        if (rc == 0)
            n->count++;
    }
    return rc;
}

void namenodes_stop(struct namenodes *n)
{
    if (!n)
        return;
    for (unsigned i = 0; i < n->count; i++)
        actor_stop(n->actors[i]);
}

void namenodes_free(struct namenodes *n)
{
    if (!n)
        return;
    for (unsigned i = 0; i < n->count; i++)
        actor_free(n->actors[i]);
    free(n);
}

/* ---- reports.h ---- */

static uint64_t tell_all(struct datanode *dn, const struct volume *v, const struct block *b,
                         enum report_kind kind, const char *del_hint, bool alone)
{
    struct namenodes *all = dn->namenodes;
    uint64_t ticket;

    if (!all)
        return 0;
    ticket = atomic_fetch_add(&all->tickets, 1) + 1;
    for (unsigned i = 0; i < all->count; i++) {
        struct notice *n = calloc(1, sizeof *n);

        if (!n) {
            actor_trigger(all->actors[i], false);
            continue;
        }
        n->volume = v;
        n->block = *b;
        n->kind = kind;
        n->alone = alone;
        if (del_hint)
            snprintf(n->del_hint, sizeof n->del_hint, "%s", del_hint);
        actor_notice(all->actors[i], n, ticket);
    }
    return ticket;
}

uint64_t report_received(struct datanode *dn, const struct replica_facts *f, const char *del_hint)
{
    return tell_all(dn, f->volume, &f->block, REPORT_RECEIVED, del_hint, false);
}

uint64_t report_received_alone(struct datanode *dn, const struct replica_facts *f)
{
    return tell_all(dn, f->volume, &f->block, REPORT_RECEIVED, NULL, true);
}

void report_receiving(struct datanode *dn, const struct volume *v, const struct block *b)
{
    tell_all(dn, v, b, REPORT_RECEIVING, NULL, false);
}

void report_deleted(struct datanode *dn, const struct volume *v, const struct block *b)
{
    tell_all(dn, v, b, REPORT_DELETED, NULL, false);
}

void reports_wait(struct datanode *dn, uint64_t ticket, int timeout_ms, bool alone)
{
    uint64_t until = env_mono_ms(dn->env) + (uint64_t)timeout_ms;

    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++)
        actor_wait(dn->namenodes->actors[i], ticket, until, alone);
}

/* @storage: the volume that it is on, or NULL when that is not known. */
struct bad_block {
    const Pb__ExtendedBlockProto *block;
    const Pb__DatanodeInfoProto *node;
    const struct volume *storage;
};

static void call_report_bad(struct actor *a, const struct bad_block *bad)
{
    Pbdn__ReportBadBlocksRequestProto ask = PBDN__REPORT_BAD_BLOCKS_REQUEST_PROTO__INIT;
    Pb__LocatedBlockProto located = PB__LOCATED_BLOCK_PROTO__INIT, *list = &located;
    Pb__DatanodeInfoProto *node = (Pb__DatanodeInfoProto *)(uintptr_t)bad->node;
    Pb__TokenProto token = PB__TOKEN_PROTO__INIT;
    Pb__StorageTypeProto type = bad->storage ? bad->storage->type : 0;
    char *storage = bad->storage ? (char *)(uintptr_t)bad->storage->storage_id : NULL;
    ProtobufCMessage *answer;
    struct arena arena;
    struct err err;

    token.kind = token.service = (char *)(uintptr_t) "";
    located.b = (Pb__ExtendedBlockProto *)(uintptr_t)bad->block;
    located.locs = &node;
    located.n_locs = 1;
    located.blocktoken = &token;
    located.storagetypes = &type;
    located.storageids = &storage;
    located.n_storagetypes = located.n_storageids = bad->storage != NULL;
    ask.blocks = &list;
    ask.n_blocks = 1;
    arena_init(&arena, 1 << 20);
    if (rpc_call_method(a->rpc, "reportBadBlocks", &ask.base,
                        &pbdn__report_bad_blocks_response_proto__descriptor, &arena, &answer,
                        &err) < 0)
        LOG_WARN("dn.bad", "namenode=%s block=blk_%lld_%llu err=\"%s\" next=\"at the next scan\"",
                 a->address, (long long)bad->block->blockid,
                 (unsigned long long)bad->block->generationstamp, err.text);
    arena_done(&arena);
}

static void report_to_all(struct datanode *dn, const struct bad_block *bad)
{
    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++)
        if (atomic_load(&dn->namenodes->actors[i]->registered))
            call_report_bad(dn->namenodes->actors[i], bad);
}

/* Where this replica lies, as the namenode names places. */
void report_bad(struct datanode *dn, const struct volume *v, const struct block *b)
{
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__DatanodeInfoProto info = PB__DATANODE_INFO_PROTO__INIT;
    struct registration r;

    registration_init(dn, &r);
    block.poolid = (char *)(uintptr_t)dataset_pool(dn->ds)->pool_id;
    block.blockid = b->id;
    block.generationstamp = b->stamp;
    block.has_numbytes = 1;
    block.numbytes = b->bytes;
    info.id = &r.id;
    report_to_all(dn, &(struct bad_block){&block, &info, v});
}

void report_bad_remote(struct datanode *dn, const Pb__ExtendedBlockProto *b,
                       const Pb__DatanodeInfoProto *node)
{
    report_to_all(dn, &(struct bad_block){b, node, NULL});
}

void report_disk_error(struct datanode *dn, const char *what, bool fatal)
{
    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++) {
        struct actor *a = dn->namenodes->actors[i];
        Pb__ErrorReportRequestProto ask = PB__ERROR_REPORT_REQUEST_PROTO__INIT;
        struct registration r;
        ProtobufCMessage *answer;
        struct arena arena;

        if (!atomic_load(&a->registered))
            continue;
        registration_init(dn, &r);
        ask.registartion = &r.proto;
        ask.errorcode = fatal ? PB__ERROR_REPORT_REQUEST_PROTO__ERROR_CODE__FATAL_DISK_ERROR
                              : PB__ERROR_REPORT_REQUEST_PROTO__ERROR_CODE__DISK_ERROR;
        ask.msg = (char *)(uintptr_t)what;
        arena_init(&arena, 1 << 20);
        rpc_call_method(a->rpc, "errorReport", &ask.base,
                        &pb__error_report_response_proto__descriptor, &arena, &answer, NULL);
        arena_done(&arena);
    }
}

void namenodes_hasten_reports(struct namenodes *n)
{
    unsigned count = n ? atomic_load(&n->count) : 0;

    for (unsigned i = 0; i < count; i++) {
        struct actor *a = n->actors[i];
        uint64_t latest =
            env_mono_ms(a->dn->env) + (uint64_t)conf_int(a->dn->conf, OPT_dn_block_report);

        pthread_mutex_lock(&a->lock);
        if (a->next_full_ms > latest)
            a->next_full_ms = latest;
        pthread_mutex_unlock(&a->lock);
    }
}
