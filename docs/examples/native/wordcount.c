/* wordcount.c -- how often each word occurs: the native version of mapper.py and reducer.py.
 *
 * Words are what lies between blanks, tabs and the like, as Java's StringTokenizer has it. */
#include <compute/job.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int map(struct job_task *t, const struct job_record *r)
{
    const char *p = r->value, *end = p + r->value_n;

    while (p < end) {
        const char *from;
        int rc;

        while (p < end && is_blank((unsigned char)*p))
            p++;
        from = p;
        while (p < end && !is_blank((unsigned char)*p))
            p++;
        if (p > from && (rc = t->host->emit(t, from, (size_t)(p - from), "1", 1)) < 0)
            return rc;
    }
    return 0;
}

static int sum(struct job_task *t, const void *key, size_t key_n, struct job_values *values)
{
    long long total = 0;
    const void *value;
    char text[32];
    size_t n;
    int rc;

    while ((rc = values->next(values, &value, &n)) > 0) {
        size_t k = n < sizeof text - 1 ? n : sizeof text - 1;

        memcpy(text, value, k);
        text[k] = 0;
        total += atoll(text);
    }
    n = (size_t)snprintf(text, sizeof text, "%lld", total);
    return rc < 0 ? rc : t->host->emit(t, key, key_n, text, n);
}

const struct job_native job_native = {
    .version = JOB_VERSION, .map = map, .combine = sum, .reduce = sum};
