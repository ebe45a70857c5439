/* sched_place.c -- which waiting task goes to which worker.
 *
 * Delay scheduling: a worker with room gets a map that reads a block on its host.  A job that
 * has none for it lets the offer pass; when it has let offers pass for
 * ashlar.scheduler.locality.wait, maps with a block in the worker's rack go too, and after as long
 * again, any.  Maps whose blocks are on no host with a worker don't wait.  Each round gives
 * every worker with room at most one task, the emptiest workers first, so that tasks spread.
 *
 * For each job there is a list of maps for each host and rack, walked once: finding a task
 * costs the same however many there are.
 */
#include "compute/sched.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- lists ---- */

static void add_to(struct nearby *list, uint32_t task)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        uint32_t *tasks = realloc(list->tasks, cap * sizeof *tasks);

        MUST(tasks);
        list->tasks = tasks;
        list->cap = cap;
    }
    list->tasks[list->n++] = task;
}

static struct nearby *find(struct nearby *table, const char *name)
{
    struct nearby *found = NULL;

    if (name && *name)
        HASH_FIND_STR(table, name, found);
    return found;
}

static void add_named(struct nearby **table, const char *name, uint32_t task)
{
    struct nearby *list = find(*table, name);

    if (!*name)
        return;
    if (!list) {
        list = calloc(1, sizeof *list);
        MUST(list && (list->name = strdup(name)));
        HASH_ADD_KEYPTR(hh, *table, list->name, strlen(list->name), list);
    }
    add_to(list, task);
}

void place_add(struct job *j)
{
    for (uint32_t i = 0; i < j->map_count; i++) {
        const Pb__SplitProto *sp = j->submit->splits[i];

        for (size_t h = 0; h < sp->n_hosts; h++)
            add_named(&j->by_host, sp->hosts[h], i);
        for (size_t r = 0; r < sp->n_racks; r++)
            add_named(&j->by_rack, sp->racks[r], i);
        add_to(&j->anywhere, i);
    }
}

static void back_to_start(struct nearby *table)
{
    struct nearby *list, *tmp;

    HASH_ITER(hh, table, list, tmp) list->cursor = 0;
}

void place_wait_again(struct job *j, uint32_t map)
{
    (void)map;
    back_to_start(j->by_host);
    back_to_start(j->by_rack);
    j->anywhere.cursor = 0;
}

static void free_table(struct nearby **table)
{
    struct nearby *list, *tmp;

    HASH_ITER(hh, *table, list, tmp)
    {
        HASH_DEL(*table, list);
        free(list->name);
        free(list->tasks);
        free(list);
    }
}

void place_free(struct job *j)
{
    free_table(&j->by_host);
    free_table(&j->by_rack);
    free(j->anywhere.tasks);
}

/* ---- choosing ---- */

/* A task that failed on a worker tries the others first. */
static bool failed_here(struct sched *s, const struct sched_task *t, const struct worker *w)
{
    if (t->failures == 0 || t->failures >= (uint32_t)sched_workers_alive(s))
        return false;
    for (const struct attempt *a = t->attempts; a; a = a->next)
        if (a->blamed && strcmp(a->worker_name, w->host) == 0)
            return true;
    return false;
}

/* The first waiting task of the list that this worker may run. */
static struct sched_task *first_of(struct sched *s, struct job *j, struct nearby *list,
                                   const struct worker *w)
{
    uint64_t now = sched_now(s);

    if (!list)
        return NULL;
    while (list->cursor < list->n && j->maps[list->tasks[list->cursor]].state != TASK_WAITING)
        list->cursor++;
    for (size_t i = list->cursor; i < list->n; i++) {
        struct sched_task *t = &j->maps[list->tasks[i]];

        if (t->state == TASK_WAITING && t->not_before_ms <= now && !failed_here(s, t, w))
            return t;
    }
    return NULL;
}

static struct sched_task *on_host(struct sched *s, struct job *j, const struct worker *w)
{
    struct sched_task *t = first_of(s, j, find(j->by_host, w->ip), w);

    return t ? t : first_of(s, j, find(j->by_host, w->host), w);
}

static bool has_worker(const struct sched *s, const Pb__SplitProto *sp)
{
    for (const struct worker *w = s->workers; w; w = w->next)
        for (size_t h = 0; w->alive && h < sp->n_hosts; h++)
            if (strcmp(sp->hosts[h], w->ip) == 0 || strcmp(sp->hosts[h], w->host) == 0)
                return true;
    return false;
}

