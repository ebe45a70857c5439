/* Jobs on a modelled cluster: workers that answer at once, and a clock that the test moves. */
#include "compute/sched.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_MAX = 16 };

static uint64_t clock_ms;

static uint64_t model_now_ms(struct env *e)
{
    (void)e;
    return clock_ms;
}
static uint64_t model_mono_ns(struct env *e)
{
    (void)e;
    return clock_ms * 1000000;
}

static struct env_ops model_ops;
static struct env model_env = {&model_ops};

struct world {
    struct sched s;
    struct conf *conf;
    struct worker *workers[NODES_MAX];
    int nodes;
    uint64_t seed;
    uint32_t last_job;
};

static uint64_t chance(struct world *w)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return w->seed >> 33;
}

static void world_open(struct world *w, int nodes, int racks, uint32_t slots)
{
    const struct conf_args none = {0};

    *w = (struct world){.nodes = nodes, .seed = 7};
    clock_ms = 1000000;
    model_ops = *env_posix()->ops;
    model_ops.now_ms = model_now_ms;
    model_ops.mono_ns = model_mono_ns;
    CU_ASSERT_FATAL(conf_load(&none, &w->conf, NULL) == 0);
    w->s = (struct sched){
        .conf = w->conf, .env = &model_env, .fair = true, .preempts = true, .loading = true};
    for (int i = 0; i < nodes; i++) {
        uint8_t uuid[UUID_BYTES] = {(uint8_t)(i + 1)};
        char ip[32], rack[32];
        Pb__WorkerIdProto id = PB__WORKER_ID_PROTO__INIT;

        snprintf(ip, sizeof ip, "10.0.0.%d", i + 1);
        snprintf(rack, sizeof rack, "/rack%d", 1 + i % racks);
        id.uuid = (ProtobufCBinaryData){UUID_BYTES, uuid};
        id.host = id.ip = id.shuffle = ip;
        id.rack = rack;
        id.slots = slots;
        w->workers[i] = sched_worker_add(&w->s, &id);
        w->workers[i]->alive = true;
        w->workers[i]->poll = (struct rpc_call *)&w->s; /* it listens; nobody answers it here */
    }
}

static void world_close(struct world *w)
{
    while (w->s.jobs) {
        struct job *j = w->s.jobs;

        w->s.jobs = j->next;
        sched_job_free(j);
    }
    for (int i = 0; i < w->nodes; i++) {
        w->workers[i]->poll = NULL;
        w->workers[i]->promised = NULL;
    }
    while (w->s.workers)
        sched_worker_lost(&w->s, w->s.workers, "the test is over");
    while (w->s.queues) {
        struct queue *q = w->s.queues;

        w->s.queues = q->next;
        free(q->name);
        free(q);
    }
    struct node *n, *tmp;

    HASH_ITER(hh, w->s.nodes, n, tmp)
    {
        HASH_DEL(w->s.nodes, n);
        free(n->host);
        free(n);
    }
    conf_free(w->conf);
}

/* A job of @maps maps, each with a block on three workers (or, @first_host at least 0, on that one alone). */
static struct job *add_job(struct world *w, uint32_t maps, uint32_t reduces, int first_host,
                           const char *key, const char *value)
{
    Pb__SubmitJobRequestProto r = PB__SUBMIT_JOB_REQUEST_PROTO__INIT;
    Pb__JobSpecProto spec = PB__JOB_SPEC_PROTO__INIT;
    Pb__PairProto pair = PB__PAIR_PROTO__INIT, *pairs[] = {&pair};
    struct task_id id = {.epoch = 1, .job = ++w->last_job};
    struct arena a;
    struct job *j;

    arena_init(&a, 1 << 26);
    spec.name = spec.user = spec.output = spec.mapper = (char *)"x";
    spec.reduces = reduces;
    pair.key = (char *)(uintptr_t)key;
    pair.value = (char *)(uintptr_t)value;
    spec.conf = pairs;
    spec.n_conf = key ? 1 : 0;
    r.spec = &spec;
    r.splits = arena_alloc(&a, maps * sizeof *r.splits);
    r.n_splits = maps;
    for (uint32_t i = 0; i < maps; i++) {
        Pb__SplitProto *sp = r.splits[i] = arena_alloc(&a, sizeof *sp);
        int from = (int)(chance(w) % (unsigned)w->nodes), copies = first_host >= 0 ? 1 : 3;

        pb__split_proto__init(sp);
        sp->path = (char *)"hdfs://x/f";
        sp->hosts = arena_alloc(&a, 3 * sizeof *sp->hosts);
        sp->racks = arena_alloc(&a, 3 * sizeof *sp->racks);
        for (int h = 0; h < copies; h++) {
            const struct worker *at =
                w->workers[first_host >= 0 ? first_host : (from + h * 3 + h) % w->nodes];

            sp->hosts[sp->n_hosts++] = at->ip;
            sp->racks[sp->n_racks++] = at->rack;
        }
    }
    j = sched_job_new(&w->s, &id, &r, NULL);
    CU_ASSERT_FATAL(j != NULL);
    arena_done(&a);
    if (w->s.newest)
        w->s.newest->next = j;
    else
        w->s.jobs = j;
    w->s.newest = j;
    sched_job_activate(&w->s, j);
    return j;
}

