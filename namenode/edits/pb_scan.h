/* pb_scan.h -- the fields of a protobuf message one after the other, by hand.
 *
 * For the few messages of which there are millions (the image) or whose very bytes matter (the
 * edit log); everything else goes through protobuf-c.  Inline because of the millions.
 *
 * Thread:  any.
 */
#ifndef DFS_NAMENODE_PB_SCAN_H
#define DFS_NAMENODE_PB_SCAN_H

#include <string.h>

#include "common/bytes.h"

enum { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

static inline uint64_t pb_varint(struct rd *r)
{
    const uint8_t *p = r->at;
    uint64_t v = 0;

    if (r->end - p < 10)
        return rd_varint(r);
    if (*p < 0x80) {
        r->at++;
        return *p;
    }
    for (unsigned shift = 0; shift < 70; shift += 7, p++) {
        v |= (uint64_t)(*p & 0x7f) << (shift & 63);
        if (*p < 0x80) {
            r->at = p + 1;
            return v;
        }
    }
    r->bad = true;
    return 0;
}

static inline uint64_t pb_fixed(struct rd *r, unsigned bytes)
{
    uint64_t v = 0;

    if ((size_t)(r->end - r->at) < bytes) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->at, bytes); /* little-endian, as the machines that this runs on */
    r->at += bytes;
    return v;
}

/* One field: its number, its kind, and its value: a number in @v or bytes in @slice. */
struct pb_field {
    unsigned number;
    uint64_t v;
    struct rd slice;
};

/* The next field; false at the end of the message, and when it is malformed (then @r is bad). */
static inline bool pb_next(struct rd *r, struct pb_field *f)
{
    uint64_t tag, n;

    if (r->at >= r->end || r->bad)
        return false;
    tag = pb_varint(r);
    f->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case PB_VARINT: f->v = pb_varint(r); break;
    case PB_FIXED64: f->v = pb_fixed(r, 8); break;
    case PB_FIXED32: f->v = pb_fixed(r, 4); break;
    case PB_BYTES:
        n = pb_varint(r);
        if (r->bad || n > (uint64_t)(r->end - r->at)) {
            r->bad = true;
            return false;
        }
        f->slice = (struct rd){.at = r->at, .end = r->at + n};
        r->at += n;
        break;
    default: r->bad = true;
    }
    if (tag >> 3 == 0)
        r->bad = true;
    return !r->bad;
}

#endif
