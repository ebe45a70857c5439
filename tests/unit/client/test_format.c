/* Sizes, modes and the options of a command line. */
#include <stdlib.h>
#include <string.h>

#include "client/shell/mode.h"
#include "client/shell/shell.h"
#include "tests/lib/suite.h"

static void test_sizes_for_people_round_as_in_hadoop(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1023, "1023"},
        {1024, "1 K"},
        {1536, "1.5 K"},
        {1234567, "1.2 M"},
        {5000000, "4.8 M"},
        {1048575, "1.0 M"},
        {1048576, "1 M"},
        {811659522048, "755.9 G"},
        {1ULL << 40, "1 T"},
        {UINT64_MAX, "16.0 E"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HUMAN_MAX];

        human_size(rows[i].bytes, text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void test_modes_are_written_with_their_sticky_bit(void)
{
    char text[16];

    mode_text(0755, text);
    CU_ASSERT_STRING_EQUAL(text, "rwxr-xr-x");
    mode_text(01777, text);
    CU_ASSERT_STRING_EQUAL(text, "rwxrwxrwt");
    mode_text(01640, text);
    CU_ASSERT_STRING_EQUAL(text, "rw-r----T");
}

static void test_modes_change_by_digits_and_letters(void)
{
    static const struct {
        const char *text;
        unsigned old;
        bool is_dir, good;
        unsigned result;
    } rows[] = {
        {"640", 0777, false, true, 0640},
        {"1777", 0, true, true, 01777},
        {"+644", 0, false, true, 0644},
        {"u+x", 0644, false, true, 0744},
        {"go-w", 0666, false, true, 0644},
        {"a=r", 0777, false, true, 0444},
        {"=rw", 0777, false, true, 0666},
        {"u=rwx,g=rx,o=", 0, false, false, 0},
        {"u=rwx,g=rx", 0, false, true, 0750},
        {"a+X", 0644, false, true, 0644},
        {"a+X", 0644, true, true, 0755},
        {"a+X", 0744, false, true, 0755},
        {"+t", 0755, true, true, 01755},
        {"-t", 01755, true, true, 0755},
        {"999", 0, false, false, 0},
        {"2777", 0, false, false, 0},
        {"u+q", 0, false, false, 0},
        {"", 0, false, false, 0},
        {"u", 0, false, false, 0},
        {"rwx", 0, false, false, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint16_t got = 0;
        bool good = mode_apply(rows[i].text, (uint16_t)rows[i].old, rows[i].is_dir, &got);

        if (good != rows[i].good || (good && got != rows[i].result))
            printf("mode \"%s\" on %o gave %o\n", rows[i].text, rows[i].old, got);
        CU_ASSERT(good == rows[i].good);
        CU_ASSERT(!good || got == rows[i].result);
    }
}

static void test_every_command_has_its_words(void)
{
    const char *last = "";

    for (const struct command *c = shell_commands; c->name; c++) {
        CU_ASSERT(shell_find(c->name) != NULL);
        CU_ASSERT(c->run != NULL);
        CU_ASSERT(strcmp(last, c->name) < 0); /* in the order of the alphabet, each once */
        last = c->name;
    }
    CU_ASSERT(shell_find("-ls") == shell_find("ls"));
    CU_ASSERT(shell_find("nothing") == NULL);
}

static void test_tables_are_as_wide_as_their_widest_cell(void)
{
    static const char *const first[] = {"a", "1", "x"}, *const second[] = {"bbb", "22", "y"};
    struct table *t = table_new(3, 2);
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    table_add(t, first);
    table_add(t, second);
    CU_ASSERT(table_rows(t) == 2);
    table_print(t, out);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "a     1  x\nbbb  22  y\n");
    free(text);
}

SUITE(format, TEST(test_sizes_for_people_round_as_in_hadoop),
      TEST(test_modes_are_written_with_their_sticky_bit),
      TEST(test_modes_change_by_digits_and_letters), TEST(test_every_command_has_its_words),
      TEST(test_tables_are_as_wide_as_their_widest_cell));
