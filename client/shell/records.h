/* records.h -- a file of records being read from its beginning, as sequence.c and avro.c want it.
 *
 * Lengths in such a file come from a stranger: what is asked for is read only as far as the file goes,
 * and nothing longer than UNPACK_BLOCK_MAX.
 */
#ifndef DFS_CLIENT_SHELL_RECORDS_H
#define DFS_CLIENT_SHELL_RECORDS_H

#include <stdio.h>

#include "client/shell/store.h"
#include "client/shell/unpack.h"

enum { RECORDS_BUFFER = 256 << 10 };

struct records {
    struct stream *from; /* NULL: what is in the buffer is all */
    uint8_t buffer[RECORDS_BUFFER];
    size_t at, n;
    bool ended;
};

/* 1; 0 at the end of the file; an error when it ends inside. */
int records_take(struct records *r, void *out, size_t n, struct err *err);
/* The next @n bytes into @out, whose old ones are gone. */
int records_bytes(struct records *r, size_t n, struct buf *out, struct err *err);
int records_cut(struct err *err); /* says that the file ends too early */

#endif
