/* The data server, asked by a raw client: right, wrong and hostile. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/datanode/dn_world.h"

static bool write_block(struct dn_world *w, uint64_t id, uint64_t bytes)
{
    const struct write_request r = {.id = id, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct peer p;
    bool good;

    peer_open(&p, w->dn.data_port);
    good = peer_write_op(&p, &r) == PB__STATUS__SUCCESS && peer_write_all(&p, 0, bytes, 1);
    peer_close(&p);
    return good;
}

/* Reads all of [offset, offset + length) and compares. */
static bool reads(struct dn_world *w, uint64_t id, uint64_t offset, uint64_t length)
{
    uint64_t begin = 0;
    struct peer p;
    uint8_t *bytes = NULL;
    size_t n = 0;
    bool good;

    peer_open(&p, w->dn.data_port);
    good = peer_read(&p, id, 1001, offset, length, &bytes, &begin, &n) == 0 && begin <= offset &&
           begin + n >= offset + length && is_pattern(bytes, begin, n);
    free(bytes);
    peer_close(&p);
    return good;
}

static void test_what_is_written_is_read_back_whole_and_in_part(void)
{
    struct dn_world w;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 3000000));
    CU_ASSERT(reads(&w, 5, 0, 3000000));
    CU_ASSERT(reads(&w, 5, 1000, 10));
    CU_ASSERT(reads(&w, 5, 512, 4096));
    CU_ASSERT(reads(&w, 5, 2999999, 1));
    CU_ASSERT(reads(&w, 5, 100, 2000000));
    CU_ASSERT(reads(&w, 5, 3000000, 0));
    world_close(&w);
}

static void test_many_operations_share_a_connection(void)
{
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 100000));
    peer_open(&p, w.dn.data_port);
    for (int i = 0; i < 20; i++) {
        uint64_t begin;
        uint8_t *bytes;
        size_t n;

        CU_ASSERT_FATAL(peer_read(&p, 5, 1001, (uint64_t)i * 4000, 4000, &bytes, &begin, &n) == 0);
        CU_ASSERT(is_pattern(bytes, begin, n));
        free(bytes);
    }
    peer_close(&p);
    world_close(&w);
}

static void test_a_range_beyond_the_block_is_refused(void)
{
    struct dn_world w;
    uint64_t begin;
    uint8_t *bytes;
    struct peer p;
    size_t n;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 1000));
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_read(&p, 5, 1001, 900, 101, &bytes, &begin, &n) == PB__STATUS__ERROR);
    peer_close(&p);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_read(&p, 5, 1001, UINT64_MAX - 5, 10, &bytes, &begin, &n) == PB__STATUS__ERROR);
    peer_close(&p);
    world_close(&w);
}

static void test_an_unknown_block_and_a_wrong_stamp_are_refused(void)
{
    struct dn_world w;
    uint64_t begin;
    uint8_t *bytes;
    struct peer p;
    size_t n;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 1000));
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_read(&p, 6, 1001, 0, 10, &bytes, &begin, &n) == PB__STATUS__ERROR);
    peer_close(&p);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_read(&p, 5, 1002, 0, 10, &bytes, &begin, &n) == PB__STATUS__ERROR);
    peer_close(&p);
    peer_open(&p, w.dn.data_port); /* an older stamp than the replica's is fine */
    CU_ASSERT(peer_read(&p, 5, 1000, 0, 10, &bytes, &begin, &n) == 0);
    free(bytes);
    peer_close(&p);
    world_close(&w);
}

static void test_a_block_that_exists_is_not_written_again(void)
{
    const struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 1000));
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__ERROR_EXISTS);
    peer_close(&p);
    CU_ASSERT(reads(&w, 5, 0, 1000));
    world_close(&w);
}

/* hflush: the client sends the unfinished chunk again, longer, with what comes next. */
static void test_flushed_bytes_are_readable_while_the_block_is_written(void)
{
    const struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    Pb__Status status[4];
    struct dn_world w;
    int64_t seqno;
    struct peer p;

    world_open(&w, NULL);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_packet(&p, 0, 0, 700, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && seqno == 0);
    CU_ASSERT(reads(&w, 5, 0, 700));
    CU_ASSERT(peer_packet(&p, 1, 512, 400, false, true) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && seqno == 1);
    CU_ASSERT(reads(&w, 5, 0, 912));
    CU_ASSERT(reads(&w, 5, 600, 300));
    CU_ASSERT(peer_packet(&p, HEARTBEAT_SEQNO, 0, 0, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && seqno == HEARTBEAT_SEQNO);
    CU_ASSERT(peer_packet(&p, 2, 512, 5000, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && seqno == 2);
    CU_ASSERT(peer_packet(&p, 3, 5512, 0, true, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && seqno == 3);
    CU_ASSERT(reads(&w, 5, 0, 5512));
    peer_close(&p);
    world_close(&w);
}

/* An append begins inside a chunk: the client knows only its own bytes of it. */
static void test_an_append_completes_a_chunk(void)
{
    const struct write_request r = {.id = 5,
                                    .stamp = 1001,
                                    .new_stamp = 1002,
                                    .min_bytes = 700,
                                    .stage = STAGE(PIPELINE_SETUP_APPEND)};
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 700));
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_write_all(&p, 700, 100000, 1));
    peer_close(&p);
    CU_ASSERT(reads(&w, 5, 0, 100000));
    CU_ASSERT(reads(&w, 5, 690, 30));
    world_close(&w);
}

