/* A whole datanode toward a namenode that the test plays. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datanode.pb-c.h"
#include "datanode/wiring.h"
#include "proto/rpc_server.h"
#include "tests/unit/datanode/dn_world.h"

struct fake {
    struct rpc_server *server;
    const char *cluster_id;
    _Atomic int registrations, heartbeats, full_reports, received, deleted, replicas_reported;
    _Atomic bool delete_block, unknown_order, register_again;
    bool is_ours;
    _Atomic int refusals; /* of incremental reports, to come */
};

static void version(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__VersionResponseProto answer = PB__VERSION_RESPONSE_PROTO__INIT;
    Pb__NamespaceInfoProto info = PB__NAMESPACE_INFO_PROTO__INIT;
    Pb__StorageInfoProto storage = PB__STORAGE_INFO_PROTO__INIT;
    struct fake *f = call->ctx;

    (void)m;
    storage.layoutversion = (uint32_t)-66;
    storage.namespceid = 77;
    storage.clusterid = (char *)(uintptr_t)f->cluster_id;
    info.softwareversion = (char *)(uintptr_t) "3.4.2";
    info.buildversion = f->is_ours ? (char *)(uintptr_t) "ashlar" : info.softwareversion;
    info.blockpoolid = (char *)(uintptr_t)POOL;
    info.storageinfo = &storage;
    answer.info = &info;
    rpc_reply(call, &answer.base);
}

static void registered(struct rpc_call *call, const ProtobufCMessage *m)
{
    Pb__RegisterDatanodeResponseProto answer = PB__REGISTER_DATANODE_RESPONSE_PROTO__INIT;
    struct fake *f = call->ctx;

    answer.registration = ((const Pb__RegisterDatanodeRequestProto *)m)->registration;
    CU_ASSERT((int32_t)answer.registration->storageinfo->layoutversion == -57);
    atomic_fetch_add(&f->registrations, 1);
    rpc_reply(call, &answer.base);
}

static void heartbeat(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__HeartbeatRequestProto *ask = (const Pb__HeartbeatRequestProto *)m;
    Pb__HeartbeatResponseProto answer = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__NNHAStatusHeartbeatProto ha = PB__NNHASTATUS_HEARTBEAT_PROTO__INIT;
    Pb__DatanodeCommandProto order = PB__DATANODE_COMMAND_PROTO__INIT, *orders = &order;
    Pb__BlockCommandProto blocks = PB__BLOCK_COMMAND_PROTO__INIT;
    Pb__BlockProto block = PB__BLOCK_PROTO__INIT, *list = &block;
    struct fake *f = call->ctx;

    CU_ASSERT(ask->n_reports == 1 && ask->reports[0]->capacity > 0);
    answer.hastatus = &ha;
    answer.has_fullblockreportleaseid = 1;
    answer.fullblockreportleaseid = ask->requestfullblockreportlease ? 9 : 0;
    if (atomic_exchange(&f->delete_block, false)) {
        order.cmdtype = PB__DATANODE_COMMAND_PROTO__TYPE__BlockCommand;
        order.blkcmd = &blocks;
        blocks.action = PB__BLOCK_COMMAND_PROTO__ACTION__INVALIDATE;
        blocks.blockpoolid = (char *)(uintptr_t)POOL;
        block.blockid = 5;
        block.genstamp = 1001;
        blocks.blocks = &list;
        blocks.n_blocks = 1;
        answer.n_cmds = 1;
    } else if (atomic_exchange(&f->unknown_order, false)) {
        order.cmdtype = PB__DATANODE_COMMAND_PROTO__TYPE__BlockECReconstructionCommand;
        answer.n_cmds = 1;
    } else if (atomic_exchange(&f->register_again, false)) {
        order.cmdtype = PB__DATANODE_COMMAND_PROTO__TYPE__RegisterCommand;
        answer.n_cmds = 1;
    }
    answer.cmds = &orders;
    atomic_fetch_add(&f->heartbeats, 1);
    rpc_reply(call, &answer.base);
}

static void full_report(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__BlockReportRequestProto *ask = (const Pb__BlockReportRequestProto *)m;
    Pb__BlockReportResponseProto answer = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    struct fake *f = call->ctx;

    CU_ASSERT(ask->context && ask->context->leaseid == 9);
    atomic_store(&f->replicas_reported, (int)ask->reports[0]->numberofblocks);
    atomic_fetch_add(&f->full_reports, 1);
    rpc_reply(call, &answer.base);
}

/* Slow on purpose: the client must not hear of the end before this is answered. */
static void incremental(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__BlockReceivedAndDeletedRequestProto *ask =
        (const Pb__BlockReceivedAndDeletedRequestProto *)m;
    Pb__BlockReceivedAndDeletedResponseProto answer =
        PB__BLOCK_RECEIVED_AND_DELETED_RESPONSE_PROTO__INIT;
    struct fake *f = call->ctx;
    struct err err;

    usleep(50000);
    if (atomic_load(&f->refusals) > 0) {
        atomic_fetch_sub(&f->refusals, 1);
        err_set(&err, ERR_RETRIABLE, "not now");
        rpc_fail(call, &err);
        return;
    }
    for (size_t s = 0; s < ask->n_blocks; s++) {
        for (size_t i = 0; i < ask->blocks[s]->n_blocks; i++) {
            int status = (int)ask->blocks[s]->blocks[i]->status;

            atomic_fetch_add(&f->received, status == 2);
            atomic_fetch_add(&f->deleted, status == 3);
        }
    }
    rpc_reply(call, &answer.base);
}

