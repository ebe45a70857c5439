/* find.c -- dfs find: paths for which an expression is true. */
#include <ctype.h>
#include <string.h>

#include "client/glob.h"
#include "client/shell/shell.h"

enum { TESTS_MAX = 64 };

/* The expression: tests in a row, all of which must hold, and what to print. */
static struct {
    const char *pattern;
    bool ignore_case;
} tests[TESTS_MAX];
static int test_count;
static char ending = '\n';

static void lower(const char *from, char *to, size_t n)
{
    size_t i;

    for (i = 0; from[i] && i + 1 < n; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = 0;
}

static bool holds(int i, const char *name)
{
    char pattern[GLOB_PATH_MAX], text[GLOB_PATH_MAX];

    if (!tests[i].ignore_case)
        return glob_match(tests[i].pattern, name);
    lower(tests[i].pattern, pattern, sizeof pattern);
    lower(name, text, sizeof text);
    return glob_match(pattern, text);
}

static int print_match(struct shell *sh, struct item *it)
{
    bool all = true;

    (void)sh;
    for (int i = 0; i < test_count && all; i++)
        all = holds(i, item_name(it));
    if (all)
        printf("%s%c", it->shown, ending);
    return 0;
}

static int find_below(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, true, print_match);
}

static int parse(struct shell *sh, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        const char *word = args[i];
        bool no_case = strcmp(word, "-iname") == 0;

        if (strcmp(word, "-name") == 0 || no_case) {
            if (i + 1 == count || test_count == TESTS_MAX)
                return sh_misused(sh, "%s needs a pattern", word);
            tests[test_count].pattern = args[++i];
            tests[test_count++].ignore_case = no_case;
        } else if (strcmp(word, "-print0") == 0) {
            ending = 0;
        } else if (strcmp(word, "-print") != 0 && strcmp(word, "-a") != 0 &&
                   strcmp(word, "-and") != 0) {
            return sh_fail(sh, "Unexpected argument: %s", word);
        }
    }
    return 0;
}

int cmd_find(struct shell *sh, char **args, int count)
{
    static char here[] = ".", *home[] = {here};
    int paths = 0, rc;

    while (paths < count && args[paths][0] != '-')
        paths++;
    rc = parse(sh, args + paths, count - paths);
    if (rc != 0)
        return rc;
    return paths > 0 ? each_item(sh, args, paths, find_below, NULL)
                     : each_item(sh, home, 1, find_below, NULL);
}
