#include "compute/job_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/task.h"

static const char IDENTITY[] = "org.apache.hadoop.mapred.lib.IdentityMapper";
enum { ARGS_MAX = 65536, REDUCES_MAX = 100000 };

/* ---- the command line ---- */

enum option_kind { TEXT, MANY, LIST, NUMBER, FLAG, PAIR, IGNORE };

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset; /* of the field; of the array for MANY, LIST and PAIR */
    size_t count;  /* of its count */
};

#define AT(field) offsetof(struct job_options, field)
static const struct option_row rows[] = {
    {"input", MANY, AT(inputs), AT(input_count)},
    {"output", TEXT, AT(output), 0},
    {"mapper", TEXT, AT(mapper), 0},
    {"combiner", TEXT, AT(combiner), 0},
    {"reducer", TEXT, AT(reducer), 0},
    {"file", MANY, AT(files), AT(file_count)},
    {"files", LIST, AT(files), AT(file_count)},
    {"cacheFile", LIST, AT(files), AT(file_count)},
    {"numReduceTasks", NUMBER, AT(reduces), 0},
    {"jobconf", PAIR, AT(conf), AT(conf_count)},
    {"cmdenv", PAIR, AT(env), AT(env_count)},
    {"fs", TEXT, AT(fs), 0},
    {"dfs", TEXT, AT(fs), 0},
    {"local", FLAG, AT(local), 0},
    {"background", FLAG, AT(background), 0},
    {"verbose", FLAG, AT(verbose), 0},
    {"debug", FLAG, AT(verbose), 0},
    {"as-hadoop", FLAG, AT(as_hadoop), 0},
    {"help", FLAG, AT(help), 0},
    {"info", FLAG, AT(help), 0},
    {"inputformat", TEXT, AT(input_format), 0},
    {"outputformat", TEXT, AT(output_format), 0},
    {"partitioner", TEXT, AT(partitioner), 0},
    {"io", TEXT, AT(io), 0},
    {"inputreader", TEXT, AT(input_reader), 0},
    {"lazyOutput", FLAG, AT(lazy), 0},
    {"mapdebug", TEXT, AT(map_debug), 0},
    {"reducedebug", TEXT, AT(reduce_debug), 0},
    {"archives", LIST, AT(archives), AT(archive_count)},
    {"cacheArchive", LIST, AT(archives), AT(archive_count)},
    {"libjars", IGNORE, 0, 0},
    {"jt", IGNORE, 0, 0},
    {"additionalconfspec", TEXT, AT(more_settings), 0},
};

static const struct option_row *row_of(const char *word)
{
    if (word[0] != '-')
        return NULL;
    word += word[1] == '-' ? 2 : 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, word) == 0)
            return &rows[i];
    return NULL;
}

static void append(struct job_options *o, const struct option_row *row, char *word)
{
    char ***list = (char ***)(void *)((char *)o + row->offset);
    size_t *n = (size_t *)(void *)((char *)o + row->count);

    (*list)[(*n)++] = word;
}

static int append_list(struct job_options *o, const struct option_row *row, char *words,
                       size_t room, struct err *err)
{
    char *save = NULL;

    for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (o->file_count == room || o->archive_count == room)
            return err_set(err, ERR_LIMIT, "more than %zu files", room);
        append(o, row, w);
    }
    return 0;
}

static int number(struct job_options *o, const char *word, struct err *err)
{
    char *end;
    long n = strtol(word, &end, 10);

    if (*end || end == word || n < 0 || n > REDUCES_MAX)
        return err_set(err, ERR_ARGUMENT, "-numReduceTasks %s: a number from 0 to %d is expected",
                       word, REDUCES_MAX);
    o->reduces = (int)n;
    return 0;
}

static int one_value(struct job_options *o, const struct option_row *row, char *word, size_t room,
                     struct err *err)
{
    switch (row->kind) {
    case TEXT: *(const char **)(void *)((char *)o + row->offset) = word; return 0;
    case MANY: append(o, row, word); return 0;
    case LIST: return append_list(o, row, word, room, err);
    case NUMBER: return number(o, word, err);
    case PAIR:
        if (!strchr(word, '='))
            return err_set(err, ERR_ARGUMENT, "-%s %s: NAME=VALUE is expected", row->name, word);
        append(o, row, word);
        return 0;
    default: return 0;
    }
}

static int make_lists(struct job_options *o, struct arena *a, size_t room, struct err *err)
{
    o->inputs = arena_alloc(a, room * sizeof *o->inputs);
    o->files = arena_alloc(a, room * sizeof *o->files);
    o->archives = arena_alloc(a, room * sizeof *o->archives);
    o->conf = arena_alloc(a, room * sizeof *o->conf);
    o->env = arena_alloc(a, room * sizeof *o->env);
    return o->inputs && o->files && o->archives && o->conf && o->env
               ? 0
               : err_set(err, ERR_NOMEM, "no memory for the arguments");
}

