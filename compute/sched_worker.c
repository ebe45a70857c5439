/* sched_worker.c -- the workers that the scheduler knows, and the machines that they are on. */
#include "compute/sched.h"

#include <stdlib.h>

#include "common/log.h"

enum { AVOID_LIMIT = 3, SETTLE_MS = 2000 };

struct worker *sched_worker(struct sched *s, const uint8_t *uuid)
{
    for (struct worker *w = s->workers; w; w = w->next)
        if (memcmp(w->uuid, uuid, UUID_BYTES) == 0)
            return w;
    return NULL;
}

int sched_workers_alive(const struct sched *s)
{
    int n = 0;

    for (const struct worker *w = s->workers; w; w = w->next)
        n += w->alive;
    return n;
}

/* The last one that was awaited has spoken: tasks are given out. Where none is known to await, a moment is left after the
 * first. */
void sched_worker_spoke(struct sched *s, const uint8_t *uuid)
{
    uint64_t now = sched_now(s);

    if (!s->awaited) {
        if (s->settle_until_ms > now + SETTLE_MS)
            s->settle_until_ms = now + SETTLE_MS;
        return;
    }
    for (size_t i = 0; i < s->awaited_count; i++)
        if (memcmp(s->awaited[i], uuid, UUID_BYTES) == 0) {
            memmove(s->awaited[i], s->awaited[--s->awaited_count], UUID_BYTES);
            break;
        }
    if (s->awaited_count == 0)
        s->settle_until_ms = now;
}

struct node *sched_node(struct sched *s, const char *host)
{
    struct node *n;

    HASH_FIND_STR(s->nodes, host, n);
    if (n)
        return n;
    n = calloc(1, sizeof *n);
    MUST(n && (n->host = strdup(host)));
    HASH_ADD_KEYPTR(hh, s->nodes, n->host, strlen(n->host), n);
    return n;
}

static double blame_now(struct sched *s, const struct node *n)
{
    return place_blame(n->blame, sched_now(s) - n->blame_ms,
                       (uint64_t)conf_int(s->conf, OPT_node_forgive));
}

void sched_node_blame(struct sched *s, struct node *n)
{
    double now = blame_now(s, n);

    n->blame = now + 1;
    n->blame_ms = sched_now(s);
    if (now < AVOID_LIMIT && n->blame >= AVOID_LIMIT)
        LOG_WARN("scheduler.node",
                 "host=%s err=\"tasks fail here that succeed elsewhere\" "
                 "next=\"give it none for a while\"",
                 n->host);
}

/* At most a third of the machines are avoided, those with the most blame. */
bool sched_node_avoided(struct sched *s, const struct node *n)
{
    double mine = n->blame ? blame_now(s, n) : 0;
    int worse = 0;

    if (mine < AVOID_LIMIT)
        return false;
    for (const struct node *o = s->nodes; o; o = o->hh.next)
        worse += o != n && o->blame && blame_now(s, o) > mine;
    return (worse + 1) * 3 <= sched_workers_alive(s);
}

static void set_text(char **field, const char *value)
{
    free(*field);
    *field = strdup(value ? value : "");
    MUST(*field);
}

/* Adds the worker, or brings what is known of it up to date. */
struct worker *sched_worker_add(struct sched *s, const Pb__WorkerIdProto *id)
{
    struct worker *w = sched_worker(s, id->uuid.data);

    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w)
            return NULL;
        memcpy(w->uuid, id->uuid.data, UUID_BYTES);
        w->next = s->workers;
        s->workers = w;
        w->last_seen_ms = sched_now(s);
    }
    set_text(&w->host, id->host);
    set_text(&w->ip, id->ip);
    set_text(&w->shuffle, id->shuffle);
    set_text(&w->rack, id->rack);
    set_text(&w->rpc, id->rpc);
    w->slots = id->slots;
    w->memory_mb = id->memorymb;
    w->node = sched_node(s, w->host);
    return w;
}

static void push_id(struct task_id **list, size_t *n, size_t *cap, const struct task_id *id)
{
    if (*n == *cap) {
        struct task_id *more = realloc(*list, (*cap * 2 + 16) * sizeof *more);

        MUST(more);
        *list = more;
        *cap = *cap * 2 + 16;
    }
    (*list)[(*n)++] = *id;
}

void sched_worker_kill_later(struct worker *w, const struct task_id *id)
{
    push_id(&w->kills, &w->kill_count, &w->kill_cap, id);
}

void sched_forget_here(struct worker *w, const struct task_id *job)
{
    push_id(&w->forgets, &w->forget_count, &w->forget_cap, job);
}

void sched_forget_everywhere(struct sched *s, struct job *j)
{
    for (struct worker *w = s->workers; w; w = w->next)
        if (w->alive)
            sched_forget_here(w, &j->id);
}

static void lose_outputs(struct sched *s, const struct worker *w)
{
    for (struct job *j = s->jobs; j; j = j->next)
        for (uint32_t i = 0; i < j->map_count && j->reduce_count; i++)
            if (j->maps[i].winner && j->maps[i].winner->worker == w) {
                if (j->state == PB__JOB_STATE_PROTO__RUNNING)
                    sched_map_lost(s, &j->maps[i], "its worker is lost");
                else
                    j->maps[i].winner->worker = NULL;
            }
}

static void detach(struct sched *s, struct worker *w)
{
    for (struct worker **p = &s->workers; *p; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            break;
        }
    for (struct job *j = s->jobs; j; j = j->next) {
        for (size_t i = 0; i < j->event_count; i++)
            if (j->events[i].worker == w)
                j->events[i].worker = NULL;
        for (uint32_t k = 0; k < j->map_count + j->reduce_count; k++) {
            struct sched_task *t = k < j->map_count ? &j->maps[k] : &j->reduces[k - j->map_count];

            for (struct attempt *a = t->attempts; a; a = a->next)
                if (a->worker == w)
                    a->worker = NULL;
        }
    }
}

void sched_worker_lost(struct sched *s, struct worker *w, const char *why)
{
    LOG_WARN("scheduler.worker_lost", "worker=%s why=\"%s\" next=\"run its tasks elsewhere\"",
             w->host, why);
    while (w->promised) {
        struct attempt *a = w->promised;

        a->failure = strdup(why);
        sched_job_changed(a->task->job);
        sched_attempt_end(s, a, ATTEMPT_LOST);
    }
    w->alive = false;
    lose_outputs(s, w);
    detach(s, w);
    journal_workers_save(s);
    if (w->poll) {
        struct err err;

        err_set(&err, ERR_STATE, "this worker counts as lost: %s", why);
        rpc_fail(w->poll, &err);
    }
    free(w->host);
    free(w->ip);
    free(w->shuffle);
    free(w->rack);
    free(w->rpc);
    free(w->kills);
    free(w->forgets);
    free(w);
}
