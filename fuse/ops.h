/* ops.h -- the calls of the kernel, each a function of libfuse's low level.
 *
 *   ops_names.c   lookup, getattr, setattr, mkdir, unlink, rmdir, rename, symlink, statfs, access
 *   ops_dirs.c    directories, read with attributes
 *   ops_file.c    open, create, read, write, flush, fsync, release, fallocate, copies
 *   ops_attr.c    extended attributes and ACLs
 *
 * Each answers its request exactly once.
 *
 * Thread:  any of libfuse's.
 */
#ifndef DFS_FUSE_OPS_H
#define DFS_FUSE_OPS_H

#include "fuse/mount.h"

/* The whole table, for fuse_session_new(). */
extern const struct fuse_lowlevel_ops mount_ops;

/* What a call knows of who makes it. Answers the request itself when false. */
struct call {
    struct mount *m;
    struct dfs *fs; /* as who asks */
    char path[PATH_TEXT_MAX];
    uint64_t asked; /* when the store was, last: changes.h */
    struct err err;
};
bool call_begin(struct call *c, fuse_req_t req, fuse_ino_t ino);
bool call_begin_child(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name);

/* Answers with what @rc, an -ERR_X, is to a program; 0: success. */
void call_end(struct call *c, fuse_req_t req, int rc);

/* Answers with the entry @name of @dir, found at c->path; takes what @st holds. */
void call_answer_entry(struct call *c, fuse_req_t req, fuse_ino_t dir, const char *name,
                       struct dfs_stat *st);
/* Fills an entry; false: no memory. */
bool entry_from(struct mount *m, fuse_ino_t dir, const char *name, const char *path,
                const struct dfs_stat *st, struct fuse_entry_param *out);

/* UTF-8, and not too long: else an errno. */
int name_check(const char *name);

void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t times);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set,
                struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode);
void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t dev);
void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t from_dir, const char *from, fuse_ino_t to_dir,
               const char *to, unsigned flags);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_access(fuse_req_t req, fuse_ino_t ino, int mask);

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                    struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t n, off_t at,
              struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t n,
                  struct fuse_file_info *fi);

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t n,
                 int flags);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
