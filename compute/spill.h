/* spill.h -- sorted records in a file, one run for each partition, every byte under a checksum.
 *
 * Map output lies in such files until the reducers have it: a spill for each time the sort
 * buffer was full, and one file, merged from them, when the map is done.  A run is a row of
 * frames (length, CRC32C, records, which may be packed); a repeated key costs no bytes.  Byte tables:
 * docs/formats/spill.md.
 *
 * Always true: records of a run come in the order of their keys, and reading gives them all,
 * or fails with ERR_CORRUPT: a run that ends early or a flipped bit is never silent.
 *
 * Thread:  one at a time.
 * Memory:  a reader's record lives until its next call.
 * Errors:  ERR_CORRUPT; ERR_NO_DISK when the disk is full; those of the disk.
 */
#ifndef DFS_COMPUTE_SPILL_H
#define DFS_COMPUTE_SPILL_H

#include "client/shell/unpack.h"
#include "common/env.h"
#include "compute/record.h"

struct spill_run {
    uint64_t offset, bytes;
    uint64_t records; /* a repeated one counts once */
};

/* ---- writing ---- */

struct spill_writer;

int spill_writer_new(struct env *env, const char *path, uint32_t partitions,
                     struct spill_writer **out, struct err *err);
/* Frames are packed from here on, where that makes them smaller. */
void spill_writer_pack(struct spill_writer *w, enum codec codec);
/* Partitions are written in order; those skipped stay empty. */
int spill_begin(struct spill_writer *w, uint32_t partition, struct err *err);
int spill_add(struct spill_writer *w, const struct record *r, struct err *err);
/* Ends the file; @runs (of `partitions` entries, may be NULL) learns where each run lies. */
int spill_writer_finish(struct spill_writer *w, struct spill_run *runs, struct err *err);
void spill_writer_free(struct spill_writer *w); /* removes the file unless it was finished */
uint64_t spill_writer_records(const struct spill_writer *w); /* repeated ones each time */
uint64_t spill_writer_bytes(const struct spill_writer *w);

/* Reads where the runs of a finished file are; *runs is malloc'd. */
int spill_read_index(struct env *env, const char *path, struct spill_run **runs, uint32_t *count,
                     struct err *err);

/* ---- reading one run ---- */

struct spill_reader {
    struct record_stream stream;
    struct env *env;
    int fd; /* -1: in memory */
    bool owns_fd, owns_memory;
    uint64_t at, end; /* of the file, or of the memory */
    uint64_t from;    /* where the run begins */
    const uint8_t *memory;
    uint64_t left; /* records not yet read */
    uint64_t records;
    uint8_t *frame;
    size_t frame_cap;
    struct buf plain;        /* a packed frame, unpacked */
    const uint8_t *p, *stop; /* inside the frame */
    uint8_t *key;
    size_t key_n, key_cap;
    bool have_key;
    char name[160]; /* for errors */
};

/* Opens @run of the file at @path. */
int spill_reader_open(struct spill_reader *r, struct env *env, const char *path,
                      const struct spill_run *run, struct err *err);
/* Reads a run that is in memory; takes @bytes (malloc'd), also when it fails. */
int spill_reader_take(struct spill_reader *r, uint8_t *bytes, size_t n, uint64_t records,
                      const char *name, struct err *err);
void spill_reader_rewind(struct spill_reader *r); /* back to the first record */
void spill_reader_done(struct spill_reader *r);

/* Checks frames without looking at records: what a reducer does with a run it fetched. */
int spill_check_frames(const uint8_t *bytes, size_t n, const char *name, struct err *err);

#endif
