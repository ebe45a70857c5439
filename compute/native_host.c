/* native_host.c -- what a native task's object may ask of the engine. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/native_task.h"
#include "compute/partition.h"

enum { ARENA_MAX = 1 << 28, FILES_MAX = 64 };

struct native_file {
    char *path;
    struct store_file *file;
    uint64_t at;
    struct native_file *next;
};

static struct native_task *of(struct job_task *t)
{
    return (struct native_task *)t;
}

int native_task_fail(struct native_task *n, int rc, const struct err *err)
{
    if (n->rc == 0) {
        n->rc = rc;
        n->err = *err;
    }
    return n->rc;
}

const char *native_task_setting(const struct native_task *n, const char *key)
{
    for (size_t i = n->order->n_conf; i > 0; i--)
        if (strcmp(n->order->conf[i - 1]->key, key) == 0)
            return n->order->conf[i - 1]->value;
    return NULL;
}

/* ---- telling ---- */

/* Tabs and newlines would end a field. */
static void put_field(const char *s)
{
    for (; *s; s++)
        putchar(*s == '\t' || *s == '\n' ? ' ' : *s);
}

void native_tell_count(const char *group, const char *name, int64_t n)
{
    fputs("count\t", stdout);
    put_field(group);
    putchar('\t');
    put_field(name);
    printf("\t%lld\n", (long long)n);
}

void native_tell_progress(struct native_task *n, uint64_t done, uint64_t of_all)
{
    uint32_t permille = of_all ? (uint32_t)((double)done * 1000 / (double)of_all) : 1000;

    if (permille == n->told_permille)
        return;
    n->told_permille = permille;
    printf("progress\t%u\n", permille > 1000 ? 1000 : permille);
    fflush(stdout);
}

/* ---- the calls of job_host ---- */

static int keep_last_key(struct native_task *n, const void *key, size_t key_n, struct err *err)
{
    if (key_n + 1 > n->last_key_cap) {
        uint8_t *p = realloc(n->last_key, key_n + 256);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key");
        n->last_key = p;
        n->last_key_cap = key_n + 256;
    }
    if (key_n)
        memcpy(n->last_key, key, key_n);
    n->last_key_n = key_n;
    n->any_combined = true;
    return 0;
}

/* A combiner writes into a run that must stay sorted. */
static int emit_combined(struct native_task *n, const void *key, size_t key_n, const void *value,
                         size_t value_n, struct err *err)
{
    struct record r = {.key = key, .key_n = key_n, .value = value, .value_n = value_n, .count = 1};
    int order = n->any_combined ? key_compare(n->last_key, n->last_key_n, key, key_n) : -1;

    if (order > 0)
        return err_set(err, ERR_REMOTE, "the combiner emitted keys out of their order");
    r.same = order == 0;
    if (!r.same) {
        int rc = keep_last_key(n, key, key_n, err);

        if (rc < 0)
            return rc;
        r.key = n->last_key;
    }
    n->combine_out++;
    return spill_add(n->combined, &r, err);
}

static int emit(struct job_task *t, const void *key, size_t key_n, const void *value,
                size_t value_n)
{
    struct native_task *n = of(t);
    struct err err = {0};
    uint32_t hash, partition;
    int rc;

    if (n->rc < 0)
        return n->rc;
    if (n->combined) {
        rc = emit_combined(n, key, key_n, value, value_n, &err);
    } else if (n->sorter) {
        hash = key_hash(key, key_n);
        partition =
            n->ops->partition ? n->ops->partition(t, key, key_n) : key_partition(hash, t->reduces);
        const struct sort_record r = {.key = key,
                                      .key_n = key_n,
                                      .value = value,
                                      .value_n = value_n,
                                      .prefix = key_prefix(key, key_n),
                                      .hash = hash,
                                      .partition = partition};
        rc = partition < t->reduces
                 ? sorter_put(n->sorter, &r, &err)
                 : err_set(&err, ERR_ARGUMENT, "partition %u of %u", partition, t->reduces);
        n->emitted++;
        n->emitted_bytes += key_n + value_n;
    } else {
        rc = n->part.file ? native_part_add(&n->part, key, key_n, value, value_n, &err)
                          : err_set(&err, ERR_STATE, "nothing can be emitted here");
        n->emitted++;
    }
    return rc < 0 ? native_task_fail(n, rc, &err) : 0;
}

static int fail(struct job_task *t, const char *sentence, ...)
{
    struct err err = {0};
    char text[1024];
    va_list ap;

    va_start(ap, sentence);
    vsnprintf(text, sizeof text, sentence, ap);
    va_end(ap);
    return native_task_fail(of(t), err_set(&err, ERR_REMOTE, "%s", text), &err);
}

static void count(struct job_task *t, const char *group, const char *name, int64_t k)
{
    (void)t;
    native_tell_count(group, name, k);
}

static void status(struct job_task *t, const char *text)
{
    (void)t;
    fprintf(stderr, "reporter:status:%s\n", text);
}

static const char *setting(struct job_task *t, const char *key)
{
    return native_task_setting(of(t), key);
}

static void close_file(struct native_file *f)
{
    store_close_reader(f->file);
    free(f->path);
    free(f);
}

/* The file, open at @at: read on where it was left, else opened anew. */
static struct native_file *file_at(struct native_task *n, const char *path, uint64_t at,
                                   struct err *err)
{
    struct native_file *f, **p = &n->files;
    int count_open = 0;

