/* ls.c -- dfs ls: names, sizes and times. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"

enum { GROUP = 100 }; /* entries whose columns are lined up together below a -R */

/* Column widths only ever grow within one command. */
struct widths {
    int replication, owner, group, size;
};
static struct widths wide;
static bool deep;

static const char *policy_of(const struct item *it)
{
    if (it->stat.kind == DFS_DIR)
        return it->stat.ec_policy ? it->stat.ec_policy : "";
    return it->stat.ec_policy ? it->stat.ec_policy : "Replicated";
}

static int number_width(uint64_t v)
{
    char text[HUMAN_MAX];

    return snprintf(text, sizeof text, "%" PRIu64, v);
}

static void widen(int *width, int n)
{
    if (n > *width)
        *width = n;
}

static void measure(struct shell *sh, const struct item *items, size_t count)
{
    char size[HUMAN_MAX];

    widen(&wide.replication, 3);
    widen(&wide.size, 10);
    for (size_t i = 0; i < count; i++) {
        sh_size(sh, items[i].stat.length, size);
        widen(&wide.replication, number_width(items[i].stat.replication));
        widen(&wide.owner, (int)strlen(items[i].stat.owner));
        widen(&wide.group, (int)strlen(items[i].stat.group));
        widen(&wide.size, (int)strlen(size));
    }
}

static void print_name(const char *name, bool printable_only)
{
    for (const char *p = name; *p; p++)
        putchar(printable_only && ((unsigned char)*p < ' ' || *p == 127) ? '?' : *p);
    putchar('\n');
}

static void print_item(struct shell *sh, const struct item *it)
{
    char mode[16], size[HUMAN_MAX], when[64], replication[16];
    bool is_dir = it->stat.kind == DFS_DIR;

    if (sh_has(sh, "C")) {
        print_name(it->shown, sh_has(sh, "q"));
        return;
    }
    mode_text(it->stat.mode, mode);
    sh_size(sh, it->stat.length, size);
    time_text(sh_has(sh, "u") ? it->stat.atime_ms : it->stat.mtime_ms, false, false, when,
              sizeof when);
    snprintf(replication, sizeof replication, "%u", it->stat.replication);
    printf("%c%s%c%*s %-*s %-*s ", is_dir ? 'd' : '-', mode, it->stat.has_acl ? '+' : ' ',
           wide.replication, is_dir ? "-" : replication, wide.owner, it->stat.owner, wide.group,
           it->stat.group);
    if (sh_has(sh, "e"))
        printf("%-10s ", policy_of(it));
    printf("%*s %s ", wide.size, size, when);
    print_name(it->shown, sh_has(sh, "q"));
}

/* ---- order ---- */

static struct shell *sorting; /* qsort has no place for it */

static int by_wish(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    int order = 0;

    if (sh_has(sorting, "t")) {
        uint64_t ta = sh_has(sorting, "u") ? a->stat.atime_ms : a->stat.mtime_ms;
        uint64_t tb = sh_has(sorting, "u") ? b->stat.atime_ms : b->stat.mtime_ms;

        order = ta < tb ? 1 : ta > tb ? -1 : 0;
    } else if (sh_has(sorting, "S")) {
        order = a->stat.length < b->stat.length ? 1 : a->stat.length > b->stat.length ? -1 : 0;
    }
    if (order == 0 && (sh_has(sorting, "t") || sh_has(sorting, "S")))
        return strcmp(a->path, b->path); /* the same either way round */
    if (order == 0)
        order = strcmp(a->path, b->path);
    return sh_has(sorting, "r") ? -order : order;
}

static void sort_items(struct shell *sh, struct item *items, size_t count)
{
    sorting = sh;
    if (deep)
        return; /* Hadoop's shell sorts only what is in one directory */
    if (count > 1 && (sh_has(sh, "t") || sh_has(sh, "S") || sh_has(sh, "r")))
        qsort(items, count, sizeof *items, by_wish);
}

/* ---- walking ---- */

static int list_dir(struct shell *sh, struct item *dir)
{
    struct item *items;
    struct err err;
    size_t count;

    if (item_children(dir, &items, &count, &err) < 0)
        return sh_fail_err(sh, &err);
    sort_items(sh, items, count);
    if (!deep && !sh_has(sh, "C") && count > 0)
        printf("Found %zu items\n", count);
    for (size_t i = 0; i < count; i++) {
        if (!deep ? i == 0 : i % GROUP == 0)
            measure(sh, &items[i], deep && count - i > GROUP ? GROUP : count - i);
        print_item(sh, &items[i]);
        if (deep && item_is_dir(&items[i]))
            list_dir(sh, &items[i]);
    }
    items_free(items, count);
    return 0;
}

static int list_item(struct shell *sh, struct item *it)
{
    if (item_is_dir(it) && !sh_has(sh, "d"))
        return list_dir(sh, it);
    measure(sh, it, 1);
    print_item(sh, it);
    return 0;
}

int cmd_ls(struct shell *sh, char **args, int count)
{
    static char here[] = ".", *home[] = {here};

    deep = deep || (sh_has(sh, "R") && !sh_has(sh, "d"));
    return count > 0 ? each_item(sh, args, count, list_item, NULL)
                     : each_item(sh, home, 1, list_item, NULL);
}

int cmd_lsr(struct shell *sh, char **args, int count)
{
    fprintf(stderr, "lsr: DEPRECATED: Please use 'ls -R' instead.\n");
    deep = true;
    return cmd_ls(sh, args, count);
}
