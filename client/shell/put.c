/* put.c -- dfs put, copyFromLocal and moveFromLocal: from the local disk into the store. */
#include <string.h>
#include <unistd.h>

#include "client/shell/copy.h"

static int put_stdin(struct shell *sh, struct copy *c)
{
    struct stream from = {.fd = STDIN_FILENO};
    struct item target, in = {.path = (char[]){"/-"}};
    int rc = copy_target(sh, c, &in, false, &target);

    if (rc != 0)
        return rc;
    rc = copy_stream(sh, c, &from, 0, &target);
    item_done(&target);
    return rc;
}

static int put_all(struct shell *sh, struct copy *c, char **args, int count)
{
    int rc;

    if (count == 1 && strcmp(args[0], "-") == 0)
        return put_stdin(sh, c); /* into a directory that is not there, too */
    rc = copy_check(sh, c, count);
    if (rc != 0)
        return rc;
    for (int i = 0; i < count; i++) {
        struct item src;
        struct err err;

        if (item_local(sh, args[i], &src, &err) < 0) {
            sh_fail_err(sh, &err);
            continue;
        }
        if (!src.exists)
            sh_fail(sh, "`%s': No such file or directory", src.shown);
        else
            copy_item(sh, c, &src);
        item_done(&src);
    }
    copy_wait(c);
    return 0;
}

static int put(struct shell *sh, struct copy *c, char **args, int count)
{
    bool keep = sh_has(sh, "p");
    int rc;

    c->overwrite = sh_has(sh, "f");
    c->direct = sh_has(sh, "d");
    c->lazy = sh_has(sh, "l");
    c->keep_times = c->keep_owner = c->keep_mode = keep;
    rc = copy_take_threads(sh, c);
    if (rc == 0)
        rc = copy_to_store(sh, c, args, &count);
    if (rc == 0) {
        rc = put_all(sh, c, args, count);
        item_done(&c->dst);
    }
    return rc == SHELL_USAGE ? rc : 0;
}

int cmd_put(struct shell *sh, char **args, int count)
{
    struct copy c = {0};

    return put(sh, &c, args, count);
}

static int remove_source(struct shell *sh, struct item *src)
{
    struct err err;
    bool was_there;

    if (store_delete(src->store, src->path, false, &was_there, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

int cmd_move_from_local(struct shell *sh, char **args, int count)
{
    struct copy c = {.after = remove_source};

    return put(sh, &c, args, count);
}
