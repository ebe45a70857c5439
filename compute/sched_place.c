/* sched_place.c -- which waiting task goes to which worker.
 *
 * Delay scheduling: a worker with room gets a map that reads a block on its host, one in memory first;
 * a map whose block is in the memory of a worker with room is left to that one.  A
 * job that has none for it lets the offer pass; when it has let offers pass for
 * ashlar.scheduler.locality.wait, maps with a block in the worker's rack go too, and after
 * ashlar.scheduler.locality.wait.rack, any.  Maps whose blocks are on no host with a worker don't wait.  Each
 * round gives every worker with room at most one task, the emptiest workers first, so that tasks spread.
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
        for (size_t h = 0; h < sp->n_cachedhosts; h++)
            add_named(&j->by_cache, sp->cachedhosts[h], i);
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
    back_to_start(j->by_cache);
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
    free_table(&j->by_cache);
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

/* A slot, and the memory that the job says its tasks need. */
static bool has_room(const struct worker *w, const struct job *j, bool is_reduce)
{
    uint64_t needs = j ? j->rules.memory_mb[is_reduce] : 0;

    return w->running[is_reduce] < w->slots &&
           (!w->memory_mb || !needs || w->memory_used + needs <= w->memory_mb || !w->memory_used);
}

static bool can_be_told(const struct worker *w)
{
    return w->alive && (w->poll || w->asks) && !w->leaving;
}

/* Another worker, which has room now, has its block in memory. */
static bool belongs_to_cache(struct sched *s, struct job *j, const struct sched_task *t,
                             const struct worker *w)
{
    const Pb__SplitProto *sp = j->submit->splits[t->index];

    for (const struct worker *x = sp->n_cachedhosts ? s->workers : NULL; x; x = x->next)
        for (size_t h = 0; h < sp->n_cachedhosts; h++)
            if (x != w && strcmp(sp->cachedhosts[h], x->ip) == 0 && can_be_told(x) &&
                has_room(x, j, false) && !place_avoids(s, j, x) && !failed_here(s, t, x))
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

        if (t->state == TASK_WAITING && t->not_before_ms <= now && !failed_here(s, t, w) &&
            !belongs_to_cache(s, j, t, w))
            return t;
    }
    return NULL;
}

static struct sched_task *on_host(struct sched *s, struct job *j, const struct worker *w,
                                  const char **what)
{
    struct sched_task *t = first_of(s, j, find(j->by_cache, w->ip), w);

    *what = "a replica of its block is here, in memory";
    if (t)
        return t;
    *what = "a replica of its block is here";
    t = first_of(s, j, find(j->by_host, w->ip), w);
    return t ? t : first_of(s, j, find(j->by_host, w->host), w);
}

static bool has_worker(const struct sched *s, const Pb__SplitProto *sp)
{
    for (const struct worker *w = s->workers; w; w = w->next)
        for (size_t h = 0; w->alive && !w->leaving && h < sp->n_hosts; h++)
            if (strcmp(sp->hosts[h], w->ip) == 0 || strcmp(sp->hosts[h], w->host) == 0)
                return true;
    return false;
}

/* A task that was found, and the reason in words. */
struct choice {
    struct sched_task *task;
    enum locality where;
    char why[200];
};

enum locality place_near(const Pb__SplitProto *sp, const struct worker *w)
{
    for (size_t h = 0; h < sp->n_hosts; h++)
        if (strcmp(sp->hosts[h], w->ip) == 0 || strcmp(sp->hosts[h], w->host) == 0)
            return LOCAL_NODE;
    for (size_t r = 0; r < sp->n_racks; r++)
        if (strcmp(sp->racks[r], w->rack) == 0)
            return LOCAL_RACK;
    return LOCAL_ANY;
}

static bool choose(struct choice *c, struct sched_task *t, enum locality where, const char *why)
{
    c->task = t;
    c->where = where;
    snprintf(c->why, sizeof c->why, "%s", why);
    return true;
}

static bool choose_far(struct sched *s, struct job *j, const struct worker *w, struct choice *c)
{
    const struct job_rules *r = &j->rules;
    struct sched_task *any = first_of(s, j, &j->anywhere, w), *t;
    uint64_t now = sched_now(s), waited;
    enum locality reach;

    if (!any)
        return false;
    if (any->job->submit->splits[any->index]->n_hosts == 0)
        return choose(c, any, LOCAL_ANY, "its input lies on no particular machine");
    if (!has_worker(s, j->submit->splits[any->index]))
        return choose(c, any, place_near(j->submit->splits[any->index], w),
                      "no worker is beside its block");
    if (!j->skipped_since_ms)
        j->skipped_since_ms = now;
    waited = now - j->skipped_since_ms;
    reach = place_reach(waited, r->node_wait_ms, r->rack_wait_ms);
    t = reach >= LOCAL_RACK ? first_of(s, j, find(j->by_rack, w->rack), w) : NULL;
    c->task = t ? t : reach == LOCAL_ANY ? any : NULL;
    if (!c->task)
        return false;
    c->where = t ? LOCAL_RACK : LOCAL_ANY;
    snprintf(c->why, sizeof c->why,
             t ? "its block is in this rack, and workers beside it had no room for %.1f s"
               : "workers beside its block or in its rack had no room for %.1f s",
             (double)waited / 1000);
    return true;
}

