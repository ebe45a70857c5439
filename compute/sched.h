/* sched.h -- the scheduler's state: jobs, their tasks and attempts, the workers; and its moves.
 *
 * One lock guards all of it; every function below expects it held unless it says otherwise.
 * What happened is told to the journal first where it must survive a restart, then the state
 * changes, then those who wait (workers for tasks, reducers for map outputs, clients for news)
 * are answered: sched_wake().
 *
 * Always true, and checked by sched_check() in tests:
 *   S1  a task is DONE iff exactly one of its attempts is its winner; it may have two attempts that
 *       live, the second one speculative, until one is the winner
 *   S2  a worker's running counts are those of its live attempts
 *   S3  a job that has ended has no live attempt that was not told to die
 *   S4  the maps_done and reduces_done of a job are counts of its DONE tasks
 *
 * Thread:  any, under the lock.
 * Design:  docs/design/jobs.md
 */
#ifndef DFS_COMPUTE_SCHED_H
#define DFS_COMPUTE_SCHED_H

#include <pthread.h>
#include <uthash.h>

#include "common/conf.h"
#include "compute/place.h"
#include "compute/task.h"
#include "proto/rpc_server.h"

enum { UUID_BYTES = 16, FAILURE_MAX = 4096, TAIL_MAX = 8 << 10, JOBS_KEPT = 500 };

enum task_state { TASK_WAITING, TASK_RUNNING, TASK_DONE };
enum attempt_state {
    ATTEMPT_ASSIGNED, /* promised to a worker that has not said that it knows */
    ATTEMPT_RUNNING,
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED,
    ATTEMPT_KILLED,
    ATTEMPT_LOST /* with its worker */
};

/* What is known of a machine, however often its worker was started anew. */
struct node {
    char *host;
    double blame; /* tasks that failed there and then succeeded elsewhere; halves with time */
    uint64_t blame_ms;
    UT_hash_handle hh;
};

/* Jobs compete in queues: mapreduce.job.queuename. */
struct queue {
    char *name;
    double weight;
    uint32_t running;             /* attempts of its jobs */
    uint64_t starved_since_ms[2]; /* 0: it has its share of map slots, of reduce slots */
    struct queue *next;
};

struct worker {
    uint8_t uuid[UUID_BYTES];
    char *host, *ip, *shuffle, *rack, *rpc;
    uint32_t slots;
    uint32_t running[2];             /* maps, reduces */
    uint64_t memory_mb, memory_used; /* by tasks that say how much they need; 0: not limited */
    struct node *node;
    bool leaving; /* its datanode is being decommissioned: no new tasks */
    bool alive;   /* false: known from the journal only, or lost */
    uint64_t last_seen_ms;
    struct rpc_call *poll; /* held until there is something to do */
    bool asks;             /* its reports are being answered: that can bring work, too */
    uint64_t poll_until_ms;
    struct attempt *promised; /* chain by next_here: its attempts that live */
    struct task_id *kills;
    size_t kill_count, kill_cap;
    struct task_id *forgets; /* jobs */
    size_t forget_count, forget_cap;
    struct worker *next;
};

struct attempt {
    uint32_t number;
    enum attempt_state state;
    enum locality locality;
    struct worker *worker; /* NULL: gone */
    char *worker_name;
    struct sched_task *task;
    uint64_t started_ms, finished_ms, heard_ms;
    uint32_t permille;
    char *failure, *status, *tail;
    size_t tail_n;
    struct counters counters;
    bool told;                 /* in an answer that may have got lost */
    bool blamed;               /* it failed by itself */
    bool speculative;          /* beside an older one that is slow */
    uint64_t waited_ms;        /* from when its task could run */
    char *why;                 /* why it ran there */
    struct attempt *next;      /* older one of the same task */
    struct attempt *next_here; /* of the same worker */
};

struct sched_task {
    struct job *job;
    uint32_t index;
    bool is_reduce;
    enum task_state state;
    uint32_t next_number, failures, excuses, fetch_failures;
    uint64_t not_before_ms;    /* a pause after a failure */
    uint64_t waiting_since_ms; /* monotonic */
    bool
        given_up; /* failed too often, which the job allows: it runs once more, and gives nothing */
    bool wants_twin; /* its attempt is slow: a second one may start */
    struct attempt *attempts, *winner;
};

/* A job's own settings, or the scheduler's: looked up once. */
struct job_rules {
    uint64_t node_wait_ms, rack_wait_ms;
    bool anywhere; /* ashlar.scheduler.locality.ignore */
    double slowstart, weight;
    int priority; /* 0: normal */
    uint64_t memory_mb[2];
    uint32_t attempts_max[2], shun_limit;
    bool speculative[2];
    uint32_t failures_percent[2]; /* of tasks that may fail without the job failing */
};

/* How long the finished tasks of a kind took. */
struct job_pace {
    uint32_t done;
    double sum_ms, squares;
};

/* A host's failures of a job. */
struct job_node {
    char *host;
    uint32_t failures;
    bool shunned;
    UT_hash_handle hh;
};

