/* Patterns: what matches, how braces come apart, and walking a little tree. */
#include <stdlib.h>
#include <string.h>

#include "client/glob.h"
#include "tests/lib/suite.h"

static void test_stars_and_marks_match_as_in_hadoop(void)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {"*", "abc", true},         {"*", "", true},
        {"a*c", "abbbc", true},     {"a*c", "abbbd", false},
        {"a?c", "abc", true},       {"a?c", "ac", false},
        {"*.gz", ".gz", true},      {"**a", "bca", true},
        {"a*b*c", "axbxbyc", true}, {"?", "\xc3\xa4", true},
        {"[abc]x", "bx", true},     {"[abc]x", "dx", false},
        {"[^abc]x", "dx", true},    {"[^abc]x", "ax", false},
        {"[a-c]", "b", true},       {"[a-c]", "d", false},
        {"[a-c-]", "-", true},      {"[]]", "]", true},
        {"\\*", "*", true},         {"\\*", "a", false},
        {"a\\?", "a?", true},       {"[\\]]", "]", true},
        {"[", "[", false},          {"abc", "abcd", false},
        {"a[0-9]*", "a1", true},    {"", "", true},
        {"", "a", false},           {"part-[0-9][0-9]", "part-07", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool got = glob_match(rows[i].pattern, rows[i].name);

        if (got != rows[i].matches)
            printf("pattern \"%s\", name \"%s\"\n", rows[i].pattern, rows[i].name);
        CU_ASSERT(got == rows[i].matches);
    }
}

static void test_wildcards_are_seen_unless_quoted(void)
{
    CU_ASSERT(glob_has_wildcards("/a/*"));
    CU_ASSERT(glob_has_wildcards("/a/{b,c}"));
    CU_ASSERT(glob_has_wildcards("/a/[b]"));
    CU_ASSERT(!glob_has_wildcards("/a/b"));
    CU_ASSERT(!glob_has_wildcards("/a/\\*"));
}

static void check_braces(const char *pattern, const char *expected)
{
    char joined[512] = "";
    struct err err;
    size_t count;
    char **list;

    CU_ASSERT_FATAL(glob_braces(pattern, &list, &count, &err) == 0);
    for (size_t i = 0; i < count; i++) {
        strcat(joined, list[i]);
        strcat(joined, " ");
    }
    glob_list_free(list, count);
    CU_ASSERT_STRING_EQUAL(joined, expected);
}

static void test_braces_come_apart(void)
{
    check_braces("/a", "/a ");
    check_braces("/{a,b}", "/a /b ");
    check_braces("/{a,b}/{c,d}", "/a/c /a/d /b/c /b/d ");
    check_braces("/{a,b{c,d}}e", "/ae /bce /bde ");
    check_braces("/{a/b,c}", "/a/b /c ");
    check_braces("/{,x}a", "/a /xa ");
    check_braces("/{a", "/{a ");
    check_braces("/\\{a,b}", "/\\{a,b} ");
}

static void test_too_many_alternatives_are_refused(void)
{
    char pattern[200] = "";
    struct err err;
    size_t count;
    char **list;

    for (int i = 0; i < 20; i++)
        strcat(pattern, "{a,b}");
    CU_ASSERT(glob_braces(pattern, &list, &count, &err) == -ERR_ARGUMENT);
}

/* ---- a tree in memory ---- */

static const char *const tree[] = {"/", "/a", "/a/f1", "/a/f2", "/a/g", "/b", "/b/f1", "/c*", NULL};

static struct dfs_stat entry(const char *path)
{
    bool is_file = strchr("fg", strrchr(path, '/')[1]) && strlen(path) > 3;

    return (struct dfs_stat){.path = strdup(path), .kind = is_file ? DFS_FILE : DFS_DIR};
}

static int tree_stat(void *ctx, const char *path, struct dfs_stat *out, struct err *err)
{
    (void)ctx;
    for (int i = 0; tree[i]; i++)
        if (strcmp(tree[i], path) == 0) {
            *out = entry(path);
            return 0;
        }
    return err_set(err, ERR_NOENT, "%s", path);
}

static int tree_list(void *ctx, const char *path, struct dfs_stat **out, size_t *count,
                     struct err *err)
{
    size_t n = strcmp(path, "/") == 0 ? 0 : strlen(path);

    (void)ctx;
    (void)err;
    *out = calloc(16, sizeof **out);
    *count = 0;
    for (int i = 1; tree[i]; i++)
        if (strncmp(tree[i], path, n) == 0 && tree[i][n] == '/' && !strchr(tree[i] + n + 1, '/'))
            (*out)[(*count)++] = entry(tree[i]);
    return 0;
}

static void check_paths(const char *pattern, const char *expected)
{
    static const struct glob_source src = {.stat = tree_stat, .list = tree_list};
    struct dfs_stat *list;
    char joined[512] = "";
    struct err err;
    size_t count;

    CU_ASSERT_FATAL(glob_paths(&src, pattern, &list, &count, &err) == 0);
    for (size_t i = 0; i < count; i++) {
        strcat(joined, list[i].path);
        strcat(joined, " ");
    }
    dfs_stats_free(list, count);
    CU_ASSERT_STRING_EQUAL(joined, expected);
}

static void test_patterns_find_what_is_there_once_and_in_order(void)
{
    check_paths("/a/f1", "/a/f1 ");
    check_paths("/a/none", "");
    check_paths("/a/f*", "/a/f1 /a/f2 ");
    check_paths("/*/f1", "/a/f1 /b/f1 ");
    check_paths("/{b,a}/f1", "/a/f1 /b/f1 ");
    check_paths("/{a,a}/f1", "/a/f1 ");
    check_paths("/a/g/*", "");
    check_paths("/*", "/a /b /c* ");
    check_paths("/c\\*", "/c* ");
    check_paths("//a///f1", "/a/f1 ");
    check_paths("/", "/ ");
    check_paths("/none*/x", "");
}

SUITE(glob, TEST(test_stars_and_marks_match_as_in_hadoop),
      TEST(test_wildcards_are_seen_unless_quoted), TEST(test_braces_come_apart),
      TEST(test_too_many_alternatives_are_refused),
      TEST(test_patterns_find_what_is_there_once_and_in_order));