/* As a Java client writes a file that may stay in memory: announced with sums, sent without. */
static void test_packets_without_sums_get_them_on_each_datanode(void)
{
    struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    Pb__Status status[4];
    struct dn_world w[2];
    int64_t seqno;
    struct peer p;

    world_open(&w[0], NULL);
    world_open(&w[1], NULL);
    r.mirror_port = w[1].dn.data_port;
    peer_open(&p, w[0].dn.data_port);
    p.bare = true;
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_packet(&p, 0, 0, 700, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 2 && seqno == 0);
    CU_ASSERT(reads(&w[1], 5, 0, 700));
    CU_ASSERT(peer_packet(&p, 1, 512, 60000, false, true) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 2 && seqno == 1);
    CU_ASSERT(peer_packet(&p, 2, 60512, 0, true, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 2 && seqno == 2);
    peer_close(&p);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(reads(&w[i], 5, 0, 60512)); /* the reader checks the sums that are sent with it */
        world_close(&w[i]);
    }
}

static void test_a_pipeline_of_three_keeps_three_copies(void)
{
    struct dn_world w[3];
    struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct peer p;

    for (int i = 0; i < 3; i++)
        world_open(&w[i], NULL);
    r.mirror_port = w[1].dn.data_port;
    r.mirror2_port = w[2].dn.data_port;
    peer_open(&p, w[0].dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_write_all(&p, 0, 2000000, 3));
    peer_close(&p);
    for (int i = 0; i < 3; i++)
        CU_ASSERT(reads(&w[i], 5, 0, 2000000));
    for (int i = 0; i < 3; i++)
        world_close(&w[i]);
}

static void test_a_dead_mirror_is_named(void)
{
    struct write_request r = {
        .id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE), .mirror_port = 1};
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__ERROR);
    peer_close(&p);
    world_close(&w);
}

