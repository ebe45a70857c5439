/* worker_task.c -- one attempt on a worker: from the scheduler's word to its report. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/commit.h"
#include "compute/native.h"
#include "compute/worker_inner.h"

enum { SPEC_MAX = 64 << 20, SPLIT_MAX = 64 << 20, REPORT_MAX = 4 << 20, RETRY_MS = 100 };

void worker_attempt_proto(const struct task_id *id, Pb__AttemptIdProto *out)
{
    pb__attempt_id_proto__init(out);
    out->epoch = id->epoch;
    out->job = id->job;
    out->task = id->index;
    out->attempt = id->attempt;
    out->kind = id->is_reduce ? PB__TASK_KIND_PROTO__REDUCE : PB__TASK_KIND_PROTO__MAP;
}

/* ---- jobs ---- */

static struct worker_job *find_job(struct worker_daemon *w, const struct task_id *id)
{
    for (struct worker_job *j = w->jobs; j; j = j->next)
        if (j->id.job == id->job && j->id.epoch == id->epoch)
            return j;
    return NULL;
}

static struct worker_job *use_job(struct worker_daemon *w, const struct task_id *id)
{
    struct worker_job *j = find_job(w, id);

    if (!j) {
        j = calloc(1, sizeof *j);
        if (!j)
            return NULL;
        j->id = (struct task_id){.epoch = id->epoch, .job = id->job};
        arena_init(&j->arena, SPEC_MAX);
        j->next = w->jobs;
        w->jobs = j;
    }
    j->users++;
    return j;
}

static void drop_job(struct worker_daemon *w, struct worker_job *j)
{
    char dir[1024];

    for (struct worker_job **p = &w->jobs; *p; p = &(*p)->next)
        if (*p == j) {
            *p = j->next;
            break;
        }
    job_dir_path(w->dir, &j->id, dir, sizeof dir);
    job_dir_remove(dir, NULL);
    store_free(j->store);
    arena_done(&j->arena);
    free(j);
}

static void leave_job(struct worker_daemon *w, struct worker_job *j)
{
    if (--j->users == 0 && j->forgotten)
        drop_job(w, j);
}

void worker_job_forget(struct worker_daemon *w, const struct task_id *id)
{
    struct worker_job *j = find_job(w, id);

    for (struct running *r = w->running; r; r = r->next)
        if (r->job == j)
            atomic_store(&r->task.cancelled, true);
    if (j && j->users)
        j->forgotten = true;
    else if (j)
        drop_job(w, j);
}

static _Thread_local const struct bounds *new_owner;

static int give_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return lchown(path, new_owner->uid, new_owner->gid);
}

/* Shipped files belong to whom the programs run as. */
static int give_files(struct worker_daemon *w, struct worker_job *j, struct err *err)
{
    char dir[1024];
    int rc;

    j->owner = (struct bounds){0};
    rc = bounds_user(&j->owner, w->conf, j->spec->user, err);
    if (rc < 0 || !j->owner.as_user)
        return rc;
    job_dir_path(w->dir, &j->id, dir, sizeof dir);
    new_owner = &j->owner;
    if (nftw(dir, give_one, 16, FTW_PHYS) != 0)
        return err_sys(err, errno, "give %s to %s", dir, j->spec->user);
    return 0;
}

static int fetch_spec(struct worker_daemon *w, struct worker_job *j, struct err *err)
{
    Pb__GetSpecRequestProto r = PB__GET_SPEC_REQUEST_PROTO__INIT;
    Pb__JobIdProto id = PB__JOB_ID_PROTO__INIT;
    ProtobufCMessage *m;
    int rc;

    id.epoch = j->id.epoch;
    id.job = j->id.job;
    r.id = &id;
    rc = rpc_call_method(w->calls, "getSpec", &r.base, &pb__get_spec_response_proto__descriptor,
                         &j->arena, &m, err);
    if (rc < 0)
        return rc;
    j->spec = ((Pb__GetSpecResponseProto *)m)->spec;
    rc = j->store ? 0 : store_new(w->conf, NULL, j->spec->user, &j->store, err);
    if (rc == 0)
        rc = job_dir_make(w->dir, &j->id, j->spec, j->store, err);
    return rc < 0 ? rc : give_files(w, j, err);
}

