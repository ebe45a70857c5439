/* worker_inner.h -- what the files of the worker share; see worker.h.
 *
 * Thread:  `lock` guards the lists and what they hold, but for the struct task of an attempt,
 *          which has its own rules.
 */
#ifndef DFS_COMPUTE_WORKER_INNER_H
#define DFS_COMPUTE_WORKER_INNER_H

#include "compute/job_dir.h"
#include "compute/shuffle.h"
#include "compute/worker.h"
#include "proto/rpc_client.h"

enum { WORKER_UUID_BYTES = 16 };

/* A job that has or had tasks here. */
struct worker_job {
    struct task_id id;
    struct arena arena; /* of the spec */
    Pb__JobSpecProto *spec;
    struct store *store;
    struct bounds owner; /* as whom its programs run; no limits */
    enum { JOB_NEW, JOB_FETCHING, JOB_READY } state;
    int users;      /* attempts that run */
    bool forgotten; /* to be removed once nobody uses it */
    struct worker_job *next;
};

struct running {
    struct worker_daemon *w;
    struct task task;
    struct worker_job *job;
    struct arena arena; /* of the split */
    Pb__SplitProto *split;
    uint64_t told_alive; /* value of task.alive in the last report */
    bool ended;
    struct running *next;
};

/* An end that waits to be told; several go in one call. */
struct ended {
    const Pb__ReportRequestProto *report;
    bool told, wanted;
    struct ended *next;
};

struct worker_daemon {
    const struct conf *conf;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct running *running;
    struct worker_job *jobs;
    struct ended *ended;
    bool telling; /* one of those who wait tells for all */
    pthread_cond_t told;
    _Atomic bool stopping;

    uint8_t uuid[WORKER_UUID_BYTES];
    char host[256], ip[64], shuffle_address[300], rack[256], dir[1024];
    uint32_t slots;
    struct bounds_home home; /* of groups that bound attempts */
    _Atomic bool disk_bad;   /* its directory takes no files: no new tasks */
    struct rpc_client *polls, *calls;
    struct http_server *http;
    pthread_t poll_thread, news_thread, rack_thread;
    int threads;
    _Atomic uint64_t tasks_started, tasks_failed, shuffle_bytes;
};

/* Whether the worker's directory takes a file; says so in the log when that has changed. */
bool worker_disk_works(struct worker_daemon *w);

/* ---- worker_task.c ---- */

/* Starts an attempt on a thread of its own; lock held.  One that is known already is left. */
void worker_task_start(struct worker_daemon *w, const Pb__StartTaskProto *p);
void worker_task_kill(struct worker_daemon *w, const struct task_id *id);   /* lock held */
void worker_job_forget(struct worker_daemon *w, const struct task_id *job); /* lock held */
/* Tells the scheduler how one attempt is doing. */
int worker_report_alive(struct worker_daemon *w, const struct task_id *id, uint32_t permille,
                        const char *status);
void worker_attempt_proto(const struct task_id *id, Pb__AttemptIdProto *out);

/* ---- worker_fetch.c ---- */

/* The `fetch` of a reduce task: every map's output, as maps finish. */
int worker_fetch(struct task *t, struct spill_reader *readers, uint32_t *opened, struct err *err);

#endif
