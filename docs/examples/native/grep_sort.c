/* grep_sort.c -- lines of COUNT TAB TEXT, the highest count first; the second of grep.job's two jobs. */
#include <compute/job.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys order as bytes, so a count goes as what is missing from a large number, in twenty digits. */
static int map(struct job_task *t, const struct job_record *r)
{
    const char *tab = memchr(r->value, '\t', r->value_n);
    unsigned long long count = tab ? strtoull(r->value, NULL, 10) : 0;
    char key[32];

    if (!tab)
        return t->host->fail(t, "a line without a tab: \"%.*s\"", (int)r->value_n,
                             (const char *)r->value);
    snprintf(key, sizeof key, "%020llu", ~0ull - count);
    return t->host->emit(t, key, 20, r->value, r->value_n);
}

static int reduce(struct job_task *t, const void *key, size_t key_n, struct job_values *values)
{
    const void *value;
    size_t n;
    int rc;

    (void)key;
    (void)key_n;
    while ((rc = values->next(values, &value, &n)) > 0)
        if ((rc = t->host->emit(t, "", 0, value, n)) < 0)
            return rc;
    return rc;
}

const struct job_native job_native = {.version = JOB_VERSION, .map = map, .reduce = reduce};
