/* part_output.h -- a part of the job's output: text, a sequence file, or nothing at all; packed or not.
 *
 * Text is Hadoop's TextOutputFormat: key, separator, value, end of line.  A lazy part has no file before its
 * first record.
 *
 * Thread:  one at a time.
 * Memory:  the shape is borrowed.
 */
#ifndef DFS_COMPUTE_PART_OUTPUT_H
#define DFS_COMPUTE_PART_OUTPUT_H

#include "compute/shape.h"

struct sequence_writer;

struct part_output {
    struct store *store;
    char uri[STORE_URI_MAX];
    const struct shape *shape;
    struct store_file *file;
    struct pack *pack;
    struct sequence_writer *sequence;
    enum datum_kind key, value; /* of the sequence file: those of its first record */
    uint8_t *buf;
    size_t n;
    struct buf key_text, value_text;
    uint64_t bytes, records; /* bytes: before they are packed */
};

int part_output_open(struct part_output *o, struct store *s, const char *uri,
                     const struct shape *shape, struct err *err);
int part_output_add(struct part_output *o, const struct datum *key, const struct datum *value,
                    struct err *err);
int part_output_close(struct part_output *o, struct err *err); /* whole only when 0 */
void part_output_abandon(struct part_output *o);               /* also of one that is closed */

#endif