/* The first attempt of a job fetches what the job is; others wait for it. */
static int ready_job(struct worker_daemon *w, struct worker_job *j, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&w->lock);
    while (j->state == JOB_FETCHING)
        pthread_cond_wait(&w->changed, &w->lock);
    if (j->state == JOB_NEW) {
        j->state = JOB_FETCHING;
        pthread_mutex_unlock(&w->lock);
        rc = fetch_spec(w, j, err);
        pthread_mutex_lock(&w->lock);
        j->state = rc == 0 ? JOB_READY : JOB_NEW;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

/* ---- running ---- */

/* As whom the attempt's programs run, and how much they get of the machine. */
static int set_bounds(struct running *r, struct err *err)
{
    struct task *t = &r->task;
    bool is_reduce = t->id.is_reduce;
    char name[TASK_NAME_MAX];

    t->bounds = r->job->owner;
    task_attempt_name(&t->id, name, sizeof name);
    bounds_limit(
        &t->bounds, &r->w->home, name,
        (uint64_t)spec_int(t->spec,
                           is_reduce ? "mapreduce.reduce.memory.mb" : "mapreduce.map.memory.mb", 0),
        (uint64_t)spec_int(
            t->spec, is_reduce ? "mapreduce.reduce.cpu.vcores" : "mapreduce.map.cpu.vcores", 0));
    if (t->bounds.as_user && chown(t->dir, t->bounds.uid, t->bounds.gid) < 0)
        return err_sys(err, errno, "give %s to %s", t->dir, t->spec->user);
    return 0;
}

static int run_bounded(struct task *t, struct err *err)
{
    int rc;

    if (native_wanted(t->spec))
        rc = t->id.is_reduce ? native_reduce_run(t, err) : native_map_run(t, err);
    else
        rc = t->id.is_reduce ? reduce_task_run(t, err) : map_task_run(t, err);
    if (rc < 0 && bounds_ran_out(&t->bounds)) {
        t->child.blamed = true;
        rc = err_set(err, ERR_REMOTE,
                     "its programs wanted more memory than %s allows: set it higher",
                     t->id.is_reduce ? "mapreduce.reduce.memory.mb" : "mapreduce.map.memory.mb");
    }
    return rc;
}

static int run(struct running *r, struct err *err)
{
    struct task *t = &r->task;
    int rc = ready_job(r->w, r->job, err);

    if (rc < 0)
        return rc;
    t->spec = r->job->spec;
    t->store = r->job->store;
    rc = job_dir_task(r->w->dir, &t->id, t->dir, sizeof t->dir, err);
    if (rc == 0)
        rc = commit_part_uri(t->spec, &t->id, t->part_uri, sizeof t->part_uri, err);
    if (rc == 0 && t->given_up)
        return task_give_nothing(t, err);
    if (rc == 0)
        rc = set_bounds(r, err);
    if (rc == 0)
        rc = run_bounded(t, err);
    bounds_done(&t->bounds);
    return rc;
}

/* Not the program's fault: the store, the scheduler or another worker was away. */
static bool blameless(const struct running *r, int rc)
{
    if (r->w->disk_bad)
        return true;
    if (r->task.child.blamed)
        return false;
    return rc == -ERR_CONNECT || rc == -ERR_CLOSED || rc == -ERR_TIMEOUT || rc == -ERR_SAFEMODE ||
           rc == -ERR_RETRIABLE || rc == -ERR_STANDBY || rc == -ERR_HOST ||
           rc == -ERR_BLOCK_MISSING || rc == -ERR_NOT_REPLICATED || rc == -ERR_CORRUPT;
}

static Pb__OutcomeProto outcome_of(const struct running *r, int rc)
{
    if (rc == 0)
        return PB__OUTCOME_PROTO__DONE;
    return atomic_load(&r->task.cancelled) ? PB__OUTCOME_PROTO__TASK_KILLED
                                           : PB__OUTCOME_PROTO__TASK_FAILED;
}

static void fill_report(struct running *r, int rc, const struct err *err, struct arena *a,
                        Pb__ReportRequestProto *p)
{
    struct task *t = &r->task;

    p->worker.data = r->w->uuid;
    p->worker.len = WORKER_UUID_BYTES;
    p->outcome = outcome_of(r, rc);
    p->n_counters = counters_pack(&t->counters, a, &p->counters);
    p->status = t->status;
    p->has_stderrtail = t->child.tail_n > 0;
    p->stderrtail.data = (uint8_t *)t->child.tail;
    p->stderrtail.len = t->child.tail_n;
    if (rc < 0)
        p->failure = (char *)(uintptr_t)err->text;
    p->has_blameless = 1;
    p->blameless = rc < 0 && blameless(r, rc);
}

/* One call for all of @list; again until the scheduler has heard it. */
static void tell(struct worker_daemon *w, struct ended *list)
{
    Pb__ReportsRequestProto p = PB__REPORTS_REQUEST_PROTO__INIT;
    Pb__ReportsResponseProto *r = NULL;
    struct arena answer;
    ProtobufCMessage *m;
    size_t n = 0;
    int rc = -1;

    for (struct ended *e = list; e; e = e->next)
        n++;
    p.worker.data = w->uuid;
    p.worker.len = WORKER_UUID_BYTES;
    p.reports = calloc(n + 1, sizeof *p.reports);
    MUST(p.reports);
    for (struct ended *e = list; e; e = e->next)
        p.reports[p.n_reports++] = (Pb__ReportRequestProto *)(uintptr_t)e->report;
    arena_init(&answer, REPORT_MAX);
    while (rc < 0 && !w->stopping) {
        rc = rpc_call_method(w->calls, "reports", &p.base, &pb__reports_response_proto__descriptor,
                             &answer, &m, NULL);
        if (rc < 0)
            usleep(RETRY_MS * 1000);
    }
    if (rc == 0)
        r = (Pb__ReportsResponseProto *)m;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; list; i++) {
        struct ended *next = list->next; /* once it is told it is gone */

        list->wanted = r && i < r->n_wanted && r->wanted[i];
        list->told = true;
        list = next;
    }
    for (size_t i = 0; r && i < r->n_start; i++)
        worker_task_start(w, r->start[i]);
    pthread_mutex_unlock(&w->lock);
    free(p.reports);
    arena_done(&answer);
}

