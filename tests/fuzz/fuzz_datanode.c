/* What datanodes say, to a namenode with three of them and a few blocks: the first byte is the
 * method, the rest its request; 6 is the packed list of a block report alone.  Whoever speaks is
 * taken for one who may, so that more than the refusal is reached. */
#include <string.h>

#include "common/log.h"
#include "datanode_bad_blocks.pb-c.h"
#include "namenode/blocks/bm_parts.h"
#include "tests/fuzz/fuzz.h"

#define POOL "BP-1"

static struct namespace *ns;
static struct block_manager *bm;
static struct conf *conf;

static void lock(void *ctx)
{
    (void)ctx;
}

static int recovered(void *ctx, const struct bm_recovered *r, uint64_t *mark, struct err *err)
{
    (void)ctx;
    (void)r;
    *mark = 1;
    return err_set(err, ERR_IO, "not here");
}

static void add_file(const char *path, bool close)
{
    struct edit_block b = {ns_last_block_id(ns) + 1, 0, ns_gs(ns) + 1};
    struct edit_op add = {.code = EDIT_ADD,
                          .path = path,
                          .inode_id = ns_last_inode_id(ns) + 1,
                          .user = "u",
                          .group = "g",
                          .mode = 0644,
                          .replication = 2,
                          .block_size = 1 << 20,
                          .client_name = "c",
                          .client_machine = "h"};
    struct edit_op block = {.code = EDIT_ADD_BLOCK, .path = path, .blocks = &b, .block_count = 1};
    struct edit_op end = {.code = EDIT_CLOSE, .path = path, .blocks = &b, .block_count = 1};

    MUST(ns_apply(ns, &add, NULL) == 0 && ns_apply(ns, &block, NULL) == 0);
    b.length = 100;
    if (close)
        MUST(ns_apply(ns, &end, NULL) == 0);
}

/* The fields that say who speaks. */
struct who {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
};

static Pb__DatanodeRegistrationProto *who_speaks(struct who *w, char *uuid)
{
    pb__datanode_registration_proto__init(&w->reg);
    pb__datanode_idproto__init(&w->id);
    pb__storage_info_proto__init(&w->s);
    pb__exported_block_keys_proto__init(&w->keys);
    pb__block_key_proto__init(&w->key);
    w->keys.currentkey = &w->key;
    w->id.ipaddr = w->id.hostname = (char *)"10.0.0.1";
    w->id.datanodeuuid = uuid;
    w->id.xferport = (uint32_t)uuid[0];
    w->s.namespceid = 1;
    w->s.clusterid = (char *)"C";
    w->reg.datanodeid = &w->id;
    w->reg.storageinfo = &w->s;
    w->reg.keys = &w->keys;
    w->reg.softwareversion = (char *)"3.4.2";
    return &w->reg;
}

static void begin(void)
{
    struct bm_options o = {.env = env_posix(),
                           .pool_id = POOL,
                           .cluster_id = "C",
                           .namespace_id = 1,
                           .lock = lock,
                           .unlock = lock,
                           .recovered = recovered};
    struct conf_args args = {0};
    uint16_t storages[2];
    struct who w;
    char uuid[2] = "A";

    log_threshold = LOG_LEVEL_ERROR + 1;
    if (!conf)
        MUST(conf_load(&args, &conf, NULL) == 0);
    MUST(ns_new(NULL, &ns, NULL) == 0);
    add_file("/a", true);
    add_file("/b", true);
    add_file("/open", false);
    o.conf = conf;
    o.ns = ns;
    MUST(bm_new(&o, &bm, NULL) == 0);
    bm_begin(bm);
    bm_leave_safe_mode(bm, true);
    for (; uuid[0] < 'D'; uuid[0]++) {
        MUST(datanode_join(bm, who_speaks(&w, uuid), "10.0.0.1", NULL) == 0);
        MUST(datanode_storage(bm, datanode_find(bm, uuid), uuid, NULL) != NULL);
    }
    storages[0] = 1;
    storages[1] = 2;
    bm_expect(bm, ns_last_block_id(ns), storages, 2);
    bm_begin_recovery(bm, ns_last_block_id(ns), ns_gs(ns) + 1);
}

