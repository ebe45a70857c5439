/* A stage's ranges, held to a plain array of which bytes are staged. */
#include <stdlib.h>
#include <string.h>

#include "fuse/stage.h"
#include "tests/lib/suite.h"

enum { SIZE = 500, ROUNDS = 4000 };

static struct stage *s;
static unsigned char staged[SIZE], bytes[SIZE];

static void check(void)
{
    unsigned char got[SIZE];
    uint64_t count = 0;

    for (size_t i = 0; i < s->count; i++) {
        CU_ASSERT(s->ranges[i].from < s->ranges[i].to);
        CU_ASSERT(i == 0 || s->ranges[i - 1].to < s->ranges[i].from);
    }
    for (size_t at = 0; at < SIZE;) {
        bool is;
        size_t n = stage_run(s, at, SIZE - at, &is);

        CU_ASSERT_FATAL(n > 0);
        if (is)
            CU_ASSERT(stage_read(s, got, n, at, NULL) == 0 && memcmp(got, bytes + at, n) == 0);
        for (size_t i = at; i < at + n; i++)
            CU_ASSERT(staged[i] == is);
        count += is ? n : 0;
        at += n;
    }
    CU_ASSERT(count == s->bytes);
}

static void test_ranges_are_those_that_were_written(void)
{
    srand(7);
    CU_ASSERT_FATAL(stage_new(suite_tmp_dir(), &s, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t from = (size_t)(rand() % SIZE), n = (size_t)(rand() % 40), cut;
        unsigned char text[40];

        if (n > SIZE - from)
            n = SIZE - from;
        switch (rand() % 8) {
        case 0: /* cut */
            cut = SIZE / 2 + (size_t)(rand() % (SIZE / 2));
            stage_cut(s, cut);
            memset(staged + cut, 0, SIZE - cut);
            break;
        case 1: /* zeros */
            CU_ASSERT(stage_zero(s, from, from + n, NULL) == 0);
            memset(bytes + from, 0, n);
            memset(staged + from, 1, n);
            break;
        case 2:
            if (rand() % 50 == 0) {
                stage_clear(s);
                memset(staged, 0, SIZE);
            }
            break;
        default:
            memset(text, rand() % 256, n);
            CU_ASSERT(stage_write(s, text, n, from, NULL) == 0);
            memcpy(bytes + from, text, n);
            memset(staged + from, 1, n);
        }
        check();
    }
    stage_free(s);
}

static void test_touching_is_sharing_a_byte(void)
{
    CU_ASSERT_FATAL(stage_new(suite_tmp_dir(), &s, NULL) == 0);
    CU_ASSERT(stage_write(s, "abc", 3, 10, NULL) == 0);
    CU_ASSERT(!stage_touches(s, 0, 10) && stage_touches(s, 0, 11));
    CU_ASSERT(stage_touches(s, 12, 13) && !stage_touches(s, 13, 100));
    stage_free(s);
}

static void test_a_directory_that_is_not_there_is_an_error(void)
{
    struct err err = {0};

    CU_ASSERT(stage_new("/none/such", &s, &err) < 0 && err.text[0]);
}

SUITE(stage, TEST(test_ranges_are_those_that_were_written), TEST(test_touching_is_sharing_a_byte),
      TEST(test_a_directory_that_is_not_there_is_an_error))
