#include "client/shell/shell.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct command shell_commands[] = {
#define COMMAND(fn, name, usage, flags, values, min, max, about)                                   \
    {name, usage, about, flags, values, "", min, max, cmd_##fn},
#define COMMAND_POP(fn, name, usage, flags, anywhere, min, max, about)                             \
    {name, usage, about, flags, "", anywhere, min, max, cmd_##fn},
#include "client/shell/commands.def"
#undef COMMAND
#undef COMMAND_POP
    {0},
};

const struct command *shell_find(const char *name)
{
    for (const struct command *c = shell_commands; c->name; c++)
        if (strcmp(c->name, name + (name[0] == '-')) == 0)
            return c;
    return NULL;
}

/* ---- usage ---- */

const char shell_generic_options[] =
    "Generic options supported are:\n"
    "-conf <configuration file>        specify an application configuration file\n"
    "-D <property=value>               define a value for a given property\n"
    "-fs <file:///|hdfs://namenode:port> specify default filesystem URL to use, overrides "
    "'fs.defaultFS' property from configurations.\n"
    "-jt <local|resourcemanager:port>  specify a ResourceManager\n"
    "-files <file1,...>                specify a comma-separated list of files to be copied to "
    "the map reduce cluster\n"
    "-libjars <jar1,...>               specify a comma-separated list of jar files to be included "
    "in the classpath\n"
    "-archives <archive1,...>          specify a comma-separated list of archives to be unarchived "
    "on the compute machines\n"
    "\n"
    "The general command line syntax is:\n"
    "command [genericOptions] [commandOptions]\n"
    "\n";

void shell_print_usage(FILE *out, const struct command *only)
{
    if (only) {
        fprintf(out, "Usage: hadoop fs [generic options] -%s %s\n", only->name, only->usage);
        return;
    }
    fputs("Usage: hadoop fs [generic options]\n", out);
    for (const struct command *c = shell_commands; c->name; c++)
        if (c->about)
            fprintf(out, "\t[-%s %s]\n", c->name, c->usage);
    fprintf(out, "\n%s", shell_generic_options);
}

/* ---- failing ---- */

int sh_fail(struct shell *sh, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    flockfile(stderr); /* several files may be copied at a time */
    fprintf(stderr, "%s: ", sh->command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    sh->errors++;
    funlockfile(stderr);
    return -1;
}

int sh_fail_err(struct shell *sh, const struct err *err)
{
    int n = (int)strcspn(err->text, "\n"); /* a remote exception's first line, as Hadoop shows it */

    return sh_fail(sh, "%.*s", n, err->text);
}

int sh_misused(struct shell *sh, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "-%s: ", sh->command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    shell_print_usage(stderr, NULL);
    shell_print_usage(stderr, sh->command);
    return SHELL_USAGE;
}

int sh_broken(struct shell *sh, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "-%s: Fatal internal error\n", sh->command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return SHELL_USAGE;
}

/* ---- options ---- */

/* Whether @word is in the list; a star at the end of an entry stands for anything. */
static bool in_list(const char *list, const char *word)
{
    while (*list) {
        size_t n = strcspn(list, " ");

        if (n > 0 && list[n - 1] == '*' ? strncmp(list, word, n - 1) == 0
                                        : strlen(word) == n && memcmp(list, word, n) == 0)
            return true;
        list += n + (list[n] == ' ');
    }
    return false;
}

bool sh_has(const struct shell *sh, const char *flag)
{
    for (int i = 0; i < sh->given_count; i++)
        if (strcmp(sh->given[i], flag) == 0)
            return true;
    return false;
}

const char *sh_value(const struct shell *sh, const char *option)
{
    for (int i = 0; i < sh->given_count; i++)
        if (sh->given_values[i] && strcmp(sh->given[i], option) == 0)
            return sh->given_values[i];
    return NULL;
}

static void remember(struct shell *sh, const char *option, const char *value)
{
    if (sh->given_count < SHELL_OPTIONS_MAX) {
        sh->given[sh->given_count] = option;
        sh->given_values[sh->given_count++] = value;
    }
}

/* Takes the options of c->anywhere out of the words, wherever they stand. */
static int take_from_anywhere(struct shell *sh, char **args, int *count)
{
    for (int at = 0; at < *count && strcmp(args[at], "--") != 0; at++) {
        const char *word = args[at] + 1;

        if (args[at][0] != '-' || !in_list(sh->command->anywhere, word) || sh_value(sh, word))
            continue;
        if (at + 1 == *count)
            return sh_misused(sh, "option %s requires 1 argument.", args[at]);
        remember(sh, word, args[at + 1]);
        *count -= 2;
        memmove(&args[at], &args[at + 2], (size_t)(*count - at) * sizeof *args);
        at--;
    }
    return 0;
}

bool sh_pop(struct shell *sh, const char *flag, char **args, int *count)
{
    for (int at = 0; at < *count && strcmp(args[at], "--") != 0; at++) {
        if (args[at][0] != '-' || strcmp(args[at] + 1, flag) != 0)
            continue;
        remember(sh, flag, NULL);
        --*count;
        memmove(&args[at], &args[at + 1], (size_t)(*count - at) * sizeof *args);
        return true;
    }
    return false;
}

/* Takes the options in front of the arguments off; each is a word of its own, as in Hadoop. */
static int take_options(struct shell *sh, const char *flags, char ***args, int *count)
{
    const struct command *c = sh->command;
    char **kept = *args; /* unknown words that stay are moved to the end of what was taken */
    int at = 0, stay = 0;

    while (at < *count && kept[at][0] == '-' && kept[at][1]) {
        const char *word = kept[at] + 1;

        if (strcmp(word, "-") == 0) {
            at++;
            break;
        }
        if (in_list(flags, word)) {
            remember(sh, word, NULL);
        } else if (in_list(c->values, word)) {
            bool has_value = at + 1 < *count && *count - at - 1 > c->min &&
                             (kept[at + 1][0] != '-' || !kept[at + 1][1]);

            remember(sh, word, has_value ? kept[at + 1] : "");
            at += has_value;
        } else if (in_list(flags, "?")) {
            kept[stay++] = kept[at];
        } else {
            return sh_misused(sh, "Illegal option %s", kept[at]);
        }
        at++;
    }
    memmove(&kept[at - stay], kept, (size_t)stay * sizeof *kept);
    *args += at - stay;
    *count -= at - stay;
    return 0;
}

static int check_count(struct shell *sh, int count)
{
    const struct command *c = sh->command;

    if (count < c->min)
        return sh_misused(sh, "Not enough arguments: expected %d but got %d", c->min, count);
    if (c->max > 0 && count > c->max)
        return sh_misused(sh, "Too many arguments: expected %d but got %d", c->max, count);
    return 0;
}

int sh_options(struct shell *sh, const char *flags, char ***args, int *count)
{
    int rc = take_options(sh, flags, args, count);

    return rc ? rc : check_count(sh, *count);
}

/* ---- running ---- */

static int unknown(const char *name)
{
    fprintf(stderr, "%s: Unknown command\n", name);
    shell_print_usage(stderr, NULL);
    return SHELL_USAGE;
}

int shell_run(struct conf *conf, int argc, char **argv)
{
    struct shell sh = {.conf = conf};
    int rc;

    if (argc < 1) {
        shell_print_usage(stderr, NULL);
        return SHELL_USAGE;
    }
    sh.command = shell_find(argv[0]);
    if (!sh.command)
        return unknown(argv[0]);
    argv++;
    argc--;
    rc = take_from_anywhere(&sh, argv, &argc);
    if (rc == 0 && strcmp(sh.command->flags, "*") != 0)
        rc = sh_options(&sh, sh.command->flags, &argv, &argc);
    if (rc == 0)
        rc = sh.command->run(&sh, argv, argc);
    if (fflush(stdout) != 0 && rc == 0)
        rc = sh_fail(&sh, "standard output can't be written");
    for (int i = 0; i < sh.store_count; i++) {
        dfs_disconnect(sh.stores[i]->dfs);
        free(sh.stores[i]);
    }
    if (rc < 0 || (rc == 0 && sh.errors > 0))
        return 1;
    return rc;
}

/* ---- help and usage ---- */

int cmd_usage(struct shell *sh, char **args, int count)
{
    if (count == 0)
        shell_print_usage(stdout, NULL);
    for (int i = 0; i < count; i++) {
        const struct command *c = shell_find(args[i]);

        if (!c)
            return sh_misused(sh, "`%s': Unknown command", args[i]);
        shell_print_usage(stdout, c);
    }
    return 0;
}

static void print_help(const struct command *c)
{
    printf("-%s %s :\n", c->name, c->usage);
    for (const char *line = c->about; line && *line;) {
        size_t n = strcspn(line, "\n");

        printf("  %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

int cmd_help(struct shell *sh, char **args, int count)
{
    if (count == 0) {
        shell_print_usage(stdout, NULL);
        for (const struct command *c = shell_commands; c->name; c++)
            if (c->about) {
                print_help(c);
                putchar('\n');
            }
    }
    for (int i = 0; i < count; i++) {
        const struct command *c = shell_find(args[i]);

        if (!c)
            return sh_misused(sh, "`%s': Unknown command", args[i]);
        print_help(c);
    }
    return 0;
}