/* The waiting tasks of a job near one host or in one rack. */
struct nearby {
    char *name;
    uint32_t *tasks;
    size_t n, cap, cursor; /* tasks before the cursor don't wait any more */
    UT_hash_handle hh;
};

struct map_event {
    uint32_t task, attempt;
    struct worker *worker;
    char *shuffle;
};

struct job {
    struct task_id id;
    Pb__SubmitJobRequestProto *submit; /* spec and splits, in the arena */
    struct arena arena;
    char *token; /* hex */
    Pb__JobStateProto state;
    uint64_t submitted_ms, finished_ms, version;
    char *failure;
    struct sched_task *maps, *reduces;
    uint32_t map_count, reduce_count, maps_done, reduces_done, running;
    uint32_t waiting_maps, waiting_reduces;
    uint32_t given_up[2];         /* tasks, by kind */
    uint32_t live[2];             /* attempts, by kind */
    uint32_t twins, twins_wanted; /* speculative attempts that live; tasks that want one */
    uint64_t permille[2];         /* sum over running tasks, of their latest attempt */
    struct queue *queue;
    struct job_rules rules;
    struct job_pace pace[2];
    struct job_node *nodes;
    int shunned;
    uint64_t twins_looked_ms;
    struct counters counters; /* of the tasks that are done, and the job's own */
    struct nearby *by_host, *by_rack, *by_cache;
    struct nearby anywhere;
    uint64_t skipped_since_ms; /* 0: the last offer was taken by a local task */
    struct map_event *events;
    size_t event_count, event_cap;
    int journal_fd;
    uint32_t restarts;                      /* schedulers before this one */
    bool finishing;                         /* a thread commits or cleans up */
    struct job *next;                       /* newer */
    struct job *next_active, **active_link; /* among those that may have tasks to give out */
};

/* A client or a reducer that waits for news of a job. */
struct waiter {
    struct rpc_call *call;
    struct job *job;
    uint64_t seen, asked_ms, until_ms;
    bool for_outputs;
    struct waiter *next;
};

struct sched {
    pthread_mutex_t lock;
    pthread_cond_t tick;
    const struct conf *conf;
    struct env *env;
    struct rpc_server *rpc; /* started before the web pages that show it */
    char dir[1024];
    uint64_t epoch;
    uint32_t last_job;
    struct job *jobs, *newest;
    struct job *active; /* RUNNING ones, in no order */
    int job_count;
    struct node *nodes;
    struct queue *queues;
    struct worker *workers;
    struct waiter *waiters;
    /* After a restart workers still have to tell what they run; nothing is given out before those
     * that were there have spoken, or are given up. */
    bool settling;
    uint64_t settle_until_ms;
    uint8_t (*awaited)[UUID_BYTES];
    size_t awaited_count;
    uint32_t worker_timeout_ms;
    bool fair, loading, preempts;
    uint64_t preempted;
    _Atomic bool stopping;
    int finishers;        /* threads of sched_finish.c */
    uint64_t assigned[3]; /* by locality, since the start */
    uint64_t tasks_done, tasks_failed, jobs_done;
};

uint64_t sched_now(struct sched *s); /* monotonic, ms */

/* ---- jobs ---- */

/* Takes a job; its journal is on disk when this returns 0.  The same token gives the same job. */
int sched_submit(struct sched *s, const Pb__SubmitJobRequestProto *r, struct job **out,
                 struct err *err);
struct job *sched_job(struct sched *s, uint64_t epoch, uint32_t number);
void sched_job_fail(struct sched *s, struct job *j, const char *why);
void sched_job_kill(struct sched *s, struct job *j, const char *why);
bool sched_job_ended(const struct job *j);
void sched_job_changed(struct job *j);
void sched_job_free(struct job *j);
void sched_job_activate(struct sched *s, struct job *j); /* it may have tasks to give out */
void sched_job_rest(struct job *j);                      /* no more */
/* An empty job with its tasks, from what was submitted; takes no note in the journal. */
struct job *sched_job_new(struct sched *s, const struct task_id *id,
                          const Pb__SubmitJobRequestProto *r, struct err *err);
void sched_job_status(const struct job *j, struct arena *a, Pb__JobStatusProto *out);
struct sched_task *sched_task_of(struct job *j, const struct task_id *id);
void sched_drop_old(struct sched *s);

/* ---- attempts ---- */

struct attempt *sched_attempt_new(struct sched *s, struct sched_task *t, struct worker *w,
                                  enum locality where, const char *why);
struct attempt *sched_attempt(struct job *j, const struct task_id *id);
void sched_attempt_progress(struct attempt *a, uint32_t permille);
void sched_attempt_id(const struct attempt *a, struct task_id *out);
bool sched_attempt_lives(const struct attempt *a);
/* Frees the place of an attempt that did nothing wrong; the task runs again. */
void sched_attempt_preempt(struct sched *s, struct attempt *a, const char *why);
/* The attempt ended.  A success may be one too many: then the answer is false. */
bool sched_attempt_done(struct sched *s, struct attempt *a);
void sched_attempt_failed(struct sched *s, struct attempt *a, const char *why, bool blameless);
void sched_attempt_end(struct sched *s, struct attempt *a, enum attempt_state state);
/* The output of a finished map is gone: it runs again if somebody still needs it. */
void sched_map_lost(struct sched *s, struct sched_task *t, const char *why);

