/* reader.h -- a file open for reading: which block, from which datanode, and what when that fails.
 *
 * A reader keeps a map of block locations, fetched for a stretch of the file and fetched again
 * when it missed or went stale, and a list of the datanodes that failed it.  A replica that does
 * not match its checksums is reported to the namenode and another one is read; the caller sees
 * only good bytes, or the error of the last replica that was tried.
 *
 * Thread:  reader_read, _seek, _copy_out: one at a time; reader_pread: any number beside them.
 */
#ifndef DFS_CLIENT_READER_H
#define DFS_CLIENT_READER_H

#include "client/fs.h"

struct reader;

int reader_open(struct dfs *fs, const char *path, struct reader **out, struct err *err);
void reader_close(struct reader *r); /* NULL is allowed */

ssize_t reader_read(struct reader *r, void *buf, size_t n, struct err *err);
ssize_t reader_pread(struct reader *r, void *buf, size_t n, uint64_t offset, struct err *err);
/* Writes up to @n bytes from the position to @fd as they come; how many, 0 at the end. */
ssize_t reader_copy_out(struct reader *r, int fd, size_t n, struct err *err);
int reader_seek(struct reader *r, uint64_t offset, struct err *err);
uint64_t reader_tell(const struct reader *r);
uint64_t reader_length(const struct reader *r);
uint64_t reader_version(const struct reader *r, bool *whole); /* as of its opening */
void reader_stats(const struct reader *r, struct dfs_read_stats *out);

#endif