static bool choose_map(struct sched *s, struct job *j, const struct worker *w, struct choice *c)
{
    const char *why;
    struct sched_task *t;

    if (j->rules.anywhere) {
        t = first_of(s, j, &j->anywhere, w);
        return t && choose(c, t, place_near(j->submit->splits[t->index], w),
                           "the job wants its tasks anywhere");
    }
    t = on_host(s, j, w, &why);
    if (!t)
        return choose_far(s, j, w, c);
    j->skipped_since_ms = 0;
    return choose(c, t, LOCAL_NODE, why);
}

static bool reduces_may_start(const struct job *j)
{
    return (double)j->maps_done >= j->rules.slowstart * (double)j->map_count;
}

static bool choose_reduce(struct sched *s, struct job *j, const struct worker *w, struct choice *c)
{
    uint64_t now = sched_now(s);

    if (!j->waiting_reduces || !reduces_may_start(j))
        return false;
    for (uint32_t i = 0; i < j->reduce_count; i++) {
        struct sched_task *t = &j->reduces[i];

        if (t->state == TASK_WAITING && t->not_before_ms <= now && !failed_here(s, t, w))
            return choose(c, t, LOCAL_ANY, "a reduce slot was free here");
    }
    return false;
}

static bool choose_twin(struct job *j, const struct worker *w, bool is_reduce, struct choice *c)
{
    struct sched_task *t = twin_for(j, w, is_reduce);

    return t && choose(c, t, is_reduce ? LOCAL_ANY : place_near(j->submit->splits[t->index], w),
                       "speculative: its other attempt is slower than the job's tasks are");
}

bool place_avoids(struct sched *s, const struct job *j, const struct worker *w)
{
    struct job_node *n = NULL;

    if (w->leaving || sched_node_avoided(s, w->node))
        return true;
    if (j->nodes)
        HASH_FIND_STR(j->nodes, w->host, n);
    return n && n->shunned;
}

static bool give_one(struct sched *s, struct job *j, struct worker *w)
{
    struct choice c = {0};
    bool found = false;

    if (place_avoids(s, j, w))
        return false;
    if (has_room(w, j, false) && j->waiting_maps)
        found = choose_map(s, j, w, &c);
    if (!found && has_room(w, j, true))
        found = choose_reduce(s, j, w, &c);
    for (int kind = 0; !found && j->twins_wanted && kind < 2; kind++)
        found = has_room(w, j, kind) && choose_twin(j, w, kind, &c);
    if (!found || !sched_attempt_new(s, c.task, w, c.where, c.why))
        return false;
    sched_job_changed(j);
    return true;
}

static bool offer_to(struct sched *s, struct worker *w)
{
    struct job **list;
    size_t n = queue_order(s, &list);
    bool given = false;

    for (size_t i = 0; i < n && !given; i++)
        given = give_one(s, list[i], w);
    free(list);
    return given;
}

/* Workers that can be told at once, the emptiest for their size first. */
static int by_load(const void *a, const void *b)
{
    const struct worker *x = *(struct worker *const *)a, *y = *(struct worker *const *)b;

    return place_fairer(x->running[0] + x->running[1], x->slots ? x->slots : 1,
                        y->running[0] + y->running[1], y->slots ? y->slots : 1);
}

static bool anything_waits(const struct sched *s)
{
    for (const struct job *j = s->active; j; j = j->next_active)
        if (j->waiting_maps || j->waiting_reduces || j->twins_wanted)
            return true;
    return false;
}

void place_offer(struct sched *s)
{
    struct worker *list[4096];
    bool any = true;
    size_t n = 0;

    if (!anything_waits(s) || (s->settling && sched_now(s) < s->settle_until_ms))
        return;
    s->settling = false;
    for (struct worker *w = s->workers; w && n < 4096; w = w->next)
        if (can_be_told(w) && (has_room(w, NULL, false) || has_room(w, NULL, true)))
            list[n++] = w;
    while (any && n && anything_waits(s)) {
        any = false;
        qsort(list, n, sizeof *list, by_load);
        for (size_t i = 0; i < n; i++)
            any |= offer_to(s, list[i]);
    }
}
