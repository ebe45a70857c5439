#include "compute/job_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/env.h"
#include "compute/job_json.h"
#include "compute/job_print.h"
#include "proto/rpc_client.h"

enum { ARENA_MAX = 1 << 30, TOKEN_BYTES = 16, WAIT_MS = 2000, RETRY_MS = 200, SUBMIT_TRIES = 50 };

void job_scheduler_address(const struct conf *conf, char *out, size_t n)
{
    const char *text = conf_text(conf, OPT_sched_address);

    snprintf(out, n, "%s", *text ? text : "127.0.0.1:8032");
    if (strncmp(out, "0.0.0.0:", 8) == 0)
        snprintf(out, n, "127.0.0.1:%s", text + 8);
}

struct client {
    struct rpc_client *rpc;
    struct arena arena; /* of one answer */
};

static int client_open(struct client *c, const struct conf *conf, struct err *err)
{
    char address[300];
    struct rpc_client_options o = {.address = address,
                                   .protocol = "ashlar.JobProtocol",
                                   .version = 1,
                                   .connect_timeout_ms = 5000,
                                   .call_timeout_ms = 60000,
                                   .idle_timeout_ms = 60000};

    job_scheduler_address(conf, address, sizeof address);
    o.user = getenv("HADOOP_USER_NAME") ?: (getenv("USER") ?: "root");
    arena_init(&c->arena, ARENA_MAX);
    return rpc_client_new(&o, &c->rpc, err);
}

static void client_close(struct client *c)
{
    rpc_client_free(c->rpc);
    arena_done(&c->arena);
}

static int ask(struct client *c, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *type, void *out, struct err *err)
{
    ProtobufCMessage *m;
    int rc;

    arena_reset(&c->arena);
    rc = rpc_call_method(c->rpc, method, request, type, &c->arena, &m, err);
    if (rc == 0)
        *(ProtobufCMessage **)out = m;
    return rc;
}

/* The scheduler is away, which passes; anything else it said itself. */
static bool is_away(int rc)
{
    return rc == -ERR_CONNECT || rc == -ERR_CLOSED || rc == -ERR_TIMEOUT || rc == -ERR_IO;
}

static void job_proto(const struct task_id *id, Pb__JobIdProto *out)
{
    pb__job_id_proto__init(out);
    out->epoch = id->epoch;
    out->job = id->job;
}

/* ---- run ---- */

static int submit(struct client *c, Pb__JobSpecProto *spec, Pb__SplitProto **splits, size_t n,
                  struct task_id *out, struct err *err)
{
    uint8_t token[TOKEN_BYTES];
    Pb__SubmitJobRequestProto r = PB__SUBMIT_JOB_REQUEST_PROTO__INIT;
    Pb__SubmitJobResponseProto *answer = NULL;
    int rc = -ERR_CONNECT;

    env_random(env_posix(), token, sizeof token);
    r.spec = spec;
    r.splits = splits;
    r.n_splits = n;
    r.has_token = 1;
    r.token.data = token;
    r.token.len = sizeof token;
    /* The token makes it safe to ask again when the answer got lost. */
    for (int i = 0; i < SUBMIT_TRIES && is_away(rc); i++) {
        if (i == 1)
            fprintf(stderr, "job: %s; trying on\n", err->text);
        if (i)
            usleep(RETRY_MS * 1000);
        rc = ask(c, "submit", &r.base, &pb__submit_job_response_proto__descriptor, &answer, err);
    }
    if (rc == 0)
        *out = (struct task_id){.epoch = answer->id->epoch, .job = answer->id->job};
    return rc;
}

static int get_status(struct client *c, const struct task_id *id, uint64_t seen, uint32_t wait_ms,
                      Pb__JobStatusProto **out, struct err *err)
{
    Pb__GetJobRequestProto r = PB__GET_JOB_REQUEST_PROTO__INIT;
    Pb__GetJobResponseProto *answer;
    Pb__JobIdProto jid;
    int rc;

    job_proto(id, &jid);
    r.id = &jid;
    r.has_seen = r.has_waitms = 1;
    r.seen = seen;
    r.waitms = wait_ms;
    rc = ask(c, "getJob", &r.base, &pb__get_job_response_proto__descriptor, &answer, err);
    if (rc == 0)
        *out = answer->status;
    return rc;
}

