/* touch.c -- dfs touchz and dfs touch: empty files, and times. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"
#include "common/env.h"

static int make_empty(struct shell *sh, struct item *it)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true, .stays_empty = true};
    struct stream st;
    struct err err;

    if (store_create(it->store, it->path, &how, &st, &err) < 0 || stream_close(&st, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

static int make_missing(struct shell *sh, struct item *it)
{
    bool there;
    struct err err;

    if (item_parent_exists(it, &there, &err) < 0)
        return sh_fail_err(sh, &err);
    return there ? make_empty(sh, it) : sh_no_parent(sh, it);
}

static int touch_existing(struct shell *sh, struct item *it)
{
    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (it->stat.length != 0)
        return sh_fail(sh, "`%s': Not a zero-length file", it->shown);
    return make_empty(sh, it);
}

int cmd_touchz(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, touch_existing, make_missing);
}

static int64_t touch_ms;

static int set_times(struct shell *sh, struct item *it)
{
    bool a = sh_has(sh, "a"), m = sh_has(sh, "m"), both = a == m;
    struct err err;

    if (store_utimes(it->store, it->path, m || both ? touch_ms : -1, a || both ? touch_ms : -1,
                     &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

static int touch_missing(struct shell *sh, struct item *it)
{
    int rc;

    if (sh_has(sh, "c"))
        return 0;
    rc = make_missing(sh, it);
    return rc == 0 ? set_times(sh, it) : rc;
}

/* As Java does it: a 13th month is the next year's first, and what follows is not looked at. */
static bool parse_time(const char *text)
{
    struct tm tm = {.tm_isdst = -1};

    if (sscanf(text, "%4d%2d%9d:%2d%2d%9d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    touch_ms = (int64_t)mktime(&tm) * 1000;
    return true;
}

int cmd_touch(struct shell *sh, char **args, int count)
{
    const char *text = sh_value(sh, "t");

    touch_ms = (int64_t)env_now_ms(env_posix());
    if (text && !parse_time(text))
        return sh_misused(sh,
                          "Unable to parse the specified timestamp %s. The expected format is "
                          "yyyyMMdd:HHmmss",
                          text);
    return each_item(sh, args, count, set_times, touch_missing);
}
