/* migrate.c -- `dfs migrate`: the program dfs-migrate beside this one, for it knows the namenode's and the datanodes' files. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/shell/tool.h"

enum { WORDS_MAX = 4096, NOT_RUN = 127 };

int migrate_main(struct conf *conf, int argc, char **argv)
{
    static char *words[WORDS_MAX];
    char path[PATH_MAX], *slash;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "/dfs-migrate");

    (void)conf;
    if (n < 0 || argc > WORDS_MAX - 2) {
        fprintf(stderr, "migrate: %s\n", n < 0 ? strerror(errno) : "too many words");
        return NOT_RUN;
    }
    path[n] = 0;
    slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "dfs-migrate");
    words[0] = path;
    memcpy(words + 1, argv, (size_t)argc * sizeof *argv);
    execv(path, words);
    fprintf(stderr, "migrate: %s: %s\n", path, strerror(errno));
    return NOT_RUN;
}
