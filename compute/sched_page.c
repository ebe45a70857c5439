/* sched_page.c -- one job as a page: how it stands, its tasks, and a picture of them over the slots of the workers.
 *
 * In the picture time goes to the right; each worker has as many lanes as it ran attempts at a time.  Maps are coloured
 * by how near their input was.
 */
#include <stdio.h>
#include <stdlib.h>

#include "compute/job_print.h"
#include "compute/sched_web.h"

enum {
    PAGE_MAX = 32 << 20,
    SHOWN_MAX = 4000,
    LANES_MAX = 256,
    WIDTH = 1000,
    LANE = 12,
    LEFT = 140
};

struct bar {
    const struct attempt *a;
    int lane;
};

static const char *const colours[] = {"#3a9d4f", "#d9a520", "#c8502d"};

static const char *colour_of(const struct attempt *a)
{
    if (a->state == ATTEMPT_FAILED || a->state == ATTEMPT_LOST)
        return "#888";
    if (a->state == ATTEMPT_KILLED)
        return "#ccc";
    return a->task->is_reduce ? "#4a6fb5" : colours[a->locality];
}

static const char *nearness_of(const struct attempt *a)
{
    static const char *const names[] = {"data-local", "rack-local", "off-rack"};

    return a->task->is_reduce ? "reduce" : names[a->locality];
}

static size_t collect(const struct sched_task *tasks, uint32_t n, struct bar *bars, size_t count)
{
    for (uint32_t i = 0; i < n; i++)
        for (const struct attempt *a = tasks[i].attempts; a && count < SHOWN_MAX; a = a->next)
            bars[count++] = (struct bar){.a = a};
    return count;
}

static int by_worker_and_start(const void *x, const void *y)
{
    const struct attempt *a = ((const struct bar *)x)->a, *b = ((const struct bar *)y)->a;
    int order = strcmp(a->worker_name, b->worker_name);

    if (order == 0)
        order = (a->started_ms > b->started_ms) - (a->started_ms < b->started_ms);
    return order;
}

/* The first lane of the worker that is free when the attempt begins. */
static int lay_out(struct bar *bars, size_t n, uint64_t now)
{
    uint64_t busy_until[LANES_MAX];
    int first = 0, used = 0;

    for (size_t i = 0; i < n; i++) {
        const struct attempt *a = bars[i].a;
        int lane = 0;

        if (i == 0 || strcmp(a->worker_name, bars[i - 1].a->worker_name) != 0) {
            first += used;
            used = 0;
        }
        while (lane < used && busy_until[lane] > a->started_ms)
            lane++;
        if (lane == used && used < LANES_MAX)
            used++;
        lane = lane < LANES_MAX ? lane : LANES_MAX - 1;
        busy_until[lane] = a->finished_ms ? a->finished_ms : now;
        bars[i].lane = first + lane;
    }
    return first + used;
}

static void put_bar(struct buf *b, const struct bar *bar, uint64_t from, double scale, uint64_t now)
{
    const struct attempt *a = bar->a;
    uint64_t end = a->finished_ms ? a->finished_ms : now;
    double x = LEFT + (double)(a->started_ms - from) * scale;
    double width = (double)(end > a->started_ms ? end - a->started_ms : 0) * scale;

    buf_printf(b, "<rect x=%.1f y=%d width=%.1f height=%d fill=\"%s\"><title>", x,
               bar->lane * LANE + 1, width < 1 ? 1 : width, LANE - 2, colour_of(a));
    buf_printf(b, "%s %u.%u on ", a->task->is_reduce ? "reduce" : "map", a->task->index, a->number);
    sched_web_text(b, a->worker_name);
    buf_printf(b, ", %s, %.3f s: ", nearness_of(a), (double)(end - a->started_ms) / 1000);
    sched_web_text(b, a->why);
    buf_puts(b, "</title></rect>\n");
}

