#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "namenode/edits/edit_codec.h"
#include "tests/lib/suite.h"

enum { HEADER = 8, MAX = 1 << 20 };

/* A segment that a real Hadoop 3.4.2 wrote; tests/golden/README.md says how. */
struct sample {
    char *bytes;
    size_t n;
};
static struct sample sample_read(const char *name)
{
    struct sample s = {0};
    char path[512];

    snprintf(path, sizeof path, "tests/golden/%s", name);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, MAX, &s.bytes, &s.n, NULL) == 0);
    CU_ASSERT_FATAL(get_be((uint8_t *)s.bytes, 4) == (uint32_t)EDIT_LAYOUT);
    return s;
}

#define TOUR "name/current/edits_0000000000000000008-0000000000000000187"
#define SMALL "edits/rolling-upgrade-start.edits"
static const char *const samples[] = {TOUR, SMALL, "edits/rolling-upgrade-finalize.edits",
                                      "edits/snapshots.edits"};
enum { SAMPLES = sizeof samples / sizeof *samples };

/* Decodes each record of a sample, encodes it and compares; returns how many there were. */
static int check_round_trip(const char *name, bool seen[64])
{
    struct sample s = sample_read(name);
    struct rd r = rd_of(s.bytes + HEADER, s.n - HEADER);
    struct edit_frame f;
    struct edit_op op;
    struct arena arena;
    struct buf out;
    struct err err = {0};
    int count = 0;

    arena_init(&arena, MAX);
    buf_init(&out, MAX);
    while (edit_frame(&r, &f, &err) == EDIT_RECORD) {
        const uint8_t *start = r.at - f.total_bytes;

        CU_ASSERT_FATAL(edit_decode(&f, EDIT_LAYOUT, &arena, &op, &err) == 0);
        buf_clear(&out);
        CU_ASSERT_FATAL(edit_encode(&out, &op, &err) == 0);
        CU_ASSERT(out.n == f.total_bytes && memcmp(out.bytes, start, out.n) == 0);
        if (out.n != f.total_bytes || memcmp(out.bytes, start, out.n) != 0)
            fprintf(stderr, "%s: %s differs\n", name, edit_name(f.code));
        seen[f.code] = true;
        arena_reset(&arena);
        count++;
    }
    CU_ASSERT(rd_left(&r) == 0);
    arena_done(&arena);
    buf_done(&out);
    free(s.bytes);
    return count;
}

static void test_every_record_of_hadoop_comes_back_byte_for_byte(void)
{
    bool seen[64] = {false};
    int count = 0;

    for (int i = 0; i < SAMPLES; i++)
        count += check_round_trip(samples[i], seen);
    CU_ASSERT(count == 180 + 5 + 3 + 29);
    /* All codes but three that Hadoop 3 reads and does not write any more. */
    for (unsigned code = 0; code < 64; code++)
        if (edit_name(code) && code != EDIT_SET_NS_QUOTA && code != EDIT_CLEAR_NS_QUOTA &&
            code != EDIT_SET_GENSTAMP_V1)
            CU_ASSERT(seen[code]);
}

/* Whatever the codec does with the first @n bytes, it does not take them for more. */
static void test_every_truncation_is_noticed(void)
{
    struct sample s = sample_read(TOUR);
    size_t whole = HEADER;

    for (size_t n = HEADER; n < s.n; n++) {
        struct rd r = rd_of(s.bytes + whole, n - whole);
        struct edit_frame f;
        enum edit_found found = edit_frame(&r, &f, NULL);

        if (found == EDIT_RECORD)
            whole += f.total_bytes;
        CU_ASSERT(found == EDIT_RECORD || found == (n == whole ? EDIT_END : EDIT_BAD));
    }
    free(s.bytes);
}

static void test_every_flipped_bit_is_noticed(void)
{
    struct sample s = sample_read(SMALL);

    for (size_t bit = 0; bit < (s.n - HEADER) * 8; bit++) {
        struct rd r = rd_of(s.bytes + HEADER, s.n - HEADER);
        struct edit_frame f;
        enum edit_found found;

        s.bytes[HEADER + bit / 8] ^= (char)(1 << bit % 8);
        while ((found = edit_frame(&r, &f, NULL)) == EDIT_RECORD)
            ;
        CU_ASSERT(found == EDIT_BAD);
        s.bytes[HEADER + bit / 8] ^= (char)(1 << bit % 8);
    }
    free(s.bytes);
}