    for (; (f = *p); p = &f->next, count_open++) {
        if (strcmp(f->path, path) == 0 && f->at == at)
            return f;
        if (strcmp(f->path, path) == 0 || count_open >= FILES_MAX) {
            *p = f->next;
            close_file(f);
            break;
        }
    }
    f = calloc(1, sizeof *f);
    if (!f || !(f->path = strdup(path))) {
        free(f);
        err_set(err, ERR_NOMEM, "no memory to read %s", path);
        return NULL;
    }
    f->at = at;
    if (store_open(n->store, path, at, &f->file, err) < 0) {
        free(f->path);
        free(f);
        return NULL;
    }
    f->next = n->files;
    n->files = f;
    return f;
}

static int64_t host_read(struct job_task *t, const char *path, uint64_t at, void *buf, size_t size)
{
    struct native_task *n = of(t);
    struct err err = {0};
    struct native_file *f = file_at(n, path, at, &err);
    size_t got = 0;

    if (!f)
        return native_task_fail(n, -(int)err.code, &err);
    while (got < size) {
        ssize_t k = store_read(f->file, (char *)buf + got, size - got, &err);

        if (k < 0)
            return native_task_fail(n, (int)k, &err);
        if (k == 0)
            break;
        got += (size_t)k;
        f->at += (uint64_t)k;
    }
    return (int64_t)got;
}

static int64_t file_length(struct job_task *t, const char *path)
{
    struct native_task *n = of(t);
    struct err err = {0};
    struct store_entry e;
    int rc = store_stat(n->store, path, &e, &err);

    if (rc < 0)
        return native_task_fail(n, rc, &err);
    rc = 0;
    store_entry_done(&e);
    return (int64_t)e.length;
}

static int list(struct job_task *t, const char *directory,
                int (*each)(void *ctx, const char *path, uint64_t length), void *ctx)
{
    struct native_task *n = of(t);
    struct err err = {0};
    struct store_entry *entries;
    size_t entry_count;
    int rc = store_list(n->store, directory, &entries, &entry_count, &err);

    if (rc < 0)
        return native_task_fail(n, rc, &err);
    for (size_t i = 0; i < entry_count && rc == 0; i++)
        if (!entries[i].is_dir)
            rc = each(ctx, entries[i].uri, entries[i].length);
    store_entries_free(entries, entry_count);
    return rc;
}

static size_t split_count(struct job_task *t)
{
    return of(t)->order->n_splits;
}

static void split(struct job_task *t, size_t i, struct job_split *out)
{
    const Pb__SplitProto *s = of(t)->order->splits[i];

    *out = (struct job_split){s->path, s->start, s->length};
}

static int add_split(struct job_task *t, const struct job_split *s)
{
    (void)t;
    printf("split\t%llu\t%llu\t", (unsigned long long)s->start, (unsigned long long)s->length);
    put_field(s->path);
    putchar('\n');
    return 0;
}

static int set(struct job_task *t, const char *key, const char *value)
{
    (void)t;
    fputs("set\t", stdout);
    put_field(key);
    putchar('\t');
    put_field(value);
    putchar('\n');
    return 0;
}

static const struct job_host host = {.emit = emit,
                                     .fail = fail,
                                     .count = count,
                                     .status = status,
                                     .setting = setting,
                                     .read = host_read,
                                     .file_length = file_length,
                                     .list = list,
                                     .split_count = split_count,
                                     .split = split,
                                     .add_split = add_split,
                                     .set = set};

/* ---- opening ---- */

static int load(struct native_task *n, const char *object, struct err *err)
{
    void *so = dlopen(object, RTLD_NOW | RTLD_LOCAL);

    if (!so)
        return err_set(err, ERR_ARGUMENT, "%s", dlerror());
    n->ops = dlsym(so, "job_native");
    if (!n->ops)
        return err_set(err, ERR_ARGUMENT, "%s exports no job_native (job.h)", object);
    if (n->ops->version != JOB_VERSION)
        return err_set(err, ERR_ARGUMENT, "%s is for version %d of job.h, this is %d", object,
                       n->ops->version, JOB_VERSION);
    return 0;
}

static int load_conf(struct native_task *n, struct err *err)
{
    const Pb__NativeTaskProto *o = n->order;
    struct conf_args args = {.define_count = (int)o->n_system};
    int rc;

    args.defines = calloc(o->n_system + 1, sizeof *args.defines);
    if (!args.defines)
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
    for (size_t i = 0; i < o->n_system; i++)
        args.defines[i] = arena_printf(&n->arena, "%s=%s", o->system[i]->key, o->system[i]->value);
    rc = conf_load(&args, &n->conf, err);
    free(args.defines);
    return rc;
}

int native_task_open(struct native_task *n, const Pb__NativeTaskProto *order, bool needs_store)
{
    struct err err = {0};
    int rc;

    n->order = order;
    arena_init(&n->arena, ARENA_MAX);
    n->task.host = &host;
    n->task.number = order->task;
    n->task.maps = order->maps;
    n->task.reduces = order->reduces;
    n->task.is_reduce = order->kind == PB__TASK_KIND_PROTO__REDUCE;
    if (order->split)
        n->task.split =
            (struct job_split){order->split->path, order->split->start, order->split->length};
    rc = load(n, order->object, &err);
    if (rc == 0 && needs_store)
        rc = load_conf(n, &err);
    if (rc == 0 && needs_store)
        rc = store_new(n->conf, NULL, order->user, &n->store, &err);
    return rc < 0 ? native_task_fail(n, rc, &err) : 0;
}

void native_task_done(struct native_task *n)
{
    while (n->files) {
        struct native_file *f = n->files;

        n->files = f->next;
        close_file(f);
    }
    free(n->last_key);
    if (n->part.file)
        native_part_abandon(&n->part);
    store_free(n->store);
    conf_free(n->conf);
    arena_done(&n->arena);
}
