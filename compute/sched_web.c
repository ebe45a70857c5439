#include "compute/sched_web.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/metrics.h"
#include "compute/job_json.h"
#include "compute/job_print.h"

enum { PAGE_MAX = 16 << 20 };

/* ---- metrics ---- */

static int64_t workers_live(void *ctx)
{
    return sched_workers_alive(ctx);
}
static int64_t slots(void *ctx)
{
    int64_t n = 0;

    for (const struct worker *w = ((struct sched *)ctx)->workers; w; w = w->next)
        n += w->alive ? w->slots : 0;
    return n;
}
static int64_t running(void *ctx)
{
    int64_t n = 0;

    for (const struct worker *w = ((struct sched *)ctx)->workers; w; w = w->next)
        n += w->running[0] + w->running[1];
    return n;
}
static int64_t jobs_running(void *ctx)
{
    int64_t n = 0;

    for (const struct job *j = ((struct sched *)ctx)->jobs; j; j = j->next)
        n += !sched_job_ended(j);
    return n;
}
static int64_t jobs_done(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->jobs_done;
}
static int64_t tasks_done(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->tasks_done;
}
static int64_t tasks_failed(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->tasks_failed;
}
static int64_t preempted(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->preempted;
}
static int64_t local_maps(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->assigned[LOCAL_NODE];
}
static int64_t rack_maps(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->assigned[LOCAL_RACK];
}
static int64_t other_maps(void *ctx)
{
    return (int64_t)((struct sched *)ctx)->assigned[LOCAL_ANY];
}

static struct metric table[] = {
    {.name = "scheduler_workers_live",
     .help = "Workers heard of lately.",
     .kind = METRIC_GAUGE,
     .read = workers_live},
    {.name = "scheduler_slots",
     .help = "Map slots of live workers; as many for reducers.",
     .kind = METRIC_GAUGE,
     .read = slots},
    {.name = "scheduler_tasks_running",
     .help = "Attempts on workers.",
     .kind = METRIC_GAUGE,
     .read = running},
    {.name = "scheduler_jobs_running",
     .help = "Jobs that have not ended.",
     .kind = METRIC_GAUGE,
     .read = jobs_running},
    {.name = "scheduler_jobs_ended_total",
     .help = "Jobs that ended since the start.",
     .kind = METRIC_COUNTER,
     .read = jobs_done},
    {.name = "scheduler_tasks_done_total",
     .help = "Tasks that were done.",
     .kind = METRIC_COUNTER,
     .read = tasks_done},
    {.name = "scheduler_attempts_failed_total",
     .help = "Attempts that failed.",
     .kind = METRIC_COUNTER,
     .read = tasks_failed},
    {.name = "scheduler_attempts_preempted_total",
     .help = "Attempts that were ended so that another queue gets its share.",
     .kind = METRIC_COUNTER,
     .read = preempted},
    {.name = "scheduler_maps_data_local_total",
     .help = "Maps started beside their block.",
     .kind = METRIC_COUNTER,
     .read = local_maps},
    {.name = "scheduler_maps_rack_local_total",
     .help = "Maps started in their block's rack.",
     .kind = METRIC_COUNTER,
     .read = rack_maps},
    {.name = "scheduler_maps_off_rack_total",
     .help = "Maps started elsewhere.",
     .kind = METRIC_COUNTER,
     .read = other_maps},
};

static void show_metrics(void *ctx, struct http_request *req)
{
    struct sched *s = ctx;
    struct buf b;

    buf_init(&b, PAGE_MAX);
    pthread_mutex_lock(&s->lock);
    metrics_prometheus(table, sizeof table / sizeof *table, s, &b);
    pthread_mutex_unlock(&s->lock);
    rpc_server_metrics(s->rpc, "scheduler", &b);
    http_metrics(&b);
    http_reply(req, 200, "text/plain; version=0.0.4", b.bytes, b.n);
    buf_done(&b);
}

/* ---- jobs as JSON ---- */

static json_t *job_json(const struct job *j)
{
    struct arena a;
    Pb__JobStatusProto st;
    json_t *o;

    arena_init(&a, 4 << 20);
    sched_job_status(j, &a, &st);
    o = job_json_status(&st);
    arena_done(&a);
    return o;
}

