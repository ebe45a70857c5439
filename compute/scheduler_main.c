/* scheduler_main.c -- the scheduler: takes jobs, gives their tasks to workers. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/log.h"
#include "common/net.h"
#include "compute/job_client.h"
#include "compute/sched_web.h"

/* Clients end a connection that is idle for a minute themselves. */
enum { IDLE_MS = 120000 };
enum { BUSY_TICK_MS = 20, IDLE_TICK_MS = 100 };

static volatile sig_atomic_t stop_asked;

static void on_signal(int n)
{
    (void)n;
    stop_asked = 1;
}

/* ---- the clock's part ---- */

static void lose_silent_workers(struct sched *s)
{
    uint64_t now = sched_now(s);
    struct worker *next;

    for (struct worker *w = s->workers; w; w = next) {
        next = w->next;
        if (now - w->last_seen_ms > s->worker_timeout_ms)
            sched_worker_lost(s, w, "nothing was heard of its worker");
    }
}

static bool busy(const struct sched *s)
{
    return s->active != NULL;
}

static void tick(struct sched *s)
{
    bool is_busy;

    pthread_mutex_lock(&s->lock);
    lose_silent_workers(s);
    for (struct job *j = s->active; j; j = j->next_active)
        twin_look(s, j);
    queue_preempt(s);
    sched_expire(s);
    sched_wake(s);
    is_busy = busy(s);
    pthread_mutex_unlock(&s->lock);
    usleep((is_busy ? BUSY_TICK_MS : IDLE_TICK_MS) * 1000);
}

/* ---- start ---- */

/* Two schedulers over one directory would each believe the journal to be theirs. */
static int lock_dir(const struct sched *s, struct err *err)
{
    char path[1100];
    int fd;

    snprintf(path, sizeof path, "%s/in_use.lock", s->dir);
    if (env_mkdirs(s->env, s->dir, 0700, err) < 0)
        return -ERR_IO;
    fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_LOCKED, "%s: another scheduler works here", s->dir);
    return 0;
}

static void take_up(struct sched *s)
{
    bool any = false;

    for (struct job *j = s->jobs; j; j = j->next) {
        if (sched_job_ended(j))
            continue;
        any = true;
        LOG_INFO("scheduler.resume", "job=%u maps_done=%u of=%u reduces_done=%u of=%u", j->id.job,
                 j->maps_done, j->map_count, j->reduces_done, j->reduce_count);
        if (j->maps_done == j->map_count && j->reduces_done == j->reduce_count)
            j->state = PB__JOB_STATE_PROTO__COMMITTING;
        if (j->state == PB__JOB_STATE_PROTO__COMMITTING)
            sched_finish(s, j);
    }
    s->settling = any;
    s->settle_until_ms = sched_now(s) + s->worker_timeout_ms;
    if (any)
        journal_workers_load(s);
}

static int sched_start(struct sched *s, const struct conf *conf, struct err *err)
{
    const char *policy = conf_text(conf, OPT_sched_policy);
    int rc;

    *s = (struct sched){.conf = conf, .env = env_posix()};
    pthread_mutex_init(&s->lock, NULL);
    conf_default_dir(conf, "scheduler", s->dir, sizeof s->dir);
    s->epoch = env_now_ms(s->env);
    s->worker_timeout_ms = (uint32_t)conf_int(conf, OPT_worker_timeout);
    s->fair = strcmp(policy, "fifo") != 0;
    s->preempts = conf_bool(conf, OPT_preempt);
    rc = lock_dir(s, err);
    if (rc < 0)
        return rc;
    sched_keep_recover(s);
    s->loading = true;
    rc = journal_load(s, err);
    s->loading = false;
    if (rc == 0)
        take_up(s);
    return rc;
}

static int open_rpc(struct sched *s, struct err *err)
{
    struct rpc_protocol protocols[2];
    struct rpc_server_options o = {
        .protocols = protocols,
        .frame_max_bytes = (uint32_t)conf_int(s->conf, OPT_ipc_max_length),
        .connections_max = (int)conf_int(s->conf, OPT_ipc_max_connections),
        .idle_timeout_ms = IDLE_MS};
    struct net_addr at;
    char address[300];
    int rc;

    job_scheduler_address(s->conf, address, sizeof address);
    rc = net_addr_parse(address, 8032, &at, err);
    if (rc < 0)
        return rc;
    o.host = conf_text(s->conf, OPT_sched_address)[0] ? at.host : "0.0.0.0";
    o.port = at.port;
    o.protocol_count = sched_rpc_protocols(s, protocols);
    return rpc_server_start(&o, &s->rpc, err);
}

static int open_http(struct sched *s, struct http_server **http, struct err *err)
{
    struct http_route routes[SCHED_ROUTES];
    struct net_addr at;
    uint16_t port;
    int rc = net_addr_parse(conf_text(s->conf, OPT_sched_http_address), 8088, &at, err);

    if (rc < 0)
        return rc;
    sched_web_routes(s, routes);
    rc = http_start(at.host, at.port, routes, SCHED_ROUTES, http, &port, err);
    if (rc == 0)
        LOG_INFO("scheduler.start", "rpc=%u http=%u dir=%s jobs=%d", rpc_server_port(s->rpc), port,
                 s->dir, s->job_count);
    return rc;
}

static int serve(const struct conf *conf, struct err *err)
{
    static struct sched s;
    struct http_server *http = NULL;
    int rc = sched_start(&s, conf, err);

    if (rc == 0)
        rc = open_rpc(&s, err);
    if (rc == 0)
        rc = open_http(&s, &http, err);
    if (rc == 0) {
        sched_nodes_watch(&s);
        sched_keep_start(&s);
    }
    while (rc == 0 && !stop_asked)
        tick(&s);
    s.stopping = true;
    http_stop(http);
    rpc_server_stop(s.rpc);
    return rc;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct conf *conf = NULL;
    struct err err = {0};
    int rc;

    log_init();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    rc = conf_of_program("scheduler", argc, argv, &conf, &err);
    if (conf)
        rc = serve(conf, &err);
    if (rc < 0)
        fprintf(stderr, "scheduler: %s\n", err.text);
    return rc < 0;
}
