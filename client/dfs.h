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
struct dfs_block;

/* @uri NULL: fs.defaultFS; @user NULL: $HADOOP_USER_NAME, else the process's user. */
int dfs_connect(const struct conf *conf, const char *uri, const char *user, struct dfs **out,
                struct err *err);
/* The same as @user, for whom @real_user asks: whoever that is must be allowed to
 * (hadoop.proxyuser.NAME.*). */
int dfs_connect_as(const struct conf *conf, const char *uri, const char *real_user,
                   const char *user, struct dfs **out, struct err *err);
void dfs_disconnect(struct dfs *fs);
const char *dfs_uri(const struct dfs *fs); /* hdfs://host:port */
const char *dfs_user(const struct dfs *fs);
/* Every question of this connection waits so long for a namenode that is away or in safe mode; at
 * first it is what the configuration says, and safe mode is an error. */
void dfs_set_patience(struct dfs *fs, int ms);

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
/* One directory, with @mode as it is; @full_mode is what a default ACL's mask is laid upon. */
int dfs_mkdir(struct dfs *fs, const char *path, uint16_t mode, uint16_t full_mode, struct err *err);
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

/* ---- Ashlar's own: what plain Hadoop's namenodes refuse with ERR_NO_METHOD ---- */

/* @drop blocks of a file, from number @at on, make way for the next @take blocks of another. */
struct dfs_splice_run {
    uint32_t at, drop, take;
};
/* Changes the closed file @path in one step: its runs of blocks, in order and not touching, are replaced
 * by the blocks of @source (NULL: @take is 0 everywhere), a closed file beside it, which is gone then.
 * @blocks is what the file is known to have.  ERR_INVALID_REQUEST: it has others by now; nothing has
 * changed. */
int dfs_splice(struct dfs *fs, const char *path, const char *source,
               const struct dfs_splice_run *runs, size_t count, const struct dfs_block *blocks,
               size_t block_count, struct err *err);
/* The last step of a conversion: the closed file @path gets all blocks of @source, a closed file beside it with as
 * many bytes, which is gone then, and the policy of erasure codes, replication and block size of that; nothing else
 * of it changes.  @blocks and ERR_INVALID_REQUEST as above.  Where a snapshot has the file, the file is a new inode
 * then, like the old one in all else. */
int dfs_take_layout(struct dfs *fs, const char *path, const char *source,
                    const struct dfs_block *blocks, size_t block_count, size_t source_block_count,
                    struct err *err);
/* Two names change places, in one step. */
int dfs_exchange(struct dfs *fs, const char *a, const char *b, struct err *err);
bool dfs_can_splice(struct dfs *fs); /* does the namenode know both? */

/* ---- snapshots ---- */

/* @dir may, or may no longer, have snapshots; the superuser says so. */
int dfs_allow_snapshot(struct dfs *fs, const char *dir, bool allow, struct err *err);
/* @name NULL: one with the time in it.  *path (may be NULL) is where it is; free() it. */
int dfs_create_snapshot(struct dfs *fs, const char *dir, const char *name, char **path,
                        struct err *err);
int dfs_delete_snapshot(struct dfs *fs, const char *dir, const char *name, struct err *err);
int dfs_rename_snapshot(struct dfs *fs, const char *dir, const char *from, const char *to,
                        struct err *err);

/* ---- access control lists and extended attributes ---- */

enum dfs_acl_type { DFS_ACL_USER, DFS_ACL_GROUP, DFS_ACL_MASK, DFS_ACL_OTHER };
struct dfs_acl_entry {
    enum dfs_acl_type type;
    bool is_default; /* for what will be made in the directory */
    uint8_t perm;    /* rwx */
    char *name;      /* NULL: the owner, the group, or a mask or other */
};
/* The entries beyond those that the mode stands for, in Hadoop's order. */
int dfs_acl_get(struct dfs *fs, const char *path, struct dfs_acl_entry **out, size_t *count,
                struct err *err);