static struct attempt *live_of(struct sched_task *t)
{
    for (struct attempt *a = t->attempts; a; a = a->next)
        if (sched_attempt_lives(a))
            return a;
    return NULL;
}

static uint32_t running_on(const struct worker *w, const struct job *j)
{
    uint32_t n = 0;

    for (const struct attempt *a = w->promised; a; a = a->next_here)
        n += a->task->job == j;
    return n;
}

/* Finishes attempts, each 100 to 400 ms after its start, until the job is through. */
static void run_out(struct world *w, struct job *j)
{
    for (int step = 0; step < 200000 && j->state == PB__JOB_STATE_PROTO__RUNNING; step++) {
        clock_ms += 10;
        for (int i = 0; i < w->nodes; i++) {
            struct attempt *next;

            for (struct attempt *a = w->workers[i]->promised; a; a = next) {
                next = a->next_here;
                if (clock_ms - a->heard_ms >= 100 + chance(w) % 300)
                    sched_attempt_done(&w->s, a);
            }
        }
        place_offer(&w->s);
    }
    CU_ASSERT(j->state == PB__JOB_STATE_PROTO__COMMITTING);
}

static double local_share(const struct job *j)
{
    return (double)counters_get(&j->counters, "Job Counters", "Data-local map tasks") /
           (double)counters_get(&j->counters, "Job Counters", "Launched map tasks");
}

static void test_maps_run_beside_their_blocks_though_others_compete(void)
{
    struct world w;
    struct job *j, *other, *random;

    world_open(&w, 8, 3, 4);
    other = add_job(&w, 1000, 0, -1, NULL, NULL);
    j = add_job(&w, 1000, 0, -1, NULL, NULL);
    place_offer(&w.s);
    run_out(&w, j);
    run_out(&w, other);
    CU_ASSERT(local_share(j) >= 0.95 && local_share(other) >= 0.95);
    random = add_job(&w, 1000, 0, -1, "ashlar.scheduler.locality.ignore", "true");
    run_out(&w, random);
    CU_ASSERT(local_share(random) < 0.6);
    world_close(&w);
}

static void test_a_map_waits_for_its_host_then_its_rack_then_runs_anywhere(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 6, 3, 1);
    j = add_job(&w, 3, 0, 0, NULL, NULL); /* all three want worker 0, in rack 1 with worker 3 */
    place_offer(&w.s);
    CU_ASSERT(running_on(w.workers[0], j) == 1 && j->live[0] == 1);
    clock_ms += 999;
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 1);
    clock_ms += 1;
    place_offer(&w.s);
    CU_ASSERT(running_on(w.workers[3], j) == 1 && j->live[0] == 2);
    clock_ms += 999;
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 2);
    clock_ms += 1;
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 3);
    CU_ASSERT(counters_get(&j->counters, "Job Counters", "Data-local map tasks") == 1);
    CU_ASSERT(counters_get(&j->counters, "Job Counters", "Rack-local map tasks") == 1);
    CU_ASSERT(counters_get(&j->counters, "Job Counters", "Other local map tasks") == 1);
    world_close(&w);
}

static void test_a_job_may_set_its_own_waits(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 2, 2, 1);
    j = add_job(&w, 2, 0, 0, "ashlar.scheduler.locality.wait", "0");
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 2);
    world_close(&w);
}

