/* stripe.h -- where the bytes of a striped file lie.
 *
 * A block group's bytes are dealt out in cells: cell 0 to data unit 0, cell 1 to data unit 1, and so on,
 * then again from unit 0; a round is a stripe.  Each stripe has a cell of each parity unit too.  A
 * unit's cells, one after the other, are its internal block, whose id is the group's plus the unit's
 * index.  In the last stripe data cells may be short or empty; for the arithmetic they end in zeros,
 * and parity cells are as long as the first data cell.
 *
 * Thread:  any.
 * Format:  docs/design/erasure-coding.md, "Stripes"
 */
#ifndef DFS_PROTO_STRIPE_H
#define DFS_PROTO_STRIPE_H

#include "hdfs.pb-c.h"
#include "proto/coder.h"

enum {
    STRIPE_CELL_MAX = 64 << 20,
    STRIPE_NAME_MAX = 320,
    STRIPE_CODEC_MAX = 64,
};

struct stripe_policy {
    char name[STRIPE_NAME_MAX], codec[STRIPE_CODEC_MAX];
    unsigned data, parity; /* units: together at most CODER_UNITS_MAX */
    uint32_t cell_bytes;
};

/* Hadoop's own policies by the number that messages have for them, 1 to STRIPE_OWN; NULL: it is none of them. */
enum { STRIPE_OWN = 5 };
const struct stripe_policy *stripe_policy_own(uint32_t id);

/* A message names one of Hadoop's own policies by its number alone, another by its name, schema and
 * cell size.  ERR_PROTOCOL: neither, or numbers that no policy can have. */
int stripe_policy_from(const Pb__ErasureCodingPolicyProto *from, struct stripe_policy *out,
                       struct err *err);

static inline unsigned stripe_units(const struct stripe_policy *p)
{
    return p->data + p->parity;
}
static inline uint64_t stripe_bytes(const struct stripe_policy *p)
{
    return (uint64_t)p->data * p->cell_bytes;
}

/* Bytes of the cell that @unit has in stripe @stripe of a group of @group_bytes. */
uint32_t stripe_cell_bytes(const struct stripe_policy *p, uint64_t group_bytes, uint64_t stripe,
                           unsigned unit);

/* Bytes of a whole internal block. */
uint64_t stripe_unit_bytes(const struct stripe_policy *p, uint64_t group_bytes, unsigned unit);

/* The datanodes of each unit of a located group: a location's unit, or -1 when the message says none
 * or one that the policy does not have. */
int stripe_unit_of(const struct stripe_policy *p, const Pb__LocatedBlockProto *group,
                   size_t location);

#endif