static void show_jobs(void *ctx, struct http_request *req)
{
    struct sched *s = ctx;
    json_t *list = json_array(), *root = json_object();
    char *text;

    pthread_mutex_lock(&s->lock);
    for (const struct job *j = s->jobs; j; j = j->next)
        json_array_append_new(list, job_json(j));
    pthread_mutex_unlock(&s->lock);
    json_object_set_new(root, "jobs", list);
    text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    http_reply(req, text ? 200 : 500, "application/json", text ? text : "",
               text ? strlen(text) : 0);
    free(text);
}

/* ---- the page ---- */

void sched_web_text(struct buf *b, const char *s)
{
    for (; s && *s; s++) {
        const char *e = *s == '<' ? "&lt;" : *s == '&' ? "&amp;" : *s == '"' ? "&quot;" : NULL;

        if (e)
            buf_puts(b, e);
        else
            buf_put(b, s, 1);
    }
}

static void put_job(struct buf *b, const struct job *j)
{
    struct arena a;
    Pb__JobStatusProto st;
    char name[TASK_NAME_MAX];
    uint64_t end = j->finished_ms ? j->finished_ms : env_now_ms(env_posix());

    arena_init(&a, 4 << 20);
    sched_job_status(j, &a, &st);
    task_job_name(&j->id, name, sizeof name);
    buf_printf(b, "<tr><td><a href=\"show?id=%s\">%s</a><td>", name, name);
    sched_web_text(b, st.name);
    buf_puts(b, "<td>");
    sched_web_text(b, st.user);
    buf_printf(b, "<td>%s<td>%u / %u<td>%u / %u<td>%.1f s<td>%" PRId64 " / %" PRId64 " / %" PRId64,
               job_state_name(st.state), st.mapsdone, st.maps, st.reducesdone, st.reduces,
               (double)(end - j->submitted_ms) / 1000,
               counters_get(&j->counters, "Job Counters", "Data-local map tasks"),
               counters_get(&j->counters, "Job Counters", "Rack-local map tasks"),
               counters_get(&j->counters, "Job Counters", "Other local map tasks"));
    buf_puts(b, "<td><pre>");
    sched_web_text(b, st.failure);
    buf_puts(b, "</pre>\n");
    arena_done(&a);
}

static void put_worker(struct buf *b, struct sched *s, const struct worker *w)
{
    buf_puts(b, "<tr><td>");
    sched_web_text(b, w->host);
    buf_puts(b, "<td>");
    sched_web_text(b, w->rack);
    buf_printf(b, "<td>%u<td>%u<td>%u<td>%s<td>%.1f s ago\n", w->slots, w->running[0],
               w->running[1], w->alive ? "live" : "not heard of yet",
               (double)(sched_now(s) - w->last_seen_ms) / 1000);
}

static void show_page(void *ctx, struct http_request *req)
{
    struct sched *s = ctx;
    struct buf b;

    if (strcmp(req->path, "/") != 0) {
        http_reply(req, 404, "text/plain", "not found\n", 10);
        return;
    }
    buf_init(&b, PAGE_MAX);
    buf_puts(&b, "<!doctype html><meta charset=utf-8><title>Ashlar jobs</title>"
                 "<meta http-equiv=refresh content=5><style>body{font:14px sans-serif;margin:2em}"
                 "td,th{padding:.2em .8em;text-align:left;vertical-align:top}pre{margin:0}</style>"
                 "<h1>Jobs</h1><table><tr><th>id<th>name<th>user<th>state<th>maps<th>reduces"
                 "<th>time<th>local / rack / other<th>failure\n");
    pthread_mutex_lock(&s->lock);
    for (const struct job *j = s->jobs; j; j = j->next)
        put_job(&b, j);
    buf_puts(&b, "</table><h1>Workers</h1><table><tr><th>host<th>rack<th>slots<th>maps<th>reduces"
                 "<th>state<th>seen\n");
    for (const struct worker *w = s->workers; w; w = w->next)
        put_worker(&b, s, w);
    pthread_mutex_unlock(&s->lock);
    buf_puts(&b, "</table><p><a href=/jobs>as JSON</a> <a href=/metrics>metrics</a>\n");
    http_reply(req, 200, "text/html", b.bytes, b.n);
    buf_done(&b);
}

void sched_web_routes(struct sched *s, struct http_route out[SCHED_ROUTES])
{
    out[0] = (struct http_route){"/", show_page, s};
    out[1] = (struct http_route){"/jobs", show_jobs, s};
    out[2] = (struct http_route){"/metrics", show_metrics, s};
    out[3] = (struct http_route){"/show", sched_web_job, s};
}
