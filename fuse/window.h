/* window.h -- reading ahead for one handle that reads in order.
 *
 * The kernel asks for the next pieces of a file several at a time, and they arrive here in any order;
 * a window holds the last bytes of a stream from the store, so that each piece is there whichever
 * comes first. A reader that jumps about has none.
 *
 * Always true: at most WINDOWS_MAX windows have memory.
 *
 * Thread:  any; a window has a lock.
 */
#ifndef DFS_FUSE_WINDOW_H
#define DFS_FUSE_WINDOW_H

#include "fuse/mount.h"

enum {
    WINDOW_BYTES = 4 << 20,
    WINDOW_STEP = 1 << 20, /* bytes fetched at a time */
    WINDOWS_MAX = 16,
};

struct windows;
int windows_new(struct windows **out, struct err *err);
void windows_free(struct windows *all);

struct window;
/* Of @f, which must outlive it. */
int window_new(struct windows *all, struct dfs_file *f, struct window **out, struct err *err);
void window_free(struct window *w); /* NULL is allowed */

/* Up to @n bytes at @at; fewer only at the end of the file. */
ssize_t window_read(struct window *w, void *buf, size_t n, uint64_t at, struct err *err);

#endif
