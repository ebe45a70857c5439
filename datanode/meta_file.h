/* meta_file.h -- the checksums beside a block: seven bytes of header, then one sum a chunk.
 *
 * Format:  docs/formats/block-files.md, "Meta file"
 * Thread:  any.
 */
#ifndef DFS_DATANODE_META_FILE_H
#define DFS_DATANODE_META_FILE_H

#include "common/env.h"
#include "proto/xfer.h"

enum { META_HEADER_BYTES = 7, META_VERSION = 1, CHECKSUM_CHUNK_MAX = 16 << 20 };

void meta_header_put(uint8_t out[META_HEADER_BYTES], const struct checksum *sum);
int meta_header_parse(struct rd *r, struct checksum *out, struct err *err);
int meta_header_read(struct env *env, int fd, struct checksum *out, struct err *err);

static inline uint64_t meta_offset(const struct checksum *sum, uint64_t block_offset)
{
    return META_HEADER_BYTES + block_offset / sum->bytes_per * checksum_size(sum);
}
static inline uint64_t meta_size(const struct checksum *sum, uint64_t block_bytes)
{
    return META_HEADER_BYTES + checksum_bytes_for(sum, block_bytes);
}

/* How many of the first @size bytes of the block are vouched for by the sums: the longest length
 * at which the last chunk's sum fits.  A writer that died between the data and the sums of its
 * last packet leaves a chunk whose sum fits a shorter prefix: that prefix counts. */
int meta_valid_bytes(struct env *env, int data_fd, uint64_t size, int meta_fd, uint64_t meta_bytes,
                     uint64_t *out, struct err *err);

/* Reads and checks all of it; ERR_CORRUPT names the offset.  @pause (may be NULL) is called
 * after each megabyte with the bytes read, and stops the check by returning nonzero. */
int meta_verify_all(struct env *env, int data_fd, uint64_t size, int meta_fd,
                    int (*pause)(void *ctx, uint64_t bytes), void *ctx, struct err *err);

/* Makes the sum of the chunk that holds byte @size - 1 fit a block cut to @size, and cuts both. */
int meta_truncate(struct env *env, int data_fd, int meta_fd, const struct checksum *sum,
                  uint64_t size, uint8_t last_sum[4], struct err *err);

#endif
