/* Replicas that go from one datanode to another: for a pipeline, for the namenode, for a balancer. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datanode/copies.h"
#include "tests/unit/datanode/dn_world.h"

enum { ID = 5, STAMP = 1001, BYTES = 3000, NOBODY = 1 /* a port */ };

struct pair {
    struct dn_world from, to;
    struct peer p;
};

static void pair_open(struct pair *w)
{
    world_open(&w->from, NULL);
    world_open(&w->to, NULL);
    CU_ASSERT(make_replica(env_posix(), w->from.dn.ds, ID, STAMP, BYTES) == 0);
}

static void pair_close(struct pair *w)
{
    world_close(&w->from);
    world_close(&w->to);
}

struct place {
    Pb__DatanodeInfoProto info;
    Pb__DatanodeIDProto id;
};

static Pb__DatanodeInfoProto *place_at(struct place *at, uint16_t port, const char *uuid)
{
    pb__datanode_info_proto__init(&at->info);
    pb__datanode_idproto__init(&at->id);
    at->id.ipaddr = at->id.hostname = (char *)(uintptr_t) "127.0.0.1";
    at->id.datanodeuuid = (char *)(uintptr_t)uuid;
    at->id.xferport = port;
    at->info.id = &at->id;
    return &at->info;
}

struct names {
    Pb__BaseHeaderProto base;
    Pb__ExtendedBlockProto block;
};

static Pb__BaseHeaderProto *name(struct names *n, uint64_t id, uint64_t stamp)
{
    pb__base_header_proto__init(&n->base);
    pb__extended_block_proto__init(&n->block);
    n->block.poolid = (char *)(uintptr_t)POOL;
    n->block.blockid = id;
    n->block.generationstamp = stamp;
    n->base.block = &n->block;
    return &n->base;
}

/* The status of the answer, in a connection of its own; @why gets the message. */
static int ask(uint16_t port, enum xfer_op code, const ProtobufCMessage *op, char why[400])
{
    const Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;
    struct peer p;
    int status = -1;

    peer_open(&p, port);
    if (xfer_send_op(p.fd, code, op, NULL) == 0 &&
        xfer_recv_message(p.fd, &pb__block_op_response_proto__descriptor, &p.arena, &m, NULL) ==
            0) {
        answer = (Pb__BlockOpResponseProto *)m;
        status = (int)answer->status;
        snprintf(why, 400, "%s", answer->message ? answer->message : "");
    }
    peer_close(&p);
    return status;
}

/* TRANSFER_BLOCK of @id, asked of @port. */
static int transfer(uint16_t port, uint64_t id, uint16_t target, char why[400])
{
    Pb__OpTransferBlockProto op = PB__OP_TRANSFER_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__StorageTypeProto disk = PB__STORAGE_TYPE_PROTO__DISK;
    char *storage = (char *)(uintptr_t) "";
    Pb__DatanodeInfoProto *targets[1];
    struct place at;
    struct names n;

    header.baseheader = name(&n, id, STAMP);
    header.clientname = (char *)(uintptr_t) "tester";
    op.header = &header;
    targets[0] = place_at(&at, target, "");
    op.targets = targets;
    op.n_targets = target != 0;
    op.targetstoragetypes = &disk;
    op.n_targetstoragetypes = target != 0;
    op.targetstorageids = &storage;
    op.n_targetstorageids = target != 0;
    return ask(port, XFER_TRANSFER_BLOCK, &op.base, why);
}

/* REPLACE_BLOCK, asked of @port: it is to fetch the block from @source. */
static int replace(uint16_t port, uint64_t id, uint16_t source, const char *uuid, char why[400])
{
    Pb__OpReplaceBlockProto op = PB__OP_REPLACE_BLOCK_PROTO__INIT;
    struct place at;
    struct names n;

    op.header = name(&n, id, STAMP);
    op.delhint = (char *)(uintptr_t) "";
    op.source = place_at(&at, source, uuid);
    op.has_storagetype = 1;
    op.storagetype = PB__STORAGE_TYPE_PROTO__DISK;
    return ask(port, XFER_REPLACE_BLOCK, &op.base, why);
}

