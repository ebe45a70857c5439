/* stream.c -- a file of the store: opened to be read, or to append, and flushed. */
#include "fuse/file.h"

int file_append(struct file *f, struct dfs_file **out, struct err *err)
{
    struct dfs_create how = {.append = true, .by_id = true, .sync = DFS_SYNC_FULL};
    int rc = dfs_create(f->fs, f->path, &how, out, err);

    if (rc == -ERR_UNSUPPORTED) { /* it is striped */
        how.new_block = true;
        rc = dfs_create(f->fs, f->path, &how, out, err);
    }
    return rc == -ERR_ACCESS ? dfs_create(f->m->own, f->path, &how, out, err) : rc;
}

int file_open_reader(struct file *f, struct dfs *fs, struct dfs_file **out, struct err *err)
{
    int rc = dfs_open(fs, f->path, out, err);

    return rc == -ERR_ACCESS ? dfs_open(f->m->own, f->path, out, err) : rc;
}

/* Nothing of a group is safe before it has ended: the stream is closed, and goes on behind it. */
static int end_group(struct file *f, struct err *err)
{
    struct dfs_file *w = f->writer;
    int rc;

    f->writer = NULL;
    rc = dfs_close(w, err);
    if (rc == 0)
        rc = file_append(f, &f->writer, err);
    if (rc == 0 && dfs_tell(f->writer) != f->size)
        rc = err_set(err, ERR_WRITER, "%s: somebody else wrote to it", f->path);
    return rc;
}

int file_flush_writer(struct file *f, unsigned how, struct err *err)
{
    struct err why = {0};
    int rc;

    if (!dfs_is_striped(f->writer))
        return dfs_flush(f->writer, how, err);
    rc = f->visible < f->size ? end_group(f, &why) : 0;
    if (rc < 0 && !f->failed.code)
        f->failed = why;
    if (rc < 0 && err)
        *err = why;
    return rc;
}
