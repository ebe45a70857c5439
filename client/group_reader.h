/* group_reader.h -- a stretch of one block group, from whichever of its units are good.
 *
 * While all data units that are asked for can be read, their bytes are handed out where they were
 * received, a cell at a time, and no parity is touched.  When one can't be read, the stripe at hand
 * is gathered from as many other units as it takes, and decoded; so are those that follow.
 *
 * A unit can't be read when none of its datanodes can be reached, has it, or has it as its checksums
 * say.  Which those are is told to the locator.  More of them than parity units are ERR_BLOCK_MISSING,
 * with a text that lists them; nothing is made up.
 *
 * Thread:  one at a time.
 * Memory:  what was viewed is good until the next call; a buffer for each unit of a stripe, once it
 *          has to decode.
 * Design:  docs/design/erasure-coding.md, "Reading"
 */
#ifndef DFS_CLIENT_GROUP_READER_H
#define DFS_CLIENT_GROUP_READER_H

#include "client/block_reader.h"
#include "client/locator.h"
#include "proto/stripe.h"

struct group_reader;

struct group_range {
    struct locator *where;
    const struct stripe_policy *policy;
    const struct coder *coder;
    const Pb__LocatedBlockProto *group; /* must outlive the reader */
    uint64_t length;                    /* bytes of the group */
    uint64_t from, to;                  /* the stretch, inside the group */
};

int group_reader_open(struct dfs *fs, const struct group_range *what, struct group_reader **out,
                      struct err *err);

/* Bytes at the reader's position: at least 1, unless the range is at its end (0). */
ssize_t group_reader_view(struct group_reader *g, const uint8_t **bytes, struct err *err);
void group_reader_use(struct group_reader *g, size_t n); /* moves on; at most what was viewed */
enum block_reader_kind group_reader_kind(const struct group_reader *g); /* of the last view */
void group_reader_close(struct group_reader *g);                        /* NULL is allowed */

#endif
