/* unpack.h -- packed bytes in pieces in, plain ones out: the codecs that Hadoop's shell knows.
 *
 *   unpack_new(CODEC_GZIP, sink, ctx, &u, err);
 *   unpack_feed(u, bytes, n, err);     as often as there are bytes; sink() gets what came out
 *   unpack_end(u, err);                says whether it was whole; frees
 *
 * A stream may be several packed pieces one behind the other.
 *
 * Memory:  bounded; the codecs that pack whole blocks (snappy, lz4) hold one block, UNPACK_BLOCK_MAX at
 *          most.
 * Format:  docs/formats/records.md, "Codecs"
 */
#ifndef DFS_CLIENT_SHELL_UNPACK_H
#define DFS_CLIENT_SHELL_UNPACK_H

#include "common/bytes.h"
#include "common/err.h"

enum codec {
    CODEC_NONE,
    CODEC_GZIP,
    CODEC_ZLIB,
    CODEC_DEFLATE, /* as zlib, without its header */
    CODEC_BZIP2,
    CODEC_SNAPPY,
    CODEC_LZ4,
    CODEC_ZSTD,
    CODEC_UNKNOWN,
};
enum { UNPACK_BLOCK_MAX = 256 << 20 };

/* By the end of a file's name (CODEC_NONE: no codec's), and by the name of Hadoop's class. */
enum codec codec_of_file(const char *name);
enum codec codec_of_class(const char *name, size_t n);

typedef int (*unpack_sink)(void *ctx, const void *bytes, size_t n, struct err *err);

struct unpack;
/* Fails when the codec's library is not installed. */
int unpack_new(enum codec codec, unpack_sink sink, void *ctx, struct unpack **out, struct err *err);
int unpack_feed(struct unpack *u, const void *bytes, size_t n, struct err *err);
int unpack_end(struct unpack *u, struct err *err);
void unpack_free(struct unpack *u);

/* All at once, behind what is in @out. */
int unpack_all(enum codec codec, const void *bytes, size_t n, struct buf *out, struct err *err);

/* One piece of snappy without a frame around it, as Avro has it. */
int unpack_snappy(const void *bytes, size_t n, struct buf *out, struct err *err);

#endif
