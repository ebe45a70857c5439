#include "tests/unit/datanode/dn_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datanode/meta_file.h"

const struct pool_info test_pool = {
    .cluster_id = "CID-test", .pool_id = POOL, .namespace_id = 77, .ctime_ms = 5};
const struct checksum test_sum = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C, 512};

uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

uint8_t *pattern_bytes(uint64_t at, size_t n)
{
    uint8_t *b = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        b[i] = pattern(at + i);
    return b;
}

bool is_pattern(const uint8_t *bytes, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != pattern(at + i))
            return false;
    return true;
}

static struct dataset *open_pool(struct env *env, const char *dir, const struct pool_info *pool,
                                 struct err *err)
{
    char *dirs[] = {(char *)(uintptr_t)dir};
    struct dataset_options o = {.env = env, .dirs = dirs, .dir_count = 1};
    struct dataset *ds;

    if (dataset_open(&o, &ds, err) < 0)
        return NULL;
    if (dataset_join(ds, pool, err) < 0) {
        dataset_close(ds);
        return NULL;
    }
    return ds;
}

struct dataset *open_dataset(struct env *env, const char *dir, struct err *err)
{
    return open_pool(env, dir, &test_pool, err);
}

struct write_want want_of(uint64_t id, uint64_t stamp)
{
    return (struct write_want){.block = {.id = id, .stamp = stamp, .bytes = 1 << 20},
                               .type = PB__STORAGE_TYPE_PROTO__DISK,
                               .sum = test_sum,
                               .conn_fd = -1};
}

/* @bytes go from the beginning of the chunk that the draft ends in to byte @n. */
static int write_bytes(struct env *env, struct dataset *ds, struct draft *d, const uint8_t *bytes,
                       uint64_t n)
{
    uint64_t from = d->received - d->received % test_sum.bytes_per;
    uint8_t *sums = malloc((n - from) / 128 + 8);
    int rc = env_pwrite(env, d->data_fd, bytes, n - from, from, NULL);

    checksum_make(&test_sum, bytes, n - from, sums);
    if (rc == 0)
        rc = env_pwrite(env, d->meta_fd, sums, checksum_bytes_for(&test_sum, n - from),
                        meta_offset(&test_sum, from), NULL);
    if (rc == 0) {
        dataset_count_written(ds, d, n - d->received);
        d->received = d->acked = n;
    }
    free(sums);
    return rc;
}

int write_draft(struct env *env, struct dataset *ds, struct draft *d, uint64_t n)
{
    uint64_t from = d->received - d->received % test_sum.bytes_per;
    uint8_t *bytes = pattern_bytes(from, n - from);
    int rc = write_bytes(env, ds, d, bytes, n);

    free(bytes);
    return rc;
}

int make_replica(struct env *env, struct dataset *ds, uint64_t id, uint64_t stamp, uint64_t n)
{
    uint8_t *bytes = pattern_bytes(0, n);
    int rc = make_replica_of(env, ds, id, stamp, bytes, n);

    free(bytes);
    return rc;
}

int make_replica_of(struct env *env, struct dataset *ds, uint64_t id, uint64_t stamp,
                    const uint8_t *bytes, uint64_t n)
{
    struct write_want want = want_of(id, stamp);
    struct replica_facts f;
    struct draft *d;
    int rc = dataset_create(ds, &want, &d, NULL);

    if (rc < 0)
        return rc;
    rc = write_bytes(env, ds, d, bytes, n);
    if (rc == 0)
        rc = dataset_finalize(ds, d, &f, NULL);
    dataset_release(ds, d, true);
    return rc;
}

void world_open(struct dn_world *w, const char *dir)
{
    world_open_pool(w, dir, POOL);
}

void world_open_pool(struct dn_world *w, const char *dir, const char *pool_id)
{
    struct pool_info pool = test_pool;
    const struct net_addr at = {.host = "127.0.0.1"};
    struct conf_args args = {0};
    struct err err = {0};

    *w = (struct dn_world){.dir = dir ? dir : suite_tmp_dir()};
    args.dir = w->dir; /* no files there */
    w->dn.env = env_posix();
    CU_ASSERT_FATAL(conf_load(&args, &w->conf, &err) == 0);
    w->dn.conf = w->conf;
    snprintf(pool.pool_id, sizeof pool.pool_id, "%s", pool_id);
    w->dn.ds = open_pool(w->dn.env, w->dir, &pool, &err);
    CU_ASSERT_FATAL(w->dn.ds != NULL);
    w->dn.crew = crew_new(64);
    w->dn.balance = throttle_new(w->dn.env, 0);
    w->dn.socket_timeout_ms = 5000;
    w->dn.write_timeout_ms = 5000;
    w->dn.keepalive_ms = 3000;
    w->dn.block_bytes = 1 << 20;
    snprintf(w->dn.ip, sizeof w->dn.ip, "127.0.0.1");
    CU_ASSERT_FATAL(scanner_start(&w->dn, 0, 0, &w->dn.scanner, &err) == 0);
    CU_ASSERT_FATAL(xceiver_listen(&w->dn, &at, &w->dn.data_port, &w->server, &err) == 0);
}