/* ---- workers ---- */

struct worker *sched_worker(struct sched *s, const uint8_t *uuid);
struct worker *sched_worker_add(struct sched *s, const Pb__WorkerIdProto *id);
void sched_worker_lost(struct sched *s, struct worker *w, const char *why);
int sched_workers_alive(const struct sched *s);
void sched_worker_spoke(struct sched *s, const uint8_t *uuid); /* it is awaited no more */
void sched_worker_kill_later(struct worker *w, const struct task_id *id);
void sched_forget_here(struct worker *w, const struct task_id *job);
void sched_forget_everywhere(struct sched *s, struct job *j);

struct node *sched_node(struct sched *s, const char *host); /* made when it is new */
void sched_node_blame(struct sched *s, struct node *n);
/* Too much of what failed there succeeded elsewhere, lately. */
bool sched_node_avoided(struct sched *s, const struct node *n);
/* Marks the workers beside datanodes that are leaving; takes the lock. A thread of its own asks the store
 * every few seconds while there are jobs (sched_nodes.c). */
void sched_nodes_watch(struct sched *s);

/* ---- queues (sched_queue.c) ---- */

struct queue *queue_of(struct sched *s,
                       const char *name);         /* made, with its weight, when it is new */
void queue_rules(struct sched *s, struct job *j); /* fills in job_rules and its queue */
/* The jobs that may have something to give out, first who is served first; *list is malloc'd. */
size_t queue_order(struct sched *s, struct job ***list);
/* Ends attempts of queues that have more than their share when another has waited for its own for too long. */
void queue_preempt(struct sched *s);

/* ---- second attempts (sched_twin.c) ---- */

void twin_look(struct sched *s, struct job *j); /* marks tasks whose attempt is slow */
/* A slow task that this worker may take up; NULL: none. */
struct sched_task *twin_for(struct job *j, const struct worker *w, bool is_reduce);

/* ---- placement (sched_place.c) ---- */

void place_add(struct job *j);                      /* all its maps wait */
void place_wait_again(struct job *j, uint32_t map); /* one of them waits again */
void place_free(struct job *j);
enum locality place_near(const Pb__SplitProto *sp, const struct worker *w);
/* This job, or everyone, leaves the worker out. */
bool place_avoids(struct sched *s, const struct job *j, const struct worker *w);
/* Gives tasks to workers that have room, one to each in turn, while there are any. */
void place_offer(struct sched *s);

/* ---- those who wait (sched_rpc.c) ---- */

void sched_wake(struct sched *s);   /* something changed */
void sched_expire(struct sched *s); /* answers what was held for long enough */

/* ---- finishing (sched_finish.c): commits and cleans up on a thread of its own ---- */

void sched_finish(struct sched *s, struct job *j);

/* ---- what is kept in the store (sched_keep.c, sched_history.c) ---- */

/* ashlar.scheduler.store.dir and @leaf; false when nothing is to be kept there. */
bool sched_store_dir(const struct sched *s, const char *leaf, char *out, size_t n);
void sched_keep_start(struct sched *s); /* copies journals, on a thread of its own */
void sched_keep_recover(
    struct sched *s); /* before the journals are read; waits for the store a while */
char *sched_history_text(struct job *j); /* malloc'd JSON */
void sched_history_write(struct sched *s, const struct task_id *id, const char *text); /* no lock */
void sched_notify(struct sched *s, const struct job *j);                               /* no lock */
/* Every attempt of a job for people, at most @max; in the arena. */
size_t sched_attempt_reports(struct job *j, struct arena *a, Pb__AttemptReportProto **list,
                             size_t max);

/* ---- the journal (sched_journal.c) ---- */

int journal_begin(struct sched *s, struct job *j, const Pb__SubmitJobRequestProto *r,
                  struct err *err); /* durable */
void journal_task_done(struct sched *s, struct job *j, const struct attempt *a);
void journal_task_lost(struct sched *s, struct job *j, const struct attempt *a);
/* Durable; without the lock.  Which of the job's states it went to, and why. */
int journal_state(struct sched *s, struct job *j, Pb__JobStateProto state, struct err *err);
int journal_load(struct sched *s, struct err *err); /* at the start */
/* Does again what the records say, up to the first that is cut or damaged; returns how many bytes were good. *j is
 * NULL at first, and stays so when there is no job in them; it belongs to the caller. */
size_t journal_replay(struct sched *s, const uint8_t *bytes, size_t n, struct job **j);
void journal_remove(struct sched *s, struct job *j);
/* Who is there, for a scheduler that starts: a hint, not synced. */
void journal_workers_save(struct sched *s);
void journal_workers_load(struct sched *s); /* into s->awaited */

/* ---- the daemon's doors ---- */

int sched_rpc_protocols(struct sched *s, struct rpc_protocol out[2]);
void sched_tick(struct sched *s); /* takes the lock; a thread calls it over and over */

#endif
