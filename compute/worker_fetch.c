/* worker_fetch.c -- a reduce task gathers its part of every map's output while maps still run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/worker_inner.h"

enum { WAIT_MS = 1000, PAUSE_MS = 200, ARENA_MAX = 64 << 20 };

struct place {
    uint32_t attempt;
    char address[300];
    bool here; /* on this worker */
    bool known, had, bad;
};

struct gather {
    struct worker_daemon *w;
    struct task *t;
    struct spill_reader *readers;
    struct place *places; /* of each map */
    struct shuffle *shuffle;
    uint32_t seen, had;
    size_t memory; /* still free for runs */
    bool gone;
};

static int ask(struct gather *g, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *type, struct arena *a, ProtobufCMessage **answer,
               struct err *err)
{
    return rpc_call_method(g->w->calls, method, request, type, a, answer, err);
}

static void note(struct gather *g, const Pb__MapOutputProto *o)
{
    struct place *p;

    if (o->task >= g->t->maps)
        return;
    p = &g->places[o->task];
    if (p->had || (p->known && !p->bad && p->attempt == o->attempt))
        return;
    *p = (struct place){.attempt = o->attempt, .known = true};
    snprintf(p->address, sizeof p->address, "%s", o->shuffle);
    p->here = o->worker.len == WORKER_UUID_BYTES &&
              memcmp(o->worker.data, g->w->uuid, WORKER_UUID_BYTES) == 0;
}

/* Hears which maps are done; waits a moment when @patient and there is no news. */
static int hear(struct gather *g, bool patient, struct err *err)
{
    Pb__MapOutputsRequestProto r = PB__MAP_OUTPUTS_REQUEST_PROTO__INIT;
    Pb__JobIdProto id = PB__JOB_ID_PROTO__INIT;
    Pb__MapOutputsResponseProto *answer;
    ProtobufCMessage *m;
    struct arena a;
    int rc;

    id.epoch = g->t->id.epoch;
    id.job = g->t->id.job;
    r.id = &id;
    r.seen = g->seen;
    r.has_waitms = 1;
    r.waitms = patient ? WAIT_MS : 0;
    arena_init(&a, ARENA_MAX);
    rc = ask(g, "mapOutputs", &r.base, &pb__map_outputs_response_proto__descriptor, &a, &m, err);
    if (rc == 0) {
        answer = (Pb__MapOutputsResponseProto *)m;
        for (size_t i = 0; i < answer->n_outputs; i++)
            note(g, answer->outputs[i]);
        /* A scheduler that restarted may know fewer events than we saw: start over. */
        g->seen = answer->seen < g->seen ? 0 : answer->seen;
        g->gone = answer->gone;
    }
    arena_done(&a);
    return rc;
}

static void complain(struct gather *g, uint32_t map, bool damaged, const char *why)
{
    Pb__FetchFailedRequestProto r = PB__FETCH_FAILED_REQUEST_PROTO__INIT;
    Pb__AttemptIdProto from, to;
    struct task_id id = g->t->id;
    struct arena a;
    ProtobufCMessage *m;

    worker_attempt_proto(&id, &to);
    id.is_reduce = false;
    id.index = map;
    id.attempt = g->places[map].attempt;
    worker_attempt_proto(&id, &from);
    r.map = &from;
    r.reduce = &to;
    r.damaged = damaged;
    r.why = (char *)(uintptr_t)why;
    arena_init(&a, 1 << 20);
    ask(g, "fetchFailed", &r.base, &pb__fetch_failed_response_proto__descriptor, &a, &m, NULL);
    arena_done(&a);
    LOG_WARN("worker.fetch", "map=%u damaged=%d err=\"%s\" next=\"wait for it to be there again\"",
             map, damaged, why);
}

static int fetch_one(struct gather *g, uint32_t map, struct err *err)
{
    struct place *p = &g->places[map];
    struct shuffle_from from = {.map = g->t->id,
                                .address = p->address,
                                .local_dir = p->here ? g->w->dir : NULL,
                                .spill_dir = g->t->dir,
                                .memory_bytes = g->memory};
    struct err why = {0};
    uint64_t bytes = 0;
    int rc;

    from.map.is_reduce = false;
    from.map.index = map;
    from.map.attempt = p->attempt;
    rc = shuffle_fetch(g->shuffle, &from, g->t->id.index, &g->t->cancelled, &g->readers[map],
                       &bytes, &why);
    if (rc == -ERR_INTERRUPTED || rc == -ERR_NO_DISK || rc == -ERR_NOMEM) {
        *err = why;
        return rc;
    }
    if (rc < 0) {
        counter_add(&g->t->counters, C_FAILED_SHUFFLES, 1);
        p->bad = true;
        complain(g, map, rc == -ERR_CORRUPT, why.text);
        return 0;
    }
    p->had = true;
    g->had++;
    if (g->readers[map].fd < 0)
        g->memory -= bytes < g->memory ? bytes : g->memory;
    counter_add(&g->t->counters, C_SHUFFLED_MAPS, 1);
    counter_add(&g->t->counters, C_REDUCE_SHUFFLE_BYTES, (int64_t)bytes);
    atomic_store(&g->t->permille, g->had * 333 / g->t->maps);
    task_alive(g->t);
    return 0;
}

/* Fetches whatever can be fetched now; *any when it tried something. */
static int fetch_known(struct gather *g, bool *any, struct err *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < g->t->maps && rc == 0; i++)
        if (g->places[i].known && !g->places[i].had && !g->places[i].bad) {
            *any = true;
            rc = fetch_one(g, i, err);
        }
    return rc;
}

/* An output that could not be had is tried again: the scheduler counts, and runs the map again. */
static void retry_bad(struct gather *g)
{
    for (uint32_t i = 0; i < g->t->maps; i++)
        if (g->places[i].bad)
            g->places[i].bad = false;
}

static int gather_all(struct gather *g, struct err *err)
{
    int rc = 0;

    while (rc == 0 && g->had < g->t->maps) {
        bool any = false;
        struct err why = {0};

        if (atomic_load(&g->t->cancelled))
            return err_set(err, ERR_INTERRUPTED, "killed on request");
        if (hear(g, true, &why) < 0)
            usleep(PAUSE_MS * 1000); /* the scheduler is away: it will be back */
        if (g->gone)
            return err_set(err, ERR_INTERRUPTED, "the job has ended");
        rc = fetch_known(g, &any, err);
        if (!any) {
            retry_bad(g);
            task_alive(g->t);
        }
    }
    return rc;
}

int worker_fetch(struct task *t, struct spill_reader *readers, uint32_t *opened, struct err *err)
{
    struct running *r = t->owner;
    struct gather g = {.w = r->w, .t = t, .readers = readers};
    int rc = shuffle_new(&g.shuffle, err);

    g.memory =
        (size_t)spec_int(t->spec, "mapreduce.task.io.sort.mb", conf_int(r->w->conf, OPT_sort_mb))
        << 20;
    g.places = calloc(t->maps + 1, sizeof *g.places);
    if (rc == 0 && !g.places)
        rc = err_set(err, ERR_NOMEM, "no memory for %u map outputs", t->maps);
    /* A reader that was never opened does no harm when it is closed. */
    for (uint32_t i = 0; i < t->maps; i++)
        readers[i].fd = -1;
    *opened = t->maps;
    if (rc == 0)
        rc = gather_all(&g, err);
    shuffle_free(g.shuffle);
    free(g.places);
    return rc;
}
