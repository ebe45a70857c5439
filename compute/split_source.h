/* split_source.h -- the plain bytes of a split, packed or not, and where the split ends among them.
 *
 * Opens a file of the store at a split.  A packed file (by its ending) comes out unpacked; but for bzip2 it
 * is one split as a whole.  A bzip2 file can be cut anywhere: of a split come the blocks that begin
 * in it, and then, for the last line, the blocks behind it.  Each is unpacked by itself: found by the
 * 48 bits that it begins with, moved to a whole byte, and given a head and a tail.
 *
 * source_end() is the offset, among the bytes that come out, that lines.h calls the split's end; of a
 * bzip2 split it is known when the first block behind it is reached.  What one read gives lies on one
 * side of it.
 *
 * Thread:  one at a time.
 * Errors:  ERR_CORRUPT when it can't be unpacked; those of the store.
 */
#ifndef DFS_COMPUTE_SPLIT_SOURCE_H
#define DFS_COMPUTE_SPLIT_SOURCE_H

#include "client/shell/unpack.h"
#include "compute/store.h"

struct split_source;

int source_open(struct store *s, const char *path, uint64_t start, uint64_t length,
                struct split_source **out, struct err *err);
void source_close(struct split_source *s);                               /* NULL is allowed */
ssize_t source_read(void *source, void *buf, size_t n, struct err *err); /* 0: end of the file */

/* Of the bytes that come out: where the first stands (0 for packed files), and where the split ends. */
uint64_t source_start(const struct split_source *s);
uint64_t source_end(
    const struct split_source *s); /* UINT64_MAX: not known yet, or the file's end */
bool source_is_first(const struct split_source *s); /* the first bytes are the file's first */
bool source_is_packed(const struct split_source *s);
/* Bytes of the file that were read, of the split's length. */
uint64_t source_done(const struct split_source *s);
void source_read_stats(const struct split_source *s, struct dfs_read_stats *out);

#endif
