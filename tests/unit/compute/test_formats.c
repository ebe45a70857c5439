/* The sample of docs/formats/spill.md is what the code reads and writes. */
#include "compute/sorter.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>

/* The bytes of the sample that follows "<!-- sample: spill -->". */
static size_t sample(uint8_t *out, size_t max)
{
    FILE *f = fopen("docs/formats/spill.md", "r");
    char line[1000];
    size_t n = 0;
    int state = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while (fgets(line, sizeof line, f) && state < 3) {
        if (state == 0)
            state = strncmp(line, "<!-- sample: spill -->", 22) == 0;
        else if (strncmp(line, "```", 3) == 0)
            state++;
        else
            for (char *p = line; *p && *p != '\n' && n < max; p += 3)
                out[n++] = (uint8_t)strtoul(p, NULL, 16);
    }
    fclose(f);
    return n;
}

static void put(struct sorter *s, const char *key, const char *value)
{
    CU_ASSERT(sorter_add(s, 1, (const uint8_t *)key, strlen(key), (const uint8_t *)value,
                         strlen(value), NULL) == 0);
}

static void test_the_sample_in_the_manual_is_what_is_written(void)
{
    const char *dir = suite_tmp_dir();
    struct sorter_options o = {.env = env_posix(),
                               .dir = dir,
                               .partitions = 2,
                               .memory_bytes = 1 << 20,
                               .merge_factor = 4};
    struct sorter *s;
    uint8_t want[1024];
    size_t n = sample(want, sizeof want), got;
    char path[300], *bytes;

    snprintf(path, sizeof path, "%s/output", dir);
    CU_ASSERT_FATAL(n > 40 && sorter_new(&o, &s, NULL) == 0);
    put(s, "zebra", "1");
    put(s, "data", "1");
    put(s, "date", "1");
    put(s, "zebra", "1");
    put(s, "data", "2");
    put(s, "zebra", "1");
    CU_ASSERT_FATAL(sorter_finish(s, path, NULL) == 0);
    sorter_free(s);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, 1 << 20, &bytes, &got, NULL) == 0);
    CU_ASSERT(got == n && memcmp(bytes, want, n) == 0);
    free(bytes);
}

SUITE(formats, TEST(test_the_sample_in_the_manual_is_what_is_written))