/* The second datanode goes while the block is written: the ack blames it, not the first. */
static void test_a_mirror_that_dies_is_blamed(void)
{
    struct dn_world w[2];
    struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    Pb__Status status[4];
    int64_t seqno;
    struct peer p;

    world_open(&w[0], NULL);
    world_open(&w[1], NULL);
    r.mirror_port = w[1].dn.data_port;
    peer_open(&p, w[0].dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_packet(&p, 0, 0, 5000, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 2);
    world_close(&w[1]);
    CU_ASSERT(peer_packet(&p, 1, 5000 - 5000 % 512, 5000, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 2 && seqno == 1);
    CU_ASSERT(status[0] == PB__STATUS__SUCCESS && status[1] == PB__STATUS__ERROR);
    peer_close(&p);
    world_close(&w[0]);
}

static void test_a_packet_that_does_not_fit_its_sums_is_refused(void)
{
    const struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    const struct packet_header h = {.data_bytes = 512};
    uint8_t bytes[PACKET_HEADER_MAX + 4 + 512] = {0};
    int64_t before = atomic_load(&counters[COUNT_checksum_errors].value), seqno;
    unsigned n = packet_header_put(bytes, &h, 4);
    Pb__Status status[4];
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(net_write_full(p.fd, bytes, n + 4 + 512, NULL) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1 && status[0] == PB__STATUS__ERROR_CHECKSUM);
    peer_close(&p);
    CU_ASSERT(atomic_load(&counters[COUNT_checksum_errors].value) == before + 1);
    world_close(&w);
}

/* Whatever comes, the connection ends and the server goes on. */
static void send_and_expect_end(struct dn_world *w, const void *bytes, size_t n, bool in_write)
{
    const struct write_request r = {.id = 99, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct peer p;
    uint8_t rest[4096];
    ssize_t k;

    peer_open(&p, w->dn.data_port);
    if (in_write)
        CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    send(p.fd, bytes, n, MSG_NOSIGNAL);
    shutdown(p.fd, SHUT_WR);
    while ((k = recv(p.fd, rest, sizeof rest, 0)) > 0)
        ;
    CU_ASSERT(k == 0 || k == -1);
    peer_close(&p);
    dataset_delete(w->dn.ds, &(struct block){99, 1001, 0}, NULL);
}

static void test_garbage_on_the_data_port_ends_the_connection_alone(void)
{
    static const char *const lines[] = {"GET / HTTP/1.1\r\n\r\n",
                                        "\0\034\120\377\377\377\377\377\377",
                                        "\0\033\121",
                                        "\0\034\001",
                                        "\0\034\121\200\200\200\200\004",
                                        "\0\034\121\003abc",
                                        "\0",
                                        "\0\034\120\012ab"};
    static const size_t sizes[] = {18, 9, 3, 3, 8, 7, 1, 6};
    int64_t before = atomic_load(&counters[COUNT_bad_input].value);
    uint8_t noise[3000];
    struct dn_world w;

    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        send_and_expect_end(&w, lines[i], sizes[i], false);
    for (int round = 0; round < 50; round++) {
        env_random(w.dn.env, noise, sizeof noise);
        noise[0] = 0;
        noise[1] = 28;
        noise[2] = (uint8_t)(80 + round % 11);
        send_and_expect_end(&w, noise, (size_t)(round * 60) % sizeof noise + 3, false);
    }
    CU_ASSERT(atomic_load(&counters[COUNT_bad_input].value) > before);
    CU_ASSERT(write_block(&w, 5, 1000) && reads(&w, 5, 0, 1000));
    world_close(&w);
}

static void test_packets_that_lie_about_lengths_end_the_write_alone(void)
{
    struct packet_header h = {.data_bytes = 512};
    uint8_t bytes[PACKET_HEADER_MAX + 600] = {0};
    struct dn_world w;
    unsigned n;

    world_open(&w, NULL);
    send_and_expect_end(&w, "\177\377\377\377\0\031", 6, true); /* 2 GiB */
    send_and_expect_end(&w, "\0\0\0\0\0\031", 6, true);         /* less than nothing */
    send_and_expect_end(&w, "\0\0\0\004\377\377", 6, true);     /* header cut short */
    n = packet_header_put(bytes, &h, 8);                        /* two sums for one chunk */
    send_and_expect_end(&w, bytes, n + 8 + 512, true);
    h.offset = 4096; /* a hole */
    n = packet_header_put(bytes, &h, 4);
    send_and_expect_end(&w, bytes, n + 4 + 512, true);
    h = (struct packet_header){.data_bytes = 512};
    n = packet_header_put(bytes, &h, 4);
    put_be(bytes, 4 + 100, 4); /* payload smaller than its data */
    send_and_expect_end(&w, bytes, n + 4 + 512, true);
    CU_ASSERT(write_block(&w, 5, 1000) && reads(&w, 5, 0, 1000));
    world_close(&w);
}

/* A client that vanishes leaves what was acked for whoever recovers it. */
static void test_a_client_that_vanishes_leaves_an_open_replica(void)
{
    const struct write_request r = {.id = 5, .stamp = 1001, .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct write_request again = {.id = 5,
                                  .stamp = 1001,
                                  .new_stamp = 1002,
                                  .min_bytes = 5000,
                                  .max_bytes = 5000,
                                  .stage = STAGE(PIPELINE_SETUP_STREAMING_RECOVERY)};
    struct replica_facts f;
    Pb__Status status[4];
    struct dn_world w;
    int64_t seqno;
    struct peer p;

    world_open(&w, NULL);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    CU_ASSERT(peer_packet(&p, 0, 0, 5000, false, false) == 0);
    CU_ASSERT(peer_ack(&p, &seqno, status, 4) == 1);
    CU_ASSERT(dataset_facts(w.dn.ds, 5, &f, NULL) == 0 && f.state == REPLICA_RBW);
    /* The new writer comes while the old one is still connected: it is stopped. */
    struct peer q;
    peer_open(&q, w.dn.data_port);
    CU_ASSERT(peer_write_op(&q, &again) == PB__STATUS__SUCCESS);
    peer_close(&p);
    CU_ASSERT(peer_packet(&q, 0, 4608, 1000, false, false) == 0);
    CU_ASSERT(peer_ack(&q, &seqno, status, 4) == 1);
    CU_ASSERT(peer_packet(&q, 1, 5608, 0, true, false) == 0);
    CU_ASSERT(peer_ack(&q, &seqno, status, 4) == 1);
    peer_close(&q);
    CU_ASSERT(dataset_facts(w.dn.ds, 5, &f, NULL) == 0 && f.state == REPLICA_FINALIZED);
    CU_ASSERT(f.block.stamp == 1002 && f.block.bytes == 5608);
    world_close(&w);
}

/* A pipeline's close is asked for again because its last answer was lost. */
static void test_a_close_is_recovered_with_a_new_stamp(void)
{
    const struct write_request r = {.id = 5,
                                    .stamp = 1001,
                                    .new_stamp = 1002,
                                    .min_bytes = 1000,
                                    .max_bytes = 1000,
                                    .stage = STAGE(PIPELINE_CLOSE_RECOVERY)};
    struct replica_facts f;
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 1000));
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == PB__STATUS__SUCCESS);
    peer_close(&p);
    CU_ASSERT(dataset_facts(w.dn.ds, 5, &f, NULL) == 0);
    CU_ASSERT(f.state == REPLICA_FINALIZED && f.block.stamp == 1002);
    world_close(&w);
}

static void test_a_flipped_bit_is_noticed_by_the_reader_and_counted_by_the_scanner(void)
{
    int64_t before = atomic_load(&counters[COUNT_blocks_corrupt].value);
    struct replica_facts f;
    char path[5000];
    uint64_t begin;
    struct dn_world w;
    uint8_t *bytes;
    struct peer p;
    size_t n;
    int fd;

    world_open(&w, NULL);
    CU_ASSERT(write_block(&w, 5, 5000));
    CU_ASSERT(dataset_facts(w.dn.ds, 5, &f, NULL) == 0);
    volume_block_path(f.volume, f.home, 5, path, sizeof path);
    fd = open(path, O_WRONLY);
    CU_ASSERT(pwrite(fd, "!", 1, 3000) == 1);
    close(fd);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_read(&p, 5, 1001, 0, 5000, &bytes, &begin, &n) == -2);
    peer_close(&p);
    for (int i = 0; i < 500 && atomic_load(&counters[COUNT_blocks_corrupt].value) == before; i++)
        usleep(10000);
    CU_ASSERT(atomic_load(&counters[COUNT_blocks_corrupt].value) == before + 1);
    world_close(&w);
}

