/* group_writer.h -- the bytes of a striped file on their way to its block groups.
 *
 * Each unit of a group is a stream of its own: a pipeline to one datanode.  Bytes are gathered in
 * packets that never cross a cell; a data packet goes out when it is full and stays in memory until its
 * stripe is complete and encoded.  A unit without bytes has no internal block.
 *
 * A stream that fails is given up until the next group, whose bytes need no more of it than parity can
 * tell; with more failures than parity units the writer fails, for good.  After a failure, at the end of
 * its stripe, everything is waited for and the group gets a new generation stamp on all that are left, so
 * that what the failed datanode has is known to be stale.
 *
 * Always true: when group_writer_finish() succeeded, at least as many units as there are data units hold
 * all their bytes, acknowledged.
 *
 * Thread:  one at a time (the writer's lock).
 * Design:  docs/design/erasure-coding.md, "Writing"
 */
#ifndef DFS_CLIENT_GROUP_WRITER_H
#define DFS_CLIENT_GROUP_WRITER_H

#include "client/fs.h"
#include "proto/xfer.h"

struct group_writer;

struct group_writer_options {
    const char *path; /* outlives the writer */
    uint64_t file_id, block_size;
    struct checksum checksum;
    uint32_t packet_bytes; /* of data, whole chunks */
    const Pb__ErasureCodingPolicyProto *policy;
    bool sync; /* groups are on disks when they end */
};

int group_writer_new(struct dfs *fs, const struct group_writer_options *o,
                     struct group_writer **out, struct err *err);
void group_writer_free(struct group_writer *g); /* NULL is allowed */

/* The groups come behind @last, which stays as it is. */
int group_writer_follow(struct group_writer *g, const Pb__ExtendedBlockProto *last,
                        struct err *err);

/* Room for the next bytes: at least one. */
int group_writer_room(struct group_writer *g, uint8_t **at, size_t *n, struct err *err);
/* @n bytes were put there. */
int group_writer_filled(struct group_writer *g, size_t n, struct err *err);

/* Ends the last group: all is acknowledged. */
int group_writer_finish(struct group_writer *g, struct err *err);
const Pb__ExtendedBlockProto *group_writer_last(const struct group_writer *g); /* NULL: none */

void group_writer_keep_alive(struct group_writer *g, uint64_t silent_ms);
void group_writer_disconnect(struct group_writer *g);

#endif
