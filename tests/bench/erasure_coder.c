/* erasure_coder -- encoding a stripe as a writer does it, beside ISA-L alone on the same bytes.
 *
 *   erasure_coder [MIB]      data to encode with each policy (1024)
 *
 * CPU counts; the least of some rounds that take turns.  At most 1.15 of ISA-L's own.
 */
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "proto/coder.h"

enum { SLICE = 64 << 10, SLICES = 16, ROUNDS = 5 };

static uint8_t *unit[CODER_UNITS_MAX];
static unsigned data, parity;

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double by_coder(const struct coder *c, uint64_t stripes)
{
    double begin = cpu_s();

    for (uint64_t s = 0; s < stripes; s++)
        for (unsigned j = 0; j < SLICES; j++) {
            const uint8_t *from[CODER_UNITS_MAX];
            uint8_t *to[CODER_UNITS_MAX];

            for (unsigned u = 0; u < data; u++)
                from[u] = unit[u] + j * SLICE;
            for (unsigned i = 0; i < parity; i++)
                to[i] = unit[data + i] + j * SLICE;
            coder_encode(c, SLICE, from, to);
        }
    return cpu_s() - begin;
}

static double by_isal(uint8_t *tables, uint64_t stripes)
{
    double begin = cpu_s();

    for (uint64_t s = 0; s < stripes; s++)
        ec_encode_data(SLICE * SLICES, (int)data, (int)parity, tables, unit, unit + data);
    return cpu_s() - begin;
}

static int compare(const char *name, unsigned k, unsigned m, uint64_t mib)
{
    uint8_t matrix[CODER_UNITS_MAX * CODER_UNITS_MAX],
        tables[32 * CODER_UNITS_MAX * CODER_UNITS_MAX];
    double ours = 1e9, theirs = 1e9;
    struct coder *c;

    data = k;
    parity = m;
    MUST(coder_new("rs", k, m, &c, NULL) == 0);
    gf_gen_cauchy1_matrix(matrix, (int)(k + m), (int)k);
    ec_init_tables((int)k, (int)m, matrix + k * k, tables);
    for (int i = 0; i < ROUNDS; i++) {
        double t = by_coder(c, mib / k), isal = by_isal(tables, mib / k);

        ours = t < ours ? t : ours;
        theirs = isal < theirs ? isal : theirs;
    }
    coder_free(c);
    printf("%-14s %8.3f s/GiB, ISA-L %.3f, ratio %.3f  at most 1.15  %s\n", name,
           ours * 1024 / (double)mib, theirs * 1024 / (double)mib, ours / theirs,
           ours <= 1.15 * theirs ? "ok" : "OVER");
    return ours > 1.15 * theirs;
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;
    int over = 0;

    for (unsigned u = 0; u < CODER_UNITS_MAX; u++) {
        unit[u] = aligned_alloc(4096, SLICE * SLICES);
        MUST(unit[u] != NULL);
        memset(unit[u], (int)u * 37 + 1, SLICE * SLICES);
    }
    over |= compare("RS-3-2-1024k", 3, 2, mib);
    over |= compare("RS-6-3-1024k", 6, 3, mib);
    over |= compare("RS-10-4-1024k", 10, 4, mib);
    for (unsigned u = 0; u < CODER_UNITS_MAX; u++)
        free(unit[u]);
    return over;
}
