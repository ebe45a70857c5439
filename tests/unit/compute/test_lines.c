/* Every line of a file belongs to exactly one split, wherever the splits begin and end. */
#include "compute/lines.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

struct file {
    const char *bytes;
    size_t n, at, piece; /* piece: at most so many bytes for each read */
};

static ssize_t read_file(void *ctx, void *buf, size_t n, struct err *err)
{
    struct file *f = ctx;
    size_t k = f->n - f->at < n ? f->n - f->at : n;

    (void)err;
    if (f->piece && k > f->piece)
        k = f->piece;
    memcpy(buf, f->bytes + f->at, k);
    f->at += k;
    return (ssize_t)k;
}

/* Appends what the split [start, end) gives to @out. */
static size_t read_split(const char *bytes, size_t n, size_t start, size_t end, size_t piece,
                         char *out)
{
    struct file f = {bytes, n, start, piece};
    struct lines l;
    const uint8_t *p;
    size_t k, total = 0;

    CU_ASSERT_FATAL(
        lines_init(&l, (struct byte_source){read_file, NULL, &f}, start, end - start, NULL) == 0);
    do {
        CU_ASSERT_FATAL(lines_next(&l, &p, &k, NULL) == 0);
        memcpy(out + total, p, k);
        total += k;
    } while (k);
    lines_done(&l);
    return total;
}

/* What a program shall read of the whole file. */
static size_t whole(const char *bytes, size_t n, char *out)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\r' && i + 1 < n && bytes[i + 1] == '\n')
            continue;
        out[k++] = bytes[i] == '\r' ? '\n' : bytes[i];
    }
    if (k && out[k - 1] != '\n')
        out[k++] = '\n';
    return k;
}

static const char *const texts[] = {
    "one\ntwo\nthree\n",
    "one\ntwo\nthree",
    "\n\n\n",
    "a",
    "dos\r\nlines\r\n\r\nend",
    "mac\rlines\rend\r",
    "\r\n\r\r\n\n\rx",
    "long long line\nx\n",
    "\r",
    "\n",
    "x\r",
    "tab\tand \xff\xfe bytes\nmore\n",
};

static void test_every_line_belongs_to_one_of_two_splits_at_any_boundary(void)
{
    char got[200], want[200];

    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t n = strlen(texts[t]), k = whole(texts[t], n, want);

        for (size_t cut = 1; cut < n; cut++) {
            size_t g = read_split(texts[t], n, 0, cut, 0, got);

            g += read_split(texts[t], n, cut, n, 0, got + g);
            CU_ASSERT(g == k && memcmp(got, want, k) == 0);
        }
    }
}

static void test_splits_of_any_size_and_reads_of_any_size_give_every_line_once(void)
{
    char got[200], want[200];

    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t n = strlen(texts[t]), k = whole(texts[t], n, want);

        for (size_t size = 1; size <= n; size++)
            for (size_t piece = 1; piece <= 4; piece++) {
                size_t g = 0;

                for (size_t at = 0; at < n; at += size)
                    g += read_split(texts[t], n, at, at + size < n ? at + size : n, piece, got + g);
                CU_ASSERT(g == k && memcmp(got, want, k) == 0);
            }
    }
}

static void test_the_line_that_begins_where_a_split_ends_belongs_to_it(void)
{
    char got[200];

    /* Hadoop's rule: the split [0, 4) of "one\ntwo\n" holds both lines, [4, 8) none. */
    CU_ASSERT(read_split("one\ntwo\n", 8, 0, 4, 0, got) == 8);
    CU_ASSERT(read_split("one\ntwo\n", 8, 4, 8, 0, got) == 0);
}

static void test_a_byte_order_mark_is_no_part_of_the_first_line(void)
{
    char got[200];
    size_t k = read_split("\xef\xbb\xbf"
                          "first\nsecond\n",
                          16, 0, 16, 0, got);

    CU_ASSERT(k == 13 && memcmp(got, "first\nsecond\n", 13) == 0);
    CU_ASSERT(read_split("\xef\xbb\xbf", 3, 0, 3, 0, got) == 0);
    k = read_split("\xef\xbb\xbf"
                   "a\nb\n",
                   7, 0, 1, 0, got);
    CU_ASSERT(k == 2 && memcmp(got, "a\n", 2) == 0);
}

static void test_an_empty_file_has_no_lines(void)
{
    char got[8];

    CU_ASSERT(read_split("", 0, 0, 0, 0, got) == 0);
}

static void test_lines_longer_than_the_buffer_come_whole(void)
{
    size_t n = 3 * LINES_CHUNK + 17;
    char *bytes = malloc(n), *got = malloc(n + 8);

    memset(bytes, 'x', n);
    bytes[n - 5] = '\n';
    CU_ASSERT(read_split(bytes, n, 0, 100, 0, got) == n - 4);
    CU_ASSERT(read_split(bytes, n, 100, n, 0, got) == 5 && memcmp(got, "xxxx\n", 5) == 0);
    free(bytes);
    free(got);
}

static ssize_t fail_to_read(void *ctx, void *buf, size_t n, struct err *err)
{
    (void)ctx;
    (void)buf;
    (void)n;
    return err_set(err, ERR_BLOCK_MISSING, "gone");
}

static void test_an_error_of_the_source_comes_through(void)
{
    struct lines l;
    const uint8_t *p;
    size_t k;

    CU_ASSERT(lines_init(&l, (struct byte_source){fail_to_read, NULL, NULL}, 0, 10, NULL) == 0);
    CU_ASSERT(lines_next(&l, &p, &k, NULL) == -ERR_BLOCK_MISSING);
    lines_done(&l);
}

SUITE(lines, TEST(test_every_line_belongs_to_one_of_two_splits_at_any_boundary),
      TEST(test_splits_of_any_size_and_reads_of_any_size_give_every_line_once),
      TEST(test_the_line_that_begins_where_a_split_ends_belongs_to_it),
      TEST(test_a_byte_order_mark_is_no_part_of_the_first_line),
      TEST(test_an_empty_file_has_no_lines), TEST(test_lines_longer_than_the_buffer_come_whole),
      TEST(test_an_error_of_the_source_comes_through))
