/* Sorted map output, on disk and as a reducer fetches it: all records come, or an error with a text. */
#include <stdlib.h>

#include "compute/spill.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_env.h"

enum { RUNS_MAX = 64, RECORDS_MAX = 100000 };

static void read_all(struct spill_reader *r)
{
    struct err err = {0};
    struct record record;
    int rc, n = 0;

    while ((rc = r->stream.next(&r->stream, &record, &err)) > 0 && n < RECORDS_MAX)
        n++;
    MUST(rc >= 0 || err.text[0]);
}

static void a_file(const uint8_t *bytes, size_t n)
{
    struct env *env = memory_env(bytes, n, NULL, 0);
    struct spill_run *runs;
    struct spill_reader r;
    struct err err = {0};
    uint32_t count;

    if (spill_read_index(env, "spill", &runs, &count, &err) < 0) {
        MUST(err.text[0]);
        return;
    }
    for (uint32_t i = 0; i < count && i < RUNS_MAX; i++)
        if (spill_reader_open(&r, env, "spill", &runs[i], &err) == 0) {
            read_all(&r);
            spill_reader_done(&r);
        }
    free(runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct spill_reader r;
    struct err err = {0};
    uint8_t *copy;

    a_file(bytes, n);
    if (spill_check_frames(bytes, n, "fetched", &err) < 0)
        MUST(err.text[0]);
    copy = malloc(n + 1);
    if (!copy || n == 0) {
        free(copy);
        return 0;
    }
    memcpy(copy, bytes, n);
    if (spill_reader_take(&r, copy, n, bytes[0], "fetched", &err) == 0) {
        read_all(&r);
        spill_reader_done(&r);
    }
    return 0;
}
