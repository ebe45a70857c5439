/* dfs.h -- libdfs: the store, from C.
 *
 * A struct dfs is one user's view of one store: a connection to its namenode, and connections to
 * datanodes as they are needed.  Paths are absolute, or relative to /user/NAME.  Everything
 * else (shell, mount, jobs) is built on this header and on nothing deeper.
 *
 *   struct dfs *fs;
 *   struct dfs_file *f;
 *   dfs_connect(conf, NULL, NULL, &fs, &err);
 *   dfs_open(fs, "/a", &f, &err);
 *   n = dfs_read(f, buf, sizeof buf, &err);
 *
 * Thread:  any thread that may wait; a struct dfs may be shared, a struct dfs_file is used by one
 *          thread at a time, except dfs_pread, which any number may call.
 * Memory:  what a call hands out is given back with the _free call named beside it.
 * Errors:  0 or -ERR_X (common/err.h); reads and writes return bytes.
 */
#ifndef DFS_CLIENT_DFS_H
#define DFS_CLIENT_DFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf.h"
#include "common/err.h"

struct dfs;
struct dfs_file;

/* @uri NULL: fs.defaultFS; @user NULL: $HADOOP_USER_NAME, else the process's user. */
int dfs_connect(const struct conf *conf, const char *uri, const char *user, struct dfs **out,
                struct err *err);
void dfs_disconnect(struct dfs *fs);
const char *dfs_uri(const struct dfs *fs); /* hdfs://host:port */
const char *dfs_user(const struct dfs *fs);

/* ---- names ---- */

enum dfs_kind { DFS_DIR = 1, DFS_FILE = 2, DFS_SYMLINK = 3 };

struct dfs_stat {
    char *path; /* full path; in a listing too */
    enum dfs_kind kind;
    uint64_t length, block_size, mtime_ms, atime_ms, inode_id;
    uint32_t replication, child_count;
    uint16_t mode; /* with sticky bit */
    char *owner, *group, *target;
    bool has_acl, is_encrypted, is_erasure_coded, is_snapshot_enabled;
    char *ec_policy; /* NULL: none */
    uint8_t storage_policy;
};
void dfs_stat_done(struct dfs_stat *st); /* frees what it holds, not the struct */

int dfs_stat(struct dfs *fs, const char *path, struct dfs_stat *out, struct err *err);

/* A listing, read in batches as it is walked; sorted by name.  A file lists itself. */
struct dfs_dir;
int dfs_opendir(struct dfs *fs, const char *path, struct dfs_dir **out, struct err *err);
int dfs_readdir(struct dfs_dir *d, const struct dfs_stat **out,
                struct err *err);     /* 1, 0 at the end */
void dfs_dir_take(struct dfs_dir *d); /* what the last entry holds is the caller's from now on */
void dfs_closedir(struct dfs_dir *d);

/* The whole listing at once. */
int dfs_list(struct dfs *fs, const char *path, struct dfs_stat **out, size_t *count,
             struct err *err);

/* Paths that match @pattern (Hadoop's globs: * ? [] [^] {a,b} and \), sorted; a pattern without
 * wildcards matches what exists. */
int dfs_glob(struct dfs *fs, const char *pattern, struct dfs_stat **out, size_t *count,
             struct err *err);
void dfs_stats_free(struct dfs_stat *list, size_t count);

int dfs_mkdirs(struct dfs *fs, const char *path, uint16_t mode, bool parents, struct err *err);
int dfs_rename(struct dfs *fs, const char *from, const char *to, bool overwrite, struct err *err);
/* Hadoop's older rename, which moves into an existing directory and answers no with false. */
int dfs_rename_into(struct dfs *fs, const char *from, const char *to, bool *moved, struct err *err);
int dfs_delete(struct dfs *fs, const char *path, bool recursive, bool *was_there, struct err *err);
int dfs_chmod(struct dfs *fs, const char *path, uint16_t mode, struct err *err);
int dfs_chown(struct dfs *fs, const char *path, const char *owner, const char *group,
              struct err *err); /* NULL: unchanged */
int dfs_utimes(struct dfs *fs, const char *path, int64_t mtime_ms, int64_t atime_ms,
               struct err *err); /* -1: unchanged */
int dfs_setrep(struct dfs *fs, const char *path, uint32_t replication, bool *is_file,
               struct err *err);

/* Cuts a file to @length; *done false: the last block is being recovered, and the file can't be
 * written until that is over. */
