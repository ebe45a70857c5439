/* storm -- everybody at once, at a namenode; run by server_load.py.
 *
 *   storm ADDRESS CLIENTS WRITERS NODES BLOCKS FIRST FILE
 *
 * CLIENTS connections that renew a lease now and then, WRITERS of them with a file of one block a second, and
 * NODES datanodes that exist on the wire only, whose full reports of BLOCKS blocks each all come at the same time:
 * of the blocks from id FIRST on each is on three of them. Meanwhile, and before in peace, one client asks for FILE's
 * status again and again.  Prints: idle_p50 idle_p99 storm_p50 storm_p99 (microseconds), seconds of the storm, files written,
 * calls refused.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/bytes.h"
#include "datanode.pb-c.h"
#include "proto/rpc_client.h"

enum { CLIENTS_MAX = 8000, NODES_MAX = 512, SAMPLES_MAX = 1 << 20, LENGTH = 10, STAMP = 1001 };
static const char CLIENT[] = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
static const char DATANODE[] = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol";

struct node {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto info;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
    Pb__DatanodeStorageProto storage;
    char uuid[40], storage_id[40];
    struct rpc_client *rpc;
    struct buf rows;
    uint64_t count;
};

static const char *address, *file;
static int clients, writers, node_count;
static uint64_t blocks_each, first_block;
static struct node nodes[NODES_MAX];
static struct rpc_client *rpcs[CLIENTS_MAX];
static char pool_id[256], cluster_id[256];
static atomic_int refused, written, reports_left;
static atomic_bool over, begun;

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct rpc_client *connect_to(const char *protocol)
{
    struct rpc_client_options o = {.address = address,
                                   .protocol = protocol,
                                   .version = 1,
                                   .user = "root",
                                   .idle_timeout_ms = 3600000};
    struct rpc_client *rpc;
    struct err err;

    if (rpc_client_new(&o, &rpc, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return rpc;
}

/* The answer, or NULL and one more that was refused. */
static void *ask(struct rpc_client *rpc, struct arena *arena, const char *method, const void *rq,
                 const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *answer;
    struct err err;

    if (rpc_call_method(rpc, method, rq, type, arena, &answer, &err) == 0)
        return answer;
    if (atomic_fetch_add(&refused, 1) < 5)
        fprintf(stderr, "%s: %s\n", method, err.text);
    return NULL;
}

/* ---- datanodes ---- */

static void fill_node(struct node *n, int i, const Pb__StorageInfoProto *info)
{
    pb__datanode_registration_proto__init(&n->reg);
    pb__datanode_idproto__init(&n->id);
    pb__storage_info_proto__init(&n->info);
    pb__exported_block_keys_proto__init(&n->keys);
    pb__block_key_proto__init(&n->key);
    pb__datanode_storage_proto__init(&n->storage);
    snprintf(n->uuid, sizeof n->uuid, "00000000-0000-0000-0000-%012d", i);
    snprintf(n->storage_id, sizeof n->storage_id, "DS-%d", i);
    n->storage.storageuuid = n->storage_id;
    n->id.ipaddr = n->id.hostname = (char *)"127.0.0.1";
    n->id.datanodeuuid = n->uuid;
    n->id.xferport = 30000 + (uint32_t)i;
    n->id.infoport = 31000 + (uint32_t)i;
    n->id.ipcport = 32000 + (uint32_t)i;
    n->info.layoutversion = (uint32_t)-57;
    n->info.clusterid = cluster_id;
    n->info.namespceid = info->namespceid;
    n->info.ctime = info->ctime;
    n->keys.currentkey = &n->key;
    n->reg.datanodeid = &n->id;
    n->reg.storageinfo = &n->info;
    n->reg.keys = &n->keys;
    n->reg.softwareversion = (char *)"3.4.2";
}

static void beat(struct node *n, struct arena *arena)
{
    Pb__HeartbeatRequestProto rq = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__StorageReportProto report = PB__STORAGE_REPORT_PROTO__INIT, *list = &report;

    report.storageuuid = n->storage_id;
    report.storage = &n->storage;
    report.has_capacity = report.has_remaining = true;
    report.capacity = report.remaining = (uint64_t)1 << 42;
    rq.registration = &n->reg;
    rq.reports = &list;
    rq.n_reports = 1;
    ask(n->rpc, arena, "sendHeartbeat", &rq, &pb__heartbeat_response_proto__descriptor);
}

/* Of block k there are copies on three nodes a third of the circle apart. */
static void encode(struct node *n, int i)
{
    uint64_t all = blocks_each * (uint64_t)node_count / 3;

    buf_init(&n->rows, 1 << 30);
    for (uint64_t k = 0; k < all; k++)
        for (int r = 0; r < 3; r++)
            if ((k + (uint64_t)(r * node_count / 3)) % (uint64_t)node_count == (uint64_t)i) {
                buf_put_varint(&n->rows, (first_block + k) << 1);
                buf_put_varint(&n->rows, LENGTH);
                buf_put_varint(&n->rows, STAMP);
                buf_put_varint(&n->rows, 0);
                n->count++;
            }
}

