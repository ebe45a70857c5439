/* The bytes of the data transfer protocol, made and read back. */
#include "proto/xfer.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/suite.h"

static const struct checksum crc32c = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C, 512};
static const struct checksum crc32 = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32, 512};
static const struct checksum none = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL, 512};

static void test_a_packet_header_comes_back_as_it_went(void)
{
    const struct packet_header h = {.offset = 1 << 20, .seqno = 77, .sync = true, .data_bytes = 9};
    uint8_t bytes[PACKET_HEADER_MAX];
    unsigned n = packet_header_put(bytes, &h, 4);
    struct rd r = rd_of(bytes, n);
    struct packet_lens lens;
    struct packet_header back;

    CU_ASSERT(n == 33);
    CU_ASSERT(packet_lens_parse(&r, &lens, NULL) == 0);
    CU_ASSERT(lens.payload == 13 && lens.header == 27);
    CU_ASSERT(packet_header_parse(&r, &back, NULL) == 0);
    CU_ASSERT(back.offset == h.offset && back.seqno == 77 && back.sync && !back.last);
    CU_ASSERT(back.data_bytes == 9);
}

/* Java writes 25 bytes of header when nothing is to be synced. */
static void test_the_usual_header_is_as_long_as_hadoops(void)
{
    const struct packet_header h = {.seqno = HEARTBEAT_SEQNO, .last = true};
    uint8_t bytes[PACKET_HEADER_MAX];
    struct packet_header back;
    struct rd r;

    CU_ASSERT(packet_header_put(bytes, &h, 0) == 31);
    r = rd_of(bytes + PACKET_LENS_BYTES, 25);
    CU_ASSERT(packet_header_parse(&r, &back, NULL) == 0);
    CU_ASSERT(back.seqno == HEARTBEAT_SEQNO && back.last);
}

static void test_lengths_that_lie_are_refused(void)
{
    static const uint8_t small[] = {0, 0, 0, 3, 0, 25}, huge[] = {0x7f, 0, 0, 0, 0, 25};
    static const uint8_t cut[] = {0, 0, 0, 9};
    struct packet_lens lens = {.payload = 42};
    struct rd r;

    r = rd_of(small, sizeof small);
    CU_ASSERT(packet_lens_parse(&r, &lens, NULL) == -ERR_PROTOCOL);
    r = rd_of(huge, sizeof huge);
    CU_ASSERT(packet_lens_parse(&r, &lens, NULL) == -ERR_PROTOCOL);
    r = rd_of(cut, sizeof cut);
    CU_ASSERT(packet_lens_parse(&r, &lens, NULL) == -ERR_PROTOCOL);
    CU_ASSERT(lens.payload == 42);
}

static void test_a_header_cut_anywhere_is_refused(void)
{
    const struct packet_header h = {.offset = 5, .seqno = 6, .data_bytes = 7};
    uint8_t bytes[PACKET_HEADER_MAX];
    unsigned n = packet_header_put(bytes, &h, 0) - PACKET_LENS_BYTES;

    for (unsigned cut = 0; cut < n; cut++) {
        struct rd r = rd_of(bytes + PACKET_LENS_BYTES, cut);
        struct packet_header back;

        CU_ASSERT(packet_header_parse(&r, &back, NULL) == -ERR_PROTOCOL);
    }
}

static void test_a_header_with_a_negative_offset_is_refused(void)
{
    const struct packet_header h = {.offset = -5, .seqno = 6, .data_bytes = 7};
    uint8_t bytes[PACKET_HEADER_MAX];
    unsigned n = packet_header_put(bytes, &h, 0);
    struct rd r = rd_of(bytes + PACKET_LENS_BYTES, n - PACKET_LENS_BYTES);
    struct packet_header back;

    CU_ASSERT(packet_header_parse(&r, &back, NULL) == -ERR_PROTOCOL);
}

static void test_checksums_are_the_standard_ones(void)
{
    CU_ASSERT(checksum_of(&crc32c, "123456789", 9) == 0xe3069283);
    CU_ASSERT(checksum_of(&crc32, "123456789", 9) == 0xcbf43926);
    CU_ASSERT(checksum_bytes_for(&crc32c, 513) == 8);
    CU_ASSERT(checksum_bytes_for(&crc32c, 0) == 0);
    CU_ASSERT(checksum_bytes_for(&none, 513) == 0);
}

static void test_a_flipped_bit_is_found_and_named_by_its_chunk(void)
{
    uint8_t data[1300], sums[12];
    struct err err;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    checksum_make(&crc32c, data, sizeof data, sums);
    CU_ASSERT(checksum_verify(&crc32c, data, sizeof data, sums, 0, NULL) == 0);
    data[600] ^= 4;
    CU_ASSERT(checksum_verify(&crc32c, data, sizeof data, sums, 1024, &err) == -ERR_CORRUPT);
    CU_ASSERT(strstr(err.text, "byte 1536") != NULL);
    CU_ASSERT(checksum_verify(&none, data, sizeof data, sums, 0, NULL) == 0);
}