int dfs_truncate(struct dfs *fs, const char *path, uint64_t length, bool *done, struct err *err);
/* Moves the blocks of @sources, which then are gone, to the end of @target. */
int dfs_concat(struct dfs *fs, const char *target, const char *const *sources, size_t count,
               struct err *err);

/* May this user read (4), write (2) or execute (1) it?  0 or -ERR_ACCESS. */
int dfs_access(struct dfs *fs, const char *path, unsigned bits, struct err *err);
int dfs_is_closed(struct dfs *fs, const char *path, bool *closed, struct err *err);

struct dfs_content {
    uint64_t length, file_count, dir_count, space;
    int64_t quota, space_quota; /* -1: none */
    uint64_t snapshot_length, snapshot_file_count, snapshot_dir_count, snapshot_space;
    char *ec_policy;
};
int dfs_content(struct dfs *fs, const char *path, struct dfs_content *out, struct err *err);

struct dfs_space {
    uint64_t capacity, used, remaining, under_replicated, corrupt, missing;
};
int dfs_space(struct dfs *fs, struct dfs_space *out, struct err *err);

/* What the namenode gives to those who say nothing. */
struct dfs_server_defaults {
    uint64_t block_size, trash_interval_min;
    uint32_t replication;
};
int dfs_server_defaults(struct dfs *fs, struct dfs_server_defaults *out, struct err *err);

/* ---- where things are ---- */

struct dfs_host {
    char *name, *ip, *rack, *uuid; /* rack: /rack1 */
    uint16_t port;
};
struct dfs_block {
    uint64_t offset, length, block_id, gs;
    bool corrupt;
    struct dfs_host *hosts; /* nearest first */
    int host_count;
};
int dfs_blocks(struct dfs *fs, const char *path, uint64_t offset, uint64_t length,
               struct dfs_block **out, size_t *count, struct err *err);
void dfs_blocks_free(struct dfs_block *blocks, size_t count);
int dfs_datanodes(struct dfs *fs, struct dfs_host **out, size_t *count, struct err *err); /* live */
void dfs_hosts_free(struct dfs_host *hosts, size_t count);

/* ---- bytes ---- */

struct dfs_create {
    bool overwrite, append, make_parents;
    uint16_t mode;        /* 0: 0666; the umask is taken away */
    uint32_t replication; /* 0: dfs.replication */
    uint64_t block_size;  /* 0: dfs.blocksize */
    bool exact_mode;      /* leave the umask out */
};

int dfs_open(struct dfs *fs, const char *path, struct dfs_file **out, struct err *err);
int dfs_create(struct dfs *fs, const char *path, const struct dfs_create *how,
               struct dfs_file **out, struct err *err);

ssize_t dfs_read(struct dfs_file *f, void *buf, size_t n, struct err *err); /* 0: end of file */
ssize_t dfs_pread(struct dfs_file *f, void *buf, size_t n, uint64_t offset, struct err *err);
/* Writes up to @n bytes from the position to descriptor @fd, with no copy in between; returns how
 * many, 0 at the end of the file.  After an error the position is behind what was written. */
ssize_t dfs_read_to_fd(struct dfs_file *f, int fd, size_t n, struct err *err);
int dfs_seek(struct dfs_file *f, uint64_t offset, struct err *err);
uint64_t dfs_tell(const struct dfs_file *f);
uint64_t dfs_length(const struct dfs_file *f);

/* Writes all of it or fails; the bytes may wait in a packet until flushed or closed. */
int dfs_write(struct dfs_file *f, const void *buf, size_t n, struct err *err);
/* Writes up to @n bytes that are read from @fd; returns how many, 0 at its end. */
ssize_t dfs_write_from_fd(struct dfs_file *f, int fd, size_t n, struct err *err);
int dfs_hflush(struct dfs_file *f, struct err *err); /* on every datanode of the pipeline */
int dfs_hsync(struct dfs_file *f, struct err *err);  /* on their disks */

/* A written file is whole, and counted, only when this returned 0.  The handle is gone either
 * way. */
int dfs_close(struct dfs_file *f, struct err *err);
void dfs_abandon(struct dfs_file *f); /* closes without completing; the lease will expire */

/* How the bytes came: for job counters and tests. */
struct dfs_read_stats {
    uint64_t local_bytes, remote_bytes, short_circuit_bytes;
};
void dfs_file_read_stats(const struct dfs_file *f, struct dfs_read_stats *out);

/* Checksum of a file as Hadoop's getFileChecksum: algorithm name and bytes. */
struct dfs_checksum {
    char algorithm[64];
    uint8_t bytes[64];
    size_t n;
};
int dfs_file_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out, struct err *err);

#endif
