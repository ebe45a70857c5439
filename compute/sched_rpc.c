/* sched_rpc.c -- what clients and workers may ask the scheduler, and who is kept waiting. */
#include <stdlib.h>

#include "common/log.h"
#include "compute/sched.h"

/* News of a job that goes on comes at most so often: tasks end by the thousand, and nobody reads that fast. */
enum { POLL_HOLD_MS = 1000, WAIT_HOLD_MAX_MS = 10000, NEWS_MS = 100, OUTPUTS_MS = 30 };
/* A poll may be older than the answer, on another connection, that gave an attempt out. */
enum { OVERTAKEN_MS = 5000 };

/* ---- answering workers ---- */

static void id_proto(const struct task_id *id, Pb__AttemptIdProto *out)
{
    pb__attempt_id_proto__init(out);
    out->epoch = id->epoch;
    out->job = id->job;
    out->task = id->index;
    out->attempt = id->attempt;
    out->kind = id->is_reduce ? PB__TASK_KIND_PROTO__REDUCE : PB__TASK_KIND_PROTO__MAP;
}

static const char *const locality_names[] = {"data-local", "rack-local", "off-rack"};

static Pb__StartTaskProto *start_proto(struct attempt *a, struct arena *arena)
{
    Pb__StartTaskProto *p = arena_alloc(arena, sizeof *p);
    Pb__AttemptIdProto *id = arena_alloc(arena, sizeof *id);
    struct task_id tid;
    struct job *j = a->task->job;

    if (!p || !id)
        return NULL;
    sched_attempt_id(a, &tid);
    id_proto(&tid, id);
    pb__start_task_proto__init(p);
    p->id = id;
    p->maps = j->map_count;
    p->reduces = j->reduce_count;
    p->locality = (char *)(uintptr_t)locality_names[a->locality];
    p->has_givenup = p->givenup = a->task->given_up;
    if (!a->task->is_reduce)
        p->split = j->submit->splits[a->task->index];
    return p;
}

static size_t fill_starts(struct worker *w, struct arena *arena, Pb__StartTaskProto ***out)
{
    size_t n = 0, filled = 0;

    for (struct attempt *a = w->promised; a; a = a->next_here)
        n += !a->told;
    *out = n ? arena_alloc(arena, n * sizeof **out) : NULL;
    for (struct attempt *a = w->promised; a && *out; a = a->next_here)
        if (!a->told && ((*out)[filled] = start_proto(a, arena))) {
            a->told = true;
            filled++;
        }
    return filled;
}

static void fill_kills(struct worker *w, struct arena *arena, Pb__PollResponseProto *r)
{
    Pb__AttemptIdProto *ids = arena_alloc(arena, (w->kill_count + 1) * sizeof *ids);

    r->kill = arena_alloc(arena, (w->kill_count + 1) * sizeof *r->kill);
    for (size_t i = 0; ids && r->kill && i < w->kill_count; i++) {
        id_proto(&w->kills[i], &ids[i]);
        r->kill[r->n_kill++] = &ids[i];
    }
    w->kill_count = 0;
}

static void fill_forgets(struct worker *w, struct arena *arena, Pb__PollResponseProto *r)
{
    Pb__JobIdProto *ids = arena_alloc(arena, (w->forget_count + 1) * sizeof *ids);

    r->forget = arena_alloc(arena, (w->forget_count + 1) * sizeof *r->forget);
    for (size_t i = 0; ids && r->forget && i < w->forget_count; i++) {
        pb__job_id_proto__init(&ids[i]);
        ids[i].epoch = w->forgets[i].epoch;
        ids[i].job = w->forgets[i].job;
        r->forget[r->n_forget++] = &ids[i];
    }
    w->forget_count = 0;
}

static bool has_news(const struct worker *w)
{
    if (w->kill_count || w->forget_count)
        return true;
    for (const struct attempt *a = w->promised; a; a = a->next_here)
        if (!a->told)
            return true;
    return false;
}

