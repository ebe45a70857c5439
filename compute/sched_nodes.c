/* sched_nodes.c -- which machines are being emptied: the store knows.
 *
 * A datanode that is decommissioned or taken into maintenance takes its worker along: what runs there ends, map
 * output that lies there is served, nothing new is begun.
 */
#include <pthread.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/sched.h"

enum { LOOK_MS = 2000, STEP_MS = 100 };

static const struct dfs_host *host_of(const struct worker *w, const struct dfs_host *hosts,
                                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(hosts[i].ip, w->ip) == 0 || strcmp(hosts[i].name, w->host) == 0)
            return &hosts[i];
    return NULL;
}

static void mark(struct sched *s, const struct dfs_host *hosts, size_t n)
{
    pthread_mutex_lock(&s->lock);
    for (struct worker *w = s->workers; w; w = w->next) {
        const struct dfs_host *h = host_of(w, hosts, n);
        bool leaving = h && h->leaving;

        if (leaving != w->leaving)
            LOG_INFO("scheduler.leaving", "worker=%s leaving=%d next=\"%s\"", w->host, leaving,
                     leaving ? "give it nothing new" : "use it again");
        w->leaving = leaving;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool has_jobs(struct sched *s)
{
    bool any;

    pthread_mutex_lock(&s->lock);
    any = s->active != NULL;
    pthread_mutex_unlock(&s->lock);
    return any;
}

static void *watch(void *ctx)
{
    struct sched *s = ctx;
    struct store *store = NULL;
    struct dfs_host *hosts;
    size_t n;

    while (!s->stopping) {
        if (!store && store_new(s->conf, NULL, NULL, &store, NULL) < 0)
            store = NULL;
        if (store && has_jobs(s) && store_hosts(store, &hosts, &n, NULL) == 0) {
            mark(s, hosts, n);
            dfs_hosts_free(hosts, n);
        }
        for (int i = 0; i < LOOK_MS / STEP_MS && !s->stopping; i++)
            usleep(STEP_MS * 1000);
    }
    store_free(store);
    return NULL;
}

void sched_nodes_watch(struct sched *s)
{
    pthread_t thread;

    MUST(pthread_create(&thread, NULL, watch, s) == 0);
    pthread_detach(thread);
}
