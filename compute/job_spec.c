#include "compute/job_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/task.h"

enum { ARGS_MAX = 65536, REDUCES_MAX = 100000 };

/* ---- the command line ---- */

enum option_kind { TEXT, MANY, LIST, NUMBER, FLAG, PAIR, REFUSE, IGNORE, ONLY };

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;     /* of the field; of the array for MANY, LIST and PAIR */
    size_t count;      /* of its count */
    const char *known; /* ONLY: the last word of a class name that is what we do anyway */
};

#define AT(field) offsetof(struct job_options, field)
static const struct option_row rows[] = {
    {"input", MANY, AT(inputs), AT(input_count), NULL},
    {"output", TEXT, AT(output), 0, NULL},
    {"mapper", TEXT, AT(mapper), 0, NULL},
    {"combiner", TEXT, AT(combiner), 0, NULL},
    {"reducer", TEXT, AT(reducer), 0, NULL},
    {"file", MANY, AT(files), AT(file_count), NULL},
    {"files", LIST, AT(files), AT(file_count), NULL},
    {"cacheFile", LIST, AT(files), AT(file_count), NULL},
    {"numReduceTasks", NUMBER, AT(reduces), 0, NULL},
    {"jobconf", PAIR, AT(conf), AT(conf_count), NULL},
    {"cmdenv", PAIR, AT(env), AT(env_count), NULL},
    {"fs", TEXT, AT(fs), 0, NULL},
    {"dfs", TEXT, AT(fs), 0, NULL},
    {"local", FLAG, AT(local), 0, NULL},
    {"background", FLAG, AT(background), 0, NULL},
    {"verbose", FLAG, AT(verbose), 0, NULL},
    {"debug", FLAG, AT(verbose), 0, NULL},
    {"help", FLAG, AT(help), 0, NULL},
    {"info", FLAG, AT(help), 0, NULL},
    {"inputformat", ONLY, 0, 0, "TextInputFormat"},
    {"outputformat", ONLY, 0, 0, "TextOutputFormat"},
    {"partitioner", ONLY, 0, 0, "HashPartitioner"},
    {"io", ONLY, 0, 0, "text"},
    {"libjars", IGNORE, 0, 0, NULL},
    {"jt", IGNORE, 0, 0, NULL},
    {"archives", REFUSE, 0, 0, NULL},
    {"cacheArchive", REFUSE, 0, 0, NULL},
    {"inputreader", REFUSE, 0, 0, NULL},
    {"lazyOutput", REFUSE, 0, 0, NULL},
    {"mapdebug", REFUSE, 0, 0, NULL},
    {"reducedebug", REFUSE, 0, 0, NULL},
    {"additionalconfspec", REFUSE, 0, 0, NULL},
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
        if (o->file_count == room)
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

static int only(const struct option_row *row, const char *word, struct err *err)
{
    const char *dot = strrchr(word, '.');

    if (strcmp(dot ? dot + 1 : word, row->known) == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "-%s %s: only %s is there so far", row->name, word,
                   row->known);
}

static int one_value(struct job_options *o, const struct option_row *row, char *word, size_t room,
                     struct err *err)
{
    switch (row->kind) {
    case TEXT: *(const char **)(void *)((char *)o + row->offset) = word; return 0;
    case MANY: append(o, row, word); return 0;
    case LIST: return append_list(o, row, word, room, err);
    case NUMBER: return number(o, word, err);
    case ONLY: return only(row, word, err);
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
    o->conf = arena_alloc(a, room * sizeof *o->conf);
    o->env = arena_alloc(a, room * sizeof *o->env);
    return o->inputs && o->files && o->conf && o->env
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
    if (row->kind == REFUSE)
        return err_set(err, ERR_UNSUPPORTED, "-%s is not there so far", row->name);
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

static bool is_class(const char *command)
{
    return strncmp(command, "org.apache.hadoop.", 18) == 0;
}

static int commands(const struct job_options *o, struct arena *a, Pb__JobSpecProto *s,
                    struct err *err)
{
    const char *reducer = o->reducer;

    if (reducer && is_class(reducer) && strstr(reducer, ".IdentityReducer"))
        reducer = NULL;
    for (int i = 0; i < 3; i++) {
        const char *c = i == 0 ? o->mapper : i == 1 ? o->combiner : reducer;

        if (c && (is_class(c) || strcmp(c, "aggregate") == 0))
            return err_set(err, ERR_UNSUPPORTED, "%s: Java classes can't run here", c);
    }
    s->mapper = local_command(o, o->mapper, a);
    if (o->combiner)
        s->combiner = local_command(o, o->combiner, a);
    if (reducer && strcmp(reducer, "NONE") != 0)
        s->reducer = local_command(o, reducer, a);
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
    if (!o->mapper)
        return err_set(err, ERR_ARGUMENT, "Required argument: -mapper <command>");
    return 0;
}

/* Settings that decide what a program is given: those we don't serve must not pass in silence. */
static int check_settings(const Pb__JobSpecProto *s, struct err *err)
{
    static const char *const refused[] = {"stream.map.output.field.separator",
                                          "stream.reduce.output.field.separator",
                                          "stream.map.input.field.separator",
                                          "stream.reduce.input.field.separator",
                                          "stream.num.map.output.key.fields",
                                          "stream.num.reduce.output.key.fields",
                                          "mapreduce.job.output.key.comparator.class",
                                          "mapred.output.key.comparator.class",
                                          "mapreduce.partition.keypartitioner.options",
                                          "mapred.text.key.partitioner.options",
                                          "textinputformat.record.delimiter",
                                          "mapreduce.output.fileoutputformat.compress",
                                          "mapred.output.compress"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *v = spec_get(s, refused[i]);

        if (v && strcmp(v, "false") != 0 && strcmp(v, "1") != 0)
            return err_set(err, ERR_UNSUPPORTED, "-D %s: not there so far", refused[i]);
    }
    return 0;
}

int job_spec_make(const struct job_options *o, const struct conf *conf, struct store *store,
                  const char *user, struct arena *a, Pb__JobSpecProto **out, struct err *err)
{
    Pb__JobSpecProto *s = arena_alloc(a, sizeof *s);
    char output[STORE_URI_MAX];
    const char *name;
    int rc = s ? check(o, err) : err_set(err, ERR_NOMEM, "no memory for the job");

    (void)conf;
    if (rc < 0)
        return rc;
    pb__job_spec_proto__init(s);
    rc = store_qualify(store, o->output, output, sizeof output, err);
    if (rc == 0)
        rc = pairs(a, o->conf, o->conf_count, &s->conf, &s->n_conf, err);
    if (rc == 0)
        rc = pairs(a, o->env, o->env_count, &s->env, &s->n_env, err);
    if (rc == 0)
        rc = commands(o, a, s, err);
    if (rc == 0)
        rc = check_settings(s, err);
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
