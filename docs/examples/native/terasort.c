/* terasort.c -- sorts teragen's rows: the parts, one after the other, are in order.
 *
 *   job run -native terasort.so -input /rows -output /sorted -numReduceTasks 4
 *
 * Which reducer a key goes to is decided by cuts between keys, from a sample that prepare takes of the input and
 * leaves to the tasks in the setting terasort.cuts, in hexadecimal. */
#include <compute/job.h>
#include <stdio.h>
#include <stdlib.h>

#include "terasort.h"

enum { SAMPLE_SPLITS = 10, SAMPLE_RECORDS = 100000, BUFFER_RECORDS = 20000 };

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, KEY_BYTES);
}

static uint64_t first_record(const struct job_split *s)
{
    return (s->start + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES;
}

static int sample(struct job_task *t, uint8_t *keys, size_t *count)
{
    size_t splits = t->host->split_count(t), n = splits < SAMPLE_SPLITS ? splits : SAMPLE_SPLITS;
    static uint8_t rows[BUFFER_RECORDS * RECORD_BYTES];

    *count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t left = SAMPLE_RECORDS / n;
        struct job_split s;
        uint64_t at;

        t->host->split(t, i * splits / n, &s);
        for (at = first_record(&s); left && at < s.start + s.length;) {
            size_t want = left < BUFFER_RECORDS ? left : BUFFER_RECORDS;
            int64_t got = t->host->read(t, s.path, at, rows, want * RECORD_BYTES);

            if (got < 0)
                return (int)got;
            if (got < RECORD_BYTES)
                break;
            for (int64_t k = 0; k + RECORD_BYTES <= got; k += RECORD_BYTES, left--)
                memcpy(keys + (*count)++ * KEY_BYTES, rows + k, KEY_BYTES);
            at += (uint64_t)got;
        }
    }
    return 0;
}

static int prepare(struct job_task *t)
{
    uint8_t *keys = malloc((size_t)(SAMPLE_RECORDS + SAMPLE_SPLITS) * KEY_BYTES);
    char *text = malloc((size_t)t->reduces * KEY_BYTES * 2 + 1), *p = text;
    size_t n = 0;
    int rc = keys && text ? sample(t, keys, &n) : t->host->fail(t, "no memory for a sample");

    if (rc == 0 && t->reduces == 0)
        rc = t->host->fail(t, "sorting needs at least one reducer");
    if (rc == 0) {
        qsort(keys, n, KEY_BYTES, by_key);
        for (uint32_t i = 1; n && i < t->reduces; i++)
            for (int k = 0; k < KEY_BYTES; k++)
                p += sprintf(p, "%02x", keys[i * n / t->reduces * KEY_BYTES + (size_t)k]);
        *p = 0;
        rc = t->host->set(t, "terasort.cuts", *text ? text : "none");
    }
    free(keys);
    free(text);
    return rc;
}

/* ---- a task ---- */

static uint8_t *cuts;
static uint32_t cut_count;
static uint32_t
    first_cut[65537]; /* by a key's first two bytes: no cut before this one can be above it */

static int open_sort(struct job_task *t)
{
    const char *text = t->host->setting(t, "terasort.cuts");
    size_t n = text ? strlen(text) / (2 * KEY_BYTES) : 0;
    uint32_t c = 0;

    cuts = malloc(n * KEY_BYTES + 1);
    if (!text || !cuts)
        return t->host->fail(t, "no terasort.cuts");
    for (size_t i = 0; i < n * KEY_BYTES; i++) {
        unsigned v = 0;

        sscanf(text + 2 * i, "%2x", &v);
        cuts[i] = (uint8_t)v;
    }
    cut_count = (uint32_t)n;
    for (uint32_t top = 0; top < 65536; top++) {
        while (c < cut_count &&
               ((unsigned)cuts[c * KEY_BYTES] << 8 | cuts[c * KEY_BYTES + 1]) < top)
            c++;
        first_cut[top] = c;
    }
    return 0;
}

static uint32_t partition(struct job_task *t, const void *key, size_t key_n)
{
    const uint8_t *k = key;
    uint32_t i = first_cut[k[0] << 8 | k[1]];

    (void)t;
    (void)key_n;
    while (i < cut_count && memcmp(key, cuts + i * KEY_BYTES, KEY_BYTES) >= 0)
        i++;
    return i;
}

static int read_row(struct job_task *t, struct job_record *out)
{
    static uint8_t rows[BUFFER_RECORDS * RECORD_BYTES];
    static size_t at, end;
    static uint64_t next; /* offset in the file of what is read next */

    if (at == end) {
        uint64_t stop = t->split.start + t->split.length;
        size_t want = sizeof rows;
        int64_t got;

        if (!next)
            next = first_record(&t->split);
        if (next >= stop)
            return 0;
        if ((stop - next + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES < want)
            want = (size_t)((stop - next + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES);
        got = t->host->read(t, t->split.path, next, rows, want);
        if (got < 0)
            return (int)got;
        if (got % RECORD_BYTES)
            return t->host->fail(t, "%s ends inside a record of %d bytes", t->split.path,
                                 RECORD_BYTES);
        if (!got)
            return 0;
        next += (uint64_t)got;
        at = 0;
        end = (size_t)got;
        t->consumed += (uint64_t)got;
    }
    *out =
        (struct job_record){rows + at, rows + at + KEY_BYTES, KEY_BYTES, RECORD_BYTES - KEY_BYTES};
    at += RECORD_BYTES;
    return 1;
}

const struct job_native job_native = {.version = JOB_VERSION,
                                      .flags = JOB_OUTPUT_BYTES,
                                      .prepare = prepare,
                                      .open = open_sort,
                                      .read = read_row,
                                      .partition = partition};
