#include "compute/sched.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum {
    JOB_ARENA_MAX = 1 << 30,
    EXCUSES_MAX = 60,
    FETCH_FAILURES_MAX = 3,
    EVENTS_MAX = 10000000,
    MAPS_MAX = 10000000,
    REDUCES_MAX = 100000,
};

uint64_t sched_now(struct sched *s)
{
    return env_mono_ms(s->env);
}

/* ---- jobs ---- */

struct job *sched_job(struct sched *s, uint64_t epoch, uint32_t number)
{
    for (struct job *j = s->jobs; j; j = j->next)
        if (j->id.job == number && j->id.epoch == epoch)
            return j;
    return NULL;
}

bool sched_job_ended(const struct job *j)
{
    return j->state == PB__JOB_STATE_PROTO__SUCCEEDED || j->state == PB__JOB_STATE_PROTO__FAILED ||
           j->state == PB__JOB_STATE_PROTO__KILLED;
}

void sched_job_changed(struct job *j)
{
    j->version++;
}

static char *hex(const uint8_t *p, size_t n)
{
    char *text = malloc(2 * n + 1);

    for (size_t i = 0; text && i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
    if (text)
        text[2 * n] = 0;
    return text;
}

/* A copy of the message that lives as long as the job. */
static int keep_submit(struct job *j, const Pb__SubmitJobRequestProto *r)
{
    size_t n = pb__submit_job_request_proto__get_packed_size(r);
    uint8_t *bytes = malloc(n ? n : 1);

    if (!bytes)
        return -1;
    pb__submit_job_request_proto__pack(r, bytes);
    j->submit = pb__submit_job_request_proto__unpack(&j->arena.pb, n, bytes);
    free(bytes);
    return j->submit ? 0 : -1;
}

static struct sched_task *new_tasks(struct job *j, uint32_t n, bool is_reduce, uint64_t now_ms)
{
    struct sched_task *t = calloc(n + 1, sizeof *t);

    for (uint32_t i = 0; t && i < n; i++)
        t[i] = (struct sched_task){
            .job = j, .index = i, .is_reduce = is_reduce, .waiting_since_ms = now_ms};
    return t;
}

/* A journal may be damaged and still have the right sum. */
static int check_size(const Pb__SubmitJobRequestProto *r, struct err *err)
{
    if (r->spec->reduces > REDUCES_MAX || r->n_splits > MAPS_MAX)
        return err_set(err, ERR_LIMIT, "a job of %zu maps and %u reduces", r->n_splits,
                       r->spec->reduces);
    return 0;
}

struct job *sched_job_new(struct sched *s, const struct task_id *id,
                          const Pb__SubmitJobRequestProto *r, struct err *err)
{
    struct job *j;

    if (check_size(r, err) < 0)
        return NULL;
    j = calloc(1, sizeof *j);
    if (!j)
        goto no_memory;
    j->id = *id;
    j->journal_fd = -1;
    j->version = 1;
    j->submitted_ms = env_now_ms(s->env);
    counters_init(&j->counters);
    arena_init(&j->arena, JOB_ARENA_MAX);
    if (keep_submit(j, r) < 0)
        goto no_memory;
    j->token = hex(r->token.data, r->has_token ? r->token.len : 0);
    j->map_count = (uint32_t)r->n_splits;
    j->reduce_count = r->spec->reduces;
    j->maps = new_tasks(j, j->map_count, false, sched_now(s));
    j->reduces = new_tasks(j, j->reduce_count, true, sched_now(s));
    if (!j->token || !j->maps || !j->reduces)
        goto no_memory;
    j->waiting_maps = j->map_count;
    j->waiting_reduces = j->reduce_count;
    j->state = PB__JOB_STATE_PROTO__RUNNING;
    queue_rules(s, j);
    place_add(j);
    return j;
no_memory:
    sched_job_free(j);
    err_set(err, ERR_NOMEM, "no memory for a job of %zu splits", r->n_splits);
    return NULL;
}

static void free_attempts(struct sched_task *t)
{
    while (t->attempts) {
        struct attempt *a = t->attempts;

        t->attempts = a->next;
        counters_done(&a->counters);
        free(a->worker_name);
        free(a->why);
        free(a->failure);
        free(a->status);
        free(a->tail);
        free(a);
    }
}

static void free_nodes(struct job *j)
{
    struct job_node *n, *tmp;

    HASH_ITER(hh, j->nodes, n, tmp)
    {
        HASH_DEL(j->nodes, n);
        free(n->host);
        free(n);
    }
}

/* Jobs that may have tasks to give out are in a list of their own: ended ones stay known for long. */
void sched_job_activate(struct sched *s, struct job *j)
{
    j->next_active = s->active;
    if (s->active)
        s->active->active_link = &j->next_active;
    s->active = j;
    j->active_link = &s->active;
}

void sched_job_rest(struct job *j)
{
    if (!j->active_link)
        return;
    *j->active_link = j->next_active;
    if (j->next_active)
        j->next_active->active_link = j->active_link;
    j->active_link = NULL;
}

void sched_job_free(struct job *j)
{
    if (!j)
        return;
    sched_job_rest(j);
    free_nodes(j);
    for (uint32_t i = 0; j->maps && i < j->map_count; i++)
        free_attempts(&j->maps[i]);
    for (uint32_t i = 0; j->reduces && i < j->reduce_count; i++)
        free_attempts(&j->reduces[i]);
    for (size_t i = 0; i < j->event_count; i++)
        free(j->events[i].shuffle);
    if (j->journal_fd >= 0)
        env_close(env_posix(), j->journal_fd, NULL);
    place_free(j);
    counters_done(&j->counters);
    free(j->maps);
    free(j->reduces);
    free(j->events);
    free(j->token);
    free(j->failure);
    arena_done(&j->arena);
    free(j);
}

static struct job *by_token(struct sched *s, const Pb__SubmitJobRequestProto *r)
{
    char *token = r->has_token && r->token.len ? hex(r->token.data, r->token.len) : NULL;
    struct job *found = NULL;

    for (struct job *j = s->jobs; token && j && !found; j = j->next)
        if (strcmp(j->token, token) == 0)
            found = j;
    free(token);
    return found;
}

static void link_job(struct sched *s, struct job *j)
{
    if (s->newest)
        s->newest->next = j;
    else
        s->jobs = j;
    s->newest = j;
    s->job_count++;
    sched_job_activate(s, j);
}

int sched_submit(struct sched *s, const Pb__SubmitJobRequestProto *r, struct job **out,
                 struct err *err)
{
    struct task_id id = {.epoch = s->epoch, .job = s->last_job + 1};
    struct job *j = by_token(s, r);
    int rc;

    if (j) {
        *out = j;
        return 0;
    }
    rc = check_size(r, err);
    if (rc < 0)
        return rc;
    j = sched_job_new(s, &id, r, err);
    if (!j)
        return -ERR_NOMEM;
    rc = journal_begin(s, j, r, err);
    if (rc < 0) {
        sched_job_free(j);
        return rc;
    }
    s->last_job++;
    link_job(s, j);
    sched_drop_old(s);
    *out = j;
    return 0;
}

/* Ended jobs beyond JOBS_KEPT are forgotten, the oldest first. */
void sched_drop_old(struct sched *s)
{
    struct job **p = &s->jobs;

    while (s->job_count > JOBS_KEPT && *p) {
        struct job *j = *p;
        bool awaited = j->finishing || j == s->newest;

        for (struct waiter *w = s->waiters; w; w = w->next)
            awaited |= w->job == j;
        if (!sched_job_ended(j) || awaited) {
            p = &j->next;
            continue;
        }
        *p = j->next;
        s->job_count--;
        journal_remove(s, j);
        sched_job_free(j);
    }
}

static void end_all_attempts(struct sched *s, struct sched_task *tasks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (struct attempt *a = tasks[i].attempts; a; a = a->next)
            if (sched_attempt_lives(a)) {
                struct task_id id;

                sched_attempt_id(a, &id);
                if (a->worker)
                    sched_worker_kill_later(a->worker, &id);
                sched_attempt_end(s, a, ATTEMPT_KILLED);
            }
}

static void stop_job(struct sched *s, struct job *j, Pb__JobStateProto state, const char *why)
{
    if (sched_job_ended(j) || j->state == PB__JOB_STATE_PROTO__COMMITTING)
        return;
    j->state = state;
    j->failure = strdup(why);
    sched_job_rest(j);
    end_all_attempts(s, j->maps, j->map_count);
    end_all_attempts(s, j->reduces, j->reduce_count);
    sched_job_changed(j);
    sched_finish(s, j);
}

void sched_job_fail(struct sched *s, struct job *j, const char *why)
{
    stop_job(s, j, PB__JOB_STATE_PROTO__FAILED, why);
}

void sched_job_kill(struct sched *s, struct job *j, const char *why)
{
    stop_job(s, j, PB__JOB_STATE_PROTO__KILLED, why);
}

static uint32_t share_done(uint32_t n, uint32_t done, uint64_t running_permille)
{
    return n ? (uint32_t)(((uint64_t)done * 1000 + running_permille) / n) : 1000;
}

void sched_job_status(const struct job *j, struct arena *a, Pb__JobStatusProto *out)
{
    Pb__JobIdProto *id = arena_alloc(a, sizeof *id);

    pb__job_status_proto__init(out);
    if (!id)
        return;
    pb__job_id_proto__init(id);
    id->epoch = j->id.epoch;
    id->job = j->id.job;
    out->id = id;
    /* Ended only when nothing of it is left in its output: who asked may look there next. */
    out->state = sched_job_ended(j) && j->finishing && !j->finished_ms
                     ? PB__JOB_STATE_PROTO__RUNNING
                     : j->state;
    out->name = j->submit->spec->name;
    out->user = j->submit->spec->user;
    out->output = j->submit->spec->output;
    out->maps = j->map_count;
    out->reduces = j->reduce_count;
    out->mapsdone = j->maps_done;
    out->reducesdone = j->reduces_done;
    out->mappermille = share_done(j->map_count, j->maps_done, j->permille[0]);
    out->reducepermille = j->reduce_count || j->maps_done == j->map_count
                              ? share_done(j->reduce_count, j->reduces_done, j->permille[1])
                              : 0;
    out->submittedms = j->submitted_ms;
    out->has_finishedms = j->finished_ms != 0;
    out->finishedms = j->finished_ms;
    out->failure = j->failure;
    out->version = j->version;
    out->has_running = 1;
    out->running = j->running;
    out->n_counters = counters_pack(&j->counters, a, &out->counters);
}

struct sched_task *sched_task_of(struct job *j, const struct task_id *id)
{
    if (id->index >= (id->is_reduce ? j->reduce_count : j->map_count))
        return NULL;
    return id->is_reduce ? &j->reduces[id->index] : &j->maps[id->index];
}

/* ---- attempts ---- */

bool sched_attempt_lives(const struct attempt *a)
{
    return a->state == ATTEMPT_ASSIGNED || a->state == ATTEMPT_RUNNING;
}

void sched_attempt_id(const struct attempt *a, struct task_id *out)
{
    *out = a->task->job->id;
    out->index = a->task->index;
    out->is_reduce = a->task->is_reduce;
    out->attempt = a->number;
}

struct attempt *sched_attempt(struct job *j, const struct task_id *id)
{
    struct sched_task *t = sched_task_of(j, id);

    for (struct attempt *a = t ? t->attempts : NULL; a; a = a->next)
        if (a->number == id->attempt)
            return a;
    return NULL;
}

static const char *const launched[3] = {"Data-local map tasks", "Rack-local map tasks",
                                        "Other local map tasks"};

static void count_launch(struct sched *s, struct job *j, const struct attempt *a)
{
    bool is_reduce = a->task->is_reduce;

    counters_add_named(&j->counters, "Job Counters",
                       is_reduce ? "Launched reduce tasks" : "Launched map tasks", 1);
    if (is_reduce)
        return;
    counters_add_named(&j->counters, "Job Counters", launched[a->locality], 1);
    s->assigned[a->locality]++;
}

/* A task's progress is that of its furthest attempt. */
static uint32_t task_permille(const struct sched_task *t)
{
    uint32_t most = 0;

    for (const struct attempt *a = t->attempts; a; a = a->next)
        if (sched_attempt_lives(a) && a->permille > most)
            most = a->permille;
    return t->state == TASK_RUNNING ? most : 0;
}

void sched_attempt_progress(struct attempt *a, uint32_t permille)
{
    struct sched_task *t = a->task;
    uint64_t *sum = &t->job->permille[t->is_reduce];

    if (permille > 1000)
        permille = 1000;
    *sum -= task_permille(t);
    a->permille = permille;
    *sum += task_permille(t);
    sched_job_changed(t->job);
}

/* The task goes to @state; its part of the job's progress goes along. */
static void task_move(struct sched_task *t, enum task_state state)
{
    t->job->permille[t->is_reduce] -= task_permille(t);
    t->state = state;
    t->job->permille[t->is_reduce] += task_permille(t);
}

static void take_room(struct attempt *a, int sign)
{
    struct job *j = a->task->job;
    bool kind = a->task->is_reduce;

    j->running += (uint32_t)sign;
    j->live[kind] += (uint32_t)sign;
    j->queue->running += (uint32_t)sign;
    if (a->speculative)
        j->twins += (uint32_t)sign;
    if (!a->worker)
        return;
    a->worker->running[kind] += (uint32_t)sign;
    a->worker->memory_used += (uint64_t)sign * j->rules.memory_mb[kind];
}

struct attempt *sched_attempt_new(struct sched *s, struct sched_task *t, struct worker *w,
                                  enum locality where, const char *why)
{
    struct attempt *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    MUST(t->state != TASK_DONE);
    *a = (struct attempt){.number = t->next_number++,
                          .state = ATTEMPT_ASSIGNED,
                          .locality = where,
                          .worker = w,
                          .worker_name = strdup(w->host),
                          .task = t,
                          .started_ms = env_now_ms(s->env),
                          .heard_ms = sched_now(s),
                          .speculative = t->state == TASK_RUNNING,
                          .why = strdup(why),
                          .next = t->attempts,
                          .next_here = w->promised};
    counters_init(&a->counters);
    a->waited_ms = a->heard_ms - t->waiting_since_ms;
    t->attempts = a;
    w->promised = a;
    take_room(a, 1);
    if (!a->speculative)
        *(t->is_reduce ? &t->job->waiting_reduces : &t->job->waiting_maps) -= 1;
    t->state = TASK_RUNNING;
    if (t->wants_twin)
        t->job->twins_wanted--;
    t->wants_twin = false;
    count_launch(s, t->job, a);
    return a;
}

static void unlink_from_worker(struct attempt *a)
{
    if (!a->worker)
        return;
    for (struct attempt **p = &a->worker->promised; *p; p = &(*p)->next_here)
        if (*p == a) {
            *p = a->next_here;
            break;
        }
    a->next_here = NULL;
}

static void wait_again(struct sched *s, struct sched_task *t)
{
    task_move(t, TASK_WAITING);
    t->waiting_since_ms = sched_now(s);
    if (t->wants_twin)
        t->job->twins_wanted--;
    t->wants_twin = false;
    if (t->is_reduce) {
        t->job->waiting_reduces++;
        return;
    }
    t->job->waiting_maps++;
    place_wait_again(t->job, t->index);
}

static bool any_lives(const struct sched_task *t)
{
    for (const struct attempt *a = t->attempts; a; a = a->next)
        if (sched_attempt_lives(a))
            return true;
    return false;
}

static const char *const spent[2] = {"Total time spent by all map tasks (ms)",
                                     "Total time spent by all reduce tasks (ms)"};

/* The attempt is over, in whichever way; its task waits again when it was its last hope. */
void sched_attempt_end(struct sched *s, struct attempt *a, enum attempt_state state)
{
    struct sched_task *t = a->task;
    struct job *j = t->job;

    MUST(sched_attempt_lives(a));
    unlink_from_worker(a);
    take_room(a, -1);
    j->permille[t->is_reduce] -= task_permille(t);
    a->state = state;
    j->permille[t->is_reduce] += task_permille(t);
    a->finished_ms = env_now_ms(s->env);
    counters_add_named(&j->counters, "Job Counters", spent[t->is_reduce],
                       (int64_t)(a->finished_ms - a->started_ms));
    if (state == ATTEMPT_KILLED)
        counters_add_named(&j->counters, "Job Counters",
                           t->is_reduce ? "Killed reduce tasks" : "Killed map tasks", 1);
    if (state != ATTEMPT_SUCCEEDED) {
        a->worker = NULL;
        if (t->state == TASK_RUNNING && !any_lives(t))
            wait_again(s, t);
    }
}

void sched_attempt_preempt(struct sched *s, struct attempt *a, const char *why)
{
    struct task_id id;

    sched_attempt_id(a, &id);
    sched_worker_kill_later(a->worker, &id);
    free(a->failure);
    a->failure = strdup(why);
    sched_attempt_end(s, a, ATTEMPT_KILLED);
    sched_job_changed(a->task->job);
}

/* One attempt has won: the others of its task are of no use. */
static void end_rivals(struct sched *s, struct sched_task *t)
{
    for (struct attempt *a = t->attempts; a; a = a->next)
        if (sched_attempt_lives(a))
            sched_attempt_preempt(s, a, "another attempt of its task was done first");
}

/* What failed on a node succeeded on another: the first was to blame. */
static void blame_others(struct sched *s, const struct attempt *winner)
{
    const struct sched_task *t = winner->task;

    for (const struct attempt *a = t->attempts; t->failures && a; a = a->next)
        if (a->blamed && strcmp(a->worker_name, winner->worker_name) != 0)
            sched_node_blame(s, sched_node(s, a->worker_name));
}

static void add_event(struct job *j, const struct attempt *a)
{
    if (j->event_count == j->event_cap) {
        size_t cap = j->event_cap ? j->event_cap * 2 : 64;
        struct map_event *list = realloc(j->events, cap * sizeof *list);

        MUST(list && cap < EVENTS_MAX * 2);
        j->events = list;
        j->event_cap = cap;
    }
    j->events[j->event_count++] = (struct map_event){a->task->index, a->number, a->worker,
                                                     strdup(a->worker ? a->worker->shuffle : "")};
}

static void merge_counters(struct counters *to, const struct counters *from, int64_t sign)
{
    for (int i = 0; i < C_COUNT; i++)
        counter_add(to, (enum counter_id)i, sign * from->fixed[i]);
    for (int i = 0; i < from->named_count; i++)
        counters_add_named(to, from->named[i].group, from->named[i].name,
                           sign * from->named[i].value);
}

static void maybe_complete(struct sched *s, struct job *j)
{
    if (j->state != PB__JOB_STATE_PROTO__RUNNING || j->maps_done < j->map_count ||
        j->reduces_done < j->reduce_count)
        return;
    j->state = PB__JOB_STATE_PROTO__COMMITTING;
    sched_job_rest(j);
    sched_finish(s, j);
}

static void keep_pace(struct job_pace *p, double ms)
{
    p->done++;
    p->sum_ms += ms;
    p->squares += ms * ms;
}

bool sched_attempt_done(struct sched *s, struct attempt *a)
{
    struct sched_task *t = a->task;
    struct job *j = t->job;

    if (!sched_attempt_lives(a))
        return a->state == ATTEMPT_SUCCEEDED && t->winner == a;
    sched_attempt_end(s, a, t->state == TASK_DONE ? ATTEMPT_KILLED : ATTEMPT_SUCCEEDED);
    if (a->state != ATTEMPT_SUCCEEDED || j->state != PB__JOB_STATE_PROTO__RUNNING)
        return false;
    task_move(t, TASK_DONE);
    t->winner = a;
    a->permille = 1000;
    end_rivals(s, t);
    blame_others(s, a);
    keep_pace(&j->pace[t->is_reduce], (double)(a->finished_ms - a->started_ms));
    *(t->is_reduce ? &j->reduces_done : &j->maps_done) += 1;
    merge_counters(&j->counters, &a->counters, 1);
    if (!t->is_reduce && j->reduce_count)
        add_event(j, a);
    s->tasks_done++;
    journal_task_done(s, j, a);
    sched_job_changed(j);
    maybe_complete(s, j);
    return true;
}

static void describe_failure(const struct attempt *a, const char *why, char *out, size_t n)
{
    struct task_id id;
    char name[TASK_NAME_MAX], job[TASK_NAME_MAX];
    const struct sched_task *t = a->task;
    int k;

    sched_attempt_id(a, &id);
    task_name(&id, name, sizeof name);
    task_job_name(&id, job, sizeof job);
    k = snprintf(out, n, "%s: %s failed %u times, last on %s: %s", job, name, t->failures,
                 a->worker_name, why);
    if (!t->is_reduce && k > 0 && (size_t)k < n) {
        const Pb__SplitProto *sp = t->job->submit->splits[t->index];

        k += snprintf(out + k, n - (size_t)k, "\nIts split: %s:%llu+%llu", sp->path,
                      (unsigned long long)sp->start, (unsigned long long)sp->length);
    }
    task_attempt_name(&id, name, sizeof name);
    if (k > 0 && (size_t)k < n)
        k += snprintf(out + k, n - (size_t)k, "\nTo run just this task again: job rerun-task %s",
                      name);
    if (a->tail_n && k > 0 && (size_t)k < n) {
        size_t from = a->tail_n > 1500 ? a->tail_n - 1500 : 0;

        snprintf(out + k, n - (size_t)k, "\nIts last words:\n%.*s", (int)(a->tail_n - from),
                 a->tail + from);
    }
}

/* A job leaves out machines that fail its tasks again and again. */
static void note_failure(struct sched *s, struct job *j, const char *host)
{
    struct job_node *n;

    HASH_FIND_STR(j->nodes, host, n);
    if (!n) {
        n = calloc(1, sizeof *n);
        MUST(n && (n->host = strdup(host)));
        HASH_ADD_KEYPTR(hh, j->nodes, n->host, strlen(n->host), n);
    }
    n->failures++;
    if (n->shunned ||
        !place_shun(n->failures, j->rules.shun_limit, j->shunned, sched_workers_alive(s)))
        return;
    n->shunned = true;
    j->shunned++;
    LOG_WARN("scheduler.shun", "job=%u host=%s failures=%u next=\"run its tasks elsewhere\"",
             j->id.job, host, n->failures);
}

/* Whether the job can do without the task: mapreduce.map.failures.maxpercent and its like.  Then it runs once
 * more, and gives nothing. */
static bool give_up(struct sched_task *t)
{
    struct job *j = t->job;
    int kind = t->is_reduce;
    uint64_t count = kind ? j->reduce_count : j->map_count;

    if (t->given_up ||
        (j->given_up[kind] + 1) * (uint64_t)100 > j->rules.failures_percent[kind] * count)
        return false;
    t->given_up = true;
    t->failures = 0;
    j->given_up[kind]++;
    LOG_WARN("scheduler.give_up", "job=%u task=%u reduce=%d next=\"go on without it\"", j->id.job,
             t->index, kind);
    return true;
}

void sched_attempt_failed(struct sched *s, struct attempt *a, const char *why, bool blameless)
{
    struct sched_task *t = a->task;
    char text[FAILURE_MAX];

    if (!sched_attempt_lives(a))
        return;
    free(a->failure);
    a->failure = strdup(why);
    sched_attempt_end(s, a, ATTEMPT_FAILED);
    s->tasks_failed++;
    counters_add_named(&t->job->counters, "Job Counters",
                       t->is_reduce ? "Failed reduce tasks" : "Failed map tasks", 1);
    if (blameless && t->excuses < EXCUSES_MAX) {
        t->excuses++;
        t->not_before_ms = sched_now(s) + 500;
    } else {
        a->blamed = true;
        t->failures++;
        note_failure(s, t->job, a->worker_name);
    }
    sched_job_changed(t->job);
    if (t->failures < t->job->rules.attempts_max[t->is_reduce] || give_up(t))
        return;
    describe_failure(a, why, text, sizeof text);
    sched_job_fail(s, t->job, text);
}

void sched_map_lost(struct sched *s, struct sched_task *t, const char *why)
{
    struct job *j = t->job;

    if (t->state != TASK_DONE || j->state != PB__JOB_STATE_PROTO__RUNNING ||
        j->reduces_done == j->reduce_count)
        return;
    LOG_WARN("scheduler.map_lost", "job=%u map=%u why=\"%s\" next=\"run it again\"", j->id.job,
             t->index, why);
    merge_counters(&j->counters, &t->winner->counters, -1);
    t->winner->state = ATTEMPT_LOST;
    journal_task_lost(s, j, t->winner);
    t->winner->worker = NULL;
    t->winner = NULL;
    t->fetch_failures = 0;
    j->maps_done--;
    wait_again(s, t);
    sched_job_changed(j);
}
