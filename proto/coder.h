/* coder.h -- the arithmetic of erasure coding: parity from data, and lost units from those left.
 *
 * A coder belongs to a codec and its numbers of data and parity units, and gives the bytes that
 * Hadoop's coders give.  Each unit's byte i depends on byte i of the others alone, so any cut of the
 * units codes as the whole would.
 *
 *   rs         the Cauchy matrix of ISA-L: parity i is the sum of data j over (i xor j)
 *   rs-legacy  what is left of the data, as a polynomial, after division by the product of
 *              (x - 2^i): parity i is the coefficient of x^i, data j that of x^(parity units + j)
 *   xor        one parity, the sum of all data
 *
 * All over GF(2^8) with the polynomial 0x11d.  Units are counted from 0, data first, then parity; a
 * set of units is a mask with bit i for unit i.
 *
 *   coder_new("rs", 6, 3, &coder, err);
 *   coder_encode(coder, bytes, data, parity);
 *   coder_plan(coder, have, want, &plan, err);     which of those that are there are needed
 *   coder_decode(plan, bytes, sources, out);
 *
 * Thread:  a coder and a plan never change: any thread.
 * Design:  docs/design/erasure-coding.md, "The coder"
 */
#ifndef DFS_PROTO_CODER_H
#define DFS_PROTO_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { CODER_UNITS_MAX = 16 }; /* an id of a block group has four bits for them */

struct coder;
struct coder_plan;

/* ERR_UNSUPPORTED: a codec that is not known; ERR_ARGUMENT: numbers that it does not take. */
int coder_new(const char *codec, unsigned data_units, unsigned parity_units, struct coder **out,
              struct err *err);
void coder_free(struct coder *c); /* NULL is allowed */
unsigned coder_data_units(const struct coder *c);
unsigned coder_parity_units(const struct coder *c);

/* @n bytes of each unit. */
void coder_encode(const struct coder *c, size_t n, const uint8_t *const *data,
                  uint8_t *const *parity);

/* How the units of @want come from those of @have, of which as many as there are data units are
 * taken, the lowest first.  ERR_BLOCK_MISSING when there are fewer. */
int coder_plan(const struct coder *c, unsigned have, unsigned want, struct coder_plan **out,
               struct err *err);
void coder_plan_free(struct coder_plan *p); /* NULL is allowed */

/* The units that a plan takes. */
unsigned coder_plan_sources(const struct coder_plan *p);

/* @n bytes of each; @units is indexed by unit: sources are read, wanted ones written. */
void coder_decode(const struct coder_plan *p, size_t n, uint8_t *const units[CODER_UNITS_MAX]);

#endif
