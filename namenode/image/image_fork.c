#include "namenode/image/image_fork.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NICENESS = 5, FIRST_FD = 3 };

struct image_fork {
    struct image_fork_options o;
    uint64_t txid, fork_ns;
    pid_t child; /* 0: reaped */
    int fd;      /* the child's verdict comes from here; -1: it came */
};

/* What the child says at its end; small enough for one write. */
struct verdict {
    int rc;
    struct err err;
};

/* ---- the child ---- */

/* Sockets would stay open when the parent is gone, and so would the lock of the directories. */
static void close_others(int keep)
{
    if (keep > FIRST_FD)
        close_range(FIRST_FD, (unsigned)keep - 1, 0);
    close_range((unsigned)keep + 1, ~0U, 0);
}

static void ignore_block(void *ctx, const struct block_info *block, const uint16_t *storages)
{
    (void)ctx;
    (void)block;
    (void)storages;
}

static void run_child(const struct image_fork *f, int fd, pid_t parent)
{
    struct verdict v = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before we asked */
        _exit(1);
    close_others(fd);
    setpriority(PRIO_PROCESS, 0, NICENESS);
    /* Deleted trees that the parent takes apart in slices must not get into the image. */
    ns_on_block_gone(f->o.ns, ignore_block, NULL);
    while (ns_reclaim(f->o.ns, INT32_MAX))
        ;
    v.rc = name_dirs_save_image(f->o.dirs, f->o.ns, f->txid, &v.err);
    if (write(fd, &v, sizeof v) != (ssize_t)sizeof v)
        _exit(1);
    _exit(0);
}

/* ---- the parent ---- */

int image_fork_begin(const struct image_fork_options *o, struct image_fork **out, struct err *err)
{
    struct image_fork *f = calloc(1, sizeof *f);
    int fds[2], saved;
    uint64_t start;
    pid_t parent = getpid();

    if (!f)
        return err_set(err, ERR_NOMEM, "fork");
    if (pipe2(fds, O_CLOEXEC) < 0) {
        saved = errno;
        free(f);
        return err_sys(err, saved, "pipe");
    }
    f->o = *o;
    f->fd = fds[0];
    f->txid = journal_roll_begin(o->journal) - 1;
    if (f->txid == UINT64_MAX) {
        close(fds[1]);
        image_fork_free(f);
        return err_set(err, ERR_RETRIABLE, "the edit log is being rolled already");
    }
    start = env_mono_ns(o->env);
    f->child = fork();
    saved = errno;
    if (f->child == 0)
        run_child(f, fds[1], parent);
    f->fork_ns = env_mono_ns(o->env) - start;
    close(fds[1]);
    if (f->child < 0) {
        f->child = 0;
        image_fork_free(f);
        return err_sys(err, saved, "fork");
    }
    *out = f;
    return 0;
}

/* Waits for the child's end; -1 when somebody else reaped it. */
static int reap(struct image_fork *f)
{
    int status = -1;

    while (f->child > 0 && waitpid(f->child, &status, 0) < 0 && errno == EINTR)
        ;
    f->child = 0;
    return status;
}

static int read_verdict(struct image_fork *f, struct err *err)
{
    struct verdict v = {0};
    size_t got = 0;
    int status;

    while (got < sizeof v) {
        ssize_t n = read(f->fd, (char *)&v + got, sizeof v - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(f->fd);
    f->fd = -1;
    status = reap(f);
    if (got == sizeof v && v.rc < 0 && err)
        *err = v.err;
    if (got == sizeof v)
        return v.rc;
    if (WIFSIGNALED(status))
        return err_set(err, ERR_IO, "the process that writes the image was ended by signal %d",
                       WTERMSIG(status));
    return err_set(err, ERR_IO, "the process that writes the image ended without a word");
}

int image_fork_wait(struct image_fork *f, struct err *err)
{
    int rc = read_verdict(f, err);

    return rc < 0 ? rc : journal_wait(f->o.journal, f->txid, err);
}

void image_fork_free(struct image_fork *f)
{
    if (!f)
        return;
    if (f->child > 0) {
        kill(f->child, SIGKILL);
        reap(f);
    }
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

uint64_t image_fork_txid(const struct image_fork *f)
{
    return f->txid;
}

uint64_t image_fork_ns(const struct image_fork *f)
{
    return f->fork_ns;
}
