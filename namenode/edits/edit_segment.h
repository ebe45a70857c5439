/* edit_segment.h -- one file of the edit log, read whole and judged before anything is applied.
 *
 * What may be wrong with a file is one of two things, and they are kept apart:
 *
 *   torn     A crash came between a write and its sync.  Only the segment that was being written
 *            can be torn, and only records that nobody was told about are lost: the file is good
 *            up to its last whole record.
 *   damaged  Anything else.  An error names the file and the byte, and nothing is cut.
 *
 * The file being written is filled ahead with 0xff (or with zeros, by a file system that lost
 * the end of it).  A record is torn when some of its bytes are still that filling; a record of
 * which every byte was written, and whose sum is wrong nevertheless, is damaged.
 *
 * Thread:  one.
 * Format:  docs/formats/edits.md
 */
#ifndef DFS_NAMENODE_EDIT_SEGMENT_H
#define DFS_NAMENODE_EDIT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/env.h"
#include "common/err.h"
#include "namenode/edits/edit_op.h"

struct edit_segment {
    const char *path; /* the caller's */
    uint8_t *bytes;
    size_t n;
    size_t whole;         /* bytes up to the end of the last whole record */
    int layout;           /* 0: the file ends before or within its header */
    uint64_t first, last; /* last == first - 1: no record */
};

/* Reads @path, whose name says that it begins with @first and ends with @last; @last 0: it is
 * in progress, and may be torn. */
int edit_segment_open(struct env *env, const char *path, uint64_t first, uint64_t last,
                      struct edit_segment *out, struct err *err);
void edit_segment_done(struct edit_segment *s);

/* Shows the records from @from on; stops when @fn fails, and says at which byte. */
typedef int (*edit_visit)(void *ctx, const struct edit_op *op, struct err *err);
int edit_segment_replay(const struct edit_segment *s, uint64_t from, edit_visit fn, void *ctx,
                        struct err *err);

#endif