static void test_a_leaving_node_gets_nothing_new_and_nobody_waits_for_it(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 3, 1, 2);
    w.workers[0]->leaving = true;
    j = add_job(&w, 2, 0, 0, NULL, NULL);
    place_offer(&w.s);
    CU_ASSERT(running_on(w.workers[0], j) == 0 && j->live[0] == 2);
    world_close(&w);
}

static void test_queues_share_slots_by_weight(void)
{
    struct world w;
    struct job *a, *b;

    world_open(&w, 4, 1, 4);
    a = add_job(&w, 100, 0, -1, "mapreduce.job.queuename", "batch");
    b = add_job(&w, 100, 0, -1, "mapreduce.job.queuename", "prod");
    b->queue->weight = 3;
    a->rules.anywhere = b->rules.anywhere = true;
    place_offer(&w.s);
    CU_ASSERT(a->live[0] == 4 && b->live[0] == 12);
    world_close(&w);
}

static void test_a_starved_queue_gets_its_share_after_a_while(void)
{
    struct world w;
    struct job *a, *b;

    world_open(&w, 2, 1, 4);
    a = add_job(&w, 100, 0, -1, "mapreduce.job.queuename", "batch");
    a->rules.anywhere = true;
    place_offer(&w.s);
    CU_ASSERT(a->live[0] == 8);
    b = add_job(&w, 100, 0, -1, "mapreduce.job.queuename", "prod");
    b->rules.anywhere = true;
    queue_preempt(&w.s);
    clock_ms += 14999;
    queue_preempt(&w.s);
    place_offer(&w.s);
    CU_ASSERT(a->live[0] == 8 && b->live[0] == 0);
    for (int i = 0; i < 20; i++) {
        clock_ms += 20;
        queue_preempt(&w.s);
        place_offer(&w.s);
    }
    CU_ASSERT(a->live[0] == 4 && b->live[0] == 4 && w.s.preempted == 4);
    CU_ASSERT(counters_get(&a->counters, "Job Counters", "Killed map tasks") == 4);
    world_close(&w);
}

static void test_a_slow_attempt_gets_a_second_one_and_the_first_done_wins(void)
{
    struct world w;
    struct job *j;
    struct attempt *slow, *twin;

    world_open(&w, 3, 1, 2);
    j = add_job(&w, 6, 0, -1, "ashlar.scheduler.locality.ignore", "true");
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 6);
    clock_ms += 2000;
    for (uint32_t i = 1; i < 6; i++)
        CU_ASSERT(sched_attempt_done(&w.s, live_of(&j->maps[i])));
    slow = live_of(&j->maps[0]);
    sched_attempt_progress(slow, 100);
    clock_ms += 6000;
    twin_look(&w.s, j);
    place_offer(&w.s);
    twin = live_of(&j->maps[0]);
    CU_ASSERT(twin != slow && twin->speculative && twin->worker != slow->worker && j->twins == 1);
    twin_look(&w.s, j);
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 2); /* two are enough */
    CU_ASSERT(sched_attempt_done(&w.s, twin));
    CU_ASSERT(slow->state == ATTEMPT_KILLED && j->live[0] == 0 && j->twins == 0);
    CU_ASSERT(j->maps[0].winner == twin && !sched_attempt_done(&w.s, slow));
    CU_ASSERT(j->maps_done == 6);
    world_close(&w);
}

static void test_losing_one_of_two_attempts_leaves_the_other(void)
{
    struct world w;
    struct job *j;
    struct attempt *slow, *twin;

    world_open(&w, 2, 1, 2);
    j = add_job(&w, 2, 0, -1, "ashlar.scheduler.locality.ignore", "true");
    place_offer(&w.s);
    clock_ms += 1000;
    sched_attempt_done(&w.s, live_of(&j->maps[1]));
    slow = live_of(&j->maps[0]);
    clock_ms += 9000;
    twin_look(&w.s, j);
    place_offer(&w.s);
    twin = live_of(&j->maps[0]);
    CU_ASSERT_FATAL(twin && twin != slow);
    sched_attempt_failed(&w.s, slow, "x", false);
    CU_ASSERT(j->maps[0].state == TASK_RUNNING && j->waiting_maps == 0);
    sched_attempt_failed(&w.s, twin, "x", true);
    CU_ASSERT(j->maps[0].state == TASK_WAITING && j->waiting_maps == 1 && j->running == 0);
    world_close(&w);
}

