#include "client/shell/tool.h"

#include <stdio.h>
#include <string.h>

#include "client/shell/shell.h"

enum { MISUSED = 1, FAILED = 2 };

static void print_usage(FILE *out, const struct tool *t)
{
    fprintf(out, "Usage: bin/hdfs %s [COMMAND]\n", t->name);
    for (const struct tool_command *c = t->commands; c->name; c++)
        if (!c->own)
            fprintf(out, "          %s\n", c->usage);
    fprintf(out, "          [-help <command-name>]\n\n%s", shell_generic_options);
}

static void print_about(FILE *out, const struct tool_command *c)
{
    fprintf(out, "%s\n\n%s", c->usage, c->about);
}

static const struct tool_command *find(const struct tool *t, const char *name)
{
    for (const struct tool_command *c = t->commands; c->name; c++)
        if (strcmp(c->name, name) == 0 || (c->own && strcmp(c->name + 1, name) == 0))
            return c;
    return NULL;
}

static int help(const struct tool *t, char **args, int count)
{
    if (count == 0) {
        for (const struct tool_command *c = t->commands; c->name; c++) {
            if (c->own)
                continue;
            print_about(stderr, c);
            fputc('\n', stderr);
        }
        return MISUSED;
    }
    if (count > 1) {
        fprintf(stderr, "You must give exactly one argument to -help.\n");
        return MISUSED;
    }
    for (const struct tool_command *c = t->commands; c->name; c++)
        if (strcmp(c->name + 1, args[0]) == 0) {
            print_about(stderr, c);
            return 0;
        }
    fprintf(stderr, "Unknown command '%s'.\nValid help command names are:\n", args[0]);
    for (const struct tool_command *c = t->commands; c->name; c++)
        if (!c->own)
            fprintf(stderr, "%s%s", c->name + 1, c[1].name && !c[1].own ? ", " : "\n");
    return MISUSED;
}

static int unknown(const struct tool *t, const char *name)
{
    fprintf(stderr, "Can't understand command '%s'\n", name);
    if (name[0] != '-')
        fprintf(stderr, "Command names must start with dashes.\n");
    print_usage(stderr, t);
    return MISUSED;
}

int tool_begin(struct conf *conf, const char *name, struct tool *out, struct err *err)
{
    int rc;

    *out = (struct tool){.name = name};
    if ((rc = dfs_connect(conf, NULL, NULL, &out->fs, err)) == 0)
        arena_init(&out->arena, FS_ANSWER_MAX);
    return rc;
}

void tool_end(struct tool *t)
{
    arena_done(&t->arena);
    dfs_disconnect(t->fs);
}

static int run_command(struct conf *conf, const struct tool_entry *entry, int argc, char **argv)
{
    struct tool t = {.name = entry->name, .commands = entry->commands};
    const struct tool_command *command;
    struct err err;
    int rc;

    if (argc == 0) {
        print_usage(stderr, &t);
        return MISUSED;
    }
    if (strcmp(argv[0], "-help") == 0)
        return help(&t, argv + 1, argc - 1);
    if (!(command = find(&t, argv[0])))
        return unknown(&t, argv[0]);
    if (tool_begin(conf, entry->name, &t, &err) < 0)
        return tool_failed(&t, &err);
    t.commands = entry->commands;
    t.command = command;
    rc = command->run(&t, argv + 1, argc - 1);
    tool_end(&t);
    return rc;
}

int tool_run(struct conf *conf, const struct tool_entry *entry, int argc, char **argv)
{
    int rc = entry->commands ? run_command(conf, entry, argc, argv) : entry->run(conf, argc, argv);

    return fflush(stdout) == 0 ? rc : FAILED;
}

/* ---- arguments ---- */

static void take_out(char **args, int *count, int at, int n)
{
    memmove(&args[at], &args[at + n], sizeof *args * (size_t)(*count - at - n));
    *count -= n;
}

const char *tool_option(char **args, int *count, const char *option)
{
    const char *value;

    for (int i = 0; i + 1 < *count && strcmp(args[i], "--") != 0; i++) {
        if (strcmp(args[i], option) != 0)
            continue;
        value = args[i + 1];
        take_out(args, count, i, 2);
        return value;
    }
    return NULL;
}

bool tool_flag(char **args, int *count, const char *flag)
{
    for (int i = 0; i < *count && strcmp(args[i], "--") != 0; i++)
        if (strcmp(args[i], flag) == 0) {
            take_out(args, count, i, 1);
            return true;
        }
    return false;
}

/* ---- failing ---- */

int tool_misused(struct tool *t, const char *what)
{
    fprintf(stderr, "%s\nUsage: ", what);
    print_about(stderr, t->command);
    fputc('\n', stderr);
    return MISUSED;
}

/* Exceptions that Hadoop's client makes its own of what came over the wire; others it leaves. */
static const char *class_shown(const struct err *err)
{
    static const enum err_code known[] = {ERR_ACCESS,   ERR_NOENT,    ERR_SAFEMODE,
                                          ERR_NS_QUOTA, ERR_DS_QUOTA, ERR_SNAP_ACCESS};
    const char *class = err_java_class(err), *dot = strrchr(class, '.');

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (err->code == known[i])
            return dot ? dot + 1 : class;
    return "RemoteException";
}

int tool_failed(struct tool *t, const struct err *err)
{
    (void)t;
    fflush(stdout);
    fprintf(stderr, "%s: %.*s\n", class_shown(err), (int)strcspn(err->text, "\n"), err->text);
    return FAILED;
}
