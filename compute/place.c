#include "compute/place.h"

#include <math.h>

enum { TWINS_ALLOWED = 10 };

enum locality place_reach(uint64_t waited_ms, uint64_t node_wait_ms, uint64_t rack_wait_ms)
{
    if (waited_ms < node_wait_ms)
        return LOCAL_NODE;
    return waited_ms < node_wait_ms + rack_wait_ms ? LOCAL_RACK : LOCAL_ANY;
}

int place_fairer(uint32_t running_a, double weight_a, uint32_t running_b, double weight_b)
{
    double a = running_a / weight_a, b = running_b / weight_b;

    return (a > b) - (a < b);
}

void place_shares(struct place_share *list, size_t n, uint32_t slots)
{
    double left = slots, weights;
    size_t hungry = n;

    for (size_t i = 0; i < n; i++)
        list[i].share = 0;
    /* Each round either fills a queue or deals out everything. */
    while (hungry && left > 1e-9) {
        double dealt = 0;

        weights = 0;
        for (size_t i = 0; i < n; i++)
            if (list[i].share < list[i].wants)
                weights += list[i].weight;
        if (weights <= 0)
            return;
        hungry = 0;
        for (size_t i = 0; i < n; i++) {
            double room = list[i].wants - list[i].share, part = left * list[i].weight / weights;

            if (room <= 0)
                continue;
            part = part < room ? part : room;
            list[i].share += part;
            dealt += part;
            hungry += list[i].share < list[i].wants;
        }
        left -= dealt;
    }
}

double place_blame(double blame, uint64_t age_ms, uint64_t half_life_ms)
{
    return half_life_ms ? blame * exp2(-(double)age_ms / (double)half_life_ms) : 0;
}

bool place_shun(uint32_t failures, uint32_t limit, int shunned, int nodes)
{
    return limit && failures >= limit && (shunned + 1) * 3 <= nodes;
}

uint64_t place_left_ms(const struct place_pace *p)
{
    if (p->permille == 0)
        return UINT64_MAX;
    if (p->permille >= 1000)
        return 0;
    return p->elapsed_ms * (1000 - p->permille) / p->permille;
}

bool place_slow(const struct place_pace *p)
{
    if (p->done == 0 || p->elapsed_ms < p->min_ms)
        return false;
    if ((double)p->elapsed_ms <= p->mean_ms + p->deviation_ms)
        return false;
    if (p->permille >= 1000) /* it has all its input: how long it will work on that nobody knows */
        return (double)p->elapsed_ms > 2 * (p->mean_ms + p->deviation_ms);
    return (double)place_left_ms(p) > p->mean_ms;
}

uint32_t place_twins_max(uint32_t running, uint32_t tasks)
{
    uint32_t most = running / 10;

    if (tasks / 100 > most)
        most = tasks / 100;
    return most > TWINS_ALLOWED ? most : TWINS_ALLOWED;
}
