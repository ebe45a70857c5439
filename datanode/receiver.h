/* receiver.h -- receives the packets of a block: forwards, checks, writes and acknowledges.
 *
 * One thread does it all.  A packet is forwarded to the next datanode as soon as it is here,
 * then checked while it is hot, then written; with no datanode behind us it is acknowledged at
 * once, else when the acknowledgement from behind has come.  The acknowledgement of the last
 * packet waits until the replica is closed and the namenode has been told.
 *
 * Always true: what is acknowledged is in the block file and in the meta file.
 *
 * Thread:  the transfer's.
 * Format:  docs/formats/data-transfer.md, "Packets" and "Acknowledgements"
 */
#ifndef DFS_DATANODE_RECEIVER_H
#define DFS_DATANODE_RECEIVER_H

#include "datanode/datanode.h"
#include "datanode/intake.h"

struct receiver {
    struct datanode *dn;
    struct draft *draft;
    struct intake *in;
    struct buf *out;         /* to @fd, with what goes before the acknowledgements */
    int fd;                  /* whom acknowledgements go to */
    int mirror;              /* the next datanode; -1: none */
    const char *mirror_name; /* for peer_stats.h */
    int behind;          /* datanodes from that one on: each may need a while longer to answer */
    bool alone;          /* no other datanode gets the block */
    bool acks;           /* a client writes: packets are acknowledged, the block is closed here */
    struct checksum sum; /* of the packets */
    struct throttle *throttle;
    struct replica_facts closed; /* once finished */
};

/* Until the last packet.  On failure the draft keeps what was written, and @answered says whether
 * the sender was told by an acknowledgement. */
int receiver_run(struct receiver *r, bool *answered, struct err *err);

#endif
