/* sched_queue.c -- queues: whose turn it is, and what is taken from whom.
 *
 * A job names its queue (mapreduce.job.queuename); a queue that ashlar.scheduler.queues does not list has the weight
 * 1.  The queue with the fewest running tasks for its weight is served first, inside it the job with the
 * fewest for its priority's weight; or, with the policy fifo, jobs by priority and age.
 *
 * A queue that has waited for its share of the slots for ashlar.scheduler.preemption.wait gets it from those that
 * have more than theirs: their newest attempts end, which costs the least, and run again later.
 */
#include "compute/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/log.h"

enum { QUEUES_MAX = 256, QUEUE_NAME_MAX = 64 };

/* The number behind "name:" in a list like "prod:3,batch:1"; 1 when it is not there or no number. */
static double weight_of(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
        while (*p == ' ')
            p++;
        if (strncmp(p, name, n) == 0 && p[n] == ':') {
            double w = strtod(p + n + 1, NULL);

            return w > 0.001 ? w : 1;
        }
    }
    return 1;
}

struct queue *queue_of(struct sched *s, const char *name)
{
    char text[QUEUE_NAME_MAX];
    int count = 0;

    snprintf(text, sizeof text, "%.*s", QUEUE_NAME_MAX - 1, name && *name ? name : "default");
    for (struct queue *q = s->queues; q; q = q->next, count++)
        if (strcmp(q->name, text) == 0 || count == QUEUES_MAX)
            return q;
    struct queue *q = calloc(1, sizeof *q);

    MUST(q && (q->name = strdup(text)));
    q->weight = weight_of(conf_text(s->conf, OPT_sched_queues), text);
    q->next = s->queues;
    s->queues = q;
    return q;
}

static int priority_of(const char *text)
{
    static const char *const names[] = {"VERY_LOW", "LOW", "NORMAL", "HIGH", "VERY_HIGH"};

    for (int i = 0; text && i < 5; i++)
        if (strcasecmp(text, names[i]) == 0)
            return i - 2;
    return 0;
}

/* "300", "300ms", "2s": as the scheduler's own settings may be written. */
static uint64_t wait_of(const Pb__JobSpecProto *spec, const char *key, uint64_t otherwise)
{
    const char *text = spec_get(spec, key);
    char *end;
    long long v = text ? strtoll(text, &end, 10) : -1;

    if (v < 0)
        return otherwise;
    return strcmp(end, "s") == 0 ? (uint64_t)v * 1000 : (uint64_t)v;
}

static uint32_t attempts_max(struct sched *s, const Pb__JobSpecProto *spec, const char *key,
                             enum conf_option o)
{
    int64_t n = spec_int(spec, key, conf_int(s->conf, o));

    return n < 1 ? 1 : (uint32_t)n;
}

void queue_rules(struct sched *s, struct job *j)
{
    static const double weights[] = {0.25, 0.5, 1, 2, 4};
    const Pb__JobSpecProto *spec = j->submit->spec;
    const char *slowstart = spec_get(spec, "mapreduce.job.reduce.slowstart.completedmaps");
    const char *priority = spec_get(spec, "mapreduce.job.priority");
    struct job_rules *r = &j->rules;

    j->queue = queue_of(s, spec_get(spec, "mapreduce.job.queuename"));
    r->node_wait_ms = wait_of(spec, "ashlar.scheduler.locality.wait",
                              (uint64_t)conf_int(s->conf, OPT_locality_wait));
    r->rack_wait_ms = wait_of(spec, "ashlar.scheduler.locality.wait.rack",
                              conf_is_set(s->conf, OPT_locality_wait_rack)
                                  ? (uint64_t)conf_int(s->conf, OPT_locality_wait_rack)
                                  : r->node_wait_ms);
    r->anywhere = spec_bool(spec, "ashlar.scheduler.locality.ignore", false);
    r->slowstart = slowstart ? strtod(slowstart, NULL) : conf_float(s->conf, OPT_slowstart);
    r->priority = priority_of(priority ? priority : spec->priority);
    r->weight = weights[r->priority + 2];
    r->memory_mb[0] = (uint64_t)spec_int(spec, "mapreduce.map.memory.mb", 0);
    r->memory_mb[1] = (uint64_t)spec_int(spec, "mapreduce.reduce.memory.mb", 0);
    r->attempts_max[0] = attempts_max(s, spec, "mapreduce.map.maxattempts", OPT_map_attempts);
    r->attempts_max[1] = attempts_max(s, spec, "mapreduce.reduce.maxattempts", OPT_reduce_attempts);
    r->failures_percent[0] = (uint32_t)spec_int(spec, "mapreduce.map.failures.maxpercent", 0);
    r->failures_percent[1] = (uint32_t)spec_int(spec, "mapreduce.reduce.failures.maxpercent", 0);
    r->shun_limit = (uint32_t)spec_int(spec, "mapreduce.job.maxtaskfailures.per.tracker", 3);
    r->speculative[0] =
        spec_bool(spec, "mapreduce.map.speculative", conf_bool(s->conf, OPT_map_speculative));
    r->speculative[1] =
        spec_bool(spec, "mapreduce.reduce.speculative", conf_bool(s->conf, OPT_reduce_speculative));
}

/* ---- the order in which jobs are asked ---- */

