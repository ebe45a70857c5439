/* ack.h -- a pipeline's acknowledgement of a packet: PipelineAckProto, read by hand.
 *
 * One comes for every packet, and this way needs no memory.
 *
 * Format:  docs/formats/data-transfer.md, "Acknowledgements"
 */
#ifndef DFS_CLIENT_ACK_H
#define DFS_CLIENT_ACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { ACK_NODES_MAX = 64 };

struct ack {
    int64_t seqno;
    int count;
    uint8_t status[ACK_NODES_MAX]; /* Status of each datanode, the nearest first */
};

/* 1 and *used bytes when a whole acknowledgement is there, 0 when more bytes are needed. */
int ack_parse(const uint8_t *bytes, size_t n, struct ack *out, size_t *used, struct err *err);

#endif
