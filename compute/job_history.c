/* job_history.c -- what the store has of a job: its history, and logs that were too long for the scheduler. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/job_client.h"

enum { PIECE = 1 << 20, HISTORY_MAX = 1 << 28 };

static bool path_of(const struct conf *conf, const char *rest, char *out, size_t n)
{
    const char *base = conf_text(conf, OPT_sched_store_dir);

    if (!*base || strcmp(base, "none") == 0)
        return false;
    return (size_t)snprintf(out, n, "%s/%s", base, rest) < n;
}

static int read_all(const struct conf *conf, const char *path, struct buf *out, struct err *err)
{
    struct store *store = NULL;
    struct store_file *f = NULL;
    uint8_t *piece = malloc(PIECE);
    ssize_t k = 0;
    int rc = piece ? store_new(conf, NULL, NULL, &store, err) : -ERR_NOMEM;

    if (rc == 0)
        rc = store_open(store, path, 0, &f, err);
    while (rc == 0 && (k = store_read(f, piece, PIECE, err)) > 0)
        buf_put(out, piece, (size_t)k);
    store_close_reader(f);
    store_free(store);
    free(piece);
    return rc < 0 ? rc : k < 0 ? (int)k : out->bad ? -ERR_LIMIT : 0;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static void show_status(const json_t *job)
{
    const char *group, *name;
    json_t *list, *value;

    printf("Job: %s\nName: %s\nUser: %s\nState: %s\nOutput: %s\n", text_of(job, "id"),
           text_of(job, "name"), text_of(job, "user"), text_of(job, "state"),
           text_of(job, "output"));
    if (*text_of(job, "failure"))
        printf("Failure: %s\n", text_of(job, "failure"));
    json_object_foreach(json_object_get(job, "counters"), group, list)
    {
        printf("\t%s\n", group);
        json_object_foreach(list, name, value)
            printf("\t\t%s=%lld\n", name, (long long)json_integer_value(value));
    }
}

static void show_attempt(const json_t *a)
{
    printf("== %s %s on %s", text_of(a, "id"), text_of(a, "state"), text_of(a, "worker"));
    if (*text_of(a, "locality"))
        printf(", %s", text_of(a, "locality"));
    printf(" (%s)\n", text_of(a, "why"));
    if (*text_of(a, "split"))
        printf("   split %s\n", text_of(a, "split"));
    if (*text_of(a, "failure"))
        printf("   failure: %s\n", text_of(a, "failure"));
    if (*text_of(a, "stderr"))
        printf("%s\n", text_of(a, "stderr"));
}

int job_history_show(const struct conf *conf, const struct task_id *id, bool logs, bool as_json)
{
    char name[TASK_NAME_MAX], rest[TASK_NAME_MAX + 32], path[STORE_URI_MAX];
    struct err err = {0};
    struct buf text;
    json_t *root, *a;
    size_t i;

    task_job_name(id, name, sizeof name);
    snprintf(rest, sizeof rest, "history/%s.json", name);
    buf_init(&text, HISTORY_MAX);
    if (!path_of(conf, rest, path, sizeof path) || read_all(conf, path, &text, &err) < 0 ||
        !(root = json_loadb((const char *)text.bytes, text.n, 0, NULL))) {
        fprintf(stderr, "job: %s: neither the scheduler nor the store knows it\n", name);
        buf_done(&text);
        return 1;
    }
    if (as_json) {
        json_dumpf(json_object_get(root, "job"), stdout, JSON_INDENT(1));
        putchar('\n');
    } else if (!logs) {
        show_status(json_object_get(root, "job"));
    } else {
        json_array_foreach(json_object_get(root, "attempts"), i, a) show_attempt(a);
    }
    json_decref(root);
    buf_done(&text);
    return 0;
}

bool job_history_log(const struct conf *conf, const struct task_id *id)
{
    char name[TASK_NAME_MAX], job[TASK_NAME_MAX], rest[2 * TASK_NAME_MAX + 32], path[STORE_URI_MAX];
    struct buf text;
    bool found;

    task_job_name(id, job, sizeof job);
    task_attempt_name(id, name, sizeof name);
    snprintf(rest, sizeof rest, "logs/%s/%s", job, name);
    buf_init(&text, HISTORY_MAX);
    found = path_of(conf, rest, path, sizeof path) && read_all(conf, path, &text, NULL) == 0;
    if (found)
        fwrite(text.bytes, 1, text.n, stdout);
    buf_done(&text);
    return found;
}
