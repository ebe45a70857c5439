#include "proto/stripe.h"

#include <stdio.h>
#include <string.h>

/* SystemErasureCodingPolicies, by number. */
static const struct stripe_policy owns[STRIPE_OWN] = {
    {"RS-6-3-1024k", "rs", 6, 3, 1 << 20},
    {"RS-3-2-1024k", "rs", 3, 2, 1 << 20},
    {"RS-LEGACY-6-3-1024k", "rs-legacy", 6, 3, 1 << 20},
    {"XOR-2-1-1024k", "xor", 2, 1, 1 << 20},
    {"RS-10-4-1024k", "rs", 10, 4, 1 << 20},
};

const struct stripe_policy *stripe_policy_own(uint32_t id)
{
    return id >= 1 && id <= STRIPE_OWN ? &owns[id - 1] : NULL;
}

int stripe_policy_from(const Pb__ErasureCodingPolicyProto *from, struct stripe_policy *out,
                       struct err *err)
{
    const Pb__ECSchemaProto *s = from->schema;

    if (!s && stripe_policy_own(from->id)) {
        *out = *stripe_policy_own(from->id);
        return 0;
    }
    if (!s || !from->has_cellsize)
        return err_set(err, ERR_PROTOCOL, "erasure coding policy %u without a schema", from->id);
    if (s->dataunits == 0 || s->parityunits == 0 || s->dataunits > CODER_UNITS_MAX ||
        s->parityunits > CODER_UNITS_MAX - s->dataunits)
        return err_set(err, ERR_PROTOCOL, "erasure coding policy %u of %u data and %u parity units",
                       from->id, s->dataunits, s->parityunits);
    if (from->cellsize == 0 || from->cellsize > STRIPE_CELL_MAX)
        return err_set(err, ERR_PROTOCOL, "erasure coding policy %u with cells of %u bytes",
                       from->id, from->cellsize);
    *out = (struct stripe_policy){
        .data = s->dataunits, .parity = s->parityunits, .cell_bytes = from->cellsize};
    snprintf(out->name, sizeof out->name, "%s", from->name ? from->name : "");
    snprintf(out->codec, sizeof out->codec, "%s", s->codecname);
    return 0;
}

uint32_t stripe_cell_bytes(const struct stripe_policy *p, uint64_t group_bytes, uint64_t stripe,
                           unsigned unit)
{
    uint64_t from = stripe * stripe_bytes(p), left;

    if (unit < p->data)
        from += (uint64_t)unit * p->cell_bytes;
    if (group_bytes <= from)
        return 0;
    left = group_bytes - from;
    return left < p->cell_bytes ? (uint32_t)left : p->cell_bytes;
}

uint64_t stripe_unit_bytes(const struct stripe_policy *p, uint64_t group_bytes, unsigned unit)
{
    uint64_t whole = group_bytes / stripe_bytes(p);

    return whole * p->cell_bytes + stripe_cell_bytes(p, group_bytes, whole, unit);
}

int stripe_unit_of(const struct stripe_policy *p, const Pb__LocatedBlockProto *group,
                   size_t location)
{
    if (!group->has_blockindices || location >= group->blockindices.len ||
        group->blockindices.data[location] >= stripe_units(p))
        return -1;
    return group->blockindices.data[location];
}
