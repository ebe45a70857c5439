/* sched_journal.c -- what of a job survives the scheduler.
 *
 * Each job has a file DIR/job_EPOCH_N.log: the submission, each task that was done or lost again, and
 * the states it went to.  Records are framed and checked (docs/formats/job-journal.md).  The
 * submission and the change to COMMITTING are on disk before anyone hears of them; task
 * records are written but not synced: losing one only runs a task again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/log.h"
#include "compute/sched.h"

enum { HEAD_BYTES = 8, RECORD_BYTES_MAX = 1 << 29, FILE_BYTES_MAX = 1 << 30 };
enum { ATTEMPTS_A_START = 1000 };

static void path_of(const struct sched *s, const struct job *j, char *out, size_t n)
{
    char name[TASK_NAME_MAX];

    task_job_name(&j->id, name, sizeof name);
    snprintf(out, n, "%s/%s.log", s->dir, name);
}

static uint32_t crc_of(const uint8_t *bytes, size_t n)
{
    return ~crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)n, 0xffffffff);
}

static int append(struct job *j, const Pb__JournalProto *record, bool durable, struct err *err)
{
    size_t n = pb__journal_proto__get_packed_size(record);
    uint8_t *bytes;
    int rc = 0;

    if (j->journal_fd < 0)
        return 0;
    if (n > RECORD_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a journal record of %zu bytes", n);
    bytes = malloc(HEAD_BYTES + n);
    if (!bytes)
        return err_set(err, ERR_NOMEM, "no memory for a journal record");
    pb__journal_proto__pack(record, bytes + HEAD_BYTES);
    put_be(bytes, n, 4);
    put_be(bytes + 4, crc_of(bytes + HEAD_BYTES, n), 4);
    if (write(j->journal_fd, bytes, HEAD_BYTES + n) != (ssize_t)(HEAD_BYTES + n))
        rc = err_sys(err, errno, "the job's journal");
    free(bytes);
    if (rc == 0 && durable && fdatasync(j->journal_fd) < 0)
        rc = err_sys(err, errno, "the job's journal");
    return rc;
}

static int open_journal(struct sched *s, struct job *j, struct err *err)
{
    char path[1200];

    path_of(s, j, path, sizeof path);
    j->journal_fd = env_open(s->env, path, O_CREAT | O_APPEND | O_WRONLY, 0600, err);
    return j->journal_fd < 0 ? j->journal_fd : 0;
}

int journal_begin(struct sched *s, struct job *j, const Pb__SubmitJobRequestProto *r,
                  struct err *err)
{
    Pb__JobIdProto id = PB__JOB_ID_PROTO__INIT;
    Pb__JournalProto record = PB__JOURNAL_PROTO__INIT;
    int rc = open_journal(s, j, err);

    id.epoch = j->id.epoch;
    id.job = j->id.job;
    record.id = &id;
    record.submit = (Pb__SubmitJobRequestProto *)(uintptr_t)r;
    record.has_timems = 1;
    record.timems = j->submitted_ms;
    if (rc == 0)
        rc = append(j, &record, true, err);
    if (rc == 0)
        rc = env_sync_dir(s->env, s->dir, err);
    if (rc < 0)
        journal_remove(s, j);
    return rc;
}

static void attempt_proto(const struct attempt *a, Pb__AttemptIdProto *out)
{
    struct task_id id;

    sched_attempt_id(a, &id);
    pb__attempt_id_proto__init(out);
    out->epoch = id.epoch;
    out->job = id.job;
    out->task = id.index;
    out->attempt = id.attempt;
    out->kind = id.is_reduce ? PB__TASK_KIND_PROTO__REDUCE : PB__TASK_KIND_PROTO__MAP;
}

static void warn(const struct job *j, const struct err *err)
{
    LOG_WARN("scheduler.journal", "job=%u err=\"%s\" next=\"go on; a restart runs the task again\"",
             j->id.job, err->text);
}

void journal_task_done(struct sched *s, struct job *j, const struct attempt *a)
{
    Pb__JournalProto record = PB__JOURNAL_PROTO__INIT;
    Pb__TaskDoneProto done = PB__TASK_DONE_PROTO__INIT;
    Pb__AttemptIdProto id;
    Pb__WorkerIdProto w = PB__WORKER_ID_PROTO__INIT;
    struct arena arena;
    struct err err = {0};

    (void)s;
    arena_init(&arena, 1 << 20);
    attempt_proto(a, &id);
    w.uuid.data = a->worker->uuid;
    w.uuid.len = UUID_BYTES;
    w.host = a->worker->host;
    w.ip = a->worker->ip;
    w.shuffle = a->worker->shuffle;
    w.rack = a->worker->rack;
    w.rpc = a->worker->rpc;
    w.slots = a->worker->slots;
    done.id = &id;
    done.worker = &w;
    done.n_counters = counters_pack(&a->counters, &arena, &done.counters);
    done.locality = (char *)(a->locality == LOCAL_NODE   ? "node"
                             : a->locality == LOCAL_RACK ? "rack"
                                                         : "any");
    record.done = &done;
    if (append(j, &record, false, &err) < 0)
        warn(j, &err);
    arena_done(&arena);
}

void journal_task_lost(struct sched *s, struct job *j, const struct attempt *a)
{
    Pb__JournalProto record = PB__JOURNAL_PROTO__INIT;
    Pb__AttemptIdProto id;
    struct err err = {0};

    (void)s;
    attempt_proto(a, &id);
    record.lost = &id;
    if (append(j, &record, false, &err) < 0)
        warn(j, &err);
}

int journal_state(struct sched *s, struct job *j, Pb__JobStateProto state, struct err *err)
{
    Pb__JournalProto record = PB__JOURNAL_PROTO__INIT;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    record.has_state = 1;
    record.state = state;
    record.has_timems = 1;
    record.timems = env_now_ms(s->env);
    record.failure = j->failure;
    record.n_counters = counters_pack(&j->counters, &arena, &record.counters);
    rc = append(j, &record, true, err);
    arena_done(&arena);
    return rc;
}

void journal_remove(struct sched *s, struct job *j)
{
    char path[1200];

    if (j->journal_fd >= 0)
        env_close(s->env, j->journal_fd, NULL);
    j->journal_fd = -1;
    path_of(s, j, path, sizeof path);
    env_unlink(s->env, path, NULL);
}

/* ---- who is there ---- */

