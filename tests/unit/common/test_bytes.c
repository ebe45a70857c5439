#include <string.h>

#include "common/bytes.h"
#include "tests/lib/suite.h"

static void test_a_cursor_never_runs_over_its_end(void)
{
    static const uint8_t in[] = {0x12, 0x34, 0x05, 'h', 'e'};
    struct rd r = rd_of(in, sizeof in);

    CU_ASSERT(rd_be(&r, 2) == 0x1234);
    (void)rd_delimited(&r); /* says five, two are there */
    CU_ASSERT(r.bad);
    CU_ASSERT(rd_be(&r, 1) == 0 && rd_left(&r) == 0);
}

static void test_varints_of_every_size_come_back(void)
{
    struct buf b;
    struct rd r;

    buf_init(&b, 1000);
    for (unsigned bits = 0; bits < 64; bits++)
        buf_put_varint(&b, (uint64_t)1 << bits);
    r = rd_of(b.bytes, b.n);
    for (unsigned bits = 0; bits < 64; bits++)
        CU_ASSERT(rd_varint(&r) == (uint64_t)1 << bits);
    CU_ASSERT(!r.bad && rd_left(&r) == 0);
    CU_ASSERT(varint_size(0) == 1 && varint_size(127) == 1 && varint_size(128) == 2);
    CU_ASSERT(varint_size(UINT64_MAX) == 10);
    buf_done(&b);
}

static void test_an_endless_varint_is_bad(void)
{
    uint8_t in[11];
    struct rd r = rd_of(in, sizeof in);

    memset(in, 0xff, sizeof in);
    rd_varint(&r);
    CU_ASSERT(r.bad);
}

static void test_a_full_buffer_says_so_and_drops_the_rest(void)
{
    struct buf b;

    buf_init(&b, 4);
    buf_put_be(&b, 0x01020304, 4);
    CU_ASSERT(!b.bad && b.n == 4);
    buf_puts(&b, "x");
    CU_ASSERT(b.bad && b.n == 4);
    CU_ASSERT(buf_cstr(&b) == NULL);
    buf_done(&b);
}

static void test_text_grows_as_needed(void)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    CU_ASSERT_FATAL(buf_cstr(&b) != NULL);
    CU_ASSERT(strncmp((char *)b.bytes, "0,1,2,", 6) == 0 && b.n == 3890);
    buf_consume(&b, 2);
    CU_ASSERT(b.bytes[0] == '1');
    buf_done(&b);
}

SUITE(bytes, TEST(test_a_cursor_never_runs_over_its_end),
      TEST(test_varints_of_every_size_come_back), TEST(test_an_endless_varint_is_bad),
      TEST(test_a_full_buffer_says_so_and_drops_the_rest), TEST(test_text_grows_as_needed));
