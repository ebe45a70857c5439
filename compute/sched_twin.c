/* sched_twin.c -- speculative attempts: a second one beside one that is slow.
 *
 * Once a second each job is looked through.  A task whose only attempt is slow (place.h) may get a second one, on
 * another machine, when none of the job's tasks of its kind waits any more.  Whichever is done first wins, the other
 * is ended.
 */
#include <math.h>

#include "compute/sched.h"

enum { LOOK_MS = 1000 };

static struct attempt *only_live(const struct sched_task *t)
{
    struct attempt *found = NULL;

    for (struct attempt *a = t->attempts; a; a = a->next) {
        if (!sched_attempt_lives(a))
            continue;
        if (found)
            return NULL;
        found = a;
    }
    return found;
}

static void look_at(struct sched *s, struct job *j, struct sched_task *tasks, uint32_t n,
                    bool is_reduce)
{
    const struct job_pace *pace = &j->pace[is_reduce];
    uint32_t most = place_twins_max(j->live[is_reduce], n);
    double mean = pace->done ? pace->sum_ms / pace->done : 0;
    double variance = pace->done ? pace->squares / pace->done - mean * mean : 0;
    uint64_t now = sched_now(s);

    if (!pace->done || (is_reduce ? j->waiting_reduces : j->waiting_maps))
        return;
    for (uint32_t i = 0; i < n && j->twins + j->twins_wanted < most; i++) {
        struct sched_task *t = &tasks[i];
        const struct attempt *a = t->state == TASK_RUNNING && !t->wants_twin ? only_live(t) : NULL;
        struct place_pace p = {
            .elapsed_ms = a ? now - a->heard_ms : 0,
            .permille = a ? a->permille : 0,
            .done = pace->done,
            .mean_ms = mean,
            .deviation_ms = variance > 0 ? sqrt(variance) : 0,
            .min_ms = (uint64_t)conf_int(s->conf, OPT_speculative_min),
        };

        if (!a || !place_slow(&p))
            continue;
        t->wants_twin = true;
        j->twins_wanted++;
    }
}

void twin_look(struct sched *s, struct job *j)
{
    uint64_t now = sched_now(s);

    if (j->state != PB__JOB_STATE_PROTO__RUNNING || now - j->twins_looked_ms < LOOK_MS)
        return;
    j->twins_looked_ms = now;
    if (j->rules.speculative[0] && j->live[0])
        look_at(s, j, j->maps, j->map_count, false);
    if (j->rules.speculative[1] && j->live[1])
        look_at(s, j, j->reduces, j->reduce_count, true);
}

static bool ran_on(const struct sched_task *t, const struct worker *w)
{
    for (const struct attempt *a = t->attempts; a; a = a->next)
        if (strcmp(a->worker_name, w->host) == 0)
            return true;
    return false;
}

struct sched_task *twin_for(struct job *j, const struct worker *w, bool is_reduce)
{
    struct sched_task *tasks = is_reduce ? j->reduces : j->maps;
    uint32_t n = is_reduce ? j->reduce_count : j->map_count;

    for (uint32_t i = 0; j->twins_wanted && i < n; i++)
        if (tasks[i].wants_twin && tasks[i].state == TASK_RUNNING && !ran_on(&tasks[i], w))
            return &tasks[i];
    return NULL;
}
