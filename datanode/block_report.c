/* Full block reports: every replica, a list for each volume. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode/actor.h"

enum { SLICE = 512, SPLIT_AT = 1000000, REPORT_MAX = 100 << 20 };

struct report {
    struct buf rows; /* id, length, stamp, state as varints, for each replica */
    uint64_t count;
};

/* Copies being made are nobody's business yet. */
static void add_row(struct report *r, const struct replica_facts *f)
{
    if (f->state == REPLICA_TEMPORARY)
        return;
    buf_put_varint(&r->rows,
                   f->block.id << 1 ^ (uint64_t)((int64_t)f->block.id >> 63)); /* zigzag */
    buf_put_varint(&r->rows, f->block.bytes);
    buf_put_varint(&r->rows, f->block.stamp);
    buf_put_varint(&r->rows, f->state);
    r->count++;
}

static void gather(struct datanode *dn, struct report *reports, unsigned volumes)
{
    struct replica_facts slice[SLICE];
    size_t cursor = 0;
    int n;

    while ((n = dataset_list(dn->ds, &cursor, slice, SLICE)) > 0)
        for (int i = 0; i < n; i++)
            if (slice[i].volume->index < volumes) /* else it is of one that is coming */
                add_row(&reports[slice[i].volume->index], &slice[i]);
}

struct storage_report {
    Pb__StorageBlockReportProto report;
    Pb__DatanodeStorageProto storage;
    ProtobufCBinaryData rows;
};

static void fill_storage(struct storage_report *s, const struct volume *v, const struct report *r)
{
    pb__storage_block_report_proto__init(&s->report);
    pb__datanode_storage_proto__init(&s->storage);
    s->storage.storageuuid = (char *)(uintptr_t)v->storage_id;
    s->storage.has_storagetype = 1;
    s->storage.storagetype = v->type;
    s->storage.has_state = 1;
    s->rows = (ProtobufCBinaryData){.data = r->rows.bytes, .len = r->rows.n};
    s->report.storage = &s->storage;
    s->report.has_numberofblocks = 1;
    s->report.numberofblocks = r->count;
    s->report.blocksbuffers = &s->rows;
    s->report.n_blocksbuffers = r->rows.n > 0;
}

struct report_id {
    int64_t id;
    int total, current;
    uint64_t lease;
};

static int call(struct actor *a, Pb__StorageBlockReportProto **reports, size_t n,
                const struct report_id *id, struct err *err)
{
    Pb__BlockReportRequestProto ask = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__BlockReportContextProto context = PB__BLOCK_REPORT_CONTEXT_PROTO__INIT;
    struct registration r;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    registration_init(a->dn, &r);
    ask.registration = &r.proto;
    ask.blockpoolid = (char *)(uintptr_t)dataset_pool(a->dn->ds)->pool_id;
    ask.reports = reports;
    ask.n_reports = n;
    context.totalrpcs = id->total;
    context.currpc = id->current;
    context.id = id->id;
    context.has_leaseid = 1;
    context.leaseid = id->lease;
    ask.context = &context;
    arena_init(&arena, 16 << 20);
    rc = rpc_call_method(a->rpc, "blockReport", &ask.base,
                         &pb__block_report_response_proto__descriptor, &arena, &m, err);
    if (rc == 0 && ((Pb__BlockReportResponseProto *)m)->cmd)
        actor_obey(a, &((Pb__BlockReportResponseProto *)m)->cmd, 1);
    arena_done(&arena);
    return rc;
}

static int send_all(struct actor *a, struct report *reports, unsigned volumes, uint64_t lease,
                    struct err *err)
{
    struct storage_report *all = calloc(volumes, sizeof *all);
    Pb__StorageBlockReportProto **list = calloc(volumes, sizeof *list);
    struct report_id id = {.id = (int64_t)(env_random_u64(a->dn->env) >> 1), .lease = lease};
    uint64_t blocks = 0;
    int n = 0, rc = all && list ? 0 : err_set(err, ERR_NOMEM, "block report");

    for (unsigned i = 0; rc == 0 && i < volumes; i++) {
        struct volume *v = dataset_volume(a->dn->ds, i);

        if (reports[i].rows.bad)
            rc = err_set(err, ERR_LIMIT, "block report of %s over %d bytes", v->root, REPORT_MAX);
        if (!volume_serves(v))
            continue;
        fill_storage(&all[n], v, &reports[i]);
        list[n] = &all[n].report;
        blocks += reports[i].count;
        n++;
    }
    id.total = blocks < SPLIT_AT ? 1 : n;
    for (id.current = 0; rc == 0 && id.current < id.total; id.current++)
        rc = call(a, id.total == 1 ? list : &list[id.current], id.total == 1 ? (size_t)n : 1, &id,
                  err);
    if (rc == 0)
        LOG_INFO("dn.report", "namenode=%s volumes=%d replicas=%llu calls=%d lease=%llx",
                 a->address, n, (unsigned long long)blocks, id.total, (unsigned long long)lease);
    free(all);
    free(list);
    return rc;
}

int actor_full_report(struct actor *a, uint64_t lease, struct err *err)
{
    unsigned volumes = dataset_volume_count(a->dn->ds);
    struct report *reports = calloc(volumes, sizeof *reports);
    int rc;

    if (!reports)
        return err_set(err, ERR_NOMEM, "block report");
    for (unsigned i = 0; i < volumes; i++)
        buf_init(&reports[i].rows, REPORT_MAX);
    gather(a->dn, reports, volumes);
    rc = send_all(a, reports, volumes, lease, err);
    for (unsigned i = 0; i < volumes; i++)
        buf_done(&reports[i].rows);
    free(reports);
    if (rc == 0)
        count(COUNT_block_reports, 1);
    return rc;
}