static void answer_worker(struct sched *s, struct worker *w)
{
    struct rpc_call *call = w->poll;
    Pb__PollResponseProto r = PB__POLL_RESPONSE_PROTO__INIT;

    w->poll = NULL;
    r.schedulerepoch = s->epoch;
    r.n_start = fill_starts(w, call->arena, &r.start);
    fill_kills(w, call->arena, &r);
    fill_forgets(w, call->arena, &r);
    rpc_reply(call, &r.base);
}

/* ---- answering those who wait for news of a job ---- */

static void answer_status(struct waiter *w)
{
    Pb__GetJobResponseProto r = PB__GET_JOB_RESPONSE_PROTO__INIT;
    Pb__JobStatusProto status;

    sched_job_status(w->job, w->call->arena, &status);
    r.status = &status;
    rpc_reply(w->call, &r.base);
}

static void answer_outputs(struct waiter *w)
{
    Pb__MapOutputsResponseProto r = PB__MAP_OUTPUTS_RESPONSE_PROTO__INIT;
    struct arena *a = w->call->arena;
    size_t n = w->job->event_count > w->seen ? w->job->event_count - (size_t)w->seen : 0;
    Pb__MapOutputProto *list = arena_alloc(a, (n + 1) * sizeof *list);

    r.outputs = arena_alloc(a, (n + 1) * sizeof *r.outputs);
    r.gone = w->job->state != PB__JOB_STATE_PROTO__RUNNING;
    for (size_t i = 0; list && r.outputs && i < n; i++) {
        const struct map_event *e = &w->job->events[w->seen + i];

        if (!e->worker) /* its worker is gone: a later event says where it is now */
            continue;
        pb__map_output_proto__init(&list[i]);
        list[i].task = e->task;
        list[i].attempt = e->attempt;
        list[i].shuffle = e->shuffle;
        list[i].worker.data = e->worker->uuid;
        list[i].worker.len = UUID_BYTES;
        r.outputs[r.n_outputs++] = &list[i];
    }
    r.seen = (uint32_t)w->job->event_count;
    rpc_reply(w->call, &r.base);
}

static bool waiter_ready(const struct waiter *w, uint64_t now)
{
    const struct job *j = w->job;
    bool runs = j->state == PB__JOB_STATE_PROTO__RUNNING;

    if (w->for_outputs)
        return !runs || (j->event_count > w->seen &&
                         (j->maps_done == j->map_count || now - w->asked_ms >= OUTPUTS_MS));
    return j->version > w->seen &&
           (w->seen == 0 || sched_job_ended(j) || now - w->asked_ms >= NEWS_MS);
}

static void answer_waiters(struct sched *s, uint64_t now)
{
    struct waiter **p = &s->waiters;

    while (*p) {
        struct waiter *w = *p;

        if (!waiter_ready(w, now) && w->until_ms > now) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        if (w->for_outputs)
            answer_outputs(w);
        else
            answer_status(w);
        free(w);
    }
}

void sched_wake(struct sched *s)
{
    place_offer(s);
    for (struct worker *w = s->workers; w; w = w->next)
        if (w->poll && has_news(w))
            answer_worker(s, w);
    answer_waiters(s, sched_now(s));
}

void sched_expire(struct sched *s)
{
    uint64_t now = sched_now(s);

    for (struct worker *w = s->workers; w; w = w->next)
        if (w->poll && w->poll_until_ms <= now)
            answer_worker(s, w);
    answer_waiters(s, now);
}

/* ---- the client's calls ---- */

