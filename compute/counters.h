/* counters.h -- what a task counts: the engine's own rows, and those its program names on stderr.
 *
 * A counter is a number under a group and a name.  The engine's are rows of counters.def; a
 * streaming program adds its own with "reporter:counter:GROUP,NAME,N".  Counters of attempts that
 * succeeded add up to the job's.
 *
 * Always true: at most COUNTERS_MAX named ones, so that a program can't fill the memory; what
 * comes later is dropped and counted in `dropped`.
 *
 * Thread:  one at a time, but counter_add, which any thread may call.
 * Memory:  names are copied.
 */
#ifndef DFS_COMPUTE_COUNTERS_H
#define DFS_COMPUTE_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "job.pb-c.h"

enum counter_id {
#define COUNTER(id, group, name) C_##id,
#include "compute/counters.def"
#undef COUNTER
    C_COUNT
};

enum { COUNTERS_MAX = 512, COUNTER_NAME_MAX = 128 };

struct named_counter {
    char *group, *name;
    int64_t value;
};

struct counters {
    _Atomic int64_t fixed[C_COUNT];
    struct named_counter *named;
    int named_count;
    int64_t dropped;
};

void counters_init(struct counters *c);
void counters_done(struct counters *c);

static inline void counter_add(struct counters *c, enum counter_id id, int64_t n)
{
    atomic_fetch_add_explicit(&c->fixed[id], n, memory_order_relaxed);
}

/* Adds to a named counter; a name of counters.def finds its row. */
void counters_add_named(struct counters *c, const char *group, const char *name, int64_t n);

/* Reads the rest of a line after "reporter:counter:"; false when it is not GROUP,NAME,NUMBER. */
int counters_parse(struct counters *c, const char *text, size_t n);

int64_t counters_get(const struct counters *c, const char *group, const char *name);

/* All that are not zero, in the order of counters.def and then as they came. */
size_t counters_pack(const struct counters *c, struct arena *a, Pb__CounterProto ***out);
void counters_unpack(struct counters *c, Pb__CounterProto **list, size_t n); /* adds */

#endif
