/* program_feed.h -- keys and values as the bytes that a streaming program reads.
 *
 * Text: key, separator, value, end of line.  Typed bytes and raw bytes: one after the other.
 *
 * Thread:  one at a time.
 * Memory:  the rule is borrowed; f->bytes hold what was put since they were cleared.
 */
#ifndef DFS_COMPUTE_PROGRAM_FEED_H
#define DFS_COMPUTE_PROGRAM_FEED_H

#include "compute/record.h"
#include "compute/shape.h"
#include "compute/skip.h"

enum { FEED_CHUNK = 256 << 10 };

struct program_feed {
    const struct io_rule *rule;
    bool ignore_key;
    struct buf bytes;
};
void program_feed_init(struct program_feed *f, const struct io_rule *rule, bool ignore_key);
void program_feed_done(struct program_feed *f);
int program_feed_put(struct program_feed *f, const struct datum *key, const struct datum *value,
                     struct err *err);

/* A stream of records as what a program reads, a chunk at a time. */
struct record_feed {
    struct program_feed feed;
    enum datum_kind key, value;
    struct record_stream *in;
    struct record r; /* being given out: `left` more times */
    uint32_t left;
    uint64_t records, groups;
    const struct skip *skip; /* groups to leave out, and how many to read; NULL: all are read */
    bool leaves_out;         /* the group that is being read */
    bool ended;              /* this run has read as many as it shall */
    uint64_t skipped_groups, skipped_records;
};
void record_feed_init(struct record_feed *f, const struct io_rule *rule, const struct shape *s,
                      struct record_stream *in);
void record_feed_done(struct record_feed *f);
/* Fills f->feed.bytes anew; they stay empty at the end. */
int record_feed_next(struct record_feed *f, struct err *err);

#endif
