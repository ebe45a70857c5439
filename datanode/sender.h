/* sender.h -- sends a range of a replica as packets: to a reader, or to another datanode.
 *
 * The range is widened to whole checksum chunks, as the receiver has to check them.  Big spans
 * go with sendfile; a small read is one send of everything.
 *
 * Thread:  the transfer's.
 * Format:  docs/formats/data-transfer.md, "Packets"
 */
#ifndef DFS_DATANODE_SENDER_H
#define DFS_DATANODE_SENDER_H

#include "datanode/datanode.h"

#define SEND_ALL UINT64_MAX

struct sender {
    struct reading reading;
    struct checksum sum; /* what goes out: NULL when no sums are wanted */
    uint64_t begin, end; /* the range, in whole chunks */
    uint64_t sent;
    bool tail_sum; /* the last chunk's sum is that of reading.last_sum */
    struct throttle *throttle;
};

struct send_want {
    struct block block;
    uint64_t offset, length; /* SEND_ALL: to the end */
    bool sums;
    struct throttle *throttle; /* NULL: none */
};

/* Opens the replica; of one being written it waits a little for bytes that must come. */
int sender_open(struct datanode *dn, const struct send_want *want, struct sender *out,
                struct err *err);
void sender_close(struct sender *s);

/* Sends @before (an answer that goes first), the packets and the empty last one. */
int sender_run(struct sender *s, struct env *env, int fd, const void *before, size_t before_n,
               struct err *err);

#endif
