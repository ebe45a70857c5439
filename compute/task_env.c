/* task_env.c -- the environment of a streaming program.
 *
 * As in Hadoop: every setting of the job, its name with anything but letters and digits as "_";
 * what the framework knows of the task, under the new and the old names; then what -cmdenv
 * gave; all of it over the worker's own environment.  A value that no environment can hold
 * (128 KiB and more) is left out.
 */
#include "compute/task.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"

extern char **environ;

enum { ENV_MAX = 4 << 20, VALUE_MAX = 120 << 10, VARIABLES_MAX = 16384 };

/* Variables one after the other, each with its zero; later ones win. */
struct vars {
    struct buf text;
};

static void add(struct vars *v, const char *name, const char *value)
{
    if (strlen(value) > VALUE_MAX)
        return;
    buf_puts(&v->text, name);
    buf_puts(&v->text, "=");
    buf_puts(&v->text, value);
    buf_put(&v->text, "", 1);
}

static void add_setting(struct vars *v, const char *key, const char *value)
{
    char name[256];
    size_t i = 0;

    for (; i < sizeof name - 1 && key[i]; i++)
        name[i] = isalnum((unsigned char)key[i]) ? key[i] : '_';
    name[i] = 0;
    add(v, name, value);
}

static void add_number(struct vars *v, const char *key, uint64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRIu64, n);
    add_setting(v, key, text);
}

/* A fact of the task under its new and its old name. */
static void add_both(struct vars *v, const char *key, const char *old, const char *value)
{
    add_setting(v, key, value);
    if (old)
        add_setting(v, old, value);
}

static void add_split(struct vars *v, const Pb__SplitProto *s)
{
    add_both(v, "mapreduce.map.input.file", "map.input.file", s->path);
    add_number(v, "mapreduce.map.input.start", s->start);
    add_number(v, "map.input.start", s->start);
    add_number(v, "mapreduce.map.input.length", s->length);
    add_number(v, "map.input.length", s->length);
}

static void add_task(struct vars *v, const struct task *t)
{
    char name[TASK_NAME_MAX], work[STORE_URI_MAX], *slash;

    task_job_name(&t->id, name, sizeof name);
    add_both(v, "mapreduce.job.id", "mapred.job.id", name);
    task_name(&t->id, name, sizeof name);
    add_both(v, "mapreduce.task.id", "mapred.tip.id", name);
    task_attempt_name(&t->id, name, sizeof name);
    add_both(v, "mapreduce.task.attempt.id", "mapred.task.id", name);
    add_both(v, "mapreduce.task.ismap", "mapred.task.is.map", t->id.is_reduce ? "false" : "true");
    add_number(v, "mapreduce.task.partition", t->id.index);
    add_number(v, "mapred.task.partition", t->id.index);
    add_number(v, "mapreduce.job.maps", t->maps);
    add_number(v, "mapred.map.tasks", t->maps);
    add_number(v, "mapreduce.job.reduces", t->reduces);
    add_number(v, "mapred.reduce.tasks", t->reduces);
    add_both(v, "mapreduce.job.name", "mapred.job.name", t->spec->name);
    add_both(v, "mapreduce.job.user.name", "user.name", t->spec->user);
    add_both(v, "mapreduce.output.fileoutputformat.outputdir", "mapred.output.dir",
             t->spec->output);
    snprintf(work, sizeof work, "%s", t->part_uri);
    slash = strrchr(work, '/');
    if (slash)
        *slash = 0;
    add_both(v, "mapreduce.task.output.dir", "mapred.work.output.dir", work);
    add_both(v, "mapreduce.job.local.dir", "job.local.dir", t->dir);
    add(v, "PWD", t->dir);
    if (t->split)
        add_split(v, t->split);
}

static void add_inputs(struct vars *v, const Pb__JobSpecProto *spec)
{
    struct buf list;

    buf_init(&list, VALUE_MAX);
    for (size_t i = 0; i < spec->n_input; i++)
        buf_printf(&list, "%s%s", i ? "," : "", spec->input[i]);
    if (!list.bad && buf_cstr(&list))
        add_both(v, "mapreduce.input.fileinputformat.inputdir", "mapred.input.dir",
                 buf_cstr(&list));
    buf_done(&list);
}

/* @n bytes of @a are its name and the sign behind it. */
static bool same_name(const char *a, size_t n, const char *b)
{
    return a[0] == b[0] && strncmp(a, b, n) == 0;
}

/* The later of two with one name stays. */
static char **point(struct vars *v, struct err *err)
{
    size_t count = 0, kept = 0;
    char **list, *text;

    for (size_t i = 0; i < v->text.n; i++)
        count += v->text.bytes[i] == 0;
    list = v->text.bad || count > VARIABLES_MAX ? NULL
                                                : malloc((count + 1) * sizeof *list + v->text.n);
    if (!list) {
        err_set(err, ERR_LIMIT, "the environment of the task is too large: over %d bytes", ENV_MAX);
        return NULL;
    }
    text = memcpy((char *)(list + count + 1), v->text.bytes, v->text.n);
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1) {
        size_t n = strcspn(text, "=") + 1, k = 0;

        while (k < kept && !same_name(text, n, list[k]))
            k++;
        list[k] = text;
        kept += k == kept;
    }
    list[kept] = NULL;
    return list;
}

char **task_environment(const struct task *t, struct err *err)
{
    struct vars v;
    char **list;

    buf_init(&v.text, ENV_MAX);
    for (char **e = environ; *e; e++)
        buf_put(&v.text, *e, strlen(*e) + 1);
    for (size_t i = 0; i < t->spec->n_conf; i++) {
        const Pb__PairProto *p = t->spec->conf[i];

        add_both(&v, p->key, setting_other_name(p->key), p->value);
    }
    add_inputs(&v, t->spec);
    add_task(&v, t);
    for (size_t i = 0; i < t->spec->n_env; i++)
        add(&v, t->spec->env[i]->key, t->spec->env[i]->value);
    list = point(&v, err);
    buf_done(&v.text);
    return list;
}
