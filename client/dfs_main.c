/* dfs_main.c -- the shell: `dfs ls /`, `dfs -put f /`, `dfs admin -report`. */
#include <stdio.h>
#include <string.h>

#include "client/shell/shell.h"
#include "client/shell/tool.h"
#include "common/conf.h"

/* -fs URI in front of the command is another way to say fs.defaultFS. */
static const char *take_fs(int *argc, char **argv)
{
    const char *uri = NULL;

    while (*argc > 2 && (strcmp(argv[1], "-fs") == 0 || strcmp(argv[1], "--fs") == 0)) {
        uri = argv[2];
        memmove(&argv[1], &argv[3], sizeof *argv * (size_t)(*argc - 2));
        *argc -= 2;
    }
    return uri;
}

int main(int argc, char **argv)
{
    struct conf_args args = {0};
    const struct tool_entry *tool;
    struct conf *conf = NULL;
    const char *uri;
    struct err err;
    int rc = conf_args_take(&argc, argv, &args, &err);

    uri = take_fs(&argc, argv);
    if (argc > 1 && strcmp(argv[1], "--help-config") == 0) {
        conf_print_help(stdout);
        conf_args_done(&args);
        return 0;
    }
    if (rc == 0)
        rc = conf_load(&args, &conf, &err);
    if (rc == 0 && uri)
        rc = conf_set(conf, "fs.defaultFS", uri, &err);
    if (rc < 0) {
        fprintf(stderr, "dfs: %s\n", err.text);
        conf_free(conf);
        conf_args_done(&args);
        return 1;
    }
    tool = argc > 1 ? tool_find(argv[1]) : NULL;
    rc = tool ? tool_run(conf, tool, argc - 2, argv + 2) : shell_run(conf, argc - 1, argv + 1);
    conf_free(conf);
    conf_args_done(&args);
    return rc;
}