static bool ended(const Pb__JobStatusProto *s)
{
    return s->state == PB__JOB_STATE_PROTO__SUCCEEDED || s->state == PB__JOB_STATE_PROTO__FAILED ||
           s->state == PB__JOB_STATE_PROTO__KILLED;
}

/* Waits for the end of the job; a scheduler that is away is waited for, too. */
static int follow(struct client *c, const struct task_id *id, Pb__JobStatusProto **out,
                  struct err *err)
{
    struct progress_line line = {0};
    uint64_t seen = 0;
    bool away = false;
    int rc;

    for (;;) {
        rc = get_status(c, id, seen, WAIT_MS, out, err);
        if (is_away(rc)) {
            if (!away)
                fprintf(stderr, "job: the scheduler is away (%s); waiting for it\n", err->text);
            away = true;
            usleep(RETRY_MS * 1000);
            seen = 0;
            continue;
        }
        if (rc < 0)
            return rc;
        away = false;
        seen = (*out)->version;
        print_progress(&line, (*out)->mappermille, (*out)->reducepermille);
        if (ended(*out))
            return 0;
    }
}

static int tell_end(const struct task_id *id, const Pb__JobStatusProto *s)
{
    char name[TASK_NAME_MAX];

    task_job_name(id, name, sizeof name);
    if (s->state == PB__JOB_STATE_PROTO__SUCCEEDED) {
        print_say("mapreduce.Job", "Job %s completed successfully", name);
        print_counters(stderr, "mapreduce.Job", s->counters, s->n_counters);
        print_say("streaming.StreamJob", "Output directory: %s", s->output);
        return 0;
    }
    if (print_is_as_hadoop())
        print_say("mapreduce.Job", "Job %s failed with state %s due to: %s", name,
                  s->state == PB__JOB_STATE_PROTO__KILLED ? "KILLED" : "FAILED",
                  s->failure ? s->failure : "");
    print_counters(stderr, "mapreduce.Job", s->counters, s->n_counters);
    if (print_is_as_hadoop())
        print_say("streaming.StreamJob",
                  "Job not successful! Nothing of it is in %s\nStreaming Command Failed!",
                  s->output);
    else
        fprintf(stderr, "Job %s %s: %s\nJob not successful! Nothing of it is in %s\n", name,
                s->state == PB__JOB_STATE_PROTO__KILLED ? "was killed" : "failed",
                s->failure ? s->failure : "", s->output);
    return 1;
}

int job_client_run(const struct conf *conf, Pb__JobSpecProto *spec, Pb__SplitProto **splits,
                   size_t split_count, bool background)
{
    struct client c;
    struct err err = {0};
    struct task_id id;
    Pb__JobStatusProto *status;
    char name[TASK_NAME_MAX];
    int rc = client_open(&c, conf, &err);

    if (rc == 0)
        rc = submit(&c, spec, splits, split_count, &id, &err);
    if (rc < 0) {
        fprintf(stderr, "job: Error Launching job : %s\n%s", err.text,
                print_is_as_hadoop() ? "Streaming Command Failed!\n" : "");
        client_close(&c);
        return 5;
    }
    task_job_name(&id, name, sizeof name);
    if (print_is_as_hadoop())
        print_say("impl.YarnClientImpl", "Submitted application application%s", name + 3);
    print_say("mapreduce.Job", "Running job: %s", name);
    if (background) {
        printf("%s\n", name);
        client_close(&c);
        return 0;
    }
    rc = follow(&c, &id, &status, &err);
    if (rc < 0)
        fprintf(stderr, "job: %s: %s\n", name, err.text);
    rc = rc < 0 ? 1 : tell_end(&id, status);
    client_close(&c);
    return rc;
}

static int wait_for(struct client *c, const char *name, struct err *err)
{
    struct task_id id;
    Pb__JobStatusProto *s = NULL;
    uint64_t seen = 0;
    int rc;

    if (!task_job_parse(name, &id))
        return err_set(err, ERR_ARGUMENT, "-after %s: no job's id (job_...)", name);
    do {
        rc = get_status(c, &id, seen, WAIT_MS, &s, err);
        if (is_away(rc))
            usleep(RETRY_MS * 1000);
        else if (rc < 0)
            return rc;
        else
            seen = s->version;
    } while (is_away(rc) || !ended(s));
    if (s->state != PB__JOB_STATE_PROTO__SUCCEEDED)
        return err_set(err, ERR_STATE, "-after %s: that job did not succeed", name);
    return 0;
}

