/* test_report_lease.c -- who may send a full block report, and what who may not is told. */
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static struct world w;

struct sender {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
};

static uint64_t ask_for_lease(struct sender *from)
{
    Pb__HeartbeatRequestProto r = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__HeartbeatResponseProto out = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__NNHAStatusHeartbeatProto ha = PB__NNHASTATUS_HEARTBEAT_PROTO__INIT;

    out.hastatus = &ha;
    r.registration = &from->reg;
    r.requestfullblockreportlease = true;
    arena_reset(&w.arena);
    CU_ASSERT(datanode_heartbeat(w.bm, &r, &w.arena, &out, &w.err) == 0);
    return out.fullblockreportleaseid;
}

/* A report of a storage without replicas. */
static int report_with(struct sender *from, uint64_t lease)
{
    Pb__BlockReportRequestProto r = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__BlockReportResponseProto out = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    Pb__BlockReportContextProto context = PB__BLOCK_REPORT_CONTEXT_PROTO__INIT;
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT, *reports[] = {&s};
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;

    context.totalrpcs = 1;
    context.id = 0xabc;
    context.has_leaseid = true;
    context.leaseid = (int64_t)lease;
    storage.storageuuid = w.nodes[0].storage;
    s.storage = &storage;
    s.has_numberofblocks = true;
    r.registration = &from->reg;
    r.blockpoolid = (char *)WORLD_POOL;
    r.reports = reports;
    r.n_reports = 1;
    r.context = &context;
    return datanode_block_report(w.bm, &r, &w.arena, &out, &w.err);
}

static void test_a_report_without_a_lease_is_refused_aloud_and_another_lease_serves(void)
{
    struct sender from;
    uint64_t reports, lease;

    world_start(&w, 1, NULL);
    model_fill_registration(&w, &w.nodes[0], &from.reg, &from.id, &from.s, &from.keys, &from.key);
    lease = ask_for_lease(&from);
    CU_ASSERT_FATAL(lease != 0);
    reports = w.bm->full_reports;

    /* It registers once more, as when a namenode's wish for that was answered twice. */
    CU_ASSERT(datanode_join(w.bm, &from.reg, w.nodes[0].ip, &w.err) == 0);
    CU_ASSERT(report_with(&from, lease) == -ERR_REPORT_LEASE);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "Block report 0xabc was rejected as lease 0x"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, " is invalid"));
    CU_ASSERT(w.bm->full_reports == reports);

    lease = ask_for_lease(&from);
    CU_ASSERT(report_with(&from, lease) == 0);
    CU_ASSERT(w.bm->full_reports == reports + 1);
    CU_ASSERT(report_with(&from, lease) == -ERR_REPORT_LEASE); /* it was for one report */
    CU_ASSERT(report_with(&from, 0) == 0);                     /* one that an operator asked for */
    world_close(&w);
}

SUITE(report_lease, TEST(test_a_report_without_a_lease_is_refused_aloud_and_another_lease_serves));
