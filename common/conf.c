#include "common/conf.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "common/env.h"

enum { CONF_FILE_MAX = 16 << 20, EXPAND_DEPTH = 20, DEFINES_MAX = 1000 };

enum option_type { TYPE_INT, TYPE_BOOL, TYPE_TEXT, TYPE_TIME_MS, TYPE_TIME_S, TYPE_FLOAT };

static const struct {
    const char *key;
    enum option_type type;
    const char *fallback;
    int64_t min, max;
    const char *meaning;
} rows[OPT_COUNT] = {
#define OPTION(id, key_, type_, def, min_, max_, text)                                             \
    [OPT_##id] = {key_, TYPE_##type_, def, min_, max_, text},
#include "common/options.def"
#undef OPTION
};

struct setting {
    char *key, *value; /* value as written; expanded when the configuration is complete */
    char *from;        /* file, or "-D" */
    bool is_final;
    UT_hash_handle hh;
};

struct conf {
    struct setting *set;
    char *dir;  /* where its files are; NULL: there are none */
    char *file; /* that stands over them; NULL: none */
    struct {
        int64_t number;
        double real;
        char *text;
        bool given;
    } value[OPT_COUNT];
};

/* ---- settings ---- */

static int put(struct conf *c, const char *key, const char *value, const char *from, bool is_final,
               struct err *err)
{
    struct setting *s;
    char *copy = strdup(value);

    HASH_FIND_STR(c->set, key, s);
    if (s && s->is_final && strcmp(from, "-D") != 0) {
        free(copy);
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (s && !(s->key = strdup(key))) {
            free(s);
            s = NULL;
        }
        if (s)
            HASH_ADD_KEYPTR(hh, c->set, s->key, strlen(s->key), s);
    }
    if (!s || !copy) {
        free(copy);
        return err_set(err, ERR_NOMEM, "configuration key %s", key);
    }
    free(s->value);
    free(s->from);
    s->value = copy;
    s->from = strdup(from);
    s->is_final = is_final;
    return 0;
}

/* ---- one XML file ---- */

struct xml_reader {
    struct conf *conf;
    const char *path;
    int depth, rc;
    bool in_property, is_final;
    char name[1024], value[64 << 10], final_text[16];
    char *into; /* which of the three gets the characters */
    size_t n, cap;
    struct err *err;
};

static void on_start(void *ctx, const char *tag, const char **attrs)
{
    struct xml_reader *x = ctx;

    (void)attrs;
    x->depth++;
    if (x->depth == 1 && strcmp(tag, "configuration") != 0)
        x->rc = err_set(x->err, ERR_CONFIG, "%s: top element is <%s>, expected <configuration>",
                        x->path, tag);
    if (x->depth == 2 && strcmp(tag, "property") == 0) {
        x->in_property = true;
        x->name[0] = x->value[0] = x->final_text[0] = 0;
    }
    if (x->depth == 3 && x->in_property) {
        x->into = strcmp(tag, "name") == 0    ? x->name
                  : strcmp(tag, "value") == 0 ? x->value
                  : strcmp(tag, "final") == 0 ? x->final_text
                                              : NULL;
        x->cap = x->into == x->name    ? sizeof x->name
                 : x->into == x->value ? sizeof x->value
                                       : sizeof x->final_text;
        x->n = 0;
    }
}

static char *trim(char *s)
{
    size_t n;

    while (isspace((unsigned char)*s))
        s++;
    n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = 0;
    return s;
}

static void on_end(void *ctx, const char *tag)
{
    struct xml_reader *x = ctx;

    (void)tag;
    if (x->depth == 3)
        x->into = NULL;
    if (x->depth == 2 && x->in_property) {
        x->in_property = false;
        if (x->name[0] && x->rc == 0)
            x->rc = put(x->conf, trim(x->name), x->value, x->path,
                        strcmp(trim(x->final_text), "true") == 0, x->err);
    }
    x->depth--;
}

static void on_text(void *ctx, const char *s, int n)
{
    struct xml_reader *x = ctx;

    if (!x->into)
        return;
    if (x->n + (size_t)n >= x->cap) {
        if (x->rc == 0)
            x->rc = err_set(x->err, ERR_CONFIG, "%s: key \"%.60s\": longer than %zu bytes", x->path,
                            x->name, x->cap);
        return;
    }
    memcpy(x->into + x->n, s, (size_t)n);
    x->n += (size_t)n;
    x->into[x->n] = 0;
}

static int load_file(struct conf *c, const char *path, bool must_exist, struct err *err)
{
    struct xml_reader x = {.conf = c, .path = path, .err = err};
    struct err why;
    char *bytes;
    size_t n;
    XML_Parser p;
    int rc = env_read_file(env_posix(), path, CONF_FILE_MAX, &bytes, &n, &why);

    if (rc == -ERR_NOENT && !must_exist)
        return 0;
    if (rc < 0)
        return err_set(err, ERR_CONFIG, "configuration: %s", why.text);
    p = XML_ParserCreate(NULL);
    if (!p) {
        free(bytes);
        return err_set(err, ERR_NOMEM, "configuration %s", path);
    }
    XML_SetUserData(p, &x);
    XML_SetElementHandler(p, on_start, on_end);
    XML_SetCharacterDataHandler(p, on_text);
    if (XML_Parse(p, bytes, (int)n, 1) != XML_STATUS_OK && x.rc == 0)
        x.rc =
            err_set(err, ERR_CONFIG, "%s: line %lu: %s, expected a <configuration> of <property>s",
                    path, XML_GetCurrentLineNumber(p), XML_ErrorString(XML_GetErrorCode(p)));
    XML_ParserFree(p);
    free(bytes);
    return x.rc;
}

/* ---- ${...} ---- */

static const char *home_dir(char *scratch, size_t n)
{
    const char *home = getenv("HOME");
    struct passwd pw, *found = NULL;
    char buf[4096];

    if (home && *home)
        return home;
    if (getpwuid_r(getuid(), &pw, buf, sizeof buf, &found) != 0 || !found)
        return "/";
    snprintf(scratch, n, "%s", found->pw_dir);
    return scratch;
}

static const char *user_name(char *scratch, size_t n)
{
    struct passwd pw, *found = NULL;
    char buf[4096];

    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) != 0 || !found)
        return "unknown";
    snprintf(scratch, n, "%s", found->pw_name);
    return scratch;
}