/* Whoever comes first tells; those who come meanwhile go together in the next call. */
static bool report_end(struct running *r, int task_rc, const struct err *task_err)
{
    Pb__ReportRequestProto p = PB__REPORT_REQUEST_PROTO__INIT;
    struct worker_daemon *w = r->w;
    struct ended e = {.report = &p};
    Pb__AttemptIdProto id;
    struct arena a;

    arena_init(&a, REPORT_MAX);
    worker_attempt_proto(&r->task.id, &id);
    p.id = &id;
    fill_report(r, task_rc, task_err, &a, &p);
    pthread_mutex_lock(&w->lock);
    e.next = w->ended;
    w->ended = &e;
    while (!e.told) {
        struct ended *list = w->ended;

        if (w->telling) {
            pthread_cond_wait(&w->told, &w->lock);
            continue;
        }
        w->telling = true;
        w->ended = NULL;
        pthread_mutex_unlock(&w->lock);
        tell(w, list);
        pthread_mutex_lock(&w->lock);
        w->telling = false;
        pthread_cond_broadcast(&w->told);
    }
    pthread_mutex_unlock(&w->lock);
    arena_done(&a);
    return e.wanted;
}

int worker_report_alive(struct worker_daemon *w, const struct task_id *tid, uint32_t permille,
                        const char *status)
{
    Pb__ReportRequestProto p = PB__REPORT_REQUEST_PROTO__INIT;
    Pb__AttemptIdProto id;
    struct arena a;
    ProtobufCMessage *m;
    int rc;

    arena_init(&a, REPORT_MAX);
    worker_attempt_proto(tid, &id);
    p.id = &id;
    p.worker.data = w->uuid;
    p.worker.len = WORKER_UUID_BYTES;
    p.outcome = PB__OUTCOME_PROTO__ALIVE;
    p.has_permille = 1;
    p.permille = permille;
    p.status = (char *)(uintptr_t)(*status ? status : NULL);
    rc = rpc_call_method(w->calls, "report", &p.base, &pb__report_response_proto__descriptor, &a,
                         &m, NULL);
    arena_done(&a);
    return rc;
}

static void unlink_running(struct running *r)
{
    for (struct running **p = &r->w->running; *p; p = &(*p)->next)
        if (*p == r) {
            *p = r->next;
            return;
        }
}

