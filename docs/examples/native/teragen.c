/* teragen.c -- makes rows for terasort, the same bytes as Hadoop's TeraGen.
 *
 *   job run -native teragen.so -D teragen.rows=10000000 -D mapreduce.job.maps=2 -numReduceTasks 0 -output /rows */
#include <compute/job.h>
#include <stdlib.h>

#include "terasort.h"

/* A split is a range of rows. */
static int prepare(struct job_task *t)
{
    const char *text = t->host->setting(t, "teragen.rows");
    const char *maps = t->host->setting(t, "mapreduce.job.maps");
    uint64_t rows = text ? strtoull(text, NULL, 10) : 0, n = maps ? strtoull(maps, NULL, 10) : 2;
    uint64_t from = 0;

    if (!rows || !n)
        return t->host->fail(t, "set the number of rows: -D teragen.rows=N");
    for (uint64_t i = 1; i <= n; i++) {
        /* as Hadoop rounds it: part i ends at ceil(rows * i / n) */
        uint64_t to = (uint64_t)(((u128)rows * i + n - 1) / n);
        struct job_split s = {"rows", from, to - from};
        int rc = t->host->add_split(t, &s);

        if (rc < 0)
            return rc;
        from = to;
    }
    return 0;
}

static uint64_t row;
static u128 number;

static int read_row(struct job_task *t, struct job_record *out)
{
    static uint8_t record[RECORD_BYTES];

    if (t->consumed == t->split.length)
        return 0;
    if (!t->consumed) {
        row = t->split.start;
        number = generator_at(row);
    }
    number = generator_next(number);
    record_make(record, number, row++);
    t->consumed++;
    *out = (struct job_record){record, record + KEY_BYTES, KEY_BYTES, RECORD_BYTES - KEY_BYTES};
    return 1;
}

const struct job_native job_native = {.version = JOB_VERSION,
                                      .flags = JOB_OUTPUT_BYTES | JOB_OWN_SPLITS,
                                      .prepare = prepare,
                                      .read = read_row};