static void put_picture(struct buf *b, struct bar *bars, size_t n, uint64_t now)
{
    uint64_t from = UINT64_MAX, to = 0;
    int lanes;

    if (!n)
        return;
    qsort(bars, n, sizeof *bars, by_worker_and_start);
    lanes = lay_out(bars, n, now);
    for (size_t i = 0; i < n; i++) {
        uint64_t end = bars[i].a->finished_ms ? bars[i].a->finished_ms : now;

        from = bars[i].a->started_ms < from ? bars[i].a->started_ms : from;
        to = end > to ? end : to;
    }
    double scale = (double)(WIDTH - LEFT) / (double)(to > from ? to - from : 1);

    buf_printf(b, "<svg width=%d height=%d font-size=10>\n", WIDTH, lanes * LANE);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(bars[i].a->worker_name, bars[i - 1].a->worker_name) != 0) {
            buf_printf(b, "<text x=0 y=%d>", bars[i].lane * LANE + 10);
            sched_web_text(b, bars[i].a->worker_name);
            buf_puts(b, "</text>\n");
        }
        put_bar(b, &bars[i], from, scale, now);
    }
    buf_printf(b,
               "</svg><p>%.1f s. <b style=color:%s>data-local</b> <b style=color:%s>rack-local</b> "
               "<b style=color:%s>off-rack</b> <b style=color:#4a6fb5>reduce</b> "
               "<b style=color:#888>failed</b> <b style=color:#ccc>ended</b>\n",
               (double)(to - from) / 1000, colours[0], colours[1], colours[2]);
}

static void put_tasks(struct buf *b, const struct bar *bars, size_t n, uint64_t now)
{
    static const char *const states[] = {"assigned", "running", "succeeded",
                                         "failed",   "killed",  "lost"};

    buf_puts(
        b, "<h2>Attempts</h2><table><tr><th>attempt<th>worker<th>state<th>progress<th>time<th>near"
           "<th>why there<th>status\n");
    for (size_t i = 0; i < n; i++) {
        const struct attempt *a = bars[i].a;
        uint64_t end = a->finished_ms ? a->finished_ms : now;

        buf_printf(b, "<tr><td>%s %u.%u<td>", a->task->is_reduce ? "reduce" : "map", a->task->index,
                   a->number);
        sched_web_text(b, a->worker_name);
        buf_printf(b, "<td>%s<td>%u%%<td>%.3f s<td>%s<td>", states[a->state], a->permille / 10,
                   (double)(end - a->started_ms) / 1000, nearness_of(a));
        sched_web_text(b, a->why);
        buf_puts(b, "<td>");
        sched_web_text(b, a->failure ? a->failure : a->status);
        buf_puts(b, "\n");
    }
    buf_puts(b, "</table>\n");
}

static void put_page(struct buf *b, const struct job *j)
{
    struct bar *bars = calloc(SHOWN_MAX + 1, sizeof *bars);
    uint64_t now = env_now_ms(env_posix());
    char name[TASK_NAME_MAX];
    size_t n = 0;

    task_job_name(&j->id, name, sizeof name);
    buf_printf(b, "<!doctype html><meta charset=utf-8><title>%s</title>", name);
    if (!sched_job_ended(j))
        buf_puts(b, "<meta http-equiv=refresh content=2>");
    buf_puts(b,
             "<style>body{font:14px sans-serif;margin:2em}td,th{padding:.1em .8em;text-align:left;"
             "vertical-align:top}</style><p><a href=\".\">all jobs</a>");
    buf_printf(b, "<h1>%s: ", name);
    sched_web_text(b, j->submit->spec->name);
    buf_printf(b, "</h1><p>%s, %u of %u maps, %u of %u reduces, queue ", job_state_name(j->state),
               j->maps_done, j->map_count, j->reduces_done, j->reduce_count);
    sched_web_text(b, j->queue->name);
    if (j->failure) {
        buf_puts(b, "<pre>");
        sched_web_text(b, j->failure);
        buf_puts(b, "</pre>");
    }
    if (bars) {
        n = collect(j->maps, j->map_count, bars, 0);
        n = collect(j->reduces, j->reduce_count, bars, n);
        put_picture(b, bars, n, now);
        put_tasks(b, bars, n, now);
    }
    free(bars);
}

void sched_web_job(void *ctx, struct http_request *req)
{
    struct sched *s = ctx;
    struct task_id id;
    char text[TASK_NAME_MAX];
    struct job *j = NULL;
    struct buf b;

    if (!http_query(req, "id", text, sizeof text) || !task_job_parse(text, &id)) {
        http_reply(req, 400, "text/plain", "which job? show?id=job_...\n", 27);
        return;
    }
    buf_init(&b, PAGE_MAX);
    pthread_mutex_lock(&s->lock);
    j = sched_job(s, id.epoch, id.job);
    if (j)
        put_page(&b, j);
    pthread_mutex_unlock(&s->lock);
    if (j)
        http_reply(req, 200, "text/html", b.bytes, b.n);
    else
        http_reply(req, 404, "text/plain", "no such job\n", 12);
    buf_done(&b);
}
