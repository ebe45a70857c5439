/* place.h -- the arithmetic behind placement: who comes next, how near is near enough, what is slow.
 *
 * Nothing here knows a job or a worker: numbers in, a decision out.  sched_place.c, sched_queue.c and
 * sched_twin.c ask.
 *
 * Thread:  any.
 * Design:  docs/design/jobs.md, "Placement"
 */
#ifndef DFS_COMPUTE_PLACE_H
#define DFS_COMPUTE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- how near ---- */

enum locality { LOCAL_NODE, LOCAL_RACK, LOCAL_ANY };

/* The farthest place that a job which has let offers pass for @waited_ms takes. */
enum locality place_reach(uint64_t waited_ms, uint64_t node_wait_ms, uint64_t rack_wait_ms);

/* ---- whose turn ---- */

/* Of two that compete by running tasks over weight: below zero when the first is served before. */
int place_fairer(uint32_t running_a, double weight_a, uint32_t running_b, double weight_b);

/* A queue's part of @slots.  Each gets as much as its weight says, none more than it wants, and what one
 * leaves is dealt out among the others. */
struct place_share {
    double weight;
    uint32_t wants; /* running and waiting */
    double share;   /* filled in */
};
void place_shares(struct place_share *list, size_t n, uint32_t slots);

/* ---- nodes that fail ---- */

/* A node's blame, which halves every @half_life_ms. */
double place_blame(double blame, uint64_t age_ms, uint64_t half_life_ms);
/* Nodes of a job that failed its tasks @limit times are left out by it, as long as they are at most a third. */
bool place_shun(uint32_t failures, uint32_t limit, int shunned, int nodes);

/* ---- attempts that are slow ---- */

struct place_pace {
    uint64_t elapsed_ms; /* of the attempt in question */
    uint32_t permille;   /* its progress */
    uint32_t done;       /* finished tasks of its kind, with their mean and deviation: */
    double mean_ms, deviation_ms;
    uint64_t min_ms; /* younger attempts are left alone */
};
/* How long the attempt will still take by its own pace; UINT64_MAX when it has none. */
uint64_t place_left_ms(const struct place_pace *p);
/* A second attempt would be done before it: by its pace it has more left than a new one takes from the start, and
 * it runs for longer than is usual already. */
bool place_slow(const struct place_pace *p);
/* How many second attempts may run at a time: Hadoop's numbers. */
uint32_t place_twins_max(uint32_t running, uint32_t tasks);

#endif
