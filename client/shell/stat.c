/* stat.c -- dfs stat: facts about paths, by a format. */
#include <inttypes.h>
#include <string.h>

#include "client/shell/shell.h"

static const char *format = "%y";

static void print_time(uint64_t ms)
{
    char text[64];

    time_text(ms, true, true, text, sizeof text);
    fputs(text, stdout);
}

static void print_fact(const struct item *it, char letter)
{
    const struct dfs_stat *st = &it->stat;
    char mode[16];

    switch (letter) {
    case 'a': printf("%o", st->mode); break;
    case 'A':
        mode_text(st->mode, mode);
        fputs(mode, stdout);
        break;
    case 'b': printf("%" PRIu64, st->length); break;
    case 'F':
        fputs(st->kind == DFS_DIR    ? "directory"
              : st->kind == DFS_FILE ? "regular file"
                                     : "symbolic link",
              stdout);
        break;
    case 'g': fputs(st->group, stdout); break;
    case 'n': fputs(item_name(it), stdout); break;
    case 'o': printf("%" PRIu64, st->block_size); break;
    case 'r': printf("%u", st->replication); break;
    case 'u': fputs(st->owner, stdout); break;
    case 'x': print_time(st->atime_ms); break;
    case 'X': printf("%" PRIu64, st->atime_ms); break;
    case 'y': print_time(st->mtime_ms); break;
    case 'Y': printf("%" PRIu64, st->mtime_ms); break;
    default: putchar(letter);
    }
}

static int print_facts(struct shell *sh, struct item *it)
{
    (void)sh;
    for (const char *p = format; *p; p++) {
        if (*p == '%' && p[1])
            print_fact(it, *++p);
        else if (*p != '%')
            putchar(*p);
    }
    putchar('\n');
    return 0;
}

int cmd_stat(struct shell *sh, char **args, int count)
{
    if (strchr(args[0], '%')) {
        format = args[0];
        args++;
        count--;
    }
    return each_item(sh, args, count, print_facts, NULL);
}
