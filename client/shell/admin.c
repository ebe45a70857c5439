/* admin.c -- dfs admin: placeholder until its commands are here. */
#include "client/shell/shell.h"

int shell_admin(struct conf *conf, int argc, char **argv)
{
    (void)conf;
    (void)argc;
    (void)argv;
    fprintf(stderr, "dfs admin: not supported yet\n");
    return 1;
}
