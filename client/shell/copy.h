/* copy.h -- what put, get, cp and mv have in common: where each source goes, and how it gets
 * there.
 *
 * A single source goes to the destination, or into it when that is a directory; several need a
 * directory.  A file is written as NAME._COPYING_ and renamed when it is whole, so that nobody
 * sees half a file under its final name.  With -t several files are copied at a time; directories are
 * made, and names checked, by the shell's one thread.
 */
#ifndef DFS_CLIENT_SHELL_COPY_H
#define DFS_CLIENT_SHELL_COPY_H

#include "client/shell/shell.h"

struct crew;

struct copy {
    struct item dst;
    int threads, queue_max; /* 0 or 1: files are copied one after the other */
    struct crew *crew;      /* which copies several at a time, from the first file on */
    bool overwrite, direct, lazy, merge_dirs;
    bool keep_times, keep_owner, keep_mode, keep_acl, keep_xattrs;
    /* Called for a file and its target instead of copying; and after a source is copied. */
    int (*move)(struct shell *sh, struct item *src, struct item *target);
    int (*after)(struct shell *sh, struct item *src);
};

/* -t and -q, which want numbers. */
int copy_take_threads(struct shell *sh, struct copy *c);
/* Waits for what other threads still copy; what failed is counted then. */
void copy_wait(struct copy *c);
/* Takes the last argument as the destination ("." when there is only one). */
int copy_to_store(struct shell *sh, struct copy *c, char **args, int *count);
int copy_to_local(struct shell *sh, struct copy *c, char **args, int *count);
/* Checks the destination, then brings each item there. */
int copy_check(struct shell *sh, struct copy *c, int sources);
int copy_run(struct shell *sh, struct copy *c, char **args, int count); /* sources; frees dst */
int copy_item(struct shell *sh, struct copy *c, struct item *src);
int copy_stream(struct shell *sh, struct copy *c, struct stream *from, uint64_t total,
                struct item *target);
/* Where @src goes: the destination, or a child of it. */
int copy_target(struct shell *sh, const struct copy *c, const struct item *src, bool inside,
                struct item *out);

#endif