static void submit(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct sched *s = call->ctx;
    Pb__SubmitJobResponseProto r = PB__SUBMIT_JOB_RESPONSE_PROTO__INIT;
    Pb__JobIdProto id = PB__JOB_ID_PROTO__INIT;
    struct err err = {0};
    struct job *j;
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = sched_submit(s, (const Pb__SubmitJobRequestProto *)m, &j, &err);
    if (rc == 0) {
        id.epoch = j->id.epoch;
        id.job = j->id.job;
        r.id = &id;
        LOG_INFO("scheduler.submit", "job=%u user=%s maps=%u reduces=%u", j->id.job,
                 j->submit->spec->user, j->map_count, j->reduce_count);
        if (j->map_count == 0 && j->reduce_count == 0 && j->state == PB__JOB_STATE_PROTO__RUNNING) {
            j->state = PB__JOB_STATE_PROTO__COMMITTING;
            sched_finish(s, j);
        }
        rpc_reply(call, &r.base);
        sched_wake(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (rc < 0)
        rpc_fail(call, &err);
}

/* The job that a call asks for, the lock held; NULL: the call has had its answer, and the lock
 * is free. */
static struct job *lock_job(struct rpc_call *call, uint64_t epoch, uint32_t job)
{
    struct task_id id = {.epoch = epoch, .job = job};
    struct sched *s = call->ctx;
    char name[TASK_NAME_MAX];
    struct err err;
    struct job *j;

    pthread_mutex_lock(&s->lock);
    if ((j = sched_job(s, epoch, job)))
        return j;
    pthread_mutex_unlock(&s->lock);
    task_job_name(&id, name, sizeof name);
    err_set(&err, ERR_NOENT, "%s: the scheduler knows no such job", name);
    rpc_fail(call, &err);
    return NULL;
}

static void wait_for(struct sched *s, struct rpc_call *call, struct job *j, uint64_t seen,
                     uint32_t wait_ms, bool for_outputs)
{
    struct waiter *w = malloc(sizeof *w);
    struct err err;

    if (!w) {
        err_set(&err, ERR_NOMEM, "no memory to wait");
        rpc_fail(call, &err);
        return;
    }
    if (wait_ms > WAIT_HOLD_MAX_MS)
        wait_ms = WAIT_HOLD_MAX_MS;
    *w = (struct waiter){call,        j,         seen, sched_now(s), sched_now(s) + wait_ms,
                         for_outputs, s->waiters};
    s->waiters = w;
    answer_waiters(s, sched_now(s));
}

static void get_job(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__GetJobRequestProto *r = (const Pb__GetJobRequestProto *)m;
    struct sched *s = call->ctx;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);

    if (!j)
        return;
    wait_for(s, call, j, r->seen, r->waitms, false);
    pthread_mutex_unlock(&s->lock);
}

static void list_jobs(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct sched *s = call->ctx;
    Pb__ListJobsResponseProto r = PB__LIST_JOBS_RESPONSE_PROTO__INIT;
    Pb__JobStatusProto *list;

    (void)m;
    pthread_mutex_lock(&s->lock);
    list = arena_alloc(call->arena, ((size_t)s->job_count + 1) * sizeof *list);
    r.jobs = arena_alloc(call->arena, ((size_t)s->job_count + 1) * sizeof *r.jobs);
    for (struct job *j = s->jobs; j && list && r.jobs; j = j->next) {
        sched_job_status(j, call->arena, &list[r.n_jobs]);
        r.jobs[r.n_jobs] = &list[r.n_jobs];
        r.n_jobs++;
    }
    rpc_reply(call, &r.base);
    pthread_mutex_unlock(&s->lock);
}

static void kill_job(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__KillJobRequestProto *r = (const Pb__KillJobRequestProto *)m;
    Pb__KillJobResponseProto answer = PB__KILL_JOB_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);
    char why[300];

    if (!j)
        return;
    snprintf(why, sizeof why, "killed by %.200s", call->user);
    sched_job_kill(s, j, why);
    rpc_reply(call, &answer.base);
    sched_wake(s);
    pthread_mutex_unlock(&s->lock);
}

static const char *const attempt_states[] = {"assigned", "running", "succeeded",
                                             "failed",   "killed",  "lost"};

/* "10.0.0.3, 10.0.0.4 (/rack1)": addresses, without the names that stand beside them. */
static char *hosts_text(const Pb__SplitProto *sp, struct arena *arena)
{
    struct buf b;
    char *text;

    buf_init(&b, 4096);
    for (size_t h = 0; h < sp->n_hosts; h++)
        buf_printf(&b, "%s%s", h ? ", " : "", sp->hosts[h]);
    for (size_t r = 0; r < sp->n_racks; r++)
        buf_printf(&b, "%s%s%s", r ? ", " : " (", sp->racks[r], r + 1 == sp->n_racks ? ")" : "");
    text = arena_printf(arena, "%s", buf_cstr(&b) ? buf_cstr(&b) : "");
    buf_done(&b);
    return text;
}