static uint16_t fake_start(struct fake *f, uint16_t port)
{
    static const struct rpc_method methods[] = {
        {"versionRequest", &pb__version_request_proto__descriptor, version, RPC_FAST},
        {"registerDatanode", &pb__register_datanode_request_proto__descriptor, registered,
         RPC_FAST},
        {"sendHeartbeat", &pb__heartbeat_request_proto__descriptor, heartbeat, RPC_FAST},
        {"blockReport", &pb__block_report_request_proto__descriptor, full_report, RPC_FAST},
        {"blockReceivedAndDeleted", &pb__block_received_and_deleted_request_proto__descriptor,
         incremental, RPC_SLOW},
    };
    const struct rpc_protocol protocol = {
        .name = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol",
        .version = 1,
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .ctx = f};
    const struct rpc_server_options o = {.host = "127.0.0.1",
                                         .port = port,
                                         .io_threads = 1,
                                         .slow_threads = 1,
                                         .protocols = &protocol,
                                         .protocol_count = 1};

    CU_ASSERT_FATAL(rpc_server_start(&o, &f->server, NULL) == 0);
    return rpc_server_port(f->server);
}

static struct conf *conf_for(const char *dir, uint16_t nn_port)
{
    struct conf_args args = {.dir = suite_tmp_dir()};
    struct conf *conf = NULL;
    char uri[64];

    CU_ASSERT_FATAL(conf_load(&args, &conf, NULL) == 0);
    snprintf(uri, sizeof uri, "hdfs://127.0.0.1:%u", nn_port);
    conf_set(conf, "fs.defaultFS", uri, NULL);
    conf_set(conf, "dfs.datanode.data.dir", dir, NULL);
    conf_set(conf, "dfs.datanode.address", "127.0.0.1:0", NULL);
    conf_set(conf, "dfs.datanode.ipc.address", "127.0.0.1:0", NULL);
    conf_set(conf, "dfs.datanode.http.address", "127.0.0.1:0", NULL);
    conf_set(conf, "dfs.heartbeat.interval", "1s", NULL);
    return conf;
}

static bool comes(const _Atomic int *what, int least)
{
    for (int i = 0; i < 1000 && atomic_load(what) < least; i++)
        usleep(10000);
    return atomic_load(what) >= least;
}

static void test_a_datanode_reports_before_the_last_acknowledgement(void)
{
    const struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct fake f = {.cluster_id = "CID-test"};
    uint16_t port = fake_start(&f, 0);
    struct conf *conf;
    struct wiring *w;
    struct peer p;

    rpc_server_stop(f.server); /* the datanode comes first */
    conf = conf_for(suite_tmp_dir(), port);
    CU_ASSERT_FATAL(wiring_open(conf, env_posix(), &w, NULL) == 0);
    usleep(100000);
    fake_start(&f, port);
    CU_ASSERT(comes(&f.registrations, 1) && comes(&f.full_reports, 1));

    peer_open(&p, wiring_datanode(w)->data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_write_all(&p, 0, 10240, 1));
    CU_ASSERT(atomic_load(&f.received) == 1);
    peer_close(&p);

    atomic_store(&f.unknown_order, true);
    atomic_store(&f.heartbeats, 0);
    CU_ASSERT(comes(&f.heartbeats, 2)); /* it lives on */
    atomic_store(&f.register_again, true);
    CU_ASSERT(comes(&f.registrations, 2) && comes(&f.full_reports, 2));
    CU_ASSERT(atomic_load(&f.replicas_reported) == 1);
    atomic_store(&f.delete_block, true);
    CU_ASSERT(comes(&f.deleted, 1));
    CU_ASSERT(dataset_block_count(wiring_datanode(w)->ds) == 0);
    wiring_close(w);
    rpc_server_stop(f.server);
    conf_free(conf);
}

static void test_a_report_that_is_refused_comes_again_without_being_waited_for(void)
{
    struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct fake f = {.cluster_id = "CID-test", .is_ours = true};
    uint16_t port = fake_start(&f, 0);
    struct conf *conf = conf_for(suite_tmp_dir(), port);
    struct wiring *w;
    struct peer p;

    CU_ASSERT_FATAL(wiring_open(conf, env_posix(), &w, NULL) == 0);
    CU_ASSERT(comes(&f.registrations, 1) && comes(&f.full_reports, 1));
    atomic_store(&f.refusals, 1);
    for (r.id = 5; r.id < 8; r.id++) {
        peer_open(&p, wiring_datanode(w)->data_port);
        CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
        CU_ASSERT(peer_write_all(&p, 0, 10240, 1));
        peer_close(&p);
    }
    CU_ASSERT(comes(&f.received, 3) && atomic_load(&f.refusals) == 0);
    CU_ASSERT(comes(&f.full_reports, 2)); /* in case something newer was said meanwhile */
    wiring_close(w);
    rpc_server_stop(f.server);
    conf_free(conf);
}

static void test_a_namenode_of_another_cluster_stops_the_datanode(void)
{
    struct fake f = {.cluster_id = "CID-other"};
    uint16_t port = fake_start(&f, 0);
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL); /* of CID-test */
    struct conf *conf = conf_for(dir, port);
    struct wiring *w;

    dataset_close(ds);
    CU_ASSERT_FATAL(wiring_open(conf, env_posix(), &w, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(wiring_wait(w), "its directories can't serve this namenode");
    CU_ASSERT(atomic_load(&f.registrations) == 0);
    wiring_close(w);
    rpc_server_stop(f.server);
    conf_free(conf);
}

SUITE(namenode_side, TEST(test_a_datanode_reports_before_the_last_acknowledgement),
      TEST(test_a_report_that_is_refused_comes_again_without_being_waited_for),
      TEST(test_a_namenode_of_another_cluster_stops_the_datanode))