/* Gives the other end its bytes one at a time. */
static void *drip(void *arg)
{
    static const uint8_t ack[] = {6, 0x08, 0x01, 0x10, 0, 0x10, 0};
    int fd = *(int *)arg;

    for (size_t i = 0; i < sizeof ack; i++)
        if (write(fd, ack + i, 1) != 1)
            break;
    return NULL;
}

static void test_a_message_that_drips_in_is_received_whole(void)
{
    int pair[2];
    pthread_t thread;
    struct arena arena;
    ProtobufCMessage *m = NULL;

    arena_init(&arena, 1 << 16);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_create(&thread, NULL, drip, &pair[0]);
    CU_ASSERT_FATAL(
        xfer_recv_message(pair[1], &pb__pipeline_ack_proto__descriptor, &arena, &m, NULL) == 0);
    CU_ASSERT(((Pb__PipelineAckProto *)m)->seqno == -1);
    CU_ASSERT(((Pb__PipelineAckProto *)m)->n_reply == 2);
    pthread_join(thread, NULL);
    close(pair[0]);
    close(pair[1]);
    arena_done(&arena);
}

static void test_an_op_is_version_code_and_message(void)
{
    Pb__OpCustomProto op = PB__OP_CUSTOM_PROTO__INIT;
    uint8_t got[16];
    int pair[2];

    op.customid = (char *)"ab";
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CU_ASSERT(xfer_send_op(pair[0], XFER_READ_BLOCK, &op.base, NULL) == 0);
    CU_ASSERT(read(pair[1], got, sizeof got) == 8);
    CU_ASSERT(memcmp(got, "\0\034\121\004\012\002ab", 8) == 0);
    close(pair[0]);
    close(pair[1]);
}

static void test_a_message_comes_back_as_it_went_and_what_follows_stays(void)
{
    Pb__PipelineAckProto ack = PB__PIPELINE_ACK_PROTO__INIT, *back;
    Pb__Status reply[2] = {PB__STATUS__SUCCESS, PB__STATUS__ERROR_CHECKSUM};
    ProtobufCMessage *m = NULL;
    struct arena arena;
    uint8_t next;
    int pair[2];

    ack.seqno = -2;
    ack.n_reply = 2;
    ack.reply = reply;
    arena_init(&arena, 1 << 16);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CU_ASSERT(xfer_send_message(pair[0], &ack.base, NULL) == 0);
    CU_ASSERT(write(pair[0], "x", 1) == 1);
    CU_ASSERT_FATAL(
        xfer_recv_message(pair[1], &pb__pipeline_ack_proto__descriptor, &arena, &m, NULL) == 0);
    back = (Pb__PipelineAckProto *)m;
    CU_ASSERT(back->seqno == -2 && back->n_reply == 2);
    CU_ASSERT(back->reply[1] == PB__STATUS__ERROR_CHECKSUM);
    CU_ASSERT(read(pair[1], &next, 1) == 1 && next == 'x');
    close(pair[0]);
    CU_ASSERT(xfer_recv_message(pair[1], &pb__pipeline_ack_proto__descriptor, &arena, &m, NULL) ==
              -ERR_CLOSED);
    close(pair[1]);
    arena_done(&arena);
}

static void test_a_message_of_a_gigabyte_is_refused_before_it_is_awaited(void)
{
    static const uint8_t length[] = {0x80, 0x80, 0x80, 0x80, 0x04};
    ProtobufCMessage *m = NULL;
    struct arena arena;
    int pair[2];

    arena_init(&arena, 1 << 16);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CU_ASSERT(write(pair[0], length, sizeof length) == sizeof length);
    CU_ASSERT(xfer_recv_message(pair[1], &pb__pipeline_ack_proto__descriptor, &arena, &m, NULL) ==
              -ERR_PROTOCOL);
    close(pair[0]);
    close(pair[1]);
    arena_done(&arena);
}

static void test_a_status_says_what_kind_of_failure_it_is(void)
{
    struct err err;

    CU_ASSERT(xfer_status_err(&err, PB__STATUS__ERROR_CHECKSUM, "x") == -ERR_CORRUPT);
    CU_ASSERT(xfer_status_err(&err, PB__STATUS__ERROR, "no disk") == -ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "status ERROR: no disk");
}

SUITE(xfer, TEST(test_a_packet_header_comes_back_as_it_went),
      TEST(test_the_usual_header_is_as_long_as_hadoops), TEST(test_lengths_that_lie_are_refused),
      TEST(test_a_header_cut_anywhere_is_refused),
      TEST(test_a_header_with_a_negative_offset_is_refused),
      TEST(test_checksums_are_the_standard_ones),
      TEST(test_a_flipped_bit_is_found_and_named_by_its_chunk),
      TEST(test_a_message_that_drips_in_is_received_whole),
      TEST(test_an_op_is_version_code_and_message),
      TEST(test_a_message_comes_back_as_it_went_and_what_follows_stays),
      TEST(test_a_message_of_a_gigabyte_is_refused_before_it_is_awaited),
      TEST(test_a_status_says_what_kind_of_failure_it_is))
