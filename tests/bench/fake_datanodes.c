/* fake_datanodes -- datanodes that exist on the wire only, so that a namenode has blocks to keep.
 *
 *   fake_datanodes ADDRESS NODES VOLUMES report FIRST BLOCKS
 *   fake_datanodes ADDRESS NODES VOLUMES files DIR FILES BLOCKS_EACH
 *
 * Registers NODES datanodes of VOLUMES volumes each by DatanodeProtocol, ours or Hadoop's
 * namenode at ADDRESS, and sends one heartbeat for each.  "report" sends full block reports, one
 * call for a volume: every datanode has every block from id FIRST on (10 bytes, stamp 1001).
 * "files" writes DIR/f0 and so on by ClientProtocol, each with so many blocks of 1000 bytes that
 * all datanodes report as received.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_namenode.pb-c.h"
#include "datanode.pb-c.h"
#include "common/bytes.h"
#include "proto/rpc_client.h"

enum {
    NODES_MAX = 16,
    VOLUMES_MAX = 64,
    LENGTH = 10,
    STAMP = 1001,
    BLOCK_BYTES = 1000,
    TRIES = 10000
};

struct node {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto info;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
    Pb__DatanodeStorageProto volumes[VOLUMES_MAX];
    char uuid[40], volume_ids[VOLUMES_MAX][60];
};

static struct rpc_client *datanode_rpc, *client_rpc;
static struct node nodes[NODES_MAX];
static int node_count, volume_count;
static struct arena arena;
static char pool_id[256], cluster_id[256];

/* Hadoop's namenode takes what datanodes received up a little later, and refuses the next block
 * until then. */
static void *ask(struct rpc_client *rpc, const char *method, const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *answer_type)
{
    ProtobufCMessage *answer;
    struct err err;

    for (int tries = 0; tries < TRIES; tries++) {
        if (rpc_call_method(rpc, method, request, answer_type, &arena, &answer, &err) == 0)
            return answer;
        if (!strstr(err.text, "Not replicated yet"))
            break;
    }
    fprintf(stderr, "%s: %s\n", method, err.text);
    exit(1);
}

static struct rpc_client *connect_to(const char *address, const char *protocol)
{
    struct rpc_client *rpc;
    struct err err;
    struct rpc_client_options o = {
        .address = address, .protocol = protocol, .version = 1, .user = "root"};