int job_client_after(const struct conf *conf, const char *jobs, struct err *err)
{
    char *copy = strdup(jobs), *save = NULL;
    struct client c;
    int rc = copy ? client_open(&c, conf, err) : err_set(err, ERR_NOMEM, "no memory");

    if (!copy)
        return rc;
    for (char *name = strtok_r(copy, ",", &save); name && rc == 0;
         name = strtok_r(NULL, ",", &save))
        rc = wait_for(&c, name, err);
    client_close(&c);
    free(copy);
    return rc;
}

/* ---- the other commands ---- */

static int fail(const char *what, const struct err *err)
{
    fprintf(stderr, "job: %s: %s\n", what, err->text);
    return 1;
}

int job_list_main(const struct conf *conf, int argc, char **argv)
{
    Pb__ListJobsRequestProto r = PB__LIST_JOBS_REQUEST_PROTO__INIT;
    Pb__ListJobsResponseProto *answer = NULL;
    struct client c;
    struct err err = {0};
    int rc = client_open(&c, conf, &err);

    (void)argc;
    (void)argv;
    if (rc == 0)
        rc = ask(&c, "listJobs", &r.base, &pb__list_jobs_response_proto__descriptor, &answer, &err);
    if (rc < 0) {
        client_close(&c);
        return fail("list", &err);
    }
    printf("%-26s %-10s %-12s %4s %5s  %-19s  %s\n", "JOB", "STATE", "USER", "MAP", "RED.",
           "SUBMITTED", "NAME");
    for (size_t i = 0; i < answer->n_jobs; i++)
        print_job_row(stdout, answer->jobs[i]);
    client_close(&c);
    return 0;
}

static bool one_job(const char *command, int argc, char **argv, struct task_id *id)
{
    if (argc == 1 && task_job_parse(argv[0], id))
        return true;
    fprintf(stderr, "usage: job %s JOB   (job_..., as job list shows it)\n", command);
    return false;
}

