/* store.h -- files by URI, wherever they are: hdfs://host:port/path through libdfs, file:/path here.
 *
 * Jobs read their input and write their output through this, so that the same code runs over the
 * store and, in `job run --local`, over a directory of this machine.  A path without a scheme
 * belongs to fs.defaultFS; a relative one to /user/NAME there, or to the working directory.
 * Connections are made when first needed and kept.
 *
 * Thread:  any that may wait; a store may be shared, a file is used by one thread at a time.
 * Memory:  what a call hands out is given back with the _free call named beside it.
 */
#ifndef DFS_COMPUTE_STORE_H
#define DFS_COMPUTE_STORE_H

#include <stdbool.h>

#include "client/dfs.h"
#include "common/env.h"

enum { STORE_URI_MAX = 4096 };

struct store;
struct store_file;

/* @default_uri NULL: fs.defaultFS.  @user NULL: this process's. */
int store_new(const struct conf *conf, const char *default_uri, const char *user,
              struct store **out, struct err *err);
void store_free(struct store *s);

/* The whole URI of @path: hdfs://host:port/a/b or file:/a/b. */
int store_qualify(struct store *s, const char *path, char *out, size_t n, struct err *err);
/* A path beside a directory's URI. */
int store_join(const char *dir, const char *name, char *out, size_t n, struct err *err);

struct store_entry {
    char *uri;
    bool is_dir;
    uint64_t length, block_size;
};
void store_entries_free(struct store_entry *list, size_t count);
void store_entry_done(struct store_entry *e);

int store_stat(struct store *s, const char *path, struct store_entry *out, struct err *err);
int store_list(struct store *s, const char *dir, struct store_entry **out, size_t *count,
               struct err *err); /* sorted by name */
/* Files in @dir and below, in one question; -ERR_NOENT: there is no such directory. */
int store_count_files(struct store *s, const char *dir, uint64_t *out, struct err *err);
/* What matches, sorted; a pattern without wildcards matches what exists. */
int store_glob(struct store *s, const char *pattern, struct store_entry **out, size_t *count,
               struct err *err);
/* Where the bytes are (dfs_blocks_free); none for a file of this machine. */
int store_blocks(struct store *s, const char *path, uint64_t length, struct dfs_block **out,
                 size_t *count, struct err *err);
int store_hosts(struct store *s, struct dfs_host **out, size_t *count, struct err *err);

int store_mkdirs(struct store *s, const char *path, struct err *err);
int store_rename(struct store *s, const char *from, const char *to, struct err *err);
int store_delete(struct store *s, const char *path, bool recursive, struct err *err);

int store_open(struct store *s, const char *path, uint64_t offset, struct store_file **out,
               struct err *err);
ssize_t store_read(struct store_file *f, void *buf, size_t n, struct err *err);
void store_read_stats(const struct store_file *f, struct dfs_read_stats *out);
void store_close_reader(struct store_file *f);

/* Creates, and replaces what was there. */
int store_create(struct store *s, const char *path, struct store_file **out, struct err *err);
int store_write(struct store_file *f, const void *bytes, size_t n, struct err *err);
/* What was written is on every datanode, and readers see it. */
int store_flush(struct store_file *f, struct err *err);
/* The file is whole only when this returned 0; it is gone as a handle either way. */
int store_close_writer(struct store_file *f, struct err *err);
void store_abandon(struct store_file *f);

#endif