void world_close(struct dn_world *w)
{
    atomic_store(&w->dn.stopping, true);
    xceiver_stop(w->server);
    dataset_stop_writers(w->dn.ds);
    crew_free(w->dn.crew); /* clients have closed: the threads end */
    scanner_stop(w->dn.scanner);
    dataset_close(w->dn.ds);
    throttle_free(w->dn.balance);
    conf_free(w->conf);
}

/* ---- the other end ---- */

void peer_open(struct peer *p, uint16_t port)
{
    const struct net_addr to = {.host = "127.0.0.1", .port = port};

    arena_init(&p->arena, 4 << 20);
    p->bare = false;
    p->fd = net_connect(&to, NULL, 5000, NULL);
    CU_ASSERT_FATAL(p->fd >= 0);
}

void peer_close(struct peer *p)
{
    close(p->fd);
    arena_done(&p->arena);
}

static void fill_info(Pb__DatanodeInfoProto *info, Pb__DatanodeIDProto *id, uint16_t port)
{
    pb__datanode_info_proto__init(info);
    pb__datanode_idproto__init(id);
    id->ipaddr = id->hostname = (char *)(uintptr_t) "127.0.0.1";
    id->datanodeuuid = (char *)(uintptr_t) "";
    id->xferport = port;
    info->id = id;
}

int peer_write_op(struct peer *p, const struct write_request *r)
{
    Pb__OpWriteBlockProto op = PB__OP_WRITE_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;
    Pb__DatanodeInfoProto info[2], *infos[2] = {&info[0], &info[1]};
    Pb__DatanodeIDProto id[2];
    ProtobufCMessage *m;

    fill_info(&info[0], &id[0], r->mirror_port);
    fill_info(&info[1], &id[1], r->mirror2_port);
    block.poolid = (char *)(uintptr_t)POOL;
    block.blockid = r->id;
    block.generationstamp = r->stamp;
    block.has_numbytes = 1;
    block.numbytes = 1 << 20;
    base.block = &block;
    header.baseheader = &base;
    header.clientname = (char *)(uintptr_t)(r->client ? r->client : "tester");
    sum.type = test_sum.type;
    sum.bytesperchecksum = test_sum.bytes_per;
    op.header = &header;
    op.targets = infos;
    op.n_targets = (size_t)((r->mirror_port != 0) + (r->mirror2_port != 0));
    op.stage = r->stage;
    op.pipelinesize = 1;
    op.minbytesrcvd = r->min_bytes;
    op.maxbytesrcvd = r->max_bytes;
    op.latestgenerationstamp = r->new_stamp;
    op.requestedchecksum = &sum;
    if (xfer_send_op(p->fd, XFER_WRITE_BLOCK, &op.base, NULL) < 0)
        return -1;
    if (r->client && !r->client[0])
        return 0;
    if (xfer_recv_message(p->fd, &pb__block_op_response_proto__descriptor, &p->arena, &m, NULL) < 0)
        return -1;
    return (int)((Pb__BlockOpResponseProto *)m)->status;
}

int peer_packet(struct peer *p, int64_t seqno, uint64_t at, size_t n, bool last, bool sync)
{
    const struct packet_header h = {.offset = (int64_t)at,
                                    .seqno = seqno,
                                    .last = last,
                                    .sync = sync,
                                    .data_bytes = (uint32_t)n};
    uint32_t sums_n = p->bare ? 0 : (uint32_t)checksum_bytes_for(&test_sum, n);
    uint8_t *bytes = malloc(PACKET_HEADER_MAX + sums_n + n), *data = pattern_bytes(at, n);
    unsigned head = packet_header_put(bytes, &h, sums_n);
    int rc;

    if (!p->bare)
        checksum_make(&test_sum, data, n, bytes + head);
    memcpy(bytes + head + sums_n, data, n);
    rc = net_write_full(p->fd, bytes, head + sums_n + n, NULL);
    free(bytes);
    free(data);
    return rc;
}

