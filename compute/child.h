/* child.h -- a streaming program: started, fed, listened to, ended.
 *
 * A command is split into words as Hadoop Streaming does it (blanks outside of quotes; no
 * shell).  The program is looked for in the task's directory, then in PATH.  It runs in a
 * process group of its own, with the task's directory as its own, and dies with the thread
 * that started it.
 *
 * child_run() feeds it and reads what it prints until it has ended.  Lines on its standard
 * error that begin with "reporter:" are counters and status; the others go to a log file and
 * their last bytes are kept for reports.
 *
 * Thread:  one thread runs a child from start to end; child_cancel may come from any.
 * Errors:  ERR_NOENT/ERR_ACCESS when the program can't be started; ERR_REMOTE when it ends badly;
 *          ERR_TIMEOUT; ERR_INTERRUPTED when cancelled.
 */
#ifndef DFS_COMPUTE_CHILD_H
#define DFS_COMPUTE_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "compute/bounds.h"

enum { CHILD_TAIL = 8 << 10, CHILD_LOG_MAX = 1 << 20, CHILD_WORDS_MAX = 1024 };

/* The words of a command, as Streaming splits it; NULL-terminated, one block to free. */
char **child_words(const char *command, struct err *err);

struct child_io {
    /* More input: *bytes stay valid until the next call; *n 0 at the end.  NULL: no input. */
    int (*input)(void *ctx, const uint8_t **bytes, size_t *n, struct err *err);
    /* Room for output, and how much of it was filled. */
    int (*room)(void *ctx, uint8_t **at, size_t *n, struct err *err);
    int (*output)(void *ctx, size_t n, struct err *err);
    /* The rest of a line after "reporter:". */
    void (*reporter)(void *ctx, const char *text, size_t n);
    void (*alive)(void *ctx); /* something was read or written */
    void *ctx;
};

struct child_spec {
    const char *command;  /* for people, and to be split */
    const char *dir;      /* its working directory */
    char *const *env;     /* NULL-terminated "k=v" */
    const char *log_path; /* where its standard error goes, once it says something; NULL: nowhere */
    int timeout_ms;       /* silence that kills it; 0: never */
    bool may_leave_input; /* ends well though it did not read everything */
    bool any_exit;        /* ends well whatever its exit code is */
    const _Atomic bool *cancelled;
    const struct bounds *bounds; /* as whom, and how much; NULL: as we */
};

struct child_result {
    int exit_code, signal; /* -1: none */
    uint64_t cpu_ms;
    bool blamed;     /* it failed by itself: not for want of input or of room for its output */
    bool left_input; /* it closed its input, or ended, before reading all */
    char tail[CHILD_TAIL + 1];
    size_t tail_n;
};

/* Starts it, runs it to its end, and says how it went.  On failure @out is filled as far as it
 * is known, and nothing of the process group is left. */
int child_run(const struct child_spec *spec, const struct child_io *io, struct child_result *out,
              struct err *err);

#endif
