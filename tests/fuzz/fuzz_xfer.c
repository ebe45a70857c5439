/* Data transfer: the first byte chooses a parser, the rest are its bytes. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/xfer.h"
#include "tests/fuzz/fuzz.h"

static void a_packet(const uint8_t *bytes, size_t n)
{
    struct rd r = rd_of(bytes, n);
    struct packet_lens lens;
    struct packet_header h;
    struct rd header;

    if (packet_lens_parse(&r, &lens, NULL) < 0)
        return;
    MUST(lens.payload <= PACKET_DATA_MAX);
    header = rd_slice(&r, lens.header);
    if (!header.bad)
        packet_header_parse(&header, &h, NULL);
}

/* Messages come off a socket; this one closes after the bytes. */
static void a_message(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t n)
{
    ProtobufCMessage *m;
    struct arena arena;
    int fd[2];

    if (n > 100000 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        return;
    if (n > 0 && write(fd[0], bytes, n) != (ssize_t)n)
        n = 0;
    close(fd[0]);
    arena_init(&arena, 4 << 20);
    if (xfer_recv_message(fd[1], type, &arena, &m, NULL) == 0)
        MUST(protobuf_c_message_check(m));
    arena_done(&arena);
    close(fd[1]);
}

static void a_checksum(const uint8_t *bytes, size_t n)
{
    const struct checksum c = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C, n ? 1 + bytes[0] % 64 : 1};
    uint8_t sums[8192];

    if (checksum_bytes_for(&c, n) > sizeof sums)
        return;
    checksum_make(&c, bytes, n, sums);
    MUST(checksum_verify(&c, bytes, n, sums, 0, NULL) == 0);
    if (n > 0) {
        sums[0] ^= 1;
        MUST(checksum_verify(&c, bytes, n, sums, 0, NULL) == -ERR_CORRUPT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &pb__op_write_block_proto__descriptor,
        &pb__op_read_block_proto__descriptor,
        &pb__op_transfer_block_proto__descriptor,
        &pb__op_block_checksum_proto__descriptor,
        &pb__op_request_short_circuit_access_proto__descriptor,
        &pb__block_op_response_proto__descriptor,
        &pb__pipeline_ack_proto__descriptor,
        &pb__client_read_status_proto__descriptor,
    };
    size_t count = sizeof types / sizeof *types;

    if (n == 0)
        return 0;
    if (bytes[0] < count)
        a_message(types[bytes[0]], bytes + 1, n - 1);
    else if (bytes[0] == count)
        a_checksum(bytes + 1, n - 1);
    else
        a_packet(bytes + 1, n - 1);
    return 0;
}