/* The sum is right, the fields are nonsense: the decoder must say so and touch nothing else. */
static void test_fields_that_lie_are_an_error(void)
{
    struct arena arena;
    struct edit_op op;
    uint32_t x = 12345;

    arena_init(&arena, MAX);
    for (int i = 0; i < 200000; i++) {
        uint8_t bytes[64];
        struct edit_frame f;
        size_t n;

        for (size_t k = 0; k < sizeof bytes; k++) {
            x = x * 1664525 + 1013904223;
            bytes[k] = (uint8_t)(x >> 24) >> (x >> 20 & 7);
        }
        n = x >> 8 & 63;
        f = (struct edit_frame){.code = (uint8_t)(i % 60), .fields = rd_of(bytes, n)};
        edit_decode(&f, EDIT_LAYOUT, &arena, &op, NULL);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void test_records_of_older_layouts_lack_what_came_later(void)
{
    static const struct {
        enum edit_code code;
        int since;
        size_t bytes;
    } cases[] = {{EDIT_APPEND, -62, 1}, {EDIT_ADD, -64, 1}, {EDIT_CREATE_SNAPSHOT, -66, 8}};
    struct arena arena;
    struct buf out;

    arena_init(&arena, MAX);
    buf_init(&out, MAX);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit_op op = {.code = cases[i].code, .path = "/p", .snapshot = "s", .call_id = -2},
                       back;
        struct rd r;
        struct edit_frame f;
        uint8_t older[256];
        size_t n;

        buf_clear(&out);
        CU_ASSERT_FATAL(edit_encode(&out, &op, NULL) == 0);
        r = rd_of(out.bytes, out.n);
        CU_ASSERT_FATAL(edit_frame(&r, &f, NULL) == EDIT_RECORD);
        CU_ASSERT(edit_decode(&f, cases[i].since + 1, &arena, &back, NULL) == -ERR_CORRUPT);
        /* The field is the last one before the six bytes of the call. */
        n = rd_left(&f.fields) - cases[i].bytes;
        memcpy(older, f.fields.at, n - 6);
        memcpy(older + n - 6, f.fields.end - 6, 6);
        f.fields = rd_of(older, n);
        CU_ASSERT(edit_decode(&f, cases[i].since + 1, &arena, &back, NULL) == 0);
        CU_ASSERT(edit_decode(&f, cases[i].since, &arena, &back, NULL) == -ERR_CORRUPT);
    }
    buf_done(&out);
    arena_done(&arena);
}

static void test_a_string_too_long_for_a_record_is_refused(void)
{
    char *longest = malloc(EDIT_STRING_MAX + 2);
    struct edit_op op = {.code = EDIT_ALLOW_SNAPSHOT, .path = longest};
    struct buf out;

    buf_init(&out, MAX);
    memset(longest, 'x', EDIT_STRING_MAX + 1);
    longest[EDIT_STRING_MAX] = 0;
    CU_ASSERT(edit_encode(&out, &op, NULL) == 0);
    buf_clear(&out);
    longest[EDIT_STRING_MAX] = 'x';
    longest[EDIT_STRING_MAX + 1] = 0;
    CU_ASSERT(edit_encode(&out, &op, NULL) == -ERR_LIMIT && out.n == 0 && !out.bad);
    CU_ASSERT(edit_check(&op, NULL) == -ERR_LIMIT);
    longest[1000] = 0;
    CU_ASSERT(edit_check(&op, NULL) == 0);
    free(longest);
    buf_done(&out);
}

static void test_text_that_java_could_not_read_is_refused(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {{"/plain", true},         {"/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true},
                 {"/\xff", false},         {"/\xc3", false},
                 {"/\xc0\xaf", false},     {"/\xed\xa0\xbd", false},
                 {"/\xe0\x80\x80", false}, {"/\xf4\x90\x80\x80", false},
                 {"/\x80", false},         {"/\xe2\x82", false}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit_op op = {.code = EDIT_MKDIR, .path = cases[i].text, .user = "u", .group = "g"};

        CU_ASSERT((edit_check(&op, NULL) == 0) == cases[i].good);
    }
}

static void test_characters_of_four_bytes_become_two_of_three(void)
{
    struct edit_op op = {.code = EDIT_ALLOW_SNAPSHOT, .path = "/\xf0\x9f\x98\x80!"}, back;
    struct arena arena;
    struct buf out;
    struct rd r;
    struct edit_frame f;

    arena_init(&arena, MAX);
    buf_init(&out, MAX);
    CU_ASSERT_FATAL(edit_encode(&out, &op, NULL) == 0);
    CU_ASSERT(memcmp(out.bytes + 13, "\0\x08/\xed\xa0\xbd\xed\xb8\x80!", 10) == 0);
    r = rd_of(out.bytes, out.n);
    CU_ASSERT_FATAL(edit_frame(&r, &f, NULL) == EDIT_RECORD);
    CU_ASSERT_FATAL(edit_decode(&f, EDIT_LAYOUT, &arena, &back, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(back.path, op.path);
    buf_done(&out);
    arena_done(&arena);
}

SUITE(edit_codec, TEST(test_every_record_of_hadoop_comes_back_byte_for_byte),
      TEST(test_every_truncation_is_noticed), TEST(test_every_flipped_bit_is_noticed),
      TEST(test_fields_that_lie_are_an_error),
      TEST(test_records_of_older_layouts_lack_what_came_later),
      TEST(test_a_string_too_long_for_a_record_is_refused),
      TEST(test_text_that_java_could_not_read_is_refused),
      TEST(test_characters_of_four_bytes_become_two_of_three))