static bool has(struct dn_world *w, enum replica_state state, uint64_t bytes)
{
    struct replica_facts f;
    uint8_t *got = NULL;
    uint64_t begin;
    struct peer p;
    size_t n;
    bool is = dataset_facts(w->dn.ds, ID, &f, NULL) == 0 && f.state == state &&
              f.block.stamp == STAMP && f.visible == bytes;

    if (!is)
        return false;
    peer_open(&p, w->dn.data_port);
    is = peer_read(&p, ID, STAMP, 0, bytes, &got, &begin, &n) == 0 && n == bytes &&
         is_pattern(got, 0, n);
    peer_close(&p);
    free(got);
    return is;
}

static bool has_none(struct dn_world *w)
{
    return dataset_block_count(w->dn.ds) == 0;
}

static void test_a_pipeline_gets_a_copy_of_a_closed_block(void)
{
    struct pair w;
    char why[400];

    pair_open(&w);
    CU_ASSERT(transfer(w.from.dn.data_port, ID, w.to.dn.data_port, why) == PB__STATUS__SUCCESS);
    CU_ASSERT(has(&w.to, REPLICA_FINALIZED, BYTES));
    CU_ASSERT(has(&w.from, REPLICA_FINALIZED, BYTES));
    pair_close(&w);
}

static void test_a_pipeline_gets_what_was_acknowledged_of_an_open_block(void)
{
    struct write_want want = want_of(ID, STAMP);
    struct dn_world from, to;
    struct draft *d;
    char why[400];

    world_open(&from, NULL);
    world_open(&to, NULL);
    CU_ASSERT_FATAL(dataset_create(from.dn.ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), from.dn.ds, d, BYTES) == 0);
    CU_ASSERT(transfer(from.dn.data_port, ID, to.dn.data_port, why) == PB__STATUS__SUCCESS);
    CU_ASSERT(has(&to, REPLICA_RBW, BYTES));
    dataset_release(from.dn.ds, d, false);
    world_close(&from);
    world_close(&to);
}

static void test_a_copy_that_can_not_be_made_is_told_and_leaves_nothing(void)
{
    struct pair w;
    char why[400];

    pair_open(&w);
    CU_ASSERT(transfer(w.from.dn.data_port, 77, w.to.dn.data_port, why) == PB__STATUS__ERROR);
    CU_ASSERT(strstr(why, "blk_77") || strstr(why, ":77"));
    CU_ASSERT(transfer(w.from.dn.data_port, ID, NOBODY, why) == PB__STATUS__ERROR);
    CU_ASSERT(transfer(w.from.dn.data_port, ID, 0, why) == PB__STATUS__ERROR);
    CU_ASSERT(strstr(why, "to nobody") != NULL);
    CU_ASSERT(has_none(&w.to));
    /* whom the copy is for may have it already */
    CU_ASSERT(make_replica(env_posix(), w.to.dn.ds, ID, STAMP, BYTES) == 0);
    CU_ASSERT(transfer(w.from.dn.data_port, ID, w.to.dn.data_port, why) == PB__STATUS__ERROR);
    CU_ASSERT(has(&w.to, REPLICA_FINALIZED, BYTES));
    pair_close(&w);
}

static void test_a_balancer_has_a_block_fetched_from_another_datanode(void)
{
    struct pair w;
    char why[400];

    pair_open(&w);
    CU_ASSERT(replace(w.to.dn.data_port, ID, w.from.dn.data_port, "other", why) ==
              PB__STATUS__SUCCESS);
    CU_ASSERT(has(&w.to, REPLICA_FINALIZED, BYTES));
    CU_ASSERT(replace(w.to.dn.data_port, ID, w.from.dn.data_port, "other", why) ==
              PB__STATUS__ERROR);
    CU_ASSERT(strstr(why, "already exists") != NULL);
    pair_close(&w);
}

