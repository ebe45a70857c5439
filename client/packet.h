/* packet.h -- a packet on its way to a pipeline, kept until every datanode has acknowledged it.
 *
 * Data, checksums and header lie in one piece of memory, in the order of the wire, so a packet is
 * one element of a send: [room | header | checksums | data].  The header and the checksums are
 * filled in when the packet is sealed, backwards from the data.
 *
 * Thread:  one at a time.
 */
#ifndef DFS_CLIENT_PACKET_H
#define DFS_CLIENT_PACKET_H

#include "proto/xfer.h"

struct packet {
    struct packet *next;
    int64_t seqno;
    uint64_t offset;  /* of the data in the block */
    uint32_t n, cap;  /* bytes of data, and how many this packet may get */
    uint32_t flushed; /* the first bytes were already sent: a partial chunk goes again */
    bool last, sync;
    uint8_t holds;   /* group_writer.c's */
    uint32_t wire_n; /* once sealed */
    uint8_t *wire, *data;
    uint8_t *mem;
};

struct packet *packet_new(const struct checksum *c, uint32_t data_max); /* NULL: no memory */
void packet_free(struct packet *p);                                     /* one */
void packet_free_list(struct packet *p);
void packet_seal(struct packet *p, const struct checksum *c, int64_t seqno);

/* Packets in order: sent and not acknowledged, then not yet sent. */
struct packet_queue {
    struct packet *head, *tail, *unsent;
    int count, unsent_count;
};
void packet_queue_push(struct packet_queue *q, struct packet *p);
struct packet *packet_queue_pop(struct packet_queue *q); /* the oldest, which was sent */
void packet_queue_rewind(struct packet_queue *q);        /* everything is unsent again */
/* Takes back what was popped, the last popped first in the list. */
void packet_queue_take_back(struct packet_queue *q, struct packet *popped);

#endif
