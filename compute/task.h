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
int64_t spec_int(const Pb__JobSpecProto *spec, const char *key, int64_t otherwise);
bool spec_bool(const Pb__JobSpecProto *spec, const char *key, bool otherwise);

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

    struct counters counters;
    pthread_mutex_t lock; /* of the named counters and the status */
    char status[TASK_STATUS_MAX];
    _Atomic bool cancelled;
    _Atomic uint32_t permille;
    _Atomic uint64_t alive; /* counts up whenever the task does something */
    struct child_result child;
};

void task_init(struct task *t);
void task_done(struct task *t);

int map_task_run(struct task *t, struct err *err);
int reduce_task_run(struct task *t, struct err *err);

/* Runs a command of the job's in the task's directory and environment. */
int task_run_command(struct task *t, const char *command, const struct child_io *io,
                     struct err *err);
void task_reporter(void *ctx, const char *text,
                   size_t n); /* for child_io.reporter; ctx: the task */
void task_alive(void *ctx);

/* Records as KEY TAB VALUE lines for a program, a chunk at a time. */
struct line_feed {
    struct record_stream *in;
    struct buf lines;
    struct record r; /* being given out: `left` more times */
    uint32_t left;
    uint64_t records, groups;
};
void line_feed_init(struct line_feed *f, struct record_stream *in);
void line_feed_done(struct line_feed *f);
/* Fills f->lines anew; they stay empty at the end. */
int line_feed_next(struct line_feed *f, struct err *err);

/* The environment that Streaming gives its programs; one block to free. */
char **task_environment(const struct task *t, struct err *err);

/* Which shell line runs just this task again. */
void task_rerun_line(const struct task *t, char *out, size_t n);

/* ---- a part of the job's output: Hadoop's TextOutputFormat ---- */

struct text_output {
    struct store_file *file;
    uint8_t *buf;
    size_t n;
    uint64_t bytes, records;
};
int text_output_open(struct text_output *o, struct store *s, const char *uri, struct err *err);
int text_output_add(struct text_output *o, const uint8_t *key, size_t key_n, const uint8_t *value,
                    size_t value_n, struct err *err);
int text_output_close(struct text_output *o, struct err *err); /* whole only when 0 */
void text_output_abandon(struct text_output *o);

#endif