static void test_a_balancer_is_told_why_a_block_did_not_come(void)
{
    struct pair w;
    char why[400];

    pair_open(&w);
    CU_ASSERT(replace(w.to.dn.data_port, 77, w.from.dn.data_port, "other", why) ==
              PB__STATUS__ERROR);
    CU_ASSERT(strstr(why, "opReplaceBlock") != NULL);
    CU_ASSERT(replace(w.to.dn.data_port, ID, NOBODY, "other", why) == PB__STATUS__ERROR);
    /* on another kind of storage of its own: it has none, and it does not have the block */
    CU_ASSERT(replace(w.to.dn.data_port, ID, w.to.dn.data_port, dataset_uuid(w.to.dn.ds), why) ==
              PB__STATUS__ERROR);
    CU_ASSERT(replace(w.from.dn.data_port, ID, w.from.dn.data_port, dataset_uuid(w.from.dn.ds),
                      why) == PB__STATUS__ERROR);
    CU_ASSERT(strstr(why, "already exists on storage DISK") != NULL);
    CU_ASSERT(has_none(&w.to));
    pair_close(&w);
}

/* The source's disk is wrong: what does not match its sums is not taken. */
static void test_a_rotten_block_is_not_taken_over(void)
{
    struct pair w;
    char path[5000], why[400];
    uint8_t byte;
    int fd;

    pair_open(&w);
    volume_block_path(dataset_volume(w.from.dn.ds, 0), HOME_FINALIZED, ID, path, sizeof path);
    fd = open(path, O_RDWR);
    CU_ASSERT(pread(fd, &byte, 1, 1700) == 1);
    byte ^= 8;
    CU_ASSERT(pwrite(fd, &byte, 1, 1700) == 1);
    close(fd);
    CU_ASSERT(replace(w.to.dn.data_port, ID, w.from.dn.data_port, "other", why) ==
              PB__STATUS__ERROR);
    CU_ASSERT(transfer(w.from.dn.data_port, ID, w.to.dn.data_port, why) == PB__STATUS__ERROR);
    while (dataset_deletes_pending(w.to.dn.ds) > 0)
        usleep(1000);
    CU_ASSERT(has_none(&w.to));
    pair_close(&w);
}

static void test_the_namenode_has_blocks_copied_along_a_chain(void)
{
    Pb__StorageTypeProto types[2] = {PB__STORAGE_TYPE_PROTO__DISK, PB__STORAGE_TYPE_PROTO__DISK};
    char *ids[2] = {(char *)(uintptr_t) "a", (char *)(uintptr_t) "b"};
    struct copy_want want = {
        .block = {.id = ID, .stamp = STAMP}, .types = types, .storage_ids = ids, .client = ""};
    Pb__DatanodeInfoProto *targets[2];
    struct dn_world third;
    struct place at[2];
    struct pair w;

    pair_open(&w);
    world_open(&third, NULL);
    targets[0] = place_at(&at[0], w.to.dn.data_port, "");
    targets[1] = place_at(&at[1], third.dn.data_port, "");
    want.targets = targets;
    want.target_count = 2;
    CU_ASSERT(copy_later(&w.from.dn, &want, NULL) == 0);
    for (int i = 0; i < 5000 && !(has(&w.to, REPLICA_FINALIZED, BYTES) &&
                                  has(&third, REPLICA_FINALIZED, BYTES));
         i++)
        usleep(1000);
    CU_ASSERT(has(&w.to, REPLICA_FINALIZED, BYTES));
    CU_ASSERT(has(&third, REPLICA_FINALIZED, BYTES));
    /* nobody is there: it is logged, and that is all */
    place_at(&at[0], NOBODY, "");
    CU_ASSERT(copy_later(&w.from.dn, &want, NULL) == 0);
    want.target_count = 0;
    CU_ASSERT(copy_later(&w.from.dn, &want, NULL) < 0);
    world_close(&third);
    pair_close(&w);
}

SUITE(moves, TEST(test_a_pipeline_gets_a_copy_of_a_closed_block),
      TEST(test_a_pipeline_gets_what_was_acknowledged_of_an_open_block),
      TEST(test_a_copy_that_can_not_be_made_is_told_and_leaves_nothing),
      TEST(test_a_balancer_has_a_block_fetched_from_another_datanode),
      TEST(test_a_balancer_is_told_why_a_block_did_not_come),
      TEST(test_a_rotten_block_is_not_taken_over),
      TEST(test_the_namenode_has_blocks_copied_along_a_chain));
