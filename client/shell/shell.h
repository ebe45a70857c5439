/* shell.h -- what the commands of `dfs` are made of.
 *
 * A command is a row of commands.def and a function.  The row says which options it knows and how
 * many arguments it wants; that is checked before the function runs.  A path on the command line
 * becomes items, one for each match; each_item() hands them to the command one by one and goes on
 * after one that failed, as Hadoop's shell does.
 *
 * What a command prints, and how it fails, is Hadoop's: the same lines, on the same stream, with
 * the same exit code: 0; 1 when a path failed; 255 for a command line that makes no sense.
 *
 * Thread:  one; sh_fail any, and copies of items belong to whoever has them.
 * Design:  docs/design/client.md, "The shell"
 */
#ifndef DFS_CLIENT_SHELL_SHELL_H
#define DFS_CLIENT_SHELL_SHELL_H

#include <stdatomic.h>
#include <stdio.h>

#include "client/shell/store.h"

enum { SHELL_USAGE = 255, SHELL_OPTIONS_MAX = 16, SHELL_STORES_MAX = 16 };

extern const char shell_generic_options[]; /* what every usage ends with */

struct shell;

struct command {
    const char *name, *usage, *about;
    const char *flags;    /* options without a value, separated by blanks */
    const char *values;   /* options with one */
    const char *anywhere; /* options with one, also behind the arguments */
    int min, max;         /* arguments; max 0: any number */
    int (*run)(struct shell *sh, char **args, int count);
};

struct shell {
    struct conf *conf;
    struct store *stores[SHELL_STORES_MAX];
    int store_count;
    const struct command *command;
    const char *given[SHELL_OPTIONS_MAX], *given_values[SHELL_OPTIONS_MAX];
    int given_count;
    atomic_int errors; /* several files may be copied at a time */
};

/* ---- the table ---- */

#define COMMAND(fn, name, usage, flags, values, min, max, about)                                   \
    int cmd_##fn(struct shell *sh, char **args, int count);
#define COMMAND_POP COMMAND
#include "client/shell/commands.def"
#undef COMMAND
#undef COMMAND_POP

extern const struct command shell_commands[];
const struct command *shell_find(const char *name); /* with or without its dash */
int shell_run(struct conf *conf, int argc, char **argv);
void shell_print_usage(FILE *out, const struct command *only); /* NULL: all of them */

/* ---- options ---- */

bool sh_has(const struct shell *sh, const char *flag);
const char *sh_value(const struct shell *sh, const char *option); /* NULL: not given */

/* For commands that have "*" as flags and look at the words first: what is done with the others'
 * options before they run, and the check of the number of arguments. */
int sh_options(struct shell *sh, const char *flags, char ***args, int *count);
/* Takes a flag out of the arguments, wherever it stands; for commands that have "*" as flags. */
bool sh_pop(struct shell *sh, const char *flag, char **args, int *count);

/* ---- failing ---- */

/* Prints "name: ..." and counts it.  Always -1, so that failing is one statement. */
int sh_fail(struct shell *sh, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int sh_fail_err(struct shell *sh, const struct err *err);
/* Prints "-name: ..." and how the command is used; always SHELL_USAGE. */
int sh_misused(struct shell *sh, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same without the usage, for what Hadoop's shell meets as an exception that it did not expect;
 * the text is the exception. */
int sh_broken(struct shell *sh, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- paths ---- */

struct item {
    struct store *store;
    char *path;  /* absolute, in its store */
    char *shown; /* as the user wrote it, or would have */
    bool exists;
    struct dfs_stat stat;
};

void item_done(struct item *it);
void item_copy(const struct item *it, struct item *out); /* what a copy of a file needs */
int item_from(struct shell *sh, const char *text, struct item *out, struct err *err); /* no globs */
int item_local(struct shell *sh, const char *text, struct item *out, struct err *err);
/* Every match; a name without wildcards that matches nothing is one item that doesn't exist.
 * Prints what is wrong. */
int item_expand(struct shell *sh, const char *text, struct item **out, size_t *count);
void items_free(struct item *list, size_t count);
int item_child(const struct item *dir, const struct dfs_stat *stat, struct item *out);
int item_named(const struct item *dir, const char *name, struct item *out, struct err *err);
int item_children(const struct item *dir, struct item **out, size_t *count, struct err *err);
int item_refresh(struct item *it, struct err *err);
int item_parent_exists(const struct item *it, bool *out, struct err *err);
bool item_is_dir(const struct item *it);
const char *item_name(const struct item *it);              /* last component */
void item_url(const struct item *it, char *out, size_t n); /* with scheme and authority */
int sh_no_parent(struct shell *sh, const struct item *it);
int sh_default_store(struct shell *sh, struct store **out, struct err *err);
int sh_local_store(struct shell *sh, struct store **out, struct err *err);

/* Calls @present for each match of each argument and @missing (NULL: say so) for what isn't
 * there.  Both return 0, -1 after sh_fail, or SHELL_USAGE, which ends it. */
typedef int (*item_fn)(struct shell *sh, struct item *it);
int each_item(struct shell *sh, char **args, int count, item_fn present, item_fn missing);

/* Calls @each for an item, and with @deep for all that is below it, parents first. */
int walk_items(struct shell *sh, struct item *it, bool deep, item_fn each);

/* ---- formats ---- */

enum { HUMAN_MAX = 32 };
void human_size(uint64_t bytes, char *out);                      /* 1.2 M, as Hadoop rounds it */
void sh_size(const struct shell *sh, uint64_t bytes, char *out); /* by -h or in full */
void mode_text(uint16_t mode, char *out);                        /* rwxr-xr-t */
void time_text(uint64_t ms, bool seconds, bool utc, char *out, size_t n);

/* Columns as wide as their widest cell, two blanks between them. */
struct table;
struct table *table_new(int columns, unsigned right_aligned);
int table_add(struct table *t, const char *const *cells);
void table_print(struct table *t, FILE *out); /* and frees it */
void table_free(struct table *t);
int table_rows(const struct table *t);

#endif
