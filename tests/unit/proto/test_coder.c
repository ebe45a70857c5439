/* The coder, held to what Hadoop's own coders wrote: tests/golden/erasure/coders.txt. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/coder.h"
#include "tests/lib/suite.h"

enum { BYTES_MAX = 200, LINE_MAX_CHARS = 8192 };

struct vector {
    char codec[16];
    unsigned data, parity, n;
    uint8_t units[CODER_UNITS_MAX][BYTES_MAX];
};

/* As CoderVectors.java makes them. */
static void make_data(struct vector *v)
{
    for (unsigned u = 0; u < v->data; u++)
        for (unsigned i = 0; i < v->n; i++)
            v->units[u][i] = (uint8_t)((i * 16 + u + 1) * 2654435761u >> 24);
}

static bool parse(const char *line, struct vector *v)
{
    char hex[LINE_MAX_CHARS];

    if (sscanf(line, "%15s %u %u %u %8191s", v->codec, &v->data, &v->parity, &v->n, hex) != 5 ||
        v->data + v->parity > CODER_UNITS_MAX || v->n > BYTES_MAX ||
        strlen(hex) != (size_t)2 * v->parity * v->n)
        return false;
    for (unsigned p = 0; p < v->parity; p++)
        for (unsigned i = 0; i < v->n; i++)
            if (sscanf(hex + 2 * (p * v->n + i), "%2hhx", &v->units[v->data + p][i]) != 1)
                return false;
    make_data(v);
    return true;
}

static void each_vector(void (*check)(const struct vector *v, const struct coder *c))
{
    FILE *f = fopen("tests/golden/erasure/coders.txt", "r");
    char line[LINE_MAX_CHARS + 64];
    int count = 0;

    CU_ASSERT_FATAL(f != NULL);
    while (fgets(line, sizeof line, f)) {
        static struct vector v;
        struct coder *c;

        CU_ASSERT_FATAL(parse(line, &v));
        CU_ASSERT_FATAL(coder_new(v.codec, v.data, v.parity, &c, NULL) == 0);
        check(&v, c);
        coder_free(c);
        count++;
    }
    fclose(f);
    CU_ASSERT(count == 40);
}

static void check_encode(const struct vector *v, const struct coder *c)
{
    const uint8_t *data[CODER_UNITS_MAX];
    uint8_t out[CODER_UNITS_MAX][BYTES_MAX], *parity[CODER_UNITS_MAX];

    for (unsigned u = 0; u < v->data; u++)
        data[u] = v->units[u];
    for (unsigned p = 0; p < v->parity; p++)
        parity[p] = out[p];
    coder_encode(c, v->n, data, parity);
    for (unsigned p = 0; p < v->parity; p++)
        CU_ASSERT(memcmp(out[p], v->units[v->data + p], v->n) == 0);
}

static void test_parity_is_what_hadoop_writes(void)
{
    each_vector(check_encode);
}

/* Loses the units of @lost and gets them again; the others must not be touched. */
static bool finds(const struct vector *v, const struct coder *c, unsigned lost)
{
    static uint8_t copy[CODER_UNITS_MAX][BYTES_MAX];
    unsigned units = v->data + v->parity;
    uint8_t *at[CODER_UNITS_MAX] = {0};
    struct coder_plan *p;
    bool same = true;

    for (unsigned u = 0; u < units; u++) {
        memcpy(copy[u], v->units[u], v->n);
        if (lost >> u & 1)
            memset(copy[u], 0xee, v->n);
        at[u] = copy[u];
    }
    if (coder_plan(c, ~lost, lost, &p, NULL) < 0)
        return false;
    for (unsigned u = 0; u < units; u++) /* what the plan does not name is not needed */
        if (!((coder_plan_sources(p) | lost) >> u & 1))
            at[u] = NULL;
    coder_decode(p, v->n, at);
    coder_plan_free(p);
    for (unsigned u = 0; u < units; u++)
        same = same && memcmp(copy[u], v->units[u], v->n) == 0;
    return same;
}

static void check_decode(const struct vector *v, const struct coder *c)
{
    unsigned units = v->data + v->parity;

    if (v->n > 64)
        return;
    for (unsigned lost = 1; lost < 1u << units; lost++) {
        int count = __builtin_popcount(lost);

        if (count <= (int)v->parity && (units < 16 || count < 3 || count == 8))
            CU_ASSERT(finds(v, c, lost));
    }
}

static void test_every_combination_of_lost_units_is_found_again(void)
{
    each_vector(check_decode);
}

static void test_one_lost_unit_more_is_an_error(void)
{
    struct coder *c;
    struct coder_plan *p = NULL;
    struct err err;

    CU_ASSERT_FATAL(coder_new("rs", 3, 2, &c, NULL) == 0);
    CU_ASSERT(coder_plan(c, 0x03, 0x04, &p, &err) == -ERR_BLOCK_MISSING);
    CU_ASSERT(coder_plan(c, 0xffe3, 0x04, &p, &err) ==
              -ERR_BLOCK_MISSING); /* bits beyond the units */
    CU_ASSERT(p == NULL);
    CU_ASSERT(strcmp(err.text, "2 units of 5 are there, 3 are needed") == 0);
    coder_free(c);
}

static void test_numbers_that_a_codec_does_not_take_are_refused(void)
{
    static const struct {
        const char *codec;
        unsigned data, parity;
        int rc;
    } bad[] = {
        {"rs", 0, 2, -ERR_ARGUMENT},     {"rs", 3, 0, -ERR_ARGUMENT},
        {"rs", 14, 3, -ERR_ARGUMENT},    {"xor", 2, 2, -ERR_ARGUMENT},
        {"rs", ~0u, 2, -ERR_ARGUMENT},   {"rs", 2, ~0u, -ERR_ARGUMENT},
        {"lrc", 6, 3, -ERR_UNSUPPORTED}, {"", 6, 3, -ERR_UNSUPPORTED},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct coder *c = NULL;

        CU_ASSERT(coder_new(bad[i].codec, bad[i].data, bad[i].parity, &c, NULL) == bad[i].rc);
        CU_ASSERT(c == NULL);
    }
}

SUITE(coder, TEST(test_parity_is_what_hadoop_writes),
      TEST(test_every_combination_of_lost_units_is_found_again),
      TEST(test_one_lost_unit_more_is_an_error),
      TEST(test_numbers_that_a_codec_does_not_take_are_refused))
