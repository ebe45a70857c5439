/* crc_join.h -- CRCs put together without the bytes: that of A and B from those of A, of B, and the
 * length of B.
 *
 * Thread:  any.
 */
#ifndef DFS_PROTO_CRC_JOIN_H
#define DFS_PROTO_CRC_JOIN_H

#include "proto/xfer.h"

/* What @bytes bytes do to a CRC that they follow: worked out once for lengths that come again. */
uint32_t crc_shift(const struct checksum *c, uint64_t bytes);

/* The CRC of A and B; @shift is that of B's length. */
uint32_t crc_join(const struct checksum *c, uint32_t a, uint32_t b, uint32_t shift);

#endif
