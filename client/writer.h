/* writer.h -- a file open for writing.
 *
 * Bytes are gathered in packets, packets go down the block's pipeline a few at a time and are kept
 * until they are acknowledged; when a datanode fails the pipeline is rebuilt and the packets that
 * nobody acknowledged are sent again.  A writer that failed for good stays failed: every later
 * call says why.
 *
 * Thread:  one at a time; writer_keep_alive any time, from the keeper.
 * Design:  docs/design/client.md, "Writing"
 */
#ifndef DFS_CLIENT_WRITER_H
#define DFS_CLIENT_WRITER_H

#include "client/fs.h"

struct writer;

int writer_create(struct dfs *fs, const char *path, const struct dfs_create *how,
                  struct writer **out, struct err *err);
int writer_append(struct dfs *fs, const char *path, const struct dfs_create *how,
                  struct writer **out, struct err *err); /* @how: by_id, made */

int writer_write(struct writer *w, const void *buf, size_t n, struct err *err);
/* Reads up to @n bytes from @fd straight into packets; how many, 0 at its end. */
ssize_t writer_copy_in(struct writer *w, int fd, size_t n, struct err *err);
int writer_flush(struct writer *w, unsigned how, struct err *err); /* enum dfs_flush */
int writer_end_block(struct writer *w, struct err *err);
int writer_close(struct writer *w, struct err *err); /* gone either way */
bool writer_is_striped(const struct writer *w);
void writer_abandon(struct writer *w);
uint64_t writer_tell(struct writer *w);

/* A heartbeat when nothing was sent for long; does nothing when the writer is busy. */
void writer_keep_alive(struct writer *w);

#endif