void journal_workers_save(struct sched *s)
{
    char path[1200], fresh[1210];
    FILE *f;

    snprintf(path, sizeof path, "%s/workers", s->dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    f = *s->dir ? fopen(fresh, "we") : NULL;
    if (!f)
        return;
    for (const struct worker *w = s->workers; w; w = w->next)
        if (w->alive)
            fwrite(w->uuid, UUID_BYTES, 1, f);
    if (fclose(f) == 0)
        env_rename(s->env, fresh, path, NULL);
}

void journal_workers_load(struct sched *s)
{
    char path[1200], *text;
    size_t n;

    snprintf(path, sizeof path, "%s/workers", s->dir);
    if (env_read_file(s->env, path, 1 << 20, &text, &n, NULL) < 0)
        return;
    s->awaited = malloc(n + UUID_BYTES);
    if (s->awaited) {
        memcpy(s->awaited, text, n);
        s->awaited_count = n / UUID_BYTES;
    }
    free(text);
}

/* ---- reading it again ---- */

static void replay_done(struct sched *s, struct job *j, const Pb__TaskDoneProto *d)
{
    struct task_id id;
    struct sched_task *t;
    struct worker *w;
    struct attempt *a;
    enum locality where;

    task_id_from(d->id, &id);
    t = sched_task_of(j, &id);
    if (!t || t->state != TASK_WAITING || d->worker->uuid.len != UUID_BYTES ||
        !(w = sched_worker_add(s, d->worker)))
        return;
    t->next_number = id.attempt;
    where = !d->locality || strcmp(d->locality, "any") == 0 ? LOCAL_ANY
            : strcmp(d->locality, "node") == 0              ? LOCAL_NODE
                                                            : LOCAL_RACK;
    a = sched_attempt_new(s, t, w, where, "before the scheduler restarted");
    MUST(a);
    counters_unpack(&a->counters, d->counters, d->n_counters);
    sched_attempt_done(s, a);
}

static void replay_lost(struct sched *s, struct job *j, const Pb__AttemptIdProto *p)
{
    struct task_id id;
    struct attempt *a;

    task_id_from(p, &id);
    a = sched_attempt(j, &id);
    if (a && !a->task->is_reduce && a->task->winner == a)
        sched_map_lost(s, a->task, "as before the restart");
}

/* The record of a task may be missing, as the disk was full for a while: what was lost runs again, and the job is
 * committed after that. */
static bool can_become(const struct job *j, Pb__JobStateProto state)
{
    switch (state) {
    case PB__JOB_STATE_PROTO__COMMITTING:
        return j->maps_done == j->map_count && j->reduces_done == j->reduce_count;
    case PB__JOB_STATE_PROTO__SUCCEEDED:
    case PB__JOB_STATE_PROTO__FAILED:
    case PB__JOB_STATE_PROTO__KILLED: return true;
    default: return false;
    }
}

static void replay_state(struct job *j, const Pb__JournalProto *r)
{
    j->state = r->state;
    if (r->failure) {
        free(j->failure);
        j->failure = strdup(r->failure);
    }
    if (!sched_job_ended(j))
        return;
    j->finished_ms = r->timems;
    counters_done(&j->counters);
    counters_unpack(&j->counters, r->counters, r->n_counters);
}

static struct job *replay_submit(struct sched *s, const Pb__JournalProto *r)
{
    struct task_id id = {.epoch = r->id->epoch, .job = r->id->job};
    struct job *j = sched_job_new(s, &id, r->submit, NULL);

    if (j)
        j->submitted_ms = r->timems;
    return j;
}

static void replay(struct sched *s, struct job **j, const Pb__JournalProto *r)
{
    if (!*j) {
        if (r->submit && r->id)
            *j = replay_submit(s, r);
        return;
    }
    if (r->done)
        replay_done(s, *j, r->done);
    if (r->lost)
        replay_lost(s, *j, r->lost);
    if (r->has_state && can_become(*j, r->state))
        replay_state(*j, r);
    if (r->has_restarts)
        (*j)->restarts = r->restarts;
}

/* What comes after the first record that is cut or damaged was not promised. */
size_t journal_replay(struct sched *s, const uint8_t *bytes, size_t n, struct job **j)
{
    size_t at = 0;

    while (n - at >= HEAD_BYTES) {
        uint32_t k = (uint32_t)get_be(bytes + at, 4);
        Pb__JournalProto *r;

        if (k > n - at - HEAD_BYTES ||
            crc_of(bytes + at + HEAD_BYTES, k) != get_be(bytes + at + 4, 4))
            break;
        r = pb__journal_proto__unpack(NULL, k, bytes + at + HEAD_BYTES);
        if (!r)
            break;
        replay(s, j, r);
        pb__journal_proto__free_unpacked(r, NULL);
        at += HEAD_BYTES + k;
    }
    return at;
}

/* A worker that is away may run attempts that no journal knows of: those that begin from now on must not have their
 * names.  As Hadoop does, each restart numbers them from a thousand more. */
static void take_over(struct job *j)
{
    Pb__JournalProto record = PB__JOURNAL_PROTO__INIT;
    struct err err = {0};
    uint32_t base;

    j->restarts++;
    base = j->restarts * ATTEMPTS_A_START;
    for (uint32_t i = 0; i < j->map_count; i++)
        if (j->maps[i].next_number < base)
            j->maps[i].next_number = base;
    for (uint32_t i = 0; i < j->reduce_count; i++)
        if (j->reduces[i].next_number < base)
            j->reduces[i].next_number = base;
    record.has_restarts = 1;
    record.restarts = j->restarts;
    if (append(j, &record, true, &err) < 0)
        warn(j, &err);
}

static void link_job(struct sched *s, struct job *j)
{
    struct job **p = &s->jobs;

    while (*p && (*p)->submitted_ms <= j->submitted_ms)
        p = &(*p)->next;
    j->next = *p;
    *p = j;
    if (!j->next)
        s->newest = j;
    s->job_count++;
    if (j->state == PB__JOB_STATE_PROTO__RUNNING)
        sched_job_activate(s, j);
}

static int load_one(struct sched *s, const char *name, struct err *err)
{
    char path[1400], *text;
    struct job *j = NULL;
    size_t n, good;
    int rc;

    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    rc = env_read_file(s->env, path, FILE_BYTES_MAX, &text, &n, err);
    if (rc < 0)
        return rc;
    good = journal_replay(s, (const uint8_t *)text, n, &j);
    free(text);
    if (!j) {
        LOG_WARN("scheduler.journal", "file=%s err=\"no job in it\" next=\"leave it\"", path);
        return 0;
    }
    if (good < n)
        LOG_WARN("scheduler.journal", "file=%s bytes=%zu good=%zu next=\"go on from there\"", path,
                 n, good);
    if (good < n && truncate(path, (off_t)good) < 0)
        LOG_WARN("scheduler.journal", "file=%s err=\"can't be cut\" next=\"go on\"", path);
    rc = sched_job_ended(j) ? 0 : open_journal(s, j, err);
    if (rc == 0 && !sched_job_ended(j))
        take_over(j);
    link_job(s, j);
    return rc;
}

int journal_load(struct sched *s, struct err *err)
{
    DIR *d;
    struct dirent *e;
    int rc = env_mkdirs(s->env, s->dir, 0700, err);

    if (rc < 0)
        return rc;
    d = opendir(s->dir);
    if (!d)
        return err_sys(err, errno, "%s", s->dir);
    while (rc == 0 && (e = readdir(d))) {
        size_t n = strlen(e->d_name);

        if (n > 4 && strcmp(e->d_name + n - 4, ".log") == 0)
            rc = load_one(s, e->d_name, err);
    }
    closedir(d);
    return rc;
}