int peer_ack(struct peer *p, int64_t *seqno, Pb__Status *reply, int max)
{
    ProtobufCMessage *m;
    const Pb__PipelineAckProto *ack;

    if (xfer_recv_message(p->fd, &pb__pipeline_ack_proto__descriptor, &p->arena, &m, NULL) < 0)
        return -1;
    ack = (Pb__PipelineAckProto *)m;
    *seqno = ack->seqno;
    for (size_t i = 0; i < ack->n_reply && (int)i < max; i++)
        reply[i] = ack->reply[i];
    return (int)ack->n_reply;
}

static bool good_ack(struct peer *p, int64_t want, int statuses)
{
    Pb__Status reply[8];
    int64_t seqno;
    bool good = peer_ack(p, &seqno, reply, 8) == statuses && seqno == want;

    for (int i = 0; good && i < statuses; i++)
        good = reply[i] == PB__STATUS__SUCCESS;
    return good;
}

bool peer_write_all(struct peer *p, uint64_t from, uint64_t to, int statuses)
{
    int64_t sent = 0;

    for (uint64_t at = from; at < to;) {
        size_t n = to - at < 64512 ? (size_t)(to - at) : 64512;

        if (at % 512 && n > 512 - at % 512)
            n = 512 - at % 512;
        if (peer_packet(p, sent++, at, n, false, false) < 0)
            return false;
        at += n;
    }
    if (peer_packet(p, sent++, to, 0, true, false) < 0)
        return false;
    for (int64_t i = 0; i < sent; i++)
        if (!good_ack(p, i, statuses))
            return false;
    return true;
}

static int read_packets(struct peer *p, const struct checksum *sum, uint8_t **out, uint64_t *begin,
                        size_t *n)
{
    bool first = true;

    *out = NULL;
    *n = 0;
    for (;;) {
        uint8_t lens[PACKET_LENS_BYTES], head[64], *payload;
        struct packet_lens l;
        struct packet_header h;
        struct rd r = rd_of(lens, sizeof lens);

        if (net_read_full(p->fd, lens, sizeof lens, NULL) < 0 ||
            packet_lens_parse(&r, &l, NULL) < 0 || l.header > sizeof head ||
            net_read_full(p->fd, head, l.header, NULL) < 0)
            return -1;
        r = rd_of(head, l.header);
        if (packet_header_parse(&r, &h, NULL) < 0)
            return -1;
        payload = malloc(l.payload + 1);
        if (net_read_full(p->fd, payload, l.payload, NULL) < 0 ||
            checksum_verify(sum, payload + l.payload - h.data_bytes, h.data_bytes, payload, 0,
                            NULL) < 0) {
            free(payload);
            return -2;
        }
        if (first)
            *begin = (uint64_t)h.offset;
        first = false;
        *out = realloc(*out, *n + h.data_bytes + 1);
        memcpy(*out + *n, payload + l.payload - h.data_bytes, h.data_bytes);
        *n += h.data_bytes;
        free(payload);
        if (h.last)
            return 0;
    }
}

int peer_read(struct peer *p, uint64_t id, uint64_t stamp, uint64_t offset, uint64_t length,
              uint8_t **out, uint64_t *begin, size_t *n)
{
    Pb__OpReadBlockProto op = PB__OP_READ_BLOCK_PROTO__INIT;
    Pb__ClientOperationHeaderProto header = PB__CLIENT_OPERATION_HEADER_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    Pb__ClientReadStatusProto said = PB__CLIENT_READ_STATUS_PROTO__INIT;
    const Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;
    int rc;

    block.poolid = (char *)(uintptr_t)POOL;
    block.blockid = id;
    block.generationstamp = stamp;
    base.block = &block;
    header.baseheader = &base;
    header.clientname = (char *)(uintptr_t) "tester";
    op.header = &header;
    op.offset = offset;
    op.len = length;
    if (xfer_send_op(p->fd, XFER_READ_BLOCK, &op.base, NULL) < 0 ||
        xfer_recv_message(p->fd, &pb__block_op_response_proto__descriptor, &p->arena, &m, NULL) < 0)
        return -1;
    answer = (Pb__BlockOpResponseProto *)m;
    if (answer->status != PB__STATUS__SUCCESS)
        return (int)answer->status;
    rc = read_packets(p, &test_sum, out, begin, n);
    said.status = rc == -2 ? PB__STATUS__ERROR_CHECKSUM : PB__STATUS__CHECKSUM_OK;
    if (rc == 0 || rc == -2)
        xfer_send_message(p->fd, &said.base, NULL);
    return rc;
}
