#include "namenode/namespace/striping.h"

static uint64_t at_most(uint64_t n, uint64_t max)
{
    return n < max ? n : max;
}

uint64_t striping_unit_length(const struct striping *s, uint64_t length, unsigned index)
{
    uint64_t stripe = (uint64_t)s->data * s->cell_bytes;
    uint64_t rest = length % stripe, before = index < s->data ? (uint64_t)index * s->cell_bytes : 0;

    rest = rest > before ? rest - before : 0;
    return length / stripe * s->cell_bytes + at_most(rest, s->cell_bytes);
}

uint64_t striping_space(const struct striping *s, uint64_t length)
{
    return length + s->parity * striping_unit_length(s, length, s->data);
}

unsigned striping_data_used(const struct striping *s, uint64_t length)
{
    return length ? (unsigned)at_most((length - 1) / s->cell_bytes + 1, s->data) : 1;
}

bool striping_has_unit(const struct striping *s, uint64_t length, unsigned index)
{
    return index < striping_data_used(s, length) ||
           (index >= s->data && index < (unsigned)s->data + s->parity);
}
