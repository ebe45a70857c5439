/* task.h -- one attempt at one map or reduce task, from its input to its output.
 *
 * The same code runs in a worker and in `job run --local`; what differs is behind the struct:
 * where the task's directory is, who listens to its progress, how a reducer gets map output.
 *
 * A map with reducers leaves its sorted output in DIR/output (spill.h).  A map without, and a
 * reducer, write their part to `part_uri`, which the job's commit later renames into place.
 *
 * Thread:  the thread that runs it; `cancelled`, `permille`, `alive_ms` and the counters may be
 *          touched from any.
 * Memory:  spec and split are borrowed.
 * Errors:  what went wrong in one sentence; child.tail holds the last of the program's stderr.
 * Design:  docs/design/jobs.md
 */
#ifndef DFS_COMPUTE_TASK_H
#define DFS_COMPUTE_TASK_H

#include <pthread.h>

#include "common/bytes.h"
#include "compute/child.h"
#include "compute/counters.h"
#include "compute/shape.h"
#include "compute/spill.h"
#include "compute/store.h"
#include "job.pb-c.h"

enum { TASK_STATUS_MAX = 256 };

struct task_id {
    uint64_t epoch; /* of the scheduler that took the job */
    uint32_t job, index, attempt;
    bool is_reduce;
};

enum { TASK_NAME_MAX = 96 };
void task_job_name(const struct task_id *id, char *out, size_t n);     /* job_1_0001 */
void task_name(const struct task_id *id, char *out, size_t n);         /* task_1_0001_m_000000 */
void task_attempt_name(const struct task_id *id, char *out, size_t n); /* attempt_..._0 */
bool task_attempt_parse(const char *text, struct task_id *out);
bool task_job_parse(const char *text, struct task_id *out);
void task_id_from(const Pb__AttemptIdProto *p, struct task_id *out);
bool task_id_equal(const struct task_id *a, const struct task_id *b);

/* A job's own settings; NULL when not set.  Old names of keys are understood. */
const char *spec_get(const Pb__JobSpecProto *spec, const char *key);
const char *spec_text(const Pb__JobSpecProto *spec, const char *key, const char *otherwise);
int64_t spec_int(const Pb__JobSpecProto *spec, const char *key, int64_t otherwise);
bool spec_bool(const Pb__JobSpecProto *spec, const char *key, bool otherwise);
const char *setting_other_name(const char *key); /* old for new, new for old; NULL: it has one */

struct task {
    struct task_id id;
    const Pb__JobSpecProto *spec;
    const Pb__SplitProto *split; /* of a map */
    uint32_t maps, reduces;
    struct store *store;
    struct env *env;
    const struct conf *conf; /* of this machine; may be NULL */
    char dir[1024];          /* the task's directory: it exists, shipped files are in it */
    char part_uri[STORE_URI_MAX];
    /* Fills one reader for each map, in their order, waiting for maps as needed.  How many were
     * opened is put into *opened, also on failure. */
    int (*fetch)(struct task *t, struct spill_reader *readers, uint32_t *opened, struct err *err);
    void *owner;
    bool only_attempt; /* there will be no other: what takes several is done at once */
    bool given_up;     /* it shall run nothing and give nothing: the job goes on without it */

    struct shape shape; /* worked out when it runs */
    struct counters counters;
    pthread_mutex_t lock; /* of the named counters and the status */
    char status[TASK_STATUS_MAX];
    _Atomic bool cancelled;
    _Atomic uint32_t permille;
    _Atomic uint64_t alive; /* counts up whenever the task does something */
    struct child_result child;
    struct bounds bounds; /* of its programs */
};

void task_init(struct task *t);
void task_done(struct task *t);

int map_task_run(struct task *t, struct err *err);
int reduce_task_run(struct task *t, struct err *err);
/* What a task that is given up leaves: no records of map output, no part. */
int task_give_nothing(struct task *t, struct err *err);

/* How many records or groups (@key) around a bad one this attempt may leave out; 0: none. */
uint64_t task_skip_max(const struct task *t, const char *key);
/* What a run counted that does not count: counters are those of @kept (C_COUNT of them), or none. */
void task_forget_counters(struct task *t, const int64_t *kept);

/* Runs a command of the job's in the task's directory and environment. */
int task_run_command(struct task *t, const char *command, const struct child_io *io,
                     struct err *err);
void task_reporter(void *ctx, const char *text,
                   size_t n); /* for child_io.reporter; ctx: the task */
void task_alive(void *ctx);

/* The environment that Streaming gives its programs; one block to free. */
char **task_environment(const struct task *t, struct err *err);

/* Which shell line runs just this task again. */
void task_rerun_line(const struct task *t, char *out, size_t n);

#endif
