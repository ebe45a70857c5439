/* append.c -- dfs appendToFile: local bytes to the end of a file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/shell/shell.h"

enum { MOVE_BYTES = 8 << 20 };

static int pour(int fd, struct stream *out, struct err *err)
{
    struct stream from = {.fd = fd};
    ssize_t n;

    while ((n = stream_move(&from, out, MOVE_BYTES, err)) > 0)
        ;
    return (int)n;
}

static int pour_file(const char *path, struct stream *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
    struct stat st;

    if (fd < 0)
        return err_set(err, ERR_NOENT, "%s", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_ISDIR, "Is a directory");
    else
        rc = pour(fd, out, err);
    close(fd);
    return rc;
}

/* The file is made first, so that a source that isn't there leaves an empty one, as in Hadoop. */
static int open_target(struct shell *sh, struct item *dst, struct stream *out)
{
    const struct dfs_create create = {.make_parents = true},
                            append = {.append = true, .new_block = sh_has(sh, "n")};
    struct err err;

    if (!dst->exists && (store_create(dst->store, dst->path, &create, out, &err) < 0 ||
                         stream_close(out, &err) < 0))
        return sh_fail_err(sh, &err);
    return store_create(dst->store, dst->path, &append, out, &err) < 0 ? sh_fail_err(sh, &err) : 0;
}

static int check_stdin(struct shell *sh, char **args, int count)
{
    for (int i = 0; i < count - 1; i++)
        if (strcmp(args[i], "-") == 0 && count > 2)
            return sh_fail(sh, "stdin (-) must be the sole input argument when present");
    return 0;
}

/* Says which of @args could not be read; what came before it is in the file. */
static int pour_all(char **args, int count, struct stream *out, struct err *err)
{
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        rc =
            strcmp(args[i], "-") == 0 ? pour(STDIN_FILENO, out, err) : pour_file(args[i], out, err);
    return rc;
}

int cmd_append(struct shell *sh, char **args, int count)
{
    struct stream out;
    struct item *dst;
    struct err err, closing;
    size_t n;
    int rc;

    if (count < 2)
        return sh_fail(sh, "missing destination argument");
    rc = sh_options(sh, "n", &args, &count);
    if (rc == 0)
        rc = item_expand(sh, args[count - 1], &dst, &n);
    if (rc != 0)
        return rc;
    rc = n == 1 ? open_target(sh, &dst[0], &out)
                : sh_fail(sh, "`%s': Too many matches", args[count - 1]);
    items_free(dst, n);
    if (rc < 0)
        return rc;
    rc = check_stdin(sh, args, count);
    if (rc < 0) {
        stream_close(&out, NULL);
        return rc;
    }
    rc = pour_all(args, count - 1, &out, &err);
    if (stream_close(&out, &closing) < 0 && rc == 0) {
        rc = -1;
        err = closing;
    }
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}