static Pb__AttemptReportProto *report_proto(struct attempt *a, struct arena *arena)
{
    Pb__AttemptReportProto *p = arena_alloc(arena, sizeof *p);
    Pb__AttemptIdProto *id = arena_alloc(arena, sizeof *id);
    struct task_id tid;

    if (!p || !id)
        return NULL;
    sched_attempt_id(a, &tid);
    id_proto(&tid, id);
    pb__attempt_report_proto__init(p);
    p->id = id;
    p->state = (char *)(uintptr_t)attempt_states[a->state];
    p->worker = a->worker_name;
    p->failure = a->failure;
    p->status = a->status;
    p->has_stderrtail = a->tail_n > 0;
    p->stderrtail.data = (uint8_t *)a->tail;
    p->stderrtail.len = a->tail_n;
    p->locality = (char *)(uintptr_t)locality_names[a->locality];
    p->has_startedms = p->has_finishedms = 1;
    p->startedms = a->started_ms;
    p->finishedms = a->finished_ms;
    p->why = a->why;
    p->has_waitedms = 1;
    p->waitedms = a->waited_ms;
    p->has_speculative = 1;
    p->speculative = a->speculative;
    p->rack = a->worker ? arena_printf(arena, "%s", a->worker->rack) : NULL;
    if (!a->task->is_reduce) {
        const Pb__SplitProto *sp = a->task->job->submit->splits[a->task->index];

        p->split = arena_printf(arena, "%s:%llu+%llu", sp->path, (unsigned long long)sp->start,
                                (unsigned long long)sp->length);
        p->hosts = hosts_text(sp, arena);
    }
    return p;
}

static size_t add_reports(struct sched_task *tasks, uint32_t n, struct arena *arena,
                          Pb__AttemptReportProto **list, size_t at, size_t max)
{
    for (uint32_t i = 0; i < n; i++)
        for (struct attempt *a = tasks[i].attempts; a && at < max; a = a->next)
            if ((list[at] = report_proto(a, arena)))
                at++;
    return at;
}

size_t sched_attempt_reports(struct job *j, struct arena *a, Pb__AttemptReportProto **list,
                             size_t max)
{
    size_t n = add_reports(j->maps, j->map_count, a, list, 0, max);

    return add_reports(j->reduces, j->reduce_count, a, list, n, max);
}

static void get_attempts(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__GetAttemptsRequestProto *r = (const Pb__GetAttemptsRequestProto *)m;
    Pb__GetAttemptsResponseProto answer = PB__GET_ATTEMPTS_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    const size_t max = 20000;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);

    if (!j)
        return;
    answer.attempts = arena_alloc(call->arena, max * sizeof *answer.attempts);
    if (answer.attempts)
        answer.n_attempts = sched_attempt_reports(j, call->arena, answer.attempts, max);
    rpc_reply(call, &answer.base);
    pthread_mutex_unlock(&s->lock);
}

static void get_task(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__GetTaskRequestProto *r = (const Pb__GetTaskRequestProto *)m;
    Pb__GetTaskResponseProto answer = PB__GET_TASK_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);

    if (!j)
        return;
    answer.spec = j->submit->spec;
    answer.splits = j->submit->splits;
    answer.n_splits = j->submit->n_splits;
    rpc_reply(call, &answer.base);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the worker's calls ---- */

/* A worker is back under a new identity at an address of an old one: the old one is no more. */
static void replace_old(struct sched *s, const Pb__WorkerIdProto *id)
{
    struct worker *next;

    for (struct worker *w = s->workers; w; w = next) {
        next = w->next;
        if (memcmp(w->uuid, id->uuid.data, UUID_BYTES) != 0 && strcmp(w->shuffle, id->shuffle) == 0)
            sched_worker_lost(s, w, "the worker was started anew");
    }
}

