/* line_reader.h -- the lines of a split one by one, with the offset at which each begins.
 *
 * Which lines are a split's is said in lines.h, which gives them faster to who needs no offsets; this one also
 * ends records at other words than the end of a line (textinputformat.record.delimiter).
 *
 * Thread:  one at a time.
 * Memory:  a line lives until the next call.
 */
#ifndef DFS_COMPUTE_LINE_READER_H
#define DFS_COMPUTE_LINE_READER_H

#include "compute/split_source.h"

struct line_reader;

/* @delimiter NULL: the end of a line.  The source is borrowed. */
int line_reader_new(struct split_source *source, const char *delimiter, struct line_reader **out,
                    struct err *err);
/* 1; 0 at the end of the split. */
int line_reader_next(struct line_reader *r, const uint8_t **line, size_t *n, uint64_t *offset,
                     struct err *err);
void line_reader_free(struct line_reader *r); /* NULL is allowed */

#endif
