/* Units of a block group restored from others: one datanode has them all, under their own ids. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datanode/rebuild.h"
#include "datanode/restore.h"
#include "tests/unit/datanode/dn_world.h"

enum { CELL = 4096, GROUP_BYTES = 2 * 3 * CELL + CELL + 700, STAMP = 1001, UNITS = 5 };
static const uint64_t GROUP = 0x8000000000000010u; /* its units follow it */

struct group {
    struct dn_world w;
    Pb__ECSchemaProto schema;
    Pb__ErasureCodingPolicyProto policy;
    Pb__ExtendedBlockProto block;
    Pb__DatanodeInfoProto node;
    Pb__DatanodeIDProto id;
    uint8_t *units[CODER_UNITS_MAX];
    uint64_t bytes[CODER_UNITS_MAX];
};

static void name_things(struct group *g)
{
    pb__ecschema_proto__init(&g->schema);
    pb__erasure_coding_policy_proto__init(&g->policy);
    pb__extended_block_proto__init(&g->block);
    pb__datanode_info_proto__init(&g->node);
    pb__datanode_idproto__init(&g->id);
    g->schema.codecname = (char *)(uintptr_t) "rs";
    g->schema.dataunits = 3;
    g->schema.parityunits = 2;
    g->policy.id = 64;
    g->policy.name = (char *)(uintptr_t) "RS-3-2-4k";
    g->policy.schema = &g->schema;
    g->policy.has_cellsize = 1;
    g->policy.cellsize = CELL;
    g->block.poolid = (char *)(uintptr_t)POOL;
    g->block.blockid = GROUP;
    g->block.generationstamp = STAMP;
    g->block.has_numbytes = 1;
    g->block.numbytes = GROUP_BYTES;
    g->id.ipaddr = g->id.hostname = (char *)(uintptr_t) "127.0.0.1";
    g->id.datanodeuuid = (char *)(uintptr_t) "self";
    g->id.xferport = g->w.dn.data_port;
    g->node.id = &g->id;
}

/* The bytes of every unit: data dealt out from the pattern, parity by the coder. */
static void make_units(struct group *g)
{
    struct stripe_policy p;
    struct coder *c;
    uint8_t *file = pattern_bytes(0, GROUP_BYTES);

    CU_ASSERT_FATAL(stripe_policy_from(&g->policy, &p, NULL) == 0);
    CU_ASSERT_FATAL(coder_new(p.codec, p.data, p.parity, &c, NULL) == 0);
    for (unsigned u = 0; u < UNITS; u++) {
        g->bytes[u] = stripe_unit_bytes(&p, GROUP_BYTES, u);
        g->units[u] = calloc(1, 4 * CELL);
    }
    for (uint64_t at = 0; at < GROUP_BYTES; at++) {
        uint64_t cell = at / CELL;

        g->units[cell % 3][cell / 3 * CELL + at % CELL] = file[at];
    }
    coder_encode(c, 4 * CELL, (const uint8_t *const *)g->units, g->units + 3);
    coder_free(c);
    free(file);
}

static void group_open(struct group *g, unsigned there)
{
    *g = (struct group){.w = {.dir = NULL}};
    world_open(&g->w, NULL);
    g->w.dn.ec_read = throttle_new(g->w.dn.env, 0);
    g->w.dn.ec_write = throttle_new(g->w.dn.env, 0);
    name_things(g);
    make_units(g);
    for (unsigned u = 0; u < UNITS; u++)
        if (there >> u & 1)
            CU_ASSERT_FATAL(make_replica_of(g->w.dn.env, g->w.dn.ds, GROUP + u, STAMP, g->units[u],
                                            g->bytes[u]) == 0);
}

static void group_close(struct group *g)
{
    world_close(&g->w);
    throttle_free(g->w.dn.ec_read);
    throttle_free(g->w.dn.ec_write);
    for (unsigned u = 0; u < UNITS; u++)
        free(g->units[u]);
}

/* Restores @want with @named as sources, and compares. */
static int restores(struct group *g, unsigned named, unsigned want, struct err *err)
{
    Pb__DatanodeInfoProto *nodes[UNITS];
    uint8_t indices[UNITS];
    struct restore_want w = {.group = &g->block,
                             .policy = &g->policy,
                             .sources = nodes,
                             .source_units = indices,
                             .units = want};
    uint64_t at[UNITS] = {0};
    struct restore *r;
    int rc;

    for (uint8_t u = 0; u < UNITS; u++)
        if (named >> u & 1) {
            nodes[w.source_count] = &g->node;
            indices[w.source_count++] = u;
        }
    rc = restore_open(&g->w.dn, &w, &r, err);
    if (rc < 0)
        return rc;
    while ((rc = restore_next(r, err)) > 0)
        for (unsigned u = 0; u < UNITS; u++) {
            const uint8_t *bytes;
            uint32_t n = want >> u & 1 ? restore_piece(r, u, &bytes) : 0;

            CU_ASSERT(n == 0 || memcmp(bytes, g->units[u] + at[u], n) == 0);
            at[u] += n;
        }
    for (unsigned u = 0; u < UNITS; u++)
        if (rc == 0 && want >> u & 1)
            CU_ASSERT(at[u] == g->bytes[u]);
    restore_close(r);
    return rc;
}