/* A copy for the namenode's sake streams without waiting for answers. */
static void test_a_copy_from_another_datanode_is_kept(void)
{
    const struct write_request r = {
        .id = 5, .stamp = 1001, .client = "", .stage = STAGE(PIPELINE_SETUP_CREATE)};
    struct replica_facts f = {.state = REPLICA_NONE};
    struct dn_world w;
    struct peer p;

    world_open(&w, NULL);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(peer_write_op(&p, &r) == 0);
    CU_ASSERT(peer_packet(&p, 0, 0, 5000, false, false) == 0);
    CU_ASSERT(peer_packet(&p, 1, 5000, 0, true, false) == 0);
    for (int i = 0; i < 500 && f.state != REPLICA_FINALIZED; i++) {
        f.state = REPLICA_NONE;
        dataset_facts(w.dn.ds, 5, &f, NULL);
        usleep(10000);
    }
    CU_ASSERT(f.state == REPLICA_FINALIZED && f.block.bytes == 5000);
    peer_close(&p);
    CU_ASSERT(reads(&w, 5, 0, 5000));
    world_close(&w);
}

SUITE(data_server, TEST(test_what_is_written_is_read_back_whole_and_in_part),
      TEST(test_many_operations_share_a_connection), TEST(test_a_range_beyond_the_block_is_refused),
      TEST(test_an_unknown_block_and_a_wrong_stamp_are_refused),
      TEST(test_a_block_that_exists_is_not_written_again),
      TEST(test_flushed_bytes_are_readable_while_the_block_is_written),
      TEST(test_an_append_completes_a_chunk),
      TEST(test_packets_without_sums_get_them_on_each_datanode),
      TEST(test_a_pipeline_of_three_keeps_three_copies), TEST(test_a_dead_mirror_is_named),
      TEST(test_a_mirror_that_dies_is_blamed),
      TEST(test_a_packet_that_does_not_fit_its_sums_is_refused),
      TEST(test_garbage_on_the_data_port_ends_the_connection_alone),
      TEST(test_packets_that_lie_about_lengths_end_the_write_alone),
      TEST(test_a_client_that_vanishes_leaves_an_open_replica),
      TEST(test_a_close_is_recovered_with_a_new_stamp),
      TEST(test_a_flipped_bit_is_noticed_by_the_reader_and_counted_by_the_scanner),
      TEST(test_a_copy_from_another_datanode_is_kept))
