#include "proto/coder.h"

#include <isa-l/erasure_code.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_BYTES = 32 }; /* of a coefficient, for ISA-L */

struct coder {
    unsigned data, parity;
    uint8_t matrix[CODER_UNITS_MAX * CODER_UNITS_MAX]; /* a row for each unit, data first */
    uint8_t tables[TABLE_BYTES * CODER_UNITS_MAX * CODER_UNITS_MAX]; /* of the parity rows */
};

struct coder_plan {
    unsigned source_count, want_count, source_mask;
    uint8_t sources[CODER_UNITS_MAX], wants[CODER_UNITS_MAX];
    uint8_t tables[TABLE_BYTES * CODER_UNITS_MAX * CODER_UNITS_MAX];
};

/* ---- matrices: the rows of the parity units; those of the data units are there already ---- */

static void fill_cauchy(struct coder *c)
{
    gf_gen_cauchy1_matrix(c->matrix, (int)(c->data + c->parity), (int)c->data);
}

/* The product of (x - 2^i) for each parity unit; the coefficient of x^i at @out[i]. */
static void divisor(unsigned parity, uint8_t out[CODER_UNITS_MAX + 1])
{
    uint8_t root = 1;

    memset(out, 0, CODER_UNITS_MAX + 1);
    out[0] = 1;
    for (unsigned i = 0; i < parity; i++) {
        for (unsigned at = i + 1; at > 0; at--)
            out[at] = out[at - 1] ^ gf_mul(out[at], root);
        out[0] = gf_mul(out[0], root);
        root = gf_mul(root, 2);
    }
}

/* Column j holds what is left of x^(parity + j): each is the one before, times x. */
static void fill_remainders(struct coder *c)
{
    uint8_t by[CODER_UNITS_MAX + 1], rest[CODER_UNITS_MAX];
    unsigned m = c->parity;

    divisor(m, by);
    memcpy(rest, by, m); /* x^m, for the divisor's first coefficient is 1 */
    for (unsigned j = 0; j < c->data; j++) {
        uint8_t top = rest[m - 1];

        for (unsigned i = 0; i < m; i++)
            c->matrix[(c->data + i) * c->data + j] = rest[i];
        for (unsigned i = m; i-- > 0;)
            rest[i] = (i > 0 ? rest[i - 1] : 0) ^ gf_mul(top, by[i]);
    }
}

static void fill_ones(struct coder *c)
{
    memset(c->matrix + (size_t)c->data * c->data, 1, c->data);
}

static const struct codec {
    const char *name;
    unsigned parity_max;
    void (*fill)(struct coder *c);
} codecs[] = {
    {"rs", CODER_UNITS_MAX, fill_cauchy},
    {"rs-legacy", CODER_UNITS_MAX, fill_remainders},
    {"xor", 1, fill_ones},
};

static const struct codec *codec_find(const char *name)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (strcmp(codecs[i].name, name) == 0)
            return &codecs[i];
    return NULL;
}

int coder_new(const char *codec, unsigned data_units, unsigned parity_units, struct coder **out,
              struct err *err)
{
    const struct codec *kind = codec_find(codec);
    struct coder *c;

    if (!kind)
        return err_set(err, ERR_UNSUPPORTED, "erasure codec %.60s is not known", codec);
    if (data_units == 0 || parity_units == 0 || data_units > CODER_UNITS_MAX ||
        parity_units > kind->parity_max || data_units + parity_units > CODER_UNITS_MAX)
        return err_set(err, ERR_ARGUMENT, "erasure codec %s with %u data and %u parity units",
                       codec, data_units, parity_units);
    c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "erasure coder");
    c->data = data_units;
    c->parity = parity_units;
    for (unsigned i = 0; i < data_units; i++)
        c->matrix[i * data_units + i] = 1;
    kind->fill(c);
    ec_init_tables((int)data_units, (int)parity_units, c->matrix + data_units * data_units,
                   c->tables);
    *out = c;
    return 0;
}

void coder_free(struct coder *c)
{
    free(c);
}

unsigned coder_data_units(const struct coder *c)
{
    return c->data;
}

