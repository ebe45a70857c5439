/* lines.h -- which lines of a file belong to a split, and reading them.
 *
 * A line ends at "\n", "\r\n" or a lone "\r", as in Hadoop.  Call L(x) the first end of a line
 * beyond offset x, or the end of the file.  A split [start, end) holds the bytes from L(start)
 * (from 0 when it starts there) to L(end): the line that begins exactly at `end` still belongs to
 * it, and the split after it throws the same line away.  So splits at any offsets at all give every line once.
 *
 * What comes out is what a streaming program reads: every line ends in one "\n", the last too,
 * and a byte order mark at the start of the file is gone.
 *
 * Thread:  one at a time.
 * Memory:  chunks live until the next call.
 * Design:  docs/design/jobs.md, "Lines"
 */
#ifndef DFS_COMPUTE_LINES_H
#define DFS_COMPUTE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* Where bytes come from: the next up to @n after those read before; 0 at the end of the file. */
struct byte_source {
    ssize_t (*read)(void *ctx, void *buf, size_t n, struct err *err);
    /* Where the split ends, asked after each read, which gives bytes of one side of it; NULL: as
     * lines_init was told. */
    uint64_t (*end)(const void *ctx);
    void *ctx;
};

enum { LINES_CHUNK = 256 << 10 };

struct lines {
    struct byte_source from;
    uint64_t pos, end; /* offset of the next byte to read; the split's end */
    uint8_t *chunk;
    enum { LINES_SKIP, LINES_PASS, LINES_DONE } state;
    bool cr_open;  /* the last byte was "\r": a "\n" now belongs to it */
    bool mid_line; /* what was given out last is a line without its end */
    bool at_first; /* nothing of the file was read yet, and it starts at 0 */
    uint64_t records;
};

/* @from stands at @start. */
int lines_init(struct lines *l, struct byte_source from, uint64_t start, uint64_t length,
               struct err *err);
/* The lines of a split of a file, packed or not. */
struct split_source;
int lines_of_source(struct lines *l, struct split_source *source, struct err *err);
void lines_done(struct lines *l);

/* The next bytes of the split; *n 0 at its end. */
int lines_next(struct lines *l, const uint8_t **bytes, size_t *n, struct err *err);

#endif
