/* stage.h -- bytes of a file that wait on the local disk until they are committed.
 *
 * A stage is a sparse local file without a name and a list of the ranges in it that count: those that
 * were written since the last commit.  Where no range is, the file's bytes are what the store has,
 * and zero beyond its end.
 *
 * Always true: ranges are in order, do not touch each other, and are not empty.
 *
 * Thread:  that of the file it belongs to (its lock).
 */
#ifndef DFS_FUSE_STAGE_H
#define DFS_FUSE_STAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "fuse/mount.h"

enum { STAGE_RANGES_MAX = 65536 }; /* then it is full */

struct range {
    uint64_t from, to;
};

struct stage {
    int fd;
    struct range *ranges;
    size_t count, cap;
    uint64_t bytes; /* in all ranges */
};

int stage_new(const char *dir, struct stage **out, struct err *err);
void stage_free(struct stage *s); /* NULL is allowed */

/* ERR_LIMIT: too many ranges; nothing has changed, and after a commit there is room. */
int stage_write(struct stage *s, const void *bytes, size_t n, uint64_t at, struct err *err);
int stage_zero(struct stage *s, uint64_t from, uint64_t to, struct err *err);
void stage_cut(struct stage *s, uint64_t length); /* forgets what is behind */
void stage_clear(struct stage *s);

/* How many bytes from @at on, at most @n, are all staged (*staged) or all not. */
size_t stage_run(const struct stage *s, uint64_t at, size_t n, bool *staged);
/* Does any range touch [@from, @to)? */
bool stage_touches(const struct stage *s, uint64_t from, uint64_t to);
int stage_read(const struct stage *s, void *buf, size_t n, uint64_t at, struct err *err);

#endif