static void join_all(void)
{
    Pb__VersionRequestProto version = PB__VERSION_REQUEST_PROTO__INIT;
    struct arena arena;

    arena_init(&arena, 64 << 20);
    for (int i = 0; i < node_count; i++) {
        Pb__RegisterDatanodeRequestProto rq = PB__REGISTER_DATANODE_REQUEST_PROTO__INIT;
        const Pb__VersionResponseProto *v;

        nodes[i].rpc = connect_to(DATANODE);
        v = ask(nodes[i].rpc, &arena, "versionRequest", &version,
                &pb__version_response_proto__descriptor);
        if (!v)
            exit(1);
        snprintf(pool_id, sizeof pool_id, "%s", v->info->blockpoolid);
        snprintf(cluster_id, sizeof cluster_id, "%s", v->info->storageinfo->clusterid);
        fill_node(&nodes[i], i, v->info->storageinfo);
        rq.registration = &nodes[i].reg;
        ask(nodes[i].rpc, &arena, "registerDatanode", &rq,
            &pb__register_datanode_response_proto__descriptor);
        beat(&nodes[i], &arena);
        encode(&nodes[i], i);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void *report_all(void *arg)
{
    Pb__BlockReportRequestProto rq = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__StorageBlockReportProto one = PB__STORAGE_BLOCK_REPORT_PROTO__INIT, *list = &one;
    ProtobufCBinaryData data;
    struct node *n = arg;
    struct arena arena;

    arena_init(&arena, 64 << 20);
    data = (ProtobufCBinaryData){.data = n->rows.bytes, .len = n->rows.n};
    one.storage = &n->storage;
    one.has_numberofblocks = true;
    one.numberofblocks = n->count;
    one.blocksbuffers = &data;
    one.n_blocksbuffers = 1;
    rq.registration = &n->reg;
    rq.blockpoolid = pool_id;
    rq.reports = &list;
    rq.n_reports = 1;
    while (!begun)
        usleep(1000);
    ask(n->rpc, &arena, "blockReport", &rq, &pb__block_report_response_proto__descriptor);
    atomic_fetch_sub(&reports_left, 1);
    arena_done(&arena);
    return NULL;
}

static void received(const char *uuid, const Pb__ExtendedBlockProto *b, struct arena *arena)
{
    Pb__BlockReceivedAndDeletedRequestProto rq = PB__BLOCK_RECEIVED_AND_DELETED_REQUEST_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto of = PB__STORAGE_RECEIVED_DELETED_BLOCKS_PROTO__INIT;
    Pb__ReceivedDeletedBlockInfoProto info = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__INIT;
    Pb__BlockProto block = PB__BLOCK_PROTO__INIT;
    Pb__StorageReceivedDeletedBlocksProto *list = &of;
    Pb__ReceivedDeletedBlockInfoProto *infos = &info;
    struct node *n = &nodes[atoi(uuid + 24)];

    block.blockid = b->blockid;
    block.genstamp = b->generationstamp;
    block.has_numbytes = true;
    block.numbytes = LENGTH;
    info.block = &block;
    info.status = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVED;
    of.storage = &n->storage;
    of.storageuuid = n->storage_id;
    of.blocks = &infos;
    of.n_blocks = 1;
    rq.registration = &n->reg;
    rq.blockpoolid = pool_id;
    rq.blocks = &list;
    rq.n_blocks = 1;
    ask(n->rpc, arena, "blockReceivedAndDeleted", &rq,
        &pb__block_received_and_deleted_response_proto__descriptor);
}

/* ---- clients ---- */

static void write_file(struct rpc_client *rpc, int number, int count, struct arena *arena)
{
    Pb__CreateRequestProto create = PB__CREATE_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = PB__FS_PERMISSION_PROTO__INIT;
    Pb__AddBlockRequestProto add = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    Pb__CompleteRequestProto complete = PB__COMPLETE_REQUEST_PROTO__INIT;
    Pb__AddBlockResponseProto *a;
    const Pb__CompleteResponseProto *c;
    char path[64], name[32];

    snprintf(path, sizeof path, "/storm/w%d/f%d", number, count);
    snprintf(name, sizeof name, "w%d", number);
    mode.perm = 0644;
    create.src = add.src = complete.src = path;
    create.clientname = add.clientname = complete.clientname = name;
    create.masked = &mode;
    create.createflag = 1;
    create.createparent = true;
    create.replication = 1;
    create.blocksize = 128 << 20;
    if (!ask(rpc, arena, "create", &create, &pb__create_response_proto__descriptor) ||
        !(a = ask(rpc, arena, "addBlock", &add, &pb__add_block_response_proto__descriptor)))
        return;
    received(a->block->locs[0]->id->datanodeuuid, a->block->b, arena);
    a->block->b->has_numbytes = true;
    a->block->b->numbytes = LENGTH;
    complete.last = a->block->b;
    c = ask(rpc, arena, "complete", &complete, &pb__complete_response_proto__descriptor);
    written += c && c->result;
    if (c && !c->result)
        refused++;
}

static void *write_files(void *arg)
{
    int number = (int)(intptr_t)arg, count = 0;
    struct arena arena;

    arena_init(&arena, 64 << 20);
    usleep((useconds_t)(number * 1000000ll / writers));
    while (!over) {
        double until = now_us() + 1e6;

        write_file(rpcs[number], number, count++, &arena);
        arena_reset(&arena);
        if (now_us() < until)
            usleep((useconds_t)(until - now_us()));
    }
    arena_done(&arena);
    return NULL;
}

/* All that only hold a connection: one of them after the other renews its lease. */
static void *renew(void *arg)
{
    struct arena arena;

    (void)arg;
    arena_init(&arena, 1 << 20);
    for (int i = writers; !over; i = i + 1 < clients ? i + 1 : writers) {
        Pb__RenewLeaseRequestProto rq = PB__RENEW_LEASE_REQUEST_PROTO__INIT;

        rq.clientname = (char *)"idle";
        ask(rpcs[i], &arena, "renewLease", &rq, &pb__renew_lease_response_proto__descriptor);
        arena_reset(&arena);
        usleep(10000);
    }
    arena_done(&arena);
    return NULL;
}

static void *keep_alive(void *arg)
{
    struct arena arena;

    (void)arg;
    arena_init(&arena, 1 << 20);
    while (!over)
        for (int i = 0; i < node_count && !over; i++) {
            beat(&nodes[i], &arena);
            arena_reset(&arena);
            usleep(20000);
        }
    arena_done(&arena);
    return NULL;
}

static int up(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Asks until @seconds have gone by and the reports, when they are waited for, are taken; prints. */
static void probe(double seconds, bool storm)
{
    static double took[SAMPLES_MAX];
    struct rpc_client *rpc = connect_to(CLIENT);
    double end = now_us() + seconds * 1e6;
    struct arena arena;
    int n = 0;

    arena_init(&arena, 1 << 20);
    while ((now_us() < end || (storm && reports_left > 0)) && n < SAMPLES_MAX) {
        Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
        double since = now_us();

        rq.src = (char *)(uintptr_t)file;
        ask(rpc, &arena, "getFileInfo", &rq, &pb__get_file_info_response_proto__descriptor);
        took[n++] = now_us() - since;
        arena_reset(&arena);
        usleep(1000);
    }
    qsort(took, (size_t)n, sizeof *took, up);
    printf("%.0f %.0f ", took[n / 2], took[n * 99 / 100]);
    fflush(stdout);
    arena_done(&arena);
    rpc_client_free(rpc);
}

static void connect_clients(void)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (int i = 0; i < clients; i++) {
        Pb__RenewLeaseRequestProto rq = PB__RENEW_LEASE_REQUEST_PROTO__INIT;

        rpcs[i] = connect_to(CLIENT);
        rq.clientname = (char *)"idle";
        ask(rpcs[i], &arena, "renewLease", &rq, &pb__renew_lease_response_proto__descriptor);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

int main(int argc, char **argv)
{
    struct rlimit limit = {16384, 16384};
    pthread_attr_t small;
    pthread_t t;
    double since;

    if (argc != 8)
        return 2;
    address = argv[1];
    clients = atoi(argv[2]);
    writers = atoi(argv[3]);
    node_count = atoi(argv[4]);
    blocks_each = strtoull(argv[5], NULL, 10);
    first_block = strtoull(argv[6], NULL, 10);
    file = argv[7];
    if (clients > CLIENTS_MAX || writers > clients || node_count > NODES_MAX || node_count < 3)
        return 2;
    setrlimit(RLIMIT_NOFILE, &limit);
    setpriority(PRIO_PROCESS, 0,
                -10); /* what is measured is the server, not who waits for a processor */
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    join_all();
    probe(3, false);
    connect_clients();
    reports_left = node_count;
    for (int i = 0; i < node_count; i++)
        if (pthread_create(&t, &small, report_all, &nodes[i]) != 0)
            return 1;
    for (int i = 0; i < writers; i++)
        if (pthread_create(&t, &small, write_files, (void *)(intptr_t)i) != 0)
            return 1;
    if (pthread_create(&t, &small, renew, NULL) || pthread_create(&t, &small, keep_alive, NULL))
        return 1;
    since = now_us();
    begun = true;
    probe(5, true);
    over = true;
    printf("%.1f %d %d\n", (now_us() - since) / 1e6, written, refused);
    return 0;
}
