/* Packed bytes, in pieces of any size; numbers as Java prints them. */
#include <string.h>

#include "common/java_number.h"
#include "client/shell/unpack.h"
#include "tests/lib/suite.h"

static const struct {
    enum codec codec;
    const char *bytes;
    size_t n;
} hello[] = {
    {CODEC_NONE, "hello\n", 6},
    {CODEC_GZIP,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06"
     "\x00\x00"
     "\x00",
     26},
    {CODEC_LZ4, "\0\0\0\6\0\0\0\7\x60hello\n", 15},
    {CODEC_SNAPPY, "\0\0\0\6\0\0\0\x8\x06\x14hello\n", 16},
    {CODEC_ZSTD, "\x28\xb5\x2f\xfd\x20\x06\x31\0\0hello\n", 15},
};
enum { ROWS = sizeof hello / sizeof *hello };

static int keep(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    buf_put(ctx, bytes, n);
    return 0;
}

static void test_packed_bytes_may_come_one_at_a_time(void)
{
    for (int i = 0; i < ROWS; i++) {
        struct unpack *u;
        struct buf out;

        buf_init(&out, 100);
        CU_ASSERT_FATAL(unpack_new(hello[i].codec, keep, &out, &u, NULL) == 0);
        for (size_t k = 0; k < hello[i].n; k++)
            CU_ASSERT(unpack_feed(u, hello[i].bytes + k, 1, NULL) == 0);
        CU_ASSERT(unpack_end(u, NULL) == 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "hello\n");
        buf_done(&out);
    }
}

static void test_pieces_one_behind_the_other_are_one_stream(void)
{
    for (int i = 0; i < ROWS; i++) {
        struct buf in, out;

        buf_init(&in, 100);
        buf_init(&out, 100);
        buf_put(&in, hello[i].bytes, hello[i].n);
        buf_put(&in, hello[i].bytes, hello[i].n);
        CU_ASSERT(unpack_all(hello[i].codec, in.bytes, in.n, &out, NULL) == 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "hello\nhello\n");
        buf_done(&in);
        buf_done(&out);
    }
}

static void test_packed_bytes_that_end_early_are_an_error(void)
{
    for (int i = 1; i < ROWS; i++) {
        struct err err = {0};
        struct buf out;

        buf_init(&out, 100);
        CU_ASSERT(unpack_all(hello[i].codec, hello[i].bytes, hello[i].n - 1, &out, &err) < 0);
        CU_ASSERT(err.code == ERR_CORRUPT);
        buf_done(&out);
    }
}

static void test_what_is_unpacked_stays_within_its_limit(void)
{
    for (int i = 0; i < ROWS; i++) {
        struct buf out;

        buf_init(&out, 3);
        CU_ASSERT(unpack_all(hello[i].codec, hello[i].bytes, hello[i].n, &out, NULL) < 0);
        buf_done(&out);
    }
}

static void test_codecs_are_found_by_file_and_by_class(void)
{
    static const char class[] = "org.apache.hadoop.io.compress.BZip2Codec";

    CU_ASSERT(codec_of_file("a.bz2") == CODEC_BZIP2);
    CU_ASSERT(codec_of_file(".gz") == CODEC_NONE);
    CU_ASSERT(codec_of_file("a.txt") == CODEC_NONE);
    CU_ASSERT(codec_of_class(class, strlen(class)) == CODEC_BZIP2);
    CU_ASSERT(codec_of_class(class, strlen(class) - 1) == CODEC_UNKNOWN);
    CU_ASSERT(codec_of_class("", 0) == CODEC_UNKNOWN);
}

static void test_numbers_have_the_fewest_digits_that_read_back(void)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {1, "1.0"},           {0.1, "0.1"},
        {1e7, "1.0E7"},       {9999999, "9999999.0"},
        {1e-3, "0.001"},      {9.99e-4, "9.99E-4"},
        {5e-324, "4.9E-324"}, {-2.5, "-2.5"},
        {123456, "123456.0"}, {1.0 / 3, "0.3333333333333333"},
        {1e300, "1.0E300"},
    };
    char text[JAVA_NUMBER_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        java_double(rows[i].v, text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
    java_float(0.1f, text);
    CU_ASSERT_STRING_EQUAL(text, "0.1");
}

SUITE(unpack, TEST(test_packed_bytes_may_come_one_at_a_time),
      TEST(test_pieces_one_behind_the_other_are_one_stream),
      TEST(test_packed_bytes_that_end_early_are_an_error),
      TEST(test_what_is_unpacked_stays_within_its_limit),
      TEST(test_codecs_are_found_by_file_and_by_class),
      TEST(test_numbers_have_the_fewest_digits_that_read_back))
