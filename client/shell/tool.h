/* tool.h -- what `dfs` can do besides the shell: dfs admin, dfs fsck, dfs cacheadmin, ...
 *
 * tools.c has the table of them.  Most are tables of commands themselves.  What they print, what they
 * say when a command line makes no sense, and how they end is what Hadoop's tools of that name do.
 *
 * Thread:  one.
 */
#ifndef DFS_CLIENT_SHELL_TOOL_H
#define DFS_CLIENT_SHELL_TOOL_H

#include "client/fs.h"

struct tool;

struct tool_command {
    const char *name;  /* with its dash */
    const char *usage; /* "[-listPools [-stats] [<name>]]" */
    const char *about; /* what -help says after that */
    int (*run)(struct tool *t, char **args, int count);
    bool own; /* Hadoop's tool has it not: not among its usages, and known without its dash too */
};

struct tool {
    const char *name;
    const struct tool_command *commands; /* up to one without a name */
    const struct tool_command *command;  /* the one that runs */
    struct dfs *fs;
    struct arena arena;
};

extern const struct tool_command storage_policy_commands[], cache_commands[], ec_commands[];

/* ---- which there are ---- */

struct tool_entry {
    const char *name;
    const struct tool_command *commands; /* NULL: it has none of its own, but @run */
    int (*run)(struct conf *conf, int argc, char **argv);
};
const struct tool_entry *tool_find(const char *name); /* NULL: a word of the shell's */
int tool_run(struct conf *conf, const struct tool_entry *entry, int argc, char **argv);

int admin_main(struct conf *conf, int argc, char **argv);
int fsck_main(struct conf *conf, int argc, char **argv);
/* dfs sps [-once]: the storage policy satisfier, until a signal or, with -once, until nothing waits. */
int migrate_main(struct conf *conf, int argc, char **argv);
int sps_main(struct conf *conf, int argc, char **argv);
int snapshot_dirs_main(struct conf *conf, int argc, char **argv);
int snapshots_main(struct conf *conf, int argc, char **argv);
int snapshot_diff_main(struct conf *conf, int argc, char **argv);

/* ---- for them ---- */

/* A tool with its store and its arena; tool_end() gives both back. */
int tool_begin(struct conf *conf, const char *name, struct tool *out, struct err *err);
void tool_end(struct tool *t);

/* Takes "OPTION VALUE" out of the arguments: its value, or NULL. */
const char *tool_option(char **args, int *count, const char *option);
bool tool_flag(char **args, int *count, const char *flag);

int tool_misused(struct tool *t, const char *what); /* says it, and the usage; 1 */
/* "FileNotFoundException: /x ...": the exception as Hadoop's clients know it; 2. */
int tool_failed(struct tool *t, const struct err *err);

#endif
