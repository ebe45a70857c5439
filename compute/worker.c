#include "compute/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/net.h"
#include "compute/job_client.h"
#include "compute/worker_inner.h"

enum { ARENA_MAX = 64 << 20, RETRY_MS = 100, NEWS_MS = 500, RACK_RETRY_MS = 1000 };

/* ---- its disk ---- */

bool worker_disk_works(struct worker_daemon *w)
{
    static const uint8_t zeros[16 << 10];
    char path[1100];
    int fd, saved;
    bool ok;

    errno = 0;

    snprintf(path, sizeof path, "%s/probe", w->dir);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ok = fd >= 0 && write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros;
    saved = ok ? 0 : errno ? errno : ENOSPC; /* a short write is a full disk */
    if (fd >= 0)
        close(fd);
    unlink(path);
    if (ok == !w->disk_bad)
        return ok;
    if (!ok)
        LOG_ERROR("worker.disk", "dir=%s err=\"%s\" next=\"take no tasks until it is well\"",
                  w->dir, strerror(saved));
    else if (w->disk_bad)
        LOG_INFO("worker.disk", "dir=%s next=\"take tasks again\"", w->dir);
    w->disk_bad = !ok;
    return ok;
}

/* ---- asking for work ---- */

/* With the lock; the rack may be found while the call is under way, so it is a copy of @a's. */
static void describe(struct worker_daemon *w, struct arena *a, Pb__WorkerIdProto *out)
{
    pb__worker_id_proto__init(out);
    out->uuid.data = w->uuid;
    out->uuid.len = WORKER_UUID_BYTES;
    out->host = w->host;
    out->ip = w->ip;
    out->shuffle = w->shuffle_address;
    out->slots = w->disk_bad ? 0 : w->slots;
    out->rack = arena_strndup(a, w->rack, strlen(w->rack));
    out->has_memorymb = 1;
    out->memorymb = (uint64_t)conf_int(w->conf, OPT_worker_memory);
}

static size_t known_attempts(struct worker_daemon *w, struct arena *a, Pb__AttemptIdProto ***out)
{
    Pb__AttemptIdProto *ids;
    size_t n = 0, i = 0;

    for (struct running *r = w->running; r; r = r->next)
        n++;
    ids = arena_alloc(a, (n + 1) * sizeof *ids);
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    MUST(ids && *out);
    for (struct running *r = w->running; r; r = r->next, i++) {
        worker_attempt_proto(&r->task.id, &ids[i]);
        (*out)[i] = &ids[i];
    }
    return n;
}

static size_t known_jobs(struct worker_daemon *w, struct arena *a, Pb__JobIdProto ***out)
{
    Pb__JobIdProto *ids;
    size_t n = 0, i = 0;

    for (struct worker_job *j = w->jobs; j; j = j->next)
        n++;
    ids = arena_alloc(a, (n + 1) * sizeof *ids);
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    MUST(ids && *out);
    for (struct worker_job *j = w->jobs; j; j = j->next, i++) {
        pb__job_id_proto__init(&ids[i]);
        ids[i].epoch = j->id.epoch;
        ids[i].job = j->id.job;
        (*out)[i] = &ids[i];
    }
    return n;
}

static void obey(struct worker_daemon *w, const Pb__PollResponseProto *r)
{
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < r->n_start; i++)
        worker_task_start(w, r->start[i]);
    for (size_t i = 0; i < r->n_kill; i++) {
        struct task_id id;

        task_id_from(r->kill[i], &id);
        worker_task_kill(w, &id);
    }
    for (size_t i = 0; i < r->n_forget; i++) {
        struct task_id id = {.epoch = r->forget[i]->epoch, .job = r->forget[i]->job};

        worker_job_forget(w, &id);
    }
    pthread_mutex_unlock(&w->lock);
}

/* One call; true when the next one shall introduce the worker. */
static int poll_once(struct worker_daemon *w, struct arena *a, bool first, bool *again,
                     struct err *err)
{
    Pb__PollRequestProto r = PB__POLL_REQUEST_PROTO__INIT;
    Pb__WorkerIdProto id;
    ProtobufCMessage *m;
    int rc;

    pthread_mutex_lock(&w->lock);
    describe(w, a, &id);
    r.worker = &id;
    r.first = first;
    r.n_known = known_attempts(w, a, &r.known);
    if (first)
        r.n_jobs = known_jobs(w, a, &r.jobs);
    pthread_mutex_unlock(&w->lock);
    rc = rpc_call_method(w->polls, "poll", &r.base, &pb__poll_response_proto__descriptor, a, &m,
                         err);
    if (rc < 0)
        return rc;
    *again = ((Pb__PollResponseProto *)m)->again;
    obey(w, (Pb__PollResponseProto *)m);
    return 0;
}

