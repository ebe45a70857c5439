/* datum.h -- one key or one value, as Hadoop's Writable classes hold it.
 *
 * Streaming programs see text, typed bytes or raw bytes; files and Java classes have Writables.  A datum is
 * the bytes of one with its kind: for TEXT, BYTES and TYPED the contents without their length, for
 * the others what the class writes.
 *
 * Thread:  any.
 * Memory:  a datum borrows its bytes.
 * Format:  docs/formats/records.md; typed bytes: docs/formats/streaming.md
 */
#ifndef DFS_COMPUTE_DATUM_H
#define DFS_COMPUTE_DATUM_H

#include "common/bytes.h"
#include "common/err.h"

enum datum_kind {
    DATUM_TEXT,
    DATUM_BYTES,
    DATUM_TYPED, /* typed bytes */
    DATUM_LONG,
    DATUM_INT,
    DATUM_NULL,
    DATUM_BOOLEAN,
    DATUM_BYTE,
    DATUM_SHORT,
    DATUM_FLOAT,
    DATUM_DOUBLE,
    DATUM_VINT,
    DATUM_VLONG,
    DATUM_KINDS,
};

struct datum {
    enum datum_kind kind;
    const uint8_t *bytes;
    size_t n;
};

static inline struct datum datum_text(const void *bytes, size_t n)
{
    return (struct datum){.kind = DATUM_TEXT, .bytes = bytes, .n = n};
}
/* A number in @room. */
struct datum datum_long(int64_t v, uint8_t room[8]);

const char *datum_class(enum datum_kind kind);
/* False: a class that isn't known. */
bool datum_kind_of_class(const char *name, enum datum_kind *out);

/* What its toString() prints, as UTF-8. */
void datum_put_text(const struct datum *d, struct buf *out);
void datum_put_typed(const struct datum *d, struct buf *out);
/* As RawBytesInputWriter: a length and the bytes. */
void datum_put_raw(const struct datum *d, struct buf *out);
/* As its class writes it, and reads it. */
void datum_put_writable(const struct datum *d, struct buf *out);
struct datum datum_read_writable(enum datum_kind kind, struct rd *r);

/* Its hashCode(). */
int32_t datum_hash(const struct datum *d);
/* Bytes that order by memcmp as the class compares; text and bytes are such already. */
bool datum_is_in_order(enum datum_kind kind);
void datum_put_order(const struct datum *d, struct buf *out);

/* How long a typed value at the start of @r is; 0 when it is cut, bad when it makes no sense. */
size_t typed_length(struct rd r, bool *bad);

/* Hadoop's numbers of variable length. */
void vlong_put(struct buf *out, int64_t v);
int64_t rd_vlong(struct rd *r);

#endif
