#include "compute/sched.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum { JOB_ARENA_MAX = 1 << 30, EXCUSES_MAX = 60, FETCH_FAILURES_MAX = 3, EVENTS_MAX = 10000000 };

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

static struct sched_task *new_tasks(struct job *j, uint32_t n, bool is_reduce)
{
    struct sched_task *t = calloc(n + 1, sizeof *t);

    for (uint32_t i = 0; t && i < n; i++)
        t[i] = (struct sched_task){.job = j, .index = i, .is_reduce = is_reduce};
    return t;
}

struct job *sched_job_new(struct sched *s, const struct task_id *id,
                          const Pb__SubmitJobRequestProto *r, struct err *err)
{
    struct job *j = calloc(1, sizeof *j);

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
    j->maps = new_tasks(j, j->map_count, false);
    j->reduces = new_tasks(j, j->reduce_count, true);
    if (!j->token || !j->maps || !j->reduces)
        goto no_memory;
    j->waiting_maps = j->map_count;
    j->waiting_reduces = j->reduce_count;
    j->state = PB__JOB_STATE_PROTO__RUNNING;
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
        free(a->failure);
        free(a->status);
        free(a->tail);
        free(a);
    }
}

void sched_job_free(struct job *j)
{
    if (!j)
        return;
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
    if (r->spec->reduces > 100000 || r->n_splits > 10000000)
        return err_set(err, ERR_LIMIT, "a job of %zu maps and %u reduces", r->n_splits,
                       r->spec->reduces);
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

static uint32_t share_done(const struct sched_task *tasks, uint32_t n, uint32_t done)
{
    uint64_t sum = (uint64_t)done * 1000;

    if (n == 0)
        return 1000;
    for (uint32_t i = 0; done < n && i < n; i++)
        if (tasks[i].state == TASK_RUNNING && tasks[i].attempts)
            sum += tasks[i].attempts->permille;
    return (uint32_t)(sum / n);
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
    out->state = j->state;
    out->name = j->submit->spec->name;
    out->user = j->submit->spec->user;
    out->output = j->submit->spec->output;
    out->maps = j->map_count;
    out->reduces = j->reduce_count;
    out->mapsdone = j->maps_done;
    out->reducesdone = j->reduces_done;
    out->mappermille = share_done(j->maps, j->map_count, j->maps_done);
    out->reducepermille = j->reduce_count || j->maps_done == j->map_count
                              ? share_done(j->reduces, j->reduce_count, j->reduces_done)
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

struct attempt *sched_attempt_new(struct sched *s, struct sched_task *t, struct worker *w,
                                  enum locality where, const char *why)
{
    struct attempt *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    MUST(t->state == TASK_WAITING);
    *a = (struct attempt){.number = t->next_number++,
                          .state = ATTEMPT_ASSIGNED,
                          .locality = where,
                          .worker = w,
                          .worker_name = strdup(w->host),
                          .task = t,
                          .started_ms = env_now_ms(s->env),
                          .heard_ms = sched_now(s),
                          .next = t->attempts,
                          .next_here = w->promised};
    counters_init(&a->counters);
    snprintf(a->why, sizeof a->why, "%s", why);
    t->attempts = a;
    t->state = TASK_RUNNING;
    w->promised = a;
    w->running[t->is_reduce]++;
    t->job->running++;
    *(t->is_reduce ? &t->job->waiting_reduces : &t->job->waiting_maps) -= 1;
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
    a->worker->running[a->task->is_reduce]--;
    a->next_here = NULL;
}

static void wait_again(struct sched_task *t)
{
    t->state = TASK_WAITING;
    if (t->is_reduce) {
        t->job->waiting_reduces++;
        return;
    }
    t->job->waiting_maps++;
    place_wait_again(t->job, t->index);
}

/* The attempt is over, in whichever way; its task waits again when it was its hope. */
void sched_attempt_end(struct sched *s, struct attempt *a, enum attempt_state state)
{
    struct sched_task *t = a->task;

    MUST(sched_attempt_lives(a));
    unlink_from_worker(a);
    a->state = state;
    a->finished_ms = env_now_ms(s->env);
    t->job->running--;
    if (state != ATTEMPT_SUCCEEDED) {
        a->worker = NULL;
        if (t->state == TASK_RUNNING)
            wait_again(t);
    }
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
    sched_finish(s, j);
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
    t->state = TASK_DONE;
    t->winner = a;
    a->permille = 1000;
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

static uint32_t attempts_max(struct sched *s, const struct sched_task *t)
{
    const char *key = t->is_reduce ? "mapreduce.reduce.maxattempts" : "mapreduce.map.maxattempts";
    enum conf_option o = t->is_reduce ? OPT_reduce_attempts : OPT_map_attempts;
    int64_t n = spec_int(t->job->submit->spec, key, conf_int(s->conf, o));

    return n < 1 ? 1 : (uint32_t)n;
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
    }
    sched_job_changed(t->job);
    if (t->failures < attempts_max(s, t))
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
    wait_again(t);
    sched_job_changed(j);
}

/* ---- workers ---- */

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
