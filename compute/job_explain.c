/* job_explain.c -- `job explain`: why each task ran where it ran. */
#include <stdio.h>
#include <string.h>

#include "compute/job_client.h"

enum { ARENA_MAX = 1 << 30 };

struct tally {
    unsigned node, rack, any, speculative;
};

static void print_task(const Pb__AttemptReportProto *a)
{
    struct task_id id;
    char name[TASK_NAME_MAX];

    task_id_from(a->id, &id);
    task_name(&id, name, sizeof name);
    printf("%s%s%s\n", name, a->split ? "  " : "", a->split ? a->split : "");
    if (a->hosts && *a->hosts)
        printf("    its input is on %s\n", a->hosts);
}

static void print_attempt(const Pb__AttemptReportProto *a)
{
    bool is_map = a->id->kind == PB__TASK_KIND_PROTO__MAP;

    printf("    attempt %u on %s", a->id->attempt, a->worker ? a->worker : "?");
    if (a->rack && *a->rack)
        printf(" (%s)", a->rack);
    if (is_map && a->locality)
        printf(", %s", a->locality);
    printf(": %s; waited %.3f s", a->why ? a->why : "", (double)a->waitedms / 1000);
    if (a->finishedms)
        printf("; %s after %.3f s", a->state, (double)(a->finishedms - a->startedms) / 1000);
    else
        printf("; %s", a->state);
    if (a->failure)
        printf(": %.*s", (int)strcspn(a->failure, "\n"), a->failure);
    putchar('\n');
}

static void count(struct tally *t, const Pb__AttemptReportProto *a)
{
    t->speculative += a->speculative;
    if (a->id->kind != PB__TASK_KIND_PROTO__MAP || !a->locality)
        return;
    t->node += strcmp(a->locality, "data-local") == 0;
    t->rack += strcmp(a->locality, "rack-local") == 0;
    t->any += strcmp(a->locality, "off-rack") == 0;
}

static bool same_task(const Pb__AttemptReportProto *a, const Pb__AttemptReportProto *b)
{
    return a && b && a->id->task == b->id->task && a->id->kind == b->id->kind;
}

static bool asked_for(const Pb__AttemptReportProto *a, const struct task_id *id, bool whole)
{
    return whole || (a->id->task == id->index &&
                     (a->id->kind == PB__TASK_KIND_PROTO__REDUCE) == id->is_reduce);
}

int job_explain_main(const struct conf *conf, int argc, char **argv)
{
    Pb__GetAttemptsResponseProto *answer = NULL;
    const Pb__AttemptReportProto *last = NULL;
    struct tally t = {0};
    struct task_id id;
    struct arena arena;
    struct err err = {0};
    bool whole = argc == 1 && task_job_parse(argv[0], &id);
    int rc;

    if (!whole && !(argc == 1 && task_attempt_parse(argv[0], &id))) {
        fprintf(stderr, "usage: job explain JOB|TASK\n");
        return 1;
    }
    arena_init(&arena, ARENA_MAX);
    rc = job_client_attempts(conf, &id, &arena, &answer, &err);
    if (rc < 0)
        fprintf(stderr, "job: explain %s: %s\n", argv[0], err.text);
    for (size_t i = 0; rc == 0 && i < answer->n_attempts; i++) {
        const Pb__AttemptReportProto *a = answer->attempts[i];

        count(&t, a);
        if (!asked_for(a, &id, whole))
            continue;
        if (!same_task(last, a))
            print_task(a);
        print_attempt(a);
        last = a;
    }
    if (rc == 0 && whole)
        printf("maps: %u data-local, %u rack-local, %u off-rack; %u speculative attempts\n", t.node,
               t.rack, t.any, t.speculative);
    arena_done(&arena);
    return rc < 0;
}