static void *poll_main(void *ctx)
{
    struct worker_daemon *w = ctx;
    struct arena a;
    bool first = true, away = false;

    arena_init(&a, ARENA_MAX);
    while (!w->stopping) {
        struct err err = {0};
        bool again = false;
        int rc = poll_once(w, &a, first, &again, &err);

        arena_reset(&a);
        first = rc < 0 || again;
        if (rc < 0 && !away)
            LOG_WARN("worker.scheduler", "address=%s err=\"%s\" next=\"try until it is there\"",
                     rpc_client_address(w->polls), err.text);
        if (rc == 0 && away)
            LOG_INFO("worker.scheduler", "address=%s next=\"go on\"", rpc_client_address(w->polls));
        away = rc < 0;
        if (rc < 0)
            usleep(RETRY_MS * 1000);
    }
    arena_done(&a);
    return NULL;
}

/* ---- how tasks are doing ---- */

struct news {
    struct task_id id;
    uint32_t permille;
    char status[TASK_STATUS_MAX];
};

static size_t collect_news(struct worker_daemon *w, struct news *list, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&w->lock);
    for (struct running *r = w->running; r && n < max; r = r->next) {
        uint64_t alive = atomic_load(&r->task.alive);

        if (alive == r->told_alive)
            continue;
        r->told_alive = alive;
        list[n].id = r->task.id;
        list[n].permille = atomic_load(&r->task.permille);
        pthread_mutex_lock(&r->task.lock);
        memcpy(list[n].status, r->task.status, sizeof list[n].status);
        pthread_mutex_unlock(&r->task.lock);
        n++;
    }
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void *news_main(void *ctx)
{
    static struct news list[1024];
    struct worker_daemon *w = ctx;

    while (!w->stopping) {
        worker_disk_works(w);
        size_t n = collect_news(w, list, sizeof list / sizeof *list);

        for (size_t i = 0; i < n && !w->stopping; i++)
            worker_report_alive(w, &list[i].id, list[i].permille, list[i].status);
        usleep(NEWS_MS * 1000);
    }
    return NULL;
}

/* ---- which rack it is in: that of the datanode beside it ---- */

static bool find_rack(struct worker_daemon *w, struct store *store)
{
    struct dfs_host *hosts;
    size_t n;
    bool found = false;

    if (store_hosts(store, &hosts, &n, NULL) < 0)
        return false;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < n && !found; i++) {
        found = strcmp(hosts[i].ip, w->ip) == 0 || strcmp(hosts[i].name, w->host) == 0;
        if (found)
            snprintf(w->rack, sizeof w->rack, "%s", hosts[i].rack ? hosts[i].rack : "");
    }
    pthread_mutex_unlock(&w->lock);
    dfs_hosts_free(hosts, n);
    return found;
}

static void *rack_main(void *ctx)
{
    struct worker_daemon *w = ctx;
    struct store *store = NULL;

    if (store_new(w->conf, NULL, NULL, &store, NULL) < 0)
        return NULL;
    while (!w->stopping && !find_rack(w, store))
        usleep(RACK_RETRY_MS * 1000);
    store_free(store);
    return NULL;
}

/* ---- start ---- */

static bool any_address(const char *host)
{
    return !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* The name and address that the namenode knows this machine's datanode by. */
static int find_name(struct worker_daemon *w, const struct net_addr *shuffle, struct err *err)
{
    const char *name = conf_text(w->conf, OPT_worker_hostname);
    struct net_addr at;
    int rc = net_addr_parse(conf_text(w->conf, OPT_worker_address), 8041, &at, err);

    if (rc < 0)
        return rc;
    if (!*name)
        name = conf_text(w->conf, OPT_dn_hostname);
    if (*name)
        snprintf(w->host, sizeof w->host, "%s", name);
    else
        net_hostname(w->host, sizeof w->host);
    name = any_address(shuffle->host) ? at.host : shuffle->host;
    if (any_address(name))
        name = w->host;
    if (net_resolve_ip(name, w->ip, sizeof w->ip, err) < 0)
        snprintf(w->ip, sizeof w->ip, "127.0.0.1");
    return 0;
}

static int64_t read_running(void *ctx)
{
    struct worker_daemon *w = ctx;
    int64_t n = 0;

    pthread_mutex_lock(&w->lock);
    for (struct running *r = w->running; r; r = r->next)
        n++;
    pthread_mutex_unlock(&w->lock);
    return n;
}
static int64_t read_started(void *ctx)
{
    return (int64_t)((struct worker_daemon *)ctx)->tasks_started;
}
static int64_t read_failed(void *ctx)
{
    return (int64_t)((struct worker_daemon *)ctx)->tasks_failed;
}

static struct metric table[] = {
    {.name = "worker_tasks_running",
     .help = "Attempts that run here.",
     .kind = METRIC_GAUGE,
     .read = read_running},
    {.name = "worker_tasks_started_total",
     .help = "Attempts that were started.",
     .kind = METRIC_COUNTER,
     .read = read_started},
    {.name = "worker_tasks_failed_total",
     .help = "Attempts that failed or were killed.",
     .kind = METRIC_COUNTER,
     .read = read_failed},
};

static void show_metrics(void *ctx, struct http_request *req)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    metrics_prometheus(table, sizeof table / sizeof *table, ctx, &b);
    http_metrics(&b);
    http_reply(req, 200, "text/plain; version=0.0.4", b.bytes, b.n);
    buf_done(&b);
}

