/* file.c -- a struct dfs_file is a reader or a writer. */
#include <stdlib.h>

#include "client/reader.h"
#include "client/writer.h"

struct dfs_file {
    struct reader *reader;
    struct writer *writer; /* one of the two */
};

static int file_new(struct dfs_file **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_set(err, ERR_NOMEM, "file");
}

int dfs_open(struct dfs *fs, const char *path, struct dfs_file **out, struct err *err)
{
    struct dfs_file *f;
    int rc = file_new(&f, err);

    if (rc == 0)
        rc = reader_open(fs, path, &f->reader, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

int dfs_create(struct dfs *fs, const char *path, const struct dfs_create *how,
               struct dfs_file **out, struct err *err)
{
    static const struct dfs_create plain = {.make_parents = true};
    struct dfs_file *f;
    int rc = file_new(&f, err);

    if (!how)
        how = &plain;
    if (rc == 0 && how->append)
        rc = writer_append(fs, path, how, &f->writer, err);
    else if (rc == 0)
        rc = writer_create(fs, path, how, &f->writer, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

bool dfs_is_striped(const struct dfs_file *f)
{
    return f->writer && writer_is_striped(f->writer);
}

static int not_for(struct err *err, const char *what)
{
    return err_set(err, ERR_STATE, "the file is not open for %s", what);
}

ssize_t dfs_read(struct dfs_file *f, void *buf, size_t n, struct err *err)
{
    return f->reader ? reader_read(f->reader, buf, n, err) : not_for(err, "reading");
}

ssize_t dfs_pread(struct dfs_file *f, void *buf, size_t n, uint64_t offset, struct err *err)
{
    return f->reader ? reader_pread(f->reader, buf, n, offset, err) : not_for(err, "reading");
}

ssize_t dfs_read_to_fd(struct dfs_file *f, int fd, size_t n, struct err *err)
{
    return f->reader ? reader_copy_out(f->reader, fd, n, err) : not_for(err, "reading");
}

int dfs_seek(struct dfs_file *f, uint64_t offset, struct err *err)
{
    return f->reader ? reader_seek(f->reader, offset, err) : not_for(err, "reading");
}

uint64_t dfs_tell(const struct dfs_file *f)
{
    return f->reader ? reader_tell(f->reader) : writer_tell(f->writer);
}

uint64_t dfs_length(const struct dfs_file *f)
{
    return f->reader ? reader_length(f->reader) : writer_tell(f->writer);
}

int dfs_write(struct dfs_file *f, const void *buf, size_t n, struct err *err)
{
    return f->writer ? writer_write(f->writer, buf, n, err) : not_for(err, "writing");
}

ssize_t dfs_write_from_fd(struct dfs_file *f, int fd, size_t n, struct err *err)
{
    return f->writer ? writer_copy_in(f->writer, fd, n, err) : not_for(err, "writing");
}

int dfs_hflush(struct dfs_file *f, struct err *err)
{
    return dfs_flush(f, 0, err);
}

int dfs_hsync(struct dfs_file *f, struct err *err)
{
    return dfs_flush(f, DFS_FLUSH_SYNC, err);
}

int dfs_flush(struct dfs_file *f, unsigned how, struct err *err)
{
    return f->writer ? writer_flush(f->writer, how, err) : not_for(err, "writing");
}

int dfs_end_block(struct dfs_file *f, struct err *err)
{
    return f->writer ? writer_end_block(f->writer, err) : not_for(err, "writing");
}

uint64_t dfs_version(const struct dfs_file *f, bool *whole)
{
    *whole = false;
    return f->reader ? reader_version(f->reader, whole) : 0;
}

int dfs_close(struct dfs_file *f, struct err *err)
{
    int rc = 0;

    if (!f)
        return 0;
    if (f->writer)
        rc = writer_close(f->writer, err);
    reader_close(f->reader);
    free(f);
    return rc;
}

void dfs_abandon(struct dfs_file *f)
{
    if (!f)
        return;
    if (f->writer)
        writer_abandon(f->writer);
    reader_close(f->reader);
    free(f);
}

void dfs_file_read_stats(const struct dfs_file *f, struct dfs_read_stats *out)
{
    *out = (struct dfs_read_stats){0};
    if (f->reader)
        reader_stats(f->reader, out);
}
