/* xceiver.h -- the data server: one connection, one thread, one operation after another.
 *
 * Threads wait at the door, in accept(): the one that gets a connection serves it, with no other
 * thread between, and comes back.
 *
 * Thread:  all are of the crew; there is one more than connections, at least.
 * Format:  docs/formats/data-transfer.md
 */
#ifndef DFS_DATANODE_XCEIVER_H
#define DFS_DATANODE_XCEIVER_H

#include <pthread.h>

#include "datanode/datanode.h"
#include "datanode/intake.h"
#include "proto/xfer.h"

struct xceiver_server;

int xceiver_listen(struct datanode *dn, const struct net_addr *at, uint16_t *out_port,
                   struct xceiver_server **out, struct err *err);
/* The same on a descriptor that listens already (the UNIX socket). */
int xceiver_serve(struct datanode *dn, int listen_fd, struct xceiver_server **out, struct err *err);
void xceiver_stop(struct xceiver_server *s); /* accepts no more; NULL is allowed */

/* A connection while an operation runs. */
struct xceiver {
    struct datanode *dn;
    int fd;
    bool is_unix;
    struct intake in;
    struct arena arena; /* of the operation */
    struct buf out;     /* answers that go together; sent before anything is waited for */
    char peer[NET_HOST_MAX + 8];
    bool keep; /* another operation may follow on the connection */
};

/* Operations.  Each answers by itself; what it returns is for the log and the counters. */
int op_read_block(struct xceiver *x, const Pb__OpReadBlockProto *op, struct err *err);
int op_write_block(struct xceiver *x, const Pb__OpWriteBlockProto *op, struct err *err);
int op_transfer_block(struct xceiver *x, const Pb__OpTransferBlockProto *op, struct err *err);
int op_copy_block(struct xceiver *x, const Pb__OpCopyBlockProto *op, struct err *err);
int op_replace_block(struct xceiver *x, const Pb__OpReplaceBlockProto *op, struct err *err);
int op_block_checksum(struct xceiver *x, const Pb__OpBlockChecksumProto *op, struct err *err);
int op_block_group_checksum(struct xceiver *x, const Pb__OpBlockGroupChecksumProto *op,
                            struct err *err);
int op_request_fds(struct xceiver *x, const Pb__OpRequestShortCircuitAccessProto *op,
                   struct err *err);
int op_release_fds(struct xceiver *x, const Pb__ReleaseShortCircuitAccessRequestProto *op,
                   struct err *err);
int op_request_shm(struct xceiver *x, const Pb__ShortCircuitShmRequestProto *op, struct err *err);

/* The plain answer: a status, and a message or NULL. */
int xceiver_answer(struct xceiver *x, Pb__Status status, const char *message, struct err *err);

/* The block that a header names; ERR_NO_REPLICA when it is of another pool. */
int xceiver_block(struct xceiver *x, const Pb__ExtendedBlockProto *b, struct block *out,
                  struct err *err);

/* An error as the status that a client understands, and as Java would word it. */
Pb__Status status_of(int rc);
void java_text(const struct err *err, char *out, size_t n);

#endif
