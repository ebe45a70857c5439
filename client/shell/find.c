/* find.c -- dfs find: paths for which an expression is true.
 *
 * The expression is put together as Hadoop does it, odd cases too: primaries on one pile, operators
 * on another, and an operator takes its two operands off the first when its turn comes.  A group in
 * parentheses goes under the pile.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/glob.h"
#include "client/shell/shell.h"

enum { PILE_MAX = 64, DEPTH_MAX = 16 };

struct expr {
    enum { NAME, PRINT, BOTH } kind;
    const char *pattern;
    bool ignore_case;
    char ending;               /* of a printed path */
    struct expr *left, *right; /* of BOTH */
};

/* primaries[at] .. primaries[end - 1]; the pile's top is at the front */
struct pile {
    struct expr *primaries[2 * PILE_MAX];
    int at, end, operators;
};

struct words {
    char **args;
    int count, depth;
};

static struct expr *expr_new(struct expr from)
{
    struct expr *e = malloc(sizeof *e);

    MUST(e);
    *e = from;
    return e;
}

static void expr_free(struct expr *e)
{
    if (!e)
        return;
    expr_free(e->left);
    expr_free(e->right);
    free(e);
}

static int no_element(struct shell *sh)
{
    return sh_broken(sh, "java.util.NoSuchElementException");
}

/* The operators on the pile, all of them "and", take their operands. */
static int join(struct shell *sh, struct pile *p)
{
    for (; p->operators > 0; p->operators--) {
        if (p->end - p->at < 2)
            return no_element(sh);
        p->primaries[p->at + 1] = expr_new((struct expr){
            .kind = BOTH, .left = p->primaries[p->at + 1], .right = p->primaries[p->at]});
        p->at++;
    }
    return 0;
}

/* ---- parsing ---- */

/* What is wrong with a pattern, in the words of Hadoop's library; NULL: nothing. */
static const char *pattern_fault(const char *pattern)
{
    bool in_class = false;
    int groups = 0;

    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (in_class)
            in_class = *p != ']';
        else if (*p == '[')
            in_class = true;
        else
            groups += (*p == '{') - (*p == '}' && groups > 0);
    }
    return in_class ? "character class" : groups > 0 ? "group" : NULL;
}

static int take_name(struct shell *sh, struct words *w, bool ignore_case, struct expr *out)
{
    const char *fault;

    if (w->count == 0)
        return no_element(sh);
    *out = (struct expr){.kind = NAME, .pattern = *w->args++, .ignore_case = ignore_case};
    w->count--;
    fault = pattern_fault(out->pattern);
    if (fault)
        return sh_broken(
            sh,
            "com.google.re2j.PatternSyntaxException: error parsing regexp: Unclosed %s at "
            "pos %zu: `%s`",
            fault, strlen(out->pattern), out->pattern);
    return 0;
}

/* One word that is a test or an action. */
static int take_primary(struct shell *sh, struct words *w, const char *word, struct expr *out)
{
    if (strcmp(word, "-name") == 0 || strcmp(word, "-iname") == 0)
        return take_name(sh, w, word[1] == 'i', out);
    if (strcmp(word, "-print") != 0 && strcmp(word, "-print0") != 0)
        return sh_fail(sh, "Unexpected argument: %s", word);
    *out = (struct expr){.kind = PRINT, .ending = word[6] ? 0 : '\n'};
    return 0;
}

static int parse(struct shell *sh, struct words *w, struct expr **out);

static int take_word(struct shell *sh, struct words *w, struct pile *p, bool *after_operator)
{
    const char *word = *w->args++;
    struct expr *group, e = {0};
    int rc;

    w->count--;
    if (p->at == 0 || p->end == 2 * PILE_MAX || w->depth > DEPTH_MAX)
        return sh_fail(sh, "too long an expression");
    if (strcmp(word, "(") == 0) {
        rc = parse(sh, w, &group);
        if (rc == 0)
            p->primaries[p->end++] = group;
        *after_operator = false;
        return rc;
    }
    if (strcmp(word, "-a") == 0 || strcmp(word, "-and") == 0) {
        rc = join(sh, p);
        p->operators = 1;
        *after_operator = true;
        return rc;
    }
    rc = take_primary(sh, w, word, &e);
    if (rc == 0 && !*after_operator) {
        rc = join(sh, p);
        p->operators = 1;
    }
    if (rc == 0)
        p->primaries[--p->at] = expr_new(e);
    *after_operator = false;
    return rc;
}