static void test_a_node_whose_failures_succeed_elsewhere_is_avoided_and_forgiven(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 3, 1, 4);
    j = add_job(&w, 3, 0, 0, "mapreduce.job.maxtaskfailures.per.tracker", "0");
    place_offer(&w.s);
    CU_ASSERT(running_on(w.workers[0], j) == 3);
    for (uint32_t i = 0; i < 3; i++)
        sched_attempt_failed(&w.s, live_of(&j->maps[i]), "x", false);
    for (int i = 0; i < 30 && j->live[0] < 3; i++) {
        clock_ms += 100;
        place_offer(&w.s);
    }
    CU_ASSERT(running_on(w.workers[0], j) == 0 && j->live[0] == 3);
    CU_ASSERT(!sched_node_avoided(&w.s, w.workers[0]->node));
    for (uint32_t i = 0; i < 3; i++)
        sched_attempt_done(&w.s, live_of(&j->maps[i]));
    CU_ASSERT(sched_node_avoided(&w.s, w.workers[0]->node));
    clock_ms += 60000;
    CU_ASSERT(!sched_node_avoided(&w.s, w.workers[0]->node)); /* 2.8 by now */
    world_close(&w);
}

static void test_a_job_shuns_a_node_that_fails_its_tasks(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 3, 1, 8);
    j = add_job(&w, 8, 0, 0, NULL, NULL);
    place_offer(&w.s);
    CU_ASSERT(running_on(w.workers[0], j) == 8);
    for (uint32_t i = 0; i < 3; i++)
        sched_attempt_failed(&w.s, live_of(&j->maps[i]), "x", false);
    CU_ASSERT(j->shunned == 1 && place_avoids(&w.s, j, w.workers[0]));
    world_close(&w);
}

static void test_tasks_that_need_memory_wait_for_it(void)
{
    struct world w;
    struct job *j;

    world_open(&w, 1, 1, 8);
    w.workers[0]->memory_mb = 4096;
    j = add_job(&w, 8, 0, -1, "mapreduce.map.memory.mb", "1500");
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 2 && w.workers[0]->memory_used == 3000);
    sched_attempt_done(&w.s, w.workers[0]->promised);
    CU_ASSERT(w.workers[0]->memory_used == 1500);
    place_offer(&w.s);
    CU_ASSERT(j->live[0] == 2);
    world_close(&w);
}

static void test_progress_is_the_sum_of_what_runs_and_is_done(void)
{
    struct world w;
    struct job *j;
    struct arena a;
    Pb__JobStatusProto st;

    world_open(&w, 1, 1, 4);
    j = add_job(&w, 4, 0, -1, NULL, NULL);
    place_offer(&w.s);
    sched_attempt_progress(live_of(&j->maps[0]), 500);
    sched_attempt_progress(live_of(&j->maps[1]), 300);
    sched_attempt_progress(live_of(&j->maps[1]), 700);
    sched_attempt_done(&w.s, live_of(&j->maps[2]));
    arena_init(&a, 1 << 20);
    sched_job_status(j, &a, &st);
    CU_ASSERT(st.mappermille == (500 + 700 + 1000) / 4);
    sched_attempt_failed(&w.s, live_of(&j->maps[1]), "x", false);
    sched_attempt_done(&w.s, live_of(&j->maps[0]));
    sched_job_status(j, &a, &st);
    CU_ASSERT(st.mappermille == 500);
    arena_done(&a);
    world_close(&w);
}

SUITE(sched, TEST(test_maps_run_beside_their_blocks_though_others_compete),
      TEST(test_a_map_waits_for_its_host_then_its_rack_then_runs_anywhere),
      TEST(test_a_job_may_set_its_own_waits),
      TEST(test_a_leaving_node_gets_nothing_new_and_nobody_waits_for_it),
      TEST(test_queues_share_slots_by_weight),
      TEST(test_a_starved_queue_gets_its_share_after_a_while),
      TEST(test_a_slow_attempt_gets_a_second_one_and_the_first_done_wins),
      TEST(test_losing_one_of_two_attempts_leaves_the_other),
      TEST(test_a_node_whose_failures_succeed_elsewhere_is_avoided_and_forgiven),
      TEST(test_a_job_shuns_a_node_that_fails_its_tasks),
      TEST(test_tasks_that_need_memory_wait_for_it),
      TEST(test_progress_is_the_sum_of_what_runs_and_is_done))