/* After a restart of the scheduler workers tell what they run: it is taken over. */
static void adopt(struct sched *s, struct worker *w, const Pb__AttemptIdProto *p)
{
    struct task_id id;
    struct job *j = sched_job(s, p->epoch, p->job);
    struct sched_task *t;
    struct attempt *a;
    uint32_t next;

    task_id_from(p, &id);
    t = j ? sched_task_of(j, &id) : NULL;
    if (!t || t->state == TASK_DONE || j->state != PB__JOB_STATE_PROTO__RUNNING)
        return;
    next = t->next_number > id.attempt ? t->next_number : id.attempt + 1;
    t->next_number = id.attempt;
    a = sched_attempt_new(s, t, w,
                          t->is_reduce ? LOCAL_ANY : place_near(j->submit->splits[t->index], w),
                          "it ran when the scheduler came back");
    t->next_number = next;
    if (a)
        a->told = true;
}

static bool knows(const Pb__PollRequestProto *r, const struct task_id *id)
{
    for (size_t i = 0; i < r->n_known; i++) {
        struct task_id k;

        task_id_from(r->known[i], &k);
        if (task_id_equal(&k, id))
            return true;
    }
    return false;
}

/* Compares what the worker says it has with what it should have. */
static void reconcile(struct sched *s, struct worker *w, const Pb__PollRequestProto *r)
{
    struct attempt *next;

    for (struct attempt *a = w->promised; a; a = next) {
        struct task_id id;

        next = a->next_here;
        sched_attempt_id(a, &id);
        if (knows(r, &id))
            a->state = ATTEMPT_RUNNING;
        else if (a->state == ATTEMPT_ASSIGNED)
            a->told = false; /* the answer got lost on its way */
        else if (sched_now(s) - a->heard_ms > OVERTAKEN_MS)
            sched_attempt_failed(s, a, "its worker knows nothing of it any more", true);
    }
    for (size_t i = 0; i < r->n_known; i++) {
        struct job *j = sched_job(s, r->known[i]->epoch, r->known[i]->job);
        struct attempt *a;
        struct task_id id;

        task_id_from(r->known[i], &id);
        a = j ? sched_attempt(j, &id) : NULL;
        if (!a && r->first) {
            adopt(s, w, r->known[i]);
            a = j ? sched_attempt(j, &id) : NULL;
        }
        if (!a || (!sched_attempt_lives(a) && a->state != ATTEMPT_SUCCEEDED))
            sched_worker_kill_later(w, &id);
    }
}

/* Jobs whose files a worker still has though they ended while it or we were away. */
static void forget_ended(struct sched *s, struct worker *w, const Pb__PollRequestProto *r)
{
    for (size_t i = 0; i < r->n_jobs; i++) {
        struct job *j = sched_job(s, r->jobs[i]->epoch, r->jobs[i]->job);
        struct job gone = {.id = {.epoch = r->jobs[i]->epoch, .job = r->jobs[i]->job}};

        if (!j || sched_job_ended(j))
            sched_forget_here(w, j ? &j->id : &gone.id);
    }
}

static void poll(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__PollRequestProto *r = (const Pb__PollRequestProto *)m;
    Pb__PollResponseProto again = PB__POLL_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct worker *w;
    struct err err;
    bool was_alive;

    if (r->worker->uuid.len != UUID_BYTES) {
        err_set(&err, ERR_ARGUMENT, "a worker's id has %d bytes", UUID_BYTES);
        rpc_fail(call, &err);
        return;
    }
    pthread_mutex_lock(&s->lock);
    w = sched_worker(s, r->worker->uuid.data);
    if (!r->first && (!w || !w->alive)) {
        again.schedulerepoch = s->epoch;
        again.again = true;
        rpc_reply(call, &again.base);
        pthread_mutex_unlock(&s->lock);
        return;
    }
    if (r->first)
        replace_old(s, r->worker);
    w = sched_worker_add(s, r->worker);
    MUST(w);
    if (!w->alive)
        LOG_INFO("scheduler.worker", "worker=%s ip=%s rack=%s slots=%u", w->host, w->ip, w->rack,
                 w->slots);
    was_alive = w->alive;
    w->alive = true;
    w->last_seen_ms = sched_now(s);
    if (!was_alive)
        journal_workers_save(s);
    if (w->poll)
        answer_worker(s, w); /* a poll before this one, which nobody waits for any more */
    reconcile(s, w, r);
    if (s->settling)
        sched_worker_spoke(s, w->uuid);
    if (r->first)
        forget_ended(s, w, r);
    w->poll = call;
    w->poll_until_ms = w->last_seen_ms + POLL_HOLD_MS;
    sched_wake(s);
    pthread_mutex_unlock(&s->lock);
}

