/* native_run.c -- starting `native-task` and listening to it. */
#include "compute/native.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/merge.h"
#include "compute/partition.h"

enum { LINE_MAX_BYTES = 1 << 20, CHUNK_BYTES = 256 << 10, WORDS_MAX = 5 };

bool native_wanted(const Pb__JobSpecProto *spec)
{
    return spec_get(spec, NATIVE_KEY) != NULL;
}

/* native-task stands beside this program. */
void native_program(char *out, size_t n)
{
    char self[1024];
    ssize_t k = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    self[k > 0 ? k : 0] = 0;
    slash = strrchr(self, '/');
    snprintf(out, n, "%.*s/native-task", slash ? (int)(slash - self) : 0, self);
}

/* ---- listening ---- */

struct heard {
    void (*line)(struct heard *h, char **words, int count);
    struct task *t; /* of a running task */
    struct buf text;
    uint8_t room[16 << 10];
    bool failed;
    int code; /* of its failure */
    char failure[900];
    /* a reduce's input */
    struct record_stream *in;
    struct buf frames;
    bool ended;
    uint64_t total;
    const struct spill_reader *readers;
    uint32_t opened;
};

static void take_failure(struct heard *h, char **words, int count)
{
    h->failed = true;
    h->code = count == 3 ? atoi(words[1]) : ERR_ARGUMENT;
    snprintf(h->failure, sizeof h->failure, "%s", words[count - 1]);
}

/* Cuts @text at tabs; the last word keeps those beyond WORDS_MAX. */
static int cut_words(char *text, char **words)
{
    int n = 0;

    for (words[n++] = text; n < WORDS_MAX; n++) {
        text = strchr(text, '\t');
        if (!text)
            break;
        *text++ = 0;
        words[n] = text;
    }
    return n;
}

static void take_lines(struct heard *h)
{
    char *words[WORDS_MAX], *from = (char *)h->text.bytes, *nl;
    size_t left = h->text.n;

    while (left && (nl = memchr(from, '\n', left))) {
        int n;

        *nl = 0;
        left -= (size_t)(nl + 1 - from);
        n = cut_words(from, words);
        if (strcmp(words[0], "fail") == 0)
            take_failure(h, words, n);
        else
            h->line(h, words, n);
        from = nl + 1;
    }
    if (left)
        memmove(h->text.bytes, from, left);
    h->text.n = left;
}

static int room(void *ctx, uint8_t **at, size_t *n, struct err *err)
{
    struct heard *h = ctx;

    (void)err;
    *at = h->room;
    *n = sizeof h->room;
    return 0;
}

static int took(void *ctx, size_t n, struct err *err)
{
    struct heard *h = ctx;

    buf_put(&h->text, h->room, n);
    if (h->text.bad)
        return err_set(err, ERR_LIMIT, "native-task prints a line of more than %d bytes",
                       LINE_MAX_BYTES);
    take_lines(h);
    return 0;
}

static void task_line(struct heard *h, char **words, int count)
{
    struct task *t = h->t;

    if (strcmp(words[0], "progress") == 0 && count == 2 && !h->in) {
        atomic_store(&t->permille, (uint32_t)strtoul(words[1], NULL, 10));
    } else if (strcmp(words[0], "count") == 0 && count == 4) {
        pthread_mutex_lock(&t->lock);
        counters_add_named(&t->counters, words[1], words[2], strtoll(words[3], NULL, 10));
        pthread_mutex_unlock(&t->lock);
    }
}

static void reporter(void *ctx, const char *text, size_t n)
{
    task_reporter(((struct heard *)ctx)->t, text, n);
}

static void alive(void *ctx)
{
    task_alive(((struct heard *)ctx)->t);
}

/* ---- the order ---- */

struct pairs {
    Pb__PairProto **list;
    size_t n;
    struct arena *arena;
};

static void add_pair(void *ctx, const char *key, const char *value, const char *from)
{
    struct pairs *p = ctx;
    Pb__PairProto *pair = arena_alloc(p->arena, sizeof *pair);

    (void)from;
    if (!pair || p->n >= 1024)
        return;
    pb__pair_proto__init(pair);
    pair->key = (char *)(uintptr_t)key;
    pair->value = (char *)(uintptr_t)value;
    p->list[p->n++] = pair;
}

static int write_order(Pb__NativeTaskProto *o, const struct conf *conf, const char *path,
                       struct err *err)
{
    struct arena arena;
    struct pairs pairs = {.arena = &arena};
    uint8_t *bytes;
    size_t n;
    FILE *f;
    int rc = 0;