static int take_option(struct job_options *o, int argc, char **argv, int *i, size_t room,
                       struct err *err)
{
    const struct option_row *row = row_of(argv[*i]);
    int rc;

    if (!row)
        return err_set(err, ERR_ARGUMENT,
                       argv[*i][0] == '-' ? "Unrecognized option: %s"
                                          : "Found 1 unexpected arguments on the command line [%s]",
                       argv[*i]);
    if (row->kind == FLAG) {
        *(bool *)((char *)o + row->offset) = true;
        return 0;
    }
    if (*i + 1 >= argc)
        return err_set(err, ERR_ARGUMENT, "Missing argument for option: %s", row->name);
    rc = one_value(o, row, argv[++*i], room, err);
    /* -input and -file take all words up to the next option, as in Hadoop. */
    while (rc == 0 && row->kind == MANY && *i + 1 < argc && argv[*i + 1][0] != '-')
        rc = one_value(o, row, argv[++*i], room, err);
    return rc;
}

int job_options_parse(int argc, char **argv, struct arena *a, struct job_options *out,
                      struct err *err)
{
    struct job_options o = {.reduces = -1};
    size_t room = 1;
    int rc;

    for (int i = 0; i < argc; i++)
        room += 2 + strlen(argv[i]) / 2;
    if (argc > ARGS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d arguments", ARGS_MAX);
    rc = make_lists(&o, a, room, err);
    for (int i = 0; i < argc && rc == 0; i++)
        rc = take_option(&o, argc, argv, &i, room, err);
    if (rc == 0)
        *out = o;
    return rc;
}

/* ---- the job ---- */

static Pb__PairProto *pair(struct arena *a, const char *text)
{
    Pb__PairProto *p = arena_alloc(a, sizeof *p);
    size_t k = strcspn(text, "=");

    if (!p)
        return NULL;
    pb__pair_proto__init(p);
    p->key = arena_strndup(a, text, k);
    p->value = arena_strndup(a, text + k + (text[k] == '='), strlen(text + k + (text[k] == '=')));
    return p->key && p->value ? p : NULL;
}

static int pairs(struct arena *a, const char **texts, size_t n, Pb__PairProto ***out, size_t *count,
                 struct err *err)
{
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    for (size_t i = 0; *out && i < n; i++) {
        (*out)[i] = pair(a, texts[i]);
        if (!(*out)[i])
            return err_set(err, ERR_NOMEM, "no memory for the settings");
        *count = i + 1;
    }
    return *out ? 0 : err_set(err, ERR_NOMEM, "no memory for the settings");
}

/* A command whose program is shipped is called by the name it has in the task's directory. */
static char *local_command(const struct job_options *o, const char *command, struct arena *a)
{
    char prog[4096], real[4096], shipped[4096];
    size_t k = strcspn(command, " ");

    snprintf(prog, sizeof prog, "%.*s", (int)k, command);
    if (strchr(prog, '/') && realpath(prog, real))
        for (size_t i = 0; i < o->file_count; i++)
            if (realpath(o->files[i], shipped) && strcmp(real, shipped) == 0)
                return arena_printf(a, "%s%s",
                                    strrchr(o->files[i], '/') ? strrchr(o->files[i], '/') + 1
                                                              : o->files[i],
                                    command + k);
    return arena_strndup(a, command, strlen(command));
}

static int commands(const struct job_options *o, struct arena *a, Pb__JobSpecProto *s,
                    struct err *err)
{
    s->mapper = local_command(o, o->mapper ? o->mapper : IDENTITY, a);
    if (o->combiner)
        s->combiner = local_command(o, o->combiner, a);
    if (o->reducer && strcmp(o->reducer, "NONE") != 0)
        s->reducer = local_command(o, o->reducer, a);
    return s->mapper ? 0 : err_set(err, ERR_NOMEM, "no memory for the job");
}

static uint32_t reduces_of(const struct job_options *o, const Pb__JobSpecProto *s)
{
    int64_t n = o->reduces >= 0 ? o->reduces : spec_int(s, "mapreduce.job.reduces", 1);

    if (o->reducer && strcmp(o->reducer, "NONE") == 0)
        return 0;
    return n < 0 ? 0 : n > REDUCES_MAX ? REDUCES_MAX : (uint32_t)n;
}

static int check(const struct job_options *o, struct err *err)
{
    if (!o->input_count)
        return err_set(err, ERR_ARGUMENT, "Required argument: -input <name>");
    if (!o->output)
        return err_set(err, ERR_ARGUMENT, "Required argument: -output");
    return 0;
}

/* ---- options that are settings ---- */

struct settings {
    struct job_options *o;
    struct arena *a;
    bool bad;
};

static void set(struct settings *t, const char *key, const char *value)
{
    const char *text = arena_printf(t->a, "%s=%s", key, value);

    t->bad |= !text;
    if (text)
        t->o->conf[t->o->conf_count++] = text;
}

/* "StreamXmlRecord,begin=<a>,end=</a>" */
static int set_reader(struct settings *t, struct err *err)
{
    char *copy = arena_strndup(t->a, t->o->input_reader, strlen(t->o->input_reader)), *save = NULL;
    char *word = copy ? strtok_r(copy, ",", &save) : NULL, key[256];
    const char *dot = word ? strrchr(word, '.') : NULL;
    const char *class = dot ? dot + 1 : word ? word : "";

    if (strcmp(class, "StreamXmlRecord") != 0 && strcmp(class, "StreamXmlRecordReader") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "-inputreader %s: class not found; there is StreamXmlRecord", class);
    while ((word = strtok_r(NULL, ",", &save))) {
        char *eq = strchr(word, '=');

        snprintf(key, sizeof key, "stream.recordreader.%.*s", eq ? (int)(eq - word) : 200, word);
        set(t, key, eq ? eq + 1 : "");
    }
    return 0;
}

static void set_io(struct settings *t)
{
    set(t, "stream.map.input", t->o->io);
    set(t, "stream.map.output", t->o->io);
    set(t, "stream.reduce.input", t->o->io);
    set(t, "stream.reduce.output", t->o->io);
}

static void set_output(struct settings *t)
{
    static const char lazy[] = "org.apache.hadoop.mapred.lib.LazyOutputFormat";
    const char *format = t->o->output_format;

    if (t->o->lazy) {
        set(t, "mapred.output.format.class", lazy);
        set(t, "mapreduce.output.lazyoutputformat.outputformat",
            format ? format : "org.apache.hadoop.mapred.TextOutputFormat");
    } else if (format) {
        set(t, "mapred.output.format.class", format);
    }
}

static int add_settings(struct job_options *o, struct arena *a, struct err *err)
{
    struct settings t = {.o = o, .a = a};
    size_t room = o->conf_count + 64 + (o->input_reader ? strlen(o->input_reader) : 0);
    const char **list = arena_alloc(a, room * sizeof *list);
    int rc = 0;

    if (!list)
        return err_set(err, ERR_NOMEM, "no memory for the settings");
    memcpy(list, o->conf, o->conf_count * sizeof *list);
    o->conf = list;
    if (o->input_format)
        set(&t, "mapred.input.format.class", o->input_format);
    else if (o->input_reader)
        set(&t, "mapred.input.format.class", "org.apache.hadoop.streaming.StreamInputFormat");
    if (o->input_reader)
        rc = set_reader(&t, err);
    if (o->partitioner)
        set(&t, "mapred.partitioner.class", o->partitioner);
    if (o->io)
        set_io(&t);
    set_output(&t);
    if (o->map_debug)
        set(&t, "mapreduce.map.debug.script", o->map_debug);
    if (o->reduce_debug)
        set(&t, "mapreduce.reduce.debug.script", o->reduce_debug);
    return rc < 0 ? rc : t.bad ? err_set(err, ERR_NOMEM, "no memory for the settings") : 0;
}

int job_spec_make(struct job_options *o, const struct conf *conf, struct store *store,
                  const char *user, struct arena *a, Pb__JobSpecProto **out, struct err *err)
{
    Pb__JobSpecProto *s = arena_alloc(a, sizeof *s);
    char output[STORE_URI_MAX];
    struct shape shape;
    const char *name;
    int rc = s ? check(o, err) : err_set(err, ERR_NOMEM, "no memory for the job");

    (void)conf;
    if (rc < 0)
        return rc;
    pb__job_spec_proto__init(s);
    rc = store_qualify(store, o->output, output, sizeof output, err);
    if (rc == 0)
        rc = add_settings(o, a, err);
    if (rc == 0)
        rc = pairs(a, o->conf, o->conf_count, &s->conf, &s->n_conf, err);
    if (rc == 0)
        rc = pairs(a, o->env, o->env_count, &s->env, &s->n_env, err);
    if (rc == 0)
        rc = commands(o, a, s, err);
    if (rc == 0)
        rc = shape_make(s, &shape, err);
    if (rc < 0)
        return rc;
    name = spec_get(s, "mapreduce.job.name");
    s->name = name ? (char *)(uintptr_t)name : s->mapper;
    s->user = arena_strndup(a, user, strlen(user));
    s->output = arena_strndup(a, output, strlen(output));
    s->input = o->inputs;
    s->n_input = o->input_count;
    s->reduces = reduces_of(o, s);
    *out = s;
    return s->user && s->output ? 0 : err_set(err, ERR_NOMEM, "no memory for the job");
}
