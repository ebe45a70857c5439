#include "compute/skip.h"

void skip_init(struct skip *s, uint64_t max)
{
    *s = (struct skip){.max = max, .limit = UINT64_MAX};
}

bool skip_has(const struct skip *s, uint64_t index)
{
    for (int i = 0; i < s->count; i++)
        if (index >= s->list[i].from && index < s->list[i].to)
            return true;
    return false;
}

/* Halves what is between the good start and the bad one; leaves it out when it is little enough. */
static bool narrow(struct skip *s)
{
    if (s->bad - s->good > s->max) {
        s->limit = s->good + (s->bad - s->good) / 2;
        return true;
    }
    if (s->count == SKIP_RANGES_MAX)
        return false;
    s->list[s->count++] = (struct skip_range){.from = s->good, .to = s->bad};
    s->good = s->bad;
    s->limit = UINT64_MAX;
    return true;
}

bool skip_after(struct skip *s, bool went_well, uint64_t fed, uint64_t done)
{
    if (s->max == 0 || ++s->runs > SKIP_RUNS_MAX)
        return false;
    if (s->limit != UINT64_MAX) {
        if (s->limit == 0 && !went_well)
            return false; /* it fails without any record, too */
        if (went_well)
            s->good = s->limit;
        else
            s->bad = s->limit;
        return narrow(s);
    }
    if (went_well || fed <= s->good)
        return false;
    s->bad = fed;
    if (done > s->good && done < fed)
        s->good = done;
    if (s->good == 0) { /* first of all: does it go well without any? */
        s->limit = 0;
        return true;
    }
    return narrow(s);
}