/* Reads up to the end or a closing parenthesis. */
static int parse(struct shell *sh, struct words *w, struct expr **out)
{
    struct pile p = {.at = PILE_MAX, .end = PILE_MAX};
    bool after_operator = true;
    int rc = 0;

    w->depth++;
    while (rc == 0 && w->count > 0 && strcmp(*w->args, ")") != 0)
        rc = take_word(sh, w, &p, &after_operator);
    if (rc == 0 && w->count > 0) {
        w->args++;
        w->count--;
    }
    w->depth--;
    if (rc == 0)
        rc = join(sh, &p);
    *out = NULL;
    if (rc == 0)
        *out = p.at < p.end ? p.primaries[p.at++]
                            : expr_new((struct expr){.kind = PRINT, .ending = '\n'});
    while (p.at < p.end) /* what no operator wanted */
        expr_free(p.primaries[p.at++]);
    return rc;
}

/* ---- applying ---- */

static struct expr *root;

static bool prints(const struct expr *e)
{
    return e->kind == PRINT || (e->kind == BOTH && (prints(e->left) || prints(e->right)));
}

static void lower(const char *from, char *to, size_t n)
{
    size_t i;

    for (i = 0; from[i] && i + 1 < n; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = 0;
}

/* Whether one of the ways to write the pattern without braces matches. */
static bool matches_any(const char *pattern, const char *name)
{
    char **ways;
    size_t count;
    bool found = false;

    if (glob_braces(pattern, &ways, &count, NULL) < 0)
        return false;
    for (size_t i = 0; i < count && !found; i++)
        found = glob_match(ways[i], name);
    glob_list_free(ways, count);
    return found;
}

static bool matches(const struct expr *e, const char *name)
{
    char pattern[GLOB_PATH_MAX], text[GLOB_PATH_MAX];

    if (!e->ignore_case)
        return matches_any(e->pattern, name);
    lower(e->pattern, pattern, sizeof pattern);
    lower(name, text, sizeof text);
    return matches_any(pattern, text);
}

static bool apply(const struct expr *e, const struct item *it)
{
    switch (e->kind) {
    case NAME: return matches(e, item_name(it));
    case PRINT: printf("%s%c", it->shown, e->ending); return true;
    case BOTH: break;
    }
    return apply(e->left, it) && apply(e->right, it);
}

static int apply_root(struct shell *sh, struct item *it)
{
    (void)sh;
    apply(root, it);
    return 0;
}

static int find_below(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, true, apply_root);
}

int cmd_find(struct shell *sh, char **args, int count)
{
    static char here[] = ".", *home[] = {here};
    struct words w = {0};
    int paths = 0, rc;

    if (count < 1)
        return sh_misused(sh, "Not enough arguments: expected 1 but got 0");
    /* -L and -H say which links to follow: there are none */
    for (bool more = true; more && count > 0;) {
        more = strcmp(args[0], "-L") == 0 || strcmp(args[0], "-H") == 0;
        if (more || strcmp(args[0], "--") == 0) {
            args++;
            count--;
        }
    }
    while (paths < count && args[paths][0] != '-')
        paths++;
    w.args = args + paths;
    w.count = count - paths;
    rc = parse(sh, &w, &root);
    if (rc != 0)
        return rc;
    if (!prints(root))
        root = expr_new(
            (struct expr){.kind = BOTH,
                          .left = root,
                          .right = expr_new((struct expr){.kind = PRINT, .ending = '\n'})});
    rc = paths > 0 ? each_item(sh, args, paths, find_below, NULL)
                   : each_item(sh, home, 1, find_below, NULL);
    expr_free(root);
    return rc;
}