static int open_shuffle(struct worker_daemon *w, struct err *err)
{
    const struct http_route routes[] = {{"/shuffle", shuffle_serve, w->dir},
                                        {"/metrics", show_metrics, w}};
    struct net_addr at;
    uint16_t port;
    int rc = net_addr_parse(conf_text(w->conf, OPT_worker_shuffle_address), 13562, &at, err);

    if (rc == 0)
        rc = find_name(w, &at, err);
    if (rc == 0)
        rc = http_start(at.host, at.port, routes, 2, &w->http, &port, err);
    if (rc == 0)
        snprintf(w->shuffle_address, sizeof w->shuffle_address,
                 strchr(w->ip, ':') ? "[%s]:%u" : "%s:%u", w->ip, port);
    return rc;
}

/* What an earlier worker left is of no use: its map outputs count as lost. */
static void clear_dir(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[1400];

    while (d && (e = readdir(d)))
        if (strncmp(e->d_name, "job_", 4) == 0) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            job_dir_remove(path, NULL);
        }
    if (d)
        closedir(d);
}

static int own_dir(struct worker_daemon *w, struct err *err)
{
    const char *given = conf_text(w->conf, OPT_worker_dir);
    char path[1100];
    int fd, rc;

    if (*given)
        snprintf(w->dir, sizeof w->dir, "%.*s", (int)strcspn(given, ","), given);
    else
        conf_default_dir(w->conf, "worker", w->dir, sizeof w->dir);
    rc = env_mkdirs(env_posix(), w->dir, 0755, err);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "%s/in_use.lock", w->dir);
    fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_LOCKED, "%s: another worker works here", w->dir);
    clear_dir(w->dir);
    return 0;
}

static int connect_scheduler(struct worker_daemon *w, struct rpc_client **out, struct err *err)
{
    char address[300];
    const struct rpc_client_options o = {.address = address,
                                         .protocol = "ashlar.WorkerProtocol",
                                         .version = 1,
                                         .user = "worker",
                                         .connect_timeout_ms = 2000,
                                         .call_timeout_ms = 15000,
                                         .idle_timeout_ms = 60000};

    job_scheduler_address(w->conf, address, sizeof address);
    return rpc_client_new(&o, out, err);
}

static int start_threads(struct worker_daemon *w, struct err *err)
{
    if (pthread_create(&w->poll_thread, NULL, poll_main, w) != 0)
        return err_set(err, ERR_NOMEM, "can't start a thread");
    w->threads = 1;
    if (pthread_create(&w->news_thread, NULL, news_main, w) != 0)
        return err_set(err, ERR_NOMEM, "can't start a thread");
    w->threads = 2;
    if (pthread_create(&w->rack_thread, NULL, rack_main, w) != 0)
        return err_set(err, ERR_NOMEM, "can't start a thread");
    w->threads = 3;
    return 0;
}

int worker_start(const struct conf *conf, struct worker_daemon **out, struct err *err)
{
    struct worker_daemon *w = calloc(1, sizeof *w);
    int64_t slots = conf_int(conf, OPT_worker_slots);
    int rc;

    if (!w)
        return err_set(err, ERR_NOMEM, "no memory for a worker");
    w->conf = conf;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    pthread_cond_init(&w->told, NULL);
    env_random(env_posix(), w->uuid, sizeof w->uuid);
    w->slots = (uint32_t)(slots ? slots : sysconf(_SC_NPROCESSORS_ONLN));
    bounds_find(&w->home, "/sys/fs/cgroup", "/proc/self/cgroup",
                conf_text(conf, OPT_worker_cgroup));
    rc = own_dir(w, err);
    if (rc == 0)
        rc = open_shuffle(w, err);
    if (rc == 0)
        rc = connect_scheduler(w, &w->polls, err);
    if (rc == 0)
        rc = connect_scheduler(w, &w->calls, err);
    if (rc == 0)
        rc = start_threads(w, err);
    if (rc < 0) {
        worker_stop(w);
        return rc;
    }
    LOG_INFO("worker.start", "host=%s shuffle=%s slots=%u scheduler=%s dir=%s cgroups=%s", w->host,
             w->shuffle_address, w->slots, rpc_client_address(w->polls), w->dir,
             w->home.version == 0 ? "none"
             : *w->home.memory    ? w->home.memory
                                  : w->home.cpu);
    *out = w;
    return 0;
}

static void cancel_all(struct worker_daemon *w)
{
    pthread_mutex_lock(&w->lock);
    for (struct running *r = w->running; r; r = r->next)
        atomic_store(&r->task.cancelled, true);
    while (w->running)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct worker_daemon *w)
{
    const pthread_t threads[] = {w->poll_thread, w->news_thread, w->rack_thread};

    w->stopping = true;
    cancel_all(w);
    for (int i = 0; i < w->threads; i++)
        pthread_join(threads[i], NULL);
    http_stop(w->http);
    rpc_client_free(w->polls);
    rpc_client_free(w->calls);
    while (w->jobs) {
        struct worker_job *j = w->jobs;

        w->jobs = j->next;
        store_free(j->store);
        arena_done(&j->arena);
        free(j);
    }
    clear_dir(w->dir);
    free(w);
}