/* What a program said beyond what a report takes goes into the store. */
static void keep_long_log(struct running *r)
{
    const char *base = conf_text(r->w->conf, OPT_sched_store_dir);
    char local[1100], uri[STORE_URI_MAX], job[TASK_NAME_MAX], name[TASK_NAME_MAX];
    struct store *store = NULL; /* the worker's own: the directory is no user's */
    struct store_file *f;
    char *text;
    size_t n;
    int rc;

    snprintf(local, sizeof local, "%s.stderr", r->task.dir);
    if (r->task.child.tail_n < CHILD_TAIL || !*base || strcmp(base, "none") == 0 ||
        !r->job->store ||
        env_read_file(env_posix(), local, CHILD_LOG_MAX + CHILD_TAIL, &text, &n, NULL) < 0)
        return;
    task_job_name(&r->task.id, job, sizeof job);
    task_attempt_name(&r->task.id, name, sizeof name);
    snprintf(uri, sizeof uri, "%s/logs/%s", base, job);
    rc = store_new(r->w->conf, NULL, NULL, &store, NULL);
    if (rc == 0)
        rc = store_mkdirs(store, uri, NULL);
    snprintf(uri, sizeof uri, "%s/logs/%s/%s", base, job, name);
    if (rc == 0 && store_create(store, uri, &f, NULL) == 0) {
        if (store_write(f, text, n, NULL) == 0)
            store_close_writer(f, NULL);
        else
            store_abandon(f);
    }
    store_free(store);
    free(text);
}

static void *attempt_main(void *ctx)
{
    struct running *r = ctx;
    struct worker_daemon *w = r->w;
    struct task *t = &r->task;
    char name[TASK_NAME_MAX], dir[1024];
    struct err err = {0};
    bool wanted;
    int rc = run(r, &err);

    task_attempt_name(&t->id, name, sizeof name);
    snprintf(dir, sizeof dir, "%s", t->dir);
    if (rc < 0) {
        w->tasks_failed++;
        LOG_WARN("worker.task", "attempt=%s err=\"%s\" next=\"report it\"", name, err.text);
    }
    keep_long_log(r);
    /* What it read from is needed no more; output that others may fetch stays. */
    if (*dir && (rc < 0 || t->id.is_reduce || !t->reduces))
        job_dir_remove(dir, NULL);
    if (rc < 0 && !atomic_load(&t->cancelled))
        worker_disk_works(w); /* what it wrote is gone: a disk that is bad now is not its fault */
    wanted = report_end(r, rc, &err);
    if (*dir && !wanted)
        job_dir_remove(dir, NULL);
    pthread_mutex_lock(&w->lock);
    unlink_running(r);
    leave_job(w, r->job);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    arena_done(&r->arena);
    task_done(t);
    free(r);
    return NULL;
}

static Pb__SplitProto *copy_split(struct arena *a, const Pb__SplitProto *s)
{
    size_t n = pb__split_proto__get_packed_size(s);
    uint8_t *bytes = arena_alloc(a, n + 1);

    if (!bytes)
        return NULL;
    pb__split_proto__pack(s, bytes);
    return pb__split_proto__unpack(&a->pb, n, bytes);
}

static struct running *new_running(struct worker_daemon *w, const struct task_id *id,
                                   const Pb__StartTaskProto *p)
{
    struct running *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->w = w;
    arena_init(&r->arena, SPLIT_MAX);
    task_init(&r->task);
    r->task.id = *id;
    r->task.maps = p->maps;
    r->task.reduces = p->reduces;
    r->task.env = env_posix();
    r->task.conf = w->conf;
    r->task.fetch = worker_fetch;
    r->task.owner = r;
    r->task.given_up = p->givenup;
    r->task.split = r->split = p->split ? copy_split(&r->arena, p->split) : NULL;
    r->job = use_job(w, id);
    if (r->job && (id->is_reduce || r->split))
        return r;
    if (r->job)
        leave_job(w, r->job);
    arena_done(&r->arena);
    task_done(&r->task);
    free(r);
    return NULL;
}

void worker_task_start(struct worker_daemon *w, const Pb__StartTaskProto *p)
{
    struct task_id id;
    struct running *r;
    pthread_t thread;

    task_id_from(p->id, &id);
    for (r = w->running; r; r = r->next)
        if (task_id_equal(&r->task.id, &id))
            return;
    r = new_running(w, &id, p);
    if (!r) {
        LOG_ERROR("worker.task", "task=%u err=\"no memory\" next=\"the scheduler asks again\"",
                  id.index);
        return;
    }
    r->next = w->running;
    w->running = r;
    w->tasks_started++;
    MUST(pthread_create(&thread, NULL, attempt_main, r) == 0);
    pthread_detach(thread);
}

void worker_task_kill(struct worker_daemon *w, const struct task_id *id)
{
    for (struct running *r = w->running; r; r = r->next)
        if (task_id_equal(&r->task.id, id))
            atomic_store(&r->task.cancelled, true);
}
