#include "client/packet.h"

#include <stdlib.h>

enum { PAGE = 4096 };

struct packet *packet_new(const struct checksum *c, uint32_t data_max)
{
    size_t front = PACKET_HEADER_MAX + (size_t)checksum_bytes_for(c, data_max);
    struct packet *p = calloc(1, sizeof *p);

    front = (front + PAGE - 1) / PAGE * PAGE; /* page-aligned data copies fastest */
    if (p)
        p->mem = aligned_alloc(PAGE, front + (data_max + PAGE - 1) / PAGE * PAGE);
    if (!p || !p->mem) {
        free(p);
        return NULL;
    }
    p->data = p->mem + front;
    return p;
}

void packet_free(struct packet *p)
{
    if (p)
        free(p->mem);
    free(p);
}

void packet_free_list(struct packet *p)
{
    while (p) {
        struct packet *next = p->next;

        packet_free(p);
        p = next;
    }
}

void packet_seal(struct packet *p, const struct checksum *c, int64_t seqno)
{
    uint32_t sums = (uint32_t)checksum_bytes_for(c, p->n), head_n;
    uint8_t head[PACKET_HEADER_MAX];
    struct packet_header h = {
        .offset = (int64_t)p->offset,
        .seqno = seqno,
        .last = p->last,
        .sync = p->sync,
        .data_bytes = p->n,
    };

    p->seqno = seqno;
    if (p->n > 0)
        checksum_make(c, p->data, p->n, p->data - sums);
    head_n = packet_header_put(head, &h, sums);
    p->wire = p->data - sums - head_n;
    p->wire_n = head_n + sums + p->n;
    for (uint32_t i = 0; i < head_n; i++)
        p->wire[i] = head[i];
}

void packet_queue_push(struct packet_queue *q, struct packet *p)
{
    p->next = NULL;
    if (q->tail)
        q->tail->next = p;
    else
        q->head = p;
    q->tail = p;
    if (!q->unsent)
        q->unsent = p;
    q->count++;
    q->unsent_count++;
}

struct packet *packet_queue_pop(struct packet_queue *q)
{
    struct packet *p = q->head;

    MUST(p && p != q->unsent);
    q->head = p->next;
    if (!q->head)
        q->tail = NULL;
    q->count--;
    return p;
}

void packet_queue_rewind(struct packet_queue *q)
{
    q->unsent = q->head;
    q->unsent_count = q->count;
}

void packet_queue_take_back(struct packet_queue *q, struct packet *popped)
{
    while (popped) {
        struct packet *next = popped->next;

        popped->next = q->head;
        q->head = popped;
        if (!q->tail)
            q->tail = popped;
        q->count++;
        popped = next;
    }
    packet_queue_rewind(q);
}