unsigned coder_parity_units(const struct coder *c)
{
    return c->parity;
}

/* ---- coding ---- */

/* ISA-L counts bytes in an int, and takes pointers that are not const though it writes only the
 * outputs. */
static void run(size_t n, unsigned from_count, unsigned to_count, const uint8_t *tables,
                uint8_t *const *from, uint8_t *const *to)
{
    uint8_t *in[CODER_UNITS_MAX], *out[CODER_UNITS_MAX];
    const size_t most = 1 << 30;

    for (size_t at = 0; at < n; at += most) {
        for (unsigned i = 0; i < from_count; i++)
            in[i] = from[i] + at;
        for (unsigned i = 0; i < to_count; i++)
            out[i] = to[i] + at;
        ec_encode_data((int)(n - at < most ? n - at : most), (int)from_count, (int)to_count,
                       (uint8_t *)(uintptr_t)tables, in, out);
    }
}

void coder_encode(const struct coder *c, size_t n, const uint8_t *const *data,
                  uint8_t *const *parity)
{
    run(n, c->data, c->parity, c->tables, (uint8_t *const *)(uintptr_t)data, parity);
}

/* ---- decoding ---- */

/* @rows (one for each wanted unit) tells it by the sources: its row by the data units, times the
 * inverse of the sources' rows. */
static int solve(const struct coder *c, const struct coder_plan *p, uint8_t *rows)
{
    uint8_t square[CODER_UNITS_MAX * CODER_UNITS_MAX], inverse[CODER_UNITS_MAX * CODER_UNITS_MAX];
    unsigned k = c->data;

    for (unsigned i = 0; i < k; i++)
        memcpy(square + i * k, c->matrix + p->sources[i] * k, k);
    if (gf_invert_matrix(square, inverse, (int)k) != 0)
        return -1;
    for (unsigned w = 0; w < p->want_count; w++)
        for (unsigned s = 0; s < k; s++) {
            uint8_t sum = 0;

            for (unsigned j = 0; j < k; j++)
                sum ^= gf_mul(c->matrix[p->wants[w] * k + j], inverse[j * k + s]);
            rows[w * k + s] = sum;
        }
    return 0;
}

int coder_plan(const struct coder *c, unsigned have, unsigned want, struct coder_plan **out,
               struct err *err)
{
    uint8_t rows[CODER_UNITS_MAX * CODER_UNITS_MAX];
    unsigned units = c->data + c->parity;
    struct coder_plan *p;

    have &= (1u << units) - 1;
    want &= (1u << units) - 1;
    if ((unsigned)__builtin_popcount(have) < c->data)
        return err_set(err, ERR_BLOCK_MISSING, "%d units of %u are there, %u are needed",
                       __builtin_popcount(have), units, c->data);
    p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, ERR_NOMEM, "plan of decoding");
    for (unsigned u = 0; u < units; u++) {
        if (have >> u & 1 && p->source_count < c->data) {
            p->sources[p->source_count++] = (uint8_t)u;
            p->source_mask |= 1u << u;
        }
        if (want >> u & 1)
            p->wants[p->want_count++] = (uint8_t)u;
    }
    if (solve(c, p, rows) < 0) { /* the codecs have no such units */
        coder_plan_free(p);
        return err_set(err, ERR_IO, "units %#x can't be decoded from %#x", want, have);
    }
    ec_init_tables((int)c->data, (int)p->want_count, rows, p->tables);
    *out = p;
    return 0;
}

void coder_plan_free(struct coder_plan *p)
{
    free(p);
}

unsigned coder_plan_sources(const struct coder_plan *p)
{
    return p->source_mask;
}

void coder_decode(const struct coder_plan *p, size_t n, uint8_t *const units[CODER_UNITS_MAX])
{
    uint8_t *from[CODER_UNITS_MAX], *to[CODER_UNITS_MAX];

    for (unsigned i = 0; i < p->source_count; i++)
        from[i] = units[p->sources[i]];
    for (unsigned i = 0; i < p->want_count; i++)
        to[i] = units[p->wants[i]];
    run(n, p->source_count, p->want_count, p->tables, from, to);
}