static const char *raw(const struct conf *c, const char *key)
{
    struct setting *s;

    HASH_FIND_STR(c->set, key, s);
    if (s)
        return s->value;
    for (int o = 0; o < OPT_COUNT; o++)
        if (strcmp(rows[o].key, key) == 0)
            return rows[o].fallback;
    return NULL;
}

/* The value of a name between braces: env.NAME, env.NAME:-text, user.name, user.home, or a key. */
static const char *variable(const struct conf *c, const char *name, char *scratch, size_t n)
{
    const char *dash, *v;

    if (strcmp(name, "user.name") == 0)
        return user_name(scratch, n);
    if (strcmp(name, "user.home") == 0)
        return home_dir(scratch, n);
    if (strncmp(name, "env.", 4) != 0)
        return raw(c, name);
    dash = strstr(name, ":-");
    if (!dash)
        dash = strchr(name, '-');
    snprintf(scratch, n, "%.*s", dash ? (int)(dash - name - 4) : 1000, name + 4);
    v = getenv(scratch);
    if (v && *v)
        return v;
    return dash ? dash + (dash[0] == ':' ? 2 : 1) : v;
}

/* A malloc'd copy of @text with its variables replaced; unknown ones stay as they are. */
static char *expand(const struct conf *c, const char *text)
{
    char *out = strdup(text), name[512], scratch[512];

    for (int depth = 0; out && depth < EXPAND_DEPTH; depth++) {
        char *open = strstr(out, "${"), *close, *next;
        const char *v = NULL;

        while (open && (close = strchr(open, '}')) && (size_t)(close - open) < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)(close - open - 2), open + 2);
            v = variable(c, name, scratch, sizeof scratch);
            if (v)
                break;
            open = strstr(close, "${");
        }
        if (!open || !close)
            break;
        if (asprintf(&next, "%.*s%s%s", (int)(open - out), out, v, close + 1) < 0)
            next = NULL;
        free(out);
        out = next;
    }
    return out;
}

/* ---- values ---- */

static bool parse_int(const char *s, int64_t *out)
{
    static const char units[] = "kmgtpe";
    char *end;
    int64_t v;

    errno = 0;
    v = strtoll(s, &end, 0);
    if (end == s || errno)
        return false;
    if (*end) {
        const char *u = strchr(units, tolower((unsigned char)*end));
        int shift = u ? (int)(u - units + 1) * 10 : 0;

        if (!u || end[1] || v > INT64_MAX >> shift || v < INT64_MIN >> shift)
            return false;
        v = v * ((int64_t)1 << shift);
    }
    *out = v;
    return true;
}

