#include "compute/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 1 << 20,
    POLL_MS = 100,
    ERR_LINE_MAX = 64 << 10,
    STEADY_BYTES = 2 << 20,
    SMALL_TURN = 128 << 10,
    PAUSE_US = 1000,
    PAUSE_MAX_US = 8000, /* a program that fills a pipe within that makes no small turns */
};

/* ---- what to run ---- */

char **child_words(const char *command, struct err *err)
{
    size_t n = strlen(command), count = 0;
    char **words = malloc((n / 2 + 2) * sizeof *words + n + 1), *text, quote = 0;

    if (!words)
        return err_set(err, ERR_NOMEM, "no memory for a command"), NULL;
    text = memcpy((char *)(words + n / 2 + 2), command, n + 1);
    for (size_t i = 0, from = 0; i <= n; i++) {
        char c = text[i];
        bool ends = i == n || (quote ? c == quote : c == ' ' || c == '\'' || c == '"');

        if (!ends)
            continue;
        quote = quote ? 0 : c == ' ' ? 0 : c;
        text[i] = 0;
        if (i > from)
            words[count++] = text + from;
        from = i + 1;
    }
    words[count] = NULL;
    if (count == 0 || count > CHILD_WORDS_MAX) {
        free(words);
        return err_set(err, ERR_ARGUMENT, "\"%s\" is no command", command), NULL;
    }
    return words;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

static const char *path_of(char *const *env)
{
    for (; env && *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return getenv("PATH");
}

/* Where @prog is: absolute, in @dir, or in one of the directories of PATH. */
static int find_program(const char *prog, const struct child_spec *spec, char *out, size_t n,
                        struct err *err)
{
    const char *path = path_of(spec->env);

    if (prog[0] == '/') {
        snprintf(out, n, "%s", prog);
        return 0;
    }
    snprintf(out, n, "%s/%s", spec->dir, prog);
    if (is_file(out)) {
        if (access(out, X_OK) < 0 && chmod(out, 0755) < 0)
            return err_sys(err, errno, "%s is not executable", prog);
        return 0;
    }
    while (path && *path) {
        size_t k = strcspn(path, ":");

        snprintf(out, n, "%.*s/%s", (int)k, path, prog);
        if (is_file(out))
            return 0;
        path += k + (path[k] == ':');
    }
    return err_set(err, ERR_NOENT,
                   "Cannot run program \"%s\": no such file in the task's directory or PATH; ship "
                   "it with -file",
                   prog);
}

/* ---- starting ---- */

struct child {
    pid_t pid;
    int in, out, log_pipe; /* our ends */
};

struct start {
    char *const *argv;
    char *const *env;
    const char *dir;
    const struct bounds *bounds;
    int fds[3]; /* its standard ones */
    /* The new process shares our memory, and we stand still, until it is another program: here it says why it
     * did not become one. */
    volatile enum step { TO_START, TO_CHDIR, TO_RUN } step;
    volatile int failed; /* errno; 0: it did */
};

/* In the new process: it changes nothing of ours but those two. */
static void become(struct start *s)
{
    sigset_t none;

    signal(SIGPIPE, SIG_DFL); /* a program that writes to a closed pipe shall die of it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    if (s->bounds && (errno = bounds_enter(s->bounds)) != 0)
        goto out;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after a change of user, which forgets it */
    for (int i = 0; i < 3; i++)
        if (dup2(s->fds[i], i) < 0)
            goto out;
    s->step = TO_CHDIR;
    if (chdir(s->dir) < 0)
        goto out;
    s->step = TO_RUN;
    if (s->env)
        execve(s->argv[0], s->argv, s->env);
    else
        execv(s->argv[0], s->argv);
out:
    s->failed = errno;
    _exit(127);
}

static pid_t start_process(struct start *s)
{
    sigset_t all, before;
    int saved;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler runs on the shared memory */
    pid = vfork();
    if (pid == 0)
        become(s);
    saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

static int make_pipe(int *reads, int *writes, struct err *err)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    *reads = fd[0];
    *writes = fd[1];
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int start_error(const struct start *s, struct err *err)
{
    static const char *const steps[] = {"start", "change to its directory of", "run"};
    struct stat st;

    if (s->failed == ENOENT)
        return err_set(err, ERR_NOENT,
                       "Cannot run program \"%s\": no such file, or its interpreter "
                       "(the #! line) does not exist here",
                       s->argv[0]);
    if (s->failed == EACCES && stat(s->argv[0], &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(err, ERR_ACCESS, "Cannot run program \"%s\": it is a directory", s->argv[0]);
    if (s->failed == EACCES && s->step == TO_RUN)
        return err_set(err, ERR_ACCESS,
                       "Cannot run program \"%s\": Permission denied; make it executable on the "
                       "workers (chmod +x), or ship it with -file",
                       s->argv[0]);
    if (s->failed == ENOEXEC)
        return err_set(err, ERR_ACCESS,
                       "Cannot run program \"%s\": no program; a script needs a #! line",
                       s->argv[0]);
    return err_sys(err, s->failed, "Cannot %s program \"%s\"", steps[s->step], s->argv[0]);
}

/* Starts it, and knows then whether it has become the program, or why not. */
static int start_and_hear(struct child *c, struct start *s, struct err *err)
{
    s->step = TO_START;
    s->failed = 0;
    c->pid = start_process(s);
    if (c->pid < 0)
        s->failed = errno;
    else if (s->failed)
        waitpid(c->pid, NULL, 0);
    return s->failed ? start_error(s, err) : 0;
}

static int start_child(struct child *c, struct start *s, struct err *err)
{
    int theirs[3] = {-1, -1, -1}, rc;

    *c = (struct child){.in = -1, .out = -1, .log_pipe = -1};
    rc = make_pipe(&theirs[0], &c->in, err);
    if (rc == 0)
        rc = make_pipe(&c->out, &theirs[1], err);
    if (rc == 0)
        rc = make_pipe(&c->log_pipe, &theirs[2], err);
    if (rc == 0) {
        memcpy(s->fds, theirs, sizeof theirs);
        rc = start_and_hear(c, s, err);
    }
    for (int i = 0; i < 3; i++)
        close_fd(&theirs[i]);
    if (rc < 0) {
        close_fd(&c->in);
        close_fd(&c->out);
        close_fd(&c->log_pipe);
        return rc;
    }
    fcntl(c->in, F_SETFL, O_NONBLOCK);
    fcntl(c->out, F_SETFL, O_NONBLOCK);
    fcntl(c->log_pipe, F_SETFL, O_NONBLOCK);
    return 0;
}

/* ---- talking ---- */

struct talk {
    const struct child_spec *spec;
    const struct child_io *io;
    struct child_result *result;
    struct child *c;
    const uint8_t *in;
    size_t in_n;
    int log_fd;
    size_t log_n;
    char *line; /* of standard error, cut */
    size_t line_n;
    uint64_t last_ms;
    uint64_t moved; /* bytes in and out so far */
    long pause_us;
};

static uint64_t mono_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int more_input(struct talk *t, struct err *err)
{
    int rc = t->io->input ? t->io->input(t->io->ctx, &t->in, &t->in_n, err) : 0;

    if (rc == 0 && t->in_n == 0)
        close_fd(&t->c->in);
    return rc;
}

static int feed(struct talk *t, struct err *err)
{
    for (;;) {
        ssize_t k;
        int rc = t->in_n == 0 ? more_input(t, err) : 0;

        if (rc < 0 || t->c->in < 0)
            return rc;
        k = write(t->c->in, t->in, t->in_n);
        if (k < 0 && errno == EPIPE) {
            t->result->left_input = true;
            close_fd(&t->c->in);
            return 0;
        }
        if (k < 0)
            return errno == EAGAIN || errno == EINTR ? 0
                                                     : err_sys(err, errno, "write to the program");
        t->in += k;
        t->in_n -= (size_t)k;
        t->moved += (uint64_t)k;
        if (t->in_n)
            return 0;
    }
}

static int listen_output(struct talk *t, struct err *err)
{
    uint8_t *at;
    size_t room;
    ssize_t k;
    int rc = t->io->room(t->io->ctx, &at, &room, err);

    if (rc < 0)
        return rc;
    k = read(t->c->out, at, room);
    if (k < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : err_sys(err, errno, "read from the program");
    if (k == 0) {
        close_fd(&t->c->out);
        return 0;
    }
    t->moved += (uint64_t)k;
    return t->io->output(t->io->ctx, (size_t)k, err);
}

static void keep_tail(struct child_result *r, const char *text, size_t n)
{
    if (n > CHILD_TAIL) {
        text += n - CHILD_TAIL;
        n = CHILD_TAIL;
    }
    if (r->tail_n + n > CHILD_TAIL) {
        size_t drop = r->tail_n + n - CHILD_TAIL;

        memmove(r->tail, r->tail + drop, r->tail_n - drop);
        r->tail_n -= drop;
    }
    memcpy(r->tail + r->tail_n, text, n);
    r->tail_n += n;
    r->tail[r->tail_n] = 0;
}

static void keep_log(struct talk *t, const char *text, size_t n)
{
    static const char cut[] = "\n[the rest is not kept: over 1 MiB]\n";

    if (t->log_n == 0 && t->spec->log_path)
        t->log_fd = open(t->spec->log_path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    if (t->log_fd < 0)
        return;
    t->log_n += n;
    if (t->log_n > CHILD_LOG_MAX) {
        text = cut;
        n = sizeof cut - 1;
    }
    if (write(t->log_fd, text, n) != (ssize_t)n || text == cut)
        close_fd(&t->log_fd);
}

static void one_err_line(struct talk *t, const char *line, size_t n)
{
    static const char prefix[] = "reporter:";
    size_t k = sizeof prefix - 1;

    if (n > k && memcmp(line, prefix, k) == 0 && t->io->reporter) {
        size_t body = n - k - (line[n - 1] == '\n');

        t->io->reporter(t->io->ctx, line + k, body);
        return;
    }
    keep_tail(t->result, line, n);
    keep_log(t, line, n);
}

static void err_lines(struct talk *t)
{
    char *p = t->line, *end = t->line + t->line_n, *nl;

    while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
        one_err_line(t, p, (size_t)(nl + 1 - p));
        p = nl + 1;
    }
    if (p == t->line && t->line_n == ERR_LINE_MAX) { /* longer than any line should be */
        one_err_line(t, p, t->line_n);
        p = end;
    }
    t->line_n = (size_t)(end - p);
    memmove(t->line, p, t->line_n);
}

static int listen_errors(struct talk *t, struct err *err)
{
    ssize_t k = read(t->c->log_pipe, t->line + t->line_n, ERR_LINE_MAX - t->line_n);

    if (k < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : err_sys(err, errno, "read from the program");
    t->line_n += (size_t)k;
    if (k == 0) {
        if (t->line_n)
            one_err_line(t, t->line, t->line_n);
        close_fd(&t->c->log_pipe);
        return 0;
    }
    err_lines(t);
    return 0;
}

static int check_patience(struct talk *t, struct err *err)
{
    if (t->spec->cancelled && atomic_load(t->spec->cancelled)) {
        t->result->blamed = true;
        return err_set(err, ERR_INTERRUPTED, "killed on request");
    }
    if (t->spec->timeout_ms > 0 && mono_ms() - t->last_ms > (uint64_t)t->spec->timeout_ms) {
        t->result->blamed = true;
        return err_set(err, ERR_TIMEOUT,
                       "\"%s\" neither read, wrote nor reported for %d ms and was killed; a slow "
                       "program prints reporter:status: lines, or raise mapreduce.task.timeout",
                       t->spec->command, t->spec->timeout_ms);
    }
    return 0;
}

static int turn(struct talk *t, struct err *err)
{
    struct pollfd p[3] = {
        {.fd = t->c->out, .events = POLLIN},
        {.fd = t->c->log_pipe, .events = POLLIN},
        {.fd = t->c->in, .events = POLLOUT},
    };
    int n = poll(p, 3, POLL_MS), rc = 0;

    if (n < 0)
        return errno == EINTR ? 0 : err_sys(err, errno, "poll");
    if (n > 0 && p[0].revents)
        rc = listen_output(t, err);
    if (rc == 0 && n > 0 && p[1].revents)
        rc = listen_errors(t, err);
    if (rc == 0 && n > 0 && p[2].revents)
        rc = feed(t, err);
    if (n > 0 && rc == 0) {
        t->last_ms = mono_ms();
        if (t->io->alive)
            t->io->alive(t->io->ctx);
    }
    return rc < 0 ? rc : check_patience(t, err);
}

/* ---- ending ---- */

/* Waits for it, ends whatever it left running in its group, and fills in how it ended. */
static int reap(struct child *c, const struct talk *t, bool kill_now, struct child_result *out,
                struct err *err)
{
    struct rusage used;
    siginfo_t info;
    int status = 0, rc = 0;

    while (!kill_now && rc == 0) {
        memset(&info, 0, sizeof info);
        if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid)
            break;
        rc = check_patience((struct talk *)(uintptr_t)t, err);
        usleep(500);
    }
    kill(-c->pid, SIGKILL);
    while (wait4(c->pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    out->cpu_ms = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                  (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
    out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    return rc;
}

static int judge(const struct child_spec *spec, const struct child_result *r, struct err *err)
{
    if (r->signal >= 0)
        return err_set(err, ERR_REMOTE, "\"%s\" was ended by signal %d (%s)", spec->command,
                       r->signal, strsignal(r->signal));
    if (r->exit_code != 0 && !spec->any_exit)
        return err_set(err, ERR_REMOTE, "\"%s\": subprocess failed with code %d", spec->command,
                       r->exit_code);
    if (r->left_input && !spec->may_leave_input)
        return err_set(
            err, ERR_CLOSED,
            "\"%s\" ended before it had read all its input (Broken pipe); let it read to "
            "the end, or set -D ashlar.job.unread-input.allowed=true",
            spec->command);
    return 0;
}

/* Programs write a few kilobytes at a time.  Once much has moved, the pipes get room for a megabyte, and a short
 * sleep after each small turn lets them fill and drain in larger pieces: the same bytes for a fraction of the
 * wake-ups.  While turns stay small the sleeps become longer. */
static void let_pieces_grow(struct talk *t, uint64_t moved_before)
{
    struct timespec pause = {0};

    if (t->moved <= STEADY_BYTES)
        return;
    if (moved_before <= STEADY_BYTES) { /* smaller pipes are merely slower */
        fcntl(t->c->out, F_SETPIPE_SZ, PIPE_BYTES);
        if (t->c->in >= 0)
            fcntl(t->c->in, F_SETPIPE_SZ, PIPE_BYTES);
    }
    if (t->moved - moved_before >= SMALL_TURN) {
        t->pause_us = 0;
        return;
    }
    t->pause_us = t->pause_us == 0 ? PAUSE_US : 2 * t->pause_us;
    if (t->pause_us > PAUSE_MAX_US)
        t->pause_us = PAUSE_MAX_US;
    pause.tv_nsec = t->pause_us * 1000;
    nanosleep(&pause, NULL);
}

static int talk_to_end(struct talk *t, struct err *err)
{
    int rc = 0;

    while (rc == 0 && (t->c->out >= 0 || t->c->log_pipe >= 0 || t->c->in >= 0)) {
        uint64_t before = t->moved;

        rc = turn(t, err);
        if (rc == 0 && t->c->out >= 0)
            let_pieces_grow(t, before);
    }
    return rc;
}

int child_run(const struct child_spec *spec, const struct child_io *io, struct child_result *out,
              struct err *err)
{
    char program[4096], **words = child_words(spec->command, err);
    struct child c;
    struct talk t = {.spec = spec, .io = io, .result = out, .c = &c, .log_fd = -1};
    struct start s = {.env = spec->env, .dir = spec->dir, .bounds = spec->bounds};
    int rc;

    *out = (struct child_result){.exit_code = -1, .signal = -1};
    if (!words)
        return -ERR_ARGUMENT;
    s.argv = words;
    rc = find_program(words[0], spec, program, sizeof program, err);
    words[0] = program;
    t.line = malloc(ERR_LINE_MAX);
    if (rc == 0 && !t.line)
        rc = err_set(err, ERR_NOMEM, "no memory to run a program");
    if (rc == 0)
        rc = start_child(&c, &s, err);
    if (rc < 0) {
        out->blamed = true;
        goto out;
    }
    t.last_ms = mono_ms();
    rc = talk_to_end(&t, err);
    close_fd(&c.in);
    if (reap(&c, &t, rc < 0, out, err) < 0 && rc == 0)
        rc = -ERR_TIMEOUT;
    close_fd(&c.out);
    close_fd(&c.log_pipe);
    if (rc == 0 && (rc = judge(spec, out, err)) < 0)
        out->blamed = true;
out:
    close_fd(&t.log_fd);
    free(t.line);
    free(words);
    return rc;
}
