/* sequence_file.h -- Hadoop's sequence files: reading the records of a split, and writing them.
 *
 * Reading starts at the first mark between records at or behind the split's start, and ends at the first one
 * at or behind its end: so splits at any offsets give every record once.  Values, or blocks of
 * records, may be packed.
 *
 * Thread:  one at a time.
 * Memory:  what is read lives until the next call.
 * Errors:  ERR_UNSUPPORTED for a class that is not known; ERR_CORRUPT.
 * Format:  docs/formats/records.md, "Sequence files"
 */
#ifndef DFS_COMPUTE_SEQUENCE_FILE_H
#define DFS_COMPUTE_SEQUENCE_FILE_H

#include "client/shell/unpack.h"
#include "compute/datum.h"
#include "compute/store.h"

struct sequence_reader;

int sequence_open(struct store *s, const char *path, uint64_t start, uint64_t length,
                  struct sequence_reader **out, struct err *err);
/* 1; 0 at the end of the split. */
int sequence_next(struct sequence_reader *r, struct datum *key, struct datum *value,
                  struct err *err);
void sequence_close(struct sequence_reader *r);          /* NULL is allowed */
uint64_t sequence_done(const struct sequence_reader *r); /* bytes of the file that were read */
void sequence_read_stats(const struct sequence_reader *r, struct dfs_read_stats *out);

struct sequence_writer;

struct sequence_kind {
    enum datum_kind key, value;
    enum codec codec; /* CODEC_NONE: not packed */
    bool blocks;      /* packed by blocks of records */
};
/* Bytes go to @sink. */
int sequence_writer_new(const struct sequence_kind *kind, const uint8_t sync[16], unpack_sink sink,
                        void *ctx, struct sequence_writer **out, struct err *err);
int sequence_add(struct sequence_writer *w, const struct datum *key, const struct datum *value,
                 struct err *err);
int sequence_end(struct sequence_writer *w, struct err *err);
void sequence_writer_free(struct sequence_writer *w);

#endif
