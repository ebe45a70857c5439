/* mount.h -- one mount: what its parts share, and what it was told.
 *
 * The parts, each with a header of its own:
 *
 *   users.h    who asks: a connection to the store for each user, names and numbers of users
 *   nodes.h    the kernel's inode numbers, and the paths by which the store knows them
 *   errnos.h   what the store's errors are to a program
 *   changes.h  what was changed through this mount while the store was asked
 *   stats.h    the store's status as a struct stat; what the kernel was told last
 *   file.h     a file that somebody has open: where its bytes are
 *   stage.h    bytes that wait on the local disk
 *   window.h   reading ahead
 *   acl.h      POSIX ACLs in the kernel's form
 *   links.h    symbolic links, which the store itself has not
 *   ops.h      the calls of the kernel
 *
 * Thread:  any of libfuse's threads; whatever changes after the start has a lock.
 * Design:  docs/design/mount.md
 */
#ifndef DFS_FUSE_MOUNT_H
#define DFS_FUSE_MOUNT_H

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/dfs.h"

enum {
    REQUEST_MAX = 1 << 20, /* bytes of one read or write; the kernel takes no more */
    PATH_TEXT_MAX = 4096,
};

struct changes;
struct users;
struct nodes;
struct seen;
struct files;
struct windows;

struct mount_options {
    char *source;     /* hdfs://host:port/dir; NULL: fs.defaultFS */
    char *user;       /* everybody is that one; NULL: each their own */
    char *stage_dir;  /* where bytes wait */
    char *stage_size; /* at most so many, with k m g */
    double attr_timeout, entry_timeout, negative_timeout;
    int wait_s;   /* operations wait so long for a store that is away */
    int idle_s;   /* a file not written for so long is committed */
    int readonly; /* ro */
    int threads;
    int readahead_kb;
    uint64_t stage_max; /* stage_size as a number */
};

struct mount {
    const struct conf *conf;
    struct mount_options o;
    struct dfs *own; /* as the user that mounted */
    struct users *users;
    struct nodes *nodes;
    struct seen *seen;
    struct files *files;
    struct windows *windows;
    struct fuse_session *session;
    bool can_splice; /* the namenode knows spliceFile and exchange */
    struct changes *changes;
};

static inline struct mount *mount_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

#endif
