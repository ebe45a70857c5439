#include "compute/debug_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAYS_MAX = 4096, TIMEOUT_MS = 60000 };

struct says {
    uint8_t text[SAYS_MAX];
    size_t n;
    uint8_t rest[SAYS_MAX]; /* what there is no room for */
};

static int room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    struct says *s = ctx;

    (void)err;
    *at = s->n < SAYS_MAX ? s->text + s->n : s->rest;
    *n = s->n < SAYS_MAX ? SAYS_MAX - s->n : SAYS_MAX;
    return 0;
}

static int took(void *ctx, size_t n, struct err *err)
{
    struct says *s = ctx;

    (void)err;
    if (s->n < SAYS_MAX)
        s->n += n;
    return 0;
}

static void put_xml(FILE *f, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", f);
        else if (*text == '&')
            fputs("&amp;", f);
        else
            fputc(*text, f);
}

static void write_conf(const struct task *t, const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f)
        return;
    fputs("<?xml version=\"1.0\"?>\n<configuration>\n", f);
    for (size_t i = 0; i < t->spec->n_conf; i++) {
        fputs("<property><name>", f);
        put_xml(f, t->spec->conf[i]->key);
        fputs("</name><value>", f);
        put_xml(f, t->spec->conf[i]->value);
        fputs("</value></property>\n", f);
    }
    fputs("</configuration>\n", f);
    fclose(f);
}

static void add_words(struct child_result *to, const char *text, size_t n)
{
    if (n > CHILD_TAIL / 2) {
        text += n - CHILD_TAIL / 2;
        n = CHILD_TAIL / 2;
    }
    if (to->tail_n + n > CHILD_TAIL) {
        size_t drop = to->tail_n + n - CHILD_TAIL;

        memmove(to->tail, to->tail + drop, to->tail_n - drop);
        to->tail_n -= drop;
    }
    memcpy(to->tail + to->tail_n, text, n);
    to->tail_n += n;
    to->tail[to->tail_n] = 0;
}

void debug_script_run(struct task *t)
{
    const char *script = spec_get(t->spec, t->id.is_reduce ? "mapreduce.reduce.debug.script"
                                                           : "mapreduce.map.debug.script");
    struct says *s;
    char command[8000], conf[1100], log[1100], **env;
    struct child_result *r;

    if (!script || !*script || !t->child.blamed || atomic_load(&t->cancelled))
        return;
    s = calloc(1, sizeof *s);
    r = calloc(1, sizeof *r);
    env = task_environment(t, NULL);
    if (s && r && env) {
        const struct child_io io = {.room = room, .output = took, .ctx = s};
        struct child_spec spec = {.command = command,
                                  .dir = t->dir,
                                  .env = env,
                                  .log_path = NULL,
                                  .timeout_ms = TIMEOUT_MS,
                                  .may_leave_input = true,
                                  .any_exit = true,
                                  .cancelled = &t->cancelled};

        snprintf(conf, sizeof conf, "%s/job.xml", t->dir);
        snprintf(log, sizeof log, "%s.stderr", t->dir);
        write_conf(t, conf);
        snprintf(command, sizeof command, "%.3000s /dev/null %s /dev/null %s", script,
                 access(log, F_OK) == 0 ? log : "/dev/null", conf);
        child_run(&spec, &io, r, NULL);
        if (s->n || r->tail_n)
            add_words(&t->child, "[debug script]\n", 15);
        add_words(&t->child, (const char *)s->text, s->n);
        add_words(&t->child, r->tail, r->tail_n);
    }
    free(s);
    free(r);
    free(env);
}