static void flip(struct group *g, unsigned u, uint64_t at)
{
    struct reading r;
    struct block b = {.id = GROUP + u, .stamp = STAMP};
    uint8_t byte = (uint8_t)~g->units[u][at];
    char link[64], path[4096];
    ssize_t n;

    CU_ASSERT_FATAL(dataset_read(g->w.dn.ds, &b, &r, NULL) == 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", r.files->data_fd);
    n = readlink(link, path, sizeof path - 1);
    CU_ASSERT_FATAL(n > 0);
    path[n] = 0;
    reading_done(&r);
    int fd = env_open(env_posix(), path, 2, 0, NULL);
    CU_ASSERT(env_pwrite(env_posix(), fd, &byte, 1, at, NULL) == 0);
    env_close(env_posix(), fd, NULL);
}

static void test_any_one_or_two_units_come_back(void)
{
    struct group g;

    group_open(&g, 0x1f);
    for (unsigned want = 1; want < 0x20; want++)
        if (__builtin_popcount(want) <= 2)
            CU_ASSERT(restores(&g, 0x1f & ~want, want, NULL) == 0);
    group_close(&g);
}

static void test_a_restored_unit_that_is_checked_leads_back_to_its_sources(void)
{
    const char *on[] = {"dfs.datanode.ec.reconstruction.validation=true"};
    struct conf_args args = {.defines = on, .define_count = 1};
    struct conf *conf;
    struct group g;

    group_open(&g, 0x1f);
    args.dir = g.w.dir;
    CU_ASSERT_FATAL(conf_load(&args, &conf, NULL) == 0);
    g.w.dn.conf = conf;
    for (unsigned want = 1; want < 0x20; want++)
        if (__builtin_popcount(want) <= 2)
            CU_ASSERT(restores(&g, 0x1f & ~want, want, NULL) == 0);
    g.w.dn.conf = g.w.conf;
    conf_free(conf);
    group_close(&g);
}

static void test_a_source_that_is_corrupt_or_gone_is_left_out(void)
{
    struct group g;

    group_open(&g, 0x1f);
    flip(&g, 2, CELL + 5); /* found when its first bytes were used already */
    CU_ASSERT(restores(&g, 0x1e, 0x01, NULL) == 0);
    group_close(&g);
    group_open(&g, 0x1b); /* 2 is named and not there */
    CU_ASSERT(restores(&g, 0x1e, 0x01, NULL) == 0);
    group_close(&g);
}

static void test_too_few_sources_are_an_error_that_lists_what_is_lost(void)
{
    struct group g;
    struct err err;

    group_open(&g, 0x1f);
    flip(&g, 1, 10);
    CU_ASSERT(restores(&g, 0x0e, 0x01, &err) == -ERR_BLOCK_MISSING);
    CU_ASSERT(strstr(err.text, "lacks units 0 (no datanode), 1 (") != NULL);
    CU_ASSERT(strstr(err.text, "4 (no datanode): too many to restore") != NULL);
    group_close(&g);
}

static void test_mixed_up_indices_are_refused(void)
{
    struct group g;
    struct err err;
    Pb__DatanodeInfoProto *nodes[4];
    uint8_t indices[4] = {0, 1, 2, 7};
    struct restore *r;

    group_open(&g, 0);
    struct restore_want w = {.group = &g.block,
                             .policy = &g.policy,
                             .sources = nodes,
                             .source_units = indices,
                             .source_count = 4,
                             .units = 0x10};
    for (int i = 0; i < 4; i++)
        nodes[i] = &g.node;
    CU_ASSERT(restore_open(&g.w.dn, &w, &r, &err) == -ERR_ARGUMENT);
    CU_ASSERT(strcmp(err.text, "unit 7 of the 5 of RS-3-2-4k") == 0);
    CU_ASSERT(restores(&g, 0x1f, 0x10, &err) == -ERR_ARGUMENT); /* wanted, and there */
    w.units = 0x20;
    CU_ASSERT(restore_open(&g.w.dn, &w, &r, &err) == -ERR_ARGUMENT);
    g.policy.cellsize = 0;
    CU_ASSERT(restore_open(&g.w.dn, &w, &r, &err) == -ERR_PROTOCOL);
    group_close(&g);
}

static void fill_order(struct group *g, Pb__BlockECReconstructionInfoProto *o,
                       Pb__DatanodeInfoProto **nodes)
{
    static Pb__DatanodeInfosProto sources, targets;
    static Pb__StorageUuidsProto storages;
    static Pb__StorageTypesProto types;
    static char *ids[] = {"", ""};
    static Pb__StorageTypeProto disks[] = {PB__STORAGE_TYPE_PROTO__DISK,
                                           PB__STORAGE_TYPE_PROTO__DISK};
    static uint8_t live[] = {1, 2, 4};

    pb__datanode_infos_proto__init(&sources);
    pb__datanode_infos_proto__init(&targets);
    pb__storage_uuids_proto__init(&storages);
    pb__storage_types_proto__init(&types);
    for (int i = 0; i < 3; i++)
        nodes[i] = &g->node;
    sources.datanodes = targets.datanodes = nodes;
    sources.n_datanodes = 3;
    targets.n_datanodes = 2;
    storages.storageuuids = ids;
    types.storagetypes = disks;
    storages.n_storageuuids = types.n_storagetypes = 2;
    o->block = &g->block;
    o->sourcedninfos = &sources;
    o->targetdninfos = &targets;
    o->targetstorageuuids = &storages;
    o->targetstoragetypes = &types;
    o->liveblockindices = (ProtobufCBinaryData){sizeof live, live};
    o->ecpolicy = &g->policy;
}

/* The unit is there, and reads as what was lost. */
static bool has_unit(struct group *g, unsigned u)
{
    uint64_t begin;
    struct peer p;
    uint8_t *bytes = NULL;
    size_t n = 0;
    bool good;

    peer_open(&p, g->w.dn.data_port);
    good = peer_read(&p, GROUP + u, STAMP, 0, g->bytes[u], &bytes, &begin, &n) == 0 &&
           n == g->bytes[u] && memcmp(bytes, g->units[u], n) == 0;
    free(bytes);
    peer_close(&p);
    return good;
}

static void test_an_order_makes_the_units_that_are_not_there(void)
{
    Pb__BlockECReconstructionInfoProto o = PB__BLOCK_ECRECONSTRUCTION_INFO_PROTO__INIT;
    Pb__DatanodeInfoProto *nodes[3];
    struct group g;
    struct err err;

    group_open(&g, 0x16);
    fill_order(&g, &o, nodes);
    CU_ASSERT(rebuild_now(&g.w.dn, &o, &err) == 0);
    CU_ASSERT(has_unit(&g, 0) && has_unit(&g, 3));
    rebuild_now(&g.w.dn, &o, NULL); /* the targets have them already: they will not have others */
    CU_ASSERT(has_unit(&g, 0) && has_unit(&g, 3));
    o.liveblockindices.len = 2;
    CU_ASSERT(rebuild_now(&g.w.dn, &o, &err) == -ERR_ARGUMENT);
    CU_ASSERT(strcmp(err.text, "3 sources with 2 indices") == 0);
    g.block.poolid = (char *)(uintptr_t) "BP-of-others";
    CU_ASSERT(rebuild_now(&g.w.dn, &o, &err) == -ERR_BAD_POOL);
    group_close(&g);
}

/* ---- BLOCK_GROUP_CHECKSUM ---- */

struct sum_question {
    unsigned named; /* units whose datanode is named */
    size_t indices_less;
    uint64_t bytes;
    bool composite;
};

/* The answer's status; the sum's bytes and how many. */
static int ask_sum(struct group *g, const struct sum_question *q, uint8_t out[16], size_t *n)
{
    Pb__OpBlockGroupChecksumProto op = PB__OP_BLOCK_GROUP_CHECKSUM_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__DatanodeInfosProto nodes = PB__DATANODE_INFOS_PROTO__INIT;
    Pb__BlockChecksumOptionsProto options = PB__BLOCK_CHECKSUM_OPTIONS_PROTO__INIT;
    Pb__DatanodeInfoProto *list[UNITS];
    Pb__BlockOpResponseProto *answer;
    uint32_t indices[UNITS];
    struct peer p;
    int status;

    for (uint32_t u = 0; u < UNITS; u++)
        if (q->named >> u & 1) {
            list[nodes.n_datanodes] = &g->node;
            indices[nodes.n_datanodes++] = u;
        }
    nodes.datanodes = list;
    base.block = &g->block;
    options.has_blockchecksumtype = 1;
    options.blockchecksumtype = q->composite ? PB__BLOCK_CHECKSUM_TYPE_PROTO__COMPOSITE_CRC
                                             : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    op.header = &base;
    op.datanodes = &nodes;
    op.ecpolicy = &g->policy;
    op.blockindices = indices;
    op.n_blockindices = nodes.n_datanodes - q->indices_less;
    op.requestednumbytes = q->bytes;
    op.blockchecksumoptions = &options;
    peer_open(&p, g->w.dn.data_port);
    CU_ASSERT_FATAL(xfer_send_op(p.fd, XFER_BLOCK_GROUP_CHECKSUM, &op.base, NULL) == 0);
    CU_ASSERT_FATAL(xfer_recv_message(p.fd, &pb__block_op_response_proto__descriptor, &p.arena,
                                      (ProtobufCMessage **)&answer, NULL) == 0);
    status = answer->status;
    if (status == PB__STATUS__SUCCESS) {
        *n = answer->checksumresponse->blockchecksum.len;
        CU_ASSERT_FATAL(*n <= 16);
        memcpy(out, answer->checksumresponse->blockchecksum.data, *n);
    }
    peer_close(&p);
    return status;
}

static void test_a_groups_composite_sum_is_that_of_its_bytes_with_and_without_a_unit(void)
{
    static const uint64_t lengths[] = {1, 700, CELL, CELL + 1, 3 * CELL, 4 * CELL + 7, GROUP_BYTES};
    uint8_t *file = pattern_bytes(0, GROUP_BYTES), sum[16];
    struct group g;
    size_t n;

    group_open(&g, 0x1f);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (unsigned named = 0x1a; named <= 0x1f; named += 5) { /* 0x1a: 0 and 2 are restored */
            struct sum_question q = {.named = named, .bytes = lengths[i], .composite = true};

            CU_ASSERT(ask_sum(&g, &q, sum, &n) == 0 && n == 4);
            CU_ASSERT(get_be(sum, 4) == checksum_of(&test_sum, file, lengths[i]));
        }
    group_close(&g);
    free(file);
}

static void test_a_groups_md5_is_the_same_with_units_lost(void)
{
    const struct sum_question whole = {.named = 0x1f, .bytes = GROUP_BYTES};
    uint8_t first[16], sum[16];
    struct group g;
    size_t n;

    group_open(&g, 0x1f);
    CU_ASSERT(ask_sum(&g, &whole, first, &n) == 0 && n == 16);
    for (unsigned lost = 1; lost < 0x20; lost++) {
        struct sum_question q = whole;

        q.named &= ~lost;
        if (__builtin_popcount(lost) <= 2)
            CU_ASSERT(ask_sum(&g, &q, sum, &n) == 0 && n == 16 && memcmp(sum, first, n) == 0);
    }
    group_close(&g);
}

static void test_questions_about_groups_that_make_no_sense_get_an_error(void)
{
    const struct sum_question good = {.named = 0x1f, .bytes = GROUP_BYTES};
    struct sum_question q = good;
    uint8_t sum[16];
    struct group g;
    size_t n;

    group_open(&g, 0x1f);
    q.indices_less = 1;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    q = good;
    q.bytes = GROUP_BYTES + 1;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    q.bytes = 0;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    q = good;
    q.named = 0x03; /* two of five */
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    g.policy.cellsize = 1000; /* not of whole chunks */
    q = good;
    q.composite = true;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    g.policy.cellsize = UINT32_MAX;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    g.policy.cellsize = CELL;
    g.schema.dataunits = 40;
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    g.schema.dataunits = 3;
    g.block.poolid = (char *)(uintptr_t) "BP-of-others";
    CU_ASSERT(ask_sum(&g, &q, sum, &n) == PB__STATUS__ERROR);
    group_close(&g);
}

SUITE(restore, TEST(test_any_one_or_two_units_come_back),
      TEST(test_a_restored_unit_that_is_checked_leads_back_to_its_sources),
      TEST(test_a_source_that_is_corrupt_or_gone_is_left_out),
      TEST(test_too_few_sources_are_an_error_that_lists_what_is_lost),
      TEST(test_mixed_up_indices_are_refused),
      TEST(test_an_order_makes_the_units_that_are_not_there),
      TEST(test_a_groups_composite_sum_is_that_of_its_bytes_with_and_without_a_unit),
      TEST(test_a_groups_md5_is_the_same_with_units_lost),
      TEST(test_questions_about_groups_that_make_no_sense_get_an_error))
