/* teravalidate.c -- whether terasort's output is in order, and the checksum of its records, as Hadoop's
 * TeraValidate says it: "checksum TAB sum"; or "error TAB what" lines too.
 *
 *   job run -native teravalidate.so -input /sorted -output /report
 *
 * A map reads a whole part: rows inside it must be in order; its first and last key go to the one reducer,
 * which sees the parts by name. */
#include <compute/job.h>
#include <stdio.h>
#include <stdlib.h>

#include "terasort.h"

enum { BUFFER_RECORDS = 20000 };

static uint8_t last[KEY_BYTES];
static int any;
static u128 sum;
static char name[256];

/* As Hadoop writes numbers of 128 bits: hexadecimal, no zeros in front. */
static size_t sum_text(char *out, size_t size)
{
    uint64_t high = (uint64_t)(sum >> 64), low = (uint64_t)sum;

    return (size_t)(high ? snprintf(out, size, "%llx%016llx", (unsigned long long)high,
                                    (unsigned long long)low)
                         : snprintf(out, size, "%llx", (unsigned long long)low));
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void hex(const uint8_t *key, char *out)
{
    for (int i = 0; i < KEY_BYTES; i++)
        out += sprintf(out, i ? " %02x" : "%02x", key[i]);
}

static int boundary(struct job_task *t, const char *which, const uint8_t *key)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%s:%s", name, which);

    return t->host->emit(t, text, (size_t)n, key, KEY_BYTES);
}

static int read_row(struct job_task *t, struct job_record *out)
{
    static uint8_t rows[BUFFER_RECORDS * RECORD_BYTES];
    static size_t at, end;

    if (at == end) {
        int64_t got =
            t->host->read(t, t->split.path, t->split.start + t->consumed, rows, sizeof rows);

        if (got < 0)
            return (int)got;
        if (got % RECORD_BYTES)
            return t->host->fail(t, "%s ends inside a record of %d bytes", t->split.path,
                                 RECORD_BYTES);
        if (!got)
            return 0;
        at = 0;
        end = (size_t)got;
        t->consumed += (uint64_t)got;
    }
    *out =
        (struct job_record){rows + at, rows + at + KEY_BYTES, KEY_BYTES, RECORD_BYTES - KEY_BYTES};
    at += RECORD_BYTES;
    return 1;
}

static int map(struct job_task *t, const struct job_record *r)
{
    const uint8_t *key = r->key;
    int rc = 0;

    if (!any) {
        snprintf(name, sizeof name, "%s", base(t->split.path));
        rc = boundary(t, "begin", key);
    } else if (memcmp(last, key, KEY_BYTES) > 0) {
        char text[200], a[40], b[40];
        int n;

        hex(last, a);
        hex(key, b);
        n = snprintf(text, sizeof text, "misorder in %s between %s and %s", name, a, b);
        rc = t->host->emit(t, "error", 5, text, (size_t)n);
    }
    any = 1;
    memcpy(last, key, KEY_BYTES);
    sum += record_crc(key); /* key and value lie side by side */
    return rc;
}

static int close_part(struct job_task *t)
{
    char text[40];
    size_t n;
    int rc;

    if (t->is_reduce || !any)
        return 0;
    rc = boundary(t, "end", last);
    n = sum_text(text, sizeof text);
    return rc < 0 ? rc : t->host->emit(t, "checksum", 8, text, n);
}

/* ---- the reducer ---- */

static int sum_up(struct job_task *t, struct job_values *values)
{
    const void *value;
    char text[40];
    size_t n;
    int rc;

    while ((rc = values->next(values, &value, &n)) > 0) {
        u128 one = 0;

        for (const char *p = value; n; n--, p++)
            one = one << 4 | (unsigned)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
        sum += one;
    }
    n = sum_text(text, sizeof text);
    return rc < 0 ? rc : t->host->emit(t, "checksum", 8, text, n);
}

static int reduce(struct job_task *t, const void *key, size_t key_n, struct job_values *values)
{
    const void *value;
    size_t n;
    int rc;

    if (key_n == 8 && memcmp(key, "checksum", 8) == 0)
        return sum_up(t, values);
    while ((rc = values->next(values, &value, &n)) > 0) {
        if (key_n == 5 && memcmp(key, "error", 5) == 0) {
            rc = t->host->emit(t, key, key_n, value, n);
        } else if (n == KEY_BYTES) { /* PART:begin or PART:end, which come in this order */
            if (any && memcmp(last, value, KEY_BYTES) > 0) {
                char text[400], a[40], b[40];
                int k;

                hex(last, a);
                hex(value, b);
                k = snprintf(text, sizeof text, "bad key partitioning: %s above %.*s %s", a,
                             (int)key_n, (const char *)key, b);
                rc = t->host->emit(t, "error", 5, text, (size_t)k);
            }
            any = 1;
            memcpy(last, value, KEY_BYTES);
        }
        if (rc < 0)
            return rc;
    }
    return rc;
}

const struct job_native job_native = {.version = JOB_VERSION,
                                      .flags = JOB_WHOLE_FILES,
                                      .read = read_row,
                                      .map = map,
                                      .close = close_part,
                                      .reduce = reduce};