static void take_progress(struct attempt *a, const Pb__ReportRequestProto *r)
{
    if (r->has_permille && r->permille != a->permille)
        sched_attempt_progress(a, r->permille);
    if (r->status) {
        free(a->status);
        a->status = strdup(r->status);
    }
    if (r->has_stderrtail && r->stderrtail.len <= TAIL_MAX) {
        free(a->tail);
        a->tail = malloc(r->stderrtail.len + 1);
        a->tail_n = a->tail ? r->stderrtail.len : 0;
        if (a->tail_n)
            memcpy(a->tail, r->stderrtail.data, a->tail_n);
    }
}

static bool take_report(struct sched *s, struct attempt *a, const Pb__ReportRequestProto *r)
{
    bool lives = sched_attempt_lives(a);

    if (lives)
        take_progress(a, r);
    switch (r->outcome) {
    case PB__OUTCOME_PROTO__ALIVE:
        if (lives)
            a->state = ATTEMPT_RUNNING;
        return lives;
    case PB__OUTCOME_PROTO__DONE:
        if (lives)
            counters_unpack(&a->counters, r->counters, r->n_counters);
        return sched_attempt_done(s, a);
    case PB__OUTCOME_PROTO__TASK_FAILED:
        sched_attempt_failed(s, a, r->failure ? r->failure : "no reason given", r->blameless);
        return false;
    default:
        if (lives)
            sched_attempt_end(s, a, ATTEMPT_KILLED);
        return false;
    }
}

static bool hear_report(struct sched *s, const Pb__ReportRequestProto *r)
{
    struct task_id id;
    struct job *j;
    struct attempt *a;

    task_id_from(r->id, &id);
    j = sched_job(s, id.epoch, id.job);
    a = j ? sched_attempt(j, &id) : NULL;
    if (!a && j && r->worker.len == UUID_BYTES) { /* the scheduler restarted while it ran */
        struct worker *w = sched_worker(s, r->worker.data);

        if (w && w->alive)
            adopt(s, w, r->id);
        a = sched_attempt(j, &id);
    }
    return a && take_report(s, a, r);
}

static void report(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__ReportRequestProto *r = (const Pb__ReportRequestProto *)m;
    Pb__ReportResponseProto answer = PB__REPORT_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;

    pthread_mutex_lock(&s->lock);
    answer.wanted = hear_report(s, r);
    rpc_reply(call, &answer.base);
    sched_wake(s);
    pthread_mutex_unlock(&s->lock);
}

/* Many ends in one call; the slots that they free are filled by its answer. */
static void reports(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__ReportsRequestProto *r = (const Pb__ReportsRequestProto *)m;
    Pb__ReportsResponseProto answer = PB__REPORTS_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct worker *w;
    struct err err;

    answer.wanted = arena_alloc(call->arena, (r->n_reports + 1) * sizeof *answer.wanted);
    MUST(answer.wanted);
    pthread_mutex_lock(&s->lock);
    w = r->worker.len == UUID_BYTES ? sched_worker(s, r->worker.data) : NULL;
    if (!w || !w->alive) { /* after a restart: what it ran is only known from its first poll */
        pthread_mutex_unlock(&s->lock);
        err_set(&err, ERR_RETRIABLE, "this worker has not introduced itself yet");
        rpc_fail(call, &err);
        return;
    }
    for (size_t i = 0; i < r->n_reports; i++)
        answer.wanted[answer.n_wanted++] = hear_report(s, r->reports[i]);
    w->last_seen_ms = sched_now(s);
    w->asks = true;
    place_offer(s);
    w->asks = false;
    answer.n_start = fill_starts(w, call->arena, &answer.start);
    rpc_reply(call, &answer.base);
    sched_wake(s);
    pthread_mutex_unlock(&s->lock);
}