static int by_turn(const void *x, const void *y, void *fair)
{
    const struct job *a = *(struct job *const *)x, *b = *(struct job *const *)y;
    int order = 0;

    if (*(bool *)fair) {
        if (a->queue != b->queue)
            order = place_fairer(a->queue->running, a->queue->weight, b->queue->running,
                                 b->queue->weight);
        if (!order && a->queue != b->queue)
            order = strcmp(a->queue->name, b->queue->name);
        if (!order)
            order = place_fairer(a->running, a->rules.weight, b->running, b->rules.weight);
    } else {
        order = b->rules.priority - a->rules.priority;
    }
    if (!order)
        order = (a->submitted_ms > b->submitted_ms) - (a->submitted_ms < b->submitted_ms);
    return order ? order : (a->id.job > b->id.job) - (a->id.job < b->id.job);
}

static bool has_work(const struct job *j)
{
    return j->state == PB__JOB_STATE_PROTO__RUNNING &&
           (j->waiting_maps || j->waiting_reduces || j->twins_wanted);
}

size_t queue_order(struct sched *s, struct job ***list)
{
    size_t n = 0, cap = 0;

    *list = NULL;
    for (struct job *j = s->active; j; j = j->next_active) {
        if (!has_work(j))
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            *list = realloc(*list, cap * sizeof **list);
            MUST(*list);
        }
        (*list)[n++] = j;
    }
    if (n > 1)
        qsort_r(*list, n, sizeof **list, by_turn, &s->fair);
    return n;
}

/* ---- preemption ---- */

struct claim {
    struct queue *q;
    uint32_t running, wants;
};

/* Reducers that may not start yet want nothing. */
static uint32_t wants_of(const struct job *j, bool is_reduce)
{
    if (!is_reduce)
        return j->live[0] + j->waiting_maps;
    if ((double)j->maps_done < j->rules.slowstart * (double)j->map_count)
        return j->live[1];
    return j->live[1] + j->waiting_reduces;
}

static size_t claims_of(struct sched *s, bool is_reduce, struct claim *list)
{
    size_t n = 0;

    for (struct queue *q = s->queues; q && n < QUEUES_MAX; q = q->next) {
        struct claim c = {.q = q};

        for (const struct job *j = s->active; j; j = j->next_active)
            if (j->queue == q) {
                c.running += j->live[is_reduce];
                c.wants += wants_of(j, is_reduce);
            }
        if (c.wants)
            list[n++] = c;
        else
            q->starved_since_ms[is_reduce] = 0;
    }
    return n;
}

static uint32_t slots_of(const struct sched *s)
{
    uint32_t n = 0;

    for (const struct worker *w = s->workers; w; w = w->next)
        n += w->alive && !w->leaving ? w->slots : 0;
    return n;
}

/* The newest attempt of a queue: it has done the least. */
static struct attempt *newest_of(struct sched *s, const struct queue *q, bool is_reduce)
{
    struct attempt *best = NULL;

    for (const struct worker *w = s->workers; w; w = w->next)
        for (struct attempt *a = w->promised; a; a = a->next_here)
            if (a->task->is_reduce == is_reduce && a->task->job->queue == q &&
                (!best || a->heard_ms > best->heard_ms))
                best = a;
    return best;
}

static void take_from(struct sched *s, const struct queue *rich, const struct queue *poor,
                      bool is_reduce)
{
    struct attempt *a = newest_of(s, rich, is_reduce);
    char why[200];

    if (!a)
        return;
    snprintf(why, sizeof why, "its place was taken for the queue %s, which had less than its share",
             poor->name);
    LOG_INFO("scheduler.preempt", "job=%u worker=%s from=%s for=%s next=\"run it again later\"",
             a->task->job->id.job, a->worker_name, rich->name, poor->name);
    s->preempted++;
    sched_attempt_preempt(s, a, why);
}

static void preempt_kind(struct sched *s, bool is_reduce)
{
    struct claim c[QUEUES_MAX];
    struct place_share shares[QUEUES_MAX];
    size_t n = claims_of(s, is_reduce, c), rich;
    uint64_t now = sched_now(s), wait = (uint64_t)conf_int(s->conf, OPT_preempt_wait);

    for (size_t i = 0; i < n; i++)
        shares[i] = (struct place_share){.weight = c[i].q->weight, .wants = c[i].wants};
    place_shares(shares, n, slots_of(s));
    for (size_t i = 0; i < n; i++) {
        uint64_t *since = &c[i].q->starved_since_ms[is_reduce];

        if (c[i].running + 1 > shares[i].share) { /* not a whole task short */
            *since = 0;
            continue;
        }
        if (!*since)
            *since = now;
        if (now - *since < wait)
            continue;
        rich = n;
        for (size_t k = 0; k < n; k++)
            if (c[k].running >= shares[k].share + 1 &&
                (rich == n ||
                 c[k].running - shares[k].share > c[rich].running - shares[rich].share))
                rich = k;
        if (rich == n)
            continue;
        take_from(s, c[rich].q, c[i].q, is_reduce);
        c[rich].running--;
    }
}

void queue_preempt(struct sched *s)
{
    if (!s->preempts || !s->fair || !s->queues || !s->queues->next)
        return;
    preempt_kind(s, false);
    preempt_kind(s, true);
}
