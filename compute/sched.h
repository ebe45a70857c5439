/* sched.h -- the scheduler's state: jobs, their tasks and attempts, the workers; and its moves.
 *
 * One lock guards all of it; every function below expects it held unless it says otherwise.
 * What happened is told to the journal first where it must survive a restart, then the state
 * changes, then those who wait (workers for tasks, reducers for map outputs, clients for news)
 * are answered: sched_wake().
 *
 * Always true, and checked by sched_check() in tests:
 *   S1  a task is DONE iff exactly one of its attempts is its winner
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
enum locality { LOCAL_NODE, LOCAL_RACK, LOCAL_ANY };

struct worker {
    uint8_t uuid[UUID_BYTES];
    char *host, *ip, *shuffle, *rack, *rpc;
    uint32_t slots;
    uint32_t running[2]; /* maps, reduces */
    bool alive;          /* false: known from the journal only, or lost */
    uint64_t last_seen_ms;
    struct rpc_call *poll; /* held until there is something to do */
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
    char why[96];              /* why it ran there */
    struct attempt *next;      /* older one of the same task */
    struct attempt *next_here; /* of the same worker */
};

struct sched_task {
    struct job *job;
    uint32_t index;
    bool is_reduce;
    enum task_state state;
    uint32_t next_number, failures, excuses, fetch_failures;
    uint64_t not_before_ms; /* a pause after a failure */
    struct attempt *attempts, *winner;
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
    struct counters counters; /* of the tasks that are done, and the job's own */
    struct nearby *by_host, *by_rack;
    struct nearby anywhere;
    uint64_t skipped_since_ms; /* 0: the last offer was taken by a local task */
    struct map_event *events;
    size_t event_count, event_cap;
    int journal_fd;
    bool finishing;   /* a thread commits or cleans up */
    struct job *next; /* newer */
};

/* A client or a reducer that waits for news of a job. */
struct waiter {
    struct rpc_call *call;
    struct job *job;
    uint64_t seen, until_ms;
    bool for_outputs;
    struct waiter *next;
};

struct sched {
    pthread_mutex_t lock;
    pthread_cond_t tick;
    const struct conf *conf;
    struct env *env;
    char dir[1024];
    uint64_t epoch;
    uint32_t last_job;
    struct job *jobs, *newest;
    int job_count;
    struct worker *workers;
    struct waiter *waiters;
    uint64_t settle_until_ms; /* after a restart: workers may still tell what they run */
    uint32_t locality_wait_ms, worker_timeout_ms;
    bool fair, stopping, loading;
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
void sched_attempt_id(const struct attempt *a, struct task_id *out);
bool sched_attempt_lives(const struct attempt *a);
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
void sched_worker_kill_later(struct worker *w, const struct task_id *id);
void sched_forget_here(struct worker *w, const struct task_id *job);
void sched_forget_everywhere(struct sched *s, struct job *j);

/* ---- placement (sched_place.c) ---- */

void place_add(struct job *j);                      /* all its maps wait */
void place_wait_again(struct job *j, uint32_t map); /* one of them waits again */
void place_free(struct job *j);
/* Gives tasks to workers that have room, one to each in turn, while there are any. */
void place_offer(struct sched *s);

/* ---- those who wait (sched_rpc.c) ---- */

void sched_wake(struct sched *s);   /* something changed */
void sched_expire(struct sched *s); /* answers what was held for long enough */

/* ---- finishing (sched_finish.c): commits and cleans up on a thread of its own ---- */

void sched_finish(struct sched *s, struct job *j);

/* ---- the journal (sched_journal.c) ---- */

int journal_begin(struct sched *s, struct job *j, const Pb__SubmitJobRequestProto *r,
                  struct err *err); /* durable */
void journal_task_done(struct sched *s, struct job *j, const struct attempt *a);
void journal_task_lost(struct sched *s, struct job *j, const struct attempt *a);
/* Durable; without the lock.  Which of the job's states it went to, and why. */
int journal_state(struct sched *s, struct job *j, Pb__JobStateProto state, struct err *err);
int journal_load(struct sched *s, struct err *err); /* at the start */
void journal_remove(struct sched *s, struct job *j);

/* ---- the daemon's doors ---- */

int sched_rpc_protocols(struct sched *s, struct rpc_protocol out[2]);
void sched_tick(struct sched *s); /* takes the lock; a thread calls it over and over */

#endif
