/* file.h -- a file that somebody has open through this mount: where its bytes are.
 *
 *   CLEAN    in the store, closed; nothing here
 *   HELD     all of them here in memory, at most HELD_MAX; the store has an empty file
 *   STREAM   in the store, up to where a writer of libdfs is: bytes come in order
 *   STAGED   in the store up to base_length, but for the ranges in the stage (stage.h)
 *
 *            write at 0 of an empty file                write at the end
 *   CLEAN  ------------------------------> HELD   CLEAN ------------------> STREAM
 *   HELD   -- grows too long, or fsync ---------------------------------->  STREAM
 *   CLEAN, STREAM -- write elsewhere, truncate --> STAGED   (a stream is closed first)
 *   HELD   -- write far behind its end -----> STAGED
 *   any    -- close, idle, fsync (STAGED) --> CLEAN
 *
 * A file is shared by all handles of one inode. After a failed commit what is staged or held stays,
 * the error is reported, and the next commit tries again; a stream that failed is lost from where
 * it failed on, and every later call says so.
 *
 * A file whose last name goes while it is open gets another name (ops_names.c), and is deleted when
 * it is closed.
 *
 * Thread:  any; a file's lock is held while it talks to the store for writing.  Order: file, then table; with
 *          the table's, a file's is only tried.
 * Memory:  HELD bytes of all files together at most HELD_ALL_MAX; beyond, files stream at once.
 */
#ifndef DFS_FUSE_FILE_H
#define DFS_FUSE_FILE_H

#include <pthread.h>

#include "fuse/mount.h"
#include "fuse/stage.h"
#include "fuse/window.h"

enum {
    HELD_MAX = 1 << 20,
    HELD_ALL_MAX = 48 << 20,
    GAP_MAX = 1 << 20, /* a stream fills a hole of so many bytes with zeros */
    STREAMS_MAX = 16,  /* each has some MiB under way; one more ends the one that is idle longest */
};

/* How names begin that are not to be seen in a listing. */
#define FILE_HIDDEN ".dfs-fuse-"

enum file_state { FILE_CLEAN, FILE_HELD, FILE_STREAM, FILE_STAGED };

struct file {
    struct file *next; /* in the table */
    struct mount *m;
    fuse_ino_t ino;
    char path[64];        /* by number */
    int handles;          /* with the table's lock */
    uint64_t taken;       /* how many there ever were; with the table's lock */
    pthread_mutex_t lock; /* what follows */
    struct handle *open;
    enum file_state state;
    struct dfs *fs;          /* of who wrote last */
    uint64_t size, mtime_ms; /* as programs see it; counts while not CLEAN */
    uint64_t gen;            /* how often the store's bytes have changed: readers follow */
    uint64_t synced_gen;     /* 1 more than the generation that is known to be on disks */
    uint64_t visible;        /* STREAM: bytes that a new reader would see */
    struct dfs_file *writer; /* HELD: of a file just made, or NULL; STREAM */
    char *held;
    size_t held_cap;
    struct stage *stage;
    uint64_t base_length;
    struct dfs_file *base;              /* STAGED: reads what is not staged */
    bool shared;                        /* written to after a close: others have the descriptor */
    bool has_times;                     /* to be set after the commit, which changes them */
    int64_t set_mtime_ms, set_atime_ms; /* -1: as they are */
    struct err failed;                  /* of a stream, or of an idle commit; code 0: well */
    uint64_t used_ms;                   /* last written */
    char *hidden;                       /* its path since it was unlinked; NULL: it has its name */
};

/* What a handle reads from; replaced, not changed, when the store's bytes have. */
struct reading;

struct handle {
    struct file *f;
    struct dfs *fs;
    int flags;
    struct handle *next, **link; /* those of the file; with its lock */
    pthread_mutex_t lock;        /* reading */
    struct reading *reading;
};

int files_new(struct mount *m, struct files **out, struct err *err);
/* Nobody calls any more; what is still open is given up, and gone if it has no name. */
void files_free(struct files *fs);
/* The file of an inode, made when nobody has it open: of @size in the store, as that said when it was @asked
 * (changes.h).  One more handle. */
int files_open(struct files *all, fuse_ino_t ino, struct dfs *fs, uint64_t size, uint64_t asked,
               struct file **out, struct err *err);
/* The same if somebody has it open; else NULL. */
struct file *files_find(struct files *all, fuse_ino_t ino);
bool files_any(struct files *all); /* is any file open? */
/* A handle; @reader (may be NULL) becomes what it reads from. */
int handle_new(struct file *f, struct dfs *fs, int flags, struct dfs_file *reader,
               struct handle **out, struct err *err);
void handle_free(struct handle *h); /* not its file */
void files_close(struct file *f);   /* what is not committed is, or is lost */
/* Puts length and times of a file that is being written into @st. */
void files_show(struct files *all, fuse_ino_t ino, struct stat *st);
/* Commits what has been idle for so long; 0: all.  Returns how many failed. */
int files_commit_idle(struct files *all, uint64_t idle_ms);

/* ---- the bytes; each takes the lock ---- */

/* A writer of a file that was just made: it is HELD. */
void file_made(struct file *f, struct dfs_file *writer);
int file_write(struct file *f, struct dfs *fs, const void *bytes, size_t n, uint64_t at,
               bool append, struct err *err);
ssize_t file_read(struct handle *h, void *buf, size_t n, uint64_t at, struct err *err);
int file_truncate(struct file *f, struct dfs *fs, uint64_t size, struct err *err);
int file_zero(struct file *f, struct dfs *fs, uint64_t from, uint64_t to, struct err *err);
/* All that was written is on disks, and everybody's. @may_write: by a handle that may. */
int file_sync(struct file *f, bool may_write, struct err *err);
/* A descriptor was closed: all that was written is everybody's, but of a file that has no name any more. */
int file_flush(struct file *f, struct err *err);
uint64_t file_size(struct file *f);
bool file_is_written(struct file *f); /* here: what its handles see is what there is */
bool file_is_hidden(struct file *f);
/* It was unlinked, and is at @path until it is closed.  @fs may be NULL: as before. */
void file_hide(struct file *f, struct dfs *fs, const char *path);
/* Times that the file is to have; false: nothing is being written, the store can be told. */
bool file_set_times(struct file *f, int64_t mtime_ms, int64_t atime_ms);

/* ---- within, with the lock ---- */

/* To write at the file's end; its length is dfs_tell(). */
int file_append(struct file *f, struct dfs_file **out, struct err *err);
/* To read it. What was allowed at the opening stays allowed, though the mode may have changed since: who
 * mounted may be able to help. */
int file_open_reader(struct file *f, struct dfs *fs, struct dfs_file **out, struct err *err);
/* dfs_flush() of the stream, of a striped file too; a failure of that ends the stream. */
int file_flush_writer(struct file *f, unsigned how, struct err *err);
int file_settle(struct file *f, int rc, struct err *err); /* CLEAN again, or failed */
void file_count_staged(struct file *f, uint64_t before);

/* commit.c: what is staged becomes the store's, in one step; the file is CLEAN then. */
int file_commit_stage(struct file *f, bool sync, struct err *err);
int file_read_staged(struct file *f, char *buf, size_t n, uint64_t at, struct err *err);

#endif