    arena_init(&arena, 1 << 24);
    pairs.list = arena_alloc(&arena, 1024 * sizeof *pairs.list);
    if (conf && pairs.list)
        conf_each_set(conf, add_pair, &pairs);
    o->system = pairs.list;
    o->n_system = pairs.n;
    n = pb__native_task_proto__get_packed_size(o);
    bytes = malloc(n + 1);
    f = bytes ? fopen(path, "we") : NULL;
    if (f) {
        pb__native_task_proto__pack(o, bytes);
        rc = fwrite(bytes, 1, n, f) == n ? 0 : -1;
        rc |= fclose(f);
    }
    if (!f || rc)
        rc = err_set(err, ERR_NO_DISK, "can't write %s", path);
    free(bytes);
    arena_done(&arena);
    return rc;
}

int native_write_order(const struct native_prepare *p, const char *path, struct err *err)
{
    Pb__NativeTaskProto o = PB__NATIVE_TASK_PROTO__INIT;

    o.object = (char *)(uintptr_t)p->object;
    o.user = p->spec->user;
    o.kind = PB__TASK_KIND_PROTO__MAP;
    o.maps = (uint32_t)p->split_count;
    o.reduces = p->spec->reduces;
    o.splits = p->splits;
    o.n_splits = p->split_count;
    o.conf = p->spec->conf;
    o.n_conf = p->spec->n_conf;
    o.dir = o.parturi = (char *)"";
    return write_order(&o, p->conf, path, err);
}

static int order_of(const struct task *t, char *command, size_t n, struct err *err)
{
    Pb__NativeTaskProto o = PB__NATIVE_TASK_PROTO__INIT;
    char object[1400], path[1400], prog[1100];

    snprintf(object, sizeof object, "%s/%s", t->dir, spec_get(t->spec, NATIVE_KEY));
    snprintf(path, sizeof path, "%s/native-task.order", t->dir);
    o.object = object;
    o.user = t->spec->user;
    o.kind = t->id.is_reduce ? PB__TASK_KIND_PROTO__REDUCE : PB__TASK_KIND_PROTO__MAP;
    o.task = t->id.index;
    o.maps = t->maps;
    o.reduces = t->reduces;
    o.split = (Pb__SplitProto *)(uintptr_t)t->split;
    o.conf = t->spec->conf;
    o.n_conf = t->spec->n_conf;
    o.dir = (char *)(uintptr_t)t->dir;
    o.parturi = (char *)(uintptr_t)t->part_uri;
    o.sortbytes = (uint64_t)spec_int(t->spec, "mapreduce.task.io.sort.mb",
                                     t->conf ? conf_int(t->conf, OPT_sort_mb) : 100)
                  << 20;
    o.sortfactor = (uint32_t)spec_int(t->spec, "mapreduce.task.io.sort.factor",
                                      t->conf ? conf_int(t->conf, OPT_sort_factor) : 64);
    native_program(prog, sizeof prog);
    snprintf(command, n, "\"%s\" run \"%s\"", prog, path);
    return write_order(&o, t->conf, path, err);
}

static int run_it(struct heard *h, const struct child_io *io, struct err *err)
{
    char command[2600];
    int rc = order_of(h->t, command, sizeof command, err);

    buf_init(&h->text, LINE_MAX_BYTES);
    if (rc == 0)
        rc = task_run_command(h->t, command, io, err);
    buf_done(&h->text);
    if (h->failed) {
        bool passes = h->code > 0 && h->code < ERR_COUNT && h->code != ERR_REMOTE;

        h->t->child.blamed = h->t->child.blamed && !passes;
        return err_set(err, passes ? (enum err_code)h->code : ERR_REMOTE, "%s", h->failure);
    }
    return rc;
}

int native_map_run(struct task *t, struct err *err)
{
    struct heard h = {.line = task_line, .t = t};
    const struct child_io io = {
        .room = room, .output = took, .reporter = reporter, .alive = alive, .ctx = &h};

    return run_it(&h, &io, err);
}

/* ---- reduce ---- */

static bool has_part(const Pb__JobSpecProto *spec, const char *what)
{
    const char *parts = spec_get(spec, NATIVE_PARTS_KEY);

    return parts && strstr(parts, what);
}

static void progress(struct heard *h)
{
    uint64_t left = 0;

    for (uint32_t i = 0; i < h->opened; i++)
        left += h->readers[i].left;
    if (h->total)
        atomic_store(&h->t->permille, 333 + (uint32_t)((h->total - left) * 667 / h->total));
}