static void get_spec(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__GetSpecRequestProto *r = (const Pb__GetSpecRequestProto *)m;
    Pb__GetSpecResponseProto answer = PB__GET_SPEC_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);

    if (!j)
        return;
    answer.spec = j->submit->spec;
    rpc_reply(call, &answer.base);
    pthread_mutex_unlock(&s->lock);
}

static void map_outputs(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__MapOutputsRequestProto *r = (const Pb__MapOutputsRequestProto *)m;
    struct sched *s = call->ctx;
    struct job *j = lock_job(call, r->id->epoch, r->id->job);

    if (!j)
        return;
    wait_for(s, call, j, r->seen, r->waitms, true);
    pthread_mutex_unlock(&s->lock);
}

static void fetch_failed(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Pb__FetchFailedRequestProto *r = (const Pb__FetchFailedRequestProto *)m;
    Pb__FetchFailedResponseProto answer = PB__FETCH_FAILED_RESPONSE_PROTO__INIT;
    struct sched *s = call->ctx;
    struct task_id id;
    struct job *j;
    struct attempt *a;

    pthread_mutex_lock(&s->lock);
    task_id_from(r->map, &id);
    j = sched_job(s, id.epoch, id.job);
    a = j ? sched_attempt(j, &id) : NULL;
    if (a && a->task->winner == a) {
        LOG_WARN("scheduler.fetch", "job=%u map=%u worker=%s damaged=%d why=\"%s\" next=\"%s\"",
                 id.job, id.index, a->worker_name, r->damaged, r->why ? r->why : "",
                 r->damaged ? "run it again" : "count");
        if (r->damaged || ++a->task->fetch_failures >= 3)
            sched_map_lost(s, a->task, r->why ? r->why : "it can't be fetched");
    }
    rpc_reply(call, &answer.base);
    sched_wake(s);
    pthread_mutex_unlock(&s->lock);
}

#define METHOD(name_, type, fn, speed_)                                                            \
    {                                                                                              \
        .name = name_, .request = &pb__##type##__descriptor, .handle = fn, .speed = speed_         \
    }
static const struct rpc_method client_methods[] = {
    METHOD("submit", submit_job_request_proto, submit, RPC_SLOW),
    METHOD("getJob", get_job_request_proto, get_job, RPC_FAST),
    METHOD("listJobs", list_jobs_request_proto, list_jobs, RPC_FAST),
    METHOD("killJob", kill_job_request_proto, kill_job, RPC_FAST),
    METHOD("getAttempts", get_attempts_request_proto, get_attempts, RPC_FAST),
    METHOD("getTask", get_task_request_proto, get_task, RPC_FAST),
};
static const struct rpc_method worker_methods[] = {
    METHOD("poll", poll_request_proto, poll, RPC_FAST),
    METHOD("report", report_request_proto, report, RPC_FAST),
    METHOD("reports", reports_request_proto, reports, RPC_FAST),
    METHOD("getSpec", get_spec_request_proto, get_spec, RPC_FAST),
    METHOD("mapOutputs", map_outputs_request_proto, map_outputs, RPC_FAST),
    METHOD("fetchFailed", fetch_failed_request_proto, fetch_failed, RPC_FAST),
};

int sched_rpc_protocols(struct sched *s, struct rpc_protocol out[2])
{
    out[0] = (struct rpc_protocol){"ashlar.JobProtocol", 1, client_methods,
                                   sizeof client_methods / sizeof *client_methods, s};
    out[1] = (struct rpc_protocol){"ashlar.WorkerProtocol", 1, worker_methods,
                                   sizeof worker_methods / sizeof *worker_methods, s};
    return 2;
}
