/* pack.h -- plain bytes in pieces in, packed ones out: the other side of client/shell/unpack.h.
 *
 *   pack_new(CODEC_GZIP, sink, ctx, &p, err);
 *   pack_put(p, bytes, n, err);        as often as there are bytes; sink() gets what came out
 *   pack_end(p, err);                  the rest; frees
 *
 * snappy and lz4 have Hadoop's frames around blocks of at most PACK_BLOCK bytes.
 *
 * Thread:  one at a time.
 * Memory:  bounded.
 * Format:  docs/formats/records.md, "Codecs"
 */
#ifndef DFS_COMPUTE_PACK_H
#define DFS_COMPUTE_PACK_H

#include "client/shell/unpack.h"

enum { PACK_BLOCK = 128 << 10 };

struct pack;
/* Fails when the codec's library is not installed. */
int pack_new(enum codec codec, unpack_sink sink, void *ctx, struct pack **out, struct err *err);
int pack_put(struct pack *p, const void *bytes, size_t n, struct err *err);
int pack_end(struct pack *p, struct err *err); /* frees, also when it fails */
void pack_free(struct pack *p);                /* NULL is allowed */

/* All at once, behind what is in @out. */
int pack_all(enum codec codec, const void *bytes, size_t n, struct buf *out, struct err *err);

/* ".gz" and the like; "" for none. */
const char *codec_ending(enum codec codec);
const char *codec_class(enum codec codec);
/* By the whole name of Hadoop's class; false with the sentence. */
int codec_by_class(const char *name, enum codec *out, struct err *err);

#endif
