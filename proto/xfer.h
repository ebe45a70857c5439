/* xfer.h -- the data transfer protocol (version 28): what a client and a datanode, or two
 * datanodes, say to each other over a data connection.
 *
 * An operation is two bytes of version, one of code, and a delimited message; its answer is a
 * delimited BlockOpResponseProto.  Data goes in packets: lengths, header, checksums, data.  A
 * pipeline answers each packet with a delimited PipelineAckProto.
 *
 * Everything here is parsing and making bytes; what to do about them is the caller's.
 *
 * Thread:  any; blocking reads and writes on the caller's descriptor.
 * Format:  docs/formats/data-transfer.md
 */
#ifndef DFS_PROTO_XFER_H
#define DFS_PROTO_XFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "datatransfer.pb-c.h"

enum { XFER_VERSION = 28 };

enum xfer_op {
    XFER_WRITE_BLOCK = 80,
    XFER_READ_BLOCK = 81,
    XFER_READ_METADATA = 82,
    XFER_REPLACE_BLOCK = 83,
    XFER_COPY_BLOCK = 84,
    XFER_BLOCK_CHECKSUM = 85,
    XFER_TRANSFER_BLOCK = 86,
    XFER_REQUEST_FDS = 87,
    XFER_RELEASE_FDS = 88,
    XFER_REQUEST_SHM = 89,
    XFER_BLOCK_GROUP_CHECKSUM = 90,
};

enum {
    PACKET_LENS_BYTES = 6,
    PACKET_DATA_MAX = 16 << 20, /* checksums and data of one packet; Hadoop's limit too */
    XFER_MESSAGE_MAX = 1 << 20,
    XFER_PIECES_MAX = 64,
};

struct packet_lens {
    uint32_t payload; /* checksums and data */
    uint16_t header;
};

struct packet_header {
    int64_t offset, seqno;
    bool last, sync;
    uint32_t data_bytes;
};

enum { HEARTBEAT_SEQNO = -1 };

int packet_lens_parse(struct rd *r, struct packet_lens *out, struct err *err);
int packet_header_parse(struct rd *r, struct packet_header *out, struct err *err);

/* Lengths and header of a packet with @checksum_bytes of checksums, ready to send: at most
 * PACKET_HEADER_MAX bytes; returns how many. */
enum { PACKET_HEADER_MAX = 40 };
unsigned packet_header_put(uint8_t *out, const struct packet_header *h, uint32_t checksum_bytes);

/* Sends an operation: version, code and message, in one write. */
int xfer_send_op(int fd, enum xfer_op op, const ProtobufCMessage *message, struct err *err);
/* The same with what follows the operation, XFER_PIECES_MAX at most, in one write. */
int xfer_send_op_and(int fd, enum xfer_op op, const ProtobufCMessage *message,
                     const struct iovec *more, int more_count, struct err *err);

/* Sends or receives a delimited message; a received one is unpacked into @arena. */
int xfer_send_message(int fd, const ProtobufCMessage *message, struct err *err);
int xfer_recv_message(int fd, const ProtobufCMessageDescriptor *type, struct arena *arena,
                      ProtobufCMessage **out, struct err *err);

/* Checksums of a type and size: CRC32C, CRC32 or none, big-endian as on the wire and on disk. */
struct checksum {
    Pb__ChecksumTypeProto type;
    uint32_t bytes_per;
};
static inline uint32_t checksum_size(const struct checksum *c)
{
    return c->type == PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL ? 0 : 4;
}
static inline uint64_t checksum_bytes_for(const struct checksum *c, uint64_t data_bytes)
{
    return (data_bytes + c->bytes_per - 1) / c->bytes_per * checksum_size(c);
}
void checksum_make(const struct checksum *c, const uint8_t *data, size_t n, uint8_t *out);
/* ERR_CORRUPT names the offset (@at is that of data[0]) of the first chunk that does not fit. */
int checksum_verify(const struct checksum *c, const uint8_t *data, size_t n, const uint8_t *sums,
                    uint64_t at, struct err *err);
uint32_t checksum_of(const struct checksum *c, const void *data, size_t n);

/* A status other than SUCCESS in an answer, as an error. */
int xfer_status_err(struct err *err, Pb__Status status, const char *message);

#endif
