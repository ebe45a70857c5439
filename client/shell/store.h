/* store.h -- the file systems a command line can name: a store of datanodes, or this host's disk.
 *
 * One set of calls for both, so that a command does not care which of them a path is in.  Errors
 * of the local disk come with the same codes as those of the store.
 *
 * Thread:  one (the shell's).
 */
#ifndef DFS_CLIENT_SHELL_STORE_H
#define DFS_CLIENT_SHELL_STORE_H

#include "client/dfs.h"

struct store {
    struct dfs *dfs;  /* NULL: the local disk */
    char prefix[300]; /* hdfs://host:port, or file:// */
};

int store_stat(struct store *s, const char *path, struct dfs_stat *out, struct err *err);
int store_list(struct store *s, const char *path, struct dfs_stat **out, size_t *count,
               struct err *err);
int store_glob(struct store *s, const char *pattern, struct dfs_stat **out, size_t *count,
               struct err *err);
/* Sums of a file or a tree; on the local disk without quotas. */
int store_content(struct store *s, const char *path, struct dfs_content *out, struct err *err);
int store_mkdirs(struct store *s, const char *path, struct err *err);
int store_delete(struct store *s, const char *path, bool recursive, bool *was_there,
                 struct err *err);
/* Puts @from at @to, replacing a file there; and without replacing, as Hadoop's older rename. */
int store_replace(struct store *s, const char *from, const char *to, struct err *err);
int store_rename(struct store *s, const char *from, const char *to, bool *moved, struct err *err);
int store_chmod(struct store *s, const char *path, uint16_t mode, struct err *err);
int store_chown(struct store *s, const char *path, const char *owner, const char *group,
                struct err *err);
int store_utimes(struct store *s, const char *path, int64_t mtime_ms, int64_t atime_ms,
                 struct err *err);

/* A file of either kind, read or written from its beginning to its end. */
struct stream {
    struct dfs_file *file;
    int fd; /* -1: file is used */
    uint8_t *
        buf; /* of stream_move(), when it needs one: each stream's own, for several may be moved at a time */
};
int store_open(struct store *s, const char *path, struct stream *out, struct err *err);
int store_create(struct store *s, const char *path, const struct dfs_create *how,
                 struct stream *out, struct err *err);
ssize_t stream_read(struct stream *st, void *buf, size_t n, struct err *err);
int stream_write(struct stream *st, const void *buf, size_t n, struct err *err);
int stream_close(struct stream *st, struct err *err);
void stream_abandon(struct stream *st);

/* Moves up to @n bytes from one to the other the shortest way; 0 at the end. */
ssize_t stream_move(struct stream *from, struct stream *to, size_t n, struct err *err);

#endif