static int give_frames(void *ctx, const uint8_t **bytes, size_t *n, struct err *err)
{
    struct heard *h = ctx;
    struct record r;
    int rc = 1;

    h->frames.n = 0;
    while (!h->ended && h->frames.n < CHUNK_BYTES && (rc = h->in->next(h->in, &r, err)) > 0) {
        const struct native_frame f = {r.same ? NATIVE_SAME : (uint32_t)r.key_n,
                                       (uint32_t)r.value_n, r.count};

        buf_put(&h->frames, &f, sizeof f);
        if (!r.same)
            buf_put(&h->frames, r.key, r.key_n);
        buf_put(&h->frames, r.value, r.value_n);
    }
    if (rc == 0) {
        const struct native_frame f = {.key_n = NATIVE_END};

        buf_put(&h->frames, &f, sizeof f);
        h->ended = true;
    }
    progress(h);
    *bytes = h->frames.bytes;
    *n = h->frames.n;
    if (h->frames.bad)
        return err_set(err, ERR_NOMEM, "no memory for a record");
    return rc < 0 ? rc : 0;
}

static int through_object(struct heard *h, struct err *err)
{
    const struct child_io io = {.input = give_frames,
                                .room = room,
                                .output = took,
                                .reporter = reporter,
                                .alive = alive,
                                .ctx = h};
    int rc;

    buf_init(&h->frames, RECORD_MAX + CHUNK_BYTES + 64);
    rc = run_it(h, &io, err);
    buf_done(&h->frames);
    return rc;
}

/* No reduce in the object: sorted records are the output, and no process is needed. */
static int copy_through(struct heard *h, struct err *err)
{
    struct task *t = h->t;
    struct native_part part;
    struct record r;
    uint64_t groups = 0;
    int rc = native_part_open(&part, t->store, t->part_uri, has_part(t->spec, "bytes"), err);

    while (rc >= 0 && (rc = h->in->next(h->in, &r, err)) > 0) {
        groups += !r.same;
        for (uint32_t i = 0; i < r.count && rc >= 0; i++)
            rc = native_part_add(&part, r.key, r.key_n, r.value, r.value_n, err);
        if (part.records % 4096 == 0) {
            progress(h);
            task_alive(t);
        }
        if (atomic_load(&t->cancelled))
            rc = err_set(err, ERR_INTERRUPTED, "killed on request");
    }
    counter_add(&t->counters, C_BYTES_WRITTEN, (int64_t)part.bytes);
    counter_add(&t->counters, C_REDUCE_INPUT_GROUPS, (int64_t)groups);
    counter_add(&t->counters, C_REDUCE_INPUT_RECORDS, (int64_t)part.records);
    counter_add(&t->counters, C_REDUCE_OUTPUT_RECORDS, (int64_t)part.records);
    if (rc == 0)
        rc = native_part_close(&part, err);
    if (rc < 0 && part.buf)
        native_part_abandon(&part);
    return rc;
}

static int with_merged(struct heard *h, struct spill_reader *readers, struct err *err)
{
    struct record_stream **streams = calloc(h->opened + 1, sizeof *streams);
    struct merge *merge = NULL;
    int rc;

    if (!streams)
        return err_set(err, ERR_NOMEM, "no memory to merge %u map outputs", h->opened);
    for (uint32_t i = 0; i < h->opened; i++) {
        streams[i] = &readers[i].stream;
        h->total += readers[i].left;
    }
    rc = merge_new(streams, h->opened, &merge, err);
    free(streams);
    if (rc < 0)
        return rc;
    h->in = merge_stream(merge);
    rc = has_part(h->t->spec, "reduce") ? through_object(h, err) : copy_through(h, err);
    merge_free(merge);
    return rc;
}

int native_reduce_run(struct task *t, struct err *err)
{
    struct heard h = {.line = task_line, .t = t};
    struct spill_reader *readers = calloc(t->maps + 1, sizeof *readers);
    int rc = readers ? 0 : err_set(err, ERR_NOMEM, "no memory for %u map outputs", t->maps);

    h.readers = readers;
    if (rc == 0)
        rc = t->fetch(t, readers, &h.opened, err);
    if (rc == 0)
        rc = with_merged(&h, readers, err);
    for (uint32_t i = 0; i < h.opened; i++)
        spill_reader_done(&readers[i]);
    free(readers);
    return rc;
}