    if (rpc_client_new(&o, &rpc, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return rpc;
}

/* ---- registering ---- */

static void fill_node(struct node *n, int i, const Pb__StorageInfoProto *info)
{
    pb__datanode_registration_proto__init(&n->reg);
    pb__datanode_idproto__init(&n->id);
    pb__storage_info_proto__init(&n->info);
    pb__exported_block_keys_proto__init(&n->keys);
    pb__block_key_proto__init(&n->key);
    snprintf(n->uuid, sizeof n->uuid, "00000000-0000-0000-0000-%012d", i);
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
    for (int v = 0; v < volume_count; v++) {
        snprintf(n->volume_ids[v], sizeof n->volume_ids[v], "DS-%d-%d", i, v);
        pb__datanode_storage_proto__init(&n->volumes[v]);
        n->volumes[v].storageuuid = n->volume_ids[v];
    }
}

static void beat(struct node *n)
{
    Pb__HeartbeatRequestProto rq = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__StorageReportProto reports[VOLUMES_MAX], *list[VOLUMES_MAX];

    for (int v = 0; v < volume_count; v++) {
        pb__storage_report_proto__init(&reports[v]);
        reports[v].storageuuid = n->volume_ids[v];
        reports[v].storage = &n->volumes[v];
        reports[v].has_capacity = reports[v].has_remaining = true;
        reports[v].capacity = reports[v].remaining = (uint64_t)1 << 42;
        list[v] = &reports[v];
    }
    rq.registration = &n->reg;
    rq.reports = list;
    rq.n_reports = (size_t)volume_count;
    ask(datanode_rpc, "sendHeartbeat", &rq.base, &pb__heartbeat_response_proto__descriptor);
}

static void join_all(void)
{
    Pb__VersionRequestProto version = PB__VERSION_REQUEST_PROTO__INIT;
    Pb__RegisterDatanodeRequestProto rq = PB__REGISTER_DATANODE_REQUEST_PROTO__INIT;
    const Pb__VersionResponseProto *answer =
        ask(datanode_rpc, "versionRequest", &version.base, &pb__version_response_proto__descriptor);

    snprintf(pool_id, sizeof pool_id, "%s", answer->info->blockpoolid);
    snprintf(cluster_id, sizeof cluster_id, "%s", answer->info->storageinfo->clusterid);
    for (int i = 0; i < node_count; i++) {
        fill_node(&nodes[i], i, answer->info->storageinfo);
        rq.registration = &nodes[i].reg;
        ask(datanode_rpc, "registerDatanode", &rq.base,
            &pb__register_datanode_response_proto__descriptor);
        beat(&nodes[i]);
    }
    arena_reset(&arena);
}

/* ---- full reports ---- */

/* What a volume has of the blocks; in an order of no pattern, as directories give it. */
static uint64_t encode(struct buf *rows, int volume, uint64_t first, uint64_t blocks)
{
    uint64_t n = 0;

    buf_clear(rows);
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t k = i * 999983 % blocks;

        if (k % (uint64_t)volume_count != (uint64_t)volume)
            continue;
        buf_put_varint(rows, (first + k) << 1); /* zigzag */
        buf_put_varint(rows, LENGTH);
        buf_put_varint(rows, STAMP);
        buf_put_varint(rows, 0); /* finalized */
        n++;
    }
    return n;
}

static void report(uint64_t first, uint64_t blocks)
{
    struct buf rows;

    buf_init(&rows, 1 << 30);
    for (int v = 0; v < volume_count; v++) {
        uint64_t n = encode(&rows, v, first, blocks);
        ProtobufCBinaryData data = {.data = rows.bytes, .len = rows.n};

        for (int i = 0; i < node_count; i++) {
            Pb__BlockReportRequestProto rq = PB__BLOCK_REPORT_REQUEST_PROTO__INIT;
            Pb__BlockReportContextProto context = PB__BLOCK_REPORT_CONTEXT_PROTO__INIT;
            Pb__StorageBlockReportProto one = PB__STORAGE_BLOCK_REPORT_PROTO__INIT, *list = &one;

            one.storage = &nodes[i].volumes[v];
            one.has_numberofblocks = true;
            one.numberofblocks = n;
            one.blocksbuffers = &data;
            one.n_blocksbuffers = 1;
            context.totalrpcs = volume_count;
            context.currpc = v;
            context.id = 1 + i;
            rq.registration = &nodes[i].reg;
            rq.blockpoolid = pool_id;
            rq.reports = &list;
            rq.n_reports = 1;
            rq.context = &context;
            ask(datanode_rpc, "blockReport", &rq.base,
                &pb__block_report_response_proto__descriptor);
            beat(&nodes[i]);
            arena_reset(&arena);
        }
    }
    buf_done(&rows);
}

/* ---- files ---- */

static void received(const Pb__ExtendedBlockProto *b)
{
    for (int i = 0; i < node_count; i++) {
        Pb__BlockReceivedAndDeletedRequestProto rq =
            PB__BLOCK_RECEIVED_AND_DELETED_REQUEST_PROTO__INIT;
        Pb__StorageReceivedDeletedBlocksProto of = PB__STORAGE_RECEIVED_DELETED_BLOCKS_PROTO__INIT;
        Pb__ReceivedDeletedBlockInfoProto info = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__INIT;
        Pb__BlockProto block = PB__BLOCK_PROTO__INIT;
        Pb__StorageReceivedDeletedBlocksProto *list = &of;
        Pb__ReceivedDeletedBlockInfoProto *infos = &info;

        block.blockid = b->blockid;
        block.genstamp = b->generationstamp;
        block.has_numbytes = true;
        block.numbytes = BLOCK_BYTES;
        info.block = &block;
        info.status = PB__RECEIVED_DELETED_BLOCK_INFO_PROTO__BLOCK_STATUS__RECEIVED;
        of.storage = &nodes[i].volumes[0];
        of.storageuuid = nodes[i].volume_ids[0];
        of.blocks = &infos;
        of.n_blocks = 1;
        rq.registration = &nodes[i].reg;
        rq.blockpoolid = pool_id;
        rq.blocks = &list;
        rq.n_blocks = 1;
        ask(datanode_rpc, "blockReceivedAndDeleted", &rq.base,
            &pb__block_received_and_deleted_response_proto__descriptor);
    }
}

static void create(char *path)
{
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = PB__FS_PERMISSION_PROTO__INIT;

    mode.perm = 0644;
    rq.src = path;
    rq.masked = &mode;
    rq.clientname = (char *)"fake";
    rq.createflag = 1;
    rq.createparent = true;
    rq.replication = (uint32_t)node_count;
    rq.blocksize = 128 << 20;
    ask(client_rpc, "create", &rq.base, &pb__create_response_proto__descriptor);
}

static void write_file(char *path, int blocks)
{
    Pb__AddBlockRequestProto add = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    Pb__CompleteRequestProto complete = PB__COMPLETE_REQUEST_PROTO__INIT;
    bool done = false;

    create(path);
    add.src = complete.src = path;
    add.clientname = complete.clientname = (char *)"fake";
    for (int k = 0; k < blocks; k++) {
        Pb__AddBlockResponseProto *a =
            ask(client_rpc, "addBlock", &add.base, &pb__add_block_response_proto__descriptor);

        add.previous = complete.last = a->block->b;
        add.previous->has_numbytes = true;
        add.previous->numbytes = BLOCK_BYTES;
        received(a->block->b);
    }
    for (int tries = 0; !done; tries++) {
        const Pb__CompleteResponseProto *a =
            ask(client_rpc, "complete", &complete.base, &pb__complete_response_proto__descriptor);

        done = a->result;
        if (!done && tries == TRIES) {
            fprintf(stderr, "%s is not complete\n", path);
            exit(1);
        }
    }
    arena_reset(&arena);
}

int main(int argc, char **argv)
{
    bool files = argc == 8 && strcmp(argv[4], "files") == 0;
    char path[400];

    if (!files && !(argc == 7 && strcmp(argv[4], "report") == 0)) {
        fprintf(stderr,
                "usage: fake_datanodes ADDRESS NODES VOLUMES report FIRST BLOCKS\n"
                "       fake_datanodes ADDRESS NODES VOLUMES files DIR FILES BLOCKS_EACH\n");
        return 2;
    }
    node_count = atoi(argv[2]);
    volume_count = atoi(argv[3]);
    if (node_count < 1 || node_count > NODES_MAX || volume_count < 1 || volume_count > VOLUMES_MAX)
        return 2;
    arena_init(&arena, 64 << 20);
    datanode_rpc = connect_to(argv[1], "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol");
    client_rpc = connect_to(argv[1], "org.apache.hadoop.hdfs.protocol.ClientProtocol");
    join_all();
    if (!files)
        report(strtoull(argv[5], NULL, 10), strtoull(argv[6], NULL, 10));
    for (int i = 0; files && i < atoi(argv[6]); i++) {
        snprintf(path, sizeof path, "%s/f%d", argv[5], i);
        write_file(path, atoi(argv[7]));
    }
    rpc_client_free(datanode_rpc);
    rpc_client_free(client_rpc);
    arena_done(&arena);
    return 0;
}