static bool parse_time(const char *s, int64_t bare_unit_us, int64_t *out_ms)
{
    static const struct {
        const char *suffix;
        int64_t us;
    } units[] = {{"us", 1},       {"ms", 1000},      {"s", 1000000},
                 {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
    char *end;
    int64_t v, us = bare_unit_us;

    errno = 0;
    v = strtoll(s, &end, 10);
    if (end == s || errno)
        return false;
    if (strcasecmp(end, "ns") == 0) {
        *out_ms = v / 1000000;
        return true;
    }
    if (*end) {
        us = 0;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strcasecmp(end, units[i].suffix) == 0)
                us = units[i].us;
    }
    if (us == 0 || v > INT64_MAX / us || v < INT64_MIN / us)
        return false;
    *out_ms = v * us / 1000;
    return true;
}

static bool parse_float(const char *s, double *out)
{
    char *end;

    *out = strtod(s, &end);
    if (end != s && (*end == 'f' || *end == 'F' || *end == 'd'))
        end++;
    return end != s && *end == 0 && isfinite(*out);
}

static const char *const expected[] = {
    [TYPE_INT] = "a whole number", [TYPE_BOOL] = "true or false", [TYPE_TEXT] = "text",
    [TYPE_TIME_MS] = "a time",     [TYPE_TIME_S] = "a time",      [TYPE_FLOAT] = "a number",
};

static bool in_bounds(enum conf_option o, double v)
{
    return (rows[o].min == 0 && rows[o].max == 0) ||
           (v >= (double)rows[o].min && v <= (double)rows[o].max);
}

static bool parse_value(struct conf *c, enum conf_option o, const char *text)
{
    int64_t *number = &c->value[o].number;

    switch (rows[o].type) {
    case TYPE_INT: return parse_int(text, number) && in_bounds(o, (double)*number);
    case TYPE_TIME_MS: return parse_time(text, 1000, number) && in_bounds(o, (double)*number);
    case TYPE_TIME_S: return parse_time(text, 1000000, number) && in_bounds(o, (double)*number);
    case TYPE_FLOAT: return parse_float(text, &c->value[o].real) && in_bounds(o, c->value[o].real);
    case TYPE_BOOL:
        *number = strcasecmp(text, "true") == 0;
        return *number || strcasecmp(text, "false") == 0;
    case TYPE_TEXT: return true;
    }
    return false;
}

/* Reads option @o from the settings, or takes its default. */
static int settle(struct conf *c, enum conf_option o, struct err *err)
{
    struct setting *s;
    char *text;

    HASH_FIND_STR(c->set, rows[o].key, s);
    text = expand(c, s ? s->value : rows[o].fallback);
    if (!text)
        return err_set(err, ERR_NOMEM, "configuration");
    memmove(text, trim(text), strlen(trim(text)) + 1);
    free(c->value[o].text);
    c->value[o].text = text;
    c->value[o].given = s != NULL;
    if (parse_value(c, o, text))
        return 0;
    if (rows[o].min || rows[o].max)
        return err_set(err, ERR_CONFIG,
                       "%s: %s is \"%s\", expected %s from %" PRId64 " to %" PRId64,
                       s ? s->from : "default", rows[o].key, text, expected[rows[o].type],
                       rows[o].min, rows[o].max);
    return err_set(err, ERR_CONFIG, "%s: %s is \"%s\", expected %s", s ? s->from : "default",
                   rows[o].key, text, expected[rows[o].type]);
}

/* ---- the command line ---- */

static int take_define(struct conf_args *out, const char *text, struct err *err)
{
    if (!strchr(text, '='))
        return err_set(err, ERR_CONFIG, "-D %s: expected key=value", text);
    if (out->define_count == DEFINES_MAX)
        return err_set(err, ERR_CONFIG, "more than %d -D", DEFINES_MAX);
    out->defines[out->define_count++] = text;
    return 0;
}

int conf_args_take(int *argc, char **argv, struct conf_args *out, struct err *err)
{
    int kept = 1, i, rc = 0;

    *out = (struct conf_args){.defines = calloc(DEFINES_MAX, sizeof *out->defines)};
    if (!out->defines)
        return err_set(err, ERR_NOMEM, "arguments");
    for (i = 1; i < *argc && rc == 0; i++) {
        char *a = argv[i];
        bool has_next = i + 1 < *argc;

        if (strcmp(a, "--") == 0)
            break;
        if (strcmp(a, "--config") == 0 && has_next)
            out->dir = argv[++i];
        else if (strcmp(a, "-conf") == 0 && has_next)
            out->file = argv[++i];
        else if (strncmp(a, "--config=", 9) == 0)
            out->dir = a + 9;
        else if (strcmp(a, "-D") == 0 && has_next)
            rc = take_define(out, argv[++i], err);
        else if (strncmp(a, "-D", 2) == 0 && strchr(a, '='))
            rc = take_define(out, a + 2, err);
        else
            argv[kept++] = a;
    }
    for (; i < *argc; i++)
        argv[kept++] = argv[i];
    argv[kept] = NULL;
    *argc = kept;
    if (rc < 0)
        conf_args_done(out);
    return rc;
}

void conf_args_done(struct conf_args *args)
{
    free(args->defines);
    args->defines = NULL;
    args->define_count = 0;
}

/* A directory holds core-site.xml and hdfs-site.xml (and mapred-site.xml); anything else is one
 * file. */
static int load_files(struct conf *c, const char *dir, struct err *err)
{
    static const char *const files[] = {"core-site.xml", "hdfs-site.xml", "mapred-site.xml"};
    char path[4200];
    struct env_stat st;
    int rc = env_stat(env_posix(), dir, &st, err);

    if (rc < 0)
        return err_wrap(err, -ERR_CONFIG, "configuration");
    if (!st.is_dir)
        return load_file(c, dir, true, err);
    for (int i = 0; i < 3 && rc == 0; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        rc = load_file(c, path, false, err);
    }
    return rc;
}

/* Values that make no sense go to @bad, or are the end of it when that is NULL. */
static int load(const struct conf_args *args, conf_bad_fn bad, void *ctx, struct conf **out,
                struct err *err)
{
    const char *dir = args && args->dir ? args->dir : getenv("HADOOP_CONF_DIR");
    struct conf *c = calloc(1, sizeof *c);
    int rc = 0;

    if (!c)
        return err_set(err, ERR_NOMEM, "configuration");
    if (dir && *dir && !(c->dir = strdup(dir)))
        rc = err_set(err, ERR_NOMEM, "configuration");
    if (rc == 0 && c->dir)
        rc = load_files(c, dir, err);
    if (rc == 0 && args && args->file && !(c->file = strdup(args->file)))
        rc = err_set(err, ERR_NOMEM, "configuration");
    if (rc == 0 && c->file)
        rc = load_files(c, c->file, err);
    for (int i = 0; args && i < args->define_count && rc == 0; i++) {
        const char *eq = strchr(args->defines[i], '=');
        char *key = strndup(args->defines[i], (size_t)(eq - args->defines[i]));

        rc = key ? put(c, key, eq + 1, "-D", false, err) : err_set(err, ERR_NOMEM, "-D");
        free(key);
    }
    for (int o = 0; o < OPT_COUNT && rc == 0; o++) {
        rc = settle(c, (enum conf_option)o, err);
        if (rc == -ERR_CONFIG && bad) {
            bad(ctx, (enum conf_option)o, err);
            rc = 0;
        }
    }
    if (rc < 0)
        conf_free(c);
    else
        *out = c;
    return rc;
}

int conf_load(const struct conf_args *args, struct conf **out, struct err *err)
{
    return load(args, NULL, NULL, out, err);
}

void conf_free(struct conf *c)
{
    struct setting *s, *next;

    if (!c)
        return;
    HASH_ITER(hh, c->set, s, next)
    {
        HASH_DEL(c->set, s);
        free(s->key);
        free(s->value);
        free(s->from);
        free(s);
    }
    for (int o = 0; o < OPT_COUNT; o++)
        free(c->value[o].text);
    free(c->dir);
    free(c->file);
    free(c);
}

int conf_again(const struct conf *c, struct conf **out, struct err *err)
{
    return conf_again_but(c, NULL, NULL, out, err);
}

int conf_again_but(const struct conf *c, conf_bad_fn bad, void *ctx, struct conf **out,
                   struct err *err)
{
    const struct conf_args args = {.dir = c->dir ? c->dir : "", .file = c->file};
    struct conf *again;
    struct err own;
    int rc = load(&args, bad, ctx, &again, err ? err : &own);

    if (rc < 0)
        return rc;
    for (const struct setting *s = c->set; s && rc == 0; s = s->hh.next)
        if (strcmp(s->from, "-D") == 0)
            rc = conf_set(again, s->key, s->value, err);
    if (rc < 0)
        conf_free(again);
    else
        *out = again;
    return rc;
}

int conf_set(struct conf *c, const char *key, const char *value, struct err *err)
{
    int rc = put(c, key, value, "-D", false, err);

    for (int o = 0; o < OPT_COUNT && rc == 0; o++)
        if (strcmp(rows[o].key, key) == 0)
            rc = settle(c, (enum conf_option)o, err);
    return rc;
}

void conf_each_set(const struct conf *c,
                   void (*each)(void *ctx, const char *key, const char *value, const char *from),
                   void *ctx)
{
    for (const struct setting *s = c->set; s; s = s->hh.next)
        each(ctx, s->key, s->value, s->from);
}

int64_t conf_int(const struct conf *c, enum conf_option o)
{
    return __atomic_load_n(&c->value[o].number, __ATOMIC_RELAXED);
}

void conf_adopt(const struct conf *c, const struct conf *from, enum conf_option o)
{
    struct conf *running = (struct conf *)(uintptr_t)c; /* made by conf_load: it may change */

    __atomic_store_n(&running->value[o].number, conf_int(from, o), __ATOMIC_RELAXED);
}

const char *conf_key(enum conf_option o)
{
    return rows[o].key;
}

bool conf_bool(const struct conf *c, enum conf_option o)
{
    return conf_int(c, o) != 0;
}

double conf_float(const struct conf *c, enum conf_option o)
{
    return c->value[o].real;
}

const char *conf_text(const struct conf *c, enum conf_option o)
{
    return c->value[o].text;
}

const char *conf_get(const struct conf *c, const char *key)
{
    struct setting *s;

    for (int o = 0; o < OPT_COUNT; o++)
        if (strcmp(rows[o].key, key) == 0)
            return c->value[o].text;
    HASH_FIND_STR(c->set, key, s);
    return s ? s->value : NULL;
}

bool conf_is_set(const struct conf *c, enum conf_option o)
{
    return c->value[o].given;
}

void conf_each(const struct conf *c, void (*each)(void *ctx, const char *key, const char *value),
               void *ctx)
{
    struct setting *s, *next;

    for (int o = 0; o < OPT_COUNT; o++)
        each(ctx, rows[o].key, c->value[o].text);
    HASH_ITER(hh, c->set, s, next)
    {
        bool has_row = false;

        for (int o = 0; o < OPT_COUNT && !has_row; o++)
            has_row = strcmp(rows[o].key, s->key) == 0;
        if (!has_row)
            each(ctx, s->key, s->value);
    }
}

int conf_list(const char *text, char **out, int max)
{
    int count = 0;

    while (*text && count < max) {
        size_t n = strcspn(text, ",");
        char *item = strndup(text, n), *t;

        text += n + (text[n] == ',');
        if (!item)
            break;
        t = trim(item);
        memmove(item, t, strlen(t) + 1);
        if (*item)
            out[count++] = item;
        else
            free(item);
    }
    return count;
}

void conf_default_dir(const struct conf *c, const char *leaf, char *out, size_t n)
{
    const char *tmp = conf_text(c, OPT_tmp_dir);
    char home[4096];

    if (*tmp)
        snprintf(out, n, "%s/%s", tmp, leaf);
    else
        snprintf(out, n, "%s/.ashlar/%s", home_dir(home, sizeof home), leaf);
}

void conf_namenode(const struct conf *c, char *out, size_t n)
{
    const char *uri = conf_text(c, OPT_fs_default), *host;

    if (*conf_text(c, OPT_nn_rpc_address)) {
        snprintf(out, n, "%s", conf_text(c, OPT_nn_rpc_address));
        return;
    }
    if (strncmp(uri, "hdfs://", 7) != 0 || !uri[7] || uri[7] == '/') {
        snprintf(out, n, "127.0.0.1:8020");
        return;
    }
    host = uri + 7;
    snprintf(out, n, "%.*s", (int)strcspn(host, "/"), host);
    if (!strchr(out, ':'))
        snprintf(out + strlen(out), n - strlen(out), ":8020");
}

void conf_print_help(FILE *out)
{
    for (int o = 0; o < OPT_COUNT; o++) {
        fprintf(out, "%s\n    %s\n    default: %s", rows[o].key, rows[o].meaning,
                rows[o].fallback[0] ? rows[o].fallback : "(empty)");
        if (rows[o].min || rows[o].max)
            fprintf(out, "; %s from %" PRId64 " to %" PRId64, expected[rows[o].type], rows[o].min,
                    rows[o].max);
        fputs("\n", out);
    }
}

int conf_of_program(const char *program, int argc, char **argv, struct conf **out, struct err *err)
{
    struct conf_args args;
    struct conf *conf = NULL;
    int rc = conf_args_take(&argc, argv, &args, err);

    if (rc == 0 && argc > 1 && strcmp(argv[1], "--help-config") == 0)
        conf_print_help(stdout);
    else if (rc == 0 && argc > 1)
        rc = err_set(err, ERR_ARGUMENT,
                     "usage: %s [--config DIR] [-D key=value]... [--help-config]", program);
    else if (rc == 0)
        rc = conf_load(&args, &conf, err);
    conf_args_done(&args);
    if (rc == 0)
        *out = conf;
    return rc;
}