static struct sched_task *choose_map(struct sched *s, struct job *j, const struct worker *w,
                                     enum locality *where, const char **why)
{
    struct sched_task *t = on_host(s, j, w), *any;
    uint64_t now = sched_now(s), waited;

    *where = LOCAL_NODE;
    *why = "a replica of its block is here";
    if (t) {
        j->skipped_since_ms = 0;
        return t;
    }
    any = first_of(s, j, &j->anywhere, w);
    if (!any)
        return NULL;
    *where = LOCAL_ANY;
    *why = "no worker is near its block";
    if (!has_worker(s, j->submit->splits[any->index]))
        return any;
    if (!j->skipped_since_ms)
        j->skipped_since_ms = now;
    waited = now - j->skipped_since_ms;
    t = first_of(s, j, find(j->by_rack, w->rack), w);
    *where = LOCAL_RACK;
    *why = "its block is in this rack, and nearer workers had no room for the locality wait";
    if (t && waited >= s->locality_wait_ms)
        return t;
    *where = LOCAL_ANY;
    *why = "workers near its block had no room for twice the locality wait";
    return waited >= 2 * (uint64_t)s->locality_wait_ms ? any : NULL;
}

static bool reduces_may_start(struct sched *s, const struct job *j)
{
    const char *text = spec_get(j->submit->spec, "mapreduce.job.reduce.slowstart.completedmaps");
    double share = text ? strtod(text, NULL) : conf_float(s->conf, OPT_slowstart);

    return (double)j->maps_done >= share * (double)j->map_count;
}

static struct sched_task *choose_reduce(struct sched *s, struct job *j, const struct worker *w)
{
    uint64_t now = sched_now(s);

    if (!j->waiting_reduces || !reduces_may_start(s, j))
        return NULL;
    for (uint32_t i = 0; i < j->reduce_count; i++) {
        struct sched_task *t = &j->reduces[i];

        if (t->state == TASK_WAITING && t->not_before_ms <= now && !failed_here(s, t, w))
            return t;
    }
    return NULL;
}

static bool has_room(const struct worker *w, bool for_reduce)
{
    return w->running[for_reduce] < w->slots;
}

static bool give_one(struct sched *s, struct job *j, struct worker *w)
{
    struct sched_task *t = NULL;
    enum locality where = LOCAL_ANY;
    const char *why = "";

    if (has_room(w, false) && j->waiting_maps)
        t = choose_map(s, j, w, &where, &why);
    if (!t && has_room(w, true) && (t = choose_reduce(s, j, w)))
        why = "a reduce slot was free here";
    if (!t || !sched_attempt_new(s, t, w, where, why))
        return false;
    sched_job_changed(j);
    return true;
}

static bool runnable(const struct job *j)
{
    return j->state == PB__JOB_STATE_PROTO__RUNNING && (j->waiting_maps || j->waiting_reduces);
}

/* Fair: the job with the fewest running tasks comes first; else in the order they came. */
static struct job *next_job(struct sched *s, const struct job *after)
{
    struct job *best = NULL;

    for (struct job *j = s->jobs; j; j = j->next) {
        if (!runnable(j))
            continue;
        if (after && (s->fair ? j->running < after->running ||
                                    (j->running == after->running && j->id.job <= after->id.job)
                              : j->id.job <= after->id.job))
            continue;
        if (!best || (s->fair && j->running < best->running))
            best = j;
    }
    return best;
}

static bool offer_to(struct sched *s, struct worker *w)
{
    for (struct job *j = next_job(s, NULL); j; j = next_job(s, j))
        if (give_one(s, j, w))
            return true;
    return false;
}

static uint32_t load_of(const struct worker *w)
{
    return w->running[0] + w->running[1];
}

/* Workers that can be told at once, the emptiest first. */
static int by_load(const void *a, const void *b)
{
    const struct worker *x = *(struct worker *const *)a, *y = *(struct worker *const *)b;

    return (load_of(x) > load_of(y)) - (load_of(x) < load_of(y));
}

void place_offer(struct sched *s)
{
    struct worker *list[4096];
    bool any = true;
    size_t n = 0;

    if (sched_now(s) < s->settle_until_ms)
        return;
    for (struct worker *w = s->workers; w && n < 4096; w = w->next)
        if (w->alive && w->poll && (has_room(w, false) || has_room(w, true)))
            list[n++] = w;
    while (any && n && next_job(s, NULL)) {
        any = false;
        qsort(list, n, sizeof *list, by_load);
        for (size_t i = 0; i < n; i++)
            any |= offer_to(s, list[i]);
    }
}