static void print_json(const Pb__JobStatusProto *s)
{
    json_t *o = job_json_status(s);

    json_dumpf(o, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(o);
}

int job_status_main(const struct conf *conf, int argc, char **argv)
{
    struct task_id id;
    Pb__JobStatusProto *s;
    struct client c;
    struct err err = {0};
    bool as_json = argc > 0 && strcmp(argv[0], "-json") == 0;
    int rc;

    argc -= as_json;
    argv += as_json;
    if (!one_job("status [-json]", argc, argv, &id))
        return 1;
    rc = client_open(&c, conf, &err);
    if (rc == 0)
        rc = get_status(&c, &id, 0, 0, &s, &err);
    if (rc == 0 && as_json)
        print_json(s);
    else if (rc == 0)
        print_job(stdout, s);
    client_close(&c);
    if (rc == -ERR_NOENT)
        return job_history_show(conf, &id, false, as_json);
    return rc < 0 ? fail(argv[0], &err) : 0;
}

int job_kill_main(const struct conf *conf, int argc, char **argv)
{
    Pb__KillJobRequestProto r = PB__KILL_JOB_REQUEST_PROTO__INIT;
    Pb__KillJobResponseProto *answer;
    Pb__JobIdProto jid;
    struct task_id id;
    struct client c;
    struct err err = {0};
    int rc;

    if (!one_job("kill", argc, argv, &id))
        return 1;
    job_proto(&id, &jid);
    r.id = &jid;
    rc = client_open(&c, conf, &err);
    if (rc == 0)
        rc = ask(&c, "killJob", &r.base, &pb__kill_job_response_proto__descriptor, &answer, &err);
    client_close(&c);
    if (rc < 0)
        return fail(argv[0], &err);
    printf("Killed job %s\n", argv[0]);
    return 0;
}

static void print_attempt(const struct conf *conf, const Pb__AttemptReportProto *a)
{
    char name[TASK_NAME_MAX];
    struct task_id id;

    task_id_from(a->id, &id);
    task_attempt_name(&id, name, sizeof name);
    printf("== %s %s on %s", name, a->state, a->worker ? a->worker : "?");
    if (!id.is_reduce && a->locality)
        printf(", %s", a->locality);
    printf(" (%s)\n", a->why ? a->why : "");
    if (a->split)
        printf("   split %s\n", a->split);
    if (a->status && *a->status)
        printf("   status: %s\n", a->status);
    if (a->failure)
        printf("   failure: %s\n", a->failure);
    if (a->has_stderrtail && a->stderrtail.len >= CHILD_TAIL && job_history_log(conf, &id))
        return;
    if (a->has_stderrtail)
        printf("%.*s%s", (int)a->stderrtail.len, (const char *)a->stderrtail.data,
               a->stderrtail.len && a->stderrtail.data[a->stderrtail.len - 1] == '\n' ? "" : "\n");
}

static bool wanted(const Pb__AttemptReportProto *a, const struct task_id *id, bool whole_job)
{
    return whole_job || (a->id->task == id->index &&
                         (a->id->kind == PB__TASK_KIND_PROTO__REDUCE) == id->is_reduce);
}

int job_client_attempts(const struct conf *conf, const struct task_id *id, struct arena *a,
                        Pb__GetAttemptsResponseProto **out, struct err *err)
{
    Pb__GetAttemptsRequestProto r = PB__GET_ATTEMPTS_REQUEST_PROTO__INIT;
    Pb__JobIdProto jid;
    ProtobufCMessage *m;
    struct client c;
    int rc = client_open(&c, conf, err);

    job_proto(id, &jid);
    r.id = &jid;
    if (rc == 0)
        rc = rpc_call_method(c.rpc, "getAttempts", &r.base,
                             &pb__get_attempts_response_proto__descriptor, a, &m, err);
    client_close(&c);
    if (rc == 0)
        *out = (Pb__GetAttemptsResponseProto *)m;
    return rc;
}

int job_logs_main(const struct conf *conf, int argc, char **argv)
{
    Pb__GetAttemptsResponseProto *answer = NULL;
    struct task_id id;
    struct arena arena;
    struct err err = {0};
    bool whole = argc == 1 && task_job_parse(argv[0], &id);
    int rc;

    if (!whole && !(argc == 1 && task_attempt_parse(argv[0], &id))) {
        fprintf(stderr, "usage: job logs JOB|TASK\n");
        return 1;
    }
    arena_init(&arena, ARENA_MAX);
    rc = job_client_attempts(conf, &id, &arena, &answer, &err);
    for (size_t i = 0; rc == 0 && i < answer->n_attempts; i++)
        if (wanted(answer->attempts[i], &id, whole))
            print_attempt(conf, answer->attempts[i]);
    arena_done(&arena);
    if (rc == -ERR_NOENT)
        return job_history_show(conf, &id, true, false);
    return rc < 0 ? fail(argv[0], &err) : 0;
}

int job_client_get_task(const struct conf *conf, const struct task_id *id, struct arena *a,
                        Pb__JobSpecProto **spec, Pb__SplitProto ***splits, size_t *count,
                        struct err *err)
{
    Pb__GetTaskRequestProto r = PB__GET_TASK_REQUEST_PROTO__INIT;
    Pb__AttemptIdProto aid = PB__ATTEMPT_ID_PROTO__INIT;
    Pb__GetTaskResponseProto *answer;
    ProtobufCMessage *m;
    struct client c;
    int rc = client_open(&c, conf, err);

    aid.epoch = id->epoch;
    aid.job = id->job;
    aid.task = id->index;
    aid.attempt = id->attempt;
    aid.kind = id->is_reduce ? PB__TASK_KIND_PROTO__REDUCE : PB__TASK_KIND_PROTO__MAP;
    r.id = &aid;
    if (rc == 0)
        rc = rpc_call_method(c.rpc, "getTask", &r.base, &pb__get_task_response_proto__descriptor, a,
                             &m, err);
    client_close(&c);
    if (rc < 0)
        return rc;
    answer = (Pb__GetTaskResponseProto *)m;
    *spec = answer->spec;
    *splits = answer->splits;
    *count = answer->n_splits;
    return 0;
}
