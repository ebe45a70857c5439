/* grep.c -- how often each text that a pattern matches occurs; the first of grep.job's two jobs.
 *
 *   job run -native grep.so -D grep.pattern='dfs[a-z.]+' -input /in -output /out
 *
 * grep.pattern is an extended regular expression, grep.group the group of it that counts (0: all).  What comes out
 * is COUNT TAB TEXT; grep_sort.so, the second job, puts the most frequent first. */
#include <compute/job.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 10 };

struct grep {
    regex_t pattern;
    size_t group;
    char *line;
    size_t cap;
};

static int open_grep(struct job_task *t)
{
    const char *pattern = t->host->setting(t, "grep.pattern");
    const char *group = t->host->setting(t, "grep.group");
    struct grep *g = calloc(1, sizeof *g);
    char why[200];
    int rc;

    if (!g || !pattern)
        return t->host->fail(t, "set the pattern: -D grep.pattern=...");
    rc = regcomp(&g->pattern, pattern, REG_EXTENDED);
    if (rc) {
        regerror(rc, &g->pattern, why, sizeof why);
        return t->host->fail(t, "grep.pattern \"%s\": %s", pattern, why);
    }
    g->group = group ? (size_t)atoi(group) : 0;
    if (g->group >= GROUPS)
        return t->host->fail(t, "grep.group is 0 to %d", GROUPS - 1);
    t->self = g;
    return 0;
}

static int map(struct job_task *t, const struct job_record *r)
{
    struct grep *g = t->self;
    regmatch_t m[GROUPS];
    char *p;

    if (r->value_n + 1 > g->cap) {
        g->cap = r->value_n + 256;
        g->line = realloc(g->line, g->cap);
        if (!g->line)
            return t->host->fail(t, "no memory for a line of %zu bytes", r->value_n);
    }
    memcpy(g->line, r->value, r->value_n);
    g->line[r->value_n] = 0;
    for (p = g->line; *p && regexec(&g->pattern, p, GROUPS, m, p > g->line ? REG_NOTBOL : 0) == 0;
         p += m[0].rm_eo > m[0].rm_so ? m[0].rm_eo : m[0].rm_eo + 1) {
        int rc;

        if (m[g->group].rm_so >= 0 && m[0].rm_eo > m[0].rm_so) {
            rc = t->host->emit(t, p + m[g->group].rm_so,
                               (size_t)(m[g->group].rm_eo - m[g->group].rm_so), "1", 1);
            if (rc < 0)
                return rc;
        }
        if (!p[m[0].rm_eo])
            break;
    }
    return 0;
}

static int total(struct job_values *values, long long *out)
{
    const void *value;
    char text[32];
    size_t n;
    int rc;

    for (*out = 0; (rc = values->next(values, &value, &n)) > 0; *out += atoll(text)) {
        n = n < sizeof text - 1 ? n : sizeof text - 1;
        memcpy(text, value, n);
        text[n] = 0;
    }
    return rc;
}

static int combine(struct job_task *t, const void *key, size_t key_n, struct job_values *values)
{
    long long sum;
    char text[32];
    int rc = total(values, &sum);

    return rc < 0 ? rc
                  : t->host->emit(t, key, key_n, text,
                                  (size_t)snprintf(text, sizeof text, "%lld", sum));
}

static int reduce(struct job_task *t, const void *key, size_t key_n, struct job_values *values)
{
    long long sum;
    char text[32];
    int rc = total(values, &sum);

    return rc < 0 ? rc
                  : t->host->emit(t, text, (size_t)snprintf(text, sizeof text, "%lld", sum), key,
                                  key_n);
}

const struct job_native job_native = {
    .version = JOB_VERSION, .open = open_grep, .map = map, .combine = combine, .reduce = reduce};