void dfs_acl_free(struct dfs_acl_entry *entries, size_t count);
enum dfs_acl_change { DFS_ACL_SET, DFS_ACL_ADD, DFS_ACL_TAKE, DFS_ACL_NO_DEFAULT, DFS_ACL_NONE };
/* The last two want no entries. */
int dfs_acl_change(struct dfs *fs, const char *path, enum dfs_acl_change change,
                   const struct dfs_acl_entry *entries, size_t count, struct err *err);

struct dfs_xattr {
    char *name; /* with its namespace: user.x */
    uint8_t *value;
    size_t n;
};
int dfs_xattr_set(struct dfs *fs, const char *path, const char *name, const void *value, size_t n,
                  struct err *err); /* made, or replaced */
/* Only made (ERR_EXISTS when it is there), or only replaced (ERR_NO_XATTR when it is not). */
enum dfs_xattr_set { DFS_XATTR_CREATE = 1, DFS_XATTR_REPLACE = 2 };
int dfs_xattr_set_how(struct dfs *fs, const char *path, const char *name, const void *value,
                      size_t n, unsigned how, struct err *err);
int dfs_xattr_remove(struct dfs *fs, const char *path, const char *name, struct err *err);
/* @name NULL: all that the user may see. */
int dfs_xattr_get(struct dfs *fs, const char *path, const char *name, struct dfs_xattr **out,
                  size_t *count, struct err *err);
void dfs_xattrs_free(struct dfs_xattr *list, size_t count);

/* May this user read (4), write (2) or execute (1) it?  0 or -ERR_ACCESS. */
int dfs_access(struct dfs *fs, const char *path, unsigned bits, struct err *err);
int dfs_is_closed(struct dfs *fs, const char *path, bool *closed, struct err *err);
/* Takes the file from its writer, who may be gone: with *closed false its last block is being
 * recovered, and the call is to be repeated. */
int dfs_recover_lease(struct dfs *fs, const char *path, bool *closed, struct err *err);

struct dfs_content {
    uint64_t length, file_count, dir_count, space;
    int64_t quota, space_quota; /* -1: none */
    uint64_t snapshot_length, snapshot_file_count, snapshot_dir_count, snapshot_space;
    char *ec_policy;
};
int dfs_content(struct dfs *fs, const char *path, struct dfs_content *out, struct err *err);

/* Quotas of a directory, and what counts against them; by storage type as well, whose numbers are
 * those of the protocol. */
enum { DFS_STORAGE_TYPES = 7 };
struct dfs_quota {
    uint64_t names_used, space_used;
    int64_t names, space; /* -1: none */
    uint64_t type_used[DFS_STORAGE_TYPES];
    int64_t type[DFS_STORAGE_TYPES];
};
int dfs_quota(struct dfs *fs, const char *path, struct dfs_quota *out, struct err *err);

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
    int unit;     /* of a block group: which of its units is there; else 0 */
    bool cached;  /* its replica is pinned in memory */
    bool leaving; /* it is being decommissioned or taken into maintenance, or that is done */
};
struct dfs_block {
    uint64_t offset, length, block_id, gs;
    bool corrupt;
    struct dfs_host *hosts; /* nearest first */
    int host_count;
    uint32_t cell_bytes, data_units; /* of a block group; else 0 */
};
int dfs_blocks(struct dfs *fs, const char *path, uint64_t offset, uint64_t length,
               struct dfs_block **out, size_t *count, struct err *err);
void dfs_blocks_free(struct dfs_block *blocks, size_t count);
int dfs_datanodes(struct dfs *fs, struct dfs_host **out, size_t *count, struct err *err); /* live */
void dfs_hosts_free(struct dfs_host *hosts, size_t count);

/* ---- bytes ---- */

/* Which blocks are on disks when they end: none, those that end because they are full, or all.  Of a striped file
 * all are, for there is no syncing them later. */
enum dfs_sync { DFS_SYNC_NONE, DFS_SYNC_FULL, DFS_SYNC_EVERY };

