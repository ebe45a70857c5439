/* native_ask.c -- what a shared object wants of its job, before it is submitted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "compute/job.h"
#include "compute/native.h"

enum { TEXT_MAX = 1 << 28 };

/* Runs `native-task MODE WHAT`; all that it prints. */
static int run(const char *mode, const char *what, struct buf *out, struct err *err)
{
    char prog[1100];
    int pipes[2], status = 0;
    pid_t pid;
    ssize_t k;
    uint8_t room[8192];

    native_program(prog, sizeof prog);
    if (pipe(pipes) < 0)
        return err_sys(err, errno, "pipe");
    pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl(prog, "native-task", mode, what, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    while ((k = read(pipes[0], room, sizeof room)) > 0)
        buf_put(out, room, (size_t)k);
    close(pipes[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return err_sys(err, errno, "%s", prog);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_REMOTE, "%s: its code was ended by signal %d", what,
                       WTERMSIG(status));
    if (WEXITSTATUS(status) == 127)
        return err_set(err, ERR_NOENT, "can't run %s", prog);
    return out->bad ? err_set(err, ERR_LIMIT, "it says too much") : 0;
}

/* Calls @each for every line, cut at tabs; stops at the first failure. */
static int each_line(struct buf *b, int (*each)(void *ctx, char **words, int n, struct err *err),
                     void *ctx, struct err *err)
{
    char *text = (char *)(uintptr_t)(buf_cstr(b) ? buf_cstr(b) : ""), *line, *save = NULL;
    int rc = 0;

    for (line = strtok_r(text, "\n", &save); line && rc == 0; line = strtok_r(NULL, "\n", &save)) {
        char *words[4] = {line};
        int n = 1;

        for (char *p = line; n < 4 && (p = strchr(p, '\t')); n++) {
            *p++ = 0;
            words[n] = p;
        }
        if (strcmp(words[0], "fail") == 0)
            return err_set(err, ERR_ARGUMENT, "%s", words[n - 1]);
        rc = each(ctx, words, n, err);
    }
    return rc;
}

static int take_wish(void *ctx, char **words, int n, struct err *err)
{
    struct native_wishes *w = ctx;
    size_t k = strlen(w->parts);

    (void)err;
    if (n == 2 && strcmp(words[0], "flags") == 0) {
        unsigned flags = (unsigned)strtoul(words[1], NULL, 10);

        w->whole_files = flags & JOB_WHOLE_FILES;
        w->own_splits = flags & JOB_OWN_SPLITS;
        if (flags & JOB_OUTPUT_BYTES)
            snprintf(w->parts + k, sizeof w->parts - k, " bytes");
    } else if (n == 2 && strcmp(words[0], "has") == 0) {
        snprintf(w->parts + k, sizeof w->parts - k, " %s", words[1]);
    }
    return 0;
}

int native_ask(const char *object, const struct conf *conf, struct native_wishes *out,
               struct err *err)
{
    struct buf text;
    int rc;

    (void)conf;
    *out = (struct native_wishes){.parts = "map"};
    if (access(object, R_OK) < 0)
        return err_sys(err, errno, "%s", object);
    buf_init(&text, TEXT_MAX);
    rc = run("ask", object, &text, err);
    if (rc == 0)
        rc = each_line(&text, take_wish, out, err);
    buf_done(&text);
    return rc < 0 ? err_wrap(err, rc, "-native %s", object) : 0;
}

/* ---- prepare ---- */

struct changes {
    struct native_prepare *p;
    size_t cap;
    bool own;
};

static int set_pair(struct native_prepare *p, const char *key, const char *value, struct err *err)
{
    Pb__PairProto **list = arena_alloc(p->arena, (p->spec->n_conf + 1) * sizeof *list);
    Pb__PairProto *pair = arena_alloc(p->arena, sizeof *pair);

    if (!list || !pair)
        return err_set(err, ERR_NOMEM, "no memory for a setting");
    if (p->spec->n_conf)
        memcpy(list, p->spec->conf, p->spec->n_conf * sizeof *list);
    pb__pair_proto__init(pair);
    pair->key = arena_strndup(p->arena, key, strlen(key));
    pair->value = arena_strndup(p->arena, value, strlen(value));
    list[p->spec->n_conf++] = pair;
    p->spec->conf = list;
    return 0;
}

static int add_split(struct changes *c, char **words, struct err *err)
{
    struct native_prepare *p = c->p;
    Pb__SplitProto *s = arena_alloc(p->arena, sizeof *s);

    if (!c->own)
        p->split_count = 0;
    c->own = true;
    if (p->split_count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        Pb__SplitProto **list = arena_alloc(p->arena, cap * sizeof *list);

        if (list && p->split_count)
            memcpy(list, p->splits, p->split_count * sizeof *list);
        p->splits = list;
        c->cap = cap;
    }
    if (!s || !p->splits)
        return err_set(err, ERR_NOMEM, "no memory for splits");
    pb__split_proto__init(s);
    s->start = strtoull(words[1], NULL, 10);
    s->length = strtoull(words[2], NULL, 10);
    s->path = arena_strndup(p->arena, words[3], strlen(words[3]));
    p->splits[p->split_count++] = s;
    return 0;
}

static int take_change(void *ctx, char **words, int n, struct err *err)
{
    struct changes *c = ctx;

    if (n == 4 && strcmp(words[0], "split") == 0)
        return add_split(c, words, err);
    if (n == 3 && strcmp(words[0], "set") == 0)
        return set_pair(c->p, words[1], words[2], err);
    return 0;
}

int native_prepare(struct native_prepare *p, struct err *err)
{
    struct changes c = {.p = p};
    char path[] = "/tmp/ashlar-native.XXXXXX";
    int fd = mkstemp(path), rc;
    struct buf text;

    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    close(fd);
    buf_init(&text, TEXT_MAX);
    rc = native_write_order(p, path, err);
    if (rc == 0)
        rc = run("prepare", path, &text, err);
    if (rc == 0)
        rc = each_line(&text, take_change, &c, err);
    buf_done(&text);
    unlink(path);
    return rc;
}
