/* edit_codec.h -- edit records as bytes, the way Hadoop's edit log holds them.
 *
 * A record is a frame: code (1), length (4), txid (8), fields, CRC-32 of all that (4).  Which
 * fields a code has, and in what order, is one table in edit_codec.c that both directions walk;
 * decoding a record and encoding it again gives the same bytes.
 *
 * Reading has two steps, since they fail for different reasons.  edit_frame() finds the next
 * record and checks its sum: what fails here is the disk.  edit_decode() takes the fields apart:
 * what fails here was written wrong.
 *
 * Strings in the log are Hadoop's UTF8: characters beyond the 16-bit plane are two surrogates of
 * three bytes each.  In an edit_op they are plain UTF-8.
 *
 * Thread:  any.
 * Memory:  decoded strings and lists are in the arena; opaque bytes and xattr values point into
 *          the bytes that were read.
 * Format:  docs/formats/edits.md
 */
#ifndef DFS_NAMENODE_EDIT_CODEC_H
#define DFS_NAMENODE_EDIT_CODEC_H

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "namenode/edits/edit_op.h"

enum {
    EDIT_LAYOUT = -67,         /* what is written: Hadoop 3.3 and later */
    EDIT_LAYOUT_OLDEST = -61,  /* what can still be read: Hadoop 2.7 */
    EDIT_HEADER_BYTES = 8,     /* of a segment: layout, flags */
    EDIT_FRAME_MIN = 17,       /* a record without fields */
    EDIT_BYTES_MAX = 50 << 20, /* dfs.namenode.max.op.size */
    EDIT_STRING_MAX = 65535,
};

/* Whether @op fits a record, asked before it is applied: what a client sent may be too long, or
 * text that Java could not read again (edit_check.c). */
int edit_check(const struct edit_op *op, struct err *err);

/* Appends @op with its txid to @out, at layout -67.  Fails when a field does not fit its place in
 * the record (ERR_LIMIT); @out is as long as before then. */
int edit_encode(struct buf *out, const struct edit_op *op, struct err *err);

/* What edit_frame() found. */
enum edit_found {
    EDIT_RECORD, /* a whole record; the cursor is behind it */
    EDIT_END,    /* the end of the bytes, or padding; the cursor has not moved */
    EDIT_BAD,    /* neither; the cursor has not moved */
};
struct edit_frame {
    uint8_t code;
    uint64_t txid;
    struct rd fields;
    uint32_t total_bytes;
};
enum edit_found edit_frame(struct rd *r, struct edit_frame *out, struct err *err);

int edit_decode(const struct edit_frame *f, int layout, struct arena *arena, struct edit_op *out,
                struct err *err);

/* Single things within the opaque bytes of a record: UTF8 with two bytes of length, a number of
 * varying length, and text with such a length.  A bad cursor stays bad. */
const char *edit_read_string(struct rd *r, struct arena *arena);
int64_t edit_read_vlong(struct rd *r);
const char *edit_read_text(struct rd *r, struct arena *arena);

/* The code's name as Hadoop's tools print it, "OP_MKDIR"; NULL for a code that does not exist. */
const char *edit_name(unsigned code);

#endif