struct dfs_create {
    bool overwrite, append, make_parents;
    uint16_t mode;         /* 0: 0666; the umask is taken away */
    uint32_t replication;  /* 0: dfs.replication */
    uint64_t block_size;   /* 0: dfs.blocksize */
    bool exact_mode;       /* leave the umask out */
    uint16_t full_mode;    /* with exact_mode: what a default ACL's mask is laid upon; 0: mode */
    uint32_t flags;        /* Hadoop's CreateFlag bits; 0: CREATE */
    const char *ec_policy; /* NULL: the directory's; "replication": none */
    bool
        new_block; /* append: a last block that is not full stays as it is; striped files want that */
    bool stays_empty; /* nothing will be written: no block is asked for along with the file */
    bool by_id;       /* goes on with the inode, whatever becomes of its name */
    enum dfs_sync sync;
    struct dfs_stat *made; /* NULL, or gets what the file is like now: dfs_stat_done() */
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

/* Of a file that is written: nothing of a group is on datanodes for certain before it has ended, so
 * flushing does nothing. */
bool dfs_is_striped(const struct dfs_file *f);

/* Writes all of it or fails; the bytes may wait in a packet until flushed or closed. */
int dfs_write(struct dfs_file *f, const void *buf, size_t n, struct err *err);
/* Writes up to @n bytes that are read from @fd; returns how many, 0 at its end. */
ssize_t dfs_write_from_fd(struct dfs_file *f, int fd, size_t n, struct err *err);
int dfs_hflush(struct dfs_file *f, struct err *err); /* on every datanode of the pipeline */
int dfs_hsync(struct dfs_file *f, struct err *err);  /* on their disks */
/* Both at once, with DFS_FLUSH_LENGTH telling the namenode how long the file is now, so that a
 * status shows it while the file is being written. */
enum dfs_flush { DFS_FLUSH_SYNC = 1, DFS_FLUSH_LENGTH = 2 };
int dfs_flush(struct dfs_file *f, unsigned how, struct err *err);
/* What is written next begins a block of its own. */
int dfs_end_block(struct dfs_file *f, struct err *err);

/* A written file is whole, and counted, only when this returned 0.  The handle is gone either
 * way. */
int dfs_close(struct dfs_file *f, struct err *err);
void dfs_abandon(struct dfs_file *f); /* closes without completing; the lease will expire */

/* A number that changes with the bytes of a file open for reading: made of its length and the names of
 * its blocks.  *whole false: it only stands for the blocks asked for at the opening. */
uint64_t dfs_version(const struct dfs_file *f, bool *whole);

/* How the bytes came: for job counters and tests. */
struct dfs_read_stats {
    uint64_t local_bytes, remote_bytes, short_circuit_bytes;
};
void dfs_file_read_stats(const struct dfs_file *f, struct dfs_read_stats *out);

/* Positional reads that were asked of a second datanode too, those that it won, and those that found
 * no free thread and were done by the caller's. */
struct dfs_hedge_stats {
    uint64_t reads, wins, in_caller;
};
void dfs_hedge_stats(struct dfs *fs, struct dfs_hedge_stats *out);

/* Checksum of a file as Hadoop's getFileChecksum: algorithm name and bytes.  Which one it is says
 * dfs.checksum.combine.mode: the MD5 of the blocks' MD5s of their checksums, or the CRC of all the
 * bytes, which the sizes of blocks and chunks do not change.  A file whose blocks have checksums of
 * several types has no MD5: algorithm NONE, no bytes. */
struct dfs_checksum {
    char algorithm[64];
    uint8_t bytes[64];
    size_t n;
};
/* The CRC of all bytes, whatever dfs.checksum.combine.mode is; an empty file has none. */
int dfs_composite_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out,
                           struct err *err);
int dfs_file_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out, struct err *err);
/* Of the first @length bytes only; a file that is shorter is taken whole. */
int dfs_file_checksum_to(struct dfs *fs, const char *path, uint64_t length,
                         struct dfs_checksum *out, struct err *err);

#endif