static void end(void)
{
    sweep_run(bm);
    redundancy_work(bm);
    bm_check(bm);
    bm_free(bm);
    ns_free(ns);
}

static void packed_report(const uint8_t *bytes, size_t n)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    ProtobufCBinaryData data = {.data = (uint8_t *)bytes, .len = n};

    storage.storageuuid = (char *)"A";
    s.storage = &storage;
    s.has_numberofblocks = true;
    s.numberofblocks = n / 4; /* the shortest replica has four bytes */
    s.blocksbuffers = &data;
    s.n_blocksbuffers = 1;
    report_full(bm, "A", &s, NULL);
}

static const ProtobufCMessageDescriptor *const types[] = {
    &pb__register_datanode_request_proto__descriptor,
    &pb__heartbeat_request_proto__descriptor,
    &pb__block_report_request_proto__descriptor,
    &pb__block_received_and_deleted_request_proto__descriptor,
    &pb__commit_block_synchronization_request_proto__descriptor,
    &pbdn__report_bad_blocks_request_proto__descriptor,
};

static void say(uint8_t method, ProtobufCMessage *m, struct arena *arena)
{
    Pb__HeartbeatResponseProto answer = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__BlockReportResponseProto reported = PB__BLOCK_REPORT_RESPONSE_PROTO__INIT;
    char uuid[] = "A";
    uint64_t mark;
    struct who w;

    who_speaks(&w, uuid);
    switch (method) {
    case 0: {
        Pb__DatanodeRegistrationProto *reg = ((Pb__RegisterDatanodeRequestProto *)m)->registration;

        reg->storageinfo = &w.s;
        datanode_join(bm, reg, "10.0.0.1", NULL);
        break;
    }
    case 1:
        ((Pb__HeartbeatRequestProto *)m)->registration = &w.reg;
        datanode_heartbeat(bm, (Pb__HeartbeatRequestProto *)m, arena, &answer, NULL);
        break;
    case 2:
        ((Pb__BlockReportRequestProto *)m)->registration = &w.reg;
        ((Pb__BlockReportRequestProto *)m)->blockpoolid = (char *)POOL;
        datanode_block_report(bm, (Pb__BlockReportRequestProto *)m, arena, &reported, NULL);
        break;
    case 3:
        ((Pb__BlockReceivedAndDeletedRequestProto *)m)->registration = &w.reg;
        ((Pb__BlockReceivedAndDeletedRequestProto *)m)->blockpoolid = (char *)POOL;
        datanode_received(bm, (Pb__BlockReceivedAndDeletedRequestProto *)m, NULL);
        break;
    case 4:
        writing_synchronized(bm, (Pb__CommitBlockSynchronizationRequestProto *)m, &mark, NULL);
        break;
    default: {
        const Pbdn__ReportBadBlocksRequestProto *bad = (Pbdn__ReportBadBlocksRequestProto *)m;

        for (size_t i = 0; i < bad->n_blocks; i++)
            for (size_t k = 0; k < bad->blocks[i]->n_locs; k++)
                bm_report_bad(bm, bad->blocks[i]->b->blockid,
                              bad->blocks[i]->locs[k]->id->datanodeuuid, NULL, "fuzz");
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena arena;
    ProtobufCMessage *m;

    if (n == 0 || bytes[0] > 6)
        return 0;
    arena_init(&arena, 64 << 20);
    begin();
    if (bytes[0] == 6)
        packed_report(bytes + 1, n - 1);
    else if ((m = protobuf_c_message_unpack(types[bytes[0]], &arena.pb, n - 1, bytes + 1)))
        say(bytes[0], m, &arena);
    end();
    arena_done(&arena);
    return 0;
}
