/* Programs: how a command is read, how they end, what they may do to us. */
#include "compute/child.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void words_are(const char *command, const char *want)
{
    char got[200] = "", **w = child_words(command, NULL);

    for (int i = 0; w && w[i]; i++) {
        strcat(got, w[i]);
        strcat(got, "|");
    }
    CU_ASSERT_STRING_EQUAL(got, want);
    free(w);
}

static void test_a_command_is_cut_into_words_as_streaming_does_it(void)
{
    words_are("cat", "cat|");
    words_are("  a  b ", "a|b|");
    words_are("sh -c 'a b' \"c d\"", "sh|-c|a b|c d|");
    words_are("say \"it's\"", "say|it's|");
    words_are("a'b'c", "a|b|c|");
    CU_ASSERT_PTR_NULL(child_words("   ", NULL));
}

struct talk {
    const char *input;
    size_t input_n, given, chunk;
    uint8_t out[1 << 16];
    uint64_t got;
    char reported[100];
};

static int input(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct talk *t = ctx;
    size_t k = t->input_n - t->given < t->chunk ? t->input_n - t->given : t->chunk;

    (void)err;
    *bytes = (const uint8_t *)t->input + t->given;
    *n = k;
    t->given += k;
    return 0;
}

static int room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    (void)err;
    *at = ((struct talk *)ctx)->out;
    *n = sizeof((struct talk *)ctx)->out;
    return 0;
}

static int output(void *ctx, size_t n, struct err *err)
{
    (void)err;
    ((struct talk *)ctx)->got += n;
    return 0;
}

static void reporter(void *ctx, const char *text, size_t n)
{
    snprintf(((struct talk *)ctx)->reported, 100, "%.*s", (int)n, text);
}

static int run(const char *command, struct talk *t, int timeout_ms, struct child_result *r,
               struct err *err)
{
    const struct child_io io = {input, room, output, reporter, NULL, t};
    const struct child_spec spec = {
        .command = command, .dir = suite_tmp_dir(), .timeout_ms = timeout_ms};

    signal(SIGPIPE, SIG_IGN);
    return child_run(&spec, &io, r, err);
}

static void test_every_byte_goes_in_and_comes_out(void)
{
    size_t n = 5 << 20;
    struct talk t = {.input = calloc(1, n), .input_n = n, .chunk = 100000};
    struct child_result r;

    CU_ASSERT(run("cat", &t, 0, &r, NULL) == 0);
    CU_ASSERT(t.got == n && r.exit_code == 0);
    free((char *)(uintptr_t)t.input);
}

static void test_how_a_program_ended_is_told(void)
{
    struct talk t = {.chunk = 1};
    struct child_result r;
    struct err err = {0};

    CU_ASSERT(run("sh -c 'echo last words >&2; exit 9'", &t, 0, &r, &err) == -ERR_REMOTE);
    CU_ASSERT(r.exit_code == 9 && r.blamed);
    CU_ASSERT_STRING_EQUAL(r.tail, "last words\n");
    CU_ASSERT(run("sh -c 'kill -9 $$'", &t, 0, &r, &err) == -ERR_REMOTE && r.signal == 9);
    CU_ASSERT(run("/no/such/program", &t, 0, &r, &err) == -ERR_NOENT && r.blamed);
}

static void test_reporter_lines_are_no_words(void)
{
    struct talk t = {.chunk = 1};
    struct child_result r;

    CU_ASSERT(run("sh -c 'echo reporter:status:half >&2; printf tail >&2'", &t, 0, &r, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(t.reported, "status:half");
    CU_ASSERT_STRING_EQUAL(r.tail, "tail");
}

static void test_a_program_that_leaves_its_input_is_an_error_only_when_much_was_left(void)
{
    size_t n = 8 << 20;
    struct talk t = {.input = calloc(1, n), .input_n = n, .chunk = 100000};
    struct talk little = {.input = "x\n", .input_n = 2, .chunk = 10};
    struct child_result r;

    CU_ASSERT(run("true", &t, 0, &r, NULL) == -ERR_CLOSED && r.left_input);
    (void)run("true", &little, 0, &r, NULL); /* may have been gone before we wrote */
    free((char *)(uintptr_t)t.input);
}

static void test_a_silent_program_is_killed_with_its_children(void)
{
    struct talk t = {.chunk = 1};
    struct child_result r;

    CU_ASSERT(run("sh -c 'sleep 50 & sleep 60'", &t, 200, &r, NULL) == -ERR_TIMEOUT);
}

SUITE(child, TEST(test_a_command_is_cut_into_words_as_streaming_does_it),
      TEST(test_every_byte_goes_in_and_comes_out), TEST(test_how_a_program_ended_is_told),
      TEST(test_reporter_lines_are_no_words),
      TEST(test_a_program_that_leaves_its_input_is_an_error_only_when_much_was_left),
      TEST(test_a_silent_program_is_killed_with_its_children))
