/* Packets on their way, and the acknowledgements that come back. */
#include <stdlib.h>
#include <string.h>

#include "client/ack.h"
#include "client/packet.h"
#include "tests/lib/suite.h"

static const struct checksum crc32c = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C, 512};

static void test_a_sealed_packet_is_what_a_datanode_reads(void)
{
    struct packet *p = packet_new(&crc32c, 65536);
    struct packet_header h;
    struct packet_lens lens;
    struct err err;
    struct rd r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    p->n = 1000;
    p->offset = 5 * 512;
    p->sync = true;
    for (unsigned i = 0; i < p->n; i++)
        p->data[i] = (uint8_t)(i * 7);
    packet_seal(p, &crc32c, 42);
    r = rd_of(p->wire, p->wire_n);
    CU_ASSERT(packet_lens_parse(&r, &lens, &err) == 0);
    CU_ASSERT(lens.payload == 1000 + 2 * 4);
    struct rd head = rd_slice(&r, lens.header);
    CU_ASSERT(packet_header_parse(&head, &h, &err) == 0);
    CU_ASSERT(h.seqno == 42 && h.offset == 5 * 512 && h.data_bytes == 1000 && h.sync && !h.last);
    CU_ASSERT(rd_left(&r) == lens.payload);
    CU_ASSERT(checksum_verify(&crc32c, r.at + 8, 1000, r.at, 0, &err) == 0);
    CU_ASSERT(memcmp(r.at + 8, p->data, 1000) == 0);
    packet_free(p);
}

static void test_an_empty_last_packet_has_no_checksums(void)
{
    struct packet *p = packet_new(&crc32c, 65536);
    struct packet_lens lens;
    struct err err;
    struct rd r;

    p->last = true;
    packet_seal(p, &crc32c, 7);
    r = rd_of(p->wire, p->wire_n);
    CU_ASSERT(packet_lens_parse(&r, &lens, &err) == 0 && lens.payload == 0);
    packet_free(p);
}

static void test_a_queue_remembers_what_was_sent(void)
{
    struct packet_queue q = {0};
    struct packet *p[3];

    for (int i = 0; i < 3; i++) {
        p[i] = packet_new(&crc32c, 512);
        p[i]->seqno = i;
        packet_queue_push(&q, p[i]);
    }
    CU_ASSERT(q.unsent == p[0] && q.count == 3 && q.unsent_count == 3);
    q.unsent = p[2]; /* two were sent */
    q.unsent_count = 1;
    CU_ASSERT(packet_queue_pop(&q) == p[0]);
    packet_queue_rewind(&q);
    CU_ASSERT(q.unsent == p[1] && q.unsent_count == 2);
    packet_free(p[0]);
    packet_free_list(q.head);
}

static void test_acks_are_read_whole_or_not_at_all(void)
{
    /* seqno 5 (zigzag 10), SUCCESS, ERROR, downstream time 1, flags: as a datanode sends it */
    static const uint8_t bytes[] = {12, 0x08, 10, 0x10, 0, 0x10, 1, 0x18, 1, 0x20, 0, 0x20, 1, 99};
    struct ack a;
    struct err err;
    size_t used = 0;

    for (size_t n = 0; n < 13; n++)
        CU_ASSERT(ack_parse(bytes, n, &a, &used, &err) == 0);
    CU_ASSERT(ack_parse(bytes, sizeof bytes, &a, &used, &err) == 1);
    CU_ASSERT(used == 13 && a.seqno == 5 && a.count == 2);
    CU_ASSERT(a.status[0] == PB__STATUS__SUCCESS && a.status[1] == PB__STATUS__ERROR);
}

static void test_packed_replies_and_heartbeats_are_understood(void)
{
    static const uint8_t bytes[] = {6, 0x08, 1, 0x12, 2, 0, 0};
    struct ack a;
    struct err err;
    size_t used;

    CU_ASSERT(ack_parse(bytes, sizeof bytes, &a, &used, &err) == 1);
    CU_ASSERT(a.seqno == HEARTBEAT_SEQNO && a.count == 2);
}

static void test_bad_acks_are_errors(void)
{
    static const uint8_t too_long[] = {0xff, 0xff, 0x7f}, garbage[] = {3, 0x0f, 1, 1},
                         cut[] = {2, 0x12, 9};
    struct ack a;
    struct err err;
    size_t used;

    CU_ASSERT(ack_parse(too_long, sizeof too_long, &a, &used, &err) == -ERR_PROTOCOL);
    CU_ASSERT(ack_parse(garbage, sizeof garbage, &a, &used, &err) == -ERR_PROTOCOL);
    CU_ASSERT(ack_parse(cut, sizeof cut, &a, &used, &err) == -ERR_PROTOCOL);
}

SUITE(packet, TEST(test_a_sealed_packet_is_what_a_datanode_reads),
      TEST(test_an_empty_last_packet_has_no_checksums), TEST(test_a_queue_remembers_what_was_sent),
      TEST(test_acks_are_read_whole_or_not_at_all),
      TEST(test_packed_replies_and_heartbeats_are_understood), TEST(test_bad_acks_are_errors));
